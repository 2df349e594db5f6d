//! tox's configuration in tables: `tox.toml`, and `[tool.tox]` of `pyproject.toml`.

use toml::Value;

use super::substitute::{Known, expanded};
use super::{Config, Environment, MOST_ENVIRONMENTS};

/// Deepest values inside of values.
const MOST_DEPTH: usize = 8;

/// A file in that form.
pub(super) struct Tables {
    root: Value,
}

impl Tables {
    pub(super) fn new(root: Value) -> Self {
        Self { root }
    }

    /// An environment's key: its own, or that of all environments.
    fn value(&self, name: &str, keys: &[&str]) -> Option<&Value> {
        let own = self.root.get("env").and_then(|env| env.get(name));
        let tables = own.into_iter().chain(self.root.get("env_run_base"));
        tables.flat_map(|table| keys.iter().filter_map(|key| table.get(key))).next()
    }

    /// The words of a list, in which tables stand for words that are put in.
    fn words(&self, value: &Value, known: &Known<'_>, depth: usize) -> Result<Vec<String>, String> {
        if depth > MOST_DEPTH {
            return Err("values refer to one another without end".to_owned());
        }
        match value {
            Value::String(text) => Ok(vec![known.substituted(text)?]),
            Value::Array(items) => {
                let words = items.iter().map(|item| self.words(item, known, depth + 1));
                Ok(words.collect::<Result<Vec<_>, _>>()?.concat())
            }
            Value::Table(table) => match table.get("replace").and_then(Value::as_str) {
                Some("posargs") if !known.posargs.is_empty() => Ok(known.posargs.to_vec()),
                Some("posargs") => match table.get("default") {
                    Some(default) => self.words(default, known, depth + 1),
                    None => Ok(Vec::new()),
                },
                Some("env") => {
                    let name = table.get("name").and_then(Value::as_str).unwrap_or_default();
                    match (known.env.iter().find(|(known, _)| known == name), table.get("default")) {
                        (Some((_, value)), _) => Ok(vec![value.clone()]),
                        (None, Some(default)) => self.words(default, known, depth + 1),
                        (None, None) => Ok(vec![String::new()]),
                    }
                }
                Some("ref") => self.words(self.referred(table, known.name)?, known, depth + 1),
                _ => Err("what a table stands for shows only when tox runs".to_owned()),
            },
            other => Ok(vec![other.to_string()]),
        }
    }

    /// `{ replace = "ref", of = ["env_run_base", "commands"] }` and `{ replace = "ref", env = "x", key = "commands" }`.
    fn referred(&self, table: &toml::Table, name: &str) -> Result<&Value, String> {
        let missing = || "a table refers to nothing".to_owned();
        if let Some(path) = table.get("of").and_then(Value::as_array) {
            let mut value = &self.root;
            for part in path {
                value = value.get(part.as_str().ok_or_else(missing)?).ok_or_else(missing)?;
            }
            return Ok(value);
        }
        let of = table.get("env").and_then(Value::as_str).unwrap_or(name);
        let key = table.get("key").and_then(Value::as_str).ok_or_else(missing)?;
        self.value(of, &[key]).ok_or_else(missing)
    }

    fn commands(&self, value: &Value, known: &Known<'_>, depth: usize) -> Result<Vec<Vec<String>>, String> {
        let Value::Array(items) = value else { return Err("`commands` is no list".to_owned()) };
        let mut commands = Vec::new();
        for item in items {
            let refers = item.get("replace").and_then(Value::as_str) == Some("ref");
            match item {
                Value::Table(table) if refers && depth <= MOST_DEPTH => {
                    commands.extend(self.commands(self.referred(table, known.name)?, known, depth + 1)?);
                }
                _ => commands.push(self.words(item, known, 0)?),
            }
        }
        Ok(commands)
    }
}

impl Config for Tables {
    fn default_environments(&self) -> Vec<String> {
        let Some(Value::Array(items)) = self.root.get("env_list") else { return vec!["py".to_owned()] };
        let names = items.iter().flat_map(|item| match item {
            Value::String(name) => expanded(name, MOST_ENVIRONMENTS),
            Value::Table(table) => product(table.get("product")),
            _ => Vec::new(),
        });
        names.take(MOST_ENVIRONMENTS).collect()
    }

    fn environment(&self, name: &str, posargs: &[String]) -> Result<Environment, String> {
        let refer = |_: Option<&str>, key: &str| match self.value(name, &[key]) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        let plain = Known { name, posargs, root: String::new(), env: &[], refer: &refer };
        let folder = self.value(name, &["change_dir", "changedir"]).and_then(Value::as_str).unwrap_or_default();
        let (cwd, root) = place(&plain.substituted(folder)?)?;
        let there = Known { root, ..plain };
        let mut env = Vec::new();
        if let Some(Value::Table(table)) = self.value(name, &["set_env", "setenv"]) {
            for (name, value) in table.iter().filter(|(name, _)| *name != "file") {
                env.push((name.clone(), self.words(value, &there, 0)?.join(" ")));
            }
        }
        let known = Known { env: &env, ..there };
        let commands = match self.value(name, &["commands"]) {
            Some(value) => self.commands(value, &known, 0)?,
            None => Vec::new(),
        };
        let own = |mut words: Vec<String>| {
            if matches!(words.first().map(String::as_str), Some("-" | "!" | "@")) {
                words.remove(0);
            }
            words.iter().map(|word| word.replace("{bin}/", "")).collect()
        };
        let commands = commands.into_iter().map(own).collect();
        Ok(Environment { name: name.to_owned(), env, cwd, commands })
    }
}

/// `{ product = [["a", "b"], ["c"]] }` is `a-c` and `b-c`.
fn product(value: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(groups)) = value else { return Vec::new() };
    let mut names = vec![String::new()];
    for group in groups {
        let Value::Array(choices) = group else { return Vec::new() };
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        let join =
            |name: &String, choice: &str| if name.is_empty() { choice.to_owned() } else { format!("{name}-{choice}") };
        names = names.iter().flat_map(|name| choices.iter().map(move |choice| join(name, choice))).collect();
        names.truncate(MOST_ENVIRONMENTS);
    }
    names
}

/// The directory of the commands, relative to the configuration's, and the way back.
pub(super) fn place(folder: &str) -> Result<(String, String), String> {
    let cwd = super::join("", folder)?;
    let depth = if cwd.is_empty() { 0 } else { cwd.split('/').count() };
    Ok((cwd, vec![".."; depth].join("/")))
}
