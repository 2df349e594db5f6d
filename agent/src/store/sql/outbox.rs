//! The outbox: effects are planned with their cause, made in order, one at a time in an installation, and looked for before they are made again.

use std::time::Duration;

use crate::store::session::{Lock, Row, Session, to_json, values};
use crate::store::{
    Effect, EffectId, EffectLease, EffectState, JobId, JobState, NewEffect, OnFailure, Outcome, Result, Retry,
    Stacking, StoreError, TakenEffect,
};

use super::jobs;

pub(super) async fn plan(s: &mut Session, new: &NewEffect) -> Result<EffectId> {
    // What failed or was dropped may be wanted again, by a retried job; its number must then be the newest.
    s.run("DELETE FROM outbox WHERE key = $1 AND state IN ('failed', 'dropped')", values![&new.key]).await?;
    let inserted = s
        .run(
            "INSERT INTO outbox (key, kind, payload, installation, repository, job, on_failure, not_before, state, attempt, lease_token,
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'planned', 0, 0, $9, $9) ON CONFLICT (key) DO NOTHING",
            values![
                &new.key,
                &new.kind,
                to_json(&new.payload)?,
                new.installation,
                new.repository,
                new.job,
                new.on_failure.word(),
                new.not_before,
                s.wall
            ],
        )
        .await?;
    let row = s.row("SELECT id FROM outbox WHERE key = $1", values![&new.key]).await?;
    let id = row.map(|row| row.int("id")).transpose()?;
    let id = id.ok_or_else(|| StoreError::Content(format!("effect {} vanished", new.key)))?;
    if inserted == 1 && new.stacking == Stacking::ReplacePlanned {
        s.run(
            "UPDATE outbox SET state = 'dropped', updated_at = $4
             WHERE job = $1 AND kind = $2 AND id < $3 AND state = 'planned' AND lease_until IS NULL",
            values![new.job, &new.kind, id, s.wall],
        )
        .await?;
    }
    Ok(EffectId(id))
}

pub(super) async fn plan_all(s: &mut Session, effects: &[NewEffect]) -> Result<Vec<EffectId>> {
    let mut ids = Vec::new();
    for effect in effects {
        ids.push(plan(s, effect).await?);
    }
    Ok(ids)
}

fn read(row: &Row) -> Result<Effect> {
    Ok(Effect {
        id: EffectId(row.int("id")?),
        effect: NewEffect {
            key: row.text("key")?,
            kind: row.text("kind")?,
            payload: row.json("payload")?,
            installation: row.installation("installation")?,
            repository: row.repository("repository")?,
            job: row.maybe_job("job")?,
            on_failure: row.word("on_failure", OnFailure::from_word)?,
            stacking: Stacking::Keep,
            not_before: row.int("not_before")?,
        },
        state: row.word("state", EffectState::from_word)?,
        attempt: row.small("attempt")?,
        remote_id: row.maybe_text("remote_id")?,
        error: row.maybe_text("error")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}

pub(super) async fn of_job(s: &mut Session, job: JobId) -> Result<Vec<Effect>> {
    s.rows("SELECT * FROM outbox WHERE job = $1 ORDER BY id", values![job]).await?.iter().map(read).collect()
}

pub(super) async fn by_key(s: &mut Session, key: &str) -> Result<Option<Effect>> {
    s.row("SELECT * FROM outbox WHERE key = $1", values![key]).await?.as_ref().map(read).transpose()
}

pub(super) async fn next(s: &mut Session, holder: &str, limit: u32, hold: Duration) -> Result<Vec<TakenEffect>> {
    s.lock(Lock::Effects).await?;
    let rows = s
        .rows(
            "SELECT * FROM (SELECT outbox.*, ROW_NUMBER() OVER (PARTITION BY installation ORDER BY id) AS place FROM outbox
             WHERE state IN ('planned', 'sent') AND not_before <= $1 AND (lease_until IS NULL OR lease_until <= $2)
             AND NOT EXISTS (SELECT 1 FROM outbox AS held WHERE held.installation = outbox.installation
             AND held.state IN ('planned', 'sent') AND held.lease_until > $2)
             AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.job = outbox.job AND earlier.id < outbox.id
             AND earlier.state IN ('planned', 'sent'))) AS ready WHERE place = 1 ORDER BY id LIMIT $3",
            values![s.wall, s.ticks, limit],
        )
        .await?;
    let until = s.ticks.saturating_add(i64::try_from(hold.as_millis()).unwrap_or(i64::MAX));
    let mut taken = Vec::new();
    for row in &rows {
        let mut effect = read(row)?;
        let token = row.int("lease_token")? + 1;
        effect.attempt += 1;
        s.run(
            "UPDATE outbox SET attempt = attempt + 1, lease_holder = $2, lease_token = $3, lease_until = $4 WHERE id = $1",
            values![effect.id.0, holder, token, until],
        )
        .await?;
        taken.push(TakenEffect { lease: EffectLease { effect: effect.id, token }, effect });
    }
    Ok(taken)
}

/// Returns the effect of a lease that still holds. Its job is held back from others first, in the order in which jobs lock effects.
async fn held(s: &mut Session, lease: &EffectLease) -> Result<Effect> {
    let fenced = || StoreError::Fenced { what: format!("effect {}", lease.effect) };
    let row = s.row("SELECT job FROM outbox WHERE id = $1", values![lease.effect.0]).await?.ok_or_else(fenced)?;
    if let Some(job) = row.maybe_job("job")? {
        jobs::for_change(s, job).await?;
    }
    let sql = s.pick(
        "SELECT * FROM outbox WHERE id = $1 AND lease_token = $2 AND lease_until > $3 AND state IN ('planned', 'sent')",
        "SELECT * FROM outbox WHERE id = $1 AND lease_token = $2 AND lease_until > $3 AND state IN ('planned', 'sent') FOR UPDATE",
    );
    let row = s.row(sql, values![lease.effect.0, lease.token, s.ticks]).await?.ok_or_else(fenced)?;
    read(&row)
}

pub(super) async fn mark_sent(s: &mut Session, lease: &EffectLease) -> Result<()> {
    held(s, lease).await?;
    s.run("UPDATE outbox SET state = 'sent', updated_at = $2 WHERE id = $1", values![lease.effect.0, s.wall]).await?;
    Ok(())
}

pub(super) async fn confirm(s: &mut Session, lease: &EffectLease, remote_id: &str) -> Result<Option<JobState>> {
    let effect = held(s, lease).await?;
    s.run(
        "UPDATE outbox SET state = 'confirmed', remote_id = $2, error = NULL, lease_holder = NULL, lease_until = NULL, updated_at = $3
         WHERE id = $1",
        values![lease.effect.0, remote_id, s.wall],
    )
    .await?;
    match effect.effect.job {
        Some(job) => end_if_published(s, job).await,
        None => Ok(None),
    }
}

pub(super) async fn fail(s: &mut Session, lease: &EffectLease, error: &str, retry: Retry) -> Result<Option<JobState>> {
    let effect = held(s, lease).await?;
    let (state, not_before) = match retry {
        Retry::At(time) => (effect.state, time),
        Retry::Never => (EffectState::Failed, effect.effect.not_before),
    };
    s.run(
        "UPDATE outbox SET state = $2, not_before = $3, error = $4, lease_holder = NULL, lease_until = NULL, updated_at = $5 WHERE id = $1",
        values![lease.effect.0, state.word(), not_before, error, s.wall],
    )
    .await?;
    let (Some(job), Retry::Never) = (effect.effect.job, retry) else { return Ok(None) };
    if effect.effect.on_failure == OnFailure::FailJob {
        drop_planned(s, job).await?;
    }
    end_if_published(s, job).await
}

pub(super) async fn give_back(s: &mut Session, lease: &EffectLease) -> Result<()> {
    held(s, lease).await?;
    s.run("UPDATE outbox SET lease_holder = NULL, lease_until = NULL WHERE id = $1", values![lease.effect.0]).await?;
    Ok(())
}

/// Drops what nobody has begun; what a publisher holds is its own to end.
pub(super) async fn drop_planned(s: &mut Session, job: JobId) -> Result<()> {
    s.run(
        "UPDATE outbox SET state = 'dropped', updated_at = $2
         WHERE job = $1 AND state = 'planned' AND (lease_until IS NULL OR lease_until <= $3)",
        values![job, s.wall, s.ticks],
    )
    .await?;
    Ok(())
}

pub(super) async fn is_open(s: &mut Session, job: JobId) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS open FROM outbox WHERE job = $1 AND state IN ('planned', 'sent')";
    Ok(s.row(sql, values![job]).await?.map_or(Ok(0), |row| row.int("open"))? > 0)
}

/// Ends a job whose work is done once nothing of it is left to be made.
pub(super) async fn end_if_published(s: &mut Session, id: JobId) -> Result<Option<JobState>> {
    let job = jobs::for_change(s, id).await?;
    if job.state != JobState::Publishing || is_open(s, id).await? {
        return Ok(None);
    }
    let sql =
        "SELECT error FROM outbox WHERE job = $1 AND state = 'failed' AND on_failure = 'fail_job' ORDER BY id LIMIT 1";
    let failure = s.row(sql, values![id]).await?;
    let (state, note) = match (failure, &job.cancel, &job.outcome) {
        (Some(row), _, _) => (JobState::Failed, row.maybe_text("error")?.unwrap_or_default()),
        (None, Some(reason), _) => (JobState::Cancelled, reason.clone()),
        (None, None, Some(Outcome { state, summary, .. })) => (*state, summary.clone()),
        (None, None, None) => (JobState::Failed, "published without an outcome".to_owned()),
    };
    jobs::set_state(s, &job, state, Some(&note)).await?;
    Ok(Some(state))
}
