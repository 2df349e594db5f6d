//! Reads contents: facts from the cache or by parsing, and documents for the text index, on all cores.
//!
//! Each thread takes the next content, does everything with it and forgets its bytes, so that what is held at any time is bounded by the
//! largest files and by the packs of documents under way, which are closed and written when they have grown.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use repo::{BlobId, RepoPath, Snapshot};

use super::documents::{Documents, Known, Place};
use super::links::Links;
use crate::cache::{Cache, Record};
use crate::definitions::{FactSource, Origin};
use crate::documents;
use crate::error::IndexError;
use crate::facts::FileFacts;
use crate::index::{IndexProgress, IndexStats, SkipReason, Stage};
use crate::parse;
use crate::syntax::LanguageId;
use crate::text::{DocumentKey, Pack, PackWriter};
use crate::view::Summary;

/// Contents read between two reports of progress.
const REPORT: usize = 256;
/// A pack of documents is closed when it holds so many bytes; each thread has one under way.
const PACK_BYTES: usize = 48 << 20;
/// Facts are written when there are so many bytes of them.
const FACT_BYTES: usize = 16 << 20;
/// With fewer contents another thread is not worth its start.
const CONTENTS_A_THREAD: usize = 8;

/// A content to be read, and the paths under which it is found.
pub(super) struct Unit<'s> {
    pub(super) blob: BlobId,
    pub(super) paths: Vec<&'s RepoPath>,
}

/// What came of a content.
pub(super) enum Outcome {
    LeftOut(SkipReason),
    Read(Content),
}

/// A content that has been read.
pub(super) struct Content {
    pub(super) language: LanguageId,
    pub(super) facts: Kept,
    pub(super) summary: Arc<Summary>,
    /// Where its documents are, by path.
    pub(super) places: Vec<Place>,
}

/// What is kept of the facts of a content.
#[derive(Clone)]
pub(super) enum Kept {
    Whole(Arc<FileFacts>),
    Links(Arc<Links>),
}

/// What a thread tells of its work.
enum News {
    Done { unit: usize, outcome: Outcome, records: Vec<Record>, parsed: bool },
    Pack(u32, Box<Pack>),
    Failed(IndexError),
}

/// Everything that the threads share.
pub(super) struct Reader<'r> {
    pub(super) snapshot: &'r Snapshot,
    pub(super) source: &'r Arc<FactSource>,
    pub(super) cache: &'r Cache,
    pub(super) units: &'r [Unit<'r>],
    /// The packs there are.
    pub(super) known: Known,
    /// Whether all files are new, and so many that of their facts only what linking needs is kept.
    pub(super) is_cold: bool,
}

impl Reader<'_> {
    /// Reads all units and returns what came of each; new packs go to `documents`.
    pub(super) fn run(
        &self,
        documents: &mut Documents,
        stats: &mut IndexStats,
        progress: &dyn Fn(IndexProgress),
    ) -> Result<Vec<Outcome>, IndexError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = cores.min(self.units.len().div_ceil(CONTENTS_A_THREAD));
        let (next, packs) = (AtomicUsize::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            for _ in 0..threads {
                let sender = sender.clone();
                let (next, packs) = (&next, &packs);
                scope.spawn(move || self.work(next, packs, &sender));
            }
            drop(sender);
            self.gather(&receiver, documents, stats, progress).inspect_err(|_| {
                // The threads end after what they are at.
                next.store(self.units.len(), Ordering::Relaxed);
            })
        })
    }

    fn gather(
        &self,
        news: &Receiver<News>,
        documents: &mut Documents,
        stats: &mut IndexStats,
        progress: &dyn Fn(IndexProgress),
    ) -> Result<Vec<Outcome>, IndexError> {
        let total = self.units.len();
        let mut outcomes: Vec<Outcome> = Vec::new();
        outcomes.resize_with(total, || Outcome::LeftOut(SkipReason::TooSlow));
        let (mut done, mut records, mut bytes) = (0, Vec::new(), 0);
        for news in news {
            match news {
                News::Failed(error) => return Err(error),
                News::Pack(number, pack) => documents.add(number, *pack),
                News::Done { unit, outcome, records: new, parsed } => {
                    outcomes[unit] = outcome;
                    stats.parsed += usize::from(parsed);
                    bytes += new.iter().map(Record::size).sum::<usize>();
                    records.extend(new);
                    done += 1;
                    if done % REPORT == 0 || done == total {
                        progress(IndexProgress { stage: Stage::Parsing, done, total, stats: *stats });
                    }
                    if bytes > FACT_BYTES {
                        self.store_facts(&std::mem::take(&mut records));
                        bytes = 0;
                    }
                }
            }
        }
        self.store_facts(&records);
        Ok(outcomes)
    }

    fn store_facts(&self, records: &[Record]) {
        if let Err(error) = self.source.store.add(records) {
            tracing::warn!(%error, "facts are not stored and will be extracted again");
        }
    }

    /// One thread's work: whatever unit is next, until there is none.
    fn work(&self, next: &AtomicUsize, packs: &AtomicU32, news: &Sender<News>) {
        let mut open: Option<(u32, PackWriter)> = None;
        while let Some((at, unit)) = self.units.get(next.load(Ordering::Relaxed)).and_then(|_| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            Some((at, self.units.get(at)?))
        }) {
            let (number, writer) =
                open.get_or_insert_with(|| (packs.fetch_add(1, Ordering::Relaxed), PackWriter::new()));
            let done = self.read(at, unit, *number, writer).unwrap_or_else(News::Failed);
            let full = writer.size() > PACK_BYTES;
            // Nobody listens any more once another thread has failed.
            if news.send(done).is_err() {
                return;
            }
            if full {
                self.close(open.take(), news);
            }
        }
        self.close(open, news);
    }

    fn close(&self, open: Option<(u32, PackWriter)>, news: &Sender<News>) {
        let Some((number, writer)) = open.filter(|it| !it.1.is_empty()) else { return };
        let written = writer.finish().map_err(crate::text::error).and_then(|it| self.cache.write_documents(it));
        let told = match written {
            Ok(pack) => news.send(News::Pack(number, Box::new(pack))),
            Err(error) => news.send(News::Failed(error)),
        };
        tracing::trace!(number, heard = told.is_ok(), "pack of documents closed");
    }

    fn read(&self, at: usize, unit: &Unit<'_>, number: u32, writer: &mut PackWriter) -> Result<News, IndexError> {
        let left_out =
            |reason| News::Done { unit: at, outcome: Outcome::LeftOut(reason), records: Vec::new(), parsed: false };
        let Some(first) = unit.paths.first() else { return Ok(left_out(SkipReason::Binary)) };
        let bytes = self.snapshot.read_blob(unit.blob)?;
        let Some(language) = LanguageId::of_file(first, &bytes) else { return Ok(left_out(SkipReason::Binary)) };
        let known = self.source.store.load(language, unit.blob);
        let parsed = known.is_none();
        let mut facts = match known.map_or_else(|| parse::read(language, &bytes), Ok) {
            Ok(facts) => facts,
            Err(reason) => return Ok(left_out(reason)),
        };
        let origin = Origin { source: Arc::clone(self.source), language, blob: unit.blob };
        let summary = Summary::of(&facts, Some(origin));
        let records = if parsed { Record::of(language, unit.blob, &mut facts, &summary) } else { Vec::new() };
        let mut place = |path: &RepoPath| {
            let key = DocumentKey::of(language.number(), path, unit.blob);
            self.known.find(key).map_or_else(
                || Place::New { pack: number, row: documents::add(writer, key, path, &facts, &bytes) },
                Place::Known,
            )
        };
        let places = unit.paths.iter().map(|it| place(it)).collect();
        let facts = if self.is_cold { Kept::Links(Arc::new(Links::of(facts))) } else { Kept::Whole(Arc::new(facts)) };
        let content = Content { language, facts, summary: Arc::new(summary), places };
        Ok(News::Done { unit: at, outcome: Outcome::Read(content), records, parsed })
    }
}
