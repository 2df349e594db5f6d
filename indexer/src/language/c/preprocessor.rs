//! Includes and macros. A macro's body is text to the grammar; of it only the calls are read.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Import, ImportForm, ImportItem, Receiver, Usage};
use crate::language::walk::{named_children, unquoted};
use crate::symbol::{Form, SymbolKind};

/// More calls than these are not read from one macro.
const MAX_CALLS: usize = 64;
/// Words before a parenthesis that call nothing.
const KEYWORDS: &[&str] =
    &["if", "for", "while", "switch", "return", "sizeof", "defined", "do", "else", "alignof", "typeof"];

impl<'t> Walker<'t> {
    pub(super) fn include(&mut self, node: Node<'t>) {
        let Some(path) = node.child_by_field_name("path") else { return };
        let text = self.slice(path);
        let (module, form) = match path.kind() {
            "string_literal" => (unquoted(text), ImportForm::Include),
            "system_lib_string" => (text.trim_matches(['<', '>']), ImportForm::SystemInclude),
            // The path is what a macro says.
            _ => return,
        };
        let line = node.start_position().row as u32 + 1;
        let item = ImportItem::Module { alias: None };
        self.facts.imports.push(Import { form, ..Import::new(module, item, line) });
    }

    /// `#define NAME value`.
    pub(super) fn define_constant(&mut self, node: Node<'t>) {
        let Some(name) = self.field(node, "name") else { return };
        let guards = |it: Node<'t>| self.kind(it) == Kind::Conditional && self.field(it, "name") == Some(name);
        // `#ifndef A_H #define A_H` only keeps a header from being read twice.
        if node.child_by_field_name("value").is_none() && self.around(0).is_some_and(|it| guards(it.node)) {
            return;
        }
        let mut draft = self.draft_of_value(name, SymbolKind::Variable, Form::Constant, node);
        draft.parent = None;
        self.define(draft);
    }

    /// `#define NAME(parameters) body`.
    pub(super) fn define_macro(&mut self, node: Node<'t>) {
        let Some(name) = self.field(node, "name") else { return };
        let value = node.child_by_field_name("value");
        let mut draft = self.draft(name, SymbolKind::Function, Form::Macro, node, value);
        draft.parent = None;
        let at = self.define(draft);
        let parameters = node.child_by_field_name("parameters").map(named_children).unwrap_or_default();
        let parameters: Vec<&str> = parameters.into_iter().map(|it| self.slice(it)).collect();
        let Some(value) = value else { return };
        let called = calls(self.slice(value)).into_iter().filter(|it| !parameters.contains(it)).take(MAX_CALLS);
        for name in called.collect::<Vec<_>>() {
            self.refer_within(name, Receiver::Bare, Usage::Call, value, Some(at));
        }
    }
}

/// Returns the names before parentheses, each once.
fn calls(body: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (at, _) in body.match_indices('(').take(4 * MAX_CALLS) {
        let before = body[..at].trim_end();
        let start = before.rfind(|it: char| it != '_' && !it.is_alphanumeric()).map_or(0, |it| it + 1);
        let name = before.get(start..).unwrap_or_default();
        let is_name = name.starts_with(|it: char| it == '_' || it.is_alphabetic()) && !KEYWORDS.contains(&name);
        if is_name && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
