//! Strings, comments and documentation, and how texts are cut.

use tree_sitter::Node;

use super::{Dialect, Walk};
use crate::facts::TextSpan;

/// Longer texts are cut; the whole is in the file.
pub(in crate::language) const MAX_TEXT: usize = 400;
/// Longer documentation is cut.
pub(in crate::language) const MAX_DOC: usize = 4000;
/// Longer heads are cut.
pub(in crate::language) const MAX_SIGNATURE: usize = 400;
/// A longer dotted path is no path.
pub(in crate::language) const MAX_PATH: usize = 200;

/// Comments on lines of their own that follow each other without a gap: they may document what comes next.
#[derive(Debug, Default)]
pub(super) struct CommentRun<'t> {
    comments: Vec<Node<'t>>,
    /// The place of the first in the comments of the file.
    first: usize,
    /// The row after which a definition is documented by them.
    last_row: usize,
}

impl<'t, D: Dialect> Walk<'t, D> {
    /// Notes a comment.
    pub(in crate::language) fn comment(&mut self, node: Node<'t>) {
        let shares_line = self.shares_line(node);
        let follows = node.start_position().row <= self.run.last_row + 1;
        if shares_line || !follows {
            self.run.comments.clear();
        }
        if self.run.comments.is_empty() {
            self.run.first = self.facts.comments.len();
        }
        if !shares_line {
            self.run.comments.push(node);
            self.run.last_row = last_row(node);
        }
        let text = plain_comment(self.slice(node));
        if !text.is_empty() {
            let span = text_span(node, cut(text.trim(), MAX_TEXT), self.within());
            self.facts.comments.push(span);
        }
    }

    /// Returns whether code stands before the node on its line.
    fn shares_line(&self, node: Node<'_>) -> bool {
        let (start, column) = (node.start_byte(), node.start_position().column);
        // Nobody indents further.
        column > 200 || !self.slice_of(start.saturating_sub(column)..start).trim().is_empty()
    }

    /// Takes the comments that end right above `node` as the documentation of the definition that is made next.
    pub(in crate::language) fn doc_above(&mut self, node: Node<'t>) -> Option<String> {
        let within = Some(self.facts.symbols.len() as u32);
        let row = node.start_position().row;
        let run = std::mem::take(&mut self.run);
        let documents = |it: &Node<'_>| D::is_doc(self.slice(*it));
        let adjacent = run.last_row + 1 == row || run.last_row == row;
        if !adjacent || !run.comments.iter().any(documents) {
            return None;
        }
        self.move_to_docs(run.first, within);
        self.doc_of(&run.comments)
    }

    /// Takes the comments that end right above `node` as the documentation of the file.
    pub(in crate::language) fn file_doc_above(&mut self, node: Node<'t>) {
        let run = std::mem::take(&mut self.run);
        if run.last_row + 1 == node.start_position().row && run.comments.iter().any(|it| D::is_doc(self.slice(*it))) {
            self.move_to_docs(run.first, None);
            self.doc_of_file(&run.comments);
        }
    }

    /// Takes the comments at the top of the file as its documentation, where they stand apart from what follows.
    pub(in crate::language) fn doc_of_file(&mut self, comments: &[Node<'t>]) {
        self.facts.doc = self.doc_of(comments);
    }

    fn doc_of(&self, comments: &[Node<'t>]) -> Option<String> {
        let texts: Vec<String> =
            comments.iter().filter(|it| D::is_doc(self.slice(**it))).map(|it| plain_comment(self.slice(*it))).collect();
        let text = texts.join("\n");
        let text = cut(text.trim(), MAX_DOC);
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn move_to_docs(&mut self, first: usize, within: Option<u32>) {
        let first = first.min(self.facts.comments.len());
        let moved = self.facts.comments.drain(first..).map(|it| TextSpan { within, ..it });
        self.facts.docs.extend(moved);
    }

    /// Says that what is documented stands further down: an attribute between a comment and its definition.
    pub(super) fn reach_over(&mut self, node: Node<'_>) {
        if node.start_position().row <= self.run.last_row + 1 {
            self.run.last_row = last_row(node);
        }
    }

    /// Notes a string literal whose text, without quotes, is `content`.
    pub(in crate::language) fn string(&mut self, node: Node<'_>, content: &str) {
        let content = cut(content, MAX_TEXT);
        if content.bytes().any(|it| it.is_ascii_alphanumeric() || !it.is_ascii()) {
            let span = text_span(node, content, self.within());
            self.facts.strings.push(span);
        }
    }
}

/// Returns the row of the last character; a comment that takes its line end with it ends on the row before.
fn last_row(node: Node<'_>) -> usize {
    let end = node.end_position();
    if end.column == 0 { end.row.saturating_sub(1) } else { end.row }
}

/// Returns a comment without its marks: `//`, `///`, `//!`, `#`, `/* */`, `/** */` with a `*` before each line, `--` and `=begin`.
pub(in crate::language) fn plain_comment(comment: &str) -> String {
    let comment = comment.trim();
    if let Some(block) = comment.strip_prefix("/*") {
        let block = block.strip_suffix("*/").unwrap_or(block).trim_start_matches(['*', '!']);
        let line = |it: &str| {
            let it = it.trim();
            it.strip_prefix('*').map_or(it, |it| it.strip_prefix(' ').unwrap_or(it)).trim_end().to_owned()
        };
        return block.lines().map(line).collect::<Vec<_>>().join("\n").trim().to_owned();
    }
    if let Some(block) = comment.strip_prefix("=begin") {
        return block.trim_end_matches("=end").trim().to_owned();
    }
    comment.trim_start_matches(['/', '#']).trim_start_matches('!').trim().to_owned()
}

/// Returns a literal without its quotes and what stands before them (`b"`, `u8R"(`, `@"`, `` ` ``).
pub(in crate::language) fn unquoted(literal: &str) -> &str {
    let quotes = ['"', '\'', '`'];
    let Some(start) = literal.find(quotes) else { return literal };
    let quote = literal[start..].chars().next().unwrap_or('"');
    literal[start..].trim_start_matches(quote).trim_end_matches(['#', ';']).trim_end_matches(quote)
}

pub(in crate::language) fn text_span(node: Node<'_>, text: &str, within: Option<u32>) -> TextSpan {
    let span = node.start_byte() as u32..node.end_byte() as u32;
    TextSpan { text: text.to_owned(), line: node.start_position().row as u32 + 1, span, within }
}

pub(in crate::language) fn named_children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// Joins lines and runs of white space.
pub(in crate::language) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    // A word may be as long as the file.
    let text = cut(text, 16 * max);
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

pub(in crate::language) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
