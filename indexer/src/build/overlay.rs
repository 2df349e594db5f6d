//! The index of a snapshot with some files changed, in memory only.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rayon::prelude::*;
use repo::{BlobId, RepoPath};

use super::FactsCell;
use super::documents::{Documents, Place};
use crate::error::IndexError;
use crate::facts::FileFacts;
use crate::graph::Project;
use crate::index::{Index, IndexStats, Parts, SkipReason};
use crate::symbol::FileId;
use crate::syntax::LanguageId;
use crate::text::{DocumentKey, PackWriter};
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
    // Of two edits of one file the later counts.
    let is_last = |at: usize| edits[at + 1..].iter().all(|it| it.0 != edits[at].0);
    let read: Vec<Read<'_>> = (0..edits.len())
        .into_par_iter()
        .filter(|at| is_last(*at))
        .filter_map(|at| read(edits[at].0, edits[at].1?))
        .collect::<Result<_, IndexError>>()?;
    let parsed = read.len();
    let mut contents = base.edits().cloned().unwrap_or_default();
    contents.extend(read.iter().map(|it| (it.blob, Arc::from(it.bytes))));
    let mut files = kept(base, edits);
    let mut writer = PackWriter::new();
    read.into_iter().for_each(|it| files.add(&mut writer, it));
    files.found.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    files.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    let mut packs = Documents::start(Some(base));
    if !writer.is_empty() {
        packs.add(PACK, writer.into_memory());
    }
    let mut parts = (Vec::new(), Vec::new(), Vec::new());
    for (found, facts, place) in files.found {
        parts.0.push(found);
        parts.1.push(facts);
        parts.2.push(place);
    }
    let (found, facts, places) = parts;
    let reused = found.len().saturating_sub(parsed);
    let inventory = Arc::new(Inventory::after(base.inventory(), found, files.left_out));
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
        edits: Some(contents),
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

/// An edited file that is read.
struct Read<'a> {
    path: &'a RepoPath,
    bytes: &'a [u8],
    blob: BlobId,
    language: LanguageId,
    facts: Result<(Arc<FileFacts>, Arc<Summary>), SkipReason>,
}

/// Reads an edited file; `None` when it is no source.
fn read<'a>(path: &'a RepoPath, bytes: &'a [u8]) -> Option<Result<Read<'a>, IndexError>> {
    let language = LanguageId::of_file(path, bytes)?;
    let blob = match BlobId::of(bytes) {
        Ok(blob) => blob,
        Err(error) => return Some(Err(error.into())),
    };
    let facts = parse::read(language, bytes).map(|it| {
        let summary = Arc::new(Summary::of(&it, None));
        (Arc::new(it), summary)
    });
    Some(Ok(Read { path, bytes, blob, language, facts }))
}

impl Files {
    fn add(&mut self, writer: &mut PackWriter, read: Read<'_>) {
        let Read { path, bytes, blob, language, facts } = read;
        match facts {
            Err(reason) => self.left_out.push(LeftOut { path: path.clone(), blob, reason }),
            Ok((facts, summary)) => {
                let key = DocumentKey::of(language.number(), path, blob);
                let row = documents::add(writer, key, path, &facts, bytes);
                let is_test = language::of(language).is_test_path(path);
                let found = FoundFile { path: path.clone(), blob, language, is_test, summary };
                let facts = Arc::new(OnceLock::from(Some(facts)));
                self.found.push((found, facts, Place::New { pack: PACK, row }));
            }
        }
    }
}
