//! Splits text into the words by which code is found.
//!
//! A word is a run of letters, digits and underscores, in lower case; an identifier yields itself and its parts, cut at underscores, at a
//! change of case and between letters and digits: `getHTTPResponse2` gives `gethttpresponse2`, `get`, `http`, `response`, `2`.

/// Longer runs are data (hashes, encoded files), not words.
const MAX_WORD: usize = 64;
/// More parts than this no name has.
const MAX_PARTS: usize = 12;

/// Returns the words of a text, in order: each identifier whole, then its parts.
pub fn words(text: &str) -> Vec<String> {
    let mut splitter = Splitter::new(text);
    let mut all = Vec::new();
    let mut word = String::new();
    while splitter.next_into(&mut word) {
        all.push(word.clone());
    }
    all
}

/// Yields one word after the other into a buffer.
pub(super) struct Splitter<'t> {
    text: &'t str,
    at: usize,
    parts: [(usize, usize); MAX_PARTS],
    part_count: usize,
    next_part: usize,
}

impl<'t> Splitter<'t> {
    pub(super) fn new(text: &'t str) -> Splitter<'t> {
        Splitter { text, at: 0, parts: [(0, 0); MAX_PARTS], part_count: 0, next_part: 0 }
    }

    pub(super) fn next_into(&mut self, word: &mut String) -> bool {
        word.clear();
        if self.next_part < self.part_count {
            let (start, end) = self.parts[self.next_part];
            self.next_part += 1;
            lower(&self.text[start..end], word);
            return true;
        }
        while let Some((start, end)) = self.next_run() {
            if end - start > MAX_WORD {
                continue;
            }
            self.cut(start, end);
            lower(&self.text[start..end], word);
            return true;
        }
        false
    }

    /// Finds the next run of word characters that holds a letter or digit, without the underscores around it when that is all there is.
    fn next_run(&mut self) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        loop {
            while self.at < bytes.len() {
                let (is_word, width) = self.class_at(self.at);
                if is_word {
                    break;
                }
                self.at += width;
            }
            if self.at >= bytes.len() {
                return None;
            }
            let start = self.at;
            let mut only_underscores = true;
            while self.at < bytes.len() {
                let (is_word, width) = self.class_at(self.at);
                if !is_word {
                    break;
                }
                only_underscores &= bytes[self.at] == b'_';
                self.at += width;
            }
            if !only_underscores {
                return Some((start, self.at));
            }
        }
    }

    /// Returns whether the character at `at` belongs to a word, and its width in bytes.
    fn class_at(&self, at: usize) -> (bool, usize) {
        let byte = self.text.as_bytes()[at];
        if byte.is_ascii() {
            return (byte.is_ascii_alphanumeric() || byte == b'_', 1);
        }
        match self.text[at..].chars().next() {
            Some(it) => (it.is_alphanumeric(), it.len_utf8()),
            None => (false, 1),
        }
    }

    /// Notes the parts of a word, unless it is its own only part.
    fn cut(&mut self, start: usize, end: usize) {
        self.part_count = 0;
        self.next_part = 0;
        let bytes = self.text.as_bytes();
        let mut from = start;
        for at in start..end {
            let underscore = bytes[at] == b'_';
            if underscore || (at > from && is_boundary(bytes, at, end)) {
                self.push_part(from, at);
                from = if underscore { at + 1 } else { at };
            }
        }
        self.push_part(from, end);
        if self.part_count == 1 && self.parts[0] == (start, end) {
            self.part_count = 0;
        }
    }

    fn push_part(&mut self, start: usize, end: usize) {
        if start < end && self.part_count < MAX_PARTS {
            self.parts[self.part_count] = (start, end);
            self.part_count += 1;
        }
    }
}

/// Returns whether a part begins at `at`: `aB`, the `Bc` of `ABc`, `a1`, `1a`. Other scripts are not cut.
fn is_boundary(bytes: &[u8], at: usize, end: usize) -> bool {
    let (before, here) = (bytes[at - 1], bytes[at]);
    if !before.is_ascii() || !here.is_ascii() {
        return false;
    }
    if here.is_ascii_uppercase() {
        let next_is_lower = at + 1 < end && bytes[at + 1].is_ascii_lowercase();
        return before.is_ascii_lowercase()
            || before.is_ascii_digit()
            || (before.is_ascii_uppercase() && next_is_lower);
    }
    here.is_ascii_digit() != before.is_ascii_digit()
}

fn lower(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_are_found_whole_and_in_parts() {
        let table: &[(&str, &str)] = &[
            ("", ""),
            ("word", "word"),
            ("Two words.", "two words"),
            ("snake_case", "snake_case snake case"),
            ("_private __init__", "_private private __init__ init"),
            ("camelCase", "camelcase camel case"),
            ("HTTPResponse", "httpresponse http response"),
            ("getHTTPResponse2", "gethttpresponse2 get http response 2"),
            ("utf8_decode", "utf8_decode utf 8 decode"),
            ("a.b_c(d)", "a b_c b c d"),
            ("x1", "x1 x 1"),
            ("1.5e10", "1 5e10 5 e 10"),
            ("_ __ ___", ""),
            ("ABC", "abc"),
            ("Größe naïve_x", "größe naïve_x naïve x"),
            ("“quoted” – dash", "quoted dash"),
            ("日本語", "日本語"),
            ("it's", "it s"),
        ];
        for (text, expected) in table {
            assert_eq!(words(text).join(" "), *expected, "{text:?}");
        }
    }

    #[test]
    fn data_is_not_words() {
        assert_eq!(words(&"a".repeat(65)), Vec::<String>::new());
        assert_eq!(words(&"a".repeat(64)).len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_splits_into_lower_case_words(text in "\\PC*|[a-zA-Z0-9_ ]{0,40}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty());
                prop_assert!(word.chars().all(|it| it == '_' || it.is_alphanumeric() || !it.is_ascii()), "{word:?}");
                prop_assert!(!word.bytes().any(|it| it.is_ascii_uppercase()));
            }
        }
    }
}
