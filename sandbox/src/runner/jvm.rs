//! What the runners of the Java virtual machine share: ids, stack traces, and the source files that both are joined with.
//!
//! Reports name classes, not files. Which files there are is listed beside the run; a class whose file is known for sure is named by
//! it (`src/test/java/com/acme/TillTest.java::TillTest::addsUp`), any other by itself (`com.acme.TillTest::addsUp`).

use std::collections::{BTreeMap, HashMap};

use crate::format::junit::{JunitCase, JunitOutcome, Retried};
use crate::format::results::{MAX_FRAMES, failure, result};
use crate::report::{Failure, FailureClass, Frame, TestId, TestResult, TestStatus};
use crate::tool::{Collect, Step, StepKind, ToolOutput, ToolRun};

const SOURCES: &str = "sources.txt";
const ENDINGS: &[&str] = &["java", "kt", "groovy", "scala"];
/// Longest argument that selects tests.
const LONGEST_SELECTION: usize = 100 << 10;

/// Returns the step that lists the source files, and what to read of it.
pub(super) fn list_sources(run: &ToolRun<'_>) -> (Step, Collect) {
    let script = "cd \"$1\" && find . -type d \\( -name .git -o -name .gradle -o -name node_modules -o -name target \\) -prune -o \
                  -type f \\( -name '*.java' -o -name '*.kt' -o -name '*.groovy' -o -name '*.scala' \\) -print >\"$2\"";
    let argv = ["sh", "-c", script, "sh", run.root, &format!("{}/{SOURCES}", run.reports)].map(str::to_owned).to_vec();
    (Step { kind: StepKind::After, argv, env: Vec::new() }, Collect::Reports(SOURCES.to_owned()))
}

/// The source files of the workspace.
#[derive(Debug, Default)]
pub(super) struct Sources {
    by_name: HashMap<String, Vec<String>>,
}

impl Sources {
    /// Reads the list that a run left behind.
    pub(super) fn of(left: &ToolOutput<'_>) -> Self {
        let list = left.files.iter().find(|file| !file.in_workspace && file.path == SOURCES);
        let text = list.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
        Self::new(text.lines())
    }

    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
        for path in paths {
            let path = path.strip_prefix("./").unwrap_or(path);
            let name = path.rsplit('/').next().unwrap_or(path);
            by_name.entry(name.to_owned()).or_default().push(path.to_owned());
        }
        Self { by_name }
    }

    /// Returns the one file that ends with this path, such as `com/acme/Till.java`; of several, the one in the module's folder.
    pub(super) fn file(&self, ends: &str, module: &str) -> Option<String> {
        let named = self.by_name.get(ends.rsplit('/').next()?)?;
        let fits = |path: &&String| path.strip_suffix(ends).is_some_and(is_source_root);
        let fitting = named.iter().filter(fits).collect::<Vec<_>>();
        let own = fitting.iter().filter(|path| module.is_empty() || path.starts_with(&format!("{module}/")));
        match (fitting.as_slice(), own.collect::<Vec<_>>().as_slice()) {
            ([only], _) => Some((*only).clone()),
            (_, [only]) if !module.is_empty() => Some((**only).clone()),
            (_, _) => None,
        }
    }

    /// Returns the file of a class, such as `com.acme.TillTest$WhenFull`.
    fn of_class(&self, class: &str, module: &str) -> Option<String> {
        let outer = class.split('$').next()?.replace('.', "/");
        ENDINGS.iter().find_map(|ending| self.file(&format!("{outer}.{ending}"), module))
    }
}

/// Packages begin below `src/test/java/` and its kin, `src/`, `test/`, or the root; anywhere else a package may have one part more.
fn is_source_root(folder: &str) -> bool {
    let Some(folder) = folder.strip_suffix('/') else { return folder.is_empty() };
    let last = folder.rsplit('/').next().unwrap_or(folder);
    ENDINGS.contains(&last) || ["kotlin", "src", "test", "tests", "source", "generated"].contains(&last)
}

/// Returns the id of a case.
fn id(class: &str, name: &str, module: &str, sources: &Sources) -> String {
    // The tool names a whole class when its setup broke.
    let name = if name == class || name.is_empty() { None } else { Some(stable(name)) };
    let named = match sources.of_class(class, module) {
        Some(file) => format!("{file}::{}", class.rsplit('.').next().unwrap_or(class).replace('$', "::")),
        None => class.to_owned(),
    };
    name.map_or(named.clone(), |name| format!("{named}::{name}"))
}

/// Names hold parameters as they print; the address of one that does not say how it prints is another in every run.
fn stable(name: &str) -> String {
    let name = name.strip_suffix("()").unwrap_or(name);
    let mut stable = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('@') {
        let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_hexdigit).count();
        stable.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if digits >= 5 {
            rest = &rest[digits..];
        }
    }
    stable.push_str(rest);
    stable
}

/// Returns the result of a case.
pub(super) fn of_case(case: &JunitCase, module: &str, sources: &Sources) -> TestResult {
    let class = if case.class.is_empty() { &case.suite } else { &case.class };
    let timed_out = is_timeout(&case.kind);
    let status = match case.outcome {
        JunitOutcome::Passed if case.retried == Retried::Never => TestStatus::Passed,
        JunitOutcome::Passed => TestStatus::Failed,
        JunitOutcome::Skipped => TestStatus::Skipped,
        JunitOutcome::Failed | JunitOutcome::Error if timed_out => TestStatus::TimedOut,
        // Surefire calls every exception but an assertion's an error, so an error of the test itself is a failure here.
        JunitOutcome::Error if case.name == *class || case.name.is_empty() => TestStatus::Error,
        JunitOutcome::Failed | JunitOutcome::Error => TestStatus::Failed,
    };
    let mut it = result(&id(class, &case.name, module, sources), status, case.duration);
    it.failure = match status {
        TestStatus::Passed => None,
        TestStatus::Skipped => Some(failure(FailureClass::Assertion, &case.message, Vec::new())),
        _ if case.outcome == JunitOutcome::Passed => {
            Some(failure(FailureClass::Assertion, "it failed at first and passed when it was run again", Vec::new()))
        }
        _ => Some(reason(case, module, sources)),
    };
    it
}

fn is_timeout(kind: &str) -> bool {
    ["TestTimedOutException", "TimeoutException", "ThreadTimeoutException"].iter().any(|name| simple(kind) == *name)
}

fn simple(kind: &str) -> &str {
    kind.trim().rsplit(['.', '$']).next().unwrap_or(kind)
}

fn reason(case: &JunitCase, module: &str, sources: &Sources) -> Failure {
    let first = case.details.lines().next().unwrap_or_default();
    let kind = if case.kind.is_empty() { first.split(':').next().unwrap_or_default() } else { &case.kind };
    let name = simple(kind);
    let class = match name {
        _ if is_timeout(kind) => FailureClass::Timeout,
        "OutOfMemoryError" => FailureClass::Memory,
        "AssertionError"
        | "AssertionFailedError"
        | "ComparisonFailure"
        | "MultipleFailuresError"
        | "ComparisonException" => FailureClass::Assertion,
        _ if name.ends_with("AssertionError") || name.starts_with("ConditionNotSatisfied") => FailureClass::Assertion,
        "" => FailureClass::Assertion,
        name => FailureClass::Exception { name: name.to_owned() },
    };
    let message = if case.message.is_empty() { first } else { &case.message };
    failure(class, message, frames(&case.details, module, sources))
}

/// Returns the steps of a stack trace in files of the workspace, outermost first; the trace itself is innermost first.
fn frames(trace: &str, module: &str, sources: &Sources) -> Vec<Frame> {
    let mut found: Vec<Frame> = Vec::new();
    for line in trace.lines() {
        if found.len() >= MAX_FRAMES {
            break;
        }
        if let Some(frame) = frame(line, module, sources)
            && !found.contains(&frame)
        {
            found.push(frame);
        }
    }
    found.reverse();
    found
}

/// `at app//com.acme.TillTest.addsUp(TillTest.java:24)`
fn frame(line: &str, module: &str, sources: &Sources) -> Option<Frame> {
    let rest = line.trim().strip_prefix("at ")?;
    let (method, place) = rest.split_once('(')?;
    let (file, number) = place.split_once(')')?.0.rsplit_once(':')?;
    let method = method.rsplit('/').next()?;
    let (class, function) = method.rsplit_once('.')?;
    let folder = class.rsplit_once('.').map_or(String::new(), |(package, _)| format!("{}/", package.replace('.', "/")));
    let path = sources.file(&format!("{folder}{file}"), module)?;
    let line = number.parse().ok().filter(|line| *line > 0)?;
    Some(Frame { path, line, function: function.to_owned() })
}

/// Tests to select: of a class, its methods, or all of it.
pub(super) struct Wanted {
    /// The class, qualified where its package is known; of a nested class, the outermost.
    pub(super) class: String,
    /// The methods, with a `*` at the end where more belongs to them; empty is all, and everything nested.
    pub(super) methods: Vec<String>,
}

/// Returns what to select for these ids; `None` where the words would be too long to pass.
pub(super) fn wanted(ids: &[TestId]) -> Option<Vec<Wanted>> {
    let mut classes: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for id in ids {
        let (class, method) = split(id.as_str());
        match (classes.entry(class).or_insert_with(|| Some(Vec::new())), method) {
            (Some(methods), Some(method)) if !methods.contains(&method) => methods.push(method),
            (Some(_), Some(_)) => {}
            (all, None) => *all = None,
            (None, Some(_)) => {}
        }
    }
    let length = |methods: bool| {
        let of = |(class, known): (&String, &Option<Vec<String>>)| {
            let methods = known.iter().flatten().filter(|_| methods).map(|method| method.len() + 1).sum::<usize>();
            class.len() + methods + 16
        };
        classes.iter().map(of).sum::<usize>()
    };
    let with_methods = length(true) <= LONGEST_SELECTION;
    if length(false) > LONGEST_SELECTION {
        return None;
    }
    let of = |(class, methods): (String, Option<Vec<String>>)| Wanted {
        class,
        methods: methods.filter(|_| with_methods).unwrap_or_default(),
    };
    Some(classes.into_iter().map(of).collect())
}

/// The class and the method of an id; no method where the whole class is meant, or the test is in a nested class.
fn split(id: &str) -> (String, Option<String>) {
    let parts = id.split("::").collect::<Vec<_>>();
    let is_file = parts[0].rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending)) && parts.len() > 1;
    let (class, rest) =
        if is_file { (package_of(parts[0]) + parts[1], &parts[2..]) } else { (parts[0].to_owned(), &parts[1..]) };
    let nested = class.contains('$') || rest.len() != 1;
    let class = class.split('$').next().unwrap_or(&class).to_owned();
    let method = rest.first().filter(|_| !nested).map(|name| {
        let end = name.find(|char: char| !(char.is_alphanumeric() || char == '_' || char == '$')).unwrap_or(name.len());
        let (name, more) = name.split_at(end);
        format!("{name}{}", if more.is_empty() { "" } else { "*" })
    });
    (class, method.filter(|method| !method.starts_with('*')))
}

/// `com.acme.` of `core/src/test/java/com/acme/TillTest.java`; nothing where the folder does not say where packages begin.
fn package_of(file: &str) -> String {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let parts = folder.split('/').collect::<Vec<_>>();
    let Some(at) = parts.iter().rposition(|part| ENDINGS.contains(part) || *part == "kotlin") else {
        return String::new();
    };
    // `src/test/java` is followed by packages, and so is any other folder of that name below `src`.
    if !parts[..at].contains(&"src") {
        return String::new();
    }
    parts[at + 1..].iter().map(|part| format!("{part}.")).collect()
}

#[cfg(test)]
mod tests;
