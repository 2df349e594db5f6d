//! Repositories for tests, made by the real `git`, so that it is the judge of what this crate writes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A work tree in a directory of its own.
pub(crate) struct Fixture {
    home: TempDir,
}

impl Fixture {
    /// Makes an empty repository.
    pub(crate) fn new() -> Fixture {
        let home = TempDir::new().unwrap();
        let fixture = Fixture { home };
        std::fs::create_dir(fixture.work()).unwrap();
        fixture.git(["init", "-q", "-b", "main"]);
        fixture
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// A place beside the repository.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> &Fixture {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn executable(&self, path: &str, on: bool) -> &Fixture {
        let mode = if on { 0o755 } else { 0o644 };
        std::fs::set_permissions(self.work().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Runs git in the work tree; its output without the last newline.
    pub(crate) fn git<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let bytes = git_in(&self.work(), args, b"");
        String::from_utf8(bytes).unwrap().trim_end_matches('\n').to_owned()
    }
}

/// Runs git without the user's configuration and returns what it prints.
pub(crate) fn git_in<A: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = A>, input: &[u8]) -> Vec<u8> {
    let (ok, out, err) = try_git_in(dir, args, input);
    assert!(ok, "git failed: {}", String::from_utf8_lossy(&err));
    out
}

/// Runs git and returns whether it went well, its output and its complaints.
pub(crate) fn try_git_in<A: AsRef<OsStr>>(
    dir: &Path,
    args: impl IntoIterator<Item = A>,
    input: &[u8],
) -> (bool, Vec<u8>, Vec<u8>) {
    let mut command = Command::new("git");
    command.args(args).current_dir(dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", "/nonexistent")]);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.com");
        command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("git is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), output.stdout, output.stderr)
}

/// Returns everything below a directory that a write would change: content, mode, size and time of change.
pub(crate) fn fingerprint(dir: &Path) -> BTreeMap<PathBuf, (u32, u64, i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if metadata.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path, (metadata.mode(), metadata.len(), metadata.mtime(), metadata.mtime_nsec(), content));
    }
    found
}
