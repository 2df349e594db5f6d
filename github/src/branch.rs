//! Names of branches that people may ask for.
//!
//! The rules are those of `git check-ref-format --branch`, narrowed to ASCII and to what GitHub takes, so that a name can stand in a
//! command line, a URL and a sentence without harm.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// GitHub takes at most 244 bytes; the rest is left for suffixes.
const MAX_BYTES: usize = 200;

/// The name of a branch, without `refs/heads/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

/// Why a text is no branch name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    /// Nothing is there.
    #[error("the branch name is empty")]
    Empty,
    /// There is too much.
    #[error("the branch name has more than 200 characters")]
    TooLong,
    /// A character is not allowed.
    #[error("the branch name has a character other than letters, digits and `-_./+=,@%#!`")]
    Character,
    /// The name would be read as an option.
    #[error("the branch name starts with `-`")]
    Option,
    /// The name has an empty part.
    #[error("the branch name starts or ends with `/`, or has two in a row")]
    Slash,
    /// A part has dots where git allows none.
    #[error("the branch name has two dots in a row, a part that starts with a dot, or ends with one")]
    Dot,
    /// A part ends as git's lock files do.
    #[error("a part of the branch name ends with `.lock`")]
    Lock,
    /// git reads the name as something else.
    #[error("git reads the name as something else than a branch")]
    Reserved,
}

impl BranchName {
    /// Checks a name.
    ///
    /// # Errors
    /// When git or GitHub would refuse it or read it as something else.
    pub fn new(name: &str) -> Result<BranchName, BranchError> {
        if name.is_empty() {
            return Err(BranchError::Empty);
        }
        if name.len() > MAX_BYTES {
            return Err(BranchError::TooLong);
        }
        if name.starts_with('-') {
            return Err(BranchError::Option);
        }
        if name == "@" || name == "HEAD" || name.starts_with("refs/") || name.contains("@{") || is_object_id(name) {
            return Err(BranchError::Reserved);
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./+=,@%#!".contains(&byte)) {
            return Err(BranchError::Character);
        }
        for part in name.split('/') {
            if part.is_empty() {
                return Err(BranchError::Slash);
            }
            if part.starts_with('.') || part.ends_with('.') || part.contains("..") {
                return Err(BranchError::Dot);
            }
            if part.to_ascii_lowercase().ends_with(".lock") {
                return Err(BranchError::Lock);
            }
        }
        Ok(BranchName(name.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether the name looks like an object id, which GitHub refuses.
fn is_object_id(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BranchName {
    type Err = BranchError;

    fn from_str(text: &str) -> Result<BranchName, BranchError> {
        BranchName::new(text)
    }
}

impl Serialize for BranchName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    fn git_agrees(name: &str) -> bool {
        let mut git = Command::new("git");
        git.args(["check-ref-format", "--branch", name]).stdout(Stdio::null()).stderr(Stdio::null());
        git.current_dir(std::env::temp_dir()).status().expect("git is installed").success()
    }

    #[test]
    fn names_git_takes_pass() {
        for name in [
            "main",
            "fix/issue-7",
            "patchwright/issue-7-0a1b2c3d",
            "v1.2.x",
            "a@b",
            "user_x/#3",
            "release-2.0",
            "HEAD2",
            "a.b.c",
        ] {
            assert_eq!(BranchName::new(name).unwrap().as_str(), name);
            assert!(git_agrees(name), "{name}");
        }
    }

    #[test]
    fn names_with_a_trap_are_refused() {
        let check = |name: &str, expected: BranchError| assert_eq!(BranchName::new(name), Err(expected), "{name:?}");
        check("", BranchError::Empty);
        check(&"x".repeat(201), BranchError::TooLong);
        check(&"x".repeat(300), BranchError::TooLong);
        for name in ["-x", "--upload-pack=x", "-"] {
            check(name, BranchError::Option);
        }
        for name in ["@", "HEAD", "@{-1}", "a@{1}", "refs/heads/main", &"0a".repeat(20), &"f".repeat(64)] {
            check(name, BranchError::Reserved);
        }
        for name in [
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "a\nb",
            "a\0",
            "\u{fc}",
            "a\u{200b}",
            "\u{ff0d}x",
            "a$b",
            "a;b",
            "a`b",
            "a|b",
            "a\"b",
        ] {
            check(name, BranchError::Character);
        }
        for name in ["/a", "a/", "a//b", "/"] {
            check(name, BranchError::Slash);
        }
        for name in ["a..b", ".a", "a/.b", "a.", "a./b", "..", "."] {
            check(name, BranchError::Dot);
        }
        for name in ["x.lock", "a.lock/b", "X.LOCK"] {
            check(name, BranchError::Lock);
        }
    }

    proptest! {
        // Each case starts git.
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn git_takes_every_name_that_passes(name in r"[-a./@{}~lock_^: #%,=+!]{1,8}") {
            if BranchName::new(&name).is_ok() {
                prop_assert!(git_agrees(&name), "{}", name);
            }
        }
    }
}
