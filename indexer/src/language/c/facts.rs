//! What the nodes of C's and C++'s grammars mean.

use std::ops::Range;

use super::kind::Kind;
use crate::language::walk::{self, Dialect, Scope, Walk, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, CFacts>;

/// The state of one file.
#[derive(Default)]
pub(super) struct CFacts {
    /// The type parameters of the templates whose definition comes next.
    pub(super) parameters: Vec<Range<usize>>,
}

impl Dialect for CFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["this"];
    const SAYS_RETURNS: bool = true;

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Function => walk.function(node),
            Kind::Declaration => walk.declaration(node),
            Kind::FieldDeclaration => walk.field_declaration(node),
            Kind::Class => walk.class(node),
            Kind::Enum => walk.enumeration(node),
            Kind::Enumerator => walk.enumerator(node),
            Kind::Typedef => walk.typedef(node),
            Kind::Alias | Kind::Concept => walk.alias(node),
            Kind::Namespace => walk.namespace_block(node),
            Kind::NamespaceAlias => {
                walk.namespace_alias(node);
                return false;
            }
            Kind::Using => {
                walk.using(node);
                return false;
            }
            Kind::Template => walk.own.parameters.clear(),
            Kind::TypeParameter => walk.type_parameter(node),
            Kind::Parameter => walk.parameter(node),
            Kind::ForRange => walk.for_range(node),
            Kind::Lambda => walk.open_anonymous(),
            _ => return walk.use_of(frame),
        }
        true
    }

    fn closed(_walk: &mut Walker<'_>, _scope: &Scope<'_>) {}
}

/// Uses of names, texts and the preprocessor.
impl<'t> Walker<'t> {
    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(frame),
            Kind::TypeName => self.type_name(frame),
            Kind::Qualified => self.qualified(frame),
            Kind::FieldAccess => self.field_access(frame),
            Kind::FieldInitializer => self.field_initializer(node),
            // What an attribute says is in the head.
            Kind::Attribute | Kind::Directive => return false,
            // `extern "C"` is a keyword.
            Kind::String if self.around(0).is_some_and(|it| it.node.kind() == "linkage_specification") => return false,
            Kind::String => {
                self.string(node, unquoted(self.slice(node)));
                return false;
            }
            Kind::Comment => self.comment(node),
            Kind::Include => {
                self.include(node);
                return false;
            }
            Kind::Define => {
                self.define_constant(node);
                return false;
            }
            Kind::DefineFunction => {
                self.define_macro(node);
                return false;
            }
            Kind::Conditional => node.child_by_field_name("name").into_iter().for_each(|it| self.claim(it)),
            _ => {}
        }
        true
    }
}
