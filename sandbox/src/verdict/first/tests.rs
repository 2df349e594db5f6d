use super::*;

fn path(name: &str) -> RepoPath {
    RepoPath::new(name).unwrap()
}

fn probe(name: &str, millis: u64, lines: &[(&str, &[u32])]) -> Probe {
    let lines = lines.iter().map(|(file, lines)| (path(file), lines.to_vec())).collect();
    Probe { test: name.into(), cost: Duration::from_millis(millis), lines, distance: None }
}

fn far(name: &str, distance: Option<f64>) -> Probe {
    Probe { distance, ..probe(name, 10, &[]) }
}

fn change(file: &str, lines: RangeInclusive<u32>) -> Changed {
    vec![(path(file), lines)]
}

fn ranked(selector: &Selector, changed: &Changed) -> Vec<String> {
    selector.ranked(changed).into_iter().map(ToString::to_string).collect()
}

/// Two tests of `f` (lines 1 to 3), one of them slow; one of `g` (5 to 7); one of both; two of another file.
fn suite() -> Selector {
    Selector::new(vec![
        probe("f_slow", 500, &[("a.py", &[1, 2, 3])]),
        probe("f_quick", 10, &[("a.py", &[1, 2, 3])]),
        probe("g", 20, &[("a.py", &[5, 6, 7])]),
        probe("both", 200, &[("a.py", &[1, 2, 3, 5, 6, 7])]),
        probe("other_1", 1, &[("b.py", &[1])]),
        probe("other_2", 1, &[("b.py", &[1, 2])]),
    ])
}

#[test]
fn tests_that_run_the_change_come_first_and_quick_ones_before_slow_ones() {
    let order = ranked(&suite(), &change("a.py", 2..=2));
    assert_eq!(order, ["f_quick", "both", "f_slow", "other_2", "g", "other_1"]);
    assert_eq!(ranked(&suite(), &change("a.py", 6..=6))[..2], ["g", "both"]);
}

#[test]
fn each_cluster_has_its_turn_before_the_second_of_any() {
    let clones = (0..6).map(|number| probe(&format!("clone_{number}"), 1, &[("a.py", &[1, 2, 3, 4])]));
    let selector = Selector::new(clones.chain([probe("rare", 30, &[("a.py", &[1, 9])])]).collect());
    let order = ranked(&selector, &Changed::new());
    assert_eq!(order[..3], ["clone_0", "rare", "clone_1"]);
}

#[test]
fn a_change_that_no_test_runs_by_itself_is_looked_for_in_its_file() {
    for lines in [40..=41, 4..=4] {
        let order = ranked(&suite(), &change("b.py", lines.clone()));
        assert_eq!(order[..2], ["other_2", "other_1"], "{lines:?}");
    }
    assert_eq!(ranked(&suite(), &change("new.py", 1..=3)).len(), 6);
}

#[test]
fn unknown_tests_come_by_distance_between_those_that_do_and_do_not_run_the_change() {
    let selector = Selector::new(vec![
        far("nowhere", None),
        far("far", Some(3.0)),
        far("near", Some(1.0)),
        probe("outside", 1, &[("b.py", &[1])]),
        probe("inside", 900, &[("a.py", &[1])]),
    ]);
    assert_eq!(ranked(&selector, &change("a.py", 1..=1)), ["inside", "near", "far", "nowhere", "outside"]);
}

#[test]
fn the_first_set_keeps_to_its_budget_and_loses_nobody() {
    let selector = suite();
    let names = |ids: &[TestId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let budget = |millis, most| FirstBudget { share: 0.0, least: Duration::from_millis(millis), most };
    let set = selector.first(&change("a.py", 2..=2), &budget(20, 10));
    assert_eq!(names(&set.first), ["f_quick", "other_2", "other_1"]);
    assert_eq!(names(&set.rest), ["both", "f_slow", "g"]);
    assert_eq!(selector.first(&Changed::new(), &budget(10_000, 2)).first.len(), 2);
    let none = selector.first(&Changed::new(), &budget(0, 10));
    assert!(none.first.is_empty() && none.rest.len() == 6);
    let all = selector.first(&Changed::new(), &FirstBudget { share: 1.0, ..budget(0, 10) });
    assert!(all.rest.is_empty());
}

mod randomly {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_test_is_in_exactly_one_part(
            tests in prop::collection::vec((0u64..50, prop::collection::vec(0u32..12, 0..6), prop::option::of(0.0f64..9.0)), 0..20),
            line in 0u32..15,
            share in 0.0f64..1.2,
            most in 0usize..20,
        ) {
            let probes: Vec<Probe> = tests
                .iter()
                .enumerate()
                .map(|(at, (cost, lines, distance))| Probe { distance: *distance, ..probe(&format!("t{at:02}"), *cost, &[("a.py", lines)]) })
                .collect();
            let selector = Selector::new(probes.clone());
            let budget = FirstBudget { share, least: Duration::ZERO, most };
            let changed = change("a.py", line..=line);
            let set = selector.first(&changed, &budget);
            prop_assert!(set.first.len() <= most);
            let mut all: Vec<&TestId> = set.first.iter().chain(&set.rest).collect();
            all.sort();
            let expected: Vec<&TestId> = probes.iter().map(|probe| &probe.test).collect();
            prop_assert_eq!(all, expected);
            let mut backwards = probes;
            backwards.reverse();
            prop_assert_eq!(Selector::new(backwards).first(&changed, &budget), set, "the order of the tests does not matter");
        }
    }
}
