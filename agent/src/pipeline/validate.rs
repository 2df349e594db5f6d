//! The only place where a [`ValidatedPatch`] is made.
//!
//! A candidate is accepted when, in boxes that nothing ran in before, with the base's own tests and test configuration, every target passes
//! twice and every test that passed on the base still runs and passes.

use repo::policy::{Policy, Severity};
use repo::{Patch, Store, TreeId};
use sandbox::{Overlay, RunEnding, Select, TestId, TestReport, TestRequest, TestStatus};

use super::FixError;
use super::baseline::Baseline;
use super::pool::Pool;

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

/// What validation found.
pub(super) enum Verdict {
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

/// Validates a candidate.
///
/// # Errors
/// When the sandbox or the object store fails; what the tests do is in the verdict.
pub(super) async fn validate(
    store: &Store,
    pool: &Pool,
    baseline: &Baseline,
    policy: &Policy,
    candidate: &Candidate,
) -> Result<Verdict, FixError> {
    let violations = policy.check(store, candidate.base, candidate.tree)?;
    let (refusing, flagging): (Vec<_>, Vec<_>) =
        violations.iter().partition(|violation| violation.severity == Severity::Refuse);
    if !refusing.is_empty() {
        return Ok(Verdict::Refused(refusing.iter().map(ToString::to_string).collect()));
    }
    let support: Vec<&Overlay> = candidate.overlay.iter().filter(|file| sandbox::is_test_support(&file.path)).collect();
    if let Some(file) = support.first() {
        return Ok(Verdict::Refused(vec![format!("changes the tests or their configuration: {}", file.path)]));
    }
    let full = pool.run_fresh(&full_request(baseline, candidate)).await?;
    let mut reasons = compare(baseline, &full);
    if !reasons.is_empty() && reasons.iter().all(|(kind, _)| *kind == Fault::Guard) {
        let suspects: Vec<TestId> = reasons.iter().map(|(_, id)| id.clone()).collect();
        reasons = still_broken(pool, baseline, candidate, suspects).await?;
    }
    if reasons.is_empty() {
        let again = pool.run_fresh(&targets_request(baseline, candidate)).await?;
        reasons = missing_targets(baseline, &again);
    }
    if !reasons.is_empty() {
        return Ok(Verdict::Refused(reasons.iter().map(|(kind, id)| kind.say(id)).collect()));
    }
    Ok(Verdict::Accepted(Box::new(ValidatedPatch {
        patch: store.diff(candidate.base, candidate.tree)?,
        tree: candidate.tree,
        fail_to_pass: baseline.targets.clone(),
        pass_to_pass: baseline.guards.clone(),
        flags: flagging.iter().map(ToString::to_string).collect(),
    })))
}

/// What is wrong with a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Target,
    Guard,
}

impl Fault {
    fn say(self, id: &TestId) -> String {
        match self {
            Fault::Target => format!("still fails: {id}"),
            Fault::Guard => format!("passed before and does not any more: {id}"),
        }
    }
}

fn full_request(baseline: &Baseline, candidate: &Candidate) -> TestRequest {
    // A complete baseline is repeated as it was, so that vanished and renamed tests show; else only what is known is run.
    let select = match baseline.complete {
        true => Select::All,
        false => Select::Ids(baseline.targets.iter().chain(&baseline.guards).cloned().collect()),
    };
    request(baseline, candidate, select)
}

fn targets_request(baseline: &Baseline, candidate: &Candidate) -> TestRequest {
    request(baseline, candidate, Select::Ids(baseline.targets.clone()))
}

/// Limits here are looser than in the search: a fresh box imports everything anew, and a verdict should not hang on the machine's load.
fn request(baseline: &Baseline, candidate: &Candidate, select: Select) -> TestRequest {
    let loose = |limit: std::time::Duration| limit * 3 + std::time::Duration::from_secs(2);
    let total = baseline.duration * 5 + loose(baseline.target_limit) * 4 + std::time::Duration::from_secs(60);
    TestRequest {
        select,
        overlay: candidate.overlay.clone(),
        per_test: loose(baseline.target_limit),
        per_test_of: baseline.limits.iter().map(|(id, limit)| (id.clone(), loose(*limit))).collect(),
        total,
        silence: total,
        stop_after_timeouts: Some(5),
        ..TestRequest::all(baseline.plan.clone())
    }
}

fn compare(baseline: &Baseline, report: &TestReport) -> Vec<(Fault, TestId)> {
    let mut faults = missing_targets(baseline, report);
    let broken = baseline.guards.iter().filter(|id| !passes(report, id));
    faults.extend(broken.map(|id| (Fault::Guard, id.clone())));
    faults
}

fn missing_targets(baseline: &Baseline, report: &TestReport) -> Vec<(Fault, TestId)> {
    baseline.targets.iter().filter(|id| !passes(report, id)).map(|id| (Fault::Target, id.clone())).collect()
}

/// A guard that failed once is asked again: one that fails now and then proves nothing against the candidate.
async fn still_broken(
    pool: &Pool,
    baseline: &Baseline,
    candidate: &Candidate,
    suspects: Vec<TestId>,
) -> Result<Vec<(Fault, TestId)>, FixError> {
    let again = pool.run_fresh(&request(baseline, candidate, Select::Ids(suspects.clone()))).await?;
    Ok(suspects.into_iter().filter(|id| !passes(&again, id)).map(|id| (Fault::Guard, id)).collect())
}

/// Whether a trustworthy report says that a test ran and passed.
fn passes(report: &TestReport, id: &TestId) -> bool {
    let trusted = match report.ending {
        RunEnding::Complete | RunEnding::StoppedEarly | RunEnding::TotalTimeout | RunEnding::Silence => true,
        RunEnding::NoTests
        | RunEnding::CollectionFailed { .. }
        | RunEnding::OutOfMemory
        | RunEnding::OutputLimit
        | RunEnding::DiskFull
        | RunEnding::BuildFailed { .. }
        | RunEnding::ProcessLimit
        | RunEnding::CpuTime
        | RunEnding::FileLimit
        | RunEnding::Crashed { .. }
        | RunEnding::Tampered { .. } => false,
    };
    trusted && report.result(id).is_some_and(|result| result.status == TestStatus::Passed)
}
