//! Wrong variable: a name in scope instead of the one that is read or assigned, alike names first.
//!
//! After TBar's FP13 (mutate variable), PAR's "parameter replacer", Elixir and CapGen. Measured: 14 of 660 single edits replace a name, and part
//! of the 61 that change an argument.

use indexer::scope::{LikelyType, NameKind, ScopedName};
use indexer::syntax::SyntaxNode;

use super::grammar;
use super::material;
use super::similar;
use super::{Rewrite, Template, TemplateContext};

/// The family.
pub(super) struct Variable;

impl Template for Variable {
    fn id(&self) -> &'static str {
        "variable"
    }

    fn weight(&self) -> f64 {
        44.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.nodes_of(&["identifier"]) {
            if grammar::is_label(node) || is_fixed(node) {
                continue;
            }
            if grammar::is_target(node) { retarget(cx, node, out) } else { replace(cx, node, out) }
        }
        for node in cx.nodes().iter().copied().filter(|it| matches!(it.kind(), "subscript" | "attribute")) {
            if grammar::is_target(node) {
                retarget_place(cx, node, out);
            }
        }
    }
}

/// Names that are declared rather than used, and functions that are called (the call family's).
fn is_fixed(node: SyntaxNode<'_>) -> bool {
    let Some(parent) = node.parent() else { return true };
    let declares = matches!(
        parent.kind(),
        "function_definition"
            | "class_definition"
            | "parameters"
            | "lambda_parameters"
            | "typed_parameter"
            | "dotted_name"
            | "aliased_import"
            | "global_statement"
            | "nonlocal_statement"
            | "keyword_argument"
            | "import_statement"
            | "list_splat_pattern"
            | "dictionary_splat_pattern"
            | "decorator"
    );
    let is_default_name = parent.kind().ends_with("default_parameter") && node.field_in_parent() == Some("name");
    let is_value_of_keyword = parent.kind() == "keyword_argument" && node.field_in_parent() == Some("value");
    let is_called = parent.kind() == "call" && node.field_in_parent() == Some("function");
    (declares && !is_value_of_keyword) || is_default_name || is_called
}

fn replace(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let names = cx.names(node.span().start);
    let own_type = cx.guess(node);
    let pieces = cx.pieces(node);
    let siblings: Vec<_> = node.parent().map(material::free_names).unwrap_or_default();
    for (rank, name) in names.iter().enumerate() {
        if name.name == node.text() || !name.defined_before {
            continue;
        }
        let used = pieces.iter().find(|it| it.text == name.name).map_or(0, |it| it.count);
        let likeness = similar::names(node.text(), &name.name);
        let Some(closeness) = closeness(name, used, likeness, node.text()) else { continue };
        let fits = material::compatible(own_type, name.likely_type);
        // What stands beside it already is seldom meant twice.
        let repeats = if siblings.contains(&name.name.as_str()) { 0.6 } else { 1.0 };
        let nearness = 1.0 / (1.0 + 0.05 * rank as f64);
        let weight = closeness * fits * repeats * nearness * (0.25 + likeness);
        out.push(Rewrite::replace(node, name.name.clone(), "variable/replace", weight));
    }
}

/// Returns how close a name is by where it comes from; none for one that is out of the question.
fn closeness(name: &ScopedName, used: usize, likeness: f64, old: &str) -> Option<f64> {
    let is_code = matches!(name.likely_type, LikelyType::Callable | LikelyType::Class | LikelyType::Module);
    let use_factor: f64 = if used > 0 { 1.0 } else { 0.5 };
    match name.kind {
        _ if name.name == "self" || name.name == "cls" || old == "self" => None,
        NameKind::Local | NameKind::Parameter => Some(if is_code { 0.3 } else { 1.2 * use_factor.max(0.8) }),
        NameKind::Enclosing => Some(0.8 * use_factor),
        NameKind::Class => Some(0.5 * use_factor),
        NameKind::Global | NameKind::Import if used > 0 || likeness >= 0.4 => Some(if is_code { 0.2 } else { 0.6 }),
        NameKind::Global | NameKind::Import | NameKind::Builtin => None,
    }
}

/// Another variable is assigned: only one that exists already, or the statement would lose its meaning.
fn retarget(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(parent) = node.parent() else { return };
    let factor = match parent.kind() {
        "augmented_assignment" => 1.0,
        "assignment" => 0.6,
        "for_statement" | "for_in_clause" | "pattern_list" => 0.25,
        _ => return,
    };
    if is_fixed(node) {
        return;
    }
    let names = cx.names(node.span().start);
    for name in names.iter().filter(|it| matches!(it.kind, NameKind::Local | NameKind::Parameter)) {
        if name.name == node.text() || name.name == cx.grammar().receiver {
            continue;
        }
        let likeness = similar::names(node.text(), &name.name);
        let fits = material::compatible(cx.guess(node), name.likely_type);
        out.push(Rewrite::replace(node, name.name.clone(), "variable/target", 1.4 * factor * fits * (0.3 + likeness)));
    }
    places(cx, node, 0.4 * factor, out);
}

/// Another place is assigned: `a[i, j] = e` for `b[j] = e`.
fn retarget_place(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    places(cx, node, 1.0, out);
    for name in cx.names(node.span().start).iter().filter(|it| it.kind == NameKind::Local && it.defined_before) {
        let likeness = similar::expressions(node.text(), &name.name);
        out.push(Rewrite::replace(node, name.name.clone(), "variable/target", 0.1 + 0.3 * likeness));
    }
}

/// Pushes the subscripts and attributes of the function as targets.
fn places(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, factor: f64, out: &mut Vec<Rewrite>) {
    for piece in cx.visible_pieces(node) {
        let is_place = matches!(piece.node.kind(), "subscript" | "attribute") && !piece.is_called;
        if !is_place || piece.text == node.text() || piece.text.contains(':') {
            continue;
        }
        let likeness = similar::expressions(piece.text, node.text());
        out.push(Rewrite::replace(node, piece.text, "variable/target", factor * (0.2 + 0.8 * likeness)));
    }
}
