//! What a repository's scripts stand for: `npm test`, `yarn test:unit`, `composer test` become the call of the tool that they make.
//!
//! A script that is a list of commands is taken apart: checks of style are left out, what comes before the tool is kept as a build.
//! What needs more of a shell than a list and patterns stays a command of its own.

use serde_json::Value;

use super::{Detected, Files, RunnerKind};

/// Deepest scripts that call scripts.
const MOST_DEPTH: usize = 6;
/// Programs that look at the text of code and run none of it.
const CHECKS: &[&str] = &[
    "eslint",
    "standard",
    "xo",
    "prettier",
    "tslint",
    "jshint",
    "stylelint",
    "biome",
    "oxlint",
    "markdownlint",
    "semistandard",
    "tsd",
    "dtslint",
    "attw",
    "publint",
    "knip",
    "cspell",
    "commitlint",
    "echo",
    "rimraf",
    "php-cs-fixer",
    "phpcs",
    "phpstan",
    "psalm",
];

/// A script taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// What to run: builds as `sh -c LINE &&`, then the tool's words.
    pub(crate) words: Vec<String>,
    /// Where it was found.
    pub(crate) evidence: Vec<String>,
}

/// Returns what a command line stands for, when it calls a script of the repository; `folder` is where it is given.
pub(crate) fn resolve(words: &[String], folder: &str, files: &Files<'_>) -> Option<Resolved> {
    let assignments = words.iter().take_while(|word| crate::plan::assignment(word).is_some()).count();
    let (env, words) = words.split_at(assignments);
    let (name, extra) = called(words)?;
    let file = if words[0] == "composer" { "composer.json" } else { "package.json" };
    let scripts = Scripts::read(files, folder, file)?;
    let mut resolved = scripts.resolve(name, extra, 0)?;
    let tool = resolved.words.iter().rposition(|word| word == "&&").map_or(0, |at| at + 1);
    resolved.words.splice(tool..tool, env.iter().cloned());
    Some(resolved)
}

/// The script that a command line calls, and what it is given on top.
fn called(words: &[String]) -> Option<(&str, &[String])> {
    let (program, rest) = words.split_first()?;
    let rest = match program.as_str() {
        "npm" | "yarn" | "pnpm" | "bun" | "composer" => super::node::without_options(rest),
        "node" => rest.strip_prefix(&["--run".to_owned()])?,
        _ => return None,
    };
    let (verb, tail) = rest.split_first()?;
    let verb = verb.as_str();
    let (name, extra) = match (program.as_str(), verb) {
        ("npm" | "pnpm", "t" | "tst") => ("test", tail),
        ("composer", "run-script") | ("npm" | "pnpm" | "yarn" | "bun" | "composer", "run" | "run-script") => {
            let tail = super::node::without_options(tail);
            (tail.first()?.as_str(), &tail[1..])
        }
        ("npm", "test") | ("yarn" | "pnpm" | "composer" | "node", _) => (verb, tail),
        _ => return None,
    };
    let extra = extra.strip_prefix(&["--".to_owned()]).unwrap_or(extra);
    Some((name, extra))
}

struct Scripts {
    file: String,
    scripts: serde_json::Map<String, Value>,
    packages: Vec<String>,
    /// PHP's scripts find programs in `vendor/bin`.
    bins: &'static str,
}

impl Scripts {
    fn read(files: &Files<'_>, folder: &str, name: &str) -> Option<Self> {
        let file = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let manifest = serde_json::from_str::<Value>(&files.text(&file)?).ok()?;
        let scripts = manifest.get("scripts").and_then(Value::as_object).cloned().unwrap_or_default();
        let tables = ["devDependencies", "dependencies", "require-dev"].into_iter().filter_map(|key| manifest.get(key));
        let packages = tables.filter_map(Value::as_object).flat_map(|table| table.keys().cloned()).collect();
        let bins = if name == "composer.json" { "vendor/bin" } else { "node_modules/.bin" };
        Some(Self { file, scripts, packages, bins })
    }

    /// A script's commands; Composer has lists.
    fn text(&self, name: &str) -> Option<String> {
        match self.scripts.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(lines) => Some(lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" && ")),
            _ => None,
        }
    }

    fn resolve(&self, name: &str, extra: &[String], depth: usize) -> Option<Resolved> {
        let text = self.text(name).filter(|_| depth < MOST_DEPTH)?;
        let evidence = format!("the script {name} of {} is `{}`", self.file, super::clip(&text, 300));
        let mut builds = Vec::new();
        builds.extend(self.text(&format!("pre{name}")).filter(|text| !is_check(text)));
        for segment in segments(&text) {
            let Some(mut words) = words_of(segment) else {
                builds.push(segment.to_owned());
                continue;
            };
            if is_check(segment) {
                continue;
            }
            words.extend(extra.iter().cloned());
            if let Some(found) = self.of_words(&words, depth) {
                let mut evidence = vec![evidence];
                evidence.extend(found.evidence);
                let steps = builds.iter().flat_map(|line| build(line, self.bins));
                return Some(Resolved { words: steps.chain(found.words).collect(), evidence });
            }
            builds.push(segment.to_owned());
        }
        None
    }

    fn of_words(&self, words: &[String], depth: usize) -> Option<Resolved> {
        if super::claimed(words).is_some() {
            return Some(Resolved { words: words.to_vec(), evidence: Vec::new() });
        }
        if matches!(words[0].as_str(), "run-s" | "npm-run-all" | "npm-run-all2") {
            let names = words[1..].iter().filter(|word| !word.starts_with('-')).flat_map(|name| self.expand(name));
            let found = names.filter(|name| !is_check(name)).find_map(|name| self.resolve(&name, &[], depth + 1));
            return found;
        }
        // Composer calls its own scripts by `@name`.
        let own = words[0].strip_prefix('@').map(|name| (name, &words[1..]));
        let (name, extra) = own.or_else(|| called(words))?;
        self.resolve(name, extra, depth + 1)
    }

    /// `test:*` is every script whose name goes on from there.
    fn expand(&self, name: &str) -> Vec<String> {
        match name.trim_end_matches('*') {
            whole if whole.len() == name.len() => vec![name.to_owned()],
            start => self.scripts.keys().filter(|known| known.starts_with(start)).cloned().collect(),
        }
    }
}

/// A line for the shell, with the programs of the repository's packages in reach.
fn build(line: &str, bins: &str) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), format!("PATH=\"$PWD/{bins}:$PATH\"; {line}"), "&&".to_owned()]
}

/// Splits at `&&` outside of quotes.
fn segments(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote, mut escaped) = (0, None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (_, b'\\') => escaped = true,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            (None, b'&') if text[at..].starts_with("&&") && at >= start => {
                parts.push(text[start..at].trim());
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(text[start.min(text.len())..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The words of a command that needs no shell. Patterns are left to the tools, all of which expand them.
fn words_of(segment: &str) -> Option<Vec<String>> {
    let plain = segment.replace(['*', '?'], "x");
    let words = shell_words::split(segment).ok().filter(|words| !words.is_empty())?;
    (!crate::plan::needs_shell(&plain)).then_some(words)
}

fn is_check(segment: &str) -> bool {
    let first = segment
        .split_whitespace()
        .find(|word| !matches!(*word, "npx" | "npm" | "yarn" | "pnpm" | "run" | "run-script"));
    first.is_some_and(|word| {
        let name = word.rsplit('/').next().unwrap_or(word);
        let named = ["lint", "format", "style", "prettier", "typecheck", "spell"];
        CHECKS.contains(&name) || named.iter().any(|part| name.starts_with(part) || name.ends_with(part))
    })
}

/// Names of scripts that run tests, the usual one first.
const TEST_SCRIPTS: &[&str] =
    &["test", "test:unit", "unit", "test-unit", "tests", "test:node", "test:ci", "mocha", "jest", "test:js", "phpunit"];

/// Looks for a tool of Node in the manifest: its scripts first, then what it depends on.
pub(super) fn detect(files: &Files<'_>, kind: RunnerKind) -> Option<Detected> {
    let (found, detected) = any(files)?;
    (found == kind).then_some(detected)
}

fn any(files: &Files<'_>) -> Option<(RunnerKind, Detected)> {
    let scripts = Scripts::read(files, "", "package.json")?;
    for name in TEST_SCRIPTS {
        if let Some(found) = scripts.resolve(name, &[], 0)
            && let Some(kind) = super::claimed(&found.words)
        {
            return Some((kind, Detected { args: found.words, evidence: found.evidence }));
        }
    }
    let configured = [
        (RunnerKind::Vitest, "vitest", &["npx", "vitest", "run"][..], "vitest.config."),
        (RunnerKind::Jest, "jest", &["npx", "jest"], "jest.config."),
        (RunnerKind::Mocha, "mocha", &["npx", "mocha"], ".mocharc."),
        (RunnerKind::Ava, "ava", &["npx", "ava"], "ava.config."),
        (RunnerKind::Karma, "karma", &["npx", "karma", "start"], "karma.conf."),
    ];
    for (kind, package, words, config) in configured {
        let depends = scripts.packages.iter().any(|known| known == package);
        let file = files.paths.iter().find(|path| path.as_bytes().starts_with(config.as_bytes()));
        if depends || file.is_some() {
            let evidence = match file {
                Some(file) => format!("{file} configures {package}"),
                None => format!("package.json depends on {package}"),
            };
            let args = words.iter().map(|word| (*word).to_owned()).collect();
            return Some((kind, Detected { args, evidence: vec![evidence] }));
        }
    }
    node_tests(files)
}

/// Test files that import Node's own runner.
fn node_tests(files: &Files<'_>) -> Option<(RunnerKind, Detected)> {
    let named = files.paths.iter().filter(|path| super::is_named_like_a_script_test(path));
    let found = named.take(50).find(|path| (files.read)(path).is_some_and(|text| text.contains("node:test")))?;
    let evidence = vec![format!("{found} imports node:test")];
    Some((RunnerKind::NodeTest, Detected { args: vec!["node".to_owned(), "--test".to_owned()], evidence }))
}

#[cfg(test)]
mod tests;
