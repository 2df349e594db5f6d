//! What the nodes of Rust's grammar mean.

use super::classes::PASSING;
use super::kind::Kind;
use crate::language::walk::{self, Dialect, MAX_TEXT, Scope, Walk, cut, plain_comment, text_span, unquoted};

pub(super) type Frame<'t> = walk::Frame<'t, Kind>;
pub(super) type Walker<'t> = Walk<'t, RustFacts>;

/// The state of one file.
#[derive(Default)]
pub(super) struct RustFacts {
    /// Up to which byte a module of tests reaches.
    pub(super) tests_until: usize,
}

impl Dialect for RustFacts {
    type Kind = Kind;

    const OWN: &'static [&'static str] = &["self", "Self"];
    const SAYS_RETURNS: bool = true;
    const PASSING: &'static [&'static str] = PASSING;

    fn enter<'t>(walk: &mut Walker<'t>, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Module => return walk.module(node),
            Kind::Use => return walk.use_declaration(node),
            Kind::ExternCrate => return walk.extern_crate(node),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Trait | Kind::TypeItem | Kind::AssociatedType => {
                walk.type_item(frame);
            }
            Kind::Variant => walk.variant(node),
            Kind::Field => walk.field_of_type(node),
            Kind::Impl => walk.implementation(node),
            Kind::Function => walk.function(node),
            Kind::Closure => walk.open_anonymous(),
            Kind::Const | Kind::Static => walk.constant(frame),
            Kind::MacroDefinition => walk.macro_definition(node),
            Kind::MacroInvocation => walk.macro_invocation(node),
            Kind::TokenTree => walk.tokens(node),
            Kind::Attribute => return walk.attribute(node),
            Kind::TokenPattern | Kind::InnerAttribute | Kind::Skipped => return false,
            Kind::Let => walk.let_declaration(node),
            Kind::Condition | Kind::For | Kind::MatchArm => walk.bind_field(node, "pattern"),
            Kind::Parameter => walk.parameter(node),
            Kind::ClosureParameters => walk.closure_parameters(node),
            Kind::TypeParameter | Kind::ConstParameter => walk.type_parameter(node),
            Kind::TypeBinding => walk.claim_name(node),
            _ => return walk.use_of(frame),
        }
        true
    }

    fn closed(walk: &mut Walker<'_>, scope: &Scope<'_>) {
        walk.mark_tests(scope);
    }

    fn is_doc(comment: &str) -> bool {
        let is_line = comment.starts_with("///") && !comment.starts_with("////");
        is_line || (comment.starts_with("/**") && !comment.starts_with("/***"))
    }
}

impl<'t> Walker<'t> {
    fn use_of(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            Kind::Identifier => self.identifier(frame),
            Kind::TypeName => self.type_name(frame),
            Kind::FieldAccess => self.field_access(frame),
            Kind::Scoped | Kind::ScopedType => return self.scoped(frame),
            Kind::FieldInitializer | Kind::ShorthandInitializer => self.field_initializer(frame),
            Kind::FieldPattern => self.field_pattern(node),
            Kind::String => {
                // Of a raw string the quotes inside are its own.
                let content =
                    node.named_child(0).filter(|it| it.kind() == "string_content" && node.kind().starts_with("raw"));
                self.string(node, content.map_or_else(|| unquoted(self.slice(node)), |it| self.slice(it)));
                return false;
            }
            Kind::Comment => {
                self.comment_or_file_doc(frame);
                return false;
            }
            _ => {}
        }
        true
    }

    /// `//!` documents what is around it: kept as documentation of the file where that is the file.
    fn comment_or_file_doc(&mut self, frame: Frame<'t>) {
        let comment = self.slice(frame.node);
        if !comment.starts_with("//!") && !comment.starts_with("/*!") {
            return self.comment(frame.node);
        }
        let text = plain_comment(comment);
        if self.frames.len() == 1 {
            let doc = self.facts.doc.get_or_insert_default();
            if !doc.is_empty() && doc.len() < walk::MAX_DOC {
                doc.push('\n');
            }
            let room = walk::MAX_DOC.saturating_sub(doc.len());
            doc.push_str(cut(&text, room));
        }
        if !text.is_empty() {
            let span = text_span(frame.node, cut(&text, MAX_TEXT), self.within());
            self.facts.docs.push(span);
        }
    }
}
