//! Tables of node kinds, our form of queries: names are compared once a process rather than once a node.

use std::sync::OnceLock;

use crate::syntax::LanguageId;

/// What each node kind of one grammar means.
pub(in crate::language) struct Kinds<K>(OnceLock<Vec<K>>);

impl<K: Copy + Default> Kinds<K> {
    pub(in crate::language) const fn new() -> Kinds<K> {
        Kinds(OnceLock::new())
    }

    /// Returns the table by number of kind; `of_name` is asked for every named kind when the table is first wanted.
    pub(in crate::language) fn of(&'static self, language: LanguageId, of_name: fn(&str) -> K) -> &'static [K] {
        self.0.get_or_init(|| {
            let grammar = language.grammar();
            let kind = |id| match grammar.node_kind_is_named(id) {
                true => grammar.node_kind_for_id(id).map_or(K::default(), of_name),
                false => K::default(),
            };
            (0..grammar.node_kind_count() as u16).map(kind).collect()
        })
    }
}
