//! One job, from an issue to a validated patch. The only file that names every stage.
//!
//! checkout → sandbox → baseline → localize → search → validate. Each stage hands a value to the next; whatever was created outside this
//! process is closed before [`fix`] returns, also when the job is asked to stop.

mod baseline;
mod candidates;
pub mod checkout;
mod environment;
mod error;
mod memory;
mod nearness;
mod pool;
mod steady;
mod suspicion;
mod validate;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexer::localize::{Inputs, Localization};
use indexer::spectrum::Spectrum;
use indexer::{Index, IssueText};
use repo::policy::Policy as PatchPolicy;
use sandbox::verdict::CacheStats;
use sandbox::{Backend, BackendKind, ConnectOptions, ImageRef, Labels, Limits, RunnerKind, SandboxSpec, TestPlan};
use tokio_util::sync::CancellationToken;

use crate::choose;
use crate::clock::Clock;
use crate::journal::{self, Event, Journal, Suspect};
use crate::propose::DonorPool;
use crate::search::policy::Policy;
use crate::search::{Budget, Search, Stop};

use baseline::{Baseline, Wanted};
use candidates::Candidates;
use checkout::Checkout;
pub use error::FixError;
use memory::Memory;
pub use memory::Remember;
use pool::Pool;
pub(crate) use pool::files_of;
pub use validate::ValidatedPatch;
use validate::{Candidate, Decision, Validation};

/// What is to be fixed.
#[derive(Clone, Debug)]
pub struct Task {
    /// The repository, or a plain folder.
    pub repo: PathBuf,
    /// The revision to start from; `None` is `HEAD`.
    pub base: Option<String>,
    /// The issue.
    pub issue: IssueText,
    /// The command that runs the tests; `None` finds out from the repository.
    pub test: Option<String>,
    /// Tests that must turn green; empty means all that fail.
    pub fail_to_pass: Vec<String>,
    /// Tests that must stay green; empty means all that pass.
    pub pass_to_pass: Vec<String>,
}

/// How it is to be fixed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The backend.
    pub sandbox: BackendKind,
    /// How the container engine is used.
    pub engine: ConnectOptions,
    /// The image; `None` finds or builds one.
    pub image: Option<ImageRef>,
    /// The Python interpreter; `None` takes the test command's, else `python3`.
    pub python: Option<String>,
    /// What a box may use.
    pub limits: Limits,
    /// How an environment is made, where the repository needs one.
    pub setup: sandbox::environment::SetupOptions,
    /// How the space of edits is searched.
    pub policy: Policy,
    /// The seed of all random choices.
    pub seed: u64,
    /// Time for the whole job; validation of what was found may go beyond it.
    pub time: Duration,
    /// Candidates to run at most.
    pub evaluations: u64,
    /// Candidates run at the same time.
    pub jobs: u32,
    /// The job's id.
    pub job: String,
    /// Where the job keeps its objects.
    pub store_dir: PathBuf,
    /// Where indexes are kept between jobs.
    pub cache_dir: PathBuf,
    /// What is remembered of tests between jobs, and where.
    pub remember: Remember,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A validated patch was found.
    Solved,
    /// Everything worth trying was tried.
    NoFix,
    /// Time or evaluations were used up.
    Budget,
    /// The user asked to stop.
    Interrupted,
}

impl Status {
    /// Returns the word used in the journal and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Solved => "solved",
            Status::NoFix => "no_fix",
            Status::Budget => "budget",
            Status::Interrupted => "interrupted",
        }
    }
}

/// What came of a job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// The base, a commit or a tree.
    pub base: String,
    /// The patch, when solved.
    pub patch: Option<ValidatedPatch>,
    /// Candidates run.
    pub evaluations: u64,
    /// Nodes in the search tree.
    pub nodes: usize,
    /// How often the result of a test was known already; `None` where none are remembered.
    pub remembered: Option<CacheStats>,
    /// Time the search itself took.
    pub search_time: Duration,
    /// Time the job took.
    pub time: Duration,
}

/// Share of the job's time that the base's tests may take.
const BASELINE_SHARE: f64 = 0.4;
/// Share of the job's time that recording coverage may take.
const COVERAGE_SHARE: f64 = 0.15;
/// Share of the job's time that further runs of doubtful tests on the base may take.
const CONFIRM_SHARE: f64 = 0.05;
/// How much longer, relative to the way there, a better candidate is looked for.
const PATIENCE: f64 = 0.25;
/// Plausible candidates that are enough.
const ENOUGH: usize = 6;
/// Suspects that are reported.
const SUSPECTS: usize = 20;

/// What a job works with besides its task and settings.
pub struct Surroundings {
    /// The event log.
    pub journal: Arc<Journal>,
    /// The job's clock.
    pub clock: Clock,
    /// Cancelled when the user asks to stop.
    pub stop: CancellationToken,
}

/// Fixes an issue.
///
/// # Errors
/// See [`FixError`]; a job that simply finds no fix is an [`Outcome`].
pub async fn fix(task: &Task, settings: &Settings, cx: &Surroundings) -> Result<Outcome, FixError> {
    if task.issue.is_empty() {
        return Err(FixError::EmptyIssue);
    }
    stage(cx, "checkout", format!("reading {}", task.repo.display()));
    let checkout = open(task, settings).await?;
    let plan = plan(task, &checkout)?;
    stage(cx, "sandbox", format!("starting {} boxes", settings.sandbox));
    let (backend, spec) = connect(&checkout, settings, &plan, cx).await?;
    for layer in backend.describe().missing() {
        let reason = layer.missing.as_deref().unwrap_or_default();
        cx.journal.record(Event::Notice { text: format!("sandbox without {}: {reason}", layer.name) });
    }
    cx.journal.record(Event::Started {
        schema: journal::SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        job: settings.job.clone(),
        base: checkout.base(),
        seed: settings.seed,
        sandbox: describe(backend.as_ref()),
    });
    let files = {
        let snapshot = checkout.snapshot.clone();
        blocking(move || pool::files_of(&snapshot)).await??
    };
    let pool = Arc::new(Pool::new(
        backend,
        spec,
        plan.clone(),
        files,
        settings.jobs,
        cx.stop.clone(),
        Arc::clone(&cx.journal),
    ));
    let result = in_pool(task, settings, cx, &checkout, plan, &pool).await;
    let closed = pool.close().await;
    let outcome = match result {
        Err(FixError::Interrupted) => Outcome::without_search(Status::Interrupted, &checkout, cx),
        result => result?,
    };
    closed?;
    Ok(outcome)
}

/// The stages that need boxes.
async fn in_pool(
    task: &Task,
    settings: &Settings,
    cx: &Surroundings,
    checkout: &Checkout,
    plan: TestPlan,
    pool: &Arc<Pool>,
) -> Result<Outcome, FixError> {
    let indexing = index(checkout, settings);
    let baseline = base_tests(task, settings, cx, checkout, plan, pool);
    // The index needs a processor and the base's tests mostly wait; neither needs the other.
    let (index, baseline) = tokio::join!(indexing, baseline);
    let index = Arc::new(index?);
    let (baseline, memory) = baseline?;
    let (baseline, memory) = (Arc::new(baseline), Arc::new(memory));
    stage(cx, "localize", "ranking suspects".to_owned());
    let world = {
        let (index, baseline, checkout) = (Arc::clone(&index), Arc::clone(&baseline), checkout.clone());
        let (task, pool, journal, clock) = (task.clone(), Arc::clone(pool), Arc::clone(&cx.journal), cx.clock);
        let memory = Arc::clone(&memory);
        blocking(move || world(&index, baseline, memory, checkout, &task, pool, &journal, clock)).await??
    };
    let world = Arc::new(world);
    stage(cx, "search", format!("{} failing, {} passing", baseline.targets.len(), baseline.guards.len()));
    let job = Job { cx, checkout, pool, baseline: &baseline, memory: &memory };
    let outcome = search(settings, &job, world).await;
    if let Some(stats) = memory.stats() {
        cx.journal.record(Event::Remembered { hits: stats.hits, misses: stats.misses });
    }
    outcome
}

/// What the last stages share.
#[derive(Clone, Copy)]
struct Job<'a> {
    cx: &'a Surroundings,
    checkout: &'a Checkout,
    pool: &'a Pool,
    baseline: &'a Baseline,
    memory: &'a Memory,
}

async fn open(task: &Task, settings: &Settings) -> Result<Checkout, FixError> {
    let (dir, base, store_dir) = (task.repo.clone(), task.base.clone(), settings.store_dir.clone());
    Ok(blocking(move || checkout::open(&dir, base.as_deref(), &store_dir)).await??)
}

fn plan(task: &Task, checkout: &Checkout) -> Result<TestPlan, FixError> {
    Ok(match &task.test {
        Some(command) => TestPlan::of_command(command, &checkout.snapshot)?,
        None => TestPlan::detect(&checkout.snapshot)?,
    })
}

async fn connect(
    checkout: &Checkout,
    settings: &Settings,
    plan: &TestPlan,
    cx: &Surroundings,
) -> Result<(Arc<dyn Backend>, SandboxSpec), FixError> {
    let backend = sandbox::connect(settings.sandbox, &settings.engine).await?;
    if let Some(prepared) = environment::of_job(checkout, plan, settings, cx).await? {
        let spec = prepared.spec(Labels::for_job(settings.job.clone()));
        let python = settings.python.clone().or_else(|| plan.python.clone()).or(spec.python);
        return Ok((Arc::from(backend), SandboxSpec { python, limits: settings.limits.clone(), ..spec }));
    }
    let journal = Arc::clone(&cx.journal);
    let progress = move |step: sandbox::ImageProgress| journal.record(Event::Notice { text: step.to_string() });
    let image = tokio::select! {
        image = backend.prepare(None, &progress) => image?,
        () = cx.stop.cancelled() => return Err(FixError::Interrupted),
    };
    let spec = SandboxSpec {
        image,
        python: settings.python.clone().or_else(|| plan.python.clone()),
        limits: settings.limits.clone(),
        ..SandboxSpec::new(Labels::for_job(settings.job.clone()))
    };
    Ok((Arc::from(backend), spec))
}

fn describe(backend: &dyn Backend) -> String {
    let isolation = backend.describe();
    let missing: Vec<&str> = isolation.missing().map(|layer| layer.name).collect();
    let trust = if isolation.trusted_only { ", for trusted code only" } else { "" };
    match missing.as_slice() {
        [] => format!("{}{trust}", isolation.backend),
        missing => format!("{}{trust}, without {}", isolation.backend, missing.join(", ")),
    }
}

async fn index(checkout: &Checkout, settings: &Settings) -> Result<Index, FixError> {
    let (snapshot, cache) = (checkout.snapshot.clone(), settings.cache_dir.clone());
    Ok(blocking(move || Index::open(&cache, &snapshot, &|_| {})).await??)
}

async fn base_tests(
    task: &Task,
    settings: &Settings,
    cx: &Surroundings,
    checkout: &Checkout,
    plan: TestPlan,
    pool: &Pool,
) -> Result<(Baseline, Memory), FixError> {
    let contents = pool.contents().await?;
    if plan.runner == RunnerKind::Pytest
        && let Err(reason) = contents.pytest
    {
        return Err(FixError::NoPytest { reason, remedy: pytest_remedy(settings.sandbox) });
    }
    stage(cx, "baseline", "running the tests of the base".to_owned());
    let wanted = Wanted { fail_to_pass: task.fail_to_pass.clone(), pass_to_pass: task.pass_to_pass.clone() };
    let tree = checkout.revision.tree;
    let memory = {
        let (remember, repo, plan) = (settings.remember.clone(), task.repo.clone(), plan.clone());
        let journal = Arc::clone(&cx.journal);
        let environment = contents.environment;
        blocking(move || Memory::open(&remember, &repo, &plan, environment.as_deref(), tree, journal)).await?
    };
    let share = |share| settings.time.mul_f64(share);
    let mut baseline = baseline::run(pool, &memory, tree, plan, &wanted, share(BASELINE_SHARE)).await?;
    let unsure = baseline::cover(pool, &memory, &mut baseline, share(COVERAGE_SHARE)).await?;
    steady::confirm(pool, &memory, tree, &mut baseline, &unsure, share(CONFIRM_SHARE)).await?;
    for text in &baseline.notices {
        cx.journal.record(Event::Notice { text: text.clone() });
    }
    cx.journal.record(Event::Baseline {
        passed: baseline.guards.len(),
        failed: baseline.failing.iter().map(ToString::to_string).collect(),
        targets: baseline.targets.iter().map(ToString::to_string).collect(),
        seconds: baseline.duration.as_secs_f64(),
    });
    let flaky = memory.flaky_among(baseline.targets.iter().chain(&baseline.guards));
    if !flaky.is_empty() {
        cx.journal.record(Event::Flaky { tests: flaky });
    }
    Ok((baseline, memory))
}

fn pytest_remedy(sandbox: BackendKind) -> &'static str {
    match sandbox {
        BackendKind::Docker => "name an --image that has it",
        BackendKind::Process => "install it for that interpreter, name another with --python, or use --sandbox docker",
    }
}

/// Localizes, and builds what the search works in.
#[expect(clippy::too_many_arguments, reason = "it gathers what the stages before it made")]
fn world(
    index: &Index,
    baseline: Arc<Baseline>,
    memory: Arc<Memory>,
    checkout: Checkout,
    task: &Task,
    pool: Arc<Pool>,
    journal: &Journal,
    clock: Clock,
) -> Result<Candidates, FixError> {
    let started = clock.elapsed();
    let spectrum = spectrum_of(&baseline);
    let failing: Vec<String> = baseline.targets.iter().map(ToString::to_string).collect();
    let issue = with_failures(&task.issue, &baseline);
    let inputs = Inputs { issue: &issue, spectrum: spectrum.as_ref(), failing_tests: &failing };
    let localization = indexer::localize::localize(index, &inputs, SUSPECTS)?;
    let failures: Vec<sandbox::Failure> = baseline.failures.iter().filter_map(|it| it.failure.clone()).collect();
    let excluded = |path: &repo::RepoPath| sandbox::is_test_support(path);
    let suspects = suspicion::rank(index, &localization, spectrum.as_ref(), &failures, &excluded);
    journal.record(localized(&localization, clock.elapsed().saturating_sub(started)));
    if suspects.is_empty() {
        return Err(FixError::NoSuspects);
    }
    let donors = DonorPool::mine(index, &suspects.iter().map(|suspect| suspect.path.clone()).collect::<Vec<_>>());
    let near = nearness::nearness(index, &localization, &baseline);
    Ok(Candidates::new(checkout.store, checkout.snapshot, pool, baseline, memory, suspects, donors, &near))
}

fn spectrum_of(baseline: &Baseline) -> Option<Spectrum> {
    if baseline.coverage.is_empty() {
        return None;
    }
    let tests: Vec<indexer::spectrum::TestCoverage> = baseline
        .coverage
        .iter()
        .map(|coverage| indexer::spectrum::TestCoverage {
            test: coverage.test.to_string(),
            failed: baseline.targets.contains(&coverage.test),
            lines: coverage.lines.clone(),
        })
        .collect();
    // Tools that are run by their command line may only know the lines of a group of tests.
    Some(match baseline.plan.runner {
        RunnerKind::Pytest | RunnerKind::Unittest | RunnerKind::Django => Spectrum::new(&tests),
        _ => Spectrum::of_groups(&tests),
    })
}

/// The issue with the failures of its tests behind it: their tracebacks are evidence like any the reporter pasted.
fn with_failures(issue: &IssueText, baseline: &Baseline) -> IssueText {
    let mut issue = issue.clone();
    for failure in baseline.failures.iter().filter_map(|result| result.failure.as_ref()).take(3) {
        issue.body.push_str("\n\nTraceback (most recent call last):\n");
        for frame in &failure.frames {
            issue.body.push_str(&format!("  File \"{}\", line {}, in {}\n", frame.path, frame.line, frame.function));
        }
        issue.body.push_str(&failure.message);
    }
    issue
}

fn localized(localization: &Localization, took: Duration) -> Event {
    let file = |it: &indexer::localize::FileSuspect| Suspect {
        place: it.path.to_string(),
        score: it.score,
        evidence: it.evidence.clone(),
    };
    let symbol = |it: &indexer::localize::SymbolSuspect| Suspect {
        place: format!("{}::{}", it.path, it.name),
        score: it.score,
        evidence: it.evidence.clone(),
    };
    Event::Localized {
        files: localization.files.iter().map(file).collect(),
        symbols: localization.symbols.iter().map(symbol).collect(),
        took_ms: took.as_secs_f64() * 1e3,
    }
}

/// Searches, and validates what is found, until something is accepted or the budget is used up.
async fn search(settings: &Settings, job: &Job<'_>, world: Arc<Candidates>) -> Result<Outcome, FixError> {
    let (cx, checkout) = (job.cx, job.checkout);
    let mut search = Search::new(world.clone(), checkout.revision.tree, settings.policy.clone(), settings.seed);
    let budget =
        Budget { deadline: settings.time, evaluations: settings.evaluations, patience: PATIENCE, enough: ENOUGH };
    let mut search_time = Duration::ZERO;
    loop {
        let began = cx.clock.elapsed();
        let stop = search.run(&budget, &cx.clock, &cx.journal, &cx.stop).await;
        search_time += cx.clock.elapsed().saturating_sub(began);
        let mut patch = None;
        for node in choose::rank(search.tree(), search.plausible()) {
            patch = validated(job, &world, &search, node).await?;
            if patch.is_some() {
                break;
            }
            search.refute(node);
        }
        let status = match (&patch, stop) {
            (Some(_), _) => Status::Solved,
            (None, Stop::Satisfied) => continue,
            (None, Stop::Exhausted) => Status::NoFix,
            (None, Stop::Deadline | Stop::Evaluations) => Status::Budget,
            (None, Stop::Cancelled) => return Err(FixError::Interrupted),
            (None, Stop::Broken) => {
                return Err(FixError::Broken { reason: search.last_failure().unwrap_or("unknown").to_owned() });
            }
        };
        return Ok(Outcome {
            status,
            base: checkout.base(),
            patch,
            evaluations: search.evaluations(),
            nodes: search.tree().len(),
            remembered: job.memory.stats(),
            search_time,
            time: cx.clock.elapsed(),
        });
    }
}

async fn validated(
    job: &Job<'_>,
    world: &Candidates,
    search: &Search,
    node: crate::search::tree::NodeId,
) -> Result<Option<ValidatedPatch>, FixError> {
    let tree = search.tree().node(node).state();
    stage(job.cx, "validate", format!("candidate {} in a fresh sandbox", node.0));
    let candidate = Candidate { tree, base: job.checkout.revision.tree, overlay: world.overlay(tree) };
    let policy = PatchPolicy::default();
    let Job { checkout, pool, baseline, memory, .. } = *job;
    let validation = Validation { store: &checkout.store, pool, baseline, memory, policy: &policy };
    let verdict = validation.validate(&candidate).await?;
    let (patch, reasons) = match verdict {
        Decision::Accepted(patch) => (Some(*patch), Vec::new()),
        Decision::Refused(reasons) => (None, reasons),
    };
    job.cx.journal.record(Event::Validated { node, tree, accepted: patch.is_some(), reasons });
    Ok(patch)
}

impl Outcome {
    fn without_search(status: Status, checkout: &Checkout, cx: &Surroundings) -> Outcome {
        Outcome {
            status,
            base: checkout.base(),
            patch: None,
            evaluations: 0,
            nodes: 0,
            remembered: None,
            search_time: Duration::ZERO,
            time: cx.clock.elapsed(),
        }
    }
}

fn stage(cx: &Surroundings, name: &str, detail: String) {
    cx.journal.record(Event::Stage { name: name.to_owned(), detail });
}

/// Runs what computes or reads files on the blocking pool.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, FixError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| FixError::Internal { reason: error.to_string() })
}
