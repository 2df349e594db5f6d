//! Writes packs of documents.
//!
//! Every word of a file is split off and looked up once, as a number; documents are then counted from runs of numbers. (tantivy's own writer
//! takes texts, and each word of a function stands in four fields of two documents: it would be split and hashed four times.) What is written
//! is a segment as tantivy writes it.

use std::io::{self, Write};
use std::ops::Range;

use tantivy::Segment;
use tantivy::columnar::ColumnarWriter;
use tantivy::directory::{OwnedBytes, TerminatingWrite};
use tantivy::fieldnorm::{FieldNormReader, FieldNormsSerializer};
use tantivy::index::SegmentComponent;
use tantivy::postings::{FieldSerializer, InvertedIndexSerializer};
use tantivy::schema::Field as TantivyField;

use crate::text::memory::{self, Memory, Postings};
use crate::text::pack::{DocumentKey, Pack, PackBytes, Row, components_of, new_segment};
use crate::text::vocabulary::{SortedWords, Vocabulary};
use crate::text::words::Splitter;
use crate::text::{Corpus, FIELDS, Field, column};

/// Some of the words of the file at hand, in order.
pub(crate) type Run = Range<u32>;

/// The documents of files, while they are collected.
pub(crate) struct PackWriter {
    words: Vocabulary,
    columns: Vec<Column>,
    rows: Vec<Row>,
    documents: u32,
    counter: Counter,
    /// The words of the file at hand.
    file: Vec<u32>,
    buffer: String,
}

/// One field of one corpus.
#[derive(Default)]
struct Column {
    /// For each document with words: its number, how many different ones, and each with its count, all as variable-length numbers.
    stream: Vec<u8>,
    norms: Vec<u8>,
    words: u64,
}

/// Counts numbers without sorting them.
#[derive(Default)]
struct Counter {
    counts: Vec<u32>,
    seen: Vec<u32>,
}

impl PackWriter {
    pub(crate) fn new() -> PackWriter {
        let mut columns = Vec::new();
        columns.resize_with(FIELDS, Column::default);
        PackWriter {
            words: Vocabulary::default(),
            columns,
            rows: Vec::new(),
            documents: 0,
            counter: Counter::default(),
            file: Vec::new(),
            buffer: String::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns about how many bytes are held.
    pub(crate) fn size(&self) -> usize {
        let streams: usize = self.columns.iter().map(|it| it.stream.len() + it.norms.len()).sum();
        streams + self.words.len() * 48
    }

    /// Begins the next file and returns its row.
    pub(crate) fn begin(&mut self, key: DocumentKey) -> u32 {
        self.file.clear();
        self.rows.push(Row { key, first: self.documents, symbols: 0, words: [0; FIELDS] });
        self.rows.len() as u32 - 1
    }

    /// Splits a text into words.
    pub(crate) fn split(&mut self, text: &str) -> Run {
        let start = self.file.len() as u32;
        let mut splitter = Splitter::new(text);
        while splitter.next_into(&mut self.buffer) {
            self.file.push(self.words.number(&self.buffer));
        }
        start..self.file.len() as u32
    }

    /// Adds a document: first the file's, then its symbols'. A field may be given several times.
    pub(crate) fn document(&mut self, corpus: Corpus, fields: &[(Field, Run)]) {
        let document = self.documents;
        self.documents += 1;
        let Some(row) = self.rows.last_mut() else { return };
        row.symbols = document - row.first;
        for field in Field::ALL {
            let own = fields.iter().filter(|it| it.0 == field);
            let mut total = 0;
            for (_, run) in own {
                let words = self.file.get(run.start as usize..run.end as usize).unwrap_or_default();
                total += words.len() as u32;
                self.counter.add(words);
            }
            if total == 0 {
                continue;
            }
            let number = column(corpus, field);
            row.words[number] += total;
            self.columns[number].add(document, total, &mut self.counter);
        }
    }

    /// Returns the pack for one index only, which is never stored.
    pub(crate) fn into_memory(self) -> Pack {
        let PackWriter { words, columns, rows, documents, .. } = self;
        let count = words.len();
        let column = |it: Column| memory::Column { postings: by_word(count, &it.stream), norms: it.norms };
        Pack::in_memory(rows, documents, Memory::new(words, columns.into_iter().map(column).collect()))
    }

    /// Returns the bytes of the pack.
    pub(crate) fn finish(self) -> tantivy::Result<PackBytes> {
        let PackWriter { words, columns, rows, documents, .. } = self;
        let words = words.sorted();
        let norms: Vec<Vec<u8>> = columns.iter().map(|it| padded(&it.norms, documents)).collect();
        let totals: Vec<u64> = columns.iter().map(|it| it.words).collect();
        let mut streams = columns.into_iter().map(|it| it.stream);
        let components = write_segment(&norms, &totals, |_, serializer| {
            write_column(&words, &streams.next().unwrap_or_default(), serializer)
        })?;
        Ok(PackBytes::new(&rows, documents, components))
    }
}

impl Counter {
    fn add(&mut self, numbers: &[u32]) {
        for number in numbers {
            let at = *number as usize;
            if at >= self.counts.len() {
                self.counts.resize(at + 1 + at / 2, 0);
            }
            if self.counts[at] == 0 {
                self.seen.push(*number);
            }
            self.counts[at] += 1;
        }
    }
}

impl Column {
    /// Adds what the counter holds, and empties it.
    fn add(&mut self, document: u32, total: u32, counter: &mut Counter) {
        self.norms.resize(document as usize, 0);
        self.norms.push(FieldNormReader::fieldnorm_to_id(total));
        self.words += u64::from(total);
        put(&mut self.stream, document);
        put(&mut self.stream, counter.seen.len() as u32);
        for number in counter.seen.drain(..) {
            put(&mut self.stream, number);
            put(&mut self.stream, std::mem::take(&mut counter.counts[number as usize]));
        }
    }
}

fn padded(norms: &[u8], documents: u32) -> Vec<u8> {
    let mut norms = norms.to_vec();
    norms.resize(documents as usize, 0);
    norms
}

/// Writes a segment; `postings` is called for each field of each corpus in order.
pub(super) fn write_segment(
    norms: &[Vec<u8>],
    totals: &[u64],
    mut postings: impl FnMut(usize, &mut FieldSerializer<'_>) -> io::Result<()>,
) -> tantivy::Result<Vec<OwnedBytes>> {
    let (directory, segment) = new_segment()?;
    let mut norms_of = FieldNormsSerializer::from_write(segment.open_write(SegmentComponent::FieldNorms)?)?;
    let mut inverted = InvertedIndexSerializer::open(&segment)?;
    for (column, (norms, total)) in norms.iter().zip(totals).enumerate() {
        let field = TantivyField::from_field_id(column as u32);
        norms_of.serialize_field(field, norms)?;
        let mut serializer = inverted.new_field(field, *total, None)?;
        postings(column, &mut serializer)?;
        serializer.close()?;
    }
    norms_of.close()?;
    inverted.close()?;
    let documents = norms.first().map_or(0, Vec::len) as u32;
    write_rest(&segment, documents)?;
    components_of(&directory, &segment)
}

/// Writes the components that have nothing in them.
fn write_rest(segment: &Segment, documents: u32) -> tantivy::Result<()> {
    let mut fast = segment.open_write(SegmentComponent::FastFields)?;
    ColumnarWriter::default().serialize(documents, None, &mut fast)?;
    fast.terminate()?;
    let mut store = segment.open_write(SegmentComponent::Store)?;
    store.flush()?;
    Ok(store.terminate()?)
}

/// Writes the postings of a column.
fn write_column(words: &SortedWords, stream: &[u8], serializer: &mut FieldSerializer<'_>) -> io::Result<()> {
    let postings = by_word(words.len(), stream);
    let mut buffer = [0; 16];
    for word in words.iter() {
        let postings = postings.of(word.1);
        if !postings.is_empty() {
            write_term(serializer, words.bytes(word, &mut buffer), postings)?;
        }
    }
    Ok(())
}

/// Turns a stream by document into postings by word.
fn by_word(words: usize, stream: &[u8]) -> Postings {
    let mut ends = vec![0u32; words + 1];
    each(stream, |_, word, _| ends[word as usize + 1] += 1);
    for at in 1..ends.len() {
        ends[at] += ends[at - 1];
    }
    // Each start becomes the end as its postings are put in place.
    let mut all = vec![(0u32, 0u32); ends.last().map_or(0, |it| *it as usize)];
    each(stream, |document, word, count| {
        let at = &mut ends[word as usize];
        all[*at as usize] = (document, count);
        *at += 1;
    });
    Postings { ends, all }
}

/// Writes the postings of one word, in the order of the documents.
pub(super) fn write_term(serializer: &mut FieldSerializer<'_>, word: &[u8], postings: &[(u32, u32)]) -> io::Result<()> {
    serializer.new_term(word, postings.len() as u32, true)?;
    postings.iter().for_each(|it| serializer.write_doc(it.0, it.1, &[]));
    serializer.close_term()
}

/// Calls back with document, word and count.
fn each(mut stream: &[u8], mut call: impl FnMut(u32, u32, u32)) {
    while !stream.is_empty() {
        let (document, different) = (take(&mut stream), take(&mut stream));
        for _ in 0..different {
            let word = take(&mut stream);
            call(document, word, take(&mut stream));
        }
    }
}

fn put(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(stream: &mut &[u8]) -> u32 {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let Some((byte, rest)) = stream.split_first() else { break };
        *stream = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}
