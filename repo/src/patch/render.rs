//! Writing patches as git does.

use super::quote::quote;
use super::{ChangeKind, FilePatch, HeaderStyle, Hunk, IndexLine, LineSide, Patch, Similarity};
use crate::FileMode;

/// The line that says that the line in front has no newline.
pub(super) const NO_NEWLINE: &[u8] = b"\\ No newline at end of file";

pub(super) fn render(patch: &Patch) -> Vec<u8> {
    let mut out = Vec::new();
    for file in &patch.files {
        render_file(file, &mut out);
    }
    out
}

fn render_file(file: &FilePatch, out: &mut Vec<u8>) {
    if file.header == HeaderStyle::Git {
        render_git_header(file, out);
    }
    if file.hunks.is_empty() {
        return;
    }
    render_side(b"--- ", b"a/", &file.old_path, file.kind == ChangeKind::Create, out);
    render_side(b"+++ ", b"b/", &file.new_path, file.kind == ChangeKind::Delete, out);
    for hunk in &file.hunks {
        render_hunk(hunk, out);
    }
}

fn render_git_header(file: &FilePatch, out: &mut Vec<u8>) {
    out.extend_from_slice(b"diff --git ");
    quote(b"a/", &file.old_path, out);
    out.push(b' ');
    quote(b"b/", &file.new_path, out);
    out.push(b'\n');
    let (old_label, new_label) = match file.kind {
        ChangeKind::Create => ("", "new file mode"),
        ChangeKind::Delete => ("deleted file mode", ""),
        ChangeKind::Modify | ChangeKind::Rename | ChangeKind::Copy => ("old mode", "new mode"),
    };
    render_mode(old_label, file.old_mode, out);
    render_mode(new_label, file.new_mode, out);
    match file.similarity {
        Some(Similarity::Alike(percent)) => out.extend_from_slice(format!("similarity index {percent}%\n").as_bytes()),
        Some(Similarity::Unlike(percent)) => {
            out.extend_from_slice(format!("dissimilarity index {percent}%\n").as_bytes());
        }
        None => {}
    }
    let moved: Option<(&[u8], &[u8])> = match file.kind {
        ChangeKind::Rename => Some((b"rename from ", b"rename to ")),
        ChangeKind::Copy => Some((b"copy from ", b"copy to ")),
        ChangeKind::Create | ChangeKind::Delete | ChangeKind::Modify => None,
    };
    if let Some((from, to)) = moved {
        for (label, path) in [(from, &file.old_path), (to, &file.new_path)] {
            out.extend_from_slice(label);
            quote(b"", path, out);
            out.push(b'\n');
        }
    }
    if let Some(index) = &file.index {
        render_index(index, out);
    }
}

fn render_mode(label: &str, mode: Option<FileMode>, out: &mut Vec<u8>) {
    if let Some(mode) = mode.filter(|_| !label.is_empty()) {
        out.extend_from_slice(format!("{label} {:06o}\n", mode.bits()).as_bytes());
    }
}

fn render_index(index: &IndexLine, out: &mut Vec<u8>) {
    out.extend_from_slice(b"index ");
    out.extend_from_slice(&index.old);
    out.extend_from_slice(b"..");
    out.extend_from_slice(&index.new);
    if let Some(mode) = index.mode {
        out.extend_from_slice(format!(" {:06o}", mode.bits()).as_bytes());
    }
    out.push(b'\n');
}

fn render_side(label: &[u8], prefix: &[u8], path: &[u8], absent: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(label);
    if absent {
        out.extend_from_slice(b"/dev/null");
    } else {
        quote(prefix, path, out);
        // Other tools end the name at white space; git marks the end with a tab.
        if path.contains(&b' ') {
            out.push(b'\t');
        }
    }
    out.push(b'\n');
}

fn render_hunk(hunk: &Hunk, out: &mut Vec<u8>) {
    let range = |start: usize, lines: usize| if lines == 1 { start.to_string() } else { format!("{start},{lines}") };
    let (old, new) = (range(hunk.old_start, hunk.old_lines), range(hunk.new_start, hunk.new_lines));
    out.extend_from_slice(format!("@@ -{old} +{new} @@").as_bytes());
    out.extend_from_slice(&hunk.section);
    out.push(b'\n');
    for line in &hunk.lines {
        out.push(match line.side {
            LineSide::Context => b' ',
            LineSide::Removed => b'-',
            LineSide::Added => b'+',
        });
        out.extend_from_slice(&line.bytes);
        if !line.bytes.ends_with(b"\n") {
            out.push(b'\n');
            out.extend_from_slice(NO_NEWLINE);
            out.push(b'\n');
        }
    }
}
