//! One connection to a Docker Engine: finding it, agreeing on a version, and giving every request a limit of time.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::backend::ConnectOptions;
use crate::error::SandboxError;

const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// How long the engine may take to make, start or remove something.
const WORK: Duration = Duration::from_secs(120);

/// The engine and how to talk to it.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) docker: Docker,
    pub(crate) socket: String,
    patience: Duration,
}

impl Engine {
    pub(crate) async fn connect(options: &ConnectOptions) -> Result<Self, SandboxError> {
        let host = options.docker_host.clone().unwrap_or_else(usual_socket);
        let socket = match host.split_once("://") {
            None => host.clone(),
            Some(("unix", path)) => path.to_owned(),
            Some((scheme, _)) => {
                let reason = format!("{scheme} addresses are not supported, only unix sockets");
                return Err(SandboxError::EngineUnreachable { socket: host.clone(), reason });
            }
        };
        knock(&socket, options.timeout).await?;
        let docker = Docker::connect_with_unix(&socket, WORK.as_secs(), API_DEFAULT_VERSION)
            .map_err(|error| explain(&socket, "open a connection", error))?;
        let engine = Self { docker: docker.clone(), socket: socket.clone(), patience: options.timeout };
        let docker = engine.ask("tell its version", docker.negotiate_version()).await?;
        Ok(Self { docker, ..engine })
    }

    /// Waits for the answer to a plain question.
    pub(crate) async fn ask<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SandboxError> {
        self.within(self.patience, what, answer).await
    }

    /// Waits for something that takes the engine some work.
    pub(crate) async fn work<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SandboxError> {
        self.within(WORK, what, answer).await
    }

    pub(crate) async fn within<T>(
        &self,
        after: Duration,
        what: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SandboxError> {
        match timeout(after, answer).await {
            Ok(result) => result.map_err(|error| explain(&self.socket, what, error)),
            Err(_) => Err(SandboxError::EngineTimeout { what, after }),
        }
    }

    /// Returns the id of a present image.
    pub(crate) async fn image_id(&self, name: &str) -> Result<Option<String>, SandboxError> {
        match self.ask("inspect an image", self.docker.inspect_image(name)).await {
            Ok(image) => Ok(image.id),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether the engine said that the thing does not exist.
pub(crate) fn is_absent(error: &SandboxError) -> bool {
    matches!(error, SandboxError::Engine { source: Error::DockerResponseServerError { status_code: 404, .. }, .. })
}

fn usual_socket() -> String {
    let of_user = std::env::var("XDG_RUNTIME_DIR").map(|folder| format!("{folder}/docker.sock"));
    match of_user {
        Ok(path) if !Path::new(USUAL_SOCKET).exists() && Path::new(&path).exists() => path,
        _ => USUAL_SOCKET.to_owned(),
    }
}

/// Connects once by hand, because the client library does not tell a missing socket from a forbidden one.
async fn knock(socket: &str, patience: Duration) -> Result<(), SandboxError> {
    match timeout(patience, UnixStream::connect(socket)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unreachable(socket, &error)),
        Err(_) => Err(SandboxError::EngineTimeout { what: "accept a connection", after: patience }),
    }
}

fn unreachable(socket: &str, error: &io::Error) -> SandboxError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return SandboxError::EngineDenied { socket: socket.to_owned() };
    }
    SandboxError::EngineUnreachable { socket: socket.to_owned(), reason: error.to_string() }
}

fn explain(socket: &str, what: &'static str, error: Error) -> SandboxError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = error.source();
    if let Error::IOError { err } = &error {
        source = Some(err);
    }
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && matches!(
                io.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
            )
        {
            return unreachable(socket, io);
        }
        source = cause.source();
    }
    match error {
        Error::RequestTimeoutError => SandboxError::EngineTimeout { what, after: WORK },
        source => SandboxError::Engine { what, source },
    }
}
