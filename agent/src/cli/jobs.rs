//! `patchwright jobs`: what the daemon has to do, does and did, and what may be asked of it.

use serde_json::{Value, json};

use super::exit::{self, Ending, Failure};
use super::serve::SettingsFile;
use crate::daemon::{DaemonError, attach_store};
use crate::store::{Job, JobFilter, JobId, JobState, Store, StoreError};

/// Arguments of `jobs`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    settings: SettingsFile,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Lists jobs, the newest first.
    Ls {
        /// Only jobs in this state.
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<JobState>,
        /// At most so many.
        #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Shows one job.
    Show {
        /// Its id.
        job: JobId,
    },
    /// Stops a job; what it found is kept.
    Stop {
        /// Its id.
        job: JobId,
    },
    /// Lets a failed or stopped job try again.
    Retry {
        /// Its id.
        job: JobId,
    },
    /// Holds a job until it is resumed.
    Pause {
        /// Its id.
        job: JobId,
    },
    /// Lets a paused job go on.
    Resume {
        /// Its id.
        job: JobId,
    },
}

fn state(word: &str) -> Result<JobState, String> {
    JobState::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = JobState::ALL.iter().map(|state| state.word()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

pub(super) async fn run(args: Args) -> Result<Ending, Failure> {
    let loaded = args.settings.load()?;
    let store = attach_store(&loaded.config, loaded.password()?.as_ref()).await?;
    let done = ask(store.as_ref(), &args).await;
    store.close().await.map_err(DaemonError::from)?;
    done
}

async fn ask(store: &dyn Store, args: &Args) -> Result<Ending, Failure> {
    match &args.verb {
        Verb::Ls { state, limit } => {
            let filter = JobFilter { states: state.iter().copied().collect(), limit: *limit, ..JobFilter::default() };
            let jobs = store.jobs(&filter).await.map_err(failed)?;
            list(&jobs, args.json)?;
        }
        Verb::Show { job } => {
            let found = store.job(*job).await.map_err(failed)?;
            let found = found.ok_or_else(|| failed(StoreError::Unknown(*job)))?;
            show(&found, args.json)?;
        }
        Verb::Stop { job } => {
            let state = store.request_cancel(*job, "stopped on the command line").await.map_err(failed)?;
            tell(*job, state, args.json)?;
        }
        Verb::Retry { job } => tell(*job, store.retry(*job).await.map_err(failed)?, args.json)?,
        Verb::Pause { job } => tell(*job, store.pause(*job).await.map_err(failed)?, args.json)?,
        Verb::Resume { job } => tell(*job, store.resume(*job).await.map_err(failed)?, args.json)?,
    }
    Ok(Ending::Done)
}

/// What people asked for and cannot have is their affair, everything else is ours.
fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Unknown(_) | StoreError::Transition { .. } | StoreError::Busy(_) => {
            Failure::usage(error.to_string())
        }
        other => DaemonError::from(other).into(),
    }
}

fn list(jobs: &[Job], json: bool) -> Result<(), Failure> {
    if json {
        let jobs: Vec<Value> = jobs.iter().map(record).collect();
        return exit::print(format!("{}\n", json!({"schema": 1, "jobs": jobs})).as_bytes());
    }
    let mut text = String::new();
    for job in jobs {
        let note =
            job.outcome.as_ref().map(|outcome| outcome.summary.as_str()).or(job.note.as_deref()).unwrap_or_default();
        text.push_str(&format!(
            "{}\t{}\t{}\trepository {}\t#{}\tattempt {}\t{}\n",
            job.id,
            job.state,
            job.spec.kind,
            job.spec.repository,
            job.spec.issue,
            job.attempt,
            one_line(note)
        ));
    }
    exit::print(text.as_bytes())
}

fn show(job: &Job, json: bool) -> Result<(), Failure> {
    let record = record(job);
    if json {
        return exit::print(format!("{}\n", json!({"schema": 1, "job": record})).as_bytes());
    }
    let Value::Object(fields) = record else { return Ok(()) };
    let line = |(name, value): (String, Value)| match value {
        Value::String(text) => format!("{name}: {}\n", one_line(&text)),
        other => format!("{name}: {other}\n"),
    };
    let text: String = fields.into_iter().filter(|(_, value)| !value.is_null()).map(line).collect();
    exit::print(text.as_bytes())
}

fn tell(job: JobId, state: JobState, json: bool) -> Result<(), Failure> {
    let text = match json {
        true => format!("{}\n", json!({"schema": 1, "job": job, "state": state})),
        false => format!("{job}\t{state}\n"),
    };
    exit::print(text.as_bytes())
}

fn record(job: &Job) -> Value {
    json!({
        "id": job.id,
        "state": job.state,
        "kind": job.spec.kind,
        "installation": job.spec.installation,
        "repository": job.spec.repository,
        "issue": job.spec.issue,
        "requester": job.spec.request.login,
        "attempt": job.attempt,
        "worker": job.worker,
        "note": job.note,
        "cancel": job.cancel,
        "outcome": job.outcome,
        "created_at_ms": job.created_at,
        "updated_at_ms": job.updated_at,
    })
}

/// Text of others on a terminal: one line without control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
