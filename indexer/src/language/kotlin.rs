//! Kotlin.

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

/// Kotlin, scripts included.
pub(crate) struct Kotlin;

impl Language for Kotlin {
    fn facts(&self, tree: &SyntaxTree) -> FileFacts {
        walk::extract(tree, kind::table(), facts::KotlinFacts)
    }

    /// A source set of tests is called so at its end: `test`, `androidTest`, `commonTest`.
    fn is_test_path(&self, path: &RepoPath) -> bool {
        let is_own = |it: &[u8]| it.ends_with(b"Test") || matches!(it, b"test" | b"tests" | b"testFixtures");
        let in_directory = path.components().rev().skip(1).any(is_own);
        let name = path.file_name();
        let stem = name.strip_suffix(b".kt").or_else(|| name.strip_suffix(b".kts")).unwrap_or(name);
        let ends = [b"Test".as_slice(), b"Tests", b"TestCase", b"IT", b"Spec"].iter().any(|it| stem.ends_with(it));
        in_directory || ends
    }

    fn common_members(&self) -> &'static [&'static str] {
        builtin::MEMBERS
    }
}
