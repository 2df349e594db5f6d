//! Webhook events: the few fields that are acted on, out of the many that GitHub sends.
//!
//! A payload is a hint that something happened. Who may do what, and what an issue says now, is read from GitHub afterwards.

use serde::Deserialize;

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// GitHub tries the address.
    Ping,
    /// Something happened to an issue.
    Issue(Box<IssueEvent>),
    /// Something happened to a comment on an issue or a pull request.
    Comment(Box<CommentEvent>),
    /// Anything else.
    Other {
        /// The event's name, from the `X-GitHub-Event` header.
        name: String,
        /// What happened, where the payload says it.
        action: Option<String>,
    },
}

/// Why a delivery cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("payload of event `{event}` cannot be read: {source}")]
pub struct EventError {
    /// The event's name.
    pub event: String,
    /// What is wrong with the payload.
    pub source: serde_json::Error,
}

/// The payload of `issues`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IssueEvent {
    /// What happened.
    pub action: IssueAction,
    /// The issue as it is now.
    pub issue: Issue,
    /// The label that was added or removed.
    pub label: Option<Label>,
    /// Where.
    pub repository: Repository,
    /// Who did it.
    pub sender: User,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

/// The payload of `issue_comment`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CommentEvent {
    /// What happened.
    pub action: CommentAction,
    /// The issue or pull request.
    pub issue: Issue,
    /// The comment as it is now.
    pub comment: Comment,
    /// Where.
    pub repository: Repository,
    /// Who did it.
    pub sender: User,
    /// The installation that the delivery is for.
    pub installation: Option<Installation>,
}

/// What happened to an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueAction {
    /// It was opened.
    Opened,
    /// Its title or text changed.
    Edited,
    /// It was closed.
    Closed,
    /// It was opened again.
    Reopened,
    /// It got a label.
    Labeled,
    /// It lost a label.
    Unlabeled,
    /// Somebody is to work on it.
    Assigned,
    /// Somebody no longer is.
    Unassigned,
    /// It was deleted.
    Deleted,
    /// It moved to another repository.
    Transferred,
    /// Something that is not acted on.
    #[serde(other)]
    Other,
}

/// What happened to a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentAction {
    /// It was written.
    Created,
    /// Its text changed.
    Edited,
    /// It was deleted.
    Deleted,
    /// Something that is not acted on.
    #[serde(other)]
    Other,
}

/// An issue, or a pull request where GitHub calls it an issue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Issue {
    /// GitHub's id.
    pub id: u64,
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
    /// Whether only collaborators may comment.
    #[serde(default)]
    pub locked: bool,
    /// Present if it is a pull request.
    pub pull_request: Option<PullRequestLink>,
    /// When it last changed, as GitHub writes it.
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
}

/// The mark of an issue that is a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequestLink {
    /// The pull request's page for programs.
    pub url: String,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// GitHub's id.
    pub id: u64,
    /// The text.
    pub body: String,
    /// Who wrote it; `None` for a deleted account.
    pub user: Option<User>,
    /// When it last changed, as GitHub writes it.
    pub updated_at: String,
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
    pub id: u64,
    /// `OWNER/REPO`.
    pub full_name: String,
    /// Whether only some may see it.
    pub private: bool,
    /// The branch that changes go to.
    pub default_branch: String,
}

/// An installation of the app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Installation {
    /// GitHub's id.
    pub id: u64,
}

impl Event {
    /// Reads a delivery whose signature has been checked; `name` is the `X-GitHub-Event` header.
    ///
    /// # Errors
    /// When the payload is not what GitHub sends for that event.
    pub fn parse(name: &str, payload: &[u8]) -> Result<Event, EventError> {
        let failed = |source| EventError { event: name.to_owned(), source };
        match name {
            "ping" => Ok(Event::Ping),
            "issues" => serde_json::from_slice(payload).map(Event::Issue).map_err(failed),
            "issue_comment" => serde_json::from_slice(payload).map(Event::Comment).map_err(failed),
            _ => {
                let head: Head = serde_json::from_slice(payload).map_err(failed)?;
                Ok(Event::Other { name: name.to_owned(), action: head.action })
            }
        }
    }
}

/// What is read of events that are not acted on.
#[derive(Deserialize)]
struct Head {
    action: Option<String>,
}

impl Issue {
    /// Returns whether the issue is a pull request.
    pub fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUE: &str = r#"{"id":444500041,"number":1,"title":"Spelling error in the README file","body":null,"state":"open","locked":false,
        "user":{"login":"Codertocat","id":21031067,"type":"User","site_admin":false},"labels":[{"id":1,"name":"bug","color":"d73a4a"}],
        "updated_at":"2019-05-15T15:20:18Z","comments":0}"#;
    const REST: &str = r#""repository":{"id":186853002,"full_name":"Codertocat/Hello-World","private":false,"default_branch":"main"},
        "sender":{"login":"renovate[bot]","id":2,"type":"Bot"},"installation":{"id":5,"node_id":"x"}"#;

    #[test]
    fn a_label_event_is_read() {
        let payload = format!(r#"{{"action":"labeled","issue":{ISSUE},"label":{{"name":"patchwright:fix"}},{REST}}}"#);
        let Event::Issue(event) = Event::parse("issues", payload.as_bytes()).unwrap() else { panic!("another event") };
        assert_eq!(event.action, IssueAction::Labeled);
        assert_eq!(event.label.unwrap().name, "patchwright:fix");
        assert_eq!((event.issue.number, event.issue.body.as_deref()), (1, None));
        assert_eq!(event.sender.kind, UserKind::Bot);
        assert_eq!(event.installation.unwrap().id, 5);
        assert!(!event.issue.is_pull_request());
    }

    #[test]
    fn a_comment_on_a_pull_request_is_read() {
        let issue = ISSUE.replacen('{', r#"{"pull_request":{"url":"https://api.github.com/x"},"#, 1);
        let comment = r#"{"id":7,"body":"/patchwright fix\r\n","user":null,"updated_at":"2026-01-01T00:00:00Z"}"#;
        let payload = format!(r#"{{"action":"created","issue":{issue},"comment":{comment},{REST}}}"#);
        let Event::Comment(event) = Event::parse("issue_comment", payload.as_bytes()).unwrap() else {
            panic!("another event")
        };
        assert_eq!((event.action, event.comment.user), (CommentAction::Created, None));
        assert!(event.issue.is_pull_request());
    }

    #[test]
    fn unknown_events_and_actions_are_values() {
        let other = Event::parse("star", br#"{"action":"created"}"#).unwrap();
        assert_eq!(other, Event::Other { name: "star".to_owned(), action: Some("created".to_owned()) });
        assert_eq!(Event::parse("push", b"{}").unwrap(), Event::Other { name: "push".to_owned(), action: None });
        assert_eq!(Event::parse("ping", b"").unwrap(), Event::Ping);
        let payload = format!(r#"{{"action":"typed","issue":{ISSUE},{REST}}}"#);
        let Event::Issue(event) = Event::parse("issues", payload.as_bytes()).unwrap() else { panic!("another event") };
        assert_eq!(event.action, IssueAction::Other);
    }

    #[test]
    fn a_broken_payload_is_an_error_that_names_the_event() {
        for payload in ["", "{", "[]", "null", r#"{"action":"opened"}"#] {
            let error = Event::parse("issues", payload.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("payload of event `issues` cannot be read: "), "{error}");
        }
    }
}
