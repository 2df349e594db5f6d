//! Go: a directory is a package, whose files see each other; modules are named in `go.mod`.

use super::{Family, Reach, Rules, Unit, World, directory};
use crate::facts::Import;
use crate::graph::outline::Outline;
use crate::symbol::FileId;

pub(super) struct Go;

impl Rules for Go {
    /// Tests of a package from outside are a package of their own in its directory.
    fn space(&self, world: &World<'_>, file: FileId, outline: &Outline) -> Option<String> {
        let folder = directory(world.path_of(file));
        let is_outside = outline.namespace.as_ref().is_some_and(|it| it.ends_with("_test"));
        Some(if is_outside { key(&format!("{folder}/ test")) } else { key(folder) })
    }

    fn imported<'i>(&self, world: &World<'_>, _file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        let package = |folder: &str| world.named(Family::Go, &key(folder)).filter(|it| matches!(it, Unit::Space(_)));
        let below = |(module, folder): (&str, &str)| {
            let rest = import.module.strip_prefix(module)?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
            let slash = if folder.is_empty() || rest.is_empty() { "" } else { "/" };
            package(&format!("{folder}{slash}{rest}"))
        };
        let found = world.project.go_modules().find_map(below);
        let found = found.or_else(|| package(&format!("vendor/{}", import.module)));
        // Before there were modules, all stood below `src`.
        found.or_else(|| package(&format!("src/{}", import.module))).map(|it| (it, ""))
    }

    /// A package is called as the last part of its path, without its version.
    fn bound_by<'i>(
        &self,
        _world: &World<'_>,
        import: &'i Import,
        found: Option<Unit>,
    ) -> Option<(&'i str, Option<Unit>)> {
        let is_version = |it: &&str| {
            it.strip_prefix('v').is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
        };
        let name = import.module.rsplit('/').find(|it| !is_version(it))?;
        let name = name.split_once(".v").map_or(name, |it| it.0);
        Some((name.strip_prefix("go-").unwrap_or(name), found))
    }

    fn constructors<'c>(&self, _class: &'c str) -> Vec<&'c str> {
        Vec::new()
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        stem.strip_suffix("_test").into_iter().collect()
    }
}

/// Returns the name of the space of a directory, in which dots mean nothing.
fn key(folder: &str) -> String {
    folder.replace('.', "\u{b7}")
}
