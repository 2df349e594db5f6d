//! Prints every edge of a revision's code graph, one a line, sorted: `edges REPOSITORY REVISION CACHE`.
//!
//! Two builds of the index agree when their lists do.
#![expect(clippy::print_stdout, reason = "this is what the example is for")]

use std::path::Path;

use indexer::Index;
use indexer::graph::{Direction, EdgeKinds, NodeId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, revision, cache] = arguments.as_slice() else {
        return Err("usage: edges REPOSITORY REVISION CACHE".into());
    };
    let source = repo::Source::open(Path::new(repository))?;
    let store = repo::Store::create(&Path::new(cache).join("objects"), &source)?;
    let snapshot = store.snapshot(source.resolve(revision)?.tree)?;
    let index = Index::open(Path::new(cache), &snapshot, &|_| {})?;
    let graph = index.graph();
    let mut lines = Vec::new();
    for id in (0..graph.node_count() as u32).map(NodeId) {
        for edge in graph.neighbours(id, EdgeKinds::ALL, Direction::Out) {
            let (from, to) = (graph.label(id), graph.label(edge.node));
            lines.push(format!("{from}\t{:?}\t{to}\t{:.2}", edge.kind, edge.confidence));
        }
    }
    lines.sort_unstable();
    lines.iter().for_each(|it| println!("{it}"));
    Ok(())
}
