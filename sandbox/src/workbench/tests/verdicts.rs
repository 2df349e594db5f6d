//! What verdicts need of a box: what is installed in it, and tests that come and go in it.

use super::*;
use crate::verdict::flake::{self, FlakeBook, Place};

async fn environment(variables: &[(&str, &str)]) -> Option<String> {
    let mut spec = SandboxSpec { python: Some(python()), ..SandboxSpec::new(Labels::for_job("test")) };
    spec.env.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let bench = Workbench::start(&PlainBackend, &spec, &plan(RunnerKind::Pytest)).await.unwrap();
    let environment = bench.environment().map(str::to_owned);
    bench.close().await.unwrap();
    environment
}

#[tokio::test]
async fn an_environment_is_known_by_what_is_installed() {
    let packages = tempfile::tempdir().unwrap();
    let path = [("PYTHONPATH", packages.path().to_str().unwrap())];
    let (empty, again) = (environment(&path).await, environment(&path).await);
    assert!(empty.as_ref().is_some_and(|digest| digest.len() == 64), "{empty:?}");
    assert_eq!(empty, again);
    std::fs::write(packages.path().join("added.py"), "X = 1\n").unwrap();
    let added = environment(&path).await;
    assert_ne!(empty, added);
    std::fs::write(packages.path().join("added.py"), "X = 123\n").unwrap();
    assert_ne!(added, environment(&path).await);
}

/// By a count kept outside the workspace, by the order of the tests, and by the clock; and one that is steady.
const FLAKY: &str = r#"
import os, time

COUNT = os.environ["COUNT_FILE"]

def test_every_third_run_fails():
    count = int(open(COUNT).read()) if os.path.exists(COUNT) else 0
    with open(COUNT, "w") as file:
        file.write(str(count + 1))
    assert count % 3 != 2

def test_fails_in_odd_milliseconds():
    assert int(time.time() * 1000) % 2 == 0

def test_order_first():
    global ran
    ran = True

def test_order_second():
    assert ran

ran = False

def test_steady():
    assert True

def test_steadily_broken():
    assert False
"#;

#[tokio::test]
async fn tests_that_come_and_go_are_found_by_running_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = SandboxSpec { python: Some(python()), ..SandboxSpec::new(Labels::for_job("test")) };
    let count = folder.path().join("count");
    spec.env.push(("COUNT_FILE".to_owned(), count.to_str().unwrap().to_owned()));
    let mut bench = Workbench::start(&PlainBackend, &spec, &plan(RunnerKind::Pytest)).await.unwrap();
    if bench.pytest_version().is_err() {
        println!("skipped: no pytest");
        return bench.close().await.unwrap();
    }
    bench.put(vec![file("test_flaky.py", FLAKY)]).await.unwrap();
    let mut book = FlakeBook::default();
    let here = Place::new("tree", "image");
    let all = TestRequest::all(plan(RunnerKind::Pytest));
    let id = |name: &str| TestId::new(format!("test_flaky.py::{name}"));
    for run in 0..24 {
        let mut request = all.clone();
        if run % 2 == 1 {
            // Alone, as a search runs it.
            request.select =
                Select::Ids(vec![id("test_order_second"), id("test_steady"), id("test_fails_in_odd_milliseconds")]);
        }
        for (test, passed) in flake::observations(&bench.run_tests(&request).await.unwrap()) {
            book.observe(&here, &test, passed);
        }
    }
    bench.close().await.unwrap();
    let found: Vec<String> = book.quarantined().map(ToString::to_string).collect();
    let expected = ["test_every_third_run_fails", "test_fails_in_odd_milliseconds", "test_order_second"];
    assert_eq!(found, expected.map(|name| id(name).to_string()));
    let every_third = book.posterior(&id("test_every_third_run_fails"));
    assert_eq!((every_third.disagreed, every_third.agreed), (4.0, 7.0));
    let broken = book.passes_needed(&here, &id("test_steadily_broken"), flake::WRONG_ACCEPT);
    assert_eq!(broken, flake::Passes::Enough(1), "twelve failures in a row are no accident");
    let gone = book.passes_needed(&here, &id("test_every_third_run_fails"), flake::WRONG_ACCEPT);
    assert_eq!(gone, flake::Passes::Never);
}
