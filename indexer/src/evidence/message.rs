//! Error messages and quoted texts.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::{distinct, pattern};

/// An error or warning with what it said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ErrorMessage {
    /// The class's name, dotted where it was printed so.
    pub kind: String,
    /// The first line of the message; may be empty.
    pub message: String,
}

/// Finds `SomeError: what happened`, anywhere in a line.
pub(super) fn errors(text: &str) -> Vec<ErrorMessage> {
    static ERROR: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"((?:[A-Za-z_]\w*\.){0,8}(?:[A-Z]\w*(?:Error|Exception|Warning|DoesNotExist)|KeyboardInterrupt|StopIteration|SystemExit|DoesNotExist))\b(?:: ?([^\n`]+))?",
        )
    });
    let found = ERROR.captures_iter(text).map(|captures| ErrorMessage {
        kind: captures[1].to_owned(),
        message: captures.get(2).map_or("", |message| message.as_str().trim()).to_owned(),
    });
    distinct(found)
}

/// Finds texts in quotation marks that stay in one line.
pub(super) fn quoted(text: &str) -> Vec<String> {
    static QUOTED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?m)"([^"\n]{3,})"|“([^”\n]{3,200})”|(?:^|[\s(\[=,:])'([^'\n]{3,})'"#));
    let found = QUOTED.captures_iter(text).filter_map(|captures| {
        let inner = captures.iter().skip(1).flatten().next()?;
        Some(inner.as_str().trim().to_owned())
    });
    distinct(found.filter(|text| text.chars().any(char::is_alphabetic)))
}
