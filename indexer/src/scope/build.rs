//! Reads bindings and references out of a syntax tree, with an explicit stack: generated code nests deeper than threads' stacks are.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::{Binding, BindingKind, BindingSite, LikelyType, Reference, Scope, ScopeKind, Scopes};
use crate::syntax::{SyntaxNode, SyntaxTree};

pub(super) fn build(tree: &SyntaxTree) -> Scopes {
    let mut builder = Builder::default();
    let module = builder.open(ScopeKind::Module, None, 0..tree.text().len());
    let place = Place { scope: module, outer_loop: None, excused: false };
    builder.stack.push(Task::Visit(tree.root(), place));
    while let Some(task) = builder.stack.pop() {
        match task {
            Task::Visit(node, place) => builder.visit(node, place),
            Task::Bind(node, place, bound) => builder.bind(node, place, bound),
            Task::Pattern(node, place) => builder.pattern(node, place),
        }
    }
    builder.finish()
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    scope: usize,
    outer_loop: Option<usize>,
    excused: bool,
}

#[derive(Clone, Copy)]
struct Bound {
    kind: BindingKind,
    effective: usize,
    hint: LikelyType,
}

enum Task<'t> {
    Visit(SyntaxNode<'t>, Place),
    Bind(SyntaxNode<'t>, Place, Bound),
    Pattern(SyntaxNode<'t>, Place),
}

struct NewBinding {
    scope: usize,
    name: String,
    site: BindingSite,
    kind: BindingKind,
    hint: LikelyType,
}

#[derive(Default)]
struct Builder<'t> {
    stack: Vec<Task<'t>>,
    scopes: Vec<Scope>,
    references: Vec<Reference>,
    bindings: Vec<NewBinding>,
    hints: Vec<(String, usize, LikelyType)>,
    has_unknown_names: bool,
}

impl<'t> Builder<'t> {
    fn open(&mut self, kind: ScopeKind, parent: Option<usize>, span: Range<usize>) -> usize {
        self.scopes.push(Scope {
            kind,
            parent,
            span,
            hole: None,
            names: BTreeMap::new(),
            globals: HashSet::new(),
            nonlocals: HashSet::new(),
        });
        self.scopes.len() - 1
    }

    /// Bindings are entered only now: `global` and `nonlocal` hold for the whole scope, wherever they stand in it.
    fn finish(mut self) -> Scopes {
        let (declared, own): (Vec<_>, Vec<_>) = std::mem::take(&mut self.bindings)
            .into_iter()
            .partition(|new| self.scopes[new.scope].nonlocals.contains(&new.name));
        // What `nonlocal` means is known once the scopes around have their own names.
        for new in own.into_iter().chain(declared) {
            let scope = self.owner(new.scope, &new.name);
            let entry = self.scopes[scope].names.entry(new.name);
            let binding = entry.or_insert_with(|| Binding {
                kind: new.kind,
                assigned: false,
                sites: Vec::new(),
                hints: Vec::new(),
            });
            // A variable or module given elsewhere at run time through `global` is as good as assigned.
            let elsewhere = scope != new.scope;
            binding.assigned |= elsewhere || !new.site.weak;
            if binding.kind == BindingKind::Weak {
                binding.kind = new.kind;
            }
            binding.sites.push(new.site);
            if new.hint != LikelyType::Unknown {
                binding.hint(new.hint, if new.hint == LikelyType::None { 1 } else { 8 });
            }
        }
        let hints = std::mem::take(&mut self.hints);
        let mut scopes =
            Scopes { scopes: self.scopes, references: self.references, has_unknown_names: self.has_unknown_names };
        for (name, scope, kind) in hints {
            if let Some(owner) = scopes.resolve(&name, scope)
                && let Some(binding) = scopes.scopes[owner].names.get_mut(&name)
            {
                binding.hint(kind, 2);
            }
        }
        scopes
    }

    fn owner(&self, scope: usize, name: &str) -> usize {
        if self.scopes[scope].globals.contains(name) {
            return 0;
        }
        if !self.scopes[scope].nonlocals.contains(name) {
            return scope;
        }
        let mut outer = self.scopes[scope].parent;
        while let Some(candidate) = outer {
            let binds = self.bindings_hold(candidate, name);
            if matches!(self.scopes[candidate].kind, ScopeKind::Function | ScopeKind::Lambda) && binds {
                return candidate;
            }
            outer = self.scopes[candidate].parent;
        }
        scope
    }

    fn bindings_hold(&self, scope: usize, name: &str) -> bool {
        self.scopes[scope].names.contains_key(name) && !self.scopes[scope].nonlocals.contains(name)
    }

    fn visit(&mut self, node: SyntaxNode<'t>, place: Place) {
        match node.kind() {
            "identifier" => self.reference(node, place),
            "attribute" => self.visit_field(node, "object", place),
            "keyword_argument" => self.visit_field(node, "value", place),
            "function_definition" => self.function(node, place),
            "lambda" => self.lambda(node, place),
            "class_definition" => self.class(node, place),
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                self.comprehension(node, place);
            }
            "assignment" => self.assignment(node, place),
            "augmented_assignment" => self.augmented(node, place),
            "named_expression" => self.walrus(node, place),
            "for_statement" => self.for_loop(node, place),
            "while_statement" => self.while_loop(node, place),
            "as_pattern" => self.as_pattern(node, place),
            "except_clause" => self.except(node, place),
            "try_statement" => self.try_statement(node, place),
            "import_statement" | "future_import_statement" => self.import(node, place),
            "import_from_statement" => self.import_from(node, place),
            "global_statement" | "nonlocal_statement" => self.declaration(node, place),
            "delete_statement" => self.delete(node, place),
            "case_clause" => self.case(node, place),
            "type_alias_statement" => self.type_alias(node, place),
            "member_type" => self.visit_first(node, place),
            "call" => self.call(node, place),
            "subscript" => self.subscript(node, place),
            "ERROR" => {}
            _ => self.visit_children(node, place),
        }
    }

    fn visit_children(&mut self, node: SyntaxNode<'t>, place: Place) {
        self.stack.extend(node.named_children().into_iter().map(|child| Task::Visit(child, place)));
    }

    fn visit_first(&mut self, node: SyntaxNode<'t>, place: Place) {
        self.stack.extend(node.named_children().first().map(|child| Task::Visit(*child, place)));
    }

    fn visit_field(&mut self, node: SyntaxNode<'t>, field: &str, place: Place) {
        self.stack.extend(node.field(field).map(|child| Task::Visit(child, place)));
    }

    fn bind_field(&mut self, node: SyntaxNode<'t>, field: &str, place: Place, bound: Bound) {
        self.stack.extend(node.field(field).map(|child| Task::Bind(child, place, bound)));
    }

    fn reference(&mut self, node: SyntaxNode<'t>, place: Place) {
        let name = node.text();
        if !name.is_empty() {
            self.references.push(Reference {
                name: name.to_owned(),
                span: node.span(),
                scope: place.scope,
                outer_loop: place.outer_loop,
                excused: place.excused,
            });
        }
    }

    fn hint_if_name(&mut self, node: Option<SyntaxNode<'t>>, place: Place, kind: LikelyType) {
        if let Some(node) = node
            && node.kind() == "identifier"
        {
            self.hints.push((node.text().to_owned(), place.scope, kind));
        }
    }

    fn call(&mut self, node: SyntaxNode<'t>, place: Place) {
        let function = node.field("function");
        self.hint_if_name(function, place, LikelyType::Callable);
        let is_module = self.scopes[place.scope].kind == ScopeKind::Module;
        match function.map_or("", SyntaxNode::text) {
            "globals" => self.has_unknown_names = true,
            "vars" | "locals" if is_module => self.has_unknown_names = true,
            _ => {}
        }
        if let Some(function) = function
            && function.kind() == "attribute"
            && let Some(method) = function.field("attribute")
        {
            let kind = type_with_method(method.text());
            if kind != LikelyType::Unknown {
                self.hint_if_name(function.field("object"), place, kind);
            }
        }
        self.visit_children(node, place);
    }

    fn subscript(&mut self, node: SyntaxNode<'t>, place: Place) {
        self.hint_if_name(node.field("value"), place, LikelyType::Indexable);
        self.visit_children(node, place);
    }

    fn function(&mut self, node: SyntaxNode<'t>, place: Place) {
        let effective = node.field("name").map_or(node.span().end, |name| name.span().end);
        let bound = Bound { kind: BindingKind::Definition, effective, hint: LikelyType::Callable };
        self.bind_field(node, "name", place, bound);
        let signature = self.type_parameters(node, place);
        self.visit_field(node, "return_type", signature);
        let Some(body) = node.field("body") else { return };
        let parameters = node.field("parameters");
        let head_end = node.field("return_type").or(parameters).map_or(body.span().start, |head| head.span().end);
        let span = head_end..body.span().end.max(head_end);
        let scope = self.open(ScopeKind::Function, Some(signature.scope), span);
        let inner = Place { scope, outer_loop: None, excused: false };
        if let Some(parameters) = parameters {
            self.parameters(parameters, place, signature, inner);
        }
        self.stack.push(Task::Visit(body, inner));
    }

    fn lambda(&mut self, node: SyntaxNode<'t>, place: Place) {
        let Some(body) = node.field("body") else { return };
        let scope = self.open(ScopeKind::Lambda, Some(place.scope), body.span());
        let inner = Place { scope, outer_loop: None, excused: place.excused };
        if let Some(parameters) = node.field("parameters") {
            self.parameters(parameters, place, place, inner);
        }
        self.stack.push(Task::Visit(body, inner));
    }

    /// Defaults are evaluated outside, annotations where the type parameters are visible, names are bound inside.
    fn parameters(&mut self, parameters: SyntaxNode<'t>, outside: Place, signature: Place, inner: Place) {
        for parameter in parameters.named_children() {
            self.visit_field(parameter, "value", outside);
            self.visit_field(parameter, "type", signature);
            let hint = parameter_hint(parameter);
            let bound = Bound { kind: BindingKind::Parameter, effective: parameters.span().start, hint };
            match parameter.kind() {
                "default_parameter" | "typed_default_parameter" => self.bind_field(parameter, "name", inner, bound),
                "typed_parameter" => {
                    let target = parameter.named_children().first().copied();
                    self.stack.extend(target.map(|target| Task::Bind(target, inner, bound)));
                }
                _ => self.stack.push(Task::Bind(parameter, inner, bound)),
            }
        }
    }

    fn class(&mut self, node: SyntaxNode<'t>, place: Place) {
        let effective = node.field("name").map_or(node.span().end, |name| name.span().end);
        let bound = Bound { kind: BindingKind::Definition, effective, hint: LikelyType::Class };
        self.bind_field(node, "name", place, bound);
        let signature = self.type_parameters(node, place);
        self.visit_field(node, "superclasses", signature);
        let Some(body) = node.field("body") else { return };
        let head_end = node.field("superclasses").map_or(effective, |head| head.span().end);
        let scope = self.open(ScopeKind::Class, Some(signature.scope), head_end..body.span().end.max(head_end));
        self.stack.push(Task::Visit(body, Place { scope, outer_loop: None, excused: false }));
    }

    /// Opens the scope of `[T: Bound]` if there is one, and returns where the signature is evaluated.
    fn type_parameters(&mut self, node: SyntaxNode<'t>, place: Place) -> Place {
        let Some(parameters) = node.field("type_parameters") else { return place };
        let scope = self.open(ScopeKind::TypeParameters, Some(place.scope), node.span());
        let inner = Place { scope, ..place };
        self.bind_type_parameters(parameters, inner);
        inner
    }

    fn bind_type_parameters(&mut self, parameters: SyntaxNode<'t>, inner: Place) {
        let bound =
            Bound { kind: BindingKind::Definition, effective: parameters.span().start, hint: LikelyType::Class };
        for parameter in parameters.named_children() {
            let names: Vec<_> = parameter.descendants().filter(|it| it.kind() == "identifier").collect();
            let Some((name, bounds)) = names.split_first() else { continue };
            self.stack.push(Task::Bind(*name, inner, bound));
            self.stack.extend(bounds.iter().map(|it| Task::Visit(*it, inner)));
        }
    }

    fn type_alias(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Definition, effective: node.span().start, hint: LikelyType::Class };
        let scope = self.open(ScopeKind::TypeParameters, Some(place.scope), node.span());
        let inner = Place { scope, ..place };
        if let Some(left) = node.field("left") {
            let name = left.descendants().find(|it| it.kind() == "identifier");
            self.stack.extend(name.map(|name| Task::Bind(name, place, bound)));
            let parameters = left.descendants().find(|it| it.kind() == "type_parameter");
            if let Some(parameters) = parameters {
                self.bind_type_parameters(parameters, inner);
            }
        }
        self.visit_field(node, "right", inner);
    }

    fn comprehension(&mut self, node: SyntaxNode<'t>, place: Place) {
        let scope = self.open(ScopeKind::Comprehension, Some(place.scope), node.span());
        let inner = Place { scope, ..place };
        let mut is_first = true;
        for child in node.named_children() {
            if child.kind() != "for_in_clause" {
                self.stack.push(Task::Visit(child, inner));
                continue;
            }
            let iterable = child.field("right");
            let bound =
                Bound { kind: BindingKind::Variable, effective: node.span().start, hint: element_hint(iterable) };
            self.bind_field(child, "left", inner, bound);
            self.hint_if_name(iterable, place, LikelyType::Iterable);
            if is_first {
                self.scopes[scope].hole = iterable.map(|iterable| iterable.span());
            }
            let evaluated = if is_first { place } else { inner };
            // An unparenthesised tuple or lambda may give the field several children.
            let left = child.field("left").map(|left| left.id());
            let rest = child.named_children().into_iter().filter(|it| Some(it.id()) != left);
            self.stack.extend(rest.map(|it| Task::Visit(it, evaluated)));
            is_first = false;
        }
    }

    fn assignment(&mut self, node: SyntaxNode<'t>, place: Place) {
        let right = node.field("right");
        self.visit_field(node, "right", place);
        self.visit_field(node, "type", place);
        // `x: int` alone only declares.
        let kind = if right.is_some() { BindingKind::Variable } else { BindingKind::Weak };
        // In `a = b = value` the value stands in the inner assignment.
        let value = std::iter::successors(right, |it| it.field("right").filter(|_| it.kind() == "assignment")).last();
        let annotated = node.field("type").map(annotation_hint).filter(|hint| *hint != LikelyType::Unknown);
        let hint = annotated.unwrap_or_else(|| value.map_or(LikelyType::Unknown, value_hint));
        self.bind_field(node, "left", place, Bound { kind, effective: node.span().end, hint });
    }

    fn augmented(&mut self, node: SyntaxNode<'t>, place: Place) {
        self.visit_field(node, "right", place);
        let hint = node.field("right").map_or(LikelyType::Unknown, value_hint);
        let bound = Bound { kind: BindingKind::Weak, effective: node.span().end, hint };
        if let Some(left) = node.field("left") {
            self.stack.push(Task::Bind(left, place, bound));
            if left.kind() == "identifier" {
                self.reference(left, place);
            }
        }
    }

    fn walrus(&mut self, node: SyntaxNode<'t>, place: Place) {
        self.visit_field(node, "value", place);
        let mut scope = place.scope;
        while let (ScopeKind::Comprehension, Some(parent)) = (self.scopes[scope].kind, self.scopes[scope].parent) {
            scope = parent;
        }
        let hint = node.field("value").map_or(LikelyType::Unknown, value_hint);
        // Within a comprehension the name may be read before, in the element.
        let effective = if scope == place.scope { node.span().end } else { 0 };
        self.bind_field(node, "name", Place { scope, ..place }, Bound { kind: BindingKind::Variable, effective, hint });
    }

    fn for_loop(&mut self, node: SyntaxNode<'t>, place: Place) {
        let iterable = node.field("right");
        self.visit_field(node, "right", place);
        self.hint_if_name(iterable, place, LikelyType::Iterable);
        let inner = Place { outer_loop: place.outer_loop.or(Some(node.span().start)), ..place };
        let effective = iterable.map_or(node.span().start, |it| it.span().end);
        let bound = Bound { kind: BindingKind::Variable, effective, hint: element_hint(iterable) };
        self.bind_field(node, "left", inner, bound);
        self.visit_field(node, "body", inner);
        self.visit_field(node, "alternative", place);
    }

    fn while_loop(&mut self, node: SyntaxNode<'t>, place: Place) {
        let inner = Place { outer_loop: place.outer_loop.or(Some(node.span().start)), ..place };
        // The condition is evaluated again after the body, but the first time before it.
        self.visit_field(node, "condition", place);
        self.visit_field(node, "body", inner);
        self.visit_field(node, "alternative", place);
    }

    fn as_pattern(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Variable, effective: node.span().start, hint: LikelyType::Unknown };
        for child in node.named_children() {
            match child.kind() {
                "as_pattern_target" => self.stack.push(Task::Bind(child, place, bound)),
                _ => self.stack.push(Task::Visit(child, place)),
            }
        }
    }

    fn except(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Variable, effective: node.span().start, hint: LikelyType::Unknown };
        let alias = node.field("alias");
        for child in node.named_children() {
            match alias {
                Some(alias) if alias.id() == child.id() => self.stack.push(Task::Bind(child, place, bound)),
                _ => self.stack.push(Task::Visit(child, place)),
            }
        }
    }

    fn try_statement(&mut self, node: SyntaxNode<'t>, place: Place) {
        let body = node.field("body").map(|body| body.id());
        let excused = place.excused || node.named_children().into_iter().any(catches_name_error);
        for child in node.named_children() {
            let excused = if Some(child.id()) == body { excused } else { place.excused };
            self.stack.push(Task::Visit(child, Place { excused, ..place }));
        }
    }

    fn import(&mut self, node: SyntaxNode<'t>, place: Place) {
        let is_module = node.kind() == "import_statement";
        let hint = if is_module { LikelyType::Module } else { LikelyType::Unknown };
        for child in node.named_children() {
            self.imported(child, place, hint);
        }
    }

    fn import_from(&mut self, node: SyntaxNode<'t>, place: Place) {
        let module = node.field("module_name").map(|module| module.id());
        for child in node.named_children() {
            match child.kind() {
                "wildcard_import" => self.has_unknown_names = true,
                _ if Some(child.id()) == module => {}
                _ => self.imported(child, place, LikelyType::Unknown),
            }
        }
    }

    fn imported(&mut self, node: SyntaxNode<'t>, place: Place, hint: LikelyType) {
        let name = match node.kind() {
            "aliased_import" => node.field("alias"),
            "dotted_name" => node.named_children().first().copied(),
            _ => None,
        };
        let bound = Bound { kind: BindingKind::Import, effective: node.span().end, hint };
        self.stack.extend(name.map(|name| Task::Bind(name, place, bound)));
    }

    fn declaration(&mut self, node: SyntaxNode<'t>, place: Place) {
        for name in node.named_children().into_iter().map(|it| it.text().to_owned()) {
            if node.kind() == "nonlocal_statement" {
                self.scopes[place.scope].nonlocals.insert(name);
                continue;
            }
            // Someone assigns it: the declaration alone counts, else the name would be of no use.
            let site = BindingSite { offset: node.span().start, effective: 0, outer_loop: None, weak: false };
            let (scope, kind, hint) = (0, BindingKind::Variable, LikelyType::Unknown);
            self.bindings.push(NewBinding { scope, name: name.clone(), site, kind, hint });
            self.scopes[place.scope].globals.insert(name);
        }
    }

    fn delete(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Weak, effective: node.span().end, hint: LikelyType::Unknown };
        for target in node.named_children() {
            self.stack.push(Task::Bind(target, place, bound));
        }
    }

    fn case(&mut self, node: SyntaxNode<'t>, place: Place) {
        for child in node.named_children() {
            match child.kind() {
                "case_pattern" => self.stack.push(Task::Pattern(child, place)),
                _ => self.stack.push(Task::Visit(child, place)),
            }
        }
    }

    /// A pattern of `match`: a bare name captures, a dotted one is looked up.
    fn pattern(&mut self, node: SyntaxNode<'t>, place: Place) {
        let capture = |node| {
            let effective = SyntaxNode::span(node).start;
            Task::Bind(node, place, Bound { kind: BindingKind::Variable, effective, hint: LikelyType::Unknown })
        };
        let children = node.named_children();
        match node.kind() {
            "identifier" => self.stack.push(capture(node)),
            "dotted_name" => match children.as_slice() {
                [name] => self.stack.push(capture(*name)),
                _ => self.visit_first(node, place),
            },
            "class_pattern" => {
                for child in children {
                    match child.kind() {
                        "dotted_name" => self.visit_first(child, place),
                        _ => self.stack.push(Task::Pattern(child, place)),
                    }
                }
            }
            // The keyword of `Point(x=0)` is an attribute.
            "keyword_pattern" => {
                self.stack.extend(children.into_iter().skip(1).map(|child| Task::Pattern(child, place)));
            }
            _ => self.stack.extend(children.into_iter().map(|child| Task::Pattern(child, place))),
        }
    }

    fn bind(&mut self, node: SyntaxNode<'t>, place: Place, bound: Bound) {
        match node.kind() {
            "identifier" => {
                if node.text().is_empty() {
                    return;
                }
                let site = BindingSite {
                    offset: node.span().start,
                    effective: bound.effective,
                    outer_loop: place.outer_loop,
                    weak: bound.kind == BindingKind::Weak,
                };
                let (name, kind, hint) = (node.text().to_owned(), bound.kind, bound.hint);
                self.bindings.push(NewBinding { scope: place.scope, name, site, kind, hint });
            }
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "list_splat_pattern"
            | "dictionary_splat_pattern"
            | "as_pattern_target"
            | "tuple"
            | "list"
            | "expression_list"
            | "parenthesized_expression"
            | "list_splat" => {
                let bound = Bound { hint: part_hint(node, bound.hint), ..bound };
                self.stack.extend(node.named_children().into_iter().map(|child| Task::Bind(child, place, bound)));
            }
            "keyword_separator" | "positional_separator" | "comment" | "ERROR" => {}
            // `a.b = 1` and `a[i] = 1` bind nothing but read `a` and `i`.
            _ => self.stack.push(Task::Visit(node, place)),
        }
    }
}

fn catches_name_error(clause: SyntaxNode<'_>) -> bool {
    if clause.kind() != "except_clause" {
        return false;
    }
    let heads: Vec<_> = clause.named_children().into_iter().filter(|it| it.kind() != "block").collect();
    let is_bare = heads.iter().all(|it| it.kind() == "comment");
    is_bare || heads.iter().any(|it| it.descendants().any(|name| name.text() == "NameError"))
}

fn parameter_hint(parameter: SyntaxNode<'_>) -> LikelyType {
    match parameter.kind() {
        "list_splat_pattern" => return LikelyType::Tuple,
        "dictionary_splat_pattern" => return LikelyType::Dict,
        _ => {}
    }
    let annotated = parameter.field("type").map_or(LikelyType::Unknown, annotation_hint);
    match annotated {
        LikelyType::Unknown => parameter.field("value").map_or(LikelyType::Unknown, value_hint),
        known => known,
    }
}

fn annotation_hint(annotation: SyntaxNode<'_>) -> LikelyType {
    let text = annotation.text().trim_matches(|it| matches!(it, '"' | '\''));
    let text = text.strip_prefix("typing.").unwrap_or(text);
    let text = text.strip_prefix("Optional[").unwrap_or(text);
    let head = text.split(['[', '|', ' ', ']']).next().unwrap_or("");
    match head {
        "int" => LikelyType::Int,
        "float" => LikelyType::Float,
        "bool" => LikelyType::Bool,
        "str" => LikelyType::Str,
        "bytes" => LikelyType::Bytes,
        "list" | "List" | "MutableSequence" | "Sequence" => LikelyType::List,
        "tuple" | "Tuple" => LikelyType::Tuple,
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "DefaultDict" | "OrderedDict" => LikelyType::Dict,
        "set" | "Set" | "FrozenSet" | "frozenset" => LikelyType::Set,
        "Callable" => LikelyType::Callable,
        "Type" | "type" => LikelyType::Class,
        "Iterable" | "Iterator" | "Generator" | "Collection" => LikelyType::Iterable,
        _ => LikelyType::Unknown,
    }
}

/// The type of an expression, as far as its outermost form tells.
pub(super) fn value_hint(value: SyntaxNode<'_>) -> LikelyType {
    match value.kind() {
        "none" => LikelyType::None,
        "true" | "false" | "comparison_operator" | "not_operator" => LikelyType::Bool,
        "integer" => LikelyType::Int,
        "float" => LikelyType::Float,
        "string" | "concatenated_string" if value.text().starts_with(['b', 'B']) => LikelyType::Bytes,
        "string" | "concatenated_string" => LikelyType::Str,
        "list" | "list_comprehension" => LikelyType::List,
        "tuple" | "expression_list" => LikelyType::Tuple,
        "dictionary" | "dictionary_comprehension" => LikelyType::Dict,
        "set" | "set_comprehension" => LikelyType::Set,
        "generator_expression" => LikelyType::Iterable,
        "lambda" => LikelyType::Callable,
        "parenthesized_expression" | "unary_operator" | "binary_operator" | "boolean_operator" => {
            let parts = value.named_children();
            let mut hints = parts.into_iter().map(|part| match part.kind() {
                // One step only: a chain of a thousand operators must not recurse.
                "parenthesized_expression" | "unary_operator" | "binary_operator" | "boolean_operator" => {
                    LikelyType::Unknown
                }
                _ => value_hint(part),
            });
            hints.find(|hint| *hint != LikelyType::Unknown).unwrap_or_default()
        }
        "call" => value.field("function").map_or(LikelyType::Unknown, |it| result_of(it.text())),
        _ => LikelyType::Unknown,
    }
}

fn result_of(function: &str) -> LikelyType {
    let last = function.rsplit('.').next().unwrap_or(function);
    match last {
        "int" | "len" | "ord" | "sum" | "round" | "abs" | "find" | "index" | "count" if !function.is_empty() => {
            LikelyType::Int
        }
        "float" => LikelyType::Float,
        "bool" | "isinstance" | "hasattr" | "any" | "all" | "startswith" | "endswith" => LikelyType::Bool,
        "str" | "repr" | "join" | "format" | "strip" | "lower" | "upper" | "replace" | "chr" => LikelyType::Str,
        "bytes" | "bytearray" | "encode" => LikelyType::Bytes,
        "list" | "sorted" | "split" | "splitlines" | "deque" => LikelyType::List,
        "tuple" => LikelyType::Tuple,
        "dict" | "defaultdict" | "OrderedDict" | "Counter" => LikelyType::Dict,
        "set" | "frozenset" => LikelyType::Set,
        "range" | "zip" | "map" | "filter" | "enumerate" | "reversed" | "iter" | "items" | "keys" | "values" => {
            LikelyType::Iterable
        }
        _ => LikelyType::Unknown,
    }
}

/// The type of what a loop over `iterable` gives; several targets take the first part's.
fn element_hint(iterable: Option<SyntaxNode<'_>>) -> LikelyType {
    let Some(iterable) = iterable else { return LikelyType::Unknown };
    match iterable.kind() {
        "string" => LikelyType::Str,
        "list" | "tuple" | "set" => iterable.named_children().first().map_or(LikelyType::Unknown, |it| value_hint(*it)),
        "call" => match iterable.field("function").map_or("", SyntaxNode::text) {
            "range" => LikelyType::Int,
            _ => LikelyType::Unknown,
        },
        _ => LikelyType::Unknown,
    }
}

/// The type known of a whole says nothing about the parts it is unpacked into.
fn part_hint(target: SyntaxNode<'_>, whole: LikelyType) -> LikelyType {
    match target.kind() {
        "list_splat_pattern" | "list_splat" if whole != LikelyType::Tuple => LikelyType::List,
        "list_splat_pattern" | "dictionary_splat_pattern" | "as_pattern_target" | "parenthesized_expression" => whole,
        _ => LikelyType::Unknown,
    }
}

fn type_with_method(method: &str) -> LikelyType {
    match method {
        "append" | "extend" | "insert" | "sort" | "reverse" => LikelyType::List,
        "add" | "discard" | "union" | "intersection" | "issubset" => LikelyType::Set,
        "items" | "keys" | "values" | "setdefault" | "get" => LikelyType::Dict,
        "strip" | "split" | "startswith" | "endswith" | "lower" | "upper" | "replace" | "join" | "encode"
        | "splitlines" | "rstrip" | "lstrip" | "isdigit" | "isalpha" | "title" | "capitalize" | "zfill" => {
            LikelyType::Str
        }
        "decode" => LikelyType::Bytes,
        _ => LikelyType::Unknown,
    }
}
