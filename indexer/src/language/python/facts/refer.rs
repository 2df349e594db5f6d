//! Which names are used, and which are bound.

use tree_sitter::Node;

use super::{Frame, Kind, Walker};
use crate::facts::{Receiver, Usage};
use crate::language::walk::{ScopeKind, dotted_class, is_dotted};
use crate::symbol::SymbolKind;

/// What an identifier is bound by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding<'t> {
    Assignment(Node<'t>),
    Parameter,
    /// A loop, a `with`, an `except`, a pattern.
    Other,
    /// It is declared to be bound outside.
    Outside,
}

impl<'t> Walker<'t> {
    pub(super) fn identifier(&mut self, frame: Frame<'t>) -> bool {
        let name = self.slice(frame.node);
        let Some(parent) = self.frames.last() else { return false };
        let is_own_name = match parent.kind {
            Kind::Class | Kind::Function | Kind::KeywordArgument => frame.field == Some("name"),
            Kind::Attribute => frame.field == Some("attribute"),
            _ => false,
        };
        if name.is_empty() || is_own_name {
            return false;
        }
        match self.binding(frame) {
            Some(binding) => self.bind(name, binding, frame),
            None => {
                let usage = self.usage(frame);
                self.refer_from(name, name, Receiver::Bare, usage, frame.node);
            }
        }
        false
    }

    /// Returns what binds the identifier or attribute, if anything does.
    pub(super) fn binding(&self, frame: Frame<'t>) -> Option<Binding<'t>> {
        let mut field = frame.field;
        // Nobody nests patterns deeper.
        for outer in self.frames.iter().rev().take(100) {
            match (outer.kind, field) {
                (Kind::Pattern | Kind::AsPatternTarget, _) => field = outer.field,
                (Kind::Assignment, Some("left")) => return Some(Binding::Assignment(outer.node)),
                (Kind::AugmentedAssignment | Kind::For | Kind::ForIn, Some("left")) => return Some(Binding::Other),
                (Kind::NamedExpression, Some("name")) => return Some(Binding::Other),
                (Kind::Other, Some("alias")) => return Some(Binding::Other),
                (Kind::Parameters | Kind::TypedParameter, None) => return Some(Binding::Parameter),
                (Kind::DefaultParameter, Some("name")) => return Some(Binding::Parameter),
                (Kind::Lambda, Some("parameters")) => return Some(Binding::Parameter),
                (Kind::DottedName, _) => {
                    let above = self.frames.iter().rev().nth(1);
                    let captures = above.is_some_and(|it| it.kind == Kind::CasePattern);
                    return (captures && outer.node.named_child_count() == 1).then_some(Binding::Other);
                }
                (Kind::Global, _) => return Some(Binding::Outside),
                _ => return None,
            }
        }
        None
    }

    fn bind(&mut self, name: &'t str, binding: Binding<'t>, frame: Frame<'t>) {
        let in_function = self.scope_kind() == ScopeKind::Function;
        match binding {
            Binding::Outside => self.scope().declare_outside(name),
            Binding::Parameter => {
                let parent = self.frames.last().map(|it| it.node);
                let class = parent.and_then(|it| it.child_by_field_name("type"));
                let class = class.and_then(|it| self.class_of_annotation(it));
                if in_function {
                    self.scope().bind(name, class);
                }
            }
            Binding::Assignment(assignment) if !in_function => {
                let within = self.within();
                let kind = if within.is_some() { SymbolKind::Field } else { SymbolKind::Variable };
                if self.scope().bind(name, None) {
                    self.define_variable(name, assignment, within, kind);
                }
            }
            // At the top of a file or class such a name is seldom meant by others.
            Binding::Other if !in_function => {}
            Binding::Assignment(_) | Binding::Other if self.scope().is_outside(name) => {
                self.refer_from(name, name, Receiver::Bare, Usage::Write, frame.node);
            }
            Binding::Assignment(assignment) => {
                let single = frame.field == Some("left");
                let class = if single { self.class_of_value(assignment) } else { None };
                self.scope().bind(name, class);
            }
            Binding::Other => {
                self.scope().bind(name, None);
            }
        }
    }

    pub(super) fn attribute(&mut self, frame: Frame<'t>) -> bool {
        let object = frame.node.child_by_field_name("object");
        let name = frame.node.child_by_field_name("attribute");
        let (Some(object), Some(name)) = (object, name) else { return true };
        let usage = self.usage(frame);
        let text = self.slice(name);
        match object.kind() {
            "identifier" if self.own_name() == Some(self.slice(object)) => {
                self.refer(text, Receiver::Own, usage, name);
                self.own_field(text, frame);
            }
            "identifier" => {
                let root = self.slice(object);
                let receiver = Receiver::Path(self.intern(root));
                self.refer_from(root, text, receiver, usage, name);
            }
            "attribute" => self.chained(text, object, usage, name),
            "call" => self.of_call(text, object, usage, name),
            _ => self.refer(text, Receiver::Unknown, usage, name),
        }
        true
    }

    /// A name taken from `a.b`, or from `self.b`.
    fn chained(&mut self, text: &'t str, object: Node<'t>, usage: Usage, name: Node<'t>) {
        let path = self.slice(object);
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        if !is_dotted(path) {
            self.refer(text, Receiver::Unknown, usage, name);
        } else if self.own_name() == Some(root) {
            let receiver = if rest.contains('.') { Receiver::Unknown } else { Receiver::OwnField(self.intern(rest)) };
            self.refer(text, receiver, usage, name);
        } else {
            let receiver = Receiver::Path(self.intern(path));
            self.refer_from(root, text, receiver, usage, name);
        }
    }

    /// A name taken from what a call returns: `super().x`, `Class().x`.
    fn of_call(&mut self, text: &'t str, object: Node<'t>, usage: Usage, name: Node<'t>) {
        let called = object.child_by_field_name("function").map_or("", |it| self.slice(it));
        let receiver = match called {
            "super" => Receiver::Super,
            _ if dotted_class(called).is_some() => Receiver::Instance(self.intern(called)),
            _ => Receiver::Unknown,
        };
        self.refer(text, receiver, usage, name);
    }

    fn usage(&self, frame: Frame<'t>) -> Usage {
        let mut above = self.frames.iter().rev();
        let Some(parent) = above.next() else { return Usage::Read };
        match parent.kind {
            Kind::Call if frame.field == Some("function") => {
                let decorates = above.next().is_some_and(|it| it.kind == Kind::Decorator);
                if decorates { Usage::Decorator } else { Usage::Call }
            }
            Kind::Decorator => Usage::Decorator,
            Kind::ArgumentList if self.is_base(parent.field) => Usage::Base,
            // `Base[T]`.
            Kind::Other if frame.field == Some("value") && above.next().is_some_and(is_superclasses) => Usage::Base,
            Kind::Type => Usage::Type,
            _ if frame.kind == Kind::Attribute && self.binding(frame).is_some() => Usage::Write,
            _ => Usage::Read,
        }
    }

    /// Returns whether the arguments that are open are the bases of a class, perhaps wrapped as in `with_metaclass(Meta, Base)`.
    fn is_base(&self, field: Option<&str>) -> bool {
        let outer = self.frames.iter().rev().nth(2);
        field == Some("superclasses") || (field == Some("arguments") && outer.is_some_and(is_superclasses))
    }
}

fn is_superclasses(frame: &Frame<'_>) -> bool {
    frame.kind == Kind::ArgumentList && frame.field == Some("superclasses")
}
