//! Reads commits that no cache holds and stores them.

use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use repo::history::{ChangedLines, Commit, Link, Parents, TreeDifference, changed_lines, walk};
use repo::{BlobId, CommitId, FileMode, RepoError, RepoPath, Store, TreeId};
use rustc_hash::FxHashMap;

use super::record::{self, ChangeStatus, CommitDocument, TouchedFile};
use super::{History, HistoryLimits, HistoryProgress, HistoryStats, LARGE, symbols};
use crate::cache::Cache;
use crate::cache::packs::{Key, PackStore};
use crate::error::IndexError;
use crate::parse;
use crate::syntax::LanguageId;

/// Commits that are mined between two stores, and thus the most that is lost by an interruption.
const CHUNK: usize = 256;
/// Messages are cut here; what is longer is a log that somebody pasted.
const MAX_MESSAGE: usize = 16 << 10;
/// Larger contents are data; their lines are not compared.
const MAX_COMPARED: u64 = 1 << 20;
/// A commit with more files than this is an import; the rest of its files is left out.
const MAX_FILES: usize = 5000;
/// A moved file keeps at least this part of its lines, as in git.
const SIMILAR: f64 = 0.5;
/// Of commits with more files that went or came than this, only unchanged ones are recognised as moved.
const MAX_RENAME_CANDIDATES: usize = 24;

pub(super) fn open(
    cache: &Path,
    store: &Store,
    tip: CommitId,
    limits: HistoryLimits,
    progress: &dyn Fn(HistoryProgress),
) -> Result<History, IndexError> {
    let started = Instant::now();
    let packs = Cache::open(cache)?.history()?;
    let mut known: FxHashMap<CommitId, CommitDocument> = FxHashMap::default();
    let mut fresh: FxHashMap<CommitId, Commit> = FxHashMap::default();
    let order = walk(tip, limits.parents, limits.commits, |id| {
        if let Some(document) = load(&packs, id, limits.parents) {
            let link = Link { parents: document.parents.clone(), time: document.time };
            known.insert(id, document);
            return Ok(Some(link));
        }
        let commit = store.commit(id)?;
        let link = commit.as_ref().map(|it| Link { parents: it.parents.clone(), time: it.time });
        fresh.extend(commit.map(|it| (id, it)));
        Ok(link)
    })?;
    if order.is_empty() {
        return Err(RepoError::MissingObject { kind: "commit", id: tip.to_string() }.into());
    }
    let unseen: Vec<&Commit> = order.iter().filter_map(|it| fresh.get(it)).collect();
    let mut stats = HistoryStats { commits: order.len(), mined: unseen.len(), ..HistoryStats::default() };
    stats.reused = stats.commits - stats.mined;
    packs.mark_used();
    let (mined, boundary) = mine_all(&packs, store, &unseen, limits.parents, progress)?;
    stats.boundary = boundary;
    known.extend(mined);
    let commits: Vec<CommitDocument> = order.iter().filter_map(|it| known.remove(it)).collect();
    stats.large = commits.iter().filter(|it| it.is_large()).count();
    stats.took = started.elapsed();
    Ok(History::new(commits, stats))
}

/// A merge's document differs with what is asked of it; all others are the same.
fn key(id: CommitId, merge_by: Option<Parents>) -> Key {
    let number = match merge_by {
        None => 0,
        Some(Parents::First) => 1,
        Some(Parents::All) => 2,
    };
    (number, *id.as_bytes())
}

fn load(packs: &PackStore, id: CommitId, parents: Parents) -> Option<CommitDocument> {
    let bytes = packs.load(key(id, None)).or_else(|| packs.load(key(id, Some(parents))))?;
    record::decode(id, &bytes)
}

type Mined = Vec<(CommitId, CommitDocument)>;

/// Mines commits in their order and stores each chunk; returns the number of those whose parent is absent too.
fn mine_all(
    packs: &PackStore,
    store: &Store,
    commits: &[&Commit],
    parents: Parents,
    progress: &dyn Fn(HistoryProgress),
) -> Result<(Mined, usize), IndexError> {
    let mut all = Vec::with_capacity(commits.len());
    let mut boundary = 0;
    for chunk in commits.chunks(CHUNK) {
        let mined: Vec<(CommitDocument, Edge)> =
            chunk.par_iter().map(|it| mine(store, it, parents)).collect::<Result<_, RepoError>>()?;
        // What stands at the edge of a shallow clone will be known better when the clone is deepened.
        let whole = mined.iter().filter(|it| it.1 == Edge::Inside).map(|it| &it.0);
        let records: Vec<(Key, Vec<u8>)> = whole
            .filter_map(|it| Some((key(it.id, (it.parents.len() > 1).then_some(parents)), record::encode(it)?)))
            .collect();
        let rows: Vec<(Key, &[u8])> = records.iter().map(|it| (it.0, it.1.as_slice())).collect();
        if let Err(error) = packs.add(&rows) {
            tracing::warn!(%error, "commits are not stored and will be read again");
        }
        boundary += mined.iter().filter(|it| it.1 == Edge::Boundary).count();
        all.extend(mined.into_iter().map(|it| (it.0.id, it.0)));
        progress(HistoryProgress { done: all.len(), total: commits.len() });
    }
    Ok((all, boundary))
}

/// Whether what a commit was made from is here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Inside,
    Boundary,
}

fn mine(store: &Store, commit: &Commit, parents: Parents) -> Result<(CommitDocument, Edge), RepoError> {
    let mut document = CommitDocument {
        id: commit.id,
        parents: commit.parents.clone(),
        time: commit.time,
        message: message(&commit.message),
        files: Vec::new(),
    };
    if commit.parents.len() > 1 && parents == Parents::All {
        return Ok((document, Edge::Inside));
    }
    let before = match commit.parents.first() {
        None => TreeId::EMPTY,
        Some(parent) => match store.commit(*parent)? {
            Some(parent) => parent.tree,
            None => return Ok((document, Edge::Boundary)),
        },
    };
    let mut differences = store.differences(before, commit.tree)?;
    differences.truncate(MAX_FILES);
    let changes = pair_renames(store, differences);
    let large = changes.len() > LARGE;
    document.files = changes.iter().map(|it| touched(store, it, large)).collect();
    Ok((document, Edge::Inside))
}

/// Leaves out lines that name people (`Signed-off-by: …`) and cuts what is too long.
fn message(text: &str) -> String {
    let names_people = |line: &str| {
        let key = line.split_once(": ").map_or("", |it| it.0).as_bytes();
        key.len() > 3 && key[key.len() - 3..].eq_ignore_ascii_case(b"-by") && !key.contains(&b' ')
    };
    let lines: Vec<&str> = text.lines().filter(|it| !names_people(it)).collect();
    let mut text = lines.join("\n").trim().to_owned();
    let mut end = text.len().min(MAX_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// One file's change, with renames put together.
struct FileChange {
    path: RepoPath,
    from: Option<RepoPath>,
    old: Option<(FileMode, BlobId)>,
    new: Option<(FileMode, BlobId)>,
}

/// Takes a file that went and one that came for one that moved, if they are equal or share half of their lines and the extension.
fn pair_renames(store: &Store, differences: Vec<TreeDifference>) -> Vec<FileChange> {
    let (mut gone, mut come, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for it in differences {
        let change = FileChange { path: it.path, from: None, old: it.old, new: it.new };
        match (&change.old, &change.new) {
            (Some((mode, _)), None) if mode.is_file() => gone.push(Some(change)),
            (None, Some((mode, _))) if mode.is_file() => come.push(change),
            _ => changes.push(change),
        }
    }
    let same = |old: &FileChange, new: &FileChange| old.old.map(|it| it.1) == new.new.map(|it| it.1);
    for new in &mut come {
        if let Some(at) = gone.iter().position(|it| it.as_ref().is_some_and(|it| same(it, new))) {
            take(new, &mut gone[at]);
        }
    }
    if gone.iter().flatten().count() <= MAX_RENAME_CANDIDATES && come.len() <= MAX_RENAME_CANDIDATES {
        pair_similar(store, &mut gone, &mut come);
    }
    changes.extend(come);
    changes.extend(gone.into_iter().flatten());
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn take(new: &mut FileChange, gone: &mut Option<FileChange>) {
    if let Some(gone) = gone.take() {
        new.old = gone.old;
        new.from = Some(gone.path);
    }
}

fn pair_similar(store: &Store, gone: &mut [Option<FileChange>], come: &mut [FileChange]) {
    let lines = |side: Option<(FileMode, BlobId)>| side.and_then(|it| Some(line_counts(&comparable(store, it.1)?)));
    let left: Vec<(usize, LineCounts)> =
        gone.iter().enumerate().filter_map(|(at, it)| Some((at, lines(it.as_ref()?.old)?))).collect();
    if left.is_empty() {
        return;
    }
    for new in come.iter_mut().filter(|it| it.from.is_none()) {
        let Some(counts) = lines(new.new) else { continue };
        let fits = |at: usize| gone[at].as_ref().is_some_and(|it| it.path.extension() == new.path.extension());
        let scored = left.iter().filter(|it| fits(it.0)).map(|it| (similarity(&it.1, &counts), it.0));
        let best = scored.filter(|it| it.0 >= SIMILAR).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        if let Some((_, at)) = best {
            take(new, &mut gone[at]);
        }
    }
}

/// How often which line is there, by a hash of it.
type LineCounts = FxHashMap<u64, u32>;

fn line_counts(bytes: &[u8]) -> LineCounts {
    use std::hash::{BuildHasher, BuildHasherDefault};
    let hasher = BuildHasherDefault::<rustc_hash::FxHasher>::default();
    let mut counts = LineCounts::default();
    for line in bytes.split(|it| *it == b'\n').filter(|it| !it.trim_ascii().is_empty()) {
        *counts.entry(hasher.hash_one(line)).or_default() += 1;
    }
    counts
}

/// The part of the longer content's lines that both have.
fn similarity(one: &LineCounts, other: &LineCounts) -> f64 {
    let all = |counts: &LineCounts| counts.values().map(|it| u64::from(*it)).sum::<u64>();
    let shared: u64 = one.iter().map(|(line, count)| u64::from(*count.min(other.get(line).unwrap_or(&0)))).sum();
    shared as f64 / all(one).max(all(other)).max(1) as f64
}

/// Reads a content whose lines can be compared; `None` for a missing (as in a partial clone), very large or binary one.
fn comparable(store: &Store, blob: BlobId) -> Option<Vec<u8>> {
    if store.blob_size(blob).ok()? > MAX_COMPARED {
        return None;
    }
    let bytes = store.blob(blob).ok()?;
    memchr::memchr(0, &bytes).is_none().then_some(bytes)
}

fn touched(store: &Store, change: &FileChange, large: bool) -> TouchedFile {
    let status = match (&change.from, &change.old, &change.new) {
        (Some(_), _, _) => ChangeStatus::Renamed,
        (None, None, _) => ChangeStatus::Added,
        (None, _, None) => ChangeStatus::Deleted,
        _ => ChangeStatus::Modified,
    };
    let (path, from) = (change.path.clone(), change.from.clone());
    let mut file = TouchedFile { path, status, from, added: 0, removed: 0, symbols: Vec::new() };
    let text = |side: &Option<(FileMode, BlobId)>| match side {
        Some((mode, blob)) if mode.is_file() => comparable(store, *blob),
        Some(_) => None,
        None => Some(Vec::new()),
    };
    let same_content = change.old.map(|it| it.1) == change.new.map(|it| it.1);
    let (Some(old), Some(new)) = (text(&change.old), text(&change.new)) else { return file };
    let Some(changes) = (!same_content).then(|| changed_lines(&old, &new).ok()).flatten() else { return file };
    file.added = changes.iter().map(|it| it.new_count).sum();
    file.removed = changes.iter().map(|it| it.old_count).sum();
    if !large && change.new.is_some() {
        file.symbols = symbols_in(&change.path, &new, &changes);
    }
    file
}

fn symbols_in(path: &RepoPath, bytes: &[u8], changes: &[ChangedLines]) -> Vec<String> {
    let Some(language) = LanguageId::of_file(path, bytes) else { return Vec::new() };
    let Ok(facts) = parse::read(language, bytes) else { return Vec::new() };
    symbols::touched(&facts.symbols, facts.lines, changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_nobody_and_end() {
        assert_eq!(message("fix: a\n\nwhy\n\nSigned-off-by: A <a@b>\nCo-Authored-By: C <c@d>\n"), "fix: a\n\nwhy");
        assert_eq!(message("stand-by: is no name\nkept by: me\n"), "kept by: me");
        assert_eq!(message(&"é".repeat(MAX_MESSAGE)).len(), MAX_MESSAGE);
        assert_eq!(message("-by: x\né-by: y\na\u{20ac}: z"), "-by: x\na\u{20ac}: z");
    }

    #[test]
    fn similarity_counts_shared_lines() {
        let check = |one: &str, other: &str, expected: f64| {
            assert_eq!(similarity(&line_counts(one.as_bytes()), &line_counts(other.as_bytes())), expected);
        };
        check("a\nb\n", "a\nb\n", 1.0);
        check("a\nb\n", "b\n\n\nc\n", 0.5);
        check("a\na\n", "a\nb\n", 0.5);
        check("", "", 0.0);
        check("a\n", "", 0.0);
    }
}
