//! Classes, functions, properties and local names.

use tree_sitter::Node;

use super::facts::{Walker, child_of, has_word};
use super::kind::Kind;
use crate::language::walk::{Draft, MAX_PATH, Scope, ScopeKind, class_of_type, lines_of, named_children, one_line};
use crate::symbol::{Form, SymbolKind};

/// How many definitions stand between a property and its last accessor at most.
const MAX_INSIDE: usize = 64;
const BODIES: &[&str] = &["class_body", "enum_class_body"];

impl<'t> Walker<'t> {
    /// A class, interface, enumeration or object.
    pub(super) fn class(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["type_identifier"]) else { return };
        let name = self.name(name);
        self.bind_local(name, None);
        let form = self.form_of_class(node);
        let mut draft = self.draft(name, SymbolKind::Class, form, node, child_of(node, BODIES));
        draft.bases = self.bases(node);
        self.annotate(&mut draft, node);
        let at = self.define_class(draft);
        if let Some(head) = child_of(node, &["primary_constructor"]) {
            self.head_fields(head, at);
        }
    }

    fn form_of_class(&self, node: Node<'t>) -> Form {
        let word = |it: &str| self.says(node, it);
        match () {
            () if node.kind() == "object_declaration" => Form::Object,
            () if has_word(node, "interface") => Form::Interface,
            () if has_word(node, "enum") || word("enum") => Form::Enum,
            () if word("annotation") => Form::Annotation,
            () if word("data") || word("value") => Form::Record,
            () => Form::Class,
        }
    }

    /// Returns the types after the colon, without arguments and delegates.
    fn bases(&self, node: Node<'t>) -> Vec<String> {
        let heritage = named_children(node).into_iter().filter(|it| self.kind(*it) == Kind::Heritage);
        let types = heritage.filter_map(|it| {
            let inner = it.named_child(0)?;
            let deeper = matches!(self.kind(inner), Kind::ConstructorInvocation | Kind::Delegation);
            Some(if deeper { inner.named_child(0)? } else { it })
        });
        types.map(|it| one_line(self.slice(it), MAX_PATH)).collect()
    }

    /// The `val x: T` in the head of a class are its fields.
    fn head_fields(&mut self, head: Node<'t>, class: u32) {
        for it in named_children(head).into_iter().filter(|it| it.kind() == "class_parameter") {
            let Some(name) = child_of(it, &["simple_identifier"]) else { continue };
            self.claim(name);
            if child_of(it, &["binding_pattern_kind"]).is_none() {
                continue;
            }
            let name = self.name(name);
            let mut draft = self.draft(name, SymbolKind::Field, Form::Field, it, None);
            draft.instance_of = self.written_class(it);
            draft.parent = Some(class);
            self.annotate(&mut draft, it);
            self.define(draft);
            self.scope().bind(name, None);
        }
    }

    /// Opens a scope for code of the class `above` levels up that sees the plain parameters of its head.
    pub(super) fn open_head(&mut self, above: usize) {
        let class = self.around(above).filter(|it| it.kind == Kind::Class).map(|it| it.node);
        self.open_anonymous();
        self.bind_head(class);
    }

    fn bind_head(&mut self, class: Option<Node<'t>>) {
        let head = class.and_then(|it| child_of(it, &["primary_constructor"]));
        for it in head.map(named_children).unwrap_or_default() {
            let is_field = child_of(it, &["binding_pattern_kind"]).is_some();
            let name = child_of(it, &["simple_identifier"]).filter(|_| it.kind() == "class_parameter" && !is_field);
            if let Some(name) = name {
                let class = self.written_class(it);
                self.bind_local(self.name(name), class);
            }
        }
    }

    /// What a companion defines belongs to its class, as which it is used; only a name of its own makes it a definition.
    pub(super) fn companion(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["type_identifier"]) else { return };
        let mut draft = self.draft(self.name(name), SymbolKind::Class, Form::Object, node, child_of(node, BODIES));
        draft.bases = self.bases(node);
        self.annotate(&mut draft, node);
        self.define(draft);
    }

    pub(super) fn enum_entry(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["simple_identifier"]) else { return };
        self.claim(name);
        let (name, body) = (self.name(name), child_of(node, BODIES));
        self.scope().bind(name, None);
        let mut draft = self.draft(name, SymbolKind::Field, Form::EnumMember, node, body);
        self.annotate(&mut draft, node);
        match body {
            Some(_) => self.define_class(draft),
            None => self.define(draft),
        };
    }

    pub(super) fn secondary_constructor(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let body = node.children(&mut cursor).find(|it| it.kind() == "{" || it.kind() == "statements");
        let mut draft = self.draft("constructor", SymbolKind::Method, Form::Constructor, node, body);
        self.annotate(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    pub(super) fn function(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["simple_identifier"]) else { return self.open_anonymous() };
        self.claim(name);
        let owner = self.receiver(node);
        let name = self.name(name);
        if owner.is_none() && self.scope_kind() != ScopeKind::File {
            self.scope().bind(name, None);
        }
        let is_member = owner.is_some() || self.scope_kind() == ScopeKind::Class;
        let (kind, form) = match is_member {
            true if self.in_companion() => (SymbolKind::Method, Form::StaticMethod),
            true => (SymbolKind::Method, Form::Method),
            false => (SymbolKind::Function, Form::Function),
        };
        let mut draft = self.draft(name, kind, form, node, child_of(node, &["function_body"]));
        draft.owner = owner.or(draft.owner);
        draft.instance_of = self.returned(node);
        if self.says(node, "operator") {
            draft.form = Form::Operator;
        }
        self.annotate(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Returns the class of what a function returns: its type, or that of the expression that it is.
    fn returned(&self, node: Node<'t>) -> Option<String> {
        let parts = named_children(node);
        let mut after = parts.iter().copied().skip_while(|it| it.kind() != "function_value_parameters").skip(1);
        let next = after.find(|it| matches!(it.kind(), "user_type" | "nullable_type" | "function_body"))?;
        if next.kind() != "function_body" {
            return self.class_returned(self.slice(next));
        }
        let value = next.named_child(0).filter(|_| self.slice(next).starts_with('='))?;
        // Parameters are not known yet, so only what is called or begins with a capital counts.
        let is_ours = |it: &String| {
            it.starts_with(char::is_uppercase) || it.split('.').next().is_some_and(|it| it.ends_with(')'))
        };
        self.class_of_object(value).or_else(|| self.class_of_path_value(value).filter(is_ours))
    }

    /// Returns the type that an extension is for.
    fn receiver(&self, node: Node<'t>) -> Option<String> {
        let written = node.child_by_field_name("receiver").or_else(|| child_of(node, &["receiver_type"]))?;
        class_of_type(self.slice(written))
    }

    fn in_companion(&self) -> bool {
        self.around(1).is_some_and(|it| it.kind == Kind::Companion)
    }

    /// A property is a field or variable; with a getter or setter of its own it is code, as a method is.
    pub(super) fn property(&mut self, node: Node<'t>) {
        let Some(declared) = child_of(node, &["variable_declaration"]) else { return };
        let Some(name) = child_of(declared, &["simple_identifier"]) else { return };
        let class = self.written_class(declared).or_else(|| {
            let value = value_of(node)?;
            self.class_of_object(value).or_else(|| self.class_of_path_value(value))
        });
        if matches!(self.scope_kind(), ScopeKind::Function | ScopeKind::Anonymous) {
            self.claim(name);
            return self.bind_local(self.name(name), class);
        }
        self.claim(name);
        let owner = self.receiver(node);
        let name = self.name(name);
        let in_class = self.scope_kind() == ScopeKind::Class;
        if in_class && owner.is_none() {
            self.scope().bind(name, None);
        }
        let accessors = accessors_of(node);
        let accessor = accessors.iter().copied().find(|it| child_of(*it, &["function_body"]).is_some());
        let mut draft = self.draft_of_value(name, SymbolKind::Field, Form::Field, node);
        (draft.kind, draft.form) = match (in_class || owner.is_some(), accessor.is_some()) {
            (true, true) => (SymbolKind::Method, Form::Accessor),
            (false, true) => (SymbolKind::Function, Form::Accessor),
            (true, false) => (SymbolKind::Field, Form::Field),
            (false, false) => (SymbolKind::Variable, Form::Variable),
        };
        if self.says(node, "const") {
            draft.form = Form::Constant;
        }
        draft.owner = owner.or(draft.owner);
        draft.instance_of = class;
        self.annotate(&mut draft, node);
        draft.head.end = match accessors.first().filter(|it| it.end_byte() <= node.end_byte()) {
            Some(it) => it.start_byte().max(draft.head.start),
            None => self.end_of_line(draft.head.start, node),
        };
        self.open_property(draft, accessor.and(accessors.last().copied()));
    }

    /// Adds a property; `last` is the last of its accessors, if one of them has code.
    fn open_property(&mut self, draft: Draft<'t>, last: Option<Node<'t>>) {
        let class = self.around(1).filter(|it| it.kind == Kind::Class).map(|it| it.node);
        let Some(last) = last else {
            self.define(draft);
            if self.scope_kind() == ScopeKind::Class {
                self.open_anonymous();
                self.bind_head(class);
            }
            return;
        };
        let at = self.define_scope(draft, ScopeKind::Function);
        self.bind_head(class);
        if let Some(it) = self.facts.symbols.get_mut(at as usize) {
            it.lines.end = it.lines.end.max(lines_of(last).end);
            it.span.end = it.span.end.max(last.end_byte());
        }
    }

    /// Returns where the first line ends of what begins at `start`.
    fn end_of_line(&self, start: usize, node: Node<'t>) -> usize {
        let rest = self.slice_of(start..node.end_byte());
        let line = rest.trim_start().lines().next().map_or(0, str::len);
        start + rest.len() - rest.trim_start().len() + line
    }

    /// The value that is kept is called `field` in an accessor. One that begins a line stands beside its property in the tree.
    pub(super) fn accessor(&mut self, node: Node<'t>) {
        let start = node.start_byte();
        let mut nearest = self.facts.symbols.iter().enumerate().rev().take(MAX_INSIDE);
        let property =
            nearest.find(|it| it.1.form == Form::Accessor && it.1.span.contains(&start)).map(|it| it.0 as u32);
        match property {
            Some(property) if self.parent_kind() != Kind::Property => {
                self.open(Scope::new(property, ScopeKind::Function));
            }
            _ => self.open_anonymous(),
        }
        self.bind_local("field", None);
    }

    pub(super) fn type_alias(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["type_identifier"]) else { return };
        let mut draft = self.draft(self.name(name), SymbolKind::Class, Form::TypeAlias, node, None);
        self.annotate(&mut draft, node);
        self.define(draft);
        // The end of the alias is that of its type parameters.
        self.open_anonymous();
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        if let Some(name) = child_of(node, &["type_identifier"]) {
            let name = self.name(name);
            self.scope().hide(name);
        }
    }

    /// A parameter of a function; those in the type of a function bind nothing.
    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["simple_identifier"]) else { return };
        self.claim(name);
        if self.parent_kind() == Kind::FunctionTypeParameters {
            return;
        }
        let before = node.prev_named_sibling().filter(|it| it.kind() == "parameter_modifiers");
        let is_list = before.is_some_and(|it| self.slice(it).contains("vararg"));
        let class = self.written_class(node).filter(|_| !is_list);
        self.bind_local(self.name(name), class);
    }

    /// What a loop, a lambda, a `when`, a `catch` or a list of names in parentheses binds.
    pub(super) fn variable(&mut self, node: Node<'t>) {
        let Some(name) = child_of(node, &["simple_identifier"]) else { return };
        if self.is_claimed(name) {
            return;
        }
        self.claim(name);
        let class = self.written_class(node);
        self.bind_local(self.name(name), class);
    }

    /// A function in braces; without parameters it has one that is called `it`.
    pub(super) fn lambda(&mut self, node: Node<'t>) {
        self.open_anonymous();
        if child_of(node, &["lambda_parameters"]).is_none() {
            self.bind_local("it", None);
        }
    }

    /// Returns whether a declaration has a modifier.
    fn says(&self, node: Node<'t>, word: &str) -> bool {
        let modifiers = child_of(node, &["modifiers"]).map(named_children).unwrap_or_default();
        modifiers.into_iter().any(|it| self.kind(it) != Kind::Annotation && self.slice(it) == word)
    }

    /// Adds the annotations; the head begins after those that come first.
    fn annotate(&self, draft: &mut Draft<'t>, node: Node<'t>) {
        let mut leading = true;
        for it in child_of(node, &["modifiers"]).map(named_children).unwrap_or_default() {
            if self.kind(it) == Kind::Annotation {
                draft.decorators.push(one_line(self.slice(it).trim_start_matches('@'), MAX_PATH));
                if leading {
                    draft.head.start = it.end_byte();
                }
            } else if self.kind(it) != Kind::Comment {
                leading = false;
            }
        }
    }
}

/// Returns the getter and setter of a property, in it or, where they begin a line, right after it.
fn accessors_of(node: Node<'_>) -> Vec<Node<'_>> {
    let is_accessor = |it: &Node<'_>| matches!(it.kind(), "getter" | "setter");
    let mut accessors: Vec<Node<'_>> = named_children(node).into_iter().filter(is_accessor).collect();
    let mut next = node.next_named_sibling();
    while let Some(it) = next.filter(|it| accessors.len() < 2 && (is_accessor(it) || it.kind().ends_with("comment"))) {
        accessors.extend(Some(it).filter(is_accessor));
        next = it.next_named_sibling();
    }
    accessors
}

/// Returns the expression after the `=`.
fn value_of(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).skip_while(|it| it.kind() != "=").nth(1)
}
