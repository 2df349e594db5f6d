//! Votes of the code graph: what the other signals found passes a little of its weight to its neighbours.
//!
//! Symptoms show in what users call; faults sit one or two calls or base classes below. Adding neighbours blindly drowns what the text found,
//! so a neighbour is voted for only in so far as the text speaks for it too.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Context, Reason, Settings, Signal, Vote, Votes, fuse};
use crate::graph::{Direction, EdgeKind, EdgeKinds, Node};
use crate::symbol::SymbolId;

/// How many of the best definitions pass on weight.
const SEEDS: usize = 30;
/// How many neighbours of one are looked at; whoever calls everything tells nothing.
const MAX_NEIGHBOURS: usize = 60;
/// What is left after a second step.
const SECOND_STEP: f64 = 0.4;
/// The part that a neighbour gets without any word of the issue.
const WITHOUT_WORDS: f64 = 0.05;

/// Votes for the neighbours of the best definitions.
pub(super) fn vote(context: &Context<'_>, by_signal: &[(Signal, Votes)], settings: &Settings) -> Votes {
    let base = fuse::symbol_scores(by_signal, settings);
    let mut seeds: Vec<(SymbolId, f64)> = base.iter().map(|(id, score)| (*id, *score)).collect();
    seeds.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let Some(best) = seeds.first().map(|it| it.1) else { return Votes::default() };
    seeds.truncate(SEEDS);
    let first = spread(context, &seeds);
    let mut second_seeds: Vec<(SymbolId, f64)> = first.iter().map(|(id, it)| (*id, it.0)).collect();
    second_seeds.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    second_seeds.truncate(SEEDS);
    let mut reached = first;
    for (id, (score, from)) in spread(context, &second_seeds) {
        let known = reached.entry(id).or_insert((0.0, from));
        known.0 += SECOND_STEP * score;
    }
    let weighted = reached.into_iter().map(|(id, (score, from))| {
        let words = base.get(&id).copied().unwrap_or(0.0) / best;
        (id, score * (WITHOUT_WORDS + words), from)
    });
    collected(context, weighted.collect())
}

/// Returns what the neighbours of `seeds` receive, with the seed that gave most.
fn spread(context: &Context<'_>, seeds: &[(SymbolId, f64)]) -> BTreeMap<SymbolId, (f64, SymbolId)> {
    let mut received: BTreeMap<SymbolId, (f64, SymbolId)> = BTreeMap::new();
    let mut most: FxHashMap<SymbolId, f64> = FxHashMap::default();
    for (seed, score) in seeds {
        let neighbours = neighbours(context, *seed);
        let total: f64 = neighbours.iter().map(|it| it.1).sum::<f64>().max(1.0).sqrt();
        for (neighbour, weight) in neighbours {
            let share = score * weight / total;
            let known = received.entry(neighbour).or_insert((0.0, *seed));
            known.0 += share;
            let most = most.entry(neighbour).or_default();
            if share > *most {
                *most = share;
                known.1 = *seed;
            }
        }
    }
    received
}

fn neighbours(context: &Context<'_>, seed: SymbolId) -> Vec<(SymbolId, f64)> {
    let graph = context.index.graph();
    let node = graph.node_of_symbol(seed);
    let kinds = EdgeKinds::of(&[EdgeKind::Calls, EdgeKind::Uses, EdgeKind::Inherits, EdgeKind::Overrides]);
    let mut best: BTreeMap<SymbolId, f64> = BTreeMap::new();
    for (direction, factor) in [(Direction::Out, 1.0), (Direction::In, 0.4)] {
        for edge in graph.neighbours(node, kinds, direction).take(MAX_NEIGHBOURS) {
            let Some(Node::Symbol(symbol)) = graph.node(edge.node) else { continue };
            let Some(suspect) = context.suspect(symbol).filter(|it| *it != seed) else { continue };
            let kind = if edge.kind == EdgeKind::Uses { 0.5 } else { 1.0 };
            let weight = factor * kind * f64::from(edge.confidence);
            let known = best.entry(suspect).or_default();
            *known = known.max(weight);
        }
    }
    best.into_iter().collect()
}

fn collected(context: &Context<'_>, weighted: Vec<(SymbolId, f64, SymbolId)>) -> Votes {
    let best = weighted.iter().map(|it| it.1).fold(0.0, f64::max);
    let vote = |(item, score, from): (SymbolId, f64, SymbolId)| {
        let from = context.index.symbol(from).map_or("", |it| it.qualified.as_str());
        Vote { item, score: score / best, reason: Reason::Said(format!("next to `{from}` in the code graph")) }
    };
    Votes { symbols: weighted.into_iter().filter(|it| it.1 > 0.0).map(vote).collect(), files: Vec::new() }
}
