//! Writes the text index of a snapshot.

use std::path::Path;

use tantivy::directory::MmapDirectory;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{SingleSegmentIndexWriter, TantivyDocument};

use crate::error::IndexError;
use crate::text::words::CodeTokenizer;
use crate::text::{Corpus, Field, TOKENIZER, schema};

/// Only a hint for the size of the first tables; the writer grows beyond it.
const WRITER_BYTES: usize = 32 << 20;

/// The texts of one document, by field. One field may have several texts.
#[derive(Debug, Default)]
pub(crate) struct Document {
    texts: Vec<(Field, String)>,
}

impl Document {
    pub(crate) fn add(&mut self, field: Field, text: impl Into<String>) {
        self.texts.push((field, text.into()));
    }
}

/// Writes one corpus below `directory`; the documents are numbered as they come.
pub(crate) fn build(
    directory: &Path,
    corpus: Corpus,
    documents: impl Iterator<Item = Document>,
) -> Result<(), IndexError> {
    let path = directory.join(corpus.directory());
    std::fs::create_dir_all(&path).map_err(|source| IndexError::Cache { path: path.clone(), source })?;
    write(&path, documents).map_err(|source| IndexError::Text { path: path.clone(), source })
}

fn write(path: &Path, documents: impl Iterator<Item = Document>) -> tantivy::Result<()> {
    let tokenizers = TokenizerManager::new();
    tokenizers.register(TOKENIZER, CodeTokenizer::default());
    // One segment, so that documents keep the numbers in which they come; and no threads, so that two corpora share two cores.
    let builder = tantivy::Index::builder().schema(schema()).tokenizers(tokenizers);
    let mut writer: SingleSegmentIndexWriter =
        builder.single_segment_index_writer(MmapDirectory::open(path)?, WRITER_BYTES)?;
    for document in documents {
        let mut fields = TantivyDocument::default();
        document.texts.iter().for_each(|(field, text)| fields.add_text(field.in_schema(), text));
        writer.add_document(fields)?;
    }
    writer.finalize()?;
    Ok(())
}
