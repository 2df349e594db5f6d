//! Edits: what a caller wants changed in a tree, file by file.

use crate::RepoPath;
use crate::snapshot::FileMode;

/// One change to one file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Creates the file or replaces its whole content.
    Write {
        /// The file.
        path: RepoPath,
        /// The content, kept byte for byte.
        bytes: Vec<u8>,
        /// The mode; `None` keeps that of an existing file and makes a new one regular.
        mode: Option<FileMode>,
    },
    /// Removes the file, which must exist.
    Delete {
        /// The file.
        path: RepoPath,
    },
}

impl Edit {
    /// Returns the file that is changed.
    pub fn path(&self) -> &RepoPath {
        match self {
            Edit::Write { path, .. } | Edit::Delete { path } => path,
        }
    }
}
