//! Elements of list, tuple, set and dict literals and of what is returned: added, dropped, reordered.
//!
//! After Genesis and the "expression list" edits of Sobreira et al. (2018). Measured: 17 of 660 single edits add an element to or drop one from
//! a literal.

use indexer::scope::{LikelyType, NameKind};
use indexer::syntax::SyntaxNode;

use super::{Rewrite, Template, TemplateContext};

/// The family.
pub(super) struct Collection;

impl Template for Collection {
    fn id(&self) -> &'static str {
        "collection"
    }

    fn weight(&self) -> f64 {
        28.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.nodes().iter().copied() {
            if cx.grammar().collections.contains(&node.kind()) && !node.has_error() {
                let elements: Vec<_> = node.named_children().into_iter().filter(|it| it.kind() != "comment").collect();
                drop(node, &elements, out);
                exchange(node, &elements, out);
                add(cx, node, &elements, out);
                convert(node, out);
            }
            if node.kind() == "subscript" && !node.has_error() {
                let value = node.field("value");
                let indices: Vec<_> = node.named_children().into_iter().filter(|it| Some(*it) != value).collect();
                if indices.len() > 1 {
                    exchange(node, &indices, out);
                    drop(node, &indices, out);
                }
            }
            if node.kind() == "return_statement" {
                return_more(cx, node, out);
            }
        }
    }
}

fn drop(node: SyntaxNode<'_>, elements: &[SyntaxNode<'_>], out: &mut Vec<Rewrite>) {
    let is_pair_of_index = node.field_in_parent() == Some("subscript");
    for (at, element) in elements.iter().enumerate() {
        let span = match (at.checked_sub(1).map(|it| elements[it]), elements.get(at + 1)) {
            // `(a, b)` less `b` is `(a)`, no tuple: its comma stays.
            (Some(before), None) if node.kind() == "tuple" && elements.len() == 2 && !is_pair_of_index => {
                before.span().end + 1..element.span().end
            }
            (None, Some(after)) if node.kind() == "tuple" && elements.len() == 2 && !is_pair_of_index => {
                let text = format!("({},)", after.text());
                out.push(Rewrite::replace(node, text, "collection/drop", 0.8));
                continue;
            }
            (Some(before), _) => before.span().end..element.span().end,
            (None, Some(after)) => element.span().start..after.span().start,
            (None, None) if node.kind() == "expression_list" => continue,
            (None, None) => element.span(),
        };
        // What follows a dropped only element of `(a,)` is a lone comma.
        if elements.len() == 1 && node.kind() == "tuple" {
            out.push(Rewrite::replace(node, "()", "collection/drop", 0.5));
        } else if elements.len() == 1 && node.kind() == "set" {
            out.push(Rewrite::replace(node, "set()", "collection/drop", 0.5));
        } else {
            out.push(Rewrite::splice(node, span, "", "collection/drop", 0.8));
        }
    }
}

fn exchange(node: SyntaxNode<'_>, elements: &[SyntaxNode<'_>], out: &mut Vec<Rewrite>) {
    if elements.len() > 6 || matches!(node.kind(), "set" | "dictionary") {
        return;
    }
    for (at, first) in elements.iter().enumerate() {
        for second in elements[at + 1..].iter().filter(|it| it.text() != first.text()) {
            let edits = vec![(first.span(), second.text().to_owned()), (second.span(), first.text().to_owned())];
            out.push(Rewrite::many(node, edits, "collection/exchange", 0.8));
        }
    }
}

fn add(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, elements: &[SyntaxNode<'_>], out: &mut Vec<Rewrite>) {
    let is_pair = elements.iter().any(|it| it.kind() == "pair");
    if node.kind() == "dictionary" && !is_pair {
        return;
    }
    let known: Vec<_> = elements.iter().map(|it| it.text()).collect();
    for (text, weight) in candidates(cx, node) {
        if known.contains(&text.as_str()) {
            continue;
        }
        let text = if is_pair { format!("'{text}': {text}") } else { text };
        match (elements.first(), elements.last()) {
            (Some(first), Some(last)) => {
                let (front, back) = (first.span().start, last.span().end);
                out.push(Rewrite::splice(node, back..back, format!(", {text}"), "collection/add", weight));
                if !is_pair {
                    out.push(Rewrite::splice(node, front..front, format!("{text}, "), "collection/add", 0.4 * weight));
                }
            }
            _ => {
                let at = node.span().start + 1;
                let comma = if node.kind() == "tuple" { "," } else { "" };
                out.push(Rewrite::splice(node, at..at, format!("{text}{comma}"), "collection/add", 2.0 * weight));
            }
        }
    }
}

/// Names and expressions of the function that could be an element.
fn candidates(cx: &TemplateContext<'_>, node: SyntaxNode<'_>) -> Vec<(String, f64)> {
    let names = cx.names(node.span().start);
    let own = names.iter().filter(|it| {
        let is_own = matches!(it.kind, NameKind::Local | NameKind::Parameter | NameKind::Enclosing);
        is_own && it.defined_before && it.name != cx.grammar().receiver && it.likely_type != LikelyType::Callable
    });
    let mut candidates: Vec<_> = own.take(8).map(|it| (it.name.clone(), 0.5)).collect();
    if node.kind() == "expression_list" {
        return candidates;
    }
    for piece in cx.visible_pieces(node) {
        let is_simple =
            (2..=5).contains(&piece.size) && matches!(piece.node.kind(), "attribute" | "subscript" | "call");
        let is_literal = matches!(piece.node.kind(), "string" | "integer" | "none");
        if (is_simple && !piece.is_called) || is_literal {
            candidates.push((piece.text.to_owned(), if is_literal { 0.2 } else { 0.15 }));
        }
    }
    let constants = ["0", "1", "None"].into_iter().filter(|it| !candidates.iter().any(|(known, _)| known == it));
    let constants: Vec<_> = constants.map(|it| (it.to_owned(), 0.15)).collect();
    candidates.extend(constants);
    candidates
}

/// `[a, b]` becomes `(a, b)`, and the other way about.
fn convert(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let text = node.text();
    let Some(inner) = text.get(1..text.len().saturating_sub(1)) else { return };
    let count = node.named_children().len();
    match node.kind() {
        "list" if count != 1 => {
            out.push(Rewrite::replace(node, format!("({inner})"), "collection/convert", 0.3));
        }
        "list" => out.push(Rewrite::replace(node, format!("({inner},)"), "collection/convert", 0.3)),
        "tuple" if node.field_in_parent() != Some("subscript") => {
            out.push(Rewrite::replace(node, format!("[{inner}]"), "collection/convert", 0.3));
        }
        _ => {}
    }
}

/// `return x` becomes `return x, y` and `return y, x`.
fn return_more(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(value) = node.named_children().first().copied() else { return };
    if value.kind() == "expression_list" || cx.grammar().is_truth(value) || matches!(value.kind(), "lambda" | "yield") {
        return;
    }
    for (text, weight) in candidates(cx, node).into_iter().take(6).filter(|(text, _)| text != value.text()) {
        out.push(Rewrite::replace(value, format!("{}, {text}", value.text()), "collection/return-tuple", 0.2 * weight));
    }
}
