//! The code graph: what contains, imports, calls, uses, inherits and tests what.
//!
//! Nodes are the directories, files and symbols of a snapshot; edges stand in flat arrays, both ways round, so that a walk touches little
//! memory and the whole graph is written and read as it is. Which definition a reference means is decided in `resolve`, with a
//! confidence: Python tells little about types, and a guess is better as a weak edge than as none or as a strong one.

mod csr;
mod lookup;
mod modules;
mod resolve;
mod walk;

use std::sync::Arc;

use repo::RepoPath;
use serde::{Deserialize, Serialize};

use crate::symbol::{FileId, Symbol, SymbolId, SymbolKind};
use crate::view::Inventory;

pub(crate) use csr::Edges;
pub(crate) use resolve::resolve;
pub use walk::Walk;

/// Number of a node: directories first, then files, then symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A directory: its place in the graph's list of directories.
    Directory(u32),
    /// A source file.
    File(FileId),
    /// A symbol.
    Symbol(SymbolId),
}

/// The kind of a node, as shown to people and matched by queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A directory.
    Directory,
    /// A source file.
    File,
    /// A class.
    Class,
    /// A function.
    Function,
    /// A method.
    Method,
    /// A global.
    Variable,
    /// A field of a class.
    Field,
}

/// How two nodes are related; read "source … target".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A directory contains a file, a file a class, a class a method.
    Contains,
    /// A file imports a file or a symbol.
    Imports,
    /// A symbol (or the top of a file) calls a symbol.
    Calls,
    /// A symbol reads, writes or names another without calling it.
    Uses,
    /// A class inherits from a class, a method overrides a method.
    Inherits,
    /// A test exercises code that is no test.
    Tests,
}

impl EdgeKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [EdgeKind; 6] =
        [EdgeKind::Contains, EdgeKind::Imports, EdgeKind::Calls, EdgeKind::Uses, EdgeKind::Inherits, EdgeKind::Tests];

    fn of_number(number: u8) -> EdgeKind {
        EdgeKind::ALL[usize::from(number) % EdgeKind::ALL.len()]
    }
}

/// A set of edge kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EdgeKinds(u8);

impl EdgeKinds {
    /// Every kind.
    pub const ALL: EdgeKinds = EdgeKinds(0b11_1111);

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
}

impl CodeGraph {
    pub(crate) fn new(inventory: Arc<Inventory>, edges: Edges) -> CodeGraph {
        CodeGraph { inventory, edges }
    }

    /// Returns the number of nodes; ids run from 0 to this.
    pub fn node_count(&self) -> usize {
        self.inventory.directories.len() + self.inventory.files.len() + self.inventory.symbols.len()
    }

    /// Returns the number of edges.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Returns what a node stands for; `None` for a number that is no node's.
    pub fn node(&self, id: NodeId) -> Option<Node> {
        let directories = self.inventory.directories.len() as u32;
        let files = self.inventory.files.len() as u32;
        match id.0 {
            it if it < directories => Some(Node::Directory(it)),
            it if it < directories + files => Some(Node::File(FileId(it - directories))),
            it if (it as usize) < self.node_count() => Some(Node::Symbol(SymbolId(it - directories - files))),
            _ => None,
        }
    }

    /// Returns the kind of a node; `None` for a number that is no node's.
    pub fn kind(&self, id: NodeId) -> Option<NodeKind> {
        Some(match self.node(id)? {
            Node::Directory(_) => NodeKind::Directory,
            Node::File(_) => NodeKind::File,
            Node::Symbol(symbol) => match self.inventory.symbols[symbol.0 as usize].kind {
                SymbolKind::Class => NodeKind::Class,
                SymbolKind::Function => NodeKind::Function,
                SymbolKind::Method => NodeKind::Method,
                SymbolKind::Variable => NodeKind::Variable,
                SymbolKind::Field => NodeKind::Field,
            },
        })
    }

    /// Returns the node of a source file.
    pub fn node_of_file(&self, file: FileId) -> NodeId {
        NodeId(self.inventory.directories.len() as u32 + file.0)
    }

    /// Returns the node of a symbol.
    pub fn node_of_symbol(&self, symbol: SymbolId) -> NodeId {
        NodeId((self.inventory.directories.len() + self.inventory.files.len()) as u32 + symbol.0)
    }

    /// Returns the node of the file or directory at `path`.
    pub fn find(&self, path: &RepoPath) -> Option<NodeId> {
        if let Some(file) = self.inventory.file(path) {
            return Some(self.node_of_file(file));
        }
        self.inventory.directories.binary_search(path).ok().map(|it| NodeId(it as u32))
    }

    /// Returns the node of the symbol with this qualified name in the file at `path`.
    pub fn find_symbol(&self, path: &RepoPath, qualified: &str) -> Option<NodeId> {
        self.inventory.symbol(path, qualified).map(|it| self.node_of_symbol(it))
    }

    /// Returns the symbol that a node stands for, if it stands for one.
    pub fn symbol(&self, id: NodeId) -> Option<&Symbol> {
        match self.node(id)? {
            Node::Symbol(symbol) => self.inventory.symbols.get(symbol.0 as usize),
            Node::Directory(_) | Node::File(_) => None,
        }
    }

    /// Returns the path of the node: its own, or that of the file in which its symbol stands.
    pub fn path(&self, id: NodeId) -> Option<&RepoPath> {
        match self.node(id)? {
            Node::Directory(it) => self.inventory.directories.get(it as usize),
            Node::File(it) => self.inventory.files.get(it.0 as usize).map(|it| &it.path),
            Node::Symbol(it) => self.inventory.symbols.get(it.0 as usize).map(|it| &it.path),
        }
    }

    /// Returns a node's name for people: the path, or `path::Qualified.name`.
    pub fn label(&self, id: NodeId) -> String {
        match (self.path(id), self.symbol(id)) {
            (Some(path), Some(symbol)) => format!("{path}::{}", symbol.qualified),
            (Some(path), None) => path.to_string(),
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
mod tests;
