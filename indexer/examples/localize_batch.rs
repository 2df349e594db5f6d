//! Localizes many issues and writes predictions, one JSON object a line, for scoring.
//!
//! ```text
//! cargo run --release -p indexer --example localize_batch -- \
//!     --instances FILE.jsonl --mirrors DIR --cache DIR --out FILE.jsonl [--jobs N] [-n 50] [--only SIGNAL] [--votes FILE.jsonl]
//! ```
//! `DIR` of the mirrors holds git directories named `OWNER__NAME`, or links to them. `--votes` also writes what each signal says alone.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool for measuring: it stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use indexer::localize::{self, Inputs, Settings, Signal};
use indexer::{Index, IssueText, Localization};
use repo::{Source, Store};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Instance {
    instance_id: String,
    repo: String,
    base_commit: String,
    problem_statement: String,
}

struct Options {
    mirrors: PathBuf,
    cache: PathBuf,
    limit: usize,
    settings: Settings,
    votes: bool,
}

struct Outcome {
    prediction: serde_json::Value,
    votes: Option<serde_json::Value>,
    open_ms: f64,
    localize_ms: f64,
}

fn main() {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        named.insert(name.trim_start_matches('-').to_owned(), arguments.next().expect("every option has a value"));
    }
    let given = |name: &str| named.get(name).unwrap_or_else(|| panic!("--{name} is missing"));
    let signal = |name: &String| serde_json::from_value::<Signal>(json!(name)).expect("--only names a signal");
    let options = Options {
        mirrors: given("mirrors").into(),
        cache: given("cache").into(),
        limit: named.get("n").map_or(50, |n| n.parse().expect("-n is a number")),
        settings: named.get("only").map_or_else(Settings::default, |name| Settings::only(signal(name))),
        votes: named.contains_key("votes"),
    };
    let text = fs::read_to_string(given("instances")).expect("the instances can be read");
    let instances: Vec<Instance> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is an instance")).collect();
    let jobs = named.get("jobs").map_or(1, |n| n.parse().expect("--jobs is a number"));
    let outcomes = run(&instances, &options, jobs);

    let mut out = fs::File::create(given("out")).expect("the output can be written");
    let mut votes = named.get("votes").map(|path| fs::File::create(path).expect("the votes can be written"));
    for outcome in &outcomes {
        writeln!(out, "{}", outcome.prediction).expect("the output can be written");
        if let (Some(file), Some(found)) = (&mut votes, &outcome.votes) {
            writeln!(file, "{found}").expect("the votes can be written");
        }
    }
    report("open", outcomes.iter().map(|it| it.open_ms).collect());
    report("localize", outcomes.iter().map(|it| it.localize_ms).collect());
}

fn run(instances: &[Instance], options: &Options, jobs: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<BTreeMap<usize, Outcome>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(instance) = instances.get(at) else { break };
                    let outcome = one(instance, options);
                    eprintln!(
                        "{at:>4} {} {:.0} ms + {:.0} ms",
                        instance.instance_id, outcome.open_ms, outcome.localize_ms
                    );
                    outcomes.lock().unwrap().insert(at, outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap().into_values().collect()
}

fn one(instance: &Instance, options: &Options) -> Outcome {
    let name = instance.repo.replace('/', "__");
    let started = Instant::now();
    let source = Source::open(&mirror(&options.mirrors, &name)).expect("the mirror is a repository");
    let revision = source.resolve(&instance.base_commit).expect("the mirror has the base commit");
    let store = Store::create(&options.cache.join("stores").join(&name), &source).expect("the store can be created");
    let snapshot = store.snapshot(revision.tree).expect("the base commit has a tree");
    let index = Index::open(&options.cache.join("index"), &snapshot, &|_| {}).expect("the index can be built");
    let open_ms = started.elapsed().as_secs_f64() * 1000.0;

    let started = Instant::now();
    let issue = IssueText::parse(&instance.problem_statement);
    let inputs = Inputs { issue: &issue, spectrum: None, failing_tests: &[] };
    let found =
        localize::localize_with(&index, &inputs, &options.settings, options.limit).expect("the index can be read");
    let localize_ms = started.elapsed().as_secs_f64() * 1000.0;
    let votes = options.votes.then(|| {
        let votes = localize::votes(&index, &inputs, &options.settings).expect("the index can be read");
        json!({ "instance_id": instance.instance_id, "votes": votes })
    });
    Outcome { prediction: prediction(&instance.instance_id, &found, localize_ms), votes, open_ms, localize_ms }
}

fn prediction(id: &str, found: &Localization, took_ms: f64) -> serde_json::Value {
    let files: Vec<String> = found.files.iter().map(|it| it.path.to_string()).collect();
    let functions: Vec<String> = found.symbols.iter().map(|it| format!("{}::{}", it.path, it.name)).collect();
    json!({ "instance_id": id, "files": files, "functions": functions, "took_ms": took_ms, "top": found.symbols.first() })
}

fn mirror(mirrors: &Path, name: &str) -> PathBuf {
    let plain = mirrors.join(name);
    if plain.exists() { plain } else { mirrors.join(format!("{name}.git")) }
}

fn report(what: &str, mut took: Vec<f64>) {
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took.get(((took.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(0.0);
    eprintln!("{what}: p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, max {:.0} ms", at(0.5), at(0.9), at(0.99), at(1.0));
}
