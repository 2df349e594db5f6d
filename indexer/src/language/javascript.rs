//! JavaScript, TypeScript and TSX: three grammars, one meaning.

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

/// JavaScript and its kin.
pub(crate) struct JavaScript;

impl Language for JavaScript {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, kind::table(tree.language()), facts::JavaScriptFacts)
    }

    fn is_test_path(&self, path: &RepoPath) -> bool {
        let directories = ["__tests__", "__mocks__", "test", "tests", "spec", "specs", "e2e", "cypress"];
        let in_directory = path.components().rev().skip(1).any(|it| directories.iter().any(|own| own.as_bytes() == it));
        let name = path.file_name().to_ascii_lowercase();
        let marks = [".test.", ".spec.", ".cy.", "-test.", "_test.", "-spec.", "_spec.", ".e2e."];
        let has = |mark: &&str| memchr::memmem::find(&name, mark.as_bytes()).is_some();
        in_directory || marks.iter().any(has) || name.starts_with(b"test.") || name.starts_with(b"test-")
    }

    fn common_members(&self) -> &'static [&'static str] {
        builtin::MEMBERS
    }
}
