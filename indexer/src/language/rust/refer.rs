//! Which names are used.

use super::builtin::AMBIENT;
use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};

impl<'t> Walker<'t> {
    pub(super) fn identifier(&mut self, frame: Frame<'t>) {
        if AMBIENT.binary_search(&self.slice(frame.node)).is_err() {
            let usage = self.usage(frame);
            self.bare(frame.node, usage);
        }
    }

    pub(super) fn type_name(&mut self, frame: Frame<'t>) {
        if AMBIENT.binary_search(&self.slice(frame.node)).is_err() {
            let usage = self.usage(frame);
            self.bare(frame.node, usage);
        }
    }

    pub(super) fn field_access(&mut self, frame: Frame<'t>) {
        let parts = (frame.node.child_by_field_name("value"), frame.node.child_by_field_name("field"));
        let (Some(object), Some(name)) = parts else { return };
        if name.kind() != "field_identifier" {
            return;
        }
        let usage = self.usage(frame);
        match self.class_of_value(object) {
            Some(class) => self.member_of_instance(class, self.slice(name), usage, name),
            None => self.member(object, name, usage),
        }
    }

    /// `a::b`: the name is seen to here, what is before it is walked on.
    pub(super) fn scoped(&mut self, frame: Frame<'t>) -> bool {
        if self.is_claimed(frame.node) {
            return false;
        }
        let usage = self.usage(frame);
        self.path_member(frame.node, usage);
        frame.node.child_by_field_name("name").into_iter().for_each(|it| self.claim(it));
        true
    }

    /// `field: value` and `field` where a struct is made.
    pub(super) fn field_initializer(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        let name = node.child_by_field_name("field").or_else(|| node.named_child(0));
        let made = self.around(1).map(|it| it.node).filter(|it| self.kind(*it) == Kind::StructExpression);
        let (Some(name), Some(made)) = (name, made) else { return };
        let text = self.slice(name);
        match made.child_by_field_name("name").map(|it| (self.slice(it), it)) {
            Some(("Self", _)) => self.refer(text, Receiver::Own, Usage::Write, name),
            Some((_, it)) => match self.class_of_type(it) {
                Some(class) => self.member_of_instance(class, text, Usage::Write, name),
                None => self.refer(text, Receiver::Unknown, Usage::Write, name),
            },
            None => {}
        }
    }

    fn usage(&self, frame: Frame<'t>) -> Usage {
        let Some(parent) = self.around(0) else { return Usage::Read };
        match parent.kind {
            Kind::Call if frame.field == Some("function") => Usage::Call,
            Kind::GenericFunction if parent.field == Some("function") => Usage::Call,
            Kind::Assignment if frame.field == Some("left") => Usage::Write,
            Kind::Impl if frame.field == Some("trait") => Usage::Base,
            Kind::TraitBounds if self.bounds_trait(0) => Usage::Base,
            Kind::GenericType => match self.around(1).map(|it| it.kind) {
                Some(Kind::Impl) if parent.field == Some("trait") => Usage::Base,
                Some(Kind::TraitBounds) if self.bounds_trait(1) => Usage::Base,
                _ => Usage::Type,
            },
            Kind::Scoped if frame.field == Some("path") => Usage::Read,
            _ if matches!(frame.kind, Kind::TypeName | Kind::ScopedType) => Usage::Type,
            _ => Usage::Read,
        }
    }

    /// Returns whether the bounds that are `above` levels up are what a trait builds on.
    fn bounds_trait(&self, above: usize) -> bool {
        self.around(above + 1).is_some_and(|it| it.kind == Kind::Trait)
            && self.around(above).is_some_and(|it| it.field == Some("bounds"))
    }
}
