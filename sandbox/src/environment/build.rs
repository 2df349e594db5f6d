//! From a detection to an image: packages by root, everything else by nobody, each kept under a name that says what is in it.

use std::time::{Duration, Instant};

use repo::{RepoError, Snapshot};

use super::archive::Archive;
use super::base::{self, Base};
use super::diagnose::SetupFailure;
use super::phase::Phase;
use super::recipe::Recipe;
use super::setup::{self, SetupNetwork, SetupOptions};
use super::shadow;
use super::{Detection, Found, Language, Step, SystemPackage};
use crate::backend::ImageProgressFn;
use crate::backend::docker::{DockerBackend, SetupUser, repository};
use crate::error::SandboxError;
use crate::image::ImageProgress;
use crate::spec::{ImageRef, Labels, SandboxSpec};

/// Where the tree lies in an environment's image, with what setting up and building made of it.
pub const TREE: &str = "/patchwright/tree";
/// The label of an image that holds the digest of its recipe.
pub(crate) const HASH_LABEL: &str = "patchwright.recipe";
const TREE_LABEL: &str = "patchwright.tree";

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A step failed.
    #[error("{0}")]
    Setup(Box<SetupFailure>),
    /// The engine.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The repository.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// An environment that is ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Prepared {
    /// The image, by its name.
    pub image: ImageRef,
    /// The image, by its content.
    pub id: String,
    /// The digest of the recipe.
    pub recipe: String,
    /// Whether it was there already.
    pub reused: bool,
    /// The interpreter for Python's tests.
    pub python: Option<String>,
    /// Variables for whatever runs in it.
    pub variables: Vec<(String, String)>,
    /// The folder of the image with what a box's workspace begins with, if any.
    pub tree: Option<String>,
    /// What people should know: packages that are left out, another version than was wished for.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Prepared {
    /// Returns a box of this environment: without a network, with what was installed, and with what was built in its workspace.
    pub fn spec(&self, labels: Labels) -> SandboxSpec {
        SandboxSpec {
            // By its content: a name may be moved by somebody.
            image: Some(ImageRef::new(&self.id)),
            python: self.python.clone(),
            env: self.variables.clone(),
            seed: self.tree.clone(),
            ..SandboxSpec::new(labels)
        }
    }
}

/// Makes the image of a repository's environment, or finds it.
///
/// What decides about it is in the parameters, and nothing else: the files of the base, what was read from them, and the operator's
/// options. The text of an issue, a model's words and a candidate's edits have no way in.
///
/// # Errors
/// When a step fails ([`PrepareError::Setup`] says which and why), or the engine does.
pub async fn prepare(
    backend: &DockerBackend,
    snapshot: &Snapshot,
    detection: &Detection,
    options: &SetupOptions,
    progress: &ImageProgressFn<'_>,
) -> Result<Prepared, PrepareError> {
    let started = Instant::now();
    let options = SetupOptions {
        network: if detection.offline { SetupNetwork::None } else { options.network.clone() },
        ..options.clone()
    };
    let mut making = Making { backend, options: &options, progress, notes: Vec::new() };
    let base = making.base(detection).await?;
    making.notes.extend(base.note.clone());
    let with_packages = making.packages(&base.id, &detection.packages).await?;
    let steps = steps(detection);
    let recipe = Recipe::new(&with_packages, detection, &steps, snapshot);
    let image = ImageRef::new(format!("patchwright/env:{}", recipe.hash()));
    let present = backend.engine().image_id(image.as_str()).await?;
    let reused = present.is_some();
    let id = match present {
        Some(id) => id,
        None => {
            let order =
                Order { base: &with_packages, snapshot, detection, steps: &steps, recipe: &recipe, image: &image };
            making.environment(&order).await?
        }
    };
    progress(ImageProgress::Ready { image: image.to_string() });
    let has_venv =
        setup::first_step(detection.language()).is_some_and(|(line, _)| steps.iter().any(|it| it.value.line == line));
    Ok(Prepared {
        image,
        id,
        recipe: recipe.hash(),
        reused,
        python: has_venv.then(|| format!("{}/bin/python", super::python::VENV)),
        variables: run_variables(detection),
        tree: Some(TREE.to_owned()),
        notes: making.notes,
        took: started.elapsed(),
    })
}

/// The lines in order, the one that a language needs before all others first.
fn steps(detection: &Detection) -> Vec<Found<Step>> {
    // An image of the repository's own, with lines of its own, has its interpreter where it likes.
    let uses_pip = detection.setup.iter().any(|step| step.value.line.starts_with("python -m pip"));
    let first = setup::first_step(detection.language())
        .filter(|_| uses_pip)
        .map(|(line, evidence)| Found::likely(Step { line, cwd: String::new(), required: true }, evidence));
    first.into_iter().chain(detection.setup.iter().cloned()).chain(detection.build.iter().cloned()).collect()
}

fn path(language: Language) -> String {
    let mut folders = setup::programs(language);
    folders.push("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    folders.join(":")
}

/// The variables that hold while it is made and while tests run.
fn common_variables(detection: &Detection) -> Vec<(String, String)> {
    let language = detection.language();
    let mut variables = vec![("PATH".to_owned(), path(language))];
    variables.extend(setup::places(language).iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    for found in &detection.variables {
        variables.retain(|(known, _)| *known != found.value.name);
        variables.push((found.value.name.clone(), found.value.value.clone()));
    }
    variables
}

fn run_variables(detection: &Detection) -> Vec<(String, String)> {
    let mut variables = common_variables(detection);
    for (name, value) in setup::offline(detection.language()) {
        if !variables.iter().any(|(known, _)| known == name) {
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    variables
}

/// One image that is to be made: steps on a tree, and the name for what comes of it.
struct Order<'a> {
    /// The id of the image to start from.
    base: &'a str,
    snapshot: &'a Snapshot,
    detection: &'a Detection,
    steps: &'a [Found<Step>],
    recipe: &'a Recipe,
    image: &'a ImageRef,
}

/// Everything that making an environment takes.
pub(super) struct Making<'a> {
    pub(super) backend: &'a DockerBackend,
    pub(super) options: &'a SetupOptions,
    pub(super) progress: &'a ImageProgressFn<'a>,
    pub(super) notes: Vec<String>,
}

impl Making<'_> {
    fn say(&self, image: &str, detail: String) {
        (self.progress)(ImageProgress::Building { image: image.to_owned(), detail });
    }

    async fn base(&mut self, detection: &Detection) -> Result<Base, PrepareError> {
        let base = &detection.base.value;
        match &base.image {
            Some(image) => {
                let image = crate::image::ensure(self.backend.engine(), &ImageRef::new(image), self.progress).await?;
                let id = base::present(self.backend, &image).await?.ok_or_else(|| base::gone(&image))?;
                Ok(Base { id, note: None })
            }
            None => base::ensure(self, base.language, base.version.as_deref()).await,
        }
    }

    /// Adds packages to an image. Names that the distribution does not have are left out and said, unless they are required.
    pub(super) async fn packages(
        &mut self,
        base: &str,
        packages: &[Found<SystemPackage>],
    ) -> Result<String, PrepareError> {
        if packages.is_empty() {
            return Ok(base.to_owned());
        }
        let mut names: Vec<&str> = packages.iter().map(|found| found.value.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let hash = blake3::hash(format!("{base} {}", names.join(" ")).as_bytes()).to_hex();
        let image = ImageRef::new(format!("patchwright/packages:{}", &hash[..20]));
        if let Some(id) = self.backend.engine().image_id(image.as_str()).await? {
            return Ok(id);
        }
        let evidence = &packages[0].evidence;
        self.install(base, &names, &image, evidence).await
    }

    /// Runs the package manager as root in a container of its own.
    pub(super) async fn install(
        &mut self,
        base: &str,
        names: &[&str],
        image: &ImageRef,
        evidence: &super::Evidence,
    ) -> Result<String, PrepareError> {
        self.say(image.as_str(), format!("packages {}", names.join(" ")));
        let phase =
            Phase::create(self.backend, base, self.options.network.mode(), SetupUser::Root, self.options).await?;
        let made = self.install_in(&phase, names, image, evidence).await;
        phase.close().await?;
        made
    }

    async fn install_in(
        &mut self,
        phase: &Phase<'_>,
        names: &[&str],
        image: &ImageRef,
        evidence: &super::Evidence,
    ) -> Result<String, PrepareError> {
        phase.start().await?;
        for (path, text) in self.options.files() {
            if path.starts_with(setup::SECRETS) {
                phase.write(&path, &text).await?;
            }
        }
        if let Some(mirror) = &self.options.mirrors.apt {
            phase.write("/etc/apt/sources.list.d/00-mirror.list", &apt_source(mirror)).await?;
        }
        let options: String =
            self.options.apt_options().iter().map(|option| format!(" -o {}", shell_words::quote(option))).collect();
        let apt = format!("apt-get -q{options}");
        let variables = self.options.variables();
        let lines = [
            format!("{apt} update"),
            // `apt-get install` refuses all because of one that it does not know.
            format!(
                "known=; for name in {}; do if apt-cache show \"$name\" >/dev/null 2>&1; then known=\"$known $name\"; else echo \"no package $name\"; fi; done; \
                 {apt} install -y --no-install-recommends $known",
                names.join(" ")
            ),
            "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /etc/apt/sources.list.d/00-mirror.list".to_owned(),
        ];
        for (at, line) in lines.iter().enumerate() {
            let ran = phase.run("/", line, &variables).await?;
            if !ran.is_good() {
                let shown = if at == 1 { format!("apt-get install {}", names.join(" ")) } else { line.clone() };
                let failure = SetupFailure::diagnose((at + 1, lines.len()), &shown, evidence, ran.ending, &ran.output);
                return Err(PrepareError::Setup(Box::new(failure)));
            }
            let missing = ran.output.lines().filter_map(|line| line.strip_prefix("no package "));
            self.notes.extend(missing.map(|name| format!("the distribution has no package {name}")));
        }
        Ok(phase.keep(image, &[]).await?)
    }

    async fn environment(&mut self, order: &Order<'_>) -> Result<String, PrepareError> {
        let network = self.options.network.mode();
        let phase = Phase::create(self.backend, order.base, network, SetupUser::Nobody, self.options).await?;
        let made = self.environment_in(&phase, order).await;
        phase.close().await?;
        made
    }

    async fn environment_in(&mut self, phase: &Phase<'_>, order: &Order<'_>) -> Result<String, PrepareError> {
        phase.upload(tree(order.snapshot.clone()).await?).await?;
        phase.start().await?;
        let files = self.options.files();
        for (path, text) in &files {
            phase.write(path, text).await?;
        }
        let mut variables = self.options.variables();
        for (name, value) in common_variables(order.detection) {
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
        }
        self.run_steps(phase, order, &variables).await?;
        self.notes.extend(shadow::link_copies(phase, order.snapshot, &variables).await?);
        let line = format!("find {} -mindepth 1 -maxdepth 1 -exec mv -t {TREE} -- {{}} +", repository());
        let moved = phase.run("/", &line, &[]).await?;
        if !moved.is_good() {
            return Err(SandboxError::Workspace { detail: format!("keeping the tree: {}", moved.output.trim()) }.into());
        }
        let gone: Vec<_> = files.iter().map(|(path, _)| shell_words::quote(path).into_owned()).collect();
        phase.run("/", &format!("rm -rf /tmp/* /tmp/.[!.]* {}", gone.join(" ")), &[]).await?;
        let labels = [(HASH_LABEL, order.recipe.hash()), (TREE_LABEL, order.snapshot.tree().to_string())];
        Ok(phase.keep(order.image, &labels).await?)
    }

    async fn run_steps(
        &self,
        phase: &Phase<'_>,
        order: &Order<'_>,
        variables: &[(String, String)],
    ) -> Result<(), PrepareError> {
        let steps = order.steps;
        for (at, step) in steps.iter().enumerate() {
            self.say(order.image.as_str(), format!("step {} of {}: {}", at + 1, steps.len(), step.value.line));
            let cwd = super::tree::join(&repository(), &step.value.cwd);
            let ran = phase.run(cwd.trim_end_matches('/'), &step.value.line, variables).await?;
            if !ran.is_good() {
                let place = (at + 1, steps.len());
                let failure = SetupFailure::diagnose(place, &step.value.line, &step.evidence, ran.ending, &ran.output);
                return Err(PrepareError::Setup(Box::new(failure)));
            }
        }
        Ok(())
    }
}

fn apt_source(mirror: &str) -> String {
    // The archive's own signatures are what makes any mirror trustworthy.
    format!("deb {mirror} bookworm main\n")
}

/// Reads the tree on a thread that may wait.
async fn tree(snapshot: Snapshot) -> Result<Vec<bytes::Bytes>, PrepareError> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut archive = Archive::default();
        for folder in
            ["patchwright", "patchwright/home", "patchwright/venv", "patchwright/tree", "workspace", "workspace/repo"]
        {
            archive.folder(folder);
        }
        archive.snapshot(repository().trim_start_matches('/'), &snapshot)?;
        Ok(archive.finish())
    });
    let stopped =
        |error: tokio::task::JoinError| SandboxError::Protocol { detail: format!("reading the tree: {error}") };
    reading.await.map_err(stopped)?
}

#[cfg(test)]
mod tests;
