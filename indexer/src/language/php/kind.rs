//! The kinds of nodes that the facts come from.

use crate::language::walk::Kinds;

pub(super) static KINDS: Kinds<Kind> = Kinds::new();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Namespace,
    NamespaceName,
    Use,
    Include,
    Class,
    AnonymousClass,
    TraitUse,
    TraitUseRule,
    EnumCase,
    Function,
    Method,
    Closure,
    Property,
    PropertyElement,
    Const,
    ConstElement,
    Parameter,
    Catch,
    Foreach,
    Assignment,
    Heritage,
    NamedType,
    Attribute,
    FunctionCall,
    MemberCall,
    MemberAccess,
    ScopedCall,
    ScopedProperty,
    ClassConstant,
    New,
    Argument,
    Parenthesized,
    Variable,
    Name,
    QualifiedName,
    Skipped,
    String,
    Encapsed,
    Heredoc,
    Comment,
}

impl Kind {
    pub(super) fn of_name(name: &str) -> Kind {
        match name {
            "namespace_definition" => Kind::Namespace,
            "namespace_name" => Kind::NamespaceName,
            "namespace_use_declaration" => Kind::Use,
            "include_expression" | "include_once_expression" | "require_expression" | "require_once_expression" => {
                Kind::Include
            }
            "class_declaration" | "interface_declaration" | "trait_declaration" | "enum_declaration" => Kind::Class,
            "anonymous_class" => Kind::AnonymousClass,
            "use_declaration" => Kind::TraitUse,
            "use_list" => Kind::TraitUseRule,
            "enum_case" => Kind::EnumCase,
            "function_definition" => Kind::Function,
            "method_declaration" => Kind::Method,
            "anonymous_function" | "arrow_function" | "property_hook" => Kind::Closure,
            "property_declaration" => Kind::Property,
            "property_element" => Kind::PropertyElement,
            "const_declaration" => Kind::Const,
            "const_element" => Kind::ConstElement,
            "simple_parameter" | "variadic_parameter" | "property_promotion_parameter" => Kind::Parameter,
            "catch_clause" => Kind::Catch,
            "foreach_statement" => Kind::Foreach,
            "assignment_expression" | "augmented_assignment_expression" | "reference_assignment_expression" => {
                Kind::Assignment
            }
            "base_clause" | "class_interface_clause" => Kind::Heritage,
            "named_type" => Kind::NamedType,
            "attribute" => Kind::Attribute,
            "function_call_expression" => Kind::FunctionCall,
            "member_call_expression" | "nullsafe_member_call_expression" => Kind::MemberCall,
            "member_access_expression" | "nullsafe_member_access_expression" => Kind::MemberAccess,
            "scoped_call_expression" => Kind::ScopedCall,
            "scoped_property_access_expression" => Kind::ScopedProperty,
            "class_constant_access_expression" => Kind::ClassConstant,
            "object_creation_expression" => Kind::New,
            "argument" => Kind::Argument,
            "parenthesized_expression" => Kind::Parenthesized,
            "variable_name" => Kind::Variable,
            "name" => Kind::Name,
            "qualified_name" | "relative_name" => Kind::QualifiedName,
            "goto_statement" | "named_label_statement" | "text" | "declare_directive" => Kind::Skipped,
            "string" | "nowdoc" => Kind::String,
            "encapsed_string" | "shell_command_expression" => Kind::Encapsed,
            "heredoc" => Kind::Heredoc,
            "comment" => Kind::Comment,
            _ => Kind::Other,
        }
    }
}
