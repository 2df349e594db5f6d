//! `dotnet test`: the TRX files of its own logger.
//!
//! The reader follows the published schema of Visual Studio's test results (`http://microsoft.com/schemas/VisualStudio/TeamTest/2010`)
//! and its documented elements; no SDK was at hand to run it against. Ids are `Namespace.Class::Method`, with the parameters that a
//! test's name shows.

use std::collections::HashMap;
use std::time::Duration;

use super::{Detected, Files, Runner, RunnerKind};
use crate::format::compiler;
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, failure, result, tampered};
use crate::format::xml::{self, Element};
use crate::report::{Failure, FailureClass, Frame, RunEnding, TestId, TestResult, TestStatus};
use crate::tool::{Collect, Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Dotnet;

/// Longest filter; where it would be longer, all tests are run.
const LONGEST_FILTER: usize = 24 << 10;

impl Runner for Dotnet {
    fn kind(&self) -> RunnerKind {
        RunnerKind::DotnetTest
    }

    fn claims(&self, words: &[String]) -> bool {
        let [program, command, ..] = words else { return false };
        let lists = words.iter().any(|word| word == "-t" || word == "--list-tests");
        program.rsplit('/').next() == Some("dotnet") && command == "test" && !lists
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let projects = files.paths.iter().filter(|path| {
            let name = path.file_name();
            name.ends_with(b".csproj") || name.ends_with(b".fsproj") || name.ends_with(b".vbproj")
        });
        let tests = projects.take(200).find(|path| {
            (files.read)(path)
                .is_some_and(|text| text.contains("Microsoft.NET.Test.Sdk") || text.contains("<IsTestProject>true"))
        })?;
        let at_root = |path: &&&repo::RepoPath| {
            path.parent().is_none() && (path.file_name().ends_with(b".sln") || path.file_name().ends_with(b".slnx"))
        };
        let mut args = ["dotnet", "test"].map(str::to_owned).to_vec();
        match files.paths.iter().find(at_root) {
            Some(solution) => args.push(solution.to_string()),
            None => args.push(tests.to_string()),
        }
        Some(Detected { args, evidence: vec![format!("{tests} is a project of tests")] })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Self)
    }
}

impl Tool for Dotnet {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        // What stands behind `--` is for the test host.
        let end = run.words.iter().position(|word| word == "--").unwrap_or(run.words.len());
        let mut argv = Vec::new();
        let mut skip = false;
        for word in &run.words[..end] {
            if !std::mem::take(&mut skip) {
                skip = matches!(word.as_str(), "--logger" | "-l" | "--results-directory" | "-r")
                    || run.select.is_some() && word == "--filter";
                if !skip {
                    argv.push(word.clone());
                }
            }
        }
        argv.extend(["--logger", "trx", "--results-directory", &format!("{}/trx", run.reports)].map(str::to_owned));
        if let Some(filter) = run.select.and_then(filter) {
            argv.extend(["--filter".to_owned(), filter]);
        }
        argv.extend(run.words[end..].iter().cloned());
        let env = [("DOTNET_CLI_TELEMETRY_OPTOUT", "1"), ("DOTNET_NOLOGO", "1"), ("DOTNET_CLI_UI_LANGUAGE", "en")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let steps = vec![Step { kind: StepKind::Test, argv, env }];
        ToolCommand { support: Vec::new(), steps, collect: vec![Collect::Reports("trx/**/*.trx".to_owned())] }
    }

    fn never_tells_lines(&self) -> Option<&'static str> {
        Some("the lines of `dotnet test` are not counted")
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let place = Place::of(&left.run);
        let mut results = Results::default();
        let mut trouble = None;
        for file in left.files.iter().filter(|file| !file.in_workspace) {
            trouble = read(&file.bytes, place, &mut results).err().or(trouble);
        }
        let step = left.steps.iter().find(|step| step.kind == StepKind::Test);
        let ending = step.map_or_else(|| tampered("nothing was run"), |step| judge(step, &results, trouble, place));
        ToolReport::new(results.into_vec(), ending)
    }
}

/// `FullyQualifiedName` is the class and the method, without parameters.
fn filter(ids: &[TestId]) -> Option<String> {
    let mut clauses: Vec<String> = Vec::new();
    for id in ids {
        let (class, method) = id.as_str().split_once("::")?;
        let method = method.split(['(', '<']).next().unwrap_or(method);
        let name = format!("{class}.{method}");
        let mut escaped = String::new();
        for char in name.chars() {
            if matches!(char, '\\' | '(' | ')' | '&' | '|' | '=' | '!' | '~') {
                escaped.push('\\');
            }
            escaped.push(char);
        }
        let clause = format!("FullyQualifiedName={escaped}");
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    let filter = clauses.join("|");
    (!filter.is_empty() && filter.len() <= LONGEST_FILTER).then_some(filter)
}

/// Adds the results of one file; an error says what does not fit together in it.
fn read(bytes: &[u8], place: Place<'_>, results: &mut Results) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let root = xml::parse(&text).map_err(|error| format!("the TRX file cannot be read: {error}"))?;
    if root.name != "TestRun" {
        return Err(format!("the file is a `{}`, not a TRX file", root.name));
    }
    let classes = classes(&root);
    let mut counted = [0usize; 3];
    for element in root.child("Results").into_iter().flat_map(|it| it.children.iter()) {
        if !element.name.ends_with("TestResult") {
            continue;
        }
        counted[0] += 1;
        match element.attribute("outcome").unwrap_or("Error") {
            "Passed" => counted[1] += 1,
            "NotExecuted" | "Inconclusive" | "Pending" | "NotRunnable" => {}
            _ => counted[2] += 1,
        }
        results.add(of_result(element, &classes, place));
    }
    let Some(summary) = root.child("ResultSummary") else { return Err("the TRX file has no summary".to_owned()) };
    let Some(counters) = summary.child("Counters") else { return Err("the TRX file has no counters".to_owned()) };
    let number = |name| counters.number::<usize>(name).unwrap_or(0);
    let failed = number("failed") + number("error") + number("timeout") + number("aborted");
    let stated = [number("total"), number("passed"), failed];
    if stated != counted {
        return Err(format!("the TRX file counts {stated:?} tests, passed and failed ones, and has {counted:?}"));
    }
    match summary.attribute("outcome") {
        Some("Completed" | "Failed" | "Passed" | "Warning") => Ok(()),
        other => Err(format!("the test run ended as {}", other.unwrap_or("nothing"))),
    }
}

/// The class of every test, by its id.
fn classes<'a>(root: &'a Element<'_>) -> HashMap<&'a str, &'a str> {
    let definitions = root.child("TestDefinitions").into_iter().flat_map(|it| it.children.iter());
    let of = |test: &'a Element<'_>| {
        let class = test.child("TestMethod")?.attribute("className")?;
        // Old versions write the assembly behind it.
        Some((test.attribute("id")?, class.split(',').next().unwrap_or(class).trim()))
    };
    definitions.filter_map(of).collect()
}

fn of_result(element: &Element<'_>, classes: &HashMap<&str, &str>, place: Place<'_>) -> TestResult {
    let name = element.attribute("testName").unwrap_or_default();
    let class = element.attribute("testId").and_then(|id| classes.get(id)).copied().unwrap_or_default();
    // xUnit shows a test by its full name, MSTest and NUnit by its method.
    let name = name.strip_prefix(class).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    let id = if class.is_empty() { name.to_owned() } else { format!("{class}::{name}") };
    let status = match element.attribute("outcome").unwrap_or("Error") {
        "Passed" | "PassedButRunAborted" => TestStatus::Passed,
        "NotExecuted" | "Inconclusive" | "Pending" | "NotRunnable" => TestStatus::Skipped,
        "Timeout" => TestStatus::TimedOut,
        "Failed" => TestStatus::Failed,
        _ => TestStatus::Error,
    };
    let mut it = result(&id, status, duration(element.attribute("duration").unwrap_or_default()));
    let error = element.descendants().find(|it| it.name == "ErrorInfo");
    let text = |name| error.and_then(|error| error.child(name)).map(|it| it.text.trim().to_owned()).unwrap_or_default();
    it.failure = match status {
        TestStatus::Passed => None,
        _ => Some(reason(status, &text("Message"), &text("StackTrace"), place)),
    };
    it
}

/// `00:00:01.2345678`
fn duration(text: &str) -> Duration {
    let parts = text.split(':').map(|part| part.parse::<f64>().unwrap_or(0.0));
    let seconds = parts.fold(0.0, |sum, part| sum * 60.0 + part);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn reason(status: TestStatus, message: &str, trace: &str, place: Place<'_>) -> Failure {
    // `System.InvalidOperationException : no server` of xUnit, `Test method … threw exception: \nSystem.…: no server` of MSTest.
    let thrown = message.split([':', ' ']).next().unwrap_or_default();
    let of_mstest =
        message.split("threw exception:").nth(1).map(|rest| rest.trim_start().split(':').next().unwrap_or_default());
    let name = of_mstest.unwrap_or(thrown).rsplit('.').next().unwrap_or_default();
    let class = match status {
        TestStatus::TimedOut => FailureClass::Timeout,
        _ if name.ends_with("Exception") && !name.contains("Assert") && !name.starts_with("Xunit") => {
            FailureClass::Exception { name: name.to_owned() }
        }
        _ => FailureClass::Assertion,
    };
    failure(class, message, frames(trace, place))
}

/// `   at Acme.TillTests.AddsUp() in /work/tests/TillTests.cs:line 12`, innermost first.
fn frames(trace: &str, place: Place<'_>) -> Vec<Frame> {
    let of = |line: &str| {
        let (function, rest) = line.trim().strip_prefix("at ")?.rsplit_once(" in ")?;
        let (path, number) = rest.rsplit_once(":line ")?;
        let function = function.split('(').next()?.rsplit('.').next()?;
        place.frame(path, number.trim().parse().ok()?, function)
    };
    let mut frames = trace.lines().filter_map(of).collect::<Vec<_>>();
    frames.reverse();
    frames
}

fn judge(step: &StepOutput, results: &Results, trouble: Option<String>, place: Place<'_>) -> RunEnding {
    if let Some(ending) = cut_short(step) {
        return ending;
    }
    let printed = [step.stdout.as_slice(), b"\n", step.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&printed);
    if text.contains("The active test run was aborted") || text.contains("Test host process crashed") {
        return RunEnding::Crashed { detail: "the test host ended before its tests did".to_owned() };
    }
    if let Some(detail) = trouble {
        return tampered(detail);
    }
    match (step.exit_code, results.any_failure()) {
        (Some(0), true) => tampered("dotnet test ended with exit code 0 though tests failed"),
        (Some(0), false) if results.is_empty() => RunEnding::NoTests,
        // Of several projects one may not compile while the others are tested.
        (Some(code), _) if code != 0 && !compiler::errors(&printed, place).is_empty() => {
            compiler::build_failed(&printed, place)
        }
        (Some(code), false) if code != 0 && results.is_empty() => compiler::build_failed(&printed, place),
        (Some(code), false) if code != 0 => {
            tampered(format!("dotnet test ended with exit code {code} though no test failed"))
        }
        _ => RunEnding::Complete,
    }
}

#[cfg(test)]
mod tests;
