//! The names of the graph as queries write them: labels, relationship types, properties, functions.

use super::error::{Cause, Kind};
use super::syntax::{Aggregate, Function};
use crate::graph::{EdgeKind, EdgeKinds, NodeKind};

/// A set of node kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeKinds(u8);

impl NodeKinds {
    pub(super) const ALL: NodeKinds = NodeKinds::of(&NodeKind::ALL);
    pub(super) const SYMBOLS: NodeKinds =
        NodeKinds::of(&[NodeKind::Class, NodeKind::Function, NodeKind::Method, NodeKind::Field, NodeKind::Global]);

    pub(super) const fn of(kinds: &[NodeKind]) -> NodeKinds {
        let mut set = 0;
        let mut at = 0;
        while at < kinds.len() {
            set |= 1 << kinds[at] as u8;
            at += 1;
        }
        NodeKinds(set)
    }

    pub(super) fn has(self, kind: NodeKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    pub(super) fn and(self, other: NodeKinds) -> NodeKinds {
        NodeKinds(self.0 & other.0)
    }

    pub(super) fn or(self, other: NodeKinds) -> NodeKinds {
        NodeKinds(self.0 | other.0)
    }
}

const LABELS: [(&str, NodeKinds); 9] = [
    ("Repository", NodeKinds::of(&[NodeKind::Repository])),
    ("Directory", NodeKinds::of(&[NodeKind::Directory])),
    ("File", NodeKinds::of(&[NodeKind::File])),
    ("Class", NodeKinds::of(&[NodeKind::Class])),
    ("Function", NodeKinds::of(&[NodeKind::Function])),
    ("Method", NodeKinds::of(&[NodeKind::Method])),
    ("Field", NodeKinds::of(&[NodeKind::Field])),
    ("Global", NodeKinds::of(&[NodeKind::Global])),
    ("Symbol", NodeKinds::SYMBOLS),
];

/// Returns the labels of a kind, the particular one first.
pub(super) fn labels_of(kind: NodeKind) -> impl Iterator<Item = &'static str> {
    LABELS.iter().filter(move |it| it.1.has(kind)).map(|it| it.0)
}

/// Returns the kinds that a label stands for; letters' case does not count.
pub(super) fn label(name: &str) -> Result<NodeKinds, Cause> {
    look_up(Kind::Label, name, &LABELS)
}

const TYPES: [(&str, EdgeKind); 7] = [
    ("CONTAINS", EdgeKind::Contains),
    ("IMPORTS", EdgeKind::Imports),
    ("CALLS", EdgeKind::Calls),
    ("USES", EdgeKind::Uses),
    ("INHERITS", EdgeKind::Inherits),
    ("OVERRIDES", EdgeKind::Overrides),
    ("TESTS", EdgeKind::Tests),
];

/// Returns the set of one relationship type.
pub(super) fn relationship_type(name: &str) -> Result<EdgeKinds, Cause> {
    look_up(Kind::Type, name, &TYPES).map(|it| EdgeKinds::of(&[it]))
}

/// Returns the relationship type as queries write it.
pub(super) fn type_of(kind: EdgeKind) -> &'static str {
    TYPES.iter().find(|it| it.1 == kind).map_or("", |it| it.0)
}

/// What can be asked of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeProperty {
    Name,
    Qualified,
    Path,
    Label,
    Kind,
    Form,
    Namespace,
    Signature,
    Doc,
    Line,
    EndLine,
    Lines,
    Language,
    IsTest,
}

const NODE_PROPERTIES: [(&str, NodeProperty); 14] = [
    ("name", NodeProperty::Name),
    ("qualified", NodeProperty::Qualified),
    ("path", NodeProperty::Path),
    ("label", NodeProperty::Label),
    ("kind", NodeProperty::Kind),
    ("form", NodeProperty::Form),
    ("namespace", NodeProperty::Namespace),
    ("signature", NodeProperty::Signature),
    ("doc", NodeProperty::Doc),
    ("line", NodeProperty::Line),
    ("end_line", NodeProperty::EndLine),
    ("lines", NodeProperty::Lines),
    ("language", NodeProperty::Language),
    ("is_test", NodeProperty::IsTest),
];

pub(super) fn node_property(name: &str) -> Result<NodeProperty, Cause> {
    look_up(Kind::Property, name, &NODE_PROPERTIES)
}

/// What can be asked of a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RelationshipProperty {
    Confidence,
    Kind,
}

const RELATIONSHIP_PROPERTIES: [(&str, RelationshipProperty); 2] =
    [("confidence", RelationshipProperty::Confidence), ("kind", RelationshipProperty::Kind)];

pub(super) fn relationship_property(name: &str) -> Result<RelationshipProperty, Cause> {
    look_up(Kind::Property, name, &RELATIONSHIP_PROPERTIES)
}

/// A function of one row, or one of many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callable {
    Row(Function),
    Rows(Aggregate),
}

const FUNCTIONS: [(&str, Callable); 13] = [
    ("count", Callable::Rows(Aggregate::Count)),
    ("collect", Callable::Rows(Aggregate::Collect)),
    ("min", Callable::Rows(Aggregate::Min)),
    ("max", Callable::Rows(Aggregate::Max)),
    ("id", Callable::Row(Function::Id)),
    ("labels", Callable::Row(Function::Labels)),
    ("type", Callable::Row(Function::Type)),
    ("size", Callable::Row(Function::Size)),
    ("toLower", Callable::Row(Function::ToLower)),
    ("toUpper", Callable::Row(Function::ToUpper)),
    ("coalesce", Callable::Row(Function::Coalesce)),
    ("startNode", Callable::Row(Function::StartNode)),
    ("endNode", Callable::Row(Function::EndNode)),
];

pub(super) fn function(name: &str) -> Result<(&'static str, Callable), Cause> {
    let callable = look_up(Kind::Function, name, &FUNCTIONS)?;
    let known = FUNCTIONS.iter().find(|it| it.1 == callable).map_or("", |it| it.0);
    Ok((known, callable))
}

fn look_up<T: Copy>(kind: Kind, name: &str, known: &[(&'static str, T)]) -> Result<T, Cause> {
    if let Some(found) = known.iter().find(|it| it.0.eq_ignore_ascii_case(name)) {
        return Ok(found.1);
    }
    let names: Vec<&str> = known.iter().map(|it| it.0).collect();
    let nearest = nearest(name, names.iter().copied()).map(str::to_owned);
    Err(Cause::Unknown { kind, name: name.to_owned(), nearest, allowed: names.join(", ") })
}

/// Returns the known name that needs the fewest changes to become `name`, if those are few.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    let most = name.chars().count().div_ceil(3).min(3);
    known.map(|it| (distance(&name, &it.to_lowercase()), it)).filter(|it| it.0 <= most).min().map(|it| it.1)
}

/// Returns how many letters have to be put in, left out or replaced (Levenshtein distance); names longer than 64 letters are far.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    if a.len() > 64 * 4 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_near_ones_proposed() {
        assert_eq!(label("CLASS").unwrap(), NodeKinds::of(&[NodeKind::Class]));
        let said = |it: Cause| it.to_string();
        assert_eq!(
            said(label("Functon").unwrap_err()),
            "unknown label `Functon`, did you mean `Function`?; known are Repository, Directory, File, Class, Function, Method, Field, Global, Symbol"
        );
        assert!(said(label("Module").unwrap_err()).starts_with("unknown label `Module`; known are"));
        assert!(said(relationship_type("CALL").unwrap_err()).contains("did you mean `CALLS`?"));
        assert!(said(node_property("nmae").unwrap_err()).contains("did you mean `name`?"));
        assert_eq!(function("TOLOWER").unwrap().0, "toLower");
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("né", "ne", 1)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
