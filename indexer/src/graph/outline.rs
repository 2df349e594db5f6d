//! What linking must know of a file without its facts: which namespace it is in, and which names it mentions.
//!
//! When the meaning of a name may have changed, only the files that mention it are linked again. Names are kept as hashes: two that share
//! one cost a needless look at a file, never a wrong edge.

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

use crate::facts::{FileFacts, Import, ImportItem, Receiver};

/// The outline of one file; a pure function of its facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outline {
    /// The namespace that all of the file stands in.
    pub(crate) namespace: Option<String>,
    /// Hashes of the names on which its edges may depend, in order.
    mentions: Vec<u32>,
}

/// What may change its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mention<'a> {
    /// A name of a definition, member or unit.
    Name(&'a str),
    /// A part of what is imported from.
    Module(&'a str),
}

impl Mention<'_> {
    /// Returns the number under which outlines know it.
    pub(crate) fn number(self) -> u32 {
        let mut hasher = FxHasher::default();
        let (tag, text) = match self {
            Mention::Name(it) => (1, it),
            Mention::Module(it) => (2, it),
        };
        hasher.write_u8(tag);
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        (hash ^ (hash >> 32)) as u32
    }
}

impl Outline {
    pub(crate) fn of(facts: &FileFacts) -> Outline {
        let mut mentions = Vec::new();
        let mut name = |it: &str| mentions.extend(pieces(it).map(|it| Mention::Name(it).number()));
        // Names that hold paths are mentioned by each part.
        facts.references.iter().for_each(|it| {
            name(facts.name(it.name));
            match it.receiver {
                Receiver::Path(it) | Receiver::Instance(it) | Receiver::OwnField(it) => name(facts.name(it)),
                Receiver::Bare | Receiver::Own | Receiver::Super | Receiver::Unknown => {}
            }
        });
        for symbol in &facts.symbols {
            name(&symbol.name);
            [&symbol.owner, &symbol.instance_of].into_iter().flatten().for_each(|it| name(it));
        }
        facts.exported.iter().for_each(|it| [&it.name, &it.local].into_iter().for_each(|it| name(it)));
        facts.implements.iter().for_each(|it| [&it.class, &it.base].into_iter().for_each(|it| name(it)));
        for import in &facts.imports {
            match &import.item {
                ImportItem::Name { name: item, alias } => {
                    [Some(item), alias.as_ref()].into_iter().flatten().for_each(|it| name(it))
                }
                ImportItem::Module { alias } => alias.iter().for_each(|it| name(it)),
                ImportItem::Star => {}
            }
            module_parts(import).for_each(&mut name);
        }
        mentions.extend(facts.imports.iter().flat_map(module_parts).map(|it| Mention::Module(it).number()));
        mentions.sort_unstable();
        mentions.dedup();
        Outline { namespace: facts.namespace.clone(), mentions }
    }

    /// Returns whether any of these numbers is mentioned; they are in order.
    pub(crate) fn mentions_any(&self, numbers: &[u32]) -> bool {
        if numbers.len() * 8 < self.mentions.len() {
            return numbers.iter().any(|it| self.mentions.binary_search(it).is_ok());
        }
        let mut mine = self.mentions.iter().peekable();
        numbers.iter().any(|it| {
            while mine.next_if(|own| *own < it).is_some() {}
            mine.peek() == Some(&it)
        })
    }
}

/// Returns the parts of a dotted path, with or without calls in it, or of several.
pub(crate) fn pieces(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '(', ')', ',']).filter(|it| !it.is_empty())
}

/// Returns the parts of what is imported from, whatever stands between them.
pub(crate) fn module_parts(import: &Import) -> impl Iterator<Item = &str> {
    import.module.split(['.', '/', '\\', ':']).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::LanguageId;

    #[test]
    fn an_outline_mentions_what_links_depend_on() {
        let text = b"from a.b import c as d\nimport e.f\nclass G(h.I):\n    j: K = None\n    def m(self): return self.n.o(p.q)\n";
        let outline = Outline::of(&crate::parse::read(LanguageId::Python, text).unwrap());
        for name in ["c", "d", "e", "f", "G", "h", "I", "j", "K", "m", "n", "o", "p", "q"] {
            assert!(outline.mentions_any(&[Mention::Name(name).number()]), "{name}");
        }
        for name in ["a", "b", "e", "f"] {
            assert!(outline.mentions_any(&[Mention::Module(name).number()]), "{name}");
        }
        let mut others: Vec<u32> = (0..50).map(|it| Mention::Name(&format!("other{it}")).number()).collect();
        others.sort_unstable();
        assert!(!outline.mentions_any(&others) && !outline.mentions_any(&others[..1]) && !outline.mentions_any(&[]));
        others.push(Mention::Name("q").number());
        others.sort_unstable();
        assert!(outline.mentions_any(&others));
    }
}
