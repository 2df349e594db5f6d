//! Refusals that were recorded of the real GitHub: limits, tokens, duplicates.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

use super::clock::{Clock, http_date};

const RECORDINGS: &str = include_str!("../../fixtures/github/recordings.json");

/// One recorded answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, with templates for times.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    response: Answer,
}

fn all() -> Result<&'static BTreeMap<String, Vec<Exchange>>> {
    static ALL: OnceLock<Result<BTreeMap<String, Vec<Exchange>>, String>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(RECORDINGS).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| anyhow!("the recordings cannot be read: {error}"))
}

/// Returns the names of all recordings, `AbuseLimitHandlerTest/testHandler_Wait`.
pub fn names() -> Result<Vec<&'static str>> {
    Ok(all()?.keys().map(String::as_str).collect())
}

/// Returns the n-th answer of a recording (the last one again after that), with its times filled in.
pub fn answer(name: &str, n: usize, clock: &Clock) -> Result<Answer> {
    let exchanges = all()?.get(name).with_context(|| format!("there is no recording `{name}`"))?;
    let exchange = exchanges.get(n).or(exchanges.last()).with_context(|| format!("recording `{name}` is empty"))?;
    let mut answer = exchange.response.clone();
    for value in answer.headers.values_mut() {
        *value = filled(value, clock.now());
    }
    answer.body = filled(&answer.body, clock.now());
    Ok(answer)
}

/// Replaces `{{now offset='3 seconds' format='unix'}}` and the like.
fn filled(text: &str, now: i64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((template, after)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let option = |name: &str| template.split_once(&format!("{name}='")).and_then(|(_, it)| it.split('\'').next());
        let offset = option("offset").and_then(|it| it.split(' ').next()?.parse::<i64>().ok()).unwrap_or(0);
        match option("format") {
            Some("unix") => out.push_str(&(now + offset).to_string()),
            _ => out.push_str(&http_date(now + offset)),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_with_the_test() {
        assert_eq!(filled("{{now offset='3 seconds' format='unix'}}", 100), "103");
        assert_eq!(filled("a{{testStartDate timezone='GMT' format='EEE'}}b", 0), "aThu, 01 Jan 1970 00:00:00 GMTb");
        assert_eq!(filled("plain {{ text", 1), "plain {{ text");
    }

    #[test]
    fn every_recording_has_a_refusal() {
        assert!(names().unwrap().len() > 20);
        for name in names().unwrap() {
            assert!(answer(name, 0, &Clock::default()).unwrap().status >= 400, "{name}");
        }
    }
}
