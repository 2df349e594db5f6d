//! One walk over a syntax tree, from which all facts come.
//!
//! The walk keeps its own stack: code nested a hundred thousand deep is only data, and must not end the process.

mod define;
mod refer;
mod texts;

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use super::imports;
use super::kind::Kind;
use super::names::{Pending, Scope, ScopeKind};
use crate::facts::{FileFacts, NameId, Reference};
use crate::symbol::{Definition, SymbolKind};
use crate::syntax::SyntaxTree;

/// An open node of the walk.
#[derive(Clone, Copy)]
struct Frame<'t> {
    kind: Kind,
    node: Node<'t>,
    /// The field of the parent in which it stands.
    field: Option<&'t str>,
    /// Whether a scope was opened with it.
    opened: bool,
}

struct Walker<'t> {
    text: &'t [u8],
    facts: FileFacts,
    frames: Vec<Frame<'t>>,
    scopes: Vec<Scope<'t>>,
    names: FxHashMap<&'t str, NameId>,
    settled: Vec<Reference>,
    doc_nodes: FxHashSet<usize>,
}

/// Reads the facts of a file.
pub(super) fn extract(tree: &SyntaxTree) -> FileFacts {
    let mut walker = Walker {
        text: tree.text(),
        facts: FileFacts::default(),
        frames: Vec::new(),
        scopes: vec![Scope::default()],
        names: FxHashMap::default(),
        settled: Vec::new(),
        doc_nodes: FxHashSet::default(),
    };
    walker.facts.doc = walker.take_doc(Some(tree.raw().root_node()), None);
    walker.walk(tree.raw());
    walker.finish()
}

/// The walk itself.
impl<'t> Walker<'t> {
    fn walk(&mut self, tree: &'t tree_sitter::Tree) {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            let descend = self.enter(Kind::of(node), node, cursor.field_name());
            if descend && cursor.goto_first_child() {
                continue;
            }
            self.leave();
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                self.leave();
            }
        }
    }

    /// Opens a node; returns whether its children are to be walked.
    fn enter(&mut self, kind: Kind, node: Node<'t>, field: Option<&'t str>) -> bool {
        if node.is_error() || node.is_missing() {
            self.facts.error_nodes += 1;
        }
        let mut frame = Frame { kind, node, field, opened: false };
        let descend = match kind {
            Kind::Class => {
                frame.opened = self.enter_class(node);
                true
            }
            Kind::Function => {
                frame.opened = self.enter_function(node);
                true
            }
            Kind::Identifier => self.identifier(frame),
            Kind::Attribute => self.attribute(frame),
            Kind::String => self.string(node),
            Kind::Comment => self.comment(node),
            Kind::Import => self.import(node),
            Kind::Assert => {
                self.scope().asserts = true;
                true
            }
            _ => true,
        };
        self.frames.push(frame);
        descend
    }

    fn leave(&mut self) {
        if self.frames.pop().is_some_and(|it| it.opened) {
            self.close_scope();
        }
    }

    fn close_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        self.mark_tests(&scope);
        let names = &mut self.facts.names;
        // Classes of local variables are few, so looking them up without the table is cheap enough.
        let handed_on = scope.close(&mut self.settled, |name| match names.iter().position(|it| it == name) {
            Some(at) => NameId(at as u32),
            None => {
                names.push(name.to_owned());
                NameId(names.len() as u32 - 1)
            }
        });
        handed_on.into_iter().for_each(|it| self.scope().hold(it));
    }

    /// A test is a function that is called so and asserts, or stands in a class that is called so and has a method that is called so.
    fn mark_tests(&mut self, scope: &Scope<'t>) {
        let Some(at) = scope.definition.map(|it| it as usize) else { return };
        let is_test = match scope.kind {
            ScopeKind::File => false,
            ScopeKind::Function => {
                let it = &self.facts.symbols[at];
                it.kind == SymbolKind::Function && it.parent.is_none() && it.name.starts_with("test_") && scope.asserts
            }
            ScopeKind::Class => is_test_class(&self.facts.symbols, at),
        };
        if !is_test {
            return;
        }
        self.facts.is_test = true;
        self.facts.symbols[at].is_test = true;
        if scope.kind == ScopeKind::Class {
            let inside = |it: &&mut Definition| it.parent == Some(at as u32);
            self.facts.symbols[at + 1..].iter_mut().filter(inside).for_each(|it| it.is_test = true);
        }
    }

    fn finish(mut self) -> FileFacts {
        while self.scopes.len() > 1 {
            self.close_scope();
        }
        let pending = self.scopes.pop().map(|it| it.close(&mut self.settled, |_| NameId(0))).unwrap_or_default();
        self.settled.extend(pending.into_iter().map(|it| it.reference));
        self.settled.sort_by_key(|it| it.offset);
        self.facts.references = self.settled;
        self.facts
    }

    fn scope(&mut self) -> &mut Scope<'t> {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn scope_kind(&self) -> ScopeKind {
        self.scopes.last().map_or(ScopeKind::File, |it| it.kind)
    }

    fn own_name(&self) -> Option<&'t str> {
        self.scopes.last().and_then(|it| it.own_name)
    }

    fn within(&self) -> Option<u32> {
        self.scopes.last().and_then(|it| it.definition)
    }

    fn slice(&self, node: Node<'_>) -> &'t str {
        self.slice_of(node.byte_range())
    }

    fn slice_of(&self, range: Range<usize>) -> &'t str {
        std::str::from_utf8(self.text.get(range).unwrap_or_default()).unwrap_or("")
    }

    fn intern(&mut self, name: &'t str) -> NameId {
        let names = &mut self.facts.names;
        *self.names.entry(name).or_insert_with(|| {
            names.push(name.to_owned());
            NameId(names.len() as u32 - 1)
        })
    }
}

/// Returns whether the class at `at` is one of tests: it has a test method, and its name or a base says so.
fn is_test_class(symbols: &[Definition], at: usize) -> bool {
    let class = &symbols[at];
    let says_test = |it: &str| {
        let last = it.rsplit('.').next().unwrap_or(it);
        last.starts_with("Test") || last.ends_with("Test") || last.ends_with("Tests") || last.ends_with("TestCase")
    };
    let is_test_method =
        |it: &Definition| it.parent == Some(at as u32) && it.kind == SymbolKind::Method && it.name.starts_with("test");
    symbols[at + 1..].iter().any(is_test_method)
        && (says_test(&class.name) || class.bases.iter().any(|it| says_test(it)))
}
