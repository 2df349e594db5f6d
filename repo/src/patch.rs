//! Patches: unified diffs in git's format, byte for byte.
//!
//! [`parse`](Patch::parse) reads what git, GitHub and people write; [`to_bytes`](Patch::to_bytes) gives back the very same bytes for
//! whatever git itself wrote. Paths are kept as written, since a hostile patch names places outside the repository: the policy gate
//! names them, and applying refuses them.

mod apply;
mod parse;
mod quote;
mod render;

use std::fmt;

use bstr::BString;

use crate::snapshot::FileMode;
use crate::{PathError, RepoPath};

pub use apply::ApplyError;
pub(crate) use apply::apply_hunks;

/// A change to a tree, as a list of changes to files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    pub(crate) files: Vec<FilePatch>,
}

/// What a patch does to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePatch {
    /// What happens to the file as a whole.
    pub kind: ChangeKind,
    /// The path before, as written in the patch; for a new file equal to `new_path`.
    pub old_path: BString,
    /// The path after, as written in the patch; for a deleted file equal to `old_path`.
    pub new_path: BString,
    /// The mode before, where the patch tells it.
    pub old_mode: Option<FileMode>,
    /// The mode after, where the patch tells it.
    pub new_mode: Option<FileMode>,
    /// The `index` line, where there is one.
    pub index: Option<IndexLine>,
    /// The percentage of a rename or copy, where the patch tells it.
    pub similarity: Option<Similarity>,
    /// The changed places, first to last.
    pub hunks: Vec<Hunk>,
    /// How the text introduces the file.
    pub(crate) header: HeaderStyle,
}

/// What happens to a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The file is new.
    Create,
    /// The file is removed.
    Delete,
    /// Content or mode change in place.
    Modify,
    /// The file moves, perhaps with changes.
    Rename,
    /// The file is copied, perhaps with changes.
    Copy,
}

/// The `index` line of a file: abbreviated or full blob ids and, where the mode does not change, the mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexLine {
    /// The blob before.
    pub old: BString,
    /// The blob after.
    pub new: BString,
    /// The mode of both.
    pub mode: Option<FileMode>,
}

/// How alike the two sides of a rename or copy are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// `similarity index N%`.
    Alike(u8),
    /// `dissimilarity index N%`, which git writes for a rewritten file.
    Unlike(u8),
}

/// How the file was introduced in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderStyle {
    /// With a `diff --git` line.
    Git,
    /// With `---` and `+++` only, as `diff -u` writes.
    Plain,
}

/// One changed place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first line before, counted from 1; the line in front when there are none.
    pub old_start: usize,
    /// The number of lines before.
    pub old_lines: usize,
    /// The first line after, counted from 1; the line in front when there are none.
    pub new_start: usize,
    /// The number of lines after.
    pub new_lines: usize,
    /// What stands behind the second `@@`, with its leading space.
    pub section: BString,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line of a hunk. The bytes include the newline, unless the file ends there without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which side has the line.
    pub side: LineSide,
    /// The bytes.
    pub bytes: BString,
}

/// Which side of a change a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineSide {
    /// Both.
    Context,
    /// Only before.
    Removed,
    /// Only after.
    Added,
}

/// Why a patch cannot be read, made or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The text is no unified diff.
    #[error("line {line} of the patch: {reason}")]
    Malformed {
        /// The line of the patch, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The text holds no file header at all.
    #[error("no file header (`diff --git` or `---`) in the patch")]
    Empty,
    /// The change of the file is binary.
    #[error("`{path}` is a binary file; patches hold text only")]
    Binary {
        /// The file.
        path: String,
    },
    /// The change is one of a submodule.
    #[error("`{path}` is a submodule; patches leave those alone")]
    Submodule {
        /// The submodule.
        path: String,
    },
    /// A path in the patch names no place inside a repository.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The patch changes one file twice.
    #[error("`{path}` appears twice in the patch")]
    Duplicate {
        /// The file.
        path: RepoPath,
    },
    /// The file to change is not there.
    #[error("no file `{path}` in the tree the patch is for")]
    MissingFile {
        /// The file.
        path: RepoPath,
    },
    /// The file to create is there already.
    #[error("file `{path}` exists already in the tree the patch is for")]
    FileExists {
        /// The file.
        path: RepoPath,
    },
    /// The mode before is another one.
    #[error("`{path}` is {found:?} in the tree, the patch expects {expected:?}")]
    ModeDiffers {
        /// The file.
        path: RepoPath,
        /// The mode in the tree.
        found: FileMode,
        /// The mode the patch tells.
        expected: FileMode,
    },
    /// A deleted file has more content than the patch removes.
    #[error("`{path}` is deleted by the patch but has content left")]
    ContentLeft {
        /// The file.
        path: RepoPath,
    },
    /// A place of the file does not look as the patch says.
    #[error("`{path}`: {reason}")]
    Hunk {
        /// The file.
        path: RepoPath,
        /// Which hunk, and why.
        reason: ApplyError,
    },
}

impl Patch {
    /// Reads a patch: one or more files in git's format or plain unified diffs, with any text in front.
    ///
    /// # Errors
    /// When the text is no patch, is cut off, or changes a binary file.
    pub fn parse(text: &[u8]) -> Result<Patch, PatchError> {
        parse::parse(text)
    }

    /// Returns the patch as git would write it.
    pub fn to_bytes(&self) -> Vec<u8> {
        render::render(self)
    }

    /// Returns the changes, one per file.
    pub fn files(&self) -> &[FilePatch] {
        &self.files
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns how many lines are added and removed, which counts a changed line twice.
    pub fn changed_lines(&self) -> usize {
        self.files.iter().map(FilePatch::changed_lines).sum()
    }
}

impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

impl FilePatch {
    /// Returns the path that matters to a reader: the one after, or the one before for a deleted file.
    ///
    /// # Errors
    /// When it names no place inside a repository.
    pub fn path(&self) -> Result<RepoPath, PathError> {
        RepoPath::new(&*self.new_path)
    }

    /// Returns how many lines are added and removed.
    pub fn changed_lines(&self) -> usize {
        self.added_lines() + self.removed_lines()
    }

    /// Returns how many lines are added.
    pub fn added_lines(&self) -> usize {
        self.count(LineSide::Added)
    }

    /// Returns how many lines are removed.
    pub fn removed_lines(&self) -> usize {
        self.count(LineSide::Removed)
    }

    fn count(&self, side: LineSide) -> usize {
        self.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.side == side).count()
    }
}
