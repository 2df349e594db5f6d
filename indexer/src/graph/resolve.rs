//! Turns the references of all files into edges.
//!
//! What the language decides (a name in scope, a member of a known class) is near certain; what only the name suggests is kept as a weak
//! edge as long as few definitions share the name, and dropped otherwise.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::FileFacts;
use crate::facts::{ImportItem, Receiver, Reference, Usage};
use crate::graph::csr::RawEdge;
use crate::graph::lookup::{Lookup, Target};
use crate::graph::modules::Module;
use crate::graph::{EdgeKind, Edges, NodeId, Nodes};
use crate::language;
use crate::symbol::{FileId, SymbolId, SymbolKind};
use crate::view::Inventory;

/// A name in scope or a member reached through a known class.
const CERTAIN: f32 = 1.0;
/// A member of what an annotation or constructor call says a variable holds.
const TYPED: f32 = 0.9;
/// The only method of that name.
const ONLY_NAME: f32 = 0.5;
/// More methods of one name than this say nothing.
const MAX_NAMESAKES: usize = 5;

/// Builds the edges of a snapshot; `facts` are by file.
pub(crate) fn resolve(inventory: &Inventory, facts: &[&FileFacts]) -> Edges {
    let lookup = Lookup::new(inventory, facts);
    let resolver = Resolver { nodes: Nodes::of(inventory), lookup };
    let mut edges = resolver.contains();
    let per_file: Vec<Vec<RawEdge>> =
        (0..inventory.files.len()).into_par_iter().map(|it| resolver.file(FileId(it as u32))).collect();
    edges.extend(per_file.into_iter().flatten());
    resolver.tests_by_name(&mut edges);
    Edges::build(resolver.nodes.count(), edges)
}

struct Resolver<'a> {
    nodes: Nodes,
    lookup: Lookup<'a>,
}

impl Resolver<'_> {
    fn contains(&self) -> Vec<RawEdge> {
        let inventory = self.lookup.inventory;
        let outer = |path: &repo::RepoPath| match path.parent() {
            Some(parent) => inventory.directories.binary_search(&parent).ok().map(|it| self.nodes.directory(it)),
            None => Some(self.nodes.repository()),
        };
        let mut edges = Vec::new();
        let mut contain = |outer: Option<NodeId>, inner| {
            edges.extend(outer.map(|it| RawEdge::new(it, inner, EdgeKind::Contains, CERTAIN)));
        };
        for (at, path) in inventory.directories.iter().enumerate() {
            contain(outer(path), self.nodes.directory(at));
        }
        for (at, file) in inventory.files.iter().enumerate() {
            contain(outer(&file.path), self.nodes.file(FileId(at as u32)));
        }
        for (at, symbol) in inventory.symbols.iter().enumerate() {
            let outer = symbol.parent.map_or(self.nodes.file(symbol.file), |it| self.nodes.symbol(it));
            contain(Some(outer), self.nodes.symbol(SymbolId(at as u32)));
        }
        edges
    }

    /// Returns all edges that start in a file, but for containment.
    fn file(&self, file: FileId) -> Vec<RawEdge> {
        let mut edges = Vec::new();
        self.imports(file, &mut edges);
        self.overrides(file, &mut edges);
        let facts = self.lookup.facts[file.0 as usize];
        let first = self.lookup.first_of(file);
        for reference in &facts.references {
            let within = reference.within.map(|it| SymbolId(first + it));
            let source = within.map_or(self.nodes.file(file), |it| self.nodes.symbol(it));
            for (target, confidence) in self.targets(file, facts, reference, within) {
                self.refer(file, source, target, reference.usage, confidence, &mut edges);
            }
        }
        edges
    }

    fn imports(&self, file: FileId, edges: &mut Vec<RawEdge>) {
        let source = self.nodes.file(file);
        for import in &self.lookup.facts[file.0 as usize].imports {
            let confidence = if import.within.is_some() { 0.8 } else { CERTAIN };
            let Some(module) = self.lookup.modules.imported(file, import) else { continue };
            let item = match &import.item {
                ImportItem::Name { name, .. } => self.lookup.member_of(Target::Module(module), name, 0),
                ImportItem::Module { .. } | ImportItem::Star => None,
            };
            let imported = [Some(Target::Module(module)), item].into_iter().flatten();
            for target in imported {
                let (node, target_file) = match target {
                    Target::Module(Module::File(it)) => (self.nodes.file(it), it),
                    Target::Symbol(it) => (self.nodes.symbol(it), self.lookup.inventory.symbols[it.0 as usize].file),
                    Target::Module(Module::Namespace(_)) | Target::Foreign => continue,
                };
                edges.push(RawEdge::new(source, node, EdgeKind::Imports, confidence));
                if self.is_test(file) && !self.is_test(target_file) {
                    edges.push(RawEdge::new(source, node, EdgeKind::Tests, 0.5));
                }
            }
        }
    }

    /// A method of the name of an inherited one overrides it.
    fn overrides(&self, file: FileId, edges: &mut Vec<RawEdge>) {
        let inventory = self.lookup.inventory;
        for at in inventory.symbols_of(file) {
            let symbol = &inventory.symbols[at];
            let Some(class) = symbol.parent.filter(|_| symbol.kind == SymbolKind::Method) else { continue };
            let inherited = self.lookup.inherited(class, &symbol.name);
            if let Some(base) = inherited {
                let (source, target) = (self.nodes.symbol(SymbolId(at as u32)), self.nodes.symbol(base));
                edges.push(RawEdge::new(source, target, EdgeKind::Overrides, CERTAIN));
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
            if let Some(constructor) = self.lookup.member(target, "__init__") {
                edges.push(RawEdge::new(source, self.nodes.symbol(constructor), kind, confidence * TYPED));
            }
        }
        if self.is_test(file) && !symbol.is_test {
            edges.push(RawEdge::new(source, node, EdgeKind::Tests, confidence));
        }
    }

    fn is_test(&self, file: FileId) -> bool {
        self.lookup.inventory.files.get(file.0 as usize).is_some_and(|it| it.is_test)
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
        let own_class = || within.and_then(|it| self.lookup.class_around(it));
        let sure = |it: SymbolId| vec![(it, CERTAIN)];
        let by_name = || self.namesakes(file, name, reference.usage);
        match reference.receiver {
            Receiver::Bare => self.bare(file, name, within).map(sure).unwrap_or_default(),
            Receiver::Own => own_class().and_then(|it| self.lookup.member(it, name)).map(sure).unwrap_or_else(by_name),
            Receiver::Super => own_class().and_then(|it| self.lookup.inherited(it, name)).map(sure).unwrap_or_default(),
            Receiver::Path(path) => {
                let holder = self.lookup.path(file, facts.name(path), 0);
                match holder.and_then(|it| self.lookup.member_of(it, name, 0)) {
                    Some(Target::Symbol(it)) => sure(it),
                    Some(Target::Foreign | Target::Module(_)) => Vec::new(),
                    // A module or class that is known and lacks the name: it comes from elsewhere.
                    None if matches!(holder, Some(Target::Module(_))) => Vec::new(),
                    None => by_name(),
                }
            }
            Receiver::Instance(class) => match self.lookup.class_named(file, facts.name(class), 0) {
                Some(class) => self.lookup.member(class, name).map(|it| vec![(it, TYPED)]).unwrap_or_default(),
                // Of a class from elsewhere nothing is known, but that it is none of ours.
                None => Vec::new(),
            },
            Receiver::OwnField(field) => {
                let field = own_class().and_then(|it| self.lookup.member(it, facts.name(field)));
                let class = field.and_then(|it| self.lookup.class_held(it, 0));
                let member = class.and_then(|it| self.lookup.member(it, name));
                member.map(|it| vec![(it, TYPED)]).unwrap_or_else(by_name)
            }
            Receiver::Unknown => by_name(),
        }
    }

    fn bare(&self, file: FileId, name: &str, within: Option<SymbolId>) -> Option<SymbolId> {
        // Directly in a class body, its own names come first.
        let in_class = within.filter(|it| self.lookup.class_around(*it) == Some(*it));
        if let Some(own) = in_class.and_then(|it| self.lookup.own_member(it, name)) {
            return Some(own);
        }
        match self.lookup.name(file, name, 0)? {
            Target::Symbol(it) => Some(it),
            Target::Module(_) | Target::Foreign => None,
        }
    }

    /// Returns the members that share the name, each the less likely the more there are.
    fn namesakes(&self, file: FileId, name: &str, usage: Usage) -> Vec<(SymbolId, f32)> {
        let language = self.lookup.inventory.files.get(file.0 as usize).map(|it| language::of(it.language));
        if language.is_some_and(|it| it.is_common_member(name)) {
            return Vec::new();
        }
        let (all, share) = match usage {
            Usage::Call => (self.lookup.methods_named(name), ONLY_NAME),
            Usage::Read | Usage::Write => (self.lookup.fields_named(name), ONLY_NAME / 2.0),
            Usage::Base | Usage::Decorator | Usage::Type => return Vec::new(),
        };
        if all.len() > MAX_NAMESAKES {
            return Vec::new();
        }
        all.iter().map(|it| (*it, share / all.len() as f32)).collect()
    }

    /// `test_x.py` tests `x.py` where only one file is called so.
    fn tests_by_name(&self, edges: &mut Vec<RawEdge>) {
        let files = &self.lookup.inventory.files;
        let mut by_stem: FxHashMap<String, Vec<FileId>> = FxHashMap::default();
        for (at, file) in files.iter().enumerate().filter(|it| !it.1.is_test) {
            by_stem.entry(stem(file.path.file_name())).or_default().push(FileId(at as u32));
        }
        for (at, file) in files.iter().enumerate().filter(|it| it.1.is_test) {
            let stem = stem(file.path.file_name());
            let subject = stem.strip_prefix("test_").or_else(|| stem.strip_suffix("_test"));
            let Some([only]) = subject.and_then(|it| by_stem.get(it)).map(Vec::as_slice) else { continue };
            let source = self.nodes.file(FileId(at as u32));
            edges.push(RawEdge::new(source, self.nodes.file(*only), EdgeKind::Tests, 0.7));
        }
    }
}

fn stem(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.split('.').next().unwrap_or("").to_owned()
}
