//! What a repository defines: classes, functions, methods, globals and fields, with where and how.

use std::fmt;
use std::ops::Range;

use repo::RepoPath;
use serde::{Deserialize, Serialize};

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
    /// The dotted name of the class of which this holds an instance, where an annotation or constructor call tells.
    pub instance_of: Option<String>,
}

/// One definition in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symbol {
    /// The file.
    pub path: RepoPath,
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
    /// Whether this is a test or stands in a test file.
    pub is_test: bool,
    /// The expressions after the name of a class.
    pub bases: Vec<String>,
    /// The decorators, without `@`.
    pub decorators: Vec<String>,
    /// The definition directly around this one.
    pub parent: Option<SymbolId>,
    /// The dotted path of the class it belongs to where that is not around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The namespaces inside the file around a definition that has no parent, joined by dots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The number of the file.
    pub file: FileId,
}
