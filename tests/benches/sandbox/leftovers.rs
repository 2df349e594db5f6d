//! Whole jobs, one after another, and what they leave.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use e2e::program::{released, workspace_root};

const LISTS: [(&str, &[&str]); 4] = [
    ("containers", &["ps", "--all", "--quiet"]),
    ("volumes", &["volume", "ls", "--quiet"]),
    ("networks", &["network", "ls", "--quiet"]),
    ("images", &["images", "--all", "--quiet"]),
];

/// Runs so many jobs, half of them cut off in their middle, and counts what was not there before.
pub(crate) fn run(jobs: usize, docker: bool) -> Result<()> {
    let program = released()?;
    let temporary = tempfile::tempdir()?;
    let kinds: &[&str] = if docker { &["docker", "process"] } else { &["process"] };
    // Base images are made once and kept.
    for kind in kinds {
        job(&program, kind, temporary.path(), End::ByItself)?;
    }
    let before = inventory(docker, temporary.path())?;
    for count in 0..jobs {
        let end = if count % 4 < 2 { End::ByItself } else { End::Killed };
        job(&program, kinds[count % kinds.len()], temporary.path(), end)?;
    }
    // What the last killed ones left is the next run's to remove.
    for kind in kinds {
        job(&program, kind, temporary.path(), End::ByItself)?;
    }
    let left: Vec<_> = inventory(docker, temporary.path())?.difference(&before).cloned().collect();
    println!("{jobs} jobs left {} things: {left:?}", left.len());
    ensure!(left.is_empty(), "something is left");
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    ByItself,
    Killed,
}

fn job(program: &Path, sandbox: &str, temporary: &Path, end: End) -> Result<()> {
    let demo = workspace_root().join("agent/demo/tasktide");
    let state = tempfile::tempdir()?;
    let mut child = Command::new(program)
        .args(["fix", "--sandbox", sandbox, "--seconds", "20", "--evaluations", "20", "--repo"])
        .arg(&demo)
        .arg("--issue")
        .arg(demo.join("issue.md"))
        .env("TMPDIR", temporary)
        .env("XDG_STATE_HOME", state.path())
        .env("XDG_CACHE_HOME", state.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(if end == End::Killed { Stdio::piped() } else { Stdio::null() })
        .spawn()?;
    if let Some(talk) = child.stderr.take() {
        // In its middle is when it says that it searches; a job that never does has ended.
        let lines = std::io::BufRead::lines(std::io::BufReader::new(talk)).map_while(std::io::Result::ok);
        let _searching = lines.into_iter().find(|line| line.contains("baseline") || line.contains("search"));
        child.kill()?;
    }
    let status = child.wait().context("wait for the program")?;
    ensure!(end == End::Killed || matches!(status.code(), Some(0 | 1 | 5)), "the program failed: {status}");
    Ok(())
}

fn inventory(docker: bool, temporary: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (name, args) in LISTS.iter().filter(|_| docker) {
        let output = Command::new("docker").args(*args).output()?;
        ensure!(output.status.success(), "docker {args:?} failed");
        found.extend(String::from_utf8_lossy(&output.stdout).lines().map(|line| format!("{name}: {line}")));
    }
    for entry in std::fs::read_dir(temporary)? {
        found.insert(format!("temporary: {}", entry?.file_name().to_string_lossy()));
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let ours = mounts.lines().filter(|line| line.contains("patchwright"));
    found.extend(ours.filter_map(|line| line.split(' ').nth(4)).map(|path| format!("mount: {path}")));
    Ok(found)
}
