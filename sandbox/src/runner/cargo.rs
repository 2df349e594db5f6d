//! `cargo test`: built first, then every test program started through `cargo/program.sh`, which asks libtest for its names and its log.
//!
//! What libtest prints shares stdout with whatever a test writes past the capture; the log does not, and the names are asked for
//! before anything runs. A program that dies has its missing tests run again, each in a process of its own, so that one abort or
//! endless loop costs one result. Doc-tests are run by rustdoc, which prints no log: theirs are read from stdout, where rustdoc lets
//! no doc-test write.
//!
//! Ids are `FILE::module::test`, with the root file of the test program, and `FILE::doc ITEM` for doc-tests: the lines that rustdoc
//! adds would change with every edit above them. Lines are counted where the LLVM tools of the very compiler are installed
//! (`cargo/cover.rs`). `cargo nextest` (`nextest.rs`) runs the same programs by the same scripts.

pub(super) mod build;
pub(super) mod cover;
pub(super) mod libtest;
pub(super) mod read;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Detected, Files, Runner, RunnerKind};
use crate::report::TestId;
use crate::tool::{Collect, Step, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

/// Stands for a crate's or file's own documentation in ids of doc-tests.
const WHOLE_CRATE: &str = "(crate)";

pub(super) struct CargoTest;

impl Runner for CargoTest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::CargoTest
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((sub, options)) = subcommand(words) else { return false };
        let options = Options::of(options);
        let other = ["--no-run", "--help", "-h", "--benches", "--bench"];
        matches!(sub, "test" | "t") && !options.flags.iter().any(|flag| other.contains(&flag[0].as_str()))
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let text = files.text("Cargo.toml")?;
        let workspace = text.lines().any(|line| line.trim() == "[workspace]");
        let mut args = ["cargo", "test"].map(str::to_owned).to_vec();
        let mut evidence = vec!["Cargo.toml is a Rust package".to_owned()];
        if workspace {
            args.push("--workspace".to_owned());
            evidence = vec!["Cargo.toml is a Rust workspace".to_owned()];
        }
        Some(Detected { args, evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&CargoTest)
    }
}

impl Tool for CargoTest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let options = Options::of(subcommand(run.words).map_or(&[][..], |(_, options)| options));
        let is_wanted =
            |of_docs: bool| run.select.is_none_or(|ids| ids.iter().any(|id| id.as_str().contains("::doc ") == of_docs));
        let by_program = Way { verb: "test", between: "program.sh", build: options.kept(), test: options.kept() };
        let mut command = if !options.only_docs() && is_wanted(false) {
            by_program.command(run, &options)
        } else {
            ToolCommand::default()
        };
        if options.with_docs() && is_wanted(true) {
            command.steps.push(doc_tests(run, &options));
        }
        command
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        read::read(left)
    }
}

/// One of the ways in which programs of libtest are run: by cargo itself, or by nextest.
pub(super) struct Way {
    /// The subcommand, as `cargo/test.sh` tells them apart.
    pub(super) verb: &'static str,
    /// The script that stands between it and a test program.
    pub(super) between: &'static str,
    /// Options for the build, which cargo does.
    pub(super) build: Vec<String>,
    /// Options for the subcommand.
    pub(super) test: Vec<String>,
}

impl Way {
    /// Returns the scripts and steps that build the test programs and run them, and count lines where that is asked for.
    pub(super) fn command(self, run: &ToolRun<'_>, options: &Options) -> ToolCommand {
        let text = |name: &str, text: &'static str| (name.to_owned(), Cow::Borrowed(text.as_bytes()));
        let mut support = vec![
            text("build.sh", include_str!("cargo/build.sh")),
            text("test.sh", include_str!("cargo/test.sh")),
            text("start.sh", include_str!("cargo/start.sh")),
            text("program.sh", include_str!("cargo/program.sh")),
            text("case.sh", include_str!("nextest/case.sh")),
            ("settings.sh".to_owned(), Cow::Owned(settings(run, options, &self).into_bytes())),
        ];
        if let Some(ids) = run.select {
            let ids = ids.iter().map(TestId::as_str).filter(|id| !id.contains('\n'));
            let lines = ids.map(|id| format!("{id}\n")).collect::<String>();
            support.push(("select.txt".to_owned(), Cow::Owned(lines.into_bytes())));
        }
        let cargo = cargo_of(run.words);
        let step = |kind, script: &str, rest: Vec<String>| {
            let script = format!("{}/{script}", run.reports);
            let argv = ["/bin/sh".to_owned(), script].into_iter().chain(cargo.clone()).chain(rest).collect();
            Step { kind, argv, env: environment() }
        };
        let steps = vec![step(StepKind::Build, "build.sh", self.build), step(StepKind::Test, "test.sh", self.test)];
        let names = ["build.jsonl", "programs/*/*", "events.jsonl", "cases"];
        let collect = names.map(|glob| Collect::Reports(glob.to_owned())).to_vec();
        let mut command = ToolCommand { support, steps, collect };
        if run.coverage == Coverage::PerTest {
            cover::record(run, &cargo, &mut command);
        }
        command
    }
}

/// rustdoc compiles and runs the doc-tests, after all others.
fn doc_tests(run: &ToolRun<'_>, options: &Options) -> Step {
    let mut argv = [cargo_of(run.words), vec!["test".to_owned()], options.kept()].concat();
    argv.extend(["--doc", "--no-fail-fast", "--"].map(str::to_owned));
    argv.extend(options.behind(run.select.is_none()));
    let chosen = run.select.unwrap_or_default().iter().filter_map(|id| id.as_str().split_once("::doc "));
    argv.extend(chosen.map(|(file, item)| match item.split(" (").next() {
        Some(WHOLE_CRATE) => format!("{file} - (line"),
        item => format!("{file} - {}", item.unwrap_or_default()),
    }));
    Step { kind: StepKind::After, argv, env: environment() }
}

/// Nothing is downloaded, nothing is coloured, and panics show where they come from.
pub(super) fn environment() -> Vec<(String, String)> {
    [("CARGO_NET_OFFLINE", "true"), ("CARGO_TERM_COLOR", "never"), ("RUST_BACKTRACE", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// What the scripts have to know.
fn settings(run: &ToolRun<'_>, options: &Options, way: &Way) -> String {
    let each = run.per_test.as_secs_f64().ceil().clamp(1.0, 1e6);
    let targets = if options.targets.is_empty() { vec!["--tests".to_owned()] } else { options.targets.concat() };
    let narrow = match run.select {
        Some(ids) if options.targets.is_empty() => narrowed(ids.iter().map(TestId::as_str)),
        _ => Vec::new(),
    };
    let quote =
        |words: &[String]| words.iter().map(|word| shell_words::quote(word).into_owned()).collect::<Vec<_>>().join(" ");
    format!(
        "root={}\neach={each}\nverb={}\nbetween={}\ntargets={}\nnarrow={}\nset_behind() {{ behind={}; }}\n{}",
        shell_words::quote(run.root),
        shell_words::quote(way.verb),
        way.between,
        shell_words::quote(&quote(&targets)),
        shell_words::quote(&quote(&narrow)),
        shell_words::quote(&quote(&options.behind(run.select.is_none()))),
        cover::SETTINGS,
    )
}

/// The targets in which the wanted tests are, where their files' names tell.
fn narrowed<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let plain =
        |name: &str| !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char));
    let mut targets = BTreeSet::new();
    for id in ids.filter(|id| !id.contains("::doc ")) {
        let file = id.split("::").next().unwrap_or_default();
        let mut parts = file.rsplit('/');
        match (parts.next().unwrap_or_default(), parts.next()) {
            ("lib.rs", Some("src")) => targets.insert(vec!["--lib".to_owned()]),
            (name, Some("tests")) if name.strip_suffix(".rs").is_some_and(plain) => {
                targets.insert(vec!["--test".to_owned(), name.trim_end_matches(".rs").to_owned()])
            }
            _ => return Vec::new(),
        };
    }
    targets.into_iter().flatten().collect()
}

/// The subcommand behind `cargo` and `+toolchain`, and what follows it.
pub(super) fn subcommand(words: &[String]) -> Option<(&str, &[String])> {
    let (program, rest) = words.split_first()?;
    let name = program.rsplit('/').next()?;
    let rest = match rest {
        [toolchain, rest @ ..] if toolchain.starts_with('+') => rest,
        rest => rest,
    };
    let (sub, options) = rest.split_first()?;
    (name == "cargo").then_some((sub.as_str(), options))
}

/// `cargo`, with the toolchain.
pub(super) fn cargo_of(words: &[String]) -> Vec<String> {
    let toolchain = words.get(1).filter(|word| word.starts_with('+'));
    words.first().into_iter().chain(toolchain).cloned().collect()
}

/// What a person wrote behind `cargo test`.
pub(super) struct Options {
    /// Options with their values; of those that are ours, none.
    pub(super) flags: Vec<Vec<String>>,
    /// Which targets: `--lib`, `--test x`, …
    targets: Vec<Vec<String>>,
    filters: Vec<String>,
    behind: Vec<String>,
}

impl Options {
    pub(super) fn of(words: &[String]) -> Options {
        let mut options = Options { flags: Vec::new(), targets: Vec::new(), filters: Vec::new(), behind: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                options.behind = words.cloned().collect();
                break;
            }
            if !word.starts_with('-') {
                options.filters.push(word.clone());
                continue;
            }
            let mut flag = vec![word.clone()];
            if takes_a_value(word) {
                flag.extend(words.next().cloned());
            }
            let name = word.split('=').next().unwrap_or(word);
            match name {
                "--lib" | "--bins" | "--bin" | "--tests" | "--test" | "--examples" | "--example" | "--all-targets"
                | "--doc" => options.targets.push(flag),
                _ => options.flags.push(flag),
            }
        }
        options
    }

    fn only_docs(&self) -> bool {
        self.targets.iter().any(|target| target[0] == "--doc")
    }

    fn with_docs(&self) -> bool {
        self.targets.is_empty() || self.only_docs()
    }

    /// The options without those that are ours.
    pub(super) fn kept(&self) -> Vec<String> {
        let ours = [
            "--message-format",
            "--no-fail-fast",
            "--color",
            "-q",
            "--quiet",
            "-v",
            "-vv",
            "--verbose",
            "--offline",
            "--fail-fast",
        ];
        let ours = |flag: &&Vec<String>| ours.contains(&flag[0].split('=').next().unwrap_or_default());
        self.flags.iter().filter(|flag| !ours(flag)).flatten().cloned().collect()
    }

    /// What goes to the test programs: their options, and the filters where nothing else selects.
    fn behind(&self, with_filters: bool) -> Vec<String> {
        let mut kept = Vec::new();
        let mut words = self.behind.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--nocapture" | "--no-capture" | "--show-output" | "-q" | "--quiet" | "--list" => {}
                "--logfile" | "--format" | "--color" => {
                    words.next();
                }
                "--skip" if !with_filters => {
                    words.next();
                }
                "--exact" if !with_filters => {}
                word if !with_filters && !word.starts_with('-') => {}
                word => kept.push(word.to_owned()),
            }
            if word == "--test-threads" || word == "--skip" && with_filters {
                kept.extend(words.next().cloned());
            }
        }
        if with_filters {
            kept.extend(self.filters.iter().cloned());
        }
        kept
    }
}

fn takes_a_value(flag: &str) -> bool {
    matches!(
        flag,
        "-p" | "--package"
            | "--exclude"
            | "--features"
            | "-F"
            | "--target"
            | "--target-dir"
            | "--manifest-path"
            | "--profile"
            | "-j"
            | "--jobs"
            | "--config"
            | "--color"
            | "--message-format"
            | "--bin"
            | "--test"
            | "--example"
            | "--bench"
            | "-Z"
            | "--lockfile-path"
            | "-P"
            | "-E"
            | "--cargo-profile"
            | "--filterset"
            | "--filter-expr"
            | "--run-ignored"
            | "--retries"
            | "--max-fail"
            | "--test-threads"
            | "--build-jobs"
            | "--config-file"
            | "--tool-config-file"
            | "--user-config-file"
            | "--partition"
            | "--no-tests"
            | "--failure-output"
            | "--success-output"
            | "--status-level"
            | "--final-status-level"
            | "--show-progress"
            | "--message-format-version"
    )
}

#[cfg(test)]
pub(super) mod tests;
