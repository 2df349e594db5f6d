//! Secrets: from a file that nobody else can read, or from the environment; never from the settings, never in any text of ours.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, GitHub, PREFIX};

/// The largest secret that is read: a key of 16,384 bits in PEM is 13 kB.
const MAX_BYTES: u64 = 64 << 10;

/// A secret and what should be said about how it is kept.
#[derive(Clone)]
pub struct Secret {
    /// The secret, without white space around it.
    pub value: SecretString,
    /// A warning for the operator, such as a file that everybody can read.
    pub warning: Option<String>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("warning", &self.warning).finish_non_exhaustive()
    }
}

/// Where one secret may come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What it is, for people.
    pub what: &'a str,
    /// The setting that names its file, for people.
    pub key: &'a str,
    /// The file; empty where none is named.
    pub file: &'a Path,
    /// The variable that may hold it instead, without the prefix.
    pub variable: &'a str,
}

impl Source<'_> {
    /// Reads the secret; `None` where neither a file nor a variable is set.
    ///
    /// # Errors
    /// [`ConfigError::Secret`] where both are set, or what is set is empty, unreadable or too large.
    pub fn read(&self, environment: &[(String, String)]) -> Result<Option<Secret>, ConfigError> {
        let name = format!("{PREFIX}{}", self.variable);
        let held = environment.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str());
        match (self.file.as_os_str().is_empty(), held) {
            (true, None) => Ok(None),
            (false, Some(_)) => Err(secret(format!(
                "{} is given twice: by the setting `{}` and the variable {name}; keep one",
                self.what, self.key
            ))),
            (true, Some(value)) => self.checked(value, None, &format!("the variable {name}")).map(Some),
            (false, None) => self.read_file().map(Some),
        }
    }

    /// Reads the secret, which must be there.
    ///
    /// # Errors
    /// As [`Source::read`], and where neither a file nor a variable is set.
    pub fn require(&self, environment: &[(String, String)]) -> Result<Secret, ConfigError> {
        let missing = || {
            secret(format!(
                "{} is missing: set `{}` to a file that holds it, or the variable {PREFIX}{}",
                self.what, self.key, self.variable
            ))
        };
        self.read(environment)?.ok_or_else(missing)
    }

    fn read_file(&self) -> Result<Secret, ConfigError> {
        let failed = |error: std::io::Error| {
            secret(format!(
                "failed to read {} from `{}` (setting `{}`): {error}",
                self.what,
                self.file.display(),
                self.key
            ))
        };
        let about = std::fs::metadata(self.file).map_err(failed)?;
        if about.len() > MAX_BYTES {
            return Err(secret(format!(
                "`{}` (setting `{}`) is too large for {}",
                self.file.display(),
                self.key,
                self.what
            )));
        }
        let text = std::fs::read_to_string(self.file).map_err(failed)?;
        let open = about.permissions().mode() & 0o077 != 0;
        let warning =
            open.then(|| format!("others can read `{}`, which holds {}: chmod 600 it", self.file.display(), self.what));
        self.checked(&text, warning, &format!("`{}`", self.file.display()))
    }

    fn checked(&self, text: &str, warning: Option<String>, origin: &str) -> Result<Secret, ConfigError> {
        let value = text.trim();
        if value.is_empty() {
            return Err(secret(format!("{origin} is empty, but should hold {}", self.what)));
        }
        Ok(Secret { value: SecretString::from(value.to_owned()), warning })
    }
}

/// The secrets of the App.
#[derive(Clone, Debug)]
pub struct AppSecrets {
    /// The private key, in PEM.
    pub private_key: Secret,
    /// The webhook secrets that are accepted: the valid one, and the one before it while it is being changed. Empty when polling.
    pub webhook: Vec<Secret>,
}

impl AppSecrets {
    /// Reads what the App needs. A daemon that receives webhooks must have a secret: without one anybody could give it work.
    ///
    /// # Errors
    /// [`ConfigError::Secret`].
    pub fn read(github: &GitHub, environment: &[(String, String)]) -> Result<AppSecrets, ConfigError> {
        let private_key = Source {
            what: "the App's private key",
            key: "github.private_key_file",
            file: &github.private_key_file,
            variable: "GITHUB__PRIVATE_KEY",
        };
        Ok(AppSecrets { private_key: private_key.require(environment)?, webhook: webhook(github, environment)? })
    }

    /// Returns all warnings about how the secrets are kept.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.private_key).chain(&self.webhook).filter_map(|secret| secret.warning.as_deref())
    }

    /// Returns the texts that must never be seen anywhere: what the output gate looks for.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.private_key).chain(&self.webhook).map(|secret| secret.value.expose_secret())
    }
}

fn webhook(github: &GitHub, environment: &[(String, String)]) -> Result<Vec<Secret>, ConfigError> {
    let current = Source {
        what: "the webhook secret",
        key: "github.webhook_secret_file",
        file: &github.webhook_secret_file,
        variable: "GITHUB__WEBHOOK_SECRET",
    };
    let previous = Source {
        what: "the previous webhook secret",
        key: "github.previous_webhook_secret_file",
        file: &github.previous_webhook_secret_file,
        variable: "GITHUB__PREVIOUS_WEBHOOK_SECRET",
    };
    let current = match github.intake {
        super::Intake::Webhook => Some(current.require(environment)?),
        super::Intake::Polling => current.read(environment)?,
    };
    Ok(current.into_iter().chain(previous.read(environment)?).collect())
}

/// Reads the database's password, where one is set.
///
/// # Errors
/// [`ConfigError::Secret`].
pub fn database_password(file: &Path, environment: &[(String, String)]) -> Result<Option<Secret>, ConfigError> {
    let source =
        Source { what: "the database's password", key: "store.password_file", file, variable: "STORE__PASSWORD" };
    source.read(environment)
}

/// Returns the file a setting names, taken from the folder of the settings file where it is relative.
pub fn beside(settings: Option<&Path>, file: &Path) -> PathBuf {
    match settings.and_then(Path::parent) {
        Some(folder) if !file.as_os_str().is_empty() && file.is_relative() => folder.join(file),
        _ => file.to_owned(),
    }
}

fn secret(problem: String) -> ConfigError {
    ConfigError::Secret { problem }
}
