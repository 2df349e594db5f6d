//! Modules, types, implementations, functions, fields, constants and macros.

use tree_sitter::Node;

use super::builtin::{AMBIENT, ATTRIBUTES};
use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Implements, Receiver, Usage};
use crate::language::walk::{MAX_PATH, Scope, ScopeKind, named_children, one_line, path_of};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    pub(super) fn module(&mut self, node: Node<'t>) -> bool {
        let Some(name) = node.child_by_field_name("name") else { return true };
        self.claim(name);
        if node.child_by_field_name("body").is_none() {
            self.submodule(node, self.slice(name));
            return false;
        }
        self.open_namespace(self.slice(name));
        if self.is_for_tests(node) {
            self.own.tests_until = self.own.tests_until.max(node.end_byte());
        }
        true
    }

    /// Returns whether an attribute right before the node says that it is compiled for tests alone.
    fn is_for_tests(&self, node: Node<'t>) -> bool {
        let before = std::iter::successors(node.prev_named_sibling(), |it| it.prev_named_sibling());
        let attributes = before.take_while(|it| matches!(self.kind(*it), Kind::Attribute | Kind::Comment)).take(10);
        let says = |it: &str| it.starts_with("#[cfg(") && it.contains("test") && !it.contains("not(test");
        attributes.into_iter().any(|it| says(self.slice(it)))
    }

    /// Keeps the attribute for what follows, and notes what it and a `derive` name.
    pub(super) fn attribute(&mut self, node: Node<'t>) -> bool {
        let text = self.slice(node);
        let text = text.strip_prefix("#[").and_then(|it| it.strip_suffix(']')).unwrap_or(text).trim();
        let around = self.around(0).map_or("", |it| it.node.kind());
        if matches!(
            around,
            "source_file" | "declaration_list" | "field_declaration_list" | "enum_variant_list" | "block"
        ) {
            self.attribute_above(node, text);
        }
        let Some(attribute) = node.named_child(0) else { return false };
        let path = attribute.named_child(0);
        let derived = attribute.child_by_field_name("arguments").filter(|_| text.starts_with("derive"));
        let derived = derived.map(named_children).unwrap_or_default();
        for it in path.into_iter().chain(derived) {
            let name = self.slice(it);
            let is_known = ATTRIBUTES.binary_search(&name).is_ok() || AMBIENT.binary_search(&name).is_ok();
            match self.kind(it) {
                Kind::Identifier if !is_known => self.bare(it, Usage::Decorator),
                Kind::Scoped => self.path_member(it, Usage::Decorator),
                _ => {}
            }
        }
        false
    }

    pub(super) fn type_item(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let (form, body) = match frame.kind {
            Kind::Struct => (Form::Struct, node.child_by_field_name("body")),
            Kind::Union => (Form::Union, node.child_by_field_name("body")),
            Kind::Enum => (Form::Enum, node.child_by_field_name("body")),
            Kind::Trait => (Form::Trait, node.child_by_field_name("body")),
            _ => (Form::TypeAlias, None),
        };
        let name = self.slice(name);
        self.bind_local(name, None);
        let is_tuple = body.is_some_and(|it| it.kind() == "ordered_field_declaration_list");
        let mut draft = self.draft(name, SymbolKind::Class, form, node, body.filter(|_| !is_tuple));
        draft.bases = match frame.kind {
            Kind::Trait => self.bounds(node),
            _ => Vec::new(),
        };
        let at = self.define_scope(draft, ScopeKind::Class);
        self.mark_if_for_tests(at);
    }

    fn bounds(&self, node: Node<'t>) -> Vec<String> {
        let bounds = node.child_by_field_name("bounds").map(named_children).unwrap_or_default();
        let named =
            bounds.into_iter().filter(|it| !matches!(it.kind(), "lifetime" | "use_bounds" | "removed_trait_bound"));
        named.map(|it| one_line(self.slice(it), MAX_PATH)).collect()
    }

    pub(super) fn variant(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let draft = self.draft(self.slice(name), SymbolKind::Field, Form::EnumMember, node, None);
        let at = self.define_scope(draft, ScopeKind::Class);
        self.mark_if_for_tests(at);
    }

    pub(super) fn field_of_type(&mut self, node: Node<'t>) {
        // A broken one mostly is what follows a type that does not end.
        let Some(name) = self.field(node, "name").filter(|_| !node.has_error()) else { return };
        let mut draft = self.draft(name, SymbolKind::Field, Form::Field, node, None);
        draft.instance_of = node.child_by_field_name("type").and_then(|it| self.class_of_type(it));
        self.define(draft);
    }

    /// `impl Type`, `impl Trait for Type`: what is defined in it belongs to the type, wherever that is.
    pub(super) fn implementation(&mut self, node: Node<'t>) {
        let written = node.child_by_field_name("type");
        let class = written.and_then(|it| self.class_of_impl(it));
        let base = node.child_by_field_name("trait").and_then(|it| self.class_of_type(it));
        if let (Some(class), Some(base)) = (&class, base) {
            let line = node.start_position().row as u32 + 1;
            self.facts.implements.push(Implements { class: class.clone(), base, line });
        }
        // What is built in has no path, but a name: `impl Trait for [u8]`.
        let named = class.unwrap_or_else(|| written.map_or_else(String::new, |it| one_line(self.slice(it), MAX_PATH)));
        let within = self.within();
        self.open(Scope::owned_by(named, within));
    }

    pub(super) fn function(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let name = self.slice(name);
        let in_class = self.scope_kind() == ScopeKind::Class;
        let takes_self = self.takes_self(node);
        let form = match in_class {
            false => Form::Function,
            true if takes_self => Form::Method,
            true if self.field(node, "return_type").is_some_and(makes_self) => Form::Constructor,
            true => Form::StaticMethod,
        };
        let kind = if in_class { SymbolKind::Method } else { SymbolKind::Function };
        if !in_class {
            self.bind_local(name, None);
        }
        let mut draft = self.draft(name, kind, form, node, node.child_by_field_name("body"));
        draft.instance_of = node.child_by_field_name("return_type").and_then(|it| self.class_of_result(it));
        let at = self.define_scope(draft, ScopeKind::Function);
        self.leave_out_modules(at);
        self.mark_if_for_tests(at);
    }

    /// Takes the modules out of the qualified name of what stands in `impl module::Type`.
    fn leave_out_modules(&mut self, at: u32) {
        let parent = self.facts.symbols.get(at as usize).and_then(|it| it.parent);
        let around = parent.and_then(|it| self.facts.symbols.get(it as usize)).map(|it| it.qualified.clone());
        let Some(it) = self.facts.symbols.get_mut(at as usize) else { return };
        if let Some((_, class)) = it.owner.as_deref().and_then(|it| it.rsplit_once('.')) {
            let parts = around.as_deref().into_iter().chain([class, it.name.as_str()]);
            it.qualified = parts.collect::<Vec<_>>().join(".");
        }
    }

    fn takes_self(&self, node: Node<'t>) -> bool {
        let Some(parameters) = node.child_by_field_name("parameters") else { return false };
        let mut cursor = parameters.walk();
        let mut first = parameters.named_children(&mut cursor).filter(|it| it.kind() != "attribute_item");
        first.next().is_some_and(|it| {
            it.kind() == "self_parameter" || it.child_by_field_name("pattern").is_some_and(|it| it.kind() == "self")
        })
    }

    pub(super) fn constant(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let name = self.slice(name);
        let class = node.child_by_field_name("type").and_then(|it| self.class_of_type(it));
        let (kind, form) = match (self.scope_kind(), frame.kind) {
            (ScopeKind::Function | ScopeKind::Anonymous, _) => {
                self.scope().bind(name, class);
                return;
            }
            // `const _: () = …` only checks something.
            _ if name == "_" => return,
            (ScopeKind::Class, _) => (SymbolKind::Field, Form::Constant),
            (ScopeKind::File, Kind::Static) => (SymbolKind::Variable, Form::Variable),
            (ScopeKind::File, _) => (SymbolKind::Variable, Form::Constant),
        };
        let mut draft = self.draft_of_value(name, kind, form, node);
        draft.instance_of = class;
        let at = self.define(draft);
        self.leave_out_modules(at);
        self.mark_if_for_tests(at);
        // What the value uses, the constant uses.
        self.open(Scope::anonymous(Some(at), None));
    }

    pub(super) fn macro_definition(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let mut cursor = node.walk();
        let body = node.children(&mut cursor).find(|it| matches!(it.kind(), "{" | "(" | "["));
        let draft = self.draft(self.slice(name), SymbolKind::Function, Form::Macro, node, body);
        self.define_scope(draft, ScopeKind::Function);
    }

    fn mark_if_for_tests(&mut self, at: u32) {
        let until = self.own.tests_until;
        if let Some(it) = self.facts.symbols.get_mut(at as usize).filter(|it| it.span.end <= until) {
            it.is_test = true;
        }
    }

    /// A test is a function with an attribute that is called so. Most files have some beside their code: that makes no test file.
    pub(super) fn mark_tests(&mut self, scope: &Scope<'_>) {
        let Some(at) = scope.definition.filter(|_| scope.kind == ScopeKind::Function) else { return };
        if let Some(it) = self.facts.symbols.get_mut(at as usize) {
            it.is_test |= it.decorators.iter().any(|it| is_test_attribute(it));
        }
    }

    pub(super) fn claim_name(&mut self, node: Node<'t>) {
        node.child_by_field_name("name").into_iter().for_each(|it| self.claim(it));
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let name = self.slice(name);
        self.scope().hide(name);
    }

    /// Notes the last name of a path, taken from what is before it.
    pub(super) fn path_member(&mut self, node: Node<'t>, usage: Usage) {
        let parts = (node.child_by_field_name("path"), node.child_by_field_name("name"));
        let Some(name) = parts.1 else { return };
        let text = self.slice(name);
        let path = match parts.0.map(|it| (self.kind(it), it)) {
            Some((Kind::BracketedType, it)) => {
                self.qualified_path(it).or_else(|| it.named_child(0).and_then(|it| self.class_of_type(it)))
            }
            Some((Kind::GenericType, it)) => self.class_of_type(it),
            Some((_, it)) => path_of(self.slice(it)).map(std::borrow::Cow::into_owned),
            // `::name` begins at a crate.
            None => None,
        };
        match path {
            Some(path) => self.taken_from(path, text, usage, name),
            None => self.refer(text, Receiver::Unknown, usage, name),
        }
    }

    /// `<Type as Trait>` is the trait, as far as names go.
    fn qualified_path(&self, bracketed: Node<'t>) -> Option<String> {
        let inner = bracketed.named_child(0).filter(|it| self.kind(*it) == Kind::QualifiedType)?;
        self.class_of_type(inner.child_by_field_name("alias")?)
    }

    fn taken_from(&mut self, path: String, name: &'t str, usage: Usage, node: Node<'t>) {
        let root = path.split('.').next().unwrap_or_default().to_owned();
        match root.as_str() {
            "Self" if path.len() == root.len() => self.refer(name, Receiver::Own, usage, node),
            "Self" => self.refer(name, Receiver::Unknown, usage, node),
            _ => {
                let receiver = Receiver::Path(self.intern(path));
                if root.starts_with(|it: char| it.is_uppercase()) {
                    // It may be a parameter that stands for a type.
                    self.refer_from(root, name, receiver, usage, node);
                } else {
                    // A module is never meant by a local variable of its name.
                    self.refer(name, receiver, usage, node);
                }
            }
        }
    }
}

/// Returns whether a written return type is the own type, perhaps in a result or option.
fn makes_self(written: &str) -> bool {
    written == "Self" || ["Result<Self", "Option<Self"].iter().any(|it| written.contains(it))
}

/// Returns whether an attribute marks tests: `test`, `tokio::test(…)`, `rstest`, `test_case(…)`, `bench`.
fn is_test_attribute(text: &str) -> bool {
    let path = text.split(['(', ' ', '=']).next().unwrap_or(text);
    matches!(
        path.rsplit("::").next(),
        Some("test" | "bench" | "rstest" | "test_case" | "quickcheck" | "wasm_bindgen_test")
    )
}
