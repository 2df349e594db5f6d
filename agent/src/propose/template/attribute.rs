//! Wrong attribute or method: another member of the class, another attribute that the file uses on the same receiver, a builtin sibling.
//!
//! After PAR's "method replacer", TBar's FP10 (mutate method invocation) and Elixir's API changes. Measured: 7 of 660 single edits replace an
//! attribute's or method's name; planted bugs have more.

use std::collections::BTreeMap;

use indexer::syntax::SyntaxNode;

use super::outline::{self, Member};
use super::similar;
use super::{Rewrite, Template, TemplateContext};

/// Methods of builtin types that are taken for one another.
const SIBLINGS: &[&[&str]] = &[
    &["append", "extend", "add", "update", "insert", "appendleft", "push"],
    &["pop", "popleft", "popitem", "remove", "discard"],
    &["lower", "upper", "title", "capitalize", "swapcase", "casefold"],
    &["islower", "isupper", "isdigit", "isalpha", "isalnum", "isnumeric", "isdecimal", "isspace", "isidentifier"],
    &["startswith", "endswith"],
    &["strip", "lstrip", "rstrip"],
    &["removeprefix", "removesuffix", "strip"],
    &["split", "rsplit", "splitlines", "partition"],
    &["partition", "rpartition"],
    &["find", "rfind", "index", "rindex", "count"],
    &["keys", "values", "items"],
    &["get", "pop", "setdefault"],
    &["union", "intersection", "difference", "symmetric_difference"],
    &["update", "intersection_update", "difference_update"],
    &["issubset", "issuperset", "isdisjoint"],
    &["ljust", "rjust", "center", "zfill"],
    &["encode", "decode"],
    &["match", "search", "fullmatch", "findall", "finditer"],
    &["group", "groups", "groupdict"],
    &["read", "readline", "readlines"],
    &["write", "writelines"],
    &["sort", "reverse"],
    &["copy", "deepcopy"],
    &["floor", "ceil", "trunc"],
    &["sin", "cos", "tan"],
    &["loads", "load", "dumps", "dump"],
    &["debug", "info", "warning", "error", "exception"],
    &["exists", "isfile", "isdir"],
    &["dirname", "basename", "abspath", "realpath", "normpath"],
];

/// The family.
pub(super) struct Attribute;

impl Template for Attribute {
    fn id(&self) -> &'static str {
        "attribute"
    }

    fn weight(&self) -> f64 {
        18.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        for node in cx.nodes_of(&["attribute"]) {
            replace(cx, node, out);
        }
    }
}

fn replace(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let (Some(object), Some(attribute)) = (node.field("object"), node.field("attribute")) else { return };
    let is_called = outline::is_called(node);
    let mut candidates: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |member: &Member, weight: f64| {
        let fits = if member.is_called == is_called { 1.0 } else { 0.15 };
        let entry = candidates.entry(member.name.clone()).or_insert(0.0);
        *entry = entry.max(weight * fits);
    };
    if object.text() == cx.grammar().receiver
        && let Some(class) = cx.outline().class_at(node.span().start)
    {
        class.members.iter().for_each(|it| add(it, 0.7));
    }
    if let Some(used) = cx.outline().attributes.get(object.text()) {
        used.keys().for_each(|it| add(it, 0.8));
    }
    let in_group = |group: &&&[&str]| group.contains(&attribute.text());
    for name in SIBLINGS.iter().filter(in_group).flat_map(|it| it.iter()) {
        add(&Member { name: (*name).to_owned(), is_called }, 0.8);
    }
    for member in cx.outline().members.keys() {
        let likeness = similar::names(&member.name, attribute.text());
        if likeness >= 0.5 {
            add(member, 0.5 * likeness);
        }
    }
    candidates.remove(attribute.text());
    for (name, weight) in candidates {
        let likeness = similar::names(&name, attribute.text());
        let is_special = name.starts_with("__") != attribute.text().starts_with("__");
        let weight = weight * (0.25 + likeness) * if is_special { 0.2 } else { 1.0 };
        out.push(Rewrite::splice(node, attribute.span(), name, "attribute/replace", weight));
    }
}
