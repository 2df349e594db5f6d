//! `patchwright demo`: unpacks small repositories that are built in, and fixes them.

use std::path::Path;

use include_dir::{Dir, include_dir};
use indexer::IssueText;
use tokio_util::sync::CancellationToken;

use super::exit::{self, Ending, Failure};
use super::fix::{self, How};
use crate::pipeline::{FixError, Task};

/// The repositories, one folder each, with its issue in `issue.md`.
static DEMOS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/demo");

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this one [default: all].
    name: Option<String>,
    /// List the demos and stop.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    how: How,
}

pub(super) async fn run(args: &Args, stop: CancellationToken) -> Result<Ending, Failure> {
    let names: Vec<String> = DEMOS.dirs().map(name_of).collect();
    if args.list {
        exit::print(names.iter().map(|name| format!("{name}\n")).collect::<String>().as_bytes())?;
        return Ok(Ending::Done);
    }
    let chosen: Vec<&Dir<'_>> =
        DEMOS.dirs().filter(|dir| args.name.as_ref().is_none_or(|name| *name == name_of(dir))).collect();
    if chosen.is_empty() {
        let wanted = args.name.as_deref().unwrap_or_default();
        return Err(Failure::usage(format!("no demo `{wanted}`; there are {}", names.join(", "))));
    }
    let mut summary = Vec::new();
    for demo in chosen {
        let ended = one(demo, args, stop.clone()).await?;
        if ended == Ended::By(Ending::Interrupted) {
            return Ok(Ending::Interrupted);
        }
        summary.push((name_of(demo), ended));
    }
    exit::talk("");
    for (name, ended) in &summary {
        exit::talk(&format!("{name}: {}", ended.words()));
    }
    let failed = summary.into_iter().find_map(|(_, ended)| match ended {
        Ended::By(Ending::Done) | Ended::Skipped => None,
        Ended::By(ending) => Some(ending),
    });
    Ok(failed.unwrap_or(Ending::Done))
}

/// What came of one demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It ran.
    By(Ending),
    /// This machine lacks pytest, which one demo needs.
    Skipped,
}

impl Ended {
    fn words(self) -> &'static str {
        match self {
            Ended::By(Ending::Done) => "fixed, and proven by its tests",
            Ended::By(_) => "not fixed",
            Ended::Skipped => "skipped: it needs pytest",
        }
    }
}

async fn one(demo: &Dir<'_>, args: &Args, stop: CancellationToken) -> Result<Ended, Failure> {
    let name = name_of(demo);
    let folder = sandbox::temporary_folder();
    let folder = folder.map_err(|error| Failure::unexpected("failed to make a temporary folder", &error))?;
    let repo = folder.path().join(&name);
    unpack(demo, &repo).map_err(|error| Failure::unexpected(&format!("failed to unpack the demo `{name}`"), &error))?;
    let issue = IssueText::parse(&issue_of(demo));
    exit::talk(&format!("\n{name}: {}", issue.title));
    let task = Task { repo, base: None, issue, test: None, fail_to_pass: Vec::new(), pass_to_pass: Vec::new() };
    let finished = match fix::fix(task, &args.how, None, stop).await? {
        Err(error @ FixError::NoPytest { .. }) => {
            exit::talk(&format!("skipped: {error}"));
            return Ok(Ended::Skipped);
        }
        result => result?,
    };
    finished.talk();
    if let Some(patch) = finished.patch_bytes() {
        exit::print(&patch)?;
    }
    Ok(Ended::By(finished.ending()))
}

fn name_of(dir: &Dir<'_>) -> String {
    dir.path().display().to_string()
}

fn issue_of(demo: &Dir<'_>) -> String {
    let file = demo.get_file(demo.path().join("issue.md"));
    file.and_then(|file| file.contents_utf8()).unwrap_or_default().to_owned()
}

/// Writes a demo's files below `to`; the issue is the user's, not the repository's.
fn unpack(demo: &Dir<'_>, to: &Path) -> std::io::Result<()> {
    let mut folders = vec![demo];
    while let Some(folder) = folders.pop() {
        for file in folder.files() {
            let Ok(path) = file.path().strip_prefix(demo.path()) else { continue };
            if path == Path::new("issue.md") {
                continue;
            }
            let target = to.join(path);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(target, file.contents())?;
        }
        folders.extend(folder.dirs());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_demo_has_an_issue_and_tests_and_no_litter() {
        assert!(DEMOS.dirs().count() >= 2);
        for demo in DEMOS.dirs() {
            assert!(!IssueText::parse(&issue_of(demo)).is_empty(), "{}", name_of(demo));
            let folder = tempfile::tempdir().unwrap();
            unpack(demo, folder.path()).unwrap();
            assert!(folder.path().join("tests").is_dir(), "{}", name_of(demo));
            assert!(!folder.path().join("issue.md").exists());
            let mut folders = vec![demo];
            while let Some(next) = folders.pop() {
                assert!(!next.path().ends_with("__pycache__"), "compiled files were left in {}", next.path().display());
                folders.extend(next.dirs());
            }
        }
    }
}
