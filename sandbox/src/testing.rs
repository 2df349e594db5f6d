//! What the tests of this crate need of the machine.
//!
//! Where something is missing a test prints that it is skipped and passes, unless the environment promises it:
//! `PATCHWRIGHT_REQUIRE_DOCKER=1` promises an engine that answers, the right to start another one, and its programs;
//! `PATCHWRIGHT_REQUIRE_TOOLS=1` promises every language tool that `.ci/run` installs.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::PathBuf;

use crate::backend::ConnectOptions;
use crate::backend::docker::DockerBackend;

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
