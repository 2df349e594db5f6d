//! JUnit's XML in the dialects that test tools write: suites in suites or none, times with commas, failures with or without types.
//!
//! The reader is neutral: what a case's id is, and which statement of a suite to believe, is for the tool to say.

use std::time::Duration;

use super::xml::{self, Element};
use super::{MAX_ID, MAX_MESSAGE, MAX_RESULTS, clip};

/// Most suites of which the statements are kept.
const MAX_SUITES: usize = 100_000;

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Junit {
    /// The cases, in the order of the document.
    pub(crate) cases: Vec<JunitCase>,
    /// What the suites say of themselves, in the order of the document.
    pub(crate) suites: Vec<JunitSuite>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct JunitCase {
    /// The name of the innermost suite around it.
    pub(crate) suite: String,
    /// `classname`.
    pub(crate) class: String,
    /// `name`.
    pub(crate) name: String,
    /// `file` of the case, else of the innermost suite that has one.
    pub(crate) file: Option<String>,
    /// `line`, as the tool counts.
    pub(crate) line: Option<u32>,
    /// `time`.
    pub(crate) duration: Duration,
    /// What came of it.
    pub(crate) outcome: JunitOutcome,
    /// What a later attempt of the same run found: Surefire's and nextest's reruns.
    pub(crate) retried: Retried,
    /// The `type` of the failure.
    pub(crate) kind: String,
    /// The `message` of the failure or skip.
    pub(crate) message: String,
    /// The text of the failure or skip: usually a stack trace.
    pub(crate) details: String,
}

/// What came of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum JunitOutcome {
    /// Nothing is said against it.
    #[default]
    Passed,
    /// There is a `failure`.
    Failed,
    /// There is an `error`.
    Error,
    /// There is a `skipped`, or its status says that it was not run.
    Skipped,
}

/// Whether a case was run again within the same run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Retried {
    /// It was not.
    #[default]
    Never,
    /// It was and passed in the end.
    Flaky,
    /// It was and failed every time.
    Failed,
}

/// What a suite says of itself, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct JunitSuite {
    /// `name`.
    pub(crate) name: String,
    /// `tests`.
    pub(crate) tests: Option<usize>,
    /// `failures`.
    pub(crate) failures: Option<usize>,
    /// `errors`.
    pub(crate) errors: Option<usize>,
    /// `skipped`, `disabled` or `ignored`.
    pub(crate) skipped: Option<usize>,
    /// The cases in it and in the suites in it.
    pub(crate) cases: usize,
    /// Those of them that failed or broke.
    pub(crate) not_passed: usize,
    /// Errors of the suite itself, outside of any case.
    pub(crate) trouble: Option<String>,
}

impl Junit {
    /// Returns how a suite's own counts contradict the cases in it: a report that was cut, joined or written by several hands.
    pub(crate) fn contradiction(&self) -> Option<String> {
        self.suites.iter().find_map(|suite| {
            let name = clip(&suite.name, 200);
            let stated = suite.tests.filter(|stated| *stated != suite.cases);
            if let Some(stated) = stated {
                return Some(format!("suite {name} states {stated} tests and has {}", suite.cases));
            }
            let bad = suite.failures.unwrap_or(0).saturating_add(suite.errors.unwrap_or(0));
            let known = suite.failures.is_some() || suite.errors.is_some();
            (known && bad != suite.not_passed)
                .then(|| format!("suite {name} states {bad} failures and has {}", suite.not_passed))
        })
    }
}

/// Reads a report.
///
/// # Errors
/// When it is no XML, ends too early, is larger than allowed, or holds no suite at all.
pub(crate) fn parse(bytes: &[u8]) -> Result<Junit, JunitError> {
    let text = String::from_utf8_lossy(bytes);
    let root = xml::parse(&text)?;
    if !matches!(root.name, "testsuites" | "testsuite" | "testrun") {
        return Err(JunitError::Other { name: clip(root.name, 100).to_owned() });
    }
    let mut report = Junit::default();
    let surroundings = Surroundings { suite: "", file: None };
    suite(&root, surroundings, &mut report)?;
    Ok(report)
}

/// Why a report is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JunitError {
    #[error("the JUnit report cannot be read: {0}")]
    Xml(#[from] xml::XmlError),
    #[error("the report is a `{name}`, not a JUnit report")]
    Other { name: String },
    #[error("the JUnit report has more cases or suites than allowed")]
    TooLarge,
}

#[derive(Clone, Copy)]
struct Surroundings<'a> {
    suite: &'a str,
    file: Option<&'a str>,
}

/// Reads a suite and what is in it; the depth is capped by the reader of XML. Returns the cases and how many did not pass.
fn suite(element: &Element<'_>, around: Surroundings<'_>, report: &mut Junit) -> Result<(usize, usize), JunitError> {
    let name = element.attribute("name").filter(|_| element.name == "testsuite");
    let here = Surroundings {
        suite: name.unwrap_or(around.suite),
        file: element.attribute("file").or(element.attribute("filepath")).or(around.file),
    };
    let at = report.suites.len();
    report.suites.push(statements(element));
    let (mut cases, mut not_passed) = (0, 0);
    for child in &element.children {
        match child.name {
            "testsuite" | "testsuites" => {
                let inner = suite(child, here, report)?;
                cases += inner.0;
                not_passed += inner.1;
            }
            "testcase" => {
                let case = case(child, here);
                cases += 1;
                not_passed += usize::from(matches!(case.outcome, JunitOutcome::Failed | JunitOutcome::Error));
                report.cases.push(case);
            }
            _ => {}
        }
        if report.cases.len() > MAX_RESULTS || report.suites.len() > MAX_SUITES {
            return Err(JunitError::TooLarge);
        }
    }
    report.suites[at].cases = cases;
    report.suites[at].not_passed = not_passed;
    Ok((cases, not_passed))
}

fn statements(element: &Element<'_>) -> JunitSuite {
    let trouble = element.child("error").or_else(|| element.child("failure"));
    JunitSuite {
        name: clip(element.attribute("name").unwrap_or_default(), MAX_ID).to_owned(),
        tests: element.number("tests"),
        failures: element.number("failures"),
        errors: element.number("errors"),
        skipped: ["skipped", "skip", "disabled", "ignored"].iter().find_map(|name| element.number(name)),
        cases: 0,
        not_passed: 0,
        trouble: trouble.map(|it| clip(it.attribute("message").unwrap_or(&it.text), MAX_MESSAGE).to_owned()),
    }
}

fn case(element: &Element<'_>, around: Surroundings<'_>) -> JunitCase {
    let owned = |name| clip(element.attribute(name).unwrap_or_default(), MAX_ID).to_owned();
    let file = element.attribute("file").or(element.attribute("filepath")).or(around.file);
    let mut case = JunitCase {
        suite: clip(around.suite, MAX_ID).to_owned(),
        class: owned("classname"),
        name: owned("name"),
        file: file.filter(|file| !file.is_empty()).map(|file| clip(file, MAX_ID).to_owned()),
        line: element.number("line").or_else(|| element.number("lineno")),
        duration: time(element.attribute("time").unwrap_or_default()),
        ..JunitCase::default()
    };
    for child in &element.children {
        match child.name {
            "error" => note(&mut case, JunitOutcome::Error, child),
            "failure" | "warning" => note(&mut case, JunitOutcome::Failed, child),
            "skipped" | "disabled" => note(&mut case, JunitOutcome::Skipped, child),
            "flakyFailure" | "flakyError" => case.retried = Retried::Flaky,
            "rerunFailure" | "rerunError" => case.retried = Retried::Failed,
            _ => {}
        }
    }
    let status = element.attribute("status").unwrap_or_default().to_ascii_lowercase();
    if case.outcome == JunitOutcome::Passed {
        match status.as_str() {
            "notrun" | "not_run" | "disabled" | "skipped" | "ignored" => case.outcome = JunitOutcome::Skipped,
            "fail" | "failed" => case.outcome = JunitOutcome::Failed,
            "error" => case.outcome = JunitOutcome::Error,
            _ => {}
        }
    }
    case
}

/// The worst counts; of equals the first is kept, for it is the cause.
fn note(case: &mut JunitCase, outcome: JunitOutcome, element: &Element<'_>) {
    let rank = |outcome| match outcome {
        JunitOutcome::Passed => 0,
        JunitOutcome::Skipped => 1,
        JunitOutcome::Failed => 2,
        JunitOutcome::Error => 3,
    };
    if rank(outcome) <= rank(case.outcome) {
        return;
    }
    case.outcome = outcome;
    case.kind = clip(element.attribute("type").unwrap_or_default(), MAX_ID).to_owned();
    case.message = clip(element.attribute("message").unwrap_or_default(), MAX_MESSAGE).to_owned();
    case.details = clip(&element.text, MAX_MESSAGE).to_owned();
}

/// Seconds; some tools write them for people: `1,234.5`.
fn time(text: &str) -> Duration {
    let plain = text.trim().replace(',', "");
    plain.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
