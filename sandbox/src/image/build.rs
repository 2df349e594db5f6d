//! Builds images: from distribution packages, or from a present image and one command.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateImageOptionsBuilder, StartContainerOptions, WaitContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::{ImageProgress, Recipe, failed};
use crate::backend::ImageProgressFn;
use crate::backend::docker::{BOOT_LABEL, Container, Engine};
use crate::error::SandboxError;
use crate::spec::{ImageRef, Labels};

const TOOL: &str = "mmdebstrap";
/// Packages come over the network, at whatever speed it has.
const BUILD: Duration = Duration::from_secs(900);
const CHUNK: usize = 256 << 10;
/// What the tool needs while it works; in memory it takes half the time.
const ROOM_IN_MEMORY: u64 = 2 << 30;

/// Builds the recipe's image from the packages of this machine's distribution.
pub(crate) async fn from_packages(
    engine: &Engine,
    recipe: &Recipe,
    image: &ImageRef,
    progress: &ImageProgressFn<'_>,
) -> Result<(), SandboxError> {
    let host = tokio::task::spawn_blocking(Host::look).await.unwrap_or_default();
    let mut child = tool(recipe, &host).spawn().map_err(|error| failed(format!("{TOOL}: {error}")))?;
    let streams = child.stdout.take().zip(child.stderr.take());
    let (stdout, stderr) = streams.ok_or_else(|| failed(format!("{TOOL} has no output")))?;
    let said = Mutex::new(VecDeque::new());
    let build = Build { stdout, child };
    let body = bollard::body_try_stream(futures_util::stream::try_unfold(Some(build), next_chunk));
    let (repo, tag) = image.as_str().rsplit_once(':').unwrap_or((image.as_str(), "latest"));
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(repo)
        .tag(tag)
        .message("built by patchwright from distribution packages")
        .build();
    let importing = async {
        let docker = engine.docker.clone().with_timeout(BUILD);
        let mut events = docker.create_image(Some(options), Some(body), None);
        while let Some(event) = events.next().await {
            event?;
        }
        Ok(())
    };
    let listening = async {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let detail = line.trim_start_matches("I: ").to_owned();
            progress(ImageProgress::Building { image: image.to_string(), detail: detail.clone() });
            let mut said = said.lock();
            said.push_back(detail);
            if said.len() > 8 {
                said.pop_front();
            }
        }
    };
    progress(ImageProgress::Building { image: image.to_string(), detail: format!("with {TOOL}") });
    let imported = tokio::select! {
        imported = engine.within(BUILD, "import an image", importing) => imported,
        // The tool closes its streams before the engine has finished to import.
        never = async { listening.await; std::future::pending().await } => never,
    };
    imported.map_err(|error| {
        let said = said.lock().iter().cloned().collect::<Vec<_>>().join("; ");
        failed(format!("{TOOL}: {error} ({said})"))
    })
}

/// The tool at work. Dropping it unfinished ends it in a way that lets it clean up.
struct Build {
    stdout: ChildStdout,
    child: Child,
}

impl Drop for Build {
    fn drop(&mut self) {
        // An id is only there until the child has been waited for.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
    }
}

/// The archive is only complete if the tool says so: its failure breaks the stream, and with it the import.
async fn next_chunk(build: Option<Build>) -> Result<Option<(Bytes, Option<Build>)>, std::io::Error> {
    let Some(mut build) = build else { return Ok(None) };
    let mut chunk = Vec::with_capacity(CHUNK);
    (&mut build.stdout).take(CHUNK as u64).read_to_end(&mut chunk).await?;
    if !chunk.is_empty() {
        return Ok(Some((chunk.into(), Some(build))));
    }
    let status = build.child.wait().await?;
    if status.success() { Ok(None) } else { Err(std::io::Error::other(format!("{TOOL} ended with {status}"))) }
}

fn tool(recipe: &Recipe, host: &Host) -> Command {
    let mut command = Command::new(TOOL);
    command
        .args(["--variant=minbase", "--format=tar", "--aptopt=APT::Install-Recommends \"false\""])
        .arg(format!("--include={}", recipe.distribution.packages.join(",")))
        .args(host.apt_options.iter().map(|option| format!("--aptopt={option}")))
        .args([host.suite.as_deref().unwrap_or(&recipe.distribution.suite), "-"])
        .args(&host.sources)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = &host.scratch {
        command.env("TMPDIR", folder);
    }
    command
}

/// What the machine's own package manager is set to, so that its mirrors and proxies are used.
#[derive(Debug, Default, PartialEq, Eq)]
struct Host {
    suite: Option<String>,
    sources: Vec<PathBuf>,
    apt_options: Vec<String>,
    scratch: Option<PathBuf>,
}

impl Host {
    fn look() -> Self {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let suite = suite(&release);
        let sources = suite.as_deref().map(|suite| sources(Path::new("/etc/apt"), suite)).unwrap_or_default();
        // Without the machine's sources its suite may not exist on the default mirrors.
        let suite = suite.filter(|_| !sources.is_empty());
        let scratch = Some(PathBuf::from("/dev/shm")).filter(|folder| has_room(folder));
        Self { suite, sources, apt_options: apt_options(), scratch }
    }
}

fn suite(release: &str) -> Option<String> {
    let line = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(line.trim_matches('"').to_owned()).filter(|name| !name.is_empty())
}

/// Returns the files that list the distribution itself, leaving out those of other vendors, which only slow the build down.
fn sources(folder: &Path, suite: &str) -> Vec<PathBuf> {
    let parts = std::fs::read_dir(folder.join("sources.list.d")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = parts.map(|entry| entry.path()).collect();
    files.push(folder.join("sources.list"));
    files.retain(|path| {
        let named = path.extension().is_some_and(|it| it == "list" || it == "sources");
        named && std::fs::read_to_string(path).is_ok_and(|text| lists(&text, suite))
    });
    files.sort();
    files
}

fn lists(text: &str, suite: &str) -> bool {
    let lines = || text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let has = |line: &str, word: &str| line.split_whitespace().any(|it| it == word);
    let one_line = lines().any(|line| line.starts_with("deb") && has(line, suite) && has(line, "main"));
    let field = |name: &str, word: &str| {
        lines().any(|line| line.split_once(':').is_some_and(|(key, value)| key == name && has(value, word)))
    };
    one_line || (field("Suites", suite) && field("Components", "main"))
}

fn apt_options() -> Vec<String> {
    let dump = std::process::Command::new("apt-config").args(["dump", "--no-empty", "Acquire"]).output();
    let text = dump.map(|output| output.stdout).unwrap_or_default();
    let wanted = ["::proxy", "::check-valid-until", "::check-date", "::forceipv", "::retries", "::timeout"];
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| {
            let key = line.split(' ').next().unwrap_or_default().to_ascii_lowercase();
            wanted.iter().any(|end| key.contains(end)) && !key.contains("proxy-auto")
        })
        .map(|line| line.trim_end_matches(';').to_owned())
        .collect()
}

/// A system is built with devices and programs in it, which not every file system in memory is mounted to allow.
fn has_room(folder: &Path) -> bool {
    use nix::sys::statvfs::{FsFlags, statvfs};
    statvfs(folder).is_ok_and(|found| {
        !found.flags().intersects(FsFlags::ST_NODEV | FsFlags::ST_NOEXEC)
            && found.blocks_available() * found.fragment_size() >= ROOM_IN_MEMORY
    })
}

/// Whether a command that completes an image has the engine's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Default,
    #[cfg(test)]
    None,
}

/// Runs one command in an image and keeps the result as another image.
pub(crate) async fn complete(
    engine: &Engine,
    base: &ImageRef,
    command: &[String],
    image: &ImageRef,
    network: Network,
    progress: &ImageProgressFn<'_>,
) -> Result<(), SandboxError> {
    progress(ImageProgress::Building { image: image.to_string(), detail: command.join(" ") });
    let docker = engine.docker.clone().with_timeout(BUILD);
    let network = match network {
        Network::Default => "default",
        #[cfg(test)]
        Network::None => "none",
    };
    let body = ContainerCreateBody {
        image: Some(base.to_string()),
        entrypoint: Some(command.to_vec()),
        cmd: Some(Vec::new()),
        host_config: Some(HostConfig { network_mode: Some(network.into()), ..Default::default() }),
        labels: Some([(BOOT_LABEL.to_owned(), crate::reap::current_boot())].into()),
        ..Default::default()
    };
    let mut container = Container::create(engine, &Labels::for_job("image"), body).await?;
    let result = async {
        engine.work("start a container", docker.start_container(container.id(), None::<StartContainerOptions>)).await?;
        let wait = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut waiting = docker.wait_container(container.id(), Some(wait));
        let ended = async { waiting.next().await.transpose() };
        engine.within(BUILD, "run a build command", ended).await?;
        let (name, tag) = image.as_str().rsplit_once(':').unwrap_or((image.as_str(), "latest"));
        let commit = CommitContainerOptionsBuilder::new().container(container.id()).repo(name).tag(tag).build();
        engine.work("keep an image", docker.commit_container(commit, ContainerConfig::default())).await.map(drop)
    };
    let result = result.await;
    container.remove().await?;
    result
}

#[cfg(test)]
mod tests {
    use bollard::query_parameters::RemoveImageOptions;

    use super::*;
    use crate::backend::ConnectOptions;

    #[test]
    fn the_machine_tells_its_suite() {
        let debian = "PRETTY_NAME=\"Debian\"\nVERSION_CODENAME=bookworm\n";
        assert_eq!(suite(debian).as_deref(), Some("bookworm"));
        assert_eq!(suite("VERSION_CODENAME=\"noble\"\n").as_deref(), Some("noble"));
        assert_eq!(suite("NAME=Fedora\nVERSION_CODENAME=\"\"\n"), None);
    }

    #[test]
    fn only_the_distribution_s_own_sources_are_used() {
        let check = |text: &str, expected: bool| assert_eq!(lists(text, "bookworm"), expected, "{text}");
        check(
            "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\n",
            true,
        );
        check("deb [signed-by=/x.gpg] http://mirror/debian bookworm main contrib\n", true);
        check("# deb http://mirror/debian bookworm main\n", false);
        check("deb https://download.docker.com/linux/debian bookworm stable\n", false);
        check("deb https://deb.nodesource.com/node_20.x nodistro main\n", false);
        check("Suites: trixie\nComponents: main\n", false);
    }

    #[test]
    fn the_tool_gets_the_machine_s_mirrors() {
        let recipe = Recipe::embedded().unwrap();
        let host = Host {
            suite: Some("noble".into()),
            sources: vec!["/etc/apt/sources.list.d/ubuntu.sources".into()],
            apt_options: vec!["Acquire::http::Proxy \"http://proxy:3142\"".into()],
            scratch: None,
        };
        let command = tool(&recipe, &host);
        let text: Vec<_> = command.as_std().get_args().map(|it| it.to_string_lossy()).collect();
        assert!(text.iter().any(|it| it == "--aptopt=Acquire::http::Proxy \"http://proxy:3142\""), "{text:?}");
        assert_eq!(text[text.len() - 3..], ["noble", "-", "/etc/apt/sources.list.d/ubuntu.sources"]);
        let bare = tool(&recipe, &Host::default());
        let text: Vec<_> = bare.as_std().get_args().map(|it| it.to_string_lossy()).collect();
        assert_eq!(text[text.len() - 2..], ["bookworm", "-"]);
    }

    /// Completes the Python image without a network; returns the result if there is an engine.
    async fn completed(command: &[&str]) -> Option<(Engine, Result<ImageRef, SandboxError>)> {
        let options = ConnectOptions::default();
        let engine = match Engine::connect(&options).await {
            Ok(engine) => engine,
            Err(error) => {
                assert_ne!(std::env::var("PATCHWRIGHT_REQUIRE_DOCKER").as_deref(), Ok("1"), "{error}");
                eprintln!("skipped: {error}");
                return None;
            }
        };
        let base = crate::image::ensure_python(&engine, &|_| {}).await.unwrap();
        let image = ImageRef::new(format!("patchwright/test:{}", uuid::Uuid::new_v4().simple()));
        let command: Vec<String> = command.iter().map(|&it| it.to_owned()).collect();
        let result = complete(&engine, &base, &command, &image, Network::None, &|_| {}).await;
        Some((engine, result.map(|()| image)))
    }

    #[tokio::test]
    async fn an_image_is_completed_by_a_command() {
        let Some((engine, image)) = completed(&["python3", "-c", "open('/marker', 'w').write('made')"]).await else {
            return;
        };
        let image = image.unwrap();
        assert!(engine.image_id(image.as_str()).await.unwrap().is_some());
        let read = ["python3", "-c", "raise SystemExit(open('/marker').read() != 'made')"].map(str::to_owned);
        let second = ImageRef::new(format!("{image}-read"));
        complete(&engine, &image, &read, &second, Network::None, &|_| {}).await.unwrap();
        for image in [second, image] {
            engine.docker.remove_image(image.as_str(), None::<RemoveImageOptions>, None).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_command_that_fails_makes_no_image() {
        let Some((_, image)) = completed(&["python3", "-c", "raise SystemExit(3)"]).await else { return };
        image.unwrap_err();
    }
}
