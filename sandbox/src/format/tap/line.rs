//! One line of TAP, without its indentation.

use super::Directive;

/// What a line says.
pub(super) enum Line<'a> {
    Point(Point),
    Plan {
        count: usize,
        skip: Option<&'a str>,
    },
    Bail(&'a str),
    /// The end of subtests in braces.
    Close,
    /// The name of the subtests that follow.
    Subtest(&'a str),
    Comment(&'a str),
    Other,
}

pub(super) struct Point {
    pub(super) ok: bool,
    pub(super) number: Option<usize>,
    pub(super) name: String,
    pub(super) directive: Option<(Directive, String)>,
    /// Subtests follow in braces.
    pub(super) opens: bool,
}

pub(super) fn read(line: &str) -> Line<'_> {
    let line = line.trim_end();
    if let Some(comment) = line.strip_prefix('#') {
        let comment = comment.trim();
        return comment.strip_prefix("Subtest:").map_or(Line::Comment(comment), |name| Line::Subtest(name.trim()));
    }
    if let Some(reason) = line.strip_prefix("Bail out!") {
        return Line::Bail(reason.trim());
    }
    if line == "}" {
        return Line::Close;
    }
    if let Some(plan) = line.strip_prefix("1..") {
        return read_plan(plan);
    }
    let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Line::Other,
    };
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return Line::Other;
    }
    Line::Point(read_point(ok, rest.trim_start()))
}

fn read_plan(plan: &str) -> Line<'_> {
    let digits = plan.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = plan.split_at(digits);
    let Ok(count) = count.parse() else { return Line::Other };
    let rest = rest.trim();
    match (rest.is_empty(), rest.strip_prefix('#')) {
        (true, _) => Line::Plan { count, skip: None },
        (false, Some(said)) => {
            let said = said.trim();
            let words = said.split_once(char::is_whitespace).filter(|(word, _)| word.eq_ignore_ascii_case("skip"));
            Line::Plan { count, skip: Some(words.map_or(said, |(_, reason)| reason.trim())) }
        }
        (false, None) => Line::Other,
    }
}

fn read_point(ok: bool, rest: &str) -> Point {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let ends_here = rest[digits..].is_empty() || rest[digits..].starts_with([' ', '\t']);
    let (number, rest) = if digits > 0 && ends_here { rest.split_at(digits) } else { ("", rest) };
    let rest = rest.trim();
    let (rest, opens) = match rest.strip_suffix('{').filter(|before| before.is_empty() || before.ends_with(' ')) {
        Some(before) => (before.trim_end(), true),
        None => (rest, false),
    };
    let (name, directive) = split_directive(rest);
    let name = name.strip_prefix("- ").unwrap_or(if name == "-" { "" } else { name });
    Point {
        ok,
        number: number.parse().ok(),
        name: super::clip(&unescape(name), super::MAX_ID).trim().to_owned(),
        directive,
        opens,
    }
}

/// Splits at the first `#` that is not escaped and begins a directive; what else follows a `#`, like a time, belongs to nobody.
fn split_directive(text: &str) -> (&str, Option<(Directive, String)>) {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        if char == '#' && !escaped {
            let said = text[at + 1..].trim_start();
            if let Some(directive) = directive(said) {
                return (text[..at].trim_end(), Some(directive));
            }
            if said.starts_with("time=") {
                return (text[..at].trim_end(), None);
            }
        }
        escaped = char == '\\' && !escaped;
    }
    (text, None)
}

fn directive(said: &str) -> Option<(Directive, String)> {
    let word = said.split_whitespace().next()?;
    let lower = word.trim_end_matches(':').to_ascii_lowercase();
    // Version 13 takes any word that begins with `skip`.
    let directive = match lower.as_str() {
        "todo" => Directive::Todo,
        _ if lower.starts_with("skip") => Directive::Skip,
        _ => return None,
    };
    let reason = super::clip(said[word.len()..].trim(), super::MAX_MESSAGE);
    Some((directive, unescape(reason)))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some('#' | '\\')) => plain.extend(chars.next()),
            _ => plain.push(char),
        }
    }
    plain
}
