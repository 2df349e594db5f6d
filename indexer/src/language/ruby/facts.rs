//! What the nodes of Ruby's grammar mean.

use tree_sitter::Node;

use super::kind::Kind;
use crate::language::walk::{self, Dialect, Scope, ScopeKind, Walk};
use crate::symbol::SymbolKind;

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, RubyFacts>;

/// There is nothing to keep.
#[derive(Default)]
pub(super) struct RubyFacts;

impl Dialect for RubyFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["self"];

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Class | Kind::Module => walk.class_or_module(frame),
            Kind::SingletonClass => walk.singleton_class(),
            Kind::Method | Kind::SingletonMethod => walk.method(frame),
            Kind::Alias => return walk.alias(node),
            Kind::Block | Kind::Lambda => walk.open_anonymous(),
            Kind::Parameters => walk.parameters(node),
            Kind::Parameter => walk.parameter(node),
            Kind::Assignment => walk.assignment(node),
            Kind::ForLoop => walk.bind_target(node.child_by_field_name("pattern")),
            Kind::ExceptionVariable => walk.bind_target(node.named_child(0)),
            Kind::InClause => walk.pattern(node),
            Kind::Call => return walk.call(frame),
            _ => return walk.use_of(frame),
        }
        true
    }

    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        walk.mark_tests(scope);
    }

    fn is_doc(comment: &str) -> bool {
        const MAGIC: &[&str] =
            &["frozen_string_literal", "rubocop:", "encoding:", "-*-", "typed:", "!", ":nodoc:", "coding:"];
        let text = comment.trim_start_matches('#').trim_start();
        !MAGIC.iter().any(|it| text.starts_with(it))
    }
}

impl<'t> Walker<'t> {
    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(node),
            Kind::Constant => self.constant(node),
            Kind::ScopeResolution => self.scope_resolution(node),
            Kind::InstanceVariable => self.instance_variable(node),
            Kind::GlobalVariable => self.global_variable(node),
            Kind::Super => self.super_call(node),
            Kind::Symbol => self.symbol(node),
            Kind::String => self.string(node, self.content(node)),
            Kind::Heredoc => {
                let end = node.named_child((node.named_child_count().max(1) - 1) as u32);
                let end = end.filter(|it| it.kind() == "heredoc_end").map_or(node.end_byte(), |it| it.start_byte());
                self.string(node, self.slice_of(node.start_byte()..end).trim());
            }
            Kind::Comment => self.comment(node),
            _ => {}
        }
        true
    }

    /// Returns what stands between the marks of a literal, whatever they are.
    pub(super) fn content(&self, node: Node<'t>) -> &'t str {
        let children = node.child_count();
        let (first, last) = (node.child(0), node.child(children.max(1) - 1));
        match (first, last) {
            (Some(first), Some(last)) if children > 1 && !first.is_named() => {
                self.slice_of(first.end_byte()..last.start_byte().max(first.end_byte()))
            }
            (Some(_), _) if node.kind() == "string" => "",
            _ => self.slice(node),
        }
    }

    /// A test class has test methods, and its name or base says so.
    fn mark_tests(&mut self, scope: &Scope<'_>) {
        let Some(at) = scope.definition.filter(|_| scope.kind == ScopeKind::Class && scope.marked) else { return };
        let Some(class) = self.facts.symbols.get(at as usize) else { return };
        let says_test = |it: &str| ["Test", "TestCase", "Tests", "Spec"].iter().any(|end| it.ends_with(end));
        if class.kind == SymbolKind::Class && (says_test(&class.name) || class.bases.iter().any(|it| says_test(it))) {
            self.mark_test(at);
            self.mark_inside(at);
        }
    }
}
