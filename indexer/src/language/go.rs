//! Go.

mod builtin;
mod define;
mod facts;
mod kind;
mod refer;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// Go, with type parameters.
pub(crate) struct Go;

impl Language for Go {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, kind::KINDS.of(tree.language(), kind::Kind::of_name), facts::GoFacts::default())
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        // The tools of the language leave out what stands in `testdata`; `test` at the top holds what tests all of it.
        let directories: Vec<&[u8]> = path.components().rev().skip(1).collect();
        path.file_name().ends_with(b"_test.go")
            || directories.contains(&b"testdata".as_slice())
            || matches!(directories.last(), Some(&(b"test" | b"tests" | b"e2e")))
    }

    fn common_members(&self) -> &'static [&'static str] {
        builtin::MEMBERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::check_test_paths;

    #[test]
    fn tests_are_told_by_their_paths() {
        let table = [
            ("a/b_test.go", true),
            ("a/testdata/x.go", true),
            ("test/start.go", true),
            ("a/test/start.go", false),
            ("testing.go", false),
            ("a/b.go", false),
        ];
        check_test_paths(&Go, &table);
    }

    #[test]
    fn lists_are_sorted() {
        assert!(builtin::AMBIENT.is_sorted());
    }
}
