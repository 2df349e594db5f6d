//! Python: files are modules, directories packages; what a package gives on stands in its `__init__.py`.

use super::{Reach, Rules, Unit, World, directory};
use crate::facts::Import;
use crate::symbol::FileId;

pub(super) struct Python;

impl Rules for Python {
    fn names(&self, world: &World<'_>, file: FileId) -> Vec<String> {
        let text = world.inventory.files[file.0 as usize].path.to_str_lossy();
        let Some(stem) = text.strip_suffix(".py").or_else(|| text.strip_suffix(".pyi")) else { return Vec::new() };
        let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
        let root = world.package_root(directory(stem));
        let usual = stem[root..].replace('/', ".");
        if root == 0 { vec![usual] } else { vec![usual, stem.replace('/', ".")] }
    }

    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        let path = world.inventory.files.get(file.0 as usize)?.path.to_str_lossy();
        let found = if import.level == 0 {
            // A script may import its neighbours.
            world.named(world.family(file), &import.module).or_else(|| beside(world, &path, 0, &import.module))
        } else {
            beside(world, &path, import.level - 1, &import.module)
        };
        Some((found?, ""))
    }

    /// `import a.b` binds `a`.
    fn bound_by<'i>(
        &self,
        world: &World<'_>,
        import: &'i Import,
        found: Option<Unit>,
    ) -> Option<(&'i str, Option<Unit>)> {
        let first = import.module.split('.').next().unwrap_or(&import.module);
        let named = world.named(super::Family::Python, first);
        Some((first, found.filter(|_| first == import.module).or(named)))
    }

    fn constructors<'c>(&self, _class: &'c str) -> Vec<&'c str> {
        vec!["__init__"]
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        stem.strip_prefix("test_").or_else(|| stem.strip_suffix("_test")).into_iter().collect()
    }
}

/// Returns the module at a dotted path from the directory of `path`, or from `up` directories above it.
fn beside(world: &World<'_>, path: &str, up: u32, module: &str) -> Option<Unit> {
    let mut folder = directory(path);
    for _ in 0..up {
        if folder.is_empty() {
            return None;
        }
        folder = directory(folder);
    }
    let module = module.replace('.', "/");
    let place = if folder.is_empty() { module } else { format!("{folder}/{module}") };
    let place = place.trim_end_matches('/');
    let candidates = [format!("{place}.py"), format!("{place}/__init__.py"), format!("{place}.pyi")];
    let at_root = ["__init__.py".to_owned()];
    let candidates = if place.is_empty() { at_root.as_slice() } else { candidates.as_slice() };
    let found = candidates.iter().find_map(|it| world.file_at(it)).map(Unit::File);
    found.or_else(|| world.named(super::Family::Python, &place.replace('/', ".")))
}
