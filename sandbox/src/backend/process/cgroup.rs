//! Limits for a whole box by control groups, where this process may make some.
//!
//! Groups are made below this process's own, in each hierarchy that has the controller (version 1) or in the one hierarchy
//! (version 2). Their name tells the owner, so that a later start can remove what a killed process left.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::layers::LayerId;
use crate::backend::Pressure;
use crate::limits::Limits;

const MOUNT: &str = "/sys/fs/cgroup";

/// One controller whose groups we can make.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Controller {
    layer: LayerId,
    version: Version,
    parent: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The controllers that can be used on this machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Cgroups(Vec<Controller>);

const CONTROLLERS: [(&str, LayerId); 3] =
    [("memory", LayerId::Memory), ("pids", LayerId::ProcessCount), ("cpu", LayerId::Cpu)];

impl Cgroups {
    /// Finds the controllers by making and removing a group in each; the second part says why the others cannot be used.
    pub(super) fn find(name: &str) -> (Self, Vec<(LayerId, String)>) {
        let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for (controller, layer) in CONTROLLERS {
            let candidate = locate(&membership, controller, layer);
            match candidate.and_then(|candidate| candidate.probe(name).map(|()| candidate)) {
                Ok(controller) => found.push(controller),
                Err(reason) => missing.push((layer, reason)),
            }
        }
        (Self(found), missing)
    }

    /// Makes the groups of one box.
    pub(super) fn create(&self, name: &str, limits: &Limits) -> io::Result<Group> {
        let mut group = Group::default();
        for controller in &self.0 {
            let folder = controller.parent.join(name);
            match fs::create_dir(&folder) {
                Ok(()) => group.folders.push(folder.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && group.folders.contains(&folder) => {}
                Err(error) => return Err(error),
            }
            controller.limit(&folder, limits)?;
            if controller.layer == LayerId::Memory {
                group.events = Some(match controller.version {
                    Version::One => folder.join("memory.oom_control"),
                    Version::Two => folder.join("memory.events"),
                });
            }
            if controller.layer == LayerId::ProcessCount {
                group.refusals = Some(folder.join("pids.events"));
            }
        }
        Ok(group)
    }

    /// Returns the names of the groups beside ours, without repetition.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let entries =
            self.0.iter().flat_map(|controller| fs::read_dir(&controller.parent).into_iter().flatten().flatten());
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Removes the groups of this name, which nobody may be in.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        for controller in &self.0 {
            match fs::remove_dir(controller.parent.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn locate(membership: &str, controller: &str, layer: LayerId) -> Result<Controller, String> {
    let mut unified = None;
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(names), Some(path)) = (fields.next(), fields.next()) else { continue };
        if names.split(',').any(|name| name == controller) {
            let parent = Path::new(MOUNT).join(controller).join(path.trim_start_matches('/'));
            return Ok(Controller { layer, version: Version::One, parent });
        }
        if names.is_empty() {
            unified = Some(path);
        }
    }
    let path = unified.ok_or_else(|| "no control groups are mounted".to_owned())?;
    let parent = Path::new(MOUNT).join(path.trim_start_matches('/'));
    Ok(Controller { layer, version: Version::Two, parent })
}

impl Controller {
    fn probe(&self, name: &str) -> Result<(), String> {
        let controller = CONTROLLERS.iter().find(|(_, layer)| *layer == self.layer).map_or("", |(name, _)| name);
        if self.version == Version::Two {
            // Refused where processes live in the parent; the group then lacks the controller, which is what is looked at.
            let _ = fs::write(self.parent.join("cgroup.subtree_control"), format!("+{controller}"));
        }
        let folder = self.parent.join(name);
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", self.parent.display()))?;
        let result = self
            .limit(&folder, &Limits::default())
            .map_err(|error| format!("{} has no {controller} controller to give: {error}", self.parent.display()));
        fs::remove_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        result
    }

    fn limit(&self, folder: &Path, limits: &Limits) -> io::Result<()> {
        const PERIOD: f64 = 100_000.0;
        let quota = (limits.cpus * PERIOD).max(1_000.0).round();
        let set = |file: &str, value: String| write_existing(&folder.join(file), &value);
        match (self.layer, self.version) {
            (LayerId::Memory, Version::One) => {
                set("memory.limit_in_bytes", limits.memory_bytes.to_string())?;
                // Absent where the kernel does not count swap.
                let _ = set("memory.memsw.limit_in_bytes", limits.memory_bytes.to_string());
                Ok(())
            }
            (LayerId::Memory, Version::Two) => {
                set("memory.max", limits.memory_bytes.to_string())?;
                let _ = set("memory.swap.max", "0".into());
                Ok(())
            }
            // One more for the box's init.
            (LayerId::ProcessCount, _) => set("pids.max", (u64::from(limits.processes) + 1).to_string()),
            (LayerId::Cpu, Version::One) => {
                set("cpu.cfs_period_us", PERIOD.to_string())?;
                set("cpu.cfs_quota_us", quota.to_string())
            }
            (LayerId::Cpu, Version::Two) => set("cpu.max", format!("{quota} {PERIOD}")),
            (
                LayerId::Mounts
                | LayerId::Processes
                | LayerId::Network
                | LayerId::Ipc
                | LayerId::Hostname
                | LayerId::Proc
                | LayerId::Identity
                | LayerId::Seal
                | LayerId::Landlock
                | LayerId::Seccomp,
                _,
            ) => Ok(()),
        }
    }
}

fn write_existing(path: &Path, value: &str) -> io::Result<()> {
    use std::io::Write as _;
    fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// Reads one of the counters in a file of lines `name count`.
fn counter(path: Option<&Path>, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path?).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The groups of one box. Dropping it removes them if the box has ended.
#[derive(Debug, Default)]
pub(super) struct Group {
    folders: Vec<PathBuf>,
    events: Option<PathBuf>,
    refusals: Option<PathBuf>,
}

impl Group {
    pub(super) fn add(&self, pid: i32) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| write_existing(&folder.join("cgroup.procs"), &pid.to_string()))
    }

    /// Returns whether the kernel killed a process of the box for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        counter(self.events.as_deref(), "oom_kill").is_some_and(|count| count > 0)
    }

    /// Returns how often the box met these limits; nothing where the kernel does not count both.
    pub(super) fn pressure(&self) -> Option<Pressure> {
        Some(Pressure {
            killed_for_memory: counter(self.events.as_deref(), "oom_kill")?,
            refused_processes: counter(self.refusals.as_deref(), "max")?,
        })
    }

    /// Removes the groups. The kernel refuses for a moment after the last process in them ended.
    pub(super) async fn remove(mut self) -> io::Result<()> {
        for attempt in 0_u32.. {
            match self.try_remove() {
                Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) && attempt < 200 => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                other => return other,
            }
        }
        Ok(())
    }

    fn try_remove(&mut self) -> io::Result<()> {
        while let Some(folder) = self.folders.last() {
            match fs::remove_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.folders.pop(),
            };
        }
        Ok(())
    }
}

impl Drop for Group {
    /// Waits on this thread for the kernel, for a moment: whoever cares calls [`Group::remove`].
    fn drop(&mut self) {
        const ATTEMPTS: u32 = 100;
        for _ in 0..ATTEMPTS {
            match self.try_remove() {
                Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                    let _ = nix::poll::poll(&mut [], 5_u8);
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_located() {
        let one = "8:pids:/\n4:memory:/user/x\n2:cpu,cpuacct:/\n0::/other\n";
        let memory = locate(one, "memory", LayerId::Memory).unwrap();
        assert_eq!((memory.version, memory.parent), (Version::One, PathBuf::from("/sys/fs/cgroup/memory/user/x")));
        let two = locate("0::/user.slice/session.scope\n", "pids", LayerId::ProcessCount).unwrap();
        assert_eq!((two.version, two.parent), (Version::Two, "/sys/fs/cgroup/user.slice/session.scope".into()));
        locate("", "memory", LayerId::Memory).unwrap_err();
    }
}
