//! Which lines of a comment are plain text.
//!
//! Not a Markdown parser: it finds the lines on which a person can be speaking. Code, quotes, headings, links and HTML are left
//! out as GitHub shows them, and where a form is ambiguous the line is left out, since a command can always be repeated on a line of
//! its own.

/// A line of plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextLine<'a> {
    /// Where it stands, counted from 1.
    pub(crate) number: usize,
    /// The text without space around it.
    pub(crate) text: &'a str,
}

/// Elements that hold whole paragraphs; what stands between their tags is not said to us.
const CONTAINERS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "code",
    "details",
    "div",
    "dl",
    "fieldset",
    "figure",
    "footer",
    "form",
    "header",
    "iframe",
    "main",
    "nav",
    "ol",
    "pre",
    "script",
    "section",
    "style",
    "table",
    "template",
    "textarea",
    "ul",
];

/// Returns the lines of plain text, in order.
pub(crate) fn text_lines(comment: &str) -> Vec<TextLine<'_>> {
    let mut scan = Scan::default();
    for (at, line) in comment.split('\n').enumerate() {
        scan.line(at + 1, line.strip_suffix('\r').unwrap_or(line));
    }
    scan.end_paragraph();
    scan.found
}

#[derive(Default)]
struct Scan<'a> {
    found: Vec<TextLine<'a>>,
    /// Lines of the paragraph so far, which an underline could still make a heading.
    paragraph: Vec<TextLine<'a>>,
    block: Block,
    /// The containers that are open, outermost first.
    containers: Vec<&'static str>,
    /// What a line of this paragraph has left open.
    inline: Inline,
}

/// What kind of lines are being read.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Block {
    #[default]
    Text,
    /// A code fence of so many of these characters.
    Fence(char, usize),
    /// A quote, to the next blank line.
    Quote,
    /// HTML, to the next blank line.
    Html,
    /// An HTML comment, declaration or instruction, to this mark.
    Until(&'static str),
}

/// What spans more than one line of a paragraph.
#[derive(Default)]
struct Inline {
    /// The length of the run of backticks that opened a code span.
    code: Option<usize>,
    /// Square brackets that are open.
    brackets: usize,
    /// A tag that has begun.
    tag: bool,
}

impl Inline {
    fn is_open(&self) -> bool {
        self.code.is_some() || self.brackets > 0 || self.tag
    }
}

impl<'a> Scan<'a> {
    fn line(&mut self, number: usize, line: &'a str) {
        let text = line.trim_matches([' ', '\t']);
        match self.block {
            Block::Fence(mark, length) => {
                if closes_fence(text, mark, length) {
                    self.block = Block::Text;
                }
                return;
            }
            Block::Until(mark) => {
                if let Some((_, rest)) = line.split_once(mark) {
                    self.block = Block::Html;
                    self.scan_inline(rest);
                }
                return;
            }
            Block::Quote | Block::Html if !text.is_empty() && !opens_fence(text) => {
                self.scan_inline(line);
                return;
            }
            Block::Text | Block::Quote | Block::Html => self.block = Block::Text,
        }
        if text.is_empty() {
            self.end_paragraph();
            return;
        }
        self.text_line(number, line, text);
    }

    fn text_line(&mut self, number: usize, line: &'a str, text: &'a str) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let code_block = indent >= 4 || line.trim_start_matches(' ').starts_with('\t');
        let said = text;
        // A list item holds blocks of its own.
        let text = behind_markers(text);
        if let Some((mark, length)) = fence(text).filter(|_| !code_block) {
            self.end_paragraph();
            self.block = Block::Fence(mark, length);
        } else if code_block {
            // Code, or the rest of a paragraph; both are left out.
            self.scan_inline(line);
        } else if text.starts_with('>') {
            self.end_paragraph();
            self.block = Block::Quote;
            self.scan_inline(line);
        } else if is_underline(text) && !self.paragraph.is_empty() {
            self.paragraph.clear();
            self.end_paragraph();
        } else if is_heading(text) {
            self.end_paragraph();
        } else if starts_html(text) {
            self.end_paragraph();
            self.block = Block::Html;
            self.scan_inline(line);
            if let Some(end) = unfinished(text) {
                self.block = Block::Until(end);
            }
        } else {
            if !self.inline.is_open() && self.containers.is_empty() {
                self.paragraph.push(TextLine { number, text: said });
            }
            self.scan_inline(line);
        }
    }

    fn end_paragraph(&mut self) {
        self.found.append(&mut self.paragraph);
        self.inline = Inline::default();
    }

    /// Follows code spans, brackets, tags and comments through a line.
    fn scan_inline(&mut self, line: &str) {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let mut taken = first.len_utf8();
            match first {
                '`' => {
                    taken = rest.len() - rest.trim_start_matches('`').len();
                    self.inline.code = match self.inline.code {
                        None => Some(taken),
                        Some(open) if open == taken => None,
                        open => open,
                    };
                }
                _ if self.inline.code.is_some() => {}
                '\\' => taken += rest[1..].chars().next().map_or(0, char::len_utf8),
                '[' => self.inline.brackets += 1,
                ']' => self.inline.brackets = self.inline.brackets.saturating_sub(1),
                '>' => self.inline.tag = false,
                '<' => match rest.strip_prefix("<!--") {
                    Some(comment) => match comment.split_once("-->") {
                        Some((inside, _)) => taken = "<!---->".len() + inside.len(),
                        None => {
                            self.block = Block::Until("-->");
                            return;
                        }
                    },
                    None => self.open_tag(&rest[1..]),
                },
                _ => {}
            }
            rest = &rest[taken..];
        }
    }

    fn open_tag(&mut self, rest: &str) {
        let (closes, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '-').unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        let container = CONTAINERS.into_iter().find(|it| *it == name);
        // Only a tag that ends on another line matters here; a comparison has neither a known name nor attributes.
        let named = name.starts_with(|it: char| it.is_ascii_alphabetic());
        self.inline.tag = container.is_some() || (named && has_attribute(&rest[end..])) || rest.starts_with(['!', '?']);
        match (container, closes) {
            (Some(container), false) => self.containers.push(container),
            // A closing tag also closes what was left open inside.
            (Some(container), true) => {
                if let Some(at) = self.containers.iter().rposition(|it| *it == container) {
                    self.containers.truncate(at);
                }
            }
            (None, _) => {}
        }
    }
}

/// Returns whether an attribute follows the name of a tag.
fn has_attribute(rest: &str) -> bool {
    /// A limit, since a comment may have a tag at every third character.
    const NEAR: usize = 200;
    rest.bytes().take(NEAR).any(|it| it == b'=')
}

/// Returns what follows the marks of list items at the start of a line.
fn behind_markers(text: &str) -> &str {
    let mut rest = text;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let mark =
            if digits == 0 { rest.strip_prefix(['-', '*', '+']) } else { rest[digits..].strip_prefix(['.', ')']) };
        match mark {
            Some(behind) if behind.starts_with([' ', '\t']) => rest = behind.trim_start_matches([' ', '\t']),
            _ => return rest,
        }
    }
}

/// Returns the mark that ends an instruction, section or declaration, if the line begins one without ending it.
fn unfinished(text: &str) -> Option<&'static str> {
    let end = if text.starts_with("<?") {
        "?>"
    } else if text.starts_with("<![CDATA[") {
        "]]>"
    } else if text.starts_with("<!--") {
        "-->"
    } else if text.starts_with("<!") {
        ">"
    } else {
        return None;
    };
    (!text.contains(end)).then_some(end)
}

/// Reads the start of a code fence: its character and how often it stands there.
fn fence(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|it| matches!(it, '`' | '~'))?;
    let length = text.len() - text.trim_start_matches(mark).len();
    // Backticks behind a run of backticks make it a code span.
    let span = mark == '`' && text[length..].contains('`');
    (length >= 3 && !span).then_some((mark, length))
}

fn opens_fence(text: &str) -> bool {
    fence(text).is_some()
}

fn closes_fence(text: &str, mark: char, length: usize) -> bool {
    text.len() >= length && text.chars().all(|it| it == mark)
}

/// Returns whether the line makes the lines in front of it a heading.
fn is_underline(text: &str) -> bool {
    text.chars().all(|it| it == '=') || text.chars().all(|it| it == '-')
}

fn is_heading(text: &str) -> bool {
    let level = text.len() - text.trim_start_matches('#').len();
    (1..=6).contains(&level) && text[level..].chars().next().is_none_or(|it| matches!(it, ' ' | '\t'))
}

fn starts_html(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('<')
        && chars.next().is_some_and(|it| it.is_ascii_alphabetic() || matches!(it, '/' | '!' | '?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that begin with `x` are expected to be text, lines that begin with `o` not; others do not matter.
    fn check(comment: &str) {
        let found: Vec<usize> =
            text_lines(comment).iter().filter(|it| it.text.starts_with(['x', 'o'])).map(|it| it.number).collect();
        let expected: Vec<usize> = comment
            .lines()
            .enumerate()
            .filter(|(_, it)| it.trim_start().starts_with('x'))
            .map(|(at, _)| at + 1)
            .collect();
        assert_eq!(found, expected, "{comment}");
    }

    #[test]
    fn plain_lines_are_text() {
        check("x");
        check("x\r\nx\r\n\r\nx");
        check("   x\nx");
        check("hello\nx\n\nworld");
        check("a < b and c > d\nx");
        check("a[0] and [a link](https://example.com)\nx");
        check("`code` and ``more ` code``\nx");
        check("Vec<String> fails\nx\n\nx");
        check("- an item\n  x");
        check("***\nx\n\n---\nx");
        check("1 <!-- hidden --> 2\nx");
    }

    #[test]
    fn code_is_not() {
        check("```\no\n```\nx");
        check("```rust\no\n~~~\no\n``\no\n```\nx");
        check("~~~~\no\n~~~\no\n~~~~~\nx");
        check("```\no");
        check("  ```\no\n  ```\nx");
        check("    o\nx");
        check("\to\nx");
        check("`open\no\nclose`\n\nx");
        check("```not a fence```\nx");
        check("> ```\no\n\nx");
    }

    #[test]
    fn quotes_are_not() {
        check("> o\nx".replace('x', "o").as_str());
        check("> a\no\n\nx");
        check(">a\n>o\n\nx");
        check("   > a\no\n\nx");
        check("On Monday somebody wrote:\n> a\n> o\n\nx");
    }

    #[test]
    fn headings_are_not() {
        check("# o\nx");
        check("o\n===\nx");
        check("o\no\n---\nx");
        check("#no heading\nx");
    }

    #[test]
    fn links_are_not() {
        check("[a\no\n](https://example.com)\n\nx");
        check("![a\no](x.png)\n\nx");
        check("\\[a\nx");
    }

    #[test]
    fn html_is_not() {
        check("<!-- a\no\n\no\n--> o\no\n\nx");
        check("a <!--\no\n-->\n\nx");
        check("<details>\n<summary>a</summary>\n\no\n\n</details>\n\nx");
        check("<div>\no\n</div>\n\nx");
        check("<b>\no\n\nx");
        check("<pre>\n\no\n\n</pre>\n\nx");
        check("text <details>\n\no\n\n</details>\n\nx");
        check("a <a\nhref='b'\n>c</a>\n\nx");
        check("<a title=\"\no\n\">\n\nx");
        check("<script>\n</pre>\n\no\n\n</script>\n\nx");
        check("<div><pre>\n\no\n\n</div>\n\nx");
        check("a <!X\no\n>\n\nx");
        check("<DIV>\n\no\n</DIV>\n\nx");
        check("`<div>`\n\nx");
        check("```\n<div>\n```\n\nx");
        check("<?php\n\no\n\n?>\n\nx");
        check("<!DOCTYPE\n\no\n\n>\n\nx");
        check("<![CDATA[ > \n\no\n\n]]>\n\nx");
        check("<!DOCTYPE html>\n\nx");
    }

    #[test]
    fn blocks_of_list_items_are_not() {
        check("- > a\no\n\nx");
        check("1. ```\n   o\n   ```\n\nx");
        check("- <div>\n  o\n  </div>\n\nx");
        check("* + # a\nx");
        check("-no list\nx");
    }
}
