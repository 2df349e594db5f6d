//! `patchwright index`.

mod history;

use std::path::{Path, PathBuf};

use indexer::{Index, SkipReason};
use serde_json::{Value, json};

use super::exit::{self, Ending, Failure};
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
    Build(Place),
    /// Searches definitions and files by words.
    Search {
        #[command(flatten)]
        place: Place,
        /// What to look for.
        query: String,
        /// How many hits to print.
        #[arg(short = 'n', value_name = "N", default_value_t = 20)]
        count: usize,
    },
    /// Lists the symbols, of one file or of all.
    Symbols {
        #[command(flatten)]
        place: Place,
        /// Only the symbols of this file, by its path in the repository.
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
    },
    /// Says what commits tell: what changes how often and with what, and which messages speak of something.
    History(history::Args),
}

/// Which repository, and how to print.
#[derive(Debug, clap::Args)]
struct Place {
    /// The repository (a work tree, a bare repository or a plain folder). It is only read.
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    /// The revision to look at [default: HEAD].
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        match &self.verb {
            Verb::Build(place) | Verb::Search { place, .. } | Verb::Symbols { place, .. } => place.json,
            Verb::History(args) => args.json,
        }
    }
}

/// Opens the index of a repository. The folder returned holds the objects that the index reads from, and goes away with it.
pub(super) fn open(repo: &Path, base: Option<&str>) -> Result<(Index, String, tempfile::TempDir), Failure> {
    let objects = tempfile::Builder::new().prefix("patchwright-objects-").tempdir();
    let objects = objects.map_err(|error| Failure::unexpected("failed to make a temporary folder", &error))?;
    let checkout = checkout::open(repo, base, &objects.path().join("objects.git"))?;
    let index = Index::open(&checkout::cache_dir(), &checkout.snapshot, &|_| {})?;
    Ok((index, checkout.base(), objects))
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    match &args.verb {
        Verb::Build(place) => build(place),
        Verb::Search { place, query, count } => search(place, query, *count),
        Verb::Symbols { place, path } => symbols(place, path.as_deref()),
        Verb::History(args) => history::run(args),
    }
}

fn build(place: &Place) -> Result<Ending, Failure> {
    let (index, base, _objects) = open(&place.repo, place.base.as_deref())?;
    let stats = index.stats();
    let skipped = counted(&index);
    if place.json {
        let skipped: Value = skipped
            .iter()
            .map(|(reason, count)| (reason.clone(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let object = json!({ "schema": 1, "base": base, "stats": stats, "skipped": skipped });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        let mut text = format!(
            "{} files ({} parsed, {} known), {} symbols, {} edges in {:.2} s\n",
            stats.files,
            stats.parsed,
            stats.reused,
            stats.symbols,
            stats.edges,
            stats.took.as_secs_f64()
        );
        for (reason, count) in skipped {
            text.push_str(&format!("{count} files {reason}\n"));
        }
        exit::print(text.as_bytes())?;
    }
    Ok(Ending::Done)
}

/// Skipped files by reason, in the words of the JSON form.
fn counted(index: &Index) -> Vec<(String, usize)> {
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

fn search(place: &Place, query: &str, count: usize) -> Result<Ending, Failure> {
    let (index, base, _objects) = open(&place.repo, place.base.as_deref())?;
    let hits = index.search(query, count)?;
    if place.json {
        let object = json!({ "schema": 1, "base": base, "hits": hits });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        let line = |hit: &indexer::Hit| {
            let name = hit.symbol.as_deref().unwrap_or("(file)");
            format!("{:7.2}  {}:{}  {name}\n", hit.score, hit.path, hit.lines)
        };
        exit::print(hits.iter().map(line).collect::<String>().as_bytes())?;
    }
    Ok(Ending::Done)
}

fn symbols(place: &Place, path: Option<&str>) -> Result<Ending, Failure> {
    let (index, base, _objects) = open(&place.repo, place.base.as_deref())?;
    let symbols = match path {
        None => index.symbols(),
        Some(path) => {
            let path = repo::RepoPath::new(path).map_err(|error| Failure::usage(error.to_string()))?;
            if index.snapshot().find(&path).is_none() {
                return Err(Failure::usage(format!("no file `{path}` at {base}")));
            }
            index.symbols_in(&path)
        }
    };
    if place.json {
        let object = json!({ "schema": 1, "base": base, "symbols": symbols });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        let line = |it: &indexer::Symbol| format!("{}:{}  {}  {}\n", it.path, it.lines, it.kind, it.qualified);
        exit::print(symbols.iter().map(line).collect::<String>().as_bytes())?;
    }
    Ok(Ending::Done)
}
