//! The test tools that tests import or configuration names, which nobody may have listed.

use super::super::candidate::Candidate;
use super::super::tree::Tree;
use super::super::{Confidence, Evidence, Found};

/// Modules that tests import, and the packages they come from.
const MODULES: &[(&str, &str)] = &[
    ("hypothesis", "hypothesis"),
    ("mock", "mock"),
    ("parameterized", "parameterized"),
    ("freezegun", "freezegun"),
    ("responses", "responses"),
    ("pytest_asyncio", "pytest-asyncio"),
    ("pytest_mock", "pytest-mock"),
    ("pytest_httpserver", "pytest-httpserver"),
    ("testfixtures", "testfixtures"),
    ("nose", "nose"),
    ("trustme", "trustme"),
    ("ddt", "ddt"),
    ("requests_mock", "requests-mock"),
    ("sybil", "sybil"),
    ("time_machine", "time-machine"),
    ("syrupy", "syrupy"),
];

/// Words of configuration that only a plugin understands.
const SETTINGS: &[(&str, &str)] = &[
    ("--cov", "pytest-cov"),
    ("--cov-report", "pytest-cov"),
    ("asyncio_mode", "pytest-asyncio"),
    ("timeout =", "pytest-timeout"),
    ("--timeout", "pytest-timeout"),
    ("DJANGO_SETTINGS_MODULE", "pytest-django"),
    ("-n auto", "pytest-xdist"),
    ("-n=auto", "pytest-xdist"),
    ("xdist", "pytest-xdist"),
    ("--mypy", "pytest-mypy"),
    ("--doctest-glob", "pytest"),
    ("--benchmark", "pytest-benchmark"),
    ("--black", "pytest-black"),
    ("--flake8", "pytest-flake8"),
    ("--randomly", "pytest-randomly"),
    ("--strict-markers", "pytest"),
    ("env =", "pytest-env"),
];

/// Fixtures that come from a plugin.
const FIXTURES: &[(&str, &str)] = &[
    ("mocker", "pytest-mock"),
    ("benchmark", "pytest-benchmark"),
    ("httpserver", "pytest-httpserver"),
    ("requests_mock", "requests-mock"),
    ("httpx_mock", "pytest-httpx"),
    ("subtests", "pytest-subtests"),
    ("data_regression", "pytest-regressions"),
    ("file_regression", "pytest-regressions"),
    ("testdir", "pytest"),
    ("freezer", "pytest-freezer"),
];

pub(super) fn add(tree: &Tree<'_>, it: &mut Candidate) {
    let mut wanted: Vec<(&str, Evidence)> = Vec::new();
    let mut want = |package: &'static str, evidence: Evidence| {
        if !wanted.iter().any(|(known, _)| *known == package) {
            wanted.push((package, evidence));
        }
    };
    for file in ["pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"] {
        let file = it.at(file);
        let text = tree.text(&file).unwrap_or_default();
        let pytest = pytest_part(&text, &file);
        for (words, package) in SETTINGS.iter().filter(|(words, _)| has_word(&pytest, words)) {
            want(package, tree.says(&file, words));
        }
    }
    tree.with_files(|files| {
        for (path, text) in files.tests() {
            let file = path.to_str_lossy();
            for (module, package) in MODULES.iter().filter(|(module, _)| imports(text, module)) {
                want(package, tree.says(&file, module));
            }
            for (fixture, package) in FIXTURES.iter().filter(|(fixture, _)| takes(text, fixture)) {
                want(package, tree.says(&file, fixture));
            }
        }
    });
    // With nothing else to install these are what the default image may already have.
    if let Some((_, evidence)) = wanted.iter().find(|(package, _)| *package != "pytest") {
        let names: Vec<&str> = wanted.iter().map(|(package, _)| *package).filter(|it| *it != "pytest").collect();
        let step = it.step(format!("python -m pip install {}", names.join(" ")));
        it.setup.push(Found { value: step, evidence: evidence.clone(), confidence: Confidence::Likely });
    }
    let step = it.step("python -m pip install pytest");
    it.setup.push(Found::guessed(step, "most Python tests can be run by pytest, and many need it"));
}

/// The sections that configure pytest.
fn pytest_part(text: &str, file: &str) -> String {
    let mut inside = file.ends_with("pytest.ini");
    let mut part = String::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.contains("pytest");
        } else if inside && !line.trim_start().starts_with('#') {
            part.push_str(line);
            part.push('\n');
        }
    }
    part
}

/// Whether the words stand there and are no part of a longer option.
fn has_word(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, found)| {
        let next = text[at + found.len()..].chars().next();
        next.is_none_or(|char| !char.is_ascii_alphanumeric() && char != '-' && char != '_')
    })
}

fn imports(text: &str, module: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "));
        rest.and_then(|rest| rest.strip_prefix(module))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', ',']))
    })
}

/// Whether a test function has such a parameter.
fn takes(text: &str, fixture: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let parameters = line.strip_prefix("def test").or_else(|| line.strip_prefix("async def test"));
        let parameters = parameters.and_then(|rest| rest.split_once('(')).map_or("", |(_, rest)| rest);
        parameters.split([',', ')', ':', '=']).any(|word| word.trim() == fixture)
    })
}
