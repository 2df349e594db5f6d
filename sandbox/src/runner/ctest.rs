//! CTest: its own JUnit file (CMake 3.21 and newer), held against its list of tests.
//!
//! CTest itself believes a program's exit code. Tests that `gtest_discover_tests` made are believed only if GoogleTest's own report of
//! that very test is there as well: a program that leaves early with exit code 0 has none. Of other programs the exit code is all
//! there is. Ids are CTest's names.

use std::borrow::Cow;
use std::collections::HashMap;

use super::native::{build_step_at, build_trouble};
use super::{Detected, Files, Runner, RunnerKind, gtest};
use crate::format::compiler;
use crate::format::gcov;
use crate::format::junit::{self, Junit, JunitCase, JunitOutcome};
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, failure, result, tampered};
use crate::format::xml;
use crate::report::{Failure, FailureClass, Frame, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::{Collect, Step, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct Ctest;

/// Longest expression that selects tests; where it would be longer, all are run.
const LONGEST_FILTER: usize = 24 << 10;
/// Options that print more than is read, or that decide what is decided here.
const DROPPED: &[&str] =
    &["-V", "-VV", "--verbose", "--extra-verbose", "--output-on-failure", "-Q", "--quiet", "--stop-on-failure"];
const DROPPED_WITH_VALUE: &[&str] = &["--output-junit", "-O", "--output-log"];
const SELECTING: &[&str] = &["-R", "--tests-regex", "-I", "--tests-information"];

impl Runner for Ctest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Ctest
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((program, arguments)) = words.split_first() else { return false };
        let dashboard = ["-S", "-SP", "-D", "-M", "-T", "--build-and-test", "-N", "--show-only"];
        program.rsplit('/').next() == Some("ctest") && !arguments.iter().any(|word| dashboard.contains(&word.as_str()))
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let text = files.text("CMakeLists.txt")?;
        let mut evidence = Vec::new();
        for word in ["enable_testing", "include(CTest", "include( CTest"] {
            if mentions(&text, word) {
                evidence.push(format!("CMakeLists.txt has {}", word.trim_start_matches("include( ")));
                break;
            }
        }
        let lists = files
            .paths
            .iter()
            .filter(|path| path.file_name() == b"CMakeLists.txt" || path.file_name().ends_with(b".cmake"));
        for path in lists.take(MOST_LISTS) {
            let Some(text) = (files.read)(path) else { continue };
            let made = [
                "gtest_discover_tests",
                "catch_discover_tests",
                "doctest_discover_tests",
                "gtest_add_tests",
                "add_test",
            ];
            let found = made.iter().find(|word| mentions(&text, word));
            if let Some(word) = found {
                evidence.push(format!("{path} makes tests by {word}"));
                break;
            }
        }
        let args = ["ctest", "--test-dir", "build"].map(str::to_owned).to_vec();
        (evidence.len() == 2).then_some(Detected { args, evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Self)
    }
}

/// Most lists of CMake that are read.
const MOST_LISTS: usize = 200;

/// Whether a list of CMake uses a command, outside of comments.
fn mentions(text: &str, command: &str) -> bool {
    let lower = command.to_ascii_lowercase();
    text.lines().any(|line| line.trim_start().to_ascii_lowercase().starts_with(&lower))
}

/// Returns the test program of a project of CMake that uses a framework without CTest.
pub(super) fn detect_program(files: &Files<'_>, libraries: &[&str], framework: &str) -> Option<Detected> {
    files.text("CMakeLists.txt")?;
    let lists = files.paths.iter().filter(|path| path.file_name() == b"CMakeLists.txt");
    for path in lists.take(MOST_LISTS) {
        let Some(text) = (files.read)(path) else { continue };
        let linked = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        if !linked.clone().any(|line| libraries.iter().any(|library| line.contains(library))) {
            continue;
        }
        let programs = linked.filter_map(|line| {
            let rest = line.trim_start().strip_prefix("add_executable")?.trim_start().strip_prefix('(')?;
            let name = rest.split_whitespace().next()?.trim_end_matches(')');
            let plain = name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
            (plain && name.to_ascii_lowercase().contains("test")).then(|| name.to_owned())
        });
        let Some(name) = programs.into_iter().next() else { continue };
        let folder = path.parent().map(|folder| format!("{folder}/")).unwrap_or_default();
        let evidence = vec![format!("{path} builds {name} with {framework}")];
        return Some(Detected { args: vec![format!("./build/{folder}{name}")], evidence });
    }
    None
}

impl Tool for Ctest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let covered = run.coverage == Coverage::PerTest;
        let build = build_folder(run);
        let mut steps = vec![build_step_at(run, &build)];
        let mut words = Vec::new();
        let mut skip = false;
        for word in run.words {
            let selects = run.select.is_some() && SELECTING.contains(&word.as_str());
            if !std::mem::take(&mut skip) && !DROPPED.contains(&word.as_str()) {
                skip = selects || DROPPED_WITH_VALUE.contains(&word.as_str());
                if !skip {
                    words.push(word.clone());
                }
            }
        }
        if let Some(filter) = run.select.and_then(filter) {
            words.extend(["-R".to_owned(), filter]);
        }
        if !words.iter().any(|word| word.starts_with("--timeout")) {
            words.extend(["--timeout".to_owned(), run.per_test.as_secs().max(1).to_string()]);
        }
        steps.push(list_step(run, &words));
        words.extend(["--output-junit".to_owned(), format!("{}/ctest.xml", run.reports)]);
        // A directory: every program writes a file of its own there.
        let report = ("GTEST_OUTPUT".to_owned(), format!("xml:{}/gtest/", run.reports));
        steps.push(Step { kind: StepKind::Test, argv: words, env: vec![report] });
        let mut support: Vec<(String, Cow<'static, [u8]>)> = vec![super::native::build_script()];
        let mut collect = vec![
            Collect::Reports("ctest.xml".to_owned()),
            Collect::Reports("ctest.json".to_owned()),
            Collect::Reports("gtest/*.xml".to_owned()),
        ];
        if covered {
            support.push(gcov::script());
            steps.push(gcov::step(run));
            collect.push(Collect::Reports(gcov::REPORT.to_owned()));
        }
        ToolCommand { support, steps, collect }
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let empty = ToolReport::empty;
        if let Some(ending) = build_trouble(left) {
            return empty(ending);
        }
        let Some(step) = left.steps.iter().find(|step| step.kind == StepKind::Test) else {
            return empty(tampered("nothing was run"));
        };
        let named = |name: &str| left.files.iter().find(|file| !file.in_workspace && file.path == name);
        let Some(report) = named("ctest.xml") else {
            return empty(cut_short(step).unwrap_or_else(|| no_report(&step.stdout, &step.stderr)));
        };
        let (junit, listed) = match (junit::parse(&report.bytes), named("ctest.json").and_then(|it| listed(&it.bytes)))
        {
            (Ok(junit), Some(listed)) => (junit, listed),
            (Err(error), _) => return empty(cut_short(step).unwrap_or_else(|| tampered(error.to_string()))),
            (Ok(_), None) => return empty(tampered("CTest's list of tests is missing or unreadable")),
        };
        let place = Place::of(&left.run);
        let confirmed = Confirmed::read(left);
        let (causes, printed) = (causes(&step.stdout), printed(&report.bytes));
        let around = Around { listed, confirmed, causes, printed, place };
        let mut results = Results::default();
        for case in &junit.cases {
            results.add(of_case(case, &around));
        }
        let ending = cut_short(step).unwrap_or_else(|| judge(&junit, &around.listed, &results, step.exit_code));
        gcov::add_lines(ToolReport::new(results.into_vec(), ending), left)
    }
}

/// The directory of the build, relative to the workspace.
fn build_folder(run: &ToolRun<'_>) -> String {
    let mut words = run.words.iter();
    while let Some(word) = words.next() {
        let folder = match word.strip_prefix("--test-dir=") {
            Some(folder) => Some(folder),
            None if word == "--test-dir" => words.next().map(String::as_str),
            None => None,
        };
        if let Some(folder) = folder.and_then(|folder| Place::of(run).inside(folder)) {
            return folder;
        }
    }
    if run.cwd.is_empty() { ".".to_owned() } else { run.cwd.to_owned() }
}

/// Lists the tests first, by the same selection.
fn list_step(run: &ToolRun<'_>, words: &[String]) -> Step {
    let mut argv =
        ["sh", "-c", "out=$1; shift; exec \"$@\" --show-only=json-v1 >\"$out\"", "sh"].map(str::to_owned).to_vec();
    argv.push(format!("{}/ctest.json", run.reports));
    argv.extend(words.iter().cloned());
    Step { kind: StepKind::Build, argv, env: Vec::new() }
}

/// Returns the expression that matches exactly these names; `None` where it would be too long.
fn filter(ids: &[TestId]) -> Option<String> {
    let escape = |name: &str| {
        let special = |char| matches!(char, '^' | '$' | '.' | '[' | ']' | '*' | '+' | '?' | '|' | '(' | ')' | '\\');
        name.chars().flat_map(|char| special(char).then_some('\\').into_iter().chain([char])).collect::<String>()
    };
    let names = ids.iter().map(|id| escape(id.as_str())).collect::<Vec<_>>();
    let filter = format!("^({})$", names.join("|"));
    (filter.len() <= LONGEST_FILTER).then_some(filter)
}

/// What CTest says of its tests before it runs them: by name, the GoogleTest filter of its program where it has one.
type Listed = HashMap<String, Option<String>>;

fn listed(bytes: &[u8]) -> Option<Listed> {
    #[derive(serde::Deserialize)]
    struct List {
        tests: Vec<Test>,
    }
    #[derive(serde::Deserialize)]
    struct Test {
        name: String,
        #[serde(default)]
        command: Vec<String>,
    }
    let list: List = serde_json::from_slice(bytes).ok()?;
    let of = |test: Test| {
        let filter = test.command.iter().find_map(|word| word.strip_prefix("--gtest_filter=").map(str::to_owned));
        (test.name, filter)
    };
    Some(list.tests.into_iter().map(of).collect())
}

/// What GoogleTest's own reports say, by `Suite.Test`.
struct Confirmed {
    cases: HashMap<String, JunitCase>,
}

impl Confirmed {
    fn read(left: &ToolOutput<'_>) -> Self {
        let reports = left.files.iter().filter(|file| !file.in_workspace && file.path.starts_with("gtest/"));
        let mut cases: HashMap<String, JunitCase> = HashMap::new();
        for case in reports.filter_map(|file| junit::parse(&file.bytes).ok()).flat_map(|junit| junit.cases) {
            let suite = if case.class.is_empty() { &case.suite } else { &case.class };
            let name = format!("{suite}.{}", case.name);
            // A program reports the tests that it leaves out as well.
            let ran = |case: &JunitCase| case.outcome != JunitOutcome::Skipped;
            if cases.get(&name).is_none_or(|known| !ran(known)) {
                cases.insert(name, case);
            }
        }
        Self { cases }
    }
}

/// What CTest has on one run, beside its JUnit file.
struct Around<'a> {
    listed: Listed,
    confirmed: Confirmed,
    /// What it says on its own output of tests that did not pass: `Timeout`, `Exception: SegFault`.
    causes: HashMap<String, String>,
    /// What tests printed, cut.
    printed: HashMap<String, String>,
    place: Place<'a>,
}

/// `3/9 Test #3: Till.AddsUp ...***Timeout   1.01 sec`
fn causes(stdout: &[u8]) -> HashMap<String, String> {
    let plain = text::plain(stdout);
    let lines = plain.lines().filter_map(|line| {
        let (_, rest) = line.split_once(" Test ")?;
        let (_, rest) = rest.split_once(": ")?;
        let (name, cause) = rest.rsplit_once("***")?;
        let cause = cause.split("  ").next().unwrap_or_default().trim();
        Some((name.trim_end_matches(['.', ' ']).to_owned(), cause.to_owned()))
    });
    lines.collect()
}

/// The last lines that each test printed.
fn printed(report: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(report);
    let Ok(root) = xml::parse(&text) else { return HashMap::new() };
    let cases = root.all("testcase").filter_map(|case| {
        let name = case.attribute("name")?.to_owned();
        Some((name, compiler::last_lines(case.child("system-out")?.text.as_bytes())))
    });
    cases.collect()
}

fn of_case(case: &JunitCase, around: &Around<'_>) -> TestResult {
    let filter = around.listed.get(&case.name).and_then(Option::as_deref);
    let own = filter.map(|filter| around.confirmed.cases.get(filter));
    let cause = around.causes.get(case.name.trim_end_matches(['.', ' '])).map_or("", String::as_str);
    let status = match (case.outcome, own) {
        (JunitOutcome::Passed, Some(None)) => TestStatus::Error,
        (JunitOutcome::Passed, Some(Some(own))) if is_broken(own) => TestStatus::Failed,
        (JunitOutcome::Passed, _) => TestStatus::Passed,
        (JunitOutcome::Skipped, _) if case.message.contains("Unable to find executable") => TestStatus::Error,
        (JunitOutcome::Skipped, _) => TestStatus::Skipped,
        (JunitOutcome::Failed | JunitOutcome::Error, _) if cause.starts_with("Timeout") => TestStatus::TimedOut,
        (JunitOutcome::Failed | JunitOutcome::Error, _) => TestStatus::Failed,
    };
    let mut it = result(&case.name, status, case.duration);
    it.failure = match (status, own) {
        (TestStatus::Passed, _) => None,
        (TestStatus::Failed, Some(Some(own))) if is_broken(own) => gtest::of_case(own, around.place).failure,
        (TestStatus::Skipped, _) => Some(failure(FailureClass::Assertion, &case.message, Vec::new())),
        (_, _) => Some(reason(case, status, cause, around)),
    };
    it
}

fn is_broken(case: &JunitCase) -> bool {
    matches!(case.outcome, JunitOutcome::Failed | JunitOutcome::Error)
}

fn reason(case: &JunitCase, status: TestStatus, cause: &str, around: &Around<'_>) -> Failure {
    let exception = |name: &str| FailureClass::Exception { name: name.to_owned() };
    if case.outcome == JunitOutcome::Passed {
        let message = "the program ended with exit code 0 before it wrote its report";
        return failure(exception("EarlyExit"), message, Vec::new());
    }
    let printed = around.printed.get(&case.name).map_or("", String::as_str);
    let class = match status {
        TestStatus::TimedOut => FailureClass::Timeout,
        TestStatus::Error => FailureClass::Environment,
        _ if cause.contains("Exception") => exception(cause.split(": ").last().unwrap_or(cause).trim()),
        _ if printed.contains("ssert") => FailureClass::Assertion,
        _ => exception("ExitCode"),
    };
    let heading = if cause.is_empty() { &case.message } else { cause };
    failure(class, &format!("{heading}\n{printed}"), frames(printed, around.place))
}

/// Places of C and C++ that a program names: `prog: src/a.c:12: main: Assertion …`, `src/a.cpp:12: FAILED:`.
fn frames(printed: &str, place: Place<'_>) -> Vec<Frame> {
    let mut found: Vec<Frame> = Vec::new();
    for word in printed.split_whitespace() {
        let Some((path, rest)) = word.split_once(':') else { continue };
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        if !["c", "cc", "cpp", "cxx", "h", "hpp", "hh", "m", "cu"].contains(&ending) {
            continue;
        }
        let line = rest.split(':').next().and_then(|line| line.parse().ok());
        let frame = line.and_then(|line| place.frame(path, line, ""));
        found.extend(frame.filter(|frame| !found.contains(frame)));
    }
    found
}

fn judge(junit: &Junit, listed: &Listed, results: &Results, exit_code: Option<i32>) -> RunEnding {
    if let Some(stated) =
        junit.suites.first().and_then(|suite| suite.tests).filter(|stated| *stated != junit.cases.len())
    {
        return tampered(format!("CTest states {stated} tests and reports {}", junit.cases.len()));
    }
    if let Some(name) = listed.keys().find(|name| results.get(name).is_none()) {
        return tampered(format!("CTest listed {name} and has no result for it"));
    }
    if results.is_empty() {
        return RunEnding::NoTests;
    }
    let broken = junit.cases.iter().any(|case| matches!(case.outcome, JunitOutcome::Failed | JunitOutcome::Error));
    match exit_code {
        Some(0) if broken => tampered("CTest reports failures and ended with exit code 0"),
        Some(code) if code != 0 && !results.any_failure() => {
            tampered(format!("CTest reports no failure and ended with exit code {code}"))
        }
        _ => RunEnding::Complete,
    }
}

fn no_report(stdout: &[u8], stderr: &[u8]) -> RunEnding {
    let printed = String::from_utf8_lossy(stderr);
    if String::from_utf8_lossy(stdout).contains("No tests were found") || printed.contains("No tests were found") {
        return RunEnding::NoTests;
    }
    if printed.contains("--output-junit") {
        return RunEnding::CollectionFailed {
            message: "CTest is older than 3.21 and has no --output-junit".to_owned(),
        };
    }
    tampered(format!("CTest left no report: {}", compiler::last_lines(stderr)))
}

#[cfg(test)]
mod tests;
