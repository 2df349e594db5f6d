//! The values of expressions that are the same in every run.

use std::collections::HashMap;

use super::tokens::{Kind, Literal, Token, behind, split};

/// Deepest expressions.
const MOST_DEPTH: usize = 24;

/// What an expression stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A string.
    One(String),
    /// A list or tuple of strings.
    Many(Vec<String>),
}

impl Word {
    fn is_empty(&self) -> bool {
        match self {
            Self::One(word) => word.is_empty(),
            Self::Many(words) => words.is_empty(),
        }
    }
}

/// The names that have a known value at some place.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    text: &'a str,
    posargs: &'a [String],
    /// What the session is called; empty in the module.
    session: String,
    names: HashMap<String, Option<Word>>,
}

impl<'a> Scope<'a> {
    /// Returns a module's scope, in which no name is known yet.
    pub(super) fn new(text: &'a str, posargs: &'a [String]) -> Self {
        Self { text, posargs, session: String::new(), names: HashMap::new() }
    }

    /// Returns the names that are known at the start of a session's function.
    pub(super) fn inside(&self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self.clone() }
    }

    /// `nox.options.sessions = […]`.
    pub(super) fn default_sessions(&self) -> Option<Vec<String>> {
        match self.names.get("nox.options.sessions")? {
            Some(Word::Many(names)) => Some(names.clone()),
            Some(Word::One(_)) | None => None,
        }
    }

    /// Returns the text of tokens.
    pub(super) fn text_of(&self, tokens: &[Token]) -> &'a str {
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => &self.text[first.at.start..last.at.end],
            _ => "",
        }
    }

    /// Takes note of an assignment, `left = right` or `left += right`; whether there was one. A name whose value is not known is
    /// unknown from then on.
    pub(super) fn assign(&mut self, tokens: &[Token]) -> bool {
        let Some((left, is_added, right)) = assignment(tokens) else { return false };
        let name = self.text_of(left).to_owned();
        let value = match (is_added, self.value(right).ok()) {
            (false, value) => value,
            (true, Some(Word::Many(more))) => match self.names.get(&name) {
                Some(Some(Word::Many(known))) => Some(Word::Many([known.as_slice(), &more].concat())),
                _ => None,
            },
            (true, _) => None,
        };
        self.names.insert(name, value);
        true
    }

    /// Returns the words of a call's arguments.
    ///
    /// # Errors
    /// With the text of the first that is not known.
    pub(super) fn words(&self, arguments: &[Token]) -> Result<Vec<String>, String> {
        let mut words = Vec::new();
        for argument in items(arguments) {
            let is_named = matches!(argument, [name, sign, ..] if name.name().is_some() && sign.is(b'='));
            if !is_named && !matches!(argument, [one, two, ..] if one.is(b'*') && two.is(b'*')) {
                words.extend(self.item(argument, 0)?);
            }
        }
        Ok(words)
    }

    /// Returns a call's argument of a name, where it is a dictionary; pairs that are not known are left out.
    pub(super) fn keyword(&self, arguments: &[Token], wanted: &str) -> Vec<(String, String)> {
        let named = |item: &&[Token]| matches!(item, [name, sign, ..] if name.is_name(wanted) && sign.is(b'='));
        let Some([_, _, open, inner @ .., _]) = items(arguments).into_iter().find(named) else { return Vec::new() };
        if !open.is(b'{') {
            return Vec::new();
        }
        let pairs = items(inner).into_iter().filter_map(|pair| {
            let [key, value] = split(pair, |token| token.is(b':'))[..] else { return None };
            match (self.value(key).ok()?, self.value(value).ok()?) {
                (Word::One(key), Word::One(value)) => Some((key, value)),
                _ => None,
            }
        });
        pairs.collect()
    }

    /// Returns what an expression stands for.
    ///
    /// # Errors
    /// With the text of what is not known.
    pub(super) fn value(&self, tokens: &[Token]) -> Result<Word, String> {
        self.at_depth(tokens, 0)
    }

    fn at_depth(&self, tokens: &[Token], depth: usize) -> Result<Word, String> {
        let unknown = || Err(self.text_of(tokens).to_owned());
        let deciding = ["if", "and", "not", "for", "in", "is", "lambda", "await"];
        if depth > MOST_DEPTH || split(tokens, |it| deciding.iter().any(|word| it.is_name(word))).len() > 1 {
            return unknown();
        }
        let either = split(tokens, |token| token.is_name("or"));
        if let [first, rest @ ..] = &either[..]
            && !rest.is_empty()
        {
            let mut value = self.at_depth(first, depth + 1)?;
            for next in rest.iter().filter(|_| depth < MOST_DEPTH) {
                value = if value.is_empty() { self.at_depth(next, depth + 1)? } else { value };
            }
            return Ok(value);
        }
        let sum = split(tokens, |token| token.is(b'+'));
        if sum.len() > 1 {
            let parts = sum.iter().map(|part| self.at_depth(part, depth + 1)).collect::<Result<Vec<_>, _>>()?;
            return added(&parts).map_or_else(unknown, Ok);
        }
        match tokens {
            [open, inner @ .., _] if open.is(b'[') && behind(tokens, 0) == Some(tokens.len()) => {
                self.list(inner, depth)
            }
            [open, inner @ .., _] if open.is(b'(') && behind(tokens, 0) == Some(tokens.len()) => {
                let is_tuple = inner.is_empty() || split(inner, |token| token.is(b',')).len() > 1;
                if is_tuple { self.list(inner, depth) } else { self.at_depth(inner, depth + 1) }
            }
            [] => unknown(),
            _ if tokens.iter().all(|token| matches!(token.kind, Kind::Str(_))) => {
                let parts = tokens.iter().map(|token| match &token.kind {
                    Kind::Str(literal) => self.string(literal),
                    Kind::Name(_) | Kind::Sign(_) => None,
                });
                parts.collect::<Option<String>>().map_or_else(unknown, |text| Ok(Word::One(text)))
            }
            _ => self.named(self.text_of(tokens)).map_or_else(unknown, Ok),
        }
    }

    fn list(&self, inner: &[Token], depth: usize) -> Result<Word, String> {
        let words = items(inner).into_iter().map(|item| self.item(item, depth + 1));
        Ok(Word::Many(words.collect::<Result<Vec<_>, _>>()?.concat()))
    }

    /// One item of a list, or one argument: a word, or with a star in front several.
    fn item(&self, tokens: &[Token], depth: usize) -> Result<Vec<String>, String> {
        let (star, value) = match tokens {
            [star, rest @ ..] if star.is(b'*') => (true, self.at_depth(rest, depth + 1)?),
            tokens => (false, self.at_depth(tokens, depth + 1)?),
        };
        match (star, value) {
            (false, Word::One(word)) => Ok(vec![word]),
            (true, Word::Many(words)) => Ok(words),
            _ => Err(self.text_of(tokens).to_owned()),
        }
    }

    fn named(&self, name: &str) -> Option<Word> {
        if !self.session.is_empty() && name.strip_prefix(self.session.as_str()) == Some(".posargs") {
            return Some(Word::Many(self.posargs.to_vec()));
        }
        self.names.get(name).cloned().flatten()
    }

    /// A string, also one with names of known strings in it. Escapes are rare in commands, and a wrong word is worse than none.
    fn string(&self, literal: &Literal) -> Option<String> {
        let text = &self.text[literal.inner.clone()];
        if text.contains('\\') && !literal.prefix.contains('r') {
            return None;
        }
        if !literal.prefix.contains('f') {
            return Some(text.to_owned());
        }
        let mut done = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}')?;
            let Word::One(value) = self.named(name.trim())? else { return None };
            done.push_str(before);
            done.push_str(&value);
            rest = after;
        }
        (!done.contains('}') && !rest.contains('}')).then(|| done + rest)
    }
}

/// The arguments of a call or the items of a list.
pub(super) fn items(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = split(tokens, |token| token.is(b','));
    parts.retain(|part| !part.is_empty());
    parts
}

/// `left = right`, `left: type = right` and `left += right`; `x == y`, `x <= y` and arguments are none of them.
pub(super) fn assignment(tokens: &[Token]) -> Option<(&[Token], bool, &[Token])> {
    let parts = split(tokens, |token| token.is(b'='));
    let [left, right] = parts[..] else { return None };
    let (left, is_added) = match left {
        [left @ .., sign] if sign.is(b'+') => (left, true),
        [.., sign] if matches!(sign.kind, Kind::Sign(b'!' | b'<' | b'>' | b'-' | b'*' | b'/' | b'|' | b':')) => {
            return None;
        }
        left => (split(left, |token| token.is(b':'))[0], false),
    };
    let keyword =
        left.first().and_then(Token::name).is_some_and(|name| matches!(name, "if" | "while" | "with" | "assert"));
    (!left.is_empty() && !right.is_empty() && !keyword).then_some((left, is_added, right))
}

fn added(parts: &[Word]) -> Option<Word> {
    let strings = parts.iter().map(|part| match part {
        Word::One(text) => Some(text.as_str()),
        Word::Many(_) => None,
    });
    if let Some(strings) = strings.collect::<Option<Vec<_>>>() {
        return Some(Word::One(strings.concat()));
    }
    let lists = parts.iter().map(|part| match part {
        Word::Many(words) => Some(words.as_slice()),
        Word::One(_) => None,
    });
    lists.collect::<Option<Vec<_>>>().map(|lists| Word::Many(lists.concat()))
}
