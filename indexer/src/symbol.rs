//! What a repository defines: classes, functions, methods, globals and fields, with where and how.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use repo::RepoPath;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::definitions::{Definitions, What};

/// Number of a source file within one [`crate::Index`]; files are numbered in path order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// Number of a symbol within one [`crate::Index`]: its place in [`crate::Index::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SymbolId(pub u32);

/// What kind of thing a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A class, struct, interface, trait, enumeration, record, object, union or type alias.
    Class,
    /// A function outside of any class, or nested in another function; a macro with parameters.
    Function,
    /// A function of a class: constructors and accessors too.
    Method,
    /// A name bound at the top of a file: variables and constants.
    Variable,
    /// A name bound in a class, or through the instance in one of its methods; a member of an enumeration.
    Field,
}

impl SymbolKind {
    /// Returns whether the symbol has a body that runs: a function or a method.
    pub fn is_callable(self) -> bool {
        matches!(self, SymbolKind::Function | SymbolKind::Method)
    }

    /// Returns the word shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::Class => "class",
            SymbolKind::Function => "function",
            SymbolKind::Method => "method",
            SymbolKind::Variable => "variable",
            SymbolKind::Field => "field",
        }
    }
}

impl fmt::Display for SymbolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a language calls a definition, finer than [`SymbolKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A class.
    Class,
    /// A struct.
    Struct,
    /// An interface or protocol.
    Interface,
    /// A trait.
    Trait,
    /// An enumeration.
    Enum,
    /// A record, data class or other class of values.
    Record,
    /// An object that is its own only instance.
    Object,
    /// A union.
    Union,
    /// Another name of a type.
    TypeAlias,
    /// The type of annotations or attributes.
    Annotation,
    /// A module that is a value of the language (Ruby).
    Module,
    /// A function.
    Function,
    /// A method.
    Method,
    /// A method of the class rather than of an instance, where the language says so.
    StaticMethod,
    /// A function or method that is only declared: its body is elsewhere.
    Prototype,
    /// What makes an instance.
    Constructor,
    /// What ends an instance.
    Destructor,
    /// What reads or writes a property.
    Accessor,
    /// An operator given a meaning.
    Operator,
    /// A macro with parameters, or a macro of Rust.
    Macro,
    /// A type of functions (delegate of C#).
    Delegate,
    /// A variable.
    Variable,
    /// A constant, a macro without parameters included.
    Constant,
    /// A field.
    Field,
    /// A field with accessors.
    Property,
    /// One of the values of an enumeration.
    EnumMember,
    /// An event (C#).
    Event,
}

impl Form {
    /// Returns the word shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Class => "class",
            Form::Struct => "struct",
            Form::Interface => "interface",
            Form::Trait => "trait",
            Form::Enum => "enum",
            Form::Record => "record",
            Form::Object => "object",
            Form::Union => "union",
            Form::TypeAlias => "type alias",
            Form::Annotation => "annotation",
            Form::Module => "module",
            Form::Function => "function",
            Form::Method => "method",
            Form::StaticMethod => "static method",
            Form::Prototype => "prototype",
            Form::Constructor => "constructor",
            Form::Destructor => "destructor",
            Form::Accessor => "accessor",
            Form::Operator => "operator",
            Form::Macro => "macro",
            Form::Delegate => "delegate",
            Form::Variable => "variable",
            Form::Constant => "constant",
            Form::Field => "field",
            Form::Property => "property",
            Form::EnumMember => "enum member",
            Form::Event => "event",
        }
    }
}

/// Lines of a file, counted from 1, both ends included; in JSON `[first, last]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct LineRange {
    /// The first line.
    pub start: u32,
    /// The last line.
    pub end: u32,
}

impl LineRange {
    /// Returns whether `line` is one of these lines.
    pub fn contains(self, line: u32) -> bool {
        self.start <= line && line <= self.end
    }

    /// Returns the number of lines.
    pub fn count(self) -> u32 {
        self.end.saturating_sub(self.start) + 1
    }
}

impl From<(u32, u32)> for LineRange {
    fn from((start, end): (u32, u32)) -> LineRange {
        LineRange { start, end }
    }
}

impl From<LineRange> for (u32, u32) {
    fn from(lines: LineRange) -> (u32, u32) {
        (lines.start, lines.end)
    }
}

impl fmt::Display for LineRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

/// One definition of a file, as its bytes alone tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The short name.
    pub name: String,
    /// The name with the classes and functions around it: `Class.method`.
    pub qualified: String,
    /// What it is.
    pub kind: SymbolKind,
    /// What the language calls it.
    pub form: Form,
    /// The lines, decorators included.
    pub lines: LineRange,
    /// The bytes, decorators included.
    pub span: Range<usize>,
    /// The head on one line: `def f(a, b=1) -> int`.
    pub signature: String,
    /// The documentation string, without quotes.
    pub doc: Option<String>,
    /// Whether its name or bases say that it is a test.
    pub is_test: bool,
    /// The expressions after the name of a class.
    pub bases: Vec<String>,
    /// The decorators, without `@`.
    pub decorators: Vec<String>,
    /// The definition around this one: its place in the file's list, always before this one.
    pub parent: Option<u32>,
    /// The dotted path of the class it belongs to where that is not around it, as written: the receiver of a Go method, the type of a Rust
    /// `impl`, `A` in the C++ definition of `A::f`, `Foo.prototype` in `Foo.prototype.f = …`.
    pub owner: Option<String>,
    /// The namespaces, packages or modules inside the file around a definition that has no parent, joined by dots. Where a file has a
    /// single one it is [`crate::FileFacts::namespace`].
    pub namespace: Option<String>,
    /// The dotted name of the class of which this holds an instance, where an annotation or constructor call tells; of a function that of
    /// what it says it returns, of several results those of all with commas between them. A path of names and calls (`a.b()`) stands for
    /// the class of what it leads to.
    pub instance_of: Option<String>,
}

/// One definition in a snapshot: a [`Definition`], as which it can be read, in its place.
///
/// What is a field or method here is at hand; what only the [`Definition`] has is loaded, for all of the file, when it is first asked for.
#[derive(Clone)]
pub struct Symbol {
    /// The file.
    pub path: RepoPath,
    /// The number of the file.
    pub file: FileId,
    /// The definition directly around this one.
    pub parent: Option<SymbolId>,
    /// Whether this is a test or stands in a test file.
    pub is_test: bool,
    /// What it is.
    pub kind: SymbolKind,
    /// What the language calls it.
    pub form: Form,
    /// Which of its file's definitions this is.
    at: u32,
    /// All definitions of the file, shared by all snapshots of this process that have them.
    definitions: Arc<Definitions>,
}

impl Symbol {
    /// Places all definitions of a file; `first` is the number of the file's first symbol.
    pub(crate) fn place<'a>(
        definitions: &'a Arc<Definitions>,
        first: u32,
        of: &'a Placing<'_>,
    ) -> impl Iterator<Item = Symbol> {
        definitions.heads().iter().zip(0..).map(move |(head, at)| Symbol {
            path: of.path.clone(),
            file: of.file,
            parent: head.parent().map(|it| SymbolId(first + it)),
            is_test: head.is_test || of.in_test_file,
            kind: head.kind,
            form: head.form,
            at,
            definitions: Arc::clone(definitions),
        })
    }

    /// Returns the short name.
    pub fn name(&self) -> &str {
        self.definitions.name(self.at)
    }

    /// Returns the lines, decorators included.
    pub fn lines(&self) -> LineRange {
        self.definitions.heads().get(self.at as usize).map_or(LineRange { start: 1, end: 1 }, |it| it.lines)
    }

    /// Returns the [`Definition::owner`].
    pub fn owner(&self) -> Option<&str> {
        self.definitions.said(self.at, What::Owner)
    }

    /// Returns the [`Definition::namespace`].
    pub fn namespace(&self) -> Option<&str> {
        self.definitions.said(self.at, What::Namespace)
    }

    /// Returns the [`Definition::instance_of`].
    pub fn instance_of(&self) -> Option<&str> {
        self.definitions.said(self.at, What::InstanceOf)
    }

    /// Returns the qualified name of a class; of others the short name.
    pub(crate) fn class_path(&self) -> &str {
        self.definitions.said(self.at, What::Qualified).unwrap_or(self.name())
    }

    /// Returns whether it is a class that says it is one part of several.
    pub(crate) fn is_partial(&self) -> bool {
        self.definitions.heads().get(self.at as usize).is_some_and(|it| it.is_partial)
    }

    /// Returns whether a decorator makes it a property.
    pub(crate) fn is_decorated_property(&self) -> bool {
        self.definitions.heads().get(self.at as usize).is_some_and(|it| it.is_property)
    }

    /// Returns the symbol in another snapshot that has its file as number `file`; `was` and `first` are the numbers of the file's first
    /// symbol here and there.
    pub(crate) fn moved(&self, file: FileId, was: u32, first: u32) -> Symbol {
        Symbol { file, parent: self.parent.map(|it| SymbolId(it.0 - was + first)), ..self.clone() }
    }
}

/// The file in which symbols are placed.
pub(crate) struct Placing<'a> {
    pub(crate) path: &'a RepoPath,
    pub(crate) file: FileId,
    pub(crate) in_test_file: bool,
}

impl Deref for Symbol {
    type Target = Definition;

    fn deref(&self) -> &Definition {
        &self.definitions.whole()[self.at as usize]
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        let place = |it: &Symbol| (it.file, it.parent, it.is_test);
        place(self) == place(other) && self.path == other.path && **self == **other
    }
}

impl Eq for Symbol {}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Symbol");
        shown.field("path", &self.path).field("file", &self.file).field("parent", &self.parent);
        shown.field("is_test", &self.is_test).field("definition", &**self).finish()
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Symbol", 16)?;
        shown.serialize_field("path", &self.path)?;
        shown.serialize_field("name", &self.name)?;
        shown.serialize_field("qualified", &self.qualified)?;
        shown.serialize_field("kind", &self.kind)?;
        shown.serialize_field("form", &self.form)?;
        shown.serialize_field("lines", &self.lines)?;
        shown.serialize_field("span", &self.span)?;
        shown.serialize_field("signature", &self.signature)?;
        shown.serialize_field("doc", &self.doc)?;
        shown.serialize_field("is_test", &self.is_test)?;
        shown.serialize_field("bases", &self.bases)?;
        shown.serialize_field("decorators", &self.decorators)?;
        shown.serialize_field("parent", &self.parent)?;
        if let Some(owner) = &self.owner {
            shown.serialize_field("owner", owner)?;
        }
        if let Some(namespace) = &self.namespace {
            shown.serialize_field("namespace", namespace)?;
        }
        shown.serialize_field("file", &self.file)?;
        shown.end()
    }
}
