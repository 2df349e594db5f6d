//! The view of one snapshot: which files it has and what they define. The graph and the text index count by the numbers given here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use repo::{BlobId, RepoPath};
use rustc_hash::FxHashMap;

use crate::definitions::{Definitions, Origin};
use crate::facts::FileFacts;
use crate::graph::Outline;
use crate::index::{IndexedFile, SkipReason, Skipped};
use crate::symbol::{FileId, Placing, Symbol, SymbolId};
use crate::syntax::LanguageId;

/// What every view that has a content must know of it.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) lines: u32,
    pub(crate) error_nodes: u32,
    pub(crate) partly: Option<SkipReason>,
    pub(crate) outline: Outline,
}

impl Summary {
    /// Returns the summary of facts; its definitions are those of `origin` where they are stored or can be had again.
    pub(crate) fn of(facts: &FileFacts, origin: Option<Origin>) -> Summary {
        let FileFacts { symbols, lines, error_nodes, partly, .. } = facts;
        let definitions = Arc::new(match origin {
            Some(origin) => Definitions::recalled(symbols, origin),
            None => Definitions::known(symbols.clone()),
        });
        let outline = Outline::of(facts);
        Summary { definitions, lines: *lines, error_nodes: *error_nodes, partly: *partly, outline }
    }

    /// Returns why the file is indexed in part, if it is.
    fn gap(&self) -> Option<SkipReason> {
        self.partly.or((self.error_nodes > 0).then_some(SkipReason::PartlyRead))
    }
}

/// One file of a snapshot before it has a number.
#[derive(Clone, Debug)]
pub(crate) struct FoundFile {
    pub(crate) path: RepoPath,
    pub(crate) blob: BlobId,
    pub(crate) language: LanguageId,
    pub(crate) is_test: bool,
    pub(crate) summary: Arc<Summary>,
}

/// A file that is not in the index at all.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    pub(crate) path: RepoPath,
    pub(crate) blob: BlobId,
    pub(crate) reason: SkipReason,
}

/// The numbered directories, files and symbols of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Directories that hold a source file at any depth, in path order.
    pub(crate) directories: Vec<RepoPath>,
    /// Source files in path order.
    pub(crate) files: Vec<IndexedFile>,
    /// By file.
    pub(crate) summaries: Vec<Arc<Summary>>,
    /// Symbols by file, then in source order.
    pub(crate) symbols: Vec<Symbol>,
    /// What is in the snapshot but not in the index, or not wholly.
    pub(crate) skipped: Vec<Skipped>,
    /// Those of `skipped` that are no files of the index.
    pub(crate) left_out: Vec<LeftOut>,
    by_path: FxHashMap<RepoPath, FileId>,
    by_name: OnceLock<FxHashMap<String, Vec<SymbolId>>>,
}

impl Inventory {
    /// Numbers what was found; both lists are in path order.
    pub(crate) fn new(found: Vec<FoundFile>, left_out: Vec<LeftOut>) -> Inventory {
        Inventory::after(&Inventory::default(), found, left_out)
    }

    /// Numbers what was found, as [`Inventory::new`] does; what a near inventory has too is taken over from it.
    pub(crate) fn after(near: &Inventory, found: Vec<FoundFile>, left_out: Vec<LeftOut>) -> Inventory {
        let mut inventory = Inventory { left_out, ..Inventory::default() };
        inventory.files.reserve(found.len());
        inventory.summaries.reserve(found.len());
        inventory.symbols.reserve(found.iter().map(|it| it.summary.definitions.len()).sum());
        inventory.by_path.reserve(found.len());
        let mut next = 0;
        for file in found {
            while near.files.get(next).is_some_and(|it| it.path < file.path) {
                next += 1;
            }
            let is_same = |(known, summary): &(&IndexedFile, &Arc<Summary>)| {
                Arc::ptr_eq(summary, &file.summary) && known.is_test == file.is_test && known.path == file.path
            };
            let known =
                near.files.get(next).zip(near.summaries.get(next)).filter(is_same).map(|it| it.0.symbols.clone());
            inventory.push(
                file,
                known.and_then(|it| Some((it.start, near.symbols.get(it.start as usize..it.end as usize)?))),
            );
        }
        let left_out = inventory.left_out.iter().map(|it| Skipped { path: it.path.clone(), reason: it.reason });
        inventory.skipped.extend(left_out);
        inventory.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        let are_same = near.files.len() == inventory.files.len()
            && near.files.iter().zip(&inventory.files).all(|it| it.0.path == it.1.path);
        inventory.directories = if are_same { near.directories.clone() } else { directories(&inventory.files) };
        inventory
    }

    /// Numbers a file; `known` are its symbols in a near inventory, with the number of the first there.
    fn push(&mut self, found: FoundFile, known: Option<(u32, &[Symbol])>) {
        let FoundFile { path, blob, language, is_test, summary } = found;
        let id = FileId(self.files.len() as u32);
        let first = self.symbols.len() as u32;
        let placing = Placing { path: &path, file: id, in_test_file: is_test };
        match known {
            Some((was, known)) => self.symbols.extend(known.iter().map(|it| it.moved(id, was, first))),
            None => self.symbols.extend(Symbol::place(&summary.definitions, first, &placing)),
        }
        let gap = summary.gap().map(|reason| Skipped { path: path.clone(), reason });
        self.skipped.extend(gap);
        self.by_path.insert(path.clone(), id);
        let symbols = first..self.symbols.len() as u32;
        let (lines, error_nodes) = (summary.lines, summary.error_nodes);
        self.files.push(IndexedFile { path, blob, language, is_test, lines, error_nodes, symbols });
        self.summaries.push(summary);
    }

    /// Returns a file as it was found.
    pub(crate) fn found(&self, file: FileId) -> Option<FoundFile> {
        let it = self.files.get(file.0 as usize)?;
        let summary = Arc::clone(self.summaries.get(file.0 as usize)?);
        let IndexedFile { path, blob, language, is_test, .. } = it;
        Some(FoundFile { path: path.clone(), blob: *blob, language: *language, is_test: *is_test, summary })
    }

    pub(crate) fn file(&self, path: &RepoPath) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    pub(crate) fn symbols_of(&self, file: FileId) -> Range<usize> {
        match self.files.get(file.0 as usize) {
            Some(file) => file.symbols.start as usize..file.symbols.end as usize,
            None => 0..0,
        }
    }

    pub(crate) fn named(&self, name: &str) -> &[SymbolId] {
        let by_name = self.by_name.get_or_init(|| {
            let mut all: FxHashMap<String, Vec<SymbolId>> = FxHashMap::default();
            for (at, symbol) in self.symbols.iter().enumerate() {
                all.entry(symbol.name().to_owned()).or_default().push(SymbolId(at as u32));
            }
            all
        });
        by_name.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn symbol(&self, path: &RepoPath, qualified: &str) -> Option<SymbolId> {
        let range = self.symbols_of(self.file(path)?);
        // Of several definitions of one name (an overload, a property's setter) the first stands for all.
        let at = self.symbols.get(range.clone())?.iter().position(|it| it.qualified == qualified)?;
        Some(SymbolId((range.start + at) as u32))
    }
}

/// Returns the directories that hold a file at any depth, in path order.
fn directories(files: &[IndexedFile]) -> Vec<RepoPath> {
    let mut directories = BTreeSet::new();
    for file in files {
        let mut next = file.path.parent();
        while let Some(directory) = next {
            next = directory.parent();
            if !directories.insert(directory) {
                break;
            }
        }
    }
    directories.into_iter().collect()
}
