//! Takes what looks like a token out of texts that are about to be shown, and cuts texts to a size.

use std::borrow::Cow;

/// How GitHub's tokens and JSON web tokens begin.
const PREFIXES: [&str; 8] = ["ghs_", "ghp_", "gho_", "ghu_", "ghr_", "github_pat_", "eyJ", "v1."];
/// The shortest run that is taken for a token.
const SHORTEST: usize = 16;

/// Replaces tokens, and what stands before the `@` of an address, by a word.
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|it: char| !is_part(it)).unwrap_or(rest.len());
        if run == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(run);
        out.push_str(&without_token(word));
        rest = after;
    }
    without_credentials(&out)
}

fn is_part(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.')
}

fn without_token(word: &str) -> Cow<'_, str> {
    let start = PREFIXES.iter().filter_map(|prefix| word.find(prefix)).min();
    match start {
        Some(start) if word.len() - start >= SHORTEST => Cow::Owned(format!("{}[redacted]", &word[..start])),
        _ => Cow::Borrowed(word),
    }
}

/// Takes `user:password@` out of addresses.
fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let end = part.find(|it: char| it == '/' || it.is_whitespace()).unwrap_or(part.len());
        match part[..end].rfind('@') {
            Some(at) => {
                out.push_str("[redacted]");
                out.push_str(&part[at..]);
            }
            None => out.push_str(part),
        }
    }
    out
}

/// Cuts a text to a number of bytes at the border of a character, and shows that it was cut.
pub fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
    const MARK: &str = "\u{2026}";
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(bytes.saturating_sub(MARK.len()));
    match bytes < MARK.len() {
        true => Cow::Borrowed(&text[..text.floor_char_boundary(bytes)]),
        false => Cow::Owned(format!("{}{MARK}", &text[..end])),
    }
}

/// Cuts a text to a number of characters, and shows that it was cut.
pub(crate) fn cut_chars(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(chars.saturating_sub(1)).chain(['\u{2026}']).collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_of_every_form_are_taken_out() {
        let check = |text: &str, expected: &str| assert_eq!(redact(text), expected);
        check("plain words, issue #7 at a/b", "plain words, issue #7 at a/b");
        check("token ghs_16C7e42F292c6912E7710c838347Ae178B4a.", "token [redacted]");
        check("Bearer eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjF9.abc-_d x", "Bearer [redacted] x");
        check("x-ghs_12345_eyJhbGciOiJSUzI1NiJ9.eyJp", "x-[redacted]");
        check("https://x-access-token:hunter2@github.com/a/b", "https://[redacted]@github.com/a/b");
        check("https://github.com/a/b and c@d", "https://github.com/a/b and c@d");
        check("version v1.2 and ghs_", "version v1.2 and ghs_");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcdef", 5), "ab\u{2026}");
        assert_eq!(cut("\u{e9}\u{e9}\u{e9}\u{e9}", 7), "\u{e9}\u{e9}\u{2026}");
        assert_eq!(cut("abcdef", 2), "ab");
        assert_eq!(cut_chars("\u{e9}\u{e9}\u{e9}", 3), "\u{e9}\u{e9}\u{e9}");
        assert_eq!(cut_chars("\u{e9}\u{e9}\u{e9}\u{e9}", 3), "\u{e9}\u{e9}\u{2026}");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,40}", bytes in 0usize..50) {
            prop_assert!(cut(&text, bytes).len() <= bytes);
            prop_assert!(cut_chars(&text, bytes).chars().count() <= bytes.max(1));
            let _ = redact(&text);
        }
    }
}
