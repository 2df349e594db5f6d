//! Candidates validated a second, in four ways, so many at a time in each: every lane has a box, or a container, of its own.
//!
//! A candidate that hangs is given up as the search does it: after ten times what the base takes in the same way, at the least 400 ms.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use repo::{FileMode, RepoPath};
use sandbox::{
    BackendKind, ConnectOptions, ImageRef, Labels, Overlay, RunnerKind, SandboxSpec, TestPlan, TestRequest, WorkFile,
    Workbench, connect,
};
use tokio::task::JoinSet;

use crate::mutants::{FILE, PROGRAM, TEST, TEST_FILE};
use crate::usual;

/// How long the test may take on the base.
const PER_TEST: Duration = Duration::from_secs(5);
/// How much longer a candidate may take than the base, as the search has it.
pub(crate) const SLOWDOWN: u32 = 10;
/// What a candidate may take whatever the base takes, as the search has it.
const LEAST_LIMIT: Duration = Duration::from_millis(400);
const LEAST_AGAINST_RUN: f64 = 10.0;
const LEAST_AGAINST_EXEC: f64 = 4.0;

/// Which candidates passed, and how long all of them took.
pub(crate) struct Validated {
    pub(crate) name: &'static str,
    pub(crate) passed: Vec<bool>,
    pub(crate) seconds: f64,
}

/// Candidates that several lanes take one after another, and what each lane found.
pub(crate) struct Queue {
    mutants: Vec<String>,
    next: AtomicUsize,
}

/// Which candidates a lane took, and whether they passed.
pub(crate) type Lane = Vec<(usize, bool)>;

impl Queue {
    pub(crate) fn new(mutants: &[String]) -> Queue {
        Queue { mutants: mutants.to_vec(), next: AtomicUsize::new(0) }
    }

    /// Returns the next candidate and its number.
    pub(crate) fn take(&self) -> Option<(usize, &String)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        self.mutants.get(at).map(|mutant| (at, mutant))
    }
}

impl Validated {
    /// Puts together what the lanes found.
    pub(crate) fn new(name: &'static str, begin: Instant, lanes: Vec<Lane>) -> Validated {
        let seconds = begin.elapsed().as_secs_f64();
        let mut all = lanes.concat();
        all.sort_unstable();
        Validated { name, passed: all.into_iter().map(|(_, passed)| passed).collect(), seconds }
    }

    fn rate(&self) -> f64 {
        self.passed.len() as f64 / self.seconds
    }
}

/// Validates all mutants in every way, so many at a time, and compares both verdicts and speed.
pub(crate) async fn run(mutants: &[String], at_once: usize, docker: bool) -> Result<()> {
    let mut ways = vec![with_workbench("workbench, process", BackendKind::Process, mutants, at_once).await?];
    if docker {
        ways.push(with_workbench("workbench, docker", BackendKind::Docker, mutants, at_once).await?);
        let image = image().await?;
        ways.push(usual::with_exec(&image, mutants, at_once)?);
        ways.push(usual::with_run(&image, mutants, at_once)?);
    }
    println!("{at_once} at a time");
    println!("candidates     seconds   a second   pass   way");
    for way in &ways {
        let passed = way.passed.iter().filter(|it| **it).count();
        println!("{:>10} {:>11.1} {:>10.1} {passed:>6}   {}", way.passed.len(), way.seconds, way.rate(), way.name);
    }
    ensure!(ways.iter().all(|way| way.passed.len() == mutants.len()), "a candidate was lost");
    let [first, others @ ..] = ways.as_slice() else { bail!("nothing was measured") };
    for way in others {
        let different: Vec<usize> = (0..mutants.len()).filter(|at| way.passed[*at] != first.passed[*at]).collect();
        if let Some(at) = different.first() {
            bail!("{} and {} differ on {different:?}; the first is\n{}", way.name, first.name, mutants[*at]);
        }
    }
    if let [_, docker, exec, run] = ways.as_slice() {
        for (way, other, least) in [(docker, run, LEAST_AGAINST_RUN), (docker, exec, LEAST_AGAINST_EXEC)] {
            let times = way.rate() / other.rate();
            let met = if times >= least { "met" } else { "MISSED" };
            println!("{} against {}: {times:.1}x (at least {least}x: {met})", way.name, other.name);
        }
    }
    Ok(())
}

/// Returns the image that the workbench uses too.
async fn image() -> Result<ImageRef> {
    let backend = connect(BackendKind::Docker, &ConnectOptions::default()).await?;
    backend.prepare(None, &|_| {}).await?.context("docker needs an image")
}

/// Starts a workbench with the program and its test.
pub(crate) async fn workbench(kind: BackendKind) -> Result<Workbench> {
    let backend = connect(kind, &ConnectOptions::default()).await?;
    let image = backend.prepare(None, &|_| {}).await?;
    let spec = SandboxSpec { image, ..SandboxSpec::new(Labels::for_job("bench")) };
    let mut bench = Workbench::start(backend.as_ref(), &spec, &plan()).await?;
    bench.put(files()?).await?;
    Ok(bench)
}

/// The program and its test.
pub(crate) fn files() -> Result<Vec<WorkFile>> {
    let file = |path: &str, text: &str| -> Result<WorkFile> {
        Ok(WorkFile { path: RepoPath::new(path)?, bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
    };
    Ok(vec![file(FILE, PROGRAM)?, file(TEST_FILE, TEST)?])
}

fn plan() -> TestPlan {
    TestPlan {
        runner: RunnerKind::Pytest,
        args: Vec::new(),
        python: None,
        import_cwd: true,
        cwd: String::new(),
        env: Vec::new(),
        evidence: Vec::new(),
    }
}

/// A run of the test on the program, changed to this.
pub(crate) fn request(program: Option<&str>) -> Result<TestRequest> {
    let overlay = program.map(|text| -> Result<Overlay> {
        Ok(Overlay { path: RepoPath::new(FILE)?, bytes: Some(text.as_bytes().to_vec()) })
    });
    let overlay = overlay.transpose()?.into_iter().collect();
    Ok(TestRequest { overlay, per_test: PER_TEST, ..TestRequest::all(plan()) })
}

/// How long a test may take on a candidate that takes so long on the base.
pub(crate) fn limit_of(base: Duration) -> Duration {
    (base * SLOWDOWN).max(LEAST_LIMIT)
}

async fn with_workbench(
    name: &'static str,
    kind: BackendKind,
    mutants: &[String],
    at_once: usize,
) -> Result<Validated> {
    let begin = Instant::now();
    let queue = Arc::new(Queue::new(mutants));
    let mut lanes = JoinSet::new();
    for _ in 0..at_once {
        let queue = Arc::clone(&queue);
        lanes.spawn(async move { lane(kind, &queue).await });
    }
    let mut found = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        found.push(lane??);
    }
    Ok(Validated::new(name, begin, found))
}

/// One box after another until no candidate is left; a box that a candidate ended is replaced.
async fn lane(kind: BackendKind, queue: &Queue) -> Result<Lane> {
    let mut found = Lane::new();
    let mut bench = workbench(kind).await?;
    let base = bench.run_tests(&request(None)?).await?;
    ensure!(base.all_passed(), "the program itself fails: {base:#?}");
    let slowest = base.results.iter().map(|it| it.duration).max().context("no test ran")?;
    let limit = limit_of(slowest);
    while let Some((at, mutant)) = queue.take() {
        if !bench.is_alive() {
            bench.close().await?;
            bench = workbench(kind).await?;
        }
        let request = TestRequest { per_test: limit, ..request(Some(mutant))? };
        found.push((at, bench.run_tests(&request).await?.all_passed()));
    }
    bench.close().await?;
    Ok(found)
}
