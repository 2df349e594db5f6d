//! Workspaces as plain copies in the box's own file system, where nothing can be mounted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::only::Only;
use crate::backend::REPOSITORY;
use crate::error::SandboxError;
use crate::station::{Place, Station};

/// The lowest slot.
const FIRST: u64 = 0;

/// Makes copies, and knows which are of no use any more.
#[derive(Debug, Default)]
pub(super) struct Copies {
    slots: Arc<Mutex<Slots>>,
    /// Whether the one workspace of a box without room for copies cannot be used again.
    spent: Arc<AtomicBool>,
}

/// The names of copies: as with mounts, the lowest that is free is next, so that copies that follow each other have one path. The lowest
/// of all is the place where an environment was made, and only for what is run in.
#[derive(Debug, Default)]
struct Slots {
    taken: BTreeSet<u64>,
    /// Those of them whose copy is of no use any more, and still there.
    useless: Vec<Copied>,
}

/// One directory of the box, which nobody removes by itself.
#[derive(Debug)]
struct Copied {
    place: Place,
    slot: u64,
}

/// One directory of the box. Dropping it has it removed before the next is made.
#[derive(Debug)]
pub(super) struct Copy {
    copied: Option<Copied>,
    place: Place,
    slots: Arc<Mutex<Slots>>,
}

impl Copy {
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let copied = self.copied.take();
        self.slots.lock().useless.extend(copied);
    }
}

impl Copies {
    pub(super) async fn empty(&self, station: &Station) -> Result<Copy, SandboxError> {
        self.make(station, FIRST + 1).await
    }

    /// Makes a copy without files in the lowest slot that is free from this one on.
    async fn make(&self, station: &Station, lowest: u64) -> Result<Copy, SandboxError> {
        self.sweep(station).await?;
        let slot = self.slots.lock().take(lowest);
        let name = if slot == FIRST { REPOSITORY.to_owned() } else { format!("node-{slot}") };
        match station.make_place(&name).await {
            Ok(place) => {
                let copied = Some(Copied { place: place.clone(), slot });
                Ok(Copy { copied, place, slots: self.slots.clone() })
            }
            Err(error) => {
                self.slots.lock().taken.remove(&slot);
                Err(error)
            }
        }
    }

    pub(super) async fn fork(&self, station: &Station, from: &Copy) -> Result<Copy, SandboxError> {
        self.copied(station, from, FIRST).await
    }

    /// Returns a copy that others are made of, out of the way of those that are run in.
    pub(super) async fn aside(&self, station: &Station, copy: Copy) -> Result<Copy, SandboxError> {
        let is_first = copy.copied.as_ref().is_some_and(|it| it.slot == FIRST);
        if is_first { self.copied(station, &copy, FIRST + 1).await } else { Ok(copy) }
    }

    async fn copied(&self, station: &Station, from: &Copy, lowest: u64) -> Result<Copy, SandboxError> {
        let copy = self.make(station, lowest).await?;
        station.copy(&from.place, &copy.place).await?;
        Ok(copy)
    }

    /// Makes a copy the only workspace of its box, at the place where an environment was made if that is free.
    pub(super) async fn only(&self, station: &Station, mut copy: Copy) -> Result<Arc<Only>, SandboxError> {
        let slot = copy.copied.as_ref().map(|it| it.slot);
        if slot != Some(FIRST) && self.slots.lock().taken.insert(FIRST) {
            let place = match station.rename(&copy.place, REPOSITORY).await {
                Ok(place) => place,
                Err(error) => {
                    self.slots.lock().taken.remove(&FIRST);
                    return Err(error);
                }
            };
            copy.copied = Some(Copied { place: place.clone(), slot: FIRST });
            copy.place = place;
            let mut slots = self.slots.lock();
            slot.map(|slot| slots.taken.remove(&slot));
        }
        Only::of(station, copy, self.spent.clone()).await
    }

    /// Returns whether the one workspace of a box without room for copies cannot be used again.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// Returns whether a copy was made here.
    pub(super) fn made(&self, copy: &Copy) -> bool {
        Arc::ptr_eq(&self.slots, &copy.slots)
    }

    /// Removes what is of no use any more.
    pub(super) async fn sweep(&self, station: &Station) -> Result<(), SandboxError> {
        let useless = std::mem::take(&mut self.slots.lock().useless);
        for copied in useless {
            station.remove(&copied.place).await?;
            self.slots.lock().taken.remove(&copied.slot);
        }
        Ok(())
    }
}

impl Slots {
    fn take(&mut self, lowest: u64) -> u64 {
        let free = (lowest..).find(|slot| !self.taken.contains(slot)).unwrap_or_default();
        self.taken.insert(free);
        free
    }
}
