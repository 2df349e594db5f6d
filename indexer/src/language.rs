//! The seam for languages: what the index must know of each, and the list of those it knows.
//!
//! To add one: a variant of [`LanguageId`], a file here, a line in [`all`], and fixtures.

pub(crate) mod python;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::syntax::{LanguageId, SyntaxTree};

/// What the index must know of a language.
pub(crate) trait Language: Sync {
    /// Returns which language this is.
    fn id(&self) -> LanguageId;

    /// Returns the extensions of its files, without dot.
    fn extensions(&self) -> &'static [&'static str];

    /// Returns the grammar.
    fn grammar(&self) -> tree_sitter::Language;

    /// Reads the facts of a file from its syntax tree, which may have errors anywhere.
    fn facts(&self, tree: &SyntaxTree) -> FileFacts;

    /// Returns whether a file's name or place says that it holds tests or their support.
    fn is_test_path(&self, path: &RepoPath) -> bool;

    /// Returns whether a member of this name belongs to the language's own types so often that the name alone says nothing.
    fn is_common_member(&self, name: &str) -> bool;

    /// Returns the dotted names by which other files may import the file at `path`, the usual one first; `exists` tells of other files.
    fn module_names(&self, path: &RepoPath, exists: &dyn Fn(&[u8]) -> bool) -> Vec<String>;
}

/// Returns all languages.
pub(crate) fn all() -> &'static [&'static dyn Language] {
    &[&python::Python]
}

/// Returns the language of an id.
pub(crate) fn of(id: LanguageId) -> &'static dyn Language {
    match id {
        LanguageId::Python => &python::Python,
    }
}

/// Returns the language that an extension names.
pub(crate) fn of_extension(extension: &[u8]) -> Option<&'static dyn Language> {
    all().iter().copied().find(|it| it.extensions().iter().any(|it| it.as_bytes() == extension))
}
