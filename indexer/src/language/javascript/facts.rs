//! What the nodes of JavaScript's and TypeScript's grammars mean.

use tree_sitter::Node;

use super::kind::Kind;
use crate::language::walk::{self, Dialect, Scope, Walk, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, JavaScriptFacts>;

/// JavaScript needs no state of its own.
pub(super) struct JavaScriptFacts;

impl Dialect for JavaScriptFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["this"];
    const SUPER: &'static [&'static str] = &["super"];
    const SAYS_RETURNS: bool = true;
    const WRAPPERS: &'static [&'static str] = &["Promise"];
    const UNNAMED: &'static str = "default";

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Class => walk.class(node),
            Kind::Interface => walk.interface(node),
            Kind::Enum => walk.enumeration(node),
            Kind::EnumMember => walk.enum_member(node),
            Kind::TypeAlias => walk.type_alias(node),
            Kind::Function => walk.function(node),
            Kind::FunctionExpression => walk.function_expression(node),
            Kind::Method => walk.method(node),
            Kind::Field => walk.field_of_class(node),
            Kind::Namespace => walk.namespace_block(node),
            Kind::Declarator => return walk.declarator(node),
            Kind::Assignment => return walk.assignment(node),
            Kind::Parameters => walk.parameters(node),
            Kind::Parameter => walk.parameter(node),
            Kind::Catch => walk.bind_field(node, "parameter"),
            Kind::ForIn if node.child_by_field_name("kind").is_some() => walk.bind_field(node, "left"),
            Kind::Signature => walk.open_anonymous(),
            Kind::TypeParameter => walk.type_parameter(node),
            Kind::Import => return walk.import(node),
            Kind::Export => return walk.export(node),
            _ => return walk.use_of(frame),
        }
        true
    }

    fn closed(_walk: &mut Walker<'_>, _scope: &Scope<'_>) {}

    fn is_doc(comment: &str) -> bool {
        let text = comment.trim_start_matches(['/', '*', ' ']);
        !["eslint", "@ts-", "prettier", "istanbul", "jshint", "global "].iter().any(|it| text.starts_with(it))
    }
}

/// Leaves and expressions: uses of names, and texts.
impl<'t> Walker<'t> {
    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier | Kind::Shorthand => self.identifier(frame),
            Kind::TypeName => self.type_name(node),
            Kind::TypePath => return self.type_path(node),
            Kind::PropertyName if self.parent_kind() == Kind::EnumBody => self.enum_member(node),
            Kind::Member => return self.member_expression(frame),
            Kind::Call => return self.call(node),
            Kind::String => {
                let content = unquoted(self.slice(node));
                self.string(node, content);
                return false;
            }
            // The expressions of a template are code.
            Kind::Template => self.string(node, unquoted(self.slice(node))),
            Kind::JsxEnd => return false,
            Kind::Decorator if self.around(0).is_some_and(|it| it.node.kind() == "class_body") => {
                self.attribute_above(node, self.slice(node).trim_start_matches('@'));
            }
            Kind::JsxText => self.string(node, self.slice(node).trim()),
            Kind::Comment => self.comment(node),
            _ => {}
        }
        true
    }

    /// Returns a node without parentheses and type assertions around it.
    pub(super) fn bare_value(&self, mut node: Node<'t>) -> Node<'t> {
        while self.kind(node) == Kind::Parenthesized {
            match node.named_child(0) {
                Some(inner) => node = inner,
                None => break,
            }
        }
        node
    }
}
