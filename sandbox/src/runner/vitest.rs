//! Vitest: a reporter of ours, never watching, one worker; coverage by the repository's own `@vitest/coverage-*` where it has one.

use super::node::{self, Invocation, Selection};
use super::{Detected, Files, Runner, RunnerKind, script};
use crate::tool::{Collect, StepKind, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct Vitest;

const REPORTER: &str = include_str!("reporters/vitest.mjs");
const OURS: &[&str] = &[
    "--watch",
    "-w",
    "--ui",
    "--open",
    "--reporter",
    "--outputFile",
    "--coverage*",
    "--color",
    "--run",
    "--update",
    "-u",
    "--passWithNoTests",
    "--silent",
    "--changed",
    "--standalone",
    "--hideSkippedTests",
];
const VALUES: &[&str] = &[
    "--reporter",
    "--outputFile",
    "--config",
    "-c",
    "--root",
    "-r",
    "--dir",
    "--testNamePattern",
    "-t",
    "--environment",
    "--env",
    "--project",
    "--mode",
    "--pool",
    "--testTimeout",
    "--hookTimeout",
    "--shard",
    "--exclude",
    "--bail",
    "--retry",
];

impl Runner for Vitest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Vitest
    }

    fn claims(&self, words: &[String]) -> bool {
        let call = Invocation::read(words).filter(|call| call.tool == RunnerKind::Vitest);
        call.is_some_and(|call| {
            !matches!(call.args.first().map(String::as_str), Some("bench" | "list" | "init" | "typecheck"))
        })
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        script::detect(files, RunnerKind::Vitest)
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Vitest)
    }
}

impl Tool for Vitest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(call) = Invocation::read(run.words) else { return ToolCommand::default() };
        let verb = usize::from(matches!(call.args.first().map(String::as_str), Some("run" | "watch" | "dev")));
        let mut args = node::without(&call.args[verb..], OURS, VALUES);
        args.insert(0, "run".to_owned());
        args.push("--watch=false".to_owned());
        args.push(format!("--reporter={}/vitest.mjs", run.reports));
        match run.coverage {
            Coverage::Off => args.push("--coverage.enabled=false".to_owned()),
            Coverage::PerTest => args.extend([
                "--coverage.enabled=where-installed".to_owned(),
                "--coverage.reporter=json".to_owned(),
                "--coverage.reportOnFailure=true".to_owned(),
                format!("--coverage.reportsDirectory={}/coverage", run.reports),
            ]),
        }
        if let Some(selection) = Selection::of(run) {
            args = node::options(&args, VALUES);
            args.insert(0, "run".to_owned());
            args.extend(selection.names.map(|names| format!("--testNamePattern={names}")));
            args.extend(selection.files);
        }
        let mut command = node::command(run, &call, &[("vitest.mjs", REPORTER)], args);
        for step in command.steps.iter_mut().filter(|step| step.kind == StepKind::Test) {
            for name in ["MIN_THREADS", "MAX_THREADS", "MIN_FORKS", "MAX_FORKS", "MAX_WORKERS"] {
                step.env.push((format!("VITEST_{name}"), "1".to_owned()));
            }
        }
        command.collect.push(Collect::Reports(node::ISTANBUL.to_owned()));
        command
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        node::read(left)
            .or_why("Vitest counts lines only with the package @vitest/coverage-v8 or @vitest/coverage-istanbul")
    }
}
