//! What an answer tells of limits, in its status, its headers and its text.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;

use crate::clock::http_date;
use crate::error::Limit;

/// The beginning of a body in which the words of a limit are looked for.
const SCANNED: usize = 4096;

/// What an answer tells of limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether the request did what it should.
    pub(crate) success: bool,
    /// The limit that the request met.
    pub(crate) limited: Option<Limit>,
    /// How long to wait, if the answer says it.
    pub(crate) retry_after: Option<Duration>,
    /// How long until the hour of the primary limit is over.
    pub(crate) reset: Option<Duration>,
    /// Requests left in this hour.
    pub(crate) remaining: Option<u64>,
    /// Requests an hour.
    pub(crate) limit: Option<u64>,
    /// What the primary limit is for: `core`, `graphql`, `search`.
    pub(crate) resource: Option<String>,
}

impl Told {
    /// Reads an answer; `now` is our own clock's time, used where the answer has no `Date`.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Told {
        let text = |name: &'static str| headers.get(HeaderName::from_static(name)).and_then(|it| it.to_str().ok());
        let number = |name| text(name).and_then(|it| it.trim().parse::<u64>().ok());
        // Both sides of the difference are GitHub's own time, so that our clock may be wrong.
        let theirs = text("date").and_then(http_date).unwrap_or(now);
        let until = |moment: Timestamp| Duration::try_from(moment.duration_since(theirs)).unwrap_or_default();
        let reset = number("x-ratelimit-reset").and_then(|it| Timestamp::from_second(i64::try_from(it).ok()?).ok());
        let seconds = |it: &str| it.trim().parse().ok().map(Duration::from_secs);
        let retry_after = text("retry-after").and_then(|it| seconds(it).or_else(|| http_date(it).map(until)));
        let mut told = Told {
            success: status.is_success() || status == StatusCode::NOT_MODIFIED,
            limited: None,
            retry_after,
            reset: reset.map(until),
            remaining: number("x-ratelimit-remaining"),
            limit: number("x-ratelimit-limit"),
            resource: text("x-ratelimit-resource").map(str::to_owned),
        };
        told.limited = told.limit_met(status, headers.contains_key("gh-limited-by"), body);
        told
    }

    fn limit_met(&self, status: StatusCode, marked: bool, body: &[u8]) -> Option<Limit> {
        let announced = self.retry_after.is_some() || marked;
        match status {
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                let head = String::from_utf8_lossy(&body[..body.len().min(SCANNED)]).to_ascii_lowercase();
                let secondary = head.contains("secondary rate limit") || head.contains("abuse detection");
                let primary = self.remaining == Some(0) || head.contains("api rate limit exceeded");
                let limited = announced || secondary || primary || status == StatusCode::TOO_MANY_REQUESTS;
                match primary && !secondary && !marked {
                    _ if !limited => None,
                    true => Some(Limit::Primary),
                    false => Some(Limit::Secondary),
                }
            }
            // An overloaded server that says when to come back is waited for as well.
            StatusCode::SERVICE_UNAVAILABLE if self.retry_after.is_some() => Some(Limit::Secondary),
            _ => None,
        }
    }
}
