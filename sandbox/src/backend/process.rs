//! Boxes as confined processes of this machine, for code that is trusted not to attack the kernel.

use async_trait::async_trait;

use super::{Backend, BackendKind, Check, ImageProgressFn, Isolation, Launched};
use crate::error::SandboxError;
use crate::reap::ReapReport;
use crate::spec::{ImageRef, SandboxSpec};

/// The kernel of this machine.
#[derive(Debug)]
pub struct ProcessBackend {}

impl ProcessBackend {
    /// Connects.
    pub async fn connect() -> Result<Self, SandboxError> {
        Err(SandboxError::EngineUnreachable { socket: String::new(), reason: "not connected".into() })
    }
}

#[async_trait]
impl Backend for ProcessBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Process
    }
    fn describe(&self) -> Isolation {
        Isolation { backend: BackendKind::Process, trusted_only: true, layers: Vec::new() }
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
