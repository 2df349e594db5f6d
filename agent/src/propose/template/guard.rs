//! A missing guard: an `if` before a statement that returns, raises, goes on, stops or fills in a default.
//!
//! 27 of 660 measured single edits insert an `if` with `return`, `raise` or `continue`, 19 another `if`. The patterns are PAR's null pointer,
//! collection size and range checkers (Kim et al. 2013), TBar's FP2 and FP3 (Liu et al. 2019) and SPR's conditional control-flow
//! introduction (Long and Rinard 2015). A condition put around a statement is the statement family's; one added to a condition that is
//! there already, the condition family's.

use indexer::scope::{LikelyType, NameKind};
use indexer::syntax::SyntaxNode;

use super::ingredients::{self, Condition, FileFacts, Sort, Weighed};
use super::layout::{self, Layout};
use super::{Rewrite, Template, TemplateContext};

/// Most guards proposed before one statement.
const MOST_GUARDS: usize = 40;

/// The family.
pub(super) struct Guard;

impl Template for Guard {
    fn id(&self) -> &'static str {
        "guard"
    }

    fn weight(&self) -> f64 {
        // Of the 46 measured ones about a third guards with what is at hand.
        16.0
    }

    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>) {
        let layout = Layout::of(cx);
        let facts = FileFacts::of(cx);
        for statement in cx.nodes().iter().copied().filter(|it| may_be_guarded(*it)) {
            let mut guards = guards_before(cx, &facts, statement);
            guards.sort_by(|a, b| b.weight.total_cmp(&a.weight));
            guards.truncate(MOST_GUARDS);
            for guard in guards {
                let lines = [format!("if {}:", guard.condition), format!("{}{}", layout.unit(), guard.body)];
                let Some(edit) = layout.before(statement, &lines) else { continue };
                let note = format!("guard line {}: if {}: {}", statement.start_line(), guard.condition, guard.body);
                out.push(Rewrite::many(statement, vec![edit], guard.variant, guard.weight).note(note));
            }
        }
    }
}

struct GuardBefore {
    condition: String,
    body: String,
    weight: f64,
    variant: &'static str,
}

fn may_be_guarded(statement: SyntaxNode<'_>) -> bool {
    let kinds = [
        "expression_statement",
        "return_statement",
        "if_statement",
        "for_statement",
        "while_statement",
        "with_statement",
        "try_statement",
        "delete_statement",
        "assert_statement",
    ];
    let is_documentation = statement
        .named_children()
        .first()
        .is_some_and(|it| statement.named_children().len() == 1 && it.kind() == "string");
    kinds.contains(&statement.kind())
        && layout::is_statement(statement)
        && layout::function_of(statement).is_some()
        && !is_documentation
}

fn guards_before(cx: &TemplateContext<'_>, facts: &FileFacts<'_>, statement: SyntaxNode<'_>) -> Vec<GuardBefore> {
    let returns = ingredients::return_values(cx, statement);
    let raises = facts.raises(cx, statement);
    let in_loop = layout::loop_of(statement).is_some();
    let is_first = layout::previous_statement(statement).is_none_or(|it| it.text().starts_with(['"', '\'']));
    let place = if is_first { 1.5 } else { 1.0 };
    let mut guards = Vec::new();
    for condition in ingredients::guards(cx, facts, statement) {
        let mut push = |body: String, weight: f64, variant| {
            let weight = weight * condition.weight * place;
            guards.push(GuardBefore { condition: condition.text.clone(), body, weight, variant });
        };
        if in_loop {
            push("continue".to_owned(), 0.9, "guard/continue");
            push("break".to_owned(), 0.5, "guard/break");
        }
        for Weighed { text, weight } in &returns {
            push(ingredients::return_of(text), *weight, "guard/return");
        }
        for Weighed { text, weight } in &raises {
            push(text.clone(), *weight, "guard/raise");
        }
        for Weighed { text, weight } in defaults(cx, statement, &condition) {
            push(text, weight, "guard/default");
        }
    }
    guards
}

/// `x = []` and the like for a variable that is missing or empty, of the type that it is used as.
fn defaults(cx: &TemplateContext<'_>, statement: SyntaxNode<'_>, condition: &Condition) -> Vec<Weighed> {
    let names = cx.names(statement.span().start);
    let is_variable = |kind| matches!(kind, NameKind::Local | NameKind::Parameter);
    let variable = names.iter().find(|it| it.name == condition.subject && is_variable(it.kind));
    let Some(variable) = variable else {
        return key_default(statement, condition);
    };
    if !matches!(condition.sort, Sort::None | Sort::Empty | Sort::Number) || condition.text.contains("len(") {
        return Vec::new();
    }
    let assign = |value: &str, weight| Weighed { text: format!("{} = {value}", variable.name), weight };
    let likely = match variable.likely_type {
        LikelyType::Indexable | LikelyType::Iterable => LikelyType::List,
        other => other,
    };
    match likely.empty_value() {
        Some(empty) if likely != LikelyType::None => vec![assign(empty, 0.6)],
        _ => vec![assign("[]", 0.2), assign("{}", 0.15), assign("''", 0.1), assign("0", 0.1)],
    }
}

/// `d[k] = []` where the key is missing.
fn key_default(statement: SyntaxNode<'_>, condition: &Condition) -> Vec<Weighed> {
    if condition.sort != Sort::Key || !condition.text.contains(" not in ") || !condition.subject.ends_with(']') {
        return Vec::new();
    }
    let is_counter = statement.text().contains(&format!("{} += 1", condition.subject));
    let values: &[(&str, f64)] = if is_counter { &[("0", 0.6)] } else { &[("[]", 0.2), ("0", 0.2), ("None", 0.1)] };
    values
        .iter()
        .map(|(value, weight)| Weighed { text: format!("{} = {value}", condition.subject), weight: *weight })
        .collect()
}
