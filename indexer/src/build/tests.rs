//! Opening, re-opening and damaging caches.

use std::fs;
use std::path::{Path, PathBuf};

use repo::{RepoPath, Snapshot, Store, TreeId};

use crate::{Index, IndexStats, SkipReason};

mod crash;
mod histories;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    fn snapshot(&self, files: &[(&str, &[u8])]) -> Snapshot {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let (store, tree): (Store, TreeId) =
            Store::import(&self.directory.path().join("store"), folder.path()).unwrap();
        store.snapshot(tree).unwrap()
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn open(&self, snapshot: &Snapshot) -> Index {
        Index::open(&self.cache(), snapshot, &|_| {}).unwrap()
    }
}

const FILES: &[(&str, &[u8])] = &[
    ("pkg/__init__.py", b""),
    ("pkg/other/__init__.py", b""),
    ("pkg/a.py", b"from pkg.b import helper\ndef load_config(path):\n    '''Reads settings.'''\n    return helper(path)\n"),
    ("pkg/b.py", b"class HTTPClient:\n    retries = 3\n    def send(self): return 'connection refused'\ndef helper(x): return x\n"),
    ("README.md", b"# Read me\n"),
];

fn counts(stats: IndexStats) -> (usize, usize, bool) {
    (stats.parsed, stats.reused, stats.view_reused)
}

/// What must not depend on how the index came to be.
fn content(index: &Index) -> (Vec<crate::Symbol>, usize, Vec<crate::Hit>) {
    (index.symbols().to_vec(), index.graph().edge_count(), index.search("http client send config", 10).unwrap())
}

#[test]
fn the_second_opening_parses_nothing() {
    let place = Place::new();
    let snapshot = place.snapshot(FILES);
    let first = place.open(&snapshot);
    assert_eq!(counts(first.stats()), (3, 0, false), "two files are equal");
    let second = place.open(&snapshot);
    assert_eq!(counts(second.stats()), (0, 4, true));
    assert_eq!(content(&first), content(&second));
    let path = RepoPath::new("pkg/b.py").unwrap();
    assert_eq!(first.facts(&path), second.facts(&path));
    assert!(second.facts(&RepoPath::new("README.md").unwrap()).is_none());
}

#[test]
fn a_changed_file_is_the_only_one_parsed() {
    let place = Place::new();
    place.open(&place.snapshot(FILES));
    let mut files = FILES.to_vec();
    files[3].1 = b"def helper(x): return -x\n";
    let changed = place.snapshot(&files);
    let index = place.open(&changed);
    assert_eq!(counts(index.stats()), (1, 2, false));
    let fresh = Place::new();
    let fresh = fresh.open(&fresh.snapshot(&files));
    assert_eq!(content(&index), content(&fresh), "a view over shared facts equals a fresh one");
}

#[test]
fn many_packs_of_facts_become_one() {
    let place = Place::new();
    for round in 0..40 {
        let text = format!("def f{round}(): pass\n");
        let index = place.open(&place.snapshot(&[("a.py", text.as_bytes())]));
        assert_eq!(index.stats().parsed, 1);
    }
    let packs = fs::read_dir(place.cache().join(crate::cache::VERSION).join("facts")).unwrap().count();
    assert!(packs <= 17, "{packs} packs");
    let index = place.open(&place.snapshot(&[("b.py", b"def f3(): pass\n")]));
    assert_eq!(counts(index.stats()), (0, 1, false));
}

fn all_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn a_damaged_cache_is_rebuilt() {
    let place = Place::new();
    let snapshot = place.snapshot(FILES);
    let expected = content(&place.open(&snapshot));
    let count = all_files(&place.cache()).len();
    for at in 0..count {
        for damage in ["noise", ["empty", "cut", "gone"][at % 3]] {
            let files = all_files(&place.cache());
            let path = &files[at];
            let bytes = fs::read(path).unwrap();
            match damage {
                "empty" => fs::write(path, b"").unwrap(),
                "cut" => fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
                "noise" => fs::write(path, vec![0xA5; bytes.len()]).unwrap(),
                _ => fs::remove_file(path).unwrap(),
            }
            let index = place.open(&snapshot);
            assert_eq!(content(&index), expected, "{damage} {}", path.display());
            assert!(index.facts(&RepoPath::new("pkg/a.py").unwrap()).is_some());
            // Ready for the next damage.
            fs::remove_dir_all(place.cache()).unwrap();
            place.open(&snapshot);
        }
    }
}

#[test]
fn what_is_left_out_is_counted_with_its_reason() {
    let place = Place::new();
    let large = vec![b'#'; (1 << 20) + 1];
    let index = place.open(&place.snapshot(&[
        ("a.py", b"x = 1\n"),
        ("binary.py", b"x = '\0'\n"),
        ("broken.py", b"def ok(): pass\ndef bad(:\n"),
        ("generated.py", b"# Generated by a tool, do not edit.\nx = 1\n"),
        ("large.py", &large),
        ("latin.py", b"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\ndef f(): pass\n"),
    ]));
    let skipped: Vec<(String, SkipReason)> =
        index.skipped().iter().map(|it| (it.path.to_string(), it.reason)).collect();
    let expected = [
        ("binary.py", SkipReason::Binary),
        ("broken.py", SkipReason::PartlyRead),
        ("generated.py", SkipReason::Generated),
        ("large.py", SkipReason::TooLarge),
        ("latin.py", SkipReason::MixedEncoding),
    ];
    assert_eq!(skipped, expected.map(|(path, reason)| (path.to_owned(), reason)));
    assert!(index.find_symbol(&RepoPath::new("broken.py").unwrap(), "ok").is_some());
    assert!(index.find_symbol(&RepoPath::new("latin.py").unwrap(), "f").is_some());
}

#[test]
fn an_empty_snapshot_has_an_empty_index() {
    let place = Place::new();
    let snapshot = place.snapshot(&[("README.md", b"nothing\n")]);
    for _ in 0..2 {
        let index = place.open(&snapshot);
        assert!(index.symbols().is_empty() && index.files().is_empty());
        assert!(index.search("anything", 5).unwrap().is_empty());
    }
}

#[test]
fn processes_may_share_a_cache() {
    let place = Place::new();
    let snapshot = place.snapshot(FILES);
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| content(&place.open(&snapshot)))).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(opened.windows(2).all(|it| it[0] == it[1]));
    let left = fs::read_dir(place.cache().join(crate::cache::VERSION).join("views")).unwrap().count();
    assert_eq!(left, 1, "nothing half made is left");
}

#[test]
fn search_finds_symbols_and_files() {
    let place = Place::new();
    let index = place.open(&place.snapshot(FILES));
    let first = |query: &str| {
        let hits = index.search(query, 3).unwrap();
        hits.first().map(|it| format!("{}::{}", it.path, it.symbol.as_deref().unwrap_or("-")))
    };
    assert_eq!(first("load config").as_deref(), Some("pkg/a.py::load_config"));
    assert_eq!(first("HTTPClient").as_deref(), Some("pkg/b.py::HTTPClient"));
    assert_eq!(first("connection refused").as_deref(), Some("pkg/b.py::HTTPClient.send"));
    assert_eq!(first("settings").as_deref(), Some("pkg/a.py::load_config"));
    assert_eq!(first("zzz"), None);
    assert!(index.search("", 3).unwrap().is_empty());
    assert!(index.search("config", 0).unwrap().is_empty());
}

#[test]
fn lines_lead_to_symbols() {
    let place = Place::new();
    let index = place.open(&place.snapshot(FILES));
    let path = RepoPath::new("pkg/b.py").unwrap();
    let at = |line| index.symbol_at(&path, line).and_then(|it| index.symbol(it)).map(|it| it.qualified.as_str());
    assert_eq!(
        [at(1), at(2), at(3), at(4), at(9)],
        [Some("HTTPClient"), Some("HTTPClient"), Some("HTTPClient.send"), Some("helper"), None]
    );
    assert_eq!(index.symbols_named("send").len(), 1);
}
