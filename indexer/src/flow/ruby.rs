//! Ruby's statements and names.

use super::shape::{Arm, Case, Expression, Handler, Loop, Lowering, Mode, Part, Runs, Shape, Switch, Target, Try};
use crate::syntax::SyntaxNode;

type Node<'t> = SyntaxNode<'t>;

/// What goes round.
const LOOPS: &[&str] = &["while", "until", "for", "while_modifier", "until_modifier"];
/// What has a body of its own that `next` leaves.
const FUNCTIONS: &[&str] = &["method", "singleton_method", "block", "do_block", "lambda"];

pub(super) struct Ruby;

impl Lowering for Ruby {
    fn is_function(&self, node: Node<'_>) -> bool {
        // The block of a lambda is the lambda's.
        let is_inner =
            matches!(node.kind(), "block" | "do_block") && node.parent().is_some_and(|it| it.kind() == "lambda");
        FUNCTIONS.contains(&node.kind()) && node.field("body").is_some() && !is_inner
    }

    fn body<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        let body = function.field("body")?;
        if function.kind() == "lambda" { body.field("body") } else { Some(body) }
    }

    fn has_block_scopes(&self) -> bool {
        false
    }

    fn shape<'t>(&self, node: Node<'t>) -> Shape<'t> {
        match node.kind() {
            "comment" | "empty_statement" => Shape::Nothing,
            "body_statement" | "begin" if has_clauses(node) => Shape::Try(attempt(node)),
            "body_statement"
            | "begin"
            | "block_body"
            | "then"
            | "do"
            | "else"
            | "ensure"
            | "parenthesized_statements" => Shape::Sequence(node.named_children()),
            "if" | "unless" => Shape::Branch(arms(node)),
            "if_modifier" | "unless_modifier" => Shape::Branch(arms_of_modifier(node)),
            it if LOOPS.contains(&it) => Shape::Loop(turn(node)),
            "case" | "case_match" => Shape::Switch(choice(node)),
            "return" => Shape::Return(node),
            // What leaves a block ends it; the loops around it are those of another function.
            "next" | "break" if !in_loop(node) => Shape::Return(node),
            "next" => Shape::Continue { node, label: None },
            "break" => Shape::Break { node, label: None },
            _ if raises(node) => Shape::Raise(node),
            "assignment" => match (node.field("right"), node.field("left")) {
                (Some(value), Some(target)) if steers(value) => {
                    Shape::Bound { value: Some(value), binding: Part::bind(target), otherwise: None }
                }
                _ => Shape::Simple(node),
            },
            _ => Shape::Simple(node),
        }
    }

    fn expression<'t>(&self, node: Node<'t>) -> Expression<'t> {
        let read = |name: &str| node.field(name).map(Part::read);
        match node.kind() {
            "identifier" => Expression::name(),
            it if FUNCTIONS.contains(&it) => self.function(node),
            "class" | "module" | "singleton_class" => {
                Expression::scope(node.field("body").map(Part::read).into_iter().collect(), true, Runs::Now)
            }
            "assignment" => valued(node, Mode::Bind),
            "operator_assignment" => valued(node, Mode::Update),
            // Methods are no variables.
            "call" => Expression::of(["receiver", "arguments", "block"].into_iter().filter_map(read).collect()),
            "pair" => {
                let key = node.field("key").filter(|it| it.kind() != "hash_key_symbol").map(Part::read);
                Expression::of(key.into_iter().chain(read("value")).collect())
            }
            "binary" if matches!(node.field("operator").map_or("", SyntaxNode::text), "&&" | "||" | "and" | "or") => {
                Expression::of(read("left").into_iter().chain(node.field("right").map(Part::sometimes)).collect())
            }
            "conditional" | "if" | "unless" | "elsif" | "if_modifier" | "unless_modifier" => {
                let ways = ["consequence", "alternative", "body"].into_iter().filter_map(|it| node.field(it));
                Expression::of(read("condition").into_iter().chain(ways.map(Part::sometimes)).collect())
            }
            "case" | "case_match" => {
                let value = node.field("value");
                let clauses = node.named_children().into_iter().filter(|it| Some(it.id()) != value.map(SyntaxNode::id));
                Expression::of(read("value").into_iter().chain(clauses.map(Part::sometimes)).collect())
            }
            "in_clause" => {
                let pattern = node.field("pattern").map(|it| Part { sometimes: true, ..Part::bind(it) });
                let rest = ["guard", "body"].into_iter().filter_map(read);
                Expression::of(pattern.into_iter().chain(rest).collect())
            }
            "rescue_modifier" => {
                let handler = node.field("handler").map(Part::sometimes);
                Expression::of(read("body").into_iter().chain(handler).collect())
            }
            "exception_variable" => Expression::of(node.named_children().into_iter().map(Part::bind).collect()),
            "alias" | "undef" | "comment" => Expression::nothing(),
            _ => Expression::children(node),
        }
    }

    fn target<'t>(&self, node: Node<'t>, mode: Mode) -> Target<'t> {
        match node.kind() {
            "identifier" if node.text() == "_" => Target::Parts(Vec::new()),
            "identifier" => Target::Name,
            // Those of the instance and the program outlive the function.
            "instance_variable" | "class_variable" | "global_variable" | "constant" => Target::Parts(Vec::new()),
            "call" | "element_reference" | "scope_resolution" | "self" => Target::Read,
            "optional_parameter"
            | "keyword_parameter"
            | "splat_parameter"
            | "hash_splat_parameter"
            | "block_parameter" => {
                let value = node.field("value").map(Part::sometimes);
                let name = node.field("name").map(|it| Part::new(it, mode));
                Target::Parts(value.into_iter().chain(name).collect())
            }
            // `in {key:}` binds `key`.
            "keyword_pattern" => {
                let bound = node.field("value").or_else(|| node.field("key"));
                Target::Parts(bound.map(|it| Part::new(it, mode)).into_iter().collect())
            }
            "hash_key_symbol" => Target::Name,
            _ => Target::Parts(node.named_children().into_iter().map(|it| Part::new(it, mode)).collect()),
        }
    }

    /// `value or return`, `value || raise(…)`
    fn may_leave(&self, node: Node<'_>) -> bool {
        // A jump that is the whole statement has a shape of its own.
        let mut open = node.named_children();
        while let Some(node) = open.pop() {
            match node.kind() {
                "return" => return true,
                it if FUNCTIONS.contains(&it) => {}
                _ if raises(node) => return true,
                _ => open.extend(node.named_children()),
            }
        }
        false
    }
}

impl Ruby {
    /// A block sees the names around it; a method does not.
    fn function<'t>(&self, node: Node<'t>) -> Expression<'t> {
        let mut inside: Vec<Part<'t>> = self.parameters(node).map(Part::declare).into_iter().collect();
        inside.extend(self.body(node).map(Part::read));
        Expression::scope(inside, matches!(node.kind(), "method" | "singleton_method"), Runs::Later)
    }
}

fn of_kind<'t>(node: Node<'t>, kind: &'static str) -> impl Iterator<Item = Node<'t>> {
    node.named_children().into_iter().filter(move |it| it.kind() == kind)
}

fn steers(node: Node<'_>) -> bool {
    matches!(node.kind(), "if" | "unless" | "case" | "case_match" | "begin")
}

/// Returns whether a statement fails on purpose.
fn raises(node: Node<'_>) -> bool {
    let called = match node.kind() {
        "call" if node.field("receiver").is_none() => node.field("method"),
        "identifier" => Some(node),
        _ => None,
    };
    called.is_some_and(|it| matches!(it.text(), "raise" | "fail"))
}

/// Returns whether the nearest body around a jump is that of a loop.
fn in_loop(node: Node<'_>) -> bool {
    let mut around = node.ancestors().filter(|it| LOOPS.contains(&it.kind()) || FUNCTIONS.contains(&it.kind()));
    around.next().is_some_and(|it| LOOPS.contains(&it.kind()))
}

fn has_clauses(node: Node<'_>) -> bool {
    node.named_children().iter().any(|it| matches!(it.kind(), "rescue" | "ensure"))
}

fn valued(node: Node<'_>, mode: Mode) -> Expression<'_> {
    let value = node.field("right").map(Part::read);
    Expression::of(value.into_iter().chain(node.field("left").map(|it| Part::new(it, mode))).collect())
}

/// A chain of `elsif` is one branch. `unless` goes its first way where the condition does not hold.
fn arms(node: Node<'_>) -> Vec<Arm<'_>> {
    let mut arms = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next.take() {
        let condition: Vec<Part<'_>> = node.field("condition").map(Part::read).into_iter().collect();
        let (then, otherwise) = (node.field("consequence"), node.field("alternative"));
        if node.kind() == "unless" {
            return vec![Arm { condition, body: otherwise }, Arm { condition: Vec::new(), body: then }];
        }
        arms.push(Arm { condition, body: then });
        match otherwise {
            Some(it) if it.kind() == "elsif" => next = Some(it),
            Some(it) => arms.push(Arm { condition: Vec::new(), body: Some(it) }),
            None => {}
        }
    }
    arms
}

fn arms_of_modifier(node: Node<'_>) -> Vec<Arm<'_>> {
    let condition = node.field("condition").map(Part::read).into_iter().collect();
    let body = node.field("body");
    match node.kind() {
        "unless_modifier" => vec![Arm { condition, body: None }, Arm { condition: Vec::new(), body }],
        _ => vec![Arm { condition, body }],
    }
}

fn turn(node: Node<'_>) -> Loop<'_> {
    let body = node.field("body");
    if node.kind() == "for" {
        let over = node.field("value").map(Part::read).into_iter().collect();
        return Loop { before: over, each: node.field("pattern").map(Part::bind), body, ..Loop::default() };
    }
    // `begin … end while x` runs once before it asks.
    let body_first = node.kind().ends_with("_modifier") && body.is_some_and(|it| it.kind() == "begin");
    Loop { condition: node.field("condition").map(Part::read), body, body_first, ..Loop::default() }
}

fn choice(node: Node<'_>) -> Switch<'_> {
    let mut choice = Switch { before: node.field("value").map(Part::read).into_iter().collect(), ..Switch::default() };
    for clause in node.named_children() {
        let body: Vec<Node<'_>> = clause.field("body").into_iter().collect();
        let case = match clause.kind() {
            "when" => Case {
                head: of_kind(clause, "pattern").map(Part::read).collect(),
                body,
                is_default: false,
                falls_through: false,
            },
            "in_clause" => {
                let mut head: Vec<Part<'_>> = Vec::new();
                // A pattern that fails half way may have bound some of its names.
                head.extend(clause.field("pattern").map(|it| Part { sometimes: true, ..Part::bind(it) }));
                head.extend(clause.field("guard").map(Part::read));
                Case { head, body, is_default: false, falls_through: false }
            }
            "else" => Case { head: Vec::new(), body: vec![clause], is_default: true, falls_through: false },
            _ => continue,
        };
        choice.cases.push(case);
    }
    choice
}

/// `begin … rescue … else … ensure … end`, or the body of a method that has such clauses; what comes before them is the body.
fn attempt(node: Node<'_>) -> Try<'_> {
    let mut attempt = Try::default();
    for clause in node.named_children() {
        match clause.kind() {
            "rescue" => {
                let exceptions = clause.field("exceptions");
                let head = ["exceptions", "variable"].into_iter().filter_map(|it| clause.field(it)).map(Part::read);
                let catches_all = exceptions.is_some_and(|it| it.text() == "Exception");
                attempt.handlers.push(Handler { head: head.collect(), body: clause.field("body"), catches_all });
            }
            "else" => attempt.otherwise = Some(clause),
            "ensure" => attempt.finally = Some(clause),
            _ => attempt.body.push(clause),
        }
    }
    attempt
}
