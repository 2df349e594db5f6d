//! The command line: what people type, what they see, and what the exit code says.
//!
//! stdout is data, stderr is talk and progress. Each verb is a file below `cli/`.

mod config;
mod demo;
mod doctor;
mod env;
mod exit;
mod fix;
mod gc;
mod index;
mod jobs;
mod localize;
mod progress;
mod serve;
mod settings;
mod setup;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use exit::{Ending, Failure};

/// Fixes issues in repositories: localizes the fault, searches over edits, and proves the fix with the repository's own tests.
#[derive(Debug, Parser)]
#[command(name = "patchwright", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 done, 1 finished without a fix, 2 usage, 3 unexpected error, 5 budget reached,
6 sandbox not usable, 78 unsafe configuration refused, 130 interrupted. stdout is data, stderr is talk.")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fixes an issue and prints the validated patch.
    Fix(fix::Args),
    /// Says where the fault of an issue probably is.
    Localize(localize::Args),
    /// Builds and asks the index of a repository.
    Index(index::Args),
    /// Finds out what a repository needs to have its tests run, and makes an image that has it.
    Env(env::Args),
    /// Fixes small built-in repositories, to see it work.
    Demo(demo::Args),
    /// Receives webhooks of a GitHub App and keeps what they ask for.
    Serve(serve::Args),
    /// Lists the daemon's jobs, and stops, retries, pauses and resumes them.
    Jobs(jobs::Args),
    /// Shows, checks and describes the daemon's settings.
    Config(config::Args),
    /// Removes what was remembered and made but not used for long.
    Gc(gc::Args),
    /// Examines this machine and says what is missing.
    Doctor(doctor::Args),
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Ending::Usage } else { Ending::Done };
            // Failing to print a usage message leaves nobody to tell.
            drop(error.print());
            return code.into();
        }
    };
    // The daemon sets up its own log, from which secrets are taken out.
    if !matches!(cli.verb, Verb::Serve(_)) {
        init_logging();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::report(&Failure::unexpected("failed to start the runtime", &error), exit::Form::Text);
        }
    };
    let form = cli.verb.form();
    let ending = runtime.block_on(run(cli.verb));
    // Blocking work that is still under way (an index being built when the user stopped) must not hold the exit.
    runtime.shutdown_background();
    match ending {
        Ok(ending) => ending.into(),
        Err(failure) => exit::report(&failure, form),
    }
}

impl Verb {
    fn form(&self) -> exit::Form {
        let json = match self {
            Verb::Fix(args) => args.json,
            Verb::Localize(args) => args.place.json,
            Verb::Index(args) => args.json(),
            Verb::Env(args) => args.json(),
            Verb::Gc(args) => args.json,
            Verb::Doctor(args) => args.json,
            Verb::Jobs(args) => args.json,
            Verb::Demo(_) | Verb::Serve(_) | Verb::Config(_) | Verb::Completions { .. } => false,
        };
        if json { exit::Form::Json } else { exit::Form::Text }
    }
}

async fn run(verb: Verb) -> Result<Ending, Failure> {
    let stop = stop_on_signals();
    match verb {
        Verb::Fix(args) => fix::run(args, stop).await,
        Verb::Localize(args) => until_stopped(stop, move || localize::run(&args)).await,
        Verb::Index(args) => index::run(args, stop).await,
        Verb::Env(args) => env::run(args, stop).await,
        Verb::Demo(args) => demo::run(&args, stop).await,
        Verb::Serve(args) => serve::run(args, stop).await,
        Verb::Jobs(args) => jobs::run(args).await,
        Verb::Config(args) => config::run(&args),
        Verb::Gc(args) => gc::run(args, stop).await,
        Verb::Doctor(args) => doctor::run(&args).await,
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "patchwright", &mut std::io::stdout());
            Ok(Ending::Done)
        }
    }
}

/// Runs a verb that only computes, and leaves it when the user stops.
async fn until_stopped(
    stop: CancellationToken,
    work: impl FnOnce() -> Result<Ending, Failure> + Send + 'static,
) -> Result<Ending, Failure> {
    tokio::select! {
        done = tokio::task::spawn_blocking(work) => {
            done.unwrap_or_else(|error| Err(Failure::unexpected("an internal task failed", &error)))
        }
        () = stop.cancelled() => Ok(Ending::Interrupted),
    }
}

/// Cancels the token on the first SIGINT or SIGTERM; a second one ends the program at once.
fn stop_on_signals() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        token.cancel();
        exit::talk("stopping and cleaning up (once more to stop at once)");
        wait_for_signal().await;
        std::process::exit(Ending::Interrupted.code());
    });
    stop
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// Logs go to stderr and are off unless `PATCHWRIGHT_LOG` asks for them.
fn init_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PATCHWRIGHT_LOG").unwrap_or_default();
    let built = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    // Only a second call in one process can fail, and then logging is set up already.
    drop(built);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_contract_of_fix_is_understood() {
        let words = "patchwright fix --repo . --base HEAD~1 --issue - --test pytest --fail-to-pass a --fail-to-pass b \
                     --pass-to-pass c --proposer templates --strategy mcts --sandbox process --image i --seed 7 --seconds 9 \
                     --evaluations 11 --jobs 1 --out p.diff --job-dir j --json";
        assert!(Cli::try_parse_from(words.split_whitespace()).is_ok());
    }
}
