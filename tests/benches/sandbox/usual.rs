//! The two usual ways of running tests in containers: a new one for each candidate, and commands in one that is kept.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use sandbox::ImageRef;

use crate::mutants::{FILE, PROGRAM, TEST, TEST_FILE};
use crate::validate::{Lane, Queue, SLOWDOWN, Validated};

/// What may be waited for the base.
const FOR_BASE: Duration = Duration::from_secs(60);

/// Runs a command for each candidate, which comes by stdin.
trait Way: Sync {
    /// What happens to one lane before its first candidate.
    fn open(&self) -> Result<Option<Kept>>;
    /// What runs a shell script for one candidate.
    fn command(&self, kept: Option<&Kept>, script: &str) -> Command;
}

/// A fresh container for each candidate.
struct Run<'a>(&'a ImageRef);

/// A command in a kept container.
struct Exec<'a>(&'a ImageRef);

/// A container that is removed however the measurement ends.
struct Kept(String);

impl Drop for Kept {
    fn drop(&mut self) {
        let _removed = Command::new("docker").args(["rm", "--force", &self.0]).stdout(Stdio::null()).status();
    }
}

impl Way for Run<'_> {
    fn open(&self) -> Result<Option<Kept>> {
        Ok(None)
    }

    fn command(&self, _kept: Option<&Kept>, script: &str) -> Command {
        let script = format!("cat > {TEST_FILE} <<'END_OF_TEST'\n{TEST}END_OF_TEST\n{script}");
        prepared(self.0, &["--rm", "--interactive"], &["sh", "-c", &script])
    }
}

impl Way for Exec<'_> {
    fn open(&self) -> Result<Option<Kept>> {
        let started = prepared(self.0, &["--detach", "--init"], &["sleep", "infinity"]).output()?;
        ensure!(started.status.success(), "docker run: {}", String::from_utf8_lossy(&started.stderr));
        let kept = Kept(String::from_utf8_lossy(&started.stdout).trim().to_owned());
        let put = self.command(Some(&kept), &format!("cat > {TEST_FILE}"));
        ensure!(feed(put, TEST)?, "the test could not be put into the container");
        Ok(Some(kept))
    }

    fn command(&self, kept: Option<&Kept>, script: &str) -> Command {
        let mut command = Command::new("docker");
        let container = kept.map_or("", |kept| kept.0.as_str());
        command.args(["exec", "--interactive", container, "sh", "-c", script]);
        command
    }
}

/// Validates every candidate by a fresh `docker run`.
pub(crate) fn with_run(image: &ImageRef, mutants: &[String], at_once: usize) -> Result<Validated> {
    all("docker run for each", &Run(image), mutants, at_once)
}

/// Validates every candidate by `docker exec` in a container that is kept.
pub(crate) fn with_exec(image: &ImageRef, mutants: &[String], at_once: usize) -> Result<Validated> {
    all("docker exec in a kept container", &Exec(image), mutants, at_once)
}

fn all(name: &'static str, way: &impl Way, mutants: &[String], at_once: usize) -> Result<Validated> {
    let begin = Instant::now();
    let queue = Queue::new(mutants);
    let lanes = thread::scope(|scope| {
        let lanes: Vec<_> = (0..at_once).map(|_| scope.spawn(|| lane(way, &queue))).collect();
        let ended = lanes.into_iter().map(|lane| lane.join().map_err(|_| anyhow!("a lane panicked"))?);
        ended.collect::<Result<Vec<Lane>>>()
    })?;
    Ok(Validated::new(name, begin, lanes))
}

fn lane(way: &impl Way, queue: &Queue) -> Result<Lane> {
    let kept = way.open()?;
    let began = Instant::now();
    ensure!(feed(way.command(kept.as_ref(), &script(FOR_BASE)), PROGRAM)?, "the program itself fails");
    let script = script(began.elapsed() * SLOWDOWN);
    let mut found = Lane::new();
    while let Some((at, mutant)) = queue.take() {
        found.push((at, feed(way.command(kept.as_ref(), &script), mutant)?));
    }
    Ok(found)
}

/// What both ways run for one candidate.
fn script(limit: Duration) -> String {
    let limit = limit.as_secs_f64();
    format!("cat > {FILE} && timeout {limit} python3 -m pytest -q -p no:cacheprovider {TEST_FILE}")
}

fn prepared(image: &ImageRef, options: &[&str], argv: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(["run", "--network", "none", "--user", "65534:65534", "--workdir", "/tmp"]);
    command.args(["--tmpfs", "/tmp:exec", "--env", "PYTHONDONTWRITEBYTECODE=1"]);
    command.args(options).arg(image.as_str()).args(argv);
    command
}

fn feed(mut command: Command, input: &str) -> Result<bool> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    child.stdin.take().context("stdin is piped")?.write_all(input.as_bytes())?;
    match child.wait()?.code() {
        Some(0) => Ok(true),
        // Docker's own failures; everything else is pytest's word, or `timeout`'s.
        Some(125..=127) => bail!("docker failed"),
        _ => Ok(false),
    }
}
