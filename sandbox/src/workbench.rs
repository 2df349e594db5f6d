//! A box that holds one workspace and runs tests in it, one request after another.
//!
//! Two engines stand behind it. Python's own test tools are preloaded once by a driver, which forks a child per request, so that a
//! candidate costs a fork and its tests. All other tools are command lines, run by a [`crate::Station`] in a copy of the base that
//! each request has for itself.

mod driven;
mod session;
mod stationed;
pub mod trace;

use std::time::Duration;

use bstr::ByteSlice as _;
use repo::{FileMode, RepoPath};

use self::driven::Driven;
use self::stationed::Stationed;
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::plan::TestPlan;
use crate::protocol::{Done, Killed};
use crate::report::assemble::limit_of;
use crate::report::{RunEnding, TestId, TestReport};
use crate::runner::RunnerKind;
use crate::spec::SandboxSpec;
use crate::station::Changes;

const BATCH_BYTES: usize = 8 << 20;
const BATCH_FILES: usize = 2000;

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

/// A box that holds one workspace, and answers one request after another.
pub struct Workbench {
    engine: Engine,
}

/// What runs the tests in a workbench.
enum Engine {
    /// The Python driver, for the tools it can call in process.
    Driven(Box<Driven>),
    /// A station, for every tool that is a command line.
    Stationed(Box<Stationed>),
}

impl Workbench {
    /// Starts a box that can run this plan: with the Python driver in it for pytest and unittest, with a station for all other tools.
    ///
    /// # Errors
    /// When the backend cannot make the box, or the driver is needed and there is no usable Python in it.
    pub async fn start(backend: &dyn Backend, spec: &SandboxSpec, plan: &TestPlan) -> Result<Workbench, SandboxError> {
        let engine = match plan.runner {
            RunnerKind::Pytest | RunnerKind::Unittest | RunnerKind::Django => {
                Engine::Driven(Box::new(Driven::start(backend, spec).await?))
            }
            _ => Engine::Stationed(Box::new(Stationed::start(backend, spec).await?)),
        };
        Ok(Workbench { engine })
    }

    /// Returns the version of the Python that the driver runs in, such as `3.11.7`; `None` in a box without the driver.
    pub fn python_version(&self) -> Option<&str> {
        match &self.engine {
            Engine::Driven(driven) => Some(driven.python_version()),
            Engine::Stationed(_) => None,
        }
    }

    /// Returns the version of pytest in the box, or why it cannot be imported.
    pub fn pytest_version(&self) -> Result<&str, &str> {
        match &self.engine {
            Engine::Driven(driven) => driven.pytest_version(),
            Engine::Stationed(_) => Err("the box was started for another tool"),
        }
    }

    /// Returns what identifies the interpreter in the box and what is installed in it; `None` where that cannot be told.
    pub fn environment(&self) -> Option<&str> {
        match &self.engine {
            Engine::Driven(driven) => driven.environment(),
            Engine::Stationed(_) => None,
        }
    }

    /// Adds files to the workspace's base content.
    ///
    /// # Errors
    /// When the box is gone or does not take them.
    pub async fn put(&mut self, files: Vec<WorkFile>) -> Result<(), SandboxError> {
        match &mut self.engine {
            Engine::Driven(driven) => driven.put(files).await,
            Engine::Stationed(stationed) => stationed.put(&files).await,
        }
    }

    /// Reads a file of the workspace back: at most `limit` bytes of a regular file that is reached through no link.
    ///
    /// # Errors
    /// When there is no such file, or the box is gone.
    pub async fn pull(&mut self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        match &mut self.engine {
            Engine::Driven(driven) => driven.pull(path, limit).await,
            Engine::Stationed(stationed) => stationed.pull(path, limit).await,
        }
    }

    /// Runs tests. Whatever the tests do is in the report; an error means that the box could not be used at all.
    ///
    /// # Errors
    /// When the box is gone, it was started for a plan of another kind, or the overlay names a place that cannot be written.
    pub async fn run_tests(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let mut report = self.run_by_kind(request).await?;
        if request.coverage == Coverage::PerTest && report.coverage.is_empty() {
            report.no_coverage.get_or_insert_with(|| match (request.plan.runner, &report.ending) {
                (RunnerKind::Command, _) => "the lines of a command are not counted".to_owned(),
                (_, RunEnding::Complete) => "no test ran a line of the workspace".to_owned(),
                (_, ending) => format!("the run did not come to its end: {ending}"),
            });
        }
        Ok(report)
    }

    async fn run_by_kind(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let kind = request.plan.runner;
        match (&mut self.engine, kind) {
            (_, RunnerKind::Command) => self.run_as_test(request).await,
            (Engine::Driven(driven), RunnerKind::Pytest | RunnerKind::Unittest | RunnerKind::Django) => {
                driven.run_tests(request).await
            }
            (Engine::Stationed(stationed), _) => stationed.run_tests(request).await,
            (Engine::Driven(_), _) => Err(SandboxError::Workspace {
                detail: format!("the box was started for a Python tool and cannot run {kind:?}"),
            }),
        }
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When the box is gone, or the overlay names a place that cannot be written.
    pub async fn run_command(&mut self, request: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        match &mut self.engine {
            Engine::Driven(driven) => driven.run_command(request).await,
            Engine::Stationed(stationed) => stationed.run_command(request).await,
        }
    }

    /// Runs a command and returns, as a tree would have it, what it changed beyond the request's overlay: at most so many files.
    ///
    /// # Errors
    /// As [`Workbench::run_command`], and in a box with the Python driver.
    pub async fn run_for_changes(
        &mut self,
        request: &CommandRequest,
        most: usize,
    ) -> Result<(CommandOutcome, Changes), SandboxError> {
        match &mut self.engine {
            Engine::Stationed(stationed) => stationed.run_for_changes(request, most).await,
            Engine::Driven(_) => Err(SandboxError::Workspace {
                detail: "a box with the Python driver does not tell changes; start one for a command".to_owned(),
            }),
        }
    }

    /// Returns whether further requests can be sent. After `false`, start another workbench.
    pub fn is_alive(&self) -> bool {
        match &self.engine {
            Engine::Driven(driven) => driven.is_alive(),
            Engine::Stationed(stationed) => stationed.is_alive(),
        }
    }

    /// Returns, in a sentence, how candidates get their workspaces in a box in which the base is too large to be copied: known after
    /// the first run. `None` in every other box.
    pub fn notice(&self) -> Option<String> {
        match &self.engine {
            Engine::Driven(_) => None,
            Engine::Stationed(stationed) => stationed.notice(),
        }
    }

    /// Ends everything in the box and removes it.
    ///
    /// # Errors
    /// When something of the box may be left.
    pub async fn close(self) -> Result<(), SandboxError> {
        match self.engine {
            Engine::Driven(driven) => driven.close().await,
            Engine::Stationed(stationed) => stationed.close().await,
        }
    }

    /// Runs a shell command as the one test `command: …`, which passes when the exit code is 0.
    async fn run_as_test(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let plan = &request.plan;
        let line = plan.args.join(" ");
        let id = TestId::new(format!("command: {line}"));
        if let Select::Ids(ids) = &request.select
            && !ids.contains(&id)
        {
            return Ok(TestReport::empty(RunEnding::NoTests));
        }
        let limit = request.per_test_of.iter().find(|(of, _)| *of == id).map_or(request.total, |(_, limit)| *limit);
        let outcome = self
            .run_command(&CommandRequest {
                argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), line],
                cwd: plan.cwd.clone(),
                env: plan.env.clone(),
                overlay: request.overlay.clone(),
                total: limit.min(request.total),
                silence: request.silence,
            })
            .await?;
        Ok(TestReport::of_command(id, outcome))
    }
}

pub(crate) fn command_ending(done: &Done, output: &[u8]) -> RunEnding {
    let killed = match done.killed {
        Some(Killed::Total | Killed::Hang) => Some(RunEnding::TotalTimeout),
        Some(Killed::Silence) => Some(RunEnding::Silence),
        Some(Killed::Output) => Some(RunEnding::OutputLimit),
        Some(Killed::Cpu) => Some(RunEnding::CpuTime),
        Some(Killed::Events | Killed::Gone) => {
            Some(RunEnding::Crashed { detail: "the sandbox was given up".to_owned() })
        }
        None => None,
    };
    // A command that went well met no limit that mattered to it, unless the kernel killed something in it.
    let limit = limit_of(done).filter(|limit| done.exit != Some(0) || *limit == RunEnding::OutOfMemory);
    killed.or(limit).unwrap_or_else(|| match done.signal {
        // No counter of the kernel's tells this; it only decides between two ways of having failed.
        None if done.exit != Some(0) && output.contains_str("Too many open files") => RunEnding::FileLimit,
        Some(signal) => RunEnding::Crashed { detail: format!("the command was ended by signal {signal}") },
        None => RunEnding::Complete,
    })
}

pub(crate) fn last_lines(output: &str) -> String {
    let lines = output.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Splits files so that each message stays small.
pub(crate) fn batches(files: &[WorkFile]) -> Vec<&[WorkFile]> {
    let mut batches = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (at, file) in files.iter().enumerate() {
        if at > start && (size + file.bytes.len() > BATCH_BYTES || at - start >= BATCH_FILES) {
            batches.push(&files[start..at]);
            (start, size) = (at, 0);
        }
        size += file.bytes.len();
    }
    if start < files.len() {
        batches.push(&files[start..]);
    }
    batches
}

/// A path as the driver takes it. A path that is no UTF-8 cannot be carried by JSON and gets a name of its own.
fn path_text(path: &RepoPath) -> String {
    path.to_str_lossy().into_owned()
}

#[cfg(test)]
mod tests;
