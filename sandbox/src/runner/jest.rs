//! Jest, also as `react-scripts test`: a reporter of ours, one process, coverage by Jest's own instruments.

use super::node::{self, Invocation, Selection};
use super::{Detected, Files, Runner, RunnerKind, script};
use crate::tool::{Collect, Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

pub(super) struct Jest;

const REPORTER: &str = include_str!("reporters/jest.cjs");
/// Options that are ours to set.
const OURS: &[&str] = &[
    "--watch*",
    "--coverage*",
    "--collectCoverage*",
    "--reporters",
    "--json",
    "--outputFile",
    "--silent",
    "--verbose",
    "--ci",
    "--runInBand",
    "-i",
    "--maxWorkers",
    "-w",
    "--color",
    "--colors",
    "--passWithNoTests",
    "--onlyChanged",
    "-o",
    "--changedSince",
    "--lastCommit",
    "--notify",
    "--updateSnapshot",
    "-u",
];
/// Options with a value of their own.
const VALUES: &[&str] = &[
    "--coverageReporters",
    "--coverageDirectory",
    "--coverageProvider",
    "--collectCoverageFrom",
    "--coverageThreshold",
    "--reporters",
    "--outputFile",
    "--maxWorkers",
    "-w",
    "--changedSince",
    "--config",
    "-c",
    "--rootDir",
    "--env",
    "--testEnvironment",
    "-t",
    "--testNamePattern",
    "--testTimeout",
    "--selectProjects",
    "--testPathPattern",
    "--testPathPatterns",
    "--testPathIgnorePatterns",
    "--setupFilesAfterEnv",
    "--testRunner",
    "--shard",
    "--roots",
    "--moduleDirectories",
    "--transform",
    "--bail",
    "-b",
];

impl Runner for Jest {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Jest
    }

    fn claims(&self, words: &[String]) -> bool {
        Invocation::read(words).is_some_and(|call| call.tool == RunnerKind::Jest)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        script::detect(files, RunnerKind::Jest)
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Jest)
    }
}

impl Tool for Jest {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(call) = Invocation::read(run.words) else { return ToolCommand::default() };
        let mut args = node::without(&call.args, OURS, VALUES);
        let fixed = ["--runInBand", "--ci", "--colors=false", "--watchAll=false", "--passWithNoTests=false"];
        args.extend(fixed.map(str::to_owned));
        args.push(format!("--reporters={}/jest.cjs", run.reports));
        match run.coverage {
            Coverage::Off => args.push("--coverage=false".to_owned()),
            Coverage::PerTest => args.extend([
                "--coverage".to_owned(),
                "--coverageReporters=json".to_owned(),
                "--coverageThreshold={}".to_owned(),
                format!("--coverageDirectory={}/coverage", run.reports),
            ]),
        }
        if let Some(selection) = Selection::of(run) {
            let test = (call.package == "react-scripts").then(|| "test".to_owned());
            args = test.into_iter().chain(node::options(&args, VALUES)).collect();
            args.extend(selection.names.map(|names| format!("--testNamePattern={names}")));
            args.push("--runTestsByPath".to_owned());
            args.extend(selection.files);
        }
        let mut command = node::command(run, &call, &[("jest.cjs", REPORTER)], args);
        command.collect.push(Collect::Reports(node::ISTANBUL.to_owned()));
        command
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        node::read(left)
    }
}
