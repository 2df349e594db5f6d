//! Which sets of names a repository has, and what languages differ in: which of them a file feeds and sees, and which one an import means.
//!
//! A *unit* is a set of names: a file (Python, JavaScript, C), or a space that several files feed (the package of Java or Go, the namespace
//! of C# or PHP, the module of Rust). All that is particular to a language stands in a small file of its own below; the rest of the graph
//! knows only units.

mod csharp;
mod go;
mod jvm;
mod native;
mod php;
mod python;
mod ruby;
mod rust;
mod script;

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::facts::Import;
use crate::graph::config::Project;
use crate::graph::lookup::Place;
use crate::graph::outline::Outline;
use crate::symbol::{FileId, Symbol, SymbolId, SymbolKind};
use crate::syntax::LanguageId;
use crate::view::Inventory;

/// Longer names of units are nobody's.
const MAX_NAME: usize = 1024;
/// Of more files of one name only so many are weighed.
const MAX_NAMESAKES: usize = 256;

/// A set of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    File(FileId),
    Space(SpaceId),
}

/// Number of a space: its place in [`World::spaces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SpaceId(pub(super) u32);

/// Languages that see each other's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    Python,
    /// JavaScript and TypeScript.
    Script,
    /// Java and Kotlin.
    Jvm,
    CSharp,
    Go,
    Rust,
    /// C and C++.
    Native,
    Ruby,
    Php,
}

impl Family {
    const ALL: [Family; 9] = [
        Family::Python,
        Family::Script,
        Family::Jvm,
        Family::CSharp,
        Family::Go,
        Family::Rust,
        Family::Native,
        Family::Ruby,
        Family::Php,
    ];

    pub(super) fn of(language: LanguageId) -> Family {
        match language {
            LanguageId::Python => Family::Python,
            LanguageId::JavaScript | LanguageId::TypeScript | LanguageId::Tsx => Family::Script,
            LanguageId::Java | LanguageId::Kotlin => Family::Jvm,
            LanguageId::CSharp => Family::CSharp,
            LanguageId::Go => Family::Go,
            LanguageId::Rust => Family::Rust,
            LanguageId::C | LanguageId::Cpp => Family::Native,
            LanguageId::Ruby => Family::Ruby,
            LanguageId::Php => Family::Php,
        }
    }

    pub(super) fn rules(self) -> &'static dyn Rules {
        match self {
            Family::Python => &python::Python,
            Family::Script => &script::Script,
            Family::Jvm => &jvm::Jvm,
            Family::CSharp => &csharp::CSharp,
            Family::Go => &go::Go,
            Family::Rust => &rust::Rust,
            Family::Native => &native::Native,
            Family::Ruby => &ruby::Ruby,
            Family::Php => &php::Php,
        }
    }
}

/// Where an import leads: a unit, and the dotted path within it that is left to follow.
pub(super) type Reach<'a> = (Unit, &'a str);

/// What languages differ in. The defaults are those of a language whose files are modules.
pub(super) trait Rules: Sync {
    /// Returns the dotted names by which other files may import the file as a whole, the usual one first.
    fn names(&self, _world: &World<'_>, _file: FileId) -> Vec<String> {
        Vec::new()
    }

    /// Returns the space that the top of the file feeds, if its names are in a space.
    fn space(&self, _world: &World<'_>, _file: FileId, _outline: &Outline) -> Option<String> {
        None
    }

    /// Returns where an import leads; `None` when that is outside of the snapshot.
    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>>;

    /// Returns the name that an import of a whole module binds where none is given to it, with what it means; `None` when it binds none.
    fn bound_by<'i>(
        &self,
        _world: &World<'_>,
        _import: &'i Import,
        _found: Option<Unit>,
    ) -> Option<(&'i str, Option<Unit>)> {
        None
    }

    /// Returns the unit that a word of the language means at a place: `crate`, `super`.
    fn special(&self, _world: &World<'_>, _place: Place, _name: &str) -> Option<Unit> {
        None
    }

    /// Returns what the language may call a constructor of the class.
    fn constructors<'c>(&self, class: &'c str) -> Vec<&'c str>;

    /// Returns the method of a class that is called to make an instance, where that is not the class itself.
    fn maker(&self) -> Option<&'static str> {
        None
    }

    /// Returns the stems of the files that a test file of this stem is likely to test, if its name says so.
    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str>;

    /// Returns whether a class, in a language where one may be defined in several places, says that this is one of them.
    fn is_part(&self, _class: &Symbol) -> bool {
        true
    }

    /// Returns how good a place for a definition its file is, where the project says which files are for which names.
    fn standing(&self, _world: &World<'_>, _definition: &Symbol) -> u8 {
        0
    }

    /// Returns how far names are seen without import and without anything written before them.
    fn sight(&self) -> Sight {
        Sight::default()
    }
}

/// How far names are seen without import.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sight {
    /// A method names members of its class, and of those around it, without saying whose they are.
    pub(super) unwritten_this: bool,
    /// The spaces around a space are seen from it.
    pub(super) enclosing: bool,
    /// The space without a name is seen from everywhere, and what is below it by full name.
    pub(super) root: bool,
    /// A class may be defined in several places, which together make it up.
    pub(super) reopened: bool,
    /// The places of such a class are its parts, of which one stands for all.
    pub(super) parts: bool,
    /// What a file of a space imports is given on to whoever imports from the space, where it says so.
    pub(super) reexports: bool,
    /// What a class inherits may be said apart from it.
    pub(super) apart: bool,
    /// To import a file's names is to take over its text: which of several definitions is meant depends on it, but not whether one is seen.
    pub(super) includes: bool,
}

/// A set of names that several files feed.
#[derive(Debug)]
pub(super) struct Space<'a> {
    pub(super) name: String,
    pub(super) parent: Option<SpaceId>,
    pub(super) names: FxHashMap<&'a str, Vec<SymbolId>>,
    pub(super) files: Vec<FileId>,
}

/// All units of a snapshot by name.
pub(super) struct World<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) project: &'a Project,
    by_name: [FxHashMap<String, Unit>; Family::ALL.len()],
    spaces: Vec<Space<'a>>,
    /// By file, the name under which it is usually imported.
    names: Vec<String>,
    /// By file, the spaces it feeds with the namespace inside the file; the first is that of its top.
    homes: Vec<Vec<(&'a str, SpaceId)>>,
    /// By directory of Python's, where the names of what is in it begin.
    roots: FxHashMap<&'a str, usize>,
    /// Files by the last part of their path, from when it is first asked for.
    by_file_name: OnceLock<FxHashMap<&'a [u8], Vec<FileId>>>,
}

impl<'a> World<'a> {
    pub(super) fn of(inventory: &'a Inventory, outlines: &[&'a Outline], project: &'a Project) -> World<'a> {
        let mut world = World {
            inventory,
            project,
            by_name: Default::default(),
            spaces: Vec::new(),
            names: Vec::new(),
            homes: vec![Vec::new(); inventory.files.len()],
            roots: FxHashMap::default(),
            by_file_name: OnceLock::new(),
        };
        world.find_roots();
        world.name_files();
        for (at, outline) in outlines.iter().enumerate() {
            world.feed(FileId(at as u32), outline);
        }
        world
    }

    /// The package's root is the highest directory up to which each has an `__init__.py`; what is above is on nobody's path.
    fn find_roots(&mut self) {
        let inits = self.inventory.files.iter().filter(|it| it.path.file_name() == b"__init__.py");
        let packages = inits.filter_map(|it| std::str::from_utf8(it.path.as_bytes()).ok()).map(directory);
        // Outer directories come first.
        let mut packages: Vec<&str> = packages.filter(|it| !it.is_empty()).collect();
        packages.sort_unstable();
        for folder in packages {
            let root = self.package_root(directory(folder));
            self.roots.insert(folder, root);
        }
    }

    /// Returns where in a path in this directory of Python's the name of its module begins.
    pub(super) fn package_root(&self, folder: &str) -> usize {
        let outside = if folder.is_empty() { 0 } else { folder.len() + 1 };
        self.roots.get(folder).copied().unwrap_or(outside)
    }

    /// First everything by its usual name, tests last, so that a name that two files claim goes to the likelier one.
    fn name_files(&mut self) {
        let all: Vec<Vec<String>> =
            (0..self.inventory.files.len() as u32).map(|it| self.rules(FileId(it)).names(self, FileId(it))).collect();
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        order.sort_by_key(|it| (self.inventory.files[*it as usize].is_test, *it));
        let ranks = all.iter().map(Vec::len).max().unwrap_or(0);
        for rank in 0..ranks {
            for file in &order {
                if let Some(name) = all[*file as usize].get(rank) {
                    let family = self.family(FileId(*file)) as usize;
                    self.by_name[family].entry(name.clone()).or_insert(Unit::File(FileId(*file)));
                }
            }
        }
        for (at, name) in all.iter().enumerate().flat_map(|(at, names)| names.iter().map(move |it| (at, it))) {
            let family = self.family(FileId(at as u32));
            for (dot, _) in name.match_indices('.') {
                self.space(family, &name[..dot]);
            }
        }
        self.names = all.into_iter().map(|it| it.into_iter().next().unwrap_or_default()).collect();
    }

    /// Returns the unit of this name, a new space where there is none. The spaces around it come first.
    fn space(&mut self, family: Family, name: &str) -> Unit {
        if let Some(known) = self.by_name[family as usize].get(name) {
            return *known;
        }
        let parent = match name.rsplit_once('.') {
            _ if name.is_empty() => None,
            Some((outer, _)) => Some(self.space(family, outer)),
            None => Some(self.space(family, "")).filter(|_| family.rules().sight().root),
        };
        let parent = match parent {
            Some(Unit::Space(it)) => Some(it),
            Some(Unit::File(_)) | None => None,
        };
        let id = SpaceId(self.spaces.len() as u32);
        self.spaces.push(Space { name: name.to_owned(), parent, names: FxHashMap::default(), files: Vec::new() });
        self.by_name[family as usize].insert(name.to_owned(), Unit::Space(id));
        Unit::Space(id)
    }

    /// Puts the definitions at the top of a file into its spaces.
    fn feed(&mut self, file: FileId, outline: &Outline) {
        let family = self.family(file);
        let Some(base) = family.rules().space(self, file, outline) else { return };
        let mut homes: Vec<(&'a str, SpaceId)> = Vec::new();
        let inventory = self.inventory;
        let own = std::iter::once(("", None));
        let defined =
            inventory.symbols_of(file).map(|it| (it, &inventory.symbols[it])).filter(|it| it.1.parent.is_none());
        let defined = defined.map(|(at, it)| (it.namespace().unwrap_or(""), Some((at, it))));
        for (namespace, definition) in own.chain(defined) {
            let known = homes.iter().find(|it| it.0 == namespace).map(|it| it.1);
            let Some(id) = known.or_else(|| self.home(family, &base, namespace)) else { continue };
            if known.is_none() {
                homes.push((namespace, id));
                self.spaces[id.0 as usize].files.push(file);
            }
            let Some((at, symbol)) = definition else { continue };
            if symbol.owner().is_none() && !matches!(symbol.kind, SymbolKind::Method | SymbolKind::Field) {
                self.spaces[id.0 as usize].names.entry(symbol.name()).or_default().push(SymbolId(at as u32));
            }
        }
        self.homes[file.0 as usize] = homes;
    }

    fn home(&mut self, family: Family, base: &str, namespace: &str) -> Option<SpaceId> {
        let dot = if base.is_empty() || namespace.is_empty() { "" } else { "." };
        let name = format!("{base}{dot}{namespace}");
        if name.len() > MAX_NAME {
            return None;
        }
        for (dot, _) in name.match_indices('.') {
            self.space(family, &name[..dot]);
        }
        match self.space(family, &name) {
            Unit::Space(it) => Some(it),
            Unit::File(_) => None,
        }
    }

    pub(super) fn family(&self, file: FileId) -> Family {
        Family::of(self.inventory.files.get(file.0 as usize).map_or(LanguageId::Python, |it| it.language))
    }

    pub(super) fn rules(&self, file: FileId) -> &'static dyn Rules {
        self.family(file).rules()
    }

    /// Returns the unit of a dotted name.
    pub(super) fn named(&self, family: Family, name: &str) -> Option<Unit> {
        self.by_name[family as usize].get(name).copied()
    }

    /// Returns all units by name.
    pub(super) fn units(&self) -> impl Iterator<Item = (Family, &str, Unit)> {
        let named = self.by_name.iter().zip(Family::ALL);
        named.flat_map(|(all, family)| all.iter().map(move |it| (family, it.0.as_str(), *it.1)))
    }

    /// Returns what a file is called by others, and the spaces it feeds.
    pub(super) fn identity(&self, file: FileId) -> (Vec<String>, Vec<&str>) {
        let homes = self.homes.get(file.0 as usize).map(Vec::as_slice).unwrap_or_default();
        let top = homes.first().and_then(|it| self.space_of(it.1)).map(|it| it.name.as_str());
        (self.rules(file).names(self, file), top.into_iter().collect())
    }

    /// Returns the unit with the longest name that `path` begins with, and what is left of it.
    pub(super) fn longest<'p>(&self, family: Family, path: &'p str) -> Option<Reach<'p>> {
        if path.len() > MAX_NAME {
            return None;
        }
        let ends = std::iter::once(path.len()).chain(path.rmatch_indices('.').map(|it| it.0));
        for end in ends {
            if let Some(unit) = self.named(family, &path[..end]) {
                return Some((unit, path[end..].trim_start_matches('.')));
            }
        }
        None
    }

    /// Returns the unit `name` directly below another.
    pub(super) fn below(&self, family: Family, unit: Unit, name: &str) -> Option<Unit> {
        let parent = match unit {
            Unit::File(file) => self.names.get(file.0 as usize)?,
            Unit::Space(at) => &self.spaces.get(at.0 as usize)?.name,
        };
        if parent.is_empty() { self.named(family, name) } else { self.named(family, &format!("{parent}.{name}")) }
    }

    pub(super) fn space_of(&self, id: SpaceId) -> Option<&Space<'a>> {
        self.spaces.get(id.0 as usize)
    }

    /// Returns the space that definitions of a namespace inside a file are in.
    pub(super) fn home_of(&self, file: FileId, namespace: &str) -> Option<SpaceId> {
        let homes = self.homes.get(file.0 as usize)?;
        homes.iter().find(|it| it.0 == namespace).or(homes.first()).map(|it| it.1)
    }

    /// Returns the file at exactly this path.
    pub(super) fn file_at(&self, path: &str) -> Option<FileId> {
        let files = &self.inventory.files;
        files.binary_search_by(|it| it.path.as_bytes().cmp(path.as_bytes())).ok().map(|it| FileId(it as u32))
    }

    /// Returns the file whose path ends with this one, of several that nearest to `directory`.
    pub(super) fn file_ending(&self, directory: &str, path: &str) -> Option<FileId> {
        let by_name = self.by_file_name.get_or_init(|| {
            let mut all: FxHashMap<&[u8], Vec<FileId>> = FxHashMap::default();
            for (at, file) in self.inventory.files.iter().enumerate() {
                all.entry(file.path.file_name()).or_default().push(FileId(at as u32));
            }
            all
        });
        let name = path.rsplit('/').next().unwrap_or(path);
        let ends = |it: &&FileId| {
            let whole = self.path_of(**it);
            whole.strip_suffix(path).is_some_and(|it| it.is_empty() || it.ends_with('/'))
        };
        let near = |it: &&FileId| (shared_folders(directory, self.path_of(**it)), std::cmp::Reverse(**it));
        by_name.get(name.as_bytes())?.iter().take(MAX_NAMESAKES).filter(ends).max_by_key(near).copied()
    }

    /// Returns the path of a file; empty where it is no UTF-8.
    pub(super) fn path_of(&self, file: FileId) -> &'a str {
        let path = self.inventory.files.get(file.0 as usize).map(|it| it.path.as_bytes());
        path.and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("")
    }
}

/// Returns how many directories two paths have in common from the top.
pub(super) fn shared_folders(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|it| it.0 == it.1).filter(|it| it.0 == b'/').count()
}

/// Returns the directory of a path, without slash at its end; empty at the top.
pub(super) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |it| it.0)
}

/// Returns `path` as seen from `directory`, with `.` and `..` followed; `None` when that leads out of the repository.
pub(super) fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|it| !it.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
