//! Rust: crates and their modules. A file is the module that its path says; `mod`, `use` and paths lead from one to another.

use super::{Family, Reach, Rules, Sight, SpaceId, Unit, World, directory, join};
use crate::facts::{Import, ImportForm};
use crate::graph::lookup::Place;
use crate::graph::outline::Outline;
use crate::symbol::FileId;

pub(super) struct Rust;

impl Rules for Rust {
    fn space(&self, world: &World<'_>, file: FileId, _outline: &Outline) -> Option<String> {
        let path = world.path_of(file);
        let (name, folder) = crate_around(world, path)?;
        let path = path.strip_prefix(folder)?.trim_start_matches('/').strip_suffix(".rs")?;
        let lib = join(folder, "src/lib.rs").and_then(|it| world.file_at(&it));
        Some(match path.strip_prefix("src/") {
            Some("lib") => name,
            Some("main") if lib.is_none() => name,
            Some("main") => format!("{name}/main"),
            Some(it) if it.starts_with("bin/") => format!("{name}/{it}"),
            Some(it) => format!("{name}.{}", it.strip_suffix("/mod").unwrap_or(it).replace('/', ".")),
            // Each file directly in `tests`, `examples` and `benches` is a crate of its own.
            None => format!("{name}/{}", path.strip_suffix("/mod").unwrap_or(path)),
        })
    }

    fn imported<'i>(&self, world: &World<'_>, file: FileId, import: &'i Import) -> Option<Reach<'i>> {
        if import.form == ImportForm::Submodule {
            return Some((Unit::Space(submodule(world, file, &import.module)?), ""));
        }
        let own = world.home_of(file, namespace_at(world, file, import.line))?;
        let place = Place { file, space: Some(own), class: None };
        let (first, mut rest) = import.module.split_once('.').unwrap_or((&import.module, ""));
        let mut unit =
            Rust.special(world, place, first).or_else(|| world.below(Family::Rust, Unit::Space(own), first))?;
        while let Some((next, further)) = (!rest.is_empty()).then(|| rest.split_once('.').unwrap_or((rest, ""))) {
            let Some(below) = step(world, unit, next) else { break };
            (unit, rest) = (below, further);
        }
        Some((unit, rest))
    }

    /// `mod x;` binds `x`, `use x;` as well.
    fn bound_by<'i>(
        &self,
        _world: &World<'_>,
        import: &'i Import,
        found: Option<Unit>,
    ) -> Option<(&'i str, Option<Unit>)> {
        Some((import.module.rsplit('.').next()?, found))
    }

    fn special(&self, world: &World<'_>, place: Place, name: &str) -> Option<Unit> {
        let space = world.space_of(place.space?)?;
        match name {
            "self" => place.space.map(Unit::Space),
            "super" => space.parent.map(Unit::Space),
            "crate" => world.named(Family::Rust, space.name.split('.').next()?),
            other => world.named(Family::Rust, other).filter(|_| !other.contains('.')),
        }
    }

    fn constructors<'c>(&self, _class: &'c str) -> Vec<&'c str> {
        Vec::new()
    }

    fn subjects<'s>(&self, stem: &'s str) -> Vec<&'s str> {
        let ends = ["_tests", "_test"];
        ends.iter().filter_map(|it| stem.strip_suffix(it)).chain([stem]).collect()
    }

    fn sight(&self) -> Sight {
        Sight { reexports: true, apart: true, ..Sight::default() }
    }
}

fn step(world: &World<'_>, unit: Unit, name: &str) -> Option<Unit> {
    match (name, unit) {
        ("self", _) => Some(unit),
        ("super", Unit::Space(id)) => world.space_of(id)?.parent.map(Unit::Space),
        _ => world.below(Family::Rust, unit, name),
    }
}

/// Returns the name and directory of the crate to which a path belongs.
fn crate_around<'p>(world: &World<'_>, path: &'p str) -> Option<(String, &'p str)> {
    let mut folder = directory(path);
    loop {
        if let Some(name) = world.project.crate_in(folder) {
            return Some((name.replace('-', "_"), folder));
        }
        if folder.is_empty() {
            // Without a manifest: what is above `src` is the crate.
            let folder = path.find("src/").map_or("", |it| path[..it].trim_end_matches('/'));
            let name = folder.rsplit('/').next().filter(|it| !it.is_empty()).unwrap_or("crate");
            return Some((name.replace(['-', '.'], "_"), folder));
        }
        folder = directory(folder);
    }
}

/// Returns the space of the file that `mod name;` means.
fn submodule(world: &World<'_>, file: FileId, name: &str) -> Option<SpaceId> {
    let path = world.path_of(file);
    let stem = path.rsplit('/').next()?.strip_suffix(".rs")?;
    let beside = directory(path);
    let is_top = matches!(stem, "mod" | "lib" | "main");
    let below = join(beside, stem)?;
    let folders = if is_top { [beside, &below] } else { [below.as_str(), beside] };
    let find = |folder: &&str| {
        let file = |end: &str| world.file_at(&join(folder, &format!("{name}{end}"))?);
        file(".rs").or_else(|| file("/mod.rs"))
    };
    world.home_of(folders.iter().find_map(find)?, "")
}

/// Returns the module inside a file in which a line stands, as far as the definition that follows it tells.
fn namespace_at<'a>(world: &World<'a>, file: FileId, line: u32) -> &'a str {
    let symbols = &world.inventory.symbols[world.inventory.symbols_of(file)];
    let next = symbols.iter().filter(|it| it.parent.is_none()).find(|it| it.lines().end >= line);
    next.and_then(|it| it.namespace()).unwrap_or("")
}
