//! PHP.

mod builtin;
mod define;
mod facts;
mod imports;
mod kind;
mod refer;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// PHP 7 and 8, with HTML around it.
pub(crate) struct Php;

impl Language for Php {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, kind::KINDS.of(tree.language(), kind::Kind::of_name), facts::PhpFacts::default())
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let directories: [&[u8]; 5] = [b"tests", b"Tests", b"test", b"spec", b"Test"];
        let ends: [&[u8]; 5] = [b"Test.php", b"Cest.php", b"Spec.php", b"_test.php", b"TestCase.php"];
        path.components().rev().skip(1).any(|it| directories.contains(&it))
            || ends.iter().any(|it| path.file_name().ends_with(it))
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
            ("tests/Unit/User.php", true),
            ("src/UserTest.php", true),
            ("src/Bundle/Tests/User.php", true),
            ("src/Testing/User.php", false),
            ("src/Latest.php", false),
        ];
        check_test_paths(&Php, &table);
    }
}
