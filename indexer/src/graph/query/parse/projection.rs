//! What follows RETURN.

use super::{Cause, Lexeme, Parsed, Parser, names};
use crate::graph::query::names::Callable;
use crate::graph::query::syntax::{Aggregate, Column, Expression, Item, Order, OrderBy, Projection, Slot};
use crate::graph::query::value::Value;

impl Parser<'_> {
    pub(super) fn projection(&mut self) -> Parsed<Projection> {
        let distinct = self.take_word("DISTINCT");
        let columns = if self.take("*") { self.all_variables()? } else { self.columns()? };
        let mut projection = Projection { columns, distinct, order: Vec::new(), skip: 0, limit: None };
        if self.take_word("ORDER") {
            self.need_word("BY")?;
            self.order(&mut projection)?;
        }
        if self.take_word("SKIP") {
            projection.skip = self.count("SKIP")?;
        }
        if self.take_word("LIMIT") {
            projection.limit = Some(self.count("LIMIT")?);
        }
        Ok(projection)
    }

    fn all_variables(&self) -> Parsed<Vec<Column>> {
        let column = |name: &String, slot| Column { name: name.clone(), what: Item::Plain(Expression::Variable(slot)) };
        let columns: Vec<Column> = self.variables.iter().map(|it| column(&it.name, it.slot)).collect();
        if columns.is_empty() { self.expected("a variable to return") } else { Ok(columns) }
    }

    fn columns(&mut self) -> Parsed<Vec<Column>> {
        let mut columns: Vec<Column> = Vec::new();
        loop {
            let start = self.start();
            let what = self.item()?;
            let written = self.text.get(start..self.end()).unwrap_or_default().to_owned();
            let name = if self.take_word("AS") { self.name("a name for the column")? } else { written };
            if columns.iter().any(|it| it.name == name) {
                return self.fail(start, Cause::SameColumn(name));
            }
            columns.push(Column { name, what });
            if !self.take(",") {
                return Ok(columns);
            }
        }
    }

    /// An expression, or an aggregate of one.
    fn item(&mut self) -> Parsed<Item> {
        let callable = match self.peek() {
            Lexeme::Word(word) if self.is_at(1, "(") => names::function(word).ok(),
            _ => None,
        };
        let Some((name, Callable::Rows(how))) = callable else { return self.expression().map(Item::Plain) };
        let start = self.start();
        self.at += 2;
        if how == Aggregate::Count && self.take("*") {
            self.need(")", "`)` after count(*")?;
            return Ok(Item::Aggregate { how, distinct: false, of: None });
        }
        let distinct = self.take_word("DISTINCT");
        if self.is(")") {
            return self.fail(start, Cause::Arguments { name, takes: "one value" });
        }
        let of = self.expression()?;
        self.need(")", "`)` after the value")?;
        Ok(Item::Aggregate { how, distinct, of: Some(of) })
    }

    fn order(&mut self, projection: &mut Projection) -> Parsed<()> {
        loop {
            let by = self.order_by(projection)?;
            let descending = self.take_word("DESC") || self.take_word("DESCENDING");
            if !descending && !self.take_word("ASC") {
                self.take_word("ASCENDING");
            }
            projection.order.push(Order { by, descending });
            if !self.take(",") {
                return Ok(());
            }
        }
    }

    /// A column by its name, what a column holds, or something that is only sorted by.
    fn order_by(&mut self, projection: &Projection) -> Parsed<OrderBy> {
        let start = self.start();
        if let Lexeme::Word(name) | Lexeme::Quoted(name) = self.peek()
            && !self.is_at(1, ".")
            && !self.is_at(1, "(")
            && let Some(at) = projection.columns.iter().position(|it| it.name == *name)
        {
            self.at += 1;
            return Ok(OrderBy::Column(at));
        }
        let item = self.item()?;
        if let Some(at) = projection.columns.iter().position(|it| it.what == item) {
            return Ok(OrderBy::Column(at));
        }
        let Item::Plain(expression) = item else { return self.fail(start, Cause::OrderNotReturned) };
        let returned = |slot: &Slot| {
            let plain = |it: &Expression| matches!(it, Expression::Variable(of) if of == slot);
            projection.columns.iter().any(|it| matches!(&it.what, Item::Plain(what) if plain(what)))
        };
        let mut reads = Vec::new();
        expression.reads(&mut reads);
        if (projection.distinct || projection.aggregates()) && !reads.iter().all(returned) {
            return self.fail(start, Cause::OrderNotReturned);
        }
        Ok(OrderBy::Hidden(expression))
    }

    fn count(&mut self, word: &'static str) -> Parsed<usize> {
        let start = self.start();
        let number = match self.peek() {
            Lexeme::Integer(number) => Some(*number),
            Lexeme::Parameter(name) => match self.parameters.get(name).map(|it| it.to_value()) {
                Some(Value::Integer(number)) => Some(number),
                Some(_) => None,
                None => return self.fail(start, Cause::Parameter(name.clone())),
            },
            _ => None,
        };
        self.at += 1;
        match number.and_then(|it| usize::try_from(it).ok()) {
            Some(number) => Ok(number),
            None => self.fail(start, Cause::Count(word)),
        }
    }
}
