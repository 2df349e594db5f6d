//! `use`, `mod x;` and `extern crate`.

use tree_sitter::Node;

use super::facts::Walker;
use crate::facts::{Import, ImportForm, ImportItem};
use crate::language::walk::{named_children, path_of};

impl<'t> Walker<'t> {
    pub(super) fn use_declaration(&mut self, node: Node<'t>) -> bool {
        let reexported = is_public(node);
        let mut open: Vec<(String, Node<'t>)> =
            node.child_by_field_name("argument").map(|it| (String::new(), it)).into_iter().collect();
        while let Some((prefix, it)) = open.pop() {
            match it.kind() {
                "scoped_use_list" => {
                    let prefix = join(&prefix, self.field(it, "path").unwrap_or_default());
                    let list = it.child_by_field_name("list").map(named_children).unwrap_or_default();
                    open.extend(list.into_iter().rev().map(|it| (prefix.clone(), it)));
                }
                "use_list" => open.extend(named_children(it).into_iter().rev().map(|it| (prefix.clone(), it))),
                "use_wildcard" => {
                    let module = join(&prefix, it.named_child(0).map_or("", |it| self.slice(it)));
                    self.import(module, ImportItem::Star, it, reexported);
                }
                "use_as_clause" => {
                    let path = join(&prefix, self.field(it, "path").unwrap_or_default());
                    self.import_path(path, self.field(it, "alias").map(str::to_owned), it, reexported);
                }
                "self" if !prefix.is_empty() => self.import_path(prefix, None, it, reexported),
                "identifier" | "scoped_identifier" | "self" | "super" | "crate" => {
                    let path = join(&prefix, self.slice(it));
                    self.import_path(path, None, it, reexported);
                }
                _ => {}
            }
        }
        node.has_error()
    }

    /// The last name of the path is what is imported: a module or one of its items, which the path alone does not tell.
    fn import_path(&mut self, path: String, alias: Option<String>, node: Node<'t>, reexported: bool) {
        let path = path.strip_suffix(".self").unwrap_or(&path);
        match path.rsplit_once('.') {
            Some((module, name)) => {
                let item = ImportItem::Name { name: name.to_owned(), alias };
                self.import(module.to_owned(), item, node, reexported);
            }
            None => self.import(path.to_owned(), ImportItem::Module { alias }, node, reexported),
        }
    }

    fn import(&mut self, module: String, item: ImportItem, node: Node<'t>, reexported: bool) {
        let line = node.start_position().row as u32 + 1;
        let within = self.within();
        self.facts.imports.push(Import { reexported, within, ..Import::new(module, item, line) });
    }

    pub(super) fn extern_crate(&mut self, node: Node<'t>) -> bool {
        if let Some(name) = self.field(node, "name") {
            let alias = self.field(node, "alias").map(str::to_owned);
            self.import(name.to_owned(), ImportItem::Module { alias }, node, is_public(node));
        }
        false
    }

    /// `mod name;`
    pub(super) fn submodule(&mut self, node: Node<'t>, name: &str) {
        let (line, within) = (node.start_position().row as u32 + 1, self.within());
        let (form, reexported) = (ImportForm::Submodule, is_public(node));
        let import = Import::new(name, ImportItem::Module { alias: None }, line);
        self.facts.imports.push(Import { form, reexported, within, ..import });
    }
}

fn is_public(node: Node<'_>) -> bool {
    node.child(0).is_some_and(|it| it.kind() == "visibility_modifier")
}

fn join(prefix: &str, path: &str) -> String {
    let path = path_of(path).unwrap_or_default();
    if prefix.is_empty() { path.into_owned() } else { format!("{prefix}.{path}") }
}
