//! `patchwright index query`.

use std::io::Read;
use std::time::Duration;

use indexer::graph::query::{Answer, Limits, Parameter, Parameters, QueryError};
use serde_json::json;

use crate::cli::exit::{self, Ending, Failure};
use crate::cli::settings::{self, Place};
use crate::clock::Clock;

/// Longer queries are refused anyway.
const MAX_BYTES: u64 = 64 << 10;

/// Arguments of `index query`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// The query, such as `MATCH (c:Class) RETURN c.label`; `-` reads it from stdin.
    query: String,
    /// The value of `$NAME`, as JSON or else as text; may be given several times.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, Parameter)>,
    /// How many rows at most.
    #[arg(long, value_name = "N", default_value_t = Limits::default().rows)]
    rows: usize,
    /// How many nodes and relationships to look at, at most.
    #[arg(long, value_name = "N", default_value_t = Limits::default().hops)]
    hops: u64,
    /// How long the query may take, in seconds.
    #[arg(long, value_name = "N", default_value = "2", value_parser = settings::seconds)]
    seconds: Duration,
}

fn parameter(text: &str) -> Result<(String, Parameter), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Parameter::Text(value.to_owned()));
    Ok((name.trim_start_matches('$').to_owned(), value))
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    let text = text(&args.query)?;
    let parameters: Parameters = args.parameters.iter().cloned().collect();
    let limits = Limits { rows: args.rows, hops: args.hops, time: args.seconds, ..Limits::default() };
    let (index, base, _objects) = super::open(&args.place)?;
    let clock = Clock::start();
    let answer = index.graph().query(&text, &parameters, &limits).map_err(|error| refused(&error, &text))?;
    let took = clock.elapsed();
    if let Some(limit) = answer.truncated {
        exit::talk(&format!("stopped by the limit of {}: these are some of the rows", limit.as_str()));
    }
    if args.place.json {
        let object = json!({
            "schema": 1,
            "base": base,
            "columns": answer.columns,
            "rows": answer.rows,
            "truncated": answer.truncated,
            "hops": answer.hops,
            "took_ms": took.as_secs_f64() * 1000.0,
        });
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(table(&answer).as_bytes())?;
    }
    Ok(Ending::Done)
}

fn text(query: &str) -> Result<String, Failure> {
    if query != "-" {
        return Ok(query.to_owned());
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("failed to read the query from stdin: {error}")))?;
    Ok(text)
}

fn refused(error: &QueryError, text: &str) -> Failure {
    Failure::usage(format!("the query cannot be understood: {error}\n{}", error.shown(text)))
}

/// The names of the columns and the rows, with tabs between the values.
fn table(answer: &Answer) -> String {
    let plain = |text: String| text.replace(['\t', '\n', '\r'], " ");
    let mut table = answer.columns.iter().map(|it| plain(it.clone())).collect::<Vec<_>>().join("\t");
    table.push('\n');
    for row in &answer.rows {
        table.push_str(&row.iter().map(|it| plain(it.to_string())).collect::<Vec<_>>().join("\t"));
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_json_or_text() {
        let text = |it: &str| Parameter::Text(it.to_owned());
        for (given, name, value) in [
            ("a=1", "a", Parameter::Integer(1)),
            ("$a=x", "a", text("x")),
            ("a=\"1\"", "a", text("1")),
            ("a=b=c", "a", text("b=c")),
            ("a=[true, null]", "a", Parameter::List(vec![Parameter::Boolean(true), Parameter::Null])),
        ] {
            assert_eq!(parameter(given), Ok((name.to_owned(), value)), "{given}");
        }
        assert!(parameter("a").is_err());
    }
}
