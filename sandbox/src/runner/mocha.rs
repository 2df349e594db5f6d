//! Mocha: a reporter of ours, one process; lines by V8.

use super::node::{self, Invocation, Selection};
use super::{Detected, Files, Runner, RunnerKind, script};
use crate::tool::{Tool, ToolCommand, ToolOutput, ToolReport, ToolRun};

pub(super) struct Mocha;

const REPORTER: &str = include_str!("reporters/mocha.cjs");
const OURS: &[&str] = &[
    "--reporter",
    "-R",
    "--reporter-option",
    "--reporter-options",
    "-O",
    "--watch",
    "-w",
    "--watch-files",
    "--watch-ignore",
    "--color",
    "--colors",
    "-c",
    "-C",
    "--parallel",
    "-p",
    "--jobs",
    "-j",
    "--growl",
    "--dry-run",
    "--pass-on-failing-test-suite",
];
const VALUES: &[&str] = &[
    "--reporter",
    "-R",
    "--reporter-option",
    "--reporter-options",
    "-O",
    "--watch-files",
    "--watch-ignore",
    "--jobs",
    "-j",
    "--config",
    "--package",
    "--require",
    "-r",
    "--timeout",
    "-t",
    "--slow",
    "-s",
    "--ui",
    "-u",
    "--grep",
    "-g",
    "--fgrep",
    "-f",
    "--retries",
    "--file",
    "--ignore",
    "--exclude",
    "--extension",
    "--spec",
    "--import",
    "--loader",
    "--node-option",
    "-n",
    "--experimental-loader",
    "--global",
    "--globals",
];

impl Runner for Mocha {
    fn kind(&self) -> RunnerKind {
        RunnerKind::Mocha
    }

    fn claims(&self, words: &[String]) -> bool {
        Invocation::read(words).is_some_and(|call| call.tool == RunnerKind::Mocha)
    }

    fn detect(&self, files: &Files<'_>) -> Option<Detected> {
        script::detect(files, RunnerKind::Mocha)
    }

    fn tool(&self) -> Option<&'static dyn Tool> {
        Some(&Mocha)
    }
}

impl Tool for Mocha {
    fn command(&self, run: &ToolRun<'_>) -> ToolCommand {
        let Some(call) = Invocation::read(run.words) else { return ToolCommand::default() };
        let mut args = node::without(&call.args, OURS, VALUES);
        if let Some(selection) = Selection::of(run) {
            // A configuration's own files are run as well; the expression leaves their tests out.
            args = node::options(&node::without(&args, &["--spec", "--invert", "-i"], VALUES), VALUES);
            if let Some(names) = selection.names {
                args = node::without(&args, &["--grep", "-g", "--fgrep", "-f"], VALUES);
                args.extend(["--grep".to_owned(), format!("/{names}/")]);
            }
            args.extend(selection.files);
        }
        args.extend(["--no-color", "--no-parallel", "--reporter"].map(str::to_owned));
        args.push(format!("{}/mocha.cjs", run.reports));
        node::count_lines(node::command(run, &call, &[("mocha.cjs", REPORTER)], args), run)
    }

    fn read(&self, left: &ToolOutput<'_>) -> ToolReport {
        node::read(left)
    }
}
