//! An expression replaced by another one of the same function, or by one from the repository that looks alike.
//!
//! After GenProg's and ssFix's use of code that is there already (Weimer et al. 2009; Xin and Reiss 2017), restricted to expressions.
//! Measured: 25 of 660 single edits replace an expression, and part of the 61 that change an argument. Names for names are the variable family's.

use indexer::scope::LikelyType;
use indexer::syntax::SyntaxNode;

use super::grammar::Strength;
use super::{Rewrite, Template, TemplateContext, material, outline, similar};

/// Larger expressions are not replaced as a whole.
const MOST_BYTES: usize = 80;

/// The family.
pub(super) struct Expression;

impl Template for Expression {
    fn id(&self) -> &'static str {
        "expression"
    }

    fn weight(&self) -> f64 {
        45.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.values() {
            let is_whole = node.kind() != "parenthesized_expression" && !outline::is_called(node);
            if is_whole && node.span().len() <= MOST_BYTES {
                replace(cx, node, out);
            }
        }
    }
}

fn replace(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let own_type = cx.guess(node);
    let is_truth = cx.grammar().is_truth(node);
    let is_condition = cx.grammar().is_condition(node);
    let statement = node.ancestors().find(|it| it.kind().ends_with("_statement"));
    for piece in cx.visible_pieces(node) {
        // Two names are the variable family's, two conditions the condition family's, two literals the literal family's.
        let both = |kinds: &[&str]| kinds.contains(&piece.node.kind()) && kinds.contains(&node.kind());
        let is_elsewhere = both(&["identifier"])
            || both(&["integer", "float"])
            || both(&["string"])
            || (is_truth && cx.grammar().is_truth(piece.node));
        let holds_itself = piece.size > 6 && piece.text.contains(node.text()) && node.kind() != "identifier";
        if is_elsewhere || piece.text == node.text() || holds_itself || piece.is_called {
            continue;
        }
        let is_constant = matches!(piece.node.kind(), "true" | "false" | "none" | "string" | "integer" | "float");
        if is_constant && is_condition {
            continue;
        }
        let likeness = similar::expressions(piece.text, node.text());
        let fits = material::compatible(own_type, piece.likely_type);
        let same_kind = if piece.node.kind() == node.kind() { 1.5 } else { 1.0 };
        let is_near = statement.is_some_and(|it| it.span().contains(&piece.node.span().start));
        let nearness = if is_near { 1.3 } else { 1.0 };
        let simple = 1.0 / (1.0 + 0.12 * piece.size as f64);
        let weight = (0.1 + likeness) * fits * same_kind * nearness * simple;
        let text = cx.fit(node, piece.text, piece.strength);
        out.push(Rewrite::replace(node, text, "expression/replace", weight));
    }
    opposites(cx, node, out);
    elements(cx, node, out);
}

/// `f(x)` becomes `-name`, for names of the function: the small expressions over one name that need not be there yet.
fn opposites(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if matches!(node.kind(), "identifier" | "integer" | "float" | "string") {
        return;
    }
    for piece in cx.visible_pieces(node).into_iter().filter(|it| it.node.kind() == "identifier") {
        if piece.likely_type.is_number() {
            let text = cx.fit(node, &format!("-{}", piece.text), Strength::Unary);
            out.push(Rewrite::replace(node, text, "expression/negative", 0.08));
        }
        if piece.likely_type.is_container() {
            let text = cx.fit(node, &format!("len({})", piece.text), Strength::Atom);
            out.push(Rewrite::replace(node, text, "expression/length", 0.1));
        }
    }
}

/// `x` becomes `xs[i]`: an element of a container of the function at an index of the function.
fn elements(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let is_operand = node
        .parent()
        .is_some_and(|it| matches!(it.kind(), "comparison_operator" | "binary_operator" | "argument_list"));
    if node.kind() != "identifier" || !is_operand || cx.guess(node).is_container() {
        return;
    }
    let pieces = cx.visible_pieces(node);
    let names = || pieces.iter().filter(|it| it.node.kind() == "identifier");
    for container in names().filter(|it| it.likely_type.is_container()) {
        for index in names().filter(|it| it.likely_type == LikelyType::Int) {
            let text = format!("{}[{}]", container.text, index.text);
            if !pieces.iter().any(|it| it.text == text) {
                out.push(Rewrite::replace(node, text, "expression/element", 0.08));
            }
        }
    }
}
