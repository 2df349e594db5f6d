//! C#.

mod builtin;
mod define;
mod facts;
mod imports;
mod kind;
mod locals;
mod refer;
mod xml;

use repo::RepoPath;

use crate::facts::FileFacts;
use crate::language::{Language, walk};
use crate::syntax::SyntaxTree;

/// C#, records, patterns and programs without a class included.
pub(crate) struct CSharp;

impl Language for CSharp {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        let table = kind::KINDS.of(tree.language(), kind::Kind::of_name);
        xml::without_tags(walk::extract(tree, table, facts::CSharpFacts))
    }

    /// Projects of tests are folders that are called so: `Shop.Tests`, `Shop.IntegrationTests`.
    fn is_test_path(&self, path: &RepoPath) -> bool {
        let folders: [&[u8]; 4] = [b"test", b"tests", b"Test", b"testing"];
        let ends: [&[u8]; 4] = [b"Tests", b".Test", b".tests", b"TestUtilities"];
        let is_folder = |it: &[u8]| folders.contains(&it) || ends.iter().any(|end| it.ends_with(end));
        let name = path.file_name();
        let stem = name.strip_suffix(b".cs").unwrap_or(name);
        let files: [&[u8]; 4] = [b"Tests", b"Test", b"Specs", b"Facts"];
        path.components().rev().skip(1).any(is_folder) || files.iter().any(|it| stem.ends_with(it))
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
            ("tests/Unit/User.cs", true),
            ("src/Shop.Tests/User.cs", true),
            ("src/Shop.IntegrationTests/Deep/User.cs", true),
            ("src/UserTests.cs", true),
            ("src/Shop.Testing/User.cs", false),
            ("src/Latest.cs", false),
        ];
        check_test_paths(&CSharp, &table);
    }
}
