//! A box in which the driver holds one workspace and runs tests in it, one request after another.
//!
//! The driver preloads the test tools once and forks a child per request, so that a candidate costs a fork and its tests.

mod session;

use std::collections::HashSet;
use std::time::Duration;

use bstr::ByteSlice as _;
use repo::{FileMode, RepoPath};

use self::session::Session;
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::plan::TestPlan;
use crate::protocol::{self, Done, Killed, Request, RunRequest};
use crate::report::assemble::{Assembled, Assembler, limit_of};
use crate::report::{RunEnding, TestId, TestReport, TestStatus, text};
use crate::runner::RunnerKind;
use crate::spec::SandboxSpec;

/// Tests that may hang beyond help in one run before the rest is given up.
const MOST_HANGS: usize = 8;
/// Output kept of one run, whatever the limits say: it has to fit into one frame.
const MOST_KEPT_OUTPUT: usize = 32 << 20;
/// A run is killed when it has printed so many times what is kept.
const PRINTED_TIMES_KEPT: usize = 20;
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

/// A box with the driver in it.
pub struct Workbench {
    session: Session,
    kept_output: usize,
    cpu_time: Duration,
    /// The base's pytest options turned out to be unusable in this box.
    no_addopts: bool,
}

impl Workbench {
    /// Starts a box and the driver in it.
    ///
    /// # Errors
    /// When the backend cannot make the box, or there is no usable Python in it.
    pub async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Workbench, SandboxError> {
        let session = Session::start(backend, spec).await?;
        let (kept_output, cpu_time) = (spec.limits.output_bytes, spec.limits.cpu_time);
        Ok(Workbench { session, kept_output, cpu_time, no_addopts: false })
    }

    /// Returns the version of the Python in the box, such as `3.11.7`.
    pub fn python_version(&self) -> &str {
        &self.session.hello().python
    }

    /// Returns the version of pytest in the box, or why it cannot be imported.
    pub fn pytest_version(&self) -> Result<&str, &str> {
        let hello = self.session.hello();
        hello.pytest.as_deref().ok_or(hello.pytest_trouble.as_deref().unwrap_or("pytest is not installed"))
    }

    /// Adds files to the workspace's base content.
    ///
    /// # Errors
    /// When the box is gone or does not take them.
    pub async fn put(&mut self, files: Vec<WorkFile>) -> Result<(), SandboxError> {
        for batch in batches(&files) {
            let listed = batch.iter().map(|file| (path_text(&file.path), mode_name(file.mode), file.bytes.len()));
            let request = Request::Put { files: listed.collect() };
            let body = batch.iter().flat_map(|file| file.bytes.iter().copied()).collect::<Vec<u8>>();
            self.session.ask(&request, &body).await?;
        }
        Ok(())
    }

    /// Reads a file of the workspace back: at most `limit` bytes of a regular file that is reached through no link.
    ///
    /// # Errors
    /// When there is no such file, or the box is gone.
    pub async fn pull(&mut self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        let limit = limit.min(protocol::MAX_BODY);
        self.session.ask(&Request::Pull { path: path_text(path), limit }, b"").await
    }

    /// Runs tests. Whatever the tests do is in the report; an error means that the box could not be used at all.
    ///
    /// # Errors
    /// When the box is gone, or the overlay names a place that cannot be written.
    pub async fn run_tests(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        match request.plan.runner {
            RunnerKind::Pytest | RunnerKind::Unittest => self.run_tool(request).await,
            RunnerKind::Command => self.run_as_test(request).await,
            kind => Err(SandboxError::Protocol { detail: format!("{kind:?} has no engine yet") }),
        }
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When the box is gone, or the overlay names a place that cannot be written.
    pub async fn run_command(&mut self, request: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        let run = self.request_of("command", &request.cwd, &request.env, [request.total, request.silence]);
        let run = RunRequest { argv: request.argv.clone(), ..run };
        let end = self.session.run(run, &request.overlay, &mut |_| {}).await?;
        let (exit_code, ending) = match &end.end {
            Ok(done) => (done.exit, command_ending(done, &end.output)),
            Err(ending) => (None, ending.clone()),
        };
        Ok(CommandOutcome { exit_code, ending, output: text::plain(&end.output), duration: end.duration })
    }

    /// Returns whether further requests can be sent. After `false`, start another workbench.
    pub fn is_alive(&self) -> bool {
        self.session.is_alive()
    }

    /// Ends the driver and removes the box.
    ///
    /// # Errors
    /// When something of the box may be left.
    pub async fn close(self) -> Result<(), SandboxError> {
        self.session.close().await
    }

    /// Runs a tool, and again for the tests behind one that hung beyond help, within the same total time.
    async fn run_tool(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let mut once = self.run_once(request, request.total).await?;
        for _ in 0..MOST_HANGS {
            let Some(left) = &once.left_by_hang else { break };
            let time_left = request.total.saturating_sub(once.report.duration);
            if left.is_empty() || time_left.is_zero() || !self.is_alive() || enough(request, &once.report) {
                break;
            }
            let failures = count(&once.report, TestStatus::is_failure);
            let timeouts = count(&once.report, |status| status == TestStatus::TimedOut);
            let again = TestRequest {
                select: Select::Ids(left.clone()),
                stop_after_failures: request.stop_after_failures.map(|most| most.saturating_sub(failures)),
                stop_after_timeouts: request.stop_after_timeouts.map(|most| most.saturating_sub(timeouts)),
                ..request.clone()
            };
            let next = self.run_once(&again, time_left).await?;
            once = merge(once, next);
        }
        if let Some(left) = &once.left_by_hang {
            once.report.ending = match (left.is_empty(), enough(request, &once.report)) {
                (true, _) => RunEnding::Complete,
                (false, true) => RunEnding::StoppedEarly,
                (false, false) => RunEnding::TotalTimeout,
            };
        }
        Ok(once.report)
    }

    async fn run_once(&mut self, request: &TestRequest, total: Duration) -> Result<Once, SandboxError> {
        let once = self.attempt(request, total, self.no_addopts).await?;
        let retry = once.usage_error
            && request.plan.runner == RunnerKind::Pytest
            && !self.no_addopts
            && !once.report.output.contains("while loading conftest")
            && !once.report.output.contains("file or directory not found");
        if !retry {
            return Ok(once);
        }
        let plain = self.attempt(request, total, true).await?;
        if plain.usage_error {
            return Ok(once);
        }
        self.no_addopts = true;
        Ok(plain)
    }

    async fn attempt(
        &mut self,
        request: &TestRequest,
        total: Duration,
        no_addopts: bool,
    ) -> Result<Once, SandboxError> {
        let plan = &request.plan;
        let kind = if plan.runner == RunnerKind::Pytest { "pytest" } else { "unittest" };
        let mut run = self.request_of(kind, &plan.cwd, &plan.env, [total, request.silence]);
        run.args = &plan.args;
        run.import_cwd = plan.import_cwd;
        run.no_addopts = no_addopts;
        run.limit = request.per_test.as_secs_f64();
        run.limits = request.per_test_of.iter().map(|(id, limit)| (id.as_str(), limit.as_secs_f64())).collect();
        run.coverage = request.coverage == Coverage::PerTest;
        run.stop_failures = request.stop_after_failures;
        run.stop_timeouts = request.stop_after_timeouts;
        if let Select::Ids(ids) = &request.select {
            run.select = Some(ids.iter().map(TestId::as_str).collect());
        }
        let mut assembler = Assembler::new(run.nonce.clone());
        let end = self.session.run(run, &request.overlay, &mut |events| assembler.feed(events)).await?;
        let assembled = match end.end {
            Ok(done) => assembler.finish(&done),
            Err(ending) => assembler.abandon(ending),
        };
        Ok(Once::new(assembled, text::plain(&end.output), end.duration))
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

    fn request_of<'a>(
        &self,
        kind: &'static str,
        cwd: &'a str,
        env: &'a [(String, String)],
        [total, silence]: [Duration; 2],
    ) -> RunRequest<'a> {
        RunRequest {
            kind,
            overlay: Vec::new(),
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            args: &[],
            argv: Vec::new(),
            select: None,
            limit: total.as_secs_f64(),
            limits: Vec::new(),
            coverage: false,
            no_addopts: false,
            stop_failures: None,
            stop_timeouts: None,
            cwd,
            env,
            import_cwd: false,
            total: total.as_secs_f64(),
            silence: silence.as_secs_f64(),
            cpu: self.cpu_time.as_secs_f64(),
            output_kept: self.kept_output.min(MOST_KEPT_OUTPUT),
            output_limit: self.kept_output.saturating_mul(PRINTED_TIMES_KEPT),
        }
    }
}

/// One pass of a tool over the tests.
struct Once {
    report: TestReport,
    /// One test hung beyond help, and these were not run.
    left_by_hang: Option<Vec<TestId>>,
    usage_error: bool,
}

impl Once {
    fn new(assembled: Assembled, output: String, duration: Duration) -> Once {
        let Assembled { results, coverage, mut ending, left_by_hang, usage_error } = assembled;
        if let RunEnding::CollectionFailed { message } = &mut ending
            && results.is_empty()
        {
            *message = last_lines(&output);
        }
        let report = TestReport { results, coverage, ending, output, duration };
        Once { report, left_by_hang, usage_error }
    }
}

/// Joins a pass and the one that ran what it left.
fn merge(first: Once, next: Once) -> Once {
    let mut report = first.report;
    let known = report.results.iter().map(|result| result.id.clone()).collect::<HashSet<_>>();
    report.results.extend(next.report.results.into_iter().filter(|result| !known.contains(&result.id)));
    report.coverage.extend(next.report.coverage);
    report.ending = next.report.ending;
    report.output.push_str(&next.report.output);
    report.duration += next.report.duration;
    Once { report, left_by_hang: next.left_by_hang, usage_error: false }
}

/// Whether the run has the failures or timeouts after which it was to stop.
fn enough(request: &TestRequest, report: &TestReport) -> bool {
    let timeouts = count(report, |status| status == TestStatus::TimedOut);
    request.stop_after_failures.is_some_and(|most| count(report, TestStatus::is_failure) >= most)
        || request.stop_after_timeouts.is_some_and(|most| timeouts >= most)
}

fn count(report: &TestReport, wanted: fn(TestStatus) -> bool) -> u32 {
    let found = report.results.iter().filter(|result| wanted(result.status)).count();
    u32::try_from(found).unwrap_or(u32::MAX)
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

fn last_lines(output: &str) -> String {
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

fn mode_name(mode: FileMode) -> &'static str {
    match mode {
        FileMode::Regular => "regular",
        FileMode::Executable => "executable",
        FileMode::Symlink => "symlink",
        FileMode::Submodule => "submodule",
    }
}

/// A path as the driver takes it. A path that is no UTF-8 cannot be carried by JSON and gets a name of its own.
fn path_text(path: &RepoPath) -> String {
    path.to_str_lossy().into_owned()
}

#[cfg(test)]
mod tests;
