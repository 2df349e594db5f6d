//! Keeps the index of a working copy warm: what changes in it is in the index a moment later.
//!
//! The file system's word is only a hint where to look: the folder is read there, by its own rules, and what it holds decides. When the
//! system could not keep up it says so, and everything is looked at. The working copy is only read.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use indexer::{Index, IndexError, IndexStats};
use notify::{RecursiveMode, Watcher};
use repo::{Folder, RepoError, RepoPath, TreeId};

use crate::clock::Clock;

/// After so long without another change a batch is done.
const QUIET: Duration = Duration::from_millis(60);
/// No batch waits longer, however many changes come.
const LONGEST: Duration = Duration::from_millis(1000);
/// A batch of more places than this is looked at as a whole: reading everything is then quicker than asking one by one.
const MANY: usize = 5000;
/// Hints that may wait. When there are more the system's queue would overflow next, and one rescan does for all.
const WAITING: usize = 16_384;

/// What is heard of the file system, and of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// These places may have changed.
    Touched(Vec<PathBuf>),
    /// Changes were missed.
    Overflow,
    /// The user wants to stop.
    Stop,
}

/// What is to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Places, each once.
    pub places: Vec<PathBuf>,
    /// Whether everything is to be looked at.
    pub everything: bool,
}

/// Why a working copy can not be watched any more.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The folder cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The index cannot be built or written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The system does not tell of changes.
    #[error("cannot watch `{}`; on Linux more directories are watched with a higher `fs.inotify.max_user_watches`", path.display())]
    Watch {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: notify::Error,
    },
}

/// What one refresh did.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The tree of the files.
    pub tree: TreeId,
    /// The files that differ, in path order.
    pub changed: Vec<RepoPath>,
    /// Whether everything was looked at.
    pub rescanned: bool,
    /// What the index took.
    pub stats: IndexStats,
    /// From the end of the batch until the index was there.
    pub took: Duration,
}

/// Collects hints until nothing comes for a while; `None` when the user stops or nobody can give hints any more.
///
/// The first hint is waited for without limit. When hints end with some collected these are a batch of their own.
pub fn next_batch(hints: &Receiver<Hint>) -> Option<Batch> {
    let mut batch = Batch::default();
    if !batch.take(hints.recv().ok()?) {
        return None;
    }
    let clock = Clock::start();
    loop {
        let left = LONGEST.saturating_sub(clock.elapsed());
        match hints.recv_timeout(QUIET.min(left)) {
            Ok(hint) => {
                if !batch.take(hint) {
                    return None;
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    batch.places.sort();
    batch.places.dedup();
    if batch.places.len() > MANY {
        batch.everything = true;
    }
    Some(batch)
}

impl Batch {
    /// Adds a hint; returns whether to go on.
    fn take(&mut self, hint: Hint) -> bool {
        match hint {
            Hint::Touched(places) => self.places.extend(places),
            Hint::Overflow => self.everything = true,
            Hint::Stop => return false,
        }
        true
    }
}

/// A working copy and its index.
pub struct Watched {
    folder: Folder,
    index: Index,
    /// Whether something could not be read, so that all has to be looked at next.
    owes: bool,
}

impl Watched {
    /// Reads the working copy at `root` and opens its index. Objects go to `objects`, the index to `cache`.
    ///
    /// # Errors
    /// When the working copy cannot be read or the index not be written.
    pub fn open(root: &Path, objects: &Path, cache: &Path) -> Result<Watched, WatchError> {
        let folder = Folder::open(objects, root)?;
        let snapshot = folder.store().snapshot(folder.tree())?;
        let index = Index::open(cache, &snapshot, &|_| {})?;
        Ok(Watched { folder, index, owes: false })
    }

    /// Returns the index of what was last seen.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Brings the index up to date; `None` when nothing differs.
    ///
    /// # Errors
    /// When the working copy cannot be read or the index not be written. The index stays as it was, and the next refresh looks at everything.
    pub fn refresh(&mut self, batch: &Batch) -> Result<Option<Refresh>, WatchError> {
        let clock = Clock::start();
        let rescanned = std::mem::replace(&mut self.owes, true) || batch.everything;
        let changed = if rescanned { self.folder.rescan()? } else { self.folder.refresh(&batch.places)? };
        if self.folder.tree() == self.index.snapshot().tree() {
            self.owes = false;
            return Ok(None);
        }
        let snapshot = self.folder.store().snapshot_near(self.index.snapshot(), self.folder.tree())?;
        self.index = self.index.next(&snapshot, &|_| {})?;
        self.owes = false;
        let (tree, stats) = (self.folder.tree(), self.index.stats());
        Ok(Some(Refresh { tree, changed, rescanned, stats, took: clock.elapsed() }))
    }
}

/// Returns a channel for hints.
pub fn channel() -> (SyncSender<Hint>, Receiver<Hint>) {
    std::sync::mpsc::sync_channel(WAITING)
}

/// The system's watch on the directories of a folder. It ends when this is dropped.
///
/// Directories are watched one by one, so that what the rules leave out (a build's output, `.git`) costs nothing.
pub struct Watch {
    watcher: notify::RecommendedWatcher,
    watched: std::collections::BTreeSet<PathBuf>,
}

impl Watch {
    /// Starts to send hints; none is sent before directories are named.
    ///
    /// # Errors
    /// When the system gives no watch.
    pub fn start(root: &Path, hints: SyncSender<Hint>) -> Result<Watch, WatchError> {
        let lost = std::sync::atomic::AtomicBool::new(false);
        let send = move |event: notify::Result<notify::Event>| {
            let Some(hint) = hint(event) else { return };
            // A full channel must not hold the system's thread. Who finds room again says that something was lost.
            let was_lost = lost.load(std::sync::atomic::Ordering::Relaxed);
            let sent = hints.try_send(if was_lost { Hint::Overflow } else { hint });
            lost.store(sent.is_err(), std::sync::atomic::Ordering::Relaxed);
        };
        let failed = |source| WatchError::Watch { path: root.to_owned(), source };
        let watcher = notify::recommended_watcher(send).map_err(failed)?;
        Ok(Watch { watcher, watched: std::collections::BTreeSet::new() })
    }

    /// Watches directories anew that are among the places of a batch: they may have gone and come again, and the watch with them.
    pub fn doubt(&mut self, batch: &Batch) {
        for place in &batch.places {
            if self.watched.contains(place) {
                self.watched.retain(|it| !it.starts_with(place));
            }
        }
        if batch.everything {
            let watcher = &mut self.watcher;
            // To watch what is watched changes nothing. What fails is tried again, and told, when it is followed.
            self.watched.retain(|it| watcher.watch(it, RecursiveMode::NonRecursive).is_ok());
        }
    }

    /// Watches the folder's directories that are not watched yet, and returns them.
    ///
    /// What came into a directory before it was watched is not told of: look at those returned again.
    ///
    /// # Errors
    /// When the system watches no more directories.
    pub fn follow(&mut self, folder: &Folder) -> Result<Vec<PathBuf>, WatchError> {
        let now: std::collections::BTreeSet<&Path> = folder.directories().collect();
        // The system drops the watch of a directory that goes away.
        self.watched.retain(|it| now.contains(it.as_path()));
        let mut fresh = Vec::new();
        for directory in now {
            if self.watched.contains(directory) {
                continue;
            }
            match self.watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(directory.to_owned());
                    fresh.push(directory.to_owned());
                }
                // It went away meanwhile.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) || !directory.exists() => {}
                Err(source) => return Err(WatchError::Watch { path: directory.to_owned(), source }),
            }
        }
        Ok(fresh)
    }
}

/// Returns what an event of the system means; `None` for mere reading.
fn hint(event: notify::Result<notify::Event>) -> Option<Hint> {
    match event {
        Ok(event) if event.need_rescan() => Some(Hint::Overflow),
        Ok(event) if event.kind.is_access() => None,
        Ok(event) => Some(Hint::Touched(event.paths)),
        // Its word is unclear, so all is looked at.
        Err(_) => Some(Hint::Overflow),
    }
}

#[cfg(test)]
mod tests;
