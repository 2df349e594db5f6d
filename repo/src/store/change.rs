//! Patches between trees: made from two, applied to one.

use std::collections::BTreeSet;

use bstr::BString;
use git2::{Odb, Oid};

use super::{FilePatch, PatchError, carry_out, find, read_blob, write_blob};
use crate::diff::diff_lines;
use crate::patch::{ChangeKind, HeaderStyle, IndexLine, apply_hunks};
use crate::tree::{self, Action, Plan, RawEntry};
use crate::{FileMode, Patch, RepoError, RepoPath, TreeId};

const NO_BLOB: &str = "0000000000000000000000000000000000000000";

/// Makes the patch from one tree to another.
pub(super) fn diff(odb: &Odb<'_>, old: Oid, new: Oid) -> Result<Patch, RepoError> {
    let mut files = Vec::new();
    for change in tree::diff_trees(odb, old, new)? {
        // As in git, a file that becomes a link or the reverse is removed and created.
        match (side(change.old)?, side(change.new)?) {
            (Some(old), Some(new)) if old.mode.is_file() != new.mode.is_file() || old.kind() != new.kind() => {
                files.push(file_patch(odb, &change.path, Some(old), None)?);
                files.push(file_patch(odb, &change.path, None, Some(new))?);
            }
            (old, new) => files.push(file_patch(odb, &change.path, old, new)?),
        }
    }
    Ok(Patch { files })
}

#[derive(Clone, Copy)]
struct Side {
    mode: FileMode,
    id: Oid,
}

impl Side {
    fn kind(self) -> u32 {
        self.mode.bits() & 0o170_000
    }
}

fn side(entry: Option<RawEntry>) -> Result<Option<Side>, RepoError> {
    let Some(RawEntry { mode, id }) = entry else { return Ok(None) };
    let corrupt = RepoError::Corrupt { kind: "tree entry", id: id.to_string(), reason: "the mode is unknown" };
    FileMode::from_bits(mode).map(|mode| Some(Side { mode, id })).ok_or(corrupt)
}

fn file_patch(odb: &Odb<'_>, path: &BString, old: Option<Side>, new: Option<Side>) -> Result<FilePatch, RepoError> {
    let (before, after) = (text(odb, path, old)?, text(odb, path, new)?);
    let kind = match (old, new) {
        (None, _) => ChangeKind::Create,
        (_, None) => ChangeKind::Delete,
        _ => ChangeKind::Modify,
    };
    let id = |side: Option<Side>| side.map_or_else(|| NO_BLOB.into(), |side| BString::from(side.id.to_string()));
    let (old_mode, new_mode) = (old.map(|it| it.mode), new.map(|it| it.mode));
    let same_mode = if old_mode == new_mode { old_mode } else { None };
    let same_content = old.map(|it| it.id) == new.map(|it| it.id);
    let index = IndexLine { old: id(old), new: id(new), mode: same_mode };
    Ok(FilePatch {
        kind,
        old_path: path.clone(),
        new_path: path.clone(),
        old_mode: old_mode.filter(|_| same_mode.is_none()),
        new_mode: new_mode.filter(|_| same_mode.is_none()),
        index: if same_content { None } else { Some(index) },
        similarity: None,
        hunks: diff_lines(&before, &after)?,
        header: HeaderStyle::Git,
    })
}

fn text(odb: &Odb<'_>, path: &BString, side: Option<Side>) -> Result<Vec<u8>, RepoError> {
    let Some(side) = side else { return Ok(Vec::new()) };
    if side.mode == FileMode::Submodule {
        return Ok(format!("Subproject commit {}\n", side.id).into_bytes());
    }
    let bytes = read_blob(odb, side.id)?;
    if crate::policy::is_binary(&bytes) {
        return Err(PatchError::Binary { path: path.to_string() }.into());
    }
    Ok(bytes)
}

/// Writes the tree that a patch makes of another.
pub(super) fn apply(odb: &Odb<'_>, base: TreeId, files: &[FilePatch]) -> Result<TreeId, RepoError> {
    let changes = files.iter().map(Change::read).collect::<Result<Vec<_>, RepoError>>()?;
    let removed = removed_paths(&changes)?;
    let mut written = BTreeSet::new();
    let mut plan = Plan::default();
    for path in &removed {
        plan.at(path.components()).action = Some(Action::Remove);
    }
    for change in &changes {
        let content = change.content(odb, base, &removed)?;
        let Some((mode, bytes)) = content else { continue };
        if !written.insert(&change.new_path) {
            return Err(PatchError::Duplicate { path: change.new_path.clone() }.into());
        }
        let entry = RawEntry { mode: mode.bits(), id: write_blob(odb, &bytes)? };
        plan.at(change.new_path.components()).action = Some(Action::Put(entry));
    }
    carry_out(odb, base, &plan)
}

/// A change to one file whose paths are inside the repository.
struct Change<'a> {
    file: &'a FilePatch,
    old_path: RepoPath,
    new_path: RepoPath,
}

/// Collects what the patch takes away from its place, so that another file may come there.
fn removed_paths(changes: &[Change<'_>]) -> Result<BTreeSet<RepoPath>, RepoError> {
    let mut removed = BTreeSet::new();
    for change in changes {
        if matches!(change.file.kind, ChangeKind::Delete | ChangeKind::Rename)
            && !removed.insert(change.old_path.clone())
        {
            return Err(PatchError::Duplicate { path: change.old_path.clone() }.into());
        }
    }
    Ok(removed)
}

impl<'a> Change<'a> {
    fn read(file: &'a FilePatch) -> Result<Change<'a>, RepoError> {
        let modes = [file.old_mode, file.new_mode, file.index.as_ref().and_then(|index| index.mode)];
        if modes.contains(&Some(FileMode::Submodule)) {
            return Err(PatchError::Submodule { path: file.new_path.to_string() }.into());
        }
        Ok(Change { file, old_path: RepoPath::new(&*file.old_path)?, new_path: RepoPath::new(&*file.new_path)? })
    }

    /// Returns the mode and content afterwards; `None` for a deleted file.
    fn content(
        &self,
        odb: &Odb<'_>,
        base: TreeId,
        removed: &BTreeSet<RepoPath>,
    ) -> Result<Option<(FileMode, Vec<u8>)>, RepoError> {
        let arrives = matches!(self.file.kind, ChangeKind::Create | ChangeKind::Rename | ChangeKind::Copy);
        if arrives && !removed.contains(&self.new_path) && find(odb, base, &self.new_path)?.is_some() {
            return Err(PatchError::FileExists { path: self.new_path.clone() }.into());
        }
        if self.file.kind == ChangeKind::Create {
            let bytes = self.apply_to(&[])?;
            return Ok(Some((self.file.new_mode.unwrap_or(FileMode::Regular), bytes)));
        }
        if self.file.kind == ChangeKind::Modify && removed.contains(&self.old_path) {
            return Err(PatchError::Duplicate { path: self.old_path.clone() }.into());
        }
        let (mode, before) = self.before(odb, base)?;
        let after = self.apply_to(&before)?;
        if self.file.kind != ChangeKind::Delete {
            return Ok(Some((self.file.new_mode.unwrap_or(mode), after)));
        }
        if after.is_empty() { Ok(None) } else { Err(PatchError::ContentLeft { path: self.old_path.clone() }.into()) }
    }

    fn before(&self, odb: &Odb<'_>, base: TreeId) -> Result<(FileMode, Vec<u8>), RepoError> {
        let path = &self.old_path;
        let entry = find(odb, base, path)?;
        let Some((mode, id)) = entry.and_then(|entry| Some((FileMode::from_bits(entry.mode)?, entry.id))) else {
            return Err(PatchError::MissingFile { path: path.clone() }.into());
        };
        if mode == FileMode::Submodule {
            return Err(PatchError::Submodule { path: path.to_string() }.into());
        }
        let expected = self.file.old_mode.or(self.file.index.as_ref().and_then(|index| index.mode));
        // As in git, a differing executable bit is no obstacle; a file in place of a link is.
        match expected {
            Some(expected) if expected.is_file() != mode.is_file() => {
                Err(PatchError::ModeDiffers { path: path.clone(), found: mode, expected }.into())
            }
            _ => Ok((mode, read_blob(odb, id)?)),
        }
    }

    fn apply_to(&self, before: &[u8]) -> Result<Vec<u8>, RepoError> {
        let path = || self.new_path.clone();
        apply_hunks(before, &self.file.hunks).map_err(|reason| PatchError::Hunk { path: path(), reason }.into())
    }
}
