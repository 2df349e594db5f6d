//! Python.

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::Language;
use crate::syntax::{LanguageId, SyntaxTree};

/// Python 3; Python 2 is read in part.
pub(crate) struct Python;

impl Language for Python {
    fn id(&self) -> LanguageId {
        LanguageId::Python
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["py", "pyi"]
    }

    fn grammar(&self) -> tree_sitter::Language {
        tree_sitter_python::LANGUAGE.into()
    }

    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        let _ = tree;
        FileFacts::default()
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        let stem = name.rsplit(|it| *it == b'.').next_back().unwrap_or(name);
        let by_name = stem.starts_with(b"test_") || stem.ends_with(b"_test") || stem.ends_with(b"_tests");
        let directories: Vec<&[u8]> = path.components().rev().skip(1).collect();
        // `test` and `testing` inside a package are mostly code that helps its users to test; only at the top they are the tests.
        by_name
            || matches!(stem, b"tests" | b"conftest")
            || directories.contains(&b"tests".as_slice())
            || matches!(directories.last(), Some(&(b"test" | b"testing")))
    }

    fn module_names(&self, path: &RepoPath, exists: &dyn Fn(&[u8]) -> bool) -> Vec<String> {
        let _ = (path, exists);
        Vec::new()
    }
}
