//! What speaks against a candidate and what keeps a run from being evidence, in words.

use std::fmt;

use crate::report::{RunEnding, TestId, TestStatus};

/// Names in a sentence for people, at most.
const SHOWN: usize = 4;

/// Something that speaks against a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A test that must turn green does not.
    StillFails {
        /// The test.
        id: TestId,
        /// What came of it; `None` where it has no result in a run that had its chance to give one.
        now: Option<TestStatus>,
    },
    /// A test that must stay green does not.
    Broken {
        /// The test.
        id: TestId,
        /// What came of it.
        now: Option<TestStatus>,
        /// The new test that looks like it, if it seems to have got another name.
        renamed: Option<TestId>,
    },
    /// Fewer tests ran than on the base.
    FewerTests {
        /// On the base.
        base: usize,
        /// On the candidate.
        candidate: usize,
    },
    /// The run ended in a way that the base's did not.
    Ended {
        /// How.
        ending: RunEnding,
    },
}

impl Fault {
    /// Returns the one test that this is about.
    pub fn test(&self) -> Option<&TestId> {
        match self {
            Fault::StillFails { id, .. } | Fault::Broken { id, .. } => Some(id),
            Fault::FewerTests { .. } | Fault::Ended { .. } => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::StillFails { id, now: Some(TestStatus::Failed) } => write!(f, "still fails: {id}"),
            Fault::StillFails { id, now } => write!(f, "still fails: {id} ({})", word(*now)),
            Fault::Broken { id, now, renamed: None } => {
                write!(f, "passed before and does not any more: {id} ({})", word(*now))
            }
            Fault::Broken { id, renamed: Some(name), .. } => {
                write!(f, "passed before and does not any more: {id} (gone; {name} looks like it)")
            }
            Fault::FewerTests { base, candidate } => {
                write!(f, "only {candidate} tests ran where {base} did before")
            }
            Fault::Ended { ending } => write!(f, "the test run was not completed: {ending}"),
        }
    }
}

fn word(status: Option<TestStatus>) -> &'static str {
    match status {
        None => "gone",
        Some(TestStatus::Passed) => "passed",
        Some(TestStatus::Failed) => "failed",
        Some(TestStatus::Error) => "error",
        Some(TestStatus::Skipped) => "skipped",
        Some(TestStatus::XFailed) => "expected to fail now",
        Some(TestStatus::XPassed) => "held although now expected to fail",
        Some(TestStatus::TimedOut) => "timed out",
    }
}

/// Something that keeps a run from being evidence, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// There is nothing that had to turn green.
    NoTargets,
    /// A limit, or the machine, ended the run before these were reached.
    NotRun {
        /// How the run ended.
        ending: RunEnding,
        /// The tests.
        ids: Vec<TestId>,
    },
    /// The run hit a limit of its box. The base did not, but a busy machine may do that as well as a candidate.
    Limit {
        /// Which.
        ending: RunEnding,
    },
    /// These failed for want of something in the box: disk, network, processes.
    Environment {
        /// The tests.
        ids: Vec<TestId>,
    },
    /// These were seen to pass and to fail on one tree, so that a pass proves nothing.
    Flaky {
        /// The tests.
        ids: Vec<TestId>,
    },
    /// No run came about.
    Infrastructure {
        /// What failed.
        reason: String,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NoTargets => f.write_str("no test had to turn green"),
            Doubt::NotRun { ending, ids } => write!(f, "not reached ({ending}): {}", names(ids)),
            Doubt::Limit { ending } => write!(f, "the run hit a limit of its box: {ending}"),
            Doubt::Environment { ids } => write!(f, "failed for want of something in the box: {}", names(ids)),
            Doubt::Flaky { ids } => write!(f, "passes and fails on one and the same tree: {}", names(ids)),
            Doubt::Infrastructure { reason } => write!(f, "no test run came about: {reason}"),
        }
    }
}

fn names(ids: &[TestId]) -> String {
    let shown: Vec<&str> = ids.iter().take(SHOWN).map(TestId::as_str).collect();
    match ids.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
