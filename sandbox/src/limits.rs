//! How much a box may use. Each backend enforces these with its own means and says in [`crate::Isolation`] which it can.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// What one box may use before it is stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Memory of everything in the box, including its in-memory file systems; swap is not given.
    pub memory_bytes: u64,
    /// Processes and threads alive at one time.
    pub processes: u32,
    /// Processor time per second of wall time, where cgroups can be used.
    pub cpus: f64,
    /// Size of the workspace, and of `/tmp`; also the largest single file.
    pub disk_bytes: u64,
    /// Output kept of one command, head and tail together.
    pub output_bytes: usize,
    /// Longest time one command may take.
    pub total: Duration,
    /// Longest time one command may take without printing anything.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2048 * MIB,
            processes: 256,
            cpus: 2.0,
            disk_bytes: 1024 * MIB,
            output_bytes: 5 << 20,
            total: Duration::from_secs(600),
            silence: Duration::from_secs(120),
        }
    }
}
