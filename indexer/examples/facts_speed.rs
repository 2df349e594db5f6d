//! Measures what reading the facts of files costs beside parsing them alone, by language.
//!
//! ```text
//! cargo run --release -p indexer --example facts_speed -- DIR [ROUNDS]
//! ```
//! Both are timed in turns over the same files in memory, on one thread; the fastest round of each counts.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool for measuring: it stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indexer::FileFacts;
use indexer::syntax::{LanguageId, SyntaxTree};
use repo::RepoPath;

type File = (RepoPath, LanguageId, Vec<u8>);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().expect("the directory is missing"));
    let rounds: usize = arguments.next().map_or(3, |it| it.parse().expect("a number of rounds"));
    let mut files: BTreeMap<&str, Vec<File>> = BTreeMap::new();
    collect(&root, &root, &mut files);
    for (language, files) in files {
        let bytes: usize = files.iter().map(|it| it.2.len()).sum();
        let (mut parse, mut facts) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            parse = parse.min(timed(&files, |(_, language, bytes)| {
                black_box(SyntaxTree::parse(*language, bytes.as_slice()));
            }));
            facts = facts.min(timed(&files, |(path, _, bytes)| {
                let _ = black_box(FileFacts::read(path, bytes));
            }));
        }
        println!(
            "{language}: {} files, {:.1} MB: parse {:.3} s ({:.1} MB/s), facts {:.3} s ({:+.0} %)",
            files.len(),
            bytes as f64 / 1e6,
            parse.as_secs_f64(),
            bytes as f64 / 1e6 / parse.as_secs_f64(),
            facts.as_secs_f64(),
            100.0 * (facts.as_secs_f64() / parse.as_secs_f64() - 1.0)
        );
    }
}

fn timed(files: &[File], mut each: impl FnMut(&File)) -> Duration {
    let start = Instant::now();
    files.iter().for_each(&mut each);
    start.elapsed()
}

/// Takes the files that are read; those that are left out cost nothing and would flatter.
fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<&'static str, Vec<File>>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(root, &path, files);
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        let relative = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        let Ok(name) = RepoPath::new(relative) else { continue };
        let Some(language) = LanguageId::of_file(&name, &bytes) else { continue };
        if matches!(FileFacts::read(&name, &bytes), Some(Ok(_))) {
            files.entry(language.as_str()).or_default().push((name, language, bytes));
        }
    }
}
