//! `patchwright index build`.

use serde_json::{Value, json};

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::Place;

pub(super) fn run(place: &Place) -> Result<Ending, Failure> {
    let (index, base, _objects) = super::open(place)?;
    let stats = index.stats();
    let skipped = super::skipped(&index);
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
