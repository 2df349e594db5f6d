//! What may go wrong on the wire, and when.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// Which requests a fault is for: all conditions hold.
#[derive(Debug, Clone, Default)]
pub struct Match {
    method: Option<String>,
    operation: Option<String>,
    path: Option<String>,
    body: Option<String>,
    skip: usize,
}

impl Match {
    /// Every request.
    pub fn any() -> Match {
        Match::default()
    }

    /// The operation of this name in GitHub's description (`pulls/create`); `graphql/minimizeComment` for a mutation, `git/upload-pack`
    /// for a clone or fetch.
    pub fn operation(id: &str) -> Match {
        Match { operation: Some(id.to_owned()), ..Match::default() }
    }

    /// Requests of this method.
    pub fn method(method: &str) -> Match {
        Match { method: Some(method.to_owned()), ..Match::default() }
    }

    /// Requests that change something.
    pub fn writes() -> Match {
        Match { method: Some("WRITE".to_owned()), ..Match::default() }
    }

    /// Only where the path holds this text.
    pub fn path(mut self, part: &str) -> Match {
        self.path = Some(part.to_owned());
        self
    }

    /// Only where the body holds this text.
    pub fn body(mut self, part: &str) -> Match {
        self.body = Some(part.to_owned());
        self
    }

    /// Lets this many requests pass first.
    pub fn after(mut self, count: usize) -> Match {
        self.skip = count;
        self
    }

    fn holds(&self, method: &str, operation: &str, path: &str, body: &[u8]) -> bool {
        let text = |part: &str| body.windows(part.len().max(1)).any(|it| it == part.as_bytes());
        let writes = method != "GET" && operation != "graphql/query" && !operation.starts_with("git/upload");
        self.method.as_deref().is_none_or(|it| if it == "WRITE" { writes } else { it == method })
            && self.operation.as_deref().is_none_or(|it| it == operation)
            && self.path.as_deref().is_none_or(|it| path.contains(it))
            && self.body.as_deref().is_none_or(text)
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status with a plain message, instead of the effect.
    Status(u16),
    /// This status with a plain message, although the effect happened.
    StatusAfterEffect(u16),
    /// The connection closes before anything happened.
    ResetBeforeEffect,
    /// The connection closes without an answer, although the effect happened.
    ResetAfterEffect,
    /// Nothing happens and nothing is answered until the gate opens; then all goes on as usual.
    Stall(Gate),
    /// The effect happens; its answer waits for the gate.
    StallAfterEffect(Gate),
    /// The answer comes a byte at a time, with this pause.
    Drip(Duration),
    /// Status 200 with a body that is no JSON, although the effect happened.
    Undecodable,
    /// The refusals of a recording, `AbuseLimitHandlerTest/testHandler_Wait`, in the order they were recorded.
    Recording(String),
}

/// Holds requests until it is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    open: std::sync::atomic::AtomicBool,
    opened: Notify,
    reached: Notify,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Gate {
        Gate::default()
    }

    /// Lets everything through, now and later.
    pub fn open(&self) {
        self.inner.open.store(true, std::sync::atomic::Ordering::SeqCst);
        self.inner.opened.notify_waiters();
    }

    /// Waits until a request stands before the gate.
    pub async fn reached(&self) {
        self.inner.reached.notified().await;
    }

    pub(crate) async fn pass(&self) {
        self.inner.reached.notify_one();
        let waiting = self.inner.opened.notified();
        if !self.inner.open.load(std::sync::atomic::Ordering::SeqCst) {
            waiting.await;
        }
    }
}

/// A fault and the requests it is for.
pub(crate) struct Rule {
    wanted: Match,
    fault: Fault,
    left: usize,
    used: usize,
}

impl Rule {
    pub(crate) fn new(wanted: Match, fault: Fault, times: usize) -> Rule {
        Rule { wanted, fault, left: times, used: 0 }
    }
}

/// Takes the fault for a request, and how often its rule was used before. Rules that are used up go.
pub(crate) fn take(
    rules: &mut Vec<Rule>,
    method: &str,
    operation: &str,
    path: &str,
    body: &[u8],
) -> Option<(Fault, usize)> {
    let rule = rules.iter_mut().find(|it| it.wanted.holds(method, operation, path, body))?;
    if rule.wanted.skip > 0 {
        rule.wanted.skip -= 1;
        return None;
    }
    let taken = (rule.fault.clone(), rule.used);
    rule.used += 1;
    rule.left -= 1;
    rules.retain(|it| it.left > 0);
    Some(taken)
}
