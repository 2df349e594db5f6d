use std::time::Duration;

use super::*;
use crate::report::{Failure, RunEnding};

fn place(tree: &str) -> Place {
    Place::new(tree, "image")
}

fn id(name: &str) -> TestId {
    TestId::from(name)
}

/// The share of Beta(a, b) above `x`, by adding up its density in small steps of `ln`, where the prior has its weight.
fn share_above(x: f64, a: f64, b: f64) -> f64 {
    let steps = 400_000;
    let (low, high) = (-700.0_f64, 0.0_f64);
    let width = (high - low) / f64::from(steps);
    let (mut all, mut above) = (0.0, 0.0);
    for step in 0..steps {
        let log = low + width * (f64::from(step) + 0.5);
        let at = log.exp();
        let weight = (a * log).exp() * (1.0 - at).powf(b - 1.0);
        all += weight;
        above += if at > x { weight } else { 0.0 };
    }
    above / all
}

#[test]
fn the_prior_has_the_two_figures_it_is_taken_from() {
    assert!((Posterior::default().mean() - 0.015).abs() < 1e-12);
    let share = share_above(0.001, PRIOR_DISAGREED, PRIOR_AGREED);
    assert!((share - FLAKY_SHARE).abs() < 0.02, "{share}");
}

#[test]
fn one_disagreement_quarantines_until_many_agree() {
    let mut book = FlakeBook::default();
    let (here, test) = (place("tree"), id("t"));
    for _ in 0..5 {
        book.observe(&here, &test, true);
        assert!(!book.posterior(&test).is_flaky());
    }
    book.observe(&here, &test, false);
    assert!(book.posterior(&test).is_quarantined());
    assert_eq!(book.quarantined().collect::<Vec<_>>(), [&test]);
    let mut runs = 0;
    while book.posterior(&test).is_quarantined() {
        book.observe(&here, &test, true);
        runs += 1;
    }
    assert_eq!(runs, 45, "one in fifty");
    assert!(book.posterior(&test).is_flaky(), "it is not forgotten");
}

#[test]
fn different_trees_or_images_are_no_disagreement() {
    let mut book = FlakeBook::default();
    let test = id("t");
    book.observe(&place("a"), &test, true);
    book.observe(&place("b"), &test, false);
    book.observe(&Place::new("a", "other image"), &test, false);
    assert_eq!(book.posterior(&test), Posterior::default());
    book.observe(&place("b"), &test, false);
    assert_eq!(book.posterior(&test), Posterior { disagreed: 0.0, agreed: 1.0 });
    assert_ne!(Place::new("ab", "c"), Place::new("a", "bc"));
}

#[test]
fn counts_survive_the_places_they_were_made_in_and_fade_in_the_end() {
    let mut book = FlakeBook::default();
    let test = id("t");
    for tree in 0..40 {
        for run in 0..10 {
            book.observe(&place(&tree.to_string()), &test, run > 0);
        }
    }
    let known = book.posterior(&test);
    assert_eq!((known.disagreed, known.agreed), (40.0, 320.0));
    assert!(book.tests[&test].places.len() <= MOST_PLACES);
    for tree in 40..400 {
        for _ in 0..10 {
            book.observe(&place(&tree.to_string()), &test, true);
        }
    }
    assert!(!book.posterior(&test).is_quarantined(), "a mended test comes back");
}

#[test]
fn what_passes_on_the_base_is_never_shown_to_be_mended() {
    let mut book = FlakeBook::default();
    let (base, test) = (place("base"), id("t"));
    assert_eq!(book.passes_needed(&base, &test, 0.2), Passes::Enough(1), "nothing known, little wanted");
    book.observe(&base, &test, false);
    assert_eq!(book.passes_needed(&base, &test, WRONG_ACCEPT), Passes::Enough(3));
    book.observe(&base, &test, false);
    assert_eq!(book.passes_needed(&base, &test, WRONG_ACCEPT), Passes::Enough(2));
    // Flaky elsewhere: only many runs tell.
    book.observe(&place("other"), &test, false);
    book.observe(&place("other"), &test, true);
    assert_eq!(book.passes_needed(&base, &test, WRONG_ACCEPT), Passes::Enough(7));
    assert_eq!(book.passes_needed(&base, &test, 1e-9), Passes::Never);
    book.observe(&base, &test, true);
    assert_eq!(book.passes_needed(&base, &test, WRONG_ACCEPT), Passes::Never);
}

#[test]
fn limits_and_lacks_are_no_observations() {
    let result = |name: &str, status, class: Option<FailureClass>| TestResult {
        id: id(name),
        status,
        duration: Duration::ZERO,
        failure: class.map(|class| Failure { class, message: String::new(), frames: Vec::new() }),
    };
    let results = vec![
        result("pass", TestStatus::Passed, None),
        result("fail", TestStatus::Failed, Some(FailureClass::Assertion)),
        result("lack", TestStatus::Failed, Some(FailureClass::Environment)),
        result("late", TestStatus::TimedOut, Some(FailureClass::Timeout)),
        result("skip", TestStatus::Skipped, None),
    ];
    let duration = Duration::ZERO;
    let mut report = TestReport { results, duration, ..TestReport::empty(RunEnding::Complete) };
    assert_eq!(observations(&report), [(id("pass"), true), (id("fail"), false)]);
    report.ending = RunEnding::OutOfMemory;
    assert!(observations(&report).is_empty());
}

mod stored {
    use super::*;

    fn open(folder: &std::path::Path) -> Opened {
        FlakeStore::open(folder, std::path::Path::new("/some/repository")).unwrap()
    }

    #[test]
    fn a_book_is_read_again_and_is_one_per_repository() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).store;
        first.observe(&place("a"), &[(id("t"), true), (id("u"), true)]).unwrap();
        first.observe(&place("a"), &[(id("t"), false)]).unwrap();
        let again = open(folder.path());
        assert_eq!(again.notice, None);
        assert!(again.store.posterior(&id("t")).is_quarantined());
        let other = FlakeStore::open(folder.path(), std::path::Path::new("/another")).unwrap().store;
        assert_eq!(other.posterior(&id("t")), Posterior::default());
    }

    #[test]
    fn several_owners_add_to_one_another() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let folder = folder.path();
                scope.spawn(move || {
                    let store = open(folder).store;
                    for _ in 0..10 {
                        store
                            .observe(&place("a"), &[(id("shared"), true), (id(&format!("own-{number}")), true)])
                            .unwrap();
                    }
                });
            }
        });
        let store = open(folder.path()).store;
        assert_eq!(store.with(|book| book.seen(&place("a"), &id("shared"))).passed, 40);
        assert_eq!(store.with(|book| book.seen(&place("a"), &id("own-3"))).passed, 10);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the book and its lock: {left:?}");
    }

    #[test]
    fn a_broken_file_is_set_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).store;
        store.observe(&place("a"), &[(id("t"), true)]).unwrap();
        let path = store.path().to_owned();
        let whole = std::fs::read(&path).unwrap();
        let flipped = String::from_utf8(whole.clone()).unwrap().replace("\"passed\":1", "\"passed\":2");
        let newer = String::from_utf8(whole.clone()).unwrap().replace("\"version\":1", "\"version\":2");
        let mut damaged: Vec<Vec<u8>> = (0..whole.len()).step_by(7).map(|cut| whole[..cut].to_vec()).collect();
        damaged.extend([b"\0\xff{".to_vec(), flipped.into_bytes(), newer.into_bytes()]);
        for (number, bytes) in damaged.iter().enumerate() {
            std::fs::write(&path, bytes).unwrap();
            let opened = open(folder.path());
            let notice = opened.notice.unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(bytes)));
            assert!(notice.contains("moved to"), "{notice}");
            assert!(!path.exists() && path.with_extension(format!("broken-{}", number + 1)).exists());
            assert_eq!(opened.store.posterior(&id("t")), Posterior::default());
            opened.store.observe(&place("a"), &[(id("t"), true)]).unwrap();
        }
    }
}

/// Injected flakes, with everything else as the pipeline does it: two failing runs on the base (a target), some runs of the guards
/// there, and then the verdict on a candidate.
mod simulated {
    use std::collections::BTreeSet;

    use super::*;
    use crate::verdict::{Expected, Outcomes, Scope};

    /// xorshift; seeds and results stay the same everywhere.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, rate: f64) -> bool {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            ((self.0 >> 11) as f64 / (1u64 << 53) as f64) < rate
        }

        fn uniform(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// A target that is flaky with the prior's chance; the candidate mends nothing. Returns whether it is taken for mended.
    fn useless_patch(chance: &mut Chance, told_before: bool, needed: impl Fn(&FlakeBook) -> Passes) -> Option<bool> {
        let (base, test) = (place("base"), id("target"));
        let rate = if chance.below(FLAKY_SHARE) { chance.uniform() } else { 0.0 };
        let mut book = FlakeBook::default();
        if told_before {
            // An earlier job on another tree.
            for _ in 0..5 {
                book.observe(&place("earlier"), &test, chance.below(rate));
            }
        }
        for _ in 0..2 {
            let passed = chance.below(rate);
            book.observe(&base, &test, passed);
            if passed {
                return None;
            }
        }
        match needed(&book) {
            Passes::Never => Some(false),
            Passes::Enough(runs) => Some((0..runs).all(|_| chance.below(rate))),
        }
    }

    fn rate_of(jobs: u32, mut job: impl FnMut() -> Option<bool>) -> f64 {
        let (mut wrong, mut all) = (0, 0);
        while all < jobs {
            if let Some(accepted) = job() {
                all += 1;
                wrong += u32::from(accepted);
            }
        }
        f64::from(wrong) / f64::from(all)
    }

    #[test]
    fn useless_patches_are_accepted_as_rarely_as_wanted() {
        let needed = |book: &FlakeBook| book.passes_needed(&place("base"), &id("target"), WRONG_ACCEPT);
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let wrong = rate_of(40_000, || useless_patch(&mut chance, false, needed));
        let told = rate_of(40_000, || useless_patch(&mut chance, true, needed));
        let once = rate_of(40_000, || useless_patch(&mut chance, false, |_| Passes::Enough(1)));
        println!(
            "wrong accepts: {wrong:.4} without a history, {told:.4} with one, {once:.4} with a single passing run"
        );
        assert!(wrong <= WRONG_ACCEPT && told <= WRONG_ACCEPT, "{wrong} {told}");
        assert!(once > 1.3 * wrong, "otherwise nothing is gained: {once} against {wrong}");
    }

    /// A right candidate among 40 guards, some of which come and go. A guard that fails is asked once more.
    fn right_patch(chance: &mut Chance, runs_on_base: u32) -> bool {
        let names: Vec<TestId> = (0..40).map(|number| id(&format!("guard-{number}"))).collect();
        let rates: Vec<f64> =
            names.iter().map(|_| if chance.below(FLAKY_SHARE) { 0.3 * chance.uniform() } else { 0.0 }).collect();
        let mut book = FlakeBook::default();
        let mut known =
            vec![TestResult { id: id("target"), status: TestStatus::Failed, duration: Duration::ZERO, failure: None }];
        let mut guards = Vec::new();
        for (name, rate) in names.iter().zip(&rates) {
            let passes: Vec<bool> = (0..runs_on_base).map(|_| !chance.below(*rate)).collect();
            passes.iter().for_each(|passed| book.observe(&place("base"), name, *passed));
            if passes[0] {
                guards.push(name.clone());
                known.push(TestResult {
                    id: name.clone(),
                    status: TestStatus::Passed,
                    duration: Duration::ZERO,
                    failure: None,
                });
            }
        }
        let report = |results| TestReport { results, ..TestReport::empty(RunEnding::Complete) };
        let mut run = |name: &TestId| {
            let rate = names.iter().position(|known| known == name).map_or(0.0, |at| rates[at]);
            if chance.below(rate) { TestStatus::Failed } else { TestStatus::Passed }
        };
        let now = known.iter().map(|result| {
            let mut status = run(&result.id);
            if status == TestStatus::Failed {
                status = run(&result.id);
            }
            TestResult { status, ..result.clone() }
        });
        let candidate = Outcomes::of(&report(now.collect()));
        let base = Outcomes::of(&report(known));
        let quarantined: BTreeSet<TestId> = book.quarantined().cloned().collect();
        let targets = [id("target")];
        let expected = Expected {
            base: &base,
            targets: &targets,
            guards: &guards,
            quarantined: &quarantined,
            scope: Scope::Whole,
        };
        expected.judge(&candidate).verdict.is_accepted()
    }

    #[test]
    fn right_patches_are_refused_less_the_more_is_known_of_flaky_guards() {
        let mut chance = Chance(0x1234_5678_9abc_def1);
        let mut refused = |runs| 1.0 - rate_of(3_000, || Some(right_patch(&mut chance, runs)));
        let (unknown, some, many) = (refused(1), refused(5), refused(20));
        println!("wrong rejects: {unknown:.3} knowing nothing, {some:.3} after 5 runs of the base, {many:.3} after 20");
        assert!(unknown > 0.1 && some < 0.7 * unknown && many < 0.15 * unknown, "{unknown} {some} {many}");
    }
}
