//! What files are called now that had other names when commits touched them.

use repo::{CommitId, RepoPath};
use rustc_hash::FxHashMap;

use super::record::{ChangeStatus, CommitDocument};

/// The present names of files at commits before a rename.
///
/// Histories branch, and a name may be given again; as in `git log --follow`, commits are taken in one order, newest first, and a rename
/// holds for all that come after it in that order.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By old name, the renames in the order of commits: from which place on which name.
    renames: FxHashMap<RepoPath, Vec<(usize, RepoPath)>>,
    places: FxHashMap<CommitId, usize>,
}

impl Names {
    /// Reads the renames of commits that are listed newest first.
    pub(super) fn of(commits: &[CommitDocument]) -> Names {
        let mut names = Names::default();
        for (at, commit) in commits.iter().enumerate() {
            for file in &commit.files {
                let Some(from) = &file.from else {
                    // A name that was free before this commit meant another file then.
                    if file.status == ChangeStatus::Added && names.renames.contains_key(&file.path) {
                        names.renames.entry(file.path.clone()).or_default().push((at + 1, file.path.clone()));
                    }
                    continue;
                };
                let now = names.at(at, &file.path).clone();
                names.renames.entry(from.clone()).or_default().push((at + 1, now));
            }
        }
        if !names.renames.is_empty() {
            names.places = commits.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
        }
        names
    }

    /// Returns the present name of the file that was called `path` after `commit`.
    pub(super) fn present<'a>(&'a self, commit: CommitId, path: &'a RepoPath) -> &'a RepoPath {
        if !self.renames.contains_key(path) {
            return path;
        }
        self.places.get(&commit).map_or(path, |at| self.at(*at, path))
    }

    fn at<'a>(&'a self, place: usize, path: &'a RepoPath) -> &'a RepoPath {
        let Some(renames) = self.renames.get(path) else { return path };
        let after = renames.partition_point(|it| it.0 <= place);
        after.checked_sub(1).and_then(|it| renames.get(it)).map_or(path, |it| &it.1)
    }
}
