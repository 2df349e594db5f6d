//! A container that runs: its streams, its end, and its removal.

use std::time::Duration;

use async_trait::async_trait;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;

use super::container::WORKSPACE;
use super::engine::{Engine, is_absent};
use crate::backend::tail::Tail;
use crate::backend::{BoxEnding, BoxInput, BoxOutput, Launched};
use crate::error::SandboxError;

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
        Self { container, stdin: Some(stdin), stdout: Some(stdout), stderr, pumps, killed: false, ending: None }
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

    async fn out_of_memory(&self) -> Result<bool, SandboxError> {
        let news = async {
            loop {
                if self.container.ran_out_of_memory().await? {
                    return Ok(true);
                }
                tokio::time::sleep(LATE_NEWS / 10).await;
            }
        };
        tokio::time::timeout(LATE_NEWS, news).await.unwrap_or(Ok(false))
    }
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

    async fn kill(&mut self) -> Result<(), SandboxError> {
        self.killed = true;
        self.hang_up().await;
        self.container.kill().await
    }

    async fn wait(&mut self) -> Result<BoxEnding, SandboxError> {
        if let Some(ending) = self.ending {
            return Ok(ending);
        }
        let code = self.container.wait().await?;
        let ending = match code {
            137 if !self.killed && self.out_of_memory().await? => BoxEnding::OutOfMemory,
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

impl Drop for Running {
    fn drop(&mut self) {
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
    pub(crate) fn new(engine: Engine, id: String) -> Self {
        Self { engine, id, removed: false }
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

    async fn wait(&self) -> Result<i32, SandboxError> {
        // Not bounded here: how long a box may run is for whoever uses it to say.
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let answer = self.engine.docker.wait_container(&self.id, Some(options)).next().await;
        let code = match answer {
            Some(Ok(response)) => response.status_code,
            Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
            Some(Err(source)) => return Err(SandboxError::Engine { what: "wait for a container", source }),
            None => {
                let reason = "the engine closed the connection".to_owned();
                return Err(SandboxError::EngineUnreachable { socket: self.engine.socket.clone(), reason });
            }
        };
        Ok(i32::try_from(code).unwrap_or(i32::MAX))
    }

    async fn ran_out_of_memory(&self) -> Result<bool, SandboxError> {
        let asking = self.engine.docker.inspect_container(&self.id, None::<InspectContainerOptions>);
        let found = self.engine.ask("inspect a container", asking).await?;
        Ok(found.state.and_then(|state| state.oom_killed).unwrap_or(false))
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
        other => other,
    }
}
