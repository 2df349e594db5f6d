//! The user's repository: opened to read objects and resolve revisions, never written to.
//!
//! Nothing here reads the index or the work tree, takes a lock, or runs a hook or filter, so a hostile configuration has no effect.

use std::path::{Path, PathBuf};
use std::sync::Once;

use git2::{ErrorCode, ObjectType, Repository, RepositoryOpenFlags};
use parking_lot::Mutex;
use serde::Serialize;

use crate::{CommitId, RepoError, TreeId};

/// A resolved revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Revision {
    /// The commit; `None` for a bare tree, as of an imported folder.
    pub commit: Option<CommitId>,
    /// The files.
    pub tree: TreeId,
}

/// A user's git repository, open for reading.
pub struct Source {
    repository: Mutex<Repository>,
    git_dir: PathBuf,
    objects: PathBuf,
}

impl Source {
    /// Opens the repository at `dir`: a work tree or a directory in it, a linked work tree, or a bare repository.
    ///
    /// A directory inside a work tree belongs to the repository only if the checked-out commit has it; else it is a plain folder.
    ///
    /// # Errors
    /// When nothing is there, a file is there, it is no repository, or git cannot open it.
    pub fn open(dir: &Path) -> Result<Source, RepoError> {
        let path = || dir.to_owned();
        let metadata = match std::fs::metadata(dir) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RepoError::NoSuchDirectory { path: path() });
            }
            Err(error) => return Err(RepoError::io("look at", dir)(error)),
        };
        if !metadata.is_dir() {
            return Err(RepoError::NotADirectory { path: path() });
        }
        let dir = dir.canonicalize().map_err(RepoError::io("resolve", dir))?;
        let repository = open_repository(&dir, RepositoryOpenFlags::empty())?;
        if !is_part_of(&repository, &dir) {
            return Err(RepoError::NotARepository { path: dir });
        }
        Ok(Source {
            git_dir: repository.path().to_owned(),
            objects: repository.commondir().join("objects"),
            repository: Mutex::new(repository),
        })
    }

    /// Resolves a revision: a branch, a tag, a full or abbreviated id, `HEAD~2`, anything `git rev-parse` takes.
    ///
    /// # Errors
    /// When it names nothing, more than one thing, or no commit or tree.
    pub fn resolve(&self, revision: &str) -> Result<Revision, RepoError> {
        let repository = self.repository.lock();
        let object =
            repository.revparse_single(revision).map_err(|error| self.explain(&repository, revision, error))?;
        if let Ok(commit) = object.peel(ObjectType::Commit).and_then(|it| it.peel_to_commit()) {
            let commit_id = CommitId::from_oid(commit.id());
            return Ok(Revision { commit: Some(commit_id), tree: TreeId::from_oid(commit.tree_id()) });
        }
        match object.peel_to_tree() {
            Ok(tree) => Ok(Revision { commit: None, tree: TreeId::from_oid(tree.id()) }),
            Err(_) => {
                let kind = object.kind().map_or("object", |kind| kind.str()).to_owned();
                Err(RepoError::NotATree { revision: revision.to_owned(), kind })
            }
        }
    }

    /// Returns the repository's git directory.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Returns the directory of its objects, which linked work trees share.
    pub(crate) fn objects_dir(&self) -> &Path {
        &self.objects
    }

    fn explain(&self, repository: &Repository, revision: &str, error: git2::Error) -> RepoError {
        let path = self.git_dir.clone();
        let revision = revision.to_owned();
        let unborn = || repository.head().is_err_and(|error| error.code() == ErrorCode::UnbornBranch);
        match error.code() {
            ErrorCode::Ambiguous => RepoError::AmbiguousRevision { path, revision },
            ErrorCode::NotFound | ErrorCode::UnbornBranch if unborn() => RepoError::Unborn { path, revision },
            ErrorCode::NotFound | ErrorCode::UnbornBranch => RepoError::NoSuchRevision { path, revision },
            _ => RepoError::InvalidRevision { revision, reason: error.message().to_owned() },
        }
    }
}

/// Opens a repository without looking at the environment.
pub(crate) fn open_repository(dir: &Path, flags: RepositoryOpenFlags) -> Result<Repository, RepoError> {
    prepare_git();
    Repository::open_ext(dir, flags, &[] as &[&std::ffi::OsStr]).map_err(|source| match source.code() {
        ErrorCode::NotFound => RepoError::NotARepository { path: dir.to_owned() },
        _ => RepoError::Unreadable { path: dir.to_owned(), source },
    })
}

/// Sets what libgit2 keeps per process.
pub(crate) fn prepare_git() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // git refuses repositories of other owners because their configuration may name programs to run. Objects are all that is
        // read here, and in containers the owner is routinely another one.
        // SAFETY: the options are globals of libgit2 without locks; `Once` makes this the only writer, before the first repository.
        let results = unsafe {
            [
                git2::opts::set_verify_owner_validation(false),
                // Both change where objects lie or may be missing, not how they are read.
                git2::opts::set_extensions(&["partialclone", "relativeworktrees"]),
            ]
        };
        debug_assert!(results.iter().all(Result::is_ok), "libgit2 knows both options");
    });
}

/// Returns whether `dir` is the root of the repository or a directory that its checked-out commit has.
fn is_part_of(repository: &Repository, dir: &Path) -> bool {
    let Some(root) = repository.workdir().and_then(|root| root.canonicalize().ok()) else {
        return true;
    };
    let Ok(inside) = dir.strip_prefix(&root) else {
        return true;
    };
    if inside.as_os_str().is_empty() {
        return true;
    }
    let tree = repository.head().and_then(|head| head.peel_to_tree());
    tree.is_ok_and(|tree| tree.get_path(inside).is_ok())
}
