//! Monte Carlo tree search over candidate trees.
//!
//! The driver chooses trials ([`tree`], [`policy`]), has their states made and evaluated by a [`World`], and carries the results back. It
//! knows neither sandboxes nor indexes: the pipeline gives it a world, and tests give it another.
//!
//! Runs repeat: several evaluations are under way at once, but their results enter the tree in the order in which they were chosen, and a
//! trial is chosen only when the result [`WINDOW`] trials before it is known. So the tree depends on the seed and on the results, not on which
//! worker was faster or how many there are.

pub mod policy;
pub mod tree;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{FuturesOrdered, StreamExt};
use rand::Rng;
use repo::TreeId;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};
use crate::journal::{Event, Journal};
use crate::propose::Proposal;
use crate::value::Evaluation;
use policy::Policy;
use tree::{Choice, NodeId, Reached, Tree, Trial, Visit};

/// How many trials are chosen ahead of the oldest unknown result.
pub const WINDOW: usize = 8;

/// Largest relative change that the seed makes to a weight: enough to order equals, too little to overturn a real difference.
const TIE_BREAK: f64 = 1e-6;

/// The state that a proposal leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// The new tree.
    State(TreeId),
    /// The static gate or the policy refused it; nothing is executed.
    Refused(String),
}

/// What the search needs from the outside.
#[async_trait]
pub trait World: Send + Sync + 'static {
    /// Returns what can be done in a state, with unnormalised weights as priors. Runs on the blocking pool.
    fn propose(&self, state: TreeId) -> Vec<Proposal>;

    /// Makes the state that a proposal leads to. Runs on the blocking pool.
    fn make(&self, state: TreeId, proposal: &Proposal) -> Made;

    /// Runs the tests on a state.
    ///
    /// An error says that the world, not the candidate, failed; the search goes on without the candidate and stops after a row of them.
    async fn evaluate(&self, state: TreeId) -> Result<Evaluation, WorldError>;
}

/// The world could not evaluate.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct WorldError {
    /// What went wrong.
    pub reason: String,
}

/// Where a search has to stop.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Time on the job's clock at which to stop.
    pub deadline: Duration,
    /// Number of evaluations after which to stop.
    pub evaluations: u64,
    /// After the first plausible candidate, how much longer to look for a better one, as a share of the evaluations so far.
    pub patience: f64,
    /// Plausible candidates after which to stop at once.
    pub enough: usize,
}

/// Why a search stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Plausible candidates were found and looked for long enough.
    Satisfied,
    /// Everything was tried.
    Exhausted,
    /// The time is over.
    Deadline,
    /// The allowed number of evaluations is used up.
    Evaluations,
    /// The user asked to stop.
    Cancelled,
    /// The world failed again and again.
    Broken,
}

/// Evaluations that may fail in a row for reasons of the world before the search gives up.
const FAILURES_IN_A_ROW: u32 = 5;

/// A search and all it has found.
pub struct Search {
    world: Arc<dyn World>,
    tree: Tree<Arc<Proposal>>,
    policy: Policy,
    rng: rand_chacha::ChaCha8Rng,
    launched: u64,
    evaluations: u64,
    refused: u64,
    refused_reported: u64,
    plausible: Vec<NodeId>,
    first_plausible_at: Option<u64>,
    failures: u32,
    last_failure: Option<String>,
    /// Visits to a state whose evaluation is under way on behalf of another visit.
    waiting: HashMap<NodeId, Vec<Visit>>,
}

/// A trial whose evaluation is under way.
struct Flight {
    visit: Visit,
    trial: Trial,
    state: TreeId,
}

impl Search {
    /// Starts a search at the base.
    pub fn new(world: Arc<dyn World>, base: TreeId, policy: Policy, seed: u64) -> Search {
        Search {
            world,
            tree: Tree::new(base, 0.0),
            policy,
            rng: clock::random(seed),
            launched: 0,
            evaluations: 0,
            refused: 0,
            refused_reported: 0,
            plausible: Vec::new(),
            first_plausible_at: None,
            failures: 0,
            last_failure: None,
            waiting: HashMap::new(),
        }
    }

    /// Returns the tree.
    pub fn tree(&self) -> &Tree<Arc<Proposal>> {
        &self.tree
    }

    /// Returns how many candidates were run.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Returns the last failure of the world, if any.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// Returns the plausible nodes in the order of discovery.
    pub fn plausible(&self) -> &[NodeId] {
        &self.plausible
    }

    /// Takes a plausible node out: validation refused it. The search may be run on.
    pub fn refute(&mut self, node: NodeId) {
        self.plausible.retain(|it| *it != node);
        if self.plausible.is_empty() {
            self.first_plausible_at = None;
        }
    }

    /// Searches until the budget, the user or success ends it. May be called again to go on.
    ///
    /// Evaluations still under way at the end are left to finish by themselves; their states stay without a value.
    pub async fn run(&mut self, budget: &Budget, clock: &Clock, journal: &Journal, stop: &CancellationToken) -> Stop {
        let mut results = FuturesOrdered::new();
        let mut flights: VecDeque<Flight> = VecDeque::new();
        let reason = loop {
            if let Some(reason) = self.reason_to_stop(budget, clock, stop) {
                break reason;
            }
            let may_launch = flights.len() < WINDOW && self.launched < budget.evaluations;
            if may_launch && let Some(flight) = self.launch(journal).await {
                let world = Arc::clone(&self.world);
                let state = flight.state;
                results.push_back(tokio::spawn(async move { world.evaluate(state).await }));
                flights.push_back(flight);
                continue;
            }
            if flights.is_empty() {
                break self.nothing_left(budget);
            }
            let rest = budget.deadline.saturating_sub(clock.elapsed());
            tokio::select! {
                Some(result) = results.next() => {
                    if let Some(flight) = flights.pop_front() {
                        self.take(&flight, flatten(result), journal);
                    }
                }
                () = stop.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
            }
        };
        self.report_refused(journal);
        for flight in flights {
            self.give_up(&flight);
        }
        reason
    }

    fn nothing_left(&self, budget: &Budget) -> Stop {
        if !self.plausible.is_empty() {
            Stop::Satisfied
        } else if self.launched >= budget.evaluations {
            Stop::Evaluations
        } else {
            Stop::Exhausted
        }
    }

    fn reason_to_stop(&self, budget: &Budget, clock: &Clock, stop: &CancellationToken) -> Option<Stop> {
        if stop.is_cancelled() {
            return Some(Stop::Cancelled);
        }
        if self.failures >= FAILURES_IN_A_ROW {
            return Some(Stop::Broken);
        }
        if self.plausible.len() >= budget.enough.max(1) {
            return Some(Stop::Satisfied);
        }
        let waited_enough = self.first_plausible_at.is_some_and(|first| {
            let patience = (first as f64 * budget.patience).ceil() as u64;
            self.evaluations >= first + patience
        });
        if waited_enough {
            return Some(Stop::Satisfied);
        }
        if clock.elapsed() >= budget.deadline {
            return Some(if self.plausible.is_empty() { Stop::Deadline } else { Stop::Satisfied });
        }
        None
    }

    /// Chooses trials until one leads to a state that must be run; `None` when there is nothing to try for now.
    async fn launch(&mut self, journal: &Journal) -> Option<Flight> {
        loop {
            match self.tree.choose(&self.policy) {
                Choice::Exhausted => return None,
                Choice::Propose(node) => self.propose(node, journal).await,
                Choice::Try(trial) => {
                    if let Some(flight) = self.start(trial).await {
                        self.launched += 1;
                        return Some(flight);
                    }
                }
            }
        }
    }

    async fn propose(&mut self, node: NodeId, journal: &Journal) {
        let world = Arc::clone(&self.world);
        let state = self.tree.node(node).state();
        let proposals = tokio::task::spawn_blocking(move || world.propose(state)).await.unwrap_or_default();
        let weighted: Vec<_> = proposals
            .into_iter()
            .map(|proposal| {
                let weight = proposal.prior * (1.0 + TIE_BREAK * self.rng.random::<f64>());
                (Arc::new(proposal), weight)
            })
            .collect();
        journal.record(Event::Proposed { node, actions: weighted.len() });
        self.tree.set_actions(node, weighted);
    }

    /// Makes the trial's state; `None` when nothing needs to run for it.
    async fn start(&mut self, trial: Trial) -> Option<Flight> {
        let proposal = Arc::clone(&self.tree.action(trial.node, trial.action)?.payload);
        let state = self.tree.node(trial.node).state();
        let world = Arc::clone(&self.world);
        let made = tokio::task::spawn_blocking(move || world.make(state, &proposal)).await;
        let Ok(Made::State(state)) = made else {
            self.refused += 1;
            return None;
        };
        match self.tree.reach(&trial, state, &self.policy) {
            (Reached::New(_), Some(visit)) => Some(Flight { visit, trial, state }),
            (Reached::Known(node), Some(visit)) => {
                self.waiting.entry(node).or_default().push(visit);
                None
            }
            (_, _) => None,
        }
    }

    fn take(&mut self, flight: &Flight, result: Result<Evaluation, WorldError>, journal: &Journal) {
        let node = flight.visit.node;
        self.report_refused(journal);
        match result {
            Ok(evaluation) => {
                self.failures = 0;
                self.evaluations += 1;
                let value = evaluation.value();
                self.tree.settle(&flight.visit, value);
                for visit in self.waiting.remove(&node).unwrap_or_default() {
                    self.tree.settle(&visit, value);
                }
                if evaluation.is_plausible() {
                    self.tree.close(node);
                    self.plausible.push(node);
                    self.first_plausible_at.get_or_insert(self.evaluations);
                }
                self.record_evaluation(flight, evaluation, value, journal);
            }
            Err(error) => {
                self.failures += 1;
                journal.record(Event::Unevaluated { node, reason: error.reason.clone() });
                self.last_failure = Some(error.reason);
                self.give_up(flight);
            }
        }
    }

    fn record_evaluation(&self, flight: &Flight, evaluation: Evaluation, value: f64, journal: &Journal) {
        let Some(action) = self.tree.action(flight.trial.node, flight.trial.action) else { return };
        journal.record(Event::Evaluated {
            node: flight.visit.node,
            parent: flight.trial.node,
            tree: flight.state,
            template: action.payload.template.to_owned(),
            note: action.payload.note.clone(),
            prior: action.prior,
            evaluation,
            value,
        });
    }

    fn give_up(&mut self, flight: &Flight) {
        self.tree.abandon(&flight.visit);
        for visit in self.waiting.remove(&flight.visit.node).unwrap_or_default() {
            self.tree.abandon(&visit);
        }
    }

    fn report_refused(&mut self, journal: &Journal) {
        let count = self.refused - self.refused_reported;
        if count > 0 {
            self.refused_reported = self.refused;
            journal.record(Event::Refused { count });
        }
    }
}

/// A panic in an evaluation is a failure of the world, not the end of the job.
fn flatten(result: Result<Result<Evaluation, WorldError>, JoinError>) -> Result<Evaluation, WorldError> {
    result.unwrap_or_else(|error| Err(WorldError { reason: format!("the evaluation panicked: {error}") }))
}

#[cfg(test)]
mod tests;
