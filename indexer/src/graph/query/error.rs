//! What can be wrong with a query, and where.

use std::fmt;

/// Why a query cannot be run. Its message says what is allowed in that place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {cause}", .at.line, .at.column)]
pub struct QueryError {
    /// Where in the query.
    pub at: Position,
    /// What is wrong.
    pub cause: Cause,
}

/// A place in the text of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The byte, counted from 0.
    pub offset: usize,
    /// The line, counted from 1.
    pub line: u32,
    /// The character in the line, counted from 1.
    pub column: u32,
}

impl Position {
    pub(super) fn of(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.bytes().filter(|it| *it == b'\n').count() as u32 + 1;
        let start = before.rfind('\n').map_or(0, |it| it + 1);
        Position { offset, line, column: before[start..].chars().count() as u32 + 1 }
    }
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The text is too long to be read.
    #[error("the query is longer than {most} bytes")]
    TooLong {
        /// How many bytes are allowed.
        most: usize,
    },
    /// A character that starts nothing.
    #[error("unexpected character `{0}`")]
    Character(char),
    /// A string, a quoted name or a comment without an end.
    #[error("this {0} does not end")]
    Unterminated(&'static str),
    /// A backslash before something that it does not go with.
    #[error("unknown escape `\\{0}`; use \\\\, \\', \\\", \\n, \\t, \\r or \\uXXXX")]
    Escape(char),
    /// A number that does not fit.
    #[error("`{0}` is no number that fits in 64 bits")]
    Number(String),
    /// Something else was due here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What is allowed here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// openCypher has it, this subset has not.
    #[error("{what} is not supported: {instead}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What can be done.
        instead: &'static str,
    },
    /// A name that stands for nothing.
    #[error("unknown {kind} `{name}`{}; known are {allowed}", Nearest(.nearest))]
    Unknown {
        /// What it should have been.
        kind: Kind,
        /// The name.
        name: String,
        /// The known name that is nearest.
        nearest: Option<String>,
        /// All known names.
        allowed: String,
    },
    /// A variable is used before or without a pattern that binds it.
    #[error("no pattern before this binds `{name}`{}", Nearest(.nearest))]
    Unbound {
        /// The variable.
        name: String,
        /// The bound variable that is nearest.
        nearest: Option<String>,
    },
    /// A relationship or path that stands in two places.
    #[error("`{0}` stands in a pattern already; only nodes may be met again")]
    MetAgain(String),
    /// A parameter that was not given.
    #[error("parameter `${0}` was not given")]
    Parameter(String),
    /// A variable stands for two things.
    #[error("`{name}` is a {known} already and cannot be a {wanted} as well")]
    Rebound {
        /// The variable.
        name: String,
        /// What it stands for.
        known: &'static str,
        /// What it is used as here.
        wanted: &'static str,
    },
    /// Expressions or parentheses stand too deep in each other.
    #[error("the query nests deeper than {most} levels")]
    TooDeep {
        /// How many levels are allowed.
        most: usize,
    },
    /// Too many nodes and relationships in the patterns.
    #[error("the patterns have more than {most} nodes and relationships")]
    TooManyElements {
        /// How many are allowed.
        most: usize,
    },
    /// A path without an upper bound, or with one that is too high.
    #[error("a path needs bounds of at most {most} steps, such as *1..{most}")]
    PathBound {
        /// How many steps are allowed.
        most: u32,
    },
    /// The lower bound of a path is above the upper one.
    #[error("the lower bound of the path is above the upper one")]
    PathOrder,
    /// `count`, `collect`, `min` or `max` in a place where no rows are at hand.
    #[error("`{0}` stands alone as an item of RETURN, or in ORDER BY as it stands in RETURN")]
    Aggregate(&'static str),
    /// A function with too few or too many arguments.
    #[error("`{name}` takes {takes}")]
    Arguments {
        /// The function.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// A regular expression that is not known before the query runs.
    #[error("the right side of =~ has to be a string or a parameter that holds one")]
    RegexNotConstant,
    /// A regular expression that cannot be used.
    #[error("bad regular expression: {0}")]
    Regex(String),
    /// SKIP or LIMIT of something that is no count.
    #[error("{0} takes a whole number from 0 on, or a parameter that holds one")]
    Count(&'static str),
    /// Two columns of one name.
    #[error("two columns are called `{0}`; name one with AS")]
    SameColumn(String),
    /// With DISTINCT or a count only what is returned can be sorted by.
    #[error("with DISTINCT, count, collect, min or max, ORDER BY takes what RETURN returns")]
    OrderNotReturned,
}

/// What an unknown name should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The label of a node.
    Label,
    /// The type of a relationship.
    Type,
    /// A property of a node or relationship.
    Property,
    /// A function.
    Function,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Label => "label",
            Kind::Type => "relationship type",
            Kind::Property => "property",
            Kind::Function => "function",
        })
    }
}

struct Nearest<'a>(&'a Option<String>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |it| write!(f, ", did you mean `{it}`?"))
    }
}

impl QueryError {
    pub(super) fn new(text: &str, offset: usize, cause: Cause) -> QueryError {
        QueryError { at: Position::of(text, offset), cause }
    }

    /// Returns the line of the query with a mark below the place, for people.
    pub fn shown(&self, text: &str) -> String {
        let line = text.lines().nth(self.at.line as usize - 1).unwrap_or_default();
        format!("{line}\n{:>column$}", '^', column = self.at.column as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "MATCH (é)\nRETURN ß, x";
        let offset = text.find('x').unwrap();
        let error = QueryError::new(text, offset, Cause::Unbound { name: "x".to_owned(), nearest: None });
        assert_eq!((error.at.line, error.at.column), (2, 11));
        assert_eq!(error.to_string(), "line 2, column 11: no pattern before this binds `x`");
        assert_eq!(error.shown(text), "RETURN ß, x\n          ^");
    }
}
