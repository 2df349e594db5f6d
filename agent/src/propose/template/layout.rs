//! Where statements stand on the page, and the edits that add, drop, move and wrap them without breaking the indentation.
//!
//! Every edit keeps the file's own newline and indentation unit. A statement that shares its line with another is left alone, as is one with
//! a string over several lines where the lines would have to move.

use std::ops::Range;

use indexer::syntax::SyntaxNode;

use super::TemplateContext;

/// A replacement of a byte range.
pub type Edit = (Range<usize>, String);

/// The layout of one file.
pub struct Layout<'t> {
    text: &'t [u8],
    newline: &'static str,
    unit: String,
}

impl<'t> Layout<'t> {
    /// Reads newline and indentation unit.
    pub fn of(cx: &TemplateContext<'t>) -> Layout<'t> {
        let text = cx.text();
        let is_crlf = text.windows(2).take(4096).any(|pair| pair == b"\r\n");
        let first_block = cx.tree().root().descendants().find(|it| it.kind() == "block" && begins_line(text, *it));
        let unit = first_block.and_then(|block| {
            let owner = block.parent()?;
            let (inner, outer) = (blanks(text, block.span().start), blanks(text, owner.span().start));
            inner.strip_prefix(outer).filter(|it| !it.is_empty()).map(str::to_owned)
        });
        Layout { text, newline: if is_crlf { "\r\n" } else { "\n" }, unit: unit.unwrap_or_else(|| "    ".to_owned()) }
    }

    /// Returns the blanks before a statement.
    pub fn indent(&self, statement: SyntaxNode<'t>) -> &'t str {
        blanks(self.text, statement.span().start)
    }

    /// Returns the file's line end.
    pub fn newline(&self) -> &'static str {
        self.newline
    }

    /// Returns one level of indentation.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Returns whether a statement has its lines to itself, comments aside.
    pub fn stands_alone(&self, statement: SyntaxNode<'t>) -> bool {
        begins_line(self.text, statement) && self.line_end(statement).is_some()
    }

    /// Inserts lines before a statement; a line's own leading blanks are added to the statement's.
    pub fn before(&self, statement: SyntaxNode<'t>, lines: &[String]) -> Option<Edit> {
        if !begins_line(self.text, statement) {
            return None;
        }
        let at = statement.span().start;
        let indent = self.indent(statement);
        let new = lines.iter().map(|line| format!("{line}{}{indent}", self.newline)).collect();
        Some((at..at, new))
    }

    /// Inserts lines after a statement.
    pub fn after(&self, statement: SyntaxNode<'t>, lines: &[String]) -> Option<Edit> {
        let at = self.line_end(statement).filter(|_| begins_line(self.text, statement))?;
        let indent = self.indent(statement);
        let new = lines.iter().map(|line| format!("{}{indent}{line}", self.newline)).collect();
        Some((at..at, new))
    }

    /// Takes a statement out; one that is alone in its block becomes `pass`.
    pub fn delete(&self, statement: SyntaxNode<'t>) -> Option<Edit> {
        if is_only_one(statement) {
            return Some((statement.span(), "pass".to_owned()));
        }
        let end = self.line_end(statement).filter(|_| begins_line(self.text, statement))?;
        let start = statement.span().start - self.indent(statement).len();
        let newline =
            self.text[end..].iter().position(|byte| *byte == b'\n').map_or(self.text.len(), |at| end + at + 1);
        Some((start..newline, String::new()))
    }

    /// Replaces a statement by lines in its place.
    pub fn replace(&self, statement: SyntaxNode<'t>, lines: &[String]) -> Edit {
        let indent = self.indent(statement);
        (statement.span(), lines.join(&format!("{}{indent}", self.newline)))
    }

    /// Returns a statement's lines, the first without its indentation, the others relative to the first; none where a string spans lines.
    pub fn lines(&self, statement: SyntaxNode<'t>) -> Option<Vec<String>> {
        let text = std::str::from_utf8(statement.bytes()).ok()?;
        if !text.contains('\n') {
            return Some(vec![text.to_owned()]);
        }
        if statement.descendants().any(|it| it.kind() == "string" && it.start_line() != it.end_line()) {
            return None;
        }
        let indent = self.indent(statement);
        let relative = |line: &str| match line.strip_prefix(indent) {
            Some(rest) => rest.to_owned(),
            None => line.trim_start().to_owned(),
        };
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let first = lines.next().map(str::to_owned);
        Some(first.into_iter().chain(lines.map(relative)).collect())
    }

    /// Returns lines one level further in.
    pub fn indented(&self, lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| if line.is_empty() { String::new() } else { format!("{}{line}", self.unit) }).collect()
    }

    /// The end of a statement's last line, if nothing but a comment follows the statement there.
    fn line_end(&self, statement: SyntaxNode<'t>) -> Option<usize> {
        let end = statement.span().end;
        let rest = &self.text[end..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let tail = rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]);
        let first = tail.iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(first, None | Some(b'#')).then_some(end + tail.len())
    }
}

/// Returns whether a node is a statement: something directly in a block or module.
pub fn is_statement(node: SyntaxNode<'_>) -> bool {
    node.kind() != "comment" && node.parent().is_some_and(|it| matches!(it.kind(), "block" | "module"))
}

/// Returns the nearest statement around a node, itself included.
pub fn statement_of(node: SyntaxNode<'_>) -> Option<SyntaxNode<'_>> {
    std::iter::once(node).chain(node.ancestors()).find(|it| is_statement(*it))
}

/// Returns the statements of a block, without comments.
pub fn statements(block: SyntaxNode<'_>) -> Vec<SyntaxNode<'_>> {
    block.named_children().into_iter().filter(|it| it.kind() != "comment").collect()
}

/// Returns the next statement of the same block.
pub fn next_statement(statement: SyntaxNode<'_>) -> Option<SyntaxNode<'_>> {
    std::iter::successors(statement.next_sibling(), |it| it.next_sibling()).find(|it| it.kind() != "comment")
}

/// Returns the previous statement of the same block.
pub fn previous_statement(statement: SyntaxNode<'_>) -> Option<SyntaxNode<'_>> {
    std::iter::successors(statement.previous_sibling(), |it| it.previous_sibling()).find(|it| it.kind() != "comment")
}

/// Returns whether a statement is the only one of its block.
pub fn is_only_one(statement: SyntaxNode<'_>) -> bool {
    next_statement(statement).is_none() && previous_statement(statement).is_none()
}

/// Returns whether control never goes past a statement.
pub fn is_jump(statement: SyntaxNode<'_>) -> bool {
    matches!(statement.kind(), "return_statement" | "raise_statement" | "continue_statement" | "break_statement")
}

/// Returns the function directly around a node.
pub fn function_of(node: SyntaxNode<'_>) -> Option<SyntaxNode<'_>> {
    let nearest =
        node.ancestors().find(|it| matches!(it.kind(), "function_definition" | "class_definition" | "lambda"))?;
    (nearest.kind() == "function_definition").then_some(nearest)
}

/// Returns the loop around a node within its function.
pub fn loop_of(node: SyntaxNode<'_>) -> Option<SyntaxNode<'_>> {
    let kinds = ["for_statement", "while_statement", "function_definition", "class_definition", "lambda"];
    let mut inner = node;
    for outer in node.ancestors() {
        if kinds.contains(&outer.kind()) {
            let is_loop = matches!(outer.kind(), "for_statement" | "while_statement");
            let in_body = outer.field("body").is_some_and(|body| body.id() == inner.id());
            if !is_loop {
                return None;
            }
            if in_body {
                return Some(outer);
            }
        }
        inner = outer;
    }
    None
}

/// Returns the nodes of a statement that are evaluated by itself: a compound statement's header, all of a simple one.
pub fn own_nodes(statement: SyntaxNode<'_>) -> Vec<SyntaxNode<'_>> {
    let mut found = Vec::new();
    let mut stack = vec![statement];
    while let Some(node) = stack.pop() {
        let is_nested =
            matches!(node.kind(), "block" | "elif_clause" | "else_clause" | "except_clause" | "finally_clause");
        if is_nested || (node != statement && is_statement(node)) {
            continue;
        }
        found.push(node);
        stack.extend(node.named_children().into_iter().rev());
    }
    found
}

fn blanks(text: &[u8], offset: usize) -> &str {
    let start = text[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = &text[start..offset];
    let length = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    std::str::from_utf8(&line[..length]).unwrap_or("")
}

fn begins_line(text: &[u8], statement: SyntaxNode<'_>) -> bool {
    let start = statement.span().start;
    let line = text[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    text[line..start].iter().all(|byte| matches!(byte, b' ' | b'\t'))
}
