//! Node's own test runner: each file in a process of its own, as `node --test` does it, with a reporter of ours in it.

use super::node::{self, Invocation, Selection};
use super::{Detected, Files, Runner, RunnerKind, script};
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct NodeTest;

const DRIVER: &str = include_str!("reporters/node.mjs");
const REPORTER: &str = include_str!("reporters/node-reporter.mjs");

impl Runner for NodeTest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::NodeTest
    }

    fn claims(&self, words: &[String]) -> bool {
        Invocation::read(words).is_some_and(|call| call.tool == RunnerKind::NodeTest)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        script::detect(files, RunnerKind::NodeTest)
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&NodeTest)
    }
}

impl Tool for NodeTest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(call) = Invocation::read(run.words) else { return ToolCommand::default() };
        // Names are not given to Node: it would run a matching test without the subtests that do not match.
        let selection = Selection::of(run);
        let chosen = selection.is_some();
        let patterns = selection.map_or_else(|| call.args.clone(), |selection| selection.files);
        let wish = serde_json::json!({ "flags": call.node, "patterns": patterns, "chosen": chosen });
        let argv = vec!["node".to_owned(), format!("{}/node.mjs", run.reports), wish.to_string()];
        let files = [("node.mjs", DRIVER), ("node-reporter.mjs", REPORTER)];
        node::count_lines(node::of_argv(run, &call, &files, argv), run)
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        node::read(left)
    }
}
