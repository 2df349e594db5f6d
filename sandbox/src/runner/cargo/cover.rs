//! Which lines a run of Rust's tests covers: `-C instrument-coverage` in the crates of the workspace, merged and exported by the LLVM
//! tools of the very compiler (`cargo/cover.sh`).
//!
//! Those tools are the toolchain's component `llvm-tools`, or a distribution's package of the same LLVM. Where they are not there,
//! the tests are built and run as ever, and the reason is told. Dependencies are not counted, and so not built anew; doc-tests are
//! not counted either.

use std::borrow::Cow;

use crate::format::lcov;
use crate::tool::{Collect, Step, StepKind, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

const REPORT: &str = "lines.info";
const NO_LINES: &str = "no-lines";

/// The part of the scripts' settings that makes builds count, once `cover.sh` has found its tools.
pub(super) const SETTINGS: &str = r#"
if [ -f "$reports/llvm" ]; then
    export RUSTC_WORKSPACE_WRAPPER="$root/.patchwright/count-lines"
    # Up to four processes write at once; more wait for one another, so that a thousand tests do not leave a thousand profiles.
    export LLVM_PROFILE_FILE="$reports/profiles/%4m.profraw"
fi
"#;

/// Makes a command's tests record what they cover.
pub(super) fn record(run: &ToolRun<'_>, cargo: &[String], command: &mut ToolCommand) {
    let script = |verb: &str| vec!["/bin/sh".to_owned(), format!("{}/cover.sh", run.reports), verb.to_owned()];
    let argv = [script("prepare"), cargo.to_vec()].concat();
    let env = super::environment();
    command.steps.insert(0, Step { kind: StepKind::Build, argv, env: env.clone() });
    command.steps.push(Step { kind: StepKind::After, argv: script("report"), env });
    command.support.push(("cover.sh".to_owned(), Cow::Borrowed(include_bytes!("cover.sh"))));
    command.collect.extend([REPORT, NO_LINES].map(|name| Collect::Reports(name.to_owned())));
}

/// Adds the lines that a run's report names, where they were asked for, or the reason why there are none.
pub(in crate::runner) fn add_lines(report: ToolReport, left: &ToolOutput<'_>) -> ToolReport {
    if left.run.coverage == Coverage::Off {
        return report;
    }
    let why = match (left.report(NO_LINES), left.report(REPORT)) {
        (Some(file), _) => String::from_utf8_lossy(&file.bytes).trim().to_owned(),
        (None, Some(file)) => {
            let lines = lcov::lines(&file.bytes, left.run.root);
            return report.covering(lines).or_why("no line of the workspace was run");
        }
        (None, None) => "llvm-cov made no report of the lines".to_owned(),
    };
    report.or_why(why)
}
