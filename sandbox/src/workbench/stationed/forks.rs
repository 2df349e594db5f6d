//! Workspaces over one base: the base is written once, and each request works on a fork of it.

use repo::RepoPath;

use super::super::{Overlay, WorkFile};
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::spec::SandboxSpec;
use crate::station::{Place, Stamp, Station};

/// A base, and the station that forks it.
pub(super) struct Forks {
    station: Station,
    base: Place,
    /// Known once the base is complete, which it is when it is forked first.
    newest: Option<Stamp>,
    forked: u64,
}

/// A workspace that nobody else uses.
pub(super) struct Fork(Place);

impl Fork {
    /// Returns where it is.
    pub(super) fn place(&self) -> &Place {
        &self.0
    }
}

impl Forks {
    pub(super) async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let station = Station::start(backend, spec).await?;
        match Self::base(&station, spec).await {
            Ok(base) => Ok(Self { station, base, newest: None, forked: 0 }),
            Err(error) => {
                station.close().await?;
                Err(error)
            }
        }
    }

    /// Makes the base; it begins with what an environment was built with.
    async fn base(station: &Station, spec: &SandboxSpec) -> Result<Place, SandboxError> {
        let base = station.make_place("base").await?;
        if let Some(seed) = &spec.seed {
            station.copy(&Place::of_mount(seed.clone()), &base).await?;
        }
        Ok(base)
    }

    pub(super) fn station(&self) -> &Station {
        &self.station
    }

    /// Adds files to the base.
    pub(super) async fn put(&mut self, files: &[WorkFile]) -> Result<(), SandboxError> {
        self.newest = None;
        self.station.put(&self.base, files).await
    }

    /// Reads a file of the base.
    pub(super) async fn pull(&self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        self.station.read(&self.base, path, limit).await
    }

    /// Returns a workspace with the base's content and these differences.
    pub(super) async fn fork(&mut self, overlay: &[Overlay]) -> Result<Fork, SandboxError> {
        let newest = match self.newest {
            Some(newest) => newest,
            None => self.complete().await?,
        };
        self.forked += 1;
        let place = self.station.make_place(&format!("work-{}", self.forked)).await?;
        let made = async {
            self.station.copy(&self.base, &place).await?;
            self.station.apply_after(&place, overlay, Some(newest)).await
        };
        match made.await {
            Ok(_) => Ok(Fork(place)),
            Err(error) => {
                self.drop_fork(Fork(place)).await?;
                Err(error)
            }
        }
    }

    /// Makes the base one commit without a history, where there is git, and learns how new it is.
    async fn complete(&mut self) -> Result<Stamp, SandboxError> {
        self.station.commit(&self.base).await?;
        let newest = self.station.newest(&self.base).await?;
        self.newest = Some(newest);
        Ok(newest)
    }

    /// Removes a workspace. In a box that is dead there is nothing to remove.
    pub(super) async fn drop_fork(&self, fork: Fork) -> Result<(), SandboxError> {
        if self.station.is_alive() { self.station.remove(&fork.0).await } else { Ok(()) }
    }

    pub(super) async fn close(self) -> Result<(), SandboxError> {
        self.station.close().await
    }
}
