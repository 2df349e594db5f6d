//! What the tests of this crate need of the machine.
//!
//! Where something is missing a test prints that it is skipped and passes, unless the environment promises it:
//! `PATCHWRIGHT_REQUIRE_DOCKER=1` promises an engine that answers, the right to start another one, and its programs;
//! `PATCHWRIGHT_REQUIRE_TOOLS=1` promises every language tool that `.ci/run` installs.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::PathBuf;

use crate::backend::ConnectOptions;
use crate::backend::docker::DockerBackend;
use crate::image::{Recipe, build};
use crate::spec::ImageRef;

/// A promise that the environment may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A container engine, and everything to start another.
    Docker,
    /// The language tools.
    Tools,
}

impl Promise {
    fn variable(self) -> &'static str {
        match self {
            Self::Docker => "PATCHWRIGHT_REQUIRE_DOCKER",
            Self::Tools => "PATCHWRIGHT_REQUIRE_TOOLS",
        }
    }

    /// Says that a test is skipped for this reason; panics where the environment promises that there is no such reason.
    #[track_caller]
    pub(crate) fn missing(self, reason: &dyn std::fmt::Display) {
        let promised = std::env::var_os(self.variable()).is_some_and(|it| it == "1");
        assert!(!promised, "{}=1, but {reason}", self.variable());
        eprintln!("skipped: {reason}");
    }
}

/// Returns how this machine's own engine is reached.
pub(crate) fn docker_options() -> ConnectOptions {
    ConnectOptions { docker_host: std::env::var("DOCKER_HOST").ok(), ..ConnectOptions::default() }
}

/// Returns the Docker backend; `None`, having said so, where no engine answers and none is promised.
pub(crate) async fn docker() -> Option<DockerBackend> {
    match DockerBackend::connect(&docker_options()).await {
        Ok(backend) => Some(backend),
        Err(error) => {
            Promise::Docker.missing(&error);
            None
        }
    }
}

/// What installs from a network and nothing else: half of the packages, and none is used by a test.
const FETCHES: &[&str] = &["npm", "composer", "gradle", "bundler"];
/// What Maven builds with where nothing can be fetched.
const MAVEN: &[&str] = &["maven-debian-helper", "libsurefire-java", "junit4"];

/// Returns one image with the tools of all languages, made once of what the recipes of `deploy/images/languages` install and kept under a
/// digest of its packages; `None`, having said so, where nothing can make it.
pub(crate) async fn image_of_all_languages(backend: &DockerBackend) -> Option<ImageRef> {
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let mut packages: Vec<String> = crate::environment::packages_of_all_languages();
    packages.retain(|name| !FETCHES.contains(&name.as_str()));
    packages.extend(MAVEN.iter().map(|name| (*name).to_owned()));
    packages.sort_unstable();
    packages.dedup();
    let text = format!(
        "name = 'patchwright/languages'\n[distribution]\nsuite = 'bookworm'\npackages = {packages:?}\n[official]\nimage = 'none:{{version}}'\n"
    );
    let recipe = Recipe::read(&text).unwrap();
    let image = recipe.image();
    let _turn = ONE_AT_A_TIME.lock().await;
    if backend.engine().image_id(image.as_str()).await.unwrap().is_none() {
        if !tools(&["mmdebstrap"]) {
            return None;
        }
        build::from_packages(backend.engine(), &recipe, &image, &|_| {}).await.unwrap();
    }
    Some(image)
}

/// Returns whether all of these programs are in this machine's `PATH`; where one is not, says so.
#[track_caller]
pub(crate) fn tools(names: &[&str]) -> bool {
    let Some(absent) = names.iter().find(|name| program(name).is_none()) else { return true };
    Promise::Tools.missing(&format!("`{absent}` is not installed"));
    false
}

/// Returns whether this file is on this machine, as a library's header is; where it is not, says so.
#[track_caller]
pub(crate) fn file(path: &str) -> bool {
    let there = std::path::Path::new(path).exists();
    if !there {
        Promise::Tools.missing(&format!("{path} is not there"));
    }
    there
}

/// Returns where a program is, by the `PATH` of this process.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0))
}

#[test]
fn programs_are_found_by_name() {
    assert!(tools(&["sh"]) && program("sh").is_some_and(|path| path.is_absolute()));
    assert_eq!(program("no-such-program-anywhere"), None);
}
