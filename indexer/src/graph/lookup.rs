//! What a name means at a place: through definitions, imports, star imports, members and base classes.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{FileFacts, ImportItem, Usage};
use crate::graph::modules::{Module, Modules};
use crate::symbol::{FileId, SymbolId, SymbolKind};
use crate::view::Inventory;

/// Imports that lead in circles, and classes that inherit in circles, end here.
const MAX_DEPTH: u32 = 16;
/// A step through a star import may be tried for many files, so few may follow upon each other.
const STAR_COST: u32 = 6;
/// Deeper hierarchies are not followed to their top.
const MAX_ANCESTORS: usize = 64;

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
    /// The files all of whose names are imported, directly or through others, nearest first.
    stars: Vec<FileId>,
}

/// All names of a snapshot.
pub(super) struct Lookup<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) facts: &'a [&'a FileFacts],
    pub(super) modules: Modules<'a>,
    files: Vec<FileNames<'a>>,
    members: FxHashMap<(SymbolId, &'a str), SymbolId>,
    /// The classes from which each class inherits at any distance, in the order in which members are sought.
    ancestors: FxHashMap<SymbolId, Vec<SymbolId>>,
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
            ancestors: FxHashMap::default(),
            methods: FxHashMap::default(),
            fields: FxHashMap::default(),
        };
        lookup.files = (0..inventory.files.len()).map(|it| lookup.names_of(FileId(it as u32))).collect();
        lookup.follow_stars();
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
                (ImportItem::Star, Some(Module::File(it))) => names.stars.push(it),
                (ImportItem::Star, Some(Module::Namespace(_)) | None) => {}
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

    /// Star imports may go in circles, so all that each file reaches is found once, breadth first.
    fn follow_stars(&mut self) {
        let direct: Vec<Vec<FileId>> = self.files.iter().map(|it| it.stars.clone()).collect();
        for (at, names) in self.files.iter_mut().enumerate().filter(|it| !it.1.stars.is_empty()) {
            let mut seen: FxHashSet<FileId> = names.stars.iter().copied().collect();
            seen.insert(FileId(at as u32));
            let mut next = 0;
            while let Some(file) = names.stars.get(next) {
                let further = &direct[file.0 as usize];
                names.stars.extend(further.iter().filter(|it| seen.insert(**it)));
                next += 1;
            }
        }
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
                        .path(file, facts.name(path), 0)
                        .and_then(|it| self.member_of(it, facts.name(reference.name), 0)),
                    _ => self.name(file, facts.name(reference.name), 0),
                };
                if let Some(Target::Symbol(base)) = found.filter(|it| *it != Target::Symbol(class)) {
                    bases.entry(class).or_default().push(base);
                }
            }
        }
        self.ancestors = bases.keys().map(|class| (*class, ancestors(&bases, *class))).collect();
    }

    pub(super) fn first_of(&self, file: FileId) -> u32 {
        self.inventory.files.get(file.0 as usize).map_or(0, |it| it.symbols.start)
    }

    fn is_class(&self, id: SymbolId) -> bool {
        self.inventory.symbols.get(id.0 as usize).is_some_and(|it| it.kind == SymbolKind::Class)
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
        self.bound(file, name, depth).or_else(|| self.starred(file, name, depth))
    }

    /// Returns what a bare name means without star imports.
    fn bound(&self, file: FileId, name: &str, depth: u32) -> Option<Target> {
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
            (None, None) => None,
        }
    }

    fn starred(&self, file: FileId, name: &str, depth: u32) -> Option<Target> {
        let stars = &self.files.get(file.0 as usize)?.stars;
        // A list of exports may be put together at run time, so only private names need to be on one.
        let exports = |it: &FileId| {
            let listed = self.facts.get(it.0 as usize).and_then(|it| it.exports.as_ref());
            !name.starts_with('_') || listed.is_some_and(|it| it.iter().any(|it| it == name))
        };
        let found = stars.iter().filter(|it| exports(it)).find_map(|it| self.bound(*it, name, depth + STAR_COST));
        found.filter(|it| *it != Target::Foreign)
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
        if depth > MAX_DEPTH {
            return None;
        }
        match target {
            Target::Module(module) => self.item(module, name, depth + 1),
            Target::Foreign => Some(Target::Foreign),
            Target::Symbol(id) => {
                let class = if self.is_class(id) { id } else { self.class_held(id, depth + 1)? };
                self.member(class, name).map(Target::Symbol)
            }
        }
    }

    /// Returns what a dotted path means at the top of `file`.
    pub(super) fn path(&self, file: FileId, path: &str, depth: u32) -> Option<Target> {
        let mut parts = path.split('.');
        let mut target = self.name(file, parts.next()?, depth + 1)?;
        for part in parts {
            target = self.member_of(target, part, depth + 1)?;
        }
        Some(target)
    }

    /// Returns the member of a class, its own or inherited.
    pub(super) fn member(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        self.own_member(class, name).or_else(|| self.inherited(class, name))
    }

    /// Returns the member of a class itself.
    pub(super) fn own_member(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        self.members.get(&(class, name)).copied()
    }

    /// Returns the member that a class has from the classes it inherits from.
    pub(super) fn inherited(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        self.ancestors.get(&class)?.iter().find_map(|it| self.own_member(*it, name))
    }

    /// Returns the class of which a variable or field is known to hold an instance.
    pub(super) fn class_held(&self, id: SymbolId, depth: u32) -> Option<SymbolId> {
        if depth > MAX_DEPTH {
            return None;
        }
        let symbol = self.inventory.symbols.get(id.0 as usize)?;
        let at = id.0 - self.first_of(symbol.file);
        let class = self.facts.get(symbol.file.0 as usize)?.symbols.get(at as usize)?.instance_of.as_deref()?;
        self.class_named(symbol.file, class, depth + 1)
    }

    /// Returns the class that a dotted path means at the top of `file`.
    pub(super) fn class_named(&self, file: FileId, path: &str, depth: u32) -> Option<SymbolId> {
        match self.path(file, path, depth + 1)? {
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

/// Depth first, as Python does where no class is reached twice.
fn ancestors(bases: &FxHashMap<SymbolId, Vec<SymbolId>>, class: SymbolId) -> Vec<SymbolId> {
    let mut order = Vec::new();
    let mut seen = FxHashSet::from_iter([class]);
    let mut stack: Vec<SymbolId> = bases.get(&class).map(|it| it.iter().rev().copied().collect()).unwrap_or_default();
    while let Some(next) = stack.pop() {
        if order.len() < MAX_ANCESTORS && seen.insert(next) {
            order.push(next);
            stack.extend(bases.get(&next).into_iter().flat_map(|it| it.iter().rev()));
        }
    }
    order
}
