//! What a repository sets for itself in `.github/patchwright.toml` of its default branch, under `[policy]`.
//!
//! It can narrow what the operator allows and never widen it: limits take the smaller number, lists of paths to leave alone grow, what is
//! switched off stays off. What is unknown is a warning, what is of the wrong type refuses the whole file, since half a policy is none.
//! How the repository is built and tested stands in the same file and is read by `sandbox::environment`.

use serde::Deserialize;

use super::{Budgets, Config, Limits, Policy, Trigger, WithoutFix};

/// The file, read from the default branch only.
pub const FILE: &str = ".github/patchwright.toml";
/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// A repository's own wishes, as written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Wishes {
    /// `false` leaves the repository alone.
    pub enabled: Option<bool>,
    /// What starts a job.
    pub triggers: Option<Vec<Trigger>>,
    /// Logins that may give commands; all others are refused, whatever their permission.
    pub allowed_users: Option<Vec<String>>,
    /// Further labels of issues that are left alone.
    pub skip_labels: Vec<String>,
    /// The branch to start from and to open pull requests against.
    pub base_branch: Option<String>,
    /// `true` opens drafts.
    pub draft: Option<bool>,
    /// `"silent"` says nothing where no fix was found.
    pub without_fix: Option<WithoutFix>,
    /// Dollars for models in one job.
    pub max_usd: Option<f64>,
    /// Minutes a job may search.
    pub max_minutes: Option<u64>,
    /// Open pull requests.
    pub max_open_prs: Option<u32>,
    /// New pull requests in 24 hours.
    pub prs_per_day: Option<u32>,
    /// Paths (globs) that are never changed.
    pub deny_paths: Vec<String>,
    /// Answers to reviews and failing checks.
    pub follow_up: Option<bool>,
}

/// What holds for one repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Whether anything is done at all.
    pub enabled: bool,
    /// Logins that may give commands; `None` leaves it to their permission.
    pub allowed_users: Option<Vec<String>>,
    /// The branch to start from; `None` is the default branch.
    pub base_branch: Option<String>,
    /// Paths (globs) that are never changed.
    pub deny_paths: Vec<String>,
    /// Seconds a job may search.
    pub search_seconds: u64,
    /// Limits.
    pub limits: Limits,
    /// Budgets.
    pub budgets: Budgets,
    /// Policy.
    pub policy: Policy,
    /// Keys of the file that mean nothing.
    pub warnings: Vec<String>,
}

/// Why a repository's file cannot be used; people of the repository have to act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{FILE}` cannot be used: {problem}")]
pub struct RulesError {
    /// What is wrong, and where.
    pub problem: String,
}

impl Rules {
    /// Returns what holds where a repository says nothing.
    pub fn of(config: &Config) -> Rules {
        Rules {
            enabled: true,
            allowed_users: None,
            base_branch: None,
            deny_paths: Vec::new(),
            search_seconds: config.search.seconds,
            limits: config.limits.clone(),
            budgets: config.budgets.clone(),
            policy: config.policy.clone(),
            warnings: Vec::new(),
        }
    }

    /// Reads a repository's file and narrows what the operator allows by it.
    ///
    /// # Errors
    /// [`RulesError`] where the file is too large, no TOML, or has a value of the wrong type.
    pub fn narrowed(config: &Config, text: &str) -> Result<Rules, RulesError> {
        if text.len() > MAX_BYTES {
            return Err(RulesError { problem: format!("it is larger than {} kB", MAX_BYTES >> 10) });
        }
        let refuse = |error: &toml::de::Error| RulesError { problem: error.to_string().trim().to_owned() };
        let mut file: toml::Table = text.parse().map_err(|error| refuse(&error))?;
        let Some(section) = file.remove("policy") else { return Ok(Rules::of(config)) };
        let toml::Value::Table(section) = section else {
            return Err(RulesError { problem: "`policy` must be a table: write [policy]".to_owned() });
        };
        let warnings = unknown(&section);
        let wishes: Wishes = section.try_into().map_err(|error| refuse(&error))?;
        let mut rules = Rules::of(config);
        rules.narrow(wishes);
        rules.warnings = warnings;
        Ok(rules)
    }

    fn narrow(&mut self, wishes: Wishes) {
        self.enabled &= wishes.enabled.unwrap_or(true);
        if let Some(triggers) = wishes.triggers {
            self.policy.triggers.retain(|trigger| triggers.contains(trigger));
        }
        self.allowed_users = wishes.allowed_users;
        self.policy.skip_labels.extend(wishes.skip_labels);
        self.base_branch = wishes.base_branch;
        self.policy.draft |= wishes.draft.unwrap_or(false);
        if wishes.without_fix == Some(WithoutFix::Silent) {
            self.policy.without_fix = WithoutFix::Silent;
        }
        self.policy.follow_up &= wishes.follow_up.unwrap_or(true);
        self.deny_paths = wishes.deny_paths;
        if let Some(usd) = wishes.max_usd.filter(|usd| usd.is_finite()) {
            self.budgets.usd_per_job = self.budgets.usd_per_job.min(usd.max(0.0));
        }
        if let Some(minutes) = wishes.max_minutes {
            self.search_seconds = self.search_seconds.min(minutes.saturating_mul(60));
        }
        if let Some(open) = wishes.max_open_prs {
            self.limits.open_pull_requests = self.limits.open_pull_requests.min(open);
        }
        if let Some(daily) = wishes.prs_per_day {
            self.limits.pull_requests_per_day = self.limits.pull_requests_per_day.min(daily);
        }
    }
}

/// The keys that `Wishes` has.
const KEYS: [&str; 13] = [
    "allowed_users",
    "base_branch",
    "deny_paths",
    "draft",
    "enabled",
    "follow_up",
    "max_minutes",
    "max_open_prs",
    "max_usd",
    "prs_per_day",
    "skip_labels",
    "triggers",
    "without_fix",
];

fn unknown(section: &toml::Table) -> Vec<String> {
    let strange = section.keys().filter(|key| KEYS.binary_search(&key.as_str()).is_err());
    strange.map(|key| format!("`policy.{key}` in `{FILE}` means nothing")).collect()
}
