//! What the operator decides about the phase that has a network: how it gets out, through whom, and how much it may use.
//!
//! Nothing of this is kept in an image, and nothing of it is there when tests run.

use std::fmt;
use std::time::Duration;

use super::{Evidence, Language};

/// Which network the containers of the setup phase are put into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SetupNetwork {
    /// The engine's own default: containers reach out, nobody reaches in.
    #[default]
    Bridge,
    /// This machine's own network, for engines without a bridge. Code that is being installed then reaches this machine's services.
    Host,
    /// A network of the engine, such as one that only leads to a proxy.
    Named(String),
    /// No network at all.
    None,
}

impl SetupNetwork {
    /// Reads `bridge`, `host`, `none` or the name of a network of the engine.
    ///
    /// # Errors
    /// When the name is none that an engine would have.
    pub fn parse(text: &str) -> Result<SetupNetwork, String> {
        match text {
            "bridge" | "default" => Ok(SetupNetwork::Bridge),
            "host" => Ok(SetupNetwork::Host),
            "none" => Ok(SetupNetwork::None),
            name if is_network_name(name) => Ok(SetupNetwork::Named(name.to_owned())),
            name => Err(format!(
                "`{name}` is no network; say bridge, host, none, or the name of one of the engine's networks"
            )),
        }
    }

    pub(super) fn mode(&self) -> &str {
        match self {
            SetupNetwork::Bridge => "default",
            SetupNetwork::Host => "host",
            SetupNetwork::Named(name) => name,
            SetupNetwork::None => "none",
        }
    }
}

fn is_network_name(name: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
    // `container:ID` would put the phase into another container's network.
    !name.is_empty()
        && name.len() <= 64
        && name.starts_with(|char: char| char.is_ascii_alphanumeric())
        && name.chars().all(plain)
}

/// Where packages come from, instead of their usual places. The addresses may hold credentials.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Mirrors {
    /// pip's index.
    pub pip: Option<String>,
    /// npm's registry.
    pub npm: Option<String>,
    /// cargo's registry (`sparse+https://…`).
    pub cargo: Option<String>,
    /// Go's module proxy.
    pub go: Option<String>,
    /// A mirror of the image's distribution.
    pub apt: Option<String>,
    /// A proxy for the distribution's packages only.
    pub apt_proxy: Option<String>,
    /// A mirror of rubygems.org.
    pub gems: Option<String>,
    /// The text of a `settings.xml` for Maven.
    pub maven_settings: Option<String>,
}

/// How much the phase may use.
#[derive(Debug, Clone, PartialEq)]
pub struct SetupLimits {
    /// Memory of everything in the container.
    pub memory_bytes: u64,
    /// Processes and threads alive at one time.
    pub processes: u32,
    /// Processor time per second of wall time.
    pub cpus: f64,
    /// What the container may write altogether; looked at between steps.
    pub disk_bytes: u64,
    /// Longest time one step may take.
    pub total: Duration,
    /// Longest time one step may take without printing anything.
    pub silence: Duration,
}

impl Default for SetupLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 6 << 30,
            processes: 1024,
            cpus: 4.0,
            disk_bytes: 20 << 30,
            total: Duration::from_secs(1800),
            silence: Duration::from_secs(600),
        }
    }
}

/// Everything the operator decides.
#[derive(Clone, PartialEq, Default)]
pub struct SetupOptions {
    /// The network.
    pub network: SetupNetwork,
    /// The proxy for `http` addresses.
    pub http_proxy: Option<String>,
    /// The proxy for `https` addresses.
    pub https_proxy: Option<String>,
    /// Names that are reached without a proxy.
    pub no_proxy: Option<String>,
    /// Certificates of a private authority, in PEM.
    pub ca_bundle: Option<String>,
    /// Where packages come from.
    pub mirrors: Mirrors,
    /// How much may be used.
    pub limits: SetupLimits,
}

impl fmt::Debug for SetupOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupOptions")
            .field("network", &self.network)
            .field("proxy", &(self.http_proxy.is_some() || self.https_proxy.is_some()))
            .field("ca_bundle", &self.ca_bundle.is_some())
            .field("mirrors", &self.mirrors)
            .field("limits", &self.limits)
            .finish()
    }
}

impl fmt::Debug for Mirrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mirrors(")?;
        f.write_str(&self.configured().join(", "))?;
        f.write_str(")")
    }
}

impl Mirrors {
    /// Returns the names of what is set.
    pub fn configured(&self) -> Vec<&'static str> {
        let all = [
            ("pip", &self.pip),
            ("npm", &self.npm),
            ("cargo", &self.cargo),
            ("go", &self.go),
            ("apt", &self.apt),
            ("apt-proxy", &self.apt_proxy),
            ("gems", &self.gems),
            ("maven", &self.maven_settings),
        ];
        all.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect()
    }
}

/// Where the phase keeps what no image may hold: a file system in memory.
pub(super) const SECRETS: &str = "/run/patchwright";
/// The home of whoever installs.
pub(super) const HOME: &str = "/patchwright/home";
const CA: &str = "/run/patchwright/ca.pem";

impl SetupOptions {
    /// Returns the variables of the phase.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let mut list: Vec<(&str, &str)> = vec![
            ("HOME", HOME),
            ("LANG", "C.UTF-8"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            ("PIP_NO_INPUT", "1"),
            ("PIP_NO_CACHE_DIR", "1"),
            ("PIP_ROOT_USER_ACTION", "ignore"),
            ("npm_config_cache", "/tmp/npm"),
            ("npm_config_update_notifier", "false"),
            ("npm_config_fund", "false"),
            ("npm_config_audit", "false"),
            ("CI", "true"),
        ];
        for (names, value) in [
            (&["http_proxy", "HTTP_PROXY"][..], &self.http_proxy),
            (&["https_proxy", "HTTPS_PROXY"], &self.https_proxy),
            (&["no_proxy", "NO_PROXY"], &self.no_proxy),
            (&["PIP_INDEX_URL"], &self.mirrors.pip),
            (&["npm_config_registry"], &self.mirrors.npm),
            (&["GOPROXY"], &self.mirrors.go),
            (&["BUNDLE_MIRROR__ALL"], &self.mirrors.gems),
        ] {
            list.extend(names.iter().zip(value.as_deref()).map(|(name, value)| (*name, value)));
            if let (Some(value), [_, second]) = (value, names) {
                list.push((second, value));
            }
        }
        if self.mirrors.go.is_some() {
            list.push(("GOSUMDB", "off"));
        }
        if self.ca_bundle.is_some() {
            let readers = [
                "SSL_CERT_FILE",
                "REQUESTS_CA_BUNDLE",
                "PIP_CERT",
                "NODE_EXTRA_CA_CERTS",
                "npm_config_cafile",
                "CARGO_HTTP_CAINFO",
                "GIT_SSL_CAINFO",
                "CURL_CA_BUNDLE",
                "BUNDLE_SSL_CA_CERT",
                "COMPOSER_CAFILE",
            ];
            list.extend(readers.map(|name| (name, CA)));
        }
        list.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Returns the files of the phase, with where they go. All are below [`SECRETS`] or are removed before an image is kept.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        if let Some(ca) = &self.ca_bundle {
            files.push((CA.to_owned(), ca.clone()));
        }
        if let Some(registry) = &self.mirrors.cargo {
            let text =
                format!("[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = {registry:?}\n");
            files.push((format!("{HOME}/.cargo/config.toml"), text));
        }
        if let Some(settings) = &self.mirrors.maven_settings {
            files.push((format!("{HOME}/.m2/settings.xml"), settings.clone()));
        }
        files
    }

    /// Returns options for apt.
    pub(super) fn apt_options(&self) -> Vec<String> {
        let mut options = vec!["APT::Sandbox::User=root".to_owned(), "Acquire::Retries=3".to_owned()];
        if self.ca_bundle.is_some() {
            options.push(format!("Acquire::https::CAInfo={CA}"));
        }
        for scheme in ["http", "https"] {
            options.extend(self.mirrors.apt_proxy.iter().map(|proxy| format!("Acquire::{scheme}::Proxy={proxy}")));
        }
        options
    }

    /// Returns what must not appear in anything that is shown: the part of each address that names somebody.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mirrors = &self.mirrors;
        let addresses = [
            &self.http_proxy,
            &self.https_proxy,
            &mirrors.pip,
            &mirrors.npm,
            &mirrors.cargo,
            &mirrors.go,
            &mirrors.apt,
            &mirrors.apt_proxy,
            &mirrors.gems,
        ];
        let whom = |address: &String| {
            let (who, _) = address.split_once("://")?.1.split_once('@')?;
            (!who.is_empty()).then(|| who.to_owned())
        };
        let mut secrets: Vec<String> = addresses.into_iter().flatten().filter_map(whom).collect();
        let passwords: Vec<String> =
            secrets.iter().filter_map(|it| it.split_once(':')).map(|(_, word)| word.to_owned()).collect();
        secrets.extend(passwords.into_iter().filter(|word| word.len() >= 4));
        secrets
    }
}

/// A variable and its value.
type Pair = (&'static str, &'static str);

/// Returns where a language keeps what it installed, both while that happens and when tests run.
pub(super) fn places(language: Language) -> &'static [Pair] {
    match language {
        Language::Python => &[("VIRTUAL_ENV", super::python::VENV)],
        Language::JavaScript => &[],
        Language::Rust => &[("CARGO_HOME", "/patchwright/home/.cargo")],
        Language::Go => &[("GOPATH", "/patchwright/home/go"), ("GOTOOLCHAIN", "local")],
        Language::Java => &[("GRADLE_USER_HOME", "/patchwright/home/.gradle")],
        Language::Ruby => {
            &[("BUNDLE_PATH", "/patchwright/home/bundle"), ("BUNDLE_APP_CONFIG", "/patchwright/home/.bundle")]
        }
        Language::Php => &[("COMPOSER_HOME", "/patchwright/home/.composer")],
        Language::C => &[],
    }
}

/// Returns what tells a language's tools that there is no network when tests run.
pub(super) fn offline(language: Language) -> &'static [Pair] {
    match language {
        Language::Rust => &[("CARGO_NET_OFFLINE", "true")],
        Language::Go => &[("GOPROXY", "off"), ("GOSUMDB", "off"), ("GOFLAGS", "-mod=mod")],
        Language::Ruby => &[("BUNDLE_DISABLE_VERSION_CHECK", "true"), ("BUNDLE_FROZEN", "true")],
        Language::Python | Language::JavaScript | Language::Java | Language::Php | Language::C => &[],
    }
}

/// Returns the programs' folders of a language that are no part of the image's own `PATH`.
pub(super) fn programs(language: Language) -> Vec<String> {
    match language {
        Language::Python => vec![format!("{}/bin", super::python::VENV)],
        Language::Rust => vec!["/patchwright/home/.cargo/bin".to_owned(), "/usr/local/cargo/bin".to_owned()],
        Language::Go => vec!["/usr/local/go/bin".to_owned(), "/patchwright/home/go/bin".to_owned()],
        Language::JavaScript | Language::Java | Language::Ruby | Language::Php | Language::C => Vec::new(),
    }
}

/// Returns the line that has to come before a language's own steps.
pub(super) fn first_step(language: Language) -> Option<(String, Evidence)> {
    let venv = super::python::VENV;
    (language == Language::Python).then(|| {
        let words = "packages are installed beside the image's own, not over them";
        (format!("python3 -m venv {venv}"), Evidence::usual(words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_named() {
        assert_eq!(SetupNetwork::parse("host"), Ok(SetupNetwork::Host));
        assert_eq!(SetupNetwork::parse("egress_1").unwrap().mode(), "egress_1");
        for name in ["container:abc", "", "a b", "-x"] {
            assert!(SetupNetwork::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn credentials_are_used_and_never_shown() {
        let options = SetupOptions {
            https_proxy: Some("http://who:hunter22@proxy:3128".into()),
            ca_bundle: Some("PEM".into()),
            mirrors: Mirrors {
                pip: Some("https://tok@index/simple".into()),
                cargo: Some("sparse+https://c/".into()),
                ..Mirrors::default()
            },
            ..SetupOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter22") && !shown.contains("tok@"), "{shown}");
        let variables = options.variables();
        let value = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("HTTPS_PROXY"), Some("http://who:hunter22@proxy:3128"));
        assert_eq!(value("https_proxy"), value("HTTPS_PROXY"));
        assert_eq!(value("PIP_INDEX_URL"), Some("https://tok@index/simple"));
        assert_eq!((value("PIP_CERT"), value("HTTP_PROXY")), (Some(CA), None));
        assert_eq!(options.secrets(), ["who:hunter22", "tok", "hunter22"]);
        assert!(
            options
                .files()
                .iter()
                .any(|(path, text)| path.ends_with(".cargo/config.toml") && text.contains("sparse+https"))
        );
    }
}
