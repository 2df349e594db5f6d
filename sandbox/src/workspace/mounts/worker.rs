//! The two threads on which workspaces are mounted and removed.
//!
//! Mounting needs a working directory of its own, which a thread of the async runtime cannot have; removing what a build wrote may
//! take long, and no fork should wait for it.

use std::io;
use std::sync::{LazyLock, mpsc};

use nix::sched::{CloneFlags, unshare};

use super::Closing;

type Work = Box<dyn FnOnce() + Send>;

/// A thread that does one thing after another.
pub(super) struct Worker {
    sender: Option<mpsc::Sender<Work>>,
}

impl Worker {
    /// Returns the thread that mounts and unmounts.
    pub(super) fn mounts() -> &'static Self {
        static WORKER: LazyLock<Worker> = LazyLock::new(|| Worker::start("workspace-mount"));
        &WORKER
    }

    /// Returns the thread that removes what was written.
    pub(super) fn sweeps() -> &'static Self {
        static WORKER: LazyLock<Worker> = LazyLock::new(|| Worker::start("workspace-sweep"));
        &WORKER
    }

    fn start(name: &str) -> Self {
        let (sender, receiver) = mpsc::channel::<Work>();
        let run = move || {
            // Without a working directory of its own this thread would move that of the whole process: it ends then, and
            // whatever is asked of it fails.
            if unshare(CloneFlags::CLONE_FS).is_ok() {
                receiver.iter().for_each(|work| work());
            }
        };
        let spawned = std::thread::Builder::new().name(name.into()).spawn(run);
        Self { sender: spawned.ok().map(|_| sender) }
    }

    /// Does something after what was asked before, and returns what it returned.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.post(move || {
            // What nobody waits for is dropped here.
            let _ = reply.send(work());
        });
        answer.await.map_err(|_| io::Error::other("the thread that mounts workspaces is gone"))
    }

    /// Does something after what was asked before.
    pub(super) fn post(&self, work: impl FnOnce() + Send + 'static) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(Box::new(work));
        }
    }

    /// Unmounts the leaves, waits until nothing is being removed any more, and unmounts the rest.
    pub(super) async fn close(work: Closing) -> io::Result<()> {
        let work = Self::mounts().run(move || work.leaves().map(|()| work)).await??;
        Self::sweeps().run(move || work.file_system()).await?
    }

    /// Does the same without waiting.
    pub(super) fn close_later(work: Closing) {
        Self::mounts().post(move || {
            let leaves = work.leaves();
            Self::sweeps().post(move || {
                if let Err(error) = leaves.and_then(|()| work.file_system()) {
                    tracing::warn!(%error, "workspaces not removed");
                }
            });
        });
    }
}
