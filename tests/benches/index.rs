//! What it costs to know a repository: a cold build beside a bare parse and other tools, the next commits, a warm start, and questions.
//!
//! ```text
//! cargo bench -p e2e --bench index -- --repo DIR [--revision REV] [--commits N] [--threads N] [--aider PYTHON]
//! ```
//!
//! `DIR` is a git repository or a plain folder. Everything runs one after the other, each in a process of its own, so that processor time and
//! peak memory are its own. `--aider` names a Python that has `aider-chat`. Wall times mean something on an idle machine only; processor
//! times mean something on any.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "index/peers.rs"]
mod peers;
#[path = "index/steps.rs"]
mod steps;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use e2e::bench::options;
use serde::{Deserialize, Serialize};

/// What a process of its own is to do, as JSON.
const STEP: &str = "INDEX_BENCH_STEP";

/// One thing to be measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Parses all source files and keeps nothing.
    Parse,
    /// Opens the index: of an empty cache a cold build, else a warm start.
    Open,
    /// Draws a map of the repository, with all that must be done before.
    Map,
    /// Goes from commit to commit.
    Next(usize),
    /// Asks questions of a ready index.
    Ask,
    /// Runs another program.
    Run(Vec<String>),
}

/// Where the work is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ground {
    /// The repository or folder.
    pub(crate) repo: PathBuf,
    /// The revision; of no use for a folder.
    pub(crate) revision: String,
    /// The cache of the index, and the private store.
    pub(crate) cache: PathBuf,
    /// How many threads a parse may use.
    pub(crate) threads: usize,
}

/// What a step took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// Seconds by the clock, without the start of the process.
    pub(crate) wall: f64,
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    /// Peak memory in megabytes.
    pub(crate) peak: f64,
    /// What else there is to say.
    pub(crate) note: String,
}

fn main() -> Result<()> {
    if let Ok(step) = std::env::var(STEP) {
        let (ground, step): (Ground, Step) = serde_json::from_str(&step)?;
        println!("{}", serde_json::to_string(&steps::run(&ground, &step)?)?);
        return Ok(());
    }
    let options = options(&["repo", "revision", "commits", "threads", "aider"])?;
    let Some(repo) = options.get("repo") else {
        println!("index: give --repo DIR, a git repository or a folder");
        return Ok(());
    };
    let number = |name: &str, usual: usize| -> Result<usize> {
        options.get(name).map_or(Ok(usual), |it| it.parse()).with_context(|| format!("--{name} is a number"))
    };
    let place = tempfile::tempdir()?;
    let ground = Ground {
        repo: Path::new(repo).canonicalize().with_context(|| format!("find {repo}"))?,
        revision: options.get("revision").cloned().unwrap_or_else(|| "HEAD".to_owned()),
        cache: place.path().join("cache"),
        threads: number("threads", 2)?,
    };
    let commits = number("commits", 200)?;
    let aider = options.get("aider").map(String::as_str);
    bench(&ground, commits, &peers::all(&ground, place.path(), aider)?)
}

fn bench(ground: &Ground, commits: usize, peers: &[peers::Peer]) -> Result<()> {
    println!("{:<22} {:>8} {:>8} {:>8}", "", "wall s", "cpu s", "peak MB");
    let parse = show("bare parse", ground, &Step::Parse)?;
    let cold = show("cold build", ground, &Step::Open)?;
    println!("{:<22} {:>8.2} {:>8.2}", "  of the parse", cold.wall / parse.wall, cold.cpu / parse.cpu);
    show("warm start", ground, &Step::Open)?;
    let nothing = Ground { cache: ground.cache.with_extension("map"), ..ground.clone() };
    show("our map, cold", &nothing, &Step::Map)?;
    show("our map, warm", &nothing, &Step::Map)?;
    for peer in peers {
        match &peer.command {
            Some(command) => {
                show(peer.name, ground, &Step::Run(command.clone()))?;
            }
            None => println!("{:<22} skipped: {}", peer.name, peer.missing),
        }
    }
    show("questions", ground, &Step::Ask)?;
    if ground.repo.join("objects").exists() || ground.repo.join(".git").exists() {
        show("next commits", ground, &Step::Next(commits))?;
    }
    Ok(())
}

/// Runs a step in a process of its own and prints what it took.
fn show(name: &str, ground: &Ground, step: &Step) -> Result<Taken> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(STEP, serde_json::to_string(&(ground, step))?).stdin(Stdio::null());
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{name} failed: {}", output.status);
    let said = String::from_utf8(output.stdout)?;
    let taken: Taken = serde_json::from_str(said.lines().last().unwrap_or_default()).context(name.to_owned())?;
    println!("{name:<22} {:>8.3} {:>8.2} {:>8.0}  {}", taken.wall, taken.cpu, taken.peak, taken.note);
    Ok(taken)
}
