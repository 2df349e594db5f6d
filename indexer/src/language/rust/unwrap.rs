//! Items in calls of macros: `cfg_net! { pub struct Socket; }`.
//!
//! To the grammar the arguments of a macro are only tokens. Where they look like items, the call around them is overwritten with spaces and
//! the file is parsed again; every byte stays where it is. If that makes no sound code of a sound file, it is left as it was.

use tree_sitter::Node;

use super::kind::{KINDS, Kind};
use crate::parse;
use crate::syntax::{LanguageId, SyntaxTree};

/// How deep such calls may stand in each other.
const MAX_DEPTH: usize = 3;
/// What an item begins with.
const BEGINS: &[&str] = &[
    "pub", "fn", "struct", "enum", "impl", "trait", "mod", "use", "const", "static", "type", "unsafe", "async",
    "extern", "union", "cfg_",
];

/// Returns the tree without the calls around items; `None` where there are none.
pub(super) fn items(tree: &SyntaxTree) -> Option<SyntaxTree> {
    let mut latest: Option<SyntaxTree> = None;
    for _ in 0..MAX_DEPTH {
        let before = latest.as_ref().unwrap_or(tree);
        let calls = calls_around_items(before);
        if calls.is_empty() {
            break;
        }
        let mut text = before.text().to_vec();
        calls.iter().for_each(|it| overwrite(*it, &mut text));
        let after = SyntaxTree::parse_within(LanguageId::Rust, text, parse::LIMIT)?;
        if before.is_clean() && !after.is_clean() {
            break;
        }
        latest = Some(after);
    }
    latest
}

/// Finds the calls at the top of the file and directly in modules, traits and implementations.
fn calls_around_items(tree: &SyntaxTree) -> Vec<Node<'_>> {
    let kinds = KINDS.of(LanguageId::Rust, Kind::of_name);
    let kind = |it: Node<'_>| kinds.get(usize::from(it.kind_id())).copied().unwrap_or_default();
    let mut found = Vec::new();
    let mut open = vec![tree.raw().root_node()];
    while let Some(node) = open.pop() {
        let mut cursor = node.walk();
        for it in node.named_children(&mut cursor) {
            match kind(it) {
                Kind::MacroInvocation if holds_items(it, tree.text()) => found.push(it),
                Kind::Module | Kind::Impl | Kind::Trait => open.extend(it.child_by_field_name("body")),
                Kind::Other if it.kind() == "expression_statement" => open.push(it),
                _ => {}
            }
        }
    }
    found
}

fn holds_items(call: Node<'_>, text: &[u8]) -> bool {
    let Some(tokens) = tokens_of(call) else { return false };
    let Ok(mut rest) = std::str::from_utf8(text.get(tokens.start_byte() + 1..tokens.end_byte()).unwrap_or_default())
    else {
        return false;
    };
    loop {
        rest = rest.trim_start();
        let line_ends = |it: &str| it.find('\n').unwrap_or(it.len());
        // Attributes are taken to end with their lines: it is only a guess, and tried before it counts.
        match rest.starts_with("//") || rest.starts_with("#[") {
            true => rest = &rest[line_ends(rest)..],
            false => return BEGINS.iter().any(|it| rest.starts_with(it)),
        }
    }
}

/// Returns the arguments in braces.
fn tokens_of(call: Node<'_>) -> Option<Node<'_>> {
    let last = call.named_child(call.named_child_count().checked_sub(1)? as u32)?;
    (last.kind() == "token_tree" && last.child(0)?.kind() == "{").then_some(last)
}

fn overwrite(call: Node<'_>, text: &mut [u8]) {
    let Some(tokens) = tokens_of(call) else { return };
    let end = tokens.end_byte();
    let ranges = [call.start_byte()..tokens.start_byte() + 1, end.saturating_sub(1)..end];
    for range in ranges {
        let bytes = text.get_mut(range).unwrap_or_default();
        bytes.iter_mut().filter(|it| !it.is_ascii_whitespace()).for_each(|it| *it = b' ');
    }
    // `static ref NAME` of `lazy_static!`.
    let inside = text.get_mut(tokens.byte_range()).unwrap_or_default();
    let places: Vec<usize> = memchr::memmem::find_iter(inside, b"static ref ").map(|it| it + "static ".len()).collect();
    places.into_iter().for_each(|it| inside[it..it + "ref".len()].fill(b' '));
}
