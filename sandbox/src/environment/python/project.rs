//! What pyproject.toml, setup.cfg, setup.py and Pipfile say about a project.

use toml::{Table, Value};

use super::super::tree::{Tree, join};
use super::super::version::{Allowed, clean};
use super::super::{Evidence, Language};
use super::TEST_NAMES;
use crate::format::ini;

/// What is known of a project.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// Its name as pip compares names; empty where it cannot be told.
    pub(super) name: String,
    /// The file by which pip can install it.
    pub(super) installable: Option<Evidence>,
    pub(super) requires_python: Option<Allowed>,
    /// Versions that its classifiers list.
    pub(super) classifiers: Vec<String>,
    pub(super) classified: Option<Evidence>,
    pub(super) has_dependencies: bool,
    pub(super) dependencies: Vec<(String, Evidence)>,
    pub(super) extras: Vec<String>,
    /// Requirements for working on it that are no extras.
    pub(super) development: Vec<(String, Evidence)>,
    /// Whether installing it compiles something.
    pub(super) compiles: bool,
    /// Languages that compiling it takes.
    pub(super) needs: Vec<(Language, Evidence)>,
}

impl Project {
    pub(super) fn read(tree: &Tree<'_>, root: &str) -> Project {
        let mut project = Project::default();
        let file = join(root, "pyproject.toml");
        if let Some(table) = tree.text(&file).and_then(|text| toml::from_str::<Table>(&text).ok()) {
            project.read_pyproject(tree, &file, &table);
        }
        project.read_setup_cfg(tree, &join(root, "setup.cfg"));
        project.read_setup_py(tree, &join(root, "setup.py"));
        project.read_pipfile(tree, &join(root, "Pipfile"));
        project
    }

    fn read_pyproject(&mut self, tree: &Tree<'_>, file: &str, table: &Table) {
        let at = |keys: &[&str]| lookup(table, keys);
        let poetry = at(&["tool", "poetry"]).and_then(Value::as_table);
        let name = at(&["project", "name"]).or_else(|| poetry?.get("name")).and_then(Value::as_str);
        self.name = super::requirement_name(name.unwrap_or_default());
        let backend = at(&["build-system", "build-backend"]).and_then(Value::as_str).unwrap_or_default();
        if name.is_some() {
            self.installable = Some(tree.says(file, if poetry.is_some() { "[tool.poetry]" } else { "[project]" }));
        }
        if let Some(text) = at(&["project", "requires-python"]).and_then(Value::as_str) {
            self.requires_python = Some(Allowed::parse(text, tree.says(file, "requires-python")));
        }
        self.read_requirements(tree, file, at(&["project", "dependencies"]), "dependencies");
        let dynamic = strings(at(&["project", "dynamic"]));
        self.has_dependencies |= dynamic.iter().any(|it| it == "dependencies");
        if let Some(extras) = at(&["project", "optional-dependencies"]).and_then(Value::as_table) {
            self.extras.extend(extras.keys().cloned());
        }
        self.read_classifiers(tree, file, &strings(at(&["project", "classifiers"])));
        self.read_groups(tree, file, table);
        if let Some(poetry) = poetry {
            self.read_poetry(tree, file, poetry);
        }
        let requires = strings(at(&["build-system", "requires"]));
        self.read_build_system(tree, file, backend, &requires);
    }

    fn read_requirements(&mut self, tree: &Tree<'_>, file: &str, value: Option<&Value>, words: &str) {
        for requirement in strings(value) {
            self.has_dependencies = true;
            self.dependencies.push((requirement, tree.says(file, words)));
        }
    }

    fn read_build_system(&mut self, tree: &Tree<'_>, file: &str, backend: &str, requires: &[String]) {
        let asks = |name: &str| {
            backend.starts_with(name) || requires.iter().any(|it| it.to_ascii_lowercase().starts_with(name))
        };
        for (name, language) in [
            ("maturin", Some(Language::Rust)),
            ("setuptools-rust", Some(Language::Rust)),
            ("setuptools_rust", Some(Language::Rust)),
            ("scikit-build", Some(Language::C)),
            ("scikit_build", Some(Language::C)),
            ("mesonpy", Some(Language::C)),
            ("meson-python", Some(Language::C)),
            ("pybind11", Some(Language::C)),
            ("cython", Some(Language::C)),
            ("cffi", Some(Language::C)),
        ] {
            if asks(name) {
                self.compiles = true;
                self.needs.extend(language.map(|it| (it, tree.says(file, name))));
            }
        }
    }

    fn read_classifiers(&mut self, tree: &Tree<'_>, file: &str, classifiers: &[String]) {
        const PREFIX: &str = "Programming Language :: Python :: ";
        let versions = classifiers.iter().filter_map(|line| line.trim().strip_prefix(PREFIX)).filter_map(clean);
        let versions: Vec<String> = versions.filter(|version| version.contains('.')).collect();
        if !versions.is_empty() && self.classifiers.is_empty() {
            self.classified = versions
                .iter()
                .max_by_key(|it| super::super::version::numbers(it))
                .map(|newest| tree.says(file, &format!("{PREFIX}{newest}")));
            self.classifiers = versions;
        }
    }

    /// `[dependency-groups]`, and the same under the names of older tools.
    fn read_groups(&mut self, tree: &Tree<'_>, file: &str, table: &Table) {
        for (keys, words) in [
            (&["dependency-groups"][..], "[dependency-groups]"),
            (&["tool", "pdm", "dev-dependencies"], "[tool.pdm.dev-dependencies]"),
        ] {
            let Some(groups) = lookup(table, keys).and_then(Value::as_table) else { continue };
            let chosen = TEST_NAMES.iter().filter(|name| groups.contains_key(**name)).take(1);
            let chosen: Vec<&str> = chosen.copied().collect();
            let mut seen = Vec::new();
            for name in chosen {
                self.read_group(tree, file, groups, name, words, &mut seen);
            }
        }
        let evidence = tree.says(file, "dev-dependencies");
        let uv = strings(lookup(table, &["tool", "uv", "dev-dependencies"]));
        self.development.extend(uv.into_iter().map(|it| (it, evidence.clone())));
        // A hatch environment's own list.
        for environment in ["test", "tests", "hatch-test", "default"] {
            for key in ["dependencies", "extra-dependencies"] {
                let found = strings(lookup(table, &["tool", "hatch", "envs", environment, key]));
                let evidence = tree.says(file, &format!("tool.hatch.envs.{environment}"));
                self.development.extend(found.into_iter().map(|it| (it, evidence.clone())));
            }
        }
    }

    fn read_group(
        &mut self,
        tree: &Tree<'_>,
        file: &str,
        groups: &Table,
        name: &str,
        words: &str,
        seen: &mut Vec<String>,
    ) {
        if seen.len() > 32 || seen.iter().any(|it| it == name) {
            return;
        }
        seen.push(name.to_owned());
        for item in groups.get(name).and_then(Value::as_array).into_iter().flatten() {
            match item {
                Value::String(requirement) => self.development.push((requirement.clone(), tree.says(file, words))),
                Value::Table(table) => {
                    if let Some(other) = table.get("include-group").and_then(Value::as_str) {
                        self.read_group(tree, file, groups, other, words, seen);
                    }
                }
                _ => {}
            }
        }
    }

    fn read_poetry(&mut self, tree: &Tree<'_>, file: &str, poetry: &Table) {
        if let Some(python) = lookup(poetry, &["dependencies", "python"]).and_then(Value::as_str) {
            self.requires_python = Some(Allowed::parse(python, tree.says(file, &format!("python = \"{python}\""))));
        }
        let plain = poetry.get("dependencies").and_then(Value::as_table);
        self.has_dependencies |= plain.is_some_and(|it| it.keys().any(|name| name != "python"));
        if let Some(extras) = poetry.get("extras").and_then(Value::as_table) {
            self.extras.extend(extras.keys().cloned());
        }
        self.read_classifiers(tree, file, &strings(poetry.get("classifiers")));
        let mut lists = vec![(poetry.get("dev-dependencies"), "[tool.poetry.dev-dependencies]".to_owned())];
        for (name, group) in poetry.get("group").and_then(Value::as_table).into_iter().flatten() {
            if TEST_NAMES.contains(&name.as_str()) {
                lists.push((group.get("dependencies"), format!("[tool.poetry.group.{name}.dependencies]")));
            }
        }
        for (list, words) in lists {
            for (name, wish) in list.and_then(Value::as_table).into_iter().flatten() {
                let version = wish.as_str().or_else(|| wish.get("version")?.as_str()).unwrap_or("*");
                self.development.push((poetry_requirement(name, version), tree.says(file, &words)));
            }
        }
    }

    fn read_setup_cfg(&mut self, tree: &Tree<'_>, file: &str) {
        let Some(text) = tree.text(file) else { return };
        let lines = |section: &str, key: &str| -> Vec<String> {
            let value = ini::value(&text, section, key).unwrap_or_default();
            value.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        if ini::value(&text, "metadata", "name").is_some() && self.installable.is_none() {
            self.installable = Some(tree.says(file, "name"));
        }
        for requirement in lines("options", "install_requires") {
            self.has_dependencies = true;
            self.dependencies.push((requirement, tree.says(file, "install_requires")));
        }
        let evidence = tree.says(file, "tests_require");
        self.development.extend(lines("options", "tests_require").into_iter().map(|it| (it, evidence.clone())));
        self.extras.extend(ini::keys(&text, "options.extras_require"));
        if let (Some(python), None) = (ini::value(&text, "options", "python_requires"), &self.requires_python) {
            self.requires_python = Some(Allowed::parse(&python, tree.says(file, "python_requires")));
        }
        self.read_classifiers(tree, file, &lines("metadata", "classifiers"));
    }

    fn read_setup_py(&mut self, tree: &Tree<'_>, file: &str) {
        let Some(text) = tree.text(file) else { return };
        if self.installable.is_none() && text.contains("setup(") {
            self.installable = Some(tree.says(file, "setup("));
        }
        for requirement in list_after(&text, "install_requires") {
            self.dependencies.push((requirement, tree.says(file, "install_requires")));
        }
        self.has_dependencies |= text.contains("install_requires") && !text.contains("install_requires=[]");
        let evidence = tree.says(file, "tests_require");
        self.development.extend(list_after(&text, "tests_require").into_iter().map(|it| (it, evidence.clone())));
        if let Some(at) = text.find("extras_require").or_else(|| text.find("extras")) {
            self.extras.extend(keys_of(&text[at..]));
        }
        if let (Some(python), None) = (string_after(&text, "python_requires"), &self.requires_python) {
            self.requires_python = Some(Allowed::parse(&python, tree.says(file, "python_requires")));
        }
        self.read_classifiers(tree, file, &quoted(&text));
        for needle in ["Extension(", "ext_modules", "cffi_modules", "cythonize", "rust_extensions"] {
            if text.contains(needle) {
                self.compiles = true;
                let language = if needle == "rust_extensions" { Language::Rust } else { Language::C };
                self.needs.push((language, tree.says(file, needle)));
                break;
            }
        }
    }

    fn read_pipfile(&mut self, tree: &Tree<'_>, file: &str) {
        let Some(table) = tree.text(file).and_then(|text| toml::from_str::<Table>(&text).ok()) else { return };
        for key in ["packages", "dev-packages"] {
            for (name, wish) in table.get(key).and_then(Value::as_table).into_iter().flatten() {
                let version = wish.as_str().or_else(|| wish.get("version")?.as_str()).unwrap_or("*");
                let local = wish.as_table().is_some_and(|it| it.contains_key("path"));
                if !local {
                    self.development.push((poetry_requirement(name, version), tree.says(file, &format!("[{key}]"))));
                }
            }
        }
    }
}

fn lookup<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (first, rest) = keys.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_table()?, rest) }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).take(500).collect()
}

/// `^1.2` and `1.2` become what pip understands.
fn poetry_requirement(name: &str, version: &str) -> String {
    let first = version.split(',').next().unwrap_or_default().trim();
    match first.strip_prefix(['^', '~']) {
        Some(least) if clean(least).is_some() => format!("{name}>={}", least.trim_start_matches('=')),
        None if first.starts_with(['=', '<', '>', '!']) => format!("{name}{}", version.replace(' ', "")),
        _ => name.to_owned(),
    }
}

/// Returns the string literals of the list that follows a name.
fn list_after(text: &str, name: &str) -> Vec<String> {
    let Some(at) = text.find(name) else { return Vec::new() };
    let rest = text[at + name.len()..].trim_start().trim_start_matches('=').trim_start();
    let Some(rest) = rest.strip_prefix(['[', '(']) else { return Vec::new() };
    let end = rest.find([']', ')']).unwrap_or(0);
    quoted(&rest[..end])
}

/// Returns the string literals that a colon follows.
fn keys_of(text: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = if rest[start..].starts_with('"') { '"' } else { '\'' };
        let inner = &rest[start + 1..];
        let Some(end) = inner.find(quote) else { break };
        rest = &inner[end + 1..];
        if rest.trim_start().starts_with(':') && super::is_name(&inner[..end]) && keys.len() < 100 {
            keys.push(inner[..end].to_owned());
        }
    }
    keys
}

fn string_after(text: &str, name: &str) -> Option<String> {
    let at = text.find(name)?;
    let rest = text[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|char| matches!(char, '"' | '\''))?;
    rest[1..].split(quote).next().map(str::to_owned)
}

/// Returns the string literals of a piece of Python, comments apart.
pub(super) fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    for line in lines {
        let mut rest = line;
        while let Some(start) = rest.find(['"', '\'']) {
            let quote = if rest[start..].starts_with('"') { '"' } else { '\'' };
            let inner = &rest[start + 1..];
            let Some(end) = inner.find(quote) else { break };
            found.push(inner[..end].to_owned());
            rest = &inner[end + 1..];
            if found.len() > 2000 {
                return found;
            }
        }
    }
    found
}
