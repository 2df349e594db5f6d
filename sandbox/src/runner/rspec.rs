//! RSpec: a formatter of ours beside its own, examples in the order in which they are written.

use super::node::{self, Selection};
use super::{Detected, Files, Runner, RunnerKind, ruby};
use crate::report::TestId;
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Rspec;

const FORMATTER: &str = include_str!("reporters/rspec.rb");
const OURS: &[&str] = &[
    "--format",
    "-f",
    "--out",
    "-o",
    "--color",
    "--colour",
    "--force-color",
    "-c",
    "--order",
    "--seed",
    "--profile",
    "-p",
    "--dry-run",
    "--bisect",
    "--fail-fast",
];
const VALUES: &[&str] = &[
    "--format",
    "-f",
    "--out",
    "-o",
    "--order",
    "--seed",
    "--require",
    "-r",
    "-I",
    "--tag",
    "-t",
    "--example",
    "-e",
    "--example-matches",
    "-E",
    "--options",
    "-O",
    "--pattern",
    "-P",
    "--exclude-pattern",
    "--default-path",
];

impl Runner for Rspec {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Rspec
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((at, name)) = ruby::program(words) else { return false };
        name == "rspec" || name == "rake" && words[at + 1..] == ["spec"]
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let spec = |name: &[u8]| name.ends_with(b"_spec.rb");
        let first = files.paths.iter().find(|path| spec(path.file_name()) && path.as_bytes().starts_with(b"spec/"))?;
        let mut evidence = vec![format!("{first} is a spec")];
        evidence.extend(files.has(".rspec").then(|| ".rspec configures RSpec".to_owned()));
        let bundled: &[&str] = if files.has("Gemfile") { &["bundle", "exec"] } else { &[] };
        let args = bundled.iter().chain(&["rspec"]).map(|word| (*word).to_owned()).collect();
        Some(Detected { args, evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Rspec)
    }
}

impl Tool for Rspec {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some((at, name)) = ruby::program(run.words) else { return ToolCommand::default() };
        let selection = Selection::of(run);
        let mut ours = ["--require", &format!("{}/rspec.rb", run.reports), "--format", "PatchwrightFormatter"]
            .map(str::to_owned)
            .to_vec();
        ours.extend(["--format", "progress", "--order", "defined", "--no-color", "--no-profile"].map(str::to_owned));
        if name == "rake" {
            // Rake's task has no other way in.
            let options = ours.iter().map(|word| shell_words::quote(word).into_owned()).collect::<Vec<_>>().join(" ");
            let env = vec![("SPEC_OPTS".to_owned(), options)];
            return ruby::command(run, ("rspec.rb", FORMATTER), run.words.to_vec(), env);
        }
        let mut args = node::without(&run.words[at + 1..], OURS, VALUES);
        if let Some(selection) = selection {
            args = node::options(&args, VALUES);
            if let Some(names) = run.select.and_then(names) {
                args.extend(["--example-matches".to_owned(), names]);
            }
            args.extend(selection.files);
        }
        let argv = [&run.words[..=at], &ours, &args].concat();
        ruby::command(run, ("rspec.rb", FORMATTER), argv, Vec::new())
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        ruby::read(left)
    }
}

/// An expression for the full descriptions. RSpec joins levels by a blank, or by nothing before `#method`.
fn names(ids: &[TestId]) -> Option<String> {
    let mut patterns = Vec::new();
    for id in ids {
        let (_, name) = id.as_str().split_once("::")?;
        // An example without a description has a name of ours only.
        if ids.len() > 300 || name.contains("example [") || name.ends_with(')') {
            return None;
        }
        patterns.push(name.split("::").map(node::escape).collect::<Vec<_>>().join("(?: |::)?"));
    }
    let joined = format!("^(?:{})$", patterns.join("|"));
    (joined.len() < 60_000).then_some(joined)
}
