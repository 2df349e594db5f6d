//! `patchwright index`: one file a verb.

mod build;
mod history;
mod map;
mod query;
mod search;
mod stats;
mod symbols;
mod watch;

use indexer::{Index, SkipReason};
use tokio_util::sync::CancellationToken;

use super::exit::{Ending, Failure};
use super::settings::{Place, open_repository};
use super::until_stopped;
use crate::pipeline::checkout;

/// Arguments of `index`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Builds the index, or finds it ready, and prints what is in it.
    Build {
        #[command(flatten)]
        place: Place,
        /// Keep the index of the working copy's files warm until interrupted, with a line for each refresh.
        #[arg(long)]
        watch: bool,
    },
    /// Searches definitions and files by words.
    Search(search::Args),
    /// Lists the symbols, of one file or of all.
    Symbols(symbols::Args),
    /// Asks the code graph in a small subset of openCypher.
    Query(query::Args),
    /// Draws what matters most, as signatures within a number of tokens.
    Map(map::Args),
    /// Counts files by language, nodes and relations of the code graph by kind, and what was skipped.
    Stats(Place),
    /// Says what commits tell: what changes how often and with what, and which messages speak of something.
    History(history::Args),
}

impl Args {
    pub(super) fn json(&self) -> bool {
        match &self.verb {
            Verb::Build { place, .. } | Verb::Stats(place) => place.json,
            Verb::Search(args) => args.place.json,
            Verb::Symbols(args) => args.place.json,
            Verb::Query(args) => args.place.json,
            Verb::Map(args) => args.place.json,
            Verb::History(args) => args.json,
        }
    }
}

/// Opens the index of a repository. The folder returned holds the objects that the index reads from, and goes away with it.
pub(super) fn open(place: &Place) -> Result<(Index, String, tempfile::TempDir), Failure> {
    let (checkout, objects) = open_repository(place)?;
    let index = Index::open(&checkout::cache_dir(), &checkout.snapshot, &|_| {})?;
    Ok((index, checkout.base(), objects))
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> Result<Ending, Failure> {
    match args.verb {
        Verb::Build { place, watch: true } => watch::run(place, stop).await,
        _ => until_stopped(stop, move || answer(&args)).await,
    }
}

fn answer(args: &Args) -> Result<Ending, Failure> {
    match &args.verb {
        Verb::Build { place, .. } => build::run(place),
        Verb::Search(args) => search::run(args),
        Verb::Symbols(args) => symbols::run(args),
        Verb::Query(args) => query::run(args),
        Verb::Map(args) => map::run(args),
        Verb::Stats(place) => stats::run(place),
        Verb::History(args) => history::run(args),
    }
}

/// Skipped files by reason, in the words of the JSON form.
fn skipped(index: &Index) -> Vec<(String, usize)> {
    let mut counts: Vec<(SkipReason, usize)> = Vec::new();
    for skipped in index.skipped() {
        match counts.iter_mut().find(|(reason, _)| *reason == skipped.reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((skipped.reason, 1)),
        }
    }
    counts.sort();
    let word = |reason: SkipReason| serde_json::to_value(reason).ok().and_then(|it| it.as_str().map(str::to_owned));
    counts.into_iter().map(|(reason, count)| (word(reason).unwrap_or_default(), count)).collect()
}
