//! Names in the issue that the repository defines.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Context, Reason, Vote, Votes};
use crate::evidence::{Name, Places};
use crate::symbol::{FileId, Symbol, SymbolId};

/// A name that more definitions than this have says nothing (`__init__`, `get`).
const MAX_NAMESAKES: usize = 60;

/// Votes for the definitions that the issue names; a name that many definitions share counts less.
pub(super) fn vote(context: &Context<'_>) -> Votes {
    let mut symbols: BTreeMap<SymbolId, (f64, String)> = BTreeMap::new();
    let mut files: BTreeMap<FileId, (f64, String)> = BTreeMap::new();
    for name in &context.evidence.names {
        let weight = place_weight(name);
        let found = resolve(context, &name.text);
        let share = weight * found.certainty / (found.symbols.len().max(1) as f64).sqrt();
        let mut in_files: FxHashMap<FileId, f64> = FxHashMap::default();
        for id in found.symbols {
            if let Some(file) = context.file_of(id) {
                in_files.insert(file, share);
            }
            if let Some(suspect) = context.suspect(id) {
                add(&mut symbols, suspect, share, &name.text);
            }
        }
        for (file, share) in in_files {
            add(&mut files, file, share, &name.text);
        }
    }
    Votes { symbols: normalized(symbols), files: normalized(files) }
}

/// What people single out counts more than what an example happens to use.
fn place_weight(name: &Name) -> f64 {
    let Places { title, backticks, prose, code } = name.places;
    let weight = [(title, 1.0), (backticks, 0.6), (prose, 0.6), (code, 0.35)];
    weight.iter().filter(|it| it.0).map(|it| it.1).fold(0.0, f64::max) + 0.1 * f64::from(name.count.min(4))
}

struct Resolved {
    symbols: Vec<SymbolId>,
    certainty: f64,
}

/// Finds the definitions that a name may mean: with its qualifier if that fits somewhere, else by its last part alone.
fn resolve(context: &Context<'_>, name: &str) -> Resolved {
    let parts: Vec<&str> = name.split('.').filter(|part| !part.is_empty()).collect();
    let Some((last, qualifier)) = parts.split_last() else { return Resolved { symbols: Vec::new(), certainty: 0.0 } };
    let all: Vec<SymbolId> = context
        .index
        .symbols_named(last)
        .iter()
        .copied()
        .filter(|id| context.file_of(*id).is_some_and(|it| context.may_suspect(it)))
        .collect();
    if !qualifier.is_empty() {
        let fits = |id: &SymbolId| context.index.symbol(*id).is_some_and(|symbol| qualifier_fits(symbol, qualifier));
        let fitting: Vec<SymbolId> = all.iter().copied().filter(fits).collect();
        if !fitting.is_empty() {
            return Resolved { symbols: fitting, certainty: 1.0 };
        }
    }
    let bare = is_plain(last);
    let symbols = if all.len() > MAX_NAMESAKES { Vec::new() } else { all };
    Resolved {
        symbols,
        certainty: if bare {
            0.4
        } else if qualifier.is_empty() {
            1.0
        } else {
            0.6
        },
    }
}

/// A word that is also English names a definition less surely than one that only code can have.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether the nearest part of the qualifier is the class around the symbol or its module.
fn qualifier_fits(symbol: &Symbol, qualifier: &[&str]) -> bool {
    let Some(nearest) = qualifier.last() else { return false };
    let owner = symbol.qualified.rsplit('.').nth(1);
    let path = symbol.path.to_str_lossy();
    let mut modules = path.trim_end_matches(".py").rsplit('/').filter(|part| *part != "__init__");
    owner == Some(nearest) || modules.next() == Some(nearest) || modules.next() == Some(nearest)
}

fn add<K: Ord>(votes: &mut BTreeMap<K, (f64, String)>, key: K, share: f64, name: &str) {
    let (score, names) = votes.entry(key).or_default();
    *score += share;
    if names.len() < 80 && !names.contains(name) {
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push('`');
        names.push_str(name);
        names.push('`');
    }
}

fn normalized<K>(votes: BTreeMap<K, (f64, String)>) -> Vec<Vote<K>> {
    let best = votes.values().map(|it| it.0).fold(0.0, f64::max);
    let vote = |(item, (score, names)): (K, (f64, String))| Vote {
        item,
        score: score / best,
        reason: Reason::Said(format!("issue names {names}")),
    };
    votes.into_iter().filter(|it| it.1.0 > 0.0).map(vote).collect()
}
