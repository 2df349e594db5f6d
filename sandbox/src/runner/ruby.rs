//! What the tools of Ruby have in common.

use std::borrow::Cow;

use super::node;
use crate::format::frames::Base;
use crate::format::journal;
use crate::format::v8::Lines;
use crate::tool::{Collect, Step, StepKind, ToolCommand, ToolOutput, ToolReport, ToolRun};
use crate::workbench::Coverage;

const JOURNAL: &str = include_str!("reporters/journal.rb");

/// Returns where in a command line the program stands that is not only there to start another, and its name.
pub(super) fn program(words: &[String]) -> Option<(usize, &str)> {
    let assignments = words.iter().take_while(|word| crate::plan::assignment(word).is_some()).count();
    let bundled = words.get(assignments..)?.starts_with(&["bundle".to_owned(), "exec".to_owned()]);
    let at = if bundled { assignments + 2 } else { assignments };
    let name = words.get(at)?.rsplit('/').next()?;
    Some((at, name))
}

/// Returns the command that runs some words with the journal and a reporter beside them.
pub(super) fn command(
    run: &ToolRun<'_>,
    reporter: (&str, &'static str),
    argv: Vec<String>,
    env: Vec<(String, String)>,
) -> ToolCommand {
    let mut support = vec![
        ("journal.rb".to_owned(), Cow::Owned(journal::with_token(JOURNAL, run.reports))),
        (reporter.0.to_owned(), Cow::Borrowed(reporter.1.as_bytes())),
    ];
    let mut collect = vec![Collect::Reports(journal::COLLECT.to_owned())];
    if run.coverage == Coverage::PerTest {
        support.push(("cover".to_owned(), Cow::Borrowed(b"")));
        collect.push(Collect::Reports("lines-*.json".to_owned()));
    }
    let assignments = argv.iter().take_while(|word| crate::plan::assignment(word).is_some()).count();
    let mut all = node::environment();
    all.extend(argv[..assignments].iter().filter_map(|word| crate::plan::assignment(word)));
    all.extend(env);
    let step = Step { kind: StepKind::Test, argv: argv[assignments..].to_vec(), env: all };
    ToolCommand { support, steps: vec![step], collect }
}

/// Reads the journal, and the lines that `Coverage` counted.
pub(super) fn read(left: &ToolOutput<'_>) -> ToolReport {
    journal::judge(left, journal::Language::Ruby).covering(lines(left))
}

fn lines(left: &ToolOutput<'_>) -> Lines {
    let base = Base::of(&left.run);
    let mut lines = std::collections::BTreeMap::<_, std::collections::BTreeSet<u32>>::new();
    for file in left.files.iter().filter(|file| !file.in_workspace && file.path.starts_with("lines-")) {
        let read = serde_json::from_slice::<std::collections::BTreeMap<String, Vec<u32>>>(&file.bytes);
        for (path, run) in read.unwrap_or_default() {
            if let Some(path) = base.own(&path).and_then(|path| repo::RepoPath::new(&path).ok()) {
                lines.entry(path).or_default().extend(run);
            }
        }
    }
    lines.into_iter().map(|(path, run)| (path, run.into_iter().collect())).collect()
}

#[cfg(test)]
mod tests;
