//! Uses of names.

use std::borrow::Cow;

use tree_sitter::Node;

use super::facts::{Frame, Walker, child_of, has_word};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::{MAX_PATH, class_of_type, dotted_class, named_children, path_of};

impl<'t> Walker<'t> {
    /// Takes a node that defines nothing; returns whether its children are to be walked.
    pub(super) fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(node),
            Kind::UserType => self.user_type(frame),
            Kind::TypeName if self.parent_kind() == Kind::CallableReference => self.bare(node, Usage::Read),
            // What follows is the name of a class or label around.
            Kind::This => return false,
            Kind::Navigation => self.navigation(node),
            Kind::Infix => self.infix(node),
            Kind::CallableReference => self.callable_reference(node),
            Kind::Assignable => self.assignable(node),
            Kind::Argument if has_word(node, "=") => {
                child_of(node, &["simple_identifier"]).into_iter().for_each(|it| self.claim(it));
            }
            Kind::ConstructorCall => {
                let receiver = if has_word(node, "this") { Receiver::Own } else { Receiver::Super };
                self.refer("constructor", receiver, Usage::Call, node);
            }
            _ => {}
        }
        true
    }

    fn identifier(&mut self, node: Node<'t>) {
        let usage = match self.parent_kind() {
            Kind::Call => Usage::Call,
            Kind::Assignable if self.around(0).is_some_and(|it| it.node.named_child_count() == 1) => Usage::Write,
            _ => Usage::Read,
        };
        if !self.is_claimed(node) {
            let name = self.name(node);
            self.refer_from(name, name, Receiver::Bare, usage, node);
        }
    }

    /// `a.b.C<D>` as a type; what stands between `<` and `>` is walked.
    fn user_type(&mut self, frame: Frame<'t>) {
        let names: Vec<Node<'t>> =
            named_children(frame.node).into_iter().filter(|it| self.kind(*it) == Kind::TypeName).collect();
        let Some((last, around)) = names.split_last() else { return };
        let usage = self.usage_of_type(frame.node);
        // What is inherited from is made as well, where it is given arguments.
        let is_made = usage == Usage::Base && self.parent_kind() == Kind::ConstructorInvocation;
        let path: Vec<&str> = around.iter().map(|it| self.name(*it)).collect();
        for usage in [Some(usage), is_made.then_some(Usage::Call)].into_iter().flatten() {
            if path.is_empty() {
                self.bare(*last, usage);
            } else {
                self.member_of(Cow::Owned(path.join(".")), self.name(*last), usage, *last);
            }
        }
    }

    /// How a type is used: inherited from, made, as an annotation, or written.
    fn usage_of_type(&self, node: Node<'t>) -> Usage {
        let above = |at: usize| self.around(at).map_or(Kind::Other, |it| it.kind);
        let is_made = above(0) == Kind::ConstructorInvocation;
        let heritage = usize::from(is_made || above(0) == Kind::Delegation);
        let is_first = self.around(0).and_then(|it| it.node.named_child(0)).is_some_and(|it| it.id() == node.id());
        match above(heritage) {
            Kind::Annotation => Usage::Decorator,
            Kind::Heritage if heritage == 1 && !is_first => Usage::Type,
            Kind::Heritage => match above(heritage + 1) {
                Kind::Class => Usage::Base,
                _ if is_made => Usage::Call,
                _ => Usage::Type,
            },
            _ => Usage::Type,
        }
    }

    /// `a.b`, `a?.b`, `a::b`.
    fn navigation(&mut self, node: Node<'t>) {
        let parts = (node.named_child(0), child_of(node, &["navigation_suffix"]));
        let (Some(object), Some(suffix)) = parts else { return };
        let Some(name) = child_of(suffix, &["simple_identifier"]) else { return };
        self.claim(name);
        let is_called = self.parent_kind() == Kind::Call || has_word(suffix, "::");
        self.taken_from(object, name, if is_called { Usage::Call } else { Usage::Read });
    }

    /// `a name b`.
    fn infix(&mut self, node: Node<'t>) {
        let operands: Vec<Node<'t>> =
            named_children(node).into_iter().filter(|it| self.kind(*it) != Kind::Comment).collect();
        let [object, name, ..] = operands[..] else { return };
        if name.kind() == "simple_identifier" {
            self.claim(name);
            self.taken_from(object, name, Usage::Call);
        }
    }

    /// `::name` and `X::name`: what is passed on will be called.
    fn callable_reference(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["simple_identifier"]) else { return };
        match child_of(node, &["type_identifier"]) {
            Some(object) => self.member(object, name, Usage::Call),
            None => self.bare(name, Usage::Call),
        }
        self.claim(name);
    }

    /// `a.b.c = …`, whose parts stand side by side.
    fn assignable(&mut self, node: Node<'t>) {
        let parts = named_children(node);
        for (at, suffix) in parts.iter().enumerate().filter(|it| it.1.kind() == "navigation_suffix") {
            let Some(name) = child_of(*suffix, &["simple_identifier"]) else { continue };
            self.claim(name);
            let usage = if at + 1 == parts.len() { Usage::Write } else { Usage::Read };
            let object = self.slice_of(node.start_byte()..suffix.start_byte());
            match plain_path(object) {
                Some(path) => self.member_of(path, self.name(name), usage, name),
                None => self.refer(self.name(name), Receiver::Unknown, usage, name),
            }
        }
    }

    fn taken_from(&mut self, object: Node<'t>, name: Node<'t>, usage: Usage) {
        let text = self.name(name);
        if object.kind() == "super_expression" {
            return self.refer(text, Receiver::Super, usage, name);
        }
        if let Some(class) = self.class_of_object(object) {
            return self.member_of_instance(class, text, usage, name);
        }
        match plain_path(self.slice(object)) {
            Some(path) => self.member_of(path, text, usage, name),
            None => self.member_of_value(object, text, usage, name),
        }
    }

    /// Returns the class of `X(…)`, of `(y as X)` and of `this@X`: what is called and begins with a capital is a class.
    pub(super) fn class_of_object(&self, object: Node<'t>) -> Option<String> {
        let inner = match object.kind() {
            "parenthesized_expression" => object.named_child(0)?,
            _ => object,
        };
        match inner.kind() {
            "call_expression" => dotted_class(self.slice(inner.named_child(0)?)),
            "as_expression" => self.written_class(inner),
            "this_expression" => dotted_class(self.slice(inner).strip_prefix("this@")?),
            _ => None,
        }
    }

    /// Returns the class that the type of a declaration names; functions have none.
    pub(super) fn written_class(&self, node: Node<'t>) -> Option<String> {
        let written = child_of(node, &["user_type", "nullable_type"])?;
        let text = self.slice(written);
        class_of_type(text).filter(|_| !text.starts_with('('))
    }
}

/// Returns a path of names with dots for `?.`, `!!.` and line ends.
fn plain_path(object: &str) -> Option<Cow<'_, str>> {
    if object.len() <= MAX_PATH && object.contains(['!', '`', ' ', '\n', '?']) {
        let plain: String = object.chars().filter(|it| !it.is_whitespace() && !matches!(it, '!' | '`' | '?')).collect();
        return path_of(&plain).map(|it| Cow::Owned(it.into_owned()));
    }
    path_of(object)
}
