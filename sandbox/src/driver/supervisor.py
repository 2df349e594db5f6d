"""The long-lived process of a box: keeps the workspace, forks one child per request, and speaks frames with the outside.

It is the box's only process that holds the descriptors of the protocol. It makes itself undumpable, so that no process of the same
user can reach them through /proc or attach to it; a child can still kill it, and then the box is dead, which is never a pass.
"""
import base64
import errno
import gc
import importlib
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
import tempfile
import time

import _patchwright_bytecode as bytecode
import _patchwright_child as child_module
import _patchwright_processes as processes
import _patchwright_template as template
import _patchwright_wire as wire
import _patchwright_workspace as workspace

EVENT_LIMIT = 48 << 20
EVENT_FD = 700
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
        self.cgroup_kills = oom_kills()
        pytest_version, trouble = self.preload()
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()
        wire.write_frame(self.write_fd, {
            "op": "hello", "protocol": 1, "python": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable,
            "pytest": pytest_version, "pytest_trouble": trouble, "root": self.root, "subreaper": self.subreaper,
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
                kind = "disk_full" if full else "processes" if few else "os"
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
        run = Run(self, header)
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
        message = {"request": request_of(header, self.root), "directory": os.path.join(self.root, header["cwd"]),
                   "environment": {"TMPDIR": run.temporary, "HOME": os.path.join(run.temporary, "home")}}
        pid = self.template.spawn(message, event_write, out_write)
        if pid is None:
            self.close_template()
        return pid

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
        run = Run(self, dict(header, overlay=[], select=None, coverage=False, nonce=""))
        pid = os.fork()
        if pid == 0:
            run.become_template(there, write)
        there.close()
        os.close(write)
        self.family.spared = pid
        self.template = template.Template(key, pid, here, read)

    def close_template(self):
        if self.template is not None:
            self.template.close()
            self.template = None
            self.family.spared = None

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


def oom_kills():
    """The kernel's count of processes killed for memory in this box; None where it cannot be read."""
    for path, key in (("/sys/fs/cgroup/memory.events", "oom_kill"), ("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill")):
        try:
            with open(path) as file:
                for line in file:
                    words = line.split()
                    if len(words) == 2 and words[0] == key:
                        return int(words[1])
        except (OSError, ValueError):
            pass
    return None


class Output:
    """The first and the last bytes of a stream."""

    def __init__(self, cap):
        self.half = max(cap // 2, 1)
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data):
        self.total += len(data)
        room = self.half - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        if data:
            self.tail += data
            if len(self.tail) > 2 * self.half:
                del self.tail[:-self.half]

    def kept(self):
        tail = self.tail[-self.half:]
        lost = self.total - len(self.head) - len(tail)
        between = b"\n[... %d bytes left out ...]\n" % lost if lost else b""
        return bytes(self.head) + between + bytes(tail)


class Run:
    """One child, from fork to reaping."""

    def __init__(self, supervisor, header):
        self.supervisor = supervisor
        self.header = header
        self.output = Output(header["output_kept"])
        self.events = bytearray()
        self.forwarded = 0
        self.learned = []
        self.killed = None
        self.unclean = None
        self.exit = None
        self.signal = None
        self.pid = None
        self.current = None
        self.fds = []
        self.full = False
        self.oom = None
        supervisor.serial += 1
        self.temporary = os.path.join(supervisor.scratch, "run-%d" % supervisor.serial)
        os.makedirs(os.path.join(self.temporary, "home"), exist_ok=True)

    def go(self):
        began = time.time()
        self.began = began
        self.before = oom_kills()
        event_read, event_write = self.pipe()
        out_read, out_write = self.pipe()
        fresh = self.header["kind"] != "command" and self.supervisor.must_start_afresh(self.header)
        self.pid = None if fresh else self.supervisor.from_template(self, event_write, out_write)
        if self.pid is None:
            self.pid = os.fork()
        if self.pid == 0:
            self.become_child(event_write, out_write, fresh)
        os.close(event_write)
        os.close(out_write)
        self.fds.remove(event_write)
        self.fds.remove(out_write)
        self.watch(event_read, out_read)
        self.elapsed = time.time() - began
        try:
            status = os.statvfs(self.supervisor.root)
            self.full = status.f_bavail * status.f_frsize < 65536
        except OSError:
            pass
        after = oom_kills()
        if self.before is not None and after is not None:
            self.oom = after > self.before

    def pipe(self):
        read, write = os.pipe()
        self.fds += [read, write]
        os.set_blocking(read, False)
        return read, write

    # The supervisor's side.

    def watch(self, event_read, out_read):
        header = self.header
        now = time.time()
        deadline = now + header["total"]
        self.quiet_until = now + header["silence"]
        self.hard = None
        open_fds = {event_read, out_read}
        ended = False
        checked = now
        poller = select.poll()
        for fd in (event_read, out_read, self.supervisor.wake_read, self.supervisor.read_fd):
            poller.register(fd, select.POLLIN | (0 if fd != self.supervisor.read_fd else select.POLLHUP))
        watching_host = True
        while not ended and self.killed is None:
            now = time.time()
            wait = min(deadline, self.quiet_until, self.hard or deadline) - now
            ready = poller.poll(max(1, int(min(wait, 0.25) * 1000) + 1))
            for fd, event in ready:
                if fd in open_fds:
                    if not self.take(fd, event_read):
                        poller.unregister(fd)
                        open_fds.discard(fd)
                elif fd == self.supervisor.wake_read:
                    drain(fd)
                elif fd == self.supervisor.read_fd and watching_host:
                    # Nothing is said during a run: readable means that the outside is gone or wants an end.
                    poller.unregister(fd)
                    watching_host = False
                    if event & (select.POLLHUP | select.POLLERR):
                        self.killed = "gone"
            ended = self.has_ended()
            now = time.time()
            if not ended and self.killed is None:
                self.check(now, deadline)
                if now - checked > 0.2:
                    checked = now
                    self.check_captured()
        if not self.supervisor.family.end(self.pid, ended):
            self.unclean = "processes of the tests could not be ended"
        if not ended:
            self.has_ended()
        for fd in open_fds:
            while self.take(fd, event_read, one=True):
                pass
        self.forward(True)

    def has_ended(self):
        if self.exit is not None or self.signal is not None:
            return True
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            self.signal = signal.SIGKILL
            return True
        if pid == 0:
            return False
        if os.WIFSIGNALED(status):
            self.signal = os.WTERMSIG(status)
        else:
            self.exit = os.WEXITSTATUS(status)
        return True

    def check(self, now, deadline):
        if now >= deadline:
            self.killed = "total"
        elif self.hard is not None and now >= self.hard:
            self.killed = "hang"
        elif now >= self.quiet_until:
            self.killed = "silence"
        elif self.output.total > self.header["output_limit"]:
            self.killed = "output"

    def check_captured(self):
        """Tools that capture output send it to an unlinked file, which is only seen from here."""
        for fd in ("1", "2"):
            try:
                status = os.stat("/proc/%d/fd/%s" % (self.pid, fd))
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and status.st_size > self.header["output_limit"]:
                self.killed = "output"

    def take(self, fd, event_fd, one=False):
        """Reads what is there; returns whether there may be more."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return not one
        except OSError:
            return False
        if not data:
            return False
        self.quiet_until = time.time() + self.header["silence"]
        if fd == event_fd:
            self.events += data
            self.forward(False)
        else:
            self.output.add(data)
        return True

    def forward(self, last):
        """Passes whole events on, and looks at those that concern the supervisor itself."""
        passed = bytearray()
        while len(self.events) >= 4:
            size = struct.unpack_from(">I", self.events)[0]
            if size > wire.MAX_HEADER:
                self.killed = self.killed or "events"
                break
            if len(self.events) < 4 + size:
                break
            raw = bytes(self.events[:4 + size])
            del self.events[:4 + size]
            self.look(raw, passed)
        if last:
            passed += self.events
        if passed:
            self.forwarded += len(passed)
            if self.forwarded > EVENT_LIMIT:
                self.killed = self.killed or "events"
                return
            wire.write_frame(self.supervisor.write_fd, {"op": "events"}, bytes(passed))

    def look(self, raw, passed):
        if b'"k": "learn"' in raw[:2000] or b'"k": "learn"' in raw[-200:]:
            try:
                self.learned.append(json.loads(raw[4:].decode("ascii")))
            except (ValueError, UnicodeDecodeError):
                pass
            return
        passed += raw
        if b'"k": "start"' in raw:
            try:
                limit = json.loads(raw[4:].decode("ascii"))["limit"]
                self.hard = time.time() + limit * 1.25 + 0.5
            except (ValueError, KeyError, TypeError, UnicodeDecodeError):
                self.killed = self.killed or "events"
        elif b'"k": "result"' in raw:
            self.hard = None

    def reply(self):
        return {"op": "done", "exit": self.exit, "signal": self.signal, "killed": self.killed, "unclean": self.unclean,
                "oom": self.oom, "full": self.full, "elapsed": self.elapsed, "printed": self.output.total}

    def close(self):
        for fd in self.fds:
            try:
                os.close(fd)
            except OSError:
                pass

    # The child's side.

    def become_child(self, event_write, out_write, fresh):
        code = 97
        try:
            self.prepare(event_write, out_write)
            if self.header["kind"] == "command":
                self.exec_command()
            elif fresh:
                self.exec_fresh()
            else:
                run_child(self.header, self.event_fd, self.supervisor.bytecode, self.supervisor.root)
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def become_template(self, control, out_write):
        try:
            self.prepare(os.open(os.devnull, os.O_WRONLY), out_write, control)
            processes.prctl(processes.PR_SET_DUMPABLE, 0)
            run_child(self.header, self.event_fd, self.supervisor.bytecode, self.supervisor.root, self.control)
        finally:
            os._exit(97)

    def prepare(self, event_write, out_write, control=None):
        import fcntl
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out_write, 1)
        os.dup2(out_write, 2)
        high = min(EVENT_FD, max(os.sysconf("SC_OPEN_MAX") - 20, 3))
        self.event_fd = fcntl.fcntl(event_write, fcntl.F_DUPFD_CLOEXEC, high)
        if control is not None:
            self.control = socket.socket(fileno=fcntl.fcntl(control.fileno(), fcntl.F_DUPFD_CLOEXEC, high + 1))
            control.detach()
        # The descriptors of the protocol go first of all.
        os.close(self.supervisor.read_fd)
        os.close(self.supervisor.write_fd)
        os.closerange(3, self.event_fd)
        processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
        processes.prctl(processes.PR_SET_DUMPABLE, 1)
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")
        except OSError:
            pass
        os.chdir(os.path.join(self.supervisor.root, self.header["cwd"]))
        environment = os.environ
        environment.pop("PATCHWRIGHT_WORKSPACE", None)
        environment["TMPDIR"] = self.temporary
        environment["HOME"] = os.path.join(self.temporary, "home")
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        for name, value in self.header["env"]:
            environment[name] = value
        tempfile.tempdir = None

    def exec_command(self):
        argv = self.header["argv"]
        try:
            os.execvp(argv[0], argv)
        except OSError as error:
            print("%s: %s" % (argv[0], error.strerror), file=sys.stderr, flush=True)
            os._exit(127 if error.errno == errno.ENOENT else 126)

    def exec_fresh(self):
        """Hands driver and request to a new interpreter, through a file that has no name."""
        file = tempfile.TemporaryFile()
        file.write(struct.pack(">I", len(self.supervisor.bundle)) + self.supervisor.bundle)
        os.set_inheritable(self.event_fd, True)
        file.write(wire.pack({"op": "fresh", "header": self.header, "events": self.event_fd, "root": self.supervisor.root}))
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        os.set_inheritable(file.fileno(), True)
        boot = json.loads(self.supervisor.bundle.decode("utf-8"))["boot"]
        os.execv(sys.executable, [sys.executable, "-B", "-c", boot, str(file.fileno())])


def drain(fd):
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def request_of(header, root):
    return {
        "root": root, "nonce": header["nonce"], "args": header["args"], "select": header["select"], "limit": header["limit"],
        "limits": header["limits"], "coverage": header["coverage"], "no_addopts": header["no_addopts"],
        "stop_failures": header["stop_failures"], "stop_timeouts": header["stop_timeouts"]}


def run_child(header, event_fd, kept, root, control=None):
    """Runs the tool in this process, and ends it. The exit code means nothing without the report's last event."""
    request = request_of(header, root)
    here = os.getcwd()
    paths = [os.path.join(here, part) if part else here
             for part in dict(header["env"]).get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:0] = paths
    if header["import_cwd"]:
        sys.path.insert(0, here)
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    loaded = set(sys.modules)
    child = child_module.Child(request, event_fd, kept)
    kept.install(child.inside, child.imported.append)
    tool = importlib.import_module("_patchwright_with_" + header["kind"])
    if control is not None:
        child.template = template.Host(control, root)

    def leave(code):
        learned = None if header["overlay"] or child.template else learn(child, loaded)
        child.complete(code, learned)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    leave(tool.run(child, leave))


def learn(child, loaded):
    modules = sorted(name for name in sys.modules if name not in loaded and not name.startswith("_patchwright"))
    outside = []
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None or not child.inside(os.path.abspath(file)):
            outside.append(name)
    rewritten = [(path, base64.b64encode(code).decode("ascii")) for path, code in child.rewritten]
    sources = [path for path in child.imported if isinstance(path, str)]
    if not (outside or rewritten or sources) or sum(len(code) for _, code in rewritten) > 16 << 20:
        return None
    return {"modules": outside[:2000], "sources": sources[:5000], "rewritten": rewritten}
