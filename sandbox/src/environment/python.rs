//! Python: pyproject, setup.cfg, setup.py, requirement files, tox, nox, Pipenv, and the tools that tests import.

mod project;
mod tools;
mod tox;

use super::candidate::{Candidate, nearest};
use super::shell;
use super::tree::Tree;
use super::version::{Named, Rank};
use super::workflow::Ci;
use super::{Evidence, Found, Language};

use self::project::Project;

const MANIFESTS: &[&str] = &["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "tox.ini"];

/// Extras and requirement files for tests, the most telling first.
const TEST_NAMES: &[&str] = &["test", "tests", "testing", "dev", "develop", "development", "ci", "all"];

/// Programs that CI installs and tests do not need.
const NOT_FOR_TESTS: &[&str] = &[
    "pip",
    "setuptools",
    "wheel",
    "build",
    "twine",
    "codecov",
    "coveralls",
    "tox",
    "tox-gh-actions",
    "tox-gh",
    "nox",
    "flake8",
    "black",
    "ruff",
    "mypy",
    "pre-commit",
    "isort",
    "pyright",
    "cibuildwheel",
    "virtualenv",
    "poetry",
    "pdm",
    "uv",
    "hatch",
    "pipenv",
    "tox-uv",
    "check-manifest",
    "bandit",
    "awscli",
    "coverage-badge",
    "pylint",
];

/// Packages of the distribution that well-known Python packages are compiled against.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("psycopg2", &["libpq-dev"]),
    ("mysqlclient", &["default-libmysqlclient-dev"]),
    ("python-ldap", &["libldap2-dev", "libsasl2-dev"]),
    ("pycurl", &["libcurl4-openssl-dev", "libssl-dev"]),
    ("pygraphviz", &["libgraphviz-dev", "graphviz"]),
    ("graphviz", &["graphviz"]),
    ("xmlsec", &["libxmlsec1-dev"]),
    ("pycairo", &["libcairo2-dev"]),
    ("pygobject", &["libgirepository1.0-dev", "libcairo2-dev"]),
    ("dbus-python", &["libdbus-1-dev", "libglib2.0-dev"]),
    ("pyaudio", &["portaudio19-dev"]),
    ("gdal", &["libgdal-dev"]),
];

/// Where what pip installs goes.
pub(super) const VENV: &str = "/patchwright/venv";

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let mut it = match nearest(tree, MANIFESTS) {
        Some((root, name)) => {
            let file = super::tree::join(&root, &name);
            Candidate::new(Language::Python, root, tree.present(&file))
        }
        None => {
            let file = tree.paths().find(|path| path.extension() == Some(b"py"))?;
            let mut it = Candidate::new(Language::Python, String::new(), tree.present(&file.to_str_lossy()));
            it.declared = false;
            it
        }
    };
    for pin in [".python-version", "runtime.txt"] {
        it.pin(tree, pin);
    }
    let project = Project::read(tree, &it.root);
    it.allowed.extend(project.requires_python.clone());
    if !project.classifiers.is_empty() {
        let evidence = project.classified.clone().unwrap_or_else(|| it.manifest.clone());
        it.named.push(Named { rank: Rank::Manifest, versions: project.classifiers.clone(), evidence });
    }
    let mut wanted = Wanted::default();
    from_ci(tree, &it, ci, &mut wanted);
    tox::read(tree, &it.root, &mut wanted);
    requirement_files(tree, &it.root, &mut wanted);
    install(tree, &mut it, &project, wanted);
    scm_version(tree, &mut it);
    for (command, evidence) in ci.tests(Language::Python) {
        if command.cwd.as_deref() == Some(it.root.as_str()) {
            it.tests.push(Found::stated(command.text(), evidence.clone()));
        }
    }
    // What a makefile calls shows later; it is taken where that is one of Python's tools.
    for (command, evidence) in ci.tests(Language::C) {
        let is_make = command.words.first().is_some_and(|word| shell::base_name(word) == "make");
        if is_make && command.cwd.as_deref() == Some(it.root.as_str()) {
            it.tests.push(Found::stated(command.text(), evidence.clone()));
        }
    }
    Some(it)
}

/// What is to be installed besides the project.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Requirement files, relative to the root.
    pub(super) files: Vec<(String, Evidence)>,
    pub(super) names: Vec<(String, Evidence)>,
    pub(super) extras: Vec<(String, Evidence)>,
}

impl Wanted {
    /// Reads the arguments of `pip install`, or lines of `deps`.
    pub(super) fn take(&mut self, words: &[String], evidence: &Evidence, exists: &dyn Fn(&str) -> bool) {
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let file = match word {
                "-r" | "--requirement" => words.next(),
                // Of what a constraints file says nothing is installed.
                "-c" | "--constraint" | "-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links" | "-t"
                | "--group" | "--target" => {
                    words.next();
                    continue;
                }
                "-e" | "--editable" => continue,
                _ => word.strip_prefix("-r").or_else(|| word.strip_prefix("--requirement=")),
            };
            if let Some(file) = file {
                let file = file.trim_start_matches("./");
                if exists(file) && !self.files.iter().any(|(known, _)| known == file) {
                    self.files.push((file.to_owned(), evidence.clone()));
                }
            } else if let Some(extras) = word.strip_prefix('.').map(|rest| rest.trim_start_matches('/')) {
                let names = extras.strip_prefix('[').and_then(|it| it.split(']').next()).unwrap_or_default();
                for name in names.split(',').map(str::trim).filter(|name| is_name(name)) {
                    self.extras.push((name.to_owned(), evidence.clone()));
                }
            } else if is_requirement(word) {
                self.names.push((word.to_owned(), evidence.clone()));
            }
        }
    }
}

/// A plain requirement: no option, no variable, no path, and nothing that only CI needs.
fn is_requirement(word: &str) -> bool {
    let name = requirement_name(word);
    let plain = !word.starts_with('-') && !word.contains(['$', '{', '/', '\\', '`', '\n']) && is_name(&name);
    plain
        && !NOT_FOR_TESTS.contains(&name.as_str())
        && !name.ends_with(".txt")
        && !name.ends_with(".whl")
        && word.len() < 200
}

pub(super) fn requirement_name(requirement: &str) -> String {
    let end = requirement.find(|char: char| !(char.is_ascii_alphanumeric() || "._-".contains(char)));
    requirement[..end.unwrap_or(requirement.len())].to_ascii_lowercase().replace('_', "-")
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.starts_with(|char: char| char.is_ascii_alphanumeric())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || "._-".contains(char))
}

fn from_ci(tree: &Tree<'_>, it: &Candidate, ci: &Ci, wanted: &mut Wanted) {
    for (command, evidence) in &ci.commands {
        if command.cwd.as_deref() != Some(it.root.as_str()) {
            continue;
        }
        let words = shell::unwrapped(&command.words);
        let words = if words.first().is_some_and(|word| word == "uv") { &words[1..] } else { words };
        let [pip, install, args @ ..] = words else { continue };
        if shell::base_name(pip).trim_end_matches('3') == "pip" && install == "install" {
            wanted.take(args, evidence, &|file| tree.has(&it.at(file)));
        }
    }
}

/// Takes the requirement files that are there by name: those for running, and of those for tests the most telling.
fn requirement_files(tree: &Tree<'_>, root: &str, wanted: &mut Wanted) {
    let mut add = |name: &str| {
        let file = super::tree::join(root, name);
        let there = tree.has(&file);
        if there && !wanted.files.iter().any(|(known, _)| known == name) {
            wanted.files.push((name.to_owned(), tree.present(&file)));
        }
        there
    };
    for name in ["requirements.txt", "requirements/base.txt", "requirements/requirements.txt"] {
        if add(name) {
            break;
        }
    }
    for word in TEST_NAMES.iter().filter(|word| **word != "all") {
        let names = [
            format!("requirements-{word}.txt"),
            format!("requirements_{word}.txt"),
            format!("{word}-requirements.txt"),
            format!("{word}_requirements.txt"),
            format!("requirements/{word}.txt"),
            format!("requirements/{word}-requirements.txt"),
            format!("requirements.{word}.txt"),
            format!("{word}/requirements.txt"),
        ];
        if names.iter().any(|name| add(name)) {
            break;
        }
    }
}

fn install(tree: &Tree<'_>, it: &mut Candidate, project: &Project, mut wanted: Wanted) {
    for (file, evidence) in std::mem::take(&mut wanted.files) {
        let text = tree.text(&it.at(&file)).unwrap_or_default();
        for line in text.lines() {
            libraries(it, &requirement_name(line.trim()), &evidence);
        }
        let step = it.step(format!("python -m pip install -r {}", shell_words::quote(&file)));
        it.setup.push(Found::stated(step, evidence));
    }
    wanted.names.extend(project.development.iter().cloned());
    install_project(it, project, &wanted.extras);
    let mut seen = std::collections::HashSet::new();
    wanted.names.retain(|(name, _)| {
        let short = requirement_name(name);
        // A project that lists itself with extras is installed already.
        is_requirement_string(name) && short != project.name && seen.insert(short)
    });
    for (name, evidence) in &wanted.names {
        libraries(it, &requirement_name(name), evidence);
    }
    if let Some((_, evidence)) = wanted.names.first() {
        let quoted: Vec<_> = wanted.names.iter().take(200).map(|(name, _)| shell_words::quote(name)).collect();
        let step = it.step(format!("python -m pip install {}", quoted.join(" ")));
        it.setup.push(Found::stated(step, evidence.clone()));
    }
    for (needed, evidence) in &project.needs {
        it.needs.push((*needed, evidence.clone()));
    }
    tools::add(tree, it);
}

/// A requirement with a version and markers.
fn is_requirement_string(text: &str) -> bool {
    let name = requirement_name(text);
    is_name(&name) && text.len() < 300 && !text.contains(['\n', '`', '$']) && !NOT_FOR_TESTS.contains(&name.as_str())
}

fn install_project(it: &mut Candidate, project: &Project, wished: &[(String, Evidence)]) {
    for (name, evidence) in &project.dependencies {
        libraries(it, &requirement_name(name), evidence);
    }
    let Some(evidence) = &project.installable else { return };
    let mut extras: Vec<&str> = Vec::new();
    for (name, _) in wished {
        if project.extras.contains(name) && !extras.contains(&name.as_str()) {
            extras.push(name);
        }
    }
    if extras.is_empty() {
        extras.extend(TEST_NAMES.iter().copied().find(|name| project.extras.iter().any(|it| it == name)));
    }
    let target = if extras.is_empty() { ".".to_owned() } else { format!("'.[{}]'", extras.join(",")) };
    let step = it.step(format!("python -m pip install -e {target}"));
    // Without dependencies the code can be imported from where it is.
    let needed = project.has_dependencies || project.compiles || !extras.is_empty();
    it.setup.push(match needed {
        true => Found::stated(step, evidence.clone()),
        false => Found::guessed(step, "a project without dependencies is installed for its metadata"),
    });
}

fn libraries(it: &mut Candidate, name: &str, evidence: &Evidence) {
    let known = LIBRARIES.iter().find(|(package, _)| *package == name);
    for library in known.into_iter().flat_map(|(_, libraries)| *libraries) {
        it.package(library, evidence.clone());
    }
}

/// Packages that ask git for their version find none here: a workspace has no history.
fn scm_version(tree: &Tree<'_>, it: &mut Candidate) {
    for (needle, variable) in [
        ("setuptools_scm", "SETUPTOOLS_SCM_PRETEND_VERSION"),
        ("setuptools-scm", "SETUPTOOLS_SCM_PRETEND_VERSION"),
        ("hatch-vcs", "SETUPTOOLS_SCM_PRETEND_VERSION"),
        ("pdm.backend", "PDM_BUILD_SCM_VERSION"),
        ("pbr", "PBR_VERSION"),
        ("versioningit", "VERSIONINGIT_FOR_PACKAGE_INDEX"),
        ("poetry-dynamic-versioning", "POETRY_DYNAMIC_VERSIONING_BYPASS"),
    ] {
        for file in ["pyproject.toml", "setup.py", "setup.cfg"] {
            let file = it.at(file);
            let says = tree.text(&file).is_some_and(|text| text.contains(needle));
            if says && !it.variables.iter().any(|known| known.value.name == variable) {
                it.variable(variable, "99.0.0", tree.says(&file, needle));
            }
        }
    }
}
