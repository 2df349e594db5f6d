//! What holds of every language, and what their own tests share.

use repo::RepoPath;

use super::{Language, of};
use crate::syntax::LanguageId;

/// Compares what a language says of each path: whether it holds tests.
pub(super) fn check_test_paths(language: &dyn Language, table: &[(&str, bool)]) {
    for (path, expected) in table {
        assert_eq!(language.is_test_path(&RepoPath::new(path).unwrap()), *expected, "{path}");
    }
}

#[test]
fn common_members_are_sorted() {
    for id in LanguageId::ALL {
        let members = of(id).common_members();
        assert!(!members.is_empty() && members.is_sorted(), "{id:?}");
    }
}

#[test]
fn common_members_are_told_from_others() {
    for (id, common, other) in [
        (LanguageId::Go, "String", "Reconcile"),
        (LanguageId::CSharp, "ToString", "ResolveBinding"),
        (LanguageId::Php, "getMessage", "resolveBinding"),
        (LanguageId::Ruby, "each", "find_by_token"),
        (LanguageId::Rust, "unwrap", "resolve_binary"),
    ] {
        assert!(of(id).is_common_member(common) && !of(id).is_common_member(other), "{id:?}");
    }
}
