//! Which names are used.

use tree_sitter::Node;

use super::declarator::{class_written, plain_path};
use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};

impl<'t> Walker<'t> {
    pub(super) fn identifier(&mut self, frame: Frame<'t>) {
        let usage = self.usage(frame, Usage::Read);
        self.bare(frame.node, usage);
    }

    pub(super) fn type_name(&mut self, frame: Frame<'t>) {
        let usage = self.usage(frame, Usage::Type);
        self.bare(frame.node, usage);
    }

    /// Returns how an expression or type is used, `otherwise` if nothing around it says more.
    fn usage(&self, frame: Frame<'t>, otherwise: Usage) -> Usage {
        let mut field = frame.field;
        for outer in self.frames.iter().rev() {
            return match outer.kind {
                // `f<int>` and `A::f` are used as their whole is.
                Kind::TemplateName | Kind::Qualified if field == Some("name") => {
                    field = outer.field;
                    continue;
                }
                Kind::Call if field == Some("function") => Usage::Call,
                Kind::New | Kind::CompoundLiteral if field == Some("type") => Usage::Call,
                Kind::Bases => Usage::Base,
                Kind::Assignment if field == Some("left") => Usage::Write,
                _ => otherwise,
            };
        }
        otherwise
    }

    /// `A::B::f`.
    pub(super) fn qualified(&mut self, frame: Frame<'t>) {
        if self.parent_kind() == Kind::Qualified || self.is_claimed(frame.node) {
            return;
        }
        let mut last = frame.node;
        for _ in 0..64 {
            let inner = last.child_by_field_name("name");
            match inner.filter(|_| matches!(self.kind(last), Kind::Qualified | Kind::TemplateName)) {
                Some(inner) => last = inner,
                None => break,
            }
        }
        let is_type = self.kind(last) == Kind::TypeName;
        let usage = self.usage(frame, if is_type { Usage::Type } else { Usage::Read });
        let before = self.slice_of(frame.node.start_byte()..last.start_byte());
        let name = self.slice(last);
        self.claim(last);
        match plain_path(before) {
            Some(path) => self.member_of(path.into(), name, usage, last),
            // `::f` is a global.
            None if before.trim() == "::" => self.refer(name, Receiver::Bare, usage, last),
            None => self.refer(name, Receiver::Unknown, usage, last),
        }
    }

    pub(super) fn field_access(&mut self, frame: Frame<'t>) {
        let parts = (frame.node.child_by_field_name("argument"), frame.node.child_by_field_name("field"));
        let (Some(object), Some(name)) = parts else { return };
        let usage = self.usage(frame, Usage::Read);
        let name = name.child_by_field_name("name").filter(|_| name.kind() == "template_method").unwrap_or(name);
        match self.class_made(object) {
            Some(class) => self.member_of_instance(class, self.slice(name), usage, name),
            None => self.member(object, name, usage),
        }
    }

    /// Returns the class of `new X(…)`, `X{…}` and `static_cast<X*>(…)`.
    pub(super) fn class_made(&self, value: Node<'t>) -> Option<String> {
        match value.kind() {
            "new_expression" | "compound_literal_expression" => class_written(self.field(value, "type")?),
            "cast_expression" => class_written(self.field(value, "type")?),
            "parenthesized_expression" => self.class_made(value.named_child(0).filter(|it| it.kind() != value.kind())?),
            "call_expression" => {
                let called = value.child_by_field_name("function")?;
                let name = self.slice(called);
                let makes =
                    ["static_cast<", "dynamic_cast<", "reinterpret_cast<", "std::make_unique<", "std::make_shared<"];
                let inner = makes.iter().find_map(|it| name.strip_prefix(it))?;
                class_written(inner.trim_end_matches('>'))
            }
            _ => None,
        }
    }

    /// `: field(value)` after a constructor's head: a field, or a base class.
    pub(super) fn field_initializer(&mut self, node: Node<'t>) {
        if let Some(name) = node.named_child(0).filter(|it| it.kind() == "field_identifier") {
            self.refer(self.slice(name), Receiver::Own, Usage::Write, name);
        }
    }
}
