//! Reads bindings and references out of a syntax tree, with an explicit stack: generated code nests deeper than threads' stacks are.

mod define;
mod hint;
mod statement;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::{Binding, BindingKind, BindingSite, LikelyType, Reference, Scope, ScopeKind, Scopes};
use crate::syntax::{SyntaxNode, SyntaxTree};
use hint::{part_hint, type_with_method};

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
