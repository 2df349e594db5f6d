//! Package and imports.

use tree_sitter::Node;

use super::facts::Walker;
use crate::facts::{Import, ImportForm, ImportItem};
use crate::language::walk::named_children;

impl<'t> Walker<'t> {
    /// `package a.b;`
    pub(super) fn package(&mut self, node: Node<'t>) {
        let name = named_children(node).into_iter().find(|it| matches!(it.kind(), "identifier" | "scoped_identifier"));
        self.facts.namespace = name.map(|it| self.slice(it).split_whitespace().collect());
    }

    /// `import a.b.C;`, `import a.b.*;`, `import static a.b.C.d;`
    pub(super) fn import(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let words: Vec<Node<'t>> = node.children(&mut cursor).collect();
        let Some(path) = words.iter().find(|it| matches!(it.kind(), "identifier" | "scoped_identifier")) else {
            return;
        };
        let path: String = self.slice(*path).split_whitespace().collect();
        let is_static = words.iter().any(|it| it.kind() == "static");
        let all = words.iter().any(|it| it.kind() == "asterisk");
        let line = node.start_position().row as u32 + 1;
        let (module, item) = match path.rsplit_once('.') {
            _ if all => (path.as_str(), ImportItem::Star),
            Some((module, name)) => (module, ImportItem::Name { name: name.to_owned(), alias: None }),
            None => ("", ImportItem::Name { name: path.clone(), alias: None }),
        };
        let form = if is_static { ImportForm::Static } else { ImportForm::Plain };
        self.facts.imports.push(Import { form, ..Import::new(module, item, line) });
    }
}
