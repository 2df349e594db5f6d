//! Walks through consecutive commits in one process, times each, and compares the indexes with fresh builds.
//!
//! ```text
//! cargo run --release -p indexer --example next_commits -- REPOSITORY REVISION COUNT CACHE [VERIFY_EVERY]
//! ```
//! The last `COUNT` first parents of `REVISION` are taken, oldest first. With `VERIFY_EVERY`, each so-many-th index is compared with a fresh
//! build in an empty cache: files, symbols, what was left out, every edge, and the answers to many questions, to the last bit.
#![expect(clippy::print_stdout, reason = "this is what the example is for")]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use indexer::graph::{Direction, EdgeKinds, NodeId};
use indexer::text::Query;
use indexer::{Index, IndexError};
use repo::{Snapshot, Source, Store};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, revision, count, cache, verify @ ..] = arguments.as_slice() else {
        return Err("usage: next_commits REPOSITORY REVISION COUNT CACHE [VERIFY_EVERY]".into());
    };
    let (cache, every) = (Path::new(cache), verify.first().map_or(Ok(0), |it| it.parse::<usize>())?);
    let source = Source::open(Path::new(repository))?;
    let store = Store::create(&cache.join("objects"), &source)?;
    let commits = commits(repository, revision, count)?;
    let mut index: Option<Index> = None;
    let (mut times, mut listing, mut parsed, mut verified) = (Vec::new(), Vec::new(), 0, 0);
    for (at, commit) in commits.iter().enumerate() {
        let tree = source.resolve(commit)?.tree;
        let begin = Instant::now();
        let snapshot = match &index {
            Some(near) => store.snapshot_near(near.snapshot(), tree)?,
            None => store.snapshot(tree)?,
        };
        let listed = begin.elapsed();
        let next = match &index {
            Some(near) => near.next(&snapshot, &|_| {})?,
            None => Index::open(cache, &snapshot, &|_| {})?,
        };
        next.search("connection refused while saving", 10)?;
        let took = begin.elapsed().as_secs_f64() * 1000.0;
        match index {
            Some(_) => {
                times.push(took);
                listing.push(listed.as_secs_f64() * 1000.0);
                parsed += next.stats().parsed;
            }
            None => println!("first: {took:.0} ms, {:?}", next.stats()),
        }
        if every > 0 && at % every == 0 {
            compare(&next, &snapshot).map_err(|it| format!("{commit}: {it}"))?;
            verified += 1;
        }
        index = Some(next);
    }
    println!("{} commits, {parsed} contents parsed, {verified} indexes equal to fresh builds", times.len());
    report("next commit", times);
    report("of it the listing", listing);
    Ok(())
}

fn commits(repository: &str, revision: &str, count: &str) -> Result<Vec<String>, Failure> {
    let arguments = ["-C", repository, "rev-list", "--first-parent", "--reverse", "--max-count", count, revision];
    let output = Command::new("git").args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

fn report(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(0.0);
    println!("{what}: median {:.1} ms, p95 {:.1} ms, max {:.1} ms", at(0.5), at(0.95), at(1.0));
}

fn compare(index: &Index, snapshot: &Snapshot) -> Result<(), Failure> {
    let cache = tempfile::tempdir()?;
    let fresh = Index::open(cache.path(), snapshot, &|_| {})?;
    let same = [
        ("files", index.files() == fresh.files()),
        ("symbols", index.symbols() == fresh.symbols()),
        ("skipped", index.skipped() == fresh.skipped()),
        ("nodes", index.graph().node_count() == fresh.graph().node_count()),
        ("edges", edges(index) == edges(&fresh)),
        ("answers", answers(index)? == answers(&fresh)?),
    ];
    match same.iter().find(|it| !it.1) {
        Some((what, _)) => Err(format!("the {what} differ from those of a fresh build").into()),
        None => Ok(()),
    }
}

fn edges(index: &Index) -> Vec<(u32, u32, String, u32)> {
    let graph = index.graph();
    let nodes = (0..graph.node_count() as u32).map(NodeId);
    let both = nodes.flat_map(|it| [(it, Direction::Out), (it, Direction::In)]);
    both.flat_map(|(node, way)| {
        let edges = graph.neighbours(node, EdgeKinds::ALL, way);
        edges.map(move |it| (node.0, it.node.0, format!("{:?} {way:?}", it.kind), it.confidence.to_bits()))
    })
    .collect()
}

/// Asks by the names and documentation of symbols throughout.
fn answers(index: &Index) -> Result<Vec<(u32, u32)>, IndexError> {
    let mut all = Vec::new();
    let step = (index.symbols().len() / 100).max(1);
    for symbol in index.symbols().iter().step_by(step) {
        let question = format!("{} {}", symbol.qualified, symbol.doc.as_deref().unwrap_or("the value of it"));
        let query = Query::of_text(&question);
        all.extend(index.rank_symbols(&query, 50)?.iter().map(|it| (it.item.0, it.score.to_bits())));
        all.extend(index.rank_files(&query, 50)?.iter().map(|it| (it.item.0, it.score.to_bits())));
    }
    Ok(all)
}
