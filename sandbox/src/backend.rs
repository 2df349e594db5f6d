//! The seam between what wants a box and what makes one.
//!
//! A box runs one long-lived program with attached stdin and stdout; files, commands and results all travel over these two
//! streams (see [`crate::workbench`]), so a backend never touches the workspace and never unpacks anything a box produced.
//! Nothing of the host is writable from a box, and no secret of this process enters it.

#[cfg(test)]
mod conformance;
pub mod docker;
mod environment;
pub mod process;
mod tail;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::SandboxError;
use crate::image::ImageProgress;
use crate::reap::ReapReport;
use crate::spec::{ImageRef, SandboxSpec};

/// The writable folder of a container box; every box names its own in this variable of its environment.
pub const WORKSPACE_VARIABLE: &str = "PATCHWRIGHT_WORKSPACE";

/// The folder of a box below which workspaces appear that are mounted while it runs.
pub const NODES: &str = "/nodes";

/// The folder of [`WORKSPACE_VARIABLE`] in which a box has its repository. It is the same in every box of a container backend, whatever
/// runs in it, and while an environment is made: installed packages and build files hold absolute paths.
pub(crate) const REPOSITORY: &str = "repo";

/// Which backend makes the boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// Containers of a Docker Engine.
    Docker,
    /// Processes of this machine, confined by the kernel: for code that is trusted not to attack the kernel.
    Process,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Process => "process",
        })
    }
}

/// How to reach a backend.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The engine's address (`unix:///path`); `None` is `/var/run/docker.sock`.
    pub docker_host: Option<String>,
    /// How long the engine may take to answer a plain question.
    pub timeout: Duration,
    /// The program that runs containers, such as gVisor's `runsc`; `None` is the engine's usual one.
    pub runtime: Option<String>,
    /// The control group under which those of the containers are made; `None` is the engine's usual one.
    pub cgroup_parent: Option<String>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { docker_host: None, timeout: Duration::from_secs(10), runtime: None, cgroup_parent: None }
    }
}

/// Connects to a backend and removes what dead processes left in it.
pub async fn connect(kind: BackendKind, options: &ConnectOptions) -> Result<Box<dyn Backend>, SandboxError> {
    Ok(match kind {
        BackendKind::Docker => Box::new(docker::DockerBackend::connect(options).await?),
        BackendKind::Process => Box::new(process::ProcessBackend::connect().await?),
    })
}

/// Something that makes boxes.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Returns which backend this is.
    fn kind(&self) -> BackendKind;

    /// Returns which layers stand between a box and this machine.
    fn describe(&self) -> Isolation;

    /// Makes sure that a box can be started without further waiting, and returns the image to put into the spec
    /// (`None` for a backend without images).
    async fn prepare(
        &self,
        image: Option<&ImageRef>,
        progress: &ImageProgressFn<'_>,
    ) -> Result<Option<ImageRef>, SandboxError>;

    /// Returns the digest of the image that the spec's boxes are made of; `None` for a backend without images.
    async fn image_digest(&self, _spec: &SandboxSpec) -> Result<Option<String>, SandboxError> {
        Ok(None)
    }

    /// Returns the path by which the spec's interpreter is started inside a box.
    async fn python(&self, spec: &SandboxSpec) -> Result<String, SandboxError>;

    /// Starts `argv` in a new box. A name without a slash is looked up in the box's own `PATH`.
    async fn launch(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError>;

    /// Starts `argv` in a new box as the first process of it: nothing else holds its streams. The program has to collect orphans.
    async fn launch_first(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        self.launch(spec, argv).await
    }

    /// Starts the helper of a [`crate::Station`] in a new box.
    async fn launch_station(&self, spec: &SandboxSpec) -> Result<Box<dyn Launched>, SandboxError>;

    /// Returns why a mount that is made on this machine while a box runs cannot appear below [`NODES`]; `Ok` where it should,
    /// which only a box can tell.
    fn shows_mounts(&self) -> Result<(), String>;

    /// Returns where a box sees the first of the workspaces that are mounted while it runs; all others are below [`NODES`] only.
    fn first_node(&self) -> String {
        format!("{NODES}/0")
    }

    /// Waits until boxes can be made again after a failure of the machine's, at most so long.
    ///
    /// # Errors
    /// When what makes the boxes is still broken by then.
    async fn recover(&self, patience: Duration) -> Result<(), SandboxError> {
        let _nothing_to_wait_for = patience;
        Ok(())
    }

    /// Removes the boxes of dead processes. Those of `boot`, and of other processes that are alive, stay.
    async fn reap(&self, boot: &str) -> Result<ReapReport, SandboxError>;

    /// Examines what the backend needs, for people.
    async fn probe(&self) -> Vec<Check>;
}

/// Receives what happens while an image is pulled or built.
pub type ImageProgressFn<'a> = dyn Fn(ImageProgress) + Send + Sync + 'a;

/// The stdin of a box.
pub type BoxInput = Pin<Box<dyn AsyncWrite + Send>>;

/// The stdout of a box. Whoever does not read it stops the writer, not this process.
pub type BoxOutput = Pin<Box<dyn AsyncRead + Send>>;

/// Ends with what is broken, if it ever is.
pub type Trouble = Pin<Box<dyn Future<Output = SandboxError> + Send>>;

/// One running box. Dropping it kills what runs in it; [`Launched::close`] also waits until everything is gone.
#[async_trait]
pub trait Launched: Send {
    /// Returns stdin and stdout, once.
    fn stdio(&mut self) -> Option<(BoxInput, BoxOutput)>;

    /// Returns the path of the writable workspace as the box sees it.
    fn workspace(&self) -> &str;

    /// Returns the end of what was written to stderr so far.
    fn stderr_tail(&self) -> String;

    /// Returns how often the box met limits that only the kernel enforces; `None` where just the box itself can tell.
    fn pressure(&self) -> Option<Pressure> {
        None
    }

    /// Returns what ends when the machinery behind the box fails: the box itself could no longer be heard, whatever it does.
    fn trouble(&self) -> Trouble {
        Box::pin(std::future::pending())
    }

    /// Kills every process of the box.
    async fn kill(&mut self) -> Result<(), SandboxError>;

    /// Waits until the program has ended. May be called again, and then answers the same.
    async fn wait(&mut self) -> Result<BoxEnding, SandboxError>;

    /// Kills what still runs and removes everything the box consisted of.
    async fn close(self: Box<Self>) -> Result<(), SandboxError>;
}

/// How often a box met limits that only the kernel enforces, since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// Processes killed for want of memory.
    pub killed_for_memory: u64,
    /// Processes refused for the limit of processes.
    pub refused_processes: u64,
}

/// How a box ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum BoxEnding {
    /// The program ended by itself.
    Exited(i32),
    /// A signal ended the program: its own fault, or [`Launched::kill`].
    Signalled(i32),
    /// The kernel ended the program because the box was out of memory.
    OutOfMemory,
}

impl fmt::Display for BoxEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "signal {signal}"),
            Self::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

/// One layer between a box and this machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Layer {
    /// The layer's name, such as `network namespace`.
    pub name: &'static str,
    /// Why it is missing; `None` when it is in force.
    pub missing: Option<String>,
}

/// Which layers are in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Isolation {
    /// Which backend this is about.
    pub backend: BackendKind,
    /// Whether the boxes are meant for trusted code only.
    pub trusted_only: bool,
    /// Every layer the backend knows.
    pub layers: Vec<Layer>,
}

impl Isolation {
    /// Returns the layers that are not in force.
    pub fn missing(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.missing.is_some())
    }
}

/// One thing examined for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was examined.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do, where something is to be done.
    pub fix: Option<String>,
}

impl Check {
    /// Returns a check that went well.
    pub fn good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, detail: detail.into(), fix: None }
    }

    /// Returns a check that went well enough, with what would make it better.
    pub fn advice(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { ok: true, ..Self::bad(name, detail, fix) }
    }

    /// Returns a check that went badly, with what to do.
    pub fn bad(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }
}
