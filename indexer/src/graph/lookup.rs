//! What a name means at a place: through definitions, imports, star imports, members and base classes.

use rustc_hash::FxHashMap;

use crate::facts::{FileFacts, ImportItem, Usage};
use crate::graph::modules::{Module, Modules};
use crate::symbol::{FileId, SymbolId, SymbolKind};
use crate::view::Inventory;

/// Imports that lead in circles, and classes that inherit in circles, end here.
const MAX_DEPTH: u32 = 12;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Symbol(SymbolId),
    Module(Module),
    /// Something outside of the snapshot.
    Foreign,
}

/// What an import binds a name to.
#[derive(Clone, Copy, Debug)]
enum Bound<'a> {
    Module(Module),
    Item(Module, &'a str),
    Foreign,
}

/// The names at the top of a file.
#[derive(Debug, Default)]
struct FileNames<'a> {
    definitions: FxHashMap<&'a str, SymbolId>,
    imports: FxHashMap<&'a str, Bound<'a>>,
    stars: Vec<Module>,
}

/// All names of a snapshot.
pub(super) struct Lookup<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) facts: &'a [&'a FileFacts],
    pub(super) modules: Modules<'a>,
    files: Vec<FileNames<'a>>,
    members: FxHashMap<(SymbolId, &'a str), SymbolId>,
    bases: FxHashMap<SymbolId, Vec<SymbolId>>,
    /// Methods by name, tests left out.
    methods: FxHashMap<&'a str, Vec<SymbolId>>,
    /// Fields and properties by name, tests left out.
    fields: FxHashMap<&'a str, Vec<SymbolId>>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(inventory: &'a Inventory, facts: &'a [&'a FileFacts]) -> Lookup<'a> {
        let mut lookup = Lookup {
            inventory,
            facts,
            modules: Modules::of(inventory),
            files: Vec::new(),
            members: FxHashMap::default(),
            bases: FxHashMap::default(),
            methods: FxHashMap::default(),
            fields: FxHashMap::default(),
        };
        lookup.files = (0..inventory.files.len()).map(|it| lookup.names_of(FileId(it as u32))).collect();
        lookup.collect_members();
        lookup.collect_bases();
        lookup
    }

    fn names_of(&self, file: FileId) -> FileNames<'a> {
        let mut names = FileNames::default();
        for at in self.inventory.symbols_of(file) {
            let symbol = &self.inventory.symbols[at];
            if symbol.parent.is_none() {
                names.definitions.entry(&symbol.name).or_insert(SymbolId(at as u32));
            }
        }
        let facts: &'a FileFacts = self.facts[file.0 as usize];
        // What the top of the file binds comes before what a function imports for itself.
        let mut imports: Vec<_> = facts.imports.iter().collect();
        imports.sort_by_key(|it| it.within.is_some());
        for import in imports {
            let module = self.modules.imported(file, import);
            match (&import.item, module) {
                (ImportItem::Star, Some(module)) => names.stars.push(module),
                (ImportItem::Star, None) => {}
                (ImportItem::Module { alias: Some(alias) }, module) => {
                    names.imports.entry(alias).or_insert(module.map_or(Bound::Foreign, Bound::Module));
                }
                (ImportItem::Module { alias: None }, _) => {
                    let first = import.module.split('.').next().unwrap_or(&import.module);
                    let bound = self.modules.named(first).map_or(Bound::Foreign, Bound::Module);
                    let bound = module.filter(|_| first == import.module).map_or(bound, Bound::Module);
                    names.imports.entry(first).or_insert(bound);
                }
                (ImportItem::Name { name, alias }, module) => {
                    let bound = module.map_or(Bound::Foreign, |it| Bound::Item(it, name));
                    names.imports.entry(alias.as_ref().unwrap_or(name)).or_insert(bound);
                }
            }
        }
        names
    }

    fn collect_members(&mut self) {
        for (at, symbol) in self.inventory.symbols.iter().enumerate() {
            let id = SymbolId(at as u32);
            let Some(class) = symbol.parent.filter(|it| self.is_class(*it)) else { continue };
            self.members.entry((class, &symbol.name)).or_insert(id);
            if symbol.is_test {
                continue;
            }
            let is_property = symbol.decorators.iter().any(|it| it.ends_with("property"));
            match symbol.kind {
                SymbolKind::Method if !is_property => self.methods.entry(&symbol.name).or_default().push(id),
                SymbolKind::Method | SymbolKind::Field => self.fields.entry(&symbol.name).or_default().push(id),
                SymbolKind::Class | SymbolKind::Function | SymbolKind::Variable => {}
            }
        }
    }

    fn collect_bases(&mut self) {
        let mut bases: FxHashMap<SymbolId, Vec<SymbolId>> = FxHashMap::default();
        for (at, facts) in self.facts.iter().enumerate() {
            let file = FileId(at as u32);
            let first = self.first_of(file);
            for reference in facts.references.iter().filter(|it| it.usage == Usage::Base) {
                let Some(class) = reference.within.map(|it| SymbolId(first + it)) else { continue };
                let found = match reference.receiver {
                    crate::facts::Receiver::Path(path) => self
                        .path(file, facts.name(path))
                        .and_then(|it| self.member_of(it, facts.name(reference.name), 0)),
                    _ => self.name(file, facts.name(reference.name), 0),
                };
                if let Some(Target::Symbol(base)) = found.filter(|it| *it != Target::Symbol(class)) {
                    bases.entry(class).or_default().push(base);
                }
            }
        }
        self.bases = bases;
    }

    pub(super) fn first_of(&self, file: FileId) -> u32 {
        self.inventory.files.get(file.0 as usize).map_or(0, |it| it.symbols.start)
    }

    fn is_class(&self, id: SymbolId) -> bool {
        self.inventory.symbols.get(id.0 as usize).is_some_and(|it| it.kind == SymbolKind::Class)
    }

    pub(super) fn bases_of(&self, class: SymbolId) -> &[SymbolId] {
        self.bases.get(&class).map_or(&[], Vec::as_slice)
    }

    /// Returns the class in which a symbol stands, or itself.
    pub(super) fn class_around(&self, symbol: SymbolId) -> Option<SymbolId> {
        let mut next = Some(symbol);
        while let Some(id) = next {
            if self.is_class(id) {
                return Some(id);
            }
            next = self.inventory.symbols.get(id.0 as usize)?.parent;
        }
        None
    }

    /// Returns what a bare name means at the top of `file`.
    pub(super) fn name(&self, file: FileId, name: &str, depth: u32) -> Option<Target> {
        if depth > MAX_DEPTH {
            return None;
        }
        let names = self.files.get(file.0 as usize)?;
        let defined = names.definitions.get(name).copied();
        let is_variable = |it: SymbolId| self.inventory.symbols[it.0 as usize].kind == SymbolKind::Variable;
        if let Some(id) = defined.filter(|it| !is_variable(*it)) {
            return Some(Target::Symbol(id));
        }
        // `try: import x` with `x = None` as the way out: the import says more.
        let imported = names.imports.get(name).and_then(|it| match *it {
            Bound::Module(module) => Some(Target::Module(module)),
            Bound::Item(module, item) => self.item(module, item, depth + 1).or(Some(Target::Foreign)),
            Bound::Foreign => Some(Target::Foreign),
        });
        match (imported, defined) {
            (Some(target), None) => Some(target),
            (Some(target), Some(_)) if target != Target::Foreign => Some(target),
            (_, Some(id)) => Some(Target::Symbol(id)),
            (None, None) => self.starred(names, name, depth),
        }
    }

    fn starred(&self, names: &FileNames<'_>, name: &str, depth: u32) -> Option<Target> {
        names.stars.iter().find_map(|module| {
            let Module::File(file) = *module else { return None };
            let exports = self.facts.get(file.0 as usize)?.exports.as_ref();
            let exported = exports.map_or(!name.starts_with('_'), |it| it.iter().any(|it| it == name));
            // A list of exports may be put together at run time, so one that lacks the name is not believed.
            let found = if exported || exports.is_some() { self.name(file, name, depth + 1) } else { None };
            found.filter(|it| *it != Target::Foreign)
        })
    }

    /// Returns what `name` is in a module: something it defines or imports, or a module below it.
    fn item(&self, module: Module, name: &str, depth: u32) -> Option<Target> {
        let own = match module {
            Module::File(file) => self.name(file, name, depth),
            Module::Namespace(_) => None,
        };
        match own {
            Some(target) if target != Target::Foreign => Some(target),
            other => self.modules.below(module, name).map(Target::Module).or(other),
        }
    }

    /// Returns what `name` is in what another name means.
    pub(super) fn member_of(&self, target: Target, name: &str, depth: u32) -> Option<Target> {
        match target {
            Target::Module(module) => self.item(module, name, depth + 1),
            Target::Foreign => Some(Target::Foreign),
            Target::Symbol(id) => {
                let class = if self.is_class(id) { id } else { self.class_held(id, depth + 1)? };
                self.member(class, name, 0).map(Target::Symbol)
            }
        }
    }

    /// Returns what a dotted path means at the top of `file`.
    pub(super) fn path(&self, file: FileId, path: &str) -> Option<Target> {
        let mut parts = path.split('.');
        let mut target = self.name(file, parts.next()?, 0)?;
        for part in parts {
            target = self.member_of(target, part, 0)?;
        }
        Some(target)
    }

    /// Returns the member of a class, its own or inherited.
    pub(super) fn member(&self, class: SymbolId, name: &str, depth: u32) -> Option<SymbolId> {
        if let Some(own) = self.members.get(&(class, name)) {
            return Some(*own);
        }
        if depth > MAX_DEPTH {
            return None;
        }
        self.bases_of(class).iter().find_map(|it| self.member(*it, name, depth + 1))
    }

    /// Returns the class of which a variable or field is known to hold an instance.
    pub(super) fn class_held(&self, id: SymbolId, depth: u32) -> Option<SymbolId> {
        if depth > MAX_DEPTH {
            return None;
        }
        let symbol = self.inventory.symbols.get(id.0 as usize)?;
        let at = id.0 - self.first_of(symbol.file);
        let class = self.facts.get(symbol.file.0 as usize)?.symbols.get(at as usize)?.instance_of.as_deref()?;
        self.class_named(symbol.file, class)
    }

    /// Returns the class that a dotted path means at the top of `file`.
    pub(super) fn class_named(&self, file: FileId, path: &str) -> Option<SymbolId> {
        match self.path(file, path)? {
            Target::Symbol(id) if self.is_class(id) => Some(id),
            Target::Symbol(_) | Target::Module(_) | Target::Foreign => None,
        }
    }

    /// Returns the methods of this name in all classes.
    pub(super) fn methods_named(&self, name: &str) -> &[SymbolId] {
        self.methods.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the fields and properties of this name in all classes.
    pub(super) fn fields_named(&self, name: &str) -> &[SymbolId] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }
}
