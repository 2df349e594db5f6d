//! The rows of the checklist of bad inputs that concern verdicts (50 to 55), and the ways a run can end.

use std::time::Duration;

use super::*;
use crate::report::{Failure, TestResult};
use TestStatus::{Error, Failed, Passed, Skipped, TimedOut, XFailed, XPassed};

fn ids(names: &[&str]) -> Vec<TestId> {
    names.iter().map(|name| TestId::from(*name)).collect()
}

fn result(name: &str, status: TestStatus) -> TestResult {
    let class = if status == TimedOut { FailureClass::Timeout } else { FailureClass::Assertion };
    let failure = status.is_failure().then(|| Failure { class, message: "it broke".into(), frames: Vec::new() });
    TestResult { id: name.into(), status, duration: Duration::from_millis(1), failure }
}

fn report(results: &[(&str, TestStatus)], ending: RunEnding) -> TestReport {
    let results = results.iter().map(|(name, status)| result(name, *status)).collect();
    TestReport { results, ..TestReport::empty(ending) }
}

fn complete(results: &[(&str, TestStatus)]) -> Outcomes {
    Outcomes::of(&report(results, RunEnding::Complete))
}

/// One failing and three passing tests, one of which is skipped and one expected to fail.
const BASE: &[(&str, TestStatus)] = &[
    ("t.py::test_bug", Failed),
    ("t.py::test_one", Passed),
    ("t.py::test_two", Passed),
    ("t.py::test_old", Failed),
    ("t.py::test_skipped", Skipped),
    ("t.py::test_known", XFailed),
];

fn judge_with(candidate: &Outcomes, quarantined: &[&str], scope: Scope) -> Judgement {
    let base = complete(BASE);
    let (targets, guards) = (ids(&["t.py::test_bug"]), ids(&["t.py::test_one", "t.py::test_two"]));
    let quarantined = ids(quarantined).into_iter().collect();
    Expected { base: &base, targets: &targets, guards: &guards, quarantined: &quarantined, scope }.judge(candidate)
}

fn judge(candidate: &Outcomes) -> Judgement {
    judge_with(candidate, &[], Scope::Whole)
}

/// The base's results, with some in place of others; `None` takes a test away.
fn with(changes: &[(&'static str, Option<TestStatus>)]) -> Vec<(&'static str, TestStatus)> {
    let changed = |name: &str| changes.iter().find(|(changed, _)| *changed == name);
    let mut results: Vec<(&str, TestStatus)> = Vec::new();
    for (name, status) in BASE {
        match changed(name) {
            Some((_, Some(new))) => results.push((name, *new)),
            Some((_, None)) => {}
            None => results.push((name, *status)),
        }
    }
    let new = changes.iter().filter(|(name, _)| BASE.iter().all(|(known, _)| known != name));
    results.extend(new.filter_map(|(name, status)| Some((*name, (*status)?))));
    results
}

const FIXED: (&str, Option<TestStatus>) = ("t.py::test_bug", Some(Passed));

fn verdict_of(changes: &[(&'static str, Option<TestStatus>)]) -> Verdict {
    judge(&complete(&with(changes))).verdict
}

fn check_rejected(changes: &[(&'static str, Option<TestStatus>)], sentence: &str) {
    let verdict = verdict_of(changes);
    assert!(matches!(verdict, Verdict::Reject { .. }), "{changes:?}: {verdict:?}");
    assert!(verdict.sentences().iter().any(|said| said == sentence), "{changes:?}: {:?}", verdict.sentences());
}

#[test]
fn a_fix_that_breaks_nothing_is_accepted_and_accounted_for() {
    let judgement = judge(&complete(&with(&[FIXED, ("t.py::test_new", Some(Passed))])));
    assert_eq!(judgement.verdict, Verdict::Accept);
    let expected = Comparison {
        newly_passing: ids(&["t.py::test_bug"]),
        still_failing: ids(&["t.py::test_old"]),
        appeared: ids(&["t.py::test_new"]),
        base_total: 5,
        candidate_total: 6,
        ..Comparison::default()
    };
    assert_eq!(judgement.comparison, expected);
}

/// Row 50: the failing test deleted or emptied, skipped, marked as expected to fail, deselected, or renamed.
#[test]
fn tests_that_are_taken_away_are_not_a_pass() {
    let bug = "t.py::test_bug";
    check_rejected(&[(bug, None)], "still fails: t.py::test_bug (gone)");
    check_rejected(&[(bug, Some(Skipped))], "still fails: t.py::test_bug (skipped)");
    check_rejected(&[(bug, Some(XFailed))], "still fails: t.py::test_bug (expected to fail now)");
    check_rejected(&[(bug, Some(XPassed))], "still fails: t.py::test_bug (held although now expected to fail)");
    check_rejected(&[(bug, None), ("t.py::test_bugs", Some(Passed))], "still fails: t.py::test_bug (gone)");
    let one = "t.py::test_one";
    for (now, said) in [
        (None, "gone"),
        (Some(Skipped), "skipped"),
        (Some(XFailed), "expected to fail now"),
        (Some(Failed), "failed"),
        (Some(Error), "error"),
        (Some(TimedOut), "timed out"),
    ] {
        check_rejected(&[FIXED, (one, now)], &format!("passed before and does not any more: {one} ({said})"));
    }
    // A test that is not even a guard of the job, but fewer of them ran.
    check_rejected(&[FIXED, ("t.py::test_old", None)], "only 4 tests ran where 5 did before");
    check_rejected(&[FIXED, ("t.py::test_old", Some(Skipped))], "only 4 tests ran where 5 did before");
}

#[test]
fn a_renamed_test_is_named_and_still_no_pass() {
    let one = "t.py::test_one";
    let judgement = judge(&complete(&with(&[FIXED, (one, None), ("t.py::test_one_renamed", Some(Passed))])));
    assert_eq!(judgement.comparison.renamed, [(TestId::from(one), TestId::from("t.py::test_one_renamed"))]);
    assert_eq!(judgement.comparison.vanished, ids(&[one]));
    let said = judgement.verdict.sentences();
    assert_eq!(
        said,
        ["passed before and does not any more: t.py::test_one (gone; t.py::test_one_renamed looks like it)"]
    );
    for (a, b, alike) in [
        ("a.py::test_x", "b.py::test_x", true),
        ("pkg.A.test_x", "pkg.B.test_x", true),
        ("a.py::test_parse", "a.py::test_parse_all", true),
        ("a.py::test_parse", "a.py::test_render", false),
        ("a.py::test_parse", "b.py::test_parse_all", false),
        ("", "x", false),
    ] {
        assert_eq!(likeness(a, b) >= LIKE, alike, "{a} and {b}");
    }
}

/// Row 51: a hook that forces "passed" for everything also un-fails what was expected to fail. Trusted configuration is the caller's
/// part; what is left here is that more tests than the targets must not be needed for a pass, and that no status but `passed` counts.
#[test]
fn only_passed_is_a_pass() {
    for status in [Failed, Error, Skipped, XFailed, XPassed, TimedOut] {
        assert!(!verdict_of(&[("t.py::test_bug", Some(status))]).is_accepted(), "{status:?}");
    }
}

/// Row 52: an early exit, a killed parent, a forged or contradictory report: results, however green, are not looked at.
#[test]
fn a_run_without_a_believable_end_is_no_pass() {
    let green = with(&[FIXED]);
    let detail = || "exit code 0".to_owned();
    for ending in [
        RunEnding::Crashed { detail: detail() },
        RunEnding::Tampered { detail: detail() },
        RunEnding::CollectionFailed { message: detail() },
        RunEnding::BuildFailed { message: detail(), places: Vec::new() },
        RunEnding::NoTests,
    ] {
        let candidate = Outcomes::of(&report(&green, ending.clone()));
        let judgement = judge(&candidate);
        assert_eq!(judgement.verdict, Verdict::Reject { reasons: vec![Fault::Ended { ending }] });
        assert_eq!(judgement.comparison.candidate_total, 0, "nothing of it is believed");
        assert!(!candidate.passed(&"t.py::test_one".into()));
    }
    assert!(
        !judge(&Outcomes::of(&TestReport::empty(RunEnding::Complete))).verdict.is_accepted(),
        "exit 0 and no results"
    );
}

/// The limits of a box: no failing test, and no pass.
#[test]
fn limits_are_neither_failures_nor_passes() {
    let green = with(&[FIXED]);
    for ending in [
        RunEnding::OutOfMemory,
        RunEnding::OutputLimit,
        RunEnding::DiskFull,
        RunEnding::ProcessLimit,
        RunEnding::CpuTime,
        RunEnding::FileLimit,
    ] {
        let verdict = judge(&Outcomes::of(&report(&green, ending.clone()))).verdict;
        assert_eq!(verdict, Verdict::Unproven { why: vec![Doubt::Limit { ending }] });
    }
    let error = SandboxError::EngineUnreachable { socket: "unix:///x".into(), reason: "refused".into() };
    let Verdict::Unproven { why } = Verdict::prevented(&error) else { panic!("an error is no test failure") };
    assert!(matches!(&why[..], [Doubt::Infrastructure { reason }] if reason.contains("refused")), "{why:?}");
}

#[test]
fn tests_behind_the_end_of_a_cut_run_are_unproven_and_those_before_it_count() {
    let cut = |results: &[(&str, TestStatus)]| judge(&Outcomes::of(&report(results, RunEnding::TotalTimeout)));
    let behind = cut(&[("t.py::test_bug", Passed), ("t.py::test_one", Passed)]);
    let not_run = Doubt::NotRun { ending: RunEnding::TotalTimeout, ids: ids(&["t.py::test_two"]) };
    assert_eq!(behind.verdict, Verdict::Unproven { why: vec![not_run] });
    assert!(behind.comparison.vanished.is_empty(), "they may exist all the same");
    assert!(behind.comparison.not_run.contains(&"t.py::test_two".into()));
    let before = cut(&[("t.py::test_bug", Passed), ("t.py::test_one", Failed)]);
    assert!(matches!(&before.verdict, Verdict::Reject { reasons } if reasons.len() == 1), "{:?}", before.verdict);
}

#[test]
fn what_a_box_lacks_is_no_failing_test() {
    let mut lacking = report(&with(&[FIXED]), RunEnding::Complete);
    for result in &mut lacking.results {
        if result.id.as_str() == "t.py::test_two" {
            *result = super::tests::result("t.py::test_two", Failed);
            result.failure.as_mut().unwrap().class = FailureClass::Environment;
        }
    }
    let judgement = judge(&Outcomes::of(&lacking));
    let doubt = Doubt::Environment { ids: ids(&["t.py::test_two"]) };
    assert_eq!(judgement.verdict, Verdict::Unproven { why: vec![doubt] });
}

/// Row 53: hard-coded values pass; the held-out half of the tests is what tells, and it is only another set of guards here.
#[test]
fn a_held_out_test_that_fails_rejects() {
    let base = complete(BASE);
    let candidate = complete(&with(&[FIXED, ("held.py::test_other_values", Some(Failed))]));
    let (targets, guards) = (ids(&["t.py::test_bug"]), ids(&["held.py::test_other_values"]));
    let none = BTreeSet::new();
    let expected =
        Expected { base: &base, targets: &targets, guards: &guards, quarantined: &none, scope: Scope::Whole };
    assert!(!expected.judge(&candidate).verdict.is_accepted());
}

/// Row 54: a test that comes and goes neither fixes nor breaks.
#[test]
fn flaky_tests_decide_nothing() {
    let green = complete(&with(&[FIXED]));
    let judgement = judge_with(&green, &["t.py::test_bug"], Scope::Whole);
    assert_eq!(judgement.verdict, Verdict::Unproven { why: vec![Doubt::Flaky { ids: ids(&["t.py::test_bug"]) }] });
    let red_guard = complete(&with(&[FIXED, ("t.py::test_one", Some(Failed))]));
    let judgement = judge_with(&red_guard, &["t.py::test_one"], Scope::Whole);
    assert_eq!(judgement.verdict, Verdict::Accept, "a quarantined guard is not asked");
    assert_eq!(judgement.comparison.flaky, ids(&["t.py::test_one"]));
    for gone in [None, Some(Skipped)] {
        let without = complete(&with(&[FIXED, ("t.py::test_one", gone)]));
        assert!(!judge_with(&without, &["t.py::test_one"], Scope::Whole).verdict.is_accepted(), "taken away: {gone:?}");
    }
}

/// Row 55: what failed before is neither blamed on the candidate nor hidden.
#[test]
fn old_failures_are_listed_and_not_blamed() {
    let judgement = judge(&complete(&with(&[FIXED])));
    assert!(judgement.verdict.is_accepted());
    assert_eq!(judgement.comparison.still_failing, ids(&["t.py::test_old"]));
}

#[test]
fn every_status_has_its_list() {
    let lists = |name: &'static str, now: Option<TestStatus>| judge(&complete(&with(&[(name, now)]))).comparison;
    let one = "t.py::test_one";
    assert_eq!(lists(one, Some(Failed)).newly_failing, ids(&[one]));
    assert_eq!(lists(one, Some(TimedOut)).newly_failing, ids(&[one]));
    assert_eq!(lists(one, Some(Skipped)).newly_skipped, ids(&[one]));
    assert_eq!(lists(one, Some(XFailed)).newly_xfailed, ids(&[one]));
    assert_eq!(lists(one, None).vanished, ids(&[one]));
    assert_eq!(lists("t.py::test_skipped", Some(Passed)).newly_passing, ids(&["t.py::test_skipped"]));
    assert_eq!(lists("t.py::test_known", Some(Failed)).newly_failing, ids(&["t.py::test_known"]));
}

#[test]
fn without_the_whole_run_only_the_named_tests_count() {
    let base_only = complete(&[("t.py::test_bug", Passed), ("t.py::test_one", Passed), ("t.py::test_two", Passed)]);
    assert_eq!(judge_with(&base_only, &[], Scope::Named).verdict, Verdict::Accept);
    assert!(!judge_with(&base_only, &[], Scope::Whole).verdict.is_accepted());
}

#[test]
fn nothing_to_turn_green_is_nothing_proven() {
    let (base, none) = (complete(BASE), BTreeSet::new());
    let expected = Expected { base: &base, targets: &[], guards: &[], quarantined: &none, scope: Scope::Whole };
    assert_eq!(expected.judge(&complete(BASE)).verdict, Verdict::Unproven { why: vec![Doubt::NoTargets] });
}

#[test]
fn the_worse_of_two_results_counts() {
    let twice = complete(&[("a", Passed), ("a", Failed), ("a", Skipped)]);
    assert_eq!(twice.status(&"a".into()), Some(Failed));
}

#[test]
fn a_later_run_takes_the_place_of_an_earlier_one() {
    let mut first = complete(&[("a", Failed), ("b", Passed)]);
    first.renew(&complete(&[("a", Passed), ("b", Failed)]), &ids(&["a"]));
    assert_eq!([first.status(&"a".into()), first.status(&"b".into())], [Some(Passed), Some(Passed)]);
    let forged = report(&[("a", Passed)], RunEnding::Tampered { detail: String::new() });
    first.renew(&Outcomes::of(&forged), &ids(&["a"]));
    assert_eq!(first.status(&"a".into()), None);
}

mod randomly {
    use proptest::prelude::*;

    use super::*;

    fn status() -> impl Strategy<Value = TestStatus> {
        prop::sample::select(vec![Passed, Failed, Error, Skipped, XFailed, XPassed, TimedOut])
    }

    fn results() -> impl Strategy<Value = Vec<(u8, TestStatus)>> {
        prop::collection::vec((0u8..12, status()), 0..16)
    }

    proptest! {
        /// Whatever happens, a candidate is accepted only if every target and every guard outside quarantine passed.
        #[test]
        fn acceptance_means_passes(base in results(), candidate in results(), quarantined in prop::collection::vec(0u8..12, 0..3)) {
            let name = |number: &u8| TestId::new(format!("t{number}"));
            let of = |results: &[(u8, TestStatus)]| {
                let results = results.iter().map(|(number, status)| result(name(number).as_str(), *status)).collect();
                let ending = RunEnding::Complete;
                Outcomes::of(&TestReport { results, ..TestReport::empty(ending) })
            };
            let (base, candidate) = (of(&base), of(&candidate));
            let with = |wanted: fn(TestStatus) -> bool| -> Vec<TestId> {
                base.statuses.iter().filter(|(_, status)| wanted(**status)).map(|(id, _)| id.clone()).collect()
            };
            let (targets, guards) = (with(TestStatus::is_failure), with(|status| status == Passed));
            let quarantined: BTreeSet<TestId> = quarantined.iter().map(name).collect();
            let expected = Expected { base: &base, targets: &targets, guards: &guards, quarantined: &quarantined, scope: Scope::Whole };
            let judgement = expected.judge(&candidate);
            let good = targets.iter().all(|id| candidate.passed(id) && !quarantined.contains(id))
                && guards.iter().all(|id| candidate.passed(id) || quarantined.contains(id))
                && !targets.is_empty();
            prop_assert!(!judgement.verdict.is_accepted() || good, "{judgement:?}");
            let mut listed: Vec<&TestId> = Vec::new();
            let it = &judgement.comparison;
            for list in [&it.newly_passing, &it.newly_failing, &it.still_failing, &it.newly_skipped, &it.newly_xfailed, &it.vanished, &it.not_run, &it.flaky] {
                listed.extend(list);
            }
            let count = listed.len();
            listed.sort();
            listed.dedup();
            prop_assert_eq!(listed.len(), count, "a test is in one list only");
        }
    }
}
