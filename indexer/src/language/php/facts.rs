//! What the nodes of PHP's grammar mean.

use rustc_hash::FxHashMap;
use tree_sitter::Node;

use super::kind::Kind;
use crate::language::walk::{self, Dialect, Scope, ScopeKind, Walk, path_of, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, PhpFacts>;

/// The state of one file.
#[derive(Default)]
pub(super) struct PhpFacts {
    /// The variables at the top of the file, with the class each holds an instance of so far.
    pub(super) globals: FxHashMap<String, Option<String>>,
}

impl Dialect for PhpFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["$this", "self", "static"];
    const SUPER: &'static [&'static str] = &["parent"];
    const SAYS_RETURNS: bool = true;

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Namespace => walk.namespace_definition(node),
            Kind::Use => return walk.use_declaration(node),
            Kind::Include => return walk.include(node),
            Kind::Class => walk.class(node),
            Kind::AnonymousClass => walk.anonymous_class(),
            Kind::EnumCase => walk.enum_case(node),
            Kind::Function | Kind::Method => walk.function(frame),
            Kind::Closure => walk.open_anonymous(),
            Kind::PropertyElement => walk.property(node),
            Kind::ConstElement => walk.constant(node),
            Kind::Parameter => walk.parameter(node),
            Kind::Catch => walk.catch(node),
            Kind::Foreach => walk.foreach(node),
            Kind::Assignment => walk.assignment(node),
            Kind::NamespaceName | Kind::TraitUseRule | Kind::Skipped => return false,
            _ => return walk.use_of(frame),
        }
        true
    }

    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        walk.mark_tests(scope);
    }

    fn is_doc(comment: &str) -> bool {
        comment.starts_with("/**")
    }
}

impl<'t> Walker<'t> {
    fn namespace_definition(&mut self, node: Node<'t>) {
        let name = self.field(node, "name").and_then(path_of).map(std::borrow::Cow::into_owned);
        match node.child_by_field_name("body") {
            Some(_) => self.open_namespace(name.unwrap_or_default()),
            None => self.facts.namespace = name,
        }
    }

    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::FunctionCall => self.function_call(node),
            Kind::MemberCall | Kind::MemberAccess => self.member_of_object(frame),
            Kind::ScopedCall | Kind::ScopedProperty => self.member_of_class(frame),
            Kind::ClassConstant => self.class_constant(node),
            Kind::Name => self.name_used(frame),
            Kind::QualifiedName => {
                self.qualified_name(frame);
                return false;
            }
            Kind::Variable => return false,
            Kind::String => {
                let inner = node.child_by_field_name("value").unwrap_or(node);
                let content = if inner == node { unquoted(self.slice(node)) } else { self.slice(inner).trim() };
                self.string(node, content);
                return false;
            }
            Kind::Encapsed => self.string(node, unquoted(self.slice(node))),
            Kind::Heredoc => {
                let content = node.child_by_field_name("value").map_or("", |it| self.slice(it).trim());
                self.string(node, content);
            }
            Kind::Comment => self.comment(node),
            _ => {}
        }
        true
    }

    /// A test class has test methods, and its name or base says so.
    fn mark_tests(&mut self, scope: &Scope<'_>) {
        let Some(at) = scope.definition.filter(|_| scope.kind == ScopeKind::Class && scope.marked) else { return };
        let Some(class) = self.facts.symbols.get(at as usize) else { return };
        let says_test = |it: &str| ["Test", "TestCase", "Cest"].iter().any(|end| it.ends_with(end));
        if says_test(&class.name) || class.bases.iter().any(|it| says_test(it)) {
            self.mark_test(at);
            self.mark_inside(at);
        }
    }
}
