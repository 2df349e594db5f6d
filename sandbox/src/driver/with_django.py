"""Django's own `tests/runtests.py`, run as a script with unittest's runner replaced by ours.

The script sets up settings, applications and databases; its runner hands a suite to `unittest.TextTestRunner`, and that is where we
come in. Wanted tests are given to the script as labels, so that it sets up and imports what they need and nothing else.
"""
import os
import re
import runpy
import sys
import unittest

import _patchwright_with_unittest as with_unittest

VALUES = ("--settings", "--verbosity", "-v", "--tag", "--exclude-tag", "-k", "--start-at", "--start-after", "--external-host",
          "--selenium", "--bisect", "--pair")
KEPT = ("--settings", "--tag", "--exclude-tag")
DROPPED = ("--parallel", "--failfast", "--reverse", "--pdb", "--bisect", "--pair", "--shuffle")
MOST_LABELS = 500


def run(child, leave):
    words = child.request["args"]
    at = next((at for at, word in enumerate(words) if os.path.basename(word) == "runtests.py"), None)
    if at is None:
        print("the command %r does not name runtests.py" % " ".join(words))
        return 4
    script = os.path.abspath(words[at])
    try:
        with open(script, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        print("%s cannot be read: %s" % (script, error))
        return 4
    runner = with_unittest.Runner(child)
    unittest.TextTestRunner.run = lambda self, suite: runner.run(suite)
    folder = os.path.dirname(script)
    sys.path[:0] = [folder, os.path.dirname(folder)]
    sys.argv = [script] + arguments(words[at + 1:], child.select, text)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if runner.code is None:
            print("runtests.py ended with %r before it ran a test" % (end.code,))
    return 4 if runner.code is None else runner.code


def arguments(words, select, text):
    """The script's own arguments; labels instead of them when tests are wanted, and one process where it knows of several."""
    kept = []
    words = list(words)
    while words:
        word = words.pop(0)
        name = word.split("=", 1)[0]
        value = [words.pop(0)] if words and name in VALUES and "=" not in word else []
        if name in DROPPED:
            if name in ("--parallel", "--shuffle") and "=" not in word and words and (words[0].isdigit() or words[0] == "auto"):
                del words[0]
            continue
        if select is None or name in KEPT:
            kept += [word] + value
    if '"--parallel"' in text or "'--parallel'" in text:
        kept.append("--parallel=1")
    return kept + (labels(select) if select is not None else [])


def labels(select):
    """The classes of the tests, or the modules when there are very many."""
    found = sorted(set(name.rsplit(".", 1)[0] if name.count(".") > 1 else name for name in select))
    if len(found) > MOST_LABELS:
        found = sorted(set(re.split(r"\.(?=[A-Z])", name)[0] for name in found))
    return found
