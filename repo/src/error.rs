//! What can go wrong with a repository, grouped by what the reader of the message can do.

use std::path::PathBuf;

use crate::patch::PatchError;
use crate::{PathError, RepoPath};

/// Why a repository could not be read or a tree not be written.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// Nothing exists at the place given.
    #[error("no directory `{}`; check the path", path.display())]
    NoSuchDirectory {
        /// The place given.
        path: PathBuf,
    },
    /// A file stands where a directory is needed.
    #[error("`{}` is a file; give the directory of the repository", path.display())]
    NotADirectory {
        /// The place given.
        path: PathBuf,
    },
    /// The directory is no git repository, nor a known part of one.
    #[error("`{}` is no git repository", path.display())]
    NotARepository {
        /// The place given.
        path: PathBuf,
    },
    /// The directory is a git repository that cannot be opened.
    #[error("git repository `{}` cannot be opened: {}", path.display(), source.message())]
    Unreadable {
        /// The place given.
        path: PathBuf,
        /// What git says.
        source: git2::Error,
    },
    /// The repository has no commit yet.
    #[error("repository `{}` has no commit yet, so `{revision}` names nothing; commit something first", path.display())]
    Unborn {
        /// The repository's git directory.
        path: PathBuf,
        /// The revision asked for.
        revision: String,
    },
    /// The revision names nothing here.
    #[error("no revision `{revision}` in `{}`; give a branch, a tag or a commit id that is there (fetch it first?)", path.display())]
    NoSuchRevision {
        /// The repository's git directory.
        path: PathBuf,
        /// The revision asked for.
        revision: String,
    },
    /// An abbreviated id fits more than one object.
    #[error("revision `{revision}` is ambiguous in `{}`; give more digits of the id", path.display())]
    AmbiguousRevision {
        /// The repository's git directory.
        path: PathBuf,
        /// The revision asked for.
        revision: String,
    },
    /// The text is no revision at all.
    #[error("`{revision}` is no valid revision: {reason}")]
    InvalidRevision {
        /// The revision asked for.
        revision: String,
        /// What git says.
        reason: String,
    },
    /// The revision names a file, where a commit or tree is needed.
    #[error("revision `{revision}` names a {kind}, not a commit or a tree")]
    NotATree {
        /// The revision asked for.
        revision: String,
        /// What it names.
        kind: String,
    },
    /// An object that another one refers to is missing or of the wrong kind.
    #[error(
        "{kind} {id} is missing from the object store; the repository may be a partial clone (try `git fetch --refetch`)"
    )]
    MissingObject {
        /// The kind of object expected.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// An object's bytes make no sense.
    #[error("{kind} {id} is corrupt: {reason}; try `git fsck`")]
    Corrupt {
        /// The kind of object expected.
        kind: &'static str,
        /// Its id.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something is larger than this crate agrees to handle.
    #[error("{what} is larger than the limit of {limit} {unit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
        /// What the limit counts.
        unit: &'static str,
    },
    /// An edit or a read names a file that is not there.
    #[error("no file `{path}` in the tree")]
    NoSuchFile {
        /// The file.
        path: RepoPath,
    },
    /// An edit would put a file where a directory is.
    #[error("`{path}` is a directory in the tree")]
    IsADirectory {
        /// The place.
        path: RepoPath,
    },
    /// An edit would put a file below another file.
    #[error("`{path}` is a file in the tree, so nothing can be written below it")]
    ParentIsAFile {
        /// The file.
        path: RepoPath,
    },
    /// A content edit without a mode names a symbolic link or a submodule.
    #[error("`{path}` is no regular file; its content cannot be edited")]
    NotARegularFile {
        /// The place.
        path: RepoPath,
    },
    /// A path makes no sense.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A patch cannot be read, made or applied.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// The file system failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// git failed in a way nobody planned for.
    #[error("cannot {action}: {}", source.message())]
    Git {
        /// What was tried.
        action: &'static str,
        /// What git says.
        source: git2::Error,
    },
}

impl RepoError {
    pub(crate) fn git(action: &'static str) -> impl FnOnce(git2::Error) -> RepoError {
        move |source| RepoError::Git { action, source }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> RepoError {
        let path = path.into();
        move |source| RepoError::Io { action, path, source }
    }
}
