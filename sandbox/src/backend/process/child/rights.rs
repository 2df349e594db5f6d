//! Gives up what the program of a box does not need: files beyond its own, and capabilities. Runs between `clone` and `execve`: system
//! calls only.

use std::ffi::CString;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc::{self, c_int};

use super::check;

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

pub(super) fn restrict_files(rules: RawFd, allowed: &[(CString, u64)]) -> Result<(), Errno> {
    const PATH_BENEATH: c_int = 1;
    for (path, access) in allowed {
        // SAFETY: the path is a valid string.
        let parent = unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
        if parent < 0 {
            continue;
        }
        let rule = PathBeneath { allowed: *access, parent };
        // SAFETY: the rule is valid for the call.
        unsafe {
            let result = check(libc::syscall(libc::SYS_landlock_add_rule, rules, PATH_BENEATH, &raw const rule, 0));
            libc::close(parent);
            result?;
        }
    }
    // SAFETY: a plain system call.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0) }).map(drop)
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

/// Gives up the possibility to get a capability by executing a file.
pub(super) fn drop_bounding_set() {
    for capability in 0..64 {
        // SAFETY: a plain system call. Numbers past the kernel's last capability are refused, which is fine.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// Gives up every capability.
pub(super) fn drop_capabilities() {
    const VERSION_3: u32 = 0x2008_0522;
    let header = CapabilityHeader { version: VERSION_3, pid: 0 };
    let none = [0_u32; 6];
    drop_bounding_set();
    // SAFETY: header and data have the kernel's layout.
    unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr());
    }
}
