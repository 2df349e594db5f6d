//! unittest: by test files that import it, with the arguments that let its discovery find them.

use repo::RepoPath;

use super::{Detected, Files, Runner, RunnerKind};

pub(super) struct Unittest;

impl Runner for Unittest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Unittest
    }

    fn module(&self) -> Option<&'static str> {
        Some("unittest")
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let uses = |text: &str| text.contains("unittest") || text.contains("TestCase");
        let tests = files.tests().iter().filter(|(_, text)| uses(text)).map(|(path, _)| *path).collect::<Vec<_>>();
        let first = *tests.first()?;
        let mut args = Vec::new();
        if let Some(start) = start_directory(files, &tests) {
            args.extend(["-s".to_owned(), start]);
        }
        if let Some(pattern) = pattern(&tests) {
            args.extend(["-p".to_owned(), pattern.to_owned()]);
        }
        if !args.is_empty() {
            args.insert(0, "discover".to_owned());
        }
        let evidence = vec![format!("{first} uses unittest, and nothing needs pytest")];
        Some(Detected { args, evidence })
    }
}

/// Discovery from the root only enters packages. Tests in a plain directory have to be named as the start.
fn start_directory(files: &Files<'_>, tests: &[&RepoPath]) -> Option<String> {
    let reachable = |test: &RepoPath| {
        let mut folder = test.parent();
        while let Some(inner) = folder {
            if !files.has(&format!("{inner}/__init__.py")) {
                return false;
            }
            folder = inner.parent();
        }
        true
    };
    if tests.iter().any(|test| reachable(test)) {
        return None;
    }
    // The outermost plain directory that holds the most tests.
    let mut best: Option<(usize, String)> = None;
    for test in tests {
        let folder = test.parent()?.to_string();
        let count = tests.iter().filter(|other| other.to_string().starts_with(&format!("{folder}/"))).count();
        if best.as_ref().is_none_or(|(most, _)| count > *most) {
            best = Some((count, folder));
        }
    }
    best.map(|(_, folder)| folder)
}

/// The pattern to give when the usual `test*.py` matches none of the tests.
fn pattern(tests: &[&RepoPath]) -> Option<&'static str> {
    if tests.iter().any(|test| test.file_name().starts_with(b"test")) { None } else { Some("*_test.py") }
}
