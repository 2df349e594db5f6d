//! Boxes as containers of a Docker Engine, hardened so that nothing but time and the given limits can be used up.

use async_trait::async_trait;

use super::{Backend, BackendKind, Check, ConnectOptions, ImageProgressFn, Isolation, Launched};
use crate::error::SandboxError;
use crate::reap::ReapReport;
use crate::spec::{ImageRef, SandboxSpec};

/// A connection to a Docker Engine.
#[derive(Debug)]
pub struct DockerBackend {}

impl DockerBackend {
    /// Connects.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, SandboxError> {
        Err(SandboxError::EngineUnreachable { socket: format!("{options:?}"), reason: "not connected".into() })
    }
}

#[async_trait]
impl Backend for DockerBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Docker
    }
    fn describe(&self) -> Isolation {
        Isolation { backend: BackendKind::Docker, trusted_only: false, layers: Vec::new() }
    }
    async fn prepare(
        &self,
        image: Option<&ImageRef>,
        _progress: &ImageProgressFn<'_>,
    ) -> Result<Option<ImageRef>, SandboxError> {
        Ok(image.cloned())
    }
    async fn python(&self, spec: &SandboxSpec) -> Result<String, SandboxError> {
        Ok(spec.python.clone().unwrap_or_else(|| "python3".into()))
    }
    async fn launch(&self, _spec: &SandboxSpec, _argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        Err(SandboxError::EngineUnreachable { socket: String::new(), reason: "not connected".into() })
    }
    async fn reap(&self, _boot: &str) -> Result<ReapReport, SandboxError> {
        Ok(ReapReport::default())
    }
    async fn probe(&self) -> Vec<Check> {
        Vec::new()
    }
}
