//! Times forking a search node of a large tree: a workspace with one edited file, ready to run a command.
//!
//! ```text
//! cargo bench -p e2e --bench forks [-- --tree DIR --file PATH --sandbox docker|process --count N]
//! ```
//!
//! Without `--tree`, a tree of the shape of Django 5.2's source archive is made up. In the same run the tree is copied whole within the
//! box, and, with Docker, committed and started as a container of its own. At the end it is looked whether anything is left.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::bench::options;
use repo::{FileMode, RepoPath};
use sandbox::workspace::{Commit, Layer, Workspaces};
use sandbox::{BackendKind, CommandRequest, ConnectOptions, Labels, Limits, Overlay, SandboxSpec, WorkFile, connect};

/// How often each way that is slow is done.
const SLOW_ROUNDS: usize = 5;
/// Leaves that are kept at one time to see what they take.
const KEPT: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let options = options(&["tree", "file", "sandbox", "count"])?;
    let count: usize = options.get("count").map_or(Ok(1000), |it| it.parse()).context("--count is a number")?;
    let files = match options.get("tree") {
        Some(tree) => read_tree(Path::new(tree))?,
        None => made_up_tree()?,
    };
    let kind = match options.get("sandbox").map_or("docker", String::as_str) {
        "docker" if !e2e::engine::available()? => return Ok(()),
        "docker" => BackendKind::Docker,
        "process" => BackendKind::Process,
        other => bail!("unknown sandbox {other}"),
    };
    let edit = edit_of(&files, options.get("file"))?;
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    println!(
        "tree: {} files, {:.1} MB; edited: {} ({} bytes)",
        files.len(),
        mega(bytes as u64),
        edit.path,
        size(&edit)
    );

    let backend = connect(kind, &ConnectOptions::default()).await?;
    let image = backend.prepare(None, &|_| {}).await?;
    let limits = Limits { disk_bytes: 1 << 30, files: 1 << 20, ..Limits::default() };
    let spec = SandboxSpec { image: image.clone(), limits, ..SandboxSpec::new(Labels::for_job("bench-forks")) };
    let workspaces = Workspaces::open(backend.as_ref(), &spec).await?;
    println!("{}", workspaces.choice());
    let begin = Instant::now();
    let base = workspaces.fill(&files, Commit::None).await?;
    println!("base filled and frozen in {:.0} ms", milli(begin.elapsed()));

    forks(&workspaces, &base, &edit, count).await?;
    taken(&workspaces, &base, &edit).await?;
    copies(&workspaces, &base).await?;
    drop(base);
    workspaces.close().await?;
    if kind == BackendKind::Docker {
        let image = image.context("a container backend has an image")?;
        containers(image.as_str(), &files, &edit)?;
    }
    left()
}

/// Forks, edits and removes, one after another; every tenth also runs a command, to see that it can.
async fn forks(workspaces: &Workspaces, base: &Layer, edit: &Overlay, count: usize) -> Result<()> {
    let (mut forked, mut edited, mut removed, mut ran) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..count {
        let begin = Instant::now();
        let mut leaf = workspaces.fork(base).await?;
        forked.push(begin.elapsed());
        workspaces.apply(&mut leaf, std::slice::from_ref(edit)).await?;
        edited.push(begin.elapsed());
        if round % 10 == 0 {
            let begin = Instant::now();
            let outcome = workspaces.run(&mut leaf, &first_line_of(edit)).await?;
            ran.push(begin.elapsed());
            ensure!(outcome.output.contains("edited by the bench"), "the edit is not seen: {}", outcome.output);
        }
        let begin = Instant::now();
        workspaces.remove(leaf).await?;
        removed.push(begin.elapsed());
    }
    println!("{count} forks, one after another:");
    for (what, times) in [
        ("fork", &mut forked),
        ("fork and edit: ready", &mut edited),
        ("a first command (sh, head)", &mut ran),
        ("remove", &mut removed),
    ] {
        print_times(what, times);
    }
    Ok(())
}

/// What leaves take that exist at the same time.
async fn taken(workspaces: &Workspaces, base: &Layer, edit: &Overlay) -> Result<()> {
    let Some(before) = workspaces.usage()? else { return Ok(()) };
    let mut leaves = Vec::new();
    for _ in 0..KEPT {
        let mut leaf = workspaces.fork(base).await?;
        workspaces.apply(&mut leaf, std::slice::from_ref(edit)).await?;
        leaves.push(leaf);
    }
    let after = workspaces.usage()?.context("known a moment ago")?;
    let each = |more: u64| more as f64 / KEPT as f64;
    println!(
        "{KEPT} forks at once take {:.0} bytes and {:.1} files each; the tree takes {:.1} MB in {} files",
        each(after.bytes.saturating_sub(before.bytes)),
        each(after.files.saturating_sub(before.files)),
        mega(before.bytes),
        before.files,
    );
    for leaf in leaves {
        workspaces.remove(leaf).await?;
    }
    Ok(())
}

async fn copies(workspaces: &Workspaces, base: &Layer) -> Result<()> {
    let station = workspaces.station();
    let from = workspaces.fork(base).await?;
    let mut times = Vec::new();
    for round in 0..SLOW_ROUNDS {
        let begin = Instant::now();
        let to = station.make_place(&format!("copy-{round}")).await?;
        station.copy(from.place(), &to).await?;
        times.push(begin.elapsed());
        station.remove(&to).await?;
    }
    print_times("a copy within the box", &mut times);
    Ok(workspaces.remove(from).await?)
}

/// Commits a container with the edit, and starts the next from that: a node by the engine's own means.
fn containers(image: &str, files: &[WorkFile], edit: &Overlay) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for file in files {
        let path = folder.path().join(&*file.path.to_str_lossy());
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        std::fs::write(path, &file.bytes)?;
    }
    let edited = folder.path().join(&*edit.path.to_str_lossy());
    let mut made = Made::default();
    let first = made.container(image)?;
    docker(&["cp", &format!("{}/.", folder.path().display()), &format!("{first}:/tree")])?;
    std::fs::write(&edited, edit.bytes.as_deref().unwrap_or_default())?;
    docker(&["cp", &edited.display().to_string(), &format!("{first}:/tree/{}", edit.path)])?;
    let mut times = Vec::new();
    let mut last = first;
    for _ in 0..SLOW_ROUNDS {
        let begin = Instant::now();
        let node = docker(&["commit", "--pause=false", &last])?;
        made.images.push(node.clone());
        last = made.container(&node)?;
        times.push(begin.elapsed());
    }
    print_times("docker commit and run", &mut times);
    Ok(())
}

/// What the engine is asked to remove again.
#[derive(Default)]
struct Made {
    containers: Vec<String>,
    images: Vec<String>,
}

impl Made {
    fn container(&mut self, image: &str) -> Result<String> {
        let id = docker(&["run", "--detach", "--network", "none", "--entrypoint", "sleep", image, "1000"])?;
        self.containers.push(id.clone());
        Ok(id)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for id in &self.containers {
            let _ = docker(&["rm", "--force", id]);
        }
        for id in self.images.iter().rev() {
            let _ = docker(&["rmi", "--force", id]);
        }
    }
}

fn docker(args: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(args).stdin(Stdio::null()).output().context("start docker")?;
    ensure!(output.status.success(), "docker {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Fails if a mount, a folder or a container of this process is left.
fn left() -> Result<()> {
    let own = format!("_{}_", std::process::id());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let mounts = mounts.lines().filter(|line| line.contains("patchwright-nodes.") && line.contains(&own)).count();
    let folders = std::fs::read_dir("/run")?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let folders = folders.filter(|name| name.starts_with("patchwright-nodes.") && name.contains(&own)).count();
    let containers = if Path::new("/var/run/docker.sock").exists() {
        e2e::engine::containers_of(std::process::id())?.len()
    } else {
        0
    };
    println!("left: {mounts} mounts, {folders} folders, {containers} containers");
    ensure!(mounts + folders + containers == 0, "something is left");
    Ok(())
}

fn first_line_of(edit: &Overlay) -> CommandRequest {
    CommandRequest {
        argv: ["/bin/sh", "-c", "head -n 1 \"$1\"", "sh", &edit.path.to_str_lossy()].map(str::to_owned).into(),
        cwd: String::new(),
        env: Vec::new(),
        overlay: Vec::new(),
        total: Duration::from_secs(20),
        silence: Duration::from_secs(20),
    }
}

fn edit_of(files: &[WorkFile], named: Option<&String>) -> Result<Overlay> {
    let file = match named {
        Some(path) => files.iter().find(|file| file.path.as_bytes() == path.as_bytes()),
        None => {
            // A large source file, but not the largest thing in the tree.
            let mut sources: Vec<&WorkFile> =
                files.iter().filter(|file| file.path.as_bytes().ends_with(b".py")).collect();
            sources.sort_by_key(|file| file.bytes.len());
            sources.get(sources.len() * 99 / 100).copied()
        }
    };
    let file = file.context("no such file in the tree")?;
    let bytes = [b"# edited by the bench\n".as_slice(), &file.bytes].concat();
    Ok(Overlay { path: file.path.clone(), bytes: Some(bytes) })
}

fn read_tree(root: &Path) -> Result<Vec<WorkFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.extend((entry.file_name() != ".git").then_some(path));
            } else if kind.is_file() {
                let relative = path.strip_prefix(root)?.as_os_str().as_bytes();
                let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
                let mode = if executable { FileMode::Executable } else { FileMode::Regular };
                files.push(WorkFile { path: RepoPath::new(relative)?, bytes: std::fs::read(&path)?, mode });
            }
        }
    }
    Ok(files)
}

/// As many files as Django 5.2's archive has, in as many folders, of about the same sizes.
fn made_up_tree() -> Result<Vec<WorkFile>> {
    let sizes: BTreeMap<usize, usize> =
        [(0, 0), (25, 400), (50, 1_500), (75, 6_000), (95, 30_000), (100, 60_000)].into();
    (0..6_869_usize)
        .map(|number| {
            let percent = number * 37 % 100;
            let size = sizes.range(percent..).next().map_or(0, |(_, size)| *size);
            let folder = number % 3_247;
            let path = format!("part{}/module{}/folder{folder}/file{number}.py", folder % 12, folder % 180);
            let line = format!("value_{number} = {number}  # one line of many\n");
            let bytes = line.repeat(size / line.len() + 1).into_bytes();
            Ok(WorkFile { path: RepoPath::new(path)?, bytes, mode: FileMode::Regular })
        })
        .collect()
}

fn print_times(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    let [middle, most, all] = [50, 95, 100].map(|percent| at(percent).copied().map_or(0.0, milli));
    println!("  {what:28} p50 {middle:8.2} ms   p95 {most:8.2} ms   max {all:8.2} ms   ({} rounds)", times.len());
}

fn size(edit: &Overlay) -> usize {
    edit.bytes.as_ref().map_or(0, Vec::len)
}

fn milli(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
