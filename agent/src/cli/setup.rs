//! What the operator says about the phase in which environments are made: options, each with a variable of the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::environment::SetupOptions;
use sandbox::environment::setup::{Mirrors, SetupLimits, SetupNetwork};

use super::exit::Failure;
use super::settings;

/// The largest bundle or settings file that is read.
const MOST_BYTES: u64 = 16 << 20;

/// How environments are made.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "How environments are made (the tests themselves never have a network)")]
pub(super) struct Setup {
    /// The network while packages are installed: bridge, host, none, or one of the engine's [default: bridge].
    #[arg(long = "network", value_name = "NET", env = "PATCHWRIGHT_SETUP__NETWORK", value_parser = SetupNetwork::parse)]
    network: Option<SetupNetwork>,
    /// The proxy for http addresses.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__HTTP_PROXY", hide_env_values = true)]
    http_proxy: Option<String>,
    /// The proxy for https addresses.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__HTTPS_PROXY", hide_env_values = true)]
    https_proxy: Option<String>,
    /// Names that are reached without a proxy.
    #[arg(long, value_name = "LIST", env = "PATCHWRIGHT_SETUP__NO_PROXY")]
    no_proxy: Option<String>,
    /// Certificates of a private authority, in PEM.
    #[arg(long, value_name = "FILE", env = "PATCHWRIGHT_SETUP__CA_BUNDLE")]
    ca_bundle: Option<PathBuf>,
    /// The index that pip asks.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__PIP_INDEX", hide_env_values = true)]
    pip_index: Option<String>,
    /// The registry that npm asks.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__NPM_REGISTRY", hide_env_values = true)]
    npm_registry: Option<String>,
    /// The registry that cargo asks instead of its usual one.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__CARGO_REGISTRY", hide_env_values = true)]
    cargo_registry: Option<String>,
    /// The proxy that Go asks for modules.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__GO_PROXY", hide_env_values = true)]
    go_proxy: Option<String>,
    /// A mirror of the images' distribution.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__APT_MIRROR", hide_env_values = true)]
    apt_mirror: Option<String>,
    /// A proxy for the distribution's packages only.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__APT_PROXY", hide_env_values = true)]
    apt_proxy: Option<String>,
    /// The mirror that Bundler asks.
    #[arg(long, value_name = "URL", env = "PATCHWRIGHT_SETUP__GEM_MIRROR", hide_env_values = true)]
    gem_mirror: Option<String>,
    /// Maven's settings.xml.
    #[arg(long, value_name = "FILE", env = "PATCHWRIGHT_SETUP__MAVEN_SETTINGS")]
    maven_settings: Option<PathBuf>,
    /// Longest time one step may take, in seconds [default: 1800].
    #[arg(long, value_name = "N", env = "PATCHWRIGHT_SETUP__SECONDS", value_parser = settings::seconds)]
    setup_seconds: Option<Duration>,
    /// Longest time one step may take without printing anything, in seconds [default: 600].
    #[arg(long, value_name = "N", env = "PATCHWRIGHT_SETUP__SILENCE", value_parser = settings::seconds)]
    setup_silence: Option<Duration>,
}

impl Setup {
    /// Resolves the options, reading the files that they name.
    pub(super) fn options(&self) -> Result<SetupOptions, Failure> {
        let usual = SetupLimits::default();
        let limits = SetupLimits {
            total: self.setup_seconds.unwrap_or(usual.total),
            silence: self.setup_silence.unwrap_or(usual.silence),
            ..usual
        };
        let mirrors = Mirrors {
            pip: self.pip_index.clone(),
            npm: self.npm_registry.clone(),
            cargo: self.cargo_registry.clone(),
            go: self.go_proxy.clone(),
            apt: self.apt_mirror.clone(),
            apt_proxy: self.apt_proxy.clone(),
            gems: self.gem_mirror.clone(),
            maven_settings: self.maven_settings.as_deref().map(read).transpose()?,
        };
        Ok(SetupOptions {
            network: self.network.clone().unwrap_or_default(),
            http_proxy: self.http_proxy.clone(),
            https_proxy: self.https_proxy.clone(),
            no_proxy: self.no_proxy.clone(),
            ca_bundle: self.ca_bundle.as_deref().map(read).transpose()?,
            mirrors,
            limits,
        })
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    if size > MOST_BYTES {
        return Err(Failure::usage(format!("`{shown}` is larger than {} MB", MOST_BYTES >> 20)));
    }
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("failed to read `{shown}`: {error}")))
}
