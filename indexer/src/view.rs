//! The view of one snapshot: which files it has and what they define. The graph and the text index count by the numbers given here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use repo::RepoPath;
use rustc_hash::FxHashMap;

use crate::index::{IndexedFile, Skipped};
use crate::symbol::{Definition, FileId, Symbol, SymbolId};

/// The numbered directories, files and symbols of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Directories that hold a source file at any depth, in path order.
    pub(crate) directories: Vec<RepoPath>,
    /// Source files in path order.
    pub(crate) files: Vec<IndexedFile>,
    /// Symbols by file, then in source order.
    pub(crate) symbols: Vec<Symbol>,
    /// What is in the snapshot but not in the index.
    pub(crate) skipped: Vec<Skipped>,
    by_path: FxHashMap<RepoPath, FileId>,
    by_name: OnceLock<FxHashMap<String, Vec<SymbolId>>>,
}

impl Inventory {
    /// Takes files in path order and the symbols in file order.
    pub(crate) fn new(files: Vec<IndexedFile>, symbols: Vec<Symbol>, skipped: Vec<Skipped>) -> Inventory {
        let mut directories = BTreeSet::new();
        for file in &files {
            let mut next = file.path.parent();
            while let Some(directory) = next {
                next = directory.parent();
                if !directories.insert(directory) {
                    break;
                }
            }
        }
        let by_path = files.iter().enumerate().map(|(at, it)| (it.path.clone(), FileId(at as u32))).collect();
        Inventory {
            directories: directories.into_iter().collect(),
            files,
            symbols,
            skipped,
            by_path,
            by_name: OnceLock::new(),
        }
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
                all.entry(symbol.name.clone()).or_default().push(SymbolId(at as u32));
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

/// Gives a definition its place in the snapshot; `first` is the number of the file's first symbol.
pub(crate) fn place(it: Definition, file: FileId, first: u32, path: &RepoPath, in_test_file: bool) -> Symbol {
    Symbol {
        path: path.clone(),
        name: it.name,
        qualified: it.qualified,
        kind: it.kind,
        form: it.form,
        lines: it.lines,
        span: it.span,
        signature: it.signature,
        doc: it.doc,
        is_test: it.is_test || in_test_file,
        bases: it.bases,
        decorators: it.decorators,
        parent: it.parent.map(|it| SymbolId(first + it)),
        owner: it.owner,
        namespace: it.namespace,
        file,
    }
}
