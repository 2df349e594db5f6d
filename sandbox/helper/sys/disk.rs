//! Files and folders: each by one name below an open folder, so that no link leads anywhere else.

use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use super::{O_CLOEXEC, O_NONBLOCK, c_string, check, owned};

unsafe extern "C" {
    #[link_name = "fchdir"]
    fn change_folder(descriptor: c_int) -> c_int;
    fn openat(folder: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    fn mkdirat(folder: c_int, path: *const c_char, mode: c_uint) -> c_int;
    fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn symlinkat(target: *const c_char, folder: c_int, path: *const c_char) -> c_int;
    fn readlinkat(folder: c_int, path: *const c_char, buffer: *mut u8, size: usize) -> isize;
    fn renameat(from: c_int, path: *const c_char, to: c_int, name: *const c_char) -> c_int;
    fn fchmod(descriptor: c_int, mode: c_uint) -> c_int;
    fn fchmodat(folder: c_int, path: *const c_char, mode: c_uint, flags: c_int) -> c_int;
    fn utimensat(folder: c_int, path: *const c_char, times: *const [[i64; 2]; 2], flags: c_int) -> c_int;
    #[link_name = "statx"]
    fn status_of(folder: c_int, path: *const c_char, flags: c_int, mask: c_uint, status: *mut RawStatus) -> c_int;
    fn fstatvfs(descriptor: c_int, status: *mut [u64; 16]) -> c_int;
    fn lseek(descriptor: c_int, offset: i64, from: c_int) -> i64;
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
mod numbers {
    use std::ffi::{c_int, c_long};
    pub(super) const GETDENTS64: c_long = 217;
    pub(super) const O_DIRECTORY: c_int = 0o200_000;
    pub(super) const O_NOFOLLOW: c_int = 0o400_000;
}
#[cfg(target_arch = "aarch64")]
mod numbers {
    use std::ffi::{c_int, c_long};
    pub(super) const GETDENTS64: c_long = 61;
    pub(super) const O_DIRECTORY: c_int = 0o40_000;
    pub(super) const O_NOFOLLOW: c_int = 0o100_000;
}

const OPENAT2: c_long = 437;
const O_NOCTTY: c_int = 0o400;
const O_PATH: c_int = 0o10_000_000;
const O_CREAT: c_int = 0o100;
const O_EXCL: c_int = 0o200;
const O_WRONLY: c_int = 1;
const AT_FDCWD: c_int = -100;
const AT_SYMLINK_NOFOLLOW: c_int = 0x100;
const AT_REMOVEDIR: c_int = 0x200;
const AT_EMPTY_PATH: c_int = 0x1000;
const STATX_BASIC: c_uint = 0x7ff;
const RESOLVE_NO_MAGICLINKS: u64 = 2;
const RESOLVE_NO_SYMLINKS: u64 = 4;
const RESOLVE_BENEATH: u64 = 8;

#[repr(C)]
#[derive(Clone, Copy)]
struct RawTime {
    seconds: i64,
    nanoseconds: u32,
    padding: i32,
}

#[repr(C)]
struct RawStatus {
    mask: u32,
    block_size: u32,
    attributes: u64,
    links: u32,
    user: u32,
    group: u32,
    mode: u16,
    padding: u16,
    inode: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    accessed: RawTime,
    born: RawTime,
    changed: RawTime,
    modified: RawTime,
    rest: [u64; 24],
}

/// What is known of one file. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) mode: u16,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
}

impl Status {
    const KIND: u16 = 0o170_000;

    pub(crate) fn is_folder(&self) -> bool {
        self.mode & Self::KIND == 0o040_000
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.mode & Self::KIND == 0o100_000
    }

    pub(crate) fn is_link(&self) -> bool {
        self.mode & Self::KIND == 0o120_000
    }

    pub(crate) fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

pub(crate) fn enter(folder: &OwnedFd) -> io::Result<()> {
    // SAFETY: a plain system call.
    check(unsafe { change_folder(folder.as_raw_fd()) }).map(drop)
}

/// Opens the root directory, to go on from there: a box may not be allowed to list it.
pub(crate) fn open_root() -> io::Result<OwnedFd> {
    // SAFETY: the path is a valid string.
    owned(unsafe { openat(AT_FDCWD, c"/".as_ptr(), numbers::O_DIRECTORY | O_PATH | O_CLOEXEC) })
}

/// Opens a directory by one name, following nothing, to go on from there.
pub(crate) fn pass(folder: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let name = c_string(name)?;
    let flags = numbers::O_DIRECTORY | numbers::O_NOFOLLOW | O_PATH | O_CLOEXEC;
    // SAFETY: the path is a valid string.
    owned(unsafe { openat(folder.as_raw_fd(), name.as_ptr(), flags) })
}

/// Opens a directory by one name, following nothing.
pub(crate) fn open_folder(folder: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let name = c_string(name)?;
    let flags = numbers::O_DIRECTORY | numbers::O_NOFOLLOW | O_CLOEXEC;
    // SAFETY: the path is a valid string.
    owned(unsafe { openat(folder.as_raw_fd(), name.as_ptr(), flags) })
}

/// Opens a directory some names below another, following nothing, where the kernel can check that in one call.
pub(crate) fn open_beneath(folder: &OwnedFd, path: &[u8]) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let flags = (numbers::O_DIRECTORY | O_CLOEXEC) as u64;
    let how: [u64; 3] = [flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS];
    // SAFETY: the path and the structure are valid for the call.
    let result = unsafe {
        syscall(OPENAT2, folder.as_raw_fd() as c_long, path.as_ptr(), &raw const how, size_of_val(&how) as c_ulong)
    };
    owned(result as c_int)
}

/// Opens a file to read. Neither a link is followed nor is a FIFO, a socket or a terminal waited for.
pub(crate) fn open_file(folder: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let name = c_string(name)?;
    let flags = numbers::O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    // SAFETY: the path is a valid string.
    owned(unsafe { openat(folder.as_raw_fd(), name.as_ptr(), flags) })
}

/// Makes a file that does not exist yet.
pub(crate) fn create_file(folder: &OwnedFd, name: &[u8], mode: u32) -> io::Result<OwnedFd> {
    let name = c_string(name)?;
    let flags = O_WRONLY | O_CREAT | O_EXCL | numbers::O_NOFOLLOW | O_CLOEXEC;
    // SAFETY: the path is a valid string.
    owned(unsafe { openat(folder.as_raw_fd(), name.as_ptr(), flags, mode as c_uint) })
}

pub(crate) fn make_folder(folder: &OwnedFd, name: &[u8], mode: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the path is a valid string.
    check(unsafe { mkdirat(folder.as_raw_fd(), name.as_ptr(), mode) }).map(drop)
}

pub(crate) fn remove_file(folder: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the path is a valid string.
    check(unsafe { unlinkat(folder.as_raw_fd(), name.as_ptr(), 0) }).map(drop)
}

pub(crate) fn remove_folder(folder: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the path is a valid string.
    check(unsafe { unlinkat(folder.as_raw_fd(), name.as_ptr(), AT_REMOVEDIR) }).map(drop)
}

pub(crate) fn make_link(target: &[u8], folder: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let (target, name) = (c_string(target)?, c_string(name)?);
    // SAFETY: both paths are valid strings.
    check(unsafe { symlinkat(target.as_ptr(), folder.as_raw_fd(), name.as_ptr()) }).map(drop)
}

/// Returns where a link points.
pub(crate) fn read_link(folder: &OwnedFd, name: &[u8]) -> io::Result<Vec<u8>> {
    let name = c_string(name)?;
    let mut buffer = vec![0; 4096];
    // SAFETY: the path is a valid string and the buffer is valid for its size.
    let length = unsafe { readlinkat(folder.as_raw_fd(), name.as_ptr(), buffer.as_mut_ptr(), buffer.len()) };
    buffer.truncate(usize::try_from(length).map_err(|_| io::Error::last_os_error())?);
    Ok(buffer)
}

pub(crate) fn rename(from: &OwnedFd, name: &[u8], to: &OwnedFd, new: &[u8]) -> io::Result<()> {
    let (name, new) = (c_string(name)?, c_string(new)?);
    // SAFETY: both paths are valid strings.
    check(unsafe { renameat(from.as_raw_fd(), name.as_ptr(), to.as_raw_fd(), new.as_ptr()) }).map(drop)
}

pub(crate) fn set_mode(descriptor: &OwnedFd, mode: u32) -> io::Result<()> {
    // SAFETY: a plain system call.
    check(unsafe { fchmod(descriptor.as_raw_fd(), mode) }).map(drop)
}

/// Sets the mode of a directory that may not be readable. It is known to be no link.
pub(crate) fn open_up(folder: &OwnedFd, name: &[u8]) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the path is a valid string.
    check(unsafe { fchmodat(folder.as_raw_fd(), name.as_ptr(), 0o700, 0) }).map(drop)
}

/// Sets when a file, a folder or a link was last modified, in nanoseconds since 1970.
pub(crate) fn set_modified(folder: &OwnedFd, name: &[u8], at: u64) -> io::Result<()> {
    let name = c_string(name)?;
    let time = [(at / 1_000_000_000) as i64, (at % 1_000_000_000) as i64];
    let times = [time, time];
    // SAFETY: the path and the structure are valid for the call.
    check(unsafe { utimensat(folder.as_raw_fd(), name.as_ptr(), &raw const times, AT_SYMLINK_NOFOLLOW) }).map(drop)
}

/// Returns what is known of a file, following nothing.
pub(crate) fn status(folder: &OwnedFd, name: &[u8]) -> io::Result<Status> {
    let name = c_string(name)?;
    let flags = AT_SYMLINK_NOFOLLOW | if name.is_empty() { AT_EMPTY_PATH } else { 0 };
    // SAFETY: plain numbers, for which zero is a value.
    let mut raw: RawStatus = unsafe { std::mem::zeroed() };
    // SAFETY: the path and the structure are valid for the call.
    check(unsafe { status_of(folder.as_raw_fd(), name.as_ptr(), flags, STATX_BASIC, &raw mut raw) })?;
    let time = |time: RawTime| {
        u64::try_from(time.seconds).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(time.nanoseconds.into())
    };
    Ok(Status {
        mode: raw.mode,
        inode: raw.inode,
        size: raw.size,
        modified: time(raw.modified),
        changed: time(raw.changed),
    })
}

/// Returns the free bytes and the free files of a file system; files are `None` where it does not count them.
pub(crate) fn room(folder: &OwnedFd) -> Option<(u64, Option<u64>)> {
    let mut raw = [0_u64; 16];
    // SAFETY: the structure is valid for the call.
    if unsafe { fstatvfs(folder.as_raw_fd(), &raw mut raw) } != 0 {
        return None;
    }
    let [_, fragment, _, _, available, files, _, files_available, ..] = raw;
    Some((available.saturating_mul(fragment), (files > 0).then_some(files_available)))
}

/// Returns the names in a directory, without `.` and `..`.
pub(crate) fn names(folder: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    /// Inode, offset, record length, kind.
    const BEFORE_NAME: usize = 19;
    let mut names = Vec::new();
    let mut buffer = vec![0_u8; 64 << 10];
    // Somebody may have read this descriptor to its end before.
    // SAFETY: a plain system call.
    unsafe { lseek(folder.as_raw_fd(), 0, 0) };
    loop {
        // SAFETY: the buffer is valid for its size.
        let length = unsafe {
            let folder = folder.as_raw_fd() as c_long;
            syscall(numbers::GETDENTS64, folder, buffer.as_mut_ptr().cast::<c_void>(), buffer.len() as c_ulong)
        };
        let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
        if length == 0 {
            return Ok(names);
        }
        let mut rest = &buffer[..length];
        while let Some(&[low, high]) = rest.get(16..18) {
            let size = usize::from(u16::from_ne_bytes([low, high]));
            let Some(name) = rest.get(BEFORE_NAME..size) else { break };
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
            rest = &rest[size..];
        }
    }
}
