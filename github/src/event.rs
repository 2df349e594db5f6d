//! Webhook events: the few fields that are acted on, out of the many that GitHub sends.
//!
//! A payload is a hint that something happened. Who may do what, and what an issue says now, is read from GitHub afterwards.

mod payload;
pub(crate) mod record;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::id::{InstallationId, RepositoryId};
pub use payload::*;
pub use record::*;

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// GitHub tries the address.
    Ping,
    /// Something happened to an issue.
    Issue(Box<IssueEvent>),
    /// Something happened to a comment on an issue or a pull request.
    Comment(Box<CommentEvent>),
    /// Something happened to a pull request.
    Pull(Box<PullEvent>),
    /// Somebody reviewed a pull request.
    Review(Box<ReviewEvent>),
    /// Something happened to a comment on lines of a pull request.
    ReviewComment(Box<ReviewCommentEvent>),
    /// Something happened to a check.
    CheckRun(Box<CheckRunEvent>),
    /// Something happened to the checks of one App on one commit.
    CheckSuite(Box<CheckSuiteEvent>),
    /// Something happened to a run of a workflow.
    WorkflowRun(Box<WorkflowRunEvent>),
    /// Commits were pushed.
    Push(Box<PushEvent>),
    /// Something happened to an installation of the App.
    Installation(Box<InstallationEvent>),
    /// An installation has other repositories.
    InstallationRepositories(Box<InstallationRepositoriesEvent>),
    /// Something happened to a repository.
    Repository(Box<RepositoryEvent>),
    /// Somebody's permissions changed.
    Member(Box<MemberEvent>),
    /// Somebody withdrew their authorization.
    Authorization(Box<AuthorizationEvent>),
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

/// What every payload is filed under, whatever its event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// What happened, where the payload says it.
    pub action: Option<String>,
    /// The installation that the delivery is for.
    pub installation: Option<InstallationId>,
    /// The repository that it is about.
    pub repository: Option<RepositoryId>,
}

impl Event {
    /// Reads a delivery whose signature has been checked; `name` is the `X-GitHub-Event` header.
    ///
    /// # Errors
    /// When the payload is not what GitHub sends for that event.
    pub fn parse(name: &str, payload: &[u8]) -> Result<Event, EventError> {
        let event = match name {
            "ping" => Ok(Event::Ping),
            "issues" => read(payload, Event::Issue),
            "issue_comment" => read(payload, Event::Comment),
            "pull_request" => read(payload, Event::Pull),
            "pull_request_review" => read(payload, Event::Review),
            "pull_request_review_comment" => read(payload, Event::ReviewComment),
            "check_run" => read(payload, Event::CheckRun),
            "check_suite" => read(payload, Event::CheckSuite),
            "workflow_run" => read(payload, Event::WorkflowRun),
            "push" => read(payload, Event::Push),
            "installation" => read(payload, Event::Installation),
            "installation_repositories" => read(payload, Event::InstallationRepositories),
            "repository" => read(payload, Event::Repository),
            "member" => read(payload, Event::Member),
            "github_app_authorization" => read(payload, Event::Authorization),
            _ => serde_json::from_slice(payload)
                .map(|head: Head| Event::Other { name: name.to_owned(), action: head.action.and_then(text) }),
        };
        event.map_err(|source| EventError { event: name.to_owned(), source })
    }
}

fn read<T: DeserializeOwned>(payload: &[u8], event: fn(Box<T>) -> Event) -> Result<Event, serde_json::Error> {
    serde_json::from_slice(payload).map(event)
}

impl Envelope {
    /// Reads what a delivery is filed under, from any payload that is a JSON object; parts that are not there or odd are `None`.
    ///
    /// # Errors
    /// When the payload is no JSON object.
    pub fn parse(payload: &[u8]) -> Result<Envelope, serde_json::Error> {
        let head: Head = serde_json::from_slice(payload)?;
        Ok(Envelope {
            action: head.action.and_then(text),
            installation: head.installation.and_then(|it| it.get("id")?.as_u64()).map(InstallationId),
            repository: head.repository.and_then(|it| it.get("id")?.as_u64()).map(RepositoryId),
        })
    }
}

/// What is read of every payload, and all that is read of events that are not acted on.
#[derive(Deserialize)]
struct Head {
    action: Option<serde_json::Value>,
    installation: Option<serde_json::Value>,
    repository: Option<serde_json::Value>,
}

fn text(value: serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text),
        _ => None,
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
        assert_eq!(event.sender.unwrap().kind, UserKind::Bot);
        assert_eq!(event.installation.unwrap().id, InstallationId(5));
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
        assert_eq!(Event::parse("fork", b"{}").unwrap(), Event::Other { name: "fork".to_owned(), action: None });
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

    #[derive(Deserialize)]
    struct Example {
        event: String,
        file: String,
        payload: Box<serde_json::value::RawValue>,
    }

    fn examples() -> Vec<Example> {
        include_str!("../fixtures/webhook-payloads.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn every_example_of_every_event_is_read() {
        let mut counts = std::collections::BTreeMap::new();
        for example in examples() {
            let event = Event::parse(&example.event, example.payload.get().as_bytes());
            let event = event.unwrap_or_else(|error| panic!("{}: {error}", example.file));
            let acted_on = !matches!(event, Event::Other { .. });
            *counts.entry((acted_on, example.event)).or_insert(0) += 1;
            Envelope::parse(example.payload.get().as_bytes()).unwrap();
        }
        assert_eq!(counts.values().sum::<usize>(), 172);
        let acted_on: Vec<&str> = counts.keys().filter(|it| it.0).map(|it| it.1.as_str()).collect();
        assert_eq!(
            acted_on,
            [
                "check_run",
                "check_suite",
                "github_app_authorization",
                "installation",
                "installation_repositories",
                "issue_comment",
                "issues",
                "member",
                "ping",
                "pull_request",
                "pull_request_review",
                "pull_request_review_comment",
                "push",
                "repository",
                "workflow_run"
            ]
        );
    }

    #[test]
    fn actions_of_next_year_deleted_accounts_and_missing_installations_are_read() {
        for example in examples() {
            let mut payload: serde_json::Value = serde_json::from_str(example.payload.get()).unwrap();
            let object = payload.as_object_mut().unwrap();
            if object.contains_key("action") {
                object.insert("action".to_owned(), "of_next_year".into());
            }
            object.insert("sender".to_owned(), serde_json::Value::Null);
            if !example.event.starts_with("installation") {
                object.remove("installation");
            }
            for part in ["issue", "comment", "pull_request", "review"] {
                if let Some(part) = object.get_mut(part).and_then(serde_json::Value::as_object_mut) {
                    part.insert("user".to_owned(), serde_json::Value::Null);
                    part.insert("state".to_owned(), "of_next_year".into());
                }
            }
            let text = payload.to_string();
            Event::parse(&example.event, text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", example.file));
            assert_eq!(Envelope::parse(text.as_bytes()).unwrap().action.as_deref(), object_action(&payload));
        }
    }

    fn object_action(payload: &serde_json::Value) -> Option<&str> {
        payload.get("action").and_then(serde_json::Value::as_str)
    }

    #[test]
    fn what_a_delivery_is_filed_under_is_read_from_odd_payloads_too() {
        let read = |text: &str| Envelope::parse(text.as_bytes()).unwrap();
        assert_eq!(read("{}"), Envelope::default());
        assert_eq!(read(r#"{"action":7,"installation":null,"repository":"x","sender":3}"#), Envelope::default());
        let full = read(r#"{"action":"opened","installation":{"id":5},"repository":{"id":18446744073709551615}}"#);
        assert_eq!(full.installation, Some(InstallationId(5)));
        assert_eq!(full.repository, Some(RepositoryId(u64::MAX)));
        for text in ["", "[]", "7", "{", "\u{0}"] {
            assert!(Envelope::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn hostile_json_is_an_error_or_an_event_but_never_a_crash() {
        let deep = format!("{{\"action\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let wide = format!("{{{}\"action\":\"x\"}}", "\"k\":1,".repeat(1_000_000));
        let bytes: [&[u8]; 7] = [
            deep.as_bytes(),
            wide.as_bytes(),
            b"{\"action\":\"a\",\"action\":\"b\"}",
            b"{\"action\":\"\xff\"}",
            b"{\"action\":\"\\ud800\"}",
            b"{\"action\":1e999}",
            b"{\"installation\":{\"id\":9007199254740993000000}}",
        ];
        for payload in bytes {
            for name in ["issues", "star"] {
                let _ = Event::parse(name, payload);
            }
            let _ = Envelope::parse(payload);
        }
        assert!(Envelope::parse(deep.as_bytes()).is_err());
        assert_eq!(Envelope::parse(wide.as_bytes()).unwrap().action.as_deref(), Some("x"));
    }
}
