//! Cuts the text of a query into tokens.

use super::error::{Cause, QueryError};

/// A token and the bytes it stands on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) what: Lexeme,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lexeme {
    /// A name or keyword; quoted names are never keywords.
    Word(String),
    Quoted(String),
    /// A parameter, without `$`.
    Parameter(String),
    Text(String),
    Integer(i64),
    Float(f64),
    /// Punctuation, one of [`MARKS`].
    Mark(&'static str),
    End,
}

/// Punctuation, longer before shorter.
const MARKS: [&str; 23] = [
    "=~", "<>", "<=", ">=", "..", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|", "*", "-", "<", ">", "=", ";", "+",
    "/",
];

/// Returns the tokens; the last is [`Lexeme::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space()?;
        let start = lexer.at;
        let what = lexer.next()?;
        let end = what == Lexeme::End;
        tokens.push(Token { what, start, end: lexer.at });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn error<T>(&self, at: usize, cause: Cause) -> Result<T, QueryError> {
        Err(QueryError::new(self.text, at, cause))
    }

    fn skip_space(&mut self) -> Result<(), QueryError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.error(self.at, Cause::Unterminated("comment")),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Lexeme, QueryError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Lexeme::End) };
        match first {
            '\'' | '"' => self.text(first).map(Lexeme::Text),
            '`' => self.quoted(),
            '$' => self.parameter(),
            it if it.is_ascii_digit() => self.number(),
            it if it.is_alphabetic() || it == '_' => Ok(Lexeme::Word(self.word().to_owned())),
            it => match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
                Some(mark) => {
                    self.at += mark.len();
                    Ok(Lexeme::Mark(mark))
                }
                None => self.error(self.at, Cause::Character(it)),
            },
        }
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn quoted(&mut self) -> Result<Lexeme, QueryError> {
        let inner = &self.rest()[1..];
        match inner.find('`') {
            Some(end) => {
                self.at += end + 2;
                Ok(Lexeme::Quoted(inner[..end].to_owned()))
            }
            None => self.error(self.at, Cause::Unterminated("quoted name")),
        }
    }

    fn parameter(&mut self) -> Result<Lexeme, QueryError> {
        let start = self.at;
        self.at += 1;
        match self.word() {
            "" => self.error(start, Cause::Character('$')),
            name => Ok(Lexeme::Parameter(name.to_owned())),
        }
    }

    /// `1..3` is a number, two dots and a number.
    fn number(&mut self) -> Result<Lexeme, QueryError> {
        let rest = self.rest();
        let digits = |text: &str| text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
        let mut end = digits(rest);
        let fraction = rest[end..].strip_prefix('.').map_or(0, digits);
        if fraction > 0 {
            end += 1 + fraction;
        }
        let number = &rest[..end];
        let read = if fraction > 0 {
            number.parse().ok().map(Lexeme::Float)
        } else {
            number.parse().ok().map(Lexeme::Integer)
        };
        let glued = rest[end..].starts_with(|it: char| it.is_alphanumeric() || it == '_');
        match read {
            Some(it) if !glued => {
                self.at += end;
                Ok(it)
            }
            _ => {
                let whole = rest.find(|it: char| !it.is_alphanumeric() && it != '_' && it != '.').unwrap_or(rest.len());
                self.error(self.at, Cause::Number(rest[..whole].to_owned()))
            }
        }
    }

    fn text(&mut self, quote: char) -> Result<String, QueryError> {
        let start = self.at;
        let mut text = String::new();
        let mut rest = self.rest().char_indices().skip(1);
        while let Some((at, it)) = rest.next() {
            if it == quote {
                self.at += at + 1;
                return Ok(text);
            }
            if it != '\\' {
                text.push(it);
                continue;
            }
            let Some((_, escaped)) = rest.next() else { break };
            match escaped {
                '\\' | '\'' | '"' | '`' => text.push(escaped),
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'u' => {
                    let four: String = rest.by_ref().take(4).map(|it| it.1).collect();
                    let code = u32::from_str_radix(&four, 16).ok().filter(|_| four.len() == 4);
                    match code.and_then(char::from_u32) {
                        Some(it) => text.push(it),
                        None => return self.error(start + at, Cause::Escape('u')),
                    }
                }
                // Regular expressions are full of `\d` and `\.`: whoever writes one backslash means it.
                'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | '.' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '+'
                | '?' | '^' | '$' | '|' | '-' => text.extend(['\\', escaped]),
                other => return self.error(start + at, Cause::Escape(other)),
            }
        }
        self.error(start, Cause::Unterminated("string"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Lexeme]) {
        let mut all: Vec<Lexeme> = tokens(text).unwrap().into_iter().map(|it| it.what).collect();
        assert_eq!(all.pop(), Some(Lexeme::End));
        assert_eq!(all, expected, "{text}");
    }

    #[test]
    fn text_is_cut() {
        let mark = Lexeme::Mark;
        check("1..3", &[Lexeme::Integer(1), mark(".."), Lexeme::Integer(3)]);
        check("1.5", &[Lexeme::Float(1.5)]);
        check("a<-b", &[Lexeme::Word("a".into()), mark("<"), mark("-"), Lexeme::Word("b".into())]);
        check("$p /* x */ // y", &[Lexeme::Parameter("p".into())]);
        check(r"'it\'s\n\u00e9'", &[Lexeme::Text("it's\né".into())]);
        check(r"'\d\.'", &[Lexeme::Text(r"\d\.".into())]);
        check("`a b`", &[Lexeme::Quoted("a b".into())]);
    }

    #[test]
    fn what_is_no_token_is_named() {
        let cause = |text: &str| tokens(text).map_err(|it| (it.at.offset, it.cause)).unwrap_err();
        assert_eq!(cause("a # b"), (2, Cause::Character('#')));
        assert_eq!(cause(" 'x"), (1, Cause::Unterminated("string")));
        assert_eq!(cause("/* x"), (0, Cause::Unterminated("comment")));
        assert_eq!(cause("`x"), (0, Cause::Unterminated("quoted name")));
        assert_eq!(cause(r"'\q'"), (1, Cause::Escape('q')));
        assert_eq!(cause("99999999999999999999"), (0, Cause::Number("99999999999999999999".into())));
        assert_eq!(cause("12ab"), (0, Cause::Number("12ab".into())));
    }
}
