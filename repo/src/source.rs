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
    let is_git_dir = repository.path().canonicalize().is_ok_and(|git_dir| dir.starts_with(git_dir));
    if inside.as_os_str().is_empty() || is_git_dir {
        return true;
    }
    let tree = repository.head().and_then(|head| head.peel_to_tree());
    tree.is_ok_and(|tree| tree.get_path(inside).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, git_in};

    fn open(dir: &Path) -> Source {
        Source::open(dir).unwrap()
    }

    fn complaint(dir: &Path) -> RepoError {
        Source::open(dir).err().unwrap()
    }

    #[test]
    fn revisions_resolve_as_in_git() {
        let fixture = Fixture::new();
        fixture.write("a", "1").commit("first");
        fixture.git(["tag", "light"]);
        fixture.git(["tag", "-a", "-m", "x", "heavy"]);
        fixture.write("a", "2").commit("second");
        fixture.git(["branch", "feature/x", "HEAD~1"]);
        fixture.write("a", "3").commit("third");
        fixture.git(["pack-refs", "--all"]);
        let source = open(&fixture.work());
        let full = fixture.git(["rev-parse", "HEAD"]);
        for revision in [
            "HEAD",
            "HEAD~2",
            "HEAD^",
            "main",
            "feature/x",
            "light",
            "heavy",
            "refs/tags/heavy",
            "@~1",
            &full,
            &full[..9],
        ] {
            let found = source.resolve(revision).unwrap();
            assert_eq!(
                found.commit.unwrap().to_string(),
                fixture.git(["rev-parse", &format!("{revision}^{{commit}}")])
            );
            assert_eq!(found.tree.to_string(), fixture.git(["rev-parse", &format!("{revision}^{{tree}}")]));
        }
        let tree = source.resolve("HEAD^{tree}").unwrap();
        assert_eq!(tree, Revision { commit: None, tree: source.resolve("HEAD").unwrap().tree });
    }

    #[test]
    fn revisions_that_name_nothing_say_so() {
        let fixture = Fixture::new();
        let source = open(&fixture.work());
        assert!(matches!(source.resolve("HEAD"), Err(RepoError::Unborn { .. })));
        assert!(matches!(source.resolve("main"), Err(RepoError::Unborn { .. })));
        fixture.write("a", "1").commit("first");
        assert!(matches!(source.resolve("nope"), Err(RepoError::NoSuchRevision { .. })));
        assert!(matches!(source.resolve("HEAD~5"), Err(RepoError::NoSuchRevision { .. })));
        assert!(matches!(
            source.resolve("0123456789012345678901234567890123456789"),
            Err(RepoError::NoSuchRevision { .. })
        ));
        assert!(matches!(source.resolve("HEAD:a"), Err(RepoError::NotATree { .. })));
        for odd in ["", "--upload-pack=x", "HEAD..main", "a b", "x\0y", "@{", "HEAD^{nonsense}"] {
            let error = source.resolve(odd).unwrap_err();
            assert!(
                matches!(error, RepoError::InvalidRevision { .. } | RepoError::NoSuchRevision { .. }),
                "{odd}: {error}"
            );
        }
    }

    #[test]
    fn every_kind_of_repository_opens() {
        let fixture = Fixture::new();
        fixture.write("sub/dir/a", "1").commit("first");
        let head = fixture.git(["rev-parse", "HEAD"]);
        let (bare, linked, separate) =
            (fixture.beside("bare.git"), fixture.beside("linked"), fixture.beside("separate"));
        fixture.git(["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
        fixture.git(["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap()]);
        let git_dir = fixture.beside("elsewhere.git");
        fixture.git(["clone", "-q", "--separate-git-dir", git_dir.to_str().unwrap(), ".", separate.to_str().unwrap()]);
        // A mirror may be a bare repository without a configuration.
        let mirror = fixture.beside("mirror");
        fixture.git(["clone", "-q", "--bare", ".", mirror.to_str().unwrap()]);
        std::fs::remove_file(mirror.join("config")).unwrap();
        let inside = [fixture.work().join("sub/dir"), fixture.work().join(".git")];
        for dir in inside.into_iter().chain([fixture.work(), bare, mirror, linked, separate]) {
            let source = open(&dir);
            assert_eq!(source.resolve("HEAD").unwrap().commit.unwrap().to_string(), head, "{}", dir.display());
            assert!(source.objects_dir().join("pack").is_dir());
        }
    }

    #[test]
    fn places_without_a_repository_say_what_they_are() {
        let fixture = Fixture::new();
        fixture.write("a", "1").write(".gitignore", "scratch\n").commit("first");
        fixture.write("scratch/project/x.py", "1");
        let plain = fixture.beside("plain");
        std::fs::create_dir(&plain).unwrap();
        assert!(matches!(complaint(&fixture.beside("nope")), RepoError::NoSuchDirectory { .. }));
        assert!(matches!(complaint(&fixture.work().join("a")), RepoError::NotADirectory { .. }));
        assert!(matches!(complaint(&plain), RepoError::NotARepository { .. }));
        // A folder that the repository around it does not know is no part of it.
        assert!(matches!(complaint(&fixture.work().join("scratch/project")), RepoError::NotARepository { .. }));
    }

    #[test]
    fn a_repository_git_cannot_read_is_no_plain_folder() {
        let fixture = Fixture::new();
        let sha256 = fixture.beside("sha256");
        git_in(&fixture.work(), ["init", "-q", "--object-format=sha256", sha256.to_str().unwrap()], b"");
        let error = complaint(&sha256);
        assert!(matches!(error, RepoError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_hostile_configuration_runs_nothing() {
        let fixture = Fixture::new();
        fixture.write("a", "1").write(".gitattributes", "* filter=evil diff=evil\n").commit("first");
        let mark = fixture.beside("mark");
        let command = format!("touch {}", mark.display());
        for key in [
            "core.fsmonitor",
            "filter.evil.clean",
            "filter.evil.smudge",
            "diff.evil.textconv",
            "diff.external",
            "core.sshCommand",
        ] {
            fixture.git(["config", key, &command]);
        }
        std::fs::write(fixture.work().join(".git/config.worktree"), "[core]\n\thooksPath = /nonexistent\n").unwrap();
        let source = open(&fixture.work());
        let store = crate::Store::create(&fixture.beside("store"), &source).unwrap();
        let tree = source.resolve("HEAD").unwrap().tree;
        let snapshot = store.snapshot(tree).unwrap();
        assert_eq!(snapshot.read(&crate::RepoPath::new("a").unwrap()).unwrap(), b"1");
        let edit =
            crate::Edit::Write { path: crate::RepoPath::new("a").unwrap(), bytes: b"2\r\n".to_vec(), mode: None };
        let edited = store.write_tree(tree, &[edit]).unwrap();
        store.diff(tree, edited).unwrap();
        assert!(!mark.exists());
    }

    #[test]
    fn partial_and_shallow_clones_open() {
        let fixture = Fixture::new();
        fixture.write("a", "1").commit("first");
        fixture.write("a", "2").commit("second");
        let shallow = fixture.beside("shallow");
        let url = format!("file://{}", fixture.work().display());
        fixture.git(["config", "uploadpack.allowFilter", "true"]);
        fixture.git(["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
        assert!(matches!(open(&shallow).resolve("HEAD~1"), Err(RepoError::NoSuchRevision { .. })));
        let partial = fixture.beside("partial");
        fixture.git(["clone", "-q", "--bare", "--filter=blob:none", &url, partial.to_str().unwrap()]);
        let source = open(&partial);
        let store = crate::Store::create(&fixture.beside("store"), &source).unwrap();
        let snapshot = store.snapshot(source.resolve("HEAD").unwrap().tree).unwrap();
        let error = snapshot.read(&crate::RepoPath::new("a").unwrap()).unwrap_err();
        assert!(matches!(error, RepoError::MissingObject { kind: "blob", .. }), "{error}");
    }
}
