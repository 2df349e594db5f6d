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
