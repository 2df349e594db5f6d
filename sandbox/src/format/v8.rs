//! Lines that V8 counted as run (`NODE_V8_COVERAGE`), after `runner/reporters/lines.cjs` has left only the workspace's own files.
//!
//! Offsets are those of the text that V8 ran. A script with a source map is left out: its offsets are not those of the file that a
//! person wrote. So this serves JavaScript that runs as it is written; tools that transform it first bring their own coverage
//! ([`super::istanbul`]).

use std::collections::{BTreeMap, BTreeSet};

use repo::RepoPath;
use serde::Deserialize;

/// The file with the reduced record, in the report folder.
pub(crate) const FILE: &str = "coverage.jsonl";
const MAX_LINE: usize = 64 << 20;

#[derive(Deserialize)]
struct Script {
    file: String,
    /// Where the text of each line begins and ends.
    lines: Vec<(u32, u32)>,
    /// Start, end and count; a function's own range before those of its blocks.
    ranges: Vec<(u32, u32, u64)>,
}

/// Lines by file.
pub(crate) type Lines = Vec<(RepoPath, Vec<u32>)>;

/// Returns the lines that were run, of all processes together.
pub(crate) fn lines(bytes: &[u8]) -> Lines {
    let mut files: BTreeMap<RepoPath, BTreeSet<u32>> = BTreeMap::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| line.len() <= MAX_LINE) {
        let Ok(script) = serde_json::from_slice::<Script>(line) else { continue };
        let Ok(path) = RepoPath::new(&script.file) else { continue };
        files.entry(path).or_default().extend(run(script));
    }
    files.into_iter().map(|(path, lines)| (path, lines.into_iter().collect())).collect()
}

/// A line was run unless all of its text lies in ranges that were not.
fn run(script: Script) -> Vec<u32> {
    let segments = segments(script.ranges);
    let mut lines = Vec::new();
    let mut at = 0;
    for (number, (start, end)) in (1_u32..).zip(script.lines) {
        while segments.get(at).is_some_and(|(_, until, _)| *until <= start) {
            at += 1;
        }
        let touching = segments[at..].iter().take_while(|(from, ..)| *from < end);
        if start < end && touching.into_iter().any(|(.., count)| *count > 0) {
            lines.push(number);
        }
    }
    lines
}

/// Cuts nested ranges into pieces side by side; the innermost decides.
fn segments(mut ranges: Vec<(u32, u32, u64)>) -> Vec<(u32, u32, u64)> {
    // Stable: of equal ranges, the one that V8 names later is the inner one.
    ranges.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut segments = Vec::new();
    let mut open: Vec<(u32, u64)> = Vec::new();
    let mut at = 0;
    let mut advance = |at: &mut u32, to: u32, count: u64| {
        if to > *at {
            segments.push((*at, to, count));
            *at = to;
        }
    };
    for (start, end, count) in ranges {
        while let Some((until, outer)) = open.last().copied().filter(|(until, _)| *until <= start) {
            advance(&mut at, until, outer);
            open.pop();
        }
        if let Some((_, outer)) = open.last() {
            advance(&mut at, start, *outer);
        }
        at = at.max(start);
        // Ranges of V8 never overlap without nesting; where a report says so, the outer one ends the inner.
        let end = open.last().map_or(end, |(until, _)| end.min(*until));
        open.push((end, count));
    }
    while let Some((until, count)) = open.pop() {
        advance(&mut at, until, count);
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_range_decides() {
        assert_eq!(
            segments(vec![(0, 100, 1), (10, 50, 2), (20, 30, 0), (60, 70, 0), (60, 70, 3)]),
            [(0, 10, 1), (10, 20, 2), (20, 30, 0), (30, 50, 2), (50, 60, 1), (60, 70, 3), (70, 100, 1)]
        );
    }

    #[test]
    fn a_line_is_run_unless_all_of_it_is_not() {
        // Line 2 lies wholly in a block that was not run, line 3 partly, line 4 is empty.
        let report = br#"{"file":"a.js","lines":[[0,10],[12,20],[21,30],[31,31],[32,40]],"ranges":[[0,40,1],[11,25,0]]}
not json
{"file":"../a.js","lines":[[0,10]],"ranges":[[0,40,1]]}
{"file":"a.js","lines":[[0,10],[12,20]],"ranges":[[0,40,0],[12,13,1]]}
"#;
        assert_eq!(lines(report), [(RepoPath::new("a.js").unwrap(), vec![1, 2, 3, 5])]);
    }

    proptest::proptest! {
        #[test]
        fn pieces_never_overlap(ranges in proptest::collection::vec((0_u32..50, 0_u32..50, 0_u64..3), 0..20)) {
            let pieces = segments(ranges);
            proptest::prop_assert!(pieces.windows(2).all(|two| two[0].1 <= two[1].0));
            proptest::prop_assert!(pieces.iter().all(|(start, end, _)| start < end));
        }
    }
}
