//! Free search: what a person types, over symbols and files.

use crate::error::IndexError;
use crate::index::{Hit, Index};
use crate::symbol::{LineRange, SymbolKind};
use crate::text::{Boosts, Query};

/// Asks both corpora and merges by score relative to the best of its own: a file and a symbol are not scored alike.
pub(crate) fn search(index: &Index, query: &str, limit: usize) -> Result<Vec<Hit>, IndexError> {
    let query = Query::of_text(query);
    let symbols = index.rank_symbols(&query.clone().with_boosts(SYMBOLS), limit)?;
    let files = index.rank_files(&query.with_boosts(FILES), limit)?;
    let best_symbol = symbols.first().map_or(1.0, |it| it.score);
    let best_file = files.first().map_or(1.0, |it| it.score) / FILE_SHARE;
    let mut hits: Vec<Hit> = Vec::new();
    for found in symbols {
        let Some(symbol) = index.symbol(found.item) else { continue };
        hits.push(Hit {
            path: symbol.path.clone(),
            symbol: Some(symbol.qualified.clone()),
            kind: Some(symbol.kind),
            lines: symbol.lines,
            signature: Some(symbol.signature.clone()),
            score: found.score / best_symbol * kind_share(symbol.kind),
        });
    }
    for found in files {
        let Some(file) = index.file(found.item) else { continue };
        hits.push(Hit {
            path: file.path.clone(),
            symbol: None,
            kind: None,
            lines: LineRange { start: 1, end: file.lines.max(1) },
            signature: None,
            score: found.score / best_file,
        });
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.truncate(limit);
    Ok(hits)
}

/// A file as a whole is a vaguer answer than a symbol in it.
const FILE_SHARE: f32 = 0.8;
const SYMBOLS: Boosts =
    Boosts { path: 0.4, name: 2.0, qualified: 0.8, signature: 0.3, docs: 0.3, body: 0.6, ..Boosts::NONE };
const FILES: Boosts = Boosts { path: 1.5, name: 1.0, qualified: 0.4, docs: 0.3, body: 1.0, ..Boosts::NONE };

fn kind_share(kind: SymbolKind) -> f32 {
    match kind {
        SymbolKind::Class | SymbolKind::Function | SymbolKind::Method => 1.0,
        SymbolKind::Variable => 0.9,
        SymbolKind::Field => 0.7,
    }
}
