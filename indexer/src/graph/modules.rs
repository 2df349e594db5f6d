//! Which file an import means.

use std::borrow::Cow;

use repo::RepoPath;
use rustc_hash::FxHashMap;

use crate::facts::Import;
use crate::language;
use crate::symbol::FileId;
use crate::view::Inventory;

/// Where a dotted name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    File(FileId),
    /// A package without a file of its own: its place in [`Modules::namespaces`].
    Namespace(u32),
}

/// All modules of a snapshot by dotted name and by path.
pub(super) struct Modules<'a> {
    inventory: &'a Inventory,
    by_path: FxHashMap<&'a [u8], FileId>,
    by_name: FxHashMap<String, Module>,
    namespaces: Vec<String>,
    /// By file, the name under which it is usually imported.
    names: Vec<String>,
}

impl<'a> Modules<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Modules<'a> {
        let numbered = || inventory.files.iter().enumerate().map(|(at, it)| (FileId(at as u32), it));
        let by_path: FxHashMap<&[u8], FileId> = numbered().map(|(id, it)| (it.path.as_bytes(), id)).collect();
        let exists = |path: &[u8]| by_path.contains_key(path);
        let all: Vec<Vec<String>> =
            inventory.files.iter().map(|it| language::of(it.language).module_names(&it.path, &exists)).collect();
        let mut by_name = FxHashMap::default();
        let mut namespaces = Vec::new();
        // First everything by its usual name, tests last, so that a name that two files claim goes to the likelier one.
        let mut order: Vec<FileId> = numbered().map(|it| it.0).collect();
        order.sort_by_key(|it| (inventory.files[it.0 as usize].is_test, *it));
        let rank_of_names = all.iter().map(Vec::len).max().unwrap_or(0);
        for rank in 0..rank_of_names {
            for file in &order {
                if let Some(name) = all[file.0 as usize].get(rank) {
                    by_name.entry(name.clone()).or_insert(Module::File(*file));
                }
            }
        }
        for name in all.iter().flatten() {
            for (dot, _) in name.match_indices('.') {
                by_name.entry(name[..dot].to_owned()).or_insert_with(|| {
                    namespaces.push(name[..dot].to_owned());
                    Module::Namespace(namespaces.len() as u32 - 1)
                });
            }
        }
        let names = all.into_iter().map(|it| it.into_iter().next().unwrap_or_default()).collect();
        Modules { inventory, by_path, by_name, namespaces, names }
    }

    /// Returns the module of a dotted name.
    pub(super) fn named(&self, name: &str) -> Option<Module> {
        self.by_name.get(name).copied()
    }

    /// Returns the module `name` directly below another.
    pub(super) fn below(&self, module: Module, name: &str) -> Option<Module> {
        let parent = match module {
            Module::File(file) => self.names.get(file.0 as usize)?,
            Module::Namespace(at) => self.namespaces.get(at as usize)?,
        };
        self.named(&format!("{parent}.{name}"))
    }

    /// Returns the module that an import in `file` names.
    pub(super) fn imported(&self, file: FileId, import: &Import) -> Option<Module> {
        let path = &self.inventory.files.get(file.0 as usize)?.path;
        if import.level == 0 {
            // A script may import its neighbours.
            return self.named(&import.module).or_else(|| self.beside(path, 0, &import.module));
        }
        self.beside(path, import.level - 1, &import.module)
    }

    /// Returns the module at a dotted path from the directory of `path`, or from `up` directories above it.
    fn beside(&self, path: &RepoPath, up: u32, module: &str) -> Option<Module> {
        let mut directory = path.parent();
        for _ in 0..up {
            directory = directory?.parent();
        }
        let directory = directory.map_or(Cow::Borrowed(""), |it| Cow::Owned(format!("{}/", it.to_str_lossy())));
        let place = format!("{directory}{}", module.replace('.', "/"));
        let place = place.trim_end_matches('/');
        let candidates = [format!("{place}.py"), format!("{place}/__init__.py"), format!("{place}.pyi")];
        let at_root = ["__init__.py".to_owned()];
        let candidates = if place.is_empty() { at_root.as_slice() } else { candidates.as_slice() };
        let found = candidates.iter().find_map(|it| self.by_path.get(it.as_bytes()).copied().map(Module::File));
        found.or_else(|| self.named(&place.replace('/', ".")))
    }
}
