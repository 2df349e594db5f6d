//! Statements of the languages that write blocks in braces: JavaScript and TypeScript, Java, C#, Go, C and C++, PHP, Rust.
//!
//! Their grammars mostly agree on the names of nodes and fields, so one table serves them all; where one differs its own names stand beside
//! the others'. What expressions read and bind is in `names.rs`.

mod names;

use super::shape::{Arm, Case, Expression, Handler, Loop, Lowering, Mode, Part, Shape, Switch, Target, Try};
use crate::syntax::{LanguageId, SyntaxNode};

type Node<'t> = SyntaxNode<'t>;

/// One of these languages.
pub(super) struct Curly(pub(super) LanguageId);

pub(super) static JAVASCRIPT: Curly = Curly(LanguageId::JavaScript);
pub(super) static JAVA: Curly = Curly(LanguageId::Java);
pub(super) static CSHARP: Curly = Curly(LanguageId::CSharp);
pub(super) static GO: Curly = Curly(LanguageId::Go);
pub(super) static C: Curly = Curly(LanguageId::C);
pub(super) static PHP: Curly = Curly(LanguageId::Php);
pub(super) static RUST: Curly = Curly(LanguageId::Rust);

impl Lowering for Curly {
    fn is_function(&self, node: Node<'_>) -> bool {
        names::is_function(node) && node.field("body").is_some()
    }

    fn name<'t>(&self, function: Node<'t>) -> &'t str {
        names::function_name(function)
    }

    fn parameters<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        names::parameters(function)
    }

    fn has_block_scopes(&self) -> bool {
        self.0 != LanguageId::Php
    }

    fn shape<'t>(&self, node: Node<'t>) -> Shape<'t> {
        let label = || named(node, &["statement_identifier", "label_name", "identifier", "name", "label"]).next();
        match node.kind() {
            "comment" | "line_comment" | "block_comment" | "empty_statement" | "statement_identifier" => Shape::Nothing,
            "statement_block" | "block" | "compound_statement" | "statement_list" | "unsafe_block" | "colon_block"
            | "else_clause" | "declaration_list" => Shape::Sequence(inner_statements(node)),
            "if_statement" | "if_expression" => Shape::Branch(arms(node)),
            "while_statement"
            | "while_expression"
            | "do_statement"
            | "loop_expression"
            | "for_statement"
            | "for_in_statement"
            | "enhanced_for_statement"
            | "foreach_statement"
            | "for_range_loop"
            | "for_expression" => labelled_loop(node, self.turn(node)),
            "try_statement" | "try_with_resources_statement" => Shape::Try(attempt(node)),
            "switch_statement" | "switch_expression" if node.field("body").is_some() => {
                Shape::Switch(self.choice(node))
            }
            "expression_switch_statement" | "type_switch_statement" | "select_statement" | "match_expression" => {
                Shape::Switch(self.choice(node))
            }
            "using_statement" | "lock_statement" | "fixed_statement" | "synchronized_statement" | "with_statement" => {
                with(node)
            }
            "return_statement" | "return_expression" => Shape::Return(node),
            // `yield return` goes on, `yield break` does not.
            "yield_statement" if self.0 == LanguageId::CSharp && node.named_children().is_empty() => {
                Shape::Return(node)
            }
            "throw_statement" => Shape::Raise(node),
            "break_statement" | "break_expression" => Shape::Break { node, label: label().map(SyntaxNode::text) },
            "continue_statement" | "continue_expression" => {
                Shape::Continue { node, label: label().map(SyntaxNode::text) }
            }
            "goto_statement" => match label() {
                Some(label) => Shape::Goto { node, label: label.text() },
                None => Shape::Simple(node),
            },
            "labeled_statement" => labelled(node),
            "expression_statement" => match node.named_children()[..] {
                [only] if steers(only) => self.shape(only),
                _ => Shape::Simple(node),
            },
            // What is tested decides how the value came about.
            "let_declaration" => with_steering_value(node),
            _ => Shape::Simple(node),
        }
    }

    fn expression<'t>(&self, node: Node<'t>) -> Expression<'t> {
        names::expression(self.0, node)
    }

    fn target<'t>(&self, node: Node<'t>, mode: Mode) -> Target<'t> {
        names::target(self.0, node, mode)
    }

    fn may_leave(&self, node: Node<'_>) -> bool {
        if self.0 != LanguageId::Rust || node.kind() == "closure_expression" {
            return false;
        }
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match node.kind() {
                "try_expression" => return true,
                // A `?` in these leaves only them.
                "closure_expression" | "async_block" | "try_block" | "function_item" => {}
                _ => open.extend(node.named_children()),
            }
        }
        false
    }
}

impl Curly {
    fn turn<'t>(&self, node: Node<'t>) -> Loop<'t> {
        let part = |name: &str| node.field(name).map(Part::read);
        let all = |name: &'static str| fields(node, name).map(Part::read).collect::<Vec<_>>();
        let body = node.field("body");
        match node.kind() {
            "while_statement" | "while_expression" => Loop { condition: part("condition"), body, ..Loop::default() },
            "do_statement" => Loop { condition: part("condition"), body, body_first: true, ..Loop::default() },
            "for_in_statement"
            | "foreach_statement"
            | "enhanced_for_statement"
            | "for_range_loop"
            | "for_expression" => self.each(node),
            "for_statement" if self.0 == LanguageId::Go => go_loop(node),
            "for_statement" => {
                let is_empty = |it: &Part<'_>| matches!(it.node.kind(), "empty_statement" | ";");
                let mut before: Vec<Part<'t>> =
                    ["init", "initializer", "initialize"].into_iter().flat_map(all).collect();
                before.retain(|it| !is_empty(it));
                let step = ["update", "increment"].into_iter().flat_map(all).filter(|it| !is_empty(it)).collect();
                let condition = part("condition").filter(|it| !is_empty(it));
                Loop { before, condition, step, body, ..Loop::default() }
            }
            _ => Loop { body, ..Loop::default() },
        }
    }

    fn each<'t>(&self, node: Node<'t>) -> Loop<'t> {
        let body = node.field("body");
        let (each, over) = match node.kind() {
            "enhanced_for_statement" => (node.field("name"), node.field("value")),
            "for_expression" => (node.field("pattern"), node.field("value")),
            "for_range_loop" => (node.field("declarator"), node.field("right")),
            "foreach_statement" if self.0 == LanguageId::Php => {
                let is_body = |it: &Node<'t>| Some(it.id()) != body.map(SyntaxNode::id) && it.kind() != "comment";
                let mut children = node.named_children().into_iter().filter(is_body);
                let over = children.next();
                (children.next(), over)
            }
            _ => (node.field("left"), node.field("right")),
        };
        // `for (x of …)` gives a value to a variable that is there already.
        let bound = node.kind() == "for_in_statement" && node.field("kind").is_none();
        let mode = if bound || self.0 == LanguageId::Php { Mode::Bind } else { Mode::Declare };
        Loop {
            before: over.map(Part::read).into_iter().collect(),
            each: each.map(|it| Part::new(it, mode)),
            body,
            ..Loop::default()
        }
    }

    fn choice<'t>(&self, node: Node<'t>) -> Switch<'t> {
        const HEAD: [&str; 4] = ["initializer", "value", "condition", "alias"];
        let mut before: Vec<Part<'t>> = HEAD[..3].iter().filter_map(|it| node.field(it)).map(Part::read).collect();
        before.extend(node.field("alias").map(Part::declare));
        let body = node.field("body").unwrap_or(node);
        let is_rust = self.0 == LanguageId::Rust;
        let inside = body.named_fields().into_iter().filter(|it| it.0.is_none_or(|field| !HEAD.contains(&field)));
        let cases = inside.filter_map(|it| self.one_case(it.1)).collect();
        Switch { before, cases, is_total: is_rust, takes_breaks: !is_rust }
    }

    fn one_case<'t>(&self, node: Node<'t>) -> Option<Case<'t>> {
        let (mut head, mut body) = (Vec::new(), Vec::new());
        let falls = match node.kind() {
            "match_arm" => return Some(match_arm(node)),
            "switch_rule" => false,
            "switch_case"
            | "switch_default"
            | "case_statement"
            | "default_statement"
            | "switch_block_statement_group" => true,
            "expression_case" | "type_case" | "default_case" | "communication_case" | "switch_section" => false,
            "comment" => return None,
            // A label that no statement of the kind holds: C lets statements stand before the first case.
            _ => return Some(Case { head, body: vec![node], is_default: false, falls_through: true }),
        };
        let mut is_default = matches!(node.kind(), "switch_default" | "default_statement" | "default_case");
        // C's `default:` is a case without a value, and C#'s a section that begins with the word.
        is_default |= node.text().starts_with("default");
        for (field, child) in node.named_fields() {
            let is_pattern = node.kind() == "switch_section"
                && body.is_empty()
                && !child.kind().ends_with("_statement")
                && child.kind() != "block";
            match (field, child.kind()) {
                // Any of several types will do; the first stands for them.
                (Some("type"), _) => head.extend(head.is_empty().then(|| Part::read(child))),
                (_, "switch_label") if child.text().starts_with("default") => is_default = true,
                (Some("value" | "communication"), _) | (_, "switch_label" | "when_clause") => {
                    head.push(Part::read(child))
                }
                _ if is_pattern => {
                    let mode = if child.kind().ends_with("_pattern") { Mode::Declare } else { Mode::Read };
                    head.push(Part { sometimes: true, ..Part::new(child, mode) });
                }
                _ => body.push(child),
            }
        }
        let ends_with_fall =
            node.named_children().last().is_some_and(|it| it.text().trim_end().ends_with("fallthrough"));
        // In C# a default may share its place with cases.
        if is_default {
            head.clear();
        }
        let falls = falls || (node.kind() == "switch_section" && body.is_empty());
        Some(Case { head, body, is_default, falls_through: falls || ends_with_fall })
    }
}

fn match_arm(node: Node<'_>) -> Case<'_> {
    let pattern = node.field("pattern");
    let has_guard = pattern.is_some_and(|it| it.field("condition").is_some());
    let is_default = !has_guard && pattern.is_some_and(|it| it.text() == "_");
    let mut head: Vec<Part<'_>> =
        pattern.map(|it| Part { sometimes: !is_default, ..Part::declare(it) }).into_iter().collect();
    if is_default {
        head.clear();
    }
    Case { head, body: node.field("value").into_iter().collect(), is_default, falls_through: false }
}

/// The children of these kinds.
fn named<'t>(node: Node<'t>, kinds: &'static [&'static str]) -> impl Iterator<Item = Node<'t>> {
    node.named_children().into_iter().filter(move |it| kinds.contains(&it.kind()))
}

/// The children in this field.
fn fields<'t>(node: Node<'t>, name: &'static str) -> impl Iterator<Item = Node<'t>> {
    node.named_fields().into_iter().filter(move |it| it.0 == Some(name)).map(|it| it.1)
}

fn inner_statements(node: Node<'_>) -> Vec<Node<'_>> {
    match node.named_children()[..] {
        // Go and PHP put a list between the braces and the statements.
        [only] if only.kind() == "statement_list" => only.named_children(),
        _ => node.named_children(),
    }
}

/// Whether an expression is a statement in all but name, as in Rust.
fn steers(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "if_expression"
            | "match_expression"
            | "loop_expression"
            | "while_expression"
            | "for_expression"
            | "return_expression"
            | "break_expression"
            | "continue_expression"
            | "unsafe_block"
            | "block"
    ) || (node.kind() == "switch_expression" && node.field("body").is_some())
}

/// A chain of `else if` is one branch, however long it is.
fn arms(node: Node<'_>) -> Vec<Arm<'_>> {
    let mut arms = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next.take() {
        let condition =
            ["initializer", "condition"].into_iter().filter_map(|it| node.field(it)).map(Part::read).collect();
        arms.push(Arm { condition, body: node.field("consequence").or_else(|| node.field("body")) });
        for alternative in fields(node, "alternative") {
            let inner = match alternative.kind() {
                // PHP lists all of them.
                "else_if_clause" => {
                    let condition = alternative.field("condition").map(Part::read).into_iter().collect();
                    arms.push(Arm { condition, body: alternative.field("body") });
                    continue;
                }
                "else_clause" => alternative.named_children().into_iter().find(|it| !it.kind().ends_with("comment")),
                _ => Some(alternative),
            };
            match inner {
                Some(inner) if matches!(inner.kind(), "if_statement" | "if_expression") => next = Some(inner),
                body => arms.push(Arm { condition: Vec::new(), body }),
            }
        }
    }
    arms
}

/// A loop of Rust carries its label itself.
fn labelled_loop<'t>(node: Node<'t>, turn: Loop<'t>) -> Shape<'t> {
    match named(node, &["label"]).next() {
        Some(label) => Shape::LabelledLoop { label: label.text(), turn },
        None => Shape::Loop(turn),
    }
}

fn go_loop(node: Node<'_>) -> Loop<'_> {
    let body = node.field("body");
    let head = node
        .named_children()
        .into_iter()
        .find(|it| Some(it.id()) != body.map(SyntaxNode::id) && it.kind() != "comment");
    let Some(head) = head else { return Loop { body, ..Loop::default() } };
    let part = |name: &str| head.field(name).map(Part::read);
    match head.kind() {
        "for_clause" => Loop {
            before: part("initializer").into_iter().collect(),
            condition: part("condition"),
            step: part("update").into_iter().collect(),
            body,
            ..Loop::default()
        },
        "range_clause" => {
            let declares = head.children().iter().any(|it| it.kind() == ":=");
            let mode = if declares { Mode::Declare } else { Mode::Bind };
            // Without variables it still goes round once an element; the head stands for the binding of none.
            let each =
                head.field("left").map(|it| Part::new(it, mode)).or_else(|| Some(Part::new(head, Mode::Announce)));
            Loop { before: part("right").into_iter().collect(), each, body, ..Loop::default() }
        }
        _ => Loop { condition: Some(Part::read(head)), body, ..Loop::default() },
    }
}

fn attempt(node: Node<'_>) -> Try<'_> {
    let mut attempt = Try { body: node.field("body").into_iter().collect(), ..Try::default() };
    attempt.resources.extend(node.field("resources").map(Part::read));
    for clause in node.named_children() {
        match clause.kind() {
            "catch_clause" => attempt.handlers.push(handler(clause)),
            "finally_clause" => {
                attempt.finally = clause.field("body").or_else(|| clause.named_children().into_iter().next_back());
            }
            _ => {}
        }
    }
    attempt
}

fn handler(clause: Node<'_>) -> Handler<'_> {
    let mut head = Vec::new();
    let named = ["parameter", "parameters", "name"].into_iter().find_map(|it| clause.field(it));
    let declaration = self::named(clause, &["catch_formal_parameter", "catch_declaration"]).next();
    head.extend(named.or(declaration).map(Part::declare));
    head.extend(self::named(clause, &["catch_filter_clause"]).map(Part::read));
    // JavaScript catches all; the others what the clause names.
    let of_all = ["(...)", "Throwable", "System.Exception"];
    let has_type = !matches!(clause.text().trim_start().strip_prefix("catch").map(str::trim_start), Some(it) if it.starts_with('{'))
        && clause.field("parameter").is_none();
    let catches_all = !has_type || named.is_some_and(|it| of_all.contains(&it.text()));
    Handler { head, body: clause.field("body"), catches_all }
}

fn with(node: Node<'_>) -> Shape<'_> {
    let body = node.field("body").or_else(|| named(node, &["block", "statement_block"]).next());
    let is_head = |it: &Node<'_>| Some(it.id()) != body.map(SyntaxNode::id) && !it.kind().ends_with("comment");
    Shape::With { head: node.named_children().into_iter().filter(is_head).map(Part::read).collect(), body }
}

fn labelled(node: Node<'_>) -> Shape<'_> {
    let label = node.field("label").or_else(|| node.named_children().into_iter().next());
    let body = node
        .field("body")
        .or_else(|| node.named_children().into_iter().rev().find(|it| Some(it.id()) != label.map(SyntaxNode::id)));
    match (label, body) {
        (Some(label), Some(body)) => Shape::Labelled { label: label.text(), body },
        (Some(label), None) => Shape::Labelled { label: label.text(), body: label },
        _ => Shape::Nothing,
    }
}

/// `let x = match … { … };`: first the value with its ways, then the binding.
fn with_steering_value(node: Node<'_>) -> Shape<'_> {
    match node.field("value") {
        Some(value) if steers(value) => Shape::Bound {
            value: Some(value),
            binding: node.field("pattern").map_or(Part::read(node), Part::declare),
            otherwise: node.field("alternative"),
        },
        Some(_) if node.field("alternative").is_some() => {
            Shape::Bound { value: None, binding: Part::read(node), otherwise: node.field("alternative") }
        }
        _ => Shape::Simple(node),
    }
}
