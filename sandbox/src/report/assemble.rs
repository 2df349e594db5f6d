//! From the event stream of a child to a report.
//!
//! The stream is written by a process in which untrusted code runs, so it is checked as a whole: every event carries the run's nonce,
//! results name collected tests and none twice, and the last event states the same count. Code in the same interpreter that sets out
//! to forge a report can find the nonce in memory; nothing inside one process can prevent that. What this does stop is output that
//! imitates a report, leaving early with exit code 0, stray writers on the descriptor, and reports cut short. A verdict is therefore
//! taken from a fresh box with the base's own tests, and the policy gate looks at what the patch does.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nix::libc;
use repo::RepoPath;
use serde::Deserialize;

use super::{Failure, FailureClass, Frame, RunEnding, TestCoverage, TestId, TestResult, TestStatus};
use crate::protocol::{Done, Killed};
use crate::workbench::trace::RawTrace;

const MAX_STREAM: usize = 64 << 20;
const MAX_EVENT: usize = 32 << 20;
const MAX_MESSAGE: usize = 8 << 10;
const MAX_ID: usize = 4 << 10;
const MAX_LINES: usize = 4_000_000;

#[derive(Deserialize)]
struct Envelope {
    n: String,
    #[serde(flatten)]
    event: Event,
}

#[derive(Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
enum Event {
    Collected { ids: Vec<String> },
    Start { id: String, limit: f64 },
    Result(RawResult),
    Trace(RawTrace),
    Internal { message: String },
    Finished { count: usize, collected: usize, code: i32, stopped: Option<String> },
}

#[derive(Deserialize)]
struct RawResult {
    id: String,
    status: TestStatus,
    seconds: f64,
    failure: Option<RawFailure>,
    #[serde(default)]
    extra: bool,
    #[serde(default)]
    lines: HashMap<String, Vec<u32>>,
}

#[derive(Deserialize)]
struct RawFailure {
    class: String,
    #[serde(default, rename = "type")]
    name: String,
    message: String,
    frames: Vec<(String, i64, String)>,
    flag: Option<Flag>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Flag {
    Disk,
    Output,
    Processes,
    Files,
}

struct Finished {
    count: usize,
    collected: usize,
    code: i32,
    stopped: bool,
}

/// Collects the events of one run.
pub(crate) struct Assembler {
    nonce: String,
    unread: Vec<u8>,
    received: usize,
    collected: Vec<String>,
    known: HashSet<String>,
    reported: HashSet<String>,
    running: Option<(String, f64)>,
    results: Vec<TestResult>,
    extra: usize,
    coverage: Vec<TestCoverage>,
    covered: usize,
    flag: Option<Flag>,
    internal: Option<String>,
    trace: Option<RawTrace>,
    finished: Option<Finished>,
    broken: Option<String>,
}

/// What a run's events and its end amount to.
pub(crate) struct Assembled {
    pub(crate) results: Vec<TestResult>,
    pub(crate) coverage: Vec<TestCoverage>,
    pub(crate) ending: RunEnding,
    /// One test hung where only killing helped, and these were not run.
    pub(crate) left_by_hang: Option<Vec<TestId>>,
    /// The tool refused its arguments.
    pub(crate) usage_error: bool,
    /// What was observed of a function, when asked for.
    pub(crate) trace: Option<RawTrace>,
}

impl Assembler {
    pub(crate) fn new(nonce: String) -> Self {
        Self {
            nonce,
            unread: Vec::new(),
            received: 0,
            collected: Vec::new(),
            known: HashSet::new(),
            reported: HashSet::new(),
            running: None,
            results: Vec::new(),
            extra: 0,
            coverage: Vec::new(),
            covered: 0,
            flag: None,
            internal: None,
            trace: None,
            finished: None,
            broken: None,
        }
    }

    /// Takes a piece of the stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(bytes.len());
        if self.received > MAX_STREAM {
            self.breaks("the report is larger than allowed");
        }
        if self.broken.is_some() {
            return;
        }
        self.unread.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(length) =
            self.unread.get(at..at + 4).and_then(|head| head.try_into().ok()).map(u32::from_be_bytes)
        {
            let length = length as usize;
            if length > MAX_EVENT {
                self.breaks("an event is larger than allowed");
                break;
            }
            let Some(event) = self.unread.get(at + 4..at + 4 + length) else { break };
            let event = serde_json::from_slice::<Envelope>(event);
            at += 4 + length;
            match event {
                Ok(Envelope { n, event }) if n == self.nonce => self.take(event),
                Ok(_) => self.breaks("an event does not belong to this run"),
                Err(error) => self.breaks(format!("an event cannot be read: {error}")),
            }
        }
        self.unread.drain(..at);
    }

    fn breaks(&mut self, detail: impl Into<String>) {
        self.broken.get_or_insert(detail.into());
    }

    fn take(&mut self, event: Event) {
        if self.finished.is_some() {
            return self.breaks("an event follows the end of the session");
        }
        match event {
            Event::Collected { ids } => {
                for id in ids {
                    if id.len() > MAX_ID || !self.known.insert(id.clone()) {
                        return self
                            .breaks(format!("test {} is collected twice or has too long a name", clip(id, 200)));
                    }
                    self.collected.push(id);
                }
            }
            Event::Start { id, limit } => self.running = Some((id, limit)),
            Event::Result(result) => self.result(result),
            Event::Trace(trace) => self.trace = Some(trace),
            Event::Internal { message } => self.internal = Some(clip(message, MAX_MESSAGE)),
            Event::Finished { count, collected, code, stopped } => {
                self.running = None;
                self.finished = Some(Finished { count, collected, code, stopped: stopped.is_some() });
            }
        }
    }

    fn result(&mut self, raw: RawResult) {
        self.running = None;
        if raw.extra {
            self.extra += 1;
        } else if !self.known.contains(&raw.id) {
            return self.breaks(format!("there is a result for {}, which was not collected", clip(raw.id, 200)));
        } else if !self.reported.insert(raw.id.clone()) {
            return self.breaks(format!("there are two results for {}", clip(raw.id, 200)));
        }
        if let Some(flag) = raw.failure.as_ref().and_then(|failure| failure.flag) {
            self.flag.get_or_insert(flag);
        }
        let id = TestId::new(clip(raw.id, MAX_ID));
        if !raw.lines.is_empty() {
            self.cover(id.clone(), raw.lines);
        }
        let failure = raw.failure.map(failure);
        self.results.push(TestResult { id, status: raw.status, duration: seconds(raw.seconds), failure });
    }

    fn cover(&mut self, test: TestId, lines: HashMap<String, Vec<u32>>) {
        let mut files = Vec::new();
        for (path, ranges) in lines {
            let Ok(path) = RepoPath::new(&path) else { continue };
            let mut expanded = Vec::new();
            for pair in ranges.chunks_exact(2) {
                let count = (pair[1] as usize).min(MAX_LINES.saturating_sub(self.covered));
                self.covered += count;
                expanded.extend((0..count).filter_map(|step| pair[0].checked_add(u32::try_from(step).ok()?)));
            }
            expanded.sort_unstable();
            expanded.dedup();
            files.push((path, expanded));
        }
        files.sort();
        self.coverage.push(TestCoverage { test, lines: files });
    }

    /// Judges the run once its child is gone.
    pub(crate) fn finish(mut self, done: &Done) -> Assembled {
        let mut left_by_hang = None;
        if done.killed == Some(Killed::Hang)
            && let Some((id, limit)) = self.running.take()
        {
            self.time_out(id, limit);
            left_by_hang = Some(self.left());
        }
        let usage_error = self.finished.as_ref().is_some_and(|finished| finished.code == 4);
        let ending = self.ending(done);
        Assembled {
            results: self.results,
            coverage: self.coverage,
            ending,
            left_by_hang,
            usage_error,
            trace: self.trace,
        }
    }

    /// Judges the run when the whole box is gone.
    pub(crate) fn abandon(self, ending: RunEnding) -> Assembled {
        Assembled {
            results: self.results,
            coverage: self.coverage,
            ending,
            left_by_hang: None,
            usage_error: false,
            trace: None,
        }
    }

    fn left(&self) -> Vec<TestId> {
        self.collected.iter().filter(|id| !self.reported.contains(*id)).map(|id| TestId::new(id.clone())).collect()
    }

    fn time_out(&mut self, id: String, limit: f64) {
        if !self.known.contains(&id) || !self.reported.insert(id.clone()) {
            return;
        }
        let message =
            format!("the test exceeded its limit of {limit} s and could only be ended by killing its process");
        let failure = Failure { class: FailureClass::Timeout, message, frames: Vec::new() };
        self.results.push(TestResult {
            id: TestId::new(id),
            status: TestStatus::TimedOut,
            duration: seconds(limit),
            failure: Some(failure),
        });
    }

    fn ending(&mut self, done: &Done) -> RunEnding {
        if let Some(detail) = self.broken.take() {
            return RunEnding::Tampered { detail };
        }
        match done.killed {
            Some(Killed::Total | Killed::Hang) => return RunEnding::TotalTimeout,
            Some(Killed::Silence) => return RunEnding::Silence,
            Some(Killed::Output) => return RunEnding::OutputLimit,
            Some(Killed::Cpu) => return RunEnding::CpuTime,
            Some(Killed::Events) => {
                return RunEnding::Tampered { detail: "the report is larger than allowed".to_owned() };
            }
            Some(Killed::Gone) => return RunEnding::Crashed { detail: "the sandbox was given up".to_owned() },
            None => {}
        }
        let Some(finished) = &self.finished else { return self.unfinished(done) };
        if done.exit != Some(0) || !self.unread.is_empty() {
            return RunEnding::Tampered { detail: format!("the session finished, but its process {}", end_of(done)) };
        }
        if finished.count != self.results.len() || finished.collected != self.collected.len() {
            return RunEnding::Tampered {
                detail: format!(
                    "the session states {} results of {} tests, the report has {} of {}",
                    finished.count,
                    finished.collected,
                    self.results.len(),
                    self.collected.len()
                ),
            };
        }
        if let Some(flag) = self.flag {
            return flag.ending();
        }
        self.finished_ending(finished)
    }

    fn unfinished(&self, done: &Done) -> RunEnding {
        match (limit_of(done), self.flag) {
            (Some(ending @ (RunEnding::OutOfMemory | RunEnding::CpuTime)), _) => ending,
            (_, Some(flag)) => flag.ending(),
            (Some(ending), None) => ending,
            (None, None) => {
                RunEnding::Crashed { detail: format!("the test process {} before the session finished", end_of(done)) }
            }
        }
    }

    /// The codes are pytest's; our unittest runner uses the same.
    fn finished_ending(&self, finished: &Finished) -> RunEnding {
        let run = self.results.len() - self.extra;
        let collection_failed = || RunEnding::CollectionFailed { message: self.collection_message() };
        match finished.code {
            3 => RunEnding::Crashed {
                detail: format!("the test tool broke: {}", self.internal.as_deref().unwrap_or("see its output")),
            },
            4 => collection_failed(),
            _ if finished.stopped => RunEnding::StoppedEarly,
            _ if finished.collected == 0 && self.extra > 0 => collection_failed(),
            _ if finished.collected == 0 => RunEnding::NoTests,
            _ if run < finished.collected => RunEnding::StoppedEarly,
            _ => RunEnding::Complete,
        }
    }

    fn collection_message(&self) -> String {
        let failure = self.results.iter().find_map(|result| result.failure.as_ref());
        failure.map_or_else(|| "see the output".to_owned(), |failure| failure.message.clone())
    }
}

impl Flag {
    fn ending(self) -> RunEnding {
        match self {
            Self::Disk => RunEnding::DiskFull,
            Self::Output => RunEnding::OutputLimit,
            Self::Processes => RunEnding::ProcessLimit,
            Self::Files => RunEnding::FileLimit,
        }
    }
}

/// Returns the limit that explains why a child did not do what it should have done.
pub(crate) fn limit_of(done: &Done) -> Option<RunEnding> {
    match (done.oom, done.signal) {
        (Some(true), _) | (None, Some(libc::SIGKILL)) => Some(RunEnding::OutOfMemory),
        (_, Some(libc::SIGXCPU)) => Some(RunEnding::CpuTime),
        (_, Some(libc::SIGXFSZ)) => Some(RunEnding::DiskFull),
        _ if done.refused == Some(true) => Some(RunEnding::ProcessLimit),
        _ if done.full => Some(RunEnding::DiskFull),
        _ if done.crowded => Some(RunEnding::FileLimit),
        _ => None,
    }
}

fn end_of(done: &Done) -> String {
    match (done.exit, done.signal) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

fn failure(raw: RawFailure) -> Failure {
    let class = match raw.class.as_str() {
        "assertion" => FailureClass::Assertion,
        "timeout" => FailureClass::Timeout,
        "import" => FailureClass::Import,
        "collection" => FailureClass::Collection,
        "memory" => FailureClass::Memory,
        "environment" => FailureClass::Environment,
        _ => FailureClass::Exception { name: clip(raw.name, 200) },
    };
    let frame = |(path, line, function): (String, i64, String)| Frame {
        path: clip(path, MAX_ID),
        line: u32::try_from(line).unwrap_or(0),
        function: clip(function, 200),
    };
    let frames = raw.frames.into_iter().take(64).map(frame).collect();
    Failure { class, message: super::text::plain(clip(raw.message, MAX_MESSAGE).as_bytes()), frames }
}

fn clip(mut text: String, length: usize) -> String {
    text.truncate(text.floor_char_boundary(length));
    text
}

/// Durations come from the box: nonsense becomes zero.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
