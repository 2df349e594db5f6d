//! The journal: JSON lines that our own reporters (`runner/reporters/*`) write from inside a test tool.
//!
//! Every line carries a token that is nowhere but in the reporter, and a running number; the last line states the tool's own counts.
//! So what a test prints cannot become a result, and what a test writes into the journal, or cuts off it, shows. A test in the same
//! process that sets out to can still take the reporter apart; nothing inside one process prevents that, which is why verdicts come
//! from the base's own tests and the gate looks at what a patch does.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use super::frames::{self, Base};
use super::{MAX_MESSAGE, MAX_RESULTS, UniqueIds, clip};
use crate::report::{Failure, FailureClass, Frame, TestId, TestResult, TestStatus, text};
use crate::tool::Collected;

mod judge;

pub(crate) use judge::{Language, failed_build, judge, printed, tail};

/// Where a reporter's source has the token.
const PLACE: &str = "@TOKEN@";
/// The folders' files that belong to a journal.
pub(crate) const COLLECT: &str = "events-*.jsonl";
const MAX_LINE: usize = 1 << 20;

/// Returns the token of the run with this report folder. It cannot be found from the folder's name: a key of this process goes in.
pub(crate) fn token(reports: &str) -> String {
    static KEY: OnceLock<[u8; 32]> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        let mut key = [0; 32];
        key[..16].copy_from_slice(one.as_bytes());
        key[16..].copy_from_slice(two.as_bytes());
        key
    });
    blake3::keyed_hash(key, reports.as_bytes()).to_hex().to_string()
}

/// Returns a reporter's source with the run's token in it.
pub(crate) fn with_token(source: &str, reports: &str) -> Vec<u8> {
    source.replace(PLACE, &token(reports)).into_bytes()
}

#[derive(Deserialize)]
struct Envelope {
    n: String,
    s: u64,
    #[serde(flatten)]
    event: Event,
}

#[derive(Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
enum Event {
    Begin {},
    Start(Named),
    Test(RawTest),
    Broken {
        #[serde(flatten)]
        named: Named,
        error: RawError,
    },
    End(Counts),
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    file: String,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Deserialize)]
struct RawTest {
    #[serde(flatten)]
    named: Named,
    status: RawStatus,
    #[serde(default)]
    ms: f64,
    #[serde(default)]
    error: Option<RawError>,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawStatus {
    Passed,
    Failed,
    Error,
    Skipped,
    Todo,
    XFailed,
    XPassed,
}

/// An error as a reporter describes it.
#[derive(Debug, Deserialize, Default)]
pub(crate) struct RawError {
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    stack: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    assertion: bool,
    /// Path, line and function, innermost first, where the language gives them apart.
    #[serde(default)]
    frames: Vec<(String, u32, String)>,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    tests: u64,
    failed: u64,
    #[serde(default)]
    broken: u64,
    #[serde(default)]
    stopped: bool,
}

/// What the journals of one run say.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// One result per test, and one per file or hook that broke.
    pub(crate) results: Vec<TestResult>,
    /// How many of those are tests.
    pub(crate) tests: usize,
    /// Whether there is a journal, and all of them end with their counts.
    pub(crate) ended: bool,
    /// Whether the tool gave up before all tests were run.
    pub(crate) stopped: bool,
    /// Tests that began and have no result.
    pub(crate) running: Vec<TestId>,
    /// How the process of a file ended before its tests were over, though the tool went on.
    pub(crate) crashed: Option<String>,
    /// What does not fit together.
    pub(crate) fault: Option<String>,
    broken: Vec<TestId>,
}

/// Reads the journals among the files of a run.
pub(crate) fn read(files: &[Collected], reports: &str, base: Base<'_>) -> Journal {
    let token = token(reports);
    let mut reader = Reader { base, journal: Journal::default(), ids: UniqueIds::default(), last: HashMap::new() };
    let mut all_ended = true;
    let mut journals = 0;
    for file in files.iter().filter(|file| !file.in_workspace && is_journal(&file.path)) {
        journals += 1;
        all_ended &= reader.one(&file.bytes, &token);
    }
    let mut journal = reader.journal;
    journal.ended = journals > 0 && all_ended;
    if journal.results.len() >= MAX_RESULTS {
        journal.fault.get_or_insert(format!("there are more than {MAX_RESULTS} results"));
    }
    journal
}

fn is_journal(path: &str) -> bool {
    path.starts_with("events-") && path.ends_with(".jsonl")
}

struct Reader<'a> {
    base: Base<'a>,
    journal: Journal,
    ids: UniqueIds,
    /// The last test of each name.
    last: HashMap<String, usize>,
}

/// The state of one file.
#[derive(Default)]
struct One {
    tests: u64,
    failed: u64,
    broken: u64,
    running: Option<(String, TestId)>,
    end: Option<Counts>,
}

impl Reader<'_> {
    /// Returns whether the journal ends with its counts.
    fn one(&mut self, bytes: &[u8], token: &str) -> bool {
        let mut one = One::default();
        let mut lines = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>();
        // What stands behind the last line end was cut while it was written; a journal that is cut has no end either.
        lines.pop();
        for (at, line) in (0_u64..).zip(&lines) {
            let event = if line.len() > MAX_LINE { None } else { serde_json::from_slice::<Envelope>(line).ok() };
            match event {
                Some(Envelope { n, s, event }) if n == token && s == at && one.end.is_none() => {
                    self.take(event, &mut one);
                }
                _ => {
                    self.fault("a line of the report is not the reporter's");
                    break;
                }
            }
        }
        self.journal.running.extend(one.running.map(|(_, id)| id));
        let Some(end) = one.end else { return false };
        self.journal.stopped |= end.stopped;
        if (end.tests, end.failed) != (one.tests, one.failed) || (end.broken > 0) != (one.broken > 0) {
            self.fault(&format!(
                "the tool counts {} tests and {} failures, its report has {} and {}",
                end.tests, end.failed, one.tests, one.failed
            ));
        }
        true
    }

    fn fault(&mut self, detail: &str) {
        self.journal.fault.get_or_insert_with(|| detail.to_owned());
    }

    fn take(&mut self, event: Event, one: &mut One) {
        if self.journal.results.len() >= MAX_RESULTS {
            return;
        }
        match event {
            Event::Begin {} => {}
            Event::Start(named) => {
                let name = self.name(&named);
                one.running = Some((name.clone(), TestId::new(clip(&name, super::MAX_ID))));
            }
            Event::Test(test) => self.test(&test, one),
            Event::Broken { named, error } => self.broken(&named, &error, one),
            Event::End(counts) => one.end = Some(counts),
        }
    }

    fn name(&self, named: &Named) -> String {
        let file = self.base.inside(&named.file);
        let names = named.names.iter().map(|name| text::plain(name.as_bytes()).replace('\n', " "));
        file.into_iter().chain(names).collect::<Vec<_>>().join("::")
    }

    fn test(&mut self, raw: &RawTest, one: &mut One) {
        let name = self.name(&raw.named);
        if one.running.as_ref().is_some_and(|(running, _)| *running == name) {
            one.running = None;
        }
        one.tests += 1;
        let failed = matches!(raw.status, RawStatus::Failed | RawStatus::Error);
        one.failed += u64::from(failed);
        let id = TestId::new(self.ids.give(&name));
        let nothing = RawError::default();
        let why = failed.then(|| failure(raw.error.as_ref().unwrap_or(&nothing), self.base));
        let status = match (raw.status, why.as_ref().map(|why| &why.class)) {
            (RawStatus::Failed | RawStatus::Error, Some(FailureClass::Timeout)) => TestStatus::TimedOut,
            (RawStatus::Passed, _) => TestStatus::Passed,
            (RawStatus::Failed, _) => TestStatus::Failed,
            (RawStatus::Error, _) => TestStatus::Error,
            (RawStatus::Skipped | RawStatus::Todo, _) => TestStatus::Skipped,
            (RawStatus::XFailed, _) => TestStatus::XFailed,
            (RawStatus::XPassed, _) => TestStatus::XPassed,
        };
        let failure = why.or_else(|| reason(raw));
        let duration = crate::report::assemble::seconds(raw.ms / 1000.0);
        self.journal.tests += 1;
        self.last.insert(name, self.journal.results.len());
        self.journal.results.push(TestResult { id, status, duration, failure });
    }

    fn broken(&mut self, named: &Named, error: &RawError, one: &mut One) {
        one.broken += 1;
        match error.code.as_str() {
            "PATCHWRIGHT_TAMPERED" => self.fault(&format!("{}: {}", named.file, clip(&error.message, 500))),
            "PATCHWRIGHT_ENDED" => {
                let file = self.base.inside(&named.file).map(|file| format!("{file}: ")).unwrap_or_default();
                let detail = || format!("{file}{}", clip(&error.message, 500));
                self.journal.crashed.get_or_insert_with(detail);
            }
            _ => {}
        }
        let name = self.name(named);
        if let Some(result) = self.last.get(&name).and_then(|at| self.journal.results.get_mut(*at)) {
            // A test that failed after it had been reported: the worse counts.
            result.status = TestStatus::Failed;
            result.failure = Some(failure(error, self.base));
            return;
        }
        let id = TestId::new(self.ids.give(if name.is_empty() { "unhandled errors" } else { &name }));
        let mut failure = failure(error, self.base);
        let plain = matches!(failure.class, FailureClass::Exception { .. }) && error.code != "PATCHWRIGHT_ENDED";
        if plain && named.names.is_empty() && !named.file.is_empty() {
            failure.class = FailureClass::Collection;
        }
        self.journal.broken.push(id.clone());
        let failure = Some(failure);
        self.journal.results.push(TestResult { id, status: TestStatus::Error, duration: Duration::ZERO, failure });
    }
}

/// The reason of a test that was not run.
fn reason(raw: &RawTest) -> Option<Failure> {
    let todo = if raw.status == RawStatus::Todo { "todo" } else { "" };
    let said = if raw.reason.is_empty() { todo } else { &raw.reason };
    let not_run = matches!(raw.status, RawStatus::Skipped | RawStatus::Todo | RawStatus::XFailed);
    (not_run && !said.is_empty()).then(|| Failure {
        class: FailureClass::Exception { name: "Skipped".to_owned() },
        message: text::plain(clip(said, MAX_MESSAGE).as_bytes()),
        frames: Vec::new(),
    })
}

/// Returns why a test did not hold.
pub(crate) fn failure(error: &RawError, base: Base<'_>) -> Failure {
    let message = base.text(&text::plain(clip(&error.message, MAX_MESSAGE).as_bytes()));
    let class = class(error, &message);
    let given = error.frames.iter().filter_map(|(path, line, function)| {
        let function = clip(function, 200).to_owned();
        Some(Frame { path: base.own(path)?, line: *line, function })
    });
    let mut found = given.take(40).collect::<Vec<_>>();
    found.reverse();
    if found.is_empty() {
        found = frames::of_v8(&text::plain(clip(&error.stack, 256 << 10).as_bytes()), base);
    }
    if matches!(class, FailureClass::Build) || found.is_empty() {
        let places = frames::named(&format!("{}\n{}", error.message, error.stack), base);
        // A compiler's own stack says nothing; what it names does.
        if !places.is_empty() {
            found = places;
        }
    }
    let message = if message.trim().is_empty() { error.name.clone() } else { message };
    Failure { class, message, frames: found }
}

fn class(error: &RawError, message: &str) -> FailureClass {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word) || error.name.contains(word));
    match error.code.as_str() {
        "ERR_MOCHA_TIMEOUT" | "ERR_TEST_TIMEOUT" => return FailureClass::Timeout,
        "MODULE_NOT_FOUND" | "ERR_MODULE_NOT_FOUND" => return FailureClass::Import,
        "ENOSPC" | "EMFILE" | "ENFILE" | "EAGAIN" | "ENOMEM" | "ENETUNREACH" | "EAI_AGAIN" | "ENOTFOUND" => {
            return FailureClass::Environment;
        }
        _ => {}
    }
    if error.stack.starts_with("RollupError") || error.stack.contains("parseAst") {
        return FailureClass::Build;
    }
    if error.assertion {
        return FailureClass::Assertion;
    }
    if says(&["Exceeded timeout of", "Test timed out in", "Hook timed out in", "Async callback was not invoked"]) {
        return FailureClass::Timeout;
    }
    if says(&[
        "SyntaxError",
        "Transform failed",
        "Failed to parse",
        "Unable to compile TypeScript",
        "error TS",
        "ParseError",
        "Parse failure",
        "Expected a semicolon",
    ]) {
        return FailureClass::Build;
    }
    if says(&[
        "Cannot find module",
        "Cannot find package",
        "Failed to resolve import",
        "Failed to load url",
        "LoadError",
        "cannot load such file",
    ]) {
        return FailureClass::Import;
    }
    if says(&["AssertionError"]) {
        return FailureClass::Assertion;
    }
    if says(&["NoMemoryError", "Array buffer allocation failed"]) {
        return FailureClass::Memory;
    }
    if error.code == "PATCHWRIGHT_ENDED" {
        return FailureClass::Exception { name: "ProcessEnded".to_owned() };
    }
    let name = if error.name.is_empty() { "Error" } else { &error.name };
    FailureClass::Exception { name: clip(name, 200).to_owned() }
}

#[cfg(test)]
mod tests;
