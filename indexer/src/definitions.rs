//! The definitions of one content: what every question needs of them is at hand, the rest is loaded when it is first asked for.
//!
//! A large repository defines hundreds of thousands of things, and their heads, documentation and places would fill most of the memory of an
//! index. Names, kinds and what stands around are asked for all of them when names are linked; everything else is asked for few.

use std::fmt;
use std::sync::{Arc, OnceLock};

use repo::{BlobId, Store};
use serde::{Deserialize, Serialize};

use crate::cache::FactStore;
use crate::symbol::{Definition, Form, LineRange, SymbolKind};
use crate::syntax::LanguageId;

/// The definitions of one content.
pub(crate) struct Definitions {
    outline: Heads,
    whole: OnceLock<Box<[Definition]>>,
    origin: Option<Origin>,
}

/// Where definitions are loaded from.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) source: Arc<FactSource>,
    pub(crate) language: LanguageId,
    pub(crate) blob: BlobId,
}

/// The facts there are, and the contents from which they can be had again.
pub(crate) struct FactSource {
    pub(crate) store: Arc<FactStore>,
    pub(crate) objects: Store,
}

impl FactSource {
    fn definitions(&self, language: LanguageId, blob: BlobId) -> Option<Vec<Definition>> {
        let stored = self.store.load_definitions(language, blob);
        stored.or_else(|| Some(crate::parse::read(language, &self.objects.blob(blob).ok()?).ok()?.symbols))
    }
}

/// What is at hand of definitions, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heads {
    /// All names, and then what `apart` says, without anything between.
    text: Box<str>,
    heads: Box<[Head]>,
    /// In order.
    apart: Box<[Apart]>,
}

/// What is at hand of one definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Where its name ends in the text; it begins where the one before ends.
    name_end: u32,
    /// The definition around it, or [`NONE`].
    parent: u32,
    pub(crate) lines: LineRange,
    pub(crate) kind: SymbolKind,
    pub(crate) form: Form,
    pub(crate) is_test: bool,
    /// Whether a decorator makes it a property.
    pub(crate) is_property: bool,
    /// Whether it says that it is one part of several of a class.
    pub(crate) is_partial: bool,
}

const NONE: u32 = u32::MAX;

impl Head {
    /// Returns the place of the definition around it.
    pub(crate) fn parent(self) -> Option<u32> {
        (self.parent != NONE).then_some(self.parent)
    }
}

/// What few definitions have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Apart {
    /// The definition.
    at: u32,
    what: What,
    /// Where it ends in the text.
    end: u32,
}

/// Which of a definition's names it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum What {
    Owner,
    Namespace,
    InstanceOf,
    /// The qualified name of a class, where that is not its name.
    Qualified,
}

impl Heads {
    fn of(definitions: &[Definition]) -> Heads {
        let mut text = String::with_capacity(definitions.iter().map(|it| it.name.len()).sum());
        let mut heads = Vec::with_capacity(definitions.len());
        for it in definitions {
            text.push_str(&it.name);
            heads.push(Head {
                name_end: text.len() as u32,
                parent: it.parent.unwrap_or(NONE),
                lines: it.lines,
                kind: it.kind,
                form: it.form,
                is_test: it.is_test,
                is_property: it.decorators.iter().any(|it| it.ends_with("property")),
                is_partial: it.kind == SymbolKind::Class && it.signature.split_whitespace().any(|it| it == "partial"),
            });
        }
        let mut apart = Vec::new();
        for (at, it) in (0..).zip(definitions) {
            let qualified = Some(&it.qualified).filter(|name| it.kind == SymbolKind::Class && **name != it.name);
            let all = [
                (What::Owner, it.owner.as_ref()),
                (What::Namespace, it.namespace.as_ref()),
                (What::InstanceOf, it.instance_of.as_ref()),
                (What::Qualified, qualified),
            ];
            for (what, said) in all.into_iter().filter_map(|it| Some((it.0, it.1?))) {
                text.push_str(said);
                apart.push(Apart { at, what, end: text.len() as u32 });
            }
        }
        Heads { text: text.into(), heads: heads.into(), apart: apart.into() }
    }

    /// Returns whether what was read fits together: parents come first, and nothing ends before it begins.
    pub(crate) fn is_sound(&self) -> bool {
        let parents = self.heads.iter().zip(0..).all(|(it, at)| it.parent().is_none_or(|parent| parent < at));
        let ends = || self.heads.iter().map(|it| it.name_end).chain(self.apart.iter().map(|it| it.end));
        let text = ends().all(|it| self.text.is_char_boundary(it as usize));
        parents && text && ends().is_sorted() && self.apart.is_sorted_by_key(|it| (it.at, it.what))
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn name(&self, at: usize) -> &str {
        let start = at.checked_sub(1).and_then(|it| self.heads.get(it)).map_or(0, |it| it.name_end);
        self.heads.get(at).map_or("", |it| self.slice(start, it.name_end))
    }

    fn said(&self, at: u32, what: What) -> Option<&str> {
        let row = self.apart.binary_search_by_key(&(at, what), |it| (it.at, it.what)).ok()?;
        let before = row.checked_sub(1).map(|it| self.apart[it].end);
        let start = before.or(self.heads.last().map(|it| it.name_end)).unwrap_or(0);
        Some(self.slice(start, self.apart[row].end))
    }

    /// Returns definitions that have nothing but their heads.
    fn bare(&self) -> Vec<Definition> {
        let bare = |(at, head): (usize, &Head)| Definition {
            name: self.name(at).to_owned(),
            qualified: self.said(at as u32, What::Qualified).unwrap_or(self.name(at)).to_owned(),
            kind: head.kind,
            form: head.form,
            lines: head.lines,
            span: 0..0,
            signature: String::new(),
            doc: None,
            is_test: head.is_test,
            bases: Vec::new(),
            decorators: Vec::new(),
            parent: head.parent(),
            owner: self.said(at as u32, What::Owner).map(str::to_owned),
            namespace: self.said(at as u32, What::Namespace).map(str::to_owned),
            instance_of: self.said(at as u32, What::InstanceOf).map(str::to_owned),
        };
        self.heads.iter().enumerate().map(bare).collect()
    }
}

impl Definitions {
    /// Returns definitions that are all at hand.
    pub(crate) fn known(definitions: Vec<Definition>) -> Definitions {
        let outline = Heads::of(&definitions);
        Definitions { outline, whole: OnceLock::from(definitions.into_boxed_slice()), origin: None }
    }

    /// Returns definitions that are loaded again when they are asked for.
    pub(crate) fn recalled(definitions: &[Definition], origin: Origin) -> Definitions {
        Definitions::stored(Heads::of(definitions), origin)
    }

    /// Returns definitions of which the heads were stored.
    pub(crate) fn stored(outline: Heads, origin: Origin) -> Definitions {
        Definitions { outline, whole: OnceLock::new(), origin: Some(origin) }
    }

    /// Returns what is to be stored.
    pub(crate) fn outline(&self) -> &Heads {
        &self.outline
    }

    pub(crate) fn heads(&self) -> &[Head] {
        &self.outline.heads
    }

    pub(crate) fn len(&self) -> usize {
        self.outline.heads.len()
    }

    pub(crate) fn name(&self, at: u32) -> &str {
        self.outline.name(at as usize)
    }

    pub(crate) fn said(&self, at: u32, what: What) -> Option<&str> {
        self.outline.said(at, what)
    }

    /// Returns all of the definitions; as many as there are heads.
    pub(crate) fn whole(&self) -> &[Definition] {
        self.whole.get_or_init(|| {
            let loaded = self.origin.as_ref().and_then(|it| it.source.definitions(it.language, it.blob));
            let loaded = loaded.filter(|it| it.len() == self.len());
            let lost = || {
                tracing::warn!(
                    "definitions are neither stored nor can they be read again, and only their names are known"
                );
                self.outline.bare()
            };
            loaded.unwrap_or_else(lost).into_boxed_slice()
        })
    }
}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definitions").field(&self.outline).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions() -> Vec<Definition> {
        let text = b"class A(B):\n    x: K = None\n    @property\n    def m(self): return 1\ndef test_f(): pass\n";
        crate::parse::read(LanguageId::Python, text).unwrap().symbols
    }

    #[test]
    fn heads_say_what_definitions_say() {
        let all = definitions();
        let known = Definitions::known(all.clone());
        assert!(known.outline().is_sound() && known.len() == all.len());
        for (at, it) in all.iter().enumerate() {
            let head = known.heads()[at];
            assert_eq!((known.name(at as u32), head.kind, head.form), (it.name.as_str(), it.kind, it.form));
            assert_eq!((head.parent(), head.is_test), (it.parent, it.is_test));
            assert_eq!(head.is_property, it.name == "m");
            assert_eq!(known.said(at as u32, What::InstanceOf), it.instance_of.as_deref());
            assert_eq!(known.said(at as u32, What::Owner), it.owner.as_deref());
        }
        assert_eq!(known.whole(), all);
        let names: Vec<String> = known.outline().bare().into_iter().map(|it| it.name).collect();
        assert_eq!(names, all.iter().map(|it| it.name.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn heads_that_do_not_fit_together_are_seen() {
        let sound = Heads::of(&definitions());
        let spoil = |change: &dyn Fn(&mut Heads)| {
            let mut heads = sound.clone();
            change(&mut heads);
            heads.is_sound()
        };
        assert!(spoil(&|_| {}));
        assert!(!spoil(&|it| it.heads[0].parent = 0));
        assert!(!spoil(&|it| it.heads[0].name_end = 99_999));
        assert!(!spoil(&|it| it.heads[1].name_end = 0));
        assert!(!spoil(&|it| it.apart[0].end = 0));
    }
}
