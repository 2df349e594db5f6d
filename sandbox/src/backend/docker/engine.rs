//! One connection to a Docker Engine: finding it, agreeing on a version, and giving every request a limit of time.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::backend::ConnectOptions;
use crate::error::SandboxError;

const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// How long the engine may take to make, start or remove something.
const WORK: Duration = Duration::from_secs(120);

/// How long an engine that was late may take to say anything at all.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// How often the engine must give one while something of it is waited for.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(3);
const BETWEEN_SIGNS: Duration = Duration::from_millis(250);

/// The engine and how to talk to it.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) docker: Docker,
    pub(crate) socket: String,
    patience: Duration,
    /// Whether the last request was not answered in time: then the next ones do not wait long either.
    unresponsive: Arc<AtomicBool>,
    /// Containers that could not be removed because of the engine.
    left: Arc<Mutex<Vec<String>>>,
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
        let engine = Self {
            docker: docker.clone(),
            socket: socket.clone(),
            patience: options.timeout,
            unresponsive: Arc::default(),
            left: Arc::default(),
        };
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
        if self.unresponsive.load(Ordering::Relaxed) && !self.answers().await {
            return Err(SandboxError::EngineTimeout { what, after: SIGN_OF_LIFE });
        }
        let late = tokio::select! {
            answer = timeout(after, answer) => match answer {
                Ok(result) => return result.map_err(|error| explain(&self.socket, what, error)),
                Err(_) => after,
            },
            waited = self.silence() => waited,
        };
        self.unresponsive.store(true, Ordering::Relaxed);
        Err(SandboxError::EngineTimeout { what, after: late })
    }

    /// Ends when the engine does not even answer what costs it nothing; returns how long that was waited for.
    async fn silence(&self) -> Duration {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if timeout(self.patience, self.docker.ping()).await.is_err() {
                return HEARTBEAT + self.patience;
            }
        }
    }

    /// Returns whether the engine gives a sign of life.
    async fn answers(&self) -> bool {
        let answers = matches!(timeout(SIGN_OF_LIFE, self.docker.ping()).await, Ok(Ok(_)));
        self.unresponsive.store(!answers, Ordering::Relaxed);
        answers
    }

    /// Waits until the engine answers, and then removes what could not be removed before.
    pub(crate) async fn recover(&self, patience: Duration) -> Result<(), SandboxError> {
        let answering = async {
            while !self.answers().await {
                tokio::time::sleep(BETWEEN_SIGNS).await;
            }
        };
        if timeout(patience, answering).await.is_err() {
            // Says what is wrong now, and not what was wrong at first.
            knock(&self.socket, SIGN_OF_LIFE).await?;
            return Err(SandboxError::EngineTimeout { what: "give a sign of life", after: patience });
        }
        self.remove_left().await;
        Ok(())
    }

    /// Returns the error of a connection that broke.
    pub(crate) fn lost(&self, reason: String) -> SandboxError {
        SandboxError::EngineUnreachable { socket: self.socket.clone(), reason }
    }

    /// Remembers a container for later.
    pub(crate) fn leave(&self, id: &str) {
        self.left.lock().push(id.to_owned());
    }

    /// Removes what could not be removed before.
    pub(crate) async fn remove_left(&self) {
        let left = std::mem::take(&mut *self.left.lock());
        for id in left {
            // One that fails again has remembered itself.
            let _ = super::remove(self, &id).await;
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
        Error::DockerResponseServerError { ref message, .. } if message.contains("no space left on device") => {
            SandboxError::EngineFull { what }
        }
        Error::RequestTimeoutError => SandboxError::EngineTimeout { what, after: WORK },
        source => SandboxError::Engine { what, source },
    }
}
