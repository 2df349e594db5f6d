//! Test programs of C and C++ that are run themselves: GoogleTest, Catch2, and programs of neither, whose exit code is the one test.
//!
//! A program is built first where the repository says how. Which framework it is made with shows in its own help, so both are one
//! tool; each writes its report to a file under a name that the test program learns but what it prints cannot change. A program that
//! leaves early leaves no whole report.

use std::borrow::Cow;

use super::{catch2, gtest};
use crate::format::place::Place;
use crate::format::results::{cut_short, failure, result, tampered};
use crate::format::{compiler, gcov};
use crate::report::{FailureClass, RunEnding, TestId, TestResult, TestStatus};
use crate::tool::{Collect, Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

/// The program and its arguments, as the repository runs them.
pub(super) struct Native;

const BUILD: &[u8] = include_bytes!("native/build.sh");
const RUN: &[u8] = include_bytes!("native/run.sh");

impl Tool for Native {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let program = run.words.first().map_or("", String::as_str);
        let mut support: Vec<(String, Cow<'static, [u8]>)> =
            vec![build_script(), ("run.sh".to_owned(), Cow::Borrowed(RUN))];
        if let Some(ids) = run.select {
            support.push(("gtest-filter".to_owned(), Cow::Owned(gtest::filter(ids).into_bytes())));
            let names = catch2::names(ids).map(|names| ("catch2-names".to_owned(), Cow::Owned(names.into_bytes())));
            support.extend(names);
        }
        let mut argv = vec!["sh".to_owned(), format!("{}/run.sh", run.reports), run.reports.to_owned()];
        argv.extend(run.words.iter().cloned());
        let mut steps = Vec::new();
        if let Some(build) = build_step(run, program) {
            steps.push(build);
        }
        steps.push(Step { kind: StepKind::Test, argv, env: Vec::new() });
        let mut collect = ["gtest.xml", "catch2.xml", "plain"].map(|name| Collect::Reports(name.to_owned())).to_vec();
        if run.coverage == Coverage::PerTest {
            support.push(gcov::script());
            steps.push(gcov::step(run));
            collect.push(Collect::Reports(gcov::REPORT.to_owned()));
        }
        ToolCommand { support, steps, collect }
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let place = Place::of(&left.run);
        if let Some(ending) = build_trouble(left) {
            return ToolReport::empty(ending);
        }
        let Some(step) = left.steps.iter().find(|step| step.kind == StepKind::Test) else {
            return ToolReport::empty(tampered("nothing was run"));
        };
        let named = |name: &str| left.files.iter().find(|file| !file.in_workspace && file.path == name);
        let (results, ending) = match (named("gtest.xml"), named("catch2.xml"), named("plain")) {
            (Some(report), None, None) => gtest::read(report, step, place),
            (None, Some(report), None) => catch2::read(report, step, place),
            (None, None, Some(_)) => plain(left, step),
            (None, None, None) => (Vec::new(), cut_short(step).unwrap_or_else(|| no_report(step))),
            (_, _, _) => (Vec::new(), tampered("there are reports of two frameworks")),
        };
        gcov::add_lines(ToolReport::new(results, ending), left)
    }
}

/// Returns the step that builds what a program belongs to; `None` for a program outside of the workspace.
pub(super) fn build_step(run: &ToolRun<'_>, program: &str) -> Option<Step> {
    let path = Place::of(run).inside(program)?;
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let mut step = build_step_at(run, folder);
    step.argv.push(path.clone());
    Some(step)
}

/// Returns the step that builds everything in a directory of the workspace.
pub(super) fn build_step_at(run: &ToolRun<'_>, folder: &str) -> Step {
    let script = format!("{}/build.sh", run.reports);
    let covered = if run.coverage == Coverage::PerTest { "1" } else { "" };
    let env = vec![("PATCHWRIGHT_GCOV".to_owned(), covered.to_owned())];
    let argv = ["sh", &script, run.root, folder].map(str::to_owned).to_vec();
    Step { kind: StepKind::Build, argv, env }
}

/// Returns the script that such a step runs.
pub(super) fn build_script() -> (String, Cow<'static, [u8]>) {
    ("build.sh".to_owned(), Cow::Borrowed(BUILD))
}

/// Returns how a run ended that did not get beyond its build.
pub(super) fn build_trouble(left: &ToolOutput<'_>) -> Option<RunEnding> {
    let failed = |step: &&StepOutput| step.kind == StepKind::Build && step.exit_code != Some(0);
    let step = left.steps.iter().find(failed)?;
    if step.ending != RunEnding::Complete {
        return Some(step.ending.clone());
    }
    let printed = [step.stdout.as_slice(), b"\n", step.stderr.as_slice()].concat();
    Some(compiler::build_failed(&printed, Place::of(&left.run)))
}

fn no_report(step: &StepOutput) -> RunEnding {
    let code = step.exit_code.unwrap_or_default();
    match code {
        126 | 127 => RunEnding::CollectionFailed { message: compiler::last_lines(&step.stderr) },
        // A shell passes on the signal that ended its program.
        129..=159 => RunEnding::Crashed { detail: format!("the test program was ended by signal {}", code - 128) },
        _ => tampered(format!("the test program ended with exit code {code} before it wrote its report")),
    }
}

/// A program of no known framework is one test.
fn plain(left: &ToolOutput<'_>, step: &StepOutput) -> (Vec<TestResult>, RunEnding) {
    let id = format!("command: {}", left.run.words.join(" "));
    if left.run.select.is_some_and(|ids| !ids.contains(&TestId::from(id.as_str()))) {
        return (Vec::new(), RunEnding::NoTests);
    }
    let passed = step.ending == RunEnding::Complete && step.exit_code == Some(0);
    let status = match (&step.ending, passed) {
        (_, true) => TestStatus::Passed,
        (RunEnding::TotalTimeout | RunEnding::Silence, false) => TestStatus::TimedOut,
        (_, false) => TestStatus::Failed,
    };
    let mut only = result(&id, status, std::time::Duration::ZERO);
    if !passed {
        let class = match status {
            TestStatus::TimedOut => FailureClass::Timeout,
            _ => FailureClass::Exception { name: "ExitCode".to_owned() },
        };
        let message = step.exit_code.map_or("a signal ended it".to_owned(), |code| format!("exit code {code}"));
        only.failure = Some(failure(class, &message, Vec::new()));
    }
    (vec![only], step.ending.clone())
}

/// Returns whether a word is a program below a folder of build products and named like a test: `./build/foo_tests`.
pub(super) fn is_built_test(word: &str) -> bool {
    let word = word.strip_prefix("./").unwrap_or(word);
    let Some((folder, name)) = word.rsplit_once('/') else { return false };
    let first = folder.split('/').next().unwrap_or_default();
    let built = ["build", "_build", "out", "bin", "cmake-build", "Debug", "Release"];
    let is_built = built.iter().any(|known| first == *known || first.starts_with(&format!("{known}-")));
    let lower = name.to_ascii_lowercase();
    let words = lower.split(['_', '-', '.']).collect::<Vec<_>>();
    let is_test = words.iter().any(|word| matches!(*word, "test" | "tests" | "unittest" | "unittests" | "spec"))
        || lower.ends_with("tests")
        || lower.ends_with("test");
    is_built && is_test && !lower.contains('.') && !folder.contains("..")
}

#[cfg(test)]
mod tests;
