//! Pull requests, the reviews they get, and the answers we give.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::branch::BranchName;
use crate::comment::MAX_BODY;
use crate::error::{Class, GitHubError};
use crate::event::{Pull, Review, ReviewComment};
use crate::graphql::Operation;
use crate::issue::Nodes;
use crate::limits::Kind;
use crate::redact::{cut, cut_chars};
use crate::repository::Repo;

/// The longest title that GitHub takes, in characters.
pub const MAX_TITLE: usize = 256;

const THREADS: Operation = Operation {
    what: "read the threads of a review",
    name: "ReviewThreads",
    kind: Kind::Query,
    text: "query ReviewThreads($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100) { nodes { id isResolved comments(first: 1) { nodes { databaseId } } } }
    }
  }
}",
};

const RESOLVE: Operation = Operation {
    what: "resolve a thread",
    name: "ResolveReviewThread",
    kind: Kind::Mutation,
    text: "mutation ResolveReviewThread($input: ResolveReviewThreadInput!) {
  resolveReviewThread(input: $input) { thread { isResolved } }
}",
};

/// A pull request to be opened, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    /// The branch with the change, in the same repository.
    pub head: BranchName,
    /// The branch that it goes to.
    pub base: BranchName,
    /// The title; cut if it is too long.
    pub title: String,
    /// The text; cut if it is too long.
    pub body: String,
    /// Whether it is opened as a draft.
    pub opening: Opening,
}

/// How a pull request is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// For people to finish looking at before anybody merges it.
    Draft,
    /// Ready for review.
    Ready,
}

/// A change of a pull request's own texts or state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullChange {
    /// The title from now on.
    pub title: Option<String>,
    /// The text from now on.
    pub body: Option<String>,
    /// Whether to close it.
    pub close: bool,
}

/// A thread of comments on lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewThread {
    /// The id that GraphQL takes.
    pub id: String,
    /// Whether somebody marked it as done.
    pub is_resolved: bool,
    /// The first comment, by the id that the REST API takes.
    pub first_comment: Option<u64>,
}

#[derive(Deserialize)]
struct Data {
    repository: Option<DataRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataRepository {
    pull_request: Option<DataPull>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataPull {
    review_threads: Nodes<DataThread>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataThread {
    id: String,
    #[serde(default)]
    is_resolved: bool,
    #[serde(default)]
    comments: Nodes<DataComment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataComment {
    database_id: Option<u64>,
}

impl NewPull {
    /// Finds the open pull request of the branch, which an earlier attempt opened.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn look(&self, repo: &Repo) -> Result<Option<Pull>, GitHubError> {
        repo.pull_by_head(&self.head).await
    }

    /// Opens the pull request; one that is open for the branch already is taken for it.
    ///
    /// # Errors
    /// When GitHub refuses, or cannot be asked.
    pub async fn make(&self, repo: &Repo) -> Result<Pull, GitHubError> {
        let body = json!({
            "title": cut_chars(&self.title, MAX_TITLE),
            "body": cut(&self.body, MAX_BODY),
            "head": self.head.as_str(),
            "base": self.base.as_str(),
            "draft": self.opening == Opening::Draft,
            "maintainer_can_modify": false,
        });
        match repo.client().read(repo.post("open a pull request", "/pulls", body)).await {
            Err(error) if error.class() == Class::Reread => match self.look(repo).await? {
                Some(found) => Ok(found),
                None => Err(error),
            },
            other => other,
        }
    }
}

impl Repo {
    /// Reads a pull request as it is now.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn pull(&self, number: u64) -> Result<Pull, GitHubError> {
        self.client().read(self.get("read a pull request", &format!("/pulls/{number}"))).await
    }

    /// Finds the open pull request of a branch of this repository.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn pull_by_head(&self, head: &BranchName) -> Result<Option<Pull>, GitHubError> {
        self.pulls_by_head(head, "open").await.map(|all| all.into_iter().next())
    }

    /// Finds the pull requests of a branch of this repository, closed ones too, the newest first.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn all_pulls_by_head(&self, head: &BranchName) -> Result<Vec<Pull>, GitHubError> {
        self.pulls_by_head(head, "all").await
    }

    async fn pulls_by_head(&self, head: &BranchName, state: &str) -> Result<Vec<Pull>, GitHubError> {
        let call = self.get("look for a pull request", "/pulls");
        let call = call.query("head", format!("{}:{head}", self.name().owner())).query("state", state);
        let mut found: Vec<Pull> = self.client().list(call).await?;
        // GitHub leaves a filter out that it cannot read, and then answers with everything.
        found.retain(|it| it.head.branch == head.as_str() && it.head.repo.is_some_and(|repo| repo.id == self.id()));
        Ok(found)
    }

    /// Changes a pull request's texts, or closes it.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn update_pull(&self, number: u64, change: &PullChange) -> Result<Pull, GitHubError> {
        let mut body = serde_json::Map::new();
        if let Some(title) = &change.title {
            body.insert("title".to_owned(), cut_chars(title, MAX_TITLE).into());
        }
        if let Some(text) = &change.body {
            body.insert("body".to_owned(), cut(text, MAX_BODY).into());
        }
        if change.close {
            body.insert("state".to_owned(), "closed".into());
        }
        let call = self.change("change a pull request", Method::PATCH, &format!("/pulls/{number}"));
        self.client().read(call.body(Value::Object(body))).await
    }

    /// Reads the reviews of a pull request, oldest first.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn reviews(&self, number: u64) -> Result<Vec<Review>, GitHubError> {
        self.client().list(self.get("read reviews", &format!("/pulls/{number}/reviews"))).await
    }

    /// Reads the comments on lines of a pull request, oldest first.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn review_comments(&self, number: u64) -> Result<Vec<ReviewComment>, GitHubError> {
        self.client().list(self.get("read review comments", &format!("/pulls/{number}/comments"))).await
    }

    /// Answers a comment on lines, in its thread.
    ///
    /// # Errors
    /// When the comment is gone, or GitHub cannot be asked.
    pub async fn reply(&self, number: u64, comment: u64, body: &str) -> Result<ReviewComment, GitHubError> {
        let path = format!("/pulls/{number}/comments/{comment}/replies");
        self.client().read(self.post("answer a review comment", &path, json!({ "body": cut(body, MAX_BODY) }))).await
    }

    /// Reads the threads of comments on lines, at most a hundred.
    ///
    /// # Errors
    /// When the pull request is gone, or GitHub cannot be asked.
    pub async fn review_threads(&self, number: u64) -> Result<Vec<ReviewThread>, GitHubError> {
        let variables = json!({ "owner": self.name().owner(), "name": self.name().name(), "number": number });
        let data: Data = self.client().graphql(self.auth(), &THREADS, variables).await?;
        let pull = data.repository.and_then(|it| it.pull_request);
        let threads = pull.map(|it| it.review_threads.nodes).unwrap_or_default();
        let read = |it: DataThread| ReviewThread {
            id: it.id,
            is_resolved: it.is_resolved,
            first_comment: it.comments.nodes.into_iter().flatten().next().and_then(|it| it.database_id),
        };
        Ok(threads.into_iter().flatten().map(read).collect())
    }

    /// Marks a thread as done.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn resolve_thread(&self, id: &str) -> Result<(), GitHubError> {
        let input = json!({ "input": { "threadId": id } });
        let _: Option<Value> = self.client().graphql(self.auth(), &RESOLVE, input).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
