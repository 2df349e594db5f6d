//! A workspace of its own for every node of a search, in one box.
//!
//! A node's files are a few layers that nobody can write any more, and one on top that can be. Forking a node mounts these layers
//! once more and copies nothing; what a build left in a layer is there for everything that is made on it. A box that has one workspace
//! at a time has it always under one path, in containers that at which environments are made: what was installed there by its path is
//! the candidate's own code and never a copy of the base's. The mounts are made on this machine, appear in the box while it runs, and vanish from it (see `mounts`). Where that cannot be had, workspaces are
//! copies inside the box, and where there is no room for these, there is one that is put right between two uses: see [`means`]. Whether what a build left may be used again is decided in [`reuse`].
//!
//! All workspaces of a box belong to one user, so a program that means harm can write into another workspace that is mounted at the
//! same time, though never into a layer. That is why what a search believes is confirmed in a fresh box.

#[cfg(test)]
pub(crate) mod boxes;
mod copies;
pub mod means;
pub(crate) mod mounts;
mod only;
pub mod reuse;

use std::sync::Arc;

use parking_lot::Mutex;
use repo::{FileMode, RepoPath};

use self::copies::{Copies, Copy};
use self::means::{Choice, Means, Refused};
pub use self::mounts::Usage;
use self::mounts::{FrozenLayer, JobMounts, Joiner, MountedLeaf};
use self::only::{Lent, Only, too_large};
use crate::backend::{Backend, NODES};
use crate::error::SandboxError;
use crate::spec::{NodesFolder, SandboxSpec};
use crate::station::{Changes, Place, Stamp, Station};
use crate::workbench::{CommandOutcome, CommandRequest, Overlay, WorkFile};

/// Where the image of an environment holds the tree that was prepared for tests.
pub const PREPARED_TREE: &str = "/patchwright/tree";

/// One box and the workspaces in it.
pub struct Workspaces {
    station: Station,
    store: Store,
    /// Where the box sees the first of the workspaces that are mounted.
    first: String,
    choice: Mutex<Choice>,
}

enum Store {
    Mounts(JobMounts),
    Copies(Copies),
}

/// Whether the base becomes a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// One commit of everything, with no history, where the image has git.
    One,
    /// None is made.
    None,
}

/// A workspace that can be written. Dropping it removes it; [`Workspaces::remove`] also waits for that.
#[derive(Debug)]
pub struct Leaf {
    place: Place,
    kind: LeafKind,
    newest: Option<Stamp>,
}

#[derive(Debug)]
enum LeafKind {
    Mounted(MountedLeaf),
    Copied(Copy),
    Lent(Lent),
}

/// What leaves are made on. It is removed with its last user.
#[derive(Debug, Clone)]
pub struct Layer {
    kind: LayerKind,
    newest: Stamp,
}

#[derive(Debug, Clone)]
enum LayerKind {
    Frozen(FrozenLayer),
    Copy(Arc<Copy>),
    /// The workspace itself, with the number of the content that is meant.
    Only(Arc<Only>, u64),
}

impl Workspaces {
    /// Starts a box with the best means of making workspaces that work here.
    ///
    /// # Errors
    /// When the backend cannot make the box.
    pub async fn open(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let mut refused = Vec::new();
        let joiners = means::joiners(backend, &mut refused);
        Self::open_by(backend, spec, joiners, refused).await
    }

    async fn open_by(
        backend: &dyn Backend,
        spec: &SandboxSpec,
        joiners: Vec<(Means, Joiner)>,
        mut refused: Vec<Refused>,
    ) -> Result<Self, SandboxError> {
        for (means, joiner) in joiners {
            let job = match JobMounts::open(&spec.labels.boot, &spec.limits, joiner).await {
                Ok(job) => job,
                Err(error) => {
                    refused.push(Refused { means, reason: means::words(&error) });
                    continue;
                }
            };
            match Self::on_mounts(backend, spec, &job).await? {
                Ok(station) => {
                    let (store, choice) = (Store::Mounts(job), Choice { means, refused });
                    return Ok(Self { station, store, first: backend.first_node(), choice: Mutex::new(choice) });
                }
                Err(reason) => refused.push(Refused { means, reason }),
            }
            job.close().await?;
        }
        let station = Station::start(backend, &SandboxSpec { nodes: None, ..spec.clone() }).await?;
        let choice = Choice { means: Means::Copy, refused };
        Ok(Self {
            station,
            store: Store::Copies(Copies::default()),
            first: backend.first_node(),
            choice: Mutex::new(choice),
        })
    }

    /// Starts a box that is shown the mounts. The inner error says why it does not see them.
    async fn on_mounts(
        backend: &dyn Backend,
        spec: &SandboxSpec,
        job: &JobMounts,
    ) -> Result<Result<Station, String>, SandboxError> {
        let spec = SandboxSpec { nodes: Some(NodesFolder::new(job.nodes())), ..spec.clone() };
        let station = match Station::start(backend, &spec).await {
            Ok(station) => station,
            // An engine on another machine has no such folder.
            Err(error @ (SandboxError::Launch { .. } | SandboxError::Engine { .. })) => {
                return Ok(Err(means::words(&error)));
            }
            Err(error) => return Err(error),
        };
        match appears(&station, job, &backend.first_node()).await {
            Ok(()) => Ok(Ok(station)),
            Err(reason) => {
                station.close().await?;
                Ok(Err(reason))
            }
        }
    }

    /// Returns how workspaces are made here, and why not better. What a base that is too large for copies changes about it is known
    /// when [`Workspaces::base`] returns.
    pub fn choice(&self) -> Choice {
        self.choice.lock().clone()
    }

    /// Returns whether no workspace can be made any more, though the box lives: its only one cannot be put right.
    pub fn is_spent(&self) -> bool {
        match &self.store {
            Store::Mounts(_) => false,
            Store::Copies(copies) => copies.is_spent(),
        }
    }

    /// Returns the box, for what is done in a place.
    pub fn station(&self) -> &Station {
        &self.station
    }

    /// Returns how many bytes and files all workspaces take, where that is known without looking at them.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn usage(&self) -> Result<Option<Usage>, SandboxError> {
        match &self.store {
            Store::Mounts(job) => job.usage().map(Some),
            Store::Copies(_) => Ok(None),
        }
    }

    /// Returns how many workspaces were removed while something in the box still used them. What holds them sees them to its end;
    /// nobody else does.
    pub fn taken_away(&self) -> usize {
        match &self.store {
            Store::Mounts(job) => job.held().len(),
            Store::Copies(_) => 0,
        }
    }

    /// Makes a layer of these files.
    ///
    /// # Errors
    /// When they do not fit, or the box is gone.
    pub async fn fill(&self, files: &[WorkFile], commit: Commit) -> Result<Layer, SandboxError> {
        let mut leaf = self.empty().await?;
        self.put(&mut leaf, files).await?;
        self.base(leaf, commit).await
    }

    /// Adds files to a workspace, replacing those of the same name.
    ///
    /// # Errors
    /// When they do not fit, or the box is gone.
    pub async fn put(&self, leaf: &mut Leaf, files: &[WorkFile]) -> Result<(), SandboxError> {
        leaf.touched();
        self.station.put(&leaf.place, files).await
    }

    /// Makes a layer of a tree that the image holds, such as [`PREPARED_TREE`].
    ///
    /// # Errors
    /// When there is no such tree, it does not fit, or the box is gone.
    pub async fn adopt(&self, tree: &str, commit: Commit) -> Result<Layer, SandboxError> {
        let leaf = self.empty().await?;
        self.station.copy(&Place::of_mount(tree), &leaf.place).await?;
        self.base(leaf, commit).await
    }

    /// Makes a layer of a workspace in which there is nothing but the files of the base.
    ///
    /// # Errors
    /// When git refuses them, or the box is gone.
    pub async fn base(&self, leaf: Leaf, commit: Commit) -> Result<Layer, SandboxError> {
        let leaf = match self.alone(leaf).await? {
            Ok(layer) => return Ok(layer),
            Err(leaf) => leaf,
        };
        if commit == Commit::One && !self.station.commit(&leaf.place).await? {
            tracing::debug!("the image has no git, so the workspaces are no repositories");
        }
        self.freeze(leaf).await
    }

    /// Makes a copy that cannot be copied for want of room the only workspace of the box. Any other leaf comes back.
    async fn alone(&self, leaf: Leaf) -> Result<Result<Layer, Leaf>, SandboxError> {
        let Leaf { place, kind, newest } = leaf;
        let (copies, copy) = match (kind, &self.store) {
            (LeafKind::Lent(lent), _) => return self.settle(lent).await.map(Ok),
            (LeafKind::Copied(copy), Store::Copies(copies)) => (copies, copy),
            (kind, _) => return Ok(Err(Leaf { place, kind, newest })),
        };
        copies.sweep(&self.station).await?;
        let Some(reason) = too_large(&self.station.room(&place).await?) else {
            return Ok(Err(Leaf { place, kind: LeafKind::Copied(copy), newest }));
        };
        {
            let mut choice = self.choice.lock();
            choice.means = Means::Single;
            choice.refused.push(Refused { means: Means::Copy, reason });
            tracing::info!("{choice}");
        }
        let newest = self.station.newest(&place).await?;
        let only = copies.only(&self.station, copy).await?;
        let version = only.version();
        Ok(Ok(Layer { kind: LayerKind::Only(only, version), newest }))
    }

    async fn settle(&self, lent: Lent) -> Result<Layer, SandboxError> {
        let newest = self.station.newest(lent.place()).await?;
        let only = lent.settle(&self.station).await?;
        let version = only.version();
        Ok(Layer { kind: LayerKind::Only(only, version), newest })
    }

    /// Makes a workspace without files.
    ///
    /// # Errors
    /// When the disk limit is reached, or the box is gone.
    pub async fn empty(&self) -> Result<Leaf, SandboxError> {
        match &self.store {
            Store::Mounts(job) => Ok(self.mounted(job.empty().await?, None)),
            Store::Copies(copies) => Ok(Leaf::copied(copies.empty(&self.station).await?, None)),
        }
    }

    /// Makes a workspace on a layer.
    ///
    /// # Errors
    /// When the layer is another box's, there are too many layers, the disk limit is reached, or the box is gone.
    pub async fn fork(&self, layer: &Layer) -> Result<Leaf, SandboxError> {
        let newest = Some(layer.newest);
        match (&self.store, &layer.kind) {
            (Store::Mounts(job), LayerKind::Frozen(frozen)) if frozen.is_of(job) => {
                Ok(self.mounted(job.fork(frozen).await?, newest))
            }
            (Store::Copies(copies), LayerKind::Copy(copy)) if copies.made(copy) => {
                Ok(Leaf::copied(copies.fork(&self.station, copy).await?, newest))
            }
            (Store::Copies(copies), LayerKind::Only(only, version)) if copies.made(only.copy()) => {
                let lent = only.lend(&self.station, *version).await?;
                Ok(Leaf { place: lent.place().clone(), kind: LeafKind::Lent(lent), newest })
            }
            (Store::Mounts(_) | Store::Copies(_), _) => Err(foreign()),
        }
    }

    /// Writes and removes files of a workspace; what is written is newer than everything there.
    ///
    /// # Errors
    /// When a place cannot be written, the disk limit is reached, or the box is gone.
    pub async fn apply(&self, leaf: &mut Leaf, edits: &[Overlay]) -> Result<(), SandboxError> {
        if edits.is_empty() {
            return Ok(());
        }
        if let LeafKind::Lent(lent) = &leaf.kind {
            lent.keep(&self.station, edits).await?;
        }
        // What was applied in part may be newer than what is known.
        let newest = leaf.newest.take();
        leaf.newest = Some(self.station.apply_after(&leaf.place, edits, newest).await?);
        Ok(())
    }

    /// Runs a command in a workspace.
    ///
    /// # Errors
    /// When the box was gone before.
    pub async fn run(&self, leaf: &mut Leaf, command: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        self.apply(leaf, &command.overlay).await?;
        leaf.touched();
        let command = CommandRequest { overlay: Vec::new(), ..command.clone() };
        self.station.run(&leaf.place, &command).await
    }

    /// Runs a command in a workspace and returns what it changed there: at most so many files.
    ///
    /// # Errors
    /// When the box is gone.
    pub async fn run_for_changes(
        &self,
        leaf: &mut Leaf,
        command: &CommandRequest,
        most: usize,
    ) -> Result<(CommandOutcome, Changes), SandboxError> {
        self.apply(leaf, &command.overlay).await?;
        let mark = self.station.mark(&leaf.place).await?;
        let command = CommandRequest { overlay: Vec::new(), ..command.clone() };
        let outcome = self.run(leaf, &command).await?;
        let changes = self.station.changes(&leaf.place, &mark, most).await?;
        Ok((outcome, changes))
    }

    /// Makes a layer of a workspace and all that is in it.
    ///
    /// # Errors
    /// When something still runs in it, or the box is gone.
    pub async fn freeze(&self, leaf: Leaf) -> Result<Layer, SandboxError> {
        let newest = match leaf.newest {
            Some(newest) => newest,
            None => self.station.newest(&leaf.place).await?,
        };
        let kind = match (leaf.kind, &self.store) {
            (LeafKind::Mounted(mounted), _) => LayerKind::Frozen(mounted.freeze().await?),
            (LeafKind::Copied(copied), Store::Copies(copies)) => {
                LayerKind::Copy(Arc::new(copies.aside(&self.station, copied).await?))
            }
            (LeafKind::Lent(lent), Store::Copies(_)) => return self.settle(lent).await,
            (LeafKind::Copied(_) | LeafKind::Lent(_), Store::Mounts(_)) => return Err(foreign()),
        };
        Ok(Layer { kind, newest })
    }

    /// Removes a workspace. What was written in it may be freed a little later.
    ///
    /// # Errors
    /// When the box is gone.
    pub async fn remove(&self, leaf: Leaf) -> Result<(), SandboxError> {
        match (leaf.kind, &self.store) {
            (LeafKind::Mounted(mounted), _) => mounted.remove().await.map(drop),
            (LeafKind::Copied(copied), Store::Copies(copies)) => {
                drop(copied);
                copies.sweep(&self.station).await
            }
            (LeafKind::Lent(lent), Store::Copies(_)) => lent.give_back(&self.station).await,
            (LeafKind::Copied(_) | LeafKind::Lent(_), Store::Mounts(_)) => Err(foreign()),
        }
    }

    fn mounted(&self, leaf: MountedLeaf, newest: Option<Stamp>) -> Leaf {
        Leaf { place: place_of(&leaf, &self.first), kind: LeafKind::Mounted(leaf), newest }
    }

    /// Ends the box and removes every workspace, whether or not leaves and layers are still there.
    ///
    /// # Errors
    /// When something of it may be left.
    pub async fn close(self) -> Result<(), SandboxError> {
        let Self { station, store, .. } = self;
        let closed = station.close().await;
        if let Store::Mounts(job) = store {
            job.close().await?;
        }
        closed
    }
}

impl Leaf {
    fn copied(copied: Copy, newest: Option<Stamp>) -> Self {
        Self { place: copied.place().clone(), kind: LeafKind::Copied(copied), newest }
    }

    /// Returns where the workspace is in the box. Whoever writes there other than through [`Workspaces`] says so by
    /// [`Leaf::touched`].
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Forgets the times of the files, since something wrote here.
    pub fn touched(&mut self) {
        self.newest = None;
        if let LeafKind::Lent(lent) = &mut self.kind {
            lent.untouched = false;
        }
    }
}

impl Layer {
    /// Returns when its newest file was modified.
    pub fn newest(&self) -> Stamp {
        self.newest
    }

    /// Returns how many workspaces it was written in.
    pub fn depth(&self) -> usize {
        match &self.kind {
            LayerKind::Frozen(frozen) => frozen.depth(),
            LayerKind::Copy(_) | LayerKind::Only(..) => 1,
        }
    }
}

fn foreign() -> SandboxError {
    SandboxError::Workspace { detail: "a layer of another box is of no use here".to_owned() }
}

/// Returns where a box sees a leaf.
fn place_of(leaf: &MountedLeaf, first: &str) -> Place {
    Place::of_mount(match leaf.is_first() {
        true => first.to_owned(),
        false => format!("{NODES}/{}", leaf.name()),
    })
}

/// Finds out whether a mount that is made now is what the box sees: the box writes a file, and it is counted here.
async fn appears(station: &Station, job: &JobMounts, first: &str) -> Result<(), String> {
    let words = |error: SandboxError| format!("a mount made here cannot be used in the box: {}", means::words(&error));
    let leaf = job.empty().await.map_err(words)?;
    let before = job.usage().map_err(words)?;
    let path = RepoPath::new("probe").map_err(|error| error.to_string())?;
    let file = WorkFile { path, bytes: b"probe".to_vec(), mode: FileMode::Regular };
    station.put(&place_of(&leaf, first), &[file]).await.map_err(words)?;
    let after = job.usage().map_err(words)?;
    leaf.remove().await.map_err(words)?;
    match after.files > before.files {
        true => Ok(()),
        false => Err("a mount made here does not appear in the box".to_owned()),
    }
}

#[cfg(test)]
mod tests;
