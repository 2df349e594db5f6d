//! LCOV's trace files, as `lcov`, `geninfo`, llvm-cov and Istanbul write them.

use repo::RepoPath;

use super::lines::Lines;
use super::place::Place;

/// Returns the lines that were executed at least once. Lines of the format that say other things are passed over.
pub(crate) fn lines(bytes: &[u8], place: Place<'_>) -> Vec<(RepoPath, Vec<u32>)> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Lines::default();
    let mut file = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = Some(path);
        } else if line.trim_end() == "end_of_record" {
            file = None;
        } else if let (Some(file), Some(data)) = (file, line.strip_prefix("DA:")) {
            let mut fields = data.split(',');
            let (Some(line), Some(count)) = (fields.next(), fields.next()) else { continue };
            // A count may be written with a sign by old versions, and as a fraction by tools that sample.
            let executed = count.trim().parse::<f64>().is_ok_and(|count| count > 0.0);
            if let Ok(line) = line.trim().parse::<u32>()
                && executed
            {
                found.add(place, file, [line]);
            }
        }
    }
    found.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lines::show;

    const PLACE: Place<'_> = Place { root: "/work", cwd: "" };

    #[test]
    fn executed_lines_are_read() {
        let trace = b"TN:\nSF:/work/src/till.cpp\nFN:5,_ZN4Till3addEi\nFNDA:2,_ZN4Till3addEi\nDA:5,2\nDA:6,0\nDA:9,1,abc\nLF:3\nend_of_record\n\
                      DA:1,1\nSF:/usr/include/x.h\nDA:1,1\nend_of_record\nSF:src/a.js\nDA:x,1\nDA:3,-1\nDA:4,1\n";
        assert_eq!(show(&lines(trace, PLACE)), ["src/a.js: 4", "src/till.cpp: 5 9"]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(SF:|DA:|,|1|-|/work/|a|\n|end_of_record|\\.\\./){0,30}") {
            let _ = lines(text.as_bytes(), PLACE);
        }
    }
}
