//! What the nodes of Go's grammar mean.

use tree_sitter::Node;

use super::kind::Kind;
use crate::facts::{Import, ImportItem};
use crate::language::walk::{self, Dialect, Scope, Walk, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, GoFacts>;

/// The state of one file.
#[derive(Default)]
pub(super) struct GoFacts {
    /// The type of the last constant of a group that has one; those after it without a value repeat it.
    pub(super) constants: Option<String>,
}

impl Dialect for GoFacts {
    type Kind = Kind;

    const SAYS_RETURNS: bool = true;

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Package => walk.package(node),
            Kind::Import => return walk.import(node),
            Kind::Function => walk.function(node),
            Kind::Method => walk.method(node),
            Kind::FunctionLiteral => walk.open_anonymous(),
            Kind::TypeSpec | Kind::TypeAlias => walk.type_spec(node),
            Kind::FieldDeclaration => walk.fields(node),
            Kind::MethodElement => walk.method_of_interface(node),
            Kind::ConstDeclaration => walk.own.constants = None,
            Kind::ConstSpec => walk.constants(node),
            Kind::VarSpec => walk.variables(node),
            Kind::ShortVar => walk.short_variables(node),
            Kind::Range | Kind::Receive => walk.bind_if_new(node),
            Kind::TypeSwitch => walk.bind_list(node, "alias"),
            Kind::Parameter => walk.parameter(node),
            Kind::TypeParameter => walk.type_parameter(node),
            _ => return walk.use_of(frame),
        }
        true
    }

    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        walk.mark_tests(scope);
    }

    fn is_doc(comment: &str) -> bool {
        // Directives have no space after the mark.
        let is_directive =
            |it: &str| ["go:", "nolint", "line ", "export ", "lint:"].iter().any(|mark| it.starts_with(mark));
        !comment.strip_prefix("//").is_some_and(|it| is_directive(it) || it.trim_start().starts_with("+build"))
    }
}

impl<'t> Walker<'t> {
    fn package(&mut self, node: Node<'t>) {
        self.facts.namespace = node.named_child(0).map(|it| self.slice(it).to_owned());
        self.file_doc_above(node);
    }

    fn import(&mut self, node: Node<'t>) -> bool {
        let Some(module) = self.field(node, "path").map(unquoted) else { return true };
        let item = match self.field(node, "name") {
            Some(".") => ImportItem::Star,
            alias => ImportItem::Module { alias: alias.map(str::to_owned) },
        };
        let line = node.start_position().row as u32 + 1;
        self.facts.imports.push(Import::new(module, item, line));
        false
    }

    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(frame),
            Kind::TypeName => self.type_name(node),
            Kind::QualifiedType => self.qualified_type(node),
            Kind::Selector => return self.selector(frame),
            Kind::String => {
                self.string(node, unquoted(self.slice(node)));
                return false;
            }
            Kind::Comment => self.comment(node),
            _ => {}
        }
        true
    }
}
