//! Facts on disk, each record found by language and blob id.

use std::path::PathBuf;
use std::sync::Arc;

use repo::BlobId;
use rustc_hash::FxHashSet;

use super::packs::{Format, Key, PackStore};
use crate::definitions::{Definitions, Heads, Origin};
use crate::facts::FileFacts;
use crate::graph::Outline;
use crate::index::SkipReason;
use crate::symbol::Definition;
use crate::syntax::LanguageId;
use crate::view::Summary;

const FORMAT: Format = Format { magic: b"pwfacts3", extension: "facts" };

/// Keys of summaries have this bit beside the number of the language, those of definitions the other one.
const SUMMARY: u8 = 0x80;
const DEFINITIONS: u8 = 0x40;

/// What is known of a content, to be stored.
#[derive(Debug)]
pub(crate) struct Record {
    key: Key,
    bytes: Vec<u8>,
}

/// A summary as it is stored.
type StoredSummary<D, O> = (D, u32, u32, Option<SkipReason>, O);

impl Record {
    /// Encodes facts and their summary; what cannot be encoded is left unstored. The facts are the same afterwards.
    pub(crate) fn of(language: LanguageId, blob: BlobId, facts: &mut FileFacts, summary: &Summary) -> Vec<Record> {
        let Summary { definitions, lines, error_nodes, partly, outline } = summary;
        let summary: StoredSummary<&Heads, &Outline> = (definitions.outline(), *lines, *error_nodes, *partly, outline);
        // Definitions are stored once, beside the other facts.
        let definitions = std::mem::take(&mut facts.symbols);
        let records = [
            (key(language, SUMMARY, blob), postcard::to_allocvec(&summary)),
            (key(language, DEFINITIONS, blob), postcard::to_allocvec(&definitions)),
            (key(language, 0, blob), postcard::to_allocvec(facts)),
        ];
        facts.symbols = definitions;
        let records = records.into_iter();
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
        let facts: FileFacts = postcard::from_bytes(&self.0.load(key(language, 0, blob))?).ok()?;
        Some(FileFacts { symbols: self.load_definitions(language, blob)?, ..facts })
    }

    /// Returns the definitions of a blob, if they are stored and undamaged.
    pub(crate) fn load_definitions(&self, language: LanguageId, blob: BlobId) -> Option<Vec<Definition>> {
        let definitions: Vec<Definition> =
            postcard::from_bytes(&self.0.load(key(language, DEFINITIONS, blob))?).ok()?;
        // Who walks up from a definition ends at the top.
        let ordered = definitions.iter().zip(0..).all(|(it, at)| it.parent.is_none_or(|parent| parent < at));
        ordered.then_some(definitions)
    }

    /// Returns the summary of a blob's facts, if it is stored and undamaged.
    pub(crate) fn load_summary(&self, origin: Origin) -> Option<Summary> {
        let stored: StoredSummary<Heads, Outline> =
            postcard::from_bytes(&self.0.load(key(origin.language, SUMMARY, origin.blob))?).ok()?;
        let (heads, lines, error_nodes, partly, outline) = stored;
        // Symbols are placed by their parents' numbers.
        let sound = heads.is_sound();
        sound.then(|| {
            let definitions = Arc::new(Definitions::stored(heads, origin));
            Summary { definitions, lines, error_nodes, partly, outline }
        })
    }

    /// Drops what is known of all contents but these (number of the language, blob), where that is worth rewriting a pack.
    pub(super) fn keep(&self, contents: &FxHashSet<(u8, [u8; 20])>) -> std::io::Result<()> {
        self.0.keep(&|key| contents.contains(&(key.0 & !(SUMMARY | DEFINITIONS), key.1)))
    }

    /// Adds a pack; errors are returned for the log only, since facts can always be had again.
    pub(crate) fn add(&self, records: &[Record]) -> std::io::Result<()> {
        let rows: Vec<(Key, &[u8])> = records.iter().map(|it| (it.key, &*it.bytes)).collect();
        self.0.add(&rows)
    }
}

fn key(language: LanguageId, part: u8, blob: BlobId) -> Key {
    (language.number() | part, *blob.as_bytes())
}
