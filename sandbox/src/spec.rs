//! What a caller asks for when it wants a box, before any backend is chosen.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::limits::Limits;

/// The name of a container image as a person writes it: `python:3.11-slim`, `name@sha256:…` or an image id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ImageRef(String);

impl ImageRef {
    /// Wraps the name of an image; the engine decides whether it exists.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose box this is, so that the next start can tell what a dead process left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The job, for people.
    pub job: String,
    /// The process that owns the box, as [`crate::reap::current_boot`] writes it.
    pub boot: String,
}

impl Labels {
    /// Returns labels for a box of this process.
    pub fn for_job(job: impl Into<String>) -> Self {
        Self { job: job.into(), boot: crate::reap::current_boot() }
    }
}

/// A folder of this machine below which workspaces are mounted while a box runs: only this crate makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodesFolder(PathBuf);

impl NodesFolder {
    /// Wraps the path of a folder in which no box can write.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns where it is on this machine.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Everything that defines a box, apart from the program that runs in it.
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    /// The image of a container backend; `None` is the image that [`crate::Backend::prepare`] chooses.
    pub image: Option<ImageRef>,
    /// The interpreter, by name or path; `None` is `python3`. A container backend looks it up in the image.
    pub python: Option<String>,
    /// Variables added to the box's fixed environment; nothing of this process's environment gets in otherwise.
    pub env: Vec<(String, String)>,
    /// What the box may use.
    pub limits: Limits,
    /// Whose box it is.
    pub labels: Labels,
    /// Where the box's workspaces are mounted, if it is to have any: they appear below [`crate::backend::NODES`].
    pub nodes: Option<NodesFolder>,
    /// A folder of the image whose content the workspace begins with: what an environment was built with.
    pub seed: Option<String>,
}

impl SandboxSpec {
    /// Returns a box with default limits, the default image and the default interpreter.
    pub fn new(labels: Labels) -> Self {
        Self { image: None, python: None, env: Vec::new(), limits: Limits::default(), labels, nodes: None, seed: None }
    }
}
