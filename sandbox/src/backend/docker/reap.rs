//! What dead processes left in an engine: containers, and volumes, networks and images that bear a process's label.
//!
//! Everything else is foreign and is not even looked at.

use std::collections::HashMap;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveImageOptionsBuilder, RemoveVolumeOptions,
};
use futures_util::StreamExt as _;

use super::container::BOOT_LABEL;
use super::engine::{Engine, is_absent};
use super::running::remove;
use crate::error::SandboxError;
use crate::reap::{self, Owner, ReapReport};

/// Removals that are asked for at the same time: an engine works on several, and is not to be flooded.
const AT_ONCE: usize = 8;

/// Something in an engine that bears the label of a process.
#[derive(Debug, Clone)]
struct Owned {
    kind: Kind,
    id: String,
    name: String,
    boot: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Volume,
    Network,
    Image,
}

/// Removes what belongs to dead processes.
pub(super) async fn reap(engine: &Engine, boot: &str) -> Result<ReapReport, SandboxError> {
    let mut report = ReapReport::default();
    reap::reap_folders(&mut report, boot);
    // Containers first: they hold the others.
    for kind in [Kind::Container, Kind::Volume, Kind::Network, Kind::Image] {
        let (dead, alive): (Vec<_>, Vec<_>) =
            owned(engine, kind).await?.into_iter().partition(|it| it.boot != boot && is_dead(&it.boot));
        report.kept.extend(alive.into_iter().map(|it| it.name));
        let removals = dead.into_iter().map(|it| async move {
            let removed = remove_one(engine, &it).await;
            (it.name, removed)
        });
        let mut removals = futures_util::stream::iter(removals).buffer_unordered(AT_ONCE);
        while let Some((name, removed)) = removals.next().await {
            match removed {
                Ok(()) => report.removed.push(name),
                Err(error) => report.failed.push((name, error.to_string())),
            }
        }
    }
    Ok(report)
}

fn is_dead(boot: &str) -> bool {
    reap::owner(boot) == Owner::Dead
}

async fn owned(engine: &Engine, kind: Kind) -> Result<Vec<Owned>, SandboxError> {
    let docker = &engine.docker;
    let filters = HashMap::from([("label".to_owned(), vec![BOOT_LABEL.to_owned()])]);
    Ok(match kind {
        Kind::Container => {
            let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let found = engine.ask("list containers", docker.list_containers(Some(options))).await?;
            let name = |names: Option<Vec<String>>| names.and_then(|it| it.into_iter().next()).unwrap_or_default();
            found
                .into_iter()
                .filter_map(|it| Some(of(kind, it.id?, name(it.names).trim_start_matches('/').to_owned(), &it.labels?)))
                .collect()
        }
        Kind::Volume => {
            let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
            let found = engine.ask("list volumes", docker.list_volumes(Some(options))).await?;
            let volumes = found.volumes.unwrap_or_default().into_iter();
            volumes.map(|it| of(kind, it.name.clone(), it.name, &it.labels)).collect()
        }
        Kind::Network => {
            let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let found = engine.ask("list networks", docker.list_networks(Some(options))).await?;
            found
                .into_iter()
                .filter_map(|it| Some(of(kind, it.id?, it.name.unwrap_or_default(), &it.labels?)))
                .collect()
        }
        Kind::Image => {
            let options = ListImagesOptionsBuilder::new().filters(&filters).build();
            let found = engine.ask("list images", docker.list_images(Some(options))).await?;
            found
                .into_iter()
                .map(|it| of(kind, it.id.clone(), it.repo_tags.into_iter().next().unwrap_or(it.id), &it.labels))
                .collect()
        }
    })
}

fn of(kind: Kind, id: String, name: String, labels: &HashMap<String, String>) -> Owned {
    Owned { kind, id, name, boot: labels.get(BOOT_LABEL).cloned().unwrap_or_default() }
}

async fn remove_one(engine: &Engine, it: &Owned) -> Result<(), SandboxError> {
    let docker = &engine.docker;
    let removed = match it.kind {
        Kind::Container => return remove(engine, &it.id).await,
        Kind::Volume => engine.work("remove a volume", docker.remove_volume(&it.id, None::<RemoveVolumeOptions>)).await,
        Kind::Network => engine.work("remove a network", docker.remove_network(&it.id)).await,
        Kind::Image => {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            engine.work("remove an image", docker.remove_image(&it.id, Some(options), None)).await.map(drop)
        }
    };
    // Somebody else was quicker.
    removed.or_else(|error| if is_absent(&error) { Ok(()) } else { Err(error) })
}
