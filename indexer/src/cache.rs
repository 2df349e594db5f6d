//! What is kept on disk: facts by blob id, documents by content and path, and a view (which files, which edges) by tree.
//!
//! ```text
//! v6/facts/<digest>.facts    packs of facts and their summaries, shared by all snapshots
//! v6/text/<digest>.text      packs of documents, shared by the snapshots of a repository
//! v6/views/<tree>.view       one snapshot: its files, where their documents are, the edges of its graph
//! v6/history/<digest>.commits  packs of commits as documents
//! ```
//! A file never changes once it has its name: everything is written under a temporary name and renamed, so a reader sees all or nothing, a
//! process may die at any moment, and any number of processes may share a cache. Everything carries a checksum: what does not fit is as good
//! as absent and is built anew. Nothing here is worth an error to the user but a cache that cannot be written.
//!
//! What is in use is kept from [`gc`] by file locks: whoever builds holds the cache's lock together with others, an open index holds that of
//! its view, and packs stay as long as a view names them.

mod facts;
mod gc;
pub(crate) mod packs;
mod tiers;
mod view;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use repo::TreeId;

use crate::error::IndexError;
use crate::text::{Pack, PackBytes, PackName};

pub(crate) use facts::{FactStore, Record};
pub use gc::{Collected, Limits, gc};
pub(crate) use tiers::to_merge;
pub(crate) use view::{FileRow, Manifest, StoredView, view_bytes};

/// Names the directory; goes up with every change of what is stored or of how facts are extracted.
pub(crate) const VERSION: &str = "v6";
const VIEW: &str = "view";

/// The magic goes up when commits are read in another way.
const COMMITS: packs::Format = packs::Format { magic: b"pwcommt1", extension: "commits" };

/// A cache directory.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: Arc<Path>,
}

impl Cache {
    /// Opens a cache, making what it lacks.
    pub(crate) fn open(directory: &Path) -> Result<Cache, IndexError> {
        let cache = Cache { root: directory.join(VERSION).into() };
        for path in [cache.facts_directory(), cache.text_directory(), cache.views_directory()] {
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

    pub(crate) fn text_directory(&self) -> PathBuf {
        self.root.join("text")
    }

    fn views_directory(&self) -> PathBuf {
        self.root.join("views")
    }

    /// Returns where the view of a tree is, or would be.
    fn view_path(&self, tree: TreeId) -> PathBuf {
        self.views_directory().join(format!("{tree}.{VIEW}"))
    }

    /// Reads the view of a tree; `None` when it is absent or damaged.
    pub(crate) fn view(&self, tree: TreeId) -> Option<StoredView> {
        StoredView::read(&self.view_path(tree))
    }

    /// Reads what a view names without noting a use.
    fn view_unnoted(&self, path: &Path) -> Option<Manifest> {
        view::manifest_of(&fs::read(path).ok()?).map(|it| it.0)
    }

    /// Returns the trees of the views used last, the latest first.
    pub(crate) fn latest_views(&self, count: usize) -> Vec<TreeId> {
        let mut views = views(&self.views_directory());
        views.sort_by_key(|it| std::cmp::Reverse(it.used));
        views.truncate(count);
        views.into_iter().map(|it| it.tree).collect()
    }

    /// Writes the view of a tree and returns it as a file that is locked as in use.
    pub(crate) fn write_view(&self, tree: TreeId, bytes: &[u8]) -> Result<Option<File>, IndexError> {
        let path = self.view_path(tree);
        write_whole(&path, bytes).map_err(|source| IndexError::Cache { path: path.clone(), source })?;
        Ok(view::lock(&path))
    }

    /// Writes a pack of documents and opens it.
    pub(crate) fn write_documents(&self, bytes: PackBytes) -> Result<Pack, IndexError> {
        let name = bytes.name;
        let path = self.text_directory().join(name.file_name());
        let failed = |source| IndexError::Cache { path: path.clone(), source };
        write_parts(&path, bytes.parts().map(Ok)).map_err(failed)?;
        drop(bytes);
        // Read back through a map, so that it costs no memory of this process alone.
        let gone = || failed(io::Error::other("the file just written cannot be read back"));
        Pack::open_trusted(&self.text_directory(), name).ok_or_else(gone)
    }

    /// Opens a pack of documents; `None` when it is absent or damaged.
    pub(crate) fn documents(&self, name: PackName) -> Option<Pack> {
        Pack::open(&self.text_directory(), name)
    }

    /// Keeps [`gc`] waiting until the file is dropped; best effort, since a cache may lie on a system without locks.
    pub(crate) fn hold(&self) -> Option<File> {
        let file = self.lock_file().ok()?;
        file.lock_shared().ok()?;
        Some(file)
    }

    fn lock_file(&self) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(self.root.join("lock"))
    }
}

/// A view of the directory of views.
struct ViewFile {
    path: PathBuf,
    tree: TreeId,
    used: std::time::SystemTime,
    size: u64,
}

fn views(directory: &Path) -> Vec<ViewFile> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let view = |entry: fs::DirEntry| {
        let path = entry.path();
        let tree = path.file_name()?.to_str()?.strip_suffix(VIEW)?.strip_suffix('.')?.parse().ok()?;
        let metadata = entry.metadata().ok()?;
        Some(ViewFile { path, tree, used: metadata.modified().ok()?, size: metadata.len() })
    };
    entries.flatten().filter_map(view).collect()
}

fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Files that are being written begin with this.
const NEW: &str = ".new-";

/// Writes a file so that its name appears with all its bytes or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (begin, rest) = bytes.split_at(bytes.len() / 2);
    write_parts(path, [begin, rest].into_iter().map(Ok))
}

/// Writes a file of many parts in the same way; an error of a part is that of the whole.
fn write_parts<B: AsRef<[u8]>>(path: &Path, parts: impl Iterator<Item = io::Result<B>>) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    crash::point();
    let file = tempfile::Builder::new().prefix(NEW).tempfile_in(directory)?;
    let mut buffer = io::BufWriter::with_capacity(1 << 16, file);
    for (at, part) in parts.enumerate() {
        io::Write::write_all(&mut buffer, part?.as_ref())?;
        if at == 0 {
            io::Write::flush(&mut buffer)?;
            crash::point();
        }
    }
    let file = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
    crash::point();
    file.persist(path)?;
    crash::point();
    Ok(())
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    crash::point();
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The moments at which a test may have the process killed: before, amid and after every change of the cache.
pub(crate) mod crash {
    #[cfg(not(test))]
    pub(super) fn point() {}

    #[cfg(test)]
    pub(super) use on_purpose::point;

    #[cfg(test)]
    pub(crate) mod on_purpose {
        use std::io::{Read, Write};
        use std::sync::atomic::{AtomicUsize, Ordering};

        /// Names the number of the moment at which to stop.
        pub(crate) const VARIABLE: &str = "INDEX_TEST_STOP_AT";
        /// What is said then.
        pub(crate) const STOPPED: &str = "stopped";
        static PASSED: AtomicUsize = AtomicUsize::new(0);

        /// Says so at the chosen moment, and waits to be killed.
        pub(crate) fn point() {
            let Some(at) = std::env::var(VARIABLE).ok().and_then(|it| it.parse::<usize>().ok()) else { return };
            if PASSED.fetch_add(1, Ordering::SeqCst) == at {
                writeln!(std::io::stdout(), "\n{STOPPED}").unwrap();
                std::io::stdout().flush().unwrap();
                // Ends when the parent is gone, if it did not kill.
                let ended = std::io::stdin().read(&mut [0]);
                panic!("not killed: {ended:?}");
            }
        }
    }
}
