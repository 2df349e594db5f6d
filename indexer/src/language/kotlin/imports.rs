//! Package and imports.

use tree_sitter::Node;

use super::facts::{Walker, child_of};
use crate::facts::{Import, ImportItem};

impl<'t> Walker<'t> {
    /// `package a.b`
    pub(super) fn package(&mut self, node: Node<'t>) {
        self.facts.namespace = child_of(node, &["identifier"]).map(|it| self.path(it));
    }

    /// `import a.b.C`, `import a.b.C as D`, `import a.b.*`
    pub(super) fn import(&mut self, node: Node<'t>) {
        let Some(path) = child_of(node, &["identifier"]).map(|it| self.path(it)) else { return };
        let alias = child_of(node, &["import_alias"]).and_then(|it| it.named_child(0));
        let alias = alias.map(|it| self.name(it).to_owned());
        let line = node.start_position().row as u32 + 1;
        let (module, item) = match path.rsplit_once('.') {
            _ if child_of(node, &["wildcard_import"]).is_some() => (path.as_str(), ImportItem::Star),
            Some((module, name)) => (module, ImportItem::Name { name: name.to_owned(), alias }),
            None => ("", ImportItem::Name { name: path.clone(), alias }),
        };
        self.facts.imports.push(Import::new(module, item, line));
    }

    /// Returns a path of names without spaces and backticks.
    fn path(&self, node: Node<'t>) -> String {
        self.slice(node).chars().filter(|it| !it.is_whitespace() && *it != '`').collect()
    }
}
