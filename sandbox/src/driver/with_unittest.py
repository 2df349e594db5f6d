"""unittest, called in process with a result class of ours."""
import re
import sys
import time
import unittest

FIXTURE = re.compile(r"^(setUpClass|tearDownClass|setUpModule|tearDownModule) \((.*)\)$")


def run(child, leave):
    sys.argv = ["python -m unittest"] + child.request["args"]
    runner = Runner(child)
    program = unittest.TestProgram(module=None, argv=list(sys.argv), testRunner=runner, exit=False)
    del program
    if runner.code is None:
        return 2
    return runner.code


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            for inner in flatten(test):
                yield inner
        elif test is not None:
            yield test


def broken(test):
    """The module or name that could not be loaded, for which the loader put a failing test in place."""
    if type(test).__name__ in ("_FailedTest", "ModuleImportFailure", "LoadTestsFailure"):
        return test.id().split("unittest.loader._FailedTest.", 1)[-1]
    return None


class Runner:
    code = None

    def __init__(self, child):
        self.child = child

    def run(self, suite):
        child = self.child
        tests = list(flatten(suite))
        if child.select is not None:
            keep = set(id(test) for test in tests if test.id() in child.select or broken(test) is not None)
            suite = narrow(suite, keep)
            tests = [test for test in tests if id(test) in keep]
        names = {}
        seen = {}
        for test in tests:
            name = test.id()
            seen[name] = seen.get(name, 0) + 1
            names[id(test)] = name if seen[name] == 1 else "%s#%d" % (name, seen[name])
        child.collected_ids([names[id(test)] for test in tests if broken(test) is None])
        result = Result(child, names)
        suite.run(result)
        self.code = 5 if not tests else 0 if result.wasSuccessful() else 1
        return result


def narrow(suite, keep):
    """The suite with the kept tests only; its own class stays, for suites with fixtures of their own."""
    inner = []
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            test = narrow(test, keep)
            if test.countTestCases():
                inner.append(test)
        elif id(test) in keep:
            inner.append(test)
    try:
        return type(suite)(inner)
    except TypeError:
        return unittest.TestSuite(inner)


class Result(unittest.TestResult):
    def __init__(self, child, names):
        unittest.TestResult.__init__(self)
        self.child = child
        self.names = names
        self.left = list(names.values())
        self.current = None
        self.status = None
        self.trouble = None
        self.began = 0.0

    def startTest(self, test):
        unittest.TestResult.startTest(self, test)
        self.current = test
        self.status = None
        self.trouble = None
        self.began = time.time()
        name = broken(test)
        print("%s ... " % (name or test.id()), end="", flush=True)
        self.child.start(name or self.name(test))
        self.child.clock.arm()

    def name(self, test):
        return self.names.get(id(test), test.id())

    def stopTest(self, test):
        self.child.clock.disarm()
        unittest.TestResult.stopTest(self, test)
        seconds = time.time() - self.began
        name = broken(test)
        status = self.status or ("failed" if self.trouble else "passed")
        print(status, flush=True)
        if name is not None:
            if self.trouble and self.trouble["class"] not in ("import",):
                self.trouble["class"] = "import"
            stop = self.child.finish(name, "error", seconds, self.trouble, extra=True)
        else:
            if self.name(test) in self.left:
                self.left.remove(self.name(test))
            stop = self.child.finish(self.name(test), status, seconds, self.trouble)
        self.current = None
        if stop:
            self.stop()

    def note(self, status, error):
        self.status = status
        if self.trouble is None or status in ("failed", "error"):
            self.trouble = self.child.failure(*error)
        if status in ("failed", "error"):
            print()
            import traceback
            traceback.print_exception(*error)

    def addSuccess(self, test):
        if self.status is None:
            self.status = "passed"

    def addFailure(self, test, error):
        self._mirror()
        self.note("failed", error)

    def addError(self, test, error):
        self._mirror()
        if test is not self.current:
            self.fixture(test, "error", self.child.failure(*error))
            return
        import unittest as known
        skipped = issubclass(error[0], known.SkipTest)
        # What the tested code raises counts as a failure of the test, as pytest has it; broken fixtures are errors.
        self.note("skipped" if skipped else "error" if self.in_fixture(error[2]) else "failed", error)

    @staticmethod
    def in_fixture(tb):
        names = set()
        while tb is not None:
            names.add(tb.tb_frame.f_code.co_name)
            tb = tb.tb_next
        return bool(names & {"setUp", "tearDown", "_callSetUp", "_callTearDown", "doCleanups", "asyncSetUp", "asyncTearDown"})

    def addSubTest(self, test, subtest, error):
        if error is None:
            return
        self._mirror()
        self.note("failed", error)
        self.trouble["message"] = "%s\n%s" % (subtest._subDescription(), self.trouble["message"])

    def addSkip(self, test, reason):
        trouble = {"class": "exception", "type": "SkipTest", "message": str(reason)[:1000], "frames": []}
        if test is not self.current and FIXTURE.match(test.id()):
            self.fixture(test, "skipped", trouble)
            return
        if self.status is None:
            self.status = "skipped"
            self.trouble = trouble

    def addExpectedFailure(self, test, error):
        self.status = "xfailed"

    def addUnexpectedSuccess(self, test):
        self._mirror()
        self.status = "xpassed"

    def _mirror(self):
        # What `wasSuccessful` looks at, without keeping the tracebacks' text.
        self.failures.append((None, ""))

    def fixture(self, holder, status, trouble):
        """A class's or module's fixture broke: every test under it that has not run gets the result."""
        match = FIXTURE.match(holder.id())
        kind, owner = match.groups() if match else ("", "")
        names = [name for name in self.left if name.startswith(owner + ".")] if kind.startswith("setUp") else []
        if self.names.get(id(holder)) in self.left:
            # A test whose own preparation broke before it was started, as Django's test cases do it.
            names = [self.names[id(holder)]]
        for name in names:
            self.left.remove(name)
            self.child.start(name)
            if self.child.finish(name, status, 0.0, trouble):
                self.stop()
        if not names:
            if self.child.finish(holder.id(), status, 0.0, trouble, extra=True):
                self.stop()
