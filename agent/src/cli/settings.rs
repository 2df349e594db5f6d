//! What several verbs read from their arguments in the same way.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexer::IssueText;
use sandbox::image::name::ImageTemplate;
use sandbox::{BackendKind, ConnectOptions, ImageRef};

use super::exit::{Failure, talk};
use crate::pipeline::checkout::{self, Checkout};

/// The largest issue file that is read.
const MAX_ISSUE_BYTES: u64 = 4 << 20;

/// Which repository, and how to print.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// The repository (a work tree, a bare repository or a plain folder). It is only read.
    #[arg(long, value_name = "DIR")]
    pub(super) repo: PathBuf,
    /// The revision to look at [default: HEAD].
    #[arg(long, value_name = "REV")]
    pub(super) base: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// Opens a repository. The folder returned holds the objects that the snapshot reads from, and goes away with it.
pub(super) fn open_repository(place: &Place) -> Result<(Checkout, tempfile::TempDir), Failure> {
    let objects = tempfile::Builder::new().prefix("patchwright-objects-").tempdir();
    let objects = objects.map_err(|error| Failure::unexpected("failed to make a temporary folder", &error))?;
    let checkout = checkout::open(&place.repo, place.base.as_deref(), &objects.path().join("objects.git"))?;
    Ok((checkout, objects))
}

/// Where a sandbox comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Sandbox {
    /// Docker where an engine answers, else process.
    Auto,
    /// Containers of a Docker engine.
    Docker,
    /// Confined processes of this machine, for code you trust.
    Process,
}

/// Reads an issue from a file, or from stdin where the name is `-`.
pub(super) fn read_issue(name: &str) -> Result<IssueText, Failure> {
    let text = match name {
        "-" => read_limited(std::io::stdin().lock(), "stdin")?,
        _ if !Path::new(name).exists() && name.parse::<github::IssueRef>().is_ok() => {
            return Err(Failure::usage(format!(
                "`{name}` names an issue on GitHub; save its text to a file and give that, or pipe it to `--issue -`"
            )));
        }
        _ => {
            let file = std::fs::File::open(name)
                .map_err(|error| Failure::usage(format!("failed to read the issue `{name}`: {error}")))?;
            read_limited(file, name)?
        }
    };
    let issue = IssueText::parse(&text);
    if issue.is_empty() {
        return Err(crate::pipeline::FixError::EmptyIssue.into());
    }
    Ok(issue)
}

fn read_limited(reader: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_ISSUE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("failed to read the issue `{name}`: {error}")))?;
    if bytes.len() as u64 > MAX_ISSUE_BYTES {
        return Err(Failure::usage(format!("the issue `{name}` is larger than {} MB", MAX_ISSUE_BYTES >> 20)));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Chooses the backend.
///
/// `auto` takes the engine where one answers. A test command that names an interpreter of this machine by its path only makes sense on this
/// machine, so it decides for `process`. A runtime is only asked for by people who want more than processes give.
pub(super) async fn choose_backend(
    wanted: Sandbox,
    test: Option<&str>,
    image: Option<&ImageRef>,
    engine: &Engine,
) -> BackendKind {
    match wanted {
        Sandbox::Docker => BackendKind::Docker,
        Sandbox::Process => BackendKind::Process,
        Sandbox::Auto if engine.options().runtime.is_some() => BackendKind::Docker,
        Sandbox::Auto if image.is_none() && test.is_some_and(names_local_interpreter) => BackendKind::Process,
        Sandbox::Auto => match sandbox::connect(BackendKind::Docker, &engine.options()).await {
            Ok(_) => BackendKind::Docker,
            Err(error) => {
                talk(&format!("{error}; using confined processes of this machine instead"));
                BackendKind::Process
            }
        },
    }
}

fn names_local_interpreter(test: &str) -> bool {
    test.split_whitespace().find(|word| !word.contains('=')).is_some_and(|word| Path::new(word).is_absolute())
}

/// How the container engine is used.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Engine {
    /// The container engine's runtime, such as gVisor's `runsc` [default: the engine's].
    #[arg(long, value_name = "NAME", env = "PATCHWRIGHT_RUNTIME")]
    runtime: Option<String>,
    /// The control group below which containers are limited [default: the engine's].
    #[arg(long, value_name = "PATH", env = "PATCHWRIGHT_CGROUP_PARENT")]
    cgroup_parent: Option<String>,
}

impl Engine {
    /// Returns how to reach the engine, and what to ask it for.
    pub(super) fn options(&self) -> ConnectOptions {
        ConnectOptions {
            runtime: self.runtime.clone().filter(|name| !name.is_empty()),
            cgroup_parent: self.cgroup_parent.clone().filter(|path| !path.is_empty()),
            ..docker_options()
        }
    }
}

/// Which image somebody prepared for the repository.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Prebuilt {
    /// The container image to run tests in; {id} and {id_1776} stand for the instance [default: found, pulled or built].
    #[arg(long, value_name = "REF|TEMPLATE")]
    image: Option<String>,
    /// The instance that the image's name is made for [default: the name of the repository's folder].
    #[arg(long, value_name = "ID", requires = "image")]
    instance: Option<String>,
}

impl Prebuilt {
    /// Returns the image's name.
    pub(super) fn resolve(&self, repo: &Path) -> Result<Option<ImageRef>, Failure> {
        let Some(text) = &self.image else { return Ok(None) };
        if !text.contains('{') {
            return Ok(Some(ImageRef::new(text)));
        }
        let folder = || {
            let path = repo.canonicalize().ok()?;
            Some(path.file_name()?.to_string_lossy().trim_end_matches(".git").to_owned())
        };
        let id = self.instance.clone().or_else(folder);
        let id =
            id.ok_or_else(|| Failure::usage(format!("`{text}` is made for an instance; name it with --instance")))?;
        let named = ImageTemplate::parse(text).and_then(|template| template.of(&id));
        Ok(Some(named.map_err(crate::pipeline::FixError::Sandbox)?))
    }
}

/// How the container engine is reached: `DOCKER_HOST` as the Docker client reads it.
fn docker_options() -> ConnectOptions {
    ConnectOptions { docker_host: docker_host(), ..ConnectOptions::default() }
}

/// Returns `DOCKER_HOST`, where it is set to something.
fn docker_host() -> Option<String> {
    std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty())
}

/// Returns an id for a new job: sorted by time, unique without asking anybody.
pub(super) fn new_job_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Reads a number of seconds that is above zero.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!("`{text}` is no positive number of seconds")),
    }
}

/// Returns how many candidates run at the same time unless the user says: one per processor, at most eight.
pub(super) fn default_jobs() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(processors.min(8)).unwrap_or(1)
}

/// Makes a folder with its parents.
pub(super) fn make_dir(path: PathBuf) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(&path)
        .map_err(|error| Failure::usage(format!("failed to make the folder `{}`: {error}", path.display())))?;
    Ok(path)
}
