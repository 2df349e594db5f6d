//! What the nodes of Python's grammar mean.

mod define;
mod refer;
mod texts;

use rustc_hash::FxHashSet;

use super::imports;
use super::kind::{KINDS, Kind};
use crate::facts::FileFacts;
use crate::language::walk::{self, Dialect, Scope, ScopeKind, Walk};
use crate::symbol::{Definition, SymbolKind};
use crate::syntax::{LanguageId, SyntaxTree};

type Frame<'t> = walk::Frame<'t, Kind>;
type Walker<'t> = Walk<'t, PythonFacts>;

/// The nodes that are documentation, and so no strings.
#[derive(Default)]
pub(super) struct PythonFacts {
    doc_nodes: FxHashSet<usize>,
}

/// Reads the facts of a file.
pub(super) fn extract(tree: &SyntaxTree) -> FileFacts {
    let kinds = KINDS.of(LanguageId::Python, Kind::of_name);
    let mut walker = Walker::new(tree, kinds, PythonFacts::default());
    walker.facts.doc = walker.take_doc(Some(tree.raw().root_node()), None);
    walker.walk(tree.raw());
    walker.finish()
}

impl Dialect for PythonFacts {
    type Kind = Kind;

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Class => walk.enter_class(node),
            Kind::Function => walk.enter_function(node),
            Kind::Identifier => return walk.identifier(frame),
            Kind::Attribute => return walk.attribute(frame),
            Kind::String => return walk.string_literal(node),
            Kind::Comment => {
                walk.comment(node);
                return false;
            }
            Kind::Import => return walk.import(node),
            Kind::Assert => walk.scope().marked = true,
            _ => {}
        }
        true
    }

    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        walk.mark_tests(scope);
    }
}

impl Walker<'_> {
    /// A test is a function that is called so and asserts, or stands in a class that is called so and has a method that is called so.
    fn mark_tests(&mut self, scope: &Scope<'_>) {
        let Some(at) = scope.definition.map(|it| it as usize) else { return };
        let is_test = match scope.kind {
            ScopeKind::File | ScopeKind::Anonymous => false,
            ScopeKind::Function => {
                let it = &self.facts.symbols[at];
                it.kind == SymbolKind::Function && it.parent.is_none() && it.name.starts_with("test_") && scope.marked
            }
            ScopeKind::Class => is_test_class(&self.facts.symbols, at),
        };
        if !is_test {
            return;
        }
        self.mark_test(at as u32);
        if scope.kind == ScopeKind::Class {
            self.mark_inside(at as u32);
        }
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
