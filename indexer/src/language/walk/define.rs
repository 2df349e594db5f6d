//! Definitions: what they are called, where they stand, and what class a written type names.

use std::borrow::Cow;
use std::ops::Range;

use tree_sitter::Node;

use super::text::{MAX_PATH, MAX_SIGNATURE, cut, one_line};
use super::{Dialect, Scope, ScopeKind, Walk};
use crate::symbol::{Definition, Form, LineRange, SymbolKind};

/// A longer name qualifies nothing further.
const MAX_QUALIFIED: usize = 1000;

/// What a language knows of a definition when it meets it.
#[derive(Clone, Debug)]
pub(in crate::language) struct Draft<'t> {
    pub(in crate::language) name: Cow<'t, str>,
    pub(in crate::language) kind: SymbolKind,
    pub(in crate::language) form: Form,
    /// The whole, with what decorates it.
    pub(in crate::language) outer: Node<'t>,
    /// The bytes of its head.
    pub(in crate::language) head: Range<usize>,
    pub(in crate::language) bases: Vec<String>,
    pub(in crate::language) decorators: Vec<String>,
    pub(in crate::language) doc: Option<String>,
    /// Whether comments above it are its documentation.
    pub(in crate::language) takes_doc: bool,
    /// The dotted name of the class it holds an instance of.
    pub(in crate::language) instance_of: Option<String>,
    /// The dotted path of the class it belongs to, where that is not around it.
    pub(in crate::language) owner: Option<String>,
    /// The definition around it.
    pub(in crate::language) parent: Option<u32>,
}

/// Attributes that stand before what they decorate, as nodes of their own.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    texts: Vec<String>,
    start: usize,
    first_line: u32,
    last_row: usize,
}

impl<'t, D: Dialect> Walk<'t, D> {
    /// Begins a definition: head up to `body`, parent and owner from the scopes.
    pub(in crate::language) fn draft(
        &self,
        name: impl Into<Cow<'t, str>>,
        kind: SymbolKind,
        form: Form,
        outer: Node<'t>,
        body: Option<Node<'t>>,
    ) -> Draft<'t> {
        Draft {
            name: name.into(),
            kind,
            form,
            outer,
            head: outer.start_byte()..body.map_or(outer.end_byte(), |it| it.start_byte()),
            bases: Vec::new(),
            decorators: Vec::new(),
            doc: None,
            takes_doc: true,
            instance_of: None,
            owner: self.scopes.last().and_then(|it| it.owner.clone()),
            parent: self.within(),
        }
    }

    /// Begins the definition of a value: the head is its first line.
    pub(in crate::language) fn draft_of_value(
        &self,
        name: impl Into<Cow<'t, str>>,
        kind: SymbolKind,
        form: Form,
        outer: Node<'t>,
    ) -> Draft<'t> {
        let mut draft = self.draft(name, kind, form, outer, None);
        let line = self.slice(outer).lines().next().map_or(0, str::len);
        draft.head.end = draft.head.start + line;
        draft
    }

    /// Keeps the text of an attribute for the definition that comes next.
    pub(in crate::language) fn attribute_above(&mut self, node: Node<'t>, text: &str) {
        let start = node.start_position();
        if self.attributes.texts.is_empty() || start.row > self.attributes.last_row + 1 {
            self.attributes =
                Attributes { start: node.start_byte(), first_line: start.row as u32 + 1, ..Attributes::default() };
        }
        self.attributes.texts.push(one_line(text, MAX_PATH));
        self.attributes.last_row = node.end_position().row;
        self.reach_over(node);
    }

    /// Adds a definition with the documentation and attributes above it; returns its place.
    pub(in crate::language) fn define(&mut self, mut draft: Draft<'t>) -> u32 {
        let row = draft.outer.start_position().row;
        let attributes = std::mem::take(&mut self.attributes);
        let attributed = !attributes.texts.is_empty() && attributes.last_row + 1 >= row && attributes.last_row <= row;
        if draft.takes_doc && draft.doc.is_none() {
            draft.doc = self.doc_above(draft.outer);
        }
        let (mut lines, mut span) = (lines_of(draft.outer), draft.outer.byte_range());
        if attributed && attributes.start < span.start {
            lines.start = attributes.first_line;
            span.start = attributes.start;
            draft.decorators.splice(0..0, attributes.texts);
        }
        let signature = head(self.slice_of(draft.head));
        self.push_definition(Definition {
            name: draft.name.into_owned(),
            qualified: String::new(),
            kind: draft.kind,
            form: draft.form,
            lines,
            span,
            signature,
            doc: draft.doc,
            is_test: false,
            bases: draft.bases,
            decorators: draft.decorators,
            parent: draft.parent,
            owner: draft.owner,
            namespace: None,
            instance_of: draft.instance_of,
        })
    }

    /// Adds a definition and opens its scope, which ends with the node that is entered.
    pub(in crate::language) fn define_scope(&mut self, draft: Draft<'t>, kind: ScopeKind) -> u32 {
        let at = self.define(draft);
        self.open(Scope::new(at, kind));
        at
    }

    /// Adds a class whose members are meant by their bare names, and opens its scope.
    pub(in crate::language) fn define_class(&mut self, draft: Draft<'t>) -> u32 {
        let at = self.define(draft);
        let scope = Scope::new(at, ScopeKind::Class).with_implicit_own();
        self.open(scope);
        at
    }

    /// Binds a name in the innermost scope if that is a function: other scopes have no names of their own.
    pub(in crate::language) fn bind_local(&mut self, name: &'t str, class: Option<String>) {
        if matches!(self.scope_kind(), ScopeKind::Function | ScopeKind::Anonymous) {
            self.scope().bind(name, class);
        }
    }

    /// Adds a definition as it is, but for its qualified name and namespace.
    pub(in crate::language) fn push_definition(&mut self, mut definition: Definition) -> u32 {
        let parent = definition.parent.and_then(|it| self.facts.symbols.get(it as usize));
        let parent = parent.map(|it| it.qualified.as_str()).filter(|it| *it != D::UNNAMED && it.len() <= MAX_QUALIFIED);
        let around = parent.into_iter().chain(definition.owner.as_deref());
        definition.qualified = around.chain([definition.name.as_str()]).collect::<Vec<_>>().join(".");
        if definition.parent.is_none() {
            definition.namespace = self.namespace();
        }
        self.facts.symbols.push(definition);
        self.facts.symbols.len() as u32 - 1
    }

    /// Opens the scope of a function without a name.
    pub(in crate::language) fn open_anonymous(&mut self) {
        let scope = Scope::anonymous(self.within(), self.own_name());
        self.open(scope);
    }

    /// Marks a definition, and the file with it, as a test.
    pub(in crate::language) fn mark_test(&mut self, at: u32) {
        if let Some(it) = self.facts.symbols.get_mut(at as usize) {
            it.is_test = true;
            self.facts.is_test = true;
        }
    }

    /// Marks what stands directly in a definition as tests or their support.
    pub(in crate::language) fn mark_inside(&mut self, at: u32) {
        let Some((outer, rest)) = self.facts.symbols.get_mut(at as usize..).and_then(|it| it.split_first_mut()) else {
            return;
        };
        let inside = rest.iter_mut().take_while(|it| it.span.start < outer.span.end);
        inside.filter(|it| it.parent == Some(at)).for_each(|it| it.is_test = true);
    }
}

/// Puts a head on one line and takes off what opens the body.
fn head(text: &str) -> String {
    one_line(text.trim().trim_end_matches(['{', ';', '=', ':']).trim_end_matches("=>"), MAX_SIGNATURE).trim().to_owned()
}

/// Returns whether a text is a path of plain names joined by dots.
pub(in crate::language) fn is_dotted(path: &str) -> bool {
    let plain = |it: u8| it == b'_' || it == b'.' || it.is_ascii_alphanumeric();
    !path.is_empty() && path.len() <= MAX_PATH && path.bytes().all(plain)
}

/// Returns a path of names with dots for whatever joins them (`::`, `->`, `?.`, `!.`, `\`); `None` where it is something else.
pub(in crate::language) fn path_of(text: &str) -> Option<Cow<'_, str>> {
    let plain = |it: u8| matches!(it, b'_' | b'.' | b'$' | b'@') || it.is_ascii_alphanumeric() || !it.is_ascii();
    if text.is_empty() || text.len() > MAX_PATH || text.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    if text.bytes().all(plain) {
        return Some(Cow::Borrowed(text));
    }
    let joined = text.replace("::", ".").replace("->", ".").replace("?.", ".").replace("!.", ".").replace('\\', ".");
    let joined = joined.trim_matches(['.', '!', '&', '*']).to_owned();
    (!joined.is_empty() && joined.bytes().all(plain)).then_some(Cow::Owned(joined))
}

/// Returns the dotted class that a written type names: without qualifiers, type arguments, pointers, references and array marks.
pub(in crate::language) fn class_of_type(text: &str) -> Option<String> {
    const QUALIFIERS: &[&str] = &[
        "const ",
        "volatile ",
        "struct ",
        "class ",
        "enum ",
        "union ",
        "typename ",
        "final ",
        "mut ",
        "dyn ",
        "impl ",
    ];
    let mut text = cut(text, 2 * MAX_PATH).trim().trim_start_matches(':').trim();
    text = text.trim_start_matches(['&', '*', '?', '(']).trim_start();
    if text.starts_with('\'') {
        text = text.split_once(' ').map_or("", |it| it.1);
    }
    while let Some(rest) = QUALIFIERS.iter().find_map(|it| text.strip_prefix(it)) {
        text = rest.trim_start_matches(['&', '*']).trim_start();
    }
    if text.find('[').is_some_and(|it| !text[..it].contains('<')) {
        // An array has the members of arrays.
        return None;
    }
    let end = text.find(['<', '[', '{', '|', '(', ')', ' ', '*', '&', '?', '!', '\n', ',']).unwrap_or(text.len());
    let path = path_of(text[..end].trim())?;
    Some(path.trim_matches('.').to_owned()).filter(|it| !it.is_empty())
}

/// Returns a dotted path whose last name begins with a capital, as class names do.
pub(in crate::language) fn dotted_class(path: &str) -> Option<String> {
    let last = path.rsplit('.').next().unwrap_or(path).trim_start_matches('_');
    let is_class = is_dotted(path) && last.bytes().next().is_some_and(|it| it.is_ascii_uppercase());
    is_class.then(|| path.to_owned())
}

pub(in crate::language) fn lines_of(node: Node<'_>) -> LineRange {
    let (start, end) = (node.start_position().row as u32 + 1, node.end_position());
    // A node that ends at the very start of a line does not touch that line.
    let end = if end.column == 0 { end.row as u32 } else { end.row as u32 + 1 };
    LineRange { start, end: end.max(start) }
}
