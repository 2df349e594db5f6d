//! C and C++: what is linked together sees all names; of equal ones the included files decide. Namespaces are seen from those within them.

use super::{Family, Reach, Rules, Sight, Unit, World, directory, join};
use crate::facts::{Import, ImportForm};
use crate::graph::outline::Outline;
use crate::symbol::FileId;

pub(super) struct Native;

impl Rules for Native {
    fn space(&self, _world: &World<'_>, _file: FileId, outline: &Outline) -> Option<String> {
        Some(outline.namespace.clone().unwrap_or_default())
    }

    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        if !matches!(import.form, ImportForm::Include | ImportForm::SystemInclude) {
            return world.longest(Family::Native, &import.module);
        }
        let folder = directory(world.path_of(file));
        let beside = || world.file_at(&join(folder, &import.module)?);
        let beside = if import.form == ImportForm::Include { beside() } else { None };
        // Where the compiler searches is said in build files; the end of the path is nearly always enough.
        let path = import.module.trim_start_matches("../").trim_start_matches("./");
        let found =
            beside.or_else(|| world.file_at(&format!("include/{path}"))).or_else(|| world.file_ending(folder, path));
        Some((Unit::File(found?), ""))
    }

    fn constructors<'c>(&self, class: &'c str) -> Vec<&'c str> {
        vec![class]
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        let ends = ["_unittest", "_test", "_tests", "Test", "Tests", "-test"];
        let starts = ["test_", "test-", "Test"];
        let without_start = starts.iter().filter_map(|it| stem.strip_prefix(it));
        ends.iter().filter_map(|it| stem.strip_suffix(it)).chain(without_start).collect()
    }

    fn sight(&self) -> Sight {
        Sight { unwritten_this: true, enclosing: true, root: true, includes: true, ..Sight::default() }
    }
}
