//! One walk over a syntax tree, from which all facts come.
//!
//! The walk keeps its own stack: code nested a hundred thousand deep is only data, and must not end the process.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use super::imports;
use super::kind::Kind;
use super::names::{Pending, Scope, ScopeKind};
use crate::facts::{FileFacts, NameId, Receiver, Reference, TextSpan, Usage};
use crate::symbol::{Definition, LineRange, SymbolKind};
use crate::syntax::SyntaxTree;

/// Longer texts are cut; the whole is in the file.
const MAX_TEXT: usize = 400;
const MAX_SIGNATURE: usize = 400;
const MAX_DOC: usize = 4000;
/// A longer dotted path is no path.
const MAX_PATH: usize = 200;

/// An open node of the walk.
#[derive(Clone, Copy)]
struct Frame<'t> {
    kind: Kind,
    node: Node<'t>,
    /// The field of the parent in which it stands.
    field: Option<&'t str>,
    /// Whether a scope was opened with it.
    opened: bool,
}

/// What an identifier is bound by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Binding<'t> {
    Assignment(Node<'t>),
    Parameter,
    /// A loop, a `with`, an `except`, a pattern.
    Other,
    /// It is declared to be bound outside.
    Outside,
}

struct Walker<'t> {
    text: &'t [u8],
    facts: FileFacts,
    frames: Vec<Frame<'t>>,
    scopes: Vec<Scope<'t>>,
    names: FxHashMap<&'t str, NameId>,
    settled: Vec<Reference>,
    doc_nodes: FxHashSet<usize>,
}

/// Reads the facts of a file.
pub(super) fn extract(tree: &SyntaxTree) -> FileFacts {
    let mut walker = Walker {
        text: tree.text(),
        facts: FileFacts::default(),
        frames: Vec::new(),
        scopes: vec![Scope::default()],
        names: FxHashMap::default(),
        settled: Vec::new(),
        doc_nodes: FxHashSet::default(),
    };
    walker.facts.doc = walker.take_doc(Some(tree.raw().root_node()), None);
    walker.walk(tree.raw());
    walker.finish()
}

/// The walk itself.
impl<'t> Walker<'t> {
    fn walk(&mut self, tree: &'t tree_sitter::Tree) {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            let descend = self.enter(Kind::of(node), node, cursor.field_name());
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

    /// Opens a node; returns whether its children are to be walked.
    fn enter(&mut self, kind: Kind, node: Node<'t>, field: Option<&'t str>) -> bool {
        if node.is_error() || node.is_missing() {
            self.facts.error_nodes += 1;
        }
        let mut frame = Frame { kind, node, field, opened: false };
        let descend = match kind {
            Kind::Class => {
                frame.opened = self.enter_class(node);
                true
            }
            Kind::Function => {
                frame.opened = self.enter_function(node);
                true
            }
            Kind::Identifier => self.identifier(frame),
            Kind::Attribute => self.attribute(frame),
            Kind::String => self.string(node),
            Kind::Comment => self.comment(node),
            Kind::Import => self.import(node),
            Kind::Assert => {
                self.scope().asserts = true;
                true
            }
            _ => true,
        };
        self.frames.push(frame);
        descend
    }

    fn leave(&mut self) {
        if self.frames.pop().is_some_and(|it| it.opened) {
            self.close_scope();
        }
    }

    fn close_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        self.mark_tests(&scope);
        let names = &mut self.facts.names;
        // Classes of local variables are few, so looking them up without the table is cheap enough.
        let handed_on = scope.close(&mut self.settled, |name| match names.iter().position(|it| it == name) {
            Some(at) => NameId(at as u32),
            None => {
                names.push(name.to_owned());
                NameId(names.len() as u32 - 1)
            }
        });
        handed_on.into_iter().for_each(|it| self.scope().hold(it));
    }

    /// A test is a function that is called so and asserts, or stands in a class that is called so and has a method that is called so.
    fn mark_tests(&mut self, scope: &Scope<'t>) {
        let Some(at) = scope.definition.map(|it| it as usize) else { return };
        let is_test = match scope.kind {
            ScopeKind::File => false,
            ScopeKind::Function => {
                let it = &self.facts.symbols[at];
                it.kind == SymbolKind::Function && it.parent.is_none() && it.name.starts_with("test_") && scope.asserts
            }
            ScopeKind::Class => is_test_class(&self.facts.symbols, at),
        };
        if !is_test {
            return;
        }
        self.facts.is_test = true;
        self.facts.symbols[at].is_test = true;
        if scope.kind == ScopeKind::Class {
            let inside = |it: &&mut Definition| it.parent == Some(at as u32);
            self.facts.symbols[at + 1..].iter_mut().filter(inside).for_each(|it| it.is_test = true);
        }
    }

    fn finish(mut self) -> FileFacts {
        while self.scopes.len() > 1 {
            self.close_scope();
        }
        let pending = self.scopes.pop().map(|it| it.close(&mut self.settled, |_| NameId(0))).unwrap_or_default();
        self.settled.extend(pending.into_iter().map(|it| it.reference));
        self.settled.sort_by_key(|it| it.offset);
        self.facts.references = self.settled;
        self.facts
    }

    fn scope(&mut self) -> &mut Scope<'t> {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn scope_kind(&self) -> ScopeKind {
        self.scopes.last().map_or(ScopeKind::File, |it| it.kind)
    }

    fn own_name(&self) -> Option<&'t str> {
        self.scopes.last().and_then(|it| it.own_name)
    }

    fn within(&self) -> Option<u32> {
        self.scopes.last().and_then(|it| it.definition)
    }

    fn slice(&self, node: Node<'_>) -> &'t str {
        self.slice_of(node.byte_range())
    }

    fn slice_of(&self, range: Range<usize>) -> &'t str {
        std::str::from_utf8(self.text.get(range).unwrap_or_default()).unwrap_or("")
    }

    fn intern(&mut self, name: &'t str) -> NameId {
        let names = &mut self.facts.names;
        *self.names.entry(name).or_insert_with(|| {
            names.push(name.to_owned());
            NameId(names.len() as u32 - 1)
        })
    }
}

/// Definitions.
impl<'t> Walker<'t> {
    /// Returns whether a scope was opened.
    fn enter_class(&mut self, node: Node<'t>) -> bool {
        let Some(name) = node.child_by_field_name("name").map(|it| self.slice(it)) else { return false };
        let bases = node.child_by_field_name("superclasses").map(named_children).unwrap_or_default();
        let bases = bases.into_iter().filter(|it| !matches!(it.kind(), "keyword_argument" | "comment"));
        let bases = bases.map(|it| one_line(self.slice(it), MAX_PATH)).collect();
        if self.scope_kind() == ScopeKind::Function {
            self.scope().bind(name, None);
        }
        let at = self.define(node, name, SymbolKind::Class, bases);
        self.scopes.push(Scope::new(at, ScopeKind::Class));
        true
    }

    /// Returns whether a scope was opened.
    fn enter_function(&mut self, node: Node<'t>) -> bool {
        let Some(name) = node.child_by_field_name("name").map(|it| self.slice(it)) else { return false };
        let in_class = self.scope_kind() == ScopeKind::Class;
        let kind = if in_class { SymbolKind::Method } else { SymbolKind::Function };
        // A function nested in another is one of the other's local names.
        self.scope().bind(name, None);
        let at = self.define(node, name, kind, Vec::new());
        let mut scope = Scope::new(at, ScopeKind::Function);
        let is_static = self.facts.symbols[at as usize].decorators.iter().any(|it| it == "staticmethod");
        // In a function nested in a method, `self` is still the method's.
        scope.own_name = if in_class && !is_static { self.first_parameter(node) } else { self.own_name() };
        self.scopes.push(scope);
        true
    }

    fn first_parameter(&self, function: Node<'t>) -> Option<&'t str> {
        let first = function.child_by_field_name("parameters")?.named_child(0)?;
        let name = match first.kind() {
            "identifier" => first,
            "typed_parameter" => first.named_child(0)?,
            _ => first.child_by_field_name("name")?,
        };
        Some(self.slice(name))
    }

    fn define(&mut self, node: Node<'t>, name: &str, kind: SymbolKind, bases: Vec<String>) -> u32 {
        let decorated = self.frames.last().map(|it| it.node).filter(|it| it.kind() == "decorated_definition");
        let outer = decorated.unwrap_or(node);
        let decorators = decorated.map(named_children).unwrap_or_default();
        let decorators = decorators.into_iter().filter(|it| it.kind() == "decorator");
        let decorators =
            decorators.map(|it| one_line(self.slice(it).trim_start_matches('@').trim(), MAX_PATH)).collect();
        let body = node.child_by_field_name("body");
        let head_end = body.map_or(node.end_byte(), |it| it.start_byte());
        let doc = self.take_doc(body, Some(self.facts.symbols.len() as u32));
        self.push_definition(Definition {
            name: name.to_owned(),
            qualified: String::new(),
            kind,
            lines: lines_of(outer),
            span: outer.byte_range(),
            signature: self.head(node.start_byte()..head_end),
            doc,
            is_test: false,
            bases,
            decorators,
            parent: self.within(),
            instance_of: None,
        })
    }

    fn push_definition(&mut self, mut definition: Definition) -> u32 {
        definition.qualified = match definition.parent.and_then(|it| self.facts.symbols.get(it as usize)) {
            Some(parent) => format!("{}.{}", parent.qualified, definition.name),
            None => definition.name.clone(),
        };
        self.facts.symbols.push(definition);
        self.facts.symbols.len() as u32 - 1
    }

    fn head(&self, range: Range<usize>) -> String {
        let text = self.slice_of(range).trim_end();
        // A comment may stand between the colon and the body.
        let head = match text.rsplit_once(':') {
            Some((head, rest)) if rest.is_empty() || rest.trim_start().starts_with('#') => head,
            Some(_) | None => text,
        };
        one_line(head, MAX_SIGNATURE)
    }

    /// Takes the documentation string at the top of a body.
    fn take_doc(&mut self, body: Option<Node<'t>>, within: Option<u32>) -> Option<String> {
        let body = body?;
        let mut cursor = body.walk();
        let first = body.named_children(&mut cursor).find(|it| it.kind() != "comment")?;
        let string = first.named_child(0).filter(|_| first.kind() == "expression_statement")?;
        if string.kind() != "string" {
            return None;
        }
        self.doc_nodes.insert(string.id());
        let text = cut(self.string_content(string).trim(), MAX_DOC);
        self.facts.docs.push(text_span(string, cut(text, MAX_TEXT), within));
        Some(text.to_owned())
    }

    /// Defines a global or field for a name that is bound by an assignment.
    fn define_variable(&mut self, name: &'t str, assignment: Node<'t>, parent: Option<u32>, kind: SymbolKind) {
        let statement = assignment.parent().filter(|it| it.kind() == "expression_statement").unwrap_or(assignment);
        let instance_of = self.class_of_value(assignment);
        self.push_definition(Definition {
            name: name.to_owned(),
            qualified: String::new(),
            kind,
            lines: lines_of(statement),
            span: statement.byte_range(),
            signature: one_line(self.slice(statement).lines().next().unwrap_or(""), 120),
            doc: None,
            is_test: false,
            bases: Vec::new(),
            decorators: Vec::new(),
            parent,
            instance_of,
        });
        if name == "__all__" && parent.is_none() {
            let listed = assignment.child_by_field_name("right").map(named_children).unwrap_or_default();
            let listed = listed.into_iter().filter(|it| it.kind() == "string");
            self.facts.exports = Some(listed.map(|it| self.string_content(it).to_owned()).collect());
        }
    }

    /// Returns the class of what is assigned: the annotation, or the class that is called (by the convention of capitals).
    fn class_of_value(&self, assignment: Node<'t>) -> Option<String> {
        if let Some(annotation) = assignment.child_by_field_name("type") {
            return self.class_of_annotation(annotation);
        }
        let value = assignment.child_by_field_name("right").filter(|it| it.kind() == "call")?;
        dotted_class(self.slice(value.child_by_field_name("function")?))
    }

    fn class_of_annotation(&self, annotation: Node<'t>) -> Option<String> {
        dotted_class(self.slice(annotation).trim_matches(['"', '\'']))
    }

    /// `self.x = …` in a method makes a field of the class, unless there is one.
    fn own_field(&mut self, name: &'t str, frame: Frame<'t>) {
        let Some(Binding::Assignment(assignment)) = self.binding(frame) else { return };
        let Some(class) = self.scopes.iter_mut().rev().find(|it| it.kind == ScopeKind::Class) else { return };
        let Some(definition) = class.definition else { return };
        if class.bind(name, None) {
            self.define_variable(name, assignment, Some(definition), SymbolKind::Field);
        }
    }
}

/// Uses and bindings of names.
impl<'t> Walker<'t> {
    fn identifier(&mut self, frame: Frame<'t>) -> bool {
        let name = self.slice(frame.node);
        let Some(parent) = self.frames.last() else { return false };
        let is_own_name = match parent.kind {
            Kind::Class | Kind::Function | Kind::KeywordArgument => frame.field == Some("name"),
            Kind::Attribute => frame.field == Some("attribute"),
            _ => false,
        };
        if name.is_empty() || is_own_name {
            return false;
        }
        match self.binding(frame) {
            Some(binding) => self.bind(name, binding, frame),
            None => {
                let usage = self.usage(frame);
                self.refer_from(name, name, Receiver::Bare, usage, frame.node);
            }
        }
        false
    }

    /// Returns what binds the identifier or attribute, if anything does.
    fn binding(&self, frame: Frame<'t>) -> Option<Binding<'t>> {
        let mut field = frame.field;
        for outer in self.frames.iter().rev() {
            match (outer.kind, field) {
                (Kind::Pattern | Kind::AsPatternTarget, _) => field = outer.field,
                (Kind::Assignment, Some("left")) => return Some(Binding::Assignment(outer.node)),
                (Kind::AugmentedAssignment | Kind::For | Kind::ForIn, Some("left")) => return Some(Binding::Other),
                (Kind::NamedExpression, Some("name")) => return Some(Binding::Other),
                (Kind::Other, Some("alias")) => return Some(Binding::Other),
                (Kind::Parameters | Kind::TypedParameter, None) => return Some(Binding::Parameter),
                (Kind::DefaultParameter, Some("name")) => return Some(Binding::Parameter),
                (Kind::Lambda, Some("parameters")) => return Some(Binding::Parameter),
                (Kind::DottedName, _) => {
                    let above = self.frames.iter().rev().nth(1);
                    let captures = above.is_some_and(|it| it.kind == Kind::CasePattern);
                    return (captures && outer.node.named_child_count() == 1).then_some(Binding::Other);
                }
                (Kind::Global, _) => return Some(Binding::Outside),
                _ => return None,
            }
        }
        None
    }

    fn bind(&mut self, name: &'t str, binding: Binding<'t>, frame: Frame<'t>) {
        let in_function = self.scope_kind() == ScopeKind::Function;
        match binding {
            Binding::Outside => self.scope().declare_outside(name),
            Binding::Parameter => {
                let parent = self.frames.last().map(|it| it.node);
                let class = parent.and_then(|it| it.child_by_field_name("type"));
                let class = class.and_then(|it| self.class_of_annotation(it));
                if in_function {
                    self.scope().bind(name, class);
                }
            }
            Binding::Assignment(assignment) if !in_function => {
                let within = self.within();
                let kind = if within.is_some() { SymbolKind::Field } else { SymbolKind::Variable };
                if self.scope().bind(name, None) {
                    self.define_variable(name, assignment, within, kind);
                }
            }
            // At the top of a file or class such a name is seldom meant by others.
            Binding::Other if !in_function => {}
            Binding::Assignment(_) | Binding::Other if self.scope().is_outside(name) => {
                self.refer_from(name, name, Receiver::Bare, Usage::Write, frame.node);
            }
            Binding::Assignment(assignment) => {
                let single = frame.field == Some("left");
                let class = if single { self.class_of_value(assignment) } else { None };
                self.scope().bind(name, class);
            }
            Binding::Other => {
                self.scope().bind(name, None);
            }
        }
    }

    fn attribute(&mut self, frame: Frame<'t>) -> bool {
        let object = frame.node.child_by_field_name("object");
        let name = frame.node.child_by_field_name("attribute");
        let (Some(object), Some(name)) = (object, name) else { return true };
        let usage = self.usage(frame);
        let text = self.slice(name);
        match object.kind() {
            "identifier" if self.own_name() == Some(self.slice(object)) => {
                self.refer(text, Receiver::Own, usage, name);
                self.own_field(text, frame);
            }
            "identifier" => {
                let root = self.slice(object);
                let receiver = Receiver::Path(self.intern(root));
                self.refer_from(root, text, receiver, usage, name);
            }
            "attribute" => self.chained(text, object, usage, name),
            "call" => self.of_call(text, object, usage, name),
            _ => self.refer(text, Receiver::Unknown, usage, name),
        }
        true
    }

    /// A name taken from `a.b`, or from `self.b`.
    fn chained(&mut self, text: &'t str, object: Node<'t>, usage: Usage, name: Node<'t>) {
        let path = self.slice(object);
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        if !is_dotted(path) {
            self.refer(text, Receiver::Unknown, usage, name);
        } else if self.own_name() == Some(root) {
            let receiver = if rest.contains('.') { Receiver::Unknown } else { Receiver::OwnField(self.intern(rest)) };
            self.refer(text, receiver, usage, name);
        } else {
            let receiver = Receiver::Path(self.intern(path));
            self.refer_from(root, text, receiver, usage, name);
        }
    }

    /// A name taken from what a call returns: `super().x`, `Class().x`.
    fn of_call(&mut self, text: &'t str, object: Node<'t>, usage: Usage, name: Node<'t>) {
        let called = object.child_by_field_name("function").map_or("", |it| self.slice(it));
        let receiver = match called {
            "super" => Receiver::Super,
            _ if dotted_class(called).is_some() => Receiver::Instance(self.intern(called)),
            _ => Receiver::Unknown,
        };
        self.refer(text, receiver, usage, name);
    }

    fn usage(&self, frame: Frame<'t>) -> Usage {
        let mut above = self.frames.iter().rev();
        let Some(parent) = above.next() else { return Usage::Read };
        match parent.kind {
            Kind::Call if frame.field == Some("function") => {
                let decorates = above.next().is_some_and(|it| it.kind == Kind::Decorator);
                if decorates { Usage::Decorator } else { Usage::Call }
            }
            Kind::Decorator => Usage::Decorator,
            Kind::ArgumentList if self.is_base(parent.field) => Usage::Base,
            // `Base[T]`.
            Kind::Other if frame.field == Some("value") && above.next().is_some_and(is_superclasses) => Usage::Base,
            Kind::Type => Usage::Type,
            _ if frame.kind == Kind::Attribute && self.binding(frame).is_some() => Usage::Write,
            _ => Usage::Read,
        }
    }

    /// Returns whether the arguments that are open are the bases of a class, perhaps wrapped as in `with_metaclass(Meta, Base)`.
    fn is_base(&self, field: Option<&str>) -> bool {
        let outer = self.frames.iter().rev().nth(2);
        field == Some("superclasses") || (field == Some("arguments") && outer.is_some_and(is_superclasses))
    }

    fn reference(&mut self, name: &'t str, receiver: Receiver, usage: Usage, node: Node<'t>) -> Reference {
        Reference {
            name: self.intern(name),
            receiver,
            usage,
            within: self.within(),
            line: node.start_position().row as u32 + 1,
            offset: node.start_byte() as u32,
        }
    }

    /// Notes a reference that hangs on no name of this scope.
    fn refer(&mut self, name: &'t str, receiver: Receiver, usage: Usage, node: Node<'t>) {
        if !name.is_empty() {
            let reference = self.reference(name, receiver, usage, node);
            self.settled.push(reference);
        }
    }

    /// Notes a reference that hangs on what `root` turns out to be.
    fn refer_from(&mut self, root: &'t str, name: &'t str, receiver: Receiver, usage: Usage, node: Node<'t>) {
        if !name.is_empty() {
            let reference = self.reference(name, receiver, usage, node);
            let direct = matches!(receiver, Receiver::Path(path) if self.names.get(root) == Some(&path));
            self.scope().hold(Pending { root, reference, direct });
        }
    }
}

/// Text.
impl<'t> Walker<'t> {
    fn string(&mut self, node: Node<'t>) -> bool {
        if self.doc_nodes.contains(&node.id()) {
            return false;
        }
        let content = self.string_content(node);
        if content.bytes().any(|it| it.is_ascii_alphanumeric() || !it.is_ascii()) {
            let span = text_span(node, cut(content, MAX_TEXT), self.within());
            self.facts.strings.push(span);
        }
        // The expressions of an f-string are code.
        true
    }

    fn string_content(&self, node: Node<'t>) -> &'t str {
        let first = node.child(0).filter(|it| it.kind() == "string_start");
        let last = node.child((node.child_count() as u32).saturating_sub(1)).filter(|it| it.kind() == "string_end");
        let start = first.map_or(node.start_byte(), |it| it.end_byte());
        let end = last.map_or(node.end_byte(), |it| it.start_byte());
        self.slice_of(start..end.max(start))
    }

    fn comment(&mut self, node: Node<'t>) -> bool {
        let text = self.slice(node).trim_start_matches('#').trim();
        if !text.is_empty() {
            let span = text_span(node, cut(text, MAX_TEXT), self.within());
            self.facts.comments.push(span);
        }
        false
    }

    fn import(&mut self, node: Node<'t>) -> bool {
        let within = self.within();
        self.facts.imports.extend(imports::read(node, self.text, within));
        // Inside a broken import there may be anything.
        node.has_error()
    }
}

fn is_superclasses(frame: &Frame<'_>) -> bool {
    frame.kind == Kind::ArgumentList && frame.field == Some("superclasses")
}

fn text_span(node: Node<'_>, text: &str, within: Option<u32>) -> TextSpan {
    let span = node.start_byte() as u32..node.end_byte() as u32;
    TextSpan { text: text.to_owned(), line: node.start_position().row as u32 + 1, span, within }
}

/// Returns whether the class at `at` is one of tests: it has a test method, and its name or a base says so.
fn is_test_class(symbols: &[Definition], at: usize) -> bool {
    let class = &symbols[at];
    let says_test = |it: &str| {
        let last = it.rsplit('.').next().unwrap_or(it);
        last.starts_with("Test") || last.ends_with("Test") || last.ends_with("Tests") || last.ends_with("TestCase")
    };
    let is_test_method =
        |it: &Definition| it.parent == Some(at as u32) && it.kind == SymbolKind::Method && it.name.starts_with("test");
    symbols[at + 1..].iter().any(is_test_method)
        && (says_test(&class.name) || class.bases.iter().any(|it| says_test(it)))
}

fn is_dotted(path: &str) -> bool {
    let plain = |it: u8| it == b'_' || it == b'.' || it.is_ascii_alphanumeric();
    !path.is_empty() && path.len() <= MAX_PATH && path.bytes().all(plain)
}

/// Returns a dotted path whose last name begins with a capital, as class names do.
fn dotted_class(path: &str) -> Option<String> {
    let last = path.rsplit('.').next().unwrap_or(path).trim_start_matches('_');
    let is_class = is_dotted(path) && last.bytes().next().is_some_and(|it| it.is_ascii_uppercase());
    is_class.then(|| path.to_owned())
}

fn lines_of(node: Node<'_>) -> LineRange {
    let (start, end) = (node.start_position().row as u32 + 1, node.end_position());
    // A node that ends at the very start of a line does not touch that line.
    let end = if end.column == 0 { end.row as u32 } else { end.row as u32 + 1 };
    LineRange { start, end: end.max(start) }
}

fn named_children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// Joins lines and runs of white space.
fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() + word.len() >= max {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
