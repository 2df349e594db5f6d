//! Results as a tool's reader gathers them, and what all tools conclude alike from how their programs ended.

use std::collections::HashMap;
use std::time::Duration;

use super::{MAX_ID, MAX_MESSAGE, clip};
use crate::report::{Failure, FailureClass, Frame, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::StepOutput;

/// Most frames of a failure that are kept.
pub(crate) const MAX_FRAMES: usize = 32;

/// One result per id; where a test is reported twice, the worse outcome counts.
#[derive(Debug, Default)]
pub(crate) struct Results {
    list: Vec<TestResult>,
    at: HashMap<TestId, usize>,
}

impl Results {
    /// Adds a result.
    pub(crate) fn add(&mut self, result: TestResult) {
        match self.at.get(&result.id) {
            None => {
                self.at.insert(result.id.clone(), self.list.len());
                self.list.push(result);
            }
            Some(at) => {
                let known = &mut self.list[*at];
                let duration = known.duration.saturating_add(result.duration);
                if result.status.is_worse_than(known.status) {
                    *known = result;
                }
                known.duration = duration;
            }
        }
    }

    /// Returns the result of a test.
    pub(crate) fn get(&self, id: &str) -> Option<&TestResult> {
        self.at.get(&TestId::from(id)).map(|at| &self.list[*at])
    }

    /// Returns whether some test failed.
    pub(crate) fn any_failure(&self) -> bool {
        self.list.iter().any(|result| result.status.is_failure())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the results in the order in which their tests were first reported.
    pub(crate) fn into_vec(self) -> Vec<TestResult> {
        self.list
    }
}

/// Returns a result without a reason.
pub(crate) fn result(id: &str, status: TestStatus, duration: Duration) -> TestResult {
    let id = text::plain(id.as_bytes()).replace('\n', " ");
    TestResult { id: TestId::new(clip(&id, MAX_ID)), status, duration, failure: None }
}

/// Returns a reason, capped and without escapes.
pub(crate) fn failure(class: FailureClass, message: &str, mut frames: Vec<Frame>) -> Failure {
    frames.truncate(MAX_FRAMES);
    Failure { class, message: clip(text::plain(message.trim().as_bytes()).as_str(), MAX_MESSAGE).to_owned(), frames }
}

/// Returns how a run ended whose program was ended by a limit or a signal; `None` where it ended by itself.
pub(crate) fn cut_short(step: &StepOutput) -> Option<RunEnding> {
    if step.ending != RunEnding::Complete {
        return Some(step.ending.clone());
    }
    match step.exit_code {
        Some(_) => None,
        None => Some(RunEnding::Crashed { detail: "the test program was ended by a signal".to_owned() }),
    }
}

/// Returns the ending of a run in which something does not fit together.
pub(crate) fn tampered(detail: impl Into<String>) -> RunEnding {
    let detail: String = detail.into();
    RunEnding::Tampered { detail: clip(text::plain(detail.as_bytes()).as_str(), MAX_MESSAGE).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_reports_counts() {
        let mut results = Results::default();
        for (id, status) in [
            ("a", TestStatus::Passed),
            ("b", TestStatus::Failed),
            ("a", TestStatus::Failed),
            ("b", TestStatus::Passed),
            ("c", TestStatus::Passed),
            ("c", TestStatus::Skipped),
        ] {
            results.add(result(id, status, Duration::from_secs(1)));
        }
        assert!(results.any_failure());
        let found = results.into_vec().into_iter().map(|it| format!("{} {:?} {:?}", it.id, it.status, it.duration));
        assert_eq!(found.collect::<Vec<_>>(), ["a Failed 2s", "b Failed 2s", "c Skipped 2s"]);
    }

    #[test]
    fn names_and_messages_are_plain() {
        assert_eq!(result("a\x1b[31m\nb\0", TestStatus::Passed, Duration::ZERO).id.as_str(), "a b");
        assert_eq!(failure(FailureClass::Assertion, " \x1b[1mno\x1b[0m\n", Vec::new()).message, "no");
    }
}
