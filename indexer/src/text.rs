//! The text index: which definitions and files hold which words in which field.
//!
//! Two corpora, because what is rare among files is not what is rare among definitions: one document a source file, one a symbol.
//! Documents stand in packs (`text::pack`) that all snapshots of a repository share: those of a file are written when its content is first seen
//! at its path, and never again. A [`TextIndex`] is some packs and, for each document in them, which file or symbol of the snapshot it is, if
//! any; what is rare, and how long a text is on the average, is counted over the documents of the snapshot alone. Words are kept by tantivy;
//! scores are computed here, so that each field has its boost and each caller its saturation, and so that an index gives the same answers to
//! the last bit however its packs came to be.

mod memory;
mod merge;
mod pack;
mod rank;
mod search;
mod vocabulary;
mod words;
mod write;

use std::sync::Arc;

use tantivy::schema::{IndexRecordOption, Schema, TextFieldIndexing, TextOptions};

use crate::error::IndexError;
use crate::symbol::FileId;

pub(crate) use merge::merge;
pub(crate) use pack::{DocumentKey, Pack, PackBytes, PackName};
pub use rank::{Boosts, Query, Ranked, Term};
pub(crate) use search::search;
pub use words::words;
pub(crate) use write::{PackWriter, Run};

/// What a document's words are found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The words of the path, without the extension.
    Path,
    /// The short name; of a file, its stem.
    Name,
    /// The qualified name; of a file, the names of all it defines.
    Qualified,
    /// Code without comments, strings and documentation.
    Identifiers,
    /// Comments and documentation.
    Docs,
    /// String literals.
    Strings,
    /// The head of the definition.
    Signature,
    /// The whole text; of a class, without the definitions in it.
    Body,
}

impl Field {
    /// All fields.
    pub const ALL: [Field; 8] = [
        Field::Path,
        Field::Name,
        Field::Qualified,
        Field::Identifiers,
        Field::Docs,
        Field::Strings,
        Field::Signature,
        Field::Body,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Field::Path => "path",
            Field::Name => "name",
            Field::Qualified => "qualified",
            Field::Identifiers => "identifiers",
            Field::Docs => "docs",
            Field::Strings => "strings",
            Field::Signature => "signature",
            Field::Body => "body",
        }
    }
}

/// Which documents are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Corpus {
    /// Source files.
    Files,
    /// Symbols.
    Symbols,
}

/// How many fields all corpora have together.
const FIELDS: usize = 2 * Field::ALL.len();

/// Returns the place of a field of a corpus among all: the schema has the fields of the files, then those of the symbols.
fn column(corpus: Corpus, field: Field) -> usize {
    corpus as usize * Field::ALL.len() + field as usize
}

/// Where the documents of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DocumentPlace {
    /// The pack: its place in the list of the index.
    pub(crate) pack: u32,
    /// The file's row in it.
    pub(crate) row: u32,
}

/// The text index of one snapshot: packs, and what of them belongs to the snapshot.
pub struct TextIndex {
    packs: Vec<LivePack>,
    places: Vec<DocumentPlace>,
    documents: [u32; 2],
    /// How many words all documents have, by field.
    words: [u64; FIELDS],
}

/// A pack as one snapshot sees it.
struct LivePack {
    pack: Arc<Pack>,
    /// By document, the number of the file or symbol, or [`NOBODY`].
    owners: Vec<u32>,
}

/// The owner of a document of another snapshot.
const NOBODY: u32 = u32::MAX;

/// One document with a word in it.
struct Posting {
    /// The number of the file or symbol.
    owner: u32,
    count: u32,
    /// The length of the field, in tantivy's steps.
    norm: u8,
}

impl TextIndex {
    /// Puts the index of a snapshot together; `places` are by file. `None` when a place is none, or two files have the same.
    pub(crate) fn new(packs: Vec<Arc<Pack>>, places: Vec<DocumentPlace>) -> Option<TextIndex> {
        let owners = |pack: Arc<Pack>| LivePack { owners: vec![NOBODY; pack.documents as usize], pack };
        let mut packs: Vec<LivePack> = packs.into_iter().map(owners).collect();
        let mut documents = [0; 2];
        let mut words = [0; FIELDS];
        for (file, place) in (0..).zip(&places) {
            let LivePack { pack, owners } = packs.get_mut(place.pack as usize)?;
            let row = pack.rows.get(place.row as usize)?;
            let of_file = owners.get_mut(row.first as usize)?;
            if std::mem::replace(of_file, file) != NOBODY {
                return None;
            }
            let of_symbols = owners.get_mut(row.first as usize + 1..)?.iter_mut();
            of_symbols.take(row.symbols as usize).zip(documents[1]..).for_each(|(owner, symbol)| *owner = symbol);
            documents[0] += 1;
            documents[1] += row.symbols;
            words.iter_mut().zip(row.words).for_each(|(all, own)| *all += u64::from(own));
        }
        Some(TextIndex { packs, places, documents, words })
    }

    /// Returns the packs.
    pub(crate) fn packs(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.iter().map(|it| &it.pack)
    }

    /// Returns where the documents of each file are.
    pub(crate) fn places(&self) -> &[DocumentPlace] {
        &self.places
    }

    /// Returns how many symbols of a file have documents; `None` when there is no such file.
    pub(crate) fn symbols_of(&self, file: FileId) -> Option<usize> {
        let place = self.places.get(file.0 as usize)?;
        Some(self.packs.get(place.pack as usize)?.pack.rows.get(place.row as usize)?.symbols as usize)
    }

    /// Returns how many documents a corpus has.
    pub fn documents(&self, corpus: Corpus) -> u32 {
        self.documents[corpus as usize]
    }

    /// Returns how many documents hold `word` (lower case, as [`words`] yields it) in `field`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn document_frequency(&self, corpus: Corpus, field: Field, word: &str) -> Result<u32, IndexError> {
        let mut postings = Vec::new();
        self.postings(corpus, field, word, &mut postings).map_err(error)?;
        Ok(postings.len() as u32)
    }

    /// Puts the documents of the snapshot that hold a word into `found`, pack by pack.
    fn postings(&self, corpus: Corpus, field: Field, word: &str, found: &mut Vec<Posting>) -> tantivy::Result<()> {
        found.clear();
        let column = column(corpus, field);
        for LivePack { pack, owners } in &self.packs {
            pack.postings(column, word, |document, count, norm| {
                let owner = owners.get(document as usize).copied().unwrap_or(NOBODY);
                if owner != NOBODY {
                    found.push(Posting { owner, count, norm });
                }
            })?;
        }
        Ok(())
    }
}

pub(crate) fn error(source: tantivy::TantivyError) -> IndexError {
    IndexError::Text { source }
}

fn schema() -> Schema {
    let mut schema = Schema::builder();
    for corpus in ["files", "symbols"] {
        for field in Field::ALL {
            // No positions: nobody asks for phrases, and they would double the size. Texts come as words, so no tokenizer is ever asked.
            let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
            let options = TextOptions::default().set_indexing_options(indexing);
            schema.add_text_field(&format!("{corpus}.{}", field.as_str()), options);
        }
    }
    schema.build()
}
