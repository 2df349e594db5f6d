//! Knows a repository: symbols, code graph, text index, evidence in an issue, and where the fault probably is.
//!
//! Parsing, graph and ranking do no I/O and are synchronous; broken code is skipped with a counted reason, never an error.
//! tree-sitter and tantivy appear only in this crate; others see [`syntax`] and the index's own types.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod syntax;
