//! What libtest prints and logs. Everything in it is data of the tested code.

use std::collections::HashMap;

use crate::format::place::Place;
use crate::format::{MAX_ID, MAX_MESSAGE, MAX_RESULTS, clip};
use crate::report::{Failure, FailureClass, Frame, TestStatus};

/// Most frames of one failure.
const MOST_FRAMES: usize = 40;
/// Most text that is read of one failure.
const MOST_TEXT: usize = 64 << 10;

/// What the log says: `ok NAME`, `failed NAME`, `failed: REASON NAME`, `ignored: REASON NAME`.
pub(in crate::runner) fn log(bytes: &[u8]) -> Vec<(String, TestStatus)> {
    let text = String::from_utf8_lossy(bytes);
    let line = |line: &str| {
        let status = match line.split([' ', ':']).next()? {
            "ok" => TestStatus::Passed,
            "failed" => TestStatus::Failed,
            "ignored" => TestStatus::Skipped,
            _ => return None,
        };
        let name = line.rsplit(' ').next().filter(|name| name.len() < line.len())?;
        Some((clip(name, MAX_ID).to_owned(), status))
    };
    text.lines().filter_map(line).take(MAX_RESULTS).collect()
}

/// What libtest prints: one or several runs.
#[derive(Debug, Default)]
pub(in crate::runner) struct Printed {
    /// Names and statuses in the order of the output.
    pub(in crate::runner) results: Vec<(String, TestStatus)>,
    /// What the failed ones wrote.
    pub(in crate::runner) failures: HashMap<String, String>,
    /// What does not fit together.
    pub(in crate::runner) contradiction: Option<String>,
    /// Complete runs: those with a `test result:` line.
    pub(in crate::runner) runs: usize,
}

/// Reads what libtest printed, and compares the counts that it states.
pub(in crate::runner) fn printed(text: &str) -> Printed {
    let mut found = Printed::default();
    let mut announced: Option<usize> = None;
    let mut first = 0;
    let mut section: Option<String> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            section = Some(clip(name, MAX_ID).to_owned());
        } else if let Some(count) = count_of_tests(line).filter(|_| section.is_none()) {
            announced = Some(count);
            first = found.results.len();
        } else if line.starts_with("test result: ") && (section.is_none() || agrees(line, &found.results[first..])) {
            section = None;
            found.runs += 1;
            let counted = announced.take().is_some_and(|count| count == found.results.len() - first);
            if !counted || !agrees(line, &found.results[first..]) {
                found.contradiction.get_or_insert(format!("the counts do not fit the results: {}", clip(line, 200)));
            }
        } else if let Some(name) = &section {
            let text = found.failures.entry(name.clone()).or_default();
            if text.len() < MOST_TEXT {
                text.push_str(clip(line, MAX_MESSAGE));
                text.push('\n');
            }
        } else if let Some(result) = result(line)
            && found.results.len() < MAX_RESULTS
        {
            found.results.push(result);
        }
    }
    if announced.is_some() {
        found.contradiction.get_or_insert("a run has no result".to_owned());
    }
    found
}

/// `running 3 tests`.
fn count_of_tests(line: &str) -> Option<usize> {
    let count = line.strip_prefix("running ")?;
    count.strip_suffix(" tests").or_else(|| count.strip_suffix(" test"))?.parse().ok()
}

/// `test NAME ... ok`; the name of a doc-test has spaces.
fn result(line: &str) -> Option<(String, TestStatus)> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let status = match outcome.split([',', ' ', '<', '(']).next()? {
        "ok" => TestStatus::Passed,
        "FAILED" | "failed" => TestStatus::Failed,
        "ignored" => TestStatus::Skipped,
        _ => return None,
    };
    let name = ["should panic", "compile fail", "compile"]
        .iter()
        .fold(name, |name, kind| name.strip_suffix(kind).and_then(|name| name.strip_suffix(" - ")).unwrap_or(name));
    Some((clip(name, MAX_ID).to_owned(), status))
}

/// Whether `test result: ok. 2 passed; 1 failed; 1 ignored; …` counts these results.
fn agrees(line: &str, results: &[(String, TestStatus)]) -> bool {
    let number = |word: &str| {
        let before = line.split([';', '.']).find_map(|part| part.trim().strip_suffix(word))?;
        before.trim().parse::<usize>().ok()
    };
    let count = |wanted| results.iter().filter(|(_, status)| *status == wanted).count();
    number("passed") == Some(count(TestStatus::Passed))
        && number("failed") == Some(count(TestStatus::Failed))
        && number("ignored") == Some(count(TestStatus::Skipped))
}

/// What a failed test wrote, as a failure: message, class and the steps of the backtrace in the workspace.
pub(in crate::runner) fn failure(text: &str, test: &str, place: Place<'_>) -> Failure {
    let lines = text.lines().collect::<Vec<_>>();
    let panic = lines.iter().position(|line| line.starts_with("thread '") && line.contains(" panicked at "));
    let Some(at) = panic else {
        let shown = text.trim();
        let message = if shown.is_empty() { "the test failed and printed nothing" } else { shown };
        return Failure {
            class: class_of(message),
            message: clip(message, MAX_MESSAGE).to_owned(),
            frames: told(text, test, place),
        };
    };
    let where_and_what = lines[at].split_once(" panicked at ").map_or("", |(_, rest)| rest);
    let end =
        lines[at + 1..].iter().position(|line| line.starts_with("stack backtrace:") || line.starts_with("note: "));
    let behind = &lines[at + 1..end.map_or(lines.len(), |end| at + 1 + end)];
    // Before Rust 1.73 the message stood in quotes in front of the place.
    let old = where_and_what.strip_prefix('\'').and_then(|rest| rest.rsplit_once("', "));
    let (message, position) = match old {
        Some((message, position)) => (message.to_owned(), position),
        None => (behind.join("\n").trim_end().to_owned(), where_and_what.trim_end_matches(':')),
    };
    let mut frames = backtrace(&lines[at..], place);
    let own = frame_at(position, test, place);
    if own.as_ref().is_some_and(|own| !frames.iter().any(|frame| (&frame.path, frame.line) == (&own.path, own.line))) {
        frames.extend(own);
    }
    Failure { class: class_of(&message), message: clip(&message, MAX_MESSAGE).to_owned(), frames }
}

fn class_of(message: &str) -> FailureClass {
    let exception = |name: &str| FailureClass::Exception { name: name.to_owned() };
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| message.starts_with(prefix));
    if starts(&["assertion ", "note: test did not panic", "note: panic did not contain", "Test executable succeeded"]) {
        FailureClass::Assertion
    } else if message.starts_with("memory allocation of ") {
        FailureClass::Memory
    } else if message.contains("No space left on device") || message.contains("Too many open files") {
        FailureClass::Environment
    } else if message.contains("Couldn't compile the test") {
        FailureClass::Build
    } else if message.starts_with("Error: ") {
        exception("Error")
    } else {
        exception("panic")
    }
}

/// `FILE:LINE:COLUMN`.
fn frame_at(position: &str, function: &str, place: Place<'_>) -> Option<Frame> {
    let mut parts = position.trim().rsplitn(3, ':');
    let (_, line, path) = (parts.next()?, parts.next()?, parts.next()?);
    place.frame(path, line.parse().ok()?, function)
}

/// `note: test did not panic as expected at src/lib.rs:60:8`.
fn told(text: &str, test: &str, place: Place<'_>) -> Vec<Frame> {
    let position = text.lines().find_map(|line| line.strip_prefix("note: ")?.rsplit_once(" at ").map(|(_, at)| at));
    position.and_then(|position| frame_at(position, test, place)).into_iter().collect()
}

/// The steps that lie in the workspace, outermost first; closures around a test and the library's own steps say nothing.
fn backtrace(lines: &[&str], place: Place<'_>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut function = "";
    for line in lines.iter().skip_while(|line| !line.starts_with("stack backtrace:")) {
        let line = line.trim();
        if let Some(position) = line.strip_prefix("at ") {
            let inner = function.ends_with("::{{closure}}") && !frames.is_empty();
            let library = position.starts_with("/rustc/");
            frames.extend(frame_at(position, function, place).filter(|_| !inner && !library));
        } else if let Some((_, name)) = line.split_once(": ") {
            function = name;
        }
        if frames.len() >= MOST_FRAMES {
            break;
        }
    }
    frames.reverse();
    frames
}
