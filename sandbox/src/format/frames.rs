//! Places in the workspace that a stack trace or an error message names.

use repo::RepoPath;

use super::clip;
use crate::report::Frame;
use crate::tool::ToolRun;

/// Most frames that are kept of one failure.
const MOST_FRAMES: usize = 40;
/// Most of a text that is searched.
const MOST_TEXT: usize = 256 << 10;
/// Folders of the workspace that hold other people's code.
const FOREIGN: &[&str] = &["node_modules", "vendor", ".yarn", "bower_components"];

/// Where a run's paths start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'a> {
    root: &'a str,
    cwd: &'a str,
}

impl<'a> Base<'a> {
    pub(crate) fn new(root: &'a str, cwd: &'a str) -> Self {
        Self { root: root.trim_end_matches('/'), cwd: cwd.trim_matches('/') }
    }

    pub(crate) fn of(run: &ToolRun<'a>) -> Self {
        Self::new(run.root, run.cwd)
    }

    /// Returns a path as the workspace has it; `None` when it lies outside or in folders for other people's code.
    pub(crate) fn own(&self, path: &str) -> Option<String> {
        let path = self.inside(path)?;
        let foreign = path.split('/').any(|part| FOREIGN.contains(&part));
        (!foreign).then_some(path)
    }

    /// Returns a path as the workspace has it; `None` when it lies outside.
    pub(crate) fn inside(&self, path: &str) -> Option<String> {
        let path = path.strip_prefix("file://").map_or_else(|| path.to_owned(), decode);
        let relative = match path.strip_prefix(self.root).filter(|_| path.starts_with('/')) {
            Some(rest) => rest.strip_prefix('/')?.to_owned(),
            None if path.starts_with('/') || path.contains(':') => return None,
            None if self.cwd.is_empty() => path,
            None => format!("{}/{path}", self.cwd),
        };
        let mut parts = Vec::new();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        let joined = parts.join("/");
        RepoPath::new(&joined).ok().map(|_| joined)
    }

    /// Returns a text in which paths of the workspace stand as the workspace has them, so that it is the same in every box.
    pub(crate) fn text(&self, text: &str) -> String {
        if self.root.is_empty() {
            return text.to_owned();
        }
        text.replace(&format!("file://{}/", self.root), "").replace(&format!("{}/", self.root), "")
    }

    fn frame(&self, path: &str, line: u32, function: &str) -> Option<Frame> {
        let path = self.own(path)?;
        Some(Frame { path, line, function: clip(function, 200).to_owned() })
    }

    /// Returns a place that a message names at its beginning: `PATH:LINE`, `PATH(LINE,COLUMN)`, `PATH line LINE`.
    fn place(&self, path: &str, line: &str) -> Option<Frame> {
        let named = path.rsplit('/').next().is_some_and(|name| name.contains('.') && !name.ends_with('.'));
        if !named || path.len() > 1000 {
            return None;
        }
        self.frame(path, line.parse().ok().filter(|line| *line > 0)?, "")
    }
}

/// `%20` and its like.
fn decode(url: &str) -> String {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a stack as V8 prints it, innermost first, and returns the frames inside the workspace, outermost first.
pub(crate) fn of_v8(stack: &str, base: Base<'_>) -> Vec<Frame> {
    let mut frames = Vec::new();
    for line in clip(stack, MOST_TEXT).lines() {
        let Some((path, number, function)) = v8_line(line.trim()) else { continue };
        frames.extend(base.frame(path, number, function));
        if frames.len() == MOST_FRAMES {
            break;
        }
    }
    frames.dedup();
    frames.reverse();
    frames
}

/// `at f (PATH:3:4)`, `at async f (PATH:3:4)`, `at PATH:3:4`, and node's own reports of them without the `at`.
fn v8_line(line: &str) -> Option<(&str, u32, &str)> {
    let bare = line.strip_prefix("at ");
    let line = bare.unwrap_or(line);
    let (function, place) = match line.strip_suffix(')').and_then(|inner| inner.rsplit_once(" (")) {
        Some((function, place)) => (function, place),
        None if bare.is_some() => ("", line),
        None => return None,
    };
    let place = place.strip_prefix("async ").unwrap_or(place);
    let (rest, column) = place.rsplit_once(':')?;
    let (path, number) = rest.rsplit_once(':')?;
    column.parse::<u32>().ok()?;
    let function = function.strip_prefix("async ").unwrap_or(function);
    Some((path, number.parse().ok()?, if function == "<anonymous>" { "" } else { function }))
}

/// Returns the places that an error message names, in its order and without repetitions.
pub(crate) fn named(text: &str, base: Base<'_>) -> Vec<Frame> {
    let plain = crate::report::text::plain(clip(text, MOST_TEXT).as_bytes());
    let mut places: Vec<Frame> = Vec::new();
    for line in plain.lines().filter(|line| line.len() < 4000) {
        if let Some(place) = place_of(line, base)
            && !places.contains(&place)
        {
            places.push(place);
        }
        if places.len() == MOST_FRAMES {
            break;
        }
    }
    places
}

fn place_of(line: &str, base: Base<'_>) -> Option<Frame> {
    let words = line.split([' ', '\t', '"', '\'', '`', '[', ']']).filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>();
    let found = words.iter().find_map(|word| colons(word.trim_start_matches('('), base).or_else(|| parens(word, base)));
    found.or_else(|| php(&words, base)).or_else(|| babel(&words, base))
}

/// `PATH:3`, `PATH:3:4`, `PATH:3:4:`.
fn colons(word: &str, base: Base<'_>) -> Option<Frame> {
    let (scheme, rest) = if word.starts_with("file://") { word.split_at(7) } else { word.split_at(0) };
    let (path, after) = rest.split_once(':')?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    base.place(&format!("{scheme}{path}"), &after[..digits])
}

/// `PATH(3,4):`, as TypeScript prints it.
fn parens(word: &str, base: Base<'_>) -> Option<Frame> {
    let (path, after) = word.split_once('(')?;
    let (line, _) = after.split_once([',', ')'])?;
    base.place(path, line)
}

/// `… in PATH on line 3`, as PHP prints it.
fn php(words: &[&str], base: Base<'_>) -> Option<Frame> {
    let at = words.windows(4).find(|four| four[1] == "on" && four[2] == "line")?;
    let digits = at[3].bytes().take_while(u8::is_ascii_digit).count();
    base.place(at[0], &at[3][..digits])
}

/// `PATH: Unexpected token (3:4)`, as Babel prints it.
fn babel(words: &[&str], base: Base<'_>) -> Option<Frame> {
    let path = words.iter().find_map(|word| word.strip_suffix(':').filter(|path| path.contains('/')))?;
    let (line, _) = words.iter().rev().find_map(|word| word.strip_prefix('(')?.strip_suffix(')')?.split_once(':'))?;
    base.place(path, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(frames: &[Frame]) -> String {
        let lines = frames.iter().map(|frame| format!("{}:{} {}", frame.path, frame.line, frame.function));
        lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    #[test]
    fn stacks_of_v8() {
        let stack = "TypeError: x\n    at inner (/work/src/a b.js:3:4)\n    at async Object.f (file:///work/src/c%20d.mjs:5:1)\n    at /work/test/t.js:9:2\n    at node:internal/x:1:2\n    at g (/work/node_modules/m/i.js:1:1)\n    at h (/workshop/x.js:1:1)\n    at new P (<anonymous>)";
        let expected = "test/t.js:9 \nsrc/c d.mjs:5 Object.f\nsrc/a b.js:3 inner";
        assert_eq!(show(&of_v8(stack, Base::new("/work/", ""))), expected);
        let bare = "TestContext.<anonymous> (file:///work/a.mjs:7:35)\nnode:internal/x:3:4";
        assert_eq!(show(&of_v8(bare, Base::new("/work", ""))), "a.mjs:7 TestContext.<anonymous>");
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(show(&named(text, Base::new("/work", "pkg"))), expected, "{text}");
    }

    #[test]
    fn places_in_messages() {
        check("SyntaxError: /work/src/a.js: Unexpected token (3:4)\n\n  1 | x", "src/a.js:3");
        check("file:///work/a.mjs:3\nexport const = 1\n", "a.mjs:3");
        check("src/a.ts(3,7): error TS2322: Type", "pkg/src/a.ts:3");
        check("\x1b[96msrc/a.ts\x1b[0m:\x1b[93m3\x1b[0m:\x1b[93m7\x1b[0m - error TS2322", "pkg/src/a.ts:3");
        check("Transform failed with 1 error:\n/work/a.ts:3:4: ERROR: Expected \";\"", "a.ts:3");
        check("PHP Parse error:  syntax error, unexpected token in /work/src/A.php on line 12", "src/A.php:12");
        check("/work/lib/a.rb:3: syntax error, unexpected end", "lib/a.rb:3");
        check("at (../other.js:4:1)", "other.js:4");
        check("../../out.js:4 http://localhost:80/x.js:3 12:30 a:b /etc/x.conf:3 node_modules/m/i.js:3", "");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a-z/.:()0-9,% \\n\"'é-]{0,80}") {
            named(&text, Base::new("/work", ""));
            of_v8(&text, Base::new("/work", "x"));
        }
    }
}
