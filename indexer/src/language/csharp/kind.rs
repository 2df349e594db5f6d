//! Which node kinds of C#'s grammar mean what.

use crate::language::walk::Kinds;

pub(super) static KINDS: Kinds<Kind> = Kinds::new();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Unit,
    Namespace,
    FileNamespace,
    Using,
    Class,
    EnumMember,
    Method,
    LocalFunction,
    Operator,
    Property,
    Event,
    Accessor,
    Fields,
    Delegate,
    Declaration,
    Binding,
    Designation,
    ParameterList,
    Lambda,
    ImplicitParameter,
    TypeParameter,
    Bases,
    Explicit,
    TypeArguments,
    Generic,
    Qualified,
    AliasQualified,
    Creation,
    Initializer,
    Assignment,
    WithInitializer,
    AnonymousObject,
    Recursive,
    Subpattern,
    Invocation,
    Access,
    ConditionalAccess,
    ConditionalMember,
    Argument,
    Attribute,
    QueryName,
    Label,
    Goto,
    Preprocessor,
    Identifier,
    String,
    Comment,
}

impl Kind {
    pub(super) fn of_name(name: &str) -> Kind {
        match name {
            "compilation_unit" => Kind::Unit,
            "namespace_declaration" => Kind::Namespace,
            "file_scoped_namespace_declaration" => Kind::FileNamespace,
            "using_directive" => Kind::Using,
            "preproc_if" | "preproc_elif" | "preproc_if_in_attribute_list" => Kind::Preprocessor,
            "identifier" => Kind::Identifier,
            "string_literal" | "verbatim_string_literal" | "raw_string_literal" | "interpolated_string_expression" => {
                Kind::String
            }
            "comment" => Kind::Comment,
            _ => {
                Kind::of_declaration(name).or_else(|| Kind::of_type(name)).unwrap_or_else(|| Kind::of_expression(name))
            }
        }
    }

    fn of_declaration(name: &str) -> Option<Kind> {
        Some(match name {
            "class_declaration"
            | "struct_declaration"
            | "record_declaration"
            | "interface_declaration"
            | "enum_declaration" => Kind::Class,
            "enum_member_declaration" => Kind::EnumMember,
            "method_declaration" | "constructor_declaration" | "destructor_declaration" => Kind::Method,
            "local_function_statement" => Kind::LocalFunction,
            "operator_declaration" | "conversion_operator_declaration" => Kind::Operator,
            "property_declaration" | "indexer_declaration" => Kind::Property,
            "event_declaration" => Kind::Event,
            "accessor_declaration" => Kind::Accessor,
            "field_declaration" | "event_field_declaration" => Kind::Fields,
            "delegate_declaration" => Kind::Delegate,
            "variable_declaration" => Kind::Declaration,
            "parameter"
            | "foreach_statement"
            | "catch_declaration"
            | "declaration_pattern"
            | "declaration_expression"
            | "from_clause" => Kind::Binding,
            "recursive_pattern" => Kind::Recursive,
            "var_pattern" | "list_pattern" | "tuple_pattern" | "parenthesized_variable_designation" => {
                Kind::Designation
            }
            "parameter_list" | "bracketed_parameter_list" => Kind::ParameterList,
            "implicit_parameter" => Kind::ImplicitParameter,
            "type_parameter" => Kind::TypeParameter,
            "let_clause" | "join_clause" | "join_into_clause" => Kind::QueryName,
            _ => return None,
        })
    }

    fn of_type(name: &str) -> Option<Kind> {
        Some(match name {
            "base_list" | "primary_constructor_base_type" => Kind::Bases,
            "explicit_interface_specifier" => Kind::Explicit,
            "type_argument_list" => Kind::TypeArguments,
            "generic_name" => Kind::Generic,
            "qualified_name" => Kind::Qualified,
            "alias_qualified_name" => Kind::AliasQualified,
            _ => return None,
        })
    }

    fn of_expression(name: &str) -> Kind {
        match name {
            "object_creation_expression" => Kind::Creation,
            "initializer_expression" => Kind::Initializer,
            "assignment_expression" => Kind::Assignment,
            "with_initializer" => Kind::WithInitializer,
            "anonymous_object_creation_expression" => Kind::AnonymousObject,
            "subpattern" => Kind::Subpattern,
            "invocation_expression" => Kind::Invocation,
            "member_access_expression" => Kind::Access,
            "conditional_access_expression" => Kind::ConditionalAccess,
            "member_binding_expression" => Kind::ConditionalMember,
            "argument" | "attribute_argument" | "tuple_element" => Kind::Argument,
            "attribute" => Kind::Attribute,
            "lambda_expression" | "anonymous_method_expression" => Kind::Lambda,
            "labeled_statement" => Kind::Label,
            "goto_statement" => Kind::Goto,
            _ => Kind::Other,
        }
    }
}
