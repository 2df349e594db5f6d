"""What runs in the forked child around the test tool: the event channel, time limits, failures and coverage."""
import errno
import json
import os
import signal
import struct
import sys
import threading
import traceback

import _patchwright_trace as trace

import _patchwright_processes as processes

MESSAGE = 4000
FRAMES = 40
COVERED_LINES = 200000


class TestTimeout(BaseException):
    """Raised in the main thread when a test exceeds its limit; no `except Exception` of tested code stops it."""
    __test__ = False


class Child:
    """One request inside its child process."""

    def __init__(self, request, events, bytecode):
        self.bytecode = bytecode
        self.root = request["root"]
        self.imported = []
        self.rewritten = []
        self.collected = 0
        self.clock = Clock()
        self.template = None
        self.renew(request, events)

    def renew(self, request, events):
        """Takes up a request; a process forked from a template does so a second time."""
        self.request = request
        self.events = events
        self.pid = os.getpid()
        self.results = 0
        self.failures = 0
        self.timeouts = 0
        self.stopped = None
        self.coverage = coverage(self) if request["coverage"] else None
        self.tracer = trace.Tracer(self, request["trace"]) if request["trace"] else None
        self.select = None if request["select"] is None else frozenset(request["select"])
        self.limits = dict(request["limits"])

    def emit(self, kind, **event):
        # A test may fork, and its child may run on through the rest of the session: only this process reports.
        if os.getpid() != self.pid:
            return
        event["k"] = kind
        event["n"] = self.request["nonce"]
        data = json.dumps(event).encode("ascii")
        view = memoryview(struct.pack(">I", len(data)) + data)
        while view:
            view = view[os.write(self.events, view):]

    def collected_ids(self, ids):
        self.collected += len(ids)
        for start in range(0, len(ids), 500):
            self.emit("collected", ids=ids[start:start + 500])

    def limit_of(self, test):
        return self.limits.get(test, self.request["limit"])

    def start(self, test):
        self.clock.begin(self.limit_of(test))
        self.emit("start", id=test, limit=self.clock.limit)
        if self.coverage:
            self.coverage.start()
        if self.tracer:
            self.tracer.start()

    def finish(self, test, status, seconds, failure, extra=False):
        """Reports a test; returns why the run should stop, if it should."""
        self.clock.disarm()
        lines = self.coverage.stop() if self.coverage else None
        if self.tracer:
            self.tracer.stop()
            self.emit("trace", **self.tracer.report())
        if self.clock.fired and not extra:
            status = "timed_out"
            if failure is None or failure["class"] != "timeout":
                failure = {"class": "timeout", "message": "the test exceeded its limit of %g s" % self.clock.limit,
                           "frames": failure["frames"] if failure else []}
        self.results += 1
        event = {"id": test, "status": status, "seconds": round(seconds, 6)}
        if failure:
            event["failure"] = failure
        if extra:
            event["extra"] = True
        if lines:
            event["lines"] = lines
        self.emit("result", **event)
        if status in ("failed", "error", "timed_out"):
            self.failures += 1
        if status == "timed_out":
            self.timeouts += 1
        most_failures, most_timeouts = self.request["stop_failures"], self.request["stop_timeouts"]
        if most_failures and self.failures >= most_failures:
            self.stopped = "%d failures" % self.failures
        elif most_timeouts and self.timeouts >= most_timeouts:
            self.stopped = "%d timeouts" % self.timeouts
        return self.stopped

    def complete(self, code, learned):
        """The session's last word."""
        self.clock.disarm()
        if learned:
            self.emit("learn", **learned)
        self.emit("finished", count=self.results, collected=self.collected, code=code, stopped=self.stopped)

    def inside(self, path):
        return isinstance(path, str) and path.startswith(self.root + "/")

    def relative(self, path):
        if path.startswith("<"):
            return None
        path = os.path.abspath(path)
        return path[len(self.root) + 1:] if self.inside(path) else None

    def failure(self, kind, value, tb):
        """Describes an exception for the report."""
        frames = []
        try:
            for frame, line in traceback.walk_tb(tb):
                path = self.relative(frame.f_code.co_filename)
                if path is not None:
                    frames.append([path, line or 0, frame.f_code.co_name])
        except Exception:
            pass
        if len(frames) > FRAMES:
            frames = frames[:FRAMES // 4] + frames[-(FRAMES - FRAMES // 4):]
        name = getattr(kind, "__name__", str(kind))
        try:
            message = "".join(traceback.format_exception_only(kind, value)).strip()
        except BaseException as error:
            message = "%s (its text could not be read: %s)" % (name, type(error).__name__)
        if message.startswith("_patchwright_child."):
            message = message[len("_patchwright_child."):]
        found = {"class": class_of(kind, value), "type": name, "message": clip(message), "frames": frames}
        number = getattr(value, "errno", None) if isinstance(value, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT):
            full, crowded = processes.exhausted(self.root)
            found["flag"] = "files" if crowded and not full else "disk"
        elif number in (errno.EMFILE, errno.ENFILE):
            found["flag"] = "files"
        elif number == errno.EFBIG:
            found["flag"] = "output"
        elif number == errno.EAGAIN and isinstance(value, BlockingIOError) or "can't start new thread" in message:
            found["flag"] = "processes"
        return found


def clip(text):
    if len(text) > MESSAGE:
        text = text[:MESSAGE // 2] + "\n[...]\n" + text[-MESSAGE // 2:]
    return text.encode("utf-8", "replace").decode("utf-8")


def class_of(kind, value):
    try:
        if issubclass(kind, TestTimeout):
            return "timeout"
        if issubclass(kind, AssertionError) or (kind.__name__ == "Failed" and "_pytest" in kind.__module__):
            return "assertion"
        if issubclass(kind, (ImportError, SyntaxError)):
            return "import"
        if issubclass(kind, MemoryError):
            return "memory"
        if issubclass(kind, OSError) and value.errno in (
                errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENETUNREACH, errno.EFBIG,
                errno.EAGAIN, errno.ECONNREFUSED, errno.EHOSTUNREACH):
            return "environment"
        if kind.__name__ == "gaierror":
            return "environment"
    except Exception:
        pass
    return "exception"


class Clock:
    """The limit of the running test: SIGALRM in the main thread, again and again until the test gives up.

    Code that blocks the signal, or stays in C, is left to the supervisor, which kills the child somewhat later.
    """

    def __init__(self):
        self.armed = False
        self.fired = 0
        self.limit = 0
        self.left = 0
        signal.signal(signal.SIGALRM, self._alarm)

    def begin(self, limit):
        self.limit = limit
        self.left = limit
        self.fired = 0

    def arm(self, at_least=0.001):
        left = max(self.left, at_least)
        signal.signal(signal.SIGALRM, self._alarm)
        self.armed = True
        signal.setitimer(signal.ITIMER_REAL, left, min(max(self.limit / 4, 0.05), 0.25))

    def disarm(self):
        self.armed = False
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        self.left = 0 if self.fired else left

    def _alarm(self, number, frame):
        if self.armed:
            self.fired += 1
            raise TestTimeout("the test exceeded its limit of %g s" % self.limit)


def coverage(child):
    return Monitoring(child) if hasattr(sys, "monitoring") else Tracing(child)


class Tracing:
    """Lines by `sys.settrace`; module and class bodies, which run at import, are left out."""

    def __init__(self, child):
        self.child = child
        self.known = {}
        self.lines = {}
        self.total = 0

    def start(self):
        self.lines = {}
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self):
        sys.settrace(None)
        threading.settrace(None)
        return self._take()

    def _take(self):
        files = {}
        for path, lines in self.lines.items():
            files.setdefault(path, set()).update(lines)
        self.lines = {}
        self.total += sum(len(lines) for lines in files.values())
        if self.total > 20 * COVERED_LINES:
            return {}
        return {path: ranges(sorted(lines)[:COVERED_LINES]) for path, lines in sorted(files.items())}

    def _path(self, code):
        path = self.known.get(code, self)
        if path is self:
            path = self.child.relative(code.co_filename) if code.co_flags & 1 else None
            self.known[code] = path
        return path

    def _call(self, frame, event, argument):
        path = self._path(frame.f_code)
        if path is None:
            return None
        add = self.lines.setdefault(path, set()).add
        add(frame.f_lineno)

        def line(frame, event, argument):
            add(frame.f_lineno)
            return line
        return line


class Monitoring(Tracing):
    """The same by `sys.monitoring`, which costs next to nothing after a line's first time."""

    def start(self):
        self.lines = {}
        monitoring = sys.monitoring
        if monitoring.get_tool(monitoring.COVERAGE_ID) is None:
            monitoring.use_tool_id(monitoring.COVERAGE_ID, "patchwright")
            monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.LINE, self._line)
        monitoring.restart_events()
        monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.LINE)

    def stop(self):
        if sys.monitoring.get_tool(sys.monitoring.COVERAGE_ID) is not None:
            sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, 0)
        return self._take()

    def _line(self, code, line):
        path = self._path(code)
        if path is not None:
            self.lines.setdefault(path, set()).add(line)
        return sys.monitoring.DISABLE


def ranges(lines):
    """Ascending lines as first, count, first, count, …"""
    packed = []
    for line in lines:
        if packed and packed[-2] + packed[-1] == line:
            packed[-1] += 1
        else:
            packed.extend((line, 1))
    return packed
