//! Runs a command and tells what outlives it: `e2e-reaper REPORT PROGRAM ARG...`.
//!
//! As the subreaper it inherits every process that its command or a descendant leaves behind, however it was detached, so "nothing is
//! left running" is a fact and no guess from process names. Leftovers get a moment to end (the kernel may still be tearing them down),
//! then are killed and written to REPORT, one line each, below a first line with the command's own process id.
//! SIGINT and SIGTERM go on to the command, which after SIGTERM has a bounded time. Exits with the command's code, or 128 + N when signal N
//! ended it.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// How long a process may outlive the command without counting as left behind.
const GRACE: Duration = Duration::from_secs(3);

/// How long the command may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(15);

enum Event {
    Ended(Pid, i32),
    Asked,
    NoChildren,
}

fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let report = args.next().context("no report file is named")?;
    let program = args.next().context("no program is named")?;

    set_child_subreaper(true)?;
    let forwarded: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    let child = Command::new(&program).args(args).spawn().with_context(|| format!("start {}", program.display()))?;
    // Only now: a child inherits the mask, and would not hear what is blocked in it.
    forwarded.thread_block()?;
    let child = Pid::from_raw(i32::try_from(child.id())?);
    let (send, events) = channel();
    let asked = send.clone();
    std::thread::spawn(move || {
        while let Ok(signal) = forwarded.wait() {
            let _gone = kill(child, signal);
            if signal == Signal::SIGTERM {
                let _ended = asked.send(Event::Asked);
            }
        }
    });
    std::thread::spawn(move || {
        loop {
            let event = match waitpid(None, None) {
                Ok(WaitStatus::Exited(pid, code)) => Event::Ended(pid, code),
                Ok(WaitStatus::Signaled(pid, signal, _)) => Event::Ended(pid, 128 + signal as i32),
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(_) => Event::NoChildren,
            };
            let last = matches!(event, Event::NoChildren);
            if send.send(event).is_err() || last {
                return;
            }
        }
    });

    let mut code = None;
    let mut deadline: Option<Instant> = None;
    let left = loop {
        let wait = deadline.map_or(Duration::from_secs(24 * 3600), |at| at.saturating_duration_since(Instant::now()));
        match events.recv_timeout(wait) {
            Ok(Event::Ended(pid, status)) if pid == child => {
                code = Some(status);
                deadline = Some(Instant::now() + GRACE);
            }
            Ok(Event::Ended(..)) => {}
            Ok(Event::Asked) => deadline = deadline.or(Some(Instant::now() + PATIENCE)),
            Ok(Event::NoChildren) | Err(RecvTimeoutError::Disconnected) => break Vec::new(),
            Err(RecvTimeoutError::Timeout) => break descendants(),
        }
    };
    let mut file = std::fs::File::create(&report)?;
    writeln!(file, "{child}")?;
    for (pid, line) in left {
        writeln!(file, "{pid} {line}")?;
        let _gone = kill(pid, Signal::SIGKILL);
    }
    let code = code.context("the command's end was not seen")?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(255)))
}

/// All processes below this one, with their command lines.
fn descendants() -> Vec<(Pid, String)> {
    let parents = parents();
    let own = std::process::id();
    let below = |mut pid: u32| {
        // A chain of parents is short; the bound only guards against a table read while it changes.
        for _ in 0..256 {
            match parents.iter().find(|(child, _)| *child == pid) {
                Some((_, parent)) if *parent == own => return true,
                Some((_, parent)) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    parents
        .iter()
        .filter(|(pid, _)| below(*pid))
        .filter_map(|(pid, _)| Some((Pid::from_raw(i32::try_from(*pid).ok()?), command_line(*pid))))
        .collect()
}

fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything, spaces and parentheses too: fields are counted after the last one.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

fn command_line(pid: u32) -> String {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&raw).replace('\0', " ")
}
