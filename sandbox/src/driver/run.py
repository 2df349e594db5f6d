"""One child of the supervisor, from fork to reaping: its limits, its output, its events, and how it becomes what it runs."""
import base64
import errno
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

import _patchwright_child as child_module
import _patchwright_processes as processes
import _patchwright_template as template
import _patchwright_wire as wire

EVENT_LIMIT = 48 << 20
EVENT_FD = 700


def counted(paths, key):
    """One of the kernel's counters of this box; None where it cannot be read."""
    for path in paths:
        try:
            with open(path) as file:
                for line in file:
                    words = line.split()
                    if len(words) == 2 and words[0] == key:
                        return int(words[1])
        except (OSError, ValueError):
            pass
    return None


def oom_kills():
    """How many processes were killed for memory."""
    return counted(("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"), "oom_kill")


def refused_forks():
    """How often a process was refused for the limit of processes."""
    return counted(("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events"), "max")


def more(before, after):
    return None if before is None or after is None else after > before


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
        self.crowded = False
        self.oom = None
        self.refused = None
        supervisor.serial += 1
        self.temporary = os.path.join(supervisor.scratch, "run-%d" % supervisor.serial)
        os.makedirs(os.path.join(self.temporary, "home"), exist_ok=True)

    def go(self):
        began = time.time()
        self.began = began
        before = oom_kills(), refused_forks()
        self.cpu_before = processes.cpu_seconds()
        event_read, event_write = self.pipe()
        out_read, out_write = self.pipe()
        fresh = self.header["kind"] != "command" and self.supervisor.must_start_afresh(self.header)
        self.pid = None if fresh else self.supervisor.from_template(self, event_write, out_write)
        if self.pid is None:
            self.pid = os.fork()
        if self.pid == 0:
            self.become_child(event_write, out_write, fresh)
        self.supervisor.order_spare()
        os.close(event_write)
        os.close(out_write)
        self.fds.remove(event_write)
        self.fds.remove(out_write)
        self.watch(event_read, out_read)
        self.elapsed = time.time() - began
        self.full, self.crowded = processes.exhausted(self.supervisor.root)
        self.oom = more(before[0], oom_kills())
        self.refused = more(before[1], refused_forks())

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
                    self.check_cpu(now)
        self.supervisor.settle_spare()
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

    def check_cpu(self, now):
        """Time of all processes together; each one alone has a limit of the kernel's as well."""
        if (now - self.began) * (os.cpu_count() or 1) < self.header["cpu"]:
            return
        if processes.cpu_seconds() - self.cpu_before >= self.header["cpu"]:
            self.killed = "cpu"

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
                "oom": self.oom, "refused": self.refused, "full": self.full, "crowded": self.crowded, "elapsed": self.elapsed, "printed": self.output.total}

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
        processes.limit_cpu(self.header["cpu"])
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
        "stop_failures": header["stop_failures"], "stop_timeouts": header["stop_timeouts"], "trace": header["trace"]}


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
