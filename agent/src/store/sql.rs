//! The one implementation of [`Store`] in SQL, over an engine that knows how its database makes a transaction.

mod audit;
mod deliveries;
mod jobs;
pub(super) mod known;
pub(super) mod leases;
mod money;
mod outbox;
mod wishes;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use github::{InstallationId, RepositoryId};

use super::session::{Session, Work, work};
use super::*;
use leases::Terms;

/// How a database makes transactions.
#[async_trait]
pub(super) trait Engine: Send + Sync + 'static {
    /// Runs `work` in a transaction and returns when that is on disk. `name` is one of [`WRITES`].
    async fn write<T: Send + 'static>(&self, name: &'static str, work: Work<T>) -> Result<T>;
    /// Runs `work`, which changes nothing, on one consistent state.
    async fn read<T: Send + 'static>(&self, work: Work<T>) -> Result<T>;
    /// Writes a copy to a new file.
    async fn backup(&self, to: &Path) -> Result<()>;
    /// Gives all resources back.
    async fn close(&self) -> Result<()>;
}

/// Every call that writes, by name. Each has the fail points `store.NAME.begin`, `store.NAME.before_commit` and `store.NAME.after_commit`.
pub const WRITES: &[&str] = &[
    "accept",
    "settle",
    "forget_bodies",
    "claim",
    "heartbeat",
    "advance",
    "set_base",
    "append",
    "plan_effects",
    "finish",
    "park",
    "release",
    "expire_leases",
    "request_cancel",
    "pause",
    "resume",
    "retry",
    "wish",
    "plan_effects_unleased",
    "next_effects",
    "mark_sent",
    "confirm",
    "fail_effect",
    "return_effect",
    "reserve",
    "settle_spend",
    "save_model_call",
    "audit",
    "record_pull",
    "record_outcome",
    "record_comment",
    "record_repository",
    "record_installation",
    "record_permission",
    "forget_permissions",
    "set_cursor",
];

/// The places within a write at which a test may kill the process.
pub const WRITE_POINTS: &[&str] = &["begin", "before_commit", "after_commit"];

/// A store on an engine.
pub struct SqlStore<E> {
    engine: E,
    options: StoreOptions,
}

#[expect(private_bounds, reason = "engines are the store's own affair")]
impl<E: Engine> SqlStore<E> {
    pub(super) fn new(engine: E, options: StoreOptions) -> SqlStore<E> {
        SqlStore { engine, options }
    }

    fn terms(&self) -> Terms {
        Terms { lease: self.options.lease, max_lost: self.options.max_lost }
    }

    #[cfg(test)]
    pub(super) fn engine(&self) -> &E {
        &self.engine
    }
}

/// Runs an expression as a write. The arguments are owned, since the engine may run it elsewhere or again; the expression sees references.
macro_rules! write {
    ($self:ident, $name:literal, ($($argument:ident),*), $session:ident => $call:expr) => {{
        let arguments = Arc::new(($($argument,)*));
        let run = work(move |$session: &mut Session| {
            let arguments = Arc::clone(&arguments);
            Box::pin(async move {
                let ($($argument,)*) = &*arguments;
                $call.await
            })
        });
        $self.engine.write($name, run).await
    }};
}

/// Runs an expression as a read, in the same way.
macro_rules! read {
    ($self:ident, ($($argument:ident),*), $session:ident => $call:expr) => {{
        let arguments = Arc::new(($($argument,)*));
        let run = work(move |$session: &mut Session| {
            let arguments = Arc::clone(&arguments);
            Box::pin(async move {
                let ($($argument,)*) = &*arguments;
                $call.await
            })
        });
        $self.engine.read(run).await
    }};
}

#[async_trait]
impl<E: Engine> Store for SqlStore<E> {
    async fn accept(&self, delivery: NewDelivery) -> Result<Accepted> {
        write!(self, "accept", (delivery), s => deliveries::accept(s, delivery))
    }

    async fn pending_deliveries(&self, limit: u32) -> Result<Vec<Delivery>> {
        read!(self, (limit), s => deliveries::pending(s, *limit))
    }

    async fn delivery(&self, guid: &str) -> Result<Option<Delivery>> {
        let guid = guid.to_owned();
        read!(self, (guid), s => deliveries::get(s, guid))
    }

    async fn settle(&self, guid: &str, settled: Settled) -> Result<Settlement> {
        let guid = guid.to_owned();
        write!(self, "settle", (guid, settled), s => deliveries::settle(s, guid, settled))
    }

    async fn forget_bodies(&self, before: Millis) -> Result<u64> {
        write!(self, "forget_bodies", (before), s => deliveries::forget_bodies(s, *before))
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Option<Claim>> {
        let (request, terms) = (request.clone(), self.terms());
        write!(self, "claim", (request, terms), s => leases::claim(s, request, *terms))
    }

    async fn heartbeat(&self, lease: &Lease) -> Result<Orders> {
        let (lease, terms) = (lease.clone(), self.terms());
        write!(self, "heartbeat", (lease, terms), s => leases::heartbeat(s, lease, *terms))
    }

    async fn advance(&self, lease: &Lease, state: JobState) -> Result<()> {
        let lease = lease.clone();
        write!(self, "advance", (lease, state), s => leases::advance(s, lease, *state))
    }

    async fn set_base(&self, lease: &Lease, base: &str) -> Result<()> {
        let (lease, base) = (lease.clone(), base.to_owned());
        write!(self, "set_base", (lease, base), s => leases::set_base(s, lease, base))
    }

    async fn append(&self, lease: &Lease, bodies: &[String]) -> Result<i64> {
        let (lease, bodies) = (lease.clone(), bodies.to_vec());
        write!(self, "append", (lease, bodies), s => leases::append(s, lease, bodies))
    }

    async fn events(&self, job: JobId, from: i64, limit: u32) -> Result<Vec<JobEvent>> {
        read!(self, (job, from, limit), s => jobs::events(s, *job, *from, *limit))
    }

    async fn plan_effects(&self, lease: &Lease, effects: Vec<NewEffect>) -> Result<Vec<EffectId>> {
        let lease = lease.clone();
        write!(self, "plan_effects", (lease, effects), s => leases::plan_effects(s, lease, effects))
    }

    async fn finish(&self, lease: &Lease, outcome: Outcome, effects: Vec<NewEffect>) -> Result<JobState> {
        let lease = lease.clone();
        write!(self, "finish", (lease, outcome, effects), s => leases::finish(s, lease, outcome, effects))
    }

    async fn park(&self, lease: &Lease, until: Millis, reason: &str) -> Result<()> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        write!(self, "park", (lease, until, reason), s => leases::park(s, lease, *until, reason))
    }

    async fn release(&self, lease: &Lease) -> Result<JobState> {
        let lease = lease.clone();
        write!(self, "release", (lease), s => leases::release(s, lease))
    }

    async fn expire_leases(&self) -> Result<Vec<JobId>> {
        let terms = self.terms();
        write!(self, "expire_leases", (terms), s => leases::expire(s, *terms))
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        read!(self, (id), s => jobs::get(s, *id))
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        let filter = filter.clone();
        read!(self, (filter), s => jobs::list(s, filter))
    }

    async fn request_cancel(&self, id: JobId, reason: &str) -> Result<JobState> {
        let reason = reason.to_owned();
        write!(self, "request_cancel", (id, reason), s => jobs::request_cancel(s, *id, reason))
    }

    async fn pause(&self, id: JobId) -> Result<JobState> {
        write!(self, "pause", (id), s => jobs::pause(s, *id))
    }

    async fn resume(&self, id: JobId) -> Result<JobState> {
        write!(self, "resume", (id), s => jobs::resume(s, *id))
    }

    async fn retry(&self, id: JobId) -> Result<JobState> {
        write!(self, "retry", (id), s => jobs::retry(s, *id))
    }

    async fn wish(&self, wish: NewWish, effects: Vec<NewEffect>) -> Result<Wished> {
        write!(self, "wish", (wish, effects), s => wishes::make_with_effects(s, wish, effects))
    }

    async fn plan_effects_unleased(&self, effects: Vec<NewEffect>) -> Result<Vec<EffectId>> {
        write!(self, "plan_effects_unleased", (effects), s => outbox::plan_all(s, effects))
    }

    async fn next_effects(&self, holder: &str, limit: u32) -> Result<Vec<TakenEffect>> {
        let (holder, hold) = (holder.to_owned(), self.options.effect_lease);
        write!(self, "next_effects", (holder, limit, hold), s => outbox::next(s, holder, *limit, *hold))
    }

    async fn mark_sent(&self, lease: &EffectLease) -> Result<()> {
        let lease = lease.clone();
        write!(self, "mark_sent", (lease), s => outbox::mark_sent(s, lease))
    }

    async fn confirm(&self, lease: &EffectLease, remote_id: &str) -> Result<Option<JobState>> {
        let (lease, remote_id) = (lease.clone(), remote_id.to_owned());
        write!(self, "confirm", (lease, remote_id), s => outbox::confirm(s, lease, remote_id))
    }

    async fn fail_effect(&self, lease: &EffectLease, error: &str, retry: Retry) -> Result<Option<JobState>> {
        let (lease, error) = (lease.clone(), error.to_owned());
        write!(self, "fail_effect", (lease, error, retry), s => outbox::fail(s, lease, error, *retry))
    }

    async fn return_effect(&self, lease: &EffectLease) -> Result<()> {
        let lease = lease.clone();
        write!(self, "return_effect", (lease), s => outbox::give_back(s, lease))
    }

    async fn effects(&self, job: JobId) -> Result<Vec<Effect>> {
        read!(self, (job), s => outbox::of_job(s, *job))
    }

    async fn effect_by_key(&self, key: &str) -> Result<Option<Effect>> {
        let key = key.to_owned();
        read!(self, (key), s => outbox::by_key(s, key))
    }

    async fn reserve(&self, lease: &Lease, amount: Spend, caps: &[Cap]) -> Result<Reserved> {
        let (lease, caps) = (lease.clone(), caps.to_vec());
        write!(self, "reserve", (lease, amount, caps), s => money::reserve(s, lease, *amount, caps))
    }

    async fn settle_spend(&self, reservation: ReservationId, spent: Spend) -> Result<()> {
        write!(self, "settle_spend", (reservation, spent), s => money::settle(s, *reservation, *spent))
    }

    async fn totals(&self, scope: Scope, since: Millis) -> Result<Spend> {
        read!(self, (scope, since), s => money::totals(s, *scope, *since))
    }

    async fn save_model_call(&self, lease: &Lease, call: ModelCall, reservation: Option<ReservationId>) -> Result<()> {
        let lease = lease.clone();
        write!(self, "save_model_call", (lease, call, reservation), s => money::save_call(s, lease, call, *reservation))
    }

    async fn model_call(&self, job: JobId, request: &str) -> Result<Option<ModelCall>> {
        let request = request.to_owned();
        read!(self, (job, request), s => money::call(s, *job, request))
    }

    async fn audit(&self, line: AuditLine) -> Result<()> {
        write!(self, "audit", (line), s => audit::append(s, line))
    }

    async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let filter = *filter;
        read!(self, (filter), s => audit::list(s, filter))
    }

    async fn record_pull(&self, pull: Pull) -> Result<()> {
        write!(self, "record_pull", (pull), s => known::record_pull(s, pull))
    }

    async fn record_outcome(&self, repository: RepositoryId, number: u64, state: PullState) -> Result<bool> {
        write!(self, "record_outcome", (repository, number, state), s => known::record_outcome(s, *repository, *number, *state))
    }

    async fn pull(&self, repository: RepositoryId, number: u64) -> Result<Option<Pull>> {
        read!(self, (repository, number), s => known::pull(s, *repository, *number))
    }

    async fn pulls_of_issue(&self, repository: RepositoryId, issue: u64) -> Result<Vec<Pull>> {
        read!(self, (repository, issue), s => known::pulls_of_issue(s, *repository, *issue))
    }

    async fn pulls_in(&self, state: PullState) -> Result<Vec<Pull>> {
        read!(self, (state), s => known::pulls_in(s, *state))
    }

    async fn record_comment(&self, comment: Comment) -> Result<()> {
        write!(self, "record_comment", (comment), s => known::record_comment(s, comment))
    }

    async fn comment(&self, repository: RepositoryId, issue: u64, purpose: &str) -> Result<Option<Comment>> {
        let purpose = purpose.to_owned();
        read!(self, (repository, issue, purpose), s => known::comment(s, *repository, *issue, purpose))
    }

    async fn record_repository(&self, repository: Repository) -> Result<()> {
        write!(self, "record_repository", (repository), s => known::record_repository(s, repository))
    }

    async fn repository(&self, id: RepositoryId) -> Result<Option<Repository>> {
        read!(self, (id), s => known::repository(s, *id))
    }

    async fn repositories(&self, installation: Option<InstallationId>) -> Result<Vec<Repository>> {
        read!(self, (installation), s => known::repositories(s, *installation))
    }

    async fn record_installation(&self, installation: Installation) -> Result<()> {
        write!(self, "record_installation", (installation), s => known::record_installation(s, installation))
    }

    async fn installation(&self, id: InstallationId) -> Result<Option<Installation>> {
        read!(self, (id), s => known::installation(s, *id))
    }

    async fn installations(&self) -> Result<Vec<Installation>> {
        read!(self, (), s => known::installations(s))
    }

    async fn record_permission(&self, permission: Permission) -> Result<()> {
        write!(self, "record_permission", (permission), s => known::record_permission(s, permission))
    }

    async fn permission(&self, repository: RepositoryId, user: u64, since: Millis) -> Result<Option<Permission>> {
        read!(self, (repository, user, since), s => known::permission(s, *repository, *user, *since))
    }

    async fn forget_permissions(&self, repository: Option<RepositoryId>) -> Result<()> {
        write!(self, "forget_permissions", (repository), s => known::forget_permissions(s, *repository))
    }

    async fn cursor(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        read!(self, (name), s => known::cursor(s, name))
    }

    async fn set_cursor(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        write!(self, "set_cursor", (name, value), s => known::set_cursor(s, name, value))
    }

    async fn counts(&self) -> Result<Counts> {
        read!(self, (), s => known::counts(s))
    }

    async fn now(&self) -> Result<Millis> {
        read!(self, (), s => known::now(s))
    }

    async fn backup(&self, to: &Path) -> Result<()> {
        self.engine.backup(to).await
    }

    async fn close(&self) -> Result<()> {
        self.engine.close().await
    }
}
