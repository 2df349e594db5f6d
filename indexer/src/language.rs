//! The seam for languages: what the index must know of each, and the list of those it knows.
//!
//! To add one: a file here with a [`Language`] and a [`walk::Dialect`], a line in [`of`], and fixtures (see `docs/indexing.md`).

mod c;
mod csharp;
mod files;
#[cfg(test)]
mod fixtures;
mod go;
mod java;
mod javascript;
mod kotlin;
mod php;
pub(crate) mod python;
#[cfg(test)]
mod robust;
mod ruby;
mod rust;
#[cfg(test)]
mod tests;
mod walk;

use repo::RepoPath;

pub(crate) use files::{of_file, of_path};

use crate::facts::FileFacts;
use crate::syntax::{LanguageId, SyntaxTree};

/// What the index must know of a language.
pub(crate) trait Language: Sync {
    /// Reads the facts of a file from its syntax tree, which may have errors anywhere.
    fn facts(&self, tree: &SyntaxTree) -> FileFacts;

    /// Returns whether a file's name or place says that it holds tests or their support.
    fn is_test_path(&self, path: &RepoPath) -> bool;

    /// Returns the members that the language's own types have; sorted.
    fn common_members(&self) -> &'static [&'static str];

    /// Returns whether a member of this name belongs to the language's own types so often that the name alone says nothing.
    fn is_common_member(&self, name: &str) -> bool {
        self.common_members().binary_search(&name).is_ok()
    }
}

/// Returns what is known of a language.
pub(crate) fn of(id: LanguageId) -> &'static dyn Language {
    match id {
        LanguageId::Python => &python::Python,
        LanguageId::JavaScript | LanguageId::TypeScript | LanguageId::Tsx => &javascript::JavaScript,
        LanguageId::Java => &java::Java,
        LanguageId::Go => &go::Go,
        LanguageId::Rust => &rust::Rust,
        LanguageId::C | LanguageId::Cpp => &c::C,
        LanguageId::Ruby => &ruby::Ruby,
        LanguageId::Php => &php::Php,
        LanguageId::CSharp => &csharp::CSharp,
        LanguageId::Kotlin => &kotlin::Kotlin,
    }
}

/// Returns the grammar of a language.
pub(crate) fn grammar(id: LanguageId) -> tree_sitter::Language {
    match id {
        LanguageId::Python => tree_sitter_python::LANGUAGE.into(),
        LanguageId::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
        LanguageId::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        LanguageId::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
        LanguageId::Java => tree_sitter_java::LANGUAGE.into(),
        LanguageId::Kotlin => tree_sitter_kotlin_sg::LANGUAGE.into(),
        LanguageId::CSharp => tree_sitter_c_sharp::LANGUAGE.into(),
        LanguageId::Go => tree_sitter_go::LANGUAGE.into(),
        LanguageId::Rust => tree_sitter_rust::LANGUAGE.into(),
        LanguageId::C => tree_sitter_c::LANGUAGE.into(),
        LanguageId::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        LanguageId::Ruby => tree_sitter_ruby::LANGUAGE.into(),
        LanguageId::Php => tree_sitter_php::LANGUAGE_PHP.into(),
    }
}
