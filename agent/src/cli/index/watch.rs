//! `patchwright index build --watch`.

use std::sync::mpsc::Receiver;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::Place;
use crate::pipeline::checkout;
use crate::watch::{Batch, Hint, Refresh, Watch, WatchError, Watched, channel, next_batch};

/// More changed files than this are counted rather than named.
const NAMED: usize = 5;

/// Keeps the index of the working copy warm until the user stops.
pub(super) async fn run(place: Place, stop: CancellationToken) -> Result<Ending, Failure> {
    if place.base.is_some() {
        return Err(Failure::usage("a working copy is watched as it is; leave out --base"));
    }
    let (hints, heard) = channel();
    let to_stop = hints.clone();
    let mut work = tokio::task::spawn_blocking(move || {
        let watch = Watch::start(&place.repo, hints)?;
        follow(&place, watch, &heard)
    });
    let done = tokio::select! {
        done = &mut work => done,
        () = stop.cancelled() => {
            // A full channel is being read, so there will be room. What is under way ends first: then nothing is left behind.
            // Who has ended already need not hear of it.
            drop(tokio::task::spawn_blocking(move || to_stop.send(Hint::Stop)).await);
            work.await
        }
    };
    done.map_err(|error| Failure::unexpected("an internal task failed", &error))?
}

fn follow(place: &Place, mut watch: Watch, heard: &Receiver<Hint>) -> Result<Ending, Failure> {
    let objects = tempfile::Builder::new().prefix("patchwright-objects-").tempdir();
    let objects = objects.map_err(|error| Failure::unexpected("failed to make a temporary folder", &error))?;
    let cache = checkout::cache_dir();
    let mut watched = Watched::open(&place.repo, &objects.path().join("objects.git"), &cache)?;
    tell_ready(place, &watched)?;
    // What changed between reading and watching is looked at once everything is watched.
    watch.follow(watched.folder())?;
    let mut batch = Some(Batch { everything: true, places: Vec::new() });
    while let Some(now) = batch {
        bring_up_to_date(place, &mut watched, &now)?;
        watch.doubt(&now);
        // Directories that are new are looked at again, since files came into them before they were watched.
        loop {
            let fresh = watch.follow(watched.folder())?;
            if fresh.is_empty() {
                break;
            }
            bring_up_to_date(place, &mut watched, &Batch { places: fresh, everything: false })?;
        }
        batch = next_batch(heard);
    }
    Ok(Ending::Interrupted)
}

/// Refreshes and tells; a failure is told as well and met by looking at everything with the next change.
fn bring_up_to_date(place: &Place, watched: &mut Watched, batch: &Batch) -> Result<(), Failure> {
    match watched.refresh(batch) {
        Ok(Some(refresh)) => tell(place, &refresh),
        Ok(None) => Ok(()),
        Err(error) if watched.folder().root().is_dir() => {
            exit::talk(&format!("not refreshed: {error}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn tell_ready(place: &Place, watched: &Watched) -> Result<(), Failure> {
    let stats = watched.index().stats();
    let took = stats.took.as_secs_f64();
    let line = format!("watching {} files, {} symbols, read in {took:.2} s", stats.files, stats.symbols);
    let object = json!({ "schema": 1, "event": "ready", "tree": watched.folder().tree(), "stats": stats });
    say(place, &line, &object)
}

fn tell(place: &Place, refresh: &Refresh) -> Result<(), Failure> {
    let took_ms = refresh.took.as_secs_f64() * 1e3;
    let mut names: Vec<String> = refresh.changed.iter().take(NAMED).map(ToString::to_string).collect();
    if refresh.changed.len() > NAMED {
        names.push(format!("{} more", refresh.changed.len() - NAMED));
    }
    let all = if refresh.rescanned { " (all was looked at)" } else { "" };
    let object = json!({
        "schema": 1,
        "event": "refresh",
        "tree": refresh.tree,
        "changed": refresh.changed,
        "rescanned": refresh.rescanned,
        "took_ms": took_ms,
        "stats": refresh.stats,
    });
    say(place, &format!("{took_ms:.0} ms  {}{all}", names.join(", ")), &object)
}

/// With objects for programs on stdout, the line for people goes to stderr.
fn say(place: &Place, line: &str, object: &serde_json::Value) -> Result<(), Failure> {
    if !place.json {
        return exit::print(format!("{line}\n").as_bytes());
    }
    exit::talk(line);
    exit::print(format!("{object}\n").as_bytes())
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Failure {
        match error {
            WatchError::Repo(error) => error.into(),
            WatchError::Index(error) => error.into(),
            WatchError::Watch { .. } => Failure::unexpected("failed to watch", &error),
        }
    }
}
