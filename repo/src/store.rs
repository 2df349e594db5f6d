//! The private object store: new blobs and trees go here, everything else is borrowed from the user's repository.
//!
//! It is a bare repository whose alternate is the user's object directory, so `git` can look into it too.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use git2::{ObjectType, Odb, Repository, RepositoryInitOptions, RepositoryOpenFlags};
use parking_lot::Mutex;

use crate::patch::{FilePatch, PatchError};
use crate::snapshot::{Listing, Omitted};
use crate::source::{open_repository, prepare_git};
use crate::tree::{self, Action, Misfit, Plan, PlanError, RawEntry};
use crate::{BlobId, Edit, Entry, FileMode, Patch, RepoError, RepoPath, Snapshot, Source, TreeId};

mod change;
pub(crate) mod import;

/// A snapshot with more entries than this is refused: no real project is near, and a few kilobytes of nested trees can claim billions.
const MAX_ENTRIES: u64 = 2_000_000;

/// A content larger than this is never read: a few kilobytes of deflated zeros can claim gigabytes.
const MAX_BLOB_BYTES: u64 = 512 << 20;

/// A private object store over a user's objects. Clones share it, and any number of threads may use it.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    /// Open handles that nobody uses right now. libgit2's handles may move between threads but not be shared.
    idle: Mutex<Vec<Repository>>,
}

impl Store {
    /// Creates the store at `dir`, or opens it again, with the objects of `source` as its background.
    ///
    /// # Errors
    /// When the directory cannot be made or is no store.
    pub fn create(dir: &Path, source: &Source) -> Result<Store, RepoError> {
        let store = Store::open_or_init(dir)?;
        write_alternates(&store.0.dir, source.objects_dir())?;
        // A handle reads the list of alternates once, when it first needs objects.
        store.0.idle.lock().clear();
        Ok(store)
    }

    /// Imports a plain folder into a store at `dir` and returns the tree of its files.
    ///
    /// What a `.gitignore` in the folder leaves out is left out here too.
    ///
    /// # Errors
    /// When the folder is missing, unreadable or too large.
    pub fn import(dir: &Path, folder: &Path) -> Result<(Store, TreeId), RepoError> {
        let store = Store::open_or_init(dir)?;
        let tree = import::import(&store, folder)?;
        Ok((store, tree))
    }

    /// Lists the files of a tree.
    ///
    /// # Errors
    /// When a directory is missing or corrupt, or there are too many files.
    pub fn snapshot(&self, tree: TreeId) -> Result<Snapshot, RepoError> {
        let mut listing = Listing { tree, entries: Vec::new(), omitted: Vec::new(), store: self.clone() };
        self.with_odb(|odb| list(odb, oid(tree)?, &BString::default(), 0, &mut listing))?;
        listing.entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Snapshot::new(listing))
    }

    /// Lists the files of a tree, taking directories that `old` has as well from there.
    ///
    /// The result equals that of [`Store::snapshot`] and costs what has changed.
    ///
    /// # Errors
    /// When a directory is missing or corrupt, or there are too many files.
    pub fn snapshot_near(&self, old: &Snapshot, tree: TreeId) -> Result<Snapshot, RepoError> {
        if old.tree() == tree {
            return Ok(old.clone());
        }
        // What is left out is known by a name for people only.
        if !old.omitted().is_empty() {
            return self.snapshot(tree);
        }
        let mut near =
            Near { old, changed: Listing { tree, entries: Vec::new(), omitted: Vec::new(), store: self.clone() } };
        self.with_odb(|odb| near.list(odb, Some(oid(old.tree())?), oid(tree)?, &BString::default(), 0))?;
        let mut listing = near.changed;
        listing.entries.sort_by(|a, b| a.path.cmp(&b.path));
        check_size(&listing)?;
        Ok(Snapshot::new(listing))
    }

    /// Writes the tree that `edits` make of `base`. Of two edits of one file the later counts.
    ///
    /// # Errors
    /// When an edit does not fit the tree.
    pub fn write_tree(&self, base: TreeId, edits: &[Edit]) -> Result<TreeId, RepoError> {
        self.with_odb(|odb| {
            let mut plan = Plan::default();
            for edit in edits {
                let action = match edit {
                    Edit::Write { path, bytes, mode } => {
                        let mode = mode.map_or_else(|| kept_mode(odb, base, path), Ok)?;
                        Action::Put(RawEntry { mode: mode.bits(), id: write_blob(odb, bytes)? })
                    }
                    Edit::Delete { .. } => Action::Remove,
                };
                plan.at(edit.path().components()).action = Some(action);
            }
            carry_out(odb, base, &plan)
        })
    }

    /// Writes a content and returns its id.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<BlobId, RepoError> {
        self.with_odb(|odb| write_blob(odb, bytes).map(BlobId::from_oid))
    }

    /// Reads a content.
    ///
    /// # Errors
    /// When it is missing.
    pub fn blob(&self, id: BlobId) -> Result<Vec<u8>, RepoError> {
        self.with_odb(|odb| read_blob(odb, id.to_oid().map_err(RepoError::git("read a blob"))?))
    }

    /// Returns how many bytes a content has, without reading it.
    ///
    /// # Errors
    /// When it is missing.
    pub fn blob_size(&self, id: BlobId) -> Result<u64, RepoError> {
        self.with_odb(|odb| blob_size(odb, id.to_oid().map_err(RepoError::git("read a blob"))?))
    }

    /// Returns the patch that turns `old` into `new`.
    ///
    /// # Errors
    /// When a changed file is binary, or an object is missing.
    pub fn diff(&self, old: TreeId, new: TreeId) -> Result<Patch, RepoError> {
        self.with_odb(|odb| change::diff(odb, oid(old)?, oid(new)?))
    }

    /// Writes the tree that `patch` makes of `base`.
    ///
    /// # Errors
    /// When the patch does not fit the tree or names a place outside it.
    pub fn apply(&self, base: TreeId, patch: &Patch) -> Result<TreeId, RepoError> {
        self.with_odb(|odb| change::apply(odb, base, patch.files()))
    }

    /// Returns the directory of the store, which is a bare git repository.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    pub(crate) fn with_odb<T>(&self, work: impl FnOnce(&Odb<'_>) -> Result<T, RepoError>) -> Result<T, RepoError> {
        let idle = self.0.idle.lock().pop();
        let repository = match idle {
            Some(repository) => repository,
            None => open_repository(&self.0.dir, RepositoryOpenFlags::NO_SEARCH)?,
        };
        let result = {
            let odb = repository.odb().map_err(RepoError::git("open the object store"))?;
            work(&odb)
        };
        self.0.idle.lock().push(repository);
        result
    }

    pub(crate) fn open_or_init(dir: &Path) -> Result<Store, RepoError> {
        prepare_git();
        std::fs::create_dir_all(dir).map_err(RepoError::io("create", dir))?;
        let dir = dir.canonicalize().map_err(RepoError::io("resolve", dir))?;
        if !dir.join("HEAD").exists() {
            let mut options = RepositoryInitOptions::new();
            // A template could bring hooks along.
            options.bare(true).external_template(false).no_reinit(false);
            Repository::init_opts(&dir, &options).map_err(RepoError::git("create the object store"))?;
        }
        let store = Store(Arc::new(Shared { dir, idle: Mutex::default() }));
        store.with_odb(|_| Ok(()))?;
        Ok(store)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.dir.display())
    }
}

fn oid(tree: TreeId) -> Result<git2::Oid, RepoError> {
    tree.to_oid().map_err(RepoError::git("read a tree"))
}

fn read_blob(odb: &Odb<'_>, id: git2::Oid) -> Result<Vec<u8>, RepoError> {
    if blob_size(odb, id)? > MAX_BLOB_BYTES {
        return Err(RepoError::TooLarge { what: format!("blob {id}"), limit: MAX_BLOB_BYTES, unit: "bytes" });
    }
    let object = odb.read(id).map_err(|_| tree::missing("blob", id))?;
    Ok(object.data().to_vec())
}

fn blob_size(odb: &Odb<'_>, id: git2::Oid) -> Result<u64, RepoError> {
    match odb.read_header(id) {
        Ok((size, ObjectType::Blob)) => Ok(size as u64),
        _ => Err(tree::missing("blob", id)),
    }
}

fn write_blob(odb: &Odb<'_>, bytes: &[u8]) -> Result<git2::Oid, RepoError> {
    tree::store(odb, ObjectType::Blob, bytes).map_err(RepoError::git("write a blob"))
}

/// Finds one entry, reading only the directories on the way to it.
fn find(odb: &Odb<'_>, base: TreeId, path: &RepoPath) -> Result<Option<RawEntry>, RepoError> {
    let mut entry = RawEntry { mode: tree::DIRECTORY, id: oid(base)? };
    for name in path.components() {
        if !entry.is_directory() {
            return Ok(None);
        }
        match tree::read_tree(odb, entry.id)?.get(name.as_bstr()) {
            Some(next) => entry = *next,
            None => return Ok(None),
        }
    }
    Ok(Some(entry))
}

fn kept_mode(odb: &Odb<'_>, base: TreeId, path: &RepoPath) -> Result<FileMode, RepoError> {
    match find(odb, base, path)?.map(|entry| FileMode::from_bits(entry.mode)) {
        None | Some(None) => Ok(FileMode::Regular),
        Some(Some(mode)) if mode.is_file() => Ok(mode),
        Some(Some(_)) => Err(RepoError::NotARegularFile { path: path.clone() }),
    }
}

fn carry_out(odb: &Odb<'_>, base: TreeId, plan: &Plan) -> Result<TreeId, RepoError> {
    if plan.children.is_empty() {
        return Ok(base);
    }
    match tree::rewrite(odb, Some(oid(base)?), plan, &BString::default()) {
        Ok(Some(tree)) => Ok(TreeId::from_oid(tree)),
        Ok(None) => Ok(TreeId::from_oid(tree::store_tree(odb, &tree::RawTree::new())?)),
        Err(PlanError::Repo(error)) => Err(error),
        Err(PlanError::Misfit(misfit)) => Err(match misfit {
            Misfit::Missing(path) => RepoError::NoSuchFile { path: RepoPath::new(&*path)? },
            Misfit::IsDirectory(path) => RepoError::IsADirectory { path: RepoPath::new(&*path)? },
            Misfit::ParentIsFile(path) => RepoError::ParentIsAFile { path: RepoPath::new(&*path)? },
        }),
    }
}

fn list(odb: &Odb<'_>, id: git2::Oid, at: &BString, depth: usize, listing: &mut Listing) -> Result<(), RepoError> {
    list_entries(odb, tree::read_tree(odb, id)?, at, depth, listing)
}

fn list_entries(
    odb: &Odb<'_>,
    entries: tree::RawTree,
    at: &BString,
    depth: usize,
    listing: &mut Listing,
) -> Result<(), RepoError> {
    for (name, entry) in entries {
        let path = tree::join(at, &name);
        let mut omit = |reason| listing.omitted.push(Omitted { path: path.to_string(), reason });
        let Ok(safe) = RepoPath::new(&*path) else {
            omit("the name is no file name");
            continue;
        };
        if crate::policy::is_git_dir(&name) {
            omit("the name stands for a git directory");
            continue;
        }
        if entry.is_directory() {
            if depth >= tree::MAX_DEPTH {
                omit("the directory is too deep");
                continue;
            }
            list(odb, entry.id, &path, depth + 1, listing)?;
            continue;
        }
        let Some(mode) = FileMode::from_bits(entry.mode) else {
            omit("the mode is unknown");
            continue;
        };
        listing.entries.push(Entry { path: safe, blob: BlobId::from_oid(entry.id), mode });
        check_size(listing)?;
    }
    Ok(())
}

fn check_size(listing: &Listing) -> Result<(), RepoError> {
    if (listing.entries.len() + listing.omitted.len()) as u64 > MAX_ENTRIES {
        return Err(RepoError::TooLarge { what: "the snapshot".to_owned(), limit: MAX_ENTRIES, unit: "files" });
    }
    Ok(())
}

/// A listing made from that of another tree.
struct Near<'o> {
    old: &'o Snapshot,
    changed: Listing,
}

impl Near<'_> {
    /// Lists the directory `new`, which was `old` before; both are read only because they differ.
    fn list(
        &mut self,
        odb: &Odb<'_>,
        old: Option<git2::Oid>,
        new: git2::Oid,
        at: &BString,
        depth: usize,
    ) -> Result<(), RepoError> {
        let before = old.map_or_else(|| Ok(tree::RawTree::new()), |it| tree::read_tree(odb, it))?;
        for (name, entry) in tree::read_tree(odb, new)? {
            let path = tree::join(at, &name);
            let was = before.get(&name).copied();
            let is_plain = RepoPath::new(&*path).is_ok() && !crate::policy::is_git_dir(&name);
            if !entry.is_directory() || !is_plain || depth >= tree::MAX_DEPTH {
                let alone = tree::RawTree::from([(name, entry)]);
                list_entries(odb, alone, at, depth, &mut self.changed)?;
            } else if was == Some(entry) {
                self.copy(&path);
            } else {
                let was = was.filter(|it| it.is_directory()).map(|it| it.id);
                self.list(odb, was, entry.id, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Takes over the files below a directory.
    fn copy(&mut self, directory: &BString) {
        let mut prefix = directory.to_vec();
        prefix.push(b'/');
        let entries = self.old.entries();
        let from = entries.partition_point(|it| it.path.as_bytes() < prefix.as_slice());
        let below = entries.iter().skip(from).take_while(|it| it.path.as_bytes().starts_with(&prefix));
        self.changed.entries.extend(below.cloned());
    }
}

/// Makes the store borrow the objects of `objects` and of whatever that borrows from.
///
/// Alternates of alternates are written out, since libgit2 follows relative ones only from the first level.
fn write_alternates(store: &Path, objects: &Path) -> Result<(), RepoError> {
    let mut found = Vec::new();
    collect_alternates(objects, &mut found);
    let mut text = Vec::new();
    for path in &found {
        text.extend_from_slice(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
        text.push(b'\n');
    }
    let info = store.join("objects/info");
    let file = info.join("alternates");
    if std::fs::read(&file).is_ok_and(|present| present == text) {
        return Ok(());
    }
    std::fs::create_dir_all(&info).map_err(RepoError::io("create", &info))?;
    let mut temporary = tempfile::NamedTempFile::new_in(&info).map_err(RepoError::io("write", &file))?;
    std::io::Write::write_all(&mut temporary, &text).map_err(RepoError::io("write", &file))?;
    temporary.persist(&file).map_err(|error| RepoError::io("write", &file)(error.error))?;
    Ok(())
}

fn collect_alternates(objects: &Path, found: &mut Vec<PathBuf>) {
    /// git's own limit.
    const MAX_ALTERNATES: usize = 5;
    let Ok(objects) = objects.canonicalize() else { return };
    if found.contains(&objects) || found.len() > MAX_ALTERNATES {
        return;
    }
    found.push(objects.clone());
    let Ok(text) = std::fs::read(objects.join("info/alternates")) else { return };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(b"#")) {
        let Ok(path) = line.to_path() else { continue };
        collect_alternates(&objects.join(path), found);
    }
}

#[cfg(test)]
mod tests;
