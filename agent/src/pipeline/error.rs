//! Why a job could not be done, and who has to act.

use sandbox::{PlanError, SandboxError};

use super::pool::PoolError;

/// Why a job could not be done.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// The repository.
    #[error(transparent)]
    Repo(#[from] repo::RepoError),
    /// The index.
    #[error(transparent)]
    Index(#[from] indexer::IndexError),
    /// The way to run the tests.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The issue says nothing.
    #[error("the issue is empty: say in a sentence or two what goes wrong, best with the error or traceback")]
    EmptyIssue,
    /// The test command found no tests.
    #[error("no tests were found on the base; name the command that runs them with --test\n{output}")]
    NoTests {
        /// The end of what the tool printed.
        output: String,
    },
    /// The tests need a tool that the sandbox's interpreter does not have.
    #[error("the tests are run by pytest, and the sandbox's Python cannot use it ({reason}); {remedy}")]
    NoPytest {
        /// What importing it said.
        reason: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// There is nothing to repair against.
    #[error(
        "all {tests} tests pass on the base, so there is nothing to check a fix against; add a test that fails because of the issue"
    )]
    NothingFails {
        /// How many tests passed.
        tests: usize,
    },
    /// All failures went away by themselves.
    #[error("the failing tests pass when run again, so they are no evidence of a fix: {tests}")]
    OnlyFlaky {
        /// Their names.
        tests: String,
    },
    /// A test was named that does not exist.
    #[error("test `{test}` is not among the {known} tests that ran on the base")]
    UnknownTest {
        /// The name as given.
        test: String,
        /// How many tests there are.
        known: usize,
    },
    /// The base's own tests could not be run to an end.
    #[error("the tests of the base could not be run to an end ({ending}); nothing was changed\n{output}")]
    BaseUnusable {
        /// How the run ended.
        ending: String,
        /// The end of what was printed.
        output: String,
    },
    /// No line of the repository is suspected.
    #[error("no line that may be changed was run by a failing test or named by the issue")]
    NoSuspects,
    /// The search's world failed again and again.
    #[error("the sandbox failed repeatedly: {reason}")]
    Broken {
        /// The last reason.
        reason: String,
    },
    /// The job was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A task of ours panicked.
    #[error("an internal task failed: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
}

impl From<PoolError> for FixError {
    fn from(error: PoolError) -> FixError {
        match error {
            PoolError::Interrupted => FixError::Interrupted,
            PoolError::Sandbox(error) => FixError::Sandbox(error),
        }
    }
}

impl FixError {
    /// Returns whether the job ended as it should, only without a fix (exit code 1): the repository gives nothing to work with.
    pub fn is_no_fix(&self) -> bool {
        match self {
            FixError::NothingFails { .. }
            | FixError::OnlyFlaky { .. }
            | FixError::NoTests { .. }
            | FixError::BaseUnusable { .. }
            | FixError::NoSuspects
            | FixError::Plan(PlanError::NoTests { .. }) => true,
            FixError::Repo(_)
            | FixError::Index(_)
            | FixError::Plan(_)
            | FixError::Sandbox(_)
            | FixError::EmptyIssue
            | FixError::UnknownTest { .. }
            | FixError::NoPytest { .. }
            | FixError::Broken { .. }
            | FixError::Interrupted
            | FixError::Internal { .. } => false,
        }
    }
}
