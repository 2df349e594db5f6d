"""A pytest that has started, read its configuration and conftests, and stopped before collection; each request forks it there.

Starting pytest costs more than most candidates' tests. The template is made from the base content only, and serves a request only if
the overlay touches no file the template has loaded and no configuration. The forked process is handed to the supervisor (its
intermediate parent ends at once, the supervisor is the subreaper), so that killing and reaping are the same as for any other child.
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

    def wait_until_ready(self):
        """Returns whether the template came up and may be forked."""
        message = self._receive(START)
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

    def spawn(self, message, event_fd, out_fd):
        """Forks the template for a request; returns the process id, or None if the template is gone."""
        data = json.dumps(message).encode("ascii")
        fds = array.array("i", [event_fd, out_fd])
        try:
            self.control.sendmsg([struct.pack(">I", len(data))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            self.control.sendall(data)
        except OSError:
            self.usable = False
            return None
        self._drop_output()
        answer = self._receive(SPAWN)
        if not answer or "pid" not in answer:
            self.usable = False
            return None
        return answer["pid"]

    def _receive(self, seconds):
        deadline = time.time() + seconds
        data = b""
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
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
                    part = self.control.recv(1 << 16)
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
        processes.send(self.pid, signal.SIGKILL)
        try:
            os.waitpid(self.pid, 0)
        except OSError:
            pass
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
            message, fds = self._receive()
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
                self._become(child, message, fds, middle)
                return
            os.close(write)
            for fd in fds:
                os.close(fd)
            raw = os.read(read, 4)
            os.close(read)
            # When the middle one is gone, its child belongs to the supervisor.
            os.waitpid(middle, 0)
            self._send({"pid": struct.unpack(">I", raw)[0]} if len(raw) == 4 else {})

    def _become(self, child, message, fds, parent):
        self.control.close()
        os.setsid()
        event_fd, out_fd = fds
        # pytest's capturing has put aside copies of stdout and stderr, and shares its files with every other child.
        for name in os.listdir("/proc/self/fd"):
            fd = int(name)
            try:
                status = os.fstat(fd)
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == (self.stdout.st_dev, self.stdout.st_ino):
                os.dup2(out_fd, fd, inheritable=fd < 3)
            elif stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
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
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")
        except OSError:
            pass
        for _ in range(2000):
            if os.getppid() != parent:
                break
            time.sleep(0.0005)
        processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
        child.renew(message["request"], events)

    def _receive(self):
        data, ancillary, _, _ = self.control.recvmsg(4, socket.CMSG_SPACE(8))
        if len(data) < 4:
            os._exit(0)
        fds = array.array("i")
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(raw[:len(raw) - len(raw) % fds.itemsize])
        left = struct.unpack(">I", data)[0]
        parts = []
        while left:
            part = self.control.recv(min(left, 1 << 16))
            if not part:
                os._exit(0)
            parts.append(part)
            left -= len(part)
        for fd in fds:
            os.set_inheritable(fd, False)
        return json.loads(b"".join(parts).decode("ascii")), list(fds)

    def _send(self, message):
        data = json.dumps(message).encode("ascii")
        self.control.sendall(struct.pack(">I", len(data)) + data)

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
