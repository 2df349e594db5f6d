//! What of a file the text index gets to see: one document for the file, one for each symbol.
//!
//! A function's document holds all of its text, a class's only what is not in one of its methods; whatever is defined inside a function is
//! part of that function, so its own document holds its name alone.

use std::borrow::Cow;
use std::ops::Range;

use repo::RepoPath;

use crate::facts::{FileFacts, TextSpan};
use crate::symbol::SymbolKind;
use crate::text::{Corpus, DocumentKey, Field, PackWriter, Run};

type Fields = Vec<(Field, Run)>;

/// Adds the documents of a file and its symbols, and returns their row.
pub(crate) fn add(writer: &mut PackWriter, key: DocumentKey, path: &RepoPath, facts: &FileFacts, bytes: &[u8]) -> u32 {
    let row = writer.begin(key);
    let owners = owners(facts);
    let own_spans: Vec<Vec<Range<usize>>> =
        (0..owners.len()).map(|at| own_spans(facts, &owners, at, bytes.len())).collect();
    let text = SplitText::new(writer, facts, bytes, &own_spans);
    let path_words = without_extension(path);
    let stem = path_words.rsplit_once('/').map_or(&*path_words, |it| it.1);
    let path_words = (Field::Path, writer.split(&path_words));

    let mut file: Fields = vec![path_words.clone(), (Field::Name, writer.split(stem))];
    let mut symbols: Vec<Fields> = Vec::with_capacity(owners.len());
    for (at, definition) in facts.symbols.iter().enumerate() {
        let name = writer.split(&definition.name);
        let signature = writer.split(&definition.signature);
        file.push((Field::Qualified, name.clone()));
        if definition.kind.is_callable() || definition.kind == SymbolKind::Class {
            file.push((Field::Signature, signature.clone()));
        }
        let qualified = writer.split(&definition.qualified);
        let mut fields = vec![path_words.clone(), (Field::Name, name), (Field::Qualified, qualified)];
        if owners[at] == at {
            fields.push((Field::Signature, signature));
            own_spans[at].iter().for_each(|it| text.add_code_and_body(it.clone(), &mut fields));
        }
        symbols.push(fields);
    }
    text.add_code_and_body(0..bytes.len(), &mut file);
    for (field, run, within) in &text.marked {
        file.push((*field, run.clone()));
        let owner = within.and_then(|it| owners.get(it as usize)).and_then(|it| symbols.get_mut(*it));
        if let Some(fields) = owner {
            fields.push((*field, run.clone()));
        }
    }
    writer.document(Corpus::Files, &file);
    symbols.iter().for_each(|it| writer.document(Corpus::Symbols, it));
    row
}

/// The words of a file's text, with what kind of text each stands in.
struct SplitText {
    /// Pieces within which nothing begins or ends, in order and without gaps.
    pieces: Vec<Piece>,
    /// Comments, documentation and strings, with the innermost definition around each.
    marked: Vec<(Field, Run, Option<u32>)>,
    words: u32,
}

struct Piece {
    start: usize,
    first_word: u32,
    is_code: bool,
}

impl SplitText {
    /// Splits the text of a file; it can be asked about the whole of it and about `own_spans`.
    fn new(writer: &mut PackWriter, facts: &FileFacts, bytes: &[u8], own_spans: &[Vec<Range<usize>>]) -> SplitText {
        let marks = marks(facts, bytes.len());
        let mut cuts: Vec<usize> = vec![0, bytes.len()];
        cuts.extend(own_spans.iter().flatten().chain(marks.iter().map(|it| &it.1)).flat_map(|it| [it.start, it.end]));
        cuts.sort_unstable();
        cuts.dedup();
        let valid = std::str::from_utf8(bytes).ok();
        let mut text = SplitText { pieces: Vec::with_capacity(cuts.len()), marked: Vec::new(), words: 0 };
        let mut next_mark = 0;
        let mut marked_until = 0;
        for cut in cuts.windows(2) {
            while let Some((_, span, _)) = marks.get(next_mark).filter(|it| it.1.start <= cut[0]) {
                marked_until = marked_until.max(span.end);
                next_mark += 1;
            }
            let range = cut[0]..cut[1];
            let piece = match valid.and_then(|it| it.get(range.clone())) {
                Some(text) => Cow::Borrowed(text),
                None => String::from_utf8_lossy(&bytes[range.clone()]),
            };
            let words = writer.split(&piece);
            text.pieces.push(Piece { start: cut[0], first_word: words.start, is_code: range.end > marked_until });
            text.words = words.end;
        }
        text.marked = marks.into_iter().map(|it| (it.0, text.words_of(it.1), it.2)).collect();
        text
    }

    /// Returns the words between two places at which pieces begin or end.
    fn words_of(&self, span: Range<usize>) -> Run {
        let first_word = |at: usize| {
            let piece = self.pieces.partition_point(|it| it.start < at);
            self.pieces.get(piece).map_or(self.words, |it| it.first_word)
        };
        first_word(span.start)..first_word(span.end)
    }

    fn add_code_and_body(&self, span: Range<usize>, fields: &mut Fields) {
        let body = self.words_of(span.clone());
        let from = self.pieces.partition_point(|it| it.start < span.start);
        let to = self.pieces.partition_point(|it| it.start < span.end);
        let mut at = from;
        while at < to {
            let run = self.pieces[at..to].iter().take_while(|it| it.is_code).count();
            if run > 0 {
                let end = self.pieces.get(at + run).map_or(self.words, |it| it.first_word);
                fields.push((Field::Identifiers, self.pieces[at].first_word..end.min(body.end)));
            }
            at += run + 1;
        }
        fields.push((Field::Body, body));
    }
}

/// Returns comments, documentation and strings in the order of their starts.
fn marks(facts: &FileFacts, length: usize) -> Vec<(Field, Range<usize>, Option<u32>)> {
    let mark = |field: Field, it: &TextSpan| {
        let end = (it.span.end as usize).min(length);
        (field, (it.span.start as usize).min(end)..end, it.within)
    };
    let docs = facts.comments.iter().chain(&facts.docs).map(|it| mark(Field::Docs, it));
    let strings = facts.strings.iter().map(|it| mark(Field::Strings, it));
    let mut marks: Vec<_> = docs.chain(strings).filter(|it| !it.1.is_empty()).collect();
    marks.sort_by_key(|it| it.1.start);
    marks
}

/// Returns, for each definition, that in whose document its text stands: the outermost function around it, else the class or itself.
fn owners(facts: &FileFacts) -> Vec<usize> {
    let mut owners: Vec<usize> = Vec::with_capacity(facts.symbols.len());
    for (at, definition) in facts.symbols.iter().enumerate() {
        let around = definition.parent.map(|it| it as usize).filter(|it| *it < at);
        let owner = match around {
            // Parents come first, so theirs is known.
            Some(parent) if facts.symbols[owners[parent]].kind.is_callable() => owners[parent],
            Some(parent) if definition.kind == SymbolKind::Field => owners[parent],
            Some(_) | None => at,
        };
        owners.push(owner);
    }
    owners
}

/// Returns the parts of a definition's text that stand in no other document.
fn own_spans(facts: &FileFacts, owners: &[usize], at: usize, length: usize) -> Vec<Range<usize>> {
    if owners[at] != at {
        return Vec::new();
    }
    let whole = facts.symbols[at].span.clone();
    let mut spans = Vec::new();
    let mut from = whole.start;
    for (other, definition) in facts.symbols.iter().enumerate().skip(at + 1) {
        let span = &definition.span;
        if span.start >= whole.end {
            break;
        }
        if owners[other] == other && span.start >= from && span.end <= whole.end {
            spans.push(from..span.start);
            from = span.end;
        }
    }
    spans.push(from..whole.end);
    spans.retain(|it| it.start < it.end && it.end <= length);
    spans
}

/// The path without its extension, since every file of a language has the same.
fn without_extension(path: &RepoPath) -> String {
    let path = path.to_str_lossy();
    match path.rsplit_once('.') {
        Some((before, after)) if !after.contains('/') => before.to_owned(),
        _ => path.into_owned(),
    }
}
