//! From a repository to the environment in which its tests run: what it needs, who says so, and an image that has it.
//!
//! [`Detection::detect`] only reads. Every source of evidence is a file below `environment/`: the repository's own settings, its CI
//! workflows, its manifests and lock files, development containers and Dockerfiles, and what is usual for a language where nobody says
//! anything. Which of them is believed is decided in one place (`decide`), in this order:
//!
//! 1. `.github/patchwright.toml`: each key that is set replaces what was found otherwise.
//! 2. Version files (`.python-version`, `.nvmrc`, `rust-toolchain`, …): somebody pinned a version on purpose.
//! 3. CI workflows: versions, system packages, options and the test command; the tests are known to run that way.
//! 4. Manifests and lock files: how dependencies are installed, and which versions are possible at all.
//! 5. Development containers and Dockerfiles: versions and system packages.
//! 6. Makefile targets, and what is usual for the language.
//!
//! What loses against a source above it and says something else is listed as a [`Conflict`]. [`prepare`] turns a detection into an image:
//! a phase with a network that is given the snapshot and the operator's settings and nothing else, so no issue text can reach it.

mod adopt;
mod archive;
mod base;
mod build;
mod c;
mod candidate;
mod decide;
mod devcontainer;
pub mod diagnose;
mod dockerfile;
mod go;
mod java;
mod jsonc;
mod node;
mod phase;
mod php;
mod probe;
mod python;
pub mod recipe;
mod ruby;
mod rust;
mod settings;
pub mod setup;
mod shadow;
mod shell;
mod tree;
mod version;
mod workflow;
mod yaml;

use std::fmt;

use repo::{FileMode, RepoPath, Snapshot};

pub use self::adopt::adopt;
#[cfg(test)]
pub(crate) use self::base::packages_of_all_languages;
pub(crate) use self::build::HASH_LABEL as RECIPE_LABEL;
pub use self::build::{PrepareError, Prepared, TREE, prepare};
pub use self::diagnose::SetupFailure;
pub use self::probe::probe;
pub use self::setup::SetupOptions;
use self::tree::Tree;
use crate::plan::TestPlan;

/// A language, with the tools that come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// CPython and pip.
    Python,
    /// Node.js and npm; TypeScript too.
    JavaScript,
    /// rustc and cargo.
    Rust,
    /// The Go toolchain.
    Go,
    /// A JDK, Maven and Gradle.
    Java,
    /// CRuby and Bundler.
    Ruby,
    /// PHP and Composer.
    Php,
    /// C and C++: compilers, make, CMake, Meson, autotools.
    C,
}

impl Language {
    /// Every language, in the order in which a tie is decided.
    pub const ALL: [Language; 8] = [
        Language::Python,
        Language::JavaScript,
        Language::Rust,
        Language::Go,
        Language::Java,
        Language::Ruby,
        Language::Php,
        Language::C,
    ];

    /// Returns the word used in file names, labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::JavaScript => "node",
            Language::Rust => "rust",
            Language::Go => "go",
            Language::Java => "java",
            Language::Ruby => "ruby",
            Language::Php => "php",
            Language::C => "c",
        }
    }

    /// Returns whether a file belongs to the language, by its name.
    fn owns(self, path: &RepoPath) -> bool {
        let Some(extension) = path.extension() else { return false };
        let of: &[&[u8]] = match self {
            Language::Python => &[b"py", b"pyx", b"pyi"],
            Language::JavaScript => &[b"js", b"ts", b"jsx", b"tsx", b"mjs", b"cjs", b"mts", b"cts"],
            Language::Rust => &[b"rs"],
            Language::Go => &[b"go"],
            Language::Java => &[b"java", b"kt", b"groovy", b"scala"],
            Language::Ruby => &[b"rb"],
            Language::Php => &[b"php", b"phpt"],
            Language::C => &[b"c", b"h", b"cc", b"cpp", b"cxx", b"hpp", b"hh", b"hxx"],
        };
        of.contains(&extension)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Language::Python => "Python",
            Language::JavaScript => "Node.js",
            Language::Rust => "Rust",
            Language::Go => "Go",
            Language::Java => "Java",
            Language::Ruby => "Ruby",
            Language::Php => "PHP",
            Language::C => "C/C++",
        })
    }
}

/// Where something was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Evidence {
    /// The file; empty for what is only usual.
    pub file: String,
    /// The line, counted from 1, where one line says it.
    pub line: Option<u32>,
    /// What it says, or what is concluded from it.
    pub words: String,
}

impl Evidence {
    fn usual(words: impl Into<String>) -> Evidence {
        Evidence { file: String::new(), line: None, words: words.into() }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => write!(f, "usual: {}", self.words),
            (file, Some(line)) => write!(f, "{file}:{line}: {}", self.words),
            (file, None) => write!(f, "{file}: {}", self.words),
        }
    }
}

/// How far something can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Usual for such a repository; nobody says it.
    Guessed,
    /// Follows from what a file says.
    Likely,
    /// A file says so.
    Stated,
}

/// Something that was found, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Found<T> {
    /// What.
    #[serde(flatten)]
    pub value: T,
    /// Why.
    pub evidence: Evidence,
    /// How sure.
    pub confidence: Confidence,
}

impl<T> Found<T> {
    fn stated(value: T, evidence: Evidence) -> Found<T> {
        Found { value, evidence, confidence: Confidence::Stated }
    }

    fn likely(value: T, evidence: Evidence) -> Found<T> {
        Found { value, evidence, confidence: Confidence::Likely }
    }

    fn guessed(value: T, words: impl Into<String>) -> Found<T> {
        Found { value, evidence: Evidence::usual(words), confidence: Confidence::Guessed }
    }
}

/// The image to start from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BaseImage {
    /// The language whose tools it must have.
    pub language: Language,
    /// The version of the language that is wished for; `None` takes what there is.
    pub version: Option<String>,
    /// An image that the repository names itself instead.
    pub image: Option<String>,
}

/// A package of the image's distribution.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SystemPackage {
    /// Its name.
    pub name: String,
    /// Whether the environment cannot be without it. Names read from CI may belong to another distribution.
    pub required: bool,
}

/// One line of shell that prepares the tree.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The line.
    pub line: String,
    /// The folder it runs in, relative to the tree; empty is its root.
    pub cwd: String,
    /// Whether nothing can go on without it.
    pub required: bool,
}

/// A variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Two sources say different things.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Conflict {
    /// What they disagree about.
    pub about: String,
    /// What was taken, and why.
    pub taken: String,
    /// What was left.
    pub left: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: took {}, not {}", self.about, self.taken, self.left)
    }
}

/// What a repository needs to have its tests run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Detection {
    /// The languages, the main one first.
    pub languages: Vec<Found<LanguageAt>>,
    /// The image to start from.
    pub base: Found<BaseImage>,
    /// Packages of the image's distribution.
    pub packages: Vec<Found<SystemPackage>>,
    /// Lines that install what the code needs.
    pub setup: Vec<Found<Step>>,
    /// Lines that build the code.
    pub build: Vec<Found<Step>>,
    /// Variables for setup, build and tests.
    pub variables: Vec<Found<Variable>>,
    /// How the tests are run; `None` where none were found.
    pub test: Option<Found<TestPlan>>,
    /// How long the repository's settings allow a run of its tests to take.
    pub test_seconds: Option<u64>,
    /// Whether the repository's settings do without a network even while it is set up.
    pub offline: bool,
    /// What sources disagree about.
    pub conflicts: Vec<Conflict>,
    /// What people should know: unknown settings, services the tests want, other languages that were left alone.
    pub warnings: Vec<String>,
}

/// A language of the repository and where it is at home.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LanguageAt {
    /// The language.
    pub language: Language,
    /// The folder of its manifest, relative to the root; empty is the root.
    pub root: String,
}

impl Detection {
    /// Reads what a repository needs. Nothing is executed, and no more than a bounded part of each file is read.
    pub fn detect(snapshot: &Snapshot) -> Detection {
        let files =
            snapshot.entries().iter().filter(|entry| matches!(entry.mode, FileMode::Regular | FileMode::Executable));
        let paths = files.map(|entry| &entry.path).collect();
        let read = |path: &RepoPath| {
            let entry = snapshot.find(path)?;
            let small = snapshot.store().blob_size(entry.blob).is_ok_and(|size| size <= tree::MOST_OF_A_FILE);
            small.then(|| snapshot.read(path).ok()).flatten()
        };
        decide::decide(&Tree::new(paths, &read))
    }

    /// Returns the main language.
    pub fn language(&self) -> Language {
        self.base.value.language
    }

    /// Returns whether the tests need more than an interpreter with a test tool: an image of their own.
    pub fn needs_setup(&self) -> bool {
        let plain = self.language() == Language::Python && self.base.value.image.is_none();
        let steps = self.setup.iter().chain(&self.build).any(|step| step.confidence > Confidence::Guessed);
        !plain || steps || !self.packages.is_empty()
    }
}

#[cfg(test)]
mod tests;
