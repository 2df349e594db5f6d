//! Boxes as containers of a Docker Engine, hardened so that nothing but time and the given limits can be used up.
//!
//! A container has no network, no capabilities, no writable file but in-memory file systems of a limited size, and nothing of
//! this machine mounted into it but the folder in which its own workspaces appear. It is labelled with its owner, so that the next
//! start removes what a killed process left.

mod collect;
mod container;
mod engine;
mod probe;
mod reap;
mod running;
mod station;

pub use self::collect::OldImage;
use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::errors::Error;
use bollard::models::SystemInfo;
use bollard::query_parameters::{AttachContainerOptionsBuilder, StartContainerOptions};
use parking_lot::Mutex;

use self::container::{Groups, Offer};
use self::engine::is_absent;
use self::running::Running;
use self::station::StationImages;

pub(crate) use self::container::{BOOT_LABEL, SetupUser, repository};
pub(crate) use self::engine::Engine;
pub(crate) use self::running::{Container, remove};
use super::{Backend, BackendKind, Check, ConnectOptions, ImageProgressFn, Isolation, Launched, Layer};
use crate::error::SandboxError;
use crate::image;
use crate::reap::ReapReport;
use crate::spec::{ImageRef, SandboxSpec};
use crate::station::helper;
use crate::workspace::{means, mounts};

/// A connection to a Docker Engine.
#[derive(Debug)]
pub struct DockerBackend {
    engine: Engine,
    info: SystemInfo,
    offer: Offer,
    /// Ids of images that were looked up: a tag that moves later does not change what runs.
    images: Mutex<HashMap<String, String>>,
    default_image: tokio::sync::Mutex<Option<ImageRef>>,
    stations: StationImages,
}

impl DockerBackend {
    /// Connects, and removes the containers of dead processes.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, SandboxError> {
        let backend = Self::open(options).await?;
        backend.reap(&crate::reap::current_boot()).await?;
        Ok(backend)
    }

    /// Removes images of environments that were made more than `age` ago and that nothing uses; a dry run only lists them.
    ///
    /// # Errors
    /// When the engine cannot say which images it has.
    pub async fn collect_images(&self, age: Duration, dry_run: bool) -> Result<Vec<OldImage>, SandboxError> {
        collect::collect(&self.engine, age, dry_run).await
    }

    async fn open(options: &ConnectOptions) -> Result<Self, SandboxError> {
        let engine = Engine::connect(options).await?;
        let info = engine.ask("describe itself", engine.docker.info()).await?;
        let security = info.security_options.as_deref().unwrap_or_default();
        let offer = Offer {
            init: offers_init(&info),
            seccomp: security.iter().any(|option| option.contains("name=seccomp")),
            groups: Groups { memory: info.memory_limit.unwrap_or(false), processes: info.pids_limit.unwrap_or(false) },
            cpus: info.ncpu.map_or(1.0, |count| count as f64),
            runtime: runtime(&info, options.runtime.as_deref())?,
            group: options.cgroup_parent.clone(),
        };
        Ok(Self {
            engine,
            info,
            offer,
            images: Mutex::default(),
            default_image: tokio::sync::Mutex::default(),
            stations: StationImages::default(),
        })
    }

    async fn image_id(&self, image: &ImageRef) -> Result<String, SandboxError> {
        if let Some(id) = self.images.lock().get(image.as_str()) {
            return Ok(id.clone());
        }
        let id = self.engine.image_id(image.as_str()).await?.ok_or_else(|| SandboxError::ImageMissing {
            image: image.to_string(),
            reason: "it is not among the engine's images".into(),
        })?;
        self.images.lock().insert(image.as_str().to_owned(), id.clone());
        Ok(id)
    }

    async fn create(
        &self,
        spec: &SandboxSpec,
        image_id: &str,
        argv: &[String],
        offer: &Offer,
    ) -> Result<Container, SandboxError> {
        Container::create(&self.engine, &spec.labels, container::body(spec, image_id, argv, offer)).await
    }

    async fn image_of(&self, spec: &SandboxSpec) -> Result<ImageRef, SandboxError> {
        if let Some(image) = &spec.image {
            return Ok(image.clone());
        }
        self.prepare(None, &|_| {})
            .await?
            .ok_or_else(|| SandboxError::ImageMissing { image: "(none)".into(), reason: "no image was named".into() })
    }

    async fn start(&self, mut container: Container, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        let docker = self.engine.docker.clone();
        let id = container.id().to_owned();
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
        let attached = self.engine.work("attach to a container", docker.attach_container(&id, Some(options))).await?;
        let starting = docker.start_container(&id, None::<StartContainerOptions>);
        match self.engine.work("start a container", starting).await {
            Ok(()) => Ok(Box::new(Running::new(container, attached))),
            Err(SandboxError::Engine { source: Error::DockerResponseServerError { message, .. }, .. }) => {
                container.remove().await?;
                let program = argv.first().cloned().unwrap_or_default();
                Err(SandboxError::Launch { backend: "docker", program, step: "start the program", reason: message })
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the connection.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the architecture of the engine's machine, in the words of images.
    pub(crate) fn architecture(&self) -> &str {
        match self.info.architecture.as_deref().unwrap_or_default() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "armv7l" | "armv6l" => "arm",
            "i686" | "i386" => "386",
            other => other,
        }
    }

    /// Creates a container in which an environment is made. It is not started.
    pub(crate) async fn create_setup(
        &self,
        spec: &SandboxSpec,
        image_id: &str,
        network: &str,
        user: SetupUser,
        secrets: &str,
    ) -> Result<Container, SandboxError> {
        let body = container::setup_body(spec, image_id, network, user, secrets, &self.offer);
        Container::create(&self.engine, &spec.labels, body).await
    }

    async fn launch_with(
        &self,
        spec: &SandboxSpec,
        argv: &[String],
        offer: &Offer,
    ) -> Result<Box<dyn Launched>, SandboxError> {
        let image = self.image_of(spec).await?;
        let argv = &seeded(spec, argv);
        let image_id = self.image_id(&image).await?;
        let container = match self.create(spec, &image_id, argv, offer).await {
            // The image was removed since it was looked up.
            Err(error) if is_absent(&error) => {
                self.images.lock().remove(image.as_str());
                let image_id = self.image_id(&image).await?;
                self.create(spec, &image_id, argv, offer).await?
            }
            other => other?,
        };
        self.start(container, argv).await
    }

    fn version(&self) -> &str {
        self.info.server_version.as_deref().unwrap_or("of unknown version")
    }
}

/// Returns the runtime that was asked for, if the engine has it.
fn runtime(info: &SystemInfo, wanted: Option<&str>) -> Result<Option<String>, SandboxError> {
    let Some(wanted) = wanted else { return Ok(None) };
    let mut known: Vec<&str> = info.runtimes.iter().flatten().map(|(name, _)| name.as_str()).collect();
    if known.contains(&wanted) {
        return Ok(Some(wanted.to_owned()));
    }
    known.sort_unstable();
    Err(SandboxError::RuntimeMissing { runtime: wanted.to_owned(), known: known.join(", ") })
}

/// An engine that lacks the program still accepts the wish, and fails when the container starts.
fn offers_init(info: &SystemInfo) -> bool {
    // The engine reports the name it was configured with; whether the file exists shows in the commit it asked the file for.
    let named = info.init_binary.as_deref().filter(|name| !name.is_empty());
    named.is_some_and(|name| {
        let folders = ["/usr/bin", "/usr/local/bin", "/usr/libexec/docker", "/usr/libexec"];
        let answered = info.init_commit.as_ref().and_then(|commit| commit.id.as_deref());
        answered.is_some_and(|id| !id.is_empty() && id != "N/A")
            || folders.iter().any(|folder| std::path::Path::new(folder).join(name).exists())
    })
}

/// Puts the filling of the workspace in front of a program.
fn seeded(spec: &SandboxSpec, argv: &[String]) -> Vec<String> {
    let Some(seed) = &spec.seed else { return argv.to_vec() };
    // The driver's own folder, where setting up took place too: what was installed there by its path is found.
    let folder = shell_words::quote(&repository()).into_owned();
    let line = format!("mkdir -p {folder} && cp -a \"$0\"/. {folder}/ && exec \"$@\"");
    let front = ["/bin/sh".to_owned(), "-c".to_owned(), line, seed.clone()];
    front.into_iter().chain(argv.iter().cloned()).collect()
}

#[async_trait]
impl Backend for DockerBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Docker
    }

    fn describe(&self) -> Isolation {
        let unless = |name, there: bool, why: &str| Layer { name, missing: (!there).then(|| why.to_owned()) };
        let security = self.info.security_options.as_deref().unwrap_or_default();
        let has = |name: &str| security.iter().any(|option| option.contains(&format!("name={name}")));
        let info = &self.info;
        let mut layers = vec![
            unless("network namespace without a network", true, ""),
            unless("read-only root", true, ""),
            unless("no capabilities, no new privileges", true, ""),
            unless("unprivileged user", true, ""),
            unless("system call filter", self.offer.seccomp, "the engine was built or configured without seccomp"),
            unless(
                "memory limit",
                self.offer.groups.memory,
                "the engine has no memory controller; each process is limited instead of the whole box",
            ),
            unless("swap limit", info.swap_limit.unwrap_or(false), "the engine's kernel does not count swap"),
            unless(
                "process limit",
                self.offer.groups.processes,
                "the engine has no pids controller; the boxes' user is limited instead of each box",
            ),
            unless("processor limit", info.cpu_cfs_quota.unwrap_or(false), "the engine's kernel lacks cpu quotas"),
            unless("init program", self.offer.init, "docker-init is not installed beside the engine"),
            unless(
                "user namespace",
                has("userns") || has("rootless"),
                "the engine runs neither rootless nor with userns-remap",
            ),
        ];
        layers.push(means::layer(self));
        Isolation { backend: BackendKind::Docker, trusted_only: false, layers }
    }

    async fn prepare(
        &self,
        image: Option<&ImageRef>,
        progress: &ImageProgressFn<'_>,
    ) -> Result<Option<ImageRef>, SandboxError> {
        let mut default = self.default_image.lock().await;
        let image = match (image, &*default) {
            (Some(image), _) => image::ensure(&self.engine, image, progress).await?,
            (None, Some(image)) if self.engine.image_id(image.as_str()).await?.is_some() => image.clone(),
            (None, _) => {
                let image = image::ensure_python(&self.engine, progress).await?;
                *default = Some(image.clone());
                image
            }
        };
        drop(default);
        self.images.lock().remove(image.as_str());
        self.image_id(&image).await?;
        Ok(Some(image))
    }

    async fn image_digest(&self, spec: &SandboxSpec) -> Result<Option<String>, SandboxError> {
        match &spec.image {
            Some(image) => Ok(Some(self.image_id(image).await?)),
            None => Ok(None),
        }
    }

    async fn python(&self, spec: &SandboxSpec) -> Result<String, SandboxError> {
        Ok(spec.python.clone().unwrap_or_else(|| "python3".into()))
    }

    async fn launch(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        self.launch_with(spec, argv, &self.offer).await
    }

    async fn launch_first(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        self.launch_with(spec, argv, &self.offer.without_init()).await
    }

    async fn launch_station(&self, spec: &SandboxSpec) -> Result<Box<dyn Launched>, SandboxError> {
        let image = self.image_of(spec).await?;
        let argv = [helper::PATH.to_owned()];
        // The helper is the box's first process itself. An init program in front would hold the streams of the protocol open for
        // whoever runs as the same user, and could be killed.
        let offer = self.offer.without_init();
        let station = self.stations.image(&self.engine, &self.image_id(&image).await?).await?;
        let container = match self.create(spec, &station, &argv, &offer).await {
            Err(error) if is_absent(&error) => {
                self.images.lock().remove(image.as_str());
                self.stations.forget(&station).await;
                let station = self.stations.image(&self.engine, &self.image_id(&image).await?).await?;
                self.create(spec, &station, &argv, &offer).await?
            }
            other => other?,
        };
        self.start(container, &argv).await
    }

    fn first_node(&self) -> String {
        repository()
    }

    fn shows_mounts(&self) -> Result<(), String> {
        let security = self.info.security_options.as_deref().unwrap_or_default();
        for (name, why) in [
            ("name=rootless", "the engine is rootless and has mounts of its own"),
            ("name=userns", "the engine remaps users, so that workspaces would belong to nobody"),
        ] {
            if security.iter().any(|option| option.contains(name)) {
                return Err(why.to_owned());
            }
        }
        Ok(())
    }

    async fn recover(&self, patience: Duration) -> Result<(), SandboxError> {
        self.engine.recover(patience).await
    }

    async fn reap(&self, boot: &str) -> Result<ReapReport, SandboxError> {
        self.engine.remove_left().await;
        let mut report = self::reap::reap(&self.engine, boot).await?;
        mounts::reap(boot, &mut report);
        Ok(report)
    }

    async fn probe(&self) -> Vec<Check> {
        probe::probe(self).await
    }
}

#[cfg(test)]
mod tests;
