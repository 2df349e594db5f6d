//! Ruby: one space of constants, modules and classes that are opened again anywhere, and files that require each other.

use super::{Family, Reach, Rules, Sight, Unit, World, directory, join};
use crate::facts::{Import, ImportForm};
use crate::graph::outline::Outline;
use crate::symbol::FileId;

pub(super) struct Ruby;

impl Rules for Ruby {
    fn space(&self, _world: &World<'_>, _file: FileId, _outline: &Outline) -> Option<String> {
        Some(String::new())
    }

    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        let folder = directory(world.path_of(file));
        let module = import.module.strip_suffix(".rb").unwrap_or(&import.module);
        let found = match import.form {
            ImportForm::Mixin => return world.longest(Family::Ruby, &import.module),
            ImportForm::RequireRelative => world.file_at(&format!("{}.rb", join(folder, module)?)),
            // What is required is sought from the directories of libraries, of which `lib` is the usual one.
            _ => ["lib/", "", "app/", "test/", "spec/"]
                .iter()
                .find_map(|it| world.file_at(&format!("{it}{module}.rb")))
                .or_else(|| world.file_ending(folder, &format!("lib/{module}.rb"))),
        };
        Some((Unit::File(found?), ""))
    }

    fn constructors<'c>(&self, _class: &'c str) -> Vec<&'c str> {
        vec!["initialize"]
    }

    fn maker(&self) -> Option<&'static str> {
        Some("new")
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        let ends = ["_spec", "_test"];
        ends.iter().filter_map(|it| stem.strip_suffix(it)).chain(stem.strip_prefix("test_")).collect()
    }

    fn sight(&self) -> Sight {
        Sight { unwritten_this: true, root: true, reopened: true, ..Sight::default() }
    }
}
