//! LCOV's tracefiles, as far as they say which lines were run: `SF:FILE`, then `DA:LINE,COUNT` for each line.

use repo::RepoPath;

use super::lines::Lines;
use super::place::Place;

/// Returns the lines that were run at least once; files outside of the workspace at `root` are left out, and so is what cannot be read.
pub(crate) fn lines(bytes: &[u8], root: &str) -> Vec<(RepoPath, Vec<u32>)> {
    let text = String::from_utf8_lossy(bytes);
    let place = Place { root, cwd: "" };
    let mut found = Lines::default();
    let mut file = "";
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = path;
        } else if let Some(number) = line.strip_prefix("DA:").and_then(executed) {
            found.add(place, file, [number]);
        }
    }
    found.into_vec()
}

/// `12,3` and `12,3,CHECKSUM`; a line that was not run has the count 0, or a dash.
fn executed(data: &str) -> Option<u32> {
    let mut parts = data.split(',');
    let (line, count) = (parts.next()?, parts.next()?);
    (count.parse::<u64>().ok()? > 0).then_some(())?;
    line.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lines::show;

    #[test]
    fn lines_with_a_count_are_read() {
        let text = "TN:\nSF:/work/src/lib.rs\nFN:3,f\nDA:3,18446744073709551615\nDA:4,0\nDA:5,-\nDA:7,2,abc\nDA:x,1\nend_of_record\nSF:/rustc/x/core.rs\nDA:1,1\nend_of_record\nSF:/work/src/lib.rs\nDA:1,1\n";
        assert_eq!(show(&lines(text.as_bytes(), "/work")), ["src/lib.rs: 1 3 7"]);
        assert!(lines(b"DA:1,1\n", "/work").is_empty(), "a line of no file");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(SF:|/work/|a\\.rs|DA:|1|,|0|\n|-){0,40}") {
            let _ = lines(text.as_bytes(), "/work");
        }
    }
}
