//! Which names may mean something else than before.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Pairs;
use crate::facts::{FileFacts, Import, ImportForm, ImportItem, NameId, Receiver, Usage};
use crate::graph::lookup::{Lookup, last};
use crate::graph::outline::{Mention, module_parts, pieces};
use crate::graph::resolve::{MAX_NAMESAKES, Sources};
use crate::graph::units::Family;
use crate::symbol::{Definition, FileId, Form, Symbol, SymbolKind};

/// Why all files must be linked again.
#[derive(Debug)]
pub(super) struct Whole(pub(super) &'static str);

/// Names that may mean something else than before, by family and the numbers of their mentions.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: FxHashSet<(Family, u32)>,
    new: FxHashMap<Family, Vec<u32>>,
    /// Files that include others than before.
    includes: Vec<FileId>,
}

/// How many members of a name came or went with their classes; methods, or fields.
pub(super) type Members<'a> = FxHashMap<(Family, bool, &'a str), usize>;

impl Names {
    pub(super) fn add(&mut self, family: Family, mention: Mention<'_>) {
        let number = mention.number();
        if self.known.insert((family, number)) {
            self.new.entry(family).or_default().push(number);
        }
    }

    fn dirty(&mut self, family: Family, name: &str) {
        self.add(family, Mention::Name(name));
    }

    /// Returns what was added since this was last asked, in order.
    pub(super) fn take_new(&mut self) -> FxHashMap<Family, Vec<u32>> {
        let mut new = std::mem::take(&mut self.new);
        new.values_mut().for_each(|it| it.sort_unstable());
        new
    }

    /// Returns the files found since this was last asked that include others than before.
    pub(super) fn take_includes(&mut self) -> Vec<FileId> {
        std::mem::take(&mut self.includes)
    }

    fn has(&self, family: Family, mention: Mention<'_>) -> bool {
        self.known.contains(&(family, mention.number()))
    }

    fn has_piece_of(&self, family: Family, path: &str) -> bool {
        pieces(path).any(|it| self.has(family, Mention::Name(it)))
    }

    /// Adds what files with other facts than before say otherwise; returns the members of classes that came or went.
    pub(super) fn collect<'a>(
        &mut self,
        old: &Sources<'a>,
        new: &Sources<'a>,
        pairs: &Pairs,
    ) -> Result<Members<'a>, Whole> {
        let empty = FileFacts::default();
        let mut members = Members::default();
        let family = |sources: &Sources<'_>, it: FileId| Family::of(sources.inventory.files[it.0 as usize].language);
        for (one, other) in &pairs.changed {
            let (before, after) = (old.facts.facts(*one), new.facts.facts(*other));
            let family = family(new, *other);
            if before.namespace != after.namespace {
                return Err(Whole("a namespace changed"));
            }
            self.compare(before, after, family, false)?;
            let key = |it: &Import| (it.module.clone(), it.form, it.within.is_some());
            if !includes(before).map(key).eq(includes(after).map(key)) {
                self.includes.push(*other);
            }
            self.compare_definitions(before, after, family, &mut members);
        }
        for (sources, file) in pairs.removed.iter().map(|it| (old, *it)).chain(pairs.added.iter().map(|it| (new, *it)))
        {
            let (facts, family) = (sources.facts.facts(file), family(sources, file));
            // What a module file has is reached through its own name, which is taken care of where files come and go.
            if !matches!(family, Family::Python | Family::Script) {
                self.compare(&empty, facts, family, true)?;
                shapes(facts).iter().filter(|it| !it.in_function).for_each(|it| self.dirty_shape(it, family));
            }
            shapes(facts).iter().for_each(|it| count_member(it, family, &mut members));
        }
        Ok(members)
    }

    /// Adds members of classes that came or went: they are found by their names alone, as long as few share these.
    pub(super) fn add_members(&mut self, members: &Members<'_>, lookup: &Lookup<'_>) {
        for ((family, is_method, name), changes) in members {
            let all = if *is_method { lookup.methods_named(*family, name) } else { lookup.fields_named(*family, name) };
            if all.len() <= MAX_NAMESAKES + changes {
                self.dirty(*family, name);
            }
        }
    }

    /// Adds what two versions of a file say differently but for their definitions; of a file that came or went one is empty.
    fn compare(
        &mut self,
        before: &FileFacts,
        after: &FileFacts,
        family: Family,
        is_whole_file: bool,
    ) -> Result<(), Whole> {
        // Includes bind no names.
        let imports = |facts: &FileFacts| -> Vec<ImportKey> {
            facts.imports.iter().filter(|it| !it.is_include()).map(|it| ImportKey::of(it, facts)).collect()
        };
        let (one, other) = (imports(before), imports(after));
        let stars =
            |all: &[ImportKey]| -> Vec<ImportKey> { all.iter().filter(|it| it.import.takes_all()).cloned().collect() };
        if !is_whole_file && stars(&one) != stars(&other) {
            return Err(Whole("star imports changed"));
        }
        for name in differing(&one, &other, |it| it.bound.clone()) {
            pieces(&name).for_each(|it| self.dirty(family, it));
        }
        let exported = |facts: &FileFacts| -> Vec<(String, String)> {
            facts.exported.iter().map(|it| (it.name.clone(), it.local.clone())).collect()
        };
        for name in differing(&exported(before), &exported(after), |it| it.0.clone()) {
            if name == "export=" && !is_whole_file {
                return Err(Whole("what a module is as a whole changed"));
            }
            self.dirty(family, &name);
        }
        let listed = |facts: &FileFacts| -> Vec<String> { facts.exports.clone().unwrap_or_default() };
        differing(&listed(before), &listed(after), Clone::clone).iter().for_each(|it| self.dirty(family, it));
        self.compare_bases(before, after, family);
        Ok(())
    }

    fn compare_definitions<'a>(
        &mut self,
        before: &'a FileFacts,
        after: &'a FileFacts,
        family: Family,
        members: &mut Members<'a>,
    ) {
        let (one, other) = (shapes(before), shapes(after));
        let changed = differing(&one, &other, |it| it.qualified.to_owned());
        let changed: FxHashSet<&str> = changed.iter().map(String::as_str).collect();
        for shape in one.iter().chain(&other).filter(|it| changed.contains(it.qualified) && !it.in_function) {
            let of_changed_class = shape.parent.is_some_and(|it| changed.contains(it.1));
            if of_changed_class { count_member(shape, family, members) } else { self.dirty_shape(shape, family) }
        }
    }

    /// Adds a definition that changed, and its class where it makes instances of that.
    fn dirty_shape(&mut self, shape: &Shape<'_>, family: Family) {
        self.dirty(family, shape.name);
        let class = shape.owner.map(last).or(shape.parent.map(|it| last(it.1)));
        if let Some(class) = class.filter(|it| family.rules().constructors(it).contains(&shape.name)) {
            self.dirty(family, class);
        }
    }

    fn compare_bases(&mut self, before: &FileFacts, after: &FileFacts, family: Family) {
        for class in differing(&bases(before), &bases(after), |it| it.0.clone()) {
            self.dirty(family, last(&class));
        }
    }

    /// Adds what the names that changed so far give another meaning to in a file.
    pub(super) fn follow(&mut self, new: &Sources<'_>, file: FileId) -> Result<(), Whole> {
        let facts = new.facts.facts(file);
        let family = Family::of(new.inventory.files[file.0 as usize].language);
        for import in facts.imports.iter().filter(|it| !it.is_include()) {
            self.follow_import(import, family)?;
        }
        if includes(facts).any(|it| module_parts(it).any(|it| self.has(family, Mention::Module(it)))) {
            self.includes.push(file);
        }
        for symbol in &facts.symbols {
            let paths = [&symbol.instance_of, &symbol.owner];
            if paths.into_iter().flatten().any(|it| self.has_piece_of(family, it)) {
                self.dirty(family, &symbol.name);
            }
        }
        for (class, path) in bases(facts) {
            if self.has_piece_of(family, &path) {
                self.dirty(family, last(&class));
            }
        }
        for it in &facts.exported {
            let changed = it.local != it.name && self.has_piece_of(family, &it.local);
            if changed && it.name == "export=" {
                return Err(Whole("what a module is as a whole may have changed"));
            }
            if changed {
                self.dirty(family, &it.name);
            }
        }
        Ok(())
    }

    /// Adds what files may give another meaning to because they include other files than before: these decide which of several definitions
    /// of a name is meant.
    pub(super) fn doubt(&mut self, new: &Sources<'_>, files: &[FileId]) {
        let family = |it: FileId| Family::of(new.inventory.files[it.0 as usize].language);
        let led: Vec<(Family, Vec<(String, String)>)> =
            files.iter().map(|it| (family(*it), led_by_paths(new.facts.facts(*it)))).collect();
        let mut counts: FxHashMap<&str, usize> =
            led.iter().flat_map(|it| &it.1).flat_map(|it| pieces(&it.1)).map(|it| (it, 0)).collect();
        // Mostly nothing includes otherwise than before, and then all symbols need not be looked at.
        let symbols = if counts.is_empty() { &[] } else { new.inventory.symbols.as_slice() };
        for symbol in symbols {
            if let Some(count) = counts.get_mut(symbol.name.as_str()) {
                *count += 1;
            }
        }
        for (family, led) in &led {
            for (name, path) in led {
                if pieces(path).any(|it| counts.get(it).is_some_and(|it| *it > 1)) {
                    self.dirty(*family, name);
                }
            }
        }
    }

    fn follow_import(&mut self, import: &Import, family: Family) -> Result<(), Whole> {
        // Only where what is imported from may be a class, its name counts too.
        let by_name = !matches!(family, Family::Python | Family::Script);
        let is_changed = |names: &Names, part: &str| {
            names.has(family, Mention::Module(part)) || by_name && names.has(family, Mention::Name(part))
        };
        let changed = module_parts(import).any(|it| is_changed(self, it));
        match &import.item {
            _ if changed && import.takes_all() => return Err(Whole("a star import may lead elsewhere")),
            ImportItem::Star => {}
            ImportItem::Name { name, alias } if changed || self.has(family, Mention::Name(name)) => {
                self.dirty(family, alias.as_ref().unwrap_or(name));
            }
            ImportItem::Module { alias: Some(alias) } if changed => self.dirty(family, alias),
            ImportItem::Module { alias: None } if family == Family::Python => {
                let first = module_parts(import).next().filter(|it| self.has(family, Mention::Module(it)));
                first.into_iter().for_each(|it| self.dirty(family, it));
            }
            ImportItem::Module { alias: None } if changed => module_parts(import).for_each(|it| self.dirty(family, it)),
            ImportItem::Name { .. } | ImportItem::Module { .. } => {}
        }
        Ok(())
    }
}

fn includes(facts: &FileFacts) -> impl Iterator<Item = &Import> {
    facts.imports.iter().filter(|it| it.is_include())
}

/// Returns names whose meaning to others goes by a path, each with the path: variables by their class, members by that which they stand apart
/// from, classes by their bases, and what imports bind.
fn led_by_paths(facts: &FileFacts) -> Vec<(String, String)> {
    let mut led = Vec::new();
    for symbol in &facts.symbols {
        let paths = [&symbol.instance_of, &symbol.owner].into_iter().flatten();
        led.extend(paths.map(|it| (symbol.name.clone(), it.clone())));
    }
    led.extend(bases(facts).into_iter().map(|(class, path)| (last(&class).to_owned(), path)));
    for import in facts.imports.iter().filter(|it| !it.is_include()) {
        let path = module_parts(import).collect::<Vec<_>>().join(".");
        match &import.item {
            ImportItem::Name { name, alias } => {
                led.push((alias.as_ref().unwrap_or(name).clone(), format!("{path}.{name}")));
            }
            ImportItem::Module { alias: Some(alias) } => led.push((alias.clone(), path)),
            ImportItem::Module { alias: None } | ImportItem::Star => {}
        }
    }
    led
}

fn count_member<'a>(shape: &Shape<'a>, family: Family, members: &mut Members<'a>) {
    if matches!(shape.kind, SymbolKind::Method | SymbolKind::Field) {
        *members.entry((family, !shape.is_field, shape.name)).or_default() += 1;
    }
}

/// An import without its line, with the names it binds and the module inside the file in which it stands.
#[derive(Clone, PartialEq)]
struct ImportKey {
    import: Import,
    bound: String,
    namespace: Option<String>,
}

impl ImportKey {
    fn of(import: &Import, facts: &FileFacts) -> ImportKey {
        let bound = match &import.item {
            ImportItem::Name { name, alias } => alias.as_ref().unwrap_or(name).clone(),
            ImportItem::Module { alias: Some(alias) } => alias.clone(),
            ImportItem::Module { alias: None } => module_parts(import).collect::<Vec<_>>().join("."),
            ImportItem::Star => String::new(),
        };
        let next = facts.symbols.iter().filter(|it| it.parent.is_none()).find(|it| it.lines.end >= import.line);
        let within = import.within.map(|_| 0);
        let import = Import { line: 0, within, ..import.clone() };
        ImportKey { import, bound, namespace: next.and_then(|it| it.namespace.clone()) }
    }
}

/// What others may depend on in a definition.
#[derive(PartialEq)]
struct Shape<'a> {
    name: &'a str,
    qualified: &'a str,
    kind: SymbolKind,
    /// Found among fields, where only the name tells.
    is_field: bool,
    is_test: bool,
    is_static: bool,
    /// Whether it says that it is one part of several.
    is_part: bool,
    /// How many of its qualified name came before its parent, and that name.
    parent: Option<(usize, &'a str)>,
    in_function: bool,
    owner: Option<&'a str>,
    namespace: Option<&'a str>,
    instance_of: Option<&'a str>,
}

fn shapes(facts: &FileFacts) -> Vec<Shape<'_>> {
    let mut seen: FxHashMap<&str, usize> = FxHashMap::default();
    let mut ordinals = Vec::with_capacity(facts.symbols.len());
    facts
        .symbols
        .iter()
        .map(|it| {
            let ordinal = seen.entry(&it.qualified).or_default();
            ordinals.push(*ordinal);
            *ordinal += 1;
            let parent =
                it.parent.map(|it| it as usize).and_then(|at| Some((*ordinals.get(at)?, facts.symbols.get(at)?)));
            shape(it, parent)
        })
        .collect()
}

fn shape<'a>(it: &'a Definition, parent: Option<(usize, &'a Definition)>) -> Shape<'a> {
    let is_property = it.form == Form::Accessor || it.decorators.iter().any(|it| it.ends_with("property"));
    Shape {
        name: &it.name,
        qualified: &it.qualified,
        kind: it.kind,
        is_field: it.kind == SymbolKind::Field || is_property,
        is_test: it.is_test,
        is_static: it.signature.starts_with("static "),
        is_part: it.kind == SymbolKind::Class && it.signature.split_whitespace().any(|it| it == "partial"),
        parent: parent.map(|it| (it.0, it.1.qualified.as_str())),
        in_function: parent.is_some_and(|it| it.1.kind.is_callable()),
        owner: it.owner.as_deref(),
        namespace: it.namespace.as_deref(),
        instance_of: it.instance_of.as_deref(),
    }
}

/// Returns each class with a path of a base, in order; for what is said apart, both by the path of the class.
fn bases(facts: &FileFacts) -> Vec<(String, String)> {
    let class = |within: Option<u32>| Some(facts.symbols.get(within? as usize)?.qualified.clone());
    let path = |receiver: Receiver, name: NameId| match receiver {
        Receiver::Path(path) => format!("{}.{}", facts.name(path), facts.name(name)),
        _ => facts.name(name).to_owned(),
    };
    let written = facts.references.iter().filter(|it| it.usage == Usage::Base);
    let written = written.filter_map(|it| Some((class(it.within)?, path(it.receiver, it.name))));
    let mixed = facts.imports.iter().filter(|it| it.form == ImportForm::Mixin);
    let mixed = mixed.filter_map(|it| Some((class(it.within)?, it.module.clone())));
    let apart = facts
        .implements
        .iter()
        .flat_map(|it| [(it.class.clone(), it.base.clone()), (it.class.clone(), it.class.clone())]);
    written.chain(mixed).chain(apart).collect()
}

/// Returns the keys under which two lists do not hold the same things in the same order.
fn differing<T: PartialEq>(one: &[T], other: &[T], key: impl Fn(&T) -> String) -> Vec<String> {
    if one == other {
        return Vec::new();
    }
    let mut by_key: FxHashMap<String, (Vec<&T>, Vec<&T>)> = FxHashMap::default();
    one.iter().for_each(|it| by_key.entry(key(it)).or_default().0.push(it));
    other.iter().for_each(|it| by_key.entry(key(it)).or_default().1.push(it));
    by_key.into_iter().filter(|it| it.1.0 != it.1.1).map(|it| it.0).collect()
}

/// Returns the places of definitions that are the same by qualified name and how many of that name came before.
pub(super) fn matched(one: &[Symbol], other: &[Symbol]) -> Vec<(usize, usize)> {
    let mut places: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    other.iter().enumerate().for_each(|(at, it)| places.entry(&it.qualified).or_default().push(at));
    let mut seen: FxHashMap<&str, usize> = FxHashMap::default();
    let mut pairs = Vec::new();
    for (at, it) in one.iter().enumerate() {
        let ordinal = seen.entry(&it.qualified).or_default();
        let found = places.get(it.qualified.as_str()).and_then(|it| it.get(*ordinal));
        pairs.extend(found.map(|it| (at, *it)));
        *ordinal += 1;
    }
    pairs
}
