//! The names at the top of one file: what it defines, what its imports bind, whose names it takes over whole, and what it gives on.

use rustc_hash::FxHashMap;

use crate::facts::{FileFacts, Import, ImportItem};
use crate::graph::units::{Reach, Rules, Unit, World};
use crate::symbol::{FileId, Form, SymbolId};

/// What an import binds a name to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound<'a> {
    /// What a dotted path means in a unit: the unit itself where it is empty.
    Within(Unit, &'a str),
    /// A name of what the path means in the unit.
    Item(Unit, &'a str, &'a str),
    Foreign,
}

/// The names at the top of a file.
#[derive(Debug, Default)]
pub(super) struct FileNames<'a> {
    pub(super) definitions: FxHashMap<&'a str, SymbolId>,
    pub(super) imports: FxHashMap<&'a str, Bound<'a>>,
    /// The names given to others under another name than they have here.
    pub(super) exported: FxHashMap<&'a str, &'a str>,
    /// The imported names that are given on.
    pub(super) given_on: Vec<&'a str>,
    /// The files all of whose names are imported, as they are written.
    pub(super) stars: Vec<FileId>,
    /// The spaces and classes all of whose names are imported; whether they are given on.
    pub(super) wide: Vec<(Reach<'a>, bool)>,
}

impl<'a> FileNames<'a> {
    pub(super) fn of(world: &World<'a>, file: FileId, facts: &'a FileFacts) -> FileNames<'a> {
        let mut names = FileNames::default();
        let inventory = world.inventory;
        for at in inventory.symbols_of(file) {
            let symbol = &inventory.symbols[at];
            // What JavaScript stores in `exports` is at the top of the file.
            let is_top = symbol.owner().is_none_or(|it| matches!(it, "exports" | "module.exports"));
            if symbol.parent.is_none() && is_top {
                let known = names.definitions.entry(symbol.name()).or_insert(SymbolId(at as u32));
                // A prototype only announces what the same file defines below.
                if inventory.symbols[known.0 as usize].form == Form::Prototype {
                    *known = SymbolId(at as u32);
                }
            }
        }
        for it in &facts.exported {
            names.exported.entry(&it.name).or_insert(&it.local);
        }
        // What the top of the file binds comes before what a function imports for itself.
        let rules = world.rules(file);
        for within in [false, true] {
            for import in facts.imports.iter().filter(|it| it.within.is_some() == within) {
                names.bind(world, rules, import, rules.imported(world, file, import));
            }
        }
        names
    }

    fn bind(&mut self, world: &World<'a>, rules: &dyn Rules, import: &'a Import, reach: Option<Reach<'a>>) {
        let (name, bound) = match (&import.item, reach) {
            (_, Some((Unit::File(it), ""))) if import.takes_all() => {
                self.stars.push(it);
                return;
            }
            (ImportItem::Star, Some(reach)) => {
                self.wide.push((reach, import.reexported));
                return;
            }
            (ImportItem::Star, None) => return,
            (ImportItem::Module { alias: Some(alias) }, reach) => {
                (alias.as_str(), reach.map_or(Bound::Foreign, |it| Bound::Within(it.0, it.1)))
            }
            (ImportItem::Module { alias: None }, reach) => {
                let Some((name, found)) = rules.bound_by(world, import, reach.map(|it| it.0)) else { return };
                (name, found.map_or(Bound::Foreign, |it| Bound::Within(it, "")))
            }
            (ImportItem::Name { name, alias }, reach) => {
                let bound = reach.map_or(Bound::Foreign, |it| Bound::Item(it.0, it.1, name));
                (alias.as_ref().unwrap_or(name).as_str(), bound)
            }
        };
        self.imports.entry(name).or_insert(bound);
        if import.reexported {
            self.given_on.push(name);
        }
    }
}
