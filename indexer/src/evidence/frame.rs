//! Stack frames and paths.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::{distinct, pattern};

/// One frame of a traceback, as printed on the reporter's machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Frame {
    /// The path as printed, usually absolute and with another root than the repository's.
    pub path: String,
    /// The line, counted from 1; 0 when the traceback shows none.
    pub line: u32,
    /// The function's name, qualified where the printer does so.
    pub function: Option<String>,
}

/// A file named in the text, perhaps with a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PathMention {
    /// The path as written, with `/` between components.
    pub path: String,
    /// The line, when one is given.
    pub line: Option<u32>,
}

/// Finds the frames of every traceback format in use around Python: the interpreter's, IPython's old and new, pytest's.
pub(super) fn frames(text: &str) -> Vec<Frame> {
    static INTERPRETER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"File "([^"\n]+)", line (\d{1,7})(?:, in ([^\s(),]+))?"#));
    static IPYTHON: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:File )?([^\s:]+\.pyx?)(?::(\d{1,7}))?,? in ([^\s(]+)\("));
    static PYTEST: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^(?:E\s+)?([^\s:]+\.pyx?):(\d{1,7}): (?:in ([\w.<>]+)|[\w.]*(?:Error|Exception|Warning|Failed)\b)")
    });
    static ARROW: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-{1,6}> ?(\d{1,7})\b"));

    let mut found: Vec<Frame> = Vec::new();
    let mut waiting_for_arrow = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(captures) = ARROW.captures(line) {
            if let (true, Some(frame)) = (waiting_for_arrow, found.last_mut()) {
                frame.line = number(&captures[1]);
            }
            waiting_for_arrow = false;
        }
        // A traceback pasted without its line breaks has many frames in one line.
        for captures in INTERPRETER.captures_iter(line) {
            found.push(frame(&captures));
            waiting_for_arrow = false;
        }
        if let Some(captures) = IPYTHON.captures(line).or_else(|| PYTEST.captures(line)) {
            found.push(frame(&captures));
            waiting_for_arrow = captures.get(2).is_none();
        }
    }
    distinct(found.into_iter())
}

/// Finds file names and paths, with or without a line, also inside links to a code host.
pub(super) fn paths(text: &str) -> Vec<PathMention> {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r##"([A-Za-z0-9_~.\-/\\]+\.(?:pyx|pyi|py|rst|cfg|toml|html|js))\b(?:(?:#L|:|", line |:L| line )(\d{1,7}))?"##,
        )
    });
    let found = PATH.captures_iter(text).filter_map(|captures| {
        let path = captures[1].replace('\\', "/");
        let path = after_revision(&path).trim_start_matches(['.', '/', '-', '~']);
        let stem = path.rsplit('/').next()?.split('.').next()?;
        let line = captures.get(2).map(|line| number(line.as_str()));
        (!stem.is_empty()).then(|| PathMention { path: path.to_owned(), line })
    });
    distinct(found)
}

/// Cuts `…/blob/<revision>/` off a link's path.
fn after_revision(path: &str) -> &str {
    ["/blob/", "/tree/", "/blame/"]
        .iter()
        .find_map(|mark| path.split_once(mark))
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(path, |(_, rest)| rest)
}

fn frame(captures: &regex::Captures<'_>) -> Frame {
    let function = captures.get(3).map(|name| name.as_str()).filter(|name| !name.starts_with('<'));
    Frame {
        path: captures[1].replace('\\', "/"),
        line: captures.get(2).map_or(0, |line| number(line.as_str())),
        function: function.map(str::to_owned),
    }
}

/// The patterns admit seven digits, which always fit.
fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or(0)
}
