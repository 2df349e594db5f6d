//! The steps, each of which runs in a process of its own.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use indexer::Index;
use indexer::graph::{Direction, EdgeKinds, NodeId, Walk};
use indexer::map::{MapRequest, map};
use indexer::syntax::{LanguageId, SyntaxTree};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use repo::{RepoPath, Snapshot, Source, Store};

use crate::{Ground, Step, Taken};

/// Does a step and says what it took.
pub(crate) fn run(ground: &Ground, step: &Step) -> Result<Taken> {
    let begin = Instant::now();
    let (wall, note) = match step {
        Step::Parse => parse(ground)?,
        Step::Open => open(ground)?,
        Step::Map => draw(ground)?,
        Step::Next(commits) => next(ground, *commits)?,
        Step::Ask => ask(ground)?,
        Step::Run(command) => other(command)?,
    };
    let of_others = matches!(step, Step::Run(_));
    let usage = getrusage(if of_others { UsageWho::RUSAGE_CHILDREN } else { UsageWho::RUSAGE_SELF })?;
    let cpu = (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6;
    let wall = wall.unwrap_or_else(|| begin.elapsed().as_secs_f64());
    Ok(Taken { wall, cpu, peak: usage.max_rss() as f64 / 1024.0, note })
}

type Done = (Option<f64>, String);

fn source(ground: &Ground) -> Result<(Option<Source>, Store, Snapshot)> {
    let objects = ground.cache.join("objects");
    match Source::open(&ground.repo) {
        Ok(source) => {
            let store = Store::create(&objects, &source)?;
            let snapshot = store.snapshot(source.resolve(&ground.revision)?.tree)?;
            Ok((Some(source), store, snapshot))
        }
        Err(_) => {
            let (store, tree) = Store::import(&objects, &ground.repo)?;
            let snapshot = store.snapshot(tree)?;
            Ok((None, store, snapshot))
        }
    }
}

/// The contents are read before the clock starts and freed as they are parsed.
fn parse(ground: &Ground) -> Result<Done> {
    let (_, _, snapshot) = source(ground)?;
    let mut contents = Vec::new();
    for entry in snapshot.entries().iter().filter(|it| it.mode.is_file()) {
        if LanguageId::of_path(&entry.path).is_none() {
            continue;
        }
        let bytes = snapshot.read_blob(entry.blob)?;
        let small = bytes.len() <= 1 << 20 && !bytes.contains(&0);
        if let Some(language) = LanguageId::of_file(&entry.path, &bytes).filter(|_| small) {
            contents.push((language, bytes));
        }
    }
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ground.threads {
            scope.spawn(|| {
                while let Some((language, bytes)) = contents.get(next.fetch_add(1, Ordering::Relaxed)) {
                    std::hint::black_box(SyntaxTree::parse(*language, bytes.as_slice()));
                }
            });
        }
    });
    let size: usize = contents.iter().map(|it| it.1.len()).sum();
    Ok((Some(begin.elapsed().as_secs_f64()), format!("{} files, {:.1} MB of code", contents.len(), size as f64 / 1e6)))
}

fn open(ground: &Ground) -> Result<Done> {
    let (_, _, snapshot) = source(ground)?;
    let begin = Instant::now();
    let index = Index::open(&ground.cache, &snapshot, &|_| {})?;
    let took = begin.elapsed().as_secs_f64();
    let stats = index.stats();
    let note =
        format!("{} files, {} symbols, {} edges, {} parsed", stats.files, stats.symbols, stats.edges, stats.parsed);
    Ok((Some(took), note))
}

/// Does what `index map` does: lists the files, opens the index and draws the map, within the tokens that aider gets.
fn draw(ground: &Ground) -> Result<Done> {
    let begin = Instant::now();
    let (_, _, snapshot) = source(ground)?;
    let index = Index::open(&ground.cache, &snapshot, &|_| {})?;
    let opened = begin.elapsed().as_secs_f64();
    let drawn = map(&index, &MapRequest { tokens: 4096, ..MapRequest::default() });
    let took = begin.elapsed().as_secs_f64();
    let note = format!("{} definitions of {} files; the map alone {:.3} s", drawn.symbols, drawn.files, took - opened);
    Ok((Some(took), note))
}

fn next(ground: &Ground, commits: usize) -> Result<Done> {
    let (Some(source), store, _) = source(ground)? else { return Ok((None, "no history".to_owned())) };
    let mut list = Command::new("git");
    list.arg("-C").arg(&ground.repo).args(["rev-list", "--first-parent", "--reverse", "--max-count"]);
    let output = list.arg((commits + 1).to_string()).arg(&ground.revision).output()?;
    ensure!(output.status.success(), "git rev-list failed");
    let listed = String::from_utf8(output.stdout)?;
    let mut trees = listed.lines().map(|it| anyhow::Ok(source.resolve(it)?.tree));
    let first = store.snapshot(trees.next().context("no commit")??)?;
    let mut index = Index::open(&ground.cache, &first, &|_| {})?;
    let (mut times, mut parsed) = (Vec::new(), 0);
    for tree in trees {
        let tree = tree?;
        let begin = Instant::now();
        let snapshot = store.snapshot_near(index.snapshot(), tree)?;
        let next = index.next(&snapshot, &|_| {})?;
        next.search("connection refused while saving", 10)?;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
        parsed += next.stats().parsed;
        index = next;
    }
    let total = times.iter().sum::<f64>() / 1000.0;
    Ok((Some(total), format!("{} commits, {parsed} contents parsed; one: {}", times.len(), spread(times, "ms"))))
}

fn ask(ground: &Ground) -> Result<Done> {
    let (_, _, snapshot) = source(ground)?;
    let index = Index::open(&ground.cache, &snapshot, &|_| {})?;
    let graph = index.graph();
    let mut note = String::new();
    let some = |most: usize| {
        let step = (index.symbols().len() / most).max(1);
        (0..index.symbols().len()).step_by(step)
    };
    let ask = |at: usize| Ok(index.search(&index.symbols()[at].qualified.replace('.', " "), 10).map(drop)?);
    write!(note, "query {}", spread(each(some(1000), 1e6, &ask)?, "us"))?;
    let near = |at: usize| {
        neighbours(&index, graph.node_of_symbol(indexer::SymbolId(at as u32)));
        Ok(())
    };
    write!(note, "; 2 hops {}", spread(each(some(300), 1e6, &near)?, "us"))?;
    let rank = |at: usize| {
        std::hint::black_box(
            graph.pagerank(&[(graph.node_of_symbol(indexer::SymbolId(at as u32)), 1.0)], &Walk::default()),
        );
        Ok(())
    };
    write!(note, "; PageRank {}", spread(each(some(20), 1e3, &rank)?, "ms"))?;
    let files: Vec<(&RepoPath, Vec<u8>)> = index
        .files()
        .iter()
        .step_by((index.files().len() / 60).max(1))
        .map(|it| Ok((&it.path, [snapshot.read_blob(it.blob)?, b"\n".to_vec()].concat())))
        .collect::<Result<_>>()?;
    let edited = |at: usize| -> Result<Index> {
        let edits: Vec<_> = files.iter().skip(at).take(3).map(|it| (it.0, Some(it.1.as_slice()))).collect();
        Ok(index.with_edits(&edits)?)
    };
    let some_files = || (0..files.len()).step_by(3);
    let query = |at: usize| Ok(edited(at)?.search("connection refused", 10).map(drop)?);
    write!(note, "; overlay of 3 files and a query {}", spread(each(some_files(), 1e3, &query)?, "ms"))?;
    let link = |at: usize| {
        let overlay = edited(at)?;
        std::hint::black_box(overlay.graph().edge_count());
        Ok(overlay.search("connection refused", 10).map(drop)?)
    };
    write!(note, "; the same, linked {}", spread(each(some_files(), 1e3, &link)?, "ms"))?;
    Ok((None, note))
}

/// Walks two hops from a node, through 1,000 nodes at most.
fn neighbours(index: &Index, node: NodeId) {
    let mut seen = std::collections::BTreeSet::from([node]);
    let mut edge = vec![node];
    for _ in 0..2 {
        let around = edge.iter().flat_map(|it| {
            let out = index.graph().neighbours(*it, EdgeKinds::ALL, Direction::Out);
            out.chain(index.graph().neighbours(*it, EdgeKinds::ALL, Direction::In))
        });
        let around: Vec<NodeId> = around.map(|it| it.node).take(1000).collect();
        edge = around.into_iter().filter(|it| seen.len() < 1000 && seen.insert(*it)).collect();
    }
    std::hint::black_box(seen);
}

/// Times a question for each number, in parts of a second.
fn each(numbers: impl Iterator<Item = usize>, parts: f64, ask: &dyn Fn(usize) -> Result<()>) -> Result<Vec<f64>> {
    let time = |at: usize| {
        let begin = Instant::now();
        ask(at)?;
        Ok(begin.elapsed().as_secs_f64() * parts)
    };
    numbers.map(time).collect()
}

fn spread(mut times: Vec<f64>, unit: &str) -> String {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(0.0);
    format!("median {:.1}, p95 {:.1}, p99 {:.1} {unit}", at(0.5), at(0.95), at(0.99))
}

fn other(command: &[String]) -> Result<Done> {
    let [program, arguments @ ..] = command else { return Ok((None, "nothing to run".to_owned())) };
    let begin = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().with_context(|| format!("start {program}"))?;
    Ok((Some(begin.elapsed().as_secs_f64()), format!("{status}")))
}
