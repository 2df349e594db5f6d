//! A hash of what a file says, without how it is laid out.

use std::hash::{DefaultHasher, Hash, Hasher};

use indexer::syntax::{SyntaxNode, SyntaxTree};

use super::is_comment;

/// Hashes the shape of the tree and its tokens. Comments, blank space and parentheses that only group leave no trace; indentation does, since
/// it is part of the shape.
pub(super) fn of(tree: &SyntaxTree) -> u64 {
    enum Step<'t> {
        Enter(SyntaxNode<'t>),
        Leave,
    }
    let mut hasher = DefaultHasher::new();
    let mut stack = vec![Step::Enter(tree.root())];
    while let Some(step) = stack.pop() {
        let Step::Enter(node) = step else {
            0xff_u8.hash(&mut hasher);
            continue;
        };
        let children = node.children();
        if is_grouping(node) {
            let inner = node.named_children();
            stack.extend(inner.into_iter().rev().filter(|child| !is_comment(*child)).map(Step::Enter));
            continue;
        }
        node.kind().hash(&mut hasher);
        if children.is_empty() || node.kind() == "string_content" {
            node.bytes().hash(&mut hasher);
        }
        stack.push(Step::Leave);
        stack.extend(
            children.into_iter().rev().filter(|child| !is_comment(*child) && !is_layout(*child)).map(Step::Enter),
        );
    }
    hasher.finish()
}

/// Parentheses around one expression; its place in the tree already says what binds first.
fn is_grouping(node: SyntaxNode<'_>) -> bool {
    node.kind() == "parenthesized_expression"
}

fn is_layout(node: SyntaxNode<'_>) -> bool {
    matches!(node.kind(), ";" | "line_continuation")
}
