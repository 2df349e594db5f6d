//! AVA: a reporter of ours in the place of its TAP reporter, test files in processes of their own, one after another; lines by V8.

use super::node::{self, Invocation, Selection};
use super::{Detected, Files, Runner, RunnerKind, script};
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Ava;

const REPORTER: &str = include_str!("reporters/ava.mjs");
const OURS: &[&str] = &[
    "--tap",
    "-t",
    "--watch",
    "-w",
    "--verbose",
    "-v",
    "--color",
    "--concurrency",
    "-c",
    "--update-snapshots",
    "-u",
    "--serial",
    "-s",
    "--worker-threads",
];
const VALUES: &[&str] = &["--concurrency", "-c", "--match", "-m", "--timeout", "-T", "--config", "--node-arguments"];

impl Runner for Ava {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Ava
    }

    fn claims(&self, words: &[String]) -> bool {
        let call = Invocation::read(words).filter(|call| call.tool == RunnerKind::Ava);
        call.is_some_and(|call| !matches!(call.args.first().map(String::as_str), Some("debug" | "reset-cache")))
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        script::detect(files, RunnerKind::Ava)
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Ava)
    }
}

impl Tool for Ava {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(mut call) = Invocation::read(run.words) else { return ToolCommand::default() };
        let mut args = node::without(&call.args, OURS, VALUES);
        if let Some(selection) = Selection::of(run) {
            // Its patterns cannot be escaped, so whole files are run.
            args = node::options(&args, VALUES);
            args.extend(selection.files);
        }
        args.extend(["--tap", "--no-worker-threads", "--concurrency=1", "--serial"].map(str::to_owned));
        call.node.push(format!("--import={}/ava.mjs", run.reports));
        node::count_lines(node::command(run, &call, &[("ava.mjs", REPORTER)], args), run)
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        node::read(left)
    }
}
