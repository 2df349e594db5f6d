//! Ruby.

mod builtin;
mod commands;
mod define;
mod facts;
mod kind;
mod refer;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// Ruby, with what is usual in Rails and its tests.
pub(crate) struct Ruby;

impl Language for Ruby {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, kind::KINDS.of(tree.language(), kind::Kind::of_name), facts::RubyFacts)
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let directories: [&[u8]; 4] = [b"spec", b"test", b"tests", b"features"];
        let name = path.file_name();
        path.components().rev().skip(1).any(|it| directories.contains(&it))
            || name.ends_with(b"_spec.rb")
            || name.ends_with(b"_test.rb")
            || (name.starts_with(b"test_") && name.ends_with(b".rb"))
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
            ("spec/models/user.rb", true),
            ("lib/user_spec.rb", true),
            ("lib/test_user.rb", true),
            ("engine/test/helper.rb", true),
            ("lib/latest.rb", false),
            ("lib/testing/user.rb", false),
        ];
        check_test_paths(&Ruby, &table);
    }

    #[test]
    fn lists_are_sorted() {
        assert!(builtin::AMBIENT.is_sorted());
    }
}
