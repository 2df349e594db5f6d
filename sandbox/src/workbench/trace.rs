//! Values inside one function while one test runs, block by block ("LDB: A Large Language Model Debugger via Verifying Runtime
//! Execution Step-by-step"). The driver's half is `driver/trace.py`; what comes from it is data like any report.

use std::time::Duration;

use repo::RepoPath;
use serde::{Deserialize, Serialize};

use super::{Coverage, Engine, Overlay, Select, TestRequest, Workbench};
use crate::error::SandboxError;
use crate::plan::TestPlan;
use crate::protocol::TraceSpec;
use crate::report::{RunEnding, TestId, TestResult, text};
use crate::runner::RunnerKind;

/// How much of a trace is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceLimits {
    /// Calls of the function: half of them the first ones, half the last.
    pub calls: usize,
    /// Visits of each block in a call, likewise.
    pub visits: usize,
    /// Variables at each visit.
    pub variables: usize,
    /// Characters of each value.
    pub text: usize,
    /// Lines of the function that are run under observation.
    pub steps: usize,
    /// Characters of all values together.
    pub bytes: usize,
    /// Time under observation.
    pub time: Duration,
}

impl Default for TraceLimits {
    fn default() -> Self {
        Self {
            calls: 6,
            visits: 6,
            variables: 16,
            text: 120,
            steps: 100_000,
            bytes: 1 << 20,
            time: Duration::from_secs(5),
        }
    }
}

/// What to observe.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceRequest {
    /// How tests are run: pytest or unittest.
    pub plan: TestPlan,
    /// The one test to run.
    pub test: TestId,
    /// The file of the function.
    pub path: RepoPath,
    /// The function's qualified name, such as `Class.method`.
    pub function: String,
    /// What differs from the base content.
    pub overlay: Vec<Overlay>,
    /// How long the test may take while it is observed, which slows it down.
    pub per_test: Duration,
    /// How much is kept.
    pub limits: TraceLimits,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The first and the last calls of the function, in the order in which they began.
    pub calls: Vec<TracedCall>,
    /// How many calls there were before observation ended.
    pub total_calls: u64,
    /// Why observation ended before the test, or never began.
    pub stopped: Option<String>,
    /// What came of the test.
    pub result: Option<TestResult>,
    /// How the run ended.
    pub ending: RunEnding,
}

/// One call of the function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedCall {
    /// Which call it was, counted from 1.
    pub number: u64,
    /// The arguments by name.
    pub arguments: Vec<(String, String)>,
    /// The blocks that were reached, in the order of the source.
    pub blocks: Vec<TracedBlock>,
    /// How the call ended.
    pub outcome: TracedOutcome,
}

/// A run of statements up to a branch, or the head of a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedBlock {
    /// First and last line.
    pub lines: (u32, u32),
    /// How often it was reached in this call.
    pub hits: u64,
    /// The first and the last visits.
    pub visits: Vec<TracedVisit>,
}

/// One visit of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedVisit {
    /// Which block visit of the call it was, counted from 1.
    pub order: u64,
    /// The variables that the block names and that exist, before it.
    pub before: Vec<(String, String)>,
    /// Those that it set, or that look different, behind it.
    pub after: Vec<(String, String)>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TracedOutcome {
    /// It returned.
    Returned {
        /// What.
        value: String,
    },
    /// An exception left it.
    Raised {
        /// Its type and arguments.
        exception: String,
    },
    /// It was under way when observation ended.
    Unfinished,
}

/// What the driver says of a trace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RawTrace {
    calls: Vec<TracedCall>,
    total: u64,
    stopped: Option<String>,
}

impl RawTrace {
    /// Makes every text safe to show: values come from tested code.
    fn plain(mut self) -> RawTrace {
        for call in &mut self.calls {
            call.arguments.iter_mut().for_each(plain);
            for visit in call.blocks.iter_mut().flat_map(|block| &mut block.visits) {
                visit.before.iter_mut().chain(&mut visit.after).for_each(plain);
            }
            match &mut call.outcome {
                TracedOutcome::Returned { value: text } | TracedOutcome::Raised { exception: text } => plain_text(text),
                TracedOutcome::Unfinished => {}
            }
        }
        self
    }
}

fn plain(pair: &mut (String, String)) {
    plain_text(&mut pair.0);
    plain_text(&mut pair.1);
}

fn plain_text(text: &mut String) {
    *text = text::plain(text.as_bytes());
}

impl Workbench {
    /// Runs one test and observes one function. Whatever the test does is in the trace.
    ///
    /// # Errors
    /// When the plan's tool is not run in process, the box is gone, or the overlay names a place that cannot be written.
    pub async fn trace(&mut self, request: &TraceRequest) -> Result<Trace, SandboxError> {
        if !matches!(request.plan.runner, RunnerKind::Pytest | RunnerKind::Unittest) {
            return Err(not_traced());
        }
        let run = TestRequest {
            select: Select::Ids(vec![request.test.clone()]),
            overlay: request.overlay.clone(),
            per_test: request.per_test,
            total: request.per_test * 2 + Duration::from_secs(20),
            coverage: Coverage::Off,
            ..TestRequest::all(request.plan.clone())
        };
        let Engine::Driven(driven) = &mut self.engine else { return Err(not_traced()) };
        let mut assembled = driven.trace(&run, spec(request)).await?;
        let nothing =
            || RawTrace { calls: Vec::new(), total: 0, stopped: Some("the test did not come to its end".into()) };
        let RawTrace { calls, total, stopped } = assembled.trace.take().unwrap_or_else(nothing).plain();
        let result = assembled.results.into_iter().find(|result| result.id == request.test);
        Ok(Trace { calls, total_calls: total, stopped, result, ending: assembled.ending })
    }
}

fn not_traced() -> SandboxError {
    SandboxError::Protocol { detail: "only tests that pytest or unittest runs in process can be traced".to_owned() }
}

fn spec(request: &TraceRequest) -> TraceSpec {
    let TraceLimits { calls, visits, variables, text, steps, bytes, time } = request.limits;
    TraceSpec {
        path: super::path_text(&request.path),
        function: request.function.clone(),
        calls,
        visits,
        variables,
        text,
        steps,
        bytes,
        seconds: time.as_secs_f64(),
    }
}
