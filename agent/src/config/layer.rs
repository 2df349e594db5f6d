//! One layer of settings over another, where every key must exist below and every value must have the type of the one it replaces.

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::{Config, ConfigError, PREFIX, REFERENCE};

/// The ending of variables that hold a secret itself; those are read by [`super::secret`] and are no settings.
const SECRETS: [&str; 4] = ["PRIVATE_KEY", "WEBHOOK_SECRET", "PREVIOUS_WEBHOOK_SECRET", "PASSWORD"];

/// Settings under construction, and where each key that was set came from.
pub(super) struct Layers {
    table: Table,
    origins: Vec<(String, String)>,
}

impl Layers {
    /// Begins with the embedded reference.
    pub(super) fn reference() -> Result<Layers, ConfigError> {
        let table = REFERENCE.parse::<Table>().map_err(|error| invalid("the embedded reference", &error))?;
        Ok(Layers { table, origins: Vec::new() })
    }

    /// Lays a file over what is there.
    pub(super) fn lay_file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let parsed = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            ConfigError::Invalid { origin: format!("{name}:{line}"), problem: error.message().to_owned() }
        })?;
        for (section, values) in parsed.get_ref() {
            let at = |start: usize| format!("{name}:{}", line_of(text, start));
            let here = at(section.span().start);
            let DeValue::Table(values) = values.get_ref() else {
                return Err(unknown(here, section.get_ref(), &self.sections()));
            };
            for (key, value) in values {
                let here = at(key.span().start);
                let value = Value::deserialize(toml::de::ValueDeserializer::from(value.clone()))
                    .map_err(|error| invalid(&here, &error))?;
                self.set(section.get_ref(), key.get_ref(), value, here)?;
            }
            if self.table.get(section.get_ref().as_ref()).is_none() {
                return Err(unknown(here, section.get_ref(), &self.sections()));
            }
        }
        Ok(())
    }

    /// Lays environment variables over what is there: `PATCHWRIGHT_SECTION__KEY`.
    pub(super) fn lay_environment(&mut self, variables: &[(String, String)]) -> Result<(), ConfigError> {
        for (name, text) in variables {
            let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__")) else {
                continue;
            };
            if SECRETS.contains(&key) {
                continue;
            }
            let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
            let origin = format!("variable {name}");
            let old = self.table.get(&section).and_then(|values| values.get(&key));
            let value = read_as(text, old).ok_or_else(|| ConfigError::Invalid {
                origin: origin.clone(),
                problem: format!("`{text}` is no {}", old.map_or("value", Value::type_str)),
            })?;
            self.set(&section, &key, value, origin)?;
        }
        Ok(())
    }

    /// Returns the settings.
    pub(super) fn finish(self) -> Result<Config, ConfigError> {
        let origins = self.origins;
        self.table.try_into().map_err(|error: toml::de::Error| {
            let problem = error.to_string().trim().to_owned();
            let origin = origins.iter().rev().find(|(key, _)| problem.contains(&format!("`{key}`")));
            ConfigError::Invalid {
                origin: origin.map_or_else(|| "settings".to_owned(), |(_, origin)| origin.clone()),
                problem,
            }
        })
    }

    fn set(&mut self, section: &str, key: &str, value: Value, origin: String) -> Result<(), ConfigError> {
        let sections = self.sections();
        let Some(Value::Table(values)) = self.table.get_mut(section) else {
            return Err(unknown(origin, section, &sections));
        };
        let Some(old) = values.get(key) else {
            let keys: Vec<String> = values.keys().cloned().collect();
            return Err(unknown(origin, &format!("{section}.{key}"), &keys));
        };
        let value = match (old, value) {
            (Value::Float(_), Value::Integer(whole)) => Value::Float(whole as f64),
            (_, value) => value,
        };
        if !old.same_type(&value) {
            let problem = format!("`{section}.{key}` is {}, expected {}", value.type_str(), old.type_str());
            return Err(ConfigError::Invalid { origin, problem });
        }
        values.insert(key.to_owned(), value);
        self.origins.push((format!("{section}.{key}"), origin));
        Ok(())
    }

    fn sections(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }
}

/// Reads a variable's text as the type of the value it replaces.
fn read_as(text: &str, old: Option<&Value>) -> Option<Value> {
    Some(match old {
        Some(Value::Integer(_)) => Value::Integer(text.trim().parse().ok()?),
        Some(Value::Float(_)) => Value::Float(text.trim().parse().ok()?),
        Some(Value::Boolean(_)) => Value::Boolean(text.trim().parse().ok()?),
        Some(Value::Array(_)) => {
            Value::Array(text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Value::from).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

fn unknown(origin: String, key: &str, known: &[String]) -> ConfigError {
    let last = key.rsplit('.').next().unwrap_or(key);
    let near = known.iter().min_by_key(|name| strsim::levenshtein(name, last));
    let near = near.filter(|name| strsim::levenshtein(name, last) <= last.len() / 3);
    let hint = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    ConfigError::Invalid { origin, problem: format!("unknown setting `{key}`; {hint}") }
}

fn invalid(origin: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError::Invalid { origin: origin.to_owned(), problem: error.message().to_owned() }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
