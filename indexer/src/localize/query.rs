//! Turns an issue into weighted words.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::IssueText;
use crate::evidence::Evidence;
use crate::text;

/// The words of an issue with their weights, in alphabetical order.
pub(super) struct Words {
    /// All words.
    pub(super) all: Vec<(String, f32)>,
    /// Those of the title.
    pub(super) title: Vec<(String, f32)>,
}

/// How much a word counts by where it stands; more occurrences count less and less.
const TITLE: f32 = 2.0;
const PROSE: f32 = 1.0;
const CODE: f32 = 0.5;
const TRACEBACK: f32 = 0.25;
/// What another form of a word counts (`permission` where the issue says `permissions`).
const OTHER_FORM: f32 = 0.4;
/// Very long issues are mostly logs; the words that stand out come early or often.
const MAX_WORDS: usize = 400;

impl Words {
    pub(super) fn new(issue: &IssueText, evidence: &Evidence) -> Words {
        // Source lines below frames look like indented code, so tracebacks are taken out first.
        let (rest, traceback) = split_traceback(&issue.body_without_environment());
        let in_code = lines_of(evidence);
        let is_code = |line: &&str| in_code.contains(line.trim().trim_start_matches(['>', '.']).trim_start());
        let (code, prose): (Vec<&str>, Vec<&str>) = rest.lines().partition(is_code);
        let (code, prose) = (code.join("\n"), prose.join("\n"));
        let mut weights: BTreeMap<String, f32> = BTreeMap::new();
        let parts = [(issue.title.as_str(), TITLE), (&prose, PROSE), (&code, CODE), (&traceback, TRACEBACK)];
        for (text, weight) in parts {
            for (word, count) in counted(text) {
                *weights.entry(word).or_default() += weight * (1.0 + (count as f32).ln()).min(3.0);
            }
        }
        let mut all: Vec<(String, f32)> = with_other_forms(weights).into_iter().collect();
        // By weight, then by word, to cut; then by word again.
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(MAX_WORDS);
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let title = counted(&issue.title).into_keys().map(|word| (word, 1.0)).collect();
        Words { all, title: with_other_forms(title).into_iter().collect() }
    }

    /// Returns the words of `text` that the issue has too, those that weigh most first.
    pub(super) fn shared(&self, text: &str, limit: usize) -> Vec<&str> {
        let mut shared: Vec<&(String, f32)> = text::words(text)
            .iter()
            .filter_map(|word| self.all.binary_search_by(|it| it.0.as_str().cmp(word)).ok())
            .map(|at| &self.all[at])
            .collect();
        shared.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        shared.dedup_by(|a, b| a.0 == b.0);
        shared.truncate(limit);
        shared.into_iter().map(|it| it.0.as_str()).collect()
    }
}

/// The lines of all code blocks; shorter ones are brackets.
fn lines_of(evidence: &Evidence) -> FxHashSet<&str> {
    evidence.code.iter().flat_map(|block| block.text.lines()).map(str::trim).filter(|line| line.len() > 3).collect()
}

/// Takes traceback lines (frames and the source lines below them) out of a text.
fn split_traceback(text: &str) -> (String, String) {
    let (mut rest, mut traceback) = (String::new(), String::new());
    let mut below_frame = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let frame = trimmed.starts_with("File \"") || trimmed.starts_with("Traceback (") || is_ipython_line(trimmed);
        let out = if frame || below_frame { &mut traceback } else { &mut rest };
        out.push_str(line);
        out.push('\n');
        below_frame = frame && trimmed.starts_with("File \"");
    }
    (rest, traceback)
}

/// `     37     code` and `---> 38     code`, or the head of such a listing.
fn is_ipython_line(line: &str) -> bool {
    let line = line.trim_start_matches(['-', '>', ' ']);
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..7).contains(&digits) && line[digits..].starts_with(' ');
    numbered || (line.starts_with(['/', '~']) && line.contains(" in "))
}

fn counted(text: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for word in text::words(text) {
        if word.len() > 1 && !is_stop_word(&word) && !word.bytes().all(|byte| byte.is_ascii_digit()) {
            *counts.entry(word).or_default() += 1;
        }
    }
    counts
}

fn with_other_forms(weights: BTreeMap<String, f32>) -> BTreeMap<String, f32> {
    let mut all = weights.clone();
    for (word, weight) in &weights {
        for form in other_forms(word) {
            // A form that the issue uses itself keeps its own weight.
            if !weights.contains_key(&form) {
                let known = all.entry(form).or_default();
                *known = known.max(weight * OTHER_FORM);
            }
        }
    }
    all
}

/// Plural and verb endings of English, wrong ones included: a form that occurs nowhere costs nothing.
fn other_forms(word: &str) -> Vec<String> {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Vec::new();
    }
    let mut forms = Vec::new();
    let mut stems = Vec::new();
    for (ending, replacement) in
        [("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e")]
    {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() >= 3
            && !(ending == "s" && stem.ends_with('s'))
        {
            stems.push(format!("{stem}{replacement}"));
        }
    }
    if stems.is_empty() {
        forms.push(format!("{word}s"));
        forms.push(format!("{word}ed"));
        forms.push(format!("{word}ing"));
        if let Some(stem) = word.strip_suffix('e') {
            forms.push(format!("{stem}ing"));
            forms.push(format!("{word}d"));
        }
    }
    forms.append(&mut stems);
    forms
}

fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Words that say nothing about a place in code; sorted.
const STOP_WORDS: &[&str] = &[
    "about",
    "above",
    "actual",
    "actually",
    "after",
    "again",
    "all",
    "also",
    "always",
    "am",
    "an",
    "and",
    "another",
    "any",
    "anyone",
    "anything",
    "are",
    "aren",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "behavior",
    "behaviour",
    "being",
    "below",
    "between",
    "both",
    "bug",
    "but",
    "by",
    "call",
    "can",
    "cannot",
    "could",
    "couldn",
    "currently",
    "def",
    "did",
    "didn",
    "do",
    "does",
    "doesn",
    "doing",
    "don",
    "done",
    "each",
    "either",
    "else",
    "etc",
    "even",
    "every",
    "example",
    "expect",
    "expected",
    "few",
    "file",
    "following",
    "for",
    "from",
    "further",
    "get",
    "gets",
    "getting",
    "give",
    "gives",
    "had",
    "has",
    "hasn",
    "have",
    "having",
    "he",
    "hello",
    "help",
    "her",
    "here",
    "hi",
    "his",
    "how",
    "however",
    "http",
    "https",
    "if",
    "import",
    "in",
    "instead",
    "into",
    "is",
    "isn",
    "issue",
    "it",
    "its",
    "itself",
    "just",
    "know",
    "last",
    "let",
    "like",
    "line",
    "ll",
    "look",
    "looks",
    "made",
    "make",
    "makes",
    "many",
    "may",
    "maybe",
    "me",
    "might",
    "more",
    "most",
    "much",
    "must",
    "my",
    "need",
    "needs",
    "never",
    "no",
    "none",
    "nor",
    "not",
    "now",
    "of",
    "off",
    "on",
    "once",
    "one",
    "only",
    "or",
    "other",
    "our",
    "out",
    "over",
    "own",
    "please",
    "possible",
    "print",
    "probably",
    "problem",
    "py",
    "python",
    "rather",
    "re",
    "really",
    "recent",
    "report",
    "reported",
    "same",
    "say",
    "see",
    "seem",
    "seems",
    "self",
    "she",
    "should",
    "shouldn",
    "since",
    "so",
    "some",
    "someone",
    "something",
    "still",
    "such",
    "take",
    "than",
    "thank",
    "thanks",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "things",
    "think",
    "this",
    "those",
    "though",
    "through",
    "to",
    "too",
    "traceback",
    "tried",
    "try",
    "trying",
    "two",
    "under",
    "unfortunately",
    "until",
    "up",
    "use",
    "used",
    "uses",
    "using",
    "ve",
    "very",
    "want",
    "was",
    "wasn",
    "way",
    "we",
    "well",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whole",
    "why",
    "will",
    "with",
    "without",
    "won",
    "work",
    "working",
    "works",
    "would",
    "wouldn",
    "yes",
    "yet",
    "you",
    "your",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence;

    fn words_of(text: &str) -> Vec<(String, f32)> {
        let issue = IssueText::parse(text);
        Words::new(&issue, &evidence::extract(&issue)).all
    }

    fn weight(all: &[(String, f32)], word: &str) -> f32 {
        all.iter().find(|it| it.0 == word).map_or(0.0, |it| it.1)
    }

    #[test]
    fn stop_words_are_sorted_for_their_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn title_prose_code_and_traceback_weigh_less_and_less() {
        let all = words_of(
            "alpha\nbeta\n```\ngamma(1)\n```\nTraceback (most recent call last):\n  File \"delta.x\", line 1, in f\n    epsilon\n",
        );
        let order = ["alpha", "beta", "gamma", "delta"].map(|word| weight(&all, word));
        assert!(order.is_sorted_by(|a, b| a > b) && order[3] > 0.0, "{order:?}");
        assert_eq!(weight(&all, "epsilon"), weight(&all, "delta"));
    }

    #[test]
    fn repetition_counts_less_and_less() {
        let all = words_of("t\nonce often often often often often often often often often often often");
        assert_eq!((weight(&all, "often"), weight(&all, "once")), (3.0, 0.0));
    }

    #[test]
    fn other_forms_are_asked_for_too() {
        let all = words_of("t\npermissions caching");
        assert_eq!(weight(&all, "permission"), OTHER_FORM);
        assert_eq!(weight(&all, "cache"), OTHER_FORM);
        let shared = Words::new(&IssueText::parse("caches rows"), &Evidence::default());
        assert_eq!(shared.shared("def cache_rows(rows)", 5), ["rows", "cache"]);
    }
}
