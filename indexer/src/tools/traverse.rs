//! Traverse: what is around some entities, as an indented tree.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::entity::{self, Unknown};
use super::show;
use crate::Index;
use crate::graph::{Direction, EdgeKind, EdgeKinds, Neighbourhood, NodeId, NodeKind, Reach, Step};

/// How many steps at most, whatever is asked for.
const MAX_DEPTH: u32 = 6;
/// How many entities a tree has at most, whatever is asked for.
const MAX_ENTITIES: usize = 400;
/// How many relations of one entity are followed.
const FAN_OUT: usize = 30;
/// How many bytes a tree has at most.
const MAX_BYTES: usize = 32 << 10;

/// Arguments of the tool that traverses the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traverse {
    /// The entities to start from: `path::Class.method`, a path, a qualified name or a name.
    pub start: Vec<String>,
    /// Which way to go.
    #[serde(default)]
    pub way: Way,
    /// How many steps, at most 6.
    #[serde(default = "default_depth")]
    pub depth: u32,
    /// Only along these relations; all when empty.
    #[serde(default)]
    pub relations: Vec<EdgeKind>,
    /// Only entities of these kinds are shown; all when empty. Others are passed through.
    #[serde(default)]
    pub kinds: Vec<NodeKind>,
    /// Leaves out relations that are less sure, from 0 to 1.
    #[serde(default)]
    pub confidence: f32,
    /// How many entities at most, up to 400.
    #[serde(default = "default_limit")]
    pub limit: usize,
}

fn default_depth() -> u32 {
    2
}

fn default_limit() -> usize {
    80
}

/// Which way relations are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To what an entity contains, calls, uses, imports, inherits from.
    #[default]
    Downstream,
    /// To what contains, calls, uses, imports or inherits from it.
    Upstream,
    /// Both.
    Both,
}

/// Result of the tool that traverses the graph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traversed {
    /// The tree, one entity a line, each below that from which it was reached.
    pub tree: String,
    /// How many entities it shows.
    pub entities: usize,
    /// How many relations lead to entities that it does not show.
    pub left_out: usize,
    /// Starts that mean nothing, or too much.
    pub unknown: Vec<Unknown>,
}

impl Traverse {
    /// Returns arguments to go from these entities with the usual limits.
    pub fn from(start: impl IntoIterator<Item = impl Into<String>>) -> Traverse {
        Traverse {
            start: start.into_iter().map(Into::into).collect(),
            way: Way::default(),
            depth: default_depth(),
            relations: Vec::new(),
            kinds: Vec::new(),
            confidence: 0.0,
            limit: default_limit(),
        }
    }

    /// Traverses.
    pub fn run(&self, index: &Index) -> Traversed {
        let (mut starts, mut unknown) = (Vec::new(), Vec::new());
        for name in &self.start {
            match entity::named(index, name) {
                Ok(nodes) => starts.extend(nodes),
                Err(it) => unknown.push(it),
            }
        }
        let reach = Reach {
            kinds: if self.relations.is_empty() { EdgeKinds::ALL } else { EdgeKinds::of(&self.relations) },
            directions: match self.way {
                Way::Downstream => vec![Direction::Out],
                Way::Upstream => vec![Direction::In],
                Way::Both => vec![Direction::Out, Direction::In],
            },
            depth: self.depth.min(MAX_DEPTH),
            nodes: self.limit.min(MAX_ENTITIES),
            fan_out: FAN_OUT,
            confidence: self.confidence,
        };
        let all = index.graph().neighbourhood(&starts, &reach);
        let tree = Tree { index, all: &all, kinds: &self.kinds };
        let mut traversed = tree.drawn();
        traversed.unknown = unknown;
        traversed
    }
}

struct Tree<'a> {
    index: &'a Index,
    all: &'a Neighbourhood,
    kinds: &'a [NodeKind],
}

impl Tree<'_> {
    fn drawn(&self) -> Traversed {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.all.reached.len()];
        for (at, it) in self.all.reached.iter().enumerate() {
            if let Some(from) = it.from {
                children[from].push(at);
            }
        }
        let wanted = self.wanted();
        let mut drawn = Traversed { tree: String::new(), entities: 0, left_out: 0, unknown: Vec::new() };
        let starts = self.all.reached.iter().enumerate().filter(|it| it.1.from.is_none()).map(|it| it.0);
        let mut open: Vec<usize> = starts.collect();
        open.reverse();
        while let Some(at) = open.pop() {
            if !wanted[at] {
                continue;
            }
            let line = self.line(at);
            if drawn.tree.len() + line.len() > MAX_BYTES {
                drawn.left_out += 1;
                continue;
            }
            drawn.tree.push_str(&line);
            drawn.entities += 1;
            drawn.left_out += self.all.left_out[at];
            open.extend(children[at].iter().rev());
        }
        drawn
    }

    /// Whether each is shown: it is of a wanted kind, a start, or on the way to one that is.
    fn wanted(&self) -> Vec<bool> {
        let reached = &self.all.reached;
        let kind = |it: NodeId| self.index.graph().kind(it).is_some_and(|it| self.kinds.contains(&it));
        let mut wanted: Vec<bool> =
            reached.iter().map(|it| it.from.is_none() || self.kinds.is_empty() || kind(it.node)).collect();
        // Whatever leads to another stands before it.
        for at in (0..reached.len()).rev() {
            if let Some(from) = reached[at].from.filter(|_| wanted[at]) {
                wanted[from] = true;
            }
        }
        wanted
    }

    fn line(&self, at: usize) -> String {
        let it = self.all.reached[at];
        let graph = self.index.graph();
        let kind = graph.kind(it.node).map_or("", NodeKind::as_str);
        let lines = graph.symbol(it.node).and_then(|_| show::lines(self.index, it.node));
        let lines = lines.map(|it| format!(", lines {it}")).unwrap_or_default();
        let by = it.by.map(|it| format!("{} ", said(&it))).unwrap_or_default();
        let more = match self.all.left_out[at] {
            0 => String::new(),
            more => format!(" … {more} more from here"),
        };
        let indent = 2 * it.depth as usize;
        format!("{:indent$}{by}{} [{kind}{lines}]{more}\n", "", graph.label(it.node))
    }
}

/// The relation in words, read from the line above.
fn said(step: &Step) -> String {
    let words = match (step.kind, step.direction) {
        (kind, Direction::Out) => kind.as_str(),
        (EdgeKind::Contains, Direction::In) => "is in",
        (EdgeKind::Imports, Direction::In) => "is imported by",
        (EdgeKind::Calls, Direction::In) => "is called by",
        (EdgeKind::Uses, Direction::In) => "is used by",
        (EdgeKind::Inherits, Direction::In) => "is inherited by",
        (EdgeKind::Overrides, Direction::In) => "is overridden by",
        (EdgeKind::Tests, Direction::In) => "is tested by",
    };
    if step.confidence < 0.75 { format!("perhaps {words}") } else { words.to_owned() }
}

impl fmt::Display for Traversed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tree)?;
        if self.left_out > 0 {
            writeln!(f, "… {} relations are not followed; ask for fewer kinds or steps", self.left_out)?;
        }
        self.unknown.iter().try_for_each(|it| writeln!(f, "{it}"))
    }
}
