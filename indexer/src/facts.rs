//! What the bytes of one source file say, and nothing else: no path, no other file, no clock.
//!
//! Facts are the unit of reuse: the same bytes always yield equal facts, so they are kept by blob id and shared by all commits.
//! What needs other files (which definition a reference means) is [`crate::graph`]'s work.

use std::ops::Range;

use repo::RepoPath;
use serde::{Deserialize, Serialize};

use crate::index::SkipReason;
use crate::symbol::Definition;
use crate::syntax::LanguageId;

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
    /// The names that are given outwards, where a statement apart from the definition or import says so: `export { a as b }`,
    /// `module.exports = { a }`.
    pub exported: Vec<Export>,
    /// What a class inherits from or implements where that is said apart from the class: `impl Trait for Type`.
    pub implements: Vec<Implements>,
    /// The package, namespace or module that all of the file stands in, as the file says, joined by dots (`a/b` stays as it is).
    pub namespace: Option<String>,
    /// Why not all was read, but for syntax errors, which [`FileFacts::error_nodes`] counts.
    pub partly: Option<SkipReason>,
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
    /// Nothing: a bare name that is no local variable. In a method of a language with an unwritten `this` it may be a member of its class.
    Bare,
    /// The instance or class that the method belongs to (`self.x`, `cls.x`, `this.x`, `Self::x`).
    Own,
    /// The base classes (`super().x`, `super.x`, `base.X`, `parent::x`).
    Super,
    /// A path of names that starts at no local variable, joined by dots: `a.b` in `a.b.c` and in `a::b::c`.
    Path(NameId),
    /// A value known to be an instance of this class (dotted path), or of the class of what a path of names and calls leads to: `a.b().c`.
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

/// One imported name, as it is written; which file or definition it means is the graph's to find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module as written, without quotes: dotted in Python (without leading dots; empty in `from . import x`), Java, Kotlin and C#; a
    /// path such as `./a` or `lodash/fp` in JavaScript, `example.org/x/y` in Go, `dir/file.h` in C, `json/ext` in Ruby; joined by dots
    /// for `::` and `\` in Rust (`crate.a`), C++ and PHP.
    pub module: String,
    /// How many levels up the module is sought; 0 for an absolute import. Only Python's leading dots count here.
    pub level: u32,
    /// What is taken from the module.
    pub item: ImportItem,
    /// What kind of import it is.
    pub form: ImportForm,
    /// Whether what is imported is given on to others: `export … from`, `pub use`.
    pub reexported: bool,
    /// The line, counted from 1.
    pub line: u32,
    /// The innermost definition around it: its place in [`FileFacts::symbols`].
    pub within: Option<u32>,
}

impl Import {
    /// Returns whether all names of what is imported are taken over.
    pub(crate) fn takes_all(&self) -> bool {
        self.item == ImportItem::Star || self.is_include()
    }

    /// Returns whether the text of a file is taken over.
    pub(crate) fn is_include(&self) -> bool {
        matches!(self.form, ImportForm::Include | ImportForm::SystemInclude)
    }

    /// Returns an import of the usual form at the top of a file.
    pub fn new(module: impl Into<String>, item: ImportItem, line: u32) -> Import {
        let (form, reexported) = (ImportForm::Plain, false);
        Import { module: module.into(), level: 0, item, form, reexported, line, within: None }
    }
}

/// What kind of import it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImportForm {
    /// The usual one of the language.
    Plain,
    /// Of types only: `import type`.
    TypeOnly,
    /// Of the members of a class: `import static`, `using static`.
    Static,
    /// For all files of a project: `global using`.
    Global,
    /// Of a function: `use function`.
    Function,
    /// Of a constant: `use const`.
    Const,
    /// By a call: `require("x")`, `import("x")`.
    Require,
    /// Beside the file: `require_relative`, `include __DIR__ . "x"`.
    RequireRelative,
    /// The text of a file: `#include "x"`.
    Include,
    /// The text of a file of the system: `#include <x>`.
    SystemInclude,
    /// The declaration that a file is a part: `mod x;`.
    Submodule,
    /// All names of a namespace or class, by inclusion: `using namespace`, `include Mod`.
    Mixin,
}

/// What an import binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportItem {
    /// The module itself. `import a.b` of Python binds `a`; with an alias, `import a.b as c`, `c` to `a.b`. `import * as c from "m"` and
    /// `const c = require("m")` bind `c`; `import "m"` and an include bind nothing of their own.
    Module {
        /// The name given to the module.
        alias: Option<String>,
    },
    /// `from m import name`, perhaps `as alias`. What JavaScript imports as `import x from "m"` is the name `default` as `x`.
    Name {
        /// The name in the module.
        name: String,
        /// The name given to it.
        alias: Option<String>,
    },
    /// `from m import *`.
    Star,
}

/// A name given outwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The outward name: `default` for `export default`, `export=` for what the module as a whole is (`module.exports = x`).
    pub name: String,
    /// The dotted name in the file that it stands for.
    pub local: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// A class and what it inherits from, said apart from the class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implements {
    /// The dotted path of the class.
    pub class: String,
    /// The dotted path of what it inherits from or implements.
    pub base: String,
    /// The line, counted from 1.
    pub line: u32,
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
    /// Reads the facts of one file; `None` where its path names no language that is read.
    ///
    /// # Errors
    /// The reason why a file of these bytes is left out.
    pub fn read(path: &RepoPath, bytes: &[u8]) -> Option<Result<FileFacts, SkipReason>> {
        Some(crate::parse::read(LanguageId::of_file(path, bytes)?, bytes))
    }

    /// Returns the text of a name.
    pub fn name(&self, id: NameId) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    /// Returns all names that references point into.
    pub(crate) fn all_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
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
