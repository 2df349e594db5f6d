//! Pinning: what a name stands for now, so that a tag that moves, or an image for other machines, is noticed and not run.

use super::name;
use crate::backend::ImageProgressFn;
use crate::backend::docker::DockerBackend;
use crate::error::SandboxError;
use crate::spec::ImageRef;

/// An image by its content.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pinned {
    /// The name that was asked for.
    pub name: ImageRef,
    /// The engine's id of it: a digest of everything in it.
    pub id: String,
    /// The registry's digest, where it came from one.
    pub digest: Option<String>,
}

/// Makes sure of an image, pulling it if it is not there, and pins it.
///
/// With `known`, what an earlier run pinned under this name, it has to be the same still.
///
/// # Errors
/// When the name is none, there is no such image, it is for other machines, or its tag has moved.
pub async fn pin(
    backend: &DockerBackend,
    image: &ImageRef,
    known: Option<&Pinned>,
    progress: &ImageProgressFn<'_>,
) -> Result<Pinned, SandboxError> {
    name::check(image.as_str())?;
    let engine = backend.engine();
    super::ensure(engine, image, progress).await?;
    let found = engine.ask("inspect an image", engine.docker.inspect_image(image.as_str())).await?;
    let gone = || SandboxError::ImageMissing { image: image.to_string(), reason: "it was removed".to_owned() };
    let id = found.id.ok_or_else(gone)?;
    let (has, wants) = (found.architecture.unwrap_or_default(), backend.architecture());
    if !has.is_empty() && has != wants {
        return Err(SandboxError::ImageArchitecture { image: image.to_string(), has, wants: wants.to_owned() });
    }
    let repository = image.as_str().split('@').next().unwrap_or_default();
    let repository =
        repository.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(repository, |(name, _)| name);
    let digests = found.repo_digests.unwrap_or_default();
    let digest = digests.iter().find_map(|it| it.strip_prefix(repository)?.strip_prefix('@').map(str::to_owned));
    let pinned = Pinned { name: image.clone(), id, digest };
    match known.filter(|known| known.id != pinned.id) {
        Some(known) => Err(SandboxError::ImageMoved { image: image.to_string(), was: known.id.clone(), is: pinned.id }),
        None => Ok(pinned),
    }
}

#[cfg(test)]
mod tests {
    use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder};
    use futures_util::StreamExt as _;

    use super::*;

    /// Makes an image of nothing but a file with this name.
    async fn import(backend: &DockerBackend, tag: &str, content: &str, platform: &str) -> ImageRef {
        let options = CreateImageOptionsBuilder::new()
            .from_src("-")
            .repo("patchwright/pin-test")
            .tag(tag)
            .platform(platform)
            .build();
        let mut header = vec![0_u8; 1536];
        header[..content.len()].copy_from_slice(content.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(b"00000000000");
        header[136..147].copy_from_slice(b"00000000000");
        header[148..156].fill(b' ');
        header[156] = b'0';
        let sum: u64 = header[..512].iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let body = bollard::body_full(header.into());
        let mut events = backend.engine().docker.create_image(Some(options), Some(body), None);
        while let Some(event) = events.next().await {
            event.unwrap();
        }
        ImageRef::new(format!("patchwright/pin-test:{tag}"))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_tag_that_moved_an_image_for_others_and_one_that_is_not_there_are_told_apart() {
        let Some(backend) = crate::testing::docker().await else { return };
        let tag = uuid::Uuid::new_v4().simple().to_string();
        let image = import(&backend, &tag, "one", "").await;
        let first = pin(&backend, &image, None, &|_| {}).await.unwrap();
        assert!(first.id.starts_with("sha256:"), "{first:?}");
        assert_eq!(pin(&backend, &image, Some(&first), &|_| {}).await.unwrap(), first);
        // By its content the first stays what it is, whoever moves the name.
        import(&backend, &tag, "two", "").await;
        let moved = pin(&backend, &image, Some(&first), &|_| {}).await.unwrap_err();
        assert!(matches!(&moved, SandboxError::ImageMoved { was, .. } if *was == first.id), "{moved}");
        assert_eq!(pin(&backend, &ImageRef::new(&first.id), None, &|_| {}).await.unwrap().id, first.id);

        let other = if backend.architecture() == "arm64" { "linux/amd64" } else { "linux/arm64" };
        let foreign = import(&backend, &format!("{tag}-foreign"), "three", other).await;
        match pin(&backend, &foreign, None, &|_| {}).await {
            Err(error) => assert!(matches!(error, SandboxError::ImageArchitecture { .. }), "{error}"),
            // Engines before API 1.42 import for their own platform whatever they are asked.
            Ok(pinned) => eprintln!("this engine cannot import for {other}: {pinned:?}"),
        }
        let missing = ImageRef::new("patchwright/pin-test:none");
        let error = pin(&backend, &missing, None, &|_| {}).await.unwrap_err();
        assert!(matches!(error, SandboxError::ImageMissing { .. }), "{error}");
        let error = pin(&backend, &ImageRef::new("Not A Name"), None, &|_| {}).await.unwrap_err();
        assert!(matches!(error, SandboxError::ImageName { .. }), "{error}");
        for name in [image.as_str(), foreign.as_str(), &first.id] {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            backend.engine().docker.remove_image(name, Some(options), None).await.unwrap();
        }
    }
}
