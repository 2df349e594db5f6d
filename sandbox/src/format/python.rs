//! Tracebacks of Python, as tools print them.

use super::place::Place;
use super::{MAX_MESSAGE, clip};
use crate::report::{Failure, FailureClass, Frame, text};

/// Most frames of one failure.
const MOST_FRAMES: usize = 40;

/// Returns a printed traceback as a failure: class and message by its last line, and its steps in the workspace.
pub(crate) fn failure(printed: &str, place: Place<'_>) -> Failure {
    let plain = text::plain(printed.as_bytes());
    let mut frames = plain.lines().filter_map(|line| frame(line, place)).collect::<Vec<_>>();
    frames.drain(..frames.len().saturating_sub(MOST_FRAMES));
    let last = plain.lines().rev().find(|line| is_last(line)).unwrap_or(plain.trim());
    Failure { class: class_of(last), message: clip(last.trim(), MAX_MESSAGE).to_owned(), frames }
}

/// `  File "/w/a.py", line 3, in f`.
fn frame(line: &str, place: Place<'_>) -> Option<Frame> {
    let (path, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    place.frame(path, number.parse().ok()?, function)
}

/// `ValueError: why`, `package.Error` at the beginning of a line.
fn is_last(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let kind = name.rsplit('.').next().unwrap_or_default();
    let known = ["Error", "Exception", "Exit", "Interrupt", "Warning", "Failed", "Failure", "SkipTest"];
    !name.is_empty() && !name.contains(' ') && known.iter().any(|suffix| kind.ends_with(suffix))
}

/// Returns the class that belongs to an exception's own line.
pub(crate) fn class_of(line: &str) -> FailureClass {
    let name = line.split(':').next().unwrap_or_default().trim();
    match name.rsplit('.').next().unwrap_or_default() {
        "AssertionError" | "Failed" => FailureClass::Assertion,
        "ImportError" | "ModuleNotFoundError" | "SyntaxError" | "IndentationError" | "TabError" => FailureClass::Import,
        "MemoryError" => FailureClass::Memory,
        name => FailureClass::Exception { name: clip(name, 200).to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_is_read() {
        let printed = "Traceback (most recent call last):\n  File \"/lib/unittest/case.py\", line 57, in run\n    yield\n  File \"/w/test_a.py\", line 5, in test_bad\n    self.assertEqual(1, 2)\nAssertionError: 1 != 2\n\n";
        let found = failure(printed, Place { root: "/w", cwd: "" });
        assert_eq!((found.class, found.message.as_str()), (FailureClass::Assertion, "AssertionError: 1 != 2"));
        assert_eq!(found.frames, [Frame { path: "test_a.py".to_owned(), line: 5, function: "test_bad".to_owned() }]);
        assert_eq!(class_of("a.b.KeyError: 'x'"), FailureClass::Exception { name: "KeyError".to_owned() });
        let _ = failure("", Place { root: "/w", cwd: "" });
    }
}
