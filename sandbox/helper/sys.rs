//! The system calls that the standard library does not offer, declared by hand: the helper uses no crates.

mod disk;

use std::ffi::{CString, c_char, c_int, c_long, c_uint, c_ulong};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

pub(crate) use self::disk::{
    Status, create_file, enter, make_folder, make_link, names, open_beneath, open_file, open_folder, open_root,
    open_up, pass, read_link, remove_file, remove_folder, rename, room, set_mode, set_modified, status,
};

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    #[link_name = "kill"]
    fn kill_process(pid: c_int, signal: c_int) -> c_int;
    fn setsid() -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn setrlimit(resource: c_int, limit: *const [u64; 2]) -> c_int;
    fn getrlimit(resource: c_int, limit: *mut [u64; 2]) -> c_int;
    fn getrusage(who: c_int, usage: *mut [i64; 18]) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn fcntl(descriptor: c_int, command: c_int, ...) -> c_int;
    fn pipe2(ends: *mut [c_int; 2], flags: c_int) -> c_int;
    #[link_name = "poll"]
    fn poll_descriptors(descriptors: *mut Poll, count: c_ulong, timeout: c_int) -> c_int;
    fn signalfd(descriptor: c_int, mask: *const SignalSet, flags: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn execve(path: *const c_char, argv: *const *const c_char, env: *const *const c_char) -> c_int;
    fn _exit(code: c_int) -> !;
    fn getpid() -> c_int;
    fn getppid() -> c_int;
    fn getrandom(buffer: *mut u8, size: usize, flags: c_uint) -> isize;
    #[link_name = "read"]
    fn read_descriptor(descriptor: c_int, buffer: *mut u8, size: usize) -> isize;
    fn syscall(number: c_long, ...) -> c_long;
}

const CLOSE_RANGE: c_long = 436;
const O_NONBLOCK: c_int = 0o4_000;
const O_CLOEXEC: c_int = 0o2_000_000;

pub(crate) const ENOENT: i32 = 2;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const ENOMEM: i32 = 12;
pub(crate) const EACCES: i32 = 13;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENOTDIR: i32 = 20;
pub(crate) const EISDIR: i32 = 21;
pub(crate) const EFBIG: i32 = 27;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const ENOSYS: i32 = 38;
pub(crate) const ENOTEMPTY: i32 = 39;
pub(crate) const EPERM: i32 = 1;
pub(crate) const EDQUOT: i32 = 122;

pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGSTOP: i32 = 19;
const SIGPIPE: i32 = 13;
const SIGCHLD: i32 = 17;

pub(crate) const POLLIN: i16 = 1;

/// One descriptor to wait for.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poll {
    pub(crate) descriptor: RawFd,
    pub(crate) events: i16,
    pub(crate) returned: i16,
}

#[repr(C)]
struct SignalSet([u64; 16]);

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: c_int) -> io::Result<OwnedFd> {
    // SAFETY: a call that returned a new descriptor gave it to nobody else.
    check(result).map(|descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Returns bytes as a string of C.
pub(crate) fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a name has a NUL byte"))
}

/// Which side of a fork this is.
pub(crate) enum Side {
    Parent(i32),
    Child,
}

/// Forks. The helper has one thread, so the child may do what it likes.
pub(crate) fn split() -> io::Result<Side> {
    // SAFETY: no other thread exists whose locks could be held in the copy.
    match check(unsafe { fork() })? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(pid)),
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
}

/// What became of the children.
pub(crate) enum Reaped {
    One(i32, Exit),
    /// There are children, and none has ended.
    NoneYet,
    NoChildren,
}

/// Collects one child that has ended, without waiting.
pub(crate) fn reap() -> Reaped {
    let mut status = 0;
    // SAFETY: the status is valid for the call; 1 is WNOHANG.
    match unsafe { waitpid(-1, &raw mut status, 1) } {
        0 => Reaped::NoneYet,
        pid if pid > 0 && status & 0x7f == 0 => Reaped::One(pid, Exit::Code((status >> 8) & 0xff)),
        pid if pid > 0 => Reaped::One(pid, Exit::Signal(status & 0x7f)),
        _ => Reaped::NoChildren,
    }
}

pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: a plain system call.
    unsafe { kill_process(pid, signal) };
}

pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: ends the process; there is nothing to run on the way out.
    unsafe { _exit(code) }
}

pub(crate) fn own_pid() -> i32 {
    // SAFETY: a plain system call.
    unsafe { getpid() }
}

pub(crate) fn parent_pid() -> i32 {
    // SAFETY: a plain system call.
    unsafe { getppid() }
}

pub(crate) fn own_session() {
    // SAFETY: a plain system call.
    unsafe { setsid() };
}

/// # Safety
/// As that of the option.
unsafe fn control(option: c_int, value: c_ulong) -> c_int {
    const NONE: c_ulong = 0;
    // SAFETY: the caller's; unused arguments are zero in full width.
    unsafe { prctl(option, value, NONE, NONE, NONE) }
}

/// Has orphans of this process's descendants become its children.
pub(crate) fn adopt_orphans() {
    // SAFETY: a plain system call.
    unsafe { control(36, 1) };
}

/// Has this process killed when its parent ends.
pub(crate) fn end_with_parent() {
    // SAFETY: a plain system call.
    unsafe { control(1, SIGKILL as c_ulong) };
}

/// Hides memory, descriptors and environment of this process from others of the same user, or shows them again.
pub(crate) fn set_dumpable(dumpable: bool) -> bool {
    // SAFETY: plain system calls.
    unsafe { control(4, c_ulong::from(dumpable)) == 0 && control(3, 0) == c_int::from(dumpable) }
}

/// The limits of one process that are set for commands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Cpu = 0,
    FileSize = 1,
    Core = 4,
    OpenFiles = 7,
}

/// Lowers a limit; what is already lower stays.
pub(crate) fn lower(limit: Limit, soft: u64, hard: u64) {
    let mut now = [0_u64; 2];
    // SAFETY: both structures are valid for the calls.
    unsafe {
        if getrlimit(limit as c_int, &raw mut now) == 0 {
            let hard = hard.min(now[1]);
            let next = [soft.min(hard), hard];
            setrlimit(limit as c_int, &raw const next);
        }
    }
}

/// Returns the processor time of all children that were waited for, in milliseconds.
pub(crate) fn cpu_of_children() -> u64 {
    let mut usage = [0_i64; 18];
    // SAFETY: the structure is valid for the call; -1 is RUSAGE_CHILDREN.
    if unsafe { getrusage(-1, &raw mut usage) } != 0 {
        return 0;
    }
    let [user_s, user_us, system_s, system_us, ..] = usage;
    let total = (user_s + system_s) * 1000 + (user_us + system_us) / 1000;
    u64::try_from(total).unwrap_or(0)
}

/// Opens a pipe: what to read, what to write. Both ends are closed by an exec.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array is valid for the call.
    check(unsafe { pipe2(&raw mut ends, O_CLOEXEC) })?;
    // SAFETY: the call returned new descriptors.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

pub(crate) fn do_not_block(descriptor: &OwnedFd) {
    // SAFETY: only a flag changes; 3 and 4 are F_GETFL and F_SETFL.
    unsafe {
        let flags = fcntl(descriptor.as_raw_fd(), 3);
        fcntl(descriptor.as_raw_fd(), 4, flags | O_NONBLOCK);
    }
}

/// Moves a descriptor out of the way of the standard ones, and has it closed by an exec.
pub(crate) fn put_away(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: a new descriptor is made; 1030 is F_DUPFD_CLOEXEC.
    owned(unsafe { fcntl(descriptor, 1030, 10) })
}

/// Makes a descriptor also known by this number, past execs.
pub(crate) fn also_as(from: RawFd, to: RawFd) -> io::Result<()> {
    // SAFETY: whatever had the number is closed, which the caller wants.
    check(unsafe { dup2(from, to) }).map(drop)
}

/// Closes a descriptor by number.
pub(crate) fn close_from(first: c_uint) {
    // SAFETY: the caller has no more use for these descriptors.
    unsafe {
        if syscall(CLOSE_RANGE, first as c_ulong, c_uint::MAX as c_ulong, 0 as c_ulong) < 0 {
            for descriptor in first..4096 {
                drop(OwnedFd::from_raw_fd(descriptor as RawFd));
            }
        }
    }
}

/// Waits until a descriptor is ready, for at most so many milliseconds; negative waits for ever.
pub(crate) fn poll(descriptors: &mut [Poll], timeout_ms: i32) {
    for it in descriptors.iter_mut() {
        it.returned = 0;
    }
    // SAFETY: the array is valid for its length. An interruption is as good as nothing being ready.
    unsafe { poll_descriptors(descriptors.as_mut_ptr(), descriptors.len() as c_ulong, timeout_ms) };
}

/// Returns a descriptor that is readable once a child has ended. From here on that signal does nothing else.
pub(crate) fn child_watch() -> io::Result<OwnedFd> {
    let mut set = SignalSet([0; 16]);
    set.0[0] = 1 << (SIGCHLD - 1);
    // SAFETY: the sets are valid for the calls; 0 is SIG_BLOCK.
    unsafe {
        signal(SIGPIPE, 1);
        check(sigprocmask(0, &raw const set, std::ptr::null_mut()))?;
        owned(signalfd(-1, &raw const set, O_CLOEXEC | O_NONBLOCK))
    }
}

/// Reads what a descriptor has.
pub(crate) fn read(descriptor: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its size.
    let count = unsafe { read_descriptor(descriptor.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Empties a descriptor that does not block.
pub(crate) fn drain(descriptor: &OwnedFd) {
    let mut buffer = [0; 1024];
    while read(descriptor, &mut buffer).is_ok_and(|count| count > 0) {}
}

/// Puts every signal back to what a fresh program expects.
pub(crate) fn default_signals() {
    let none = SignalSet([0; 16]);
    // SAFETY: the set is valid for the call; 2 is SIG_SETMASK. Refusals, of SIGKILL and SIGSTOP, do not matter.
    unsafe {
        for number in 1..32 {
            signal(number, 0);
        }
        sigprocmask(2, &raw const none, std::ptr::null_mut());
    }
}

/// Becomes another program; returns why not.
pub(crate) fn execute(path: &CString, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end with a null pointer and point into strings that live on.
    unsafe { execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Fills a buffer with bytes that nobody can guess.
pub(crate) fn random(buffer: &mut [u8]) {
    // SAFETY: the buffer is valid for its size. A short read leaves zeroes, which are merely easier to guess.
    unsafe { getrandom(buffer.as_mut_ptr(), buffer.len(), 0) };
}

/// Closes a descriptor in a copy of a process whose owner of it is not run.
pub(crate) fn close(descriptor: RawFd) {
    // SAFETY: the copy neither uses the descriptor again nor closes it a second time: it ends without destructors.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}
