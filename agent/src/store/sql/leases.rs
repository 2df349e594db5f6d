//! Work under a lease: claiming, renewing, and every write that a late worker must not make.

use std::time::Duration;

use crate::store::session::{Lock, Session, to_json, values};
use crate::store::{
    Claim, ClaimRequest, EffectId, Job, JobId, JobState, Lease, Millis, NewEffect, Orders, Outcome, Result, StoreError,
};

use super::{jobs, outbox};

/// How long a lease lasts and how many workers a job may lose.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Terms {
    pub(in crate::store) lease: Duration,
    pub(in crate::store) max_lost: u32,
}

impl Terms {
    fn until(self, s: &Session) -> i64 {
        s.ticks.saturating_add(i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX))
    }
}

pub(super) async fn claim(s: &mut Session, request: &ClaimRequest, terms: Terms) -> Result<Option<Claim>> {
    s.lock(Lock::Claims).await?;
    expire(s, terms).await?;
    let kinds = request.kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(",");
    // The limits are exact because whoever claims holds the lock; rows that somebody is changing are left for the next time.
    macro_rules! next {
        ($suffix:literal) => {
            concat!(
                "SELECT * FROM jobs WHERE state IN ('queued', 'parked') AND not_before <= $1
                 AND ',' || $2 || ',' LIKE '%,' || kind || ',%'
                 AND (SELECT COUNT(*) FROM jobs AS busy WHERE busy.lease_until IS NOT NULL AND busy.repository = jobs.repository) < $3
                 AND (SELECT COUNT(*) FROM jobs AS busy WHERE busy.lease_until IS NOT NULL AND busy.installation = jobs.installation) < $4
                 AND (issue = 0 OR NOT EXISTS (SELECT 1 FROM jobs AS busy WHERE busy.lease_until IS NOT NULL
                 AND busy.repository = jobs.repository AND busy.issue = jobs.issue))
                 ORDER BY priority DESC, id LIMIT 1",
                $suffix
            )
        };
    }
    let sql = s.pick(next!(""), next!(" FOR UPDATE SKIP LOCKED"));
    let row = s.row(sql, values![s.wall, kinds, request.per_repository, request.per_installation]).await?;
    let Some(row) = row else { return Ok(None) };
    let (job, token) = (jobs::read(&row)?, row.int("lease_token")? + 1);
    s.run(
        "UPDATE jobs SET state = 'leased', attempt = attempt + 1, lease_worker = $2, lease_token = $3, lease_until = $4, note = NULL,
         updated_at = $5 WHERE id = $1",
        values![job.id, &request.worker, token, terms.until(s), s.wall],
    )
    .await?;
    let job = jobs::get(s, job.id).await?.ok_or(StoreError::Unknown(job.id))?;
    let lease = Lease { job: job.id, token, valid_for: terms.lease };
    Ok(Some(Claim { job, lease }))
}

/// Returns the job of a lease that still holds, and holds others back from it.
pub(super) async fn held(s: &mut Session, lease: &Lease) -> Result<Job> {
    let sql = s.pick(
        "SELECT * FROM jobs WHERE id = $1 AND lease_token = $2 AND lease_until > $3",
        "SELECT * FROM jobs WHERE id = $1 AND lease_token = $2 AND lease_until > $3 FOR UPDATE",
    );
    match s.row(sql, values![lease.job, lease.token, s.ticks]).await? {
        Some(row) => jobs::read(&row),
        None => Err(StoreError::Fenced { what: format!("job {}", lease.job) }),
    }
}

pub(super) async fn heartbeat(s: &mut Session, lease: &Lease, terms: Terms) -> Result<Orders> {
    let job = held(s, lease).await?;
    s.run("UPDATE jobs SET lease_until = $2 WHERE id = $1", values![lease.job, terms.until(s)]).await?;
    Ok(Orders { cancel: job.cancel, pause: job.pause })
}

pub(super) async fn advance(s: &mut Session, lease: &Lease, to: JobState) -> Result<()> {
    let job = held(s, lease).await?;
    if !to.is_leased() {
        return Err(StoreError::Transition { job: job.id, from: job.state, to });
    }
    jobs::set_state(s, &job, to, None).await
}

pub(super) async fn set_base(s: &mut Session, lease: &Lease, base: &str) -> Result<()> {
    held(s, lease).await?;
    s.run("UPDATE jobs SET base = $2, updated_at = $3 WHERE id = $1", values![lease.job, base, s.wall]).await?;
    Ok(())
}

pub(super) async fn append(s: &mut Session, lease: &Lease, bodies: &[String]) -> Result<i64> {
    held(s, lease).await?;
    let sql = "SELECT COALESCE(MAX(seq), 0) AS last FROM events WHERE job = $1";
    let mut seq = s.row(sql, values![lease.job]).await?.map_or(Ok(0), |row| row.int("last"))?;
    for body in bodies {
        seq += 1;
        let sql = "INSERT INTO events (job, seq, at, body) VALUES ($1, $2, $3, $4)";
        s.run(sql, values![lease.job, seq, s.wall, body]).await?;
    }
    Ok(seq)
}

pub(super) async fn plan_effects(s: &mut Session, lease: &Lease, effects: &[NewEffect]) -> Result<Vec<EffectId>> {
    held(s, lease).await?;
    let mut ids = Vec::new();
    for effect in effects {
        ids.push(outbox::plan(s, &NewEffect { job: Some(lease.job), ..effect.clone() }).await?);
    }
    Ok(ids)
}

pub(super) async fn finish(
    s: &mut Session,
    lease: &Lease,
    outcome: &Outcome,
    effects: &[NewEffect],
) -> Result<JobState> {
    let job = held(s, lease).await?;
    if !outcome.state.is_final() {
        return Err(StoreError::Transition { job: job.id, from: job.state, to: outcome.state });
    }
    plan_effects(s, lease, effects).await?;
    s.run("UPDATE jobs SET outcome = $2 WHERE id = $1", values![job.id, to_json(outcome)?]).await?;
    if outbox::is_open(s, job.id).await? {
        jobs::set_state(s, &job, JobState::Publishing, None).await?;
        return Ok(JobState::Publishing);
    }
    jobs::set_state(s, &job, outcome.state, Some(&outcome.summary)).await?;
    Ok(outcome.state)
}

pub(super) async fn park(s: &mut Session, lease: &Lease, until: Millis, reason: &str) -> Result<()> {
    let job = held(s, lease).await?;
    s.run("UPDATE jobs SET not_before = $2 WHERE id = $1", values![job.id, until]).await?;
    match jobs::resting_state(&job) {
        JobState::Queued => jobs::set_state(s, &job, JobState::Parked, Some(reason)).await,
        asked_for => jobs::set_state(s, &job, asked_for, Some(reason)).await,
    }
}

pub(super) async fn release(s: &mut Session, lease: &Lease) -> Result<JobState> {
    let job = held(s, lease).await?;
    let state = jobs::resting_state(&job);
    jobs::set_state(s, &job, state, job.cancel.as_deref()).await?;
    Ok(state)
}

/// Takes jobs from workers whose lease has run out.
pub(in crate::store) async fn expire(s: &mut Session, terms: Terms) -> Result<Vec<JobId>> {
    let sql = s.pick(
        "SELECT * FROM jobs WHERE lease_until <= $1",
        "SELECT * FROM jobs WHERE lease_until <= $1 FOR UPDATE SKIP LOCKED",
    );
    let rows = s.rows(sql, values![s.ticks]).await?;
    let mut lost = Vec::new();
    for row in &rows {
        let job = jobs::read(row)?;
        lose(s, &job, terms).await?;
        lost.push(job.id);
    }
    Ok(lost)
}

/// What follows when a job's worker is lost: the job waits again, unless it is likely the cause.
async fn lose(s: &mut Session, job: &Job, terms: Terms) -> Result<()> {
    let worker = job.worker.as_deref().unwrap_or("its worker");
    s.run("UPDATE jobs SET lost = lost + 1 WHERE id = $1", values![job.id]).await?;
    let state = jobs::resting_state(job);
    if state == JobState::Queued && job.lost + 1 >= terms.max_lost {
        let summary = format!("lost its worker {} times, {worker} last", job.lost + 1);
        let outcome = Outcome { state: JobState::Failed, summary, detail: serde_json::Value::Null };
        s.run("UPDATE jobs SET outcome = $2 WHERE id = $1", values![job.id, to_json(&outcome)?]).await?;
        return jobs::set_state(s, job, JobState::Failed, Some(&outcome.summary)).await;
    }
    jobs::set_state(s, job, state, Some(&format!("{worker} was lost"))).await
}
