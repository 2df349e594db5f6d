//! The text of an issue, cleaned of what says nothing about the fault.
//!
//! Issue trackers wrap the reporter's words in templates: comments that are never shown, headings everybody shares, checklists. All of that
//! would match code as readily as the report itself does. What the words mean is left to [`crate::evidence`].

use serde::Serialize;

/// The largest text that is looked at; the rest is cut off. Longer issues are pasted logs.
const MAX_BYTES: usize = 256 * 1024;
/// The longest line; matching may take time quadratic in a line, never in the text.
const MAX_LINE: usize = 8 * 1024;
/// The largest title; a longer first line is kept in the body too.
const MAX_TITLE: usize = 300;

/// Headings of issue templates, lower case, without `#`, `*` and closing `:`.
const BOILERPLATE: &[&str] = &[
    "a clear and concise description of what the bug is",
    "actual behavior",
    "actual behaviour",
    "actual outcome",
    "actual result",
    "actual results",
    "additional context",
    "additional information",
    "anything else we need to know",
    "bug description",
    "bug report",
    "bug summary",
    "checklist",
    "code for reproduction",
    "command used",
    "configuration",
    "current behavior",
    "current behaviour",
    "describe alternatives you've considered",
    "describe the bug",
    "describe the solution you'd like",
    "description",
    "expected behavior",
    "expected behaviour",
    "expected outcome",
    "expected result",
    "expected results",
    "feature request",
    "how to reproduce",
    "is your feature request related to a problem? please describe",
    "issue",
    "mcve code sample",
    "minimal complete verifiable example",
    "observed behavior",
    "observed behaviour",
    "problem",
    "problem description",
    "proposed fix",
    "proposed new feature or change",
    "pylint output",
    "relevant log output",
    "reproducer",
    "reproduction",
    "reproduction steps",
    "screenshots",
    "steps to reproduce",
    "steps/code to reproduce",
    "suggested improvement",
    "summary",
    "to reproduce",
    "what did you expect to happen",
    "what happened",
    "what you expected to happen",
    "your project",
];

/// Headings of sections that describe the reporter's machine.
const ENVIRONMENT: &[&str] = &[
    "environment",
    "environment info",
    "matplotlib version",
    "operating system",
    "os / environment",
    "output of xr.show_versions()",
    "pylint version",
    "python version",
    "sphinx version",
    "system details",
    "system info",
    "system information",
    "version",
    "versions",
];

/// The title and the body of an issue.
///
/// ```
/// use indexer::IssueText;
/// let issue = IssueText::parse("# update() drops rows\r\n\r\n<!-- read this first -->\r\n### Describe the bug\r\nCall it twice.");
/// assert_eq!((issue.title.as_str(), issue.body.as_str()), ("update() drops rows", "Call it twice."));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IssueText {
    /// The first heading or line, without heading marks.
    pub title: String,
    /// Everything below the title, without comments, template headings and checklists.
    pub body: String,
}

impl IssueText {
    /// Parses the text of an issue as people write it: a title line, then Markdown or plain text.
    pub fn parse(text: &str) -> IssueText {
        let text = cut_to(text, MAX_BYTES).replace("\r\n", "\n").replace('\r', "\n");
        let text = without_comments(&text);
        let mut title = String::new();
        let mut body = String::with_capacity(text.len());
        let mut fence = Fence::default();
        for line in text.lines() {
            let line = cut_to(line, MAX_LINE);
            if fence.inside_after(line) {
                push_line(&mut body, line);
            } else if title.is_empty() {
                let whole = heading_text(line);
                if is_template(line) || whole.is_empty() {
                    continue;
                }
                title = cut_to(whole, MAX_TITLE).trim_end().to_owned();
                if title.len() < whole.len() {
                    push_line(&mut body, line);
                }
            } else if !is_template(line) {
                push_line(&mut body, line);
            }
        }
        IssueText { title, body: body.trim().to_owned() }
    }

    /// Returns whether nothing is left to look for.
    pub fn is_empty(&self) -> bool {
        !self.title.chars().chain(self.body.chars()).any(char::is_alphanumeric)
    }

    /// Returns the body without the sections that describe the reporter's machine.
    pub fn body_without_environment(&self) -> String {
        let mut kept = String::with_capacity(self.body.len());
        let mut fence = Fence::default();
        let mut skipping = false;
        for line in self.body.lines() {
            let in_code = fence.inside_after(line);
            if !in_code && is_heading(line) {
                skipping = is_environment(line);
            } else if !in_code && line.trim_start().starts_with("<details") {
                skipping = line.contains("version") || line.contains("Version");
            } else if !in_code && line.contains("</details>") {
                skipping = false;
            }
            if !skipping {
                push_line(&mut kept, line);
            }
        }
        kept
    }
}

/// Whether the lines so far left a code fence open.
#[derive(Default)]
pub(crate) struct Fence {
    open: Option<String>,
}

impl Fence {
    /// Takes the next line; returns whether it belongs to a fenced block (its marks included).
    pub(crate) fn inside_after(&mut self, line: &str) -> bool {
        let trimmed = line.trim_start();
        match &self.open {
            Some(mark) => {
                if trimmed.starts_with(mark.as_str()) {
                    self.open = None;
                }
                true
            }
            None => {
                let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
                // A fence that closes on its own line is inline code.
                self.open = mark.filter(|mark| !trimmed[mark.len()..].contains(mark)).map(str::to_owned);
                self.open.is_some()
            }
        }
    }
}

/// Returns the longest prefix of at most `limit` bytes that ends between two characters.
pub(crate) fn cut_to(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        let (before, comment) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = comment.find("-->") else {
            // An unclosed comment hides the rest in a browser, but losing a report is worse than reading one comment.
            out.push_str(&comment[4..]);
            return out;
        };
        rest = &comment[end + 3..];
    }
    out.push_str(rest);
    out
}

fn heading_text(line: &str) -> &str {
    line.trim().trim_start_matches('#').trim().trim_matches('*').trim()
}

fn is_heading(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('#') || (line.len() > 4 && line.starts_with("**") && line.trim_end_matches(':').ends_with("**"))
}

fn heading_key(line: &str) -> String {
    let text = line.trim().trim_matches(|c: char| matches!(c, '#' | '*' | ':' | '.' | '?' | '_' | ' ' | '\t'));
    cut_to(text, 80).to_lowercase()
}

fn is_environment(line: &str) -> bool {
    ENVIRONMENT.binary_search(&heading_key(line).as_str()).is_ok()
}

fn is_template(line: &str) -> bool {
    let trimmed = line.trim();
    let item = trimmed.trim_start_matches(['-', '*', ' ']);
    let checkbox = item.len() < trimmed.len() && ["[ ]", "[x]", "[X]"].iter().any(|mark| item.starts_with(mark));
    let modified = trimmed.starts_with("(last modified by ") && trimmed.ends_with(')');
    let rule = trimmed.len() > 2 && trimmed.bytes().all(|byte| matches!(byte, b'-' | b'_' | b'*'));
    checkbox || modified || rule || BOILERPLATE.binary_search(&heading_key(line).as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, title: &str, body: &str) {
        let issue = IssueText::parse(text);
        assert_eq!((issue.title.as_str(), issue.body.as_str()), (title, body), "of {text:?}");
    }

    #[test]
    fn the_word_lists_are_sorted_for_their_search() {
        assert!(BOILERPLATE.is_sorted());
        assert!(ENVIRONMENT.is_sorted());
    }

    #[test]
    fn the_first_heading_or_line_is_the_title() {
        check("Rows vanish\nafter save()", "Rows vanish", "after save()");
        check("\n\n## Rows vanish ##\n\nbody\n", "Rows vanish ##", "body");
        check("**Rows vanish**\nbody", "Rows vanish", "body");
        check("only a title", "only a title", "");
        check("### Describe the bug\nRows vanish\nmore", "Rows vanish", "more");
    }

    #[test]
    fn templates_and_comments_are_dropped() {
        check("T\r\n<!-- thanks!\r\n for reporting -->\r\nreal words", "T", "real words");
        check("T\n**Expected behavior**:\nworks\n- [x] I searched\n* [ ] not this", "T", "works");
        check("T\nDescription\n\t\n(last modified by Some Body)\nreal", "T", "real");
        check("T\nan <!-- unclosed comment", "T", "an  unclosed comment");
    }

    #[test]
    fn code_keeps_what_looks_like_a_template() {
        check("T\n```\n# Description\n- [x] item\n```\n", "T", "```\n# Description\n- [x] item\n```");
        check("T\n```x``` inline\n# Description\nreal", "T", "```x``` inline\nreal");
    }

    #[test]
    fn a_long_first_line_is_cut_in_the_title_only() {
        let long = "ü".repeat(400);
        let issue = IssueText::parse(&long);
        assert_eq!(issue.title.chars().count(), 150);
        assert_eq!(issue.body, long);
        assert!(IssueText::parse(&"word ".repeat(200_000)).body.len() <= MAX_BYTES);
    }

    #[test]
    fn empty_issues_are_seen() {
        for text in ["", "\n\r\n", "<!-- a -->", "### Describe the bug\n### Expected behavior", "---\n", "!?"] {
            assert!(IssueText::parse(text).is_empty(), "{text:?}");
        }
        assert!(!IssueText::parse("x").is_empty());
    }

    #[test]
    fn environment_sections_can_be_left_out() {
        let issue = IssueText::parse("T\nreal\n### Versions\nnumpy 1.2\n### More\nalso real\n**System info**\nLinux");
        assert_eq!(issue.body_without_environment(), "real\n### More\nalso real\n");
    }

    proptest! {
        #[test]
        fn any_text_parses(text in "(?s).{0,200}", marks in "([#*`<!\\-> \\n\\r\\[x\\]a]){0,80}") {
            for text in [&text, &marks] {
                let issue = IssueText::parse(text);
                prop_assert!(issue.title.len() <= MAX_TITLE);
                let _ = issue.body_without_environment();
            }
        }
    }
}
