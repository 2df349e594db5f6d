//! From shapes to blocks and edges.

use std::collections::HashMap;

use super::events::{EventKind, events};
use super::shape::{Case, Handler, Loop, Lowering, Mode, Part, Shape, Switch, Try};
use super::{
    Block, Flow, FlowDefinition, FlowEdge, FlowError, FlowKind, FlowUse, MAX_NESTING, MAX_STATEMENTS, Statement, reach,
    tidy,
};
use crate::symbol::LineRange;
use crate::syntax::SyntaxNode;

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
        Builder { lowering, flow, steps, current: 0, frames, scopes, depth: 0, sealed: None, label: None }
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
        if self.flow.statements.len() >= MAX_STATEMENTS {
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
        let declares = kind == EventKind::Declare && self.lowering.has_block_scopes();
        let variable = self.variable(name, declares);
        if matches!(kind, EventKind::Use | EventKind::UseLater) {
            self.flow.uses.push(FlowUse { variable, statement, definitions: Vec::new() });
            let number = self.flow.uses.len() as u32 - 1;
            return if kind == EventKind::Use { Step::Use(number) } else { Step::UseLater(number) };
        }
        let removes = kind == EventKind::Unbind;
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

    fn branch(&mut self, arms: Vec<super::shape::Arm<'t>>) -> Result<(), FlowError> {
        let after = self.block();
        let mut open = true;
        for arm in arms {
            let Some(condition) = arm.condition else {
                self.scoped(|builder| builder.lower_some(arm.body))?;
                self.edge(self.current, after, FlowKind::Next);
                open = false;
                break;
            };
            // Names that the condition binds (`if let`) are known in the body only.
            let mut decided = 0;
            self.scoped(|builder| {
                builder.state(condition)?;
                decided = builder.current;
                builder.next(FlowKind::True);
                builder.lower_some(arm.body)
            })?;
            self.edge(self.current, after, FlowKind::Next);
            self.current = decided;
            self.next(FlowKind::False);
        }
        if open {
            self.edge(self.current, after, FlowKind::Next);
        }
        self.current = after;
        Ok(())
    }

    fn turn(&mut self, it: Loop<'t>, label: Option<&'t str>) -> Result<(), FlowError> {
        self.states(it.before)?;
        let is_endless = it.condition.is_none() && it.each.is_none();
        let head = self.next(FlowKind::Next);
        let (after, again) = (self.block(), self.block());
        if !it.body_first {
            self.test(it.condition)?;
        }
        let tested = self.current;
        let kind = if is_endless || it.body_first { FlowKind::Next } else { FlowKind::True };
        self.next(kind);
        self.frames.push(Frame { kind: FrameKind::Breakable { again: Some(again), after }, label });
        if let Some(each) = it.each {
            self.state(each)?;
        }
        self.lower_some(it.body)?;
        self.frames.pop();
        self.edge(self.current, again, FlowKind::Next);
        self.current = again;
        self.states(it.step)?;
        if it.body_first && !is_endless {
            self.test(it.condition)?;
            self.edge(self.current, head, FlowKind::Loop);
            self.edge(self.current, after, FlowKind::False);
            self.current = after;
            return Ok(());
        }
        self.edge(self.current, head, FlowKind::Loop);
        if !is_endless {
            self.current = tested;
            self.next(FlowKind::False);
            self.lower_some(it.otherwise)?;
            self.edge(self.current, after, FlowKind::Next);
        }
        self.current = after;
        Ok(())
    }

    fn test(&mut self, condition: Option<Part<'t>>) -> Result<(), FlowError> {
        condition.map_or(Ok(()), |it| self.state(it))
    }

    fn attempt(&mut self, it: Try<'t>) -> Result<(), FlowError> {
        let after = self.block();
        let finally = it.finally.map(|body| (body, self.block()));
        if let Some((_, entry)) = finally {
            self.frames.push(Frame { kind: FrameKind::Finally { entry, passing: Vec::new() }, label: None });
        }
        // The body starts a block, so that failing in it is told from what stood before.
        self.next(FlowKind::Next);
        let handlers = (!it.handlers.is_empty()).then(|| self.block());
        if let Some(handlers) = handlers {
            self.frames.push(Frame { kind: FrameKind::Catch { handlers }, label: None });
        }
        self.states(it.resources)?;
        self.lower_some(it.body)?;
        if handlers.is_some() {
            self.frames.pop();
        }
        self.lower_some(it.otherwise)?;
        let done = finally.map_or(after, |it| it.1);
        self.edge(self.current, done, FlowKind::Next);
        if let Some(handlers) = handlers {
            self.current = handlers;
            self.handle(it.handlers, done)?;
        }
        if let Some((body, entry)) = finally {
            let passing = match self.frames.pop() {
                Some(Frame { kind: FrameKind::Finally { passing, .. }, .. }) => passing,
                _ => Vec::new(),
            };
            self.current = entry;
            self.lower(body)?;
            self.edge(self.current, after, FlowKind::Next);
            passing.into_iter().for_each(|(jump, kind)| self.jump(jump, kind));
        }
        self.current = after;
        Ok(())
    }

    /// Handlers are tried one after the other, from the current block on.
    fn handle(&mut self, handlers: Vec<Handler<'t>>, done: At) -> Result<(), FlowError> {
        for handler in handlers {
            let mut decided = 0;
            let catches_all = handler.catches_all;
            self.scoped(|builder| {
                builder.states(handler.head)?;
                decided = builder.current;
                builder.next(if catches_all { FlowKind::Next } else { FlowKind::True });
                builder.lower_some(handler.body)
            })?;
            self.edge(self.current, done, FlowKind::Next);
            if catches_all {
                return Ok(());
            }
            self.current = decided;
            self.next(FlowKind::False);
        }
        self.jump(Jump::Fail, FlowKind::Exception);
        Ok(())
    }

    fn choose(&mut self, it: Switch<'t>, label: Option<&'t str>) -> Result<(), FlowError> {
        self.test(it.value)?;
        let after = self.block();
        let has_frame = it.takes_breaks || label.is_some();
        if has_frame {
            self.frames.push(Frame { kind: FrameKind::Breakable { again: None, after }, label });
        }
        let mut falls: Option<At> = None;
        let mut default: Option<At> = None;
        let last = it.cases.len().saturating_sub(1);
        for (at, case) in it.cases.into_iter().enumerate() {
            let total = it.is_total && at == last;
            let decided = self.case(case, total)?;
            if let Some(before) = falls.take() {
                self.edge(before, decided.body, FlowKind::Next);
            }
            if decided.waits {
                default = Some(decided.body);
            }
            let end = decided.end;
            if it.falls_through { falls = Some(end) } else { self.edge(end, after, FlowKind::Next) }
        }
        if let Some(end) = falls {
            self.edge(end, after, FlowKind::Next);
        }
        // When no case fits, a default is taken wherever it stands.
        self.edge(self.current, default.unwrap_or(after), FlowKind::Next);
        if has_frame {
            self.frames.pop();
        }
        self.current = after;
        Ok(())
    }

    /// Lowers one case. Afterwards the current block is the one in which the next case is compared.
    fn case(&mut self, case: Case<'t>, total: bool) -> Result<Decided, FlowError> {
        self.enter_scope();
        let waits = case.is_default && case.head.is_empty();
        self.states(case.head)?;
        let decided = self.current;
        let body = self.block();
        // A default that compares nothing is entered when all others are through; see `choose`.
        let always = total || case.is_default;
        if !waits {
            self.edge(decided, body, if always { FlowKind::Next } else { FlowKind::True });
        }
        self.current = body;
        case.body.into_iter().try_for_each(|it| self.lower(it))?;
        self.leave_scope();
        let end = std::mem::replace(&mut self.current, decided);
        if !waits {
            if always {
                self.after_jump();
            } else {
                self.next(FlowKind::False);
            }
        }
        Ok(Decided { body, end, waits })
    }

    fn labelled(&mut self, label: &'t str, body: Node<'t>) -> Result<(), FlowError> {
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

/// The first and last block of a case's body.
struct Decided {
    body: At,
    end: At,
    /// Whether it is entered only when no other case fits.
    waits: bool,
}
