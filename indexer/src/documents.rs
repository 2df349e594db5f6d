//! What of a snapshot the text index gets to see: one document a file, one a symbol.
//!
//! A function's document holds all of its text, a class's only what is not in one of its methods; whatever is defined inside a function is
//! part of that function, so its own document holds its name alone.

use std::ops::Range;

use crate::facts::FileFacts;
use crate::index::IndexedFile;
use crate::symbol::{Symbol, SymbolKind};
use crate::text::{Document, Field};
use crate::view::Inventory;

/// Facts and bytes of a file.
type Source<'a> = (&'a FileFacts, &'a [u8]);

/// Yields the documents of the files in the order of their numbers.
pub(crate) fn of_files<'a>(inventory: &'a Inventory, sources: &'a [Source<'a>]) -> impl Iterator<Item = Document> + 'a {
    inventory.files.iter().zip(sources).map(|(file, source)| of_file(file, source))
}

fn of_file(file: &IndexedFile, (facts, bytes): &Source<'_>) -> Document {
    let mut document = Document::default();
    document.add(Field::Path, path_words(file));
    document.add(Field::Name, stem(file));
    let text = Masked::new(facts, bytes);
    for definition in &facts.symbols {
        document.add(Field::Qualified, definition.name.as_str());
        if definition.kind.is_callable() || definition.kind == SymbolKind::Class {
            document.add(Field::Signature, definition.signature.as_str());
        }
    }
    let whole = 0..bytes.len();
    document.add(Field::Identifiers, text.code(whole.clone()));
    add_spans(&mut document, facts, bytes, |_| true);
    document.add(Field::Body, String::from_utf8_lossy(bytes));
    document
}

/// Yields the documents of the symbols in the order of their numbers.
pub(crate) fn of_symbols<'a>(
    inventory: &'a Inventory,
    sources: &'a [Source<'a>],
) -> impl Iterator<Item = Document> + 'a {
    inventory.files.iter().zip(sources).flat_map(|(file, source)| {
        let symbols = &inventory.symbols[file.symbols.start as usize..file.symbols.end as usize];
        symbols_of_file(file, symbols, source)
    })
}

fn symbols_of_file(file: &IndexedFile, symbols: &[Symbol], (facts, bytes): &Source<'_>) -> Vec<Document> {
    let text = Masked::new(facts, bytes);
    let owners = owners(facts);
    let path = path_words(file);
    let mut documents: Vec<Document> = Vec::with_capacity(symbols.len());
    for (at, symbol) in symbols.iter().enumerate() {
        let mut document = Document::default();
        document.add(Field::Path, path.as_str());
        document.add(Field::Name, symbol.name.as_str());
        document.add(Field::Qualified, symbol.qualified.as_str());
        if owners[at] == at {
            document.add(Field::Signature, symbol.signature.as_str());
            for span in own_spans(facts, &owners, at) {
                document.add(Field::Identifiers, text.code(span.clone()));
                document.add(Field::Body, String::from_utf8_lossy(clip(bytes, &span)));
            }
        }
        documents.push(document);
    }
    for (at, document) in documents.iter_mut().enumerate() {
        if owners[at] == at {
            add_spans(document, facts, bytes, |within| within.is_some_and(|it| owners[it as usize] == at));
        }
    }
    documents
}

/// Adds comments, documentation and strings whose innermost definition is wanted.
fn add_spans(document: &mut Document, facts: &FileFacts, bytes: &[u8], wanted: impl Fn(Option<u32>) -> bool) {
    let slice = |span: &Range<u32>| String::from_utf8_lossy(clip(bytes, &(span.start as usize..span.end as usize)));
    for it in facts.comments.iter().chain(&facts.docs).filter(|it| wanted(it.within)) {
        document.add(Field::Docs, slice(&it.span));
    }
    for it in facts.strings.iter().filter(|it| wanted(it.within)) {
        document.add(Field::Strings, slice(&it.span));
    }
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
fn own_spans(facts: &FileFacts, owners: &[usize], at: usize) -> Vec<Range<usize>> {
    let whole = facts.symbols[at].span.clone();
    let mut spans = Vec::new();
    let mut from = whole.start;
    for (other, definition) in facts.symbols.iter().enumerate().skip(at + 1) {
        let span = &definition.span;
        if span.start >= whole.end {
            break;
        }
        if owners[other] != at && owners[other] == other && span.start >= from && span.end <= whole.end {
            spans.push(from..span.start);
            from = span.end;
        }
    }
    spans.push(from..whole.end);
    spans.retain(|it| !it.is_empty());
    spans
}

/// A file's code with comments, documentation and strings blanked out.
struct Masked(Vec<u8>);

impl Masked {
    fn new(facts: &FileFacts, bytes: &[u8]) -> Masked {
        let mut code = bytes.to_vec();
        for it in facts.comments.iter().chain(&facts.docs).chain(&facts.strings) {
            if let Some(part) = code.get_mut(it.span.start as usize..it.span.end as usize) {
                part.fill(b' ');
            }
        }
        Masked(code)
    }

    fn code(&self, span: Range<usize>) -> String {
        String::from_utf8_lossy(clip(&self.0, &span)).into_owned()
    }
}

fn clip<'b>(bytes: &'b [u8], span: &Range<usize>) -> &'b [u8] {
    bytes.get(span.clone()).unwrap_or_default()
}

/// The path without its extension, since every file of a language has the same.
fn path_words(file: &IndexedFile) -> String {
    let path = file.path.to_str_lossy();
    match path.rsplit_once('.') {
        Some((before, after)) if !after.contains('/') => before.to_owned(),
        _ => path.into_owned(),
    }
}

fn stem(file: &IndexedFile) -> String {
    let path = path_words(file);
    path.rsplit_once('/').map_or(path.as_str(), |it| it.1).to_owned()
}
