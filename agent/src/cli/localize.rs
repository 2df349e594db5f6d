//! `patchwright localize`.

use indexer::localize::{Inputs, Localization};
use serde_json::json;

use super::exit::{self, Ending, Failure};
use super::settings::{self, Place};
use crate::clock::Clock;

/// Arguments of `localize`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// The issue: a file with its text, or `-` for stdin.
    #[arg(long, value_name = "FILE|-")]
    issue: String,
    /// How many files and symbols to print.
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    count: usize,
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    let clock = Clock::start();
    let issue = settings::read_issue(&args.issue)?;
    let (index, base, _objects) = super::index::open(&args.place)?;
    let inputs = Inputs { issue: &issue, spectrum: None, failing_tests: &[] };
    let localization = indexer::localize::localize(&index, &inputs, args.count)?;
    let took_ms = clock.elapsed().as_secs_f64() * 1e3;
    if args.place.json {
        let object = json!({
            "schema": 1,
            "base": base,
            "took_ms": took_ms,
            "files": localization.files,
            "symbols": localization.symbols,
        });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(table(&localization).as_bytes())?;
    }
    Ok(Ending::Done)
}

fn table(localization: &Localization) -> String {
    let mut text = String::from("files\n");
    for file in &localization.files {
        text.push_str(&format!("  {:.3}  {}\n", file.score, file.path));
        for reason in &file.evidence {
            text.push_str(&format!("         {reason}\n"));
        }
    }
    text.push_str("symbols\n");
    for symbol in &localization.symbols {
        let lines = format!("{}-{}", symbol.lines.start, symbol.lines.end);
        text.push_str(&format!("  {:.3}  {}:{lines}  {}\n", symbol.score, symbol.path, symbol.name));
        for reason in &symbol.evidence {
            text.push_str(&format!("         {reason}\n"));
        }
    }
    text
}
