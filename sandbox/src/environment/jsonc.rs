//! JSON with comments and trailing commas, as editors write it.

/// Reads a value; `None` where it is no JSON even so.
pub(super) fn parse(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(&plain(text)).ok()
}

/// Blanks out comments and trailing commas. Lines stay where they are.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    // Where the last comma stands, as long as only space and comments follow it.
    let mut comma = None;
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('"', _) => {
                comma = None;
                out.push('"');
                copy_string(&mut chars, &mut out);
            }
            ('/', Some('/')) => {
                while chars.peek().is_some_and(|next| *next != '\n') {
                    chars.next();
                }
            }
            ('/', Some('*')) => skip_block(&mut chars, &mut out),
            ('}' | ']', _) => {
                if let Some(at) = comma.take() {
                    out.replace_range(at..=at, " ");
                }
                out.push(char);
            }
            (',', _) => {
                comma = Some(out.len());
                out.push(char);
            }
            _ => {
                comma = comma.filter(|_| char.is_whitespace());
                out.push(char);
            }
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn copy_string(chars: &mut Chars<'_>, out: &mut String) {
    while let Some(char) = chars.next() {
        out.push(char);
        match char {
            '"' => return,
            '\\' => out.extend(chars.next()),
            _ => {}
        }
    }
}

fn skip_block(chars: &mut Chars<'_>, out: &mut String) {
    chars.next();
    let mut last = ' ';
    for char in chars.by_ref() {
        if last == '*' && char == '/' {
            return;
        }
        if char == '\n' {
            out.push('\n');
        }
        last = char;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_write_is_read() {
        let text = "// top\n{ \"a\": \"x // no, /* no */ \\\" y\", /* b\n */ \"list\": [1, 2, /* end */ ], // c\n}\n";
        let value = parse(text).unwrap();
        assert_eq!(value["a"], "x // no, /* no */ \" y");
        assert_eq!(value["list"], serde_json::json!([1, 2]));
    }

    #[test]
    fn nonsense_is_none() {
        for text in ["", "{", "/*", "\"", "{\"a\": \"\\", ",]", &"[".repeat(10_000)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
