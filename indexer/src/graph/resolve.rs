//! Turns the references of all files into edges.
//!
//! What the language decides (a name in scope, a member of a known class) is near certain; what only the name suggests is kept as a weak
//! edge as long as few definitions share the name, and dropped otherwise.

use std::sync::OnceLock;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::FileFacts;
use crate::facts::{ImportForm, ImportItem, Receiver, Reference, Usage};
use crate::graph::config::Project;
use crate::graph::csr::{RawEdge, settle};
use crate::graph::held::Held;
use crate::graph::lookup::{FactsOf, Lookup, Place, Target, Trail};
use crate::graph::names::Bound;
use crate::graph::outline::Outline;
use crate::graph::units::{Family, SpaceId, Unit, World};
use crate::graph::{EdgeKind, Edges, NodeId, Nodes};
use crate::language;
use crate::symbol::{FileId, Form, SymbolId, SymbolKind};
use crate::view::Inventory;

/// A name in scope or a member reached through a known class.
const CERTAIN: f32 = 1.0;
/// A member of what an annotation or constructor call says a variable holds.
const TYPED: f32 = 0.9;
/// The only method of that name.
const ONLY_NAME: f32 = 0.5;
/// More methods of one name than this say nothing.
pub(super) const MAX_NAMESAKES: usize = 5;

/// All that links of a snapshot depend on.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) facts: &'a dyn FactsOf,
    /// By file.
    pub(crate) outlines: &'a [&'a Outline],
    pub(crate) project: &'a Project,
}

/// Builds the edges of a snapshot. A pure function.
pub(crate) fn resolve(sources: &Sources<'_>) -> Edges {
    let resolver = Resolver::new(sources);
    let mut edges = resolver.contains(|_| true);
    let files = sources.inventory.files.len() as u32;
    let nodes = resolver.nodes.count();
    let of_file = |it| {
        let mut edges = resolver.file(FileId(it));
        settle(nodes, &mut edges);
        edges.into_boxed_slice()
    };
    let per_file: Vec<Box<[RawEdge]>> = (0..files).into_par_iter().map(of_file).collect();
    drop(resolver);
    edges.reserve_exact(per_file.iter().map(|it| it.len()).sum());
    per_file.into_iter().for_each(|it| edges.extend(it));
    Edges::build(nodes, edges)
}

/// Finds the edges of files.
pub(super) struct Resolver<'a> {
    pub(super) nodes: Nodes,
    pub(super) lookup: Lookup<'a>,
    /// Files that are no tests by the stem of their names.
    subjects: OnceLock<FxHashMap<(Family, String), Vec<FileId>>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(sources: &Sources<'a>) -> Resolver<'a> {
        let world = World::of(sources.inventory, sources.outlines, sources.project);
        Resolver {
            nodes: Nodes::of(sources.inventory),
            lookup: Lookup::new(world, sources.facts),
            subjects: OnceLock::new(),
        }
    }

    fn subjects(&self) -> &FxHashMap<(Family, String), Vec<FileId>> {
        self.subjects.get_or_init(|| {
            let mut subjects: FxHashMap<(Family, String), Vec<FileId>> = FxHashMap::default();
            for (at, file) in self.lookup.inventory.files.iter().enumerate().filter(|it| !it.1.is_test) {
                let family = Family::of(file.language);
                subjects.entry((family, stem(file.path.file_name()))).or_default().push(FileId(at as u32));
            }
            subjects
        })
    }

    /// Returns what the repository, its directories and some of its files contain.
    pub(super) fn contains(&self, of_file: impl Fn(FileId) -> bool) -> Vec<RawEdge> {
        let inventory = self.lookup.inventory;
        let mut edges = Vec::new();
        let mut contain = |outer: Option<NodeId>, inner| {
            edges.extend(outer.map(|it| RawEdge::new(it, inner, EdgeKind::Contains, CERTAIN)));
        };
        for (at, path) in inventory.directories.iter().enumerate() {
            contain(self.folder(folder_of(path)), self.nodes.directory(at));
        }
        let mut last: (&[u8], Option<NodeId>) = (b"", Some(self.nodes.repository()));
        for (at, file) in inventory.files.iter().enumerate() {
            // Neighbours come one after the other.
            let folder = folder_of(&file.path);
            if folder != last.0 {
                last = (folder, self.folder(folder));
            }
            contain(last.1, self.nodes.file(FileId(at as u32)));
        }
        for file in (0..inventory.files.len() as u32).map(FileId).filter(|it| of_file(*it)) {
            for at in inventory.symbols_of(file) {
                let outer = inventory.symbols[at].parent.map_or(self.nodes.file(file), |it| self.nodes.symbol(it));
                contain(Some(outer), self.nodes.symbol(SymbolId(at as u32)));
            }
        }
        edges
    }

    /// Returns the node of a directory; the empty path is the repository.
    fn folder(&self, path: &[u8]) -> Option<NodeId> {
        if path.is_empty() {
            return Some(self.nodes.repository());
        }
        let found = self.lookup.inventory.directories.binary_search_by(|it| it.as_bytes().cmp(path));
        found.ok().map(|it| self.nodes.directory(it))
    }

    /// Returns all edges that start in a file, but for containment.
    pub(super) fn file(&self, file: FileId) -> Vec<RawEdge> {
        let mut edges = Vec::new();
        let facts = self.lookup.facts.facts(file);
        self.imports(file, facts, &mut edges);
        self.overrides(file, &mut edges);
        self.implements(file, facts, &mut edges);
        self.test_by_name(file, &mut edges);
        let first = self.lookup.first_of(file);
        // A base that is said apart from its class is no use of it by the file.
        let is_apart = |it: &&Reference| it.usage == Usage::Base && it.within.is_none();
        let facts: &FileFacts = &self.lookup.facts.uses(file);
        for reference in facts.references.iter().filter(|it| !is_apart(it)) {
            let within = reference.within.map(|it| SymbolId(first + it));
            let source = within.map_or(self.nodes.file(file), |it| self.nodes.symbol(it));
            for (target, confidence) in self.targets(file, facts, reference, within) {
                self.refer(file, source, target, reference.usage, confidence, &mut edges);
            }
        }
        edges
    }

    fn imports(&self, file: FileId, facts: &FileFacts, edges: &mut Vec<RawEdge>) {
        let (source, rules) = (self.nodes.file(file), self.lookup.world.rules(file));
        for import in &facts.imports {
            let confidence = if import.within.is_some() { 0.8 } else { CERTAIN };
            let Some((unit, path)) = rules.imported(&self.lookup.world, file, import) else { continue };
            let item = match &import.item {
                ImportItem::Name { name, .. } => Bound::Item(unit, path, name),
                ImportItem::Module { .. } | ImportItem::Star => Bound::Within(unit, path),
            };
            let found = self.lookup.follow(item, Trail::START);
            let whole = Target::Unit(unit);
            // A name of a package is imported from the file it stands in.
            let is_named = matches!(unit, Unit::Space(_)) && matches!(import.item, ImportItem::Name { .. });
            let whole = (path.is_empty() && found != Some(whole) && !is_named).then_some(whole);
            for target in [whole, found].into_iter().flatten() {
                for (node, is_test) in self.imported(target) {
                    edges.push(RawEdge::new(source, node, EdgeKind::Imports, confidence));
                    if self.is_test(file) && !is_test {
                        edges.push(RawEdge::new(source, node, EdgeKind::Tests, 0.5));
                    }
                }
            }
        }
    }

    /// Returns the nodes that importing something imports, with whether they are tests. Of a package, that is the directory of its files;
    /// what a name of a package is imports its file too.
    fn imported(&self, target: Target) -> Vec<(NodeId, bool)> {
        match target {
            Target::Unit(Unit::File(it)) => vec![(self.nodes.file(it), self.is_test(it))],
            Target::Symbol(id) => {
                let id = self.lookup.main_part(id);
                let file = self.lookup.inventory.symbols[id.0 as usize].file;
                let symbol = (self.nodes.symbol(id), self.is_test(file));
                let is_module = self.lookup.world.family(file) == Family::Python;
                if is_module { vec![symbol] } else { vec![symbol, (self.nodes.file(file), self.is_test(file))] }
            }
            Target::Unit(Unit::Space(id)) => self.package(id).into_iter().collect(),
            Target::Foreign => Vec::new(),
        }
    }

    /// Returns the only file of a package, or the directory in which all its files stand, with whether it is a test.
    fn package(&self, space: SpaceId) -> Option<(NodeId, bool)> {
        let files = &self.lookup.world.space_of(space)?.files;
        if let [only] = files.as_slice() {
            return Some((self.nodes.file(*only), self.is_test(*only)));
        }
        let inventory = self.lookup.inventory;
        let folder = |it: &FileId| inventory.files.get(it.0 as usize).and_then(|it| it.path.parent());
        let first = folder(files.first()?)?;
        let is_one = files.iter().all(|it| folder(it).as_ref() == Some(&first));
        let at = inventory.directories.binary_search(&first).ok().filter(|_| is_one)?;
        Some((self.nodes.directory(at), false))
    }

    /// A method of the name of an inherited one overrides it.
    fn overrides(&self, file: FileId, edges: &mut Vec<RawEdge>) {
        let inventory = self.lookup.inventory;
        for at in inventory.symbols_of(file) {
            let symbol = &inventory.symbols[at];
            // Constructors override nothing, though Python's are inherited.
            let makes = symbol.form == Form::Constructor && self.lookup.world.family(file) != Family::Python;
            if symbol.kind != SymbolKind::Method || makes {
                continue;
            }
            let Some(class) = self.lookup.class_of(SymbolId(at as u32)) else { continue };
            let inherited = self.lookup.inherited(class, symbol.name());
            if let Some(base) = inherited {
                let (source, target) = (self.nodes.symbol(SymbolId(at as u32)), self.nodes.symbol(base));
                edges.push(RawEdge::new(source, target, EdgeKind::Overrides, CERTAIN));
            }
        }
    }

    /// Adds what a file says of the bases of classes apart from them.
    fn implements(&self, file: FileId, facts: &FileFacts, edges: &mut Vec<RawEdge>) {
        let place = self.lookup.place(file, None);
        for it in &facts.implements {
            let class = self.lookup.class_named(place, &it.class, Trail::START);
            let base = self.lookup.class_named(place, &it.base, Trail::START);
            if let (Some(class), Some(base)) = (class, base) {
                let (source, target) = (self.nodes.symbol(class), self.nodes.symbol(base));
                edges.push(RawEdge::new(source, target, EdgeKind::Inherits, CERTAIN));
            }
        }
        let first = self.lookup.first_of(file);
        for mixin in facts.imports.iter().filter(|it| it.form == ImportForm::Mixin) {
            let Some(class) = mixin.within.map(|it| SymbolId(first + it)).filter(|it| self.lookup.is_class(*it)) else {
                continue;
            };
            if let Some(base) =
                self.lookup.class_named(self.lookup.place(file, Some(class)), &mixin.module, Trail::START)
            {
                edges.push(RawEdge::new(
                    self.nodes.symbol(class),
                    self.nodes.symbol(base),
                    EdgeKind::Inherits,
                    CERTAIN,
                ));
            }
        }
    }

    /// Adds what one resolved reference says.
    fn refer(
        &self,
        file: FileId,
        source: NodeId,
        target: SymbolId,
        usage: Usage,
        confidence: f32,
        edges: &mut Vec<RawEdge>,
    ) {
        let target = self.lookup.main_part(target);
        let symbol = &self.lookup.inventory.symbols[target.0 as usize];
        let kind = match usage {
            Usage::Call => EdgeKind::Calls,
            Usage::Base => EdgeKind::Inherits,
            Usage::Read | Usage::Write | Usage::Decorator | Usage::Type => EdgeKind::Uses,
        };
        let node = self.nodes.symbol(target);
        edges.push(RawEdge::new(source, node, kind, confidence));
        if usage == Usage::Call && symbol.kind == SymbolKind::Class {
            // To call a class is to run its constructor.
            if let Some(constructor) = self.constructor(target) {
                edges.push(RawEdge::new(source, self.nodes.symbol(constructor), kind, confidence * TYPED));
            }
        }
        if self.is_test(file) && !symbol.is_test {
            edges.push(RawEdge::new(source, node, EdgeKind::Tests, confidence));
        }
    }

    pub(super) fn is_test(&self, file: FileId) -> bool {
        self.lookup.inventory.files.get(file.0 as usize).is_some_and(|it| it.is_test)
    }

    fn constructor(&self, class: SymbolId) -> Option<SymbolId> {
        let symbol = &self.lookup.inventory.symbols[class.0 as usize];
        let names = self.lookup.world.rules(symbol.file).constructors(symbol.name());
        let found = names.into_iter().find_map(|it| self.lookup.member(class, it, Trail::START));
        found.filter(|it| self.lookup.inventory.symbols[it.0 as usize].kind == SymbolKind::Method)
    }

    /// Returns the definitions that a reference may mean, with how likely each is.
    fn targets(
        &self,
        file: FileId,
        facts: &FileFacts,
        reference: &Reference,
        within: Option<SymbolId>,
    ) -> Vec<(SymbolId, f32)> {
        let name = facts.name(reference.name);
        let place = self.lookup.place(file, within);
        let member = |class: SymbolId| self.lookup.member(class, name, Trail::START);
        let own_class = || within.and_then(|it| self.lookup.class_around(it));
        let sure = |it: SymbolId| vec![(it, CERTAIN)];
        let by_name = || self.namesakes(file, name, reference.usage);
        match reference.receiver {
            Receiver::Bare => self.bare(place, name, within, reference.usage).map(sure).unwrap_or_default(),
            Receiver::Own => own_class().and_then(member).map(sure).unwrap_or_else(by_name),
            Receiver::Super => own_class().and_then(|it| self.lookup.inherited(it, name)).map(sure).unwrap_or_default(),
            Receiver::Path(path) => {
                let holder = self.lookup.path(place, facts.name(path), Trail::START);
                let makes =
                    |it: &SymbolId| self.lookup.is_class(*it) && self.lookup.world.rules(file).maker() == Some(name);
                match holder.and_then(|it| self.lookup.member_of(it, name, Trail::START)) {
                    Some(Target::Symbol(it)) => sure(it),
                    Some(Target::Foreign | Target::Unit(_)) => Vec::new(),
                    None => match holder {
                        // A module that is known and lacks the name: it comes from elsewhere.
                        Some(Target::Unit(_)) => Vec::new(),
                        Some(Target::Symbol(class)) if makes(&class) => sure(class),
                        Some(Target::Symbol(_) | Target::Foreign) | None => by_name(),
                    },
                }
            }
            Receiver::Instance(path) => match self.lookup.held(place, facts.name(path), Trail::START) {
                Held::Class(class) => member(class).map(|it| vec![(it, TYPED)]).unwrap_or_default(),
                // Of a class from elsewhere nothing is known, but that it is none of ours.
                Held::Elsewhere => Vec::new(),
                Held::Unknown => by_name(),
            },
            Receiver::OwnField(field) => {
                let field = own_class().and_then(|it| self.lookup.member(it, facts.name(field), Trail::START));
                let class = field.and_then(|it| self.lookup.class_held(it, Trail::START));
                class.and_then(member).map(|it| vec![(it, TYPED)]).unwrap_or_else(by_name)
            }
            Receiver::Unknown => by_name(),
        }
    }

    fn bare(&self, place: Place, name: &str, within: Option<SymbolId>, usage: Usage) -> Option<SymbolId> {
        // Directly in a class body, its own names come first.
        let in_class = within.filter(|it| self.lookup.class_around(*it) == Some(*it));
        let fits = |it: &SymbolId| usage != Usage::Base || self.lookup.is_class(*it);
        if let Some(own) = in_class.and_then(|it| self.lookup.own_member(it, name)).filter(fits) {
            return Some(own);
        }
        match self.lookup.name(place, name, Trail::START) {
            Some(Target::Symbol(it)) => Some(it),
            Some(Target::Unit(_) | Target::Foreign) => None,
            // `new self`, and Ruby's `new` in a method of the class.
            None => {
                within.filter(|_| self.means_own_class(place.file, name)).and_then(|it| self.lookup.class_around(it))
            }
        }
    }

    fn means_own_class(&self, file: FileId, name: &str) -> bool {
        let family = self.lookup.world.family(file);
        family.rules().maker() == Some(name) || family == Family::Php && matches!(name, "self" | "static")
    }

    /// Returns the members that share the name, each the less likely the more there are.
    fn namesakes(&self, file: FileId, name: &str, usage: Usage) -> Vec<(SymbolId, f32)> {
        let language = self.lookup.inventory.files.get(file.0 as usize).map(|it| language::of(it.language));
        if language.is_some_and(|it| it.is_common_member(name)) {
            return Vec::new();
        }
        let family = self.lookup.world.family(file);
        let (all, share) = match usage {
            Usage::Call => (self.lookup.methods_named(family, name), ONLY_NAME),
            Usage::Read | Usage::Write => (self.lookup.fields_named(family, name), ONLY_NAME / 2.0),
            Usage::Base | Usage::Decorator | Usage::Type => return Vec::new(),
        };
        if all.len() > MAX_NAMESAKES {
            return Vec::new();
        }
        all.iter().map(|it| (*it, share / all.len() as f32)).collect()
    }

    /// `test_x.py` tests `x.py` where only one file is called so.
    fn test_by_name(&self, file: FileId, edges: &mut Vec<RawEdge>) {
        if !self.is_test(file) {
            return;
        }
        let (family, stem) =
            (self.lookup.world.family(file), stem(self.lookup.inventory.files[file.0 as usize].path.file_name()));
        for subject in family.rules().subjects(&stem) {
            let found = self.subjects().get(&(family, subject.to_owned()));
            if let Some([only]) = found.map(Vec::as_slice) {
                edges.push(RawEdge::new(self.nodes.file(file), self.nodes.file(*only), EdgeKind::Tests, 0.7));
            }
        }
    }
}

/// Returns the directory of a path; empty at the top.
fn folder_of(path: &repo::RepoPath) -> &[u8] {
    let path = path.as_bytes();
    path.iter().rposition(|it| *it == b'/').map_or(b"", |it| &path[..it])
}

/// Returns the name of a file up to its first dot.
pub(super) fn stem(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.split('.').next().unwrap_or("").to_owned()
}
