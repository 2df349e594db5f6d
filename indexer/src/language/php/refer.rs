//! Which names are used.

use tree_sitter::Node;

use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::{ScopeKind, class_of_type, path_of, unquoted};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    /// A name on its own: what it is used for depends on what is around.
    pub(super) fn name_used(&mut self, frame: Frame<'t>) {
        let name = self.slice(frame.node);
        // `__DIR__` and the like.
        let is_magic = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
        let is_word = matches!(name, "self" | "static" | "parent" | "mixed");
        if let Some(usage) = self.usage(frame).filter(|_| !is_magic && !is_word) {
            self.bare(frame.node, usage);
        }
        // `new self`
        if self.parent_kind() == Kind::New && matches!(name, "self" | "static") {
            self.refer(name, Receiver::Bare, Usage::Call, frame.node);
        }
    }

    /// `A\B\c`
    pub(super) fn qualified_name(&mut self, frame: Frame<'t>) {
        let Some(usage) = self.usage(frame) else { return };
        let text = self.slice(frame.node);
        let (path, name) = text.rsplit_once('\\').unwrap_or(("", text));
        match path_of(path.trim_start_matches('\\')) {
            Some(path) => self.member_of(path, name, usage, frame.node),
            None => self.refer_from(name, name, Receiver::Bare, usage, frame.node),
        }
    }

    /// Returns how a name that is entered is used; `None` where it is none of another definition.
    fn usage(&self, frame: Frame<'t>) -> Option<Usage> {
        let parent = self.around(0)?;
        Some(match parent.kind {
            Kind::FunctionCall if frame.field == Some("function") => Usage::Call,
            Kind::New => Usage::Call,
            Kind::Heritage | Kind::TraitUse => Usage::Base,
            Kind::NamedType => Usage::Type,
            Kind::Attribute => Usage::Decorator,
            Kind::Argument if frame.field == Some("name") => return None,
            Kind::MemberCall | Kind::MemberAccess | Kind::ScopedCall | Kind::ScopedProperty
                if frame.field == Some("name") =>
            {
                return None;
            }
            // Of `A::B` the second is the constant, which is seen to with the whole.
            Kind::ClassConstant if parent.node.named_child(0) != Some(frame.node) => return None,
            Kind::Namespace | Kind::Variable | Kind::Closure | Kind::Property => return None,
            _ => Usage::Read,
        })
    }

    pub(super) fn function_call(&mut self, node: Node<'t>) {
        let (Some(called), Some(arguments)) = (self.field(node, "function"), node.child_by_field_name("arguments"))
        else {
            return;
        };
        let first = arguments.named_child(0).and_then(|it| it.named_child(0));
        let text = first.filter(|it| matches!(self.kind(*it), Kind::String | Kind::Encapsed));
        let Some(text) = text.map(|it| unquoted(self.slice(it))) else { return };
        match called.trim_start_matches('\\') {
            "define" if !text.is_empty() => {
                let mut draft = self.draft_of_value(text, SymbolKind::Variable, Form::Constant, node);
                draft.parent = None;
                self.define(draft);
            }
            // Tests of Pest.
            "it" | "test" | "describe" if self.scope_kind() == ScopeKind::File && arguments.named_child_count() > 1 => {
                self.facts.is_test = true;
            }
            _ => {}
        }
    }

    /// `$object->name`, `$object->name(…)`
    pub(super) fn member_of_object(&mut self, frame: Frame<'t>) {
        let parts = (frame.node.child_by_field_name("object"), frame.node.child_by_field_name("name"));
        let (Some(object), Some(name)) = parts else { return };
        if self.kind(name) != Kind::Name {
            return;
        }
        let usage = self.usage_of_member(frame);
        if let Some(class) = self.class_of_value(object) {
            return self.member_of_instance(class, self.slice(name), usage, name);
        }
        if self.kind(object) == Kind::Variable && self.slice(object) != "$this" {
            return self.member_of_variable(object, name, usage);
        }
        let is_chain = self.slice(object).starts_with("$this->");
        match self.kind(object) {
            Kind::Variable => self.member(object, name, usage),
            Kind::MemberAccess if is_chain => self.member(object, name, usage),
            _ => self.member_of_value(object, self.slice(name), usage, name),
        }
    }

    fn member_of_variable(&mut self, variable: Node<'t>, name: Node<'t>, usage: Usage) {
        let (variable, text) = (self.slice(variable), self.slice(name));
        let in_file = self.scopes.iter().all(|it| matches!(it.kind, ScopeKind::File | ScopeKind::Anonymous));
        if in_file && self.scope_kind() == ScopeKind::File {
            return match self.own.globals.get(variable).cloned().flatten() {
                Some(class) => self.member_of_instance(class, text, usage, name),
                None => self.refer(text, Receiver::Unknown, usage, name),
            };
        }
        self.bind_if_unknown(variable);
        if in_file {
            // What a function without a name at the top of a file uses may be its parameter.
            let known = self.scopes.iter().any(|it| it.binds(variable));
            if !known {
                return self.refer(text, Receiver::Unknown, usage, name);
            }
        }
        let receiver = Receiver::Path(self.intern(variable));
        self.refer_from(variable, text, receiver, usage, name);
    }

    fn usage_of_member(&self, frame: Frame<'t>) -> Usage {
        let written = self.around(0).is_some_and(|it| it.kind == Kind::Assignment && frame.field == Some("left"));
        match frame.kind {
            Kind::MemberCall | Kind::ScopedCall => Usage::Call,
            _ if written => Usage::Write,
            _ => Usage::Read,
        }
    }

    /// `Class::name(…)`, `Class::$name`
    pub(super) fn member_of_class(&mut self, frame: Frame<'t>) {
        let parts = (frame.node.child_by_field_name("scope"), frame.node.child_by_field_name("name"));
        let (Some(scope), Some(name)) = parts else { return };
        if !matches!(self.kind(name), Kind::Name | Kind::Variable) || name.kind() == "dynamic_variable_name" {
            return;
        }
        let usage = self.usage_of_member(frame);
        self.taken_from_class(scope, name, usage);
    }

    fn taken_from_class(&mut self, scope: Node<'t>, name: Node<'t>, usage: Usage) {
        let text = self.slice(name).trim_start_matches('$');
        match self.kind(scope) {
            Kind::Name | Kind::QualifiedName | Kind::Other => {
                match path_of(self.slice(scope).trim_start_matches('\\')) {
                    Some(path) => self.member_of(path, text, usage, name),
                    None => self.refer(text, Receiver::Unknown, usage, name),
                }
            }
            Kind::Variable => self.member_of_variable(scope, name, usage),
            _ => self.refer(text, Receiver::Unknown, usage, name),
        }
    }

    /// `Class::CONSTANT`; `Class::class` is the class itself.
    pub(super) fn class_constant(&mut self, node: Node<'t>) {
        let (Some(scope), Some(name)) = (node.named_child(0), node.named_child(1)) else { return };
        if self.slice(name) != "class" && self.kind(name) == Kind::Name {
            self.taken_from_class(scope, name, Usage::Read);
        }
    }

    /// Returns the class of `new Class(…)`, perhaps in parentheses or cloned.
    pub(super) fn class_of_value(&self, value: Node<'t>) -> Option<String> {
        let mut value = value;
        while matches!(value.kind(), "parenthesized_expression" | "clone_expression") {
            value = value.named_child(0)?;
        }
        let made = value.named_child(0).filter(|_| self.kind(value) == Kind::New)?;
        let is_named = matches!(self.kind(made), Kind::Name | Kind::QualifiedName) || made.kind() == "relative_scope";
        if is_named { self.class_of_written(self.slice(made)) } else { None }
    }

    /// Returns the class that a function says it returns; `static` is left to who calls.
    pub(super) fn class_of_returned(&self, written: &str) -> Option<String> {
        match written.trim_start_matches('?') {
            own @ ("self" | "static") => Some(own.to_owned()),
            _ => self.class_of_written(written),
        }
    }

    /// Returns the class that a type names; the own one for `self`, nothing for what the language builds in.
    pub(super) fn class_of_written(&self, written: &str) -> Option<String> {
        const BUILT_IN: &[&str] = &[
            "array", "bool", "callable", "false", "float", "int", "iterable", "mixed", "never", "null", "object",
            "string", "true", "void",
        ];
        let class = class_of_type(written)?;
        match class.as_str() {
            "self" | "static" => {
                let around = self.scopes.iter().rev().find(|it| it.kind == ScopeKind::Class)?;
                self.facts.symbols.get(around.definition? as usize).map(|it| it.qualified.clone())
            }
            it if BUILT_IN.contains(&it) => None,
            _ => Some(class),
        }
    }
}
