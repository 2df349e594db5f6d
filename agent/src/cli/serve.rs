//! `patchwright serve`: the daemon.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::exit::{Ending, Failure, talk};
use crate::config::secret::{self, AppSecrets, Secret};
use crate::config::{self, Config, ConfigError};
use crate::daemon::state_dir::StateDirError;
use crate::daemon::{Daemon, DaemonError, log};
use crate::publish::secrets::Secrets;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) settings: SettingsFile,
}

/// Where settings are read from.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SettingsFile {
    /// The settings [default: patchwright.toml in this folder, where there is one].
    #[arg(long, value_name = "FILE", env = "PATCHWRIGHT_CONFIG")]
    config: Option<PathBuf>,
}

/// Settings with what else was read with them.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) file: Option<PathBuf>,
    pub(super) environment: Vec<(String, String)>,
}

impl SettingsFile {
    /// Reads the settings.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let here = Path::new("patchwright.toml");
        let file = self.config.clone().or_else(|| here.is_file().then(|| here.to_owned()));
        let environment = config::environment();
        let mut config = Config::load(file.as_deref(), &environment)?;
        for path in config.files_mut() {
            *path = secret::beside(file.as_deref(), path);
        }
        Ok(Loaded { config, file, environment })
    }
}

impl Loaded {
    /// Reads the database's password.
    pub(super) fn password(&self) -> Result<Option<Secret>, Failure> {
        Ok(secret::database_password(&self.config.store.password_file, &self.environment)?)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let ending = match &error {
            ConfigError::Secret { .. } => Ending::Unsafe,
            ConfigError::Read { .. } | ConfigError::TooLarge { .. } | ConfigError::Invalid { .. } => Ending::Usage,
        };
        Failure { ending, message: error.to_string() }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Failure {
        let ending = match &error {
            DaemonError::Secret(_)
            | DaemonError::StateDir(
                StateDirError::Link { .. } | StateDirError::Foreign { .. } | StateDirError::Network { .. },
            ) => Ending::Unsafe,
            DaemonError::StateDir(_) | DaemonError::Url(_) | DaemonError::Listen { .. } => Ending::Usage,
            DaemonError::Store(_) | DaemonError::Figures(_) | DaemonError::Part { .. } => Ending::Unexpected,
        };
        Failure { ending, message: super::exit::with_causes(&error) }
    }
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> Result<Ending, Failure> {
    let loaded = args.settings.load()?;
    let secrets = AppSecrets::read(&loaded.config.github, &loaded.environment)?;
    let password = loaded.password()?;
    log::start(&loaded.config.log, Secrets::new(secrets.values()))
        .map_err(|error| Failure::usage(error.to_string()))?;
    for warning in secrets.warnings() {
        talk(&format!("warning: {warning}"));
    }
    let daemon = Daemon::start(&loaded.config, &secrets, password.as_ref()).await?;
    match daemon.webhook {
        Some(address) => talk(&format!("webhooks at http://{address}{}", loaded.config.server.webhook_path)),
        None => talk("webhooks are off: GitHub is asked instead"),
    }
    talk(&format!("health and metrics at http://{}", daemon.admin));
    daemon.run(stop).await?;
    Ok(Ending::Done)
}
