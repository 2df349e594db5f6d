//! Statements that bind names: assignments, loops, handlers, imports, declarations and patterns.

use super::hint::{annotation_hint, element_hint, value_hint};
use super::{Bound, Builder, NewBinding, Place, Task, catches_name_error};
use crate::scope::{BindingKind, BindingSite, LikelyType, ScopeKind};
use crate::syntax::SyntaxNode;

impl<'t> Builder<'t> {
    pub(super) fn assignment(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn augmented(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn walrus(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn for_loop(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn while_loop(&mut self, node: SyntaxNode<'t>, place: Place) {
        let inner = Place { outer_loop: place.outer_loop.or(Some(node.span().start)), ..place };
        // The condition is evaluated again after the body, but the first time before it.
        self.visit_field(node, "condition", place);
        self.visit_field(node, "body", inner);
        self.visit_field(node, "alternative", place);
    }

    pub(super) fn as_pattern(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Variable, effective: node.span().start, hint: LikelyType::Unknown };
        for child in node.named_children() {
            match child.kind() {
                "as_pattern_target" => self.stack.push(Task::Bind(child, place, bound)),
                _ => self.stack.push(Task::Visit(child, place)),
            }
        }
    }

    pub(super) fn except(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Variable, effective: node.span().start, hint: LikelyType::Unknown };
        let alias = node.field("alias");
        for child in node.named_children() {
            match alias {
                Some(alias) if alias.id() == child.id() => self.stack.push(Task::Bind(child, place, bound)),
                _ => self.stack.push(Task::Visit(child, place)),
            }
        }
    }

    pub(super) fn try_statement(&mut self, node: SyntaxNode<'t>, place: Place) {
        let body = node.field("body").map(|body| body.id());
        let excused = place.excused || node.named_children().into_iter().any(catches_name_error);
        for child in node.named_children() {
            let excused = if Some(child.id()) == body { excused } else { place.excused };
            self.stack.push(Task::Visit(child, Place { excused, ..place }));
        }
    }

    pub(super) fn import(&mut self, node: SyntaxNode<'t>, place: Place) {
        let is_module = node.kind() == "import_statement";
        let hint = if is_module { LikelyType::Module } else { LikelyType::Unknown };
        for child in node.named_children() {
            self.imported(child, place, hint);
        }
    }

    pub(super) fn import_from(&mut self, node: SyntaxNode<'t>, place: Place) {
        let module = node.field("module_name").map(|module| module.id());
        for child in node.named_children() {
            match child.kind() {
                "wildcard_import" => self.has_unknown_names = true,
                _ if Some(child.id()) == module => {}
                _ => self.imported(child, place, LikelyType::Unknown),
            }
        }
    }

    pub(super) fn imported(&mut self, node: SyntaxNode<'t>, place: Place, hint: LikelyType) {
        let name = match node.kind() {
            "aliased_import" => node.field("alias"),
            "dotted_name" => node.named_children().first().copied(),
            _ => None,
        };
        let bound = Bound { kind: BindingKind::Import, effective: node.span().end, hint };
        self.stack.extend(name.map(|name| Task::Bind(name, place, bound)));
    }

    pub(super) fn declaration(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn delete(&mut self, node: SyntaxNode<'t>, place: Place) {
        let bound = Bound { kind: BindingKind::Weak, effective: node.span().end, hint: LikelyType::Unknown };
        for target in node.named_children() {
            self.stack.push(Task::Bind(target, place, bound));
        }
    }

    pub(super) fn case(&mut self, node: SyntaxNode<'t>, place: Place) {
        for child in node.named_children() {
            match child.kind() {
                "case_pattern" => self.stack.push(Task::Pattern(child, place)),
                _ => self.stack.push(Task::Visit(child, place)),
            }
        }
    }

    /// A pattern of `match`: a bare name captures, a dotted one is looked up.
    pub(super) fn pattern(&mut self, node: SyntaxNode<'t>, place: Place) {
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
}
