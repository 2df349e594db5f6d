//! C and C++: two grammars, one meaning. What the preprocessor would make of a file is not known; both branches of a condition are read.

mod builtin;
mod declarator;
mod define;
mod facts;
mod kind;
mod preprocessor;
mod refer;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// C and C++.
pub(crate) struct C;

impl Language for C {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, kind::table(tree.language()), facts::CFacts::default())
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let directories = ["test", "tests", "unittest", "unittests", "unit_test", "unit_tests", "gtest", "testing"];
        let in_directory = path.components().rev().skip(1).any(|it| directories.iter().any(|own| own.as_bytes() == it));
        let name = path.file_name();
        let stem = name.rsplitn(2, |it| *it == b'.').last().unwrap_or(name);
        let ends = ["_test", "_tests", "-test", "-tests", "_unittest", "Test", "Tests", ".test", ".tests"];
        let starts = ["test_", "test-", "unit-", "unittest_"];
        in_directory
            || stem == b"test"
            || ends.iter().any(|it| stem.ends_with(it.as_bytes()))
            || starts.iter().any(|it| stem.starts_with(it.as_bytes()))
    }

    fn common_members(&self) -> &'static [&'static str] {
        builtin::MEMBERS
    }
}
