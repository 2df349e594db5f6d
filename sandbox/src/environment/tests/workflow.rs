//! Which job of a workflow is believed, and what it says.

use super::*;

const WORKFLOW: &str = "\
on: push
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - run: pip install ruff
  test:
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-latest]
        python: ['3.8', '3.12', 'pypy-3.10']
    env:
      MODE: fast
      CI_TOKEN: x
    services:
      postgres:
        image: postgres:15
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python }}
      - run: |
          sudo apt-get update
          sudo apt-get install -y libxml2-dev git
          python -m pip install -U pip wheel
          pip install -r ci.txt '.[speed]' hypothesis==6.1
      - if: runner.os == 'Windows'
        run: choco install x
      - run: pytest -n 4 --cov=x tests missing
";

#[test]
fn the_job_that_tests_says_how() {
    let found = detect(&[
        (".github/workflows/ci.yml", WORKFLOW),
        ("setup.py", "setup(name='x', extras_require={'speed': [], 'dev': []})"),
        ("ci.txt", "six\n"),
        (
            "Dockerfile",
            "FROM python:3.7-slim AS base\nRUN apt-get update \\\n    && apt-get install -y --no-install-recommends \\\n    # why\n    libffi-dev libpq-dev=1 && rm -rf /x\n",
        ),
        TEST,
    ]);
    assert_eq!(found.base.value.version.as_deref(), Some("3.12"));
    assert_eq!(found.base.evidence.line, Some(23));
    assert_eq!(packages(&found), ["libxml2-dev", "libpq-dev"]);
    assert_eq!(found.packages[1].evidence.line, Some(2));
    assert_eq!(
        lines(&found.setup)[..3],
        [
            "python -m pip install -r ci.txt",
            "python -m pip install -e '.[speed]'",
            "python -m pip install 'hypothesis==6.1'"
        ]
    );
    assert_eq!(test_line(&found), "tests");
    assert_eq!(found.test.as_ref().unwrap().evidence.line, Some(31));
    assert_eq!(found.variables.iter().map(|it| it.value.name.as_str()).collect::<Vec<_>>(), ["MODE"]);
    assert!(found.conflicts.iter().any(|it| it.left.contains("3.7")), "{:?}", found.conflicts);
    assert!(found.warnings.iter().any(|it| it.contains("postgres")), "{:?}", found.warnings);
}

#[test]
fn a_job_that_tests_a_part_is_not_the_one() {
    let job = |name: &str, toolchain: &str, line: &str| {
        format!(
            "  {name}:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/setup-java@v4\n        with:\n          java-version: {toolchain}\n      - run: {line}\n"
        )
    };
    let jobs = [
        job("build", "17", "mvn verify javadoc:jar"),
        job("native-image-test", "21", "mvn test --projects test-native --also-make"),
        job("test-one", "11", "mvn test -Dtest=OneTest"),
    ];
    let workflow = format!("on: push\njobs:\n{}", jobs.concat());
    let files = [("pom.xml", "<project/>"), ("src/test/java/ATest.java", "class ATest {}")];
    let found = detect(&[&[(".github/workflows/build.yml", workflow.as_str())], &files[..]].concat());
    assert_eq!(found.base.value.version.as_deref(), Some("17"));
    let scripts = r#"{"scripts": {"test:e2e": "jest e2e", "test-tz": "jest test/timezone.test", "test": "cross-env TZ=X npm run test-tz && jest --ci"}}"#;
    let e2e = "jobs:\n  run:\n    steps:\n      - run: npm run test:e2e\n";
    let test = "jobs:\n  build:\n    steps:\n      - run: npm run test\n";
    let files = [
        (".github/workflows/e2e-test.yml", e2e),
        (".github/workflows/test.yml", test),
        ("package.json", scripts),
        ("a.js", ""),
    ];
    assert_eq!(test_line(&detect(&files)), "npx jest --ci");
}

#[test]
fn the_oldest_version_beside_the_usual_one_is_no_wish() {
    let workflow = |versions: &str| {
        format!(
            "jobs:\n  test:\n    strategy:\n      matrix:\n        rust: [{versions}]\n    steps:\n      - uses: dtolnay/rust-toolchain@v1\n        with:\n          toolchain: ${{{{ matrix.rust }}}}\n      - run: cargo test\n"
        )
    };
    for (versions, expected) in [("1.60.0, stable, nightly", None), ("1.60.0", Some("1.60.0"))] {
        let text = workflow(versions);
        let files = [
            (".github/workflows/ci.yml", text.as_str()),
            ("Cargo.toml", "[package]\nname = 'a'\n"),
            ("src/lib.rs", ""),
        ];
        assert_eq!(detect(&files).base.value.version.as_deref(), expected, "{versions}");
    }
}
