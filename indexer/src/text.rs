//! The text index: which definitions and files hold which words in which field.
//!
//! Two corpora, because what is rare among files is not what is rare among definitions: `files` has one document a source file, `symbols`
//! one a symbol, and a document's number is the file's or symbol's. Words are kept by tantivy; scores are computed here, so that each field
//! has its boost and each caller its saturation, and so that equal indexes give equal answers to the last bit.

mod build;
mod rank;
mod search;
mod words;

use std::path::Path;

use tantivy::schema::{Field as TantivyField, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{SegmentReader, Term as TantivyTerm};

use crate::error::IndexError;

pub(crate) use build::{Document, build};
pub use rank::{Boosts, Query, Ranked, Term};
pub(crate) use search::search;
pub use words::words;

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

    /// Fields are added to the schema in the order of [`Field::ALL`].
    fn in_schema(self) -> TantivyField {
        TantivyField::from_field_id(self as u32)
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

impl Corpus {
    pub(crate) const ALL: [Corpus; 2] = [Corpus::Files, Corpus::Symbols];

    pub(crate) fn directory(self) -> &'static str {
        match self {
            Corpus::Files => "files",
            Corpus::Symbols => "symbols",
        }
    }
}

/// The text index of one snapshot, mapped from disk.
pub struct TextIndex {
    files: Reader,
    symbols: Reader,
}

/// One corpus.
struct Reader {
    /// `None` when the corpus has no document.
    segment: Option<SegmentReader>,
    path: std::path::PathBuf,
}

impl TextIndex {
    /// Opens the index that [`build`] wrote below `directory`.
    pub(crate) fn open(directory: &Path) -> Result<TextIndex, IndexError> {
        Ok(TextIndex {
            files: Reader::open(directory, Corpus::Files)?,
            symbols: Reader::open(directory, Corpus::Symbols)?,
        })
    }

    fn reader(&self, corpus: Corpus) -> &Reader {
        match corpus {
            Corpus::Files => &self.files,
            Corpus::Symbols => &self.symbols,
        }
    }

    /// Returns how many documents a corpus has.
    pub fn documents(&self, corpus: Corpus) -> u32 {
        self.reader(corpus).segment.as_ref().map_or(0, SegmentReader::max_doc)
    }

    /// Returns how many documents hold `word` (lower case, as [`words`] yields it) in `field`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn document_frequency(&self, corpus: Corpus, field: Field, word: &str) -> Result<u32, IndexError> {
        let reader = self.reader(corpus);
        let Some(segment) = &reader.segment else { return Ok(0) };
        let term = TantivyTerm::from_field_text(field.in_schema(), word);
        let inverted = segment.inverted_index(field.in_schema()).map_err(|it| reader.error(it))?;
        inverted.doc_freq(&term).map_err(|it| reader.error(it.into()))
    }
}

impl Reader {
    fn open(directory: &Path, corpus: Corpus) -> Result<Reader, IndexError> {
        let path = directory.join(corpus.directory());
        let mut reader = Reader { segment: None, path };
        let index = tantivy::Index::open_in_dir(&reader.path).map_err(|it| reader.error(it))?;
        let segments = index.searchable_segments().map_err(|it| reader.error(it))?;
        if let Some(segment) = segments.first() {
            reader.segment = Some(SegmentReader::open(segment).map_err(|it| reader.error(it))?);
        }
        Ok(reader)
    }

    fn error(&self, source: tantivy::TantivyError) -> IndexError {
        IndexError::Text { path: self.path.clone(), source }
    }
}

const TOKENIZER: &str = "code";

fn schema() -> Schema {
    let mut schema = Schema::builder();
    for field in Field::ALL {
        // No positions: nobody asks for phrases, and they would double the size.
        let indexing =
            TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs);
        schema.add_text_field(field.as_str(), TextOptions::default().set_indexing_options(indexing));
    }
    schema.build()
}
