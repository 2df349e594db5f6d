//! What one language's files say, before it is decided which language is the main one.

use super::tree::{Tree, join};
use super::version::{Allowed, Named, Rank, clean};
use super::{Evidence, Found, Language, Step, SystemPackage, Variable};

/// Folders below this depth hold no project of their own.
const MOST_DEPTH: usize = 3;

/// Folders whose manifests belong to something else.
const NOT_OURS: &[&[u8]] = &[
    b"node_modules",
    b"vendor",
    b"vendored",
    b"third_party",
    b"third-party",
    b"3rdparty",
    b"external",
    b"extern",
    b"deps",
    b"examples",
    b"example",
    b"samples",
    b"docs",
    b"doc",
    b"website",
    b"site",
    b"test",
    b"tests",
    b"testdata",
    b"fixtures",
    b"__tests__",
    b"bench",
    b"benchmarks",
    b"fuzz",
    b"tools",
    b"contrib",
    b"debian",
    b".github",
    b"templates",
];

/// One language of a repository.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) language: Language,
    /// The folder of its manifest; empty is the root.
    pub(super) root: String,
    pub(super) manifest: Evidence,
    /// Whether there is a manifest, and not only source files.
    pub(super) declared: bool,
    pub(super) named: Vec<Named>,
    pub(super) allowed: Vec<Allowed>,
    pub(super) packages: Vec<Found<SystemPackage>>,
    pub(super) setup: Vec<Found<Step>>,
    pub(super) build: Vec<Found<Step>>,
    /// Command lines that run the tests, the best first, to be run in `root`.
    pub(super) tests: Vec<Found<String>>,
    pub(super) variables: Vec<Found<Variable>>,
    /// Other languages whose tools its build needs.
    pub(super) needs: Vec<(Language, Evidence)>,
    pub(super) warnings: Vec<String>,
}

impl Candidate {
    pub(super) fn new(language: Language, root: String, manifest: Evidence) -> Candidate {
        Candidate {
            language,
            root,
            manifest,
            declared: true,
            named: Vec::new(),
            allowed: Vec::new(),
            packages: Vec::new(),
            setup: Vec::new(),
            build: Vec::new(),
            tests: Vec::new(),
            variables: Vec::new(),
            needs: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Returns the path of a file of its root.
    pub(super) fn at(&self, name: &str) -> String {
        join(&self.root, name)
    }

    pub(super) fn step(&self, line: impl Into<String>) -> Step {
        Step { line: line.into(), cwd: self.root.clone(), required: true }
    }

    /// Adds a package that the environment cannot be without.
    pub(super) fn package(&mut self, name: &str, evidence: Evidence) {
        if !self.packages.iter().any(|known| known.value.name == name) {
            let value = SystemPackage { name: name.to_owned(), required: false };
            self.packages.push(Found::likely(value, evidence));
        }
    }

    pub(super) fn variable(&mut self, name: &str, value: &str, evidence: Evidence) {
        let value = Variable { name: name.to_owned(), value: value.to_owned() };
        self.variables.push(Found::likely(value, evidence));
    }

    /// Takes the version that a file of one line pins.
    pub(super) fn pin(&mut self, tree: &Tree<'_>, name: &str) {
        let file = self.at(name);
        let Some(text) = tree.text(&file) else { return };
        let line =
            text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        let version = line.trim_start_matches(|char: char| char.is_ascii_alphabetic() || char == '-');
        if let Some(version) = clean(version) {
            self.named.push(Named { rank: Rank::Pin, versions: vec![version], evidence: tree.says(&file, line) });
        }
    }
}

/// Returns whether a file lies in a folder that belongs to something else.
pub(super) fn is_not_ours(path: &repo::RepoPath) -> bool {
    path.components().take(path.components().count() - 1).any(|folder| NOT_OURS.contains(&folder))
}

/// Returns the folder and the name of the manifest that is nearest to the root; of two in one folder, the one named first.
pub(super) fn nearest(tree: &Tree<'_>, names: &[&str]) -> Option<(String, String)> {
    let mut best: Option<(usize, usize, String, String)> = None;
    for path in tree.paths() {
        let name = String::from_utf8_lossy(path.file_name());
        let Some(rank) = names.iter().position(|wanted| *wanted == name) else { continue };
        let depth = path.components().count() - 1;
        if depth > MOST_DEPTH || is_not_ours(path) {
            continue;
        }
        let folder = path.parent().map(|it| it.to_str_lossy().into_owned()).unwrap_or_default();
        let better = best.as_ref().is_none_or(|(d, r, f, _)| (depth, &folder, rank) < (*d, f, *r));
        if better {
            best = Some((depth, rank, folder, name.into_owned()));
        }
    }
    best.map(|(_, _, folder, name)| (folder, name))
}
