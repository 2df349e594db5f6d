//! Branches, loops, choices and what meets failures.

use super::{At, Builder, Frame, FrameKind, Jump, Node};
use crate::flow::shape::{Arm, Case, Handler, Loop, Part, Switch, Try};
use crate::flow::{FlowError, FlowKind};

impl<'t> Builder<'t, '_> {
    pub(super) fn branch(&mut self, arms: Vec<Arm<'t>>) -> Result<(), FlowError> {
        let after = self.block();
        let mut open = true;
        for arm in arms {
            if arm.condition.is_empty() {
                self.scoped(|builder| builder.lower_some(arm.body))?;
                self.edge(self.current, after, FlowKind::Next);
                open = false;
                break;
            }
            // Names that the condition binds (`if let`) are known in the body only.
            let mut decided = 0;
            self.scoped(|builder| {
                builder.states(arm.condition)?;
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

    pub(super) fn turn(&mut self, it: Loop<'t>, label: Option<&'t str>) -> Result<(), FlowError> {
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

    pub(super) fn attempt(&mut self, it: Try<'t>) -> Result<(), FlowError> {
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
        it.body.into_iter().try_for_each(|it| self.lower(it))?;
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
            let mut decided = Vec::new();
            let catches_all = handler.catches_all;
            self.scoped(|builder| {
                decided = builder.heads(handler.head)?;
                builder.next(if catches_all { FlowKind::Next } else { FlowKind::True });
                builder.lower_some(handler.body)
            })?;
            self.edge(self.current, done, FlowKind::Next);
            if catches_all {
                return Ok(());
            }
            self.missed(decided);
        }
        self.jump(Jump::Fail, FlowKind::Exception);
        Ok(())
    }

    /// Adds what is compared one after the other, each only if all before it fit; returns the blocks in which it may not.
    fn heads(&mut self, parts: Vec<Part<'t>>) -> Result<Vec<At>, FlowError> {
        let mut decided = Vec::with_capacity(parts.len());
        for part in parts {
            if !decided.is_empty() {
                self.next(FlowKind::True);
            }
            self.state(part)?;
            decided.push(self.current);
        }
        Ok(decided)
    }

    /// Goes on where something did not fit.
    fn missed(&mut self, decided: Vec<At>) {
        self.current = self.block();
        decided.into_iter().for_each(|it| self.edge(it, self.current, FlowKind::False));
    }

    pub(super) fn choose(&mut self, it: Switch<'t>, label: Option<&'t str>) -> Result<(), FlowError> {
        self.states(it.before)?;
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
            if decided.falls { falls = Some(end) } else { self.edge(end, after, FlowKind::Next) }
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
        let falls = case.falls_through;
        let before = self.current;
        let decided = self.heads(case.head)?;
        let body = self.block();
        // A default that compares nothing is entered when all others are through; see `choose`.
        let always = total || case.is_default;
        if !waits {
            self.edge(self.current, body, if always || decided.is_empty() { FlowKind::Next } else { FlowKind::True });
        }
        self.current = body;
        case.body.into_iter().try_for_each(|it| self.lower(it))?;
        self.leave_scope();
        let end = std::mem::replace(&mut self.current, before);
        if !waits {
            self.missed(if always { Vec::new() } else { decided });
        }
        Ok(Decided { body, end, waits, falls })
    }

    pub(super) fn bound(
        &mut self,
        value: Option<Node<'t>>,
        binding: Part<'t>,
        otherwise: Option<Node<'t>>,
    ) -> Result<(), FlowError> {
        self.lower_some(value)?;
        self.state(binding)?;
        let Some(otherwise) = otherwise else { return Ok(()) };
        let decided = self.current;
        self.next(FlowKind::False);
        self.lower(otherwise)?;
        let missed = std::mem::replace(&mut self.current, decided);
        let after = self.next(FlowKind::True);
        self.edge(missed, after, FlowKind::Next);
        Ok(())
    }
}

/// The first and last block of a case's body.
struct Decided {
    body: At,
    end: At,
    /// Whether it is entered only when no other case fits.
    waits: bool,
    /// Whether the next one follows.
    falls: bool,
}
