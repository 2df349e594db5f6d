//! Tokens of installations: for one repository and one phase of a job, with the smallest permissions, opaque and short-lived.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::id::{InstallationId, RepositoryId};

/// How long a token is used; GitHub lets it live an hour.
const USED: Duration = Duration::from_secs(50 * 60);
/// How long after its making a refused token may still become known everywhere at GitHub.
/// <https://github.com/octokit/auth-app.js#readme> waits as long.
pub(crate) const SPREADING: Duration = Duration::from_secs(5);

/// A token of any kind: text of any length that nothing is known about.
#[derive(Clone)]
pub struct Token(SecretString);

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading the repository, its issues, pull requests and checks.
    Read,
    /// Writing the branch, the pull request, comments, labels and checks.
    Publish,
    /// Reading what workflows did; only for installations that grant it.
    Logs,
}

/// What a token reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// One repository in one phase.
    One(RepositoryId, Phase),
    /// The names of an installation's repositories, and nothing in them.
    Names,
}

/// Which token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) installation: InstallationId,
    pub(crate) reach: Reach,
}

/// A token that was made, and when.
pub(crate) struct Minted {
    pub(crate) token: Token,
    /// When, by the clock that never goes back.
    pub(crate) at: Duration,
    /// Until when it is used, likewise.
    pub(crate) until: Duration,
}

/// GitHub's answer when a token is made.
#[derive(Deserialize)]
pub(crate) struct MintAnswer {
    pub(crate) token: Token,
    #[serde(default)]
    pub(crate) expires_at: String,
    #[serde(default)]
    pub(crate) repositories: Vec<crate::event::RepositoryMark>,
}

/// The tokens in use.
#[derive(Default)]
pub(crate) struct Tokens {
    entries: Mutex<HashMap<TokenKey, Arc<Entry>>>,
}

/// One token: made by whoever comes first while the others wait, and used until the last user is gone.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) minted: tokio::sync::Mutex<Option<Arc<Minted>>>,
    users: Mutex<usize>,
}

impl Token {
    /// Takes a token.
    pub fn new(text: String) -> Token {
        Token(SecretString::from(text))
    }

    /// Returns the text, which must go nowhere but to GitHub.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the header that carries it; `None` if it has characters that no header may have.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.expose())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Token, D::Error> {
        String::deserialize(deserializer).map(Token::new)
    }
}

impl Phase {
    /// Returns the permissions it needs, and no more.
    fn permissions(self) -> serde_json::Value {
        match self {
            Phase::Read => json!({
                "metadata": "read", "contents": "read", "issues": "read", "pull_requests": "read", "checks": "read"
            }),
            Phase::Publish => json!({
                "metadata": "read", "contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"
            }),
            Phase::Logs => json!({ "metadata": "read", "actions": "read" }),
        }
    }
}

impl Reach {
    /// Returns the body of the request that makes such a token.
    pub(crate) fn request(self) -> serde_json::Value {
        match self {
            Reach::One(repository, phase) => {
                json!({ "repository_ids": [repository], "permissions": phase.permissions() })
            }
            Reach::Names => json!({ "permissions": { "metadata": "read" } }),
        }
    }

    /// Returns whether a token for these repositories reaches no further than was asked for.
    pub(crate) fn allows(self, answer: &MintAnswer) -> bool {
        match self {
            Reach::One(repository, _) => answer.repositories.iter().all(|it| it.id == repository),
            Reach::Names => true,
        }
    }
}

impl Minted {
    /// Takes a new token; `asked` is when it was asked for by the clock that never goes back, `now` GitHub's time.
    pub(crate) fn new(answer: MintAnswer, asked: Duration, now: Timestamp) -> Minted {
        let lives = answer.expires_at.parse::<Timestamp>().ok();
        let lives = lives.and_then(|end| Duration::try_from(end.duration_since(now)).ok());
        // Five sixths of an hour are the fifty minutes; a server with shorter lives is treated alike.
        let used = lives.map_or(USED, |lives| USED.min(lives / 6 * 5));
        Minted { token: answer.token, at: asked, until: asked + used }
    }
}

impl Tokens {
    /// Counts a user of a token.
    pub(crate) fn join(&self, key: TokenKey) {
        *self.entry(key).users.lock() += 1;
    }

    /// Ends a use of a token; returns it if nobody else uses it, to be revoked.
    pub(crate) async fn leave(&self, key: TokenKey) -> Option<Arc<Minted>> {
        let entry = self.entry(key);
        {
            let mut users = entry.users.lock();
            *users = users.saturating_sub(1);
            if *users > 0 {
                return None;
            }
        }
        entry.minted.lock().await.take()
    }

    /// Ends a use where nothing can be waited for: the token stays for the next user, or until it expires.
    pub(crate) fn abandon(&self, key: TokenKey) {
        let entry = self.entry(key);
        let mut users = entry.users.lock();
        *users = users.saturating_sub(1);
    }

    pub(crate) fn entry(&self, key: TokenKey) -> Arc<Entry> {
        self.entries.lock().entry(key).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(expires_at: &str, repositories: &str) -> MintAnswer {
        let text =
            format!(r#"{{"token":"t","expires_at":"{expires_at}","permissions":{{}},"repositories":{repositories}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_token_reaches_one_repository_with_the_smallest_permissions() {
        let read = Reach::One(RepositoryId(7), Phase::Read).request();
        assert_eq!(read["repository_ids"], json!([7]));
        assert!(read["permissions"].as_object().unwrap().values().all(|it| it == "read"));
        let publish = Reach::One(RepositoryId(7), Phase::Publish).request();
        for never in ["workflows", "administration", "secrets", "members", "actions"] {
            assert!(publish["permissions"].get(never).is_none(), "{never}");
        }
        assert_eq!(Reach::Names.request(), json!({ "permissions": { "metadata": "read" } }));
        let reach = Reach::One(RepositoryId(7), Phase::Read);
        assert!(reach.allows(&answer("", r#"[{"id":7,"full_name":"a/b"}]"#)));
        assert!(!reach.allows(&answer("", r#"[{"id":7},{"id":8}]"#)), "a token that reaches further is not used");
    }

    #[test]
    fn a_token_is_used_for_fifty_minutes_at_most() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let used =
            |expires: &str| Minted::new(answer(expires, "[]"), Duration::from_secs(10), now).until.as_secs() - 10;
        assert_eq!(used("2026-11-21T13:00:00Z"), 3000);
        assert_eq!(used("2026-11-21T18:00:00Z"), 3000);
        assert_eq!(used("2026-11-21T12:06:00Z"), 300);
        assert_eq!(used("2026-11-21T11:00:00Z"), 3000, "a time in the past says that a clock is wrong");
        assert_eq!(used("soon"), 3000);
    }

    #[tokio::test]
    async fn the_last_user_gets_the_token_back() {
        let tokens = Tokens::default();
        let key = TokenKey { installation: InstallationId(1), reach: Reach::Names };
        tokens.join(key);
        tokens.join(key);
        let minted = Minted::new(answer("", "[]"), Duration::ZERO, Timestamp::UNIX_EPOCH);
        *tokens.entry(key).minted.lock().await = Some(Arc::new(minted));
        assert!(tokens.leave(key).await.is_none());
        assert_eq!(tokens.leave(key).await.unwrap().token.expose(), "t");
        assert!(tokens.leave(key).await.is_none());
    }

    #[test]
    fn nothing_of_a_token_is_printed() {
        let token = Token::new("ghs_x".to_owned());
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert!(token.header().unwrap().is_sensitive());
        assert!(!format!("{:?}", token.header()).contains("ghs_x"));
        assert!(Token::new("a\nb".to_owned()).header().is_none());
    }
}
