//! How the things of a snapshot are numbered as nodes: the repository first, then directories, files and symbols.

use crate::graph::{Node, NodeId};
use crate::symbol::{FileId, SymbolId};
use crate::view::Inventory;

/// How many nodes of each kind there are, and so which number stands for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nodes {
    directories: u32,
    files: u32,
    symbols: u32,
}

impl Nodes {
    pub(crate) fn of(inventory: &Inventory) -> Nodes {
        Nodes {
            directories: inventory.directories.len() as u32,
            files: inventory.files.len() as u32,
            symbols: inventory.symbols.len() as u32,
        }
    }

    /// Returns the number of nodes.
    pub(crate) fn count(self) -> usize {
        1 + self.directories as usize + self.files as usize + self.symbols as usize
    }

    /// Returns the node of the repository as a whole.
    pub(crate) fn repository(self) -> NodeId {
        NodeId(0)
    }

    /// Returns the node of a directory by its place in the inventory's list.
    pub(crate) fn directory(self, directory: usize) -> NodeId {
        NodeId(1 + directory as u32)
    }

    pub(crate) fn file(self, file: FileId) -> NodeId {
        NodeId(1 + self.directories + file.0)
    }

    pub(crate) fn symbol(self, symbol: SymbolId) -> NodeId {
        NodeId(1 + self.directories + self.files + symbol.0)
    }

    /// Returns what a number stands for; `None` when it is no node's.
    pub(crate) fn node(self, id: NodeId) -> Option<Node> {
        let Some(at) = id.0.checked_sub(1) else { return Some(Node::Repository) };
        let Some(file) = at.checked_sub(self.directories) else { return Some(Node::Directory(at)) };
        let Some(symbol) = file.checked_sub(self.files) else { return Some(Node::File(FileId(file))) };
        (symbol < self.symbols).then_some(Node::Symbol(SymbolId(symbol)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_for_one_thing() {
        let nodes = Nodes { directories: 2, files: 1, symbols: 2 };
        let all: Vec<Option<Node>> = (0..7).map(|it| nodes.node(NodeId(it))).collect();
        let expected = [
            Some(Node::Repository),
            Some(Node::Directory(0)),
            Some(Node::Directory(1)),
            Some(Node::File(FileId(0))),
            Some(Node::Symbol(SymbolId(0))),
            Some(Node::Symbol(SymbolId(1))),
            None,
        ];
        assert_eq!(all, expected);
        assert_eq!(nodes.node(NodeId(u32::MAX)), None);
        assert_eq!(nodes.count(), 6);
        assert_eq!(nodes.node(nodes.symbol(SymbolId(1))), Some(Node::Symbol(SymbolId(1))));
        assert_eq!(nodes.node(nodes.file(FileId(0))), Some(Node::File(FileId(0))));
        assert_eq!(nodes.node(nodes.directory(1)), Some(Node::Directory(1)));
        assert_eq!(nodes.node(nodes.repository()), Some(Node::Repository));
    }
}
