//! What is done at each node of Kotlin's grammar, and what is a test. The grammar has few fields: children are found by their kind.

use tree_sitter::Node;

use super::kind::Kind;
use crate::language::walk::{self, Dialect, Scope, ScopeKind, Walk, named_children, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, KotlinFacts>;

/// What marks a function as a test.
const TEST_ANNOTATIONS: &[&str] =
    &["Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "TestTemplate", "Property", "Theory"];
/// The styles of Kotest: what inherits from one is a class of tests (<https://kotest.io/docs/framework/testing-styles.html>).
const TEST_BASES: &[&str] = &[
    "FunSpec",
    "DescribeSpec",
    "ShouldSpec",
    "StringSpec",
    "BehaviorSpec",
    "FreeSpec",
    "WordSpec",
    "FeatureSpec",
    "ExpectSpec",
    "AnnotationSpec",
];

/// Kotlin needs no state of its own.
pub(super) struct KotlinFacts;

impl Dialect for KotlinFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["this"];
    const SUPER: &'static [&'static str] = &["super"];
    const SAYS_RETURNS: bool = true;

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Package => {
                walk.package(node);
                return false;
            }
            Kind::Import => {
                walk.import(node);
                return false;
            }
            Kind::Class => walk.class(node),
            Kind::ObjectLiteral => {
                let within = walk.within();
                walk.open(Scope::owned_by_nothing(within));
            }
            Kind::Companion => walk.companion(node),
            Kind::EnumEntry => walk.enum_entry(node),
            Kind::PrimaryConstructor | Kind::Heritage => walk.open_head(0),
            Kind::Initializer => walk.open_head(1),
            Kind::SecondaryConstructor => walk.secondary_constructor(node),
            Kind::Function => walk.function(node),
            Kind::Property => walk.property(node),
            Kind::Accessor => walk.accessor(node),
            Kind::TypeAlias => walk.type_alias(node),
            Kind::TypeParameter => walk.type_parameter(node),
            Kind::Parameter => walk.parameter(node),
            Kind::Variable | Kind::Catch => walk.variable(node),
            Kind::Lambda => walk.lambda(node),
            Kind::AnonymousFunction => walk.open_anonymous(),
            Kind::String => walk.string(node, unquoted(walk.slice(node))),
            Kind::Comment => walk.comment(node),
            _ => return walk.use_of(frame),
        }
        true
    }

    /// A class with tests is one of tests.
    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        let Some(at) = scope.definition else { return };
        match scope.kind {
            ScopeKind::Function if walk.is_test_function(at) => {
                walk.mark_test(at);
                walk.scope().marked = true;
            }
            ScopeKind::Class if scope.marked || walk.is_test_class(at) => {
                walk.mark_test(at);
                walk.mark_inside(at);
            }
            ScopeKind::Function | ScopeKind::Class | ScopeKind::File | ScopeKind::Anonymous => {}
        }
    }

    fn is_doc(comment: &str) -> bool {
        comment.starts_with("/**")
    }
}

impl<'t> Walker<'t> {
    fn is_test_function(&self, at: u32) -> bool {
        let Some(function) = self.facts.symbols.get(at as usize) else { return false };
        function.decorators.iter().any(|it| TEST_ANNOTATIONS.contains(&last_name(it)))
    }

    fn is_test_class(&self, at: u32) -> bool {
        let Some(class) = self.facts.symbols.get(at as usize) else { return false };
        class.bases.iter().any(|it| TEST_BASES.contains(&last_name(it)))
    }

    /// Returns the name that a node spells, without backticks.
    pub(super) fn name(&self, node: Node<'t>) -> &'t str {
        self.slice(node).trim_matches('`')
    }
}

/// Returns the last name of an annotation or type as it is written: `Test` of `org.junit.Test(timeout = 5)` and of `get:Test`.
fn last_name(text: &str) -> &str {
    let path = text.split(['(', '<']).next().unwrap_or(text);
    path.rsplit(['.', ':']).next().unwrap_or(path).trim()
}

/// Returns the first named child that is of one of these kinds.
pub(super) fn child_of<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    named_children(node).into_iter().find(|it| kinds.contains(&it.kind()))
}

/// Returns whether a node has a word of its own as a child.
pub(super) fn has_word(node: Node<'_>, word: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|it| it.kind() == word)
}
