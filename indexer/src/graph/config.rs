//! What files of configuration say about names: the aliases of `tsconfig.json`, the packages of `package.json`, the modules of `go.mod`, the
//! crates of `Cargo.toml`, the classes of `composer.json`. Broken ones say nothing.

mod composer;

use std::collections::BTreeMap;

use repo::RepoPath;
use serde_json::Value;

use crate::graph::config::composer::Composer;
use crate::graph::units::directory;

/// Larger files are no configuration of names.
const MAX_BYTES: usize = 1 << 18;
/// Nested conditions of `exports` are followed so deep.
const MAX_NESTING: u32 = 8;

/// What all files of configuration of a snapshot say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Project {
    scripts: BTreeMap<String, ScriptConfig>,
    packages: BTreeMap<String, Package>,
    /// Path of a Go module with its directory, the longest first.
    go: Vec<(String, String)>,
    crates: BTreeMap<String, String>,
    composers: BTreeMap<String, Composer>,
}

/// The aliases of a `tsconfig.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScriptConfig {
    base: Option<String>,
    /// A pattern with at most one `*`, and what it stands for, in order.
    paths: Vec<(String, Vec<String>)>,
}

/// The names of a `package.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    name: String,
    /// What is asked for within the package (`.`, `./x`, `./*`), and a file that answers.
    entries: Vec<(String, String)>,
}

impl Project {
    /// Returns whether a file of this name is read by [`Project::of`].
    pub(crate) fn reads(path: &RepoPath) -> bool {
        matches!(
            path.file_name(),
            b"tsconfig.json"
                | b"tsconfig.base.json"
                | b"jsconfig.json"
                | b"package.json"
                | b"go.mod"
                | b"Cargo.toml"
                | b"composer.json"
        )
    }

    /// Reads the files of configuration of a snapshot.
    pub(crate) fn of<'b>(files: impl IntoIterator<Item = (&'b RepoPath, &'b [u8])>) -> Project {
        let mut project = Project::default();
        for (path, bytes) in files {
            let text = std::str::from_utf8(bytes).ok().filter(|it| it.len() <= MAX_BYTES);
            let path = std::str::from_utf8(path.as_bytes()).ok();
            let (Some(text), Some(path)) = (text, path) else { continue };
            let folder = directory(path);
            // What others install is not what is worked on.
            if !path.split('/').any(|it| it == "node_modules") {
                project.read(path.rsplit('/').next().unwrap_or(path), folder, text);
            }
        }
        project.go.sort_by(|one, other| other.0.len().cmp(&one.0.len()).then_with(|| one.cmp(other)));
        project
    }

    fn read(&mut self, name: &str, folder: &str, text: &str) {
        match name {
            "package.json" => self.packages.extend(Package::read(text).map(|it| (folder.to_owned(), it))),
            "go.mod" => self.go.extend(go_module(text).map(|it| (it, folder.to_owned()))),
            "Cargo.toml" => self.crates.extend(crate_name(text).map(|it| (folder.to_owned(), it))),
            "composer.json" if !folder.split('/').any(|it| it == "vendor") => {
                self.composers.extend(Composer::read(text).map(|it| (folder.to_owned(), it)));
            }
            "composer.json" => {}
            _ => {
                let Some(config) = ScriptConfig::read(text) else { return };
                let known = self.scripts.entry(folder.to_owned()).or_default();
                known.base = known.base.take().or(config.base);
                known.paths.extend(config.paths);
            }
        }
    }

    /// Returns the paths of Go modules with their directories, the longest first.
    pub(super) fn go_modules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.go.iter().map(|it| (it.0.as_str(), it.1.as_str()))
    }

    /// Returns the name of the crate whose manifest stands in a directory.
    pub(super) fn crate_in(&self, folder: &str) -> Option<&str> {
        self.crates.get(folder).map(String::as_str)
    }

    /// Returns how surely a file is the one that a dotted name of PHP is loaded from: 2 where the name leads there, 1 where the file is
    /// among those listed, and 0 otherwise.
    pub(super) fn loads(&self, path: &str, name: &str) -> u8 {
        let inside = |folder: &str| match folder {
            "" => Some(path),
            _ => path.strip_prefix(folder)?.strip_prefix('/'),
        };
        let all = self.composers.iter().filter_map(|it| Some(it.1.loads(inside(it.0)?, name)));
        all.max().unwrap_or(0)
    }

    pub(super) fn package_in(&self, folder: &str) -> Option<&Package> {
        self.packages.get(folder)
    }

    /// Returns the package of this name with its directory.
    pub(super) fn package_named(&self, name: &str) -> Option<(&str, &Package)> {
        self.packages.iter().find(|it| it.1.name == name).map(|it| (it.0.as_str(), it.1))
    }

    pub(super) fn script_config_in(&self, folder: &str) -> Option<&ScriptConfig> {
        self.scripts.get(folder)
    }
}

impl ScriptConfig {
    fn read(text: &str) -> Option<ScriptConfig> {
        let value: Value = serde_json::from_str(&without_comments(text)).ok()?;
        let options = value.get("compilerOptions")?;
        let base = options.get("baseUrl").and_then(Value::as_str).map(str::to_owned);
        let strings =
            |it: &Value| it.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let paths = options.get("paths").and_then(Value::as_object).into_iter().flatten();
        Some(ScriptConfig { base, paths: paths.map(|(pattern, to)| (pattern.clone(), strings(to))).collect() })
    }

    /// Returns the paths, as seen from the configuration's directory, that a module may mean.
    pub(super) fn candidates(&self, module: &str) -> Vec<String> {
        let base = self.base.as_deref().unwrap_or(".");
        let mut all = Vec::new();
        for (pattern, targets) in &self.paths {
            let Some(star) = matched(pattern, module) else { continue };
            all.extend(targets.iter().map(|it| format!("{base}/{}", it.replacen('*', star, 1))));
        }
        all.extend(self.base.as_ref().map(|it| format!("{it}/{module}")));
        all
    }
}

/// Returns what the `*` of a pattern stands for in `text`; the empty text where there is none and both are equal.
fn matched<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    match pattern.split_once('*') {
        None => (pattern == text).then_some(""),
        Some((start, end)) => text.strip_prefix(start)?.strip_suffix(end),
    }
}

impl Package {
    fn read(text: &str) -> Option<Package> {
        let value: Value = serde_json::from_str(text).ok()?;
        let name = value.get("name")?.as_str()?.to_owned();
        let mut entries = Vec::new();
        match value.get("exports") {
            Some(Value::Object(exports)) if exports.keys().any(|it| it.starts_with('.')) => {
                exports.iter().for_each(|(key, it)| collect(key, it, &mut entries, 0));
            }
            Some(exports) => collect(".", exports, &mut entries, 0),
            None => {}
        }
        for key in ["source", "module", "main", "types", "typings"] {
            entries.extend(value.get(key).and_then(Value::as_str).map(|it| (".".to_owned(), it.to_owned())));
        }
        Some(Package { name, entries })
    }

    /// Returns the files, as seen from the package's directory, that answer to a path within it.
    pub(super) fn entries(&self, asked: &str) -> Vec<String> {
        let answer = |(key, file): &(String, String)| matched(key, asked).map(|star| file.replacen('*', star, 1));
        self.entries.iter().filter_map(answer).collect()
    }
}

/// Collects the files of one entry of `exports`, whatever their conditions.
fn collect(key: &str, value: &Value, entries: &mut Vec<(String, String)>, depth: u32) {
    match value {
        Value::String(file) => entries.push((key.to_owned(), file.clone())),
        Value::Object(conditions) if depth < MAX_NESTING => {
            conditions.values().for_each(|it| collect(key, it, entries, depth + 1));
        }
        Value::Array(all) if depth < MAX_NESTING => all.iter().for_each(|it| collect(key, it, entries, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {}
    }
}

/// Returns JSON without what only `tsconfig.json` may have: comments, and commas before a closing bracket.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let taken = match next {
            '"' => string_end(rest),
            '/' if rest.starts_with("//") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest.find("*/").map_or("", |it| &rest[it + 2..]);
                continue;
            }
            '}' | ']' => {
                let end = out.trim_end().trim_end_matches(',').len();
                if out.trim_end().ends_with(',') {
                    out.truncate(end);
                }
                1
            }
            other => other.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Returns the length of the string literal that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        match it {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn go_module(text: &str) -> Option<String> {
    let line = text.lines().find_map(|it| it.trim().strip_prefix("module "))?;
    let name = line.split("//").next()?.trim().trim_matches(['"', '`']);
    (!name.is_empty()).then(|| name.to_owned())
}

fn crate_name(text: &str) -> Option<String> {
    let value: toml::Table = text.parse().ok()?;
    let named = |table: &str| value.get(table)?.get("name")?.as_str().map(str::to_owned);
    named("package").map(|package| named("lib").unwrap_or(package))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> Project {
        let files: Vec<_> = files.iter().map(|it| (RepoPath::new(it.0).unwrap(), it.1.as_bytes())).collect();
        Project::of(files.iter().map(|it| (&it.0, it.1)))
    }

    #[test]
    fn aliases_stand_for_paths() {
        let text = r#"{ // aliases
            "compilerOptions": { "baseUrl": "./src", /* of ours */ "paths": { "@app/*": ["app/*", "generated/*"], "a//b": ["c",], }, },
        }"#;
        let project = project(&[("web/tsconfig.json", text)]);
        let config = project.script_config_in("web").unwrap();
        assert_eq!(config.candidates("@app/x/y"), ["./src/app/x/y", "./src/generated/x/y", "./src/@app/x/y"]);
        assert_eq!(config.candidates("a//b"), ["./src/c", "./src/a//b"]);
        assert!(project.script_config_in("").is_none());
    }

    #[test]
    fn packages_modules_and_crates_are_known_by_name() {
        let package = r#"{"name": "@x/y", "exports": {".": {"import": "./dist/i.mjs", "default": ["./dist/i.js"]}, "./f/*": "./dist/f/*.js"}}"#;
        let project = project(&[
            ("packages/y/package.json", package),
            ("node_modules/z/package.json", r#"{"name": "z"}"#),
            ("go.mod", "// a module\nmodule example.org/m // it\n"),
            ("sub/go.mod", "module \"example.org/m/sub\"\n"),
            ("core/Cargo.toml", "[package]\nname = \"my-core\"\n"),
            ("Cargo.toml", "[workspace]\n"),
            ("other/Cargo.toml", "[package]\nname = \"a\"\n[lib]\nname = \"b\"\n"),
        ]);
        let (folder, found) = project.package_named("@x/y").unwrap();
        assert_eq!(
            (folder, found.entries(".")),
            ("packages/y", vec!["./dist/i.js".to_owned(), "./dist/i.mjs".to_owned()])
        );
        assert_eq!(found.entries("./f/g"), ["./dist/f/g.js"]);
        assert!(project.package_named("z").is_none());
        let go: Vec<_> = project.go_modules().collect();
        assert_eq!(go, [("example.org/m/sub", "sub"), ("example.org/m", "")]);
        assert_eq!(
            [project.crate_in("core"), project.crate_in("other"), project.crate_in("")],
            [Some("my-core"), Some("b"), None]
        );
    }

    #[test]
    fn broken_configuration_says_nothing() {
        let broken = ["", "{", "[]", "{\"compilerOptions\": 3}", "{\"name\": 1}", "module", "/*", "\"", "{\"a\": \"\\"];
        for text in broken {
            for name in ["tsconfig.json", "package.json", "go.mod", "Cargo.toml", "composer.json"] {
                let project = project(&[(name, text)]);
                assert!(project.package_in("").is_none() && project.go_modules().next().is_none(), "{name}: {text}");
                assert_eq!(project.loads("a.php", "a"), 0, "{name}: {text}");
            }
        }
    }
}
