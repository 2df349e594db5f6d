//! Types and their members.

use tree_sitter::Node;

use super::facts::{Walker, class_of};
use super::kind::Kind;
use crate::language::walk::{Draft, MAX_PATH, ScopeKind, named_children, one_line};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    pub(super) fn class(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let form = match node.kind() {
            "struct_declaration" => Form::Struct,
            "interface_declaration" => Form::Interface,
            "enum_declaration" => Form::Enum,
            "record_declaration" => Form::Record,
            _ => Form::Class,
        };
        let mut draft = self.draft(self.slice(name), SymbolKind::Class, form, node, node.child_by_field_name("body"));
        draft.bases = self.bases(node);
        self.attribute(&mut draft, node);
        let at = self.define_class(draft);
        self.primary_parameters(node, at, form);
    }

    fn bases(&self, node: Node<'t>) -> Vec<String> {
        let list = named_children(node).into_iter().find(|it| it.kind() == "base_list");
        let types = list.map(named_children).unwrap_or_default().into_iter().filter_map(|it| match it.kind() {
            "primary_constructor_base_type" => it.child_by_field_name("type").or_else(|| it.named_child(0)),
            "argument_list" | "comment" => None,
            _ => Some(it),
        });
        types.map(|it| one_line(self.slice(it), MAX_PATH)).collect()
    }

    /// The parameters of a class are seen in all of it; those of a record are properties.
    fn primary_parameters(&mut self, node: Node<'t>, class: u32, form: Form) {
        let form = if form == Form::Record { Form::Property } else { Form::Field };
        let list = named_children(node).into_iter().find(|it| it.kind() == "parameter_list");
        for it in list.map(named_children).unwrap_or_default() {
            let Some(name) = it.child_by_field_name("name") else { continue };
            self.claim(name);
            let name = self.slice(name);
            let mut draft = self.draft_of_value(name, SymbolKind::Field, form, it);
            draft.instance_of = self.field(it, "type").and_then(class_of);
            draft.parent = Some(class);
            self.attribute(&mut draft, it);
            self.define(draft);
            self.scope().bind(name, None);
        }
    }

    /// Adds the attributes; the head begins after them.
    fn attribute(&self, draft: &mut Draft<'t>, node: Node<'t>) {
        let leads = |it: &Node<'t>| matches!(it.kind(), "attribute_list" | "preproc_if_in_attribute_list" | "comment");
        for list in named_children(node).into_iter().take_while(leads) {
            let inner = named_children(list).into_iter().flat_map(|it| match it.kind() {
                // Behind a condition.
                "attribute_list" => named_children(it),
                _ => vec![it],
            });
            let attributes = inner.filter(|it| it.kind() == "attribute");
            draft.decorators.extend(attributes.map(|it| one_line(self.slice(it), MAX_PATH)));
            draft.head.start = list.end_byte();
            draft.head.end = draft.head.end.max(draft.head.start);
        }
    }

    /// Returns whether a declaration has a modifier.
    fn says(&self, node: Node<'t>, word: &str) -> bool {
        named_children(node).into_iter().any(|it| it.kind() == "modifier" && self.slice(it) == word)
    }

    pub(super) fn enum_member(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let name = self.slice(name);
        self.scope().bind(name, None);
        let mut draft = self.draft(name, SymbolKind::Field, Form::EnumMember, node, None);
        self.attribute(&mut draft, node);
        self.define(draft);
    }

    /// A method, constructor or finalizer.
    pub(super) fn method(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return self.open_anonymous() };
        self.claim(name);
        let name = self.slice(name);
        let body = self.body(node);
        let mut draft = self.draft(name, SymbolKind::Method, Form::Method, node, body);
        match node.kind() {
            "constructor_declaration" => draft.form = Form::Constructor,
            "destructor_declaration" => {
                draft.form = Form::Destructor;
                draft.name = format!("~{name}").into();
            }
            _ => {
                // The name of a constructor means its class.
                self.bind_member(name);
                if self.says(node, "static") {
                    draft.form = Form::StaticMethod;
                }
                draft.instance_of = self.returned(node);
            }
        }
        self.attribute(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Returns the class of what a method or local function returns; names of type parameters begin with a `T` of their own.
    fn returned(&self, node: Node<'t>) -> Option<String> {
        let written = self.field(node, "returns").or_else(|| self.field(node, "type"))?;
        let class = self.class_returned(written).filter(|_| !written.starts_with('('))?;
        let is_parameter = class.strip_prefix('T').is_some_and(|it| it.starts_with(char::is_uppercase));
        (!is_parameter).then_some(class)
    }

    /// Binds what is meant by its bare name in all of the class.
    fn bind_member(&mut self, name: &'t str) {
        if self.scope_kind() == ScopeKind::Class {
            self.scope().bind(name, None);
        }
    }

    /// Returns what comes after the head.
    fn body(&self, node: Node<'t>) -> Option<Node<'t>> {
        let initializer = named_children(node).into_iter().find(|it| it.kind() == "constructor_initializer");
        initializer.or_else(|| node.child_by_field_name("body"))
    }

    pub(super) fn local_function(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return self.open_anonymous() };
        self.claim(name);
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(self.slice(name), SymbolKind::Function, Form::Function, node, body);
        draft.instance_of = self.returned(node);
        self.attribute(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    pub(super) fn operator(&mut self, node: Node<'t>) {
        let converted = if node.kind() == "conversion_operator_declaration" { "type" } else { "operator" };
        let Some(what) = node.child_by_field_name(converted) else { return self.open_anonymous() };
        let gap = if converted == "type" { " " } else { "" };
        let name = format!("operator{gap}{}", one_line(self.slice(what), MAX_PATH));
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(name, SymbolKind::Method, Form::Operator, node, body);
        self.attribute(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// A property or indexer: a method where it has code, a field where it only keeps a value.
    pub(super) fn property(&mut self, node: Node<'t>) {
        let is_indexer = node.kind() == "indexer_declaration";
        let name = node.child_by_field_name("name");
        let text = match name {
            Some(name) => self.slice(name),
            None if is_indexer => "this[]",
            None => return,
        };
        name.into_iter().for_each(|it| self.claim(it));
        self.bind_member(text);
        let value = node.child_by_field_name("value");
        let accessors = node.child_by_field_name("accessors");
        let arrow = value.filter(|it| it.kind() == "arrow_expression_clause");
        let runs = is_indexer || arrow.is_some() || accessors.is_some_and(has_code);
        let (kind, form) =
            if runs { (SymbolKind::Method, Form::Accessor) } else { (SymbolKind::Field, Form::Property) };
        let mut draft = self.draft(text, kind, form, node, accessors.or(arrow));
        draft.instance_of = self.field(node, "type").and_then(class_of);
        self.attribute(&mut draft, node);
        if runs {
            self.define_scope(draft, ScopeKind::Function);
        } else {
            self.define(draft);
        }
    }

    /// An event with accessors of its own.
    pub(super) fn event(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let name = self.slice(name);
        self.bind_member(name);
        let accessors = node.child_by_field_name("accessors");
        let mut draft = self.draft(name, SymbolKind::Method, Form::Event, node, accessors);
        self.attribute(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Fields, constants, and events that only keep who listens.
    pub(super) fn fields(&mut self, node: Node<'t>) {
        let form = match node.kind() {
            "event_field_declaration" => Form::Event,
            _ if self.says(node, "const") || (self.says(node, "static") && self.says(node, "readonly")) => {
                Form::Constant
            }
            _ => Form::Field,
        };
        let Some(declared) = named_children(node).into_iter().find(|it| self.kind(*it) == Kind::Declaration) else {
            return;
        };
        let class = self.field(declared, "type").and_then(class_of);
        for it in named_children(declared).into_iter().filter(|it| it.kind() == "variable_declarator") {
            let Some(name) = it.child_by_field_name("name") else { continue };
            self.claim(name);
            let name = self.slice(name);
            self.bind_member(name);
            let mut draft = self.draft(name, SymbolKind::Field, form, node, None);
            self.attribute(&mut draft, node);
            let head = self.slice_of(draft.head.clone());
            let line = head.len() - head.trim_start().len() + head.trim_start().lines().next().map_or(0, str::len);
            draft.head.end = draft.head.start + line;
            draft.instance_of = class.clone();
            self.define(draft);
        }
    }

    pub(super) fn delegate(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let mut draft = self.draft(self.slice(name), SymbolKind::Class, Form::Delegate, node, None);
        self.attribute(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }
}

/// Returns whether an accessor has a body.
fn has_code(accessors: Node<'_>) -> bool {
    named_children(accessors).into_iter().any(|it| it.child_by_field_name("body").is_some())
}
