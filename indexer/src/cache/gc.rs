//! Removes what has not been used for long, or is too much.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::{Cache, NEW, ViewFile, views};
use crate::error::IndexError;
use crate::text::PackName;

/// How much a cache may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Views not used for longer are removed.
    pub age: Duration,
    /// Views beyond this many are removed, those not used for longest first.
    pub views: usize,
    /// As long as the cache has more bytes, further views are removed.
    pub bytes: u64,
    /// Counts what would be removed, and removes nothing. Facts that no view needs are told only by a real removal.
    pub dry_run: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { age: Duration::from_secs(30 * 24 * 3600), views: 256, bytes: 8 << 30, dry_run: false }
    }
}

/// What [`gc`] removed and kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Views removed.
    pub views: usize,
    /// Packs and leftovers of killed processes removed.
    pub files: usize,
    /// Bytes removed.
    pub bytes: u64,
    /// Bytes that are left.
    pub left: u64,
    /// Whether nothing was looked at because another process is building an index.
    pub busy: bool,
}

/// Something younger may be a part of what another process is about to name, where locks do not work.
const GRACE: Duration = Duration::from_secs(3600);

/// Removes views beyond the limits, the packs that no view names any more, and what killed processes left half written.
///
/// A view that an open index stands on is never removed, nor are its packs; nothing is removed while an index is being built in `directory`.
///
/// # Errors
/// When the cache cannot be opened or its lock not be taken.
pub fn gc(directory: &Path, limits: &Limits) -> Result<Collected, IndexError> {
    let cache = Cache::open(directory)?;
    let failed = |source| IndexError::Cache { path: directory.to_owned(), source };
    let lock = cache.lock_file().map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(Collected { busy: true, ..Collected::default() }),
        Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
    }
    Ok(Sweep {
        cache: &cache,
        limits,
        now: SystemTime::now(),
        done: Collected::default(),
        counted: FxHashSet::default(),
    }
    .run())
}

struct Sweep<'a> {
    cache: &'a Cache,
    limits: &'a Limits,
    now: SystemTime,
    done: Collected,
    /// What a dry run has counted.
    counted: FxHashSet<PathBuf>,
}

impl Sweep<'_> {
    fn run(mut self) -> Collected {
        let mut all = views(&self.cache.views_directory());
        all.sort_by_key(|it| std::cmp::Reverse(it.used));
        let mut kept = Vec::new();
        for (at, view) in all.into_iter().enumerate() {
            let old = self.age(view.used) > self.limits.age || at >= self.limits.views;
            if !(old && self.remove_view(&view)) {
                kept.push(view);
            }
        }
        self.sweep(&kept);
        // Of what is left the oldest goes first, one by one, since views share most of what they name.
        while self.left() > self.limits.bytes {
            let Some(view) = kept.pop() else { break };
            if self.remove_view(&view) {
                self.sweep(&kept);
            }
        }
        self.remove_unused_history();
        self.done.left = self.left();
        self.done
    }

    fn age(&self, time: SystemTime) -> Duration {
        self.now.duration_since(time).unwrap_or_default()
    }

    /// Returns whether the view was removed, or would be: not when an open index stands on it.
    fn remove_view(&mut self, view: &ViewFile) -> bool {
        let free = fs::File::open(&view.path).is_ok_and(|it| it.try_lock().is_ok());
        let removed = free && (self.limits.dry_run || super::remove(&view.path).is_ok());
        if removed {
            self.done.views += 1;
            self.done.bytes += view.size;
        }
        removed
    }

    /// Removes the packs that none of these views names.
    fn sweep(&mut self, kept: &[ViewFile]) {
        let mut named: FxHashSet<PackName> = FxHashSet::default();
        let mut contents = FxHashSet::default();
        for view in kept {
            // A damaged view names nothing; it is rebuilt when it is next asked for.
            let Some(view) = self.cache.view_unnoted(&view.path) else { continue };
            named.extend(view.packs);
            contents.extend(view.files.into_iter().map(|it| (it.language.number(), it.blob)));
        }
        for (path, size, time) in files(&self.cache.text_directory()) {
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            if PackName::of_file_name(name).is_some_and(|it| !named.contains(&it)) || self.is_leftover(name, time) {
                self.remove(&path, size);
            }
        }
        for directory in [self.cache.facts_directory(), self.cache.views_directory()] {
            for (path, size, time) in files(&directory) {
                if self.is_leftover(path.file_name().and_then(|it| it.to_str()).unwrap_or_default(), time) {
                    self.remove(&path, size);
                }
            }
        }
        if self.limits.dry_run {
            return;
        }
        let before = size_of(&self.cache.facts_directory());
        if let Err(error) = self.cache.facts().keep(&contents) {
            tracing::warn!(%error, "facts are not collected");
        }
        self.done.bytes += before.saturating_sub(size_of(&self.cache.facts_directory()));
    }

    fn is_leftover(&self, name: &str, time: SystemTime) -> bool {
        name.starts_with(NEW) && self.age(time) > GRACE
    }

    fn remove(&mut self, path: &Path, size: u64) {
        if self.limits.dry_run && !self.counted.insert(path.to_owned()) {
            return;
        }
        if self.limits.dry_run || super::remove(path).is_ok() {
            self.done.files += 1;
            self.done.bytes += size;
        }
    }

    /// Documents of commits are small, shared by all histories and marked as used by each opening, so they go together.
    fn remove_unused_history(&mut self) {
        for (path, size, time) in files(&self.cache.history_directory()) {
            if self.age(time) > self.limits.age {
                self.remove(&path, size);
            }
        }
    }

    /// What is left, or would be.
    fn left(&self) -> u64 {
        let removed = if self.limits.dry_run { self.done.bytes } else { 0 };
        self.size().saturating_sub(removed)
    }

    fn size(&self) -> u64 {
        let cache = self.cache;
        let directories =
            [cache.facts_directory(), cache.text_directory(), cache.views_directory(), cache.history_directory()];
        directories.iter().map(|it| size_of(it)).sum()
    }
}

fn size_of(directory: &Path) -> u64 {
    files(directory).iter().map(|it| it.1).sum()
}

fn files(directory: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let file = |it: fs::DirEntry| {
        let metadata = it.metadata().ok()?;
        Some((it.path(), metadata.len(), metadata.modified().ok()?))
    };
    entries.flatten().filter_map(file).collect()
}
