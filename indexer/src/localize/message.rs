//! Messages in the issue that the repository's string literals can produce.

use std::collections::BTreeMap;

use super::{Context, Reason, Vote, Votes};
use crate::IndexError;
use crate::facts::{FileFacts, TextSpan};
use crate::symbol::SymbolId;
use crate::text::{Boosts, Query};

/// How many messages are looked up, and how many definitions are read for each.
const MAX_MESSAGES: usize = 12;
const DEPTH: usize = 20;
/// A literal must contribute this many characters besides its placeholders; less is chance.
const MIN_LITERAL: usize = 8;

/// Votes for definitions whose string literals match an error message or a quoted text.
///
/// The text index proposes definitions that share words with the message; their literals are then laid over it piece by piece, placeholders
/// standing for anything.
pub(super) fn vote(context: &Context<'_>) -> Result<Votes, IndexError> {
    let mut best: BTreeMap<SymbolId, (f64, String)> = BTreeMap::new();
    for (message, weight) in messages(context) {
        let boosts = Boosts { strings: 1.0, ..Boosts::NONE };
        let ranked = context.index.rank_symbols(&Query::of_text(message).with_boosts(boosts), DEPTH)?;
        for found in ranked {
            let Some(suspect) = context.suspect(found.item) else { continue };
            let share = weight * covered(context, found.item, message);
            let known = best.entry(suspect).or_default();
            if share > known.0 {
                *known = (share, format!("its text matches the message “{}”", crate::issue::cut_to(message, 80)));
            }
        }
    }
    let vote = |(item, (score, reason))| Vote { item, score, reason: Reason::Said(reason) };
    Ok(Votes { symbols: best.into_iter().filter(|it| it.1.0 > 0.0).map(vote).collect(), files: Vec::new() })
}

fn messages<'c>(context: &'c Context<'_>) -> Vec<(&'c str, f64)> {
    let errors = context.evidence.errors.iter().map(|error| (error.message.as_str(), 1.0));
    let quoted = context.evidence.quoted.iter().map(|quoted| (quoted.as_str(), 0.7));
    let long_enough = |it: &(&str, f64)| it.0.len() >= MIN_LITERAL && it.0.contains(' ');
    errors.chain(quoted).filter(long_enough).take(MAX_MESSAGES).collect()
}

/// Returns how much of the message the literals of a definition produce.
fn covered(context: &Context<'_>, symbol: SymbolId, message: &str) -> f64 {
    let literals = literals_of(context, symbol);
    let characters: usize = literals.iter().map(|literal| matched(&literal.text, message)).sum();
    (characters as f64 / message.len().max(1) as f64).min(1.0)
}

fn literals_of<'c>(context: &'c Context<'_>, symbol: SymbolId) -> Vec<&'c TextSpan> {
    let Some((facts, within)) = facts_of(context, symbol) else { return Vec::new() };
    let owned = |literal: &&TextSpan| {
        std::iter::successors(literal.within, |at| facts.symbols.get(*at as usize).and_then(|it| it.parent))
            .take(20)
            .any(|at| at == within)
    };
    facts.strings.iter().filter(owned).collect()
}

fn facts_of<'c>(context: &'c Context<'_>, symbol: SymbolId) -> Option<(&'c FileFacts, u32)> {
    let file = context.file_of(symbol)?;
    let first = context.index.file(file)?.symbols.start;
    Some((context.index.facts_of(file)?, symbol.0.checked_sub(first)?))
}

/// Returns how many characters of `literal` stand in `message`, in order; 0 unless all of its pieces do.
fn matched(literal: &str, message: &str) -> usize {
    let mut rest = message;
    let mut characters = 0;
    for piece in pieces(literal) {
        let Some(at) = rest.find(piece) else { return 0 };
        rest = &rest[at + piece.len()..];
        characters += piece.len();
    }
    if characters >= MIN_LITERAL { characters } else { 0 }
}

/// Cuts a literal at its placeholders, `%s`, `%(name)d`, `{}`, `{name!r}`, and at escapes.
fn pieces(literal: &str) -> impl Iterator<Item = &str> {
    let mut rest = literal;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mark = rest.find(['%', '{', '\\']).unwrap_or(rest.len());
        let (piece, marked) = rest.split_at(mark);
        rest = &marked[placeholder_length(marked)..];
        Some(piece)
    })
    .map(str::trim)
    .filter(|piece| !piece.is_empty())
}

fn placeholder_length(marked: &str) -> usize {
    let rest = marked.get(1..).unwrap_or_default();
    let length = match marked.as_bytes().first() {
        None => return 0,
        Some(b'{') => rest.find('}').map_or(1, |end| end + 2),
        Some(b'%') if rest.starts_with('(') => rest.find(')').map_or(1, |end| end + 3),
        Some(_) => 1 + rest.chars().next().map_or(0, char::len_utf8),
    };
    // A conversion letter behind `)` may be of any width in a broken literal.
    (length.min(marked.len())..=marked.len()).find(|at| marked.is_char_boundary(*at)).unwrap_or(marked.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_are_laid_over_messages() {
        let check = |literal: &str, message: &str, expected: usize| {
            assert_eq!(matched(literal, message), expected, "{literal:?} over {message:?}")
        };
        check("no such item", "no such item", 12);
        check("no item %s in %(shop)s here", "no item 'x' in Paris here", 7 + 2 + 4);
        check("no item {} in {shop!r}", "no item 'x' in Paris", 7 + 2);
        check("no item %s", "there is no item", 0);
        check("100%", "100% of it", 0);
        check("wholly different words", "no such item", 0);
        check("item {unclosed", "item {unclosed", 12);
    }

    proptest! {
        #[test]
        fn any_literal_is_survived(literal in "([%{}()\\\\a é]|.){0,30}", message in ".{0,30}") {
            let _ = matched(&literal, &message);
        }
    }
}
