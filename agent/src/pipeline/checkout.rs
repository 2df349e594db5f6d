//! From what the user named to a snapshot in a store of our own.

use std::path::{Path, PathBuf};

use repo::{RepoError, Revision, Snapshot, Source, Store};

/// The base of a job: its revision, its files, and the private store that candidates are written to.
#[derive(Clone)]
pub struct Checkout {
    /// The base.
    pub revision: Revision,
    /// Its files.
    pub snapshot: Snapshot,
    /// Where trees of candidates go; the user's repository is only read.
    pub store: Store,
}

impl Checkout {
    /// Returns the base's commit, or its tree where a plain folder was imported.
    pub fn base(&self) -> String {
        match self.revision.commit {
            Some(commit) => commit.to_string(),
            None => self.revision.tree.to_string(),
        }
    }
}

/// Opens the repository at `dir` at `revision` (`HEAD` where none is named), or imports `dir` where it is a plain folder.
///
/// # Errors
/// When there is no such folder or revision, or a revision is named of a folder that is no repository.
pub fn open(dir: &Path, revision: Option<&str>, store_dir: &Path) -> Result<Checkout, RepoError> {
    let source = match Source::open(dir) {
        Ok(source) => source,
        Err(RepoError::NotARepository { .. }) if revision.is_none() => return import(dir, store_dir),
        Err(error) => return Err(error),
    };
    let revision = source.resolve(revision.unwrap_or("HEAD"))?;
    let store = Store::create(store_dir, &source)?;
    let snapshot = store.snapshot(revision.tree)?;
    Ok(Checkout { revision, snapshot, store })
}

fn import(dir: &Path, store_dir: &Path) -> Result<Checkout, RepoError> {
    let (store, tree) = Store::import(store_dir, dir)?;
    let snapshot = store.snapshot(tree)?;
    Ok(Checkout { revision: Revision { commit: None, tree }, snapshot, store })
}

/// Returns the folder in which indexes are kept: `$XDG_CACHE_HOME/patchwright`, `~/.cache/patchwright`, else below the temporary folder.
pub fn cache_dir() -> PathBuf {
    base_dir("XDG_CACHE_HOME", ".cache").join("patchwright")
}

/// Returns the folder in which jobs are kept: `$XDG_STATE_HOME/patchwright`, `~/.local/state/patchwright`, else below the temporary folder.
pub fn state_dir() -> PathBuf {
    base_dir("XDG_STATE_HOME", ".local/state").join("patchwright")
}

fn base_dir(variable: &str, below_home: &str) -> PathBuf {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named(variable).or_else(|| named("HOME").map(|home| home.join(below_home))).unwrap_or_else(std::env::temp_dir)
}
