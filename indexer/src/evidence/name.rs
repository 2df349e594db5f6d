//! Identifiers named in an issue.

use std::sync::LazyLock;

use regex::Regex;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{CodeBlock, MAX_ITEMS, pattern};

/// An identifier and where it was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// The identifier, dotted where it was written so.
    pub text: String,
    /// Where it was named.
    pub places: Places,
    /// How often.
    pub count: u32,
}

/// The places in which a name occurs; what people single out says more than what an example happens to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Places {
    /// In the title.
    pub title: bool,
    /// Between backticks.
    pub backticks: bool,
    /// In running text, written as only identifiers are.
    pub prose: bool,
    /// In code.
    pub code: bool,
}

/// Collects identifiers from the title, the prose and the code.
pub(super) fn names(title: &str, prose: &str, code: &[CodeBlock]) -> Vec<Name> {
    let mut found = Found::default();
    found.scan(title, |places| places.title = true);
    found.scan(prose, |places| places.prose = true);
    for block in code {
        for call in &block.calls {
            found.add(call, |places| places.code = true);
        }
        for import in &block.imports {
            found.add(&import.path, |places| places.code = true);
        }
        for word in WORD.find_iter(&block.text).map(|word| word.as_str()) {
            found.add(word, |places| places.code = true);
        }
    }
    found.names
}

static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,8}"));

#[derive(Default)]
struct Found {
    names: Vec<Name>,
    by_text: FxHashMap<String, usize>,
}

impl Found {
    fn scan(&mut self, text: &str, mark: impl Fn(&mut Places) + Copy) {
        static BACKTICKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"`{1,2}([^`\n]+)`{1,2}"));
        for captures in BACKTICKS.captures_iter(text) {
            for word in WORD.find_iter(&captures[1]) {
                self.add(word.as_str(), |places| {
                    places.backticks = true;
                    mark(places);
                });
            }
        }
        for word in WORD.find_iter(&BACKTICKS.replace_all(text, " ")) {
            if looks_like_code(word.as_str()) {
                self.add(word.as_str(), mark);
            }
        }
        static CALLED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([A-Za-z_]\w+)\("));
        for captures in CALLED.captures_iter(text) {
            self.add(&captures[1], mark);
        }
    }

    fn add(&mut self, text: &str, mark: impl Fn(&mut Places)) {
        if text.len() < 2 || is_noise(text) {
            return;
        }
        let at = match self.by_text.get(text) {
            Some(at) => *at,
            None if self.names.len() >= 4 * MAX_ITEMS => return,
            None => {
                self.names.push(Name { text: text.to_owned(), places: Places::default(), count: 0 });
                self.by_text.insert(text.to_owned(), self.names.len() - 1);
                self.names.len() - 1
            }
        };
        self.names[at].count += 1;
        mark(&mut self.names[at].places);
    }
}

/// Judges a word of running text: dotted, snake_case, CamelCase and dunder names are code, plain words are not.
fn looks_like_code(word: &str) -> bool {
    let file =
        [".py", ".rst", ".com", ".org", ".html", ".txt", ".cfg", ".toml", ".io"].iter().any(|end| word.ends_with(end));
    let abbreviation = matches!(word, "e.g" | "i.e" | "etc.etc");
    // A full stop without a space behind it joins two sentences.
    let dotted = word.split('.').count() > 1 && word.split('.').skip(1).all(|part| !is_sentence_start(part));
    let humps = word.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let snake = word.trim_matches('_').contains('_') || (word.starts_with('_') && word.len() > 2);
    !file && !abbreviation && (dotted || humps || snake)
}

fn is_sentence_start(part: &str) -> bool {
    matches!(
        part,
        "The"
            | "This"
            | "It"
            | "If"
            | "In"
            | "I"
            | "When"
            | "So"
            | "But"
            | "And"
            | "A"
            | "For"
            | "There"
            | "We"
            | "That"
    )
}

fn is_noise(text: &str) -> bool {
    matches!(
        text,
        "self"
            | "cls"
            | "None"
            | "True"
            | "False"
            | "def"
            | "class"
            | "return"
            | "import"
            | "from"
            | "for"
            | "in"
            | "if"
            | "else"
            | "elif"
            | "while"
            | "with"
            | "as"
            | "not"
            | "and"
            | "or"
            | "is"
            | "try"
            | "except"
            | "finally"
            | "raise"
            | "lambda"
            | "pass"
            | "yield"
            | "assert"
            | "print"
            | "the"
            | "to"
            | "of"
            | "python"
            | "GitHub"
            | "http"
            | "https"
            | "del"
            | "global"
            | "break"
            | "continue"
    )
}
