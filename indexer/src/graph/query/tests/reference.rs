//! A naive evaluator, written from openCypher's words alone: all ways to bind nodes, and for each all ways to bind relationships.
//! On random small graphs it agrees with the planned walk about random queries, row for row.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use repo::{BlobId, RepoPath};

use super::{Limits, Parameters};
use crate::definitions::Definitions;
use crate::graph::csr::RawEdge;
use crate::graph::{CodeGraph, EdgeKind, Edges, NodeId, NodeKind, Nodes, Outline};
use crate::symbol::{Definition, Form, LineRange, SymbolKind};
use crate::syntax::LanguageId;
use crate::view::{FoundFile, Inventory, Summary};

const KINDS: [SymbolKind; 3] = [SymbolKind::Class, SymbolKind::Function, SymbolKind::Method];
const NAMES: [&str; 3] = ["x", "y", "z"];
const EDGES: [EdgeKind; 3] = [EdgeKind::Calls, EdgeKind::Uses, EdgeKind::Inherits];
/// The repository, one file and the symbols.
const SYMBOLS: u32 = 4;
const NODES: u32 = 2 + SYMBOLS;

/// Kinds and names of the symbols, and edges between any nodes.
type Small = (Vec<(usize, usize)>, Vec<(u32, u32, usize)>);

fn small() -> impl Strategy<Value = Small> {
    let symbols = prop::collection::vec((0..KINDS.len(), 0..NAMES.len()), SYMBOLS as usize);
    let edges = prop::collection::vec((0..NODES, 0..NODES, 0..EDGES.len()), 0..12);
    (symbols, edges)
}

fn graph((symbols, edges): &Small) -> CodeGraph {
    let definition = |(at, (kind, name)): (usize, &(usize, usize))| Definition {
        name: NAMES[*name].to_owned(),
        qualified: format!("q{at}.{}", NAMES[*name]),
        kind: KINDS[*kind],
        form: Form::Function,
        lines: LineRange { start: 1, end: 1 },
        span: 0..1,
        signature: String::new(),
        doc: None,
        is_test: false,
        bases: Vec::new(),
        decorators: Vec::new(),
        parent: None,
        owner: None,
        namespace: None,
        instance_of: None,
    };
    let definitions = symbols.iter().enumerate().map(definition).collect();
    let definitions = Arc::new(Definitions::known(definitions));
    let file = FoundFile {
        path: RepoPath::new("a.py").unwrap(),
        blob: BlobId::from_bytes([0; 20]),
        language: LanguageId::Python,
        is_test: false,
        summary: Arc::new(Summary { definitions, lines: 1, error_nodes: 0, partly: None, outline: Outline::default() }),
    };
    let inventory = Arc::new(Inventory::new(vec![file], Vec::new()));
    let edge = |(from, to, kind): &(u32, u32, usize)| RawEdge::new(NodeId(*from), NodeId(*to), EDGES[*kind], 1.0);
    let edges = Edges::build(Nodes::of(&inventory).count(), edges.iter().map(edge).collect());
    CodeGraph::new(inventory, edges)
}

#[derive(Clone, Debug)]
struct Asked {
    /// Each a row of variables with relationships between them.
    chains: Vec<(usize, Vec<(Link, usize)>)>,
    labels: BTreeMap<usize, NodeKind>,
    names: BTreeMap<usize, &'static str>,
    condition: Condition,
    distinct: bool,
}

#[derive(Clone, Debug)]
struct Link {
    kinds: Vec<EdgeKind>,
    /// 0 right, 1 left, 2 either.
    way: u8,
    /// `None` for a single relationship.
    length: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
enum Condition {
    True,
    Name(usize, &'static str),
    SameName(usize, usize),
    Kind(usize, NodeKind),
    /// Always unknown.
    Doc(usize),
    Linked(usize, Link, usize),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

fn node_kind() -> impl Strategy<Value = NodeKind> {
    prop::sample::select(vec![NodeKind::Class, NodeKind::Function, NodeKind::Method, NodeKind::File])
}

fn link() -> impl Strategy<Value = Link> {
    let kinds = prop::sample::subsequence(EDGES.to_vec(), 0..=2);
    let length = prop::option::weighted(0.3, (0usize..3, 0usize..2).prop_map(|(least, more)| (least, least + more)));
    (kinds, 0u8..3, length).prop_map(|(kinds, way, length)| Link { kinds, way, length })
}

fn condition() -> impl Strategy<Value = Condition> {
    let name = || prop::sample::select(NAMES.to_vec());
    let leaf = prop_oneof![
        Just(Condition::True),
        (0usize..3, name()).prop_map(|(a, it)| Condition::Name(a, it)),
        (0usize..3, 0usize..3).prop_map(|(a, b)| Condition::SameName(a, b)),
        (0usize..3, node_kind()).prop_map(|(a, it)| Condition::Kind(a, it)),
        (0usize..3).prop_map(Condition::Doc),
        (0usize..3, link(), 0usize..3).prop_map(|(a, it, b)| Condition::Linked(a, it, b)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|it| Condition::Not(Box::new(it))),
            prop::collection::vec(inner.clone(), 2..3).prop_map(Condition::And),
            prop::collection::vec(inner, 2..3).prop_map(Condition::Or),
        ]
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let chain = (0usize..3, prop::collection::vec((link(), 0usize..3), 0..3));
    let labels = prop::collection::btree_map(0usize..3, node_kind(), 0..2);
    let names = prop::collection::btree_map(0usize..3, prop::sample::select(NAMES.to_vec()), 0..2);
    (prop::collection::vec(chain, 1..3), labels, names, condition(), any::<bool>()).prop_map(
        |(mut chains, labels, names, condition, distinct)| {
            // So that all three variables are bound.
            chains.extend((0..3).map(|it| (it, Vec::new())));
            Asked { chains, labels, names, condition, distinct }
        },
    )
}

impl Asked {
    fn text(&self) -> String {
        let mut told = [false; 3];
        let mut node = |variable: usize| {
            if std::mem::replace(&mut told[variable], true) {
                return format!("(v{variable})");
            }
            let label = self.labels.get(&variable).map(|it| format!(":{}", it.as_str())).unwrap_or_default();
            let name = self.names.get(&variable).map(|it| format!(" {{name: '{it}'}}")).unwrap_or_default();
            format!("(v{variable}{label}{name})")
        };
        let mut chains = Vec::new();
        for (start, rest) in &self.chains {
            let mut text = node(*start);
            for (link, variable) in rest {
                text += &link.text();
                text += &node(*variable);
            }
            chains.push(text);
        }
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let condition = self.condition.text();
        format!("MATCH {} WHERE {condition} RETURN {distinct}id(v0), id(v1), id(v2)", chains.join(", "))
    }
}

impl Link {
    fn text(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|it| it.as_str()).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(":{}", kinds.join("|")) };
        let length = self.length.map(|(least, most)| format!("*{least}..{most}")).unwrap_or_default();
        let (left, right) = [("-", "->"), ("<-", "-"), ("-", "-")][usize::from(self.way)];
        format!("{left}[{kinds}{length}]{right}")
    }

    fn leads(&self, edge: &(u32, u32, EdgeKind), from: u32) -> Option<u32> {
        let (source, target, kind) = *edge;
        let kind_fits = self.kinds.is_empty() || self.kinds.contains(&kind);
        let to = match self.way {
            0 => (source == from).then_some(target),
            1 => (target == from).then_some(source),
            _ if source == from => Some(target),
            _ => (target == from).then_some(source),
        };
        to.filter(|_| kind_fits)
    }

    /// Returns all ways to go from one node to another, each as the edges that it adds to `used`.
    fn ways(&self, edges: &[(u32, u32, EdgeKind)], from: u32, to: u32, used: &[usize]) -> Vec<Vec<usize>> {
        let (least, most) = self.length.unwrap_or((1, 1));
        let mut ended = Vec::new();
        let mut open = vec![(from, used.to_vec())];
        for length in 0..=most {
            if length >= least {
                ended.extend(open.iter().filter(|it| it.0 == to).map(|it| it.1.clone()));
            }
            let mut longer = Vec::new();
            for (at, so_far) in &open {
                for (number, edge) in edges.iter().enumerate().filter(|it| !so_far.contains(&it.0)) {
                    if let Some(next) = self.leads(edge, *at) {
                        longer.push((next, [so_far.as_slice(), &[number]].concat()));
                    }
                }
            }
            open = longer;
        }
        ended
    }
}

impl Condition {
    fn text(&self) -> String {
        let all = |all: &[Condition], word: &str| all.iter().map(Condition::text).collect::<Vec<_>>().join(word);
        match self {
            Condition::True => "true".to_owned(),
            Condition::Name(a, name) => format!("v{a}.name = '{name}'"),
            Condition::SameName(a, b) => format!("v{a}.name = v{b}.name"),
            Condition::Kind(a, kind) => format!("v{a}:{}", kind.as_str()),
            Condition::Doc(a) => format!("v{a}.doc = 'x'"),
            Condition::Linked(a, link, b) => format!("(v{a}){}(v{b})", link.text()),
            Condition::Not(it) => format!("NOT ({})", it.text()),
            Condition::And(it) => format!("({})", all(it, " AND ")),
            Condition::Or(it) => format!("({})", all(it, " OR ")),
        }
    }

    fn truth(&self, world: &World<'_>, row: [u32; 3]) -> Option<bool> {
        match self {
            Condition::True => Some(true),
            Condition::Name(a, name) => world.name(row[*a]).map(|it| it == *name),
            Condition::SameName(a, b) => Some(world.name(row[*a])? == world.name(row[*b])?),
            Condition::Kind(a, kind) => Some(world.kind(row[*a]) == *kind),
            Condition::Doc(_) => None,
            Condition::Linked(a, link, b) => Some(!link.ways(&world.edges, row[*a], row[*b], &[]).is_empty()),
            Condition::Not(it) => it.truth(world, row).map(|it| !it),
            Condition::And(all) => {
                let each: Vec<_> = all.iter().map(|it| it.truth(world, row)).collect();
                if each.contains(&Some(false)) { Some(false) } else { (!each.contains(&None)).then_some(true) }
            }
            Condition::Or(all) => {
                let each: Vec<_> = all.iter().map(|it| it.truth(world, row)).collect();
                if each.contains(&Some(true)) { Some(true) } else { (!each.contains(&None)).then_some(false) }
            }
        }
    }
}

/// The small graph as plain lists.
struct World<'s> {
    symbols: &'s [(usize, usize)],
    edges: Vec<(u32, u32, EdgeKind)>,
}

impl World<'_> {
    fn of(small: &Small) -> World<'_> {
        let mut edges: Vec<_> = small.1.iter().filter(|it| it.0 != it.1).map(|it| (it.0, it.1, EDGES[it.2])).collect();
        edges.sort();
        edges.dedup();
        World { symbols: &small.0, edges }
    }

    fn name(&self, node: u32) -> Option<&'static str> {
        match node {
            0 => None,
            1 => Some("a.py"),
            it => Some(NAMES[self.symbols[it as usize - 2].1]),
        }
    }

    fn kind(&self, node: u32) -> NodeKind {
        match node {
            0 => NodeKind::Repository,
            1 => NodeKind::File,
            it => KINDS[self.symbols[it as usize - 2].0].into(),
        }
    }

    fn answer(&self, asked: &Asked) -> Vec<[u32; 3]> {
        let mut rows = Vec::new();
        for number in 0..NODES.pow(3) {
            let row = [number % NODES, number / NODES % NODES, number / NODES / NODES];
            let fits = asked.labels.iter().all(|(variable, kind)| self.kind(row[*variable]) == *kind)
                && asked.names.iter().all(|(variable, name)| self.name(row[*variable]) == Some(name))
                && asked.condition.truth(self, row) == Some(true);
            if !fits {
                continue;
            }
            let mut ways = vec![Vec::new()];
            for (start, rest) in &asked.chains {
                let mut from = *start;
                for (link, to) in rest {
                    ways = ways.iter().flat_map(|used| link.ways(&self.edges, row[from], row[*to], used)).collect();
                    from = *to;
                }
            }
            rows.extend(ways.iter().map(|_| row));
        }
        rows.sort_unstable();
        if asked.distinct {
            rows.dedup();
        }
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_planned_walk_agrees_with_all_ways_to_bind(small in small(), asked in asked()) {
        let text = asked.text();
        let limits = Limits { rows: usize::MAX, hops: u64::MAX, memory: usize::MAX, ..Limits::default() };
        let answer = graph(&small).query(&text, &Parameters::new(), &limits);
        let answer = answer.map_err(|error| TestCaseError::fail(format!("{text}\n{error}")))?;
        prop_assume!(answer.truncated.is_none());
        let mut rows: Vec<Vec<String>> =
            answer.rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        let mut expected: Vec<Vec<String>> =
            World::of(&small).answer(&asked).iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        rows.sort();
        expected.sort();
        prop_assert_eq!(rows, expected, "{}", text);
    }
}
