//! What the tests do on the unchanged base: which fail (the targets), which pass (the guards), how long each takes, and what they cover.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use repo::TreeId;
use sandbox::verdict::{Outcomes, flake};
use sandbox::{
    Coverage, FailureClass, RunEnding, Select, TestCoverage, TestId, TestPlan, TestReport, TestRequest, TestResult,
    TestStatus,
};

use super::FixError;
use super::memory::Memory;
use super::pool::Pool;

/// First limit of a test on the base. Most finish in milliseconds; those that do not are given more time when nothing shows a hang.
const FIRST_LIMIT: Duration = Duration::from_secs(1);
/// Limit of the one test that is tried again to tell slow from hanging.
const SECOND_LIMIT: Duration = Duration::from_secs(5);
/// Limit of every test once the tests of the base are known to be slow.
const SLOW_LIMIT: Duration = Duration::from_secs(120);
/// Tests that time out on the base before the run is cut off.
const MAX_TIMEOUTS: u32 = 12;
/// A candidate may take this many times what the test takes on the base.
const SLOWDOWN: u32 = 10;
/// Least limit of a test in the search: below this the machine's own hiccups decide.
const LEAST_LIMIT: Duration = Duration::from_millis(400);
/// Targets whose coverage is recorded, at most.
const COVERED_TARGETS: usize = 12;
/// Guards whose coverage is recorded, at most.
const COVERED_GUARDS: usize = 120;

/// The base's tests.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    /// How the tests are run.
    pub(super) plan: TestPlan,
    /// Tests that must turn green.
    pub(super) targets: Vec<TestId>,
    /// Tests that must stay green.
    pub(super) guards: Vec<TestId>,
    /// Guards whose failures say nothing, because they come and go.
    pub(super) quarantined: BTreeSet<TestId>,
    /// What every test does on the base.
    pub(super) outcomes: Outcomes,
    /// How long each guard and each target takes on the base.
    pub(super) durations: BTreeMap<TestId, Duration>,
    /// All that fail on the base, targets included.
    pub(super) failing: Vec<TestId>,
    /// Limit of each guard in the search.
    pub(super) limits: BTreeMap<TestId, Duration>,
    /// Limit of each target in the search.
    pub(super) target_limit: Duration,
    /// Lines run by targets and guards.
    pub(super) coverage: Vec<TestCoverage>,
    /// Results of the targets on the base, with their failures.
    pub(super) failures: Vec<TestResult>,
    /// Whether every test of the plan has a result.
    pub(super) complete: bool,
    /// Time of the first run.
    pub(super) duration: Duration,
    /// Things people should know.
    pub(super) notices: Vec<String>,
}

impl Baseline {
    /// Returns whether a target does not come to an end on the base, which no further run makes any clearer.
    pub(super) fn hangs(&self, target: &TestId) -> bool {
        self.outcomes.status(target) == Some(TestStatus::TimedOut)
    }
}

/// What the user says of the tests.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Tests that must turn green; empty means all that fail.
    pub(super) fail_to_pass: Vec<String>,
    /// Tests that must stay green; empty means all that pass.
    pub(super) pass_to_pass: Vec<String>,
}

/// Runs the tests of the base.
///
/// # Errors
/// When there are no tests, none fails, a named test does not exist, or the run ends in a way that leaves nothing to work with.
pub(super) async fn run(
    pool: &Pool,
    memory: &Memory,
    base: TreeId,
    plan: TestPlan,
    wanted: &Wanted,
    total: Duration,
) -> Result<Baseline, FixError> {
    let mut notices = Vec::new();
    let mut first = pool
        .run(&TestRequest {
            per_test: FIRST_LIMIT,
            total,
            silence: total,
            stop_after_timeouts: Some(MAX_TIMEOUTS),
            ..TestRequest::all(plan.clone())
        })
        .await?;
    if plan.runner == sandbox::RunnerKind::Command {
        first = whole_command(pool, &plan, first, total).await?;
    }
    check_ending(&first)?;
    retry_slow(pool, &plan, &mut first, total, &mut notices).await?;
    memory.observe(base, &first).await;
    let by_id: BTreeMap<&TestId, &TestResult> = first.results.iter().map(|result| (&result.id, result)).collect();
    let failing: Vec<TestId> = ids_of(&first, TestStatus::is_failure);
    let passing: Vec<TestId> = ids_of(&first, |status| status == TestStatus::Passed);
    if first.results.is_empty() {
        return Err(FixError::NoTests { output: tail(&first.output) });
    }
    let targets = choose_targets(wanted, &first, &failing, &mut notices)?;
    let guards = match wanted.pass_to_pass.as_slice() {
        [] => passing,
        named => resolve(named, &first)?.into_iter().filter(|id| by_id[id].status == TestStatus::Passed).collect(),
    };
    let mut durations = guards.iter().map(|id| (id.clone(), by_id[id].duration)).collect::<BTreeMap<_, _>>();
    let slowest = durations.values().max().copied().unwrap_or_default();
    let limits = durations.iter().map(|(id, duration)| (id.clone(), (*duration * SLOWDOWN).max(LEAST_LIMIT))).collect();
    durations.extend(targets.iter().map(|id| (id.clone(), by_id[id].duration)));
    Ok(Baseline {
        quarantined: BTreeSet::new(),
        outcomes: Outcomes::of(&first),
        durations,
        failures: targets.iter().map(|id| by_id[id].clone()).collect(),
        target_limit: target_limit(slowest, &targets, &by_id),
        complete: first.ending == RunEnding::Complete,
        duration: first.duration,
        coverage: Vec::new(),
        plan,
        targets,
        guards,
        failing,
        limits,
        notices,
    })
}

/// Records what targets and guards cover, and drops targets that pass this time: a test that fails only sometimes is no oracle.
/// Returns the guards that did not pass this time, which may be the recording's doing.
///
/// # Errors
/// When no target is left, or the sandbox fails.
pub(super) async fn cover(
    pool: &Pool,
    memory: &Memory,
    baseline: &mut Baseline,
    total: Duration,
) -> Result<BTreeSet<TestId>, FixError> {
    if baseline.plan.runner == sandbox::RunnerKind::Command {
        baseline.notices.push("no lines are known to be run by the tests: a command's are not counted".to_owned());
        return Ok(BTreeSet::new());
    }
    let chosen_targets = baseline.targets.iter().take(COVERED_TARGETS).cloned();
    let ids: Vec<TestId> = chosen_targets.chain(nearest_guards(baseline)).collect();
    // Tracing slows a test down by a small factor; a hanging test shows its loop within its limit all the same.
    let limit = baseline.target_limit.max(FIRST_LIMIT);
    let report = pool
        .run(&TestRequest {
            select: Select::Ids(ids),
            per_test: limit,
            total,
            silence: total,
            stop_after_timeouts: Some(MAX_TIMEOUTS),
            coverage: Coverage::PerTest,
            ..TestRequest::all(baseline.plan.clone())
        })
        .await?;
    let mut seen = flake::observations(&report);
    let unsure = seen.iter().filter(|(id, passed)| !passed && baseline.outcomes.passed(id)).map(|(id, _)| id.clone());
    let unsure = unsure.collect();
    // Recording may make a test fail that does not; it does not make one pass.
    seen.retain(|(id, passed)| *passed || !baseline.outcomes.passed(id));
    memory.observe_on_base(seen).await;
    let passed: BTreeSet<TestId> = ids_of(&report, |status| status == TestStatus::Passed).into_iter().collect();
    drop_targets(baseline, &|id| passed.contains(id))?;
    baseline.coverage = report.coverage;
    if let Some(why) = report.no_coverage {
        baseline.notices.push(format!("no lines are known to be run by the tests: {why}"));
    }
    Ok(unsure)
}

/// Drops targets that passed on the base.
///
/// # Errors
/// When none is left.
pub(super) fn drop_targets(baseline: &mut Baseline, passed: &dyn Fn(&TestId) -> bool) -> Result<(), FixError> {
    let (flaky, steady): (Vec<TestId>, Vec<TestId>) = baseline.targets.drain(..).partition(passed);
    if !flaky.is_empty() {
        let names = shown(&flaky);
        baseline
            .notices
            .push(format!("fails only sometimes on the base, so it proves nothing and is left out: {names}"));
    }
    baseline.targets = steady;
    baseline.failures.retain(|result| !flaky.contains(&result.id));
    if baseline.targets.is_empty() {
        return Err(FixError::OnlyFlaky { tests: shown(&flaky) });
    }
    Ok(())
}

/// Guards whose coverage helps most: those in the files of the targets, then the quickest.
fn nearest_guards(baseline: &Baseline) -> impl Iterator<Item = TestId> {
    let homes: BTreeSet<&str> = baseline.targets.iter().map(|id| home_of(id.as_str())).collect();
    let mut guards: Vec<&TestId> = baseline.guards.iter().collect();
    guards.sort_by_key(|id| (!homes.contains(home_of(id.as_str())), baseline.limits.get(*id).copied(), (*id).clone()));
    guards.into_iter().take(COVERED_GUARDS).cloned().collect::<Vec<_>>().into_iter()
}

/// The file or module of a test's name.
fn home_of(id: &str) -> &str {
    id.split_once("::").map_or_else(|| id.rsplit_once('.').map_or(id, |(home, _)| home), |(file, _)| file)
}

/// A command has one test, whose limit is the run's.
async fn whole_command(
    pool: &Pool,
    plan: &TestPlan,
    first: TestReport,
    total: Duration,
) -> Result<TestReport, FixError> {
    if !first.results.iter().any(|result| result.status == TestStatus::TimedOut) {
        return Ok(first);
    }
    let request = TestRequest { per_test: total, total, silence: total, ..TestRequest::all(plan.clone()) };
    Ok(pool.run(&request).await?)
}

fn check_ending(report: &TestReport) -> Result<(), FixError> {
    match &report.ending {
        RunEnding::Complete | RunEnding::StoppedEarly => Ok(()),
        RunEnding::NoTests => Err(FixError::NoTests { output: tail(&report.output) }),
        RunEnding::CollectionFailed { .. } if !report.results.is_empty() => Ok(()),
        RunEnding::TotalTimeout | RunEnding::Silence if report.results.iter().any(|it| it.status.is_failure()) => {
            Ok(())
        }
        ending @ (RunEnding::CollectionFailed { .. }
        | RunEnding::TotalTimeout
        | RunEnding::Silence
        | RunEnding::OutOfMemory
        | RunEnding::OutputLimit
        | RunEnding::DiskFull
        | RunEnding::BuildFailed { .. }
        | RunEnding::ProcessLimit
        | RunEnding::CpuTime
        | RunEnding::FileLimit
        | RunEnding::Crashed { .. }
        | RunEnding::Tampered { .. }) => {
            Err(FixError::BaseUnusable { ending: ending.to_string(), output: tail(&report.output) })
        }
    }
}

/// Tells slow tests from hanging ones: one of those that timed out gets more time, and if that helps, all of them do.
async fn retry_slow(
    pool: &Pool,
    plan: &TestPlan,
    first: &mut TestReport,
    total: Duration,
    notices: &mut Vec<String>,
) -> Result<(), FixError> {
    let late: Vec<TestId> = ids_of(first, |status| status == TestStatus::TimedOut);
    let Some(sample) = late.first() else { return Ok(()) };
    if plan.runner == sandbox::RunnerKind::Command {
        return Ok(());
    }
    let request = |ids: Vec<TestId>, limit: Duration| TestRequest {
        select: Select::Ids(ids),
        per_test: limit.min(total),
        total,
        silence: total,
        stop_after_timeouts: Some(1),
        ..TestRequest::all(plan.clone())
    };
    let again = pool.run(&request(vec![sample.clone()], SECOND_LIMIT)).await?;
    let hangs = again.result(sample).is_none_or(|result| result.status == TestStatus::TimedOut);
    if hangs {
        let seconds = SECOND_LIMIT.as_secs();
        notices.push(format!("{} of the base's tests hang (no end within {seconds} s): {}", late.len(), shown(&late)));
        return Ok(());
    }
    let slow = match first.ending {
        RunEnding::Complete => pool.run(&request(late, SLOW_LIMIT)).await?,
        // The run was cut off for its many timeouts, so the tests behind are still unknown.
        _ => {
            let all = TestRequest { per_test: SLOW_LIMIT, total, silence: total, ..TestRequest::all(plan.clone()) };
            pool.run(&all).await?
        }
    };
    first.ending = if first.ending == RunEnding::Complete { RunEnding::Complete } else { slow.ending };
    for result in slow.results {
        match first.results.iter_mut().find(|known| known.id == result.id) {
            Some(known) => *known = result,
            None => first.results.push(result),
        }
    }
    Ok(())
}

fn choose_targets(
    wanted: &Wanted,
    report: &TestReport,
    failing: &[TestId],
    notices: &mut Vec<String>,
) -> Result<Vec<TestId>, FixError> {
    if !wanted.fail_to_pass.is_empty() {
        let named = resolve(&wanted.fail_to_pass, report)?;
        let failing: BTreeSet<&TestId> = failing.iter().collect();
        let (targets, passing): (Vec<TestId>, Vec<TestId>) = named.into_iter().partition(|id| failing.contains(id));
        if targets.is_empty() {
            return Err(FixError::NothingFails { tests: passing.len() });
        }
        if !passing.is_empty() {
            notices.push(format!("named to turn green, and green on the base already: {}", shown(&passing)));
        }
        return Ok(targets);
    }
    if failing.is_empty() {
        return Err(FixError::NothingFails { tests: report.results.len() });
    }
    let environment = |id: &TestId| {
        report.result(id).and_then(|result| result.failure.as_ref()).is_some_and(|failure| {
            matches!(failure.class, FailureClass::Environment | FailureClass::Import | FailureClass::Collection)
        })
    };
    let (broken, targets): (Vec<TestId>, Vec<TestId>) = failing.iter().cloned().partition(|id| environment(id));
    if targets.is_empty() {
        notices.push(format!(
            "every failing test fails on import or for want of something ({}); if the sandbox lacks a dependency, name an --image or a \
             --python that has it",
            shown(&broken)
        ));
        return Ok(broken);
    }
    if !broken.is_empty() {
        notices.push(format!("cannot be imported or lack something here, so they are left out: {}", shown(&broken)));
    }
    Ok(targets)
}

/// Finds the tests that people name: by the whole id, or by its end at a separator.
fn resolve(names: &[String], report: &TestReport) -> Result<Vec<TestId>, FixError> {
    let mut found = Vec::new();
    for name in names {
        let matches: Vec<TestId> = report
            .results
            .iter()
            .map(|result| &result.id)
            .filter(|id| names_test(name, id.as_str()))
            .cloned()
            .collect();
        if matches.is_empty() {
            return Err(FixError::UnknownTest { test: name.clone(), known: report.results.len() });
        }
        found.extend(matches);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn names_test(name: &str, id: &str) -> bool {
    let whole = id == name;
    let at_end = id.strip_suffix(name).is_some_and(|head| head.ends_with(['.', ':', '/']));
    let parameters = id.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
    whole || at_end || parameters
}

/// Limit of a target in the search: ten times the slowest passing test, or what it takes to fail where that is longer.
fn target_limit(slowest: Duration, targets: &[TestId], by_id: &BTreeMap<&TestId, &TestResult>) -> Duration {
    let failing = targets
        .iter()
        .filter_map(|id| by_id.get(id))
        .filter(|result| result.status != TestStatus::TimedOut)
        .map(|result| result.duration)
        .max()
        .unwrap_or_default();
    (slowest.max(failing) * SLOWDOWN).max(LEAST_LIMIT)
}

fn ids_of(report: &TestReport, wanted: impl Fn(TestStatus) -> bool) -> Vec<TestId> {
    let mut ids: Vec<TestId> = report.results.iter().filter(|it| wanted(it.status)).map(|it| it.id.clone()).collect();
    ids.sort();
    ids
}

/// The first few names, for people.
pub(super) fn shown(ids: &[TestId]) -> String {
    const MOST: usize = 4;
    let names: Vec<&str> = ids.iter().take(MOST).map(TestId::as_str).collect();
    match ids.len().saturating_sub(MOST) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The end of a run's output, for people.
fn tail(output: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_named_whole_by_their_end_or_without_parameters() {
        for (name, id, named) in [
            ("tests/test_a.py::test_x", "tests/test_a.py::test_x", true),
            ("test_x", "tests/test_a.py::test_x", true),
            ("test_x", "tests/test_a.py::test_xx", false),
            ("_x", "tests/test_a.py::test_x", false),
            ("tests/test_a.py::test_x", "tests/test_a.py::test_x[1-2]", true),
            ("Case.test_x", "package.test_a.Case.test_x", true),
            ("Case", "package.test_a.Case.test_x", false),
        ] {
            assert_eq!(names_test(name, id), named, "{name} for {id}");
        }
    }

    #[test]
    fn homes_are_files_and_classes() {
        assert_eq!(home_of("tests/test_a.py::Case::test_x"), "tests/test_a.py");
        assert_eq!(home_of("package.test_a.Case.test_x"), "package.test_a.Case");
        assert_eq!(home_of("alone"), "alone");
    }

    #[test]
    fn long_lists_are_cut_for_people() {
        let ids: Vec<TestId> = (0..6).map(|number| TestId::new(format!("t{number}"))).collect();
        assert_eq!(shown(&ids), "t0, t1, t2, t3 and 2 more");
        assert_eq!(shown(&ids[..2]), "t0, t1");
    }
}
