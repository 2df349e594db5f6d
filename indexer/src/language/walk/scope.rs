//! Which names of a function are its own, so that a local variable is never taken for a global of the same name.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{NameId, Receiver, Reference, Usage};

/// A scope that is open while the file is walked.
#[derive(Debug, Default)]
pub(in crate::language) struct Scope<'t> {
    /// The place of the innermost definition; `None` for the file.
    pub(in crate::language) definition: Option<u32>,
    pub(in crate::language) kind: ScopeKind,
    /// The names that are bound here, with the class each holds an instance of where that is known.
    bound: FxHashMap<&'t str, Option<String>>,
    /// The names declared global or nonlocal.
    outside: FxHashSet<&'t str>,
    /// Names that mean nothing outside, whatever the scope: type parameters.
    hidden: FxHashSet<&'t str>,
    pending: Vec<Pending<'t>>,
    /// The name of the own instance where the code chooses it: in a Python method, the first parameter.
    pub(in crate::language) own_name: Option<&'t str>,
    /// What qualifies the definitions made here beside [`Scope::definition`], which may be elsewhere: the type of a Rust `impl`.
    pub(in crate::language) owner: Option<String>,
    /// In a class: whether its members are meant by their bare names, without a word for the own instance.
    pub(in crate::language) implicit_own: bool,
    /// What the language wants to know of it at its end, such as whether it asserts.
    pub(in crate::language) marked: bool,
}

/// A reference whose first name is not yet known to be local or not.
#[derive(Debug)]
pub(in crate::language) struct Pending<'t> {
    pub(in crate::language) root: Cow<'t, str>,
    pub(in crate::language) reference: Reference,
    /// Whether the name is taken from `root` itself.
    pub(in crate::language) direct: bool,
    /// Whether it stands in a class further in, whose own instance is another.
    pub(in crate::language) crossed: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::language) enum ScopeKind {
    #[default]
    File,
    Class,
    Function,
    /// A function without a name, which makes no definition; its own names are as local as those of a function.
    Anonymous,
}

impl<'t> Scope<'t> {
    pub(in crate::language) fn new(definition: u32, kind: ScopeKind) -> Scope<'t> {
        Scope { definition: Some(definition), kind, ..Scope::default() }
    }

    /// Says that members are meant by their bare names.
    pub(in crate::language) fn with_implicit_own(self) -> Scope<'t> {
        Scope { implicit_own: true, ..self }
    }

    /// A function without a name inside the definition at `within`.
    pub(in crate::language) fn anonymous(within: Option<u32>, own_name: Option<&'t str>) -> Scope<'t> {
        Scope { definition: within, kind: ScopeKind::Anonymous, own_name, ..Scope::default() }
    }

    /// The body of a type whose definition may be elsewhere: the type's path qualifies what is defined here.
    pub(in crate::language) fn owned_by(owner: impl Into<String>, within: Option<u32>) -> Scope<'t> {
        Scope { definition: within, kind: ScopeKind::Class, owner: Some(owner.into()), ..Scope::default() }
    }

    /// The body of a class without a name.
    pub(in crate::language) fn owned_by_nothing(within: Option<u32>) -> Scope<'t> {
        Scope { definition: within, kind: ScopeKind::Class, ..Scope::default() }
    }

    /// Returns whether `name` is bound here.
    pub(in crate::language) fn binds(&self, name: &str) -> bool {
        self.bound.contains_key(name)
    }

    /// Notes that `name` is bound, to an instance of `class` if that is known; returns whether it is the first binding.
    pub(in crate::language) fn bind(&mut self, name: &'t str, class: Option<String>) -> bool {
        let class = class.filter(|it| !self.hidden.contains(it.as_str()));
        match self.bound.get_mut(name) {
            None => {
                self.bound.insert(name, class);
                true
            }
            Some(known) => {
                // Bound to different things: nothing is known.
                if *known != class {
                    *known = None;
                }
                false
            }
        }
    }

    /// Returns the class that a name bound here holds an instance of, where it is known.
    pub(super) fn class_bound(&self, name: &str) -> Option<Option<String>> {
        self.bound.get(name).filter(|_| !self.outside.contains(name)).cloned()
    }

    pub(in crate::language) fn declare_outside(&mut self, name: &'t str) {
        self.outside.insert(name);
    }

    pub(in crate::language) fn is_outside(&self, name: &str) -> bool {
        self.outside.contains(name)
    }

    /// Notes a name that means nothing outside of the scope, even if that is a class.
    pub(in crate::language) fn hide(&mut self, name: &'t str) {
        self.hidden.insert(name);
    }

    /// Returns whether a name means nothing outside of the scope.
    pub(in crate::language) fn hides(&self, name: &str) -> bool {
        self.hidden.contains(name)
    }

    /// Keeps a reference until the scope ends.
    pub(in crate::language) fn hold(&mut self, pending: Pending<'t>) {
        self.pending.push(pending);
    }

    /// Ends the scope: references to its own names are settled, the others are handed on. `intern` gives the name of a class, or of what a
    /// path that begins with a name of the scope leads to from the class.
    pub(in crate::language) fn close(
        mut self,
        settled: &mut Vec<Reference>,
        intern: impl FnMut(&str, Option<NameId>) -> Option<NameId>,
    ) -> Vec<Pending<'t>> {
        if !self.hidden.is_empty() {
            self.pending.retain(|it| !self.hidden.contains(it.root.as_ref()));
        }
        match self.kind {
            ScopeKind::File => return self.pending,
            ScopeKind::Class => return self.close_class(settled, intern),
            ScopeKind::Function | ScopeKind::Anonymous => {}
        }
        let mut intern = intern;
        let mut handed_on = Vec::new();
        for mut it in self.pending {
            match self.bound.get(it.root.as_ref()).filter(|_| !self.outside.contains(it.root.as_ref())) {
                None => handed_on.push(it),
                // A use of a local variable is of no interest to other files.
                Some(_) if it.reference.receiver == Receiver::Bare => {}
                Some(class) => {
                    let held = match (it.reference.receiver, class) {
                        (_, Some(class)) if it.direct => intern(class, None),
                        (Receiver::Path(path), Some(class)) => intern(class, Some(path)),
                        _ => None,
                    };
                    it.reference.receiver = held.map_or(Receiver::Unknown, Receiver::Instance);
                    settled.push(it.reference);
                }
            }
        }
        handed_on
    }

    /// Ends a class: where its members need no word for the own instance, what bears the name of one is one.
    fn close_class(
        self,
        settled: &mut Vec<Reference>,
        mut intern: impl FnMut(&str, Option<NameId>) -> Option<NameId>,
    ) -> Vec<Pending<'t>> {
        let mut handed_on = Vec::new();
        for mut it in self.pending {
            let is_own = self.implicit_own && !it.crossed && self.bound.contains_key(it.root.as_ref());
            match it.reference.receiver {
                // A property may be called like its type, which is no member.
                Receiver::Bare if is_own && it.reference.usage != Usage::Type => it.reference.receiver = Receiver::Own,
                Receiver::Path(_) if is_own && it.direct => {
                    it.reference.receiver = intern(&it.root, None).map_or(Receiver::Unknown, Receiver::OwnField)
                }
                Receiver::Path(_) if is_own => it.reference.receiver = Receiver::Unknown,
                _ => {
                    handed_on.push(Pending { crossed: true, ..it });
                    continue;
                }
            }
            settled.push(it.reference);
        }
        handed_on
    }
}
