//! What changes together.

use repo::RepoPath;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{CommitDocument, History, LARGE};

/// A file or symbol that changes with another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoChange {
    /// The file, by its newest name.
    pub path: RepoPath,
    /// The symbol; `None` for the file as a whole.
    pub symbol: Option<String>,
    /// In how many commits both changed.
    pub support: u32,
    /// That number over the number of commits in which the one asked for changed.
    pub confidence: f64,
}

type Entity<'h> = (&'h RepoPath, Option<&'h str>);

pub(super) fn co_changed(history: &History, path: &RepoPath, symbol: Option<&str>, limit: usize) -> Vec<CoChange> {
    let mut together: FxHashMap<Entity<'_>, u32> = FxHashMap::default();
    let mut all = 0_u32;
    for commit in history.commits_touching(path, symbol) {
        let Some(entities) = entities(history, commit, symbol.is_some()) else { continue };
        all += 1;
        entities.into_iter().for_each(|it| *together.entry(it).or_default() += 1);
    }
    together.retain(|it, _| !is_itself(*it, path, symbol));
    let pair = |(it, support): (Entity<'_>, u32)| CoChange {
        path: it.0.clone(),
        symbol: it.1.map(str::to_owned),
        support,
        confidence: f64::from(support) / f64::from(all.max(1)),
    };
    let mut pairs: Vec<CoChange> = together.into_iter().map(pair).collect();
    pairs.sort_by(|a, b| b.support.cmp(&a.support).then_with(|| (&a.path, &a.symbol).cmp(&(&b.path, &b.symbol))));
    pairs.truncate(limit);
    pairs
}

/// Returns what a commit touched, each once; `None` if that is too much to say anything.
fn entities<'h>(history: &'h History, commit: &'h CommitDocument, symbols: bool) -> Option<Vec<Entity<'h>>> {
    if commit.is_large() {
        return None;
    }
    let present = |it: &'h super::TouchedFile| history.present_name(commit, &it.path);
    let mut all: Vec<Entity<'h>> = if symbols {
        let of_file = |it: &'h super::TouchedFile| it.symbols.iter().map(move |symbol| (present(it), Some(&**symbol)));
        commit.files.iter().flat_map(of_file).collect()
    } else {
        commit.files.iter().map(|it| (present(it), None)).collect()
    };
    all.sort_unstable();
    all.dedup();
    (all.len() <= LARGE).then_some(all)
}

/// A symbol does not change together with itself or with what is inside of it.
fn is_itself(entity: Entity<'_>, path: &RepoPath, symbol: Option<&str>) -> bool {
    let inside = |symbol: &str, other: &str| {
        other.strip_prefix(symbol).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    entity.0 == path
        && match (symbol, entity.1) {
            (Some(symbol), Some(other)) => inside(symbol, other),
            _ => true,
        }
}
