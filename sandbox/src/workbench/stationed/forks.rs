//! Workspaces over one base, and over what builds left in some of them.

mod kept;

use repo::RepoPath;

use self::kept::Kept;
use super::super::{Overlay, WorkFile};
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::spec::SandboxSpec;
use crate::station::{Place, Station};
use crate::workspace::means::Means;
use crate::workspace::reuse::Start;
use crate::workspace::{Commit, Layer, Leaf, Workspaces};

/// A base, and the workspaces made on it.
pub(super) struct Forks {
    workspaces: Workspaces,
    base: Base,
    kept: Kept,
    /// The tree of the image that the base begins with.
    seed: Option<String>,
    disk_bytes: u64,
}

enum Base {
    /// Nothing was put into it yet.
    Empty,
    /// It is being filled.
    Filling(Leaf),
    /// It was used, and nobody writes in it any more.
    Done(Layer),
}

impl Forks {
    pub(super) async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let workspaces = Workspaces::open(backend, spec).await?;
        if let Some(notice) = workspaces.choice().notice() {
            tracing::info!("{notice}");
        }
        let (seed, disk_bytes) = (spec.seed.clone(), spec.limits.disk_bytes);
        Ok(Self { workspaces, base: Base::Empty, kept: Kept::default(), seed, disk_bytes })
    }

    pub(super) fn station(&self) -> &Station {
        self.workspaces.station()
    }

    /// Adds files to the base.
    pub(super) async fn put(&mut self, files: &[WorkFile]) -> Result<(), SandboxError> {
        self.kept.clear();
        let mut leaf = match std::mem::replace(&mut self.base, Base::Empty) {
            Base::Empty => self.first().await?,
            Base::Filling(leaf) => leaf,
            Base::Done(layer) => self.workspaces.fork(&layer).await?,
        };
        let done = self.workspaces.put(&mut leaf, files).await;
        self.base = Base::Filling(leaf);
        done
    }

    /// Reads a file of the base.
    pub(super) async fn pull(&mut self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        if let Base::Filling(leaf) = &self.base {
            return self.station().read(leaf.place(), path, limit).await;
        }
        let leaf = self.fork(&[]).await?;
        let read = self.station().read(leaf.place(), path, limit).await;
        self.remove(leaf).await?;
        read
    }

    /// Returns a workspace with the base's files and these differences.
    pub(super) async fn fork(&mut self, overlay: &[Overlay]) -> Result<Leaf, SandboxError> {
        let base = self.base().await?;
        self.edited(&base, overlay).await
    }

    /// Returns whether a workspace with these differences can be made on what an earlier build left.
    pub(super) fn can_build_on(&self, overlay: &[Overlay]) -> bool {
        self.kept.nearest(overlay).is_some()
    }

    /// As [`Forks::fork`], on what the nearest earlier build left where that is wished and there.
    pub(super) async fn fork_from(&mut self, start: Start, overlay: &[Overlay]) -> Result<Leaf, SandboxError> {
        match self.kept.nearest(overlay) {
            Some((layer, rest)) if start == Start::Parent => self.edited(&layer, &rest).await,
            Some(_) | None => self.fork(overlay).await,
        }
    }

    /// Keeps a workspace with what a build left in it, where there is room. Returns the layer's newest time.
    pub(super) async fn keep(
        &mut self,
        mut leaf: Leaf,
        overlay: &[Overlay],
    ) -> Result<Option<std::time::SystemTime>, SandboxError> {
        if !self.has_room()? {
            self.remove(leaf).await?;
            return Ok(None);
        }
        leaf.touched();
        let layer = match self.workspaces.freeze(leaf).await {
            Ok(layer) => layer,
            // Something of the run holds on to it. The run is over all the same.
            Err(SandboxError::Workspace { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let newest = layer.newest().time();
        self.kept.keep(overlay.to_vec(), layer);
        Ok(Some(newest))
    }

    /// Removes what builds left.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    /// Removes a workspace. In a box that is dead there is nothing to remove.
    pub(super) async fn remove(&self, leaf: Leaf) -> Result<(), SandboxError> {
        if self.station().is_alive() { self.workspaces.remove(leaf).await } else { Ok(()) }
    }

    /// Returns whether another workspace can be made.
    pub(super) fn is_alive(&self) -> bool {
        self.station().is_alive() && !self.workspaces.is_spent()
    }

    /// Returns how workspaces are made and why, where the base is too large to be copied.
    pub(super) fn notice(&self) -> Option<String> {
        let choice = self.workspaces.choice();
        (choice.means == Means::Single).then(|| choice.to_string())
    }

    /// Returns whether workspaces lie on layers here.
    #[cfg(test)]
    pub(super) fn shares_layers(&self) -> bool {
        matches!(self.workspaces.choice().means, Means::Overlay | Means::FuseOverlay)
    }

    pub(super) async fn close(self) -> Result<(), SandboxError> {
        self.workspaces.close().await
    }

    /// Returns the base as a layer: one commit without a history, where there is git.
    async fn base(&mut self) -> Result<Layer, SandboxError> {
        let leaf = match std::mem::replace(&mut self.base, Base::Empty) {
            Base::Done(layer) => {
                self.base = Base::Done(layer.clone());
                return Ok(layer);
            }
            Base::Filling(leaf) => leaf,
            Base::Empty => self.first().await?,
        };
        let layer = self.workspaces.base(leaf, Commit::One).await?;
        self.base = Base::Done(layer.clone());
        Ok(layer)
    }

    /// Returns a workspace that holds what an environment was built with, if anything.
    async fn first(&self) -> Result<Leaf, SandboxError> {
        let leaf = self.workspaces.empty().await?;
        if let Some(seed) = &self.seed {
            self.station().copy(&Place::of_mount(seed.clone()), leaf.place()).await?;
        }
        Ok(leaf)
    }

    async fn edited(&self, layer: &Layer, edits: &[Overlay]) -> Result<Leaf, SandboxError> {
        let mut leaf = self.workspaces.fork(layer).await?;
        match self.workspaces.apply(&mut leaf, edits).await {
            Ok(()) => Ok(leaf),
            Err(error) => {
                self.remove(leaf).await?;
                Err(error)
            }
        }
    }

    /// Products are kept in no more than half of the disk, as far as it is known, so that the rest is there to build in. A copy is
    /// never kept: it would cost as much as it saves.
    fn has_room(&mut self) -> Result<bool, SandboxError> {
        let full = |usage: Option<crate::workspace::Usage>| usage.is_none_or(|it| it.bytes > self.disk_bytes / 2);
        if full(self.workspaces.usage()?) {
            self.kept.clear();
        }
        Ok(!full(self.workspaces.usage()?))
    }
}
