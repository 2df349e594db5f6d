//! Scores documents against weighted words: BM25 in each field, summed with the field's boost.

use std::cmp::Ordering;

use tantivy::fieldnorm::FieldNormReader;

use crate::error::IndexError;
use crate::text::{Corpus, Field, TextIndex, column, error, words};

/// A weighted question to one corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The words asked for; a word given twice counts twice.
    pub terms: Vec<Term>,
    /// How much each field counts; 0 leaves it out.
    pub boosts: Boosts,
    /// How soon more occurrences of a word stop to matter (BM25's k1).
    pub saturation: f32,
    /// How much longer texts are held to say less per word, from 0 to 1 (BM25's b).
    pub length_penalty: f32,
}

/// A weighted word.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The word as [`words`] yields it.
    pub word: String,
    /// How much it counts.
    pub weight: f32,
}

/// How much each field counts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of `Field`")]
pub struct Boosts {
    pub path: f32,
    pub name: f32,
    pub qualified: f32,
    pub identifiers: f32,
    pub docs: f32,
    pub strings: f32,
    pub signature: f32,
    pub body: f32,
}

impl Boosts {
    /// No field counts; a start for `Boosts { body: 1.0, ..Boosts::NONE }`.
    pub const NONE: Boosts = Boosts {
        path: 0.0,
        name: 0.0,
        qualified: 0.0,
        identifiers: 0.0,
        docs: 0.0,
        strings: 0.0,
        signature: 0.0,
        body: 0.0,
    };

    /// Returns the boost of a field.
    pub fn of(&self, field: Field) -> f32 {
        match field {
            Field::Path => self.path,
            Field::Name => self.name,
            Field::Qualified => self.qualified,
            Field::Identifiers => self.identifiers,
            Field::Docs => self.docs,
            Field::Strings => self.strings,
            Field::Signature => self.signature,
            Field::Body => self.body,
        }
    }
}

impl Default for Boosts {
    fn default() -> Boosts {
        Boosts { path: 0.6, name: 0.6, qualified: 0.3, signature: 0.2, body: 1.0, ..Boosts::NONE }
    }
}

impl Query {
    /// Returns a query for weighted words with the usual settings.
    pub fn new(terms: impl IntoIterator<Item = (String, f32)>) -> Query {
        let terms = terms.into_iter().map(|(word, weight)| Term { word, weight }).collect();
        Query { terms, boosts: Boosts::default(), saturation: 1.2, length_penalty: 0.75 }
    }

    /// Returns a query for the words of a text, each counted once.
    pub fn of_text(text: &str) -> Query {
        let mut all = words(text);
        all.sort_unstable();
        all.dedup();
        Query::new(all.into_iter().map(|it| (it, 1.0)))
    }

    /// Returns the query with other boosts.
    #[must_use]
    pub fn with_boosts(self, boosts: Boosts) -> Query {
        Query { boosts, ..self }
    }
}

/// A document and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked<T> {
    /// The document.
    pub item: T,
    /// The score; above 0, comparable within one answer.
    pub score: f32,
}

impl TextIndex {
    pub(crate) fn rank<T>(
        &self,
        corpus: Corpus,
        query: &Query,
        limit: usize,
        item: impl Fn(u32) -> T,
    ) -> Result<Vec<Ranked<T>>, IndexError> {
        let scores = self.score_all(corpus, query).map_err(error)?;
        let mut found: Vec<(u32, f32)> =
            scores.into_iter().enumerate().filter(|it| it.1 > 0.0).map(|it| (it.0 as u32, it.1)).collect();
        let better =
            |a: &(u32, f32), b: &(u32, f32)| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then(a.0.cmp(&b.0));
        if found.len() > limit && limit > 0 {
            found.select_nth_unstable_by(limit - 1, better);
        }
        found.truncate(limit);
        found.sort_unstable_by(better);
        Ok(found.into_iter().map(|(document, score)| Ranked { item: item(document), score }).collect())
    }

    /// One pass over the postings of each word, adding into one number a document: there are few enough documents.
    fn score_all(&self, corpus: Corpus, query: &Query) -> tantivy::Result<Vec<f32>> {
        let documents = self.documents(corpus);
        let mut scores = vec![0.0f32; documents as usize];
        let mut postings = Vec::new();
        for field in Field::ALL {
            let boost = query.boosts.of(field);
            if boost == 0.0 {
                continue;
            }
            let average = self.words[column(corpus, field)] as f32 / documents.max(1) as f32;
            let lengths = length_table(query, average.max(1.0));
            for (word, asked) in merged(&query.terms) {
                self.postings(corpus, field, word, &mut postings)?;
                let rarity = idf(postings.len() as u32, documents);
                let weight = boost * asked * rarity * (query.saturation + 1.0);
                for posting in &postings {
                    let frequency = posting.count as f32;
                    let length = lengths[usize::from(posting.norm)];
                    scores[posting.owner as usize] += weight * frequency / (frequency + length);
                }
            }
        }
        Ok(scores)
    }
}

/// Returns the words with the weights of equal ones added, in a fixed order, since sums of floats depend on it.
fn merged(terms: &[Term]) -> Vec<(&str, f32)> {
    let mut all: Vec<(&str, f32)> = terms.iter().map(|it| (it.word.as_str(), it.weight)).collect();
    all.sort_by(|a, b| a.0.cmp(b.0));
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    all
}

/// Lengths are kept in 256 steps, so BM25's part that depends on the length is computed once a step.
fn length_table(query: &Query, average: f32) -> Vec<f32> {
    let part = |id: u8| {
        let length = FieldNormReader::id_to_fieldnorm(id) as f32;
        query.saturation * (1.0 - query.length_penalty + query.length_penalty * length / average)
    };
    (0..=u8::MAX).map(part).collect()
}

fn idf(holding: u32, documents: u32) -> f32 {
    let (holding, documents) = (holding as f32, documents as f32);
    (1.0 + (documents - holding + 0.5) / (holding + 0.5)).ln()
}
