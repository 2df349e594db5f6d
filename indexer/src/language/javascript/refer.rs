//! Which names are used.

use tree_sitter::Node;

use super::facts::{Frame, Walker};
use super::kind::Kind;
use crate::facts::{Import, ImportForm, ImportItem, Receiver, Usage};
use crate::language::walk::{class_of_type, unquoted};

/// Calls that make a test or a suite of tests, with a text and a function.
const SUITES: &[&str] = &["describe", "it", "test", "suite", "context", "specify"];

impl<'t> Walker<'t> {
    pub(super) fn identifier(&mut self, frame: Frame<'t>) {
        // Of a tag, small letters are an element's name.
        let in_tag = self.parent_kind() == Kind::JsxTag && frame.field == Some("name");
        let is_element = in_tag && self.slice(frame.node).starts_with(|it: char| it.is_ascii_lowercase());
        let usage = self.usage(frame);
        // What every file has says nothing.
        let is_ambient = matches!(self.slice(frame.node), "module" | "exports" | "undefined" | "arguments");
        if !is_element && !is_ambient {
            self.bare(frame.node, usage);
        }
    }

    pub(super) fn type_name(&mut self, node: Node<'t>) {
        let usage = if self.is_base() { Usage::Base } else { Usage::Type };
        self.bare(node, usage);
    }

    /// `ns.Type`.
    pub(super) fn type_path(&mut self, node: Node<'t>) -> bool {
        let usage = if self.is_base() { Usage::Base } else { Usage::Type };
        let parts = (node.child_by_field_name("module"), node.child_by_field_name("name"));
        if let (Some(module), Some(name)) = parts {
            self.member(module, name, usage);
        }
        false
    }

    /// Returns whether a type or expression stands where a class says what it inherits from, with or without type arguments.
    fn is_base(&self) -> bool {
        let heritage = |above| self.around(above).is_some_and(|it| it.kind == Kind::Heritage);
        let generic = self.around(0).is_some_and(|it| it.node.kind() == "generic_type");
        heritage(0) || (generic && heritage(1))
    }

    pub(super) fn member_expression(&mut self, frame: Frame<'t>) -> bool {
        let parts = (frame.node.child_by_field_name("object"), frame.node.child_by_field_name("property"));
        let (Some(object), Some(name)) = parts else { return true };
        let usage = self.usage(frame);
        let asserted = self.class_asserted(object);
        let object = self.bare_value(object);
        match asserted.or_else(|| self.class_made(object)) {
            Some(class) => self.member_of_instance(class, self.slice(name), usage, name),
            None => self.member(object, name, usage),
        }
        true
    }

    /// Returns the class of `(x as Class)`.
    fn class_asserted(&self, value: Node<'t>) -> Option<String> {
        let inner = value.named_child(0).filter(|_| value.kind() == "parenthesized_expression")?;
        let kind = inner.named_child(1).filter(|_| matches!(inner.kind(), "as_expression" | "satisfies_expression"))?;
        class_of_type(self.slice(kind))
    }

    /// Returns the class of `new Class(…)`.
    pub(super) fn class_made(&self, value: Node<'t>) -> Option<String> {
        let made = Some(value).filter(|it| self.kind(*it) == Kind::New)?;
        class_of_type(self.field(made, "constructor")?)
    }

    fn usage(&self, frame: Frame<'t>) -> Usage {
        let Some(parent) = self.around(0) else { return Usage::Read };
        match parent.kind {
            Kind::Call if frame.field == Some("function") => {
                let decorates = self.around(1).is_some_and(|it| it.kind == Kind::Decorator);
                if decorates { Usage::Decorator } else { Usage::Call }
            }
            Kind::New if frame.field == Some("constructor") => Usage::Call,
            Kind::JsxTag if frame.field == Some("name") => Usage::Call,
            Kind::Decorator => Usage::Decorator,
            Kind::Heritage => Usage::Base,
            Kind::Assignment if frame.field == Some("left") => Usage::Write,
            _ => Usage::Read,
        }
    }

    pub(super) fn call(&mut self, node: Node<'t>) -> bool {
        if let Some(base) = node.child_by_field_name("function").filter(|it| it.kind() == "super") {
            self.refer("constructor", Receiver::Super, Usage::Call, base);
        }
        let (Some(called), Some(arguments)) =
            (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
        else {
            return true;
        };
        let first = arguments.named_child(0);
        let text = first.filter(|it| matches!(self.kind(*it), Kind::String | Kind::Template)).map(|it| self.slice(it));
        match (self.slice(called), text) {
            (name @ ("require" | "import"), Some(module)) => {
                let is_bound = name == "require" && self.is_bound_require();
                if !is_bound {
                    self.import_by_call(unquoted(module), ImportItem::Module { alias: None }, node);
                }
                false
            }
            (name, Some(_)) if is_suite(name) => {
                self.facts.is_test = true;
                true
            }
            _ => true,
        }
    }

    /// Returns whether the declaration around a `require` has seen to it.
    fn is_bound_require(&self) -> bool {
        let declares = |above| self.around(above).is_some_and(|it| it.kind == Kind::Declarator);
        declares(0) || (self.parent_kind() == Kind::Member && declares(1))
    }

    pub(super) fn import_by_call(&mut self, module: &str, item: ImportItem, node: Node<'t>) {
        let line = node.start_position().row as u32 + 1;
        let within = self.within();
        let form = ImportForm::Require;
        self.facts.imports.push(Import { form, within, ..Import::new(module, item, line) });
    }
}

/// Returns whether a call of this name, or of one of its variants such as `it.only`, makes tests.
fn is_suite(called: &str) -> bool {
    let (name, variant) = called.split_once('.').unwrap_or((called, ""));
    SUITES.contains(&name) && matches!(variant, "" | "only" | "skip" | "concurrent" | "each" | "todo" | "failing")
}
