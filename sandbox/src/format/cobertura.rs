//! Cobertura's XML, which gcovr, coverage.py, coverlet and many others write.

use repo::RepoPath;

use super::lines::Lines;
use super::place::Place;
use super::xml::{self, XmlError};

/// Returns the lines that were executed at least once.
///
/// Names of files are relative to one of the `source` folders that the report names. Whether there is such a file is not looked at,
/// so they are taken as relative to the one source folder where there is only one, else to the directory of the run.
///
/// # Errors
/// When it is no XML or ends too early.
pub(crate) fn lines(bytes: &[u8], place: Place<'_>) -> Result<Vec<(RepoPath, Vec<u32>)>, XmlError> {
    let text = String::from_utf8_lossy(bytes);
    let root = xml::parse(&text)?;
    let sources =
        root.child("sources").map(|it| it.all("source").map(|it| it.text.trim().to_owned()).collect::<Vec<_>>());
    let source = match sources.as_deref() {
        Some([only]) if !only.is_empty() => format!("{}/", only.trim_end_matches('/')),
        Some(_) | None => String::new(),
    };
    let mut found = Lines::default();
    for class in root.descendants().filter(|it| it.name == "class") {
        let Some(file) = class.attribute("filename") else { continue };
        let path = if file.starts_with('/') { file.to_owned() } else { format!("{source}{file}") };
        let lines =
            class.descendants().filter(|it| it.name == "line" && it.number::<u64>("hits").is_some_and(|hits| hits > 0));
        found.add(place, &path, lines.filter_map(|it| it.number("number")));
    }
    Ok(found.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lines::show;

    const PLACE: Place<'_> = Place { root: "/work", cwd: "" };

    #[test]
    fn executed_lines_are_read() {
        let report =
            br#"<?xml version="1.0"?><!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>
<coverage line-rate="0.5"><sources><source>/work/pkg</source></sources><packages><package name="p"><classes>
<class name="a" filename="a.py"><methods><method name="f"><lines><line number="2" hits="3"/></lines></method></methods>
<lines><line number="1" hits="1"/><line number="2" hits="3"/><line number="4" hits="0"/></lines></class>
<class name="b" filename="/usr/lib/b.py"><lines><line number="1" hits="1"/></lines></class>
</classes></package></packages></coverage>"#;
        assert_eq!(show(&lines(report, PLACE).unwrap()), ["pkg/a.py: 1 2"]);
    }

    #[test]
    fn half_a_report_is_refused() {
        assert!(lines(b"<coverage><packages>", PLACE).is_err());
    }
}
