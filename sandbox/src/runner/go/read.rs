//! From the events of `go test` and the witnesses of its programs to results.

use std::collections::{HashMap, HashSet};

use super::events::{Package, PackageEnd, Run, Test};
use super::place::Modules;
use crate::format::place::Place;
use crate::format::{MAX_MESSAGE, clip, compiler};
use crate::report::{Failure, FailureClass, Frame, RunEnding, TestId, TestResult, TestStatus, assemble, text};
use crate::tool::{ToolOutput, ToolReport};

/// Most frames of one failure.
const MOST_FRAMES: usize = 40;

/// Reads a run.
pub(super) fn read(left: &ToolOutput<'_>) -> ToolReport {
    let place = Place::of(&left.run);
    let file = |name: &str| left.files.iter().find(|file| !file.in_workspace && file.path == name);
    let modules = Modules::of(file("modules.txt").map_or(&b""[..], |file| &file.bytes), place);
    let step = left.steps.first();
    let printed = step.map_or(&b""[..], |step| &step.stdout);
    let kept = file("events.jsonl").map_or(printed, |file| &file.bytes);
    let events = Run::of(kept);
    let reading = Reading { left, place, modules, ended: ended(left), errors: build_errors(left, &events, place) };
    let mut results = events.packages.iter().flat_map(|package| reading.package(package)).collect::<Vec<_>>();
    let ending = reading.ending(&events, &results);
    if let Some(select) = left.run.select {
        let wanted = select.iter().map(TestId::as_str).collect::<HashSet<_>>();
        results.retain(|result| wanted.contains(result.id.as_str()));
    }
    let lines = file("cover.out").map(|file| super::cover::lines(&file.bytes, &reading.modules)).unwrap_or_default();
    ToolReport::new(results, ending).covering(lines)
}

/// The folders, as the box sees them, whose test program came to its regular end.
fn ended(left: &ToolOutput<'_>) -> HashSet<String> {
    let program = |path: &str, name: &str| Some(path.strip_prefix("programs/")?.strip_suffix(name)?.to_owned());
    let own = left.files.iter().filter(|file| !file.in_workspace);
    let ended = own.clone().filter_map(|file| program(&file.path, "/ended")).collect::<HashSet<_>>();
    let folders = own.filter_map(|file| Some((program(&file.path, "/folder")?, &file.bytes)));
    let folders = folders.filter(|(number, _)| ended.contains(number));
    folders.map(|(_, folder)| String::from_utf8_lossy(folder).trim_end_matches('\n').to_owned()).collect()
}

/// Errors of the compiler and of `go vet`, by package folder; what names no package is under the empty name.
fn build_errors(left: &ToolOutput<'_>, events: &Run, place: Place<'_>) -> HashMap<String, BuildError> {
    let mut errors = HashMap::<String, BuildError>::new();
    let stderr = left.steps.iter().map(|step| String::from_utf8_lossy(&step.stderr)).collect::<String>();
    let mut package = String::new();
    for line in events.build_output.lines().chain(stderr.lines()).map(|line| clip(line, 4 << 10)) {
        if let Some(named) = line.strip_prefix("# ") {
            named.split(' ').next().unwrap_or_default().clone_into(&mut package);
            continue;
        }
        if line.starts_with("go: downloading") || line.trim().is_empty() {
            continue;
        }
        let error = errors.entry(package.clone()).or_default();
        if error.message.len() < MAX_MESSAGE {
            error.message.push_str(line);
            error.message.push('\n');
        }
        let located = line.trim().trim_start_matches("vet: ").split(':').collect::<Vec<_>>();
        if let [path, number, ..] = located.as_slice()
            && let Some(frame) = number.parse().ok().and_then(|number| place.frame(path, number, ""))
            && path.ends_with(".go")
            && error.places.len() < MOST_FRAMES
        {
            error.places.push(frame);
        }
    }
    errors
}

#[derive(Default)]
struct BuildError {
    message: String,
    places: Vec<Frame>,
}

struct Reading<'a> {
    left: &'a ToolOutput<'a>,
    place: Place<'a>,
    modules: Modules,
    ended: HashSet<String>,
    errors: HashMap<String, BuildError>,
}

impl Reading<'_> {
    fn package(&self, package: &Package) -> Vec<TestResult> {
        let folder = self.modules.folder(&package.path);
        match package.end {
            Some(PackageEnd::NotBuilt) => self.not_built(package, &folder),
            Some(PackageEnd::Failed) if package.tests.is_empty() => {
                let message = clip(text::plain(package.output.text().as_bytes()).trim(), MAX_MESSAGE).to_owned();
                vec![broken(folder, Failure { class: class_of(&message), message, frames: Vec::new() })]
            }
            _ => package.tests.iter().filter_map(|test| self.test(package, test, &folder)).collect(),
        }
    }

    /// The package's tests are not known; of selected ones it is known that they could not be built.
    fn not_built(&self, package: &Package, folder: &str) -> Vec<TestResult> {
        let error = self.errors.get(&package.path).or_else(|| self.errors.get(""));
        let message = error.map_or("the build failed", |error| error.message.trim());
        let failure = Failure {
            class: FailureClass::Build,
            message: clip(&text::plain(message.as_bytes()), MAX_MESSAGE).to_owned(),
            frames: error.map(|error| error.places.clone()).unwrap_or_default(),
        };
        let inside = |id: &&TestId| id.as_str().split_once("::").is_some_and(|(of, _)| of == folder);
        let selected = self.left.run.select.unwrap_or_default().iter().filter(inside);
        let mut results = selected.map(|id| broken(id.as_str().to_owned(), failure.clone())).collect::<Vec<_>>();
        results.push(broken(folder.to_owned(), failure));
        results
    }

    fn test(&self, package: &Package, test: &Test, folder: &str) -> Option<TestResult> {
        let printed = text::plain(test.output.text().as_bytes());
        let status = match test.status {
            Some(TestStatus::Failed) | None if printed.contains("panic: test timed out after") => TestStatus::TimedOut,
            Some(status) => status,
            // The program died in it, or time ran out in it.
            None if package.end == Some(PackageEnd::Failed) => TestStatus::Failed,
            None if self.step_ending() == RunEnding::TotalTimeout => TestStatus::TimedOut,
            None => return None,
        };
        let failure = (status != TestStatus::Passed).then(|| self.failure(package, test, status, folder, &printed));
        let id = TestId::new(format!("{folder}::{}", test.name));
        Some(TestResult { id, status, duration: assemble::seconds(test.seconds), failure })
    }

    fn failure(&self, package: &Package, test: &Test, status: TestStatus, folder: &str, printed: &str) -> Failure {
        let whole;
        let text = if test.status.is_none() && !printed.contains("panic: ") {
            // Older versions tell of the death of a program in the package's output.
            whole = format!("{printed}{}", text::plain(package.output.text().as_bytes()));
            &whole
        } else {
            printed
        };
        let told = text.lines().filter(|line| !is_frame_of_the_log(line.trim_start()));
        let message = told.collect::<Vec<_>>().join("\n");
        let class = if status == TestStatus::TimedOut { FailureClass::Timeout } else { class_of(text) };
        let mut frames = self.stack(text);
        if frames.is_empty() {
            frames = self.named(text, folder, &test.name);
        }
        let message = clip(message.trim_matches('\n'), MAX_MESSAGE);
        let message = if message.is_empty() { "the test failed and printed nothing" } else { message };
        Failure { class, message: message.to_owned(), frames }
    }

    /// The steps of the first goroutine in a panic's stack that lie in the workspace, outermost first.
    fn stack(&self, text: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut function = "";
        for line in text.lines().skip_while(|line| !line.starts_with("goroutine ")) {
            let Some(step) = line.strip_prefix('\t') else {
                if line.starts_with("goroutine ") && !frames.is_empty() {
                    break;
                }
                function = line;
                continue;
            };
            let Some((path, number)) = step.rsplit_once(':').filter(|(path, _)| path.starts_with('/')) else {
                continue;
            };
            let number = number.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
            let name = function.rsplit('/').next().unwrap_or_default().split('(').next().unwrap_or_default();
            frames.extend(self.place.frame(path, number, name));
            if frames.len() >= MOST_FRAMES {
                break;
            }
        }
        frames.reverse();
        frames
    }

    /// The places that `t.Error` and its kin name: a file of the package's own folder without its path.
    fn named(&self, text: &str, folder: &str, test: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        let here = Place { root: self.place.root, cwd: if folder == "." { "" } else { folder } };
        for line in text.lines().filter(|line| line.starts_with("    ")) {
            let mut parts = line.trim_start().splitn(3, ':');
            let (Some(file), Some(number)) = (parts.next(), parts.next()) else { continue };
            if !file.ends_with(".go") || file.contains(' ') {
                continue;
            }
            frames.extend(number.parse().ok().and_then(|number| here.frame(file, number, test)));
            if frames.len() >= MOST_FRAMES {
                break;
            }
        }
        frames
    }

    fn step_ending(&self) -> RunEnding {
        self.left.steps.first().map_or(RunEnding::Complete, |step| step.ending.clone())
    }

    fn ending(&self, events: &Run, results: &[TestResult]) -> RunEnding {
        let Some(step) = self.left.steps.first() else {
            return RunEnding::Crashed { detail: "go test was not run".to_owned() };
        };
        if step.ending != RunEnding::Complete {
            return step.ending.clone();
        }
        if let Some(detail) = self.contradiction(events, step.exit_code) {
            return RunEnding::Tampered { detail };
        }
        let not_built = |package: &&Package| package.end == Some(PackageEnd::NotBuilt);
        if events.packages.is_empty() || events.packages.iter().all(|package| not_built(&package)) {
            return self.nothing_ran(events, step.exit_code);
        }
        if let Some(detail) = events.packages.iter().find_map(|package| self.cut_short(package)) {
            return detail;
        }
        let wanted = self.left.run.select;
        let found =
            wanted.map_or(!results.is_empty(), |ids| ids.iter().any(|id| results.iter().any(|it| it.id == *id)));
        if found { RunEnding::Complete } else { RunEnding::NoTests }
    }

    fn nothing_ran(&self, events: &Run, exit_code: Option<i32>) -> RunEnding {
        let stderr = self.left.steps.first().map_or(&b""[..], |step| &step.stderr);
        match (events.packages.is_empty(), exit_code) {
            (true, Some(0)) => RunEnding::NoTests,
            _ => {
                let places = self.errors.values().flat_map(|error| error.places.clone()).collect::<Vec<_>>();
                let told = self.errors.values().map(|error| error.message.as_str()).collect::<String>();
                let message = if told.is_empty() { compiler::last_lines(stderr) } else { text::plain(told.as_bytes()) };
                RunEnding::BuildFailed { message: clip(&message, MAX_MESSAGE).to_owned(), places }
            }
        }
    }

    fn contradiction(&self, events: &Run, exit_code: Option<i32>) -> Option<String> {
        if events.too_many {
            return Some("there are more results than are read".to_owned());
        }
        if let Some(twice) = events.packages.iter().find(|package| package.ends > 1) {
            return Some(format!("package {} ends {} times", clip(&twice.path, 200), twice.ends));
        }
        let bad = |package: &Package| matches!(package.end, Some(PackageEnd::Failed | PackageEnd::NotBuilt));
        let any_bad = events.packages.iter().any(bad);
        match exit_code {
            Some(0) if any_bad => Some("a package failed, and the exit code is 0".to_owned()),
            Some(code) if code != 0 && !any_bad && !events.packages.is_empty() => {
                Some(format!("nothing failed, and the exit code is {code}"))
            }
            _ => None,
        }
    }

    /// A package whose program did not come to its regular end has tests without results, or results that nobody vouches for.
    fn cut_short(&self, package: &Package) -> Option<RunEnding> {
        let crashed = |detail: String| Some(RunEnding::Crashed { detail });
        let name = clip(&package.path, 200);
        match package.end {
            None => return crashed(format!("package {name} has no end in the report")),
            Some(PackageEnd::NotBuilt | PackageEnd::Skipped) => return None,
            Some(PackageEnd::Passed | PackageEnd::Failed) => {}
        }
        let failed = package.tests.iter().any(|test| test.status.is_some_and(TestStatus::is_failure));
        if package.end == Some(PackageEnd::Passed) && failed {
            let detail = format!("package {name} passed, and a test in it failed");
            return Some(RunEnding::Tampered { detail });
        }
        let folder = self.modules.folder(&package.path);
        let seen = if folder == "." { self.place.root.to_owned() } else { format!("{}/{folder}", self.place.root) };
        if package.tests.is_empty() || self.all_wanted_known(package, &folder) {
            return None;
        }
        // `testing` writes its profiles before it gives up for lack of time.
        let timed_out = |test: &Test| test.output.text().contains("panic: test timed out after");
        if package.tests.iter().any(timed_out) {
            return Some(RunEnding::TotalTimeout);
        }
        if self.ended.contains(&seen) {
            return None;
        }
        crashed(format!("the test program of {name} ended before its tests did"))
    }

    /// A panic ends a package's program; when nothing else was wanted of it than what failed, nothing is missing.
    fn all_wanted_known(&self, package: &Package, folder: &str) -> bool {
        let Some(select) = self.left.run.select else { return false };
        let mut wanted = select.iter().filter_map(|id| id.as_str().split_once("::")).filter(|(of, _)| *of == folder);
        let failed = |name: &str| {
            let bad = |test: &Test| test.name == name && test.status.is_none_or(TestStatus::is_failure);
            package.end == Some(PackageEnd::Failed) && package.tests.iter().any(bad)
        };
        wanted.all(|(_, name)| failed(name))
    }
}

fn broken(id: String, failure: Failure) -> TestResult {
    TestResult {
        id: TestId::new(id),
        status: TestStatus::Error,
        duration: std::time::Duration::ZERO,
        failure: Some(failure),
    }
}

fn class_of(text: &str) -> FailureClass {
    if text.contains("fatal error: runtime: out of memory") || text.contains("cannot allocate memory") {
        return FailureClass::Memory;
    }
    if text.contains("no space left on device") || text.contains("too many open files") {
        return FailureClass::Environment;
    }
    let starts = |prefix: &str| text.lines().any(|line| line.trim_start().starts_with(prefix));
    if starts("panic: ") {
        return FailureClass::Exception { name: "panic".to_owned() };
    }
    if starts("fatal error: ") {
        return FailureClass::Exception { name: "fatal error".to_owned() };
    }
    FailureClass::Assertion
}

/// `=== RUN   TestX`, `--- FAIL: TestX (0.00s)` and the like.
fn is_frame_of_the_log(line: &str) -> bool {
    let line = line.trim_start_matches('\u{16}');
    ["=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- FAIL", "--- PASS", "--- SKIP"]
        .iter()
        .any(|it| line.starts_with(it))
}
