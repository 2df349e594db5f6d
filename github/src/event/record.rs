//! What payloads and answers are made of: accounts, repositories, issues, comments, pull requests.
//!
//! Only what is acted on is read. A field that GitHub leaves out somewhere, sets to null, or fills with a word of next year, is an option
//! here, so that no such change makes a delivery or an answer unreadable.

use serde::Deserialize;

use crate::id::{AppId, InstallationId, RepositoryId};

/// An issue, or a pull request where GitHub calls it an issue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Issue {
    /// GitHub's id.
    pub id: u64,
    /// The id that GraphQL takes.
    #[serde(default)]
    pub node_id: String,
    /// The number within the repository.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The text; `None` if there is none.
    pub body: Option<String>,
    /// Who opened it; `None` for a deleted account.
    pub user: Option<User>,
    /// Open or closed; a few payloads leave it out.
    pub state: Option<IssueState>,
    /// Its labels; some payloads leave them out.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Who is to work on it.
    #[serde(default)]
    pub assignees: Vec<User>,
    /// Whether only collaborators may comment.
    #[serde(default)]
    pub locked: bool,
    /// Present if it is a pull request.
    pub pull_request: Option<PullRequestLink>,
    /// When it was opened, as GitHub writes it.
    #[serde(default)]
    pub created_at: String,
    /// When it last changed in any way, as GitHub writes it.
    pub updated_at: String,
}

/// Whether an issue is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueState {
    /// It is.
    Open,
    /// It is not.
    Closed,
    /// A word that is not known.
    #[serde(other)]
    Other,
}

/// The mark of an issue that is a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequestLink {
    /// When it was merged, as GitHub writes it.
    pub merged_at: Option<String>,
}

/// A comment on an issue, a pull request, or a line of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// GitHub's id.
    pub id: u64,
    /// The id that GraphQL takes.
    #[serde(default)]
    pub node_id: String,
    /// The text.
    #[serde(default, deserialize_with = "or_empty")]
    pub body: String,
    /// Who wrote it; `None` for a deleted account.
    pub user: Option<User>,
    /// When it was written, as GitHub writes it.
    #[serde(default)]
    pub created_at: String,
    /// When it last changed, as GitHub writes it.
    pub updated_at: String,
    /// The App that wrote it.
    pub performed_via_github_app: Option<AppMark>,
}

/// The App that did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct AppMark {
    /// Its id.
    pub id: AppId,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Its name.
    pub name: String,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// GitHub's id, which stays when the login changes.
    pub id: u64,
    /// The login.
    pub login: String,
    /// What kind of account it is.
    #[serde(rename = "type", default)]
    pub kind: UserKind,
}

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
pub enum UserKind {
    /// A person.
    User,
    /// A program.
    Bot,
    /// An organization.
    Organization,
    /// Something else, or not told.
    #[default]
    #[serde(other)]
    Other,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// GitHub's id, which stays when the name changes.
    pub id: RepositoryId,
    /// `OWNER/REPO`.
    pub full_name: String,
    /// Whether only some may see it.
    #[serde(default)]
    pub private: bool,
    /// Whether it is a copy of another.
    #[serde(default)]
    pub fork: bool,
    /// Whether nothing in it may change any more.
    #[serde(default)]
    pub archived: bool,
    /// Whether GitHub has switched it off.
    #[serde(default)]
    pub disabled: bool,
    /// The branch that changes go to; empty where a payload leaves it out.
    #[serde(default)]
    pub default_branch: String,
}

/// The installation that a delivery is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Installation {
    /// GitHub's id.
    pub id: InstallationId,
}

/// A pull request, as far as payloads and lists of all kinds have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pull {
    /// GitHub's id.
    pub id: u64,
    /// The id that GraphQL takes.
    #[serde(default)]
    pub node_id: String,
    /// The number within the repository.
    pub number: u64,
    /// The title; the pull requests of check runs have none.
    #[serde(default)]
    pub title: String,
    /// The text.
    pub body: Option<String>,
    /// Who opened it.
    pub user: Option<User>,
    /// Open or closed.
    pub state: Option<IssueState>,
    /// Whether it is a draft.
    #[serde(default)]
    pub draft: bool,
    /// Whether it was merged; lists leave it out, so ask [`Pull::is_merged`].
    pub merged: Option<bool>,
    /// When it was merged, as GitHub writes it.
    pub merged_at: Option<String>,
    /// The commit that the merge made, or would make.
    pub merge_commit_sha: Option<String>,
    /// Whether it can be merged; `None` while GitHub has not computed it.
    pub mergeable: Option<bool>,
    /// Where the change is.
    pub head: PullEnd,
    /// Where it goes.
    pub base: PullEnd,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// One end of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullEnd {
    /// The branch.
    #[serde(rename = "ref", default)]
    pub branch: String,
    /// The commit it is at.
    #[serde(default)]
    pub sha: String,
    /// The repository; `None` if it is gone.
    pub repo: Option<PullRepository>,
}

/// The repository of one end of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PullRepository {
    /// GitHub's id.
    pub id: RepositoryId,
}

impl Issue {
    /// Returns whether the issue is a pull request.
    pub fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }
}

impl Pull {
    /// Returns whether the pull request was merged.
    pub fn is_merged(&self) -> bool {
        self.merged == Some(true) || self.merged_at.is_some()
    }
}

/// Reads a text that may be null as an empty one.
pub(crate) fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
