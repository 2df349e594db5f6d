//! A box without walls, for tests of the driver and the conversation with it: a plain child process in a temporary folder.

use std::process::Stdio;

use async_trait::async_trait;
use tokio::process::{Child, Command};

use crate::backend::{
    Backend, BackendKind, BoxEnding, BoxInput, BoxOutput, Check, ImageProgressFn, Isolation, Launched,
};
use crate::error::SandboxError;
use crate::reap::ReapReport;
use crate::spec::{ImageRef, SandboxSpec};

/// Makes boxes without walls.
pub(super) struct PlainBackend;

struct PlainBox {
    child: Child,
    workspace: String,
    _folder: tempfile::TempDir,
}

#[async_trait]
impl Backend for PlainBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Process
    }

    fn describe(&self) -> Isolation {
        Isolation { backend: BackendKind::Process, trusted_only: true, layers: Vec::new() }
    }

    async fn prepare(&self, _: Option<&ImageRef>, _: &ImageProgressFn<'_>) -> Result<Option<ImageRef>, SandboxError> {
        Ok(None)
    }

    async fn python(&self, spec: &SandboxSpec) -> Result<String, SandboxError> {
        Ok(spec.python.clone().unwrap_or_else(|| "python3".to_owned()))
    }

    async fn launch(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().to_str().unwrap().to_owned();
        let child = Command::new(&argv[0])
            .args(&argv[1..])
            .env("PATCHWRIGHT_WORKSPACE", &workspace)
            .envs(spec.env.iter().cloned())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| SandboxError::Io { what: "start a process", source })?;
        Ok(Box::new(PlainBox { child, workspace, _folder: folder }))
    }

    fn shows_mounts(&self) -> Result<(), String> {
        Err("a box without walls has no mounts of its own".into())
    }

    async fn launch_station(&self, spec: &SandboxSpec) -> Result<Box<dyn Launched>, SandboxError> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("station");
        std::fs::write(&program, crate::station::helper::PROGRAM).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.launch(spec, &[program.to_str().unwrap().to_owned()]).await
    }

    async fn reap(&self, _: &str) -> Result<ReapReport, SandboxError> {
        Ok(ReapReport::default())
    }

    async fn probe(&self) -> Vec<Check> {
        Vec::new()
    }
}

#[async_trait]
impl Launched for PlainBox {
    fn stdio(&mut self) -> Option<(BoxInput, BoxOutput)> {
        Some((Box::pin(self.child.stdin.take()?), Box::pin(self.child.stdout.take()?)))
    }

    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn stderr_tail(&self) -> String {
        String::new()
    }

    async fn kill(&mut self) -> Result<(), SandboxError> {
        self.child.start_kill().map_err(|source| SandboxError::Io { what: "kill a process", source })
    }

    async fn wait(&mut self) -> Result<BoxEnding, SandboxError> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().await.map_err(|source| SandboxError::Io { what: "wait", source })?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => BoxEnding::Exited(code),
            (None, signal) => BoxEnding::Signalled(signal.unwrap_or_default()),
        })
    }

    async fn close(mut self: Box<Self>) -> Result<(), SandboxError> {
        let _ = self.kill().await;
        self.wait().await.map(|_| ())
    }
}
