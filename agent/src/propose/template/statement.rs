//! Whole statements: inserted, deleted, moved, repeated with another name, replaced, put under an `if` or into a `try`.
//!
//! Of 660 measured single edits 23 put a statement under an `if`, 20 insert an assignment, 17 replace a statement, 15 insert a call, 10 delete a
//! statement and 6 put a `try` round one. The patterns are GenProg's insert, delete and replace (Le Goues et al. 2012) with RSRepair's grain
//! (Qi et al. 2014), TBar's FP4, FP10 and FP14 (Liu et al. 2019), and PAR's object initialiser (Kim et al. 2013). Statements come from the
//! same function first, then from the file, then from the repository; a jump that is missing is the control family's.

mod insert;

use std::collections::BTreeSet;

use indexer::syntax::SyntaxNode;

use super::ingredients::{self, FileFacts, Sort, Weighed};
use super::layout::{self, Layout, is_jump, next_statement, statements};
use super::repeat::{Differs, Repeatable};
use super::{Rewrite, Template, TemplateContext, donor_expression};
use crate::propose::donor::{Bag, DonorFile};

/// The family.
pub(super) struct Statement;

impl Template for Statement {
    fn id(&self) -> &'static str {
        "statement"
    }

    fn weight(&self) -> f64 {
        // Of the 91 measured ones about half are made of what is at hand.
        48.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        let layout = Layout::of(cx);
        let facts = FileFacts::of(cx);
        let own = DonorFile::mine(cx.file.path.clone(), cx.tree());
        for statement in cx.nodes().iter().copied().filter(|it| is_changeable(*it)) {
            delete(&layout, statement, out);
            swap_with_next(&layout, statement, out);
            assignment_operator(statement, out);
            replace(cx, &own, statement, out);
            unwrap(&layout, statement, out);
            if layout::function_of(statement).is_some() {
                put_under_if(cx, &facts, &layout, statement, out);
                put_into_try(cx, &facts, &layout, statement, out);
                insert::insert(cx, &facts, &layout, &own, statement, out);
            }
        }
    }
}

/// Whether a statement is worth changing as a whole: no definition, import or documentation.
fn is_changeable(node: SyntaxNode<'_>) -> bool {
    let kinds = [
        "function_definition",
        "class_definition",
        "decorated_definition",
        "import_statement",
        "import_from_statement",
        "future_import_statement",
        "global_statement",
        "nonlocal_statement",
        "pass_statement",
    ];
    let is_documentation = node.kind() == "expression_statement"
        && node.named_children().iter().all(|it| matches!(it.kind(), "string" | "concatenated_string"));
    layout::is_statement(node) && !kinds.contains(&node.kind()) && !is_documentation && !node.has_error()
}

fn is_compound(node: SyntaxNode<'_>) -> bool {
    matches!(
        node.kind(),
        "if_statement" | "for_statement" | "while_statement" | "with_statement" | "try_statement" | "match_statement"
    )
}

fn delete(layout: &Layout<'_>, statement: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(edit) = layout.delete(statement) else { return };
    let weight = match statement.kind() {
        "if_statement" => 0.5,
        _ if is_compound(statement) => 0.05,
        // Without its last return a function gives nothing.
        "return_statement" if next_statement(statement).is_none() => 0.15,
        _ => 1.2,
    };
    let note = format!("delete line {}", statement.start_line());
    out.push(Rewrite::many(statement, vec![edit], "statement/delete", weight).note(note));
    // Two that belong together: a value is worked out and then handed on.
    let next = next_statement(statement).filter(|it| is_changeable(*it) && !is_compound(*it) && !is_jump(*it));
    let is_simple = !is_compound(statement) && !is_jump(statement);
    if let (true, Some(next)) = (is_simple, next.filter(|it| next_statement(*it).is_some()))
        && let (Some(first), Some(second)) = (layout.delete(statement), layout.delete(next))
    {
        let note = format!("delete lines {} and {}", statement.start_line(), next.start_line());
        out.push(Rewrite::many(statement, vec![first, second], "statement/delete-two", 0.2).note(note));
    }
}

fn swap_with_next(layout: &Layout<'_>, statement: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(next) = next_statement(statement).filter(|it| is_changeable(*it)) else { return };
    if is_jump(statement) || is_jump(next) || !layout.stands_alone(statement) || !layout.stands_alone(next) {
        return;
    }
    if statement.text() == next.text() {
        return;
    }
    let edits = vec![(statement.span(), next.text().to_owned()), (next.span(), statement.text().to_owned())];
    let weight = if is_compound(statement) || is_compound(next) { 0.3 } else { 0.6 };
    let note = format!("swap lines {} and {}", statement.start_line(), next.start_line());
    out.push(Rewrite::many(statement, edits, "statement/swap", weight).note(note));
}

/// `x += y` and `x = y`, one for the other.
fn assignment_operator(statement: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(inner) = statement.named_children().first().copied() else { return };
    let (Some(left), Some(right)) = (inner.field("left"), inner.field("right")) else { return };
    let mut push = |operator: &str, weight| {
        let new = format!("{} {operator} {}", left.text(), right.text());
        out.push(Rewrite::replace(statement, new, "statement/assignment-operator", weight));
    };
    match inner.kind() {
        "augmented_assignment" => push("=", 0.8),
        "assignment"
            if inner.field("type").is_none() && left.kind() != "pattern_list" && right.kind() != "assignment" =>
        {
            push("+=", 0.5);
            push("-=", 0.15);
            push("*=", 0.15);
        }
        _ => {}
    }
}

/// A statement becomes another of the same function, file or repository, the most alike first.
fn replace(cx: &TemplateContext<'_>, own: &DonorFile, statement: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if is_compound(statement) || statement.start_line() != statement.end_line() {
        return;
    }
    let function = layout::function_of(statement).map(|it| it.span());
    let names = cx.names(statement.span().start);
    let in_loop = layout::loop_of(statement).is_some();
    let visible = donor_expression::readable(&names);
    let bag = Bag::of(statement.text());
    let mut found: Vec<(String, f64)> = Vec::new();
    let files = std::iter::once((own, 1.0)).chain(cx.donors().other_than(cx.file.path).take(4).map(|it| (it, 0.3)));
    for (file, scale) in files {
        for donor in file.statements.iter().filter(|it| it.text != statement.text()) {
            if matches!(donor.kind.as_str(), "break_statement" | "continue_statement") && !in_loop {
                continue;
            }
            let is_near = scale == 1.0 && function.as_ref().is_some_and(|it| it.contains(&donor.offset));
            let likeness = donor.likeness(&bag);
            if !is_near && (likeness < 0.4 || donor.kind != statement.kind()) {
                continue;
            }
            let nearness = if is_near { 0.4 } else { 0.15 };
            for (text, fit) in donor_expression::adapted(donor, statement, &names, &visible) {
                found.push((text, scale * fit * nearness * (0.2 + likeness)));
            }
        }
    }
    if !is_jump(statement) {
        found.extend(
            Repeatable::of(statement)
                .renamings(cx, statement.span().start, Differs::Value)
                .into_iter()
                .take(4)
                .map(|it| (it.0, 0.2 * it.1)),
        );
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut known = BTreeSet::from([statement.text().to_owned()]);
    found.retain(|(text, _)| known.insert(text.clone()));
    for (text, weight) in found.into_iter().take(10) {
        let note = format!("line {} becomes {text}", statement.start_line());
        out.push(Rewrite::replace(statement, text, "statement/replace", weight).note(note));
    }
}

/// The body of an `if` without `else` stays, the `if` goes.
fn unwrap(layout: &Layout<'_>, statement: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(body) = statement.field("consequence").filter(|_| statement.kind() == "if_statement") else { return };
    let has_other = statement.named_children().iter().any(|it| matches!(it.kind(), "elif_clause" | "else_clause"));
    if has_other || !layout.stands_alone(statement) {
        return;
    }
    let lines: Option<Vec<Vec<String>>> = statements(body).into_iter().map(|it| layout.lines(it)).collect();
    if let Some(lines) = lines {
        let edit = layout.replace(statement, &lines.concat());
        out.push(Rewrite::many(statement, vec![edit], "statement/take-out-of-if", 0.3));
    }
}

/// A statement runs only where a guard holds.
fn put_under_if(
    cx: &TemplateContext<'_>,
    facts: &FileFacts<'_>,
    layout: &Layout<'_>,
    statement: SyntaxNode<'_>,
    out: &mut Vec<Rewrite>,
) {
    if !layout.stands_alone(statement) || binds_for_later(cx, statement) {
        return;
    }
    let Some(lines) = layout.lines(statement) else { return };
    let scale = if is_compound(statement) { 0.4 } else { 1.0 };
    let mut conditions: Vec<(String, f64)> = Vec::new();
    for guard in ingredients::guards(cx, facts, statement) {
        // A guard says when the statement must not run; one for numbers or from elsewhere is as likely the other way round.
        if guard.sort == Sort::Number {
            conditions.push((guard.text, 0.5 * guard.weight));
        }
        conditions.push((guard.opposite, guard.weight));
    }
    conditions.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (condition, weight) in conditions.into_iter().take(14) {
        let mut new = vec![format!("if {condition}:")];
        new.extend(layout.indented(&lines));
        let note = format!("only if {condition}: line {}", statement.start_line());
        let edit = layout.replace(statement, &new);
        out.push(Rewrite::many(statement, vec![edit], "statement/put-under-if", 0.3 * scale * weight).note(note));
    }
}

/// Whether a statement gives a name its first value: under an `if` the name would be missing afterwards.
fn binds_for_later(cx: &TemplateContext<'_>, statement: SyntaxNode<'_>) -> bool {
    let target =
        statement.named_children().first().filter(|it| it.kind() == "assignment").and_then(|it| it.field("left"));
    let Some(target) = target.filter(|it| it.kind() == "identifier") else { return false };
    let names = cx.names(statement.span().start);
    !names.iter().any(|it| it.name == target.text() && it.defined_before)
}

/// A statement that may raise is tried, and what it may raise is handled as the code around does.
fn put_into_try(
    cx: &TemplateContext<'_>,
    facts: &FileFacts<'_>,
    layout: &Layout<'_>,
    statement: SyntaxNode<'_>,
    out: &mut Vec<Rewrite>,
) {
    if !layout.stands_alone(statement)
        || is_compound(statement)
        || matches!(statement.kind(), "break_statement" | "continue_statement")
    {
        return;
    }
    let exceptions = exceptions(facts, statement);
    let Some(lines) = layout.lines(statement).filter(|_| !exceptions.is_empty()) else { return };
    let mut handlers: Vec<(String, f64)> = Vec::new();
    if layout::loop_of(statement).is_some() {
        handlers.push(("continue".to_owned(), 0.5));
    }
    if !is_jump(statement) && !binds_for_later(cx, statement) {
        handlers.push(("pass".to_owned(), 0.5));
    }
    let returns = ingredients::return_values(cx, statement).into_iter().take(3);
    handlers.extend(returns.map(|Weighed { text, weight }| (ingredients::return_of(&text), 0.5 * weight)));
    for (exception, weight) in exceptions.iter().take(3) {
        for (handler, share) in &handlers {
            let mut new = vec!["try:".to_owned()];
            new.extend(layout.indented(&lines));
            new.push(format!("except {exception}:"));
            new.push(format!("{}{handler}", layout.unit()));
            let note = format!("try line {}, on {exception}: {handler}", statement.start_line());
            let edit = layout.replace(statement, &new);
            out.push(Rewrite::many(statement, vec![edit], "statement/try", 0.25 * weight * share).note(note));
        }
    }
}

/// What a statement may raise, by what it does; what the file catches elsewhere counts more.
fn exceptions(facts: &FileFacts<'_>, statement: SyntaxNode<'_>) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = Vec::new();
    let mut add = |name: &str, weight: f64| match found.iter_mut().find(|it| it.0 == name) {
        Some(known) => known.1 += weight,
        None => found.push((name.to_owned(), weight)),
    };
    for node in layout::own_nodes(statement) {
        match node.kind() {
            "subscript" => {
                add("KeyError", 0.5);
                add("IndexError", 0.4);
            }
            "attribute" => add("AttributeError", 0.3),
            "binary_operator" if node.text().contains(['/', '%']) => add("ZeroDivisionError", 0.5),
            "binary_operator" => add("TypeError", 0.1),
            "call" => match node.field("function").map_or("", |it| it.text()) {
                "int" | "float" => add("ValueError", 0.8),
                "next" => add("StopIteration", 0.8),
                "open" => add("OSError", 0.5),
                "len" | "iter" => add("TypeError", 0.3),
                _ => {}
            },
            _ => {}
        }
    }
    for (caught, count) in &facts.caught {
        add(caught, 0.15 * *count as f64);
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}
