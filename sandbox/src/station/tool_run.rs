//! Runs a test tool by its command line in a place of a station, and holds what it makes of the run against what is known of it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::outcome::Execution;
use super::wire::{self, Collected as Found, Reply, Request};
use super::{Place, Station, Streams, decode};
use crate::error::SandboxError;
use crate::plan::TestPlan;
use crate::report::{RunEnding, TestId, TestReport, TestResult, text};
use crate::tool::{Collect, Collected, Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::{CommandRequest, Coverage, Overlay, Select, TestRequest, last_lines};

/// Most files that are read back after a run.
const MOST_FILES: u64 = 4000;
/// Most bytes of them together.
const MOST_BYTES: u64 = 64 << 20;

/// One wish to run a tool.
pub(super) struct Wish<'a> {
    pub(super) plan: &'a TestPlan,
    pub(super) tool: &'a dyn Tool,
    pub(super) request: &'a TestRequest,
    pub(super) select: Option<&'a [TestId]>,
    pub(super) coverage: Coverage,
    pub(super) total: Duration,
}

/// What came of one run of a tool.
pub(super) struct ToolRan {
    pub(super) read: ToolReport,
    pub(super) output: String,
    pub(super) duration: Duration,
}

/// The steps of one run, as far as they got.
#[derive(Default)]
struct Steps {
    outputs: Vec<StepOutput>,
    printed: Vec<u8>,
    duration: Duration,
    /// A build failed, or a limit ended a step: only what comes after the tests is still run.
    broken: bool,
}

impl Station {
    /// Runs a test tool in a place. The request's overlay is the caller's to apply.
    ///
    /// # Errors
    /// When the box was gone before, or the place is.
    pub(crate) async fn run_tool(
        &self,
        at: &Place,
        plan: &TestPlan,
        tool: &dyn Tool,
        request: &TestRequest,
    ) -> Result<TestReport, SandboxError> {
        let select = match &request.select {
            Select::All => None,
            Select::Ids(ids) => Some(ids.as_slice()),
        };
        let wish = Wish { plan, tool, request, select, coverage: Coverage::Off, total: request.total };
        let ran = self.run_once(at, &wish).await?;
        let ToolReport { results, ending, .. } = ran.read;
        let (output, duration) = (ran.output, ran.duration);
        let mut report = TestReport { results, coverage: Vec::new(), no_coverage: None, ending, output, duration };
        if request.coverage == Coverage::PerTest {
            self.cover(at, &wish, &mut report).await?;
        }
        Ok(report)
    }

    /// Runs a tool once and judges what it says.
    pub(super) async fn run_once(&self, at: &Place, wish: &Wish<'_>) -> Result<ToolRan, SandboxError> {
        let reports = self.make_below(&self.scratch, &format!("reports-{}", uuid::Uuid::new_v4().simple())).await?;
        let ran = self.run_reporting(at, &reports, wish).await;
        if self.is_alive() {
            self.remove(&reports).await?;
        }
        ran
    }

    async fn run_reporting(&self, at: &Place, reports: &Place, wish: &Wish<'_>) -> Result<ToolRan, SandboxError> {
        let run = ToolRun {
            words: &wish.plan.args,
            cwd: &wish.plan.cwd,
            select: wish.select,
            per_test: per_test(wish),
            coverage: wish.coverage,
            reports: reports.path(),
            root: at.path(),
        };
        let command = wish.tool.command(&run);
        self.prepare(at, reports, &command).await?;
        let steps = self.run_steps(at, wish, &command.steps).await?;
        let output = text::plain(&steps.printed);
        let (files, left_out) =
            if self.is_alive() { self.collect(at, reports, &command).await? } else { (Vec::new(), 0) };
        let read = wish.tool.read(&ToolOutput { steps: &steps.outputs, files: &files, run });
        let read = judge(read, &steps.outputs, left_out, wish.select);
        Ok(ToolRan { read, output, duration: steps.duration })
    }

    /// Writes the tool's own files, and removes reports of earlier runs.
    async fn prepare(&self, at: &Place, reports: &Place, command: &ToolCommand) -> Result<(), SandboxError> {
        let mut support = Vec::new();
        for (path, bytes) in &command.support {
            let path =
                repo::RepoPath::new(path).map_err(|error| SandboxError::Workspace { detail: error.to_string() })?;
            support.push(Overlay { path, bytes: Some(bytes.to_vec()) });
        }
        if !support.is_empty() {
            self.apply(reports, &support).await?;
        }
        let globs = globs(command, Origin::Workspace);
        if globs.is_empty() {
            return Ok(());
        }
        self.done(&Request::Discard(matching(at, globs))).await
    }

    async fn run_steps(&self, at: &Place, wish: &Wish<'_>, steps: &[Step]) -> Result<Steps, SandboxError> {
        let mut done = Steps::default();
        for step in steps {
            if done.broken && step.kind != StepKind::After {
                continue;
            }
            let left = wish.total.saturating_sub(done.duration);
            if (left.is_zero() && step.kind == StepKind::After) || !self.is_alive() {
                continue;
            }
            let command = CommandRequest {
                argv: step.argv.clone(),
                cwd: wish.plan.cwd.clone(),
                env: wish.plan.env.iter().chain(&step.env).cloned().collect(),
                overlay: Vec::new(),
                total: left,
                silence: wish.request.silence,
            };
            done.add(step.kind, self.execute(at, &command, Streams::Apart).await?);
        }
        Ok(done)
    }

    async fn collect(
        &self,
        at: &Place,
        reports: &Place,
        command: &ToolCommand,
    ) -> Result<(Vec<Collected>, u64), SandboxError> {
        let (mut files, mut left_out) = (Vec::new(), 0);
        for (folder, origin) in [(reports, Origin::Reports), (at, Origin::Workspace)] {
            let globs = globs(command, origin);
            if globs.is_empty() {
                continue;
            }
            let fields = self.ask(&Request::Collect(matching(folder, globs))).await?;
            let Ok(Reply::Collected(Found { files: found, left_out: more })) = decode(&fields) else {
                return Err(self.nonsense().await);
            };
            left_out += more;
            files.extend(found.iter().map(|file| Collected {
                path: String::from_utf8_lossy(file.path).into_owned(),
                in_workspace: origin == Origin::Workspace,
                bytes: file.bytes.to_vec(),
            }));
        }
        Ok((files, left_out))
    }
}

/// Returns how long one test may take: as long as the one with the most time, since tools take one limit for all.
fn per_test(wish: &Wish<'_>) -> Duration {
    let of = &wish.request.per_test_of;
    let asked = of.iter().filter(|(id, _)| wish.select.is_none_or(|select| select.contains(id)));
    let longest = asked.map(|(_, limit)| *limit).max();
    // Tests without a limit of their own have the common one.
    let all_known = wish.select.is_some_and(|select| select.iter().all(|id| of.iter().any(|(known, _)| known == id)));
    match longest {
        Some(longest) if all_known => longest,
        Some(longest) => longest.max(wish.request.per_test),
        None => wish.request.per_test,
    }
}

/// Which of the two folders a file is collected from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Reports,
    Workspace,
}

fn globs(command: &ToolCommand, origin: Origin) -> Vec<&[u8]> {
    let mut globs = Vec::new();
    for collect in &command.collect {
        match (collect, origin) {
            (Collect::Reports(glob), Origin::Reports) | (Collect::Workspace(glob), Origin::Workspace) => {
                globs.push(glob.as_bytes());
            }
            (Collect::Reports(_), Origin::Workspace) | (Collect::Workspace(_), Origin::Reports) => {}
        }
    }
    globs
}

fn matching<'a>(folder: &'a Place, globs: Vec<&'a [u8]>) -> wire::Matching<'a> {
    wire::Matching { at: folder.at(), globs, most_files: MOST_FILES, most_bytes: MOST_BYTES }
}

impl Steps {
    fn add(&mut self, kind: StepKind, ran: Execution) {
        let failed = ran.ending != RunEnding::Complete;
        self.broken |= failed || (kind == StepKind::Build && ran.exit_code != Some(0));
        self.duration += ran.duration;
        self.printed.extend_from_slice(&ran.merged);
        let Execution { exit_code, ending, stdout, stderr, cut, .. } = ran;
        self.outputs.push(StepOutput { kind, exit_code, ending, stdout, stderr, cut });
    }
}

/// Holds what a tool says against what is known of its run: the rules that are the same for all tools.
fn judge(read: ToolReport, steps: &[StepOutput], left_out: u64, select: Option<&[TestId]>) -> ToolReport {
    let ToolReport { results, ending, .. } = read;
    let mut results = worst_of_each(results);
    if let Some(select) = select {
        let asked: HashSet<&TestId> = select.iter().collect();
        results.retain(|result| asked.contains(&result.id));
    }
    let ending = match (known_ending(steps), ending) {
        // The tool reads the places out of what the compiler said.
        (Some(RunEnding::BuildFailed { .. }), explained @ RunEnding::BuildFailed { .. }) => explained,
        // The tool knows its own crashes better.
        (Some(RunEnding::Crashed { .. }), explained) if !claims_success(&explained) => explained,
        (Some(known), _) => known,
        (None, _) if left_out > 0 => {
            RunEnding::Tampered { detail: format!("{left_out} files of the report are more than is read back") }
        }
        (None, said) if claims_success(&said) && results.is_empty() => RunEnding::NoTests,
        (None, said) => said,
    };
    ToolReport { results, ending, ..read }
}

/// Whether a tool says that its run went as it should.
fn claims_success(ending: &RunEnding) -> bool {
    matches!(ending, RunEnding::Complete | RunEnding::NoTests | RunEnding::StoppedEarly)
}

/// Returns how the run ended as far as that shows without reading any report; `None` when all of it ended by itself.
fn known_ending(steps: &[StepOutput]) -> Option<RunEnding> {
    let before = || steps.iter().filter(|step| step.kind != StepKind::After);
    if let Some(step) = before().find(|step| step.ending != RunEnding::Complete) {
        return Some(step.ending.clone());
    }
    let failed = before().find(|step| step.kind == StepKind::Build && step.exit_code != Some(0));
    if let Some(step) = failed {
        let printed = [&step.stdout[..], &step.stderr[..]].concat();
        return Some(RunEnding::BuildFailed { message: last_lines(&text::plain(&printed)), places: Vec::new() });
    }
    let tested = before().any(|step| step.kind == StepKind::Test && step.exit_code.is_some());
    (!tested).then(|| RunEnding::Crashed { detail: "no test was run".to_owned() })
}

/// Leaves one result per test: the worst of those it has, where its first one stood.
fn worst_of_each(results: Vec<TestResult>) -> Vec<TestResult> {
    let mut at: HashMap<TestId, usize> = HashMap::new();
    let mut kept: Vec<TestResult> = Vec::with_capacity(results.len());
    for result in results {
        match at.get(&result.id) {
            Some(&known) if result.status.is_worse_than(kept[known].status) => kept[known] = result,
            Some(_) => {}
            None => {
                at.insert(result.id.clone(), kept.len());
                kept.push(result);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;
