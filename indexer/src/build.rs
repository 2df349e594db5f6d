//! Opens an index: takes the stored view of a tree, or reads, parses, links and stores what is new.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use repo::{BlobId, RepoPath, Snapshot};
use rustc_hash::FxHashMap;

use crate::cache::{Cache, FactStore, FileRecord, Record, View};
use crate::error::IndexError;
use crate::facts::FileFacts;
use crate::graph::{CodeGraph, Edges, Outline, Project, Sources};
use crate::index::{Index, IndexProgress, IndexStats, Parts, SkipReason, Stage};
use crate::syntax::LanguageId;
use crate::text::{Corpus, TextIndex};
use crate::view::Inventory;
use crate::{documents, language, parse};

/// Files parsed between two reports of progress.
const CHUNK: usize = 256;

pub(crate) fn open(
    directory: &Path,
    snapshot: &Snapshot,
    progress: &dyn Fn(IndexProgress),
) -> Result<Index, IndexError> {
    let started = Instant::now();
    let cache = Cache::open(directory)?;
    let mut index = match open_stored(&cache, snapshot) {
        Some(parts) => parts,
        None => build(&cache, snapshot, progress)?,
    };
    index.stats.files = index.inventory.files.len();
    index.stats.symbols = index.inventory.symbols.len();
    index.stats.edges = index.graph.edge_count();
    index.stats.took = started.elapsed();
    let files = index.stats.files;
    progress(IndexProgress { stage: Stage::Ready, done: files, total: files, stats: index.stats });
    Ok(Index::new(index))
}

/// Returns the stored view; `None` when anything of it is absent or damaged.
fn open_stored(cache: &Cache, snapshot: &Snapshot) -> Option<Parts> {
    let directory = cache.view_directory(snapshot.tree());
    let (inventory, edges) = View::read(&directory)?;
    let text = TextIndex::open(&directory).ok()?;
    let fits = text.documents(Corpus::Files) as usize == inventory.files.len()
        && text.documents(Corpus::Symbols) as usize == inventory.symbols.len();
    if !fits {
        return None;
    }
    let stats = IndexStats { reused: inventory.files.len(), view_reused: true, ..IndexStats::default() };
    let inventory = Arc::new(inventory);
    let graph = CodeGraph::new(Arc::clone(&inventory), edges);
    Some(Parts { snapshot: snapshot.clone(), inventory, graph, text, facts: Vec::new(), store: cache.facts(), stats })
}

/// One distinct content, read and understood.
#[derive(Clone)]
struct Content {
    facts: Arc<FileFacts>,
    bytes: Arc<[u8]>,
}

type Contents = FxHashMap<(LanguageId, BlobId), Result<Content, SkipReason>>;

fn build(cache: &Cache, snapshot: &Snapshot, progress: &dyn Fn(IndexProgress)) -> Result<Parts, IndexError> {
    let store = cache.facts();
    let mut stats = IndexStats::default();
    let sources: Vec<(RepoPath, LanguageId, BlobId)> = snapshot
        .entries()
        .iter()
        .filter(|it| it.mode.is_file())
        .filter_map(|it| Some((it.path.clone(), language_of(snapshot, &it.path, it.blob)?, it.blob)))
        .collect();
    let contents = read_all(&store, snapshot, &sources, &mut stats, progress)?;
    progress(IndexProgress { stage: Stage::Linking, done: 0, total: sources.len(), stats });

    let mut view = View::default();
    let mut kept: Vec<Content> = Vec::new();
    for (path, language, blob) in &sources {
        match contents.get(&(*language, *blob)) {
            Some(Ok(content)) => {
                let broken = (content.facts.error_nodes > 0).then_some(SkipReason::PartlyRead);
                if let Some(reason) = content.facts.partly.or(broken) {
                    view.skipped.push((path.as_bytes().to_vec(), reason));
                }
                view.files.push(record(path, *language, *blob, &content.facts));
                kept.push(content.clone());
            }
            Some(Err(reason)) => view.skipped.push((path.as_bytes().to_vec(), *reason)),
            None => {}
        }
    }
    drop(contents);
    let encoded = view.encode().unwrap_or_default();
    let Some(inventory) = view.into_inventory() else { unreachable!("paths come from paths") };
    let inventory = Arc::new(inventory);
    let prepared = cache.prepare_view()?;
    let edges = link(prepared.path(), &inventory, &kept, &project(snapshot)?)?;
    View::write(&encoded, &edges, prepared.path())
        .map_err(|source| IndexError::Cache { path: prepared.path().to_owned(), source })?;
    // Opened before it is published: from then on another process may put its own in its place.
    let text = TextIndex::open(prepared.path())?;
    cache.publish_view(prepared, snapshot.tree())?;
    let graph = CodeGraph::new(Arc::clone(&inventory), edges);
    let facts = kept.into_iter().map(|it| Some(it.facts)).collect();
    Ok(Parts { snapshot: snapshot.clone(), inventory, graph, text, facts, store, stats })
}

/// Reads the files of configuration that say what names mean.
fn project(snapshot: &Snapshot) -> Result<Project, IndexError> {
    let files = snapshot.entries().iter().filter(|it| it.mode.is_file() && Project::reads(&it.path));
    let read = files.map(|it| Ok((&it.path, snapshot.read_blob(it.blob)?))).collect::<Result<Vec<_>, IndexError>>()?;
    Ok(Project::of(read.iter().map(|it| (it.0, it.1.as_slice()))))
}

/// Returns the language of a file; of the bytes only headers are looked at.
fn language_of(snapshot: &Snapshot, path: &RepoPath, blob: BlobId) -> Option<LanguageId> {
    let named = LanguageId::of_path(path)?;
    if path.extension() != Some(b"h") {
        return Some(named);
    }
    // A header that cannot be read fails where it is read for its facts.
    snapshot.read_blob(blob).ok().and_then(|it| LanguageId::of_file(path, &it)).or(Some(named))
}

fn record(path: &RepoPath, language: LanguageId, blob: BlobId, facts: &FileFacts) -> FileRecord {
    FileRecord {
        path: path.as_bytes().to_vec(),
        blob: *blob.as_bytes(),
        language,
        is_test: language::of(language).is_test_path(path),
        lines: facts.lines,
        error_nodes: facts.error_nodes,
        definitions: facts.symbols.clone(),
    }
}

/// Reads every distinct content once, parses what the store does not know, and stores that.
fn read_all(
    store: &FactStore,
    snapshot: &Snapshot,
    sources: &[(RepoPath, LanguageId, BlobId)],
    stats: &mut IndexStats,
    progress: &dyn Fn(IndexProgress),
) -> Result<Contents, IndexError> {
    let mut distinct: Vec<(LanguageId, BlobId)> = sources.iter().map(|it| (it.1, it.2)).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let mut contents = Contents::default();
    let mut records = Vec::new();
    for chunk in distinct.chunks(CHUNK) {
        let read = |(language, blob): &(LanguageId, BlobId)| {
            let content = read(store, snapshot, *language, *blob)?;
            Ok(((*language, *blob), content))
        };
        let done: Vec<((LanguageId, BlobId), Read)> = chunk.par_iter().map(read).collect::<Result<_, IndexError>>()?;
        for (key, content) in done {
            let content = match content {
                Read::Skipped(reason) => Err(reason),
                Read::Known(content) => {
                    stats.reused += 1;
                    Ok(content)
                }
                Read::Parsed(content, record) => {
                    stats.parsed += 1;
                    records.extend(record);
                    Ok(content)
                }
            };
            contents.insert(key, content);
        }
        progress(IndexProgress { stage: Stage::Parsing, done: contents.len(), total: distinct.len(), stats: *stats });
    }
    if let Err(error) = store.add(&records) {
        tracing::warn!(%error, "facts are not stored and will be extracted again");
    }
    Ok(contents)
}

enum Read {
    Skipped(SkipReason),
    Known(Content),
    Parsed(Content, Option<Record>),
}

fn read(store: &FactStore, snapshot: &Snapshot, language: LanguageId, blob: BlobId) -> Result<Read, IndexError> {
    let bytes: Arc<[u8]> = snapshot.read_blob(blob)?.into();
    if let Some(facts) = store.load(language, blob) {
        return Ok(Read::Known(Content { facts: Arc::new(facts), bytes }));
    }
    let facts = match parse::read(language, &bytes) {
        Ok(facts) => facts,
        Err(reason) => return Ok(Read::Skipped(reason)),
    };
    let record = Record::new(language, blob, &facts);
    Ok(Read::Parsed(Content { facts: Arc::new(facts), bytes }, record))
}

/// Resolves the graph and writes the text index, on as many cores as there are.
fn link(directory: &Path, inventory: &Inventory, contents: &[Content], project: &Project) -> Result<Edges, IndexError> {
    let facts: Vec<&FileFacts> = contents.iter().map(|it| it.facts.as_ref()).collect();
    let outlines: Vec<Outline> = facts.par_iter().map(|it| Outline::of(it)).collect();
    let outlines: Vec<&Outline> = outlines.iter().collect();
    let sources = Sources { inventory, facts: &facts, outlines: &outlines, project };
    let texts: Vec<(&FileFacts, &[u8])> = contents.iter().map(|it| (it.facts.as_ref(), it.bytes.as_ref())).collect();
    let (files, (symbols, edges)) = rayon::join(
        || crate::text::build(directory, Corpus::Files, documents::of_files(inventory, &texts)),
        || {
            rayon::join(
                || crate::text::build(directory, Corpus::Symbols, documents::of_symbols(inventory, &texts)),
                || crate::graph::resolve(&sources),
            )
        },
    );
    files?;
    symbols?;
    Ok(edges)
}

#[cfg(test)]
mod tests;
