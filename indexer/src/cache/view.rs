//! The stored view of one tree: files, definitions, what was skipped, and the edges of the graph.
//!
//! Its head has two digests, of the view itself and of the text index beside it, so that damage is seen here and not in the midst of a query.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use repo::{BlobId, RepoPath};
use serde::{Deserialize, Serialize};

use crate::graph::{Edges, Nodes};
use crate::index::{IndexedFile, SkipReason, Skipped};
use crate::symbol::{Definition, FileId};
use crate::syntax::LanguageId;
use crate::text::Corpus;
use crate::view::{Inventory, place};

const MAGIC: &[u8; 8] = b"pwview_2";

/// Everything of a view but the text index and the edges, as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) files: Vec<FileRecord>,
    pub(crate) skipped: Vec<(Vec<u8>, SkipReason)>,
}

/// One source file with its definitions.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub(crate) path: Vec<u8>,
    pub(crate) blob: [u8; 20],
    pub(crate) language: LanguageId,
    pub(crate) is_test: bool,
    pub(crate) lines: u32,
    pub(crate) error_nodes: u32,
    pub(crate) definitions: Vec<Definition>,
}

impl View {
    /// Numbers files and symbols; `None` when a path is no path.
    pub(crate) fn into_inventory(self) -> Option<Inventory> {
        let mut files = Vec::with_capacity(self.files.len());
        let mut symbols = Vec::with_capacity(self.files.iter().map(|it| it.definitions.len()).sum());
        for record in self.files {
            let path = RepoPath::new(&record.path).ok()?;
            let first = symbols.len() as u32;
            let id = FileId(files.len() as u32);
            let in_test = record.is_test;
            symbols.extend(record.definitions.into_iter().map(|it| place(it, id, first, &path, in_test)));
            files.push(IndexedFile {
                path,
                blob: BlobId::from_bytes(record.blob),
                language: record.language,
                is_test: record.is_test,
                lines: record.lines,
                error_nodes: record.error_nodes,
                symbols: first..symbols.len() as u32,
            });
        }
        let skipped =
            self.skipped.into_iter().map(|it| Some(Skipped { path: RepoPath::new(&it.0).ok()?, reason: it.1 }));
        Some(Inventory::new(files, symbols, skipped.collect::<Option<Vec<_>>>()?))
    }

    pub(crate) fn write(bytes_of_view: &[u8], edges: &Edges, directory: &Path) -> io::Result<()> {
        let mut payload = Vec::new();
        payload.extend_from_slice(&(bytes_of_view.len() as u64).to_le_bytes());
        payload.extend_from_slice(bytes_of_view);
        edges.write(&mut payload);
        let digest = blake3::hash(&payload);
        let text = text_digest(directory)?;
        let whole = [MAGIC.as_slice(), digest.as_bytes(), text.as_bytes(), &payload].concat();
        super::write_whole(&directory.join("view"), &whole)
    }

    /// Encodes for [`View::write`]; taken apart so that the view can be consumed in between.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_allocvec(self).ok()
    }

    /// Reads a view and notes that it was used; `None` when it is absent, damaged or of another time.
    pub(crate) fn read(directory: &Path) -> Option<(Inventory, Edges)> {
        let path = directory.join("view");
        let bytes = fs::read(&path).ok()?;
        let (head, payload) = bytes.split_at_checked(8 + 32 + 32)?;
        if &head[..8] != MAGIC || blake3::hash(payload).as_bytes() != &head[8..40] {
            return None;
        }
        if text_digest(directory).ok()?.as_bytes() != &head[40..] {
            return None;
        }
        let (length, payload) = payload.split_at_checked(8)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (view, edges) = payload.split_at_checked(length)?;
        let inventory = postcard::from_bytes::<View>(view).ok()?.into_inventory()?;
        let edges = Edges::read(edges, Nodes::of(&inventory).count())?;
        note_use(&path);
        Some((inventory, edges))
    }
}

/// Returns a digest of the files of the text index.
fn text_digest(directory: &Path) -> io::Result<blake3::Hash> {
    let [files, symbols] = Corpus::ALL.map(|it| directory.join(it.directory()));
    let (files, symbols) = rayon::join(|| digest_of_directory(&files), || digest_of_directory(&symbols));
    Ok(blake3::hash(&[*files?.as_bytes(), *symbols?.as_bytes()].concat()))
}

fn digest_of_directory(directory: &Path) -> io::Result<blake3::Hash> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?.map(|it| Ok(it?.path())).collect::<io::Result<_>>()?;
    // Locks come and go.
    paths.retain(|it| it.extension().is_none_or(|it| it != "lock"));
    paths.sort();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        let bytes = fs::read(&path)?;
        hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    Ok(hasher.finalize())
}

/// Best effort: a cache on a read-only disk still serves.
fn note_use(path: &Path) {
    let noted = File::options().append(true).open(path).and_then(|it| it.set_modified(now()));
    tracing::trace!(ok = noted.is_ok(), "use of view noted");
}

fn now() -> SystemTime {
    SystemTime::now()
}
