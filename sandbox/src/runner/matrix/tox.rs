//! tox's configuration, of both its forms: sections of `tox.ini`, `setup.cfg` or `legacy_tox_ini`, and tables of `tox.toml` or
//! `pyproject.toml`. What it means is taken from tox 4's own reference of its configuration.

mod sections;
mod substitute;
mod tables;

use super::{Environment, Matrix};
use crate::runner::Files;

/// Most environments that are looked at.
const MOST_ENVIRONMENTS: usize = 200;

/// Options that take a value.
const VALUES: &[&str] = &[
    "-c",
    "--conf",
    "--workdir",
    "--root",
    "--runner",
    "--default-runner",
    "-x",
    "--override",
    "--result-json",
    "--installpkg",
    "--hashseed",
    "--discover",
    "--skip-env",
    "--force-dep",
    "--sitepackages",
    "-p",
    "--parallel",
];

/// What a command line asks for.
#[derive(Debug, Default)]
struct Call {
    config: Option<String>,
    environments: Vec<String>,
    posargs: Vec<String>,
}

impl Call {
    fn of(words: &[String]) -> Result<Self, String> {
        let mut call = Self::default();
        let mut words = words.iter();
        let mut first = true;
        while let Some(word) = words.next() {
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            match name {
                "--" => {
                    call.posargs = words.cloned().collect();
                    break;
                }
                "-e" | "--env" => {
                    let names = value.map(str::to_owned).or_else(|| words.next().cloned()).unwrap_or_default();
                    call.environments.extend(names.split(',').map(|name| name.trim().to_owned()));
                }
                "-c" | "--conf" => call.config = value.map(str::to_owned).or_else(|| words.next().cloned()),
                "-f" | "-m" => return Err(format!("tox is told which environments to run by `{name}`")),
                name if VALUES.contains(&name) => {
                    if value.is_none() {
                        words.next();
                    }
                }
                name if name.starts_with("-e") && !name.starts_with("--") => {
                    call.environments.extend(word[2..].split(',').map(str::to_owned));
                }
                name if name.starts_with('-') => {}
                "run" | "r" | "run-parallel" | "p" if first => {}
                name if first => return Err(format!("`tox {name}` runs no tests")),
                // Before tox 4, words without an option were for the tool.
                _ => call.posargs.push(word.clone()),
            }
            first = false;
        }
        Ok(call)
    }
}

/// Where an environment's settings come from.
trait Config {
    /// Returns the names of the environments that run where none is named.
    fn default_environments(&self) -> Vec<String>;

    /// Returns what an environment runs.
    ///
    /// # Errors
    /// With the reason why that cannot be told.
    fn environment(&self, name: &str, posargs: &[String]) -> Result<Environment, String>;
}

/// Reads what a command line of tox runs.
pub(super) fn read(
    words: &[String],
    assigned: &[(String, String)],
    folder: &str,
    files: &Files<'_>,
) -> Result<Matrix, String> {
    let call = Call::of(words)?;
    let (file, config) = find(call.config.as_deref(), folder, files)?;
    let by_variable = assigned.iter().filter(|(name, _)| name == "TOXENV").flat_map(|(_, names)| names.split(','));
    let mut names = call.environments.clone();
    if names.is_empty() {
        names = by_variable.map(|name| name.trim().to_owned()).collect();
    }
    if names.is_empty() || names == ["ALL"] {
        names = config.default_environments();
    }
    names.retain(|name| !name.is_empty());
    let root = file.rsplit_once('/').map_or("", |(root, _)| root).to_owned();
    let mut matrix = Matrix { file, ..Matrix::default() };
    for name in names.iter().take(MOST_ENVIRONMENTS) {
        match config.environment(name, &call.posargs) {
            Ok(mut environment) => {
                environment.cwd = join(&root, &environment.cwd)?;
                matrix.environments.push(environment);
            }
            Err(reason) => matrix.unknown.push(format!("the environment {name}: {reason}")),
        }
    }
    Ok(matrix)
}

/// The file that tox would take, and what is in it.
fn find(named: Option<&str>, folder: &str, files: &Files<'_>) -> Result<(String, Box<dyn Config>), String> {
    let candidates = match named {
        Some(name) => vec![name],
        None => vec!["tox.ini", "setup.cfg", "pyproject.toml", "tox.toml"],
    };
    for name in candidates {
        let path = join(folder, name)?;
        let Some(text) = files.text(&path) else { continue };
        let base = name.rsplit('/').next().unwrap_or(name);
        let broken = |error: toml::de::Error| format!("{path} is not valid: {}", error.message());
        let config: Box<dyn Config> = match base {
            "setup.cfg" if !sections::has(&text, "tox:tox") => continue,
            "setup.cfg" => Box::new(sections::Sections::new(text, "tox:tox")),
            "pyproject.toml" => {
                let table: toml::Table = toml::from_str(&text).map_err(broken)?;
                let Some(tool) = table.get("tool").and_then(|tool| tool.get("tox")) else { continue };
                match tool.get("legacy_tox_ini").and_then(toml::Value::as_str) {
                    Some(text) => Box::new(sections::Sections::new(text.to_owned(), "tox")),
                    None => Box::new(tables::Tables::new(tool.clone())),
                }
            }
            base if base.ends_with(".toml") => {
                Box::new(tables::Tables::new(toml::Value::Table(toml::from_str(&text).map_err(broken)?)))
            }
            _ => Box::new(sections::Sections::new(text, "tox")),
        };
        return Ok((path, config));
    }
    Err("there is no configuration of tox".to_owned())
}

/// A path below a folder of the workspace.
fn join(folder: &str, path: &str) -> Result<String, String> {
    let place = crate::format::place::Place { root: "/", cwd: folder };
    match path.trim_matches('/').trim_end_matches("/.") {
        "" | "." => Ok(folder.to_owned()),
        _ if path.starts_with('/') => Err(format!("{path} is outside of the workspace")),
        path => match place.inside(path) {
            Some(inside) => Ok(inside),
            // Up to the workspace itself.
            None if path.split('/').all(|part| part == "..")
                && path.split('/').count() == folder.split('/').count() =>
            {
                Ok(String::new())
            }
            None => Err(format!("{path} is outside of the workspace")),
        },
    }
}
