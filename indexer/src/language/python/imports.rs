//! Import statements.

use tree_sitter::Node;

use crate::facts::{Import, ImportForm, ImportItem};

/// Reads `import …` or `from … import …`; parts that are broken are left out.
pub(super) fn read(node: Node<'_>, text: &[u8], within: Option<u32>) -> Vec<Import> {
    let line = node.start_position().row as u32 + 1;
    let make = |module: String, level, item| {
        let (form, reexported) = (ImportForm::Plain, false);
        Import { module, level, item, form, reexported, line, within }
    };
    if node.kind() == "import_statement" {
        let modules = names(node, text);
        return modules.into_iter().map(|(name, alias)| make(name, 0, ImportItem::Module { alias })).collect();
    }
    // `from __future__ import …` switches the language and binds nothing of interest; it has no such field.
    let Some(module) = node.child_by_field_name("module_name") else { return Vec::new() };
    let (module, level) = split_relative(&slice(module, text));
    let mut cursor = node.walk();
    if node.children(&mut cursor).any(|it| it.kind() == "wildcard_import") {
        return vec![make(module, level, ImportItem::Star)];
    }
    let taken = names(node, text);
    taken.into_iter().map(|(name, alias)| make(module.clone(), level, ImportItem::Name { name, alias })).collect()
}

/// Returns the names in the `name` field with their aliases.
fn names(node: Node<'_>, text: &[u8]) -> Vec<(String, Option<String>)> {
    let mut cursor = node.walk();
    node.children_by_field_name("name", &mut cursor)
        .filter_map(|it| match it.kind() {
            "aliased_import" => {
                let name = it.child_by_field_name("name")?;
                Some((slice(name, text), it.child_by_field_name("alias").map(|it| slice(it, text))))
            }
            _ => Some((slice(it, text), None)),
        })
        .filter(|it| !it.0.is_empty())
        .collect()
}

fn split_relative(module: &str) -> (String, u32) {
    let name = module.trim_start_matches('.');
    (name.to_owned(), (module.len() - name.len()) as u32)
}

/// Returns the text without white space, which may stand around the dots.
fn slice(node: Node<'_>, text: &[u8]) -> String {
    let bytes = text.get(node.byte_range()).unwrap_or_default();
    String::from_utf8_lossy(bytes).split_whitespace().collect()
}
