//! Calls of macros, whose arguments are only tokens: names in them are used, and what stands beside them tells how.

use tree_sitter::Node;

use super::builtin::{AMBIENT, MACROS};
use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Receiver, Usage};
use crate::language::walk::path_of;

impl<'t> Walker<'t> {
    pub(super) fn macro_invocation(&mut self, node: Node<'t>) {
        let Some(name) = node.child_by_field_name("macro") else { return };
        match self.kind(name) {
            Kind::Identifier => {
                if MACROS.binary_search(&self.slice(name)).is_err() {
                    self.bare(name, Usage::Call);
                }
                self.claim(name);
            }
            _ => {
                self.path_member(name, Usage::Call);
                // Its parts are no names of their own.
                self.claim_path(name);
            }
        }
    }

    fn claim_path(&mut self, path: Node<'t>) {
        let mut open = Some(path);
        while let Some(it) = open {
            self.claim(it);
            it.child_by_field_name("name").into_iter().for_each(|it| self.claim(it));
            open = it.child_by_field_name("path");
        }
    }

    /// Notes the names directly in a list of tokens.
    pub(super) fn tokens(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> =
            node.named_children(&mut cursor).filter(|it| self.kind(*it) == Kind::Identifier).collect();
        for it in names {
            self.token(it);
            self.claim(it);
        }
    }

    fn token(&mut self, node: Node<'t>) {
        let name = self.slice(node);
        let after = self.slice_of(node.end_byte()..self.text.len());
        let next = after.trim_start();
        let is_keyword = is_keyword(name) || AMBIENT.binary_search(&name).is_ok();
        // `name: value` and `name = value` name something of the macro's own, or a field.
        let is_label = (next.starts_with(':') && !next.starts_with("::"))
            || (next.starts_with('=') && !next.starts_with("==") && !next.starts_with("=>"));
        if is_keyword || is_label {
            return;
        }
        let is_function = next.starts_with("::<") && name.starts_with(|it: char| it.is_lowercase());
        let is_called = next.starts_with('(') || is_function || (next.starts_with('!') && !next.starts_with("!="));
        let usage = if is_called { Usage::Call } else { Usage::Read };
        let before = self.path_before(node.start_byte());
        if before.is_none() && self.is_bound_by_let(node.start_byte()) {
            self.scope().bind(name, None);
            return;
        }
        match before {
            _ if next.starts_with('!') && MACROS.binary_search(&name).is_ok() => {}
            None => self.refer_from(name, name, Receiver::Bare, usage, node),
            Some("") => self.refer(name, Receiver::Unknown, usage, node),
            Some(path) => match path_of(path) {
                Some(path) => self.member_of(path, name, usage, node),
                None => self.refer(name, Receiver::Unknown, usage, node),
            },
        }
    }

    fn text_before(&self, at: usize) -> &'t str {
        const LONGEST: usize = 200;
        self.slice_of(self.text.floor_char_boundary(at.saturating_sub(LONGEST))..at)
    }

    fn is_bound_by_let(&self, at: usize) -> bool {
        let before = self.text_before(at).trim_end();
        let before = before.strip_suffix("mut").map_or(before, str::trim_end);
        before.strip_suffix("let").is_some_and(|it| it.ends_with(|it: char| !it.is_alphanumeric()))
    }

    /// Returns the path that is joined to what begins at `at`: `None` where nothing is, the empty text where it is no path of names.
    fn path_before(&self, at: usize) -> Option<&'t str> {
        let before = self.text_before(at);
        let head = before.strip_suffix("::").or_else(|| before.strip_suffix('.').filter(|it| !it.ends_with('.')))?;
        // Type arguments in the middle of a path are passed over.
        let head = head.strip_suffix('>').map_or(head, |_| head.rfind("::<").map_or("", |it| &head[..it]));
        let plain = |it: char| it == '_' || it == '.' || it == ':' || it.is_alphanumeric();
        let start =
            head.rfind(|it| !plain(it)).map_or(0, |it| it + head[it..].chars().next().map_or(1, char::len_utf8));
        Some(head[start..].trim_start_matches([':', '.']))
    }
}

fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "as" | "async"
            | "await"
            | "break"
            | "const"
            | "continue"
            | "dyn"
            | "else"
            | "enum"
            | "extern"
            | "false"
            | "fn"
            | "for"
            | "if"
            | "impl"
            | "in"
            | "let"
            | "loop"
            | "match"
            | "mod"
            | "move"
            | "mut"
            | "pub"
            | "ref"
            | "return"
            | "static"
            | "struct"
            | "trait"
            | "true"
            | "type"
            | "unsafe"
            | "use"
            | "where"
            | "while"
            | "union"
    )
}
