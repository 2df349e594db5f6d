//! What statement-level changes are made of: conditions, values to return, exceptions to raise, names worth acting on.
//!
//! Everything comes from the code at hand: from the statement that is changed, from the function around it, from the file.

use std::collections::{BTreeMap, BTreeSet};

use indexer::scope::{LikelyType, NameKind, ScopedName};
use indexer::syntax::SyntaxNode;

use super::grammar::{self, Strength};
use super::layout;
use super::{TemplateContext, parenthesize};

/// A piece of code with its weight.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The code.
    pub text: String,
    /// How likely it is, against the others of its list.
    pub weight: f64,
}

/// A condition, and what it is about.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The code; true when the statement should not run as it is.
    pub text: String,
    /// Its opposite.
    pub opposite: String,
    /// How likely it is, against the others.
    pub weight: f64,
    /// The sort of guard.
    pub sort: Sort,
    /// The expression that is looked at.
    pub subject: String,
}

/// The sorts of guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Against `None`.
    None,
    /// Against empty containers and text.
    Empty,
    /// Against a number out of range.
    Number,
    /// Against the wrong type.
    Type,
    /// Against a missing key, or one that is there already.
    Key,
    /// Against an index out of range.
    Bounds,
    /// A condition that the function has elsewhere.
    Donor,
}

/// How a statement uses an expression.
#[derive(Clone, Copy, Default)]
struct Use {
    is_dereferenced: bool,
    is_looped_over: bool,
}

/// Returns the guards that fit before a statement, from the expressions that it evaluates itself.
pub fn guards(cx: &TemplateContext<'_>, statement: SyntaxNode<'_>) -> Vec<Condition> {
    let mut found = Vec::new();
    let names = cx.names(statement.span().start);
    for (subject, (node, used)) in subjects(cx, statement) {
        if !reads_only_visible(node, &names) {
            continue;
        }
        value_guards(cx, node, &subject, used, &names, &mut found);
    }
    for node in layout::own_nodes(statement) {
        if node.kind() == "subscript" && reads_only_visible(node, &names) {
            subscript_guards(cx, node, &mut found);
        }
    }
    membership_guards(statement, &names, &mut found);
    donor_conditions(cx, statement, &names, &mut found);
    let mut known = BTreeSet::new();
    found.retain(|it| known.insert(it.text.clone()));
    found
}

fn subjects<'t>(cx: &TemplateContext<'_>, statement: SyntaxNode<'t>) -> BTreeMap<String, (SyntaxNode<'t>, Use)> {
    let mut found: BTreeMap<String, (SyntaxNode<'t>, Use)> = BTreeMap::new();
    for node in layout::own_nodes(statement) {
        let is_subject = match node.kind() {
            "identifier" => true,
            "attribute" => node.span().len() <= 40 && !super::outline::is_called(node),
            _ => false,
        };
        if !is_subject || !cx.grammar().is_value(node) || is_bound_inside(node, statement) {
            continue;
        }
        let field = node.field_in_parent();
        let parent = node.parent().map_or("", |it| it.kind());
        let entry = found.entry(node.text().to_owned()).or_insert((node, Use::default()));
        entry.1.is_dereferenced |= matches!(
            (parent, field),
            ("attribute", Some("object"))
                | ("subscript", Some("value"))
                | ("binary_operator", _)
                | ("call", Some("function"))
        );
        let is_iterable = matches!((parent, field), ("for_statement" | "for_in_clause", Some("right")));
        let is_measured =
            node.ancestors().nth(1).and_then(|it| it.field("function")).is_some_and(|it| it.text() == "len");
        entry.1.is_looped_over |= is_iterable || is_measured;
    }
    found
}

/// A comprehension's or lambda's own variable is not visible before the statement.
fn is_bound_inside(node: SyntaxNode<'_>, statement: SyntaxNode<'_>) -> bool {
    let inner = node.ancestors().take_while(|it| it.id() != statement.id());
    inner
        .into_iter()
        .any(|it| it.kind().ends_with("_comprehension") || matches!(it.kind(), "generator_expression" | "lambda"))
}

fn reads_only_visible(node: SyntaxNode<'_>, names: &[ScopedName]) -> bool {
    super::material::free_names(node)
        .iter()
        .all(|name| names.iter().any(|it| it.name == *name && it.defined_before && it.kind != NameKind::Builtin))
}

fn value_guards(
    cx: &TemplateContext<'_>,
    node: SyntaxNode<'_>,
    subject: &str,
    used: Use,
    names: &[ScopedName],
    out: &mut Vec<Condition>,
) {
    let known = names.iter().find(|it| it.name == subject);
    if known.is_some_and(|it| matches!(it.kind, NameKind::Import | NameKind::Builtin | NameKind::Global)) {
        return;
    }
    let likely = cx.guess(node);
    if matches!(likely, LikelyType::Callable | LikelyType::Class | LikelyType::Module)
        || subject == cx.grammar().receiver
    {
        return;
    }
    let is_parameter = known.is_some_and(|it| it.kind == NameKind::Parameter);
    let origin = if is_parameter { 1.3 } else { 1.0 };
    let mut push = |text: String, opposite: String, weight: f64, sort| {
        out.push(Condition { text, opposite, weight: weight * origin, sort, subject: subject.to_owned() });
    };
    let may_be_none = match likely {
        LikelyType::None => 2.0,
        _ if likely.is_number() && !is_parameter => 0.05,
        _ if likely.is_container() && !is_parameter => 0.3,
        _ => 0.8,
    };
    let none = may_be_none * if used.is_dereferenced || used.is_looped_over { 1.0 } else { 0.5 };
    push(format!("{subject} is None"), format!("{subject} is not None"), none, Sort::None);
    let empty = match likely {
        _ if used.is_looped_over || likely.is_container() => 1.0,
        LikelyType::Unknown | LikelyType::None => 0.7,
        _ => 0.25,
    };
    push(format!("not {subject}"), subject.to_owned(), empty, Sort::Empty);
    if likely.is_number() || (likely == LikelyType::Unknown && !used.is_looped_over) {
        let scale = if likely.is_number() { 0.45 } else { 0.12 };
        for (operator, opposite, weight) in
            [("== 0", "!= 0", 1.0), ("< 0", ">= 0", 0.9), ("<= 0", "> 0", 0.8), ("== 1", "!= 1", 0.5)]
        {
            push(format!("{subject} {operator}"), format!("{subject} {opposite}"), scale * weight, Sort::Number);
        }
    }
    if likely.is_container() && !matches!(likely, LikelyType::Iterable) {
        push(format!("len({subject}) == 1"), format!("len({subject}) != 1"), 0.2, Sort::Empty);
        push(format!("len({subject}) < 2"), format!("len({subject}) >= 2"), 0.15, Sort::Empty);
    }
    for (kind, weight) in checked_types(cx) {
        let test = format!("isinstance({subject}, {kind})");
        push(test.clone(), format!("not {test}"), 0.2 * weight, Sort::Type);
        push(format!("not {test}"), test, 0.25 * weight, Sort::Type);
    }
}

/// The types that the file checks for, the most frequent first.
fn checked_types(cx: &TemplateContext<'_>) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let calls = cx.tree().root().descendants().filter(|it| it.kind() == "call");
    for call in calls.filter(|it| it.field("function").is_some_and(|it| it.text() == "isinstance")) {
        if let Some(kind) = super::outline::arguments(call).get(1) {
            *counts.entry(kind.text().to_owned()).or_default() += 1;
        }
    }
    let mut kinds: Vec<(String, usize)> = counts.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds.into_iter().take(3).enumerate().map(|(rank, (kind, _))| (kind, 1.0 / (rank + 1) as f64)).collect()
}

fn subscript_guards(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Condition>) {
    let (Some(container), Some(key)) = (node.field("value"), node.field("subscript")) else { return };
    if key.kind() == "slice" || !matches!(container.kind(), "identifier" | "attribute" | "subscript") {
        return;
    }
    let likely = cx.guess(container);
    let index = cx.guess(key);
    let key_text = parenthesize(key.text(), grammar::strength(key), Strength::BitOr);
    let name = container.text();
    let is_mapping = match (likely, index) {
        (LikelyType::Dict, _) => 1.0,
        (LikelyType::List | LikelyType::Str | LikelyType::Tuple, _) => 0.1,
        (_, LikelyType::Int) => 0.3,
        _ => 0.7,
    };
    out.push(Condition {
        text: format!("{key_text} not in {name}"),
        opposite: format!("{key_text} in {name}"),
        weight: is_mapping,
        sort: Sort::Key,
        subject: node.text().to_owned(),
    });
    if likely != LikelyType::Dict && key.kind() != "string" {
        out.push(Condition {
            text: format!("{key_text} >= len({name})"),
            opposite: format!("{key_text} < len({name})"),
            weight: 0.8 * (1.1 - is_mapping),
            sort: Sort::Bounds,
            subject: node.text().to_owned(),
        });
    }
}

/// A value that the statement handles may have been handled before: `if node in visited`.
fn membership_guards(statement: SyntaxNode<'_>, names: &[ScopedName], out: &mut Vec<Condition>) {
    let own: Vec<&str> =
        layout::own_nodes(statement).into_iter().filter(|it| it.kind() == "identifier").map(|it| it.text()).collect();
    let containers =
        local(names).filter(|it| matches!(it.likely_type, LikelyType::Set | LikelyType::Dict | LikelyType::List));
    for container in containers.take(4) {
        let members = local(names).filter(|it| own.contains(&it.name.as_str()) && it.name != container.name);
        for member in members.filter(|it| !it.likely_type.is_container()).take(4) {
            let weight = if container.likely_type == LikelyType::List { 0.2 } else { 0.4 };
            let (text, opposite) = (
                format!("{} in {}", member.name, container.name),
                format!("{} not in {}", member.name, container.name),
            );
            out.push(Condition { text, opposite, weight, sort: Sort::Key, subject: member.name.clone() });
        }
    }
}

/// The conditions of the same function, as they are and negated.
fn donor_conditions(
    cx: &TemplateContext<'_>,
    statement: SyntaxNode<'_>,
    names: &[ScopedName],
    out: &mut Vec<Condition>,
) {
    let pieces = cx.pieces(statement);
    let conditions =
        pieces.iter().filter(|it| cx.grammar().is_condition(it.node) || it.node.kind() == "comparison_operator");
    for piece in conditions.filter(|it| super::material::is_visible(it, names)).take(12) {
        let is_near = statement.span().contains(&piece.node.span().start);
        let negated = negation(piece.node);
        let weight = if is_near { 0.1 } else { 0.4 };
        let subject = piece.names.first().map_or("", |it| *it).to_owned();
        let text = piece.text.to_owned();
        out.push(Condition {
            text: text.clone(),
            opposite: negated.clone(),
            weight,
            sort: Sort::Donor,
            subject: subject.clone(),
        });
        out.push(Condition { text: negated, opposite: text, weight: weight * 0.7, sort: Sort::Donor, subject });
    }
}

/// Returns the negation of an expression.
pub fn negation(node: SyntaxNode<'_>) -> String {
    if node.kind() == "not_operator"
        && let Some(argument) = node.field("argument")
    {
        return argument.text().to_owned();
    }
    let parts = node.named_children();
    if let (true, [left, right]) = (node.kind() == "comparison_operator", parts.as_slice()) {
        let operator = grammar::operator(node).map_or("", |it| it.kind());
        let opposite = match operator {
            "==" => "!=",
            "!=" => "==",
            "<" => ">=",
            "<=" => ">",
            ">" => "<=",
            ">=" => "<",
            "in" => "not in",
            "not in" => "in",
            "is" => "is not",
            "is not" => "is",
            _ => return format!("not ({})", node.text()),
        };
        return format!("{} {opposite} {}", left.text(), right.text());
    }
    format!("not {}", parenthesize(node.text(), grammar::strength(node), Strength::Not))
}

/// Returns what `return` could give at a statement: values that the function returns elsewhere, empty values of their type.
pub fn return_values(cx: &TemplateContext<'_>, statement: SyntaxNode<'_>) -> Vec<Weighed> {
    let Some(function) = layout::function_of(statement) else { return Vec::new() };
    let names = cx.names(statement.span().start);
    let mut values: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |text: &str, weight: f64| {
        *values.entry(text.to_owned()).or_default() += weight;
    };
    let returns = returned(function);
    for value in returns.iter().copied() {
        let Some(value) = value else {
            add("", 0.8);
            continue;
        };
        let weight = if is_constant(value) { 0.8 } else { 0.35 };
        if value.span().len() <= 60 && value.start_line() == value.end_line() && reads_defined(value, &names) {
            add(value.text(), weight);
        }
        match cx.guess(value) {
            LikelyType::Bool => {
                add("True", 0.4);
                add("False", 0.4);
            }
            likely => {
                if let Some(empty) = likely.empty_value() {
                    add(empty, 0.4);
                }
            }
        }
    }
    let is_generator = yields(function);
    if is_generator || returns.is_empty() {
        add("", 1.0);
    } else {
        add("None", 0.25);
    }
    for parameter in
        local(&names).filter(|it| it.kind == NameKind::Parameter && it.name != cx.grammar().receiver).take(3)
    {
        add(&parameter.name, 0.12);
    }
    let mut values: Vec<Weighed> = values.into_iter().map(|(text, weight)| Weighed { text, weight }).collect();
    values.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    values.truncate(8);
    values
}

/// Returns `return` with a value, or alone.
pub fn return_of(value: &str) -> String {
    if value.is_empty() { "return".to_owned() } else { format!("return {value}") }
}

/// Returns the values of a function's own `return` statements.
pub fn returned(function: SyntaxNode<'_>) -> Vec<Option<SyntaxNode<'_>>> {
    let own = |it: &SyntaxNode<'_>| layout::function_of(*it).is_some_and(|around| around.id() == function.id());
    let returns = function.descendants().filter(|it| it.kind() == "return_statement").filter(own);
    returns.map(|it| it.named_children().first().copied()).collect()
}

/// Returns whether a function is a generator.
pub fn yields(function: SyntaxNode<'_>) -> bool {
    let own = |it: &SyntaxNode<'_>| layout::function_of(*it).is_some_and(|around| around.id() == function.id());
    function.descendants().filter(|it| it.kind() == "yield").any(|it| own(&it))
}

/// Returns the `raise` statements of the file that make sense at a statement, the nearest first.
pub fn raises(cx: &TemplateContext<'_>, statement: SyntaxNode<'_>) -> Vec<Weighed> {
    let names = cx.names(statement.span().start);
    let at = statement.span().start;
    let raises = cx.tree().root().descendants().filter(|it| it.kind() == "raise_statement");
    let mut found: Vec<(usize, &str)> = raises
        .filter(|it| it.named_children().len() == 1 && it.start_line() == it.end_line() && it.span().len() <= 100)
        .filter(|it| {
            super::material::free_names(*it)
                .iter()
                .all(|name| names.iter().any(|it| it.name == *name) || is_exception(name))
        })
        .map(|it| (it.span().start.abs_diff(at), it.text()))
        .collect();
    found.sort_unstable();
    let mut known = BTreeSet::new();
    found.retain(|(_, text)| known.insert(*text));
    let nearest = found.into_iter().take(3).enumerate();
    let mut raises: Vec<Weighed> =
        nearest.map(|(rank, (_, text))| Weighed { text: text.to_owned(), weight: 0.4 / (rank + 1) as f64 }).collect();
    for (standard, weight) in [("raise ValueError()", 0.08), ("raise TypeError()", 0.05)] {
        raises.push(Weighed { text: standard.to_owned(), weight });
    }
    raises
}

/// Returns whether a name is that of a builtin exception, by its form.
pub fn is_exception(name: &str) -> bool {
    name.ends_with("Error") || matches!(name, "Exception" | "StopIteration" | "KeyboardInterrupt" | "SystemExit")
}

/// Returns the visible names that are values of the function: parameters and local variables.
pub fn local(names: &[ScopedName]) -> impl Iterator<Item = &ScopedName> {
    let is_local = |it: &&ScopedName| {
        let is_value = !matches!(it.likely_type, LikelyType::Callable | LikelyType::Class | LikelyType::Module);
        it.defined_before && is_value && matches!(it.kind, NameKind::Local | NameKind::Parameter | NameKind::Enclosing)
    };
    names.iter().filter(is_local)
}

/// Returns whether all names that a node reads are defined before the place where `names` were asked for.
pub fn reads_defined(node: SyntaxNode<'_>, names: &[ScopedName]) -> bool {
    super::material::free_names(node).iter().all(|name| names.iter().any(|it| it.name == *name && it.defined_before))
}

fn is_constant(node: SyntaxNode<'_>) -> bool {
    node.descendants().all(|it| !matches!(it.kind(), "identifier" | "call" | "attribute"))
}
