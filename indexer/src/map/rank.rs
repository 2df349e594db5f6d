//! Which definitions matter most.

use rustc_hash::{FxHashMap, FxHashSet};

use super::MapRequest;
use crate::Index;
use crate::graph::{NodeId, Walk};
use crate::symbol::{Symbol, SymbolId, SymbolKind};

/// What an identifier in focus weighs beside a file in focus.
const IDENTIFIER: f64 = 3.0;
/// What is left of a definition's rank where its name says that it matters to its own file only.
const PRIVATE: f64 = 0.2;
/// What is left where many definitions have the name.
const COMMON: f64 = 0.3;
/// So many definitions of one name make it common.
const MANY: usize = 6;
/// What is left of tests and what stands in test files.
const TEST: f64 = 0.05;
/// What is left of variables and fields, which say little by themselves.
const DATA: f64 = 0.3;

/// Returns the definitions that may be shown, best first, with their ranks.
pub(super) fn ranked(index: &Index, request: &MapRequest) -> Vec<(SymbolId, f64)> {
    let graph = index.graph();
    let rank = graph.pagerank(&seeds(index, request), &walk());
    let hidden = if request.shows_focus { FxHashSet::default() } else { files_in_focus(index, request) };
    let wanted: FxHashSet<&str> = request.identifiers.iter().map(String::as_str).collect();
    let mut namesakes: FxHashMap<&str, usize> = FxHashMap::default();
    index.symbols().iter().for_each(|it| *namesakes.entry(it.name()).or_default() += 1);
    let mut all: Vec<(SymbolId, f64)> = Vec::with_capacity(index.symbols().len());
    for (at, symbol) in index.symbols().iter().enumerate() {
        let id = SymbolId(at as u32);
        let reached = rank.get(graph.node_of_symbol(id).0 as usize).copied().unwrap_or(0.0);
        if reached <= 0.0 || hidden.contains(&symbol.file.0) || is_inside_function(index, symbol) {
            continue;
        }
        let named = if wanted.contains(symbol.name()) { 10.0 } else { 1.0 };
        all.push((id, reached * named * weight(symbol, namesakes.get(symbol.name()).copied().unwrap_or(0))));
    }
    all.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all
}

/// From users to what they use; containment only so that a file's rank reaches what is in it.
fn walk() -> Walk {
    //         contains imports calls uses inherits overrides tests
    let forward = [0.3, 0.5, 1.0, 0.6, 1.0, 0.5, 0.1];
    let backward = [0.1, 0.0, 0.05, 0.0, 0.1, 0.1, 0.0];
    Walk { damping: 0.8, forward, backward, steps: 30 }
}

fn seeds(index: &Index, request: &MapRequest) -> Vec<(NodeId, f64)> {
    let graph = index.graph();
    let files = request.focus.iter().filter_map(|it| graph.find(it)).map(|it| (it, 1.0));
    let named = request.identifiers.iter().flat_map(|name| {
        let all = index.symbols_named(name);
        all.iter().map(move |it| (graph.node_of_symbol(*it), IDENTIFIER / all.len() as f64))
    });
    let seeds: Vec<(NodeId, f64)> = files.chain(named).collect();
    if !seeds.is_empty() {
        return seeds;
    }
    let all = index.files().iter().zip(0u32..);
    all.filter(|it| !it.0.is_test).map(|it| (graph.node_of_file(crate::FileId(it.1)), 1.0)).collect()
}

fn files_in_focus(index: &Index, request: &MapRequest) -> FxHashSet<u32> {
    request.focus.iter().filter_map(|it| index.file_id(it)).map(|it| it.0).collect()
}

fn is_inside_function(index: &Index, symbol: &Symbol) -> bool {
    let parent = symbol.parent.and_then(|it| index.symbol(it));
    parent.is_some_and(|it| it.kind.is_callable() || is_inside_class_in_function(index, it))
}

fn is_inside_class_in_function(index: &Index, class: &Symbol) -> bool {
    let mut around = class.parent.and_then(|it| index.symbol(it));
    while let Some(it) = around {
        if it.kind.is_callable() {
            return true;
        }
        around = it.parent.and_then(|it| index.symbol(it));
    }
    false
}

fn weight(symbol: &Symbol, namesakes: usize) -> f64 {
    let data = matches!(symbol.kind, SymbolKind::Variable | SymbolKind::Field);
    let factors =
        [(symbol.is_test, TEST), (data, DATA), (symbol.name().starts_with('_'), PRIVATE), (namesakes >= MANY, COMMON)];
    factors.iter().filter(|it| it.0).map(|it| it.1).product()
}
