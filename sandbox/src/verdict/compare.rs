//! Base and candidate compared as sets of tests, by id.
//!
//! A candidate is accepted for what its tests were seen to do and for nothing else: an exit code is never looked at here, a test
//! without a result did not pass, and a report that does not fit together proves nothing. What the machine did to a run is never
//! counted as a failing test: it is a [`Doubt`], and a doubt is no pass either.

mod reasons;

use std::collections::{BTreeMap, BTreeSet};

pub use self::reasons::{Doubt, Fault};
use crate::error::SandboxError;
use crate::report::{FailureClass, RunEnding, TestId, TestReport, TestStatus};

/// What one run showed, test by test.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    statuses: BTreeMap<TestId, TestStatus>,
    lacking: BTreeSet<TestId>,
    ending: RunEnding,
}

impl Outcomes {
    /// Reads a report. A test that is reported twice counts with the worse outcome.
    pub fn of(report: &TestReport) -> Outcomes {
        let mut outcomes =
            Outcomes { statuses: BTreeMap::new(), lacking: BTreeSet::new(), ending: report.ending.clone() };
        for result in &report.results {
            let known = outcomes.statuses.entry(result.id.clone()).or_insert(result.status);
            if result.status.is_worse_than(*known) {
                *known = result.status;
            }
            let class = result.failure.as_ref().map(|failure| &failure.class);
            if result.status.is_failure() && matches!(class, Some(FailureClass::Environment)) {
                outcomes.lacking.insert(result.id.clone());
            }
        }
        outcomes
    }

    /// Returns how the run ended.
    pub fn ending(&self) -> &RunEnding {
        &self.ending
    }

    /// Returns what came of a test; `None` where it has no result.
    pub fn status(&self, id: &TestId) -> Option<TestStatus> {
        self.statuses.get(id).copied()
    }

    /// Returns how many tests were run: skipped ones are not.
    pub fn ran(&self) -> usize {
        self.statuses.values().filter(|status| **status != TestStatus::Skipped).count()
    }

    /// Returns whether a believable report says that a test ran and held.
    pub fn passed(&self, id: &TestId) -> bool {
        self.is_believable() && self.status(id) == Some(TestStatus::Passed)
    }

    /// Takes the outcomes of a later run of some of the tests in place of those here.
    pub fn renew(&mut self, later: &Outcomes, ids: &[TestId]) {
        for id in ids {
            self.statuses.remove(id);
            self.lacking.remove(id);
            if !later.is_believable() {
                continue;
            }
            if let Some(status) = later.status(id) {
                self.statuses.insert(id.clone(), status);
            }
            if later.lacking.contains(id) {
                self.lacking.insert(id.clone());
            }
        }
    }

    /// Whether single results of the run may be believed at all.
    fn is_believable(&self) -> bool {
        !matches!(trust(&self.ending), Trust::Nothing)
    }
}

/// How much of a run may be believed, by how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Every test that was asked for has its result, and what has none does not exist.
    Everything,
    /// Results are results; a test without one was not reached.
    Results,
    /// Nothing.
    Nothing,
}

pub(super) fn trust(ending: &RunEnding) -> Trust {
    match ending {
        RunEnding::Complete => Trust::Everything,
        RunEnding::StoppedEarly | RunEnding::TotalTimeout | RunEnding::Silence => Trust::Results,
        RunEnding::NoTests
        | RunEnding::CollectionFailed { .. }
        | RunEnding::BuildFailed { .. }
        | RunEnding::OutOfMemory
        | RunEnding::OutputLimit
        | RunEnding::DiskFull
        | RunEnding::ProcessLimit
        | RunEnding::CpuTime
        | RunEnding::FileLimit
        | RunEnding::Crashed { .. }
        | RunEnding::Tampered { .. } => Trust::Nothing,
    }
}

/// What a candidate is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// What the base's tests do on the base.
    pub base: &'a Outcomes,
    /// Tests that must turn green.
    pub targets: &'a [TestId],
    /// Tests that must stay green.
    pub guards: &'a [TestId],
    /// Tests whose failures say nothing, because they come and go on an unchanged tree.
    pub quarantined: &'a BTreeSet<TestId>,
    /// How much of the base's run was repeated.
    pub scope: Scope,
}

/// How much of the base's run a candidate's run repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it, so that what is missing has vanished and there must not be fewer tests.
    Whole,
    /// Targets and guards.
    Named,
}

/// How the tests of a base and of a candidate differ. Every list is in the order of ids, and no test is in two of them except that
/// both halves of a likely renaming are also in `vanished` and `appeared`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Did not pass on the base, pass now.
    pub newly_passing: Vec<TestId>,
    /// Passed on the base, run and fail now.
    pub newly_failing: Vec<TestId>,
    /// Fail on both: not to be blamed on the candidate, and not hidden.
    pub still_failing: Vec<TestId>,
    /// Ran on the base, skipped now.
    pub newly_skipped: Vec<TestId>,
    /// Expected to fail now (and failing or holding all the same), and not so on the base.
    pub newly_xfailed: Vec<TestId>,
    /// Have a result on the base, and do not exist any more although the run is complete.
    pub vanished: Vec<TestId>,
    /// Exist now only.
    pub appeared: Vec<TestId>,
    /// Pairs of a vanished and an appeared test that look like one that got another name.
    pub renamed: Vec<(TestId, TestId)>,
    /// Were not reached, because the run was cut off.
    pub not_run: Vec<TestId>,
    /// Did not pass, and are known to come and go.
    pub flaky: Vec<TestId>,
    /// Tests that were run on the base.
    pub base_total: usize,
    /// Tests that were run on the candidate.
    pub candidate_total: usize,
}

/// What is to be thought of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every target passes, and nothing that passed is lost.
    Accept,
    /// Something is wrong with it.
    Reject {
        /// What.
        reasons: Vec<Fault>,
    },
    /// Nothing is known to be wrong with it, and it is not shown to be right.
    Unproven {
        /// Why not.
        why: Vec<Doubt>,
    },
}

impl Verdict {
    /// Returns the verdict on a run that an error prevented.
    pub fn prevented(error: &SandboxError) -> Verdict {
        Verdict::Unproven { why: vec![Doubt::Infrastructure { reason: error.to_string() }] }
    }

    /// Returns whether this is [`Verdict::Accept`].
    pub fn is_accepted(&self) -> bool {
        *self == Verdict::Accept
    }

    /// Returns what speaks against acceptance, for people; empty when accepted.
    pub fn sentences(&self) -> Vec<String> {
        match self {
            Verdict::Accept => Vec::new(),
            Verdict::Reject { reasons } => reasons.iter().map(ToString::to_string).collect(),
            Verdict::Unproven { why } => why.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A comparison and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How the two runs differ.
    pub comparison: Comparison,
    /// What follows.
    pub verdict: Verdict,
}

impl Expected<'_> {
    /// Compares a candidate's run with the base's and judges it.
    pub fn judge(&self, candidate: &Outcomes) -> Judgement {
        let comparison = self.compare(candidate);
        let verdict = self.verdict(candidate, &comparison);
        Judgement { comparison, verdict }
    }

    /// Compares a candidate's run with the base's.
    pub fn compare(&self, candidate: &Outcomes) -> Comparison {
        let mut comparison = Comparison {
            base_total: self.base.ran(),
            candidate_total: if candidate.is_believable() { candidate.ran() } else { 0 },
            ..Comparison::default()
        };
        let named: BTreeSet<&TestId> = self.targets.iter().chain(self.guards).collect();
        let looked_at: BTreeSet<&TestId> = match self.scope {
            Scope::Whole => self.base.statuses.keys().chain(named).collect(),
            Scope::Named => named,
        };
        for id in looked_at {
            self.place(&mut comparison, id, candidate);
        }
        if candidate.is_believable() {
            let appeared = candidate.statuses.keys().filter(|id| !self.base.statuses.contains_key(*id));
            comparison.appeared = appeared.cloned().collect();
        }
        comparison.renamed = renamings(&comparison.vanished, &comparison.appeared);
        comparison
    }

    /// Puts one test of the base into the list where it belongs.
    fn place(&self, into: &mut Comparison, id: &TestId, candidate: &Outcomes) {
        let before = self.base.status(id);
        let now = if candidate.is_believable() { candidate.status(id) } else { None };
        let passed_before = before == Some(TestStatus::Passed);
        let list = match now {
            Some(TestStatus::Passed) if passed_before => return,
            Some(TestStatus::Passed) => &mut into.newly_passing,
            Some(now) if Some(now) == before && !now.is_failure() => return,
            Some(_) if self.quarantined.contains(id) => &mut into.flaky,
            Some(TestStatus::Skipped) => &mut into.newly_skipped,
            Some(TestStatus::XFailed | TestStatus::XPassed) => &mut into.newly_xfailed,
            Some(TestStatus::Failed | TestStatus::Error | TestStatus::TimedOut)
                if before.is_some_and(TestStatus::is_failure) =>
            {
                &mut into.still_failing
            }
            Some(TestStatus::Failed | TestStatus::Error | TestStatus::TimedOut) => &mut into.newly_failing,
            None if has_no_more_to_say(&candidate.ending) => &mut into.vanished,
            None => &mut into.not_run,
        };
        list.push(id.clone());
    }

    fn verdict(&self, candidate: &Outcomes, comparison: &Comparison) -> Verdict {
        let mut reasons: Vec<Fault> = self.end_fault(&candidate.ending).into_iter().collect();
        let mut doubts: Vec<Doubt> = end_doubt(&candidate.ending).into_iter().collect();
        if reasons.is_empty() && doubts.is_empty() {
            self.judge_tests(candidate, comparison, &mut reasons, &mut doubts);
        }
        if self.targets.is_empty() {
            doubts.push(Doubt::NoTargets);
        }
        match (reasons.is_empty(), doubts.is_empty()) {
            (false, _) => Verdict::Reject { reasons },
            (true, false) => Verdict::Unproven { why: doubts },
            (true, true) => Verdict::Accept,
        }
    }

    fn judge_tests(
        &self,
        candidate: &Outcomes,
        comparison: &Comparison,
        reasons: &mut Vec<Fault>,
        doubts: &mut Vec<Doubt>,
    ) {
        let (mut lacking, mut not_run) = (Vec::new(), Vec::new());
        for id in self.targets.iter().filter(|id| !candidate.passed(id)) {
            match self.excuse(id, candidate) {
                Some(Excuse::Environment) => lacking.push(id.clone()),
                Some(Excuse::NotReached) => not_run.push(id.clone()),
                // A target in quarantine is dealt with below: neither its passes nor its failures mean anything.
                Some(Excuse::Flaky) => {}
                None => reasons.push(Fault::StillFails { id: id.clone(), now: candidate.status(id) }),
            }
        }
        for id in self.guards.iter().filter(|id| !candidate.passed(id)) {
            match self.excuse(id, candidate) {
                Some(Excuse::Environment) => lacking.push(id.clone()),
                Some(Excuse::NotReached) => not_run.push(id.clone()),
                Some(Excuse::Flaky) => {}
                None => reasons.push(self.broken(id, candidate, comparison)),
            }
        }
        if self.scope == Scope::Whole && not_run.is_empty() && comparison.candidate_total < comparison.base_total {
            let (base, candidate) = (comparison.base_total, comparison.candidate_total);
            reasons.push(Fault::FewerTests { base, candidate });
        }
        let flaky: Vec<TestId> = self.targets.iter().filter(|id| self.quarantined.contains(*id)).cloned().collect();
        if !not_run.is_empty() {
            doubts.push(Doubt::NotRun { ending: candidate.ending.clone(), ids: not_run });
        }
        if !lacking.is_empty() {
            doubts.push(Doubt::Environment { ids: lacking });
        }
        if !flaky.is_empty() {
            doubts.push(Doubt::Flaky { ids: flaky });
        }
    }

    fn broken(&self, id: &TestId, candidate: &Outcomes, comparison: &Comparison) -> Fault {
        let renamed = comparison.renamed.iter().find(|(old, _)| old == id).map(|(_, new)| new.clone());
        Fault::Broken { id: id.clone(), now: candidate.status(id), renamed }
    }

    /// Why a test that did not pass does not speak against the candidate.
    fn excuse(&self, id: &TestId, candidate: &Outcomes) -> Option<Excuse> {
        let now = candidate.status(id);
        if candidate.lacking.contains(id) {
            return Some(Excuse::Environment);
        }
        // A quarantined test that is gone or skipped was taken away, and that is no accident.
        if self.quarantined.contains(id) && now.is_some_and(TestStatus::is_failure) {
            return Some(Excuse::Flaky);
        }
        (now.is_none() && !has_no_more_to_say(&candidate.ending)).then_some(Excuse::NotReached)
    }

    /// Endings that are the candidate's own doing.
    fn end_fault(&self, ending: &RunEnding) -> Option<Fault> {
        let own = match ending {
            RunEnding::NoTests
            | RunEnding::CollectionFailed { .. }
            | RunEnding::BuildFailed { .. }
            | RunEnding::Crashed { .. }
            | RunEnding::Tampered { .. } => true,
            RunEnding::Complete
            | RunEnding::StoppedEarly
            | RunEnding::TotalTimeout
            | RunEnding::Silence
            | RunEnding::OutOfMemory
            | RunEnding::OutputLimit
            | RunEnding::DiskFull
            | RunEnding::ProcessLimit
            | RunEnding::CpuTime
            | RunEnding::FileLimit => false,
        };
        own.then(|| Fault::Ended { ending: ending.clone() })
    }
}

/// Whether a run came to its own end, so that a test without a result does not exist.
fn has_no_more_to_say(ending: &RunEnding) -> bool {
    trust(ending) == Trust::Everything || matches!(ending, RunEnding::NoTests)
}

/// Endings of which it cannot be said whose doing they are.
fn end_doubt(ending: &RunEnding) -> Option<Doubt> {
    let limit = match ending {
        RunEnding::OutOfMemory
        | RunEnding::OutputLimit
        | RunEnding::DiskFull
        | RunEnding::ProcessLimit
        | RunEnding::CpuTime
        | RunEnding::FileLimit => true,
        RunEnding::Complete
        | RunEnding::StoppedEarly
        | RunEnding::TotalTimeout
        | RunEnding::Silence
        | RunEnding::NoTests
        | RunEnding::CollectionFailed { .. }
        | RunEnding::BuildFailed { .. }
        | RunEnding::Crashed { .. }
        | RunEnding::Tampered { .. } => false,
    };
    limit.then(|| Doubt::Limit { ending: ending.clone() })
}

/// Why a test that did not pass does not speak against a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excuse {
    Environment,
    NotReached,
    Flaky,
}

/// Pairs tests that are gone with new ones that look like them: the same name elsewhere, or a similar name in the same place.
fn renamings(vanished: &[TestId], appeared: &[TestId]) -> Vec<(TestId, TestId)> {
    let mut left: Vec<&TestId> = appeared.iter().collect();
    let mut pairs = Vec::new();
    for gone in vanished {
        let likeness = |new: &&TestId| likeness(gone.as_str(), new.as_str());
        let Some((at, best)) =
            left.iter().map(likeness).enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
        else {
            break;
        };
        if best >= LIKE {
            pairs.push((gone.clone(), left.remove(at).clone()));
        }
    }
    pairs
}

/// From this likeness on, two names are taken for one test's.
const LIKE: f64 = 0.5;

/// How alike two ids are, in `[0,1]`.
fn likeness(a: &str, b: &str) -> f64 {
    let ((home_a, name_a), (home_b, name_b)) = (split(a), split(b));
    if name_a == name_b {
        return 1.0;
    }
    if home_a != home_b {
        return 0.0;
    }
    let head = name_a.bytes().zip(name_b.bytes()).take_while(|(a, b)| a == b).count();
    let tail = name_a.bytes().rev().zip(name_b.bytes().rev()).take_while(|(a, b)| a == b).count();
    let longest = name_a.len().max(name_b.len());
    (head + tail).min(longest) as f64 / longest.max(1) as f64
}

/// A test's place and its own name.
fn split(id: &str) -> (&str, &str) {
    id.rsplit_once("::").or_else(|| id.rsplit_once('.')).unwrap_or(("", id))
}

#[cfg(test)]
mod tests;
