//! The driver and the conversation with it, on miniature repositories: one per way of going right or wrong.

mod plain;

use std::time::Duration;

use self::plain::PlainBackend;
use super::*;
use crate::report::{FailureClass, TestResult};
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

async fn start() -> Workbench {
    let spec = SandboxSpec { python: Some(python()), ..SandboxSpec::new(Labels { job: "test".into(), boot: "test".into() }) };
    Workbench::start(&PlainBackend, &spec).await.unwrap()
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
    report.results.iter().find(|result| result.id.as_str().contains(part)).unwrap_or_else(|| panic!("no {part}: {report:#?}"))
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
