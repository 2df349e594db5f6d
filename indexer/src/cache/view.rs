//! The stored view of one tree: which files it has, where their documents are, what was left out, and the edges of the graph.
//!
//! ```text
//! magic, length of the manifest, digest of the manifest, digest of the edges, manifest, edges
//! ```
//! What the files define is not repeated here: it is in the summaries of their contents.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::graph::Edges;
use crate::index::SkipReason;
use crate::syntax::LanguageId;
use crate::text::PackName;

const MAGIC: &[u8; 8] = b"pwview_4";
const HEAD: usize = 8 + 8 + 32 + 32;

/// Everything of a view but the edges.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The packs of documents that are in use.
    pub(crate) packs: Vec<PackName>,
    /// In path order.
    pub(crate) files: Vec<FileRow>,
    /// Path and blob of the configuration that says what names mean, in path order.
    pub(crate) configs: Vec<(Vec<u8>, [u8; 20])>,
    /// Path, blob and reason of what is not in the index, in path order.
    pub(crate) left_out: Vec<(Vec<u8>, [u8; 20], SkipReason)>,
}

/// One source file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileRow {
    pub(crate) path: Vec<u8>,
    pub(crate) blob: [u8; 20],
    pub(crate) language: LanguageId,
    pub(crate) is_test: bool,
    /// Place in [`Manifest::packs`].
    pub(crate) pack: u32,
    /// Row in that pack.
    pub(crate) row: u32,
}

/// A view that has been read, with its edges still as bytes.
pub(crate) struct StoredView {
    pub(crate) manifest: Manifest,
    /// Says that the view is in use as long as it is open.
    pub(crate) lock: Option<File>,
    bytes: Vec<u8>,
    edges_at: usize,
    edges_digest: [u8; 32],
}

/// Encodes a view; `None` when it cannot be encoded.
pub(crate) fn view_bytes(manifest: &Manifest, edges: &Edges) -> Option<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    bytes = postcard::to_extend(manifest, bytes).ok()?;
    let edges_at = bytes.len();
    edges.write(&mut bytes);
    let (head, payload) = bytes.split_at_mut(HEAD);
    let (manifest, edges) = payload.split_at(edges_at - HEAD);
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&(manifest.len() as u64).to_le_bytes());
    head[16..48].copy_from_slice(blake3::hash(manifest).as_bytes());
    head[48..].copy_from_slice(blake3::hash(edges).as_bytes());
    Some(bytes)
}

impl StoredView {
    /// Reads a view and notes that it was used; `None` when it is absent or damaged.
    pub(super) fn read(path: &Path) -> Option<StoredView> {
        // Locked before it is read, so that what it names stays.
        let lock = lock(path);
        let bytes = fs::read(path).ok()?;
        let (manifest, edges_at) = manifest_of(&bytes)?;
        let edges_digest = bytes.get(48..HEAD)?.try_into().ok()?;
        Some(StoredView { manifest, lock, edges_at, edges_digest, bytes })
    }

    /// Returns the edges; `None` when they are damaged.
    pub(crate) fn edges(&self, nodes: usize) -> Option<Edges> {
        let bytes = self.bytes.get(self.edges_at..)?;
        if *blake3::hash(bytes).as_bytes() != self.edges_digest {
            return None;
        }
        Edges::read(bytes, nodes)
    }
}

/// Returns the manifest of an encoded view, and where its edges begin.
pub(super) fn manifest_of(bytes: &[u8]) -> Option<(Manifest, usize)> {
    let (head, payload) = bytes.split_at_checked(HEAD)?;
    let length = usize::try_from(u64::from_le_bytes(head[8..16].try_into().ok()?)).ok()?;
    let manifest = payload.get(..length)?;
    if head[..8] != *MAGIC || blake3::hash(manifest).as_bytes() != &head[16..48] {
        return None;
    }
    Some((postcard::from_bytes(manifest).ok()?, HEAD + length))
}

/// Locks a view as in use, together with others, and notes the time. Best effort: a cache on a read-only disk still serves.
pub(super) fn lock(path: &Path) -> Option<File> {
    let file = File::options().append(true).open(path).or_else(|_| File::open(path)).ok()?;
    let noted = file.set_modified(SystemTime::now());
    let locked = file.try_lock_shared();
    tracing::trace!(noted = noted.is_ok(), locked = locked.is_ok(), "view in use");
    locked.ok().map(|()| file)
}
