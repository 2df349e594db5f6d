//! Lines of CI that call a tool which calls the test tool.

use super::*;

/// A workflow whose only job tests by this line.
fn workflow(line: &str) -> String {
    format!(
        "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: {line}\n"
    )
}

/// Checks what is run instead of a line, and that the line and what was read for it are named.
#[track_caller]
fn check(line: &str, files: &[(&str, &str)], expected: (RunnerKind, &str), said: &[&str]) {
    let text = workflow(line);
    let mut all = vec![(".github/workflows/ci.yml", text.as_str())];
    all.extend(files);
    let found = detect(&all);
    let test = found.test.unwrap().value;
    assert_eq!((test.runner, test.args.join(" ").as_str()), expected, "{line}: {:?}", test.evidence);
    let evidence = test.evidence.join("\n");
    for words in said {
        assert!(evidence.contains(words), "{line}: {words} is not in {evidence}");
    }
}

const SETUP: (&str, &str) = ("setup.py", "setup(name='x')");
const CI: &str = ".github/workflows/ci.yml:7";

#[test]
fn tox_becomes_what_its_environment_calls() {
    let ini = "[tox]\nenvlist = py38,lint\n[testenv]\ndeps = pytest-cov\nsetenv = MODE=fast\ncommands =\n  python -V\n  \
        coverage run -m pytest --cov=x {posargs:tests/test_x.py}\n[testenv:lint]\ncommands = flake8\n";
    let files = [SETUP, ("tox.ini", ini), TEST];
    let said = [CI, "tox.ini runs `coverage run -m pytest", "left out is what it runs before: `python -V`"];
    check("tox -e py", &files, (RunnerKind::Pytest, "tests/test_x.py"), &said);
    check("python -m tox -e py -- tests -x", &files, (RunnerKind::Pytest, "tests -x"), &[CI]);
    let text = workflow("tox -e py");
    let all = [&files[..], &[(".github/workflows/ci.yml", text.as_str())]].concat();
    assert_eq!(detect(&all).test.unwrap().value.env, [("MODE".to_owned(), "fast".to_owned())]);
    // One that calls no tool that is known says less than what the tests import.
    let own = [SETUP, ("tox.ini", "[testenv]\ncommands = ./check.sh\n"), TEST];
    check("tox -e py", &own, (RunnerKind::Pytest, ""), &[]);
}

#[test]
fn nox_becomes_what_its_session_calls() {
    let nox = "import nox\n\n@nox.session(python=['3.9', '3.12'])\ndef tests(session):\n    session.install('.')\n    \
        session.run('pytest', '-W', 'error', *(session.posargs or ['tests']))\n";
    let files = [SETUP, ("noxfile.py", nox), TEST];
    check("nox -s tests", &files, (RunnerKind::Pytest, "-W error tests"), &[CI, "noxfile.py runs `pytest"]);
}

#[test]
fn a_script_becomes_what_it_calls() {
    let package = r#"{"scripts": {"lint": "eslint .", "test": "npm run lint && npm run unit", "unit": "mocha --reporter dot test/*.js"}}"#;
    let files = [("package.json", package), ("a.js", ""), ("test/a.js", "")];
    check("npm test", &files, (RunnerKind::Mocha, "npx mocha --reporter dot test/*.js"), &["package.json"]);
}

#[test]
fn a_recipe_becomes_what_it_calls_where_nothing_has_to_be_made() {
    let makefile =
        "PYTHON ?= python3\n.PHONY: test lint\nlint:\n\tflake8 x\ntest: lint\n\t$(PYTHON) -m pytest --cov=x -q tests\n";
    let files = [SETUP, ("Makefile", makefile), TEST];
    let said = [CI, "the target test of Makefile runs `python3 -m pytest --cov=x -q tests`", "`flake8 x`"];
    check("make test", &files, (RunnerKind::Pytest, "-q tests"), &said);
    let by_tox =
        [SETUP, ("Makefile", "test:\n\ttox -e py\n"), ("tox.ini", "[testenv]\ncommands = pytest tests\n"), TEST];
    check(
        "make test",
        &by_tox,
        (RunnerKind::Pytest, "tests"),
        &[CI, "runs `tox -e py`", "tox.ini runs `pytest tests`"],
    );
    let rust =
        [("Cargo.toml", "[package]\nname = 'x'\n"), ("src/lib.rs", ""), ("Makefile", "test:\n\tcargo test --all\n")];
    check("make test", &rust, (RunnerKind::CargoTest, "cargo test --offline"), &[]);
    let c = [
        ("Makefile", "all: x\ntest: x\n\tpytest tests\nx: x.c\n\tcc -o x x.c\n"),
        ("x.c", "int main() {}"),
        ("y.c", ""),
    ];
    check("make test", &c, (RunnerKind::Command, "make test"), &[CI]);
}
