//! The policy gate: which changes a patch may make, decided without looking at what it does.

use serde::Serialize;

use crate::{Patch, RepoError, RepoPath, Store, TreeId};

/// Limits and rules for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The most lines that may be added and removed together.
    pub max_changed_lines: usize,
    /// The most files that may change.
    pub max_files: usize,
    /// The most bytes a changed file may have afterwards.
    pub max_file_bytes: usize,
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A person has to look at it.
    Flag,
    /// The change must not be made.
    Refuse,
}

/// One rule that a change breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule's stable name, such as `path/ci`.
    pub rule: &'static str,
    /// The file; `None` for the change as a whole or a path that names no place in a repository.
    pub path: Option<RepoPath>,
    /// What is wrong, for people.
    pub detail: String,
    /// How bad it is.
    pub severity: Severity,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { max_changed_lines: 400, max_files: 10, max_file_bytes: 1 << 20 }
    }
}

impl Policy {
    /// Judges the change from `base` to `new`.
    ///
    /// # Errors
    /// When an object is missing.
    pub fn check(&self, store: &Store, base: TreeId, new: TreeId) -> Result<Vec<Violation>, RepoError> {
        let _ = (store, base, new);
        Ok(Vec::new())
    }

    /// Judges a patch before it is applied, by its paths, modes and size.
    pub fn check_patch(&self, patch: &Patch) -> Vec<Violation> {
        let _ = patch;
        Vec::new()
    }
}

/// Returns whether the name stands for a git directory on some file system.
pub(crate) fn is_git_dir(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}
