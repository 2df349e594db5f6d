//! Views on disk: read, written, and sought for one that is near.

use std::fs::File;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use repo::{BlobId, Entry, RepoPath, Snapshot};
use rustc_hash::FxHashMap;

use super::FactsCell;
use crate::cache::{Cache, FactStore, FileRow, Manifest, StoredView, view_bytes};
use crate::definitions::{FactSource, Origin};
use crate::error::IndexError;
use crate::graph::{CodeGraph, Edges, Nodes, Project};
use crate::index::{IndexStats, Parts};
use crate::symbol::FileId;
use crate::text::{DocumentPlace, Pack, TextIndex};
use crate::view::{FoundFile, Inventory, LeftOut};

/// So many views are looked at to find one to go on from.
const LOOKED_AT: usize = 8;

/// Returns the stored view of the snapshot; `None` when anything of it is absent or damaged.
pub(super) fn open(cache: &Cache, store: &Arc<FactStore>, snapshot: &Snapshot) -> Option<Parts> {
    let view = cache.view(snapshot.tree())?;
    let mut parts = read(cache, store, snapshot, view)?;
    parts.stats = IndexStats { reused: parts.inventory.files.len(), view_reused: true, ..IndexStats::default() };
    Some(parts)
}

/// Returns the stored view that shares most files with the snapshot, if one shares a quarter of them or more.
///
/// It stands for its own tree, though its snapshot is the one asked about: it is only there to be gone on from.
pub(crate) fn nearest(cache: &Cache, store: &Arc<FactStore>, snapshot: &Snapshot) -> Option<Parts> {
    let wanted: FxHashMap<&[u8], &BlobId> =
        snapshot.entries().iter().map(|it| (it.path.as_bytes(), &it.blob)).collect();
    let shared = |it: &FileRow| wanted.get(&*it.path).is_some_and(|blob| blob.as_bytes() == &it.blob);
    let sources = snapshot.entries().iter().filter(|it| super::is_source(it)).count();
    let views = cache.latest_views(LOOKED_AT).into_iter().filter_map(|it| cache.view(it));
    let mut best: Option<(usize, StoredView)> = None;
    for view in views {
        let count = view.manifest.files.iter().filter(|it| shared(it)).count();
        if count * 4 >= sources.max(1) && best.as_ref().is_none_or(|it| it.0 < count) {
            best = Some((count, view));
        }
    }
    let best = best?.1;
    // What names mean in that tree, not in the one asked about.
    let config = |(path, blob): &(Vec<u8>, [u8; 20])| {
        Some((RepoPath::new(path).ok()?, snapshot.read_blob(BlobId::from_bytes(*blob)).ok()?))
    };
    let configs: Vec<(RepoPath, Vec<u8>)> = best.manifest.configs.iter().map(config).collect::<Option<_>>()?;
    let project = Project::of(configs.iter().map(|it| (&it.0, it.1.as_slice())));
    let parts = read(cache, store, snapshot, best)?;
    Some(Parts { project: OnceLock::from(Arc::new(project)), ..parts })
}

fn read(cache: &Cache, store: &Arc<FactStore>, snapshot: &Snapshot, view: StoredView) -> Option<Parts> {
    let (manifest, source) = (&view.manifest, super::source_of(store, snapshot));
    let (files, packs) = rayon::join(
        || manifest.files.par_iter().map(|it| found(&source, it)).collect::<Option<Vec<FoundFile>>>(),
        || manifest.packs.par_iter().map(|it| cache.documents(*it).map(Arc::new)).collect::<Option<Vec<Arc<Pack>>>>(),
    );
    let left_out = manifest.left_out.iter().map(|(path, blob, reason)| {
        Some(LeftOut { path: RepoPath::new(path).ok()?, blob: BlobId::from_bytes(*blob), reason: *reason })
    });
    let inventory = Arc::new(Inventory::new(files?, left_out.collect::<Option<_>>()?));
    let places = manifest.files.iter().map(|it| DocumentPlace { pack: it.pack, row: it.row }).collect();
    let text = TextIndex::new(packs?, places)?;
    let fits = (0..).zip(&inventory.files).all(|(at, it)| text.symbols_of(FileId(at)) == Some(it.symbols.len()));
    let edges = if fits { view.edges(Nodes::of(&inventory).count())? } else { return None };
    let graph = OnceLock::from(Arc::new(CodeGraph::new(Arc::clone(&inventory), edges)));
    let facts = inventory.files.iter().map(|_| FactsCell::default()).collect();
    let (cache, store, in_use) = (cache.clone(), Arc::clone(store), view.lock);
    let (stats, project) = (IndexStats::default(), OnceLock::new());
    Some(Parts {
        snapshot: snapshot.clone(),
        inventory,
        graph,
        text,
        facts,
        cache,
        store,
        in_use,
        before: None,
        edits: None,
        project,
        stats,
    })
}

fn found(source: &Arc<FactSource>, row: &FileRow) -> Option<FoundFile> {
    let blob = BlobId::from_bytes(row.blob);
    let origin = Origin { source: Arc::clone(source), language: row.language, blob };
    Some(FoundFile {
        path: RepoPath::new(&row.path).ok()?,
        blob,
        language: row.language,
        is_test: row.is_test,
        summary: Arc::new(source.store.load_summary(origin)?),
    })
}

/// Writes the view of a tree.
pub(super) fn write(
    cache: &Cache,
    snapshot: &Snapshot,
    inventory: &Inventory,
    text: &TextIndex,
    edges: &Edges,
) -> Result<Option<File>, IndexError> {
    let row = |(file, place): (&crate::IndexedFile, &DocumentPlace)| FileRow {
        path: file.path.as_bytes().to_vec(),
        blob: *file.blob.as_bytes(),
        language: file.language,
        is_test: file.is_test,
        pack: place.pack,
        row: place.row,
    };
    let left_out = |it: &LeftOut| (it.path.as_bytes().to_vec(), *it.blob.as_bytes(), it.reason);
    let config = |it: &Entry| (it.path.as_bytes().to_vec(), *it.blob.as_bytes());
    let manifest = Manifest {
        configs: snapshot.entries().iter().filter(|it| super::is_config(it)).map(config).collect(),
        packs: text.packs().map(|it| it.name).collect(),
        files: inventory.files.iter().zip(text.places()).map(row).collect(),
        left_out: inventory.left_out.iter().map(left_out).collect(),
    };
    match view_bytes(&manifest, edges) {
        Some(bytes) => cache.write_view(snapshot.tree(), &bytes),
        None => Ok(None),
    }
}
