//! The three tools with which models find their way through a repository: search for entities, traverse the graph around them, retrieve
//! their code (after LocAgent, arXiv 2503.09089).
//!
//! Each takes arguments that serde reads from JSON and returns a result that serde writes, and that [`std::fmt::Display`] shows as text for
//! a prompt. Whatever a repository holds, a result stays below the caps given here; what is left out is counted and said.
//!
//! An entity is named as the tools name it, `path/to/file.py::Class.method`, or by less: a path, a qualified name or a name.

mod entity;
mod retrieve;
mod search;
mod show;
mod traverse;

pub use entity::Unknown;
pub use retrieve::{Retrieve, Retrieved, RetrievedEntity};
pub use search::{Detail, Found, FoundEntity, How, SearchEntity};
pub use traverse::{Traverse, Traversed, Way};

#[cfg(test)]
mod tests;
