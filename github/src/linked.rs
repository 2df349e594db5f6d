//! A branch that an issue shows under "Development".

use serde::Deserialize;
use serde_json::json;

use crate::branch::BranchName;
use crate::error::GitHubError;
use crate::graphql::Operation;
use crate::limits::Kind;
use crate::repository::{Oid, Repo};

const CREATE: Operation = Operation {
    what: "link a branch to an issue",
    name: "CreateLinkedBranch",
    kind: Kind::Mutation,
    text: "mutation CreateLinkedBranch($input: CreateLinkedBranchInput!) {
  createLinkedBranch(input: $input) { linkedBranch { id } }
}",
};

/// A branch to be made and linked to an issue, once; [`crate::commit::NewCommit`] then moves it forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedBranch {
    /// The issue, by the id that GraphQL takes.
    pub issue_node_id: String,
    /// The branch.
    pub branch: BranchName,
    /// The commit that it starts at.
    pub at: Oid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    create_linked_branch: Option<Created>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    linked_branch: Option<serde::de::IgnoredAny>,
}

impl LinkedBranch {
    /// Returns the commit that the branch is at, if an earlier attempt made it.
    ///
    /// # Errors
    /// When GitHub cannot be asked.
    pub async fn look(&self, repo: &Repo) -> Result<Option<Oid>, GitHubError> {
        repo.head_of(&self.branch).await
    }

    /// Makes the branch and links it.
    ///
    /// # Errors
    /// When GitHub refuses ([`GitHubError::Stale`] if it made none, as for a branch that is there), or cannot be asked.
    pub async fn make(&self, repo: &Repo) -> Result<(), GitHubError> {
        let wish = json!({ "issueId": self.issue_node_id, "oid": self.at.as_str(), "name": self.branch.as_str() });
        let data: Data = repo.client().graphql(repo.auth(), &CREATE, json!({ "input": wish })).await?;
        match data.create_linked_branch.and_then(|it| it.linked_branch) {
            Some(_) => Ok(()),
            None => Err(GitHubError::Stale { what: CREATE.what, found: "GitHub made no branch".to_owned() }),
        }
    }
}
