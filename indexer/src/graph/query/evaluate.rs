//! What an expression is worth in a row.

use std::borrow::Cow;

use super::run::{Cell, Run};
use super::syntax::{Comparison, Exists, Expression, Function, Slot, TextTest};
use super::value::{Relationship, Value};
use super::{names, properties};
use crate::graph::NodeId;

impl<'a> Run<'a> {
    /// Returns whether a condition is known to hold.
    pub(super) fn holds(&mut self, condition: &'a Expression) -> bool {
        self.truth(condition) == Some(true)
    }

    fn truth(&mut self, condition: &'a Expression) -> Option<bool> {
        self.value(condition).truth()
    }

    pub(super) fn value(&mut self, expression: &'a Expression) -> Value<'a> {
        match expression {
            Expression::Constant(it) => it.clone(),
            Expression::Variable(slot) => self.variable(*slot),
            Expression::Node(slot, property) => {
                self.node_at(*slot).map_or(Value::Null, |it| self.graph.property(it, *property))
            }
            Expression::Relationship(slot, property) => {
                self.relationship_at(*slot).map_or(Value::Null, |it| properties::of_relationship(&it, *property))
            }
            Expression::HasKind(slot, kinds) => {
                let kind = self.node_at(*slot).and_then(|it| self.graph.kind(it));
                Value::of_truth(kind.map(|it| kinds.has(it)))
            }
            Expression::List(all) => Value::List(all.iter().map(|it| self.value(it)).collect()),
            Expression::Compare(first, rest) => Value::of_truth(self.compared(first, rest)),
            Expression::Text(test, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                Value::of_truth(tested(*test, &left, &right))
            }
            Expression::Matches(text, regex) => {
                let text = self.value(text);
                Value::of_truth(text.as_str().map(|it| regex.is_match(it)))
            }
            Expression::In(item, list) => Value::of_truth(self.is_in(item, list)),
            Expression::IsNull(it, wanted) => Value::Boolean(self.value(it).is_null() == *wanted),
            Expression::Not(it) => Value::of_truth(self.truth(it).map(|it| !it)),
            Expression::And(all) => Value::of_truth(self.decided(all, false)),
            Expression::Or(all) => Value::of_truth(self.decided(all, true)),
            Expression::Xor(all) => {
                let each: Option<Vec<bool>> = all.iter().map(|it| self.truth(it)).collect();
                Value::of_truth(each.map(|it| it.into_iter().filter(|it| *it).count() % 2 == 1))
            }
            Expression::Call(function, arguments) => self.called(*function, arguments),
            Expression::Exists(it) => Value::Boolean(self.exists(it)),
        }
    }

    fn variable(&self, slot: Slot) -> Value<'a> {
        match &self.row[slot] {
            Cell::Unbound | Cell::Null => Value::Null,
            Cell::Node(it) => Value::Node(*it),
            Cell::Relationship(it) => Value::Relationship(*it),
            Cell::Path(all) => Value::List(all.iter().map(|it| Value::Relationship(*it)).collect()),
        }
    }

    pub(super) fn node_at(&self, slot: Slot) -> Option<NodeId> {
        match &self.row[slot] {
            Cell::Node(it) => Some(*it),
            Cell::Unbound | Cell::Null | Cell::Relationship(_) | Cell::Path(_) => None,
        }
    }

    fn relationship_at(&self, slot: Slot) -> Option<Relationship> {
        match &self.row[slot] {
            Cell::Relationship(it) => Some(*it),
            Cell::Unbound | Cell::Null | Cell::Node(_) | Cell::Path(_) => None,
        }
    }

    /// Returns the truth of a row of conditions in which one that is `decisive` decides all.
    fn decided(&mut self, all: &'a [Expression], decisive: bool) -> Option<bool> {
        let mut unknown = false;
        for condition in all {
            match self.truth(condition) {
                Some(it) if it == decisive => return Some(decisive),
                Some(_) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(!decisive)
    }

    fn compared(&mut self, first: &'a Expression, rest: &'a [(Comparison, Expression)]) -> Option<bool> {
        let mut left = self.value(first);
        let mut unknown = false;
        for (comparison, right) in rest {
            let right = self.value(right);
            match compare(*comparison, &left, &right) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => unknown = true,
            }
            left = right;
        }
        (!unknown).then_some(true)
    }

    fn is_in(&mut self, item: &'a Expression, list: &'a Expression) -> Option<bool> {
        let item = self.value(item);
        // A constant list may be long, and this is asked for each row.
        let list = match list {
            Expression::Constant(it) => Cow::Borrowed(it),
            it => Cow::Owned(self.value(it)),
        };
        let Value::List(all) = list.as_ref() else { return (!list.is_null()).then_some(false) };
        let mut unknown = false;
        for it in all {
            match item.equals(it) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(false)
    }

    fn called(&mut self, function: Function, arguments: &'a [Expression]) -> Value<'a> {
        if function == Function::Coalesce {
            return arguments.iter().map(|it| self.value(it)).find(|it| !it.is_null()).unwrap_or(Value::Null);
        }
        let argument = arguments.first().map_or(Value::Null, |it| self.value(it));
        match (function, argument) {
            (Function::Id, Value::Node(it)) => Value::Integer(it.0.into()),
            (Function::Labels, Value::Node(it)) => {
                let kind = self.graph.kind(it);
                Value::List(kind.into_iter().flat_map(names::labels_of).map(Value::text).collect())
            }
            (Function::Type, Value::Relationship(it)) => Value::text(names::type_of(it.kind)),
            (Function::StartNode, Value::Relationship(it)) => Value::Node(it.source),
            (Function::EndNode, Value::Relationship(it)) => Value::Node(it.target),
            (Function::Size, Value::List(all)) => Value::Integer(all.len() as i64),
            (Function::Size, Value::Text(it)) => Value::Integer(it.chars().count() as i64),
            (Function::ToLower, Value::Text(it)) => Value::Text(Cow::Owned(it.to_lowercase())),
            (Function::ToUpper, Value::Text(it)) => Value::Text(Cow::Owned(it.to_uppercase())),
            _ => Value::Null,
        }
    }

    fn exists(&mut self, it: &'a Exists) -> bool {
        let plan = self.plan;
        plan.exists.get(it.number).is_some_and(|steps| self.finds(steps))
    }
}

fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    match comparison {
        Comparison::Equal => left.equals(right),
        Comparison::Unequal => left.equals(right).map(|it| !it),
        Comparison::Less => left.compare(right).map(|it| it.is_lt()),
        Comparison::LessOrEqual => left.compare(right).map(|it| it.is_le()),
        Comparison::Greater => left.compare(right).map(|it| it.is_gt()),
        Comparison::GreaterOrEqual => left.compare(right).map(|it| it.is_ge()),
    }
}

fn tested(test: TextTest, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    let (left, right) = (left.as_str()?, right.as_str()?);
    Some(match test {
        TextTest::StartsWith => left.starts_with(right),
        TextTest::EndsWith => left.ends_with(right),
        TextTest::Contains => left.contains(right),
    })
}
