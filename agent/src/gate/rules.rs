//! What Python's compiler refuses although the grammar of the parser takes it.
//!
//! The parser is lenient by design: it accepts Python 2 statements, `return` anywhere, a `try` alone, uneven indentation. Each rule here is one
//! of CPython's own refusals (`Parser/`, `Python/symtable.c`, `Python/compile.c`); none is a matter of taste.

use std::collections::HashSet;

use indexer::syntax::{SyntaxNode, SyntaxTree};

/// A rule broken at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) rule: &'static str,
}

/// Lists what is broken, in source order.
pub(super) fn broken(tree: &SyntaxTree) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut stack = vec![(tree.root(), Around::default())];
    while let Some((node, around)) = stack.pop() {
        let next = tree.text().get(node.span().end);
        let runs_into_word = next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if let Some(rule) = judge(node, around, runs_into_word) {
            found.push(Broken { line: node.start_line(), rule });
        }
        found.extend(indentation(tree, node).or_else(|| alignment(tree, node)));
        for child in node.named_children().into_iter().rev() {
            stack.push((child, around.within(node, child)));
        }
    }
    found
}

/// What a node stands in, up to the nearest function or class.
#[derive(Clone, Copy, Default)]
struct Around<'t> {
    function: Option<Function>,
    in_loop: bool,
    parent: &'t str,
    /// Quote character of the f-string around an interpolation.
    quote: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    Plain,
    Async,
    /// May hold `yield` but no `return`.
    Lambda,
    /// The body of a class, which is none.
    Class,
}

impl<'t> Around<'t> {
    fn within(self, node: SyntaxNode<'t>, child: SyntaxNode<'t>) -> Around<'t> {
        let mut around = Around { parent: node.kind(), ..self };
        match node.kind() {
            "function_definition" if is_body(node, child) => {
                let function = if is_async(node) { Function::Async } else { Function::Plain };
                around = Around { function: Some(function), parent: around.parent, ..Around::default() };
            }
            "lambda" if is_body(node, child) => {
                around = Around { function: Some(Function::Lambda), in_loop: false, ..around };
            }
            "class_definition" if is_body(node, child) => {
                around = Around { function: Some(Function::Class), parent: around.parent, ..Around::default() };
            }
            "for_statement" | "while_statement" if is_body(node, child) => around.in_loop = true,
            "string" => around.quote = quote_of(node),
            _ => {}
        }
        around
    }

    fn is_function(self) -> bool {
        matches!(self.function, Some(Function::Plain | Function::Async))
    }
}

fn judge(node: SyntaxNode<'_>, around: Around<'_>, runs_into_word: bool) -> Option<&'static str> {
    match node.kind() {
        "return_statement" if !around.is_function() => Some("`return` outside a function"),
        "yield" => judge_yield(node, around),
        "await" if !matches!(around.function, Some(Function::Async)) => Some("`await` outside an async function"),
        "break_statement" if !around.in_loop => Some("`break` outside a loop"),
        "continue_statement" if !around.in_loop => Some("`continue` outside a loop"),
        "print_statement" | "exec_statement" | "chevron" => Some("Python 2 statement"),
        "block" if is_empty(node) => Some("empty block"),
        "function_definition"
        | "class_definition"
        | "for_statement"
        | "while_statement"
        | "with_statement"
        | "else_clause"
        | "match_statement" => lacks_body(node, "body"),
        "if_statement" | "elif_clause" => lacks_body(node, "consequence"),
        "except_clause" | "finally_clause" => lacks_block(node),
        "try_statement" => judge_try(node),
        "argument_list" => judge_arguments(node),
        "parameters" | "lambda_parameters" => judge_parameters(node),
        "list_splat" if is_single_value(around.parent) => Some("starred expression outside a list or call"),
        "dictionary_splat" if !matches!(around.parent, "argument_list" | "dictionary") => {
            Some("double-starred expression outside a dictionary or call")
        }
        "delete_statement" => judge_delete(node),
        "named_expression" if around.parent == "expression_statement" => Some("unparenthesised `:=`"),
        "identifier" if is_keyword(node.text()) => Some("keyword used as a name"),
        "assignment" | "augmented_assignment" => judge_target(node),
        "string" => judge_string(node, around),
        "integer" | "float" if runs_into_word => Some("number runs into a word"),
        "integer" => judge_integer(node),
        "global_statement" | "nonlocal_statement" => judge_declaration(node),
        "import_from_statement" | "future_import_statement" => judge_import(node, around),
        "call" => judge_call(node),
        "subscript" => judge_subscript(node),
        _ => None,
    }
}

fn judge_yield(node: SyntaxNode<'_>, around: Around<'_>) -> Option<&'static str> {
    if matches!(around.function, None | Some(Function::Class)) {
        return Some("`yield` outside a function");
    }
    let is_from = node.children().iter().any(|child| child.kind() == "from");
    if is_from && around.function == Some(Function::Async) {
        return Some("`yield from` in an async function");
    }
    let parents = [
        "expression_statement",
        "assignment",
        "augmented_assignment",
        "parenthesized_expression",
        "interpolation",
        "lambda",
    ];
    let enclosing = node.ancestors().take(12).take_while(|it| !it.kind().ends_with("statement"));
    let in_comprehension =
        enclosing.into_iter().any(|it| it.kind().ends_with("_comprehension") || it.kind() == "generator_expression");
    if in_comprehension {
        return Some("`yield` in a comprehension");
    }
    (!parents.contains(&around.parent)).then_some("unparenthesised `yield`")
}

fn lacks_body(node: SyntaxNode<'_>, field: &str) -> Option<&'static str> {
    match node.field(field) {
        Some(body) if !is_empty(body) => None,
        _ => Some("empty block"),
    }
}

fn lacks_block(node: SyntaxNode<'_>) -> Option<&'static str> {
    let filled = node.named_children().into_iter().any(|child| child.kind() == "block" && !is_empty(child));
    (!filled).then_some("empty block")
}

fn is_empty(block: SyntaxNode<'_>) -> bool {
    block.named_children().iter().all(|child| child.kind() == "comment")
}

fn judge_try(node: SyntaxNode<'_>) -> Option<&'static str> {
    let children = node.named_children();
    if !children.iter().any(|child| matches!(child.kind(), "except_clause" | "finally_clause")) {
        return Some("`try` without `except` or `finally`");
    }
    let handlers: Vec<_> = children.iter().filter(|child| child.kind() == "except_clause").collect();
    let is_bare = |handler: &SyntaxNode<'_>| handler.field("value").is_none() && handler.field("alias").is_none();
    let (_, others) = handlers.split_last()?;
    others.iter().any(|handler| is_bare(handler)).then_some("bare `except` before another")
}

fn judge_arguments(node: SyntaxNode<'_>) -> Option<&'static str> {
    let mut names = HashSet::new();
    let mut seen_keyword = false;
    let mut seen_unpacking = false;
    let arguments: Vec<_> = node.named_children().into_iter().filter(|it| !is_trivia(*it)).collect();
    let count = arguments.len();
    if count == 0 && node.children().iter().any(|child| child.kind() == ",") {
        return Some("comma without an argument");
    }
    for argument in arguments {
        match argument.kind() {
            "keyword_argument" => {
                seen_keyword = true;
                let name = argument.field("name").map_or("", SyntaxNode::text);
                if !names.insert(name) {
                    return Some("keyword argument repeated");
                }
            }
            "dictionary_splat" => seen_unpacking = true,
            "list_splat" if seen_unpacking => return Some("iterable unpacking after keyword unpacking"),
            "list_splat" => {}
            "generator_expression" if count > 1 && !argument.text().starts_with('(') => {
                return Some("unparenthesised generator expression");
            }
            _ if seen_unpacking => return Some("positional argument after keyword unpacking"),
            _ if seen_keyword => return Some("positional argument after keyword argument"),
            _ => {}
        }
    }
    None
}

/// A literal that is called compiles with a warning, yet never works.
fn judge_call(node: SyntaxNode<'_>) -> Option<&'static str> {
    let callee = node.field("function")?;
    matches!(
        callee.kind(),
        "integer" | "float" | "none" | "true" | "false" | "list" | "dictionary" | "tuple" | "string"
    )
    .then_some("a literal is called")
}

/// So does a number or `None` that is subscripted.
fn judge_subscript(node: SyntaxNode<'_>) -> Option<&'static str> {
    let value = node.field("value")?;
    matches!(value.kind(), "integer" | "float" | "none" | "true" | "false")
        .then_some("a number or `None` is subscripted")
}

fn judge_parameters(node: SyntaxNode<'_>) -> Option<&'static str> {
    let mut names = HashSet::new();
    let (mut seen_default, mut seen_star, mut seen_double) = (false, false, false);
    for parameter in node.named_children() {
        let kind = parameter.kind();
        if is_trivia(parameter) {
            continue;
        }
        if seen_double {
            return Some("parameter after `**`");
        }
        let name = parameter_name(parameter);
        if let Some(name) = name
            && !names.insert(name.text())
        {
            return Some("parameter repeated");
        }
        let inner = if kind == "typed_parameter" {
            parameter.named_children().first().map_or(kind, |it| it.kind())
        } else {
            kind
        };
        match inner {
            "dictionary_splat_pattern" => seen_double = true,
            "list_splat_pattern" | "keyword_separator" => {
                if seen_star {
                    return Some("two `*` in the parameters");
                }
                seen_star = true;
            }
            "default_parameter" | "typed_default_parameter" => seen_default = true,
            "identifier" if seen_default && !seen_star => return Some("parameter without default after one with"),
            _ => {}
        }
    }
    None
}

fn parameter_name(parameter: SyntaxNode<'_>) -> Option<SyntaxNode<'_>> {
    match parameter.kind() {
        "identifier" => Some(parameter),
        "default_parameter" | "typed_default_parameter" => {
            parameter.field("name").filter(|name| name.kind() == "identifier")
        }
        "typed_parameter" => parameter.named_children().first().copied().and_then(|inner| match inner.kind() {
            "identifier" => Some(inner),
            _ => inner.named_children().first().copied(),
        }),
        "list_splat_pattern" | "dictionary_splat_pattern" => parameter.named_children().first().copied(),
        _ => None,
    }
}

/// The places that take exactly one value.
fn is_single_value(parent: &str) -> bool {
    matches!(
        parent,
        "return_statement"
            | "assignment"
            | "augmented_assignment"
            | "expression_statement"
            | "binary_operator"
            | "comparison_operator"
            | "boolean_operator"
            | "not_operator"
            | "conditional_expression"
            | "parenthesized_expression"
            | "keyword_argument"
            | "pair"
            | "if_statement"
            | "while_statement"
            | "raise_statement"
            | "assert_statement"
    )
}

fn judge_delete(node: SyntaxNode<'_>) -> Option<&'static str> {
    let mut targets = node.named_children();
    while let Some(target) = targets.pop() {
        match target.kind() {
            "identifier" | "attribute" | "subscript" | "comment" => {}
            "tuple" | "list" | "expression_list" | "parenthesized_expression" => {
                targets.extend(target.named_children())
            }
            _ => return Some("cannot delete this"),
        }
    }
    None
}

fn judge_target(node: SyntaxNode<'_>) -> Option<&'static str> {
    let left = node.field("left")?;
    let is_unpacking = matches!(left.kind(), "pattern_list" | "tuple_pattern" | "list_pattern");
    match (node.kind(), left.kind()) {
        ("augmented_assignment", _) if is_unpacking => Some("augmented assignment to several targets"),
        ("assignment", "list_splat_pattern") => Some("starred target outside a list"),
        ("assignment", _) if node.field("type").is_some() && is_unpacking => Some("several targets with a type"),
        _ => {
            let stars = left.named_children().into_iter().filter(|it| it.kind() == "list_splat_pattern").count();
            (is_unpacking && stars > 1).then_some("two starred targets")
        }
    }
}

/// Quotes of one kind inside each other are errors before Python 3.12.
fn judge_string(node: SyntaxNode<'_>, around: Around<'_>) -> Option<&'static str> {
    let own = quote_of(node)?;
    if around.quote == Some(own) {
        return Some("nested quotes of the same kind");
    }
    None
}

/// The quote character of a single-quoted f-string-capable literal; none for triple quotes.
fn quote_of(node: SyntaxNode<'_>) -> Option<u8> {
    let text = node.bytes();
    let start = text.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let quote = text[start];
    let is_triple = text.len() >= start + 6 && text[start..].starts_with(&[quote; 3]);
    (!is_triple).then_some(quote)
}

fn judge_integer(node: SyntaxNode<'_>) -> Option<&'static str> {
    let digits = node.text().as_bytes();
    let has_leading_zero = digits.len() > 1
        && digits[0] == b'0'
        && digits[1].is_ascii_digit()
        && digits.iter().any(|digit| matches!(digit, b'1'..=b'9'));
    let is_long = matches!(digits.last(), Some(b'l' | b'L'));
    (has_leading_zero || is_long).then_some("Python 2 integer")
}

fn judge_declaration(node: SyntaxNode<'_>) -> Option<&'static str> {
    let function = node.enclosing(&["function_definition", "class_definition"]);
    let Some(function) = function else {
        return (node.kind() == "nonlocal_statement").then_some("`nonlocal` at module level");
    };
    let names: HashSet<&str> = node.named_children().into_iter().map(SyntaxNode::text).collect();
    let parameters = function.field("parameters")?;
    let repeats = parameters.named_children().into_iter().filter_map(parameter_name);
    if repeats.into_iter().any(|name| names.contains(name.text())) {
        return Some("a parameter cannot be declared `global` or `nonlocal`");
    }
    let start = node.span().start;
    let body = function.field("body")?;
    let mut before = body.descendants().take_while(|it| it.span().start < start);
    before
        .any(|it| it.kind() == "identifier" && names.contains(it.text()) && is_use_in(it, function))
        .then_some("name used before its declaration")
}

/// Whether an identifier is a use of a name in the very function `owner`, not in one nested in it.
fn is_use_in(identifier: SyntaxNode<'_>, owner: SyntaxNode<'_>) -> bool {
    let field = identifier.field_in_parent();
    let parent = identifier.parent().map_or("", SyntaxNode::kind);
    let is_member = parent == "attribute" && field == Some("attribute");
    let is_keyword = parent == "keyword_argument" && field == Some("name");
    let is_declared = matches!(parent, "global_statement" | "nonlocal_statement");
    let nearest = identifier.enclosing(&["function_definition", "lambda", "class_definition"]);
    let is_own = nearest.is_some_and(|it| it.id() == owner.id());
    !is_member && !is_keyword && !is_declared && is_own
}

fn is_trivia(node: SyntaxNode<'_>) -> bool {
    matches!(node.kind(), "comment" | "line_continuation")
}

fn judge_import(node: SyntaxNode<'_>, around: Around<'_>) -> Option<&'static str> {
    if node.kind() == "import_from_statement" {
        let is_star = node.named_children().iter().any(|child| child.kind() == "wildcard_import");
        return (is_star && around.function.is_some()).then_some("star import in a function or class");
    }
    if around.parent != "module" {
        return Some("`from __future__` not at the top");
    }
    let mut earlier = std::iter::successors(node.previous_sibling(), |it| it.previous_sibling());
    let is_docstring = |it: SyntaxNode<'_>| {
        it.kind() == "expression_statement"
            && it.named_children().iter().all(|child| matches!(child.kind(), "string" | "concatenated_string"))
    };
    earlier
        .any(|it| !matches!(it.kind(), "comment" | "future_import_statement") && !is_docstring(it))
        .then_some("`from __future__` not at the top")
}

/// Statements of a block that begin a line must do so in the same column, with the same blanks, further in than the block's owner.
fn indentation(tree: &SyntaxTree, node: SyntaxNode<'_>) -> Option<Broken> {
    let is_module = node.kind() == "module";
    if !is_module && node.kind() != "block" {
        return None;
    }
    let text = tree.text();
    let mut expected: Option<&[u8]> = is_module.then_some(&[]);
    let owner = node.parent().filter(|_| !is_module).map(|owner| blanks_of_line(text, owner.span().start).0.len());
    for statement in node.named_children().into_iter().filter(|it| it.kind() != "comment") {
        let (blanks, begins_line) = blanks_of_line(text, statement.span().start);
        if !begins_line {
            continue;
        }
        let is_deeper = owner.is_none_or(|owner| blanks.len() > owner);
        if !is_deeper || expected.is_some_and(|expected| expected != blanks) {
            return Some(Broken { line: statement.start_line(), rule: "uneven indentation" });
        }
        expected = Some(blanks);
    }
    None
}

/// A clause starts in the column of its statement, a decorated definition in that of its decorators.
fn alignment(tree: &SyntaxTree, node: SyntaxNode<'_>) -> Option<Broken> {
    let is_part = |child: &SyntaxNode<'_>| match node.kind() {
        "decorated_definition" => child.kind() != "comment",
        _ => matches!(child.kind(), "elif_clause" | "else_clause" | "except_clause" | "finally_clause"),
    };
    let statements = ["if_statement", "for_statement", "while_statement", "try_statement", "decorated_definition"];
    if !statements.contains(&node.kind()) {
        return None;
    }
    let own = blanks_of_line(tree.text(), node.span().start).0;
    let parts = node.named_children().into_iter().filter(is_part);
    let crooked = parts.into_iter().find(|part| {
        let (blanks, begins_line) = blanks_of_line(tree.text(), part.span().start);
        begins_line && blanks != own
    });
    crooked.map(|part| Broken { line: part.start_line(), rule: "uneven indentation" })
}

/// The blanks at the start of the line of `offset`, and whether nothing else stands before it.
fn blanks_of_line(text: &[u8], offset: usize) -> (&[u8], bool) {
    let start = text[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    // A byte order mark is no indentation.
    let start = if start == 0 && text.starts_with(b"\xef\xbb\xbf") && offset >= 3 { 3 } else { start };
    let line = &text[start..offset];
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
    (&line[..blanks], blanks == line.len())
}

fn is_body(node: SyntaxNode<'_>, child: SyntaxNode<'_>) -> bool {
    node.field("body").is_some_and(|body| body.id() == child.id())
}

fn is_async(node: SyntaxNode<'_>) -> bool {
    node.children().first().is_some_and(|first| first.kind() == "async")
}

fn is_keyword(name: &str) -> bool {
    let keywords = [
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
        "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
        "raise", "return", "try", "while", "with", "yield", "None", "True", "False",
    ];
    keywords.contains(&name)
}
