//! Differences between two contents, line by line.
//!
//! The lines are matched by libgit2, so the hunks are those of `git diff`.

use bstr::{BString, ByteSlice};
use git2::{DiffOptions, Patch as GitPatch};

use crate::RepoError;
use crate::patch::{Hunk, Line, LineSide};

/// How many unchanged lines surround a change, as in `git diff`.
const CONTEXT_LINES: u32 = 3;

/// Returns the hunks that turn `old` into `new`, whatever bytes they hold.
pub(crate) fn diff_lines(old: &[u8], new: &[u8]) -> Result<Vec<Hunk>, RepoError> {
    let mut options = DiffOptions::new();
    options.force_text(true).context_lines(CONTEXT_LINES).indent_heuristic(true);
    let failed = || RepoError::git("compare two contents");
    let patch = GitPatch::from_buffers(old, None, new, None, Some(&mut options)).map_err(failed())?;
    (0..patch.num_hunks()).map(|at| read_hunk(&patch, at).map_err(failed())).collect()
}

fn read_hunk(patch: &GitPatch<'_>, at: usize) -> Result<Hunk, git2::Error> {
    let (head, count) = patch.hunk(at)?;
    let mut hunk = Hunk {
        old_start: head.old_start() as usize,
        old_lines: head.old_lines() as usize,
        new_start: head.new_start() as usize,
        new_lines: head.new_lines() as usize,
        section: section(head.header()),
        lines: Vec::with_capacity(count),
    };
    for number in 0..count {
        let line = patch.line_in_hunk(at, number)?;
        let side = match line.origin() {
            ' ' => LineSide::Context,
            '-' => LineSide::Removed,
            '+' => LineSide::Added,
            // The remaining kinds say that the line in front has no newline, which its bytes show already.
            _ => continue,
        };
        hunk.lines.push(Line { side, bytes: line.content().into() });
    }
    Ok(hunk)
}

/// Returns what stands behind the second `@@` of a hunk header.
fn section(header: &[u8]) -> BString {
    let behind = header.splitn_str(3, "@@").nth(2).unwrap_or_default();
    behind.trim_end_with(|it| it.is_ascii_whitespace()).into()
}
