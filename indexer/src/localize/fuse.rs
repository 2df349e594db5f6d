//! Sums the votes of all signals, first for definitions and files apart, then each with a share of the other.

use std::collections::BTreeMap;

use super::{Ballots, FileSuspect, Localization, Reason, Signal, SymbolSuspect, Vote, Votes};
use crate::symbol::{FileId, SymbolId, SymbolKind};

/// How much one signal counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// For its votes for definitions.
    pub symbols: f64,
    /// For its votes for files.
    pub files: f64,
}

impl Weights {
    /// Switches a signal off.
    pub const OFF: Weights = Weights { symbols: 0.0, files: 0.0 };

    pub(super) fn is_off(self) -> bool {
        self == Weights::OFF
    }
}

/// How the signals are put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    by_signal: BTreeMap<Signal, Weights>,
    /// What a file gets from its best definition, its second, and its third.
    pub from_symbols: [f64; 3],
    /// What a definition gets from its file.
    pub from_file: f64,
    /// What a method gets from its class.
    pub from_class: f64,
    /// What is left of a class's score: people name classes, faults are mostly in methods.
    pub class: f64,
}

impl Settings {
    /// Returns the settings with nothing but one signal.
    pub fn only(signal: Signal) -> Settings {
        let by_signal = BTreeMap::from([(signal, Settings::default().weights(signal))]);
        Settings { by_signal, ..Settings::default() }
    }

    /// Returns the settings with other weights for one signal.
    #[must_use]
    pub fn with(mut self, signal: Signal, weights: Weights) -> Settings {
        self.by_signal.insert(signal, weights);
        self
    }

    /// Returns what a signal counts.
    pub fn weights(&self, signal: Signal) -> Weights {
        self.by_signal.get(&signal).copied().unwrap_or(Weights::OFF)
    }
}

impl Default for Settings {
    /// The weights were fitted on real issues of twelve projects (see the localization benchmark); none is for a single case.
    fn default() -> Settings {
        let weights = |signal| match signal {
            Signal::Spectrum => Weights { symbols: 3.0, files: 1.5 },
            Signal::Frames => Weights { symbols: 1.0, files: 0.5 },
            Signal::Names => Weights { symbols: 0.5, files: 0.2 },
            Signal::Places => Weights { symbols: 0.5, files: 0.6 },
            Signal::Messages => Weights { symbols: 0.2, files: 0.0 },
            Signal::FailingTests => Weights { symbols: 0.8, files: 0.0 },
            Signal::TitleWords => Weights { symbols: 0.2, files: 0.3 },
            Signal::DefinitionWords => Weights { symbols: 1.0, files: 0.0 },
            Signal::FileWords => Weights { symbols: 0.0, files: 1.0 },
            Signal::Graph => Weights { symbols: 0.1, files: 0.0 },
        };
        let by_signal = Signal::ALL.into_iter().map(|signal| (signal, weights(signal))).collect();
        Settings { by_signal, from_symbols: [0.8, 0.2, 0.1], from_file: 0.5, from_class: 0.1, class: 0.8 }
    }
}

/// Returns the weighted sums of the votes for definitions.
pub(super) fn symbol_scores(by_signal: &[(Signal, Votes)], settings: &Settings) -> BTreeMap<SymbolId, f64> {
    let mut scores = BTreeMap::new();
    for (signal, votes) in by_signal {
        add(&mut scores, &votes.symbols, settings.weights(*signal).symbols);
    }
    scores
}

fn file_scores(by_signal: &[(Signal, Votes)], settings: &Settings) -> BTreeMap<FileId, f64> {
    let mut scores = BTreeMap::new();
    for (signal, votes) in by_signal {
        add(&mut scores, &votes.files, settings.weights(*signal).files);
    }
    scores
}

fn add<T: Ord + Copy>(scores: &mut BTreeMap<T, f64>, votes: &[Vote<T>], weight: f64) {
    if weight == 0.0 {
        return;
    }
    for vote in votes {
        *scores.entry(vote.item).or_default() += weight * vote.score;
    }
}

/// Puts the votes together; at most `limit` files and `limit` definitions.
pub(super) fn fuse(ballots: &Ballots<'_>, settings: &Settings, limit: usize) -> Localization {
    let symbols = symbol_scores(&ballots.by_signal, settings);
    let mut files = file_scores(&ballots.by_signal, settings);
    for (file, best) in best_symbols(ballots, &symbols) {
        let share: f64 = best.iter().zip(settings.from_symbols).map(|(score, weight)| score * weight).sum();
        *files.entry(file).or_default() += share;
    }
    let with_context = symbols.iter().filter_map(|(id, score)| {
        let symbol = ballots.context.index.symbol(*id)?;
        let from_class = symbol.parent.and_then(|class| symbols.get(&class)).copied().unwrap_or(0.0);
        let from_file = files.get(&symbol.file).copied().unwrap_or(0.0);
        let sum = score + settings.from_class * from_class + settings.from_file * from_file;
        Some((*id, if symbol.kind == SymbolKind::Class { settings.class * sum } else { sum }))
    });
    let symbols = ranked(with_context.collect(), limit);
    let files = ranked(files.into_iter().collect(), limit);
    Localization {
        files: files.into_iter().filter_map(|(id, score)| file_suspect(ballots, id, score)).collect(),
        symbols: symbols.into_iter().filter_map(|(id, score)| symbol_suspect(ballots, id, score)).collect(),
    }
}

/// Returns, for each file, the scores of its best definitions, best first.
fn best_symbols(ballots: &Ballots<'_>, symbols: &BTreeMap<SymbolId, f64>) -> BTreeMap<FileId, [f64; 3]> {
    let mut best: BTreeMap<FileId, [f64; 3]> = BTreeMap::new();
    for (id, score) in symbols {
        let Some(file) = ballots.context.file_of(*id) else { continue };
        let kept = best.entry(file).or_default();
        let mut next = *score;
        for slot in kept {
            if next > *slot {
                std::mem::swap(slot, &mut next);
            }
        }
    }
    best
}

/// Sorts by score, then by number, and makes the scores relative to the best.
fn ranked<T: Ord + Copy>(mut scores: Vec<(T, f64)>, limit: usize) -> Vec<(T, f64)> {
    scores.retain(|it| it.1 > 0.0);
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores.truncate(limit);
    let best = scores.first().map_or(1.0, |it| it.1);
    scores.into_iter().map(|(item, score)| (item, score / best)).collect()
}

fn symbol_suspect(ballots: &Ballots<'_>, id: SymbolId, score: f64) -> Option<SymbolSuspect> {
    let symbol = ballots.context.index.symbol(id)?;
    let named = format!("{} {}", symbol.signature, symbol.path);
    let evidence =
        reasons(ballots, &named, |votes| votes.symbols.iter().find(|vote| vote.item == id).map(|it| &it.reason));
    let (path, name, kind, lines) = (symbol.path.clone(), symbol.qualified.clone(), symbol.kind, symbol.lines);
    Some(SymbolSuspect { path, name, kind, lines, score, evidence })
}

fn file_suspect(ballots: &Ballots<'_>, id: FileId, score: f64) -> Option<FileSuspect> {
    let path = ballots.context.index.file(id)?.path.clone();
    let named = path.to_string();
    let mut evidence =
        reasons(ballots, &named, |votes| votes.files.iter().find(|vote| vote.item == id).map(|it| &it.reason));
    let mut best: Vec<(&str, f64)> = Vec::new();
    for (_, votes) in &ballots.by_signal {
        let here = votes.symbols.iter().filter(|vote| ballots.context.file_of(vote.item) == Some(id));
        let top = here.max_by(|a, b| a.score.total_cmp(&b.score).then(b.item.cmp(&a.item)));
        if let Some((symbol, vote)) = top.and_then(|vote| Some((ballots.context.index.symbol(vote.item)?, vote))) {
            best.push((symbol.qualified.as_str(), vote.score));
        }
    }
    if let Some(top) = best.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        evidence.push(format!("holds `{}`", top.0));
    }
    Some(FileSuspect { path, score, evidence })
}

fn reasons<'b>(ballots: &'b Ballots<'_>, named: &str, find: impl Fn(&'b Votes) -> Option<&'b Reason>) -> Vec<String> {
    let said =
        |(signal, votes): &'b (Signal, Votes)| find(votes).map(|reason| in_words(ballots, *signal, reason, named));
    ballots.by_signal.iter().filter_map(said).collect()
}

fn in_words(ballots: &Ballots<'_>, signal: Signal, reason: &Reason, named: &str) -> String {
    let rank = match reason {
        Reason::Said(text) => return text.clone(),
        Reason::Words { rank } => rank,
    };
    let what = if signal == Signal::TitleWords { "words of the title in the name" } else { "words of the issue" };
    let shared = ballots.query.shared(named, 5);
    if shared.is_empty() {
        format!("{what}: rank {rank} by BM25")
    } else {
        format!("{what}: rank {rank} by BM25 ({})", shared.join(", "))
    }
}
