"""Failures of candidates as short texts: the frames of the tested code, each with its line, and the exception.

pytest's own styles parse the source of every frame, its own and importlib's included, which takes longer than most tests. Nearly all
candidates fail, and what is believed of them is the report; this is what people and models read of it.
"""
import importlib
import linecache
import os
import sys
import traceback

FRAMES = 20
CHAIN = 8
BETWEEN = {
    "cause": "\nThe above exception was the direct cause of the following exception:\n\n",
    "context": "\nDuring handling of the above exception, another exception occurred:\n\n",
}


def install():
    """Has pytest explain exceptions so. Private to pytest: where it has another shape, everything stays as it was."""
    try:
        import pluggy
        import pytest
        from _pytest._code import code
        original = code.ExceptionInfo.getrepr
        native, whole = code.ReprTracebackNative, code.ReprExceptionInfo
    except (ImportError, AttributeError):
        return
    folders = (os.path.dirname(code.__file__), pytest.__file__, pluggy.__file__, importlib.__file__)
    tools = tuple(os.path.dirname(os.path.abspath(part)) + os.sep for part in folders)

    def getrepr(self, *args, **options):
        style = options.get("style", args[1] if len(args) > 1 else "long")
        locals_too = options.get("showlocals", args[0] if args else False)
        # "short" is what pytest takes for errors of collection; others may look for what only that style has.
        asking = sys._getframe(1).f_globals.get("__name__", "")
        ours = style == "native" or style == "short" and asking.startswith("_pytest.")
        if ours and not locals_too:
            try:
                return whole(reprtraceback=native(explained(self.value, tools)), reprcrash=self._getreprcrash())
            except Exception:
                pass
        return original(self, *args, **options)

    code.ExceptionInfo.getrepr = getrepr


def explained(value, tools):
    """Lines of text, as `traceback.format_exception` has them; raises for what it does not know."""
    parts = []
    seen = set()
    while value is not None and len(parts) < CHAIN and id(value) not in seen:
        if hasattr(value, "exceptions"):
            raise TypeError("a group of exceptions")
        seen.add(id(value))
        parts.append(one(value, tools))
        link = "cause" if value.__cause__ is not None else "context"
        value = value.__cause__ if link == "cause" else None if value.__suppress_context__ else value.__context__
        if value is not None:
            parts[-1].insert(0, BETWEEN[link])
    return [line for part in reversed(parts) for line in part]


def one(value, tools):
    frames = [(frame.f_code, line or 0) for frame, line in traceback.walk_tb(value.__traceback__)]
    hidden = ("<frozen importlib", "<_patchwright") + tools
    shown = [entry for entry in frames if not entry[0].co_filename.startswith(hidden)] or frames[-1:]
    lines = ["Traceback (most recent call last):\n"] if shown else []
    left_out = len(shown) - FRAMES
    for at, (code, line) in enumerate(shown):
        if left_out > 0 and FRAMES // 4 <= at < FRAMES // 4 + left_out:
            if at == FRAMES // 4:
                lines.append("  [%d frames left out]\n" % left_out)
            continue
        lines.append('  File "%s", line %d, in %s\n' % (code.co_filename, line, code.co_name))
        text = linecache.getline(code.co_filename, line).strip()
        if text:
            lines.append("    %s\n" % text)
    return lines + traceback.format_exception_only(type(value), value)
