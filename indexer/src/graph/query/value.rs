//! Values, and how openCypher compares them: what is unknown (null) makes comparisons unknown, and what cannot be compared is unequal.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::graph::{EdgeKind, NodeId};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Node(NodeId),
    Relationship(Relationship),
}

/// An edge of the graph; no two have the same ends and kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Relationship {
    pub(super) source: NodeId,
    pub(super) target: NodeId,
    pub(super) kind: EdgeKind,
    pub(super) confidence: f32,
}

impl Relationship {
    pub(super) fn is(&self, other: &Relationship) -> bool {
        (self.source, self.target, self.kind) == (other.source, other.target, other.kind)
    }
}

impl<'a> Value<'a> {
    pub(super) fn text(text: &'a str) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(it) => Some(it),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(it) => Some(*it as f64),
            Value::Float(it) => Some(*it),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Returns whether a condition of this value holds; `None` when it is unknown. What is no boolean is no condition that holds.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Value::Boolean(it) => Some(*it),
            Value::Null => None,
            _ => Some(false),
        }
    }

    pub(super) fn of_truth(truth: Option<bool>) -> Value<'a> {
        truth.map_or(Value::Null, Value::Boolean)
    }

    /// Returns whether both are equal; `None` when one is null or holds one that matters.
    pub(super) fn equals(&self, other: &Value<'_>) -> Option<bool> {
        match (self, other) {
            (Value::Null, _) | (_, Value::Null) => None,
            (Value::Boolean(a), Value::Boolean(b)) => Some(a == b),
            (Value::Integer(a), Value::Integer(b)) => Some(a == b),
            (Value::Text(a), Value::Text(b)) => Some(a == b),
            (Value::Node(a), Value::Node(b)) => Some(a == b),
            (Value::Relationship(a), Value::Relationship(b)) => Some(a.is(b)),
            (Value::List(a), Value::List(b)) if a.len() == b.len() => {
                let mut unknown = false;
                for (left, right) in a.iter().zip(b) {
                    match left.equals(right) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => unknown = true,
                    }
                }
                (!unknown).then_some(true)
            }
            (a, b) => Some(matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if a == b)),
        }
    }

    /// Returns which is less; `None` when they cannot be compared.
    pub(super) fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
            (a, b) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        }
    }

    /// Orders all values for ORDER BY, min and max: by type, null last.
    pub(super) fn order(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Node(a), Value::Node(b)) => a.cmp(b),
            (Value::Relationship(a), Value::Relationship(b)) => {
                (a.source, a.kind, a.target).cmp(&(b.source, b.kind, b.target))
            }
            (Value::List(a), Value::List(b)) => {
                let different = a.iter().zip(b).map(|(a, b)| a.order(b)).find(|it| it.is_ne());
                different.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (a, b) if a.rank() == b.rank() => a.compare(b).unwrap_or(Ordering::Equal),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Node(_) => 0,
            Value::Relationship(_) => 1,
            Value::List(_) => 2,
            Value::Text(_) => 3,
            Value::Boolean(_) => 4,
            Value::Integer(_) | Value::Float(_) => 5,
            Value::Null => 6,
        }
    }

    /// Appends bytes that are the same for equal values only, null being equal to null, for DISTINCT and grouping.
    pub(super) fn key(&self, out: &mut Vec<u8>) {
        out.push(self.rank());
        match self {
            Value::Null => {}
            Value::Boolean(it) => out.push(u8::from(*it)),
            Value::Integer(it) => out.extend_from_slice(&(*it as f64).to_bits().to_le_bytes()),
            Value::Float(it) => out.extend_from_slice(&(it + 0.0).to_bits().to_le_bytes()),
            Value::Text(it) => {
                out.extend_from_slice(&(it.len() as u64).to_le_bytes());
                out.extend_from_slice(it.as_bytes());
            }
            Value::List(all) => {
                out.extend_from_slice(&(all.len() as u64).to_le_bytes());
                all.iter().for_each(|it| it.key(out));
            }
            Value::Node(it) => out.extend_from_slice(&it.0.to_le_bytes()),
            Value::Relationship(it) => {
                out.extend_from_slice(&it.source.0.to_le_bytes());
                out.extend_from_slice(&it.target.0.to_le_bytes());
                out.push(it.kind as u8);
            }
        }
    }

    /// Returns about how many bytes of memory the value takes.
    pub(super) fn size(&self) -> usize {
        let inside = match self {
            Value::Text(it) => it.len(),
            Value::List(all) => all.iter().map(Value::size).sum(),
            _ => 0,
        };
        size_of::<Value<'_>>() + inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list<'a>(all: &[Value<'a>]) -> Value<'a> {
        Value::List(all.to_vec())
    }

    #[test]
    fn null_makes_unknown_and_other_types_are_unequal() {
        let (one, two) = (Value::Integer(1), Value::Integer(2));
        assert_eq!(one.equals(&Value::Float(1.0)), Some(true));
        assert_eq!(one.equals(&Value::text("1")), Some(false));
        assert_eq!(one.equals(&Value::Null), None);
        let unknown = list(&[Value::Null, two.clone()]);
        assert_eq!(list(&[one.clone(), two.clone()]).equals(&unknown), None);
        assert_eq!(list(&[one.clone(), one.clone()]).equals(&unknown), Some(false));
        assert_eq!(list(std::slice::from_ref(&one)).equals(&unknown), Some(false));
        assert_eq!(one.compare(&Value::text("2")), None);
        assert_eq!(one.compare(&Value::Float(1.5)), Some(Ordering::Less));
    }

    #[test]
    fn all_values_have_an_order_and_a_key() {
        let ordered = [
            Value::Node(NodeId(1)),
            list(&[]),
            list(&[Value::Integer(1)]),
            Value::text("a"),
            Value::Boolean(false),
            Value::Float(-1.0),
            Value::Integer(2),
            Value::Null,
        ];
        for (at, a) in ordered.iter().enumerate() {
            for (other, b) in ordered.iter().enumerate() {
                assert_eq!(a.order(b), at.cmp(&other), "{a:?} {b:?}");
                let key = |it: &Value<'_>| {
                    let mut key = Vec::new();
                    it.key(&mut key);
                    key
                };
                assert_eq!(key(a) == key(b), at == other, "{a:?} {b:?}");
            }
        }
    }
}
