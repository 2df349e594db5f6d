//! Literals: numbers one off, 0 and 1, sign, other numbers and texts of the file, truth values, empty values.
//!
//! After TBar's FP12 (mutate literal expression), PAR and mutation testing's constant replacement. Measured: 60 of 660 single edits change a
//! literal, about half of them to one that the file has already.

use std::collections::BTreeMap;

use indexer::syntax::SyntaxNode;

use super::grammar;
use super::similar;
use super::{Rewrite, Template, TemplateContext};

/// Longer texts are not proposed elsewhere.
const MOST_BYTES: usize = 40;

/// The family.
pub(super) struct Literal;

impl Template for Literal {
    fn id(&self) -> &'static str {
        "literal"
    }

    fn weight(&self) -> f64 {
        60.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.values() {
            match node.kind() {
                "integer" => integer(cx, node, out),
                "float" => float(cx, node, out),
                "string" => string(cx, node, out),
                "true" => truth(node, "False", out),
                "false" => truth(node, "True", out),
                "none" => values(
                    node,
                    &[("False", 0.4), ("True", 0.3), ("0", 0.3), ("''", 0.3), ("[]", 0.3), ("{}", 0.2)],
                    out,
                ),
                "list" if node.named_children().is_empty() => values(
                    node,
                    &[("None", 0.5), ("{}", 0.2), ("set()", 0.2), ("()", 0.2), ("''", 0.1), ("[[]]", 0.3)],
                    out,
                ),
                "dictionary" if node.named_children().is_empty() => {
                    values(node, &[("None", 0.5), ("[]", 0.3), ("set()", 0.3)], out)
                }
                "tuple" if node.named_children().is_empty() => values(node, &[("None", 0.5), ("[]", 0.3)], out),
                _ => {}
            }
        }
    }
}

fn values(node: SyntaxNode<'_>, values: &[(&str, f64)], out: &mut Vec<Rewrite>) {
    for (text, weight) in values {
        out.push(Rewrite::replace(node, *text, "literal/empty", *weight));
    }
}

fn truth(node: SyntaxNode<'_>, other: &str, out: &mut Vec<Rewrite>) {
    out.push(Rewrite::replace(node, other, "literal/truth", 1.2));
    out.push(Rewrite::replace(node, "None", "literal/truth", 0.3));
    exchange_with_later(node, other, out);
}

/// `return False … return True` were exchanged: both turned round.
fn exchange_with_later(node: SyntaxNode<'_>, other: &str, out: &mut Vec<Rewrite>) {
    let Some(function) = node.enclosing(&["function_definition"]) else { return };
    let is_returned = |it: &SyntaxNode<'_>| it.parent().is_some_and(|it| it.kind() == "return_statement");
    if !is_returned(&node) {
        return;
    }
    let later = function.descendants().filter(|it| it.span().start > node.span().start && is_returned(it));
    if let Some(later) = later.into_iter().find(|it| it.text() == other) {
        let edits = vec![(node.span(), other.to_owned()), (later.span(), node.text().to_owned())];
        out.push(Rewrite::many(node, edits, "literal/exchange", 0.6));
    }
}

fn integer(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Ok(value) = node.text().replace('_', "").parse::<i64>() else { return };
    let mut near: Vec<(i64, f64)> = vec![(value.saturating_add(1), 1.0), (value.saturating_sub(1), 1.0)];
    near.extend([(0, 0.6), (1, 0.6), (2, 0.4), (-1, 0.4)]);
    near.extend([(value.saturating_add(2), 0.25), (value.saturating_sub(2), 0.2)]);
    if value > 2 {
        near.extend([
            (value.saturating_mul(2), 0.1),
            (value / 2, 0.1),
            (value.saturating_mul(10), 0.1),
            (value / 10, 0.08),
        ]);
    }
    near.push((value.saturating_neg(), 0.4));
    let mut seen = BTreeMap::new();
    for (other, weight) in near {
        *seen.entry(other).or_insert(0.0_f64) += weight;
    }
    for (text, count) in &cx.outline().numbers {
        if let Ok(other) = text.parse::<i64>() {
            let factor = if in_region(cx, node, text) { 0.5 } else { 0.15 };
            *seen.entry(other).or_insert(0.0) += factor + 0.02 * (*count as f64).min(5.0);
        }
    }
    // In an index or a slice a negative number counts from the end; elsewhere `x + -1` is not what people write.
    let allows_negative = !node.parent().is_some_and(|it| matches!(it.kind(), "binary_operator" | "unary_operator"));
    for (other, weight) in seen {
        if other != value && (other >= 0 || allows_negative) {
            out.push(Rewrite::replace(node, other.to_string(), "literal/number", weight));
        }
    }
    if !node.parent().is_some_and(|it| matches!(it.kind(), "subscript" | "slice" | "binary_operator")) {
        let others = [
            ("None", 0.15),
            ("float('inf')", 0.15),
            ("0.0", 0.1),
            ("''", 0.05),
            ("[]", 0.08),
            ("True", 0.08),
            ("False", 0.08),
        ];
        values(node, &others, out);
    }
    everywhere(cx, node, &(value.saturating_add(1)).to_string(), 0.06, out);
    if value > 0 {
        everywhere(cx, node, &(value - 1).to_string(), 0.06, out);
    }
}

fn float(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Ok(value) = node.text().replace('_', "").parse::<f64>() else { return };
    let mut near =
        vec![(value + 1.0, 0.6), (value - 1.0, 0.5), (0.0, 0.5), (1.0, 0.5), (2.0, 0.5), (0.5, 0.4), (-value, 0.3)];
    near.extend([(value * 10.0, 0.2), (value / 10.0, 0.2), (value * 2.0, 0.2), (value / 2.0, 0.2)]);
    if value != 0.0 {
        near.push((1.0 / value, 0.5));
    }
    let is_operand = node.parent().is_some_and(|it| matches!(it.kind(), "binary_operator" | "unary_operator"));
    for (other, weight) in near {
        if other != value && (other >= 0.0 || !is_operand) && other.is_finite() {
            out.push(Rewrite::replace(node, format!("{other:?}"), "literal/number", weight));
        }
    }
    for text in cx.outline().numbers.keys() {
        let weight = if in_region(cx, node, text) { 0.5 } else { 0.15 };
        out.push(Rewrite::replace(node, text.clone(), "literal/number", weight));
    }
}

/// Whether the function around a node has a literal of this text.
fn in_region(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, text: &str) -> bool {
    cx.pieces(node).iter().any(|it| it.text == text)
}

/// The same literal wherever it stands in the function.
fn everywhere(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, new: &str, weight: f64, out: &mut Vec<Rewrite>) {
    let same = |it: &SyntaxNode<'_>| it.kind() == node.kind() && it.text() == node.text() && !grammar::is_document(*it);
    let all: Vec<_> = cx.region(node).descendants().filter(same).collect();
    let is_first = all.first() == Some(&node);
    if is_first && (2..=6).contains(&all.len()) {
        let edits = all.into_iter().map(|it| (it.span(), new.to_owned())).collect();
        out.push(Rewrite::many(node, edits, "literal/everywhere", weight));
    }
}

fn string(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let text = node.text();
    let has_parts = node.named_children().iter().any(|it| it.kind() == "interpolation");
    let is_triple = text.ends_with("\"\"\"") || text.ends_with("'''");
    let Some((open, content, close)) = split(text) else { return };
    if is_triple {
        return;
    }
    for (other, weight) in variants(content) {
        let new = format!("{open}{other}{close}");
        if other != content {
            out.push(Rewrite::replace(node, new.clone(), "literal/text", weight));
            everywhere(cx, node, &new, 0.8 * weight, out);
        }
    }
    let mut others: Vec<(&String, f64)> = Vec::new();
    for (other, count) in &cx.outline().strings {
        let is_known = other == text || other.len() > MOST_BYTES || other.contains('\n');
        if is_known || has_parts && !other.starts_with('f') {
            continue;
        }
        let near = if in_region(cx, node, other) { 0.6 } else { 0.15 };
        let likeness = similar::names(other, text);
        others.push((other, (near + 0.02 * (*count as f64).min(5.0)) * (0.5 + likeness)));
    }
    others.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (other, weight) in others.into_iter().take(16) {
        out.push(Rewrite::replace(node, other.clone(), "literal/text", weight));
    }
    join_with_file(cx, node, (open, content, close), out);
}

/// Returns the ways in which a text is often just wrong: empty, a blank too many or too few, case, a character too many, doubled or halved.
fn variants(content: &str) -> Vec<(String, f64)> {
    let characters: Vec<char> = content.chars().collect();
    let mut variants = vec![(String::new(), 0.6), (content.trim().to_owned(), 0.4)];
    if content.len() <= MOST_BYTES && !content.contains('\\') {
        variants.extend([
            (content.to_lowercase(), 0.3),
            (content.to_uppercase(), 0.2),
            (format!("{content} "), 0.3),
            (format!(" {content}"), 0.2),
            (characters.iter().skip(1).collect(), 0.3),
            (characters.iter().take(characters.len().saturating_sub(1)).collect(), 0.3),
        ]);
    }
    if content.is_empty() {
        variants.extend([" ", ",", "\\n", "0", "-", "_"].map(|it| (it.to_owned(), 0.1)));
    }
    if let [one] = characters[..] {
        let partner = match one {
            '(' => Some(')'),
            ')' => Some('('),
            '[' => Some(']'),
            ']' => Some('['),
            '{' => Some('}'),
            '}' => Some('{'),
            '<' => Some('>'),
            '>' => Some('<'),
            '/' => Some('_'),
            '+' => Some('-'),
            '-' => Some('+'),
            '0' => Some('1'),
            '1' => Some('0'),
            ',' => Some('.'),
            '.' => Some(','),
            _ => None,
        };
        variants.extend(partner.map(|it| (it.to_string(), 0.5)));
        let brackets = ["([{", ")]}"].into_iter().filter(|it| it.contains(one)).flat_map(str::chars);
        variants.extend(brackets.filter(|it| *it != one).map(|it| (it.to_string(), 0.2)));
    }
    variants
}

/// `"d"` becomes `"db"`: the text with another short one of the function before or after it.
fn join_with_file(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, text: (&str, &str, &str), out: &mut Vec<Rewrite>) {
    let (open, content, close) = text;
    if content.is_empty() || content.len() > 12 || content.contains('\\') {
        return;
    }
    for other in cx.pieces(node).iter().filter(|it| it.node.kind() == "string") {
        let Some((_, other, _)) = split(other.text) else { continue };
        let is_short = (1..=4).contains(&other.len()) && !other.contains(['\\', '\'', '"']);
        if is_short && other != content {
            out.push(Rewrite::replace(node, format!("{open}{content}{other}{close}"), "literal/text", 0.05));
            out.push(Rewrite::replace(node, format!("{open}{other}{content}{close}"), "literal/text", 0.05));
        }
    }
}

/// Splits a string literal into prefix with quote, content, quote.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let quote = text.find(['"', '\''])?;
    let rest = &text[quote..];
    let width = if rest.starts_with("\"\"\"") || rest.starts_with("'''") { 3 } else { 1 };
    if rest.len() < 2 * width {
        return None;
    }
    Some((&text[..quote + width], &text[quote + width..text.len() - width], &text[text.len() - width..]))
}
