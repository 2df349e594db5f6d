//! Builds the file system of a box and makes it the root. Runs between `clone` and `execve`: system calls only.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::{BindAccess, Build, Failure, Step, at, check};

pub(super) fn build_root(mount_point: &CStr, steps: &[Build]) -> Result<(), Failure> {
    const NONE: Option<&CStr> = None;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // Nothing that is mounted here leads back. What is mounted on the machine later still arrives, until each mount of the new
    // root is made private for itself and the old root is gone.
    mount(NONE, c"/", NONE, MsFlags::MS_REC | MsFlags::MS_SLAVE, NONE).map_err(at(Step::PrivateMounts))?;
    mount(Some(c"root"), mount_point, Some(c"tmpfs"), quiet, Some(c"size=16m,nr_inodes=8k,mode=755"))
        .map_err(at(Step::Root))?;
    for step in steps {
        match step {
            Build::Folder(path) => make_folder(path).map_err(at(Step::Folder))?,
            Build::Scratch { target, options } => {
                mount(Some(c"scratch"), target.as_c_str(), Some(c"tmpfs"), quiet, Some(options.as_c_str()))
                    .map_err(at(Step::ScratchSpace))?;
            }
            Build::Bind { source, target, access } => bind(source, target, *access).map_err(at(Step::Bind))?,
            Build::File { path, content } => write_file(path, content, 0o644).map_err(at(Step::File))?,
            Build::Program { path, content } => write_file(path, content, 0o755).map_err(at(Step::File))?,
            // SAFETY: both paths are valid strings.
            Build::Link { path, target } => match check(unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) }) {
                Ok(_) | Err(Errno::EEXIST) => {}
                Err(error) => return Err((Step::File, error)),
            },
            Build::Proc(target) => {
                mount(Some(c"proc"), target.as_c_str(), Some(c"proc"), quiet | MsFlags::MS_NOEXEC, NONE)
                    .map_err(at(Step::Proc))?;
            }
        }
    }
    pivot(mount_point).map_err(at(Step::Pivot))
}

fn make_folder(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is a valid string.
    match check(unsafe { libc::mkdir(path.as_ptr(), 0o755) }) {
        Ok(_) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_file(path: &CStr, mut content: &[u8], mode: libc::mode_t) -> Result<(), Errno> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC;
    // SAFETY: the path and the content are valid for the calls.
    unsafe {
        let file = check(libc::open(path.as_ptr(), flags, mode))?;
        let mut result = Ok(());
        while !content.is_empty() && result.is_ok() {
            result = match check(libc::write(file, content.as_ptr().cast(), content.len())) {
                Ok(count) => {
                    content = content.get(count.cast_unsigned()..).unwrap_or_default();
                    Ok(())
                }
                Err(error) => Err(error),
            };
        }
        libc::close(file);
        result
    }
}

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const QUIET: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

fn bind(source: &CStr, target: &CStr, access: BindAccess) -> Result<(), Errno> {
    const NONE: Option<&CStr> = None;
    match mount(Some(source), target, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE) {
        // What vanished since the plan was made is not missed here; the program will say so if it needs it.
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    }
    let (set, propagation) = match access {
        BindAccess::Device => return mount(NONE, target, NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE),
        BindAccess::ReadOnly => (QUIET | libc::MOUNT_ATTR_RDONLY, libc::MS_PRIVATE),
        BindAccess::Nodes => (QUIET | libc::MOUNT_ATTR_RDONLY, libc::MS_SLAVE),
    };
    let attributes = MountAttributes { set, clear: 0, propagation, user_namespace: 0 };
    // SAFETY: the structure is valid for its size.
    let result = check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            // What is already mounted below `nodes` stays writable.
            if access == BindAccess::Nodes { 0 } else { libc::AT_RECURSIVE },
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    });
    match result {
        Err(Errno::ENOSYS) => {
            let flags =
                MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            mount(NONE, target, NONE, flags, NONE)?;
            let propagation = if access == BindAccess::Nodes { MsFlags::MS_SLAVE } else { MsFlags::MS_PRIVATE };
            mount(NONE, target, NONE, MsFlags::MS_REC | propagation, NONE)
        }
        other => other.map(drop),
    }
}

fn pivot(mount_point: &CStr) -> Result<(), Errno> {
    const NONE: Option<&CStr> = None;
    // SAFETY: the paths are valid strings. Both arguments may name the same folder: the old root is then stacked below the new
    // one and can be detached by name, see pivot_root(2).
    unsafe {
        check(libc::chdir(mount_point.as_ptr()))?;
        check(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
    }
    umount2(c".", MntFlags::MNT_DETACH)?;
    // SAFETY: the path is a valid string.
    check(unsafe { libc::chdir(c"/".as_ptr()) })?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(NONE, c"/", NONE, flags, NONE)
}
