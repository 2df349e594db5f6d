//! The words of a pack that is never stored: those of a few edited files, found by hash and not by a dictionary on disk.

use crate::text::vocabulary::Vocabulary;

/// All words of a pack with their postings.
pub(super) struct Memory {
    words: Vocabulary,
    columns: Vec<Column>,
}

/// One field of one corpus.
pub(super) struct Column {
    pub(super) postings: Postings,
    /// By document, how long the field is, in tantivy's steps; documents at the end without the field are left out.
    pub(super) norms: Vec<u8>,
}

/// Postings by word: those of word `n` are `all[ends[n - 1]..ends[n]]`.
pub(super) struct Postings {
    pub(super) ends: Vec<u32>,
    /// Document and count, by document.
    pub(super) all: Vec<(u32, u32)>,
}

impl Postings {
    /// Returns the postings of the word with a number.
    pub(super) fn of(&self, word: u32) -> &[(u32, u32)] {
        let start = word.checked_sub(1).and_then(|it| self.ends.get(it as usize)).map_or(0, |it| *it as usize);
        let end = self.ends.get(word as usize).map_or(start, |it| *it as usize);
        self.all.get(start..end).unwrap_or_default()
    }
}

impl Memory {
    pub(super) fn new(words: Vocabulary, columns: Vec<Column>) -> Memory {
        Memory { words, columns }
    }

    /// Returns the documents that hold a word: number, count, and length of the field.
    pub(super) fn postings(&self, column: usize, word: &str) -> impl Iterator<Item = (u32, u32, u8)> {
        let found = self.words.get(word).zip(self.columns.get(column));
        found.into_iter().flat_map(|(word, column)| {
            let norm = |document: u32| column.norms.get(document as usize).copied().unwrap_or(0);
            column.postings.of(word).iter().map(move |(document, count)| (*document, *count, norm(*document)))
        })
    }
}
