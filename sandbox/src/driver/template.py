"""A pytest that has started, read its configuration and conftests, and stopped before collection; each request forks it there.

Starting pytest costs more than most candidates' tests. The template is made from the base content only, and serves a request only if
the overlay touches no file the template has loaded and no configuration. The forked process is handed to the supervisor (its
intermediate parent ends at once, the supervisor is the subreaper), so that killing and reaping are the same as for any other child.

The fork for the next request is made while the present one runs: a spare, which waits for a request on a socket of its own. Like the
template it is undumpable until then, so that what runs beside it can kill or stop it but neither read nor change it.
"""
import array
import fcntl
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
import threading
import time

import _patchwright_processes as processes

START = 10
SPAWN = 5
CONTROL_FD = 650
CONFIGURING = ("conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py")


def key_of(header):
    return json.dumps([header["args"], header["cwd"], header["env"], header["no_addopts"], header["import_cwd"]])


class Template:
    """The supervisor's side."""

    def __init__(self, key, pid, control, output):
        self.key = key
        self.pid = pid
        self.control = control
        self.output = output
        self.loaded = frozenset()
        self.usable = False
        # Sockets of the spare that is there, with its process id, and of the one that was asked for.
        self.spare = None
        self.coming = None

    def wait_until_ready(self):
        """Returns whether the template came up and may be forked."""
        message = self._receive(self.control, START)
        self.usable = bool(message and message.get("ready"))
        if self.usable:
            self.loaded = frozenset(message["loaded"])
        return self.usable

    def serves(self, header, known):
        """Whether the state of the template is what a new pytest would have under this overlay."""
        for path, _ in header["overlay"]:
            name = path.rsplit("/", 1)[-1]
            if not name.endswith(".py") or name in CONFIGURING or path in self.loaded:
                return False
            if os.fsencode(path) not in known and not name.startswith("test_"):
                return False
        return self.usable

    def order_spare(self):
        """Asks for a process for the next request, without waiting for it."""
        if self.coming is not None or self.spare is not None or not self.usable:
            return
        here, there = socket.socketpair()
        try:
            send_with(self.control, {}, [there.fileno()])
        except OSError:
            self.usable = False
            here.close()
        else:
            self.coming = here
        there.close()

    def settle(self):
        """Waits for what was asked for; returns the spare's process id, if there is a spare."""
        if self.coming is not None:
            here, self.coming = self.coming, None
            self._drop_output()
            answer = self._receive(self.control, SPAWN)
            if answer and "pid" in answer:
                self.spare = (answer["pid"], here)
            else:
                self.usable = False
                here.close()
        return self.spare[0] if self.spare else None

    def spawn(self, message, event_fd, out_fd):
        """Hands a request to the spare; returns its process id, or None if it or the template is gone."""
        self.order_spare()
        if self.settle() is None:
            return None
        (pid, here), self.spare = self.spare, None
        try:
            send_with(here, message, [event_fd, out_fd])
            taken = self._receive(here, SPAWN)
        except OSError:
            taken = None
        here.close()
        if not taken:
            self.usable = False
            processes.send(pid, signal.SIGKILL)
            return None
        return pid

    def _receive(self, control, seconds):
        deadline = time.time() + seconds
        data = b""
        poller = select.poll()
        poller.register(control, select.POLLIN)
        poller.register(self.output, select.POLLIN)
        while True:
            if len(data) >= 4 and len(data) >= 4 + struct.unpack(">I", data[:4])[0]:
                return json.loads(data[4:].decode("ascii"))
            left = deadline - time.time()
            if left <= 0:
                return None
            for fd, _ in poller.poll(left * 1000):
                if fd == self.output:
                    if not self._drop_output():
                        poller.unregister(self.output)
                    continue
                try:
                    part = control.recv(1 << 16)
                except OSError:
                    return None
                if not part:
                    return None
                data += part

    def _drop_output(self):
        """What the template prints while it starts is nobody's; returns whether more may come."""
        try:
            while os.read(self.output, 1 << 16):
                pass
            return False
        except BlockingIOError:
            return True

    def close(self):
        self.settle()
        for pid in [self.pid] + ([self.spare[0]] if self.spare else []):
            processes.send(pid, signal.SIGKILL)
            try:
                os.waitpid(pid, 0)
            except OSError:
                pass
        if self.spare:
            self.spare[1].close()
        self.spare = None
        self.control.close()
        os.close(self.output)
        self.usable = False


class Host:
    """The template's own side: what the reporter calls when pytest is about to collect."""

    def __init__(self, control, root):
        self.control = control
        self.root = root
        self.stdout = os.fstat(1)

    def serve(self, child):
        """Answers requests; returns only in a forked child, whose request it is then."""
        if not self._announce(child):
            os._exit(0)
        while True:
            _, fds = receive_with(self.control, 1)
            read, write = os.pipe()
            middle = os.fork()
            if middle == 0:
                middle = os.getpid()
                pid = os.fork()
                if pid:
                    os.write(write, struct.pack(">I", pid))
                    os._exit(0)
                os.close(read)
                os.close(write)
                self._become(child, self._wait(fds[0], middle))
                return
            os.close(write)
            for fd in fds:
                os.close(fd)
            raw = os.read(read, 4)
            os.close(read)
            # When the middle one is gone, its child belongs to the supervisor.
            os.waitpid(middle, 0)
            self._send({"pid": struct.unpack(">I", raw)[0]} if len(raw) == 4 else {})

    def _wait(self, fd, parent):
        """The spare: does what does not depend on the request, and waits for one."""
        self.control.close()
        os.setsid()
        # pytest's capturing has put aside copies of stdout and stderr, and shares its files with every other child.
        self.printed, self.captured = [], []
        for name in os.listdir("/proc/self/fd"):
            try:
                status = os.fstat(int(name))
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == (self.stdout.st_dev, self.stdout.st_ino):
                self.printed.append(int(name))
            elif stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                self.captured.append(int(name))
        for _ in range(2000):
            if os.getppid() != parent:
                break
            time.sleep(0.0005)
        processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
        with socket.socket(fileno=fd) as control:
            message, fds = receive_with(control, 2)
            control.sendall(pack({"taken": True}))
        return message, fds

    def _become(self, child, request):
        message, (event_fd, out_fd) = request
        for fd in self.printed:
            os.dup2(out_fd, fd, inheritable=fd < 3)
        for fd in self.captured:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        os.close(out_fd)
        events = fcntl.fcntl(event_fd, fcntl.F_DUPFD_CLOEXEC, CONTROL_FD)
        os.close(event_fd)
        os.environ.update(message["environment"])
        tempfile.tempdir = None
        os.chdir(message["directory"])
        importlib.invalidate_caches()
        processes.prctl(processes.PR_SET_DUMPABLE, 1)
        child.renew(message["request"], events)

    def _send(self, message):
        self.control.sendall(pack(message))

    def _announce(self, child):
        loaded = set()
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and child.inside(os.path.abspath(path)):
                loaded.add(child.relative(path))
        ready = threading.active_count() == 1 and not self._has_children()
        self._send({"ready": ready, "loaded": sorted(loaded)})
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()
        return ready

    @staticmethod
    def _has_children():
        try:
            os.waitpid(-1, os.WNOHANG)
            return True
        except ChildProcessError:
            return False


def pack(message):
    data = json.dumps(message).encode("ascii")
    return struct.pack(">I", len(data)) + data


def send_with(control, message, fds):
    """Sends a message and descriptors."""
    data = pack(message)
    control.sendmsg([data[:4]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    control.sendall(data[4:])


def receive_with(control, count):
    """Receives a message and so many descriptors; ends this process when nobody is there to send them."""
    data, ancillary, _, _ = control.recvmsg(4, socket.CMSG_SPACE(4 * count))
    fds = array.array("i")
    for level, kind, raw in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(raw[:len(raw) - len(raw) % fds.itemsize])
    if len(data) < 4 or len(fds) != count:
        os._exit(0)
    left = struct.unpack(">I", data)[0]
    parts = []
    while left:
        part = control.recv(min(left, 1 << 16))
        if not part:
            os._exit(0)
        parts.append(part)
        left -= len(part)
    for fd in fds:
        os.set_inheritable(fd, False)
    return json.loads(b"".join(parts).decode("ascii")), list(fds)
