//! A pack: the documents of some files, written once and then only read.
//!
//! ```text
//! magic, digest of all that follows
//! number of documents, number of rows, lengths of the components
//! rows        one a file: its key, its first document, how many symbols follow it, how many words each field of them has
//! components  those of a segment of tantivy's, one after the other
//! ```
//! Document `first` of a row is the file, the ones after it are its symbols in source order. A pack is read from a map of its file; one that is
//! never stored has its words in memory (`text::memory`).

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use repo::{BlobId, RepoPath};
use rustc_hash::FxHashMap;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, OwnedBytes, RamDirectory, WatchCallback, WatchHandle,
    WritePtr,
};
use tantivy::index::SegmentComponent;
use tantivy::postings::Postings;
use tantivy::schema::{Field as TantivyField, IndexRecordOption};
use tantivy::{DocSet, Segment, SegmentReader, TERMINATED, Term as TantivyTerm};

use crate::text::memory::Memory;
use crate::text::{FIELDS, schema};

const MAGIC: &[u8; 8] = b"pwtext_1";
const HEAD: usize = 8 + 32;
/// Documents, rows, and the lengths of the components.
const COUNTS: usize = 4 + 4 + 8 * COMPONENTS.len();
const ROW: usize = 16 + 4 + 4 + 4 * FIELDS;

pub(super) const COMPONENTS: [SegmentComponent; 6] = [
    SegmentComponent::Terms,
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FieldNorms,
    SegmentComponent::FastFields,
    SegmentComponent::Store,
];

/// What the documents of a file are found by: a digest of its language, path and content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DocumentKey([u8; 16]);

impl DocumentKey {
    pub(crate) fn of(language: u8, path: &RepoPath, blob: BlobId) -> DocumentKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[language]).update(blob.as_bytes()).update(path.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        DocumentKey(key)
    }
}

/// One file of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: DocumentKey,
    /// The file's document; those of its symbols follow.
    pub(crate) first: u32,
    pub(crate) symbols: u32,
    /// How many words the documents have, by field: exactly, where the index itself keeps lengths in steps.
    pub(crate) words: [u32; FIELDS],
}

impl Row {
    pub(super) fn documents(&self) -> std::ops::Range<u32> {
        self.first..self.first + 1 + self.symbols
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.0);
        [self.first, self.symbols].iter().chain(&self.words).for_each(|it| out.extend_from_slice(&it.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Option<Row> {
        let (key, numbers) = bytes.split_at_checked(16)?;
        let mut numbers = numbers.chunks_exact(4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]));
        let (first, symbols) = (numbers.next()?, numbers.next()?);
        let mut words = [0; FIELDS];
        for word in &mut words {
            *word = numbers.next()?;
        }
        Some(Row { key: DocumentKey(key.try_into().ok()?), first, symbols, words })
    }
}

/// The name of a pack: a digest of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct PackName(pub(crate) [u8; 32]);

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl PackName {
    pub(crate) const EXTENSION: &'static str = "text";

    pub(crate) fn file_name(self) -> String {
        format!("{self}.{}", PackName::EXTENSION)
    }

    /// Reads the name of a file; `None` when it is no pack's.
    pub(crate) fn of_file_name(name: &str) -> Option<PackName> {
        let digest = name.strip_suffix(PackName::EXTENSION)?.strip_suffix('.')?;
        Some(PackName(*blake3::Hash::from_hex(digest).ok()?.as_bytes()))
    }
}

/// An opened pack.
pub(crate) struct Pack {
    pub(crate) name: PackName,
    pub(crate) rows: Vec<Row>,
    pub(crate) documents: u32,
    words: Words,
    by_key: OnceLock<FxHashMap<DocumentKey, u32>>,
}

/// The words of a pack.
enum Words {
    Stored(Box<SegmentReader>),
    Memory(Memory),
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pack({}, {} files, {} documents)", self.name, self.rows.len(), self.documents)
    }
}

impl Pack {
    /// Opens a pack of a directory; `None` when it is absent or damaged.
    pub(crate) fn open(directory: &Path, name: PackName) -> Option<Pack> {
        let bytes = map(directory, name)?;
        // tantivy takes for granted that what it reads is what it wrote.
        let sound = *blake3::hash(bytes.as_slice().get(HEAD..)?).as_bytes() == name.0;
        if sound { Pack::read(bytes).filter(|it| it.name == name) } else { None }
    }

    /// Opens a pack that this process has just written.
    pub(crate) fn open_trusted(directory: &Path, name: PackName) -> Option<Pack> {
        Pack::read(map(directory, name)?)
    }

    /// Puts a pack together that is nowhere but in memory.
    pub(super) fn in_memory(rows: Vec<Row>, documents: u32, words: Memory) -> Pack {
        let mut hasher = blake3::Hasher::new();
        for row in &rows {
            hasher.update(&row.key.0);
        }
        let name = PackName(*hasher.finalize().as_bytes());
        Pack { name, rows, documents, words: Words::Memory(words), by_key: OnceLock::new() }
    }

    /// Returns the segment of a pack that is or can be stored.
    ///
    /// # Errors
    /// When the pack is in memory only.
    pub(super) fn segment(&self) -> tantivy::Result<&SegmentReader> {
        match &self.words {
            Words::Stored(it) => Ok(it),
            Words::Memory(_) => Err(tantivy::TantivyError::InternalError("a pack in memory has no segment".to_owned())),
        }
    }

    /// Calls back with each document that holds a word in a column: its number, the count, and the length of the field in tantivy's steps.
    pub(super) fn postings(
        &self,
        column: usize,
        word: &str,
        mut call: impl FnMut(u32, u32, u8),
    ) -> tantivy::Result<()> {
        let segment = match &self.words {
            Words::Stored(it) => it,
            Words::Memory(it) => {
                it.postings(column, word).for_each(|it| call(it.0, it.1, it.2));
                return Ok(());
            }
        };
        let field = TantivyField::from_field_id(column as u32);
        let inverted = segment.inverted_index(field)?;
        let term = TantivyTerm::from_field_text(field, word);
        let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::WithFreqs)? else { return Ok(()) };
        let norms = segment.get_fieldnorms_reader(field)?;
        let mut document = postings.doc();
        while document != TERMINATED {
            call(document, postings.term_freq(), norms.fieldnorm_id(document));
            document = postings.advance();
        }
        Ok(())
    }

    /// Reads what a [`PackBytes`] holds.
    fn read(bytes: OwnedBytes) -> Option<Pack> {
        let head = bytes.as_slice().get(..HEAD)?;
        let digest: [u8; 32] = head[8..].try_into().ok()?;
        if head[..8] != *MAGIC {
            return None;
        }
        let counts = bytes.as_slice().get(HEAD..HEAD + COUNTS)?;
        let documents = u32::from_le_bytes(counts[..4].try_into().ok()?);
        let row_count = u32::from_le_bytes(counts[4..8].try_into().ok()?) as usize;
        let mut at = HEAD + COUNTS;
        let table = bytes.as_slice().get(at..at.checked_add(row_count.checked_mul(ROW)?)?)?;
        let rows: Vec<Row> = table.chunks_exact(ROW).map(Row::read).collect::<Option<_>>()?;
        at += table.len();
        let mut components = Vec::with_capacity(COMPONENTS.len());
        for length in counts[8..].chunks_exact(8) {
            let end = at.checked_add(usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?)?;
            if end > bytes.len() {
                return None;
            }
            components.push(bytes.slice(at..end));
            at = end;
        }
        if rows.last().is_some_and(|it| it.documents().end > documents) {
            return None;
        }
        let words = Words::Stored(Box::new(open_segment(components, documents).ok()?));
        Some(Pack { name: PackName(digest), rows, documents, words, by_key: OnceLock::new() })
    }

    /// Returns the row of a file.
    pub(crate) fn find(&self, key: DocumentKey) -> Option<u32> {
        let by_key = self.by_key.get_or_init(|| (0..).zip(&self.rows).map(|(at, it)| (it.key, at)).collect());
        by_key.get(&key).copied()
    }
}

fn map(directory: &Path, name: PackName) -> Option<OwnedBytes> {
    let directory = MmapDirectory::open(directory).ok()?;
    directory.open_read(Path::new(&name.file_name())).ok()?.read_bytes().ok()
}

/// The bytes of a pack, in the parts in which they were made.
pub(crate) struct PackBytes {
    pub(crate) name: PackName,
    head: Vec<u8>,
    components: Vec<OwnedBytes>,
}

impl PackBytes {
    /// Puts a pack together from its rows and a written segment.
    pub(super) fn new(rows: &[Row], documents: u32, components: Vec<OwnedBytes>) -> PackBytes {
        let mut head = Vec::with_capacity(HEAD + COUNTS + rows.len() * ROW);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&[0; 32]);
        head.extend_from_slice(&documents.to_le_bytes());
        head.extend_from_slice(&(rows.len() as u32).to_le_bytes());
        components.iter().for_each(|it| head.extend_from_slice(&(it.len() as u64).to_le_bytes()));
        rows.iter().for_each(|it| it.write(&mut head));
        let mut hasher = blake3::Hasher::new();
        hasher.update(&head[HEAD..]);
        for it in &components {
            hasher.update(it);
        }
        let digest = hasher.finalize();
        head[8..HEAD].copy_from_slice(digest.as_bytes());
        PackBytes { name: PackName(*digest.as_bytes()), head, components }
    }

    /// Returns the parts in order; together they are the pack.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.head.as_slice()).chain(self.components.iter().map(OwnedBytes::as_slice))
    }
}

/// Starts a segment in memory.
pub(super) fn new_segment() -> tantivy::Result<(RamDirectory, Segment)> {
    let directory = RamDirectory::create();
    let index = tantivy::Index::create(directory.clone(), schema(), tantivy::IndexSettings::default())?;
    Ok((directory, index.new_segment()))
}

/// Takes the components of a segment that has been written in memory.
pub(super) fn components_of(directory: &RamDirectory, segment: &Segment) -> tantivy::Result<Vec<OwnedBytes>> {
    COMPONENTS
        .iter()
        .map(|it| {
            let path = segment.relative_path(it.clone());
            let bytes = directory.open_read(&path)?.read_bytes()?;
            directory.delete(&path).map_err(|it| tantivy::TantivyError::InternalError(it.to_string()))?;
            Ok(bytes)
        })
        .collect()
}

fn open_segment(components: Vec<OwnedBytes>, documents: u32) -> tantivy::Result<SegmentReader> {
    let directory = Components { parts: Arc::new(components), index: RamDirectory::create() };
    let index = tantivy::Index::create(directory, schema(), tantivy::IndexSettings::default())?;
    SegmentReader::open(&index.new_segment().with_max_doc(documents))
}

/// The components of the only segment there is, whatever its name, beside what little tantivy keeps of an index as a whole.
#[derive(Clone, Debug)]
struct Components {
    parts: Arc<Vec<OwnedBytes>>,
    index: RamDirectory,
}

impl Components {
    fn part(&self, path: &Path) -> Option<&OwnedBytes> {
        let extension = path.extension()?.to_str()?;
        let at = COMPONENTS.iter().position(|it| it.to_string() == extension)?;
        self.parts.get(at)
    }
}

impl Directory for Components {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.part(path) {
            Some(bytes) => Ok(Arc::new(bytes.clone())),
            None => self.index.get_file_handle(path),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.index.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if self.part(path).is_some() { Ok(true) } else { self.index.exists(path) }
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.index.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.index.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.index.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.index.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.index.watch(callback)
    }
}
