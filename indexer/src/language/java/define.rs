//! Classes, methods, fields and local names.

use tree_sitter::Node;

use super::facts::{Kind, Walker};
use crate::language::walk::{Draft, MAX_PATH, ScopeKind, class_of_type, named_children, one_line};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    pub(super) fn class(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let name = self.slice(name);
        let form = match node.kind() {
            "interface_declaration" => Form::Interface,
            "enum_declaration" => Form::Enum,
            "record_declaration" => Form::Record,
            "annotation_type_declaration" => Form::Annotation,
            _ => Form::Class,
        };
        self.bind_local(name, None);
        let mut draft = self.draft(name, SymbolKind::Class, form, node, node.child_by_field_name("body"));
        draft.bases = self.bases(node);
        self.annotate(&mut draft, node);
        let at = self.define_class(draft);
        if form == Form::Record {
            self.record_fields(node, at);
        }
    }

    fn bases(&self, node: Node<'t>) -> Vec<String> {
        let heritage = named_children(node).into_iter().filter(|it| self.kind(*it) == Kind::Heritage);
        let types = heritage.flat_map(named_children).flat_map(|it| match self.kind(it) {
            Kind::TypeList => named_children(it),
            _ => vec![it],
        });
        types.filter(|it| self.kind(*it) != Kind::Comment).map(|it| one_line(self.slice(it), MAX_PATH)).collect()
    }

    fn record_fields(&mut self, node: Node<'t>, class: u32) {
        for it in node.child_by_field_name("parameters").map(named_children).unwrap_or_default() {
            let Some(name) = it.child_by_field_name("name") else { continue };
            self.claim(name);
            let mut draft = self.draft_of_value(self.slice(name), SymbolKind::Field, Form::Field, it);
            draft.instance_of = self.field(it, "type").and_then(class_of_type);
            draft.parent = Some(class);
            self.define(draft);
            let name = self.slice(name);
            self.scope().bind(name, None);
        }
    }

    /// Adds the annotations; the head begins after those that come first.
    fn annotate(&self, draft: &mut Draft<'t>, node: Node<'t>) {
        let modifiers = named_children(node).into_iter().find(|it| it.kind() == "modifiers");
        let mut leading = true;
        let mut cursor = node.walk();
        let words: Vec<Node<'t>> = modifiers.map(|it| it.children(&mut cursor).collect()).unwrap_or_default();
        for it in words {
            if self.kind(it) == Kind::Annotation {
                draft.decorators.push(one_line(self.slice(it).trim_start_matches('@'), MAX_PATH));
                if leading {
                    draft.head.start = it.end_byte();
                }
            } else {
                leading = false;
            }
        }
    }

    pub(super) fn enum_constant(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let body = node.child_by_field_name("body");
        let name = self.slice(name);
        self.scope().bind(name, None);
        let mut draft = self.draft(name, SymbolKind::Field, Form::EnumMember, node, body);
        self.annotate(&mut draft, node);
        match body {
            Some(_) => self.define_class(draft),
            None => self.define(draft),
        };
    }

    pub(super) fn method(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return self.open_anonymous() };
        self.claim(name);
        let name = self.slice(name);
        let makes = node.kind().ends_with("constructor_declaration");
        // The name of a constructor means its class.
        if self.scope_kind() == ScopeKind::Class && !makes {
            self.scope().bind(name, None);
        }
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(name, SymbolKind::Method, Form::Method, node, body);
        if makes {
            draft.form = Form::Constructor;
        } else if self.says(node, "static") {
            draft.form = Form::StaticMethod;
        }
        draft.instance_of = self.field(node, "type").and_then(|it| self.class_returned(it));
        self.annotate(&mut draft, node);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Returns whether a declaration has a modifier.
    fn says(&self, node: Node<'t>, word: &str) -> bool {
        let modifiers = node.named_child(0).filter(|it| it.kind() == "modifiers");
        let mut cursor = node.walk();
        modifiers.is_some_and(|it| it.children(&mut cursor).any(|it| it.kind() == word))
    }

    pub(super) fn fields(&mut self, node: Node<'t>) {
        let class = self.field(node, "type").and_then(class_of_type);
        let constant = node.kind() == "constant_declaration" || (self.says(node, "static") && self.says(node, "final"));
        let form = if constant { Form::Constant } else { Form::Field };
        for it in named_children(node).into_iter().filter(|it| it.kind() == "variable_declarator") {
            let Some(name) = it.child_by_field_name("name") else { continue };
            self.claim(name);
            let name = self.slice(name);
            self.scope().bind(name, None);
            let mut draft = self.draft_of_value(name, SymbolKind::Field, form, node);
            self.annotate(&mut draft, node);
            if draft.head.end <= draft.head.start {
                draft.head.end = node.end_byte();
            }
            draft.instance_of = class.clone();
            self.define(draft);
        }
    }

    pub(super) fn locals(&mut self, node: Node<'t>) {
        let written = self.field(node, "type");
        let class = written.and_then(class_of_type).filter(|it| it != "var");
        for it in named_children(node).into_iter().filter(|it| it.kind() == "variable_declarator") {
            let Some(name) = it.child_by_field_name("name") else { continue };
            self.claim(name);
            let value = it.child_by_field_name("value");
            let class = class.clone().or_else(|| {
                let value = value?;
                self.class_of_object(value).or_else(|| self.class_of_path_value(value))
            });
            self.bind_local(self.slice(name), class);
        }
    }

    /// A parameter, or what is declared like one.
    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let declared = node.child_by_field_name("name");
        let name = declared.or_else(|| {
            let last = named_children(node).into_iter().next_back()?;
            last.child_by_field_name("name").or(Some(last).filter(|it| it.kind() == "identifier"))
        });
        let Some(name) = name.filter(|it| it.kind() == "identifier") else { return };
        // The variable that a `try` takes over is no new one.
        if node.kind() == "resource" && declared.is_none() {
            return;
        }
        self.claim(name);
        let written = self.field(node, "type").or_else(|| {
            let kinds = ["catch_type", "type_identifier", "generic_type", "scoped_type_identifier"];
            named_children(node).into_iter().find(|it| kinds.contains(&it.kind())).map(|it| self.slice(it))
        });
        let class = written.and_then(class_of_type).filter(|it| it != "var" && node.kind() != "spread_parameter");
        let class = class.filter(|_| !written.is_some_and(|it| it.contains('|')));
        self.bind_local(self.slice(name), class);
    }

    pub(super) fn lambda(&mut self, node: Node<'t>) {
        self.open_anonymous();
        let Some(parameters) = node.child_by_field_name("parameters") else { return };
        let names = match parameters.kind() {
            "identifier" => vec![parameters],
            "inferred_parameters" => named_children(parameters),
            _ => Vec::new(),
        };
        for it in names {
            self.claim(it);
            self.bind_local(self.slice(it), None);
        }
    }

    /// `x instanceof Y y`.
    pub(super) fn instance_of(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let class = self.field(node, "right").and_then(class_of_type);
        self.bind_local(self.slice(name), class);
    }

    /// `case Y y ->`.
    pub(super) fn type_pattern(&mut self, node: Node<'t>) {
        let (Some(kind), Some(name)) = (node.named_child(0), node.named_child(1)) else { return };
        self.claim(name);
        let class = class_of_type(self.slice(kind));
        self.bind_local(self.slice(name), class);
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        let Some(name) = named_children(node).into_iter().find(|it| it.kind() == "type_identifier") else { return };
        self.claim(name);
        let name = self.slice(name);
        self.scope().hide(name);
    }
}
