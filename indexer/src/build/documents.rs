//! Which packs of documents a snapshot uses.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cache::{Cache, to_merge};
use crate::error::IndexError;
use crate::index::Index;
use crate::text::{DocumentKey, DocumentPlace, Pack, TextIndex, error, merge};
use crate::view::Inventory;

/// Where the documents of a file are, while packs are being written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a pack that was there before.
    Known(DocumentPlace),
    /// In the pack with this number among the new ones.
    New { pack: u32, row: u32 },
}

/// The packs of a snapshot.
pub(super) struct Documents {
    packs: Vec<Arc<Pack>>,
    /// By number of a new pack, its place in `packs`.
    new: FxHashMap<u32, u32>,
}

/// The packs there were before.
pub(super) struct Known(Vec<Arc<Pack>>);

impl Known {
    pub(super) fn find(&self, key: DocumentKey) -> Option<DocumentPlace> {
        let place = |(pack, it): (u32, &Arc<Pack>)| Some(DocumentPlace { pack, row: it.find(key)? });
        (0..).zip(&self.0).find_map(place)
    }
}

impl Documents {
    pub(super) fn start(near: Option<&Index>) -> Documents {
        let packs = near.into_iter().flat_map(|it| it.text().packs()).cloned().collect();
        Documents { packs, new: FxHashMap::default() }
    }

    pub(super) fn known(&self) -> Known {
        Known(self.packs.clone())
    }

    pub(super) fn add(&mut self, number: u32, pack: Pack) {
        self.new.insert(number, self.packs.len() as u32);
        self.packs.push(Arc::new(pack));
    }

    /// Returns the text index of the snapshot; `places` are by file. Packs that have become many are merged.
    pub(super) fn finish(
        mut self,
        cache: Option<&Cache>,
        inventory: &Inventory,
        places: Vec<Place>,
    ) -> Result<TextIndex, IndexError> {
        let place = |it: Place| match it {
            Place::Known(place) => place,
            Place::New { pack, row } => DocumentPlace { pack: self.new.get(&pack).copied().unwrap_or(u32::MAX), row },
        };
        let mut places: Vec<DocumentPlace> = places.into_iter().map(place).collect();
        self.drop_unused(&mut places);
        if let Some(cache) = cache {
            self.merge_many(cache, inventory, &mut places)?;
        }
        // Every place comes from a pack that is at hand.
        let lost = || error(tantivy::TantivyError::InternalError("documents are in no pack".to_owned()));
        TextIndex::new(self.packs, places).ok_or_else(lost)
    }

    /// Leaves out packs of which no file of the snapshot has its documents.
    fn drop_unused(&mut self, places: &mut [DocumentPlace]) {
        let mut used = vec![false; self.packs.len()];
        for place in places.iter() {
            if let Some(it) = used.get_mut(place.pack as usize) {
                *it = true;
            }
        }
        self.keep(&used, places);
    }

    fn keep(&mut self, kept: &[bool], places: &mut [DocumentPlace]) {
        let mut moved = Vec::with_capacity(kept.len());
        let mut next = 0;
        for kept in kept {
            moved.push(next);
            next += u32::from(*kept);
        }
        let mut at = 0;
        self.packs.retain(|_| {
            at += 1;
            kept[at - 1]
        });
        for place in places {
            place.pack = moved.get(place.pack as usize).copied().unwrap_or(u32::MAX);
        }
    }

    fn merge_many(
        &mut self,
        cache: &Cache,
        inventory: &Inventory,
        places: &mut [DocumentPlace],
    ) -> Result<(), IndexError> {
        let sizes: Vec<u64> = self.packs.iter().map(|it| u64::from(it.documents)).collect();
        let many = to_merge(&sizes);
        if many.is_empty() {
            return Ok(());
        }
        let chosen: Vec<Arc<Pack>> = many.iter().map(|it| Arc::clone(&self.packs[*it])).collect();
        let merged = cache.write_documents(merge(&chosen).map_err(error)?)?;
        let number = self.packs.len() as u32;
        for (place, file) in places.iter_mut().zip(&inventory.files) {
            if many.contains(&(place.pack as usize)) {
                let key = DocumentKey::of(file.language.number(), &file.path, file.blob);
                let Some(row) = merged.find(key) else { continue };
                *place = DocumentPlace { pack: number, row };
            }
        }
        self.packs.push(Arc::new(merged));
        let kept: Vec<bool> = (0..self.packs.len()).map(|it| !many.contains(&it)).collect();
        self.keep(&kept, places);
        Ok(())
    }
}
