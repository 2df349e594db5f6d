//! Imports and exports as statements. What `require` imports is seen where it is called.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Export, Import, ImportForm, ImportItem};
use crate::language::walk::{named_children, unquoted};

impl<'t> Walker<'t> {
    pub(super) fn import(&mut self, node: Node<'t>) -> bool {
        let clauses = named_children(node);
        // `import x = require("y")`.
        let required = clauses.iter().find(|it| it.kind() == "import_require_clause");
        let Some(source) = required.unwrap_or(&node).child_by_field_name("source") else { return node.has_error() };
        let module = unquoted(self.slice(source));
        let types_only = self.has_word(node, "type");
        let line = node.start_position().row as u32 + 1;
        let form = if types_only { ImportForm::TypeOnly } else { ImportForm::Plain };
        let mut items = Vec::new();
        if let Some(required) = required {
            let alias = required.named_child(0).map(|it| self.slice(it).to_owned());
            items.push((ImportItem::Module { alias }, ImportForm::Require));
        }
        let clause = clauses.iter().find(|it| it.kind() == "import_clause");
        for it in clause.map(|it| named_children(*it)).unwrap_or_default() {
            self.imported(it, form, &mut items);
        }
        if items.is_empty() && !node.has_error() {
            items.push((ImportItem::Module { alias: None }, form));
        }
        let within = self.within();
        let imports = items.into_iter().map(|(item, form)| Import { form, within, ..Import::new(module, item, line) });
        self.facts.imports.extend(imports);
        node.has_error()
    }

    fn imported(&self, clause: Node<'t>, form: ImportForm, items: &mut Vec<(ImportItem, ImportForm)>) {
        match clause.kind() {
            "identifier" => {
                let alias = Some(self.slice(clause).to_owned());
                items.push((ImportItem::Name { name: "default".to_owned(), alias }, form));
            }
            "namespace_import" => {
                let alias = clause.named_child(0).map(|it| self.slice(it).to_owned());
                items.push((ImportItem::Module { alias }, form));
            }
            "named_imports" => {
                for it in named_children(clause).into_iter().filter(|it| it.kind() == "import_specifier") {
                    let Some((name, alias)) = self.specifier(it) else { continue };
                    let form = if self.has_word(it, "type") { ImportForm::TypeOnly } else { form };
                    items.push((ImportItem::Name { name, alias }, form));
                }
            }
            _ => {}
        }
    }

    /// Returns name and alias of `a as b`.
    fn specifier(&self, node: Node<'t>) -> Option<(String, Option<String>)> {
        let name = unquoted(self.field(node, "name")?).to_owned();
        Some((name, self.field(node, "alias").map(|it| unquoted(it).to_owned())))
    }

    fn has_word(&self, node: Node<'t>, word: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).take(3).any(|it| !it.is_named() && it.kind() == word)
    }

    /// `export …`; a declaration in it is seen where it stands.
    pub(super) fn export(&mut self, node: Node<'t>) -> bool {
        let line = node.start_position().row as u32 + 1;
        if let Some(source) = node.child_by_field_name("source") {
            self.export_from(node, unquoted(self.slice(source)), line);
            return false;
        }
        let clauses = named_children(node);
        if let Some(clause) = clauses.iter().find(|it| it.kind() == "export_clause") {
            for it in named_children(*clause).into_iter().filter(|it| it.kind() == "export_specifier") {
                let Some((local, alias)) = self.specifier(it) else { continue };
                self.facts.exported.push(Export { name: alias.unwrap_or_else(|| local.clone()), local, line });
            }
            return true;
        }
        let is_default = self.has_word(node, "default");
        let is_assigned = self.has_word(node, "=");
        let value = node.child_by_field_name("value").or_else(|| node.child_by_field_name("declaration"));
        let value = value.or_else(|| clauses.last().copied().filter(|_| is_assigned));
        if let Some(value) = value.filter(|_| is_default || is_assigned) {
            let local = match self.kind(value) {
                Kind::Identifier | Kind::Member => self.slice(value),
                _ => self.field(value, "name").unwrap_or("default"),
            };
            let name = if is_assigned { "export=" } else { "default" };
            self.facts.exported.push(Export { name: name.to_owned(), local: local.to_owned(), line });
        }
        true
    }

    /// `export { a as b } from "m"`, `export * from "m"`, `export * as ns from "m"`.
    fn export_from(&mut self, node: Node<'t>, module: &str, line: u32) {
        let form = if self.has_word(node, "type") { ImportForm::TypeOnly } else { ImportForm::Plain };
        let mut items = Vec::new();
        for it in named_children(node) {
            match it.kind() {
                "export_clause" => {
                    let specifiers = named_children(it).into_iter().filter(|it| it.kind() == "export_specifier");
                    let names = specifiers.filter_map(|it| self.specifier(it));
                    items.extend(names.map(|(name, alias)| ImportItem::Name { name, alias }));
                }
                "namespace_export" => {
                    let alias = it.named_child(0).map(|it| unquoted(self.slice(it)).to_owned());
                    items.push(ImportItem::Module { alias });
                }
                _ => {}
            }
        }
        if self.has_word(node, "*") && items.is_empty() {
            items.push(ImportItem::Star);
        }
        let imports =
            items.into_iter().map(|item| Import { form, reexported: true, ..Import::new(module, item, line) });
        self.facts.imports.extend(imports);
    }
}
