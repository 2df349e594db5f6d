//! How long a search waits for what it asks of sandboxes again and again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use repo::{FileMode, RepoPath};
use sandbox::verdict::cache::{Context, ResultCache};
use sandbox::workspace::{Commit, Workspaces};
use sandbox::{
    Backend, BackendKind, CommandRequest, ConnectOptions, Labels, Overlay, SandboxSpec, Station, TestReport, WorkFile,
    connect,
};

use crate::validate::{files, request, workbench};

/// Files of the tree that nodes are forked from: as many as django has.
const TREE: usize = 6900;

/// Measures everything.
pub(crate) async fn run(rounds: usize, docker: bool) -> Result<()> {
    println!("     p50       p95   (ms, {rounds} rounds)");
    let report = first_test(BackendKind::Process, rounds).await?;
    if docker {
        first_test(BackendKind::Docker, rounds).await?;
    }
    for kind in [BackendKind::Process, BackendKind::Docker] {
        if kind == BackendKind::Process || docker {
            let backend = connect(kind, &ConnectOptions::default()).await?;
            let image = backend.prepare(None, &|_| {}).await?;
            let spec = SandboxSpec { image, ..SandboxSpec::new(Labels::for_job("bench")) };
            commands(backend.as_ref(), &spec, rounds).await?;
            forks(backend.as_ref(), &spec, rounds).await?;
        }
    }
    cached(&report, rounds)
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1000.0;
    println!("{:>8.2}  {:>8.2}   {name}", at(0.5), at(0.95));
}

/// From the wish for a box to the result of the first test in it: what a validation in a fresh box costs.
async fn first_test(kind: BackendKind, rounds: usize) -> Result<TestReport> {
    // The image is there and the engine's caches are warm.
    workbench(kind).await?.close().await?;
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..rounds.max(1) {
        let begin = Instant::now();
        let mut bench = workbench(kind).await?;
        let report = bench.run_tests(&request(None)?).await?;
        times.push(begin.elapsed());
        ensure!(report.all_passed(), "{report:#?}");
        bench.close().await?;
        last = Some(report);
    }
    show(&format!("hardened start to the first test's result, {kind} (goal: 500)"), times);
    last.context("nothing was measured")
}

async fn commands(backend: &dyn Backend, spec: &SandboxSpec, rounds: usize) -> Result<()> {
    let station = Station::start(backend, spec).await?;
    let place = station.make_place("bench").await?;
    station.put(&place, &files()?).await?;
    let mut times = Vec::new();
    for _ in 0..rounds * 20 {
        let begin = Instant::now();
        let outcome = station.run(&place, &command("true")).await?;
        times.push(begin.elapsed());
        ensure!(outcome.exit_code == Some(0), "{outcome:?}");
    }
    station.close().await?;
    show(&format!("a command in a station, {}", backend.kind()), times);
    Ok(())
}

fn command(program: &str) -> CommandRequest {
    CommandRequest {
        argv: vec![program.to_owned()],
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: Duration::from_secs(10),
        silence: Duration::from_secs(10),
    }
}

/// A node of a large tree with one edited file, ready to run a command.
async fn forks(backend: &dyn Backend, spec: &SandboxSpec, rounds: usize) -> Result<()> {
    let workspaces = Workspaces::open(backend, spec).await?;
    let base = workspaces.fill(&tree()?, Commit::None).await?;
    let edit = [Overlay { path: RepoPath::new("package/m7/file42.py")?, bytes: Some(b"edited = True\n".to_vec()) }];
    let (mut made, mut dropped) = (Vec::new(), Vec::new());
    for _ in 0..rounds * 10 {
        let begin = Instant::now();
        let mut leaf = workspaces.fork(&base).await?;
        workspaces.apply(&mut leaf, &edit).await?;
        made.push(begin.elapsed());
        let begin = Instant::now();
        workspaces.remove(leaf).await?;
        dropped.push(begin.elapsed());
    }
    let means = format!("{:?}", workspaces.choice().means).to_lowercase();
    drop(base);
    workspaces.close().await?;
    show(&format!("fork of {TREE} files with one edit, {}, {means} (goal: p95 below 10)", backend.kind()), made);
    show(&format!("its removal, {}, {means}", backend.kind()), dropped);
    Ok(())
}

fn tree() -> Result<Vec<WorkFile>> {
    (0..TREE)
        .map(|count| {
            let path = RepoPath::new(format!("package/m{}/file{}.py", count / 100, count % 100))?;
            let bytes = format!("value = {count}\n").repeat(400).into_bytes();
            Ok(WorkFile { path, bytes, mode: FileMode::Regular })
        })
        .collect()
}

fn cached(report: &TestReport, rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = ResultCache::open(folder.path(), 64 << 20)?;
    let context = Context::new(&request(None)?.plan, "image");
    let ids: Vec<_> = report.results.iter().map(|it| it.id.clone()).collect();
    cache.put(&context, "tree", &ids, report, &|_| false)?;
    let mut times = Vec::new();
    for _ in 0..rounds * 50 {
        let begin = Instant::now();
        let known = cache.get(&context, "tree", &ids);
        times.push(begin.elapsed());
        ensure!(known.missing.is_empty(), "the cache forgot");
    }
    show("a cached verdict (goal: below 1)", times);
    Ok(())
}
