//! Classes, modules, methods, constants and variables.

use tree_sitter::Node;

use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::{MAX_PATH, Scope, ScopeKind, named_children, one_line, path_of};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    /// `class A::B < C`: opened again as often as it is written.
    pub(super) fn class_or_module(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let Some(written) = node.child_by_field_name("name") else { return };
        let (name, owner) = self.constant_path(written);
        let form = if frame.kind == Kind::Module { Form::Module } else { Form::Class };
        // In broken code anything may stand there.
        let bases = ["constant", "scope_resolution", "call", "element_reference"];
        let superclass = node.child_by_field_name("superclass");
        let superclass = superclass.filter(|it| it.named_child(0).is_some_and(|it| bases.contains(&it.kind())));
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(name, SymbolKind::Class, form, node, body);
        // Without a body the head ends with the line.
        let head_ends = superclass.unwrap_or(written).end_byte();
        draft.head.end = head_ends;
        draft.owner = owner;
        let base = superclass.and_then(|it| it.named_child(0));
        draft.bases = base.map(|it| one_line(self.slice(it), MAX_PATH)).into_iter().collect();
        self.define_class(draft);
    }

    /// Returns the last name of a constant, which is claimed, and the path before it.
    fn constant_path(&mut self, written: Node<'t>) -> (&'t str, Option<String>) {
        let name = written.child_by_field_name("name").unwrap_or(written);
        let scope = written.child_by_field_name("scope").and_then(|it| path_of(self.slice(it)));
        self.claim(written);
        self.claim(name);
        // `A` of `A::B` is a use of its own, though it begins where the whole begins.
        if let Some(it) = written.child_by_field_name("scope").filter(|it| it.kind() == "constant") {
            let text = self.slice(it);
            self.refer_from(text, text, Receiver::Bare, Usage::Read, it);
        }
        (self.slice(name), scope.map(std::borrow::Cow::into_owned))
    }

    /// `class << self`: what is defined in it belongs to the class itself.
    pub(super) fn singleton_class(&mut self) {
        let within = self.within();
        self.open(Scope::owned_by_nothing(within).with_implicit_own());
    }

    /// Returns whether what is defined here is a member of a class, with or without blocks between.
    fn in_class(&self) -> bool {
        let around = self.scopes.iter().rev().find(|it| it.kind != ScopeKind::Anonymous);
        around.is_some_and(|it| it.kind == ScopeKind::Class)
    }

    /// Notes that the class around has a member of this name, which is meant by it without a receiver.
    pub(super) fn bind_member(&mut self, name: &'t str) -> bool {
        let class = self.scopes.iter_mut().rev().find(|it| it.kind == ScopeKind::Class);
        class.is_some_and(|it| it.bind(name, None))
    }

    pub(super) fn method(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let Some(written) = node.child_by_field_name("name") else { return };
        self.claim(written);
        written.child_by_field_name("name").into_iter().for_each(|it| self.claim(it));
        let name = self.slice(written);
        let in_class = self.in_class();
        let object = node.child_by_field_name("object");
        // `def self.name`, and `def Class.name` in the class itself.
        let around = self.within().and_then(|it| self.facts.symbols.get(it as usize)).map(|it| it.name.as_str());
        let is_own = object.is_none_or(|it| self.kind(it) == Kind::OwnWord || around == Some(self.slice(it)));
        let in_singleton =
            self.frames.iter().rev().find(|it| matches!(it.kind, Kind::Class | Kind::Module | Kind::SingletonClass));
        let in_singleton = in_singleton.is_some_and(|it| it.kind == Kind::SingletonClass);
        let (kind, form) = match name {
            _ if frame.kind == Kind::SingletonMethod => (SymbolKind::Method, Form::StaticMethod),
            _ if !in_class => (SymbolKind::Function, Form::Function),
            _ if in_singleton => (SymbolKind::Method, Form::StaticMethod),
            "initialize" => (SymbolKind::Method, Form::Constructor),
            _ if written.kind() == "operator" => (SymbolKind::Method, Form::Operator),
            _ if written.kind() == "setter" => (SymbolKind::Method, Form::Accessor),
            _ => (SymbolKind::Method, Form::Method),
        };
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(name, kind, form, node, body);
        draft.head.end = self.head_end(node, written);
        if !is_own {
            draft.owner = object.and_then(|it| path_of(self.slice(it))).map(std::borrow::Cow::into_owned);
        }
        self.bind_member(name);
        self.mark_class_of_test(name);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Returns where the head of a method ends: with its parameters.
    fn head_end(&self, node: Node<'t>, name: Node<'t>) -> usize {
        let parameters = node.child_by_field_name("parameters");
        parameters.map_or(name.end_byte(), |it| it.end_byte())
    }

    fn mark_class_of_test(&mut self, name: &str) {
        if name.starts_with("test_") {
            self.mark_class();
        }
    }

    /// Notes that the class around has a test.
    pub(super) fn mark_class(&mut self) {
        if let Some(it) = self.scopes.iter_mut().rev().find(|it| it.kind == ScopeKind::Class) {
            it.marked = true;
        }
    }

    /// `alias new old`
    pub(super) fn alias(&mut self, node: Node<'t>) -> bool {
        let parts = (node.child_by_field_name("name"), node.child_by_field_name("alias"));
        if let (Some(name), Some(old)) = parts {
            self.define_alias(self.slice(name).trim_start_matches(':'), node);
            let old_name = self.slice(old).trim_start_matches(':');
            self.refer(old_name, Receiver::Own, Usage::Read, old);
        }
        false
    }

    pub(super) fn define_alias(&mut self, name: &'t str, node: Node<'t>) {
        let kind = if self.in_class() { SymbolKind::Method } else { SymbolKind::Function };
        if !name.starts_with('$') {
            let draft = self.draft_of_value(name, kind, Form::Method, node);
            self.bind_member(name);
            self.define(draft);
        }
    }

    pub(super) fn parameters(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let plain: Vec<Node<'t>> =
            node.named_children(&mut cursor).filter(|it| self.kind(*it) == Kind::Identifier).collect();
        plain.into_iter().for_each(|it| self.bind_name(it, None));
    }

    pub(super) fn parameter(&mut self, node: Node<'t>) {
        if let Some(name) = node.child_by_field_name("name") {
            self.bind_name(name, None);
        }
    }

    fn bind_name(&mut self, node: Node<'t>, class: Option<String>) {
        self.claim(node);
        let name = self.slice(node);
        match self.scope_kind() {
            ScopeKind::File => self.scope().hide(name),
            // A name that a block around binds is that one.
            ScopeKind::Anonymous if self.is_bound_around(name) => {}
            _ => self.bind_local(name, class),
        }
    }

    fn is_bound_around(&self, name: &str) -> bool {
        let until = self.scopes.iter().rposition(|it| it.kind != ScopeKind::Anonymous).unwrap_or(0);
        let around = self.scopes.get(until..self.scopes.len().saturating_sub(1)).unwrap_or_default();
        around.iter().any(|it| matches!(it.kind, ScopeKind::Function | ScopeKind::Anonymous) && it.binds(name))
    }

    pub(super) fn bind_target(&mut self, target: Option<Node<'t>>) {
        let mut open: Vec<Node<'t>> = target.into_iter().collect();
        while let Some(it) = open.pop() {
            match it.kind() {
                "identifier" => self.bind_name(it, None),
                "left_assignment_list" | "destructured_left_assignment" | "rest_assignment" => {
                    open.extend(named_children(it).into_iter().rev());
                }
                "instance_variable" | "class_variable" => self.field_variable(it, it, None),
                _ => {}
            }
        }
    }

    /// Binds the names of a pattern after `in` or `=>`.
    pub(super) fn pattern(&mut self, node: Node<'t>) {
        let mut open: Vec<Node<'t>> = node.child_by_field_name("pattern").into_iter().collect();
        while let Some(it) = open.pop() {
            match it.kind() {
                "identifier" => self.bind_name(it, None),
                "keyword_pattern" if it.child_by_field_name("value").is_none() => {
                    let key = it.child_by_field_name("key").map(|it| self.slice(it)).unwrap_or_default();
                    self.bind_local(key, None);
                }
                // What is pinned is read.
                "variable_reference_pattern" | "expression_reference_pattern" => {}
                _ => open.extend(named_children(it).into_iter().rev()),
            }
        }
    }

    pub(super) fn assignment(&mut self, node: Node<'t>) {
        let Some(left) = node.child_by_field_name("left") else { return };
        let right = node.child_by_field_name("right");
        match left.kind() {
            "identifier" => {
                let class = right.and_then(|it| self.class_of_value(it));
                self.bind_name(left, class);
            }
            "constant" | "scope_resolution" => self.constant_assignment(node, left, right),
            "instance_variable" | "class_variable" => {
                let class = right.and_then(|it| self.class_of_value(it));
                self.field_variable(left, node, class);
            }
            "global_variable" => self.global_assignment(left, node),
            _ => self.bind_target(Some(left)),
        }
    }

    /// `@x = …` makes a field of the class around.
    fn field_variable(&mut self, name: Node<'t>, node: Node<'t>, class: Option<String>) {
        let text = self.slice(name);
        let around = self.scopes.iter().rev().find(|it| it.kind == ScopeKind::Class).and_then(|it| it.definition);
        let Some(around) = around else { return };
        if self.bind_member(text) {
            let mut draft = self.draft_of_value(text, SymbolKind::Field, Form::Field, node);
            (draft.parent, draft.owner, draft.instance_of) = (Some(around), None, class);
            self.define(draft);
        }
    }

    fn global_assignment(&mut self, name: Node<'t>, node: Node<'t>) {
        let text = self.slice(name);
        if self.scopes.first_mut().is_some_and(|it| it.bind(text, None)) {
            let mut draft = self.draft_of_value(text, SymbolKind::Variable, Form::Variable, node);
            draft.parent = None;
            self.define(draft);
        }
    }

    fn constant_assignment(&mut self, node: Node<'t>, left: Node<'t>, right: Option<Node<'t>>) {
        let (name, owner) = self.constant_path(left);
        if let Some((form, bases)) = right.and_then(|it| self.class_made(it)) {
            let body = right.and_then(|it| it.child_by_field_name("block"));
            let mut draft = self.draft(name, SymbolKind::Class, form, node, body);
            (draft.owner, draft.bases) = (owner, bases);
            self.define_class(draft);
            return self.members_of_struct(form, right);
        }
        let kind = if self.within().is_some() { SymbolKind::Field } else { SymbolKind::Variable };
        let mut draft = self.draft_of_value(name, kind, Form::Constant, node);
        draft.owner = owner;
        draft.instance_of = right.and_then(|it| self.class_of_value(it));
        self.define(draft);
    }

    /// Returns what `Struct.new`, `Data.define`, `Class.new` and `Module.new` make, with its bases.
    fn class_made(&self, value: Node<'t>) -> Option<(Form, Vec<String>)> {
        let receiver = self.field(value, "receiver").filter(|_| self.kind(value) == Kind::Call)?;
        let form = match (receiver.trim_start_matches("::"), self.field(value, "method")?) {
            ("Struct", "new") => Form::Struct,
            ("Data", "define") => Form::Record,
            ("Class", "new") => Form::Class,
            ("Module", "new") => Form::Module,
            _ => return None,
        };
        let first = value.child_by_field_name("arguments").and_then(|it| it.named_child(0));
        let base = first.filter(|_| form == Form::Class).map(|it| one_line(self.slice(it), MAX_PATH));
        Some((form, base.into_iter().collect()))
    }

    fn members_of_struct(&mut self, form: Form, value: Option<Node<'t>>) {
        let arguments = value.and_then(|it| it.child_by_field_name("arguments"));
        if matches!(form, Form::Struct | Form::Record) {
            arguments.into_iter().for_each(|it| self.properties(it));
        }
    }

    /// Defines a property for every symbol among arguments.
    pub(super) fn properties(&mut self, arguments: Node<'t>) {
        for it in named_children(arguments).into_iter().filter(|it| it.kind() == "simple_symbol") {
            self.claim(it);
            let name = self.slice(it).trim_start_matches(':');
            self.bind_member(name);
            let mut draft = self.draft_of_value(name, SymbolKind::Field, Form::Property, it);
            draft.head = arguments.parent().map_or(it.start_byte(), |it| it.start_byte())..arguments.end_byte();
            self.define(draft);
        }
    }
}
