//! `patchwright index map`.

use indexer::map::{MapRequest, map};
use repo::RepoPath;
use serde_json::json;

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::Place;

/// Arguments of `index map`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// How many tokens the map may have, about.
    #[arg(long, value_name = "N", default_value_t = MapRequest::default().tokens)]
    tokens: usize,
    /// A file or directory that matters: what it uses is drawn near. May be given several times.
    #[arg(long, value_name = "PATH")]
    focus: Vec<String>,
    /// A name that matters. May be given several times.
    #[arg(long = "identifier", value_name = "NAME")]
    identifiers: Vec<String>,
    /// Leave the files in focus themselves out of the map.
    #[arg(long, requires = "focus")]
    hide_focus: bool,
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    let focus = args.focus.iter().map(|it| RepoPath::new(it.trim_end_matches('/')));
    let focus: Vec<RepoPath> = focus.collect::<Result<_, _>>().map_err(|error| Failure::usage(error.to_string()))?;
    let (index, base, _objects) = super::open(&args.place)?;
    if let Some(unknown) = focus.iter().find(|it| index.graph().find(it).is_none()) {
        return Err(Failure::usage(format!("no source file or directory `{unknown}` at {base}")));
    }
    let request =
        MapRequest { tokens: args.tokens, focus, identifiers: args.identifiers.clone(), shows_focus: !args.hide_focus };
    let map = map(&index, &request);
    if args.place.json {
        let object = json!({ "schema": 1, "base": base, "map": map });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(map.text.as_bytes())?;
    }
    Ok(Ending::Done)
}
