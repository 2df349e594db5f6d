//! Comments that we write: found again by a hidden marker and by their author, never by the marker alone.

use http::Method;
use serde_json::{Value, json};

use crate::error::GitHubError;
use crate::event::Comment;
use crate::graphql::Operation;
use crate::id::AppId;
use crate::limits::Kind;
use crate::redact::cut;
use crate::repository::Repo;

/// The longest body of a comment, an issue or a pull request that is sent; GitHub takes 65,536 characters.
pub const MAX_BODY: usize = 65_000;

const MINIMIZE: Operation = Operation {
    what: "fold a comment",
    name: "MinimizeComment",
    kind: Kind::Mutation,
    text: "mutation MinimizeComment($input: MinimizeCommentInput!) {
  minimizeComment(input: $input) { minimizedComment { isMinimized } }
}",
};

/// A comment to be written, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComment {
    /// The issue or pull request.
    pub number: u64,
    /// The hidden text that it is found again by, such as `<!-- patchwright:job:…:v1 -->`; it is put before the body.
    pub marker: String,
    /// What it says; cut if it is too long.
    pub body: String,
}

impl NewComment {
    /// Finds the comment that an earlier attempt wrote: it has the marker and was written by our App.
    ///
    /// # Errors
    /// When the issue is gone, or GitHub cannot be asked.
    pub async fn look(&self, repo: &Repo, app: AppId) -> Result<Option<Comment>, GitHubError> {
        repo.own_comment(self.number, &self.marker, app).await
    }

    /// Writes the comment.
    ///
    /// # Errors
    /// When the issue is gone or locked, or GitHub cannot be asked.
    pub async fn make(&self, repo: &Repo) -> Result<Comment, GitHubError> {
        let path = format!("/issues/{}/comments", self.number);
        let body = marked(&self.marker, &self.body);
        repo.client().read(repo.post("write a comment", &path, json!({ "body": body }))).await
    }
}

/// Puts the marker before the body and cuts the whole.
fn marked(marker: &str, body: &str) -> String {
    let room = MAX_BODY.saturating_sub(marker.len() + 1);
    format!("{marker}\n{}", cut(body, room))
}

impl Repo {
    /// Finds the first comment with the marker that our App wrote; a stranger's copy of the marker counts for nothing.
    ///
    /// # Errors
    /// When the issue is gone, or GitHub cannot be asked.
    pub async fn own_comment(&self, number: u64, marker: &str, app: AppId) -> Result<Option<Comment>, GitHubError> {
        let ours = |it: &Comment| it.performed_via_github_app.is_some_and(|it| it.id == app);
        let all = self.comments(number).await?;
        Ok(all.into_iter().find(|it| ours(it) && it.body.starts_with(marker)))
    }

    /// Writes a comment anew; the marker stays before the body.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn edit_comment(&self, id: u64, marker: &str, body: &str) -> Result<Comment, GitHubError> {
        let call = self.change("edit a comment", Method::PATCH, &format!("/issues/comments/{id}"));
        self.client().read(call.body(json!({ "body": marked(marker, body) }))).await
    }

    /// Folds a comment as outdated, given the id that GraphQL takes.
    ///
    /// # Errors
    /// When it is gone, or GitHub cannot be asked.
    pub async fn minimise(&self, node_id: &str) -> Result<(), GitHubError> {
        let input = json!({ "input": { "subjectId": node_id, "classifier": "OUTDATED" } });
        let _: Option<Value> = self.client().graphql(self.auth(), &MINIMIZE, input).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_behind_its_marker() {
        let text = marked("<!-- m -->", &"\u{e9}".repeat(70_000));
        assert!(text.starts_with("<!-- m -->\n\u{e9}") && text.ends_with('\u{2026}'));
        assert!(text.len() <= MAX_BODY && text.len() > MAX_BODY - 4, "{}", text.len());
        assert_eq!(marked("m", "b"), "m\nb");
    }
}
