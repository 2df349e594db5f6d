//! Which names of a function are its own, so that a local variable is never taken for a global of the same name.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{NameId, Receiver, Reference};

/// A scope that is open while the file is walked.
#[derive(Debug, Default)]
pub(super) struct Scope<'t> {
    /// The place of its definition; `None` for the file.
    pub(super) definition: Option<u32>,
    pub(super) kind: ScopeKind,
    /// The names that are bound here, with the class each holds an instance of where that is known.
    bound: FxHashMap<&'t str, Option<String>>,
    /// The names declared global or nonlocal.
    outside: FxHashSet<&'t str>,
    pending: Vec<Pending<'t>>,
    /// In a method: the name of its first parameter.
    pub(super) own_name: Option<&'t str>,
    /// Whether an `assert` statement stands here.
    pub(super) asserts: bool,
}

/// A reference whose first name is not yet known to be local or not.
#[derive(Debug)]
pub(super) struct Pending<'t> {
    pub(super) root: &'t str,
    pub(super) reference: Reference,
    /// Whether the name is taken from `root` itself.
    pub(super) direct: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScopeKind {
    #[default]
    File,
    Class,
    Function,
}

impl<'t> Scope<'t> {
    pub(super) fn new(definition: u32, kind: ScopeKind) -> Scope<'t> {
        Scope { definition: Some(definition), kind, ..Scope::default() }
    }

    /// Notes that `name` is bound, to an instance of `class` if that is known; returns whether it is the first binding.
    pub(super) fn bind(&mut self, name: &'t str, class: Option<String>) -> bool {
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

    pub(super) fn declare_outside(&mut self, name: &'t str) {
        self.outside.insert(name);
    }

    pub(super) fn is_outside(&self, name: &str) -> bool {
        self.outside.contains(name)
    }

    /// Keeps a reference until the scope ends.
    pub(super) fn hold(&mut self, pending: Pending<'t>) {
        self.pending.push(pending);
    }

    /// Ends the scope: references to its own names are settled, the others are handed on.
    pub(super) fn close(
        self,
        settled: &mut Vec<Reference>,
        mut intern: impl FnMut(&str) -> NameId,
    ) -> Vec<Pending<'t>> {
        if self.kind != ScopeKind::Function {
            return self.pending;
        }
        let mut handed_on = Vec::new();
        for mut it in self.pending {
            match self.bound.get(it.root).filter(|_| !self.outside.contains(it.root)) {
                None => handed_on.push(it),
                // A use of a local variable is of no interest to other files.
                Some(_) if it.reference.receiver == Receiver::Bare => {}
                Some(class) => {
                    it.reference.receiver = match class {
                        Some(class) if it.direct => Receiver::Instance(intern(class)),
                        Some(_) | None => Receiver::Unknown,
                    };
                    settled.push(it.reference);
                }
            }
        }
        handed_on
    }
}
