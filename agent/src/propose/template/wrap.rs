//! An expression wrapped in a call, an operation, `or`, a conditional or an index; or unwrapped from one.
//!
//! After TBar's FP7 (mutate data type) and FP10, Genesis' wrappers (Long et al. 2017) and Sobreira et al.'s "wraps with" and "unwraps from"
//! patterns (2018). Measured: 39 of 660 single edits wrap an expression, 18 unwrap one.

use indexer::scope::{LikelyType, NameKind};
use indexer::syntax::SyntaxNode;

use super::grammar::{self, Strength};
use super::material::{self, Piece};
use super::outline::{self, Member};
use super::{Rewrite, Template, TemplateContext, parenthesize};

/// Larger expressions are not wrapped.
const MOST_BYTES: usize = 100;

/// The family.
pub(super) struct Wrap;

impl Template for Wrap {
    fn id(&self) -> &'static str {
        "wrap"
    }

    fn weight(&self) -> f64 {
        50.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.values() {
            unwrap(cx, node, out);
            let is_whole = node.kind() != "parenthesized_expression" && !outline::is_called(node) && !is_key(node);
            if !is_whole || node.span().len() > MOST_BYTES {
                continue;
            }
            in_call(cx, node, out);
            in_method(cx, node, out);
            in_operation(cx, node, out);
            in_choice(cx, node, out);
            in_index(cx, node, out);
        }
        for node in cx.nodes_of(&["comparison_operator"]) {
            both_sides(node, out);
        }
    }
}

/// Whether a node is a literal key or index, the object of a call or attribute, an exception class: nothing that gets wrapped.
fn is_key(node: SyntaxNode<'_>) -> bool {
    let Some(parent) = node.parent() else { return true };
    match parent.kind() {
        "attribute" => node.kind() == "identifier",
        "except_clause" | "decorator" | "as_pattern" | "case_pattern" => true,
        "argument_list" => parent.parent().is_some_and(|it| it.kind() == "class_definition"),
        _ => false,
    }
}

/// Functions that convert or measure, by what they are given and how likely they are wanted.
fn builtin_wrappers(kind: LikelyType) -> &'static [(&'static str, f64)] {
    match kind {
        LikelyType::Int => &[("str", 0.6), ("abs", 0.6), ("float", 0.2), ("range", 0.2), ("int", 0.1), ("bool", 0.1)],
        LikelyType::Float => &[("int", 0.7), ("round", 0.7), ("str", 0.4), ("abs", 0.5), ("float", 0.1)],
        LikelyType::Str => &[
            ("str", 0.2),
            ("int", 0.5),
            ("len", 0.5),
            ("list", 0.4),
            ("set", 0.5),
            ("sorted", 0.3),
            ("float", 0.2),
            ("repr", 0.2),
        ],
        LikelyType::Bool => &[("int", 0.3), ("bool", 0.2), ("str", 0.2)],
        LikelyType::List | LikelyType::Tuple | LikelyType::Set | LikelyType::Iterable => &[
            ("list", 0.6),
            ("sorted", 0.6),
            ("set", 0.6),
            ("len", 0.6),
            ("tuple", 0.5),
            ("sum", 0.4),
            ("reversed", 0.4),
            ("max", 0.3),
            ("min", 0.3),
            ("enumerate", 0.2),
            ("any", 0.15),
            ("all", 0.15),
            ("iter", 0.1),
        ],
        LikelyType::Dict => {
            &[("list", 0.5), ("dict", 0.5), ("sorted", 0.4), ("len", 0.4), ("set", 0.2), ("tuple", 0.1)]
        }
        LikelyType::Indexable => {
            &[("list", 0.5), ("sorted", 0.4), ("set", 0.4), ("len", 0.5), ("str", 0.3), ("tuple", 0.3)]
        }
        LikelyType::None | LikelyType::Callable | LikelyType::Class | LikelyType::Module => &[],
        LikelyType::Bytes => &[("bytes", 0.3), ("str", 0.3), ("len", 0.3)],
        LikelyType::Unknown => &[
            ("list", 0.5),
            ("str", 0.5),
            ("int", 0.35),
            ("len", 0.35),
            ("set", 0.35),
            ("sorted", 0.3),
            ("tuple", 0.3),
            ("abs", 0.25),
            ("float", 0.2),
            ("bool", 0.15),
            ("sum", 0.15),
            ("dict", 0.15),
            ("repr", 0.15),
            ("round", 0.1),
            ("reversed", 0.1),
            ("iter", 0.1),
        ],
    }
}

/// `e` becomes `f(e)`.
fn in_call(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let place = place(node);
    let is_literal = matches!(node.kind(), "integer" | "float" | "string" | "true" | "false" | "none");
    let around =
        node.parent().and_then(|it| it.parent()).and_then(|it| it.field("function")).map_or("", |it| it.text());
    let factor = place * if is_literal { 0.1 } else { 1.0 };
    let mut wrap = |function: &str, weight: f64| {
        if function != around || node.kind() == "call" {
            out.push(Rewrite::replace(node, format!("{function}({})", node.text()), "wrap/call", weight * factor));
        }
    };
    for (function, weight) in builtin_wrappers(cx.guess(node)) {
        let is_used = cx.outline().calls.contains_key(*function);
        wrap(function, weight * if is_used { 1.2 } else { 1.0 });
    }
    let names = cx.names(node.span().start);
    let own = node.field("function").map_or("", |it| it.text());
    for (function, calls) in &cx.outline().calls {
        let is_simple = function.len() <= 40 && !function.contains(['(', '\n', '[', '"', '\'']);
        let root = function.split('.').next().unwrap_or("");
        let is_visible = names.iter().any(|it| it.name == root && it.defined_before && it.kind != NameKind::Builtin);
        if !is_simple || !is_visible || !calls.arities.contains(&1) {
            continue;
        }
        // Twice the same function: `encode(encode(s))`.
        let weight = if function == own { 0.4 } else { 0.15 + 0.05 * (calls.count as f64).min(4.0) };
        let is_method = function.contains('.') && !function.starts_with("self.");
        wrap(function, weight * if is_method { 0.4 } else { 1.0 });
    }
    for name in names.iter().filter(|it| it.kind == NameKind::Global && it.defined_before) {
        let signatures = cx.outline().signatures.get(&name.name);
        let is_new = !cx.outline().calls.contains_key(&name.name);
        if is_new && signatures.is_some_and(|it| it.iter().any(|it| it.class.is_none() && it.accepts(1))) {
            wrap(&name.name, 0.2);
        }
    }
}

/// Returns how likely an expression is wrapped by where it stands.
fn place(node: SyntaxNode<'_>) -> f64 {
    match node.parent().map_or("", |it| it.kind()) {
        "parenthesized_expression" => node.parent().map_or(0.4, place),
        "return_statement" | "assignment" | "argument_list" | "keyword_argument" => 1.0,
        "for_statement" | "for_in_clause" | "augmented_assignment" | "generator_expression" | "list_comprehension" => {
            0.9
        }
        "binary_operator" | "comparison_operator" | "subscript" => 0.6,
        "attribute" => 0.15,
        "expression_statement" => 0.05,
        _ => 0.4,
    }
}

/// `e` becomes `e.m()`.
fn in_method(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if matches!(node.kind(), "integer" | "float" | "string" | "none" | "true" | "false") || cx.grammar().is_truth(node)
    {
        return;
    }
    let kind = cx.guess(node);
    let known: &[(&str, f64)] = match kind {
        LikelyType::Str => {
            &[("lower", 0.6), ("strip", 0.6), ("upper", 0.3), ("split", 0.3), ("encode", 0.2), ("copy", 0.01)]
        }
        LikelyType::List | LikelyType::Set => &[("copy", 0.5), ("pop", 0.1)],
        LikelyType::Dict => &[("items", 0.7), ("keys", 0.4), ("values", 0.5), ("copy", 0.5)],
        LikelyType::Unknown | LikelyType::Iterable | LikelyType::Indexable => &[
            ("lower", 0.25),
            ("strip", 0.25),
            ("copy", 0.2),
            ("items", 0.25),
            ("values", 0.15),
            ("keys", 0.1),
            ("upper", 0.1),
        ],
        _ => return,
    };
    let place = place(node);
    let mut seen = Vec::new();
    let object = parenthesize(node.text(), grammar::strength(node), Strength::Atom);
    for (method, weight) in known {
        seen.push((*method).to_owned());
        out.push(Rewrite::replace(node, format!("{object}.{method}()"), "wrap/method", 0.7 * weight * place));
    }
    // What the file itself calls on such a receiver, or reads from it.
    let own = cx.outline().attributes.get(node.text());
    for (Member { name, is_called }, count) in own.into_iter().flatten().take(12) {
        if seen.contains(name) {
            continue;
        }
        let text = if *is_called { format!("{object}.{name}()") } else { format!("{object}.{name}") };
        let weight = 0.25 + 0.05 * (*count as f64).min(4.0);
        out.push(Rewrite::replace(node, text, "wrap/method", weight * place));
    }
}

/// `e` becomes `e op x`, with a literal or a name of the function; `t = e` becomes `t = max(t, e)`.
fn in_operation(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let kind = cx.guess(node);
    let parent = node.parent().map_or("", |it| it.kind());
    let is_statement = matches!(parent, "expression_statement" | "for_statement" | "for_in_clause" | "attribute");
    if is_statement || cx.grammar().is_truth(node) || matches!(kind, LikelyType::None | LikelyType::Callable) {
        return;
    }
    let place = 0.5 * place(node).max(0.5);
    let pieces = cx.visible_pieces(node);
    for piece in pieces.iter().filter(|it| it.size <= 6 && it.text != node.text()) {
        operate(cx, node, piece, kind, place, out);
    }
    if kind.is_number() || kind == LikelyType::Unknown {
        for (operator, number) in [("/", "2"), ("//", "2"), ("*", "2"), ("**", "2"), ("%", "2")] {
            operation(cx, node, operator, number, Strength::Atom, 0.2 * place, out);
        }
        if !matches!(node.kind(), "binary_operator" | "unary_operator") {
            let base = parenthesize(node.text(), grammar::strength(node), Strength::Unary);
            let text = cx.fit(node, &format!("-{base}"), Strength::Unary);
            out.push(Rewrite::replace(node, text, "wrap/negative", 0.25 * place));
        }
        out.push(Rewrite::replace(node, format!("max({}, 0)", node.text()), "wrap/bound", 0.2 * place));
        out.push(Rewrite::replace(node, format!("max({}, 1)", node.text()), "wrap/bound", 0.1 * place));
    }
    let is_joined = grammar::operator(node)
        .or_else(|| node.parent().and_then(grammar::operator))
        .is_some_and(|it| it.kind() == "+");
    if kind == LikelyType::Str || kind == LikelyType::Unknown && is_joined {
        let factor = if kind == LikelyType::Str { 1.0 } else { 0.4 };
        for separator in ["' '", "'.'", "','", "'\\n'", "'-'", "'/'", "'_'"] {
            operation(cx, node, "+", separator, Strength::Atom, 0.08 * place * factor, out);
        }
    }
    if let Some(target) = assigned(node).filter(|_| kind.is_number() || kind == LikelyType::Unknown) {
        for function in ["max", "min"] {
            let text = format!("{function}({target}, {})", node.text());
            out.push(Rewrite::replace(node, text, "wrap/bound", 1.0));
        }
    }
}

/// Returns the plain target of the assignment of which the node is the whole value.
fn assigned(node: SyntaxNode<'_>) -> Option<&str> {
    let parent = node.parent().filter(|it| it.kind() == "assignment" && node.field_in_parent() == Some("right"))?;
    let target = parent.field("left")?;
    matches!(target.kind(), "identifier" | "subscript" | "attribute").then(|| target.text())
}

fn operate(
    cx: &TemplateContext<'_>,
    node: SyntaxNode<'_>,
    piece: &Piece<'_>,
    kind: LikelyType,
    place: f64,
    out: &mut Vec<Rewrite>,
) {
    let other = piece.likely_type;
    if matches!(
        other,
        LikelyType::None | LikelyType::Callable | LikelyType::Bool | LikelyType::Class | LikelyType::Module
    ) || piece.is_called
        || cx.grammar().is_truth(piece.node)
    {
        return;
    }
    let is_loose = kind == LikelyType::Unknown || other == LikelyType::Unknown;
    let simple = if piece.size == 1 { 1.0 } else { 0.35 } * if is_loose { 0.5 } else { 1.0 };
    let weight = 0.35 * place * simple;
    let both_containers =
        (kind.is_container() || kind == LikelyType::Unknown) && (other.is_container() || other == LikelyType::Unknown);
    if both_containers && !(is_loose && kind == other) {
        let is_list = |it| matches!(it, LikelyType::List | LikelyType::Str | LikelyType::Tuple);
        let weight = if kind == other && is_list(kind) { 2.0 * weight } else { weight };
        operation(cx, node, "+", piece.text, piece.strength, weight, out);
        let base = parenthesize(piece.text, piece.strength, Strength::Sum);
        let right = parenthesize(node.text(), grammar::strength(node), Strength::Product);
        let text = cx.fit(node, &format!("{base} + {right}"), Strength::Sum);
        out.push(Rewrite::replace(node, text, "wrap/operation", weight));
        return;
    }
    let may_be_number = |it: LikelyType| it.is_number() || it == LikelyType::Unknown;
    if may_be_number(kind) && may_be_number(other) {
        let operators: &[(&str, f64)] = match piece.node.kind() {
            "integer" | "float" => {
                &[("+", 0.6), ("-", 0.6), ("*", 0.5), ("/", 0.3), ("//", 0.3), ("**", 0.5), ("%", 0.4)]
            }
            _ => &[("+", 0.7), ("-", 0.7), ("*", 0.4), ("/", 0.2), ("//", 0.15), ("%", 0.15)],
        };
        for (operator, factor) in operators {
            operation(cx, node, operator, piece.text, piece.strength, weight * factor, out);
        }
        if piece.size <= 2 {
            for function in ["max", "min"] {
                let text = format!("{function}({}, {})", node.text(), piece.text);
                out.push(Rewrite::replace(node, text, "wrap/bound", 0.15 * weight));
            }
        }
    }
}

fn operation(
    cx: &TemplateContext<'_>,
    node: SyntaxNode<'_>,
    operator: &str,
    right: &str,
    right_strength: Strength,
    weight: f64,
    out: &mut Vec<Rewrite>,
) {
    let own = grammar::binary_strength(operator);
    let left = parenthesize(node.text(), grammar::strength(node), grammar::operand_strength(operator, false));
    let right = parenthesize(right, right_strength, grammar::operand_strength(operator, true));
    let text = cx.fit(node, &format!("{left} {operator} {right}"), own);
    out.push(Rewrite::replace(node, text, "wrap/operation", weight));
}

/// `e` becomes `e or x`, `e if c else x`.
fn in_choice(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if cx.grammar().is_truth(node) || cx.grammar().is_condition(node) {
        return;
    }
    let parent = node.parent().map_or("", |it| it.kind());
    let is_place = matches!(
        parent,
        "return_statement" | "assignment" | "keyword_argument" | "argument_list" | "for_statement" | "for_in_clause"
    );
    let is_literal = matches!(node.kind(), "integer" | "float" | "string" | "list" | "tuple" | "none" | "dictionary");
    if !is_place || is_literal && node.named_children().is_empty() {
        return;
    }
    let kind = cx.guess(node);
    for (empty, weight) in [("[]", 0.3), ("''", 0.3), ("{}", 0.25), ("0", 0.25), ("None", 0.25), ("()", 0.15)] {
        let fits = if kind.empty_value() == Some(empty) { 2.0 } else { 1.0 };
        let left = parenthesize(node.text(), grammar::strength(node), Strength::Or);
        let text = cx.fit(node, &format!("{left} or {empty}"), Strength::Or);
        out.push(Rewrite::replace(node, text, "wrap/or", 0.6 * weight * fits));
    }
    for name in material::free_names(node).into_iter().take(3) {
        if outline::is_called(node) || name == cx.grammar().receiver {
            continue;
        }
        let value = parenthesize(node.text(), grammar::strength(node), Strength::Or);
        for (condition, other, weight) in [
            (name.to_owned(), "None", 0.25),
            (format!("{name} is not None"), "None", 0.3),
            (name.to_owned(), "0", 0.1),
            (name.to_owned(), "[]", 0.1),
            (name.to_owned(), "''", 0.1),
        ] {
            let text = cx.fit(node, &format!("{value} if {condition} else {other}"), Strength::Conditional);
            out.push(Rewrite::replace(node, text, "wrap/conditional", 0.5 * weight));
        }
    }
}

/// `e` becomes `e[0]`, `e[-1]`, `e[i]`, `[e]`.
fn in_index(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let kind = cx.guess(node);
    let is_object = matches!(node.kind(), "identifier" | "attribute" | "subscript" | "call");
    if is_object && (kind.is_container() || kind == LikelyType::Unknown) && kind != LikelyType::Set {
        let factor = place(node) * if kind.is_container() { 1.0 } else { 0.5 };
        for (index, weight) in [("0", 0.35), ("-1", 0.25), ("1", 0.15)] {
            out.push(Rewrite::replace(node, format!("{}[{index}]", node.text()), "wrap/index", weight * factor));
        }
        for piece in cx.visible_pieces(node).iter().filter(|it| is_index(it) && it.text != node.text()) {
            let text = format!("{}[{}]", node.text(), piece.text);
            out.push(Rewrite::replace(node, text, "wrap/index", 0.25 * factor));
        }
    }
    let parent = node.parent().map_or("", |it| it.kind());
    if matches!(parent, "return_statement" | "assignment" | "argument_list" | "binary_operator" | "list")
        && node.kind() != "list"
    {
        let weight = if parent == "list" { 0.03 } else { 0.2 };
        out.push(Rewrite::replace(node, format!("[{}]", node.text()), "wrap/list", weight));
    }
}

/// Whether an expression serves as an index somewhere in the function.
fn is_index(piece: &Piece<'_>) -> bool {
    let counts = piece.node.kind() == "identifier" && piece.likely_type == LikelyType::Int;
    (piece.is_index && piece.size <= 3 && !matches!(piece.node.kind(), "integer" | "slice")) || counts
}

/// `f(a) == f(b)` for `a == b`, with the conversions that make things comparable.
fn both_sides(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let [left, right] = node.named_children()[..] else { return };
    if matches!(left.kind(), "integer" | "float" | "none") || matches!(right.kind(), "integer" | "float" | "none") {
        return;
    }
    for function in ["set", "sorted", "str", "int", "len", "list", "abs", "tuple"] {
        let wrap = |it: SyntaxNode<'_>| (it.span(), format!("{function}({})", it.text()));
        out.push(Rewrite::many(node, vec![wrap(left), wrap(right)], "wrap/both-sides", 0.2));
    }
    let wrap = |it: SyntaxNode<'_>| {
        let object = parenthesize(it.text(), grammar::strength(it), Strength::Atom);
        (it.span(), format!("{object}.lower()"))
    };
    out.push(Rewrite::many(node, vec![wrap(left), wrap(right)], "wrap/both-sides", 0.15));
}

/// `f(e)` becomes `e`, and likewise for methods, indices, operations, choices.
fn unwrap(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let mut keep = |kept: SyntaxNode<'_>, variant, weight| {
        let inner =
            if kept.kind() == "parenthesized_expression" { kept.named_children().first().copied() } else { None };
        let kept = inner.unwrap_or(kept);
        let text = cx.fit(node, kept.text(), grammar::strength(kept));
        out.push(Rewrite::replace(node, text, variant, weight));
    };
    match node.kind() {
        "call" => {
            let arguments = outline::arguments(node);
            for argument in arguments.iter().filter(|it| it.kind() != "keyword_argument") {
                let weight = if arguments.len() == 1 { 0.8 } else { 0.4 };
                if !matches!(argument.kind(), "list_splat" | "dictionary_splat" | "generator_expression") {
                    keep(*argument, "wrap/drop-call", weight);
                }
            }
            if let Some(object) =
                node.field("function").filter(|it| it.kind() == "attribute").and_then(|it| it.field("object"))
            {
                let is_module = cx.guess(object) == LikelyType::Module || object.text() == cx.grammar().receiver;
                keep(object, "wrap/drop-method", if is_module { 0.02 } else { 0.5 });
            }
        }
        "subscript" => {
            if let Some(object) = node.field("value") {
                keep(object, "wrap/drop-index", 0.6);
            }
        }
        "binary_operator" => {
            for side in ["left", "right"] {
                if let Some(kept) = node.field(side) {
                    keep(kept, "wrap/drop-operation", if side == "left" { 0.7 } else { 0.5 });
                }
            }
        }
        "conditional_expression" => {
            let parts = node.named_children();
            if let [value, _, other] = parts[..] {
                keep(value, "wrap/drop-choice", 0.8);
                keep(other, "wrap/drop-choice", 0.5);
            }
        }
        "boolean_operator" if !cx.grammar().is_condition(node) => {
            if let Some(kept) = node.field("left") {
                keep(kept, "wrap/drop-choice", 0.3);
            }
        }
        "list" | "tuple" => {
            if let [only] = node.named_children()[..] {
                keep(only, "wrap/drop-brackets", 0.4);
            }
        }
        "await" => {
            if let Some(only) = node.named_children().first() {
                keep(*only, "wrap/drop-await", 0.4);
            }
        }
        "attribute" if !outline::is_called(node) => {
            if let Some(object) = node.field("object").filter(|it| it.text() != cx.grammar().receiver) {
                keep(object, "wrap/drop-attribute", 0.25);
            }
        }
        _ => {}
    }
    if node.kind() == "call" && is_in_async(node) && node.parent().is_none_or(|it| it.kind() != "await") {
        let text = cx.fit(node, &format!("await {}", node.text()), Strength::Await);
        out.push(Rewrite::replace(node, text, "wrap/await", 0.5));
    }
    if node.kind() == "conditional_expression" {
        exchange_choice(node, out);
    }
}

/// `a if c else b` becomes `b if c else a`.
fn exchange_choice(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if let [value, _, other] = node.named_children()[..] {
        let edits = vec![(value.span(), other.text().to_owned()), (other.span(), value.text().to_owned())];
        out.push(Rewrite::many(node, edits, "wrap/exchange-choice", 0.6));
    }
}

fn is_in_async(node: SyntaxNode<'_>) -> bool {
    node.enclosing(&["function_definition"]).is_some_and(|it| it.text().starts_with("async"))
}
