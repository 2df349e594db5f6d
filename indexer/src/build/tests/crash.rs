//! A process that builds an index may be killed at any moment, and may not be the only one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use repo::{Edit, RepoPath, Snapshot, Store, TreeId};

use super::histories::content;
use crate::cache::crash::on_purpose::{STOPPED, VARIABLE};
use crate::{Index, Limits};

const PLACE: &str = "INDEX_TEST_PLACE";
const TREES: &str = "INDEX_TEST_TREES";
/// Enough commits for packs to be merged.
const COMMITS: usize = 11;

fn store(place: &Path) -> Store {
    let empty = tempfile::tempdir().unwrap();
    Store::import(&place.join("store"), empty.path()).unwrap().0
}

fn trees(store: &Store) -> Vec<TreeId> {
    let mut tree = TreeId::EMPTY;
    let mut commit = |number: usize| {
        let path = RepoPath::new(format!("pkg/m{}.py", number % 4)).unwrap();
        let text =
            format!("from pkg.m0 import f0\nclass C{number}:\n    def f{number}(self): return f0('text {number}')\n");
        tree = store.write_tree(tree, &[Edit::Write { path, bytes: text.into_bytes(), mode: None }]).unwrap();
        tree
    };
    (0..COMMITS).map(&mut commit).collect()
}

fn snapshots(place: &Path, trees: &[TreeId]) -> Vec<Snapshot> {
    let store = store(place);
    trees.iter().map(|it| store.snapshot(*it).unwrap()).collect()
}

/// Builds all commits, then lets the cache be collected.
fn build_all(place: &Path, trees: &[TreeId]) {
    let cache = place.join("cache");
    let mut index: Option<Index> = None;
    for snapshot in snapshots(place, trees) {
        index = Some(match index {
            Some(near) => near.next(&snapshot, &|_| {}).unwrap(),
            None => Index::open(&cache, &snapshot, &|_| {}).unwrap(),
        });
    }
    drop(index);
    crate::gc(&cache, &Limits { views: 3, ..Limits::default() }).unwrap();
}

/// What runs in the processes that the tests below start; nothing in any other.
#[test]
fn child() {
    let (Ok(place), Ok(trees)) = (std::env::var(PLACE), std::env::var(TREES)) else { return };
    let trees: Vec<TreeId> = trees.split(' ').map(|it| it.parse().unwrap()).collect();
    build_all(Path::new(&place), &trees);
}

fn start(place: &Path, trees: &[TreeId], stop_at: Option<usize>) -> Child {
    let trees: Vec<String> = trees.iter().map(ToString::to_string).collect();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "build::tests::crash::child", "--nocapture", "--test-threads", "1"]);
    command.env(PLACE, place).env(TREES, trees.join(" "));
    if let Some(at) = stop_at {
        command.env(VARIABLE, at.to_string());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a child at a moment; returns whether it came so far.
fn kill_at(place: &Path, trees: &[TreeId], at: usize) -> bool {
    let mut child = start(place, trees, Some(at));
    let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let stopped = said.into_iter().any(|it| it == STOPPED);
    if stopped {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(stopped || status.success(), "the child failed before moment {at}: {status}");
    stopped
}

#[test]
fn a_process_killed_at_any_moment_leaves_a_usable_cache() {
    let place = tempfile::tempdir().unwrap();
    let trees = trees(&store(place.path()));
    let snapshots = snapshots(place.path(), &trees);
    let (first, last) = (&snapshots[0], &snapshots[COMMITS - 1]);
    let fresh = |snapshot: &Snapshot| {
        let cache = tempfile::tempdir().unwrap();
        content(&Index::open(cache.path(), snapshot, &|_| {}).unwrap())
    };
    let expected = [fresh(first), fresh(last)];
    let cache = place.path().join("cache");
    // Every moment of the first commits, and every fifth after that; a prime step meets all kinds of moments.
    let mut at = 0;
    while kill_at(place.path(), &trees, at) {
        let opened = [first, last].map(|it| content(&Index::open(&cache, it, &|_| {}).unwrap()));
        assert!(opened == expected, "killed at moment {at}");
        // A process that another test is starting right now may hold for a moment what this one holds.
        let mut tries = (0..100_000).map(|_| crate::gc(&cache, &Limits::default()).unwrap());
        assert!(tries.any(|it| !it.busy), "a dead process holds nothing");
        std::fs::remove_dir_all(&cache).unwrap();
        at += if at < 24 { 1 } else { 7 };
    }
    assert!(at > 100, "only {at} moments");
}

#[test]
fn two_processes_build_at_once() {
    let place = tempfile::tempdir().unwrap();
    let trees = trees(&store(place.path()));
    let mut children = [start(place.path(), &trees, None), start(place.path(), &trees, None)];
    build_all(place.path(), &trees);
    assert!(children.iter_mut().all(|it| it.wait().unwrap().success()));
    let alone = tempfile::tempdir().unwrap();
    for snapshot in snapshots(place.path(), &trees) {
        let together = Index::open(&place.path().join("cache"), &snapshot, &|_| {}).unwrap();
        let fresh = Index::open(alone.path(), &snapshot, &|_| {}).unwrap();
        assert!(content(&together) == content(&fresh));
    }
}

#[test]
fn what_is_in_use_is_not_collected() {
    let place = tempfile::tempdir().unwrap();
    let trees = trees(&store(place.path()));
    let snapshots = snapshots(place.path(), &trees);
    let cache = place.path().join("cache");
    let used = Index::open(&cache, &snapshots[0], &|_| {}).unwrap();
    for snapshot in &snapshots[1..] {
        Index::open(&cache, snapshot, &|_| {}).unwrap();
    }
    let nothing = Limits { views: 0, ..Limits::default() };
    let collected = crate::gc(&cache, &nothing).unwrap();
    assert_eq!(collected.views, COMMITS - 1);
    let again = Index::open(&cache, &snapshots[0], &|_| {}).unwrap();
    assert!(again.stats().view_reused, "the view in use and its packs are there");
    drop((used, again));
    let collected = crate::gc(&cache, &nothing).unwrap();
    assert_eq!((collected.views, collected.left), (1, 0));
    let rebuilt = Index::open(&cache, &snapshots[0], &|_| {}).unwrap();
    assert_eq!(rebuilt.stats().parsed, 1);
}

#[test]
fn a_cache_is_kept_below_its_size() {
    let place = tempfile::tempdir().unwrap();
    let trees = trees(&store(place.path()));
    build_all(place.path(), &trees);
    let cache = place.path().join("cache");
    let before = crate::gc(&cache, &Limits::default()).unwrap();
    assert_eq!((before.views, before.files), (0, 0), "nothing is too old or too much");
    let collected = crate::gc(&cache, &Limits { bytes: before.left * 2 / 3, ..Limits::default() }).unwrap();
    assert!(collected.views > 0 && collected.left <= before.left * 2 / 3, "{collected:?} of {before:?}");
    assert_eq!(collected.bytes + collected.left, before.left);
}
