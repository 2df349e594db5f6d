//! Off by one: indices, slice and range bounds, limits of comparisons, arguments and results that count.
//!
//! After PAR's and TBar's FP11.3, CapGen's and Elixir's index edits; in the measured fixes they are part of the literals changed (60), the
//! expressions replaced (25) and the wrapped ones (39). `<` against `<=` is the operator family's.

use indexer::scope::{LikelyType, NameKind};
use indexer::syntax::SyntaxNode;

use super::grammar::{self, Strength};
use super::outline;
use super::{Rewrite, Template, TemplateContext, parenthesize};

/// The family.
pub(super) struct Boundary;

impl Template for Boundary {
    fn id(&self) -> &'static str {
        "boundary"
    }

    fn weight(&self) -> f64 {
        45.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.values() {
            if let Some(weight) = counts(cx, node) {
                by_one(cx, node, weight, out);
            }
            match node.kind() {
                "subscript" => slices(cx, node, out),
                "call" if node.field("function").is_some_and(|it| it.text() == "range") => range(node, out),
                _ => {}
            }
            if matches!(node.kind(), "identifier" | "attribute") && is_sequence_place(cx, node) {
                cut(cx, node, out);
            }
        }
    }
}

/// Returns how likely a place is one where one more or less matters; none where the value is no number.
fn counts(cx: &TemplateContext<'_>, node: SyntaxNode<'_>) -> Option<f64> {
    let may_be_number = match node.kind() {
        "identifier" | "attribute" | "subscript" | "call" | "binary_operator" | "conditional_expression" => true,
        // A literal's neighbours are the literal family's.
        _ => false,
    };
    let kind = cx.guess(node);
    if !may_be_number || !(kind.is_number() || kind == LikelyType::Unknown) {
        return None;
    }
    let certainty = if kind.is_number() { 1.0 } else { 0.6 };
    let parent = node.parent()?;
    let place = match parent.kind() {
        "subscript" if node.field_in_parent() == Some("subscript") => 1.0,
        "slice" => 1.0,
        "tuple" if parent.field_in_parent() == Some("subscript") => 1.0,
        "argument_list" => match parent.parent()?.field("function")?.text() {
            "range" => 1.2,
            "len" | "str" | "print" | "isinstance" | "list" | "sorted" | "sum" | "set" | "iter" | "tuple" | "any"
            | "all" => return None,
            name => {
                if cx.outline().signatures.contains_key(name) {
                    0.7
                } else {
                    0.4
                }
            }
        },
        "comparison_operator" if is_ordered(parent) => 0.6,
        "comparison_operator" => 0.25,
        "binary_operator" if kind.is_number() || !matches!(node.kind(), "attribute" | "call") => 0.35,
        "parenthesized_expression" => 0.4,
        "return_statement" => 0.6,
        "assignment" | "augmented_assignment" => 0.4,
        "list" | "tuple" | "expression_list" => 0.25,
        _ => return None,
    };
    Some(place * certainty)
}

fn is_ordered(comparison: SyntaxNode<'_>) -> bool {
    grammar::operator(comparison).is_some_and(|it| it.kind().starts_with(['<', '>']))
}

/// `e` becomes `e + 1` and `e - 1`; a `± 1` that is there already goes.
fn by_one(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, weight: f64, out: &mut Vec<Rewrite>) {
    let is_one = |it: SyntaxNode<'_>| it.text() == "1";
    let operator = grammar::operator(node).map_or("", |it| it.kind());
    if node.kind() == "binary_operator"
        && matches!(operator, "+" | "-")
        && let (Some(left), Some(right)) = (node.field("left"), node.field("right"))
        && is_one(right)
    {
        let text = cx.fit(node, left.text(), grammar::strength(left));
        out.push(Rewrite::replace(node, text, "boundary/no-offset", 1.2 * weight));
        let turned = if operator == "+" { "-" } else { "+" };
        let text = cx.fit(node, &format!("{} {turned} 1", left.text()), Strength::Sum);
        out.push(Rewrite::replace(node, text, "boundary/off-by-one", 0.5 * weight));
        return;
    }
    let base = parenthesize(node.text(), grammar::strength(node), Strength::Sum);
    for (sign, factor) in [("+", 1.0), ("-", 0.9)] {
        let text = cx.fit(node, &format!("{base} {sign} 1"), Strength::Sum);
        out.push(Rewrite::replace(node, text, "boundary/off-by-one", factor * weight));
    }
}

/// Bounds of a slice dropped; an index turned to the other end.
fn slices(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let (Some(value), Some(index)) = (node.field("value"), node.field("subscript")) else { return };
    let object = value.text();
    if index.kind() == "slice" {
        let bounds: Vec<_> = index.text().split(':').collect();
        if let [from, to] = bounds[..] {
            let (from, to) = (from.trim(), to.trim());
            for (text, weight) in [
                (format!("{object}[{to}:{from}]"), 0.4),
                (format!("{object}[{from}:]"), 0.8),
                (format!("{object}[:{to}]"), 0.8),
                (format!("{object}[{to}:]"), 0.6),
                (format!("{object}[:{from}]"), 0.6),
                (format!("{object}[{from}:{to}:-1]"), 0.15),
            ] {
                out.push(Rewrite::replace(node, text, "boundary/slice", weight));
            }
            exchange_with_sibling(node, out);
        }
        return;
    }
    if matches!(cx.guess(index), LikelyType::Int) {
        for (end, weight) in [("0", 0.4), ("-1", 0.4)] {
            out.push(Rewrite::splice(node, index.span(), end, "boundary/end", weight));
        }
        for text in [format!("{}:", index.text()), format!(":{}", index.text())] {
            out.push(Rewrite::splice(node, index.span(), text, "boundary/slice", 0.15));
        }
    }
}

/// `s[:k] + s[k:]` is taken the wrong way round: both slices exchanged.
fn exchange_with_sibling(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(parent) = node.parent() else { return };
    let siblings: Vec<_> = parent.named_children().into_iter().filter(|it| it.kind() == "subscript").collect();
    if let [first, second] = siblings[..]
        && first == node
    {
        let edits = vec![(first.span(), second.text().to_owned()), (second.span(), first.text().to_owned())];
        out.push(Rewrite::many(node, edits, "boundary/slice", 0.3));
    }
}

/// `range(a, b)` loses or gains a start, counts down, or steps.
fn range(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let arguments: Vec<_> = outline::arguments(node).into_iter().map(|it| it.text()).collect();
    let mut push = |text: String, weight| out.push(Rewrite::replace(node, text, "boundary/range", weight));
    match arguments[..] {
        [end] => {
            push(format!("range(1, {end})"), 0.8);
            push(format!("range(1, {end} + 1)"), 0.6);
            push(format!("range({end} - 1, -1, -1)"), 0.2);
            push(format!("range(2, {end})"), 0.15);
            push(format!("range(0, {end}, 2)"), 0.1);
        }
        [start, end] => {
            push(format!("range({end})"), 0.6);
            push(format!("range({start}, {end} + 1)"), 0.4);
            push(format!("range({start} + 1, {end})"), 0.4);
            push(format!("range({start}, {end}, -1)"), 0.15);
            push(format!("range({start}, {end}, 2)"), 0.1);
            push(format!("range({end}, {start}, -1)"), 0.15);
        }
        [start, end, step] => {
            push(format!("range({start}, {end})"), 0.3);
            push(format!("range({start}, {end}, -{step})"), 0.2);
            push(format!("range({start} - 1, {end}, {step})"), 0.2);
        }
        _ => {}
    }
}

/// Whether a name stands where a part of a sequence could stand as well: looped over, passed, returned.
fn is_sequence_place(cx: &TemplateContext<'_>, node: SyntaxNode<'_>) -> bool {
    let kind = cx.guess(node);
    if !(kind.is_container() || kind == LikelyType::Unknown) || matches!(kind, LikelyType::Set | LikelyType::Dict) {
        return false;
    }
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "for_statement" | "for_in_clause" => node.field_in_parent() == Some("right"),
        "argument_list" => kind.is_container() || parent.parent().is_some_and(is_local_call),
        "return_statement" | "binary_operator" | "assignment" => kind.is_container(),
        _ => false,
    }
}

fn is_local_call(call: SyntaxNode<'_>) -> bool {
    let name = call.field("function").map_or("", |it| it.text());
    !matches!(name, "isinstance" | "len" | "range" | "type" | "hasattr" | "getattr" | "super" | "print")
}

/// `xs` becomes `xs[1:]`, `xs[:-1]`, `xs[k:]`, `xs[:k]`.
fn cut(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let object = node.text();
    let is_looped = node.parent().is_some_and(|it| it.kind() != "argument_list");
    let certainty = if cx.guess(node).is_container() { 1.0 } else { 0.6 } * if is_looped { 1.0 } else { 0.6 };
    for (bounds, weight) in [("1:", 0.8), (":-1", 0.6), ("::-1", 0.3)] {
        out.push(Rewrite::replace(node, format!("{object}[{bounds}]"), "boundary/cut", weight * certainty));
    }
    let names = cx.names(node.span().start);
    let numbers = names.iter().filter(|it| {
        let is_own = matches!(it.kind, NameKind::Local | NameKind::Parameter | NameKind::Enclosing);
        let may_count = matches!(it.likely_type, LikelyType::Int | LikelyType::Unknown);
        is_own && may_count && it.defined_before && it.name != object && it.name != cx.grammar().receiver
    });
    for name in numbers.take(6) {
        let weight = if name.likely_type == LikelyType::Int { 0.6 } else { 0.35 } * certainty;
        out.push(Rewrite::replace(node, format!("{object}[{}:]", name.name), "boundary/cut", weight));
        out.push(Rewrite::replace(node, format!("{object}[:{}]", name.name), "boundary/cut", weight));
    }
}
