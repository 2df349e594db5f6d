//! The kinds of nodes that the facts come from. C++'s grammar extends that of C.

use crate::language::walk::Kinds;
use crate::syntax::LanguageId;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Function,
    Declaration,
    FieldDeclaration,
    InitDeclarator,
    Class,
    Enum,
    Enumerator,
    Typedef,
    Alias,
    Concept,
    Namespace,
    NamespaceAlias,
    Using,
    Template,
    TypeParameter,
    Bases,
    Parameter,
    ForRange,
    Lambda,
    Call,
    New,
    CompoundLiteral,
    FieldAccess,
    FieldInitializer,
    Qualified,
    TemplateName,
    Assignment,
    Attribute,
    Identifier,
    TypeName,
    String,
    Comment,
    Include,
    Define,
    DefineFunction,
    Conditional,
    Directive,
}

static C: Kinds<Kind> = Kinds::new();
static CPP: Kinds<Kind> = Kinds::new();

/// Returns the table of one of the two grammars.
pub(super) fn table(language: LanguageId) -> &'static [Kind] {
    match language {
        LanguageId::C => C.of(language, of_name),
        _ => CPP.of(LanguageId::Cpp, of_name),
    }
}

fn of_name(name: &str) -> Kind {
    match name {
        "function_definition" => Kind::Function,
        "declaration" => Kind::Declaration,
        "field_declaration" => Kind::FieldDeclaration,
        "init_declarator" => Kind::InitDeclarator,
        "class_specifier" | "struct_specifier" | "union_specifier" => Kind::Class,
        "enum_specifier" => Kind::Enum,
        "enumerator" => Kind::Enumerator,
        "type_definition" => Kind::Typedef,
        "alias_declaration" => Kind::Alias,
        "concept_definition" => Kind::Concept,
        "namespace_definition" => Kind::Namespace,
        "namespace_alias_definition" => Kind::NamespaceAlias,
        "using_declaration" => Kind::Using,
        "template_declaration" => Kind::Template,
        "type_parameter_declaration"
        | "optional_type_parameter_declaration"
        | "variadic_type_parameter_declaration" => Kind::TypeParameter,
        "base_class_clause" => Kind::Bases,
        "parameter_declaration" | "optional_parameter_declaration" | "variadic_parameter_declaration" => {
            Kind::Parameter
        }
        "for_range_loop" => Kind::ForRange,
        "lambda_expression" => Kind::Lambda,
        "call_expression" => Kind::Call,
        "new_expression" => Kind::New,
        "compound_literal_expression" => Kind::CompoundLiteral,
        "field_expression" => Kind::FieldAccess,
        "field_initializer" => Kind::FieldInitializer,
        "qualified_identifier" => Kind::Qualified,
        "template_function" | "template_method" | "template_type" => Kind::TemplateName,
        "assignment_expression" => Kind::Assignment,
        "attribute_specifier" | "attribute_declaration" | "ms_declspec_modifier" => Kind::Attribute,
        "identifier" => Kind::Identifier,
        "type_identifier" => Kind::TypeName,
        "string_literal" | "raw_string_literal" => Kind::String,
        "comment" => Kind::Comment,
        "preproc_include" => Kind::Include,
        "preproc_def" => Kind::Define,
        "preproc_function_def" => Kind::DefineFunction,
        "preproc_ifdef" | "preproc_elifdef" => Kind::Conditional,
        "preproc_call" | "preproc_defined" => Kind::Directive,
        _ => Kind::Other,
    }
}
