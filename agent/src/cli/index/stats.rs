//! `patchwright index stats`.

use std::collections::BTreeMap;

use indexer::Index;
use indexer::graph::{Direction, EdgeKind, EdgeKinds, NodeId, NodeKind};
use serde::Serialize;
use serde_json::json;

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::Place;

/// What an index holds, counted.
#[derive(Debug, Default, Serialize)]
struct Counts {
    languages: BTreeMap<String, Language>,
    nodes: BTreeMap<&'static str, usize>,
    edges: BTreeMap<&'static str, usize>,
    skipped: BTreeMap<String, usize>,
}

/// The files of one language.
#[derive(Debug, Default, Serialize)]
struct Language {
    files: usize,
    lines: u64,
    tests: usize,
}

pub(super) fn run(place: &Place) -> Result<Ending, Failure> {
    let (index, base, _objects) = super::open(place)?;
    let counts = counted(&index);
    if place.json {
        let object = json!({
            "schema": 1,
            "base": base,
            "languages": counts.languages,
            "nodes": counts.nodes,
            "edges": counts.edges,
            "skipped": counts.skipped,
        });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(text_of(&counts).as_bytes())?;
    }
    Ok(Ending::Done)
}

fn counted(index: &Index) -> Counts {
    let mut counts = Counts { skipped: super::skipped(index).into_iter().collect(), ..Counts::default() };
    for file in index.files() {
        let language = counts.languages.entry(file.language.to_string()).or_default();
        language.files += 1;
        language.lines += u64::from(file.lines);
        language.tests += usize::from(file.is_test);
    }
    let graph = index.graph();
    for kind in NodeKind::ALL {
        counts.nodes.insert(kind.as_str(), graph.of_kind(kind).len());
    }
    counts.edges.extend(EdgeKind::ALL.map(|it| (it.as_str(), 0)));
    for id in (0..graph.node_count() as u32).map(NodeId) {
        for edge in graph.neighbours(id, EdgeKinds::ALL, Direction::Out) {
            *counts.edges.entry(edge.kind.as_str()).or_default() += 1;
        }
    }
    counts
}

fn text_of(counts: &Counts) -> String {
    let mut text = String::new();
    for (name, it) in &counts.languages {
        text.push_str(&format!("{:>8} files of {name}, {} lines, {} for tests\n", it.files, it.lines, it.tests));
    }
    for (word, count) in counts.nodes.iter().filter(|it| *it.1 > 0) {
        text.push_str(&format!("{count:>8} {word}\n"));
    }
    for (word, count) in counts.edges.iter().filter(|it| *it.1 > 0) {
        text.push_str(&format!("{count:>8} relations: {word}\n"));
    }
    for (reason, count) in &counts.skipped {
        text.push_str(&format!("{count:>8} files {reason}\n"));
    }
    text
}
