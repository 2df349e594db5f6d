//! minitest, run by `ruby`, Rake or Rails: a reporter of ours beside its own, the same seed in every run.

use super::node::Selection;
use super::{Detected, Files, Runner, RunnerKind, ruby};
use crate::report::TestId;
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Minitest;

const REPORTER: &str = include_str!("reporters/minitest.rb");

impl Runner for Minitest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Minitest
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((at, name)) = ruby::program(words) else { return false };
        let rest = &words[at + 1..];
        match name {
            "ruby" => rest
                .iter()
                .any(|word| is_test(word.as_bytes()) || word.contains("_test.rb") || word.contains("test_*.rb")),
            "rake" => rest == ["test"],
            "rails" => rest.first().is_some_and(|verb| verb == "test"),
            _ => false,
        }
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let first =
            files.paths.iter().find(|path| path.as_bytes().starts_with(b"test/") && is_test(path.as_bytes()))?;
        let mut evidence = vec![format!("{first} is a test")];
        let bundled: &[&str] = if files.has("Gemfile") { &["bundle", "exec"] } else { &[] };
        let rake = files.text("Rakefile").is_some_and(|text| text.contains("TestTask"));
        let each = "Dir.glob('./test/**/{test_*,*_test}.rb').sort.each { |file| require file }";
        let call: &[&str] = if rake { &["rake", "test"] } else { &["ruby", "-Ilib", "-Itest", "-e", each] };
        evidence.extend(rake.then(|| "the Rakefile has a TestTask".to_owned()));
        let args = bundled.iter().chain(call).map(|word| (*word).to_owned()).collect();
        Some(Detected { args, evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Minitest)
    }
}

/// `test/x_test.rb`, `test/test_x.rb`.
pub(super) fn is_test(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.ends_with(b"_test.rb") || name.starts_with(b"test_") && name.ends_with(b".rb")
}

impl Tool for Minitest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some((at, name)) = ruby::program(run.words) else { return ToolCommand::default() };
        let names = Selection::of(run).and(run.select).and_then(names);
        let mut argv = run.words.to_vec();
        let mut env = vec![("SEED".to_owned(), "1".to_owned())];
        if name == "ruby" {
            argv.insert(at + 1, format!("-r{}/minitest.rb", run.reports));
        } else {
            env.push(("RUBYOPT".to_owned(), format!("-r{}/minitest.rb", run.reports)));
        }
        if let Some(names) = names {
            if name == "rake" {
                env.push(("TESTOPTS".to_owned(), format!("-n='{names}'")));
            } else {
                // What stands behind the code of `-e` would be Ruby's own options.
                argv.extend((argv.iter().any(|word| word == "-e")).then(|| "--".to_owned()));
                argv.extend(["-n".to_owned(), names]);
            }
        }
        ruby::command(run, ("minitest.rb", REPORTER), argv, env)
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        ruby::read(left)
    }
}

/// `/^(?:Class#test_x|…)$/`. It passes through a shell, so what is not part of a plain name matches anything.
fn names(ids: &[TestId]) -> Option<String> {
    if ids.len() > 300 {
        return None;
    }
    let mut patterns = Vec::new();
    for id in ids {
        let (_, name) = id.as_str().split_once("::")?;
        let (class, test) = name.rsplit_once("::")?;
        let plain = |char: char| if char.is_ascii_alphanumeric() || "_#:".contains(char) { char } else { '.' };
        patterns.push(format!("{class}#{test}").chars().map(plain).collect::<String>());
    }
    Some(format!("/^(?:{})$/", patterns.join("|")))
}
