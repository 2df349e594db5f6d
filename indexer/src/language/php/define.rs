//! Classes, functions, properties, constants and variables.

use tree_sitter::Node;

use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::language::walk::{Draft, MAX_PATH, Scope, ScopeKind, class_of_type, named_children, one_line};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    pub(super) fn class(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let form = match node.kind() {
            "interface_declaration" => Form::Interface,
            "trait_declaration" => Form::Trait,
            "enum_declaration" => Form::Enum,
            _ => Form::Class,
        };
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(self.slice(name), SymbolKind::Class, form, node, body);
        let clauses = named_children(node).into_iter().filter(|it| self.kind(*it) == Kind::Heritage);
        let bases = clauses.flat_map(named_children).filter(|it| self.kind(*it) != Kind::Comment);
        draft.bases = bases.map(|it| one_line(self.slice(it), MAX_PATH)).collect();
        self.decorate(&mut draft, node);
        self.define_scope(draft, ScopeKind::Class);
    }

    /// Takes the attributes from the head.
    fn decorate(&mut self, draft: &mut Draft<'t>, node: Node<'t>) {
        let Some(list) = node.child_by_field_name("attributes") else { return };
        let attributes = named_children(list).into_iter().flat_map(named_children);
        draft.decorators = attributes.map(|it| one_line(self.slice(it), MAX_PATH)).collect();
        draft.head.start = draft.head.start.max(list.end_byte()).min(draft.head.end);
    }

    pub(super) fn anonymous_class(&mut self) {
        let within = self.within();
        self.open(Scope::owned_by_nothing(within));
    }

    pub(super) fn enum_case(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let mut draft = self.draft(self.slice(name), SymbolKind::Field, Form::EnumMember, node, None);
        self.decorate(&mut draft, node);
        self.define(draft);
    }

    pub(super) fn function(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let Some(written) = node.child_by_field_name("name") else { return };
        self.claim(written);
        let name = self.slice(written);
        let is_static = named_children(node).iter().any(|it| it.kind() == "static_modifier");
        let (kind, form) = match name {
            _ if frame.kind == Kind::Function => (SymbolKind::Function, Form::Function),
            "__construct" => (SymbolKind::Method, Form::Constructor),
            "__destruct" => (SymbolKind::Method, Form::Destructor),
            _ if is_static => (SymbolKind::Method, Form::StaticMethod),
            _ => (SymbolKind::Method, Form::Method),
        };
        let mut draft = self.draft(name, kind, form, node, node.child_by_field_name("body"));
        self.decorate(&mut draft, node);
        draft.instance_of = self.field(node, "return_type").and_then(|it| self.class_of_returned(it));
        let is_test = name.starts_with("test")
            || draft.decorators.iter().any(|it| it.trim_start_matches('\\').rsplit('\\').next() == Some("Test"));
        if is_test && frame.kind == Kind::Method {
            self.scope().marked = true;
        }
        self.define_scope(draft, ScopeKind::Function);
    }

    pub(super) fn property(&mut self, node: Node<'t>) {
        let declaration = self.around(0).map(|it| it.node).filter(|it| self.kind(*it) == Kind::Property);
        let (Some(name), Some(declaration)) = (self.field(node, "name"), declaration) else { return };
        let mut draft = self.draft_of_value(name.trim_start_matches('$'), SymbolKind::Field, Form::Field, declaration);
        self.decorate(&mut draft, declaration);
        draft.instance_of = self.field(declaration, "type").and_then(|it| self.class_of_written(it));
        let at = self.define(draft);
        self.class_of_doc(at);
    }

    /// Where no type is written, `@var` in the documentation is the usual place to say it.
    fn class_of_doc(&mut self, at: u32) {
        let Some(it) = self.facts.symbols.get_mut(at as usize).filter(|it| it.instance_of.is_none()) else { return };
        let said =
            it.doc.as_deref().and_then(|it| it.split_once("@var ")).and_then(|it| it.1.split_whitespace().next());
        let is_class = |it: &&str| it.contains(|it: char| it.is_uppercase()) && !it.contains("[]");
        it.instance_of = said.filter(is_class).and_then(class_of_type);
    }

    pub(super) fn constant(&mut self, node: Node<'t>) {
        let Some(name) = node.named_child(0) else { return };
        self.claim(name);
        let declaration = self.around(0).map_or(node, |it| it.node);
        let kind = if self.within().is_some() { SymbolKind::Field } else { SymbolKind::Variable };
        let mut draft = self.draft_of_value(self.slice(name), kind, Form::Constant, declaration);
        self.decorate(&mut draft, declaration);
        self.define(draft);
    }

    /// A parameter, which in a constructor may be a property as well.
    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name").map(|it| self.slice(it).trim_start_matches('&')) else {
            return;
        };
        let is_variadic = node.kind() == "variadic_parameter";
        let class = self.field(node, "type").filter(|_| !is_variadic).and_then(|it| self.class_of_written(it));
        self.bind_local(name, class.clone());
        let around = self.scopes.iter().rev().find(|it| it.kind == ScopeKind::Class).and_then(|it| it.definition);
        if let Some(around) = around.filter(|_| node.kind() == "property_promotion_parameter") {
            let mut draft = self.draft(name.trim_start_matches('$'), SymbolKind::Field, Form::Field, node, None);
            self.decorate(&mut draft, node);
            (draft.parent, draft.instance_of) = (Some(around), class);
            self.define(draft);
        }
    }

    pub(super) fn catch(&mut self, node: Node<'t>) {
        let types = node.child_by_field_name("type").map(named_children).unwrap_or_default();
        let class = match types[..] {
            [only] => class_of_type(self.slice(only)),
            _ => None,
        };
        if let Some(name) = self.field(node, "name") {
            self.bind_variable(name, class);
        }
    }

    pub(super) fn foreach(&mut self, node: Node<'t>) {
        for it in named_children(node).into_iter().skip(1) {
            match it.kind() {
                "variable_name" => self.bind_variable(self.slice(it), None),
                "pair" | "by_ref" => {
                    let inner = named_children(it).into_iter().filter(|it| it.kind() == "variable_name");
                    inner.for_each(|it| self.bind_variable(self.slice(it), None));
                }
                _ => {}
            }
        }
    }

    pub(super) fn assignment(&mut self, node: Node<'t>) {
        let Some(left) = node.child_by_field_name("left").filter(|it| self.kind(*it) == Kind::Variable) else { return };
        let class = node
            .child_by_field_name("right")
            .and_then(|it| self.class_of_value(it).or_else(|| self.class_of_path_value(it)));
        self.bind_variable(self.slice(left), class);
    }

    fn bind_variable(&mut self, name: &'t str, class: Option<String>) {
        if self.scope_kind() == ScopeKind::File {
            self.own.globals.insert(name.to_owned(), class);
        } else {
            self.bind_local(name, class);
        }
    }

    /// Makes sure that the function around knows a variable as its own: nothing else can be meant.
    pub(super) fn bind_if_unknown(&mut self, name: &'t str) {
        let function = self.scopes.iter_mut().rev().find(|it| it.kind != ScopeKind::Anonymous);
        if let Some(it) = function.filter(|it| it.kind == ScopeKind::Function && !it.binds(name)) {
            it.bind(name, None);
        }
    }
}
