//! Conditions and values: `a.name = 'x' AND NOT (a)<-[:TESTS]-()`.

use regex::RegexBuilder;

use super::{Bound, Cause, Lexeme, Parsed, Parser, names};
use crate::graph::query::names::Callable;
use crate::graph::query::syntax::{Clause, Comparison, Exists, Expression, Function, Patterns, Slot, TextTest};
use crate::graph::query::value::Value;

/// How large a compiled regular expression may be, in bytes.
const MAX_REGEX: usize = 1 << 20;

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        self.joined("OR", Self::exclusive, Expression::Or)
    }

    fn exclusive(&mut self) -> Parsed<Expression> {
        self.joined("XOR", Self::all_of, Expression::Xor)
    }

    fn all_of(&mut self) -> Parsed<Expression> {
        self.joined("AND", Self::negation, Expression::And)
    }

    /// One or more of `part` with `word` between them; kept flat, so that long chains are not deep.
    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Parsed<Expression>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Parsed<Expression> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.take_word(word) {
            all.push(part(self)?);
        }
        Ok(join(all))
    }

    fn negation(&mut self) -> Parsed<Expression> {
        if self.take_word("NOT") {
            return self.deeper(Self::negation).map(|it| Expression::Not(Box::new(it)));
        }
        let first = self.tested()?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison() {
            rest.push((comparison, self.tested()?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Compare(Box::new(first), rest) })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.peek() {
            Lexeme::Mark("=") => Comparison::Equal,
            Lexeme::Mark("<>") => Comparison::Unequal,
            Lexeme::Mark("<") => Comparison::Less,
            Lexeme::Mark("<=") => Comparison::LessOrEqual,
            Lexeme::Mark(">") => Comparison::Greater,
            Lexeme::Mark(">=") => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    /// A value and what may be asked of it: `IN`, `STARTS WITH`, `=~`, `IS NULL`.
    fn tested(&mut self) -> Parsed<Expression> {
        let left = self.value()?;
        let boxed = Box::new;
        if self.take_word("IN") {
            let right = self.value()?;
            return Ok(Expression::In(boxed(left), boxed(right)));
        }
        if self.take_word("IS") {
            let negated = self.take_word("NOT");
            self.need_word("NULL")?;
            return Ok(Expression::IsNull(boxed(left), !negated));
        }
        if self.take("=~") {
            return self.regex(left);
        }
        let test = if self.take_word("STARTS") {
            self.need_word("WITH")?;
            TextTest::StartsWith
        } else if self.take_word("ENDS") {
            self.need_word("WITH")?;
            TextTest::EndsWith
        } else if self.take_word("CONTAINS") {
            TextTest::Contains
        } else {
            return Ok(left);
        };
        let right = self.value()?;
        Ok(Expression::Text(test, boxed(left), boxed(right)))
    }

    /// The expression has to match the whole text, and is compiled once.
    fn regex(&mut self, left: Expression) -> Parsed<Expression> {
        let start = self.start();
        let Expression::Constant(Value::Text(pattern)) = self.value()? else {
            return self.fail(start, Cause::RegexNotConstant);
        };
        let compile = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_REGEX).build();
        let whole = compile(&pattern).and_then(|_| compile(&format!(r"\A(?:{pattern})\z")));
        match whole {
            Ok(regex) => Ok(Expression::Matches(Box::new(left), regex)),
            Err(error) => {
                let said = error.to_string();
                let reason = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.fail(start, Cause::Regex(reason.to_owned()))
            }
        }
    }

    fn value(&mut self) -> Parsed<Expression> {
        let start = self.start();
        match self.peek().clone() {
            Lexeme::Text(text) => self.constant(Value::Text(text.into())),
            Lexeme::Integer(number) => self.constant(Value::Integer(number)),
            Lexeme::Float(number) => self.constant(Value::Float(number)),
            Lexeme::Parameter(name) => match self.parameters.get(&name) {
                Some(it) => self.constant(it.to_value()),
                None => self.fail(start, Cause::Parameter(name)),
            },
            Lexeme::Mark("-") => self.negative(),
            Lexeme::Mark("[") => self.deeper(Self::list),
            Lexeme::Mark("(") if self.is_pattern() => self.exists_pattern(),
            Lexeme::Mark("(") => self.deeper(|it| {
                it.at += 1;
                let inner = it.expression()?;
                it.need(")", "`)`")?;
                Ok(inner)
            }),
            Lexeme::Word(word) => self.word(&word),
            Lexeme::Quoted(name) => self.variable_or_property(&name),
            Lexeme::Mark(_) | Lexeme::End => self.expected("a value, a variable or a pattern"),
        }
    }

    fn constant(&mut self, value: Value<'static>) -> Parsed<Expression> {
        self.at += 1;
        Ok(Expression::Constant(value))
    }

    fn negative(&mut self) -> Parsed<Expression> {
        self.at += 1;
        match *self.peek() {
            Lexeme::Integer(number) => self.constant(Value::Integer(-number)),
            Lexeme::Float(number) => self.constant(Value::Float(-number)),
            _ => self.expected("a number after `-`"),
        }
    }

    fn list(&mut self) -> Parsed<Expression> {
        self.at += 1;
        let mut all = Vec::new();
        while !self.take("]") {
            all.push(self.expression()?);
            if !self.take(",") && !self.is("]") {
                return self.expected("`,` or `]` in a list");
            }
        }
        let constant = |it: &Expression| match it {
            Expression::Constant(it) => Some(it.clone()),
            _ => None,
        };
        let values: Option<Vec<Value<'static>>> = all.iter().map(constant).collect();
        Ok(values.map_or(Expression::List(all), |it| Expression::Constant(Value::List(it))))
    }

    fn word(&mut self, word: &str) -> Parsed<Expression> {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "TRUE" => return self.constant(Value::Boolean(true)),
            "FALSE" => return self.constant(Value::Boolean(false)),
            "NULL" => return self.constant(Value::Null),
            "EXISTS" if self.is_at(1, "{") => return self.deeper(Self::exists_block),
            "EXISTS" if self.is_at(1, "(") => return self.deeper(Self::exists_function),
            "CASE" | "ANY" | "ALL" | "NONE" | "SINGLE" if self.variable(word).is_none() => {
                let instead = "conditions are comparisons, AND, OR, NOT, IN, STARTS WITH, ENDS WITH, CONTAINS, =~, IS NULL and EXISTS";
                return self.fail(self.start(), Cause::Unsupported { what: upper, instead });
            }
            _ => {}
        }
        if self.is_at(1, "(") { self.deeper(|it| it.call(word)) } else { self.variable_or_property(word) }
    }

    fn variable_or_property(&mut self, name: &str) -> Parsed<Expression> {
        let known = self.known_variable(name, self.start())?;
        let (bound, slot) = (known.bound, known.slot);
        self.at += 1;
        if self.take(".") {
            return match bound {
                Bound::Node => {
                    let property = self.named(names::node_property, "a property such as name")?;
                    Ok(Expression::Node(slot, property))
                }
                Bound::Relationship => {
                    let property = self.named(names::relationship_property, "a property such as confidence")?;
                    Ok(Expression::Relationship(slot, property))
                }
                Bound::Path => {
                    let instead = "return the path's variable, or match its relationships one by one";
                    self.fail(self.start(), Cause::Unsupported { what: "a property of a path".to_owned(), instead })
                }
            };
        }
        if bound == Bound::Node && self.take(":") {
            return Ok(Expression::HasKind(slot, self.labels()?));
        }
        Ok(Expression::Variable(slot))
    }

    fn call(&mut self, word: &str) -> Parsed<Expression> {
        let start = self.start();
        let (name, callable) = names::function(word).or_else(|cause| self.fail(start, cause))?;
        let Callable::Row(function) = callable else { return self.fail(start, Cause::Aggregate(name)) };
        self.at += 2;
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.expression()?);
            if !self.take(",") && !self.is(")") {
                return self.expected("`,` or `)` after an argument");
            }
        }
        let takes = match function {
            Function::Coalesce => "one or more values",
            Function::Id | Function::Labels => "one node",
            Function::Type | Function::StartNode | Function::EndNode => "one relationship",
            Function::Size => "one list or string",
            Function::ToLower | Function::ToUpper => "one string",
        };
        let fits = if function == Function::Coalesce { !arguments.is_empty() } else { arguments.len() == 1 };
        if fits {
            Ok(Expression::Call(function, arguments))
        } else {
            self.fail(start, Cause::Arguments { name, takes })
        }
    }

    /// Whether the parenthesis here opens a node of a pattern and not an expression.
    fn is_pattern(&self) -> bool {
        let name = usize::from(matches!(self.peek_at(1), Lexeme::Word(_) | Lexeme::Quoted(_)));
        let mut close = 1 + name;
        // `(n:Class)` alone asks for a label; with an arrow behind it, it is a pattern.
        while self.is_at(close, ":") || self.is_at(close, "|") {
            close += 2;
        }
        if self.is_at(close, "{") {
            return true;
        }
        let arrow = self.is_at(close + 1, "-") || self.is_at(close + 1, "<") && self.is_at(close + 2, "-");
        self.is_at(close, ")") && arrow
    }

    /// A pattern as a condition; all its named variables are bound before.
    fn exists_pattern(&mut self) -> Parsed<Expression> {
        self.deeper(|it| {
            let start = it.start();
            let (variables, slots) = (it.variables.len(), it.slots);
            let mut clause = Clause { optional: false, patterns: Patterns::default(), conditions: Vec::new() };
            it.pattern(&mut clause)?;
            if let Some(new) = it.variables.get(variables) {
                let (name, nearest) = (new.name.clone(), None);
                return it.fail(start, Cause::Unbound { name, nearest });
            }
            if clause.patterns.relationships.is_empty() {
                return it.expected("a relationship such as -[:CALLS]->");
            }
            Ok(it.exists(clause, slots))
        })
    }

    /// `own` is the first slot that only the clause uses.
    fn exists(&mut self, clause: Clause, own: Slot) -> Expression {
        self.exists += 1;
        Expression::Exists(Box::new(Exists { clause, number: self.exists - 1, own: own..self.slots }))
    }

    /// `exists((a)-->(b))`, or `exists(n.doc)` as older dialects have it.
    fn exists_function(&mut self) -> Parsed<Expression> {
        self.at += 2;
        let inner = if self.is("(") && self.is_pattern() {
            self.exists_pattern()?
        } else {
            Expression::IsNull(Box::new(self.expression()?), false)
        };
        self.need(")", "`)`")?;
        Ok(inner)
    }

    /// `EXISTS { MATCH … WHERE … }`, which has variables of its own.
    fn exists_block(&mut self) -> Parsed<Expression> {
        self.at += 2;
        self.take_word("MATCH");
        let (variables, slots) = (self.variables.len(), self.slots);
        let clause = self.clause(false)?;
        self.variables.truncate(variables);
        self.need("}", "WHERE or `}`")?;
        Ok(self.exists(clause, slots))
    }
}
