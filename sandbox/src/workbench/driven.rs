//! The engine for Python's own test tools: a box in which the driver has them loaded and forks a child per request.

use std::collections::HashSet;
use std::time::Duration;

use repo::{FileMode, RepoPath};

use super::session::Session;
use super::{
    CommandOutcome, CommandRequest, Coverage, Overlay, Select, TestRequest, WorkFile, batches, command_ending,
    last_lines, path_text,
};
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::protocol::{self, Request, RunRequest, TraceSpec};
use crate::report::assemble::{Assembled, Assembler};
use crate::report::{RunEnding, TestId, TestReport, TestStatus, text};
use crate::runner::RunnerKind;
use crate::spec::SandboxSpec;

/// Tests that may hang beyond help in one run before the rest is given up.
const MOST_HANGS: usize = 8;
/// Output kept of one run, whatever the limits say: it has to fit into one frame.
const MOST_KEPT_OUTPUT: usize = 32 << 20;
/// A run is killed when it has printed so many times what is kept.
const PRINTED_TIMES_KEPT: usize = 20;

/// A box with the driver in it.
pub(super) struct Driven {
    session: Session,
    kept_output: usize,
    cpu_time: Duration,
    /// The base's pytest options turned out to be unusable in this box.
    no_addopts: bool,
}

impl Driven {
    pub(super) async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let session = Session::start(backend, spec).await?;
        Ok(Self { session, kept_output: spec.limits.output_bytes, cpu_time: spec.limits.cpu_time, no_addopts: false })
    }

    pub(super) fn python_version(&self) -> &str {
        &self.session.hello().python
    }

    pub(super) fn environment(&self) -> Option<&str> {
        self.session.hello().environment.as_deref()
    }

    pub(super) fn pytest_version(&self) -> Result<&str, &str> {
        let hello = self.session.hello();
        hello.pytest.as_deref().ok_or(hello.pytest_trouble.as_deref().unwrap_or("pytest is not installed"))
    }

    pub(super) async fn put(&mut self, files: Vec<WorkFile>) -> Result<(), SandboxError> {
        for batch in batches(&files) {
            let listed = batch.iter().map(|file| (path_text(&file.path), mode_name(file.mode), file.bytes.len()));
            let request = Request::Put { files: listed.collect() };
            let body = batch.iter().flat_map(|file| file.bytes.iter().copied()).collect::<Vec<u8>>();
            self.session.ask(&request, &body).await?;
        }
        Ok(())
    }

    pub(super) async fn pull(&mut self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        let limit = limit.min(protocol::MAX_BODY);
        self.session.ask(&Request::Pull { path: path_text(path), limit }, b"").await
    }

    pub(super) async fn run_command(&mut self, request: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        let run = self.request_of("command", &request.cwd, &request.env, [request.total, request.silence]);
        let run = RunRequest { argv: request.argv.clone(), ..run };
        let end = self.session.run(run, &request.overlay, &mut |_| {}).await?;
        let (exit_code, ending) = match &end.end {
            Ok(done) => (done.exit, command_ending(done, &end.output)),
            Err(ending) => (None, ending.clone()),
        };
        Ok(CommandOutcome { exit_code, ending, output: text::plain(&end.output), duration: end.duration })
    }

    pub(super) fn is_alive(&self) -> bool {
        self.session.is_alive()
    }

    pub(super) async fn close(self) -> Result<(), SandboxError> {
        self.session.close().await
    }

    /// Runs a tool, and again for the tests behind one that hung beyond help, within the same total time.
    pub(super) async fn run_tests(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
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
        let run = self.run_request(request, total, no_addopts);
        let (assembled, output, duration) = self.assembled(run, &request.overlay).await?;
        Ok(Once::new(assembled, output, duration))
    }

    async fn assembled(
        &mut self,
        run: RunRequest<'_>,
        overlay: &[Overlay],
    ) -> Result<(Assembled, String, Duration), SandboxError> {
        let mut assembler = Assembler::new(run.nonce.clone());
        let end = self.session.run(run, overlay, &mut |events| assembler.feed(events)).await?;
        let assembled = match end.end {
            Ok(done) => assembler.finish(&done),
            Err(ending) => assembler.abandon(ending),
        };
        Ok((assembled, text::plain(&end.output), end.duration))
    }

    /// Runs tests once, and observes a function meanwhile.
    pub(super) async fn trace(&mut self, request: &TestRequest, spec: TraceSpec) -> Result<Assembled, SandboxError> {
        let mut run = self.run_request(request, request.total, self.no_addopts);
        run.trace = Some(spec);
        Ok(self.assembled(run, &request.overlay).await?.0)
    }

    /// Turns a wish for tests into a request for the driver.
    fn run_request<'a>(&self, request: &'a TestRequest, total: Duration, no_addopts: bool) -> RunRequest<'a> {
        let plan = &request.plan;
        let kind = match plan.runner {
            RunnerKind::Pytest => "pytest",
            RunnerKind::Django => "django",
            _ => "unittest",
        };
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
        run
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
            trace: None,
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
        let Assembled { results, coverage, mut ending, left_by_hang, usage_error, trace: _ } = assembled;
        if let RunEnding::CollectionFailed { message } = &mut ending
            && results.is_empty()
        {
            *message = last_lines(&output);
        }
        let report = TestReport { results, coverage, no_coverage: None, ending, output, duration };
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

fn mode_name(mode: FileMode) -> &'static str {
    match mode {
        FileMode::Regular => "regular",
        FileMode::Executable => "executable",
        FileMode::Symlink => "symlink",
        FileMode::Submodule => "submodule",
    }
}
