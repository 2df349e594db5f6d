//! The only place where a [`ValidatedPatch`] is made.
//!
//! A candidate is accepted when, in boxes that nothing ran in before, with the base's own tests and test configuration, every target passes
//! as often as it takes to believe it (twice at least) and every test that passed on the base still runs and passes. What counts as what is
//! decided in [`sandbox::verdict::compare`]; nothing remembered is used here.

use std::collections::BTreeSet;

use repo::policy::{Policy, Severity};
use repo::{Patch, Store, TreeId};
use sandbox::verdict::{Doubt, Expected, Fault, Outcomes, Passes, Scope, Verdict};
use sandbox::{Overlay, Select, TestId, TestReport, TestRequest};

use super::FixError;
use super::baseline::Baseline;
use super::memory::Memory;
use super::pool::Pool;

/// Passing runs of the targets in fresh boxes, at least.
const LEAST_PASSES: u32 = 2;

/// A patch that passed validation. It can only be made by `validate`.
#[derive(Clone, Debug)]
pub struct ValidatedPatch {
    patch: Patch,
    tree: TreeId,
    fail_to_pass: Vec<TestId>,
    pass_to_pass: Vec<TestId>,
    flags: Vec<String>,
}

impl ValidatedPatch {
    /// Returns the change to the base.
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// Returns the tree with the change.
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// Returns the tests that failed on the base and pass now.
    pub fn fail_to_pass(&self) -> &[TestId] {
        &self.fail_to_pass
    }

    /// Returns the tests that passed on the base and still do.
    pub fn pass_to_pass(&self) -> &[TestId] {
        &self.pass_to_pass
    }

    /// Returns what a reviewer should look at, from the policy gate.
    pub fn flags(&self) -> &[String] {
        &self.flags
    }
}

/// What came of a validation.
pub(super) enum Decision {
    /// The candidate is accepted.
    Accepted(Box<ValidatedPatch>),
    /// It is not, for these reasons.
    Refused(Vec<String>),
}

/// What a candidate changes.
pub(super) struct Candidate {
    /// Its tree.
    pub(super) tree: TreeId,
    /// The tree it was made from.
    pub(super) base: TreeId,
    /// Its files, as they are laid over the base.
    pub(super) overlay: Vec<Overlay>,
}

/// What a candidate is validated with.
#[derive(Clone, Copy)]
pub(super) struct Validation<'a> {
    pub(super) store: &'a Store,
    pub(super) pool: &'a Pool,
    pub(super) baseline: &'a Baseline,
    pub(super) memory: &'a Memory,
    pub(super) policy: &'a Policy,
}

impl Validation<'_> {
    /// Validates a candidate.
    ///
    /// # Errors
    /// When the sandbox or the object store fails; what the tests do is in the decision.
    pub(super) async fn validate(&self, candidate: &Candidate) -> Result<Decision, FixError> {
        let violations = self.policy.check(self.store, candidate.base, candidate.tree)?;
        let (refusing, flagging): (Vec<_>, Vec<_>) =
            violations.iter().partition(|violation| violation.severity == Severity::Refuse);
        if !refusing.is_empty() {
            return Ok(Decision::Refused(refusing.iter().map(ToString::to_string).collect()));
        }
        if let Some(file) = candidate.overlay.iter().find(|file| sandbox::is_test_support(&file.path)) {
            return Ok(Decision::Refused(vec![format!("changes the tests or their configuration: {}", file.path)]));
        }
        let verdict = self.judge(candidate).await?;
        if !verdict.is_accepted() {
            return Ok(Decision::Refused(verdict.sentences()));
        }
        Ok(Decision::Accepted(Box::new(ValidatedPatch {
            patch: self.store.diff(candidate.base, candidate.tree)?,
            tree: candidate.tree,
            fail_to_pass: self.baseline.targets.clone(),
            pass_to_pass: self.baseline.guards.clone(),
            flags: flagging.iter().map(ToString::to_string).collect(),
        })))
    }

    async fn judge(&self, candidate: &Candidate) -> Result<Verdict, FixError> {
        let (unproven, passes) = self.passes_needed();
        if !unproven.is_empty() {
            return Ok(Verdict::Unproven { why: vec![Doubt::Flaky { ids: unproven }] });
        }
        let full = full_request(self.baseline, candidate);
        let mut outcomes = self.run(candidate.tree, &full).await?;
        let mut verdict = self.verdict(&outcomes, &self.baseline.quarantined);
        if matches!(verdict, Verdict::Unproven { .. }) {
            // A busy machine can end a run as well as a candidate can; twice in a row it was not the machine.
            outcomes = self.run(candidate.tree, &full).await?;
            verdict = self.verdict(&outcomes, &self.baseline.quarantined);
        }
        if let Some(guards) = only_guards(&verdict) {
            verdict = self.ask_again(candidate, outcomes, guards).await?;
        }
        let mut run = 1;
        while verdict.is_accepted() && run < passes {
            let again = Select::Ids(self.baseline.targets.clone());
            let outcomes = self.run(candidate.tree, &request(self.baseline, &candidate.overlay, again)).await?;
            verdict = self.targets_verdict(&outcomes);
            run += 1;
        }
        Ok(verdict)
    }

    /// Guards that did not pass are run again: one that fails now and then proves nothing against the candidate. One that fails again is
    /// run on the base, where it should not.
    async fn ask_again(
        &self,
        candidate: &Candidate,
        mut outcomes: Outcomes,
        guards: Vec<TestId>,
    ) -> Result<Verdict, FixError> {
        let on = |overlay: &[Overlay], ids: &[TestId]| request(self.baseline, overlay, Select::Ids(ids.to_vec()));
        let again = self.run(candidate.tree, &on(&candidate.overlay, &guards)).await?;
        outcomes.renew(&again, &guards);
        let verdict = self.verdict(&outcomes, &self.baseline.quarantined);
        let Some(guards) = only_guards(&verdict) else { return Ok(verdict) };
        self.run(candidate.base, &on(&[], &guards)).await?;
        let held: BTreeSet<TestId> = self.memory.quarantined().into_iter().filter(|id| guards.contains(id)).collect();
        if held.is_empty() {
            return Ok(verdict);
        }
        Ok(self.verdict(&outcomes, &self.baseline.quarantined.union(&held).cloned().collect()))
    }

    /// Runs tests in a fresh box, and learns from it which come and go.
    async fn run(&self, tree: TreeId, request: &TestRequest) -> Result<Outcomes, FixError> {
        let report: TestReport = self.pool.run_fresh(request).await?;
        self.memory.observe(tree, &report).await;
        Ok(Outcomes::of(&report))
    }

    fn verdict(&self, outcomes: &Outcomes, quarantined: &BTreeSet<TestId>) -> Verdict {
        let scope = if self.baseline.complete { Scope::Whole } else { Scope::Named };
        let Baseline { outcomes: base, targets, guards, .. } = self.baseline;
        Expected { base, targets, guards, quarantined, scope }.judge(outcomes).verdict
    }

    fn targets_verdict(&self, outcomes: &Outcomes) -> Verdict {
        let Baseline { outcomes: base, targets, .. } = self.baseline;
        let quarantined = &BTreeSet::new();
        Expected { base, targets, guards: &[], quarantined, scope: Scope::Named }.judge(outcomes).verdict
    }

    /// The targets of which no number of passes would say anything, and how many passes it takes for the others.
    fn passes_needed(&self) -> (Vec<TestId>, u32) {
        let (mut unproven, mut passes) = (Vec::new(), LEAST_PASSES);
        for id in &self.baseline.targets {
            match self.memory.passes_needed(id) {
                // A test that hangs on the base is seen to fail by its limit alone, which is no observation.
                _ if self.baseline.hangs(id) => {}
                Passes::Enough(count) => passes = passes.max(count),
                Passes::Never => unproven.push(id.clone()),
            }
        }
        (unproven, passes)
    }
}

/// The guards that speak against a candidate, if nothing else does.
fn only_guards(verdict: &Verdict) -> Option<Vec<TestId>> {
    let Verdict::Reject { reasons } = verdict else { return None };
    let mut guards = Vec::new();
    for reason in reasons {
        match reason {
            Fault::Broken { id, .. } => guards.push(id.clone()),
            // Guards that are gone make the tests fewer.
            Fault::FewerTests { .. } => {}
            Fault::StillFails { .. } | Fault::Ended { .. } => return None,
        }
    }
    (!guards.is_empty()).then_some(guards)
}

/// The run that decides.
fn full_request(baseline: &Baseline, candidate: &Candidate) -> TestRequest {
    // A complete baseline is repeated as it was, so that vanished and renamed tests show; else only what is known is run.
    let select = match baseline.complete {
        true => Select::All,
        false => Select::Ids(baseline.targets.iter().chain(&baseline.guards).cloned().collect()),
    };
    request(baseline, &candidate.overlay, select)
}

/// Limits here are looser than in the search: a fresh box imports everything anew, and a verdict should not hang on the machine's load.
fn request(baseline: &Baseline, overlay: &[Overlay], select: Select) -> TestRequest {
    let loose = |limit: std::time::Duration| limit * 3 + std::time::Duration::from_secs(2);
    let total = baseline.duration * 5 + loose(baseline.target_limit) * 4 + std::time::Duration::from_secs(60);
    TestRequest {
        select,
        overlay: overlay.to_vec(),
        per_test: loose(baseline.target_limit),
        per_test_of: baseline.limits.iter().map(|(id, limit)| (id.clone(), loose(*limit))).collect(),
        total,
        silence: total,
        stop_after_timeouts: Some(5),
        ..TestRequest::all(baseline.plan.clone())
    }
}
