//! A repository in one phase of a job: everything that is asked or done there goes through a [`Repo`].
//!
//! It is known by its id. The name is read anew when it is opened, and a redirect within the API is followed, so that a repository may be
//! renamed or moved in the middle of a job.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::branch::BranchName;
use crate::client::{Auth, Call, Client};
use crate::endpoints::{segment, segments};
use crate::error::GitHubError;
use crate::event::Repository;
use crate::id::{InstallationId, RepositoryId};
use crate::issue::RepoName;
use crate::token::{Phase, Reach, TokenKey};

/// A repository, and the right to read or write it.
pub struct Repo {
    client: Client,
    key: TokenKey,
    id: RepositoryId,
    name: RepoName,
    record: Repository,
    closed: bool,
}

/// A commit, a tree or a blob: its SHA-1 or SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

/// A rule of a repository that a branch has to keep to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BranchRule {
    /// What kind of rule: `creation`, `required_signatures`, `branch_name_pattern` and so on.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The rule set that it is part of.
    #[serde(default)]
    pub ruleset_source: String,
    /// Its parameters, as GitHub gives them.
    #[serde(default)]
    pub parameters: Value,
}

/// How one commit stands to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comparison {
    /// `ahead`, `behind`, `identical` or `diverged`.
    #[serde(default)]
    pub status: String,
    /// Commits that only the head has.
    #[serde(default)]
    pub ahead_by: u64,
    /// Commits that only the base has.
    #[serde(default)]
    pub behind_by: u64,
    /// The paths that differ, at most 300.
    #[serde(default)]
    pub files: Vec<ChangedFile>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    /// Its path.
    pub filename: String,
    /// `added`, `modified`, `removed`, `renamed` and so on.
    #[serde(default)]
    pub status: String,
}

#[derive(Deserialize)]
struct Reference {
    object: ReferenceObject,
}

#[derive(Deserialize)]
struct ReferenceObject {
    sha: String,
}

impl Oid {
    /// Checks a text.
    pub fn new(text: &str) -> Option<Oid> {
        let fits = matches!(text.len(), 40 | 64) && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Oid(text.to_owned()))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(what: &'static str, text: &str) -> Result<Oid, GitHubError> {
        Oid::new(text).ok_or_else(|| GitHubError::unreadable(what, "an object id is not one"))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Client {
    /// Opens a repository for one phase: makes the token, or shares one, and reads how the repository stands.
    ///
    /// # Errors
    /// When the installation is suspended or does not have the repository, or GitHub cannot be asked.
    pub async fn repository(
        &self,
        installation: InstallationId,
        id: RepositoryId,
        phase: Phase,
    ) -> Result<Repo, GitHubError> {
        let key = TokenKey { installation, reach: Reach::One(id, phase) };
        let record = self.repository_record(key, id).await?;
        let name = name_of(&record)?;
        self.tokens().join(key);
        Ok(Repo { client: self.clone(), key, id, name, record, closed: false })
    }

    async fn repository_record(&self, key: TokenKey, id: RepositoryId) -> Result<Repository, GitHubError> {
        let call = Call::get("read the repository", Auth::Installation(key), format!("/repositories/{id}"));
        let record: Repository = self.read(call).await?;
        match record.id == id {
            true => Ok(record),
            false => Err(GitHubError::unreadable("read the repository", "it is another repository")),
        }
    }
}

fn name_of(record: &Repository) -> Result<RepoName, GitHubError> {
    let name = record.full_name.parse();
    name.map_err(|error| GitHubError::unreadable("read the repository", format_args!("its name is odd: {error}")))
}

impl Repo {
    /// Returns the repository's id.
    pub fn id(&self) -> RepositoryId {
        self.id
    }

    /// Returns the name it had when it was opened or last read.
    pub fn name(&self) -> &RepoName {
        &self.name
    }

    /// Returns how it stood when it was opened or last read.
    pub fn record(&self) -> &Repository {
        &self.record
    }

    /// Returns the client it was opened with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads name and state anew.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn reload(&mut self) -> Result<(), GitHubError> {
        self.record = self.client.repository_record(self.key, self.id).await?;
        self.name = name_of(&self.record)?;
        Ok(())
    }

    /// Ends the use; the last one of a token revokes it.
    ///
    /// # Errors
    /// When GitHub cannot be told. The token then ends by itself within the hour.
    pub async fn close(mut self) -> Result<(), GitHubError> {
        self.closed = true;
        match self.client.tokens().leave(self.key).await {
            Some(minted) => self.client.revoke(self.key.installation, &minted).await,
            None => Ok(()),
        }
    }

    /// Returns the token, for git's own transport of this repository and nothing else.
    ///
    /// # Errors
    /// When GitHub gives none.
    pub async fn git_token(&self) -> Result<crate::token::Token, GitHubError> {
        self.client.token_text(self.key).await
    }

    /// Returns the rules that a branch of this name has to keep to.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn rules(&self, branch: &BranchName) -> Result<Vec<BranchRule>, GitHubError> {
        let path = format!("/rules/branches/{}", segment(branch.as_str()));
        self.client.list(self.get("read the rules of a branch", &path)).await
    }

    /// Returns the commit that a branch is at, or `None` if there is no such branch.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn head_of(&self, branch: &BranchName) -> Result<Option<Oid>, GitHubError> {
        const WHAT: &str = "read a branch";
        let path = format!("/git/ref/heads/{}", segments(branch.as_str()));
        let found: Value = match self.client.read(self.get(WHAT, &path)).await {
            Err(error) if error.is_missing() => return Ok(None),
            // A repository without a commit has no branches.
            Err(error) if error.status() == Some(409) => return Ok(None),
            other => other?,
        };
        // Old servers answer with a list of branches that begin alike.
        if found.is_array() || found.get("ref").and_then(Value::as_str) != Some(&format!("refs/heads/{branch}")) {
            return Ok(None);
        }
        let found: Reference =
            serde_json::from_value(found).map_err(|error| crate::client::unreadable(WHAT, &error))?;
        Oid::read(WHAT, &found.object.sha).map(Some)
    }

    /// Compares two commits.
    ///
    /// # Errors
    /// When one is not there, or GitHub cannot be asked.
    pub async fn compare(&self, base: &Oid, head: &Oid) -> Result<Comparison, GitHubError> {
        let call = self.get("compare commits", &format!("/compare/{base}...{head}"));
        self.client.read(call.query("per_page", 1)).await
    }

    /// Reads a file of the default branch, at most so many bytes; `None` if it is not there.
    ///
    /// # Errors
    /// When it is larger, or GitHub cannot be asked.
    pub async fn file(&self, path: &str, limit: usize) -> Result<Option<bytes::Bytes>, GitHubError> {
        let call = self.get("read a file", &format!("/contents/{}", segments(path))).raw(limit);
        match self.client.call(call).await {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(|answer| Some(answer.body)),
        }
    }

    pub(crate) fn auth(&self) -> Auth {
        Auth::Installation(self.key)
    }

    pub(crate) fn path(&self, below: &str) -> String {
        format!("/repos/{}/{}{below}", segment(self.name.owner()), segment(self.name.name()))
    }

    pub(crate) fn get(&self, what: &'static str, below: &str) -> Call {
        Call::get(what, self.auth(), self.path(below))
    }

    pub(crate) fn change(&self, what: &'static str, method: http::Method, below: &str) -> Call {
        Call::change(what, method, self.auth(), self.path(below))
    }

    pub(crate) fn post(&self, what: &'static str, below: &str, body: Value) -> Call {
        self.change(what, http::Method::POST, below).body(body)
    }
}

impl Drop for Repo {
    fn drop(&mut self) {
        if !self.closed {
            self.client.tokens().abandon(self.key);
        }
    }
}

impl fmt::Debug for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repo").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}
