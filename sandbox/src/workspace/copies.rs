//! Workspaces as plain copies in the box's own file system, where nothing can be mounted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::SandboxError;
use crate::station::{Place, Station};

/// Makes copies, and knows which are of no use any more.
#[derive(Debug, Default)]
pub(super) struct Copies {
    next: AtomicU64,
    useless: Arc<Mutex<Vec<Place>>>,
}

/// One directory of the box. Dropping it has it removed before the next is made.
#[derive(Debug)]
pub(super) struct Copied {
    place: Place,
    useless: Arc<Mutex<Vec<Place>>>,
}

impl Copied {
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.useless.lock().push(self.place.clone());
    }
}

impl Copies {
    pub(super) async fn empty(&self, station: &Station) -> Result<Copied, SandboxError> {
        self.sweep(station).await?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let place = station.make_place(&format!("node-{id}")).await?;
        Ok(Copied { place, useless: self.useless.clone() })
    }

    pub(super) async fn fork(&self, station: &Station, from: &Copied) -> Result<Copied, SandboxError> {
        let copy = self.empty(station).await?;
        station.copy(&from.place, &copy.place).await?;
        Ok(copy)
    }

    /// Returns whether a copy was made here.
    pub(super) fn made(&self, copy: &Copied) -> bool {
        Arc::ptr_eq(&self.useless, &copy.useless)
    }

    /// Removes what is of no use any more.
    pub(super) async fn sweep(&self, station: &Station) -> Result<(), SandboxError> {
        let useless = std::mem::take(&mut *self.useless.lock());
        for place in useless {
            station.remove(&place).await?;
        }
        Ok(())
    }
}
