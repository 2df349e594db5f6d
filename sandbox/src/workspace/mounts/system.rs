//! The system calls behind workspaces, each in a folder that only the superuser can write.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{Gid, Uid, UnlinkatFlags, chdir, fchdir, fchown, unlinkat};

use super::{FIRST, Joiner, NOBODY, NODES, SOURCE, TRASH, UPPER, Usage, WORK};

/// No file of one leaf is told apart from another by what the kernel was built with: these are said, not left to defaults.
/// `redirect_dir` lets a box rename folders that lie in a layer; the attributes it uses can be written by the kernel alone.
const OVERLAY: &str = "redirect_dir=on,index=off,metacopy=off,nfs_export=off";
/// What a leaf without layers lies on.
const NOTHING: &str = "empty";
/// How often, and how far apart, a busy mount is tried again before it is taken away from under whoever holds it.
const TRIES: u32 = 10;
const APART: Duration = Duration::from_millis(1);

/// How an unmounted leaf was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmounted {
    /// Nobody used it.
    Clean,
    /// A process still has it open. It is out of sight and gone when that process ends.
    StillHeld,
}

/// Returns the relative path of a numbered thing.
pub(super) fn numbered(folder: &str, id: u64) -> String {
    format!("{folder}/{id}")
}

/// Makes the folder of a job with its file system, and returns it opened.
pub(super) fn make_job(path: &Path, bytes: u64, files: u64) -> io::Result<OwnedFd> {
    nix::unistd::mkdir(path, Mode::S_IRWXU)?;
    let made = mount_job(path, bytes, files);
    if made.is_err() {
        let _ = umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
        let _ = std::fs::remove_dir(path);
    }
    made
}

fn mount_job(path: &Path, bytes: u64, files: u64) -> io::Result<OwnedFd> {
    let options = format!("size={bytes},nr_inodes={files},mode=700");
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some(SOURCE), path, Some("tmpfs"), quiet, Some(options.as_str()))?;
    // What is mounted below appears in the boxes that were shown the folder before.
    mount(None::<&str>, path, None::<&str>, MsFlags::MS_SHARED, None::<&str>)?;
    let root = open_folder(path)?;
    for (name, mode) in [(NODES, 0o755), (UPPER, 0o700), (WORK, 0o700), (TRASH, 0o700), (NOTHING, 0o755)] {
        make_folder(&root, name, mode, None)?;
    }
    make_folder(&root, &numbered(NODES, FIRST), 0o755, None)?;
    Ok(root)
}

fn open_folder(path: &Path) -> nix::Result<OwnedFd> {
    nix::fcntl::open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// Makes a folder with exactly this mode, whatever the process's mask.
fn make_folder(root: &OwnedFd, name: &str, mode: u32, owner: Option<u32>) -> nix::Result<()> {
    mkdirat(root, name, Mode::from_bits_truncate(mode))?;
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let folder = openat(root.as_fd(), name, flags, Mode::empty())?;
    fchmod(&folder, Mode::from_bits_truncate(mode))?;
    owner.map_or(Ok(()), |id| fchown(&folder, Some(Uid::from_raw(id)), Some(Gid::from_raw(id))))
}

/// Unmounts the file system of a job, and removes its folder.
pub(super) fn remove_job(path: &Path) -> io::Result<()> {
    // Layers that are still there hold a descriptor; the kernel frees the memory when the last is gone.
    umount2(path, MntFlags::UMOUNT_NOFOLLOW | MntFlags::MNT_DETACH)?;
    std::fs::remove_dir(path)
}

/// Makes the folders of a leaf and mounts it. To be called on the mounting thread.
pub(super) fn mount_leaf(root: &OwnedFd, id: u64, slot: u64, lower: &[u64], joiner: &Joiner) -> io::Result<()> {
    let (node, upper, work) = (numbered(NODES, slot), numbered(UPPER, id), numbered(WORK, id));
    if slot != FIRST {
        make_folder(root, &node, 0o755, None)?;
    }
    make_folder(root, &upper, 0o755, Some(NOBODY))?;
    make_folder(root, &work, 0o700, None)?;
    let lower: Vec<String> = lower.iter().map(|id| numbered(UPPER, *id)).collect();
    let lower = if lower.is_empty() { NOTHING.to_owned() } else { lower.join(":") };
    let folders = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    // Names relative to the job's folder are short, so that many layers fit, and tell the box nothing of this machine.
    inside(root, || match joiner {
        Joiner::Kernel => {
            let options = format!("{folders},{OVERLAY}");
            let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            Ok(mount(Some(SOURCE), node.as_str(), Some("overlay"), quiet, Some(options.as_str()))?)
        }
        Joiner::Fuse(program) => mount_by(program, &folders, &node),
    })
}

/// Runs `fuse-overlayfs`, which returns when the mount stands and goes on in the background until it is unmounted.
fn mount_by(program: &Path, folders: &str, node: &str) -> io::Result<()> {
    let options = format!("{folders},allow_other,nosuid,nodev");
    let output = Command::new(program)
        .args(["-o", &options, node])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if output.success() { Ok(()) } else { Err(io::Error::other(format!("{} ended with {output}", program.display()))) }
}

/// Runs something with a job's folder as the working directory of this thread.
fn inside<T>(root: &OwnedFd, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    fchdir(root)?;
    let result = work();
    // A working directory in a file system keeps it from being unmounted.
    chdir("/")?;
    result
}

/// Unmounts a leaf, whoever uses it, and removes the folder it was mounted on. To be called on the mounting thread.
pub(super) fn unmount(root: &OwnedFd, slot: u64) -> io::Result<Unmounted> {
    let node = numbered(NODES, slot);
    let done = inside(root, || unmount_here(Path::new(&node)))?;
    if slot != FIRST {
        unlinkat(root, node.as_str(), UnlinkatFlags::RemoveDir)?;
    }
    Ok(done)
}

fn unmount_here(node: &Path) -> io::Result<Unmounted> {
    for attempt in 0..TRIES {
        match umount2(node, MntFlags::UMOUNT_NOFOLLOW) {
            Ok(()) => return Ok(Unmounted::Clean),
            // Whoever looks through all mounts of a machine holds each for a moment.
            Err(Errno::EBUSY) if attempt + 1 < TRIES => std::thread::sleep(APART),
            Err(Errno::EBUSY) => break,
            Err(error) => return Err(error.into()),
        }
    }
    umount2(node, MntFlags::UMOUNT_NOFOLLOW | MntFlags::MNT_DETACH)?;
    Ok(Unmounted::StillHeld)
}

/// Returns how much of the file system is used.
pub(super) fn usage(root: &OwnedFd) -> io::Result<Usage> {
    let found = fstatvfs(root)?;
    let blocks = found.blocks().saturating_sub(found.blocks_free());
    Ok(Usage { bytes: blocks * found.fragment_size(), files: found.files().saturating_sub(found.files_free()) })
}

/// Returns whether less than half of the file system is free, by bytes or by files.
pub(super) fn is_crowded(root: &OwnedFd) -> io::Result<bool> {
    let found = fstatvfs(root)?;
    Ok(found.blocks_free() < found.blocks() / 2 || found.files_free() < found.files() / 2)
}

/// Removes the empty folders of a leaf that could not be mounted.
pub(super) fn forget_leaf(root: &OwnedFd, id: u64, slot: u64) {
    let node = (slot != FIRST).then(|| numbered(NODES, slot));
    for folder in node.into_iter().chain([numbered(UPPER, id), numbered(WORK, id)]) {
        let _ = unlinkat(root, folder.as_str(), UnlinkatFlags::RemoveDir);
    }
}
