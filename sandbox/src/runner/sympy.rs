//! SymPy's own `bin/test`, as it was before it handed over to pytest.
//!
//! It has no report but what it prints, and captures nothing, so its output is believed only as a whole: the number of tests that each
//! file announces, the counts of the last line and the exit code all have to agree. Ids are `FILE::test`.

use std::collections::HashMap;

use super::{Detected, Files, Runner, RunnerKind};
use crate::format::place::Place;
use crate::format::{UniqueIds, clip, compiler, log, python};
use crate::report::{Failure, FailureClass, RunEnding, TestId, TestResult, TestStatus, text};
use crate::tool::{Step, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Sympy;

/// Where the script's own options begin.
fn script(words: &[String]) -> Option<usize> {
    let at = words.iter().position(|word| word == "bin/test" || word == "./bin/test" || word.ends_with("/bin/test"))?;
    let python =
        words[..at].first().is_none_or(|first| first.rsplit('/').next().unwrap_or_default().starts_with("python"));
    let plain = words[..at].iter().skip(1).all(|word| word.starts_with('-') || word.contains(':') || word == "error");
    (python && plain).then_some(at + 1)
}

impl Runner for Sympy {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Sympy
    }

    fn claims(&self, words: &[String]) -> bool {
        script(words).is_some_and(|at| words.get(at..).is_some_and(|rest| rest.iter().all(|word| word != "--help")))
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        let text = files.text("bin/test")?;
        let own = files.has("sympy/__init__.py") && !text.contains("pytest");
        own.then(|| Detected {
            args: ["python", "bin/test"].map(str::to_owned).to_vec(),
            evidence: vec!["bin/test runs SymPy's tests".to_owned()],
        })
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Sympy)
    }
}

impl Tool for Sympy {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let at = script(run.words).unwrap_or(run.words.len());
        let mut argv = run.words[..at].to_vec();
        argv.extend(["-v", "--no-colors", "--no-subprocess"].map(str::to_owned));
        match run.select {
            None => argv.extend(
                run.words[at..].iter().filter(|word| !matches!(word.as_str(), "-v" | "--verbose" | "-C")).cloned(),
            ),
            Some(ids) => {
                let mut files =
                    ids.iter().filter_map(|id| Some(id.as_str().split_once("::")?.0.to_owned())).collect::<Vec<_>>();
                files.sort();
                files.dedup();
                argv.extend(files);
            }
        }
        let env = vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())];
        ToolCommand { support: Vec::new(), steps: vec![Step { kind: StepKind::Test, argv, env }], collect: Vec::new() }
    }

    fn never_tells_lines(&self) -> Option<&'static str> {
        Some("the lines of SymPy's own runner are not counted")
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        let report = ToolReport::new;
        let Some(step) = left.steps.first() else {
            return report(Vec::new(), RunEnding::Crashed { detail: "nothing was run".to_owned() });
        };
        let printed = text::plain(&step.stdout);
        let mut read = read(&printed, Place::of(&left.run));
        if let Some(ids) = left.run.select {
            read.results.retain(|result| ids.contains(&result.id));
        }
        let failed = read.failed;
        let ending = match (&step.ending, read.trouble) {
            (RunEnding::Complete, None) if step.cut => RunEnding::Tampered { detail: "the output was cut".to_owned() },
            (RunEnding::Complete, None) if failed != (step.exit_code != Some(0)) => {
                RunEnding::Tampered { detail: "the exit code does not fit the results".to_owned() }
            }
            (RunEnding::Complete, None) if read.results.is_empty() => RunEnding::NoTests,
            (RunEnding::Complete, None) => RunEnding::Complete,
            (RunEnding::Complete, Some(detail)) if detail.is_empty() => {
                RunEnding::Crashed { detail: format!("no last line: {}", compiler::last_lines(&step.stderr)) }
            }
            (RunEnding::Complete, Some(detail)) => RunEnding::Tampered { detail },
            (limit, _) => limit.clone(),
        };
        report(read.results, ending)
    }
}

#[derive(Default)]
struct Read {
    results: Vec<TestResult>,
    failed: bool,
    /// Empty where the last line is missing.
    trouble: Option<String>,
}

/// Reads the verbose output.
fn read(printed: &str, place: Place<'_>) -> Read {
    let mut found = Read::default();
    let mut ids = UniqueIds::default();
    let mut file: Option<(&str, usize, usize)> = None;
    let failures = failures(printed);
    let mut counts = HashMap::<TestStatus, usize>::new();
    let body = printed.split("\n________").next().unwrap_or_default();
    for line in body.lines() {
        if let Some((path, announced)) = header(line) {
            found.check(file);
            file = Some((path, announced, 0));
            continue;
        }
        let Some((path, _, seen)) = &mut file else { continue };
        let Some((name, status)) = result(line) else { continue };
        *seen += 1;
        *counts.entry(status).or_default() += 1;
        let failure = match status {
            TestStatus::Failed => failures.get(&(*path, name)).map(|text| python::failure(text, place)),
            TestStatus::Passed => None,
            _ => Some(Failure {
                class: FailureClass::Exception { name: "skipped".to_owned() },
                message: clip(line, 1000).to_owned(),
                frames: Vec::new(),
            }),
        };
        let id = TestId::new(ids.give(&format!("{path}::{name}")));
        found.results.push(TestResult { id, status, duration: std::time::Duration::ZERO, failure });
    }
    found.check(file);
    found.failed = counts.contains_key(&TestStatus::Failed);
    match stated(printed) {
        None => found.trouble = Some(String::new()),
        Some((passed, failed)) => {
            let count = |status| counts.get(&status).copied().unwrap_or(0);
            if (passed, failed) != (count(TestStatus::Passed), count(TestStatus::Failed)) {
                found
                    .trouble
                    .get_or_insert(format!("{passed} passed and {failed} failed are stated, the lines tell otherwise"));
            }
        }
    }
    found
}

impl Read {
    fn check(&mut self, file: Option<(&str, usize, usize)>) {
        if let Some((path, announced, seen)) = file.filter(|(_, announced, seen)| announced != seen) {
            self.trouble.get_or_insert(format!("{} announces {announced} tests and shows {seen}", clip(path, 200)));
        }
    }
}

/// `sympy/core/tests/test_a.py[5]`.
fn header(line: &str) -> Option<(&str, usize)> {
    let (path, rest) = line.split_once(".py[")?;
    let count = rest.trim_end().split(']').next()?.parse().ok()?;
    (!path.contains(' ')).then(|| (&line[..path.len() + 3], count))
}

/// `test_x ok`, `test_y F`, with `[OK]` or `[FAIL]` behind the last of a file.
fn result(line: &str) -> Option<(&str, TestStatus)> {
    let line = line.trim_end();
    let line = line.strip_suffix("[OK]").or_else(|| line.strip_suffix("[FAIL]")).unwrap_or(line).trim_end();
    let (name, rest) = line.split_once(' ')?;
    let status = match rest.split(' ').next_back()? {
        "ok" => TestStatus::Passed,
        "F" | "E" | "T" => TestStatus::Failed,
        "s" | "K" | "w" => TestStatus::Skipped,
        "f" => TestStatus::XFailed,
        "X" => TestStatus::XPassed,
        _ => return None,
    };
    name.starts_with("test").then_some((name, status))
}

/// The passed and the failed tests that the last line counts: ` tests finished: 3 passed, 1 failed, … 1 exceptions, in 0.50 seconds`.
fn stated(printed: &str) -> Option<(usize, usize)> {
    let (_, last) = printed.rsplit_once("tests finished: ")?;
    let last = last.split(" seconds").next()?.replace('\n', " ");
    last.contains(", in ").then_some(())?;
    let number = |word: &str| {
        let part = last.split(',').map(str::trim).find_map(|part| part.strip_suffix(word));
        part.and_then(|number| number.trim().parse::<usize>().ok()).unwrap_or(0)
    };
    Some((number("passed"), number(" failed") + number("exceptions")))
}

/// The text below the headline of each failed test.
fn failures(printed: &str) -> HashMap<(&str, &str), String> {
    let mut found = HashMap::<(&str, &str), String>::new();
    let mut current = None;
    for line in printed.lines() {
        if let Some((_, test)) = log::headline(line) {
            let path = line.trim_start_matches(['_', ' ']).split(':').next().unwrap_or_default();
            current = Some((path, test));
        } else if let Some(key) = current {
            let text = found.entry(key).or_default();
            if text.len() < 64 << 10 {
                text.push_str(clip(line, 4096));
                text.push('\n');
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::exercise::{self, Exercise};
    use crate::tool::StepOutput;

    const LOG: &str = include_str!("fixtures/python/sympy-v.txt");

    /// Runs the script itself in a checkout of SymPy from before it handed over to pytest, where `PATCHWRIGHT_SYMPY_TREE` names one.
    #[test]
    fn the_script_itself_runs() {
        let Some(tree) = std::env::var_os("PATCHWRIGHT_SYMPY_TREE").map(std::path::PathBuf::from) else {
            println!("skipped: PATCHWRIGHT_SYMPY_TREE does not name a checkout of SymPy");
            return;
        };
        let (bin, package) = (tree.join("bin"), tree.join("sympy"));
        let words = ["python3", "bin/test", "sympy/core/tests/test_singleton.py"];
        let links = [("bin", bin.as_path()), ("sympy", package.as_path())];
        let all = Exercise { links: &links, ..Exercise::new(&words, &[]) };
        let id = |name: &str| format!("Passed sympy/core/tests/test_singleton.py::{name}\n");
        let done = exercise::run(&Sympy, &all);
        let expected = ["test_Singleton", "test_singleton_redefinition", "test_names_in_namespace"].map(id).concat();
        assert_eq!(done.lines(), format!("{expected}complete"), "{}", done.printed());
        let select: &[&str] = &["sympy/core/tests/test_singleton.py::test_Singleton"];
        let done = exercise::run(&Sympy, &Exercise { select: Some(select), ..all });
        assert_eq!(done.lines(), format!("{}complete", id("test_Singleton")), "{}", done.printed());
    }

    fn read_log(log: &str, exit_code: i32) -> ToolReport {
        let words = ["bin/test".to_owned()];
        let run = ToolRun { reports: "/r", root: "/w", ..ToolRun::of(&words) };
        let step = StepOutput::ended(StepKind::Test, exit_code, log.as_bytes());
        Sympy.read(&ToolOutput { steps: &[step], files: &[], run })
    }

    #[test]
    fn a_real_log_is_read() {
        let lines = exercise::lines(&read_log(LOG, 1));
        let expected = "Passed sympy/core/tests/test_mini.py::test_good\nFailed sympy/core/tests/test_mini.py::test_bad\n  Assertion: AssertionError\n  sympy/core/tests/test_mini.py:7 test_bad\nFailed sympy/core/tests/test_mini.py::test_error\n  Exception { name: \"KeyError\" }: KeyError: 'x'\n  sympy/core/tests/test_mini.py:10 test_error\nXFailed sympy/core/tests/test_mini.py::test_known\n";
        assert!(lines.starts_with(expected), "{lines}");
        assert!(lines.ends_with("Passed sympy/core/tests/test_parameters.py::test_add\nPassed sympy/core/tests/test_parameters.py::test_nested\ncomplete"), "{lines}");
    }

    #[test]
    fn what_does_not_fit_together_is_not_believed() {
        for (log, exit_code) in [
            (LOG.to_owned(), 0),
            (LOG.replace("test_bad F", "test_bad ok"), 1),
            (LOG.replace("test_good ok", "test_good ok\ntest_forged ok"), 1),
            (LOG.replace("tests finished", "tests"), 1),
            (LOG[..LOG.len() / 2].to_owned(), 0),
            (String::new(), 0),
        ] {
            assert_ne!(read_log(&log, exit_code).ending, RunEnding::Complete, "{log}");
        }
    }

    #[test]
    fn commands_are_recognised() {
        for (command, expected) in [
            ("bin/test -C --verbose sympy/core", true),
            ("python -W error bin/test", true),
            ("/venv/bin/python bin/test", true),
            ("make bin/test", false),
            ("bin/doctest", false),
        ] {
            assert_eq!(Sympy.claims(&shell_words::split(command).unwrap()), expected, "{command}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(log in "(test_a|\n| ok| F|a\\.py\\[1\\]|_{1,3} a\\.py:test_a _|tests finished: |1 passed, |in 1 seconds|ö){0,40}", code in 0..2) {
            let _ = read_log(&log, code);
        }
    }
}
