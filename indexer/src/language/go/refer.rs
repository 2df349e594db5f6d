//! Which names are used, and of what type a value is as far as it says itself.

use tree_sitter::Node;

use super::builtin::AMBIENT;
use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::named_children;

impl<'t> Walker<'t> {
    pub(super) fn identifier(&mut self, frame: Frame<'t>) {
        if AMBIENT.binary_search(&self.slice(frame.node)).is_ok() {
            return;
        }
        if self.is_key() {
            return self.key(frame.node);
        }
        let usage = self.usage(frame);
        self.bare(frame.node, usage);
    }

    pub(super) fn type_name(&mut self, node: Node<'t>) {
        if self.parent_kind() != Kind::QualifiedType && AMBIENT.binary_search(&self.slice(node)).is_err() {
            let usage = self.usage_of_type(node);
            self.bare(node, usage);
        }
    }

    /// `package.Type`.
    pub(super) fn qualified_type(&mut self, node: Node<'t>) {
        let parts = (node.child_by_field_name("package"), node.child_by_field_name("name"));
        if let (Some(package), Some(name)) = parts {
            let usage = self.usage_of_type(node);
            self.bare(package, Usage::Read);
            self.member(package, name, usage);
        }
    }

    fn usage_of_type(&self, node: Node<'t>) -> Usage {
        if self.is_embedded(node) { Usage::Base } else { Usage::Type }
    }

    /// Returns whether the type that is entered is embedded, with or without type arguments.
    fn is_embedded(&self, node: Node<'t>) -> bool {
        let members = self.frames.iter().rev().take(3);
        let mut node = node;
        for it in members {
            match it.kind {
                Kind::GenericType if it.node.child_by_field_name("type") == Some(node) => node = it.node,
                Kind::PointerType => {}
                Kind::FieldDeclaration | Kind::TypeElement => return self.embedded_type(it.node) == Some(node),
                _ => return false,
            }
        }
        false
    }

    pub(super) fn selector(&mut self, frame: Frame<'t>) -> bool {
        let parts = (frame.node.child_by_field_name("operand"), frame.node.child_by_field_name("field"));
        let (Some(operand), Some(name)) = parts else { return true };
        let usage = self.usage(frame);
        match self.class_of_value(operand) {
            Some(class) => self.member_of_instance(class, self.slice(name), usage, name),
            None => self.member(operand, name, usage),
        }
        true
    }

    /// Returns whether the name that is entered is the key of an element: a field, or a value where a map or list is made.
    fn is_key(&self) -> bool {
        self.parent_kind() == Kind::LiteralElement
            && self.around(0).is_some_and(|it| it.field == Some("key"))
            && self.around(1).is_some_and(|it| it.kind == Kind::Keyed)
    }

    fn key(&mut self, node: Node<'t>) {
        match self.type_of_literal() {
            Some(made) if matches!(self.kind(made), Kind::MapType | Kind::ListType) => self.bare(node, Usage::Read),
            Some(made) => match self.class_of_type(made) {
                Some(class) => self.member_of_instance(class, self.slice(node), Usage::Write, node),
                None => self.refer(self.slice(node), Receiver::Unknown, Usage::Write, node),
            },
            None => self.refer(self.slice(node), Receiver::Unknown, Usage::Write, node),
        }
    }

    /// Returns the type of what the keyed element that is entered belongs to; in lists and maps it may be left out of the elements.
    fn type_of_literal(&self) -> Option<Node<'t>> {
        let mut levels = 0;
        for it in self.frames.iter().rev() {
            match it.kind {
                Kind::LiteralValue => levels += 1,
                Kind::Composite => {
                    let mut made = it.node.child_by_field_name("type")?;
                    for _ in 1..levels {
                        made = made.child_by_field_name("element").or_else(|| made.child_by_field_name("value"))?;
                    }
                    return Some(made);
                }
                Kind::LiteralElement | Kind::Keyed => {}
                _ => return None,
            }
        }
        None
    }

    /// Returns the class that a type names: what it points to, without type arguments; nothing for lists, maps, functions and channels.
    pub(super) fn class_of_type(&self, written: Node<'t>) -> Option<String> {
        let mut written = written;
        loop {
            match self.kind(written) {
                Kind::TypeName | Kind::QualifiedType => {
                    let name = self.slice(written);
                    // Of the types that every file has, only errors have methods.
                    return Some(name)
                        .filter(|it| *it == "error" || AMBIENT.binary_search(it).is_err())
                        .map(str::to_owned);
                }
                Kind::GenericType => written = written.child_by_field_name("type")?,
                Kind::PointerType | Kind::Parenthesized => written = written.named_child(0)?,
                _ => return None,
            }
        }
    }

    /// Returns the classes of the values that so many names are bound to. A single call may give several; of `x, ok := y.(T)` only the first
    /// is known.
    pub(super) fn classes_of_values(&self, values: Option<Node<'t>>, names: usize) -> Vec<Option<String>> {
        let values = values.map(named_children).unwrap_or_default();
        let class = |it: Node<'t>| self.class_of_value(it).or_else(|| self.class_of_result(it));
        match values[..] {
            [call] if names > 1 && self.kind(call) == Kind::Call => {
                let path = self.class_of_result(call);
                (0..names).map(|it| path.as_ref().map(|path| format!("{path}{it}"))).collect()
            }
            [first] if names > 1 => std::iter::once(class(first)).chain((1..names).map(|_| None)).collect(),
            _ => values.into_iter().map(class).collect(),
        }
    }

    /// Returns the path of what a call of ours may return; what comes with the language returns nothing of ours.
    fn class_of_result(&self, value: Node<'t>) -> Option<String> {
        let path = self.class_of_path_value(value)?;
        let root = path.split(['.', '(']).next()?;
        AMBIENT.binary_search(&root).is_err().then_some(path)
    }

    /// Returns the class of `T{}`, `&T{}`, `new(T)`, `x.(T)`, `(*T)(x)` and `(*T)`.
    pub(super) fn class_of_value(&self, value: Node<'t>) -> Option<String> {
        let mut value = value;
        loop {
            match self.kind(value) {
                Kind::Parenthesized => value = value.named_child(0)?,
                Kind::Unary if self.slice(value).starts_with('&') => value = value.child_by_field_name("operand")?,
                Kind::Unary => return self.class_of_pointed(value),
                Kind::Composite | Kind::TypeAssertion => {
                    return self.class_of_type(value.child_by_field_name("type")?);
                }
                Kind::Call => {
                    let called = value.child_by_field_name("function")?;
                    if self.kind(called) == Kind::Parenthesized {
                        value = called;
                        continue;
                    }
                    let made = value.child_by_field_name("arguments").filter(|_| self.slice(called) == "new")?;
                    return self.class_of_type(made.named_child(0)?);
                }
                _ => return None,
            }
        }
    }

    /// `(*T)` where a value is read: a type only if it is called or a method is taken from it, which a local name is not.
    fn class_of_pointed(&self, value: Node<'t>) -> Option<String> {
        let operand = value.child_by_field_name("operand").filter(|_| self.slice(value).starts_with('*'))?;
        let name = self.slice(operand);
        let is_plain = matches!(self.kind(operand), Kind::Identifier | Kind::Selector);
        let is_local = self.scopes.iter().any(|it| it.binds(name)) || self.own_name() == Some(name);
        (is_plain && !is_local && value.parent().is_some_and(|it| self.kind(it) == Kind::Parenthesized))
            .then(|| name.to_owned())
    }

    fn usage(&self, frame: Frame<'t>) -> Usage {
        let Some(parent) = self.around(0) else { return Usage::Read };
        match parent.kind {
            Kind::Call if frame.field == Some("function") => Usage::Call,
            Kind::TypeInstance if parent.field == Some("function") => Usage::Call,
            Kind::Step => Usage::Write,
            Kind::ExpressionList if parent.field == Some("left") => {
                let assigns =
                    self.around(1).is_some_and(|it| matches!(it.kind, Kind::Assignment | Kind::Range | Kind::Receive));
                if assigns { Usage::Write } else { Usage::Read }
            }
            _ => Usage::Read,
        }
    }
}
