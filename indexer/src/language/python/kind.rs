//! The kinds of nodes that the facts come from.

use crate::language::walk::Kinds;

pub(super) static KINDS: Kinds<Kind> = Kinds::new();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Class,
    Function,
    Lambda,
    Identifier,
    Attribute,
    Call,
    String,
    Comment,
    Import,
    Assignment,
    AugmentedAssignment,
    NamedExpression,
    For,
    ForIn,
    Pattern,
    AsPatternTarget,
    CasePattern,
    DottedName,
    Parameters,
    DefaultParameter,
    TypedParameter,
    KeywordArgument,
    ArgumentList,
    Decorator,
    Type,
    Global,
    Assert,
}

impl Kind {
    pub(super) fn of_name(name: &str) -> Kind {
        match name {
            "class_definition" => Kind::Class,
            "function_definition" => Kind::Function,
            "lambda" => Kind::Lambda,
            "identifier" => Kind::Identifier,
            "attribute" => Kind::Attribute,
            "call" => Kind::Call,
            "string" => Kind::String,
            "comment" => Kind::Comment,
            "import_statement" | "import_from_statement" | "future_import_statement" => Kind::Import,
            "assignment" => Kind::Assignment,
            "augmented_assignment" => Kind::AugmentedAssignment,
            "named_expression" => Kind::NamedExpression,
            "for_statement" => Kind::For,
            "for_in_clause" => Kind::ForIn,
            "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern" | "dictionary_splat_pattern" => {
                Kind::Pattern
            }
            "as_pattern_target" => Kind::AsPatternTarget,
            "case_pattern" => Kind::CasePattern,
            "dotted_name" => Kind::DottedName,
            "parameters" | "lambda_parameters" => Kind::Parameters,
            "default_parameter" | "typed_default_parameter" => Kind::DefaultParameter,
            "typed_parameter" => Kind::TypedParameter,
            "keyword_argument" => Kind::KeywordArgument,
            "argument_list" => Kind::ArgumentList,
            "decorator" => Kind::Decorator,
            "type" => Kind::Type,
            "global_statement" | "nonlocal_statement" => Kind::Global,
            "assert_statement" => Kind::Assert,
            _ => Kind::Other,
        }
    }
}
