//! PHP: namespaces; `use` of classes, functions and constants; functions and constants of the namespace without a name are seen from all.

use super::{Family, Reach, Rules, Sight, Unit, World, directory, join};
use crate::facts::{Import, ImportForm};
use crate::graph::outline::Outline;
use crate::symbol::FileId;

pub(super) struct Php;

impl Rules for Php {
    fn space(&self, _world: &World<'_>, _file: FileId, outline: &Outline) -> Option<String> {
        Some(outline.namespace.clone().unwrap_or_default())
    }

    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        if matches!(import.form, ImportForm::Require | ImportForm::RequireRelative) {
            let path = join(directory(world.path_of(file)), import.module.trim_start_matches('/'))?;
            return Some((Unit::File(world.file_at(&path)?), ""));
        }
        world.longest(Family::Php, import.module.trim_start_matches('.'))
    }

    fn constructors<'c>(&self, _class: &'c str) -> Vec<&'c str> {
        vec!["__construct"]
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        ["Test", "Cest", "Spec"].iter().filter_map(|it| stem.strip_suffix(it)).collect()
    }

    fn sight(&self) -> Sight {
        Sight { root: true, ..Sight::default() }
    }
}
