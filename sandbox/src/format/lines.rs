//! Covered lines, gathered from reports by file.

use std::collections::{BTreeMap, BTreeSet};

use repo::RepoPath;

use super::place::Place;

/// Most lines that are kept of one run.
const MOST_LINES: usize = 5_000_000;
/// Highest number of a line that is believed.
const LAST_LINE: u32 = 10_000_000;

/// Lines by file, relative to the workspace.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    files: BTreeMap<String, BTreeSet<u32>>,
    count: usize,
}

impl Lines {
    /// Adds the lines of a file; one outside of the workspace is left out.
    pub(crate) fn add(&mut self, place: Place<'_>, path: &str, lines: impl IntoIterator<Item = u32>) {
        let Some(path) = place.inside(path) else { return };
        let known = self.files.entry(path).or_default();
        for line in lines {
            if line == 0 || line > LAST_LINE || self.count >= MOST_LINES {
                continue;
            }
            self.count += usize::from(known.insert(line));
        }
    }

    /// Returns the lines, ascending, by file; files without a covered line are left out.
    pub(crate) fn into_vec(self) -> Vec<(RepoPath, Vec<u32>)> {
        let files = self.files.into_iter().filter(|(_, lines)| !lines.is_empty());
        files.filter_map(|(path, lines)| Some((RepoPath::new(&path).ok()?, lines.into_iter().collect()))).collect()
    }
}

/// Shows lines as a reader's test compares them: `a.c: 1 2 3`.
#[cfg(test)]
pub(crate) fn show(lines: &[(RepoPath, Vec<u32>)]) -> Vec<String> {
    let numbers = |lines: &[u32]| lines.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    lines.iter().map(|(path, lines)| format!("{path}: {}", numbers(lines))).collect()
}
