//! The search's world: makes candidate trees from proposals and runs their tests in warm boxes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use indexer::syntax::{LanguageId, SyntaxTree};
use parking_lot::Mutex;
use repo::{Edit, RepoPath, Snapshot, Store, TreeId};
use sandbox::verdict::first::Changed;
use sandbox::verdict::{FirstBudget, FirstSet, Known, Probe, Remembered, Selector};
use sandbox::{
    Failure, FailureClass, Overlay, RunEnding, SandboxError, Select, TestCoverage, TestId, TestReport, TestRequest,
    TestStatus,
};

use super::baseline::Baseline;
use super::memory::Memory;
use super::pool::{Pool, PoolError};
use super::suspicion::{self, SuspectFile};
use crate::gate::{Gate, GateVerdict};
use crate::propose::symptom::{self, Symptom};
use crate::propose::template::grammar::has_templates;
use crate::propose::{self, DonorPool, Proposal, ProposeLimits, TargetFile};
use crate::search::{Made, World, WorldError};
use crate::value::Evaluation;

/// Targets run first; when all of them fail, the candidate is given up.
const FIRST_TARGETS: usize = 6;
/// Guards are run in the search only while they take no longer than this together; the others are left to validation.
const GUARD_TIME: Duration = Duration::from_secs(20);
/// Guards that take no longer than this together are run all at once: choosing among them would not pay.
const ALL_AT_ONCE: Duration = Duration::from_millis(150);
/// Time that a run may take beyond the sum of its tests, for start and collection.
const OVERHEAD: Duration = Duration::from_secs(20);
/// Edits proposed for one state at most, over all its files.
const MOST_PROPOSALS: usize = 8000;

/// The files of a candidate that differ from the base.
type Changes = Arc<Vec<Text>>;

/// A file with one of its contents.
type Text = (RepoPath, Arc<[u8]>);

/// A file's syntax, and the gate in front of changes to it.
struct Parsed {
    tree: SyntaxTree,
    gate: Gate,
}

/// The world of one job.
pub(super) struct Candidates {
    store: Store,
    base: Snapshot,
    pool: Arc<Pool>,
    baseline: Arc<Baseline>,
    memory: Arc<Memory>,
    suspects: Vec<SuspectFile>,
    symptoms: Vec<Symptom>,
    donors: DonorPool,
    /// Guards run in the search, quickest first.
    guards: Vec<TestId>,
    /// Chooses among them, where that pays.
    selector: Option<Selector>,
    changes: Mutex<HashMap<TreeId, Changes>>,
    /// Files in which edits are proposed or made, by path and text.
    parsed: Mutex<HashMap<Text, Arc<Parsed>>>,
}

impl Candidates {
    /// Prepares the world over a base. `near` says how far tests are from what is suspected, where that is known.
    #[expect(clippy::too_many_arguments, reason = "it gathers what the stages before it made")]
    pub(super) fn new(
        store: Store,
        base: Snapshot,
        pool: Arc<Pool>,
        baseline: Arc<Baseline>,
        memory: Arc<Memory>,
        suspects: Vec<SuspectFile>,
        donors: DonorPool,
        near: &BTreeMap<TestId, f64>,
    ) -> Candidates {
        let guards = quick_guards(&baseline);
        let selector = Selector::new(probes(&baseline, &guards, near));
        let selector = (selector.total() > ALL_AT_ONCE).then_some(selector);
        let symptoms = baseline.failures.iter().filter_map(|it| it.failure.as_ref()).map(symptom_of).collect();
        let changes = Mutex::new(HashMap::from([(base.tree(), Changes::default())]));
        Candidates {
            store,
            base,
            pool,
            baseline,
            memory,
            suspects,
            symptoms,
            donors,
            guards,
            selector,
            changes,
            parsed: Mutex::default(),
        }
    }

    /// Returns what a state changes in the base, as it is laid over the base in a box.
    pub(super) fn overlay(&self, state: TreeId) -> Vec<Overlay> {
        let changes = self.changes_of(state);
        changes.iter().map(|(path, bytes)| Overlay { path: path.clone(), bytes: Some(bytes.to_vec()) }).collect()
    }

    fn changes_of(&self, state: TreeId) -> Changes {
        self.changes.lock().get(&state).cloned().unwrap_or_default()
    }

    fn text_in(&self, changes: &Changes, path: &RepoPath) -> Option<Arc<[u8]>> {
        match changes.iter().find(|(changed, _)| changed == path) {
            Some((_, bytes)) => Some(Arc::clone(bytes)),
            None => self.base.read(path).ok().map(Arc::from),
        }
    }

    fn parse(&self, path: &RepoPath, text: &Arc<[u8]>) -> Option<Arc<Parsed>> {
        let key = (path.clone(), Arc::clone(text));
        if let Some(known) = self.parsed.lock().get(&key) {
            return Some(Arc::clone(known));
        }
        let language = LanguageId::of_path(path).filter(|it| has_templates(*it))?;
        let tree = SyntaxTree::parse(language, Arc::clone(text));
        let parsed = Arc::new(Parsed { gate: Gate::new(&tree), tree });
        self.parsed.lock().insert(key, Arc::clone(&parsed));
        Some(parsed)
    }

    fn propose_in(&self, suspect: &SuspectFile, changes: &Changes) -> Vec<Proposal> {
        let Some(text) = self.text_in(changes, &suspect.path) else { return Vec::new() };
        let Some(parsed) = self.parse(&suspect.path, &text) else { return Vec::new() };
        let lines = match changes.iter().any(|(path, _)| *path == suspect.path) {
            true => match self.base.read(&suspect.path) {
                Ok(base) => suspicion::carry_over(&suspect.lines, &base, &text),
                Err(_) => return Vec::new(),
            },
            false => suspect.lines.clone(),
        };
        let suspicion = |line: usize| lines.get(line.wrapping_sub(1)).copied().unwrap_or(0.0);
        let file = TargetFile { path: &suspect.path, tree: &parsed.tree, suspicion: &suspicion };
        propose::propose_all(&file, &self.donors, &ProposeLimits::default())
    }

    fn make_state(&self, state: TreeId, proposal: &Proposal) -> Result<TreeId, String> {
        let mut changes: Vec<Text> = self.changes_of(state).to_vec();
        let mut edits = Vec::new();
        for (path, spans) in by_file(proposal) {
            let old = self.text_in(&Arc::new(changes.clone()), &path).ok_or("the file is gone")?;
            let parsed = self.parse(&path, &old).ok_or("not a language that can be checked")?;
            let new: Arc<[u8]> = splice(&old, &spans).ok_or("edits overlap or lie outside the file")?.into();
            match parsed.gate.check(&new) {
                GateVerdict::Pass => {}
                refused => return Err(refused.to_string()),
            }
            edits.push(Edit::Write { path: path.clone(), bytes: new.to_vec(), mode: None });
            changes.retain(|(changed, _)| *changed != path);
            changes.push((path, new));
        }
        let made = self.store.write_tree(state, &edits).map_err(|error| error.to_string())?;
        self.changes.lock().entry(made).or_insert_with(|| Arc::new(changes));
        Ok(made)
    }

    fn request(&self, state: TreeId, ids: &[TestId]) -> TestRequest {
        let baseline = &self.baseline;
        let sum: Duration =
            ids.iter().map(|id| baseline.limits.get(id).copied().unwrap_or(baseline.target_limit)).sum();
        let total = OVERHEAD + sum.min(baseline.duration * 10 + OVERHEAD);
        TestRequest {
            select: Select::Ids(ids.to_vec()),
            overlay: self.overlay(state),
            per_test: baseline.target_limit,
            per_test_of: ids.iter().filter_map(|id| Some((id.clone(), *baseline.limits.get(id)?))).collect(),
            total,
            silence: total,
            stop_after_timeouts: Some(1),
            ..TestRequest::all(baseline.plan.clone())
        }
    }

    /// Runs tests, as far as what they do on this state is not remembered.
    async fn run(&self, state: TreeId, ids: &[TestId]) -> Result<Run, WorldError> {
        let known = self.memory.known(state, ids);
        let mut run = Run::remembered(&known);
        if !known.missing.is_empty() {
            run.add(self.run_afresh(state, known.missing).await?);
        }
        Ok(run)
    }

    async fn run_afresh(&self, state: TreeId, ids: Vec<TestId>) -> Result<Run, WorldError> {
        match self.pool.run(&self.request(state, &ids)).await {
            Ok(report) => {
                let run = Run::of(&report);
                let memory = Arc::clone(&self.memory);
                // Nobody waits for it: the runtime ends only when what it began on this pool is done.
                drop(tokio::task::spawn_blocking(move || memory.keep(state, &ids, &report)));
                Ok(run)
            }
            // The candidate ended its own box: its fault, not the world's.
            Err(PoolError::Sandbox(SandboxError::BoxEnded { ending, .. })) => {
                Ok(Run { ending: format!("ended its sandbox: {ending}"), ..Run::default() })
            }
            Err(error) => Err(WorldError { reason: error.to_string() }),
        }
    }
}

/// What one run showed.
#[derive(Default)]
struct Run {
    passed: HashSet<TestId>,
    ending: String,
    timed_out: bool,
    seconds: f64,
}

impl Run {
    fn remembered(known: &Known) -> Run {
        let passed = known
            .remembered
            .iter()
            .filter(|(_, known)| matches!(known, Remembered::Result(result) if result.status == TestStatus::Passed));
        Run { passed: passed.map(|(id, _)| id.clone()).collect(), ending: "remembered".to_owned(), ..Run::default() }
    }

    fn add(&mut self, other: Run) {
        self.passed.extend(other.passed);
        self.ending = other.ending;
        self.timed_out |= other.timed_out;
        self.seconds += other.seconds;
    }

    fn of(report: &TestReport) -> Run {
        let trusted = !matches!(report.ending, RunEnding::Tampered { .. } | RunEnding::Crashed { .. });
        let passed = report.results.iter().filter(|it| trusted && it.status == TestStatus::Passed);
        Run {
            passed: passed.map(|it| it.id.clone()).collect(),
            ending: report.ending.to_string(),
            timed_out: report.results.iter().any(|it| it.status == TestStatus::TimedOut),
            seconds: report.duration.as_secs_f64(),
        }
    }

    fn count(&self, ids: &[TestId]) -> u32 {
        ids.iter().filter(|id| self.passed.contains(id)).count() as u32
    }
}

#[async_trait]
impl World for Candidates {
    fn propose(&self, state: TreeId) -> Vec<Proposal> {
        let changes = self.changes_of(state);
        let mut proposals: Vec<Proposal> =
            self.suspects.iter().flat_map(|suspect| self.propose_in(suspect, &changes)).collect();
        for proposal in &mut proposals {
            proposal.prior *= symptom::mean_affinity(&self.symptoms, proposal.template);
        }
        proposals.sort_by(|a, b| b.prior.total_cmp(&a.prior));
        proposals.truncate(MOST_PROPOSALS);
        proposals
    }

    fn make(&self, state: TreeId, proposal: &Proposal) -> Made {
        match self.make_state(state, proposal) {
            Ok(made) => Made::State(made),
            Err(reason) => Made::Refused(reason),
        }
    }

    async fn evaluate(&self, state: TreeId) -> Result<Evaluation, WorldError> {
        let targets = &self.baseline.targets;
        let (head, rest) = targets.split_at(targets.len().min(FIRST_TARGETS));
        let first = self.run(state, head).await?;
        let mut evaluation = Evaluation {
            targets: targets.len() as u32,
            targets_passed: first.count(head),
            ending: first.ending,
            timed_out: first.timed_out,
            seconds: first.seconds,
            ..Evaluation::default()
        };
        if evaluation.targets_passed == 0 {
            return Ok(evaluation);
        }
        let FirstSet { first: guards, rest: later } = self.divide(state);
        self.run_more(&mut evaluation, state, rest, &guards).await?;
        // What the first set already refutes needs no further proof.
        if evaluation.is_plausible() {
            self.run_more(&mut evaluation, state, &[], &later).await?;
        }
        Ok(evaluation)
    }
}

impl Candidates {
    /// The guards to run first on a state, and those to run only when these hold.
    fn divide(&self, state: TreeId) -> FirstSet {
        match &self.selector {
            Some(selector) => selector.first(&self.changed(state), &FirstBudget::default()),
            None => FirstSet { first: self.guards.clone(), rest: Vec::new() },
        }
    }

    /// The lines of the base that a state changes.
    fn changed(&self, state: TreeId) -> Changed {
        let changes = self.changes_of(state);
        let lines = |(path, new): &Text| Some((path.clone(), changed_lines(&self.base.read(path).ok()?, new)));
        changes.iter().filter_map(lines).collect()
    }

    /// Runs further targets and guards, and adds what they showed.
    async fn run_more(
        &self,
        evaluation: &mut Evaluation,
        state: TreeId,
        targets: &[TestId],
        guards: &[TestId],
    ) -> Result<(), WorldError> {
        let ids: Vec<TestId> = targets.iter().chain(guards).cloned().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let run = self.run(state, &ids).await?;
        evaluation.targets_passed += run.count(targets);
        evaluation.guards_run += guards.len() as u32;
        evaluation.broken.extend(guards.iter().filter(|id| !run.passed.contains(id)).map(ToString::to_string));
        evaluation.ending = run.ending;
        evaluation.timed_out |= run.timed_out;
        evaluation.seconds += run.seconds;
        Ok(())
    }
}

/// The lines of a text that another one changes. Where lines are only added, those on both sides of them.
fn changed_lines(old: &[u8], new: &[u8]) -> std::ops::RangeInclusive<u32> {
    let lines = |text: &[u8]| text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (old, new) = (lines(old), lines(new));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (first, last) = (head + 1, old.len() - tail);
    let number = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
    if first <= last { number(first)..=number(last) } else { number(head.max(1))..=number(head + 1) }
}

/// Guards as the choice among them sees them.
fn probes(baseline: &Baseline, guards: &[TestId], near: &BTreeMap<TestId, f64>) -> Vec<Probe> {
    let covered: HashMap<&TestId, &TestCoverage> = baseline.coverage.iter().map(|it| (&it.test, it)).collect();
    let probe = |id: &TestId| Probe {
        test: id.clone(),
        cost: baseline.durations.get(id).copied().unwrap_or_default(),
        lines: covered.get(id).map(|it| it.lines.clone()).unwrap_or_default(),
        distance: near.get(id).copied(),
    };
    guards.iter().map(probe).collect()
}

fn symptom_of(failure: &Failure) -> Symptom {
    match &failure.class {
        FailureClass::Exception { name } => Symptom::of_exception(name, &failure.message),
        FailureClass::Timeout | FailureClass::Memory => Symptom::Endless,
        FailureClass::Assertion
        | FailureClass::Import
        | FailureClass::Collection
        | FailureClass::Build
        | FailureClass::Environment => Symptom::Other,
    }
}

/// Guards for the search: quickest first, as many as fit into [`GUARD_TIME`]. Those that come and go would only mislead it.
fn quick_guards(baseline: &Baseline) -> Vec<TestId> {
    let steady = baseline.guards.iter().filter(|id| !baseline.quarantined.contains(*id));
    let mut guards: Vec<(&Duration, &TestId)> = steady.filter_map(|id| Some((baseline.limits.get(id)?, id))).collect();
    guards.sort();
    let mut spent = Duration::ZERO;
    let fitting = guards.into_iter().take_while(|(limit, _)| {
        spent += **limit / 10;
        spent <= GUARD_TIME
    });
    fitting.map(|(_, id)| id.clone()).collect()
}

/// A span and what comes in its place.
type Splice<'a> = (std::ops::Range<usize>, &'a str);

/// The edits of a proposal by file, each in order of position.
fn by_file(proposal: &Proposal) -> Vec<(RepoPath, Vec<Splice<'_>>)> {
    let mut files: Vec<(RepoPath, Vec<Splice<'_>>)> = Vec::new();
    for edit in &proposal.edits {
        let change = (edit.span.clone(), edit.replacement.as_str());
        match files.iter_mut().find(|(path, _)| *path == edit.path) {
            Some((_, spans)) => spans.push(change),
            None => files.push((edit.path.clone(), vec![change])),
        }
    }
    for (_, spans) in &mut files {
        spans.sort_by_key(|(span, _)| (span.start, span.end));
    }
    files
}

/// Replaces spans, which must be in order, apart and inside the text.
fn splice(text: &[u8], spans: &[Splice<'_>]) -> Option<Vec<u8>> {
    let mut new = Vec::with_capacity(text.len() + 64);
    let mut at = 0;
    for (span, replacement) in spans {
        new.extend_from_slice(text.get(at..span.start)?);
        new.extend_from_slice(replacement.as_bytes());
        at = span.end;
    }
    new.extend_from_slice(text.get(at..)?);
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_those_of_the_base() {
        for (old, new, expected) in [
            ("a\nb\nc\n", "a\nX\nc\n", 2..=2),
            ("a\nb\nc\n", "a\nX\nY\nc\n", 2..=2),
            ("a\nb\nc\n", "a\nc\n", 2..=2),
            ("a\nb\n", "a\nnew\nb\n", 1..=2),
            ("a\nb\n", "new\na\nb\n", 1..=1),
            ("a\na\na\n", "a\na\n", 3..=3),
            ("", "x", 1..=1),
            ("a", "a", 1..=2),
        ] {
            assert_eq!(changed_lines(old.as_bytes(), new.as_bytes()), expected, "{old:?} to {new:?}");
        }
    }

    #[test]
    fn spans_are_replaced_in_order_or_not_at_all() {
        assert_eq!(splice(b"abcdef", &[(1..2, "X"), (4..4, "YZ")]).unwrap(), b"aXcdYZef");
        assert_eq!(splice(b"abc", &[(0..2, ""), (1..3, "")]), None, "overlap");
        assert_eq!(splice(b"abc", &[(2..9, "")]), None, "outside");
    }
}
