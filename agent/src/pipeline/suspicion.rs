//! How suspicious each line is: what the coverage of the failing tests says, weighed by what the issue says.

use std::collections::BTreeMap;

use indexer::localize::Localization;
use indexer::spectrum::Spectrum;
use indexer::{Index, SymbolKind};
use repo::RepoPath;
use sandbox::Failure;

/// Files in which changes are proposed, at most.
const MAX_FILES: usize = 12;
/// What is left of a line's suspicion when the issue says nothing for its symbol.
const UNNAMED: f64 = 0.3;
/// Share of a function's highest suspicion for its lines that no failing test ran: a branch not taken may be the one that should be.
const NOT_RUN: f64 = 0.15;
/// Share of a file's highest suspicion for its module-level lines, which run at import and so are in no test's coverage.
const MODULE_LEVEL: f64 = 0.05;
/// Suspicion from the issue alone, per unit of score, in a file that no coverage speaks of.
const WITHOUT_COVERAGE: f64 = 0.5;

/// Factor for the innermost line of ours in a failing test's traceback.
const RAISED_HERE: f64 = 3.0;
/// Factor for the lines of ours that called it.
const RAISED_BELOW: f64 = 1.5;

/// A file and the suspicion of its lines.
#[derive(Clone, Debug)]
pub(super) struct SuspectFile {
    /// The file.
    pub(super) path: RepoPath,
    /// Suspicion in [0,1] of each line, the first line at index 0.
    pub(super) lines: Vec<f64>,
}

impl SuspectFile {
    fn highest(&self) -> f64 {
        self.lines.iter().copied().fold(0.0, f64::max)
    }
}

/// Ranks the files to change, most suspicious first. `excluded` says which files must not be changed (tests and their configuration).
pub(super) fn rank(
    index: &Index,
    localization: &Localization,
    spectrum: Option<&Spectrum>,
    failures: &[Failure],
    excluded: &dyn Fn(&RepoPath) -> bool,
) -> Vec<SuspectFile> {
    let named = scores(localization);
    let frames = frame_factors(failures, excluded);
    let mut paths: Vec<RepoPath> = localization.files.iter().map(|file| file.path.clone()).collect();
    if let Some(spectrum) = spectrum {
        paths.extend(spectrum.files().cloned());
    }
    paths.sort();
    paths.dedup();
    let mut files: Vec<SuspectFile> = paths
        .into_iter()
        .filter(|path| !excluded(path))
        .filter_map(|path| file_suspicion(index, path, &named, spectrum, &frames))
        .filter(|file| file.highest() > 0.0)
        .collect();
    files.sort_by(|a, b| b.highest().total_cmp(&a.highest()).then_with(|| a.path.cmp(&b.path)));
    files.truncate(MAX_FILES);
    files
}

/// Scores of symbols by path and first line, relative to the best.
fn scores(localization: &Localization) -> BTreeMap<(RepoPath, usize), f64> {
    let best = localization.symbols.iter().map(|symbol| symbol.score).fold(f64::MIN_POSITIVE, f64::max);
    localization
        .symbols
        .iter()
        .map(|symbol| ((symbol.path.clone(), symbol.lines.start as usize), symbol.score / best))
        .collect()
}

/// Lines on which a failing test raised, or through which the exception went, and how much more suspicious that makes them.
fn frame_factors(failures: &[Failure], excluded: &dyn Fn(&RepoPath) -> bool) -> BTreeMap<(String, u32), f64> {
    let mut factors = BTreeMap::new();
    for failure in failures {
        let own = failure.frames.iter().filter(|frame| RepoPath::new(&frame.path).is_ok_and(|path| !excluded(&path)));
        for (depth, frame) in own.rev().enumerate() {
            let factor = if depth == 0 { RAISED_HERE } else { RAISED_BELOW };
            let known: &mut f64 = factors.entry((frame.path.clone(), frame.line)).or_insert(factor);
            *known = known.max(factor);
        }
    }
    factors
}

fn file_suspicion(
    index: &Index,
    path: RepoPath,
    named: &BTreeMap<(RepoPath, usize), f64>,
    spectrum: Option<&Spectrum>,
    frames: &BTreeMap<(String, u32), f64>,
) -> Option<SuspectFile> {
    let text = index.snapshot().read(&path).ok()?;
    let count = text.split(|byte| *byte == b'\n').count();
    let covered: BTreeMap<usize, f64> = spectrum
        .map(|spectrum| spectrum.lines(&path).map(|(line, score)| (line as usize, score)).collect())
        .unwrap_or_default();
    let file_best = covered.values().copied().fold(0.0, f64::max);
    if spectrum.is_some() && file_best == 0.0 {
        return None;
    }
    let mut lines: Vec<f64> =
        (1..=count).map(|line| covered.get(&line).copied().unwrap_or(MODULE_LEVEL * file_best) * UNNAMED).collect();
    for symbol in index.symbols_in(&path) {
        if !matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method) {
            continue;
        }
        let (first, last) = (symbol.lines.start as usize, (symbol.lines.end as usize).min(count));
        let score = named.get(&(path.clone(), first)).copied().unwrap_or(0.0);
        let weight = UNNAMED + (1.0 - UNNAMED) * score;
        let best = covered.range(first..=last).map(|(_, score)| *score).fold(0.0, f64::max);
        for line in first..=last {
            lines[line - 1] = match spectrum {
                Some(_) => covered.get(&line).copied().unwrap_or(NOT_RUN * best) * weight,
                None => WITHOUT_COVERAGE * score,
            };
        }
    }
    let shown = path.to_str_lossy();
    for (line, suspicion) in lines.iter_mut().enumerate() {
        let place = (shown.to_string(), u32::try_from(line + 1).unwrap_or(u32::MAX));
        if let Some(factor) = frames.get(&place) {
            *suspicion = (*suspicion * factor).min(1.0);
        }
    }
    Some(SuspectFile { path, lines })
}

/// Carries line suspicion over to an edited text: unchanged lines keep theirs, changed ones take the highest of those they replace.
pub(super) fn carry_over(lines: &[f64], old: &[u8], new: &[u8]) -> Vec<f64> {
    let old_lines: Vec<&[u8]> = old.split(|byte| *byte == b'\n').collect();
    let new_lines: Vec<&[u8]> = new.split(|byte| *byte == b'\n').collect();
    let same_head = old_lines.iter().zip(&new_lines).take_while(|(a, b)| a == b).count();
    let same_tail = old_lines[same_head..]
        .iter()
        .rev()
        .zip(new_lines[same_head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let at = |line: usize| lines.get(line).copied().unwrap_or(0.0);
    let replaced = (same_head.saturating_sub(1)..old_lines.len() - same_tail).map(at).fold(0.0, f64::max);
    (0..new_lines.len())
        .map(|line| {
            if line < same_head {
                at(line)
            } else if line >= new_lines.len() - same_tail {
                at(line + old_lines.len() - new_lines.len())
            } else {
                replaced
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspicion_moves_with_its_lines() {
        let old = b"a\nb\nc\nd\n";
        let lines = [0.1, 0.2, 0.3, 0.4, 0.0];
        assert_eq!(carry_over(&lines, old, old), lines);
        assert_eq!(carry_over(&lines, old, b"a\nb\nx\ny\nd\n"), [0.1, 0.2, 0.3, 0.3, 0.4, 0.0]);
        assert_eq!(carry_over(&lines, old, b"a\nd\n"), [0.1, 0.4, 0.0]);
        assert_eq!(carry_over(&lines, old, b"a\nb\nnew\nc\nd\n"), [0.1, 0.2, 0.2, 0.3, 0.4, 0.0]);
        assert_eq!(carry_over(&lines, b"", b"x\n"), [0.0, 0.1]);
    }
}
