//! Failures in few words, for people and for prompts: what failed, of which class, where, and how many tests say the same.
//!
//! A pure function of a report. The same report gives the same bytes, whatever order the tests ended in; durations, addresses and
//! temporary folders are left out. Tests that fail alike are told once. Everything is capped and free of terminal escapes, and stays
//! text of untrusted programs: whoever puts it into a prompt or a page marks it as such.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::report::{Failure, FailureClass, Frame, RunEnding, TestId, TestReport, TestResult, TestStatus, text};

/// The version of the structure, for whoever stores it.
pub const SCHEMA: u32 = 1;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedbackLimits {
    /// Kinds of failures.
    pub problems: usize,
    /// Names of tests for each.
    pub tests: usize,
    /// Bytes of each message: its head and its tail.
    pub message: usize,
    /// Frames of each failure: the innermost.
    pub frames: usize,
    /// Bytes of the whole text.
    pub text: usize,
}

impl Default for FeedbackLimits {
    fn default() -> Self {
        Self { problems: 8, tests: 4, message: 600, frames: 5, text: 6000 }
    }
}

/// What kind of problem it is, by which a caller chooses what to try next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum ProblemClass {
    /// Something could not be built; the frames are the places that the compiler names.
    Build,
    /// Nothing, or not everything, could be collected.
    Collection,
    /// A module could not be imported, or is not valid in its language.
    Import,
    /// An assertion did not hold.
    Assertion,
    /// Another exception, panic or signal.
    Exception {
        /// Its type.
        name: String,
    },
    /// A test or the run took too long, or was silent for too long.
    Timeout,
    /// The test or the run needed too much memory.
    Memory,
    /// Another limit of the box ended the run.
    Limit,
    /// The box lacks something: disk, network, processes.
    Environment,
    /// The test process ended before it had said everything.
    Crash,
    /// The report cannot be believed.
    Untrusted,
    /// A test held although its author expects a failure.
    UnexpectedPass,
}

impl ProblemClass {
    /// Returns the class in a word or two.
    pub fn label(&self) -> &str {
        match self {
            Self::Build => "build error",
            Self::Collection => "collection error",
            Self::Import => "import error",
            Self::Assertion => "assertion",
            Self::Exception { name } if name.is_empty() => "exception",
            Self::Exception { name } => name,
            Self::Timeout => "timeout",
            Self::Memory => "out of memory",
            Self::Limit => "limit of the sandbox",
            Self::Environment => "environment failure",
            Self::Crash => "crash",
            Self::Untrusted => "report not trustworthy",
            Self::UnexpectedPass => "unexpected pass",
        }
    }
}

/// Tests that fail in the same way, or something that concerns the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind.
    #[serde(flatten)]
    pub class: ProblemClass,
    /// What the tool said, capped.
    pub message: String,
    /// Where it came from, outermost first, capped; of a build error, the places it names.
    pub frames: Vec<Frame>,
    /// Some of the tests; empty where it concerns the whole run.
    pub tests: Vec<TestId>,
    /// How many tests there are.
    pub count: usize,
}

/// What a report says, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that were skipped, or failed as expected.
    pub skipped: usize,
    /// How the run ended, in a word.
    pub ending: String,
    /// What went wrong: the whole run first, then what most tests say.
    pub problems: Vec<Problem>,
    /// Further kinds of failures that are left out.
    pub left_out: usize,
    /// Bytes that [`Feedback::to_text`] may have.
    #[serde(skip, default = "whole_text")]
    most_text: usize,
}

fn whole_text() -> usize {
    FeedbackLimits::default().text
}

impl Feedback {
    /// Sums up a report.
    pub fn of(report: &TestReport, limits: &FeedbackLimits) -> Feedback {
        let count = |wanted: fn(TestStatus) -> bool| report.results.iter().filter(|it| wanted(it.status)).count();
        let mut problems: Vec<Problem> = of_run(report, limits).into_iter().collect();
        problems.extend(of_tests(&report.results, limits));
        let left_out = problems.len().saturating_sub(limits.problems);
        problems.truncate(limits.problems);
        Feedback {
            schema: SCHEMA,
            passed: count(|status| status == TestStatus::Passed),
            failed: count(TestStatus::is_failure),
            skipped: count(|status| matches!(status, TestStatus::Skipped | TestStatus::XFailed)),
            ending: clip(&one_line(&report.ending.to_string()), limits.message),
            problems,
            left_out,
            most_text: limits.text,
        }
    }

    /// Returns the text, cut to the size that was asked for.
    pub fn to_text(&self) -> String {
        let whole = self.to_string();
        if whole.len() <= self.most_text {
            return whole;
        }
        const CUT: &str = "\n[cut]\n";
        let room = self.most_text.saturating_sub(CUT.len());
        let end = whole.floor_char_boundary(room);
        // Half a line would read as if it were one.
        let end = whole[..end].rfind('\n').unwrap_or(end);
        format!("{}{CUT}", &whole[..end])
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        writeln!(f, "; run {}", self.ending)?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))?;
        match self.left_out {
            0 => Ok(()),
            more => writeln!(f, "\nand {more} further kinds of failures"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.class.label())?;
        for (at, test) in self.tests.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { " " } else { ", " }, one_line(test.as_str()))?;
        }
        match self.count.saturating_sub(self.tests.len()) {
            0 => writeln!(f)?,
            more => writeln!(f, " and {more} more")?,
        }
        for line in self.message.lines() {
            writeln!(f, "  {line}")?;
        }
        for frame in &self.frames {
            match frame.function.as_str() {
                "" => writeln!(f, "  at {}:{}", frame.path, frame.line)?,
                function => writeln!(f, "  at {}:{} in {function}", frame.path, frame.line)?,
            }
        }
        Ok(())
    }
}

/// What is wrong with the run as a whole.
fn of_run(report: &TestReport, limits: &FeedbackLimits) -> Option<Problem> {
    let (class, message, places): (ProblemClass, String, &[Frame]) = match &report.ending {
        RunEnding::Complete | RunEnding::StoppedEarly => return None,
        RunEnding::BuildFailed { message, places } => (ProblemClass::Build, message.clone(), places),
        RunEnding::CollectionFailed { message } => {
            // A test that says why is better than a run that only says that.
            if report.results.iter().any(|result| result.failure.is_some()) {
                return None;
            }
            (ProblemClass::Collection, message.clone(), &[])
        }
        RunEnding::Crashed { detail } => (ProblemClass::Crash, with_output(detail, report, limits), &[]),
        RunEnding::Tampered { detail } => (ProblemClass::Untrusted, detail.clone(), &[]),
        RunEnding::NoTests => (ProblemClass::Collection, with_output("no tests found", report, limits), &[]),
        ending @ (RunEnding::TotalTimeout | RunEnding::Silence) => (ProblemClass::Timeout, ending.to_string(), &[]),
        ending @ RunEnding::OutOfMemory => (ProblemClass::Memory, ending.to_string(), &[]),
        ending @ (RunEnding::OutputLimit
        | RunEnding::DiskFull
        | RunEnding::ProcessLimit
        | RunEnding::CpuTime
        | RunEnding::FileLimit) => (ProblemClass::Limit, ending.to_string(), &[]),
    };
    let frames = places.iter().take(limits.frames).map(clean_frame).collect();
    Some(Problem { class, message: clean(&message, limits.message), frames, tests: Vec::new(), count: 0 })
}

/// What the run says of itself, and the end of what it printed.
fn with_output(detail: &str, report: &TestReport, limits: &FeedbackLimits) -> String {
    let tail = report.output.trim_end();
    let start = tail.ceil_char_boundary(tail.len().saturating_sub(limits.message / 2));
    if tail.is_empty() { detail.to_owned() } else { format!("{detail}\n{}", &tail[start..]) }
}

/// What failing tests have in common: the kind, what was said, and the file and line where it came out.
type SameFailure = (ProblemClass, String, Option<(String, u32)>);

/// Groups failing tests that say the same, the largest group first.
fn of_tests(results: &[TestResult], limits: &FeedbackLimits) -> Vec<Problem> {
    let mut groups: BTreeMap<SameFailure, Vec<&TestResult>> = BTreeMap::new();
    for result in results {
        let Some(class) = class_of(result) else { continue };
        let failure = result.failure.as_ref();
        let message = failure.map(|failure| clean(&failure.message, limits.message)).unwrap_or_default();
        let place = failure.and_then(|failure| failure.frames.last()).map(|frame| (frame.path.clone(), frame.line));
        groups.entry((class, message, place)).or_default().push(result);
    }
    let mut problems: Vec<Problem> = groups
        .into_iter()
        .map(|((class, message, _), mut results)| {
            results.sort_by(|a, b| a.id.cmp(&b.id));
            let frames = results.first().and_then(|it| it.failure.as_ref()).map(|it| frames(it, limits));
            let tests = results.iter().take(limits.tests).map(|it| clean_id(&it.id)).collect();
            Problem { class, message, frames: frames.unwrap_or_default(), tests, count: results.len() }
        })
        .collect();
    // A failing build or import explains the failures behind it. The sort keeps the order of equals, which is that of their keys.
    problems.sort_by_key(|problem| (!problem.class.comes_first(), std::cmp::Reverse(problem.count)));
    problems
}

impl ProblemClass {
    fn comes_first(&self) -> bool {
        matches!(self, Self::Build | Self::Collection | Self::Import | Self::Environment)
    }
}

fn class_of(result: &TestResult) -> Option<ProblemClass> {
    if result.status == TestStatus::XPassed {
        return Some(ProblemClass::UnexpectedPass);
    }
    if !result.status.is_failure() {
        return None;
    }
    if result.status == TestStatus::TimedOut {
        return Some(ProblemClass::Timeout);
    }
    Some(match result.failure.as_ref().map(|failure| &failure.class) {
        None => ProblemClass::Exception { name: String::new() },
        Some(FailureClass::Assertion) => ProblemClass::Assertion,
        Some(FailureClass::Exception { name }) => ProblemClass::Exception { name: clip(&one_line(name), 80) },
        Some(FailureClass::Timeout) => ProblemClass::Timeout,
        Some(FailureClass::Import) => ProblemClass::Import,
        Some(FailureClass::Collection) => ProblemClass::Collection,
        Some(FailureClass::Build) => ProblemClass::Build,
        Some(FailureClass::Memory) => ProblemClass::Memory,
        Some(FailureClass::Environment) => ProblemClass::Environment,
    })
}

fn frames(failure: &Failure, limits: &FeedbackLimits) -> Vec<Frame> {
    let from = failure.frames.len().saturating_sub(limits.frames);
    failure.frames[from..].iter().map(clean_frame).collect()
}

fn clean_frame(frame: &Frame) -> Frame {
    let short = |text: &str| clip(&one_line(text), 200);
    Frame { path: short(&frame.path), line: frame.line, function: short(&frame.function) }
}

fn clean_id(id: &TestId) -> TestId {
    TestId::new(clip(&one_line(id.as_str()), 300))
}

/// A message without escapes, without what differs from run to run, without blank lines at its ends, and capped in its middle.
fn clean(message: &str, most: usize) -> String {
    let plain = text::plain(message.as_bytes());
    let lines: Vec<String> = plain.trim().lines().map(|line| without_chance(line.trim_end())).collect();
    middle_cut(&lines.join("\n"), most)
}

/// Puts `0x…` in place of addresses: they are different in every run.
fn without_chance(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("0x") {
        let (head, tail) = rest.split_at(at + 2);
        out.push_str(head);
        let digits = tail.bytes().take_while(u8::is_ascii_hexdigit).count();
        // A short number may be a value that matters; an address has at least six digits.
        if digits >= 6 {
            out.push('…');
        } else {
            out.push_str(&tail[..digits]);
        }
        rest = &tail[digits..];
    }
    out.push_str(rest);
    out
}

fn middle_cut(text: &str, most: usize) -> String {
    const CUT: &str = " [...] ";
    if text.len() <= most {
        return text.to_owned();
    }
    let half = most.saturating_sub(CUT.len()) / 2;
    let head = &text[..text.floor_char_boundary(half)];
    let tail = &text[text.ceil_char_boundary(text.len() - half)..];
    format!("{head}{CUT}{tail}")
}

fn one_line(text: &str) -> String {
    text::plain(text.as_bytes()).replace(['\n', '\t'], " ")
}

fn clip(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

#[cfg(test)]
mod tests;
