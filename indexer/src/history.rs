//! What a repository's commits tell: who changed with whom, how often and how lately, and in which words.
//!
//! A commit is a document: its message, the files it touched with how many lines, and the symbols its changed lines stand in. What a commit
//! says never changes, so it is mined once and kept by its id, shared by all branches, clones and processes that use a cache; another tip,
//! a force-push or a deeper clone mines only commits never seen. Who made a commit is neither read nor kept.
//!
//! - *Co-change* follows Zimmermann and others, "Mining version histories to guide software changes" (ICSE 2004): support is how many commits
//!   touched both, confidence is that number over how many touched the first; commits of more than [`LARGE`] files or symbols say nothing.
//! - *Churn* counts changes, each worth half after a year, the decay that Graves and others found to tell faults best ("Predicting fault
//!   incidence using software change history", TSE 2000). Age is counted from the newest commit, not from today: equal histories give equal numbers.

mod cochange;
mod mine;
mod names;
mod record;
mod search;
mod symbols;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use repo::history::Parents;
use repo::{CommitId, RepoPath, Store};
use rustc_hash::FxHashMap;
use serde::Serialize;

pub use cochange::CoChange;
pub use record::{ChangeStatus, CommitDocument, TouchedFile};

use crate::error::IndexError;
use names::Names;
use search::Messages;

/// Commits that touch more files than this (or more symbols) are sweeping changes; they say nothing of what belongs together, and their
/// symbols are not sought. Zimmermann and others leave out commits of more than 30 as well.
pub const LARGE: usize = 30;

/// After so many seconds a change is worth half.
const HALF_LIFE: f64 = 365.0 * 86_400.0;

/// How much of a history is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Which parents are followed. With all, merges are documents that touched nothing, since what they bring is counted where it was made;
    /// with the first, a merge touched what it brought.
    pub parents: Parents,
    /// The most commits, newest first.
    pub commits: usize,
}

impl Default for HistoryLimits {
    fn default() -> HistoryLimits {
        HistoryLimits { parents: Parents::All, commits: 5000 }
    }
}

/// What opening a history took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HistoryStats {
    /// Commits in the history.
    pub commits: usize,
    /// Commits read by this opening.
    pub mined: usize,
    /// Commits that were known.
    pub reused: usize,
    /// Commits that are left out of churn and co-change because they touch too much.
    pub large: usize,
    /// Commits of which a parent is absent, as at the end of a shallow clone: what they touched is not known yet.
    pub boundary: usize,
    /// Wall time of the opening.
    pub took: Duration,
}

/// What a mining is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryProgress {
    /// Commits done.
    pub done: usize,
    /// Commits to do.
    pub total: usize,
}

/// How much a file or symbol changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Churn {
    /// The file, by its newest name.
    pub path: RepoPath,
    /// The symbol; `None` for the file as a whole.
    pub symbol: Option<String>,
    /// How many commits changed it.
    pub changes: u32,
    /// The same, each change worth half after a year.
    pub score: f64,
    /// When it changed last, in seconds since 1970.
    pub last: i64,
}

/// A commit that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitHit<'h> {
    /// The commit.
    pub commit: &'h CommitDocument,
    /// How well it fits; comparable within one answer.
    pub score: f64,
}

/// The commits that lead to one tip, newest first.
pub struct History {
    commits: Vec<CommitDocument>,
    names: Names,
    stats: HistoryStats,
    by_file: OnceLock<FxHashMap<RepoPath, Vec<Touch>>>,
    messages: OnceLock<Messages>,
}

/// One touch of a file.
#[derive(Clone, Copy, Debug)]
struct Touch {
    /// The commit's place in the list.
    commit: u32,
    /// The file's place in the commit.
    file: u32,
}

impl History {
    /// Opens the history that leads to `tip`, mining what `cache` does not hold yet.
    ///
    /// What is mined is stored every few hundred commits, so an interrupted mining is taken up where it ended. Damage is mined anew.
    ///
    /// # Errors
    /// When the repository cannot be read, or the cache's directory cannot be made.
    pub fn open(
        cache: &Path,
        store: &Store,
        tip: CommitId,
        limits: HistoryLimits,
        progress: &dyn Fn(HistoryProgress),
    ) -> Result<History, IndexError> {
        mine::open(cache, store, tip, limits, progress)
    }

    fn new(commits: Vec<CommitDocument>, stats: HistoryStats) -> History {
        let names = Names::of(&commits);
        History { commits, names, stats, by_file: OnceLock::new(), messages: OnceLock::new() }
    }

    /// Returns all commits, newest first.
    pub fn commits(&self) -> &[CommitDocument] {
        &self.commits
    }

    /// Returns what opening took.
    pub fn stats(&self) -> HistoryStats {
        self.stats
    }

    /// Returns the name that a file has now, where it had another when a commit touched it.
    pub fn present_name<'a>(&'a self, commit: &CommitDocument, path: &'a RepoPath) -> &'a RepoPath {
        self.names.present(commit.id, path)
    }

    /// Returns the commits that touched a file, or the symbol of this qualified name in it or what is inside of that, newest first.
    ///
    /// Renames are followed: `path` is the file's newest name.
    pub fn commits_touching(&self, path: &RepoPath, symbol: Option<&str>) -> Vec<&CommitDocument> {
        self.touches(path)
            .iter()
            .filter_map(|it| {
                let commit = self.commits.get(it.commit as usize)?;
                let file = commit.files.get(it.file as usize)?;
                symbol.is_none_or(|symbol| file.touches(symbol)).then_some(commit)
            })
            .collect()
    }

    /// Returns what changed together with a file or symbol, that with the most support first.
    ///
    /// Of a file the answer is files, of a symbol it is symbols. Large commits are left out.
    pub fn co_changed(&self, path: &RepoPath, symbol: Option<&str>, limit: usize) -> Vec<CoChange> {
        cochange::co_changed(self, path, symbol, limit)
    }

    /// Returns how much a file or symbol changes; `None` if no commit looked at touched it. Large commits are left out.
    pub fn churn(&self, path: &RepoPath, symbol: Option<&str>) -> Option<Churn> {
        let touching = self.commits_touching(path, symbol);
        let counted: Vec<&CommitDocument> = touching.into_iter().filter(|it| !it.is_large()).collect();
        let last = counted.iter().map(|it| it.time).max()?;
        let score = counted.iter().map(|it| self.worth(it)).sum();
        let (path, symbol) = (path.clone(), symbol.map(str::to_owned));
        Some(Churn { path, symbol, changes: counted.len() as u32, score, last })
    }

    /// Returns the files that change most, first.
    pub fn most_changed(&self, limit: usize) -> Vec<Churn> {
        let mut all: Vec<Churn> = self.by_file().keys().filter_map(|it| self.churn(it, None)).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
        all.truncate(limit);
        all
    }

    /// Returns the commits whose messages fit a free query, best first.
    pub fn search(&self, query: &str, limit: usize) -> Vec<CommitHit<'_>> {
        let messages = self.messages.get_or_init(|| Messages::of(&self.commits));
        let found = messages.search(query, limit);
        found.into_iter().filter_map(|it| Some(CommitHit { commit: self.commits.get(it.0)?, score: it.1 })).collect()
    }

    /// What a change is worth by its age: one if it is the newest.
    fn worth(&self, commit: &CommitDocument) -> f64 {
        let newest = self.commits.first().map_or(commit.time, |it| it.time);
        let age = newest.saturating_sub(commit.time).max(0) as f64;
        0.5_f64.powf(age / HALF_LIFE)
    }

    fn touches(&self, path: &RepoPath) -> &[Touch] {
        self.by_file().get(path).map_or(&[], Vec::as_slice)
    }

    /// The touches of every file, by its newest name.
    fn by_file(&self) -> &FxHashMap<RepoPath, Vec<Touch>> {
        self.by_file.get_or_init(|| {
            let mut all: FxHashMap<RepoPath, Vec<Touch>> = FxHashMap::default();
            for (commit, it) in self.commits.iter().enumerate() {
                for (file, touched) in it.files.iter().enumerate() {
                    let path = self.present_name(it, &touched.path);
                    let touch = Touch { commit: commit as u32, file: file as u32 };
                    match all.get_mut(path) {
                        Some(touches) => touches.push(touch),
                        None => drop(all.insert(path.clone(), vec![touch])),
                    }
                }
            }
            all
        })
    }
}
