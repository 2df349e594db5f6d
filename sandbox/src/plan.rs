//! Which tool runs a repository's tests, and how: read from the repository's files, or from the command a person gives.

use repo::{RepoPath, Snapshot};

use crate::runner::RunnerKind;

/// How to run the tests of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TestPlan {
    /// The tool.
    pub runner: RunnerKind,
    /// The tool's arguments; for [`RunnerKind::Command`] the one shell command line.
    pub args: Vec<String>,
    /// The interpreter that the command names; put it into [`crate::SandboxSpec::python`] when starting the workbench.
    pub python: Option<String>,
    /// Whether that directory can be imported from, as under `python -m pytest`; plain `pytest` leaves it out.
    pub import_cwd: bool,
    /// The directory to run in, relative to the workspace; empty is its root.
    pub cwd: String,
    /// Variables set for the run, on top of the box's own.
    pub env: Vec<(String, String)>,
    /// Why this plan was chosen, for people.
    pub evidence: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing in the repository looks like a test.
    #[error("no Python tests found ({looked_at} files examined); name the command with --test-command")]
    NoTests {
        /// How many files were looked at.
        looked_at: usize,
    },
    /// The command line is empty.
    #[error("the test command is empty")]
    EmptyCommand,
    /// The command line's quotes do not match.
    #[error("the test command `{command}` has an unclosed quote")]
    Unclosed {
        /// The command as given.
        command: String,
    },
}

impl TestPlan {
    /// Chooses a plan from the files alone; nothing is run.
    ///
    /// # Errors
    /// When nothing in the repository looks like a test.
    pub fn detect(snapshot: &Snapshot) -> Result<TestPlan, PlanError> {
        Err(PlanError::NoTests { looked_at: snapshot.entries().len() })
    }

    /// Reads a command line as a person writes it.
    ///
    /// # Errors
    /// When it is empty or a quote is not closed.
    pub fn parse_command(command: &str) -> Result<TestPlan, PlanError> {
        if command.trim().is_empty() {
            return Err(PlanError::EmptyCommand);
        }
        Ok(TestPlan {
            runner: RunnerKind::Command,
            args: vec![command.to_owned()],
            python: None,
            import_cwd: false,
            cwd: String::new(),
            env: Vec::new(),
            evidence: Vec::new(),
        })
    }
}

/// Returns whether a file is a test or decides how tests run, so that validation takes the base's version of it.
pub fn is_test_support(path: &RepoPath) -> bool {
    path.file_name().starts_with(b"test_")
}
