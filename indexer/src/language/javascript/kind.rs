//! The kinds of nodes that the facts come from. JavaScript's grammar and the two of TypeScript call them alike.

use crate::language::walk::Kinds;
use crate::syntax::LanguageId;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Class,
    Interface,
    Enum,
    EnumBody,
    EnumMember,
    TypeAlias,
    Function,
    FunctionExpression,
    Method,
    Field,
    Namespace,
    Declaration,
    Declarator,
    Assignment,
    Pair,
    Parameters,
    Parameter,
    Pattern,
    AssignmentPattern,
    Catch,
    ForIn,
    Call,
    New,
    Member,
    Arguments,
    Object,
    Parenthesized,
    Heritage,
    Decorator,
    TypeParameter,
    TypePath,
    Signature,
    Identifier,
    PropertyName,
    Shorthand,
    TypeName,
    This,
    JsxTag,
    JsxEnd,
    JsxText,
    String,
    Template,
    Comment,
    Import,
    Export,
}

static JAVASCRIPT: Kinds<Kind> = Kinds::new();
static TYPESCRIPT: Kinds<Kind> = Kinds::new();
static TSX: Kinds<Kind> = Kinds::new();

/// Returns the table of one of the three grammars.
pub(super) fn table(language: LanguageId) -> &'static [Kind] {
    let kinds = match language {
        LanguageId::TypeScript => &TYPESCRIPT,
        LanguageId::Tsx => &TSX,
        _ => &JAVASCRIPT,
    };
    kinds.of(language, of_name)
}

fn of_name(name: &str) -> Kind {
    match name {
        "class_declaration" | "class" | "abstract_class_declaration" => Kind::Class,
        "interface_declaration" => Kind::Interface,
        "enum_declaration" => Kind::Enum,
        "enum_body" => Kind::EnumBody,
        "enum_assignment" => Kind::EnumMember,
        "type_alias_declaration" => Kind::TypeAlias,
        "function_declaration" | "generator_function_declaration" | "function_signature" => Kind::Function,
        "function_expression" | "generator_function" | "arrow_function" => Kind::FunctionExpression,
        "method_definition" | "method_signature" | "abstract_method_signature" => Kind::Method,
        "field_definition" | "public_field_definition" | "property_signature" => Kind::Field,
        "internal_module" | "module" => Kind::Namespace,
        "lexical_declaration" | "variable_declaration" | "using_declaration" => Kind::Declaration,
        "variable_declarator" => Kind::Declarator,
        "assignment_expression" => Kind::Assignment,
        "pair" => Kind::Pair,
        "formal_parameters" => Kind::Parameters,
        "required_parameter" | "optional_parameter" => Kind::Parameter,
        "object_pattern" | "array_pattern" | "rest_pattern" | "pair_pattern" => Kind::Pattern,
        "assignment_pattern" | "object_assignment_pattern" => Kind::AssignmentPattern,
        "catch_clause" => Kind::Catch,
        "for_in_statement" => Kind::ForIn,
        "call_expression" => Kind::Call,
        "new_expression" => Kind::New,
        "member_expression" => Kind::Member,
        "arguments" => Kind::Arguments,
        "object" => Kind::Object,
        "parenthesized_expression" | "as_expression" | "satisfies_expression" | "non_null_expression" => {
            Kind::Parenthesized
        }
        "class_heritage" | "extends_clause" | "implements_clause" | "extends_type_clause" => Kind::Heritage,
        "decorator" => Kind::Decorator,
        "type_parameter" | "mapped_type_clause" | "infer_type" => Kind::TypeParameter,
        "nested_type_identifier" => Kind::TypePath,
        "function_type" | "constructor_type" | "call_signature" | "construct_signature" => Kind::Signature,
        "identifier" => Kind::Identifier,
        "property_identifier" | "private_property_identifier" => Kind::PropertyName,
        "shorthand_property_identifier" => Kind::Shorthand,
        "type_identifier" => Kind::TypeName,
        "this" => Kind::This,
        "jsx_opening_element" | "jsx_self_closing_element" => Kind::JsxTag,
        "jsx_closing_element" => Kind::JsxEnd,
        "jsx_text" => Kind::JsxText,
        "string" => Kind::String,
        "template_string" => Kind::Template,
        "comment" | "html_comment" => Kind::Comment,
        "import_statement" => Kind::Import,
        "export_statement" => Kind::Export,
        _ => Kind::Other,
    }
}
