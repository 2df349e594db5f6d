//! Walks the steps of a plan through the graph, one binding after the other, within limits.
//!
//! The walk goes as deep as the plan has steps and its paths have relationships, both of which the parser bounds.

use std::time::Instant;

use super::collect::Collector;
use super::names::NodeKinds;
use super::plan::{Plan, Source, Step};
use super::syntax::{Length, Orientation, Projection, RelationshipPattern, Slot};
use super::value::{Relationship, Value};
use super::{Limit, Limits, properties};
use crate::graph::{CodeGraph, Direction, Edge, NodeId, NodeKind};

/// What a slot of a row holds.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Unbound,
    /// Bound to nothing by an OPTIONAL MATCH without a match.
    Null,
    Node(NodeId),
    Relationship(Relationship),
    Path(Vec<Relationship>),
}

/// Whether more is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Stop,
}

/// What comes after the last step.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// The clause of this number.
    Clause(usize),
    /// Nothing: one match was asked for.
    Found,
}

pub(super) struct Run<'a> {
    pub(super) graph: &'a CodeGraph,
    pub(super) plan: &'a Plan<'a>,
    pub(super) row: Vec<Cell>,
    /// The relationships of the clauses under way; those of one clause all differ.
    used: Vec<Relationship>,
    /// Where those of the clause under way begin.
    used_from: usize,
    /// Whether each clause has had a match since it was begun.
    matched: Vec<bool>,
    found: bool,
    budget: Budget,
    projection: &'a Projection,
    collector: Collector<'a>,
}

/// What a finished run leaves.
pub(super) struct Outcome<'a> {
    pub(super) rows: Vec<Vec<Value<'a>>>,
    pub(super) truncated: Option<Limit>,
    pub(super) hops: u64,
}

/// Steps and time that are left.
struct Budget {
    hops: u64,
    most: u64,
    deadline: Option<Instant>,
    spent: Option<Limit>,
}

impl Budget {
    fn hop(&mut self) -> Flow {
        if self.spent.is_none() && self.hops >= self.most {
            self.spent = Some(Limit::Hops);
        }
        // The clock costs as much as a few dozen hops.
        if self.spent.is_none() && self.hops.is_multiple_of(256) && self.deadline.is_some_and(|it| Instant::now() >= it)
        {
            self.spent = Some(Limit::Time);
        }
        if self.spent.is_some() {
            return Flow::Stop;
        }
        self.hops += 1;
        Flow::On
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        graph: &'a CodeGraph,
        plan: &'a Plan<'a>,
        slots: usize,
        projection: &'a Projection,
        limits: &Limits,
    ) -> Run<'a> {
        let deadline = Instant::now().checked_add(limits.time);
        Run {
            graph,
            plan,
            row: vec![Cell::Unbound; slots],
            used: Vec::new(),
            used_from: 0,
            matched: vec![false; plan.clauses.len()],
            found: false,
            budget: Budget { hops: 0, most: limits.hops, deadline, spent: None },
            projection,
            collector: Collector::new(projection, limits),
        }
    }

    pub(super) fn finish(mut self) -> Outcome<'a> {
        if self.collector.wants_more() {
            self.clause(0);
        }
        let (rows, cut) = self.collector.finish();
        Outcome { rows, truncated: self.budget.spent.or(cut), hops: self.budget.hops }
    }

    fn clause(&mut self, at: usize) -> Flow {
        let plan = self.plan;
        let Some(clause) = plan.clauses.get(at) else { return self.emit() };
        self.matched[at] = false;
        let outer = std::mem::replace(&mut self.used_from, self.used.len());
        let mut flow = self.steps(&clause.steps, Then::Clause(at + 1));
        self.used_from = outer;
        if flow == Flow::On && clause.optional && !self.matched[at] {
            clause.binds.iter().for_each(|it| self.row[*it] = Cell::Null);
            flow = self.clause(at + 1);
            clause.binds.iter().for_each(|it| self.row[*it] = Cell::Unbound);
        }
        flow
    }

    /// Returns whether the steps of an EXISTS lead to their end.
    pub(super) fn finds(&mut self, steps: &'a [Step<'a>]) -> bool {
        let outer = std::mem::replace(&mut self.used_from, self.used.len());
        self.steps(steps, Then::Found);
        self.used_from = outer;
        std::mem::take(&mut self.found)
    }

    fn steps(&mut self, steps: &'a [Step<'a>], then: Then) -> Flow {
        let Some((step, rest)) = steps.split_first() else {
            return match then {
                Then::Clause(next) => {
                    if let Some(it) = next.checked_sub(1).and_then(|it| self.matched.get_mut(it)) {
                        *it = true;
                    }
                    self.clause(next)
                }
                Then::Found => {
                    self.found = true;
                    Flow::Stop
                }
            };
        };
        match step {
            Step::Filter(condition) => {
                let holds = self.holds(condition);
                match self.budget.spent {
                    Some(_) => Flow::Stop,
                    None if holds => self.steps(rest, then),
                    None => Flow::On,
                }
            }
            Step::Scan { slot, source } => self.scan(*slot, *source, rest, then),
            Step::Expand { pattern, backwards, closes } => {
                let expand = Expand { pattern, backwards: *backwards, closes: *closes, rest, then };
                self.expand(&expand)
            }
        }
    }

    fn emit(&mut self) -> Flow {
        let projection = self.projection;
        let values = projection.columns.iter().map(|column| match &column.what {
            super::syntax::Item::Plain(it) => self.value(it),
            super::syntax::Item::Aggregate { of, .. } => of.as_ref().map_or(Value::Boolean(true), |it| self.value(it)),
        });
        let values: Vec<Value<'a>> = values.collect();
        let hidden = projection.order.iter().filter_map(|it| match &it.by {
            super::syntax::OrderBy::Hidden(it) => Some(self.value(it)),
            super::syntax::OrderBy::Column(_) => None,
        });
        let hidden: Vec<Value<'a>> = hidden.collect();
        if self.budget.spent.is_some() {
            return Flow::Stop;
        }
        self.collector.push(values, hidden)
    }

    fn scan(&mut self, slot: Slot, source: Source<'a>, rest: &'a [Step<'a>], then: Then) -> Flow {
        match source {
            Source::Kinds(kinds) => self.scan_kinds(slot, kinds, rest, then),
            Source::Lookup { property, value, list } => {
                let value = self.value(value);
                let wanted: Vec<&str> = match &value {
                    Value::List(all) if list => all.iter().filter_map(Value::as_str).collect(),
                    it => it.as_str().into_iter().collect(),
                };
                let mut nodes: Vec<NodeId> =
                    wanted.into_iter().flat_map(|it| self.graph.with_property(property, it)).collect();
                nodes.sort_unstable();
                nodes.dedup();
                self.each_node(slot, &nodes, rest, then)
            }
        }
    }

    fn scan_kinds(&mut self, slot: Slot, kinds: NodeKinds, rest: &'a [Step<'a>], then: Then) -> Flow {
        let graph = self.graph;
        for kind in NodeKind::ALL.into_iter().filter(|it| kinds.has(*it)) {
            if self.each_node(slot, graph.of_kind(kind), rest, then) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::On
    }

    fn each_node(&mut self, slot: Slot, nodes: &[NodeId], rest: &'a [Step<'a>], then: Then) -> Flow {
        let mut flow = Flow::On;
        for node in nodes {
            if self.budget.hop() == Flow::Stop {
                flow = Flow::Stop;
                break;
            }
            self.row[slot] = Cell::Node(*node);
            flow = self.steps(rest, then);
            if flow == Flow::Stop {
                break;
            }
        }
        self.row[slot] = Cell::Unbound;
        flow
    }

    fn expand(&mut self, it: &Expand<'a>) -> Flow {
        // Nothing is related to what an OPTIONAL MATCH did not find.
        let Some(start) = self.node_at(it.near()) else { return Flow::On };
        match it.pattern.length {
            Length::One => self.expand_one(it, start),
            Length::Path { least, most } => {
                let mut path = Vec::with_capacity(most as usize);
                self.expand_path(it, start, (least, most), &mut path)
            }
        }
    }

    fn expand_one(&mut self, it: &Expand<'a>, start: NodeId) -> Flow {
        let graph = self.graph;
        for direction in it.directions() {
            for edge in graph.edges.at(start, direction) {
                if self.budget.hop() == Flow::Stop {
                    return Flow::Stop;
                }
                let relationship = relationship(start, &edge, direction);
                if !it.pattern.kinds.has(edge.kind) || self.is_used(&relationship) {
                    continue;
                }
                self.used.push(relationship);
                let flow = self.arrive(it, edge.node, Cell::Relationship(relationship));
                self.used.pop();
                if flow == Flow::Stop {
                    return Flow::Stop;
                }
            }
        }
        Flow::On
    }

    fn expand_path(
        &mut self,
        it: &Expand<'a>,
        at: NodeId,
        (least, most): (u32, u32),
        path: &mut Vec<Relationship>,
    ) -> Flow {
        if path.len() >= least as usize {
            let mut whole = path.clone();
            if it.backwards {
                whole.reverse();
            }
            if self.arrive(it, at, Cell::Path(whole)) == Flow::Stop {
                return Flow::Stop;
            }
        }
        if path.len() == most as usize {
            return Flow::On;
        }
        let graph = self.graph;
        for direction in it.directions() {
            for edge in graph.edges.at(at, direction) {
                if self.budget.hop() == Flow::Stop {
                    return Flow::Stop;
                }
                let relationship = relationship(at, &edge, direction);
                if !it.pattern.kinds.has(edge.kind) || self.is_used(&relationship) || !it.allows(&relationship) {
                    continue;
                }
                self.used.push(relationship);
                path.push(relationship);
                let flow = self.expand_path(it, edge.node, (least, most), path);
                path.pop();
                self.used.pop();
                if flow == Flow::Stop {
                    return Flow::Stop;
                }
            }
        }
        Flow::On
    }

    fn is_used(&self, relationship: &Relationship) -> bool {
        self.used[self.used_from..].iter().any(|it| it.is(relationship))
    }

    /// Goes on from the far end of a relationship or path.
    fn arrive(&mut self, it: &Expand<'a>, node: NodeId, how: Cell) -> Flow {
        let far = it.far();
        if it.closes && self.node_at(far) != Some(node) {
            return Flow::On;
        }
        self.row[it.pattern.slot] = how;
        if !it.closes {
            self.row[far] = Cell::Node(node);
        }
        let flow = self.steps(it.rest, it.then);
        self.row[it.pattern.slot] = Cell::Unbound;
        if !it.closes {
            self.row[far] = Cell::Unbound;
        }
        flow
    }
}

/// One relationship pattern under way.
struct Expand<'a> {
    pattern: &'a RelationshipPattern,
    backwards: bool,
    closes: bool,
    rest: &'a [Step<'a>],
    then: Then,
}

impl Expand<'_> {
    fn near(&self) -> Slot {
        if self.backwards { self.pattern.to } else { self.pattern.from }
    }

    fn far(&self) -> Slot {
        if self.backwards { self.pattern.from } else { self.pattern.to }
    }

    fn directions(&self) -> impl Iterator<Item = Direction> + use<> {
        let (out, back) = match (self.pattern.orientation, self.backwards) {
            (Orientation::Right, false) | (Orientation::Left, true) => (true, false),
            (Orientation::Left, false) | (Orientation::Right, true) => (false, true),
            (Orientation::Either, _) => (true, true),
        };
        [(Direction::Out, out), (Direction::In, back)].into_iter().filter(|it| it.1).map(|it| it.0)
    }

    fn allows(&self, relationship: &Relationship) -> bool {
        let fits = |(property, wanted): &(_, Value<'static>)| {
            properties::of_relationship(relationship, *property).equals(wanted) == Some(true)
        };
        self.pattern.each.iter().all(fits)
    }
}

fn relationship(at: NodeId, edge: &Edge, direction: Direction) -> Relationship {
    let (source, target) = match direction {
        Direction::Out => (at, edge.node),
        Direction::In => (edge.node, at),
    };
    Relationship { source, target, kind: edge.kind, confidence: edge.confidence }
}
