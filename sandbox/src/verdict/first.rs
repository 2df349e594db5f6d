//! Which tests to run first on a change: a few that are quick and differ from one another, and that run what was changed.
//!
//! Tests are chosen greedily by the lines they would add to those already run, per second ("additional" prioritization of Rothermel,
//! Untch, Chu and Harrold, 1999, with the cost of Elbaum, Malishevsky and Rothermel, 2001). Lines that exactly the same tests run are
//! one unit, so tests that cover the same are a cluster of which the cheapest goes first; the others follow when every cluster had its
//! turn. What counts is first of all the changed lines and the functions around them.
//!
//! A test whose lines are known and lie outside the change comes last: only import, chance or another test could change what it does.
//! A test whose lines are not known is placed by the distance that the caller gives, such as steps in a call graph.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use repo::RepoPath;

use crate::report::TestId;

/// What every test costs besides the time it takes.
const EVERY_TEST: Duration = Duration::from_millis(1);
/// How much more the changed lines count than the rest of what a test runs.
const CHANGED: f64 = 1e3;
/// How much more the changed files count, where a changed line runs in no test by itself: it runs on import, or is new.
const IN_CHANGED_FILE: f64 = 1e2;

/// One test, as the choice sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The test.
    pub test: TestId,
    /// How long it takes.
    pub cost: Duration,
    /// The lines it runs, by file; empty where they are not known.
    pub lines: Vec<(RepoPath, Vec<u32>)>,
    /// How far the test is from what may be changed, 0 being nearest, where its lines are not known.
    pub distance: Option<f64>,
}

/// Lines of the base that a change touches.
pub type Changed = Vec<(RepoPath, RangeInclusive<u32>)>;

/// How much may be run first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FirstBudget {
    /// Share of the time of all tests.
    pub share: f64,
    /// Time that may be spent whatever its share.
    pub least: Duration,
    /// Tests, at most.
    pub most: usize,
}

impl Default for FirstBudget {
    fn default() -> Self {
        Self { share: 0.2, least: Duration::from_millis(50), most: 40 }
    }
}

/// A division of the tests into those to run first and those to run only when all of these hold. Together they are all tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstSet {
    /// To run first, most telling first.
    pub first: Vec<TestId>,
    /// The rest, in the order in which they would have come.
    pub rest: Vec<TestId>,
}

/// Chooses first sets for changes to one base.
#[derive(Debug)]
pub struct Selector {
    tests: Vec<Test>,
    /// How many lines each unit has.
    weights: Vec<f64>,
    /// Which unit a line belongs to.
    units: HashMap<RepoPath, BTreeMap<u32, usize>>,
    total: Duration,
}

#[derive(Debug)]
struct Test {
    id: TestId,
    cost: Duration,
    distance: f64,
    units: Vec<usize>,
}

/// How near a test is to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// It runs what was changed.
    Runs,
    /// It may.
    Unknown,
    /// It does not.
    Outside,
}

impl Selector {
    /// Prepares the choice among tests; their order does not matter.
    pub fn new(mut probes: Vec<Probe>) -> Selector {
        probes.sort_by(|a, b| a.test.cmp(&b.test));
        probes.dedup_by(|a, b| a.test == b.test);
        let mut runners: HashMap<&RepoPath, BTreeMap<u32, Vec<usize>>> = HashMap::new();
        for (at, probe) in probes.iter().enumerate() {
            for (path, lines) in &probe.lines {
                let file = runners.entry(path).or_default();
                for line in lines {
                    let tests = file.entry(*line).or_default();
                    if tests.last() != Some(&at) {
                        tests.push(at);
                    }
                }
            }
        }
        let mut by_runners: HashMap<(&RepoPath, &[usize]), usize> = HashMap::new();
        let mut weights = Vec::new();
        let mut units: HashMap<RepoPath, BTreeMap<u32, usize>> = HashMap::new();
        let mut of_tests: Vec<Vec<usize>> = vec![Vec::new(); probes.len()];
        let mut paths: Vec<(&&RepoPath, &BTreeMap<u32, Vec<usize>>)> = runners.iter().collect();
        paths.sort_by_key(|(path, _)| **path);
        for (path, file) in paths {
            for (line, tests) in file {
                let unit = *by_runners.entry((path, tests)).or_insert_with(|| {
                    weights.push(0.0);
                    tests.iter().for_each(|test| of_tests[*test].push(weights.len() - 1));
                    weights.len() - 1
                });
                weights[unit] += 1.0;
                units.entry((*path).clone()).or_default().insert(*line, unit);
            }
        }
        let total = probes.iter().map(|probe| probe.cost + EVERY_TEST).sum();
        let tests = probes.iter().zip(of_tests).map(|(probe, units)| Test {
            id: probe.test.clone(),
            cost: probe.cost + EVERY_TEST,
            distance: probe.distance.unwrap_or(f64::MAX),
            units,
        });
        Selector { tests: tests.collect(), weights, units, total }
    }

    /// Returns the time that all tests take together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// Divides the tests for a change.
    pub fn first(&self, changed: &Changed, budget: &FirstBudget) -> FirstSet {
        let time = self.total.mul_f64(budget.share.clamp(0.0, 1.0)).max(budget.least);
        let mut set = FirstSet::default();
        let mut spent = Duration::ZERO;
        for at in self.order(changed) {
            let test = &self.tests[at];
            let fits = spent + test.cost <= time && set.first.len() < budget.most;
            // A test that is too slow does not keep out quicker ones behind it.
            if fits {
                spent += test.cost;
                set.first.push(test.id.clone());
            } else {
                set.rest.push(test.id.clone());
            }
        }
        set
    }

    /// Returns all tests, most telling for a change first.
    pub fn ranked(&self, changed: &Changed) -> Vec<&TestId> {
        self.order(changed).into_iter().map(|at| &self.tests[at].id).collect()
    }

    fn order(&self, changed: &Changed) -> Vec<usize> {
        let worth = self.worth(changed);
        let mut tiers: BTreeMap<Tier, Vec<usize>> = BTreeMap::new();
        for at in 0..self.tests.len() {
            tiers.entry(self.tier(at, &worth)).or_default().push(at);
        }
        let mut order = Vec::with_capacity(self.tests.len());
        for (tier, tests) in tiers {
            match tier {
                Tier::Runs | Tier::Outside => self.greedily(tests, &worth, &mut order),
                Tier::Unknown => self.by_distance(tests, &mut order),
            }
        }
        order
    }

    /// How much running each unit is worth.
    fn worth(&self, changed: &Changed) -> Vec<f64> {
        let mut worth = self.weights.clone();
        for (path, lines) in changed {
            let Some(file) = self.units.get(path) else { continue };
            let (start, end) = (*lines.start(), *lines.end());
            let mut touched: Vec<usize> =
                if start <= end { file.range(lines.clone()).map(|(_, unit)| *unit).collect() } else { Vec::new() };
            let factor = if touched.is_empty() { IN_CHANGED_FILE } else { CHANGED };
            if touched.is_empty() {
                touched = file.values().copied().collect();
            }
            touched.sort_unstable();
            touched.dedup();
            for unit in touched {
                worth[unit] = worth[unit].max(self.weights[unit] * factor);
            }
        }
        worth
    }

    fn tier(&self, at: usize, worth: &[f64]) -> Tier {
        let units = &self.tests[at].units;
        if units.is_empty() {
            Tier::Unknown
        } else if units.iter().any(|unit| worth[*unit] > self.weights[*unit]) {
            Tier::Runs
        } else {
            Tier::Outside
        }
    }

    /// Always the test that adds most per second; when none adds anything, another round begins.
    fn greedily(&self, mut left: Vec<usize>, worth: &[f64], order: &mut Vec<usize>) {
        let mut run = vec![false; self.weights.len()];
        let mut fresh = true;
        while !left.is_empty() {
            let gain = |at: &usize| {
                let test = &self.tests[*at];
                let added: f64 = test.units.iter().filter(|unit| !run[**unit]).map(|unit| worth[*unit]).sum();
                added / test.cost.as_secs_f64()
            };
            let best = left.iter().map(gain).enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
            let Some((position, gain)) = best else { break };
            if gain <= 0.0 && !fresh {
                run.fill(false);
                fresh = true;
                continue;
            }
            fresh = false;
            let at = left.remove(position);
            self.tests[at].units.iter().for_each(|unit| run[*unit] = true);
            order.push(at);
        }
    }

    fn by_distance(&self, mut tests: Vec<usize>, order: &mut Vec<usize>) {
        let key = |at: &usize| (self.tests[*at].distance, self.tests[*at].cost);
        tests.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
        });
        order.extend(tests);
    }
}

#[cfg(test)]
mod tests;
