//! Measures which share of the functions and classes that real fixes changed are definitions of the index, by language.
//!
//! ```text
//! cargo run --release -p indexer --example gold_symbols -- --instances FILE.jsonl --mirrors DIR [--misses N]
//! ```
//! `DIR` holds git directories named `OWNER__NAME`, or links to them; instances whose repository is not there are counted and left out.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool for measuring: it stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use indexer::FileFacts;
use repo::{RepoPath, Source, Store};
use serde::Deserialize;

#[derive(Deserialize)]
struct Instance {
    repo: String,
    base_commit: String,
    gold_functions: Vec<String>,
}

#[derive(Default)]
struct Count {
    found: usize,
    all: usize,
    misses: Vec<String>,
}

fn main() {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        named.insert(name.trim_start_matches('-').to_owned(), arguments.next().expect("every option has a value"));
    }
    let mirrors = PathBuf::from(named.get("mirrors").expect("--mirrors is missing"));
    let shown = named.get("misses").map_or(0, |n| n.parse().expect("--misses is a number"));
    let text = fs::read_to_string(named.get("instances").expect("--instances is missing")).expect("readable");
    let cache = tempfile::tempdir().expect("a temporary folder");
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut absent = 0;
    for line in text.lines() {
        let instance: Instance = serde_json::from_str(line).expect("a line is an instance");
        let directory = mirrors.join(instance.repo.replace('/', "__"));
        if !directory.exists() {
            absent += 1;
            continue;
        }
        measure(&instance, &directory, cache.path(), &mut counts);
    }
    for (language, count) in counts {
        println!(
            "{language}: {} of {} ({:.1} %)",
            count.found,
            count.all,
            100.0 * count.found as f64 / count.all as f64
        );
        count.misses.iter().take(shown).for_each(|it| println!("    {it}"));
    }
    println!("instances without their repository: {absent}");
}

fn measure(instance: &Instance, directory: &Path, cache: &Path, counts: &mut BTreeMap<String, Count>) {
    let source = Source::open(directory).expect("the mirror is a repository");
    let Ok(revision) = source.resolve(&instance.base_commit) else { return };
    let store = Store::create(&cache.join(&instance.base_commit), &source).expect("the store can be created");
    let snapshot = store.snapshot(revision.tree).expect("the base commit has a tree");
    for gold in &instance.gold_functions {
        let Some((path, qualified)) = gold.split_once("::") else { continue };
        let path = RepoPath::new(path).expect("a path");
        let extension = String::from_utf8_lossy(path.extension().unwrap_or_default()).into_owned();
        let count = counts.entry(extension).or_default();
        count.all += 1;
        let bytes = snapshot.read(&path).expect("the file of a gold function");
        let facts = FileFacts::read(&path, &bytes);
        // Template arguments may stand on several lines.
        let plain = |it: &str| it.split_whitespace().collect::<String>();
        let wanted = plain(qualified);
        let has = |it: &FileFacts| it.symbols.iter().any(|it| plain(&it.qualified) == wanted);
        if matches!(&facts, Some(Ok(it)) if has(it)) {
            count.found += 1;
        } else {
            let why = facts.and_then(Result::err);
            count.misses.push(format!("{} {}: {gold} {why:?}", instance.repo, &instance.base_commit[..10]));
        }
    }
}
