//! Where the fault probably is: files and definitions, best first, each with its reasons.
//!
//! Each signal looks at the issue in its own way and gives votes; [`Settings`] says how much each counts, so that any can be switched off.
//! The rankers fail on different issues, which is why their sum is better than the best of them. All signals only read the index; nothing
//! here parses, waits or draws lots, so equal questions get equal answers.

mod dynamic;
mod fuse;
mod graph;
mod message;
mod names;
mod places;
mod query;
mod words;

use repo::RepoPath;
use serde::{Deserialize, Serialize};

use crate::evidence::{self, Evidence};
use crate::spectrum::Spectrum;
use crate::symbol::{FileId, LineRange, SymbolId, SymbolKind};
use crate::{Index, IndexError, IssueText};

/// What is known about the fault.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The issue.
    pub issue: &'a IssueText,
    /// Coverage of failing and passing tests, when tests were run.
    pub spectrum: Option<&'a Spectrum>,
    /// Ids of failing tests, such as `tests/test_cart.py::CartTest::test_total`.
    pub failing_tests: &'a [String],
}

/// A way of looking for the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Words of the issue in the text of definitions.
    DefinitionWords,
    /// Words of the issue in the text of files.
    FileWords,
    /// Words of the title in the names of definitions and files.
    TitleWords,
    /// Names in the issue that the repository defines.
    Names,
    /// Frames of a traceback.
    Frames,
    /// Paths and modules that the issue names.
    Places,
    /// Messages that the repository's string literals can produce.
    Messages,
    /// Neighbours in the code graph of what the other signals found.
    Graph,
    /// Lines that failing tests run and passing tests do not.
    Spectrum,
    /// What failing tests use.
    FailingTests,
}

impl Signal {
    /// All signals, in the order in which their reasons are shown.
    pub const ALL: [Signal; 10] = [
        Signal::Spectrum,
        Signal::Frames,
        Signal::Names,
        Signal::Places,
        Signal::Messages,
        Signal::FailingTests,
        Signal::TitleWords,
        Signal::DefinitionWords,
        Signal::FileWords,
        Signal::Graph,
    ];
}

/// Places in the repository, best first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Localization {
    /// The files.
    pub files: Vec<FileSuspect>,
    /// The classes, functions and methods. A class stands for its lines outside of its methods.
    pub symbols: Vec<SymbolSuspect>,
}

/// A file that may hold the fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileSuspect {
    /// The file.
    pub path: RepoPath,
    /// How suspicious it is against the other files; in (0,1], 1 for the first.
    pub score: f64,
    /// The reasons, for people.
    pub evidence: Vec<String>,
}

/// A definition that may hold the fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolSuspect {
    /// The file.
    pub path: RepoPath,
    /// The qualified name, `Class.method`.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Its lines.
    pub lines: LineRange,
    /// How suspicious it is against the other definitions; in (0,1], 1 for the first.
    pub score: f64,
    /// The reasons, for people.
    pub evidence: Vec<String>,
}

pub use fuse::{Settings, Weights};

/// Localizes the fault with the default settings; at most `limit` files and `limit` definitions.
///
/// # Errors
/// When the text index cannot be read.
pub fn localize(index: &Index, inputs: &Inputs<'_>, limit: usize) -> Result<Localization, IndexError> {
    localize_with(index, inputs, &Settings::default(), limit)
}

/// Localizes the fault; at most `limit` files and `limit` definitions.
///
/// # Errors
/// When the text index cannot be read.
pub fn localize_with(
    index: &Index,
    inputs: &Inputs<'_>,
    settings: &Settings,
    limit: usize,
) -> Result<Localization, IndexError> {
    let found = ballots(index, inputs, settings, Pool::Code)?;
    let localization = fuse::fuse(&found, settings, limit);
    if !localization.files.is_empty() {
        return Ok(localization);
    }
    // Tests are what the fault is seen with, not where it is; they are suspects only when nothing else is.
    Ok(fuse::fuse(&ballots(index, inputs, settings, Pool::CodeAndTests)?, settings, limit))
}

/// What one signal says alone, scores in (0,1].
#[derive(Debug, Clone, Serialize)]
pub struct SignalVotes {
    /// The signal.
    pub signal: Signal,
    /// Its votes for files.
    pub files: Vec<(RepoPath, f64)>,
    /// Its votes for definitions, by qualified name.
    pub symbols: Vec<(RepoPath, String, f64)>,
}

/// Returns what each signal that is switched on says, for measuring and fitting.
///
/// # Errors
/// When the text index cannot be read.
pub fn votes(index: &Index, inputs: &Inputs<'_>, settings: &Settings) -> Result<Vec<SignalVotes>, IndexError> {
    let found = ballots(index, inputs, settings, Pool::Code)?;
    let file = |vote: &Vote<FileId>| Some((index.file(vote.item)?.path.clone(), vote.score));
    let symbol =
        |vote: &Vote<SymbolId>| index.symbol(vote.item).map(|it| (it.path.clone(), it.qualified.clone(), vote.score));
    let shown = |(signal, votes): (Signal, Votes)| SignalVotes {
        signal,
        files: votes.files.iter().filter_map(file).collect(),
        symbols: votes.symbols.iter().filter_map(symbol).collect(),
    };
    Ok(found.by_signal.into_iter().map(shown).collect())
}

/// What may be a suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Code,
    CodeAndTests,
}

/// What every signal looks at.
struct Context<'a> {
    index: &'a Index,
    inputs: &'a Inputs<'a>,
    evidence: Evidence,
    places: places::Places<'a>,
    pool: Pool,
}

/// A vote of one signal.
#[derive(Debug, Clone)]
struct Vote<T> {
    item: T,
    /// In (0,1].
    score: f64,
    reason: Reason,
}

/// Why a vote was given; lexical reasons are put in words only for what is shown.
#[derive(Debug, Clone)]
enum Reason {
    /// The place in a ranking by words, counted from 1.
    Words {
        rank: usize,
    },
    Said(String),
}

/// The votes of one signal.
#[derive(Debug, Clone, Default)]
struct Votes {
    symbols: Vec<Vote<SymbolId>>,
    files: Vec<Vote<FileId>>,
}

/// All votes over one index.
struct Ballots<'a> {
    context: Context<'a>,
    query: query::Words,
    by_signal: Vec<(Signal, Votes)>,
}

fn ballots<'a>(
    index: &'a Index,
    inputs: &'a Inputs<'a>,
    settings: &Settings,
    pool: Pool,
) -> Result<Ballots<'a>, IndexError> {
    let evidence = evidence::extract(inputs.issue);
    let query = query::Words::new(inputs.issue, &evidence);
    let context = Context { index, inputs, evidence, places: places::Places::new(index), pool };
    let mut by_signal = Vec::new();
    for signal in Signal::ALL {
        if settings.weights(signal).is_off() {
            continue;
        }
        let votes = match signal {
            Signal::DefinitionWords => words::definitions(&context, &query)?,
            Signal::FileWords => words::files(&context, &query)?,
            Signal::TitleWords => words::title(&context, &query)?,
            Signal::Names => names::vote(&context),
            Signal::Frames => places::frames(&context),
            Signal::Places => places::mentions(&context),
            Signal::Messages => message::vote(&context)?,
            Signal::Spectrum => dynamic::spectrum(&context),
            Signal::FailingTests => dynamic::failing_tests(&context),
            // Needs the votes of the others, so it comes last.
            Signal::Graph => graph::vote(&context, &by_signal, settings),
        };
        by_signal.push((signal, votes));
    }
    Ok(Ballots { context, query, by_signal })
}

impl Context<'_> {
    /// Returns whether a file may be a suspect.
    fn may_suspect(&self, file: FileId) -> bool {
        self.index.file(file).is_some_and(|file| self.pool == Pool::CodeAndTests || !file.is_test)
    }

    /// Returns the suspect that stands for a symbol: for what is nested in a function, the outermost function; for a field, its class.
    /// `None` for globals and for what may not be a suspect.
    fn suspect(&self, symbol: SymbolId) -> Option<SymbolId> {
        let mut best = None;
        let mut next = Some(symbol);
        while let Some(id) = next {
            let symbol = self.index.symbol(id)?;
            match symbol.kind {
                SymbolKind::Function | SymbolKind::Method => best = Some(id),
                SymbolKind::Class if best.is_none() => best = Some(id),
                SymbolKind::Class | SymbolKind::Variable | SymbolKind::Field => {}
            }
            next = symbol.parent;
        }
        best.filter(|id| self.index.symbol(*id).is_some_and(|symbol| self.may_suspect(symbol.file)))
    }

    fn file_of(&self, symbol: SymbolId) -> Option<FileId> {
        self.index.symbol(symbol).map(|symbol| symbol.file)
    }
}

#[cfg(test)]
mod tests;
