//! What queries read of nodes and relationships, and how nodes are found by it.

use std::borrow::Cow;

use repo::RepoPath;
use rustc_hash::FxHashMap;

use super::names::{NodeProperty, RelationshipProperty};
use super::value::{Relationship, Value};
use crate::graph::{CodeGraph, Node, NodeId, NodeKind};
use crate::index::IndexedFile;
use crate::symbol::{FileId, Symbol};

impl CodeGraph {
    /// Returns a property of a node; null where it has none.
    pub(super) fn property(&self, id: NodeId, property: NodeProperty) -> Value<'_> {
        match property {
            NodeProperty::Label => return Value::Text(Cow::Owned(self.label(id))),
            NodeProperty::Kind => return self.kind(id).map_or(Value::Null, |it| Value::text(it.as_str())),
            NodeProperty::Path => return self.path(id).map_or(Value::Null, |it| Value::Text(it.to_str_lossy())),
            _ => {}
        }
        match self.node(id) {
            Some(Node::Symbol(_)) => self.symbol(id).map_or(Value::Null, |it| self.of_symbol(it, property)),
            Some(Node::File(file)) => self.file(file).map_or(Value::Null, |it| of_file(it, property)),
            Some(Node::Directory(_)) if property == NodeProperty::Name => {
                self.path(id).map_or(Value::Null, |it| Value::Text(String::from_utf8_lossy(it.file_name())))
            }
            Some(Node::Directory(_) | Node::Repository) | None => Value::Null,
        }
    }

    fn of_symbol<'g>(&'g self, symbol: &'g Symbol, property: NodeProperty) -> Value<'g> {
        match property {
            NodeProperty::Name => Value::text(symbol.name()),
            NodeProperty::Qualified => Value::text(&symbol.qualified),
            NodeProperty::Form => Value::text(symbol.form.as_str()),
            NodeProperty::Namespace => self.namespace(symbol).map_or(Value::Null, Value::text),
            NodeProperty::Signature => Value::text(&symbol.signature),
            NodeProperty::Doc => symbol.doc.as_deref().map_or(Value::Null, Value::text),
            NodeProperty::Line => Value::Integer(symbol.lines().start.into()),
            NodeProperty::EndLine => Value::Integer(symbol.lines().end.into()),
            NodeProperty::Lines => Value::Integer(symbol.lines().count().into()),
            NodeProperty::Language => self.file(symbol.file).map_or(Value::Null, |it| of_file(it, property)),
            NodeProperty::IsTest => Value::Boolean(symbol.is_test),
            NodeProperty::Path | NodeProperty::Label | NodeProperty::Kind => Value::Null,
        }
    }

    /// Returns the namespace of the outermost definition around a symbol.
    fn namespace<'g>(&'g self, symbol: &'g Symbol) -> Option<&'g str> {
        let mut outermost = symbol;
        // A parent comes before what is in it, so this ends.
        while let Some(parent) = outermost.parent.and_then(|it| self.inventory.symbols.get(it.0 as usize)) {
            outermost = parent;
        }
        outermost.namespace.as_deref()
    }

    fn file(&self, file: FileId) -> Option<&IndexedFile> {
        self.inventory.files.get(file.0 as usize)
    }

    /// Returns the nodes with this value, and perhaps some more, where the graph can tell without looking at all.
    ///
    /// A value that may stand for bytes that are no UTF-8 is looked for everywhere.
    pub(super) fn with_property(&self, property: NodeProperty, value: &str) -> Vec<NodeId> {
        let exact = !value.contains('\u{FFFD}');
        match property {
            NodeProperty::Name if exact => {
                let named = self.inventory.named(value).iter().map(|it| self.node_of_symbol(*it));
                self.with_file_name(value).chain(named).collect()
            }
            NodeProperty::Qualified => {
                // The name is what stands behind one of the dots; it may hold dots itself.
                let names = std::iter::once(value).chain(value.match_indices('.').map(|(at, _)| &value[at + 1..]));
                let named = names.flat_map(|it| self.inventory.named(it)).map(|it| self.node_of_symbol(*it));
                named.filter(|it| self.symbol(*it).is_some_and(|it| it.qualified == value)).collect()
            }
            NodeProperty::Path if exact => self.at_path(value).collect(),
            NodeProperty::Label if exact => {
                let root = (value == "/").then(|| self.root());
                let place = RepoPath::new(value).ok().and_then(|it| self.find(&it));
                // A path may hold `::` itself.
                let splits = value.match_indices("::").map(|(at, _)| (&value[..at], &value[at + 2..]));
                let symbols = splits.flat_map(|(path, name)| self.in_file(path, name));
                root.into_iter().chain(place).chain(symbols).collect()
            }
            _ => self.all().collect(),
        }
    }

    /// Returns all nodes.
    fn all(&self) -> impl Iterator<Item = NodeId> {
        (0..self.node_count() as u32).map(NodeId)
    }

    fn with_file_name(&self, name: &str) -> impl Iterator<Item = NodeId> {
        let by_file_name = self.by_file_name.get_or_init(|| {
            let mut all: FxHashMap<Box<[u8]>, Vec<NodeId>> = FxHashMap::default();
            for id in self.of_kind(NodeKind::Directory).iter().chain(self.of_kind(NodeKind::File)) {
                let name = self.path(*id).map(|it| it.file_name().into()).unwrap_or_default();
                all.entry(name).or_default().push(*id);
            }
            all
        });
        by_file_name.get(name.as_bytes()).into_iter().flatten().copied()
    }

    fn in_file(&self, path: &str, qualified: &str) -> impl Iterator<Item = NodeId> {
        let fits = move |it: &NodeId| self.symbol(*it).is_some_and(|it| it.qualified == qualified);
        self.at_path(path).filter(fits)
    }

    /// Returns the file or directory, and the symbols of the file.
    fn at_path(&self, path: &str) -> impl Iterator<Item = NodeId> {
        let path = RepoPath::new(path).ok();
        let place = path.as_ref().and_then(|it| self.find(it));
        let file = path.as_ref().and_then(|it| self.inventory.file(it));
        let symbols = file.map_or(0..0, |it| self.inventory.symbols_of(it));
        place.into_iter().chain(symbols.map(|it| self.node_of_symbol(crate::SymbolId(it as u32))))
    }
}

fn of_file(file: &IndexedFile, property: NodeProperty) -> Value<'_> {
    match property {
        NodeProperty::Name => Value::Text(String::from_utf8_lossy(file.path.file_name())),
        NodeProperty::Line => Value::Integer(1),
        NodeProperty::EndLine | NodeProperty::Lines => Value::Integer(file.lines.into()),
        NodeProperty::Language => Value::text(file.language.as_str()),
        NodeProperty::IsTest => Value::Boolean(file.is_test),
        NodeProperty::Qualified
        | NodeProperty::Path
        | NodeProperty::Label
        | NodeProperty::Kind
        | NodeProperty::Form
        | NodeProperty::Namespace
        | NodeProperty::Signature
        | NodeProperty::Doc => Value::Null,
    }
}

/// Returns a property of a relationship.
pub(super) fn of_relationship(it: &Relationship, property: RelationshipProperty) -> Value<'static> {
    match property {
        RelationshipProperty::Kind => Value::text(it.kind.as_str()),
        // In hundredths, as people write it; a float of four bytes would show as 0.8999999761581421.
        RelationshipProperty::Confidence => Value::Float((f64::from(it.confidence) * 100.0).round() / 100.0),
    }
}
