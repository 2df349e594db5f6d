//! Calls: another function, arguments exchanged, one added or dropped.
//!
//! After PAR's "method replacer" and "parameter adder/remover", TBar's FP10 (mutate method invocation), Elixir and Genesis. Measured: 61 of 660
//! single edits add, drop or change an argument; a replaced argument is the variable and expression families'. Another method is the attribute
//! family's.

use std::collections::BTreeMap;

use indexer::scope::{LikelyType, NameKind};
use indexer::syntax::SyntaxNode;

use super::outline;
use super::similar;
use super::{Rewrite, Template, TemplateContext};

/// Builtin functions that are taken for one another.
const SIBLINGS: &[&[&str]] = &[
    &["min", "max", "sum", "len", "abs"],
    &["any", "all"],
    &["floor", "ceil", "round", "int", "trunc"],
    &["int", "float", "str", "bool", "round"],
    &["list", "tuple", "set", "frozenset", "sorted"],
    &["str", "repr", "ascii"],
    &["sorted", "reversed", "list"],
    &["map", "filter"],
    &["isinstance", "issubclass"],
    &["getattr", "hasattr"],
    &["ord", "chr", "int"],
    &["bin", "oct", "hex"],
    &["append", "extend"],
    &["print", "repr"],
    &["enumerate", "zip", "range"],
    &["zip", "zip_longest", "product"],
    &["dict", "OrderedDict", "defaultdict"],
    &["ValueError", "TypeError", "KeyError", "IndexError", "AttributeError", "RuntimeError", "NotImplementedError"],
];

/// Keywords of builtin functions.
const KEYWORDS: &[(&str, &[&str])] = &[
    ("sorted", &["reverse=True", "key=len", "key=str"]),
    ("sort", &["reverse=True", "key=len", "key=str"]),
    ("max", &["default=0", "key=len", "default=None"]),
    ("min", &["default=0", "key=len", "default=None"]),
    ("open", &["encoding='utf-8'"]),
    ("enumerate", &["1"]),
    ("round", &["2", "1"]),
    ("sum", &["[]"]),
    ("next", &["None"]),
    ("getattr", &["None"]),
    ("get", &["0", "None", "[]", "{}", "''"]),
    ("pop", &["0", "None"]),
    ("split", &["' '", "','", "1"]),
    ("replace", &["1"]),
    ("int", &["2", "16"]),
    ("print", &["end=''"]),
];

/// The family.
pub(super) struct Call;

impl Template for Call {
    fn id(&self) -> &'static str {
        "call"
    }

    fn weight(&self) -> f64 {
        45.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.nodes_of(&["call"]) {
            if node.has_error() {
                continue;
            }
            swap_function(cx, node, out);
            exchange_arguments(node, out);
            drop_argument(node, out);
            add_positional(cx, node, out);
            add_keyword(cx, node, out);
        }
    }
}

/// Another function of the file, of the scope or a builtin sibling.
fn swap_function(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(function) = node.field("function").filter(|it| it.kind() == "identifier") else { return };
    let arity = outline::arguments(node).len();
    let mut candidates: BTreeMap<String, f64> = BTreeMap::new();
    let in_group = |group: &&&[&str]| group.contains(&function.text());
    for group in SIBLINGS.iter().filter(in_group) {
        for name in *group {
            candidates.insert((*name).to_owned(), 0.8);
        }
    }
    let names = cx.names(node.span().start);
    for name in names.iter().filter(|it| it.defined_before) {
        let likeness = similar::names(&name.name, function.text());
        let signatures = cx.outline().signatures.get(&name.name);
        let calls = cx.outline().calls.get(&name.name);
        let is_callable = signatures.is_some() || calls.is_some() || name.likely_type == LikelyType::Callable;
        if !is_callable || (name.kind == NameKind::Builtin && calls.is_none()) {
            continue;
        }
        let fits = signatures.is_some_and(|it| it.iter().any(|it| it.accepts(arity)))
            || calls.is_some_and(|it| it.arities.contains(&arity));
        let weight = (0.05 + 0.7 * likeness) * if fits { 1.0 } else { 0.25 };
        let entry = candidates.entry(name.name.clone()).or_insert(0.0);
        *entry = entry.max(weight);
    }
    candidates.remove(function.text());
    let is_known = |name: &str| names.iter().any(|it| it.name == name);
    for (name, weight) in candidates.into_iter().filter(|(name, _)| is_known(name)) {
        out.push(Rewrite::splice(node, function.span(), name, "call/function", weight));
    }
}

/// Two arguments exchanged.
fn exchange_arguments(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let arguments = outline::arguments(node);
    for (at, first) in arguments.iter().enumerate() {
        for second in &arguments[at + 1..] {
            let is_plain =
                |it: &SyntaxNode<'_>| !matches!(it.kind(), "keyword_argument" | "list_splat" | "dictionary_splat");
            if !is_plain(first) || !is_plain(second) || first.text() == second.text() || arguments.len() > 6 {
                continue;
            }
            let edits = vec![(first.span(), second.text().to_owned()), (second.span(), first.text().to_owned())];
            let is_next = at + 1 < arguments.len() && arguments[at + 1] == *second;
            out.push(Rewrite::many(node, edits, "call/exchange", if is_next { 0.8 } else { 0.4 }));
        }
    }
    let (Some(method), [argument]) = (node.field("function"), &arguments[..]) else { return };
    // `a.issubset(b)` for `b.issubset(a)`.
    if let (Some(object), "attribute") = (method.field("object"), method.kind())
        && matches!(object.kind(), "identifier" | "attribute" | "string")
        && matches!(argument.kind(), "identifier" | "attribute" | "string")
        && object.text() != "self"
    {
        let edits = vec![(object.span(), argument.text().to_owned()), (argument.span(), object.text().to_owned())];
        out.push(Rewrite::many(node, edits, "call/exchange", 0.25));
    }
}

fn drop_argument(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let arguments = outline::arguments(node);
    if node.field("arguments").is_none_or(|it| it.kind() != "argument_list") {
        return;
    }
    for (at, argument) in arguments.iter().enumerate() {
        let span = match (at.checked_sub(1).map(|before| arguments[before]), arguments.get(at + 1)) {
            (Some(before), _) => before.span().end..argument.span().end,
            (None, Some(after)) => argument.span().start..after.span().start,
            (None, None) => argument.span(),
        };
        let weight = if arguments.len() == 1 { 0.3 } else { 0.6 };
        out.push(Rewrite::splice(node, span, "", "call/drop-argument", weight));
    }
}

/// A name in scope as a further argument; at the end, or at the front.
fn add_positional(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(list) = node.field("arguments").filter(|it| it.kind() == "argument_list") else { return };
    let arguments = outline::arguments(node);
    let plain = arguments.iter().take_while(|it| it.kind() != "keyword_argument").count();
    let takes = takes(cx, node, arguments.len() + 1);
    let names = cx.names(node.span().start);
    let is_own = |kind| matches!(kind, NameKind::Local | NameKind::Parameter | NameKind::Enclosing);
    let used: Vec<_> = arguments.iter().map(|it| it.text()).collect();
    let wanted = signature_parameter(cx, node, plain);
    let own = names.iter().filter(|it| is_own(it.kind) && it.defined_before && !used.contains(&it.name.as_str()));
    for (rank, name) in own.take(10).enumerate() {
        if name.name == cx.grammar().receiver {
            continue;
        }
        let likeness = wanted.as_deref().map_or(0.2, |it| similar::names(it, &name.name));
        let weight = takes * (0.2 + likeness) / (1.0 + 0.1 * rank as f64);
        insert_argument(node, list, &arguments, plain, &name.name, "call/add-argument", weight, out);
        if plain > 0 {
            insert_argument(node, list, &arguments, 0, &name.name, "call/add-argument", 0.4 * weight, out);
        }
    }
    if wanted.is_some() {
        for constant in ["True", "False", "None"] {
            insert_argument(node, list, &arguments, plain, constant, "call/add-argument", 0.15 * takes, out);
        }
    }
}

/// Returns how likely a call takes this many arguments.
fn takes(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, arity: usize) -> f64 {
    let function = node.field("function");
    let name = function.map_or("", |it| it.field("attribute").unwrap_or(it).text());
    let seen = function.and_then(|it| cx.outline().calls.get(it.text())).is_some_and(|it| it.arities.contains(&arity));
    match cx.outline().signatures.get(name) {
        Some(signatures) if signatures.iter().any(|it| it.accepts(arity)) => 1.0,
        Some(_) => 0.08,
        None if seen => 0.8,
        None => match name {
            "len" | "str" | "repr" | "list" | "set" | "sum" | "abs" | "any" | "all" | "append" | "add" => 0.02,
            "isinstance" | "hasattr" | "super" | "lower" | "upper" | "keys" | "values" | "items" => 0.02,
            "range" | "zip" | "min" | "max" => 0.4,
            _ => 0.25,
        },
    }
}

/// Returns the name of the parameter at a position, if the file defines the function.
fn signature_parameter(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, position: usize) -> Option<String> {
    let function = node.field("function")?;
    let name = function.field("attribute").unwrap_or(function).text();
    let signatures = cx.outline().signatures.get(name)?;
    signatures.iter().find_map(|it| it.parameters.get(position)).map(|it| it.name.clone())
}

/// A keyword that the function's signature or another call of it knows.
fn add_keyword(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(list) = node.field("arguments").filter(|it| it.kind() == "argument_list") else { return };
    let Some(function) = node.field("function") else { return };
    let arguments = outline::arguments(node);
    let given: Vec<_> = arguments.iter().filter_map(|it| it.field("name")).map(|it| it.text()).collect();
    let short = function.field("attribute").unwrap_or(function).text();
    let mut keywords: BTreeMap<String, f64> = BTreeMap::new();
    for signature in cx.outline().signatures.get(short).into_iter().flatten() {
        for parameter in signature.parameters.iter().skip(arguments.len() - given.len()) {
            keywords.insert(parameter.name.clone(), 0.6);
        }
    }
    if let Some(calls) = cx.outline().calls.get(function.text()) {
        calls.keywords.iter().for_each(|it| _ = keywords.insert(it.clone(), 0.8));
    }
    keywords.retain(|name, _| !given.contains(&name.as_str()));
    let names = cx.names(node.span().start);
    for (keyword, weight) in keywords {
        if names.iter().any(|it| it.name == keyword && it.defined_before && it.kind != NameKind::Builtin) {
            insert_argument(
                node,
                list,
                &arguments,
                arguments.len(),
                &format!("{keyword}={keyword}"),
                "call/add-keyword",
                weight,
                out,
            );
        }
        for (value, factor) in [("True", 0.3), ("False", 0.25), ("None", 0.2)] {
            let text = format!("{keyword}={value}");
            insert_argument(node, list, &arguments, arguments.len(), &text, "call/add-keyword", factor * weight, out);
        }
    }
    for (_, known) in KEYWORDS.iter().filter(|(name, _)| *name == short) {
        for keyword in known.iter().filter(|it| !given.iter().any(|given| it.starts_with(*given))) {
            insert_argument(node, list, &arguments, arguments.len(), keyword, "call/add-keyword", 0.3, out);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one private helper; a struct would be as long")]
fn insert_argument(
    node: SyntaxNode<'_>,
    list: SyntaxNode<'_>,
    arguments: &[SyntaxNode<'_>],
    position: usize,
    text: &str,
    variant: &'static str,
    weight: f64,
    out: &mut Vec<Rewrite>,
) {
    let (at, text) = match (position.checked_sub(1).and_then(|it| arguments.get(it)), arguments.get(position)) {
        (Some(before), _) => (before.span().end, format!(", {text}")),
        (None, Some(after)) => (after.span().start, format!("{text}, ")),
        (None, None) => (list.span().start + 1, text.to_owned()),
    };
    // `f(x for x in y)` needs parentheses once there is a second argument: no template's business.
    let is_generator = arguments.iter().any(|it| it.kind() == "generator_expression" && !it.text().starts_with('('));
    if !is_generator {
        out.push(Rewrite::splice(node, at..at, text, variant, weight));
    }
}
