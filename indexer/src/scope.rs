//! Python's scopes: which names are visible where, and which names nothing defines.
//!
//! The rules are those of the language reference ("Naming and binding"): functions, lambdas, comprehensions, classes whose names their methods
//! do not see, `global` and `nonlocal`, the walrus, patterns, type parameters. Nothing is executed and nothing is imported, so what a star
//! import brings is unknown, and a file that has one has no undefined names; so with files that write to `globals()`. Types are guessed from literals and from uses, only to rank.
//! Names from other files are the code graph's business.

mod build;
mod builtins;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use crate::syntax::SyntaxTree;

/// What kind of thing a visible name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// Bound in the innermost function, lambda or comprehension.
    Local,
    /// A parameter of the innermost function or lambda.
    Parameter,
    /// Bound in the class body in which the place stands directly.
    Class,
    /// Bound in a function around the innermost one.
    Enclosing,
    /// Bound at module level.
    Global,
    /// Imported, at any level.
    Import,
    /// Always there.
    Builtin,
}

/// A guess at the kind of value behind a name; for ranking, never for refusing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LikelyType {
    /// Nothing is known.
    #[default]
    Unknown,
    /// `None`, at least at first.
    None,
    /// A truth value.
    Bool,
    /// An integer.
    Int,
    /// A floating point number.
    Float,
    /// Text.
    Str,
    /// Bytes.
    Bytes,
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A dictionary.
    Dict,
    /// A set.
    Set,
    /// A function, method or other thing that is called.
    Callable,
    /// A class.
    Class,
    /// An imported module.
    Module,
    /// Something that is subscripted.
    Indexable,
    /// Something that is looped over.
    Iterable,
}

impl LikelyType {
    /// Returns whether values of this type have a length or can be looped over.
    pub fn is_container(self) -> bool {
        use LikelyType::{Bytes, Dict, Indexable, Iterable, List, Set, Str, Tuple};
        matches!(self, Str | Bytes | List | Tuple | Dict | Set | Indexable | Iterable)
    }

    /// Returns whether values of this type are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, LikelyType::Int | LikelyType::Float | LikelyType::Bool)
    }

    /// Returns the expression for an empty or zero value of this type.
    pub fn empty_value(self) -> Option<&'static str> {
        match self {
            LikelyType::None => Some("None"),
            LikelyType::Bool => Some("False"),
            LikelyType::Int => Some("0"),
            LikelyType::Float => Some("0.0"),
            LikelyType::Str => Some("''"),
            LikelyType::Bytes => Some("b''"),
            LikelyType::List => Some("[]"),
            LikelyType::Tuple => Some("()"),
            LikelyType::Dict => Some("{}"),
            LikelyType::Set => Some("set()"),
            LikelyType::Unknown
            | LikelyType::Callable
            | LikelyType::Class
            | LikelyType::Module
            | LikelyType::Indexable
            | LikelyType::Iterable => None,
        }
    }
}

/// A name visible at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedName {
    /// The name.
    pub name: String,
    /// Where it comes from.
    pub kind: NameKind,
    /// Whether some definition stands before the place in the text, or is sure to have run by then.
    pub defined_before: bool,
    /// A guess at its value's type.
    pub likely_type: LikelyType,
    /// Offset of its first definition; none for builtins.
    pub defined_at: Option<usize>,
}

/// A name that is read but that nothing defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndefinedName {
    /// The name.
    pub name: String,
    /// Where it is read.
    pub span: Range<usize>,
}

/// Returns the names visible at a byte offset, the most relevant first; see [`Scopes::names_at`].
pub fn names_at(tree: &SyntaxTree, offset: usize) -> Vec<ScopedName> {
    Scopes::of(tree).names_at(offset)
}

/// Returns the names that nothing defines; see [`Scopes::undefined_names`].
pub fn undefined_names(tree: &SyntaxTree) -> Vec<UndefinedName> {
    Scopes::of(tree).undefined_names()
}

/// The scopes of one file. Build it once per tree: every question is then cheap.
#[derive(Clone, Debug)]
pub struct Scopes {
    scopes: Vec<Scope>,
    references: Vec<Reference>,
    has_unknown_names: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScopeKind {
    Module,
    Class,
    Function,
    Lambda,
    Comprehension,
    TypeParameters,
}

#[derive(Clone, Debug)]
struct Scope {
    kind: ScopeKind,
    parent: Option<usize>,
    span: Range<usize>,
    /// A part of the span that belongs to the parent: a comprehension's first iterable is evaluated outside.
    hole: Option<Range<usize>>,
    names: BTreeMap<String, Binding>,
    globals: HashSet<String>,
    nonlocals: HashSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BindingKind {
    Variable,
    Parameter,
    Import,
    Definition,
    /// A binding that needs an older value or gives none: `x += 1`, `del x`, `x: int`.
    Weak,
}

#[derive(Clone, Debug)]
struct Binding {
    kind: BindingKind,
    /// Whether some binding gives a value of its own.
    assigned: bool,
    sites: Vec<BindingSite>,
    hints: Vec<(LikelyType, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct BindingSite {
    offset: usize,
    /// From here on the name has the value.
    effective: usize,
    /// Start of the outermost loop of the function around the binding.
    outer_loop: Option<usize>,
    weak: bool,
}

#[derive(Clone, Debug)]
struct Reference {
    name: String,
    span: Range<usize>,
    scope: usize,
    outer_loop: Option<usize>,
    /// Undefined on purpose: in a `try` that catches the `NameError`.
    excused: bool,
}

impl Scopes {
    /// Reads the scopes of a tree.
    pub fn of(tree: &SyntaxTree) -> Scopes {
        build::build(tree)
    }

    /// Returns the names visible at a byte offset, innermost scope first, in a scope those defined before the place first, nearest first.
    /// Builtins come last.
    pub fn names_at(&self, offset: usize) -> Vec<ScopedName> {
        let innermost = self.scope_at(offset);
        let mut seen = HashSet::new();
        let mut names = Vec::new();
        for (scope, is_own) in self.visible_scopes(innermost) {
            for found in self.names_of(scope, is_own, offset) {
                if seen.insert(found.name.clone()) {
                    names.push(found);
                }
            }
        }
        for builtin in builtins::COMMON {
            if seen.insert((*builtin).to_owned()) {
                names.push(ScopedName {
                    name: (*builtin).to_owned(),
                    kind: NameKind::Builtin,
                    defined_before: true,
                    likely_type: LikelyType::Callable,
                    defined_at: None,
                });
            }
        }
        names
    }

    /// Returns the names that are read but bound nowhere that the reading place can see, in source order.
    ///
    /// A file with a star import or that fills `globals()` has none, since anything may come from there.
    pub fn undefined_names(&self) -> Vec<UndefinedName> {
        if self.has_unknown_names {
            return Vec::new();
        }
        let is_undefined = |it: &&Reference| !it.excused && !self.is_defined(it);
        self.collect_references(is_undefined)
    }

    /// Returns the reads of a function's own variable that no assignment can have preceded: running them raises `UnboundLocalError`.
    ///
    /// Only certain cases are listed: an assignment earlier in the text, or later in a loop around both, makes a read possible.
    pub fn unbound_locals(&self) -> Vec<UndefinedName> {
        self.collect_references(|it| !it.excused && self.is_unbound(it))
    }

    /// Returns the guess at the type of `name` as seen from `offset`.
    pub fn likely_type(&self, name: &str, offset: usize) -> LikelyType {
        match self.resolve(name, self.scope_at(offset)) {
            Some(scope) => self.scopes[scope].names.get(name).map_or(LikelyType::Unknown, Binding::likely_type),
            None => LikelyType::Unknown,
        }
    }

    /// Returns whether a star import or a write to `globals()` makes the module's names unknowable.
    pub fn has_unknown_names(&self) -> bool {
        self.has_unknown_names
    }

    fn collect_references(&self, wanted: impl Fn(&&Reference) -> bool) -> Vec<UndefinedName> {
        let found = self.references.iter().filter(wanted);
        let mut found: Vec<_> =
            found.map(|it| UndefinedName { name: it.name.clone(), span: it.span.clone() }).collect();
        found.sort_by_key(|it| it.span.start);
        found
    }

    fn is_defined(&self, reference: &Reference) -> bool {
        let name = reference.name.as_str();
        if builtins::is_builtin(name) || builtins::is_module_attribute(name) {
            return true;
        }
        let Some(scope) = self.resolve(name, reference.scope) else {
            return match name {
                "__class__" => self.is_in_class(reference.scope),
                "__module__" | "__qualname__" => self.scopes[reference.scope].kind == ScopeKind::Class,
                _ => false,
            };
        };
        let is_function = matches!(self.scopes[scope].kind, ScopeKind::Function | ScopeKind::Lambda);
        !is_function || self.scopes[scope].names[name].assigned
    }

    fn is_unbound(&self, reference: &Reference) -> bool {
        let Some(scope) = self.resolve(&reference.name, reference.scope) else { return false };
        if self.scopes[scope].kind != ScopeKind::Function || !self.runs_inline(reference.scope, scope) {
            return false;
        }
        let binding = &self.scopes[scope].names[&reference.name];
        binding.assigned && !binding.sites.iter().any(|site| !site.weak && site.may_precede(reference))
    }

    /// Whether code in `inner` runs when the body of `outer` reaches it: only comprehensions lie between.
    fn runs_inline(&self, inner: usize, outer: usize) -> bool {
        let mut scope = inner;
        while scope != outer {
            match (self.scopes[scope].kind, self.scopes[scope].parent) {
                (ScopeKind::Comprehension, Some(parent)) => scope = parent,
                _ => return false,
            }
        }
        true
    }

    /// Finds the scope that binds `name` as seen from `scope`; the module where only builtins could.
    fn resolve(&self, name: &str, scope: usize) -> Option<usize> {
        if self.scopes[scope].globals.contains(name) {
            return Some(0).filter(|module| self.scopes[*module].names.contains_key(name));
        }
        self.visible_scopes(scope).map(|(scope, _)| scope).find(|scope| self.scopes[*scope].names.contains_key(name))
    }

    /// The scopes whose names are visible from `scope`, innermost first, with whether the code there runs in that very scope.
    fn visible_scopes(&self, scope: usize) -> impl Iterator<Item = (usize, bool)> {
        let mut passed_function = false;
        let mut is_own = true;
        std::iter::successors(Some(scope), |scope| self.scopes[*scope].parent).filter_map(move |scope| {
            let kind = self.scopes[scope].kind;
            let was_own = is_own;
            is_own &= matches!(kind, ScopeKind::Comprehension | ScopeKind::TypeParameters);
            match kind {
                ScopeKind::Class => (!passed_function).then_some((scope, was_own)),
                ScopeKind::TypeParameters => Some((scope, was_own)),
                ScopeKind::Module | ScopeKind::Function | ScopeKind::Lambda | ScopeKind::Comprehension => {
                    passed_function = true;
                    Some((scope, was_own))
                }
            }
        })
    }

    fn is_in_class(&self, scope: usize) -> bool {
        let scopes = std::iter::successors(Some(scope), |scope| self.scopes[*scope].parent).skip(1);
        scopes.into_iter().any(|scope| self.scopes[scope].kind == ScopeKind::Class)
    }

    fn scope_at(&self, offset: usize) -> usize {
        // Inner scopes are made after outer ones, so the last that fits is the innermost.
        self.scopes.iter().rposition(|scope| scope.contains(offset)).unwrap_or(0)
    }

    fn names_of(&self, scope: usize, is_own: bool, offset: usize) -> Vec<ScopedName> {
        let kind = self.scopes[scope].kind;
        let mut found: Vec<(bool, usize, ScopedName)> = Vec::new();
        for (name, binding) in &self.scopes[scope].names {
            if !binding.assigned {
                continue;
            }
            let nearest = binding.nearest_before(offset);
            let defined_before = !is_own || nearest.is_some();
            let distance =
                nearest.map_or_else(|| binding.first_offset().abs_diff(offset), |site| offset.abs_diff(site));
            let name = ScopedName {
                name: name.clone(),
                kind: name_kind(kind, binding.kind, is_own),
                defined_before,
                likely_type: binding.likely_type(),
                defined_at: Some(binding.first_offset()),
            };
            found.push((!defined_before, distance, name));
        }
        let rank = |it: &(bool, usize, ScopedName)| (it.0, it.2.kind == NameKind::Import, it.1);
        found.sort_by(|left, right| rank(left).cmp(&rank(right)).then_with(|| left.2.name.cmp(&right.2.name)));
        found.into_iter().map(|(_, _, name)| name).collect()
    }
}

impl Scope {
    fn contains(&self, offset: usize) -> bool {
        let in_hole = self.hole.as_ref().is_some_and(|hole| hole.start <= offset && offset <= hole.end);
        self.span.start <= offset && offset <= self.span.end && !in_hole
    }
}

impl Binding {
    fn likely_type(&self) -> LikelyType {
        let best = self.hints.iter().copied().max_by_key(|(kind, weight)| (*weight, std::cmp::Reverse(*kind)));
        best.map_or(LikelyType::Unknown, |(kind, _)| kind)
    }

    fn hint(&mut self, kind: LikelyType, weight: u32) {
        match self.hints.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += weight,
            None => self.hints.push((kind, weight)),
        }
    }

    fn first_offset(&self) -> usize {
        self.sites.iter().map(|site| site.offset).min().unwrap_or(0)
    }

    fn nearest_before(&self, offset: usize) -> Option<usize> {
        let before = self.sites.iter().filter(|site| !site.weak && site.effective <= offset);
        before.map(|site| site.offset).max()
    }
}

impl BindingSite {
    fn may_precede(&self, reference: &Reference) -> bool {
        let shares_loop = reference.outer_loop.is_some() && reference.outer_loop == self.outer_loop;
        shares_loop || self.effective <= reference.span.start
    }
}

fn name_kind(scope: ScopeKind, binding: BindingKind, is_own: bool) -> NameKind {
    match (scope, binding) {
        (_, BindingKind::Import) => NameKind::Import,
        (ScopeKind::Module, _) => NameKind::Global,
        (ScopeKind::Class, _) => NameKind::Class,
        (_, BindingKind::Parameter) if is_own => NameKind::Parameter,
        _ if is_own => NameKind::Local,
        _ => NameKind::Enclosing,
    }
}

#[cfg(test)]
mod tests;
