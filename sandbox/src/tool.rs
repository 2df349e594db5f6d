//! Test tools that are run by their command line and read by what they leave behind.
//!
//! A tool never runs anything itself: it says what to run and what to read afterwards, and turns the bytes into results. What it
//! reads came out of a box and is data: nothing in it may cause a panic, and whatever does not fit together ends the run as
//! [`RunEnding::Tampered`].
//!
//! Rules that every tool keeps:
//! - Results come from a report that the tool writes itself, outside of what a test prints, wherever the tool has one. What a test
//!   prints never becomes a result.
//! - A run is [`RunEnding::Complete`] only if the tool says that it finished, its exit code agrees with the results, and its own
//!   counts agree with the number of results. An early `exit(0)`, a killed parent or a missing summary is not a complete run.
//! - A test that is reported twice with different outcomes counts with the worse one.
//! - A test id is unique within a repository, the same in every run, and free of durations, addresses and absolute paths. It is
//!   `FILE::OUTER::INNER` where the tool knows the file, with `FILE` relative to the workspace, else `SUITE::TEST` by the tool's own
//!   names.

use std::borrow::Cow;
use std::time::Duration;

use repo::RepoPath;

use crate::report::{RunEnding, TestId, TestResult};
use crate::workbench::Coverage;

/// How a test tool is run by its command line, and how it is read.
pub(crate) trait Tool: Sync {
    /// Returns what to run.
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand;

    /// Reads what came back.
    fn read(&self, left: &ToolOutput<'_>) -> ToolReport;

    /// Returns why no run of this tool tells which lines it covers; `None` for a tool that can tell.
    fn never_tells_lines(&self) -> Option<&'static str> {
        None
    }
}

/// One wish to run tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToolRun<'a> {
    /// The repository's own command line, its program first.
    pub(crate) words: &'a [String],
    /// The directory of the run, relative to the workspace; empty is its root.
    pub(crate) cwd: &'a str,
    /// The tests to run; `None` is all. A tool that cannot select so finely may run more.
    pub(crate) select: Option<&'a [TestId]>,
    /// How long one test may take, for a tool that can be told.
    pub(crate) per_test: Duration,
    /// Whether to record which lines the run covers.
    pub(crate) coverage: Coverage,
    /// An empty folder outside the workspace, as the box sees it, made for this run under a name that cannot be guessed.
    pub(crate) reports: &'a str,
    /// The workspace's root, as the box sees it.
    pub(crate) root: &'a str,
}

/// What to run, and what to read afterwards.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToolCommand {
    /// Files written into the report folder first: reporters and configuration of ours.
    pub(crate) support: Vec<(String, Cow<'static, [u8]>)>,
    /// Programs run one after another; the run ends with the first [`StepKind::Build`] that fails.
    pub(crate) steps: Vec<Step>,
    /// Files to read back afterwards.
    pub(crate) collect: Vec<Collect>,
}

/// One program of a run.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// What it is for.
    pub(crate) kind: StepKind,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// Variables, on top of the plan's own.
    pub(crate) env: Vec<(String, String)>,
}

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// It makes what the tests need; where it fails, nothing else is run.
    Build,
    /// It runs tests; what its exit code means is for the tool to say.
    Test,
    /// It turns what was recorded into something that can be read, and is run whatever happened before.
    After,
}

/// Files to read back after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Collect {
    /// Files of the report folder whose relative path matches this glob (`*`, `**`, `?`).
    Reports(String),
    /// Files of the workspace whose path matches this glob. Those that exist before the run are removed first.
    Workspace(String),
}

/// What a run left behind.
#[derive(Debug, Clone)]
pub(crate) struct ToolOutput<'a> {
    /// The steps that were run.
    pub(crate) steps: &'a [StepOutput],
    /// The files that were collected, capped in number and size.
    pub(crate) files: &'a [Collected],
    /// The wish.
    pub(crate) run: ToolRun<'a>,
}

impl<'a> ToolOutput<'a> {
    /// Returns a file of the report folder.
    pub(crate) fn report(&self, path: &str) -> Option<&'a Collected> {
        self.files.iter().find(|file| !file.in_workspace && file.path == path)
    }

    /// Returns the last step of a kind.
    pub(crate) fn last_of(&self, kind: StepKind) -> Option<&'a StepOutput> {
        self.steps.iter().rev().find(|step| step.kind == kind)
    }
}

/// What one step left behind.
#[derive(Debug, Clone)]
pub(crate) struct StepOutput {
    /// What it was for.
    pub(crate) kind: StepKind,
    /// The exit code; `None` when a signal ended it, be it ours.
    pub(crate) exit_code: Option<i32>,
    /// [`RunEnding::Complete`] when it ended by itself, whatever the exit code; else the limit that ended it.
    pub(crate) ending: RunEnding,
    /// What it wrote on stdout: head and tail.
    pub(crate) stdout: Vec<u8>,
    /// What it wrote on stderr: head and tail.
    pub(crate) stderr: Vec<u8>,
    /// Whether something was cut out of either.
    pub(crate) cut: bool,
}

/// One file that a run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collected {
    /// Where it was, relative to the report folder or to the workspace.
    pub(crate) path: String,
    /// Whether it was in the workspace.
    pub(crate) in_workspace: bool,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// What a tool makes of a run.
#[derive(Debug, Clone)]
pub(crate) struct ToolReport {
    /// One result per test.
    pub(crate) results: Vec<TestResult>,
    /// How the run ended.
    pub(crate) ending: RunEnding,
    /// Lines that the run covered, ascending, counted from 1, by file; empty unless asked for.
    pub(crate) lines: Vec<(RepoPath, Vec<u32>)>,
    /// Why there are no lines, where the tool knows; says nothing of a run that was not asked for them.
    pub(crate) no_lines: Option<String>,
}

impl ToolReport {
    /// Returns a report without lines.
    pub(crate) fn new(results: Vec<TestResult>, ending: RunEnding) -> Self {
        Self { results, ending, lines: Vec::new(), no_lines: None }
    }

    /// Returns the report of a run that gave no result.
    pub(crate) fn empty(ending: RunEnding) -> Self {
        Self::new(Vec::new(), ending)
    }

    /// Sets the lines that the run covered.
    pub(crate) fn covering(self, lines: Vec<(RepoPath, Vec<u32>)>) -> Self {
        Self { lines, ..self }
    }

    /// Says why there are no lines, if there are none.
    pub(crate) fn or_why(self, why: impl Into<String>) -> Self {
        let no_lines = self.lines.is_empty().then(|| why.into());
        Self { no_lines, ..self }
    }
}

/// Made-up runs, for the tests of tools.
#[cfg(test)]
mod made_up {
    use super::*;

    impl<'a> ToolRun<'a> {
        /// Returns a wish for all tests at the root of a workspace `/work`, with the report folder `/reports`.
        pub(crate) fn of(words: &'a [String]) -> Self {
            Self {
                words,
                cwd: "",
                select: None,
                per_test: Duration::from_secs(1),
                coverage: Coverage::Off,
                reports: "/reports",
                root: "/work",
            }
        }
    }

    impl StepOutput {
        /// Returns what a step left that ended by itself and printed this on stdout.
        pub(crate) fn ended(kind: StepKind, exit_code: impl Into<Option<i32>>, stdout: &[u8]) -> Self {
            Self {
                kind,
                exit_code: exit_code.into(),
                ending: RunEnding::Complete,
                stdout: stdout.to_vec(),
                stderr: Vec::new(),
                cut: false,
            }
        }
    }

    impl Collected {
        /// Returns a file of the report folder.
        pub(crate) fn report(path: &str, bytes: &[u8]) -> Self {
            Self { path: path.to_owned(), in_workspace: false, bytes: bytes.to_vec() }
        }
    }
}
