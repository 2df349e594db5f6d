//! Knows a repository: symbols, code graph, text index, evidence in an issue, and where the fault probably is.
//!
//! Parsing, graph and ranking do no I/O and are synchronous; broken code is skipped with a counted reason, never an error.
//! tree-sitter and tantivy appear only in this crate; others see [`syntax`] and the index's own types.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod build;
mod cache;
mod definitions;
mod documents;
mod error;
mod index;
mod issue;
mod language;
mod parse;
mod view;

pub mod evidence;
pub mod facts;
pub mod flow;
pub mod graph;
pub mod history;
pub mod localize;
pub mod map;
pub mod scope;
pub mod spectrum;
pub mod symbol;
pub mod syntax;
pub mod text;
pub mod tools;

pub use cache::{Collected, Limits, gc};
pub use error::IndexError;
pub use facts::FileFacts;
pub use graph::CodeGraph;
pub use history::History;
pub use index::{Hit, Index, IndexProgress, IndexStats, IndexedFile, SkipReason, Skipped, Stage};
pub use issue::IssueText;
pub use localize::{FileSuspect, Localization, SymbolSuspect};
pub use symbol::{FileId, LineRange, Symbol, SymbolId, SymbolKind};
