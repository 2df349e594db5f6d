//! From what the helper says to what callers are told. The helper's box is not trusted: everything here is data.

use std::time::Duration;

use repo::{FileMode, RepoPath};

use super::wire::{Changed, Ran, Refused, ended, kind, refusal as why};
use super::{Change, Changes};
use crate::backend::Pressure;
use crate::error::SandboxError;
use crate::protocol::{Done, Killed};
use crate::report::{RunEnding, text};
use crate::workbench::{CommandOutcome, command_ending};

/// What came of one command, in full.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) exit_code: Option<i32>,
    pub(super) ending: RunEnding,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Both, in the order in which they came.
    pub(super) merged: Vec<u8>,
    pub(super) cut: bool,
    pub(super) duration: Duration,
}

impl Execution {
    /// Reads the helper's account. Where the box cannot tell what the kernel refused, the backend's own counters do: how they stood
    /// before and after.
    pub(super) fn of(ran: &Ran<'_>, pressure: Option<(Pressure, Pressure)>) -> Self {
        let grown = |count: fn(&Pressure) -> u64| pressure.map(|(before, after)| count(&after) > count(&before));
        let signed = |code: Option<u32>| code.and_then(|code| i32::try_from(code).ok());
        let refused = ran.out_of_processes.or_else(|| grown(|it| it.refused_processes));
        let done = Done {
            exit: signed(ran.exit),
            signal: signed(ran.signal),
            killed: killed(ran.ended),
            unclean: None,
            oom: ran.out_of_memory.or_else(|| grown(|it| it.killed_for_memory)),
            refused: refused.or(Some(ran.many_processes)),
            full: ran.disk_full,
            crowded: ran.files_full,
            elapsed: 0.0,
        };
        let ending = match ran.ended {
            ended::PROCESSES => RunEnding::ProcessLimit,
            _ => command_ending(&done, ran.merged),
        };
        Self {
            exit_code: done.exit,
            ending,
            stdout: ran.stdout.to_vec(),
            stderr: ran.stderr.to_vec(),
            merged: ran.merged.to_vec(),
            cut: ran.cut,
            duration: Duration::from_micros(ran.elapsed_us),
        }
    }

    /// Returns the account of a command that was not even started, or of which nothing is known.
    pub(super) fn without_result(ending: RunEnding) -> Self {
        Self {
            exit_code: None,
            ending,
            stdout: Vec::new(),
            stderr: Vec::new(),
            merged: Vec::new(),
            cut: false,
            duration: Duration::ZERO,
        }
    }

    pub(super) fn outcome(self) -> CommandOutcome {
        let Self { exit_code, ending, merged, duration, .. } = self;
        CommandOutcome { exit_code, ending, output: text::plain(&merged), duration }
    }
}

fn killed(number: u8) -> Option<Killed> {
    match number {
        ended::BY_ITSELF | ended::PROCESSES => None,
        ended::TOTAL => Some(Killed::Total),
        ended::SILENCE => Some(Killed::Silence),
        ended::OUTPUT => Some(Killed::Output),
        ended::CPU => Some(Killed::Cpu),
        _ => Some(Killed::Gone),
    }
}

/// Returns why a request about files was refused.
pub(super) fn refusal(refused: &Refused<'_>) -> SandboxError {
    SandboxError::Workspace { detail: text::plain(refused.message) }
}

/// Returns why a command was not started: some reasons are outcomes, others are the caller's mistake.
pub(super) fn not_started(refused: &Refused<'_>) -> Result<RunEnding, SandboxError> {
    match refused.kind {
        why::DISK_FULL => Ok(RunEnding::DiskFull),
        why::PROCESSES => Ok(RunEnding::ProcessLimit),
        why::MEMORY => Ok(RunEnding::OutOfMemory),
        _ => Err(refusal(refused)),
    }
}

pub(super) fn changes(changed: &Changed<'_>) -> Changes {
    let mut changes = Changes {
        files: Vec::new(),
        special: changed.special,
        too_large: changed.too_large,
        left_out: changed.left_out,
        complete: changed.complete,
    };
    for file in &changed.files {
        let mode = match file.kind {
            kind::REGULAR => FileMode::Regular,
            kind::EXECUTABLE => FileMode::Executable,
            kind::LINK => FileMode::Symlink,
            _ => {
                changes.special += 1;
                continue;
            }
        };
        match RepoPath::new(file.path) {
            Ok(path) => changes.files.push(Change { path, mode, bytes: file.bytes.map(<[u8]>::to_vec) }),
            Err(_) => changes.left_out += 1,
        }
    }
    changes
}
