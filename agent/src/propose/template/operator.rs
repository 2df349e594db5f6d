//! Operators: comparison, arithmetic, boolean, bitwise and augmented assignment exchanged; operands exchanged; precedence regrouped.
//!
//! Operator mutation goes back to mutation testing (DeMillo et al. 1978); as fixes they are TBar's FP11 (mutate operators), ARJA's and
//! Elixir's. Measured: 7 of 660 single edits change an operator only, and part of the 30 conditions changed otherwise and 25 expressions
//! replaced. Planted bugs (QuixBugs, HumanEvalFix) have far more of them than real ones.

use indexer::syntax::SyntaxNode;

use super::grammar::{self, Strength};
use super::{Rewrite, Template, TemplateContext, parenthesize};

/// The family.
pub(super) struct Operator;

impl Template for Operator {
    fn id(&self) -> &'static str {
        "operator"
    }

    fn weight(&self) -> f64 {
        45.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.nodes().iter().copied().filter(|it| !it.has_error()) {
            match node.kind() {
                "comparison_operator" => compare(cx, node, out),
                "binary_operator" => {
                    calculate(cx, node, out);
                    exchange_operands(cx, node, out);
                    regroup(node, out);
                }
                "boolean_operator" => combine(cx, node, out),
                "augmented_assignment" => augment(node, out),
                "assignment" => assign(node, out),
                "unary_operator" => drop_sign(cx, node, out),
                _ => {}
            }
        }
    }
}

/// The operators that a slip may have meant, with how likely.
fn comparisons(operator: &str) -> &'static [(&'static str, f64)] {
    match operator {
        "==" => &[("!=", 1.2), ("<", 0.5), (">", 0.5), ("<=", 0.5), (">=", 0.5), ("in", 0.3), ("is", 0.15)],
        "!=" => &[("==", 1.2), ("<", 0.4), (">", 0.4), ("<=", 0.2), (">=", 0.2), ("not in", 0.3), ("is not", 0.15)],
        "<" => &[(">", 1.0), ("<=", 1.0), (">=", 0.6), ("==", 0.4), ("!=", 0.3)],
        "<=" => &[("<", 1.0), (">=", 0.9), (">", 0.6), ("==", 0.3), ("!=", 0.15)],
        ">" => &[("<", 1.0), (">=", 1.0), ("<=", 0.6), ("==", 0.4), ("!=", 0.4)],
        ">=" => &[(">", 1.0), ("<=", 0.9), ("<", 0.6), ("==", 0.3), ("!=", 0.15)],
        "is" => &[("is not", 1.2), ("==", 0.8), ("in", 0.2)],
        "is not" => &[("is", 1.2), ("!=", 0.8)],
        "in" => &[("not in", 1.2), ("==", 0.5)],
        "not in" => &[("in", 1.2), ("!=", 0.5)],
        _ => &[],
    }
}

fn compare(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    for operator in node.children().into_iter().filter(|it| cx.grammar().comparisons.contains(&it.kind())) {
        for (other, weight) in comparisons(operator.kind()) {
            out.push(Rewrite::splice(node, operator.span(), *other, "operator/comparison", 1.5 * weight));
        }
    }
    let operands = node.named_children();
    if let [left, right] = operands[..] {
        let operator = cx.slice(left.span().end..right.span().start);
        if operator.trim() == "in" || operator.trim() == "not in" {
            out.push(Rewrite::replace(
                node,
                format!("{}{operator}{}", right.text(), left.text()),
                "operator/exchange",
                0.2,
            ));
        }
    }
}

fn calculate(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(operator) = grammar::operator(node) else { return };
    let others: &[(&str, f64)] = match operator.kind() {
        "+" => &[("-", 1.0), ("*", 0.5), ("//", 0.1), ("%", 0.1)],
        "-" => &[("+", 1.0), ("*", 0.2), ("/", 0.2), ("//", 0.2), ("%", 0.2)],
        "*" => &[("+", 0.6), ("/", 0.6), ("//", 0.4), ("**", 0.5), ("-", 0.3), ("%", 0.1)],
        "/" => &[("//", 1.0), ("*", 0.8), ("%", 0.5), ("-", 0.2)],
        "//" => &[("/", 1.0), ("%", 0.8), ("*", 0.5), ("-", 0.2), (">>", 0.1)],
        "%" => &[("//", 0.9), ("/", 0.5), ("*", 0.3), ("-", 0.3), ("+", 0.2)],
        "**" => &[("*", 1.0), ("^", 0.1)],
        "&" => &[("|", 1.0), ("^", 0.8), ("and", 0.5), ("-", 0.2), ("%", 0.1)],
        "|" => &[("&", 1.0), ("^", 0.8), ("or", 0.5), ("+", 0.1)],
        "^" => &[("&", 1.0), ("|", 1.0), ("**", 0.6)],
        "<<" => &[(">>", 1.2), ("*", 0.2)],
        ">>" => &[("<<", 1.2), ("//", 0.2)],
        "@" => &[("*", 1.0)],
        _ => &[],
    };
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else { return };
    // A text is formatted with `%`, joined with `+`: other operators mean nothing to it.
    let is_text = matches!(left.kind(), "string" | "concatenated_string");
    for (other, weight) in others {
        let own = grammar::binary_strength(other);
        let left = parenthesize(left.text(), grammar::strength(left), grammar::operand_strength(other, false));
        let right = parenthesize(right.text(), grammar::strength(right), grammar::operand_strength(other, true));
        let text = cx.fit(node, &format!("{left} {other} {right}"), own);
        let weight = if is_text { 0.05 * weight } else { *weight };
        out.push(Rewrite::replace(node, text, "operator/arithmetic", weight));
        // Without regrouping the operands: `a - b * c` for `a * b * c` read from the left.
        let span = match grammar::operator(node) {
            Some(operator) => operator.span(),
            None => continue,
        };
        out.push(Rewrite::splice(node, span, *other, "operator/arithmetic", 0.3 * weight));
    }
}

/// `a - b` becomes `b - a`.
fn exchange_operands(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let (Some(left), Some(right), Some(operator)) = (node.field("left"), node.field("right"), grammar::operator(node))
    else {
        return;
    };
    let weight = match operator.kind() {
        "+" if cx.guess(left).is_number() || cx.guess(right).is_number() => 0.05,
        "+" => 0.6,
        "*" | "&" | "|" | "^" => 0.05,
        "%" if left.kind() == "string" => return,
        _ => 0.8,
    };
    let word = operator.kind();
    let first = parenthesize(right.text(), grammar::strength(right), grammar::operand_strength(word, false));
    let second = parenthesize(left.text(), grammar::strength(left), grammar::operand_strength(word, true));
    let between = cx.slice(left.span().end..right.span().start);
    let text = cx.fit(node, &format!("{first}{between}{second}"), grammar::binary_strength(word));
    out.push(Rewrite::replace(node, text, "operator/exchange", weight));
    // A sum of three is read from the left: `a + b + c` as `a + c + b`, with the last two exchanged.
    if left.kind() == "binary_operator"
        && let (Some(a), Some(b), Some(inner)) = (left.field("left"), left.field("right"), grammar::operator(left))
        && grammar::binary_strength(inner.kind()) == grammar::binary_strength(word)
    {
        let text = format!("{} {word} {} {} {}", a.text(), right.text(), inner.kind(), b.text());
        out.push(Rewrite::replace(node, text, "operator/exchange", 0.3 * weight));
    }
}

/// `a - b // c` becomes `(a - b) // c`, and the other way about.
fn regroup(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let (Some(left), Some(right), Some(operator)) = (node.field("left"), node.field("right"), grammar::operator(node))
    else {
        return;
    };
    let own = grammar::strength(node);
    let weakens = matches!(own, Strength::Product | Strength::Sum | Strength::Power);
    if let ("binary_operator", Some(a), Some(b), Some(inner)) =
        (right.kind(), right.field("left"), right.field("right"), grammar::operator(right))
        && weakens
    {
        let text = format!("({} {} {}) {} {}", left.text(), operator.kind(), a.text(), inner.kind(), b.text());
        out.push(Rewrite::replace(node, text, "operator/regroup", 0.7));
        let text = format!("{} {} {} {} {}", a.text(), inner.kind(), b.text(), operator.kind(), left.text());
        out.push(Rewrite::replace(node, text, "operator/regroup", 0.2));
        // The first operand was meant to be worked on: `a - 1 // c` for `a // c - 1`.
        let text = format!("{} {} {} {} {}", left.text(), inner.kind(), b.text(), operator.kind(), a.text());
        out.push(Rewrite::replace(node, text, "operator/regroup", 0.6));
    }
    let inner =
        if left.kind() == "parenthesized_expression" { left.named_children().first().copied() } else { Some(left) };
    if let Some(inner) = inner.filter(|it| it.kind() == "binary_operator")
        && let (Some(a), Some(b), Some(word)) = (inner.field("left"), inner.field("right"), grammar::operator(inner))
    {
        let group = format!("{} {} ({} {} {})", a.text(), word.kind(), b.text(), operator.kind(), right.text());
        out.push(Rewrite::replace(node, group, "operator/regroup", 0.3));
    }
}

fn combine(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(operator) = grammar::operator(node) else { return };
    let other = if operator.kind() == "and" { "or" } else { "and" };
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else { return };
    let first = parenthesize(left.text(), grammar::strength(left), grammar::operand_strength(other, false));
    let second = parenthesize(right.text(), grammar::strength(right), grammar::operand_strength(other, true));
    let text = cx.fit(node, &format!("{first} {other} {second}"), grammar::binary_strength(other));
    out.push(Rewrite::replace(node, text, "operator/boolean", 1.6));
    out.push(Rewrite::splice(node, operator.span(), other, "operator/boolean", 0.4));
    // `a and b and c` as a whole becomes `a or b or c`.
    if left.kind() == node.kind() && node.parent().is_none_or(|it| it.kind() != node.kind()) {
        let all = chain(node, operator.kind());
        let edits = all.into_iter().map(|it| (it.span(), other.to_owned())).collect();
        out.push(Rewrite::many(node, edits, "operator/boolean", 1.4));
    }
    exchange_terms(node, left, right, operator, out);
}

/// `a and b` becomes `b and a`: the second was to be asked first.
fn exchange_terms(
    node: SyntaxNode<'_>,
    left: SyntaxNode<'_>,
    right: SyntaxNode<'_>,
    operator: SyntaxNode<'_>,
    out: &mut Vec<Rewrite>,
) {
    if left.kind() != "boolean_operator" && right.kind() != "boolean_operator" {
        let text = format!("{} {} {}", right.text(), operator.kind(), left.text());
        out.push(Rewrite::replace(node, text, "operator/exchange", 0.15));
    }
}

/// Returns the operators of a chain with the same word, in order of position.
fn chain<'t>(node: SyntaxNode<'t>, word: &str) -> Vec<SyntaxNode<'t>> {
    let Some(operator) = grammar::operator(node).filter(|it| it.kind() == word) else { return Vec::new() };
    let mut found = match node.field("left") {
        Some(left) if left.kind() == "boolean_operator" => chain(left, word),
        _ => Vec::new(),
    };
    found.push(operator);
    found
}

fn augment(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(operator) = grammar::operator(node) else { return };
    let others: &[(&str, f64)] = match operator.kind() {
        "+=" => &[("-=", 1.0), ("=", 0.6), ("*=", 0.4), ("|=", 0.1)],
        "-=" => &[("+=", 1.0), ("=", 0.4), ("/=", 0.2), ("//=", 0.2), ("%=", 0.2)],
        "*=" => &[("+=", 0.6), ("=", 0.6), ("/=", 0.5), ("//=", 0.4), ("**=", 0.4)],
        "/=" => &[("//=", 1.0), ("*=", 0.8), ("=", 0.4), ("%=", 0.3)],
        "//=" => &[("/=", 1.0), ("%=", 0.6), ("*=", 0.6), ("=", 0.3)],
        "%=" => &[("//=", 0.8), ("/=", 0.6), ("=", 0.4)],
        "&=" => &[("|=", 1.0), ("^=", 0.8), ("=", 0.4)],
        "|=" => &[("&=", 1.0), ("^=", 0.8), ("=", 0.4), ("+=", 0.1)],
        "^=" => &[("&=", 1.0), ("|=", 1.0)],
        "<<=" => &[(">>=", 1.0)],
        ">>=" => &[("<<=", 1.0)],
        _ => &[],
    };
    for (other, weight) in others {
        out.push(Rewrite::splice(node, operator.span(), *other, "operator/augmented", 0.7 * weight));
    }
}

/// `x = e` becomes `x += e`; `x = x + e` is left to others.
fn assign(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else { return };
    let is_plain = matches!(left.kind(), "identifier" | "attribute" | "subscript") && node.field("type").is_none();
    if !is_plain || right.kind() == "assignment" {
        return;
    }
    for (operator, weight) in [(" += ", 0.4), (" -= ", 0.1), (" *= ", 0.08)] {
        out.push(Rewrite::splice(
            node,
            left.span().end..right.span().start,
            operator,
            "operator/augmented",
            0.7 * weight,
        ));
    }
}

/// `-x` becomes `x`.
fn drop_sign(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if let Some(argument) = node.field("argument") {
        let text = cx.fit(node, argument.text(), grammar::strength(argument));
        out.push(Rewrite::replace(node, text, "operator/sign", 0.8));
    }
}
