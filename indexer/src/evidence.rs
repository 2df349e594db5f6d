//! What an issue says that can be looked up: stack frames, paths, names, error messages, quoted texts, code, versions.
//!
//! The text is untrusted data: it is only ever matched, by regular expressions whose time is linear, and every list has a cap. Which file a
//! frame or a name belongs to is decided in [`crate::localize`].

mod code;
mod frame;
mod message;
mod name;

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

pub use code::{CodeBlock, Example, Import};
pub use frame::{Frame, PathMention};
pub use message::ErrorMessage;
pub use name::{Name, Places};

use crate::IssueText;

/// The longest list of one sort of evidence.
const MAX_ITEMS: usize = 500;

/// Everything found in an issue, each list in order of appearance and without repetitions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Frames of tracebacks, outermost call first within each.
    pub frames: Vec<Frame>,
    /// Files named anywhere, frames included.
    pub paths: Vec<PathMention>,
    /// Identifiers, dotted ones whole.
    pub names: Vec<Name>,
    /// Errors and warnings with their messages.
    pub errors: Vec<ErrorMessage>,
    /// Texts in quotation marks.
    pub quoted: Vec<String>,
    /// Code: fenced, indented or typed at a prompt.
    pub code: Vec<CodeBlock>,
    /// What was typed at a prompt and what it answered.
    pub examples: Vec<Example>,
    /// Versions of this or that package, as `name 1.2.3` or `1.2.3`.
    pub versions: Vec<String>,
}

impl Evidence {
    /// Returns whether the issue names nothing at all, so that only its words can be matched.
    pub fn is_empty(&self) -> bool {
        self == &Evidence::default()
    }
}

/// Collects the evidence in an issue.
///
/// ```
/// use indexer::{IssueText, evidence};
/// let issue = IssueText::parse("`QuerySet.update` fails\n  File \"db/query.py\", line 7, in update\nValueError: no rows");
/// let evidence = evidence::extract(&issue);
/// assert_eq!(evidence.frames[0].line, 7);
/// assert_eq!(evidence.names[0].text, "QuerySet.update");
/// assert_eq!(evidence.errors[0].message, "no rows");
/// ```
pub fn extract(issue: &IssueText) -> Evidence {
    let code = code::blocks(&issue.body);
    let prose = code::without_blocks(&issue.body);
    let text = format!("{}\n{}", issue.title, issue.body);
    Evidence {
        frames: frame::frames(&issue.body),
        paths: frame::paths(&text),
        names: name::names(&issue.title, &prose, &code),
        errors: message::errors(&text),
        quoted: message::quoted(&format!("{}\n{prose}", issue.title)),
        examples: code::examples(&issue.body),
        versions: versions(&text),
        code,
    }
}

fn versions(text: &str) -> Vec<String> {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(?:([a-z][a-z0-9_\-]+)(?: version)?[ :=]{1,4})?v?(\d{1,4}(?:\.\d{1,6}){1,3}(?:\.?(?:dev|rc|a|b|post)\d*)?)\b",
        )
    });
    const PREPOSITIONS: &[&str] =
        &["after", "at", "before", "between", "from", "in", "since", "than", "to", "until", "version", "with"];
    let found = VERSION.captures_iter(text).map(|captures| match captures.get(1) {
        Some(name) if !PREPOSITIONS.contains(&name.as_str().to_lowercase().as_str()) => {
            format!("{} {}", name.as_str().to_lowercase(), &captures[2])
        }
        _ => captures[2].to_owned(),
    });
    distinct(found)
}

/// Keeps the first of equal items, and at most [`MAX_ITEMS`].
fn distinct<T: Clone + Eq + std::hash::Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = rustc_hash::FxHashSet::default();
    // The bound on what is looked at keeps a flood of repetitions from costing more than a flood of news.
    items.take(20 * MAX_ITEMS).filter(|item| seen.insert(item.clone())).take(MAX_ITEMS).collect()
}

/// Compiles a pattern of this module; each is run by a test.
fn pattern(text: &'static str) -> Regex {
    match Regex::new(text) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern {text} is constant and tested: {error}"),
    }
}

#[cfg(test)]
mod tests;
