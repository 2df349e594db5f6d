//! Of what type a value is, as far as it says itself.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::language::walk::{ScopeKind, path_of};

/// Types whose members are those of what they hold.
const HOLDERS: &[&str] = &["Arc", "Box", "Pin", "Rc", "ManuallyDrop"];
/// What these return holds the same as what they are called on.
pub(super) const PASSING: &[&str] =
    &["unwrap", "expect", "unwrap_or_default", "unwrap_or_else", "unwrap_or", "await", "clone", "as_ref", "as_mut"];
/// Types that count as what they hold where a function returns them: what is used is mostly that.
const RESULTS: &[&str] = &["Result", "Option"];

impl<'t> Walker<'t> {
    /// Returns the class that a type names: without references, pointers, type arguments, and boxes around it; nothing for tuples, slices,
    /// functions and the types that the language builds in.
    pub(super) fn class_of_type(&self, written: Node<'t>) -> Option<String> {
        let mut written = written;
        loop {
            match self.kind(written) {
                Kind::TypeName | Kind::Identifier if self.slice(written) == "Self" => return self.own_class(),
                Kind::TypeName | Kind::Identifier | Kind::ScopedType | Kind::Scoped => {
                    return path_of(self.slice(written)).map(std::borrow::Cow::into_owned);
                }
                Kind::GenericType => {
                    let generic = written.child_by_field_name("type")?;
                    let name = self.slice(generic);
                    let held = written.child_by_field_name("type_arguments").and_then(|it| it.named_child(0));
                    written = match held.filter(|_| HOLDERS.contains(&name.rsplit("::").next().unwrap_or(name))) {
                        Some(held) => held,
                        None => generic,
                    };
                }
                Kind::Reference | Kind::Pointer => written = written.child_by_field_name("type")?,
                Kind::DynamicType | Kind::AbstractType => written = written.child_by_field_name("trait")?,
                Kind::Other if matches!(written.kind(), "bounded_type" | "bracketed_type") => {
                    written = written.named_child(0)?;
                }
                _ => return None,
            }
        }
    }

    /// Returns the class that a function returns, or that it may return.
    pub(super) fn class_of_result(&self, written: Node<'t>) -> Option<String> {
        let mut written = written;
        while self.kind(written) == Kind::GenericType {
            let name = self.field(written, "type").unwrap_or_default();
            let held = written.child_by_field_name("type_arguments").and_then(|it| it.named_child(0));
            match held.filter(|_| RESULTS.contains(&name.rsplit("::").next().unwrap_or(name))) {
                Some(held) => written = held,
                None => break,
            }
        }
        match self.slice(written) {
            "Self" => Some("Self".to_owned()),
            _ => self.class_of_type(written).and_then(|it| self.unless_parameter(it)),
        }
    }

    /// Returns the class that an `impl` is for; a box is a class of its own there.
    pub(super) fn class_of_impl(&self, written: Node<'t>) -> Option<String> {
        let mut written = written;
        while let Kind::Reference | Kind::Pointer | Kind::GenericType = self.kind(written) {
            written = written.child_by_field_name("type")?;
        }
        self.class_of_type(written)
    }

    /// Returns the class that `Self` means.
    pub(super) fn own_class(&self) -> Option<String> {
        let class = self.scopes.iter().rev().find(|it| it.kind == ScopeKind::Class)?;
        let defined = class.definition.and_then(|it| self.facts.symbols.get(it as usize));
        class.owner.clone().or_else(|| defined.map(|it| it.qualified.clone()))
    }

    /// Returns the class of `Type { … }`, `Type(…)`, `Type::new(…)`, `Kind::Variant(…)`, with what only passes it on around it.
    pub(super) fn class_of_value(&self, value: Node<'t>) -> Option<String> {
        let mut value = value;
        loop {
            match self.kind(value) {
                Kind::Peeled => value = value.child_by_field_name("value").or_else(|| value.named_child(0))?,
                Kind::StructExpression => return self.class_of_struct(value),
                Kind::Scoped => {
                    // A variant without fields; what is written in capitals is a constant of any type.
                    let name = self.field(value, "name")?;
                    let is_variant = is_class(name) && name.contains(|it: char| it.is_lowercase());
                    return self.class_of_path(value.child_by_field_name("path").filter(|_| is_variant)?);
                }
                Kind::Call => {
                    let called = value.child_by_field_name("function")?;
                    let called = match self.kind(called) {
                        Kind::GenericFunction => called.child_by_field_name("function")?,
                        _ => called,
                    };
                    match self.kind(called) {
                        Kind::FieldAccess if PASSING.contains(&self.field(called, "field")?) => {
                            value = called.child_by_field_name("value")?;
                        }
                        Kind::Scoped if self.makes_holder(called) => {
                            value = value.child_by_field_name("arguments")?.named_child(0)?;
                        }
                        Kind::Scoped => return self.class_made_by(called),
                        Kind::Identifier => return self.class_of_tuple(called),
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    /// Returns the class of `Type { … }`; of a variant it is the enumeration.
    pub(super) fn class_of_struct(&self, value: Node<'t>) -> Option<String> {
        let class = self.class_of_type(value.child_by_field_name("name")?)?;
        match class.rsplit_once('.') {
            Some((path, _)) if is_class(path.rsplit('.').next().unwrap_or(path)) => self.resolved(path),
            _ => self.resolved(&class),
        }
    }

    fn resolved(&self, class: &str) -> Option<String> {
        if class == "Self" { self.own_class() } else { Some(class.to_owned()) }
    }

    /// Returns the class that the path before a name is.
    fn class_of_path(&self, path: Node<'t>) -> Option<String> {
        let class = match self.kind(path) {
            Kind::GenericType => self.class_of_type(path)?,
            _ => path_of(self.slice(path))?.into_owned(),
        };
        let last = class.rsplit('.').next().unwrap_or(&class);
        if is_class(last) { self.resolved(&class) } else { None }
    }

    fn makes_holder(&self, called: Node<'t>) -> bool {
        let path = self.field(called, "path").unwrap_or_default();
        HOLDERS.contains(&path.rsplit("::").next().unwrap_or(path)) && self.field(called, "name") == Some("new")
    }

    /// Returns the class of `Type::new(…)` and the like. By convention alone, like the capitals; other functions may return anything.
    fn class_made_by(&self, called: Node<'t>) -> Option<String> {
        let name = self.field(called, "name")?;
        let path = called.child_by_field_name("path");
        if is_class(name) {
            // `Kind::Variant(…)`, or `module::Type(…)`.
            let whole = || path_of(self.slice(called)).map(std::borrow::Cow::into_owned);
            return path.and_then(|it| self.class_of_path(it)).or_else(whole);
        }
        const PREFIXES: &[&str] = &["new_", "from_", "with_", "try_from"];
        const NAMES: &[&str] = &["new", "default", "from", "open", "create", "try_new", "empty", "connect", "bind"];
        let makes = NAMES.contains(&name) || PREFIXES.iter().any(|it| name.starts_with(it));
        self.class_of_path(path.filter(|_| makes)?)
    }

    fn class_of_tuple(&self, called: Node<'t>) -> Option<String> {
        let name = self.slice(called);
        let is_other = !is_class(name) || matches!(name, "Some" | "Ok" | "Err");
        if is_other { None } else { self.resolved(name) }
    }
}

pub(super) fn is_class(name: &str) -> bool {
    name.starts_with(|it: char| it.is_uppercase())
}
