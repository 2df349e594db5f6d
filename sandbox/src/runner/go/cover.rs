//! Coverage profiles of Go: `FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT`.

use std::collections::{BTreeMap, BTreeSet};

use repo::RepoPath;

use super::place::Modules;

/// Most lines of one block, and of all.
const MOST_LINES: usize = 4_000_000;

/// Returns the lines that were run.
pub(super) fn lines(profile: &[u8], modules: &Modules) -> Vec<(RepoPath, Vec<u32>)> {
    let text = String::from_utf8_lossy(profile);
    let mut files = BTreeMap::<&str, BTreeSet<u32>>::new();
    let mut total = 0;
    for line in text.lines() {
        let Some((file, first, last)) = block(line) else { continue };
        let lines = files.entry(file).or_default();
        for number in first..=last {
            total += 1;
            if total > MOST_LINES {
                return Vec::new();
            }
            lines.insert(number);
        }
    }
    let named = files.into_iter().filter_map(|(file, lines)| {
        let path = RepoPath::new(modules.file(file)?).ok()?;
        Some((path, lines.into_iter().collect()))
    });
    named.collect()
}

/// One line of the profile, if its block was run.
fn block(line: &str) -> Option<(&str, u32, u32)> {
    let (place, counts) = line.split_once(' ')?;
    let (_, count) = counts.split_once(' ')?;
    if count.trim().parse::<u64>().ok()? == 0 {
        return None;
    }
    let (file, range) = place.rsplit_once(':')?;
    let (first, last) = range.split_once(',')?;
    let number = |text: &str| text.split('.').next()?.parse::<u32>().ok();
    Some((file, number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::place::Place;

    #[test]
    fn only_lines_that_were_run() {
        let modules = Modules::of(b"x.org/a /w\n", Place { root: "/w", cwd: "" });
        let profile = b"mode: set\nx.org/a/b/f.go:4.24,5.13 1 1\nx.org/a/b/f.go:5.13,7.3 1 3\nx.org/a/b/f.go:11.2,12.3 1 0\nfmt/p.go:1.1,2.2 1 1\nnonsense\nx.org/a/g.go:1.1,4294967295.2 1 1\n";
        assert!(lines(profile, &modules).is_empty(), "a range that large is refused as a whole");
        let sane = &profile[..profile.len() - 38];
        let found = lines(sane, &modules);
        assert_eq!(found, [(RepoPath::new("b/f.go").unwrap(), vec![4, 5, 6, 7])]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(x|:|\\.|,| |1|0|99|\n|x\\.org/a/f\\.go:){0,40}") {
            let _ = lines(text.as_bytes(), &Modules::of(b"x.org/a /w\n", Place { root: "/w", cwd: "" }));
        }
    }
}
