//! What becomes of tests that pass, fail, are skipped, hang: by pytest and by unittest.

use super::*;

#[tokio::test]
async fn pytest_runs_pass_fail_and_come_back_to_the_base() {
    let Some(mut case) = pytest(&[("gcd.py", GCD), ("test_gcd.py", TESTS)]).await else { return };
    let base = case.run().await;
    assert_eq!(base.ending, RunEnding::Complete, "{base:#?}");
    assert!(base.all_passed());
    assert_eq!(
        statuses(&base),
        [("test_gcd.py::test_small", TestStatus::Passed), ("test_gcd.py::test_zero", TestStatus::Passed)]
    );
    let broken = case.with(&[over("gcd.py", "def gcd(a, b):\n    return 2\n")]).await;
    assert_eq!(broken.ending, RunEnding::Complete);
    let failed = find(&broken, "test_zero");
    assert_eq!(failed.status, TestStatus::Failed);
    let failure = failed.failure.as_ref().unwrap();
    assert_eq!(failure.class, FailureClass::Assertion);
    assert!(failure.message.contains("assert 2 == 17"), "{}", failure.message);
    assert_eq!(failure.frames[0].path, "test_gcd.py");
    assert_eq!(failure.frames[0].line, 7);
    assert!(case.run().await.all_passed(), "the overlay is undone");
    case.bench.close().await.unwrap();
}

#[tokio::test]
async fn unittest_runs_pass_fail_and_come_back_to_the_base() {
    let tests = "import unittest\nfrom gcd import gcd\n\nclass T(unittest.TestCase):\n    def test_small(self):\n        self.assertEqual(gcd(4, 6), 2)\n\n    def test_zero(self):\n        self.assertEqual(gcd(17, 0), 17)\n";
    let mut case = case(RunnerKind::Unittest, &[("gcd.py", GCD), ("test_gcd.py", tests)]).await;
    let base = case.run().await;
    assert!(base.all_passed(), "{base:#?}");
    let broken = case.with(&[over("gcd.py", "def gcd(a, b):\n    return 2\n")]).await;
    let expected = [("test_gcd.T.test_small", TestStatus::Passed), ("test_gcd.T.test_zero", TestStatus::Failed)];
    assert_eq!(statuses(&broken), expected);
    assert_eq!(broken.results[1].failure.as_ref().unwrap().class, FailureClass::Assertion);
    assert!(case.run().await.all_passed(), "the overlay is undone");
}

#[tokio::test]
async fn pytest_statuses() {
    let tests = r#"
import pytest

@pytest.fixture
def broken():
    raise ValueError("no fixture")

@pytest.fixture
def broken_late():
    yield
    raise ValueError("no end")

@pytest.mark.skip(reason="not now")
def test_skip(): pass

@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0

@pytest.mark.xfail
def test_xpass(): pass

@pytest.mark.xfail(strict=True)
def test_strict(): pass

def test_setup(broken): pass

def test_teardown(broken_late): pass

def test_raises(): {}["x"]

def test_exit(): raise SystemExit(0)

@pytest.mark.parametrize("n", [1, 2])
def test_many(n): assert n == 1

class TestIn:
    def test_method(self): pass
"#;
    let Some(mut case) = pytest(&[("test_a.py", tests), ("test_b.py", "import nothing_like_this\n")]).await else {
        return;
    };
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    use TestStatus::*;
    for (name, status) in [
        ("test_skip", Skipped),
        ("test_xfail", XFailed),
        ("test_xpass", XPassed),
        ("test_strict", Failed),
        ("test_setup", Error),
        ("test_teardown", Error),
        ("test_raises", Failed),
        ("test_exit", Failed),
        ("test_many[1]", Passed),
        ("test_many[2]", Failed),
        ("TestIn::test_method", Passed),
        ("test_b.py", Error),
    ] {
        assert_eq!(find(&report, name).status, status, "{name}");
    }
    assert_eq!(find(&report, "test_b.py").failure.as_ref().unwrap().class, FailureClass::Import);
    let raised = find(&report, "test_raises").failure.as_ref().unwrap();
    assert_eq!(raised.class, FailureClass::Exception { name: "KeyError".to_owned() });

    case.request.select =
        Select::Ids(vec!["test_a.py::test_many[1]".into(), "test_a.py::test_gone".into(), "gone.py::x".into()]);
    let chosen = case.run().await;
    assert_eq!(statuses(&chosen), [("test_a.py::test_many[1]", Passed)]);
    assert_eq!(chosen.ending, RunEnding::Complete);
    case.request.select = Select::Ids(vec!["gone.py::x".into()]);
    assert_eq!(case.run().await.ending, RunEnding::NoTests);
}

#[tokio::test]
async fn unittest_statuses() {
    let tests = r#"
import unittest

class T(unittest.TestCase):
    @unittest.skip("not now")
    def test_skip(self): pass

    @unittest.expectedFailure
    def test_xfail(self): self.fail()

    @unittest.expectedFailure
    def test_xpass(self): pass

    def test_raises(self): {}["x"]

    def test_subs(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertEqual(n, 0)

    def test_good(self): pass

class Setup(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("no class")
    def test_never(self): pass

class Fixture(unittest.TestCase):
    def setUp(self): raise ValueError("no fixture")
    def test_fixture(self): pass
"#;
    let broken = "import nothing_like_this\n";
    let mut case = case(RunnerKind::Unittest, &[("test_a.py", tests), ("test_b.py", broken)]).await;
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    use TestStatus::*;
    for (name, status) in [
        ("T.test_skip", Skipped),
        ("T.test_xfail", XFailed),
        ("T.test_xpass", XPassed),
        ("T.test_raises", Failed),
        ("T.test_subs", Failed),
        ("T.test_good", Passed),
        ("Setup.test_never", Error),
        ("Fixture.test_fixture", Error),
        ("test_b", Error),
    ] {
        assert_eq!(find(&report, name).status, status, "{name}: {report:#?}");
    }
    assert!(find(&report, "T.test_subs").failure.as_ref().unwrap().message.contains("n=2"));
    assert_eq!(find(&report, "test_b").failure.as_ref().unwrap().class, FailureClass::Import);
    case.request.select = Select::Ids(vec!["test_a.T.test_good".into(), "test_a.T.test_gone".into()]);
    let chosen = case.run().await;
    assert_eq!(chosen.results.iter().filter(|result| result.id.as_str() != "test_b").count(), 1);
    assert_eq!(find(&chosen, "test_good").status, Passed);
}

#[tokio::test]
async fn a_test_that_hangs_is_timed_out_and_the_rest_runs() {
    let tests = r#"
import signal, threading, unittest

class T(unittest.TestCase):
    def test_a_loop(self):
        while True:
            try:
                while True: pass
            except Exception: pass

    def test_b_sleep(self):
        import time
        time.sleep(100)

    def test_c_blocked(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        while True: pass

    def test_d_swallows(self):
        try:
            while True: pass
        except BaseException: pass

    def test_e_fine(self): pass
"#;
    let mut case = case(RunnerKind::Unittest, &[("test_a.py", tests)]).await;
    case.request.per_test = Duration::from_millis(200);
    case.request.per_test_of = vec![("test_a.T.test_e_fine".into(), Duration::from_secs(20))];
    let report = case.run().await;
    use TestStatus::*;
    for (name, status) in [
        ("test_a_loop", TimedOut),
        ("test_b_sleep", TimedOut),
        ("test_c_blocked", TimedOut),
        ("test_d_swallows", TimedOut),
        ("test_e_fine", Passed),
    ] {
        assert_eq!(find(&report, name).status, status, "{name}: {report:#?}");
    }
    assert_eq!(report.ending, RunEnding::Complete);
    assert_eq!(find(&report, "test_a_loop").failure.as_ref().unwrap().class, FailureClass::Timeout);
    // One that only killing ended counts as well when the rest is run in a second process.
    case.request.select = Select::Ids(vec![
        "test_a.T.test_b_sleep".into(),
        "test_a.T.test_c_blocked".into(),
        "test_a.T.test_d_swallows".into(),
        "test_a.T.test_e_fine".into(),
    ]);
    case.request.stop_after_timeouts = Some(3);
    let stopped = case.run().await;
    assert_eq!((stopped.results.len(), &stopped.ending), (3, &RunEnding::StoppedEarly), "{stopped:#?}");
    case.request.select = Select::All;
    case.request.stop_after_timeouts = Some(1);
    let stopped = case.run().await;
    assert_eq!((stopped.results.len(), &stopped.ending), (1, &RunEnding::StoppedEarly), "{stopped:#?}");
}

#[tokio::test]
async fn pytest_times_out_and_stops_early() {
    let tests = "import time\n\ndef test_a():\n    while True:\n        try:\n            time.sleep(9)\n        except Exception:\n            pass\n\ndef test_b():\n    assert 0\n\ndef test_c():\n    pass\n";
    let Some(mut case) = pytest(&[("test_a.py", tests)]).await else { return };
    case.request.per_test = Duration::from_millis(300);
    let report = case.run().await;
    use TestStatus::*;
    let all = [("test_a.py::test_a", TimedOut), ("test_a.py::test_b", Failed), ("test_a.py::test_c", Passed)];
    assert_eq!(statuses(&report), all);
    assert_eq!(report.ending, RunEnding::Complete);
    case.request.stop_after_failures = Some(2);
    let stopped = case.run().await;
    assert_eq!((stopped.results.len(), &stopped.ending), (2, &RunEnding::StoppedEarly));
}
