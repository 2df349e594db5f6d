//! The test tools: how each is recognised in a repository's files and in a command line.
//!
//! A tool's other half, which runs inside the box, is a module of the driver (`driver/with_….py`). Adding a tool is a file here, a
//! file there, and a line in `all`.

mod pytest;
mod unittest;

use std::cell::OnceCell;

use repo::RepoPath;

/// A test tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerKind {
    /// pytest, called in process with a reporter of ours; test ids are node ids.
    Pytest,
    /// The standard library's unittest, called in process with a result class of ours; test ids are `module.Class.method`.
    Unittest,
    /// Any shell command: the one test `command: …`, which passes when the exit code is 0.
    Command,
}

/// What this crate knows of a tool whose single tests it can run.
pub(crate) trait Runner: Sync {
    /// Returns which tool this is.
    fn kind(&self) -> RunnerKind;

    /// Returns the module that `python -m` runs it by.
    fn module(&self) -> &'static str;

    /// Returns the names of its own programs.
    fn programs(&self) -> &'static [&'static str];

    /// Looks for the tool in a repository's files.
    fn detect(&self, files: &Files<'_>) -> Option<Detected>;
}

/// Why a tool is believed to run a repository's tests, and with which arguments.
pub(crate) struct Detected {
    pub(crate) args: Vec<String>,
    pub(crate) evidence: Vec<String>,
}

/// Returns every tool, the one to ask first at the front.
pub(crate) fn all() -> &'static [&'static dyn Runner] {
    &[&pytest::Pytest, &unittest::Unittest]
}

/// Most test files that are read to see what they use.
const MOST_READ: usize = 300;

/// A repository's files as detection sees them.
pub(crate) struct Files<'a> {
    pub(crate) paths: Vec<&'a RepoPath>,
    pub(crate) read: &'a dyn Fn(&RepoPath) -> Option<String>,
    tests: OnceCell<Vec<(&'a RepoPath, String)>>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(paths: Vec<&'a RepoPath>, read: &'a dyn Fn(&RepoPath) -> Option<String>) -> Self {
        Self { paths, read, tests: OnceCell::new() }
    }

    /// Returns whether there is such a file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known.as_bytes() == path.as_bytes())
    }

    /// Reads a file of the repository's root.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let path = self.paths.iter().find(|known| known.as_bytes() == path.as_bytes())?;
        (self.read)(path)
    }

    /// Returns the files that are named like tests, with their text; of very many, the first.
    pub(crate) fn tests(&self) -> &[(&'a RepoPath, String)] {
        self.tests.get_or_init(|| {
            let named = self.paths.iter().filter(|path| is_named_like_a_test(path.file_name()));
            named.take(MOST_READ).filter_map(|path| Some((*path, (self.read)(path)?))).collect()
        })
    }
}

/// Returns whether a file name is one that a tool would take for a test.
pub(crate) fn is_named_like_a_test(name: &[u8]) -> bool {
    let Some(stem) = name.strip_suffix(b".py") else { return false };
    stem.starts_with(b"test_") || stem.ends_with(b"_test") || stem == b"tests" || stem == b"test"
}
