//! Issues, their comments, and when their texts last changed.

use serde::Deserialize;
use serde_json::json;

use crate::client::Call;
use crate::error::GitHubError;
use crate::event::{Comment, Issue};
use crate::graphql::Operation;
use crate::limits::Kind;
use crate::repository::Repo;

/// `updated_at` of an issue moves with every label and comment, so only GraphQL tells when its text was edited.
const HISTORY: Operation = Operation {
    what: "read the history of an issue",
    name: "IssueHistory",
    kind: Kind::Query,
    text: "query IssueHistory($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    issue(number: $number) {
      id
      lastEditedAt
      timelineItems(last: 1, itemTypes: [RENAMED_TITLE_EVENT]) { nodes { ... on RenamedTitleEvent { createdAt } } }
      closedByPullRequestsReferences(first: 20, includeClosedPrs: false) { nodes { number state } }
    }
  }
}",
};

/// When an issue's texts last changed, and what is linked to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueHistory {
    /// The id that GraphQL takes.
    pub node_id: String,
    /// When the text was last edited, as GitHub writes it; `None` if never.
    pub body_edited_at: Option<String>,
    /// When the title was last edited, as GitHub writes it; `None` if never.
    pub title_edited_at: Option<String>,
    /// The open pull requests that would close it.
    pub linked_pulls: Vec<u64>,
}

#[derive(Deserialize)]
struct Data {
    repository: Option<DataRepository>,
}

#[derive(Deserialize)]
struct DataRepository {
    issue: Option<DataIssue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataIssue {
    id: String,
    last_edited_at: Option<String>,
    #[serde(default)]
    timeline_items: Nodes<Renamed>,
    #[serde(default)]
    closed_by_pull_requests_references: Nodes<Linked>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct Nodes<T> {
    #[serde(default = "Vec::new")]
    pub(crate) nodes: Vec<Option<T>>,
}

impl<T> Default for Nodes<T> {
    fn default() -> Nodes<T> {
        Nodes { nodes: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    items: Vec<Issue>,
}

#[derive(Deserialize)]
struct Linked {
    number: u64,
    #[serde(default)]
    state: String,
}

fn open_pulls(linked: Nodes<Linked>) -> Vec<u64> {
    let open = linked.nodes.into_iter().flatten().filter(|it| it.state == "OPEN");
    open.map(|it| it.number).collect()
}

impl Repo {
    /// Reads an issue as it is now.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn issue(&self, number: u64) -> Result<Issue, GitHubError> {
        self.client().read(self.get("read an issue", &format!("/issues/{number}"))).await
    }

    /// Reads when an issue's texts last changed, to hold against the time of what started a job.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked; a text whose last change is not known must not be used.
    pub async fn issue_history(&self, number: u64) -> Result<IssueHistory, GitHubError> {
        let variables = json!({ "owner": self.name().owner(), "name": self.name().name(), "number": number });
        let data: Data = self.client().graphql(self.auth(), &HISTORY, variables).await?;
        let Some(issue) = data.repository.and_then(|it| it.issue) else {
            let message = "there is no such issue".to_owned();
            return Err(GitHubError::GraphQl { what: HISTORY.what, kind: "NOT_FOUND".to_owned(), message });
        };
        Ok(IssueHistory {
            node_id: issue.id,
            body_edited_at: issue.last_edited_at,
            title_edited_at: issue
                .timeline_items
                .nodes
                .into_iter()
                .flatten()
                .filter_map(|it| it.created_at)
                .next_back(),
            linked_pulls: open_pulls(issue.closed_by_pull_requests_references),
        })
    }

    /// Reads the comments of an issue or a pull request, oldest first; `updated_at` tells when each was last edited.
    ///
    /// # Errors
    /// When the issue is gone, or GitHub cannot be asked.
    pub async fn comments(&self, number: u64) -> Result<Vec<Comment>, GitHubError> {
        self.client().list(self.get("read comments", &format!("/issues/{number}/comments"))).await
    }

    /// Reads one comment of an issue or a pull request.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn comment(&self, id: u64) -> Result<Comment, GitHubError> {
        self.client().read(self.get("read a comment", &format!("/issues/comments/{id}"))).await
    }

    /// Reads the issues and pull requests that changed since a time (all open ones without), the latest change first.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn open_issues(&self, since: Option<jiff::Timestamp>) -> Result<Vec<Issue>, GitHubError> {
        let mut call = self.get("read the issues", "/issues").query("state", "open").query("sort", "updated");
        if let Some(since) = since {
            call = call.query("since", since.round(jiff::Unit::Second).unwrap_or(since));
        }
        self.client().list(call).await
    }

    /// Searches the open issues of the repository for words, the best match first, at most a hundred.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn find_issues(&self, words: &str) -> Result<Vec<Issue>, GitHubError> {
        // Only words are searched for: a title must not be able to ask for another repository.
        let plain = |it: char| if it.is_alphanumeric() || it == '_' { it } else { ' ' };
        let words: String = words.chars().take(200).map(plain).collect();
        let words: Vec<&str> = words.split_whitespace().filter(|it| !matches!(*it, "AND" | "OR" | "NOT")).collect();
        let query = format!("repo:{} is:issue is:open {}", self.name(), words.join(" "));
        let call = Call::search("search the issues", self.auth(), "/search/issues".to_owned());
        let found: Found = self.client().read(call.query("q", query).query("per_page", 100)).await?;
        Ok(found.items)
    }

    /// Reads the comments of all issues that changed since a time, for networks that webhooks do not reach.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn comments_since(&self, since: jiff::Timestamp) -> Result<Vec<Comment>, GitHubError> {
        let since = since.round(jiff::Unit::Second).unwrap_or(since);
        self.client().list(self.get("read comments", "/issues/comments").query("since", since)).await
    }
}
