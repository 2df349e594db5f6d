//! Of what class a value is, as far as declarations tell: what variables and fields hold, and what functions say that they return.
//!
//! A value is written as a path in which `()` behind a name calls it: `store.Open().conn`. A number behind a call takes that one of several
//! results.

use crate::graph::lookup::{Lookup, Place, Target, Trail};
use crate::symbol::{Form, SymbolId};

/// Words that a function says it returns its own class with.
const OWN: &[&str] = &["Self", "self", "static", "this"];

/// The class of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Class(SymbolId),
    /// A class from elsewhere: nothing of ours can be taken from it.
    Elsewhere,
    Unknown,
}

impl Held {
    pub(super) fn class(self) -> Option<SymbolId> {
        match self {
            Held::Class(it) => Some(it),
            Held::Elsewhere | Held::Unknown => None,
        }
    }
}

impl Lookup<'_> {
    /// Returns the class of what a path of names and calls leads to; a class stands for its instance.
    pub(super) fn held(&self, place: Place, path: &str, trail: Trail) -> Held {
        if trail.is_lost() {
            return Held::Unknown;
        }
        let is_called = path.contains('(');
        let mut steps = path.split('.').map(Step::of);
        let Some(first) = steps.next() else { return Held::Unknown };
        let Some(start) = self.name(place, first.name, trail.step()) else {
            // What is only written as a class and is not known is from elsewhere.
            return if is_called { Held::Unknown } else { Held::Elsewhere };
        };
        if start == Target::Foreign && !is_called {
            return Held::Elsewhere;
        }
        let mut reached = self.call(start, &first, trail);
        for step in steps {
            match self.step(reached, &step, trail) {
                Some(it) => reached = it,
                None if matches!(reached, Reached::Target(Target::Unit(_))) => return Held::Elsewhere,
                None => return Held::Unknown,
            }
        }
        match self.end(reached, trail) {
            // A global that stands where a class is meant is one that is made elsewhere.
            Held::Unknown if !is_called && self.is_global(reached) => Held::Elsewhere,
            held => held,
        }
    }

    fn is_global(&self, reached: Reached) -> bool {
        let Reached::Target(Target::Symbol(id)) = reached else { return false };
        self.inventory.symbols.get(id.0 as usize).is_some_and(|it| it.parent.is_none() && it.owner().is_none())
    }

    /// Returns what a name taken from what was reached leads to; nothing where that is known and lacks it.
    fn step(&self, from: Reached, step: &Step<'_>, trail: Trail) -> Option<Reached> {
        let target = match from {
            Reached::Target(it) => it,
            Reached::Value(Held::Class(it)) => Target::Symbol(it),
            Reached::Value(it) => return Some(Reached::Value(it)),
        };
        let found = self.member_of(target, step.name, trail.step())?;
        Some(self.call(found, step, trail))
    }

    fn call(&self, target: Target, step: &Step<'_>, trail: Trail) -> Reached {
        match target {
            Target::Symbol(id) if step.is_called => Reached::Value(self.returned(id, step.result, trail)),
            Target::Foreign => Reached::Value(Held::Unknown),
            Target::Symbol(_) | Target::Unit(_) => Reached::Target(target),
        }
    }

    fn end(&self, reached: Reached, trail: Trail) -> Held {
        match reached {
            Reached::Value(it) => it,
            Reached::Target(Target::Symbol(id)) => self.value_of(id, trail),
            Reached::Target(Target::Unit(_) | Target::Foreign) => Held::Elsewhere,
        }
    }

    /// Returns the class of what a definition is the name of.
    fn value_of(&self, id: SymbolId, trail: Trail) -> Held {
        if self.is_class(id) { Held::Class(id) } else { self.held_by(id, trail) }
    }

    /// Returns the class that a call of a definition gives an instance of.
    fn returned(&self, id: SymbolId, result: usize, trail: Trail) -> Held {
        if self.is_class(id) {
            return Held::Class(id);
        }
        match self.inventory.symbols.get(id.0 as usize) {
            Some(it) if it.form == Form::Constructor => self.class_of(id).map_or(Held::Unknown, Held::Class),
            Some(it) if it.kind.is_callable() => self.said(id, result, trail),
            // What a variable or field holds when it is called may be anything.
            Some(_) | None => Held::Unknown,
        }
    }

    /// Returns the class of which a variable, field or property holds an instance.
    pub(super) fn held_by(&self, id: SymbolId, trail: Trail) -> Held {
        let Some(symbol) = self.inventory.symbols.get(id.0 as usize) else { return Held::Unknown };
        let is_function = symbol.kind.is_callable() && symbol.form != Form::Accessor;
        if is_function { Held::Unknown } else { self.said(id, 0, trail) }
    }

    /// Returns the class that a definition says it holds or returns.
    fn said(&self, id: SymbolId, result: usize, trail: Trail) -> Held {
        let Some(symbol) = self.inventory.symbols.get(id.0 as usize) else { return Held::Unknown };
        match symbol.instance_of().and_then(|it| it.split(',').nth(result)) {
            None | Some("") => Held::Unknown,
            Some(it) if OWN.contains(&it) => self.class_of(id).map_or(Held::Unknown, Held::Class),
            Some(it) => self.held(self.place(symbol.file, Some(id)), it, trail.step()),
        }
    }
}

/// What a part of a path leads to: something that has a name, or a value of a class.
#[derive(Clone, Copy)]
enum Reached {
    Target(Target),
    Value(Held),
}

/// One part of a path.
#[derive(Clone, Copy)]
struct Step<'p> {
    name: &'p str,
    is_called: bool,
    /// Which of several results is meant.
    result: usize,
}

impl<'p> Step<'p> {
    fn of(part: &'p str) -> Step<'p> {
        match part.split_once("()") {
            Some((name, result)) => Step { name, is_called: true, result: result.parse().unwrap_or(0) },
            None => Step { name: part, is_called: false, result: 0 },
        }
    }
}
