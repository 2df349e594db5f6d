use std::collections::BTreeMap;

use super::*;

fn detect(files: &[(&str, &str)]) -> Result<TestPlan, PlanError> {
    let texts = files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), (*text).to_owned()));
    let texts = texts.collect::<BTreeMap<_, _>>();
    let read = |path: &RepoPath| texts.get(path).cloned();
    TestPlan::of_files(&Files::new(texts.keys().collect(), &read))
}

#[track_caller]
fn check_detect(files: &[(&str, &str)], runner: RunnerKind, args: &[&str], env: &[(&str, &str)]) {
    let plan = detect(files).unwrap();
    assert_eq!(
        (plan.runner, plan.args.iter().map(String::as_str).collect::<Vec<_>>()),
        (runner, args.to_vec()),
        "{plan:?}"
    );
    assert_eq!(plan.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), env);
    assert!(!plan.evidence.is_empty());
}

const CASE: &str = "import unittest\n\nclass T(unittest.TestCase):\n    def test_x(self):\n        pass\n";
const BARE: &str = "def test_x():\n    assert True\n";

#[test]
fn pytest_is_found_by_configuration_plugin_or_tests() {
    use RunnerKind::Pytest;
    for configuration in [
        ("pytest.ini", "[pytest]\n"),
        ("tox.ini", "[tox]\n\n[pytest]\naddopts = -q\n"),
        ("setup.cfg", "[metadata]\n[tool:pytest]\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\n"),
        ("tests/conftest.py", ""),
    ] {
        check_detect(&[configuration, ("tests/test_a.py", CASE)], Pytest, &[], &[]);
    }
    check_detect(&[("test_a.py", BARE)], Pytest, &[], &[]);
    check_detect(&[("test_a.py", CASE), ("test_b.py", "import pytest\n")], Pytest, &[], &[]);
    check_detect(&[("a_test.py", "class TestA:\n    def test_x(self): pass\n")], Pytest, &[], &[]);
}

#[test]
fn unittest_is_found_where_nothing_needs_pytest() {
    use RunnerKind::Unittest;
    check_detect(&[("test_a.py", CASE)], Unittest, &[], &[]);
    check_detect(&[("setup.cfg", "[metadata]\n"), ("test_a.py", CASE)], Unittest, &[], &[]);
    check_detect(&[("tests/__init__.py", ""), ("tests/test_a.py", CASE)], Unittest, &[], &[]);
    check_detect(&[("tests/test_a.py", CASE)], Unittest, &["discover", "-s", "tests"], &[]);
    check_detect(&[("t/a_test.py", CASE)], Unittest, &["discover", "-s", "t", "-p", "*_test.py"], &[]);
}

#[test]
fn a_source_folder_goes_onto_the_path() {
    use RunnerKind::Pytest;
    let env = &[("PYTHONPATH", "src")];
    check_detect(&[("src/pkg/__init__.py", ""), ("tests/test_a.py", BARE)], Pytest, &[], env);
    check_detect(&[("src/single.py", ""), ("tests/test_a.py", BARE)], Pytest, &[], env);
    check_detect(&[("src/__init__.py", ""), ("src/x.py", ""), ("test_a.py", BARE)], Pytest, &[], &[]);
    check_detect(&[("lib/pkg/__init__.py", ""), ("test_a.py", BARE)], Pytest, &[], &[("PYTHONPATH", "lib")]);
}

#[test]
fn nothing_to_run_is_said_so() {
    assert_eq!(detect(&[("a.py", "x = 1\n")]), Err(PlanError::NoTests { looked_at: 1 }));
    assert_eq!(detect(&[]), Err(PlanError::NoTests { looked_at: 0 }));
    assert_eq!(detect(&[("test_data.py", "DATA = 1\n")]), Err(PlanError::NoTests { looked_at: 1 }));
}

#[track_caller]
fn check_parse(command: &str, expected: &str) {
    let plan = TestPlan::parse_command(command).unwrap();
    let env = plan.env.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>();
    let shown = format!(
        "{env}{:?} {:?}{}{}{}",
        plan.runner,
        plan.args,
        plan.python.map(|python| format!(" python={python}")).unwrap_or_default(),
        if plan.import_cwd { " +cwd" } else { "" },
        if plan.cwd.is_empty() { String::new() } else { format!(" in {}", plan.cwd) },
    );
    assert_eq!(shown, expected, "{command}");
}

#[test]
fn commands_are_read_as_people_write_them() {
    check_parse("pytest", "Pytest []");
    check_parse("  pytest -q tests/test_a.py::test_x[1]  ", r#"Pytest ["-q", "tests/test_a.py::test_x[1]"]"#);
    check_parse("py.test -k 'a and not b'", r#"Pytest ["-k", "a and not b"]"#);
    check_parse("python -m pytest", "Pytest [] +cwd");
    check_parse("python3 -B -m pytest -x", r#"Pytest ["-x"] +cwd"#);
    check_parse("python3.12 -m pytest", "Pytest [] python=python3.12 +cwd");
    check_parse("/venv/bin/python -m pytest", "Pytest [] python=/venv/bin/python +cwd");
    check_parse("/venv/bin/pytest -q", r#"Pytest ["-q"] python=/venv/bin/python"#);
    check_parse("PYTHONPATH=src pytest", "PYTHONPATH=src Pytest []");
    check_parse("A=1 B='x y' python -m unittest", "A=1 B=x y Unittest [] +cwd");
    check_parse("python -m unittest discover -s tests", r#"Unittest ["discover", "-s", "tests"] +cwd"#);
    check_parse("python -m unittest a.B.c", r#"Unittest ["a.B.c"] +cwd"#);
    check_parse("cd sub/ && pytest -q", r#"Pytest ["-q"] in sub"#);
    check_parse("cd a && cd b && python -m unittest", "Unittest [] +cwd in a/b");
}

#[test]
fn everything_else_is_a_shell_command() {
    for command in [
        "./runtests.py --parallel 2",
        "make test",
        "pytest && echo done",
        "pytest | tee log",
        "pytest $ARGS",
        "pytest tests/*.py",
        "cd /abs && pytest",
        "cd .. && pytest",
        "python -W error -m pytest",
        "python -m doctest a.py",
        "python tests.py",
        "python",
        "FOO=1",
        "tox -e py311",
        "pythonista -m pytest",
    ] {
        check_parse(command, &format!("Command [{command:?}]"));
    }
}

#[test]
fn scripts_of_the_manifest_are_looked_up() {
    let manifest = r#"{"scripts": {"test": "npm run lint && cross-env A=1 mocha 'test/*.js'", "lint": "eslint ."}}"#;
    let path = RepoPath::new("web/package.json").unwrap();
    let read = |_: &RepoPath| Some(manifest.to_owned());
    let files = Files::new(vec![&path], &read);
    let plan = TestPlan::of_script("cd web && npm test -- --bail", &files).unwrap();
    assert_eq!((plan.runner, plan.cwd.as_str()), (RunnerKind::Mocha, "web"));
    assert_eq!(plan.args, ["cross-env", "A=1", "mocha", "test/*.js", "--bail"]);
    assert_eq!(plan.evidence.len(), 2, "{:?}", plan.evidence);
    for other in ["cd web && npm run lint", "npm test", "make test", "cd web && npm test | tee log"] {
        assert_eq!(TestPlan::of_script(other, &files).unwrap().runner, RunnerKind::Command, "{other}");
    }
    assert_eq!(TestPlan::of_script("", &files), Err(PlanError::EmptyCommand));
}

#[test]
fn tools_of_other_languages_are_found() {
    let check = |files: &[(&str, &str)], runner: RunnerKind, args: &[&str]| check_detect(files, runner, args, &[]);
    check(&[("package.json", r#"{"scripts": {"test": "jest"}}"#), ("lib/a.js", "")], RunnerKind::Jest, &["jest"]);
    check(&[("spec/a_spec.rb", "")], RunnerKind::Rspec, &["rspec"]);
    check(&[("spec/a_spec.rb", ""), ("Gemfile", "")], RunnerKind::Rspec, &["bundle", "exec", "rspec"]);
    check(&[("test/test_a.rb", ""), ("Rakefile", "Rake::TestTask.new")], RunnerKind::Minitest, &["rake", "test"]);
    check(
        &[("phpunit.xml", ""), ("composer.json", r#""phpunit/phpunit""#)],
        RunnerKind::PhpUnit,
        &["vendor/bin/phpunit"],
    );
}

#[test]
fn commands_that_cannot_be_read_are_refused() {
    assert_eq!(TestPlan::parse_command("  "), Err(PlanError::EmptyCommand));
    let command = "pytest 'x".to_owned();
    assert_eq!(TestPlan::parse_command(&command), Err(PlanError::Unclosed { command }));
}

#[test]
fn tests_and_their_configuration_are_told_from_source() {
    for (path, expected) in [
        ("conftest.py", true),
        ("a/b/conftest.py", true),
        ("pytest.ini", true),
        ("tox.ini", true),
        ("setup.cfg", true),
        ("pyproject.toml", true),
        ("tests/data/x.json", true),
        ("pkg/tests/helpers.py", true),
        ("test/a.py", true),
        ("pkg/test_x.py", true),
        ("x_test.py", true),
        ("pkg/tests.py", true),
        ("sitecustomize.py", true),
        ("a/usercustomize.py", true),
        ("evil.pth", true),
        ("pytest.py", true),
        ("unittest/__init__.py", true),
        ("_pytest/main.py", true),
        ("src/_pytest/main.py", false),
        ("django/test/client.py", false),
        ("pkg/testing.py", false),
        ("pkg/contest.py", false),
        ("setup.py", false),
        ("tests", false),
        ("README.md", false),
        ("src/sum.test.ts", true),
        ("src/sum.spec.jsx", true),
        ("src/__tests__/sum.js", true),
        ("src/__mocks__/fs.js", true),
        ("test/helper.js", true),
        ("jest.config.js", true),
        ("packages/a/vitest.config.mts", true),
        ("vite.config.ts", true),
        (".mocharc.yml", true),
        ("karma.conf.js", true),
        ("package.json", true),
        ("package-lock.json", false),
        ("src/latest.js", false),
        ("src/contest.ts", false),
        ("spec/models/user_spec.rb", true),
        ("spec/support/env.rb", true),
        ("lib/a_spec.rb", true),
        ("lib/spec/a.rb", false),
        ("test_sum.rb", true),
        ("sum_test.rb", true),
        ("lib/testing.rb", false),
        (".rspec", true),
        ("Rakefile", true),
        ("Gemfile", false),
        ("src/SumTest.php", true),
        ("src/Sum.php", false),
        ("phpunit.xml.dist", true),
        ("composer.json", false),
        ("calc/calc_test.go", true),
        ("calc/testdata/golden.txt", true),
        ("calc/calc.go", false),
        ("go.mod", false),
        ("crates/a/tests/it/main.rs", true),
        ("src/parse/tests.rs", true),
        ("src/parse_test.rs", true),
        ("src/latest.rs", false),
        ("Cargo.toml", false),
        ("build.rs", false),
        (".cargo/config.toml", true),
        ("src/config.toml", false),
        (".config/nextest.toml", true),
        ("rust-toolchain.toml", true),
    ] {
        assert_eq!(is_test_support(&RepoPath::new(path).unwrap()), expected, "{path}");
    }
}

proptest::proptest! {
    #[test]
    fn no_command_panics(command in "[ a-z'\"=$&|;/.-]{0,40}") {
        let _ = TestPlan::parse_command(&command);
    }
}

#[track_caller]
fn check_matrix(command: &str, file: &str, text: &str, expected: &str, evidence: &str) {
    let path = RepoPath::new(file).unwrap();
    let read = |_: &RepoPath| Some(text.to_owned());
    let plan = TestPlan::of_script(command, &Files::new(vec![&path], &read)).unwrap();
    let env = plan.env.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
    let shown = format!("{:?} {:?} +cwd {} in {:?}{env}", plan.runner, plan.args, plan.import_cwd, plan.cwd);
    assert_eq!((shown.as_str(), plan.evidence.last().map(String::as_str)), (expected, Some(evidence)), "{command}");
}

#[test]
fn tox_and_nox_become_the_tool_that_they_run() {
    let ini =
        "[testenv]\nsetenv = A=1\ncommands =\n  coverage run -m pytest --cov=x {posargs:tests}\n  coverage report\n";
    let says = "py in tox.ini runs `coverage run -m pytest '--cov=x' tests`";
    check_matrix("tox", "tox.ini", ini, r#"Pytest ["tests"] +cwd true in "" A=1"#, says);
    let sub = "py in web/tox.ini runs `coverage run -m pytest '--cov=x' -q`";
    check_matrix("cd web && tox -e py -- -q", "web/tox.ini", ini, r#"Pytest ["-q"] +cwd true in "web" A=1"#, sub);
    let nox = "import nox\n@nox.session\ndef t(s):\n    s.run('make', 'x')\n    s.run('python', '-m', 'unittest')\n";
    let left = "left out is what it runs before: `make x`";
    check_matrix("nox -s t", "noxfile.py", nox, r#"Unittest [] +cwd true in """#, left);
    let none = "[testenv]\ncommands = make test\n";
    let why = "its tests stay one: tox.ini calls no test tool that is known";
    check_matrix("tox -e py", "tox.ini", none, r#"Command ["tox -e py"] +cwd false in """#, why);
    let why = "its tests stay one: there is no noxfile.py";
    check_matrix("nox", "tox.ini", none, r#"Command ["nox"] +cwd false in """#, why);
}
