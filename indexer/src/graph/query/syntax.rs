//! A query as it is understood: names are bound to slots, parameters to their values, labels and types to kinds.

use std::ops::Range;

use regex::Regex;

use super::names::{NodeKinds, NodeProperty, RelationshipProperty};
use super::value::Value;
use crate::graph::EdgeKinds;

/// The number of a variable; rows have one cell a slot.
pub(super) type Slot = usize;

#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) clauses: Vec<Clause>,
    pub(super) projection: Projection,
    /// How many slots a row has, those of patterns without names included.
    pub(super) slots: usize,
    /// How many `EXISTS` there are.
    pub(super) exists: usize,
}

/// `MATCH` or `OPTIONAL MATCH` with its `WHERE`; also the inside of `EXISTS { … }`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause {
    pub(super) optional: bool,
    pub(super) patterns: Patterns,
    /// Holds if all hold.
    pub(super) conditions: Vec<Expression>,
}

/// Nodes and the relationships between them, in the order of the text. What a node has to be stands among the conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patterns {
    pub(super) nodes: Vec<Slot>,
    pub(super) relationships: Vec<RelationshipPattern>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RelationshipPattern {
    pub(super) slot: Slot,
    pub(super) from: Slot,
    pub(super) to: Slot,
    pub(super) kinds: EdgeKinds,
    pub(super) orientation: Orientation,
    pub(super) length: Length,
    /// What each relationship of a path has to be; of a single one that stands among the conditions.
    pub(super) each: Vec<(RelationshipProperty, Value<'static>)>,
}

/// Which way the arrow points, seen from the node on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    Right,
    Left,
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    One,
    /// A path; its variable is the list of its relationships.
    Path {
        least: u32,
        most: u32,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Constant(Value<'static>),
    Variable(Slot),
    Node(Slot, NodeProperty),
    Relationship(Slot, RelationshipProperty),
    /// `n:Class`.
    HasKind(Slot, NodeKinds),
    List(Vec<Expression>),
    /// `a < b <= c`: holds if each neighbouring pair does.
    Compare(Box<Expression>, Vec<(Comparison, Expression)>),
    Text(TextTest, Box<Expression>, Box<Expression>),
    Matches(Box<Expression>, Regex),
    In(Box<Expression>, Box<Expression>),
    /// `IS NULL`; with `false`, `IS NOT NULL`.
    IsNull(Box<Expression>, bool),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Xor(Vec<Expression>),
    Call(Function, Vec<Expression>),
    Exists(Box<Exists>),
}

/// Whether a clause has a match.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exists {
    pub(super) clause: Clause,
    /// Its place among all of the query.
    pub(super) number: usize,
    /// The slots that only it uses.
    pub(super) own: Range<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Id,
    Labels,
    Type,
    Size,
    ToLower,
    ToUpper,
    Coalesce,
    StartNode,
    EndNode,
}

#[derive(Clone, Debug)]
pub(super) struct Projection {
    pub(super) columns: Vec<Column>,
    pub(super) distinct: bool,
    pub(super) order: Vec<Order>,
    pub(super) skip: usize,
    pub(super) limit: Option<usize>,
}

impl Projection {
    pub(super) fn aggregates(&self) -> bool {
        self.columns.iter().any(|it| matches!(it.what, Item::Aggregate { .. }))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) what: Item,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Plain(Expression),
    Aggregate {
        how: Aggregate,
        distinct: bool,
        /// `None` in `count(*)`.
        of: Option<Expression>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Collect,
    Min,
    Max,
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) by: OrderBy,
    pub(super) descending: bool,
}

#[derive(Clone, Debug)]
pub(super) enum OrderBy {
    Column(usize),
    Hidden(Expression),
}

impl PartialEq for Expression {
    /// Whether both are written alike; regular expressions compare by their text.
    fn eq(&self, other: &Expression) -> bool {
        use Expression::*;
        match (self, other) {
            (Constant(a), Constant(b)) => a == b,
            (Variable(a), Variable(b)) => a == b,
            (Node(a, x), Node(b, y)) => (a, x) == (b, y),
            (Relationship(a, x), Relationship(b, y)) => (a, x) == (b, y),
            (HasKind(a, x), HasKind(b, y)) => (a, x) == (b, y),
            (List(a), List(b)) | (And(a), And(b)) | (Or(a), Or(b)) | (Xor(a), Xor(b)) => a == b,
            (Compare(a, x), Compare(b, y)) => a == b && x == y,
            (Text(a, x, y), Text(b, v, w)) => a == b && x == v && y == w,
            (Matches(a, x), Matches(b, y)) => a == b && x.as_str() == y.as_str(),
            (In(a, x), In(b, y)) => a == b && x == y,
            (IsNull(a, x), IsNull(b, y)) => a == b && x == y,
            (Not(a), Not(b)) => a == b,
            (Call(a, x), Call(b, y)) => a == b && x == y,
            (Exists(a), Exists(b)) => a == b,
            _ => false,
        }
    }
}

impl Expression {
    /// Adds the slots that the expression reads, but for those that an `EXISTS` in it binds for itself.
    pub(super) fn reads(&self, slots: &mut Vec<Slot>) {
        match self {
            Expression::Constant(_) => {}
            Expression::Variable(it)
            | Expression::Node(it, _)
            | Expression::Relationship(it, _)
            | Expression::HasKind(it, _) => slots.push(*it),
            Expression::List(all)
            | Expression::And(all)
            | Expression::Or(all)
            | Expression::Xor(all)
            | Expression::Call(_, all) => all.iter().for_each(|it| it.reads(slots)),
            Expression::Compare(first, rest) => {
                first.reads(slots);
                rest.iter().for_each(|it| it.1.reads(slots));
            }
            Expression::Text(_, left, right) | Expression::In(left, right) => {
                left.reads(slots);
                right.reads(slots);
            }
            Expression::Matches(it, _) | Expression::IsNull(it, _) | Expression::Not(it) => it.reads(slots),
            Expression::Exists(it) => it.reads(slots),
        }
    }

    /// Calls `visit` with each `EXISTS` in the expression that stands in no other.
    pub(super) fn each_exists<'e>(&'e self, visit: &mut dyn FnMut(&'e Exists)) {
        match self {
            Expression::Constant(_)
            | Expression::Variable(_)
            | Expression::Node(..)
            | Expression::Relationship(..)
            | Expression::HasKind(..) => {}
            Expression::List(all)
            | Expression::And(all)
            | Expression::Or(all)
            | Expression::Xor(all)
            | Expression::Call(_, all) => all.iter().for_each(|it| it.each_exists(visit)),
            Expression::Compare(first, rest) => {
                first.each_exists(visit);
                rest.iter().for_each(|it| it.1.each_exists(visit));
            }
            Expression::Text(_, left, right) | Expression::In(left, right) => {
                left.each_exists(visit);
                right.each_exists(visit);
            }
            Expression::Matches(it, _) | Expression::IsNull(it, _) | Expression::Not(it) => it.each_exists(visit),
            Expression::Exists(it) => visit(it),
        }
    }
}

impl Exists {
    fn reads(&self, slots: &mut Vec<Slot>) {
        let mut all = self.clause.patterns.nodes.clone();
        self.clause.conditions.iter().for_each(|it| it.reads(&mut all));
        slots.extend(all.into_iter().filter(|it| !self.own.contains(it)));
    }
}
