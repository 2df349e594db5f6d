//! Paths as git writes them in patches: plain, or in double quotes with C escapes when a byte is unusual.
//!
//! The rule is that of `core.quotePath=true`, git's default: controls, `"`, `\` and every byte from 0x80 up are escaped.

use bstr::BString;

/// Appends `prefix` and `path`, quoted if the path needs it.
pub(super) fn quote(prefix: &[u8], path: &[u8], out: &mut Vec<u8>) {
    if !path.iter().any(|byte| needs_escape(*byte)) {
        out.extend_from_slice(prefix);
        out.extend_from_slice(path);
        return;
    }
    out.push(b'"');
    for byte in prefix.iter().chain(path) {
        match escape_letter(*byte) {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None if needs_escape(*byte) => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
            None => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Reads a quoted path at the start of `text`; returns it with what follows, `None` if there is no complete one.
pub(super) fn unquote(text: &[u8]) -> Option<(BString, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut path = BString::default();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((path, after)),
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                path.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            [b'\\', letter, after @ ..] => {
                path.push(unescape_letter(*letter)?);
                rest = after;
            }
            [byte, after @ ..] => {
                path.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fn needs_escape(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\'
}

/// Every escape that is a letter, with the byte it stands for.
const LETTERS: [(u8, u8); 9] = [
    (b'a', 0x07),
    (b'b', 0x08),
    (b't', b'\t'),
    (b'n', b'\n'),
    (b'v', 0x0b),
    (b'f', 0x0c),
    (b'r', b'\r'),
    (b'"', b'"'),
    (b'\\', b'\\'),
];

fn escape_letter(byte: u8) -> Option<u8> {
    LETTERS.iter().find(|(_, meant)| *meant == byte).map(|(letter, _)| *letter)
}

fn unescape_letter(letter: u8) -> Option<u8> {
    LETTERS.iter().find(|(written, _)| *written == letter).map(|(_, meant)| *meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &[u8], written: &[u8]) {
        let mut out = Vec::new();
        quote(b"a/", path, &mut out);
        assert_eq!(out, written);
        if written[0] == b'"' {
            let (read, rest) = unquote(written).unwrap();
            assert_eq!(read, [b"a/", path].concat());
            assert_eq!(rest, b"");
        }
    }

    #[test]
    fn paths_are_quoted_as_git_does() {
        check(b"plain.py", b"a/plain.py");
        check(b"with space.py", b"a/with space.py");
        check(b"tab\there", b"\"a/tab\\there\"");
        check(b"new\nline", b"\"a/new\\nline\"");
        check(b"quo\"te", b"\"a/quo\\\"te\"");
        check(b"back\\slash", b"\"a/back\\\\slash\"");
        check("gr\u{fc}n".as_bytes(), b"\"a/gr\\303\\274n\"");
        check(b"latin\xe9", b"\"a/latin\\351\"");
        check(b"del\x7f\x01", b"\"a/del\\177\\001\"");
    }

    #[test]
    fn broken_quotes_are_refused() {
        for text in [&b""[..], b"x", b"\"open", b"\"bad\\q\"", b"\"cut\\", b"\"\\40"] {
            assert_eq!(unquote(text), None, "{:?}", bstr::BStr::new(text));
        }
    }
}
