//! From what the test programs left behind to results.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::build::Built;
use super::{WHOLE_CRATE, cover, libtest};
use crate::format::place::Place;
use crate::format::{UniqueIds, clip};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::{StepKind, StepOutput, ToolOutput, ToolReport};
use crate::workbench::Coverage;

/// What `timeout` returns.
const TIMED_OUT: [i32; 2] = [124, 137];

/// Reads a run.
pub(super) fn read(left: &ToolOutput<'_>) -> ToolReport {
    let built = match built(left) {
        Ok(built) => built,
        Err(ending) => return ToolReport::empty(ending),
    };
    let mut reading = Reading::of(left);
    if let Some(step) = left.last_of(StepKind::Test) {
        let programs = Program::all(left);
        for program in programs.values() {
            reading.program(program);
        }
        let ran = reading.select.is_some() || programs.len() == built.programs.len();
        reading.judge(&step.ending, step.exit_code, ran);
    }
    // Behind the programs comes the report of lines, where they are counted, and then the doc-tests.
    let counted = left.run.coverage == Coverage::PerTest && left.last_of(StepKind::Test).is_some();
    if let Some(step) = left.steps.iter().filter(|step| step.kind == StepKind::After).nth(usize::from(counted)) {
        reading.docs(step);
    }
    cover::add_lines(reading.into_report(), left)
}

/// Returns what was built.
///
/// # Errors
/// How the run ended, when the build failed.
pub(in crate::runner) fn built(left: &ToolOutput<'_>) -> Result<Built, RunEnding> {
    let built = Built::of(left.report("build.jsonl").map_or(&b""[..], |file| &file.bytes), Place::of(&left.run));
    let failed = |step: &&StepOutput| step.ending != RunEnding::Complete || step.exit_code != Some(0);
    match left.steps.iter().filter(|step| step.kind == StepKind::Build).find(failed) {
        None => Ok(built),
        Some(step) if step.ending == RunEnding::Complete => Err(built.failed(&step.stderr)),
        Some(step) => Err(step.ending.clone()),
    }
}

/// What one test program left behind.
#[derive(Default)]
struct Program<'a> {
    files: HashMap<&'a str, &'a [u8]>,
}

impl<'a> Program<'a> {
    /// In the order of their source files.
    fn all(left: &ToolOutput<'a>) -> BTreeMap<(String, &'a str), Program<'a>> {
        let mut numbered = BTreeMap::<&str, Program<'a>>::new();
        for file in left.files.iter().filter(|file| !file.in_workspace) {
            let Some((number, name)) = file.path.strip_prefix("programs/").and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            numbered.entry(number).or_default().files.insert(name, &file.bytes);
        }
        numbered.into_iter().map(|(number, program)| ((program.text("source"), number), program)).collect()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(self.files.get(name).copied().unwrap_or_default()).trim_end().to_owned()
    }

    fn code(&self, name: &str) -> Option<i32> {
        self.text(name).parse().ok()
    }
}

/// The results of a run as they are gathered.
pub(in crate::runner) struct Reading<'a> {
    pub(in crate::runner) place: Place<'a>,
    select: Option<&'a [TestId]>,
    ids: UniqueIds,
    results: Vec<TestResult>,
    trouble: Option<RunEnding>,
}

impl<'a> Reading<'a> {
    pub(in crate::runner) fn of(left: &ToolOutput<'a>) -> Self {
        let place = Place::of(&left.run);
        Self { place, select: left.run.select, ids: UniqueIds::default(), results: Vec::new(), trouble: None }
    }

    /// Returns the results, and how the run ended: by the first trouble, if there was any.
    pub(in crate::runner) fn into_report(self) -> ToolReport {
        let any = !self.results.is_empty();
        let ending = self.trouble.unwrap_or(if any { RunEnding::Complete } else { RunEnding::NoTests });
        ToolReport::new(self.results, ending)
    }

    /// Notes what is wrong with the run, unless something was wrong before.
    pub(in crate::runner) fn trouble(&mut self, ending: RunEnding) {
        self.trouble.get_or_insert(ending);
    }

    fn program(&mut self, program: &Program<'_>) {
        let source = program.text("source");
        let source = self.place.inside(&source).unwrap_or(source);
        if program.files.contains_key("own") {
            return self.own_harness(&source, program);
        }
        let out = text::plain(program.files.get("out").copied().unwrap_or_default());
        let printed = libtest::printed(&out);
        let names = program.text("list").lines().map(str::to_owned).collect::<Vec<_>>();
        let logged = match program.files.get("log") {
            Some(log) => libtest::log(log),
            // A libtest that keeps no log.
            None => self.printed_alone(&source, &printed, program.code("code")),
        };
        let mut known = HashMap::<&str, TestStatus>::new();
        for (name, status) in &logged {
            let worst = known.entry(name).or_insert(*status);
            *worst = if rank(*status) > rank(*worst) { *status } else { *worst };
        }
        let again = Again::of(program);
        let mut missing = 0;
        for name in &names {
            let said = printed.failures.get(name).map_or("", String::as_str);
            match (known.get(name.as_str()), again.get(name.as_str())) {
                (Some(status), _) => self.push(&source, name, *status, libtest::failure(said, name, self.place)),
                (None, Some(second)) => self.second(&source, name, second, program),
                (None, None) => missing += 1,
            }
        }
        if missing > 0 {
            let detail = format!("{missing} tests of {} have no result", clip(&source, 200));
            self.trouble(RunEnding::Crashed { detail });
        }
        let failed = known.values().any(|status| status.is_failure());
        let agrees = if again.is_empty() { program.code("code") == Some(if failed { 101 } else { 0 }) } else { true };
        if missing == 0 && !agrees {
            let code = program.text("code");
            let detail = format!("the exit code of {} is {code}, which its results do not explain", clip(&source, 200));
            self.trouble(RunEnding::Tampered { detail });
        }
    }

    /// Results by stdout, where a test can write as well: only if every count agrees.
    fn printed_alone(
        &mut self,
        source: &str,
        printed: &libtest::Printed,
        code: Option<i32>,
    ) -> Vec<(String, TestStatus)> {
        let names = printed.results.iter().map(|(name, _)| name).collect::<HashSet<_>>();
        let twice = names.len() != printed.results.len();
        if printed.runs != 1 || printed.contradiction.is_some() || twice || code.is_none() {
            let why = printed.contradiction.as_deref().unwrap_or("it does not end as it should");
            let detail = format!("what {} printed is no report: {why}", clip(source, 200));
            self.trouble(RunEnding::Tampered { detail });
            return Vec::new();
        }
        printed.results.clone()
    }

    /// A test that was run again in a process of its own, since the first process did not come to it, or ended in it.
    fn second(&mut self, source: &str, name: &str, second: &Again<'_>, program: &Program<'_>) {
        let log = program.files.get(format!("log-{}", second.number).as_str()).copied().unwrap_or_default();
        let out =
            text::plain(program.files.get(format!("out-{}", second.number).as_str()).copied().unwrap_or_default());
        let logged = libtest::log(log).into_iter().find(|(known, _)| known == name).map(|(_, status)| status);
        let said = libtest::printed(&out).failures.remove(name).unwrap_or_default();
        let failure = libtest::failure(&said, name, self.place);
        match (logged, second.code) {
            (Some(TestStatus::Passed), 0) => self.push(source, name, TestStatus::Passed, failure),
            (Some(TestStatus::Skipped), 0) => self.push(source, name, TestStatus::Skipped, failure),
            (Some(TestStatus::Failed), 101) => self.push(source, name, TestStatus::Failed, failure),
            (_, code) => {
                let (status, failure) = ended_process(code, &out, name, self.place);
                self.push(source, name, status, failure);
            }
        }
    }

    fn own_harness(&mut self, source: &str, program: &Program<'_>) {
        let code = program.code("own");
        let status = match code {
            Some(0) => TestStatus::Passed,
            Some(code) if TIMED_OUT.contains(&code) => TestStatus::TimedOut,
            _ => TestStatus::Failed,
        };
        let said = crate::format::compiler::last_lines(program.files.get("out").copied().unwrap_or_default());
        let class = match status {
            TestStatus::TimedOut => FailureClass::Timeout,
            _ => FailureClass::Exception { name: "exit".to_owned() },
        };
        self.push(source, "", status, Failure { class, message: said, frames: Vec::new() });
    }

    fn push(&mut self, source: &str, name: &str, status: TestStatus, failure: Failure) {
        self.push_timed(source, name, status, failure, Duration::ZERO);
    }

    /// Adds a result; of one that passed the failure is dropped.
    pub(in crate::runner) fn push_timed(
        &mut self,
        source: &str,
        name: &str,
        status: TestStatus,
        failure: Failure,
        duration: Duration,
    ) {
        let id = if name.is_empty() { source.to_owned() } else { format!("{source}::{name}") };
        let failure = match status {
            TestStatus::Passed => None,
            TestStatus::Skipped => {
                let class = FailureClass::Exception { name: "ignored".to_owned() };
                Some(Failure { class, message: "the test is marked as ignored".to_owned(), frames: Vec::new() })
            }
            _ => Some(failure),
        };
        let id = TestId::new(self.ids.give(&id));
        self.results.push(TestResult { id, status, duration, failure });
    }

    /// Holds the results against the exit code; `ran` is whether everything was run that was built.
    pub(in crate::runner) fn judge(&mut self, ending: &RunEnding, exit_code: Option<i32>, ran: bool) {
        if *ending != RunEnding::Complete {
            self.trouble = Some(ending.clone());
            return;
        }
        let failed = self.results.iter().any(|result| result.status.is_failure());
        match exit_code {
            None => self.trouble(RunEnding::Crashed { detail: "cargo was killed".to_owned() }),
            Some(0) if failed => {
                self.trouble(RunEnding::Tampered { detail: "a test failed, and the exit code is 0".to_owned() });
            }
            Some(code) if code != 0 && !failed => {
                let detail = format!("no test failed, and the exit code is {code}");
                self.trouble(RunEnding::Crashed { detail });
            }
            _ if !ran => self.trouble(RunEnding::Crashed { detail: "not every test program was run".to_owned() }),
            _ => {}
        }
    }

    /// Doc-tests. A package without a library has none, and cargo says so with an error.
    fn docs(&mut self, step: &StepOutput) {
        if step.ending != RunEnding::Complete {
            return self.trouble(step.ending.clone());
        }
        let stdout = text::plain(&step.stdout);
        let printed = libtest::printed(&stdout);
        let none = String::from_utf8_lossy(&step.stderr).contains("no library targets found");
        if printed.runs == 0 && (none || step.exit_code == Some(0)) {
            return;
        }
        if printed.runs == 0 {
            return self.trouble(RunEnding::BuildFailed {
                message: crate::format::compiler::last_lines(&step.stderr),
                places: Vec::new(),
            });
        }
        let mut tests =
            printed.results.iter().map(|(name, status)| (DocTest::of(name), name, *status)).collect::<Vec<_>>();
        tests.sort_by(|(first, ..), (second, ..)| first.cmp(second));
        let wanted = self.select.map(|ids| ids.iter().map(TestId::as_str).collect::<HashSet<_>>());
        let mut failed = false;
        for (test, name, status) in tests {
            failed |= status.is_failure();
            let said = printed.failures.get(name).map_or("", String::as_str);
            let mut failure = libtest::failure(said, name, self.place);
            // The lines of a doc-test's program are not the file's.
            failure.frames = self.place.frame(test.file, test.line, test.item).into_iter().collect();
            let before = self.results.len();
            self.push(test.file, &format!("doc {}", test.item), status, failure);
            let unwanted = |result: &TestResult| wanted.as_ref().is_some_and(|ids| !ids.contains(result.id.as_str()));
            if self.results.get(before).is_some_and(unwanted) {
                self.results.truncate(before);
            }
        }
        if let Some(detail) = printed.contradiction {
            self.trouble(RunEnding::Tampered { detail });
        } else if failed != (step.exit_code != Some(0)) || step.cut {
            let detail = "the exit code of the doc-tests does not fit their results".to_owned();
            self.trouble(RunEnding::Tampered { detail });
        }
    }
}

/// What is said of a test that ended its process otherwise than libtest does, after `out`.
pub(in crate::runner) fn ended_process(code: i32, out: &str, name: &str, place: Place<'_>) -> (TestStatus, Failure) {
    if TIMED_OUT.contains(&code) {
        let message = "the test exceeded its limit".to_owned();
        return (TestStatus::TimedOut, Failure { class: FailureClass::Timeout, message, frames: Vec::new() });
    }
    let last = crate::format::compiler::last_lines(out.as_bytes());
    let message = format!("the test ended its process with exit code {code}\n{last}");
    let memory = out.contains("memory allocation of ");
    let class = if memory { FailureClass::Memory } else { FailureClass::Exception { name: "exit".to_owned() } };
    let frames = libtest::failure(out, name, place).frames;
    (TestStatus::Failed, Failure { class, message, frames })
}

fn rank(status: TestStatus) -> u8 {
    match status {
        TestStatus::Passed => 0,
        TestStatus::Skipped => 1,
        _ => 2,
    }
}

/// `src/lib.rs - module::item (line 12)`; the order is that of the lines.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct DocTest<'a> {
    file: &'a str,
    line: u32,
    item: &'a str,
}

impl DocTest<'_> {
    fn of(name: &str) -> DocTest<'_> {
        let (file, rest) = name.split_once(" - ").unwrap_or((name, ""));
        let (item, line) = rest.rsplit_once("(line ").unwrap_or((rest, ""));
        let item = Some(item.trim()).filter(|item| !item.is_empty()).unwrap_or(WHOLE_CRATE);
        DocTest { file, line: line.trim_end_matches(')').parse().unwrap_or(0), item }
    }
}

/// One line of `again`: exit code, number, name.
struct Again<'a> {
    code: i32,
    number: &'a str,
}

impl<'a> Again<'a> {
    fn of(program: &Program<'a>) -> HashMap<&'a str, Again<'a>> {
        let text = program.files.get("again").and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        let line = |line: &'a str| {
            let mut parts = line.splitn(3, ' ');
            let (code, number, name) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
            Some((name, Again { code, number }))
        };
        text.lines().filter_map(line).collect()
    }
}
