//! Gathers rows: distinct ones, groups, order, SKIP and LIMIT, within the limits of rows and memory.

use std::cmp::Ordering;

use rustc_hash::{FxHashMap, FxHashSet};

use super::run::Flow;
use super::syntax::{Aggregate, Item, OrderBy, Projection};
use super::value::Value;
use super::{Limit, Limits};

/// What an entry of a set or map takes beside its bytes, about.
const ENTRY: usize = 32;
/// Rows beyond those wanted that may pile up before they are sorted and cut.
const PILE: usize = 1024;

pub(super) struct Collector<'a> {
    projection: &'a Projection,
    /// How many rows are wanted, those skipped included.
    wanted: usize,
    /// Whether the query itself wants no more than that.
    by_query: bool,
    rows: Vec<Row<'a>>,
    seen: FxHashSet<Box<[u8]>>,
    groups: FxHashMap<Box<[u8]>, usize>,
    memory: usize,
    most_memory: usize,
    cut: Option<Limit>,
}

struct Row<'a> {
    values: Vec<Value<'a>>,
    /// What is only sorted by, in the order of ORDER BY.
    hidden: Vec<Value<'a>>,
    /// One for each aggregate column, in their order.
    gathered: Vec<Gathered<'a>>,
}

#[derive(Default)]
struct Gathered<'a> {
    count: i64,
    list: Vec<Value<'a>>,
    best: Option<Value<'a>>,
    seen: FxHashSet<Box<[u8]>>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(projection: &'a Projection, limits: &Limits) -> Collector<'a> {
        let limit = projection.limit.unwrap_or(usize::MAX);
        Collector {
            projection,
            wanted: projection.skip.saturating_add(limit.min(limits.rows)),
            by_query: limit <= limits.rows,
            rows: Vec::new(),
            seen: FxHashSet::default(),
            groups: FxHashMap::default(),
            memory: 0,
            most_memory: limits.memory,
            cut: None,
        }
    }

    /// Whether any row is wanted at all.
    pub(super) fn wants_more(&self) -> bool {
        !(self.by_query && self.projection.limit == Some(0))
    }

    /// Takes a row: the values of the columns (of an aggregate, what goes into it) and those that are only sorted by.
    pub(super) fn push(&mut self, values: Vec<Value<'a>>, hidden: Vec<Value<'a>>) -> Flow {
        if self.projection.aggregates() { self.gather(values, hidden) } else { self.add(values, hidden) }
    }

    fn add(&mut self, values: Vec<Value<'a>>, hidden: Vec<Value<'a>>) -> Flow {
        if self.projection.distinct && !self.is_new(values.iter()) {
            return Flow::On;
        }
        let sorted = !self.projection.order.is_empty();
        if !sorted && self.rows.len() >= self.wanted {
            return self.stop(Limit::Rows);
        }
        self.keep(Row { values, hidden, gathered: Vec::new() });
        if sorted && self.rows.len() >= self.wanted.saturating_add(self.wanted.max(PILE)) {
            self.sort_and_cut();
        }
        if !sorted && self.by_query && self.rows.len() == self.wanted {
            return Flow::Stop;
        }
        self.check_memory()
    }

    fn is_new<'v>(&mut self, values: impl Iterator<Item = &'v Value<'a>>) -> bool
    where
        'a: 'v,
    {
        let key = key(values);
        self.memory += key.len() + ENTRY;
        self.seen.insert(key)
    }

    fn keep(&mut self, row: Row<'a>) {
        self.memory += row.size();
        self.rows.push(row);
    }

    fn gather(&mut self, values: Vec<Value<'a>>, hidden: Vec<Value<'a>>) -> Flow {
        let columns = &self.projection.columns;
        let plain = values.iter().zip(columns).filter(|it| matches!(it.1.what, Item::Plain(_))).map(|it| it.0);
        let key = key(plain);
        let at = match self.groups.get(&key) {
            Some(at) => *at,
            None => {
                self.memory += key.len() + ENTRY;
                self.groups.insert(key, self.rows.len());
                let gathered = columns.iter().map(|_| Gathered::default()).collect();
                self.keep(Row { values: values.clone(), hidden, gathered });
                self.rows.len() - 1
            }
        };
        let Some(row) = self.rows.get_mut(at) else { return Flow::Stop };
        for ((value, column), gathered) in values.into_iter().zip(columns).zip(&mut row.gathered) {
            if let Item::Aggregate { how, distinct, .. } = column.what {
                self.memory += gathered.take(value, how, distinct);
            }
        }
        self.check_memory()
    }

    fn check_memory(&mut self) -> Flow {
        if self.memory > self.most_memory { self.stop(Limit::Memory) } else { Flow::On }
    }

    fn stop(&mut self, limit: Limit) -> Flow {
        self.cut = Some(limit);
        Flow::Stop
    }

    /// Returns the rows as they are wanted, and the limit that kept others out.
    pub(super) fn finish(mut self) -> (Vec<Vec<Value<'a>>>, Option<Limit>) {
        self.finish_groups();
        self.sort_and_cut();
        let skip = self.projection.skip;
        (self.rows.into_iter().skip(skip).map(|it| it.values).collect(), self.cut)
    }

    fn finish_groups(&mut self) {
        let columns = &self.projection.columns;
        if !self.projection.aggregates() {
            return;
        }
        let all_aggregate = columns.iter().all(|it| matches!(it.what, Item::Aggregate { .. }));
        if self.rows.is_empty() && all_aggregate {
            // Of no rows there is a count, too.
            let values = columns.iter().map(|_| Value::Null).collect();
            let gathered = columns.iter().map(|_| Gathered::default()).collect();
            self.rows.push(Row { values, hidden: Vec::new(), gathered });
        }
        for row in &mut self.rows {
            for ((value, column), gathered) in row.values.iter_mut().zip(columns).zip(row.gathered.drain(..)) {
                if let Item::Aggregate { how, .. } = column.what {
                    *value = gathered.result(how);
                }
            }
        }
        if self.projection.distinct {
            let rows = std::mem::take(&mut self.rows);
            self.rows = rows.into_iter().filter(|it| self.seen.insert(key(it.values.iter()))).collect();
        }
    }

    /// Sorts, rows of one rank in the order of their coming, and drops what is not wanted.
    fn sort_and_cut(&mut self) {
        let projection = self.projection;
        if !projection.order.is_empty() {
            self.rows.sort_by(|a, b| a.order(b, projection));
        }
        if self.rows.len() > self.wanted {
            let dropped: usize = self.rows.drain(self.wanted..).map(|it| it.size()).sum();
            self.memory = self.memory.saturating_sub(dropped);
            if !self.by_query {
                self.cut = self.cut.or(Some(Limit::Rows));
            }
        }
    }
}

impl Row<'_> {
    fn order(&self, other: &Row<'_>, projection: &Projection) -> Ordering {
        let mut hidden = self.hidden.iter().zip(&other.hidden);
        for order in &projection.order {
            let pair = match order.by {
                OrderBy::Column(at) => self.values.get(at).zip(other.values.get(at)),
                OrderBy::Hidden(_) => hidden.next(),
            };
            let ordering = pair.map_or(Ordering::Equal, |(a, b)| a.order(b));
            let ordering = if order.descending { ordering.reverse() } else { ordering };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    fn size(&self) -> usize {
        size_of::<Row<'_>>() + self.values.iter().chain(&self.hidden).map(Value::size).sum::<usize>()
    }
}

impl<'a> Gathered<'a> {
    /// Takes a value that is not null and returns how much memory it needs.
    fn take(&mut self, value: Value<'a>, how: Aggregate, distinct: bool) -> usize {
        if value.is_null() {
            return 0;
        }
        let mut memory = 0;
        if distinct {
            let key = key(std::iter::once(&value));
            memory += key.len() + ENTRY;
            if !self.seen.insert(key) {
                return 0;
            }
        }
        match how {
            Aggregate::Count => self.count += 1,
            Aggregate::Collect => {
                memory += value.size();
                self.list.push(value);
            }
            Aggregate::Min => self.keep_if(value, Ordering::is_lt),
            Aggregate::Max => self.keep_if(value, Ordering::is_gt),
        }
        memory
    }

    fn keep_if(&mut self, value: Value<'a>, better: fn(Ordering) -> bool) {
        if self.best.as_ref().is_none_or(|it| better(value.order(it))) {
            self.best = Some(value);
        }
    }

    fn result(self, how: Aggregate) -> Value<'a> {
        match how {
            Aggregate::Count => Value::Integer(self.count),
            Aggregate::Collect => Value::List(self.list),
            Aggregate::Min | Aggregate::Max => self.best.unwrap_or(Value::Null),
        }
    }
}

fn key<'v, 'a: 'v>(values: impl Iterator<Item = &'v Value<'a>>) -> Box<[u8]> {
    let mut key = Vec::new();
    values.for_each(|it| it.key(&mut key));
    key.into()
}
