//! What the nodes of C#'s grammar mean.

use super::kind::Kind;
use crate::language::walk::{self, Dialect, Scope, ScopeKind, Walk, class_of_type, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, CSharpFacts>;

/// What marks a method as a test: xUnit, NUnit, MSTest, and properties of FsCheck.
const TEST_ATTRIBUTES: &[&str] = &[
    "DataTestMethod",
    "Fact",
    "Property",
    "SkippableFact",
    "SkippableTheory",
    "Test",
    "TestCase",
    "TestCaseSource",
    "TestMethod",
    "Theory",
];
/// What marks a class as one of tests.
const TEST_CLASSES: &[&str] = &["TestClass", "TestFixture", "TestFixtureSource"];

/// C# needs no state of its own.
pub(super) struct CSharpFacts;

impl Dialect for CSharpFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["this"];
    const SUPER: &'static [&'static str] = &["base"];
    const SAYS_RETURNS: bool = true;
    const WRAPPERS: &'static [&'static str] = &["Task", "ValueTask"];
    const PASSING: &'static [&'static str] = &["ConfigureAwait"];

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        // What decides what is compiled is no code.
        if frame.field == Some("condition") && walk.parent_kind() == Kind::Preprocessor {
            return false;
        }
        let node = frame.node;
        match frame.kind {
            Kind::Unit => walk.unit(node),
            Kind::Namespace => walk.namespace_block(node),
            Kind::FileNamespace => {
                walk.file_namespace(node);
                return false;
            }
            Kind::Using => {
                walk.using(node);
                return false;
            }
            Kind::Class => walk.class(node),
            Kind::EnumMember => walk.enum_member(node),
            Kind::Method => walk.method(node),
            Kind::LocalFunction => walk.local_function(node),
            Kind::Operator => walk.operator(node),
            Kind::Property => walk.property(node),
            Kind::Event => walk.event(node),
            Kind::Fields => walk.fields(node),
            Kind::Delegate => walk.delegate(node),
            _ => return walk.bound_in(frame),
        }
        true
    }

    /// A class with tests is one of tests.
    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        let Some(at) = scope.definition else { return };
        match scope.kind {
            ScopeKind::Function if walk.has_attribute(at, TEST_ATTRIBUTES) => {
                walk.mark_test(at);
                walk.scope().marked = true;
            }
            ScopeKind::Class if scope.marked || walk.has_attribute(at, TEST_CLASSES) => {
                walk.mark_test(at);
                walk.mark_inside(at);
            }
            ScopeKind::Function | ScopeKind::Class | ScopeKind::File | ScopeKind::Anonymous => {}
        }
    }

    fn is_doc(comment: &str) -> bool {
        comment.starts_with("///") || comment.starts_with("/**")
    }
}

impl<'t> Walker<'t> {
    fn has_attribute(&self, at: u32, names: &[&str]) -> bool {
        let name = |it: &str| {
            let path = it.split(['(', '<']).next().unwrap_or(it).trim();
            let last = path.rsplit(['.', ':']).next().unwrap_or(path);
            last.strip_suffix("Attribute").unwrap_or(last).to_owned()
        };
        let definition = self.facts.symbols.get(at as usize);
        definition.is_some_and(|it| it.decorators.iter().any(|it| names.contains(&name(it).as_str())))
    }

    /// Takes a node that binds names inside of functions, or else refers to something.
    fn bound_in(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Accessor => self.accessor(node),
            Kind::Declaration if self.parent_kind() != Kind::Fields => self.locals(node),
            Kind::Binding | Kind::ParameterList | Kind::Recursive => self.binding(node),
            Kind::Designation => self.designation(node),
            Kind::Lambda => self.open_anonymous(),
            Kind::ImplicitParameter => self.bind_local(self.slice(node), None),
            Kind::TypeParameter => self.type_parameter(node),
            Kind::QueryName => self.query_name(node),
            Kind::Label => node.named_child(0).into_iter().for_each(|it| self.claim(it)),
            Kind::Goto => return false,
            Kind::String => self.string(node, unquoted(self.slice(node))),
            Kind::Comment => self.comment(node),
            _ => return self.use_of(frame),
        }
        true
    }
}

/// Returns the class that a written type names; none for arrays and tuples, and where the compiler is to find it.
pub(super) fn class_of(written: &str) -> Option<String> {
    let mut text = written.trim();
    for word in ["scoped ", "ref ", "readonly "] {
        text = text.strip_prefix(word).unwrap_or(text).trim_start();
    }
    let text = text.strip_prefix("global::").unwrap_or(text);
    if text.starts_with('(') {
        return None;
    }
    class_of_type(text).filter(|it| it != "var" && it != "dynamic")
}
