//! Repository text and changes to it: paths, ids, snapshots, edits, patches and the policy gate.
//!
//! No async, no network but git's own transport, and no word for any stage of fixing. The only crate in which git2 appears.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod path;

pub use path::{PathError, RepoPath};
