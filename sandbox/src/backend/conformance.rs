//! What every backend must do, whatever it is made of. Each backend's tests call [`conformance`].

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{Backend, BoxEnding, Launched};
use crate::limits::Limits;
use crate::spec::{ImageRef, Labels, SandboxSpec};

const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// Whether the backend's boxes are cut off by namespaces, or merely restrained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    Isolated,
    Restrained,
}

/// One backend under test.
pub(super) struct Subject<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) image: Option<ImageRef>,
    pub(super) python: Option<String>,
    pub(super) strength: Strength,
}

/// Checks everything.
pub(super) async fn conformance(subject: &Subject<'_>) {
    stdio_is_a_conversation(subject).await;
    endings_are_told_apart(subject).await;
    a_missing_program_is_an_error(subject).await;
    killing_ends_everything(subject).await;
    dropping_ends_everything(subject).await;
    writing_is_confined(subject).await;
    the_host_is_out_of_sight(subject).await;
    privileges_are_gone(subject).await;
    processes_are_bounded(subject).await;
    memory_is_bounded(subject).await;
    disk_is_bounded(subject).await;
    files_are_bounded(subject).await;
    output_nobody_reads_stops_the_writer(subject).await;
    links_lead_nowhere(subject).await;
    network_is_absent(subject).await;
}

impl Subject<'_> {
    fn spec(&self, tag: &str) -> SandboxSpec {
        let labels = Labels { job: tag.into(), boot: format!("test-{tag}") };
        SandboxSpec { image: self.image.clone(), python: self.python.clone(), ..SandboxSpec::new(labels) }
    }

    async fn launch(&self, spec: &SandboxSpec, script: &str) -> Box<dyn Launched> {
        let python = self.backend.python(spec).await.unwrap();
        // The tag in the command line lets the end of the test look for processes on the host.
        let argv = [python, "-I".into(), "-c".into(), format!("# {}\n{script}", spec.labels.job)];
        timeout(PATIENCE, self.backend.launch(spec, &argv)).await.unwrap().unwrap()
    }

    async fn run_with(&self, spec: &SandboxSpec, script: &str) -> Outcome {
        let mut launched = self.launch(spec, script).await;
        let (stdin, stdout) = launched.stdio().unwrap();
        drop(stdin);
        let mut text = Vec::new();
        timeout(PATIENCE, stdout.take(MIB).read_to_end(&mut text)).await.unwrap().unwrap();
        let ending = timeout(PATIENCE, launched.wait()).await.unwrap().unwrap();
        let stderr = launched.stderr_tail();
        timeout(PATIENCE, launched.close()).await.unwrap().unwrap();
        self.assert_nothing_left(&spec.labels.job).await;
        Outcome { ending, stdout: String::from_utf8(text).unwrap(), stderr }
    }

    async fn run(&self, script: &str) -> Outcome {
        self.run_with(&self.spec(&tag()), script).await
    }

    async fn leftovers(&self, tag: &str) -> Vec<String> {
        let mut left = processes(tag);
        let report = self.backend.reap("nobody").await.unwrap();
        left.extend(report.kept.into_iter().filter(|name| name.contains(tag)));
        left.extend(report.failed.into_iter().filter(|(name, _)| name.contains(tag)).map(|(name, _)| name));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        left.extend(mounts.lines().filter(|line| line.contains(tag)).map(str::to_owned));
        left
    }

    async fn assert_nothing_left(&self, tag: &str) {
        assert_eq!(self.leftovers(tag).await, Vec::<String>::new());
    }

    fn is_isolated(&self) -> bool {
        self.strength == Strength::Isolated
    }
}

#[derive(Debug)]
struct Outcome {
    ending: BoxEnding,
    stdout: String,
    stderr: String,
}

impl Outcome {
    /// Asserts that the script ended well having printed exactly this.
    #[track_caller]
    fn said(&self, expected: &str) {
        assert_eq!((self.ending, self.stdout.trim()), (BoxEnding::Exited(0), expected), "{}", self.stderr);
    }
}

fn tag() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn processes(tag: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if line.windows(tag.len()).any(|part| part == tag.as_bytes()) {
            found.push(format!("process {}", entry.file_name().to_string_lossy()));
        }
    }
    found
}

async fn stdio_is_a_conversation(subject: &Subject<'_>) {
    let spec = subject.spec(&tag());
    let script = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)\nprint('bye')";
    let mut launched = subject.launch(&spec, script).await;
    let (mut stdin, mut stdout) = launched.stdio().unwrap();
    assert!(launched.stdio().is_none());
    for word in ["one\n", "two\n"] {
        stdin.write_all(word.as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
        let mut answer = vec![0; word.len()];
        timeout(PATIENCE, stdout.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, word.to_uppercase().as_bytes());
    }
    stdin.shutdown().await.unwrap();
    drop(stdin);
    let mut rest = String::new();
    timeout(PATIENCE, stdout.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest, "bye\n");
    assert_eq!(timeout(PATIENCE, launched.wait()).await.unwrap().unwrap(), BoxEnding::Exited(0));
    assert_eq!(launched.wait().await.unwrap(), BoxEnding::Exited(0));
    launched.close().await.unwrap();
    subject.assert_nothing_left(&spec.labels.job).await;
}

async fn endings_are_told_apart(subject: &Subject<'_>) {
    let outcome = subject.run("import sys; print('to stderr', file=sys.stderr); sys.exit(7)").await;
    assert_eq!(outcome.ending, BoxEnding::Exited(7));
    assert_eq!(outcome.stderr, "to stderr\n");
    let outcome = subject.run("import os; os.kill(os.getpid(), 15)").await;
    assert_eq!(outcome.ending, BoxEnding::Signalled(15));
}

async fn a_missing_program_is_an_error(subject: &Subject<'_>) {
    let spec = subject.spec(&tag());
    match subject.backend.launch(&spec, &["no-such-program".into()]).await {
        Err(error) => assert!(error.to_string().contains("no-such-program"), "{error}"),
        // An init program in front is started well, and then says so.
        Ok(mut launched) => {
            assert_eq!(timeout(PATIENCE, launched.wait()).await.unwrap().unwrap(), BoxEnding::Exited(127));
            launched.close().await.unwrap();
        }
    }
    subject.assert_nothing_left(&spec.labels.job).await;
}

/// Detaches as far as a process can, and ignores what it can.
const STUBBORN: &str = "
import os, signal, sys, time
for number in set(range(1, 32)) - {signal.SIGCHLD}:
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
print('up', flush=True)
time.sleep(1000)
";

async fn start_stubborn(subject: &Subject<'_>, spec: &SandboxSpec) -> Box<dyn Launched> {
    let mut launched = subject.launch(spec, STUBBORN).await;
    let (_stdin, mut stdout) = launched.stdio().unwrap();
    let mut up = [0; 3];
    timeout(PATIENCE, stdout.read_exact(&mut up)).await.unwrap().unwrap();
    assert!(processes(&spec.labels.job).len() >= 2);
    launched
}

async fn killing_ends_everything(subject: &Subject<'_>) {
    let spec = subject.spec(&tag());
    let mut launched = start_stubborn(subject, &spec).await;
    launched.kill().await.unwrap();
    assert_eq!(timeout(PATIENCE, launched.wait()).await.unwrap().unwrap(), BoxEnding::Signalled(9));
    launched.kill().await.unwrap();
    timeout(PATIENCE, launched.close()).await.unwrap().unwrap();
    subject.assert_nothing_left(&spec.labels.job).await;
}

async fn dropping_ends_everything(subject: &Subject<'_>) {
    let spec = subject.spec(&tag());
    drop(start_stubborn(subject, &spec).await);
    let gone = async {
        while !subject.leftovers(&spec.labels.job).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

async fn writing_is_confined(subject: &Subject<'_>) {
    let script = "
import os, subprocess, sys
written = []
for folder in ['/', '/usr', '/etc', '/root', '/home', '/var/tmp', '/dev', '/proc', '/sys', '/opt',
               os.path.dirname(sys.executable)]:
    try:
        open(os.path.join(folder, 'patchwright-test'), 'w').close()
        written.append(folder)
    except OSError:
        pass
for path in ['/etc/passwd', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger', sys.executable]:
    try:
        open(path, 'r+').close()
        written.append(path)
    except OSError:
        pass
workspace = os.environ['PATCHWRIGHT_WORKSPACE']
assert os.getcwd() == workspace
program = os.path.join(workspace, 'program')
with open(program, 'w') as file: file.write('#!/bin/sh\\necho ran')
os.chmod(program, 0o755)
print(written, subprocess.check_output([program]))
for folder in [os.environ['HOME'], os.environ['TMPDIR'], '/dev/shm']:
    path = os.path.join(folder, 'patchwright-test-%d' % os.getpid())
    open(path, 'w').close()
    os.remove(path)
open('/dev/null', 'w').close()
";
    subject.run(script).await.said("[] b'ran\\n'");
}

async fn the_host_is_out_of_sight(subject: &Subject<'_>) {
    // Cargo gives this process a variable that no box may see anywhere. The script, which is in the box's own memory, must not
    // spell it out.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    let mut spec = subject.spec(&tag());
    spec.env = vec![("ADDED".into(), "yes".into())];
    let script = format!(
        "
import os, re, socket
def regions(pid):
    for line in open('/proc/%s/maps' % pid):
        start, end, kind = re.match('([0-9a-f]+)-([0-9a-f]+) (....)', line).groups()
        if kind[0] == 'r': yield int(start, 16), int(end, 16)
seen = []
canary = '_'.join(['CARGO', 'PKG', 'NAME']).encode()
for pid in filter(str.isdigit, os.listdir('/proc')):  # empty where /proc is refused
    try:
        if canary in open('/proc/%s/environ' % pid, 'rb').read(): seen.append('environ')
    except OSError: pass
    if int(pid) == os.getpid(): continue
    try:
        memory = open('/proc/%s/mem' % pid, 'rb', 0)
        for start, end in regions(pid):
            memory.seek(start)
            try:
                if canary in memory.read(min(end - start, 16 << 20)): seen.append('memory of ' + pid)
            except OSError: pass
    except OSError: pass
names = sorted(os.environ)
for name in ['ADDED', 'HOME', 'LANG', 'LC_CTYPE', 'PATCHWRIGHT_WORKSPACE', 'PATH', 'TMPDIR', 'TZ', 'USER', 'HOSTNAME']:
    if name in names: names.remove(name)
for path in ['/root', '/home', '/var/lib/docker', '/var/lib/dpkg', '/etc/ssh']:
    try: seen += [path + '/' + name for name in os.listdir(path) if {}]
    except OSError: pass
for path in ['/var/run/docker.sock', '/run/docker.sock', '/run/systemd/notify', '/run/dbus/system_bus_socket']:
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        seen.append(path)
    except OSError: pass
print(os.environ['ADDED'], names, seen)
",
        // An interpreter in somebody's home is seen, and an image has its own package database.
        if subject.image.is_none() { "name not in ('.pyenv', '.local')" } else { "'dpkg' not in path" }
    );
    let outcome = subject.run_with(&spec, &script).await;
    outcome.said("yes [] []");
}

async fn privileges_are_gone(subject: &Subject<'_>) {
    let script = "
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
capabilities = (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), capabilities)
facts = [sum(capabilities), libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0)]  # no new privileges, seccomp
machine = os.uname().machine
numbers = {
    'x86_64': {'bpf': 321, 'keyctl': 250, 'io_uring_setup': 425, 'perf_event_open': 298, 'kexec_load': 246, 'userfaultfd': 323,
               'setns': 308, 'open_by_handle_at': 304, 'pivot_root': 155, 'add_key': 248},
}.get(machine, {})
allowed = []
def attempt(name, call):
    ctypes.set_errno(0)
    if call() != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): allowed.append(name)
for flag, name in [(0x10000000, 'user'), (0x00020000, 'mount'), (0x40000000, 'net'), (0x20000000, 'pid')]:
    attempt('unshare ' + name, lambda: libc.unshare(flag))
attempt('mount', lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))
attempt('umount', lambda: libc.umount2(b'/tmp', 2))
attempt('ptrace', lambda: libc.ptrace(0, 0, 0, 0))
attempt('chroot', lambda: libc.chroot(b'/tmp'))
attempt('sethostname', lambda: libc.sethostname(b'x', 1))
for name, number in numbers.items():
    attempt(name, lambda: libc.syscall(number, 0, 0, 0, 0, 0))
for call in [lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.mknod('/tmp/d', 0o60600, 2049)]:
    try: call(); allowed.append('call')
    except OSError: pass
try: os.kill(1, 9)
except OSError: pass
if os.getuid() == 0: allowed.append('root')
print(facts, allowed)
";
    subject.run(script).await.said("[0, 1, 2] []");
}

async fn processes_are_bounded(subject: &Subject<'_>) {
    let mut spec = subject.spec(&tag());
    spec.limits.processes = 32;
    let script = "
import os, time
count = 0
while count < 5000:
    try:
        if os.fork() == 0: time.sleep(1000)
    except OSError: break
    count += 1
print(0 < count <= 32, flush=True)
os._exit(0)
";
    subject.run_with(&spec, script).await.said("True");
}

async fn memory_is_bounded(subject: &Subject<'_>) {
    let mut spec = subject.spec(&tag());
    spec.limits = Limits { memory_bytes: 256 * MIB, ..Limits::default() };
    let script = "
kept = []
try:
    while True: kept.append(b'x' * (1 << 20))
except MemoryError:
    kept = None
    print('refused')
";
    let outcome = subject.run_with(&spec, script).await;
    let refused = outcome.ending == BoxEnding::Exited(0) && outcome.stdout == "refused\n";
    assert!(refused || outcome.ending == BoxEnding::OutOfMemory, "{outcome:?}");
}

async fn disk_is_bounded(subject: &Subject<'_>) {
    let mut spec = subject.spec(&tag());
    spec.limits.disk_bytes = 8 * MIB;
    let script = "
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
written = 0
try:
    with open('big', 'wb', 0) as file:
        while written < 64 << 20: written += file.write(b'x' * (1 << 20))
except OSError: pass
os.remove('big')
print(written <= 8 << 20)
";
    subject.run_with(&spec, script).await.said("True");
}

async fn files_are_bounded(subject: &Subject<'_>) {
    let mut spec = subject.spec(&tag());
    (spec.limits.files, spec.limits.open_files) = (500, 100);
    let script = "
import os
def until_refused(step, most):
    for count in range(most):
        try: step(count)
        except OSError: return count
    return most
held = []
opened = until_refused(lambda count: held.append(open('/dev/null')), 5000)
held.clear()
counts = [opened < 100]
for folder in [os.environ['PATCHWRIGHT_WORKSPACE'], os.environ['TMPDIR'], '/dev/shm'] if MOUNTS else []:
    made = until_refused(lambda count: open(os.path.join(folder, 'made-%d' % count), 'w').close(), 5000)
    counts.append(0 < made <= 500)
print(all(counts) or counts)
";
    let mounts = if subject.is_isolated() { "True" } else { "False" };
    subject.run_with(&spec, &script.replace("MOUNTS", mounts)).await.said("True");
}

async fn output_nobody_reads_stops_the_writer(subject: &Subject<'_>) {
    let spec = subject.spec(&tag());
    let script = "
import os
block = b'x' * (1 << 20)
while True: os.write(1, block)
";
    let mut launched = subject.launch(&spec, script).await;
    let (_stdin, mut stdout) = launched.stdio().unwrap();
    let before = resident_bytes();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    while total < 256 << 20 {
        total += timeout(PATIENCE, stdout.read(&mut buffer)).await.unwrap().unwrap();
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 128 * MIB, "{grown} bytes more in memory after {total} bytes of output");
    launched.kill().await.unwrap();
    assert_eq!(timeout(PATIENCE, launched.wait()).await.unwrap().unwrap(), BoxEnding::Signalled(9));
    timeout(PATIENCE, launched.close()).await.unwrap().unwrap();
    subject.assert_nothing_left(&spec.labels.job).await;
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn links_lead_nowhere(subject: &Subject<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("precious");
    std::fs::write(&file, "precious").unwrap();
    let script = format!(
        "
import os
os.symlink({:?}, 'link')
os.symlink('/', 'root')
os.mkdir('locked'); open('locked/file', 'w').close(); os.chmod('locked', 0)
try: open('link/precious', 'w').close()
except OSError as error: print('refused')
",
        folder.path()
    );
    subject.run(&script).await.said("refused");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

async fn network_is_absent(subject: &Subject<'_>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "
import socket
reached = []
for family, address in [(socket.AF_INET, ('127.0.0.1', {port})), (socket.AF_INET, ('1.1.1.1', 53)),
                        (socket.AF_INET, ('169.254.169.254', 80)), (socket.AF_INET, ('172.17.0.1', 22)),
                        (socket.AF_INET6, ('2606:4700:4700::1111', 53))]:
    try:
        with socket.socket(family) as it:
            it.settimeout(2)
            it.connect(address)
        reached.append(address)
    except OSError: pass
for family in [40, 17, 38]:  # vsock, packet, alg
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
        reached.append(family)
    except OSError: pass
try: reached += socket.getaddrinfo('example.com', 80)
except OSError: pass
print(reached)
"
    );
    subject.run(&script).await.said("[]");
    if subject.is_isolated() {
        let script = "
import socket, threading
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname(), 10)
print([name for _, name in socket.if_nameindex() if name.startswith(('eth', 'en', 'wl', 'docker', 'br'))])
";
        subject.run(script).await.said("[]");
    }
}
