//! Rust.

mod builtin;
mod classes;
mod define;
mod facts;
mod imports;
mod kind;
mod macros;
mod patterns;
mod refer;
mod unwrap;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// Rust of all editions.
pub(crate) struct Rust;

impl Language for Rust {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        let unwrapped = unwrap::items(tree);
        let tree = unwrapped.as_ref().unwrap_or(tree);
        walk::extract(tree, kind::KINDS.of(tree.language(), kind::Kind::of_name), facts::RustFacts::default())
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let directories: [&[u8]; 4] = [b"tests", b"benches", b"testdata", b"fuzz"];
        let name = path.file_name();
        path.components().rev().skip(1).any(|it| directories.contains(&it))
            || name == b"tests.rs"
            || name.ends_with(b"_tests.rs")
            || name.ends_with(b"_test.rs")
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
            ("tests/it.rs", true),
            ("crates/a/benches/b.rs", true),
            ("src/walk/tests.rs", true),
            ("src/walk_test.rs", true),
            ("src/test.rs", false),
            ("src/latest.rs", false),
        ];
        check_test_paths(&Rust, &table);
    }

    #[test]
    fn lists_are_sorted() {
        assert!(builtin::AMBIENT.is_sorted() && builtin::ATTRIBUTES.is_sorted() && builtin::MACROS.is_sorted());
    }
}
