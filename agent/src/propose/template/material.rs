//! Expressions that a function already uses: what most one-line fixes are made of.
//!
//! In 309 of 1,135 real fixes one small edit suffices with all names and literals taken from the same file; Barr et al. ("The plastic surgery
//! hypothesis", 2014) and ssFix (Xin and Reiss, 2017) argue the same for larger sets.

use std::collections::BTreeMap;

use indexer::scope::{LikelyType, ScopedName, Scopes};
use indexer::syntax::SyntaxNode;

use super::grammar::{self, Grammar, Strength};
use super::outline;

/// Expressions with more nodes than this are no material.
const MOST_NODES: usize = 14;
/// Expressions longer than this are no material.
const MOST_BYTES: usize = 60;

/// One expression, at its first occurrence.
#[derive(Clone, Debug)]
pub struct Piece<'t> {
    /// The first occurrence.
    pub node: SyntaxNode<'t>,
    /// Its text.
    pub text: &'t str,
    /// How tightly it binds.
    pub strength: Strength,
    /// How many nodes it has.
    pub size: usize,
    /// How often it occurs.
    pub count: usize,
    /// Whether it is the function of a call.
    pub is_called: bool,
    /// Whether it stands where only its truth counts, or gives nothing but truth.
    pub is_condition: bool,
    /// Whether it is the index of a subscript.
    pub is_index: bool,
    /// Names that it reads and does not bind itself.
    pub names: Vec<&'t str>,
    /// A guess at its value's type.
    pub likely_type: LikelyType,
}

/// Collects the distinct expressions below `region`, in order of first occurrence.
pub fn collect<'t>(region: SyntaxNode<'t>, grammar: &Grammar, scopes: &Scopes) -> Vec<Piece<'t>> {
    let mut pieces: Vec<Piece<'t>> = Vec::new();
    let mut known: BTreeMap<&'t str, usize> = BTreeMap::new();
    for node in region.descendants() {
        let is_small = node.span().len() <= MOST_BYTES && node.start_line() == node.end_line();
        if !is_small || !grammar.is_value(node) || node.has_error() || node.kind() == "parenthesized_expression" {
            continue;
        }
        if let Some(at) = known.get(node.text()) {
            pieces[*at].count += 1;
            continue;
        }
        let size = node.descendants().count();
        if size > MOST_NODES {
            continue;
        }
        known.insert(node.text(), pieces.len());
        pieces.push(Piece {
            node,
            text: node.text(),
            strength: grammar::strength(node),
            size,
            count: 1,
            is_called: outline::is_called(node),
            is_condition: grammar.is_condition(node) || grammar.is_truth(node) || grammar::is_operand(node),
            is_index: node.field_in_parent() == Some("subscript"),
            names: free_names(node),
            likely_type: guess(node, scopes),
        });
    }
    pieces
}

/// Returns the names an expression reads without binding them itself (as comprehensions and lambdas do).
pub fn free_names(node: SyntaxNode<'_>) -> Vec<&str> {
    let identifiers = node.descendants().filter(|it| it.kind() == "identifier" && !grammar::is_label(*it));
    let (bound, read): (Vec<_>, Vec<_>) = identifiers.partition(|it| *it != node && grammar::is_target(*it));
    let mut names: Vec<_> = read.into_iter().map(|it| it.text()).collect();
    names.retain(|name| !bound.iter().any(|it| it.text() == *name));
    names.sort_unstable();
    names.dedup();
    names
}

/// Guesses the type of an expression's value.
pub fn guess(node: SyntaxNode<'_>, scopes: &Scopes) -> LikelyType {
    match node.kind() {
        "identifier" => scopes.likely_type(node.text(), node.span().start),
        "integer" => LikelyType::Int,
        "float" => LikelyType::Float,
        "string" | "concatenated_string" => LikelyType::Str,
        "true" | "false" | "comparison_operator" | "not_operator" => LikelyType::Bool,
        "none" => LikelyType::None,
        "list" | "list_comprehension" => LikelyType::List,
        "tuple" => LikelyType::Tuple,
        "set" | "set_comprehension" => LikelyType::Set,
        "dictionary" | "dictionary_comprehension" => LikelyType::Dict,
        "lambda" => LikelyType::Callable,
        "unary_operator" => LikelyType::Int,
        "binary_operator" => guess_binary(node, scopes),
        "parenthesized_expression" => {
            node.named_children().first().map_or(LikelyType::Unknown, |it| guess(*it, scopes))
        }
        "call" => match node.field("function").map_or("", |it| it.text()) {
            "len" | "int" | "ord" | "round" | "hash" | "id" => LikelyType::Int,
            "float" => LikelyType::Float,
            "str" | "repr" | "chr" | "bin" | "hex" => LikelyType::Str,
            "list" | "sorted" => LikelyType::List,
            "set" => LikelyType::Set,
            "dict" => LikelyType::Dict,
            "tuple" => LikelyType::Tuple,
            "bool" | "isinstance" | "any" | "all" => LikelyType::Bool,
            _ => LikelyType::Unknown,
        },
        _ => LikelyType::Unknown,
    }
}

fn guess_binary(node: SyntaxNode<'_>, scopes: &Scopes) -> LikelyType {
    let operator = grammar::operator(node).map_or("+", |it| it.kind());
    let sides = [node.field("left"), node.field("right")];
    let types = sides.map(|it| it.map_or(LikelyType::Unknown, |it| guess(it, scopes)));
    match operator {
        "+" | "*" | "%" => types.into_iter().find(|it| *it != LikelyType::Unknown).unwrap_or(LikelyType::Unknown),
        "-" | "/" | "//" | "**" => LikelyType::Int,
        _ => LikelyType::Unknown,
    }
}

/// Returns how well a value of one type stands in for another: 1.0 where nothing speaks against it.
pub fn compatible(old: LikelyType, new: LikelyType) -> f64 {
    use LikelyType::{Callable, Class, Module, Unknown};
    let is_code = |it| matches!(it, Callable | Class | Module);
    let same = old == new || (old.is_number() && new.is_number()) || (old.is_container() && new.is_container());
    match (old, new) {
        _ if same => 1.0,
        (Unknown, new) if is_code(new) => 0.15,
        (Unknown, _) | (_, Unknown) => 0.6,
        _ if is_code(old) != is_code(new) => 0.05,
        _ => 0.25,
    }
}

/// Returns whether every name that a piece reads is among the visible ones.
pub fn is_visible(piece: &Piece<'_>, names: &[ScopedName]) -> bool {
    piece.names.iter().all(|name| names.iter().any(|it| it.name == *name && it.defined_before))
}

/// Returns the names read in the statement around a node, its body included.
pub fn free_names_near(node: SyntaxNode<'_>) -> Vec<&str> {
    let statement = node.ancestors().find(|it| it.parent().is_some_and(|it| matches!(it.kind(), "block" | "module")));
    statement.map(free_names).unwrap_or_default()
}
