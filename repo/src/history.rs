//! Commits as they are stored, the way from one to those before it, and what lies between two trees.
//!
//! A shallow clone simply ends: a commit whose objects are absent is no error here but the edge of what is known.

use std::collections::{BinaryHeap, HashSet};

use bstr::ByteSlice;
use git2::{DiffOptions, ObjectType, Odb, Patch};

use crate::tree::{self, RawEntry};
use crate::{BlobId, CommitId, FileMode, RepoError, RepoPath, Store, TreeId};

/// One commit, without saying who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its files.
    pub tree: TreeId,
    /// The commits it was made from, the first being the one that it continues.
    pub parents: Vec<CommitId>,
    /// When it was put here, in seconds since 1970.
    pub time: i64,
    /// What was said of it.
    pub message: String,
}

/// One file that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDifference {
    /// Where it is.
    pub path: RepoPath,
    /// What was there.
    pub old: Option<(FileMode, BlobId)>,
    /// What is there.
    pub new: Option<(FileMode, BlobId)>,
}

/// Lines of an old content, and the lines of the new one that stand in their place; a count may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedLines {
    /// The first old line, counted from 1; where there is none, the line behind which nothing was taken.
    pub old_start: u32,
    /// How many old lines.
    pub old_count: u32,
    /// The first new line, counted from 1; where there is none, the line behind which something was taken.
    pub new_start: u32,
    /// How many new lines.
    pub new_count: u32,
}

/// Which of a commit's parents a walk follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parents {
    /// Only the first: the history as those saw it who merged.
    First,
    /// All of them.
    All,
}

/// What a walk must know of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// Its time.
    pub time: i64,
}

/// Lists commits from `tip` on, newest first by time and a commit never before one that led to it in the walk, `limit` at most.
///
/// `read` tells of a commit, from git or from elsewhere; where it knows none the walk goes no further.
///
/// # Errors
/// What `read` returns.
pub fn walk(
    tip: CommitId,
    parents: Parents,
    limit: usize,
    mut read: impl FnMut(CommitId) -> Result<Option<Link>, RepoError>,
) -> Result<Vec<CommitId>, RepoError> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([tip]);
    let mut open = BinaryHeap::new();
    if let Some(link) = read(tip)? {
        open.push((link.time, tip, link.parents));
    }
    while let Some((_, id, before)) = open.pop() {
        found.push(id);
        if found.len() >= limit {
            break;
        }
        let followed = match parents {
            Parents::First => before.get(..1).unwrap_or(&[]),
            Parents::All => &before[..],
        };
        for id in followed {
            if seen.insert(*id)
                && let Some(link) = read(*id)?
            {
                open.push((link.time, *id, link.parents));
            }
        }
    }
    Ok(found)
}

impl Store {
    /// Reads a commit; `None` if the store has none of this id, as at the end of a shallow clone.
    ///
    /// # Errors
    /// When what is there is no commit or makes no sense.
    pub fn commit(&self, id: CommitId) -> Result<Option<Commit>, RepoError> {
        self.with_odb(|odb| read_commit(odb, id))
    }

    /// Lists the files that differ between two trees in path order, entering only directories that differ.
    ///
    /// Entries whose name or mode no safe file has are left out, as in a [`crate::Snapshot`].
    ///
    /// # Errors
    /// When a directory is missing or corrupt.
    pub fn differences(&self, old: TreeId, new: TreeId) -> Result<Vec<TreeDifference>, RepoError> {
        let id = |tree: TreeId| tree.to_oid().map_err(RepoError::git("read a tree"));
        let changes = self.with_odb(|odb| tree::diff_trees(odb, id(old)?, id(new)?))?;
        let side = |entry: Option<RawEntry>| {
            entry.and_then(|it| Some((FileMode::from_bits(it.mode)?, BlobId::from_oid(it.id))))
        };
        let difference = |it: tree::TreeChange| {
            let path = RepoPath::new(&*it.path).ok()?;
            let (old, new) = (side(it.old), side(it.new));
            (old != new).then_some(TreeDifference { path, old, new })
        };
        Ok(changes.into_iter().filter_map(difference).collect())
    }
}

/// Returns which lines differ between two contents, in order, without the unchanged lines around them.
///
/// # Errors
/// When the contents are too large for git to compare.
pub fn changed_lines(old: &[u8], new: &[u8]) -> Result<Vec<ChangedLines>, RepoError> {
    let mut options = DiffOptions::new();
    options.force_text(true).context_lines(0);
    let failed = || RepoError::git("compare two contents");
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options)).map_err(failed())?;
    let hunk = |at: usize| {
        let (head, _) = patch.hunk(at).map_err(failed())?;
        Ok(ChangedLines {
            old_start: head.old_start(),
            old_count: head.old_lines(),
            new_start: head.new_start(),
            new_count: head.new_lines(),
        })
    };
    (0..patch.num_hunks()).map(hunk).collect()
}

fn read_commit(odb: &Odb<'_>, id: CommitId) -> Result<Option<Commit>, RepoError> {
    let oid = id.to_oid().map_err(RepoError::git("read a commit"))?;
    let object = match odb.read(oid) {
        Ok(object) => object,
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(RepoError::git("read a commit")(error)),
    };
    if object.kind() != ObjectType::Commit {
        return Err(tree::missing("commit", oid));
    }
    let corrupt = |reason| RepoError::Corrupt { kind: "commit", id: id.to_string(), reason };
    parse_commit(id, object.data()).map(Some).map_err(corrupt)
}

fn parse_commit(id: CommitId, data: &[u8]) -> Result<Commit, &'static str> {
    let (head, message) = data.split_once_str("\n\n").unwrap_or((data, b""));
    let mut tree = None;
    let mut parents = Vec::new();
    let mut time = None;
    let mut encoding = b"utf-8".as_slice();
    // A line that begins with a blank continues the one before, as a signature does.
    for line in head.lines().filter(|it| !it.starts_with(b" ")) {
        let (key, value) = line.split_once_str(" ").unwrap_or((line, b""));
        let text = || value.to_str().unwrap_or_default();
        match key {
            b"tree" if tree.is_none() => tree = text().parse().ok(),
            b"parent" => parents.push(text().parse().map_err(|_| "a parent is no object id")?),
            b"committer" => time = value.rsplit(|it| *it == b' ').nth(1).and_then(|it| it.to_str().ok()?.parse().ok()),
            b"encoding" => encoding = value,
            _ => {}
        }
    }
    let tree = tree.ok_or("it names no tree")?;
    Ok(Commit { id, tree, parents, time: time.unwrap_or(0), message: decode(message, encoding) })
}

/// Latin-1 is the only other encoding that is still met; what else there is loses its accents.
fn decode(bytes: &[u8], encoding: &[u8]) -> String {
    let latin = [&b"iso-8859-1"[..], b"iso8859-1", b"latin1", b"latin-1"];
    if latin.iter().any(|it| it.eq_ignore_ascii_case(encoding)) && bytes.to_str().is_err() {
        return bytes.iter().map(|it| char::from(*it)).collect();
    }
    bytes.to_str_lossy().into_owned()
}

#[cfg(test)]
mod tests;
