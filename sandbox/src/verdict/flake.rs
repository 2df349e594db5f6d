//! Tests that come and go on an unchanged tree: how often each does, and how many runs it takes to believe it.
//!
//! A *place* is a tree in an environment. Nothing differs between two runs in one place but chance, so the first run sets what is
//! expected there and every further one agrees or disagrees. The rate of disagreement of a test is Beta distributed: the prior is
//! Beta(0.03, 1.97), whose mean is 1.5% and which puts 16% of all tests above one in a thousand, the two figures that J. Micco gives
//! for Google ("Flaky Tests at Google and How We Mitigate Them", 2016: 1.5% of all runs report a flaky result, almost 16% of the
//! tests have some level of flakiness). Each run adds one to one of the two parameters.
//!
//! Runs that a limit ended, and failures for want of something in the box, are no observations.

mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compare::{Trust, trust};
use crate::report::{FailureClass, TestId, TestReport, TestResult, TestStatus};

pub use store::{FlakeStore, Opened};

/// First parameter of the prior: disagreements.
const PRIOR_DISAGREED: f64 = 0.03;
/// Second parameter of the prior: agreements.
const PRIOR_AGREED: f64 = 1.97;
/// Share of tests that have some level of flakiness, before anything is known of them.
const FLAKY_SHARE: f64 = 0.16;
/// A test that was seen to disagree is in quarantine while its expected rate of disagreement is at least this.
const QUARANTINE: f64 = 0.02;
/// Places that are remembered for one test; what is known of older ones is only counted.
const MOST_PLACES: usize = 4;
/// Observations after which older ones begin to fade: tests get mended.
const FADING: f64 = 400.0;
/// Passing runs asked for at most; what needs more cannot be shown.
const MOST_RUNS: u32 = 12;
/// Tests that are remembered, at most.
const MOST_TESTS: usize = 50_000;

/// How likely it may be that a test that only comes and goes is taken for mended.
pub const WRONG_ACCEPT: f64 = 0.01;

/// A tree in an environment: between two runs in one place, only chance differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(String);

impl Place {
    /// Names the place by a tree's id and by what identifies the image, the plan and the tools in it.
    pub fn new(tree: &str, environment: &str) -> Place {
        let mut hash = blake3::Hasher::new();
        for part in [tree, environment] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Place(hash.finalize().to_hex()[..16].to_owned())
    }
}

/// How often a test passed and failed in one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Runs in which it passed.
    pub passed: u32,
    /// Runs in which it failed.
    pub failed: u32,
}

impl Seen {
    fn runs(self) -> u32 {
        self.passed.saturating_add(self.failed)
    }

    /// Runs that differ from what most runs showed.
    fn disagreed(self) -> u32 {
        self.passed.min(self.failed)
    }

    /// Runs behind the first that do not differ.
    fn agreed(self) -> u32 {
        self.runs().saturating_sub(1).saturating_sub(self.disagreed())
    }
}

/// What is known of one test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct History {
    /// From places no longer remembered.
    #[serde(default, skip_serializing_if = "is_zero")]
    agreed: f64,
    #[serde(default, skip_serializing_if = "is_zero")]
    disagreed: f64,
    /// The latest place last.
    places: Vec<(Place, Seen)>,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl History {
    fn observe(&mut self, place: &Place, passed: bool) {
        let at = self.places.iter().position(|(known, _)| known == place);
        let (place, mut seen) = match at {
            Some(at) => self.places.remove(at),
            None => (place.clone(), Seen::default()),
        };
        let count = if passed { &mut seen.passed } else { &mut seen.failed };
        *count = count.saturating_add(1);
        self.places.push((place, seen));
        if self.places.len() > MOST_PLACES {
            let (_, oldest) = self.places.remove(0);
            self.agreed += f64::from(oldest.agreed());
            self.disagreed += f64::from(oldest.disagreed());
        }
        if self.agreed + self.disagreed > FADING {
            self.agreed /= 2.0;
            self.disagreed /= 2.0;
        }
    }

    fn seen(&self, place: &Place) -> Seen {
        self.places.iter().find(|(known, _)| known == place).map(|(_, seen)| *seen).unwrap_or_default()
    }

    fn posterior(&self) -> Posterior {
        let sum = |count: fn(Seen) -> u32| self.places.iter().map(|(_, seen)| f64::from(count(*seen))).sum::<f64>();
        Posterior { disagreed: self.disagreed + sum(Seen::disagreed), agreed: self.agreed + sum(Seen::agreed) }
    }
}

/// What the runs so far say of a test's rate of disagreement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Posterior {
    /// Runs that disagreed with the others in their place.
    pub disagreed: f64,
    /// Runs that agreed.
    pub agreed: f64,
}

impl Posterior {
    /// Returns the expected rate of disagreement.
    pub fn mean(&self) -> f64 {
        let disagreed = PRIOR_DISAGREED + self.disagreed;
        disagreed / (disagreed + PRIOR_AGREED + self.agreed)
    }

    /// Returns whether it was ever seen to disagree.
    pub fn is_flaky(&self) -> bool {
        self.disagreed > 0.0
    }

    /// Returns whether its failures should be counted against nobody.
    pub fn is_quarantined(&self) -> bool {
        self.is_flaky() && self.mean() >= QUARANTINE
    }
}

/// How many passing runs show that a test was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// So many in a row.
    Enough(u32),
    /// No number: the test passes on the base already, now and then, or too many would be needed.
    Never,
}

/// Returns how likely it is that a test fails `failed` times on the base and then passes `passed` times on a tree that mends nothing.
///
/// It can only happen if the test is flaky. Of a flaky test that is all that is known: its rate of passing is uniform at first, and
/// Beta(1, 1 + `failed`) after the base's runs. Whether it is flaky at all is 16% at first, and less after every failure like the last.
pub fn chance_of_wrong_accept(flaky: bool, failed: u32, passed: u32) -> f64 {
    let alike = 1.0 / f64::from(failed + 1);
    let flaky = if flaky { 1.0 } else { FLAKY_SHARE * alike / (FLAKY_SHARE * alike + (1.0 - FLAKY_SHARE)) };
    let all_pass: f64 = (0..passed).map(|run| f64::from(1 + run) / f64::from(2 + failed + run)).product();
    flaky * all_pass
}

/// What is known of the tests of one repository.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FlakeBook {
    tests: BTreeMap<TestId, History>,
}

impl FlakeBook {
    /// Adds what one run showed in a place.
    pub fn observe(&mut self, place: &Place, test: &TestId, passed: bool) {
        if self.tests.len() >= MOST_TESTS && !self.tests.contains_key(test) {
            return;
        }
        self.tests.entry(test.clone()).or_default().observe(place, passed);
    }

    /// Returns what is known of a test; the prior where that is nothing.
    pub fn posterior(&self, test: &TestId) -> Posterior {
        self.tests.get(test).map(History::posterior).unwrap_or_default()
    }

    /// Returns how often a test passed and failed in a place.
    pub fn seen(&self, place: &Place, test: &TestId) -> Seen {
        self.tests.get(test).map(|history| history.seen(place)).unwrap_or_default()
    }

    /// Returns the tests in quarantine, in order.
    pub fn quarantined(&self) -> impl Iterator<Item = &TestId> {
        self.tests.iter().filter(|(_, history)| history.posterior().is_quarantined()).map(|(id, _)| id)
    }

    /// Returns how many passing runs on a candidate show that a test was mended which fails on `base`, with at most the given chance
    /// of being wrong.
    pub fn passes_needed(&self, base: &Place, test: &TestId, chance: f64) -> Passes {
        let seen = self.seen(base, test);
        if seen.passed > 0 {
            return Passes::Never;
        }
        let flaky = self.posterior(test).is_flaky();
        let enough = |passed: &u32| chance_of_wrong_accept(flaky, seen.failed, *passed) <= chance;
        (1..=MOST_RUNS).find(enough).map_or(Passes::Never, Passes::Enough)
    }
}

/// Returns what a report says of each test that is an observation: whether it passed.
pub fn observations(report: &TestReport) -> Vec<(TestId, bool)> {
    if trust(&report.ending) == Trust::Nothing {
        return Vec::new();
    }
    report.results.iter().filter_map(|result| Some((result.id.clone(), observed(result)?))).collect()
}

/// Whether a test passed; `None` where chance and limits cannot be told apart, or it was not run.
fn observed(result: &TestResult) -> Option<bool> {
    match result.status {
        TestStatus::Passed => Some(true),
        TestStatus::Failed | TestStatus::Error => {
            let class = result.failure.as_ref().map(|failure| &failure.class);
            let by_limit =
                matches!(class, Some(FailureClass::Environment | FailureClass::Memory | FailureClass::Timeout));
            (!by_limit).then_some(false)
        }
        TestStatus::Skipped | TestStatus::XFailed | TestStatus::XPassed | TestStatus::TimedOut => None,
    }
}

#[cfg(test)]
mod tests;
