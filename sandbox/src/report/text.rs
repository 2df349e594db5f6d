//! Output of untrusted programs as text that is safe to show.

/// Returns bytes as text without terminal escapes and control characters; line ends become `\n`.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let lossy = String::from_utf8_lossy(bytes);
    let mut text = String::with_capacity(lossy.len());
    let mut chars = lossy.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_escape(&mut chars),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    text.push('\n');
                }
            }
            '\n' | '\t' => text.push(char),
            char if char.is_control() => {}
            char => text.push(char),
        }
    }
    text
}

/// Skips what follows an escape character: a control sequence to its final letter, or a string to its terminator.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            for char in chars.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&char) {
                    break;
                }
            }
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(char) = chars.next() {
                if char == '\u{7}' {
                    break;
                }
                if char == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
                // A string that is never ended must not swallow the rest of the output.
                if char == '\n' {
                    break;
                }
            }
        }
        Some('(' | ')' | '#' | '%') => {
            chars.next();
        }
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn escapes_and_controls_are_left_out() {
        for (bytes, expected) in [
            (&b"plain\n\ttext"[..], "plain\n\ttext"),
            (b"\x1b[31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]8;;http://x\x1b\\link", "link"),
            (b"\x1b]never ended\nnext", "next"),
            (b"a\0b\x08c\x7f", "abc"),
            (b"1\r\n2\r3", "1\n2\n3"),
            (b"\xff", "\u{fffd}"),
            (b"\x1b", ""),
            ("\u{9b}31m".as_bytes(), "31m"),
        ] {
            assert_eq!(plain(bytes), expected, "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_dangerous_is_left(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            assert!(plain(&bytes).chars().all(|char| char == '\n' || char == '\t' || !char.is_control()));
        }
    }
}
