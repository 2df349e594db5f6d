//! `prove`, which runs many programs that print the Test Anything Protocol and saves what each of them prints in a file of its own.
//!
//! What guards the protocol is its plan and its numbers: a program that prints a forged line, or leaves early, breaks them. Ids are
//! `FILE::name`.

use super::{Detected, Files};
use crate::format::UniqueIds;
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, failure, result, tampered};
use crate::format::tap::{self, Directive, Subtests, Tap, TapPoint};
use crate::report::{Failure, FailureClass, Frame, RunEnding, TestResult, TestStatus};
use crate::tool::{Collect, Step, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

/// Options of `prove` that have a value of their own.
const WITH_VALUE: &[&str] = &[
    "-I",
    "-e",
    "--exec",
    "--ext",
    "--harness",
    "--formatter",
    "--source",
    "-j",
    "--jobs",
    "-P",
    "-M",
    "-a",
    "--archive",
];
/// Options of `prove` that change which tests are run from one run to the next, or hide what is read.
const DROPPED: &[&str] = &["-s", "--shuffle", "-q", "--quiet", "-Q", "--QUIET", "-D", "--dry"];

/// Returns whether words are those of `prove`.
pub(super) fn claims(words: &[String]) -> bool {
    words.first().is_some_and(|program| program.rsplit('/').next() == Some("prove"))
}

/// Looks for tests of Perl in their usual folder.
pub(super) fn detect(files: &Files<'_>) -> Option<Detected> {
    let test = files.paths.iter().find(|path| {
        let text = path.to_string();
        text.starts_with("t/") && text.ends_with(".t")
    })?;
    let mut args = vec!["prove".to_owned(), "-r".to_owned()];
    if files.paths.iter().any(|path| path.components().next() == Some(b"lib")) {
        args.push("-l".to_owned());
    }
    args.push("t".to_owned());
    Some(Detected { args, evidence: vec![format!("{test} is a test as prove runs them")] })
}

pub(super) struct Prove;

impl Tool for Prove {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let saved = ("PERL_TEST_HARNESS_DUMP_TAP".to_owned(), format!("{}/tap", run.reports));
        let step = Step { kind: StepKind::Test, argv: words(run), env: vec![saved] };
        let collect = vec![Collect::Reports("tap/**".to_owned())];
        ToolCommand { support: Vec::new(), steps: vec![step], collect }
    }

    fn never_tells_lines(&self) -> Option<&'static str> {
        Some("the lines of `prove` are not counted")
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let empty = ToolReport::empty;
        let Some(step) = left.steps.iter().find(|step| step.kind == StepKind::Test) else {
            return empty(tampered("nothing was run"));
        };
        let place = Place::of(&left.run);
        let mut results = Results::default();
        let mut trouble = None;
        let mut streams = Vec::new();
        for file in left.files.iter().filter(|file| !file.in_workspace) {
            let Some(name) = file.path.strip_prefix("tap/") else { continue };
            streams.push((place.inside(name).unwrap_or_else(|| name.to_owned()), tap::parse(&file.bytes)));
        }
        for (file, stream) in &streams {
            trouble = trouble.or_else(|| add(file, stream, place, &mut results));
        }
        let failed = results.any_failure();
        let ending = if let Some(ending) = cut_short(step) {
            ending
        } else if let Some(detail) = trouble {
            tampered(detail)
        } else if results.is_empty() {
            nothing(step.exit_code, &step.stderr)
        } else if failed == (step.exit_code == Some(0)) {
            tampered(format!("the exit code {} contradicts the results", step.exit_code.unwrap_or_default()))
        } else {
            RunEnding::Complete
        };
        ToolReport::new(results.into_vec(), ending)
    }
}

/// The words of `prove` with the files of the selected tests in place of its own.
fn words(run: &ToolRun<'_>) -> Vec<String> {
    let mut words = Vec::new();
    let mut value = false;
    for (at, word) in run.words.iter().enumerate() {
        let is_file = at > 0 && !value && !word.starts_with('-');
        value = WITH_VALUE.contains(&word.as_str());
        if !(is_file && run.select.is_some() || DROPPED.contains(&word.as_str())) {
            words.push(word.clone());
        }
    }
    // What a test says of a failure goes to stderr, and so into the stream as well.
    words.push("--merge".to_owned());
    let mut files: Vec<&str> = Vec::new();
    for id in run.select.into_iter().flatten() {
        let file = id.as_str().split("::").next().unwrap_or_default();
        if !files.contains(&file) && !file.starts_with('-') {
            files.push(file);
        }
    }
    words.extend(files.into_iter().map(|file| match run.cwd {
        "" => file.to_owned(),
        cwd => file.strip_prefix(&format!("{cwd}/")).unwrap_or(file).to_owned(),
    }));
    words
}

/// Adds the tests of a stream; returns what does not fit together in it.
fn add(file: &str, stream: &Tap, place: Place<'_>, results: &mut Results) -> Option<String> {
    let mut ids = UniqueIds::default();
    for point in &stream.points {
        // What stands for subtests says nothing of its own while it agrees with them.
        if point.subtests != Subtests::None && point.ok == (point.subtests == Subtests::Held) {
            continue;
        }
        let id = ids.give(&format!("{file}::{}", point.path.join("::")));
        results.add(of_point(&id, point, place));
    }
    if let Some(reason) = &stream.skipped
        && stream.points.is_empty()
    {
        let mut it = result(&ids.give(file), TestStatus::Skipped, std::time::Duration::ZERO);
        it.failure = Some(failure(FailureClass::Assertion, reason, Vec::new()));
        results.add(it);
    }
    if let Some(reason) = &stream.bail {
        return Some(format!("{file} gave up: {reason}"));
    }
    stream.faults.first().map(|fault| format!("{file}: {fault}"))
}

fn of_point(id: &str, point: &TapPoint, place: Place<'_>) -> TestResult {
    let status = match (&point.directive, point.ok) {
        (Some((Directive::Skip, _)), _) => TestStatus::Skipped,
        (Some((Directive::Todo, _)), true) => TestStatus::XPassed,
        (Some((Directive::Todo, _)), false) => TestStatus::XFailed,
        (None, true) if point.subtests == Subtests::Failed => TestStatus::Failed,
        (None, true) => TestStatus::Passed,
        (None, false) => TestStatus::Failed,
    };
    let mut it = result(id, status, std::time::Duration::ZERO);
    it.failure = match (&point.directive, status) {
        (_, TestStatus::Passed) => None,
        (Some((_, reason)), _) => Some(failure(FailureClass::Assertion, reason, Vec::new())),
        (None, _) => Some(reason(point, place)),
    };
    it
}

fn reason(point: &TapPoint, place: Place<'_>) -> Failure {
    let said = if point.yaml.trim().is_empty() { &point.comments } else { &point.yaml };
    let message = if said.trim().is_empty() { "not ok" } else { said };
    failure(FailureClass::Assertion, message, frames(said, place))
}

/// Perl's `at t/basic.t line 6.`
fn frames(said: &str, place: Place<'_>) -> Vec<Frame> {
    let of = |line: &str| {
        let (path, rest) = line.split_once("at ")?.1.split_once(" line ")?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        place.frame(path, rest[..digits].parse().ok()?, "")
    };
    said.lines().filter_map(of).collect()
}

fn nothing(exit_code: Option<i32>, stderr: &[u8]) -> RunEnding {
    match exit_code {
        Some(0) => RunEnding::NoTests,
        _ => RunEnding::CollectionFailed { message: crate::format::compiler::last_lines(stderr) },
    }
}

#[cfg(test)]
mod tests;
