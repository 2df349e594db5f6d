//! Control flow: what is returned, repeated, skipped, left out, or done in the wrong branch or at the wrong depth.
//!
//! Of 660 measured single edits 19 insert an `if`, `elif` or `else`, and a part of the 39 wrapped, 25 replaced and 23 moved ones change where
//! control goes. The patterns are QuixBugs' "missing return", "incorrect return value" and "wrong nesting" (Lin et al. 2017), TBar's FP12 and
//! FP13 (Liu et al. 2019), and the control-flow class of Sobreira et al. (2018). A new `if` in front of a statement is the guard family's.

use std::collections::BTreeSet;

use indexer::scope::{LikelyType, NameKind};
use indexer::syntax::SyntaxNode;

use super::ingredients::{self, Weighed, local};
use super::layout::{self, Layout, is_jump, next_statement, previous_statement, statements};
use super::repeat::{Differs, Repeatable};
use super::{Rewrite, Template, TemplateContext};

/// The family.
pub(super) struct Control;

impl Template for Control {
    fn id(&self) -> &'static str {
        "control"
    }

    fn weight(&self) -> f64 {
        40.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        let layout = Layout::of(cx);
        for node in cx.nodes().iter().copied() {
            match node.kind() {
                "return_statement" => returned_value(cx, node, out),
                "expression_statement" => return_instead(node, out),
                "if_statement" => branches(cx, &layout, node, out),
                "elif_clause" => keyword(node, "elif", "if", "control/elif-to-if", 0.3, out),
                "while_statement" => while_condition(cx, node, out),
                "break_statement" => jump(cx, node, &["continue"], out),
                "continue_statement" => jump(cx, node, &["break"], out),
                "yield" => yielded(cx, node, out),
                _ => {}
            }
            if layout::is_statement(node) && layout::function_of(node).is_some() {
                add_jump(cx, &layout, node, out);
                depth(&layout, node, out);
            }
        }
        swapped_returns(cx, out);
    }
}

/// `return a` gives another value: what the function returns elsewhere, a name at hand, a test of one.
fn returned_value(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let old = node.named_children().first().copied();
    let old_text = old.map_or("", |it| it.text());
    let names = cx.names(node.span().start);
    let likely = old.map_or(LikelyType::Unknown, |it| cx.guess(it));
    let mut values = ingredients::return_values(cx, node);
    for name in local(&names).filter(|it| it.name != cx.grammar().receiver).take(8) {
        let fits = super::material::compatible(likely, name.likely_type);
        values.push(Weighed { text: name.name.clone(), weight: 0.5 * fits });
        match likely {
            LikelyType::Bool => truth_of(&name.name, name.likely_type, &mut values),
            LikelyType::Int if name.likely_type.is_container() => {
                values.push(Weighed { text: format!("len({})", name.name), weight: 0.4 });
            }
            _ => {}
        }
    }
    let mut known = BTreeSet::from([old_text.to_owned()]);
    for Weighed { text, weight } in values {
        if known.insert(text.clone()) {
            let new = ingredients::return_of(&text);
            out.push(
                Rewrite::replace(node, new.clone(), "control/return-value", weight)
                    .note(format!("{new} at line {}", node.start_line())),
            );
        }
    }
    if let Some(old) = old
        && !ingredients::yields(layout::function_of(node).unwrap_or(node))
    {
        out.push(Rewrite::replace(node, format!("yield {}", old.text()), "control/return-to-yield", 0.15));
        out.push(Rewrite::replace(node, old.text(), "control/drop-return", 0.1));
    }
}

fn truth_of(name: &str, likely: LikelyType, values: &mut Vec<Weighed>) {
    let mut push = |text: String, weight| values.push(Weighed { text, weight });
    if likely.is_number() || likely == LikelyType::Unknown {
        let scale = if likely.is_number() { 1.0 } else { 0.4 };
        push(format!("{name} == 0"), 0.9 * scale);
        push(format!("{name} != 0"), 0.5 * scale);
        push(format!("{name} > 0"), 0.5 * scale);
        push(format!("{name} == 1"), 0.3 * scale);
    }
    if !likely.is_number() {
        push(format!("not {name}"), 0.5);
        push(format!("bool({name})"), 0.3);
    }
}

/// `f(x)` and `y = f(x)` as a statement become `return f(x)`.
fn return_instead(node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(inner) = node.named_children().first().copied() else { return };
    let Some(function) = layout::function_of(node) else { return };
    let is_last = next_statement(node).is_none();
    let is_recursive = |call: SyntaxNode<'_>| {
        let own = function.field("name").map_or("", |it| it.text());
        let callee = call.field("function").map_or("", |it| it.text());
        callee == own || callee.strip_prefix("self.") == Some(own)
    };
    match inner.kind() {
        "call" => {
            let weight = if is_recursive(inner) {
                1.5
            } else if is_last {
                0.5
            } else {
                0.2
            };
            out.push(Rewrite::replace(node, format!("return {}", inner.text()), "control/return-expression", weight));
        }
        "assignment" if is_last => {
            if let Some(right) = inner.field("right") {
                let new = format!("return {}", right.text());
                out.push(Rewrite::replace(node, new, "control/return-expression", 0.3));
            }
        }
        "comparison_operator" | "binary_operator" | "identifier" | "boolean_operator" | "attribute" => {
            out.push(Rewrite::replace(node, format!("return {}", inner.text()), "control/return-expression", 1.0));
        }
        _ => {}
    }
}

/// `return`, `break` or `continue` after the last statement of a block.
fn add_jump(cx: &TemplateContext<'_>, layout: &Layout<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if next_statement(node).is_some() || is_jump(node) || node.kind() == "pass_statement" {
        return;
    }
    let Some(function) = layout::function_of(node) else { return };
    let ends_function = function.field("body").is_some_and(|body| node.parent() == Some(body));
    let loop_body = layout::loop_of(node).and_then(|it| it.field("body"));
    let ends_loop = loop_body.is_some() && loop_body == node.parent();
    let mut push = |text: String, weight: f64, variant| {
        if let Some(edit) = layout.after(node, std::slice::from_ref(&text)) {
            let note = format!("{text} after line {}", node.end_line());
            out.push(Rewrite::many(node, vec![edit], variant, weight).note(note));
        }
    };
    if loop_body.is_some() && !ends_loop {
        push("break".to_owned(), 0.6, "control/add-break");
        push("continue".to_owned(), 0.5, "control/add-continue");
    } else if ends_loop {
        push("break".to_owned(), 0.2, "control/add-break");
    }
    let scale = if ends_function { 1.2 } else { 0.4 };
    for Weighed { text, weight } in ingredients::return_values(cx, node) {
        if !(ends_function && (text.is_empty() || text == "None")) {
            push(ingredients::return_of(&text), scale * weight, "control/add-return");
        }
    }
    if ends_function {
        // What the last statements built is what was meant to be returned.
        let names = cx.names(node.span().end);
        let variables = local(&names).filter(|it| matches!(it.kind, NameKind::Local) || node.text().contains(&it.name));
        for (rank, name) in variables.take(5).enumerate() {
            push(format!("return {}", name.name), 1.0 / (rank + 1) as f64, "control/add-return");
        }
    }
}

fn branches(cx: &TemplateContext<'_>, layout: &Layout<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if previous_statement(node).is_some_and(|it| it.kind() == "if_statement" && !ends_in_jump(it)) {
        keyword(node, "if", "elif", "control/if-to-elif", 0.5, out);
    }
    if node.named_children().iter().all(|it| !matches!(it.kind(), "elif_clause" | "else_clause")) {
        keyword(node, "if", "while", "control/if-to-while", 0.25, out);
        add_else(cx, layout, node, out);
    }
    swap_branches(layout, node, out);
}

fn ends_in_jump(statement: SyntaxNode<'_>) -> bool {
    let block = statement.field("consequence");
    block.and_then(|it| statements(it).last().copied()).is_some_and(is_jump)
}

fn keyword(node: SyntaxNode<'_>, old: &str, new: &str, variant: &'static str, weight: f64, out: &mut Vec<Rewrite>) {
    let start = node.span().start;
    if node.text().starts_with(old) {
        out.push(Rewrite::splice(node, start..start + old.len(), new, variant, weight));
    }
}

/// The bodies of `if` and `else` change places.
fn swap_branches(layout: &Layout<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let clauses: Vec<_> =
        node.named_children().into_iter().filter(|it| matches!(it.kind(), "elif_clause" | "else_clause")).collect();
    let [only] = clauses.as_slice() else { return };
    let other = only.field("body").or_else(|| only.field("consequence"));
    if let (Some(first), Some(second)) = (node.field("consequence"), other)
        && layout.indent(first) == layout.indent(second)
        && first.text() != second.text()
    {
        let edits = vec![(first.span(), second.text().to_owned()), (second.span(), first.text().to_owned())];
        out.push(Rewrite::many(node, edits, "control/swap-branches", 0.5));
    }
}

/// An `else` that does to another variable what the `if` does to its own, or leaves as the function does elsewhere.
fn add_else(cx: &TemplateContext<'_>, layout: &Layout<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(body) = node.field("consequence") else { return };
    let Some(last) = statements(body).last().copied() else { return };
    let mut bodies: Vec<(String, f64)> = Vec::new();
    if last.start_line() == last.end_line() && !is_jump(last) {
        for (text, weight) in Repeatable::of(last).renamings(cx, node.span().start, Differs::Target) {
            bodies.push((text, weight));
        }
    }
    if !ends_in_jump(node) {
        if layout::loop_of(node).is_some() {
            bodies.push(("break".to_owned(), 0.4));
            bodies.push(("continue".to_owned(), 0.1));
        }
        for Weighed { text, weight } in ingredients::return_values(cx, node).into_iter().take(4) {
            bodies.push((ingredients::return_of(&text), 0.4 * weight));
        }
    }
    for (body, weight) in bodies.into_iter().take(10) {
        let lines = ["else:".to_owned(), format!("{}{body}", layout.unit())];
        if let Some(edit) = layout.after(node, &lines) {
            let note = format!("else: {body} for line {}", node.start_line());
            out.push(Rewrite::many(node, vec![edit], "control/add-else", weight).note(note));
        }
    }
}

/// `while True` ends when a container that it works on is empty; any `while` may have been meant as an `if`.
fn while_condition(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let (Some(condition), Some(body)) = (node.field("condition"), node.field("body")) else { return };
    keyword(node, "while", "if", "control/while-to-if", 0.25, out);
    let names = cx.names(condition.span().start);
    let is_endless = matches!(condition.kind(), "true" | "integer");
    let read = super::material::free_names(body);
    for name in local(&names).filter(|it| read.contains(&it.name.as_str()) && it.name != condition.text()) {
        let weight = match name.likely_type {
            likely if likely.is_container() => 1.0,
            LikelyType::Unknown => 0.5,
            _ => 0.2,
        };
        let scale = if is_endless { 1.5 } else { 0.2 };
        let new = name.name.clone();
        out.push(Rewrite::splice(node, condition.span(), new, "control/while-condition", scale * weight));
    }
    if !is_endless {
        out.push(Rewrite::splice(node, condition.span(), "True", "control/while-condition", 0.1));
    }
}

/// `break` becomes `continue` or a return, and the other way round.
fn jump(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, others: &[&str], out: &mut Vec<Rewrite>) {
    for other in others {
        out.push(Rewrite::replace(node, *other, "control/jump", 1.0));
    }
    for Weighed { text, weight } in ingredients::return_values(cx, node).into_iter().take(4) {
        out.push(Rewrite::replace(node, ingredients::return_of(&text), "control/jump", 0.5 * weight));
    }
}

fn yielded(cx: &TemplateContext<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    let Some(value) = node.named_children().first().copied() else { return };
    let is_from = node.children().iter().any(|it| it.kind() == "from");
    let text = value.text();
    let (new, weight) = match (is_from, value.kind()) {
        (true, _) => (format!("yield {text}"), 0.6),
        (false, "call") => (format!("yield from {text}"), 1.0),
        (false, _) => (format!("yield from {text}"), 0.3),
    };
    out.push(Rewrite::replace(node, new, "control/yield-from", weight));
    if node.parent().is_some_and(|it| it.kind() == "expression_statement") {
        out.push(Rewrite::replace(node, format!("return {text}"), "control/yield-to-return", 0.2));
    }
    if value.kind() == "call" {
        for argument in super::outline::arguments(value).into_iter().filter(|it| cx.grammar().is_value(*it)) {
            out.push(Rewrite::replace(node, format!("yield {}", argument.text()), "control/yield-argument", 0.8));
        }
    }
}

/// The last statement of a body moves behind the compound statement, and the statement after one into its body.
fn depth(layout: &Layout<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    unindent(layout, node, out);
    let Some(before) = previous_statement(node) else { return };
    for body in last_bodies(before) {
        let Some(last) = statements(body).last().copied() else { continue };
        if is_jump(last) && !matches!(before.kind(), "for_statement" | "while_statement" | "if_statement") {
            continue;
        }
        let (Some(deletion), Some(lines)) = (layout.delete(node), layout.lines(node)) else { continue };
        if layout::is_only_one(node) {
            continue;
        }
        let Some(insertion) = layout.after(last, &lines) else { continue };
        let weight = if is_jump(node) { 0.5 } else { 0.8 };
        if insertion.0.end <= deletion.0.start {
            out.push(Rewrite::many(node, vec![insertion, deletion], "control/indent", weight));
        }
    }
}

fn unindent(layout: &Layout<'_>, node: SyntaxNode<'_>, out: &mut Vec<Rewrite>) {
    if next_statement(node).is_some() {
        return;
    }
    // The owner is the statement whose body the block is, or the one with the clause.
    let Some(owner) = node.parent().and_then(|it| it.parent()) else { return };
    let compound =
        if layout::is_statement(owner) { Some(owner) } else { owner.parent().filter(|it| layout::is_statement(*it)) };
    let Some(compound) = compound.filter(|it| !matches!(it.kind(), "function_definition" | "class_definition")) else {
        return;
    };
    if compound.span().end != node.span().end {
        return;
    }
    let (Some(deletion), Some(lines)) = (layout.delete(node), layout.lines(node)) else { return };
    if layout::is_only_one(node) {
        // Nothing would be left of the body.
        let Some(insertion) = layout.after(compound, &lines) else { return };
        out.push(Rewrite::many(node, vec![deletion, insertion], "control/unindent", 0.15));
        return;
    }
    let mut lines = lines;
    let indent = layout.indent(compound).to_owned();
    if let Some(first) = lines.first_mut() {
        *first = format!("{indent}{first}");
    }
    let text = lines.join(&format!("{}{indent}", layout.newline()));
    let start = node.span().start - layout.indent(node).len();
    out.push(Rewrite::many(node, vec![(start..node.span().end, text)], "control/unindent", 1.0));
}

/// The blocks at whose end a statement can be put so that it follows in the text.
fn last_bodies(statement: SyntaxNode<'_>) -> Vec<SyntaxNode<'_>> {
    let kinds = ["for_statement", "while_statement", "if_statement", "with_statement", "try_statement"];
    if !kinds.contains(&statement.kind()) {
        return Vec::new();
    }
    let ends_here = |it: &SyntaxNode<'_>| it.kind() == "block" && it.span().end == statement.span().end;
    statement.descendants().filter(ends_here).filter(|it| it.enclosing(&kinds).is_some()).take(3).collect()
}

/// Two `return`s of a function that give different constants give each other's.
fn swapped_returns(cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
    let functions = cx.tree().root().descendants().filter(|it| it.kind() == "function_definition");
    for function in functions {
        let values: Vec<_> = ingredients::returned(function).into_iter().flatten().collect();
        let values: Vec<_> =
            values.into_iter().filter(|it| it.named_children().is_empty() || it.span().len() < 30).take(6).collect();
        for (index, first) in values.iter().enumerate() {
            for second in values.iter().skip(index + 1) {
                let is_suspect = cx.is_suspect(*first) || cx.is_suspect(*second);
                if first.text() == second.text() || !is_suspect {
                    continue;
                }
                let edits = vec![(first.span(), second.text().to_owned()), (second.span(), first.text().to_owned())];
                let site = if cx.suspicion_of(*first) >= cx.suspicion_of(*second) { *first } else { *second };
                let weight = if matches!(first.kind(), "true" | "false") { 0.8 } else { 0.4 };
                out.push(Rewrite::many(site, edits, "control/swap-returns", weight));
            }
        }
    }
}
