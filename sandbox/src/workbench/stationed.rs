//! The engine for every test tool that is a command line: a station, and a workspace of its own for each request.

mod forks;

use std::time::SystemTime;

use repo::RepoPath;

use self::forks::Forks;
use super::{CommandOutcome, CommandRequest, Coverage, TestRequest, WorkFile};
use crate::backend::Backend;
use crate::error::SandboxError;
use crate::report::{RunEnding, TestReport};
use crate::runner::{self, RunnerKind};
use crate::spec::SandboxSpec;
use crate::station::Changes;
use crate::tool::Tool;
use crate::workspace::reuse::{Reuse, Start};

/// What is set in every box unless the caller sets it: a candidate is compared with the base, so sets and hashes have the same order
/// in every run, and bytecode that looks as old as its source is not kept.
const DEFAULTS: &[(&str, &str)] = &[("PYTHONHASHSEED", "0"), ("PYTHONDONTWRITEBYTECODE", "1")];

/// A box with a station in it.
pub(super) struct Stationed {
    forks: Forks,
    reuse: Reuse,
}

impl Stationed {
    pub(super) async fn start(backend: &dyn Backend, spec: &SandboxSpec) -> Result<Self, SandboxError> {
        let mut spec = spec.clone();
        for (name, value) in DEFAULTS {
            if !spec.env.iter().any(|(known, _)| known == name) {
                spec.env.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        Ok(Self { forks: Forks::start(backend, &spec).await?, reuse: Reuse::default() })
    }

    pub(super) async fn put(&mut self, files: &[WorkFile]) -> Result<(), SandboxError> {
        self.forks.put(files).await
    }

    pub(super) async fn pull(&mut self, path: &RepoPath, limit: usize) -> Result<Vec<u8>, SandboxError> {
        self.forks.pull(path, limit).await
    }

    /// Runs the tool of a plan in a workspace with the request's overlay.
    pub(super) async fn run_tests(&mut self, request: &TestRequest) -> Result<TestReport, SandboxError> {
        let kind = request.plan.runner;
        let tool = runner::all().iter().find(|runner| runner.kind() == kind).and_then(|runner| runner.tool());
        let tool = tool.ok_or_else(|| SandboxError::Workspace {
            detail: format!("{kind:?} has no command line of its own; start the workbench with this plan"),
        })?;
        if self.reuse.start() == Start::Fresh {
            self.forks.forget();
        }
        if !leaves_products(request) || !self.forks.can_build_on(&request.overlay) {
            return self.run_once(tool, request, Start::Fresh).await;
        }
        let reused = self.run_once(tool, request, Start::Parent).await?;
        if !self.reuse.must_repeat(&reused) || !self.is_alive() {
            return Ok(reused);
        }
        let fresh = self.run_once(tool, request, Start::Fresh).await?;
        self.reuse.compare(&reused, &fresh);
        Ok(fresh)
    }

    /// Runs a tool in a workspace, and keeps what its build left for others.
    async fn run_once(
        &mut self,
        tool: &dyn Tool,
        request: &TestRequest,
        start: Start,
    ) -> Result<TestReport, SandboxError> {
        let leaf = self.forks.fork_from(start, &request.overlay).await?;
        let report = self.forks.station().run_tool(leaf.place(), &request.plan, tool, request).await;
        let of_use = leaves_products(request) && self.reuse.start() == Start::Parent;
        match &report {
            // A build that was cut short, or had nothing to do with these tests, is nothing to build upon.
            Ok(done) if of_use && done.ending == RunEnding::Complete && self.is_alive() => {
                if let Some(newest) = self.forks.keep(leaf, &request.overlay).await? {
                    self.reuse.dated(newest, SystemTime::now());
                }
            }
            Ok(_) | Err(_) => self.forks.remove(leaf).await?,
        }
        report
    }

    pub(super) async fn run_command(&mut self, request: &CommandRequest) -> Result<CommandOutcome, SandboxError> {
        let fork = self.forks.fork(&request.overlay).await?;
        let plain = CommandRequest { overlay: Vec::new(), ..request.clone() };
        let outcome = self.forks.station().run(fork.place(), &plain).await;
        self.forks.remove(fork).await?;
        outcome
    }

    /// Runs a command and returns what it changed beyond the request's overlay.
    pub(super) async fn run_for_changes(
        &mut self,
        request: &CommandRequest,
        most: usize,
    ) -> Result<(CommandOutcome, Changes), SandboxError> {
        let fork = self.forks.fork(&request.overlay).await?;
        let plain = CommandRequest { overlay: Vec::new(), ..request.clone() };
        let station = self.forks.station();
        let ran = async {
            let mark = station.mark(fork.place()).await?;
            let outcome = station.run(fork.place(), &plain).await?;
            // A command that brought its box down changed nothing that could be believed.
            let is_alive = station.is_alive();
            let changes = if is_alive { station.changes(fork.place(), &mark, most).await? } else { Changes::default() };
            Ok((outcome, changes))
        };
        let ran = ran.await;
        self.forks.remove(fork).await?;
        ran
    }

    pub(super) fn is_alive(&self) -> bool {
        self.forks.is_alive()
    }

    pub(super) fn notice(&self) -> Option<String> {
        self.forks.notice()
    }

    pub(super) async fn close(self) -> Result<(), SandboxError> {
        self.forks.close().await
    }
}

/// Whether a run builds something in the workspace that a later run can use. What is only interpreted has nothing of the kind, what
/// Go builds is in a cache of its own that goes by content, and what is built for coverage is of no use without.
fn leaves_products(request: &TestRequest) -> bool {
    let builds = match request.plan.runner {
        RunnerKind::CargoTest
        | RunnerKind::Nextest
        | RunnerKind::Maven
        | RunnerKind::Gradle
        | RunnerKind::GoogleTest
        | RunnerKind::Catch2
        | RunnerKind::Ctest
        | RunnerKind::DotnetTest => true,
        RunnerKind::Pytest
        | RunnerKind::Unittest
        | RunnerKind::Django
        | RunnerKind::Sympy
        | RunnerKind::Nose
        | RunnerKind::Jest
        | RunnerKind::Vitest
        | RunnerKind::Mocha
        | RunnerKind::NodeTest
        | RunnerKind::Ava
        | RunnerKind::Karma
        | RunnerKind::GoTest
        | RunnerKind::Tap
        | RunnerKind::Rspec
        | RunnerKind::Minitest
        | RunnerKind::PhpUnit
        | RunnerKind::Command => false,
    };
    builds && request.coverage == Coverage::Off
}

#[cfg(test)]
mod tests;
