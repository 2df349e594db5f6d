//! What a run amounts to: the journal, the exit code and the limits together.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Journal, RawError, class};
use crate::format::frames::{self, Base};
use crate::format::{MAX_MESSAGE, clip};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::{StepKind, StepOutput, ToolOutput, ToolReport};

/// Whose words are looked for in what a tool printed before it could report anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JavaScript,
    Ruby,
}

/// Returns the report of a run whose results are in journals.
pub(crate) fn judge(left: &ToolOutput<'_>, language: Language) -> ToolReport {
    let base = Base::of(&left.run);
    let mut journal = super::read(left.files, left.run.reports, base);
    let ending = match failed_build(left, base) {
        Some(ending) => ending,
        None => ending(left, &mut journal, base, language),
    };
    finish(journal, ending, left.run.select)
}

/// Keeps what was asked for, and what broke.
fn finish(mut journal: Journal, ending: RunEnding, select: Option<&[TestId]>) -> ToolReport {
    if let Some(select) = select {
        let wanted = select.iter().collect::<HashSet<_>>();
        let broken = journal.broken.iter().collect::<HashSet<_>>();
        journal.results.retain(|result| wanted.contains(&result.id) || broken.contains(&result.id));
        let unheard = of_broken_files(&journal, select);
        journal.results.extend(unheard);
    }
    let nothing = journal.results.is_empty() && ending == RunEnding::Complete;
    let ending = if nothing { RunEnding::NoTests } else { ending };
    ToolReport::new(journal.results, ending)
}

/// A chosen test whose file could not be loaded is as broken as its file.
fn of_broken_files(journal: &Journal, select: &[TestId]) -> Vec<TestResult> {
    let known = journal.results.iter().map(|result| (result.id.as_str(), result)).collect::<HashMap<_, _>>();
    let broken = |id: &TestId| {
        let file = id.as_str().split_once("::")?.0;
        let of_file = known.get(file).filter(|result| result.status == TestStatus::Error)?;
        let unheard = !known.contains_key(id.as_str());
        unheard.then(|| TestResult { id: id.clone(), ..(*of_file).clone() })
    };
    select.iter().filter_map(broken).collect()
}

/// Returns how a run ended whose build did not succeed.
pub(crate) fn failed_build(left: &ToolOutput<'_>, base: Base<'_>) -> Option<RunEnding> {
    let failed = |step: &&StepOutput| step.kind == StepKind::Build && step.exit_code != Some(0);
    let step = left.steps.iter().find(failed)?;
    if step.ending != RunEnding::Complete {
        return Some(step.ending.clone());
    }
    let printed = printed(step);
    Some(RunEnding::BuildFailed { message: tail(&printed, base), places: frames::named(&printed, base) })
}

fn ending(left: &ToolOutput<'_>, journal: &mut Journal, base: Base<'_>, language: Language) -> RunEnding {
    let Some(step) = left.steps.iter().rev().find(|step| step.kind == StepKind::Test) else {
        return RunEnding::Crashed { detail: "the tool was not run".to_owned() };
    };
    if step.ending != RunEnding::Complete {
        let slow = matches!(step.ending, RunEnding::TotalTimeout | RunEnding::Silence | RunEnding::CpuTime);
        let status = if slow { TestStatus::TimedOut } else { TestStatus::Error };
        close(journal, status, "the run was ended during this test");
        return step.ending.clone();
    }
    if let Some(detail) = journal.fault.take() {
        return RunEnding::Tampered { detail };
    }
    if !journal.ended {
        return unfinished(step, journal, base, language);
    }
    finished(step, journal, base)
}

/// The tests that were running when everything ended.
fn close(journal: &mut Journal, status: TestStatus, message: &str) {
    let class = match status {
        TestStatus::TimedOut => FailureClass::Timeout,
        _ => FailureClass::Exception { name: "ProcessEnded".to_owned() },
    };
    let known = journal.results.iter().map(|result| result.id.clone()).collect::<HashSet<_>>();
    for id in std::mem::take(&mut journal.running) {
        if !known.contains(&id) {
            let failure = Some(Failure { class: class.clone(), message: message.to_owned(), frames: Vec::new() });
            journal.results.push(TestResult { id, status, duration: Duration::ZERO, failure });
        }
    }
}

/// The tool did not come to its end: it could not start, could not load the tests, or something ended it.
fn unfinished(step: &StepOutput, journal: &mut Journal, base: Base<'_>, language: Language) -> RunEnding {
    let printed = printed(step);
    let how = step.exit_code.map_or("was ended by a signal".to_owned(), |code| format!("ended with exit code {code}"));
    close(journal, TestStatus::Error, &format!("the test process {how} during this test"));
    if printed.contains("JavaScript heap out of memory") || printed.contains("[FATAL] failed to allocate memory") {
        return RunEnding::OutOfMemory;
    }
    if journal.tests > 0 || matches!(step.exit_code, None | Some(0)) {
        return RunEnding::Crashed { detail: format!("the test process {how} before its tests were over") };
    }
    if says_no_tests(&printed) {
        return RunEnding::NoTests;
    }
    if step.exit_code == Some(127) {
        return RunEnding::Crashed { detail: format!("the test tool cannot be started: {}", tail(&printed, base)) };
    }
    load_failure(&printed, base, language)
}

fn says_no_tests(printed: &str) -> bool {
    ["No test files found", "No tests found", "Couldn’t find any files to test", "Couldn't find any files to test"]
        .iter()
        .any(|words| printed.contains(words))
}

fn load_failure(printed: &str, base: Base<'_>, language: Language) -> RunEnding {
    let error = RawError { message: printed.to_owned(), ..RawError::default() };
    let broken_syntax = match language {
        Language::JavaScript => class(&error, printed) == FailureClass::Build,
        Language::Ruby => printed.contains("syntax error") || printed.contains("SyntaxError"),
    };
    let message = tail(printed, base);
    let places = frames::named(printed, base);
    match broken_syntax && !places.is_empty() {
        true => RunEnding::BuildFailed { message, places },
        false => RunEnding::CollectionFailed { message },
    }
}

/// The tool came to its end: its exit code has to say the same.
fn finished(step: &StepOutput, journal: &Journal, base: Base<'_>) -> RunEnding {
    if let Some(detail) = &journal.crashed {
        return RunEnding::Crashed { detail: detail.clone() };
    }
    let failed = journal.results.iter().any(|result| result.status.is_failure());
    match (step.exit_code, failed) {
        (Some(0), true) => {
            return RunEnding::Tampered { detail: "tests failed, but the tool ended with exit code 0".to_owned() };
        }
        (None, _) => {
            return RunEnding::Crashed { detail: "the test process was ended by a signal after its tests".to_owned() };
        }
        (Some(code), false) if code != 0 && journal.tests > 0 => {
            let detail =
                format!("no test failed, but the tool ended with exit code {code}: {}", tail(&printed(step), base));
            return RunEnding::Crashed { detail };
        }
        (Some(_), _) => {}
    }
    if journal.tests == 0 {
        return nothing_ran(journal);
    }
    if journal.stopped { RunEnding::StoppedEarly } else { RunEnding::Complete }
}

fn nothing_ran(journal: &Journal) -> RunEnding {
    let Some(failure) = journal.results.iter().find_map(|result| result.failure.as_ref()) else {
        return RunEnding::NoTests;
    };
    let message = failure.message.clone();
    match failure.class {
        FailureClass::Build => RunEnding::BuildFailed { message, places: failure.frames.clone() },
        _ => RunEnding::CollectionFailed { message },
    }
}

/// What a step printed, as text.
pub(crate) fn printed(step: &StepOutput) -> String {
    format!("{}\n{}", text::plain(&step.stdout), text::plain(&step.stderr))
}

/// The last lines of what was printed.
pub(crate) fn tail(printed: &str, base: Base<'_>) -> String {
    // The tool's own stack says nothing about the workspace.
    let foreign =
        |line: &str| line.trim_start().starts_with("at ") && (line.contains("node:") || line.contains("node_modules/"));
    let lines =
        printed.lines().map(str::trim_end).filter(|line| !line.is_empty() && !foreign(line)).collect::<Vec<_>>();
    let text = lines[lines.len().saturating_sub(30)..].join("\n");
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_MESSAGE));
    base.text(clip(&text[start..], MAX_MESSAGE))
}
