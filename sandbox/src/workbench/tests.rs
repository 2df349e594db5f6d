//! The driver and the conversation with it, on miniature repositories: one per way of going right or wrong.

mod django;
mod forked;
mod hostile;
mod languages;
mod limits;
mod plain;
mod results;
mod stationed;
mod tools;
mod trace;
mod verdicts;

use std::time::Duration;

use self::hostile::{real, unittest_around};
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
