//! Java and Kotlin: packages, whose files see each other; imports of one name, of all names, and of the members of a class.

use super::{Family, Reach, Rules, Sight, World};
use crate::facts::Import;
use crate::graph::outline::Outline;
use crate::symbol::FileId;

pub(super) struct Jvm;

impl Rules for Jvm {
    fn space(&self, _world: &World<'_>, _file: FileId, outline: &Outline) -> Option<String> {
        Some(outline.namespace.clone().unwrap_or_default())
    }

    fn imported<'i>(&self, world: &World<'_>, _file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        world.longest(Family::Jvm, &import.module)
    }

    /// Kotlin's constructors have no name of their own.
    fn constructors<'c>(&self, class: &'c str) -> Vec<&'c str> {
        vec![class, "constructor", "<init>"]
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        let ends = ["Tests", "Test", "TestCase", "ITCase", "IT", "Spec"];
        ends.iter().filter_map(|it| stem.strip_suffix(it)).chain(stem.strip_prefix("Test")).collect()
    }

    fn sight(&self) -> Sight {
        Sight { unwritten_this: true, root: true, ..Sight::default() }
    }
}
