//! What expressions of these languages read and bind.

use crate::flow::shape::{Expression, Mode, Part, Runs, Target};
use crate::syntax::{LanguageId, SyntaxNode};

type Node<'t> = SyntaxNode<'t>;

/// Fields whose identifiers name types, members and labels, not variables.
const NO_VARIABLES: &[&str] = &[
    "type",
    "return_type",
    "returns",
    "type_parameters",
    "type_arguments",
    "label",
    "attribute",
    "key",
    "trait",
    "path",
];

pub(super) fn is_function(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "function_declaration"
            | "function_expression"
            | "generator_function"
            | "generator_function_declaration"
            | "arrow_function"
            | "method_definition"
            | "method_declaration"
            | "constructor_declaration"
            | "destructor_declaration"
            | "operator_declaration"
            | "local_function_statement"
            | "lambda_expression"
            | "anonymous_method_expression"
            | "accessor_declaration"
            | "function_definition"
            | "func_literal"
            | "function_item"
            | "closure_expression"
            | "anonymous_function"
            | "anonymous_function_creation_expression"
    )
}

pub(super) fn function_name(node: Node<'_>) -> &str {
    if let Some(name) = node.field("name") {
        return name.text();
    }
    let mut declarator = node.field("declarator");
    // C wraps the name in what is done to it.
    while let Some(inner) = declarator.and_then(|it| it.field("declarator")) {
        declarator = Some(inner);
    }
    declarator.map_or("", SyntaxNode::text)
}

pub(super) fn parameters(node: Node<'_>) -> Option<Node<'_>> {
    let mut declarator = Some(node);
    while let Some(it) = declarator {
        if let Some(parameters) = it.field("parameters").or_else(|| it.field("parameter")) {
            return Some(parameters);
        }
        declarator = it.field("declarator");
    }
    None
}

pub(super) fn expression(language: LanguageId, node: Node<'_>) -> Expression<'_> {
    if is_function(node) {
        return function(language, node);
    }
    let field = |name: &str| node.field(name);
    let read = |name: &str| node.field(name).map(Part::read).into_iter().collect::<Vec<_>>();
    match node.kind() {
        "identifier" | "shorthand_property_identifier" | "variable_name" | "self" | "this" => Expression::name(),
        "class_declaration" | "class" | "class_definition" => class(node),
        // Members are no variables.
        "field_access" => Expression::of(read("object")),
        "member_access_expression" | "nullsafe_member_access_expression" => {
            Expression::of(["expression", "object"].into_iter().flat_map(read).collect())
        }
        "method_invocation"
        | "member_call_expression"
        | "nullsafe_member_call_expression"
        | "scoped_call_expression" => {
            Expression::of(["object", "scope", "arguments"].into_iter().flat_map(read).collect())
        }
        "scoped_identifier"
        | "qualified_identifier"
        | "scoped_type_identifier"
        | "namespace_identifier"
        | "type_identifier"
        | "generic_type"
        | "label"
        | "statement_identifier"
        | "label_name"
        | "attribute_list"
        | "modifiers"
        | "macro_invocation_name"
        | "class_constant_access_expression"
        | "qualified_name"
        | "generic_name"
        | "parameter_list"
        | "method_reference"
        | "comment" => Expression::nothing(),
        "token_tree" => names_in_tokens(node),
        "macro_invocation" => Expression::of(
            node.named_children().into_iter().filter(|it| it.kind() == "token_tree").map(Part::read).collect(),
        ),
        "assignment_expression"
        | "augmented_assignment_expression"
        | "assignment_statement"
        | "compound_assignment_expr"
        | "reference_assignment_expression" => assignment(node),
        "short_var_declaration" => valued(field("right"), field("left"), Mode::Declare),
        "variable_declarator"
        | "init_declarator"
        | "var_spec"
        | "const_spec"
        | "let_declaration"
        | "let_condition"
        | "static_variable_declaration"
        | "resource"
        | "receive_statement" => declarator(language, node),
        // C's `int x;` has no declarator around the name.
        "declaration" => declaration(node),
        "update_expression" | "inc_statement" | "dec_statement" => updated(node),
        "postfix_unary_expression" | "prefix_unary_expression"
            if node.text().starts_with("++")
                || node.text().starts_with("--")
                || node.text().ends_with("++")
                || node.text().ends_with("--") =>
        {
            updated(node)
        }
        "pointer_expression" if node.text().starts_with('&') => address(node),
        "binary_expression" if is_short_circuit(node) => {
            let mut parts = read("left");
            parts.extend(field("right").map(Part::sometimes));
            Expression::of(parts)
        }
        "ternary_expression" | "conditional_expression" => conditional(node),
        "is_pattern_expression" => {
            let mut parts = read("expression");
            parts.extend(field("pattern").map(|it| Part { sometimes: true, ..Part::declare(it) }));
            Expression::of(parts)
        }
        "instanceof_expression" => {
            let mut parts = read("left");
            let bound = field("name").or_else(|| field("pattern"));
            parts.extend(bound.map(|it| Part { sometimes: true, ..Part::declare(it) }));
            Expression::of(parts)
        }
        "declaration_expression" => Expression::of(field("name").map(Part::declare).into_iter().collect()),
        "argument" if field("name").is_some() => {
            let name = field("name").map(SyntaxNode::id);
            Expression::of(readable(node).into_iter().filter(|it| Some(it.node.id()) != name).collect())
        }
        _ => Expression::of(readable(node)),
    }
}

/// The children that may hold variables, from left to right.
fn readable(node: Node<'_>) -> Vec<Part<'_>> {
    variables(node).map(Part::read).collect()
}

/// The children that do not stand in a field of types, members or labels.
fn variables<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let holds = |field: Option<&str>| field.is_none_or(|it| !NO_VARIABLES.contains(&it));
    node.named_fields().into_iter().filter(move |it| holds(it.0)).map(|it| it.1)
}

fn function(language: LanguageId, node: Node<'_>) -> Expression<'_> {
    let mut inside: Vec<Part<'_>> = parameters(node).map(Part::declare).into_iter().collect();
    inside.extend(node.field("body").map(Part::read));
    let owns_all = language == LanguageId::Php && node.kind() != "arrow_function";
    let mut expression = Expression::scope(inside, owns_all, Runs::Later);
    // PHP says what of the outside a function sees.
    let uses = node.named_children().into_iter().filter(|it| it.kind() == "anonymous_function_use_clause");
    expression.parts.extend(uses.map(Part::read));
    let is_named = matches!(
        node.kind(),
        "function_declaration" | "generator_function_declaration" | "local_function_statement" | "function_item"
    );
    expression.after.extend(node.field("name").filter(|_| is_named).map(Part::declare));
    expression
}

fn class(node: Node<'_>) -> Expression<'_> {
    let mut expression = Expression::scope(node.field("body").map(Part::read).into_iter().collect(), true, Runs::Now);
    expression.after.extend(node.field("name").map(Part::declare));
    expression
}

fn valued<'t>(value: Option<Node<'t>>, target: Option<Node<'t>>, mode: Mode) -> Expression<'t> {
    let mut parts: Vec<Part<'t>> = value.map(Part::read).into_iter().collect();
    parts.extend(target.map(|it| Part::new(it, mode)));
    Expression::of(parts)
}

fn assignment(node: Node<'_>) -> Expression<'_> {
    let operator = node.field("operator").map(SyntaxNode::text);
    let plain = operator.is_none_or(|it| it == "=")
        && !node.kind().starts_with("augmented")
        && !node.kind().starts_with("compound");
    valued(node.field("right"), node.field("left"), if plain { Mode::Bind } else { Mode::Update })
}

fn declarator(language: LanguageId, node: Node<'_>) -> Expression<'_> {
    let children = node.named_fields();
    let is_name = |field: Option<&str>| matches!(field, Some("name" | "declarator" | "pattern" | "left"));
    let names: Vec<Node<'_>> = children.iter().filter(|it| is_name(it.0)).map(|it| it.1).collect();
    let value = ["value", "right"].into_iter().find_map(|it| node.field(it)).or_else(|| {
        // C# has the value as a bare child behind the name.
        let bare = children.iter().rev().find(|it| it.0.is_none()).map(|it| it.1);
        bare.filter(|_| language == LanguageId::CSharp || node.kind() == "resource")
    });
    let is_var = node.parent().is_some_and(|it| it.kind() == "variable_declaration");
    let mode = match (language, node.kind()) {
        // `var` belongs to the function, whatever block it stands in.
        (LanguageId::JavaScript, _) if is_var => Mode::Bind,
        (_, "receive_statement") if !node.children().iter().any(|it| it.kind() == ":=") => Mode::Bind,
        _ if value.is_none() => Mode::Announce,
        _ => Mode::Declare,
    };
    let sometimes = node.kind() == "let_condition";
    let mut parts: Vec<Part<'_>> = value.map(Part::read).into_iter().collect();
    if value.is_some() || mode != Mode::Bind {
        parts.extend(names.into_iter().map(|it| Part { sometimes, ..Part::new(it, mode) }));
    }
    Expression::of(parts)
}

fn declaration(node: Node<'_>) -> Expression<'_> {
    // `while (int x = f())`
    if let Some(value) = node.field("value") {
        return valued(Some(value), node.field("declarator"), Mode::Declare);
    }
    let part = |(field, child): (Option<&str>, _)| match field {
        _ if SyntaxNode::kind(child) == "init_declarator" => Some(Part::read(child)),
        Some("declarator") => Some(Part::new(child, Mode::Announce)),
        _ => None,
    };
    Expression::of(node.named_fields().into_iter().filter_map(part).collect())
}

fn updated(node: Node<'_>) -> Expression<'_> {
    let argument = node.field("argument").or_else(|| node.named_children().into_iter().next());
    Expression::of(argument.map(|it| Part::new(it, Mode::Update)).into_iter().collect())
}

/// Who has a variable's address may give it a value.
fn address(node: Node<'_>) -> Expression<'_> {
    let Some(argument) = node.field("argument") else { return Expression::nothing() };
    let mut parts = vec![Part::read(argument)];
    if argument.kind() == "identifier" {
        parts.push(Part { sometimes: true, ..Part::bind(argument) });
    }
    Expression::of(parts)
}

fn is_short_circuit(node: Node<'_>) -> bool {
    node.field("operator").is_some_and(|it| matches!(it.text(), "&&" | "||" | "??" | "and" | "or"))
}

fn conditional(node: Node<'_>) -> Expression<'_> {
    let mut parts: Vec<Part<'_>> = node.field("condition").map(Part::read).into_iter().collect();
    let ways = ["consequence", "body", "alternative"].into_iter().filter_map(|it| node.field(it));
    parts.extend(ways.map(Part::sometimes));
    Expression::of(parts)
}

/// A macro of Rust takes tokens; its identifiers are read, and what follows a dot or stands before `!`, `(` or `::` mostly is no variable.
fn names_in_tokens(node: Node<'_>) -> Expression<'_> {
    let children = node.children();
    let mut parts = Vec::new();
    for (at, child) in children.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|it| children.get(it)).map_or("", |it| it.kind());
        let after = children.get(at + 1).map_or("", |it| it.kind());
        let is_member = matches!(before, "." | "::") || matches!(after, "::" | "!");
        if child.is_named() && !is_member {
            parts.push(Part::read(*child));
        }
    }
    Expression::of(parts)
}

pub(super) fn target(language: LanguageId, node: Node<'_>, mode: Mode) -> Target<'_> {
    match node.kind() {
        "identifier" if node.text() == "_" => Target::Parts(Vec::new()),
        // An upper-case name in a pattern of Rust is a constant.
        "identifier" if language == LanguageId::Rust && is_constant(node) => Target::Read,
        "identifier"
        | "shorthand_property_identifier_pattern"
        | "variable_name"
        | "shorthand_field_identifier"
        | "self" => Target::Name,
        "member_expression"
        | "subscript_expression"
        | "field_access"
        | "array_access"
        | "field_expression"
        | "selector_expression"
        | "index_expression"
        | "member_access_expression"
        | "element_access_expression"
        | "pointer_expression"
        | "unary_expression"
        | "scoped_identifier"
        | "qualified_identifier"
        | "call_expression"
        | "scoped_property_access_expression"
        | "conditional_access_expression"
        | "prefix_unary_expression"
        | "invocation_expression" => Target::Read,
        "assignment_pattern" | "object_assignment_pattern" => {
            with_default(node.field("left"), node.field("right"), mode)
        }
        "optional_parameter" | "required_parameter" => with_default(node.field("pattern"), node.field("value"), mode),
        "simple_parameter" | "property_promotion_parameter" => {
            with_default(node.field("name"), node.field("default_value"), mode)
        }
        "optional_parameter_declaration" => with_default(node.field("declarator"), node.field("default_value"), mode),
        "pair_pattern" => Target::Parts(node.field("value").map(|it| Part::new(it, mode)).into_iter().collect()),
        "field_pattern" => {
            let bound = node.field("pattern").or_else(|| node.field("name"));
            Target::Parts(bound.map(|it| Part::new(it, mode)).into_iter().collect())
        }
        "array_declarator" => with_default(node.field("declarator"), node.field("size"), mode),
        "function_declarator" => {
            Target::Parts(node.field("declarator").map(|it| Part::new(it, mode)).into_iter().collect())
        }
        "match_pattern" => match_pattern(node, mode),
        "comment" | "type_annotation" | "attribute_list" | "modifiers" | "field_identifier" | "type_identifier" => {
            Target::Parts(Vec::new())
        }
        _ => Target::Parts(variables(node).map(|it| Part::new(it, mode)).collect()),
    }
}

fn is_constant(node: Node<'_>) -> bool {
    node.text().starts_with(|it: char| it.is_ascii_uppercase())
}

fn with_default<'t>(name: Option<Node<'t>>, value: Option<Node<'t>>, mode: Mode) -> Target<'t> {
    let mut parts: Vec<Part<'t>> = value.map(Part::read).into_iter().collect();
    parts.extend(name.map(|it| Part::new(it, mode)));
    Target::Parts(parts)
}

fn match_pattern(node: Node<'_>, mode: Mode) -> Target<'_> {
    let guard = node.field("condition");
    let is_pattern = |it: &Node<'_>| Some(it.id()) != guard.map(SyntaxNode::id);
    let mut parts: Vec<Part<'_>> =
        node.named_children().into_iter().filter(is_pattern).map(|it| Part::new(it, mode)).collect();
    parts.extend(guard.map(Part::read));
    Target::Parts(parts)
}
