//! The repository map: what matters most of a repository, as signatures grouped by file, within a number of tokens (after aider's map).
//!
//! Definitions are ranked by a walk over the code graph that goes from what uses to what is used and keeps returning to what is in focus:
//! files and identifiers that the caller names, else all code that is no test. The best are shown with what they stand in; between lines
//! that are not next to each other in the file stands `⋮`. Equal indexes and requests give equal maps.

mod rank;
mod render;
mod tokens;

use repo::RepoPath;
use serde::Serialize;

use crate::Index;

pub use tokens::tokens;

/// What a map is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRequest {
    /// How many tokens it may have, as [`tokens`] counts them.
    pub tokens: usize,
    /// Files and directories that matter: what they use is drawn near.
    pub focus: Vec<RepoPath>,
    /// Names that matter, as an issue mentions them.
    pub identifiers: Vec<String>,
    /// Whether the files in focus are themselves in the map; leave them out if the reader has them already.
    pub shows_focus: bool,
}

impl Default for MapRequest {
    fn default() -> MapRequest {
        MapRequest { tokens: 1_024, focus: Vec::new(), identifiers: Vec::new(), shows_focus: true }
    }
}

/// A repository map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RepoMap {
    /// The text.
    pub text: String,
    /// How many tokens it has, as [`tokens`] counts them.
    pub tokens: usize,
    /// How many files it shows.
    pub files: usize,
    /// How many definitions it shows.
    pub symbols: usize,
    /// How many definitions did not fit.
    pub left_out: usize,
}

/// Draws the map of a repository.
pub fn map(index: &Index, request: &MapRequest) -> RepoMap {
    let ranked = rank::ranked(index, request);
    render::render(index, &ranked, request.tokens)
}

#[cfg(test)]
mod tests;
