//! Images of environments that have grown old.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};

use super::engine::{Engine, is_absent};
use crate::environment::RECIPE_LABEL;
use crate::error::SandboxError;

/// One image that is old, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OldImage {
    /// Its name, or its id where it has none.
    pub name: String,
    /// What it takes; layers that other images have as well are counted too.
    pub bytes: u64,
    /// Whether it went, or would go; not when something uses it.
    pub removed: bool,
    /// Why it stays.
    pub reason: Option<String>,
}

/// Removes images of environments that were made more than `age` ago and that nothing uses; a dry run only lists them.
pub(super) async fn collect(engine: &Engine, age: Duration, dry_run: bool) -> Result<Vec<OldImage>, SandboxError> {
    let filters = HashMap::from([("label".to_owned(), vec![RECIPE_LABEL.to_owned()])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let found = engine.ask("list images", engine.docker.list_images(Some(options))).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut old = Vec::new();
    for image in found.into_iter().filter(|it| is_old(it, now, age)) {
        let name = image.repo_tags.first().cloned().unwrap_or_else(|| image.id.clone());
        let reason = if dry_run { None } else { remove(engine, &name).await.err().map(|it| it.to_string()) };
        old.push(OldImage { name, bytes: image.size.unsigned_abs(), removed: reason.is_none(), reason });
    }
    Ok(old)
}

fn is_old(image: &ImageSummary, now: Duration, age: Duration) -> bool {
    let made = Duration::from_secs(u64::try_from(image.created).unwrap_or(0));
    now.saturating_sub(made) > age
}

/// Without force: the engine refuses to remove what a container stands on.
async fn remove(engine: &Engine, name: &str) -> Result<(), SandboxError> {
    let options = RemoveImageOptionsBuilder::new().build();
    match engine.work("remove an image", engine.docker.remove_image(name, Some(options), None)).await {
        Err(error) if !is_absent(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_from_the_making() {
        let check = |created: i64, expected: bool| {
            let image = ImageSummary { created, ..ImageSummary::default() };
            assert_eq!(is_old(&image, Duration::from_secs(1000), Duration::from_secs(100)), expected, "{created}");
        };
        check(900, false);
        check(899, true);
        check(2000, false);
        check(-5, true);
    }
}
