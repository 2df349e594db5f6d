//! Images with the helper of a [`crate::Station`] in them, each derived once from another image and kept under a tag.
//!
//! The helper gets in as a file of the image and not by a mount, which works with engines of other machines and leaves nothing of
//! this machine in the box.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, ImageSummary};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder, UploadToContainerOptionsBuilder,
};

use super::container::BOOT_LABEL;
use super::engine::{Engine, is_absent};
use super::running::Container;
use crate::error::SandboxError;
use crate::reap;
use crate::spec::Labels;
use crate::station::helper;

/// Under which name the images are kept.
const REPOSITORY: &str = "patchwright/station";
/// The label with the image that one was derived from.
const BASE_LABEL: &str = "patchwright.station.base";
/// Seconds for which an image with another helper is left to the version of this program that made it.
const KEPT_FOR: i64 = 24 * 3600;
/// What the container that is kept as an image would start, which it never does.
const NEVER_RUN: &str = "/nothing";

/// The derived images that are known, by the id of what they were derived from.
#[derive(Debug, Default)]
pub(super) struct StationImages(tokio::sync::Mutex<HashMap<String, String>>);

impl StationImages {
    /// Returns the id of the image with the helper in it, deriving it where there is none.
    pub(super) async fn image(&self, engine: &Engine, base: &str) -> Result<String, SandboxError> {
        let mut known = self.0.lock().await;
        if let Some(id) = known.get(base) {
            return Ok(id.clone());
        }
        let tag = tag(base);
        let id = match engine.image_id(&format!("{REPOSITORY}:{tag}")).await? {
            Some(id) => id,
            None => derive(engine, base, &tag).await?,
        };
        known.insert(base.to_owned(), id.clone());
        Ok(id)
    }

    /// Forgets an image that turned out to be gone.
    pub(super) async fn forget(&self, id: &str) {
        self.0.lock().await.retain(|_, known| known != id);
    }
}

fn tag(base: &str) -> String {
    blake3::hash(format!("{base} {}", helper::digest()).as_bytes()).to_hex()[..24].to_owned()
}

pub(super) async fn derive(engine: &Engine, base: &str, tag: &str) -> Result<String, SandboxError> {
    let body = ContainerCreateBody {
        image: Some(base.to_owned()),
        entrypoint: Some(vec![NEVER_RUN.to_owned()]),
        cmd: Some(Vec::new()),
        labels: Some(HashMap::from([
            (BOOT_LABEL.to_owned(), reap::current_boot()),
            (BASE_LABEL.to_owned(), base.to_owned()),
        ])),
        host_config: Some(HostConfig { network_mode: Some("none".into()), ..Default::default() }),
        ..Default::default()
    };
    let mut container = Container::create(engine, &Labels::for_job("station"), body).await?;
    let kept = keep(engine, container.id(), tag).await;
    container.remove().await?;
    let id = kept?;
    forget_older(engine, base, &id).await?;
    Ok(id)
}

async fn keep(engine: &Engine, container: &str, tag: &str) -> Result<String, SandboxError> {
    let docker = &engine.docker;
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    let body = bollard::body_full(archive().into());
    engine.work("put a file into a container", docker.upload_to_container(container, Some(options), body)).await?;
    // The owner is of the container; an image has none.
    let changes = format!("LABEL {BOOT_LABEL}=\"\"");
    let commit = CommitContainerOptionsBuilder::new()
        .container(container)
        .repo(REPOSITORY)
        .tag(tag)
        .changes(&changes)
        .pause(false)
        .build();
    engine.work("keep an image", docker.commit_container(commit, ContainerConfig::default())).await?;
    // Another process may have kept its own meanwhile; both hold the same, and the tag names one of them.
    engine.image_id(&format!("{REPOSITORY}:{tag}")).await?.ok_or_else(|| SandboxError::ImageMissing {
        image: format!("{REPOSITORY}:{tag}"),
        reason: "it was removed as soon as it was made".into(),
    })
}

/// Removes what was derived from the same image by another process at the same time, and long ago with another helper. What is in
/// use stays, and is found by whoever derives next.
async fn forget_older(engine: &Engine, base: &str, keep: &str) -> Result<(), SandboxError> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{BASE_LABEL}={base}")])]);
    let options = ListImagesOptionsBuilder::new().all(true).filters(&filters).build();
    let found: Vec<ImageSummary> = engine.ask("list images", engine.docker.list_images(Some(options))).await?;
    let is_old = |image: &ImageSummary| image.repo_tags.is_empty() || image.created < seconds_now() - KEPT_FOR;
    for image in found.iter().filter(|image| image.id != keep && is_old(image)) {
        let options = RemoveImageOptionsBuilder::new().force(false).build();
        let removing = engine.docker.remove_image(&image.id, Some(options), None);
        match engine.work("remove an image", removing).await {
            Ok(_) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => tracing::debug!(image = %image.id, %error, "an older station image stays"),
        }
    }
    Ok(())
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Returns a tar archive of the helper and the folder it lies in.
fn archive() -> Vec<u8> {
    const BLOCK: usize = 512;
    let path = helper::PATH.trim_start_matches('/');
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut archive = Vec::with_capacity(helper::PROGRAM.len() + 8 * BLOCK);
    archive.extend(header(&format!("{folder}/"), b'5', 0));
    archive.extend(header(path, b'0', helper::PROGRAM.len()));
    archive.extend_from_slice(helper::PROGRAM);
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    archive
}

/// Returns the header of one entry in the ustar format.
fn header(path: &str, kind: u8, size: usize) -> [u8; 512] {
    let mut header = [0_u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, path);
    field(100, "0000755\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{size:011o}\0"));
    field(136, "00000000000\0");
    field(148, "        ");
    field(257, "ustar\x0000");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
