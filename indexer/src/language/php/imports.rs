//! `use` of classes, functions and constants, and files that are included.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Import, ImportForm, ImportItem};
use crate::language::walk::{named_children, path_of, unquoted};

impl<'t> Walker<'t> {
    /// `use A\B;`, `use A\{B, C as D, function e};`, `use function A\b;`
    pub(super) fn use_declaration(&mut self, node: Node<'t>) -> bool {
        let form = self.form_of(node, ImportForm::Plain);
        let mut cursor = node.walk();
        let prefix = node.named_children(&mut cursor).find(|it| it.kind() == "namespace_name");
        let prefix = prefix.and_then(|it| path_of(self.slice(it))).unwrap_or_default();
        let clauses = node.child_by_field_name("body").unwrap_or(node);
        for it in named_children(clauses).into_iter().filter(|it| it.kind() == "namespace_use_clause") {
            let Some(path) = it.named_child(0).and_then(|it| path_of(self.slice(it))) else { continue };
            let path = if prefix.is_empty() { path.into_owned() } else { format!("{prefix}.{path}") };
            let alias = self.field(it, "alias").map(str::to_owned);
            let form = self.form_of(it, form);
            match path.rsplit_once('.') {
                Some((module, name)) => {
                    let item = ImportItem::Name { name: name.to_owned(), alias };
                    self.import(it, module.to_owned(), item, form);
                }
                None => self.import(it, path, ImportItem::Module { alias }, form),
            }
        }
        node.has_error()
    }

    fn form_of(&self, node: Node<'t>, otherwise: ImportForm) -> ImportForm {
        match self.field(node, "type").map(str::to_ascii_lowercase).as_deref() {
            Some("function") => ImportForm::Function,
            Some("const") => ImportForm::Const,
            _ => otherwise,
        }
    }

    fn import(&mut self, node: Node<'t>, module: String, item: ImportItem, form: ImportForm) {
        let (line, within) = (node.start_position().row as u32 + 1, self.within());
        self.facts.imports.push(Import { form, within, ..Import::new(module, item, line) });
    }

    /// `require "x.php"`, and `require __DIR__ . "/x.php"`, which is sought beside the file.
    pub(super) fn include(&mut self, node: Node<'t>) -> bool {
        let Some(mut path) = node.named_child(0) else { return true };
        while self.kind(path) == Kind::Parenthesized {
            let Some(inner) = path.named_child(0) else { return true };
            path = inner;
        }
        let mut form = ImportForm::Require;
        if path.kind() == "binary_expression" {
            let left = self.field(path, "left").unwrap_or_default();
            let right = path.child_by_field_name("right").filter(|_| matches!(left, "__DIR__" | "dirname(__FILE__)"));
            let Some(right) = right else { return true };
            (path, form) = (right, ImportForm::RequireRelative);
        }
        let is_plain =
            self.kind(path) == Kind::String || path.kind() == "encapsed_string" && path.named_child_count() == 1;
        if is_plain {
            self.import(node, unquoted(self.slice(path)).to_owned(), ImportItem::Module { alias: None }, form);
        }
        !is_plain
    }
}
