//! Makes an index: takes the stored view of a tree, or goes on from the index of a near tree, or starts from nothing.
//!
//! All three ways lead to equal indexes. What a file says is taken from the near index where path and content are the same, from the cache
//! where the content is known, and from its bytes otherwise ([`read`]); then everything is numbered, the documents of the snapshot are found
//! ([`documents`]), references are resolved, and the view is written.

mod documents;
mod links;
mod overlay;
mod read;
mod stored;

use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Instant;

use repo::{BlobId, Entry, RepoPath, Snapshot};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::cache::{Cache, FactStore};
use crate::definitions::FactSource;
use crate::error::IndexError;
use crate::facts::FileFacts;
use crate::graph::{CodeGraph, Edges, FactsOf, Linked, Outline, Project, Sources};
use crate::index::{Index, IndexProgress, IndexStats, IndexedFile, Parts, SkipReason, Stage};
use crate::language;
use crate::symbol::FileId;
use crate::syntax::LanguageId;
use crate::view::{FoundFile, Inventory, LeftOut};

use documents::Documents;
use links::{AllLinks, Links};
use read::{Kept, Outcome, Reader, Unit};

pub(crate) use overlay::with_edits;

/// Opens the index of a snapshot with nothing but the cache.
pub(crate) fn open(
    directory: &Path,
    snapshot: &Snapshot,
    progress: &dyn Fn(IndexProgress),
) -> Result<Index, IndexError> {
    let started = Instant::now();
    let cache = Cache::open(directory)?;
    let store = Arc::new(cache.facts());
    let parts = match stored::open(&cache, &store, snapshot) {
        Some(parts) => parts,
        None => {
            let near = stored::nearest(&cache, &store, snapshot).map(Index::new);
            build(&Ground { cache, store, near: near.as_ref() }, snapshot, progress)?
        }
    };
    Ok(finish(parts, started, progress))
}

/// Makes the index of another snapshot from one at hand.
pub(crate) fn next(near: &Index, snapshot: &Snapshot, progress: &dyn Fn(IndexProgress)) -> Result<Index, IndexError> {
    let started = Instant::now();
    let (cache, store) = (near.cache().clone(), Arc::clone(near.store()));
    // What is in memory only cannot be named by a stored view.
    let stored = near.is_overlay().then(|| stored::nearest(&cache, &store, snapshot).map(Index::new)).flatten();
    let near = if near.is_overlay() { stored.as_ref() } else { Some(near) };
    let parts = build(&Ground { cache, store, near }, snapshot, progress)?;
    Ok(finish(parts, started, progress))
}

fn finish(mut parts: Parts, started: Instant, progress: &dyn Fn(IndexProgress)) -> Index {
    let files = parts.inventory.files.len();
    let stats = &mut parts.stats;
    stats.files = files;
    stats.symbols = parts.inventory.symbols.len();
    stats.edges = parts.graph.get().map_or(0, |it| it.edge_count());
    stats.took = started.elapsed();
    progress(IndexProgress { stage: Stage::Ready, done: files, total: files, stats: *stats });
    Index::new(parts)
}

/// What a build stands on.
struct Ground<'a> {
    cache: Cache,
    store: Arc<FactStore>,
    near: Option<&'a Index>,
}

/// What is to become of one file of the snapshot.
enum Source {
    /// It is what the near index has under this number.
    Same(FileId),
    /// The near index left it out.
    LeftOut(SkipReason),
    /// Path `at` of a unit that is read.
    New { unit: usize, at: usize },
}

fn build(ground: &Ground<'_>, snapshot: &Snapshot, progress: &dyn Fn(IndexProgress)) -> Result<Parts, IndexError> {
    // Until the view is written nothing names the packs that are.
    let held = ground.cache.hold();
    let entries: Vec<&Entry> = snapshot.entries().iter().filter(|it| is_source(it)).collect();
    let (sources, units) = sort_out(ground.near, &entries);
    let mut documents = Documents::start(ground.near);
    let is_cold = ground.near.is_none();
    let source = source_of(&ground.store, snapshot);
    let reader =
        Reader { snapshot, source: &source, cache: &ground.cache, units: &units, known: documents.known(), is_cold };
    let mut stats = IndexStats::default();
    let outcomes = reader.run(&mut documents, &mut stats, progress)?;
    progress(IndexProgress { stage: Stage::Linking, done: 0, total: entries.len(), stats });

    let mut gathered = Gathered::default();
    for (entry, source) in entries.iter().zip(&sources) {
        gathered.add(entry, source, ground.near, &outcomes);
    }
    drop(outcomes);
    let Gathered { found, left_out, facts, links, places } = gathered;
    let facts: Arc<[FactsCell]> = facts.into();
    stats.reused = distinct_contents(&found).saturating_sub(stats.parsed);
    let nothing = Inventory::default();
    let near = ground.near.map_or(&nothing, |it| it.inventory());
    let inventory = Arc::new(Inventory::after(near, found, left_out));
    let text = documents.finish(Some(&ground.cache), &inventory, places)?;
    let project = project_after(ground.near, snapshot)?;
    let edges = if is_cold {
        link_all(&inventory, &project, &AllLinks(links))
    } else {
        let linkable =
            Linkable { store: &ground.store, snapshot, inventory: &inventory, facts: &facts, project: &project };
        let before = ground.near.and_then(|it| Some((it.linkable(), it.known_edges()?)));
        linkable.link(before.as_ref().map(|it| (&it.0, it.1)))
    };
    let in_use = stored::write(&ground.cache, snapshot, &inventory, &text, &edges)?;
    drop(held);
    let graph = OnceLock::from(Arc::new(CodeGraph::new(Arc::clone(&inventory), edges)));
    let (cache, store) = (ground.cache.clone(), Arc::clone(&ground.store));
    let project = OnceLock::from(project);
    Ok(Parts {
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

/// Returns where what is known of a snapshot's contents is loaded from.
fn source_of(store: &Arc<FactStore>, snapshot: &Snapshot) -> Arc<FactSource> {
    Arc::new(FactSource { store: Arc::clone(store), objects: snapshot.store().clone() })
}

fn is_config(entry: &Entry) -> bool {
    entry.mode.is_file() && Project::reads(&entry.path)
}

fn distinct_contents(found: &[FoundFile]) -> usize {
    found.iter().map(|it| (it.language, it.blob)).collect::<FxHashSet<(LanguageId, BlobId)>>().len()
}

fn is_source(entry: &Entry) -> bool {
    entry.mode.is_file() && LanguageId::of_path(&entry.path).is_some()
}

/// Returns what becomes of each entry, and what has to be read for it; each content once.
fn sort_out<'s>(near: Option<&Index>, entries: &[&'s Entry]) -> (Vec<Source>, Vec<Unit<'s>>) {
    let left_out: FxHashMap<&RepoPath, &LeftOut> =
        near.into_iter().flat_map(|it| &it.inventory().left_out).map(|it| (&it.path, it)).collect();
    let mut units: Vec<Unit<'s>> = Vec::new();
    let mut by_content = FxHashMap::default();
    let mut source = |entry: &'s Entry| {
        let same = near.and_then(|it| Some((it, it.file_id(&entry.path)?)));
        if let Some((_, id)) = same.filter(|(near, id)| near.file(*id).is_some_and(|it| it.blob == entry.blob)) {
            return Source::Same(id);
        }
        if let Some(it) = left_out.get(&entry.path).filter(|it| it.blob == entry.blob) {
            return Source::LeftOut(it.reason);
        }
        // The same bytes may be read as two languages, and a header's language is known only then.
        let is_header = entry.path.extension() == Some(b"h");
        let key = (LanguageId::of_path(&entry.path), is_header, entry.blob);
        let unit = *by_content.entry(key).or_insert_with(|| {
            units.push(Unit { blob: entry.blob, paths: Vec::new() });
            units.len() - 1
        });
        units[unit].paths.push(&entry.path);
        Source::New { unit, at: units[unit].paths.len() - 1 }
    };
    let sources = entries.iter().map(|it| source(it)).collect();
    (sources, units)
}

/// What a snapshot has, in path order.
#[derive(Default)]
struct Gathered {
    found: Vec<FoundFile>,
    left_out: Vec<LeftOut>,
    /// By file, as far as they are at hand.
    facts: Vec<FactsCell>,
    /// By file, where all are new.
    links: Vec<Arc<Links>>,
    places: Vec<documents::Place>,
}

/// Facts that are loaded when first asked for, by any of the indexes that have the content.
pub(crate) type FactsCell = Arc<OnceLock<Option<Arc<FileFacts>>>>;

impl Gathered {
    fn add(&mut self, entry: &Entry, source: &Source, near: Option<&Index>, outcomes: &[Outcome]) {
        let left_out = |reason| LeftOut { path: entry.path.clone(), blob: entry.blob, reason };
        match source {
            Source::LeftOut(reason) => self.left_out.push(left_out(*reason)),
            Source::Same(id) => {
                let Some((near, found)) = near.and_then(|it| Some((it, it.inventory().found(*id)?))) else { return };
                self.found.push(found);
                self.facts.push(near.facts_cell(*id).cloned().unwrap_or_default());
                self.places.extend(near.text().places().get(id.0 as usize).copied().map(documents::Place::Known));
            }
            Source::New { unit, at } => match &outcomes[*unit] {
                Outcome::LeftOut(reason) => self.left_out.push(left_out(*reason)),
                Outcome::Read(content) => {
                    self.found.push(FoundFile {
                        path: entry.path.clone(),
                        blob: entry.blob,
                        language: content.language,
                        is_test: language::of(content.language).is_test_path(&entry.path),
                        summary: Arc::clone(&content.summary),
                    });
                    self.facts.push(match &content.facts {
                        Kept::Whole(facts) => Arc::new(OnceLock::from(Some(Arc::clone(facts)))),
                        Kept::Links(links) => {
                            self.links.push(Arc::clone(links));
                            FactsCell::default()
                        }
                    });
                    self.places.push(content.places[*at]);
                }
            },
        }
    }
}

/// What an index is made of, as far as links depend on it.
pub(crate) struct Linkable<'a> {
    pub(crate) store: &'a FactStore,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) inventory: &'a Inventory,
    pub(crate) facts: &'a [FactsCell],
    pub(crate) project: &'a Project,
}

impl Linkable<'_> {
    /// Resolves all references; where the edges of a near snapshot are known, only those that may have changed.
    pub(crate) fn link(&self, near: Option<(&Linkable<'_>, &Edges)>) -> Edges {
        self.with_sources(|new| match near {
            None => crate::graph::resolve(new),
            Some((near, edges)) => near.with_sources(|old| {
                let relinked = crate::graph::relink(&Linked { sources: *old, edges }, new);
                tracing::debug!(files = relinked.files, whole = relinked.whole, "linked again");
                relinked.edges
            }),
        })
    }

    fn with_sources<T>(&self, use_them: impl FnOnce(&Sources<'_>) -> T) -> T {
        let Linkable { inventory, project, .. } = *self;
        use_them(&Sources { inventory, facts: self, outlines: &outlines(inventory), project })
    }

    /// Returns the facts of a file, loading them when they are first asked for.
    pub(crate) fn get(&self, file: FileId) -> Option<&Arc<FileFacts>> {
        let cell = self.facts.get(file.0 as usize)?;
        let IndexedFile { language, blob, .. } = self.inventory.files.get(file.0 as usize)?;
        cell.get_or_init(|| load_facts(self.store, self.snapshot, *language, *blob)).as_ref()
    }
}

/// Resolves the references of files that are all new.
fn link_all(inventory: &Inventory, project: &Project, links: &AllLinks) -> Edges {
    crate::graph::resolve(&Sources { inventory, facts: links, outlines: &outlines(inventory), project })
}

fn outlines(inventory: &Inventory) -> Vec<&Outline> {
    inventory.summaries.iter().map(|it| &it.outline).collect()
}

impl FactsOf for Linkable<'_> {
    fn facts(&self, file: FileId) -> &FileFacts {
        static NOTHING: LazyLock<FileFacts> = LazyLock::new(FileFacts::default);
        self.get(file).map_or(&NOTHING, Arc::as_ref)
    }
}

/// Returns what the configuration of a snapshot says: as it is known from a near index, where its files are the same.
fn project_after(near: Option<&Index>, snapshot: &Snapshot) -> Result<Arc<Project>, IndexError> {
    let configs = |of: &Snapshot| -> Vec<(RepoPath, BlobId)> {
        of.entries().iter().filter(|it| is_config(it)).map(|it| (it.path.clone(), it.blob)).collect()
    };
    match near.filter(|it| !it.is_overlay() && configs(it.snapshot()) == configs(snapshot)) {
        Some(near) => Ok(Arc::clone(near.project())),
        None => Ok(Arc::new(project(snapshot, &[])?)),
    }
}

/// Reads the files of configuration that say what names mean; `edits` are in place of the snapshot's own.
fn project(snapshot: &Snapshot, edits: &[overlay::Edited<'_>]) -> Result<Project, IndexError> {
    let is_edited = |path: &RepoPath| edits.iter().any(|it| it.0 == path);
    let own = snapshot.entries().iter().filter(|it| is_config(it));
    let mut files: Vec<(&RepoPath, Vec<u8>)> = own
        .filter(|it| !is_edited(&it.path))
        .map(|it| Ok((&it.path, snapshot.read_blob(it.blob)?)))
        .collect::<Result<_, IndexError>>()?;
    let edited = edits.iter().filter(|it| Project::reads(it.0));
    files.extend(edited.filter_map(|it| Some((it.0, it.1?.to_vec()))));
    Ok(Project::of(files.iter().map(|it| (it.0, it.1.as_slice()))))
}

/// Returns what the configuration of a snapshot says, for an index that was found ready.
pub(crate) fn project_of(snapshot: &Snapshot) -> Project {
    project(snapshot, &[]).unwrap_or_else(|error| {
        tracing::warn!(%error, "the configuration cannot be read and is taken for empty");
        Project::default()
    })
}

/// Returns the facts of a content from the cache or, where they are gone, from its bytes.
pub(crate) fn load_facts(
    store: &FactStore,
    snapshot: &Snapshot,
    language: LanguageId,
    blob: BlobId,
) -> Option<Arc<FileFacts>> {
    if let Some(facts) = store.load(language, blob) {
        return Some(Arc::new(facts));
    }
    let bytes = snapshot.read_blob(blob).ok()?;
    crate::parse::read(language, &bytes).ok().map(Arc::new)
}

#[cfg(test)]
mod tests;
