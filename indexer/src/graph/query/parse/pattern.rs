//! Patterns: `(a:Class {name: 'x'})-[r:CALLS|USES*1..3]->(b)`.

use super::{Bound, Cause, Lexeme, MAX_ELEMENTS, MAX_PATH, Parsed, Parser, Variable, names};
use crate::graph::EdgeKinds;
use crate::graph::query::names::NodeKinds;
use crate::graph::query::syntax::{Clause, Comparison, Expression, Length, Orientation, RelationshipPattern, Slot};

impl Parser<'_> {
    /// Reads patterns with commas between them into `clause`.
    pub(super) fn patterns(&mut self, clause: &mut Clause) -> Parsed<()> {
        loop {
            self.pattern(clause)?;
            if !self.take(",") {
                return Ok(());
            }
        }
    }

    pub(super) fn pattern(&mut self, clause: &mut Clause) -> Parsed<()> {
        if matches!(self.peek(), Lexeme::Word(_) | Lexeme::Quoted(_)) && self.is_at(1, "=") {
            let instead =
                "name its nodes and relationships; the variable of `[r:CALLS*1..3]` is the list of its relationships";
            return self.fail(self.start(), Cause::Unsupported { what: "a name for a path".to_owned(), instead });
        }
        let mut from = self.node(clause)?;
        while self.is("-") || self.is("<") {
            from = self.relationship(from, clause)?;
        }
        Ok(())
    }

    fn count_element(&mut self, at: usize) -> Parsed<()> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS { self.fail(at, Cause::TooManyElements { most: MAX_ELEMENTS }) } else { Ok(()) }
    }

    fn node(&mut self, clause: &mut Clause) -> Parsed<Slot> {
        let start = self.start();
        self.need("(", "a node such as (n:Function)")?;
        self.count_element(start)?;
        let slot = self.slot(Bound::Node)?;
        let mut kinds = NodeKinds::ALL;
        while self.take(":") {
            kinds = kinds.and(self.labels()?);
        }
        let properties = self.properties(names::node_property)?;
        self.need(")", "`:`, `{` or `)` in a node")?;
        clause.patterns.nodes.push(slot);
        if kinds != NodeKinds::ALL {
            clause.conditions.push(Expression::HasKind(slot, kinds));
        }
        let conditions = properties.into_iter().map(|(property, it)| equal(Expression::Node(slot, property), it));
        clause.conditions.extend(conditions);
        Ok(slot)
    }

    /// One label, or several with `|` between them.
    pub(super) fn labels(&mut self) -> Parsed<NodeKinds> {
        let mut kinds = self.named(names::label, "a label such as Function")?;
        while self.take("|") {
            self.take(":");
            kinds = kinds.or(self.named(names::label, "a label such as Function")?);
        }
        Ok(kinds)
    }

    pub(super) fn named<T>(&mut self, look_up: fn(&str) -> Result<T, Cause>, expected: &'static str) -> Parsed<T> {
        let start = self.start();
        let name = self.name(expected)?;
        look_up(&name).or_else(|cause| self.fail(start, cause))
    }

    /// The slot of the variable that may stand here; without one, a slot that has no name.
    fn slot(&mut self, bound: Bound) -> Parsed<Slot> {
        let start = self.start();
        if !matches!(self.peek(), Lexeme::Word(_) | Lexeme::Quoted(_)) {
            return Ok(self.fresh_slot());
        }
        let name = self.name("a name")?;
        if let Some(known) = self.variable(&name) {
            // A relationship is bound once; a node may be met again.
            if known.bound == bound && bound == Bound::Node {
                return Ok(known.slot);
            }
            let (known, wanted) = (known.bound.as_str(), bound.as_str());
            let again = known == wanted;
            let cause = if again { Cause::MetAgain(name) } else { Cause::Rebound { name, known, wanted } };
            return self.fail(start, cause);
        }
        let slot = self.fresh_slot();
        self.variables.push(Variable { name, bound, slot });
        Ok(slot)
    }

    fn properties<P>(&mut self, look_up: fn(&str) -> Result<P, Cause>) -> Parsed<Vec<(P, Expression)>> {
        let mut properties = Vec::new();
        if !self.take("{") {
            return Ok(properties);
        }
        if self.take("}") {
            return Ok(properties);
        }
        loop {
            let property = self.named(look_up, "a property such as name")?;
            self.need(":", "`:` and the value of the property")?;
            properties.push((property, self.deeper(Self::expression)?));
            if !self.take(",") {
                self.need("}", "`,` or `}` after a property")?;
                return Ok(properties);
            }
        }
    }

    fn relationship(&mut self, from: Slot, clause: &mut Clause) -> Parsed<Slot> {
        let start = self.start();
        self.count_element(start)?;
        let left = self.take("<");
        self.need("-", "a relationship such as -[:CALLS]->")?;
        let mut it = RelationshipPattern {
            slot: 0,
            from,
            to: 0,
            kinds: EdgeKinds::ALL,
            orientation: Orientation::Either,
            length: Length::One,
            each: Vec::new(),
        };
        if self.take("[") {
            self.inside(&mut it, &mut clause.conditions)?;
            self.need("]", "`:`, `*`, `{` or `]` in a relationship")?;
        } else {
            it.slot = self.fresh_slot();
        }
        self.need("-", "`-` or `->` after a relationship")?;
        let right = self.take(">");
        it.orientation = match (left, right) {
            (true, false) => Orientation::Left,
            (false, true) => Orientation::Right,
            (true, true) | (false, false) => Orientation::Either,
        };
        it.to = self.node(clause)?;
        let to = it.to;
        clause.patterns.relationships.push(it);
        Ok(to)
    }

    /// What stands between `[` and `]`.
    fn inside(&mut self, it: &mut RelationshipPattern, conditions: &mut Vec<Expression>) -> Parsed<()> {
        // Whether the variable is of one relationship or of a path is only seen behind it.
        let star = (0..64).map(|ahead| self.peek_at(ahead)).take_while(|it| !matches!(it, Lexeme::Mark("]" | "{")));
        let is_path = star.into_iter().any(|it| matches!(it, Lexeme::Mark("*")));
        it.slot = self.slot(if is_path { Bound::Path } else { Bound::Relationship })?;
        if self.take(":") {
            it.kinds = self.types()?;
        }
        if self.is("*") {
            it.length = self.length()?;
        }
        let start = self.start();
        for (property, value) in self.properties(names::relationship_property)? {
            match value {
                value if it.length == Length::One => {
                    conditions.push(equal(Expression::Relationship(it.slot, property), value));
                }
                Expression::Constant(value) => it.each.push((property, value)),
                _ => {
                    let what = "a property of a path that depends on other nodes".to_owned();
                    return self.fail(start, Cause::Unsupported { what, instead: "give a constant or a parameter" });
                }
            }
        }
        Ok(())
    }

    fn types(&mut self) -> Parsed<EdgeKinds> {
        const EXPECTED: &str = "a relationship type such as CALLS";
        let mut kinds = self.named(names::relationship_type, EXPECTED)?;
        while self.take("|") {
            self.take(":");
            kinds = kinds.or(self.named(names::relationship_type, EXPECTED)?);
        }
        Ok(kinds)
    }

    /// `*2`, `*1..3`, `*..3`; without an upper bound a path has no end.
    fn length(&mut self) -> Parsed<Length> {
        let start = self.start();
        self.need("*", "`*`")?;
        let first = self.steps();
        let (least, most) =
            if self.take("..") { (first.unwrap_or(1), self.steps()) } else { (first.unwrap_or(1), first) };
        match most {
            Some(most) if most > i64::from(MAX_PATH) => self.fail(start, Cause::PathBound { most: MAX_PATH }),
            Some(most) if least > most => self.fail(start, Cause::PathOrder),
            Some(most) => Ok(Length::Path { least: least as u32, most: most as u32 }),
            None => self.fail(start, Cause::PathBound { most: MAX_PATH }),
        }
    }

    fn steps(&mut self) -> Option<i64> {
        let Lexeme::Integer(number) = *self.peek() else { return None };
        self.at += 1;
        Some(number)
    }
}

fn equal(left: Expression, right: Expression) -> Expression {
    Expression::Compare(Box::new(left), vec![(Comparison::Equal, right)])
}
