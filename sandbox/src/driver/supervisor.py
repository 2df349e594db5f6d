"""The long-lived process of a box: keeps the workspace, forks one child per request, and speaks frames with the outside.

It is the box's only process that holds the descriptors of the protocol. It makes itself undumpable, so that no process of the same
user can reach them through /proc or attach to it; a child can still kill it, and then the box is dead, which is never a pass.
"""
import base64
import errno
import gc
import importlib
import importlib.util
import os
import signal
import socket
import stat
import sys
import tempfile

import _patchwright_bytecode as bytecode
import _patchwright_identity as identity
import _patchwright_processes as processes
import _patchwright_run as run_module
import _patchwright_template as template
import _patchwright_wire as wire
import _patchwright_workspace as workspace

NEVER_PRELOADED = frozenset((
    "__main__", "antigravity", "this", "idlelib", "turtle", "tkinter", "readline", "rlcompleter", "test", "lib2to3",
    "ensurepip", "venv", "sitecustomize", "usercustomize", "curses", "distutils", "_distutils_hack", "pdb", "cProfile"))
# Third-party modules that are slow to import and do nothing but define things when they are.
PRELOADED_PACKAGES = frozenset(("numpy", "six", "attr", "attrs", "typing_extensions", "yaml", "dateutil", "pytz"))


class Supervisor:
    def __init__(self, source, bundle):
        self.bundle = bundle
        self.read_fd = self._aside(source)
        self.write_fd = self._aside(1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
        self.subreaper = processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)
        self.hidden = processes.prctl(processes.PR_SET_DUMPABLE, 0)
        self.family = processes.Family(processes.alone())
        self.bytecode = bytecode.Bytecode()
        self.preloaded = set()
        self.shadowed = None
        self.workspace = None
        self.template = None
        self.asked = {}
        self.hopeless = set()
        self.learned = False
        self.serial = 0
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wake_write)

    @staticmethod
    def _aside(fd):
        import fcntl
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)

    # Start.

    def hello(self):
        base = os.environ.get("PATCHWRIGHT_WORKSPACE") or tempfile.mkdtemp(prefix="patchwright-")
        base = os.path.realpath(base)
        self.root = os.path.join(base, "repo")
        self.scratch = os.path.join(base, "tmp")
        os.makedirs(self.scratch, exist_ok=True)
        self.workspace = workspace.Workspace(self.root)
        environment = identity.digest()
        pytest_version, trouble = self.preload()
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()
        wire.write_frame(self.write_fd, {
            "op": "hello", "protocol": 1, "python": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable,
            "pytest": pytest_version, "pytest_trouble": trouble, "environment": environment, "root": self.root, "subreaper": self.subreaper,
            "hidden": self.hidden})

    def preload(self):
        # sys.path without the workspace: whatever is imported here belongs to the image.
        import unittest.mock  # noqa: F401
        version, trouble = None, None
        try:
            import pytest
            version = pytest.__version__
        except Exception as error:
            trouble = "%s: %s" % (type(error).__name__, error)
        if version:
            for module in ("_pytest.assertion.rewrite", "_pytest.unraisableexception", "_pytest.threadexception"):
                quietly(module)
            self.preload_pytest()
        return version, trouble

    def preload_pytest(self):
        """Lets pytest import all it imports lazily, plugins included, by running it once on nothing."""
        pid_safe = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        path, environment, here = list(sys.path), dict(os.environ), os.getcwd()
        empty = tempfile.mkdtemp(dir=self.scratch)
        try:
            os.dup2(null, 2)
            import pytest
            os.chdir(empty)
            with open(os.path.join(empty, "test_nothing.py"), "w") as file:
                file.write("def test_nothing():\n    assert 1 == 1\n")
            pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", empty])
        except BaseException:
            pass
        finally:
            # Nobody's, and not to be written by every child anew.
            sys.stdout.flush()
            os.dup2(pid_safe, 2)
            os.close(pid_safe)
            os.close(null)
            sys.path[:] = path
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(here)
            sys.modules.pop("test_nothing", None)
            workspace.remove_tree(empty)
            importlib.invalidate_caches()

    # Requests.

    def serve(self):
        while True:
            try:
                header, body = wire.read_frame(self.read_fd)
            except wire.Closed:
                return
            operation = header.get("op")
            if operation == "stop":
                return
            try:
                reply, data = getattr(self, "do_" + operation)(header, body)
            except workspace.Refused as error:
                reply, data = {"op": "error", "kind": "refused", "message": str(error)}, b""
            except workspace.Unclean as error:
                reply, data = {"op": "error", "kind": "unclean", "message": str(error)}, b""
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                few = error.errno == errno.EAGAIN
                crowded = full and processes.exhausted(self.root) == (False, True)
                held = error.errno in (errno.EMFILE, errno.ENFILE)
                kind = "files" if crowded or held else "disk_full" if full else "processes" if few else "os"
                reply, data = {"op": "error", "kind": kind, "message": str(error)}, b""
            except MemoryError:
                reply, data = {"op": "error", "kind": "memory", "message": "out of memory"}, b""
            wire.write_frame(self.write_fd, reply, data)

    def do_put(self, header, body):
        at = 0
        for path, mode, size in header["files"]:
            self.workspace.put(os.fsencode(path), mode, body[at:at + size])
            at += size
        self.shadowed = None
        self.close_template()
        return {"op": "ok"}, b""

    def do_pull(self, header, body):
        """Reads one file back, through no link, up to a size."""
        path = os.fsencode(header["path"])
        self.workspace._check_parents(path)
        fd = os.open(self.workspace.absolute(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise workspace.Refused("not a regular file")
            parts, left = [], header["limit"]
            while left:
                part = os.read(fd, min(left, 1 << 20))
                if not part:
                    break
                parts.append(part)
                left -= len(part)
            return {"op": "ok"}, b"".join(parts)
        finally:
            os.close(fd)

    def do_run(self, header, body):
        self.ready_template(header)
        self.lay_over(header, body)
        run = run_module.Run(self, header)
        try:
            run.go()
        finally:
            run.close()
            if run.unclean is None:
                try:
                    self.workspace.repair()
                    workspace.remove_tree(run.temporary)
                except (workspace.Unclean, OSError, RecursionError) as error:
                    run.unclean = str(error)
        if header["kind"] != "command" and not header["overlay"] and run.exit == 0:
            self.learn(run)
            self.learned = True
        return run.reply(), run.output.kept()

    # The template.

    def from_template(self, run, event_write, out_write):
        """Forks a prepared pytest for the request; returns its process id, or None if the request needs one of its own."""
        header = run.header
        if self.template is None or header["kind"] != "pytest" or not header["overlay"]:
            return None
        if self.template.key != template.key_of(header):
            return None
        if not self.template.serves(header, self.workspace.files):
            return None
        message = {"request": run_module.request_of(header, self.root), "directory": os.path.join(self.root, header["cwd"]),
                   "environment": {"TMPDIR": run.temporary, "HOME": os.path.join(run.temporary, "home")}}
        pid = self.template.spawn(message, event_write, out_write)
        self.family.spared = {self.template.pid}
        if pid is None:
            self.close_template()
        return pid

    def order_spare(self):
        if self.template is not None:
            self.template.order_spare()

    def settle_spare(self):
        """Before processes that were left behind are looked for, it must be known which one was not."""
        if self.template is not None:
            spare = self.template.settle()
            if spare is not None:
                self.family.spared.add(spare)

    def ready_template(self, header):
        """Starts a template when it will pay, which is while no overlay is in place: it must know nothing but the base."""
        if header["kind"] != "pytest" or not header["overlay"] or not self.subreaper:
            return
        key = template.key_of(header)
        self.asked[key] = self.asked.get(key, 0) + 1
        if self.template is not None and self.template.key == key and self.template.usable:
            return
        self.close_template()
        if key in self.hopeless or not (self.learned or self.asked[key] > 1) or self.must_start_afresh(header):
            return
        self.start_template(header, key)
        if not self.template.wait_until_ready():
            self.hopeless.add(key)
            self.close_template()
        if self.workspace.repair() and self.template is not None:
            # A start that changes files would start differently the next time.
            self.hopeless.add(key)
            self.close_template()

    def start_template(self, header, key):
        here, there = socket.socketpair()
        read, write = os.pipe()
        os.set_blocking(read, False)
        run = run_module.Run(self, dict(header, overlay=[], select=None, coverage=False, nonce=""))
        pid = os.fork()
        if pid == 0:
            run.become_template(there, write)
        there.close()
        os.close(write)
        self.family.spared = {pid}
        self.template = template.Template(key, pid, here, read)

    def close_template(self):
        if self.template is not None:
            self.template.close()
            self.template = None
            self.family.spared = set()

    def lay_over(self, header, body):
        changes, at = [], 0
        for path, size in header["overlay"]:
            data = None if size is None else body[at:at + size]
            at += size or 0
            changes.append((os.fsencode(path), data))
        try:
            self.workspace.apply(changes)
        except BaseException:
            self.workspace.repair()
            raise

    def learn(self, run):
        """After a run on the base content: keeps bytecode and preloads modules for later children."""
        for event in run.learned:
            for path in event.get("sources", ()):
                relative = os.fsencode(path)[len(self.workspace.root) + 1:]
                entry = self.workspace.files.get(relative)
                if entry is not None and entry[1] is not None and entry[0] != "symlink":
                    self.bytecode.compile(path, entry[1])
            for path, code in event.get("rewritten", ()):
                relative = os.fsencode(path)[len(self.workspace.root) + 1:]
                entry = self.workspace.files.get(relative)
                if entry is not None and entry[1] is not None:
                    self.bytecode.accept(path, entry[1], base64.b64decode(code))
            blocked = self.shadowing_names()
            for name in event.get("modules", ()):
                if name not in sys.modules and name not in self.preloaded and name.split(".")[0] not in blocked:
                    self.preloaded.add(name)
                    if preloadable(name):
                        quietly(name)
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()

    def shadowing_names(self):
        """Top-level names that the workspace could give another meaning: none of them may come preloaded."""
        if self.shadowed is None:
            names = set()
            for path in self.workspace.files:
                parts = path.split(b"/")
                if parts[-1] == b"__init__.py" and len(parts) >= 2:
                    names.add(parts[-2])
                elif parts[-1].endswith(b".py") and len(parts) <= 3:
                    names.add(parts[-1][:-3])
            self.shadowed = frozenset(name.decode("utf-8", "replace") for name in names)
        return self.shadowed

    def must_start_afresh(self, header):
        """Whether a forked child would not behave like a new interpreter."""
        if any(name.startswith("PYTHON") and name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
               and os.environ.get(name) != value for name, value in header["env"]):
            return True
        loaded = set(name.split(".")[0] for name in sys.modules if not name.startswith("_patchwright"))
        names = set(self.shadowing_names())
        for path, _ in header["overlay"]:
            parts = path.split("/")
            if parts[-1].endswith(".py"):
                names.add(parts[-2] if parts[-1] == "__init__.py" and len(parts) > 1 else parts[-1][:-3])
        # A directory of tests may well have a module named like one of the standard library, deep inside a package.
        return any(name in loaded and self.importable(name) for name in names)

    def importable(self, name):
        for top in (b"", b"src", b"lib", b"python", b"tests", b"test"):
            prefix = os.path.join(top, os.fsencode(name)) if top else os.fsencode(name)
            for candidate in (prefix + b".py", prefix + b"/__init__.py"):
                if candidate in self.workspace.files or os.path.exists(self.workspace.absolute(candidate)):
                    return True
        return False


def quietly(name):
    try:
        importlib.import_module(name)
    except BaseException:
        pass


def preloadable(name):
    top = name.split(".")[0]
    if top in NEVER_PRELOADED or "._test" in name or ".test" in name:
        return False
    if top in PRELOADED_PACKAGES:
        return True
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return top in names
    module = importlib.util.find_spec(top)
    origin = getattr(module, "origin", None) or ""
    return origin in ("built-in", "frozen") or (
        origin.startswith(os.path.dirname(os.__file__)) and "site-packages" not in origin and "dist-packages" not in origin)
