//! Django's `runtests.py` in the driver: a miniature of the script, and Django itself where `PATCHWRIGHT_DJANGO_TREE` names its source.

use super::*;

/// What the driver relies on: labels, `--parallel`, and a suite handed to `unittest.TextTestRunner`.
const SCRIPT: &str = r#"
import argparse, os, sys, unittest
parser = argparse.ArgumentParser()
parser.add_argument("modules", nargs="*")
parser.add_argument("--settings")
parser.add_argument("--parallel", type=int, default=0)
parser.add_argument("-v", "--verbosity", type=int, default=1)
options = parser.parse_args()
assert options.parallel == 1, "one process"
os.environ["SETTINGS"] = options.settings or ""
loader = unittest.TestLoader()
suite = loader.loadTestsFromNames(options.modules or ["polls.tests"])
result = unittest.TextTestRunner(verbosity=options.verbosity).run(suite)
sys.exit(bool(len(result.failures) + len(result.errors)))
"#;
const POLLS: &str = r#"
import os, unittest
from mini import VALUE

class PollTests(unittest.TestCase):
    def __call__(self, result=None):
        if self._testMethodName == "test_prepared" and VALUE == 3:
            try: raise ValueError("no database")
            except ValueError:
                import sys
                result.addError(self, sys.exc_info())
            return
        super().__call__(result)
    def test_value(self): self.assertEqual(VALUE, 1)
    def test_settings(self): self.assertEqual(os.environ["SETTINGS"], "test_sqlite")
    def test_prepared(self): pass
"#;

async fn miniature() -> Case {
    let files = [
        ("tests/runtests.py", SCRIPT),
        ("tests/polls/__init__.py", ""),
        ("tests/polls/tests.py", POLLS),
        ("mini/__init__.py", "VALUE = 1\n"),
    ];
    let mut case = case(RunnerKind::Django, &files).await;
    let words = ["python", "tests/runtests.py", "--settings=test_sqlite", "--parallel", "4", "-v", "2"];
    case.request.plan.args = words.map(str::to_owned).to_vec();
    case.request.plan.import_cwd = false;
    case
}

#[tokio::test]
async fn the_script_runs_in_the_forked_child() {
    let mut case = miniature().await;
    let report = case.run().await;
    assert_eq!(report.ending, RunEnding::Complete, "{report:#?}");
    let id = |name: &str| format!("polls.tests.PollTests.{name}");
    assert_eq!(report.results.len(), 3, "{report:#?}");
    assert!(report.all_passed(), "{report:#?}");
    let broken = case.with(&[over("mini/__init__.py", "VALUE = 3\n")]).await;
    assert_eq!(broken.ending, RunEnding::Complete, "{broken:#?}");
    assert_eq!(find(&broken, "test_value").status, TestStatus::Failed);
    assert_eq!(find(&broken, "test_value").failure.as_ref().unwrap().class, FailureClass::Assertion);
    assert_eq!(find(&broken, "test_prepared").status, TestStatus::Error, "its own preparation broke");
    case.request.select = Select::Ids(vec![id("test_value").into()]);
    let one = case.run().await;
    assert_eq!(statuses(&one), [(id("test_value").as_str(), TestStatus::Passed)]);
    case.request.coverage = Coverage::PerTest;
    assert!(!case.run().await.coverage.is_empty());
    case.bench.close().await.unwrap();
}

#[tokio::test]
async fn a_script_that_runs_no_test_is_no_pass() {
    let mut case = miniature().await;
    for script in ["import sys; print('OK'); sys.exit(0)\n", "import os; os._exit(0)\n", "def f(:\n", "x = 1\n"] {
        let report = case.with(&[over("tests/runtests.py", script)]).await;
        let seen = matches!(report.ending, RunEnding::Crashed { .. } | RunEnding::CollectionFailed { .. });
        assert!(seen && report.results.is_empty(), "{script}: {report:#?}");
    }
    let gone = case.with(&[Overlay { path: RepoPath::new("tests/runtests.py").unwrap(), bytes: None }]).await;
    assert!(matches!(gone.ending, RunEnding::CollectionFailed { .. }), "{gone:#?}");
    case.bench.close().await.unwrap();
}

/// Candidates on Django's own tests: forked from the driver, against a process for each. With
/// `PATCHWRIGHT_DJANGO_TREE=DIR PATCHWRIGHT_TEST_PYTHON=PYTHON cargo test -p sandbox --lib django::candidates -- --nocapture`.
#[tokio::test]
async fn candidates_on_django_itself() {
    let Some(tree) = std::env::var_os("PATCHWRIGHT_DJANGO_TREE") else {
        println!("skipped: PATCHWRIGHT_DJANGO_TREE does not name a source tree of Django");
        return;
    };
    let tree = std::path::PathBuf::from(tree);
    let mut files = Vec::new();
    for top in ["django", "tests"] {
        walk(&tree, &tree.join(top), &mut files);
    }
    let mut bench = start().await;
    bench.put(files).await.unwrap();
    let mut request = TestRequest::all(plan(RunnerKind::Django));
    request.plan.args = ["python", "tests/runtests.py", "--settings=test_sqlite"].map(str::to_owned).to_vec();
    request.select = Select::Ids(vec!["utils_tests.test_text.TestUtilsText.test_slugify".into()]);
    let base = bench.run_tests(&request).await.unwrap();
    assert!(base.all_passed(), "{base:#?}");
    let text = std::fs::read_to_string(tree.join("django/utils/text.py")).unwrap();
    let mut clock = [Duration::ZERO; 2];
    const CANDIDATES: u32 = 10;
    for number in 0..CANDIDATES {
        let edited = over("django/utils/text.py", &format!("{text}\nX = {number}\n"));
        let begin = std::time::Instant::now();
        let forked = bench.run_tests(&TestRequest { overlay: vec![edited.clone()], ..request.clone() }).await.unwrap();
        clock[0] += begin.elapsed();
        assert!(forked.all_passed(), "{forked:#?}");
        let label = "utils_tests.test_text.TestUtilsText.test_slugify";
        let begin = std::time::Instant::now();
        let fresh = bench
            .run_command(&CommandRequest {
                argv: [&python(), "tests/runtests.py", "--settings=test_sqlite", "--parallel=1", label]
                    .map(str::to_owned)
                    .to_vec(),
                cwd: String::new(),
                env: vec![("PYTHONPATH".to_owned(), ".".to_owned())],
                overlay: vec![edited],
                total: Duration::from_secs(60),
                silence: Duration::from_secs(60),
            })
            .await
            .unwrap();
        clock[1] += begin.elapsed();
        assert_eq!(fresh.exit_code, Some(0), "{}", fresh.output);
    }
    let [forked, fresh] = clock.map(|time| time / CANDIDATES);
    println!("per candidate: {forked:?} forked from the driver, {fresh:?} as a process of its own");
    bench.close().await.unwrap();
}

fn walk(tree: &std::path::Path, folder: &std::path::Path, files: &mut Vec<WorkFile>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            if entry.file_name() != "__pycache__" {
                walk(tree, &entry.path(), files);
            }
        } else if kind.is_file() {
            let path = RepoPath::new(entry.path().strip_prefix(tree).unwrap().to_str().unwrap()).unwrap();
            files.push(WorkFile { path, bytes: std::fs::read(entry.path()).unwrap(), mode: FileMode::Regular });
        }
    }
}
