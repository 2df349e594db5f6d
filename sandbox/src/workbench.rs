//! A box in which the driver holds one workspace and runs tests in it, one request after another.
//!
//! The driver preloads the test tools once and forks a child per request, so that a candidate costs a fork and its tests.

use std::time::Duration;

use repo::{FileMode, RepoPath};

use crate::backend::Backend;
use crate::error::SandboxError;
use crate::plan::TestPlan;
use crate::report::{RunEnding, TestId, TestReport};
use crate::spec::SandboxSpec;

/// One file of the workspace's base content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkFile {
    /// Where.
    pub path: RepoPath,
    /// The content, or a link's target.
    pub bytes: Vec<u8>,
    /// What it is; a submodule becomes an empty directory.
    pub mode: FileMode,
}

/// A file that differs from the base content during one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// Where.
    pub path: RepoPath,
    /// The content; `None` removes the file.
    pub bytes: Option<Vec<u8>>,
}

/// Which tests to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select {
    /// All that the plan finds.
    All,
    /// These; one that no longer exists simply has no result.
    Ids(Vec<TestId>),
}

/// Whether to record which lines each test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing is recorded.
    Off,
    /// Lines of the workspace's files, per test.
    PerTest,
}

/// One run of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRequest {
    /// How to run them.
    pub plan: TestPlan,
    /// Which.
    pub select: Select,
    /// What differs from the base content; undone afterwards.
    pub overlay: Vec<Overlay>,
    /// How long one test may take.
    pub per_test: Duration,
    /// Limits of particular tests, instead of `per_test`.
    pub per_test_of: Vec<(TestId, Duration)>,
    /// How long the run may take.
    pub total: Duration,
    /// How long the run may neither print nor finish a test.
    pub silence: Duration,
    /// Ends the run early after so many failures.
    pub stop_after_failures: Option<u32>,
    /// Ends the run early after so many timeouts.
    pub stop_after_timeouts: Option<u32>,
    /// Whether to record coverage.
    pub coverage: Coverage,
}

impl TestRequest {
    /// Returns a run of all tests on the base content: 60 s per test, 10 min in total, 2 min of silence, no coverage.
    pub fn all(plan: TestPlan) -> Self {
        Self {
            plan,
            select: Select::All,
            overlay: Vec::new(),
            per_test: Duration::from_secs(60),
            per_test_of: Vec::new(),
            total: Duration::from_secs(600),
            silence: Duration::from_secs(120),
            stop_after_failures: None,
            stop_after_timeouts: None,
            coverage: Coverage::Off,
        }
    }
}

/// One command in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The directory to run in, relative to the workspace; empty is its root.
    pub cwd: String,
    /// Variables set for the command.
    pub env: Vec<(String, String)>,
    /// What differs from the base content; undone afterwards.
    pub overlay: Vec<Overlay>,
    /// How long it may take.
    pub total: Duration,
    /// How long it may print nothing.
    pub silence: Duration,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// The exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// How it ended; [`RunEnding::Complete`] when by itself, whatever the exit code.
    pub ending: RunEnding,
    /// What it printed: head and tail, as text without terminal escapes.
    pub output: String,
    /// Wall time.
    pub duration: Duration,
}

/// A box with the driver in it.
pub struct Workbench {
    alive: bool,
}

impl Workbench {
    /// Starts a box and the driver in it.
    ///
    /// # Errors
    /// When the backend cannot make the box, or there is no usable Python in it.
    pub async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Workbench, SandboxError> {
        let _ = backend.launch(spec, &[]).await?;
        Ok(Workbench { alive: true })
    }

    /// Adds files to the workspace's base content.
    ///
    /// # Errors
    /// When the box is gone or does not take them.
    pub async fn put(&mut self, files: Vec<WorkFile>) -> Result<(), SandboxError> {
        drop(files);
        Err(gone())
    }

    /// Runs tests. Whatever the tests do is in the report; an error means that the box could not be used at all.
    ///
    /// # Errors
    /// When the box is gone or breaks the protocol.
    pub async fn run_tests(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let _ = request;
        Err(gone())
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When the box is gone or breaks the protocol.
    pub async fn run_command(&mut self, request: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        let _ = request;
        Err(gone())
    }

    /// Returns whether further requests can be sent. After `false`, start another workbench.
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// Ends the driver and removes the box.
    ///
    /// # Errors
    /// When something of the box may be left.
    pub async fn close(self) -> Result<(), SandboxError> {
        Ok(())
    }
}

fn gone() -> SandboxError {
    SandboxError::Protocol { detail: "the driver is not running".to_owned() }
}
