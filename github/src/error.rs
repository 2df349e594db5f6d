//! Why a call of GitHub failed, and what to do about it.

use std::fmt;

use jiff::Timestamp;

use crate::redact::{cut, redact};

/// The longest part of an answer that an error repeats.
const MAX_MESSAGE: usize = 400;

/// A call that failed. No variant's text holds a token or an address.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GitHubError {
    /// One of GitHub's limits is reached; nothing is sent to the same installation before the time is over.
    #[error("{what}: {limit} of GitHub is reached, until {until}")]
    Limited {
        /// The call, such as `create pull request`.
        what: &'static str,
        /// Which limit.
        limit: Limit,
        /// When it ends.
        until: Timestamp,
    },
    /// GitHub answered with an error.
    #[error("{what}: {status}")]
    Status {
        /// The call.
        what: &'static str,
        /// What GitHub said.
        status: Box<Refused>,
    },
    /// No answer came, so the call may or may not have had its effect.
    #[error("{what}: {problem}")]
    Transport {
        /// The call.
        what: &'static str,
        /// What went wrong.
        problem: Transport,
    },
    /// An answer is larger than any that is expected.
    #[error("{what}: the answer has more than {limit} bytes")]
    TooLarge {
        /// The call.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An answer cannot be read.
    #[error("{what}: the answer cannot be read: {reason}")]
    Unreadable {
        /// The call.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An answer sends us somewhere that we do not go.
    #[error("{what}: the answer redirects to {to}, and only GitHub's own API is followed")]
    Redirected {
        /// The call.
        what: &'static str,
        /// A description of the place, without its address.
        to: &'static str,
    },
    /// GraphQL answered with errors.
    #[error("{what}: {message}")]
    GraphQl {
        /// The call.
        what: &'static str,
        /// GitHub's word for the first error, such as `NOT_FOUND`; empty if it gave none.
        kind: String,
        /// What the errors say.
        message: String,
    },
    /// What was found is not what the call builds on: somebody else was there in the meantime.
    #[error("{what}: {found}")]
    Stale {
        /// The call.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// What was asked for is refused before anything is sent.
    #[error("{what}: {reason}")]
    Refused {
        /// The call.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

/// One of GitHub's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// The number of requests in an hour.
    Primary,
    /// The limit against bursts, of which GitHub gives no figure.
    Secondary,
    /// Our own, kept so that GitHub's are never reached: points a minute.
    Points,
    /// Our own: changes a minute and an hour.
    Writes,
    /// Our own: tokens an hour.
    Tokens,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Transport {
    /// It took too long; the time is for the whole call.
    #[error("no answer in {0} s")]
    TimedOut(u64),
    /// Nobody took the connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// What GitHub said when it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer.
    pub code: u16,
    /// The sentence in it.
    pub message: String,
    /// What its list of errors says, one word or sentence each.
    pub errors: Vec<String>,
}

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again after a while, having looked whether the call had its effect.
    Retry,
    /// Try again, but send nothing before then.
    WaitUntil(Timestamp),
    /// It will fail every time.
    Never,
    /// The world is not as was thought: read it again, then decide.
    Reread,
}

impl GitHubError {
    /// Returns what to do about it.
    pub fn class(&self) -> Class {
        match self {
            GitHubError::Limited { until, .. } => Class::WaitUntil(*until),
            GitHubError::Status { status, .. } => status.class(),
            GitHubError::Transport { .. } | GitHubError::Unreadable { .. } => Class::Retry,
            GitHubError::Stale { .. } => Class::Reread,
            GitHubError::GraphQl { kind, .. } => match kind.as_str() {
                "" | "INTERNAL" | "SERVICE_UNAVAILABLE" | "STALE_DATA" => Class::Retry,
                "UNPROCESSABLE" => Class::Reread,
                _ => Class::Never,
            },
            GitHubError::TooLarge { .. } | GitHubError::Redirected { .. } | GitHubError::Refused { .. } => Class::Never,
        }
    }

    /// Returns the status that GitHub answered with, if it answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            GitHubError::Status { status, .. } => Some(status.code),
            _ => None,
        }
    }

    /// Returns whether what was asked for is not there, or not for us to see.
    pub fn is_missing(&self) -> bool {
        matches!(self.status(), Some(404 | 410 | 451))
            || matches!(self, GitHubError::GraphQl { kind, .. } if kind == "NOT_FOUND")
    }

    pub(crate) fn refused(what: &'static str, reason: impl Into<String>) -> GitHubError {
        GitHubError::Refused { what, reason: reason.into() }
    }

    pub(crate) fn unreadable(what: &'static str, reason: impl fmt::Display) -> GitHubError {
        GitHubError::Unreadable { what, reason: cut(&redact(&reason.to_string()), MAX_MESSAGE).into_owned() }
    }
}

impl Refused {
    /// Reads the body of an answer, which may be anything.
    pub(crate) fn read(code: u16, body: &[u8]) -> Refused {
        let Ok(serde_json::Value::Object(body)) = serde_json::from_slice(body) else {
            // A page of HTML from something in between says nothing that helps.
            return Refused { code, message: String::new(), errors: Vec::new() };
        };
        let clean = |text: &str| cut(&redact(text), MAX_MESSAGE).into_owned();
        let message = body.get("message").and_then(|it| it.as_str()).map(clean).unwrap_or_default();
        let errors = match body.get("errors") {
            Some(serde_json::Value::Array(errors)) => errors.iter().take(10).filter_map(error_text).collect(),
            Some(serde_json::Value::String(error)) => vec![error.clone()],
            _ => Vec::new(),
        };
        Refused { code, message, errors: errors.iter().map(|it| clean(it)).collect() }
    }

    /// Returns whether any sentence of it has these words.
    pub fn says(&self, words: &str) -> bool {
        self.message.contains(words) || self.errors.iter().any(|error| error.contains(words))
    }

    fn class(&self) -> Class {
        match self.code {
            408 | 429 | 500..=599 => Class::Retry,
            409 | 412 => Class::Reread,
            // The world changed since it was looked at; every other 422 is a mistake in what was sent.
            422 if ["already exists", "not a fast forward", "expected_head_sha", "expected head sha"]
                .iter()
                .any(|words| self.says(words)) =>
            {
                Class::Reread
            }
            _ => Class::Never,
        }
    }
}

fn error_text(error: &serde_json::Value) -> Option<String> {
    let part = |name: &str| error.get(name).and_then(serde_json::Value::as_str);
    if let Some(text) = error.as_str().or_else(|| part("message")) {
        return Some(text.to_owned());
    }
    let place = [part("resource"), part("field"), part("code")];
    let words: Vec<&str> = place.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub answered {}", self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if !self.errors.is_empty() {
            write!(f, " ({})", self.errors.join("; "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Primary => "the hourly limit",
            Limit::Secondary => "the secondary limit",
            Limit::Points => "the limit of points a minute",
            Limit::Writes => "the limit of changes",
            Limit::Tokens => "the limit of tokens an hour",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, body: &str) -> GitHubError {
        GitHubError::Status { what: "create pull request", status: Box::new(Refused::read(code, body.as_bytes())) }
    }

    #[test]
    fn answers_are_sorted_by_what_to_do() {
        let check =
            |code: u16, body: &str, expected: Class| assert_eq!(status(code, body).class(), expected, "{code} {body}");
        for code in [400, 401, 403, 404, 410, 415, 451] {
            check(code, "{}", Class::Never);
        }
        for code in [408, 500, 502, 503, 504] {
            check(code, "<html>", Class::Retry);
        }
        check(409, r#"{"message":"Git Repository is empty."}"#, Class::Reread);
        check(412, "", Class::Reread);
        check(
            422,
            r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for a:b."}]}"#,
            Class::Reread,
        );
        check(422, r#"{"message":"Reference already exists"}"#, Class::Reread);
        check(422, r#"{"message":"Update is not a fast forward"}"#, Class::Reread);
        check(
            422,
            r#"{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing_field"}]}"#,
            Class::Never,
        );
    }

    #[test]
    fn an_error_says_what_github_said() {
        let error = status(
            422,
            r#"{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing_field"},"x",7]}"#,
        );
        assert_eq!(
            error.to_string(),
            "create pull request: GitHub answered 422: Validation Failed (Issue title missing_field; x)"
        );
        assert_eq!(status(502, "<html>").to_string(), "create pull request: GitHub answered 502");
        assert!(status(404, "{}").is_missing());
        assert!(!status(403, "{}").is_missing());
    }

    #[test]
    fn an_answer_that_repeats_a_token_does_not_bring_it_into_an_error() {
        let error = status(
            400,
            r#"{"message":"bad ghs_16C7e42F292c6912E7710c838347Ae178B4a","errors":["https://x:secret@h/"]}"#,
        );
        let text = format!("{error} {error:?}");
        assert!(!text.contains("16C7e42F") && !text.contains("secret"), "{text}");
        assert!(status(400, &format!(r#"{{"message":"{}"}}"#, "é".repeat(1000))).to_string().len() < 500);
    }
}
