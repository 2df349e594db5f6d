//! Lines of the chosen definitions, grouped by file, with marks where something is left out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use super::{RepoMap, tokens};
use crate::Index;
use crate::symbol::{FileId, SymbolId};

/// How long a signature may be, in characters.
const MAX_SIGNATURE: usize = 160;
/// How many definitions in a row may be too large for what is left before the search for smaller ones ends.
const MAX_MISSES: usize = 50;
/// Stands where lines of a file are left out.
const ELISION: &str = "⋮\n";

/// Draws the best definitions that fit.
pub(super) fn render(index: &Index, ranked: &[(SymbolId, f64)], budget: usize) -> RepoMap {
    let mut chosen = Chosen { index, files: FxHashMap::default(), order: Vec::new(), tokens: 0, symbols: 0 };
    let (mut left_out, mut misses) = (0, 0);
    for (id, _) in ranked {
        if chosen.has(*id) {
            continue;
        }
        if misses < MAX_MISSES && chosen.add(*id, budget) {
            misses = 0;
        } else {
            misses += 1;
            left_out += 1;
        }
    }
    let text: String = chosen.order.iter().map(|it| chosen.file(*it)).collect();
    RepoMap { tokens: tokens(&text), text, files: chosen.order.len(), symbols: chosen.symbols, left_out }
}

struct Chosen<'i> {
    index: &'i Index,
    files: FxHashMap<FileId, BTreeSet<SymbolId>>,
    /// Files by their best definition.
    order: Vec<FileId>,
    /// At least as many as the text has.
    tokens: usize,
    symbols: usize,
}

impl Chosen<'_> {
    fn has(&self, id: SymbolId) -> bool {
        let file = self.index.symbol(id).map(|it| it.file);
        file.and_then(|it| self.files.get(&it)).is_some_and(|it| it.contains(&id))
    }

    /// Adds a definition with what it stands in, if there is room.
    fn add(&mut self, id: SymbolId, budget: usize) -> bool {
        let Some(file) = self.index.symbol(id).map(|it| it.file) else { return false };
        let mut new = Vec::new();
        let mut next = Some(id);
        while let Some(it) = next.filter(|it| !self.has(*it)) {
            new.push(it);
            next = self.index.symbol(it).and_then(|it| it.parent);
        }
        let is_new_file = !self.files.contains_key(&file);
        let head = if is_new_file { tokens(&self.head(file)) + 1 } else { 0 };
        // Before each line, and behind the last of a file, something may be left out.
        let lines: usize = new.iter().map(|it| tokens(&self.line(*it)) + tokens(ELISION) + 1).sum();
        if self.tokens + head + lines > budget {
            return false;
        }
        self.tokens += head + lines;
        self.symbols += new.len();
        if is_new_file {
            self.order.push(file);
        }
        self.files.entry(file).or_default().extend(new);
        true
    }

    fn head(&self, file: FileId) -> String {
        self.index.file(file).map(|it| format!("{}:\n", it.path)).unwrap_or_default()
    }

    fn line(&self, id: SymbolId) -> String {
        let Some(symbol) = self.index.symbol(id) else { return String::new() };
        let mut depth = 0;
        let mut around = symbol.parent;
        while let Some(it) = around {
            depth += 1;
            around = self.index.symbol(it).and_then(|it| it.parent);
        }
        let head = if symbol.signature.is_empty() { &symbol.name } else { &symbol.signature };
        let cut: String = head.chars().take(MAX_SIGNATURE).collect();
        let mark = if cut.len() < head.len() { "…" } else { "" };
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(line, "│{:indent$}{cut}{mark}", "", indent = depth * 4);
        line
    }

    /// The text of one file: `⋮` wherever the next line shown is not the next line of the file.
    fn file(&self, file: FileId) -> String {
        let mut text = self.head(file);
        let mut due = 1;
        for id in self.files.get(&file).into_iter().flatten() {
            let Some(symbol) = self.index.symbol(*id) else { continue };
            if symbol.lines.start > due {
                text.push_str(ELISION);
            }
            text.push_str(&self.line(*id));
            due = symbol.lines.start + 1;
        }
        if self.index.file(file).is_some_and(|it| it.lines >= due) {
            text.push_str(ELISION);
        }
        text
    }
}
