//! What a test run found: one result per test, how the run ended, and the capped output.
//!
//! Everything here came out of a box and is data. A run that did not end with [`RunEnding::Complete`] proves nothing by itself;
//! which results count as a pass is for the caller to decide.

pub(crate) mod assemble;
pub(crate) mod text;

use std::fmt;
use std::time::Duration;

use repo::RepoPath;
use serde::{Deserialize, Serialize};

use crate::workbench::CommandOutcome;

/// The name of one test as its tool writes it: a pytest node id, `module.Class.method`, or `command: …`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestId(String);

impl TestId {
    /// Wraps a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for TestId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for TestId {
    fn from(name: String) -> Self {
        Self(name)
    }
}

/// What came of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// It ran and held.
    Passed,
    /// It ran and did not hold.
    Failed,
    /// Its fixture, import or collection broke.
    Error,
    /// It was not run, on purpose.
    Skipped,
    /// It failed, as its author expected.
    #[serde(rename = "xfailed")]
    XFailed,
    /// It held though its author expected a failure.
    #[serde(rename = "xpassed")]
    XPassed,
    /// It exceeded its own time limit.
    TimedOut,
}

impl TestStatus {
    /// Returns whether the test ran and showed nothing wrong: passed, or failed as expected.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Passed | Self::XFailed)
    }

    /// Returns whether the test showed something wrong.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::TimedOut)
    }

    /// Returns whether this counts of two results of one test: failures are worse than anything else, and whatever is no pass is worse
    /// than a pass.
    pub(crate) fn is_worse_than(self, other: Self) -> bool {
        self.badness() > other.badness()
    }

    fn badness(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::XFailed => 1,
            Self::Skipped => 2,
            Self::XPassed => 3,
            Self::Failed => 4,
            Self::Error => 5,
            Self::TimedOut => 6,
        }
    }
}

/// The kind of a failure, by which a caller chooses what to try next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureClass {
    /// An assertion did not hold.
    Assertion,
    /// Another exception came out of the test; its type's name.
    Exception {
        /// The type's name, without its module for builtins.
        name: String,
    },
    /// The test exceeded its time limit.
    Timeout,
    /// A module could not be imported, or is not valid Python.
    Import,
    /// The tool could not collect the file for another reason.
    Collection,
    /// What the test belongs to could not be built; the frames are the places that the compiler names.
    Build,
    /// The test ran out of memory.
    Memory,
    /// The box lacks something: disk space, processes, network, a file descriptor.
    Environment,
}

/// One step of a traceback that lies inside the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The file, relative to the workspace.
    pub path: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The function's name.
    pub function: String,
}

/// Why a test did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub class: FailureClass,
    /// What the exception said, capped.
    pub message: String,
    /// Where it came from, outermost first, capped.
    pub frames: Vec<Frame>,
}

/// What came of one test, with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The test.
    pub id: TestId,
    /// What came of it.
    pub status: TestStatus,
    /// How long it took, fixtures included.
    pub duration: Duration,
    /// Why it did not pass; also the reason of a skip.
    pub failure: Option<Failure>,
}

/// The lines of the workspace that one test ran; lines that run at import belong to no test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCoverage {
    /// The test.
    pub test: TestId,
    /// Lines counted from 1, ascending, by file.
    pub lines: Vec<(RepoPath, Vec<u32>)>,
}

/// How a run ended. Only [`RunEnding::Complete`] means that every selected test has a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum RunEnding {
    /// Every selected test has its result.
    Complete,
    /// The requested number of failures or timeouts was reached, or the tests asked the tool to stop.
    StoppedEarly,
    /// The tool found no test, or none of the selected ones.
    NoTests,
    /// The tool could not collect a single test.
    CollectionFailed {
        /// What it said.
        message: String,
    },
    /// What the tests belong to could not be built.
    BuildFailed {
        /// What the build tool said last.
        message: String,
        /// The places in the workspace that it named, the first error first; their functions are empty.
        places: Vec<Frame>,
    },
    /// The run exceeded its total time, or one test hung where nothing but killing helped.
    TotalTimeout,
    /// The run neither printed nor finished a test for too long.
    Silence,
    /// The run was killed for its memory.
    OutOfMemory,
    /// The run printed more than it may.
    OutputLimit,
    /// The box's disk filled up.
    DiskFull,
    /// The box's process limit was reached.
    ProcessLimit,
    /// The run used up its processor time.
    CpuTime,
    /// The run made more files, or held more open, than it may.
    FileLimit,
    /// The test process, or the box, ended before the session did.
    Crashed {
        /// How.
        detail: String,
    },
    /// The report is unreadable, incomplete or contradicts itself: something interfered.
    Tampered {
        /// What does not fit.
        detail: String,
    },
}

impl fmt::Display for RunEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::StoppedEarly => f.write_str("stopped early"),
            Self::NoTests => f.write_str("no tests found"),
            Self::CollectionFailed { message } => write!(f, "tests could not be collected: {message}"),
            Self::BuildFailed { message, .. } => write!(f, "the build failed: {message}"),
            Self::TotalTimeout => f.write_str("total time exceeded"),
            Self::Silence => f.write_str("silent for too long"),
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::OutputLimit => f.write_str("too much output"),
            Self::DiskFull => f.write_str("disk full"),
            Self::ProcessLimit => f.write_str("too many processes"),
            Self::CpuTime => f.write_str("processor time exceeded"),
            Self::FileLimit => f.write_str("too many files"),
            Self::Crashed { detail } => write!(f, "crashed: {detail}"),
            Self::Tampered { detail } => write!(f, "report not trustworthy: {detail}"),
        }
    }
}

/// Everything one run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct TestReport {
    /// One result per test that ended, in the order in which they ended.
    pub results: Vec<TestResult>,
    /// Coverage per test, when asked for.
    pub coverage: Vec<TestCoverage>,
    /// Why there is no coverage though it was asked for.
    pub no_coverage: Option<String>,
    /// How the run ended.
    pub ending: RunEnding,
    /// What the tool and the tests printed: head and tail, as text without terminal escapes.
    pub output: String,
    /// Wall time of the run.
    pub duration: Duration,
}

impl TestReport {
    /// Returns a report of a run without results.
    pub(crate) fn empty(ending: RunEnding) -> Self {
        Self {
            results: Vec::new(),
            coverage: Vec::new(),
            no_coverage: None,
            ending,
            output: String::new(),
            duration: Duration::ZERO,
        }
    }

    /// Returns the report of a command that stands for one test.
    pub(crate) fn of_command(id: TestId, outcome: CommandOutcome) -> Self {
        let status = match (&outcome.ending, outcome.exit_code) {
            (RunEnding::Complete, Some(0)) => TestStatus::Passed,
            (RunEnding::TotalTimeout, _) => TestStatus::TimedOut,
            _ => TestStatus::Failed,
        };
        let class = match status {
            TestStatus::TimedOut => FailureClass::Timeout,
            _ => FailureClass::Exception { name: "ExitCode".to_owned() },
        };
        let message = match (&outcome.ending, outcome.exit_code) {
            (RunEnding::Complete, Some(code)) => format!("the command ended with exit code {code}"),
            (ending, _) => ending.to_string(),
        };
        let failure = (status != TestStatus::Passed).then(|| Failure { class, message, frames: Vec::new() });
        let result = TestResult { id, status, duration: outcome.duration, failure };
        let (output, duration) = (outcome.output, outcome.duration);
        Self { results: vec![result], output, duration, ..Self::empty(outcome.ending) }
    }

    /// Returns the result of a test.
    pub fn result(&self, id: &TestId) -> Option<&TestResult> {
        self.results.iter().find(|result| result.id == *id)
    }

    /// Returns whether the run is complete, ran something, and nothing in it failed.
    pub fn all_passed(&self) -> bool {
        self.ending == RunEnding::Complete
            && self.results.iter().any(|result| result.status == TestStatus::Passed)
            && !self.results.iter().any(|result| result.status.is_failure())
    }
}
