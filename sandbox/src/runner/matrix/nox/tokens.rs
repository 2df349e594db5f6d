//! Python's text as logical lines of tokens: as much of the language as a list of calls needs, and no grammar.

use std::ops::Range;

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it is in the text.
    pub(super) at: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name(String),
    /// A string.
    Str(Literal),
    /// A bracket, an operator or a digit: one byte.
    Sign(u8),
}

/// A string as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    /// Its prefix, in lower case: `f`, `r`, `b`, …
    pub(super) prefix: String,
    /// What is between its quotes.
    pub(super) inner: Range<usize>,
}

/// A statement, or the head of one that has a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// How far it is indented.
    pub(super) indent: usize,
    /// Its number, counted from 1.
    pub(super) number: usize,
    pub(super) tokens: Vec<Token>,
}

impl Token {
    /// Returns whether it is this sign.
    pub(super) fn is(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Returns whether it is this name or keyword.
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Name(found) if found == name)
    }

    /// Returns it as a name.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Name(name) => Some(name),
            Kind::Str(_) | Kind::Sign(_) => None,
        }
    }
}

/// Returns the logical lines of a text. What is no Python gives tokens all the same.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line { indent: 0, number: 1, tokens: Vec::new() };
    let (mut at, mut number, mut depth, mut start) = (0, 1, 0_usize, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let first = at;
        match bytes[at] {
            b'\n' => {
                at += 1;
                number += 1;
                if depth == 0 {
                    finish(&mut lines, &mut line);
                    start = at;
                }
                continue;
            }
            b'#' => {
                at = end_of_line(bytes, at);
                continue;
            }
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => {
                at += 2;
                number += 1;
                continue;
            }
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            _ => {}
        }
        if line.tokens.is_empty() {
            (line.indent, line.number) = (at - start, number);
        }
        let kind = match bytes[at] {
            byte if is_word(byte) && !byte.is_ascii_digit() => {
                at += bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                match literal(bytes, first, at) {
                    Some((literal, end)) => {
                        at = end;
                        Kind::Str(literal)
                    }
                    None => Kind::Name(text[first..at].to_owned()),
                }
            }
            byte => match literal(bytes, at, at) {
                Some((literal, end)) => {
                    at = end;
                    Kind::Str(literal)
                }
                None => {
                    at += 1;
                    match byte {
                        b'(' | b'[' | b'{' => depth += 1,
                        b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    Kind::Sign(byte)
                }
            },
        };
        number += bytes[first..at].iter().filter(|byte| **byte == b'\n').count();
        line.tokens.push(Token { kind, at: first..at });
    }
    finish(&mut lines, &mut line);
    lines
}

fn finish(lines: &mut Vec<Line>, line: &mut Line) {
    if !line.tokens.is_empty() {
        lines.push(std::mem::replace(line, Line { indent: 0, number: 0, tokens: Vec::new() }));
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

/// A string whose prefix begins at `first` and whose quote stands at `at`, and where it ends.
fn literal(bytes: &[u8], first: usize, at: usize) -> Option<(Literal, usize)> {
    let quote = *bytes.get(at).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let prefix = &bytes[first..at];
    let known = prefix.iter().all(|byte| b"rRbBuUfF".contains(byte)) && prefix.len() <= 2;
    known.then_some(())?;
    let is_triple = bytes[at..].starts_with(&[quote; 3]);
    let width = if is_triple { 3 } else { 1 };
    let mut end = at + width;
    loop {
        match bytes.get(end)? {
            b'\\' => end += 2,
            b'\n' if !is_triple => return None,
            _ if bytes[end..].starts_with(&[quote; 3][..width]) => break,
            _ => end += 1,
        }
    }
    let prefix = prefix.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    Some((Literal { prefix, inner: at + width..end }, end + width))
}

/// Returns the place behind the bracket that closes the one at `open`.
pub(super) fn behind(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Sign(b'(' | b'[' | b'{') => depth += 1,
            Kind::Sign(b')' | b']' | b'}') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Splits tokens outside of brackets.
pub(super) fn split(tokens: &[Token], is_end: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign(b'(' | b'[' | b'{') => depth += 1,
            Kind::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            _ if depth == 0 && is_end(token) => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_logical() {
        let text = "x = [1,  # one (\n  'a\\'b', rf\"{c}\"]\n\nif y:\n    z('''\n)''', \\\n  w)\nö = u'\\n'";
        let shown = lines(text).iter().map(|line| (line.indent, line.number, line.tokens.len())).collect::<Vec<_>>();
        assert_eq!(shown, [(0, 1, 9), (0, 4, 3), (4, 5, 6), (0, 8, 3)]);
        assert_eq!(lines("'open\nx").len(), 2, "a string without an end is no string");
    }
}
