//! Node.js: package.json, lock files, and which package manager they belong to.

use std::collections::HashSet;

use serde_json::Value;

use super::candidate::{Candidate, nearest};
use super::shell;
use super::tree::Tree;
use super::version::Allowed;
use super::workflow::Ci;
use super::{Evidence, Found, Language};

/// Scripts that follow one another at most.
const MOST_HOPS: usize = 8;
/// Runs of test tools that one script is searched for.
const MOST_TOOLS: usize = 16;

/// How dependencies are installed and scripts are run.
struct Manager {
    install: String,
    run: &'static str,
    evidence: Evidence,
}

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let (root, name) = nearest(tree, &["package.json"])?;
    let file = super::tree::join(&root, &name);
    let mut it = Candidate::new(Language::JavaScript, root, tree.present(&file));
    for pin in [".nvmrc", ".node-version"] {
        it.pin(tree, pin);
    }
    let text = tree.text(&file).unwrap_or_default();
    let package: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if package.is_null() {
        it.warnings.push(format!("{file} is no JSON"));
    }
    if let Some(node) = package.get("engines").and_then(|it| it.get("node")).and_then(Value::as_str) {
        it.allowed.push(Allowed::parse(node, tree.says(&file, &format!("\"node\": \"{node}\""))));
    }
    let manager = manager(tree, &it, &package);
    let has = |key: &str| package.get(key).and_then(Value::as_object).is_some_and(|list| !list.is_empty());
    if has("dependencies") || has("devDependencies") || has("peerDependencies") || has("optionalDependencies") {
        it.setup.push(Found::stated(it.step(&manager.install), manager.evidence.clone()));
    }
    native_modules(tree, &mut it, &file);
    // Hooks for git and downloads of browsers have no place in a box.
    for (name, value) in [("HUSKY", "0"), ("PUPPETEER_SKIP_DOWNLOAD", "1"), ("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")] {
        it.variable(name, value, tree.present(&file));
    }
    let scripts = Scripts { tree, file: &file, package: &package };
    scripts.build(&mut it, ci, manager.run);
    scripts.tests(&mut it, ci, manager.run);
    Some(it)
}

fn manager(tree: &Tree<'_>, it: &Candidate, package: &Value) -> Manager {
    let named = package.get("packageManager").and_then(Value::as_str).unwrap_or_default();
    let (name, version) = named.split_once('@').unwrap_or((named, ""));
    let version = super::version::clean(version.split('+').next().unwrap_or_default());
    let locks = [
        ("package-lock.json", "npm"),
        ("npm-shrinkwrap.json", "npm"),
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lockb", "bun"),
        ("bun.lock", "bun"),
    ];
    let lock = locks.iter().find(|(lock, tool)| tree.has(&it.at(lock)) && (name.is_empty() || name == *tool));
    let evidence = match lock {
        Some((lock, _)) => tree.present(&it.at(lock)),
        None if !named.is_empty() => tree.says(&it.at("package.json"), "packageManager"),
        None => tree.present(&it.at("package.json")),
    };
    let tool = lock.map_or(name, |(_, tool)| tool);
    let version = |usual: &str| version.clone().unwrap_or_else(|| usual.to_owned());
    let (install, run) = match (tool, lock.is_some()) {
        ("pnpm", true) => (format!("npx --yes pnpm@{} install --frozen-lockfile", version("9")), "npx pnpm run"),
        ("pnpm", false) => (format!("npx --yes pnpm@{} install", version("9")), "npx pnpm run"),
        ("yarn", _) => match own_yarn(tree, it) {
            Some(program) => (format!("node {program} install --immutable"), "npm run"),
            None => ("npx --yes yarn@1 install --frozen-lockfile --non-interactive".to_owned(), "npm run"),
        },
        ("npm" | "", true) => ("npm ci --no-audit --no-fund".to_owned(), "npm run"),
        _ => ("npm install --no-audit --no-fund --no-package-lock".to_owned(), "npm run"),
    };
    Manager { install, run, evidence }
}

/// Newer yarns are checked in.
fn own_yarn(tree: &Tree<'_>, it: &Candidate) -> Option<String> {
    let folder = it.at(".yarn/releases");
    let path = tree.below(&folder).find(|path| path.extension() == Some(b"cjs"))?;
    Some(shell_words::quote(&path.to_str_lossy()).into_owned())
}

fn native_modules(tree: &Tree<'_>, it: &mut Candidate, file: &str) {
    if tree.has(&it.at("binding.gyp")) {
        let evidence = tree.present(&it.at("binding.gyp"));
        it.needs.push((Language::C, evidence));
    }
    for (module, packages) in [
        ("\"canvas\"", &["libcairo2-dev", "libpango1.0-dev", "libjpeg-dev", "libgif-dev", "librsvg2-dev"][..]),
        ("\"libxmljs\"", &["libxml2-dev"]),
        ("\"pg-native\"", &["libpq-dev"]),
    ] {
        if tree.text(file).is_some_and(|text| text.contains(module)) {
            for package in packages {
                it.package(package, tree.says(file, module));
            }
        }
    }
}

struct Scripts<'a> {
    tree: &'a Tree<'a>,
    file: &'a str,
    package: &'a Value,
}

impl Scripts<'_> {
    fn script(&self, name: &str) -> Option<&str> {
        self.package.get("scripts")?.get(name)?.as_str().filter(|line| !line.trim().is_empty())
    }

    /// Adds the build script where CI runs it, or where what is published is not in the tree.
    fn build(&self, it: &mut Candidate, ci: &Ci, run: &str) {
        let runs = |name: &str| {
            let wanted = [
                format!("npm run {name}"),
                format!("yarn {name}"),
                format!("pnpm {name}"),
                format!("pnpm run {name}"),
                format!("yarn run {name}"),
            ];
            ci.commands.iter().find(|(command, _)| wanted.contains(&command.text()))
        };
        for name in ["build", "compile", "prepare"] {
            let Some(line) = self.script(name) else { continue };
            let absent = self.main_is_absent(it);
            let tested = self.script("pretest").is_some_and(|line| line.contains(&format!("run {name}")));
            let evidence = match runs(name) {
                Some((_, evidence)) => evidence.clone(),
                None if absent.is_some() && name != "prepare" => self.tree.says(self.file, &format!("\"{name}\"")),
                None => continue,
            };
            if !tested && !line.contains("husky") {
                it.build.push(Found::likely(it.step(format!("{run} {name}")), evidence));
                return;
            }
        }
    }

    fn main_is_absent(&self, it: &Candidate) -> Option<String> {
        let main = ["main", "module"].iter().find_map(|key| self.package.get(*key)?.as_str())?;
        let main = main.trim_start_matches("./").trim_end_matches('/');
        let there = ["", ".js", ".cjs", ".mjs", "/index.js", ".json"]
            .iter()
            .any(|end| self.tree.has(&it.at(&format!("{main}{end}"))));
        (!there && !main.is_empty()).then(|| main.to_owned())
    }

    fn tests(&self, it: &mut Candidate, ci: &Ci, run: &str) {
        let from_ci =
            ci.tests(Language::JavaScript).map(|(command, evidence)| (command.words.clone(), evidence.clone()));
        let usual = (vec!["npm".to_owned(), "test".to_owned()], self.tree.says(self.file, "\"test\""));
        for (words, evidence) in from_ci.chain([usual]) {
            let name = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                [_, "run" | "run-script", name, ..] => name.to_owned(),
                [_, "t", ..] => "test".to_owned(),
                ["npm" | "yarn" | "pnpm" | "bun", name, ..] => name.to_owned(),
                _ => {
                    it.tests.push(Found::stated(shell_words::join(&words), evidence));
                    continue;
                }
            };
            let Some(line) = self.script(&name).filter(|line| !line.trim_start().starts_with("echo ")) else {
                continue;
            };
            if let Some(command) = self.tool(line) {
                it.tests.push(Found::stated(command, self.tree.says(self.file, &format!("\"{name}\""))));
            }
            it.tests.push(Found::stated(format!("{run} {name}"), evidence));
        }
        it.tests.dedup_by(|later, earlier| later.value == earlier.value);
        if it.tests.is_empty() && (self.tree.has_folder(&it.at("test")) || self.tree.has_folder(&it.at("tests"))) {
            it.tests.push(Found::guessed("node --test".to_owned(), "Node.js has a test runner of its own"));
        }
    }

    /// Follows a script to the test tool that it runs: of several runs to the one that names the fewest files.
    fn tool(&self, line: &str) -> Option<String> {
        let (mut found, mut followed) = (Vec::new(), HashSet::new());
        self.tools(line, 0, &mut found, &mut followed);
        found.into_iter().min_by_key(|(files, _)| *files).map(|(_, command)| command)
    }

    /// Adds the test tools that a script runs, each with how many words it has that are no options.
    fn tools(&self, line: &str, hops: usize, found: &mut Vec<(usize, String)>, followed: &mut HashSet<String>) {
        if hops > MOST_HOPS {
            return;
        }
        for command in shell::commands(line) {
            if found.len() >= MOST_TOOLS {
                return;
            }
            let unwrapped = shell::unwrapped(&command.words);
            let Some(first) = unwrapped.first().map(|word| shell::base_name(word)) else { continue };
            let coverage = ["c8", "nyc", "cross-env", "env"].contains(&first);
            let inner = unwrapped.iter().skip(1).skip_while(|word| word.starts_with('-') || word.contains('='));
            let words: Vec<String> = if coverage { inner.cloned().collect() } else { unwrapped.to_vec() };
            let text: Vec<&str> = words.iter().map(String::as_str).collect();
            match text[..] {
                ["npm" | "yarn" | "pnpm", "run" | "run-script", name, ..] | ["yarn" | "pnpm", name] => {
                    // Each script once: scripts may call one another in circles.
                    if let Some(line) = self.script(name).filter(|_| followed.insert(name.to_owned())) {
                        self.tools(line, hops + 1, found, followed);
                    }
                }
                _ if shell::tests_of(&words) == Some(Language::JavaScript) && !words[0].starts_with("npm") => {
                    let variables: String = command
                        .variables
                        .iter()
                        .map(|(name, value)| format!("{name}={} ", shell_words::quote(value)))
                        .collect();
                    let program = if words[0] == "node" { "" } else { "npx " };
                    let files = words.iter().skip(1).filter(|word| !word.starts_with('-')).count();
                    found.push((files, format!("{variables}{program}{}", shell_words::join(&words))));
                }
                _ => {}
            }
        }
    }
}
