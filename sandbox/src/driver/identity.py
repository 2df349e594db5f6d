"""Which interpreter this is and what is installed in it, as one digest: results of tests are remembered under it."""
import hashlib
import os
import sys


def digest():
    """Names, sizes and times of the entries of every import folder; None where one of them cannot be listed.

    Installing, upgrading or removing a package changes an entry, or adds one. What is edited inside an installed package without
    its folder changing is not noticed.
    """
    found = hashlib.sha256()

    def add(*parts):
        found.update(repr(parts).encode("utf-8", "backslashreplace"))

    add(sys.version, os.path.realpath(sys.executable or ""))
    for folder in [os.path.dirname(os.path.realpath(sys.executable or "/"))] + sys.path:
        add(folder)
        if os.path.isfile(folder):
            add(stated(os.stat(folder)))
            continue
        try:
            with os.scandir(folder) as entries:
                listed = sorted((entry.name, entry) for entry in entries)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        if folder not in sys.path:
            # The interpreter's own folder has many programs in it; only interpreters matter here.
            listed = [(name, entry) for name, entry in listed if name.startswith("python")]
        for name, entry in listed:
            if name in ("__pycache__", ".pytest_cache"):
                continue
            try:
                add(name, stated(entry.stat()))
            except OSError:
                add(name)
    return found.hexdigest()


def stated(status):
    return status.st_size, status.st_mtime_ns
