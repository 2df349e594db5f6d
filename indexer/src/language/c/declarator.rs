//! Declarators: C writes the name of a thing in the middle of its type.

use tree_sitter::Node;

use super::facts::Walker;
use crate::language::walk::{MAX_PATH, class_of_type, named_children, one_line};

/// Nobody nests declarators deeper.
const MAX_DEPTH: usize = 64;
/// Pointers that are used as what they point to.
const POINTERS: &[&str] =
    &["unique_ptr", "shared_ptr", "weak_ptr", "scoped_ptr", "intrusive_ptr", "scoped_refptr", "optional"];

/// What a declarator declares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'t> {
    /// The name, perhaps with the class or namespace before it.
    pub(super) name: Node<'t>,
    /// Whether it is a function, as against a pointer to one.
    pub(super) is_function: bool,
}

impl<'t> Walker<'t> {
    /// Returns what a declarator declares; `None` when it has no name.
    pub(super) fn declared(&self, declarator: Node<'t>) -> Option<Declared<'t>> {
        let mut at = declarator;
        let mut is_function = false;
        for _ in 0..MAX_DEPTH {
            match at.kind() {
                "identifier"
                | "field_identifier"
                | "type_identifier"
                | "qualified_identifier"
                | "destructor_name"
                | "operator_name"
                | "template_function"
                | "template_method"
                | "template_type" => {
                    return Some(Declared { name: at, is_function });
                }
                "operator_cast" => return Some(Declared { name: at, is_function: true }),
                "function_declarator" => {
                    let inner = at.child_by_field_name("declarator")?;
                    is_function = !is_pointer_in_parentheses(inner);
                    at = inner;
                }
                "structured_binding_declarator" => return None,
                _ => at = at.child_by_field_name("declarator").or_else(|| last_named(at))?,
            }
        }
        None
    }

    /// Returns the short name and the path of what is before it, as in `A::B<int>::f`.
    pub(super) fn split_name(&self, name: Node<'t>) -> (String, Option<String>) {
        let mut last = name;
        for _ in 0..MAX_DEPTH {
            match last.child_by_field_name("name").filter(|_| last.kind() == "qualified_identifier") {
                Some(inner) => last = inner,
                None => break,
            }
        }
        let text = self.slice(last);
        let text = match last.kind() {
            "operator_cast" => text.split('(').next().unwrap_or(text),
            _ => text,
        };
        let short = one_line(text, MAX_PATH);
        let before = self.slice_of(name.start_byte()..last.start_byte()).trim();
        let owner = dotted(before.trim_end_matches("::").trim_end_matches("template").trim());
        (short, Some(owner).filter(|it| !it.is_empty()))
    }

    /// Returns the class that a declaration's type names, through the pointers of the library.
    pub(super) fn class_of(&self, declaration: Node<'t>) -> Option<String> {
        let written = declaration.child_by_field_name("type")?;
        let is_plain = matches!(written.kind(), "primitive_type" | "sized_type_specifier");
        if is_plain { None } else { class_written(self.slice(written)) }
    }

    /// Returns all declarators of a declaration.
    pub(super) fn declarators(&self, declaration: Node<'t>) -> Vec<Node<'t>> {
        let mut cursor = declaration.walk();
        declaration.children_by_field_name("declarator", &mut cursor).collect()
    }
}

/// Returns the class that a type as written names.
pub(super) fn class_written(text: &str) -> Option<String> {
    if text.len() > MAX_PATH || text == "auto" {
        return None;
    }
    let class = class_of_type(text)?;
    let last = class.rsplit('.').next().unwrap_or(&class);
    if POINTERS.contains(&last) {
        let inner = text.split_once('<')?.1;
        return class_of_type(inner.split([',', '>']).next()?);
    }
    Some(class)
}

/// `(*name)`: what is called here is a pointer.
fn is_pointer_in_parentheses(declarator: Node<'_>) -> bool {
    let inner =
        |it: Node<'_>| matches!(it.kind(), "pointer_declarator" | "reference_declarator" | "function_declarator");
    declarator.kind() == "parenthesized_declarator" && last_named(declarator).is_some_and(inner)
}

fn last_named(node: Node<'_>) -> Option<Node<'_>> {
    named_children(node).into_iter().rev().find(|it| it.kind() != "comment")
}

/// Puts dots for `::` where they join, that is outside of template arguments, and makes it one line.
fn dotted(path: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    let mut rest = path.trim_start_matches("::");
    while let Some(next) = rest.chars().next() {
        if depth == 0 && rest.starts_with("::") {
            out.push('.');
            rest = &rest[2..];
            continue;
        }
        match next {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    one_line(&out, MAX_PATH)
}

/// Returns a path without template arguments, with dots for `::`.
pub(super) fn plain_path(path: &str) -> Option<String> {
    if path.len() > MAX_PATH {
        return None;
    }
    let mut depth = 0_usize;
    let mut out = String::new();
    for next in path.chars() {
        match next {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth > 0 || next.is_whitespace() => {}
            _ => out.push(next),
        }
    }
    let out = out.replace("::", ".");
    let out = out.trim_matches('.');
    let plain = |it: char| it == '_' || it == '.' || it.is_alphanumeric();
    (!out.is_empty() && out.chars().all(plain)).then(|| out.to_owned())
}
