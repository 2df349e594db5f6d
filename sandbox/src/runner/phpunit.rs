//! PHPUnit: its own JUnit report, held against its exit code and against the counts that it prints last.
//!
//! Lines are counted where PHP has `pcov` or Xdebug; without either PHPUnit says so and no lines come back.

use super::node;
use super::{Detected, Files, Runner, RunnerKind};
use crate::format::frames::{self, Base};
use crate::format::journal::{printed, tail};
use crate::format::junit::{self, JunitCase, JunitOutcome};
use crate::format::{MAX_MESSAGE, UniqueIds, clip};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::{Collect, Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct PhpUnit;

const OURS: &[&str] = &[
    "--log-*",
    "--testdox*",
    "--coverage*",
    "--colors",
    "--teamcity",
    "--stop-on*",
    "--order-by",
    "--random-order*",
    "--printer",
    "--debug",
    "--verbose",
    "-v",
    "--cache-result*",
    "--do-not-cache-result",
    "--progress",
    "--no-output",
    "--no-logging",
];
const VALUES: &[&str] = &[
    "--log-junit",
    "--log-teamcity",
    "--testdox-html",
    "--testdox-text",
    "--coverage-clover",
    "--coverage-html",
    "--coverage-text",
    "--coverage-xml",
    "--coverage-php",
    "--coverage-filter",
    "--order-by",
    "--printer",
    "--cache-result-file",
    "--filter",
    "--group",
    "--exclude-group",
    "--testsuite",
    "--configuration",
    "-c",
    "--bootstrap",
    "--include-path",
    "-d",
];

impl Runner for PhpUnit {
    fn kind(&self) -> RunnerKind {
        RunnerKind::PhpUnit
    }

    fn claims(&self, words: &[String]) -> bool {
        program(words).is_some()
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let config = ["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"].into_iter().find(|name| files.has(name));
        let depends = files.text("composer.json").is_some_and(|text| text.contains("\"phpunit/phpunit\""));
        let test = files.paths.iter().find(|path| path.file_name().ends_with(b"Test.php"));
        let mut args = vec![if depends { "vendor/bin/phpunit" } else { "phpunit" }.to_owned()];
        let mut evidence = Vec::new();
        evidence.extend(config.map(|name| format!("{name} configures PHPUnit")));
        evidence.extend(depends.then(|| "composer.json depends on phpunit/phpunit".to_owned()));
        if evidence.is_empty() {
            return None;
        }
        if config.is_none() {
            args.push(test?.components().next().map(|top| String::from_utf8_lossy(top).into_owned())?);
        }
        Some(Detected { args, evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&PhpUnit)
    }
}

/// Where in a command line PHPUnit's own arguments begin.
fn program(words: &[String]) -> Option<usize> {
    let (_, tool) = node::builds(words);
    let start = words.len() - tool.len();
    let at = tool
        .iter()
        .position(|word| matches!(word.rsplit('/').next(), Some("phpunit" | "simple-phpunit" | "phpunit.phar")))?;
    let before = &tool[..at];
    let first = before.iter().find(|word| crate::plan::assignment(word).is_none());
    (first.is_none_or(|first| first.rsplit('/').next() == Some("php"))).then_some(start + at + 1)
}

impl Tool for PhpUnit {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(at) = program(run.words) else { return ToolCommand::default() };
        let (_, tool) = node::builds(run.words);
        let start = run.words.len() - tool.len();
        let assignments = tool.iter().take_while(|word| crate::plan::assignment(word).is_some()).count();
        let mut env = node::environment();
        env.extend(tool[..assignments].iter().filter_map(|word| crate::plan::assignment(word)));
        let mut argv = run.words[start + assignments..at].to_vec();
        let mut args = node::without(&run.words[at..], OURS, VALUES);
        if let Some(names) = run.select.and_then(filter) {
            args = node::without(&args, &["--filter"], VALUES);
            args.extend(["--filter".to_owned(), names]);
        }
        argv.extend(["--log-junit".to_owned(), format!("{}/junit.xml", run.reports)]);
        argv.extend(["--colors=never", "--order-by=default", "--do-not-cache-result"].map(str::to_owned));
        let mut collect = vec![Collect::Reports("junit.xml".to_owned())];
        if run.coverage == Coverage::PerTest {
            argv.extend(["--coverage-clover".to_owned(), format!("{}/clover.xml", run.reports)]);
            collect.push(Collect::Reports("clover.xml".to_owned()));
        }
        argv.extend(args);
        let mut steps = node::build_steps(run.words);
        steps.push(Step { kind: StepKind::Test, argv, env });
        ToolCommand { steps, collect, ..ToolCommand::default() }
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let base = Base::of(&left.run);
        let found = |name: &str| left.files.iter().find(|file| !file.in_workspace && file.path == name);
        let report = found("junit.xml")
            .filter(|file| !file.bytes.is_empty())
            .map(|file| junit::parse(&file.bytes).map_err(|error| error.to_string()));
        let cases = report.as_ref().and_then(|report| report.as_ref().ok()).map(|report| report.cases.as_slice());
        let mut results = results(cases.unwrap_or_default(), base);
        let ending = match left.steps.iter().rev().find(|step| step.kind == StepKind::Test) {
            Some(step) => ending(step, report.as_ref(), &results, base),
            None => RunEnding::Crashed { detail: "PHPUnit was not run".to_owned() },
        };
        let ending = crate::format::journal::failed_build(left, base).unwrap_or(ending);
        if let Some(select) = left.run.select {
            results.retain(|result| select.contains(&result.id));
        }
        let nothing = results.is_empty() && ending == RunEnding::Complete;
        let lines = found("clover.xml").map(|file| clover(&file.bytes, base)).unwrap_or_default();
        let ending = if nothing { RunEnding::NoTests } else { ending };
        ToolReport::new(results, ending)
            .covering(lines)
            .or_why("PHP counts lines only with the extension pcov or Xdebug")
    }
}

/// An expression for `Class::test`, which is all that PHPUnit can be told.
fn filter(ids: &[TestId]) -> Option<String> {
    if ids.len() > 300 {
        return None;
    }
    let name = |id: &TestId| Some(node::escape(id.as_str().split_once("::")?.1));
    let names = ids.iter().map(name).collect::<Option<Vec<_>>>()?;
    Some(format!("/^(?:{})$/", names.join("|")))
}

fn results(cases: &[JunitCase], base: Base<'_>) -> Vec<TestResult> {
    let mut ids = UniqueIds::default();
    let one = |case: &JunitCase| {
        let file = case.file.as_deref().and_then(|file| base.inside(file));
        // The report writes namespaces with dots.
        let class = Some(case.class.replace('.', "\\")).filter(|class| !class.is_empty());
        let class = class.unwrap_or_else(|| case.suite.clone());
        let parts = file.as_deref().into_iter().chain([class.as_str(), case.name.as_str()]);
        let name = text::plain(parts.collect::<Vec<_>>().join("::").as_bytes()).replace('\n', " ");
        let (status, failure) = outcome(case, base);
        TestResult { id: TestId::new(ids.give(&name)), status, duration: case.duration, failure }
    };
    cases.iter().map(one).collect()
}

fn outcome(case: &JunitCase, base: Base<'_>) -> (TestStatus, Option<Failure>) {
    let status = match case.outcome {
        JunitOutcome::Passed => return (TestStatus::Passed, None),
        JunitOutcome::Skipped => return (TestStatus::Skipped, None),
        JunitOutcome::Failed | JunitOutcome::Error => TestStatus::Failed,
    };
    let details = text::plain(case.details.as_bytes());
    let said = if details.trim().is_empty() { case.message.as_str() } else { details.trim() };
    // The first line repeats the test's name, the last ones are the places.
    let place = |line: &&str| {
        line.rsplit_once(':').is_some_and(|(path, number)| path.starts_with('/') && number.parse::<u32>().is_ok())
    };
    let lines = said.lines().skip(usize::from(said.lines().count() > 1)).filter(|line| !place(line));
    let message = base.text(clip(lines.collect::<Vec<_>>().join("\n").trim(), MAX_MESSAGE));
    let mut found = frames::named(&said.lines().filter(place).collect::<Vec<_>>().join("\n"), base);
    found.reverse();
    let class = match case.kind.rsplit('\\').next().unwrap_or_default() {
        "ExpectationFailedException" | "AssertionFailedError" => FailureClass::Assertion,
        "ParseError" => FailureClass::Build,
        "" => FailureClass::Exception { name: "Error".to_owned() },
        name => FailureClass::Exception { name: clip(name, 200).to_owned() },
    };
    let message = message.strip_prefix(&format!("{}: ", case.kind)).map_or(message.clone(), str::to_owned);
    (status, Some(Failure { class, message, frames: found }))
}

fn ending(
    step: &StepOutput,
    report: Option<&Result<junit::Junit, String>>,
    results: &[TestResult],
    base: Base<'_>,
) -> RunEnding {
    if step.ending != RunEnding::Complete {
        return step.ending.clone();
    }
    let printed = printed(step);
    let Some(code) = step.exit_code else {
        return RunEnding::Crashed { detail: "the test process was ended by a signal".to_owned() };
    };
    let tampered = |detail: String| RunEnding::Tampered { detail };
    let report = match report {
        None => return without_report(code, &printed, base),
        Some(Err(detail)) => return tampered(detail.clone()),
        Some(Ok(report)) => report,
    };
    if let Some(detail) = report.contradiction() {
        return tampered(detail);
    }
    let Some(counted) = counted(&text::plain(&step.stdout)) else {
        if results.is_empty() {
            return RunEnding::NoTests;
        }
        let detail = format!("PHPUnit ended with exit code {code} before it counted its tests");
        return RunEnding::Crashed { detail };
    };
    if counted != results.len() {
        return tampered(format!("PHPUnit counts {counted} tests, its report has {}", results.len()));
    }
    match (code, results.iter().any(|result| result.status.is_failure())) {
        (0, true) => tampered("tests failed, but PHPUnit ended with exit code 0".to_owned()),
        (1.., false) => RunEnding::Crashed {
            detail: format!("no test failed, but PHPUnit ended with exit code {code}: {}", tail(&printed, base)),
        },
        _ => RunEnding::Complete,
    }
}

/// The count that PHPUnit prints last: `OK (3 tests, …)` or `Tests: 3, …`.
fn counted(printed: &str) -> Option<usize> {
    let lines = printed.lines().rev().map(str::trim);
    let count = |line: &str| {
        let rest = line.strip_prefix("OK (").or_else(|| line.strip_prefix("Tests: "))?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse().ok()
    };
    lines.filter_map(count).next()
}

fn without_report(code: i32, printed: &str, base: Base<'_>) -> RunEnding {
    if printed.contains("No tests executed!") {
        return RunEnding::NoTests;
    }
    if code == 0 {
        return RunEnding::Crashed { detail: "PHPUnit ended with exit code 0 before it reported".to_owned() };
    }
    let message = tail(printed, base);
    let places = frames::named(printed, base);
    match printed.contains("Parse error") || printed.contains("ParseError") || printed.contains("syntax error") {
        true if !places.is_empty() => RunEnding::BuildFailed { message, places },
        _ => RunEnding::CollectionFailed { message },
    }
}

/// Lines with a count in Clover's XML.
fn clover(bytes: &[u8], base: Base<'_>) -> crate::format::v8::Lines {
    let text = String::from_utf8_lossy(bytes);
    let Ok(root) = crate::format::xml::parse(&text) else { return Vec::new() };
    let mut files = Vec::new();
    for file in root.descendants().filter(|element| element.name == "file") {
        let path = file.attribute("name").and_then(|name| base.own(name));
        let Some(path) = path.and_then(|path| repo::RepoPath::new(&path).ok()) else { continue };
        let number = |line: &crate::format::xml::Element<'_>, key: &str| line.attribute(key)?.parse::<u32>().ok();
        let run = file.all("line").filter(|line| number(line, "count").is_some_and(|count| count > 0));
        let mut lines = run.filter_map(|line| number(line, "num")).collect::<Vec<_>>();
        lines.sort_unstable();
        lines.dedup();
        files.push((path, lines));
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests;
