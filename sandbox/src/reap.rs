//! Tells which boxes belong to a process that is dead.
//!
//! A box is labelled with its owner: the kernel's boot id, the owner's process id and the time that process started, so that a
//! reused process id is not mistaken for the owner. Only boxes whose owner is certainly gone are removed.

use std::fmt;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::backend::Backend;
use crate::error::SandboxError;

/// What removing left-overs did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReapReport {
    /// Boxes that were removed.
    pub removed: Vec<String>,
    /// Boxes that stay because their owner is, or may be, alive.
    pub kept: Vec<String>,
    /// Boxes of dead owners that could not be removed, and why.
    pub failed: Vec<(String, String)>,
}

impl fmt::Display for ReapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} removed, {} kept for their living owners", self.removed.len(), self.kept.len())?;
        self.failed.iter().try_for_each(|(id, reason)| write!(f, ", {id} could not be removed ({reason})"))
    }
}

/// Removes left-overs again and again, for a process that lives long.
pub struct Reaper {
    backend: Arc<dyn Backend>,
    every: Duration,
}

impl Reaper {
    /// How often left-overs are looked for unless somebody says otherwise.
    pub const USUAL: Duration = Duration::from_secs(60);
    /// How long one look may take; what is left then waits for the next.
    const MOST: Duration = Duration::from_secs(300);

    /// Prepares to look so often in a backend.
    pub fn new(backend: Arc<dyn Backend>, every: Duration) -> Self {
        Self { backend, every }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When the backend cannot be asked now; the next look may succeed.
    pub async fn tick(&self) -> Result<ReapReport, SandboxError> {
        match tokio::time::timeout(Self::MOST, self.backend.reap(&current_boot())).await {
            Ok(report) => report,
            Err(_) => Err(SandboxError::EngineTimeout { what: "remove left-overs", after: Self::MOST }),
        }
    }

    /// Looks until it is stopped, and tells what came of each look that found something or failed.
    pub async fn run(self, stop: impl Future<Output = ()>, tell: impl Fn(Result<ReapReport, SandboxError>)) {
        let mut stop = std::pin::pin!(stop);
        let mut clock = tokio::time::interval(self.every);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = clock.tick() => {}
            }
            match self.tick().await {
                Ok(report) if report.removed.is_empty() && report.failed.is_empty() => {}
                looked => tell(looked),
            }
        }
    }
}

/// Returns the label of boxes that belong to this process.
pub fn current_boot() -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let pid = std::process::id();
        Boot { kernel: kernel_boot(), namespace: pid_namespace(), pid, started: started(pid).unwrap_or(0) }.to_string()
    })
    .clone()
}

const PREFIX: &str = "patchwright-box.";

/// Returns a name that nothing else has and that tells its owner.
pub(crate) fn new_name(boot: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}.{count}", boot.replace('/', "_"))
}

fn owner_of_name(name: &str) -> Option<String> {
    let (boot, _count) = name.strip_prefix(PREFIX)?.rsplit_once('.')?;
    Some(boot.replace('_', "/"))
}

/// Makes a temporary folder that goes with its value, and that the next start removes if this process is killed.
///
/// # Errors
/// When the folder cannot be made.
pub fn temporary_folder() -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(&new_name(&current_boot())).rand_bytes(0).tempdir()
}

/// Removes what bears a name of ours if its owner is dead.
pub(crate) fn remove_if_dead(report: &mut ReapReport, name: &str, boot: &str, remove: impl FnOnce() -> io::Result<()>) {
    let Some(found) = owner_of_name(name) else { return };
    if found == boot || owner(&found) != Owner::Dead {
        report.kept.push(name.to_owned());
        return;
    }
    match remove() {
        Ok(()) => report.removed.push(name.to_owned()),
        // Somebody else was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => report.failed.push((name.to_owned(), error.to_string())),
    }
}

/// Removes the temporary folders of dead processes.
pub(crate) fn reap_folders(report: &mut ReapReport, boot: &str) {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        remove_if_dead(report, &name, boot, || fs::remove_dir_all(entry.path()));
    }
}

/// Whether the owner of a box is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The process runs.
    Alive,
    /// The process, or the kernel it ran on, is gone.
    Dead,
    /// The process cannot be seen from here: another process-id namespace, or a label of another version.
    Unknown,
}

/// Returns whether the process that wrote this label is there.
pub fn owner(boot: &str) -> Owner {
    let Some(boot) = Boot::parse(boot) else { return Owner::Unknown };
    if boot.kernel != kernel_boot() {
        return Owner::Dead;
    }
    if boot.namespace != pid_namespace() {
        return Owner::Unknown;
    }
    if started(boot.pid) == Some(boot.started) { Owner::Alive } else { Owner::Dead }
}

struct Boot {
    kernel: String,
    namespace: String,
    pid: u32,
    started: u64,
}

impl Boot {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let boot = Self {
            kernel: parts.next()?.to_owned(),
            namespace: parts.next()?.to_owned(),
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(boot)
    }
}

impl std::fmt::Display for Boot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.kernel, self.namespace, self.pid, self.started)
    }
}

fn kernel_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| "none".into(), |id| id.trim().to_owned())
}

fn pid_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// Returns when a process started, in clock ticks since boot; `None` if there is none or it is a zombie.
pub(crate) fn started(pid: u32) -> Option<u64> {
    // The name in parentheses may hold anything, so fields count from the last parenthesis: state is the first after it.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    if matches!(fields.first(), None | Some(&"Z" | &"X")) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// Returns the labels of a process that has ended, and of one that is not this one and lives.
#[cfg(test)]
pub(crate) fn other_boots() -> (String, String) {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let mut boot = Boot::parse(&current_boot()).unwrap();
    boot.pid = child.id();
    let dead = boot.to_string();
    (boot.pid, boot.started) = (1, started(1).unwrap());
    (dead, boot.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive() {
        assert_eq!(owner(&current_boot()), Owner::Alive);
    }

    #[test]
    fn a_reused_process_id_is_not_the_owner() {
        let mut boot = Boot::parse(&current_boot()).unwrap();
        boot.started += 1;
        assert_eq!(owner(&boot.to_string()), Owner::Dead);
    }

    #[test]
    fn an_ended_process_is_dead_and_another_is_alive() {
        let (dead, alive) = other_boots();
        assert_eq!((owner(&dead), owner(&alive)), (Owner::Dead, Owner::Alive));
    }

    #[test]
    fn another_kernel_is_dead_and_another_namespace_is_unknown() {
        let mut boot = Boot::parse(&current_boot()).unwrap();
        boot.namespace = "1".into();
        assert_eq!(owner(&boot.to_string()), Owner::Unknown);
        boot.kernel = "another".into();
        assert_eq!(owner(&boot.to_string()), Owner::Dead);
    }

    #[test]
    fn labels_of_another_shape_are_unknown() {
        for label in ["", "x", "a/b/c/d", "a/b/1/2/3"] {
            assert_eq!(owner(label), Owner::Unknown, "{label}");
        }
    }
}
