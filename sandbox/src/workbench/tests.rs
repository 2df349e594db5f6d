//! The driver and the conversation with it, on miniature repositories: one per way of going right or wrong.

mod django;
mod languages;
mod limits;
mod plain;
mod stationed;
mod tools;
mod trace;
mod verdicts;

use std::time::Duration;

use self::plain::PlainBackend;
use super::*;
use crate::backend::{BackendKind, ConnectOptions, connect};
use crate::limits::Limits;
use crate::report::{FailureClass, TestResult, TestStatus};
use crate::spec::Labels;

const GCD: &str = "def gcd(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n";
const TESTS: &str = "from gcd import gcd\n\ndef test_small():\n    assert gcd(4, 6) == 2\n\ndef test_zero():\n    assert gcd(17, 0) == 17\n";

/// A workbench with files, and the plan for them.
struct Case {
    bench: Workbench,
    request: TestRequest,
}

fn python() -> String {
    std::env::var("PATCHWRIGHT_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn file(path: &str, text: &str) -> WorkFile {
    WorkFile { path: RepoPath::new(path).unwrap(), bytes: text.as_bytes().to_vec(), mode: FileMode::Regular }
}

fn over(path: &str, text: &str) -> Overlay {
    Overlay { path: RepoPath::new(path).unwrap(), bytes: Some(text.as_bytes().to_vec()) }
}

fn plan(runner: RunnerKind) -> TestPlan {
    TestPlan {
        runner,
        args: Vec::new(),
        python: None,
        import_cwd: true,
        cwd: String::new(),
        env: Vec::new(),
        evidence: Vec::new(),
    }
}

/// `PATCHWRIGHT_TEST_BOX` runs everything here in the boxes of a real backend: `process` or `docker`.
async fn start() -> Workbench {
    match std::env::var("PATCHWRIGHT_TEST_BOX").as_deref() {
        Ok("process") => start_in(BackendKind::Process, Limits::default()).await.unwrap(),
        Ok("docker") => start_in(BackendKind::Docker, Limits::default()).await.unwrap(),
        Ok(other) => panic!("no such box: {other}"),
        Err(_) => {
            let spec = SandboxSpec { python: Some(python()), ..SandboxSpec::new(Labels::for_job("test")) };
            Workbench::start(&PlainBackend, &spec, &plan(RunnerKind::Pytest)).await.unwrap()
        }
    }
}

async fn start_in(kind: BackendKind, limits: Limits) -> Result<Workbench, SandboxError> {
    let backend = connect(kind, &ConnectOptions::default()).await?;
    let image = backend.prepare(None, &|_| {}).await?;
    let python = (kind == BackendKind::Process).then(python);
    let spec = SandboxSpec { image, python, limits, ..SandboxSpec::new(Labels::for_job("test")) };
    Workbench::start(backend.as_ref(), &spec, &plan(RunnerKind::Pytest)).await
}

/// `None`, after saying so, where the interpreter has no pytest.
async fn pytest(files: &[(&str, &str)]) -> Option<Case> {
    let case = case(RunnerKind::Pytest, files).await;
    if let Err(trouble) = case.bench.pytest_version() {
        assert!(std::env::var_os("PATCHWRIGHT_REQUIRE_PYTEST").is_none(), "pytest is required here: {trouble}");
        println!("skipped: {trouble}");
        return None;
    }
    Some(case)
}

async fn case(runner: RunnerKind, files: &[(&str, &str)]) -> Case {
    let mut bench = start().await;
    bench.put(files.iter().map(|(path, text)| file(path, text)).collect()).await.unwrap();
    let mut request = TestRequest::all(plan(runner));
    request.per_test = Duration::from_secs(20);
    request.total = Duration::from_secs(60);
    Case { bench, request }
}

impl Case {
    async fn run(&mut self) -> TestReport {
        self.bench.run_tests(&self.request).await.unwrap()
    }

    async fn with(&mut self, overlay: &[Overlay]) -> TestReport {
        let request = TestRequest { overlay: overlay.to_vec(), ..self.request.clone() };
        self.bench.run_tests(&request).await.unwrap()
    }
}

fn statuses(report: &TestReport) -> Vec<(&str, TestStatus)> {
    report.results.iter().map(|result| (result.id.as_str(), result.status)).collect()
}

fn find<'a>(report: &'a TestReport, part: &str) -> &'a TestResult {
    report
        .results
        .iter()
        .find(|result| result.id.as_str().contains(part))
        .unwrap_or_else(|| panic!("no {part}: {report:#?}"))
}

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

/// Runs one test file whose body may be anything, on the base and as an overlay.
async fn ending_of(body: &str) -> (Case, TestReport) {
    let mut case = case(RunnerKind::Unittest, &[("victim.py", "X = 1\n"), ("test_a.py", &unittest_around(body))]).await;
    case.request.total = Duration::from_secs(5);
    case.request.silence = Duration::from_secs(3);
    let report = case.run().await;
    assert!(!report.all_passed(), "{report:#?}");
    (case, report)
}

fn unittest_around(body: &str) -> String {
    let indented = body.lines().map(|line| format!("        {line}\n")).collect::<String>();
    format!(
        "import os, signal, subprocess, sys, unittest\n\nclass T(unittest.TestCase):\n    def test_it(self):\n{indented}"
    )
}

/// The bench still works after whatever happened, and the base is intact.
async fn check_usable(case: &mut Case) {
    assert!(case.bench.is_alive());
    let good = unittest_around(
        "import victim\nself.assertEqual(victim.X, 1)\nself.assertEqual(sorted(os.listdir('.')), ['test_a.py', 'victim.py'])",
    );
    let report = case.with(&[over("test_a.py", &good)]).await;
    assert!(report.all_passed(), "{report:#?}");
}

#[tokio::test]
async fn leaving_early_is_no_pass() {
    for body in
        ["os._exit(0)", "os.kill(os.getpid(), signal.SIGTERM)", "os.closerange(3, 100000)\nos._exit(0)", "os.abort()"]
    {
        let (mut case, report) = ending_of(body).await;
        assert!(matches!(report.ending, RunEnding::Crashed { .. }), "{body}: {report:#?}");
        check_usable(&mut case).await;
    }
}

#[tokio::test]
async fn leaving_at_import_is_no_pass() {
    for top in ["import os; os._exit(0)", "import sys; sys.exit(0)", "raise SystemExit"] {
        let tests = format!("{top}\nimport unittest\n\nclass T(unittest.TestCase):\n    def test_it(self): pass\n");
        let mut case = case(RunnerKind::Unittest, &[("test_a.py", &tests)]).await;
        let report = case.run().await;
        let seen = matches!(report.ending, RunEnding::Crashed { .. } | RunEnding::CollectionFailed { .. });
        assert!(seen, "{top}: {report:#?}");
        assert!(case.bench.is_alive());
        let Some(mut case) = pytest(&[("test_a.py", &tests)]).await else { return };
        let report = case.run().await;
        let seen = matches!(report.ending, RunEnding::Crashed { .. } | RunEnding::CollectionFailed { .. });
        assert!(seen, "{top}: {report:#?}");
        assert!(case.bench.is_alive());
    }
}

#[tokio::test]
async fn killing_the_parent_ends_the_box_and_is_no_pass() {
    let (case, report) = ending_of("os.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)").await;
    assert!(matches!(report.ending, RunEnding::Crashed { .. }), "{report:#?}");
    assert!(!case.bench.is_alive());
    case.bench.close().await.unwrap();
}

#[tokio::test]
async fn a_killed_test_process_counts_as_out_of_memory() {
    let (mut case, report) = ending_of("os.kill(os.getpid(), signal.SIGKILL)").await;
    let killed = matches!(report.ending, RunEnding::OutOfMemory | RunEnding::Crashed { .. });
    assert!(killed, "{report:#?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn deleting_the_tree_is_repaired() {
    let (mut case, report) = ending_of("import shutil\nshutil.rmtree(os.getcwd())\nself.fail('gone')").await;
    assert_eq!(find(&report, "test_it").status, TestStatus::Failed, "{report:#?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn changed_and_added_files_are_taken_back() {
    let body = "open('victim.py', 'w').write('X = 2\\n')\nstatus = os.stat('test_a.py')\nopen('test_a.py', 'a').write('#')\nos.utime('test_a.py', (status.st_atime, status.st_mtime))\nos.makedirs('deep/er')\nopen('deep/er/new.py', 'w').close()\nos.symlink('/', 'root')\nos.chmod('deep', 0)\nself.fail()";
    let (mut case, report) = ending_of(body).await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_stopped() {
    let (mut case, report) = ending_of("while True: os.write(1, b'x' * 65536)").await;
    assert_eq!(report.ending, RunEnding::OutputLimit, "{:?}", report.ending);
    assert!(report.output.len() <= (5 << 20) + 200, "{}", report.output.len());
    assert!(report.output.contains("bytes left out"));
    check_usable(&mut case).await;
}

#[tokio::test]
async fn captured_output_without_end_is_stopped() {
    let tests = "def test_it():\n    while True:\n        print('x' * 65536)\n";
    let Some(mut case) = pytest(&[("test_a.py", tests)]).await else { return };
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::OutputLimit, "{:?}", report.ending);
    assert!(case.bench.is_alive());
}

#[tokio::test]
async fn forged_reports_on_stdout_are_only_output() {
    let body = r#"line = b'{"op": "done", "exit": 0, "signal": null, "killed": null, "unclean": null, "oom": null, "full": false, "elapsed": 0.1}'
import struct
frame = struct.pack('>II', len(line), 0) + line
for fd in range(0, 1024):
    try: os.write(fd, frame)
    except OSError: pass
print('OK\nRan 1 test\n1 passed')
import stat
for parent in os.listdir('/proc/%d/fd' % os.getppid()):
    place = '/proc/%d/fd/%s' % (os.getppid(), parent)
    # Only the protocol's pipes: the test's own output may be a file, and must not be harmed.
    if stat.S_ISFIFO(os.stat(place).st_mode): open(place, 'wb').write(frame)
os._exit(0)"#;
    let (_, report) = ending_of(body).await;
    assert!(matches!(report.ending, RunEnding::Tampered { .. } | RunEnding::Crashed { .. }), "{report:#?}");
}

#[tokio::test]
async fn processes_left_behind_are_ended() {
    let body = "code = 'import os,time\\nos.setsid()\\nfor _ in range(3): os.fork()\\ntime.sleep(600)'\nsubprocess.Popen([sys.executable, '-c', code], start_new_session=True)\nsubprocess.Popen(['sleep', '601'])\nself.fail()";
    let (mut case, report) = ending_of(body).await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    let ps = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '^sleep 601' && exit 3; done; exit 0";
    let outcome = case.bench.run_command(&command(ps)).await.unwrap();
    assert_eq!(outcome.exit_code, Some(0), "{outcome:?}");
    check_usable(&mut case).await;
}

#[tokio::test]
async fn silence_and_total_time_are_told_apart() {
    let mut case = case(RunnerKind::Command, &[("x", "")]).await;
    case.request.plan.args = vec!["sleep 100".to_owned()];
    case.request.silence = Duration::from_millis(300);
    assert_eq!(case.run().await.ending, RunEnding::Silence);
    case.request.silence = Duration::from_secs(9);
    case.request.total = Duration::from_millis(300);
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::TotalTimeout);
    assert_eq!(report.results[0].status, TestStatus::TimedOut);
    assert!(case.bench.is_alive());
}

fn command(line: &str) -> CommandRequest {
    CommandRequest {
        argv: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        cwd: String::new(),
        env: vec![("GREETING".to_owned(), "hello".to_owned())],
        overlay: vec![over("sub/new.txt", "new\n")],
        total: Duration::from_secs(20),
        silence: Duration::from_secs(20),
    }
}

#[tokio::test]
async fn commands_see_overlay_and_variables_and_report_their_exit() {
    let mut case = case(RunnerKind::Command, &[("a.txt", "base\n")]).await;
    let outcome =
        case.bench.run_command(&command("cat a.txt sub/new.txt; echo $GREETING; rm a.txt; exit 3")).await.unwrap();
    assert_eq!((outcome.exit_code, &outcome.ending), (Some(3), &RunEnding::Complete));
    assert_eq!(outcome.output, "base\nnew\nhello\n");
    assert_eq!(case.bench.pull(&RepoPath::new("a.txt").unwrap(), 100).await.unwrap(), b"base\n");
    assert!(case.bench.pull(&RepoPath::new("sub/new.txt").unwrap(), 100).await.is_err());
    case.request.plan.args = vec!["test -f a.txt".to_owned()];
    let report = case.run().await;
    assert!(report.all_passed());
    assert_eq!(report.results[0].id.as_str(), "command: test -f a.txt");
}

#[tokio::test]
async fn no_tests_and_broken_files_are_told_apart() {
    let mut case = case(RunnerKind::Unittest, &[("a.py", "X = 1\n")]).await;
    assert_eq!(case.run().await.ending, RunEnding::NoTests);
    let broken = case.with(&[over("test_a.py", "def broken(:\n")]).await;
    assert!(matches!(broken.ending, RunEnding::CollectionFailed { .. }), "{broken:#?}");
    let Some(mut case) = pytest(&[("a.py", "X = 1\n")]).await else { return };
    assert_eq!(case.run().await.ending, RunEnding::NoTests);
    let broken = case.with(&[over("test_a.py", "def broken(:\n")]).await;
    assert!(
        matches!(&broken.ending, RunEnding::CollectionFailed { message } if message.contains("SyntaxError")),
        "{broken:#?}"
    );
    let conftest = case.with(&[over("conftest.py", "import nothing_like_this\n")]).await;
    assert!(
        matches!(&conftest.ending, RunEnding::CollectionFailed { message } if message.contains("nothing_like_this")),
        "{conftest:#?}"
    );
}

#[tokio::test]
async fn unusable_addopts_are_left_out_and_it_is_said() {
    let files =
        [("pytest.ini", "[pytest]\naddopts = --plugin-that-is-missing\n"), ("test_a.py", "def test_it(): pass\n")];
    let Some(mut case) = pytest(&files).await else { return };
    for _ in 0..2 {
        let report = case.run().await;
        assert!(report.all_passed(), "{report:#?}");
        assert!(report.output.contains("addopts"), "{}", report.output);
    }
}

#[tokio::test]
async fn coverage_names_the_lines_each_test_runs() {
    let code = "def small(x):\n    if x > 1:\n        return 1\n    return 2\n\nTOP = small(0)\n";
    let tests = "import unittest\nimport code_under as c\n\nclass T(unittest.TestCase):\n    def test_big(self):\n        c.small(5)\n\n    def test_small(self):\n        c.small(0)\n";
    let mut case = case(RunnerKind::Unittest, &[("code_under.py", code), ("test_a.py", tests)]).await;
    case.request.coverage = Coverage::PerTest;
    let report = case.run().await;
    let lines = |test: usize, path: &str| {
        let files = &report.coverage[test].lines;
        files.iter().find(|(known, _)| known.to_string() == path).map(|(_, lines)| lines.clone()).unwrap()
    };
    assert_eq!(report.coverage[0].test.as_str(), "test_a.T.test_big");
    assert_eq!(
        lines(0, "code_under.py"),
        [1, 2, 3].into_iter().filter(|line| lines(0, "code_under.py").contains(line)).collect::<Vec<_>>()
    );
    assert!(lines(0, "code_under.py").contains(&3) && !lines(0, "code_under.py").contains(&4), "{report:#?}");
    assert!(lines(1, "code_under.py").contains(&4) && !lines(1, "code_under.py").contains(&3), "{report:#?}");
    assert!(lines(0, "test_a.py").contains(&6));
}

#[tokio::test]
async fn imports_follow_the_plan() {
    let files =
        [("src/pkg/__init__.py", "X = 1\n"), ("tests/test_a.py", "import pkg\ndef test_it(): assert pkg.X == 1\n")];
    let Some(mut case) = pytest(&files).await else { return };
    assert!(!case.run().await.all_passed());
    case.request.plan.env = vec![("PYTHONPATH".to_owned(), "src".to_owned())];
    let report = case.run().await;
    assert!(report.all_passed(), "{report:#?}");
}

#[tokio::test]
async fn a_workspace_that_shadows_loaded_modules_gets_a_fresh_interpreter() {
    let tests = "import unittest, json\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(json.MINE, 1)\n";
    let mut case = case(RunnerKind::Unittest, &[("json.py", "MINE = 1\n"), ("test_a.py", tests)]).await;
    let report = case.run().await;
    assert!(!matches!(report.ending, RunEnding::Tampered { .. }), "{report:#?}");
    let mut case = super::tests::case(
        RunnerKind::Unittest,
        &[("mock.py", ""), ("colorsys.py", "MINE = 1\n"), ("test_a.py", &tests.replace("json", "colorsys"))],
    )
    .await;
    let report = case.run().await;
    assert!(report.all_passed(), "{report:#?}");
}

#[tokio::test]
async fn overlays_that_leave_the_workspace_are_refused() {
    let mut case = case(RunnerKind::Command, &[("a", "base\n")]).await;
    case.bench
        .put(vec![WorkFile { path: RepoPath::new("link").unwrap(), bytes: b"/tmp".to_vec(), mode: FileMode::Symlink }])
        .await
        .unwrap();
    case.request.plan.args = vec!["true".to_owned()];
    case.request.overlay = vec![over("link/evil", "x")];
    let refused = case.bench.run_tests(&case.request).await;
    assert!(matches!(refused, Err(SandboxError::Workspace { .. })), "{refused:?}");
    case.request.overlay = vec![over("b", "x"), Overlay { path: RepoPath::new("a").unwrap(), bytes: None }];
    case.request.plan.args = vec!["test -f b && ! test -e a".to_owned()];
    assert!(case.run().await.all_passed());
    case.request.overlay.clear();
    case.request.plan.args = vec!["test ! -e b && test -f a".to_owned()];
    assert!(case.run().await.all_passed());
}

#[tokio::test]
async fn a_forked_pytest_sees_each_overlay_and_no_earlier_run() {
    let conftest = "import helper\nimport pytest\n\n@pytest.fixture\ndef two():\n    return helper.TWO\n";
    let tests = "import os\nfrom gcd import gcd\n\ndef test_two(two):\n    print('printed by', os.getpid())\n    assert gcd(4, 6) == two\n";
    let files = [("gcd.py", GCD), ("helper.py", "TWO = 2\n"), ("conftest.py", conftest), ("test_gcd.py", tests)];
    let Some(mut case) = pytest(&files).await else { return };
    assert!(case.run().await.all_passed());
    let mut outputs = Vec::new();
    for round in 0..4 {
        let wrong = case.with(&[over("gcd.py", &format!("def gcd(a, b):\n    return 10 + {round}\n"))]).await;
        let message = &find(&wrong, "test_two").failure.as_ref().unwrap().message;
        assert!(message.contains(&format!("assert 1{round} == 2")), "{message}");
        assert_eq!(wrong.output.matches("printed by").count(), 1, "{}", wrong.output);
        outputs.push(wrong.output);
        assert!(case.with(&[over("gcd.py", &format!("{GCD}# {round}\n"))]).await.all_passed());
    }
    outputs.dedup();
    assert_eq!(outputs.len(), 4);
    // What the waiting pytest has loaded already: its overlay needs a new one.
    assert!(!case.with(&[over("helper.py", "TWO = 3\n")]).await.all_passed());
    assert!(!case.with(&[over("conftest.py", "")]).await.all_passed());
    assert!(!case.with(&[over("pytest.ini", "[pytest]\npython_files = nothing.py\n")]).await.all_passed());
    assert!(case.with(&[over("gcd.py", &format!("{GCD}\n"))]).await.all_passed());
    // It may be shot, lose its directory, or see its children hang: the next request is served all the same.
    let shoot_siblings = "import os\nfor p in os.listdir('/proc'):\n    if p.isdigit() and int(p) != os.getpid():\n        stat = open('/proc/%s/stat' % p).read().rsplit(')')[-1].split()\n        if stat[1] == str(os.getppid()): os.kill(int(p), 9)\n";
    let remove_all = "import os, shutil\nshutil.rmtree(os.getcwd())\nos._exit(0)\n";
    for evil in [shoot_siblings, remove_all, "while True: pass\n"] {
        case.request.total = Duration::from_secs(2);
        let report = case.with(&[over("gcd.py", evil)]).await;
        assert!(!report.all_passed(), "{report:#?}");
        case.request.total = Duration::from_secs(60);
        assert!(case.bench.is_alive(), "{evil}");
        let report = case.with(&[over("gcd.py", &format!("{GCD}#\n"))]).await;
        assert!(report.all_passed(), "after {evil}: {report:#?}");
    }
    case.request.coverage = Coverage::PerTest;
    let covered = case.with(&[over("gcd.py", &format!("{GCD}##\n"))]).await;
    assert_eq!(covered.coverage.len(), 1);
    case.request.select = Select::Ids(vec!["test_gcd.py::test_other".into()]);
    let chosen = case.with(&[over("test_gcd.py", &format!("{tests}\ndef test_other():\n    pass\n"))]).await;
    assert_eq!(statuses(&chosen), [("test_gcd.py::test_other", TestStatus::Passed)]);
}

/// A bench in a real box; `None`, having said so, where the backend is not to be had.
async fn real(kind: BackendKind, limits: Limits) -> Option<Workbench> {
    match start_in(kind, limits).await {
        Ok(bench) => Some(bench),
        Err(error) => {
            let required =
                kind == BackendKind::Docker && std::env::var("PATCHWRIGHT_REQUIRE_DOCKER").as_deref() == Ok("1");
            assert!(!required, "a {kind} box is required here: {error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// Bombs meet the limits of a real box, the ending names the limit, and afterwards the box works or says that it is dead.
async fn bombs(kind: BackendKind) {
    let limits = Limits { memory_bytes: 400 << 20, processes: 64, disk_bytes: 64 << 20, ..Limits::default() };
    let fork = "while True:\n    try: os.fork()\n    except OSError: pass";
    let fork_once = "for _ in range(100000):\n    if os.fork() == 0:\n        signal.pause()";
    let memory = "keep = []\nwhile True: keep.append(bytearray(b'x' * (8 << 20)))";
    let disk = "with open('big', 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))";
    for body in [fork, fork_once, memory, disk] {
        let Some(mut bench) = real(kind, limits.clone()).await else { return };
        bench.put(vec![file("victim.py", "X = 1\n"), file("test_a.py", &unittest_around(body))]).await.unwrap();
        let mut request = TestRequest::all(plan(RunnerKind::Unittest));
        request.total = Duration::from_secs(10);
        let report = bench.run_tests(&request).await.unwrap();
        assert!(!report.all_passed(), "{kind} {body}: {report:#?}");
        println!("{kind}: {} for {body:?}", report.ending);
        if body == disk {
            assert!(matches!(report.ending, RunEnding::DiskFull | RunEnding::OutputLimit), "{kind}: {report:#?}");
        }
        if bench.is_alive() {
            let mut case = Case { bench, request };
            check_usable(&mut case).await;
            bench = case.bench;
        }
        bench.close().await.unwrap();
    }
}

#[tokio::test]
async fn bombs_in_process_boxes() {
    bombs(BackendKind::Process).await;
}

#[tokio::test]
async fn bombs_in_docker_boxes() {
    bombs(BackendKind::Docker).await;
}
