//! What the tools of Node have in common: how their command lines are written, how they are run, and how tests are chosen.
//!
//! A tool is started by its package's own program, found as Node would find it, so that `npx`, `yarn` and `pnpm` need not be in the
//! box. Colours and watching are off, and tests run in one process after another where the tool can be told.

use std::borrow::Cow;

use super::RunnerKind;
use crate::format::journal;
use crate::report::TestId;
use crate::tool::{Collect, Step, StepKind, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

/// Most tests that are named one by one; of more, whole files are run.
const MOST_NAMED: usize = 300;
/// Longest expression of names, and longest list of files.
const MOST_WORDS: usize = 60_000;

const JOURNAL: &str = include_str!("reporters/journal.cjs");
const LAUNCH: &str = include_str!("reporters/launch.cjs");
const LINES: &str = include_str!("reporters/lines.cjs");

/// A call of a tool, freed of what only starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) tool: RunnerKind,
    /// The package whose program it is; empty for Node's own runner.
    pub(super) package: &'static str,
    /// Variables that `cross-env` or `env` sets.
    pub(super) env: Vec<(String, String)>,
    /// Options of Node itself.
    pub(super) node: Vec<String>,
    /// The tool's arguments.
    pub(super) args: Vec<String>,
}

/// Programs by their names, with the package they belong to.
const PROGRAMS: &[(&str, &str, RunnerKind)] = &[
    ("jest", "jest", RunnerKind::Jest),
    ("react-scripts", "react-scripts", RunnerKind::Jest),
    ("vitest", "vitest", RunnerKind::Vitest),
    ("mocha", "mocha", RunnerKind::Mocha),
    ("_mocha", "mocha", RunnerKind::Mocha),
    ("ava", "ava", RunnerKind::Ava),
    ("karma", "karma", RunnerKind::Karma),
    ("tape", "tape", RunnerKind::Tap),
];
/// Options of Node that take the next word.
const NODE_VALUES: &[&str] =
    &["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"];

impl Invocation {
    /// Reads a command line. Builds in front of it are not looked at.
    pub(super) fn read(words: &[String]) -> Option<Self> {
        let (_, mut rest) = builds(words);
        let mut env = Vec::new();
        loop {
            let (first, tail) = rest.split_first()?;
            if let Some(variable) = crate::plan::assignment(first) {
                env.push(variable);
                rest = tail;
                continue;
            }
            let name = first.rsplit('/').next().unwrap_or_default();
            rest = match name {
                "cross-env" | "cross-env-shell" | "env" => tail,
                "npx" | "pnpx" => without_options(tail),
                "npm" => tail
                    .split_first()
                    .filter(|(verb, _)| *verb == "exec" || *verb == "x")
                    .map(|it| without_options(it.1))?,
                "yarn" | "pnpm" => match tail.first().map(String::as_str) {
                    Some("exec" | "run") => without_options(&tail[1..]),
                    _ => tail,
                },
                "nyc" | "c8" => &tail[tail.iter().position(|word| program(word).is_some() || word == "node")?..],
                "node" => return Self::of_node(tail, env),
                "tsx" => {
                    let tests = tail.iter().any(|word| word == "--test");
                    let node = [&["--import".to_owned(), "tsx".to_owned()], tail].concat();
                    return if tests { Self::of_node(&node, env) } else { None };
                }
                _ => return Self::of_program(first, tail, env, Vec::new()),
            };
        }
    }

    fn of_program(first: &str, args: &[String], env: Vec<(String, String)>, node: Vec<String>) -> Option<Self> {
        let (package, tool) = program(first)?;
        let right = match package {
            "react-scripts" => args.iter().any(|word| word == "test"),
            "karma" => args.iter().any(|word| word == "start"),
            _ => true,
        };
        right.then(|| Self { tool, package, env, node, args: args.to_vec() })
    }

    fn of_node(words: &[String], env: Vec<(String, String)>) -> Option<Self> {
        let mut node = Vec::new();
        let mut is_test = false;
        let mut rest = words;
        while let Some((word, tail)) = rest.split_first() {
            if !word.starts_with('-') {
                break;
            }
            rest = tail;
            let ours = ["--test-reporter", "--test-concurrency", "--watch", "--experimental-test-coverage"];
            match word.as_str() {
                "--test" => is_test = true,
                "--test-only" => node.push(word.clone()),
                _ if ours.iter().any(|own| word.starts_with(own)) => {
                    let takes_next = word.ends_with("reporter") || word.ends_with("destination");
                    rest = if takes_next { rest.get(1..).unwrap_or_default() } else { rest };
                }
                _ => {
                    node.push(word.clone());
                    if NODE_VALUES.contains(&word.as_str()) && !rest.is_empty() {
                        node.push(rest[0].clone());
                        rest = &rest[1..];
                    }
                }
            }
        }
        if is_test {
            return Some(Self { tool: RunnerKind::NodeTest, package: "", env, node, args: rest.to_vec() });
        }
        let (script, args) = rest.split_first()?;
        script.contains("node_modules/").then(|| Self::of_program(script, args, env, node))?
    }
}

/// Which tool a word starts: `jest`, `node_modules/.bin/jest`, `node_modules/jest/bin/jest.js`.
fn program(word: &str) -> Option<(&'static str, RunnerKind)> {
    let inside = word.rsplit_once("node_modules/").map(|(_, inside)| inside.trim_start_matches(".bin/"));
    let name = match inside {
        Some(inside) => inside.split('/').next()?,
        None if word.contains('/') => return None,
        None => word,
    };
    PROGRAMS.iter().find(|(program, ..)| *program == name).map(|(_, package, tool)| (*package, *tool))
}

pub(super) fn without_options(words: &[String]) -> &[String] {
    let options = words.iter().take_while(|word| word.starts_with('-')).count();
    &words[options..]
}

/// Splits what has to be built first, each a line for the shell, from the call of the tool: `sh -c LINE && TOOL …`.
pub(super) fn builds(words: &[String]) -> (Vec<Vec<String>>, &[String]) {
    let mut parts = words.split(|word| word == "&&").collect::<Vec<_>>();
    let tool = parts.pop().unwrap_or_default();
    (parts.into_iter().map(<[String]>::to_vec).collect(), tool)
}

/// Returns arguments without some options, and without their values.
///
/// `values` are options that take the next word. Both lists have the names with their dashes; `--no-x` and `--x=…` are recognised.
pub(super) fn without(args: &[String], dropped: &[&str], values: &[&str]) -> Vec<String> {
    split(args, values)
        .filter(|(name, _)| name.is_none_or(|name| !is_one_of(name, dropped)))
        .flat_map(|(_, words)| words.to_vec())
        .collect()
}

/// Returns the options among arguments, without what stands on its own.
pub(super) fn options(args: &[String], values: &[&str]) -> Vec<String> {
    split(args, values).filter(|(name, _)| name.is_some()).flat_map(|(_, words)| words.to_vec()).collect()
}

fn is_one_of(name: &str, options: &[&str]) -> bool {
    let positive = name.strip_prefix("--no-").map(|rest| format!("--{rest}"));
    options.iter().any(|option| {
        *option == name
            || positive.as_deref() == Some(option)
            || option.strip_suffix('*').is_some_and(|start| name.starts_with(start))
    })
}

fn split<'a>(args: &'a [String], values: &'a [&str]) -> impl Iterator<Item = (Option<&'a str>, &'a [String])> {
    let mut rest = args;
    std::iter::from_fn(move || {
        let word = rest.first()?;
        let name = word.starts_with('-').then(|| word.split_once('=').map_or(word.as_str(), |(name, _)| name));
        let takes_next = name.is_some_and(|name| name == word && is_one_of(name, values)) && rest.len() > 1;
        let (item, tail) = rest.split_at(if takes_next { 2 } else { 1 });
        rest = tail;
        Some((name, item))
    })
}

/// The tests to run, as the tools take them.
pub(super) struct Selection {
    /// The files, relative to the directory of the run.
    pub(super) files: Vec<String>,
    /// An expression that the full names match; none where there are too many.
    pub(super) names: Option<String>,
}

impl Selection {
    /// Returns the tests to run; `None` is all.
    pub(super) fn of(run: &ToolRun<'_>) -> Option<Self> {
        let ids = run.select?;
        let mut files = ids.iter().map(|id| file_of(id, run.cwd)).collect::<Option<Vec<_>>>()?;
        files.sort();
        files.dedup();
        if files.iter().map(String::len).sum::<usize>() > MOST_WORDS {
            return None;
        }
        Some(Self { files, names: names(ids) })
    }
}

fn file_of(id: &TestId, cwd: &str) -> Option<String> {
    let file = id.as_str().split("::").next()?;
    let inside = match cwd.is_empty() {
        true => Some(file),
        false => file.strip_prefix(cwd).and_then(|rest| rest.strip_prefix('/')),
    };
    inside.filter(|file| !file.is_empty() && !file.starts_with('-')).map(str::to_owned)
}

/// `^(?:outer inner|…)$`. Levels are joined by a blank as the tools do it; a name may itself hold the two colons that join an id.
fn names(ids: &[TestId]) -> Option<String> {
    // A file that broke has no name: all of it is run.
    let names = ids.iter().map(|id| id.as_str().split_once("::").map(|(_, name)| name));
    expression(&names.collect::<Option<Vec<_>>>()?)
}

/// Returns an expression that matches the full names of tests, their levels joined by two colons; `None` where there are too many.
pub(super) fn expression(names: &[&str]) -> Option<String> {
    if names.len() > MOST_NAMED {
        return None;
    }
    let mut patterns = Vec::new();
    for name in names {
        patterns.push(pattern(name));
        // The second test of a name carries a number that the tool does not know.
        if let Some((plain, number)) = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("))
            && number.parse::<u32>().is_ok()
        {
            patterns.push(pattern(plain));
        }
    }
    patterns.sort();
    patterns.dedup();
    let joined = format!("^(?:{})$", patterns.join("|"));
    (joined.len() <= MOST_WORDS).then_some(joined)
}

fn pattern(name: &str) -> String {
    name.split("::").map(escape).collect::<Vec<_>>().join("(?: |::)")
}

/// Escapes what means something in an expression of JavaScript or Ruby.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if "\\^$.*+?()[]{}|/-".contains(char) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

/// Returns the steps in front of the tests.
pub(super) fn build_steps(words: &[String]) -> Vec<Step> {
    let (builds, _) = builds(words);
    let step = |argv| Step { kind: StepKind::Build, argv, env: environment() };
    builds.into_iter().map(step).collect()
}

/// Variables of every run: nobody is there to answer, and colours help nobody.
pub(super) fn environment() -> Vec<(String, String)> {
    [("CI", "true"), ("FORCE_COLOR", "0")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Returns the command of a tool that starts from its package.
///
/// `reporters` are the names and sources of our files for it, besides the journal; `args` may name them by [`ToolRun::reports`].
pub(super) fn command(
    run: &ToolRun<'_>,
    call: &Invocation,
    reporters: &[(&str, &'static str)],
    args: Vec<String>,
) -> ToolCommand {
    let mut argv = vec!["node".to_owned()];
    argv.extend(call.node.iter().cloned());
    argv.push(format!("{}/launch.cjs", run.reports));
    argv.extend([call.package.to_owned(), call.package.to_owned()]);
    argv.extend(args);
    of_argv(run, call, reporters, argv)
}

/// Returns the command that runs some words with the journal beside them.
pub(super) fn of_argv(
    run: &ToolRun<'_>,
    call: &Invocation,
    reporters: &[(&str, &'static str)],
    argv: Vec<String>,
) -> ToolCommand {
    let mut support = vec![
        ("journal.cjs".to_owned(), Cow::Owned(journal::with_token(JOURNAL, run.reports))),
        ("launch.cjs".to_owned(), Cow::Borrowed(LAUNCH.as_bytes())),
    ];
    support.extend(reporters.iter().map(|(name, source)| ((*name).to_owned(), Cow::Borrowed(source.as_bytes()))));
    let mut steps = build_steps(run.words);
    let mut env = environment();
    env.extend(call.env.iter().cloned());
    steps.push(Step { kind: StepKind::Test, argv, env });
    ToolCommand { support, steps, collect: vec![Collect::Reports(journal::COLLECT.to_owned())] }
}

/// Has V8 count lines, for a tool that runs files as they are.
pub(super) fn count_lines(mut command: ToolCommand, run: &ToolRun<'_>) -> ToolCommand {
    if run.coverage == Coverage::Off {
        return command;
    }
    let folder = format!("{}/v8", run.reports);
    for step in command.steps.iter_mut().filter(|step| step.kind == StepKind::Test) {
        step.env.push(("NODE_V8_COVERAGE".to_owned(), folder.clone()));
    }
    let script = format!("{}/lines.cjs", run.reports);
    let argv = vec!["node".to_owned(), script, folder, run.root.to_owned()];
    command.steps.push(Step { kind: StepKind::After, argv, env: Vec::new() });
    command.support.push(("lines.cjs".to_owned(), Cow::Borrowed(LINES.as_bytes())));
    command.collect.push(Collect::Reports(crate::format::v8::FILE.to_owned()));
    command
}

/// Reads the journal, and the lines wherever they were counted.
pub(super) fn read(left: &ToolOutput<'_>) -> ToolReport {
    journal::judge(left, journal::Language::JavaScript).covering(lines(left))
}

/// The lines that were counted, by V8 or by the tool.
pub(super) fn lines(left: &ToolOutput<'_>) -> crate::format::v8::Lines {
    let mut lines = Vec::new();
    let base = crate::format::frames::Base::of(&left.run);
    for file in left.files.iter().filter(|file| !file.in_workspace) {
        if file.path == crate::format::v8::FILE {
            lines.extend(crate::format::v8::lines(&file.bytes));
        } else if file.path == ISTANBUL {
            lines.extend(crate::format::istanbul::lines(&file.bytes, base));
        }
    }
    lines
}

/// Where tools that bring their own coverage leave it.
pub(super) const ISTANBUL: &str = "coverage/coverage-final.json";

#[cfg(test)]
mod tests;
