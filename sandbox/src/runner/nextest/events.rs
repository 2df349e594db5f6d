//! nextest's `libtest-json-plus`: one JSON object a line. What a test prints is inside of strings.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::format::{MAX_ID, MAX_RESULTS, clip};
use crate::report::TestStatus;

/// Longest duration that is believed, in seconds.
const LONGEST: f64 = 1e7;

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    of: String,
    event: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    exec_time: f64,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    passed: usize,
    #[serde(default)]
    failed: usize,
}

/// What nextest says of one test.
#[derive(Debug, PartialEq)]
pub(super) struct Case {
    /// `PACKAGE::TARGET`.
    pub(super) binary: String,
    pub(super) name: String,
    /// Passed, failed or skipped.
    pub(super) status: TestStatus,
    pub(super) duration: Duration,
    /// What it wrote on both of its streams, if it failed.
    pub(super) said: String,
}

/// What nextest says of a run.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The tests that ended, in that order.
    pub(super) cases: Vec<Case>,
    /// Those that were started and never ended, as `PACKAGE::TARGET$NAME`. nextest says of some ignored tests that they start.
    pub(super) open: Vec<String>,
    /// What does not fit together.
    pub(super) contradiction: Option<String>,
}

impl Events {
    /// Reads the events, and compares their number with nextest's own counts.
    pub(super) fn of(bytes: &[u8]) -> Events {
        let mut events = Events::default();
        let mut open = HashMap::<String, usize>::new();
        // Its counts come in parts: a program is reported each time when no test of it is running.
        let (mut passed, mut failed) = (0_usize, 0_usize);
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(event) = serde_json::from_slice::<Event>(line) else {
                events.contradiction.get_or_insert("a line of the report is no event".to_owned());
                continue;
            };
            match (event.of.as_str(), event.event.as_str()) {
                ("suite", "ok" | "failed") => {
                    passed = passed.saturating_add(event.passed);
                    failed = failed.saturating_add(event.failed);
                }
                ("test", "started") => *open.entry(event.name).or_default() += 1,
                ("test", said) => {
                    let was_open = open.get_mut(&event.name).filter(|open| **open > 0).map(|open| *open -= 1);
                    if was_open.is_none() {
                        events.contradiction.get_or_insert("a test ended that was not started".to_owned());
                    }
                    let status = match said {
                        "ok" => TestStatus::Passed,
                        "ignored" => TestStatus::Skipped,
                        _ => TestStatus::Failed,
                    };
                    events.cases.extend(case(event, status).filter(|_| events.cases.len() < MAX_RESULTS));
                }
                _ => {}
            }
        }
        events.open = open.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect();
        let count = |wanted| events.cases.iter().filter(|case| case.status == wanted).count();
        if (count(TestStatus::Passed), count(TestStatus::Failed)) != (passed, failed) {
            let said = format!("nextest counts {passed} passed and {failed} failed, which its results are not");
            events.contradiction.get_or_insert(said);
        }
        events
    }
}

/// `PACKAGE::TARGET$NAME`.
fn case(event: Event, status: TestStatus) -> Option<Case> {
    let (binary, name) = event.name.split_once('$')?;
    let seconds = if event.exec_time.is_finite() { event.exec_time.clamp(0.0, LONGEST) } else { 0.0 };
    Some(Case {
        binary: clip(binary, MAX_ID).to_owned(),
        name: clip(name, MAX_ID).to_owned(),
        status,
        duration: Duration::from_secs_f64(seconds),
        said: event.stdout,
    })
}
