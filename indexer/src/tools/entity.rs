//! What a name given to a tool means.

use repo::RepoPath;
use serde::Serialize;

use crate::Index;
use crate::graph::query::distance;
use crate::graph::{NodeId, NodeKind};
use crate::symbol::{Symbol, SymbolId};

/// How many entities one name may mean before it means too many.
const MAX_NAMESAKES: usize = 8;
/// How many near names are proposed.
const MAX_PROPOSED: usize = 5;

/// A name that means nothing, or too much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The name as it was given.
    pub name: String,
    /// How many entities have this name; 0 when none has.
    pub namesakes: usize,
    /// Entities that may be meant.
    pub proposed: Vec<String>,
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namesakes {
            0 => write!(f, "nothing is called `{}`", self.name)?,
            many => write!(f, "{many} entities are called `{}`, name one as path::Qualified.name", self.name)?,
        }
        if self.proposed.is_empty() { Ok(()) } else { write!(f, "; perhaps {}", self.proposed.join(", ")) }
    }
}

/// Returns the nodes that a name means: one, or a few of one name.
pub(super) fn named(index: &Index, name: &str) -> Result<Vec<NodeId>, Unknown> {
    let exact = exact(index, name);
    match exact.len() {
        0 => Err(Unknown { name: name.to_owned(), namesakes: 0, proposed: near(index, name, MAX_PROPOSED) }),
        1..=MAX_NAMESAKES => Ok(exact),
        many => {
            let proposed = exact.iter().take(MAX_PROPOSED).map(|it| index.graph().label(*it)).collect();
            Err(Unknown { name: name.to_owned(), namesakes: many, proposed })
        }
    }
}

/// Returns the nodes of this label, path, qualified name or name, in that order of preference; code before tests.
pub(super) fn exact(index: &Index, name: &str) -> Vec<NodeId> {
    let name = name.trim().trim_start_matches("./");
    if matches!(name, "" | "/" | ".") {
        return if name.is_empty() { Vec::new() } else { vec![index.graph().root()] };
    }
    if let Some((path, qualified)) = name.split_once("::") {
        // Of overloads all are meant.
        let all = RepoPath::new(path).map(|it| of_file(index, &it, qualified)).unwrap_or_default();
        if !all.is_empty() {
            return all;
        }
    }
    let place = RepoPath::new(name.trim_end_matches('/')).ok().and_then(|it| index.graph().find(&it));
    if let Some(place) = place {
        return vec![place];
    }
    let dotted = name.replace("::", ".");
    let short = dotted.rsplit('.').next().unwrap_or(&dotted);
    let fits = |it: &Symbol| it.qualified == dotted || it.qualified.ends_with(&format!(".{dotted}"));
    let all = index.symbols_named(short).iter().filter(|it| index.symbol(**it).is_some_and(fits));
    let mut all: Vec<SymbolId> = all.copied().collect();
    all.sort_by_key(|it| index.symbol(*it).is_none_or(|it| it.is_test));
    let symbols: Vec<NodeId> = all.into_iter().map(|it| index.graph().node_of_symbol(it)).collect();
    if symbols.is_empty() { with_file_name(index, name) } else { symbols }
}

fn of_file(index: &Index, path: &RepoPath, qualified: &str) -> Vec<NodeId> {
    let Some(file) = index.file_id(path).and_then(|it| index.file(it)) else { return Vec::new() };
    let ids = file.symbols.clone().map(SymbolId);
    let fitting = ids.filter(|it| index.symbol(*it).is_some_and(|it| it.qualified == qualified));
    fitting.map(|it| index.graph().node_of_symbol(it)).collect()
}

/// Returns the files and directories whose path ends with these components.
fn with_file_name(index: &Index, name: &str) -> Vec<NodeId> {
    let graph = index.graph();
    let ending = format!("/{name}");
    let places = graph.of_kind(NodeKind::File).iter().chain(graph.of_kind(NodeKind::Directory)).copied();
    places.filter(|it| graph.path(*it).is_some_and(|it| it.as_bytes().ends_with(ending.as_bytes()))).collect()
}

/// Returns the labels of what is called nearly so, nearest first.
pub(super) fn near(index: &Index, name: &str, count: usize) -> Vec<String> {
    near_nodes(index, name, count).into_iter().map(|it| index.graph().label(it)).collect()
}

/// Returns what is called nearly so, nearest first: by letters' case, then by few changed letters.
pub(super) fn near_nodes(index: &Index, name: &str, count: usize) -> Vec<NodeId> {
    let dotted = name.rsplit_once("::").map_or(name, |it| it.1);
    let short = dotted.rsplit('.').next().unwrap_or(dotted).to_lowercase();
    let most = (short.chars().count() / 4).min(3);
    let mut near: Vec<(usize, bool, usize)> = Vec::new();
    for (at, symbol) in index.symbols().iter().enumerate() {
        if symbol.name().len().abs_diff(short.len()) > most * 4 {
            continue;
        }
        let distance = distance(&short, &symbol.name().to_lowercase());
        if distance <= most {
            near.push((distance, symbol.is_test, at));
        }
    }
    near.sort_unstable();
    near.truncate(count);
    near.into_iter().map(|it| index.graph().node_of_symbol(SymbolId(it.2 as u32))).collect()
}
