//! The test tools: how each is recognised in a repository's files and in a command line, and how it is run and read.
//!
//! Tools for Python that can be called in process have their other half in the driver (`driver/with_….py`); all others are a
//! `Tool`: a command line and a parser. Adding one is a file here, a line in `all`, and real logs.

mod ava;
mod cargo;
mod catch2;
pub(crate) mod compiled;
mod ctest;
mod django;
mod dotnet;
#[cfg(test)]
pub(crate) mod exercise;
mod go;
mod gradle;
mod gtest;
mod jest;
mod jvm;
mod karma;
mod make;
pub(crate) mod matrix;
mod maven;
mod minitest;
mod mocha;
mod native;
mod nextest;
mod node;
mod node_test;
mod nose;
mod phpunit;
mod prove;
mod pytest;
pub(crate) mod recipe;
mod rspec;
mod ruby;
pub(crate) mod script;
mod sympy;
mod tap;
mod unittest;
mod vitest;

use std::cell::OnceCell;

use repo::RepoPath;

use crate::format::clip;
use crate::tool::Tool;

/// A test tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunnerKind {
    /// pytest, called in process with a reporter of ours; test ids are node ids.
    Pytest,
    /// The standard library's unittest, called in process with a result class of ours; test ids are `module.Class.method`.
    Unittest,
    /// Django's own `tests/runtests.py`.
    Django,
    /// SymPy's own `bin/test`.
    Sympy,
    /// nose, nose2 and their kin.
    Nose,
    /// Jest.
    Jest,
    /// Vitest.
    Vitest,
    /// Mocha.
    Mocha,
    /// Node's own test runner.
    NodeTest,
    /// AVA.
    Ava,
    /// Karma, in a headless browser.
    Karma,
    /// `cargo test`, which runs libtest.
    CargoTest,
    /// `cargo nextest`.
    Nextest,
    /// `go test`.
    GoTest,
    /// JUnit and TestNG through Maven's Surefire.
    Maven,
    /// JUnit and TestNG through Gradle.
    Gradle,
    /// A GoogleTest program.
    GoogleTest,
    /// A Catch2 program.
    Catch2,
    /// CTest.
    Ctest,
    /// Any program that prints the Test Anything Protocol.
    Tap,
    /// RSpec.
    Rspec,
    /// minitest, and test-unit where it prints the same.
    Minitest,
    /// PHPUnit.
    PhpUnit,
    /// `dotnet test`.
    DotnetTest,
    /// Any shell command: the one test `command: …`, which passes when the exit code is 0.
    Command,
}

/// What this crate knows of a tool whose single tests it can run.
pub(crate) trait Runner: Sync {
    /// Returns which tool this is.
    fn kind(&self) -> RunnerKind;

    /// Returns the module that `python -m` runs it by, for a tool that the driver runs.
    fn module(&self) -> Option<&'static str> {
        None
    }

    /// Returns the names of its own programs, for a tool that the driver runs.
    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns whether a command line, without variables in front, is this tool's; then its words become the plan's arguments.
    fn claims(&self, words: &[String]) -> bool {
        let _ = words;
        false
    }

    /// Looks for the tool in a repository's files.
    fn detect(&self, files: &Files<'_>) -> Option<Detected>;

    /// Returns how it is run by its command line; `None` for a tool that the driver runs.
    fn tool(&self) -> Option<&'static dyn Tool> {
        None
    }
}

/// Why a tool is believed to run a repository's tests, and with which arguments.
pub(crate) struct Detected {
    pub(crate) args: Vec<String>,
    pub(crate) evidence: Vec<String>,
}

/// Returns every tool, the one to ask first at the front.
pub(crate) fn all() -> &'static [&'static dyn Runner] {
    &[
        &django::Django,
        &sympy::Sympy,
        &pytest::Pytest,
        &nose::Nose,
        &unittest::Unittest,
        &go::Go,
        &nextest::Nextest,
        &cargo::CargoTest,
        &maven::Maven,
        &gradle::Gradle,
        &dotnet::Dotnet,
        &ctest::Ctest,
        &catch2::Catch2,
        &gtest::GoogleTest,
        &jest::Jest,
        &vitest::Vitest,
        &mocha::Mocha,
        &ava::Ava,
        &karma::Karma,
        &node_test::NodeTest,
        &tap::Tap,
        &rspec::Rspec,
        &minitest::Minitest,
        &phpunit::PhpUnit,
        // Any language's project may have a Makefile: the language's own tool tells more.
        &make::Make,
    ]
}

/// Returns the tool whose command line this is.
pub(crate) fn claimed(words: &[String]) -> Option<RunnerKind> {
    all().iter().find(|runner| runner.claims(words)).map(|runner| runner.kind())
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

/// Returns whether a path is one that the tools for JavaScript take for a test: `x.test.js`, `x.spec.ts`, `__tests__/x.js`, `test/x.js`.
pub(crate) fn is_named_like_a_script_test(path: &RepoPath) -> bool {
    let name = String::from_utf8_lossy(path.file_name());
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let folders = path.components().count() - 1;
    let script = matches!(extension, "js" | "cjs" | "mjs" | "jsx" | "ts" | "cts" | "mts" | "tsx" | "vue" | "coffee");
    let named =
        [".test", "-test", "_test", ".spec", "-spec", "_spec", ".Test", ".e2e"].iter().any(|end| stem.ends_with(end));
    let folder = path.components().take(folders).any(|folder| matches!(folder, b"__tests__" | b"__mocks__"));
    let top = path.components().next().is_some_and(|top| folders > 0 && matches!(top, b"test" | b"tests" | b"spec"));
    script && (named || folder || top || stem == "test" || stem.starts_with("test-"))
}

/// Returns whether a path is one that the tools for Ruby and PHP take for a test: `x_spec.rb`, `test_x.rb`, `spec/x`, `XTest.php`.
pub(crate) fn is_ruby_or_php_test(path: &RepoPath) -> bool {
    let name = path.file_name();
    let in_specs = path.components().count() > 1 && path.components().next() == Some(b"spec");
    in_specs || name.ends_with(b"_spec.rb") || minitest::is_test(name) || name.ends_with(b"Test.php")
}
