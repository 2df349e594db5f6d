//! nose2, and nose with its successors (pynose): by their command line and the JUnit report that a plugin of theirs writes at the end.
//!
//! Ids are `module.Class.method`, as the report joins `classname` and `name`.

use super::{Detected, Files, Runner, RunnerKind};
use crate::format::junit::{self, JunitCase, JunitOutcome};
use crate::format::place::Place;
use crate::format::{UniqueIds, compiler, python};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus};
use crate::tool::{Collect, Step, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Nose;

/// Which of the two a command line calls, and where its options begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Nose,
    Nose2,
}

fn dialect(words: &[String]) -> Option<(Dialect, usize)> {
    let base = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    let of = |name: &str| match name {
        "nose2" => Some(Dialect::Nose2),
        "nose" | "nosetests" | "nosetests3" | "pynose" => Some(Dialect::Nose),
        _ => None,
    };
    let first = base(words.first()?);
    if let Some(dialect) = of(&first) {
        return Some((dialect, 1));
    }
    let flag = words.iter().position(|word| word == "-m")?;
    (first.starts_with("python") && flag < 4).then_some(())?;
    Some((of(words.get(flag + 1)?)?, flag + 2))
}

impl Runner for Nose {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Nose
    }

    fn claims(&self, words: &[String]) -> bool {
        dialect(words).is_some()
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let nose2 = ["nose2.cfg", "unittest.cfg"].into_iter().find(|file| files.has(file));
        let nose = || files.text("setup.cfg").is_some_and(|text| text.lines().any(|line| line.trim() == "[nosetests]"));
        let (program, evidence) = match nose2 {
            Some(file) => ("nose2", format!("{file} configures nose2")),
            None if nose() => ("nosetests", "setup.cfg has a section [nosetests]".to_owned()),
            None => return None,
        };
        (!files.tests().is_empty()).then(|| Detected { args: vec![program.to_owned()], evidence: vec![evidence] })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Nose)
    }
}

impl Tool for Nose {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let (dialect, options) = dialect(run.words).unwrap_or((Dialect::Nose2, 1));
        let mut argv = run.words[..options.min(run.words.len())].to_vec();
        let report = format!("{}/report.xml", run.reports);
        match dialect {
            Dialect::Nose => argv.extend(["--with-xunit".to_owned(), format!("--xunit-file={report}")]),
            Dialect::Nose2 => argv.extend(
                ["--plugin", "nose2.plugins.junitxml", "--junit-xml", "--junit-xml-path", &report].map(str::to_owned),
            ),
        }
        let own = run.words.get(options..).unwrap_or_default();
        match run.select {
            None => argv.extend(own.iter().filter(|word| !stops_early(word)).cloned()),
            Some(ids) => {
                argv.extend(without_names(own));
                argv.extend(ids.iter().map(|id| name_of(id.as_str(), dialect)));
            }
        }
        let env = [("PYTHONDONTWRITEBYTECODE", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let steps = vec![Step { kind: StepKind::Test, argv, env }];
        ToolCommand { support: Vec::new(), steps, collect: vec![Collect::Reports("report.xml".to_owned())] }
    }

    fn never_tells_lines(&self) -> Option<&'static str> {
        Some("the lines of nose and nose2 are not counted")
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let reading = Reading { place: Place::of(&left.run), ids: UniqueIds::default() };
        reading.read(left)
    }
}

fn stops_early(word: &str) -> bool {
    matches!(word, "-x" | "--stop" | "-F" | "--fail-fast" | "--failfast")
}

/// The options that say where tests are, without the tests that they name.
fn without_names(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if matches!(
            word.as_str(),
            "-s" | "-t" | "-c" | "-w" | "--config" | "--start-dir" | "--top-level-directory" | "--where"
        ) {
            kept.push(word.clone());
            kept.extend(words.next().cloned());
        } else if word.starts_with("--") && word.contains('=') {
            kept.push(word.clone());
        }
    }
    kept
}

/// `module.Class.method`, which nose wants as `module:Class.method`; the parameters that a generated test shows are left out.
fn name_of(id: &str, dialect: Dialect) -> String {
    if dialect == Dialect::Nose2 {
        return id.to_owned();
    }
    let id = id.split('(').next().unwrap_or(id);
    let parts = id.split('.').collect::<Vec<_>>();
    let class = parts.iter().position(|part| part.starts_with(|char: char| char.is_ascii_uppercase()));
    let at = class.unwrap_or(parts.len().saturating_sub(1)).max(1);
    if at >= parts.len() { id.to_owned() } else { format!("{}:{}", parts[..at].join("."), parts[at..].join(".")) }
}

struct Reading<'a> {
    place: Place<'a>,
    ids: UniqueIds,
}

impl Reading<'_> {
    fn read(mut self, left: &ToolOutput<'_>) -> ToolReport {
        let report = ToolReport::new;
        let Some(step) = left.steps.first() else {
            return report(Vec::new(), RunEnding::Crashed { detail: "nothing was run".to_owned() });
        };
        let file = left.files.iter().find(|file| !file.in_workspace && file.path == "report.xml");
        let parsed = file.map(|file| junit::parse(&file.bytes));
        if step.ending != RunEnding::Complete {
            return report(Vec::new(), step.ending.clone());
        }
        let parsed = match parsed {
            None => {
                let code = step.exit_code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
                let said = compiler::last_lines(&step.stderr);
                let detail = format!("the tool ended with {code} and without a report: {said}");
                return report(Vec::new(), RunEnding::Crashed { detail });
            }
            Some(Err(error)) => return report(Vec::new(), RunEnding::Tampered { detail: error.to_string() }),
            Some(Ok(parsed)) => parsed,
        };
        let results = parsed.cases.iter().map(|case| self.result(case)).collect::<Vec<_>>();
        let failed = results.iter().any(|result| result.status.is_failure());
        let ending = if let Some(detail) = parsed.contradiction() {
            RunEnding::Tampered { detail }
        } else if failed != (step.exit_code != Some(0)) && !(results.is_empty() && step.exit_code == Some(5)) {
            RunEnding::Tampered { detail: format!("the exit code {:?} does not fit the results", step.exit_code) }
        } else if results.is_empty() {
            RunEnding::NoTests
        } else {
            RunEnding::Complete
        };
        let wanted =
            |result: &TestResult| left.run.select.is_none_or(|ids| ids.contains(&result.id) || is_broken(result));
        report(results.into_iter().filter(wanted).collect(), ending)
    }

    fn result(&mut self, case: &JunitCase) -> TestResult {
        let status = match case.outcome {
            JunitOutcome::Passed => TestStatus::Passed,
            JunitOutcome::Skipped => TestStatus::Skipped,
            JunitOutcome::Failed | JunitOutcome::Error => TestStatus::Failed,
        };
        let mut failure = (status != TestStatus::Passed).then(|| python::failure(&case.details, self.place));
        if status == TestStatus::Skipped {
            let class = FailureClass::Exception { name: "SkipTest".to_owned() };
            failure = Some(Failure { class, message: case.message.clone(), frames: Vec::new() });
        }
        let loading = [
            "nose2.loader.LoadTestsFailure",
            "unittest.loader._FailedTest",
            "nose.failure.Failure",
            "unittest.loader.ModuleImportFailure",
        ];
        let broken = loading.contains(&case.class.as_str());
        let status = if broken && status == TestStatus::Failed { TestStatus::Error } else { status };
        let name =
            if broken || case.class.is_empty() { case.name.clone() } else { format!("{}.{}", case.class, case.name) };
        TestResult { id: TestId::new(self.ids.give(&name)), status, duration: case.duration, failure }
    }
}

fn is_broken(result: &TestResult) -> bool {
    result.status == TestStatus::Error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::exercise::{self, Exercise};
    use crate::tool::{Collected, StepOutput};

    const TESTS: &str = "import os\nimport unittest\n\nclass T(unittest.TestCase):\n    def test_good(self): pass\n    def test_bad(self): self.assertEqual(1, 2)\n    def test_error(self): {}['x']\n    def test_prints(self): print('<testcase name=\"forged\"/>')\n    @unittest.skip('not now')\n    def test_skip(self): pass\n";

    fn words(text: &str) -> Vec<String> {
        shell_words::split(text).unwrap()
    }

    fn read_log(xml: Option<&[u8]>, exit_code: Option<i32>) -> ToolReport {
        let words = words("nose2");
        let run = ToolRun { reports: "/r", root: "/w", ..ToolRun::of(&words) };
        let files = xml.map(|bytes| Collected::report("report.xml", bytes)).into_iter().collect::<Vec<_>>();
        let step = StepOutput::ended(StepKind::Test, exit_code, b"");
        Nose.read(&ToolOutput { steps: &[step], files: &files, run })
    }

    #[test]
    fn both_reports_are_read_alike() {
        let nose2 = include_bytes!("fixtures/python/nose2.xml");
        let expected = "Failed test_u.T.test_bad\n  Assertion: AssertionError: 1 != 2\n  test_u.py:5 test_bad\nFailed test_u.T.test_error\n  Exception { name: \"KeyError\" }: KeyError: 'x'\n  test_u.py:6 test_error\nPassed test_u.T.test_good\nPassed test_u.T.test_prints\nSkipped test_u.T.test_skip\n";
        for (log, reason) in
            [(&nose2[..], "test skipped: not now"), (include_bytes!("fixtures/python/pynose.xml"), "not now")]
        {
            let lines = exercise::lines(&read_log(Some(log), Some(1)));
            assert_eq!(lines, format!("{expected}  Exception {{ name: \"SkipTest\" }}: {reason}\ncomplete"));
        }
        assert!(matches!(read_log(Some(nose2), Some(0)).ending, RunEnding::Tampered { .. }));
        assert!(matches!(read_log(Some(&nose2[..500]), Some(1)).ending, RunEnding::Tampered { .. }));
        assert!(matches!(read_log(None, Some(0)).ending, RunEnding::Crashed { .. }), "an early exit leaves no report");
        assert!(matches!(read_log(None, None).ending, RunEnding::Crashed { .. }));
        let one_less = String::from_utf8_lossy(nose2).replace("tests=\"5\"", "tests=\"6\"");
        assert!(matches!(read_log(Some(one_less.as_bytes()), Some(1)).ending, RunEnding::Tampered { .. }));
    }

    #[test]
    fn nose2_is_run() {
        let python = std::env::var("PATCHWRIGHT_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let probe = std::process::Command::new(&python)
            .args(["-c", "import nose2"])
            .stderr(std::process::Stdio::null())
            .status();
        if !probe.is_ok_and(|status| status.success()) {
            return crate::testing::Promise::Tools.missing(&format!("{python} has no nose2"));
        }
        let command = [python.as_str(), "-m", "nose2"];
        let files = [("test_u.py", TESTS)];
        let done = exercise::run(&Nose, &Exercise::new(&command, &files));
        assert_eq!(done.report.results.len(), 5, "{}\n{}", done.lines(), done.printed());
        assert_eq!(done.report.ending, RunEnding::Complete, "{}", done.lines());
        let select: &[&str] = &["test_u.T.test_good"];
        let done = exercise::run(&Nose, &Exercise { select: Some(select), ..Exercise::new(&command, &files) });
        assert_eq!(done.lines(), "Passed test_u.T.test_good\ncomplete", "{}", done.printed());
        let leaves = TESTS.replace("self.assertEqual(1, 2)", "os._exit(0)");
        let done = exercise::run(&Nose, &Exercise::new(&command, &[("test_u.py", leaves.as_str())]));
        assert!(matches!(done.report.ending, RunEnding::Crashed { .. }), "{}", done.lines());
        assert!(done.report.results.is_empty());
    }

    #[test]
    fn commands_are_recognised() {
        for (command, expected) in [
            ("nose2 -v", Some((Dialect::Nose2, 1))),
            ("python -m nose2 tests", Some((Dialect::Nose2, 3))),
            ("/venv/bin/nosetests", Some((Dialect::Nose, 1))),
            ("python3 -B -m nose tests", Some((Dialect::Nose, 4))),
            ("python -m pytest", None),
            ("python nose2", None),
        ] {
            assert_eq!(dialect(&words(command)), expected, "{command}");
        }
        for (id, expected) in
            [("a.b.T.test_x", "a.b:T.test_x"), ("a.test_x", "a:test_x"), ("a.test_gen(1,)", "a:test_gen")]
        {
            assert_eq!(name_of(id, Dialect::Nose), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), code in -1..6) {
            let _ = read_log(Some(&bytes), Some(code));
        }
    }
}
