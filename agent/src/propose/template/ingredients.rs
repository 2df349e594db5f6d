//! What statement-level changes are made of: conditions, values to return, exceptions to raise, names worth acting on.
//!
//! Everything comes from the code at hand: from the statement that is changed, from the function around it, from the file.

use std::collections::{BTreeMap, BTreeSet};

use indexer::scope::{LikelyType, NameKind, ScopedName};
use indexer::syntax::SyntaxNode;

use super::grammar::{self, Strength};
use super::layout;
use super::repeat::Repeatables;
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

/// What the whole file shows, read once.
#[derive(Debug, Default)]
pub struct FileFacts<'t> {
    /// The types that `isinstance` is asked for, the most frequent first, with their weights.
    checked_types: Vec<(String, f64)>,
    raises: Vec<Raise<'t>>,
    /// What `except` clauses catch, with how often.
    pub caught: BTreeMap<&'t str, usize>,
    /// Which methods of one argument are called on which names, as statements.
    pub methods: BTreeMap<&'t str, BTreeSet<&'t str>>,
    /// The statements of each function.
    pub repeatables: Repeatables<'t>,
}

#[derive(Debug)]
struct Raise<'t> {
    offset: usize,
    text: &'t str,
    names: Vec<&'t str>,
}

impl<'t> FileFacts<'t> {
    /// Reads a file.
    pub fn of(cx: &TemplateContext<'t>) -> FileFacts<'t> {
        let mut types: BTreeMap<&str, usize> = BTreeMap::new();
        let mut facts = FileFacts::default();
        for node in cx.tree().root().descendants() {
            match node.kind() {
                "call" if node.field("function").is_some_and(|it| it.text() == "isinstance") => {
                    if let Some(kind) = super::outline::arguments(node).get(1) {
                        *types.entry(kind.text()).or_default() += 1;
                    }
                }
                "raise_statement" => facts.raises.extend(raise(node)),
                "except_clause" => {
                    let caught = node.field("value").filter(|it| it.kind() != "as_pattern" && is_short(*it, 60));
                    if let Some(caught) = caught {
                        *facts.caught.entry(caught.text()).or_default() += 1;
                    }
                }
                "expression_statement" => facts.read_method(node),
                _ => {}
            }
        }
        let mut types: Vec<(&str, usize)> = types.into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let ranked = types.into_iter().take(3).enumerate();
        facts.checked_types = ranked.map(|(rank, (kind, _))| (kind.to_owned(), 1.0 / (rank + 1) as f64)).collect();
        facts
    }

    fn read_method(&mut self, statement: SyntaxNode<'t>) {
        let call = statement.named_children().first().copied().filter(|it| it.kind() == "call");
        let Some(call) = call else { return };
        let Some(function) = call.field("function").filter(|it| it.kind() == "attribute") else { return };
        let (Some(object), Some(method)) = (function.field("object"), function.field("attribute")) else { return };
        if object.kind() == "identifier" && super::outline::arguments(call).len() == 1 {
            self.methods.entry(object.text()).or_default().insert(method.text());
        }
    }

    /// Returns the `raise` statements of the file that make sense at a statement, the nearest first.
    pub fn raises(&self, cx: &TemplateContext<'_>, statement: SyntaxNode<'_>) -> Vec<Weighed> {
        let names = cx.names(statement.span().start);
        let at = statement.span().start;
        let is_known = |name: &&str| names.iter().any(|it| it.name == **name) || is_exception(name);
        let fitting = self.raises.iter().filter(|it| it.names.iter().all(&is_known));
        let mut found: Vec<(usize, &str)> = fitting.map(|it| (it.offset.abs_diff(at), it.text)).collect();
        found.sort_unstable();
        let mut known = BTreeSet::new();
        found.retain(|(_, text)| known.insert(*text));
        let nearest = found.into_iter().take(3).enumerate();
        let mut raises: Vec<Weighed> = nearest
            .map(|(rank, (_, text))| Weighed { text: text.to_owned(), weight: 0.4 / (rank + 1) as f64 })
            .collect();
        for (standard, weight) in [("raise ValueError()", 0.08), ("raise TypeError()", 0.05)] {
            raises.push(Weighed { text: standard.to_owned(), weight });
        }
        raises
    }
}

fn raise(node: SyntaxNode<'_>) -> Option<Raise<'_>> {
    let is_plain = node.named_children().len() == 1 && is_short(node, 100);
    let names = || super::material::free_names(node);
    is_plain.then(|| Raise { offset: node.span().start, text: node.text(), names: names() })
}

fn is_short(node: SyntaxNode<'_>, longest: usize) -> bool {
    node.span().len() <= longest && node.start_line() == node.end_line()
}

/// How a statement uses an expression.
#[derive(Clone, Copy, Default)]
struct Use {
    is_dereferenced: bool,
    is_looped_over: bool,
}

/// Returns the guards that fit before a statement, from the expressions that it evaluates itself.
pub fn guards(cx: &TemplateContext<'_>, facts: &FileFacts<'_>, statement: SyntaxNode<'_>) -> Vec<Condition> {
    let mut found = Vec::new();
    let names = cx.names(statement.span().start);
    for (subject, (node, used)) in subjects(cx, statement) {
        if !reads_only_visible(node, &names) {
            continue;
        }
        value_guards(cx, facts, node, &subject, used, &names, &mut found);
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
    facts: &FileFacts<'_>,
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
    for (kind, weight) in &facts.checked_types {
        let test = format!("isinstance({subject}, {kind})");
        push(test.clone(), format!("not {test}"), 0.2 * weight, Sort::Type);
        push(format!("not {test}"), test, 0.25 * weight, Sort::Type);
    }
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
        let Some(opposite) = grammar::opposite(operator) else { return format!("not ({})", node.text()) };
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
