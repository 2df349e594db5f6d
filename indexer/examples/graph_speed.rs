//! How long questions to the code graph take: `graph_speed REPOSITORY REVISION CACHE`.
#![expect(clippy::print_stdout, reason = "this is what the example is for")]

use std::path::Path;
use std::time::{Duration, Instant};

use indexer::graph::query::{Limits, Parameters};
use indexer::graph::{Direction, EdgeKinds, NodeId, Reach, Walk};
use indexer::map::{MapRequest, map};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, revision, cache] = arguments.as_slice() else {
        return Err("usage: graph_speed REPOSITORY REVISION CACHE".into());
    };
    let source = repo::Source::open(Path::new(repository))?;
    let store = repo::Store::create(&Path::new(cache).join("objects"), &source)?;
    let snapshot = store.snapshot(source.resolve(revision)?.tree)?;
    let index = indexer::Index::open(Path::new(cache), &snapshot, &|_| {})?;
    let graph = index.graph();
    println!("{} nodes, {} edges", graph.node_count(), graph.edge_count());

    // The nodes around which most is to be seen.
    let both = vec![Direction::Out, Direction::In];
    let degree = |id: NodeId| both.iter().map(|it| graph.neighbours(id, EdgeKinds::ALL, *it).count()).sum::<usize>();
    let mut hubs: Vec<NodeId> = (0..graph.node_count() as u32).map(NodeId).collect();
    hubs.sort_by_cached_key(|it| std::cmp::Reverse(degree(*it)));
    hubs.truncate(500);
    let reach = Reach { directions: both.clone(), ..Reach::default() };
    let mut reached = 0;
    let times = hubs.iter().map(|it| timed(|| reached += graph.neighbourhood(&[*it], &reach).reached.len())).collect();
    println!("neighbourhood, 2 hops, {} nodes each: {}", reached / hubs.len().max(1), told(times));

    let seeds: Vec<Vec<(NodeId, f64)>> = hubs.iter().take(20).map(|it| vec![(*it, 1.0)]).collect();
    let times = seeds.iter().map(|it| timed(|| drop(graph.pagerank(it, &Walk::default())))).collect();
    println!("personalised PageRank: {}", told(times));
    let all: Vec<(NodeId, f64)> = (0..graph.node_count() as u32).map(|it| (NodeId(it), 1.0)).collect();
    let times = (0..5).map(|_| timed(|| drop(graph.pagerank(&all, &Walk::default())))).collect();
    println!("PageRank from everywhere: {}", told(times));

    for query in [
        "MATCH (f {name: 'save'})-[:CALLS]->(g)-[:CALLS]->(h) RETURN g.label, h.label",
        "MATCH (c:Class)-[:INHERITS*1..3]->(b {name: 'Model'}) RETURN DISTINCT c.label",
        "MATCH (f:Function) WHERE NOT (f)<-[:TESTS]-() AND NOT f.is_test RETURN count(f)",
    ] {
        let mut hops = 0;
        let mut ask = || graph.query(query, &Parameters::new(), &Limits::default()).map(|it| hops = it.hops);
        ask()?;
        let times = (0..20).map(|_| timed(|| drop(ask()))).collect();
        println!("{query}: {hops} hops, {}", told(times));
    }
    let times = (0..5).map(|_| timed(|| drop(map(&index, &MapRequest::default())))).collect();
    println!("map of 1,024 tokens: {}", told(times));
    Ok(())
}

fn timed(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied();
    format!("median {:.2?}, p99 {:.2?}", at(50).unwrap_or_default(), at(99).unwrap_or_default())
}
