//! Search entity: what is called so, nearly so, or speaks of it.

use std::fmt;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::{entity, show};
use crate::Index;
use crate::error::IndexError;
use crate::graph::{Node, NodeId, NodeKind};
use crate::index::Hit;
use crate::symbol::LineRange;

/// How many entities are returned at most, whatever is asked for.
const MAX_ENTITIES: usize = 50;
/// How many terms are looked for at most.
const MAX_TERMS: usize = 20;
/// How many bytes of previews and code a result has at most.
const MAX_BYTES: usize = 24 << 10;
/// Entities of more lines are previewed where the tool decides.
const MAX_FULL_LINES: u32 = 120;

/// Arguments of the tool that searches for entities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchEntity {
    /// What to look for, each by itself: a name, a qualified name (`Class.method`), a path, `path::Class.method`, or words.
    pub terms: Vec<String>,
    /// Only entities of these kinds; all when empty.
    #[serde(default)]
    pub kinds: Vec<NodeKind>,
    /// Only what stands in this file or below this directory.
    #[serde(default)]
    pub below: Option<String>,
    /// How many entities to return for each term.
    #[serde(default = "default_limit")]
    pub limit: usize,
    /// How much to show of each; by how many there are when absent.
    #[serde(default)]
    pub detail: Option<Detail>,
}

fn default_limit() -> usize {
    10
}

/// How much is shown of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// One line.
    Fold,
    /// Also the signature, a line of documentation and the heads of what is inside.
    Preview,
    /// All code with line numbers.
    Full,
}

/// How an entity was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It is called so.
    Name,
    /// It is called nearly so.
    NearName,
    /// Its text speaks of it.
    Words,
}

/// Result of the tool that searches for entities.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// What was found, for each term the best first.
    pub entities: Vec<FoundEntity>,
    /// The terms for which nothing was found.
    pub missed: Vec<String>,
    /// How many entities were called so but are not among them.
    pub left_out: usize,
}

/// One entity that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundEntity {
    /// Its name for other tools: the path, or `path::Class.method`.
    pub entity: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its lines, unless it is a directory.
    pub lines: Option<LineRange>,
    /// The term that led to it.
    pub term: String,
    /// How it did.
    pub how: How,
    /// What is shown of it, beyond this line.
    pub shown: Option<String>,
}

impl SearchEntity {
    /// Searches.
    ///
    /// # Errors
    /// When the text index cannot be read.
    pub fn run(&self, index: &Index) -> Result<Found, IndexError> {
        let mut found = Found { entities: Vec::new(), missed: Vec::new(), left_out: 0 };
        let mut nodes: Vec<NodeId> = Vec::new();
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        for term in self.terms.iter().take(MAX_TERMS) {
            let (how, mut all) = self.of_term(index, term)?;
            if all.is_empty() {
                found.missed.push(term.clone());
            }
            all.retain(|it| seen.insert(*it));
            let room = self.limit.min(MAX_ENTITIES.saturating_sub(nodes.len()));
            found.left_out += all.len().saturating_sub(room);
            all.truncate(room);
            for node in &all {
                found.entities.extend(found_entity(index, *node, term, how));
            }
            nodes.extend(all);
        }
        self.show(index, &nodes, &mut found.entities);
        Ok(found)
    }

    /// Exact names first; what is nearly so or speaks of it is looked for only where nothing is called so.
    fn of_term(&self, index: &Index, term: &str) -> Result<(How, Vec<NodeId>), IndexError> {
        let wanted =
            |all: Vec<NodeId>| -> Vec<NodeId> { all.into_iter().filter(|it| self.wants(index, *it)).collect() };
        let exact = wanted(entity::exact(index, term));
        if !exact.is_empty() {
            return Ok((How::Name, exact));
        }
        if !term.trim().contains(char::is_whitespace) {
            let near = wanted(entity::near_nodes(index, term, self.limit.min(MAX_ENTITIES)));
            if !near.is_empty() {
                return Ok((How::NearName, near));
            }
        }
        // Filters come after ranking, so more is asked for than is wanted.
        let hits = index.search(term, self.limit.min(MAX_ENTITIES).saturating_mul(10))?;
        let mut all = wanted(hits.iter().filter_map(|it| node_of(index, it)).collect());
        all.truncate(self.limit);
        Ok((How::Words, all))
    }

    fn wants(&self, index: &Index, node: NodeId) -> bool {
        let kind = index.graph().kind(node).is_some_and(|it| self.kinds.is_empty() || self.kinds.contains(&it));
        let below = self.below.as_deref().map(|it| it.trim_start_matches("./").trim_end_matches('/'));
        let below = below.filter(|it| !it.is_empty()).is_none_or(|below| {
            let path = index.graph().path(node).map(|it| it.to_str_lossy());
            path.and_then(|it| it.strip_prefix(below).map(|rest| rest.is_empty() || rest.starts_with('/')))
                == Some(true)
        });
        kind && below
    }

    /// Adds previews or code: the fewer there are, the more is shown of each, within the cap.
    fn show(&self, index: &Index, nodes: &[NodeId], entities: &mut [FoundEntity]) {
        let detail = self.detail.unwrap_or(match entities.len() {
            0..=2 => Detail::Full,
            3..=8 => Detail::Preview,
            _ => Detail::Fold,
        });
        let mut room = MAX_BYTES;
        for (node, entity) in nodes.iter().zip(entities) {
            let long = entity.lines.is_none_or(|it| it.count() > MAX_FULL_LINES);
            let detail = if self.detail.is_none() && long { detail.min_preview() } else { detail };
            let shown = match detail {
                Detail::Fold => None,
                Detail::Preview => Some(show::preview(index, *node)),
                Detail::Full => show::code(index, *node, room).map(|it| match it.left_out {
                    0 => it.text,
                    more => format!("{}… {more} more lines\n", it.text),
                }),
            };
            let shown = shown.or_else(|| (detail == Detail::Full).then(|| show::preview(index, *node)));
            entity.shown = shown.filter(|it| !it.is_empty() && it.len() <= room);
            room -= entity.shown.as_ref().map_or(0, String::len);
        }
    }
}

impl Detail {
    fn min_preview(self) -> Detail {
        if self == Detail::Full { Detail::Preview } else { self }
    }
}

fn found_entity(index: &Index, node: NodeId, term: &str, how: How) -> Option<FoundEntity> {
    let graph = index.graph();
    let (entity, term) = (graph.label(node), term.to_owned());
    Some(FoundEntity { entity, kind: graph.kind(node)?, lines: show::lines(index, node), term, how, shown: None })
}

fn node_of(index: &Index, hit: &Hit) -> Option<NodeId> {
    let graph = index.graph();
    let Some(symbol) = &hit.symbol else { return graph.find(&hit.path) };
    // Of several of one name, the one of these lines.
    let named = index.file_id(&hit.path).and_then(|it| index.file(it)).map(|it| it.symbols.clone())?;
    let mut fitting = named
        .map(crate::SymbolId)
        .filter(|it| index.symbol(*it).is_some_and(|it| it.qualified == *symbol && it.lines == hit.lines));
    fitting.next().map(|it| graph.node_of_symbol(it)).filter(|it| matches!(graph.node(*it), Some(Node::Symbol(_))))
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut term = None;
        for it in &self.entities {
            if term != Some(&it.term) {
                let how = match it.how {
                    How::Name => "is the name of",
                    How::NearName => "is nearly the name of",
                    How::Words => "is spoken of in",
                };
                writeln!(f, "`{}` {how}:", it.term)?;
                term = Some(&it.term);
            }
            write!(f, "{} [{}", it.entity, it.kind.as_str())?;
            it.lines.map_or(Ok(()), |it| write!(f, ", lines {it}"))?;
            writeln!(f, "]")?;
            for line in it.shown.iter().flat_map(|it| it.lines()) {
                writeln!(f, "    {line}")?;
            }
        }
        if self.left_out > 0 {
            writeln!(f, "… {} more; ask for a kind or a directory", self.left_out)?;
        }
        self.missed.iter().try_for_each(|it| writeln!(f, "nothing was found for `{it}`"))
    }
}
