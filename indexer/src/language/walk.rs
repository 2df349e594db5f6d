//! The walk that all languages share: one pass over a syntax tree, from which all facts come.
//!
//! A language is a [`Dialect`]: a table that says which of its node kinds mean what, and a function that is called for every node on the way
//! down. The walk keeps what every language needs: the open nodes, the open scopes with the names they bind, references until it is known
//! whether their first name is local, comments until it is known what they document, and the table of names.
//!
//! The walk keeps its own stack: code nested a hundred thousand deep is only data, and must not end the process.

mod define;
mod kinds;
mod refer;
mod scope;
mod text;
mod value;

use std::borrow::Cow;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

pub(super) use define::{Draft, class_of_type, dotted_class, is_dotted, lines_of, path_of};
pub(super) use kinds::Kinds;
pub(super) use scope::{Scope, ScopeKind};
pub(super) use text::{
    MAX_DOC, MAX_PATH, MAX_SIGNATURE, MAX_TEXT, cut, named_children, one_line, plain_comment, text_span, unquoted,
};

use crate::facts::{FileFacts, NameId, Reference};
use crate::syntax::SyntaxTree;

/// Nobody nests functions and classes deeper.
const MAX_SCOPES: usize = 200;

/// What a language's nodes mean to the walk. The value is the language's own state for one file.
pub(super) trait Dialect: Sized {
    /// What a node kind of the grammar means; the default stands for all that mean nothing.
    type Kind: Copy + PartialEq + Default + 'static;

    /// The words for the own instance (`this`).
    const OWN: &'static [&'static str] = &[];
    /// The words for what is inherited (`super`).
    const SUPER: &'static [&'static str] = &[];
    /// The name given to a function that has none, and so qualifies nothing.
    const UNNAMED: &'static str = "";
    /// Whether functions say of what class is what they return.
    const SAYS_RETURNS: bool = false;
    /// Types that count as what they hold where a function returns them: `Promise<X>`.
    const WRAPPERS: &'static [&'static str] = &[];
    /// Members that return what they are called on, or what it wraps.
    const PASSING: &'static [&'static str] = &[];

    /// Takes an open node; returns whether its children are to be walked. Scopes and namespaces opened here end with the node.
    fn enter<'t>(walk: &mut Walk<'t, Self>, frame: Frame<'t, Self::Kind>) -> bool;

    /// Is told of a scope that has ended, before its references are settled: here tests are marked.
    fn closed(walk: &mut Walk<'_, Self>, scope: &Scope<'_>);

    /// Returns whether a comment above a definition documents it.
    fn is_doc(_comment: &str) -> bool {
        true
    }
}

/// An open node of the walk.
#[derive(Clone, Copy)]
pub(super) struct Frame<'t, K> {
    pub(super) kind: K,
    pub(super) node: Node<'t>,
    /// The field of the parent in which it stands.
    pub(super) field: Option<&'t str>,
    /// How many scopes and namespaces were open before it.
    scopes: usize,
    namespaces: usize,
}

/// The state of a walk over one file.
pub(super) struct Walk<'t, D: Dialect> {
    pub(super) text: &'t str,
    pub(super) facts: FileFacts,
    /// The nodes around the one that is entered, outermost first.
    pub(super) frames: Vec<Frame<'t, D::Kind>>,
    pub(super) scopes: Vec<Scope<'t>>,
    /// What the language keeps for itself.
    pub(super) own: D,
    kinds: &'static [D::Kind],
    namespaces: Vec<Cow<'t, str>>,
    names: FxHashMap<Cow<'t, str>, NameId>,
    settled: Vec<Reference>,
    claimed: FxHashSet<usize>,
    run: text::CommentRun<'t>,
    attributes: define::Attributes,
}

/// Reads the facts of a file.
pub(super) fn extract<D: Dialect>(tree: &SyntaxTree, kinds: &'static [D::Kind], own: D) -> FileFacts {
    let mut walk = Walk::new(tree, kinds, own);
    walk.walk(tree.raw());
    walk.finish()
}

impl<'t, D: Dialect> Walk<'t, D> {
    pub(super) fn new(tree: &'t SyntaxTree, kinds: &'static [D::Kind], own: D) -> Walk<'t, D> {
        Walk {
            // Checked once here rather than at every slice; what is no UTF-8 was mended before.
            text: std::str::from_utf8(tree.text()).unwrap_or(""),
            facts: FileFacts::default(),
            frames: Vec::new(),
            scopes: vec![Scope::default()],
            own,
            kinds,
            namespaces: Vec::new(),
            names: FxHashMap::default(),
            settled: Vec::new(),
            claimed: FxHashSet::default(),
            run: text::CommentRun::default(),
            attributes: define::Attributes::default(),
        }
    }

    pub(super) fn walk(&mut self, tree: &'t tree_sitter::Tree) {
        let mut cursor = tree.walk();
        loop {
            let descend = self.enter(cursor.node(), cursor.field_name());
            if descend && cursor.goto_first_child() {
                continue;
            }
            self.leave();
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                self.leave();
            }
        }
    }

    fn enter(&mut self, node: Node<'t>, field: Option<&'t str>) -> bool {
        if node.is_error() || node.is_missing() {
            self.facts.error_nodes += 1;
        }
        let (scopes, namespaces) = (self.scopes.len(), self.namespaces.len());
        let frame = Frame { kind: self.kind(node), node, field, scopes, namespaces };
        let descend = D::enter(self, frame);
        self.frames.push(frame);
        descend
    }

    fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        while self.scopes.len() > frame.scopes.max(1) {
            self.close_scope();
        }
        self.namespaces.truncate(frame.namespaces);
    }

    fn close_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        D::closed(self, &scope);
        let (names, listed) = (&mut self.names, &mut self.facts.names);
        let handed_on = scope.close(&mut self.settled, |name, path| {
            let rest = path.filter(|_| D::SAYS_RETURNS).and_then(|it| listed.get(it.0 as usize)?.split_once('.'));
            match (path, rest) {
                (Some(_), Some((_, rest))) => Some(intern(names, listed, Cow::Owned(format!("{name}.{rest}")))),
                (Some(_), None) => None,
                (None, _) => Some(intern(names, listed, Cow::Owned(name.to_owned()))),
            }
        });
        handed_on.into_iter().for_each(|it| self.scope().hold(it));
    }

    pub(super) fn finish(mut self) -> FileFacts {
        while self.scopes.len() > 1 {
            self.close_scope();
        }
        let pending = self.scopes.pop().map(|it| it.close(&mut self.settled, |_, _| None)).unwrap_or_default();
        self.settled.extend(pending.into_iter().map(|it| it.reference));
        self.settled.sort_by_key(|it| it.offset);
        self.facts.references = self.settled;
        self.facts
    }

    /// Returns what a node's kind means.
    pub(super) fn kind(&self, node: Node<'_>) -> D::Kind {
        self.kinds.get(usize::from(node.kind_id())).copied().unwrap_or_default()
    }

    /// Returns the open node `above` levels up: 0 is the parent of the one that is entered.
    pub(super) fn around(&self, above: usize) -> Option<&Frame<'t, D::Kind>> {
        self.frames.iter().rev().nth(above)
    }

    /// Returns what the parent of the entered node means.
    pub(super) fn parent_kind(&self) -> D::Kind {
        self.frames.last().map(|it| it.kind).unwrap_or_default()
    }

    /// Opens a scope that ends with the node that is entered. Beyond [`MAX_SCOPES`] the scope around stays the innermost: a reference is
    /// looked at once in every scope around it.
    pub(super) fn open(&mut self, scope: Scope<'t>) {
        if self.scopes.len() < MAX_SCOPES {
            self.scopes.push(scope);
        }
    }

    /// Opens a namespace that ends with the node that is entered.
    pub(super) fn open_namespace(&mut self, name: impl Into<Cow<'t, str>>) {
        self.namespaces.push(name.into());
    }

    /// Returns the namespaces around, outermost first, joined by dots.
    pub(super) fn namespace(&self) -> Option<String> {
        (!self.namespaces.is_empty()).then(|| self.namespaces.join("."))
    }

    /// Returns the innermost scope.
    pub(super) fn scope(&mut self) -> &mut Scope<'t> {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    pub(super) fn scope_kind(&self) -> ScopeKind {
        self.scopes.last().map_or(ScopeKind::File, |it| it.kind)
    }

    /// Returns the name of the own instance where the code chooses it (`self` of Python, the receiver of Go).
    pub(super) fn own_name(&self) -> Option<&'t str> {
        self.scopes.last().and_then(|it| it.own_name)
    }

    /// Returns the innermost definition.
    pub(super) fn within(&self) -> Option<u32> {
        self.scopes.last().and_then(|it| it.definition)
    }

    /// Returns the text of a node.
    pub(super) fn slice(&self, node: Node<'_>) -> &'t str {
        self.slice_of(node.byte_range())
    }

    pub(super) fn slice_of(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    /// Returns the text of the child in a field.
    pub(super) fn field(&self, node: Node<'t>, field: &str) -> Option<&'t str> {
        node.child_by_field_name(field).map(|it| self.slice(it)).filter(|it| !it.is_empty())
    }

    /// Notes that a node is no reference: it is the name of a definition or a binding that is already seen to.
    pub(super) fn claim(&mut self, node: Node<'_>) {
        self.claimed.insert(node.start_byte());
    }

    /// Returns whether a node was claimed.
    pub(super) fn is_claimed(&self, node: Node<'_>) -> bool {
        self.claimed.contains(&node.start_byte())
    }

    pub(super) fn intern(&mut self, name: impl Into<Cow<'t, str>>) -> NameId {
        intern(&mut self.names, &mut self.facts.names, name.into())
    }
}

fn intern<'t>(names: &mut FxHashMap<Cow<'t, str>, NameId>, listed: &mut Vec<String>, name: Cow<'t, str>) -> NameId {
    if let Some(known) = names.get(&name) {
        return *known;
    }
    let id = NameId(listed.len() as u32);
    listed.push(name.clone().into_owned());
    names.insert(name, id);
    id
}
