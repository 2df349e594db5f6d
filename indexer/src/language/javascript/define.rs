//! Classes, functions, fields and variables, and the names that functions are given by what they are assigned to.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Export, ImportItem};
use crate::language::walk::{
    Draft, MAX_PATH, Scope, ScopeKind, class_of_type, named_children, one_line, path_of, unquoted,
};
use crate::symbol::{Form, SymbolKind};

/// What gives a function or class without a name of its own a name.
struct Given<'t> {
    name: &'t str,
    owner: Option<String>,
    outer: Node<'t>,
}

impl<'t> Walker<'t> {
    pub(super) fn class(&mut self, node: Node<'t>) {
        let own = node.child_by_field_name("name");
        let given = self.given_name(node);
        let Some(name) = own.map(|it| self.slice(it)).or(given.as_ref().map(|it| it.name)) else {
            return self.open(Scope::owned_by_nothing(self.within()));
        };
        if let Some(own) = own {
            self.claim(own);
            self.bind_local(name, None);
        }
        let outer = self.exported(given.as_ref().map_or(node, |it| it.outer));
        let mut draft = self.draft(name, SymbolKind::Class, Form::Class, outer, node.child_by_field_name("body"));
        draft.owner = given.and_then(|it| it.owner);
        draft.bases = self.bases(node);
        self.decorate(&mut draft, node);
        self.define_scope(draft, ScopeKind::Class);
    }

    fn bases(&self, node: Node<'t>) -> Vec<String> {
        let heritage = named_children(node).into_iter().filter(|it| self.kind(*it) == Kind::Heritage);
        let mut bases = Vec::new();
        for clause in heritage.flat_map(|it| match it.kind() {
            "class_heritage" if named_children(it).iter().any(|it| self.kind(*it) == Kind::Heritage) => {
                named_children(it)
            }
            _ => vec![it],
        }) {
            let named = named_children(clause).into_iter();
            let kinds = ["type_arguments", "comment"];
            bases.extend(named.filter(|it| !kinds.contains(&it.kind())).map(|it| one_line(self.slice(it), MAX_PATH)));
        }
        bases
    }

    /// Adds the decorators in a node or in the statement that exports it; the head begins after them.
    fn decorate(&self, draft: &mut Draft<'t>, node: Node<'t>) {
        let nodes = [Some(draft.outer), Some(node).filter(|it| it.id() != draft.outer.id())];
        for it in nodes.into_iter().flatten().flat_map(named_children) {
            if self.kind(it) == Kind::Decorator {
                draft.decorators.push(one_line(self.slice(it).trim_start_matches('@'), MAX_PATH));
                draft.head.start = draft.head.start.max(it.end_byte());
            }
        }
    }

    pub(super) fn interface(&mut self, node: Node<'t>) {
        self.named_type(node, Form::Interface, node.child_by_field_name("body"));
    }

    pub(super) fn enumeration(&mut self, node: Node<'t>) {
        self.named_type(node, Form::Enum, node.child_by_field_name("body"));
    }

    pub(super) fn type_alias(&mut self, node: Node<'t>) {
        self.named_type(node, Form::TypeAlias, node.child_by_field_name("value"));
    }

    fn named_type(&mut self, node: Node<'t>, form: Form, body: Option<Node<'t>>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let outer = self.exported(node);
        let mut draft = self.draft(self.slice(name), SymbolKind::Class, form, outer, body);
        draft.bases = self.bases(node);
        self.define_scope(draft, ScopeKind::Class);
    }

    pub(super) fn enum_member(&mut self, node: Node<'t>) {
        let name = unquoted(self.field(node, "name").unwrap_or_else(|| self.slice(node)));
        let draft = self.draft(name, SymbolKind::Field, Form::EnumMember, node, None);
        self.define(draft);
    }

    pub(super) fn function(&mut self, node: Node<'t>) {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            self.claim(name);
            self.bind_local(self.slice(name), None);
        }
        let name = name.map_or("default", |it| self.slice(it));
        let outer = self.exported(node);
        let mut draft = self.draft(name, SymbolKind::Function, Form::Function, outer, node.child_by_field_name("body"));
        draft.instance_of = self.returned(node);
        self.open_function(draft);
    }

    pub(super) fn function_expression(&mut self, node: Node<'t>) {
        let own = node.child_by_field_name("name");
        own.into_iter().for_each(|it| self.claim(it));
        let in_field = self.parent_kind() == Kind::Field;
        let given = self.given_name(node);
        let name = given.as_ref().map(|it| it.name).or(own.map(|it| self.slice(it)));
        // A field that holds a function was defined as a method when it was entered.
        let Some(name) = name.filter(|_| !in_field) else { return self.open_unnamed(node) };
        let body = node.child_by_field_name("body");
        let owner = given.as_ref().and_then(|it| it.owner.clone());
        let is_method = owner.as_ref().is_some_and(|it| it == "this" || it.ends_with(".prototype"));
        let (kind, form) = match self.parent_kind() {
            _ if is_method => (SymbolKind::Method, Form::Method),
            Kind::Pair => (SymbolKind::Function, Form::Method),
            _ => (SymbolKind::Function, Form::Function),
        };
        let outer = self.exported(given.map_or(node, |it| it.outer));
        let mut draft = self.draft(name, kind, form, outer, body);
        draft.owner = owner;
        draft.instance_of = self.returned(node);
        self.open_function(draft);
        self.bind_single_parameter(node);
    }

    fn open_unnamed(&mut self, node: Node<'t>) {
        self.open_anonymous();
        self.bind_single_parameter(node);
    }

    /// `x => …`.
    fn bind_single_parameter(&mut self, node: Node<'t>) {
        self.bind_field(node, "parameter");
    }

    fn open_function(&mut self, draft: Draft<'t>) {
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Returns the name that a value gets from where it is assigned, stored or exported.
    fn given_name(&self, value: Node<'t>) -> Option<Given<'t>> {
        let mut above = 0;
        while self.around(above).is_some_and(|it| it.kind == Kind::Parenthesized) {
            above += 1;
        }
        let (parent, grand) = (self.around(above)?, self.around(above + 1));
        let plain = |name, outer| Some(Given { name, owner: None, outer });
        match parent.kind {
            Kind::Declarator => {
                let name = parent.node.child_by_field_name("name").filter(|it| it.kind() == "identifier")?;
                plain(self.slice(name), self.declaration_around(parent.node, grand.map(|it| it.node)))
            }
            Kind::Assignment if parent.node.child_by_field_name("right")?.id() == value.id() || above > 0 => {
                let left = self.field(parent.node, "left")?;
                let path = path_of(left).filter(|it| matches!(it, std::borrow::Cow::Borrowed(_)))?;
                let statement = grand.map(|it| it.node).filter(|it| it.kind() == "expression_statement");
                let outer = statement.unwrap_or(parent.node);
                match left.rsplit_once('.') {
                    Some((owner, name)) => Some(Given { name, owner: Some(owner.to_owned()), outer }),
                    None => plain(&left[..path.len()], outer),
                }
            }
            Kind::Pair => plain(unquoted(self.field(parent.node, "key")?), parent.node),
            Kind::Export => plain("default", parent.node),
            _ => None,
        }
    }

    /// Returns the declaration of a single variable as a whole, or the variable alone where there are several.
    fn declaration_around(&self, declarator: Node<'t>, declaration: Option<Node<'t>>) -> Node<'t> {
        let is_only = |it: &Node<'t>| it.named_child_count() == 1 && self.kind(*it) == Kind::Declaration;
        declaration.filter(is_only).unwrap_or(declarator)
    }

    /// Returns the statement that exports a node, if one does, or declares it ambient.
    fn exported(&self, node: Node<'t>) -> Node<'t> {
        let mut outer = node;
        for frame in self.frames.iter().rev() {
            match frame.kind {
                Kind::Export => outer = frame.node,
                Kind::Other if frame.node.kind() == "ambient_declaration" => outer = frame.node,
                Kind::Declaration | Kind::Declarator | Kind::Parenthesized => {}
                _ => break,
            }
        }
        outer
    }

    /// Returns whether what is entered stands directly in a class or interface, an object, or the type that an alias names.
    fn is_member(&self) -> bool {
        let kind = |above| self.around(above).map(|it| it.node.kind());
        match kind(0) {
            Some("object_type") => match kind(1) {
                Some("intersection_type" | "union_type") => kind(2) == Some("type_alias_declaration"),
                other => matches!(other, Some("type_alias_declaration" | "interface_declaration")),
            },
            _ => true,
        }
    }

    pub(super) fn method(&mut self, node: Node<'t>) {
        let name = node.child_by_field_name("name").filter(|_| self.is_member());
        let Some(name) = name else { return self.open_anonymous() };
        let name = self.name_of_key(name);
        let in_class = self.scope_kind() == ScopeKind::Class && self.parent_kind() != Kind::Object;
        let kind = if in_class { SymbolKind::Method } else { SymbolKind::Function };
        let form = match name {
            "constructor" if in_class => Form::Constructor,
            _ => self.form_of_method(node),
        };
        let mut draft = self.draft(name, kind, form, node, node.child_by_field_name("body"));
        self.decorate(&mut draft, node);
        draft.instance_of = self.returned(node);
        self.open_function(draft);
    }

    /// Returns the class that a function says it returns.
    fn returned(&self, node: Node<'t>) -> Option<String> {
        self.field(node, "return_type").and_then(|it| self.class_returned(it))
    }

    fn form_of_method(&self, node: Node<'t>) -> Form {
        let mut cursor = node.walk();
        let words: Vec<&str> = node.children(&mut cursor).take(6).map(|it| it.kind()).collect();
        match words {
            _ if words.contains(&"get") || words.contains(&"set") => Form::Accessor,
            _ if words.contains(&"static") => Form::StaticMethod,
            _ => Form::Method,
        }
    }

    fn name_of_key(&self, key: Node<'t>) -> &'t str {
        match key.kind() {
            "string" => unquoted(self.slice(key)),
            _ => self.slice(key),
        }
    }

    pub(super) fn field_of_class(&mut self, node: Node<'t>) {
        let key = node.child_by_field_name("name").or_else(|| node.child_by_field_name("property"));
        let Some(key) = key else { return };
        let value = node.child_by_field_name("value").map(|it| self.bare_value(it));
        let function = value.filter(|it| self.kind(*it) == Kind::FunctionExpression);
        let name = self.name_of_key(key);
        let (kind, form) = match function {
            Some(_) => (SymbolKind::Method, Form::Method),
            None => (SymbolKind::Field, Form::Field),
        };
        let body = function.and_then(|it| it.child_by_field_name("body"));
        if !self.is_member() {
            return;
        }
        let mut draft = match function {
            Some(_) => self.draft(name, kind, form, node, body),
            None => self.draft_of_value(name, kind, form, node),
        };
        self.decorate(&mut draft, node);
        draft.instance_of = match function {
            Some(it) => self.returned(it),
            None => self.class_of(node, value),
        };
        self.scope().bind(name, None);
        if function.is_some() {
            self.open_function(draft);
        } else {
            self.define(draft);
        }
    }

    /// Returns the class that a type annotation or `new` tells.
    fn class_of(&self, node: Node<'t>, value: Option<Node<'t>>) -> Option<String> {
        let written = self.field(node, "type").and_then(class_of_type);
        let value = || Some(self.bare_value(value?));
        written.or_else(|| self.class_made(value()?)).or_else(|| self.class_of_path_value(value()?))
    }

    pub(super) fn namespace_block(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        self.open_namespace(unquoted(self.slice(name)));
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        let name = node.child_by_field_name("name").or_else(|| node.named_child(0));
        let Some(name) = name.filter(|it| self.kind(*it) == Kind::TypeName) else { return };
        self.claim(name);
        let name = self.slice(name);
        self.scope().hide(name);
    }

    pub(super) fn parameters(&mut self, node: Node<'t>) {
        for it in named_children(node) {
            if self.kind(it) != Kind::Parameter {
                self.bind_pattern(it, None);
            }
        }
    }

    /// A parameter of TypeScript, with a type, and perhaps a field of its class at once.
    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let Some(pattern) = node.child_by_field_name("pattern").or_else(|| node.child_by_field_name("name")) else {
            return;
        };
        let class = self.class_of(node, None);
        self.bind_pattern(pattern, class.clone());
        let is_field = named_children(node).iter().any(|it| it.kind().ends_with("_modifier"))
            || node.child(0).is_some_and(|it| it.kind() == "readonly");
        let around = self.scopes.iter().rev().find(|it| it.kind == ScopeKind::Class).and_then(|it| it.definition);
        if let Some(class_around) = around.filter(|_| is_field && pattern.kind() == "identifier") {
            let mut draft = self.draft(self.slice(pattern), SymbolKind::Field, Form::Field, node, None);
            (draft.parent, draft.instance_of) = (Some(class_around), class);
            self.define(draft);
        }
    }

    pub(super) fn bind_field(&mut self, node: Node<'t>, field: &str) {
        if let Some(pattern) = node.child_by_field_name(field) {
            self.bind_pattern(pattern, None);
        }
    }

    /// Binds all names of a pattern.
    fn bind_pattern(&mut self, pattern: Node<'t>, class: Option<String>) {
        let single = pattern.kind() == "identifier";
        for it in self.names_of_pattern(pattern) {
            self.claim(it);
            let name = self.slice(it);
            self.scope().bind(name, class.clone().filter(|_| single));
        }
    }

    fn names_of_pattern(&self, pattern: Node<'t>) -> Vec<Node<'t>> {
        let mut names = Vec::new();
        let mut open = vec![pattern];
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" => names.push(node),
                "pair_pattern" => open.extend(node.child_by_field_name("value")),
                "assignment_pattern" | "object_assignment_pattern" => open.extend(node.child_by_field_name("left")),
                "object_pattern" | "array_pattern" | "rest_pattern" => {
                    open.extend(named_children(node).into_iter().rev());
                }
                _ => {}
            }
        }
        names
    }

    pub(super) fn declarator(&mut self, node: Node<'t>) -> bool {
        let Some(pattern) = node.child_by_field_name("name") else { return true };
        let value = node.child_by_field_name("value").map(|it| self.bare_value(it));
        if value.is_some_and(|it| self.require(pattern, it)) {
            return false;
        }
        let names_itself = |it: &Node<'t>| matches!(self.kind(*it), Kind::FunctionExpression | Kind::Class);
        let is_definition = pattern.kind() == "identifier" && value.as_ref().is_some_and(names_itself);
        let in_file = self.scope_kind() == ScopeKind::File;
        let class = self.class_of(node, value);
        if is_definition || !in_file {
            self.bind_pattern(pattern, class);
            return true;
        }
        let declaration = self.around(0).map(|it| it.node);
        let outer = self.exported(self.declaration_around(node, declaration));
        let constant = declaration.is_some_and(|it| self.slice(it).starts_with("const"));
        let form = if constant { Form::Constant } else { Form::Variable };
        for name in self.names_of_pattern(pattern) {
            self.claim(name);
            let name = self.slice(name);
            if self.scope().bind(name, None) {
                let mut draft = self.draft_of_value(name, SymbolKind::Variable, form, outer);
                draft.instance_of = class.clone().filter(|_| pattern.kind() == "identifier");
                self.define(draft);
            }
        }
        true
    }

    /// Notes what a `require` binds; returns whether the value is one.
    fn require(&mut self, pattern: Node<'t>, value: Node<'t>) -> bool {
        let (call, item) = match self.kind(value) {
            Kind::Call => (value, None),
            Kind::Member => {
                let Some(object) = value.child_by_field_name("object") else { return false };
                (object, self.field(value, "property"))
            }
            _ => return false,
        };
        let first = call.child_by_field_name("arguments").and_then(|it| it.named_child(0));
        let module = first.filter(|it| self.kind(*it) == Kind::String).map(|it| unquoted(self.slice(it)));
        let Some(module) = module.filter(|_| self.field(call, "function") == Some("require")) else { return false };
        let owned = |it: Node<'t>| self.slice(it).to_owned();
        let items: Vec<ImportItem> = match (pattern.kind(), item) {
            ("identifier", Some(item)) => {
                let alias = Some(owned(pattern)).filter(|it| it != item);
                vec![ImportItem::Name { name: item.to_owned(), alias }]
            }
            ("identifier", None) => vec![ImportItem::Module { alias: Some(owned(pattern)) }],
            ("object_pattern", None) => {
                named_children(pattern).into_iter().filter_map(|it| self.required_name(it)).collect()
            }
            _ => vec![ImportItem::Module { alias: None }],
        };
        items.into_iter().for_each(|it| self.import_by_call(module, it, call));
        true
    }

    fn required_name(&self, node: Node<'t>) -> Option<ImportItem> {
        match node.kind() {
            "shorthand_property_identifier_pattern" => {
                Some(ImportItem::Name { name: self.slice(node).to_owned(), alias: None })
            }
            "object_assignment_pattern" => self.required_name(node.child_by_field_name("left")?),
            "pair_pattern" => {
                let name = unquoted(self.field(node, "key")?).to_owned();
                let alias = node.child_by_field_name("value").filter(|it| it.kind() == "identifier");
                Some(ImportItem::Name { name, alias: alias.map(|it| self.slice(it).to_owned()) })
            }
            _ => None,
        }
    }

    /// `this.x = …` makes a field, `exports.x = …` a global or an outward name; a function on the right is named by the left.
    pub(super) fn assignment(&mut self, node: Node<'t>) -> bool {
        let parts = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        let (Some(left), Some(right)) = parts else { return true };
        let right = self.bare_value(right);
        let text = self.slice(left);
        if let Some(name) = text.strip_prefix("this.").filter(|it| !it.contains(['.', '[', '('])) {
            self.own_field(name, node, right);
        }
        let exported = text.strip_prefix("module.exports.").or_else(|| text.strip_prefix("exports."));
        let whole = matches!(text, "module.exports" | "exports");
        let line = node.start_position().row as u32 + 1;
        match (self.kind(right), exported) {
            (Kind::Identifier | Kind::Member, Some(name)) => {
                let local = self.slice(right).to_owned();
                self.facts.exported.push(Export { name: name.to_owned(), local, line });
            }
            (Kind::Identifier | Kind::Member | Kind::New, None) if whole => {
                let local = self.field(right, "constructor").unwrap_or_else(|| self.slice(right)).to_owned();
                self.facts.exported.push(Export { name: "export=".to_owned(), local, line });
            }
            (Kind::FunctionExpression | Kind::Class, None) if whole => {
                self.facts.exported.push(Export { name: "export=".to_owned(), local: text.to_owned(), line });
            }
            (Kind::Object, None) if whole => self.export_object(right),
            (Kind::FunctionExpression | Kind::Class | Kind::Assignment, _) => {}
            (_, Some(name)) if self.scope_kind() == ScopeKind::File && !name.contains(['.', '[']) => {
                let mut draft = self.draft_of_value(name, SymbolKind::Variable, Form::Variable, node);
                draft.owner = text.rsplit_once('.').map(|it| it.0.to_owned());
                draft.instance_of = self.class_made(right);
                self.define(draft);
            }
            _ => {}
        }
        true
    }

    /// `module.exports = { a, b: c }`.
    fn export_object(&mut self, object: Node<'t>) {
        for it in named_children(object) {
            let line = it.start_position().row as u32 + 1;
            let (name, local) = match self.kind(it) {
                Kind::Shorthand => (self.slice(it), self.slice(it)),
                Kind::Pair => {
                    let value = it.child_by_field_name("value").map(|it| (self.kind(it), self.slice(it)));
                    let Some((Kind::Identifier | Kind::Member, local)) = value else { continue };
                    (self.field(it, "key").map_or("", unquoted), local)
                }
                _ => continue,
            };
            self.facts.exported.push(Export { name: name.to_owned(), local: local.to_owned(), line });
        }
    }

    fn own_field(&mut self, name: &'t str, assignment: Node<'t>, value: Node<'t>) {
        let class = self.class_made(value);
        let Some(scope) = self.scopes.iter_mut().rev().find(|it| it.kind == ScopeKind::Class) else { return };
        let Some(definition) = scope.definition else { return };
        if scope.bind(name, None) {
            let mut draft = self.draft_of_value(name, SymbolKind::Field, Form::Field, assignment);
            (draft.parent, draft.instance_of) = (Some(definition), class);
            self.define(draft);
        }
    }
}
