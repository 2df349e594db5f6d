//! Python's statements and names.

use super::shape::{Arm, Case, Expression, Handler, Loop, Lowering, Mode, Part, Runs, Shape, Switch, Target, Try};
use crate::syntax::SyntaxNode;

type Node<'t> = SyntaxNode<'t>;

pub(super) struct Python;

impl Lowering for Python {
    fn is_function(&self, node: Node<'_>) -> bool {
        matches!(node.kind(), "function_definition" | "lambda")
    }

    fn has_block_scopes(&self) -> bool {
        false
    }

    fn shape<'t>(&self, node: Node<'t>) -> Shape<'t> {
        let body = node.field("body");
        match node.kind() {
            "comment" | ";" => Shape::Nothing,
            "block" | "module" => Shape::Sequence(node.named_children()),
            "if_statement" => Shape::Branch(arms(node)),
            "while_statement" => Shape::Loop(Loop {
                condition: node.field("condition").map(Part::read),
                body,
                otherwise: alternative(node),
                ..Loop::default()
            }),
            "for_statement" => Shape::Loop(Loop {
                before: node.field("right").map(Part::read).into_iter().collect(),
                each: node.field("left").map(Part::bind),
                body,
                otherwise: alternative(node),
                ..Loop::default()
            }),
            "try_statement" => Shape::Try(attempt(node)),
            "with_statement" => Shape::With { head: of_kind(node, "with_clause").map(Part::read).collect(), body },
            "match_statement" => Shape::Switch(choice(node)),
            "return_statement" => Shape::Return(node),
            "raise_statement" => Shape::Raise(node),
            "break_statement" => Shape::Break { node, label: None },
            "continue_statement" => Shape::Continue { node, label: None },
            _ => Shape::Simple(node),
        }
    }

    fn expression<'t>(&self, node: Node<'t>) -> Expression<'t> {
        let field = |name: &str| node.field(name);
        let reads = |fields: &[Option<Node<'t>>]| fields.iter().flatten().map(|it| Part::read(*it)).collect::<Vec<_>>();
        match node.kind() {
            "identifier" => Expression::name(),
            "type" | "comment" | "global_statement" | "nonlocal_statement" => Expression::nothing(),
            "attribute" => Expression::of(reads(&[field("object")])),
            "keyword_argument" => Expression::of(reads(&[field("value")])),
            "assignment" => assignment(field("right"), field("left"), Mode::Bind),
            "augmented_assignment" => assignment(field("right"), field("left"), Mode::Update),
            "named_expression" => assignment(field("value"), field("name"), Mode::Bind),
            "boolean_operator" => {
                let mut parts = reads(&[field("left")]);
                parts.extend(field("right").map(Part::sometimes));
                Expression::of(parts)
            }
            "conditional_expression" => conditional(node),
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                comprehension(node)
            }
            "for_in_clause" => {
                let mut parts = reads(&[field("right")]);
                parts.extend(field("left").map(Part::declare));
                Expression::of(parts)
            }
            "lambda" => {
                let mut parts: Vec<Part<'t>> = field("parameters").map(Part::declare).into_iter().collect();
                parts.extend(reads(&[field("body")]));
                Expression::scope(parts, false, Runs::Later)
            }
            "function_definition" | "class_definition" => definition(node),
            "import_statement" | "import_from_statement" => imports(node),
            "as_pattern" => aliased(node),
            "delete_statement" => {
                let part = |it| Part::new(it, Mode::Unbind);
                Expression::of(node.named_children().into_iter().map(part).collect())
            }
            _ => Expression::children(node),
        }
    }

    fn target<'t>(&self, node: Node<'t>, mode: Mode) -> Target<'t> {
        let same = |nodes: Vec<Node<'t>>| Target::Parts(nodes.into_iter().map(|it| Part::new(it, mode)).collect());
        let valued = |name: Option<Node<'t>>, value: Option<Node<'t>>| {
            let mut parts: Vec<Part<'t>> = value.map(Part::read).into_iter().collect();
            parts.extend(name.map(|it| Part::new(it, mode)));
            Target::Parts(parts)
        };
        match node.kind() {
            "identifier" => Target::Name,
            "attribute" | "subscript" => Target::Read,
            "default_parameter" | "typed_default_parameter" => valued(node.field("name"), node.field("value")),
            "typed_parameter" => same(node.named_children().into_iter().take(1).collect()),
            // Patterns of `match`.
            "dotted_name" => pattern_name(node, mode),
            "class_pattern" => {
                let mut children = node.named_children().into_iter();
                let mut parts: Vec<Part<'t>> = children.next().map(Part::read).into_iter().collect();
                parts.extend(children.map(|it| Part::new(it, mode)));
                Target::Parts(parts)
            }
            "keyword_pattern" => same(node.named_children().into_iter().skip(1).collect()),
            "type" | "comment" => Target::Parts(Vec::new()),
            _ => same(node.named_children()),
        }
    }
}

fn of_kind<'t>(node: Node<'t>, kind: &'static str) -> impl Iterator<Item = Node<'t>> {
    node.named_children().into_iter().filter(move |it| it.kind() == kind)
}

fn arms(node: Node<'_>) -> Vec<Arm<'_>> {
    let mut arms = vec![arm(node)];
    for clause in node.named_children() {
        match clause.kind() {
            "elif_clause" => arms.push(arm(clause)),
            "else_clause" => arms.push(Arm { condition: Vec::new(), body: clause.field("body") }),
            _ => {}
        }
    }
    arms
}

fn arm(node: Node<'_>) -> Arm<'_> {
    Arm { condition: node.field("condition").map(Part::read).into_iter().collect(), body: node.field("consequence") }
}

fn alternative(node: Node<'_>) -> Option<Node<'_>> {
    node.field("alternative")?.field("body")
}

fn attempt(node: Node<'_>) -> Try<'_> {
    let mut attempt = Try { body: node.field("body").into_iter().collect(), ..Try::default() };
    for clause in node.named_children() {
        let body = of_kind(clause, "block").last();
        match clause.kind() {
            "except_clause" | "except_group_clause" => {
                let is_head = |it: &Node<'_>| !matches!(it.kind(), "block" | "comment");
                let head: Vec<Part<'_>> = clause.named_children().into_iter().filter(is_head).map(Part::read).collect();
                let catches_all = head.is_empty() || head.iter().any(|it| it.node.text() == "BaseException");
                attempt.handlers.push(Handler { head, body, catches_all });
            }
            "else_clause" => attempt.otherwise = clause.field("body"),
            "finally_clause" => attempt.finally = body,
            _ => {}
        }
    }
    attempt
}

fn choice(node: Node<'_>) -> Switch<'_> {
    let mut choice =
        Switch { before: node.field("subject").map(Part::read).into_iter().collect(), ..Switch::default() };
    let body = node.field("body").map(SyntaxNode::named_children).unwrap_or_default();
    for clause in body.into_iter().filter(|it| it.kind() == "case_clause") {
        let patterns: Vec<Node<'_>> = of_kind(clause, "case_pattern").collect();
        let guard = clause.field("guard");
        let is_default = guard.is_none() && patterns.len() == 1 && always_fits(patterns[0]);
        // A pattern that fails half way may have bound some of its names.
        let pattern = |it| Part { node: it, mode: Mode::Bind, sometimes: !is_default };
        let mut head: Vec<Part<'_>> = patterns.into_iter().map(pattern).collect();
        head.extend(guard.map(Part::read));
        choice.cases.push(Case {
            head,
            body: clause.field("consequence").into_iter().collect(),
            is_default,
            falls_through: false,
        });
    }
    choice
}

/// `case _` and `case name` fit everything.
fn always_fits(pattern: Node<'_>) -> bool {
    match pattern.named_children()[..] {
        [] => pattern.text() == "_",
        [only] => only.kind() == "dotted_name" && only.named_children().len() == 1,
        _ => false,
    }
}

fn assignment<'t>(value: Option<Node<'t>>, target: Option<Node<'t>>, mode: Mode) -> Expression<'t> {
    // `x: int` alone binds nothing.
    let Some(value) = value else { return Expression::nothing() };
    let mut parts = vec![Part::read(value)];
    parts.extend(target.map(|it| Part::new(it, mode)));
    Expression::of(parts)
}

fn conditional(node: Node<'_>) -> Expression<'_> {
    match node.named_children()[..] {
        [then, condition, otherwise] => {
            Expression::of(vec![Part::read(condition), Part::sometimes(then), Part::sometimes(otherwise)])
        }
        _ => Expression::children(node),
    }
}

/// The clauses run before the element.
fn comprehension(node: Node<'_>) -> Expression<'_> {
    let (clauses, element): (Vec<Node<'_>>, Vec<Node<'_>>) =
        node.named_children().into_iter().partition(|it| matches!(it.kind(), "for_in_clause" | "if_clause"));
    Expression::scope(clauses.into_iter().chain(element).map(Part::read).collect(), false, Runs::Now)
}

fn definition(node: Node<'_>) -> Expression<'_> {
    let mut expression = Expression::default();
    expression.parts.extend(node.field("superclasses").map(Part::read));
    let runs = if node.kind() == "class_definition" { Runs::Now } else { Runs::Later };
    let mut inside: Vec<Part<'_>> = node.field("parameters").map(Part::declare).into_iter().collect();
    inside.extend(node.field("body").map(Part::read));
    expression.scope = Expression::scope(inside, true, runs).scope;
    expression.after.extend(node.field("name").map(Part::bind));
    expression
}

fn imports(node: Node<'_>) -> Expression<'_> {
    let module = node.field("module_name").map(|it| it.span());
    let mut parts = Vec::new();
    for child in node.named_children().into_iter().filter(|it| Some(it.span()) != module) {
        let bound = match child.kind() {
            "dotted_name" => child.named_children().into_iter().next(),
            "aliased_import" => child.field("alias"),
            _ => None,
        };
        parts.extend(bound.map(Part::bind));
    }
    Expression::of(parts)
}

/// `value as name`, of `with`, `except` and patterns.
fn aliased(node: Node<'_>) -> Expression<'_> {
    let alias = node.field("alias");
    let span = alias.map(|it| it.span());
    let mut parts: Vec<Part<'_>> =
        node.named_children().into_iter().filter(|it| Some(it.span()) != span).map(Part::read).collect();
    parts.extend(alias.map(Part::bind));
    Expression::of(parts)
}

fn pattern_name(node: Node<'_>, mode: Mode) -> Target<'_> {
    match node.named_children()[..] {
        [name] if name.text() == "_" => Target::Parts(Vec::new()),
        [name] => Target::Parts(vec![Part::new(name, mode)]),
        // `case Color.RED` compares.
        _ => Target::Parts(node.named_children().into_iter().take(1).map(Part::read).collect()),
    }
}
