//! Report formats that several test tools share: pure readers of bytes that came out of a box.
//!
//! A reader never decides what a test tool's exit code means; that is the tool's (`runner/*`).

pub(crate) mod compiler;
pub(crate) mod frames;
pub(crate) mod gcov;
pub(crate) mod ini;
pub(crate) mod istanbul;
pub(crate) mod jacoco;
pub(crate) mod journal;
pub(crate) mod junit;
pub(crate) mod lcov;
pub(crate) mod lines;
#[cfg_attr(not(test), expect(dead_code, reason = "what others' harnesses printed is read when batches are graded"))]
pub(crate) mod log;
pub(crate) mod place;
pub(crate) mod python;
pub(crate) mod results;
pub(crate) mod tap;
pub(crate) mod v8;
pub(crate) mod xml;

use std::collections::HashSet;

/// Longest name of a test that is kept.
pub(crate) const MAX_ID: usize = 4 << 10;
/// Longest message of a failure that is kept.
pub(crate) const MAX_MESSAGE: usize = 8 << 10;
/// Most results that are read from one run.
pub(crate) const MAX_RESULTS: usize = 500_000;

/// Cuts a text on a character boundary.
pub(crate) fn clip(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

/// Hands out ids that are unique within a run: of tests with the same name, the second in the order of the report gets ` (2)`, and so
/// on. Tools report in the order of definition, so the numbers are the same in every run.
#[derive(Debug, Default)]
pub(crate) struct UniqueIds {
    given: HashSet<String>,
    next: std::collections::HashMap<String, u32>,
}

impl UniqueIds {
    /// Returns the id for a name.
    pub(crate) fn give(&mut self, name: &str) -> String {
        let name = clip(name, MAX_ID);
        if self.given.insert(name.to_owned()) {
            return name.to_owned();
        }
        let next = self.next.entry(name.to_owned()).or_insert(1);
        loop {
            *next = next.saturating_add(1);
            let numbered = format!("{name} ({next})");
            if *next == u32::MAX || self.given.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_numbered() {
        let mut ids = UniqueIds::default();
        let given = ["a", "a", "a (2)", "a", "b"].map(|name| ids.give(name));
        assert_eq!(given, ["a", "a (2)", "a (2) (2)", "a (3)", "b"]);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let mut ids = UniqueIds::default();
        let long = "ö".repeat(MAX_ID);
        assert_eq!(ids.give(&long).len(), MAX_ID);
        assert_eq!(ids.give(&long), format!("{} (2)", "ö".repeat(MAX_ID / 2)));
    }
}
