//! gcov's JSON (GCC 9 and newer): how C and C++ are covered, and how the reports are made and read.

use std::borrow::Cow;

use repo::RepoPath;
use serde::Deserialize;

use super::lines::Lines;
use super::place::Place;
use crate::report::text;
use crate::tool::{Step, StepKind, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

/// The name of the collected report.
pub(crate) const REPORT: &str = "gcov.json";
const SCRIPT: &[u8] = include_bytes!("gcov/gcov.sh");

/// Returns the script that turns what was recorded into a report.
pub(crate) fn script() -> (String, Cow<'static, [u8]>) {
    ("gcov.sh".to_owned(), Cow::Borrowed(SCRIPT))
}

/// Returns the step that runs it.
pub(crate) fn step(run: &ToolRun<'_>) -> Step {
    let argv = ["sh", &format!("{}/gcov.sh", run.reports), run.root, &format!("{}/{REPORT}", run.reports)];
    Step { kind: StepKind::After, argv: argv.map(str::to_owned).to_vec(), env: Vec::new() }
}

/// Adds the lines that a run's collected report names, where they were asked for.
pub(crate) fn add_lines(report: ToolReport, left: &ToolOutput<'_>) -> ToolReport {
    if left.run.coverage == Coverage::Off {
        return report;
    }
    let found = left.report(REPORT).map(|file| lines(&file.bytes, left.run.root)).unwrap_or_default();
    let said = left.last_of(StepKind::After).map(|step| text::plain(&step.stdout)).unwrap_or_default();
    let absent = said.contains("gcov is not installed");
    let why = if absent { "gcov is not installed" } else { "gcov counted no line: it needs a build by GCC" };
    report.covering(found).or_why(why)
}

/// Returns the lines that were executed at least once, of documents of gcov one after another. What cannot be read ends the reading.
pub(crate) fn lines(bytes: &[u8], root: &str) -> Vec<(RepoPath, Vec<u32>)> {
    let mut found = Lines::default();
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Document>() {
        let Ok(document) = document else { break };
        let here = Place { root, cwd: "" };
        // Names are relative to where the compiler was called.
        let folder = document.folder.as_deref().and_then(|folder| here.inside(folder)).unwrap_or_default();
        let place = Place { root, cwd: &folder };
        for file in document.files {
            let executed = file.lines.into_iter().filter(|line| line.count > 0);
            found.add(place, &file.file, executed.map(|line| line.line_number));
        }
    }
    found.into_vec()
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "current_working_directory")]
    folder: Option<String>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    file: String,
    #[serde(default)]
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    line_number: u32,
    count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lines::show;

    #[test]
    fn documents_one_after_another_are_read() {
        let report = br#"{"format_version": "1", "gcc_version": "12.2.0", "current_working_directory": "/work/build", "data_file": "x.gcda",
 "files": [{"file": "../src/till.cpp", "functions": [], "lines": [{"branches": [], "count": 2, "line_number": 5, "unexecuted_block": false, "function_name": "f"},
 {"count": 0, "line_number": 6}, {"count": 3, "line_number": 9}]}, {"file": "/usr/include/c++/12/new", "lines": [{"count": 1, "line_number": 1}]}]}
{"current_working_directory": "/elsewhere", "files": [{"file": "/work/src/till.cpp", "lines": [{"count": 1, "line_number": 6}]}]}"#;
        assert_eq!(show(&lines(report, "/work")), ["src/till.cpp: 5 6 9"]);
        let cut = &report[..report.len() - 20];
        assert_eq!(show(&lines(cut, "/work")), ["src/till.cpp: 5 9"]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = lines(&bytes, "/work");
        }
    }
}
