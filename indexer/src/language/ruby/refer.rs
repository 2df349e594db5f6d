//! Which names are used.

use tree_sitter::Node;

use super::builtin::AMBIENT;
use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::{ScopeKind, path_of};

impl<'t> Walker<'t> {
    /// A bare name that is no local variable is a method that is called.
    pub(super) fn identifier(&mut self, node: Node<'t>) {
        if AMBIENT.binary_search(&self.slice(node)).is_err() {
            self.bare(node, Usage::Call);
        }
    }

    pub(super) fn constant(&mut self, node: Node<'t>) {
        let usage = self.usage_of_constant();
        self.bare(node, usage);
    }

    fn usage_of_constant(&self) -> Usage {
        let is_version = self.around(0).is_some_and(|it| it.node.kind() == "element_reference");
        let is_base = match self.parent_kind() {
            Kind::Superclass => true,
            // `Migration[7.0]`
            _ if is_version => self.around(1).is_some_and(|it| it.kind == Kind::Superclass),
            // `Class.new(Base)`
            Kind::ArgumentList => self.around(1).is_some_and(|it| {
                self.field(it.node, "receiver") == Some("Class") && self.field(it.node, "method") == Some("new")
            }),
            _ => false,
        };
        if is_base { Usage::Base } else { Usage::Read }
    }

    /// `A::B`
    pub(super) fn scope_resolution(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        // A definition's name is claimed as a whole, and begins where its first name begins.
        if self.is_claimed(name) {
            return;
        }
        let usage = self.usage_of_constant();
        match node.child_by_field_name("scope") {
            Some(scope) => self.member(scope, name, usage),
            None => self.bare(name, usage),
        }
        self.claim(name);
    }

    pub(super) fn call(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        let Some(name) = node.child_by_field_name("method") else { return true };
        if !matches!(self.kind(name), Kind::Identifier | Kind::Constant) {
            return true;
        }
        let Some(receiver) = node.child_by_field_name("receiver") else {
            let descend = self.command(node, name);
            self.claim(name);
            return descend;
        };
        let written = self.parent_kind() == Kind::Assignment && frame.field == Some("left");
        let usage = if written { Usage::Write } else { Usage::Call };
        self.call_on(receiver, name, usage);
        self.claim(name);
        self.suite_of_rspec(node, receiver, self.slice(name));
        true
    }

    fn call_on(&mut self, receiver: Node<'t>, name: Node<'t>, usage: Usage) {
        let text = self.slice(name);
        match self.kind(receiver) {
            Kind::OwnWord => self.refer(text, Receiver::Own, usage, name),
            Kind::InstanceVariable => {
                let field = Receiver::OwnField(self.intern(self.slice(receiver)));
                self.refer(text, field, usage, name);
            }
            Kind::Identifier | Kind::Constant | Kind::ScopeResolution => self.member(receiver, name, usage),
            Kind::Call if self.slice(receiver) == "self.class" => self.refer(text, Receiver::Own, usage, name),
            _ => match self.class_of_value(receiver) {
                Some(class) => self.member_of_instance(class, text, usage, name),
                None => self.refer(text, Receiver::Unknown, usage, name),
            },
        }
    }

    fn suite_of_rspec(&mut self, node: Node<'t>, receiver: Node<'t>, name: &str) {
        let has_block = node.child_by_field_name("block").is_some();
        if has_block && self.slice(receiver) == "RSpec" && matches!(name, "describe" | "context" | "feature") {
            self.facts.is_test = true;
        }
    }

    /// Returns the class of `Class.new(…)`, perhaps in parentheses.
    pub(super) fn class_of_value(&self, value: Node<'t>) -> Option<String> {
        let mut value = value;
        while value.kind() == "parenthesized_statements" {
            value = value.named_child(0)?;
        }
        let receiver = value.child_by_field_name("receiver").filter(|_| self.kind(value) == Kind::Call)?;
        let is_constant = matches!(self.kind(receiver), Kind::Constant | Kind::ScopeResolution);
        let makes =
            is_constant && matches!(self.field(value, "method"), Some("new" | "create" | "create!" | "instance"));
        path_of(self.slice(receiver)).filter(|_| makes).map(|it| it.trim_start_matches('.').to_owned())
    }

    /// `@x`; a global variable is bare.
    pub(super) fn instance_variable(&mut self, node: Node<'t>) {
        let usage = self.usage_of_variable(node);
        self.refer(self.slice(node), Receiver::Own, usage, node);
    }

    pub(super) fn global_variable(&mut self, node: Node<'t>) {
        // `$1`, `$!` and the like are the interpreter's.
        if self.slice(node).len() > 2 {
            let usage = self.usage_of_variable(node);
            self.bare(node, usage);
        }
    }

    fn usage_of_variable(&self, node: Node<'t>) -> Usage {
        let parent = self.around(0);
        let written = parent.is_some_and(|it| {
            it.kind == Kind::Assignment && it.node.child_by_field_name("left") == Some(node)
                || it.node.kind() == "left_assignment_list"
        });
        if written { Usage::Write } else { Usage::Read }
    }

    /// `super` calls the inherited method of the same name.
    pub(super) fn super_call(&mut self, node: Node<'t>) {
        let method = self.frames.iter().rev().find(|it| matches!(it.kind, Kind::Method | Kind::SingletonMethod));
        if let Some(name) = method.and_then(|it| self.field(it.node, "name")) {
            self.refer(name, Receiver::Super, Usage::Call, node);
        }
    }

    /// A symbol names a method where it is an argument of what a class says of itself, is sent, or is made a block.
    pub(super) fn symbol(&mut self, node: Node<'t>) {
        let name = self.slice(node).trim_start_matches(':');
        if self.is_claimed(node) {
            return;
        }
        if self.parent_kind() == Kind::BlockArgument {
            return self.refer(name, Receiver::Unknown, Usage::Call, node);
        }
        let call = self.around(1).filter(|it| it.kind == Kind::Call && self.parent_kind() == Kind::ArgumentList);
        let Some(call) = call.filter(|it| it.node.child_by_field_name("receiver").is_none()) else { return };
        let sends = matches!(self.field(call.node, "method"), Some("send" | "public_send" | "__send__" | "method"));
        if sends || self.scope_kind() == ScopeKind::Class {
            let usage = if sends { Usage::Call } else { Usage::Read };
            self.refer(name, Receiver::Own, usage, node);
        }
    }
}
