//! Paths in the issue: frames of tracebacks, files and modules that it names.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Context, Reason, Vote, Votes};
use crate::Index;
use crate::evidence::Frame;
use crate::symbol::{FileId, SymbolId};

/// The files of the index by file name, to find what a path from another machine means here.
pub(super) struct Places<'a> {
    by_file_name: FxHashMap<&'a [u8], Vec<FileId>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(index: &'a Index) -> Places<'a> {
        let mut by_file_name: FxHashMap<&[u8], Vec<FileId>> = FxHashMap::default();
        for (at, file) in index.files().iter().enumerate() {
            by_file_name.entry(file.path.file_name()).or_default().push(FileId(at as u32));
        }
        Places { by_file_name }
    }

    /// Returns the files that share the longest end with `path`, and how many components they share.
    fn matching(&self, index: &Index, path: &str) -> (Vec<FileId>, usize) {
        let wanted: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let Some(name) = wanted.last() else { return (Vec::new(), 0) };
        let mut best = (Vec::new(), 0);
        for id in self.by_file_name.get(name.as_bytes()).into_iter().flatten() {
            let Some(file) = index.file(*id) else { continue };
            let shared = file
                .path
                .components()
                .rev()
                .zip(wanted.iter().rev())
                .take_while(|(have, want)| *have == want.as_bytes())
                .count();
            if shared > best.1 {
                best = (vec![*id], shared);
            } else if shared == best.1 {
                best.0.push(*id);
            }
        }
        best
    }
}

/// Votes for the functions in tracebacks, those nearest to the error most.
pub(super) fn frames(context: &Context<'_>) -> Votes {
    let frames = &context.evidence.frames;
    let mut symbols: BTreeMap<SymbolId, (f64, String)> = BTreeMap::new();
    let mut files: BTreeMap<FileId, (f64, String)> = BTreeMap::new();
    let mut weight = 1.0;
    for (at, frame) in frames.iter().enumerate().rev() {
        let Some(file) = file_of(context, frame) else { continue };
        let reason = format!("traceback frame {}: {}:{}", at + 1, frame.path, frame.line);
        keep_best(&mut files, file, weight, &reason);
        if let Some(symbol) = symbol_of(context, file, frame) {
            keep_best(&mut symbols, symbol, weight, &reason);
        }
        weight = (weight * 0.85).max(0.1);
    }
    Votes { symbols: collected(symbols), files: collected(files) }
}

fn file_of(context: &Context<'_>, frame: &Frame) -> Option<FileId> {
    let (files, shared) = context.places.matching(context.index, &frame.path);
    let [file] = files[..] else { return None };
    // A file name alone may be the reporter's own `models.py`.
    (shared > 1 && context.may_suspect(file)).then_some(file)
}

/// The reporter's version has other lines, so the function's name comes first and the line decides between namesakes.
fn symbol_of(context: &Context<'_>, file: FileId, frame: &Frame) -> Option<SymbolId> {
    let path = &context.index.file(file)?.path;
    if let Some(function) = &frame.function {
        let short = function.rsplit('.').next().unwrap_or(function);
        let namesakes = context.index.symbols_named(short).iter().copied();
        let distance = |id: &SymbolId| {
            context.index.symbol(*id).map_or(u32::MAX, |symbol| {
                if symbol.lines.contains(frame.line) {
                    0
                } else {
                    symbol.lines.start.abs_diff(frame.line).min(symbol.lines.end.abs_diff(frame.line))
                }
            })
        };
        let here =
            namesakes.filter(|id| context.index.symbol(*id).is_some_and(|it| it.file == file && it.kind.is_callable()));
        if let Some(found) = here.min_by_key(distance) {
            return context.suspect(found);
        }
    }
    context.index.symbol_at(path, frame.line).and_then(|id| context.suspect(id))
}

/// Votes for files and modules that the issue names, and for the functions at lines it points to.
pub(super) fn mentions(context: &Context<'_>) -> Votes {
    let mut symbols: BTreeMap<SymbolId, (f64, String)> = BTreeMap::new();
    let mut files: BTreeMap<FileId, (f64, String)> = BTreeMap::new();
    for mention in &context.evidence.paths {
        let in_traceback = context.evidence.frames.iter().any(|frame| frame.path.ends_with(&mention.path));
        if in_traceback {
            continue;
        }
        let (found, shared) = context.places.matching(context.index, &mention.path);
        let components = mention.path.split('/').count();
        // A path with directories must be met by more than its file name.
        if shared < components.min(2) || found.len() > 5 {
            continue;
        }
        for file in found.iter().copied().filter(|it| context.may_suspect(*it)) {
            let reason = format!("issue names the file {}", mention.path);
            keep_best(&mut files, file, 1.0 / found.len() as f64, &reason);
            let at_line = mention.line.zip(context.index.file(file));
            let symbol = at_line.and_then(|(line, it)| context.index.symbol_at(&it.path, line));
            if let Some(suspect) = symbol.and_then(|symbol| context.suspect(symbol)) {
                keep_best(&mut symbols, suspect, 1.0, &reason);
            }
        }
    }
    for name in &context.evidence.names {
        let weight = if name.places.title || name.places.prose || name.places.backticks { 0.8 } else { 0.4 };
        if let Some((file, module)) = module_file(context, &name.text) {
            keep_best(&mut files, file, weight, &format!("issue names the module {module}"));
        }
    }
    Votes { symbols: collected(symbols), files: collected(files) }
}

/// Finds the file of the longest module path that a dotted name starts with.
fn module_file(context: &Context<'_>, dotted: &str) -> Option<(FileId, String)> {
    let parts: Vec<&str> = dotted.split('.').collect();
    (2..=parts.len()).rev().find_map(|end| {
        let base = parts[..end].join("/");
        // A package's own file says little: it mostly re-exports.
        let (files, shared) = context.places.matching(context.index, &format!("{base}.py"));
        let [file] = files[..] else { return None };
        (shared == end && context.may_suspect(file)).then(|| (file, parts[..end].join(".")))
    })
}

fn keep_best<K: Ord>(votes: &mut BTreeMap<K, (f64, String)>, key: K, weight: f64, reason: &str) {
    let known = votes.entry(key).or_default();
    if weight > known.0 {
        *known = (weight, reason.to_owned());
    }
}

fn collected<K>(votes: BTreeMap<K, (f64, String)>) -> Vec<Vote<K>> {
    votes.into_iter().map(|(item, (score, reason))| Vote { item, score, reason: Reason::Said(reason) }).collect()
}
