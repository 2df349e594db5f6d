//! Java.

mod builtin;
mod define;
mod facts;
mod imports;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// Java, records and patterns included.
pub(crate) struct Java;

impl Language for Java {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, facts::table(), facts::JavaFacts)
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let directories = ["test", "tests", "androidTest", "integrationTest", "testFixtures", "it"];
        let in_directory = path.components().rev().skip(1).any(|it| directories.iter().any(|own| own.as_bytes() == it));
        let name = path.file_name();
        let stem = name.strip_suffix(b".java").unwrap_or(name);
        let ends = [b"Test".as_slice(), b"Tests", b"TestCase", b"IT"].iter().any(|it| stem.ends_with(it));
        let starts = stem.strip_prefix(b"Test").is_some_and(|it| it.first().is_some_and(u8::is_ascii_uppercase));
        in_directory || ends || starts
    }

    fn common_members(&self) -> &'static [&'static str] {
        builtin::MEMBERS
    }
}
