use repo::RepoPath;

use super::*;

/// Reads a command line in a workspace of these files, and shows what its environments run.
fn shown(command: &str, files: &[(&str, &str)]) -> String {
    let paths = files.iter().map(|(path, _)| RepoPath::new(path).unwrap()).collect::<Vec<_>>();
    let read = |path: &RepoPath| {
        files.iter().find(|(known, _)| known.as_bytes() == path.as_bytes()).map(|(_, text)| (*text).to_owned())
    };
    let words = shell_words::split(command).unwrap();
    let matrix = match resolve(&words, "", &Files::new(paths.iter().collect(), &read)) {
        None => return "another tool".to_owned(),
        Some(Err(reason)) => return format!("error: {reason}"),
        Some(Ok(matrix)) => matrix,
    };
    let mut lines = Vec::new();
    for it in matrix.environments {
        let env = it.env.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
        let cwd = if it.cwd.is_empty() { String::new() } else { format!(" in {}", it.cwd) };
        let commands = it.commands.iter().map(shell_words::join).collect::<Vec<_>>().join("; ");
        lines.push(format!("{}{env}{cwd}: {commands}", it.name));
    }
    lines.extend(matrix.unknown.into_iter().map(|reason| format!("unknown: {reason}")));
    lines.join("\n")
}

#[track_caller]
fn check(command: &str, file: &str, text: &str, expected: &str) {
    assert_eq!(shown(command, &[(file, text)]), expected, "{command}\n{text}");
}

const INI: &str = "[tox]
envlist = lint, py{38,39}-{a,b}
[testenv]
deps = pytest
setenv =
    A = 1
    b: B = {envname}
commands =
    python -m pip list
    a: pytest {posargs:tests -q}
    b: pytest --basetemp={envtmpdir} \\
      {[other]paths} {posargs}
    !a: python -m unittest
[testenv:lint]
commands = flake8 src  # not this
[testenv:docs]
changedir = docs
commands = sphinx-build -W . {toxinidir}/out
[testenv:deep]
base = testenv:docs
commands = {envbindir}/pytest {toxinidir}/tests {env:B:none} {env:C:none}{/}x {tty:yes:no}
setenv = B=2
[other]
paths = one two
";

#[test]
fn sections_are_read_as_tox_reads_them() {
    let a = "A=1: python -m pip list; pytest tests -q";
    let b = |name: &str| {
        format!(
            "{name} A=1 B={name}: python -m pip list; pytest '--basetemp=./.tox/{name}/tmp' one two; python -m unittest"
        )
    };
    let all = format!("lint A=1: flake8 src\npy38-a {a}\n{}\npy39-a {a}\n{}", b("py38-b"), b("py39-b"));
    check("tox", "tox.ini", INI, &all);
    check("tox -e py39-a", "tox.ini", INI, &format!("py39-a {a}"));
    check("python -m tox run -e py39-a -- -k 'x y'", "tox.ini", INI, "py39-a A=1: python -m pip list; pytest -k 'x y'");
    check("TOXENV=docs Z=1 tox", "tox.ini", INI, "docs Z=1 A=1 in docs: sphinx-build -W . ../out");
    check("tox -edeep", "tox.ini", INI, "deep B=2 in docs: pytest ../tests 2 none/x no");
    check("tox -c sub/other.ini", "sub/other.ini", "[testenv]\ncommands = pytest\n", "py in sub: pytest");
    check("tox", "setup.cfg", "[tox:tox]\nenvlist = x\n[testenv]\ncommands = pytest\n", "x: pytest");
    check("tox", "setup.cfg", "[metadata]\nname = x\n", "error: there is no configuration of tox");
}

#[test]
fn what_shows_only_in_a_run_is_told() {
    let unknown = "[testenv]\ncommands = pytest {envsitepackagesdir}/x\n";
    check(
        "tox",
        "tox.ini",
        unknown,
        "unknown: the environment py: what {envsitepackagesdir} is shows only when tox runs",
    );
    let endless = "[testenv]\ncommands = {[testenv]commands}\n";
    check("tox", "tox.ini", endless, "unknown: the environment py: values refer to one another without end");
    let outside = "[testenv]\nchangedir = /tmp\ncommands = pytest\n";
    check("tox", "tox.ini", outside, "unknown: the environment py: /tmp is outside of the workspace");
    check("tox -m test", "tox.ini", INI, "error: tox is told which environments to run by `-m`");
    check("tox list", "tox.ini", INI, "error: `tox list` runs no tests");
    check("tox -c ../x.ini", "tox.ini", INI, "error: ../x.ini is outside of the workspace");
    check("toxic", "tox.ini", INI, "another tool");
}

const TOML: &str = r#"
env_list = ["lint", "3.13", { product = [["a", "b"], ["x"]] }]
[env_run_base]
set_env = { A = "1", PYTHONPATH = "{tox_root}/src" }
commands = [
    ["python", "-c", "pass"],
    ["pytest", { replace = "posargs", default = ["tests", "-q"], extend = true }, "{env_name}"],
]
[env.lint]
commands = [["ruff", "check"]]
[env.b-x]
change_dir = "sub"
commands = [{ replace = "ref", of = ["env", "lint", "commands"], extend = true }, ["pytest", "{tox_root}/t"]]
"#;

#[test]
fn tables_are_read_as_tox_reads_them() {
    let base = |name: &str| format!("{name} A=1 PYTHONPATH=./src: python -c pass; pytest tests -q {name}");
    let lint = "lint A=1 PYTHONPATH=./src: ruff check";
    let b = "b-x A=1 PYTHONPATH=../src in sub: ruff check; pytest ../t";
    check("tox", "tox.toml", TOML, &format!("{lint}\n{}\n{}\n{b}", base("3.13"), base("a-x")));
    check("tox -e 3.13 -- -x", "tox.toml", TOML, "3.13 A=1 PYTHONPATH=./src: python -c pass; pytest -x 3.13");
    let inside = TOML.replace("[env", "[tool.tox.env");
    check("tox -e lint", "pyproject.toml", &format!("[tool.tox]{inside}"), lint);
    let legacy = "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ncommands = pytest\n'''\n";
    check("tox", "pyproject.toml", legacy, "py: pytest");
    check("tox", "pyproject.toml", "[tool.other]\n", "error: there is no configuration of tox");
    assert!(shown("tox", &[("tox.toml", "[")]).starts_with("error: tox.toml is not valid: "));
}

const NOXFILE: &str = r#"import nox
from pathlib import Path

PACKAGE = "parcel"
nox.options.sessions = ["tests"]
TESTS = ["tests/a", f"tests/{PACKAGE}"]


@nox.session(python=["3.11", "3.12"])
@nox.parametrize("django", ["4", "5"])
def tests(session: nox.Session, django) -> None:
    session.install("-e", ".", f"django=={django}")
    session.env["A"] = "1"
    session.run("coverage", "run", "-m", "pytest", *TESTS, *session.posargs, env={"B": PACKAGE + "x"})
    if session.posargs:
        session.notify("coverage")


@nox.session(name="unit-tests")
def unit(session):
    args = session.posargs or ["-q"]
    args += ["--strict"]
    session.chdir("sub")
    with session.chdir("deeper"):
        session.run(
            "pytest",  # a comment
            "-o" "x=y",
            *args,
        )


@nox.session
def open(session):
    where = Path(__file__).parent
    session.run("pytest", str(where))


def helper(session):
    session.run("pytest")
"#;

#[test]
fn noxfiles_are_read_without_being_run() {
    let tests = "tests A=1 B=parcelx: coverage run -m pytest tests/a tests/parcel";
    check("nox", "noxfile.py", NOXFILE, tests);
    check("nox -s 'tests-3.12(django=4)'", "noxfile.py", NOXFILE, tests);
}

#[test]
fn sessions_are_chosen_by_name() {
    check("nox --session=unit-tests", "noxfile.py", NOXFILE, "unit-tests in sub/deeper: pytest '-ox=y' -q --strict");
    check("nox -s unit-tests -- -x", "noxfile.py", NOXFILE, "unit-tests in sub/deeper: pytest '-ox=y' -x --strict");
    check(
        "python -m nox -s tests-3.12 -- -x",
        "noxfile.py",
        NOXFILE,
        "tests A=1 B=parcelx: coverage run -m pytest tests/a tests/parcel -x",
    );
    check(
        "nox -e open",
        "noxfile.py",
        NOXFILE,
        "open: \nunknown: noxfile.py:35: what `str(where)` is shows only when nox runs",
    );
    check("nox -k tests", "noxfile.py", NOXFILE, "error: nox is told which sessions to run by `-k`");
    check("nox", "noxfile.py", "x = 1\n", "error: the file has no sessions that can be read");
    check("nox", "other.py", "", "error: there is no noxfile.py");
    check("nox -f ci/nox.py", "ci/nox.py", "import nox\n@nox.session\ndef t(s):\n    s.run('pytest')\n", "t: pytest");
}

#[test]
fn wrapped_commands_are_unwrapped() {
    for (line, expected) in [
        ("coverage run -m pytest tests", "python -m pytest tests"),
        ("coverage run --source src -p --rcfile=x -m pytest -q", "python -m pytest -q"),
        ("python -m coverage run -m unittest discover", "python -m unittest discover"),
        ("coverage report", "coverage report"),
        ("python -W error -Xdev -I -m pytest", "python -m pytest"),
        ("pytest --cov --cov-report=xml --cov-report term -n auto --junitxml x.xml tests", "pytest tests"),
        ("pytest --cov parcel --cov=x -n4 -v --dist loadfile tests/a.py", "pytest -v tests/a.py"),
        ("pytest --cov tests", "pytest tests"),
        ("make -n 3", "make -n 3"),
    ] {
        let words = shell_words::split(line).unwrap();
        assert_eq!(shell_words::join(unwrapped(&words)), expected, "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_configurations_never_panic(text in "(\\[tox\\]|\\[testenv\\]|\\[testenv:a\\]|\n|envlist = |commands = |setenv = |  |a: |!a-\\{b,c\\}: |\\{|\\}|posargs|:|\\[x\\]|\\\\|env:A|ö|#|9-99999|,){0,40}") {
        let _ = shown("tox -e a,b", &[("tox.ini", &text)]);
        let _ = shown("tox", &[("tox.ini", &text)]);
        let _ = shown("tox", &[("tox.toml", &text)]);
    }

    #[test]
    fn arbitrary_noxfiles_never_panic(text in "(@nox\\.session|def f\\(s\\):|\n    |\n|s\\.run\\(|\"|\\)|\\[|\\]|\\*|s\\.posargs| or |f\"\\{|\\}|x = |\\+=|ö|\\(|,){0,60}") {
        let _ = shown("nox", &[("noxfile.py", &text)]);
    }
}
