//! Logs of Python's test tools, read as the SWE-bench harness reads them: names and statuses as the log spells them.
//!
//! This is for logs of others, whose report is nothing but what was printed. A test can print such lines itself; what to make of that
//! is for the reader of the exit code. Later lines overwrite earlier ones.

use std::collections::BTreeMap;

use super::{MAX_ID, MAX_RESULTS, clip};

/// What a log says of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogStatus {
    Passed,
    Failed,
    Skipped,
    Error,
    XFail,
}

/// Names and statuses.
pub(crate) type Statuses = BTreeMap<String, LogStatus>;

impl LogStatus {
    const ALL: [(&'static str, LogStatus); 5] = [
        ("FAILED", Self::Failed),
        ("PASSED", Self::Passed),
        ("SKIPPED", Self::Skipped),
        ("ERROR", Self::Error),
        ("XFAIL", Self::XFail),
    ];

    fn of(word: &str) -> Option<LogStatus> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, status)| *status)
    }
}

fn set(statuses: &mut Statuses, name: &str, status: LogStatus) {
    if !name.is_empty() && (statuses.len() < MAX_RESULTS || statuses.contains_key(name)) {
        statuses.insert(clip(name, MAX_ID).to_owned(), status);
    }
}

/// pytest's summary with `-rA`: `PASSED test_a.py::test_x`, `FAILED test_a.py::test_y - why`.
pub(crate) fn pytest(log: &str) -> Statuses {
    let mut statuses = Statuses::new();
    for line in log.lines() {
        let line = if line.starts_with("FAILED") { line.replace(" - ", " ") } else { line.to_owned() };
        let mut words = line.split_whitespace();
        if let (Some(status), Some(name)) = (words.next().and_then(LogStatus::of), words.next())
            && line.starts_with(|char: char| char.is_ascii_uppercase())
        {
            set(&mut statuses, name, status);
        }
    }
    statuses
}

/// pytest's summary where parameters are paths: of `test[/a/b/c]` only `/c` is kept.
pub(crate) fn pytest_options(log: &str) -> Statuses {
    let shortened = |(name, status): (String, LogStatus)| {
        let parts = name.strip_suffix(']').and_then(|name| name.split_once('['));
        let Some((test, option)) = parts else { return (name, status) };
        if option.starts_with('/') && !option.starts_with("//") && !option.contains('*') {
            let last = option.rsplit('/').next().unwrap_or_default();
            return (format!("{test}[/{last}]"), status);
        }
        (name, status)
    };
    pytest(log).into_iter().map(shortened).collect()
}

/// pytest's summary or its verbose form, `test_a.py::test_x PASSED`, with colours.
pub(crate) fn pytest_v2(log: &str) -> Statuses {
    let mut statuses = Statuses::new();
    for line in log.lines().map(without_colours) {
        let line = if line.starts_with("FAILED") { line.replace(" - ", " ") } else { line };
        let words = line.split_whitespace().collect::<Vec<_>>();
        let [first, .., last] = words.as_slice() else { continue };
        if let Some(status) = LogStatus::of(first) {
            set(&mut statuses, words[1], status);
        } else if let Some(status) = LogStatus::of(last) {
            set(&mut statuses, first, status);
        } else if let Some(status) = words.get(1).and_then(|word| LogStatus::of(word)).filter(|_| first.contains("::"))
        {
            // `test_a.py::test_x PASSED    [ 50%]`
            set(&mut statuses, first, status);
        }
    }
    statuses
}

/// Without `ESC[…m` and control characters.
fn without_colours(line: &str) -> String {
    crate::report::text::plain(line.as_bytes())
}

/// unittest's verbose form, which Django's `runtests.py -v 2` prints as well: `test_x (module.Class) ... ok`.
pub(crate) fn django(log: &str) -> Statuses {
    let mut statuses = Statuses::new();
    let mut previous: Option<&str> = None;
    for line in log.lines().map(str::trim) {
        if line.contains("--version is equivalent to version") {
            set(&mut statuses, "--version is equivalent to version", LogStatus::Passed);
        }
        if let Some((test, _)) = line.split_once(" ... ") {
            previous = Some(test);
        }
        django_line(line, &mut statuses);
        if let (true, Some(test)) = (line.starts_with("ok"), previous) {
            set(&mut statuses, test, LogStatus::Passed);
        }
    }
    over_several_lines(log, &mut statuses);
    statuses
}

/// unittest's `-v` is what Django prints.
pub(crate) fn unittest(log: &str) -> Statuses {
    django(log)
}

fn django_line(line: &str, statuses: &mut Statuses) {
    if let Some(suffix) = [" ... ok", " ... OK", " ...  OK"].into_iter().find(|suffix| line.ends_with(suffix)) {
        let glued = line.starts_with("Applying sites.0002_alter_domain_unique...test_no_migrations");
        let line = if glued { line.split_once("...").map_or(line, |(_, rest)| rest.trim()) } else { line };
        set(statuses, line.strip_suffix(suffix).unwrap_or(line), LogStatus::Passed);
    }
    if let Some((test, _)) = line.split_once(" ... skipped") {
        set(statuses, test, LogStatus::Skipped);
    }
    for (suffix, prefix, status) in
        [(" ... FAIL", "FAIL:", LogStatus::Failed), (" ... ERROR", "ERROR:", LogStatus::Error)]
    {
        if let Some(test) = line.strip_suffix(suffix) {
            set(statuses, test, status);
        }
        if let Some(test) = line.strip_prefix(prefix).and_then(|rest| rest.split_whitespace().next()) {
            set(statuses, test, status);
        }
    }
}

/// Tests of Django that print between their name and their `ok`.
fn over_several_lines(log: &str, statuses: &mut Statuses) {
    let lines = log.lines().collect::<Vec<_>>();
    let is_ok = |at: usize| lines.get(at).is_some_and(|line| *line == "ok");
    let silenced = lines.iter().enumerate().filter(|(at, line)| line.ends_with(" silenced).") && is_ok(at + 1));
    let mut silenced = silenced.map(|(at, _)| at).peekable();
    for (at, line) in lines.iter().enumerate() {
        let Some((test, rest)) = line.split_once(" ... ") else { continue };
        let server = rest.starts_with("Internal Server Error: /") && rest.ends_with('/') && is_ok(at + 1);
        let check = rest == "System check identified no issues (0 silenced)" && is_ok(at + 1);
        while silenced.next_if(|end| *end < at).is_some() {}
        let against = rest.starts_with("Testing against Django installed in ") && silenced.peek().is_some();
        if server || check || against {
            set(statuses, test, LogStatus::Passed);
        }
    }
}

/// SymPy's `bin/test -v`: `test_x ok`, `test_y F`, and a headline `____ sympy/a.py:test_y ____` for each failure.
pub(crate) fn sympy(log: &str) -> Statuses {
    let mut statuses = Statuses::new();
    for line in log.lines() {
        if let Some((file, test)) = headline(line) {
            set(&mut statuses, &format!("{file}.py:{test}"), LogStatus::Failed);
        }
    }
    for line in log.lines().map(str::trim).filter(|line| line.starts_with("test_")) {
        let test = line.split_whitespace().next().unwrap_or_default();
        for (suffix, status) in [(" E", LogStatus::Error), (" F", LogStatus::Failed), (" ok", LogStatus::Passed)] {
            if line.ends_with(suffix) {
                set(&mut statuses, test, status);
            }
        }
    }
    statuses
}

/// `________ sympy/core/tests/test_a.py:test_x ________`.
pub(crate) fn headline(line: &str) -> Option<(&str, &str)> {
    let inner = line.trim_start_matches('_').strip_prefix(' ')?.trim_end_matches('_').strip_suffix(' ')?;
    inner.rsplit_once(".py:").filter(|_| line.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statuses: &Statuses, expected: &[(&str, LogStatus)]) {
        let found = statuses.iter().map(|(name, status)| (name.as_str(), *status)).collect::<Vec<_>>();
        let mut expected = expected.to_vec();
        expected.sort_by_key(|(name, _)| *name);
        assert_eq!(found, expected);
    }

    use LogStatus::{Error, Failed, Passed, Skipped, XFail};

    const PYTEST: &str = include_str!("../runner/fixtures/python/pytest-rA.txt");

    #[test]
    fn pytest_logs() {
        let expected: &[(&str, LogStatus)] = &[
            ("test_a.py::test_good", Passed),
            ("test_a.py::test_bad", Failed),
            ("test_a.py::test_path[/x/y/z]", Passed),
            ("test_a.py::test_spaced[a", Passed),
            ("test_a.py::test_setup", Error),
            ("test_a.py::test_known", XFail),
            ("[1]", Skipped),
        ];
        check(&pytest(PYTEST), expected);
        assert_eq!(pytest_options(PYTEST).get("test_a.py::test_path[/z]"), Some(&Passed));
        assert_eq!(pytest_v2(PYTEST).get("test_a.py::test_bad"), Some(&Failed));
        let verbose = pytest_v2(include_str!("../runner/fixtures/python/pytest-v-colour.txt"));
        assert_eq!(verbose.get("test_a.py::test_good"), Some(&Passed), "{verbose:?}");
        assert_eq!(verbose.get("test_a.py::test_setup"), Some(&Error));
    }

    #[test]
    fn unittest_logs() {
        let statuses = unittest(include_str!("../runner/fixtures/python/unittest-v.txt"));
        let expected: &[(&str, LogStatus)] = &[
            ("test_good (test_u.T.test_good)", Passed),
            ("test_bad (test_u.T.test_bad)", Failed),
            ("test_bad", Failed),
            ("test_error (test_u.T.test_error)", Error),
            ("test_error", Error),
            ("test_prints (test_u.T.test_prints)", Passed),
            ("test_skip (test_u.T.test_skip)", Skipped),
        ];
        check(&statuses, expected);
    }

    #[test]
    fn django_logs() {
        let statuses = django(include_str!("../runner/fixtures/python/django5.2-v2.txt"));
        let name = "test_empty_aggregate (aggregation.tests.AggregateTestCase.test_empty_aggregate)";
        assert_eq!(statuses.get(name), Some(&Passed), "{statuses:?}");
        assert!(statuses.len() > 100 && statuses.values().all(|status| matches!(status, Passed | Skipped)));
        let odd = "a ... Internal Server Error: /x/\nok\nb ... System check identified no issues (0 silenced)\nok\nc ... Testing against Django installed in '/d'\nlines\n(1 silenced).\nok\nFAIL: d (m.C)\nApplying sites.0002_alter_domain_unique...test_no_migrations (e) ... ok\n";
        check(
            &django(odd),
            &[("a", Passed), ("b", Passed), ("c", Passed), ("d", Failed), ("test_no_migrations (e)", Passed)],
        );
    }

    #[test]
    fn sympy_logs() {
        let statuses = sympy(include_str!("../runner/fixtures/python/sympy-v.txt"));
        assert_eq!(statuses.get("test_good"), Some(&Passed), "{statuses:?}");
        assert_eq!(statuses.get("test_bad"), Some(&Failed));
        assert!(
            statuses.iter().any(|(name, status)| name.ends_with("test_mini.py:test_bad") && *status == Failed),
            "{statuses:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(log in "(PASSED|FAILED| - | |test_a|\n|\\[/x|\\]| \\.\\.\\. |ok|_{1,3} |\\.py:| silenced\\)\\.|ö|\x1b\\[1m){0,40}") {
            for read in [pytest, pytest_options, pytest_v2, django, unittest, sympy] {
                let _ = read(&log);
            }
        }
    }
}
