//! The index of a snapshot with some files changed, in memory only.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use repo::{BlobId, RepoPath};

use super::documents::{Documents, Place};
use super::{FactsCell, distinct_contents};
use crate::error::IndexError;
use crate::graph::Project;
use crate::index::{Index, IndexStats, Parts};
use crate::symbol::FileId;
use crate::syntax::LanguageId;
use crate::text::{DocumentKey, Pack, PackWriter, error};
use crate::view::{FoundFile, Inventory, LeftOut, Summary};
use crate::{documents, language, parse};

/// A file's new content; `None` when it is gone.
pub(crate) type Edited<'a> = (&'a RepoPath, Option<&'a [u8]>);

/// Numbers the pack in which all new documents are.
const PACK: u32 = 0;

/// Everything of an index before it is numbered, in path order once sorted.
#[derive(Default)]
struct Files {
    found: Vec<(FoundFile, FactsCell, Place)>,
    left_out: Vec<LeftOut>,
}

pub(crate) fn with_edits(base: &Index, edits: &[Edited<'_>]) -> Result<Index, IndexError> {
    let started = Instant::now();
    let mut files = kept(base, edits);
    let mut writer = PackWriter::new();
    for (at, (path, bytes)) in edits.iter().enumerate() {
        // Of two edits of one file the later counts.
        let again = edits[at + 1..].iter().any(|it| it.0 == *path);
        if let Some(bytes) = bytes.filter(|_| !again) {
            files.read(&mut writer, path, bytes)?;
        }
    }
    files.found.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    files.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    let mut packs = Documents::start(Some(base));
    if !writer.is_empty() {
        let lost = || error(tantivy::TantivyError::InternalError("a pack in memory is not read back".to_owned()));
        packs.add(PACK, writer.finish().map_err(error).and_then(|it| Pack::in_memory(it).ok_or_else(lost))?);
    }
    let mut parts = (Vec::new(), Vec::new(), Vec::new());
    for (found, facts, place) in files.found {
        parts.0.push(found);
        parts.1.push(facts);
        parts.2.push(place);
    }
    let (found, facts, places) = parts;
    let parsed = edits.iter().filter(|it| it.1.is_some()).count();
    let reused = distinct_contents(&found).saturating_sub(parsed);
    let inventory = Arc::new(Inventory::new(found, files.left_out));
    let text = packs.finish(None, &inventory, places)?;
    let stats = IndexStats {
        files: inventory.files.len(),
        parsed,
        reused,
        symbols: inventory.symbols.len(),
        edges: base.stats().edges,
        took: started.elapsed(),
        ..IndexStats::default()
    };
    Ok(Index::new(Parts {
        snapshot: base.snapshot().clone(),
        inventory,
        graph: OnceLock::new(),
        text,
        facts: facts.into(),
        before: base.before(),
        cache: base.cache().clone(),
        store: Arc::clone(base.store()),
        in_use: None,
        is_overlay: true,
        project: project_with(base, edits)?,
        stats,
    }))
}

/// Reads the configuration again only where an edit is of it.
fn project_with(base: &Index, edits: &[Edited<'_>]) -> Result<OnceLock<Arc<Project>>, IndexError> {
    if edits.iter().any(|it| Project::reads(it.0)) {
        return Ok(OnceLock::from(Arc::new(super::project(base.snapshot(), edits)?)));
    }
    Ok(OnceLock::from(Arc::clone(base.project())))
}

/// Returns what the edits leave as it is.
fn kept(base: &Index, edits: &[Edited<'_>]) -> Files {
    let is_edited = |path: &RepoPath| edits.iter().any(|it| it.0 == path);
    let inventory = base.inventory();
    let mut files = Files::default();
    let places = base.text().places();
    for (id, place) in (0..inventory.files.len() as u32).map(FileId).zip(places) {
        let (Some(found), Some(facts)) = (inventory.found(id), base.facts_cell(id)) else { continue };
        if !is_edited(&found.path) {
            files.found.push((found, facts.clone(), Place::Known(*place)));
        }
    }
    files.left_out.extend(inventory.left_out.iter().filter(|it| !is_edited(&it.path)).cloned());
    files
}

impl Files {
    fn read(&mut self, writer: &mut PackWriter, path: &RepoPath, bytes: &[u8]) -> Result<(), IndexError> {
        let Some(language) = LanguageId::of_file(path, bytes) else { return Ok(()) };
        let blob = BlobId::of(bytes)?;
        match parse::read(language, bytes) {
            Err(reason) => self.left_out.push(LeftOut { path: path.clone(), blob, reason }),
            Ok(facts) => {
                let key = DocumentKey::of(language.number(), path, blob);
                let row = documents::add(writer, key, path, &facts, bytes);
                let is_test = language::of(language).is_test_path(path);
                let summary = Arc::new(Summary::of(&facts));
                let found = FoundFile { path: path.clone(), blob, language, is_test, summary };
                let facts = OnceLock::from(Some(Arc::new(facts)));
                self.found.push((found, facts, Place::New { pack: PACK, row }));
            }
        }
        Ok(())
    }
}
