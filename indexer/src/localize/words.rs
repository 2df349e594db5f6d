//! Signals that compare words: BM25 over definitions, over files, and of the title with names.

use super::{Context, Reason, Vote, Votes, query};
use crate::IndexError;
use crate::symbol::{FileId, SymbolId};
use crate::text::{Boosts, Query, Ranked};

/// How many of a ranking vote.
const DEPTH: usize = 200;

/// Ranks definitions by the words of the issue.
pub(super) fn definitions(context: &Context<'_>, words: &query::Words) -> Result<Votes, IndexError> {
    let boosts = Boosts { path: 0.4, name: 0.6, qualified: 0.6, docs: 0.0, body: 1.0, ..Boosts::NONE };
    let query = Query { length_penalty: 0.6, ..Query::new(words.all.clone()).with_boosts(boosts) };
    Ok(Votes { symbols: symbol_votes(context, context.index.rank_symbols(&query, usize::MAX)?), ..Votes::default() })
}

/// Ranks files by the words of the issue.
pub(super) fn files(context: &Context<'_>, words: &query::Words) -> Result<Votes, IndexError> {
    let boosts = Boosts { path: 1.0, name: 0.5, qualified: 0.6, body: 1.0, ..Boosts::NONE };
    let query = Query::new(words.all.clone()).with_boosts(boosts);
    Ok(Votes { files: file_votes(context, context.index.rank_files(&query, usize::MAX)?), ..Votes::default() })
}

/// Ranks definitions and files by the words of the title in what they are called.
pub(super) fn title(context: &Context<'_>, words: &query::Words) -> Result<Votes, IndexError> {
    let boosts = Boosts { path: 0.7, name: 0.8, qualified: 1.0, signature: 0.3, ..Boosts::NONE };
    let query = Query { saturation: 0.5, ..Query::new(words.title.clone()).with_boosts(boosts) };
    let files = Boosts { path: 1.0, name: 0.5, qualified: 0.4, ..Boosts::NONE };
    Ok(Votes {
        symbols: symbol_votes(context, context.index.rank_symbols(&query, usize::MAX)?),
        files: file_votes(context, context.index.rank_files(&query.with_boosts(files), usize::MAX)?),
    })
}

fn symbol_votes(context: &Context<'_>, ranked: Vec<Ranked<SymbolId>>) -> Vec<Vote<SymbolId>> {
    // Only what stands for itself: a nested function's text is part of the function around it.
    votes(ranked.into_iter().filter(|it| context.suspect(it.item) == Some(it.item)))
}

fn file_votes(context: &Context<'_>, ranked: Vec<Ranked<FileId>>) -> Vec<Vote<FileId>> {
    votes(ranked.into_iter().filter(|it| context.may_suspect(it.item)))
}

/// Scores are taken relative to the best: BM25 says nothing across issues.
fn votes<T>(ranked: impl Iterator<Item = Ranked<T>>) -> Vec<Vote<T>> {
    let mut best = None;
    let vote = |(at, it): (usize, Ranked<T>)| {
        let best = *best.get_or_insert(it.score);
        Vote { item: it.item, score: f64::from(it.score / best), reason: Reason::Words { rank: at + 1 } }
    };
    ranked.take(DEPTH).enumerate().map(vote).collect()
}
