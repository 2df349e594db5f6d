//! From shapes to blocks and edges.

use std::collections::HashMap;

use super::events::{EventKind, events};
use super::shape::{Lowering, Mode, Part, Shape};
use super::{
    Block, Flow, FlowDefinition, FlowEdge, FlowError, FlowKind, FlowUse, MAX_DEFINITIONS, MAX_NESTING, MAX_STATEMENTS,
    Statement, reach, tidy,
};
use crate::symbol::LineRange;
use crate::syntax::SyntaxNode;

mod compound;

type Node<'t> = SyntaxNode<'t>;

/// Number of a block.
type At = u32;

const EXIT: At = 1;

/// What a statement does to variables: places in [`Flow::uses`] and [`Flow::definitions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Use(u32),
    /// A use in a function that runs at any time after.
    UseLater(u32),
    Define(u32),
}

pub(super) fn flow(function: Node<'_>, lowering: &dyn Lowering) -> Result<Flow, FlowError> {
    flow_with_steps(function, lowering).map(|it| it.0)
}

/// Returns with the views what each statement does, in the order of evaluation.
pub(super) fn flow_with_steps(
    function: Node<'_>,
    lowering: &dyn Lowering,
) -> Result<(Flow, Vec<Vec<Step>>), FlowError> {
    let mut builder = Builder::new(function, lowering);
    builder.enter_scope();
    if let Some(parameters) = lowering.parameters(function) {
        builder.state(Part::declare(parameters))?;
    }
    let first = builder.block();
    builder.edge(builder.current, first, FlowKind::Next);
    builder.current = first;
    if let Some(body) = lowering.body(function) {
        builder.lower(body)?;
    }
    builder.edge(builder.current, EXIT, FlowKind::Next);
    Ok(builder.finish())
}

/// A place to which a jump inside may lead.
struct Frame<'t> {
    kind: FrameKind,
    label: Option<&'t str>,
}

enum FrameKind {
    /// A loop, or with no way back a switch or labelled statement.
    Breakable { again: Option<At>, after: At },
    /// Failures go to the handlers.
    Catch { handlers: At },
    /// Everything that leaves passes here, and then goes on where it meant to go.
    Finally { entry: At, passing: Vec<(Jump, FlowKind)> },
}

/// Where a jump goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jump {
    /// To a block; the number is of frames that are left in place.
    To(At, usize),
    /// To the nearest handler, or out.
    Fail,
    /// Out.
    Leave,
}

struct Builder<'t, 'l> {
    lowering: &'l dyn Lowering,
    flow: Flow,
    steps: Vec<Vec<Step>>,
    current: At,
    frames: Vec<Frame<'t>>,
    scopes: Vec<HashMap<&'t str, u32>>,
    depth: usize,
    /// A block to which nothing may be added.
    sealed: Option<At>,
    /// The blocks at which labelled statements begin.
    labels: HashMap<&'t str, At>,
    /// The label that the next loop or switch has.
    label: Option<&'t str>,
}

impl<'t, 'l> Builder<'t, 'l> {
    fn new(function: Node<'t>, lowering: &'l dyn Lowering) -> Builder<'t, 'l> {
        let lines = LineRange { start: function.start_line() as u32, end: function.end_line() as u32 };
        let flow = Flow {
            name: lowering.name(function).to_owned(),
            lines,
            blocks: vec![Block::default(), Block::default()],
            edges: Vec::new(),
            statements: Vec::new(),
            variables: Vec::new(),
            definitions: Vec::new(),
            uses: Vec::new(),
        };
        let (steps, frames, scopes) = (Vec::new(), Vec::new(), Vec::new());
        Builder {
            lowering,
            flow,
            steps,
            current: 0,
            frames,
            scopes,
            depth: 0,
            sealed: None,
            labels: HashMap::new(),
            label: None,
        }
    }

    fn finish(mut self) -> (Flow, Vec<Vec<Step>>) {
        tidy::tidy(&mut self.flow);
        reach::link(&mut self.flow, &self.steps);
        (self.flow, self.steps)
    }

    fn block(&mut self) -> At {
        self.flow.blocks.push(Block::default());
        self.flow.blocks.len() as At - 1
    }

    fn edge(&mut self, from: At, to: At, kind: FlowKind) {
        self.flow.edges.push(FlowEdge { from, to, kind });
    }

    /// Goes on in a new block that is entered from here.
    fn next(&mut self, kind: FlowKind) -> At {
        let block = self.block();
        self.edge(self.current, block, kind);
        self.current = block;
        block
    }

    fn enter_scope(&mut self) {
        self.scopes.push(HashMap::new());
    }

    fn leave_scope(&mut self) {
        self.scopes.pop();
    }

    fn is_guarded(&self) -> bool {
        self.frames.iter().any(|it| matches!(it.kind, FrameKind::Catch { .. } | FrameKind::Finally { .. }))
    }

    /// Adds a statement that may fail where failures are met, or that may leave by itself; it ends its block, so that what happened before
    /// it is exact.
    fn state(&mut self, part: Part<'t>) -> Result<(), FlowError> {
        let fails = self.is_guarded() || (part.mode == Mode::Read && self.lowering.may_leave(part.node));
        if fails && !self.flow.blocks[self.current as usize].statements.is_empty() {
            self.next(FlowKind::Next);
        }
        self.state_safely(part)?;
        if fails {
            self.jump(Jump::Fail, FlowKind::Exception);
            self.sealed = Some(self.current);
        }
        Ok(())
    }

    /// Adds a statement that cannot fail to the current block.
    fn state_safely(&mut self, part: Part<'t>) -> Result<(), FlowError> {
        if self.flow.statements.len() >= MAX_STATEMENTS || self.flow.definitions.len() >= MAX_DEFINITIONS {
            return Err(FlowError::TooLarge);
        }
        if self.sealed == Some(self.current) {
            self.next(FlowKind::Next);
        }
        let number = self.flow.statements.len() as u32;
        let (span, line) = (part.node.span(), part.node.start_line() as u32);
        self.flow.statements.push(Statement { span, line });
        self.flow.blocks[self.current as usize].statements.push(number);
        self.steps.push(Vec::new());
        for event in events(self.lowering, part) {
            let step = self.step(event.name, event.kind, event.sure, number);
            self.steps[number as usize].push(step);
        }
        Ok(())
    }

    fn step(&mut self, name: &'t str, kind: EventKind, sure: bool, statement: u32) -> Step {
        let declares = matches!(kind, EventKind::Declare | EventKind::Announce) && self.lowering.has_block_scopes();
        let variable = self.variable(name, declares);
        if matches!(kind, EventKind::Use | EventKind::UseLater) {
            self.flow.uses.push(FlowUse { variable, statement, definitions: Vec::new() });
            let number = self.flow.uses.len() as u32 - 1;
            return if kind == EventKind::Use { Step::Use(number) } else { Step::UseLater(number) };
        }
        let removes = matches!(kind, EventKind::Unbind | EventKind::Announce);
        self.flow.definitions.push(FlowDefinition { variable, statement, sure, removes });
        Step::Define(self.flow.definitions.len() as u32 - 1)
    }

    fn variable(&mut self, name: &'t str, declares: bool) -> u32 {
        let known = self.scopes.iter().rev().find_map(|it| it.get(name).copied());
        let innermost = self.scopes.len().saturating_sub(1);
        // A name that nothing declared belongs to the function.
        let place = if declares { innermost } else { 0 };
        let declared_here = self.scopes.get(place).and_then(|it| it.get(name).copied());
        match (known, declares) {
            (Some(known), false) => known,
            // A function made before read a name that is declared only now.
            (Some(known), true) if declared_here.is_none() && self.is_only_read(name, known) => {
                self.scopes[0].remove(name);
                self.scopes[innermost].insert(name, known);
                known
            }
            // A second declaration in one scope is a redeclaration, as in Rust; both are told apart by their definitions.
            _ => declared_here.unwrap_or_else(|| {
                self.flow.variables.push(name.to_owned());
                let number = self.flow.variables.len() as u32 - 1;
                if let Some(scope) = self.scopes.get_mut(place) {
                    scope.insert(name, number);
                }
                number
            }),
        }
    }

    /// Whether a name was met but neither declared nor given a value so far.
    fn is_only_read(&self, name: &str, variable: u32) -> bool {
        self.scopes.first().is_some_and(|it| it.get(name) == Some(&variable))
            && !self.flow.definitions.iter().any(|it| it.variable == variable)
    }

    /// Leaves the current block for where `jump` goes, through every `finally` on the way.
    fn jump(&mut self, jump: Jump, kind: FlowKind) {
        let from = self.current;
        let kept = match jump {
            Jump::To(_, kept) => kept,
            Jump::Fail | Jump::Leave => 0,
        };
        for at in (kept..self.frames.len()).rev() {
            match &mut self.frames[at].kind {
                FrameKind::Finally { entry, passing } => {
                    let entry = *entry;
                    if !passing.contains(&(jump, kind)) {
                        passing.push((jump, kind));
                    }
                    return self.edge(from, entry, kind);
                }
                FrameKind::Catch { handlers } if jump == Jump::Fail => {
                    let handlers = *handlers;
                    return self.edge(from, handlers, kind);
                }
                FrameKind::Catch { .. } | FrameKind::Breakable { .. } => {}
            }
        }
        let to = if let Jump::To(block, _) = jump { block } else { EXIT };
        self.edge(from, to, kind);
    }

    /// What follows a jump is reached by nobody, but is there.
    fn after_jump(&mut self) {
        self.current = self.block();
    }

    fn lower(&mut self, node: Node<'t>) -> Result<(), FlowError> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(FlowError::TooLarge);
        }
        let label = self.label.take();
        match self.lowering.shape(node) {
            Shape::Nothing => {}
            Shape::Simple(node) => self.state(Part::read(node))?,
            Shape::Sequence(nodes) => self.sequence(nodes)?,
            Shape::Branch(arms) => self.branch(arms)?,
            Shape::Loop(it) => self.scoped(|builder| builder.turn(it, label))?,
            Shape::Try(it) => self.scoped(|builder| builder.attempt(it))?,
            Shape::With { head, body } => self.scoped(|builder| {
                builder.states(head)?;
                builder.lower_some(body)
            })?,
            Shape::Switch(it) => self.scoped(|builder| builder.choose(it, label))?,
            Shape::Return(node) => {
                self.state(Part::read(node))?;
                self.jump(Jump::Leave, FlowKind::Return);
                self.after_jump();
            }
            Shape::Raise(node) => {
                self.state(Part::read(node))?;
                self.jump(Jump::Fail, FlowKind::Exception);
                self.after_jump();
            }
            Shape::Break { node, label } => self.leave(node, label, Way::Out)?,
            Shape::Continue { node, label } => self.leave(node, label, Way::Again)?,
            Shape::LabelledLoop { label, turn } => self.scoped(|builder| builder.turn(turn, Some(label)))?,
            Shape::Bound { value, binding, otherwise } => self.bound(value, binding, otherwise)?,
            Shape::Goto { node, label } => {
                self.state_safely(Part::read(node))?;
                let to = self.named_block(label);
                self.jump(Jump::To(to, self.frames.len()), FlowKind::Next);
                self.after_jump();
            }
            Shape::Labelled { label, body } => self.labelled(label, body)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn lower_some(&mut self, node: Option<Node<'t>>) -> Result<(), FlowError> {
        node.map_or(Ok(()), |it| self.lower(it))
    }

    fn scoped(&mut self, work: impl FnOnce(&mut Self) -> Result<(), FlowError>) -> Result<(), FlowError> {
        self.enter_scope();
        work(self)?;
        self.leave_scope();
        Ok(())
    }

    fn sequence(&mut self, nodes: Vec<Node<'t>>) -> Result<(), FlowError> {
        self.scoped(|builder| nodes.into_iter().try_for_each(|it| builder.lower(it)))
    }

    fn states(&mut self, parts: Vec<Part<'t>>) -> Result<(), FlowError> {
        parts.into_iter().try_for_each(|it| self.state(it))
    }

    /// Returns the block that a label names, wherever it stands.
    fn named_block(&mut self, label: &'t str) -> At {
        if let Some(known) = self.labels.get(label) {
            return *known;
        }
        let block = self.block();
        self.labels.insert(label, block);
        block
    }

    fn labelled(&mut self, label: &'t str, body: Node<'t>) -> Result<(), FlowError> {
        let named = self.named_block(label);
        self.edge(self.current, named, FlowKind::Next);
        self.current = named;
        let takes_label = matches!(self.lowering.shape(body), Shape::Loop(_) | Shape::Switch(_));
        if takes_label {
            self.label = Some(label);
            return self.lower(body);
        }
        let after = self.block();
        self.frames.push(Frame { kind: FrameKind::Breakable { again: None, after }, label: Some(label) });
        self.lower(body)?;
        self.frames.pop();
        self.edge(self.current, after, FlowKind::Next);
        self.current = after;
        Ok(())
    }

    fn leave(&mut self, node: Node<'t>, label: Option<&'t str>, way: Way) -> Result<(), FlowError> {
        self.state_safely(Part::read(node))?;
        let target = self.frames.iter().enumerate().rev().find_map(|(at, frame)| {
            let FrameKind::Breakable { again, after } = frame.kind else { return None };
            let fits = match label {
                Some(label) => frame.label == Some(label),
                // Only what repeats or chooses is left without a name.
                None => again.is_some() || (way == Way::Out && frame.label.is_none()),
            };
            let to = if way == Way::Out { Some(after) } else { again };
            to.filter(|_| fits).map(|to| (at, to))
        });
        match target {
            Some((at, to)) => self.jump(Jump::To(to, at), FlowKind::Next),
            // Broken code: a jump to nowhere ends the function.
            None => self.jump(Jump::Leave, FlowKind::Return),
        }
        self.after_jump();
        Ok(())
    }
}

/// Whether a loop is left or gone round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    Again,
}
