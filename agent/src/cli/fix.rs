//! `patchwright fix`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::exit::{self, Ending, Failure};
use super::progress::Progress;
use super::settings::{self, Sandbox};
use super::setup::Setup;
use crate::clock::Clock;
use crate::journal::{Event, Journal};
use crate::pipeline::{self, FixError, Outcome, Remember, Settings, Status, Surroundings, Task, checkout};
use crate::search::policy::Policy;

/// Bytes that the results of tests may take on disk.
const RESULTS_BYTES: u64 = 512 << 20;

/// Arguments of `fix`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository (a work tree, a bare repository or a plain folder). It is only read.
    #[arg(long, value_name = "DIR")]
    pub(super) repo: PathBuf,
    /// The revision to start from [default: HEAD].
    #[arg(long, value_name = "REV")]
    pub(super) base: Option<String>,
    /// The issue: a file with its text, or `-` for stdin.
    #[arg(long, value_name = "FILE|-")]
    pub(super) issue: String,
    /// The command that runs the tests, such as `python3 -m pytest tests` [default: found from the repository].
    #[arg(long, value_name = "CMD")]
    pub(super) test: Option<String>,
    /// A test that must turn green (again for more) [default: all that fail on the base].
    #[arg(long, value_name = "ID")]
    pub(super) fail_to_pass: Vec<String>,
    /// A test that must stay green (again for more) [default: all that pass on the base].
    #[arg(long, value_name = "ID")]
    pub(super) pass_to_pass: Vec<String>,
    #[command(flatten)]
    pub(super) how: How,
    /// Write the patch to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Keep the job's journal, patch and objects in this folder, which must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(super) job_dir: Option<PathBuf>,
    /// Print one JSON object instead of the patch.
    #[arg(long)]
    pub(super) json: bool,
}

/// How a fix is searched for.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct How {
    /// Where edits come from.
    #[arg(long, value_enum, default_value = "templates")]
    proposer: Proposer,
    /// How the space of edits is searched.
    #[arg(long, value_enum, default_value = "mcts")]
    strategy: Strategy,
    /// Where tests run.
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) sandbox: Sandbox,
    #[command(flatten)]
    engine: settings::Engine,
    #[command(flatten)]
    prebuilt: settings::Prebuilt,
    /// The Python interpreter [default: the test command's, else python3].
    #[arg(long, value_name = "PATH")]
    python: Option<String>,
    /// Seed of all random choices.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Time for the job, in seconds.
    #[arg(long, value_name = "N", default_value = "300", value_parser = settings::seconds)]
    seconds: Duration,
    /// Candidates to run at most.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    evaluations: u64,
    /// Candidates to run at the same time [default: one per processor, at most 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: Option<u32>,
    #[command(flatten)]
    setup: Setup,
    /// Run every test, also those whose result on the same tree is known from this or an earlier job.
    #[arg(long)]
    no_cache: bool,
}

/// Where edits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Proposer {
    /// Fix templates and donor code; no model needed.
    Templates,
}

/// How the space of edits is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Strategy {
    /// Monte Carlo tree search.
    Mcts,
    /// Single edits, most promising first.
    BestOfN,
    /// Builds on the best state so far.
    Greedy,
}

impl Strategy {
    fn policy(self) -> Policy {
        match self {
            Strategy::Mcts => Policy::default(),
            Strategy::BestOfN => Policy::best_of_n(),
            Strategy::Greedy => Policy::greedy(),
        }
    }
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> Result<Ending, Failure> {
    let task = Task {
        issue: settings::read_issue(&args.issue)?,
        repo: args.repo,
        base: args.base,
        test: args.test,
        fail_to_pass: args.fail_to_pass,
        pass_to_pass: args.pass_to_pass,
    };
    if !task.repo.exists() {
        return Err(remote_or_missing(&task.repo));
    }
    let out = args.out.as_deref().map(check_writable).transpose()?;
    let finished = fix(task, &args.how, args.job_dir.as_deref(), stop).await??;
    let patch = finished.patch_bytes();
    if let (Some(file), Some(patch)) = (out, &patch) {
        std::fs::write(file, patch)
            .map_err(|error| Failure::unexpected(&format!("failed to write `{}`", file.display()), &error))?;
    }
    finished.talk();
    if args.json {
        exit::print(format!("{}\n", finished.to_json()).as_bytes())?;
    } else if let Some(patch) = patch {
        exit::print(&patch)?;
    }
    Ok(finished.ending())
}

/// Finds out before the work, not after it, that the patch could not be written. Leaves no file behind that was not there.
fn check_writable(file: &Path) -> Result<&Path, Failure> {
    let is_new = !file.exists();
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    opened.map_err(|error| Failure::usage(format!("cannot write the patch to `{}`: {error}", file.display())))?;
    if is_new {
        std::fs::remove_file(file)
            .map_err(|error| Failure::unexpected(&format!("failed to remove `{}`", file.display()), &error))?;
    }
    Ok(file)
}

fn remote_or_missing(repo: &Path) -> Failure {
    let name = repo.display().to_string();
    if name.contains("://") || name.starts_with("git@") {
        return Failure::usage(format!("`{name}` is not on this machine; clone it and give its folder"));
    }
    repo::RepoError::NoSuchDirectory { path: repo.to_owned() }.into()
}

/// A job that ended by itself.
pub(super) struct Finished {
    job: String,
    journal: PathBuf,
    pub(super) outcome: Outcome,
}

/// Runs one job with its folder, journal and progress. What the job itself says of why it could not be done is the inner error.
pub(super) async fn fix(
    task: Task,
    how: &How,
    job_dir: Option<&Path>,
    stop: CancellationToken,
) -> Result<Result<Finished, FixError>, Failure> {
    let job = settings::new_job_id();
    let dir = match job_dir {
        Some(dir) => settings::make_dir(dir.to_owned())?,
        None => settings::make_dir(checkout::state_dir().join("jobs").join(&job))?,
    };
    // Without a folder of the user's the objects are only needed while the job runs.
    let objects = sandbox::temporary_folder()
        .map_err(|error| Failure::unexpected("failed to make a temporary folder", &error))?;
    let store_dir = if job_dir.is_some() { dir.join("objects.git") } else { objects.path().join("objects.git") };
    let clock = Clock::start();
    let path = dir.join("journal.jsonl");
    let journal = Journal::create(&path, Box::new(Progress::new(clock)))
        .map_err(|error| Failure::usage(format!("failed to create the journal `{}`: {error}", path.display())))?;
    let journal = Arc::new(journal);
    let settings = resolve(how, &task, &job, store_dir).await?;
    let cx = Surroundings { journal: Arc::clone(&journal), clock, stop };
    let result = pipeline::fix(&task, &settings, &cx).await;
    record_end(&journal, &result, clock);
    let closed = journal.close();
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(error)),
    };
    closed
        .map_err(|error| Failure::unexpected(&format!("failed to write the journal `{}`", path.display()), &error))?;
    let finished = Finished { job, journal: path, outcome };
    if let Some(patch) = finished.patch_bytes() {
        let file = dir.join("patch.diff");
        std::fs::write(&file, patch)
            .map_err(|error| Failure::unexpected(&format!("failed to write `{}`", file.display()), &error))?;
    }
    Ok(Ok(finished))
}

async fn resolve(how: &How, task: &Task, job: &str, store_dir: PathBuf) -> Result<Settings, Failure> {
    let image = how.prebuilt.resolve(&task.repo)?;
    // The only one so far; naming it keeps scripts valid when there are more.
    let Proposer::Templates = how.proposer;
    Ok(Settings {
        sandbox: settings::choose_backend(how.sandbox, task.test.as_deref(), image.as_ref(), &how.engine).await,
        engine: how.engine.options(),
        image,
        python: how.python.clone(),
        limits: sandbox::Limits::default(),
        setup: how.setup.options()?,
        policy: how.strategy.policy(),
        seed: how.seed,
        time: how.seconds,
        evaluations: how.evaluations,
        jobs: how.jobs.unwrap_or_else(settings::default_jobs),
        job: job.to_owned(),
        store_dir,
        cache_dir: checkout::cache_dir(),
        remember: Remember {
            results: (!how.no_cache).then(|| checkout::cache_dir().join("results")),
            results_bytes: RESULTS_BYTES,
            flakes: checkout::state_dir().join("flaky"),
        },
    })
}

fn record_end(journal: &Journal, result: &Result<Outcome, FixError>, clock: Clock) {
    let event = match result {
        Ok(outcome) => Event::Finished {
            status: outcome.status.as_str().to_owned(),
            tree: outcome.patch.as_ref().map(pipeline::ValidatedPatch::tree),
            evaluations: outcome.evaluations,
            nodes: outcome.nodes,
            seconds: outcome.time.as_secs_f64(),
        },
        Err(error) => Event::Finished {
            status: if error.is_no_fix() { "no_fix" } else { "error" }.to_owned(),
            tree: None,
            evaluations: 0,
            nodes: 0,
            seconds: clock.elapsed().as_secs_f64(),
        },
    };
    journal.record(event);
}

impl Finished {
    pub(super) fn patch_bytes(&self) -> Option<Vec<u8>> {
        self.outcome.patch.as_ref().map(|patch| patch.patch().to_bytes())
    }

    pub(super) fn ending(&self) -> Ending {
        match self.outcome.status {
            Status::Solved => Ending::Done,
            Status::NoFix => Ending::NoFix,
            Status::Budget => Ending::Budget,
            Status::Interrupted => Ending::Interrupted,
        }
    }

    /// Says how it ended, to people.
    pub(super) fn talk(&self) {
        let outcome = &self.outcome;
        let tried = format!(
            "{} candidates in {:.1} s ({:.0}/s)",
            outcome.evaluations,
            outcome.search_time.as_secs_f64(),
            rate(outcome)
        );
        exit::talk(&match (&outcome.status, &outcome.patch) {
            (Status::Solved, Some(patch)) => format!(
                "solved after {tried}: {} failing tests pass now, {} passing tests still do",
                patch.fail_to_pass().len(),
                patch.pass_to_pass().len()
            ),
            (Status::Solved | Status::NoFix, _) => format!("no fix found; everything was tried: {tried}"),
            (Status::Budget, _) => format!("no fix found within the budget: {tried}; more --seconds may help"),
            (Status::Interrupted, _) => "interrupted; nothing was changed".to_owned(),
        });
        for flag in outcome.patch.iter().flat_map(|patch| patch.flags()) {
            exit::talk(&format!("look at this: {flag}"));
        }
        exit::talk(&format!("journal: {}", self.journal.display()));
    }

    fn to_json(&self) -> serde_json::Value {
        let outcome = &self.outcome;
        let patch = outcome.patch.as_ref();
        let names = |ids: &[sandbox::TestId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({
            "schema": 1,
            "status": outcome.status.as_str(),
            "patch": self.patch_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default(),
            "base": outcome.base,
            "tree": patch.map(|patch| patch.tree().to_string()),
            "fail_to_pass": patch.map(|patch| names(patch.fail_to_pass())).unwrap_or_default(),
            "pass_to_pass": patch.map(|patch| names(patch.pass_to_pass())).unwrap_or_default(),
            "evaluations": outcome.evaluations,
            "nodes": outcome.nodes,
            "evaluations_per_second": rate(outcome),
            "remembered": outcome.remembered.map(|stats| json!({ "hits": stats.hits, "misses": stats.misses, "rate": stats.rate() })),
            "seconds": outcome.time.as_secs_f64(),
            "usd": 0.0,
            "tokens": { "input": 0, "output": 0 },
            "job": self.job,
        })
    }
}

fn rate(outcome: &Outcome) -> f64 {
    let seconds = outcome.search_time.as_secs_f64();
    if seconds > 0.0 { outcome.evaluations as f64 / seconds } else { 0.0 }
}
