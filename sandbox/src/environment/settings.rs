//! `.github/patchwright.toml`: what a repository itself wants. Unknown keys are warnings, never errors.

use toml::{Table, Value};

use super::tree::{Tree, short};

pub(super) const FILE: &str = ".github/patchwright.toml";
const MOST_BYTES: usize = 64 << 10;

/// Keys that other parts of the program read from the same file.
const OF_OTHERS: &[&str] = &[
    "enabled",
    "trigger",
    "allowed_users",
    "allowed_teams",
    "base_branch",
    "draft",
    "max_cost_usd",
    "max_minutes",
    "max_open_prs",
    "prs_per_day",
    "paths",
    "test_edits",
    "language",
    "instructions",
];

/// What the file says about the environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) image: Option<String>,
    pub(super) setup: Option<Vec<String>>,
    pub(super) build: Option<Vec<String>>,
    pub(super) test: Option<String>,
    pub(super) timeout: Option<u64>,
    /// `none`: not even the setup may use a network.
    pub(super) offline: bool,
    pub(super) warnings: Vec<String>,
}

pub(super) fn read(tree: &Tree<'_>) -> Settings {
    let mut settings = Settings::default();
    let Some(text) = tree.text(FILE) else { return settings };
    let table: Table = match toml::from_str(&text) {
        _ if text.len() > MOST_BYTES => {
            settings.warn("is larger than 64 kB and was not read");
            return settings;
        }
        Ok(table) => table,
        Err(error) => {
            settings.warn(&format!("is no TOML and was not read: {}", short(error.message())));
            return settings;
        }
    };
    for (key, value) in &table {
        settings.take(key, value);
    }
    settings
}

impl Settings {
    fn warn(&mut self, text: &str) {
        self.warnings.push(format!("{FILE} {text}"));
    }

    fn take(&mut self, key: &str, value: &Value) {
        match (key, value) {
            ("image", Value::String(image)) if !image.trim().is_empty() => self.image = Some(image.trim().to_owned()),
            ("setup", value) if lines(value).is_some() => self.setup = lines(value),
            ("build", value) if lines(value).is_some() => self.build = lines(value),
            ("test", Value::String(command)) => self.test = Some(command.clone()),
            ("test", Value::Table(test)) => self.take_test(test),
            ("network", Value::String(wish)) if wish == "none" => self.offline = true,
            ("network", Value::String(wish)) if wish == "proxy" => {}
            ("image" | "setup" | "build" | "test" | "network", _) => {
                self.warn(&format!("has a value of the wrong kind for `{}`", short(key)));
            }
            (key, _) if OF_OTHERS.contains(&key) => {}
            (key, _) => self.warn(&format!("has an unknown key `{}`", short(key))),
        }
    }

    fn take_test(&mut self, test: &Table) {
        for (key, value) in test {
            match (key.as_str(), value) {
                ("command", Value::String(command)) => self.test = Some(command.clone()),
                ("timeout", Value::Integer(seconds)) if *seconds > 0 => self.timeout = u64::try_from(*seconds).ok(),
                ("command" | "timeout", _) => {
                    self.warn(&format!("has a value of the wrong kind for `test.{key}`"));
                }
                (key, _) => self.warn(&format!("has an unknown key `test.{}`", short(key))),
            }
        }
    }
}

/// One line, or a list of lines.
fn lines(value: &Value) -> Option<Vec<String>> {
    let lines: Vec<String> = match value {
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        _ => return None,
    };
    Some(lines.into_iter().filter(|line| !line.trim().is_empty()).take(64).collect())
}
