//! What a cold build keeps of contents until their names are linked.
//!
//! The facts of a large repository take several times as much memory as the index that is made of them. They are on disk as soon as they are
//! known; linking needs no texts, no places and each kind of use only once, and it needs the uses of few files at a time. So the uses are
//! packed, and unpacked for as long as a file is being linked.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::facts::{FileFacts, Reference};
use crate::graph::FactsOf;
use crate::symbol::FileId;

/// What linking needs of a content.
#[derive(Debug)]
pub(super) struct Links {
    /// Imports, exports and what is said of bases, which tables of all files are made of.
    facts: FileFacts,
    /// The names and references; empty where there are none.
    packed: Box<[u8]>,
}

impl Links {
    pub(super) fn of(facts: FileFacts) -> Links {
        let FileFacts { references, imports, exports, exported, implements, names, .. } = facts;
        let mut seen = FxHashSet::default();
        let mut used: Vec<Reference> = Vec::new();
        for it in references {
            // Where in a definition a name is used makes no difference to its edges.
            if seen.insert((it.within, it.name, it.receiver, it.usage)) {
                used.push(Reference { line: 0, offset: 0, ..it });
            }
        }
        // What cannot be encoded is not stored either; nothing of these types is such.
        let packed =
            if used.is_empty() { Vec::new() } else { postcard::to_allocvec(&(names, used)).unwrap_or_default() };
        let facts = FileFacts { imports, exports, exported, implements, ..FileFacts::default() };
        Links { facts, packed: packed.into() }
    }

    fn uses(&self) -> FileFacts {
        let (names, references) = postcard::from_bytes(&self.packed).unwrap_or_default();
        FileFacts { names, references, ..FileFacts::default() }
    }
}

/// The links of all files, by number.
pub(super) struct AllLinks(pub(super) Vec<Arc<Links>>);

impl FactsOf for AllLinks {
    fn facts(&self, file: FileId) -> &FileFacts {
        &self.0[file.0 as usize].facts
    }

    fn uses(&self, file: FileId) -> Cow<'_, FileFacts> {
        Cow::Owned(self.0[file.0 as usize].uses())
    }
}
