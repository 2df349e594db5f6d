"""Compiled modules of the workspace, kept in the supervisor's memory so that every forked child starts with them.

No bytecode file is ever written, so none can be stale or forged: an entry is used only if the file on disk has exactly the
source the entry was compiled from. Plain modules are compiled by the supervisor itself from the base content; test modules that
pytest rewrites come from runs on the base content alone.
"""
import importlib.machinery
import marshal
import warnings

LIMIT = 64 << 20


class Bytecode:
    def __init__(self):
        self.plain = {}
        self.rewritten = {}
        self.bytes = 0

    def compile(self, path, source):
        """Keeps the code of a module of the base content."""
        if path in self.plain or self.bytes + len(source) > LIMIT:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code = compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        self.plain[path] = (source, code)
        self.bytes += len(source)

    def accept(self, path, source, marshalled):
        """Keeps the rewritten code of a test module, as a run on the base content made it."""
        if path in self.rewritten or self.bytes + len(source) > LIMIT:
            return
        try:
            self.rewritten[path] = (source, marshal.loads(marshalled))
        except (ValueError, EOFError, TypeError):
            return
        self.bytes += len(source)

    def install(self, inside, notice):
        """In a child: serves the kept code, and tells `notice` which modules of the workspace were imported."""
        loader = importlib.machinery.SourceFileLoader
        original = loader.get_code
        plain = self.plain

        def get_code(self, fullname):
            path = self.path
            kept = plain.get(path)
            if kept is not None and self.get_data(path) == kept[0]:
                return kept[1]
            if inside(path):
                notice(path)
                return self.source_to_code(self.get_data(path), path)
            return original(self, fullname)

        loader.get_code = get_code

    def install_pytest(self, notice):
        """In a child: serves the rewritten code of test modules. Private to pytest, so its absence is no error."""
        try:
            from _pytest.assertion import rewrite
            original = rewrite._rewrite_test
        except (ImportError, AttributeError):
            return
        rewritten = self.rewritten

        def _rewrite_test(fn, config):
            path = str(fn)
            kept = rewritten.get(path)
            if kept is not None:
                with open(path, "rb") as file:
                    if file.read() == kept[0]:
                        import os
                        return os.stat(path), kept[1]
            status, code = original(fn, config)
            notice(path, code)
            return status, code

        if original.__code__.co_argcount == 2 and original.__code__.co_varnames[:2] == ("fn", "config"):
            rewrite._rewrite_test = _rewrite_test
