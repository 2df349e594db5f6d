//! Of which type a value is, as far as its form tells.

use crate::scope::LikelyType;
use crate::syntax::SyntaxNode;

pub(super) fn parameter_hint(parameter: SyntaxNode<'_>) -> LikelyType {
    match parameter.kind() {
        "list_splat_pattern" => return LikelyType::Tuple,
        "dictionary_splat_pattern" => return LikelyType::Dict,
        _ => {}
    }
    let annotated = parameter.field("type").map_or(LikelyType::Unknown, annotation_hint);
    match annotated {
        LikelyType::Unknown => parameter.field("value").map_or(LikelyType::Unknown, value_hint),
        known => known,
    }
}

pub(super) fn annotation_hint(annotation: SyntaxNode<'_>) -> LikelyType {
    let text = annotation.text().trim_matches(|it| matches!(it, '"' | '\''));
    let text = text.strip_prefix("typing.").unwrap_or(text);
    let text = text.strip_prefix("Optional[").unwrap_or(text);
    let head = text.split(['[', '|', ' ', ']']).next().unwrap_or("");
    match head {
        "int" => LikelyType::Int,
        "float" => LikelyType::Float,
        "bool" => LikelyType::Bool,
        "str" => LikelyType::Str,
        "bytes" => LikelyType::Bytes,
        "list" | "List" | "MutableSequence" | "Sequence" => LikelyType::List,
        "tuple" | "Tuple" => LikelyType::Tuple,
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "DefaultDict" | "OrderedDict" => LikelyType::Dict,
        "set" | "Set" | "FrozenSet" | "frozenset" => LikelyType::Set,
        "Callable" => LikelyType::Callable,
        "Type" | "type" => LikelyType::Class,
        "Iterable" | "Iterator" | "Generator" | "Collection" => LikelyType::Iterable,
        _ => LikelyType::Unknown,
    }
}

/// The type of an expression, as far as its outermost form tells.
pub(in crate::scope) fn value_hint(value: SyntaxNode<'_>) -> LikelyType {
    match value.kind() {
        "none" => LikelyType::None,
        "true" | "false" | "comparison_operator" | "not_operator" => LikelyType::Bool,
        "integer" => LikelyType::Int,
        "float" => LikelyType::Float,
        "string" | "concatenated_string" if value.text().starts_with(['b', 'B']) => LikelyType::Bytes,
        "string" | "concatenated_string" => LikelyType::Str,
        "list" | "list_comprehension" => LikelyType::List,
        "tuple" | "expression_list" => LikelyType::Tuple,
        "dictionary" | "dictionary_comprehension" => LikelyType::Dict,
        "set" | "set_comprehension" => LikelyType::Set,
        "generator_expression" => LikelyType::Iterable,
        "lambda" => LikelyType::Callable,
        "parenthesized_expression" | "unary_operator" | "binary_operator" | "boolean_operator" => {
            let parts = value.named_children();
            let mut hints = parts.into_iter().map(|part| match part.kind() {
                // One step only: a chain of a thousand operators must not recurse.
                "parenthesized_expression" | "unary_operator" | "binary_operator" | "boolean_operator" => {
                    LikelyType::Unknown
                }
                _ => value_hint(part),
            });
            hints.find(|hint| *hint != LikelyType::Unknown).unwrap_or_default()
        }
        "call" => value.field("function").map_or(LikelyType::Unknown, |it| result_of(it.text())),
        _ => LikelyType::Unknown,
    }
}

pub(super) fn result_of(function: &str) -> LikelyType {
    let last = function.rsplit('.').next().unwrap_or(function);
    match last {
        "int" | "len" | "ord" | "sum" | "round" | "abs" | "find" | "index" | "count" if !function.is_empty() => {
            LikelyType::Int
        }
        "float" => LikelyType::Float,
        "bool" | "isinstance" | "hasattr" | "any" | "all" | "startswith" | "endswith" => LikelyType::Bool,
        "str" | "repr" | "join" | "format" | "strip" | "lower" | "upper" | "replace" | "chr" => LikelyType::Str,
        "bytes" | "bytearray" | "encode" => LikelyType::Bytes,
        "list" | "sorted" | "split" | "splitlines" | "deque" => LikelyType::List,
        "tuple" => LikelyType::Tuple,
        "dict" | "defaultdict" | "OrderedDict" | "Counter" => LikelyType::Dict,
        "set" | "frozenset" => LikelyType::Set,
        "range" | "zip" | "map" | "filter" | "enumerate" | "reversed" | "iter" | "items" | "keys" | "values" => {
            LikelyType::Iterable
        }
        _ => LikelyType::Unknown,
    }
}

/// The type of what a loop over `iterable` gives; several targets take the first part's.
pub(super) fn element_hint(iterable: Option<SyntaxNode<'_>>) -> LikelyType {
    let Some(iterable) = iterable else { return LikelyType::Unknown };
    match iterable.kind() {
        "string" => LikelyType::Str,
        "list" | "tuple" | "set" => iterable.named_children().first().map_or(LikelyType::Unknown, |it| value_hint(*it)),
        "call" => match iterable.field("function").map_or("", SyntaxNode::text) {
            "range" => LikelyType::Int,
            _ => LikelyType::Unknown,
        },
        _ => LikelyType::Unknown,
    }
}

/// The type known of a whole says nothing about the parts it is unpacked into.
pub(super) fn part_hint(target: SyntaxNode<'_>, whole: LikelyType) -> LikelyType {
    match target.kind() {
        "list_splat_pattern" | "list_splat" if whole != LikelyType::Tuple => LikelyType::List,
        "list_splat_pattern" | "dictionary_splat_pattern" | "as_pattern_target" | "parenthesized_expression" => whole,
        _ => LikelyType::Unknown,
    }
}

pub(super) fn type_with_method(method: &str) -> LikelyType {
    match method {
        "append" | "extend" | "insert" | "sort" | "reverse" => LikelyType::List,
        "add" | "discard" | "union" | "intersection" | "issubset" => LikelyType::Set,
        "items" | "keys" | "values" | "setdefault" | "get" => LikelyType::Dict,
        "strip" | "split" | "startswith" | "endswith" | "lower" | "upper" | "replace" | "join" | "encode"
        | "splitlines" | "rstrip" | "lstrip" | "isdigit" | "isalpha" | "title" | "capitalize" | "zfill" => {
            LikelyType::Str
        }
        "decode" => LikelyType::Bytes,
        _ => LikelyType::Unknown,
    }
}
