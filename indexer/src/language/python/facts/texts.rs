//! Strings and imports.

use tree_sitter::Node;

use super::{Walker, imports};

impl<'t> Walker<'t> {
    pub(super) fn string_literal(&mut self, node: Node<'t>) -> bool {
        if self.own.doc_nodes.contains(&node.id()) {
            return false;
        }
        self.string(node, self.string_content(node));
        // The expressions of an f-string are code.
        true
    }

    pub(super) fn string_content(&self, node: Node<'t>) -> &'t str {
        let first = node.child(0).filter(|it| it.kind() == "string_start");
        let last = node.child(node.child_count().saturating_sub(1)).filter(|it| it.kind() == "string_end");
        let start = first.map_or(node.start_byte(), |it| it.end_byte());
        let end = last.map_or(node.end_byte(), |it| it.start_byte());
        self.slice_of(start..end.max(start))
    }

    pub(super) fn import(&mut self, node: Node<'t>) -> bool {
        let within = self.within();
        self.facts.imports.extend(imports::read(node, self.text.as_bytes(), within));
        // Inside a broken import there may be anything.
        node.has_error()
    }
}
