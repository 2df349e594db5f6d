//! Snapshots: every file of one tree, listed once and read on demand from the object store.
//!
//! Links and submodules are entries with their mode and are never followed.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BlobId, RepoError, RepoPath, Store, TreeId};

/// What kind of thing a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// A plain file.
    Regular,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; its blob is the target.
    Symlink,
    /// A commit of another repository; there is no blob behind its id.
    Submodule,
}

impl FileMode {
    /// Returns the mode as git writes it.
    pub const fn bits(self) -> u32 {
        match self {
            FileMode::Regular => 0o100_644,
            FileMode::Executable => 0o100_755,
            FileMode::Symlink => 0o120_000,
            FileMode::Submodule => 0o160_000,
        }
    }

    /// Reads a mode as git does, which takes old modes such as 100664 for a plain file; `None` for a directory or nonsense.
    pub const fn from_bits(bits: u32) -> Option<FileMode> {
        match bits & 0o170_000 {
            0o100_000 if bits & 0o100 != 0 => Some(FileMode::Executable),
            0o100_000 => Some(FileMode::Regular),
            0o120_000 => Some(FileMode::Symlink),
            0o160_000 => Some(FileMode::Submodule),
            _ => None,
        }
    }

    /// Returns whether the entry has content to edit.
    pub const fn is_file(self) -> bool {
        matches!(self, FileMode::Regular | FileMode::Executable)
    }
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: RepoPath,
    /// Its content; for a submodule the bytes of the commit's id.
    pub blob: BlobId,
    /// What it is.
    pub mode: FileMode,
}

/// A tree entry that is left out of a snapshot, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omitted {
    /// The path as shown to people.
    pub path: String,
    /// Why it is left out.
    pub reason: &'static str,
}

/// The files of one tree, sorted by path.
#[derive(Clone)]
pub struct Snapshot(Arc<Listing>);

pub(crate) struct Listing {
    pub(crate) tree: TreeId,
    pub(crate) entries: Vec<Entry>,
    pub(crate) omitted: Vec<Omitted>,
    pub(crate) store: Store,
}

impl Snapshot {
    pub(crate) fn new(listing: Listing) -> Snapshot {
        debug_assert!(listing.entries.is_sorted_by(|a, b| a.path < b.path), "entries are sorted and unique");
        Snapshot(Arc::new(listing))
    }

    /// Returns the tree that is shown.
    pub fn tree(&self) -> TreeId {
        self.0.tree
    }

    /// Returns every file, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// Returns what is left out because its name is unsafe or its directory too deep.
    pub fn omitted(&self) -> &[Omitted] {
        &self.0.omitted
    }

    /// Returns the entry at `path`; `None` if there is no file.
    pub fn find(&self, path: &RepoPath) -> Option<&Entry> {
        let at = self.0.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        self.0.entries.get(at)
    }

    /// Reads the content of a file, or the target of a link.
    ///
    /// # Errors
    /// When there is no such file, or its content is missing.
    pub fn read(&self, path: &RepoPath) -> Result<Vec<u8>, RepoError> {
        let entry = self.find(path).ok_or_else(|| RepoError::NoSuchFile { path: path.clone() })?;
        if entry.mode == FileMode::Submodule {
            return Err(RepoError::NotARegularFile { path: path.clone() });
        }
        self.read_blob(entry.blob)
    }

    /// Reads a content by its id.
    ///
    /// # Errors
    /// When the content is missing.
    pub fn read_blob(&self, blob: BlobId) -> Result<Vec<u8>, RepoError> {
        self.0.store.blob(blob)
    }

    /// Returns the store that holds the content.
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({}, {} files)", self.0.tree, self.0.entries.len())
    }
}
