//! Catch2, versions 2 and 3: a program's own XML report.
//!
//! The report grows with the run and ends with totals, so a program that leaves early leaves half a document. Ids are
//! `FILE::name of the test case`; sections are part of their case.

use super::native::{Native, is_built_test};
use super::{Detected, Files, Runner, RunnerKind};
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, failure, result, tampered};
use crate::format::xml::{self, Element};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus};
use crate::tool::{Collected, StepOutput, Tool};

pub(super) struct Catch2;

impl Runner for Catch2 {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Catch2
    }

    fn claims(&self, words: &[String]) -> bool {
        words.split_first().is_some_and(|(program, arguments)| is_built_test(program) && is_told(arguments))
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        super::ctest::detect_program(files, &["Catch2", "catch2", "catch.hpp", "catch_amalgamated"], "Catch2")
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Native)
    }
}

/// Returns whether arguments are Catch2's: `[tag]`, `~[slow]`, or options that only it has.
pub(super) fn is_told(arguments: &[String]) -> bool {
    arguments.iter().any(|word| {
        word.trim_start_matches('~').starts_with('[') && word.ends_with(']')
            || ["--order", "--rng-seed", "--reporter", "--use-colour", "--durations"].contains(&word.as_str())
    })
}

/// Returns the lines of `--input-file` that select these tests; `None` where only all can be run.
///
/// A line in quotes is a whole name. Version 2 ends a name in quotes at a comma and takes escapes wrongly, so a name with such a character is
/// given by what stands before it, and some more tests may be run.
pub(super) fn names(ids: &[TestId]) -> Option<String> {
    let mut lines = String::new();
    for id in ids {
        let name = id.as_str().split_once("::").map_or(id.as_str(), |(_, name)| name);
        match name.find(['\\', '"', '*', ',']) {
            None => lines.push_str(&format!("\"{name}\"\n")),
            Some(0) => return None,
            Some(end) => lines.push_str(&format!("\"{}*\"\n", &name[..end])),
        }
    }
    Some(if lines.is_empty() { "\"no test\"\n".to_owned() } else { lines })
}

/// Reads a report and the end of its program.
pub(super) fn read(report: &Collected, step: &StepOutput, place: Place<'_>) -> (Vec<TestResult>, RunEnding) {
    let text = String::from_utf8_lossy(&report.bytes);
    let root = match xml::parse(&text) {
        Ok(root) => root,
        Err(error) => {
            let detail = format!("the report of Catch2 cannot be read: {error}");
            return (Vec::new(), cut_short(step).unwrap_or_else(|| tampered(detail)));
        }
    };
    let mut results = Results::default();
    let mut cases = Vec::new();
    for group in std::iter::once(&root).chain(root.all("Group")) {
        cases.extend(group.all("TestCase"));
    }
    let mut whole = true;
    for case in &cases {
        whole &= case.child("OverallResult").is_some();
        results.add(of_case(case, place));
    }
    let failed = results.any_failure();
    let ending = if let Some(ending) = cut_short(step) {
        ending
    } else if !whole {
        tampered("a test case has no result")
    } else if let Some(detail) = contradiction(&root, &cases) {
        tampered(detail)
    } else if results.is_empty() {
        RunEnding::NoTests
    } else if failed == (step.exit_code == Some(0)) {
        tampered(format!("the exit code {} contradicts the results", step.exit_code.unwrap_or_default()))
    } else {
        RunEnding::Complete
    };
    (results.into_vec(), ending)
}

/// The totals at the end have to be those of the cases.
fn contradiction(root: &Element<'_>, cases: &[&Element<'_>]) -> Option<String> {
    let Some(totals) = root.child("OverallResultsCases") else { return Some("the report has no totals".to_owned()) };
    let number = |name| totals.number::<usize>(name).unwrap_or(0);
    let stated = number("successes") + number("failures") + number("expectedFailures") + number("skips");
    let failures = cases.iter().filter(|case| !succeeded(case)).count();
    (stated != cases.len() || number("failures") != failures).then(|| {
        let failed = number("failures");
        format!("the totals state {stated} cases with {failed} failures; there are {} with {failures}", cases.len())
    })
}

fn succeeded(case: &Element<'_>) -> bool {
    case.child("OverallResult").and_then(|it| it.attribute("success")) == Some("true")
}

fn of_case(case: &Element<'_>, place: Place<'_>) -> TestResult {
    let name = case.attribute("name").unwrap_or_default();
    let id = match case.attribute("filename").and_then(|file| place.inside(file)) {
        Some(file) => format!("{file}::{name}"),
        None => name.to_owned(),
    };
    let overall = case.child("OverallResult");
    let skips = overall.and_then(|it| it.number::<u32>("skips")).unwrap_or(0);
    let broken = case.descendants().find(|it| is_broken(it));
    let status = match (succeeded(case), &broken) {
        (true, Some(_)) => TestStatus::XFailed,
        (true, None) if skips > 0 => TestStatus::Skipped,
        (true, None) => TestStatus::Passed,
        (false, _) => TestStatus::Failed,
    };
    let seconds = overall.and_then(|it| it.number::<f64>("durationInSeconds")).unwrap_or(0.0);
    let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let mut it = result(&id, status, duration);
    it.failure = match broken {
        Some(broken) => Some(reason(broken, case, place)),
        None if status == TestStatus::Failed => {
            Some(failure(FailureClass::Assertion, "it failed without saying why", Vec::new()))
        }
        None => None,
    };
    it
}

fn is_broken(element: &Element<'_>) -> bool {
    match element.name {
        "Expression" => element.attribute("success") == Some("false"),
        "Exception" | "FatalErrorCondition" | "Failure" => true,
        _ => false,
    }
}

/// The deepest element that tells why: an expression may hold the exception that it threw.
fn reason(broken: &Element<'_>, case: &Element<'_>, place: Place<'_>) -> Failure {
    let at = broken.descendants().filter(|it| is_broken(it)).last().unwrap_or(broken);
    let (path, line) = (at.attribute("filename"), at.number::<u32>("line"));
    let function = case.attribute("name").unwrap_or_default();
    let frame = path.zip(line).and_then(|(path, line)| place.frame(path, line, function));
    let text = |name| broken.child(name).map(|it| it.text.trim().to_owned()).unwrap_or_default();
    let kind = broken.attribute("type").unwrap_or("REQUIRE");
    let (class, message) = match at.name {
        "Exception" => (FailureClass::Exception { name: "C++ exception".to_owned() }, at.text.trim().to_owned()),
        "FatalErrorCondition" => {
            (FailureClass::Exception { name: "fatal error".to_owned() }, at.text.trim().to_owned())
        }
        "Failure" => (FailureClass::Assertion, at.text.trim().to_owned()),
        _ => (FailureClass::Assertion, format!("{kind}( {} ), expanded: {}", text("Original"), text("Expanded"))),
    };
    failure(class, &message, frame.into_iter().collect())
}

#[cfg(test)]
mod tests;
