//! Reactions: the first sign that a wish was seen, and the last that it is done.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::client::Call;
use crate::error::GitHubError;
use crate::event::User;
use crate::repository::Repo;

/// A reaction that we give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// Seen.
    Eyes,
    /// Done.
    Rocket,
    /// Not understood, or more is needed.
    Confused,
    /// Agreed.
    ThumbsUp,
}

/// What is reacted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// An issue or a pull request, by number.
    Issue(u64),
    /// A comment on one, by id.
    Comment(u64),
    /// A comment on lines of a pull request, by id.
    ReviewComment(u64),
}

/// A reaction to be given, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NewReaction {
    /// To what.
    pub target: Target,
    /// Which.
    pub reaction: Reaction,
}

/// A reaction that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReactionRecord {
    /// GitHub's id.
    pub id: u64,
    /// GitHub's word for it.
    #[serde(default)]
    pub content: String,
    /// Who gave it; `None` for a deleted account.
    pub user: Option<User>,
}

impl Reaction {
    /// Returns GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Reaction::Eyes => "eyes",
            Reaction::Rocket => "rocket",
            Reaction::Confused => "confused",
            Reaction::ThumbsUp => "+1",
        }
    }
}

impl Target {
    fn path(self) -> String {
        match self {
            Target::Issue(number) => format!("/issues/{number}/reactions"),
            Target::Comment(id) => format!("/issues/comments/{id}/reactions"),
            Target::ReviewComment(id) => format!("/pulls/comments/{id}/reactions"),
        }
    }
}

impl NewReaction {
    /// Finds the reaction that an earlier attempt gave; `bot` is our own login, with its `[bot]`.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn look(&self, repo: &Repo, bot: &str) -> Result<Option<ReactionRecord>, GitHubError> {
        let call = repo.get("read reactions", &self.target.path()).query("content", self.reaction.as_str());
        let all: Vec<ReactionRecord> = repo.client().list(call).await?;
        let ours = |it: &ReactionRecord| it.user.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(bot));
        Ok(all.into_iter().find(|it| it.content == self.reaction.as_str() && ours(it)))
    }

    /// Gives the reaction. GitHub keeps one of a kind for each account, so that twice is once.
    ///
    /// # Errors
    /// When the target is gone, or GitHub cannot be asked.
    pub async fn make(&self, repo: &Repo) -> Result<ReactionRecord, GitHubError> {
        let call = repo.post("react", &self.target.path(), json!({ "content": self.reaction.as_str() }));
        repo.client().read(call).await
    }
}

impl Repo {
    /// Takes a reaction back; one that is gone is taken back already.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn unreact(&self, target: Target, reaction: u64) -> Result<(), GitHubError> {
        let call: Call = self.change("take a reaction back", Method::DELETE, &format!("{}/{reaction}", target.path()));
        gone_is_done(self.client().call(call).await)
    }
}

/// Treats what is no longer there as removed.
pub(crate) fn gone_is_done<T>(result: Result<T, GitHubError>) -> Result<(), GitHubError> {
    match result {
        Err(error) if error.is_missing() => Ok(()),
        other => other.map(drop),
    }
}
