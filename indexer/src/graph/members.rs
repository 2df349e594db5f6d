//! The members of classes, and what classes inherit.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{ImportForm, Receiver, Usage};
use crate::graph::lookup::{Lookup, Target, Trail, owner_path};
use crate::graph::units::Family;
use crate::symbol::{FileId, SymbolId, SymbolKind};

/// Deeper hierarchies are not followed to their top.
const MAX_ANCESTORS: usize = 64;

impl<'a> Lookup<'a> {
    /// Returns the class in which a symbol stands or to which it belongs, or itself.
    pub(super) fn class_around(&self, symbol: SymbolId) -> Option<SymbolId> {
        let mut next = Some(symbol);
        while let Some(id) = next {
            if self.is_class(id) {
                return Some(id);
            }
            let symbol = self.inventory.symbols.get(id.0 as usize)?;
            if symbol.owner().is_some() {
                return self.owner(id);
            }
            next = symbol.parent;
        }
        None
    }

    /// Returns the class of which a symbol is a member.
    pub(super) fn class_of(&self, member: SymbolId) -> Option<SymbolId> {
        let symbol = self.inventory.symbols.get(member.0 as usize)?;
        if symbol.owner().is_some() { self.owner(member) } else { symbol.parent }
    }

    /// Returns the class of a member that stands apart from it.
    fn owner(&self, id: SymbolId) -> Option<SymbolId> {
        let symbol = self.inventory.symbols.get(id.0 as usize)?;
        let place = self.place_apart(symbol.file, symbol.namespace());
        self.class_named(place, owner_path(symbol.owner()?), Trail::PLAIN)
    }

    /// Returns the member of a class, its own or inherited.
    pub(super) fn member(&self, class: SymbolId, name: &str, trail: Trail) -> Option<SymbolId> {
        if trail.is_plain() {
            return self.written_member(class, name).or_else(|| self.member_of_parts(class, name));
        }
        self.own_member(class, name).or_else(|| self.inherited(class, name))
    }

    /// Returns the member of a class itself, wherever it is written.
    pub(super) fn own_member(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        // Where C++ declares in a class what is defined apart from it, the definition is meant.
        let defined = if self.is_native(class) { self.member_apart(class, name) } else { None };
        defined
            .or_else(|| self.written_member(class, name))
            .or_else(|| self.member_apart(class, name))
            .or_else(|| self.member_of_parts(class, name))
    }

    fn member_of_parts(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        self.parts(class).iter().filter(|it| **it != class).find_map(|it| self.written_member(*it, name))
    }

    fn is_native(&self, class: SymbolId) -> bool {
        let symbol = self.inventory.symbols.get(class.0 as usize);
        symbol.is_some_and(|it| self.world.family(it.file) == Family::Native)
    }

    /// Returns the member that is written in the body of a class.
    fn written_member(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        let file = self.inventory.symbols.get(class.0 as usize)?.file;
        let members = self.tables.get(file.0 as usize)?.members.get_or_init(|| self.members_of(file));
        members.get(&(class, name)).copied()
    }

    fn members_of(&self, file: FileId) -> FxHashMap<(SymbolId, &'a str), SymbolId> {
        let mut members = FxHashMap::default();
        for at in self.inventory.symbols_of(file) {
            let symbol = &self.inventory.symbols[at];
            if let Some(class) = symbol.parent.filter(|it| self.is_class(*it)) {
                members.entry((class, symbol.name())).or_insert(SymbolId(at as u32));
            }
        }
        members
    }

    fn member_apart(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        if self.apart.is_empty() {
            return None;
        }
        let symbol = self.inventory.symbols.get(class.0 as usize)?;
        let family = self.world.family(symbol.file);
        let candidates = self.apart.get(&(family, symbol.name(), name))?;
        candidates.iter().copied().find(|it| self.owner(*it) == Some(class))
    }

    /// Returns the places where a class is defined; none where its language has one for each.
    fn parts(&self, class: SymbolId) -> &[SymbolId] {
        if self.reopened.is_empty() {
            return &[];
        }
        let Some(symbol) = self.inventory.symbols.get(class.0 as usize) else { return &[] };
        let family = self.world.family(symbol.file);
        if symbol.kind != SymbolKind::Class || !family.rules().sight().reopened || !family.rules().is_part(symbol) {
            return &[];
        }
        let key = (family, self.space_around(class), symbol.class_path());
        self.reopened.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Returns the part that stands for a class in several parts: the one whose file is called like the class, or else the first.
    pub(super) fn main_part(&self, id: SymbolId) -> SymbolId {
        let Some(symbol) = self.inventory.symbols.get(id.0 as usize) else { return id };
        if !self.world.rules(symbol.file).sight().parts {
            return id;
        }
        let parts = self.parts(id);
        let name = symbol.name().as_bytes();
        let is_called_so = |it: &&SymbolId| {
            let file = self.inventory.symbols[it.0 as usize].path.file_name();
            file.strip_prefix(name).is_some_and(|it| it == b".cs")
        };
        parts.iter().find(is_called_so).or(parts.first()).copied().unwrap_or(id)
    }

    /// Returns the member that a class has from the classes it inherits from.
    pub(super) fn inherited(&self, class: SymbolId, name: &str) -> Option<SymbolId> {
        self.ancestors(class).iter().find_map(|it| self.own_member(*it, name))
    }

    /// Returns the classes from which a class inherits at any distance, in the order in which members are sought.
    fn ancestors(&self, class: SymbolId) -> &[SymbolId] {
        let file = self.inventory.symbols.get(class.0 as usize).map(|it| it.file);
        let Some(file) = file else { return &[] };
        let Some(table) = self.tables.get(file.0 as usize) else { return &[] };
        let all = table.ancestors.get_or_init(|| {
            let classes = self.inventory.symbols_of(file).map(|it| SymbolId(it as u32)).filter(|it| self.is_class(*it));
            classes.map(|it| (it, self.climb(it))).filter(|it| !it.1.is_empty()).collect()
        });
        all.get(&class).map_or(&[], Vec::as_slice)
    }

    /// Depth first, as Python does where no class is reached twice.
    fn climb(&self, class: SymbolId) -> Vec<SymbolId> {
        let mut order = Vec::new();
        let mut seen = FxHashSet::from_iter([class]);
        let mut stack = self.bases(class);
        stack.reverse();
        while let Some(next) = stack.pop() {
            if order.len() < MAX_ANCESTORS && seen.insert(next) {
                order.push(next);
                stack.extend(self.bases(next).into_iter().rev());
            }
        }
        order
    }

    /// Returns the classes from which a class inherits directly.
    fn bases(&self, class: SymbolId) -> Vec<SymbolId> {
        let parts = self.parts(class);
        let parts = if parts.is_empty() { std::slice::from_ref(&class) } else { parts };
        let mut all: Vec<SymbolId> = parts.iter().flat_map(|it| self.written_bases(*it)).copied().collect();
        all.extend(self.bases_apart(class));
        all.retain(|it| *it != class);
        all
    }

    fn written_bases(&self, class: SymbolId) -> &[SymbolId] {
        let file = self.inventory.symbols.get(class.0 as usize).map(|it| it.file);
        let Some(table) = file.and_then(|it| self.tables.get(it.0 as usize)) else { return &[] };
        let Some(file) = file else { return &[] };
        table.bases.get_or_init(|| self.bases_of(file)).get(&class).map_or(&[], Vec::as_slice)
    }

    fn bases_of(&self, file: FileId) -> FxHashMap<SymbolId, Vec<SymbolId>> {
        let mut bases: FxHashMap<SymbolId, Vec<SymbolId>> = FxHashMap::default();
        let (facts, first) = (self.facts.uses(file), self.first_of(file));
        for reference in facts.references.iter().filter(|it| it.usage == Usage::Base) {
            let Some(class) = reference.within.map(|it| SymbolId(first + it)) else { continue };
            let place = self.place(file, Some(class));
            let name = facts.name(reference.name);
            let found = match reference.receiver {
                Receiver::Path(path) => self
                    .path(place, facts.name(path), Trail::PLAIN)
                    .and_then(|it| self.member_of(it, name, Trail::PLAIN)),
                _ => self.name(place, name, Trail::PLAIN),
            };
            if let Some(Target::Symbol(base)) = found.filter(|it| *it != Target::Symbol(class)) {
                bases.entry(class).or_default().push(base);
            }
        }
        for mixin in self.facts.facts(file).imports.iter().filter(|it| it.form == ImportForm::Mixin) {
            let Some(class) = mixin.within.map(|it| SymbolId(first + it)).filter(|it| self.is_class(*it)) else {
                continue;
            };
            bases.entry(class).or_default().extend(self.class_named(
                self.place(file, Some(class)),
                &mixin.module,
                Trail::PLAIN,
            ));
        }
        bases
    }

    /// Returns the bases that are said apart from the class.
    fn bases_apart(&self, class: SymbolId) -> Vec<SymbolId> {
        let Some(symbol) = self.inventory.symbols.get(class.0 as usize) else { return Vec::new() };
        let Some(said) = self.implements.get(symbol.name()) else { return Vec::new() };
        let base = |(file, at): &(FileId, usize)| {
            let it = self.facts.facts(*file).implements.get(*at)?;
            let place = self.place(*file, None);
            let is_of_class = self.class_named(place, &it.class, Trail::PLAIN) == Some(class);
            if is_of_class { self.class_named(place, &it.base, Trail::PLAIN) } else { None }
        };
        said.iter().filter_map(base).collect()
    }
}
