//! The driver over a made-up world: states are sets of applied actions.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::*;
use crate::journal::{self, Listener};

struct Silent;

impl Listener for Silent {
    fn event(&self, _: &Event) {}
}

/// A world of `width` actions in every state; a state is the set of actions applied. `value` says how many of 4 targets pass.
struct Made4 {
    width: usize,
    passed: fn(&BTreeSet<usize>) -> u32,
    states: Mutex<HashMap<TreeId, BTreeSet<usize>>>,
    runs: AtomicU64,
    /// Evaluations finish in a scrambled order, decided by the state alone.
    scramble: bool,
}

fn id_of(set: &BTreeSet<usize>) -> TreeId {
    let number = set.iter().fold(0u128, |mask, action| mask | 1 << action);
    format!("{number:040x}").parse().unwrap()
}

impl Made4 {
    fn new(width: usize, passed: fn(&BTreeSet<usize>) -> u32, scramble: bool) -> Arc<Made4> {
        let states = Mutex::new(HashMap::from([(id_of(&BTreeSet::new()), BTreeSet::new())]));
        Arc::new(Made4 { width, passed, states, runs: AtomicU64::new(0), scramble })
    }
}

fn proposal(number: usize) -> Proposal {
    let path = repo::RepoPath::new("main.py").unwrap();
    let edit = crate::propose::TextEdit { path, span: number..number, replacement: String::new() };
    Proposal { edits: vec![edit], template: "made/up", prior: 1.0 / (1.0 + number as f64), note: number.to_string() }
}

#[async_trait]
impl World for Made4 {
    fn propose(&self, _: TreeId) -> Vec<Proposal> {
        (0..self.width).map(proposal).collect()
    }

    fn make(&self, state: TreeId, proposal: &Proposal) -> Made {
        let mut states = self.states.lock();
        let mut set = states[&state].clone();
        let action = proposal.edits[0].span.start;
        if action % 7 == 3 || !set.insert(action) {
            return Made::Refused("by the gate".to_owned());
        }
        let id = id_of(&set);
        states.insert(id, set);
        Made::State(id)
    }

    async fn evaluate(&self, state: TreeId) -> Result<Evaluation, WorldError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        if self.scramble {
            for _ in 0..(run * 7) % 5 {
                tokio::task::yield_now().await;
            }
        }
        let set = self.states.lock()[&state].clone();
        Ok(Evaluation { targets: 4, targets_passed: (self.passed)(&set), ..Evaluation::default() })
    }
}

async fn run(world: Arc<Made4>, budget: &Budget) -> (Search, Stop, Vec<Event>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let journal = Journal::create(&path, Box::new(Silent)).unwrap();
    let mut search = Search::new(world, id_of(&BTreeSet::new()), Policy::default(), 42);
    let stop = search.run(budget, &Clock::start(), &journal, &CancellationToken::new()).await;
    (search, stop, journal::read(&path).unwrap())
}

fn budget(evaluations: u64) -> Budget {
    Budget { deadline: Duration::from_secs(3600), evaluations, patience: 0.5, enough: 3 }
}

fn pair(set: &BTreeSet<usize>) -> u32 {
    match (set.contains(&12), set.contains(&9)) {
        (true, true) => 4,
        (true, false) => 2,
        _ => 0,
    }
}

#[tokio::test]
async fn finds_a_pair_of_edits_and_runs_no_state_twice() {
    let world = Made4::new(40, pair, false);
    let (search, stop, events) = run(Arc::clone(&world), &budget(5000)).await;
    assert_eq!(stop, Stop::Satisfied);
    let first = search.tree().path_to(search.plausible()[0]);
    let mut actions: Vec<usize> = first.iter().map(|action| action.payload.edits[0].span.start).collect();
    actions.sort_unstable();
    assert_eq!(actions, [9, 12]);
    let mut trees = BTreeSet::new();
    for event in &events {
        if let Event::Evaluated { tree, .. } = event {
            assert!(trees.insert(*tree), "state {tree} ran twice");
        }
    }
}

#[tokio::test]
async fn the_journal_does_not_depend_on_which_evaluation_ends_first() {
    let (_, _, calm) = run(Made4::new(40, pair, false), &budget(400)).await;
    let (_, _, scrambled) = run(Made4::new(40, pair, true), &budget(400)).await;
    assert_eq!(calm, scrambled);
}

#[tokio::test]
async fn budgets_are_kept_to_the_evaluation() {
    let world = Made4::new(40, |_| 0, false);
    let (search, stop, _) = run(Arc::clone(&world), &budget(100)).await;
    assert_eq!(stop, Stop::Evaluations);
    assert_eq!(search.evaluations(), 100);
    assert_eq!(world.runs.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn a_small_world_is_exhausted() {
    let (search, stop, _) = run(Made4::new(3, |_| 0, false), &budget(u64::MAX)).await;
    assert_eq!(stop, Stop::Exhausted);
    assert_eq!(search.evaluations(), 7, "all non-empty subsets of three actions");
}

#[tokio::test]
async fn a_refuted_candidate_lets_the_search_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(&dir.path().join("journal.jsonl"), Box::new(Silent)).unwrap();
    let world = Made4::new(40, |set| if set.contains(&5) || set.contains(&8) { 4 } else { 0 }, false);
    let mut search = Search::new(world, id_of(&BTreeSet::new()), Policy::default(), 1);
    let only_first = Budget { enough: 1, ..budget(1000) };
    let (clock, stop) = (Clock::start(), CancellationToken::new());
    assert_eq!(search.run(&only_first, &clock, &journal, &stop).await, Stop::Satisfied);
    let first = search.plausible()[0];
    search.refute(first);
    assert_eq!(search.run(&only_first, &clock, &journal, &stop).await, Stop::Satisfied);
    assert_ne!(search.plausible(), [first]);
    stop.cancel();
    assert_eq!(search.run(&only_first, &clock, &journal, &stop).await, Stop::Cancelled);
}

struct BrokenWorld;

#[async_trait]
impl World for BrokenWorld {
    fn propose(&self, _: TreeId) -> Vec<Proposal> {
        (0..40).map(proposal).collect()
    }

    fn make(&self, _: TreeId, proposal: &Proposal) -> Made {
        Made::State(id_of(&BTreeSet::from([proposal.edits[0].span.start])))
    }

    async fn evaluate(&self, _: TreeId) -> Result<Evaluation, WorldError> {
        Err(WorldError { reason: "the engine is gone".to_owned() })
    }
}

#[tokio::test]
async fn a_broken_world_ends_the_search_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(&dir.path().join("journal.jsonl"), Box::new(Silent)).unwrap();
    let mut search = Search::new(Arc::new(BrokenWorld), id_of(&BTreeSet::new()), Policy::default(), 1);
    let stop = search.run(&budget(1000), &Clock::start(), &journal, &CancellationToken::new()).await;
    assert_eq!(stop, Stop::Broken);
    assert_eq!(search.last_failure(), Some("the engine is gone"));
    assert_eq!(search.evaluations(), 0);
}
