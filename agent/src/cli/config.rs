//! `patchwright config`: shows, checks and describes the daemon's settings.

use super::exit::{self, Ending, Failure};
use super::serve::SettingsFile;
use crate::config::secret::AppSecrets;
use crate::config::{Config, REFERENCE};

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Prints the settings that hold; secrets are not among them.
    Show {
        #[command(flatten)]
        settings: SettingsFile,
        /// Print the commented reference with all defaults instead.
        #[arg(long)]
        reference: bool,
    },
    /// Checks the settings and that the secrets can be read.
    Check {
        #[command(flatten)]
        settings: SettingsFile,
    },
    /// Prints the JSON Schema of the settings file.
    Schema,
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    match &args.verb {
        Verb::Show { reference: true, .. } => exit::print(REFERENCE.as_bytes())?,
        Verb::Show { settings, .. } => exit::print(settings.load()?.config.to_toml().as_bytes())?,
        Verb::Check { settings } => check(settings)?,
        Verb::Schema => exit::print(format!("{:#}\n", Config::schema().to_value()).as_bytes())?,
    }
    Ok(Ending::Done)
}

fn check(settings: &SettingsFile) -> Result<(), Failure> {
    let loaded = settings.load()?;
    let secrets = AppSecrets::read(&loaded.config.github, &loaded.environment)?;
    loaded.password()?;
    for warning in secrets.warnings() {
        exit::talk(&format!("warning: {warning}"));
    }
    let from = loaded.file.map_or_else(|| "the defaults".to_owned(), |file| format!("`{}`", file.display()));
    exit::talk(&format!("settings from {from} are good"));
    Ok(())
}
