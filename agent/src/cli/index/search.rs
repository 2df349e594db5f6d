//! `patchwright index search`.

use serde_json::json;

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::Place;

/// Arguments of `index search`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// What to look for.
    query: String,
    /// How many hits to print.
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    count: usize,
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    let (index, base, _objects) = super::open(&args.place)?;
    let hits = index.search(&args.query, args.count)?;
    if args.place.json {
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
