//! Miniature repositories, one for every way of behaving.

use std::path::{Path, PathBuf};

use e2e::repository::Repository;

/// What a person would write about [`clamp`].
pub(crate) const CLAMP_ISSUE: &str = "# clamp returns the upper bound for values inside the range\n\n\
    `clamp(5, 0, 10)` is 10, I expect 5.\nThe function is in `measure/limits.py`.\n";

const LIMITS: &str = r#""""Keeping numbers in a range."""


def clamp(value, low, high):
    """The nearest number to value that lies in the range."""
    if value < low:
        return low
    if value < high:
        return high
    return value


def spread(values):
    """Distance between the smallest and the greatest value; 0 for none."""
    if not values:
        return 0
    return max(values) - min(values)
"#;

const TEST_LIMITS: &str = r#"import unittest

from measure.limits import clamp, spread


class ClampTest(unittest.TestCase):
    def test_inside(self):
        self.assertEqual(clamp(5, 0, 10), 5)
        self.assertEqual(clamp(-3, -8, -1), -3)

    def test_below(self):
        self.assertEqual(clamp(-1, 0, 10), 0)

    def test_above(self):
        self.assertEqual(clamp(11, 0, 10), 10)
        self.assertEqual(clamp(99, 0, 10), 10)

    def test_bounds(self):
        self.assertEqual(clamp(0, 0, 10), 0)
        self.assertEqual(clamp(10, 0, 10), 10)


class SpreadTest(unittest.TestCase):
    def test_spread(self):
        self.assertEqual(spread([3, -1, 7]), 8)
        self.assertEqual(spread([]), 0)
"#;

/// The tests of [`clamp`] that fail.
pub(crate) const CLAMP_FAILING: &[&str] = &[
    "tests.test_limits.ClampTest.test_above",
    "tests.test_limits.ClampTest.test_bounds",
    "tests.test_limits.ClampTest.test_inside",
];

/// A package with one wrong comparison, and tests by unittest.
pub(crate) fn clamp() -> Repository {
    Repository::with(&[
        ("measure/__init__.py", ""),
        ("measure/limits.py", LIMITS),
        ("tests/__init__.py", ""),
        ("tests/test_limits.py", TEST_LIMITS),
        ("README.md", "# measure\n"),
    ])
    .unwrap()
}

/// [`clamp`] without its fault.
pub(crate) fn healthy() -> Repository {
    let repository = clamp();
    repository.write("measure/limits.py", LIMITS.replace("value < high", "value > high")).unwrap();
    repository
}

/// A package whose only test runs this Python code and then fails, whatever is edited.
pub(crate) fn hostile(code: &str) -> Repository {
    let body: String = code.lines().map(|line| format!("        {line}\n")).collect();
    Repository::with(&[
        ("measure/__init__.py", ""),
        ("measure/limits.py", LIMITS),
        ("tests/__init__.py", ""),
        (
            "tests/test_hostile.py",
            &format!(
                "import unittest\n\nfrom measure.limits import clamp\n\n\nclass HostileTest(unittest.TestCase):\n    \
                 def test_harm(self):\n        clamp(1, 0, 2)\n{body}        self.assertEqual(clamp(5, 0, 10), object())\n"
            ),
        ),
    ])
    .unwrap()
}

/// The issue of [`clamp`] as a file beside a repository.
pub(crate) fn issue(repository: &Repository) -> PathBuf {
    repository.beside("issue.md", CLAMP_ISSUE).unwrap()
}

/// Arguments of `fix` for a folder, with the process sandbox, one seed and a minute.
pub(crate) fn fix_args(repository: &Path, issue: &Path) -> Vec<String> {
    fix_args_in("process", 60, repository, issue)
}

/// Arguments of `fix` with this sandbox and this many seconds.
pub(crate) fn fix_args_in(sandbox: &str, seconds: u32, repository: &Path, issue: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let seconds = seconds.to_string();
    let mut args: Vec<String> =
        ["fix", "--seed", "7", "--sandbox", sandbox, "--seconds", &seconds].map(str::to_owned).into();
    args.extend(["--repo".to_owned(), text(repository), "--issue".to_owned(), text(issue)]);
    args
}
