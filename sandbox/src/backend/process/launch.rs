//! Makes the plan of a box and starts it: everything before `clone`, and the parent's side of the handshake after it.
//!
//! Boxes are started from one thread that lives as long as this process, because the kernel ties "end with your parent" to the
//! thread that called `clone`. It also keeps the copying of page tables off the threads of the async runtime.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};

use landlock::{ABI, Access as _, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr as _, Scope};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::{self, c_char, c_void};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::cgroup::{Cgroups, Group};
use super::child::{self, Change, Descriptors, Plan, Step};
use super::filter::{self, Sockets};
use super::interpreter::Interpreter;
use super::layers::{Builder, LayerId, Layers};
use super::root::{self, Proc};
use crate::backend::NODES;
use crate::limits::Limits;

/// The user and group of programs in a box: `nobody`.
pub(super) const NOBODY: u32 = 65534;
const STACK_BYTES: usize = 256 << 10;
const HANDSHAKE_MS: u16 = 20_000;

/// Everything that defines one box.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) layers: Layers,
    pub(super) cgroups: Cgroups,
    pub(super) interpreter: Interpreter,
    pub(super) limits: Limits,
    pub(super) place: Place,
    /// The folder of this machine below which workspaces are mounted while the box runs.
    pub(super) nodes: Option<PathBuf>,
    /// The user that the program becomes, where this process may choose.
    pub(super) user: u32,
    /// Where the program may be, in order; empty for a trial.
    pub(super) programs: Vec<PathBuf>,
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// A program of ours that the box is given, and where.
    pub(super) own: Option<(PathBuf, &'static [u8])>,
}

impl Request {
    pub(super) fn own(&self) -> Option<(&Path, &'static [u8])> {
        self.own.as_ref().map(|(path, content)| (path.as_path(), *content))
    }
}

/// Where the box may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In a root of its own.
    Inside,
    /// In these folders of this machine, because the box has no root of its own.
    Folders { workspace: PathBuf, scratch: PathBuf },
}

impl Place {
    pub(super) fn workspace(&self) -> PathBuf {
        match self {
            Self::Inside => root::WORKSPACE.into(),
            Self::Folders { workspace, .. } => workspace.clone(),
        }
    }

    pub(super) fn scratch(&self) -> PathBuf {
        match self {
            Self::Inside => root::SCRATCH.into(),
            Self::Folders { scratch, .. } => scratch.clone(),
        }
    }
}

/// A started box.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) pid: i32,
    pub(super) process: OwnedFd,
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) status: OwnedFd,
    pub(super) group: Group,
}

/// Why a box did not start.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The kernel refused the namespaces.
    Clone(Errno),
    /// A step in the new process failed.
    Step(Step, Errno),
    /// Something on our side failed.
    Parent(&'static str, String),
}

/// Runs a closure on the launching thread and returns what it returned.
pub(super) async fn on_launcher<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    type Work = Box<dyn FnOnce() + Send>;
    static LAUNCHER: OnceLock<Option<mpsc::Sender<Work>>> = OnceLock::new();
    let gone = || Refusal::Parent("use the launching thread", "it is gone".into());
    let launcher = LAUNCHER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Work>();
        let run = move || receiver.iter().for_each(|work| work());
        std::thread::Builder::new().name("sandbox-launch".into()).spawn(run).ok().map(|_| sender)
    });
    let (reply, answer) = tokio::sync::oneshot::channel();
    let work = Box::new(move || {
        // The caller may have gone; what was started is then dropped here, and dropping kills.
        let _ = reply.send(work());
    });
    launcher.as_ref().ok_or_else(gone)?.send(work).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())
}

/// Starts a box. Blocks for as long as the new process needs to build it.
pub(super) fn start(request: &Request) -> Result<Started, Refusal> {
    let parent = |what: &'static str| move |error: io::Error| Refusal::Parent(what, error.to_string());
    let pipes = Pipes::open().map_err(parent("open pipes"))?;
    let proc = File::open("/proc").map_err(parent("open /proc"))?;
    let rules = rules(&request.layers);
    let mut stack = vec![0_u8; STACK_BYTES];
    let mut inner_stack = vec![0_u8; STACK_BYTES];
    let descriptors = Descriptors {
        stdin: pipes.stdin.read.as_raw_fd(),
        stdout: pipes.stdout.write.as_raw_fd(),
        stderr: pipes.stderr.write.as_raw_fd(),
        ready: pipes.ready.read.as_raw_fd(),
        report: pipes.report.write.as_raw_fd(),
        status: pipes.status.write.as_raw_fd(),
        proc: proc.as_raw_fd(),
        landlock: rules.as_ref().map_or(-1, |(rules, _)| rules.as_raw_fd()),
    };
    let strings = Strings::of(request).map_err(parent("prepare arguments"))?;
    let allowed = rules.as_ref().map(|(_, abi)| allowed(request, *abi)).transpose();
    let mut plan = plan(request, descriptors, &strings).map_err(parent("prepare the new root"))?;
    plan.allowed = allowed.map_err(parent("prepare landlock"))?.unwrap_or_default();
    plan.stack = top(&mut inner_stack);

    let group = request.cgroups.create(&request.name, &request.limits).map_err(parent("make control groups"))?;
    let flags = request.layers.clone_flags() | libc::SIGCHLD;
    let argument: *mut Plan = &raw mut plan;
    // SAFETY: without CLONE_VM the child works on a copy of this memory, so the stack and the plan outlive it; `init` makes only
    // system calls.
    let pid = Errno::result(unsafe { libc::clone(child::init, top(&mut stack), flags, argument.cast::<c_void>()) })
        .map_err(Refusal::Clone)?;
    let starting = Starting { pid, armed: true };
    // SAFETY: the call takes a process id and flags, and returns a new descriptor that nobody else owns. The child has not been
    // waited for, so the id is still its own.
    let process = unsafe {
        let descriptor = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))
            .map_err(|error| Refusal::Parent("watch the new process", error.to_string()))?;
        OwnedFd::from_raw_fd(descriptor as RawFd)
    };
    group.add(pid).map_err(parent("fill control groups"))?;
    if request.layers.builder == Builder::UserNamespace {
        // A namespace in which nobody may be anybody is as good as none.
        map_identity(pid)
            .map_err(|error| Refusal::Clone(error.raw_os_error().map_or(Errno::EPERM, Errno::from_raw)))?;
    }
    let Pipes { stdin, stdout, stderr, ready, report, status } = pipes;
    drop((ready.read, report.write, status.write, stdin.read, stdout.write, stderr.write));
    File::from(ready.write).write_all(&[1]).map_err(parent("start the new process"))?;
    await_report(report.read)?;
    starting.disarm();
    Ok(Started {
        pid,
        process,
        stdin: stdin.write,
        stdout: stdout.read,
        stderr: stderr.read,
        status: status.read,
        group,
    })
}

/// Kills and reaps the new process unless it came up.
struct Starting {
    pid: i32,
    armed: bool,
}

impl Starting {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if self.armed {
            // SAFETY: the process is our child and has not been waited for.
            unsafe {
                libc::kill(self.pid, libc::SIGKILL);
                libc::waitpid(self.pid, std::ptr::null_mut(), 0);
            }
        }
    }
}

fn await_report(report: OwnedFd) -> Result<(), Refusal> {
    let mut message = [0_u8; 8];
    let mut file = File::from(report);
    let mut ready = [PollFd::new(std::os::fd::AsFd::as_fd(&file), PollFlags::POLLIN)];
    let what = "hear from the new process";
    match poll(&mut ready, PollTimeout::from(HANDSHAKE_MS)) {
        Ok(0) => return Err(Refusal::Parent(what, format!("no answer within {HANDSHAKE_MS} ms"))),
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(Refusal::Parent(what, error.to_string())),
    }
    match file.read(&mut message) {
        Ok(0) => Ok(()),
        Ok(8) => {
            let [a, b, c, d, e, f, g, h] = message;
            let error = Errno::from_raw(i32::from_ne_bytes([e, f, g, h]));
            match Step::from_number(u32::from_ne_bytes([a, b, c, d])) {
                Some(step) => Err(Refusal::Step(step, error)),
                None => Err(Refusal::Parent(what, error.to_string())),
            }
        }
        Ok(_) => Err(Refusal::Parent(what, "its report is incomplete".into())),
        Err(error) => Err(Refusal::Parent(what, error.to_string())),
    }
}

/// Makes one user exist in the namespace of the new process. The superuser may choose which: `nobody`, so that the kernel
/// counts the box's processes, which it does not do for the superuser's.
fn map_identity(pid: i32) -> io::Result<()> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let (user, group) = if user.is_root() {
        (NOBODY, NOBODY)
    } else {
        fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
        (user.as_raw(), group.as_raw())
    };
    fs::write(format!("/proc/{pid}/uid_map"), format!("{NOBODY} {user} 1"))?;
    fs::write(format!("/proc/{pid}/gid_map"), format!("{NOBODY} {group} 1"))
}

struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

struct Pipes {
    stdin: Pipe,
    stdout: Pipe,
    stderr: Pipe,
    ready: Pipe,
    report: Pipe,
    status: Pipe,
}

impl Pipes {
    fn open() -> io::Result<Self> {
        let pipe = || nix::unistd::pipe2(OFlag::O_CLOEXEC).map(|(read, write)| Pipe { read, write });
        Ok(Self { stdin: pipe()?, stdout: pipe()?, stderr: pipe()?, ready: pipe()?, report: pipe()?, status: pipe()? })
    }
}

/// The strings that the plan's pointers point into.
struct Strings {
    argv: Vec<CString>,
    env: Vec<CString>,
}

impl Strings {
    fn of(request: &Request) -> io::Result<Self> {
        let argv = request.argv.iter().map(|it| CString::new(it.as_str())).collect::<Result<_, _>>()?;
        let env = request
            .env
            .iter()
            .map(|(name, value)| CString::new(format!("{name}={value}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { argv, env })
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect()
}

fn top(stack: &mut [u8]) -> *mut c_void {
    let end = stack.as_mut_ptr_range().end;
    // Stacks grow down and want 16 bytes of alignment.
    end.wrapping_sub(end.addr() % 16).cast()
}

fn plan(request: &Request, descriptors: Descriptors, strings: &Strings) -> io::Result<Plan> {
    let layers = &request.layers;
    let proc = if layers.has(LayerId::Proc) { Proc::Own } else { Proc::Absent };
    let change = match layers.builder {
        Builder::Root if layers.has(LayerId::Identity) => Some(Change::Last),
        Builder::UserNamespace if nix::unistd::geteuid().is_root() => Some(Change::First),
        Builder::Root | Builder::UserNamespace | Builder::None => None,
    };
    let user = match layers.builder {
        Builder::Root if !layers.has(LayerId::Identity) => 0,
        Builder::Root => request.user,
        Builder::UserNamespace | Builder::None => NOBODY,
    };
    let root = match layers.has(LayerId::Mounts) {
        true => Some(root::steps(request, user, proc)?),
        false => None,
    };
    // Without a user namespace around it the inner one maps the user we really are.
    let real = if layers.builder == Builder::None { nix::unistd::geteuid().as_raw() } else { user };
    let seal = layers.has(LayerId::Seal).then(|| format!("{NOBODY} {real} 1").into_bytes());
    let sockets = if layers.has(LayerId::Network) { Sockets::Loopback } else { Sockets::Pairs };
    let filter = match layers.has(LayerId::Seccomp) {
        true => Some(filter::program(sockets).map_err(io::Error::other)?),
        false => None,
    };
    Ok(Plan {
        descriptors,
        closed: gaps(descriptors),
        root,
        hostname: layers.has(LayerId::Hostname),
        loopback: layers.has(LayerId::Network),
        subreaper: !layers.has(LayerId::Processes),
        identity: change.map(|change| (request.user, change)),
        seal,
        workspace: root::c_string(&request.place.workspace())?,
        limits: limits(request),
        allowed: Vec::new(),
        filter,
        programs: request.programs.iter().map(|it| root::c_string(it)).collect::<Result<_, _>>()?,
        argv: pointers(&strings.argv),
        env: pointers(&strings.env),
        stack: std::ptr::null_mut(),
    })
}

/// Returns the ranges between the descriptors that stay open.
fn gaps(descriptors: Descriptors) -> Vec<(u32, u32)> {
    let Descriptors { stdin, stdout, stderr, ready, report, status, proc, landlock } = descriptors;
    let mut kept: Vec<u32> = [stdin, stdout, stderr, ready, report, status, proc, landlock]
        .into_iter()
        .filter_map(|descriptor| u32::try_from(descriptor).ok())
        .collect();
    kept.sort_unstable();
    let mut gaps = Vec::new();
    let mut next = 0;
    for descriptor in kept {
        if descriptor > next {
            gaps.push((next, descriptor - 1));
        }
        next = descriptor + 1;
    }
    gaps.push((next, u32::MAX));
    gaps
}

fn limits(request: &Request) -> Vec<(libc::__rlimit_resource_t, u64)> {
    let Request { limits, layers, .. } = request;
    // A control group is met first where there is one: it counts what it refuses.
    let slack = if layers.has(LayerId::ProcessCount) { 16 } else { 0 };
    let mut set = vec![
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_FSIZE, limits.disk_bytes),
        (libc::RLIMIT_NOFILE, limits.descriptors()),
        (libc::RLIMIT_MEMLOCK, 64 << 10),
        (libc::RLIMIT_MSGQUEUE, 0),
        (libc::RLIMIT_RTPRIO, 0),
        (libc::RLIMIT_NPROC, u64::from(limits.processes) + processes_of_user(layers) + slack),
    ];
    if !layers.has(LayerId::Memory) {
        set.push((libc::RLIMIT_AS, limits.memory_bytes));
    }
    set
}

/// The kernel counts the processes of a user in a user namespace. With one of its own, or a user of its own, a box starts from
/// nothing; otherwise it shares the count with everything else this user runs.
fn processes_of_user(layers: &Layers) -> u64 {
    if layers.has(LayerId::Seal) || layers.builder != Builder::None {
        return 0;
    }
    use std::os::unix::fs::MetadataExt as _;
    let user = nix::unistd::geteuid().as_raw();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = processes.filter(|entry| entry.metadata().is_ok_and(|it| it.uid() == user));
    own.map(|entry| fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64)).sum()
}

/// Returns an empty landlock rule set, and the version it was made for.
fn rules(layers: &Layers) -> Option<(OwnedFd, ABI)> {
    if !layers.has(LayerId::Landlock) {
        return None;
    }
    let abi = landlock_version()?;
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(abi)).ok()?;
    if !layers.has(LayerId::Network) {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi)).ok()?;
    }
    ruleset = ruleset.scope(Scope::from_all(abi)).ok()?;
    let descriptor: Option<OwnedFd> = ruleset.create().ok()?.into();
    descriptor.map(|descriptor| (descriptor, abi))
}

/// Returns the version of landlock this kernel has in force.
pub(super) fn landlock_version() -> Option<ABI> {
    const VERSION: libc::c_int = 1;
    // SAFETY: with this flag the call takes no structure and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<c_void>(), 0, VERSION) };
    let version = i32::try_from(version).ok().filter(|version| *version > 0)?;
    Some(ABI::from(version))
}

fn allowed(request: &Request, abi: ABI) -> io::Result<Vec<(CString, u64)>> {
    let everything = AccessFs::from_all(abi);
    let read = AccessFs::from_read(abi);
    let device = (AccessFs::from_file(abi) & everything) & !BitFlags::from(AccessFs::Execute);
    let mut rules: Vec<(PathBuf, BitFlags<AccessFs>)> = Vec::new();
    if request.place == Place::Inside {
        rules.push(("/".into(), read));
        rules.push(("/dev/shm".into(), everything));
    } else {
        rules.extend(root::readable(&request.interpreter).map(|path| (path, read)));
        rules.push(("/proc".into(), read));
        rules.extend(request.own().map(|(path, _)| (path.to_owned(), read)));
        rules.push(("/dev/shm".into(), everything));
    }
    for path in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"] {
        rules.push((path.into(), device));
    }
    if request.nodes.is_some() {
        rules.push((NODES.into(), everything));
    }
    rules.push((request.place.workspace(), everything));
    rules.push((request.place.scratch(), everything));
    let bits = |(path, access): (PathBuf, BitFlags<AccessFs>)| {
        // A rule for a file may not name what only folders have.
        let access = if path.is_file() { access & AccessFs::from_file(abi) } else { access };
        Ok((root::c_string(&path)?, access.bits()))
    };
    rules.into_iter().map(bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_the_kept_descriptors_is_closed() {
        let kept =
            Descriptors { stdin: 5, stdout: 9, stderr: 4, ready: 12, report: 6, status: 20, proc: 21, landlock: -1 };
        assert_eq!(gaps(kept), [(0, 3), (7, 8), (10, 11), (13, 19), (22, u32::MAX)]);
    }
}
