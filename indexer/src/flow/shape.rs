//! What a language says of its nodes: how statements steer, and what expressions read and bind.

use crate::syntax::SyntaxNode;

type Node<'t> = SyntaxNode<'t>;

/// The table of one language. Everything is answered from the node alone and from its nearest children.
pub(super) trait Lowering: Sync {
    /// Returns whether the node is a function with a body.
    fn is_function(&self, node: Node<'_>) -> bool;

    /// Returns the name of a function.
    fn name<'t>(&self, function: Node<'t>) -> &'t str {
        function.field("name").map_or("", SyntaxNode::text)
    }

    /// Returns what is bound on entry.
    fn parameters<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        function.field("parameters")
    }

    /// Returns the body.
    fn body<'t>(&self, function: Node<'t>) -> Option<Node<'t>> {
        function.field("body")
    }

    /// Returns whether a name that is declared in a block is gone after it.
    fn has_block_scopes(&self) -> bool;

    /// Returns what a statement does to the control flow.
    fn shape<'t>(&self, node: Node<'t>) -> Shape<'t>;

    /// Returns what an expression or simple statement reads and binds.
    fn expression<'t>(&self, node: Node<'t>) -> Expression<'t>;

    /// Returns what a node stands for where something is bound to it.
    fn target<'t>(&self, node: Node<'t>, mode: Mode) -> Target<'t>;

    /// Returns whether a simple statement may leave the function by itself, as with `?` in Rust.
    fn may_leave(&self, _node: Node<'_>) -> bool {
        false
    }
}

/// How a node is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is read.
    Read,
    /// It gets a value.
    Bind,
    /// It is a new variable that gets a value.
    Declare,
    /// It is a new variable without a value.
    Announce,
    /// It is read and gets a value.
    Update,
    /// It loses its value.
    Unbind,
}

/// A node and how it is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'t> {
    pub(super) node: Node<'t>,
    pub(super) mode: Mode,
    /// Whether it is taken only sometimes when the whole is.
    pub(super) sometimes: bool,
}

impl<'t> Part<'t> {
    pub(super) fn new(node: Node<'t>, mode: Mode) -> Part<'t> {
        Part { node, mode, sometimes: false }
    }

    pub(super) fn read(node: Node<'t>) -> Part<'t> {
        Part::new(node, Mode::Read)
    }

    pub(super) fn bind(node: Node<'t>) -> Part<'t> {
        Part::new(node, Mode::Bind)
    }

    pub(super) fn declare(node: Node<'t>) -> Part<'t> {
        Part::new(node, Mode::Declare)
    }

    pub(super) fn sometimes(node: Node<'t>) -> Part<'t> {
        Part { node, mode: Mode::Read, sometimes: true }
    }
}

/// What an expression takes, in the order of evaluation.
#[derive(Debug, Default)]
pub(super) struct Expression<'t> {
    /// Whether the node is itself a name that is read.
    pub(super) is_name: bool,
    pub(super) parts: Vec<Part<'t>>,
    /// A scope of its own: a nested function, a comprehension.
    pub(super) scope: Option<Scope<'t>>,
    /// What follows the scope.
    pub(super) after: Vec<Part<'t>>,
}

/// A scope inside of an expression.
#[derive(Debug)]
pub(super) struct Scope<'t> {
    pub(super) parts: Vec<Part<'t>>,
    /// Whether what is bound in it is its own even without a declaration, as in a Python function.
    pub(super) owns_all: bool,
    pub(super) runs: Runs,
}

/// When a scope runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// Where it stands, as a comprehension does.
    Now,
    /// Whenever it is called.
    Later,
}

impl<'t> Expression<'t> {
    pub(super) fn name() -> Expression<'t> {
        Expression { is_name: true, ..Expression::default() }
    }

    pub(super) fn nothing() -> Expression<'t> {
        Expression::default()
    }

    pub(super) fn of(parts: Vec<Part<'t>>) -> Expression<'t> {
        Expression { parts, ..Expression::default() }
    }

    /// All named children, read from left to right.
    pub(super) fn children(node: Node<'t>) -> Expression<'t> {
        Expression::of(node.named_children().into_iter().map(Part::read).collect())
    }

    pub(super) fn scope(parts: Vec<Part<'t>>, owns_all: bool, runs: Runs) -> Expression<'t> {
        Expression { scope: Some(Scope { parts, owns_all, runs }), ..Expression::default() }
    }
}

/// What a node stands for where something is bound to it.
#[derive(Debug)]
pub(super) enum Target<'t> {
    /// A variable of the node's text.
    Name,
    /// Several nodes, each with its own mode.
    Parts(Vec<Part<'t>>),
    /// No variable: the node is read (`a.b`, `a[i]`).
    Read,
}

/// What a statement does to the control flow.
#[derive(Debug)]
pub(super) enum Shape<'t> {
    /// Nothing at all, like a comment.
    Nothing,
    /// It runs and goes on.
    Simple(Node<'t>),
    /// One after the other.
    Sequence(Vec<Node<'t>>),
    /// The first arm whose condition holds; an arm without a condition always does.
    Branch(Vec<Arm<'t>>),
    /// Again and again.
    Loop(Loop<'t>),
    /// With a way out for failures.
    Try(Try<'t>),
    /// A head, then a body in which names of the head are known.
    With { head: Vec<Part<'t>>, body: Option<Node<'t>> },
    /// One of several cases.
    Switch(Switch<'t>),
    /// It leaves the function.
    Return(Node<'t>),
    /// It fails.
    Raise(Node<'t>),
    /// It leaves the loop or switch, or that of the label.
    Break { node: Node<'t>, label: Option<&'t str> },
    /// It goes round the loop, or that of the label.
    Continue { node: Node<'t>, label: Option<&'t str> },
    /// A loop that carries its name itself.
    LabelledLoop { label: &'t str, turn: Loop<'t> },
    /// A value that is itself made by statements, then its binding; where the pattern does not fit, another way.
    Bound { value: Option<Node<'t>>, binding: Part<'t>, otherwise: Option<Node<'t>> },
    /// It goes on at the statement of this name.
    Goto { node: Node<'t>, label: &'t str },
    /// A statement with a name.
    Labelled { label: &'t str, body: Node<'t> },
}

/// One arm of a branch.
#[derive(Debug)]
pub(super) struct Arm<'t> {
    /// What is evaluated to decide, the last of which does; nothing where the arm is always taken.
    pub(super) condition: Vec<Part<'t>>,
    pub(super) body: Option<Node<'t>>,
}

/// A loop.
#[derive(Debug, Default)]
pub(super) struct Loop<'t> {
    /// What runs once before.
    pub(super) before: Vec<Part<'t>>,
    /// What must hold to go on; with neither this nor `each` the loop is endless.
    pub(super) condition: Option<Part<'t>>,
    /// What gets the next element.
    pub(super) each: Option<Part<'t>>,
    pub(super) body: Option<Node<'t>>,
    /// What runs after each turn.
    pub(super) step: Vec<Part<'t>>,
    /// What runs when the loop ends without a break.
    pub(super) otherwise: Option<Node<'t>>,
    /// Whether the condition is looked at only after the first turn.
    pub(super) body_first: bool,
}

/// A body whose failures are met.
#[derive(Debug, Default)]
pub(super) struct Try<'t> {
    /// What is opened before the body and whose failures are met as well.
    pub(super) resources: Vec<Part<'t>>,
    /// The statements that are tried.
    pub(super) body: Vec<Node<'t>>,
    pub(super) handlers: Vec<Handler<'t>>,
    /// What runs after a body that did not fail.
    pub(super) otherwise: Option<Node<'t>>,
    pub(super) finally: Option<Node<'t>>,
}

/// One handler of failures.
#[derive(Debug)]
pub(super) struct Handler<'t> {
    pub(super) head: Vec<Part<'t>>,
    pub(super) body: Option<Node<'t>>,
    /// Whether no failure passes it.
    pub(super) catches_all: bool,
}

/// A choice among cases.
#[derive(Debug, Default)]
pub(super) struct Switch<'t> {
    /// What runs before the cases are compared.
    pub(super) before: Vec<Part<'t>>,
    pub(super) cases: Vec<Case<'t>>,
    /// Whether some case always fits, as the compiler demands in Rust.
    pub(super) is_total: bool,
    /// Whether `break` leaves it.
    pub(super) takes_breaks: bool,
}

/// One case.
#[derive(Debug)]
pub(super) struct Case<'t> {
    /// What is compared; a default case has nothing.
    pub(super) head: Vec<Part<'t>>,
    pub(super) body: Vec<Node<'t>>,
    /// Whether it fits whatever comes.
    pub(super) is_default: bool,
    /// Whether it runs into the next one.
    pub(super) falls_through: bool,
}
