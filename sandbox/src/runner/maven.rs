//! Maven: the XML of Surefire and Failsafe, held against what Maven itself counts.
//!
//! Tests run in a virtual machine of their own; Maven writes a file per class when the class has ended, and totals per module. What
//! tests print is sent to files, so that Maven's own output is Maven's. Failing tests do not end the build
//! (`maven.test.failure.ignore`), or the modules behind them would never be tested: so exit code 0 says only that everything was
//! built and run. Runs are offline: whatever a build needs is there beforehand.

use std::collections::HashMap;

use super::jvm::{self, Sources, Wanted};
use super::{Detected, Files, Runner, RunnerKind};
use crate::format::compiler;
use crate::format::jacoco;
use crate::format::junit::{self, Junit, JunitOutcome, Retried};
use crate::format::place::Place;
use crate::format::results::{Results, cut_short, tampered};
use crate::report::{RunEnding, text};
use crate::tool::{Collect, Step, StepKind, StepOutput, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct Maven;

/// Phases and goals that run tests.
const TESTING: &[&str] = &[
    "test",
    "prepare-package",
    "package",
    "integration-test",
    "post-integration-test",
    "verify",
    "install",
    "surefire:test",
];
/// Phases in which Failsafe's tests are run too.
const INTEGRATION: &[&str] = &["integration-test", "post-integration-test", "verify", "install"];
/// Words that would hide what is read, or stop before everything has been run.
const DROPPED: &[&str] = &["-q", "--quiet", "-ff", "--fail-fast", "-fn", "--fail-never", "-U", "--update-snapshots"];
const DROPPED_WITH_VALUE: &[&str] = &["-l", "--log-file"];

impl Runner for Maven {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Maven
    }

    fn claims(&self, words: &[String]) -> bool {
        let Some((program, arguments)) = words.split_first() else { return false };
        let name = program.rsplit('/').next().unwrap_or_default();
        let skips = |word: &String| {
            ["-DskipTests", "-Dmaven.test.skip"].iter().any(|flag| word.starts_with(flag)) && !word.ends_with("=false")
        };
        let tests = |word: &String| TESTING.contains(&word.as_str());
        ["mvn", "mvnw", "mvnd"].contains(&name) && arguments.iter().any(tests) && !arguments.iter().any(skips)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        files.text("pom.xml")?;
        let test = files.paths.iter().find(|path| path.to_string().contains("src/test/"))?;
        let program = if files.has("mvnw") { "./mvnw" } else { "mvn" };
        let mut evidence = vec![format!("pom.xml is a project of Maven, and {test} is a test of it")];
        if files.has("mvnw") {
            evidence.push("mvnw is the project's own Maven".to_owned());
        }
        Some(Detected { args: vec![program.to_owned(), "test".to_owned()], evidence })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Self)
    }
}

impl Tool for Maven {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let mut argv = words(run);
        for option in [
            "-B",
            "-o",
            "-fae",
            "-Dstyle.color=never",
            "-Dmaven.test.failure.ignore=true",
            "-Dmaven.test.redirectTestOutputToFile=true",
            "-DtrimStackTrace=false",
            "-DfailIfNoTests=false",
        ] {
            argv.push(option.to_owned());
        }
        // Surefire hands properties on to the tests' own virtual machine, where JUnit 5 looks for this one.
        let limit = run.per_test.as_secs().max(1);
        argv.push(format!("-Djunit.jupiter.execution.timeout.testable.method.default={limit}s"));
        if let Some(wanted) = run.select.and_then(jvm::wanted) {
            argv.extend(selection(&wanted, run.words));
        }
        let (list, sources) = jvm::list_sources(run);
        let mut command = ToolCommand {
            support: Vec::new(),
            steps: vec![Step { kind: StepKind::Test, argv, env: Vec::new() }, list],
            collect: vec![
                sources,
                Collect::Workspace("**/target/surefire-reports/TEST-*.xml".to_owned()),
                Collect::Workspace("**/target/failsafe-reports/TEST-*.xml".to_owned()),
            ],
        };
        if run.coverage == Coverage::PerTest {
            jacoco::record(run, &mut command);
        }
        command
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let sources = Sources::of(left);
        let mut results = Results::default();
        let mut counts = Counts::default();
        let mut unreadable = None;
        for file in left.files.iter().filter(|file| file.in_workspace) {
            let module = file.path.split("target/").next().unwrap_or_default().trim_end_matches('/');
            match junit::parse(&file.bytes) {
                Ok(junit) => {
                    counts.add(&junit);
                    unreadable = unreadable.or_else(|| junit.contradiction());
                    for case in &junit.cases {
                        results.add(jvm::of_case(case, module, &sources));
                    }
                }
                Err(error) => unreadable = Some(format!("{}: {error}", file.path)),
            }
        }
        let ending = match left.steps.iter().find(|step| step.kind == StepKind::Test) {
            None => tampered("nothing was run"),
            Some(step) => judge(step, &counts, unreadable, Place::of(&left.run)),
        };
        let report = ToolReport::new(results.into_vec(), ending);
        jacoco::add_lines(report, left, &|path| sources.file(path, ""))
    }
}

/// The repository's own words without those that hide what is read here.
fn words(run: &ToolRun<'_>) -> Vec<String> {
    let mut words = Vec::new();
    let mut skip = false;
    for word in run.words {
        if std::mem::take(&mut skip) || DROPPED.contains(&word.as_str()) {
            continue;
        }
        let selects = run.select.is_some() && (word.starts_with("-Dtest=") || word.starts_with("-Dit.test="));
        skip = DROPPED_WITH_VALUE.contains(&word.as_str());
        if !skip && !selects {
            words.push(word.clone());
        }
    }
    words
}

/// Tells Surefire and Failsafe which tests to run; each would also run the other's if it were told.
fn selection(wanted: &[Wanted], words: &[String]) -> Vec<String> {
    let both = words.iter().any(|word| INTEGRATION.contains(&word.as_str()));
    let of_failsafe = |class: &str| {
        let name = class.rsplit('.').next().unwrap_or(class);
        both && (name.starts_with("IT") || name.ends_with("IT") || name.ends_with("ITCase"))
    };
    let joined = |failsafe: bool| {
        let of = |wanted: &Wanted| {
            if wanted.methods.is_empty() {
                return format!("{}*", wanted.class);
            }
            format!("{}#{}", wanted.class, wanted.methods.join("+"))
        };
        let chosen = wanted.iter().filter(|wanted| of_failsafe(&wanted.class) == failsafe).map(of).collect::<Vec<_>>();
        if chosen.is_empty() { "NoTestIsWanted".to_owned() } else { chosen.join(",") }
    };
    let mut options = vec![format!("-Dtest={}", joined(false)), "-Dsurefire.failIfNoSpecifiedTests=false".to_owned()];
    if both {
        options.push(format!("-Dit.test={}", joined(true)));
        options.push("-Dit.failIfNoSpecifiedTests=false".to_owned());
        options.push("-Dfailsafe.failIfNoSpecifiedTests=false".to_owned());
    }
    options
}

/// How many tests there are: tests, failures, errors, skipped.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    /// Whether a test was run more than once, be it again or with other parameters: Maven counts such a test once.
    repeated: bool,
}

impl Counts {
    fn add(&mut self, junit: &Junit) {
        let mut tests: HashMap<(&str, &str), u8> = HashMap::new();
        for case in &junit.cases {
            let badness = match case.outcome {
                JunitOutcome::Passed => 0,
                JunitOutcome::Skipped => 1,
                JunitOutcome::Failed => 2,
                JunitOutcome::Error => 3,
            };
            let known = tests.get(&(case.class.as_str(), case.name.as_str())).copied();
            self.repeated |= known.is_some() || case.retried != Retried::Never;
            tests.insert((&case.class, &case.name), badness.max(known.unwrap_or(0)));
        }
        let count = |badness| tests.values().filter(|known| **known == badness).count();
        self.tests += tests.len();
        self.skipped += count(1);
        self.failures += count(2);
        self.errors += count(3);
    }

    /// Adds up the totals of all modules: `[ERROR] Tests run: 12, Failures: 3, Errors: 2, Skipped: 1`. Those of a class say more.
    fn stated(output: &str) -> Option<Self> {
        let mut sum = None;
        for line in output.lines() {
            let Some((_, rest)) = line.split_once("] Tests run: ") else { continue };
            let mut numbers = [0; 4];
            let mut pieces = rest.split(", ");
            let names = ["", "Failures: ", "Errors: ", "Skipped: "];
            let fits = names.iter().zip(&mut numbers).all(|(name, number)| {
                let value =
                    pieces.next().and_then(|piece| piece.strip_prefix(name)).and_then(|text| text.trim().parse().ok());
                value.map(|value: usize| *number = value).is_some()
            });
            let retried = pieces.next().map(|piece| piece.starts_with("Flakes: "));
            if !fits || retried == Some(false) {
                continue;
            }
            let sum: &mut Self = sum.get_or_insert_default();
            sum.tests = sum.tests.saturating_add(numbers[0]);
            sum.failures = sum.failures.saturating_add(numbers[1]);
            sum.errors = sum.errors.saturating_add(numbers[2]);
            sum.skipped = sum.skipped.saturating_add(numbers[3]);
            sum.repeated |= retried.is_some();
        }
        sum
    }
}

fn judge(step: &StepOutput, counts: &Counts, unreadable: Option<String>, place: Place<'_>) -> RunEnding {
    if let Some(ending) = cut_short(step) {
        return ending;
    }
    let output = text::plain(&step.stdout);
    if let Some(detail) = fork_trouble(&output) {
        return RunEnding::Crashed { detail };
    }
    if step.exit_code != Some(0) {
        return not_built(step, &output, place);
    }
    if let Some(detail) = unreadable {
        return tampered(detail);
    }
    if !output.lines().any(|line| line.ends_with("] BUILD SUCCESS")) {
        return tampered("Maven ended with exit code 0 and does not say that the build succeeded");
    }
    match Counts::stated(&output) {
        None if counts.tests == 0 => RunEnding::NoTests,
        None if step.cut => RunEnding::OutputLimit,
        None => tampered("there are reports of tests that Maven does not count"),
        Some(stated) if stated.tests == 0 && counts.tests == 0 => RunEnding::NoTests,
        // Of a test that was run more than once, Maven has its own way to say which outcome counts.
        Some(stated) if counts.repeated && stated.tests == counts.tests => RunEnding::Complete,
        Some(stated) if stated == *counts => RunEnding::Complete,
        Some(_) if step.cut => RunEnding::OutputLimit,
        Some(stated) => tampered(format!(
            "Maven counts {} tests with {} failures, {} errors and {} skipped; the reports have {}, {}, {} and {}",
            stated.tests,
            stated.failures,
            stated.errors,
            stated.skipped,
            counts.tests,
            counts.failures,
            counts.errors,
            counts.skipped
        )),
    }
}

/// The tests' virtual machine was ended before it said goodbye: `System.exit`, a signal, a crash.
fn fork_trouble(output: &str) -> Option<String> {
    let marks = [
        "The forked VM terminated without",
        "Crashed tests:",
        "ExecutionException The forked VM",
        "There was a timeout or other error in the fork",
    ];
    let lines = output.lines().collect::<Vec<_>>();
    let at = lines.iter().position(|line| marks.iter().any(|mark| line.contains(mark)))?;
    let plain = |line: &str| line.trim_start_matches("[ERROR]").trim().to_owned();
    let crashed = lines.iter().position(|line| line.contains("Crashed tests:"));
    let tests = crashed.map(|at| {
        lines[at + 1..]
            .iter()
            .take_while(|line| !line.contains(' ') || line.starts_with("[ERROR] ") && !plain(line).contains(' '))
    });
    let tests = tests.map(|tests| {
        tests.map(|line| plain(line)).filter(|line| !line.is_empty()).take(5).collect::<Vec<_>>().join(", ")
    });
    let of = tests.filter(|tests| !tests.is_empty()).map(|tests| format!(" (in {tests})")).unwrap_or_default();
    Some(format!("{}{of}", plain(lines[at])))
}

/// Why the build ended: what the compiler says, else what Maven says.
fn not_built(step: &StepOutput, output: &str, place: Place<'_>) -> RunEnding {
    let printed = [step.stdout.as_slice(), b"\n", step.stderr.as_slice()].concat();
    if !compiler::errors(&printed, place).is_empty() {
        return compiler::build_failed(&printed, place);
    }
    let said = output.lines().filter_map(|line| line.strip_prefix("[ERROR] "));
    let said =
        said.filter(|line| !line.trim().is_empty() && !line.starts_with("-> [Help") && !line.starts_with("[Help"));
    let said = said.filter(|line| {
        !line.contains("re-run Maven") && !line.starts_with("Re-run Maven") && !line.starts_with("For more information")
    });
    let message = said.take(10).collect::<Vec<_>>().join("\n");
    if message.is_empty() {
        compiler::build_failed(&printed, place)
    } else {
        RunEnding::BuildFailed { message, places: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
