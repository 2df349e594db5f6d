//! Classes, functions, globals and fields.

use std::ops::Range;

use tree_sitter::Node;

use super::refer::Binding;
use super::{Frame, Walker};
use crate::language::walk::{
    MAX_DOC, MAX_PATH, MAX_SIGNATURE, MAX_TEXT, Scope, ScopeKind, cut, dotted_class, lines_of, named_children,
    one_line, text_span,
};
use crate::symbol::{Definition, Form, SymbolKind};

impl<'t> Walker<'t> {
    pub(super) fn enter_class(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name").map(|it| self.slice(it)) else { return };
        let bases = node.child_by_field_name("superclasses").map(named_children).unwrap_or_default();
        let bases = bases.into_iter().filter(|it| !matches!(it.kind(), "keyword_argument" | "comment"));
        let bases = bases.map(|it| one_line(self.slice(it), MAX_PATH)).collect();
        if self.scope_kind() == ScopeKind::Function {
            self.scope().bind(name, None);
        }
        let at = self.define_named(node, name, SymbolKind::Class, bases);
        self.open(Scope::new(at, ScopeKind::Class));
    }

    pub(super) fn enter_function(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name").map(|it| self.slice(it)) else { return };
        let in_class = self.scope_kind() == ScopeKind::Class;
        let kind = if in_class { SymbolKind::Method } else { SymbolKind::Function };
        // A function nested in another is one of the other's local names.
        self.scope().bind(name, None);
        let at = self.define_named(node, name, kind, Vec::new());
        let mut scope = Scope::new(at, ScopeKind::Function);
        let is_static = self.facts.symbols[at as usize].decorators.iter().any(|it| it == "staticmethod");
        // In a function nested in a method, `self` is still the method's.
        scope.own_name = if in_class && !is_static { self.first_parameter(node) } else { self.own_name() };
        self.open(scope);
    }

    fn first_parameter(&self, function: Node<'t>) -> Option<&'t str> {
        let first = function.child_by_field_name("parameters")?.named_child(0)?;
        let name = match first.kind() {
            "identifier" => first,
            "typed_parameter" => first.named_child(0)?,
            _ => first.child_by_field_name("name")?,
        };
        Some(self.slice(name))
    }

    fn define_named(&mut self, node: Node<'t>, name: &str, kind: SymbolKind, bases: Vec<String>) -> u32 {
        let form = match kind {
            SymbolKind::Class => Form::Class,
            SymbolKind::Method if name == "__init__" => Form::Constructor,
            SymbolKind::Method => Form::Method,
            SymbolKind::Function | SymbolKind::Variable | SymbolKind::Field => Form::Function,
        };
        let decorated = self.frames.last().map(|it| it.node).filter(|it| it.kind() == "decorated_definition");
        let outer = decorated.unwrap_or(node);
        let decorators = decorated.map(named_children).unwrap_or_default();
        let decorators = decorators.into_iter().filter(|it| it.kind() == "decorator");
        let decorators =
            decorators.map(|it| one_line(self.slice(it).trim_start_matches('@').trim(), MAX_PATH)).collect();
        let body = node.child_by_field_name("body");
        let head_end = body.map_or(node.end_byte(), |it| it.start_byte());
        let doc = self.take_doc(body, Some(self.facts.symbols.len() as u32));
        self.push_definition(Definition {
            name: name.to_owned(),
            qualified: String::new(),
            kind,
            form,
            lines: lines_of(outer),
            span: outer.byte_range(),
            signature: self.head(node.start_byte()..head_end),
            doc,
            is_test: false,
            bases,
            decorators,
            parent: self.within(),
            owner: None,
            namespace: None,
            instance_of: None,
        })
    }

    fn head(&self, range: Range<usize>) -> String {
        let text = self.slice_of(range).trim_end();
        // A comment may stand between the colon and the body.
        let head = match text.rsplit_once(':') {
            Some((head, rest)) if rest.is_empty() || rest.trim_start().starts_with('#') => head,
            Some(_) | None => text,
        };
        one_line(head, MAX_SIGNATURE)
    }

    /// Takes the documentation string at the top of a body.
    pub(super) fn take_doc(&mut self, body: Option<Node<'t>>, within: Option<u32>) -> Option<String> {
        let body = body?;
        let mut cursor = body.walk();
        let first = body.named_children(&mut cursor).find(|it| it.kind() != "comment")?;
        let string = first.named_child(0).filter(|_| first.kind() == "expression_statement")?;
        if string.kind() != "string" {
            return None;
        }
        self.own.doc_nodes.insert(string.id());
        let text = cut(self.string_content(string).trim(), MAX_DOC);
        self.facts.docs.push(text_span(string, cut(text, MAX_TEXT), within));
        Some(text.to_owned())
    }

    /// Defines a global or field for a name that is bound by an assignment.
    pub(super) fn define_variable(
        &mut self,
        name: &'t str,
        assignment: Node<'t>,
        parent: Option<u32>,
        kind: SymbolKind,
    ) {
        let statement = assignment.parent().filter(|it| it.kind() == "expression_statement").unwrap_or(assignment);
        let instance_of = self.class_of_value(assignment);
        let form = if kind == SymbolKind::Field { Form::Field } else { Form::Variable };
        self.push_definition(Definition {
            name: name.to_owned(),
            qualified: String::new(),
            kind,
            form,
            lines: lines_of(statement),
            span: statement.byte_range(),
            signature: one_line(self.slice(statement).lines().next().unwrap_or(""), 120),
            doc: None,
            is_test: false,
            bases: Vec::new(),
            decorators: Vec::new(),
            parent,
            owner: None,
            namespace: None,
            instance_of,
        });
        if name == "__all__" && parent.is_none() {
            let listed = assignment.child_by_field_name("right").map(named_children).unwrap_or_default();
            let listed = listed.into_iter().filter(|it| it.kind() == "string");
            self.facts.exports = Some(listed.map(|it| self.string_content(it).to_owned()).collect());
        }
    }

    /// Returns the class of what is assigned: the annotation, or the class that is called (by the convention of capitals).
    pub(super) fn class_of_value(&self, assignment: Node<'t>) -> Option<String> {
        if let Some(annotation) = assignment.child_by_field_name("type") {
            return self.class_of_annotation(annotation);
        }
        let value = assignment.child_by_field_name("right").filter(|it| it.kind() == "call")?;
        dotted_class(self.slice(value.child_by_field_name("function")?))
    }

    pub(super) fn class_of_annotation(&self, annotation: Node<'t>) -> Option<String> {
        dotted_class(self.slice(annotation).trim_matches(['"', '\'']))
    }

    /// `self.x = …` in a method makes a field of the class, unless there is one.
    pub(super) fn own_field(&mut self, name: &'t str, frame: Frame<'t>) {
        let Some(Binding::Assignment(assignment)) = self.binding(frame) else { return };
        let Some(class) = self.scopes.iter_mut().rev().find(|it| it.kind == ScopeKind::Class) else { return };
        let Some(definition) = class.definition else { return };
        if class.bind(name, None) {
            self.define_variable(name, assignment, Some(definition), SymbolKind::Field);
        }
    }
}
