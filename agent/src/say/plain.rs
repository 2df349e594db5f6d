//! Text of others, made harmless for Markdown: it mentions nobody, links nowhere, closes nothing and hides nothing.
//!
//! Untrusted text is shown in two forms only: a line ([`line()`]) in which every character that Markdown or GitHub reads is taken apart, or a
//! fenced block ([`block`]) with a fence that the text cannot close. Hidden characters are shown as `�` or left out.

/// The longest text GitHub takes for a comment or a body is 65,536 characters; the rest is room for a sentence that says so.
pub const MAX_BODY_CHARS: usize = 65_000;
/// What stands where something was cut.
const CUT: &str = "…";
/// A space without width: `@` and `#` with it behind them mean nothing to GitHub (the way Dependabot takes).
const NOTHING: char = '\u{200B}';

/// Returns whether a character is there to be overlooked: controls, directions, joiners, tags and other characters without a picture.
pub fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' => false,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}'
        | '\u{FEFF}' | '\u{FFA0}' => true,
        '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => true,
        '\u{FE00}'..='\u{FE0F}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}' | '\u{1D173}'..='\u{1D17A}' => {
            true
        }
        other => other.is_control(),
    }
}

/// Returns text as one line of at most `max` characters in which nothing formats, links or mentions.
pub fn line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    let mut left = max;
    for character in words.flat_map(str::chars).filter(|character| !is_hidden(*character)) {
        if left == 0 {
            out.push_str(CUT);
            break;
        }
        left -= 1;
        push_plain(&mut out, character);
    }
    out
}

fn push_plain(out: &mut String, character: char) {
    match character {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '@' | '#' => {
            out.push(character);
            out.push(NOTHING);
        }
        // `scheme://`, `GH-12`, `a/b#1` and lists at the start of a line are read by GitHub even where nothing marks them.
        ':' => out.push_str(&format!(":{NOTHING}")),
        '-' => out.push_str(&format!("{NOTHING}-{NOTHING}")),
        '.' if out.ends_with(|before: char| before.is_ascii_alphanumeric()) => out.push_str(&format!(".{NOTHING}")),
        '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '+' | '!' | '|' | '~' | '=' | '$' => {
            out.push('\\');
            out.push(character);
        }
        other => out.push(other),
    }
}

/// Returns text as code in a line, at most `max` characters long.
pub fn code(text: &str, max: usize) -> String {
    let shown: String =
        text.chars().map(|character| if is_hidden(character) || character == '\n' { '�' } else { character }).collect();
    let shown = shorten(&shown, max);
    let fence = "`".repeat(longest_run(&shown) + 1);
    match shown.trim() {
        "" => "` `".to_owned(),
        _ if shown.starts_with('`') || shown.ends_with('`') => format!("{fence} {shown} {fence}"),
        _ => format!("{fence}{shown}{fence}"),
    }
}

/// Returns text as a fenced block of at most `max` characters, its head and its tail where it is longer.
pub fn block(text: &str, language: &str, max: usize) -> String {
    let shown: String = text
        .replace("\r\n", "\n")
        .chars()
        .map(|character| if is_hidden(character) { '�' } else { character })
        .collect();
    let shown = head_and_tail(&shown, max);
    let fence = "`".repeat(longest_run(&shown).max(2) + 1);
    let language: String = language.chars().filter(char::is_ascii_alphanumeric).collect();
    let end = if shown.ends_with('\n') || shown.is_empty() { "" } else { "\n" };
    format!("{fence}{language}\n{shown}{end}{fence}\n")
}

/// Cuts a whole body at the length GitHub takes, with a sentence where it was cut; a block that stood open is closed.
pub fn fit(body: &str, max: usize) -> String {
    if body.chars().count() <= max {
        return body.to_owned();
    }
    let note = "\n\n*The rest was cut: GitHub takes no more.*\n";
    let kept: String = body.chars().take(max.saturating_sub(note.len() + 16)).collect();
    let kept = kept.rsplit_once('\n').map_or(kept.as_str(), |(lines, _)| lines);
    let closing = open_fence(kept).map_or_else(String::new, |fence| format!("\n{fence}"));
    let details =
        "</details>".repeat(kept.matches("<details>").count().saturating_sub(kept.matches("</details>").count()));
    format!("{kept}{closing}\n{details}{note}")
}

/// Returns at most `max` characters, with a mark where something was cut.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(max.saturating_sub(1)).collect();
            format!("{kept}{CUT}")
        }
    }
}

fn head_and_tail(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max {
        return text.to_owned();
    }
    let half = max / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(length - half).collect();
    format!("{head}\n[… {} characters left out …]\n{tail}", length - 2 * half)
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// The fence of a block that is not closed.
fn open_fence(text: &str) -> Option<&str> {
    let mut open: Option<&str> = None;
    for line in text.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        open = match open {
            None if ticks.len() >= 3 => Some(ticks),
            Some(fence) if ticks.len() >= fence.len() && line == ticks => None,
            other => other,
        };
    }
    open
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_mentions_nobody_and_links_nowhere() {
        let check = |text: &str, expected: &str| assert_eq!(line(text, 80).replace(NOTHING, "·"), expected);
        check("@everyone fixes #1", "@·everyone fixes #·1");
        check("see https://evil.example/x?q=1", "see https:·//evil.·example/x?q\\=1");
        check("![x](y) <b> `c` *d*", "\\!\\[x\\]\\(y\\) &lt;b&gt; \\`c\\` \\*d\\*");
        check("two\nlines\u{202E}\u{200B} here", "two lines here");
        check("GH-12", "GH·-·12");
        assert_eq!(line("abcdef", 3), "abc…");
    }

    #[test]
    fn code_and_blocks_cannot_be_closed_from_inside() {
        assert_eq!(code("a`b``c", 20), "```a`b``c```");
        assert_eq!(code("`x", 20), "`` `x ``");
        assert_eq!(code("", 20), "` `");
        assert_eq!(code("a\u{202E}b", 20), "`a�b`");
        assert_eq!(block("x\n```\ny", "py`thon", 100), "````python\nx\n```\ny\n````\n");
        assert_eq!(block("0123456789", "", 4), "```\n01\n[… 6 characters left out …]\n89\n```\n");
    }

    #[test]
    fn a_body_is_cut_between_lines_and_closed() {
        let body = format!("head\n<details>\n```text\n{}", "line\n".repeat(100));
        let cut = fit(&body, 200);
        assert!(cut.chars().count() <= 200, "{}", cut.chars().count());
        assert!(cut.contains("line\n```\n</details>\n\n*The rest was cut"), "{cut}");
        assert_eq!(fit("short", 200), "short");
    }

    proptest! {
        #[test]
        fn nothing_that_github_reads_is_left(text in "[@#a-z/:.<>!\\[\\]()`\\n \u{202E}\u{200B}-]{0,60}") {
            let shown = line(&text, 200);
            let pairs: Vec<(char, char)> = shown.chars().zip(shown.chars().skip(1)).collect();
            for (first, second) in pairs {
                prop_assert!(!(matches!(first, '@' | '#') && second != NOTHING), "{shown:?}");
            }
            prop_assert!(!shown.contains("://") && !shown.contains('<') && !shown.contains('\n'));
            let fenced = block(&text, "", 200);
            prop_assert_eq!(open_fence(fenced.trim_end()), None);
        }
    }
}
