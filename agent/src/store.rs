//! Everything the daemon must not forget: deliveries, wishes, jobs, journals, effects to be made, money spent, and the audit log.
//!
//! Every call of [`Store`] is one transaction that is on disk when the call returns, or has changed nothing. A job is worked on under a
//! [`Lease`] whose token rises with each claim, so that whoever lost it can write nothing any more ([`StoreError::Fenced`]). What is to be
//! changed outside is planned as an effect in the transaction of its cause, and made by whoever takes it up with [`Store::next_effects`].
//! SQLite serves one machine and PostgreSQL many; the statements are the same and so is the suite that both pass (`conformance`).
//! What a delivery, an effect or an outcome means is left to intake, publisher and worker. `docs/operations.md` says how to back up and
//! restore.

mod error;
pub mod job;
pub mod model;
mod postgres;
mod schema;
mod session;
mod sql;
mod sqlite;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod kill_tests;
#[cfg(test)]
mod postgres_tests;
#[cfg(test)]
mod sqlite_tests;

use std::time::Duration;

use async_trait::async_trait;
use github::{InstallationId, RepositoryId};

pub use error::StoreError;
pub use job::{Claim, Job, JobEvent, JobFilter, JobId, JobKind, JobState, Lease, NewJob, Orders, Outcome, Request};
pub use model::*;
pub use postgres::PostgresStore;
pub use sql::{WRITE_POINTS, WRITES};
pub use sqlite::SqliteStore;

/// The result of every call.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Returns every fail point of the store: each write's, and those of opening and closing a SQLite file.
pub fn fail_points() -> Vec<String> {
    let writes = WRITES.iter().flat_map(|name| WRITE_POINTS.iter().map(move |step| format!("store.{name}.{step}")));
    writes.chain(sqlite::POINTS.iter().map(|point| (*point).to_owned())).collect()
}

/// Settings of a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How long a lease on a job lasts without a heartbeat.
    pub lease: Duration,
    /// How long a publisher may take for one effect.
    pub effect_lease: Duration,
    /// How many workers a job may lose before it is taken for the cause and fails.
    pub max_lost: u32,
    /// Added to what the clocks say; moved by tests.
    pub shift: ClockShift,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            lease: Duration::from_secs(60),
            effect_lease: Duration::from_secs(120),
            max_lost: 20,
            shift: ClockShift::default(),
        }
    }
}

/// An amount that is added to all clocks of a store, so that tests move time instead of waiting for it.
#[derive(Clone, Debug, Default)]
pub struct ClockShift(std::sync::Arc<std::sync::atomic::AtomicI64>);

impl ClockShift {
    /// Moves time on.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, std::sync::atomic::Ordering::SeqCst);
    }

    /// Returns the milliseconds to add.
    pub fn millis(&self) -> i64 {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// The daemon's memory. A call is safe to drop half-way, and after an error it has changed nothing; only after [`StoreError::Unavailable`] of a
/// database server may it have happened all the same. Deliveries, wishes and effects have keys, so repeating those changes nothing twice.
///
/// # Errors
/// Every call may end in [`StoreError::Full`], [`StoreError::Unavailable`] or [`StoreError::Corrupt`]; what a call adds to that is said with it.
#[async_trait]
pub trait Store: Send + Sync {
    // Deliveries and wishes.

    /// Puts a delivery on disk. The same delivery from many connections at once is one row.
    async fn accept(&self, delivery: NewDelivery) -> Result<Accepted>;
    /// Returns deliveries that nobody has settled, the oldest first.
    async fn pending_deliveries(&self, limit: u32) -> Result<Vec<Delivery>>;
    /// Returns a delivery.
    async fn delivery(&self, guid: &str) -> Result<Option<Delivery>>;
    /// Commits what intake made of a delivery: its state, jobs for its wishes, cancellations, effects and audit lines.
    async fn settle(&self, guid: &str, settled: Settled) -> Result<Settlement>;
    /// Forgets the bodies of settled deliveries received before `before`; returns how many. What was seen stays known.
    async fn forget_bodies(&self, before: Millis) -> Result<u64>;

    // Jobs.

    /// Gives the job that should be worked on next, with a lease; `None` if nothing may start now.
    async fn claim(&self, request: &ClaimRequest) -> Result<Option<Claim>>;
    /// Renews a lease and tells what people asked for meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the lease has run out.
    async fn heartbeat(&self, lease: &Lease) -> Result<Orders>;
    /// Moves the job to another stage of the work.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], or [`StoreError::Transition`] where the state does not follow.
    async fn advance(&self, lease: &Lease, state: JobState) -> Result<()>;
    /// Fixes the commit that the job works on.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn set_base(&self, lease: &Lease, base: &str) -> Result<()>;
    /// Appends events to the job's journal, each one JSON object; returns the number of the last event. Repeated after
    /// [`StoreError::Unavailable`] it may append them twice: read [`Store::events`] first.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn append(&self, lease: &Lease, bodies: &[String]) -> Result<i64>;
    /// Returns up to `limit` events with numbers from `from` on.
    async fn events(&self, job: JobId, from: i64, limit: u32) -> Result<Vec<JobEvent>>;
    /// Plans effects of a job under way, such as the progress comment; an effect's job is set to the lease's.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn plan_effects(&self, lease: &Lease, effects: Vec<NewEffect>) -> Result<Vec<EffectId>>;
    /// Ends the work: keeps its outcome, plans its effects and gives the lease back. With effects still to be made the job is `Publishing` and
    /// reaches the outcome's state when the last of them is final; without any it is there at once.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], or [`StoreError::Transition`] where the outcome's state is no end.
    async fn finish(&self, lease: &Lease, outcome: Outcome, effects: Vec<NewEffect>) -> Result<JobState>;
    /// Gives the job back because something it needs is down; it may be claimed again from `until` on.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn park(&self, lease: &Lease, until: Millis, reason: &str) -> Result<()>;
    /// Gives the job back for another worker; it is paused or cancelled if somebody asked for that meanwhile. Returns the new state.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn release(&self, lease: &Lease) -> Result<JobState>;
    /// Takes jobs from workers whose lease has run out and lets them wait again; returns them.
    async fn expire_leases(&self) -> Result<Vec<JobId>>;
    /// Returns a job.
    async fn job(&self, id: JobId) -> Result<Option<Job>>;
    /// Returns jobs, the newest first.
    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>>;
    /// Cancels a job at once, or asks its worker to stop if it has one. Returns the state then. A job that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Unknown`].
    async fn request_cancel(&self, id: JobId, reason: &str) -> Result<JobState>;
    /// Pauses a job at once, or asks its worker to.
    ///
    /// # Errors
    /// [`StoreError::Unknown`], or [`StoreError::Transition`] for a job that publishes or has ended.
    async fn pause(&self, id: JobId) -> Result<JobState>;
    /// Lets a paused job wait for a worker again, or takes the wish for a pause back.
    ///
    /// # Errors
    /// [`StoreError::Unknown`], or [`StoreError::Transition`] for a job that is not paused and of which no pause was asked.
    async fn resume(&self, id: JobId) -> Result<JobState>;
    /// Lets a failed or cancelled job wait for another attempt, with all that it found.
    ///
    /// # Errors
    /// [`StoreError::Unknown`], [`StoreError::Transition`] for any other job, or [`StoreError::Busy`] while another job fulfils its wish.
    async fn retry(&self, id: JobId) -> Result<JobState>;
    /// Makes a job outside any delivery, by its wish: the command line's and the follow-up's way in.
    async fn wish(&self, wish: NewWish, effects: Vec<NewEffect>) -> Result<Wished>;

    // Effects.

    /// Plans effects of no job, or of a job that is not under lease. Keys planned before are left alone. Returns one id each, in order.
    async fn plan_effects_unleased(&self, effects: Vec<NewEffect>) -> Result<Vec<EffectId>>;
    /// Takes up to `limit` effects that may be made now: at most one for each installation, and for each job the earliest that is not final.
    /// `holder` is the publisher's name.
    async fn next_effects(&self, holder: &str, limit: u32) -> Result<Vec<TakenEffect>>;
    /// Notes that the effect is about to be made, to be called after looking for it and before making it.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the effect is somebody else's by now.
    async fn mark_sent(&self, lease: &EffectLease) -> Result<()>;
    /// Notes that the effect is there, with GitHub's id of it. Ends the job if this was what it waited for; returns its state then.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn confirm(&self, lease: &EffectLease, remote_id: &str) -> Result<Option<JobState>>;
    /// Notes that the effect could not be made. Ends the job if this was what it waited for; returns its state then.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn fail_effect(&self, lease: &EffectLease, error: &str, retry: Retry) -> Result<Option<JobState>>;
    /// Gives an effect back unmade, at shutdown.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn return_effect(&self, lease: &EffectLease) -> Result<()>;
    /// Returns the effects of a job in order.
    async fn effects(&self, job: JobId) -> Result<Vec<Effect>>;
    /// Returns an effect by its key.
    async fn effect_by_key(&self, key: &str) -> Result<Option<Effect>>;

    // Money and replies.

    /// Sets an amount aside for the job before it is spent, unless that would go over one of the caps.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn reserve(&self, lease: &Lease, amount: Spend, caps: &[Cap]) -> Result<Reserved>;
    /// Replaces what was set aside by what was spent. What is never settled counts as spent.
    async fn settle_spend(&self, reservation: ReservationId, spent: Spend) -> Result<()>;
    /// Returns what a scope has spent or set aside since a time.
    async fn totals(&self, scope: Scope, since: Millis) -> Result<Spend>;
    /// Keeps a model's reply, before it is used, and settles what was set aside for it, at once.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn save_model_call(&self, lease: &Lease, call: ModelCall, reservation: Option<ReservationId>) -> Result<()>;
    /// Returns the reply that the job got to a request.
    async fn model_call(&self, job: JobId, request: &str) -> Result<Option<ModelCall>>;

    // The audit log.

    /// Appends a line.
    async fn audit(&self, line: AuditLine) -> Result<()>;
    /// Returns lines, the oldest first.
    async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>>;

    // What we made and what we know of GitHub.

    /// Keeps or updates a pull request of ours.
    async fn record_pull(&self, pull: Pull) -> Result<()>;
    /// Notes what became of a pull request; `false` if it is none of ours.
    async fn record_outcome(&self, repository: RepositoryId, number: u64, state: PullState) -> Result<bool>;
    /// Returns a pull request of ours.
    async fn pull(&self, repository: RepositoryId, number: u64) -> Result<Option<Pull>>;
    /// Returns our pull requests for an issue, the newest first.
    async fn pulls_of_issue(&self, repository: RepositoryId, issue: u64) -> Result<Vec<Pull>>;
    /// Returns our pull requests in a state.
    async fn pulls_in(&self, state: PullState) -> Result<Vec<Pull>>;
    /// Keeps or updates a comment of ours.
    async fn record_comment(&self, comment: Comment) -> Result<()>;
    /// Returns our comment of a purpose.
    async fn comment(&self, repository: RepositoryId, issue: u64, purpose: &str) -> Result<Option<Comment>>;
    /// Keeps what was learned of a repository.
    async fn record_repository(&self, repository: Repository) -> Result<()>;
    /// Returns what was last learned of a repository.
    async fn repository(&self, id: RepositoryId) -> Result<Option<Repository>>;
    /// Returns the repositories of an installation, or all.
    async fn repositories(&self, installation: Option<InstallationId>) -> Result<Vec<Repository>>;
    /// Keeps what was learned of an installation.
    async fn record_installation(&self, installation: Installation) -> Result<()>;
    /// Returns what was last learned of an installation.
    async fn installation(&self, id: InstallationId) -> Result<Option<Installation>>;
    /// Returns all installations.
    async fn installations(&self) -> Result<Vec<Installation>>;
    /// Keeps a person's permission.
    async fn record_permission(&self, permission: Permission) -> Result<()>;
    /// Returns a person's permission if GitHub was asked after `since`.
    async fn permission(&self, repository: RepositoryId, user: u64, since: Millis) -> Result<Option<Permission>>;
    /// Forgets permissions of a repository, or of all with `None`, because they may have changed.
    async fn forget_permissions(&self, repository: Option<RepositoryId>) -> Result<()>;
    /// Returns a word of state that a part of the daemon keeps for itself, such as how far the sweep has come.
    async fn cursor(&self, name: &str) -> Result<Option<String>>;
    /// Keeps such a word.
    async fn set_cursor(&self, name: &str, value: &str) -> Result<()>;

    // The store itself.

    /// Returns how many there are of each.
    async fn counts(&self) -> Result<Counts>;
    /// Returns the store's wall clock.
    async fn now(&self) -> Result<Millis>;
    /// Writes a consistent copy of everything to a new file. PostgreSQL has tools of its own for this, and refuses with
    /// [`StoreError::Unsupported`].
    async fn backup(&self, to: &std::path::Path) -> Result<()>;
    /// Makes everything durable and gives all resources back. Calls after it fail with [`StoreError::Closed`].
    async fn close(&self) -> Result<()>;
}
