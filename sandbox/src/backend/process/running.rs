//! A box that runs: its streams, its end, and its removal.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::AsyncReadExt as _;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use super::cgroup::Group;
use super::launch::Started;
use crate::backend::tail::Tail;
use crate::backend::{BoxEnding, BoxInput, BoxOutput, Launched, Pressure};
use crate::error::SandboxError;

const REMOVAL: Duration = Duration::from_secs(10);

/// One box of the process backend.
#[derive(Debug)]
pub(super) struct Running {
    workspace: String,
    init: Init,
    stdin: Option<pipe::Sender>,
    stdout: Option<pipe::Receiver>,
    status: pipe::Receiver,
    stderr: Tail,
    stderr_reader: JoinHandle<()>,
    ending: Option<BoxEnding>,
    group: Option<Group>,
    folder: Option<tempfile::TempDir>,
}

/// Whether the end of a box's init is the end of everything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The kernel ends all, with the process-id namespace.
    Namespace,
    /// Descendants have to be looked for.
    Descendants,
}

impl Running {
    pub(super) fn new(
        started: Started,
        workspace: PathBuf,
        reach: Reach,
        folder: Option<tempfile::TempDir>,
    ) -> Result<Self, SandboxError> {
        let init = Init { pid: started.pid, process: started.process, reach, reaped: false };
        let io = |what: &'static str| move |source: io::Error| SandboxError::Io { what, source };
        let stdin = pipe::Sender::from_owned_fd(started.stdin).map_err(io("watch a sandbox's stdin"))?;
        let stdout = pipe::Receiver::from_owned_fd(started.stdout).map_err(io("watch a sandbox's stdout"))?;
        let status = pipe::Receiver::from_owned_fd(started.status).map_err(io("watch a sandbox's status"))?;
        let stderr_pipe = pipe::Receiver::from_owned_fd(started.stderr).map_err(io("watch a sandbox's stderr"))?;
        let stderr = Tail::default();
        let stderr_reader = tokio::spawn(read_to_tail(stderr_pipe, stderr.clone()));
        Ok(Self {
            workspace: workspace.to_string_lossy().into_owned(),
            init,
            stdin: Some(stdin),
            stdout: Some(stdout),
            status,
            stderr,
            stderr_reader,
            ending: None,
            group: Some(started.group),
            folder,
        })
    }

    async fn ending(&mut self) -> io::Result<BoxEnding> {
        let mut status = [0_u8; 4];
        let reported = match self.status.read_exact(&mut status).await {
            Ok(_) => Some(i32::from_ne_bytes(status)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(match reported {
            Some(status) if libc::WIFEXITED(status) => BoxEnding::Exited(libc::WEXITSTATUS(status)),
            Some(status) if libc::WTERMSIG(status) != libc::SIGKILL => BoxEnding::Signalled(libc::WTERMSIG(status)),
            _ if self.group.as_ref().is_some_and(Group::ran_out_of_memory) => BoxEnding::OutOfMemory,
            _ => BoxEnding::Signalled(libc::SIGKILL),
        })
    }
}

async fn read_to_tail(mut pipe: pipe::Receiver, tail: Tail) {
    let mut buffer = vec![0_u8; 16 << 10];
    while let Ok(count) = pipe.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        tail.push(&buffer[..count]);
    }
}

#[async_trait]
impl Launched for Running {
    fn stdio(&mut self) -> Option<(BoxInput, BoxOutput)> {
        let (stdin, stdout) = (self.stdin.take()?, self.stdout.take()?);
        Some((Box::pin(stdin), Box::pin(stdout)))
    }

    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    fn pressure(&self) -> Option<Pressure> {
        self.group.as_ref()?.pressure()
    }

    async fn kill(&mut self) -> Result<(), SandboxError> {
        self.init.kill();
        Ok(())
    }

    async fn wait(&mut self) -> Result<BoxEnding, SandboxError> {
        if let Some(ending) = self.ending {
            return Ok(ending);
        }
        let ending = self.ending().await.map_err(|source| SandboxError::Io { what: "wait for a sandbox", source })?;
        self.ending = Some(ending);
        Ok(ending)
    }

    async fn close(mut self: Box<Self>) -> Result<(), SandboxError> {
        let failed = |pid: i32, reason: String| SandboxError::Close { id: format!("process {pid}"), reason };
        let pid = self.init.pid;
        self.init.kill();
        tokio::time::timeout(REMOVAL, self.init.reap())
            .await
            .map_err(|_| failed(pid, format!("it did not end within {} s", REMOVAL.as_secs())))?
            .map_err(|error| failed(pid, error.to_string()))?;
        if let Some(group) = self.group.take() {
            group.remove().await.map_err(|error| failed(pid, error.to_string()))?;
        }
        if let Some(folder) = self.folder.take() {
            let path = folder.path().to_owned();
            let removed = tokio::task::spawn_blocking(move || remove_folder(folder)).await;
            removed.map_err(io::Error::other).and_then(|result| result).map_err(|source| SandboxError::File {
                what: "remove",
                path,
                source,
            })?;
        }
        Ok(())
    }
}

/// Removes a folder in which a hostile program may have taken away its own permissions.
fn remove_folder(folder: tempfile::TempDir) -> io::Result<()> {
    let path = folder.keep();
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_folders(&path);
            std::fs::remove_dir_all(&path)
        }
        other => other,
    }
}

fn open_folders(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_folders(&entry.path());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stderr_reader.abort();
        if let Some(folder) = self.folder.take() {
            self.init.end_now();
            let _ = remove_folder(folder);
        }
    }
}

/// The first process of a box. Dropping it kills it and everything below.
#[derive(Debug)]
struct Init {
    pid: i32,
    process: OwnedFd,
    reach: Reach,
    reaped: bool,
}

impl Init {
    fn kill(&self) {
        if self.reaped {
            return;
        }
        if self.reach == Reach::Descendants {
            kill_descendants(self.pid);
        }
        // SAFETY: the descriptor names our child, whatever became of its number.
        unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.process.as_raw_fd(),
                libc::SIGKILL,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            );
        }
    }

    async fn reap(&mut self) -> io::Result<()> {
        if self.reaped {
            return Ok(());
        }
        // SAFETY: an owned descriptor stays open, and stays the same, for as long as it is registered.
        let watched = unsafe { AsyncFd::register(self.process.try_clone()?)? };
        loop {
            let mut ready = watched.readable().await?;
            if self.try_reap()? {
                return Ok(());
            }
            ready.clear_ready();
        }
    }

    fn try_reap(&mut self) -> io::Result<bool> {
        // SAFETY: the process is our child; a null status is allowed.
        match Errno::result(unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), libc::WNOHANG) }) {
            Ok(0) => Ok(false),
            Ok(_) | Err(Errno::ECHILD) => {
                self.reaped = true;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Kills and waits on this thread. Only for a box that was dropped: whoever cares about the milliseconds calls `close`.
    fn end_now(&mut self) {
        const PATIENCE_MS: u16 = 2_000;
        self.kill();
        if !self.reaped {
            let mut ended = [PollFd::new(std::os::fd::AsFd::as_fd(&self.process), PollFlags::POLLIN)];
            let _ = poll(&mut ended, PollTimeout::from(PATIENCE_MS));
            let _ = self.try_reap();
        }
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        self.end_now();
    }
}

/// Kills everything that descends from a process, until nothing does. Init collects orphans, so none gets away.
fn kill_descendants(init: i32) {
    for _ in 0..100 {
        let descendants = descendants(init);
        if descendants.is_empty() {
            return;
        }
        for pid in descendants {
            // SAFETY: a plain system call.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

fn descendants(init: i32) -> Vec<i32> {
    let processes: Vec<(i32, i32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent_of_living(pid)?)))
        .collect();
    let mut found = vec![init];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(processes.iter().filter(|(_, it)| *it == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

fn parent_of_living(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}
