//! What the node kinds of Kotlin's grammar mean.

use crate::language::walk::Kinds;
use crate::syntax::LanguageId;

static KINDS: Kinds<Kind> = Kinds::new();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Package,
    Import,
    Class,
    ObjectLiteral,
    Companion,
    EnumEntry,
    PrimaryConstructor,
    SecondaryConstructor,
    ConstructorCall,
    Initializer,
    Function,
    Property,
    Accessor,
    TypeAlias,
    TypeParameter,
    FunctionTypeParameters,
    Parameter,
    Variable,
    Catch,
    Lambda,
    AnonymousFunction,
    Heritage,
    ConstructorInvocation,
    Delegation,
    Annotation,
    UserType,
    TypeName,
    This,
    Call,
    Navigation,
    Infix,
    CallableReference,
    Assignable,
    Argument,
    Identifier,
    String,
    Comment,
}

pub(super) fn table() -> &'static [Kind] {
    KINDS.of(LanguageId::Kotlin, of_name)
}

fn of_name(name: &str) -> Kind {
    match name {
        "package_header" => Kind::Package,
        "import_header" => Kind::Import,
        "class_declaration" | "object_declaration" => Kind::Class,
        "object_literal" => Kind::ObjectLiteral,
        "companion_object" => Kind::Companion,
        "enum_entry" => Kind::EnumEntry,
        "primary_constructor" => Kind::PrimaryConstructor,
        "secondary_constructor" => Kind::SecondaryConstructor,
        "constructor_delegation_call" => Kind::ConstructorCall,
        "anonymous_initializer" => Kind::Initializer,
        "function_declaration" => Kind::Function,
        "property_declaration" => Kind::Property,
        "getter" | "setter" => Kind::Accessor,
        "type_alias" => Kind::TypeAlias,
        "type_parameter" => Kind::TypeParameter,
        "function_type_parameters" => Kind::FunctionTypeParameters,
        "parameter" | "parameter_with_optional_type" => Kind::Parameter,
        "variable_declaration" => Kind::Variable,
        "catch_block" => Kind::Catch,
        "lambda_literal" => Kind::Lambda,
        "anonymous_function" => Kind::AnonymousFunction,
        "delegation_specifier" => Kind::Heritage,
        "constructor_invocation" => Kind::ConstructorInvocation,
        "explicit_delegation" => Kind::Delegation,
        "annotation" | "file_annotation" => Kind::Annotation,
        "user_type" => Kind::UserType,
        "type_identifier" => Kind::TypeName,
        "this_expression" => Kind::This,
        "call_expression" => Kind::Call,
        "navigation_expression" => Kind::Navigation,
        "infix_expression" => Kind::Infix,
        "callable_reference" => Kind::CallableReference,
        "directly_assignable_expression" => Kind::Assignable,
        "value_argument" => Kind::Argument,
        "simple_identifier" | "interpolated_identifier" => Kind::Identifier,
        "string_literal" => Kind::String,
        "line_comment" | "multiline_comment" => Kind::Comment,
        _ => Kind::Other,
    }
}
