//! Names of repositories and issues.

mod read;

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Serialize, Serializer};

pub use read::IssueHistory;
pub(crate) use read::Nodes;

/// The longest login GitHub gives out, with room for the suffix of managed accounts.
const MAX_OWNER: usize = 64;
const MAX_NAME: usize = 100;
const MAX_DIGITS: usize = 12;

/// A repository on GitHub: `OWNER/REPO`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoName {
    owner: String,
    name: String,
}

/// An issue of a repository: `OWNER/REPO#N`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueRef {
    /// The repository.
    pub repo: RepoName,
    /// The issue's number.
    pub number: NonZeroU64,
}

/// Why a text names no repository or issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// The parts are not there.
    #[error("not of the form OWNER/REPO")]
    RepoForm,
    /// The parts are not there.
    #[error("not of the form OWNER/REPO#N")]
    IssueForm,
    /// No account can have the name.
    #[error("the owner is no GitHub account name: letters, digits, `-` and `_`, not starting with `-`")]
    Owner,
    /// No repository can have the name.
    #[error("the repository's name is none that GitHub allows: letters, digits, `-`, `_` and `.`")]
    Name,
    /// The number is none.
    #[error("the issue's number is none")]
    Number,
}

impl RepoName {
    /// Joins an owner and a name.
    ///
    /// # Errors
    /// When GitHub allows no such name.
    pub fn new(owner: &str, name: &str) -> Result<RepoName, RefError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let owner_fits = (1..=MAX_OWNER).contains(&owner.len()) && owner.bytes().all(plain) && !owner.starts_with('-');
        if !owner_fits {
            return Err(RefError::Owner);
        }
        let name_fits = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| plain(byte) || byte == b'.');
        // GitHub drops the ending itself, so both forms would name one repository.
        let misread = matches!(name, "." | "..") || name.to_ascii_lowercase().ends_with(".git");
        if !name_fits || misread {
            return Err(RefError::Name);
        }
        Ok(RepoName { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// Returns the account that owns the repository.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the repository's name without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepoName {
    type Err = RefError;

    fn from_str(text: &str) -> Result<RepoName, RefError> {
        let (owner, name) = text.split_once('/').ok_or(RefError::RepoForm)?;
        RepoName::new(owner, name)
    }
}

impl Serialize for RepoName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for IssueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.number)
    }
}

impl FromStr for IssueRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<IssueRef, RefError> {
        let (repo, number) = text.split_once('#').ok_or(RefError::IssueForm)?;
        if !repo.contains('/') {
            return Err(RefError::IssueForm);
        }
        let repo = repo.parse()?;
        let digits = (1..=MAX_DIGITS).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || number.starts_with('0') {
            return Err(RefError::Number);
        }
        Ok(IssueRef { repo, number: number.parse().map_err(|_| RefError::Number)? })
    }
}

impl Serialize for IssueRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_are_read_and_written_alike() {
        for text in
            ["django/django#1", "Codertocat/Hello-World#444500041", "a/b.c_d-e#7", "a-b/.github#2", "name_corp/x#9"]
        {
            let issue: IssueRef = text.parse().unwrap();
            assert_eq!(issue.to_string(), text);
            assert_eq!(serde_json::to_string(&issue).unwrap(), format!("\"{text}\""));
        }
        let issue: IssueRef = "a/b#3".parse().unwrap();
        assert_eq!((issue.repo.owner(), issue.repo.name(), issue.number.get()), ("a", "b", 3));
    }

    #[test]
    fn other_texts_name_no_issue() {
        let check = |text: &str, expected: RefError| assert_eq!(text.parse::<IssueRef>(), Err(expected), "{text}");
        for text in ["", "issue.md", "a/b", "#1", "a#1", "./a/b", "path/to/issue"] {
            check(text, RefError::IssueForm);
        }
        for text in ["/b#1", "-a/b#1", "a b/c#1", "\u{430}/b#1", "../b#1", "a.b/c#1"] {
            check(text, RefError::Owner);
        }
        let long = format!("a/{}#1", "x".repeat(101));
        for text in [
            "a/#1",
            "a/..#1",
            "a/.#1",
            "a/b/c#1",
            "a/b.git#1",
            "a/b.GIT#1",
            "a/b c#1",
            "a/b\u{200b}#1",
            "a/b?x#1",
            &long,
        ] {
            check(text, RefError::Name);
        }
        for text in
            ["a/b#", "a/b#0", "a/b#01", "a/b#-1", "a/b#+1", "a/b#1x", "a/b##1", "a/b#9999999999999", "a/b#\u{661}"]
        {
            check(text, RefError::Number);
        }
    }
}
