//! The policy by itself, and on projects of a real `make` in real layers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::report::{Failure, TestResult};
use crate::workspace::mounts::tests::job;
use crate::workspace::mounts::{FrozenLayer, JobMounts};

fn result(id: &str, status: TestStatus, class: Option<FailureClass>) -> TestResult {
    let failure = class.map(|class| Failure { class, message: String::new(), frames: Vec::new() });
    TestResult { id: id.into(), status, duration: Duration::ZERO, failure }
}

fn report(ending: RunEnding, results: &[(&str, TestStatus)]) -> TestReport {
    let results = results.iter().map(|(id, status)| result(id, *status, None)).collect();
    TestReport { results, ..TestReport::empty(ending) }
}

fn build_failed() -> RunEnding {
    RunEnding::BuildFailed { message: "no rule".into(), places: Vec::new() }
}

#[track_caller]
fn check(reused: &TestReport, fresh: &TestReport, expected: Option<&str>) {
    let reuse = Reuse::default();
    reuse.compare(reused, fresh);
    assert_eq!(reuse.unsound().map(|it| it.to_string()).as_deref(), expected);
    assert_eq!(reuse.start() == Start::Fresh, expected.is_some());
}

#[test]
fn only_what_differs_ends_reuse() {
    use TestStatus::{Failed, Passed};
    let passed = report(RunEnding::Complete, &[("a", Passed), ("b", Failed)]);
    let other_order = report(RunEnding::Complete, &[("b", Failed), ("a", Passed)]);
    check(&passed, &other_order, None);
    let failed = report(RunEnding::Complete, &[("a", Failed), ("b", Failed)]);
    let words = "build products are not reused: a is Failed on old ones and is Passed without them";
    check(&failed, &passed, Some(words));
    let fewer = report(RunEnding::Complete, &[("b", Failed)]);
    let words = "build products are not reused: a is Passed on old ones and has no result without them";
    check(&passed, &fewer, Some(words));
    let unbuilt = report(build_failed(), &[]);
    let words = "build products are not reused: the build fails on old ones and not without them";
    check(&unbuilt, &passed, Some(words));
    check(&unbuilt, &report(build_failed(), &[]), None);
    let late = report(RunEnding::TotalTimeout, &[]);
    let words =
        "build products are not reused: on old ones the run ended (total time exceeded), without them (complete)";
    check(&late, &passed, Some(words));
}

#[test]
fn the_first_runs_and_failed_builds_and_some_others_are_repeated() {
    let reuse = Reuse::default();
    let good = report(RunEnding::Complete, &[("a", TestStatus::Passed)]);
    let repeated: Vec<u64> = (0..40).filter(|_| reuse.must_repeat(&good)).collect();
    assert_eq!(repeated, [0, 1, 16, 32]);
    assert!(reuse.must_repeat(&report(build_failed(), &[])));
    let unbuilt = result("a", TestStatus::Failed, Some(FailureClass::Build));
    assert!(reuse.must_repeat(&TestReport { results: vec![unbuilt], ..TestReport::empty(RunEnding::Complete) }));
    assert_eq!(reuse.counts(), (42, 6));
}

#[test]
fn a_file_of_the_future_ends_reuse() {
    let (then, now) = (SystemTime::UNIX_EPOCH, SystemTime::now());
    let reuse = Reuse::default();
    reuse.dated(then, now);
    reuse.dated(now, now);
    assert_eq!(reuse.start(), Start::Parent);
    reuse.dated(now, then);
    assert_eq!(reuse.unsound(), Some(Unsound::Clock));
}

/// A program made of two objects, which takes a while to build; the second also depends on `common`, whether or not its rule says
/// so. Each step leaves a line in `built`.
fn project(rule: &str) -> String {
    format!(
        "program: one.o two.o\n\tcat one.o two.o > program\n\techo program >> built\n\
         one.o: one\n\tcat one > one.o\n\techo one >> built\n\
         {rule}\n\tcat two common > two.o && ! grep -q broken common\n\techo two >> built\n"
    )
}

struct Project {
    job: JobMounts,
    sources: FrozenLayer,
    reuse: Reuse,
    /// Steps of all builds.
    steps: usize,
}

impl Project {
    async fn new(rule: &str) -> Option<Self> {
        let job = job(4 << 20).await?;
        let leaf = job.empty().await.unwrap();
        for (name, text) in [("Makefile", project(rule).as_str()), ("one", "1\n"), ("two", "2\n"), ("common", "c\n")] {
            fs::write(leaf.path().join(name), text).unwrap();
        }
        let sources = leaf.freeze().await.unwrap();
        Some(Self { job, sources, reuse: Reuse::default(), steps: 0 })
    }

    /// Builds and tests the project with one file changed, on the parent's products where that is sound. Returns what the test
    /// said, and the layer for children.
    async fn child(&mut self, parent: &FrozenLayer, edits: &[(&str, &str)]) -> (TestReport, FrozenLayer) {
        let (mut last, mut steps) = (None, 0);
        let (job, sources, reuse) = (&self.job, &self.sources, &self.reuse);
        let report = reuse
            .run(async |start: Start| {
                let leaf = job.fork(if start == Start::Parent { parent } else { sources }).await?;
                for (name, text) in edits {
                    edit(&leaf.path(), name, text);
                }
                let report = build_and_test(&leaf.path());
                steps += fs::read_to_string(leaf.path().join("built")).unwrap_or_default().lines().count();
                fs::write(leaf.path().join("built"), "").unwrap();
                reuse.dated(newest(&leaf.path()), SystemTime::now());
                last = Some(leaf.freeze().await?);
                Ok::<_, crate::SandboxError>(report)
            })
            .await
            .unwrap();
        self.steps += steps;
        (report, last.unwrap())
    }

    async fn close(self) {
        let Self { job, .. } = self;
        job.close().await.unwrap();
    }
}

/// Writes a file so that it is newer than everything there.
fn edit(folder: &Path, name: &str, text: &str) {
    let newest = newest(folder);
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    // The kernel's clock for files may tick rarely.
    if fs::metadata(&path).unwrap().modified().unwrap() <= newest {
        fs::File::options().write(true).open(&path).unwrap().set_modified(newest + Duration::from_nanos(1)).unwrap();
    }
}

fn newest(folder: &Path) -> SystemTime {
    let times = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap());
    times.max().unwrap()
}

/// The test passes when the program holds what its sources hold.
fn build_and_test(folder: &Path) -> TestReport {
    let made = Command::new("make").arg("-s").current_dir(folder).output().unwrap();
    if !made.status.success() {
        return report(build_failed(), &[]);
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let right = read("program") == read("one") + &read("two") + &read("common");
    report(RunEnding::Complete, &[("program", if right { TestStatus::Passed } else { TestStatus::Failed })])
}

fn passed(report: &TestReport) -> bool {
    report.all_passed()
}

#[tokio::test]
async fn right_rules_are_reused_and_save_work() {
    if !crate::testing::tools(&["make"]) {
        return;
    }
    let Some(mut project) = Project::new("two.o: two common").await else { return };
    let sources = project.sources.clone();
    let (report, mut layer) = project.child(&sources, &[]).await;
    assert!(passed(&report));
    // Two more runs are repeated; each of the rest builds one object and the program, and nothing else.
    let mut edits = vec![];
    let texts: Vec<String> = (0..8).map(|count| format!("text {count}\n")).collect();
    let mut before = 0;
    for (count, text) in texts.iter().enumerate() {
        edits.retain(|(name, _)| *name != "common");
        edits.push(("common", text.as_str()));
        before = project.steps;
        let (report, next) = project.child(&layer, &edits).await;
        assert!(passed(&report), "{count}: {report:?}");
        layer = next;
    }
    assert_eq!(project.reuse.unsound(), None);
    assert_eq!((project.reuse.counts(), project.steps - before), ((9, 2), 2));
    project.close().await;
}

#[tokio::test]
async fn a_missing_dependency_is_found_and_everything_after_runs_fresh() {
    if !crate::testing::tools(&["make"]) {
        return;
    }
    let Some(mut project) = Project::new("two.o: two").await else { return };
    let sources = project.sources.clone();
    let (_, built) = project.child(&sources, &[]).await;
    assert_eq!(project.reuse.unsound(), None);
    // The stale object would fail the test; the repetition says that it passes, and is what counts.
    let (report, child) = project.child(&built, &[("common", "new\n")]).await;
    assert!(passed(&report), "{report:?}");
    let Some(Unsound::Test { test, reused, fresh }) = project.reuse.unsound() else { panic!("not found") };
    assert_eq!(test.as_str(), "program");
    assert_eq!((reused, fresh), (Some(TestStatus::Failed), Some(TestStatus::Passed)));
    for text in ["newer\n", "newest\n"] {
        let before = project.steps;
        let (report, _) = project.child(&child, &[("common", text)]).await;
        assert!(passed(&report));
        assert_eq!(project.steps - before, 3, "everything is built");
    }
    project.close().await;
}

#[tokio::test]
async fn a_build_that_fails_on_old_products_is_repeated_without_them() {
    if !crate::testing::tools(&["make"]) {
        return;
    }
    // What the parent left is in the way: a build that refuses to make its folder twice.
    let rule = "two.o: two common\n\tmkdir only-once";
    let Some(mut project) = Project::new(rule).await else { return };
    let sources = project.sources.clone();
    let (report, built) = project.child(&sources, &[]).await;
    assert!(passed(&report));
    let (report, _) = project.child(&built, &[("common", "new\n")]).await;
    assert!(passed(&report));
    assert_eq!(project.reuse.unsound(), Some(Unsound::Build));
    project.close().await;
}

#[tokio::test]
async fn products_of_the_future_are_not_built_upon() {
    if !crate::testing::tools(&["make"]) {
        return;
    }
    let Some(mut project) = Project::new("two.o: two common\n\ttouch -d tomorrow stamp").await else { return };
    let sources = project.sources.clone();
    let (_, built) = project.child(&sources, &[]).await;
    let (report, _) = project.child(&built, &[("common", "new\n")]).await;
    assert!(passed(&report));
    assert_eq!(project.reuse.unsound(), Some(Unsound::Clock));
    project.close().await;
}
