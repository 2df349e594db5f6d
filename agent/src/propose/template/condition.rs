//! Conditions: negated, made weaker or stricter by a term, a term dropped or replaced.
//!
//! The most frequent kind of all: in 72 of 660 measured single edits a term is added to or dropped from a condition, 30 change one otherwise.
//! The patterns are PAR's "expression adder/remover/replacer" (Kim et al. 2013), SPR's condition refinement (Long and Rinard 2015), TBar's FP6
//! (mutate conditional expression; Liu et al. 2019) and Sobreira et al.'s "conditional block" patterns in Defects4J (2018). Terms come from the
//! other conditions of the same function and from simple guards on the names at hand; single operators are the operator family's.

use indexer::scope::{LikelyType, NameKind, ScopedName};
use indexer::syntax::SyntaxNode;

use super::grammar::{self, Strength};
use super::material;
use super::{Rewrite, Template, TemplateContext, parenthesize, similar};

/// The family.
pub(super) struct Condition;

impl Template for Condition {
    fn id(&self) -> &'static str {
        "condition"
    }

    fn weight(&self) -> f64 {
        62.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.values().filter(|it| it.kind() != "parenthesized_expression") {
            if node.kind() == "boolean_operator" {
                drop_operand(cx, node, out);
            }
            if node.kind() == "not_operator"
                && let Some(argument) = node.field("argument")
            {
                let text = cx.fit(node, argument.text(), grammar::strength(argument));
                out.push(Rewrite::replace(node, text, "condition/negate", 1.5));
            }
            let is_condition = cx.grammar().is_condition(node);
            let is_truth = cx.grammar().is_truth(node) && !grammar::is_operand(node) && node.kind() != "not_operator";
            if !is_condition && !is_truth {
                continue;
            }
            if !matches!(node.kind(), "true" | "false") {
                negate(cx, node, out);
                add_terms(cx, node, out);
            }
            replace(cx, node, is_condition, out);
        }
    }
}

/// `a and b` becomes `a` or `b`.
fn drop_operand(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    for side in ["left", "right"] {
        if let Some(kept) = node.field(side) {
            let text = cx.fit(node, kept.text(), grammar::strength(kept));
            out.push(Rewrite::replace(node, text, "condition/drop-term", 2.0));
        }
    }
}

/// `c` becomes `not c`.
fn negate(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    // The operator family turns round a lone comparison in the way people write it.
    let weight = if node.kind() == "comparison_operator" { 0.2 } else { 1.2 };
    let text = format!("not {}", parenthesize(node.text(), grammar::strength(node), Strength::Not));
    out.push(Rewrite::replace(node, cx.fit(node, &text, Strength::Not), "condition/negate", weight));
}

/// A term to be added, with how tightly it binds and how likely it is.
struct Term {
    text: String,
    strength: Strength,
    weight: f64,
    /// Whether it protects what follows it, and so goes first.
    is_guard: bool,
}

/// `c` becomes `c and t`, `c or t`, `g and c`.
fn add_terms(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    for term in terms(cx, node) {
        for (word, variant, factor) in [("and", "condition/strengthen", 1.0), ("or", "condition/relax", 0.7)] {
            // Which term goes first matters only where one protects the other: a guard goes first.
            let own = (node.text(), grammar::strength(node));
            let other = (term.text.as_str(), term.strength);
            let (first, second) = if term.is_guard { (other, own) } else { (own, other) };
            let text = join(first.0, first.1, word, second.0, second.1);
            let text = cx.fit(node, &text, grammar::binary_strength(word));
            out.push(Rewrite::replace(node, text, variant, 0.5 * term.weight * factor));
        }
    }
    insert_between(node, out);
}

/// `a or b` becomes `a or t or b`, where `t` is one of its own terms with two names exchanged.
fn insert_between(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    for inner in node.descendants().filter(|it| it.kind() == "boolean_operator") {
        let (Some(left), Some(operator)) = (inner.field("left"), grammar::operator(inner)) else { continue };
        for term in permuted(left).into_iter().take(6) {
            let wrapped = if left.kind() == "parenthesized_expression" { term } else { format!("({term})") };
            let text = format!(" {} {wrapped}", operator.kind());
            let at = left.span().end;
            out.push(Rewrite::splice(node, at..at, text, variant_of(operator.kind()), 0.25));
        }
    }
}

fn variant_of(word: &str) -> &'static str {
    if word == "and" { "condition/strengthen" } else { "condition/relax" }
}

fn join(left: &str, left_strength: Strength, word: &str, right: &str, right_strength: Strength) -> String {
    let left = parenthesize(left, left_strength, grammar::operand_strength(word, false));
    let right = parenthesize(right, right_strength, grammar::operand_strength(word, true));
    format!("{left} {word} {right}")
}

/// Replaces a whole condition by another one of the function, by a name, by a constant.
fn replace(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, is_condition: bool, out: &mut Vec<Rewrite>) {
    for piece in cx.visible_pieces(node) {
        let is_truth = cx.grammar().is_truth(piece.node) && !matches!(piece.node.kind(), "true" | "false");
        if !is_truth || piece.text == node.text() || piece.size < 2 {
            continue;
        }
        let likeness = similar::expressions(piece.text, node.text());
        let text = cx.fit(node, piece.text, piece.strength);
        out.push(Rewrite::replace(node, text, "condition/replace", 0.3 * (0.2 + likeness)));
    }
    if !is_condition {
        if matches!(node.kind(), "true" | "false") {
            decide(cx, node, out);
        }
        return;
    }
    let is_constant = matches!(node.kind(), "true" | "false");
    let factor = if is_constant { 1.0 } else { 0.15 };
    for name in own_names(cx, node) {
        let weight = factor * if name.likely_type.is_container() { 1.0 } else { 0.6 };
        out.push(Rewrite::replace(node, name.name.clone(), "condition/replace", weight));
        let negated = cx.fit(node, &format!("not {}", name.name), Strength::Not);
        out.push(Rewrite::replace(node, negated, "condition/replace", 0.6 * weight));
    }
    for constant in ["True", "False"] {
        out.push(Rewrite::replace(node, constant, "condition/constant", 0.15));
    }
}

/// A constant answer becomes one that depends: `return True` for `return depth == 0`.
fn decide(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if !node.parent().is_some_and(|it| matches!(it.kind(), "return_statement" | "assignment")) {
        return;
    }
    let mut checks = Vec::new();
    for (rank, name) in own_names(cx, node).into_iter().enumerate() {
        guards(&name, 1.0 / (1.0 + 0.2 * rank as f64), &mut checks);
    }
    for check in checks {
        out.push(Rewrite::replace(node, check.text, "condition/decide", 0.5 * check.weight));
    }
}

/// Returns the function's own variables, nearest first.
fn own_names(cx: &TemplateContext<'_>, node: SyntaxNode<'_>) -> Vec<ScopedName> {
    let names = cx.names(node.span().start);
    let is_own = |it: &&ScopedName| {
        let is_variable = matches!(it.kind, NameKind::Local | NameKind::Parameter | NameKind::Enclosing);
        is_variable && it.defined_before && it.likely_type != LikelyType::Callable && it.name != cx.grammar().receiver
    };
    names.iter().filter(is_own).take(12).cloned().collect()
}

fn terms(cx: &TemplateContext<'_>, node: SyntaxNode<'_>) -> Vec<Term> {
    let mut terms = Vec::new();
    let own = material::free_names(node);
    for text in permuted(node) {
        terms.push(Term { text, strength: grammar::strength(node), weight: 0.5, is_guard: false });
    }
    for piece in cx.visible_pieces(node) {
        let is_own = node.span().start <= piece.node.span().start && piece.node.span().end <= node.span().end;
        if !piece.is_condition || is_own || piece.size < 2 || piece.node.kind() == "boolean_operator" && piece.size > 8
        {
            continue;
        }
        let shares = piece.names.iter().filter(|it| own.contains(it)).count() as f64;
        let weight = 0.4 + 0.6 * shares / piece.names.len().max(1) as f64;
        terms.push(Term { text: piece.text.to_owned(), strength: piece.strength, weight, is_guard: false });
        let (negated, strength) = negated(piece.node);
        terms.push(Term { text: negated, strength, weight: 0.4 * weight, is_guard: false });
    }
    let region = material::free_names_near(node);
    for (rank, name) in own_names(cx, node).into_iter().enumerate() {
        let nearness = match (own.contains(&name.name.as_str()), region.contains(&name.name.as_str())) {
            (true, _) => 0.8,
            (false, true) => 0.5,
            (false, false) => 0.3 / (1.0 + 0.2 * rank as f64),
        };
        guards(&name, nearness, &mut terms);
    }
    for text in receiver_attributes(cx, node) {
        terms.push(Term { text: format!("not {text}"), strength: Strength::Not, weight: 0.15, is_guard: false });
        terms.push(Term { text, strength: Strength::Atom, weight: 0.25, is_guard: true });
    }
    terms
}

/// Pushes the simple checks on a name that its type suggests.
fn guards(name: &ScopedName, weight: f64, terms: &mut Vec<Term>) {
    let it = &name.name;
    let mut push = |text: String, strength, factor: f64| {
        terms.push(Term { text, strength, weight: weight * factor, is_guard: true });
    };
    let is_number = name.likely_type.is_number();
    if !is_number {
        push(format!("{it} is not None"), Strength::Comparison, 0.6);
        push(format!("{it} is None"), Strength::Comparison, 0.3);
    }
    push(it.clone(), Strength::Atom, if name.likely_type.is_container() { 0.7 } else { 0.5 });
    push(format!("not {it}"), Strength::Not, 0.4);
    if matches!(name.likely_type, LikelyType::Int | LikelyType::Float | LikelyType::Unknown) {
        for check in ["> 0", "== 0", "!= 0", "< 0", ">= 0"] {
            push(format!("{it} {check}"), Strength::Comparison, if is_number { 0.35 } else { 0.12 });
        }
    }
    if matches!(name.likely_type, LikelyType::Int) {
        push(format!("{it} % 2 == 0"), Strength::Comparison, 0.1);
        push(format!("{it} % 2 != 0"), Strength::Comparison, 0.1);
    }
    if name.likely_type == LikelyType::Unknown {
        push(format!("{it} % 2 == 0"), Strength::Comparison, 0.06);
        push(format!("{it} % 2 != 0"), Strength::Comparison, 0.06);
    }
    if name.likely_type.is_container() {
        push(format!("len({it}) > 0"), Strength::Comparison, 0.2);
        push(format!("len({it}) > 1"), Strength::Comparison, 0.1);
    }
}

/// Returns `self.x` of the attributes that the file uses most on the receiver.
fn receiver_attributes(cx: &TemplateContext<'_>, node: SyntaxNode<'_>) -> Vec<String> {
    let receiver = cx.grammar().receiver;
    let is_method = cx.names(node.span().start).iter().any(|it| it.name == receiver);
    let Some(members) = cx.outline().attributes.get(receiver).filter(|_| is_method) else { return Vec::new() };
    let mut members: Vec<_> = members.iter().filter(|(member, _)| !member.is_called).collect();
    members.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    members.into_iter().take(6).map(|(member, _)| format!("{receiver}.{}", member.name)).collect()
}

/// Returns the opposite of a condition, as people write it.
pub(super) fn negated(node: SyntaxNode<'_>) -> (String, Strength) {
    if node.kind() == "not_operator"
        && let Some(argument) = node.field("argument")
    {
        return (argument.text().to_owned(), grammar::strength(argument));
    }
    let operators: Vec<_> = node.children().into_iter().filter(|it| !it.is_named()).collect();
    if node.kind() == "comparison_operator"
        && let [operator] = operators[..]
        && let Some(opposite) = grammar::opposite(operator.kind())
    {
        let (head, tail) = (operator.span().start - node.span().start, operator.span().end - node.span().start);
        return (format!("{}{opposite}{}", &node.text()[..head], &node.text()[tail..]), Strength::Comparison);
    }
    (format!("not {}", parenthesize(node.text(), grammar::strength(node), Strength::Not)), Strength::Not)
}

/// Returns the expression with each pair of its names exchanged: `x + y == z` gives `x + z == y`, and so on.
fn permuted(node: SyntaxNode<'_>) -> Vec<String> {
    let names = material::free_names(node);
    if node.kind() == "boolean_operator" || !(2..=4).contains(&names.len()) {
        return Vec::new();
    }
    let mut permuted = Vec::new();
    for (at, first) in names.iter().enumerate() {
        for second in &names[at + 1..] {
            permuted.push(exchange(node, first, second));
        }
    }
    permuted
}

/// Exchanges two names in an expression.
fn exchange(node: SyntaxNode<'_>, first: &str, second: &str) -> String {
    let mut text = String::new();
    let mut at = node.span().start;
    let base = at;
    for name in node.descendants().filter(|it| it.kind() == "identifier" && !grammar::is_label(*it)) {
        let other = match name.text() {
            it if it == first => second,
            it if it == second => first,
            _ => continue,
        };
        text.push_str(&node.text()[at - base..name.span().start - base]);
        text.push_str(other);
        at = name.span().end;
    }
    text.push_str(&node.text()[at - base..]);
    text
}
