//! What the templates must know of a language's grammar: node kinds by role, operators, binding strength.
//!
//! Kinds are those of the language's tree-sitter grammar. Only Python so far; another language adds a [`Grammar`] and an arm in [`of`].

use indexer::syntax::{LanguageId, SyntaxNode};

/// How tightly an expression binds; an operand must bind at least as tightly as its place asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A comma list, an assignment, a `yield`: only in parentheses within an expression.
    Loose,
    /// `lambda` and `x if c else y`.
    Conditional,
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `not`.
    Not,
    /// Comparisons, `in`, `is`.
    Comparison,
    /// `|`.
    BitOr,
    /// `^`.
    BitXor,
    /// `&`.
    BitAnd,
    /// Shifts.
    Shift,
    /// `+` and `-`.
    Sum,
    /// `*`, `/`, `%` and the like.
    Product,
    /// Unary `-`, `+`, `~`.
    Unary,
    /// `**`.
    Power,
    /// `await`.
    Await,
    /// Names, literals, calls, subscripts, anything in brackets.
    Atom,
}

/// The words of one language.
#[derive(Debug)]
pub struct Grammar {
    /// Kinds of nodes that are expressions, names and literals included.
    pub expressions: &'static [&'static str],
    /// Kinds of function definitions.
    pub functions: &'static [&'static str],
    /// Kinds of class definitions.
    pub classes: &'static [&'static str],
    /// Kinds of numbers.
    pub numbers: &'static [&'static str],
    /// Kinds whose elements can be added, dropped and reordered.
    pub collections: &'static [&'static str],
    /// Comparison operators.
    pub comparisons: &'static [&'static str],
    /// Binary operators on numbers.
    pub arithmetic: &'static [&'static str],
    /// Binary operators on bits.
    pub bitwise: &'static [&'static str],
    /// The instance's name in a method.
    pub receiver: &'static str,
    /// The value for nothing.
    pub nothing: &'static str,
}

/// Returns the grammar of a language.
pub fn of(language: LanguageId) -> &'static Grammar {
    match language {
        LanguageId::Python => &PYTHON,
        LanguageId::JavaScript
        | LanguageId::TypeScript
        | LanguageId::Tsx
        | LanguageId::Java
        | LanguageId::Kotlin
        | LanguageId::CSharp
        | LanguageId::Go
        | LanguageId::Rust
        | LanguageId::C
        | LanguageId::Cpp
        | LanguageId::Ruby
        | LanguageId::Php => &UNKNOWN,
    }
}

/// Returns whether changes by templates are proposed in a language; in the others nothing is read for them either.
pub fn has_templates(language: LanguageId) -> bool {
    matches!(language, LanguageId::Python)
}

/// The grammar of a language without templates: nothing in it is known, so nothing is proposed.
static UNKNOWN: Grammar = Grammar {
    expressions: &[],
    functions: &[],
    classes: &[],
    numbers: &[],
    collections: &[],
    comparisons: &[],
    arithmetic: &[],
    bitwise: &[],
    receiver: "",
    nothing: "",
};

static PYTHON: Grammar = Grammar {
    expressions: &[
        "identifier",
        "integer",
        "float",
        "string",
        "concatenated_string",
        "true",
        "false",
        "none",
        "attribute",
        "subscript",
        "call",
        "binary_operator",
        "unary_operator",
        "comparison_operator",
        "boolean_operator",
        "not_operator",
        "conditional_expression",
        "parenthesized_expression",
        "list",
        "tuple",
        "set",
        "dictionary",
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
        "lambda",
        "await",
    ],
    functions: &["function_definition"],
    classes: &["class_definition"],
    numbers: &["integer", "float"],
    collections: &["list", "tuple", "set", "dictionary", "expression_list"],
    comparisons: &["==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in"],
    arithmetic: &["+", "-", "*", "/", "//", "%", "**"],
    bitwise: &["&", "|", "^", "<<", ">>"],
    receiver: "self",
    nothing: "None",
};

impl Grammar {
    /// Returns whether a node is an expression that is read: no assignment target, definition's name, keyword or annotation.
    pub fn is_value(&self, node: SyntaxNode<'_>) -> bool {
        self.expressions.contains(&node.kind()) && !is_target(node) && !is_label(node) && !is_document(node)
    }

    /// Returns whether an expression's value can only be true or false.
    pub fn is_truth(&self, node: SyntaxNode<'_>) -> bool {
        matches!(node.kind(), "comparison_operator" | "boolean_operator" | "not_operator" | "true" | "false")
    }

    /// Returns whether a node stands where only its truth counts: a condition, an operand of `and`, `or`, `not`.
    pub fn is_condition(&self, node: SyntaxNode<'_>) -> bool {
        let Some(parent) = node.parent() else { return false };
        match parent.kind() {
            "if_statement" | "elif_clause" | "while_statement" => node.field_in_parent() == Some("condition"),
            "if_clause" | "not_operator" => true,
            "assert_statement" => parent.named_children().first() == Some(&node),
            "conditional_expression" => parent.named_children().get(1) == Some(&node),
            "parenthesized_expression" => self.is_condition(parent),
            _ => false,
        }
    }
}

/// Returns whether a node is (part of) what an assignment, loop, import or definition binds; subscripts and attributes count at their top.
pub fn is_target(node: SyntaxNode<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" | "named_expression" => {
            matches!(node.field_in_parent(), Some("left" | "name"))
        }
        "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern" | "as_pattern_target" => true,
        "parameters" | "lambda_parameters" | "typed_parameter" | "dictionary_splat_pattern" => true,
        "default_parameter" | "typed_default_parameter" => node.field_in_parent() == Some("name"),
        "function_definition" | "class_definition" => node.field_in_parent() == Some("name"),
        "global_statement" | "nonlocal_statement" | "delete_statement" | "dotted_name" | "aliased_import" => true,
        _ => false,
    }
}

/// Returns whether a name only labels something: an attribute, a keyword, a type.
pub fn is_label(node: SyntaxNode<'_>) -> bool {
    if node.kind() == "type" || node.parent().is_some_and(|it| it.kind() == "type") {
        return true;
    }
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "attribute" => node.field_in_parent() == Some("attribute"),
        "keyword_argument" => node.field_in_parent() == Some("name"),
        _ => false,
    }
}

/// Returns whether a node is a string that stands alone as a statement.
pub fn is_document(node: SyntaxNode<'_>) -> bool {
    matches!(node.kind(), "string" | "concatenated_string")
        && node.parent().is_some_and(|it| it.kind() == "expression_statement")
}

/// Returns whether a node is one operand of `and`, `or`.
pub fn is_operand(node: SyntaxNode<'_>) -> bool {
    let outer = node.ancestors().find(|it| it.kind() != "parenthesized_expression");
    outer.is_some_and(|it| it.kind() == "boolean_operator")
}

/// Returns the operator's text of a binary, comparison, boolean, unary or augmented-assignment node; the first one of a chain.
pub fn operator<'t>(node: SyntaxNode<'t>) -> Option<SyntaxNode<'t>> {
    node.field("operator").or_else(|| node.field("operators"))
}

/// Returns how tightly a node's expression binds.
pub fn strength(node: SyntaxNode<'_>) -> Strength {
    match node.kind() {
        "expression_list" | "yield" | "assignment" | "named_expression" | "pattern_list" => Strength::Loose,
        "lambda" | "conditional_expression" => Strength::Conditional,
        "boolean_operator" if operator(node).is_some_and(|it| it.kind() == "or") => Strength::Or,
        "boolean_operator" => Strength::And,
        "not_operator" => Strength::Not,
        "comparison_operator" => Strength::Comparison,
        "binary_operator" => operator(node).map_or(Strength::Sum, |it| binary_strength(it.kind())),
        "unary_operator" => Strength::Unary,
        "await" => Strength::Await,
        _ => Strength::Atom,
    }
}

/// Returns how tightly a binary operator binds its operands.
pub fn binary_strength(operator: &str) -> Strength {
    match operator {
        "**" => Strength::Power,
        "*" | "/" | "//" | "%" | "@" => Strength::Product,
        "<<" | ">>" => Strength::Shift,
        "&" => Strength::BitAnd,
        "^" => Strength::BitXor,
        "|" => Strength::BitOr,
        "and" => Strength::And,
        "or" => Strength::Or,
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "is" | "is not" | "in" | "not in" => Strength::Comparison,
        _ => Strength::Sum,
    }
}

/// Returns how tightly an expression must bind to stand in `node`'s place without parentheses.
pub fn required(node: SyntaxNode<'_>) -> Strength {
    let Some(parent) = node.parent() else { return Strength::Loose };
    let is_right = node.field_in_parent() == Some("right");
    match parent.kind() {
        "binary_operator" => operand_strength(operator(parent).map_or("+", |it| it.kind()), is_right),
        "comparison_operator" => Strength::BitOr,
        "boolean_operator" => {
            let word = operator(parent).map_or("and", |it| it.kind());
            operand_strength(word, is_right)
        }
        "not_operator" => Strength::Not,
        "unary_operator" => Strength::Unary,
        "await" => Strength::Atom,
        "attribute" | "subscript" | "call" => {
            let is_object = matches!(node.field_in_parent(), Some("object" | "value" | "function"));
            if is_object { Strength::Atom } else { Strength::Conditional }
        }
        "conditional_expression" => Strength::Or,
        "if_clause" | "for_in_clause" => Strength::Or,
        "list_splat" | "dictionary_splat" => Strength::BitOr,
        "assignment" | "augmented_assignment" | "return_statement" | "parenthesized_expression" | "yield" => {
            Strength::Conditional
        }
        _ => Strength::Conditional,
    }
}

/// Returns how tightly the operand of a binary operator must bind.
pub fn operand_strength(operator: &str, is_right: bool) -> Strength {
    use Strength::*;
    let own = binary_strength(operator);
    match (own, is_right) {
        (Comparison, _) => BitOr,
        // Powers bind to the right: their left operand must be an atom, their right one may be a unary.
        (Power, true) => Unary,
        (Power, false) => Await,
        (_, false) => own,
        (Or, true) => And,
        (And, true) => Not,
        (BitOr, true) => BitXor,
        (BitXor, true) => BitAnd,
        (BitAnd, true) => Shift,
        (Shift, true) => Sum,
        (Sum, true) => Product,
        (Product, true) => Unary,
        (_, true) => Atom,
    }
}

/// Returns the comparison that holds exactly when `operator` does not.
pub(super) fn opposite(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "==" => "!=",
        "!=" => "==",
        "<" => ">=",
        "<=" => ">",
        ">" => "<=",
        ">=" => "<",
        "in" => "not in",
        "not in" => "in",
        "is" => "is not",
        "is not" => "is",
        _ => return None,
    })
}
