//! `patchwright gc`: removes what can be made again and was not used for long.

use std::path::Path;
use std::time::Duration;

use sandbox::backend::docker::{DockerBackend, OldImage};
use sandbox::verdict::ResultCache;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::exit::{self, Ending, Failure};
use super::settings;
use crate::pipeline::{FixError, checkout};

/// Arguments of `gc`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What was not used for so many days goes; of images, what was made before.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    older_than: u32,
    /// Say what would go, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Look at the folders only, not at the images of environments in a Docker engine.
    #[arg(long)]
    no_images: bool,
    #[command(flatten)]
    engine: settings::Engine,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// What was, or would be, removed.
#[derive(Debug, Serialize)]
struct Report {
    index: indexer::Collected,
    results: sandbox::verdict::Collected,
    images: Vec<OldImage>,
    /// Why images were not looked at.
    images_skipped: Option<String>,
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> Result<Ending, Failure> {
    let age = Duration::from_secs(u64::from(args.older_than) * 24 * 3600);
    let dry_run = args.dry_run;
    let folders = tokio::task::spawn_blocking(move || folders(&checkout::cache_dir(), age, dry_run)).await;
    let (index, results) = folders.map_err(|error| Failure::unexpected("an internal task failed", &error))??;
    let mut report = Report { index, results, images: Vec::new(), images_skipped: None };
    if args.no_images {
        report.images_skipped = Some("not asked for".to_owned());
    } else {
        tokio::select! {
            found = images(&args.engine, age, dry_run) => match found {
                Ok(images) => report.images = images,
                Err(error) => report.images_skipped = Some(error.to_string()),
            },
            () = stop.cancelled() => return Ok(Ending::Interrupted),
        }
    }
    if args.json {
        let object = json!({ "schema": 1, "dry_run": dry_run, "collected": report });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(text(&report, dry_run).as_bytes())?;
    }
    Ok(Ending::Done)
}

fn folders(
    cache: &Path,
    age: Duration,
    dry_run: bool,
) -> Result<(indexer::Collected, sandbox::verdict::Collected), Failure> {
    let limits = indexer::Limits { age, dry_run, ..indexer::Limits::default() };
    let index = if cache.is_dir() { indexer::gc(cache, &limits)? } else { indexer::Collected::default() };
    let results = ResultCache::collect(&cache.join("results"), age, dry_run).map_err(FixError::from)?;
    Ok((index, results))
}

async fn images(
    engine: &settings::Engine,
    age: Duration,
    dry_run: bool,
) -> Result<Vec<OldImage>, sandbox::SandboxError> {
    let backend = DockerBackend::connect(&engine.options()).await?;
    backend.collect_images(age, dry_run).await
}

fn text(report: &Report, dry_run: bool) -> String {
    let verb = if dry_run { "would go" } else { "removed" };
    let mut text = String::new();
    if report.index.busy {
        text.push_str("index: left alone, since an index is being built\n");
    } else {
        let it = report.index;
        let sizes = (size(it.bytes), size(it.left));
        text.push_str(&format!(
            "index: {} views and {} files {verb} ({}), {} left\n",
            it.views, it.files, sizes.0, sizes.1
        ));
    }
    let it = report.results;
    text.push_str(&format!("test results: {} files {verb} ({}), {} left\n", it.files, size(it.bytes), size(it.left)));
    for image in &report.images {
        match &image.reason {
            None => text.push_str(&format!("image {} {verb} ({})\n", image.name, size(image.bytes))),
            Some(reason) => text.push_str(&format!("image {} stays: {reason}\n", image.name)),
        }
    }
    if let Some(reason) = &report.images_skipped {
        text.push_str(&format!("images: not looked at ({reason})\n"));
    }
    text
}

/// Bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
    match UNITS.iter().find(|it| bytes >= it.0) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_fitting_units() {
        for (bytes, expected) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 kB"), (5 << 20, "5.0 MB"), (3 << 29, "1.5 GB")]
        {
            assert_eq!(size(bytes), expected);
        }
    }
}
