//! Reads the text of a query. Names are bound while reading: a variable is known from the pattern that binds it on.
//!
//! The text may come from a model or an issue, so nothing recurses deeper than [`MAX_DEPTH`], and text, patterns and paths have bounds.

mod expression;
mod pattern;
mod projection;

use super::Parameters;
use super::error::{Cause, QueryError};
use super::lexer::{Lexeme, Token, tokens};
use super::names;
use super::syntax::{Clause, Expression, Patterns, Query, Slot};

/// How many bytes a query may have.
pub(super) const MAX_BYTES: usize = 16 << 10;
/// How deep parentheses, lists, NOT and EXISTS may stand in each other.
pub(super) const MAX_DEPTH: usize = 32;
/// How many nodes and relationships all patterns together may have.
pub(super) const MAX_ELEMENTS: usize = 64;
/// How long a path may be at most.
pub(super) const MAX_PATH: u32 = 8;

/// What a variable stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Node,
    Relationship,
    Path,
}

impl Bound {
    fn as_str(self) -> &'static str {
        match self {
            Bound::Node => "node",
            Bound::Relationship => "relationship",
            Bound::Path => "path",
        }
    }
}

#[derive(Clone, Debug)]
struct Variable {
    name: String,
    bound: Bound,
    slot: Slot,
}

/// Reads a query with the values of its parameters.
pub(super) fn parse(text: &str, parameters: &Parameters) -> Result<Query, QueryError> {
    if text.len() > MAX_BYTES {
        return Err(QueryError::new(text, 0, Cause::TooLong { most: MAX_BYTES }));
    }
    let tokens = tokens(text)?;
    let mut parser =
        Parser { text, tokens, at: 0, parameters, variables: Vec::new(), slots: 0, exists: 0, elements: 0, depth: 0 };
    parser.query()
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    parameters: &'t Parameters,
    /// Those in scope; an `EXISTS { … }` takes its own away at its end.
    variables: Vec<Variable>,
    slots: usize,
    exists: usize,
    elements: usize,
    depth: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl Parser<'_> {
    fn query(&mut self) -> Parsed<Query> {
        let mut clauses = Vec::new();
        loop {
            let optional = self.is_word("OPTIONAL");
            if optional {
                self.at += 1;
            }
            if self.take_word("MATCH") {
                clauses.push(self.clause(optional)?);
            } else if !optional && !clauses.is_empty() && self.take_word("RETURN") {
                break;
            } else {
                return self.stray(if clauses.is_empty() { "MATCH" } else { "MATCH, WHERE or RETURN" });
            }
        }
        let projection = self.projection()?;
        self.take(";");
        match self.peek() {
            Lexeme::End => Ok(Query { clauses, projection, slots: self.slots, exists: self.exists }),
            _ => self.stray("the end of the query"),
        }
    }

    /// What follows `MATCH`.
    fn clause(&mut self, optional: bool) -> Parsed<Clause> {
        let mut clause = Clause { optional, patterns: Patterns::default(), conditions: Vec::new() };
        self.patterns(&mut clause)?;
        if self.take_word("WHERE") {
            clause.conditions.extend(conjuncts(self.expression()?));
        }
        Ok(clause)
    }

    /// A word that starts a clause which this language lacks has its own message.
    fn stray<T>(&self, expected: &'static str) -> Parsed<T> {
        const WRITES: [&str; 7] = ["CREATE", "MERGE", "SET", "DELETE", "DETACH", "REMOVE", "FOREACH"];
        const READS: [&str; 5] = ["WITH", "UNWIND", "UNION", "CALL", "LOAD"];
        let Lexeme::Word(word) = self.peek() else { return self.expected(expected) };
        let upper = word.to_uppercase();
        let instead = if WRITES.contains(&upper.as_str()) {
            "queries only read the graph"
        } else if READS.contains(&upper.as_str()) {
            "a query is MATCH … [WHERE …] RETURN … [ORDER BY …] [SKIP …] [LIMIT …]"
        } else {
            return self.expected(expected);
        };
        self.fail(self.start(), Cause::Unsupported { what: upper, instead })
    }

    fn peek(&self) -> &Lexeme {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Lexeme {
        self.tokens.get(self.at + ahead).map_or(&Lexeme::End, |it| &it.what)
    }

    /// Returns where the next token starts.
    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |it| it.start)
    }

    /// Returns where the last token ended.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|it| self.tokens.get(it)).map_or(0, |it| it.end)
    }

    fn is(&self, mark: &str) -> bool {
        self.is_at(0, mark)
    }

    fn is_at(&self, ahead: usize, mark: &str) -> bool {
        matches!(self.peek_at(ahead), Lexeme::Mark(it) if *it == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let here = self.is(mark);
        self.at += usize::from(here);
        here
    }

    fn need(&mut self, mark: &str, expected: &'static str) -> Parsed<()> {
        if self.take(mark) { Ok(()) } else { self.expected(expected) }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Lexeme::Word(it) if it.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let here = self.is_word(word);
        self.at += usize::from(here);
        here
    }

    fn need_word(&mut self, word: &'static str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { self.expected(word) }
    }

    /// Takes a name, quoted or not.
    fn name(&mut self, expected: &'static str) -> Parsed<String> {
        match self.peek() {
            Lexeme::Word(it) | Lexeme::Quoted(it) => {
                let name = it.clone();
                self.at += 1;
                Ok(name)
            }
            _ => self.expected(expected),
        }
    }

    fn fail<T>(&self, at: usize, cause: Cause) -> Parsed<T> {
        Err(QueryError::new(self.text, at, cause))
    }

    fn expected<T>(&self, expected: &'static str) -> Parsed<T> {
        let found = match self.tokens.get(self.at) {
            Some(token) if token.what != Lexeme::End => {
                format!("`{}`", self.text.get(token.start..token.end).unwrap_or_default())
            }
            _ => "the end of the query".to_owned(),
        };
        self.fail(self.start(), Cause::Expected { expected, found })
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return self.fail(self.start(), Cause::TooDeep { most: MAX_DEPTH });
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn fresh_slot(&mut self) -> Slot {
        self.slots += 1;
        self.slots - 1
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().rev().find(|it| it.name == name)
    }

    fn known_variable(&self, name: &str, at: usize) -> Parsed<&Variable> {
        let unbound = || {
            let nearest = names::nearest(name, self.variables.iter().map(|it| it.name.as_str())).map(str::to_owned);
            QueryError::new(self.text, at, Cause::Unbound { name: name.to_owned(), nearest })
        };
        self.variable(name).ok_or_else(unbound)
    }
}

/// Takes a condition apart at its outermost ANDs.
fn conjuncts(condition: Expression) -> Vec<Expression> {
    match condition {
        Expression::And(all) => all.into_iter().flat_map(conjuncts).collect(),
        it => vec![it],
    }
}
