//! Statements that were forgotten: a donor, a repeated one with another name, a call on a variable, a counter, a default.

use std::collections::BTreeSet;

use indexer::scope::{LikelyType, NameKind, ScopedName};
use indexer::syntax::SyntaxNode;

use crate::propose::donor::{Bag, DonorFile};
use crate::propose::template::ingredients::{FileFacts, local};
use crate::propose::template::layout::{self, Layout, is_jump, next_statement};
use crate::propose::template::repeat::{Differs, Repeatable};
use crate::propose::template::{Rewrite, TemplateContext, donor_expression};

/// Most insertions at one place.
const MOST: usize = 30;

/// How many statements of the same function are tried at one place.
const MOST_NEIGHBOURS: usize = 12;

struct Insertion {
    text: String,
    weight: f64,
    variant: &'static str,
}

/// Proposes insertions before a statement, and after the last one of a block or of what is suspicious.
pub(super) fn insert<'t>(
    cx: &TemplateContext<'t>,
    facts: &FileFacts<'t>,
    layout: &Layout<'_>,
    own: &DonorFile,
    statement: SyntaxNode<'t>,
    out: &mut Vec<Rewrite>,
) {
    for insertion in insertions(cx, facts, own, statement, statement.span().start) {
        let edit = layout.before(statement, std::slice::from_ref(&insertion.text));
        push(statement, edit, &insertion, statement.start_line(), out);
    }
    let is_covered = next_statement(statement).is_some_and(|it| cx.is_suspect(it));
    if is_covered || is_jump(statement) {
        return;
    }
    for insertion in insertions(cx, facts, own, statement, statement.span().end) {
        let edit = layout.after(statement, std::slice::from_ref(&insertion.text));
        push(statement, edit, &insertion, statement.end_line() + 1, out);
    }
}

fn push(
    statement: SyntaxNode<'_>,
    edit: Option<layout::Edit>,
    insertion: &Insertion,
    line: usize,
    out: &mut Vec<Rewrite>,
) {
    if let Some(edit) = edit {
        let note = format!("insert {} at line {line}", insertion.text);
        out.push(Rewrite::many(statement, vec![edit], insertion.variant, insertion.weight).note(note));
    }
}

fn insertions<'t>(
    cx: &TemplateContext<'t>,
    facts: &FileFacts<'t>,
    own: &DonorFile,
    statement: SyntaxNode<'t>,
    at: usize,
) -> Vec<Insertion> {
    let names = cx.names(at);
    let mut found = Vec::new();
    donors(cx, facts, own, statement, &names, at, &mut found);
    calls(cx, facts, statement, &names, &mut found);
    assignments(cx, statement, &names, &mut found);
    // What stands next to the place already need not be repeated there.
    let neighbours: Vec<&str> = [Some(statement), layout::previous_statement(statement), next_statement(statement)]
        .into_iter()
        .flatten()
        .map(|it| it.text())
        .collect();
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
    let mut known = BTreeSet::new();
    found.retain(|it| !neighbours.contains(&it.text.as_str()) && known.insert(it.text.clone()));
    found.truncate(MOST);
    found
}

/// Statements of the same function, with one name replaced too, and those of the file and repository that fit as they are.
fn donors<'t>(
    cx: &TemplateContext<'t>,
    facts: &FileFacts<'t>,
    own: &DonorFile,
    statement: SyntaxNode<'t>,
    names: &[ScopedName],
    at: usize,
    out: &mut Vec<Insertion>,
) {
    let function = layout::function_of(statement);
    let visible = donor_expression::readable(names);
    if let Some(function) = function {
        // What a loop does with each part is often to be done once more with the last one.
        let earlier =
            if at == statement.span().start { layout::previous_statement(statement) } else { Some(statement) };
        let loop_before =
            earlier.filter(|it| matches!(it.kind(), "for_statement" | "while_statement")).map(|it| it.span());
        let repeatables = facts.repeatables.of_function(function);
        let mut nearest: Vec<&Repeatable<'_>> = repeatables.iter().collect();
        nearest.sort_by_key(|it| it.node.start_line().abs_diff(statement.start_line()));
        for donor in nearest.into_iter().take(MOST_NEIGHBOURS) {
            let node = donor.node;
            let is_in_loop_before = loop_before.as_ref().is_some_and(|it| it.contains(&node.span().start));
            let is_last = next_statement(node).is_none();
            let repeats = match is_in_loop_before {
                true if is_last => 6.0,
                true => 2.0,
                false => 1.0,
            };
            let distance = repeats / (1.0 + 0.05 * node.start_line().abs_diff(statement.start_line()) as f64);
            if donor.reads.iter().all(|name| visible.contains(name)) {
                let text = node.text().to_owned();
                out.push(Insertion { text, weight: 0.35 * distance, variant: "statement/insert-donor" });
            }
            for (text, weight) in donor.renamings(cx, at, Differs::Value).into_iter().take(5) {
                let weight = 0.35 * weight * distance;
                out.push(Insertion { text, weight, variant: "statement/insert-renamed" });
            }
        }
    }
    let span = function.map_or(0..0, |it| it.span());
    let elsewhere = own.statements.iter().filter(|it| !span.contains(&it.offset)).map(|it| (it, 0.2));
    let other_files = cx.donors().other_than(cx.file.path).take(4).flat_map(|it| &it.statements).map(|it| (it, 0.05));
    let context = Bag::of(statement.text());
    for (donor, scale) in elsewhere.chain(other_files).filter(|(it, _)| it.kind == "expression_statement") {
        let likeness = donor.likeness(&context);
        if likeness < 0.3 {
            continue;
        }
        for (text, fit) in donor_expression::adapted(donor, statement, names, &visible) {
            out.push(Insertion { text, weight: scale * fit * likeness, variant: "statement/insert-donor" });
        }
    }
}

/// Method calls on variables: those seen in the file, and what is done with every set and list.
fn calls(
    cx: &TemplateContext<'_>,
    facts: &FileFacts<'_>,
    statement: SyntaxNode<'_>,
    names: &[ScopedName],
    out: &mut Vec<Insertion>,
) {
    for receiver in local(names).take(8) {
        let standard: &[(&str, f64)] = match receiver.likely_type {
            LikelyType::Set => &[("add", 1.0), ("discard", 0.15), ("remove", 0.15)],
            LikelyType::List => &[("append", 0.5), ("extend", 0.15)],
            _ => &[],
        };
        let in_file = facts.methods.get(receiver.name.as_str()).into_iter().flatten().map(|method| (*method, 0.5));
        for (method, weight) in standard.iter().copied().chain(in_file) {
            let nearness = if mentions(statement, &receiver.name) { 1.2 } else { 1.0 };
            for (argument, fit) in arguments(cx, statement, names, receiver) {
                let text = format!("{}.{method}({argument})", receiver.name);
                out.push(Insertion { text, weight: 0.5 * weight * fit * nearness, variant: "statement/insert-call" });
            }
        }
        if receiver.likely_type == LikelyType::List {
            for (method, weight) in [("sort", 0.12), ("reverse", 0.08), ("pop", 0.08)] {
                let text = format!("{}.{method}()", receiver.name);
                out.push(Insertion { text, weight, variant: "statement/insert-call" });
            }
        }
    }
}

/// The variables worth adding to a collection, the nearest first.
fn arguments<'n>(
    cx: &TemplateContext<'_>,
    statement: SyntaxNode<'_>,
    names: &'n [ScopedName],
    receiver: &ScopedName,
) -> Vec<(&'n str, f64)> {
    let values = local(names).filter(|it| it.name != receiver.name && it.name != cx.grammar().receiver);
    let ranked = values.take(6).enumerate().map(|(rank, it)| {
        let is_near = if mentions(statement, &it.name) { 1.0 } else { 0.5 };
        let is_element = if it.likely_type.is_container() { 0.5 } else { 1.0 };
        (it.name.as_str(), is_near * is_element / (1.0 + 0.25 * rank as f64))
    });
    ranked.collect()
}

fn mentions(statement: SyntaxNode<'_>, name: &str) -> bool {
    statement.descendants().any(|it| it.kind() == "identifier" && it.text() == name)
}

/// Counters that count, defaults that are filled in, values brought into the form they are used in.
fn assignments(cx: &TemplateContext<'_>, statement: SyntaxNode<'_>, names: &[ScopedName], out: &mut Vec<Insertion>) {
    let mut push =
        |text: String, weight: f64| out.push(Insertion { text, weight, variant: "statement/insert-assignment" });
    let in_loop = layout::loop_of(statement).is_some();
    for variable in local(names).filter(|it| it.name != cx.grammar().receiver).take(10) {
        let name = &variable.name;
        match variable.likely_type {
            LikelyType::Int if in_loop => {
                push(format!("{name} += 1"), 0.5);
                push(format!("{name} -= 1"), 0.25);
                push(format!("{name} = 0"), 0.15);
            }
            LikelyType::Int => push(format!("{name} += 1"), 0.15),
            LikelyType::Bool => {
                push(format!("{name} = True"), 0.15);
                push(format!("{name} = False"), 0.15);
            }
            LikelyType::List => {
                push(format!("{name} = list({name})"), 0.08);
                push(format!("{name} = sorted({name})"), 0.08);
            }
            LikelyType::Str => push(format!("{name} = {name}.strip()"), 0.06),
            _ => {}
        }
        let is_optional = variable.kind == NameKind::Parameter;
        if is_optional && !in_loop {
            for empty in ["[]", "{}", "''", "0"].into_iter().filter(|_| variable.likely_type == LikelyType::None) {
                push(format!("{name} = {name} or {empty}"), 0.12);
            }
        }
        if let Some(empty) =
            variable.likely_type.empty_value().filter(|_| variable.likely_type.is_container() && in_loop)
        {
            push(format!("{name} = {empty}"), 0.12);
        }
    }
}
