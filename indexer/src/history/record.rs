//! A commit as a document, and its form on disk.

use repo::{CommitId, RepoPath};
use serde::{Deserialize, Serialize};

use super::LARGE;

/// One commit: what was said of it and what it touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitDocument {
    /// Its id.
    pub id: CommitId,
    /// The commits it was made from.
    pub parents: Vec<CommitId>,
    /// When it was put here, in seconds since 1970.
    pub time: i64,
    /// What was said of it, without lines that name people, cut at some kilobytes.
    pub message: String,
    /// The files it touched, in path order.
    pub files: Vec<TouchedFile>,
}

/// One file that a commit touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TouchedFile {
    /// The file, as it is called after the commit.
    pub path: RepoPath,
    /// What became of it.
    pub status: ChangeStatus,
    /// The name it had before, of a renamed file.
    pub from: Option<RepoPath>,
    /// Lines that came; none are counted of a binary or very large file.
    pub added: u32,
    /// Lines that went.
    pub removed: u32,
    /// The qualified names of the innermost definitions of the new content in which lines changed, in source order.
    ///
    /// Empty for files of no known language and in commits that touch more than [`LARGE`] files.
    pub symbols: Vec<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeStatus {
    /// It came.
    Added,
    /// Its content or mode changed.
    Modified,
    /// It went.
    Deleted,
    /// It moved, perhaps with changes.
    Renamed,
}

impl CommitDocument {
    /// Returns the first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// Returns whether the commit touches too many files to say what belongs together.
    pub fn is_large(&self) -> bool {
        self.files.len() > LARGE
    }
}

impl TouchedFile {
    /// Returns whether lines of this symbol, or of one inside of it, changed.
    pub fn touches(&self, symbol: &str) -> bool {
        self.symbols
            .iter()
            .any(|it| it.strip_prefix(symbol).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}

/// A document without what its key says, as it is stored. Paths are bytes there.
#[derive(Serialize, Deserialize)]
struct Stored {
    parents: Vec<[u8; 20]>,
    time: i64,
    message: String,
    files: Vec<StoredFile>,
}

#[derive(Serialize, Deserialize)]
struct StoredFile {
    path: Vec<u8>,
    status: ChangeStatus,
    from: Option<Vec<u8>>,
    added: u32,
    removed: u32,
    symbols: Vec<String>,
}

/// Encodes a document; `None` when it cannot be encoded, which leaves it unstored.
pub(super) fn encode(document: &CommitDocument) -> Option<Vec<u8>> {
    let file = |it: &TouchedFile| StoredFile {
        path: it.path.as_bytes().to_vec(),
        status: it.status,
        from: it.from.as_ref().map(|it| it.as_bytes().to_vec()),
        added: it.added,
        removed: it.removed,
        symbols: it.symbols.clone(),
    };
    let stored = Stored {
        parents: document.parents.iter().map(|it| *it.as_bytes()).collect(),
        time: document.time,
        message: document.message.clone(),
        files: document.files.iter().map(file).collect(),
    };
    postcard::to_allocvec(&stored).ok()
}

/// Decodes a document; `None` when the bytes are none.
pub(super) fn decode(id: CommitId, bytes: &[u8]) -> Option<CommitDocument> {
    let stored: Stored = postcard::from_bytes(bytes).ok()?;
    let file = |it: StoredFile| {
        Some(TouchedFile {
            path: RepoPath::new(&it.path).ok()?,
            status: it.status,
            from: match it.from {
                Some(from) => Some(RepoPath::new(&from).ok()?),
                None => None,
            },
            added: it.added,
            removed: it.removed,
            symbols: it.symbols,
        })
    };
    Some(CommitDocument {
        id,
        parents: stored.parents.into_iter().map(CommitId::from_bytes).collect(),
        time: stored.time,
        message: stored.message,
        files: stored.files.into_iter().map(file).collect::<Option<Vec<_>>>()?,
    })
}
