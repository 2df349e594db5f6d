//! A read-only query language for the code graph: a small subset of openCypher, described in `docs/queries.md`.
//!
//! `MATCH (c:Class)<-[:INHERITS*1..3]-(d) WHERE c.name = $base RETURN d.label ORDER BY d.path LIMIT 20`
//!
//! Queries come from models and people. What is wrong with one is told with its place and what is allowed there; one that asks too much
//! is stopped by [`Limits`] and keeps the rows it has. Evaluation follows openCypher: within one MATCH no relationship is met twice,
//! conditions know true, false and null, and rows are as many as there are ways to match.

mod collect;
mod error;
mod evaluate;
mod lexer;
mod names;
mod parse;
mod plan;
mod properties;
mod run;
mod syntax;
mod value;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::graph::{CodeGraph, EdgeKind, NodeId, NodeKind};
use crate::symbol::LineRange;
use value::Value;

pub use error::{Cause, Kind, Position, QueryError};
pub(crate) use names::distance;

/// The values of a query's parameters by name, without `$`.
pub type Parameters = BTreeMap<String, Parameter>;

/// The value of a parameter; in JSON as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A string.
    Text(String),
    /// Several values.
    List(Vec<Parameter>),
}

impl Parameter {
    fn to_value(&self) -> Value<'static> {
        match self {
            Parameter::Null => Value::Null,
            Parameter::Boolean(it) => Value::Boolean(*it),
            Parameter::Integer(it) => Value::Integer(*it),
            Parameter::Float(it) => Value::Float(*it),
            Parameter::Text(it) => Value::Text(it.clone().into()),
            Parameter::List(all) => Value::List(all.iter().map(Parameter::to_value).collect()),
        }
    }
}

/// How much a query may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// How many rows are returned.
    pub rows: usize,
    /// How many nodes and relationships are looked at.
    pub hops: u64,
    /// How many bytes the rows may take while they are gathered, about.
    pub memory: usize,
    /// How long it may take.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { rows: 1_000, hops: 2_000_000, memory: 32 << 20, time: Duration::from_secs(2) }
    }
}

/// What stopped a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// There are more rows.
    Rows,
    /// Too many nodes and relationships were looked at.
    Hops,
    /// The rows took too much memory.
    Memory,
    /// It took too long.
    Time,
}

impl Limit {
    /// Returns the word shown to people, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Limit::Rows => "rows",
            Limit::Hops => "hops",
            Limit::Memory => "memory",
            Limit::Time => "time",
        }
    }
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one value a column.
    pub rows: Vec<Vec<Answered>>,
    /// The limit that was reached; the rows are then some of those there are, and counts are too low.
    pub truncated: Option<Limit>,
    /// How many nodes and relationships were looked at.
    pub hops: u64,
}

/// One value of an answer; in JSON as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answered {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A string.
    Text(String),
    /// Several values.
    List(Vec<Answered>),
    /// A node.
    Node {
        /// The path, with `::` and the qualified name for a symbol.
        label: String,
        /// What it is.
        kind: NodeKind,
        /// The lines of a symbol.
        #[serde(skip_serializing_if = "Option::is_none")]
        lines: Option<LineRange>,
    },
    /// A relationship.
    Relationship {
        /// The label of the node it starts from.
        source: String,
        /// What it says.
        kind: EdgeKind,
        /// The label of the node it leads to.
        target: String,
        /// How sure it is, from 0 to 1.
        confidence: f64,
    },
}

impl std::fmt::Display for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answered::Null => f.write_str("null"),
            Answered::Boolean(it) => write!(f, "{it}"),
            Answered::Integer(it) => write!(f, "{it}"),
            Answered::Float(it) => write!(f, "{it}"),
            Answered::Text(it) => f.write_str(it),
            Answered::Node { label, .. } => f.write_str(label),
            Answered::Relationship { source, kind, target, .. } => write!(f, "{source} {} {target}", kind.as_str()),
            Answered::List(all) => {
                f.write_str("[")?;
                for (at, it) in all.iter().enumerate() {
                    write!(f, "{}{it}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

impl CodeGraph {
    /// Answers a query.
    ///
    /// # Errors
    /// When the query cannot be understood; the error says where, and what is allowed there.
    pub fn query(&self, text: &str, parameters: &Parameters, limits: &Limits) -> Result<Answer, QueryError> {
        let query = parse::parse(text, parameters)?;
        let plan = plan::plan(self, &query);
        let outcome = run::Run::new(self, &plan, query.slots, &query.projection, limits).finish();
        let answered = |row: Vec<Value<'_>>| row.into_iter().map(|it| self.answered(it)).collect();
        Ok(Answer {
            columns: query.projection.columns.iter().map(|it| it.name.clone()).collect(),
            rows: outcome.rows.into_iter().map(answered).collect(),
            truncated: outcome.truncated,
            hops: outcome.hops,
        })
    }

    fn answered(&self, value: Value<'_>) -> Answered {
        match value {
            Value::Null => Answered::Null,
            Value::Boolean(it) => Answered::Boolean(it),
            Value::Integer(it) => Answered::Integer(it),
            Value::Float(it) => Answered::Float(it),
            Value::Text(it) => Answered::Text(it.into_owned()),
            Value::List(all) => Answered::List(all.into_iter().map(|it| self.answered(it)).collect()),
            Value::Node(it) => self.answered_node(it),
            Value::Relationship(it) => Answered::Relationship {
                source: self.label(it.source),
                kind: it.kind,
                target: self.label(it.target),
                confidence: (f64::from(it.confidence) * 100.0).round() / 100.0,
            },
        }
    }

    fn answered_node(&self, id: NodeId) -> Answered {
        let Some(kind) = self.kind(id) else { return Answered::Null };
        Answered::Node { label: self.label(id), kind, lines: self.symbol(id).map(|it| it.lines) }
    }
}

#[cfg(test)]
mod tests;
