//! Namespaces and `using`.

use tree_sitter::Node;

use super::facts::Walker;
use crate::facts::{Import, ImportForm, ImportItem};
use crate::language::walk::named_children;

impl<'t> Walker<'t> {
    /// A program without a class: what its statements bind is local to them together.
    pub(super) fn unit(&mut self, node: Node<'t>) {
        if named_children(node).iter().any(|it| it.kind() == "global_statement") {
            self.open_anonymous();
        }
    }

    /// `namespace a.b { … }`
    pub(super) fn namespace_block(&mut self, node: Node<'t>) {
        if let Some(name) = node.child_by_field_name("name") {
            self.claim(name);
            self.open_namespace(self.dotted(name));
        }
    }

    /// `namespace a.b;`
    pub(super) fn file_namespace(&mut self, node: Node<'t>) {
        self.facts.namespace = node.child_by_field_name("name").map(|it| self.dotted(it));
    }

    /// `using a.b;`, `using static a.b.C;`, `using X = a.b.C;`, `global using a.b;`
    pub(super) fn using(&mut self, node: Node<'t>) {
        let alias = node.child_by_field_name("name");
        let Some(path) = named_children(node).into_iter().rfind(|it| Some(it.id()) != alias.map(|it| it.id())) else {
            return;
        };
        let mut cursor = node.walk();
        let words: Vec<&str> = node.children(&mut cursor).map(|it| it.kind()).collect();
        let form = if words.contains(&"static") {
            ImportForm::Static
        } else if words.contains(&"global") {
            ImportForm::Global
        } else {
            ImportForm::Plain
        };
        let item = match alias {
            Some(alias) => ImportItem::Module { alias: Some(self.slice(alias).to_owned()) },
            None => ImportItem::Star,
        };
        let line = node.start_position().row as u32 + 1;
        let import = Import::new(self.dotted(path), item, line);
        self.facts.imports.push(Import { form, ..import });
    }

    /// Returns a path of names without white space, type arguments and the word for the outermost namespace.
    fn dotted(&self, node: Node<'t>) -> String {
        let text: String = self.slice(node).split_whitespace().collect();
        let text = text.split('<').next().unwrap_or_default();
        text.strip_prefix("global::").unwrap_or(text).replace("::", ".")
    }
}
