//! The engine for every test tool that is a command line: a station, and a workspace of its own for each request.

mod forks;

use repo::RepoPath;

use self::forks::Forks;
use super::{CommandOutcome, CommandRequest, TestRequest, WorkFile};
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::report::TestReport;
use crate::runner;
use crate::spec::SandboxSpec;

/// What is set in every box unless the caller sets it: a candidate is compared with the base, so sets and hashes have the same order
/// in every run, and bytecode that looks as old as its source is not kept.
const DEFAULTS: &[(&str, &str)] = &[("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1")];

/// A box with a station in it.
pub(super) struct Stationed {
    forks: Forks,
}

impl Stationed {
    pub(super) async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let mut spec = spec.clone();
        for (name, value) in DEFAULTS {
            if !spec.env.iter().any(|(known, _)| known == name) {
                spec.env.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        Ok(Self { forks: Forks::start(backend, &spec).await? })
    }

    pub(super) async fn put(&mut self, files: &[WorkFile]) -> Result<(), SandboxError> {
        self.forks.put(files).await
    }

    pub(super) async fn pull(&self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        self.forks.pull(path, limit).await
    }

    /// Runs the tool of a plan in a workspace with the request's overlay.
    pub(super) async fn run_tests(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let kind = request.plan.runner;
        let tool = runner::all().iter().find(|runner| runner.kind() == kind).and_then(|runner| runner.tool());
        let tool = tool.ok_or_else(|| SandboxError::Workspace {
            detail: format!("{kind:?} has no command line of its own; start the workbench with this plan"),
        })?;
        let fork = self.forks.fork(&request.overlay).await?;
        let report = self.forks.station().run_tool(fork.place(), &request.plan, tool, request).await;
        self.forks.drop_fork(fork).await?;
        report
    }

    pub(super) async fn run_command(&mut self, request: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        let fork = self.forks.fork(&request.overlay).await?;
        let plain = CommandRequest { overlay: Vec::new(), ..request.clone() };
        let outcome = self.forks.station().run(fork.place(), &plain).await;
        self.forks.drop_fork(fork).await?;
        outcome
    }

    pub(super) fn is_alive(&self) -> bool {
        self.forks.station().is_alive()
    }

    pub(super) async fn close(self) -> Result<(), SandboxError> {
        self.forks.close().await
    }
}
