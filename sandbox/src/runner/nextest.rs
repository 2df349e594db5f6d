//! `cargo nextest run`: built as for `cargo test`, then each test in a process of its own, started through `nextest/case.sh`.
//!
//! nextest takes an exit code of 0 for a pass, and so a test that leaves early would be one. The script has libtest keep its log, and
//! turns an exit code of 0 without `ok` in that log into another. Results come from nextest's own JSON (`libtest-json-plus`), which it
//! writes into a file while the output of tests stays inside of its events; a pass counts only if the script saw it as well.
//!
//! Single tests are chosen by what the script lists, so that no expression of filters grows with their number. A test runs once
//! (`--retries 0`), whatever the repository's configuration says: flaky tests are found elsewhere. Ids are those of `cargo test`.

mod events;
mod read;

use super::cargo::{Options, Way, subcommand};
use super::{Detected, Files, Runner, RunnerKind};
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Nextest;

/// The file of a repository that uses it.
const CONFIG: &str = ".config/nextest.toml";

impl Runner for Nextest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Nextest
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some(("nextest", rest)) = subcommand(words) else { return false };
        let Some((verb, rest)) = rest.split_first() else { return false };
        // What was built elsewhere has no sources to be built from.
        let other =
            ["--no-run", "--help", "-h", "--archive-file", "--binaries-metadata", "--debugger", "--stress-count"];
        let named = |word: &String| other.contains(&word.split('=').next().unwrap_or_default());
        matches!(verb.as_str(), "run" | "r") && !rest.iter().take_while(|word| *word != "--").any(named)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        (files.has(CONFIG) && files.has("Cargo.toml")).then(|| Detected {
            args: ["cargo", "nextest", "run", "--workspace"].map(str::to_owned).to_vec(),
            evidence: vec![format!("{CONFIG} configures nextest")],
        })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Nextest)
    }
}

impl Tool for Nextest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let words = subcommand(run.words).and_then(|(_, rest)| rest.get(1..)).unwrap_or_default();
        let options = Options::of(words);
        let way = Way {
            verb: "nextest run",
            between: "case.sh",
            build: of_cargo(&options.flags),
            test: of_nextest(&options.flags, run.select.is_some()),
        };
        way.command(run, &options)
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        read::read(left)
    }
}

/// The options that decide what is built, as `cargo test` takes them.
fn of_cargo(flags: &[Vec<String>]) -> Vec<String> {
    let kept = flags.iter().filter_map(|flag| {
        let (name, value) =
            flag[0].split_once('=').map_or((flag[0].as_str(), None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("--cargo-profile", Some(value)) => Some(vec![format!("--profile={value}")]),
            ("--cargo-profile", None) => Some([&["--profile".to_owned()], &flag[1..]].concat()),
            ("--build-jobs", Some(value)) => Some(vec![format!("--jobs={value}")]),
            ("--build-jobs", None) => Some([&["--jobs".to_owned()], &flag[1..]].concat()),
            (
                "-p"
                | "--package"
                | "--workspace"
                | "--all"
                | "--exclude"
                | "--features"
                | "-F"
                | "--all-features"
                | "--no-default-features"
                | "--release"
                | "-r"
                | "--target"
                | "--target-dir"
                | "--manifest-path"
                | "--locked"
                | "--frozen"
                | "--ignore-rust-version"
                | "--config"
                | "-Z"
                | "--unit-graph",
                _,
            ) => Some(flag.clone()),
            _ => None,
        }
    });
    kept.flatten().collect()
}

/// The options without those that are ours; where single tests are chosen, also without expressions.
fn of_nextest(flags: &[Vec<String>], chosen: bool) -> Vec<String> {
    let ours = |name: &str| match name {
        "--no-fail-fast"
        | "--fail-fast"
        | "--ff"
        | "--nff"
        | "--max-fail"
        | "--retries"
        | "--offline"
        | "--color"
        | "--no-capture"
        | "--nocapture"
        | "--message-format"
        | "--message-format-version"
        | "--failure-output"
        | "--success-output"
        | "--status-level"
        | "--final-status-level"
        | "--verbose"
        | "-v"
        | "--cargo-quiet"
        | "--cargo-verbose"
        | "--show-progress"
        | "--hide-progress-bar"
        | "--rerun"
        | "-R" => true,
        "-E" | "--filterset" | "--filter-expr" => chosen,
        _ => false,
    };
    let kept = flags.iter().filter(|flag| !ours(flag[0].split('=').next().unwrap_or_default()));
    kept.flatten().cloned().collect()
}

#[cfg(test)]
mod tests;
