//! The policy gate: which changes may be made, decided by rules without asking what a change is good for.
//!
//! Every rule has a stable name. `Refuse` means that the change must not be made, `Flag` that a person has to look at it.
//! [`Policy::check`] judges what really differs between two trees and is the gate; [`Policy::check_patch`] judges a patch by its text,
//! before anything is written. Whether a change weakens tests is not decided here.

mod content;
mod paths;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bstr::{BStr, BString, ByteSlice};
use git2::Odb;
use serde::Serialize;

use crate::diff::diff_lines;
use crate::patch::{ChangeKind, FilePatch, Hunk, LineSide};
use crate::tree::{self, RawEntry, TreeChange};
use crate::{FileMode, Patch, RepoError, RepoPath, Store, TreeId};

pub(crate) use content::is_binary;
pub(crate) use paths::is_git_dir;

/// Limits and choices for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The most lines that may be added and removed together.
    pub max_changed_lines: usize,
    /// The most files that may change.
    pub max_files: usize,
    /// The most bytes a changed file may have, before or after.
    pub max_file_bytes: usize,
    /// What to do with lock files of package managers.
    pub lock_files: LockFiles,
}

/// Whether lock files of package managers may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFiles {
    /// A change is refused.
    Refuse,
    /// A change was asked for.
    Allow,
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A person has to look at it.
    Flag,
    /// The change must not be made.
    Refuse,
}

/// One rule that a change breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule's stable name, such as `path/ci`.
    pub rule: &'static str,
    /// The file; `None` for the change as a whole, or if the name is no place in a repository.
    pub path: Option<RepoPath>,
    /// What is wrong, for people.
    pub detail: String,
    /// How bad it is.
    pub severity: Severity,
}

impl Violation {
    /// Returns whether the change must not be made.
    pub fn is_refusal(&self) -> bool {
        self.severity == Severity::Refuse
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: `{path}`: {}", self.rule, self.detail),
            None => write!(f, "{}: {}", self.rule, self.detail),
        }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { max_changed_lines: 400, max_files: 10, max_file_bytes: 1 << 20, lock_files: LockFiles::Refuse }
    }
}

impl Policy {
    /// Judges the change from `base` to `new`; no violation means that it may be made.
    ///
    /// # Errors
    /// When an object is missing.
    pub fn check(&self, store: &Store, base: TreeId, new: TreeId) -> Result<Vec<Violation>, RepoError> {
        store.with_odb(|odb| {
            let oid = |tree: TreeId| tree.to_oid().map_err(RepoError::git("read a tree"));
            let changes = tree::diff_trees(odb, oid(base)?, oid(new)?)?;
            let mut found = Findings::default();
            let mut lines = 0;
            for change in &changes {
                self.check_names(&change.path, presence(change), &mut found);
                check_modes(&change.path, raw_mode(change.old), raw_mode(change.new), &mut found);
                lines += self.check_content(odb, change, &mut found)?;
            }
            self.check_size(changes.len(), lines, &mut found);
            let created = changes.iter().filter(|change| change.old.is_none()).map(|change| change.path.as_bstr());
            for path in created {
                check_twins_in_tree(odb, oid(new)?, path, &mut found)?;
            }
            Ok(found.0)
        })
    }

    /// Judges a patch by its text: names, modes, size and added lines.
    ///
    /// Passing is not enough to make a change, since the tree it applies to is not seen.
    pub fn check_patch(&self, patch: &Patch) -> Vec<Violation> {
        let mut found = Findings::default();
        let mut created = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for file in patch.files() {
            for (path, presence) in touched_paths(file) {
                touched.insert(path);
                self.check_names(path, presence, &mut found);
                if presence == Presence::Created {
                    check_twin(&mut created, path, &mut found);
                }
            }
            let (old_mode, new_mode) = patch_modes(file);
            check_modes(file.new_path.as_bstr(), old_mode, new_mode, &mut found);
            content::check_added(file.new_path.as_bstr(), &added_lines(&file.hunks), b"", &mut found);
        }
        self.check_size(touched.len(), patch.changed_lines(), &mut found);
        found.0
    }

    fn check_names(&self, path: &[u8], presence: Presence, found: &mut Findings) {
        paths::check(path.as_bstr(), presence, self.lock_files, found);
    }

    fn check_size(&self, files: usize, lines: usize, found: &mut Findings) {
        if files > self.max_files {
            found.whole("size/files", format!("{files} files change, at most {} may", self.max_files));
        }
        if lines > self.max_changed_lines {
            found.whole("size/lines", format!("{lines} lines change, at most {} may", self.max_changed_lines));
        }
    }

    /// Judges the content of one changed file and returns how many of its lines change.
    fn check_content(&self, odb: &Odb<'_>, change: &TreeChange, found: &mut Findings) -> Result<usize, RepoError> {
        let path = change.path.as_bstr();
        let sides = [change.old, change.new].map(|entry| entry.filter(|entry| is_blob(*entry)));
        for entry in sides.into_iter().flatten() {
            let (size, _) = odb.read_header(entry.id).map_err(|_| tree::missing("blob", entry.id))?;
            if size > self.max_file_bytes {
                let detail = format!("{size} bytes, at most {} may change", self.max_file_bytes);
                found.refuse("size/file-bytes", path, detail);
                return Ok(0);
            }
        }
        let [old, new] = sides.map(|entry| match entry {
            Some(entry) => odb.read(entry.id).map(|it| it.data().to_vec()).map_err(|_| tree::missing("blob", entry.id)),
            None => Ok(Vec::new()),
        });
        let (old, new) = (old?, new?);
        if content::is_binary(&old) || content::is_binary(&new) {
            found.refuse("content/binary", path, "the file is binary".to_owned());
            return Ok(0);
        }
        let hunks = diff_lines(&old, &new)?;
        content::check_added(path, &added_lines(&hunks), &old, found);
        Ok(hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.side != LineSide::Context).count())
    }
}

/// Whether a touched file is there before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Created,
    Changed,
    Deleted,
}

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    pub(crate) fn refuse(&mut self, rule: &'static str, path: &BStr, detail: String) {
        self.add(rule, path, detail, Severity::Refuse);
    }

    pub(crate) fn flag(&mut self, rule: &'static str, path: &BStr, detail: String) {
        self.add(rule, path, detail, Severity::Flag);
    }

    pub(crate) fn add(&mut self, rule: &'static str, path: &BStr, detail: String, severity: Severity) {
        let place = RepoPath::new(path).ok();
        let detail = if place.is_some() { detail } else { format!("{:?}: {detail}", path) };
        self.0.push(Violation { rule, path: place, detail, severity });
    }

    fn whole(&mut self, rule: &'static str, detail: String) {
        self.0.push(Violation { rule, path: None, detail, severity: Severity::Refuse });
    }
}

fn presence(change: &TreeChange) -> Presence {
    match (change.old, change.new) {
        (None, _) => Presence::Created,
        (_, None) => Presence::Deleted,
        _ => Presence::Changed,
    }
}

fn touched_paths(file: &FilePatch) -> Vec<(&BString, Presence)> {
    match file.kind {
        ChangeKind::Create => vec![(&file.new_path, Presence::Created)],
        ChangeKind::Delete => vec![(&file.old_path, Presence::Deleted)],
        ChangeKind::Modify => vec![(&file.new_path, Presence::Changed)],
        ChangeKind::Rename => vec![(&file.old_path, Presence::Deleted), (&file.new_path, Presence::Created)],
        ChangeKind::Copy => vec![(&file.new_path, Presence::Created)],
    }
}

fn raw_mode(entry: Option<RawEntry>) -> Option<u32> {
    entry.map(|entry| entry.mode)
}

fn patch_modes(file: &FilePatch) -> (Option<u32>, Option<u32>) {
    let same = file.index.as_ref().and_then(|index| index.mode);
    let bits = |mode: Option<FileMode>| mode.or(same).map(FileMode::bits);
    (bits(file.old_mode), bits(file.new_mode))
}

fn is_blob(entry: RawEntry) -> bool {
    FileMode::from_bits(entry.mode).is_some_and(|mode| mode != FileMode::Submodule)
}

fn added_lines(hunks: &[Hunk]) -> Vec<&[u8]> {
    let lines = hunks.iter().flat_map(|hunk| &hunk.lines);
    lines.filter(|line| line.side == LineSide::Added).map(|line| &**line.bytes).collect()
}

fn check_modes(path: impl AsRef<[u8]>, old: Option<u32>, new: Option<u32>, found: &mut Findings) {
    let path = path.as_ref().as_bstr();
    for mode in BTreeSet::from([old, new]).into_iter().flatten() {
        match FileMode::from_bits(mode) {
            Some(FileMode::Symlink) => found.refuse("mode/symlink", path, "a symbolic link changes".to_owned()),
            Some(FileMode::Submodule) => found.refuse("mode/submodule", path, "a submodule changes".to_owned()),
            Some(known) if new == Some(mode) && old != new && known.bits() != mode => {
                found.refuse("mode/unusual", path, format!("the mode {mode:06o} is neither 100644 nor 100755"));
            }
            Some(FileMode::Regular | FileMode::Executable) => {}
            None => found.refuse("mode/unusual", path, format!("the mode {mode:06o} is unknown")),
        }
    }
    let executable = |mode: Option<u32>| mode.and_then(FileMode::from_bits) == Some(FileMode::Executable);
    if new.is_some() && executable(new) != executable(old) {
        let now = if executable(new) { "becomes executable" } else { "is no longer executable" };
        found.flag("mode/executable", path, format!("the file {now}"));
    }
}

/// Refuses a created path that a file system without case, or one that composes characters, takes for another one in the tree.
fn check_twins_in_tree(odb: &Odb<'_>, tree: git2::Oid, path: &BStr, found: &mut Findings) -> Result<(), RepoError> {
    let mut directory = tree;
    for name in path.split_str("/") {
        let entries = tree::read_tree(odb, directory)?;
        let folded = paths::fold(name);
        if let Some(twin) = entries.keys().find(|other| *other != name && paths::fold(other) == folded) {
            found.refuse("path/case", path, twin_detail(twin));
        }
        match entries.get(name.as_bstr()) {
            Some(entry) if entry.is_directory() => directory = entry.id,
            _ => break,
        }
    }
    Ok(())
}

/// The same among the paths that a patch creates: `seen` holds every directory and file so far by its folded path.
fn check_twin(seen: &mut BTreeMap<String, BString>, path: &BString, found: &mut Findings) {
    let ends = path.find_iter("/").chain([path.len()]);
    for end in ends {
        let place = BString::from(&path[..end]);
        let folded: Vec<String> = place.split_str("/").map(paths::fold).collect();
        let present = seen.entry(folded.join("/")).or_insert_with(|| place.clone());
        if *present != place {
            found.refuse("path/case", path.as_bstr(), twin_detail(present));
            return;
        }
    }
}

fn twin_detail(twin: &BString) -> String {
    format!("some file systems take it for `{twin}`")
}

#[cfg(test)]
mod tests;
