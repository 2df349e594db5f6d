//! What can go wrong around a sandbox, grouped by who can do something about it.
//!
//! What the code in the box does (failing, dying, running out of memory) is never an error: see [`crate::BoxEnding`].

use std::path::PathBuf;
use std::time::Duration;

use crate::backend::BoxEnding;

/// Why a sandbox could not be started, spoken to or removed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Nothing answers on the engine's socket.
    #[error(
        "no container engine answers at {socket} ({reason}); start it, or choose the process backend for code you trust"
    )]
    EngineUnreachable {
        /// The socket that was tried.
        socket: String,
        /// What the connection attempt said.
        reason: String,
    },
    /// The socket exists, and this user may not use it.
    #[error("permission denied on {socket}; join the group that owns it (often `docker`), or run as root")]
    EngineDenied {
        /// The socket that was tried.
        socket: String,
    },
    /// The engine accepted a request and did not answer in time.
    #[error("the container engine did not finish to {what} within {}; restart it", seconds(*.after))]
    EngineTimeout {
        /// The request, as an infinitive without "to".
        what: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// The engine does not have the runtime that was asked for.
    #[error(
        "the container engine has no runtime `{runtime}`, only {known}; install it and name it in the engine's daemon.json, or leave it out"
    )]
    RuntimeMissing {
        /// The runtime as it was named.
        runtime: String,
        /// Those that the engine has.
        known: String,
    },
    /// The engine's own disk is full.
    #[error(
        "the container engine failed to {what}: no space is left on its disk; free some (`docker system df` shows what takes it)"
    )]
    EngineFull {
        /// The request, as an infinitive without "to".
        what: &'static str,
    },
    /// The box was removed by somebody else.
    #[error("the sandbox {id} was removed by somebody else while it was in use; nothing can be said of what ran in it")]
    BoxVanished {
        /// The container.
        id: String,
    },
    /// The engine refused a request.
    #[error("the container engine failed to {what}")]
    Engine {
        /// The request, as an infinitive without "to".
        what: &'static str,
        /// What the engine said.
        #[source]
        source: bollard::errors::Error,
    },
    /// The image is neither present nor can it be pulled.
    #[error("image {image} is not present and could not be pulled: {reason}")]
    ImageMissing {
        /// The image as it was named.
        image: String,
        /// What the registry or the engine said.
        reason: String,
    },
    /// What was given as an image's name is none.
    #[error("`{name}` is no name of an image: {reason}")]
    ImageName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The image is for other machines.
    #[error("image {image} is for {has} and this engine runs {wants}; name one for {wants}")]
    ImageArchitecture {
        /// The image as it was named.
        image: String,
        /// The architecture it is for.
        has: String,
        /// The engine's.
        wants: String,
    },
    /// The name stands for another image than before.
    #[error(
        "image {image} is not what it was: it stood for {was} and now for {is}; name it by its digest, or start a new job"
    )]
    ImageMoved {
        /// The image as it was named.
        image: String,
        /// What it stood for.
        was: String,
        /// What it stands for.
        is: String,
    },
    /// No image was given and none could be made.
    #[error("failed to build the base image: {reason}; {fix}")]
    ImageBuild {
        /// What failed.
        reason: String,
        /// What the user can do about it.
        fix: String,
    },
    /// The interpreter asked for cannot be used on this machine.
    #[error("no usable Python interpreter `{python}`: {reason}")]
    Interpreter {
        /// The interpreter as it was named.
        python: String,
        /// What failed.
        reason: String,
    },
    /// The box could not be set up, or the program in it could not be started.
    #[error("failed to {step} while starting `{program}` in a {backend} sandbox: {reason}")]
    Launch {
        /// Which backend.
        backend: &'static str,
        /// The program, `argv[0]`.
        program: String,
        /// The step that failed, as an infinitive without "to".
        step: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The box ended while somebody was still talking to it.
    #[error("the sandbox ended ({ending}) while it was in use: {stderr}")]
    BoxEnded {
        /// How it ended.
        ending: BoxEnding,
        /// The end of what it wrote on stderr.
        stderr: String,
    },
    /// What the driver in the box said makes no sense.
    #[error("the driver in the sandbox broke the protocol: {detail}")]
    Protocol {
        /// What was expected, and what came.
        detail: String,
    },
    /// The workspace in the box did not take the files.
    #[error("the workspace in the sandbox refused a change: {detail}")]
    Workspace {
        /// What was refused, and why.
        detail: String,
    },
    /// Removing a box did not complete.
    #[error("failed to remove sandbox {id}: {reason}")]
    Close {
        /// The container or process that may be left.
        id: String,
        /// What failed.
        reason: String,
    },
    /// A file of this machine could not be used.
    #[error("failed to {what} {path}")]
    File {
        /// The action, as an infinitive without "to".
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A pipe to the box failed.
    #[error("failed to {what}")]
    Io {
        /// The action, as an infinitive without "to".
        what: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl SandboxError {
    /// Returns whether the machine, and not the repository or the request, is at fault (exit code 6).
    pub fn is_infrastructure(&self) -> bool {
        match self {
            Self::EngineUnreachable { .. }
            | Self::EngineDenied { .. }
            | Self::EngineTimeout { .. }
            | Self::Engine { .. }
            | Self::EngineFull { .. }
            | Self::RuntimeMissing { .. }
            | Self::BoxVanished { .. }
            | Self::ImageMissing { .. }
            | Self::ImageBuild { .. }
            | Self::Launch { .. }
            | Self::Close { .. }
            | Self::File { .. }
            | Self::Io { .. } => true,
            Self::ImageName { .. }
            | Self::ImageArchitecture { .. }
            | Self::ImageMoved { .. }
            | Self::Interpreter { .. }
            | Self::BoxEnded { .. }
            | Self::Protocol { .. }
            | Self::Workspace { .. } => false,
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.0} s", duration.as_secs_f64())
}
