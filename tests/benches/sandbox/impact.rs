//! Which share of the tests that a change breaks the first set finds, at which share of the time that all tests take: every test of a
//! repository is run on mutants of its code, and then it is asked what less would have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use indexer::Index;
use indexer::graph::{Direction, EdgeKind, EdgeKinds, NodeId, Reach};
use indexer::syntax::{LanguageId, SyntaxTree};
use repo::{RepoPath, Snapshot, Store};
use sandbox::verdict::first::Changed;
use sandbox::verdict::{FirstBudget, Probe, Selector};
use sandbox::{
    BackendKind, ConnectOptions, Coverage, Labels, Overlay, SandboxSpec, TestId, TestPlan, TestReport, TestRequest,
    TestStatus, WorkFile, Workbench, connect, is_test_support,
};

use crate::mutants;
use crate::validate::limit_of;

/// Shares of the time of all tests.
const SHARES: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5];
/// Relations along which a change is felt, and how far, as the search follows them.
const FELT: [EdgeKind; 6] =
    [EdgeKind::Calls, EdgeKind::Uses, EdgeKind::Inherits, EdgeKind::Overrides, EdgeKind::Imports, EdgeKind::Tests];
const FAR: u32 = 8;

/// A change of one file.
struct Mutant {
    path: RepoPath,
    text: String,
    changed: Changed,
}

/// A mutant, and the tests that it breaks.
type Broken = (Mutant, BTreeSet<TestId>);

/// What is known of the base.
struct Base {
    snapshot: Snapshot,
    plan: TestPlan,
    /// Tests that pass, as they stand.
    tests: Vec<TestId>,
    costs: BTreeMap<TestId, Duration>,
    lines: BTreeMap<TestId, Vec<(RepoPath, Vec<u32>)>>,
    duration: Duration,
}

/// Runs all tests of a repository on so many mutants, and prints what parts of them would have found.
pub(crate) async fn run(repo: &Path, command: Option<&str>, count: usize, kind: BackendKind) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (store, tree) = Store::import(&folder.path().join("objects"), repo)?;
    let snapshot = store.snapshot(tree)?;
    let plan = match command {
        Some(command) => TestPlan::of_command(command, &snapshot)?,
        None => TestPlan::detect(&snapshot)?,
    };
    let index = Index::open(&folder.path().join("index"), &snapshot, &|_| {})?;
    let mut bench = start(kind, &snapshot, &plan).await?;
    let base = base(&mut bench, snapshot, plan).await?;
    let mutants = chosen(&base.snapshot, count)?;
    let (mut broken, mut all_broken, mut survived) = (Vec::new(), 0, 0);
    for mutant in mutants {
        if !bench.is_alive() {
            bench.close().await?;
            bench = start(kind, &base.snapshot, &base.plan).await?;
        }
        let failing = failing(&mut bench, &base, &mutant).await?;
        match failing.len() {
            0 => survived += 1,
            // Any single test shows that.
            all if all == base.tests.len() => all_broken += 1,
            _ => broken.push((mutant, failing)),
        }
    }
    bench.close().await?;
    ensure!(!broken.is_empty(), "no mutant broke some of the tests");
    println!("{} tests; mutants: {} break some, {all_broken} all, {survived} none", base.tests.len(), broken.len());
    show(&base, &index, &broken);
    Ok(())
}

async fn start(kind: BackendKind, snapshot: &Snapshot, plan: &TestPlan) -> Result<Workbench> {
    let backend = connect(kind, &ConnectOptions::default()).await?;
    let image = backend.prepare(None, &|_| {}).await?;
    let spec = SandboxSpec { image, python: plan.python.clone(), ..SandboxSpec::new(Labels::for_job("bench")) };
    let mut bench = Workbench::start(backend.as_ref(), &spec, plan).await?;
    let file = |entry: &repo::Entry| -> Result<WorkFile> {
        Ok(WorkFile { path: entry.path.clone(), bytes: snapshot.read(&entry.path)?, mode: entry.mode })
    };
    let files = snapshot.entries().iter().filter(|it| it.mode != repo::FileMode::Submodule);
    bench.put(files.map(file).collect::<Result<_>>()?).await?;
    Ok(bench)
}

async fn base(bench: &mut Workbench, snapshot: Snapshot, plan: TestPlan) -> Result<Base> {
    let plain = bench.run_tests(&TestRequest::all(plan.clone())).await?;
    let covered = TestRequest { coverage: Coverage::PerTest, ..TestRequest::all(plan.clone()) };
    let covered = bench.run_tests(&covered).await?;
    let passed = passed(&plain);
    let passing = plain.results.iter().filter(|it| passed.contains(&it.id));
    let costs: BTreeMap<TestId, Duration> = passing.clone().map(|it| (it.id.clone(), it.duration)).collect();
    let tests: Vec<TestId> = passing.map(|it| it.id.clone()).collect();
    ensure!(!tests.is_empty(), "no test of the base passes: {}", plain.output);
    let lines = covered.coverage.into_iter().map(|it| (it.test, it.lines)).collect();
    Ok(Base { snapshot, plan, tests, costs, lines, duration: plain.duration })
}

fn passed(report: &TestReport) -> BTreeSet<TestId> {
    let passed = report.results.iter().filter(|it| it.status == TestStatus::Passed);
    passed.map(|it| it.id.clone()).collect()
}

/// Mutants of everything that is no test, spread evenly over all that there are, which can be parsed.
fn chosen(snapshot: &Snapshot, count: usize) -> Result<Vec<Mutant>> {
    let mut all = Vec::new();
    for entry in snapshot.entries() {
        let path = entry.path.to_string();
        let in_tests = path.split('/').any(|part| part.starts_with("test") || part == "conftest.py");
        if LanguageId::of_path(&entry.path) != Some(LanguageId::Python) || in_tests || is_test_support(&entry.path) {
            continue;
        }
        let Ok(text) = String::from_utf8(snapshot.read(&entry.path)?) else { continue };
        all.extend(mutants::once(&text).into_iter().map(|mutant| (entry.path.clone(), text.clone(), mutant)));
    }
    let step = (all.len() / count.max(1)).max(1);
    let mut found = Vec::new();
    // An odd place in each stride, so that not always the first replacement of an operator is taken.
    for (at, (path, old, text)) in all.into_iter().enumerate() {
        if at % step == (at / step) % step && found.len() < count {
            let changed = repo::history::changed_lines(old.as_bytes(), text.as_bytes())?;
            let lines = changed.iter().map(|it| (path.clone(), it.old_start..=it.old_start + it.old_count.max(1) - 1));
            if SyntaxTree::parse(LanguageId::Python, text.as_bytes()).is_clean() {
                found.push(Mutant { changed: lines.collect(), path, text });
            }
        }
    }
    Ok(found)
}

async fn failing(bench: &mut Workbench, base: &Base, mutant: &Mutant) -> Result<BTreeSet<TestId>> {
    let limits = base.costs.iter().map(|(id, cost)| (id.clone(), limit_of(*cost))).collect();
    let overlay = Overlay { path: mutant.path.clone(), bytes: Some(mutant.text.clone().into_bytes()) };
    let request = TestRequest {
        overlay: vec![overlay],
        per_test_of: limits,
        total: base.duration * 10 + Duration::from_secs(20),
        ..TestRequest::all(base.plan.clone())
    };
    let passed = passed(&bench.run_tests(&request).await?);
    Ok(base.tests.iter().filter(|id| !passed.contains(*id)).cloned().collect())
}

/// An order of tests for a change.
type Order<'a> = Box<dyn Fn(&Mutant) -> Rc<Selector> + 'a>;

fn show(base: &Base, index: &Index, broken: &[Broken]) {
    let probe = |id: &TestId| Probe {
        test: id.clone(),
        cost: base.costs.get(id).copied().unwrap_or_default(),
        lines: base.lines.get(id).cloned().unwrap_or_default(),
        distance: None,
    };
    let numbered = || base.tests.iter().zip(0_u32..);
    let unknown = |distance: &dyn Fn(&TestId, u32) -> Option<f64>| {
        let probes = numbered().map(|(id, at)| Probe { lines: Vec::new(), distance: distance(id, at), ..probe(id) });
        Rc::new(Selector::new(probes.collect()))
    };
    let covered = Rc::new(Selector::new(base.tests.iter().map(probe).collect()));
    let orders: [(&str, Order<'_>); 4] = [
        ("by coverage", Box::new(|_| Rc::clone(&covered))),
        (
            "by graph",
            Box::new(|mutant| {
                let steps = steps(index, mutant);
                unknown(&|id, _| distance(index, &steps, id))
            }),
        ),
        ("quickest first", Box::new(|_| unknown(&|_, _| None))),
        ("as they stand", Box::new(|_| unknown(&|_, at| Some(f64::from(at))))),
    ];
    println!("share of the time, then which part of the mutants is noticed and of the broken tests is run");
    let shares: String = SHARES.iter().map(|share| format!("{:>14.0} %", share * 100.0)).collect();
    println!("{:>16}{shares}{:>16}", "", "as the search");
    for (name, order) in orders {
        let selectors = broken.iter().map(|(mutant, _)| order(mutant)).collect::<Vec<_>>();
        let budgets = SHARES.map(|share| FirstBudget { share, least: Duration::ZERO, most: usize::MAX });
        let row: String =
            budgets.iter().chain([&FirstBudget::default()]).map(|it| part(&selectors, broken, it)).collect();
        println!("{name:>16}{row}");
    }
}

/// Which part of the mutants is noticed, and which part of their broken tests is run, on average.
fn part(selectors: &[Rc<Selector>], broken: &[Broken], budget: &FirstBudget) -> String {
    let (mut noticed, mut recall) = (0.0, 0.0);
    for (selector, (mutant, failing)) in selectors.iter().zip(broken) {
        let first = selector.first(&mutant.changed, budget).first;
        let found = first.iter().filter(|id| failing.contains(*id)).count();
        noticed += f64::from(u8::from(found > 0));
        recall += found as f64 / failing.len() as f64;
    }
    let percent = |sum: f64| 100.0 * sum / broken.len() as f64;
    format!("{:>8.1} {:>5.1} %", percent(noticed), percent(recall))
}

/// How many steps everything that feels a change is away from it.
fn steps(index: &Index, mutant: &Mutant) -> BTreeMap<NodeId, u32> {
    let graph = index.graph();
    let lines = mutant.changed.iter().map(|(path, lines)| (path, *lines.start()));
    let place = |(path, line): (&RepoPath, u32)| match index.symbol_at(path, line) {
        Some(symbol) => Some(graph.node_of_symbol(symbol)),
        None => graph.find(path),
    };
    let starts: Vec<NodeId> = lines.filter_map(place).collect();
    let reach = Reach {
        kinds: EdgeKinds::of(&FELT),
        directions: vec![Direction::In],
        depth: FAR,
        nodes: usize::MAX,
        ..Reach::default()
    };
    graph.neighbourhood(&starts, &reach).reached.iter().map(|it| (it.node, it.depth)).collect()
}

/// How far a test is, or the file that it stands in.
fn distance(index: &Index, steps: &BTreeMap<NodeId, u32>, id: &TestId) -> Option<f64> {
    let graph = index.graph();
    let plain = id.as_str().split('[').next().unwrap_or_default();
    let (file, inner) = plain.split_once("::")?;
    let path = RepoPath::new(file).ok()?;
    let test = graph.find_symbol(&path, &inner.replace("::", ".")).and_then(|node| steps.get(&node).copied());
    let around = graph.find(&path).and_then(|node| steps.get(&node).copied()).map(|it| it + 1);
    [test, around].into_iter().flatten().min().map(f64::from)
}
