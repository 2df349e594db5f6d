//! Who may command: people with the right to write, as GitHub says now, and nobody when it does not say.

use serde::Deserialize;

use crate::endpoints::segment;
use crate::error::GitHubError;
use crate::repository::Repo;

/// The longest login GitHub gives out, with the suffix of Apps.
const MAX_LOGIN: usize = 80;

/// Whether somebody may command.
#[derive(Debug, Clone)]
pub enum Authority {
    /// They may.
    Granted(Level),
    /// They may not, or it is not known.
    Refused(Refusal),
}

/// The right that somebody has who may command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// To write, or to maintain, which GitHub reports as this.
    Write,
    /// To do everything.
    Admin,
}

/// Why somebody may not command.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// They may do less than write; the word is GitHub's.
    #[error("their permission is `{0}`, and `write` is needed")]
    TooLittle(String),
    /// The login is another person's by now.
    #[error("the login belongs to another account by now")]
    SomebodyElse,
    /// No account has such a login.
    #[error("the login is none that GitHub gives out")]
    NoLogin,
    /// GitHub did not answer the question.
    #[error("their permission is not known: {0}")]
    Unknown(GitHubError),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    permission: String,
    user: Option<crate::event::User>,
}

impl Authority {
    /// Returns whether they may.
    pub fn is_granted(&self) -> bool {
        matches!(self, Authority::Granted(_))
    }
}

impl Repo {
    /// Asks whether the account with this login and id may command.
    ///
    /// Strangers of a public repository get a success with `read`, so the value counts and not the status; every error is a refusal.
    pub async fn authority(&self, login: &str, id: u64) -> Authority {
        let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '[' | ']');
        if login.is_empty() || login.len() > MAX_LOGIN || !login.chars().all(plain) {
            return Authority::Refused(Refusal::NoLogin);
        }
        let path = format!("/collaborators/{}/permission", segment(login));
        let answer: Result<Answer, GitHubError> = self.client().read(self.get("read a permission", &path)).await;
        match answer {
            Err(error) => Authority::Refused(Refusal::Unknown(error)),
            Ok(answer) if answer.user.as_ref().is_none_or(|user| user.id != id) => {
                Authority::Refused(Refusal::SomebodyElse)
            }
            Ok(answer) => match answer.permission.as_str() {
                "admin" => Authority::Granted(Level::Admin),
                "write" => Authority::Granted(Level::Write),
                _ => Authority::Refused(Refusal::TooLittle(answer.permission.chars().take(40).collect())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Hub, Reply, recorded};

    async fn ask(status: u16, body: Value, login: &str, id: u64) -> Authority {
        let hub =
            Hub::start(move |seen| seen.path.contains("/collaborators/").then(|| Reply::Json(status, body.clone())))
                .await;
        hub.repo().await.authority(login, id).await
    }

    #[tokio::test]
    async fn only_write_and_admin_of_the_same_account_count() {
        let answer = |permission: &str| json!({ "permission": permission, "role_name": "admin", "user": { "id": 5, "login": "dude" } });
        for permission in ["write", "admin"] {
            assert!(ask(200, answer(permission), "dude", 5).await.is_granted());
            assert!(!ask(200, answer(permission), "dude", 6).await.is_granted(), "the login moved to another account");
        }
        for permission in ["read", "none", "triage", "maintain", "", "WRITE", "owner"] {
            let authority = ask(200, answer(permission), "dude", 5).await;
            assert!(matches!(authority, Authority::Refused(Refusal::TooLittle(_))), "{permission}");
        }
        assert!(!ask(200, json!({ "permission": "admin" }), "dude", 5).await.is_granted());
        for login in ["", "../../x", "a/b", "a?x", "a b", &"x".repeat(81)] {
            assert!(
                matches!(ask(200, answer("admin"), login, 5).await, Authority::Refused(Refusal::NoLogin)),
                "{login}"
            );
        }
    }

    #[tokio::test]
    async fn no_answer_is_a_refusal() {
        for status in [201, 301, 401, 403, 404, 422, 429, 500, 503] {
            let body = if status == 201 { Value::Null } else { json!({ "permission": "admin" }) };
            let authority = ask(status, body, "dude", 5).await;
            assert!(matches!(authority, Authority::Refused(Refusal::Unknown(_))), "{status}: {authority:?}");
        }
        assert!(!ask(200, json!("admin"), "dude", 5).await.is_granted());
    }

    #[tokio::test]
    async fn the_recorded_answers_are_decided_as_they_should() {
        let mut decided = Vec::new();
        for name in ["GHRepositoryTest/getPermission", "cannotRetrievePermissionMaintainUser"] {
            for exchange in recorded(name).remove(0).exchanges {
                let Some(login) = exchange.path.split("/collaborators/").nth(1).and_then(|it| it.split('/').next())
                else {
                    continue;
                };
                let id = exchange.body["user"]["id"].as_u64().unwrap_or(1);
                let authority = ask(exchange.status, exchange.body.clone(), login, id).await;
                decided.push((login.to_owned(), authority.is_granted()));
            }
        }
        let expected = [("kohsuke", true), ("dude", false), ("jglick", false), ("alecharp", false)];
        assert_eq!(decided, expected.map(|(login, granted)| (login.to_owned(), granted)));
    }
}
