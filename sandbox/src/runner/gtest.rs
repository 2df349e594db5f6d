//! GoogleTest: a program's own XML report.
//!
//! The report is written when all tests have ended, so a program that leaves early has none. Ids are `FILE::Suite::Test` where the
//! report names the file (GoogleTest 1.11 and newer), else `Suite::Test`.

use super::native::{Native, is_built_test};
use super::{Detected, Files, Runner, RunnerKind};
use crate::format::junit::{self, JunitCase, JunitOutcome};
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, failure, result, tampered};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus};
use crate::tool::{Collected, StepOutput, Tool};

pub(super) struct GoogleTest;

impl Runner for GoogleTest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::GoogleTest
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((program, arguments)) = words.split_first() else { return false };
        let told = arguments.iter().any(|word| word.starts_with("--gtest_"));
        told && program.contains('/') || is_built_test(program) && !super::catch2::is_told(arguments)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        super::ctest::detect_program(files, &["gtest", "GTest", "gmock"], "GoogleTest")
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Native)
    }
}

/// Returns the filter that selects these tests.
pub(super) fn filter(ids: &[TestId]) -> String {
    let patterns = ids.iter().filter_map(|id| {
        let mut parts = id.as_str().rsplit("::");
        let (test, suite) = (parts.next()?, parts.next()?);
        // `?` stands for any one character: what the filter's own syntax would take apart is left open.
        let plain = |name: &str| name.replace([':', '*', '-'], "?");
        Some(format!("{}.{}", plain(suite), plain(test)))
    });
    let patterns = patterns.collect::<Vec<_>>();
    // An empty filter would select everything.
    if patterns.is_empty() { "-*".to_owned() } else { patterns.join(":") }
}

/// Reads a report and the end of its program.
pub(super) fn read(report: &Collected, step: &StepOutput, place: Place<'_>) -> (Vec<TestResult>, RunEnding) {
    let junit = match junit::parse(&report.bytes) {
        Ok(junit) => junit,
        Err(error) => return (Vec::new(), cut_short(step).unwrap_or_else(|| tampered(error.to_string()))),
    };
    let mut results = Results::default();
    for case in &junit.cases {
        results.add(of_case(case, place));
    }
    let failed = results.any_failure();
    let ending = if let Some(ending) = cut_short(step) {
        ending
    } else if let Some(contradiction) = junit.contradiction() {
        tampered(contradiction)
    } else if results.is_empty() {
        RunEnding::NoTests
    } else if failed == (step.exit_code == Some(0)) {
        let code = step.exit_code.unwrap_or_default();
        tampered(format!("the exit code {code} contradicts the results"))
    } else {
        RunEnding::Complete
    };
    (results.into_vec(), ending)
}

/// Returns the result of a case.
pub(super) fn of_case(case: &JunitCase, place: Place<'_>) -> TestResult {
    let file = case.file.as_deref().and_then(|file| place.inside(file));
    let suite = if case.class.is_empty() { &case.suite } else { &case.class };
    let id = match file {
        Some(file) => format!("{file}::{suite}::{}", case.name),
        None => format!("{suite}::{}", case.name),
    };
    let status = match case.outcome {
        JunitOutcome::Passed if case.name.starts_with("DISABLED_") => TestStatus::Skipped,
        JunitOutcome::Passed => TestStatus::Passed,
        JunitOutcome::Failed => TestStatus::Failed,
        JunitOutcome::Error => TestStatus::Error,
        JunitOutcome::Skipped => TestStatus::Skipped,
    };
    let mut it = result(&id, status, case.duration);
    if status != TestStatus::Passed && !(case.message.is_empty() && case.details.is_empty()) {
        it.failure = Some(reason(case, place));
    }
    it
}

/// The first line of a message is the place: `/work/tests/till_test.cpp:14`, or `unknown file`.
fn reason(case: &JunitCase, place: Place<'_>) -> Failure {
    let said = if case.details.is_empty() { &case.message } else { &case.details };
    let (first, rest) = said.split_once('\n').unwrap_or((said, ""));
    let at = first.trim().rsplit_once(':').and_then(|(path, line)| place.frame(path, line.parse().ok()?, &case.name));
    let located = at.is_some()
        || first.trim() == "unknown file"
        || first.rsplit_once(':').is_some_and(|(_, line)| line.trim().parse::<u32>().is_ok());
    let message = if located && !rest.trim().is_empty() { rest } else { said };
    let class = if message.starts_with("C++ exception") {
        FailureClass::Exception { name: "C++ exception".to_owned() }
    } else {
        FailureClass::Assertion
    };
    failure(class, message, at.into_iter().collect())
}

#[cfg(test)]
mod tests;
