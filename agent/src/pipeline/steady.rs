//! Runs on the unchanged base what may come and go, before anything is judged by it.
//!
//! A target should have failed twice before it is an oracle at all, and more often if it was ever seen to come and go. A guard that
//! disagreed with itself, now or in an earlier job, is run again to learn how often it does. All within a share of the job's time.

use std::collections::BTreeSet;
use std::time::Duration;

use repo::TreeId;
use sandbox::{RunnerKind, Select, TestId, TestRequest, TestStatus};

use super::FixError;
use super::baseline::{self, Baseline};
use super::memory::Memory;
use super::pool::Pool;

/// Runs of the base that may be added.
const ROUNDS: u32 = 3;
/// Failures on the base that make a target.
const FAILURES: u32 = 2;
/// The same for a target that was ever seen to come and go.
const FAILURES_OF_FLAKY: u32 = 4;
/// What a run costs besides its tests.
const START: Duration = Duration::from_millis(500);

/// Runs what is in doubt again, drops targets that pass, and puts guards that come and go into quarantine. `unsure` are guards that
/// did not pass where they should have.
///
/// # Errors
/// When no target is left, or the sandbox fails.
pub(super) async fn confirm(
    pool: &Pool,
    memory: &Memory,
    base: TreeId,
    baseline: &mut Baseline,
    unsure: &BTreeSet<TestId>,
    total: Duration,
) -> Result<(), FixError> {
    let mut left = total;
    for round in 0..ROUNDS {
        let ids = in_doubt(memory, baseline, unsure, round);
        let cost = cost(baseline, &ids);
        if ids.is_empty() || cost > left || !memory.learns() {
            break;
        }
        let report = pool.run(&request(baseline, ids, left)).await?;
        left = left.saturating_sub(report.duration);
        memory.observe(base, &report).await;
        let passed = |id: &TestId| report.result(id).is_some_and(|result| result.status == TestStatus::Passed);
        baseline::drop_targets(baseline, &passed)?;
    }
    let targets: BTreeSet<&TestId> = baseline.targets.iter().collect();
    baseline.quarantined = memory.quarantined().into_iter().filter(|id| !targets.contains(id)).collect();
    let held: Vec<TestId> = baseline.guards.iter().filter(|id| baseline.quarantined.contains(*id)).cloned().collect();
    if !held.is_empty() {
        let names = baseline::shown(&held);
        baseline
            .notices
            .push(format!("passes and fails on one and the same tree, so its failures are not counted: {names}"));
    }
    Ok(())
}

/// Targets that have not failed often enough, and guards of which too little is known.
fn in_doubt(memory: &Memory, baseline: &Baseline, unsure: &BTreeSet<TestId>, round: u32) -> Vec<TestId> {
    let targets = baseline.targets.iter().filter(|id| {
        let wanted = if memory.is_flaky(id) { FAILURES_OF_FLAKY } else { FAILURES };
        memory.failed_on_base(id) < wanted && !baseline.hangs(id)
    });
    // Three more runs of a guard would not say more than one.
    let guards = baseline.guards.iter().filter(|id| round == 0 && (unsure.contains(*id) || memory.is_flaky(id)));
    targets.chain(guards).cloned().collect()
}

fn cost(baseline: &Baseline, ids: &[TestId]) -> Duration {
    if baseline.plan.runner == RunnerKind::Command {
        return baseline.duration + START;
    }
    let one = |id: &TestId| baseline.durations.get(id).copied().unwrap_or(baseline.target_limit);
    ids.iter().map(one).sum::<Duration>() + START
}

fn request(baseline: &Baseline, ids: Vec<TestId>, total: Duration) -> TestRequest {
    let limit = match baseline.plan.runner {
        RunnerKind::Command => total,
        _ => baseline.target_limit.max(Duration::from_secs(1)),
    };
    TestRequest {
        select: Select::Ids(ids),
        per_test: limit,
        total,
        silence: total,
        stop_after_timeouts: Some(2),
        ..TestRequest::all(baseline.plan.clone())
    }
}
