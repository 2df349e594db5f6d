//! Strings, comments and imports, and how texts are cut.

use tree_sitter::Node;

use super::{Walker, imports};
use crate::facts::TextSpan;

/// Longer texts are cut; the whole is in the file.
pub(super) const MAX_TEXT: usize = 400;

impl<'t> Walker<'t> {
    pub(super) fn string(&mut self, node: Node<'t>) -> bool {
        if self.doc_nodes.contains(&node.id()) {
            return false;
        }
        let content = self.string_content(node);
        if content.bytes().any(|it| it.is_ascii_alphanumeric() || !it.is_ascii()) {
            let span = text_span(node, cut(content, MAX_TEXT), self.within());
            self.facts.strings.push(span);
        }
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

    pub(super) fn comment(&mut self, node: Node<'t>) -> bool {
        let text = self.slice(node).trim_start_matches('#').trim();
        if !text.is_empty() {
            let span = text_span(node, cut(text, MAX_TEXT), self.within());
            self.facts.comments.push(span);
        }
        false
    }

    pub(super) fn import(&mut self, node: Node<'t>) -> bool {
        let within = self.within();
        self.facts.imports.extend(imports::read(node, self.text, within));
        // Inside a broken import there may be anything.
        node.has_error()
    }
}

pub(super) fn text_span(node: Node<'_>, text: &str, within: Option<u32>) -> TextSpan {
    let span = node.start_byte() as u32..node.end_byte() as u32;
    TextSpan { text: text.to_owned(), line: node.start_position().row as u32 + 1, span, within }
}

pub(super) fn named_children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// Joins lines and runs of white space.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() + word.len() >= max {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

pub(super) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
