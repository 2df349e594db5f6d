//! The index of one snapshot: the door to symbols, facts, graph and search.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use repo::{BlobId, RepoPath, Snapshot};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::build::{FactsCell, Linkable, load_facts};
use crate::cache::{Cache, FactStore};
use crate::error::IndexError;
use crate::facts::FileFacts;
use crate::graph::{CodeGraph, Edges, Project};
use crate::symbol::{FileId, LineRange, Symbol, SymbolId, SymbolKind};
use crate::syntax::LanguageId;
use crate::text::{Corpus, Query, Ranked, TextIndex};
use crate::view::Inventory;

/// The index of one snapshot, a view over facts that all snapshots share. Cheap to ask, free of locks.
pub struct Index {
    snapshot: Snapshot,
    inventory: Arc<Inventory>,
    /// Made when it is first asked for, where it is not stored.
    graph: OnceLock<Arc<CodeGraph>>,
    /// From what the graph can be made, where it is not.
    before: Option<Before>,
    text: TextIndex,
    facts: Arc<[FactsCell]>,
    cache: Cache,
    store: Arc<FactStore>,
    stats: IndexStats,
    edits: Option<Edits>,
    /// What the configuration says of names; read when it is first asked for.
    project: OnceLock<Arc<Project>>,
    /// Keeps the stored view, and with it what it names, from being collected.
    _in_use: Option<File>,
}

/// One source file of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    /// Where it is.
    pub path: RepoPath,
    /// What it holds.
    pub blob: BlobId,
    /// What it is written in.
    pub language: LanguageId,
    /// Whether its name or place says that it holds tests or their support.
    pub is_test: bool,
    /// How many lines it has.
    pub lines: u32,
    /// How many error nodes its syntax tree has; such a file is read in part.
    pub error_nodes: u32,
    /// The numbers of its symbols.
    pub symbols: std::ops::Range<u32>,
}

/// A file that is not in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: RepoPath,
    /// Why.
    pub reason: SkipReason,
}

/// Why a file is not in the index, or not wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// It is larger than a megabyte.
    TooLarge,
    /// It holds a NUL byte.
    Binary,
    /// Its lines are too long for people.
    Minified,
    /// It says that a program wrote it.
    Generated,
    /// It has syntax errors; what could be read is in the index.
    PartlyRead,
    /// It is written in UTF-16 or UTF-32.
    Encoding,
    /// It is no UTF-8; what is in ASCII is in the index.
    MixedEncoding,
    /// Its parse did not end in time.
    TooSlow,
}

/// What an index is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexProgress {
    /// The stage.
    pub stage: Stage,
    /// How many of the stage's files are done.
    pub done: usize,
    /// How many files the stage has.
    pub total: usize,
    /// The counts so far.
    pub stats: IndexStats,
}

/// The stages of opening an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Files are read and parsed.
    Parsing,
    /// References are resolved and the text index is written.
    Linking,
    /// All is done.
    Ready,
}

/// What opening an index took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IndexStats {
    /// Source files in the index.
    pub files: usize,
    /// Files parsed by this opening.
    pub parsed: usize,
    /// Files whose facts were known.
    pub reused: usize,
    /// Whether the whole view (graph and text index) was found ready.
    pub view_reused: bool,
    /// Symbols.
    pub symbols: usize,
    /// Edges of the code graph.
    pub edges: usize,
    /// Wall time of the opening.
    pub took: Duration,
}

/// One answer to a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The file.
    pub path: RepoPath,
    /// The qualified name of the symbol; `None` when the hit is the file as a whole.
    pub symbol: Option<String>,
    /// The kind of the symbol.
    pub kind: Option<SymbolKind>,
    /// The lines of the symbol or the file.
    pub lines: LineRange,
    /// The signature of the symbol.
    pub signature: Option<String>,
    /// How well it fits; comparable within one answer.
    pub score: f32,
}

/// The contents of edited files, which no store has.
pub(crate) type Edits = FxHashMap<BlobId, Arc<[u8]>>;

/// What is linked of an index.
#[derive(Clone)]
pub(crate) struct Before {
    inventory: Arc<Inventory>,
    facts: Arc<[FactsCell]>,
    graph: Arc<CodeGraph>,
    project: Arc<Project>,
}

/// What [`crate::build`] puts together.
pub(crate) struct Parts {
    pub(crate) snapshot: Snapshot,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) graph: OnceLock<Arc<CodeGraph>>,
    pub(crate) before: Option<Before>,
    pub(crate) text: TextIndex,
    /// By file.
    pub(crate) facts: Arc<[FactsCell]>,
    pub(crate) cache: Cache,
    pub(crate) store: Arc<FactStore>,
    /// The lock of the stored view, if there is one.
    pub(crate) in_use: Option<File>,
    pub(crate) edits: Option<Edits>,
    pub(crate) project: OnceLock<Arc<Project>>,
    pub(crate) stats: IndexStats,
}

impl Index {
    pub(crate) fn new(parts: Parts) -> Index {
        let Parts { snapshot, inventory, graph, text, facts, cache, store, in_use, stats, .. } = parts;
        let Parts { before, edits, project, .. } = parts;
        Index { snapshot, inventory, graph, before, text, facts, cache, store, stats, edits, project, _in_use: in_use }
    }

    /// Opens the index of `snapshot`, building what `cache` does not hold yet.
    ///
    /// Facts are reused by blob id, the view by tree id. A damaged or outdated cache is rebuilt. Several processes may share a cache.
    ///
    /// # Errors
    /// When the repository cannot be read, or the cache cannot be written.
    pub fn open(cache: &Path, snapshot: &Snapshot, progress: &dyn Fn(IndexProgress)) -> Result<Index, IndexError> {
        crate::build::open(cache, snapshot, progress)
    }

    /// Returns the index of another snapshot of the same repository, and stores it.
    ///
    /// Only files that this index does not have are read, so the nearer the two are the less it takes. The result equals what
    /// [`Index::open`] gives.
    ///
    /// # Errors
    /// When the repository cannot be read, or the cache cannot be written.
    pub fn next(&self, snapshot: &Snapshot, progress: &dyn Fn(IndexProgress)) -> Result<Index, IndexError> {
        crate::build::next(self, snapshot, progress)
    }

    /// Returns the index of the snapshot with these files' contents in place of its own, `None` for a file that is gone.
    ///
    /// Nothing is written anywhere. Searches, symbols, facts, the graph and [`Index::content`] are those of the edited files;
    /// [`Index::snapshot`] stays the one that was edited.
    ///
    /// # Errors
    /// When the text index cannot be read.
    pub fn with_edits(&self, edits: &[(&RepoPath, Option<&[u8]>)]) -> Result<Index, IndexError> {
        crate::build::with_edits(self, edits)
    }

    pub(crate) fn is_overlay(&self) -> bool {
        self.edits.is_some()
    }

    pub(crate) fn edits(&self) -> Option<&Edits> {
        self.edits.as_ref()
    }

    /// Returns the text of a source file as it is in the index: the edited one where the file was edited.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn content(&self, file: &IndexedFile) -> Result<Arc<[u8]>, IndexError> {
        match self.edits.as_ref().and_then(|it| it.get(&file.blob)) {
            Some(edited) => Ok(Arc::clone(edited)),
            None => Ok(self.snapshot.read_blob(file.blob)?.into()),
        }
    }

    /// Returns what a free query finds, best first: symbols and files.
    ///
    /// # Errors
    /// When the text index cannot be read.
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<Hit>, IndexError> {
        crate::text::search(self, query, limit)
    }

    /// Returns the source files that fit a weighted query over chosen fields, best first.
    ///
    /// # Errors
    /// When the text index cannot be read.
    pub fn rank_files(&self, query: &Query, limit: usize) -> Result<Vec<Ranked<FileId>>, IndexError> {
        self.text.rank(Corpus::Files, query, limit, FileId)
    }

    /// Returns the symbols that fit a weighted query over chosen fields, best first.
    ///
    /// # Errors
    /// When the text index cannot be read.
    pub fn rank_symbols(&self, query: &Query, limit: usize) -> Result<Vec<Ranked<SymbolId>>, IndexError> {
        self.text.rank(Corpus::Symbols, query, limit, SymbolId)
    }

    /// Returns the text index, for term statistics.
    pub fn text(&self) -> &TextIndex {
        &self.text
    }

    /// Returns the source files in path order; a [`FileId`] is a place in this list.
    pub fn files(&self) -> &[IndexedFile] {
        &self.inventory.files
    }

    /// Returns a file by number.
    pub fn file(&self, id: FileId) -> Option<&IndexedFile> {
        self.inventory.files.get(id.0 as usize)
    }

    /// Returns the number of the source file at `path`.
    pub fn file_id(&self, path: &RepoPath) -> Option<FileId> {
        self.inventory.file(path)
    }

    /// Returns all symbols, by file and then in source order; a [`SymbolId`] is a place in this list.
    pub fn symbols(&self) -> &[Symbol] {
        &self.inventory.symbols
    }

    /// Returns a symbol by number.
    pub fn symbol(&self, id: SymbolId) -> Option<&Symbol> {
        self.inventory.symbols.get(id.0 as usize)
    }

    /// Returns the symbol of this qualified name in the file at `path`.
    pub fn find_symbol(&self, path: &RepoPath, qualified: &str) -> Option<SymbolId> {
        self.inventory.symbol(path, qualified)
    }

    /// Returns the symbols of this short name, in the order of their numbers.
    pub fn symbols_named(&self, name: &str) -> &[SymbolId] {
        self.inventory.named(name)
    }

    /// Returns the symbols of the file at `path` in source order.
    pub fn symbols_in(&self, path: &RepoPath) -> &[Symbol] {
        self.inventory
            .file(path)
            .and_then(|it| self.inventory.symbols.get(self.inventory.symbols_of(it)))
            .unwrap_or(&[])
    }

    /// Returns the innermost function or class (else global) around a line of the file at `path`.
    pub fn symbol_at(&self, path: &RepoPath, line: u32) -> Option<SymbolId> {
        let file = self.inventory.file(path)?;
        let range = self.inventory.symbols_of(file);
        let holding = range.filter(|it| self.inventory.symbols[*it].lines().contains(line));
        let best = holding.min_by_key(|it| {
            let symbol = &self.inventory.symbols[*it];
            let body = symbol.kind.is_callable() || symbol.kind == SymbolKind::Class;
            (!body, symbol.lines().count())
        })?;
        Some(SymbolId(best as u32))
    }

    /// Returns the facts of the source file at `path`.
    pub fn facts(&self, path: &RepoPath) -> Option<&FileFacts> {
        self.facts_of(self.inventory.file(path)?)
    }

    /// Returns the facts of a source file.
    pub fn facts_of(&self, file: FileId) -> Option<&FileFacts> {
        // What links depend on has the same facts, but asks for the configuration first.
        let cell = self.facts.get(file.0 as usize)?;
        let IndexedFile { language, blob, .. } = self.file(file)?;
        cell.get_or_init(|| load_facts(&self.store, &self.snapshot, *language, *blob)).as_deref()
    }

    /// Returns what links depend on. Facts are left on disk until someone asks: most questions need the view only.
    pub(crate) fn linkable(&self) -> Linkable<'_> {
        let Index { snapshot, inventory, facts, store, .. } = self;
        Linkable { store, snapshot, inventory, facts, project: self.project() }
    }

    fn linkable_before<'a>(&'a self, before: &'a Before) -> Linkable<'a> {
        let Index { snapshot, store, .. } = self;
        let Before { inventory, facts, project, .. } = before;
        Linkable { store, snapshot, inventory, facts, project }
    }

    /// Returns the edges, unless they were never made.
    pub(crate) fn known_edges(&self) -> Option<&Edges> {
        self.graph.get().map(|it| it.edges())
    }

    /// Returns what the graph of a near index can be made from.
    pub(crate) fn before(&self) -> Option<Before> {
        let Some(graph) = self.graph.get() else { return self.before.clone() };
        let (inventory, facts) = (Arc::clone(&self.inventory), Arc::clone(&self.facts));
        Some(Before { inventory, facts, graph: Arc::clone(graph), project: Arc::clone(self.project()) })
    }

    pub(crate) fn project(&self) -> &Arc<Project> {
        self.project.get_or_init(|| Arc::new(crate::build::project_of(&self.snapshot)))
    }

    pub(crate) fn facts_cell(&self, file: FileId) -> Option<&FactsCell> {
        self.facts.get(file.0 as usize)
    }

    pub(crate) fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(crate) fn store(&self) -> &Arc<FactStore> {
        &self.store
    }

    /// Returns the code graph.
    pub fn graph(&self) -> &CodeGraph {
        self.graph.get_or_init(|| {
            let before = self.before.as_ref().map(|it| (self.linkable_before(it), it.graph.edges()));
            let edges = self.linkable().link(before.as_ref().map(|it| (&it.0, it.1)));
            Arc::new(CodeGraph::new(Arc::clone(&self.inventory), edges))
        })
    }

    /// Returns the snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the files that are not in the index, or only in part, in path order.
    pub fn skipped(&self) -> &[Skipped] {
        &self.inventory.skipped
    }

    /// Returns what opening took.
    pub fn stats(&self) -> IndexStats {
        self.stats
    }
}
