//! Which crate may know which, read from the manifests and the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use e2e::program::workspace_root;
use regex::Regex;

/// Folder of a crate, and the crates of this workspace that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("repo", &[]),
    ("indexer", &["repo"]),
    ("sandbox", &["repo"]),
    ("github", &["repo"]),
    ("agent", &["repo", "indexer", "sandbox", "github"]),
    ("tests", &["repo", "indexer", "sandbox", "github", "agent"]),
];

/// An outside library, and the one crate that may name it.
const CONFINED: &[(&str, &str)] = &[
    ("git2", "repo"),
    ("tantivy", "indexer"),
    ("tree_sitter", "indexer"),
    ("tree_sitter_python", "indexer"),
    ("bollard", "sandbox"),
    ("octocrab", "github"),
];

/// Files of the agent (a path, or all below it), and what they must not name.
const AGENT_RULES: &[(&str, &[&str])] = &[
    (
        "search/tree",
        &["sandbox", "indexer", "github", "tokio", "crate::pipeline", "crate::propose", "crate::cli", "crate::journal"],
    ),
    (
        "search/policy",
        &["sandbox", "indexer", "github", "tokio", "crate::pipeline", "crate::propose", "crate::cli", "crate::journal"],
    ),
    ("search", &["crate::pipeline", "crate::cli", "crate::daemon", "crate::store", "crate::forge"]),
    ("propose", &["sandbox", "crate::pipeline", "crate::cli", "crate::daemon", "crate::store", "crate::forge"]),
    ("value", &["crate::pipeline", "crate::cli", "crate::daemon", "crate::store", "crate::forge"]),
];

fn manifest(folder: &str) -> toml::Table {
    let path = workspace_root().join(folder).join("Cargo.toml");
    std::fs::read_to_string(&path).unwrap().parse().unwrap()
}

/// All that a manifest depends on, in any section and for any target.
fn dependencies(table: &toml::Table) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if matches!(key.as_str(), "dependencies" | "dev-dependencies" | "build-dependencies") {
            names.extend(inner.keys().cloned());
        } else if key == "target" {
            for target in inner.values().filter_map(toml::Value::as_table) {
                names.extend(dependencies(target));
            }
        }
    }
    names
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of a source that are code: not comments, which may speak of anything.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .collect()
}

/// Where a source names a crate or module path in code.
fn mentions(path: &Path, name: &str) -> Vec<String> {
    let pattern = Regex::new(&format!(r"(^|[^\w:]){}(::|;|\s+as\b|\s*\{{)", regex::escape(name))).unwrap();
    let import = Regex::new(&format!(r"\b(use|extern crate)\s+(::)?{}\b", regex::escape(name))).unwrap();
    code(path)
        .into_iter()
        .filter(|(_, line)| import.is_match(line) || (line.contains(&format!("{name}::")) && pattern.is_match(line)))
        .map(|(number, line)| format!("{}:{number}: {}", path.display(), line.trim()))
        .collect()
}

#[test]
fn crates_depend_only_on_those_above_them() {
    let ours: BTreeSet<&str> = ["repo", "indexer", "sandbox", "github", "agent", "e2e"].into();
    for (folder, allowed) in ALLOWED {
        let used: Vec<String> =
            dependencies(&manifest(folder)).into_iter().filter(|name| ours.contains(name.as_str())).collect();
        for name in used {
            assert!(allowed.contains(&name.as_str()), "{folder} must not depend on {name}");
        }
    }
    let members = manifest(".")["workspace"]["members"].as_array().unwrap().len();
    assert_eq!(members, ALLOWED.len(), "a crate is missing from this test");
}

#[test]
fn outside_libraries_stay_in_their_crate() {
    let mut wrong = Vec::new();
    for (library, home) in CONFINED {
        for (folder, _) in ALLOWED.iter().filter(|(folder, _)| folder != home) {
            let dashed = library.replace('_', "-");
            assert!(!dependencies(&manifest(folder)).contains(&dashed), "{folder} must not depend on {dashed}");
            for source in sources(&workspace_root().join(folder)) {
                wrong.extend(mentions(&source, library));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_agents_modules_know_only_what_they_may() {
    let agent = workspace_root().join("agent").join("src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in sources(&agent) {
        let relative = source.strip_prefix(&agent).unwrap().with_extension("");
        for (prefix, forbidden) in AGENT_RULES {
            if relative.starts_with(prefix) {
                seen += 1;
                wrong.extend(forbidden.iter().flat_map(|name| mentions(&source, name)));
            }
        }
    }
    assert!(seen >= AGENT_RULES.len(), "modules were renamed: only {seen} rules found a file");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_layout_has_no_drawers() {
    let banned = ["common", "utils", "util", "helpers", "types", "mod"];
    for (folder, _) in ALLOWED {
        for source in sources(&workspace_root().join(folder)) {
            let stem = source.file_stem().unwrap().to_str().unwrap().to_owned();
            assert!(!banned.contains(&stem.as_str()), "{} says nothing of what it holds", source.display());
            let lines = std::fs::read_to_string(&source).unwrap().lines().count();
            assert!(lines <= 800, "{} has {lines} lines: split it", source.display());
        }
    }
}

#[test]
fn a_mention_is_told_from_a_remark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.rs");
    let check = |text: &str, found: bool| {
        std::fs::write(&path, text).unwrap();
        assert_eq!(!mentions(&path, "lib9").is_empty(), found, "{text}");
    };
    check("use lib9::Repository;", true);
    check("use lib9 as g;", true);
    check("let x = lib9::Id::zero();", true);
    check("pub fn f(x: &lib9::Id) {}", true);
    check("// lib9::Id is not used", false);
    check("let lelib9::x = 1;", false);
    check("my::lib9::f()", false);
    check("const NAME: &str = \"lib9\";", false);
}
