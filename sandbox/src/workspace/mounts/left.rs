//! Workspaces whose owner is dead: found by the name of a job's folder, which tells its owner as the name of a box does.

use std::cmp::Reverse;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use parking_lot::Mutex;

use super::{NODES, PREFIX, SOURCE, STATE};
use crate::reap::{self, Owner, ReapReport};

/// Returns a name that no other job has and that tells its owner.
pub(super) fn new_name(boot: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}.{count}", boot.replace('/', "_"))
}

fn owner_of(name: &str) -> Option<String> {
    let (boot, _count) = name.strip_prefix(PREFIX)?.rsplit_once('.')?;
    Some(boot.replace('_', "/"))
}

/// Unmounts and removes the workspaces of dead processes. Those of `boot`, and of other processes that are alive, stay, and so
/// does every mount that is not ours.
pub(crate) fn reap(boot: &str, report: &mut ReapReport) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let names = std::fs::read_dir(STATE).into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let Some(owner) = owner_of(&name) else { continue };
        if owner == boot || reap::owner(&owner) != Owner::Dead {
            report.kept.push(name);
            continue;
        }
        match remove(&Path::new(STATE).join(&name)) {
            Ok(()) => report.removed.push(name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => report.failed.push((name, error.to_string())),
        }
    }
}

fn remove(job: &Path) -> io::Result<()> {
    let table = std::fs::read("/proc/thread-self/mountinfo")?;
    let mut mounts: Vec<Mount> = parse(&table).filter(|mount| mount.point.starts_with(job)).collect();
    if let Some(foreign) = mounts.iter().find(|mount| !mount.is_ours(job)) {
        let place = foreign.point.display();
        return Err(io::Error::other(format!("{place} is a mount of somebody else; unmount it by hand")));
    }
    mounts.sort_by_key(|mount| Reverse(mount.point.as_os_str().len()));
    for mount in mounts {
        match umount2(&mount.point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            // Another process that starts now does the same.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Whatever was in it was in its file system: a folder that is not empty now is not what it seems, and stays.
    std::fs::remove_dir(job)
}

/// One line of the kernel's table of mounts.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    point: PathBuf,
    kind: Vec<u8>,
    source: Vec<u8>,
}

impl Mount {
    /// `fuse-overlayfs` names itself as the source of what it mounts.
    fn is_ours(&self, job: &Path) -> bool {
        self.source == SOURCE.as_bytes()
            || (self.kind == b"fuse.fuse-overlayfs" && self.point.parent() == Some(&job.join(NODES)))
    }
}

/// See `proc_pid_mountinfo(5)`: the mount point is the fifth field, and kind and source are the two behind a lone dash.
fn parse(table: &[u8]) -> impl Iterator<Item = Mount> {
    table.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let point = unescape(fields.nth(4)?);
        let mut behind = fields.skip_while(|field| *field != b"-").skip(1).map(unescape);
        let (kind, source) = (behind.next()?, behind.next()?);
        Some(Mount { point: PathBuf::from(std::ffi::OsString::from_vec(point)), kind, source })
    })
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..3).and_then(|it| std::str::from_utf8(it).ok());
        match digits.and_then(|it| u8::from_str_radix(it, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                text.push(byte);
                rest = &behind[3..];
            }
            Some(_) | None => {
                text.push(*first);
                rest = behind;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_owner() {
        let boot = reap::current_boot();
        let (one, other) = (new_name(&boot), new_name(&boot));
        assert_ne!(one, other);
        assert_eq!([owner_of(&one), owner_of(&other)], [Some(boot.clone()), Some(boot)]);
        assert_eq!(owner_of("patchwright-nodes"), None);
        assert_eq!(owner_of("docker"), None);
    }

    #[test]
    fn the_kernels_table_is_read() {
        let table = b"22 27 0:21 / /proc rw,relatime - proc proc rw\n\
            60 91 0:51 / /run/a\\040b/1 rw,nosuid master:4 - overlay patchwright rw,lowerdir=u/0\nnonsense\n\n";
        let found: Vec<Mount> = parse(table).collect();
        let mount = |point: &str, kind: &str, source: &str| Mount {
            point: point.into(),
            kind: kind.into(),
            source: source.into(),
        };
        assert_eq!(found, [mount("/proc", "proc", "proc"), mount("/run/a b/1", "overlay", "patchwright")]);
    }

    #[test]
    fn what_is_ours_is_told_by_source_or_by_program_and_place() {
        let check = |point: &str, kind: &str, source: &str, expected: bool| {
            let mount = Mount { point: point.into(), kind: kind.into(), source: source.into() };
            assert_eq!(mount.is_ours(Path::new("/run/job")), expected, "{mount:?}");
        };
        check("/run/job", "tmpfs", "patchwright", true);
        check("/run/job/nodes/1", "overlay", "patchwright", true);
        check("/run/job/nodes/1", "fuse.fuse-overlayfs", "fuse-overlayfs", true);
        check("/run/job/other/1", "fuse.fuse-overlayfs", "fuse-overlayfs", false);
        check("/run/job/nodes/1", "fuse.sshfs", "somebody@host:", false);
        check("/run/job", "tmpfs", "tmpfs", false);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_tables_never_panic(table in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = parse(&table).count();
        }
    }
}
