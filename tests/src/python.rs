//! Real test runs with the machine's own Python, outside any sandbox, to judge what the program claims.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A test runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// Part of Python.
    Unittest,
    /// To be installed.
    Pytest,
}

impl Tests {
    /// Tells whether this runner can be used here; where it cannot, prints so. Fails where the environment promises it.
    pub fn available(self) -> Result<bool> {
        match self {
            Tests::Unittest => Ok(true),
            Tests::Pytest if has_pytest()? => Ok(true),
            Tests::Pytest => {
                let required = std::env::var_os("PATCHWRIGHT_REQUIRE_PYTEST").is_some_and(|it| it == "1");
                ensure!(!required, "python3 has no pytest, and PATCHWRIGHT_REQUIRE_PYTEST=1");
                println!("skipped: python3 has no pytest");
                Ok(false)
            }
        }
    }

    /// Runs all tests of a folder and returns for each whether it passed.
    pub fn run(self, dir: &Path) -> Result<BTreeMap<String, bool>> {
        let mut command = Command::new("python3");
        match self {
            Tests::Unittest => command.args(["-B", "-m", "unittest", "--verbose"]),
            Tests::Pytest => {
                command.args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", "--tb=no", "--color=no"])
            }
        };
        let output = command.current_dir(dir).stdin(Stdio::null()).output().context("start python3")?;
        let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let results: BTreeMap<String, bool> = text
            .lines()
            .filter_map(|line| match self {
                Tests::Unittest => unittest_line(line),
                Tests::Pytest => pytest_line(line),
            })
            .collect();
        ensure!(!results.is_empty(), "no test ran in {}:\n{text}", dir.display());
        Ok(results)
    }

    /// Runs all tests of a folder and returns those that did not pass.
    pub fn failing(self, dir: &Path) -> Result<Vec<String>> {
        Ok(self.run(dir)?.into_iter().filter(|(_, passed)| !passed).map(|(id, _)| id).collect())
    }
}

fn has_pytest() -> Result<bool> {
    let status = Command::new("python3")
        .args(["-c", "import pytest"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("start python3")?;
    Ok(status.success())
}

/// `test_name (package.module.Class.test_name) ... ok`; Python before 3.11 leaves the name out of the parentheses.
fn unittest_line(line: &str) -> Option<(String, bool)> {
    let (head, status) = line.split_once(" ... ")?;
    let (name, class) = head.split_once(" (")?;
    let class = class.strip_suffix(')')?;
    let id = if class.rsplit('.').next() == Some(name) { class.to_owned() } else { format!("{class}.{name}") };
    Some((id, status.starts_with("ok")))
}

/// `PASSED tests/test_x.py::test_y[a-1]`, and for failures ` - message` after it.
fn pytest_line(line: &str) -> Option<(String, bool)> {
    let (status, rest) = line.split_once(' ')?;
    let id = rest.split(" - ").next()?.trim();
    match status {
        "PASSED" => Some((id.to_owned(), true)),
        "FAILED" | "ERROR" => Some((id.to_owned(), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unittest_lines_of_old_and_new_pythons() {
        let id = "tests.test_a.T.test_x".to_owned();
        assert_eq!(unittest_line("test_x (tests.test_a.T) ... ok"), Some((id.clone(), true)));
        assert_eq!(unittest_line("test_x (tests.test_a.T.test_x) ... FAIL"), Some((id, false)));
        assert_eq!(unittest_line("Ran 3 tests in 0.1s"), None);
    }

    #[test]
    fn pytest_lines() {
        assert_eq!(pytest_line("PASSED t.py::test_a[1-b]"), Some(("t.py::test_a[1-b]".to_owned(), true)));
        assert_eq!(pytest_line("FAILED t.py::test_a - assert 1 == 2"), Some(("t.py::test_a".to_owned(), false)));
        assert_eq!(pytest_line("5 failed, 52 passed in 0.07s"), None);
    }
}
