//! Istanbul's `coverage-final.json`: statements with their places in the source, mapped back by the tool that transformed it.

use std::collections::{BTreeMap, BTreeSet};

use repo::RepoPath;
use serde::Deserialize;

use super::frames::Base;
use super::v8::Lines;

#[derive(Deserialize)]
struct File {
    path: String,
    #[serde(rename = "statementMap")]
    places: BTreeMap<String, Place>,
    s: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Place {
    start: Point,
}

#[derive(Deserialize)]
struct Point {
    line: u32,
}

/// Returns the lines on which a statement begins that was run.
pub(crate) fn lines(bytes: &[u8], base: Base<'_>) -> Lines {
    let Ok(report) = serde_json::from_slice::<BTreeMap<String, File>>(bytes) else { return Vec::new() };
    let mut files: BTreeMap<RepoPath, BTreeSet<u32>> = BTreeMap::new();
    for file in report.into_values() {
        let Some(path) = base.own(&file.path).and_then(|path| RepoPath::new(&path).ok()) else { continue };
        let run = file.s.iter().filter(|(_, count)| **count > 0);
        files.entry(path).or_default().extend(run.filter_map(|(id, _)| Some(file.places.get(id)?.start.line)));
    }
    files.into_iter().map(|(path, lines)| (path, lines.into_iter().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_were_run() {
        let report = br#"{"/work/src/a.js": {"path": "/work/src/a.js", "statementMap": {"0": {"start": {"line": 2, "column": 0}, "end": {"line": 2, "column": 9}}, "1": {"start": {"line": 4, "column": 0}, "end": {"line": 5, "column": 1}}, "2": {"start": {"line": 7, "column": 0}, "end": {"line": 7, "column": 1}}}, "s": {"0": 1, "1": 0, "2": 3, "9": 1}, "fnMap": {}, "f": {}, "branchMap": {}, "b": {}},
            "/etc/x.js": {"path": "/etc/x.js", "statementMap": {}, "s": {}}}"#;
        let expected = vec![(RepoPath::new("src/a.js").unwrap(), vec![2, 7])];
        assert_eq!(lines(report, Base::new("/work", "")), expected);
        assert_eq!(lines(b"[]", Base::new("/work", "")), []);
    }
}
