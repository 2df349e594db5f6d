//! What is kept on disk: facts by blob id, shared by all snapshots, and one ready view (symbols, graph, text index) a tree.
//!
//! ```text
//! v2/facts/<digest>.facts    packs of facts, never changed once named, merged when many
//! v2/views/<tree>/           view, files/, symbols/
//! v2/history/<digest>.commits  packs of commits as documents
//! ```
//! Everything is written under a temporary name and renamed, so a reader sees all or nothing and any number of processes may share a cache.
//! Everything carries a checksum: what does not fit is as good as absent and is built anew. Nothing here is worth an error to the user but
//! a cache that cannot be written.

mod facts;
pub(crate) mod packs;
mod view;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use repo::TreeId;

use crate::error::IndexError;

pub(crate) use facts::{FactStore, Record};
pub(crate) use view::{FileRecord, View};

/// Names the directory; goes up with every change of what is stored or of how facts are extracted.
const VERSION: &str = "v2";
/// Views beyond this many are removed, those not used for longest first.
const KEPT_VIEWS: usize = 64;

/// The magic goes up when commits are read in another way.
const COMMITS: packs::Format = packs::Format { magic: b"pwcommt1", extension: "commits" };

/// A cache directory.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: Arc<Path>,
}

impl Cache {
    pub(crate) fn open(directory: &Path) -> Result<Cache, IndexError> {
        let cache = Cache { root: directory.join(VERSION).into() };
        for path in [cache.facts_directory(), cache.views_directory()] {
            create_private(&path).map_err(|source| IndexError::Cache { path, source })?;
        }
        Ok(cache)
    }

    pub(crate) fn facts(&self) -> FactStore {
        FactStore::new(self.facts_directory())
    }

    /// Returns the documents of commits, which are shared by all histories.
    pub(crate) fn history(&self) -> Result<packs::PackStore, IndexError> {
        let path = self.history_directory();
        create_private(&path).map_err(|source| IndexError::Cache { path: path.clone(), source })?;
        Ok(packs::PackStore::new(path, &COMMITS))
    }

    pub(crate) fn history_directory(&self) -> PathBuf {
        self.root.join("history")
    }

    fn facts_directory(&self) -> PathBuf {
        self.root.join("facts")
    }

    fn views_directory(&self) -> PathBuf {
        self.root.join("views")
    }

    /// Returns where the view of a tree is, or would be.
    pub(crate) fn view_directory(&self, tree: TreeId) -> PathBuf {
        self.views_directory().join(tree.to_string())
    }

    /// Returns a new private directory in which a view may be prepared; it is removed unless published.
    pub(crate) fn prepare_view(&self) -> Result<tempfile::TempDir, IndexError> {
        let path = self.views_directory();
        tempfile::Builder::new().prefix(".new-").tempdir_in(&path).map_err(|source| IndexError::Cache { path, source })
    }

    /// Puts a prepared view in its place, instead of one that another process put there or that is damaged.
    pub(crate) fn publish_view(&self, prepared: tempfile::TempDir, tree: TreeId) -> Result<(), IndexError> {
        let path = self.view_directory(tree);
        let failed = |source| IndexError::Cache { path: path.clone(), source };
        // The lock keeps two processes from both moving the other's fresh view away.
        let _lock = self.lock().map_err(failed)?;
        if path.exists() {
            let old = self.prepare_view()?;
            fs::rename(&path, old.path().join("old")).map_err(failed)?;
        }
        fs::rename(prepared.keep(), &path).map_err(failed)?;
        self.remove_old_views();
        Ok(())
    }

    /// Waits for the lock of this cache; it is given back when the file is dropped.
    fn lock(&self) -> io::Result<File> {
        let file = File::options().create(true).truncate(false).write(true).open(self.root.join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    /// Best effort: what cannot be removed now is tried again with the next view.
    fn remove_old_views(&self) {
        let Ok(entries) = fs::read_dir(self.views_directory()) else { return };
        let used = |path: &Path| fs::metadata(path.join("view")).and_then(|it| it.modified()).ok();
        let mut views: Vec<_> = entries.flatten().filter_map(|it| Some((used(&it.path())?, it.path()))).collect();
        views.sort();
        for (_, path) in views.iter().take(views.len().saturating_sub(KEPT_VIEWS)) {
            let removed = fs::remove_dir_all(path);
            tracing::debug!(path = %path.display(), ok = removed.is_ok(), "old view removed");
        }
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file so that its name appears with all its bytes or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(path)?;
    Ok(())
}
