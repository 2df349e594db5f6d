//! Makes one pack of several, so that a question need not be put to many.

use std::sync::Arc;

use tantivy::postings::{FieldSerializer, Postings};
use tantivy::schema::{Field as TantivyField, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, TERMINATED};

use crate::text::FIELDS;
use crate::text::pack::{Pack, PackBytes, Row};
use crate::text::write::{write_segment, write_term};

const NONE: u32 = u32::MAX;

/// Returns the bytes of a pack with all files of `packs`; a file that several have is taken once.
pub(crate) fn merge(packs: &[Arc<Pack>]) -> tantivy::Result<PackBytes> {
    let plan = Plan::of(packs);
    let mut norms = vec![vec![0; plan.documents as usize]; FIELDS];
    for (column, norms) in norms.iter_mut().enumerate() {
        let field = TantivyField::from_field_id(column as u32);
        for (pack, numbers) in packs.iter().zip(&plan.numbers) {
            let reader = pack.segment()?.get_fieldnorms_reader(field)?;
            let known = numbers.iter().zip(0..).filter(|it| *it.0 != NONE);
            known.for_each(|(new, old)| norms[*new as usize] = reader.fieldnorm_id(old));
        }
    }
    let totals: Vec<u64> =
        (0..FIELDS).map(|column| plan.rows.iter().map(|it| u64::from(it.words[column])).sum()).collect();
    let components = write_segment(&norms, &totals, |column, serializer| {
        merge_column(packs, &plan.numbers, column, serializer).map_err(std::io::Error::other)
    })?;
    Ok(PackBytes::new(&plan.rows, plan.documents, components))
}

/// Where everything goes.
struct Plan {
    rows: Vec<Row>,
    documents: u32,
    /// By pack, the new numbers of its documents.
    numbers: Vec<Vec<u32>>,
}

impl Plan {
    fn of(packs: &[Arc<Pack>]) -> Plan {
        let mut plan = Plan { rows: Vec::new(), documents: 0, numbers: Vec::new() };
        let mut seen = rustc_hash::FxHashSet::default();
        for pack in packs {
            let mut numbers = vec![NONE; pack.documents as usize];
            for row in pack.rows.iter().filter(|it| seen.insert(it.key)) {
                let old = row.documents();
                plan.rows.push(Row { first: plan.documents, ..row.clone() });
                for document in old {
                    numbers[document as usize] = plan.documents;
                    plan.documents += 1;
                }
            }
            plan.numbers.push(numbers);
        }
        plan
    }
}

/// Walks through the words of all packs side by side.
fn merge_column(
    packs: &[Arc<Pack>],
    numbers: &[Vec<u32>],
    column: usize,
    serializer: &mut FieldSerializer<'_>,
) -> tantivy::Result<()> {
    let field = TantivyField::from_field_id(column as u32);
    let readers: Vec<Arc<InvertedIndexReader>> =
        packs.iter().map(|it| it.segment()?.inverted_index(field)).collect::<Result<_, _>>()?;
    let mut streams = Vec::new();
    for (at, reader) in readers.iter().enumerate() {
        let mut stream = reader.terms().stream()?;
        if stream.advance() {
            streams.push((at, stream));
        }
    }
    let mut postings = Vec::new();
    while let Some(word) = streams.iter().map(|it| it.1.key()).min().map(<[u8]>::to_vec) {
        postings.clear();
        let mut at = 0;
        while let Some((pack, stream)) = streams.get_mut(at) {
            if stream.key() != word {
                at += 1;
                continue;
            }
            let mut own = readers[*pack].read_postings_from_terminfo(stream.value(), IndexRecordOption::WithFreqs)?;
            while own.doc() != TERMINATED {
                let number = numbers[*pack][own.doc() as usize];
                if number != NONE {
                    postings.push((number, own.term_freq()));
                }
                own.advance();
            }
            if stream.advance() {
                at += 1;
            } else {
                streams.remove(at);
            }
        }
        if !postings.is_empty() {
            write_term(serializer, &word, &postings)?;
        }
    }
    Ok(())
}
