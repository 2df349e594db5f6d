//! One command, from fork to the last of its processes. Each is looked after by a process of its own, the keeper: whatever the
//! command starts, however often it forks and whatever it ignores, stays below its keeper, and is dead when the keeper answers.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use super::files::reply;
use super::kept::Kept;
use super::sys::{self, Exit, Limit, Poll, Reaped, Side};
use super::tree;
use super::watch::{self, Counters, Disks};
use super::wire::{Ran, Reply, Run, ended};

/// How often limits that announce themselves to nobody are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long the processes of a command may take to die.
const DYING: Duration = Duration::from_secs(10);
/// So many refused processes are a fork bomb.
const BOMB: u64 = 1000;

/// What every command of the box has in common.
pub(crate) struct Surroundings {
    pub(crate) scratch: Vec<u8>,
    /// The fixed environment.
    pub(crate) env: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Runs a command and returns its reply. The process it is called in must be one of its own, without children.
///
/// # Errors
/// When the command could not be started, or what it started could not be killed.
pub(crate) fn run(cx: &Surroundings, request: &Run<'_>, cancel: &OwnedFd) -> Result<Vec<u8>, Failure> {
    sys::adopt_orphans();
    let children = sys::child_watch()?;
    let place = tree::open(request.at)?;
    let folder = tree::below(&place, request.cwd)?;
    let home = Home::make(&cx.scratch)?;
    let outcome = watched(cx, request, [&children, cancel], place, folder, &home);
    home.remove();
    outcome
}

/// Why there is no result.
pub(crate) enum Failure {
    /// The request cannot be carried out.
    Refused(io::Error),
    /// The box is not what it should be any more.
    Fatal(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Refused(error)
    }
}

/// A home folder and a folder for temporary files of one command's own.
struct Home {
    parent: OwnedFd,
    name: Vec<u8>,
    path: Vec<u8>,
}

impl Home {
    fn make(scratch: &[u8]) -> io::Result<Self> {
        let parent = tree::open(scratch)?;
        let mut random = [0_u8; 8];
        sys::random(&mut random);
        let name = format!("run-{:016x}", u64::from_ne_bytes(random)).into_bytes();
        sys::make_folder(&parent, &name, 0o700)?;
        let inside = sys::open_folder(&parent, &name)?;
        sys::make_folder(&inside, b"home", 0o700)?;
        sys::make_folder(&inside, b"tmp", 0o700)?;
        let path = [scratch, b"/", &name[..]].concat();
        Ok(Self { parent, name, path })
    }

    fn below(&self, name: &[u8]) -> Vec<u8> {
        [&self.path[..], b"/", name].concat()
    }

    fn remove(&self) {
        // What cannot be removed takes room in the box, and goes with it.
        let _ = tree::remove(&self.parent, &self.name);
    }
}

fn watched(
    cx: &Surroundings,
    request: &Run<'_>,
    [children, cancel]: [&OwnedFd; 2],
    place: OwnedFd,
    folder: OwnedFd,
    home: &Home,
) -> Result<Vec<u8>, Failure> {
    let before = Counters::read();
    let (out, out_end) = sys::pipe()?;
    let (err, err_end) = sys::pipe()?;
    let child = Child::prepare(cx, request, home, folder)?;
    let began = Instant::now();
    let pid = match sys::split()? {
        Side::Child => child.become_command(&out_end, if request.apart { &err_end } else { &out_end }),
        Side::Parent(pid) => pid,
    };
    drop((out_end, err_end));
    let mut disks = vec![place];
    disks.extend(home.parent.try_clone());
    let mut watch = Watch {
        request,
        pid,
        began,
        before,
        quiet_since: began,
        streams: [Some(out), Some(err)],
        kept: [0, 1].map(|_| Kept::new(request.kept)),
        merged: Kept::new(request.kept),
        disks: Disks::new(disks),
        exit: None,
        ended: ended::BY_ITSELF,
        files_full: false,
        crowded: false,
    };
    watch.streams.iter().flatten().for_each(sys::do_not_block);
    watch.until_end(children, cancel);
    let outlived = watch.end_all(children)?;
    Ok(watch.result(outlived))
}

/// What the child needs, made before the fork.
struct Child {
    folder: OwnedFd,
    null: Option<File>,
    programs: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
    cpu_seconds: u64,
    open_files: u64,
    file_bytes: u64,
}

impl Child {
    fn prepare(cx: &Surroundings, request: &Run<'_>, home: &Home, folder: OwnedFd) -> io::Result<Self> {
        let mut env = cx.env.clone();
        let mut set = |name: &[u8], value: Vec<u8>| {
            env.retain(|(known, _)| known != name);
            env.push((name.to_vec(), value));
        };
        set(b"HOME", home.below(b"home"));
        set(b"TMPDIR", home.below(b"tmp"));
        for variable in &request.env {
            set(variable.name, variable.value.to_vec());
        }
        let name = *request.argv.first().ok_or_else(|| tree::invalid("the command is empty"))?;
        let path = env.iter().find(|(name, _)| name == b"PATH").map_or(&b""[..], |(_, value)| value);
        let programs = programs(name, path);
        let strings = |list: Vec<Vec<u8>>| list.iter().map(|it| sys::c_string(it)).collect::<io::Result<Vec<_>>>();
        Ok(Self {
            folder,
            null: File::open("/dev/null").ok(),
            programs: strings(programs)?,
            argv: strings(request.argv.iter().map(|it| it.to_vec()).collect())?,
            env: strings(env.into_iter().map(|(name, value)| [name, value].join(&b'=')).collect())?,
            cpu_seconds: request.cpu_ms.div_ceil(1000).max(1),
            open_files: request.open_files,
            file_bytes: request.file_bytes,
        })
    }

    /// The child's side of the fork.
    fn become_command(self, out: &OwnedFd, err: &OwnedFd) -> ! {
        sys::end_with_parent();
        sys::own_session();
        let attached = sys::also_as(out.as_raw_fd(), 1).and_then(|()| sys::also_as(err.as_raw_fd(), 2));
        if let Some(null) = &self.null {
            let _ = sys::also_as(null.as_raw_fd(), 0);
        }
        let entered = sys::enter(&self.folder);
        if attached.is_err() || entered.is_err() {
            sys::leave(126);
        }
        sys::close_from(3);
        // Others may look from here on: there is nothing of ours left but a copy of the helper's memory.
        sys::set_dumpable(true);
        // The first to go when memory runs out.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        sys::lower(Limit::Core, 0, 0);
        sys::lower(Limit::Cpu, self.cpu_seconds, self.cpu_seconds.saturating_add(2));
        sys::lower(Limit::OpenFiles, self.open_files, self.open_files);
        sys::lower(Limit::FileSize, self.file_bytes, self.file_bytes);
        sys::default_signals();
        let mut why = io::Error::from_raw_os_error(sys::ENOENT);
        for program in &self.programs {
            let error = sys::execute(program, &self.argv, &self.env);
            if !matches!(error.raw_os_error(), Some(sys::ENOENT | sys::ENOTDIR)) {
                why = error;
            }
        }
        let name = self.argv.first().map_or_else(Default::default, |it| it.to_string_lossy());
        let _ = io::stderr().write_all(format!("{name}: {why}\n").as_bytes());
        sys::leave(if why.raw_os_error() == Some(sys::ENOENT) { 127 } else { 126 })
    }
}

/// Returns where a program may be: the path itself, or its name in every folder of `PATH`.
fn programs(name: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    if name.contains(&b'/') {
        return vec![name.to_vec()];
    }
    let folders = path.split(|byte| *byte == b':').filter(|folder| !folder.is_empty());
    folders.map(|folder| [folder, name].join(&b'/')).collect()
}

/// A command that runs, and what is known of it so far.
struct Watch<'a> {
    request: &'a Run<'a>,
    pid: i32,
    began: Instant,
    before: Counters,
    quiet_since: Instant,
    streams: [Option<OwnedFd>; 2],
    kept: [Kept; 2],
    merged: Kept,
    disks: Disks,
    exit: Option<Exit>,
    ended: u8,
    files_full: bool,
    crowded: bool,
}

impl Watch<'_> {
    /// Waits for the command's own end, or for one of its limits.
    fn until_end(&mut self, children: &OwnedFd, cancel: &OwnedFd) {
        let mut looked = self.began;
        while self.exit.is_none() && self.ended == ended::BY_ITSELF {
            let number = |stream: &Option<OwnedFd>| stream.as_ref().map_or(-1, |it| it.as_raw_fd());
            let [out, err] = [0, 1].map(|at| number(&self.streams[at]));
            let mut waits = [out, err, children.as_raw_fd(), cancel.as_raw_fd()].map(|descriptor| Poll {
                descriptor,
                events: sys::POLLIN,
                returned: 0,
            });
            sys::poll(&mut waits, self.patience_ms());
            for (at, _) in waits.iter().take(2).enumerate().filter(|(_, wait)| wait.returned != 0) {
                self.take(at);
            }
            if waits[2].returned != 0 {
                sys::drain(children);
                self.collect();
            }
            if waits[3].returned != 0 {
                self.ended = ended::CANCELLED;
            }
            self.check_time();
            if looked.elapsed() >= TICK {
                looked = Instant::now();
                self.look();
            }
        }
    }

    fn patience_ms(&self) -> i32 {
        let until = |since: Instant, limit: u64| Duration::from_millis(limit).saturating_sub(since.elapsed());
        let total = until(self.began, self.request.total_ms);
        let silence = until(self.quiet_since, self.request.silence_ms);
        let wait = total.min(silence).min(TICK);
        i32::try_from(wait.as_millis()).unwrap_or(0) + 1
    }

    fn check_time(&mut self) {
        if self.exit.is_some() || self.ended != ended::BY_ITSELF {
            return;
        }
        if self.began.elapsed() >= Duration::from_millis(self.request.total_ms) {
            self.ended = ended::TOTAL;
        } else if self.quiet_since.elapsed() >= Duration::from_millis(self.request.silence_ms) {
            self.ended = ended::SILENCE;
        } else if self.merged.total > self.request.printed {
            self.ended = ended::OUTPUT;
        }
    }

    /// Looks at what nothing announces.
    fn look(&mut self) {
        self.disks.look();
        let processes = watch::descendants(sys::own_pid());
        self.crowded |= processes.len() as u64 + 4 >= u64::from(self.request.processes);
        self.files_full |= watch::out_of_files(&processes, self.request.open_files);
        if self.ended != ended::BY_ITSELF {
            return;
        }
        if Counters::read().refused_since(&self.before).is_some_and(|count| count > BOMB) {
            self.ended = ended::PROCESSES;
        } else if self.cpu_ms(&processes) >= self.request.cpu_ms {
            self.ended = ended::CPU;
        }
    }

    /// Returns the processor time of all processes together, dead or alive.
    fn cpu_ms(&self, alive: &[i32]) -> u64 {
        sys::cpu_of_children() + watch::cpu_ms(alive)
    }

    /// Reads what a stream has now; returns whether there may be more.
    fn take(&mut self, at: usize) -> bool {
        let Some(stream) = &self.streams[at] else { return false };
        let mut buffer = [0_u8; 64 << 10];
        match sys::read(stream, &mut buffer) {
            Ok(0) => self.streams[at] = None,
            Ok(count) => {
                self.quiet_since = Instant::now();
                self.merged.add(&buffer[..count]);
                if self.request.apart {
                    self.kept[at].add(&buffer[..count]);
                }
                return true;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.streams[at] = None,
        }
        false
    }

    /// Collects children that have ended; returns whether any are left.
    fn collect(&mut self) -> bool {
        loop {
            match sys::reap() {
                Reaped::One(pid, exit) if pid == self.pid => self.exit = Some(exit),
                Reaped::One(..) => {}
                Reaped::NoneYet => return true,
                Reaped::NoChildren => return false,
            }
        }
    }

    /// Kills whatever is left of the command, and reads the last of its output. Returns how many processes outlived it.
    ///
    /// Everything is stopped before anything is killed: a killed process makes room for another fork, a stopped one does not.
    fn end_all(&mut self, children: &OwnedFd) -> Result<u32, Failure> {
        self.disks.look();
        let mut outlived = 0;
        let deadline = Instant::now() + DYING;
        while self.collect() {
            if Instant::now() > deadline {
                return Err(Failure::Fatal("processes of a command could not be killed"));
            }
            let mut stopped: Vec<i32> = Vec::new();
            loop {
                let mut found = watch::descendants(sys::own_pid());
                found.retain(|pid| !stopped.contains(pid));
                if found.is_empty() {
                    break;
                }
                found.iter().for_each(|pid| sys::kill(*pid, sys::SIGSTOP));
                stopped.extend(found);
            }
            stopped.iter().for_each(|pid| sys::kill(*pid, sys::SIGKILL));
            outlived += stopped.iter().filter(|pid| **pid != self.pid).count() as u32;
            let mut waits = [Poll { descriptor: children.as_raw_fd(), events: sys::POLLIN, returned: 0 }];
            sys::poll(&mut waits, 20);
            sys::drain(children);
        }
        for at in 0..2 {
            while self.take(at) {}
        }
        Ok(outlived)
    }

    fn result(self, outlived: u32) -> Vec<u8> {
        let elapsed = self.began.elapsed();
        let after = Counters::read();
        let cut = self.merged.lost() > 0 || self.kept.iter().any(|kept| kept.lost() > 0);
        let refused = after.refused_since(&self.before).map(|count| count > 0);
        let [stdout, stderr] = self.kept.map(Kept::bytes);
        let merged = self.merged.bytes();
        let (exit, signal) = match self.exit {
            Some(Exit::Code(code)) => (u32::try_from(code).ok(), None),
            Some(Exit::Signal(signal)) => (None, u32::try_from(signal).ok()),
            None => (None, u32::try_from(sys::SIGKILL).ok()),
        };
        reply(&Reply::Ran(Ran {
            exit,
            signal,
            ended: self.ended,
            out_of_memory: after.killed_since(&self.before).map(|count| count > 0),
            out_of_processes: refused,
            many_processes: self.crowded,
            disk_full: self.disks.bytes_full,
            files_full: self.files_full || self.disks.files_full,
            cpu_ms: sys::cpu_of_children(),
            elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            outlived,
            cut,
            stdout: &stdout,
            stderr: &stderr,
            merged: &merged,
        }))
    }
}
