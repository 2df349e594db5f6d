//! Gradle: a script of ours notes every test from Gradle's own process, outside of the workspace and of the tests' virtual machines.
//!
//! The script counts what began, what ended, and what Gradle counts itself. Failing tests do not end the build, or the projects behind
//! them would never be tested. Runs are offline: whatever a build needs is there beforehand.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::jvm::{self, Sources, Wanted};
use super::{Detected, Files, Runner, RunnerKind};
use crate::format::junit::{JunitCase, JunitOutcome};
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, tampered};
use crate::format::{MAX_RESULTS, compiler, jacoco};
use crate::report::RunEnding;
use crate::tool::{Collect, Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct Gradle;

const JOURNAL: &str = "gradle.jsonl";
/// Words that hide what is read, run tests more than once, or stop early.
const DROPPED: &[&str] = &[
    "-q",
    "--quiet",
    "--fail-fast",
    "--daemon",
    "-t",
    "--continuous",
    "--dry-run",
    "-m",
    "--scan",
    "--refresh-dependencies",
];

impl Runner for Gradle {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Gradle
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((program, arguments)) = words.split_first() else { return false };
        let tests = |word: &String| {
            let task = word.rsplit(':').next().unwrap_or_default();
            !word.starts_with('-')
                && (["check", "build", "buildNeeded"].contains(&task) || task.to_ascii_lowercase().ends_with("test"))
        };
        let excluded =
            arguments.windows(2).any(|pair| matches!(pair[0].as_str(), "-x" | "--exclude-task") && tests(&pair[1]));
        let name = program.rsplit('/').next().unwrap_or_default();
        ["gradle", "gradlew"].contains(&name) && arguments.iter().any(tests) && !excluded
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let names = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
        let build = names.into_iter().find(|name| files.has(name))?;
        let test = files.paths.iter().find(|path| path.to_string().contains("src/test/"))?;
        let program = if files.has("gradlew") { "./gradlew" } else { "gradle" };
        let evidence = vec![format!("{build} is a project of Gradle, and {test} is a test of it")];
        Some(Detected { args: vec![program.to_owned(), "test".to_owned()], evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Self)
    }
}

impl Tool for Gradle {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let mut argv = Vec::new();
        let mut skip = false;
        for word in run.words {
            if std::mem::take(&mut skip) || DROPPED.contains(&word.as_str()) {
                continue;
            }
            skip = run.select.is_some() && word == "--tests";
            if !skip {
                argv.push(word.clone());
            }
        }
        let script = format!("{}/init.gradle", run.reports);
        argv.extend(["--offline", "--no-daemon", "--continue", "--console=plain", "-I", &script].map(str::to_owned));
        argv.push("-Dorg.gradle.configuration-cache=false".to_owned());
        let mut support: Vec<(String, Cow<'static, [u8]>)> =
            vec![("init.gradle".to_owned(), Cow::Borrowed(include_bytes!("gradle/init.gradle")))];
        if let Some(wanted) = run.select.and_then(jvm::wanted) {
            support.push(("tests.txt".to_owned(), Cow::Owned(patterns(&wanted).into_bytes())));
        }
        let env = vec![
            ("PATCHWRIGHT_REPORTS".to_owned(), run.reports.to_owned()),
            ("PATCHWRIGHT_PER_TEST".to_owned(), run.per_test.as_secs().max(1).to_string()),
        ];
        let (list, sources) = jvm::list_sources(run);
        let steps = vec![Step { kind: StepKind::Test, argv, env }, list];
        let mut command = ToolCommand { support, steps, collect: vec![sources, Collect::Reports(JOURNAL.to_owned())] };
        if run.coverage == Coverage::PerTest {
            jacoco::record(run, &mut command);
        }
        command
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let sources = Sources::of(left);
        let journal = left.files.iter().find(|file| !file.in_workspace && file.path == JOURNAL);
        let noted = Noted::read(journal.map_or(&[], |file| file.bytes.as_slice()));
        let mut results = Results::default();
        for (case, module) in &noted.cases {
            results.add(jvm::of_case(case, module, &sources));
        }
        let ending = match left.steps.iter().find(|step| step.kind == StepKind::Test) {
            None => tampered("nothing was run"),
            Some(step) => judge(step, &noted, Place::of(&left.run)),
        };
        let report = ToolReport::new(results.into_vec(), ending);
        jacoco::add_lines(report, left, &|path| sources.file(path, ""))
    }
}

/// One pattern of Gradle's filter a line.
fn patterns(wanted: &[Wanted]) -> String {
    let mut lines = String::new();
    for Wanted { class, methods } in wanted {
        // A class whose package is not known may be in any.
        let class = if class.contains('.') { class.clone() } else { format!("*{class}") };
        if methods.is_empty() {
            lines.push_str(&format!("{class}*\n"));
        }
        for method in methods {
            lines.push_str(&format!("{class}.{}*\n", method.trim_end_matches('*')));
        }
    }
    if lines.is_empty() { "no.test.IsWanted\n".to_owned() } else { lines }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Begin {
        task: String,
        class: Option<String>,
        name: Option<String>,
    },
    Test {
        task: String,
        #[serde(default)]
        module: String,
        class: Option<String>,
        name: Option<String>,
        result: String,
        #[serde(default)]
        millis: i64,
        #[serde(rename = "type", default)]
        thrown: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        trace: String,
    },
    Total {
        task: String,
        tests: u64,
        failed: u64,
        skipped: u64,
    },
    End {
        failed: bool,
    },
}

/// What the script noted.
#[derive(Default)]
struct Noted {
    cases: Vec<(JunitCase, String)>,
    /// Tests that began and did not end.
    open: HashMap<String, i64>,
    /// By task, what ended, and what Gradle counts: all, failed, skipped.
    found: HashMap<String, [u64; 3]>,
    stated: HashMap<String, [u64; 3]>,
    /// Whether the build's end was noted, and whether it says that it failed.
    end: Option<bool>,
    unreadable: bool,
}

impl Noted {
    fn read(bytes: &[u8]) -> Self {
        let mut noted = Self::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(MAX_RESULTS) {
            match serde_json::from_slice(line) {
                Ok(line) => noted.add(line),
                Err(_) => noted.unreadable = true,
            }
        }
        noted
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Begin { task, class, name } => *self.open.entry(key(&task, &class, &name)).or_default() += 1,
            Line::Test { task, module, class, name, result, millis, thrown, message, trace } => {
                *self.open.entry(key(&task, &class, &name)).or_default() -= 1;
                let outcome = match result.as_str() {
                    "SUCCESS" => JunitOutcome::Passed,
                    "SKIPPED" => JunitOutcome::Skipped,
                    _ => JunitOutcome::Failed,
                };
                let counts = self.found.entry(task).or_default();
                counts[0] += 1;
                counts[1] += u64::from(outcome == JunitOutcome::Failed);
                counts[2] += u64::from(outcome == JunitOutcome::Skipped);
                // Gradle's own name for what is wrong with a whole class.
                let whole = ["initializationError", "classMethod", "executionError"];
                let name = name.filter(|name| !whole.contains(&name.as_str())).unwrap_or_default();
                let duration = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
                let class = class.unwrap_or_default();
                let case = JunitCase {
                    class,
                    name,
                    duration,
                    outcome,
                    kind: thrown,
                    message,
                    details: trace,
                    ..JunitCase::default()
                };
                self.cases.push((case, module));
            }
            Line::Total { task, tests, failed, skipped } => {
                let stated = self.stated.entry(task).or_default();
                for (sum, number) in stated.iter_mut().zip([tests, failed, skipped]) {
                    *sum = sum.saturating_add(number);
                }
            }
            Line::End { failed } => self.end = Some(failed),
        }
    }

    fn contradiction(&self) -> Option<String> {
        if self.unreadable {
            return Some("the notes of Gradle's tests cannot be read".to_owned());
        }
        let task = self.found.keys().chain(self.stated.keys()).find(|task| {
            let none = [0; 3];
            self.found.get(*task).unwrap_or(&none) != self.stated.get(*task).unwrap_or(&none)
        })?;
        Some(format!(
            "{task} states {:?} tests, failed and skipped ones, and {:?} were noted",
            self.stated.get(task),
            self.found.get(task)
        ))
    }
}

fn key(task: &str, class: &Option<String>, name: &Option<String>) -> String {
    format!("{task} {} {}", class.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default())
}

fn judge(step: &StepOutput, noted: &Noted, place: Place<'_>) -> RunEnding {
    if let Some(ending) = cut_short(step) {
        return ending;
    }
    let mut open =
        noted.open.iter().filter(|(_, count)| **count > 0).map(|(test, _)| test.as_str()).collect::<Vec<_>>();
    open.sort_unstable();
    if let Some(test) = open.first() {
        return RunEnding::Crashed { detail: format!("a test began and did not end: {test}") };
    }
    let printed = [step.stdout.as_slice(), b"\n", step.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&printed);
    if text.contains("Test process encountered an unexpected problem") || text.contains("Process 'Gradle Test Executor")
    {
        return RunEnding::Crashed { detail: "the virtual machine of the tests ended before they did".to_owned() };
    }
    if step.exit_code != Some(0) {
        return compiler::build_failed(&printed, place);
    }
    match (noted.end, noted.contradiction()) {
        (None, _) => tampered("Gradle ended with exit code 0 and did not note its end"),
        (Some(true), _) => tampered("Gradle noted that the build failed and ended with exit code 0"),
        (Some(false), Some(detail)) => tampered(detail),
        (Some(false), None) if noted.cases.is_empty() => RunEnding::NoTests,
        (Some(false), None) => RunEnding::Complete,
    }
}

#[cfg(test)]
mod tests;
