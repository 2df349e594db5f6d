//! Spectrum-based fault localization: which lines do failing tests run, and passing tests not.
//!
//! The coefficient is Ochiai's, the best of those compared by Abreu, Zoeteweij and van Gemund, "On the Accuracy of Spectrum-based Fault
//! Localization" (2007): `failed(line) / sqrt(failed_total * (failed(line) + passed(line)))`. Collecting the coverage is the sandbox's work.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use repo::RepoPath;

/// The lines that one test executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCoverage {
    /// The test's id, for people.
    pub test: String,
    /// Whether it failed.
    pub failed: bool,
    /// The executed lines of each file, counted from 1, in any order.
    pub lines: Vec<(RepoPath, Vec<u32>)>,
}

/// How often each line was run by failing and by passing tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spectrum {
    files: BTreeMap<RepoPath, BTreeMap<u32, Counts>>,
    failed_tests: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    failed: u32,
    passed: u32,
}

impl Spectrum {
    /// Counts the coverage of a test run; the order of the tests does not matter.
    pub fn new(tests: &[TestCoverage]) -> Spectrum {
        let mut spectrum = Spectrum::default();
        for test in tests {
            spectrum.failed_tests += u32::from(test.failed);
            for (path, lines) in &test.lines {
                let mut lines = lines.clone();
                lines.sort_unstable();
                lines.dedup();
                let file = spectrum.files.entry(path.clone()).or_default();
                for line in lines {
                    let counts = file.entry(line).or_default();
                    if test.failed {
                        counts.failed += 1;
                    } else {
                        counts.passed += 1;
                    }
                }
            }
        }
        spectrum
    }

    /// Returns whether there is nothing to learn from it: no failing test ran any line.
    pub fn is_empty(&self) -> bool {
        self.failed_tests == 0 || self.files.is_empty()
    }

    /// Returns a line's suspiciousness in `[0,1]`; 0 for lines that no failing test ran.
    pub fn ochiai(&self, path: &RepoPath, line: u32) -> f64 {
        self.files.get(path).and_then(|lines| lines.get(&line)).map_or(0.0, |counts| self.coefficient(*counts))
    }

    /// Returns the executed lines of a file with their suspiciousness, in line order.
    pub fn lines<'s>(&'s self, path: &RepoPath) -> impl Iterator<Item = (u32, f64)> + use<'s> {
        let lines = self.files.get(path).into_iter().flatten();
        lines.map(|(line, counts)| (*line, self.coefficient(*counts)))
    }

    /// Returns the files in which any line ran, in path order.
    pub fn files(&self) -> impl Iterator<Item = &RepoPath> {
        self.files.keys()
    }

    /// Returns the highest suspiciousness among some lines of a file, which is how a function is judged; 0 when none ran.
    ///
    /// The maximum and not the mean: one guilty line in a long function is still guilty.
    pub fn peak(&self, path: &RepoPath, lines: RangeInclusive<u32>) -> f64 {
        let Some(file) = self.files.get(path) else { return 0.0 };
        if lines.is_empty() {
            return 0.0;
        }
        file.range(lines).map(|(_, counts)| self.coefficient(*counts)).fold(0.0, f64::max)
    }

    fn coefficient(&self, counts: Counts) -> f64 {
        if counts.failed == 0 {
            return 0.0;
        }
        let product = f64::from(self.failed_tests) * f64::from(counts.failed + counts.passed);
        f64::from(counts.failed) / product.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn ran(test: &str, failed: bool, lines: &[u32]) -> TestCoverage {
        TestCoverage { test: test.into(), failed, lines: vec![(path("mid.py"), lines.to_vec())] }
    }

    /// The `mid()` example of Jones and Harrold: six tests, one fails, the fault is in line 7.
    fn mid() -> Vec<TestCoverage> {
        vec![
            ran("3,3,5", false, &[1, 2, 3, 4, 6, 7, 13]),
            ran("1,2,3", false, &[1, 2, 3, 4, 5, 13]),
            ran("3,2,1", false, &[1, 2, 3, 8, 9, 10, 13]),
            ran("5,5,5", false, &[1, 2, 3, 8, 9, 11, 13]),
            ran("5,3,4", false, &[1, 2, 3, 4, 6, 13]),
            ran("2,1,3", true, &[1, 2, 3, 4, 6, 7, 13]),
        ]
    }

    #[test]
    fn ochiai_agrees_with_hand_computation() {
        let spectrum = Spectrum::new(&mid());
        let at = |line| (spectrum.ochiai(&path("mid.py"), line) * 1000.0).round() / 1000.0;
        // line 7: 1 failing and 1 passing run: 1 / sqrt(1 * 2); line 6: 1 / sqrt(3); line 4: 1 / sqrt(4); line 1: 1 / sqrt(6).
        assert_eq!([at(7), at(6), at(4), at(1), at(9), at(99)], [0.707, 0.577, 0.5, 0.408, 0.0, 0.0]);
        let best = spectrum.lines(&path("mid.py")).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(best.0, 7);
    }

    #[test]
    fn functions_are_judged_by_their_worst_line() {
        let spectrum = Spectrum::new(&mid());
        let peak = |lines| (spectrum.peak(&path("mid.py"), lines) * 1000.0).round();
        assert_eq!([peak(1..=5), peak(4..=13), peak(8..=11), peak(50..=60)], [500.0, 707.0, 0.0, 0.0]);
        #[expect(clippy::reversed_empty_ranges, reason = "an empty range is what this asks about")]
        let empty = peak(9..=2);
        assert_eq!(empty, 0.0);
    }

    #[test]
    fn order_and_repeated_lines_change_nothing() {
        let mut tests = mid();
        let forward = Spectrum::new(&tests);
        tests.reverse();
        tests[0].lines[0].1.extend([7, 7, 1]);
        assert_eq!(Spectrum::new(&tests), forward);
    }

    #[test]
    fn without_a_failing_test_nothing_is_suspicious() {
        let spectrum = Spectrum::new(&[ran("a", false, &[1, 2])]);
        assert!(spectrum.is_empty());
        assert_eq!(spectrum.ochiai(&path("mid.py"), 1), 0.0);
        assert!(Spectrum::new(&[]).is_empty());
        assert!(!Spectrum::new(&mid()).is_empty());
    }

    proptest! {
        #[test]
        fn suspiciousness_stays_in_the_unit_interval(runs in prop::collection::vec((any::<bool>(), prop::collection::vec(0u32..20, 0..12)), 0..12)) {
            let tests: Vec<_> = runs.iter().map(|(failed, lines)| ran("t", *failed, lines)).collect();
            let spectrum = Spectrum::new(&tests);
            for (_, score) in spectrum.lines(&path("mid.py")) {
                prop_assert!((0.0..=1.0).contains(&score));
            }
        }
    }
}
