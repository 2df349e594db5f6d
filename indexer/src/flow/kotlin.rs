//! Kotlin's statements and names. Its grammar has few fields, so what a child is follows from its kind and place.

use super::shape::{Arm, Case, Expression, Handler, Loop, Lowering, Mode, Part, Runs, Shape, Switch, Target, Try};
use crate::syntax::SyntaxNode;

type Node<'t> = SyntaxNode<'t>;

pub(super) struct Kotlin;

impl Lowering for Kotlin {
    fn is_function(&self, node: Node<'_>) -> bool {
        is_function(node) && self.body(node).is_some()
    }

    fn name<'t>(&self, function: Node<'t>) -> &'t str {
        if function.kind() == "secondary_constructor" {
            return "constructor";
        }
        of_kind(function, "simple_identifier").next().map_or("", SyntaxNode::text)
    }

    fn parameters<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        ["function_value_parameters", "lambda_parameters"].into_iter().find_map(|it| of_kind(function, it).next())
    }

    fn body<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        ["function_body", "statements"].into_iter().find_map(|it| of_kind(function, it).next())
    }

    fn has_block_scopes(&self) -> bool {
        true
    }

    fn shape<'t>(&self, node: Node<'t>) -> Shape<'t> {
        match node.kind() {
            "line_comment" | "multiline_comment" | "label" => Shape::Nothing,
            "function_body" | "control_structure_body" | "finally_block" | "statements" => {
                Shape::Sequence(statements(node))
            }
            "if_expression" => Shape::Branch(arms(node)),
            "when_expression" => Shape::Switch(choice(node)),
            "for_statement" | "while_statement" | "do_while_statement" => {
                let before = node.previous_sibling().filter(|it| it.kind() == "label");
                match before {
                    Some(label) => Shape::LabelledLoop { label: label.text().trim_end_matches('@'), turn: turn(node) },
                    None => Shape::Loop(turn(node)),
                }
            }
            "try_expression" => Shape::Try(attempt(node)),
            "jump_expression" => jump(node),
            // What is tested decides how the value came about.
            "property_declaration" => match (value_of(node), declared(node)) {
                (Some(value), Some(name)) if steers(value) => {
                    Shape::Bound { value: Some(value), binding: Part::declare(name), otherwise: None }
                }
                _ => Shape::Simple(node),
            },
            _ => Shape::Simple(node),
        }
    }

    fn expression<'t>(&self, node: Node<'t>) -> Expression<'t> {
        if is_function(node) {
            return self.function(node);
        }
        match node.kind() {
            "simple_identifier" | "interpolated_identifier" => Expression::name(),
            "property_declaration" => {
                let mode = if value_of(node).is_some() { Mode::Declare } else { Mode::Announce };
                let delegate = of_kind(node, "property_delegate").map(Part::read);
                let mut parts: Vec<Part<'t>> = value_of(node).map(Part::read).into_iter().chain(delegate).collect();
                parts.extend(declared(node).map(|it| Part::new(it, mode)));
                Expression::of(parts)
            }
            "when_subject" => {
                let (names, values): (Vec<Node<'_>>, Vec<Node<'_>>) =
                    node.named_children().into_iter().partition(|it| it.kind() == "variable_declaration");
                Expression::of(values.into_iter().map(Part::read).chain(names.into_iter().map(Part::declare)).collect())
            }
            "assignment" => assignment(node),
            "postfix_expression" | "prefix_expression" if steps(node) => {
                let operand = node.named_children().into_iter().next();
                Expression::of(operand.map(|it| Part::new(it, Mode::Update)).into_iter().collect())
            }
            // The second is looked at only sometimes.
            "conjunction_expression"
            | "disjunction_expression"
            | "elvis_expression"
            | "if_expression"
            | "when_expression"
            | "try_expression" => {
                let mut children = node.named_children().into_iter();
                let first = children.next().map(Part::read).into_iter();
                Expression::of(first.chain(children.map(Part::sometimes)).collect())
            }
            // Members are no variables, nor are the names of arguments.
            "navigation_expression" => {
                Expression::of(node.named_children().into_iter().take(1).map(Part::read).collect())
            }
            "value_argument" if has_word(node, "=") => {
                Expression::of(node.named_children().into_iter().skip(1).map(Part::read).collect())
            }
            "class_declaration" | "object_declaration" | "object_literal" => {
                let body = of_kind(node, "class_body").map(Part::read).collect();
                Expression::scope(body, true, Runs::Now)
            }
            "user_type" | "nullable_type" | "function_type" | "parenthesized_type" | "type_arguments"
            | "type_parameters" | "annotation" | "modifiers" | "label" | "line_comment" | "multiline_comment"
            | "callable_reference" | "this_expression" | "super_expression" | "import_header" => Expression::nothing(),
            _ => Expression::children(node),
        }
    }

    fn target<'t>(&self, node: Node<'t>, mode: Mode) -> Target<'t> {
        let same = |nodes: Vec<Node<'t>>| Target::Parts(nodes.into_iter().map(|it| Part::new(it, mode)).collect());
        match node.kind() {
            "simple_identifier" if node.text() == "_" => Target::Parts(Vec::new()),
            "simple_identifier" => Target::Name,
            "directly_assignable_expression" => match node.named_children()[..] {
                [only] if only.kind() == "simple_identifier" => Target::Parts(vec![Part::new(only, mode)]),
                _ => Target::Read,
            },
            "variable_declaration" | "parameter" => same(of_kind(node, "simple_identifier").take(1).collect()),
            "multi_variable_declaration" | "lambda_parameters" => same(node.named_children()),
            // What a parameter is given when nothing is said stands beside it.
            "function_value_parameters" => {
                let part = |it: Node<'t>| match it.kind() {
                    "parameter" => Part::new(it, mode),
                    _ => Part::sometimes(it),
                };
                let parts = node.named_children().into_iter().filter(|it| it.kind() != "parameter_modifiers");
                Target::Parts(parts.map(part).collect())
            }
            "parenthesized_expression" => same(node.named_children()),
            _ => Target::Read,
        }
    }

    /// `f() ?: return`
    fn may_leave(&self, node: Node<'_>) -> bool {
        // A jump that is the whole statement has a shape of its own.
        let mut open = node.named_children();
        while let Some(node) = open.pop() {
            match node.kind() {
                "jump_expression" => return true,
                _ if is_function(node) => {}
                _ => open.extend(node.named_children()),
            }
        }
        false
    }
}

impl Kotlin {
    fn function<'t>(&self, node: Node<'t>) -> Expression<'t> {
        let mut inside: Vec<Part<'t>> = self.parameters(node).map(Part::declare).into_iter().collect();
        inside.extend(self.body(node).map(Part::read));
        let mut expression = Expression::scope(inside, false, Runs::Later);
        if node.kind() == "function_declaration" {
            expression.after.extend(of_kind(node, "simple_identifier").take(1).map(Part::declare));
        }
        expression
    }
}

fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_declaration" | "anonymous_function" | "lambda_literal" | "secondary_constructor")
}

fn of_kind<'t>(node: Node<'t>, kind: &'static str) -> impl Iterator<Item = Node<'t>> {
    node.named_children().into_iter().filter(move |it| it.kind() == kind)
}

fn has_word(node: Node<'_>, word: &str) -> bool {
    node.children().iter().any(|it| it.kind() == word)
}

/// Returns whether a unary expression counts up or down.
fn steps(node: Node<'_>) -> bool {
    has_word(node, "++") || has_word(node, "--")
}

/// Returns whether an expression is a statement in all but name.
fn steers(node: Node<'_>) -> bool {
    matches!(node.kind(), "if_expression" | "when_expression" | "try_expression")
}

/// The statements of a body, with or without braces.
fn statements(node: Node<'_>) -> Vec<Node<'_>> {
    match node.named_children()[..] {
        [only] if only.kind() == "statements" => only.named_children(),
        _ => node.named_children(),
    }
}

/// Returns the expression after the `=`.
fn value_of(node: Node<'_>) -> Option<Node<'_>> {
    node.children().into_iter().skip_while(|it| it.kind() != "=").skip(1).find(|it| it.is_named())
}

/// Returns what a property declares.
fn declared(node: Node<'_>) -> Option<Node<'_>> {
    ["variable_declaration", "multi_variable_declaration"].into_iter().find_map(|it| of_kind(node, it).next())
}

fn assignment(node: Node<'_>) -> Expression<'_> {
    let mode = if has_word(node, "=") { Mode::Bind } else { Mode::Update };
    match node.named_children()[..] {
        [target, value, ..] => Expression::of(vec![Part::read(value), Part::new(target, mode)]),
        _ => Expression::children(node),
    }
}

/// A chain of `else if` is one branch, however long it is.
fn arms(node: Node<'_>) -> Vec<Arm<'_>> {
    let mut arms = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next.take() {
        let condition = node.field("condition").map(Part::read).into_iter().collect();
        arms.push(Arm { condition, body: node.field("consequence") });
        let Some(alternative) = node.field("alternative") else { break };
        match alternative.named_children()[..] {
            [only] if only.kind() == "if_expression" => next = Some(only),
            _ => arms.push(Arm { condition: Vec::new(), body: Some(alternative) }),
        }
    }
    arms
}

fn choice(node: Node<'_>) -> Switch<'_> {
    let cases = of_kind(node, "when_entry").map(|entry| {
        let is_default = entry.children().first().is_some_and(|it| it.kind() == "else");
        let is_head = |it: &Node<'_>| matches!(it.kind(), "when_condition" | "guard_condition");
        let head = entry.named_children().into_iter().filter(is_head).map(Part::read).collect();
        let body = of_kind(entry, "control_structure_body").collect();
        Case { head, body, is_default, falls_through: false }
    });
    Switch {
        before: of_kind(node, "when_subject").map(Part::read).collect(),
        cases: cases.collect(),
        ..Switch::default()
    }
}

fn turn(node: Node<'_>) -> Loop<'_> {
    let body = of_kind(node, "control_structure_body").next();
    let mut head = node.named_children().into_iter().filter(|it| {
        !matches!(it.kind(), "control_structure_body" | "annotation" | "line_comment" | "multiline_comment")
    });
    match node.kind() {
        "for_statement" => {
            let each = head.next().map(Part::declare);
            Loop { before: head.next().map(Part::read).into_iter().collect(), each, body, ..Loop::default() }
        }
        kind => {
            let condition = head.next().map(Part::read);
            Loop { condition, body, body_first: kind == "do_while_statement", ..Loop::default() }
        }
    }
}

fn attempt(node: Node<'_>) -> Try<'_> {
    let handlers = of_kind(node, "catch_block").map(|clause| {
        let catches_all = of_kind(clause, "user_type").any(|it| it.text() == "Throwable");
        let head = of_kind(clause, "simple_identifier").map(Part::declare).collect();
        Handler { head, body: of_kind(clause, "statements").next(), catches_all }
    });
    Try {
        body: of_kind(node, "statements").collect(),
        handlers: handlers.collect(),
        finally: of_kind(node, "finally_block").next(),
        ..Try::default()
    }
}

/// `return`, `throw`, `break` and `continue`, perhaps `@label`.
fn jump(node: Node<'_>) -> Shape<'_> {
    let text = node.text();
    let label = text.split_once('@').map(|it| it.1);
    match text {
        _ if text.starts_with("throw") => Shape::Raise(node),
        _ if text.starts_with("break") => Shape::Break { node, label },
        _ if text.starts_with("continue") => Shape::Continue { node, label },
        _ => Shape::Return(node),
    }
}
