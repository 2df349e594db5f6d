"""Ending whatever a request left running, and what the kernel lets us do to hold on to it."""
import math
import os
import resource
import signal
import time

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

try:
    import ctypes
    _libc = ctypes.CDLL(None, use_errno=True)
except (ImportError, OSError):
    _libc = None


def prctl(option, value):
    """Returns whether the kernel did it."""
    if _libc is None:
        return False
    try:
        return _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0
    except AttributeError:
        return False


def alone():
    """Whether every process we can see is ours to kill: we are init, or the only child of a container's own init."""
    if os.getpid() == 1:
        return True
    try:
        with open("/proc/1/comm") as file:
            return os.getppid() == 1 and file.read().strip() in ("docker-init", "tini", "catatonit")
    except OSError:
        return False


def descendants(root):
    """Process ids below `root`, by /proc; empty where that cannot be read."""
    parents = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
                if fields[0] != b"Z":
                    parents.setdefault(int(fields[1]), []).append(int(name))
            except (OSError, IndexError, ValueError):
                pass
    found = []
    pending = [root]
    while pending:
        for child in parents.get(pending.pop(), ()):
            found.append(child)
            pending.append(child)
    return found


def cpu_seconds():
    """Processor time of everything that descends from this process, dead or alive, as far as /proc tells."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for pid in descendants(os.getpid()):
        try:
            with open("/proc/%d/stat" % pid, "rb") as file:
                # Its own time, and that of its children which it has waited for.
                ticks += sum(map(int, file.read().rsplit(b")", 1)[1].split()[11:15]))
        except (OSError, IndexError, ValueError):
            pass
    return usage.ru_utime + usage.ru_stime + ticks / float(os.sysconf("SC_CLK_TCK"))


def limit_cpu(seconds):
    """Ends this process, and each that it starts, after so much processor time: politely, and a little later for good."""
    soft = max(1, int(math.ceil(seconds)))
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        if hard == resource.RLIM_INFINITY or hard > soft + 2:
            resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 2))
    except (OSError, ValueError):
        pass


def exhausted(root):
    """Whether the file systems of the box have no room left, and whether they can hold no further file."""
    full = crowded = False
    for path in {root, os.environ.get("TMPDIR", root), "/tmp"}:
        try:
            status = os.statvfs(path)
        except OSError:
            continue
        full = full or status.f_bavail * status.f_frsize < 65536
        crowded = crowded or (status.f_files > 0 and status.f_favail == 0)
    return full, crowded


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


class Family:
    """The children of one request."""

    def __init__(self, all_ours):
        self.all_ours = all_ours
        # A template and its spare, which stay between requests.
        self.spared = set()

    def end(self, pid, ended):
        """Kills the child's group and everything that descends from us; returns whether nothing is left.

        Without a subreaper, processes that detached themselves are out of sight; the box ends them.
        """
        if not ended:
            try:
                os.killpg(pid, signal.SIGKILL)
            except OSError:
                pass
            send(pid, signal.SIGKILL)
        elif not self.reap():
            return True
        deadline = time.time() + 5
        while time.time() < deadline:
            self.sweep()
            if not self.reap():
                return True
            time.sleep(0.002)
        return False

    def sweep(self):
        if self.all_ours:
            try:
                os.kill(-1, signal.SIGKILL)
            except OSError:
                pass
            return
        # Stopping first: a bomb's children cannot replace each other while the next ones are being looked up.
        stopped = set()
        for _ in range(20):
            fresh = [pid for pid in descendants(os.getpid()) if pid not in stopped and pid not in self.spared]
            if not fresh:
                break
            for pid in fresh:
                send(pid, signal.SIGSTOP)
            stopped.update(fresh)
        for pid in stopped:
            send(pid, signal.SIGKILL)

    def reap(self):
        """Collects dead children; returns whether some are still alive that should not be."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return not self.spared or self._others()
            self.spared.discard(pid)

    def _others(self):
        me = os.getpid()
        try:
            with open("/proc/%d/task/%d/children" % (me, me)) as file:
                children = file.read().split()
        except OSError:
            children = map(str, descendants(me))
        return any(int(pid) not in self.spared for pid in children)
