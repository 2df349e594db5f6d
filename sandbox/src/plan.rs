//! Which tool runs a repository's tests, and how: read from the repository's files, or from the command a person gives.
//!
//! Nothing is executed here. Running the plan is [`crate::Workbench`]'s.

use repo::{FileMode, RepoPath, Snapshot};

use crate::runner::matrix::Matrix;
use crate::runner::{self, Files, RunnerKind, is_named_like_a_test};

/// How to run the tests of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TestPlan {
    /// The tool.
    pub runner: RunnerKind,
    /// The arguments of pytest or unittest; of any other tool the whole command line, its program first; for
    /// [`RunnerKind::Command`] the one shell command line.
    pub args: Vec<String>,
    /// The interpreter that the command names; put it into [`crate::SandboxSpec::python`] when starting the workbench.
    pub python: Option<String>,
    /// Whether the directory of the run can be imported from, as under `python -m pytest`; plain `pytest` leaves it out.
    pub import_cwd: bool,
    /// The directory to run in, relative to the workspace; empty is its root.
    pub cwd: String,
    /// Variables set for the run, on top of the box's own.
    pub env: Vec<(String, String)>,
    /// Why this plan was chosen, for people.
    pub evidence: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing in the repository looks like a test.
    #[error("no tests found ({looked_at} files examined); name the command with --test-command")]
    NoTests {
        /// How many files were looked at.
        looked_at: usize,
    },
    /// The command line is empty.
    #[error("the test command is empty")]
    EmptyCommand,
    /// The command line's quotes do not match.
    #[error("the test command `{command}` has an unclosed quote")]
    Unclosed {
        /// The command as given.
        command: String,
    },
}

impl TestPlan {
    /// Chooses a plan from the files alone; nothing is run.
    ///
    /// # Errors
    /// When nothing in the repository looks like a test.
    pub fn detect(snapshot: &Snapshot) -> Result<TestPlan, PlanError> {
        Self::with_files(snapshot, Self::of_files)
    }

    fn with_files<T>(snapshot: &Snapshot, then: impl FnOnce(&Files<'_>) -> T) -> T {
        let files =
            snapshot.entries().iter().filter(|entry| matches!(entry.mode, FileMode::Regular | FileMode::Executable));
        let paths = files.map(|entry| &entry.path).collect();
        let read = |path: &RepoPath| snapshot.read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        then(&Files::new(paths, &read))
    }

    pub(crate) fn of_files(files: &Files<'_>) -> Result<TestPlan, PlanError> {
        for runner in runner::all() {
            let Some(detected) = runner.detect(files) else { continue };
            let mut plan = TestPlan { evidence: detected.evidence, ..Self::new(runner.kind(), detected.args) };
            if runner.tool().is_some() {
                return Ok(plan);
            }
            plan.import_cwd = true;
            if let Some(folder) = source_folder(files) {
                plan.evidence.push(format!("packages lie in {folder}/, so PYTHONPATH={folder}"));
                plan.env.push(("PYTHONPATH".to_owned(), folder.to_owned()));
            }
            return Ok(plan);
        }
        Err(PlanError::NoTests { looked_at: files.paths.len() })
    }

    /// Reads a command line as a person writes it: variables in front, `cd … &&` in front, pytest or unittest in their usual
    /// forms. Anything else becomes [`RunnerKind::Command`] and is left to `sh`.
    ///
    /// # Errors
    /// When it is empty or a quote is not closed.
    pub fn parse_command(command: &str) -> Result<TestPlan, PlanError> {
        let unclosed = || PlanError::Unclosed { command: command.to_owned() };
        let words = shell_words::split(command).map_err(|_| unclosed())?;
        if words.is_empty() {
            return Err(PlanError::EmptyCommand);
        }
        if let Some((folder, rest)) = leading_cd(command) {
            let inner = Self::parse_command(rest)?;
            if inner.runner != RunnerKind::Command {
                let cwd = if inner.cwd.is_empty() { folder } else { format!("{folder}/{}", inner.cwd) };
                return Ok(TestPlan { cwd, ..inner });
            }
        }
        let plan = if needs_shell(command) { None } else { Self::of_words(&words) };
        let mut plan = plan.unwrap_or_else(|| Self::new(RunnerKind::Command, vec![command.trim().to_owned()]));
        plan.evidence = vec![format!("the command `{}`", command.trim())];
        Ok(plan)
    }

    /// Reads a command line like [`TestPlan::parse_command`], and looks up what a script stands for: `npm test`, `yarn test:unit`,
    /// `composer test` become the tool that the repository's manifest names, `tox` and `nox` the tool that their environment calls.
    ///
    /// # Errors
    /// When it is empty or a quote is not closed.
    pub fn of_command(command: &str, snapshot: &Snapshot) -> Result<TestPlan, PlanError> {
        Self::with_files(snapshot, |files| Self::of_script(command, files))
    }

    pub(crate) fn of_script(command: &str, files: &Files<'_>) -> Result<TestPlan, PlanError> {
        let plan = Self::parse_command(command)?;
        if plan.runner != RunnerKind::Command {
            return Ok(plan);
        }
        let (folder, rest) = leading_cd(command).unwrap_or((String::new(), command));
        let words = shell_words::split(rest).unwrap_or_default();
        if needs_shell(rest) {
            return Ok(plan);
        }
        if let Some(matrix) = runner::matrix::resolve(&words, &folder, files) {
            return Ok(Self::of_matrix(plan, matrix));
        }
        let Some(resolved) = runner::script::resolve(&words, &folder, files) else { return Ok(plan) };
        let Some(found) = Self::of_words(&resolved.words) else { return Ok(plan) };
        let evidence = plan.evidence.into_iter().chain(resolved.evidence).collect();
        Ok(TestPlan { cwd: folder, evidence, ..found })
    }

    /// As [`TestPlan::of_command`], and `make test` becomes the first test tool that its recipe calls: for languages in which nothing
    /// has to be made first. What else the recipe does is left out.
    ///
    /// # Errors
    /// When it is empty or a quote is not closed.
    pub(crate) fn of_recipe(command: &str, files: &Files<'_>) -> Result<TestPlan, PlanError> {
        let plain = Self::of_script(command, files)?;
        let (folder, rest) = leading_cd(command).unwrap_or((String::new(), command));
        let words = shell_words::split(rest).unwrap_or_default();
        if plain.runner != RunnerKind::Command || needs_shell(rest) {
            return Ok(plain);
        }
        let Some(recipe) = runner::recipe::resolve(&words, &folder, files) else { return Ok(plain) };
        for (at, line) in recipe.lines.iter().enumerate() {
            let words = shell_words::split(line).unwrap_or_default();
            let inner =
                if needs_shell(line) { line.clone() } else { shell_words::join(runner::matrix::unwrapped(&words)) };
            let inner =
                if folder.is_empty() { inner } else { format!("cd {} && {inner}", shell_words::quote(&folder)) };
            let Ok(found) = Self::of_script(&inner, files) else { continue };
            if found.runner == RunnerKind::Command {
                continue;
            }
            let mut evidence = plain.evidence;
            evidence.push(format!("the target {} of {} runs `{line}`", recipe.target, recipe.file));
            let others = recipe.lines.iter().enumerate().filter(|(other, _)| *other != at);
            let others: Vec<String> = others.map(|(_, line)| format!("`{}`", crate::format::clip(line, 100))).collect();
            if !others.is_empty() {
                evidence.push(format!("left out is what else it runs: {}", others.join(", ")));
            }
            evidence.extend(found.evidence.into_iter().skip(1));
            return Ok(TestPlan { evidence, ..found });
        }
        Ok(plain)
    }

    /// The first test tool that an environment of tox or nox calls; the plain command where there is none, with the reason.
    fn of_matrix(plain: TestPlan, matrix: Result<Matrix, String>) -> TestPlan {
        let (matrix, mut evidence) = match matrix {
            Ok(matrix) => (matrix, plain.evidence.clone()),
            Err(reason) => {
                let evidence = plain.evidence.into_iter().chain([format!("its tests stay one: {reason}")]).collect();
                return TestPlan { evidence, ..plain };
            }
        };
        for environment in &matrix.environments {
            for (at, command) in environment.commands.iter().enumerate() {
                let Some(found) = Self::of_words(&runner::matrix::unwrapped(command)) else { continue };
                let name = &environment.name;
                evidence.push(format!("{name} in {} runs `{}`", matrix.file, shell_words::join(command)));
                if at > 0 {
                    let before =
                        environment.commands[..at].iter().map(|words| format!("`{}`", shell_words::join(words)));
                    evidence
                        .push(format!("left out is what it runs before: {}", before.collect::<Vec<_>>().join(", ")));
                }
                let env = environment.env.iter().cloned().chain(found.env).collect();
                return TestPlan { cwd: environment.cwd.clone(), env, evidence, ..found };
            }
        }
        evidence.push(format!("its tests stay one: {} calls no test tool that is known", matrix.file));
        evidence.extend(matrix.unknown);
        TestPlan { evidence, ..plain }
    }

    /// Recognises an invocation of one of the tools.
    fn of_words(words: &[String]) -> Option<TestPlan> {
        let assignments = words.iter().take_while(|word| assignment(word).is_some()).count();
        let env = words[..assignments].iter().filter_map(|word| assignment(word)).collect();
        let (program, rest) = words.get(assignments..)?.split_first()?;
        let name = program.rsplit('/').next()?;
        for runner in runner::all() {
            if runner.claims(&words[assignments..]) {
                // The interpreter that a command names by its path is the box's.
                let python = (is_python(name) && program.contains('/')).then(|| program.clone());
                return Some(TestPlan { env, python, ..Self::new(runner.kind(), words[assignments..].to_vec()) });
            }
            if runner.programs().contains(&name) {
                // A tool of a virtual environment belongs to the interpreter beside it.
                let python = program.strip_suffix(name).filter(|folder| !folder.is_empty());
                let python = python.map(|folder| format!("{folder}python"));
                return Some(TestPlan { env, python, ..Self::new(runner.kind(), rest.to_vec()) });
            }
        }
        if !is_python(name) {
            return None;
        }
        let options = rest.iter().take_while(|word| matches!(word.as_str(), "-B" | "-u" | "-s" | "-bb" | "-b")).count();
        let [flag, module, args @ ..] = rest.get(options..)? else { return None };
        let runner = runner::all().iter().find(|runner| flag == "-m" && runner.module() == Some(module))?;
        let plain = matches!(program.as_str(), "python" | "python3");
        let python = (!plain).then(|| program.clone());
        Some(TestPlan { env, python, import_cwd: true, ..Self::new(runner.kind(), args.to_vec()) })
    }

    pub(crate) fn new(runner: RunnerKind, args: Vec<String>) -> TestPlan {
        TestPlan {
            runner,
            args,
            python: None,
            import_cwd: false,
            cwd: String::new(),
            env: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

/// `python`, `python3`, `python3.12`, …
fn is_python(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|version| version.chars().all(|char| char.is_ascii_digit() || char == '.'))
}

pub(crate) fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|char| char.is_ascii_alphabetic() || char == '_');
    let valid = starts && chars.all(|char| char.is_ascii_alphanumeric() || char == '_');
    valid.then(|| (name.to_owned(), value.to_owned()))
}

/// `cd folder && rest`, for a plain folder inside the repository.
fn leading_cd(command: &str) -> Option<(String, &str)> {
    let (first, rest) = command.split_once("&&")?;
    let words = shell_words::split(first).ok()?;
    let [cd, folder] = words.as_slice() else { return None };
    let folder = folder.trim_end_matches('/').trim_start_matches("./");
    (cd == "cd" && RepoPath::new(folder).is_ok() && !folder.contains('$')).then(|| (folder.to_owned(), rest))
}

/// Whether a character that means something to the shell stands outside quotes.
pub(crate) fn needs_shell(command: &str) -> bool {
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None | Some('"'), '$' | '`') => return true,
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '*' | '?' | '~' | '#' | '\n') => return true,
            (Some(_) | None, _) => {}
        }
    }
    false
}

/// The folder that holds the packages when the root does not: imports need it unless the repository is installed.
fn source_folder(files: &Files<'_>) -> Option<&'static str> {
    ["src", "lib"].into_iter().find(|folder| {
        let holds_code = |path: &&&RepoPath| {
            let mut parts = path.components();
            let inside = parts.next() == Some(folder.as_bytes());
            let (second, third) = (parts.next(), parts.next());
            let module = third.is_none() && second.is_some_and(|name| name.ends_with(b".py") && name != b"__init__.py");
            let package = third == Some(b"__init__.py") && parts.next().is_none();
            inside && (module || package)
        };
        !files.has(&format!("{folder}/__init__.py")) && files.paths.iter().any(|path| holds_code(&path))
    })
}

/// Returns whether a file is a test, or decides how tests run, so that a validation takes the base's version of it.
///
/// Those are: files named like tests; everything below a directory `tests`, and below a top-level `test`; the configuration of test
/// tools (`conftest.py`, `pytest.ini`, `tox.ini`, `setup.cfg`, `pyproject.toml`, `noxfile.py`, `.coveragerc`); what the interpreter
/// runs by itself (`sitecustomize.py`, `usercustomize.py`, `*.pth`); and top-level modules that would be imported instead of a test
/// tool. A package that happens to be called `test` deeper down is source: Django has one.
///
/// For JavaScript those are files named like tests, everything below `__tests__` and `__mocks__`, the configuration of jest, vitest,
/// mocha, AVA and Karma, and `package.json`: it holds the configuration of half of them, as `pyproject.toml` does for Python. A change
/// that needs another manifest can therefore not be validated; it would need packages that are not in the box either. For Ruby:
/// `spec/`, files named like tests, `.rspec` and the Rakefile. For PHP: `*Test.php` and `phpunit.xml`.
///
/// For Go those are `*_test.go` and everything below `testdata`. For Rust: everything below `tests`, modules of their own named like
/// tests (`src/tests.rs`, `src/x_tests.rs`), and what can put another program in the place of the tests: `.cargo/config.toml`,
/// `.config/nextest.toml`, `rust-toolchain.toml`. `Cargo.toml`, `build.rs` and `go.mod` are source: the most that they can do to tests
/// is to lose them, and a test that vanishes is no pass. Tests inside of a source file cannot be told from it by its path.
///
/// For Java, C, C++ and .NET those are files named like tests, `src/test/`, and the build files, for the reason given in
/// `runner/compiled.rs`.
pub fn is_test_support(path: &RepoPath) -> bool {
    let name = path.file_name();
    let configuration: &[&[u8]] = &[
        b"conftest.py",
        b"pytest.ini",
        b".pytest.ini",
        b"pytest.toml",
        b".pytest.toml",
        b"tox.ini",
        b"setup.cfg",
        b"pyproject.toml",
        b"noxfile.py",
        b".coveragerc",
        b"sitecustomize.py",
        b"usercustomize.py",
        b"package.json",
        b".rspec",
        b"Rakefile",
        b"test_helper.rb",
        b"spec_helper.rb",
        b"rails_helper.rb",
        b"phpunit.xml",
        b"phpunit.xml.dist",
        b"phpunit.dist.xml",
    ];
    let configured: &[&[u8]] = &[
        b"jest.config.",
        b"vitest.config.",
        b"vitest.workspace.",
        b"vite.config.",
        b"karma.conf.",
        b".mocharc.",
        b"ava.config.",
    ];
    let shadowing: &[&[u8]] = &[b"pytest", b"_pytest", b"pluggy", b"unittest"];
    let top = path.components().next().unwrap_or_default();
    let folders = path.components().count() - 1;
    is_named_like_a_test(name)
        || configuration.contains(&name)
        || configured.iter().any(|start| name.starts_with(start))
        || runner::is_named_like_a_script_test(path)
        || runner::is_ruby_or_php_test(path)
        || is_of_go_or_rust(path)
        || runner::compiled::is_test_support(path)
        || name.ends_with(b".pth")
        || path.components().take(folders).any(|folder| folder == b"tests" || folder == b"__tests__")
        || (folders > 0 && top == b"test")
        || shadowing.contains(&top.strip_suffix(b".py").unwrap_or(top))
}

fn is_of_go_or_rust(path: &RepoPath) -> bool {
    let name = path.file_name();
    let parent = path.components().rev().nth(1).unwrap_or_default();
    let module = name.strip_suffix(b".rs").is_some_and(|stem| {
        let ends = [&b"_test"[..], b"_tests"].iter().any(|suffix| stem.ends_with(suffix));
        matches!(stem, b"test" | b"tests") || ends
    });
    name.ends_with(b"_test.go")
        || path.components().any(|folder| folder == b"testdata")
        || module
        || matches!(name, b"rust-toolchain" | b"rust-toolchain.toml")
        || (parent == b".cargo" && matches!(name, b"config" | b"config.toml"))
        || (parent == b".config" && name == b"nextest.toml")
}

#[cfg(test)]
mod tests;
