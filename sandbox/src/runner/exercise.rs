//! Runs a tool on this machine as a box would, to test its command line and its reader on the real program.
//!
//! The project is copied into a folder of its own, its `node_modules` and `vendor` are linked, and everything is removed afterwards.
//! Every step runs under `timeout`, without the variables of the test.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::report::{RunEnding, TestId};
use crate::tool::{Collect, Collected, Step, StepKind, StepOutput, Tool, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

/// Longest that a step may take.
const STEP_SECONDS: u32 = 60;

/// A wish to exercise a tool.
#[derive(Clone, Copy)]
pub(crate) struct Exercise<'a> {
    /// The repository's own command line, its program first.
    pub(crate) words: &'a [&'a str],
    /// The tests to run; `None` is all.
    pub(crate) select: Option<&'a [&'a str]>,
    /// Whether to record coverage.
    pub(crate) coverage: Coverage,
    /// The files of the workspace.
    pub(crate) files: &'a [(&'a str, &'a str)],
    /// Names in the workspace that lead to folders of this machine.
    pub(crate) links: &'a [(&'a str, &'a Path)],
    /// Variables that the environment of a box would have.
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// How long one test may take.
    pub(crate) per_test: Duration,
    /// Seconds until a step is killed, and the run is one that exceeded its total time.
    pub(crate) seconds: u32,
}

impl<'a> Exercise<'a> {
    pub(crate) fn new(words: &'a [&'a str], files: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            words,
            select: None,
            coverage: Coverage::Off,
            files,
            links: &[],
            env: &[],
            per_test: Duration::from_secs(20),
            seconds: STEP_SECONDS,
        }
    }
}

/// What came of it.
pub(crate) struct Exercised {
    pub(crate) report: ToolReport,
    pub(crate) steps: Vec<StepOutput>,
    pub(crate) files: Vec<Collected>,
    token: String,
    reports: String,
    root: String,
}

impl Exercised {
    /// Everything that was printed, for messages.
    pub(crate) fn printed(&self) -> String {
        let texts = self.steps.iter().flat_map(|step| [&step.stdout, &step.stderr]);
        texts.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect::<Vec<_>>().join("\n")
    }

    /// One line per test, `STATUS ID`, in the order of the report, and the ending.
    pub(crate) fn lines(&self) -> String {
        lines(&self.report)
    }
}

/// One line per test, `STATUS ID`, with class, message and frames of a failure, and the ending.
pub(crate) fn lines(report: &ToolReport) -> String {
    let mut text = String::new();
    for result in &report.results {
        text.push_str(&format!("{:?} {}\n", result.status, result.id));
        let Some(failure) = &result.failure else { continue };
        let message = failure.message.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:?}: {message}\n", failure.class));
        for frame in &failure.frames {
            text.push_str(&format!("  {}:{} {}\n", frame.path, frame.line, frame.function));
        }
    }
    text.push_str(&report.ending.to_string());
    text
}

/// Runs a tool.
pub(crate) fn run(tool: &dyn Tool, wish: &Exercise<'_>) -> Exercised {
    let folder = tempfile::tempdir().unwrap();
    let (root, reports) = (folder.path().join("work"), folder.path().join("reports-5f1c"));
    lay_out(&root, wish);
    std::fs::create_dir(&reports).unwrap();
    let words = wish.words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let select = wish.select.map(|ids| ids.iter().map(|id| TestId::from(*id)).collect::<Vec<_>>());
    let run = ToolRun {
        words: &words,
        cwd: "",
        select: select.as_deref(),
        per_test: wish.per_test,
        coverage: wish.coverage,
        reports: reports.to_str().unwrap(),
        root: root.to_str().unwrap(),
    };
    let command = tool.command(&run);
    for (name, bytes) in &command.support {
        write(&reports.join(name), bytes);
    }
    let mut steps = Vec::new();
    let mut broken = false;
    for step in &command.steps {
        if broken && step.kind != StepKind::After {
            continue;
        }
        let output = one(step, wish, &root);
        broken = step.kind == StepKind::Build && output.exit_code != Some(0);
        steps.push(output);
    }
    let files = collect(&command.collect, &root, &reports);
    let report = tool.read(&ToolOutput { steps: &steps, files: &files, run });
    let token = crate::format::journal::token(run.reports);
    Exercised { report, steps, files, token, reports: run.reports.to_owned(), root: run.root.to_owned() }
}

fn lay_out(root: &Path, wish: &Exercise<'_>) {
    std::fs::create_dir(root).unwrap();
    for (path, text) in wish.files {
        write(&root.join(path), text.as_bytes());
    }
    for (name, target) in wish.links {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn one(step: &Step, wish: &Exercise<'_>, root: &Path) -> StepOutput {
    let keep = |name: &str| std::env::var_os(name).unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    let output = Command::new("timeout")
        .args(["-k", "1", &wish.seconds.to_string()])
        .args(&step.argv)
        .current_dir(root)
        .env_clear()
        .env("PATH", keep("PATH"))
        .env("HOME", root.parent().unwrap())
        .env("LANG", "C.UTF-8")
        .envs(wish.env.iter().copied())
        .envs(step.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let timed_out = matches!(output.status.code(), Some(124 | 137));
    StepOutput {
        kind: step.kind,
        exit_code: output.status.code().filter(|_| !timed_out),
        ending: if timed_out { RunEnding::TotalTimeout } else { RunEnding::Complete },
        stdout: output.stdout,
        stderr: output.stderr,
        cut: false,
    }
}

fn collect(wanted: &[Collect], root: &Path, reports: &Path) -> Vec<Collected> {
    let mut files = Vec::new();
    for collect in wanted {
        let (top, glob, in_workspace) = match collect {
            Collect::Reports(glob) => (reports, glob, false),
            Collect::Workspace(glob) => (root, glob, true),
        };
        let mut found = Vec::new();
        walk(top, &mut found);
        found.sort();
        for path in found {
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            if matches(glob.as_bytes(), name.as_bytes()) {
                files.push(Collected { bytes: std::fs::read(&path).unwrap(), path: name, in_workspace });
            }
        }
    }
    files
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// `**` is any number of folders, `*` anything within one name, `?` one character of it.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], _) => name.is_empty(),
        ([b'*', b'*', b'/', rest @ ..], _) => {
            let deeper = name.iter().position(|byte| *byte == b'/').map(|at| &name[at + 1..]);
            matches(rest, name) || deeper.is_some_and(|deeper| matches(glob, deeper))
        }
        ([b'*', b'*'], _) => true,
        ([b'*', rest @ ..], _) => {
            let longer = name.split_first().is_some_and(|(first, tail)| *first != b'/' && matches(glob, tail));
            matches(rest, name) || longer
        }
        ([b'?', rest @ ..], [first, tail @ ..]) => *first != b'/' && matches(rest, tail),
        ([wanted, rest @ ..], [first, tail @ ..]) => wanted == first && matches(rest, tail),
        (_, []) => false,
    }
}

/// A run as it was recorded: what a real tool left behind.
#[derive(serde::Serialize, serde::Deserialize)]
struct Recorded {
    /// The tool and its version.
    tool: String,
    words: Vec<String>,
    select: Option<Vec<String>>,
    steps: Vec<RecordedStep>,
    files: Vec<(String, bool, String)>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct RecordedStep {
    kind: String,
    exit: Option<i32>,
    timed_out: bool,
    stdout: String,
    stderr: String,
}

const ROOT: &str = "/work";
const REPORTS: &str = "/reports-5f1c";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/runner/fixtures").join(name)
}

/// Runs a tool and compares what comes of it with `fixtures/NAME.txt`. With `PATCHWRIGHT_RECORD=VERSION` set, both that file and what
/// the run left behind, `fixtures/NAME.json`, are written anew; [`replay`] reads them without the tool.
#[track_caller]
pub(crate) fn check(name: &str, tool: &dyn Tool, wish: &Exercise<'_>) -> Exercised {
    let done = run(tool, wish);
    let shown = format!("{}\n", done.lines()).replace(&done.root, ROOT).replace(&done.reports, REPORTS);
    if let Ok(version) = std::env::var("PATCHWRIGHT_RECORD") {
        std::fs::create_dir_all(fixture(name).parent().unwrap()).unwrap();
        std::fs::write(fixture(&format!("{name}.txt")), &shown).unwrap();
        let recorded = serde_json::to_string_pretty(&record(wish, &done, version)).unwrap();
        std::fs::write(fixture(&format!("{name}.json")), recorded + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(fixture(&format!("{name}.txt"))).unwrap_or_default();
    assert_eq!(shown, expected, "{name}: {}", done.printed());
    done
}

/// Returns whether fixtures are written anew.
pub(crate) fn is_recording() -> bool {
    std::env::var_os("PATCHWRIGHT_RECORD").is_some()
}

fn record(wish: &Exercise<'_>, done: &Exercised, tool: String) -> Recorded {
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let text = text.replace(&done.token, "@TOKEN@").replace(&done.reports, REPORTS).replace(&done.root, ROOT);
        wish.links.iter().fold(text, |text, (name, target)| {
            text.replace(&*target.canonicalize().unwrap().to_string_lossy(), &format!("{ROOT}/{name}"))
        })
    };
    let step = |step: &StepOutput| RecordedStep {
        kind: format!("{:?}", step.kind),
        exit: step.exit_code,
        timed_out: step.ending == RunEnding::TotalTimeout,
        stdout: plain(&step.stdout),
        stderr: plain(&step.stderr),
    };
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Recorded {
        tool,
        words: owned(wish.words),
        select: wish.select.map(owned),
        steps: done.steps.iter().map(step).collect(),
        files: done.files.iter().map(|file| (file.path.clone(), file.in_workspace, plain(&file.bytes))).collect(),
    }
}

/// Reads every recorded run of a folder of fixtures again, and compares.
#[track_caller]
pub(crate) fn replay(folder: &str, tool: &dyn Tool) {
    let mut seen = 0;
    for entry in std::fs::read_dir(fixture(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let expected = std::fs::read_to_string(path.with_extension("txt")).unwrap();
            assert_eq!(format!("{}\n", lines(&reread(&path, tool, |_| {}))), expected, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "there are no fixtures in {folder}");
}

/// Reads a recorded run again, after a change.
pub(crate) fn reread_changed(name: &str, tool: &dyn Tool, change: impl Fn(&mut Vec<Collected>)) -> ToolReport {
    reread(&fixture(&format!("{name}.json")), tool, change)
}

fn reread(path: &Path, tool: &dyn Tool, change: impl Fn(&mut Vec<Collected>)) -> ToolReport {
    let recorded = serde_json::from_str::<Recorded>(&std::fs::read_to_string(path).unwrap()).unwrap();
    let token = crate::format::journal::token(REPORTS);
    let step = |step: &RecordedStep| StepOutput {
        kind: match step.kind.as_str() {
            "Build" => StepKind::Build,
            "After" => StepKind::After,
            _ => StepKind::Test,
        },
        exit_code: step.exit,
        ending: if step.timed_out { RunEnding::TotalTimeout } else { RunEnding::Complete },
        stdout: step.stdout.clone().into_bytes(),
        stderr: step.stderr.clone().into_bytes(),
        cut: false,
    };
    let file = |(path, in_workspace, text): &(String, bool, String)| Collected {
        path: path.clone(),
        in_workspace: *in_workspace,
        bytes: text.replace("@TOKEN@", &token).into_bytes(),
    };
    let steps = recorded.steps.iter().map(step).collect::<Vec<_>>();
    let mut files = recorded.files.iter().map(file).collect::<Vec<_>>();
    change(&mut files);
    let select = recorded.select.map(|ids| ids.into_iter().map(TestId::from).collect::<Vec<_>>());
    let run = ToolRun {
        words: &recorded.words,
        cwd: "",
        select: select.as_deref(),
        per_test: Duration::from_secs(20),
        coverage: Coverage::Off,
        reports: REPORTS,
        root: ROOT,
    };
    tool.read(&ToolOutput { steps: &steps, files: &files, run })
}

/// Returns the folder with the packages that `.ci/run` installs for the tools of Node (`PATCHWRIGHT_NODE_MODULES`); `None`, having said
/// so, where it is not there and not promised.
pub(crate) fn node_modules() -> Option<PathBuf> {
    let folder = std::env::var_os("PATCHWRIGHT_NODE_MODULES").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        crate::testing::Promise::Tools.missing(&"PATCHWRIGHT_NODE_MODULES does not name a folder of packages");
    }
    folder.filter(|_| crate::testing::tools(&["node"]))
}

#[test]
fn globs_match_as_described() {
    for (glob, name, expected) in [
        ("*.xml", "a.xml", true),
        ("*.xml", "a/b.xml", false),
        ("**/*.xml", "a.xml", true),
        ("**/*.xml", "a/b/c.xml", true),
        ("v8/*.json", "v8/coverage-1.json", true),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("**", "a/b", true),
        ("a/**/b", "a/b", true),
        ("a", "b", false),
    ] {
        assert_eq!(matches(glob.as_bytes(), name.as_bytes()), expected, "{glob} {name}");
    }
}
