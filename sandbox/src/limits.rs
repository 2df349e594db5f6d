//! How much a box may use. Each backend enforces these with its own means and says in [`crate::Isolation`] which it can.
//!
//! Every limit has a verdict of its own (see [`crate::RunEnding`]): none of them is a test that failed, and none a broken machine.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Descriptors that a box needs for itself, whatever a caller asks for.
const LEAST_OPEN_FILES: u64 = 64;

/// What one box may use before it is stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Memory of everything in the box, including its in-memory file systems; swap is not given.
    pub memory_bytes: u64,
    /// Processes and threads alive at one time.
    pub processes: u32,
    /// Processor time per second of wall time, where cgroups can be used.
    pub cpus: f64,
    /// Processor time that one command may use, over all of its processes.
    pub cpu_time: Duration,
    /// Size of the workspace, and of `/tmp`; also the largest single file.
    pub disk_bytes: u64,
    /// Files, directories and links in the workspace, and in `/tmp`.
    pub files: u64,
    /// Files that one process may hold open.
    pub open_files: u64,
    /// Output kept of one command, head and tail together.
    pub output_bytes: usize,
    /// Longest time one command may take.
    pub total: Duration,
    /// Longest time one command may take without printing anything.
    pub silence: Duration,
}

impl Limits {
    /// Returns the open files that a process of the box is given.
    pub(crate) fn descriptors(&self) -> u64 {
        self.open_files.max(LEAST_OPEN_FILES)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2048 * MIB,
            processes: 256,
            cpus: 2.0,
            cpu_time: Duration::from_secs(1200),
            disk_bytes: 1024 * MIB,
            files: 262_144,
            open_files: 1024,
            output_bytes: 5 << 20,
            total: Duration::from_secs(600),
            silence: Duration::from_secs(120),
        }
    }
}
