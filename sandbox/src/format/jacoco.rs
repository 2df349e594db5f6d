//! JaCoCo: how runs of the Java virtual machine are covered where it is installed, and its XML report.
//!
//! The agent goes into every virtual machine of the run by `JAVA_TOOL_OPTIONS`, so that no build file has to know of it. Where there
//! is no JaCoCo on the machine of the run, a line on stderr says so and no lines are found.
//!
//! It names packages and file names, no paths. They are joined with the source files of the workspace; a name that fits several
//! files, or none, is left out.

use std::borrow::Cow;

use repo::RepoPath;

use super::lines::Lines;
use super::place::Place;
use super::xml::{self, XmlError};
use crate::tool::{Collect, Step, StepKind, ToolCommand, ToolOutput, ToolReport, ToolRun};

const REPORT: &str = "jacoco.xml";

/// Makes a command's tests record what they cover.
pub(crate) fn record(run: &ToolRun<'_>, command: &mut ToolCommand) {
    let script = format!("{}/jacoco.sh", run.reports);
    for step in command.steps.iter_mut().filter(|step| step.kind == StepKind::Test) {
        let recorded = ["sh", &script, "record", run.reports].map(str::to_owned);
        step.argv.splice(0..0, recorded);
    }
    let argv = ["sh", &script, "report", run.reports, run.root].map(str::to_owned).to_vec();
    command.steps.push(Step { kind: StepKind::After, argv, env: Vec::new() });
    command.support.push(("jacoco.sh".to_owned(), Cow::Borrowed(include_bytes!("jacoco/jacoco.sh"))));
    command.support.push(("Report.java".to_owned(), Cow::Borrowed(include_bytes!("jacoco/Report.java"))));
    command.collect.push(Collect::Reports(REPORT.to_owned()));
}

/// Adds the lines that a run's collected report names; none where there is no report, or not a whole one.
pub(crate) fn add_lines(
    report: ToolReport,
    left: &ToolOutput<'_>,
    sources: &dyn Fn(&str) -> Option<String>,
) -> ToolReport {
    let why = match left.report(REPORT).map(|file| lines(&file.bytes, sources)) {
        Some(Ok(found)) => return report.covering(found).or_why("JaCoCo saw no line of the workspace's own classes"),
        Some(Err(error)) => format!("JaCoCo's report cannot be read: {error}"),
        None => "JaCoCo made no report: is it installed?".to_owned(),
    };
    report.or_why(why)
}

/// Returns the lines of which at least one instruction was executed, in the files that `sources` finds for `package/File.java`.
///
/// # Errors
/// When it is no XML or ends too early.
pub(crate) fn lines(
    bytes: &[u8],
    sources: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(RepoPath, Vec<u32>)>, XmlError> {
    let text = String::from_utf8_lossy(bytes);
    let root = xml::parse(&text)?;
    let mut found = Lines::default();
    let here = Place { root: "", cwd: "" };
    for package in root.descendants().filter(|it| it.name == "package") {
        let name = package.attribute("name").unwrap_or_default();
        for file in package.all("sourcefile") {
            let Some(file_name) = file.attribute("name") else { continue };
            let path = if name.is_empty() { file_name.to_owned() } else { format!("{name}/{file_name}") };
            let Some(path) = sources(&path) else { continue };
            let executed = file.all("line").filter(|it| it.number::<u64>("ci").is_some_and(|count| count > 0));
            found.add(here, &path, executed.filter_map(|it| it.number("nr")));
        }
    }
    Ok(found.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lines::show;

    #[test]
    fn lines_with_an_executed_instruction_are_read() {
        let report = br#"<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">
<report name="till"><group name="core"><package name="com/acme"><class name="com/acme/Till" sourcefilename="Till.java"/>
<sourcefile name="Till.java"><line nr="3" mi="0" ci="3" mb="0" cb="0"/><line nr="7" mi="0" ci="2" mb="1" cb="1"/>
<line nr="8" mi="5" ci="0" mb="0" cb="0"/><counter type="LINE" missed="1" covered="2"/></sourcefile>
<sourcefile name="Gone.java"><line nr="3" mi="0" ci="3"/></sourcefile></package></group></report>"#;
        let sources = |path: &str| (path == "com/acme/Till.java").then(|| format!("core/src/main/java/{path}"));
        assert_eq!(show(&lines(report, &sources).unwrap()), ["core/src/main/java/com/acme/Till.java: 3 7"]);
        assert!(lines(b"<report><package", &sources).is_err());
    }
}
