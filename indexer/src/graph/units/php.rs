//! PHP: namespaces; `use` of classes, functions and constants; functions and constants of the namespace without a name are seen from all; of classes
//! of one name it is the one that `composer.json` has loaded.

use super::{Family, Reach, Rules, Sight, Unit, World, directory, join};
use crate::facts::{Import, ImportForm};
use crate::graph::outline::Outline;
use crate::symbol::{FileId, Symbol};

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

    fn standing(&self, world: &World<'_>, definition: &Symbol) -> u8 {
        let space = world.home_of(definition.file, definition.namespace().unwrap_or(""));
        let space = space.and_then(|it| world.space_of(it)).map_or("", |it| it.name.as_str());
        let dot = if space.is_empty() { "" } else { "." };
        world.project.loads(world.path_of(definition.file), &format!("{space}{dot}{}", definition.class_path()))
    }

    fn sight(&self) -> Sight {
        Sight { root: true, ..Sight::default() }
    }
}
