//! The code graph: what contains, imports, calls, uses, inherits and tests what.
//!
//! Nodes are the repository, its directories, files and symbols; edges stand in flat arrays, both ways round, so that a walk touches little
//! memory and the whole graph is written and read as it is. Which definition a reference means is decided in `resolve`, with a
//! confidence: Python tells little about types, and a guess is better as a weak edge than as none or as a strong one.

mod config;
mod csr;
#[cfg(test)]
mod fixtures;
mod held;
mod lookup;
mod members;
mod names;
mod nodes;
mod outline;
pub mod query;
mod reach;
mod relink;
mod resolve;
mod units;
mod walk;

use std::sync::{Arc, OnceLock};

use repo::RepoPath;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::symbol::{FileId, Symbol, SymbolId, SymbolKind};
use crate::view::Inventory;

pub(crate) use config::Project;
pub(crate) use csr::Edges;
pub(crate) use lookup::FactsOf;
pub(crate) use nodes::Nodes;
pub(crate) use outline::Outline;
pub use reach::{Neighbourhood, Reach, Reached, Step};
pub(crate) use relink::{Linked, relink};
pub(crate) use resolve::{Sources, resolve};
pub use walk::Walk;

/// Number of a node: the repository is 0, then come directories, files and symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// The repository as a whole.
    Repository,
    /// A directory: its place in the graph's list of directories.
    Directory(u32),
    /// A source file.
    File(FileId),
    /// A symbol.
    Symbol(SymbolId),
}

/// The kind of a node, as shown to people and matched by queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// The repository as a whole.
    Repository,
    /// A directory.
    Directory,
    /// A source file.
    File,
    /// A class, or what a language has in its place (an interface, a trait, an enum).
    Class,
    /// A function.
    Function,
    /// A method.
    Method,
    /// A field of a class.
    Field,
    /// A variable or constant outside of any class.
    Global,
}

impl NodeKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [NodeKind; 8] = [
        NodeKind::Repository,
        NodeKind::Directory,
        NodeKind::File,
        NodeKind::Class,
        NodeKind::Function,
        NodeKind::Method,
        NodeKind::Field,
        NodeKind::Global,
    ];

    /// Returns the word shown to people, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeKind::Repository => "repository",
            NodeKind::Directory => "directory",
            NodeKind::File => "file",
            NodeKind::Class => "class",
            NodeKind::Function => "function",
            NodeKind::Method => "method",
            NodeKind::Field => "field",
            NodeKind::Global => "global",
        }
    }
}

impl From<SymbolKind> for NodeKind {
    fn from(kind: SymbolKind) -> NodeKind {
        match kind {
            SymbolKind::Class => NodeKind::Class,
            SymbolKind::Function => NodeKind::Function,
            SymbolKind::Method => NodeKind::Method,
            SymbolKind::Variable => NodeKind::Global,
            SymbolKind::Field => NodeKind::Field,
        }
    }
}

/// How two nodes are related; read "source … target".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// The repository contains a directory, a directory a file, a file a class, a class a method.
    Contains,
    /// A file imports a file or a symbol.
    Imports,
    /// A symbol (or the top of a file) calls a symbol.
    Calls,
    /// A symbol reads, writes or names another without calling it.
    Uses,
    /// A class inherits from a class.
    Inherits,
    /// A method overrides one of a base class.
    Overrides,
    /// A test exercises code that is no test.
    Tests,
}

impl EdgeKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [EdgeKind; 7] = [
        EdgeKind::Contains,
        EdgeKind::Imports,
        EdgeKind::Calls,
        EdgeKind::Uses,
        EdgeKind::Inherits,
        EdgeKind::Overrides,
        EdgeKind::Tests,
    ];

    fn of_number(number: u8) -> EdgeKind {
        EdgeKind::ALL[usize::from(number) % EdgeKind::ALL.len()]
    }

    /// Returns the word shown to people, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            EdgeKind::Contains => "contains",
            EdgeKind::Imports => "imports",
            EdgeKind::Calls => "calls",
            EdgeKind::Uses => "uses",
            EdgeKind::Inherits => "inherits",
            EdgeKind::Overrides => "overrides",
            EdgeKind::Tests => "tests",
        }
    }
}

/// A set of edge kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EdgeKinds(u8);

impl EdgeKinds {
    /// Every kind.
    pub const ALL: EdgeKinds = EdgeKinds::of(&EdgeKind::ALL);

    /// Returns the set of these kinds.
    pub const fn of(kinds: &[EdgeKind]) -> EdgeKinds {
        let mut set = 0;
        let mut at = 0;
        while at < kinds.len() {
            set |= 1 << kinds[at] as u8;
            at += 1;
        }
        EdgeKinds(set)
    }

    /// Returns whether `kind` is in the set.
    pub fn has(self, kind: EdgeKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// Returns the kinds of both sets.
    #[must_use]
    pub fn or(self, other: EdgeKinds) -> EdgeKinds {
        EdgeKinds(self.0 | other.0)
    }
}

/// Which way edges are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From source to target: what this calls, contains, inherits from.
    Out,
    /// From target to source: who calls, contains, inherits from this.
    In,
}

/// One edge, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The node at the other end.
    pub node: NodeId,
    /// The relation.
    pub kind: EdgeKind,
    /// How sure it is that this relation holds, in (0, 1].
    pub confidence: f32,
}

/// The graph of one snapshot.
#[derive(Debug)]
pub struct CodeGraph {
    inventory: Arc<Inventory>,
    edges: Edges,
    by_kind: OnceLock<[Vec<NodeId>; NodeKind::ALL.len()]>,
    /// Directories and files by the last part of their paths.
    by_file_name: OnceLock<FxHashMap<Box<[u8]>, Vec<NodeId>>>,
}

impl CodeGraph {
    pub(crate) fn new(inventory: Arc<Inventory>, edges: Edges) -> CodeGraph {
        CodeGraph { inventory, edges, by_kind: OnceLock::new(), by_file_name: OnceLock::new() }
    }

    /// Returns the nodes of a kind in the order of their numbers.
    pub fn of_kind(&self, kind: NodeKind) -> &[NodeId] {
        let by_kind = self.by_kind.get_or_init(|| {
            let mut all: [Vec<NodeId>; NodeKind::ALL.len()] = Default::default();
            for id in (0..self.node_count() as u32).map(NodeId) {
                if let Some(kind) = self.kind(id) {
                    all[kind as usize].push(id);
                }
            }
            all
        });
        &by_kind[kind as usize]
    }

    fn nodes(&self) -> Nodes {
        Nodes::of(&self.inventory)
    }

    pub(crate) fn edges(&self) -> &Edges {
        &self.edges
    }

    /// Returns the number of nodes; ids run from 0 to this.
    pub fn node_count(&self) -> usize {
        self.nodes().count()
    }

    /// Returns the number of edges.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Returns what a node stands for; `None` for a number that is no node's.
    pub fn node(&self, id: NodeId) -> Option<Node> {
        self.nodes().node(id)
    }

    /// Returns the kind of a node; `None` for a number that is no node's.
    pub fn kind(&self, id: NodeId) -> Option<NodeKind> {
        Some(match self.node(id)? {
            Node::Repository => NodeKind::Repository,
            Node::Directory(_) => NodeKind::Directory,
            Node::File(_) => NodeKind::File,
            Node::Symbol(symbol) => self.inventory.symbols[symbol.0 as usize].kind.into(),
        })
    }

    /// Returns the node of the repository as a whole.
    pub fn root(&self) -> NodeId {
        self.nodes().repository()
    }

    /// Returns the node of a source file.
    pub fn node_of_file(&self, file: FileId) -> NodeId {
        self.nodes().file(file)
    }

    /// Returns the node of a symbol.
    pub fn node_of_symbol(&self, symbol: SymbolId) -> NodeId {
        self.nodes().symbol(symbol)
    }

    /// Returns the node of the file or directory at `path`.
    pub fn find(&self, path: &RepoPath) -> Option<NodeId> {
        if let Some(file) = self.inventory.file(path) {
            return Some(self.node_of_file(file));
        }
        self.inventory.directories.binary_search(path).ok().map(|it| self.nodes().directory(it))
    }

    /// Returns the node of the symbol with this qualified name in the file at `path`.
    pub fn find_symbol(&self, path: &RepoPath, qualified: &str) -> Option<NodeId> {
        self.inventory.symbol(path, qualified).map(|it| self.node_of_symbol(it))
    }

    /// Returns the symbol that a node stands for, if it stands for one.
    pub fn symbol(&self, id: NodeId) -> Option<&Symbol> {
        match self.node(id)? {
            Node::Symbol(symbol) => self.inventory.symbols.get(symbol.0 as usize),
            Node::Repository | Node::Directory(_) | Node::File(_) => None,
        }
    }

    /// Returns the path of the node: its own, or that of the file in which its symbol stands; the repository has none.
    pub fn path(&self, id: NodeId) -> Option<&RepoPath> {
        match self.node(id)? {
            Node::Repository => None,
            Node::Directory(it) => self.inventory.directories.get(it as usize),
            Node::File(it) => self.inventory.files.get(it.0 as usize).map(|it| &it.path),
            Node::Symbol(it) => self.inventory.symbols.get(it.0 as usize).map(|it| &it.path),
        }
    }

    /// Returns a node's name for people: the path, `path::Qualified.name`, or `/` for the repository.
    pub fn label(&self, id: NodeId) -> String {
        match (self.path(id), self.symbol(id)) {
            (Some(path), Some(symbol)) => format!("{path}::{}", symbol.qualified),
            (Some(path), None) => path.to_string(),
            (None, _) if id == self.root() => "/".to_owned(),
            (None, _) => String::new(),
        }
    }

    /// Returns the edges of the given kinds at a node.
    pub fn neighbours(&self, id: NodeId, kinds: EdgeKinds, direction: Direction) -> impl Iterator<Item = Edge> {
        self.edges.at(id, direction).filter(move |it| kinds.has(it.kind))
    }

    /// Returns, for each node, how often a walk that keeps returning to `seeds` is found there (personalised PageRank); sums to 1.
    ///
    /// Empty when no seed has a positive weight.
    pub fn pagerank(&self, seeds: &[(NodeId, f64)], walk: &Walk) -> Vec<f64> {
        walk::pagerank(&self.edges, seeds, walk)
    }
}

#[cfg(test)]
pub(crate) mod tests;
