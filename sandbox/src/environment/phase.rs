//! A container in which an environment is made: lines run in it one after another, each with limits, and the result is kept.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, InspectContainerOptionsBuilder, StartContainerOptions,
    UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::diagnose::StepEnding;
use super::setup::{SECRETS, SetupLimits, SetupOptions};
use crate::backend::docker::{BOOT_LABEL, Container, DockerBackend, SetupUser};
use crate::error::SandboxError;
use crate::limits::Limits;
use crate::spec::{ImageRef, Labels, SandboxSpec};

/// Output of a step that is kept: its end.
const KEPT: usize = 256 << 10;
/// How long the engine may take to write a large image down.
const KEEP: Duration = Duration::from_secs(600);

/// How one line went.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    pub(super) ending: StepEnding,
    /// The end of what it printed, both streams as they came, secrets removed.
    pub(super) output: String,
}

impl Ran {
    pub(super) fn is_good(&self) -> bool {
        self.ending == StepEnding::Exited(0)
    }
}

/// A container that is being worked in.
pub(super) struct Phase<'a> {
    backend: &'a DockerBackend,
    container: Container,
    limits: SetupLimits,
    secrets: Vec<String>,
}

impl<'a> Phase<'a> {
    /// Creates a container; [`Phase::start`] comes next, after what is to be put into it.
    pub(super) async fn create(
        backend: &'a DockerBackend,
        image_id: &str,
        network: &str,
        user: SetupUser,
        options: &SetupOptions,
    ) -> Result<Phase<'a>, SandboxError> {
        let limits = options.limits.clone();
        let spec = SandboxSpec { limits: box_limits(&limits), ..SandboxSpec::new(Labels::for_job("setup")) };
        let container = backend.create_setup(&spec, image_id, network, user, SECRETS).await?;
        Ok(Phase { backend, container, limits, secrets: options.secrets() })
    }

    /// Unpacks an archive at the root of the container.
    pub(super) async fn upload(&self, archive: Vec<Bytes>) -> Result<(), SandboxError> {
        let engine = self.backend.engine();
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let body = bollard::body_stream(futures_util::stream::iter(archive));
        let docker = engine.docker.clone().with_timeout(KEEP);
        engine
            .within(
                KEEP,
                "put files into a container",
                docker.upload_to_container(self.container.id(), Some(options), body),
            )
            .await
    }

    pub(super) async fn start(&self) -> Result<(), SandboxError> {
        let engine = self.backend.engine();
        engine
            .work(
                "start a container",
                engine.docker.start_container(self.container.id(), None::<StartContainerOptions>),
            )
            .await
    }

    /// Writes a file through the container's own shell, so that it may lie on a file system in memory.
    pub(super) async fn write(&self, path: &str, text: &str) -> Result<(), SandboxError> {
        let quoted = shell_words::quote(path);
        let line = format!("umask 077; mkdir -p \"$(dirname {quoted})\" && cat > {quoted}");
        let ran = self.exec("/", &line, &[], Some(text)).await?;
        match ran.is_good() {
            true => Ok(()),
            false => Err(SandboxError::Workspace { detail: format!("{path}: {}", ran.output.trim()) }),
        }
    }

    /// Runs a line of shell.
    pub(super) async fn run(&self, cwd: &str, line: &str, variables: &[(String, String)]) -> Result<Ran, SandboxError> {
        let mut ran = self.exec(cwd, line, variables, None).await?;
        if ran.ending != StepEnding::Exited(0) && self.ran_out_of_memory().await {
            ran.ending = StepEnding::OutOfMemory;
        }
        if self.written().await? > self.limits.disk_bytes {
            ran.ending = StepEnding::DiskLimit;
        }
        Ok(ran)
    }

    async fn exec(
        &self,
        cwd: &str,
        line: &str,
        variables: &[(String, String)],
        input: Option<&str>,
    ) -> Result<Ran, SandboxError> {
        let engine = self.backend.engine();
        let options = CreateExecOptions {
            cmd: Some(vec!["/bin/sh".to_owned(), "-e".to_owned(), "-c".to_owned(), line.to_owned()]),
            env: Some(variables.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            working_dir: Some(cwd.to_owned()),
            attach_stdin: Some(input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let created = engine.work("prepare a command", engine.docker.create_exec(self.container.id(), options)).await?;
        let started = engine.work("start a command", engine.docker.start_exec(&created.id, None)).await?;
        let StartExecResults::Attached { output, input: mut stdin } = started else {
            return Err(SandboxError::Protocol { detail: "a command was not attached".into() });
        };
        if let Some(text) = input {
            let io = |source| SandboxError::Io { what: "write into a container", source };
            stdin.write_all(text.as_bytes()).await.map_err(io)?;
            stdin.shutdown().await.map_err(io)?;
        }
        let (stopped, kept) = self.listen(output).await;
        let ending = match stopped {
            Some(ending) => {
                self.container.kill().await?;
                ending
            }
            None => self.exit_code(&created.id).await?,
        };
        Ok(Ran { ending, output: self.shown(&kept) })
    }

    /// Reads what a command prints until it ends or is to be ended.
    async fn listen(
        &self,
        mut output: impl futures_util::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Unpin,
    ) -> (Option<StepEnding>, Vec<u8>) {
        let started = Instant::now();
        let mut kept = Vec::new();
        loop {
            let left = self.limits.total.saturating_sub(started.elapsed());
            let patience = left.min(self.limits.silence);
            match tokio::time::timeout(patience, output.next()).await {
                Ok(Some(Ok(chunk))) => {
                    kept.extend_from_slice(&chunk.into_bytes());
                    if kept.len() > 2 * KEPT {
                        kept.drain(..kept.len() - KEPT);
                    }
                }
                Ok(Some(Err(_)) | None) => return (None, kept),
                Err(_) if left <= self.limits.silence => {
                    return (Some(StepEnding::TotalTimeout(self.limits.total)), kept);
                }
                Err(_) => return (Some(StepEnding::Silence(self.limits.silence)), kept),
            }
        }
    }

    async fn exit_code(&self, exec: &str) -> Result<StepEnding, SandboxError> {
        let engine = self.backend.engine();
        let found = engine.ask("inspect a command", engine.docker.inspect_exec(exec)).await?;
        Ok(found.exit_code.map_or(StepEnding::Gone, StepEnding::Exited))
    }

    async fn ran_out_of_memory(&self) -> bool {
        let line = "cat /sys/fs/cgroup/memory/memory.oom_control /sys/fs/cgroup/memory.events 2>/dev/null || true";
        let said = self.exec("/", line, &[], None).await.map(|ran| ran.output).unwrap_or_default();
        said.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count.trim() != "0"))
    }

    /// Returns how much the container has written. The engine walks its files for the answer.
    async fn written(&self) -> Result<u64, SandboxError> {
        let engine = self.backend.engine();
        let options = InspectContainerOptionsBuilder::new().size(true).build();
        let found = engine
            .work("measure a container", engine.docker.inspect_container(self.container.id(), Some(options)))
            .await?;
        Ok(found.size_rw.and_then(|size| u64::try_from(size).ok()).unwrap_or(0))
    }

    fn shown(&self, output: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(output).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        text
    }

    /// Keeps what was made as an image and returns its id.
    pub(super) async fn keep(&self, image: &ImageRef, labels: &[(&str, String)]) -> Result<String, SandboxError> {
        let engine = self.backend.engine();
        let (name, tag) = image.as_str().rsplit_once(':').unwrap_or((image.as_str(), "latest"));
        let options =
            CommitContainerOptionsBuilder::new().container(self.container.id()).repo(name).tag(tag).pause(true).build();
        let mut all: HashMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        // An image hands its labels on, and a container with this one would be removed with its owner.
        all.insert(BOOT_LABEL.to_owned(), String::new());
        let config = ContainerConfig { labels: Some(all), ..Default::default() };
        let docker = engine.docker.clone().with_timeout(KEEP);
        let kept = engine.within(KEEP, "keep an image", docker.commit_container(options, config)).await?;
        Ok(kept.id)
    }

    /// Removes the container.
    pub(super) async fn close(mut self) -> Result<(), SandboxError> {
        self.container.remove().await
    }
}

fn box_limits(limits: &SetupLimits) -> Limits {
    Limits {
        memory_bytes: limits.memory_bytes,
        processes: limits.processes,
        cpus: limits.cpus,
        disk_bytes: limits.disk_bytes,
        open_files: 8192,
        ..Limits::default()
    }
}
