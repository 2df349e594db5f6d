//! Karma: the repository's configuration in one of ours, with a reporter in Karma's own process and one headless Chrome.
//!
//! Tests run in the browser's page, so neither the report nor the token is within their reach.

use std::borrow::Cow;

use super::node::{self, Invocation};
use super::{Detected, Files, Runner, RunnerKind, script};
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Karma;

const CONFIG: &str = include_str!("reporters/karma.cjs");
const OURS: &[&str] = &[
    "--single-run",
    "--auto-watch",
    "--colors",
    "--reporters",
    "--browsers",
    "--detached",
    "--format-error",
    "--fail-on-empty-test-suite",
    "--fail-on-failing-test-suite",
    "--fail-on-skipped-tests",
];
const VALUES: &[&str] = &[
    "--reporters",
    "--browsers",
    "--format-error",
    "--log-level",
    "--port",
    "--hostname",
    "--capture-timeout",
    "--report-slower-than",
    "--auto-watch-batch-delay",
];
/// Packages that run Karma by a program of their own, whose configurations it cannot read by itself.
const BUILDERS: &[&str] = &["\"@angular-devkit/build-angular\"", "\"@angular/build\""];
const CONFIGS: &[&str] = &["karma.conf.js", "karma.conf.cjs", "karma.conf.mjs", "karma.conf.ts"];

impl Runner for Karma {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Karma
    }

    fn claims(&self, words: &[String]) -> bool {
        Invocation::read(words).is_some_and(|call| call.tool == RunnerKind::Karma)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let manifest = files.text("package.json");
        let Some(manifest) = manifest else {
            let config = CONFIGS.iter().find(|name| files.has(name))?;
            let args = ["npx", "karma", "start"].map(str::to_owned).to_vec();
            return Some(Detected { args, evidence: vec![format!("{config} configures karma")] });
        };
        let built = BUILDERS.iter().any(|package| manifest.contains(package));
        script::detect(files, RunnerKind::Karma).filter(|_| !built)
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Karma)
    }
}

impl Tool for Karma {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(call) = Invocation::read(run.words) else { return ToolCommand::default() };
        let wish = Wish::of(&call.args, run);
        let mut args = vec!["start".to_owned(), format!("{}/karma.cjs", run.reports)];
        args.extend(wish.rest);
        args.extend(["--single-run", "--no-auto-watch", "--no-colors"].map(str::to_owned));
        let mut command = node::command(run, &call, &[("karma.cjs", CONFIG)], args);
        let options = serde_json::json!({ "config": wish.config, "browsers": wish.browsers, "names": wish.names });
        command.support.push(("karma.json".to_owned(), Cow::Owned(options.to_string().into_bytes())));
        command
    }

    fn never_tells_lines(&self) -> Option<&'static str> {
        Some("lines that run in a browser are not counted")
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        node::read(left)
    }
}

/// What our configuration is told.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// The repository's configuration, where the command line names one.
    config: Option<String>,
    browsers: Option<Vec<String>>,
    /// An expression that the full names match.
    names: Option<String>,
    /// Options that are left to Karma.
    rest: Vec<String>,
}

impl Wish {
    fn of(args: &[String], run: &ToolRun<'_>) -> Self {
        let end = args.iter().position(|word| word == "--").unwrap_or(args.len());
        let args = without_truth(&args[..end]);
        let options = node::options(&args, VALUES);
        let mut words = node::without(&args, OURS, VALUES);
        let rest = node::options(&words, VALUES);
        words.retain(|word| word != "start" && !rest.contains(word));
        let names = run.select.and_then(|ids| {
            let names = ids.iter().map(crate::report::TestId::as_str).collect::<Vec<_>>();
            node::expression(&names)
        });
        Self { config: words.into_iter().next(), browsers: browsers(&options), names, rest }
    }
}

/// `--single-run true` is one option: the word behind it is no configuration.
fn without_truth(args: &[String]) -> Vec<String> {
    args.iter().filter(|word| !matches!(word.as_str(), "true" | "false")).cloned().collect()
}

fn browsers(options: &[String]) -> Option<Vec<String>> {
    let at = options.iter().position(|word| word.split('=').next() == Some("--browsers"))?;
    let list = options[at].split_once('=').map(|(_, list)| list).or(options.get(at + 1).map(String::as_str))?;
    Some(list.split(',').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
