//! Decides in which order a query looks at the graph: from the node that the fewest can be, along relationships, each condition as soon as
//! all that it reads is known.

use super::names::{NodeKinds, NodeProperty};
use super::syntax::{Clause, Comparison, Expression, Item, Length, OrderBy, Query, RelationshipPattern, Slot};
use super::value::Value;
use crate::graph::{CodeGraph, NodeKind};

/// How many nodes are taken to have a value that is not known before the query runs.
const UNKNOWN_MATCHES: usize = 8;

#[derive(Debug)]
pub(super) struct Plan<'q> {
    pub(super) clauses: Vec<Planned<'q>>,
    /// The steps of each `EXISTS`, by number.
    pub(super) exists: Vec<Vec<Step<'q>>>,
}

#[derive(Debug)]
pub(super) struct Planned<'q> {
    pub(super) optional: bool,
    pub(super) steps: Vec<Step<'q>>,
    /// The slots that this clause binds.
    pub(super) binds: Vec<Slot>,
}

#[derive(Debug)]
pub(super) enum Step<'q> {
    /// Binds a node to each that it can be.
    Scan { slot: Slot, source: Source<'q> },
    /// Follows a relationship from the bound slot `from` to `to`, which may be bound as well.
    Expand {
        pattern: &'q RelationshipPattern,
        /// Whether the walk starts at the right end of the pattern.
        backwards: bool,
        closes: bool,
    },
    /// Goes on only where the condition holds.
    Filter(&'q Expression),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'q> {
    /// All nodes of these kinds.
    Kinds(NodeKinds),
    /// The nodes whose property is this value, or one of this list.
    Lookup { property: NodeProperty, value: &'q Expression, list: bool },
}

pub(super) fn plan<'q>(graph: &CodeGraph, query: &'q Query) -> Plan<'q> {
    let exists = std::iter::repeat_with(Vec::new).take(query.exists).collect();
    let mut planner = Planner { graph, bound: vec![false; query.slots], exists };
    let clauses = query.clauses.iter().map(|it| planner.clause(it)).collect();
    for column in &query.projection.columns {
        match &column.what {
            Item::Plain(it) | Item::Aggregate { of: Some(it), .. } => planner.inside(it),
            Item::Aggregate { of: None, .. } => {}
        }
    }
    for order in &query.projection.order {
        match &order.by {
            OrderBy::Hidden(it) => planner.inside(it),
            OrderBy::Column(_) => {}
        }
    }
    Plan { clauses, exists: planner.exists }
}

struct Planner<'g, 'q> {
    graph: &'g CodeGraph,
    bound: Vec<bool>,
    exists: Vec<Vec<Step<'q>>>,
}

impl<'q> Planner<'_, 'q> {
    fn clause(&mut self, clause: &'q Clause) -> Planned<'q> {
        let before = self.bound.clone();
        let steps = self.steps(clause);
        let binds = (0..self.bound.len()).filter(|it| self.bound[*it] && !before[*it]).collect();
        Planned { optional: clause.optional, steps, binds }
    }

    fn steps(&mut self, clause: &'q Clause) -> Vec<Step<'q>> {
        let mut steps = Vec::new();
        let mut conditions: Vec<&'q Expression> = clause.conditions.iter().collect();
        let mut relationships: Vec<&'q RelationshipPattern> = clause.patterns.relationships.iter().collect();
        loop {
            self.filter(&mut conditions, &mut steps);
            if let Some(at) = self.next_relationship(clause, &relationships) {
                let pattern = relationships.remove(at);
                steps.push(self.expand(pattern));
            } else if let Some((slot, source)) = self.next_node(clause) {
                self.bound[slot] = true;
                steps.push(Step::Scan { slot, source });
            } else {
                return steps;
            }
        }
    }

    /// Places the conditions of which everything is known.
    fn filter(&mut self, conditions: &mut Vec<&'q Expression>, steps: &mut Vec<Step<'q>>) {
        let (ready, waiting): (Vec<_>, Vec<_>) = conditions.drain(..).partition(|it| self.is_known(it));
        *conditions = waiting;
        for condition in ready {
            self.inside(condition);
            steps.push(Step::Filter(condition));
        }
    }

    fn is_known(&self, expression: &Expression) -> bool {
        let mut reads = Vec::new();
        expression.reads(&mut reads);
        reads.iter().all(|it| self.bound[*it])
    }

    /// Plans what EXISTS the expression holds.
    fn inside(&mut self, expression: &'q Expression) {
        expression.each_exists(&mut |it| {
            let before = self.bound.clone();
            self.exists[it.number] = self.steps(&it.clause);
            self.bound = before;
        });
    }

    /// Prefers what closes a circle, then short paths, then ends that few nodes can be.
    fn next_relationship(&self, clause: &'q Clause, waiting: &[&'q RelationshipPattern]) -> Option<usize> {
        let cost = |it: &RelationshipPattern| {
            let length = match it.length {
                Length::One => 1,
                Length::Path { most, .. } => most,
            };
            match (self.bound[it.from], self.bound[it.to]) {
                (true, true) => Some((length.saturating_sub(1), 0)),
                (true, false) => Some((length, self.best_source(clause, it.to).1)),
                (false, true) => Some((length, self.best_source(clause, it.from).1)),
                (false, false) => None,
            }
        };
        let costs = waiting.iter().enumerate().filter_map(|(at, it)| Some((cost(it)?, at)));
        costs.min().map(|it| it.1)
    }

    fn expand(&mut self, pattern: &'q RelationshipPattern) -> Step<'q> {
        let backwards = !self.bound[pattern.from];
        let closes = self.bound[pattern.from] && self.bound[pattern.to];
        for slot in [pattern.slot, pattern.from, pattern.to] {
            self.bound[slot] = true;
        }
        Step::Expand { pattern, backwards, closes }
    }

    fn next_node(&self, clause: &'q Clause) -> Option<(Slot, Source<'q>)> {
        let free = clause.patterns.nodes.iter().filter(|it| !self.bound[**it]);
        let sources = free.map(|slot| (*slot, self.best_source(clause, *slot)));
        let best = sources.min_by_key(|(_, (_, count))| *count)?;
        Some((best.0, best.1.0))
    }

    /// Returns from where a node is best taken, and how many it can be then.
    fn best_source(&self, clause: &'q Clause, slot: Slot) -> (Source<'q>, usize) {
        let mut kinds = NodeKinds::ALL;
        for condition in &clause.conditions {
            if let Expression::HasKind(it, wanted) = condition
                && *it == slot
            {
                kinds = kinds.and(*wanted);
            }
        }
        let count = NodeKind::ALL.iter().filter(|it| kinds.has(**it)).map(|it| self.graph.of_kind(*it).len()).sum();
        let mut best = (Source::Kinds(kinds), count);
        for condition in &clause.conditions {
            let Some(source) = self.lookup(condition, slot) else { continue };
            let count = self.estimate(source);
            if count < best.1 {
                best = (source, count);
            }
        }
        best
    }

    /// Returns the lookup that a condition on `slot` allows.
    fn lookup(&self, condition: &'q Expression, slot: Slot) -> Option<Source<'q>> {
        let property = |it: &Expression| match it {
            Expression::Node(of, property) if *of == slot && is_looked_up(*property) => Some(*property),
            _ => None,
        };
        let source = match condition {
            Expression::Compare(left, rest) => {
                let [(Comparison::Equal, right)] = rest.as_slice() else { return None };
                match (property(left), property(right)) {
                    (Some(property), _) => Source::Lookup { property, value: right, list: false },
                    (None, Some(property)) => Source::Lookup { property, value: left, list: false },
                    (None, None) => return None,
                }
            }
            Expression::In(left, right) => Source::Lookup { property: property(left)?, value: right, list: true },
            _ => return None,
        };
        match source {
            Source::Lookup { value, .. } if self.is_known(value) => Some(source),
            Source::Lookup { .. } | Source::Kinds(_) => None,
        }
    }

    fn estimate(&self, source: Source<'_>) -> usize {
        let found = |property, it: &Value<'_>| it.as_str().map_or(0, |it| self.graph.with_property(property, it).len());
        match source {
            Source::Lookup { property, value: Expression::Constant(Value::List(all)), list: true } => {
                all.iter().map(|it| found(property, it)).sum()
            }
            Source::Lookup { property, value: Expression::Constant(it), .. } => found(property, it),
            Source::Lookup { .. } | Source::Kinds(_) => UNKNOWN_MATCHES,
        }
    }
}

/// Whether the graph finds nodes by this property without looking at all of them.
fn is_looked_up(property: NodeProperty) -> bool {
    matches!(property, NodeProperty::Name | NodeProperty::Qualified | NodeProperty::Path | NodeProperty::Label)
}

impl Plan<'_> {
    /// Returns the steps of the first clause in words, for tests.
    #[cfg(test)]
    pub(super) fn described(&self) -> String {
        let step = |it: &Step<'_>| match it {
            Step::Scan { slot, source: Source::Kinds(_) } => format!("scan {slot}"),
            Step::Scan { slot, source: Source::Lookup { property, .. } } => format!("look up {slot} by {property:?}"),
            Step::Expand { pattern, backwards, closes } => {
                let (from, to) = if *backwards { (pattern.to, pattern.from) } else { (pattern.from, pattern.to) };
                format!("{} {from} to {to}", if *closes { "close" } else { "expand" })
            }
            Step::Filter(_) => "filter".to_owned(),
        };
        self.clauses.iter().flat_map(|it| &it.steps).map(step).collect::<Vec<_>>().join(", ")
    }
}
