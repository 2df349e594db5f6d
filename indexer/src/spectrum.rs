//! Spectrum-based fault localization: which lines do failing tests run, and passing tests not.
//!
//! The coefficient is Ochiai's, the best of those compared by Abreu, Zoeteweij and van Gemund, "On the Accuracy of Spectrum-based Fault
//! Localization" (2007): `failed(line) / sqrt(failed_total * (failed(line) + passed(line)))`. Collecting the coverage is the sandbox's work.
//!
//! A command-line tool may only know the lines of a group of tests, and then says the same of each of them. Passing tests whose lines are
//! those of a failing one say nothing against any of these lines, and a hundred of them would drown the few tests that do. So
//! [`Spectrum::of_groups`] counts tests of one outcome with the same lines as one, where a test of the other outcome has them too.

use std::collections::{BTreeMap, HashSet};
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
        let tests: Vec<(bool, Lines)> = tests.iter().map(|test| (test.failed, sorted(&test.lines))).collect();
        Self::count(tests.iter().map(|(failed, files)| (*failed, files)))
    }

    /// Counts coverage of which each test may only have its group's.
    pub fn of_groups(tests: &[TestCoverage]) -> Spectrum {
        let tests: Vec<(bool, Lines)> = tests.iter().map(|test| (test.failed, sorted(&test.lines))).collect();
        let mixed = mixed(&tests);
        let mut counted: HashSet<(bool, &Lines)> = HashSet::new();
        let mut observations = Vec::new();
        for (failed, files) in &tests {
            if !mixed.contains(files) || counted.insert((*failed, files)) {
                observations.push((*failed, files));
            }
        }
        Self::count(observations.into_iter())
    }

    fn count<'t>(tests: impl Iterator<Item = (bool, &'t Lines)>) -> Spectrum {
        let mut spectrum = Spectrum::default();
        for (failed, files) in tests {
            spectrum.failed_tests += u32::from(failed);
            for (path, lines) in files {
                let file = spectrum.files.entry(path.clone()).or_default();
                for line in lines {
                    let counts = file.entry(*line).or_default();
                    if failed {
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

/// Lines by file, both in order.
type Lines = Vec<(RepoPath, Vec<u32>)>;

fn sorted(files: &Lines) -> Lines {
    let mut files = files.clone();
    for (_, lines) in &mut files {
        lines.sort_unstable();
        lines.dedup();
    }
    files.sort();
    files
}

/// Coverage that failing and passing tests share to the line.
fn mixed(tests: &[(bool, Lines)]) -> HashSet<&Lines> {
    let of = |wanted: bool| tests.iter().filter(move |(failed, _)| *failed == wanted).map(|(_, lines)| lines);
    let failing: HashSet<&Lines> = of(true).collect();
    of(false).filter(|lines| failing.contains(*lines)).collect()
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

    /// A tool that covers whole files of tests: one of them holds the failing test and 80 that pass, two others hold passing ones.
    #[test]
    fn a_group_of_tests_with_the_same_lines_does_not_drown_the_others() {
        let group = |name: &str, failed: u32, passed: u32, lines: &[u32]| -> Vec<TestCoverage> {
            let one = |number, failed| ran(&format!("{name}-{number}"), failed, lines);
            (0..failed).map(|it| one(it, true)).chain((0..passed).map(|it| one(failed + it, false))).collect()
        };
        let near: &[u32] = &[1, 2, 3, 20, 21];
        let mut tests = group("near", 1, 80, near);
        tests.extend(group("far", 0, 2, &[1, 2, 3, 30]));
        tests.extend(group("other", 0, 1, &[1, 2, 40]));
        let spectrum = Spectrum::of_groups(&tests);
        let at = |line| (spectrum.ochiai(&path("mid.py"), line) * 1000.0).round();
        // The failing test, and its 80 neighbours as one: 1 / sqrt(1 * 2); line 3 has two more tests, lines 1 and 2 three.
        assert_eq!([at(20), at(21), at(3), at(1), at(30)], [707.0, 707.0, 500.0, 447.0, 0.0]);
        // Several failing tests of one group are one observation as well, so that a second group keeps its weight.
        let mut tests = group("near", 5, 3, near);
        tests.extend(group("far", 1, 0, &[1, 30]));
        assert_eq!((Spectrum::new(&tests).ochiai(&path("mid.py"), 30) * 1000.0).round(), 408.0);
        let spectrum = Spectrum::of_groups(&tests);
        assert!(spectrum.ochiai(&path("mid.py"), 30) >= spectrum.ochiai(&path("mid.py"), 20));
    }

    #[test]
    fn tests_with_the_same_lines_and_one_outcome_all_count() {
        let spectrum = Spectrum::of_groups(&[ran("a", true, &[1, 2]), ran("b", false, &[1]), ran("c", false, &[1])]);
        assert_eq!((spectrum.ochiai(&path("mid.py"), 1) * 1000.0).round(), 577.0);
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
