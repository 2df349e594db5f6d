//! One throttle for everything that is sent to GitHub.
//!
//! GitHub counts by installation (and by App for what is signed with the App's key), so there is one record for each. It keeps changes one
//! at a time with a pause between them, stays below the known limits, and sends nothing before a time that GitHub announced. A wait longer
//! than a few seconds is no sleep but an error with the time in it, on which a job can be parked.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

mod told;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::clock::{Clock, later};
use crate::error::{GitHubError, Limit};
use crate::id::InstallationId;
pub(crate) use told::Told;
use window::Window;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// The first wait at a secondary limit for which GitHub announces no time; it doubles up to an hour.
const FIRST_WAIT: Duration = MINUTE;
/// No announced time is believed beyond this: the hour of the primary limit, and room for clocks.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 3600);

/// What the throttle keeps to; the defaults stay a tenth below GitHub's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// The pause after a change before the next one of the same installation.
    pub write_gap: Duration,
    /// Requests of one installation at the same time; GitHub allows 100 in all.
    pub concurrent: usize,
    /// Points a minute, a read being one and a change five; GitHub allows 900.
    pub points_per_minute: u64,
    /// Changes a minute; GitHub allows 80.
    pub writes_per_minute: u64,
    /// Changes an hour; GitHub allows 500.
    pub writes_per_hour: u64,
    /// Tokens an hour; GitHub allows 2,000.
    pub tokens_per_hour: u64,
    /// The longest wait that is slept through; a longer one is an error with the time in it.
    pub longest_nap: Duration,
}

impl Default for LimitSettings {
    fn default() -> LimitSettings {
        LimitSettings {
            write_gap: Duration::from_secs(1),
            concurrent: 10,
            points_per_minute: 810,
            writes_per_minute: 72,
            writes_per_hour: 450,
            tokens_per_hour: 1800,
            longest_nap: Duration::from_secs(5),
        }
    }
}

/// Whom GitHub counts a request for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The App itself, and whatever carries no token.
    App,
    /// One of its installations.
    Installation(InstallationId),
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// It changes nothing.
    Read,
    /// It changes something that people may see.
    Write,
    /// It searches.
    Search,
    /// It asks GraphQL.
    Query,
    /// It changes something through GraphQL.
    Mutation,
    /// It makes a token.
    Mint,
}

/// How an installation stands with GitHub's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests left in this hour, as last told; `None` where GitHub does not say, as on servers with limits off.
    pub remaining: Option<u64>,
    /// Requests an hour.
    pub limit: Option<u64>,
    /// Before when nothing is sent.
    pub blocked_until: Option<Timestamp>,
}

/// The throttle.
#[derive(Debug)]
pub struct Limits {
    settings: LimitSettings,
    clock: Arc<dyn Clock>,
    scopes: Mutex<HashMap<Scope, Arc<Account>>>,
}

/// What is known of one installation.
#[derive(Debug)]
struct Account {
    writer: Arc<tokio::sync::Mutex<()>>,
    slots: Arc<Semaphore>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Nothing is sent before this time.
    blocked: Option<(Duration, Limit)>,
    /// Nothing of one resource (`core`, `graphql`, `search`) is sent before its time.
    exhausted: HashMap<String, Duration>,
    /// Secondary limits without an announced time since the last success.
    strikes: u32,
    points: Window,
    writes: Window,
    tokens: Window,
    last_write: Option<Duration>,
    remaining: Option<u64>,
    limit: Option<u64>,
}

/// The leave to send one request; for a change, nobody else of the installation has one as long as it lives.
#[derive(Debug)]
pub(crate) struct Pass {
    account: Arc<Account>,
    clock: Arc<dyn Clock>,
    kind: Kind,
    _turn: Option<OwnedMutexGuard<()>>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Kind {
    fn writes(self) -> bool {
        matches!(self, Kind::Write | Kind::Mutation)
    }

    fn points(self) -> u64 {
        match self {
            Kind::Read | Kind::Search | Kind::Query => 1,
            Kind::Write | Kind::Mutation | Kind::Mint => 5,
        }
    }

    fn resource(self) -> &'static str {
        match self {
            Kind::Read | Kind::Write | Kind::Mint => "core",
            Kind::Search => "search",
            Kind::Query | Kind::Mutation => "graphql",
        }
    }
}

impl Limits {
    /// Starts with nothing known.
    pub fn new(settings: LimitSettings, clock: Arc<dyn Clock>) -> Limits {
        Limits { settings, clock, scopes: Mutex::default() }
    }

    /// Returns how an installation stands.
    pub fn standing(&self, installation: InstallationId) -> Standing {
        let account = self.account(Scope::Installation(installation));
        let book = account.book.lock();
        let now = self.clock.elapsed();
        let core = book.exhausted.get("core").copied();
        let until = book.blocked.map(|it| it.0).max(core).filter(|until| *until > now);
        Standing {
            remaining: book.remaining,
            limit: book.limit,
            blocked_until: until.map(|until| later(self.clock.now(), until - now)),
        }
    }

    /// Waits for the turn of a request, at most [`LimitSettings::longest_nap`] at a time.
    ///
    /// # Errors
    /// [`GitHubError::Limited`] when nothing may be sent for longer than that.
    pub(crate) async fn admit(&self, what: &'static str, scope: Scope, kind: Kind) -> Result<Pass, GitHubError> {
        let account = self.account(scope);
        let turn = match kind.writes() {
            true => Some(account.writer.clone().lock_owned().await),
            false => None,
        };
        // The semaphore is never closed, so there is always a slot in the end.
        let slot = account.slots.clone().acquire_owned().await.ok();
        loop {
            let now = self.clock.elapsed();
            let wait = account.book.lock().enter(&self.settings, kind, now);
            match wait {
                None => break,
                Some((wait, _)) if wait <= self.settings.longest_nap => self.clock.sleep(wait).await,
                Some((wait, limit)) => {
                    return Err(GitHubError::Limited { what, limit, until: later(self.clock.now(), wait) });
                }
            }
        }
        Ok(Pass { account, clock: self.clock.clone(), kind, _turn: turn, _slot: slot })
    }

    /// Takes in what an answer tells of limits; returns the limit that it met, with the time when it ends.
    pub(crate) fn learn(&self, pass: &Pass, told: &Told) -> Option<(Limit, Timestamp)> {
        let (limit, wait) = pass.account.book.lock().learn(told, pass.kind, self.clock.elapsed())?;
        Some((limit, later(self.clock.now(), wait)))
    }

    /// Takes in a limit that an answer told of in its text only; returns it with the time when it ends.
    pub(crate) fn note(&self, scope: Scope, kind: Kind, told: &Told) -> (Limit, Timestamp) {
        let account = self.account(scope);
        let met = account.book.lock().learn(told, kind, self.clock.elapsed());
        let (limit, wait) = met.unwrap_or((Limit::Secondary, FIRST_WAIT));
        (limit, later(self.clock.now(), wait))
    }

    fn account(&self, scope: Scope) -> Arc<Account> {
        let fresh = || {
            Arc::new(Account {
                writer: Arc::default(),
                slots: Arc::new(Semaphore::new(self.settings.concurrent.max(1))),
                book: Mutex::default(),
            })
        };
        self.scopes.lock().entry(scope).or_insert_with(fresh).clone()
    }
}

impl Book {
    /// Enters a request if it may be sent now, or returns how long it has to wait and for what.
    fn enter(&mut self, settings: &LimitSettings, kind: Kind, now: Duration) -> Option<(Duration, Limit)> {
        self.blocked = self.blocked.filter(|(until, _)| *until > now);
        self.exhausted.retain(|_, until| *until > now);
        let mut waits = vec![
            self.blocked.map(|(until, limit)| (until - now, limit)),
            self.exhausted.get(kind.resource()).map(|until| (*until - now, Limit::Primary)),
            self.points.wait(kind.points(), settings.points_per_minute, MINUTE, now).map(|it| (it, Limit::Points)),
        ];
        if kind.writes() {
            let gap = self.last_write.map(|last| (last + settings.write_gap).saturating_sub(now));
            waits.push(gap.filter(|it| !it.is_zero()).map(|it| (it, Limit::Writes)));
            waits.push(self.writes.wait(1, settings.writes_per_minute, MINUTE, now).map(|it| (it, Limit::Writes)));
            waits.push(self.writes.wait(1, settings.writes_per_hour, HOUR, now).map(|it| (it, Limit::Writes)));
        }
        if kind == Kind::Mint {
            waits.push(self.tokens.wait(1, settings.tokens_per_hour, HOUR, now).map(|it| (it, Limit::Tokens)));
        }
        if let Some(longest) = waits.into_iter().flatten().max_by_key(|it| it.0) {
            return Some(longest);
        }
        self.points.enter(kind.points(), MINUTE, now);
        if kind.writes() {
            self.writes.enter(1, HOUR, now);
        }
        if kind == Kind::Mint {
            self.tokens.enter(1, HOUR, now);
        }
        None
    }

    /// Notes what an answer tells; returns the limit that it met and how long to wait.
    fn learn(&mut self, told: &Told, kind: Kind, now: Duration) -> Option<(Limit, Duration)> {
        self.remaining = told.remaining.or(self.remaining);
        self.limit = told.limit.or(self.limit);
        let resource = || told.resource.clone().unwrap_or_else(|| kind.resource().to_owned());
        if let (Some(0), Some(reset)) = (told.remaining, told.reset) {
            self.exhausted.insert(resource(), now + reset.min(LONGEST_WAIT));
        }
        let Some(limit) = told.limited else {
            if told.success {
                self.strikes = 0;
            }
            return None;
        };
        let wait = self.wait_of(told, limit);
        // What is used up for the hour is so for one resource; a secondary limit is for everything.
        match (limit, told.remaining) {
            (Limit::Primary, Some(0)) => {
                self.exhausted.insert(resource(), now + wait);
            }
            _ => {
                let until = self.blocked.map_or(now + wait, |(before, _)| before.max(now + wait));
                self.blocked = Some((until, limit));
            }
        }
        Some((limit, wait))
    }

    /// Returns how long to wait at a limit: what the answer announces, else a minute that doubles.
    fn wait_of(&mut self, told: &Told, limit: Limit) -> Duration {
        let announced = told.retry_after.or(match (limit, told.remaining) {
            (Limit::Primary, _) | (_, Some(0)) => told.reset,
            _ => None,
        });
        if let Some(wait) = announced {
            return wait.clamp(Duration::from_secs(1), LONGEST_WAIT);
        }
        let wait = FIRST_WAIT.saturating_mul(1 << self.strikes.min(6));
        self.strikes += 1;
        wait.min(HOUR)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.kind.writes() {
            // The pause counts from the end of a change, so that GitHub sees it however long the way was.
            self.account.book.lock().last_write = Some(self.clock.elapsed());
        }
    }
}

#[cfg(test)]
mod tests;
