//! Applying hunks to a content: every line must be there, though the place may have moved a little.

use super::{Hunk, LineSide};

/// How many lines away from its place a hunk is looked for.
const MAX_OFFSET: usize = 1000;

/// Why a hunk does not fit a content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The lines the hunk expects are nowhere near.
    #[error("hunk {hunk} does not match at line {line} or near it")]
    Mismatch {
        /// Which hunk, counted from 1.
        hunk: usize,
        /// The line at which it is expected.
        line: usize,
    },
    /// The hunk lies before the end of the one in front.
    #[error("hunk {hunk} at line {line} overlaps the hunk in front")]
    Overlap {
        /// Which hunk, counted from 1.
        hunk: usize,
        /// The line at which it is expected.
        line: usize,
    },
    /// A line without newline would be followed by more.
    #[error("hunk {hunk} ends the file at line {line}, but more lines follow")]
    EndsEarly {
        /// Which hunk, counted from 1.
        hunk: usize,
        /// The line at which it is expected.
        line: usize,
    },
}

/// Returns the content with every hunk applied.
pub(crate) fn apply_hunks(content: &[u8], hunks: &[Hunk]) -> Result<Vec<u8>, ApplyError> {
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let mut out = Vec::with_capacity(content.len());
    let mut done = 0;
    // How far the hunks so far were found from where they should be.
    let mut shift = 0_isize;
    for (at, hunk) in hunks.iter().enumerate() {
        let number = at + 1;
        let line = hunk.old_start;
        // A range without lines names the line in front of it.
        let place = if hunk.old_lines == 0 { line } else { line.saturating_sub(1) };
        let expected = place.saturating_add_signed(shift);
        let old: Vec<&[u8]> = side(hunk, LineSide::Removed).collect();
        let overlaps = expected < done && shift == 0;
        if overlaps {
            return Err(ApplyError::Overlap { hunk: number, line });
        }
        let found = locate(&lines, done, expected, hunk, &old).ok_or(ApplyError::Mismatch { hunk: number, line })?;
        shift += found.cast_signed() - expected.cast_signed();
        out.extend(lines[done..found].concat());
        side(hunk, LineSide::Added).for_each(|bytes| out.extend_from_slice(bytes));
        done = found + old.len();
        let open = !out.is_empty() && !out.ends_with(b"\n");
        if open && done < lines.len() {
            return Err(ApplyError::EndsEarly { hunk: number, line });
        }
    }
    out.extend(lines[done..].concat());
    Ok(out)
}

/// Returns the lines of one side of a hunk, which is the context and what only that side has.
fn side(hunk: &Hunk, only: LineSide) -> impl Iterator<Item = &[u8]> {
    hunk.lines.iter().filter(move |line| line.side == LineSide::Context || line.side == only).map(|line| &**line.bytes)
}

/// Finds where the lines `old` stand, as near to `expected` as possible and not before `from`.
fn locate(lines: &[&[u8]], from: usize, expected: usize, hunk: &Hunk, old: &[&[u8]]) -> Option<usize> {
    let last = lines.len().checked_sub(old.len())?;
    let fits = |place: usize| place >= from && place <= last && lines[place..place + old.len()] == *old;
    if fits(expected) {
        return Some(expected);
    }
    let is_context = |at: Option<&super::Line>| at.is_some_and(|line| line.side == LineSide::Context);
    // Context missing on one side only means that the file began or ended there; without any there is nothing to look for.
    let (leading, trailing) = (is_context(hunk.lines.first()), is_context(hunk.lines.last()));
    let allowed = |place: usize| match (leading, trailing) {
        (true, true) => true,
        (false, true) => place == 0,
        (true, false) => place == last,
        (false, false) => false,
    };
    (1..=MAX_OFFSET)
        .flat_map(|offset| [expected.checked_sub(offset), expected.checked_add(offset)])
        .flatten()
        .find(|place| allowed(*place) && fits(*place))
}
