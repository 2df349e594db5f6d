//! A Docker engine of a test's own, which may be stopped, killed, filled up and left hanging while the machine's own goes on.
//!
//! Everything of it lies in one folder on a memory file system of limited size, and every process of it names that folder in its command
//! line: so all of it can be found and removed again. It needs root, like any engine.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long an engine may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Room for images, containers and everything else, in bytes.
    pub room: u64,
    /// Further arguments of `dockerd`.
    pub options: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { room: 2 << 30, options: Vec::new() }
    }
}

/// A running engine, removed with all it made when dropped.
#[derive(Debug)]
pub struct PrivateEngine {
    folder: TempDir,
    setup: Setup,
    daemon: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
}

impl PrivateEngine {
    /// Starts an engine; `None`, having said so, where that is not possible and not promised.
    pub fn start(setup: Setup) -> Result<Option<PrivateEngine>> {
        let lacking = ["dockerd", "docker"].into_iter().find(|name| which(name).is_none());
        let reason = match lacking {
            Some(name) => format!("`{name}` is not installed"),
            None if !nix::unistd::geteuid().is_root() => "an engine of one's own needs root".to_owned(),
            None => {
                let folder = tempfile::Builder::new().prefix("e2e-engine").tempdir()?;
                let size = format!("size={}", setup.room);
                mount(Some("e2e-engine"), folder.path(), Some("tmpfs"), MsFlags::empty(), Some(size.as_str()))?;
                let mut engine = PrivateEngine { folder, setup, daemon: None, log: Arc::default() };
                engine.launch()?;
                return Ok(Some(engine));
            }
        };
        let required = std::env::var_os("PATCHWRIGHT_REQUIRE_DOCKER").is_some_and(|it| it == "1");
        ensure!(!required, "{reason}, and PATCHWRIGHT_REQUIRE_DOCKER=1");
        println!("skipped: {reason}");
        Ok(None)
    }

    /// Starts the daemon (again) and waits until it answers.
    pub fn launch(&mut self) -> Result<()> {
        let at = |name: &str| self.folder.path().join(name);
        let mut daemon = Command::new("dockerd")
            .arg("--host")
            .arg(self.host())
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"])
            .args(&self.setup.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("start dockerd")?;
        let talk = daemon.stderr.take().context("stderr is piped")?;
        self.daemon = Some(daemon);
        let (listening, listens) = channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in BufReader::new(talk).lines().map_while(std::io::Result::ok) {
                if line.contains("API listen on") {
                    let _nobody_waits = listening.send(());
                }
                if let Ok(mut log) = log.lock() {
                    log.push(line);
                }
            }
        });
        // The channel closes with the daemon's stderr.
        ensure!(listens.recv_timeout(PATIENCE).is_ok(), "dockerd does not come up:\n{}", self.log());
        Ok(())
    }

    /// Returns the address, as `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Returns the socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Returns the file system with everything of the engine on it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the Docker client and returns what it printed; fails with what it complained of.
    pub fn docker(&self, args: &[&str]) -> Result<String> {
        // The client has no limit of time of its own.
        let output = Command::new("timeout")
            .args(["60", "docker", "--host", &self.host()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .context("start docker")?;
        ensure!(output.status.success(), "docker {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes an image with nothing but a shell and its friends; `None`, having said so, where there is no static `busybox`.
    pub fn busybox(&self) -> Result<Option<String>> {
        let Some(program) = which("busybox") else {
            let required = std::env::var_os("PATCHWRIGHT_REQUIRE_DOCKER").is_some_and(|it| it == "1");
            ensure!(!required, "`busybox` is not installed, and PATCHWRIGHT_REQUIRE_DOCKER=1");
            println!("skipped: `busybox` is not installed");
            return Ok(None);
        };
        let root = tempfile::tempdir()?;
        std::fs::create_dir_all(root.path().join("bin"))?;
        std::fs::copy(program, root.path().join("bin/busybox"))?;
        for name in ["sh", "cat", "true", "sleep"] {
            std::os::unix::fs::symlink("busybox", root.path().join("bin").join(name))?;
        }
        let archive = self.folder.path().join("busybox.tar");
        let status = Command::new("tar").arg("-C").arg(root.path()).arg("-cf").arg(&archive).arg("bin").status()?;
        ensure!(status.success(), "tar failed");
        let image = "e2e/busybox:1";
        self.docker(&["import", &archive.to_string_lossy(), image])?;
        std::fs::remove_file(archive)?;
        Ok(Some(image.to_owned()))
    }

    /// Copies an image of the machine's own engine.
    pub fn copy_image(&self, image: &str) -> Result<()> {
        let mut save =
            Command::new("docker").args(["save", image]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stream = save.stdout.take().context("stdout is piped")?;
        let load = Command::new("docker")
            .args(["--host", &self.host(), "load", "--quiet"])
            .stdin(stream)
            .stdout(Stdio::null())
            .status()?;
        ensure!(save.wait()?.success() && load.success(), "copying {image} failed:\n{}", self.log());
        Ok(())
    }

    /// Makes a container that is not started, with these labels. Much quicker than the client does it.
    pub fn create(&self, name: &str, image: &str, labels: &[(&str, &str)]) -> Result<()> {
        let labels: serde_json::Map<String, serde_json::Value> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        let body = serde_json::json!({ "Image": image, "Cmd": ["true"], "Labels": labels }).to_string();
        let mut stream = UnixStream::connect(self.socket())?;
        write!(
            stream,
            "POST /containers/create?name={name} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 201 "), "no container {name}: {answer}");
        Ok(())
    }

    /// Returns the names of all containers.
    pub fn containers(&self) -> Result<Vec<String>> {
        Ok(self.docker(&["ps", "--all", "--format", "{{.Names}}"])?.lines().map(str::to_owned).collect())
    }

    /// Ends the daemon and its helper as a power cut would. What runs in its containers goes on for a while.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon.kill()?;
        daemon.wait()?;
        let helper = self.folder.path().join("exec/containerd/containerd.pid");
        let Some(pid) = std::fs::read_to_string(helper).ok().and_then(|text| text.trim().parse::<i32>().ok()) else {
            return Ok(());
        };
        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        // A new daemon would wait in vain for the database that the old helper still holds. It is no child of ours to wait for.
        let waited = Command::new("tail")
            .args(["--sleep-interval=0.05", "--follow", "--pid", &pid.to_string(), "/dev/null"])
            .stdin(Stdio::null())
            .status()
            .context("start tail")?;
        ensure!(waited.success(), "the daemon's helper does not end");
        Ok(())
    }

    /// Ends the daemon politely, and its containers with it.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        kill(Pid::from_raw(i32::try_from(daemon.id())?), Signal::SIGTERM)?;
        daemon.wait()?;
        Ok(())
    }

    /// Lets the daemon hang: its socket accepts connections, and nothing ever answers.
    pub fn hang(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets a hanging daemon go on.
    pub fn wake(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let daemon = self.daemon.as_ref().context("the daemon does not run")?;
        kill(Pid::from_raw(i32::try_from(daemon.id())?), signal)?;
        Ok(())
    }

    /// Returns the end of what the daemon logged.
    pub fn log(&self) -> String {
        let lines = self.log.lock().map(|lines| lines.clone()).unwrap_or_default();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn clear(&mut self) -> Result<()> {
        if self.daemon.is_some() {
            self.wake()?;
            let ids = self.docker(&["ps", "--all", "--quiet"])?;
            let ids: Vec<&str> = ids.lines().collect();
            if !ids.is_empty() {
                self.docker(&[&["rm", "--force", "--volumes"], ids.as_slice()].concat())?;
            }
        }
        self.stop()
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        let _as_far_as_it_goes = self.clear();
        let _gone = self.kill();
        for pid in processes_naming(self.folder.path()) {
            let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        for mounted in mounts_below(self.folder.path()) {
            let _gone = umount2(&mounted, MntFlags::MNT_DETACH);
        }
    }
}

/// Programs of the engine name its folder in their command lines; the programs in containers are their children.
fn processes_naming(folder: &Path) -> Vec<i32> {
    let name = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|it| it.parse::<i32>().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if u32::try_from(pid).is_ok_and(|it| it != std::process::id()) && String::from_utf8_lossy(&line).contains(&name)
        {
            found.extend(children_of(pid));
            found.push(pid);
        }
    }
    found
}

fn children_of(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|it| it.parse().ok()).collect()
}

/// The mount points of a folder, innermost first.
fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .filter(|path| path.starts_with(folder))
        .collect();
    found.reverse();
    found
}

/// Returns where a program is, by `PATH`.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
