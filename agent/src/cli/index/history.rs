//! `patchwright index history`.

use std::path::PathBuf;

use indexer::history::{Churn, CoChange, CommitDocument, History, HistoryLimits};
use repo::RepoPath;
use repo::history::Parents;
use serde_json::{Value, json};

use crate::cli::exit::{self, Ending, Failure};
use crate::pipeline::checkout;

/// Arguments of `index history`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The repository (a work tree or a bare repository). It is only read.
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    /// The revision whose history is looked at [default: HEAD].
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Only what touches this file, by its path in the repository.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Only what touches this symbol of the file, as `Class.method`.
    #[arg(long, value_name = "NAME", requires = "path")]
    symbol: Option<String>,
    /// Searches the messages for these words instead.
    #[arg(long, value_name = "WORDS", conflicts_with = "path")]
    search: Option<String>,
    /// How many commits, files and symbols to print of each.
    #[arg(short = 'n', value_name = "N", default_value_t = 10)]
    count: usize,
    /// How many commits to look at, newest first.
    #[arg(long, value_name = "N", default_value_t = HistoryLimits::default().commits)]
    commits: usize,
    /// Follow first parents only: a merge then touches all that it brings.
    #[arg(long)]
    first_parent: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<Ending, Failure> {
    let path = args.path.as_ref().map(RepoPath::new).transpose().map_err(|error| Failure::usage(error.to_string()))?;
    let (history, base) = open(args)?;
    let answer = match (&path, &args.search) {
        (Some(path), _) => of_path(&history, path, args),
        (None, Some(words)) => found(&history, words, args.count),
        (None, None) => overview(&history, args.count),
    };
    if args.json {
        let mut object = json!({ "schema": 1, "base": base, "stats": history.stats() });
        if let (Value::Object(object), Value::Object(more)) = (&mut object, answer.json) {
            object.extend(more);
        }
        exit::print(format!("{object}\n").as_bytes())?;
    } else {
        exit::print(format!("{}{}", summary(&history), answer.text).as_bytes())?;
    }
    Ok(Ending::Done)
}

fn open(args: &Args) -> Result<(History, String), Failure> {
    let objects = tempfile::Builder::new().prefix("patchwright-objects-").tempdir();
    let objects = objects.map_err(|error| Failure::unexpected("failed to make a temporary folder", &error))?;
    let source = repo::Source::open(&args.repo)?;
    let revision = args.base.as_deref().unwrap_or("HEAD");
    let Some(tip) = source.resolve(revision)?.commit else {
        return Err(Failure::usage(format!("revision `{revision}` is a tree, which has no history; give a commit")));
    };
    let store = repo::Store::create(&objects.path().join("objects.git"), &source)?;
    let parents = if args.first_parent { Parents::First } else { Parents::All };
    let limits = HistoryLimits { parents, commits: args.commits.max(1) };
    let history = History::open(&checkout::cache_dir(), &store, tip, limits, &|_| {})?;
    Ok((history, tip.to_string()))
}

/// What is printed, in both forms.
struct Answer {
    text: String,
    json: Value,
}

fn of_path(history: &History, path: &RepoPath, args: &Args) -> Answer {
    let symbol = args.symbol.as_deref();
    let mut commits = history.commits_touching(path, symbol);
    commits.truncate(args.count);
    let together = history.co_changed(path, symbol, args.count);
    let churn = history.churn(path, symbol);
    let mut text = churn.iter().map(churn_line).collect::<String>();
    text.push_str("commits\n");
    text.extend(commits.iter().map(|it| commit_line(it)));
    text.push_str("changes together with\n");
    text.extend(together.iter().map(together_line));
    let commits: Vec<Value> = commits.into_iter().map(commit_json).collect();
    Answer { text, json: json!({ "churn": churn, "commits": commits, "together": together }) }
}

fn found(history: &History, words: &str, count: usize) -> Answer {
    let hits = history.search(words, count);
    let text = hits.iter().map(|it| format!("{:7.2}{}", it.score, commit_line(it.commit))).collect();
    let with_score = |it: &indexer::history::CommitHit<'_>| {
        let mut object = commit_json(it.commit);
        object["score"] = json!(it.score);
        object
    };
    Answer { text, json: json!({ "commits": hits.iter().map(with_score).collect::<Vec<_>>() }) }
}

fn overview(history: &History, count: usize) -> Answer {
    let changed = history.most_changed(count);
    let text = format!("changed most\n{}", changed.iter().map(churn_line).collect::<String>());
    Answer { text, json: json!({ "changed": changed }) }
}

fn summary(history: &History) -> String {
    let stats = history.stats();
    let mut text = format!(
        "{} commits ({} read, {} known), {} of them too large to count, in {:.2} s\n",
        stats.commits,
        stats.mined,
        stats.reused,
        stats.large,
        stats.took.as_secs_f64()
    );
    if stats.boundary > 0 {
        text.push_str("the repository is a shallow clone; `git fetch --unshallow` brings the rest\n");
    }
    text
}

fn commit_line(commit: &CommitDocument) -> String {
    format!("  {}  {}  {}\n", &commit.id.to_string()[..12], day(commit.time), commit.subject())
}

fn churn_line(churn: &Churn) -> String {
    let name = churn.symbol.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
    format!("{:7.2}  {} changes, last {}  {}{name}\n", churn.score, churn.changes, day(churn.last), churn.path)
}

fn together_line(pair: &CoChange) -> String {
    let name = pair.symbol.as_ref().map(|it| format!("  {it}")).unwrap_or_default();
    format!("  {:3} times, {:3.0} %  {}{name}\n", pair.support, pair.confidence * 100.0, pair.path)
}

fn commit_json(commit: &CommitDocument) -> Value {
    json!({
        "id": commit.id,
        "time": commit.time,
        "message": commit.message,
        "files": commit.files,
    })
}

/// The date of a time in seconds since 1970, in UTC: Howard Hinnant's `civil_from_days`.
fn day(time: i64) -> String {
    let days = time.div_euclid(86_400).saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        let table = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
        ];
        for (time, expected) in table {
            assert_eq!(day(time), expected);
        }
    }

    #[test]
    fn no_time_is_too_odd_to_show() {
        assert!(!day(i64::MIN).is_empty() && !day(i64::MAX).is_empty());
    }
}
