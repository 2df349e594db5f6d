//! The daemon's settings: one embedded reference, the operator's file over it, environment variables over both.
//!
//! What is unknown or of the wrong type is an error that names the line; nothing starts with half of its settings. Secrets are read from
//! files or the environment only ([`secret`]). What a repository may set for itself is in [`repository`], and can only narrow.

mod layer;
pub mod repository;
pub mod secret;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The commented reference, with every key.
pub const REFERENCE: &str = include_str!("config/default.toml");
/// What the names of environment variables begin with.
pub const PREFIX: &str = "PATCHWRIGHT_";
/// The largest settings file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("failed to read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is far larger than settings are.
    #[error("`{}` is larger than {} kB: it cannot be a settings file", path.display(), MAX_BYTES >> 10)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A key or its value is wrong.
    #[error("{origin}: {problem}")]
    Invalid {
        /// The file with the line, or the variable.
        origin: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A secret is missing or given in an unsafe way.
    #[error("{problem}")]
    Secret {
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// All settings; the keys are explained in [`REFERENCE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key has its sentence in the reference, which is what people read")]
pub struct Config {
    pub server: Server,
    pub github: GitHub,
    pub store: Store,
    pub sandbox: Sandbox,
    pub search: Search,
    pub limits: Limits,
    pub budgets: Budgets,
    pub policy: Policy,
    pub log: Log,
}

/// How the daemon is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Server {
    pub listen: std::net::SocketAddr,
    pub admin_listen: std::net::SocketAddr,
    pub webhook_path: String,
    pub max_body_bytes: usize,
    pub request_seconds: u64,
    pub stop_seconds: u64,
    pub public_url: String,
    pub state_dir: PathBuf,
}

/// The App and its server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct GitHub {
    pub app_id: u64,
    pub slug: String,
    pub private_key_file: PathBuf,
    pub webhook_secret_file: PathBuf,
    pub previous_webhook_secret_file: PathBuf,
    pub url: String,
    pub api_url: String,
    pub graphql_url: String,
    pub proxy: String,
    pub ca_file: PathBuf,
    pub intake: Intake,
    pub poll_seconds: u64,
    pub sweep_minutes: u64,
}

/// How wishes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Intake {
    /// GitHub calls us.
    Webhook,
    /// We ask GitHub.
    Polling,
}

/// Where jobs are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Store {
    pub url: String,
    pub password_file: PathBuf,
    pub keep_days: u32,
}

/// Where code runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Sandbox {
    pub backend: SandboxChoice,
    pub runtime: String,
    pub cgroup_parent: String,
}

/// Which backend runs code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxChoice {
    /// Docker where an engine answers, else processes.
    Auto,
    /// Containers.
    Docker,
    /// Confined processes of this machine.
    Process,
}

/// How long and how widely a job searches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Search {
    pub seconds: u64,
    pub evaluations: u64,
    pub parallel: u32,
    pub seed: u64,
}

/// How much happens at once and in a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Limits {
    pub jobs: u32,
    pub jobs_per_repository: u32,
    pub jobs_per_installation: u32,
    pub jobs_per_issue_per_day: u32,
    pub failures_in_a_row: u32,
    pub open_pull_requests: u32,
    pub pull_requests_per_day: u32,
    pub attempts: u32,
    pub lease_seconds: u64,
    pub free_disk_gb: u64,
}

/// What may be spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Budgets {
    pub usd_per_job: f64,
    pub usd_per_repository_per_day: f64,
    pub usd_per_installation_per_day: f64,
    pub sandbox_hours_per_job: f64,
    pub sandbox_hours_per_installation_per_day: f64,
}

/// What is done for whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Policy {
    pub triggers: Vec<Trigger>,
    pub label: String,
    pub skip_labels: Vec<String>,
    pub skip_assigned: bool,
    pub forks: bool,
    pub draft: bool,
    pub without_fix: WithoutFix,
    pub confidence: f64,
    pub allowed_bots: Vec<String>,
    pub follow_up: bool,
    pub review_seconds: u64,
    pub progress_seconds: u64,
    pub progress_edits: u32,
}

/// What starts a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A label that a permitted person sets.
    Label,
    /// A command in a comment.
    Command,
    /// Every new issue.
    EveryIssue,
}

/// What is said where no fix was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutFix {
    /// A short diagnosis.
    Comment,
    /// Nothing.
    Silent,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "explained in the reference")]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads the operator's file, where there is one, and the environment over the reference.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(file: Option<&Path>, environment: &[(String, String)]) -> Result<Config, ConfigError> {
        let mut layers = layer::Layers::reference()?;
        if let Some(path) = file {
            layers.lay_file(&path.display().to_string(), &read(path)?)?;
        }
        layers.lay_environment(environment)?;
        let config = layers.finish()?;
        config.check()?;
        Ok(config)
    }

    /// Returns the files that settings name, which are relative to the settings file.
    pub fn files_mut(&mut self) -> [&mut PathBuf; 5] {
        let github = &mut self.github;
        [
            &mut github.private_key_file,
            &mut github.webhook_secret_file,
            &mut github.previous_webhook_secret_file,
            &mut github.ca_file,
            &mut self.store.password_file,
        ]
    }

    /// Returns the settings as TOML.
    pub fn to_toml(&self) -> String {
        // A plain tree of numbers, words and lists can always be written.
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// Returns the JSON Schema of a settings file.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Config)
    }

    /// Checks what types cannot say.
    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key: &str, problem: &str| {
            Err(ConfigError::Invalid { origin: format!("setting `{key}`"), problem: problem.to_owned() })
        };
        if !self.server.webhook_path.starts_with('/') || self.server.webhook_path.contains("//") {
            return refuse("server.webhook_path", "a path begins with one `/`");
        }
        if github::BotName::new(&self.github.slug).is_none() {
            return refuse("github.slug", "an App's name in addresses has letters, digits and single hyphens");
        }
        for (key, url) in [
            ("github.url", &self.github.url),
            ("github.api_url", &self.github.api_url),
            ("github.graphql_url", &self.github.graphql_url),
        ] {
            if !url.is_empty() && !is_http(url) {
                return refuse(key, "expected an address that begins with https:// (or http://, on loopback)");
            }
        }
        if !(0.0..=1.0).contains(&self.policy.confidence) {
            return refuse("policy.confidence", "a probability lies between 0 and 1");
        }
        let amounts = [
            ("budgets.usd_per_job", self.budgets.usd_per_job),
            ("budgets.usd_per_repository_per_day", self.budgets.usd_per_repository_per_day),
            ("budgets.usd_per_installation_per_day", self.budgets.usd_per_installation_per_day),
            ("budgets.sandbox_hours_per_job", self.budgets.sandbox_hours_per_job),
            ("budgets.sandbox_hours_per_installation_per_day", self.budgets.sandbox_hours_per_installation_per_day),
        ];
        for (key, amount) in amounts {
            if !amount.is_finite() || amount < 0.0 {
                return refuse(key, "an amount is a number that is not below zero");
            }
        }
        let counts = [
            ("limits.jobs", u64::from(self.limits.jobs)),
            ("limits.jobs_per_repository", u64::from(self.limits.jobs_per_repository)),
            ("limits.jobs_per_installation", u64::from(self.limits.jobs_per_installation)),
            ("limits.attempts", u64::from(self.limits.attempts)),
            ("limits.lease_seconds", self.limits.lease_seconds),
            ("server.request_seconds", self.server.request_seconds),
            ("github.poll_seconds", self.github.poll_seconds),
            ("github.sweep_minutes", self.github.sweep_minutes),
            ("search.seconds", self.search.seconds),
            ("search.evaluations", self.search.evaluations),
        ];
        for (key, count) in counts {
            if count == 0 {
                return refuse(key, "must be at least 1");
            }
        }
        Ok(())
    }
}

/// Returns the environment's variables that are settings, sorted by name.
pub fn environment() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> =
        std::env::vars().filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__")).collect();
    found.sort();
    found
}

/// Returns the folder for state where none is set: the user's, by the XDG base directory specification.
pub fn default_state_dir() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = named("XDG_STATE_HOME").or_else(|| named("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("patchwright")
}

fn is_http(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    match scheme {
        "https" => !host.is_empty() && !host.contains('@'),
        "http" => {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        }
        _ => false,
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    std::fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests;
