//! A container that runs: its streams, its end, and its removal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::container::WORKSPACE;
use super::engine::{Engine, HEARTBEAT, is_absent};
use crate::backend::tail::Tail;
use crate::backend::{BoxEnding, BoxInput, BoxOutput, Launched, Trouble};
use crate::error::SandboxError;
use crate::spec::Labels;

/// What is held between the engine's connection and whoever reads or writes.
const BUFFER: usize = 64 << 10;

/// How long after its end a container may still be found to have run out of memory: the engine hears of both separately.
const LATE_NEWS: Duration = Duration::from_millis(300);

/// One box of the Docker backend.
pub(super) struct Running {
    container: Container,
    stdin: Option<DuplexStream>,
    stdout: Option<DuplexStream>,
    stderr: Tail,
    pumps: [JoinHandle<()>; 2],
    /// Asks for the end from the beginning: a connection that breaks tells of an engine that did, even if it is back by now.
    watcher: JoinHandle<()>,
    end: watch::Receiver<Option<End>>,
    killed: bool,
    ending: Option<BoxEnding>,
}

impl Running {
    pub(super) fn new(container: Container, attached: AttachContainerResults) -> Self {
        let AttachContainerResults { output, input } = attached;
        let (stdin, stdin_source) = tokio::io::duplex(BUFFER);
        let (stdout_sink, stdout) = tokio::io::duplex(BUFFER);
        let stderr = Tail::default();
        let pumps =
            [tokio::spawn(pump_in(stdin_source, input)), tokio::spawn(pump_out(output, stdout_sink, stderr.clone()))];
        let (tell, end) = watch::channel(None);
        let watcher = tokio::spawn(watch_end(container.engine.clone(), container.id.clone(), tell));
        let (stdin, stdout) = (Some(stdin), Some(stdout));
        Self { container, stdin, stdout, stderr, pumps, watcher, end, killed: false, ending: None }
    }

    /// Closes the connection to the container's streams. Engines cannot kill a container while they wait for somebody to read
    /// its output.
    async fn hang_up(&mut self) {
        for pump in &mut self.pumps {
            pump.abort();
            if !pump.is_finished() {
                let _ = pump.await;
            }
        }
    }

    /// Finds out what ended the container from outside, as far as the engine knows: it hears of an end and of its reason separately.
    async fn cause(&self) -> Result<Cause, SandboxError> {
        let news = async {
            loop {
                match self.container.cause().await? {
                    Cause::Unknown => tokio::time::sleep(LATE_NEWS / 10).await,
                    cause => return Ok(cause),
                }
            }
        };
        tokio::time::timeout(LATE_NEWS, news).await.unwrap_or(Ok(Cause::Unknown))
    }
}

/// How a container ended, as the engine tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Code(i32),
    /// There is no such container any more.
    Vanished,
    /// The engine did not live to tell.
    Untold(String),
}

/// Why a container was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    OutOfMemory,
    Removed,
    Unknown,
}

async fn watch_end(engine: Engine, id: String, tell: watch::Sender<Option<End>>) {
    // Not bounded here: how long a box may run is for whoever uses it to say.
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let end = match engine.docker.wait_container(&id, Some(options)).next().await {
        Some(Ok(response)) => End::Code(small(response.status_code)),
        Some(Err(Error::DockerContainerWaitError { code, .. })) => End::Code(small(code)),
        Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => End::Vanished,
        Some(Err(error)) => End::Untold(error.to_string()),
        None => End::Untold("the engine closed the connection".to_owned()),
    };
    let _nobody_listens = tell.send(Some(end));
}

fn small(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(i32::MAX)
}

/// Copies until the writer is gone, then tells the container that its stdin has ended.
async fn pump_in(mut source: impl AsyncRead + Unpin, mut sink: impl AsyncWrite + Unpin) {
    let mut buffer = vec![0_u8; BUFFER];
    while let Ok(count) = source.read(&mut buffer).await {
        if count == 0 || sink.write_all(&buffer[..count]).await.is_err() || sink.flush().await.is_err() {
            break;
        }
    }
    let _ = sink.shutdown().await;
}

/// Takes the two streams apart. Stops when nobody reads stdout any more, which in the end stops the container's writing.
async fn pump_out(
    mut output: impl futures_util::Stream<Item = Result<LogOutput, Error>> + Unpin,
    mut stdout: DuplexStream,
    stderr: Tail,
) {
    while let Some(Ok(frame)) = output.next().await {
        match frame {
            LogOutput::StdErr { message } => stderr.push(&message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                if stdout.write_all(&message).await.is_err() {
                    return;
                }
            }
            LogOutput::StdIn { .. } => {}
        }
    }
}

#[async_trait]
impl Launched for Running {
    fn stdio(&mut self) -> Option<(BoxInput, BoxOutput)> {
        let (stdin, stdout) = (self.stdin.take()?, self.stdout.take()?);
        Some((Box::pin(stdin), Box::pin(stdout)))
    }

    fn workspace(&self) -> &str {
        WORKSPACE
    }

    fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    fn trouble(&self) -> Trouble {
        let (engine, id, end) = (self.container.engine.clone(), self.container.id.clone(), self.end.clone());
        Box::pin(trouble(engine, id, end))
    }

    async fn kill(&mut self) -> Result<(), SandboxError> {
        self.killed = true;
        self.hang_up().await;
        self.container.kill().await
    }

    async fn wait(&mut self) -> Result<BoxEnding, SandboxError> {
        if let Some(ending) = self.ending {
            return Ok(ending);
        }
        let end = match self.end.wait_for(Option::is_some).await {
            Ok(end) => end.clone(),
            Err(_) => None,
        };
        let vanished = || SandboxError::BoxVanished { id: self.container.id.clone() };
        let code = match end {
            Some(End::Code(code)) => code,
            Some(End::Vanished) => return Err(vanished()),
            Some(End::Untold(reason)) => return Err(self.container.engine.lost(reason)),
            None => return Err(self.container.engine.lost("nobody watches the sandbox".to_owned())),
        };
        let ending = match code {
            137 if !self.killed => match self.cause().await? {
                Cause::OutOfMemory => BoxEnding::OutOfMemory,
                Cause::Removed => return Err(vanished()),
                Cause::Unknown => BoxEnding::Signalled(9),
            },
            // What a shell, an init program and the engine make of a signal. A program that chooses such a code itself is
            // taken for one.
            129..=159 => BoxEnding::Signalled(code - 128),
            _ => BoxEnding::Exited(code),
        };
        self.ending = Some(ending);
        Ok(ending)
    }

    async fn close(mut self: Box<Self>) -> Result<(), SandboxError> {
        self.hang_up().await;
        self.container.remove().await
    }
}

/// Ends when the engine is gone or does not answer, or the container is not there any more.
async fn trouble(engine: Engine, id: String, mut end: watch::Receiver<Option<End>>) -> SandboxError {
    loop {
        match tokio::time::timeout(HEARTBEAT, end.wait_for(Option::is_some)).await.map(|end| end.map(|it| it.clone())) {
            Ok(Ok(Some(End::Untold(reason)))) => return engine.lost(reason),
            Ok(Ok(Some(End::Vanished))) => return SandboxError::BoxVanished { id },
            // It ended, and its streams tell how.
            Ok(_) => return std::future::pending().await,
            Err(_) => {}
        }
        match engine.ask("give a sign of life", engine.docker.ping()).await {
            Err(error) if error.is_infrastructure() => return error,
            _ => {}
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watcher.abort();
        for pump in &self.pumps {
            pump.abort();
        }
    }
}

/// A container that exists. Dropping it has it removed in the background.
pub(crate) struct Container {
    engine: Engine,
    id: String,
    removed: bool,
}

impl Container {
    pub(super) fn new(engine: Engine, id: String) -> Self {
        Self { engine, id, removed: false }
    }

    /// Creates a container under a name of its own, by which it is found and removed if the engine, or the way to it, dies over the
    /// request.
    pub(crate) async fn create(
        engine: &Engine,
        labels: &Labels,
        body: ContainerCreateBody,
    ) -> Result<Self, SandboxError> {
        let name = new_name(labels);
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let creating = engine.docker.create_container(Some(options), body);
        match engine.work("create a container", creating).await {
            Ok(created) => Ok(Self::new(engine.clone(), created.id)),
            // The engine refused: whatever has the name is not ours.
            Err(error @ SandboxError::Engine { source: Error::DockerResponseServerError { .. }, .. }) => Err(error),
            Err(error) => {
                // An engine that died over it may have made the container and not come to say so.
                engine.leave(&name);
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) async fn kill(&self) -> Result<(), SandboxError> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let killing = self.engine.docker.kill_container(&self.id, Some(options));
        match self.engine.work("kill a container", killing).await {
            // It had ended by itself.
            Err(SandboxError::Engine {
                source: Error::DockerResponseServerError { status_code: 404 | 409, .. },
                ..
            }) => Ok(()),
            other => other,
        }
    }

    async fn cause(&self) -> Result<Cause, SandboxError> {
        let asking = self.engine.docker.inspect_container(&self.id, None::<InspectContainerOptions>);
        let state = match self.engine.ask("inspect a container", asking).await {
            Ok(found) => found.state.unwrap_or_default(),
            Err(error) if is_absent(&error) => return Ok(Cause::Removed),
            Err(error) => return Err(error),
        };
        Ok(match state.status {
            Some(ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD) => Cause::Removed,
            _ if state.oom_killed == Some(true) => Cause::OutOfMemory,
            _ => Cause::Unknown,
        })
    }

    pub(crate) async fn remove(&mut self) -> Result<(), SandboxError> {
        remove(&self.engine, &self.id).await?;
        self.removed = true;
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        let (engine, id) = (self.engine.clone(), self.id.clone());
        // Outside of a runtime there is nothing to run the request on; the next start of any of our processes then removes it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = remove(&engine, &id).await {
                    tracing::warn!(container = %id, error = %error, "container not removed");
                }
            });
        }
    }
}

fn new_name(labels: &Labels) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let job: String = labels.job.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').take(48).collect();
    let owner = blake3::hash(labels.boot.as_bytes()).to_hex();
    format!("patchwright-{job}-{}-{count}", &owner[..8])
}

/// Removes a container and what runs in it. One that is gone, or going, is as good as removed.
pub(crate) async fn remove(engine: &Engine, id: &str) -> Result<(), SandboxError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match engine.work("remove a container", engine.docker.remove_container(id, Some(options))).await {
        Err(error) if is_absent(&error) => Ok(()),
        Err(SandboxError::Engine { source: Error::DockerResponseServerError { status_code: 409, .. }, .. }) => {
            let gone = WaitContainerOptionsBuilder::new().condition("removed").build();
            let waiting = async {
                engine.docker.wait_container(id, Some(gone)).next().await;
                Ok(())
            };
            engine.work("remove a container", waiting).await
        }
        Err(error) => {
            engine.leave(id);
            Err(error)
        }
        Ok(()) => Ok(()),
    }
}
