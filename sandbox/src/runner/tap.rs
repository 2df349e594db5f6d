//! Programs that print the Test Anything Protocol: tape, Bats, Perl's tests.
//!
//! The protocol is what they print, so this is the one tool whose results a test can print itself. What it cannot do is leave early
//! unnoticed: the plan and the numbers have to be kept. Tests are chosen by their results only, as these programs have no common way
//! to be told. `prove`, which runs many of them, has a way of its own ([`prove`]).

use std::time::Duration;

use super::node::{self, Invocation};
use super::{Detected, Files, Runner, RunnerKind, prove, script};
use crate::format::frames::{self, Base};
use crate::format::journal::{failed_build, printed, tail};
use crate::format::tap::{self, Directive, Subtests, TapPoint, yaml_value};
use crate::format::{MAX_MESSAGE, UniqueIds, clip};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::{Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Tap;

impl Runner for Tap {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Tap
    }

    fn claims(&self, words: &[String]) -> bool {
        if prove::claims(words) {
            return true;
        }
        let (_, words) = node::builds(words);
        let program = words.first().and_then(|word| word.rsplit('/').next());
        let of_perl = || words.len() > 1 && words.last().is_some_and(|word| word.ends_with(".t"));
        Invocation::read(words).is_some_and(|call| call.tool == RunnerKind::Tap)
            || program == Some("bats")
            || program == Some("perl") && of_perl()
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        script::detect(files, RunnerKind::Tap).or_else(|| prove::detect(files))
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Tap)
    }
}

impl Tool for Tap {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        if prove::claims(run.words) {
            return prove::Prove.command(run);
        }
        if let Some(call) = Invocation::read(run.words) {
            let args = call.args.clone();
            return node::count_lines(node::command(run, &call, &[], args), run);
        }
        let (_, words) = node::builds(run.words);
        let mut argv = words.to_vec();
        if argv.first().is_some_and(|word| word.ends_with("bats")) && !argv.iter().any(|word| word == "--tap") {
            argv.insert(1, "--tap".to_owned());
        }
        let mut steps = node::build_steps(run.words);
        steps.push(Step { kind: StepKind::Test, argv, env: node::environment() });
        ToolCommand { steps, ..ToolCommand::default() }
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        if prove::claims(left.run.words) {
            return prove::Prove.read(left);
        }
        let base = Base::of(&left.run);
        let (mut results, mut ending) = (Vec::new(), None);
        if let Some(step) = left.steps.iter().rev().find(|step| step.kind == StepKind::Test) {
            let stream = tap::parse(&step.stdout);
            let by_group = Invocation::read(left.run.words).is_some_and(|call| call.package == "tape");
            results = if by_group {
                groups(&stream.points, base)
            } else {
                points(&stream.points, &suite(left.run.words), base)
            };
            ending = Some(ending_of(step, &stream, &results, base));
        }
        let ending = failed_build(left, base).or(ending);
        if let Some(select) = left.run.select {
            results.retain(|result| select.contains(&result.id));
        }
        let nothing = results.is_empty() && ending.as_ref().is_none_or(|ending| *ending == RunEnding::Complete);
        let ending = ending.filter(|_| !nothing).unwrap_or(RunEnding::NoTests);
        ToolReport::new(results, ending).covering(node::lines(left))
    }
}

/// The program's own name for the tests: the file of a Perl test, else the program.
fn suite(words: &[String]) -> String {
    let (_, words) = node::builds(words);
    let named = words.iter().rev().find(|word| word.ends_with(".t") || word.ends_with(".bats"));
    let program = words.first().map(|word| word.rsplit('/').next().unwrap_or(word));
    named.map(String::as_str).or(program).unwrap_or("tap").to_owned()
}

fn ending_of(step: &StepOutput, stream: &tap::Tap, results: &[TestResult], base: Base<'_>) -> RunEnding {
    if step.ending != RunEnding::Complete {
        return step.ending.clone();
    }
    if step.cut {
        return RunEnding::Tampered { detail: "more was printed than is kept, so results are missing".to_owned() };
    }
    let said = || tail(&printed(step), base);
    match (step.exit_code, &stream.bail) {
        (None, _) => RunEnding::Crashed { detail: "the test process was ended by a signal".to_owned() },
        (Some(_), Some(reason)) => RunEnding::Crashed { detail: format!("the tests bailed out: {reason}") },
        (Some(_), None) if stream.points.iter().any(left_early) => {
            RunEnding::Crashed { detail: "the test process ended before its tests were over".to_owned() }
        }
        (Some(0), None) if stream.faults.is_empty() => RunEnding::Complete,
        (Some(0), None) => RunEnding::Tampered { detail: stream.faults.join("; ") },
        (Some(code), None) if stream.points.is_empty() => match frames::named(&said(), base) {
            places if code != 127 && !places.is_empty() && said().contains("SyntaxError") => {
                RunEnding::BuildFailed { message: said(), places }
            }
            _ => RunEnding::CollectionFailed { message: said() },
        },
        (Some(code), None) if !stream.faults.is_empty() => {
            RunEnding::Crashed { detail: format!("exit code {code}, and {}", stream.faults.join("; ")) }
        }
        (Some(code), None) if !results.iter().any(|result| result.status.is_failure()) => RunEnding::Crashed {
            detail: format!("no test failed, but the tests ended with exit code {code}: {}", said()),
        },
        (Some(_), None) => RunEnding::Complete,
    }
}

/// Tape says so itself.
fn left_early(point: &TapPoint) -> bool {
    !point.ok && point.path.last().is_some_and(|name| name.starts_with("test exited without ending"))
}

/// One result per point; a point with subtests counts only where it failed by itself.
fn points(points: &[TapPoint], suite: &str, base: Base<'_>) -> Vec<TestResult> {
    let mut ids = UniqueIds::default();
    let own = points.iter().filter(|point| match point.subtests {
        Subtests::None => true,
        Subtests::Held => !point.ok && point.directive.is_none(),
        Subtests::Failed => false,
    });
    let name = |point: &TapPoint| {
        let names = point.path.iter().map(|name| text::plain(name.as_bytes()).replace('\n', " "));
        std::iter::once(suite.to_owned()).chain(names).collect::<Vec<_>>().join("::")
    };
    own.map(|point| result(ids.give(&name(point)), point, base)).collect()
}

fn result(id: String, point: &TapPoint, base: Base<'_>) -> TestResult {
    let status = match (&point.directive, point.ok) {
        (Some((Directive::Skip, _)), _) => TestStatus::Skipped,
        (Some((Directive::Todo, _)), true) => TestStatus::XPassed,
        (Some((Directive::Todo, _)), false) => TestStatus::XFailed,
        (None, true) => TestStatus::Passed,
        (None, false) => TestStatus::Failed,
    };
    let reason = point.directive.as_ref().map(|(_, reason)| reason.clone()).filter(|reason| !reason.is_empty());
    let failure = match status {
        TestStatus::Failed => Some(failure(point, base)),
        _ => reason.map(|message| Failure {
            class: FailureClass::Exception { name: "Skipped".to_owned() },
            message,
            frames: Vec::new(),
        }),
    };
    let ms = yaml_value(&point.yaml, "duration_ms").and_then(|ms| ms.parse::<f64>().ok()).unwrap_or(0.0);
    TestResult { id: TestId::new(id), status, duration: crate::report::assemble::seconds(ms / 1000.0), failure }
}

fn failure(point: &TapPoint, base: Base<'_>) -> Failure {
    let value = |key| yaml_value(&point.yaml, key);
    let name = point.path.last().map_or("", String::as_str);
    let mut said = ["message", "error"].into_iter().find_map(value).unwrap_or_else(|| name.to_owned());
    for key in ["expected", "actual"] {
        said.extend(value(key).map(|value| format!("\n{key}: {value}")));
    }
    said.push('\n');
    said.push_str(&point.comments);
    let stack = value("stack").unwrap_or_default();
    let mut found = frames::of_v8(&stack, base);
    if found.is_empty() {
        let place = value("at").or_else(|| value("location")).unwrap_or_default();
        found = frames::named(&format!("{place}\n{}", point.comments), base);
    }
    let kind = value("name").filter(|name| !name.starts_with("AssertionError"));
    let class =
        kind.map_or(FailureClass::Assertion, |name| FailureClass::Exception { name: clip(&name, 200).to_owned() });
    let message = base.text(&text::plain(clip(said.trim(), MAX_MESSAGE).as_bytes()));
    Failure { class, message, frames: found }
}

/// Tape names its tests in comments and prints their assertions as points: one result per test, failed if one of its points is.
fn groups(points: &[TapPoint], base: Base<'_>) -> Vec<TestResult> {
    let mut ids = UniqueIds::default();
    let mut results: Vec<TestResult> = Vec::new();
    let mut before: Option<&str> = None;
    for point in points {
        let group = point.group.as_deref().unwrap_or_default();
        let same = before == Some(group);
        before = Some(group);
        let mut one = result(String::new(), point, base);
        if let Some(known) = results.last_mut().filter(|_| same) {
            if one.status.is_failure() && !known.status.is_failure() {
                (known.status, known.failure) = (one.status, one.failure);
            }
            continue;
        }
        let name = text::plain(group.as_bytes()).replace('\n', " ");
        one.id = TestId::new(ids.give(&format!("tape::{}", if name.is_empty() { "test" } else { &name })));
        one.duration = Duration::ZERO;
        results.push(one);
    }
    results
}

#[cfg(test)]
mod tests;
