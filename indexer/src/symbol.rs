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
    /// A class.
    Class,
    /// A function outside of any class, or nested in another function.
    Function,
    /// A function of a class.
    Method,
    /// A name bound at the top of a file.
    Variable,
    /// A name bound in a class, or through the instance in one of its methods.
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
    /// The number of the file.
    pub file: FileId,
}
