//! Whole jobs, one after another, half of them cut off in their middle, and what they leave.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::program::workspace_root;

const LISTS: [(&str, &[&str]); 4] = [
    ("container", &["ps", "--all", "--quiet"]),
    ("volume", &["volume", "ls", "--quiet"]),
    ("network", &["network", "ls", "--quiet"]),
    ("image", &["images", "--all", "--quiet"]),
];
/// Where workspaces are mounted.
const MOUNTS: &str = "/run";

/// Jobs of one program.
#[derive(Debug)]
pub struct Jobs<'a> {
    /// The program.
    pub program: &'a Path,
    /// The sandboxes, which take turns.
    pub sandboxes: &'a [&'a str],
    /// The engine, as `DOCKER_HOST` has it, that nobody else uses meanwhile; `None` without one.
    pub engine: Option<&'a str>,
    /// Candidates that one job runs at most.
    pub evaluations: u32,
}

impl Jobs<'_> {
    /// Runs so many jobs and returns what was not there before: in the engine, in the folder for temporary files, and mounted.
    pub fn run(&self, count: usize) -> Result<Vec<String>> {
        let temporary = tempfile::tempdir()?;
        // Base images are made once and kept.
        let mut owners = self.round(temporary.path())?;
        let before = self.inventory(temporary.path(), &owners)?;
        for number in 0..count {
            let end = if number % 4 < 2 { End::Killed } else { End::ByItself };
            owners.push(self.job(self.sandboxes[number % self.sandboxes.len()], temporary.path(), end)?);
        }
        // What the last killed ones left is the next run's to remove.
        owners.extend(self.round(temporary.path())?);
        Ok(self.inventory(temporary.path(), &owners)?.difference(&before).cloned().collect())
    }

    /// Runs one job in each sandbox, and returns their process ids.
    fn round(&self, temporary: &Path) -> Result<Vec<u32>> {
        self.sandboxes.iter().map(|sandbox| self.job(sandbox, temporary, End::ByItself)).collect()
    }

    fn job(&self, sandbox: &str, temporary: &Path, end: End) -> Result<u32> {
        let demo = workspace_root().join("agent/demo/tasktide");
        let state = tempfile::tempdir()?;
        let mut command = Command::new(self.program);
        command
            .args(["fix", "--sandbox", sandbox, "--seconds", "20", "--evaluations", &self.evaluations.to_string()])
            .arg("--repo")
            .arg(&demo)
            .arg("--issue")
            .arg(demo.join("issue.md"))
            .env("TMPDIR", temporary)
            .env("XDG_STATE_HOME", state.path())
            .env("XDG_CACHE_HOME", state.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(engine) = self.engine {
            command.env("DOCKER_HOST", engine);
        }
        let mut child = command.spawn().with_context(|| format!("start {}", self.program.display()))?;
        let talk = BufReader::new(child.stderr.take().context("stderr is piped")?);
        let mut said = Vec::new();
        for line in talk.lines().map_while(std::io::Result::ok) {
            // In its middle is when it says that it searches; a job that never does has ended.
            if end == End::Killed && line.contains("search") {
                child.kill()?;
            }
            said.push(line);
        }
        let status = child.wait()?;
        let good = matches!(status.code(), Some(0 | 1 | 5));
        ensure!(end == End::Killed || good, "the program failed: {status}\n{}", said.join("\n"));
        Ok(child.id())
    }

    fn inventory(&self, temporary: &Path, owners: &[u32]) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for (name, args) in LISTS.iter().filter(|_| self.engine.is_some()) {
            let host = self.engine.map(|host| ["--host", host]).into_iter().flatten();
            let output = Command::new("docker").args(host).args(*args).stdin(Stdio::null()).output()?;
            ensure!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
            found.extend(String::from_utf8_lossy(&output.stdout).lines().map(|line| format!("{name} {line}")));
        }
        for entry in std::fs::read_dir(temporary)? {
            found.insert(format!("temporary {}", entry?.file_name().to_string_lossy()));
        }
        let is_own = |path: &str| {
            path.contains("patchwright") && owners.iter().any(|owner| path.contains(&format!("_{owner}_")))
        };
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let mounts = mounts.lines().filter_map(|line| line.split(' ').nth(4)).filter(|path| is_own(path));
        found.extend(mounts.map(|path| format!("mount {path}")));
        let folders =
            std::fs::read_dir(MOUNTS)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        found.extend(folders.filter(|name| is_own(name)).map(|name| format!("folder {name}")));
        Ok(found)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    ByItself,
    Killed,
}
