//! Functions, classes, fields, variables and namespaces.

use tree_sitter::Node;

use super::declarator::{Declared, plain_path};
use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Import, ImportForm, ImportItem, Usage};
use crate::language::walk::{Draft, MAX_PATH, Scope, ScopeKind, named_children, one_line};
use crate::symbol::{Form, SymbolKind};

/// Macros that define a test from the names in their parentheses.
const TEST_MACROS: &[&str] = &[
    "TEST",
    "TEST_F",
    "TEST_P",
    "TYPED_TEST",
    "TYPED_TEST_P",
    "BOOST_AUTO_TEST_CASE",
    "BOOST_FIXTURE_TEST_CASE",
    "TEST_CASE",
    "TEST_METHOD",
    "IUTEST",
];

impl<'t> Walker<'t> {
    pub(super) fn function(&mut self, node: Node<'t>) {
        let body = node.child_by_field_name("body");
        let declared = node.child_by_field_name("declarator").and_then(|it| self.declared(it));
        let Some(Declared { name, .. }) = declared else { return self.open_function_scope(None) };
        if self.test_macro(node, name, body) {
            return;
        }
        let draft = self.draft_of_function(node, name, body);
        let parameters = std::mem::take(&mut self.own.parameters);
        self.define_scope(draft, ScopeKind::Function);
        self.hide_all(&parameters);
    }

    fn open_function_scope(&mut self, definition: Option<u32>) {
        let scope = Scope::anonymous(definition.or(self.within()), None);
        self.open(scope);
    }

    /// A function with its kind and form, its name claimed, and its owner where that is written before the name.
    fn draft_of_function(&mut self, node: Node<'t>, name: Node<'t>, body: Option<Node<'t>>) -> Draft<'t> {
        self.claim_name(name);
        let (short, owner) = self.split_name(name);
        let in_class = self.scope_kind() == ScopeKind::Class;
        let kind = if in_class || owner.is_some() { SymbolKind::Method } else { SymbolKind::Function };
        let around = owner.as_deref().and_then(|it| it.rsplit('.').next()).or_else(|| {
            let class = self.within().filter(|_| in_class)?;
            self.facts.symbols.get(class as usize).map(|it| it.name.as_str())
        });
        let around = around.map(|it| it.split('<').next().unwrap_or(it));
        let form = match &short {
            it if it.starts_with('~') => Form::Destructor,
            it if it.starts_with("operator") => Form::Operator,
            it if around == Some(it.as_str()) => Form::Constructor,
            _ if body.is_none() => Form::Prototype,
            _ if kind == SymbolKind::Method => Form::Method,
            _ => Form::Function,
        };
        // The name of a constructor means its class.
        if in_class && !matches!(form, Form::Constructor | Form::Destructor) {
            let name = self.slice(name);
            self.scope().bind(name, None);
        }
        let outer = self.templated(node);
        let mut draft = self.draft(short, kind, form, outer, body);
        draft.owner = owner;
        if matches!(form, Form::Function | Form::Method | Form::Prototype) {
            draft.instance_of = self.class_of(node).and_then(|it| self.unless_parameter(it));
        }
        draft
    }

    /// Claims a name with what stands before it, which the definition holds as its owner.
    fn claim_name(&mut self, name: Node<'t>) {
        self.claim(name);
        let mut last = name;
        while let Some(inner) = last.child_by_field_name("name").filter(|_| self.kind(last) == Kind::Qualified) {
            last = inner;
        }
        self.claim(last);
        last.named_child(0).into_iter().for_each(|it| self.claim(it));
    }

    /// `TEST(Suite, name) { … }` is a function called `TEST` to the grammar.
    fn test_macro(&mut self, node: Node<'t>, name: Node<'t>, body: Option<Node<'t>>) -> bool {
        if node.child_by_field_name("type").is_some() || !TEST_MACROS.contains(&self.slice(name)) {
            return false;
        }
        let Some(parameters) = name.parent().and_then(|it| it.child_by_field_name("parameters")) else { return false };
        let names: Vec<&str> = named_children(parameters).into_iter().map(|it| self.slice(it)).collect();
        let (owner, short) = match names.as_slice() {
            [only] => (None, *only),
            [suite, test, ..] => (Some((*suite).to_owned()), *test),
            [] => return false,
        };
        self.claim(name);
        named_children(parameters).into_iter().for_each(|it| self.claim(it));
        let mut draft = self.draft(short, SymbolKind::Function, Form::Function, node, body);
        draft.owner = owner;
        let at = self.define_scope(draft, ScopeKind::Function);
        self.mark_test(at);
        true
    }

    /// Returns the template around a definition, or the definition.
    fn templated(&self, node: Node<'t>) -> Node<'t> {
        let templates = self.frames.iter().rev().take_while(|it| it.kind == Kind::Template);
        templates.last().map_or(node, |it| it.node)
    }

    fn hide_all(&mut self, names: &[std::ops::Range<usize>]) {
        for it in names {
            let name = self.slice_of(it.clone());
            self.scope().hide(name);
        }
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        let mut names = named_children(node).into_iter().filter(|it| it.kind() == "type_identifier");
        if let Some(name) = node.child_by_field_name("name").or_else(|| names.next()) {
            self.claim(name);
            self.own.parameters.push(name.byte_range());
        }
    }

    pub(super) fn class(&mut self, node: Node<'t>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let form = match node.kind() {
            "struct_specifier" => Form::Struct,
            "union_specifier" => Form::Union,
            _ => Form::Class,
        };
        let named = node.child_by_field_name("name").or_else(|| self.name_by_typedef());
        let Some(name) = named else { return self.open(Scope::owned_by_nothing(self.within()).with_implicit_own()) };
        let (short, owner) = self.split_name(name);
        self.claim(name);
        let outer = self.around_specifier(node);
        let mut draft = self.draft(short, SymbolKind::Class, form, outer, Some(body));
        draft.owner = owner;
        let clause = named_children(node).into_iter().find(|it| self.kind(*it) == Kind::Bases);
        let bases = clause.map(named_children).unwrap_or_default().into_iter();
        let bases = bases.filter(|it| !matches!(it.kind(), "access_specifier" | "comment" | "attribute_declaration"));
        draft.bases = bases.map(|it| one_line(self.slice(it), MAX_PATH)).collect();
        let parameters = std::mem::take(&mut self.own.parameters);
        self.define_class(draft);
        self.hide_all(&parameters);
    }

    /// `typedef struct { … } Name;`
    fn name_by_typedef(&self) -> Option<Node<'t>> {
        let parent = self.around(0).filter(|it| it.kind == Kind::Typedef)?;
        let first = self.declarators(parent.node).into_iter().find_map(|it| self.declared(it))?;
        Some(first.name).filter(|it| it.kind() == "type_identifier")
    }

    /// Returns the declaration or template that only wraps a class or enumeration.
    fn around_specifier(&self, node: Node<'t>) -> Node<'t> {
        let parent = self.around(0).filter(|it| matches!(it.kind, Kind::Typedef | Kind::Declaration));
        match parent {
            Some(it) => it.node,
            None => self.templated(node),
        }
    }

    pub(super) fn enumeration(&mut self, node: Node<'t>) {
        let Some(body) = node.child_by_field_name("body") else { return };
        let named = node.child_by_field_name("name").or_else(|| self.name_by_typedef());
        let Some(name) = named else { return };
        let (short, owner) = self.split_name(name);
        self.claim(name);
        let outer = self.around_specifier(node);
        let mut draft = self.draft(short, SymbolKind::Class, Form::Enum, outer, Some(body));
        draft.owner = owner;
        self.define_scope(draft, ScopeKind::Class);
    }

    pub(super) fn enumerator(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let draft = self.draft_of_value(self.slice(name), SymbolKind::Field, Form::EnumMember, node);
        self.define(draft);
    }

    pub(super) fn typedef(&mut self, node: Node<'t>) {
        let specifier = node.child_by_field_name("type");
        let defined = specifier.filter(|it| it.child_by_field_name("body").is_some());
        let own_name = defined.and_then(|it| self.field(it, "name"));
        for (at, it) in self.declarators(node).into_iter().enumerate() {
            let Some(Declared { name, .. }) = self.declared(it) else { continue };
            self.claim(name);
            let text = self.slice(name);
            // The struct itself is defined under this name.
            let is_same = own_name == Some(text) || (defined.is_some() && own_name.is_none() && at == 0);
            if !is_same && !self.in_function() {
                let mut draft = self.draft_of_value(text, SymbolKind::Class, Form::TypeAlias, node);
                draft.instance_of = self.class_of(node);
                // What documents both is the struct's.
                draft.takes_doc = defined.is_none();
                self.define(draft);
            }
        }
    }

    /// `using Name = type;` and `concept Name = …;`
    pub(super) fn alias(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        self.own.parameters.clear();
        let form = if self.kind(node) == Kind::Concept { Form::Interface } else { Form::TypeAlias };
        let mut draft = self.draft_of_value(self.slice(name), SymbolKind::Class, form, self.templated(node));
        draft.instance_of = self.class_of(node);
        self.define(draft);
    }

    fn in_function(&self) -> bool {
        matches!(self.scope_kind(), ScopeKind::Function | ScopeKind::Anonymous)
    }

    /// A declaration: a prototype, a global, or names of a function.
    pub(super) fn declaration(&mut self, node: Node<'t>) {
        let in_function = self.in_function();
        let class = self.class_of(node);
        for declarator in self.declarators(node) {
            let Some(Declared { name, is_function }) = self.declared(declarator) else {
                self.bind_structured(declarator);
                continue;
            };
            if in_function {
                self.claim(name);
                let value = declarator.child_by_field_name("value");
                if value.is_some_and(|it| it.kind() == "argument_list") {
                    self.made(node);
                }
                let class = class.clone().or_else(|| {
                    let value = value?;
                    self.class_made(value).or_else(|| self.class_of_path_value(value))
                });
                let name = self.slice(name);
                self.scope().bind(name, class);
            } else if is_function {
                let draft = self.draft_of_function(node, name, None);
                self.define(draft);
                self.own.parameters.clear();
            } else {
                self.global(node, name, class.clone());
            }
        }
    }

    /// `Order order(1);` calls what makes an instance.
    fn made(&mut self, declaration: Node<'t>) {
        let Some(written) = declaration.child_by_field_name("type") else { return };
        match written.kind() {
            "type_identifier" => self.bare(written, Usage::Call),
            "qualified_identifier" => {
                let path = plain_path(self.slice(written));
                if let (Some(path), Some(name)) = (path, written.child_by_field_name("name")) {
                    let (before, _) = path.rsplit_once('.').unwrap_or(("", &path));
                    if name.kind() == "type_identifier" && !before.is_empty() {
                        self.member_of(before.to_owned().into(), self.slice(name), Usage::Call, name);
                    }
                }
            }
            _ => {}
        }
    }

    fn global(&mut self, node: Node<'t>, name: Node<'t>, class: Option<String>) {
        self.claim_name(name);
        let (short, owner) = self.split_name(name);
        let outer = self.templated(node);
        let line = self.slice(node).lines().next().unwrap_or("");
        let is_constant = line.split_whitespace().take(4).any(|it| matches!(it, "const" | "constexpr"));
        let form = if is_constant { Form::Constant } else { Form::Variable };
        let in_class = self.scope_kind() == ScopeKind::Class || owner.is_some();
        let kind = if in_class { SymbolKind::Field } else { SymbolKind::Variable };
        let mut draft = self.draft_of_value(short, kind, form, outer);
        (draft.owner, draft.instance_of) = (owner, class);
        self.define(draft);
    }

    /// `auto [a, b] = …`.
    fn bind_structured(&mut self, declarator: Node<'t>) {
        let inner = declarator.child_by_field_name("declarator").unwrap_or(declarator);
        let inner = if inner.kind() == "reference_declarator" { inner.named_child(0).unwrap_or(inner) } else { inner };
        if inner.kind() == "structured_binding_declarator" {
            for it in named_children(inner) {
                self.claim(it);
                self.bind_local(self.slice(it), None);
            }
        }
    }

    /// Fields and the methods that a class only declares.
    pub(super) fn field_declaration(&mut self, node: Node<'t>) {
        let class = self.class_of(node);
        for declarator in self.declarators(node) {
            let Some(Declared { name, is_function }) = self.declared(declarator) else { continue };
            if is_function {
                let draft = self.draft_of_function(node, name, None);
                self.define(draft);
                continue;
            }
            self.claim(name);
            let text = self.slice(name);
            self.scope().bind(text, None);
            let mut draft = self.draft_of_value(text, SymbolKind::Field, Form::Field, node);
            draft.instance_of = class.clone();
            self.define(draft);
        }
    }

    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let declared = node.child_by_field_name("declarator").and_then(|it| self.declared(it));
        let Some(Declared { name, .. }) = declared.filter(|it| it.name.kind() == "identifier") else { return };
        self.claim(name);
        if self.around(0).is_some_and(|it| it.node.kind() == "template_parameter_list") {
            return self.own.parameters.push(name.byte_range());
        }
        let class = self.class_of(node);
        self.bind_local(self.slice(name), class);
    }

    pub(super) fn for_range(&mut self, node: Node<'t>) {
        let Some(declarator) = node.child_by_field_name("declarator") else { return };
        match self.declared(declarator) {
            Some(Declared { name, .. }) => {
                self.claim(name);
                let class = self.class_of(node);
                self.bind_local(self.slice(name), class);
            }
            None => self.bind_structured(declarator),
        }
    }

    pub(super) fn namespace_block(&mut self, node: Node<'t>) {
        let Some(name) = self.field(node, "name") else { return };
        self.open_namespace(name.replace("::", ".").split_whitespace().collect::<String>());
    }

    /// `namespace a = b::c;`
    pub(super) fn namespace_alias(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let target = named_children(node).into_iter().rfind(|it| it.id() != name.id());
        let Some(module) = target.map(|it| self.slice(it).replace("::", ".")) else { return };
        self.import(&module, ImportItem::Module { alias: Some(self.slice(name).to_owned()) }, ImportForm::Plain, node);
    }

    /// `using namespace a::b;`, `using a::b;`
    pub(super) fn using(&mut self, node: Node<'t>) {
        let Some(path) = node.named_child(0).map(|it| self.slice(it)) else { return };
        let path = path.trim_start_matches("::").replace("::", ".");
        let mut cursor = node.walk();
        let whole = node.children(&mut cursor).any(|it| it.kind() == "namespace");
        match path.rsplit_once('.') {
            _ if whole => self.import(&path, ImportItem::Star, ImportForm::Mixin, node),
            Some((module, name)) => {
                let item = ImportItem::Name { name: name.to_owned(), alias: None };
                self.import(module, item, ImportForm::Plain, node);
            }
            None => {}
        }
    }

    fn import(&mut self, module: &str, item: ImportItem, form: ImportForm, node: Node<'t>) {
        let line = node.start_position().row as u32 + 1;
        let within = self.within();
        self.facts.imports.push(Import { form, within, ..Import::new(module, item, line) });
    }
}
