//! What the nodes of Java's grammar mean.

use tree_sitter::Node;

use crate::facts::Usage;
use crate::language::walk::{self, Dialect, Kinds, Scope, ScopeKind, Walk, class_of_type, unquoted};
use crate::syntax::LanguageId;

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, JavaFacts>;

static KINDS: Kinds<Kind> = Kinds::new();

/// What marks a method as a test.
const TEST_ANNOTATIONS: &[&str] =
    &["Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "TestTemplate", "Property", "Theory"];

/// Java needs no state of its own.
pub(super) struct JavaFacts;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Package,
    Import,
    Class,
    EnumConstant,
    Method,
    Fields,
    Locals,
    Declarator,
    Parameter,
    Lambda,
    InstanceOf,
    TypePattern,
    TypeParameter,
    TypePath,
    TypeName,
    Generic,
    TypeList,
    Heritage,
    Creation,
    Invocation,
    Access,
    MethodReference,
    Annotation,
    AnnotationPair,
    Assignment,
    Label,
    Identifier,
    String,
    Comment,
}

pub(super) fn table() -> &'static [Kind] {
    KINDS.of(LanguageId::Java, of_name)
}

fn of_name(name: &str) -> Kind {
    match name {
        "package_declaration" => Kind::Package,
        "import_declaration" => Kind::Import,
        "class_declaration"
        | "interface_declaration"
        | "enum_declaration"
        | "record_declaration"
        | "annotation_type_declaration" => Kind::Class,
        "enum_constant" => Kind::EnumConstant,
        "method_declaration"
        | "constructor_declaration"
        | "compact_constructor_declaration"
        | "annotation_type_element_declaration" => Kind::Method,
        "field_declaration" | "constant_declaration" => Kind::Fields,
        "local_variable_declaration" => Kind::Locals,
        "variable_declarator" => Kind::Declarator,
        "formal_parameter"
        | "catch_formal_parameter"
        | "spread_parameter"
        | "enhanced_for_statement"
        | "resource"
        | "record_pattern_component" => Kind::Parameter,
        "lambda_expression" => Kind::Lambda,
        "instanceof_expression" => Kind::InstanceOf,
        "type_pattern" => Kind::TypePattern,
        "type_parameter" => Kind::TypeParameter,
        "scoped_type_identifier" => Kind::TypePath,
        "type_identifier" => Kind::TypeName,
        "generic_type" => Kind::Generic,
        "type_list" => Kind::TypeList,
        "superclass" | "super_interfaces" | "extends_interfaces" => Kind::Heritage,
        "object_creation_expression" => Kind::Creation,
        "method_invocation" => Kind::Invocation,
        "field_access" => Kind::Access,
        "method_reference" => Kind::MethodReference,
        "annotation" | "marker_annotation" => Kind::Annotation,
        "element_value_pair" => Kind::AnnotationPair,
        "assignment_expression" => Kind::Assignment,
        "break_statement" | "continue_statement" | "labeled_statement" => Kind::Label,
        "identifier" => Kind::Identifier,
        "string_literal" => Kind::String,
        "line_comment" | "block_comment" => Kind::Comment,
        _ => Kind::Other,
    }
}

impl Dialect for JavaFacts {
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
            Kind::EnumConstant => walk.enum_constant(node),
            Kind::Method => walk.method(node),
            Kind::Fields => walk.fields(node),
            Kind::Locals => walk.locals(node),
            Kind::Parameter => walk.parameter(node),
            Kind::Lambda => walk.lambda(node),
            Kind::InstanceOf => walk.instance_of(node),
            Kind::TypePattern => walk.type_pattern(node),
            Kind::TypeParameter => walk.type_parameter(node),
            Kind::Creation
                if node.child(node.child_count().saturating_sub(1)).is_some_and(|it| it.kind() == "class_body") =>
            {
                let within = walk.within();
                walk.open(Scope::owned_by_nothing(within));
            }
            _ => return walk.use_of(frame),
        }
        true
    }

    /// A class with tests is one of tests; before annotations, both were told by their names.
    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        let Some(at) = scope.definition else { return };
        match scope.kind {
            ScopeKind::Function if walk.is_test_method(at) => {
                walk.mark_test(at);
                walk.scope().marked = true;
            }
            ScopeKind::Class if scope.marked => {
                walk.mark_test(at);
                walk.mark_inside(at);
            }
            ScopeKind::Function | ScopeKind::Class | ScopeKind::File | ScopeKind::Anonymous => {}
        }
    }

    fn is_doc(comment: &str) -> bool {
        comment.starts_with("/**") || comment.starts_with("///")
    }
}

/// Uses of names, and texts.
impl<'t> Walker<'t> {
    fn is_test_method(&self, at: u32) -> bool {
        let Some(method) = self.facts.symbols.get(at as usize) else { return false };
        let name = |it: &String| it.split('(').next().unwrap_or(it).rsplit('.').next().unwrap_or("").to_owned();
        let annotated = method.decorators.iter().any(|it| TEST_ANNOTATIONS.contains(&name(it).as_str()));
        let class = method.parent.and_then(|it| self.facts.symbols.get(it as usize));
        let in_case = class.is_some_and(|it| it.bases.iter().any(|it| it.ends_with("TestCase")));
        annotated || (in_case && method.name.starts_with("test"))
    }

    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(frame),
            Kind::TypeName if self.slice(node) == "var" => {}
            Kind::TypeName => {
                let usage = self.usage_of_type(0, frame);
                self.bare(node, usage);
            }
            Kind::TypePath => return self.type_path(frame),
            Kind::Invocation => self.invocation(node),
            Kind::Access => self.access(node),
            Kind::MethodReference => self.method_reference(node),
            Kind::Annotation => self.annotation(node),
            Kind::AnnotationPair => node.child_by_field_name("key").into_iter().for_each(|it| self.claim(it)),
            Kind::Label => return !matches!(node.kind(), "break_statement" | "continue_statement"),
            Kind::String => {
                self.string(node, unquoted(self.slice(node)));
                // A template's expressions are code.
                return true;
            }
            Kind::Comment => self.comment(node),
            _ => {}
        }
        true
    }

    fn identifier(&mut self, frame: Frame<'t>) {
        let skip = match self.parent_kind() {
            Kind::Invocation => frame.field == Some("name"),
            Kind::Access => frame.field == Some("field"),
            Kind::Label => frame.field.is_none(),
            _ => false,
        };
        if !skip {
            let writes = self.parent_kind() == Kind::Assignment && frame.field == Some("left");
            self.bare(frame.node, if writes { Usage::Write } else { Usage::Read });
        }
    }

    /// How a type is used: made, inherited from, or written; `above` is how far up its parent is.
    fn usage_of_type(&self, above: usize, frame: Frame<'t>) -> Usage {
        let Some(parent) = self.around(above) else { return Usage::Type };
        match parent.kind {
            Kind::Creation if frame.field == Some("type") => Usage::Call,
            Kind::Heritage => Usage::Base,
            Kind::TypeList if self.around(above + 1).is_some_and(|it| it.kind == Kind::Heritage) => Usage::Base,
            Kind::Generic => self.usage_of_type(above + 1, *parent),
            _ => Usage::Type,
        }
    }

    /// `Outer.Inner` as a type.
    fn type_path(&mut self, frame: Frame<'t>) -> bool {
        let usage = self.usage_of_type(0, frame);
        let (first, count) = (frame.node.named_child(0), frame.node.named_child_count());
        let last = frame.node.named_child(count.saturating_sub(1) as u32);
        match (first, last) {
            (Some(outer), Some(name)) if count > 1 => self.member(outer, name, usage),
            _ => {}
        }
        false
    }

    fn invocation(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        match node.child_by_field_name("object") {
            None => {
                let text = self.slice(name);
                self.refer_from(text, text, crate::facts::Receiver::Bare, Usage::Call, name);
            }
            Some(object) => self.taken_from(object, name, Usage::Call),
        }
    }

    fn access(&mut self, node: Node<'t>) {
        let parts = (node.child_by_field_name("object"), node.child_by_field_name("field"));
        let (Some(object), Some(name)) = parts else { return };
        let parent = self.around(0);
        let writes = parent.is_some_and(|it| {
            it.kind == Kind::Assignment && it.node.child_by_field_name("left").is_some_and(|it| it.id() == node.id())
        });
        self.taken_from(object, name, if writes { Usage::Write } else { Usage::Read });
    }

    fn taken_from(&mut self, object: Node<'t>, name: Node<'t>, usage: Usage) {
        match self.class_of_object(object) {
            Some(class) => self.member_of_instance(class, self.slice(name), usage, name),
            None => self.member(object, name, usage),
        }
    }

    /// Returns the class of `new X(…)` and of `((X) y)`.
    pub(super) fn class_of_object(&self, object: Node<'t>) -> Option<String> {
        match object.kind() {
            "object_creation_expression" | "cast_expression" => class_of_type(self.field(object, "type")?),
            "parenthesized_expression" => {
                let inner = object.named_child(0)?;
                let plain = matches!(inner.kind(), "object_creation_expression" | "cast_expression");
                if plain { class_of_type(self.field(inner, "type")?) } else { None }
            }
            _ => None,
        }
    }

    /// `X::y`: what is passed on will be called.
    fn method_reference(&mut self, node: Node<'t>) {
        let count = node.named_child_count();
        let parts = (node.named_child(0), node.named_child(count.saturating_sub(1) as u32));
        let (Some(object), Some(name)) = parts else { return };
        if count > 1 && name.kind() == "identifier" {
            self.claim(name);
            self.taken_from(object, name, Usage::Call);
        }
    }

    fn annotation(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        if name.kind() == "identifier" {
            self.bare(name, Usage::Decorator);
            self.claim(name);
            return;
        }
        if let (Some(scope), Some(last)) = (name.child_by_field_name("scope"), name.child_by_field_name("name")) {
            self.member(scope, last, Usage::Decorator);
            self.claim(last);
        }
    }
}
