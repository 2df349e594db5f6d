//! The test tools: which there are, how each is recognised, and what it is told.

/// A test tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerKind {
    /// pytest, called in process with a reporter of ours.
    Pytest,
    /// The standard library's unittest, called in process with a result class of ours.
    Unittest,
    /// Any command: one test whose outcome is the exit code.
    Command,
}
