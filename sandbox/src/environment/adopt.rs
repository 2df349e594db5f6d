//! Images that somebody prepared for a repository, such as those of SWE-bench: everything is installed, and the repository lies in
//! the folder in which the image starts.
//!
//! What is installed there may name that folder by its path, and what was compiled lies in it. So the folder becomes the tree that every
//! box begins with, as in an environment made here, and its path leads to where boxes have their workspace: what was installed by the
//! path finds the candidate's code. The history in it goes; it may hold the fix.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use repo::{FileMode, Snapshot};

use super::build::{PrepareError, Prepared, TREE};
use super::phase::Phase;
use super::setup::{SetupLimits, SetupOptions};
use crate::backend::ImageProgressFn;
use crate::backend::docker::{DockerBackend, SetupUser, repository};
use crate::error::SandboxError;
use crate::image::{self, ImageProgress, name};
use crate::spec::ImageRef;

/// Changes whenever the same image would be adopted in another way.
const VERSION: u32 = 1;
/// The label that keeps what a login in the image sets.
const LOGIN_LABEL: &str = "patchwright.login";
/// Files of the tree that are looked for in the image's folder.
const SAMPLE: usize = 20;
const PATIENCE: Duration = Duration::from_secs(300);
/// What a login may set that matters to whatever is run.
const SET_BY_LOGIN: &[&str] =
    &["PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "LD_LIBRARY_PATH", "JAVA_HOME", "GOPATH"];

/// Makes sure of an image that somebody named, and of what is in it. Nothing is installed.
///
/// # Errors
/// When the name is none, the image is not to be had, or the engine fails.
pub async fn adopt(
    backend: &DockerBackend,
    wanted: &ImageRef,
    snapshot: &Snapshot,
    progress: &ImageProgressFn<'_>,
) -> Result<Prepared, PrepareError> {
    let started = Instant::now();
    name::check(wanted.as_str())?;
    let engine = backend.engine();
    image::ensure(engine, wanted, progress).await?;
    let found = Found::inspect(backend, wanted).await?;
    let Some(folder) = found.folder() else { return Ok(found.unchanged(wanted, started)) };
    let recipe = blake3::hash(format!("adopted {VERSION} {} {folder}", found.id).as_bytes()).to_hex()[..20].to_owned();
    let image = ImageRef::new(format!("patchwright/env:{recipe}"));
    let reused = engine.image_id(image.as_str()).await?.is_some();
    if !reused && !found.take_over(backend, folder, snapshot, &image).await? {
        return Ok(found.unchanged(wanted, started));
    }
    progress(ImageProgress::Ready { image: image.to_string() });
    let kept = Found::inspect(backend, &image).await?;
    let (variables, python) = kept.login();
    let tree = Some(TREE.to_owned());
    let notes = vec![format!("the image's own {folder} is where tests begin")];
    Ok(Prepared { image, id: kept.id, recipe, reused, python, variables, tree, notes, took: started.elapsed() })
}

/// What the engine says of an image.
struct Found {
    id: String,
    folder: String,
    variables: Vec<(String, String)>,
    labels: HashMap<String, String>,
}

impl Found {
    async fn inspect(backend: &DockerBackend, image: &ImageRef) -> Result<Found, SandboxError> {
        let engine = backend.engine();
        let found = engine.work("inspect an image", engine.docker.inspect_image(image.as_str())).await?;
        let config = found.config.unwrap_or_default();
        let pairs = config.env.unwrap_or_default();
        let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
        Ok(Found {
            id: found.id.unwrap_or_default(),
            folder: config.working_dir.unwrap_or_default(),
            variables: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            labels: config.labels.unwrap_or_default(),
        })
    }

    /// Returns the folder in which the image starts, where it has one of its own.
    fn folder(&self) -> Option<&str> {
        let folder = self.folder.trim_end_matches('/');
        let plain = folder.starts_with('/') && !folder.contains("/.") && folder.len() < 200;
        // A link cannot lead to a folder that lies below it.
        let above = repository().starts_with(&format!("{folder}/"));
        (plain && !above).then_some(folder)
    }

    /// An image without the repository in it is only a place to run in.
    fn unchanged(self, image: &ImageRef, started: Instant) -> Prepared {
        let own_path = self.variables.into_iter().filter(|(name, _)| name == "PATH");
        Prepared {
            image: image.clone(),
            recipe: String::new(),
            id: self.id,
            reused: true,
            python: None,
            variables: own_path.collect(),
            tree: None,
            notes: Vec::new(),
            took: started.elapsed(),
        }
    }

    /// Keeps the image with its folder as the tree of boxes; `false` where the folder holds something else.
    async fn take_over(
        &self,
        backend: &DockerBackend,
        folder: &str,
        snapshot: &Snapshot,
        image: &ImageRef,
    ) -> Result<bool, PrepareError> {
        let limits = SetupLimits { total: PATIENCE, silence: PATIENCE, ..SetupLimits::default() };
        let options = SetupOptions { limits, ..SetupOptions::default() };
        let phase = Phase::create(backend, &self.id, "none", SetupUser::Root, &options).await?;
        let taken = self.take_over_in(&phase, folder, snapshot, image).await;
        phase.close().await?;
        Ok(taken?)
    }

    async fn take_over_in(
        &self,
        phase: &Phase<'_>,
        folder: &str,
        snapshot: &Snapshot,
        image: &ImageRef,
    ) -> Result<bool, SandboxError> {
        phase.start().await?;
        if !holds(phase, folder, snapshot).await? {
            return Ok(false);
        }
        let said = phase.run("/", &login_line(), &self.variables).await?.output;
        let login: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("= ")).collect();
        let (from, place) = (shell_words::quote(folder), repository());
        let lead = if folder == place { String::new() } else { format!("rm -rf {from} && ln -s {place} {from} && ") };
        let line = format!(
            "rm -rf {from}/.git && mkdir -p {TREE} {place} && find {from} -mindepth 1 -maxdepth 1 -exec mv -t {TREE} -- {{}} + && \
             {lead}chmod -R a+rX {TREE}"
        );
        let moved = phase.run("/", &line, &[]).await?;
        if !moved.is_good() {
            return Err(SandboxError::Workspace { detail: format!("taking over {folder}: {}", moved.output.trim()) });
        }
        phase.keep(image, &[(LOGIN_LABEL, login.join("\n"))]).await?;
        Ok(true)
    }

    /// Returns the variables and the interpreter of a login.
    fn login(&self) -> (Vec<(String, String)>, Option<String>) {
        let kept = self.labels.get(LOGIN_LABEL).map(String::as_str).unwrap_or_default();
        let pairs = kept.lines().filter_map(|line| line.split_once('=')).filter(|(_, value)| !value.is_empty());
        let (mut variables, mut python) = (Vec::new(), None);
        for (name, value) in pairs {
            match name {
                "python" => python = value.starts_with('/').then(|| value.to_owned()),
                name => variables.push((name.to_owned(), value.to_owned())),
            }
        }
        (variables, python)
    }
}

/// Returns whether most files of the tree are in the image's folder, by their names.
async fn holds(phase: &Phase<'_>, folder: &str, snapshot: &Snapshot) -> Result<bool, SandboxError> {
    let is_file = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
    let files: Vec<String> = snapshot
        .entries()
        .iter()
        .filter(|entry| is_file(entry.mode))
        .map(|entry| entry.path.to_str_lossy().into_owned())
        .collect();
    let sample: Vec<&String> = files.iter().step_by(files.len().div_ceil(SAMPLE).max(1)).collect();
    if sample.is_empty() {
        return Ok(false);
    }
    let quoted: Vec<_> = sample.iter().map(|path| shell_words::quote(path)).collect();
    let line = format!(
        "cd {} && for file in {}; do [ ! -f \"./$file\" ] || echo here; done",
        shell_words::quote(folder),
        quoted.join(" ")
    );
    let said = phase.run("/", &line, &[]).await?.output;
    let here = said.lines().filter(|line| *line == "here").count();
    Ok(here * 5 >= sample.len() * 4)
}

/// What somebody who logs in gets: images of many benchmarks choose their interpreter there and not in their own variables.
fn login_line() -> String {
    let show: Vec<String> = SET_BY_LOGIN.iter().map(|name| format!("echo \"= {name}=${name}\"")).collect();
    let inside = format!("{}; echo \"= python=$(command -v python || command -v python3)\"", show.join("; "));
    let inside = shell_words::quote(&inside).into_owned();
    format!(
        "shell=sh; ! command -v bash >/dev/null || shell=bash; HOME=/root \"$shell\" -ic {inside} </dev/null 2>&1 || true"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(folder: &str, expected: Option<&str>) {
        let found = Found { id: String::new(), folder: folder.into(), variables: Vec::new(), labels: HashMap::new() };
        assert_eq!(found.folder(), expected, "{folder}");
    }

    #[test]
    fn only_a_folder_of_its_own_is_taken_over() {
        check("/testbed", Some("/testbed"));
        check("/workspace/repo/", Some("/workspace/repo"));
        for folder in ["", "/", "relative", "/workspace", "/a/../b"] {
            check(folder, None);
        }
    }

    #[test]
    fn a_login_is_kept_as_a_label() {
        let kept = "PATH=/opt/env/bin:/usr/bin\nVIRTUAL_ENV=\npython=/opt/env/bin/python".to_owned();
        let labels = HashMap::from([(LOGIN_LABEL.to_owned(), kept)]);
        let found = Found { id: String::new(), folder: String::new(), variables: Vec::new(), labels };
        let (variables, python) = found.login();
        assert_eq!(variables, [("PATH".to_owned(), "/opt/env/bin:/usr/bin".to_owned())]);
        assert_eq!(python.as_deref(), Some("/opt/env/bin/python"));
    }
}
