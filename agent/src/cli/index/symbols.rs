//! `patchwright index symbols`.

use serde_json::json;

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::Place;

/// Arguments of `index symbols`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// Only the symbols of this file, by its path in the repository.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    let (index, base, _objects) = super::open(&args.place)?;
    let symbols = match &args.path {
        None => index.symbols(),
        Some(path) => {
            let path = repo::RepoPath::new(path).map_err(|error| Failure::usage(error.to_string()))?;
            if index.snapshot().find(&path).is_none() {
                return Err(Failure::usage(format!("no file `{path}` at {base}")));
            }
            index.symbols_in(&path)
        }
    };
    if args.place.json {
        let object = json!({ "schema": 1, "base": base, "symbols": symbols });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        let line = |it: &indexer::Symbol| format!("{}:{}  {}  {}\n", it.path, it.lines, it.kind, it.qualified);
        exit::print(symbols.iter().map(line).collect::<String>().as_bytes())?;
    }
    Ok(Ending::Done)
}
