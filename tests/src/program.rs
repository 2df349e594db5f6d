//! The built program, run as a person runs it, and what a run left behind.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long a run may take before it is killed and counted as hanging.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Returns the path of the program built with the running tests.
///
/// `cargo test` builds a package's program only for that package's own integration tests, so it is built here, once, from the same selection of
/// packages (another one would unify features differently and compile the dependencies again). `PATCHWRIGHT_BIN` names a program to use instead.
pub fn patchwright() -> Result<&'static Path> {
    static PROGRAM: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    match PROGRAM.get_or_init(|| locate().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(message) => bail!("{message}"),
    }
}

fn locate() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PATCHWRIGHT_BIN") {
        return Ok(PathBuf::from(path));
    }
    let profile_dir = profile_dir()?;
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--workspace", "--bins", "--tests"]).current_dir(workspace_root());
    if profile_dir.ends_with("release") {
        build.arg("--release");
    }
    let built = build.stdin(Stdio::null()).output().context("start cargo to build the program")?;
    ensure!(built.status.success(), "building the program failed:\n{}", String::from_utf8_lossy(&built.stderr));
    existing(profile_dir.join("patchwright"))
}

/// Returns the optimised program for the benches, which refuse to measure any other.
pub fn released() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PATCHWRIGHT_BIN") {
        return Ok(PathBuf::from(path));
    }
    existing(target_dir()?.join("release").join("patchwright"))
        .context("run `cargo build --release -p agent` first, or name a program in PATCHWRIGHT_BIN")
}

/// Returns the directory of the workspace.
pub fn workspace_root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    ensure!(path.is_file(), "the program is missing: {}", path.display());
    Ok(path)
}

/// `target/PROFILE`: test programs lie in its `deps`.
fn profile_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let parent = program.parent().context("a program has a directory")?;
    let dir = if parent.ends_with("deps") { parent.parent().unwrap_or(parent) } else { parent };
    Ok(dir.to_path_buf())
}

fn target_dir() -> Result<PathBuf> {
    let profile = profile_dir()?;
    Ok(profile.parent().context("a profile lies in a target directory")?.to_path_buf())
}

/// A run of the program that has not started.
///
/// State, caches and temporary files go to a directory of its own, so that what is left there can be told.
pub struct Run {
    home: TempDir,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    current_dir: Option<PathBuf>,
    deadline: Duration,
    reaper: PathBuf,
}

impl Run {
    /// A run with these arguments. `reaper` is `env!("CARGO_BIN_EXE_e2e-reaper")` of the calling test.
    pub fn new<A: AsRef<OsStr>>(reaper: &str, args: impl IntoIterator<Item = A>) -> Result<Run> {
        Ok(Run {
            home: tempfile::Builder::new().prefix("e2e-home").tempdir()?,
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
            stdin: None,
            current_dir: None,
            deadline: DEADLINE,
            reaper: PathBuf::from(reaper),
        })
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Run {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Gives the program something to read.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Run {
        self.stdin = Some(bytes.into());
        self
    }

    /// Runs in this directory.
    #[must_use]
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Run {
        self.current_dir = Some(dir.into());
        self
    }

    /// Allows more time than [`DEADLINE`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Run {
        self.deadline = deadline;
        self
    }

    /// Runs the program to its end.
    pub fn run(self) -> Result<Ended> {
        self.start()?.finish()
    }

    /// Starts the program.
    pub fn start(self) -> Result<Running> {
        let program = patchwright()?;
        for dir in ["tmp", "state", "cache", "config"] {
            std::fs::create_dir(self.home.path().join(dir))?;
        }
        let mut command = Command::new(&self.reaper);
        command
            .arg(self.home.path().join("left"))
            .arg(program)
            .args(&self.args)
            .env("TMPDIR", self.home.path().join("tmp"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("XDG_CACHE_HOME", self.home.path().join("cache"))
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(dir) = &self.current_dir {
            command.current_dir(dir);
        }
        let mut child = command.spawn().with_context(|| format!("start {}", self.reaper.display()))?;
        if let (Some(bytes), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            // A program that does not read its input to the end is no failure of the test.
            let _ignored = std::io::Write::write_all(&mut pipe, &bytes);
        }
        let (lines, watched) = channel();
        let stderr = child.stderr.take().context("stderr is piped")?;
        let stderr = std::thread::spawn(move || {
            let mut all = String::new();
            let mut reader = BufReader::new(stderr);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                all.push_str(&text);
                let _nobody_watches = lines.send(text);
                line.clear();
            }
            all
        });
        let mut stdout = child.stdout.take().context("stdout is piped")?;
        let stdout = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _cut = stdout.read_to_end(&mut all);
            String::from_utf8_lossy(&all).into_owned()
        });
        let args = self.args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
        Ok(Running {
            home: self.home,
            child,
            args,
            stdout,
            stderr,
            watched,
            begin: Instant::now(),
            deadline: self.deadline,
        })
    }
}

/// A run under way.
pub struct Running {
    home: TempDir,
    child: Child,
    args: String,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    watched: Receiver<String>,
    begin: Instant,
    deadline: Duration,
}

impl Running {
    /// Waits for a line on stderr of which `wanted` says yes, and returns it.
    pub fn wait_for_line(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let mut seen = String::new();
        loop {
            let left = self.deadline.saturating_sub(self.begin.elapsed());
            match self.watched.recv_timeout(left) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(line) => seen.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("`patchwright {}` ended before the awaited line:\n{seen}", self.args)
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.kill();
                    bail!("`patchwright {}` never printed the awaited line:\n{seen}", self.args)
                }
            }
        }
    }

    /// Sends what Ctrl-C sends.
    pub fn interrupt(&self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGINT)?;
        Ok(())
    }

    /// Kills the program itself, without a chance to clean up.
    pub fn kill_program(&self) -> Result<()> {
        let reaper = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{reaper}/task/{reaper}/children"))?;
        let program = children.split_whitespace().next().context("the program has ended")?.parse()?;
        kill(Pid::from_raw(program), Signal::SIGKILL)?;
        Ok(())
    }

    fn kill(&mut self) {
        let _gone = self.child.kill();
    }

    /// Waits for the end, killing a run that passes its deadline.
    pub fn finish(mut self) -> Result<Ended> {
        // The end of both streams is the event: they close when the program and all that it started are gone.
        let late = loop {
            match self.watched.recv_timeout(self.deadline.saturating_sub(self.begin.elapsed())) {
                Ok(_line) => {}
                Err(RecvTimeoutError::Disconnected) => break false,
                Err(RecvTimeoutError::Timeout) => break true,
            }
        };
        if late {
            // SIGTERM reaches the program through the reaper and lets it clean up; what stays is killed by the reaper.
            kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        }
        let status = self.child.wait()?;
        let seconds = self.begin.elapsed().as_secs_f64();
        let stdout = self.stdout.join().map_err(|_| anyhow::anyhow!("the reader of stdout panicked"))?;
        let stderr = self.stderr.join().map_err(|_| anyhow::anyhow!("the reader of stderr panicked"))?;
        ensure!(!late, "`patchwright {}` was not done after {:?}:\n{stderr}", self.args, self.deadline);
        let report = std::fs::read_to_string(self.home.path().join("left")).context("the reaper wrote no report")?;
        let mut report = report.lines().map(str::to_owned);
        let pid = report.next().and_then(|line| line.parse().ok()).context("the reaper's report is empty")?;
        let temporary = std::fs::read_dir(self.home.path().join("tmp"))?
            .map(|entry| entry.map(|it| it.path()))
            .collect::<std::io::Result<Vec<_>>>()?;
        Ok(Ended {
            code: status.code().context("the reaper was killed")?,
            stdout,
            stderr,
            seconds,
            pid,
            processes: report.collect(),
            temporary,
            args: self.args,
            home: self.home,
        })
    }
}

/// A run that has ended, and what it left.
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// What was data.
    pub stdout: String,
    /// What was talk.
    pub stderr: String,
    /// How long it took.
    pub seconds: f64,
    /// The process id that the program had.
    pub pid: u32,
    /// Command lines of the processes that outlived the run.
    pub processes: Vec<String>,
    /// What was left in the directory for temporary files.
    pub temporary: Vec<PathBuf>,
    args: String,
    home: TempDir,
}

impl Ended {
    /// Checks the exit code, and that no process or temporary file is left; the message shows the whole run.
    pub fn expect_code(self, code: i32) -> Result<Ended> {
        ensure!(self.code == code, "exit code {} instead of {code}\n{}", self.code, self.transcript());
        ensure!(self.processes.is_empty(), "left running: {:#?}\n{}", self.processes, self.transcript());
        ensure!(self.temporary.is_empty(), "left behind: {:?}\n{}", self.temporary, self.transcript());
        Ok(self)
    }

    /// Checks that stderr tells this, whatever its case.
    pub fn expect_said(self, words: &str) -> Result<Ended> {
        let said = self.stderr.to_lowercase().contains(&words.to_lowercase());
        ensure!(said, "stderr does not say {words:?}\n{}", self.transcript());
        ensure!(!self.stderr.contains("panicked at"), "the program panicked\n{}", self.transcript());
        Ok(self)
    }

    /// Returns the one JSON object on stdout.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(self.stdout.trim())
            .with_context(|| format!("stdout is no JSON object\n{}", self.transcript()))
    }

    /// Returns the state, cache and configuration directory of the run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the whole run as text.
    pub fn transcript(&self) -> String {
        format!(
            "$ patchwright {}\nexit code {} after {:.1} s\n-- stdout\n{}\n-- stderr\n{}",
            self.args, self.code, self.seconds, self.stdout, self.stderr
        )
    }
}
