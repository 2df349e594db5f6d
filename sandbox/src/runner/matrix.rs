//! tox and nox: tools that run other tools in environments of their own.
//!
//! Neither runs here. Their files are read, nothing in them is executed, and the first test tool that one of their environments calls is
//! run in its place, in the interpreter of the box: what the environment installs belongs to the setup of the box, for which there is a
//! network. So tests have names of their own and their lines are counted, where the outer tool would give one exit code for all.
//! What cannot be known without running the file is no reason to guess: the caller is told why, and keeps the command as it is.

mod nox;
mod tox;

use super::Files;

/// One environment: what it runs, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Its name.
    pub(crate) name: String,
    /// Variables that are set for its commands.
    pub(crate) env: Vec<(String, String)>,
    /// The directory, relative to the workspace.
    pub(crate) cwd: String,
    /// Its commands in their order.
    pub(crate) commands: Vec<Vec<String>>,
}

/// The environments that a command line asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// The file that describes them.
    pub(crate) file: String,
    /// The environments in their order.
    pub(crate) environments: Vec<Environment>,
    /// Why commands are left out that only a run would show.
    pub(crate) unknown: Vec<String>,
}

/// Reads what a command line of tox or nox, run in a folder of the workspace, would do; `None` for any other command line.
///
/// # Errors
/// With the reason why that cannot be told from the files.
pub(crate) fn resolve(words: &[String], folder: &str, files: &Files<'_>) -> Option<Result<Matrix, String>> {
    let assignments = words.iter().take_while(|word| crate::plan::assignment(word).is_some()).count();
    let (assigned, words) = words.split_at(assignments);
    let assigned: Vec<_> = assigned.iter().filter_map(|word| crate::plan::assignment(word)).collect();
    let (program, rest) = words.split_first()?;
    let (name, rest) = match (program.rsplit('/').next()?, rest) {
        (name, [flag, module, rest @ ..]) if name.starts_with("python") && flag == "-m" => (module.as_str(), rest),
        (name, rest) => (name, rest),
    };
    let mut found = match name {
        "tox" => tox::read(rest, &assigned, folder, files),
        "nox" => nox::read(rest, folder, files),
        _ => return None,
    };
    if let Ok(matrix) = &mut found {
        for environment in &mut matrix.environments {
            let own = assigned.iter().filter(|(name, _)| name != "TOXENV");
            environment.env.splice(0..0, own.cloned());
        }
    }
    Some(found)
}

/// Returns the command that another command wraps: `coverage run -m pytest` runs `python -m pytest`. Options that only make reports are
/// left out, since the packages that understand them may not be there.
pub(crate) fn unwrapped(words: &[String]) -> Vec<String> {
    let inner = covered(words).unwrap_or_else(|| words.to_vec());
    let inner = without_interpreter_options(&inner);
    let is_pytest = inner.iter().take(3).any(|word| matches!(word.rsplit('/').next(), Some("pytest" | "py.test")));
    if is_pytest { without_reports(&inner) } else { inner }
}

/// What `coverage run` runs, as a program of the interpreter; `None` for any other command.
fn covered(words: &[String]) -> Option<Vec<String>> {
    let named = |word: &String, name: &str| word.rsplit('/').next() == Some(name);
    let rest = match words {
        [python, flag, module, verb, rest @ ..]
            if python.rsplit('/').next()?.starts_with("python")
                && flag == "-m"
                && module == "coverage"
                && verb == "run" =>
        {
            rest
        }
        [program, verb, rest @ ..] if named(program, "coverage") && verb == "run" => rest,
        _ => return None,
    };
    const VALUES: &[&str] =
        &["--source", "--rcfile", "--include", "--omit", "--context", "--concurrency", "--data-file"];
    let mut at = 0;
    while rest.get(at).is_some_and(|word| word.starts_with('-') && word != "-m") {
        at += if VALUES.contains(&rest[at].as_str()) { 2 } else { 1 };
    }
    let python = std::iter::once("python".to_owned());
    Some(python.chain(rest.get(at..).unwrap_or_default().iter().cloned()).collect())
}

/// `python -W error -X dev -m pytest` is `python -m pytest`: warnings that are errors are asked of what CI runs, not of a candidate.
fn without_interpreter_options(words: &[String]) -> Vec<String> {
    let Some((program, mut rest)) = words.split_first() else { return Vec::new() };
    if !program.rsplit('/').next().is_some_and(|name| name.starts_with("python")) {
        return words.to_vec();
    }
    loop {
        rest = match rest {
            [flag, _, rest @ ..] if matches!(flag.as_str(), "-W" | "-X") => rest,
            [flag, rest @ ..] if flag.len() > 2 && (flag.starts_with("-W") || flag.starts_with("-X")) => rest,
            [flag, rest @ ..] if matches!(flag.as_str(), "-I" | "-E" | "-P" | "-R" | "-d" | "-O" | "-OO" | "-v") => {
                rest
            }
            _ => break,
        };
    }
    std::iter::once(program).chain(rest).cloned().collect()
}

fn without_reports(words: &[String]) -> Vec<String> {
    const VALUES: &[&str] = &[
        "--junitxml",
        "--junit-xml",
        "--html",
        "--cov-report",
        "--cov-config",
        "--cov-fail-under",
        "-n",
        "--numprocesses",
        "--dist",
        "--basetemp",
    ];
    let mut kept = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default();
        if VALUES.contains(&name) {
            if !word.contains('=') {
                words.next();
            }
        } else if name == "--cov" {
            // Its value is optional: a word that may be a path of tests is none.
            let may_be_tests = |next: &str| next.contains('/') || next.ends_with(".py") || next.starts_with("test");
            words.next_if(|next| !word.contains('=') && !next.starts_with('-') && !may_be_tests(next));
        } else if !is_report(word) {
            kept.push(word.clone());
        }
    }
    kept
}

/// Whether an option without a value of its own only makes a report, or runs tests side by side.
fn is_report(word: &str) -> bool {
    let workers = word.strip_prefix("-n").is_some_and(|count| count == "auto" || count.parse::<u16>().is_ok());
    workers || word == "--self-contained-html" || word.starts_with("--cov-") || word.starts_with("--no-cov")
}

#[cfg(test)]
mod tests;
