//! Concrete syntax trees, without showing the parser behind them.
//!
//! Everything that reads or rewrites code works on [`SyntaxTree`] and [`SyntaxNode`], so that tree-sitter stays an implementation detail of
//! this crate. Node kinds and field names are those of the language's grammar.

use std::cell::Cell;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use repo::RepoPath;
use serde::{Deserialize, Serialize};
use tree_sitter::{ParseOptions, ParseState};

/// A programming language that can be parsed. Stored by place, so new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LanguageId {
    /// Python 3.
    Python,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Java.
    Java,
    /// Kotlin.
    Kotlin,
    /// C#.
    CSharp,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// C.
    C,
    /// C++.
    Cpp,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
}

impl LanguageId {
    /// All languages.
    pub const ALL: [LanguageId; 13] = [
        LanguageId::Python,
        LanguageId::JavaScript,
        LanguageId::TypeScript,
        LanguageId::Tsx,
        LanguageId::Java,
        LanguageId::Kotlin,
        LanguageId::CSharp,
        LanguageId::Go,
        LanguageId::Rust,
        LanguageId::C,
        LanguageId::Cpp,
        LanguageId::Ruby,
        LanguageId::Php,
    ];

    /// Returns the language that a path's name or extension names. A header (`.h`) counts as C: only its content tells, see
    /// [`LanguageId::of_file`].
    pub fn of_path(path: &RepoPath) -> Option<LanguageId> {
        crate::language::of_path(path)
    }

    /// Returns the language of a file by its path and, where that leaves it open, its first bytes.
    pub fn of_file(path: &RepoPath, bytes: &[u8]) -> Option<LanguageId> {
        crate::language::of_file(path, bytes)
    }

    /// Returns the number under which the language is stored; it stays the same for ever.
    pub(crate) fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns the name shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            LanguageId::Python => "Python",
            LanguageId::JavaScript => "JavaScript",
            LanguageId::TypeScript => "TypeScript",
            LanguageId::Tsx => "TSX",
            LanguageId::Java => "Java",
            LanguageId::Kotlin => "Kotlin",
            LanguageId::CSharp => "C#",
            LanguageId::Go => "Go",
            LanguageId::Rust => "Rust",
            LanguageId::C => "C",
            LanguageId::Cpp => "C++",
            LanguageId::Ruby => "Ruby",
            LanguageId::Php => "PHP",
        }
    }

    pub(crate) fn grammar(self) -> tree_sitter::Language {
        crate::language::grammar(self)
    }
}

impl fmt::Display for LanguageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parsed file: its bytes and the tree over them.
#[derive(Clone)]
pub struct SyntaxTree {
    tree: tree_sitter::Tree,
    text: Arc<[u8]>,
    language: LanguageId,
}

impl SyntaxTree {
    /// Parses `text`; errors in the code become error nodes in the tree, so this always yields a tree.
    pub fn parse(language: LanguageId, text: impl Into<Arc<[u8]>>) -> SyntaxTree {
        let text = text.into();
        let whole = &mut |at| text.get(at..).unwrap_or_default();
        match parse_while(language, whole, &mut |_| ControlFlow::Continue(())) {
            Some(tree) => SyntaxTree { tree, text, language },
            // With a language set, only a callback that says so ends a parse early.
            None => unreachable!("parsing without a limit cannot be cancelled"),
        }
    }

    /// Parses `text`; `None` when the parser goes back over it again and again, or takes longer than `limit`. It takes quadratic time on some
    /// code that is broken and deeply nested. How often it goes back depends on the text alone; the clock is there for the rest.
    pub fn parse_within(language: LanguageId, text: impl Into<Arc<[u8]>>, limit: Duration) -> Option<SyntaxTree> {
        let text = text.into();
        let started = Instant::now();
        let reads = Cell::new(0);
        let most = READS_MORE + READS_OF_CHUNK * (text.len() / CHUNK);
        let read = &mut |at: usize| {
            reads.set(reads.get() + 1);
            text.get(at..text.len().min(at.saturating_add(CHUNK))).unwrap_or_default()
        };
        let tree = parse_while(language, read, &mut |_| match reads.get() <= most && started.elapsed() < limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })?;
        Some(SyntaxTree { tree, text, language })
    }

    /// Returns the root node.
    pub fn root(&self) -> SyntaxNode<'_> {
        SyntaxNode { node: self.tree.root_node(), text: &self.text }
    }

    /// Returns the parser's own tree, for the passes of this crate that visit every node and must not allocate for it.
    pub(crate) fn raw(&self) -> &tree_sitter::Tree {
        &self.tree
    }

    /// Returns the whole text.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the language this was parsed as.
    pub fn language(&self) -> LanguageId {
        self.language
    }

    /// Returns whether the text parsed without an error or a missing token.
    pub fn is_clean(&self) -> bool {
        !self.tree.root_node().has_error()
    }

    /// Returns the smallest named node that covers `span` (byte offsets).
    pub fn covering(&self, span: Range<usize>) -> Option<SyntaxNode<'_>> {
        let node = self.tree.root_node().named_descendant_for_byte_range(span.start, span.end)?;
        Some(SyntaxNode { node, text: &self.text })
    }
}

/// How many bytes the parser is given at once where its reads are counted.
const CHUNK: usize = 4096;
/// How often it may be given each chunk, on the average. Sound code takes two, and of some thousands of real files none took more than ten.
const READS_OF_CHUNK: usize = 64;
/// How many reads more a file may take: each costs about 20 µs, so that these are a second and a half. A thousand lines of comments in Python
/// take some thousands, since each of them is read through to the last.
const READS_MORE: usize = 1 << 16;

/// Parses for as long as `go_on`, which is asked after every hundred operations, says so.
fn parse_while<'t>(
    language: LanguageId,
    read: &mut dyn FnMut(usize) -> &'t [u8],
    go_on: &mut dyn FnMut(&ParseState) -> ControlFlow<()>,
) -> Option<tree_sitter::Tree> {
    let mut parser = tree_sitter::Parser::new();
    let ready = parser.set_language(&language.grammar());
    debug_assert!(ready.is_ok(), "the linked grammars fit the linked parser");
    let mut go_on = |state: &ParseState| go_on(state);
    let options = ParseOptions::new().progress_callback(&mut go_on);
    parser.parse_with_options(&mut |at, _| read(at), None, Some(options))
}

/// One node of a [`SyntaxTree`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SyntaxNode<'t> {
    node: tree_sitter::Node<'t>,
    text: &'t [u8],
}

impl<'t> SyntaxNode<'t> {
    /// Returns the grammar's name of this node's kind, such as `if_statement`.
    pub fn kind(self) -> &'t str {
        self.node.kind()
    }

    /// Returns whether the node has a name in the grammar (as against punctuation and keywords).
    pub fn is_named(self) -> bool {
        self.node.is_named()
    }

    /// Returns whether the node is an error or a missing token.
    pub fn is_error(self) -> bool {
        self.node.is_error() || self.node.is_missing()
    }

    /// Returns whether an error is anywhere below.
    pub fn has_error(self) -> bool {
        self.node.has_error()
    }

    /// Returns a number unique to this node within its tree.
    pub fn id(self) -> usize {
        self.node.id()
    }

    /// Returns the byte range.
    pub fn span(self) -> Range<usize> {
        self.node.byte_range()
    }

    /// Returns the first line, counted from 1.
    pub fn start_line(self) -> usize {
        self.node.start_position().row + 1
    }

    /// Returns the last line, counted from 1.
    pub fn end_line(self) -> usize {
        self.node.end_position().row + 1
    }

    /// Returns the column of the first byte, counted in bytes from 0.
    pub fn start_column(self) -> usize {
        self.node.start_position().column
    }

    /// Returns the node's bytes.
    pub fn bytes(self) -> &'t [u8] {
        &self.text[self.node.byte_range()]
    }

    /// Returns the node's text; the empty text where it is no UTF-8.
    pub fn text(self) -> &'t str {
        std::str::from_utf8(self.bytes()).unwrap_or("")
    }

    /// Returns the parent.
    pub fn parent(self) -> Option<SyntaxNode<'t>> {
        self.wrap(self.node.parent())
    }

    /// Returns the ancestors, nearest first, without the node itself.
    pub fn ancestors(self) -> impl Iterator<Item = SyntaxNode<'t>> {
        std::iter::successors(self.parent(), |node| node.parent())
    }

    /// Returns the child in a named field of the grammar.
    pub fn field(self, name: &str) -> Option<SyntaxNode<'t>> {
        self.wrap(self.node.child_by_field_name(name))
    }

    /// Returns the field of the parent in which this node stands.
    pub fn field_in_parent(self) -> Option<&'t str> {
        let parent = self.node.parent()?;
        let mut cursor = parent.walk();
        if !cursor.goto_first_child() {
            return None;
        }
        loop {
            if cursor.node().id() == self.node.id() {
                return cursor.field_name();
            }
            if !cursor.goto_next_sibling() {
                return None;
            }
        }
    }

    /// Returns all children, punctuation and keywords included.
    pub fn children(self) -> Vec<SyntaxNode<'t>> {
        let mut cursor = self.node.walk();
        self.node.children(&mut cursor).map(|node| SyntaxNode { node, text: self.text }).collect()
    }

    /// Returns the named children.
    pub fn named_children(self) -> Vec<SyntaxNode<'t>> {
        let mut cursor = self.node.walk();
        self.node.named_children(&mut cursor).map(|node| SyntaxNode { node, text: self.text }).collect()
    }

    /// Returns the named children, each with the field of the grammar in which it stands.
    pub fn named_fields(self) -> Vec<(Option<&'t str>, SyntaxNode<'t>)> {
        let mut cursor = self.node.walk();
        let mut found = Vec::new();
        let mut more = cursor.goto_first_child();
        while more {
            let node = cursor.node();
            if node.is_named() {
                found.push((cursor.field_name(), SyntaxNode { node, text: self.text }));
            }
            more = cursor.goto_next_sibling();
        }
        found
    }

    /// Returns the next named sibling.
    pub fn next_sibling(self) -> Option<SyntaxNode<'t>> {
        self.wrap(self.node.next_named_sibling())
    }

    /// Returns the previous named sibling.
    pub fn previous_sibling(self) -> Option<SyntaxNode<'t>> {
        self.wrap(self.node.prev_named_sibling())
    }

    /// Returns the node and all named nodes below it, in source order (parents before children).
    pub fn descendants(self) -> Descendants<'t> {
        Descendants { stack: vec![self] }
    }

    /// Returns the nearest ancestor (or the node itself) whose kind is one of `kinds`.
    pub fn enclosing(self, kinds: &[&str]) -> Option<SyntaxNode<'t>> {
        std::iter::once(self).chain(self.ancestors()).find(|node| kinds.contains(&node.kind()))
    }

    fn wrap(self, node: Option<tree_sitter::Node<'t>>) -> Option<SyntaxNode<'t>> {
        node.map(|node| SyntaxNode { node, text: self.text })
    }
}

impl fmt::Debug for SyntaxNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}", self.kind(), self.span())
    }
}

/// Iterator of [`SyntaxNode::descendants`].
pub struct Descendants<'t> {
    stack: Vec<SyntaxNode<'t>>,
}

impl<'t> Iterator for Descendants<'t> {
    type Item = SyntaxNode<'t>;

    fn next(&mut self) -> Option<SyntaxNode<'t>> {
        let node = self.stack.pop()?;
        let mut children = node.named_children();
        children.reverse();
        self.stack.append(&mut children);
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_code_still_has_a_tree() {
        let tree = SyntaxTree::parse(LanguageId::Python, &b"def f(:\n  return 1\n"[..]);
        assert!(!tree.is_clean());
        assert!(tree.root().has_error());
    }

    #[test]
    fn nodes_know_fields_lines_and_ancestors() {
        let tree = SyntaxTree::parse(LanguageId::Python, &b"def f(a):\n    if a > 1:\n        return a\n"[..]);
        let comparison = tree.root().descendants().find(|node| node.kind() == "comparison_operator").unwrap();
        assert_eq!(comparison.text(), "a > 1");
        assert_eq!(comparison.start_line(), 2);
        assert_eq!(comparison.field_in_parent(), Some("condition"));
        assert_eq!(comparison.enclosing(&["function_definition"]).unwrap().field("name").unwrap().text(), "f");
        assert!(tree.is_clean());
    }
}
