//! `go test`: run with `-json`, and read by its events.
//!
//! Before Go 1.20 a test's own output that looks like a result becomes an event; since then output is told apart by a control
//! character that a test can print as well. So events are believed only where they fit the order in which `testing` runs tests
//! (`go/events.rs`), and a package's results count only if its program came to its regular end: every test program is started by
//! `go/witness.sh`, which asks `testing` for a profile that is written after the last test and by no early exit.
//!
//! Ids are `FOLDER::TestName/sub`, with the package's folder in the workspace. A package that cannot be built, or ends before its
//! first test, is the test `FOLDER`.

mod cover;
mod events;
mod place;
mod read;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Detected, Files, Runner, RunnerKind};
use crate::report::TestId;
use crate::tool::{Collect, Step, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct Go;

impl Runner for Go {
    fn kind(&self) -> RunnerKind {
        RunnerKind::GoTest
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((program, rest)) = words.split_first() else { return false };
        let name = program.rsplit('/').next().unwrap_or_default();
        let Some(("test", options)) = rest.split_first().map(|(first, rest)| (first.as_str(), rest)) else {
            return false;
        };
        let other = ["c", "list", "fuzz", "bench", "h", "help", "n", "toolexec"];
        name == "go" && !Options::of(options).flags.iter().any(|(name, _)| other.contains(&name.as_str()))
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        if !files.has("go.mod") {
            return None;
        }
        let test = files.paths.iter().find(|path| path.file_name().ends_with(b"_test.go"))?;
        let args = ["go", "test", "./..."].map(str::to_owned).to_vec();
        Some(Detected { args, evidence: vec!["go.mod is a Go module".to_owned(), format!("{test} is a Go test")] })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Go)
    }
}

impl Tool for Go {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let file = |name: &str, text: &'static str| (name.to_owned(), Cow::Borrowed(text.as_bytes()));
        let program = run.words.first().map_or("go", String::as_str);
        let script = format!("{}/go.sh", run.reports);
        let mut argv = ["/bin/sh", &script, run.reports, run.root, program].map(str::to_owned).to_vec();
        argv.extend(arguments(run));
        ToolCommand {
            support: vec![file("go.sh", include_str!("go/go.sh")), file("witness.sh", include_str!("go/witness.sh"))],
            steps: vec![Step { kind: StepKind::Test, argv, env: Vec::new() }],
            collect: ["events.jsonl", "modules.txt", "cover.out", "programs/*/*"]
                .map(|glob| Collect::Reports(glob.to_owned()))
                .to_vec(),
        }
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        read::read(left)
    }
}

/// The options of `go test` that are taken away: those we set, and those that would end a run early or mix it.
const OURS: [&str; 14] = [
    "v",
    "json",
    "count",
    "exec",
    "cover",
    "coverprofile",
    "covermode",
    "coverpkg",
    "shuffle",
    "failfast",
    "o",
    "outputdir",
    "mutexprofile",
    "mutexprofilefraction",
];

fn arguments(run: &ToolRun<'_>) -> Vec<String> {
    let options = Options::of(run.words.get(2..).unwrap_or_default());
    let mut argv = vec!["test".to_owned()];
    let mut kept = options.flags.iter().filter(|(name, _)| !OURS.contains(&name.as_str())).collect::<Vec<_>>();
    kept.sort_by_key(|(name, _)| name != "C");
    let selected = run.select.map(Selected::of);
    let replaced = |name: &str| selected.is_some() && matches!(name, "run" | "timeout");
    argv.extend(kept.iter().filter(|(name, _)| !replaced(name)).map(|(name, value)| match value {
        Some(value) => format!("-{name}={value}"),
        None => format!("-{name}"),
    }));
    argv.extend(["-json".to_owned(), "-count=1".to_owned(), format!("-exec=/bin/sh {}/witness.sh", run.reports)]);
    if run.coverage == Coverage::PerTest {
        argv.extend(["-covermode=set", "-coverpkg=./..."].map(str::to_owned));
        argv.push(format!("-coverprofile={}/cover.out", run.reports));
    }
    match &selected {
        None => argv.extend(options.packages),
        Some(selected) => {
            let seconds = run.per_test.as_secs_f64() * selected.tests.len().max(1) as f64;
            argv.push(format!("-timeout={}ms", (seconds * 1000.0).ceil().min(1e12)));
            argv.push(format!("-run={}", selected.pattern()));
            argv.extend(selected.folders.iter().map(|folder| match folder.as_str() {
                "." => run.root.to_owned(),
                folder => format!("{}/{folder}", run.root),
            }));
        }
    }
    if !options.behind.is_empty() {
        argv.push("-args".to_owned());
        argv.extend(options.behind);
    }
    argv
}

/// What a person wrote behind `go test`.
struct Options {
    flags: Vec<(String, Option<String>)>,
    packages: Vec<String>,
    /// What follows `-args`.
    behind: Vec<String>,
}

impl Options {
    fn of(words: &[String]) -> Options {
        let mut options = Options { flags: Vec::new(), packages: Vec::new(), behind: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix('-') else {
                options.packages.push(word.clone());
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            if flag == "args" {
                options.behind = words.cloned().collect();
                break;
            }
            let flag = flag.strip_prefix("test.").unwrap_or(flag);
            match flag.split_once('=') {
                Some((name, value)) => options.flags.push((name.to_owned(), Some(value.to_owned()))),
                None if takes_a_value(flag) => options.flags.push((flag.to_owned(), words.next().cloned())),
                None => options.flags.push((flag.to_owned(), None)),
            }
        }
        options
    }
}

fn takes_a_value(flag: &str) -> bool {
    matches!(
        flag,
        "C" | "run"
            | "skip"
            | "bench"
            | "benchtime"
            | "count"
            | "cpu"
            | "timeout"
            | "tags"
            | "ldflags"
            | "gcflags"
            | "asmflags"
            | "gccgoflags"
            | "mod"
            | "modfile"
            | "p"
            | "parallel"
            | "o"
            | "exec"
            | "coverpkg"
            | "covermode"
            | "coverprofile"
            | "shuffle"
            | "vet"
            | "overlay"
            | "pkgdir"
            | "toolexec"
            | "list"
            | "fuzz"
            | "fuzztime"
            | "fuzzminimizetime"
            | "outputdir"
            | "trace"
            | "cpuprofile"
            | "memprofile"
            | "memprofilerate"
            | "blockprofile"
            | "blockprofilerate"
            | "mutexprofile"
            | "mutexprofilefraction"
            | "buildmode"
            | "compiler"
            | "installsuffix"
            | "pgo"
    )
}

/// The wanted tests, as `go test` can be told.
struct Selected<'a> {
    folders: BTreeSet<String>,
    tests: BTreeSet<&'a str>,
    /// The parts of the names, for tests in one and the same test function.
    deeper: Vec<BTreeSet<&'a str>>,
}

impl<'a> Selected<'a> {
    fn of(ids: &'a [TestId]) -> Selected<'a> {
        let split = |id: &'a TestId| id.as_str().split_once("::").unwrap_or((id.as_str(), ""));
        let names = ids.iter().map(|id| split(id).1.split('/').collect::<Vec<_>>()).collect::<Vec<_>>();
        let tests = names.iter().filter_map(|parts| parts.first().copied()).filter(|name| !name.is_empty()).collect();
        let common = names.iter().map(Vec::len).min().unwrap_or(0);
        let mut deeper = Vec::new();
        for level in 0..common {
            let parts = names.iter().map(|parts| parts[level]).collect::<BTreeSet<_>>();
            let several = parts.len() > 1;
            deeper.push(parts);
            // Further down the names belong to different tests.
            if several {
                break;
            }
        }
        Selected { folders: ids.iter().map(|id| split(id).0.to_owned()).collect(), tests, deeper }
    }

    /// The pattern for `-run`: one part for each level, with as many levels as all wanted tests share.
    fn pattern(&self) -> String {
        let level = |names: &BTreeSet<&str>| {
            let names = names.iter().map(|name| quoted(name)).collect::<Vec<_>>();
            format!("^({})$", names.join("|"))
        };
        if self.tests.is_empty() {
            return "^$".to_owned();
        }
        if self.tests.len() > 1 || self.deeper.is_empty() {
            return level(&self.tests);
        }
        self.deeper.iter().map(level).collect::<Vec<_>>().join("/")
    }
}

/// Quotes what means something in Go's regular expressions.
fn quoted(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len());
    for char in name.chars() {
        if r"\.+*?()|[]{}^$".contains(char) {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted
}

#[cfg(test)]
mod tests;
