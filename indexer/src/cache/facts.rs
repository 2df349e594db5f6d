//! Facts on disk, each record found by language and blob id.

use std::path::PathBuf;

use repo::BlobId;

use super::packs::{Format, Key, PackStore};
use crate::facts::FileFacts;
use crate::syntax::LanguageId;

const FORMAT: Format = Format { magic: b"pwfacts1", extension: "facts" };

/// Facts to be stored.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) language: LanguageId,
    pub(crate) blob: BlobId,
    pub(crate) bytes: Vec<u8>,
}

impl Record {
    /// Encodes the facts; `None` when they cannot be encoded, which leaves them unstored.
    pub(crate) fn new(language: LanguageId, blob: BlobId, facts: &FileFacts) -> Option<Record> {
        Some(Record { language, blob, bytes: postcard::to_allocvec(facts).ok()? })
    }
}

/// The facts of a cache.
#[derive(Debug)]
pub(crate) struct FactStore(PackStore);

impl FactStore {
    pub(super) fn new(directory: PathBuf) -> FactStore {
        FactStore(PackStore::new(directory, &FORMAT))
    }

    /// Returns the facts of a blob, if they are stored and undamaged.
    pub(crate) fn load(&self, language: LanguageId, blob: BlobId) -> Option<FileFacts> {
        postcard::from_bytes(&self.0.load(key(language, blob))?).ok()
    }

    /// Adds a pack; errors are returned for the log only, since facts can always be had again.
    pub(crate) fn add(&self, records: &[Record]) -> std::io::Result<()> {
        let rows: Vec<(Key, &[u8])> = records.iter().map(|it| (key(it.language, it.blob), &*it.bytes)).collect();
        self.0.add(&rows)
    }
}

fn key(language: LanguageId, blob: BlobId) -> Key {
    (language.number(), *blob.as_bytes())
}
