//! What the sandboxes cost: candidates validated a second by the workbench against the two usual ways of running tests in containers, with
//! the same verdicts asked of all; and the latencies of everything that a search waits for.
//!
//! ```text
//! cargo bench -p e2e --bench sandbox [-- --mutants N] [--at-once N] [--rounds N] [--jobs N] [--only validate|latency|leftovers]
//! ```
//!
//! Candidates are validated `--at-once` at a time in every way alike: one a processor unless said otherwise, as the program does it. The
//! ways and the rest run one after another. `leftovers` runs `--jobs` whole jobs of the optimised program
//! (`cargo build --release -p agent`) and counts what they leave.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "sandbox/impact.rs"]
mod impact;
#[path = "sandbox/latency.rs"]
mod latency;
#[path = "sandbox/mutants.rs"]
mod mutants;
#[path = "sandbox/usual.rs"]
mod usual;
#[path = "sandbox/validate.rs"]
mod validate;

use anyhow::{Context, Result, ensure};
use e2e::bench::options;
use e2e::leftovers::Jobs;
use e2e::program::released;
use sandbox::BackendKind;

fn main() -> Result<()> {
    let options = options(&["mutants", "at-once", "rounds", "jobs", "only", "repo", "test", "sandbox"])?;
    let number = |name: &str, usual: usize| -> Result<usize> {
        options.get(name).map_or(Ok(usual), |it| it.parse()).with_context(|| format!("--{name} is a number"))
    };
    let (mutants, rounds, jobs) = (number("mutants", 500)?, number("rounds", 20)?, number("jobs", 100)?);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let at_once = number("at-once", processors.min(8))?.max(1);
    let only = options.get("only").map(String::as_str);
    let wanted = |part: &str| only.is_none_or(|it| it == part);
    let runtime = tokio::runtime::Runtime::new()?;
    let docker = e2e::engine::available()?;
    if wanted("validate") {
        runtime.block_on(validate::run(&mutants::mutants(mutants), at_once, docker))?;
    }
    if wanted("latency") {
        runtime.block_on(latency::run(rounds, docker))?;
    }
    if wanted("impact") {
        let usual = e2e::program::workspace_root().join("agent/demo/tasktide");
        let repo = options.get("repo").map_or(usual, std::path::PathBuf::from);
        let usual = if options.contains_key("repo") { None } else { Some("python3 -m pytest") };
        let test = options.get("test").map(String::as_str).or(usual);
        let kind = match options.get("sandbox").map(String::as_str) {
            Some("docker") => BackendKind::Docker,
            _ => BackendKind::Process,
        };
        runtime.block_on(impact::run(&repo, test, mutants, kind))?;
    }
    if wanted("leftovers") {
        leftovers(jobs, docker)?;
    }
    Ok(())
}

fn leftovers(jobs: usize, docker: bool) -> Result<()> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let sandboxes: &[&str] = if docker { &["docker", "process"] } else { &["process"] };
    let (program, engine) = (released()?, docker.then_some(host.as_str()));
    let left = Jobs { program: &program, sandboxes, engine, evaluations: 20 }.run(jobs)?;
    println!("{jobs} jobs left {} things: {left:?}", left.len());
    ensure!(left.is_empty(), "something is left");
    Ok(())
}
