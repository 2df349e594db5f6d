"""pytest, called in process with a reporter of ours."""
import importlib.util
import marshal
import os
import sys
import time

import _patchwright_explain as explain


def run(child, leave):
    """Returns pytest's exit code, unless `leave` was called with it, which ends the process."""
    import pytest
    request = child.request
    child.bytecode.install_pytest(child_notice(child))
    arguments = ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:random_order", "--continue-on-collection-errors"]
    if not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        if importlib.util.find_spec("xdist"):
            arguments += ["-n0"]
        if importlib.util.find_spec("pytest_cov"):
            arguments += ["--no-cov"]
    if request["no_addopts"]:
        print("note: the addopts of the test configuration cannot be used here; running without them", flush=True)
        arguments += ["-o", "addopts="]
    arguments += request["args"]
    sys.argv = ["pytest"] + request["args"]
    reporter = make_reporter(pytest)(child, leave)
    code = pytest.main(arguments, plugins=[reporter])
    return int(code)


def restart_clock(config):
    """Lets the summary tell the time of this run, and not since the template started. Private to pytest."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    try:
        if hasattr(reporter, "_session_start"):
            reporter._session_start = type(reporter._session_start)()
        elif hasattr(reporter, "_sessionstarttime"):
            reporter._sessionstarttime = time.time()
    except Exception:
        pass


def child_notice(child):
    def notice(path, code):
        if child.inside(path):
            child.rewritten.append((path, marshal.dumps(code)))
    return notice


def make_reporter(pytest):
    class Reporter:
        def __init__(self, child, leave):
            self.child = child
            self.leave = leave
            self.nothing = False
            self.code = None
            self.names = {}
            self.root = None
            self.reset()

        def reset(self):
            self.status = None
            self.failure = None
            self.seconds = 0.0

        # Collection.

        @pytest.hookimpl(trylast=True)
        def pytest_configure(self, config):
            self.root = str(getattr(config, "rootpath", None) or config.rootdir)

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection(self, session):
            if self.child.template is not None:
                self.child.template.serve(self.child)
                restart_clock(session.config)
                if session.config.option.tbstyle == "auto":
                    session.config.option.tbstyle = "native"
                    explain.install()
            if self.child.select is None:
                return
            files = []
            for test in self.child.request["select"]:
                file = test.split("::", 1)[0]
                if file not in files and os.path.exists(os.path.join(self.root, file)):
                    files.append(file)
            session.config.args = [os.path.join(self.root, file) for file in files]
            self.nothing = not files

        def pytest_ignore_collect(self, **_):
            # Without a single file to collect, pytest would take the whole directory.
            return True if self.child.select is not None and self.nothing else None

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, config, items):
            seen = {}
            dropped = []
            kept = []
            for item in items:
                count = seen[item.nodeid] = seen.get(item.nodeid, 0) + 1
                name = item.nodeid if count == 1 else "%s#%d" % (item.nodeid, count)
                self.names[item] = name
                chosen = self.child.select is None or name in self.child.select
                (kept if chosen else dropped).append(item)
            if dropped:
                items[:] = kept
                config.hook.pytest_deselected(items=dropped)

        def pytest_collection_finish(self, session):
            self.child.collected_ids([self.name(item) for item in session.items])

        def name(self, item):
            return self.names.get(item, item.nodeid)

        def pytest_exception_interact(self, node, call, report):
            if isinstance(node, pytest.Item) or not hasattr(report, "result"):
                return
            value = call.excinfo.value
            cause = value.__cause__
            if type(value).__name__ == "CollectError" and cause is not None:
                self.broken = self.child.failure(type(cause), cause, cause.__traceback__)
            else:
                self.broken = self.child.failure(type(value), value, call.excinfo.tb)
            if self.broken["class"] not in ("import", "timeout"):
                self.broken["class"] = "collection"

        broken = None

        def pytest_collectreport(self, report):
            if not report.failed:
                return
            failure, self.broken = self.broken, None
            if failure is None:
                text = str(report.longrepr)
                known = ("ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError")
                failure = {"class": "import" if any(name in text for name in known) else "collection",
                           "message": text[-4000:], "frames": []}
            self.child.finish(report.nodeid or "collection", "error", 0.0, failure, extra=True)

        # Running.

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item, nextitem):
            self.reset()
            self.child.start(self.name(item))
            yield
            if self.status is not None:
                stop = self.child.finish(self.name(item), self.status, self.seconds, self.failure)
                if stop:
                    item.session.shouldstop = stop

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_setup(self, item):
            self.child.clock.arm()
            try:
                yield
            finally:
                self.child.clock.disarm()

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_call(self, item):
            self.child.clock.arm()
            try:
                yield
            finally:
                self.child.clock.disarm()

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_teardown(self, item, nextitem):
            # Fixtures get the whole limit again to put things back.
            self.child.clock.left = self.child.clock.limit
            self.child.clock.arm()
            try:
                yield
            finally:
                self.child.clock.disarm()

        @pytest.hookimpl(hookwrapper=True, trylast=True)
        def pytest_runtest_makereport(self, item, call):
            yield
            if call.excinfo is not None:
                self.raised = self.child.failure(call.excinfo.type, call.excinfo.value, call.excinfo.tb)

        raised = None

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_logreport(self, report):
            raised, self.raised = self.raised, None
            if report.outcome == "rerun":
                self.reset()
                return
            self.seconds += getattr(report, "duration", 0.0)
            expected = getattr(report, "wasxfail", None)
            if report.passed:
                if report.when == "call":
                    self.status = "passed" if expected is None else "xpassed"
            elif report.skipped:
                self.status = "skipped" if expected is None else "xfailed"
                self.failure = raised or self.text(report)
            elif report.when == "call":
                self.status = "failed"
                self.failure = raised or self.text(report)
            elif self.status not in ("failed",):
                self.status = "error"
                self.failure = raised or self.text(report)

        def text(self, report):
            return {"class": "assertion", "message": str(report.longrepr)[-4000:], "frames": []}

        # Ending.

        @pytest.hookimpl(trylast=True)
        def pytest_sessionfinish(self, session, exitstatus):
            self.code = int(exitstatus)

        @pytest.hookimpl(tryfirst=True)
        def pytest_unconfigure(self, config):
            # The summary is printed. What is left is to tear down a process that ends anyway.
            if self.code is not None and os.getpid() == self.child.pid:
                self.leave(self.code)

        def pytest_internalerror(self, excrepr):
            self.child.emit("internal", message=str(excrepr)[-4000:])

    return Reporter
