//! The events of `go test -json`, believed as far as they fit the order in which `testing` runs tests.
//!
//! `testing` starts a test function only when every one before it has ended or waits for its parallel turn, a subtest only inside a
//! running test, and ends only what it started. Any other event is output that imitates a result, and stays output.

use std::collections::HashMap;

use serde::Deserialize;

use crate::format::{MAX_ID, MAX_RESULTS, clip};
use crate::report::TestStatus;

/// Output kept of one test or package: head and tail.
const KEPT_OUTPUT: usize = 32 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    #[serde(default)]
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    elapsed: f64,
    #[serde(default)]
    output: String,
}

/// What the events say.
#[derive(Default)]
pub(super) struct Run {
    /// The packages in the order in which they were first named.
    pub(super) packages: Vec<Package>,
    by_path: HashMap<String, usize>,
    /// What compilers printed, as events.
    pub(super) build_output: String,
    /// Lines that are no events, and events without a package.
    pub(super) strange: usize,
    /// There are more results than are read.
    pub(super) too_many: bool,
    started: usize,
}

/// One package.
#[derive(Default)]
pub(super) struct Package {
    pub(super) path: String,
    /// Its tests in the order in which they were started.
    pub(super) tests: Vec<Test>,
    by_name: HashMap<String, usize>,
    /// Test functions that have started and neither ended nor wait.
    active: usize,
    pub(super) end: Option<PackageEnd>,
    /// How often its end was told.
    pub(super) ends: usize,
    pub(super) output: Kept,
}

/// How a package ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackageEnd {
    Passed,
    Failed,
    /// It has no tests.
    Skipped,
    NotBuilt,
}

/// One test.
pub(super) struct Test {
    pub(super) name: String,
    pub(super) status: Option<TestStatus>,
    pub(super) seconds: f64,
    pub(super) output: Kept,
    paused: bool,
}

/// Output, of which the middle is left out when it is long.
#[derive(Default)]
pub(super) struct Kept {
    head: String,
    tail: String,
}

impl Kept {
    fn push(&mut self, text: &str) {
        if self.head.len() + text.len() <= KEPT_OUTPUT {
            self.head.push_str(text);
            return;
        }
        self.tail.push_str(text);
        if self.tail.len() > 2 * KEPT_OUTPUT {
            let from = self.tail.ceil_char_boundary(self.tail.len() - KEPT_OUTPUT);
            self.tail.drain(..from);
        }
    }

    pub(super) fn text(&self) -> String {
        format!("{}{}", self.head, self.tail)
    }
}

impl Run {
    /// Reads the tool's stdout.
    pub(super) fn of(bytes: &[u8]) -> Run {
        let mut run = Run::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Event>(line) {
                Ok(event) => run.take(&event),
                Err(_) => run.plain(&String::from_utf8_lossy(line)),
            }
        }
        run
    }

    /// Before Go 1.24 a package that is not built is told in a plain line: `FAIL    PACKAGE [build failed]`.
    fn plain(&mut self, line: &str) {
        let failed = line.strip_prefix("FAIL").map(str::trim_start).and_then(|rest| rest.split_once(" ["));
        match failed {
            Some((path, "build failed]" | "setup failed]")) => self.package(path).finish(PackageEnd::NotBuilt),
            _ => self.strange += 1,
        }
    }

    fn take(&mut self, event: &Event) {
        if matches!(event.action.as_str(), "build-output" | "build-fail") {
            if self.build_output.len() < KEPT_OUTPUT * 8 {
                self.build_output.push_str(&event.output);
            }
            return;
        }
        if event.package.is_empty() {
            self.strange += 1;
            return;
        }
        self.started += usize::from(event.action == "run");
        if self.started > MAX_RESULTS {
            self.too_many = true;
            return;
        }
        self.package(&event.package).take(event);
    }

    fn package(&mut self, path: &str) -> &mut Package {
        let path = clip(path, MAX_ID);
        let at = *self.by_path.entry(path.to_owned()).or_insert_with(|| {
            self.packages.push(Package { path: path.to_owned(), ..Package::default() });
            self.packages.len() - 1
        });
        &mut self.packages[at]
    }
}

impl Package {
    fn take(&mut self, event: &Event) {
        let Some(test) = event.test.as_deref() else { return self.own(event) };
        let test = clip(test, MAX_ID);
        match event.action.as_str() {
            "run" => self.run(test),
            "pause" => self.pause(test, true),
            "cont" => self.pause(test, false),
            "pass" => self.end_test(test, TestStatus::Passed, event.elapsed),
            "fail" => self.end_test(test, TestStatus::Failed, event.elapsed),
            "skip" => self.end_test(test, TestStatus::Skipped, event.elapsed),
            "output" => {
                match self.test(test) {
                    Some(known) => known.output.push(&event.output),
                    None => self.output.push(&event.output),
                }
                self.end_within_a_line(test, &event.output);
            }
            _ => {}
        }
    }

    fn own(&mut self, event: &Event) {
        match event.action.as_str() {
            "pass" => self.finish(PackageEnd::Passed),
            "fail" if self.output.head.contains(" [build failed]\n") => self.finish(PackageEnd::NotBuilt),
            "fail" if self.output.head.contains(" [setup failed]\n") => self.finish(PackageEnd::NotBuilt),
            "fail" => self.finish(PackageEnd::Failed),
            "skip" => self.finish(PackageEnd::Skipped),
            "output" => self.output.push(&event.output),
            _ => {}
        }
    }

    fn finish(&mut self, end: PackageEnd) {
        self.ends += 1;
        self.end = Some(end);
    }

    fn test(&mut self, name: &str) -> Option<&mut Test> {
        let at = *self.by_name.get(name)?;
        self.tests.get_mut(at)
    }

    fn run(&mut self, name: &str) {
        let may_start = match name.rsplit_once('/') {
            Some(_) => self.parent_runs(name),
            None => self.active == 0,
        };
        if may_start && !self.by_name.contains_key(name) {
            self.active += usize::from(!name.contains('/'));
            self.by_name.insert(name.to_owned(), self.tests.len());
            let name = name.to_owned();
            self.tests.push(Test { name, status: None, seconds: 0.0, output: Kept::default(), paused: false });
        }
    }

    /// A subtest's own name may hold slashes, so any shorter name may be its parent's.
    fn parent_runs(&self, name: &str) -> bool {
        name.match_indices('/').any(|(at, _)| {
            let parent = self.by_name.get(&name[..at]).and_then(|at| self.tests.get(*at));
            parent.is_some_and(|parent| parent.status.is_none())
        })
    }

    fn pause(&mut self, name: &str, paused: bool) {
        let Some(test) = self.test(name) else { return };
        let changes = test.paused != paused && test.status.is_none() && !test.name.contains('/');
        test.paused = paused;
        match (changes, paused) {
            (true, true) => self.active = self.active.saturating_sub(1),
            (true, false) => self.active += 1,
            (false, _) => {}
        }
    }

    /// Of two results the worse one counts.
    fn end_test(&mut self, name: &str, status: TestStatus, seconds: f64) {
        let Some(test) = self.test(name) else { return };
        let ends = test.status.is_none() && !test.paused && !test.name.contains('/');
        let rank = |status| match status {
            TestStatus::Passed => 1,
            TestStatus::Skipped => 2,
            _ => 3,
        };
        if test.status.is_none_or(|known| rank(known) < rank(status)) {
            test.status = Some(status);
            test.seconds = seconds;
        }
        self.active -= usize::from(ends && self.active > 0);
    }

    /// Before Go 1.20 a result behind output without a line's end, as in `some text--- PASS: TestX (0.00s)`, is no event.
    fn end_within_a_line(&mut self, name: &str, output: &str) {
        for (word, status) in
            [("PASS", TestStatus::Passed), ("FAIL", TestStatus::Failed), ("SKIP", TestStatus::Skipped)]
        {
            if output.contains("--- ") && output.contains(&format!("--- {word}: {name} (")) {
                self.end_test(name, status, 0.0);
            }
        }
    }
}
