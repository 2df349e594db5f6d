//! The host's side of workspaces: one in-memory file system per job, and in it one overlay per leaf.
//!
//! ```text
//! /run/patchwright-nodes.<owner>.<n>/   tmpfs, mode 700, as large and with as many files as the limits say
//!   nodes/<slot>/                       where a leaf is mounted; only `nodes` is shown to the box
//!   u/<id>/                             what was written in a leaf; frozen, it lies below other leaves
//!   w/<id>/                             the kernel's own working folder of a leaf
//!   t/                                  what is being removed
//! ```
//!
//! A leaf is mounted in the lowest slot that is free, so that leaves that follow each other appear under one path, and absolute paths
//! that a build wrote down stay valid.
//!
//! The box writes through its mounts and nowhere else, so what this process does by name is done in folders that it alone can
//! write, relative to a descriptor of the job's folder. Below a leaf it reads nothing and follows nothing; removing is in
//! [`sweep`], and what a dead process left is in [`left`].

mod left;
mod sweep;
mod system;
mod worker;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use parking_lot::Mutex;

use self::worker::Worker;
use crate::error::SandboxError;
use crate::limits::Limits;

pub(crate) use self::left::reap;
pub(crate) use self::system::Unmounted;

/// Where the jobs' folders are made: a folder that only the superuser can write.
const STATE: &str = "/run";
const PREFIX: &str = "patchwright-nodes.";
/// What our mounts name as their source, so that they can be told from others.
const SOURCE: &str = "patchwright";
/// The user and group of everything in a box.
const NOBODY: u32 = 65_534;
/// The kernel takes 500 layers, and a page of options.
pub(crate) const MOST_LAYERS: usize = 400;

/// The folders that leaves themselves need, of which there are a few for each.
const FILES_OF_OURS: u64 = 1024;

const NODES: &str = "nodes";
const UPPER: &str = "u";
const WORK: &str = "w";
const TRASH: &str = "t";

/// The lowest slot.
const FIRST: u64 = 0;

/// What joins the layers of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Joiner {
    /// The kernel's overlayfs.
    Kernel,
    /// This `fuse-overlayfs` program.
    Fuse(PathBuf),
}

/// The workspaces of one job. Dropping it removes them all; [`JobMounts::close`] also tells whether that went well.
#[derive(Debug)]
pub(crate) struct JobMounts {
    job: Arc<Job>,
}

/// A mounted workspace that can be written. Dropping it unmounts it and removes what was written in it.
#[derive(Debug)]
pub(crate) struct MountedLeaf {
    job: Arc<Job>,
    id: u64,
    /// Where it is mounted, while it is.
    slot: Option<u64>,
    below: Vec<Arc<Upper>>,
}

/// What leaves are made on: nobody can write it. What is in it is removed with its last user.
#[derive(Debug, Clone)]
pub(crate) struct FrozenLayer {
    /// The newest first.
    uppers: Vec<Arc<Upper>>,
}

/// What was written in one leaf.
#[derive(Debug)]
struct Upper {
    job: Arc<Job>,
    id: u64,
}

#[derive(Debug)]
struct Job {
    path: PathBuf,
    root: OwnedFd,
    joiner: Joiner,
    next: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The slots in which a leaf is mounted.
    mounted: BTreeSet<u64>,
    /// Slots whose leaf was still in use.
    held: Vec<u64>,
    closed: bool,
}

impl JobMounts {
    /// Makes the job's folder and the file system in it.
    ///
    /// # Errors
    /// When this process may not mount, in the words of the system.
    pub(crate) async fn open(boot: &str, limits: &Limits, joiner: Joiner) -> Result<Self, SandboxError> {
        let path = Path::new(STATE).join(left::new_name(boot));
        let (bytes, files) = (limits.disk_bytes, limits.files.saturating_add(FILES_OF_OURS));
        let made = path.clone();
        let root = Worker::mounts().run(move || system::make_job(&made, bytes, files)).await.and_then(|made| made);
        let root = root.map_err(|source| file("make workspaces in", &path, source))?;
        let (next, state) = (AtomicU64::new(0), Mutex::default());
        Ok(Self { job: Arc::new(Job { path, root, joiner, next, state }) })
    }

    /// Returns the folder that a box is to see.
    pub(crate) fn nodes(&self) -> PathBuf {
        self.job.path.join(NODES)
    }

    /// Mounts an empty leaf.
    pub(crate) async fn empty(&self) -> Result<MountedLeaf, SandboxError> {
        self.job.leaf(Vec::new()).await
    }

    /// Mounts a leaf on a layer.
    pub(crate) async fn fork(&self, layer: &FrozenLayer) -> Result<MountedLeaf, SandboxError> {
        self.job.leaf(layer.uppers.clone()).await
    }

    /// Returns how many bytes and files the job's workspaces take.
    pub(crate) fn usage(&self) -> Result<Usage, SandboxError> {
        system::usage(&self.job.root).map_err(|source| file("measure the workspaces in", &self.job.path, source))
    }

    /// Returns the leaves that something in the box still held when they were removed.
    pub(crate) fn held(&self) -> Vec<u64> {
        self.job.state.lock().held.clone()
    }

    /// Unmounts and removes everything, whether or not leaves and layers are still there.
    ///
    /// # Errors
    /// When something of it may be left.
    pub(crate) async fn close(self) -> Result<(), SandboxError> {
        let Some(work) = self.job.closing() else { return Ok(()) };
        let id = self.job.path.display().to_string();
        Worker::close(work).await.map_err(|error| SandboxError::Close { id, reason: error.to_string() })
    }
}

impl Drop for JobMounts {
    fn drop(&mut self) {
        if let Some(work) = self.job.closing() {
            Worker::close_later(work);
        }
    }
}

/// How much of a job's file system is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes, in whole pages.
    pub bytes: u64,
    /// Files, folders and links.
    pub files: u64,
}

impl Job {
    async fn leaf(self: &Arc<Self>, below: Vec<Arc<Upper>>) -> Result<MountedLeaf, SandboxError> {
        if below.len() > MOST_LAYERS {
            let detail = format!("{} layers are more than the {MOST_LAYERS} that can be joined", below.len());
            return Err(SandboxError::Workspace { detail });
        }
        if system::is_crowded(&self.root).map_err(|source| file("measure the workspaces in", &self.path, source))? {
            // What is being removed still takes the room that the next one needs.
            let waited = async {
                Worker::mounts().run(|| ()).await?;
                Worker::sweeps().run(|| ()).await
            };
            waited.await.map_err(|source| file("remove workspaces in", &self.path, source))?;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let leaf = MountedLeaf { job: self.clone(), id, slot: None, below };
        // The leaf travels with the work: if nobody waits for it any more, it is dropped there, mounted as it is.
        let leaf = Worker::mounts().run(move || leaf.mount()).await.and_then(|mounted| mounted);
        leaf.map_err(|source| match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOSPC) => SandboxError::Workspace { detail: "the limit of disk space is used up".into() },
            Some(_) | None => file("mount a workspace in", &self.path, source),
        })
    }

    /// Returns what is to be done to close, the first time.
    fn closing(self: &Arc<Self>) -> Option<Closing> {
        let mut state = self.state.lock();
        let first = !std::mem::replace(&mut state.closed, true);
        first.then(|| Closing { job: self.clone() })
    }

    fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Takes a leaf out of the box's sight.
    fn unmount(&self, slot: u64) -> io::Result<Unmounted> {
        let done = system::unmount(&self.root, slot)?;
        let mut state = self.state.lock();
        state.mounted.remove(&slot);
        if done == Unmounted::StillHeld {
            state.held.push(slot);
            tracing::warn!(job = %self.path.display(), slot, "a workspace was still in use when it was removed");
        }
        Ok(done)
    }

    /// Unmounts a leaf and has what was written in it removed.
    fn discard(self: &Arc<Self>, id: u64, slot: u64) -> io::Result<Unmounted> {
        if self.is_closed() {
            return Ok(Unmounted::Clean);
        }
        let done = self.unmount(slot)?;
        self.sweep_later(WORK, id);
        self.sweep_later(UPPER, id);
        Ok(done)
    }

    fn sweep_later(self: &Arc<Self>, folder: &'static str, id: u64) {
        let job = self.clone();
        Worker::sweeps().post(move || {
            // What is closed goes as a whole.
            if job.is_closed() {
                return;
            }
            if let Err(error) = sweep::remove(&job.root, folder, id, &|| job.is_closed()) {
                tracing::warn!(job = %job.path.display(), folder, id, %error, "what was written is not removed yet");
            }
        });
    }
}

impl State {
    fn lowest_free(&self) -> u64 {
        (0..)
            .zip(&self.mounted)
            .find(|(free, taken)| free != *taken)
            .map_or(self.mounted.len() as u64, |(free, _)| free)
    }
}

fn closed() -> io::Error {
    io::Error::other("the job's workspaces are closed")
}

/// The last things done to a job.
#[derive(Debug)]
pub(crate) struct Closing {
    job: Arc<Job>,
}

impl Closing {
    /// Unmounts the leaves. Leaves that are being made meanwhile come later in the same line and find the job closed.
    fn leaves(&self) -> io::Result<()> {
        let mounted = self.job.state.lock().mounted.clone();
        mounted.into_iter().try_for_each(|slot| self.job.unmount(slot).map(drop))
    }

    /// Unmounts the file system in which all of it lies.
    fn file_system(&self) -> io::Result<()> {
        system::remove_job(&self.job.path)
    }
}

impl MountedLeaf {
    /// Returns whether it is in the lowest slot, whose folder is always there: a box may be shown it under another path as well.
    pub(crate) fn is_first(&self) -> bool {
        self.slot == Some(FIRST)
    }

    /// Returns the leaf's name below `nodes`.
    pub(crate) fn name(&self) -> String {
        self.slot.unwrap_or_default().to_string()
    }

    /// Takes the leaf away from the box and returns what it holds as a layer.
    ///
    /// # Errors
    /// When something in the box still uses it, so that it could still be written; then it is removed instead.
    pub(crate) async fn freeze(self) -> Result<FrozenLayer, SandboxError> {
        let (path, slot) = (self.job.path.clone(), self.name());
        let frozen = Worker::mounts().run(move || self.seal()).await.and_then(|sealed| sealed);
        frozen.map_err(|source| file("freeze a workspace in", &path, source))?.ok_or_else(|| SandboxError::Workspace {
            detail: format!("a process still uses workspace {slot}, so it cannot become the base of others"),
        })
    }

    /// Unmounts the leaf and waits for it; what was written is removed in the background.
    pub(crate) async fn remove(mut self) -> Result<Unmounted, SandboxError> {
        let path = self.job.path.clone();
        let removed = Worker::mounts().run(move || self.unmount()).await.and_then(|removed| removed);
        removed.map_err(|source| file("unmount a workspace in", &path, source))
    }

    fn mount(mut self) -> io::Result<Self> {
        if self.job.is_closed() {
            return Err(closed());
        }
        // Slots are taken and given back on this thread alone.
        let slot = self.job.state.lock().lowest_free();
        let lower: Vec<u64> = self.below.iter().map(|upper| upper.id).collect();
        if let Err(error) = system::mount_leaf(&self.job.root, self.id, slot, &lower, &self.job.joiner) {
            system::forget_leaf(&self.job.root, self.id, slot);
            return Err(error);
        }
        self.job.state.lock().mounted.insert(slot);
        self.slot = Some(slot);
        Ok(self)
    }

    fn seal(mut self) -> io::Result<Option<FrozenLayer>> {
        let Some(slot) = self.slot.take() else { return Ok(None) };
        if self.job.is_closed() {
            return Err(closed());
        }
        if self.job.unmount(slot)? == Unmounted::StillHeld {
            return Ok(None);
        }
        self.job.sweep_later(WORK, self.id);
        let upper = Arc::new(Upper { job: self.job.clone(), id: self.id });
        let below = std::mem::take(&mut self.below);
        Ok(Some(FrozenLayer { uppers: [vec![upper], below].concat() }))
    }

    fn unmount(&mut self) -> io::Result<Unmounted> {
        self.slot.take().map_or(Ok(Unmounted::Clean), |slot| self.job.discard(self.id, slot))
    }
}

impl Drop for MountedLeaf {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        let (job, id, below) = (self.job.clone(), self.id, std::mem::take(&mut self.below));
        Worker::mounts().post(move || {
            if let Err(error) = job.discard(id, slot) {
                tracing::warn!(job = %job.path.display(), slot, %error, "workspace not unmounted");
            }
            drop(below);
        });
    }
}

impl FrozenLayer {
    /// Returns whether it is one of this job's.
    pub(crate) fn is_of(&self, job: &JobMounts) -> bool {
        self.uppers.iter().all(|upper| Arc::ptr_eq(&upper.job, &job.job))
    }

    /// Returns how many leaves it was written in.
    pub(crate) fn depth(&self) -> usize {
        self.uppers.len()
    }
}

impl Drop for Upper {
    fn drop(&mut self) {
        self.job.sweep_later(UPPER, self.id);
    }
}

fn file(what: &'static str, path: &Path, source: io::Error) -> SandboxError {
    SandboxError::File { what, path: path.to_owned(), source }
}

#[cfg(test)]
pub(crate) mod tests;
