//! The rules that hold for every tool, on made-up steps and on a made-up tool in a real station.

use std::borrow::Cow;

use super::*;
use crate::backend::process::ProcessBackend;
use crate::report::{Frame, TestStatus};
use crate::runner::RunnerKind;
use crate::spec::{Labels, SandboxSpec};
use crate::workbench::WorkFile;

fn result(id: &str, status: TestStatus) -> TestResult {
    TestResult { id: id.into(), status, duration: Duration::ZERO, failure: None }
}

fn step(kind: StepKind, exit_code: Option<i32>, ending: RunEnding) -> StepOutput {
    StepOutput { ending, ..StepOutput::ended(kind, exit_code, b"said") }
}

fn judged(results: Vec<TestResult>, ending: RunEnding, steps: &[StepOutput]) -> ToolReport {
    judge(ToolReport::new(results, ending), steps, 0, None)
}

#[test]
fn what_is_known_of_a_run_wins_over_what_its_report_says() {
    let passed = || vec![result("a", TestStatus::Passed)];
    let tested = || step(StepKind::Test, Some(0), RunEnding::Complete);
    let crash = || RunEnding::Crashed { detail: "signal 9".to_owned() };
    let places = vec![Frame { path: "a.c".to_owned(), line: 1, function: String::new() }];
    let explained = RunEnding::BuildFailed { message: "a.c:1".to_owned(), places };
    for (said, steps, expected) in [
        (RunEnding::Complete, vec![tested()], RunEnding::Complete),
        (RunEnding::Complete, vec![step(StepKind::Test, None, RunEnding::TotalTimeout)], RunEnding::TotalTimeout),
        (explained.clone(), vec![step(StepKind::Test, None, RunEnding::OutOfMemory)], RunEnding::OutOfMemory),
        (RunEnding::Complete, vec![step(StepKind::Test, None, crash())], crash()),
        (RunEnding::NoTests, vec![step(StepKind::Test, None, crash())], crash()),
        (explained.clone(), vec![step(StepKind::Build, Some(1), RunEnding::Complete)], explained),
        (
            RunEnding::Complete,
            vec![step(StepKind::Build, Some(1), RunEnding::Complete)],
            RunEnding::BuildFailed { message: "said".to_owned(), places: Vec::new() },
        ),
        (RunEnding::Complete, vec![], RunEnding::Crashed { detail: "no test was run".to_owned() }),
        // What comes after the tests has no say.
        (
            RunEnding::Complete,
            vec![tested(), step(StepKind::After, None, RunEnding::TotalTimeout)],
            RunEnding::Complete,
        ),
    ] {
        assert_eq!(judged(passed(), said, &steps).ending, expected, "{steps:?}");
    }
    let steps = [tested()];
    assert_eq!(judged(Vec::new(), RunEnding::Complete, &steps).ending, RunEnding::NoTests);
    let left_out = judge(ToolReport::new(passed(), RunEnding::Complete), &steps, 1, None);
    assert!(matches!(left_out.ending, RunEnding::Tampered { .. }), "{left_out:?}");
}

#[test]
fn of_two_results_the_worse_counts_and_what_nobody_asked_for_is_dropped() {
    let results = vec![
        result("a", TestStatus::Passed),
        result("b", TestStatus::Failed),
        result("a", TestStatus::Failed),
        result("b", TestStatus::Passed),
        result("c", TestStatus::Passed),
    ];
    let steps = [step(StepKind::Test, Some(1), RunEnding::Complete)];
    let select = [TestId::from("a"), TestId::from("gone")];
    let all = judged(results.clone(), RunEnding::Complete, &steps).results;
    let statuses: Vec<_> = all.iter().map(|it| (it.id.as_str(), it.status)).collect();
    assert_eq!(statuses, [("a", TestStatus::Failed), ("b", TestStatus::Failed), ("c", TestStatus::Passed)]);
    let read = ToolReport::new(results, RunEnding::Complete);
    let chosen = judge(read, &steps, 0, Some(&select)).results;
    assert_eq!(chosen.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a"]);
}

/// A tool whose tests are shell scripts: `NAME.t` passes when it exits with 0. The report is one file per test.
struct Scripts;

const DRIVER: &str = r#"for test in $TESTS; do
    if sh "$test.t" >"$1/$test.log" 2>&1; then echo passed; else echo failed; fi >"$1/$test.result"
    echo "ran $test"
done
echo made > made/left.xml
touch "$1/finished""#;

impl Tool for Scripts {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let tests = match run.select {
            Some(ids) => ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" "),
            None => run.words[1..].join(" "),
        };
        let argv = ["/bin/sh", &format!("{}/driver.sh", run.reports), run.reports].map(str::to_owned).into();
        let build = ["/bin/sh", "-c", "test ! -e broken && mkdir -p made && ls made"].map(str::to_owned).into();
        ToolCommand {
            support: vec![("driver.sh".to_owned(), Cow::Borrowed(DRIVER.as_bytes()))],
            steps: vec![
                Step { kind: StepKind::Build, argv: build, env: Vec::new() },
                Step { kind: StepKind::Test, argv, env: vec![("TESTS".to_owned(), tests)] },
            ],
            collect: vec![Collect::Reports("**".to_owned()), Collect::Workspace("made/*.xml".to_owned())],
        }
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let mut results = Vec::new();
        for file in left.files {
            let Some(name) = file.path.strip_suffix(".result") else { continue };
            let status = if file.bytes == b"passed\n" { TestStatus::Passed } else { TestStatus::Failed };
            results.push(result(name, status));
        }
        let finished = left.files.iter().any(|file| file.path == "finished");
        let ending =
            if finished { RunEnding::Complete } else { RunEnding::Crashed { detail: "not finished".to_owned() } };
        let line = u32::try_from(results.len()).unwrap();
        let lines = match left.run.coverage {
            Coverage::PerTest => vec![(repo::RepoPath::new("code").unwrap(), vec![line])],
            Coverage::Off => Vec::new(),
        };
        ToolReport::new(results, ending).covering(lines)
    }
}

fn script(name: &str, text: &str) -> WorkFile {
    let path = repo::RepoPath::new(name).unwrap();
    WorkFile { path, bytes: text.as_bytes().to_vec(), mode: repo::FileMode::Regular }
}

#[tokio::test]
async fn a_tool_runs_and_its_reports_come_back() {
    let backend = ProcessBackend::connect().await.unwrap();
    let station = Station::start(&backend, &SandboxSpec::new(Labels::for_job("tool"))).await.unwrap();
    let at = station.make_place("w").await.unwrap();
    let files = [
        script("good.t", "exit 0"),
        script("also.t", "exit 0"),
        script("bad.t", "exit 1"),
        script("made/stale.xml", "of an earlier run"),
        script("hang.t", "sleep 1000"),
        script("murder.t", "kill -9 $PPID"),
    ];
    station.put(&at, &files).await.unwrap();
    let words = ["scripts", "good", "also", "bad"].map(str::to_owned).to_vec();
    let plan = TestPlan { runner: RunnerKind::Tap, args: words, ..TestPlan::parse_command("x").unwrap() };
    let request = TestRequest { coverage: Coverage::PerTest, ..TestRequest::all(plan.clone()) };

    let report = station.run_tool(&at, &plan, &Scripts, &request).await.unwrap();
    let mut statuses: Vec<_> = report.results.iter().map(|it| (it.id.as_str(), it.status)).collect();
    statuses.sort_by_key(|(id, _)| *id);
    let expected = [("also", TestStatus::Passed), ("bad", TestStatus::Failed), ("good", TestStatus::Passed)];
    assert_eq!((statuses.as_slice(), &report.ending), (&expected[..], &RunEnding::Complete), "{report:?}");
    // The stale report was gone before the first step.
    assert_eq!(report.output, "ran good\nran also\nran bad\n");
    assert_eq!(report.coverage.len(), 3, "{report:?}");

    let only = TestRequest { select: Select::Ids(vec!["good".into()]), ..TestRequest::all(plan.clone()) };
    let report = station.run_tool(&at, &plan, &Scripts, &only).await.unwrap();
    assert_eq!(report.results, [result("good", TestStatus::Passed)]);
    assert!(report.all_passed(), "{report:?}");

    let total = Duration::from_secs(1);
    let hang = TestRequest { select: Select::Ids(vec!["hang".into()]), total, ..TestRequest::all(plan.clone()) };
    let report = station.run_tool(&at, &plan, &Scripts, &hang).await.unwrap();
    assert_eq!(report.ending, RunEnding::TotalTimeout);

    let murder = TestRequest { select: Select::Ids(vec!["murder".into()]), ..TestRequest::all(plan.clone()) };
    let report = station.run_tool(&at, &plan, &Scripts, &murder).await.unwrap();
    assert!(!report.all_passed() && report.ending != RunEnding::Complete, "{report:?}");

    station.put(&at, &[script("broken", "")]).await.unwrap();
    let report = station.run_tool(&at, &plan, &Scripts, &only).await.unwrap();
    assert!(matches!(report.ending, RunEnding::BuildFailed { .. }), "{report:?}");
    let left = station.run(&at, &super::super::tests::shell("ls -A $TMPDIR/../..")).await.unwrap();
    assert_eq!(left.output.lines().filter(|line| line.starts_with("reports-")).count(), 0, "{left:?}");
    station.close().await.unwrap();
}
