//! Links a snapshot again after another one: only files whose own facts changed, or that mention a name whose meaning may have changed.
//!
//! Every way from a reference to its target goes by names that the referring file mentions, but for four detours: an import that gives a
//! name another one, a variable whose class is named elsewhere, a class whose bases are named elsewhere, and an export under another name.
//! So the set of changed names is closed under these detours, and a file that mentions none of them keeps its edges; they are only
//! renumbered. What changes more than names (configuration, star imports, where packages begin) is answered by linking all again. Names
//! are compared without regard to where they are seen, so too many files may be linked again, but never too few: the result equals
//! [`resolve`].

mod changes;
mod units;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::graph::csr::{Edges, GONE, RawEdge, Renumbering};
use crate::graph::resolve::{Resolver, Sources, resolve};
use crate::graph::units::Family;
use crate::graph::{Direction, EdgeKind, Node, NodeId, Nodes};
use crate::symbol::{FileId, SymbolId};
use changes::Whole;

/// When more than one in so many files is affected, all are linked again.
const MOST: usize = 2;

/// A snapshot and its edges.
#[derive(Clone, Copy)]
pub(crate) struct Linked<'a> {
    pub(crate) sources: Sources<'a>,
    pub(crate) edges: &'a Edges,
}

/// What linking again gave.
#[derive(Debug)]
pub(crate) struct Relinked {
    pub(crate) edges: Edges,
    /// How many files were linked anew.
    pub(crate) files: usize,
    /// Why all files were, if all were.
    pub(crate) whole: Option<&'static str>,
}

/// Returns the edges of `new`, equal to those of [`resolve`], with what can be taken over from `old` taken over.
pub(crate) fn relink(old: &Linked<'_>, new: &Sources<'_>) -> Relinked {
    match relink_some(old, new) {
        Ok(relinked) => relinked,
        Err(Whole(reason)) => Relinked { edges: resolve(new), files: new.inventory.files.len(), whole: Some(reason) },
    }
}

fn relink_some(old: &Linked<'_>, new: &Sources<'_>) -> Result<Relinked, Whole> {
    if old.sources.project != new.project {
        return Err(Whole("the configuration changed"));
    }
    let pairs = Pairs::of(&old.sources, new);
    if pairs.changed.len() + pairs.added.len() + pairs.removed.len() > new.inventory.files.len() / MOST {
        return Err(Whole("many files changed"));
    }
    let mut resolver = Resolver::new(new);
    let mut names = changes::Names::default();
    let mut affected: FxHashSet<FileId> =
        pairs.changed.iter().map(|it| it.1).chain(pairs.added.iter().copied()).collect();
    let feeds_others = |it: &(FileId, FileId)| namespaces(&old.sources, it.0) != namespaces(new, it.1);
    if !pairs.added.is_empty() || !pairs.removed.is_empty() || pairs.changed.iter().any(feeds_others) {
        affected.extend(units::changed(&old.sources, new, &resolver, &pairs, &mut names)?);
    }
    let members = names.collect(&old.sources, new, &pairs)?;
    resolver.lookup.ask_only(members.keys().map(|it| it.2).collect());
    names.add_members(&members, &resolver.lookup);
    spread(old, new, &pairs, &mut names, &mut affected)?;
    if affected.len() > new.inventory.files.len() / MOST {
        return Err(Whole("many files mention what changed"));
    }
    resolver.lookup.ask_only(affected.iter().flat_map(|it| new.facts.facts(*it).all_names()).collect());
    let edges = merge(old, new, &resolver, &pairs, &affected).ok_or(Whole("an edge led to what is gone"))?;
    Ok(Relinked { edges, files: affected.len(), whole: None })
}

/// Returns the namespaces inside a file that its definitions stand in.
fn namespaces<'a>(of: &Sources<'a>, file: FileId) -> FxHashSet<&'a str> {
    let symbols = of.inventory.symbols[of.inventory.symbols_of(file)].iter();
    symbols.filter(|it| it.parent.is_none()).filter_map(|it| it.namespace.as_deref()).collect()
}

/// Which file of a snapshot is which of another.
struct Pairs {
    /// By file of the new snapshot, the file of the old one at its path in the same language.
    old_of: Vec<Option<FileId>>,
    /// Old and new number of files with another content.
    changed: Vec<(FileId, FileId)>,
    added: Vec<FileId>,
    removed: Vec<FileId>,
}

impl Pairs {
    fn of(old: &Sources<'_>, new: &Sources<'_>) -> Pairs {
        let (before, after) = (&old.inventory.files, &new.inventory.files);
        let mut pairs =
            Pairs { old_of: vec![None; after.len()], changed: Vec::new(), added: Vec::new(), removed: Vec::new() };
        let (mut left, mut right) = (0, 0);
        while left < before.len() || right < after.len() {
            let (one, other) = (FileId(left as u32), FileId(right as u32));
            let order = match (before.get(left), after.get(right)) {
                (Some(before), Some(after)) => before.path.cmp(&after.path),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, _) => std::cmp::Ordering::Greater,
            };
            if order.is_le() {
                left += 1;
            }
            if order.is_ge() {
                right += 1;
            }
            match order {
                std::cmp::Ordering::Less => pairs.removed.push(one),
                std::cmp::Ordering::Greater => pairs.added.push(other),
                std::cmp::Ordering::Equal => pairs.pair(one, other, old, new),
            }
        }
        pairs
    }

    fn pair(&mut self, one: FileId, other: FileId, old: &Sources<'_>, new: &Sources<'_>) {
        let (before, after) = (&old.inventory.files[one.0 as usize], &new.inventory.files[other.0 as usize]);
        if before.language != after.language || before.is_test != after.is_test {
            self.removed.push(one);
            self.added.push(other);
            return;
        }
        self.old_of[other.0 as usize] = Some(one);
        if before.blob != after.blob {
            self.changed.push((one, other));
        }
    }
}

/// Finds all files that mention what changed, or include other files than before at any distance, and what else changes its meaning by that,
/// until nothing is new.
fn spread(
    old: &Linked<'_>,
    new: &Sources<'_>,
    pairs: &Pairs,
    names: &mut changes::Names,
    affected: &mut FxHashSet<FileId>,
) -> Result<(), Whole> {
    affected.iter().try_for_each(|it| names.follow(new, *it))?;
    let mut including = FxHashSet::default();
    loop {
        let further = includers(old, new, pairs, names.take_includes(), &mut including);
        names.doubt(new, &further);
        affected.extend(further);
        if affected.len() > new.inventory.files.len() / MOST {
            return Err(Whole("many files mention what changed"));
        }
        let numbers = names.take_new();
        if numbers.is_empty() {
            return Ok(());
        }
        let hit = |it: &u32| {
            let family = Family::of(new.inventory.files[*it as usize].language);
            numbers.get(&family).is_some_and(|numbers| new.outlines[*it as usize].mentions_any(numbers))
        };
        let hits: Vec<FileId> = (0..new.inventory.files.len() as u32).into_par_iter().filter(hit).map(FileId).collect();
        // A file seen before may mention what is new now.
        hits.iter().try_for_each(|it| names.follow(new, *it))?;
        affected.extend(hits);
    }
}

/// Returns those of `files`, and of the files that included them at any distance, that are not in `seen` yet.
///
/// A new way from one file to another by includes begins with old ones up to the first file that includes others than before, so the old
/// graph has all that matters.
fn includers(
    old: &Linked<'_>,
    new: &Sources<'_>,
    pairs: &Pairs,
    files: Vec<FileId>,
    seen: &mut FxHashSet<FileId>,
) -> Vec<FileId> {
    let mut found: Vec<FileId> = files.into_iter().filter(|it| seen.insert(*it)).collect();
    if found.is_empty() {
        return found;
    }
    let before = Nodes::of(old.sources.inventory);
    let mut new_of = vec![None; old.sources.inventory.files.len()];
    for (at, known) in pairs.old_of.iter().enumerate() {
        if let Some(known) = known {
            new_of[known.0 as usize] = Some(FileId(at as u32));
        }
    }
    let mut next = 0;
    while let Some(file) = found.get(next).copied() {
        next += 1;
        let Some(known) = pairs.old_of[file.0 as usize] else { continue };
        let edges = old.edges.at(before.file(known), Direction::In).filter(|it| it.kind == EdgeKind::Imports);
        let sources = edges.filter_map(|it| match before.node(it.node) {
            Some(Node::File(it)) => new_of[it.0 as usize],
            _ => None,
        });
        let family = |it: &FileId| Family::of(new.inventory.files[it.0 as usize].language);
        found.extend(sources.filter(|it| family(it).rules().sight().includes && seen.insert(*it)));
    }
    found
}

/// Puts the edges of affected files and the renumbered edges of all others together; `None` when one of these leads to what is gone.
fn merge(
    old: &Linked<'_>,
    new: &Sources<'_>,
    resolver: &Resolver<'_>,
    pairs: &Pairs,
    affected: &FxHashSet<FileId>,
) -> Option<Edges> {
    let mut order: Vec<FileId> = affected.iter().copied().collect();
    order.sort_unstable();
    let mut fresh = resolver.contains(|it| affected.contains(&it));
    let resolved: Vec<Vec<RawEdge>> = order.par_iter().map(|it| resolver.file(*it)).collect();
    fresh.extend(resolved.into_iter().flatten());
    let mut numbers = renumbered(&old.sources, new, pairs);
    // What the repository and its directories contain is cheap to say anew.
    let after = resolver.nodes;
    numbers.is_fresh[..after.file(FileId(0)).0 as usize].fill(true);
    for file in order {
        numbers.is_fresh[after.file(file).0 as usize] = true;
        let symbols = new.inventory.symbols_of(file);
        let node = |it: usize| after.symbol(SymbolId(it as u32)).0 as usize;
        numbers.is_fresh[node(symbols.start)..node(symbols.end)].fill(true);
    }
    old.edges.renewed(&numbers, fresh)
}

/// Returns which old node is which new one.
fn renumbered(old: &Sources<'_>, new: &Sources<'_>, pairs: &Pairs) -> Renumbering {
    let (before, after) = (Nodes::of(old.inventory), Nodes::of(new.inventory));
    let (mut new_of, mut old_of) = (vec![GONE; before.count()], vec![GONE; after.count()]);
    let mut is = |one: NodeId, other: NodeId| {
        new_of[one.0 as usize] = other.0;
        old_of[other.0 as usize] = one.0;
    };
    is(before.repository(), after.repository());
    let directories = &new.inventory.directories;
    for (at, path) in old.inventory.directories.iter().enumerate() {
        let found = if directories.get(at) == Some(path) { Ok(at) } else { directories.binary_search(path) };
        if let Ok(found) = found {
            is(before.directory(at), after.directory(found));
        }
    }
    for (at, known) in pairs.old_of.iter().enumerate() {
        let (file, Some(known)) = (FileId(at as u32), *known) else { continue };
        is(before.file(known), after.file(file));
        let (from, to) = (old.inventory.symbols_of(known), new.inventory.symbols_of(file));
        let (one, other) =
            (|it: usize| before.symbol(SymbolId(it as u32)), |it: usize| after.symbol(SymbolId(it as u32)));
        if old.inventory.files[known.0 as usize].blob == new.inventory.files[at].blob {
            from.zip(to).for_each(|it| is(one(it.0), other(it.1)));
            continue;
        }
        let matched = changes::matched(&old.inventory.symbols[from.clone()], &new.inventory.symbols[to.clone()]);
        matched.into_iter().for_each(|it| is(one(from.start + it.0), other(to.start + it.1)));
    }
    Renumbering { new_of, is_fresh: vec![false; old_of.len()], old_of }
}

#[cfg(test)]
mod tests;
