//! Reading patches.
//!
//! The grammar is that of `git apply`: a `diff --git` line with extended headers, or the bare `---`, `+++` pair of `diff -u`; then
//! hunks, whose headers say how many lines follow. Anything between files is skipped, which lets mails through.

use std::borrow::Cow;

use bstr::{BString, ByteSlice};

use super::quote::unquote;
use super::{ChangeKind, FilePatch, HeaderStyle, Hunk, IndexLine, Line, LineSide, Patch, PatchError, Similarity};
use crate::FileMode;

const DEV_NULL: &[u8] = b"/dev/null";

/// The one-letter directories that git puts in front of the two paths: by default `a` and `b`, else by what is compared.
const PREFIXES: &[u8] = b"abciow12";

pub(super) fn parse(text: &[u8]) -> Result<Patch, PatchError> {
    let mut reader = Reader { rest: text, line: 0 };
    let mut files = Vec::new();
    while let Some(line) = reader.next() {
        let line = header(line);
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            files.push(read_git_file(&mut reader, names)?);
        } else if line.starts_with(b"--- ") && reader.peek().is_some_and(|next| next.starts_with(b"+++ ")) {
            files.push(read_plain_file(&mut reader, &line[4..])?);
        } else if line.starts_with(b"@@ -") {
            return Err(reader.error("a hunk stands outside a file"));
        }
    }
    if files.is_empty() {
        return Err(PatchError::Empty);
    }
    Ok(Patch { files })
}

/// The lines of the text, with the newline left on.
struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find_byte(b'\n').map_or(self.rest.len(), |at| at + 1);
        Some(&self.rest[..end])
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.peek()?;
        self.rest = &self.rest[line.len()..];
        self.line += 1;
        Some(line)
    }

    fn error(&self, reason: &'static str) -> PatchError {
        PatchError::Malformed { line: self.line, reason }
    }
}

/// Removes the line end from a header line; git quotes names that end so.
fn header(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What the header of a file says, before it makes sense as a whole.
#[derive(Default)]
struct Header {
    kind: Option<ChangeKind>,
    from: Option<BString>,
    to: Option<BString>,
    old_side: Option<BString>,
    new_side: Option<BString>,
    old_mode: Option<FileMode>,
    new_mode: Option<FileMode>,
    index: Option<IndexLine>,
    similarity: Option<Similarity>,
    binary: bool,
}

fn read_git_file(reader: &mut Reader<'_>, names: &[u8]) -> Result<FilePatch, PatchError> {
    let mut head = Header::default();
    while let Some(line) = reader.peek().map(header) {
        if !read_header_line(reader, line, &mut head)? {
            break;
        }
        reader.next();
    }
    let names = split_names(names);
    let prefixed = names.as_ref().is_none_or(|names| names.prefixed);
    let strip = |path: BString| strip_prefix(path, prefixed);
    let both = names.map(|names| (names.old, names.new));
    let (line_old, line_new) = both.unzip();
    // `rename from` and the like carry no prefix; the `---` and `+++` lines are never ambiguous; the first line may be.
    let present = |side: Option<BString>| side.filter(|path| *path != DEV_NULL).map(strip);
    let absent = |side: &Option<BString>| side.as_ref().is_some_and(|path| path == DEV_NULL);
    // People and models leave out the `new file mode` line.
    let implied = match (absent(&head.old_side), absent(&head.new_side)) {
        (true, false) => ChangeKind::Create,
        (false, true) => ChangeKind::Delete,
        _ => ChangeKind::Modify,
    };
    let (old_side, new_side) = (present(head.old_side.take()), present(head.new_side.take()));
    let old = head.from.take().or(old_side.clone()).or_else(|| new_side.clone()).or(line_old);
    let new = head.to.take().or(new_side).or(old_side).or(line_new);
    let (Some(old_path), Some(new_path)) = (old, new) else {
        return Err(reader.error("the file has no name that can be read"));
    };
    if head.binary {
        return Err(PatchError::Binary { path: new_path.to_string() });
    }
    let kind = head.kind.unwrap_or(implied);
    let moves = matches!(kind, ChangeKind::Rename | ChangeKind::Copy);
    if !moves && old_path != new_path {
        return Err(reader.error("the two names of the file differ, but it is not renamed"));
    }
    let hunks = read_hunks(reader)?;
    Ok(FilePatch {
        kind,
        old_path,
        new_path,
        old_mode: head.old_mode,
        new_mode: head.new_mode,
        index: head.index,
        similarity: head.similarity,
        hunks,
        header: HeaderStyle::Git,
    })
}

/// Reads one line of a git header; returns false at the first line that is none.
fn read_header_line(reader: &Reader<'_>, line: &[u8], head: &mut Header) -> Result<bool, PatchError> {
    let error = |reason| PatchError::Malformed { line: reader.line + 1, reason };
    let mode = |text: &[u8]| read_mode(text).ok_or_else(|| error("the mode is unknown"));
    let path = |text: &[u8]| read_name(text).ok_or_else(|| error("the name cannot be read"));
    let percent = |text: &[u8]| read_percent(text).ok_or_else(|| error("the percentage cannot be read"));
    let Some((label, value)) = split_label(line) else { return Ok(false) };
    match label {
        "old mode " => head.old_mode = Some(mode(value)?),
        "new mode " => head.new_mode = Some(mode(value)?),
        "deleted file mode " => {
            (head.kind, head.old_mode) = (Some(ChangeKind::Delete), Some(mode(value)?));
        }
        "new file mode " => {
            (head.kind, head.new_mode) = (Some(ChangeKind::Create), Some(mode(value)?));
        }
        "rename from " | "rename old " => {
            (head.kind, head.from) = (Some(ChangeKind::Rename), Some(path(value)?));
        }
        "rename to " | "rename new " => (head.kind, head.to) = (Some(ChangeKind::Rename), Some(path(value)?)),
        "copy from " => (head.kind, head.from) = (Some(ChangeKind::Copy), Some(path(value)?)),
        "copy to " => (head.kind, head.to) = (Some(ChangeKind::Copy), Some(path(value)?)),
        "similarity index " => head.similarity = Some(Similarity::Alike(percent(value)?)),
        "dissimilarity index " => head.similarity = Some(Similarity::Unlike(percent(value)?)),
        "index " => head.index = Some(read_index(value).ok_or_else(|| error("the index line cannot be read"))?),
        "--- " => head.old_side = Some(path(value)?),
        "+++ " => head.new_side = Some(path(value)?),
        // Both end the header: what follows is no text, or cannot be told from it.
        _ => head.binary = true,
    }
    Ok(true)
}

/// Splits a header line behind its label.
fn split_label(line: &[u8]) -> Option<(&'static str, &[u8])> {
    const LABELS: [&str; 16] = [
        "old mode ",
        "new mode ",
        "deleted file mode ",
        "new file mode ",
        "rename from ",
        "rename to ",
        "rename old ",
        "rename new ",
        "copy from ",
        "copy to ",
        "similarity index ",
        "dissimilarity index ",
        "index ",
        "--- ",
        "+++ ",
        "Binary files ",
    ];
    if line == b"GIT binary patch" {
        return Some(("GIT binary patch", b""));
    }
    LABELS.into_iter().find_map(|label| Some((label, line.strip_prefix(label.as_bytes())?)))
}

fn read_plain_file(reader: &mut Reader<'_>, old: &[u8]) -> Result<FilePatch, PatchError> {
    let unreadable = |reader: &Reader<'_>| reader.error("the name cannot be read");
    let old = read_name(old).ok_or_else(|| unreadable(reader))?;
    let new = reader.next().map(header).and_then(|line| line.strip_prefix(b"+++ ")).and_then(read_name);
    let new = new.ok_or_else(|| unreadable(reader))?;
    let kind = match (old == DEV_NULL, new == DEV_NULL) {
        (true, true) => return Err(reader.error("both names are /dev/null")),
        (true, false) => ChangeKind::Create,
        (false, true) => ChangeKind::Delete,
        (false, false) => ChangeKind::Modify,
    };
    let prefixed = |path: &BString, prefix: &[u8]| path.starts_with(prefix);
    let strip = match kind {
        ChangeKind::Create => prefixed(&new, b"b/"),
        ChangeKind::Delete => prefixed(&old, b"a/"),
        ChangeKind::Modify | ChangeKind::Rename | ChangeKind::Copy => has_prefixes(&old, &new),
    };
    let (old, new) = (strip_prefix(old, strip), strip_prefix(new, strip));
    let (old_path, new_path) = match kind {
        ChangeKind::Create => (new.clone(), new),
        ChangeKind::Delete => (old.clone(), old),
        // `diff -u x.orig x` and the like: the new name counts.
        ChangeKind::Modify | ChangeKind::Rename | ChangeKind::Copy => (new.clone(), new),
    };
    let hunks = read_hunks(reader)?;
    if hunks.is_empty() {
        return Err(reader.error("the file has no hunk"));
    }
    Ok(FilePatch {
        kind,
        old_path,
        new_path,
        old_mode: None,
        new_mode: None,
        index: None,
        similarity: None,
        hunks,
        header: HeaderStyle::Plain,
    })
}

fn read_hunks(reader: &mut Reader<'_>) -> Result<Vec<Hunk>, PatchError> {
    let mut hunks = Vec::new();
    while reader.peek().is_some_and(|line| line.starts_with(b"@@ -")) {
        hunks.push(read_hunk(reader)?);
    }
    Ok(hunks)
}

fn read_hunk(reader: &mut Reader<'_>) -> Result<Hunk, PatchError> {
    let head = reader.next().map(header).unwrap_or_default();
    let mut hunk = read_hunk_header(head).ok_or_else(|| reader.error("the hunk header cannot be read"))?;
    let (mut old_left, mut new_left) = (hunk.old_lines, hunk.new_lines);
    let (mut old_open, mut new_open) = (false, false);
    while old_left > 0 || new_left > 0 {
        let Some(line) = reader.next() else { return Err(reader.error("the patch ends inside a hunk")) };
        let (side, bytes) = match line {
            [b' ', bytes @ ..] => (LineSide::Context, bytes),
            [b'-', bytes @ ..] => (LineSide::Removed, bytes),
            [b'+', bytes @ ..] => (LineSide::Added, bytes),
            // Mailers and editors strip the space of an empty context line.
            b"\n" | b"\r\n" => (LineSide::Context, line),
            _ => return Err(reader.error("the line belongs to no hunk, but the hunk header promises more lines")),
        };
        let (old, new) = (side != LineSide::Added, side != LineSide::Removed);
        if (old && old_left == 0) || (new && new_left == 0) {
            return Err(reader.error("the hunk has other lines than its header promises"));
        }
        if (old && old_open) || (new && new_open) {
            return Err(reader.error("a line follows one that ends the file without newline"));
        }
        old_left -= usize::from(old);
        new_left -= usize::from(new);
        let mut bytes = BString::from(bytes);
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        if reader.peek().is_some_and(|next| next.starts_with(b"\\")) {
            reader.next();
            bytes.pop();
            (old_open, new_open) = (old_open || old, new_open || new);
            if bytes.is_empty() {
                return Err(reader.error("an empty line has no newline to lack"));
            }
        }
        hunk.lines.push(Line { side, bytes });
    }
    Ok(hunk)
}

/// Reads `@@ -1,2 +3,4 @@ section`.
fn read_hunk_header(line: &[u8]) -> Option<Hunk> {
    let rest = line.strip_prefix(b"@@ -")?;
    let (old_start, old_lines, rest) = read_range(rest)?;
    let (new_start, new_lines, rest) = read_range(rest.strip_prefix(b" +")?)?;
    let section = rest.strip_prefix(b" @@")?;
    // A start of 0 means that the side has no lines, so a lying one would count from in front of the file.
    let sane = (old_start > 0 || old_lines == 0) && (new_start > 0 || new_lines == 0);
    let hunk = Hunk { old_start, old_lines, new_start, new_lines, section: section.into(), lines: Vec::new() };
    sane.then_some(hunk)
}

fn read_range(text: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (start, rest) = read_number(text)?;
    match rest.strip_prefix(b",") {
        Some(rest) => read_number(rest).map(|(lines, rest)| (start, lines, rest)),
        None => Some((start, 1, rest)),
    }
}

fn read_number(text: &[u8]) -> Option<(usize, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    // Nine digits are more lines than fit in memory and fewer than overflow.
    if end == 0 || end > 9 {
        return None;
    }
    let number = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    Some((number, &text[end..]))
}

/// Reads a name up to the tab that ends it, or in quotes.
fn read_name(text: &[u8]) -> Option<BString> {
    if text.starts_with(b"\"") {
        return unquote(text).map(|(name, _)| name);
    }
    let end = text.find_byte(b'\t').unwrap_or(text.len());
    if end == 0 { None } else { Some(text[..end].into()) }
}

fn read_mode(text: &[u8]) -> Option<FileMode> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    if text.len() != 6 {
        return None;
    }
    FileMode::from_bits(u32::from_str_radix(text, 8).ok()?)
}

fn read_percent(text: &[u8]) -> Option<u8> {
    let number: u8 = std::str::from_utf8(text.strip_suffix(b"%")?).ok()?.parse().ok()?;
    (number <= 100).then_some(number)
}

fn read_index(text: &[u8]) -> Option<IndexLine> {
    let (ids, mode) = match text.split_once_str(" ") {
        Some((ids, mode)) => (ids, Some(read_mode(mode)?)),
        None => (text, None),
    };
    let (old, new) = ids.split_once_str("..")?;
    let is_id = |id: &[u8]| !id.is_empty() && id.iter().all(u8::is_ascii_hexdigit);
    (is_id(old) && is_id(new)).then(|| IndexLine { old: old.into(), new: new.into(), mode })
}

/// A name that is copied only if it is quoted.
type Name<'a> = Cow<'a, [u8]>;

struct Names {
    old: BString,
    new: BString,
    prefixed: bool,
}

/// Two paths of the greatest length, quoted; a longer line is no header but an attempt to keep the search below busy.
const MAX_NAMES_BYTES: usize = 4 * 4096;

/// Splits the two names of a `diff --git` line. Names with spaces are told apart by being the same, as in git.
fn split_names(text: &[u8]) -> Option<Names> {
    if text.len() > MAX_NAMES_BYTES {
        return None;
    }
    let pairs: Vec<(Name<'_>, Name<'_>)> = if text.starts_with(b"\"") {
        let (old, rest) = unquote(text)?;
        vec![(Name::Owned(old.into()), read_last_name(rest.strip_prefix(b" ")?)?)]
    } else {
        let spaces = text.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
        spaces.filter_map(|at| Some((Name::Borrowed(&text[..at]), read_last_name(&text[at + 1..])?))).collect()
    };
    fn stripped<'a>(path: &'a Name<'_>) -> &'a [u8] {
        path.get(2..).unwrap_or_default()
    }
    let owned = |path: &[u8]| BString::from(path);
    for (old, new) in &pairs {
        if has_prefixes(old, new) && stripped(old) == stripped(new) {
            return Some(Names { old: owned(stripped(old)), new: owned(stripped(new)), prefixed: true });
        }
    }
    for (old, new) in pairs.iter() {
        if old == new {
            return Some(Names { old: owned(old), new: owned(new), prefixed: false });
        }
    }
    // A rename: its own header lines give the names, so only the prefix matters here.
    let prefixed = pairs.iter().any(|(old, new)| has_prefixes(old, new));
    let (old, new) = pairs.into_iter().next()?;
    Some(Names { old: strip_prefix(owned(&old), prefixed), new: strip_prefix(owned(&new), prefixed), prefixed })
}

fn read_last_name(text: &[u8]) -> Option<Name<'_>> {
    if text.starts_with(b"\"") {
        let (name, rest) = unquote(text)?;
        return rest.is_empty().then(|| Name::Owned(name.into()));
    }
    (!text.is_empty()).then_some(Name::Borrowed(text))
}

fn has_prefixes(old: &[u8], new: &[u8]) -> bool {
    let prefix = |path: &[u8]| match path {
        [letter, b'/', _, ..] if PREFIXES.contains(letter) => Some(*letter),
        _ => None,
    };
    let (old, new) = (prefix(old), prefix(new));
    old.is_some() && new.is_some() && old != new
}

fn strip_prefix(path: BString, prefixed: bool) -> BString {
    match path.as_slice() {
        [letter, b'/', rest @ ..] if prefixed && PREFIXES.contains(letter) => rest.into(),
        _ => path,
    }
}

#[cfg(test)]
mod tests;
