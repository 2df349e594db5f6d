//! The kinds of nodes that the facts come from.

use crate::language::walk::Kinds;

pub(super) static KINDS: Kinds<Kind> = Kinds::new();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Class,
    Module,
    SingletonClass,
    Superclass,
    Method,
    SingletonMethod,
    Alias,
    Block,
    Lambda,
    Parameters,
    Parameter,
    Assignment,
    ForLoop,
    ExceptionVariable,
    InClause,
    Call,
    ArgumentList,
    BlockArgument,
    Super,
    OwnWord,
    Identifier,
    Constant,
    ScopeResolution,
    InstanceVariable,
    GlobalVariable,
    Symbol,
    String,
    Heredoc,
    Comment,
}

impl Kind {
    pub(super) fn of_name(name: &str) -> Kind {
        match name {
            "class" => Kind::Class,
            "module" => Kind::Module,
            "singleton_class" => Kind::SingletonClass,
            "superclass" => Kind::Superclass,
            "method" => Kind::Method,
            "singleton_method" => Kind::SingletonMethod,
            "alias" => Kind::Alias,
            "block" | "do_block" => Kind::Block,
            "lambda" => Kind::Lambda,
            "method_parameters" | "block_parameters" | "lambda_parameters" | "destructured_parameter" => {
                Kind::Parameters
            }
            "optional_parameter"
            | "keyword_parameter"
            | "splat_parameter"
            | "hash_splat_parameter"
            | "block_parameter" => Kind::Parameter,
            "assignment" | "operator_assignment" => Kind::Assignment,
            "for" => Kind::ForLoop,
            "exception_variable" => Kind::ExceptionVariable,
            "in_clause" | "match_pattern" | "test_pattern" => Kind::InClause,
            "call" => Kind::Call,
            "argument_list" => Kind::ArgumentList,
            "block_argument" => Kind::BlockArgument,
            "super" => Kind::Super,
            "self" => Kind::OwnWord,
            "identifier" => Kind::Identifier,
            "constant" => Kind::Constant,
            "scope_resolution" => Kind::ScopeResolution,
            "instance_variable" | "class_variable" => Kind::InstanceVariable,
            "global_variable" => Kind::GlobalVariable,
            "simple_symbol" => Kind::Symbol,
            "string" | "bare_string" | "subshell" => Kind::String,
            "heredoc_body" => Kind::Heredoc,
            "comment" => Kind::Comment,
            _ => Kind::Other,
        }
    }
}
