//! Uses of names.

use std::borrow::Cow;

use tree_sitter::Node;

use super::facts::{Frame, Walker, class_of};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::named_children;

impl<'t> Walker<'t> {
    /// Takes a node that may refer to something; returns whether its children are to be walked.
    pub(super) fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(frame),
            Kind::Qualified => self.qualified(frame),
            Kind::Access => self.access(frame),
            Kind::ConditionalMember => self.conditional_member(node),
            Kind::Attribute => self.attribute_use(node),
            Kind::Argument => node.child_by_field_name("name").into_iter().for_each(|it| self.claim(it)),
            Kind::WithInitializer => self.with(node),
            Kind::AnonymousObject => self.keys(node),
            Kind::Subpattern => self.subpattern(node),
            Kind::AliasQualified => node.child_by_field_name("alias").into_iter().for_each(|it| self.claim(it)),
            _ => {}
        }
        true
    }

    fn identifier(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let text = self.slice(node);
        if matches!(text, "_" | "var" | "nameof" | "global") || self.is_part_of_path(frame) {
            return;
        }
        if self.parent_kind() == Kind::Assignment
            && frame.field == Some("left")
            && self.around(1).is_some_and(|it| it.kind == Kind::Initializer)
        {
            return self.initialized(node);
        }
        let usage = self.usage(0, frame);
        if usage == Usage::Call && self.is_made(frame) { self.made(node) } else { self.bare(node, usage) }
    }

    /// Returns whether a name is that of a class of which an instance is made.
    fn is_made(&self, frame: Frame<'t>) -> bool {
        let generic = self.around(0).filter(|it| it.kind == Kind::Generic);
        let (above, field) = generic.map_or((0, frame.field), |it| (1, it.field));
        field == Some("type") && self.around(above).is_some_and(|it| it.kind == Kind::Creation)
    }

    /// `new X()`: a member that is called like its type is not meant.
    fn made(&mut self, node: Node<'t>) {
        let name = self.slice(node);
        if !self.scopes.iter().any(|it| it.hides(name)) {
            self.refer(name, Receiver::Bare, Usage::Call, node);
        }
    }

    /// Returns whether a name is part of a path that is seen to as a whole.
    fn is_part_of_path(&self, frame: Frame<'t>) -> bool {
        match self.parent_kind() {
            Kind::Qualified => true,
            Kind::Access | Kind::ConditionalMember => frame.field == Some("name"),
            Kind::Generic => self.around(0).is_some_and(|it| {
                let above = self.around(1).map(|it| it.kind);
                above == Some(Kind::Qualified)
                    || (matches!(above, Some(Kind::Access | Kind::ConditionalMember)) && it.field == Some("name"))
            }),
            _ => false,
        }
    }

    /// `new X { Key = value }`
    fn initialized(&mut self, node: Node<'t>) {
        let made = self.around(2).filter(|it| it.kind == Kind::Creation).map(|it| it.node);
        let class = made.and_then(|it| self.field(it, "type")).and_then(class_of);
        let name = self.slice(node);
        match class {
            Some(class) => self.member_of_instance(class, name, Usage::Write, node),
            None => self.refer(name, Receiver::Unknown, Usage::Write, node),
        }
    }

    /// Returns how what stands in `frame` is used; its parent is `above` levels up.
    fn usage(&self, above: usize, frame: Frame<'t>) -> Usage {
        let Some(parent) = self.around(above) else { return Usage::Read };
        match (parent.kind, frame.field) {
            (Kind::Generic | Kind::AliasQualified, _) => self.usage(above + 1, *parent),
            (Kind::Creation, Some("type")) | (Kind::Invocation, Some("function")) => Usage::Call,
            (Kind::Assignment, Some("left")) => Usage::Write,
            (Kind::Bases, _) => Usage::Base,
            (Kind::Attribute, Some("name")) => Usage::Decorator,
            (Kind::TypeArguments | Kind::Explicit, _) | (_, Some("type" | "returns")) => Usage::Type,
            _ if frame.field == Some("right") && matches!(parent.node.kind(), "is_expression" | "as_expression") => {
                Usage::Type
            }
            _ => Usage::Read,
        }
    }

    /// `Outer.Inner` as a type.
    fn qualified(&mut self, frame: Frame<'t>) {
        if matches!(self.parent_kind(), Kind::Qualified | Kind::Namespace) {
            return;
        }
        let usage = self.usage(0, frame);
        let parts = (frame.node.child_by_field_name("qualifier"), frame.node.child_by_field_name("name"));
        if let (Some(outer), Some(name)) = parts {
            self.taken_from(outer, plain_name(name), usage);
        }
        if let Some(name) = innermost(frame.node) {
            self.claim(name);
        }
    }

    /// `x.y`
    fn access(&mut self, frame: Frame<'t>) {
        let parts = (frame.node.child_by_field_name("expression"), frame.node.child_by_field_name("name"));
        if let (Some(object), Some(name)) = parts {
            let usage = self.usage(0, frame);
            self.taken_from(object, plain_name(name), usage);
        }
    }

    /// `x?.y`
    fn conditional_member(&mut self, node: Node<'t>) {
        let Some(whole) = self.around(0).copied().filter(|it| it.kind == Kind::ConditionalAccess) else { return };
        let parts = (whole.node.child_by_field_name("condition"), node.child_by_field_name("name"));
        if let (Some(object), Some(name)) = parts {
            let usage = self.usage(1, whole);
            self.taken_from(object, plain_name(name), usage);
        }
    }

    fn taken_from(&mut self, object: Node<'t>, name: Node<'t>, usage: Usage) {
        if let Some(class) = self.class_of_object(object) {
            return self.member_of_instance(class, self.slice(name), usage, name);
        }
        match self.slice(object).strip_prefix("global::") {
            Some(path) if path.split('.').all(|it| !it.is_empty() && it.bytes().all(is_of_name)) => {
                self.member_of(Cow::Borrowed(path), self.slice(name), usage, name);
            }
            _ => self.member(plain_name(object), name, usage),
        }
    }

    /// Returns the class of `new X(…)`, `(X)y` and `y as X`.
    pub(super) fn class_of_object(&self, object: Node<'t>) -> Option<String> {
        let object = match object.kind() {
            "parenthesized_expression" => object.named_child(0)?,
            _ => object,
        };
        match object.kind() {
            "object_creation_expression" | "cast_expression" => class_of(self.field(object, "type")?),
            "as_expression" => class_of(self.field(object, "right")?),
            _ => None,
        }
    }

    fn attribute_use(&mut self, node: Node<'t>) {
        // The name is walked, and is used as that of an attribute.
        for it in named_children(node).into_iter().filter(|it| it.kind() == "attribute_argument_list") {
            self.keys(it);
        }
    }

    /// `x with { Key = value }`
    fn with(&mut self, node: Node<'t>) {
        if let Some(name) = node.named_child(0).filter(|it| it.kind() == "identifier") {
            self.claim(name);
            self.refer(self.slice(name), Receiver::Unknown, Usage::Write, name);
        }
    }

    /// Claims the names before `=`: they are made here.
    fn keys(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.children(&mut cursor).collect();
        for pair in children.windows(2) {
            if pair[0].kind() == "identifier" && pair[1].kind() == "=" {
                self.claim(pair[0]);
            }
        }
    }

    /// `X { Key: pattern }`
    fn subpattern(&mut self, node: Node<'t>) {
        let Some(name) = node.named_child(0).filter(|it| it.kind() == "identifier") else { return };
        if node.named_child_count() < 2 {
            return;
        }
        self.claim(name);
        let whole = self.around(1).filter(|it| it.kind == Kind::Recursive).map(|it| it.node);
        let class = whole.and_then(|it| self.field(it, "type")).and_then(class_of);
        match class {
            Some(class) => self.member_of_instance(class, self.slice(name), Usage::Read, name),
            None => self.refer(self.slice(name), Receiver::Unknown, Usage::Read, name),
        }
    }
}

/// Returns the name without its type arguments.
fn plain_name(node: Node<'_>) -> Node<'_> {
    if node.kind() == "generic_name" { node.named_child(0).unwrap_or(node) } else { node }
}

/// Returns the first name of a path.
fn innermost(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    while let Some(outer) = node.child_by_field_name("qualifier") {
        node = outer;
    }
    Some(node)
}

fn is_of_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}
