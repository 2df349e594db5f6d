//! tox's configuration in sections: `tox.ini`, `setup.cfg`, `legacy_tox_ini`.

use super::substitute::{Known, alternatives, expanded};
use super::{Config, Environment, MOST_ENVIRONMENTS};
use crate::format::ini;

/// A file in that form.
pub(super) struct Sections {
    text: String,
    /// The section of tox itself.
    core: &'static str,
}

/// Returns whether a file has a section.
pub(super) fn has(text: &str, section: &str) -> bool {
    text.lines().any(|line| line.trim().strip_prefix('[').and_then(|it| it.strip_suffix(']')) == Some(section))
}

impl Sections {
    pub(super) fn new(text: String, core: &'static str) -> Self {
        Self { text, core }
    }

    /// The raw text of an environment's key: its own, or that of the sections that it builds upon.
    fn raw(&self, name: &str, key: &str) -> Option<String> {
        let own = format!("testenv:{name}");
        let bases = ini::value(&self.text, &own, "base").unwrap_or_else(|| "testenv".to_owned());
        let sections = std::iter::once(own.as_str()).chain(bases.split([',', '\n']).map(str::trim));
        sections.filter_map(|section| ini::value(&self.text, section, key)).next()
    }

    /// The text of a key under any of its names, with the lines of other factors left out.
    fn text(&self, name: &str, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.raw(name, key)).map(|text| for_factors(&text, name))
    }

    fn variables(&self, name: &str, known: &Known<'_>) -> Result<Vec<(String, String)>, String> {
        let text = known.substituted(&self.text(name, &["setenv", "set_env"]).unwrap_or_default())?;
        // What is put in may have factors of its own.
        let text = for_factors(&text, name);
        let variables = text.lines().filter_map(|line| line.split_once('='));
        let variables = variables.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        Ok(variables.filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace)).collect())
    }
}

impl Config for Sections {
    fn default_environments(&self) -> Vec<String> {
        let text = ["env_list", "envlist"].iter().find_map(|key| ini::value(&self.text, self.core, key));
        let text = text.unwrap_or_else(|| "py".to_owned());
        let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default());
        let names = lines.flat_map(alternatives).flat_map(|name| expanded(name.trim(), MOST_ENVIRONMENTS));
        names.filter(|name| !name.is_empty()).take(MOST_ENVIRONMENTS).collect()
    }

    fn environment(&self, name: &str, posargs: &[String]) -> Result<Environment, String> {
        let refer = |section: Option<&str>, key: &str| match section {
            Some(section) => match section.strip_prefix("testenv:") {
                Some(other) => self.text(other, &[key]),
                None => ini::value(&self.text, section, key).map(|text| for_factors(&text, name)),
            },
            None => self.text(name, &[key]),
        };
        let plain = Known { name, posargs, root: String::new(), env: &[], refer: &refer };
        let folder = self.text(name, &["changedir", "change_dir"]);
        let folder = folder.map(|folder| plain.substituted(folder.trim())).transpose()?.unwrap_or_default();
        let (cwd, root) = super::tables::place(&folder)?;
        let there = Known { root, ..plain };
        let env = self.variables(name, &there)?;
        let known = Known { env: &env, ..there };
        let text = known.substituted(&self.text(name, &["commands"]).unwrap_or_default())?;
        let commands = lines(&for_factors(&text, name)).iter().filter_map(|line| words(line)).collect();
        Ok(Environment { name: name.to_owned(), env, cwd, commands })
    }
}

/// Leaves out lines that are meant for environments of other factors: `py38,py39: …`, `!windows: …`, `py{38,39}-django: …`.
fn for_factors(text: &str, name: &str) -> String {
    let factors: Vec<&str> = name.split('-').collect();
    let mut kept = Vec::new();
    let mut dropped_before = false;
    for line in text.lines() {
        // The rest of a line that was left out goes with it.
        let continues = kept.last().is_some_and(|last: &&str| last.ends_with('\\')) || dropped_before;
        let (condition, rest) = if continues { (None, line) } else { conditioned(line) };
        let applies = condition.is_none_or(|condition| {
            let parts = alternatives(condition).into_iter().flat_map(|part| expanded(part.trim(), MOST_ENVIRONMENTS));
            parts.into_iter().any(|part| fits(&part, &factors))
        });
        if applies && !dropped_before {
            kept.push(rest);
        }
        dropped_before = (!applies || dropped_before) && line.ends_with('\\');
    }
    kept.join("\n")
}

/// The factors in front of a line, and what they stand in front of.
fn conditioned(line: &str) -> (Option<&str>, &str) {
    let line = line.trim_start();
    let Some((condition, rest)) = line.split_once(':') else { return (None, line) };
    let plain = |char: char| char.is_ascii_alphanumeric() || " _.!{},-".contains(char);
    let is_one = (rest.is_empty() || rest.starts_with([' ', '\t'])) && condition.chars().all(plain);
    if is_one && !condition.is_empty() { (Some(condition), rest.trim()) } else { (None, line) }
}

fn fits(condition: &str, factors: &[&str]) -> bool {
    condition.split('-').all(|factor| match factor.strip_prefix('!') {
        Some(unwanted) => !factors.contains(&unwanted),
        None => factors.contains(&factor),
    })
}

/// Lines, where a backslash at the end of one continues it.
fn lines(text: &str) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let next = line.trim_end().strip_suffix('\\');
        let part = next.unwrap_or(line).trim();
        match whole.last_mut().filter(|_| continues) {
            Some(last) => {
                last.push(' ');
                last.push_str(part);
            }
            None => whole.push(part.to_owned()),
        }
        continues = next.is_some();
    }
    whole.retain(|line| !line.is_empty() && !line.starts_with('#'));
    whole
}

/// The words of a command, without the marks in front that say what its exit code means.
fn words(line: &str) -> Option<Vec<String>> {
    let line = line.trim_start_matches(['-', '!', '@', ' ']);
    let words = shell_words::split(line).ok()?.into_iter();
    let words: Vec<String> =
        words.take_while(|word| !word.starts_with('#')).map(|word| word.replace("{bin}/", "")).collect();
    (!words.is_empty()).then_some(words)
}
