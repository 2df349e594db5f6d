//! What can be seen from inside a box of the limits it runs into.

use std::os::fd::OwnedFd;

use super::tree;

/// Below this many free bytes a disk counts as full.
const FULL: u64 = 64 << 10;

/// Counters of the kernel about the whole box, where they can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Processes killed for want of memory.
    pub(crate) killed: Option<u64>,
    /// Processes refused.
    pub(crate) refused: Option<u64>,
}

impl Counters {
    pub(crate) fn read() -> Self {
        // The second version of control groups, then the first.
        let killed = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];
        let refused = ["/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events"];
        Self {
            killed: killed.iter().find_map(|path| counter(path, "oom_kill")),
            refused: refused.iter().find_map(|path| counter(path, "max")),
        }
    }

    /// Returns how much the first counter has grown since.
    pub(crate) fn killed_since(&self, before: &Self) -> Option<u64> {
        Some(self.killed?.saturating_sub(before.killed?))
    }

    /// Returns how much the second counter has grown since.
    pub(crate) fn refused_since(&self, before: &Self) -> Option<u64> {
        Some(self.refused?.saturating_sub(before.refused?))
    }
}

fn counter(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// The file systems that a command fills, and whether one of them was seen full.
pub(crate) struct Disks {
    folders: Vec<OwnedFd>,
    pub(crate) bytes_full: bool,
    pub(crate) files_full: bool,
}

impl Disks {
    pub(crate) fn new(folders: Vec<OwnedFd>) -> Self {
        Self { folders, bytes_full: false, files_full: false }
    }

    pub(crate) fn look(&mut self) {
        for (bytes, files) in self.folders.iter().filter_map(super::sys::room) {
            self.bytes_full |= bytes < FULL;
            self.files_full |= files == Some(0);
        }
    }
}

/// One process of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    parent: i32,
}

/// Returns the processes that descend from one, those that have ended left out.
pub(crate) fn descendants(of: i32) -> Vec<i32> {
    let all: Vec<Process> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some(Process { pid, parent: living_parent(pid)? }))
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(all.iter().filter(|it| it.parent == parent && it.pid != parent).map(|it| it.pid));
        next += 1;
    }
    found.split_off(1)
}

fn living_parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let after = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(after + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

/// Returns the processor time of processes and of those of their children that they waited for, in milliseconds.
pub(crate) fn cpu_ms(processes: &[i32]) -> u64 {
    /// The kernel counts for programs in hundredths of a second, whatever it does itself.
    const TICK_MS: u64 = 10;
    let ticks = |pid: &i32| -> Option<u64> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let after = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(stat.get(after + 1..)?).ok()?;
        Some(rest.split_ascii_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum())
    };
    processes.iter().filter_map(ticks).sum::<u64>() * TICK_MS
}

/// Returns whether one of these processes holds as many files open as it may.
pub(crate) fn out_of_files(processes: &[i32], most: u64) -> bool {
    processes.iter().any(|pid| {
        let Ok(folder) = tree::open(format!("/proc/{pid}/fd").as_bytes()) else { return false };
        // Since Linux 6.2 the size is the number of open files; before, they have to be counted.
        match super::sys::status(&folder, b"") {
            Ok(status) if status.size > 0 => status.size >= most,
            _ => super::sys::names(&folder).is_ok_and(|names| names.len() as u64 >= most),
        }
    })
}
