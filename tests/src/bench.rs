//! What the benches share: cases on disk, one timed run of `fix`, and plain tables.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::repository::{Repository, copy_tree, git};

/// A repository with a known fault: `CASE/repo`, `CASE/issue.md` and `CASE/case.json`.
#[derive(Debug)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// What `case.json` says.
    pub facts: Facts,
}

/// The content of `case.json`.
#[derive(Debug, Deserialize)]
pub struct Facts {
    /// What runs the tests.
    pub test_command: String,
    /// The tests that must turn green; none means all that fail.
    #[serde(default)]
    pub fail_to_pass: Vec<String>,
    /// The time limit.
    pub seconds: u64,
}

/// Returns the cases of a folder whose name contains `filter`, by name.
pub fn cases(dir: &Path, filter: &str) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let dir = entry?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let facts = dir.join("case.json");
        if !name.contains(filter) || !facts.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&facts)?;
        let facts = serde_json::from_str(&text).with_context(|| format!("read {}", facts.display()))?;
        cases.push(Case { name, dir, facts });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// How `fix` is run in a bench.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The optimised program.
    pub program: PathBuf,
    /// `process` or `docker`.
    pub sandbox: String,
    /// The seed.
    pub seed: u64,
    /// The time limit in place of the case's own.
    pub seconds: Option<u64>,
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The patch that the program calls a fix.
    pub patch: Option<String>,
    /// Seconds from the start of the program to its end.
    pub seconds: f64,
    /// Candidates whose tests were run.
    pub evaluations: u64,
    /// Candidates a second while the search ran, without sandbox start, baseline, localization and validation.
    pub rate: f64,
    /// The whole answer.
    pub answer: Value,
    /// The last lines of what it said.
    pub talk: String,
}

/// Runs `fix` on a case.
pub fn fix(case: &Case, setting: &Setting) -> Result<Outcome> {
    let seconds = setting.seconds.unwrap_or(case.facts.seconds);
    let home = tempfile::tempdir()?;
    let mut command = Command::new(&setting.program);
    command
        .args(["fix", "--json", "--proposer", "templates", "--sandbox", &setting.sandbox])
        .args(["--seed", &setting.seed.to_string(), "--seconds", &seconds.to_string()])
        .args(["--test", &case.facts.test_command])
        .arg("--repo")
        .arg(case.dir.join("repo"))
        .arg("--issue")
        .arg(case.dir.join("issue.md"))
        .args(case.facts.fail_to_pass.iter().flat_map(|id| ["--fail-to-pass", id]))
        .env("XDG_STATE_HOME", home.path())
        .env("XDG_CACHE_HOME", home.path());
    let begin = Instant::now();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("start {}", setting.program.display()))?;
    let seconds = begin.elapsed().as_secs_f64();
    let talk = String::from_utf8_lossy(&output.stderr);
    let talk = talk.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let answer: Value = serde_json::from_str(stdout.trim()).unwrap_or(Value::Null);
    let patch = (answer["status"] == "solved").then(|| answer["patch"].as_str().unwrap_or_default().to_owned());
    let evaluations = answer["evaluations"].as_u64().unwrap_or(0);
    let rate = answer["evaluations_per_second"].as_f64().unwrap_or(0.0);
    Ok(Outcome { patch, seconds, evaluations, rate, answer, talk })
}

/// Returns a copy of the case's repository with a patch applied.
pub fn patched(case: &Case, patch: &str) -> Result<Repository> {
    let copy = Repository::new()?;
    copy_tree(&case.dir.join("repo"), &copy.path())?;
    let file = copy.beside("fix.patch", patch)?;
    git(&copy.path(), &["apply", "--whitespace=nowarn", &file.to_string_lossy()])?;
    Ok(copy)
}

/// Runs `JUDGES/CASE/judge.py PATCHED_TREE`: exit code 0 means right. `None` when the case has no judge.
///
/// The judge lies apart from the case, so that no fix is in reach of what is measured.
pub fn judge(judges: &Path, case: &Case, tree: &Path) -> Result<Option<bool>> {
    let script = judges.join(&case.name).join("judge.py");
    if !script.is_file() {
        return Ok(None);
    }
    let status = Command::new("python3")
        .arg("-B")
        .arg(&script)
        .arg(tree)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("start the judge {}", script.display()))?;
    match status.code() {
        Some(0) => Ok(Some(true)),
        Some(1) => Ok(Some(false)),
        other => bail!("the judge {} is broken: {other:?}", script.display()),
    }
}

/// The middle value; of an even number of values the mean of the two in the middle. `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// Returns the values of `--name VALUE` options, and fails on what is no such option. Cargo adds `--bench`, which is dropped.
pub fn options(known: &[&str]) -> Result<std::collections::BTreeMap<String, String>> {
    let mut found = std::collections::BTreeMap::new();
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        let name = arg.strip_prefix("--").filter(|name| known.contains(name));
        let Some(name) = name else { bail!("unknown option {arg}; known: --{}", known.join(", --")) };
        let value = args.next().with_context(|| format!("{arg} needs a value"))?;
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

/// Runs a command to its end and returns its time and output.
pub fn timed(command: &mut Command) -> Result<(Duration, std::process::Output)> {
    let begin = Instant::now();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {:?}", command.get_program()))?;
    Ok((begin.elapsed(), output))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }
}
