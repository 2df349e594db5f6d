//! A folder whose tree is kept up to date: it is read once, and afterwards only where something is said to have changed.
//!
//! The tree is the one that [`Store::import`] makes of the folder: the same rules say what is left out. The folder is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::Gitignore;

use crate::store::import::{self, read_entry};
use crate::{Edit, RepoError, RepoPath, Source, Store, TreeId};

/// More directories than this are not looked into by one refresh; a link to above cannot be, since links are not followed.
const MAX_DEPTH: usize = 512;

/// A folder of files and the tree of what was last seen in it.
pub struct Folder {
    root: PathBuf,
    store: Store,
    tree: TreeId,
    files: BTreeSet<RepoPath>,
    directories: BTreeSet<PathBuf>,
}

impl Folder {
    /// Reads the folder at `root` into a store at `store_dir`.
    ///
    /// Where the folder is the work tree of a repository the store borrows that one's objects, so that only what differs is written.
    ///
    /// # Errors
    /// When the folder is missing, unreadable or too large.
    pub fn open(store_dir: &Path, root: &Path) -> Result<Folder, RepoError> {
        let store = match Source::open(root) {
            Ok(source) => Store::create(store_dir, &source)?,
            Err(_) => Store::open_or_init(store_dir)?,
        };
        let root = root.canonicalize().map_err(RepoError::io("resolve", root))?;
        let (files, directories) = (BTreeSet::new(), BTreeSet::new());
        let mut folder = Folder { root, store, tree: TreeId::EMPTY, files, directories };
        folder.rescan()?;
        Ok(folder)
    }

    /// Returns where the folder is, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the tree of what was last seen.
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// Returns the store that holds the files' contents.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the directories in which a new file would belong to the folder, the root among them, in order.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(PathBuf::as_path)
    }

    /// Reads the whole folder again and returns the files that differ from what was last seen, in path order.
    ///
    /// # Errors
    /// When the folder is missing, unreadable or too large.
    pub fn rescan(&mut self) -> Result<Vec<RepoPath>, RepoError> {
        let tree = import::import(&self.store, &self.root)?;
        let snapshot = self.store.snapshot(tree)?;
        self.files = snapshot.entries().iter().map(|it| it.path.clone()).collect();
        self.directories.clear();
        let mut rules = Rules::new(&self.root, self.store.dir());
        let mut found = Found::default();
        walk(&self.root, &mut rules, &mut found)?;
        self.directories.insert(self.root.clone());
        self.directories.extend(found.directories);
        self.advance(tree)
    }

    /// Looks again at these places, absolute or below the root: files that came, changed or went, and directories with all that is in them.
    /// Returns the files that differ from what was last seen, in path order.
    ///
    /// A place outside of the folder or left out by its rules is passed over; where rules changed everything is looked at.
    ///
    /// # Errors
    /// When something is there but cannot be read.
    pub fn refresh(&mut self, places: &[PathBuf]) -> Result<Vec<RepoPath>, RepoError> {
        let rules_changed = |it: &PathBuf| it.file_name() == Some(OsStr::new(".gitignore"));
        if places.iter().any(rules_changed) || !self.root.is_dir() {
            return self.rescan();
        }
        let mut rules = Rules::new(&self.root, self.store.dir());
        let mut edits: BTreeMap<RepoPath, Edit> = BTreeMap::new();
        let mut seen: Option<PathBuf> = None;
        for place in places.iter().map(|it| self.root.join(it)).collect::<BTreeSet<_>>() {
            // What is below a place was looked at with it; of the root only what is named.
            if place == self.root || seen.as_ref().is_some_and(|it| place.starts_with(it)) {
                continue;
            }
            self.look_at(&place, &mut rules, &mut edits)?;
            seen = Some(place);
        }
        self.directories.retain(|it| !places.iter().any(|place| it.starts_with(place)) || it.is_dir());
        for edit in edits.values() {
            match edit {
                Edit::Write { path, .. } => self.files.insert(path.clone()),
                Edit::Delete { path } => self.files.remove(path),
            };
        }
        let edits: Vec<Edit> = edits.into_values().collect();
        let tree = self.store.write_tree(self.tree, &edits)?;
        self.advance(tree)
    }

    /// Notes what has become of one place.
    fn look_at(
        &mut self,
        place: &Path,
        rules: &mut Rules,
        edits: &mut BTreeMap<RepoPath, Edit>,
    ) -> Result<(), RepoError> {
        let Ok(inside) = place.strip_prefix(&self.root) else { return Ok(()) };
        let Ok(path) = RepoPath::new(inside.as_os_str().as_bytes()) else {
            // The root itself: its entries are told of one by one.
            return Ok(());
        };
        let mut below = path.as_bytes().to_vec();
        below.push(b'/');
        let was_here = |it: &&RepoPath| **it == path || it.as_bytes().starts_with(&below);
        let first = std::ops::Bound::Included(&path);
        let known = self.files.range((first, std::ops::Bound::Unbounded));
        // Names that begin alike but go on with a byte before `/` stand in between.
        let known = known.take_while(|it| it.as_bytes().starts_with(path.as_bytes()));
        for gone in known.filter(was_here) {
            edits.insert(gone.clone(), Edit::Delete { path: gone.clone() });
        }
        let Ok(metadata) = std::fs::symlink_metadata(place) else { return Ok(()) };
        if rules.leave_out(place, metadata.is_dir()) {
            return Ok(());
        }
        let mut found = Found::default();
        if metadata.is_dir() {
            self.directories.insert(place.to_owned());
            walk(place, rules, &mut found)?;
        } else {
            found.files.push(place.to_owned());
        }
        for file in found.files {
            // What stands where this file's directories are now is told of by their own places.
            if let Some((path, edit)) = self.read(&file)? {
                edits.insert(path, edit);
            }
        }
        self.directories.extend(found.directories);
        Ok(())
    }

    /// Reads one file; `None` if it went meanwhile or is no file.
    fn read(&self, file: &Path) -> Result<Option<(RepoPath, Edit)>, RepoError> {
        let is_gone = |error: &RepoError| matches!(error, RepoError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
        let kind = std::fs::symlink_metadata(file).ok().map(|it| it.file_type());
        let (mode, bytes) = match read_entry(file, kind) {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let inside = file.strip_prefix(&self.root).unwrap_or(file);
        let path = RepoPath::new(inside.as_os_str().as_bytes())?;
        Ok(Some((path.clone(), Edit::Write { path, bytes, mode: Some(mode) })))
    }

    fn advance(&mut self, tree: TreeId) -> Result<Vec<RepoPath>, RepoError> {
        let changed = self.store.differences(self.tree, tree)?;
        self.tree = tree;
        Ok(changed.into_iter().map(|it| it.path).collect())
    }
}

/// What a walk meets.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

/// Lists what is below a directory. A directory that goes away meanwhile is empty.
fn walk(directory: &Path, rules: &mut Rules, found: &mut Found) -> Result<(), RepoError> {
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(RepoError::io("list", &directory)(error)),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if rules.leave_out_here(&path, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                if path.components().count() < MAX_DEPTH {
                    open.push(path.clone());
                }
                found.directories.push(path);
            } else {
                found.files.push(path);
            }
        }
    }
    Ok(())
}

/// What the `.gitignore` files of the folder leave out, besides git's own directories and our store.
struct Rules {
    root: PathBuf,
    own: PathBuf,
    files: BTreeMap<PathBuf, Gitignore>,
}

impl Rules {
    fn new(root: &Path, own: &Path) -> Rules {
        Rules { root: root.to_owned(), own: own.to_owned(), files: BTreeMap::new() }
    }

    /// Returns whether a place, or a directory around it, is left out.
    fn leave_out(&mut self, place: &Path, is_directory: bool) -> bool {
        let Ok(inside) = place.strip_prefix(&self.root) else { return true };
        let mut at = self.root.clone();
        let count = inside.components().count();
        let components: Vec<_> = inside.components().collect();
        components.into_iter().enumerate().any(|(number, component)| {
            at.push(component);
            let at = at.clone();
            self.leave_out_here(&at, is_directory || number + 1 < count)
        })
    }

    /// Returns whether a place is left out whose directory is not.
    fn leave_out_here(&mut self, place: &Path, is_directory: bool) -> bool {
        if place.file_name() == Some(OsStr::new(".git")) || place == self.own {
            return true;
        }
        // The nearest file that says anything decides.
        let around: Vec<PathBuf> =
            place.ancestors().skip(1).take_while(|it| it.starts_with(&self.root)).map(Path::to_owned).collect();
        for directory in around {
            let rules = self.files.entry(directory).or_insert_with_key(|it| Gitignore::new(it.join(".gitignore")).0);
            match rules.matched(place, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    /// A folder beside a second store, into which the same files are imported: the judge.
    struct Place {
        fixture: Fixture,
        folder: Folder,
    }

    impl Place {
        fn new(fixture: Fixture) -> Place {
            let folder = Folder::open(&fixture.beside("store"), &fixture.work()).unwrap();
            Place { fixture, folder }
        }

        /// Looks at places and returns what changed, after checking the tree against a fresh import.
        fn refresh(&mut self, places: &[&str]) -> Vec<String> {
            let places: Vec<PathBuf> = places.iter().map(|it| self.fixture.work().join(it)).collect();
            let changed = self.folder.refresh(&places).unwrap();
            self.check();
            changed.iter().map(ToString::to_string).collect()
        }

        fn check(&self) {
            let (_, tree) = Store::import(&self.fixture.beside("judge"), &self.fixture.work()).unwrap();
            assert_eq!(self.folder.tree(), tree);
            let snapshot = self.folder.store().snapshot(tree).unwrap();
            let files: Vec<&RepoPath> = snapshot.entries().iter().map(|it| &it.path).collect();
            assert_eq!(self.folder.files.iter().collect::<Vec<_>>(), files);
        }
    }

    #[test]
    fn places_that_changed_are_followed() {
        let fixture = Fixture::new();
        fixture.write("a", "1").write("dir/b", "1").write("dir-b", "1").write("dir/deep/c", "1");
        let mut place = Place::new(fixture);
        assert_eq!(place.refresh(&["a", "dir/b"]), [] as [&str; 0]);
        place.fixture.write("a", "2").write("new/file", "1");
        assert_eq!(place.refresh(&["a", "new"]), ["a", "new/file"]);
        place.fixture.executable("a", true);
        assert_eq!(place.refresh(&["a"]), ["a"]);
        std::fs::remove_dir_all(place.fixture.work().join("dir")).unwrap();
        assert_eq!(place.refresh(&["dir"]), ["dir/b", "dir/deep/c"]);
        // A file where a directory was, and the reverse.
        place.fixture.write("dir", "1");
        std::fs::remove_file(place.fixture.work().join("a")).unwrap();
        place.fixture.write("a/b", "1");
        assert_eq!(place.refresh(&["dir", "a"]), ["a", "a/b", "dir"]);
        std::os::unix::fs::symlink("dir", place.fixture.work().join("link")).unwrap();
        assert_eq!(place.refresh(&["link", "nothing/here", "/elsewhere"]), ["link"]);
    }

    #[test]
    fn what_is_left_out_stays_out() {
        let fixture = Fixture::new();
        fixture
            .write(".gitignore", "target\n*.log\n!kept.log\n")
            .write("sub/.gitignore", "/x\n!y.log\n")
            .write("a", "1");
        fixture.commit("first");
        let mut place = Place::new(fixture);
        place.fixture.write("target/deep/a", "1").write("b.log", "1").write("kept.log", "1").write("sub/x", "1");
        place.fixture.write("sub/y.log", "1").write("sub/deep/x", "1");
        let changed =
            place.refresh(&["target", "target/deep/a", "b.log", "kept.log", "sub", ".git/index", "sub/x", "sub/y.log"]);
        assert_eq!(changed, ["kept.log", "sub/deep/x", "sub/y.log"]);
        let watched: Vec<PathBuf> = place.folder.directories().map(Path::to_owned).collect();
        let root = place.folder.root();
        assert_eq!(watched, [root.to_owned(), root.join("sub"), root.join("sub/deep")]);
        // Other rules: all is looked at again.
        place.fixture.write(".gitignore", "*.log\n");
        assert_eq!(place.refresh(&[".gitignore"]), [".gitignore", "kept.log", "target/deep/a"]);
    }

    #[test]
    fn a_rescan_finds_what_nobody_told() {
        let fixture = Fixture::new();
        fixture.write("a", "1").write("b", "1");
        let mut place = Place::new(fixture);
        place.fixture.write("a", "2").write("c/d", "1");
        std::fs::remove_file(place.fixture.work().join("b")).unwrap();
        let changed: Vec<String> = place.folder.rescan().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(changed, ["a", "b", "c/d"]);
        place.check();
        std::fs::remove_dir_all(place.fixture.work()).unwrap();
        assert!(place.folder.refresh(&["a".into()]).is_err());
    }

    #[test]
    fn a_work_tree_is_only_read() {
        let fixture = Fixture::new();
        fixture.write("a", "1").commit("first");
        let before = crate::fixture::fingerprint(&fixture.work());
        let folder = Folder::open(&fixture.beside("store"), &fixture.work()).unwrap();
        assert_eq!(folder.tree().to_string(), fixture.git(["rev-parse", "HEAD^{tree}"]));
        assert!(before == crate::fixture::fingerprint(&fixture.work()), "something was written");
    }
}
