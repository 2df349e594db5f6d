//! What a name means at a place: through definitions, imports, spaces, members and base classes.
//!
//! Nothing is computed before it is asked for but what needs a pass over all symbols, so that linking a few files again costs little.

use std::borrow::Cow;
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::FileFacts;
use crate::graph::names::{Bound, FileNames};
use crate::graph::units::{Family, SpaceId, Unit, World, shared_folders};
use crate::symbol::{FileId, Form, SymbolId, SymbolKind};
use crate::view::Inventory;

/// Imports that lead in circles, and classes that inherit in circles, end here.
const MAX_DEPTH: u32 = 16;
/// A step through a star import may be tried for many files, so few may follow upon each other.
const STAR_COST: u32 = 6;
/// Of more definitions of one name in one space only so many are weighed.
const MAX_CANDIDATES: usize = 64;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Symbol(SymbolId),
    Unit(Unit),
    /// Something outside of the snapshot.
    Foreign,
}

/// Where a name stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) file: FileId,
    pub(super) space: Option<SpaceId>,
    /// The class whose members are named without saying whose they are.
    pub(super) class: Option<SymbolId>,
}

/// How far a search has gone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trail {
    depth: u32,
    /// Only what is written in a class itself counts as its member: what it inherits is just being found out.
    plain: bool,
}

impl Trail {
    pub(super) const START: Trail = Trail { depth: 0, plain: false };
    /// The trail of the search for base classes and owners.
    pub(super) const PLAIN: Trail = Trail { depth: 0, plain: true };

    pub(super) fn step(self) -> Trail {
        self.steps(1)
    }

    fn steps(self, count: u32) -> Trail {
        Trail { depth: self.depth + count, ..self }
    }

    pub(super) fn is_plain(self) -> bool {
        self.plain
    }

    pub(super) fn is_lost(self) -> bool {
        self.depth > MAX_DEPTH
    }
}

/// Gives the facts of files; may load them when first asked.
pub(crate) trait FactsOf: Sync {
    /// Returns the facts of a file; those of an empty file where they cannot be had. Who resolves all anew may be given imports, exports and
    /// what is said of bases alone.
    fn facts(&self, file: FileId) -> &FileFacts;

    /// Returns the references of a file with their names, and perhaps more.
    fn uses(&self, file: FileId) -> Cow<'_, FileFacts> {
        Cow::Borrowed(self.facts(file))
    }
}

impl FactsOf for Vec<&FileFacts> {
    fn facts(&self, file: FileId) -> &FileFacts {
        self[file.0 as usize]
    }
}

/// The path of a file, cut up.
#[derive(Clone, Copy, Default)]
struct Stem<'a> {
    path: &'a str,
    /// Without the extension.
    whole: &'a str,
    /// The last part of that.
    name: &'a str,
}

/// What is known of the names of one file, each part from when it is first asked for.
#[derive(Default)]
pub(super) struct Tables<'a> {
    names: OnceLock<FileNames<'a>>,
    stars: OnceLock<Vec<FileId>>,
    stem: OnceLock<Stem<'a>>,
    pub(super) members: OnceLock<FxHashMap<(SymbolId, &'a str), SymbolId>>,
    pub(super) bases: OnceLock<FxHashMap<SymbolId, Vec<SymbolId>>>,
    pub(super) ancestors: OnceLock<FxHashMap<SymbolId, Vec<SymbolId>>>,
}

/// All names of a snapshot.
pub(super) struct Lookup<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) facts: &'a dyn FactsOf,
    pub(super) world: World<'a>,
    pub(super) tables: Vec<Tables<'a>>,
    /// Members that stand apart from their class, by the last part of its name and their own.
    pub(super) apart: FxHashMap<(Family, &'a str, &'a str), Vec<SymbolId>>,
    /// Classes that may be defined in several places, by space and qualified name.
    pub(super) reopened: FxHashMap<(Family, Option<SpaceId>, &'a str), Vec<SymbolId>>,
    /// What is said apart from a class about its bases: by the last part of the class's name, the file and the place in its list.
    pub(super) implements: FxHashMap<&'a str, Vec<(FileId, usize)>>,
    /// Functions of JavaScript that make instances: `f` where there is `f.prototype.m = …`.
    makers: FxHashSet<SymbolId>,
    /// Members by name, from when they are first asked for.
    namesakes: OnceLock<Namesakes<'a>>,
    /// The only names of members that will be asked for, where that is known.
    asked: Option<FxHashSet<&'a str>>,
}

/// Members by name, tests left out.
#[derive(Default)]
struct Namesakes<'a> {
    methods: FxHashMap<(Family, &'a str), Vec<SymbolId>>,
    /// Fields and properties.
    fields: FxHashMap<(Family, &'a str), Vec<SymbolId>>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(world: World<'a>, facts: &'a dyn FactsOf) -> Lookup<'a> {
        let inventory = world.inventory;
        let mut lookup = Lookup {
            inventory,
            facts,
            world,
            tables: inventory.files.iter().map(|_| Tables::default()).collect(),
            apart: FxHashMap::default(),
            reopened: FxHashMap::default(),
            implements: FxHashMap::default(),
            makers: FxHashSet::default(),
            namesakes: OnceLock::new(),
            asked: None,
        };
        for file in (0..inventory.files.len() as u32).map(FileId) {
            lookup.enter(file);
        }
        lookup
    }

    /// Says which names of members will be asked for, so that others need no place in the tables.
    pub(super) fn ask_only(&mut self, names: FxHashSet<&'a str>) {
        self.asked = Some(names);
        self.namesakes = OnceLock::new();
    }

    /// Enters what of a file stands apart from its class, and classes that may be opened again, into the tables of all files.
    fn enter(&mut self, file: FileId) {
        let family = self.world.family(file);
        let sight = family.rules().sight();
        if family == Family::Python {
            return;
        }
        for at in self.inventory.symbols_of(file) {
            let (id, symbol) = (SymbolId(at as u32), &self.inventory.symbols[at]);
            if let Some(owner) = symbol.owner().map(owner_path) {
                self.apart.entry((family, last(owner), symbol.name())).or_default().push(id);
                if family == Family::Script {
                    self.makers.extend(self.function_at_top(file, owner));
                }
            }
            if sight.reopened && symbol.kind == SymbolKind::Class && family.rules().is_part(symbol) {
                self.reopened.entry((family, self.space_around(id), symbol.class_path())).or_default().push(id);
            }
        }
        if sight.apart {
            let said = self.facts.facts(file).implements.iter().enumerate();
            said.for_each(|(at, it)| self.implements.entry(last(&it.class)).or_default().push((file, at)));
        }
    }

    fn function_at_top(&self, file: FileId, name: &str) -> Option<SymbolId> {
        let is_it = |at: &usize| {
            let symbol = &self.inventory.symbols[*at];
            symbol.parent.is_none()
                && symbol.kind == SymbolKind::Function
                && symbol.name() == name
                && symbol.owner().is_none()
        };
        self.inventory.symbols_of(file).find(is_it).map(|it| SymbolId(it as u32))
    }

    fn namesakes(&self) -> &Namesakes<'a> {
        self.namesakes.get_or_init(|| {
            let mut all = Namesakes::default();
            for (at, symbol) in self.inventory.symbols.iter().enumerate() {
                let is_asked = || self.asked.as_ref().is_none_or(|it| it.contains(symbol.name()));
                let is_member = || symbol.owner().is_some() || symbol.parent.is_some_and(|it| self.is_class(it));
                // The cheapest question first: most symbols of many projects are tests.
                if symbol.is_test || !is_member() || !is_asked() {
                    continue;
                }
                let name = symbol.name();
                let family = self.world.family(symbol.file);
                let is_property = match family {
                    Family::Python => symbol.is_decorated_property(),
                    _ => symbol.form == Form::Accessor,
                };
                let table = match symbol.kind {
                    SymbolKind::Method if !is_property => &mut all.methods,
                    SymbolKind::Method | SymbolKind::Field => &mut all.fields,
                    SymbolKind::Class | SymbolKind::Function | SymbolKind::Variable => continue,
                };
                table.entry((family, name)).or_default().push(SymbolId(at as u32));
            }
            all
        })
    }

    pub(super) fn first_of(&self, file: FileId) -> u32 {
        self.inventory.files.get(file.0 as usize).map_or(0, |it| it.symbols.start)
    }

    pub(super) fn is_class(&self, id: SymbolId) -> bool {
        let symbol = self.inventory.symbols.get(id.0 as usize);
        symbol.is_some_and(|it| it.kind == SymbolKind::Class) || self.makers.contains(&id)
    }

    pub(super) fn names(&self, file: FileId) -> Option<&FileNames<'a>> {
        let cell = &self.tables.get(file.0 as usize)?.names;
        Some(cell.get_or_init(|| FileNames::of(&self.world, file, self.facts.facts(file))))
    }

    /// Star imports may go in circles, so all that a file reaches is found once, breadth first.
    fn stars(&self, file: FileId) -> &[FileId] {
        let Some(table) = self.tables.get(file.0 as usize) else { return &[] };
        table.stars.get_or_init(|| {
            let mut stars = self.names(file).map(|it| it.stars.clone()).unwrap_or_default();
            let mut seen: FxHashSet<FileId> = stars.iter().copied().collect();
            seen.insert(file);
            let mut next = 0;
            while let Some(at) = stars.get(next) {
                let further = self.names(*at).map(|it| it.stars.as_slice()).unwrap_or_default();
                stars.extend(further.iter().filter(|it| seen.insert(**it)));
                next += 1;
            }
            stars
        })
    }

    /// Returns the place of what stands in a definition, or at the top of a file.
    pub(super) fn place(&self, file: FileId, within: Option<SymbolId>) -> Place {
        let space = match within {
            Some(it) => self.space_around(it),
            None => self.world.home_of(file, ""),
        };
        let has_this = self.world.rules(file).sight().unwritten_this;
        let class = within.filter(|_| has_this).and_then(|it| self.class_around(it));
        Place { file, space, class }
    }

    /// Returns the space of a definition.
    pub(super) fn space_around(&self, id: SymbolId) -> Option<SpaceId> {
        let symbol = self.inventory.symbols.get(self.outermost(id).0 as usize)?;
        self.world.home_of(symbol.file, symbol.namespace().unwrap_or(""))
    }

    /// Returns the place of what stands in a namespace of a file, outside of any class.
    pub(super) fn place_apart(&self, file: FileId, namespace: Option<&str>) -> Place {
        Place { file, space: self.world.home_of(file, namespace.unwrap_or("")), class: None }
    }

    fn top(&self, file: FileId) -> Place {
        Place { file, space: self.world.home_of(file, ""), class: None }
    }

    fn outermost(&self, id: SymbolId) -> SymbolId {
        let parent = |it: &SymbolId| self.inventory.symbols.get(it.0 as usize).and_then(|it| it.parent);
        std::iter::successors(Some(id), parent).last().unwrap_or(id)
    }

    /// Returns what a bare name means.
    pub(super) fn name(&self, place: Place, name: &str, trail: Trail) -> Option<Target> {
        if trail.is_lost() {
            return None;
        }
        let family = self.world.family(place.file);
        let own = place.class.and_then(|it| self.unsaid_member(it, name, trail)).map(Target::Symbol);
        own.or_else(|| self.bound(place.file, name, trail))
            .or_else(|| self.in_spaces(place, name, trail))
            .or_else(|| self.starred(place.file, name, trail))
            .or_else(|| family.rules().special(&self.world, place, name).map(Target::Unit))
    }

    /// Returns the member of a class or one around it.
    fn unsaid_member(&self, class: SymbolId, name: &str, trail: Trail) -> Option<SymbolId> {
        let mut next = Some(class);
        while let Some(id) = next {
            // A constructor has the name of its class, and who says that means the class.
            let is_constructor = |it: &SymbolId| self.inventory.symbols[it.0 as usize].form == Form::Constructor;
            if let Some(found) = self.member(id, name, trail).filter(|it| !is_constructor(it)) {
                return Some(found);
            }
            next = self.inventory.symbols.get(id.0 as usize)?.parent.and_then(|it| self.class_around(it));
        }
        None
    }

    /// Returns what a bare name means in a file without star imports.
    fn bound(&self, file: FileId, name: &str, trail: Trail) -> Option<Target> {
        if trail.is_lost() {
            return None;
        }
        let names = self.names(file)?;
        let defined = names.definitions.get(name).copied();
        let is_variable = |it: SymbolId| self.inventory.symbols[it.0 as usize].kind == SymbolKind::Variable;
        if let Some(id) = defined.filter(|it| !is_variable(*it)) {
            return Some(Target::Symbol(id));
        }
        // `try: import x` with `x = None` as the way out: the import says more.
        let imported = names.imports.get(name).map(|it| self.follow(*it, trail.step()).unwrap_or(Target::Foreign));
        match (imported, defined) {
            (Some(target), None) => Some(target),
            (Some(target), Some(_)) if target != Target::Foreign => Some(target),
            (_, Some(id)) => Some(Target::Symbol(id)),
            (None, None) => None,
        }
    }

    /// Returns what an import leads to.
    pub(super) fn follow(&self, bound: Bound<'_>, trail: Trail) -> Option<Target> {
        match bound {
            Bound::Foreign => None,
            Bound::Within(unit, "") => Some(self.as_a_whole(unit, trail).unwrap_or(Target::Unit(unit))),
            Bound::Within(unit, path) => self.descend(Target::Unit(unit), path, trail),
            Bound::Item(unit, "", name) => self.item(unit, name, trail),
            Bound::Item(unit, path, name) => {
                let holder = self.descend(Target::Unit(unit), path, trail)?;
                self.member_of(holder, name, trail)
            }
        }
    }

    /// Returns the definition that stands for a file as a whole: `module.exports = f`.
    fn as_a_whole(&self, unit: Unit, trail: Trail) -> Option<Target> {
        let Unit::File(file) = unit else { return None };
        let local = *self.names(file)?.exported.get("export=")?;
        self.path(self.top(file), local, trail.step())
    }

    fn descend(&self, from: Target, path: &str, trail: Trail) -> Option<Target> {
        path.split('.').try_fold(from, |target, part| self.member_of(target, part, trail.step()))
    }

    /// Returns what a name means in the space of a place and those seen from it.
    fn in_spaces(&self, place: Place, name: &str, trail: Trail) -> Option<Target> {
        let sight = self.world.rules(place.file).sight();
        let mut next = place.space;
        while let Some(id) = next {
            if let Some(found) = self.space_item(Some(place.file), id, name, trail.step()) {
                return Some(found);
            }
            next = self.world.space_of(id)?.parent.filter(|_| sight.enclosing);
        }
        let root = if sight.root { self.world.named(self.world.family(place.file), "") } else { None };
        match root? {
            Unit::Space(it) => self.space_item(Some(place.file), it, name, trail.step()),
            Unit::File(_) => None,
        }
    }

    /// Returns what a name is in a space: a definition, something given on, or a space below it; `seer` is the file that asks.
    fn space_item(&self, seer: Option<FileId>, id: SpaceId, name: &str, trail: Trail) -> Option<Target> {
        let space = self.world.space_of(id)?;
        if let Some(found) = space.names.get(name).and_then(|it| self.choose(seer, it)) {
            return Some(Target::Symbol(found));
        }
        let family = self.world.family(*space.files.first().or(seer.as_ref())?);
        let given = || self.given_on(space.files.as_slice(), name, trail);
        let given = if family.rules().sight().reexports && !trail.is_lost() { given() } else { None };
        given.or_else(|| self.world.below(family, Unit::Space(id), name).map(Target::Unit))
    }

    /// Returns what files give on under a name.
    fn given_on(&self, files: &[FileId], name: &str, trail: Trail) -> Option<Target> {
        files.iter().find_map(|file| {
            let names = self.names(*file)?;
            let own = names.given_on.contains(&name).then(|| self.bound(*file, name, trail.step()));
            let known = |it: &Target| *it != Target::Foreign;
            let wide =
                || names.wide.iter().filter(|it| it.1).find_map(|it| self.in_wide(it.0, name, trail)).filter(known);
            own.flatten().filter(known).or_else(wide)
        })
    }

    /// Of several definitions of one name takes the one nearest to who asks.
    fn choose(&self, seer: Option<FileId>, candidates: &[SymbolId]) -> Option<SymbolId> {
        let [first, rest @ ..] = candidates else { return None };
        if rest.is_empty() {
            return Some(*first);
        }
        let candidates = &candidates[..candidates.len().min(MAX_CANDIDATES)];
        match seer {
            Some(seer) => self.nearest(seer, candidates),
            None => candidates.iter().copied().max_by_key(|it| (self.standing(*it), std::cmp::Reverse(*it))),
        }
    }

    fn standing(&self, id: SymbolId) -> u8 {
        let symbol = &self.inventory.symbols[id.0 as usize];
        self.world.rules(symbol.file).standing(&self.world, symbol)
    }

    fn nearest(&self, seer: FileId, candidates: &[SymbolId]) -> Option<SymbolId> {
        let path = self.stem(seer).path;
        let in_test = self.inventory.files.get(seer.0 as usize).is_some_and(|it| it.is_test);
        let nearness = |it: &SymbolId| {
            let symbol = &self.inventory.symbols[it.0 as usize];
            let other = self.stem(symbol.file).path;
            let included = self.closeness(seer, symbol.file);
            let fits = in_test || !symbol.is_test;
            let is_defined = symbol.form != Form::Prototype;
            let standing = self.standing(*it);
            let near = shared_folders(path, other);
            (is_defined, symbol.file == seer, fits, standing, included, near, std::cmp::Reverse(*it))
        };
        candidates.iter().copied().max_by_key(nearness)
    }

    /// Returns how near a file is by includes: a header beside it or of its name is included, so that it defines what that declares; it is
    /// included itself; or nothing of this.
    fn closeness(&self, seer: FileId, file: FileId) -> u8 {
        let stars = self.stars(seer);
        if stars.is_empty() {
            return 0;
        }
        let own = self.stem(file);
        let close = |it: &FileId| match self.stem(*it) {
            _ if *it == file => 1,
            other if other.whole == own.whole => 3,
            other if other.name == own.name => 2,
            _ => 0,
        };
        stars.iter().take(MAX_CANDIDATES).map(close).max().unwrap_or(0)
    }

    fn stem(&self, file: FileId) -> Stem<'a> {
        let Some(table) = self.tables.get(file.0 as usize) else { return Stem::default() };
        *table.stem.get_or_init(|| {
            let path = self.world.path_of(file);
            let whole = path.rsplit_once('.').map_or(path, |it| it.0);
            Stem { path, whole, name: whole.rsplit('/').next().unwrap_or(whole) }
        })
    }

    fn starred(&self, file: FileId, name: &str, trail: Trail) -> Option<Target> {
        let is_python = self.world.family(file) == Family::Python;
        // A list of exports may be put together at run time, so only private names need to be on one.
        let exports = |it: &FileId| {
            let listed = || self.facts.facts(*it).exports.as_ref().is_some_and(|it| it.iter().any(|it| it == name));
            !is_python || !name.starts_with('_') || listed()
        };
        let includes = self.world.rules(file).sight().includes;
        let stars = if includes { &[] } else { self.stars(file) };
        let found = stars.iter().filter(|it| exports(it)).find_map(|it| self.bound(*it, name, trail.steps(STAR_COST)));
        let wide = || self.names(file)?.wide.iter().find_map(|it| self.in_wide(it.0, name, trail));
        found.or_else(wide).filter(|it| *it != Target::Foreign)
    }

    /// Returns what a name is in something all of whose names are imported.
    fn in_wide(&self, (unit, path): (Unit, &str), name: &str, trail: Trail) -> Option<Target> {
        let trail = trail.steps(STAR_COST);
        if trail.is_lost() {
            return None;
        }
        let holder = if path.is_empty() { Target::Unit(unit) } else { self.descend(Target::Unit(unit), path, trail)? };
        self.member_of(holder, name, trail)
    }

    /// Returns what `name` is in a unit: something it defines, imports or gives on, or a unit below it.
    pub(super) fn item(&self, unit: Unit, name: &str, trail: Trail) -> Option<Target> {
        let file = match unit {
            Unit::File(file) => file,
            Unit::Space(id) => return self.space_item(None, id, name, trail),
        };
        let own = match self.names(file)?.exported.get(name) {
            Some(local) if *local != name => self.path(self.top(file), local, trail.step()),
            _ => self.name(self.top(file), name, trail),
        };
        match own {
            Some(target) if target != Target::Foreign => Some(target),
            // What `module.exports` is, is what is imported as `default`.
            None if name == "default" => self.as_a_whole(unit, trail),
            other => self.world.below(self.world.family(file), unit, name).map(Target::Unit).or(other),
        }
    }

    /// Returns what `name` is in what another name means.
    pub(super) fn member_of(&self, target: Target, name: &str, trail: Trail) -> Option<Target> {
        if trail.is_lost() {
            return None;
        }
        match target {
            Target::Unit(unit) => self.item(unit, name, trail.step()),
            Target::Foreign => Some(Target::Foreign),
            Target::Symbol(id) => {
                let class = if self.is_class(id) { id } else { self.class_held(id, trail.step())? };
                self.member(class, name, trail).map(Target::Symbol)
            }
        }
    }

    /// Returns what a dotted path means.
    pub(super) fn path(&self, place: Place, path: &str, trail: Trail) -> Option<Target> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let target = self.name(place, first, trail.step())?;
        if rest.is_empty() { Some(target) } else { self.descend(target, rest, trail) }
    }

    /// Returns the class of which a variable or field is known to hold an instance.
    pub(super) fn class_held(&self, id: SymbolId, trail: Trail) -> Option<SymbolId> {
        if trail.is_lost() { None } else { self.held_by(id, trail).class() }
    }

    /// Returns the class that a dotted path means.
    pub(super) fn class_named(&self, place: Place, path: &str, trail: Trail) -> Option<SymbolId> {
        match self.path(place, path, trail.step())? {
            Target::Symbol(id) if self.is_class(id) => Some(id),
            Target::Symbol(_) | Target::Unit(_) | Target::Foreign => None,
        }
    }

    /// Returns the methods of this name in all classes.
    pub(super) fn methods_named<'n>(&'n self, family: Family, name: &'n str) -> &'n [SymbolId] {
        self.namesakes().methods.get(&(family, name)).map_or(&[], Vec::as_slice)
    }

    /// Returns the fields and properties of this name in all classes.
    pub(super) fn fields_named<'n>(&'n self, family: Family, name: &'n str) -> &'n [SymbolId] {
        self.namesakes().fields.get(&(family, name)).map_or(&[], Vec::as_slice)
    }
}

/// Returns the class that an owner names: `f.prototype` is what instances of `f` have.
pub(super) fn owner_path(owner: &str) -> &str {
    owner.strip_suffix(".prototype").unwrap_or(owner)
}

/// Returns the last part of a dotted path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
