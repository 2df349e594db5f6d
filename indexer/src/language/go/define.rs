//! Types, functions, methods, fields, constants and variables.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::facts::Implements;
use crate::language::walk::{MAX_PATH, Scope, ScopeKind, named_children, one_line};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    pub(super) fn function(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(self.slice(name), SymbolKind::Function, Form::Function, node, body);
        draft.instance_of = self.classes_returned(node);
        self.define_scope(draft, ScopeKind::Function);
    }

    pub(super) fn method(&mut self, node: Node<'t>) {
        let Some(name) = self.field(node, "name") else { return };
        let receiver = node.child_by_field_name("receiver").and_then(|it| it.named_child(0));
        let written = receiver.and_then(|it| it.child_by_field_name("type"));
        let body = node.child_by_field_name("body");
        let mut draft = self.draft(name, SymbolKind::Method, Form::Method, node, body);
        draft.owner = written.and_then(|it| self.class_of_type(it));
        draft.instance_of = self.classes_returned(node);
        self.define_scope(draft, ScopeKind::Function);
        let own_name = receiver.and_then(|it| self.field(it, "name")).filter(|it| *it != "_");
        if let Some(name) = own_name {
            self.scope().bind(name, None);
            self.scope().own_name = own_name;
        }
        // `func (s *Set[K, V])`: the names of the type's parameters.
        for it in written.map(|it| self.type_arguments(it)).unwrap_or_default() {
            self.claim(it);
            let name = self.slice(it);
            self.scope().hide(name);
        }
    }

    fn type_arguments(&self, written: Node<'t>) -> Vec<Node<'t>> {
        let written = if self.kind(written) == Kind::PointerType { written.named_child(0) } else { Some(written) };
        let arguments = written.and_then(|it| it.child_by_field_name("type_arguments")).map(named_children);
        let names = arguments.unwrap_or_default().into_iter().filter_map(|it| it.named_child(0));
        names.filter(|it| self.kind(*it) == Kind::TypeName).collect()
    }

    pub(super) fn type_spec(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.claim(name);
        self.bind_local(self.slice(name), None);
        let written = node.child_by_field_name("type");
        let (form, body) = match written.map(|it| (self.kind(it), it)) {
            Some((Kind::StructType, it)) => (Form::Struct, it.named_child(0)),
            Some((Kind::InterfaceType, it)) => (Form::Interface, it.child(1)),
            _ => (Form::TypeAlias, None),
        };
        let outer = self.declaration_of(node);
        let mut draft = match form {
            Form::TypeAlias => self.draft_of_value(self.slice(name), SymbolKind::Class, form, outer),
            _ => self.draft(self.slice(name), SymbolKind::Class, form, outer, body),
        };
        draft.bases = written.map(|it| self.embedded(it)).unwrap_or_default();
        self.define_scope(draft, ScopeKind::Class);
    }

    /// Returns the declaration of a single type, constant or variable as a whole, or the one alone where they are grouped.
    fn declaration_of(&self, spec: Node<'t>) -> Node<'t> {
        let declaration = self.around(0).map(|it| it.node);
        let is_grouped = |it: &Node<'t>| it.child(1).is_some_and(|it| !it.is_named() || it.kind() == "var_spec_list");
        declaration.filter(|it| !is_grouped(it) && it.kind().ends_with("_declaration")).unwrap_or(spec)
    }

    /// Returns the types that a struct or interface embeds.
    fn embedded(&self, written: Node<'t>) -> Vec<String> {
        let members = match self.kind(written) {
            Kind::StructType => written.named_child(0).map(named_children).unwrap_or_default(),
            Kind::InterfaceType => named_children(written),
            _ => return Vec::new(),
        };
        let types = members.into_iter().filter_map(|it| self.embedded_type(it));
        types.map(|it| one_line(self.slice(it), MAX_PATH)).collect()
    }

    /// Returns the type that a field or an element of an interface embeds; a union of types embeds nothing.
    pub(super) fn embedded_type(&self, member: Node<'t>) -> Option<Node<'t>> {
        match self.kind(member) {
            Kind::FieldDeclaration if member.child_by_field_name("name").is_none() => {
                let written = member.child_by_field_name("type")?;
                if self.kind(written) == Kind::PointerType { written.named_child(0) } else { Some(written) }
            }
            Kind::TypeElement if member.named_child_count() == 1 => {
                let names = [Kind::TypeName, Kind::QualifiedType, Kind::GenericType];
                member.named_child(0).filter(|it| names.contains(&self.kind(*it)))
            }
            _ => None,
        }
    }

    /// Returns whether what is entered stands directly in the type that a declaration names, rather than in one without a name.
    fn is_member(&self, above: usize) -> bool {
        self.around(above).is_some_and(|it| matches!(it.kind, Kind::TypeSpec | Kind::TypeAlias))
    }

    pub(super) fn fields(&mut self, node: Node<'t>) {
        // A broken one mostly is what follows a type that does not end.
        if !self.is_member(2) || node.has_error() {
            return;
        }
        let written = node.child_by_field_name("type");
        let class = written.and_then(|it| self.class_of_type(it));
        let mut cursor = node.walk();
        let mut names: Vec<&str> = node.children_by_field_name("name", &mut cursor).map(|it| self.slice(it)).collect();
        if names.is_empty() {
            // What is embedded is a field that is called as its type.
            let embedded = class.as_deref().and_then(|it| it.rsplit('.').next());
            names.extend(
                embedded.and_then(|it| self.slice(node).find(it).map(|at| &self.slice(node)[at..at + it.len()])),
            );
        }
        for name in names {
            let mut draft = self.draft_of_value(name, SymbolKind::Field, Form::Field, node);
            draft.instance_of = class.clone();
            self.define(draft);
        }
    }

    pub(super) fn method_of_interface(&mut self, node: Node<'t>) {
        let Some(name) = self.field(node, "name").filter(|_| self.is_member(1)) else { return };
        let mut draft = self.draft(name, SymbolKind::Method, Form::Method, node, None);
        draft.instance_of = self.classes_returned(node);
        self.define_scope(draft, ScopeKind::Function);
    }

    /// Returns the classes of all results of a function, with commas between them; nothing for what is none of a class.
    fn classes_returned(&self, node: Node<'t>) -> Option<String> {
        let result = node.child_by_field_name("result")?;
        let class = |it: Node<'t>| self.class_of_type(it).and_then(|it| self.unless_parameter(it)).unwrap_or_default();
        if self.kind(result) != Kind::ParameterList {
            return Some(class(result)).filter(|it| !it.is_empty());
        }
        let mut classes = Vec::new();
        for it in named_children(result).into_iter().filter(|it| self.kind(*it) == Kind::Parameter) {
            let mut cursor = it.walk();
            let names = it.children_by_field_name("name", &mut cursor).filter(|it| it.is_named()).count();
            let class = it.child_by_field_name("type").map(class).unwrap_or_default();
            classes.extend(std::iter::repeat_n(class, names.max(1)));
        }
        let all = classes.join(",");
        let all = all.trim_end_matches(',');
        (!all.is_empty() && all.len() <= MAX_PATH).then(|| all.to_owned())
    }

    pub(super) fn constants(&mut self, node: Node<'t>) {
        let written = node.child_by_field_name("type").and_then(|it| self.class_of_type(it));
        if node.child_by_field_name("value").is_some() {
            self.own.constants = written;
        }
        let class = self.own.constants.clone();
        self.values(node, Form::Constant, &[class]);
    }

    pub(super) fn variables(&mut self, node: Node<'t>) {
        let written = node.child_by_field_name("type");
        let classes = match written {
            Some(it) => vec![self.class_of_type(it)],
            None => self.classes_of_values(node.child_by_field_name("value"), names_of(node)),
        };
        self.implementation(node);
        self.values(node, Form::Variable, &classes);
    }

    /// Defines the names of a specification at the top of a file, and binds those in a function; a single class is that of all.
    fn values(&mut self, node: Node<'t>, form: Form, classes: &[Option<String>]) {
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> =
            node.children_by_field_name("name", &mut cursor).filter(|it| it.is_named()).collect();
        let outer = self.declaration_of(node);
        let in_file = self.scope_kind() == ScopeKind::File;
        let single = names.len() == 1;
        for (at, it) in names.into_iter().enumerate() {
            self.claim(it);
            let name = self.slice(it);
            let class = classes.get(if classes.len() == 1 { 0 } else { at }).cloned().flatten();
            if !in_file {
                self.bind_local(name, class);
            } else if name != "_" {
                let mut draft = self.draft_of_value(name, SymbolKind::Variable, form, outer);
                draft.instance_of = class;
                let at = self.define(draft);
                if single {
                    // What the value uses, the variable uses: commands and handlers are often functions in one.
                    self.open(Scope::anonymous(Some(at), None));
                }
            }
        }
    }

    /// `var _ Interface = (*Type)(nil)` says that the type implements the interface.
    fn implementation(&mut self, node: Node<'t>) {
        let Some(base) = node.child_by_field_name("type").filter(|_| self.field(node, "name") == Some("_")) else {
            return;
        };
        let value = node.child_by_field_name("value").and_then(|it| it.named_child(0));
        let class = value.and_then(|it| self.class_of_value(it));
        if let (Some(class), Some(base)) = (class, self.class_of_type(base)) {
            let line = node.start_position().row as u32 + 1;
            self.facts.implements.push(Implements { class, base, line });
        }
    }

    pub(super) fn short_variables(&mut self, node: Node<'t>) {
        let Some(left) = node.child_by_field_name("left") else { return };
        let names = named_children(left);
        let classes = self.classes_of_values(node.child_by_field_name("right"), names.len());
        for (at, it) in names.into_iter().enumerate().filter(|it| it.1.kind() == "identifier") {
            self.claim(it);
            self.bind_local(self.slice(it), classes.get(at).cloned().flatten());
        }
    }

    /// `for x := range …` and `case x := <-…`, as against assignments of the same look.
    pub(super) fn bind_if_new(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        if node.children(&mut cursor).any(|it| it.kind() == ":=") {
            self.bind_list(node, "left");
        }
    }

    pub(super) fn bind_list(&mut self, node: Node<'t>, field: &str) {
        let names = node.child_by_field_name(field).map(named_children).unwrap_or_default();
        for it in names.into_iter().filter(|it| it.kind() == "identifier") {
            self.claim(it);
            self.bind_local(self.slice(it), None);
        }
    }

    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let functions = [Kind::Function, Kind::Method, Kind::FunctionLiteral];
        let is_own = self.around(1).is_some_and(|it| functions.contains(&it.kind));
        let is_variadic = node.kind() == "variadic_parameter_declaration";
        let written = node.child_by_field_name("type").filter(|_| !is_variadic);
        let class = written.and_then(|it| self.class_of_type(it));
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> =
            node.children_by_field_name("name", &mut cursor).filter(|it| it.is_named()).collect();
        for it in names {
            self.claim(it);
            if is_own && self.own_name() != Some(self.slice(it)) {
                self.bind_local(self.slice(it), class.clone());
            }
        }
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> =
            node.children_by_field_name("name", &mut cursor).filter(|it| it.is_named()).collect();
        for it in names {
            self.claim(it);
            let name = self.slice(it);
            self.scope().hide(name);
        }
    }

    /// A test is a function that is called so and takes what the package `testing` gives it.
    pub(super) fn mark_tests(&mut self, scope: &Scope<'_>) {
        let Some(at) = scope.definition.filter(|_| scope.kind == ScopeKind::Function) else { return };
        let Some(it) = self.facts.symbols.get(at as usize) else { return };
        let named = ["Test", "Benchmark", "Fuzz"].iter().any(|mark| it.name.starts_with(mark));
        let given = ["*testing.T)", "*testing.B)", "*testing.F)", "*testing.M)"];
        if named && it.kind == SymbolKind::Function && given.iter().any(|it_| it.signature.ends_with(it_)) {
            self.mark_test(at);
        }
    }
}

/// Returns how many names a specification of variables has.
fn names_of(node: Node<'_>) -> usize {
    let mut cursor = node.walk();
    node.children_by_field_name("name", &mut cursor).filter(|it| it.is_named()).count()
}
