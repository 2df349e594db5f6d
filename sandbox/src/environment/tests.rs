//! Detection on miniature repositories of ours: one per source of evidence, and arbitrary bytes.

mod lines;
mod workflow;

use proptest::prelude::*;

use super::*;
use crate::runner::RunnerKind;

fn detect(files: &[(&str, &str)]) -> Detection {
    let mut paths: Vec<RepoPath> = files.iter().map(|(path, _)| RepoPath::new(path).unwrap()).collect();
    paths.sort();
    let read = |path: &RepoPath| {
        files.iter().find(|(name, _)| name.as_bytes() == path.as_bytes()).map(|(_, text)| text.as_bytes().to_vec())
    };
    decide::decide(&Tree::new(paths.iter().collect(), &read))
}

fn lines(steps: &[Found<Step>]) -> Vec<&str> {
    steps.iter().map(|found| found.value.line.as_str()).collect()
}

fn packages(detection: &Detection) -> Vec<&str> {
    detection.packages.iter().map(|found| found.value.name.as_str()).collect()
}

fn test_line(detection: &Detection) -> String {
    detection.test.as_ref().map(|found| found.value.args.join(" ")).unwrap_or_default()
}

const TEST: (&str, &str) = ("tests/test_x.py", "import pytest\ndef test_x():\n    pass\n");

#[test]
fn a_plain_python_folder_needs_no_setup() {
    let found = detect(&[("x.py", "def f(): pass\n"), TEST]);
    assert_eq!(found.language(), Language::Python);
    assert!(!found.needs_setup(), "{found:?}");
    assert_eq!(found.test.unwrap().value.runner, RunnerKind::Pytest);
    let found = detect(&[("pyproject.toml", "[project]\nname = 'x'\ndependencies = []\n"), ("x.py", ""), TEST]);
    assert!(!found.needs_setup(), "{found:?}");
    let found = detect(&[("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['six']\n"), ("x.py", ""), TEST]);
    assert!(found.needs_setup());
}

#[test]
fn pyproject_gives_extras_groups_and_versions() {
    let found = detect(&[
        (
            "pyproject.toml",
            "[build-system]\nrequires = ['setuptools', 'setuptools_scm']\n[project]\nname = 'demo'\nrequires-python = '>=3.9'\n\
             dependencies = ['psycopg2>=2']\noptional-dependencies = { docs = ['sphinx'], test = ['mock'] }\n\
             [dependency-groups]\ntest = ['demo[test]', 'hypothesis>=6', {include-group = 'more'}]\nmore = ['attrs; python_version > \"3\"']\n\
             [tool.pytest.ini_options]\naddopts = '--cov=demo'\n",
        ),
        ("demo/__init__.py", ""),
        TEST,
    ]);
    assert_eq!(
        lines(&found.setup),
        [
            "python -m pip install -e '.[test]'",
            "python -m pip install 'hypothesis>=6' 'attrs; python_version > \"3\"'",
            "python -m pip install pytest-cov",
            "python -m pip install pytest",
        ]
    );
    assert_eq!(packages(&found), ["libpq-dev"]);
    assert_eq!(found.variables[0].value.name, "SETUPTOOLS_SCM_PRETEND_VERSION");
    assert_eq!(found.variables[0].evidence.line, Some(2));
}

#[test]
fn poetry_is_understood() {
    let found = detect(&[
        (
            "pyproject.toml",
            "[tool.poetry]\nname = 'p'\n[tool.poetry.dependencies]\npython = '^3.8'\nrequests = '^2'\n\
             [tool.poetry.group.dev.dependencies]\npytest = '^7.1'\nblack = '*'\nfreezegun = {version = '>=1, <2'}\n",
        ),
        TEST,
    ]);
    assert_eq!(lines(&found.setup)[0], "python -m pip install -e .");
    assert_eq!(lines(&found.setup)[1], "python -m pip install 'freezegun>=1,<2' 'pytest>=7.1'");
}

#[test]
fn setup_py_and_cfg_are_understood() {
    let found = detect(&[
        (
            "setup.py",
            "from setuptools import setup, Extension\nsetup(name='x', install_requires=['six'], tests_require=['mock', \"nose\"],\n  \
             extras_require={'testing': ['a']}, python_requires='>=2.7, <3.11', ext_modules=[Extension('x', ['x.c'])])\n",
        ),
        ("setup.cfg", "[tool:pytest]\ntestpaths = tests\n"),
        TEST,
    ]);
    assert_eq!(lines(&found.setup)[..2], ["python -m pip install -e '.[testing]'", "python -m pip install mock nose"]);
    assert!(packages(&found).contains(&"cmake"), "{:?}", found.packages);
    let found = detect(&[
        (
            "setup.cfg",
            "[metadata]\nname = x\nclassifiers =\n  Programming Language :: Python :: 3.8\n  Programming Language :: Python :: 3.9\n[options]\ninstall_requires =\n  six\n[options.extras_require]\ntests =\n  mock\n",
        ),
        TEST,
    ]);
    assert_eq!(lines(&found.setup)[0], "python -m pip install -e '.[tests]'");
    assert_eq!(found.base.value.version.as_deref(), Some("3.9"));
    assert_eq!(found.base.evidence.line, Some(5));
}

#[test]
fn requirement_files_tox_and_nox_are_understood() {
    let found = detect(&[
        ("requirements.txt", "six\n"),
        ("requirements/test.txt", "mock\n"),
        (
            "tox.ini",
            "[tox]\nenvlist = py\n[testenv]\ndeps =\n  -r{toxinidir}/ci/deps.txt\n  hypothesis\n  py27: old\n  {env:X}\ncommands = pytest\n",
        ),
        ("ci/deps.txt", "x\n"),
        (
            "noxfile.py",
            "def tests(session):\n    session.install('-r', 'ci/nox.txt', 'trustme')\ndef lint(session):\n    session.install('nothing')\n",
        ),
        ("ci/nox.txt", ""),
        ("x.py", ""),
        TEST,
    ]);
    assert_eq!(
        lines(&found.setup)[..5],
        [
            "python -m pip install -r ci/deps.txt",
            "python -m pip install -r ci/nox.txt",
            "python -m pip install -r requirements.txt",
            "python -m pip install -r requirements/test.txt",
            "python -m pip install hypothesis trustme",
        ]
    );
}

#[test]
fn the_repository_s_own_settings_win() {
    let found = detect(&[
        (
            ".github/patchwright.toml",
            "image = 'own:1'\nsetup = ['a', 'b']\nbuild = 'c'\nnetwork = 'none'\nenabled = true\nnonsense = 1\n[test]\ncommand = 'python -m unittest -v'\ntimeout = 90\nodd = 2\n",
        ),
        ("requirements.txt", "six"),
        TEST,
    ]);
    assert_eq!(found.base.value.image.as_deref(), Some("own:1"));
    assert_eq!((lines(&found.setup), lines(&found.build)), (vec!["a", "b"], vec!["c"]));
    assert_eq!(found.test.as_ref().unwrap().value.runner, RunnerKind::Unittest);
    assert_eq!((found.test_seconds, found.offline), (Some(90), true));
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    let found = detect(&[(".github/patchwright.toml", "image = 3\nsetup = [1]\n"), TEST]);
    assert_eq!((found.base.value.image, found.warnings.len()), (None, 2));
    let found = detect(&[(".github/patchwright.toml", "= = =")]);
    assert!(found.warnings.iter().any(|it| it.contains("no TOML")), "{:?}", found.warnings);
}

#[test]
fn development_containers_are_understood() {
    let found = detect(&[
        (
            ".devcontainer/devcontainer.json",
            "// hi\n{\n  \"image\": \"example.org/devcontainers/python:1-3.10-bookworm\", // x\n  \"features\": {\"ghcr.io/x/apt-packages:1\": {\"packages\": \"jq,libpq-dev\"},},\n}\n",
        ),
        ("x.py", ""),
        TEST,
    ]);
    assert_eq!(found.base.value.version.as_deref(), Some("3.10"));
    assert_eq!(packages(&found), ["jq", "libpq-dev"]);
}

#[test]
fn node_projects_are_understood() {
    let package = r#"{"name": "x", "main": "dist/x.js", "engines": {"node": ">=16"}, "devDependencies": {"mocha": "1"},
        "scripts": {"build": "tsc", "test": "npm run lint && nyc npm run unit", "lint": "eslint .", "unit": "NODE_ENV=test mocha --exit test"}}"#;
    let found =
        detect(&[("package.json", package), ("package-lock.json", "{}"), (".nvmrc", "v18\n"), ("src/x.ts", "")]);
    assert_eq!(found.language(), Language::JavaScript);
    assert_eq!(lines(&found.setup), ["npm ci --no-audit --no-fund"]);
    assert_eq!(lines(&found.build), ["npm run build"]);
    assert_eq!(found.base.value.version.as_deref(), Some("18"));
    assert!(test_line(&found).contains("mocha --exit test"), "{:?}", found.test);
    for (lock, expected) in [("yarn.lock", "npx --yes yarn@1 install"), ("pnpm-lock.yaml", "npx --yes pnpm@9 install")]
    {
        let found = detect(&[("package.json", package), (lock, ""), ("x.js", "")]);
        assert!(lines(&found.setup)[0].starts_with(expected), "{:?}", found.setup);
    }
    let found = detect(&[
        ("package.json", "{\"scripts\": {\"test\": \"echo \\\"Error: no test specified\\\" && exit 1\"}}"),
        ("test/x.js", ""),
    ]);
    assert_eq!(
        test_line(&found).trim(),
        if found.test.as_ref().unwrap().value.runner == RunnerKind::NodeTest {
            test_line(&found)
        } else {
            "node --test".to_owned()
        }
    );
}

#[test]
fn rust_projects_are_understood() {
    let found = detect(&[
        (
            "Cargo.toml",
            "[package]\nname = 'x'\nrust-version = '1.70'\n[workspace]\nmembers = []\n[dependencies]\nopenssl = '0.10'\n",
        ),
        ("Cargo.lock", "[[package]]\nname = \"openssl-sys\"\n"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = '1.75.0'\n"),
        ("src/lib.rs", ""),
        (
            ".github/workflows/x.yml",
            "jobs:\n  t:\n    steps:\n    - run: cargo +stable test --locked --all-features -- --nocapture\n",
        ),
    ]);
    assert_eq!(lines(&found.setup), ["cargo fetch --locked"]);
    assert_eq!(lines(&found.build), ["cargo test --offline --no-run --all-features"]);
    assert!(test_line(&found).contains("--all-features"), "{:?}", found.test);
    assert_eq!(found.base.value.version.as_deref(), Some("1.75.0"));
    assert_eq!(packages(&found), ["libssl-dev"]);
}

#[test]
fn go_projects_are_understood() {
    let found = detect(&[("go.mod", "module x\ngo 1.21\nrequire (\n  a v1\n)\n"), ("x.go", "")]);
    assert_eq!(lines(&found.setup), ["go mod download"]);
    assert_eq!(found.base.value.version.as_deref(), Some("1.21"));
    let found = detect(&[("go.mod", "module x\ngo 1.14\nrequire a v1\n"), ("vendor/modules.txt", ""), ("x.go", "")]);
    assert!(found.setup.is_empty() && found.variables[0].value.value == "-mod=vendor");
    assert_eq!(found.base.value.version, None);
    assert!(test_line(&found).contains("go test ./..."), "{:?}", found.test);
}

#[test]
fn java_ruby_and_php_projects_are_understood() {
    let found = detect(&[
        ("pom.xml", "<project><properties><java.version>1.8</java.version></properties></project>"),
        ("src/main/java/X.java", ""),
    ]);
    assert_eq!(found.language(), Language::Java);
    assert!(lines(&found.setup)[0].starts_with("mvn "));
    let found = detect(&[
        ("build.gradle.kts", "java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }"),
        ("gradlew", ""),
        ("X.java", ""),
    ]);
    assert_eq!(found.base.value.version.as_deref(), Some("21"));
    assert!(test_line(&found).contains("gradlew"), "{:?}", found.test);
    let found = detect(&[("Gemfile", ""), (".ruby-version", "ruby-3.2.2\n"), ("spec/x_spec.rb", ""), ("lib/x.rb", "")]);
    assert_eq!((found.language(), found.base.value.version.as_deref()), (Language::Ruby, Some("3.2.2")));
    assert!(test_line(&found).contains("rspec"), "{:?}", found.test);
    let found = detect(&[
        (
            "composer.json",
            "{\"require\": {\"php\": \">=7.4\", \"ext-bcmath\": \"*\"}, \"require-dev\": {\"phpunit/phpunit\": \"^9\"}}",
        ),
        ("phpunit.xml.dist", ""),
        ("src/x.php", ""),
    ]);
    assert_eq!((found.language(), packages(&found)), (Language::Php, vec!["php-bcmath"]));
    assert!(test_line(&found).contains("phpunit"), "{:?}", found.test);
}

#[test]
fn c_projects_are_understood() {
    let found = detect(&[
        ("CMakeLists.txt", "option(X_BUILD_TESTS \"t\" OFF)\nfind_package(ZLIB REQUIRED)\nfind_package(GTest)\n"),
        ("x.c", ""),
    ]);
    assert_eq!(found.language(), Language::C);
    assert_eq!(lines(&found.build), ["cmake -S . -B build -DX_BUILD_TESTS=ON", "cmake --build build --parallel 2"]);
    assert_eq!(packages(&found), ["zlib1g-dev", "libgtest-dev"]);
    let found =
        detect(&[("configure.ac", "PKG_CHECK_MODULES([GLIB], [glib-2.0 >= 2])\n"), ("Makefile.am", ""), ("x.c", "")]);
    assert_eq!(lines(&found.build), ["autoreconf -fi", "sh ./configure", "make -j2"]);
    assert!(packages(&found).contains(&"libglib2.0-dev"), "{:?}", found.packages);
    let found = detect(&[("meson.build", "dependency('zlib')\n"), ("x.c", "")]);
    assert!(test_line(&found).contains("meson test"));
    let found = detect(&[("Makefile", "all: x\ntest: x\n\t./x\n"), ("x.c", "")]);
    assert!(test_line(&found).contains("make test"), "{:?}", found.test);
}

#[test]
fn of_several_languages_one_is_chosen_with_a_reason() {
    let found = detect(&[
        ("pyproject.toml", "[build-system]\nrequires = ['maturin']\n[project]\nname = 'x'\n"),
        ("Cargo.toml", "[package]\nname = 'x'\n"),
        ("package.json", "{}"),
        ("src/lib.rs", ""),
        ("x/__init__.py", ""),
        ("x/a.py", ""),
        TEST,
    ]);
    assert_eq!(found.language(), Language::Python);
    assert!(found.languages[0].evidence.words.contains("3 of 4 source files"), "{:?}", found.languages);
    assert!(packages(&found).iter().any(|name| name.starts_with("rustc")), "{:?}", found.packages);
    assert!(found.warnings.iter().any(|it| it.contains("Node.js is not set up")), "{:?}", found.warnings);
    let found = detect(&[("backend/go.mod", "module x\n"), ("backend/x.go", ""), ("README.md", "")]);
    assert_eq!((found.languages[0].value.root.as_str(), found.build[0].value.cwd.as_str()), ("backend", "backend"));
    assert_eq!(found.test.unwrap().value.cwd, "backend");
}

#[test]
fn nothing_is_said_of_nothing() {
    let found = detect(&[("README.md", "hi")]);
    assert!(found.test.is_none() && found.languages.is_empty() && !found.warnings.is_empty());
}

const FILES: &[&str] = &[
    ".github/patchwright.toml",
    ".devcontainer/devcontainer.json",
    "Dockerfile",
    ".github/workflows/ci.yml",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "noxfile.py",
    "requirements.txt",
    "Pipfile",
    ".python-version",
    "test_x.py",
    "package.json",
    ".nvmrc",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "Gemfile",
    "x.gemspec",
    "composer.json",
    "CMakeLists.txt",
    "configure.ac",
    "meson.build",
    "Makefile",
    "x.c",
];

/// Words that the readers look for, so that arbitrary text gets past the first look.
const WORDS: &[&str] = &[
    "jobs:\n",
    "  t:\n",
    "    steps:\n",
    "    - run: ",
    "pytest ",
    "${{ matrix.x",
    "}}",
    "&a ",
    "*a ",
    "<<: ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "FROM ",
    "RUN ",
    "apt-get install ",
    "\\\n",
    "deps =",
    "[testenv]\n",
    "[project]\n",
    "install_requires=[",
    "python_requires=",
    "extras_require",
    "session.install(",
    "def test(",
    "find_package(",
    "pkg_check_modules(",
    "option(",
    "<java.version>",
    "</",
    "go 1.",
    "require ",
    "=",
    ">=",
    ",",
    "||",
    "99999999999",
    ".",
    "-",
    "\n",
    " ",
    "\t",
    "é",
    "\u{0}",
    "/*",
    "//",
    "cd ../",
    "-r ",
    ".[",
    "JavaLanguageVersion.of(",
    "required_ruby_version",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(contents in prop::collection::vec((0..FILES.len(), prop::collection::vec(any::<u8>(), 0..200)), 0..6)) {
        check(contents);
    }

    #[test]
    fn arbitrary_words_never_panic(contents in prop::collection::vec((0..FILES.len(), prop::collection::vec(0..WORDS.len(), 0..60)), 0..6)) {
        check(contents.into_iter().map(|(file, words)| (file, words.into_iter().flat_map(|at| WORDS[at].bytes()).collect())).collect());
    }
}

fn check(contents: Vec<(usize, Vec<u8>)>) {
    let mut files: Vec<(RepoPath, Vec<u8>)> =
        contents.into_iter().map(|(file, bytes)| (RepoPath::new(FILES[file]).unwrap(), bytes)).collect();
    files.sort();
    files.dedup_by(|a, b| a.0 == b.0);
    let read = |path: &RepoPath| files.iter().find(|(known, _)| known == path).map(|(_, bytes)| bytes.clone());
    let detection = decide::decide(&Tree::new(files.iter().map(|(path, _)| path).collect(), &read));
    assert!(serde_json::to_string(&detection).is_ok());
}
