//! pytest: by its configuration, by `conftest.py`, or by tests that only it can run.

use super::{Detected, Files, Runner, RunnerKind};

pub(super) struct Pytest;

impl Runner for Pytest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Pytest
    }

    fn module(&self) -> Option<&'static str> {
        Some("pytest")
    }

    fn programs(&self) -> &'static [&'static str] {
        &["pytest", "py.test"]
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let mut evidence = configuration(files);
        if let Some(path) = files.paths.iter().find(|path| path.file_name() == b"conftest.py") {
            evidence.push(format!("{path} is a pytest plugin"));
        }
        for (path, text) in files.tests() {
            if let Some(reason) = only_for_pytest(text) {
                evidence.push(format!("{path} {reason}"));
                break;
            }
        }
        let has_tests = !files.tests().is_empty() || !evidence.is_empty() && files.has("pytest.ini");
        (has_tests && !evidence.is_empty()).then(|| Detected { args: Vec::new(), evidence })
    }
}

fn configuration(files: &Files<'_>) -> Vec<String> {
    let mut evidence = Vec::new();
    for (file, section) in [
        ("pytest.ini", ""),
        (".pytest.ini", ""),
        ("pytest.toml", ""),
        ("pyproject.toml", "[tool.pytest"),
        ("tox.ini", "[pytest]"),
        ("setup.cfg", "[tool:pytest]"),
    ] {
        let Some(text) = files.text(file) else { continue };
        if section.is_empty() {
            evidence.push(format!("{file} configures pytest"));
        } else if text.lines().any(|line| line.trim_start().starts_with(section)) {
            evidence.push(format!("{file} has a section {section}{}", if section.ends_with(']') { "" } else { "…]" }));
        }
    }
    evidence
}

/// Why unittest could not run these tests.
fn only_for_pytest(text: &str) -> Option<&'static str> {
    for line in text.lines() {
        if line.starts_with("import pytest") || line.starts_with("from pytest") {
            return Some("imports pytest");
        }
        if line.starts_with("def test_") || line.starts_with("async def test_") {
            return Some("has test functions outside classes");
        }
        if line.starts_with("class Test") && (line.trim_end().ends_with("():") || !line.contains('(')) {
            return Some("has test classes without a base");
        }
    }
    None
}
