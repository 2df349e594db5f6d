//! Repository text and changes to it: paths, ids, snapshots, edits, patches and the policy gate.
//!
//! No async, no network but git's own transport, and no word for any stage of fixing. The only crate in which git2 appears.
//! A user's repository is only read: whatever is written goes to a private [`Store`] that borrows the user's objects.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod diff;
mod edit;
mod error;
#[cfg(test)]
mod fixture;
mod folder;
pub mod history;
mod id;
pub mod patch;
mod path;
pub mod policy;
mod snapshot;
mod source;
mod store;
mod tree;

pub use edit::Edit;
pub use error::RepoError;
pub use folder::Folder;
pub use id::{BlobId, CommitId, IdError, TreeId};
pub use patch::{FilePatch, Patch, PatchError};
pub use path::{PathError, RepoPath};
pub use snapshot::{Entry, FileMode, Omitted, Snapshot};
pub use source::{Revision, Source};
pub use store::Store;
