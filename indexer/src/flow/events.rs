//! From a node to what it reads and binds, in the order of evaluation.

use std::collections::BTreeSet;

use super::shape::{Expression, Lowering, Mode, Part, Runs, Scope, Target};

/// One read or write of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event<'t> {
    pub(super) name: &'t str,
    pub(super) kind: EventKind,
    /// Whether it happens whenever the statement runs to its end.
    pub(super) sure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventKind {
    Use,
    /// Of a function that may run at any time after.
    UseLater,
    Bind,
    Declare,
    /// A declaration without a value.
    Announce,
    Unbind,
}

enum Task<'t> {
    Take(Part<'t>),
    /// Binds after what stood before it in the stack was done.
    Emit(Event<'t>),
    /// Captures a scope.
    Enter(Scope<'t>, bool),
}

/// Returns the events of a part. The stack is explicit: expressions nest as deep as their writers like.
pub(super) fn events<'t>(lowering: &dyn Lowering, part: Part<'t>) -> Vec<Event<'t>> {
    collect(lowering, vec![part], Nested::Captured)
}

/// What becomes of scopes inside of the nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nested {
    /// Only what they take from outside counts.
    Captured,
    /// They are part of the scope that is being captured.
    Flat,
}

fn collect<'t>(lowering: &dyn Lowering, parts: Vec<Part<'t>>, nested: Nested) -> Vec<Event<'t>> {
    let mut found = Vec::new();
    let mut stack: Vec<Task<'t>> = parts.into_iter().rev().map(Task::Take).collect();
    while let Some(task) = stack.pop() {
        match task {
            Task::Emit(event) => found.push(event),
            Task::Enter(scope, sure) => match nested {
                Nested::Captured => found.extend(captured(lowering, scope, sure)),
                Nested::Flat => push(&mut stack, scope.parts, sure),
            },
            Task::Take(part) if part.mode == Mode::Read => {
                let expression = lowering.expression(part.node);
                read(part, expression, &mut stack, &mut found);
            }
            Task::Take(part) => bind(lowering, part, &mut stack, &mut found),
        }
    }
    found
}

fn read<'t>(part: Part<'t>, expression: Expression<'t>, stack: &mut Vec<Task<'t>>, found: &mut Vec<Event<'t>>) {
    let sure = !part.sometimes;
    if expression.is_name {
        found.push(Event { name: part.node.text(), kind: EventKind::Use, sure });
        return;
    }
    push(stack, expression.after, sure);
    stack.extend(expression.scope.map(|it| Task::Enter(it, sure)));
    push(stack, expression.parts, sure);
}

/// Puts parts on the stack so that the first is taken first.
fn push<'t>(stack: &mut Vec<Task<'t>>, parts: Vec<Part<'t>>, sure: bool) {
    let parts = parts.into_iter().rev();
    stack.extend(parts.map(|it| Task::Take(Part { sometimes: it.sometimes || !sure, ..it })));
}

fn bind<'t>(lowering: &dyn Lowering, part: Part<'t>, stack: &mut Vec<Task<'t>>, found: &mut Vec<Event<'t>>) {
    let sure = !part.sometimes;
    match lowering.target(part.node, part.mode) {
        Target::Read => stack.push(Task::Take(Part { mode: Mode::Read, ..part })),
        Target::Parts(parts) => push(stack, parts, sure),
        Target::Name => {
            let name = part.node.text();
            let event = |kind| Event { name, kind, sure };
            match part.mode {
                Mode::Read => found.push(event(EventKind::Use)),
                Mode::Bind => found.push(event(EventKind::Bind)),
                Mode::Declare => found.push(event(EventKind::Declare)),
                Mode::Announce => found.push(event(EventKind::Announce)),
                Mode::Unbind => found.push(event(EventKind::Unbind)),
                Mode::Update => {
                    found.push(event(EventKind::Use));
                    stack.push(Task::Emit(event(EventKind::Bind)));
                }
            }
        }
    }
}

/// Returns what a scope takes from outside: the names it reads but does not bind, and those it binds but does not own.
fn captured<'t>(lowering: &dyn Lowering, scope: Scope<'t>, sure: bool) -> Vec<Event<'t>> {
    let (owns_all, runs) = (scope.owns_all, scope.runs);
    let inside = collect(lowering, scope.parts, Nested::Flat);
    let owned = |it: &&Event<'t>| match it.kind {
        EventKind::Declare | EventKind::Announce => true,
        EventKind::Bind | EventKind::Unbind => owns_all,
        EventKind::Use | EventKind::UseLater => false,
    };
    let own: BTreeSet<&str> = inside.iter().filter(owned).map(|it| it.name).collect();
    let mut seen = BTreeSet::new();
    let outside = inside.into_iter().filter(|it| !own.contains(it.name) && seen.insert((it.name, it.kind)));
    // How often the scope runs is not known here.
    let outside = outside.map(|it| Event { sure: sure && it.kind == EventKind::Use, ..it });
    match runs {
        Runs::Now => outside.collect(),
        Runs::Later => outside.map(later).collect(),
    }
}

fn later(event: Event<'_>) -> Event<'_> {
    match event.kind {
        EventKind::Use => Event { kind: EventKind::UseLater, ..event },
        _ => event,
    }
}
