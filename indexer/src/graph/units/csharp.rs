//! C#: namespaces, seen from those within them; `using` of namespaces and classes; classes in several parts.

use super::{Family, Reach, Rules, Sight, World};
use crate::facts::Import;
use crate::graph::outline::Outline;
use crate::symbol::{FileId, Symbol};

pub(super) struct CSharp;

impl Rules for CSharp {
    fn space(&self, _world: &World<'_>, _file: FileId, outline: &Outline) -> Option<String> {
        Some(outline.namespace.clone().unwrap_or_default())
    }

    fn imported<'i>(&self, world: &World<'_>, _file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        world.longest(Family::CSharp, &import.module)
    }

    fn constructors<'c>(&self, class: &'c str) -> Vec<&'c str> {
        vec![class]
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        ["Tests", "Test", "Facts", "Specs"].iter().filter_map(|it| stem.strip_suffix(it)).collect()
    }

    fn is_part(&self, class: &Symbol) -> bool {
        class.is_partial()
    }

    fn sight(&self) -> Sight {
        Sight { unwritten_this: true, enclosing: true, root: true, reopened: true, parts: true, ..Sight::default() }
    }
}
