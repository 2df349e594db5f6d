//! Facts on disk, each record found by language and blob id.

use std::path::PathBuf;

use repo::BlobId;
use rustc_hash::FxHashSet;

use super::packs::{Format, Key, PackStore};
use crate::facts::FileFacts;
use crate::graph::Outline;
use crate::index::SkipReason;
use crate::symbol::Definition;
use crate::syntax::LanguageId;
use crate::view::Summary;

const FORMAT: Format = Format { magic: b"pwfacts2", extension: "facts" };

/// What is known of a content, to be stored.
#[derive(Debug)]
pub(crate) struct Record {
    key: Key,
    bytes: Vec<u8>,
}

/// A summary as it is stored.
type StoredSummary<D, O> = (D, u32, u32, Option<SkipReason>, O);

impl Record {
    /// Encodes facts and their summary; what cannot be encoded is left unstored.
    pub(crate) fn of(language: LanguageId, blob: BlobId, facts: &FileFacts, summary: &Summary) -> Vec<Record> {
        let Summary { definitions, lines, error_nodes, partly, outline } = summary;
        let summary: StoredSummary<&[Definition], &Outline> = (definitions, *lines, *error_nodes, *partly, outline);
        let facts = Some((key(language, blob), postcard::to_allocvec(facts)));
        let summary = Some((summary_key(language, blob), postcard::to_allocvec(&summary)));
        let records = [summary, facts].into_iter().flatten();
        records.filter_map(|(key, bytes)| Some(Record { key, bytes: bytes.ok()? })).collect()
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The facts of a cache, and their summaries.
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

    /// Returns the summary of a blob's facts, if it is stored and undamaged.
    pub(crate) fn load_summary(&self, language: LanguageId, blob: BlobId) -> Option<Summary> {
        let stored: StoredSummary<Vec<Definition>, Outline> =
            postcard::from_bytes(&self.0.load(summary_key(language, blob))?).ok()?;
        let (definitions, lines, error_nodes, partly, outline) = stored;
        // Symbols are placed by their parents' numbers.
        let ordered = definitions.iter().zip(0..).all(|(it, at)| it.parent.is_none_or(|parent| parent < at));
        ordered.then(|| Summary { definitions: definitions.into(), lines, error_nodes, partly, outline })
    }

    /// Drops what is known of all contents but these (number of the language, blob), where that is worth rewriting a pack.
    pub(super) fn keep(&self, contents: &FxHashSet<(u8, [u8; 20])>) -> std::io::Result<()> {
        self.0.keep(&|key| contents.contains(&(key.0 & 0x7f, key.1)))
    }

    /// Adds a pack; errors are returned for the log only, since facts can always be had again.
    pub(crate) fn add(&self, records: &[Record]) -> std::io::Result<()> {
        let rows: Vec<(Key, &[u8])> = records.iter().map(|it| (it.key, &*it.bytes)).collect();
        self.0.add(&rows)
    }
}

fn key(language: LanguageId, blob: BlobId) -> Key {
    (language.number(), *blob.as_bytes())
}

fn summary_key(language: LanguageId, blob: BlobId) -> Key {
    (language.number() | 0x80, *blob.as_bytes())
}
