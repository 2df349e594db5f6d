//! `patchwright doctor`: examines this machine and says what is missing, with what to do about it.

use sandbox::backend::docker::DockerBackend;
use sandbox::{Backend, BackendKind, Check, Labels, SandboxSpec};
use serde_json::json;

use super::exit::{self, Ending, Failure};
use super::settings;
use super::setup::Setup;
use crate::pipeline::checkout;

/// Room that must be free where jobs and indexes are kept, in bytes.
const LEAST_ROOM: u64 = 1 << 30;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also repair what can be repaired: build the base image, remove what dead runs left.
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    engine: settings::Engine,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    setup: Setup,
}

/// The checks of one subject.
struct Section {
    name: &'static str,
    checks: Vec<Check>,
    usable: bool,
}

pub(super) async fn run(args: &Args) -> Result<Ending, Failure> {
    let (docker, process) = tokio::join!(
        examine(BackendKind::Docker, "docker sandbox", args),
        examine(BackendKind::Process, "process sandbox", args)
    );
    let environments = environments(args).await?;
    let storage = storage();
    let sections = [docker, process, storage, environments];
    // One sandbox is enough; storage is needed; environments are for those repositories that need one.
    let good = (sections[0].usable || sections[1].usable) && sections[2].usable;
    if args.json {
        let shown: Vec<_> = sections
            .iter()
            .map(|section| json!({ "name": section.name, "usable": section.usable, "checks": section.checks }))
            .collect();
        exit::print(format!("{}\n", json!({ "schema": 1, "good": good, "sections": shown })).as_bytes())?;
    } else {
        exit::print(sections.iter().map(text_of).collect::<String>().as_bytes())?;
        exit::talk(if good {
            "ready to fix issues"
        } else {
            "not usable yet: see the lines marked `no`, and try `patchwright doctor --fix`"
        });
    }
    Ok(if good { Ending::Done } else { Ending::NoFix })
}

async fn examine(kind: BackendKind, name: &'static str, args: &Args) -> Section {
    let backend = match sandbox::connect(kind, &args.engine.options()).await {
        Ok(backend) => backend,
        Err(error) => {
            let remedy = match kind {
                BackendKind::Docker => "install and start a Docker engine, or use --sandbox process for code you trust",
                BackendKind::Process => "use --sandbox docker",
            };
            return Section { name, checks: vec![Check::bad("reachable", error.to_string(), remedy)], usable: false };
        }
    };
    let mut checks = backend.probe().await;
    if args.fix {
        checks.extend(repair(backend.as_ref()).await);
    }
    // A layer that is missing makes a sandbox weaker, not useless; without an interpreter nothing runs in it.
    let usable = backend.python(&SandboxSpec::new(Labels::for_job("doctor"))).await.is_ok();
    Section { name, checks, usable }
}

async fn environments(args: &Args) -> Result<Section, Failure> {
    let options = args.setup.options()?;
    let checks = match DockerBackend::connect(&args.engine.options()).await {
        Ok(backend) => sandbox::environment::probe(&backend, &options).await,
        Err(error) => vec![Check::bad("engine", error.to_string(), "environments are made by a Docker engine")],
    };
    let usable = checks.iter().all(|check| check.ok);
    Ok(Section { name: "environments", checks, usable })
}

async fn repair(backend: &dyn Backend) -> Vec<Check> {
    let progress = |step: sandbox::ImageProgress| exit::talk(&format!("{step}"));
    let image = match backend.prepare(None, &progress).await {
        Ok(Some(image)) => Some(Check::good("base image", image.to_string())),
        Ok(None) => None,
        Err(error) => Some(Check::bad("base image", error.to_string(), "see above")),
    };
    let reaped = match backend.reap(&sandbox::current_boot()).await {
        Ok(report) => Check::good("left-overs of dead runs", format!("{report}")),
        Err(error) => Check::bad("left-overs of dead runs", error.to_string(), "remove them by hand"),
    };
    image.into_iter().chain([reaped]).collect()
}

fn storage() -> Section {
    let checks: Vec<Check> = [("state folder", checkout::state_dir()), ("cache folder", checkout::cache_dir())]
        .into_iter()
        .map(|(name, path)| {
            let shown = path.display().to_string();
            match settings::make_dir(path.clone())
                .and_then(|_| tempfile::tempfile_in(&path).map_err(|error| Failure::unexpected("not writable", &error)))
            {
                Err(failure) => {
                    Check::bad(name, failure.message, "set XDG_STATE_HOME and XDG_CACHE_HOME to writable folders")
                }
                Ok(_) => match free_bytes(&path) {
                    Some(free) if free < LEAST_ROOM => {
                        Check::bad(name, format!("{shown}: {} MB free", free >> 20), "free at least 1 GB")
                    }
                    _ => Check::good(name, shown),
                },
            }
        })
        .collect();
    let usable = checks.iter().all(|check| check.ok);
    Section { name: "storage", checks, usable }
}

fn free_bytes(path: &std::path::Path) -> Option<u64> {
    let room = nix::sys::statvfs::statvfs(path).ok()?;
    Some(room.blocks_available() * room.fragment_size())
}

fn text_of(section: &Section) -> String {
    let mut text = format!("{}: {}\n", section.name, if section.usable { "usable" } else { "not usable" });
    for check in &section.checks {
        let mark = if check.ok { "ok" } else { "no" };
        text.push_str(&format!("  {mark}  {}: {}\n", check.name, check.detail));
        if let Some(fix) = &check.fix {
            text.push_str(&format!("      {fix}\n"));
        }
    }
    text
}
