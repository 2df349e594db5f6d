//! The families of fix templates, and what a template is given and gives back.
//!
//! A family is one file below `template/` and one line in [`all`]. Its module header names where its patterns come from and how many of the 660
//! single-edit fixes among 1,135 measured real ones (QuixBugs, HumanEvalFix, BugsInPy, SWE-bench Lite and Verified) are of its kinds. A family's
//! weight starts from that count; operator, boundary, variable, attribute and collection edits were then raised and conditions, calls and
//! wrappings lowered, none by more than four fifths, after the rank of the right change on the development halves of QuixBugs and
//! HumanEvalFix. Tuning each family further did not carry over from one half of
//! those cases to the other. How weights become priors is the business of `propose/rank.rs`.

pub mod grammar;
pub mod ingredients;
pub mod layout;
pub mod material;
pub mod outline;
pub mod repeat;
pub mod similar;

mod attribute;
mod boundary;
mod call;
mod collection;
mod condition;
mod control;
mod donor_expression;
mod expression;
mod guard;
mod literal;
mod operator;
mod statement;
mod variable;
mod wrap;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use indexer::scope::{LikelyType, ScopedName, Scopes};
use indexer::syntax::{SyntaxNode, SyntaxTree};

use self::grammar::{Grammar, Strength};
use self::material::Piece;
use self::outline::Outline;
use super::donor::DonorPool;
use super::{TargetFile, TemplateId};

/// A family of fix templates.
///
/// Implementations are stateless unit structs; they read only the context and must be deterministic.
pub trait Template: Sync {
    /// Returns the family's name: the part of a [`TemplateId`] before the slash.
    fn id(&self) -> &'static str;

    /// Returns the family's share of the prior, on the scale of the 660 measured single-edit fixes.
    fn weight(&self) -> f64;

    /// Pushes the family's changes for every suspicious node.
    fn propose(&self, cx: &TemplateContext<'_>, out: &mut Vec<Rewrite>);
}

/// Returns every family, in a fixed order.
pub fn all() -> &'static [&'static dyn Template] {
    &[
        &condition::Condition,
        &operator::Operator,
        &boundary::Boundary,
        &variable::Variable,
        &call::Call,
        &literal::Literal,
        &attribute::Attribute,
        &wrap::Wrap,
        &collection::Collection,
        &expression::Expression,
        &guard::Guard,
        &control::Control,
        &statement::Statement,
        &donor_expression::DonorExpression,
    ]
}

/// One change to the file, as a template sees it.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Replaced byte ranges with their replacements; in order of position, not overlapping.
    pub edits: Vec<(Range<usize>, String)>,
    /// Family and variant, such as `condition/negate`.
    pub variant: TemplateId,
    /// Weight against the family's other changes at the same site: 1.0 is usual, positive.
    pub weight: f64,
    /// Byte range of the node that is changed: the bound per site and the family's share are taken over changes with an equal site.
    pub site: Range<usize>,
    /// The lines whose suspicion counts: the node's, without its body.
    pub lines: RangeInclusive<usize>,
    /// One line that says to people what changes.
    pub note: String,
}

impl Rewrite {
    /// Replaces `node` by `replacement`.
    pub fn replace(node: SyntaxNode<'_>, replacement: impl Into<String>, variant: TemplateId, weight: f64) -> Rewrite {
        Rewrite::splice(node, node.span(), replacement, variant, weight)
    }

    /// Replaces the bytes `span` by `replacement` on behalf of `node`.
    pub fn splice(
        node: SyntaxNode<'_>,
        span: Range<usize>,
        replacement: impl Into<String>,
        variant: TemplateId,
        weight: f64,
    ) -> Rewrite {
        Rewrite::many(node, vec![(span, replacement.into())], variant, weight)
    }

    /// Makes several replacements on behalf of `node`.
    pub fn many(node: SyntaxNode<'_>, edits: Vec<(Range<usize>, String)>, variant: TemplateId, weight: f64) -> Rewrite {
        let line = node.start_line();
        let note = match &edits[..] {
            [(_, new)] if new.len() <= 80 && !new.contains('\n') => format!("line {line}, {variant}: `{new}`"),
            _ => format!("line {line}, {variant}"),
        };
        Rewrite { edits, variant, weight, site: node.span(), lines: header(node), note }
    }

    /// Sets the line for people.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Rewrite {
        self.note = note.into();
        self
    }
}

/// What a template is given: the file, where to look, and what could go in.
pub struct TemplateContext<'t> {
    file: &'t TargetFile<'t>,
    donors: &'t DonorPool,
    nodes: Vec<SyntaxNode<'t>>,
    grammar: &'static Grammar,
    outline: Outline,
    scopes: Scopes,
    /// What each node's place asks for, by node id: looking it up walks the tree from its root.
    required: RefCell<HashMap<usize, Strength>>,
    names: RefCell<HashMap<usize, Rc<Vec<ScopedName>>>>,
    /// By the region's node id. Filled at once, since a cell here would bind every template function to one lifetime.
    pieces: HashMap<usize, Vec<Piece<'t>>>,
}

impl<'t> TemplateContext<'t> {
    /// Prepares the context of one file.
    pub fn new(file: &'t TargetFile<'t>, donors: &'t DonorPool) -> TemplateContext<'t> {
        let grammar = grammar::of(file.tree.language());
        let mut cx = TemplateContext {
            file,
            donors,
            nodes: Vec::new(),
            grammar,
            outline: Outline::read(file.tree.root(), grammar),
            scopes: Scopes::of(file.tree),
            required: RefCell::default(),
            names: RefCell::default(),
            pieces: HashMap::new(),
        };
        cx.nodes = file.tree.root().descendants().filter(|node| cx.is_suspect(*node)).collect();
        for node in &cx.nodes {
            let region = region(*node, grammar, file.tree.root());
            let collect = || material::collect(region, grammar, &cx.scopes);
            cx.pieces.entry(region.id()).or_insert_with(collect);
        }
        cx
    }

    /// Returns the syntax tree.
    pub fn tree(&self) -> &'t SyntaxTree {
        self.file.tree
    }

    /// Returns the file's text.
    pub fn text(&self) -> &'t [u8] {
        self.file.tree.text()
    }

    /// Returns the text of a byte range; the empty text where it is no UTF-8.
    pub fn slice(&self, span: Range<usize>) -> &'t str {
        std::str::from_utf8(&self.text()[span]).unwrap_or("")
    }

    /// Returns the expressions, statements and names mined from the repository.
    pub fn donors(&self) -> &'t DonorPool {
        self.donors
    }

    /// Returns the language's words.
    pub fn grammar(&self) -> &'static Grammar {
        self.grammar
    }

    /// Returns what the file defines and uses.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Returns the file's scopes.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Returns the named nodes worth changing, in source order, parents before children.
    ///
    /// A node with a body (function, loop, branch) counts by its header only; any other by any of its lines.
    pub fn nodes(&self) -> &[SyntaxNode<'t>] {
        &self.nodes
    }

    /// Returns the suspicious nodes of the given kinds.
    pub fn nodes_of<'c>(&'c self, kinds: &'c [&'c str]) -> impl Iterator<Item = SyntaxNode<'t>> + 'c {
        self.nodes.iter().copied().filter(move |node| kinds.contains(&node.kind()))
    }

    /// Returns the suspicious expressions that are read.
    pub fn values(&self) -> impl Iterator<Item = SyntaxNode<'t>> + '_ {
        self.nodes.iter().copied().filter(|node| self.grammar.is_value(*node) && !node.has_error())
    }

    /// Returns whether a node is worth changing.
    pub fn is_suspect(&self, node: SyntaxNode<'t>) -> bool {
        self.suspicion_of(node) > 0.0
    }

    /// Returns the suspicion of a node: that of its most suspicious line, of its header if it has a body.
    pub fn suspicion_of(&self, node: SyntaxNode<'t>) -> f64 {
        header(node).map(|line| self.suspicion(line)).fold(0.0, f64::max)
    }

    /// Returns the suspicion of a line, counted from 1.
    pub fn suspicion(&self, line: usize) -> f64 {
        (self.file.suspicion)(line).clamp(0.0, 1.0)
    }

    /// Returns the names visible at a byte offset, innermost scope first.
    pub fn names(&self, offset: usize) -> Rc<Vec<ScopedName>> {
        let mut cache = self.names.borrow_mut();
        Rc::clone(cache.entry(offset).or_insert_with(|| Rc::new(self.scopes.names_at(offset))))
    }

    /// Returns the outermost function around a node; the whole file outside functions.
    pub fn region(&self, node: SyntaxNode<'t>) -> SyntaxNode<'t> {
        region(node, self.grammar, self.tree().root())
    }

    /// Returns the distinct expressions of the region around a node, in source order; none for a region without suspicious nodes.
    pub fn pieces(&self, node: SyntaxNode<'t>) -> &[Piece<'t>] {
        self.pieces.get(&self.region(node).id()).map_or(&[], Vec::as_slice)
    }

    /// Returns the expressions of the region around a node whose names are all visible there.
    pub fn visible_pieces(&self, node: SyntaxNode<'t>) -> Vec<Piece<'t>> {
        let names = self.names(node.span().start);
        self.pieces(node).iter().filter(|it| material::is_visible(it, &names)).cloned().collect()
    }

    /// Guesses the type of an expression's value.
    pub fn guess(&self, node: SyntaxNode<'t>) -> LikelyType {
        material::guess(node, &self.scopes)
    }

    /// Returns `text`, which binds by `strength`, in parentheses if `node`'s place asks for them.
    pub fn fit(&self, node: SyntaxNode<'t>, text: &str, strength: Strength) -> String {
        let mut cache = self.required.borrow_mut();
        let required = *cache.entry(node.id()).or_insert_with(|| grammar::required(node));
        parenthesize(text, strength, required)
    }
}

/// Returns `text` in parentheses if it binds less tightly than required.
pub fn parenthesize(text: &str, strength: Strength, required: Strength) -> String {
    if strength < required { format!("({text})") } else { text.to_owned() }
}

fn region<'t>(node: SyntaxNode<'t>, grammar: &Grammar, root: SyntaxNode<'t>) -> SyntaxNode<'t> {
    node.ancestors().filter(|it| grammar.functions.contains(&it.kind())).last().unwrap_or(root)
}

/// Returns the lines of a node, of its header only when it has a body.
fn header(node: SyntaxNode<'_>) -> RangeInclusive<usize> {
    let first = node.start_line();
    let body = node.field("body").or_else(|| node.field("consequence")).filter(|it| it.kind() == "block");
    // A definition's decorators are not its header, and `else` has nothing but its body.
    match body {
        Some(body) => first..=body.start_line().saturating_sub(1).max(first),
        None if node.kind() == "block" || node.kind() == "module" => first..=first,
        None if node.kind() == "decorated_definition" => first..=first,
        None => first..=node.end_line(),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod statement_level_tests;
