//! Control flow and def-use of one function, made when asked for.
//!
//! The core knows no language: basic blocks, edges with kinds, and reaching definitions by a worklist (Aho, Lam, Sethi and Ullman,
//! "Compilers", 9.2). What the nodes of a grammar mean is one small file a language below `flow/`.
//!
//! What the views promise, and what they do not:
//! - Every statement is in exactly one block, unreachable ones too; conditions and heads of loops are statements of their own.
//! - Inside `try` every statement may fail before or after it binds its names; elsewhere only an explicit `raise` (Rust: `?`) leaves early.
//! - A `finally` is there once, with a way on for each way in, so some paths through it are not real.
//! - Names that a nested function reads are uses where it is made, of any definition, since it may run at any time; what it binds of the
//!   outer function is a definition that may happen.
//! - Attributes and elements are not variables: `a.b = 1` uses `a`.

mod build;
mod curly;
mod events;
mod kotlin;
mod python;
mod reach;
mod ruby;
mod shape;
#[cfg(test)]
mod tests;
mod tidy;
mod view;

use std::ops::Range;

use serde::Serialize;

use crate::symbol::LineRange;
use crate::syntax::{LanguageId, SyntaxNode, SyntaxTree};
use shape::Lowering;

/// A function nested deeper than this in statements has no views; no person writes such.
pub(crate) const MAX_NESTING: usize = 120;
/// A function of more statements than this has no views: programs write such.
pub(crate) const MAX_STATEMENTS: usize = 8_000;
/// Nor has one that gives values to variables in more places than this.
pub(crate) const MAX_DEFINITIONS: usize = 16_000;

/// The control flow and the def-use chains of one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// The function's name; empty for a lambda.
    pub name: String,
    /// The function's lines.
    pub lines: LineRange,
    /// The basic blocks: the first is the entry, in which the parameters are bound, the second the exit, which is empty.
    pub blocks: Vec<Block>,
    /// The ways from block to block, in the order of their sources.
    pub edges: Vec<FlowEdge>,
    /// The statements, in source order as far as the language goes by it.
    pub statements: Vec<Statement>,
    /// The variables; two of one name stand in different scopes.
    pub variables: Vec<String>,
    /// Where variables get a value.
    pub definitions: Vec<FlowDefinition>,
    /// Where variables are read, with the definitions that may be meant.
    pub uses: Vec<FlowUse>,
}

/// Statements that run one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Block {
    /// Places in [`Flow::statements`].
    pub statements: Vec<u32>,
}

/// A way from the end of one block to the begin of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FlowEdge {
    /// The block that is left.
    pub from: u32,
    /// The block that is entered.
    pub to: u32,
    /// When this way is taken.
    pub kind: FlowKind,
}

/// When an edge is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// Always.
    Next,
    /// When the condition holds, the loop has another element, the case fits.
    True,
    /// When not.
    False,
    /// When something fails.
    Exception,
    /// To go round a loop again.
    Loop,
    /// To leave the function.
    Return,
}

/// One statement, or one head of a compound statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its bytes.
    pub span: Range<usize>,
    /// Its first line, counted from 1.
    pub line: u32,
}

/// A place at which a variable gets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FlowDefinition {
    /// The variable: its place in [`Flow::variables`].
    pub variable: u32,
    /// The statement: its place in [`Flow::statements`].
    pub statement: u32,
    /// Whether it happens whenever the statement runs to its end.
    pub sure: bool,
    /// Whether it takes the value away (`del x`).
    pub removes: bool,
}

/// A place at which a variable is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowUse {
    /// The variable: its place in [`Flow::variables`].
    pub variable: u32,
    /// The statement: its place in [`Flow::statements`].
    pub statement: u32,
    /// The definitions that may be meant, by their places; none where the name comes from outside of the function.
    pub definitions: Vec<u32>,
}

/// Why a function has no views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// No function is there.
    #[error("no function is at this place")]
    NoFunction,
    /// The function is nested too deeply or has too many statements.
    #[error("the function is too large for its control flow to be shown")]
    TooLarge,
}

impl Flow {
    /// Returns the views of the innermost function around a line, counted from 1.
    ///
    /// # Errors
    /// When there is none, or it is too large.
    pub fn at_line(tree: &SyntaxTree, line: u32) -> Result<Flow, FlowError> {
        let lowering = lowering(tree.language());
        let holds = |it: &SyntaxNode<'_>| it.start_line() <= line as usize && line as usize <= it.end_line();
        let innermost = functions(tree, lowering).into_iter().filter(holds).min_by_key(|it| it.span().len());
        build::flow(innermost.ok_or(FlowError::NoFunction)?, lowering)
    }

    /// Returns the views of all functions of a file, the outer before those in them; what is too large is left out.
    pub fn of_all(tree: &SyntaxTree) -> Vec<Flow> {
        let lowering = lowering(tree.language());
        functions(tree, lowering).into_iter().filter_map(|it| build::flow(it, lowering).ok()).collect()
    }

    /// Returns the edges that leave a block.
    pub fn edges_from(&self, block: u32) -> impl Iterator<Item = &FlowEdge> {
        self.edges.iter().filter(move |it| it.from == block)
    }

    /// Returns the view as text: a line a block, then a line a variable, each definition with the lines in which it is used.
    pub fn render(&self, text: &[u8]) -> String {
        view::render(self, text)
    }
}

fn functions<'t>(tree: &'t SyntaxTree, lowering: &dyn Lowering) -> Vec<SyntaxNode<'t>> {
    tree.root().descendants().filter(|it| lowering.is_function(*it)).collect()
}

fn lowering(language: LanguageId) -> &'static dyn Lowering {
    match language {
        LanguageId::Python => &python::Python,
        LanguageId::JavaScript | LanguageId::TypeScript | LanguageId::Tsx => &curly::JAVASCRIPT,
        LanguageId::Java => &curly::JAVA,
        LanguageId::CSharp => &curly::CSHARP,
        LanguageId::Go => &curly::GO,
        LanguageId::C | LanguageId::Cpp => &curly::C,
        LanguageId::Php => &curly::PHP,
        LanguageId::Rust => &curly::RUST,
        LanguageId::Kotlin => &kotlin::Kotlin,
        LanguageId::Ruby => &ruby::Ruby,
    }
}
