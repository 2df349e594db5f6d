//! Tree objects, read and written as raw bytes.
//!
//! libgit2's tree builder would refuse or rewrite unusual entries. A hostile or old repository has them, what is not edited has to
//! stay as it is, and the policy gate has to see them.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use git2::{Odb, Oid};

use crate::{RepoError, TreeId};

/// The mode of a directory.
pub(crate) const DIRECTORY: u32 = 0o040_000;

/// Directories nested deeper than this are not entered. Linux takes no path of more than 4096 bytes.
pub(crate) const MAX_DEPTH: usize = 512;

/// One entry of one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawEntry {
    pub(crate) mode: u32,
    pub(crate) id: Oid,
}

impl RawEntry {
    pub(crate) fn is_directory(self) -> bool {
        self.mode & 0o170_000 == DIRECTORY
    }
}

/// The entries of one directory by name.
pub(crate) type RawTree = BTreeMap<BString, RawEntry>;

/// One difference between two trees; directories appear as their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeChange {
    pub(crate) path: BString,
    pub(crate) old: Option<RawEntry>,
    pub(crate) new: Option<RawEntry>,
}

/// What becomes of a place in a tree.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What becomes of the entry itself; `None` leaves it.
    pub(crate) action: Option<Action>,
    /// What becomes of the entries below.
    pub(crate) children: BTreeMap<BString, Plan>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Put(RawEntry),
    Remove,
}

/// Why a plan does not fit a tree; the path is that of the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    Missing(BString),
    IsDirectory(BString),
    ParentIsFile(BString),
}

#[derive(Debug)]
pub(crate) enum PlanError {
    Misfit(Misfit),
    Repo(RepoError),
}

impl From<RepoError> for PlanError {
    fn from(error: RepoError) -> PlanError {
        PlanError::Repo(error)
    }
}

impl Plan {
    /// Returns the place at `path`, made if it is new.
    pub(crate) fn at<'a>(&mut self, components: impl Iterator<Item = &'a [u8]>) -> &mut Plan {
        components.fold(self, |plan, name| plan.children.entry(name.into()).or_default())
    }
}

/// Reads one directory.
pub(crate) fn read_tree(odb: &Odb<'_>, id: Oid) -> Result<RawTree, RepoError> {
    if id.as_bytes() == TreeId::EMPTY.as_bytes() {
        return Ok(RawTree::new());
    }
    let object = odb.read(id).map_err(|_| missing("tree", id))?;
    if object.kind() != git2::ObjectType::Tree {
        return Err(missing("tree", id));
    }
    parse_tree(object.data()).map_err(|reason| RepoError::Corrupt { kind: "tree", id: id.to_string(), reason })
}

/// Writes one directory and returns its id.
pub(crate) fn store_tree(odb: &Odb<'_>, tree: &RawTree) -> Result<Oid, RepoError> {
    store(odb, git2::ObjectType::Tree, &serialize_tree(tree)).map_err(RepoError::git("write a tree"))
}

/// Writes an object unless it is there. libgit2's own write would give a borrowed one a new time of change, and that one is the user's.
pub(crate) fn store(odb: &Odb<'_>, kind: git2::ObjectType, bytes: &[u8]) -> Result<Oid, git2::Error> {
    let id = Oid::hash_object(kind, bytes)?;
    if odb.exists(id) { Ok(id) } else { odb.write(kind, bytes) }
}

/// Carries out a plan below the directory `base` and returns the new directory; `None` if nothing is left in it.
pub(crate) fn rewrite(odb: &Odb<'_>, base: Option<Oid>, plan: &Plan, at: &BString) -> Result<Option<Oid>, PlanError> {
    let mut tree = base.map_or_else(|| Ok(RawTree::new()), |id| read_tree(odb, id))?;
    for (name, child) in &plan.children {
        let path = join(at, name);
        let existing = tree.get(name).copied();
        match rewrite_entry(odb, existing, child, &path)? {
            Some(entry) => tree.insert(name.clone(), entry),
            None => tree.remove(name),
        };
    }
    if tree.is_empty() { Ok(None) } else { Ok(Some(store_tree(odb, &tree)?)) }
}

fn rewrite_entry(
    odb: &Odb<'_>,
    existing: Option<RawEntry>,
    plan: &Plan,
    path: &BString,
) -> Result<Option<RawEntry>, PlanError> {
    let directory = existing.filter(|entry| entry.is_directory());
    let file = existing.filter(|entry| !entry.is_directory());
    let misfit = |misfit: fn(BString) -> Misfit| Err(PlanError::Misfit(misfit(path.clone())));
    let below = |base: Option<Oid>| -> Result<Option<RawEntry>, PlanError> {
        Ok(rewrite(odb, base, plan, path)?.map(|id| RawEntry { mode: DIRECTORY, id }))
    };
    match plan.action {
        // A file replaces a directory only if the plan removes everything that is in it.
        Some(Action::Put(entry)) => {
            let left =
                if directory.is_some() || !plan.children.is_empty() { below(directory.map(|it| it.id))? } else { None };
            if left.is_some() { misfit(Misfit::IsDirectory) } else { Ok(Some(entry)) }
        }
        Some(Action::Remove) if directory.is_some() => misfit(Misfit::IsDirectory),
        Some(Action::Remove) if file.is_none() => misfit(Misfit::Missing),
        // A directory takes the place of a removed file.
        Some(Action::Remove) => below(None),
        None if file.is_some() => misfit(Misfit::ParentIsFile),
        None => below(directory.map(|it| it.id)),
    }
}

/// Lists the files that differ between two trees, in the order of their paths, entering only directories that differ.
pub(crate) fn diff_trees(odb: &Odb<'_>, old: Oid, new: Oid) -> Result<Vec<TreeChange>, RepoError> {
    let mut changes = Vec::new();
    diff_into(odb, Some(old), Some(new), &BString::default(), 0, &mut changes)?;
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

fn diff_into(
    odb: &Odb<'_>,
    old: Option<Oid>,
    new: Option<Oid>,
    at: &BString,
    depth: usize,
    changes: &mut Vec<TreeChange>,
) -> Result<(), RepoError> {
    if old == new {
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(RepoError::TooLarge {
            what: "a changed path".to_owned(),
            limit: MAX_DEPTH as u64,
            unit: "directories",
        });
    }
    let read = |id: Option<Oid>| id.map_or_else(|| Ok(RawTree::new()), |id| read_tree(odb, id));
    let (old_tree, new_tree) = (read(old)?, read(new)?);
    let names: std::collections::BTreeSet<&BString> = old_tree.keys().chain(new_tree.keys()).collect();
    for name in names {
        let (old, new) = (old_tree.get(name).copied(), new_tree.get(name).copied());
        if old == new {
            continue;
        }
        let path = join(at, name);
        let directory = |entry: Option<RawEntry>| entry.filter(|it| it.is_directory()).map(|it| it.id);
        let file = |entry: Option<RawEntry>| entry.filter(|it| !it.is_directory());
        diff_into(odb, directory(old), directory(new), &path, depth + 1, changes)?;
        let (old, new) = (file(old), file(new));
        if old != new {
            changes.push(TreeChange { path, old, new });
        }
    }
    Ok(())
}

pub(crate) fn join(directory: &BString, name: &BString) -> BString {
    if directory.is_empty() {
        return name.clone();
    }
    let mut path = directory.clone();
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

pub(crate) fn missing(kind: &'static str, id: Oid) -> RepoError {
    RepoError::MissingObject { kind, id: id.to_string() }
}

fn parse_tree(mut data: &[u8]) -> Result<RawTree, &'static str> {
    let mut tree = RawTree::new();
    while !data.is_empty() {
        let space = data.find_byte(b' ').ok_or("an entry has no mode")?;
        let mode = parse_mode(&data[..space]).ok_or("an entry has no octal mode")?;
        let rest = &data[space + 1..];
        let end = rest.find_byte(0).ok_or("an entry has no name")?;
        let id = rest.get(end + 1..end + 21).ok_or("an entry has no id")?;
        let id = Oid::from_bytes(id).map_err(|_| "an entry has no id")?;
        if tree.insert(rest[..end].into(), RawEntry { mode, id }).is_some() {
            return Err("two entries have the same name");
        }
        data = &rest[end + 21..];
    }
    Ok(tree)
}

fn parse_mode(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 7 {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

fn serialize_tree(tree: &RawTree) -> Vec<u8> {
    let mut entries: Vec<(&BString, &RawEntry)> = tree.iter().collect();
    // git sorts a directory as if its name ended with a slash.
    let key = |(name, entry): &(&BString, &RawEntry)| {
        let mut key = (*name).clone();
        if entry.is_directory() {
            key.push(b'/');
        }
        key
    };
    entries.sort_by_cached_key(key);
    let mut data = Vec::new();
    for (name, entry) in entries {
        data.extend_from_slice(format!("{:o} ", entry.mode).as_bytes());
        data.extend_from_slice(name);
        data.push(0);
        data.extend_from_slice(entry.id.as_bytes());
    }
    data
}
