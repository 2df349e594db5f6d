//! What happens between `clone` and `execve`: the first process of a box builds its world, starts the program, and waits.
//!
//! This code runs in a copy of a process with many threads, any of which may have held the allocator's lock when it was copied.
//! So it makes system calls and nothing else: no allocation, no panic, no lock. Everything it needs is in a [`Plan`], which was
//! made before the copy.
//!
//! The first process stays behind as the box's init: it reaps orphans, and its end is the end of every process in its process-id
//! namespace. It keeps an identity the program does not share, since its memory is a copy of ours.

mod mounts;
mod rights;

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_char, c_int, c_void};
use seccompiler::BpfProgram;

use self::rights::{drop_bounding_set, drop_capabilities, restrict_files};

/// What was being done when it failed; sent to the parent as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Step {
    Wait,
    PrivateMounts,
    Root,
    Folder,
    ScratchSpace,
    Bind,
    File,
    Proc,
    Pivot,
    Hostname,
    Fork,
    Identity,
    Seal,
    Workspace,
    Limits,
    Landlock,
    Capabilities,
    Seccomp,
    Execute,
}

impl Step {
    const ALL: [Self; 19] = [
        Self::Wait,
        Self::PrivateMounts,
        Self::Root,
        Self::Folder,
        Self::ScratchSpace,
        Self::Bind,
        Self::File,
        Self::Proc,
        Self::Pivot,
        Self::Hostname,
        Self::Fork,
        Self::Identity,
        Self::Seal,
        Self::Workspace,
        Self::Limits,
        Self::Landlock,
        Self::Capabilities,
        Self::Seccomp,
        Self::Execute,
    ];

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Returns the step as an infinitive without "to".
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait for the identity map",
            Self::PrivateMounts => "make mounts private",
            Self::Root => "mount a new root",
            Self::Folder => "make a folder in the new root",
            Self::ScratchSpace => "mount scratch space",
            Self::Bind => "bind a folder into the new root",
            Self::File => "write a file into the new root",
            Self::Proc => "mount /proc",
            Self::Pivot => "change to the new root",
            Self::Hostname => "set the host name",
            Self::Fork => "fork",
            Self::Identity => "change to an unprivileged user",
            Self::Seal => "enter a user namespace without privileges",
            Self::Workspace => "enter the workspace",
            Self::Limits => "set limits",
            Self::Landlock => "restrict the file system",
            Self::Capabilities => "drop capabilities",
            Self::Seccomp => "install the system call filter",
            Self::Execute => "execute the program",
        }
    }
}

/// One step of building the new root. Paths are below the mount point of the new root.
#[derive(Debug)]
pub(super) enum Build {
    Folder(CString),
    Scratch {
        target: CString,
        options: CString,
    },
    Bind {
        source: CString,
        target: CString,
        access: BindAccess,
    },
    File {
        path: CString,
        content: Vec<u8>,
    },
    /// A program of ours. The file system it lies in is read-only when the box starts.
    Program {
        path: CString,
        content: &'static [u8],
    },
    Link {
        path: CString,
        target: CString,
    },
    Proc(CString),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BindAccess {
    ReadOnly,
    Device,
    /// A folder that shows what is mounted below it later.
    Nodes,
}

/// When the user changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Before the box is built, in a user namespace in which the builder is nobody yet.
    First,
    /// Before the program starts: the box is built with the superuser's rights.
    Last,
}

/// The descriptors a box needs, by number; everything else is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptors {
    pub(super) stdin: RawFd,
    pub(super) stdout: RawFd,
    pub(super) stderr: RawFd,
    /// Readable once the parent has written the identity map and filled the cgroups; closed if it died.
    pub(super) ready: RawFd,
    /// Takes one [`Step`] and error number; closed without by a successful `execve`.
    pub(super) report: RawFd,
    /// Takes the program's wait status.
    pub(super) status: RawFd,
    /// The `/proc` of the parent.
    pub(super) proc: RawFd,
    /// A landlock rule set without rules, or -1.
    pub(super) landlock: RawFd,
}

/// Everything the child does, ready to be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) descriptors: Descriptors,
    /// Ranges of descriptors to close, both ends included.
    pub(super) closed: Vec<(u32, u32)>,
    /// Where the new root is mounted, and what it consists of; `None` stays in the machine's root.
    pub(super) root: Option<(CString, Vec<Build>)>,
    pub(super) hostname: bool,
    pub(super) loopback: bool,
    /// Whether init must collect orphans because there is no process-id namespace to do so.
    pub(super) subreaper: bool,
    /// User and group to change to, and when.
    pub(super) identity: Option<(u32, Change)>,
    /// The identity map of the innermost user namespace; `None` does not make one.
    pub(super) seal: Option<Vec<u8>>,
    pub(super) workspace: CString,
    pub(super) limits: Vec<(libc::__rlimit_resource_t, u64)>,
    /// Paths below which landlock allows these accesses.
    pub(super) allowed: Vec<(CString, u64)>,
    pub(super) filter: Option<BpfProgram>,
    /// Where the program may be, in order; empty for a trial that ends where the program would start.
    pub(super) programs: Vec<CString>,
    /// Null-terminated pointers into strings that the plan's owner keeps.
    pub(super) argv: Vec<*const c_char>,
    pub(super) env: Vec<*const c_char>,
    /// The top of a stack for the second process.
    pub(super) stack: *mut c_void,
}

/// The first process.
///
/// # Safety
/// To be called only by `clone` without `CLONE_VM`, with a pointer to a [`Plan`] that outlives the child.
pub(super) extern "C" fn init(plan: *mut c_void) -> c_int {
    // SAFETY: the caller of `clone` passed a pointer to a plan, and this process has its own copy of that memory.
    let plan = unsafe { &*plan.cast::<Plan>() };
    match start(plan) {
        Ok(program) => reap_until(plan, program),
        Err((step, error)) => fail(plan, step, error),
    }
}

type Failure = (Step, Errno);

fn at(step: Step) -> impl FnOnce(Errno) -> Failure {
    move |error| (step, error)
}

fn start(plan: &Plan) -> Result<libc::pid_t, Failure> {
    // SAFETY: plain system calls; the descriptors closed here belong to the parent's copy of the table.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::setsid();
    }
    default_signals();
    close_inherited(plan);
    wait_for_parent(plan).map_err(at(Step::Wait))?;
    if let Some((id, Change::First)) = plan.identity {
        change_identity(id).map_err(at(Step::Identity))?;
        // The change has cleared this.
        // SAFETY: a plain system call.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    }
    // Not earlier: it also takes away the parent's right to write the identity map.
    // SAFETY: a plain system call.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    if let Some((mount_point, steps)) = &plan.root {
        mounts::build_root(mount_point, steps)?;
    }
    if plan.hostname {
        let name = c"sandbox";
        // SAFETY: the name is valid for its length.
        check(unsafe { libc::sethostname(name.as_ptr(), 7) }).map_err(at(Step::Hostname))?;
    }
    if plan.loopback {
        // A box without even a loopback is still better than one on this machine's network.
        let _ = bring_up_loopback();
    }
    if plan.subreaper {
        // SAFETY: a plain system call.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    }
    let argument: *const Plan = plan;
    // SAFETY: the stack was allocated for this and is used by nobody else; `program` never returns to this frame.
    check(unsafe { libc::clone(program, plan.stack, libc::SIGCHLD, argument.cast_mut().cast()) })
        .map_err(at(Step::Fork))
}

/// Waits for the program, and collects every orphan until it ends. Returns the exit code of init itself.
fn reap_until(plan: &Plan, program: libc::pid_t) -> c_int {
    let Descriptors { stdin, stdout, stderr, report, landlock, .. } = plan.descriptors;
    for descriptor in [stdin, stdout, stderr, report, landlock] {
        // SAFETY: these descriptors are this process's own, and it has no use for them.
        unsafe { libc::close(descriptor) };
    }
    if !plan.subreaper {
        // Init only waits from here on, and its end is the kernel's affair.
        drop_capabilities();
    }
    loop {
        let mut status: c_int = 0;
        // SAFETY: the status is valid for the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if pid == program {
            if plan.subreaper {
                kill_orphans(plan.descriptors.proc);
            }
            // SAFETY: the status is valid for its size.
            unsafe { libc::write(plan.descriptors.status, (&raw const status).cast(), size_of::<c_int>()) };
            return 0;
        }
        if pid < 0 && Errno::last() != Errno::EINTR {
            return 1;
        }
    }
}

/// Kills what the program left, without a process-id namespace that would do so. Whatever loses its parent becomes a child of
/// init, so every round reaches one generation more.
fn kill_orphans(proc: RawFd) {
    const ROUNDS: usize = 1000;
    let mut buffer = [0_u8; 4096];
    for _ in 0..ROUNDS {
        let length = read_at(proc, c"thread-self/children", &mut buffer);
        let mut number: libc::pid_t = 0;
        for byte in buffer.iter().take(length) {
            if byte.is_ascii_digit() {
                number = number.wrapping_mul(10).wrapping_add(libc::pid_t::from(byte - b'0'));
            } else if number > 0 {
                // SAFETY: a plain system call; the process is our child and has not been waited for.
                unsafe { libc::kill(number, libc::SIGKILL) };
                number = 0;
            }
        }
        // SAFETY: a null status is allowed.
        if unsafe { libc::waitpid(-1, ptr::null_mut(), 0) } < 0 {
            return;
        }
    }
}

fn read_at(folder: RawFd, path: &CStr, buffer: &mut [u8]) -> usize {
    // SAFETY: the path and the buffer are valid for the calls.
    let count = unsafe {
        let file = libc::openat(folder, path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let count = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(file);
        count
    };
    usize::try_from(count).unwrap_or(0)
}

/// The second process, which becomes the program.
extern "C" fn program(plan: *mut c_void) -> c_int {
    // SAFETY: as in `init`.
    let plan = unsafe { &*plan.cast::<Plan>() };
    match become_program(plan) {
        Ok(()) => 0,
        Err((step, error)) => fail(plan, step, error),
    }
}

fn become_program(plan: &Plan) -> Result<(), Failure> {
    // While that is still allowed: the change of the user takes the right away.
    drop_bounding_set();
    if let Some((id, Change::Last)) = plan.identity {
        change_identity(id).map_err(at(Step::Identity))?;
    }
    // SAFETY: plain system calls.
    unsafe {
        libc::setsid();
        // Changing the user clears this; without a process-id namespace it is what ends the program with its init.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    if let Some(map) = &plan.seal {
        seal(plan.descriptors.proc, map).map_err(at(Step::Seal))?;
    }
    // SAFETY: the path is a valid string.
    check(unsafe { libc::chdir(plan.workspace.as_ptr()) }).map_err(at(Step::Workspace))?;
    attach_stdio(plan.descriptors).map_err(at(Step::Execute))?;
    for &(resource, value) in &plan.limits {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: the limit is valid for the call.
        check(unsafe { libc::setrlimit(resource, &raw const limit) }).map_err(at(Step::Limits))?;
    }
    // SAFETY: a plain system call.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map_err(at(Step::Capabilities))?;
    if plan.descriptors.landlock >= 0 {
        restrict_files(plan.descriptors.landlock, &plan.allowed).map_err(at(Step::Landlock))?;
    }
    drop_capabilities();
    close_on_exec();
    if let Some(filter) = &plan.filter {
        seccompiler::apply_filter(filter).map_err(|_| (Step::Seccomp, Errno::last()))?;
    }
    execute(plan).map_err(at(Step::Execute))
}

fn execute(plan: &Plan) -> Result<(), Errno> {
    let mut found = Errno::ENOENT;
    for path in &plan.programs {
        // SAFETY: both arrays end with a null pointer, and their strings live in the plan's owner.
        unsafe { libc::execve(path.as_ptr(), plan.argv.as_ptr(), plan.env.as_ptr()) };
        let error = Errno::last();
        if !matches!(error, Errno::ENOENT | Errno::ENOTDIR) {
            found = error;
        }
    }
    if plan.programs.is_empty() { Ok(()) } else { Err(found) }
}

fn fail(plan: &Plan, step: Step, error: Errno) -> ! {
    let message = [step as u32, (error as i32).cast_unsigned()];
    // SAFETY: the message is valid for its size; `_exit` runs no handlers of the parent.
    unsafe {
        libc::write(plan.descriptors.report, message.as_ptr().cast(), size_of_val(&message));
        libc::_exit(127)
    }
}

fn check<T: nix::errno::ErrnoSentinel + PartialEq>(result: T) -> Result<T, Errno> {
    Errno::result(result)
}

fn default_signals() {
    // SAFETY: the set is initialised by the call before it is used; resetting a signal has no precondition, and refusals (of
    // SIGKILL and SIGSTOP) do not matter.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

fn close_inherited(plan: &Plan) {
    for &(first, last) in &plan.closed {
        // SAFETY: nothing in this process uses these descriptors.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } < 0 {
            for descriptor in first..=last.min(1 << 16) {
                // SAFETY: as above.
                unsafe { libc::close(descriptor.cast_signed()) };
            }
        }
    }
}

fn close_on_exec() {
    // SAFETY: only flags change. Kernels without this call keep the flag every descriptor was opened with.
    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

fn wait_for_parent(plan: &Plan) -> Result<(), Errno> {
    let mut byte = 0_u8;
    loop {
        // SAFETY: one byte is written into one byte.
        match unsafe { libc::read(plan.descriptors.ready, (&raw mut byte).cast(), 1) } {
            1 => return Ok(()),
            0 => return Err(Errno::EPIPE),
            _ if Errno::last() == Errno::EINTR => {}
            _ => return Err(Errno::last()),
        }
    }
}

fn bring_up_loopback() -> Result<(), Errno> {
    // SAFETY: the request is zeroed, holds a null-terminated name, and is valid for the calls.
    unsafe {
        let socket = check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?;
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed() as c_char;
        request.ifr_name[1] = b'o'.cast_signed() as c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let result = check(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request));
        libc::close(socket);
        result.map(drop)
    }
}

fn change_identity(id: u32) -> Result<(), Errno> {
    // The raw calls: those of the C library try to change every thread, with locks.
    // SAFETY: plain system calls.
    unsafe {
        check(libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>()))?;
        check(libc::syscall(libc::SYS_setresgid, id, id, id))?;
        check(libc::syscall(libc::SYS_setresuid, id, id, id))?;
    }
    Ok(())
}

/// Enters a user namespace that owns nothing and in which no other user exists. The namespaces around it stay out of reach
/// even for a process that gains capabilities, and the process limit counts this box alone.
fn seal(proc: RawFd, map: &[u8]) -> Result<(), Errno> {
    // SAFETY: a plain system call. Changing the user made our own files in /proc another user's; this gives them back until
    // the program starts.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 1);
        check(libc::unshare(libc::CLONE_NEWUSER))?;
    }
    let result = write_at(proc, c"self/setgroups", b"deny")
        .and_then(|()| write_at(proc, c"self/uid_map", map))
        .and_then(|()| write_at(proc, c"self/gid_map", map));
    // SAFETY: a plain system call.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    result
}

fn write_at(folder: RawFd, path: &CStr, content: &[u8]) -> Result<(), Errno> {
    // SAFETY: the path and the content are valid for the calls.
    unsafe {
        let file = check(libc::openat(folder, path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = check(libc::write(file, content.as_ptr().cast(), content.len()));
        libc::close(file);
        written.map(drop)
    }
}

fn attach_stdio(descriptors: Descriptors) -> Result<(), Errno> {
    for (from, to) in [(descriptors.stdin, 0), (descriptors.stdout, 1), (descriptors.stderr, 2)] {
        // SAFETY: a plain system call; the sources are above 2, so none is overwritten before its turn.
        check(unsafe { libc::dup2(from, to) })?;
    }
    Ok(())
}
