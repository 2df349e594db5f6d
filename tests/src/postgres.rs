//! A PostgreSQL server of a test's own: the distribution's program on a temporary folder and a free port of loopback.
//!
//! PostgreSQL refuses to run as root; the server is then the user `postgres`, which its package makes.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The variable that makes a missing PostgreSQL a failure instead of a printed skip.
pub const REQUIRE: &str = "PATCHWRIGHT_REQUIRE_POSTGRES";

/// How long the server may take to start and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; it is stopped and its folder removed when this is dropped.
pub struct Postgres {
    process: Child,
    port: u16,
    programs: PathBuf,
    // Removed last.
    _folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts a server; `None`, with one printed line about `what` is left out, where PostgreSQL is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start, or is required and not installed.
    pub fn start(what: &str) -> Option<Postgres> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os(REQUIRE).is_none(), "PostgreSQL is required and not installed");
            println!("skipped: {what}: PostgreSQL is not installed");
            return None;
        };
        Some(Postgres::start_from(programs).unwrap_or_else(|error| panic!("PostgreSQL does not start: {error}")))
    }

    fn start_from(programs: PathBuf) -> io::Result<Postgres> {
        let folder = tempfile::Builder::new().prefix("patchwright-postgres-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        if is_root() {
            let (user, group) = ids_of_postgres()?;
            chown(&data, Some(user), Some(group))?;
        }
        let made = as_postgres(&programs.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(&data)
            .output()?;
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = std::fs::File::create(folder.path().join("log"))?;
        let process = as_postgres(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            // The data is thrown away: what a commit waits for is tested elsewhere.
            .args(["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=200"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Postgres { process, port, programs, _folder: folder };
        server.wait_until_ready();
        Ok(server)
    }

    fn wait_until_ready(&mut self) {
        let begin = Instant::now();
        loop {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && self.sql("SELECT 1").is_ok() {
                return;
            }
            let ended = self.process.try_wait().unwrap_or_default();
            assert!(ended.is_none() && begin.elapsed() < PATIENCE, "PostgreSQL did not start: {ended:?}");
            std::thread::yield_now();
        }
    }

    /// Runs a statement in the server's own database.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, statement: &str) -> Result<(), String> {
        let port = self.port.to_string();
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", "postgres", "-c", statement])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Makes an empty database and returns its address.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn database(&self, name: &str) -> String {
        // Names longer than 63 bytes are cut by PostgreSQL.
        let name = &name[..name.len().min(63)];
        let made = self.sql(&format!("CREATE DATABASE \"{name}\" TEMPLATE template0"));
        assert_eq!(made, Ok(()), "database {name}");
        format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Immediate shutdown: the data is of no use any more.
        let pid = nix::unistd::Pid::from_raw(self.process.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT);
        let _ = self.process.wait();
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn ids_of_postgres() -> io::Result<(u32, u32)> {
    let user = nix::unistd::User::from_name("postgres")?;
    let user = user.ok_or_else(|| io::Error::other("there is no user `postgres` to run PostgreSQL as"))?;
    Ok((user.uid.as_raw(), user.gid.as_raw()))
}

fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program).current_dir("/");
    command
}

/// The folder of the newest installed version; Debian keeps them apart and out of the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    found.sort();
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
    };
    found.pop().map(|(_, folder)| folder).or_else(in_path)
}
