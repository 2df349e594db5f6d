//! The one workspace of a box in which there is no room for a copy.
//!
//! It is lent to one candidate after another. Before a file of it is edited for the first time, it is read out of the box; between
//! two candidates all that does not belong there is removed, and what was edited is uploaded again. Where that is not enough, because
//! a command changed a file that nobody had announced, the box is of no use any more, and the next candidate needs another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use repo::{FileMode, RepoPath};

use super::copies::Copy;
use crate::error::SandboxError;
use crate::station::{Mark, Place, Room, Station};
use crate::workbench::{Overlay, WorkFile};

/// Bytes of files that are kept on this side, to be uploaded again.
const MOST_KEPT: usize = 64 << 20;
/// A candidate's copy leaves at least this part of the disk to what its tests and its build write.
const LEFT_FREE: u64 = 8;
const REGULAR: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;

/// The workspace, and what it looks like when nobody has it.
#[derive(Debug)]
pub(super) struct Only {
    copy: Copy,
    state: Mutex<State>,
    spent: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    mark: Arc<Mark>,
    /// Counts the contents that were taken for the base.
    version: u64,
    lent: bool,
    /// Whether it was lent since it was put right.
    used: bool,
    originals: BTreeMap<RepoPath, WorkFile>,
}

/// The workspace in somebody's hands, until this is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    only: Arc<Only>,
    /// Whether nothing but edits that were announced happened to it.
    pub(super) untouched: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.only.state.lock().lent = false;
    }
}

/// Returns why a tree is too large to be copied into its box once more; `None` where it is not.
pub(super) fn too_large(room: &Room) -> Option<String> {
    let bytes_left = room.free_bytes.saturating_sub(room.bytes);
    let files_left = room.free_files.map(|free| (free, free.saturating_sub(room.files)));
    if bytes_left < (room.bytes + room.free_bytes) / LEFT_FREE {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        return Some(format!(
            "the tree takes {} MiB and {} MiB of the disk are left",
            mib(room.bytes),
            mib(room.free_bytes)
        ));
    }
    let (free, left) = files_left?;
    let short = left < (room.files + free) / LEFT_FREE;
    short.then(|| format!("the tree has {} files and {free} more can be made", room.files))
}

impl Only {
    /// Takes what is in a copy now for the base.
    pub(super) async fn of(station: &Station, copy: Copy, spent: Arc<AtomicBool>) -> Result<Arc<Self>, SandboxError> {
        let mark = Arc::new(station.mark_all(copy.place()).await?);
        let state = State { mark, version: 0, lent: false, used: false, originals: BTreeMap::new() };
        Ok(Arc::new(Self { copy, state: Mutex::new(state), spent }))
    }

    pub(super) fn copy(&self) -> &Copy {
        &self.copy
    }

    pub(super) fn version(&self) -> u64 {
        self.state.lock().version
    }

    /// Lends the workspace, if it is there and still of this version.
    pub(super) async fn lend(self: &Arc<Self>, station: &Station, version: u64) -> Result<Lent, SandboxError> {
        let lent = {
            let mut state = self.state.lock();
            if state.lent {
                return Err(refused("the box has room for one workspace, and that is in use"));
            }
            if state.version != version {
                return Err(refused("the box has room for one workspace, and that holds something else now"));
            }
            state.lent = true;
            Lent { only: self.clone(), untouched: true }
        };
        self.put_right(station).await?;
        if self.spent.load(Ordering::Relaxed) {
            return Err(refused("its one workspace could not be put right; start another box"));
        }
        self.state.lock().used = true;
        Ok(lent)
    }

    /// Makes the workspace what it was before it was lent; a box in which that is not possible is spent.
    async fn put_right(&self, station: &Station) -> Result<(), SandboxError> {
        if !std::mem::take(&mut self.state.lock().used) || self.spent.load(Ordering::Relaxed) {
            return Ok(());
        }
        let done = self.restore(station).await;
        if !matches!(done, Ok(true)) {
            self.spent.store(true, Ordering::Relaxed);
        }
        match done {
            // Whatever a program left that cannot be removed: another box has nothing of it.
            Ok(_) | Err(SandboxError::Workspace { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn restore(&self, station: &Station) -> Result<bool, SandboxError> {
        let mark = self.state.lock().mark.clone();
        let missing = station.clear(self.copy.place(), &mark).await?;
        if !missing.complete {
            return Ok(false);
        }
        let folder = |path: RepoPath| WorkFile { path, bytes: Vec::new(), mode: FileMode::Submodule };
        let mut files: Vec<WorkFile> = missing.folders.into_iter().map(folder).collect();
        {
            let state = self.state.lock();
            for path in &missing.files {
                let Some(original) = state.originals.get(path) else {
                    tracing::debug!(%path, "a file of the only workspace was changed that nobody kept");
                    return Ok(false);
                };
                files.push(original.clone());
            }
        }
        if files.is_empty() {
            return Ok(true);
        }
        station.put(self.copy.place(), &files).await?;
        let mark = station.mark_all(self.copy.place()).await?;
        self.state.lock().mark = Arc::new(mark);
        Ok(true)
    }
}

impl Lent {
    pub(super) fn place(&self) -> &Place {
        self.only.copy.place()
    }

    /// Reads what is about to be edited, so that it can be uploaded again.
    pub(super) async fn keep(&self, station: &Station, edits: &[Overlay]) -> Result<(), SandboxError> {
        if !self.untouched {
            return Ok(());
        }
        let (mark, mut kept) = {
            let state = self.only.state.lock();
            (state.mark.clone(), state.originals.values().map(|it| it.bytes.len()).sum::<usize>())
        };
        for (path, mode) in mark.modes(edits.iter().map(|it| &it.path)) {
            let mode = match mode {
                REGULAR => FileMode::Regular,
                EXECUTABLE => FileMode::Executable,
                // What an upload would not make the same again.
                _ => continue,
            };
            if kept < MOST_KEPT && !self.only.state.lock().originals.contains_key(path) {
                let bytes = match station.read(self.place(), path, MOST_KEPT - kept).await {
                    Ok(bytes) => bytes,
                    // Larger than what is kept: then the box is spent by the edit.
                    Err(SandboxError::Workspace { .. }) => continue,
                    Err(error) => return Err(error),
                };
                kept += bytes.len();
                let file = WorkFile { path: path.clone(), bytes, mode };
                self.only.state.lock().originals.insert(path.clone(), file);
            }
        }
        Ok(())
    }

    /// Gives the workspace back.
    pub(super) async fn give_back(self, station: &Station) -> Result<(), SandboxError> {
        self.only.put_right(station).await
    }

    /// Takes what is in the workspace now for the base.
    pub(super) async fn settle(self, station: &Station) -> Result<Arc<Only>, SandboxError> {
        let mark = Arc::new(station.mark_all(self.place()).await?);
        let only = self.only.clone();
        {
            let mut state = only.state.lock();
            let version = state.version + 1;
            *state = State { mark, version, lent: true, used: false, originals: BTreeMap::new() };
        }
        Ok(only)
    }
}

fn refused(detail: &str) -> SandboxError {
    SandboxError::Workspace { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: u64, free_bytes: u64, files: u64, free_files: Option<u64>, expected: Option<&str>) {
        assert_eq!(too_large(&Room { bytes, files, free_bytes, free_files }).as_deref(), expected);
    }

    #[test]
    fn a_copy_must_leave_an_eighth_of_the_disk() {
        const MIB: u64 = 1 << 20;
        check(400 * MIB, 624 * MIB, 10, Some(1000), None);
        check(450 * MIB, 574 * MIB, 10, Some(1000), Some("the tree takes 450 MiB and 574 MiB of the disk are left"));
        check(900 * MIB, 124 * MIB, 10, None, Some("the tree takes 900 MiB and 124 MiB of the disk are left"));
        check(MIB, 900 * MIB, 600, Some(400), Some("the tree has 600 files and 400 more can be made"));
        check(MIB, 900 * MIB, 600, None, None);
    }
}
