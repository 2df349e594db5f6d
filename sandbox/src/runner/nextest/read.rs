//! From nextest's events and what the script saw to results.

use std::collections::{HashMap, HashSet};

use super::events::{Case, Events};
use crate::format::{clip, compiler};
use crate::report::{Failure, FailureClass, RunEnding, TestStatus, text};
use crate::runner::cargo::build::Program;
use crate::runner::cargo::read::{Reading, built, ended_process};
use crate::runner::cargo::{cover, libtest};
use crate::tool::{StepKind, StepOutput, ToolOutput, ToolReport};

/// nextest found no test to run.
const NO_TESTS: i32 = 4;
/// nextest could not list the tests.
const NO_LIST: i32 = 104;
/// What libtest returns for a failed test.
const FAILED: i32 = 101;

/// Reads a run.
pub(super) fn read(left: &ToolOutput<'_>) -> ToolReport {
    let built = match built(left) {
        Ok(built) => built,
        Err(ending) => return ToolReport::empty(ending),
    };
    let Some(step) = left.last_of(StepKind::Test) else {
        return ToolReport::empty(RunEnding::Crashed { detail: "nextest was not run".to_owned() });
    };
    let events = Events::of(left.report("events.jsonl").map_or(&b""[..], |file| &file.bytes));
    let mut seen = Seen::of(left);
    let mut reading = Reading::of(left);
    let mut found = Vec::new();
    for case in &events.cases {
        let sources = sources(&built.programs, &case.binary, &reading);
        let (source, code) = seen.take(&sources, case);
        found.push((source, code, case));
    }
    found.sort_by(|(left, _, a), (right, _, b)| (left, &a.name).cmp(&(right, &b.name)));
    for (source, code, case) in found {
        add(&mut reading, &source, code, case);
    }
    let open = events.open.iter().filter_map(|name| name.split_once('$'));
    let open = open.filter(|(binary, name)| !seen.is_ignored(&sources(&built.programs, binary, &reading), name));
    let open = open.count();
    judge(&mut reading, &events, open, step);
    cover::add_lines(reading.into_report(), left)
}

/// The root files that a case may belong to: a library and a program of one name are one to its events.
fn sources(programs: &[Program], binary: &str, reading: &Reading<'_>) -> Vec<String> {
    let plain = |name: &str| name.replace('-', "_");
    let own = binary;
    let binary = plain(binary);
    let of_case = |program: &&Program| binary == plain(&format!("{}::{}", program.package, program.target));
    let mut found: Vec<String> = programs
        .iter()
        .filter(of_case)
        .map(|program| reading.place.inside(&program.source).unwrap_or_else(|| program.source.clone()))
        .collect();
    found.dedup();
    if found.is_empty() {
        found.push(own.to_owned());
    }
    found
}

/// What the script saw, by source file and name.
#[derive(Default)]
struct Seen {
    /// The exit code of each test that ran.
    codes: HashMap<(String, String), Vec<i32>>,
    /// Tests that are marked as ignored.
    ignored: HashSet<(String, String)>,
}

impl Seen {
    fn of(left: &ToolOutput<'_>) -> Self {
        let text = left.report("cases").and_then(|file| std::str::from_utf8(&file.bytes).ok()).unwrap_or_default();
        let mut seen = Self::default();
        for line in text.lines() {
            let mut parts = line.splitn(3, '\t');
            let (Some(code), Some(source), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let test = (source.to_owned(), name.to_owned());
            match code.parse() {
                Ok(code) => seen.codes.entry(test).or_default().push(code),
                Err(_) => {
                    seen.ignored.insert(test);
                }
            }
        }
        seen
    }

    fn is_ignored(&self, sources: &[String], name: &str) -> bool {
        sources.iter().any(|source| self.ignored.contains(&(source.clone(), name.to_owned())))
    }

    /// Returns the file that a case belongs to, with the exit code of its test, if it ran.
    fn take(&mut self, sources: &[String], case: &Case) -> (String, Option<i32>) {
        for source in sources {
            let known = self.codes.get_mut(&(source.clone(), case.name.clone()));
            let fits = |code: &i32| (*code == 0) || case.status != TestStatus::Passed;
            let at = known.as_ref().and_then(|codes| codes.iter().position(fits));
            if let (Some(codes), Some(at)) = (known, at) {
                return (source.clone(), Some(codes.swap_remove(at)));
            }
        }
        let ignored = sources.iter().find(|source| self.is_ignored(std::slice::from_ref(*source), &case.name));
        (ignored.or(sources.first()).cloned().unwrap_or_default(), None)
    }
}

fn add(reading: &mut Reading<'_>, source: &str, code: Option<i32>, case: &Case) {
    let mut said = text::plain(case.said.as_bytes());
    // Where a panic was wanted, libtest says at its end what was wrong.
    if let Some(last) = libtest::printed(&said).failures.remove(&case.name).filter(|last| !last.trim().is_empty()) {
        said = last;
    }
    let (status, failure) = match (case.status, code) {
        (TestStatus::Failed, Some(code)) if code != FAILED => ended_process(code, &said, &case.name, reading.place),
        (status, _) => (status, libtest::failure(&said, &case.name, reading.place)),
    };
    if status == TestStatus::Passed && code != Some(0) {
        let name = clip(&case.name, 200);
        reading.trouble(RunEnding::Tampered { detail: format!("{name} passed without being run") });
    }
    // nextest itself ended a test that has no exit code, by a limit of its configuration.
    let cut = status == TestStatus::Failed && code.is_none();
    let (status, failure) = if cut {
        let message = "nextest ended the test: it exceeded a limit of its configuration".to_owned();
        (TestStatus::TimedOut, Failure { class: FailureClass::Timeout, message, frames: Vec::new() })
    } else {
        (status, failure)
    };
    reading.push_timed(source, &case.name, status, failure, case.duration);
}

fn judge(reading: &mut Reading<'_>, events: &Events, open: usize, step: &StepOutput) {
    let last = || compiler::last_lines(&step.stderr);
    if step.ending == RunEnding::Complete {
        if open > 0 {
            let detail = format!("nextest left before {open} of its tests ended");
            reading.trouble(RunEnding::Crashed { detail });
        }
        if let Some(detail) = &events.contradiction {
            reading.trouble(RunEnding::Tampered { detail: detail.clone() });
        }
        match step.exit_code {
            Some(NO_TESTS) if events.cases.iter().all(|case| case.status == TestStatus::Skipped) => return,
            Some(NO_LIST) => reading.trouble(RunEnding::CollectionFailed { message: last() }),
            _ => {}
        }
    }
    reading.judge(&step.ending, step.exit_code, true);
}
