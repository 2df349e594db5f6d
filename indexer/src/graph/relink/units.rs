//! What files that came or went change for others: modules, packages, and which file a test is for.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Pairs;
use super::changes::{Names, Whole};
use crate::graph::outline::Mention;
use crate::graph::resolve::{Resolver, Sources, stem};
use crate::graph::units::{Family, Unit, World, directory};
use crate::symbol::FileId;

/// Adds the names of units that came, went or mean another file; returns the tests whose subject may be another.
pub(super) fn changed(
    old: &Sources<'_>,
    new: &Sources<'_>,
    resolver: &Resolver<'_>,
    pairs: &Pairs,
    names: &mut Names,
) -> Result<Vec<FileId>, Whole> {
    let before = World::of(old.inventory, old.outlines, old.project);
    let after = &resolver.lookup.world;
    for (at, known) in pairs.old_of.iter().enumerate() {
        let file = FileId(at as u32);
        if known.is_some_and(|it| before.identity(it) != after.identity(file)) {
            return Err(Whole("modules are named otherwise"));
        }
    }
    for file in &pairs.removed {
        note_file(&before, *file, names, new)?;
    }
    for file in &pairs.added {
        note_file(after, *file, names, new)?;
    }
    let places: FxHashMap<FileId, FileId> =
        pairs.old_of.iter().enumerate().filter_map(|(at, it)| Some(((*it)?, FileId(at as u32)))).collect();
    let one = described(&before, |it| places.get(&it).copied());
    let other = described(after, Some);
    let all: FxHashSet<_> = one.keys().chain(other.keys()).collect();
    for key in all.into_iter().filter(|it| one.get(it) != other.get(it)) {
        note(key.0, key.1.rsplit(['.', '/']).next().unwrap_or(key.1), names);
    }
    Ok(tests_of(resolver, old, new, pairs))
}

fn note(family: Family, part: &str, names: &mut Names) {
    names.add(family, Mention::Name(part));
    names.add(family, Mention::Module(part));
}

/// Adds the words by which a file is imported.
fn note_file(world: &World<'_>, file: FileId, names: &mut Names, new: &Sources<'_>) -> Result<(), Whole> {
    let path = world.path_of(file);
    let (folder, name) = (directory(path), path.rsplit('/').next().unwrap_or(path));
    let stem = name.split('.').next().unwrap_or(name);
    match world.family(file) {
        Family::Python if stem == "__init__" => {
            let below = |it: &&str| it.starts_with(folder) && it.as_bytes().get(folder.len()) == Some(&b'/');
            let others = new.inventory.files.iter().filter_map(|it| std::str::from_utf8(it.path.as_bytes()).ok());
            // A directory that is a package now, or is one no more.
            if others.filter(below).any(|it| it != path) {
                return Err(Whole("a directory became a package"));
            }
            note(Family::Python, folder.rsplit('/').next().unwrap_or(folder), names);
        }
        Family::Script if stem == "index" => return Err(Whole("a directory has another index")),
        Family::Rust if matches!(stem, "mod" | "lib" | "main") => return Err(Whole("a crate has another shape")),
        _ => {}
    }
    note(world.family(file), stem, names);
    Ok(())
}

/// What a unit is to others: a file, or a space with its only file and the directory in which all its files stand.
type Description = (Option<FileId>, Option<String>);

fn described<'w>(
    world: &'w World<'_>,
    place: impl Fn(FileId) -> Option<FileId>,
) -> FxHashMap<(Family, &'w str), Description> {
    let describe = |unit: Unit| match unit {
        // A file that is gone is nobody's, which no file that is there equals.
        Unit::File(it) => (Some(place(it).unwrap_or(FileId(u32::MAX))), None),
        Unit::Space(id) => {
            let files = world.space_of(id).map(|it| it.files.as_slice()).unwrap_or_default();
            let folders: FxHashSet<&str> = files.iter().map(|it| directory(world.path_of(*it))).collect();
            let only = if folders.len() == 1 { folders.into_iter().next() } else { None };
            // A package of one file is that file.
            let single = match files {
                [it] => Some(place(*it).unwrap_or(FileId(u32::MAX))),
                _ => None,
            };
            (single, Some(format!("{}{}", if files.is_empty() { "-" } else { "+" }, only.unwrap_or(""))))
        }
    };
    world.units().map(|(family, name, unit)| ((family, name), describe(unit))).collect()
}

/// Returns the test files whose name may mean another file now.
fn tests_of(resolver: &Resolver<'_>, old: &Sources<'_>, new: &Sources<'_>, pairs: &Pairs) -> Vec<FileId> {
    let stem_of = |sources: &Sources<'_>, file: FileId| {
        let file = &sources.inventory.files[file.0 as usize];
        (Family::of(file.language), stem(file.path.file_name()))
    };
    let mut stems: FxHashSet<(Family, String)> = pairs.removed.iter().map(|it| stem_of(old, *it)).collect();
    stems.extend(pairs.added.iter().map(|it| stem_of(new, *it)));
    let mentions = |file: &FileId| {
        let (family, own) = stem_of(new, *file);
        family.rules().subjects(&own).into_iter().any(|it| stems.contains(&(family, it.to_owned())))
    };
    (0..new.inventory.files.len() as u32).map(FileId).filter(|it| resolver.is_test(*it)).filter(mentions).collect()
}
