//! Signals from running tests: coverage spectra, and what failing tests use.

use std::collections::BTreeMap;

use super::{Context, Reason, Vote, Votes};
use crate::graph::{Direction, EdgeKind, EdgeKinds, Node};
use crate::symbol::SymbolId;
use repo::RepoPath;

/// Votes for the definitions that failing tests run and passing tests do not.
pub(super) fn spectrum(context: &Context<'_>) -> Votes {
    let mut votes = Votes::default();
    let Some(spectrum) = context.inputs.spectrum else { return votes };
    for path in spectrum.files() {
        let Some(file) = context.index.file_id(path).filter(|file| context.may_suspect(*file)) else { continue };
        let mut by_symbol: BTreeMap<SymbolId, (f64, u32)> = BTreeMap::new();
        let mut best = (0.0, 0);
        for (line, score) in spectrum.lines(path).filter(|it| it.1 > 0.0) {
            if score > best.0 {
                best = (score, line);
            }
            let Some(suspect) = context.index.symbol_at(path, line).and_then(|id| context.suspect(id)) else {
                continue;
            };
            let known = by_symbol.entry(suspect).or_default();
            if score > known.0 {
                *known = (score, line);
            }
        }
        let reason = |score: f64, line: u32| Reason::Said(format!("failing tests run line {line} (Ochiai {score:.2})"));
        if best.0 > 0.0 {
            votes.files.push(Vote { item: file, score: best.0, reason: reason(best.0, best.1) });
        }
        let of_symbol = |(item, (score, line))| Vote { item, score, reason: reason(score, line) };
        votes.symbols.extend(by_symbol.into_iter().map(of_symbol));
    }
    votes
}

/// Votes for what failing tests call and name: directly, and one step further.
pub(super) fn failing_tests(context: &Context<'_>) -> Votes {
    let mut best: BTreeMap<SymbolId, (f64, String)> = BTreeMap::new();
    for test in context.inputs.failing_tests {
        let Some(symbol) = test_symbol(context, test) else { continue };
        let direct = used_by(context, symbol);
        for (used, weight) in &direct {
            keep_best(context, &mut best, *used, *weight, test);
            for (further, share) in used_by(context, *used) {
                keep_best(context, &mut best, further, 0.4 * weight * share, test);
            }
        }
    }
    let vote = |(item, (score, reason))| Vote { item, score, reason: Reason::Said(reason) };
    Votes { symbols: best.into_iter().filter(|it| it.1.0 > 0.0).map(vote).collect(), files: Vec::new() }
}

/// Finds the test of a pytest id (`path::Class::test[param]`) or of a dotted unittest id (`tests.module.Class.test`).
fn test_symbol(context: &Context<'_>, id: &str) -> Option<SymbolId> {
    let id = id.split('[').next().unwrap_or(id);
    if let Some((path, qualified)) = id.split_once("::") {
        return context.index.find_symbol(&RepoPath::new(path).ok()?, &qualified.replace("::", "."));
    }
    let (rest, name) = id.rsplit_once('.')?;
    let class = rest.rsplit('.').next()?;
    let fits = |it: &SymbolId| {
        context.index.symbol(*it).is_some_and(|symbol| symbol.qualified.rsplit('.').nth(1) == Some(class))
    };
    context.index.symbols_named(name).iter().copied().find(fits)
}

fn used_by(context: &Context<'_>, symbol: SymbolId) -> Vec<(SymbolId, f64)> {
    let graph = context.index.graph();
    let kinds = EdgeKinds::of(&[EdgeKind::Calls, EdgeKind::Uses, EdgeKind::Tests]);
    let edges = graph.neighbours(graph.node_of_symbol(symbol), kinds, Direction::Out);
    let target = |edge: crate::graph::Edge| match graph.node(edge.node) {
        Some(Node::Symbol(target)) => Some((target, f64::from(edge.confidence))),
        Some(Node::File(_) | Node::Directory(_) | Node::Repository) | None => None,
    };
    edges.filter_map(target).collect()
}

fn keep_best(
    context: &Context<'_>,
    best: &mut BTreeMap<SymbolId, (f64, String)>,
    used: SymbolId,
    weight: f64,
    test: &str,
) {
    let Some(suspect) = context.suspect(used) else { return };
    let known = best.entry(suspect).or_default();
    if weight > known.0 {
        *known = (weight.min(1.0), format!("failing test {test} uses it"));
    }
}
