//! JavaScript and TypeScript: files are modules; paths, packages of a workspace and the aliases of `tsconfig.json` lead to them.

use super::{Reach, Rules, Unit, World, directory, join};
use crate::facts::Import;
use crate::symbol::FileId;

/// What may be left out at the end of a path, the likeliest first.
const ENDS: &[&str] = &[
    ".ts",
    ".tsx",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".mts",
    ".cts",
    ".d.ts",
    "/index.ts",
    "/index.tsx",
    "/index.js",
    "/index.jsx",
    "/index.mjs",
    "/index.d.ts",
];
/// What TypeScript writes for its own files is what they are compiled to.
const COMPILED: &[(&str, &[&str])] =
    &[(".js", &[".ts", ".tsx", ".d.ts"]), (".jsx", &[".tsx"]), (".mjs", &[".mts"]), (".cjs", &[".cts"])];

pub(super) struct Script;

impl Rules for Script {
    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        let folder = directory(world.path_of(file));
        let module = import.module.split(['?', '#']).next().filter(|it| !it.is_empty()).unwrap_or(&import.module);
        let found = if module == "." || module == ".." || module.starts_with("./") || module.starts_with("../") {
            at(world, &join(folder, module)?)
        } else if let Some(path) = module.strip_prefix('/') {
            at(world, path)
        } else {
            aliased(world, folder, module).or_else(|| package(world, module))
        };
        Some((Unit::File(found?), ""))
    }

    fn constructors<'c>(&self, _class: &'c str) -> Vec<&'c str> {
        vec!["constructor"]
    }

    /// `x.test.ts` and `x.spec.ts` have the stem `x`.
    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        let ends = ["_test", "-test", "_spec", "-spec", "Test", "Spec"];
        ends.iter().filter_map(|it| stem.strip_suffix(it)).chain(stem.strip_prefix("test-")).chain([stem]).collect()
    }
}

/// Returns the file that a path without ending means.
fn at(world: &World<'_>, path: &str) -> Option<FileId> {
    if let Some(found) = world.file_at(path) {
        return Some(found);
    }
    for (compiled, sources) in COMPILED {
        let Some(stem) = path.strip_suffix(compiled) else { continue };
        if let Some(found) = sources.iter().find_map(|it| world.file_at(&format!("{stem}{it}"))) {
            return Some(found);
        }
    }
    // A directory with a manifest of its own says which file stands for it.
    let entry =
        world.project.package_in(path).and_then(|it| it.entries(".").iter().find_map(|it| source(world, path, it)));
    let index =
        || ENDS.iter().filter(|it| it.starts_with('/')).find_map(|it| world.file_at(path_of_index(path, it).as_str()));
    entry.or_else(|| ENDS.iter().find_map(|it| world.file_at(&format!("{path}{it}")))).or_else(index)
}

fn path_of_index(path: &str, end: &str) -> String {
    if path.is_empty() { end.trim_start_matches('/').to_owned() } else { format!("{path}{end}") }
}

/// Returns the file that `paths` or `baseUrl` of the nearest configuration means.
fn aliased(world: &World<'_>, folder: &str, module: &str) -> Option<FileId> {
    let mut next = Some(folder);
    while let Some(here) = next {
        if let Some(config) = world.project.script_config_in(here) {
            let found = config.candidates(module).iter().find_map(|it| at(world, &join(here, it)?));
            if found.is_some() {
                return found;
            }
        }
        next = if here.is_empty() { None } else { Some(directory(here)) };
    }
    None
}

/// Returns the file that the name of a package of this repository means, perhaps with a path within it.
fn package(world: &World<'_>, module: &str) -> Option<FileId> {
    let cut = if module.starts_with('@') { module.match_indices('/').nth(1) } else { module.match_indices('/').next() };
    let (name, rest) = cut.map_or((module, ""), |it| (&module[..it.0], &module[it.0 + 1..]));
    let (folder, package) = world.project.package_named(name)?;
    let entry = if rest.is_empty() { ".".to_owned() } else { format!("./{rest}") };
    let found = package.entries(&entry).iter().find_map(|it| source(world, folder, it));
    let beside = |inner: &str| at(world, &join(folder, &format!("{inner}{rest}"))?);
    found.or_else(|| beside("src/")).or_else(|| beside("")).or_else(|| beside("lib/"))
}

/// Returns the source of a file that a manifest names: that is often one yet to be built from `src`.
fn source(world: &World<'_>, folder: &str, path: &str) -> Option<FileId> {
    let whole = join(folder, path)?;
    let exact = world.file_at(&whole);
    let inner = path.trim_start_matches("./");
    let built = ["dist/", "lib/", "build/", "out/", "es/", "cjs/", "esm/", "dist/esm/", "dist/cjs/"];
    let stem = |it: &str| {
        let ends = [".d.ts", ".js", ".mjs", ".cjs", ".jsx"];
        ends.iter().find_map(|end| it.strip_suffix(end)).unwrap_or(it).to_owned()
    };
    let from_source = || {
        built
            .iter()
            .rev()
            .filter_map(|it| inner.strip_prefix(it))
            .find_map(|it| at(world, &join(folder, &format!("src/{}", stem(it)))?))
    };
    let without_end = || ENDS.iter().find_map(|it| world.file_at(&format!("{whole}{it}")));
    exact.or_else(from_source).or_else(without_end)
}
