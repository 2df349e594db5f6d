//! How entities are shown: a line, a preview, or all of their code.

use std::fmt::Write as _;

use crate::Index;
use crate::graph::{Direction, EdgeKind, EdgeKinds, Node, NodeId};
use crate::symbol::{FileId, LineRange};

/// How many members a preview names.
const MAX_MEMBERS: usize = 40;
/// How long a line of a preview is at most, in characters.
const MAX_LINE: usize = 200;

/// Returns the lines of an entity: those of its symbol, all of a file, none of a directory.
pub(super) fn lines(index: &Index, node: NodeId) -> Option<LineRange> {
    match index.graph().node(node)? {
        Node::Symbol(it) => index.symbol(it).map(|it| it.lines),
        Node::File(it) => index.file(it).map(|it| LineRange { start: 1, end: it.lines.max(1) }),
        Node::Directory(_) | Node::Repository => None,
    }
}

fn file_of(index: &Index, node: NodeId) -> Option<FileId> {
    match index.graph().node(node)? {
        Node::Symbol(it) => index.symbol(it).map(|it| it.file),
        Node::File(it) => Some(it),
        Node::Directory(_) | Node::Repository => None,
    }
}

/// Returns the signature, the first line of documentation, and the heads of what is directly inside.
pub(super) fn preview(index: &Index, node: NodeId) -> String {
    let mut text = String::new();
    if let Some(symbol) = index.graph().symbol(node) {
        push_line(&mut text, 0, &symbol.signature);
        if let Some(doc) = symbol.doc.as_deref().and_then(|it| it.lines().map(str::trim).find(|it| !it.is_empty())) {
            push_line(&mut text, 1, &format!("\"{doc}\""));
        }
    }
    let depth = usize::from(!text.is_empty());
    let members = index.graph().neighbours(node, EdgeKinds::of(&[EdgeKind::Contains]), Direction::Out);
    let members: Vec<NodeId> = members.map(|it| it.node).collect();
    for member in members.iter().take(MAX_MEMBERS) {
        let head = match index.graph().symbol(*member) {
            Some(it) => if it.signature.is_empty() { &it.name } else { &it.signature }.clone(),
            None => index.graph().path(*member).map(ToString::to_string).unwrap_or_default(),
        };
        push_line(&mut text, depth, &head);
    }
    if let Some(more) = members.len().checked_sub(MAX_MEMBERS).filter(|it| *it > 0) {
        push_line(&mut text, depth, &format!("… {more} more"));
    }
    text
}

fn push_line(text: &mut String, depth: usize, line: &str) {
    let cut: String = line.chars().take(MAX_LINE).collect();
    let mark = if cut.len() < line.len() { "…" } else { "" };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:indent$}{cut}{mark}", "", indent = depth * 4);
}

/// Code of an entity, with a number before each line.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) text: String,
    /// How many lines did not fit.
    pub(super) left_out: u32,
}

/// Returns the code of an entity, at most `most` bytes of it; `None` for what has none.
pub(super) fn code(index: &Index, node: NodeId, most: usize) -> Option<Code> {
    let lines = lines(index, node)?;
    let file = index.file(file_of(index, node)?)?;
    let bytes = index.content(file).ok()?;
    let whole = String::from_utf8_lossy(&bytes);
    let width = lines.end.to_string().len();
    let mut code = Code::default();
    let wanted = whole.lines().zip(1u32..).skip_while(|it| it.1 < lines.start).take_while(|it| it.1 <= lines.end);
    for (line, number) in wanted {
        if code.left_out > 0 || code.text.len() + line.len() + width + 2 > most {
            code.left_out += 1;
            continue;
        }
        let _ = writeln!(code.text, "{number:>width$} {line}");
    }
    Some(code)
}
