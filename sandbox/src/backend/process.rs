//! Boxes as confined processes of this machine, for code that is trusted not to attack the kernel.
//!
//! A box is a set of namespaces with a file system of its own, under a system call filter and landlock, as an unprivileged user
//! with limits. What the kernel or the administrator does not allow is left out, layer by layer, and reported: see
//! [`Backend::describe`]. Which layers can be had is found by building a box and looking at where it fails.

mod cgroup;
mod child;
mod filter;
mod interpreter;
mod launch;
mod layers;
mod root;
mod running;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use nix::errno::Errno;
use parking_lot::Mutex;

use self::cgroup::Cgroups;
use self::interpreter::Interpreter;
use self::launch::{Place, Refusal, Request};
use self::layers::{Builder, LayerId, Layers};
use self::running::{Reach, Running};
use super::{Backend, BackendKind, Check, ImageProgressFn, Isolation, Launched, environment};
use crate::error::SandboxError;
use crate::limits::Limits;
use crate::reap::{self, ReapReport, new_name};
use crate::spec::{ImageRef, SandboxSpec};
use crate::station::helper;
use crate::workspace::{means, mounts};

/// The kernel of this machine as a maker of boxes.
#[derive(Debug)]
pub struct ProcessBackend {
    layers: Layers,
    cgroups: Cgroups,
    /// Interpreters that were asked already.
    interpreters: Mutex<Vec<(Option<String>, Interpreter)>>,
}

impl ProcessBackend {
    /// Finds out which layers of confinement this machine allows, and removes what dead processes left.
    pub async fn connect() -> Result<Self, SandboxError> {
        Self::with_layers(Layers::all(first_builder())).await
    }

    async fn with_layers(mut layers: Layers) -> Result<Self, SandboxError> {
        let name = new_name(&reap::current_boot());
        let (cgroups, refused) = Cgroups::find(&name);
        for (layer, reason) in refused {
            layers.remove(layer, reason);
        }
        if launch::landlock_version().is_none() {
            layers.remove(LayerId::Landlock, "this kernel does not have it, or it is not among its `lsm=` modules");
        }
        let mut backend = Self { layers, cgroups, interpreters: Mutex::new(Vec::new()) };
        backend.find_layers().await?;
        backend.reap(&reap::current_boot()).await?;
        Ok(backend)
    }

    /// Builds boxes without a program until one comes up, leaving out the layer each failed at.
    async fn find_layers(&mut self) -> Result<(), SandboxError> {
        // Each round leaves out a layer or changes the builder, so the rounds are bounded.
        for _ in 0..LayerId::ALL.len() + 4 {
            match self.trial().await {
                Ok(()) => return Ok(()),
                Err(Refusal::Clone(error)) => self.weaken_namespaces(error),
                Err(Refusal::Step(step, error)) => match LayerId::of_step(step) {
                    Some(layer) if self.layers.has(layer) => {
                        self.layers.remove(layer, format!("failed to {}: {}", step.name(), error.desc()));
                    }
                    _ => return Err(launch_error("", Refusal::Step(step, error))),
                },
                Err(refusal @ Refusal::Parent(..)) => return Err(launch_error("", refusal)),
            }
        }
        Err(launch_error("", Refusal::Parent("find the layers of confinement", "no end of refusals".into())))
    }

    fn weaken_namespaces(&mut self, error: Errno) {
        match self.layers.builder {
            Builder::Root => self.layers.builder = Builder::UserNamespace,
            Builder::UserNamespace | Builder::None => {
                self.layers.builder = match first_builder() {
                    Builder::Root => Builder::Root,
                    Builder::UserNamespace | Builder::None => Builder::None,
                };
                for layer in LayerId::NAMESPACES.into_iter().chain([LayerId::Seal]) {
                    self.layers.remove(layer, format!("namespaces are refused: {}", error.desc()));
                }
            }
        }
    }

    async fn trial(&self) -> Result<(), Refusal> {
        let user = self.user();
        let (place, _folder) = self
            .place(&new_name(&reap::current_boot()), user)
            .map_err(|error| Refusal::Parent("make a workspace", error.to_string()))?;
        let request = Request {
            name: new_name(&reap::current_boot()),
            layers: self.layers.clone(),
            cgroups: self.cgroups.clone(),
            interpreter: Interpreter::none(),
            limits: Limits::default(),
            place,
            nodes: None,
            user,
            programs: Vec::new(),
            argv: Vec::new(),
            env: Vec::new(),
            own: None,
        };
        let reach = self.reach();
        let started = launch::on_launcher(move || launch::start(&request)).await??;
        let trial = Running::new(started, PathBuf::new(), reach, None)
            .map_err(|error| Refusal::Parent("watch a trial", error.to_string()))?;
        Box::new(trial).close().await.map_err(|error| Refusal::Parent("end a trial", error.to_string()))
    }

    fn reach(&self) -> Reach {
        if self.layers.has(LayerId::Processes) { Reach::Namespace } else { Reach::Descendants }
    }

    /// Returns the user of the next box. Where no user namespace can count its processes, a number that nobody else uses does.
    fn user(&self) -> u32 {
        /// The numbers systemd gives to services that have no user of their own.
        const SPARE: std::ops::Range<u32> = 61_184..65_520;
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if self.layers.has(LayerId::Seal) || self.layers.builder != Builder::Root {
            return launch::NOBODY;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_add(u64::from(std::process::id()).wrapping_mul(31));
        let offset = count % u64::from(SPARE.end - SPARE.start);
        SPARE.start + u32::try_from(offset).unwrap_or_default()
    }

    fn place(&self, name: &str, user: u32) -> std::io::Result<(Place, Option<tempfile::TempDir>)> {
        if self.layers.has(LayerId::Mounts) {
            return Ok((Place::Inside, None));
        }
        let folder = tempfile::Builder::new().prefix(name).rand_bytes(0).tempdir()?;
        let (workspace, scratch) = (folder.path().join("workspace"), folder.path().join("tmp"));
        let changes_user = self.layers.builder == Builder::Root && self.layers.has(LayerId::Identity);
        for path in [&workspace, &scratch] {
            std::fs::create_dir(path)?;
            if changes_user {
                std::os::unix::fs::chown(path, Some(user), Some(user))?;
            }
        }
        if changes_user {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        }
        Ok((Place::Folders { workspace, scratch }, Some(folder)))
    }

    async fn start(
        &self,
        spec: &SandboxSpec,
        interpreter: Interpreter,
        program: Program<'_>,
    ) -> Result<Box<dyn Launched>, SandboxError> {
        let box_name = new_name(&spec.labels.boot);
        let user = self.user();
        let in_temporary = |what| move |source| SandboxError::File { what, path: std::env::temp_dir(), source };
        let (place, folder) = self.place(&box_name, user).map_err(in_temporary("make a workspace in"))?;
        let (workspace, scratch) = (place.workspace(), place.scratch());
        let first_path = interpreter.executable.parent().map(|folder| folder.to_string_lossy());
        let first_path = first_path.as_deref().filter(|folder| !folder.is_empty());
        let env =
            environment::variables(&workspace.to_string_lossy(), &scratch.to_string_lossy(), first_path, &spec.env);
        let (argv, own) = match program {
            Program::OfBox(argv) => (argv.to_vec(), None),
            Program::Helper => {
                let path = helper_path(folder.as_ref()).map_err(in_temporary("put the helper into"))?;
                (vec![path.to_string_lossy().into_owned()], Some((path, helper::PROGRAM)))
            }
        };
        let name = argv.first().cloned().unwrap_or_default();
        let request = Request {
            name: box_name,
            layers: self.layers.clone(),
            cgroups: self.cgroups.clone(),
            interpreter,
            limits: spec.limits.clone(),
            place,
            nodes: spec.nodes.as_ref().map(|nodes| nodes.path().to_owned()),
            user,
            programs: programs(&name, &env),
            argv,
            env,
            own,
        };
        if request.programs.is_empty() {
            return Err(launch_error(&name, Refusal::Parent("find the program", "no name was given".into())));
        }
        let started = launch::on_launcher(move || launch::start(&request))
            .await
            .and_then(|result| result)
            .map_err(|refusal| launch_error(&name, refusal))?;
        Ok(Box::new(Running::new(started, workspace, self.reach(), folder)?))
    }

    async fn interpreter(&self, spec: &SandboxSpec) -> Result<Interpreter, SandboxError> {
        let known = self.interpreters.lock().iter().find(|(name, _)| *name == spec.python).map(|(_, it)| it.clone());
        if let Some(interpreter) = known {
            return Ok(interpreter);
        }
        let interpreter = interpreter::find(spec.python.as_deref()).await?;
        self.interpreters.lock().push((spec.python.clone(), interpreter.clone()));
        Ok(interpreter)
    }
}

/// What a box starts.
#[derive(Debug, Clone, Copy)]
enum Program<'a> {
    /// A program that is there.
    OfBox(&'a [String]),
    /// The helper of a station, which is put there.
    Helper,
}

fn first_builder() -> Builder {
    if nix::unistd::geteuid().is_root() { Builder::Root } else { Builder::UserNamespace }
}

fn launch_error(program: &str, refusal: Refusal) -> SandboxError {
    let (step, reason) = match refusal {
        Refusal::Clone(error) => ("make namespaces", error.desc().to_owned()),
        Refusal::Step(step, error) => (step.name(), error.desc().to_owned()),
        Refusal::Parent(step, reason) => (step, reason),
    };
    SandboxError::Launch { backend: "process", program: program.to_owned(), step, reason }
}

/// Returns where the helper of a station lies: in the box's own root, or in a file of this machine where it has none.
fn helper_path(folder: Option<&tempfile::TempDir>) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(folder) = folder else { return Ok(helper::PATH.into()) };
    let path = folder.path().join("station");
    std::fs::write(&path, helper::PROGRAM)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Returns where a program may be: the path itself, or its name in every folder of the box's `PATH`.
fn programs(name: &str, env: &[(String, String)]) -> Vec<PathBuf> {
    if name.contains('/') {
        return vec![name.into()];
    }
    let path = env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    path.split(':').filter(|folder| !folder.is_empty()).map(|folder| Path::new(folder).join(name)).collect()
}

#[async_trait]
impl Backend for ProcessBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Process
    }

    fn describe(&self) -> Isolation {
        let mut isolation = self.layers.report();
        isolation.layers.push(means::layer(self));
        isolation
    }

    async fn prepare(
        &self,
        _image: Option<&ImageRef>,
        _progress: &ImageProgressFn<'_>,
    ) -> Result<Option<ImageRef>, SandboxError> {
        Ok(None)
    }

    async fn python(&self, spec: &SandboxSpec) -> Result<String, SandboxError> {
        Ok(self.interpreter(spec).await?.executable.to_string_lossy().into_owned())
    }

    async fn launch(&self, spec: &SandboxSpec, argv: &[String]) -> Result<Box<dyn Launched>, SandboxError> {
        let interpreter = self.interpreter(spec).await?;
        self.start(spec, interpreter, Program::OfBox(argv)).await
    }

    async fn launch_station(&self, spec: &SandboxSpec) -> Result<Box<dyn Launched>, SandboxError> {
        let interpreter = match self.interpreter(spec).await {
            // What a station runs need not be Python.
            Err(_) if spec.python.is_none() => Interpreter::none(),
            other => other?,
        };
        self.start(spec, interpreter, Program::Helper).await
    }

    fn shows_mounts(&self) -> Result<(), String> {
        if self.layers.builder != Builder::Root {
            return Err("only the superuser's mounts can be shown to a box".into());
        }
        for layer in [LayerId::Mounts, LayerId::Seal] {
            if !self.layers.has(layer) {
                return Err(format!("boxes lack a layer that this needs: {}", layer.name()));
            }
        }
        Ok(())
    }

    async fn reap(&self, boot: &str) -> Result<ReapReport, SandboxError> {
        let mut report = ReapReport::default();
        for name in self.cgroups.names() {
            reap::remove_if_dead(&mut report, &name, boot, || self.cgroups.remove(&name));
        }
        reap::reap_folders(&mut report, boot);
        mounts::reap(boot, &mut report);
        Ok(report)
    }

    async fn probe(&self) -> Vec<Check> {
        let mut checks = vec![Check::good("process sandbox", "for trusted code only: it shares this machine's kernel")];
        for layer in self.describe().layers {
            checks.push(match layer.missing {
                None => Check::good(layer.name, "in force"),
                Some(reason) => Check::bad(layer.name, reason, "allow it in the kernel's settings, or use Docker"),
            });
        }
        checks.push(means::examine(self, None).await);
        checks.push(match interpreter::find(None).await {
            Ok(python) => Check::good("python", format!("{} {}", python.version, python.executable.display())),
            Err(error) => Check::bad("python", error.to_string(), "install Python 3 or name an interpreter"),
        });
        checks
    }
}

#[cfg(test)]
mod tests;
