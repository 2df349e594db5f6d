//! What the bytes of one source file say, and nothing else: no path, no other file, no clock.
//!
//! Facts are the unit of reuse: the same bytes always yield equal facts, so they are kept by blob id and shared by all commits.
//! What needs other files (which definition a reference means) is [`crate::graph`]'s work.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::symbol::Definition;

/// The facts of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The definitions in source order; a definition comes after the one around it.
    pub symbols: Vec<Definition>,
    /// The uses of names in source order.
    pub references: Vec<Reference>,
    /// The imports in source order.
    pub imports: Vec<Import>,
    /// The string literals that are no documentation.
    pub strings: Vec<TextSpan>,
    /// The comments.
    pub comments: Vec<TextSpan>,
    /// The documentation strings.
    pub docs: Vec<TextSpan>,
    /// The names that the file says it exports, if it does (`__all__`).
    pub exports: Option<Vec<String>>,
    /// How many error or missing nodes the syntax tree has.
    pub error_nodes: u32,
    /// Whether the file defines tests.
    pub is_test: bool,
    /// The documentation string of the file.
    pub doc: Option<String>,
    /// How many lines the file has.
    pub lines: u32,
    /// The names that [`Reference`]s point into.
    pub(crate) names: Vec<String>,
}

/// A name in [`FileFacts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NameId(pub(crate) u32);

/// One use of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The name used: of `a.b.c()`, `c`.
    pub name: NameId,
    /// What the name is taken from.
    pub receiver: Receiver,
    /// How it is used.
    pub usage: Usage,
    /// The innermost definition around it: its place in [`FileFacts::symbols`].
    pub within: Option<u32>,
    /// The line, counted from 1.
    pub line: u32,
    /// The first byte of the name.
    pub offset: u32,
}

/// What a name is taken from, as far as the syntax tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Receiver {
    /// Nothing: a bare name that is no local variable.
    Bare,
    /// The instance or class that the method belongs to (`self.x`, `cls.x`).
    Own,
    /// The base classes (`super().x`).
    Super,
    /// A dotted path of names that starts at no local variable: `a.b` in `a.b.c`.
    Path(NameId),
    /// A local variable or parameter known to hold an instance of this class (dotted path).
    Instance(NameId),
    /// A field of the own instance: `b` in `self.b.c`.
    OwnField(NameId),
    /// Anything else.
    Unknown,
}

/// How a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Usage {
    /// It is called.
    Call,
    /// It is read, passed or deleted.
    Read,
    /// It is assigned to.
    Write,
    /// It is the base of a class.
    Base,
    /// It decorates a definition.
    Decorator,
    /// It is a type annotation.
    Type,
}

/// One imported name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module, dotted, without leading dots; empty in `from . import x`.
    pub module: String,
    /// How many levels up the module is sought; 0 for an absolute import.
    pub level: u32,
    /// What is taken from the module.
    pub item: ImportItem,
    /// The line, counted from 1.
    pub line: u32,
    /// The innermost definition around it: its place in [`FileFacts::symbols`].
    pub within: Option<u32>,
}

/// What an import binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportItem {
    /// `import a.b`: binds `a`; or with an alias, `import a.b as c`: binds `c` to `a.b`.
    Module {
        /// The name given to the module.
        alias: Option<String>,
    },
    /// `from m import name`, perhaps `as alias`.
    Name {
        /// The name in the module.
        name: String,
        /// The name given to it.
        alias: Option<String>,
    },
    /// `from m import *`.
    Star,
}

/// A piece of text in a file: a comment or a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSpan {
    /// The text without marks or quotes, cut at a few hundred bytes.
    pub text: String,
    /// The first line, counted from 1.
    pub line: u32,
    /// The bytes, marks or quotes included.
    pub span: Range<u32>,
    /// The innermost definition around it: its place in [`FileFacts::symbols`].
    pub within: Option<u32>,
}

impl FileFacts {
    /// Returns the text of a name.
    pub fn name(&self, id: NameId) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    /// Returns the innermost definition that holds `line`, preferring functions and classes over the variables in them.
    pub fn symbol_at(&self, line: u32) -> Option<usize> {
        let holds = |it: &&(usize, &Definition)| it.1.lines.contains(line);
        let body = |it: &&(usize, &Definition)| it.1.kind.is_callable() || it.1.kind == crate::SymbolKind::Class;
        let all: Vec<(usize, &Definition)> = self.symbols.iter().enumerate().collect();
        let innermost = |it: &&(usize, &Definition)| it.1.lines.count();
        all.iter().filter(holds).filter(body).min_by_key(innermost).or_else(|| all.iter().find(holds)).map(|it| it.0)
    }
}
