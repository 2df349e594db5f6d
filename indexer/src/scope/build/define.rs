//! What opens scopes: functions, classes, type parameters and comprehensions.

use super::hint::{element_hint, parameter_hint};
use super::{Bound, Builder, Place, Task};
use crate::scope::{BindingKind, LikelyType, ScopeKind};
use crate::syntax::SyntaxNode;

impl<'t> Builder<'t> {
    pub(super) fn function(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn lambda(&mut self, node: SyntaxNode<'t>, place: Place) {
        let Some(body) = node.field("body") else { return };
        let scope = self.open(ScopeKind::Lambda, Some(place.scope), body.span());
        let inner = Place { scope, outer_loop: None, excused: place.excused };
        if let Some(parameters) = node.field("parameters") {
            self.parameters(parameters, place, place, inner);
        }
        self.stack.push(Task::Visit(body, inner));
    }

    /// Defaults are evaluated outside, annotations where the type parameters are visible, names are bound inside.
    pub(super) fn parameters(&mut self, parameters: SyntaxNode<'t>, outside: Place, signature: Place, inner: Place) {
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

    pub(super) fn class(&mut self, node: SyntaxNode<'t>, place: Place) {
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
    pub(super) fn type_parameters(&mut self, node: SyntaxNode<'t>, place: Place) -> Place {
        let Some(parameters) = node.field("type_parameters") else { return place };
        let scope = self.open(ScopeKind::TypeParameters, Some(place.scope), node.span());
        let inner = Place { scope, ..place };
        self.bind_type_parameters(parameters, inner);
        inner
    }

    pub(super) fn bind_type_parameters(&mut self, parameters: SyntaxNode<'t>, inner: Place) {
        let bound =
            Bound { kind: BindingKind::Definition, effective: parameters.span().start, hint: LikelyType::Class };
        for parameter in parameters.named_children() {
            let names: Vec<_> = parameter.descendants().filter(|it| it.kind() == "identifier").collect();
            let Some((name, bounds)) = names.split_first() else { continue };
            self.stack.push(Task::Bind(*name, inner, bound));
            self.stack.extend(bounds.iter().map(|it| Task::Visit(*it, inner)));
        }
    }

    pub(super) fn type_alias(&mut self, node: SyntaxNode<'t>, place: Place) {
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

    pub(super) fn comprehension(&mut self, node: SyntaxNode<'t>, place: Place) {
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
}
