//! Wishes: one wish is at most one job, whatever deliveries bring it.

use crate::store::session::{Lock, Session, values};
use crate::store::{JobId, JobState, NewEffect, NewWish, Overlap, Result, WishKey, Wished};

use super::{jobs, outbox};

/// Finds the job that fulfils a wish, or makes it. `guid` is the delivery that brings the wish.
pub(super) async fn make(s: &mut Session, wish: &NewWish, guid: Option<&str>) -> Result<Wished> {
    s.lock(Lock::Wishes(wish.key.repository)).await?;
    if let Some(seen) = seen(s, &wish.key, guid).await? {
        return Ok(seen);
    }
    if let Some(job) = running(s, wish).await? {
        if wish.overlap == Overlap::Waiting {
            jobs::take_over(s, job, &wish.job).await?;
        }
        insert(s, &wish.key, guid, job, false).await?;
        return Ok(Wished::Joined(job));
    }
    let job = jobs::create(s, &wish.job).await?;
    insert(s, &wish.key, guid, job, true).await?;
    Ok(Wished::Created(job))
}

/// The same for a wish that no delivery brings, with effects of the job if it is made now.
pub(super) async fn make_with_effects(s: &mut Session, wish: &NewWish, effects: &[NewEffect]) -> Result<Wished> {
    let wished = make(s, wish, None).await?;
    if let Wished::Created(job) = wished {
        for effect in effects {
            outbox::plan(s, &NewEffect { job: Some(job), ..effect.clone() }).await?;
        }
    }
    Ok(wished)
}

/// The very same wish was there before. Its job waits again if that failed and the delivery that brought it is brought again.
async fn seen(s: &mut Session, key: &WishKey, guid: Option<&str>) -> Result<Option<Wished>> {
    let row = s
        .row(
            "SELECT wishes.job AS job, wishes.guid AS guid, jobs.state AS state FROM wishes JOIN jobs ON jobs.id = wishes.job
             WHERE wishes.repository = $1 AND wishes.issue = $2 AND trigger_kind = $3 AND trigger_object = $4 AND occurrence = $5",
            values![key.repository, key.issue, &key.trigger, &key.object, &key.occurrence],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let job = row.job("job")?;
    let state = row.word("state", JobState::from_word)?;
    let redelivered = guid.is_some() && row.maybe_text("guid")?.as_deref() == guid;
    if !state.is_final() {
        return Ok(Some(Wished::Joined(job)));
    }
    if state != JobState::Failed || !redelivered {
        return Ok(Some(Wished::Seen(job)));
    }
    match other_active(s, job).await? {
        Some(other) => Ok(Some(Wished::Joined(other))),
        None => {
            jobs::requeue(s, job).await?;
            Ok(Some(Wished::Retried(job)))
        }
    }
}

/// A job that has not ended and takes the wish in.
async fn running(s: &mut Session, wish: &NewWish) -> Result<Option<JobId>> {
    let key = &wish.key;
    let row = match wish.overlap {
        Overlap::Trigger => {
            s.row(
                "SELECT job FROM wishes
                 WHERE repository = $1 AND issue = $2 AND trigger_kind = $3 AND trigger_object = $4 AND active = 1",
                values![key.repository, key.issue, &key.trigger, &key.object],
            )
            .await?
        }
        Overlap::Issue => {
            s.row(
                "SELECT id AS job FROM jobs WHERE repository = $1 AND issue = $2 AND kind = $3
                 AND state NOT IN ('done', 'failed', 'cancelled') ORDER BY id LIMIT 1",
                values![key.repository, key.issue, wish.job.kind.word()],
            )
            .await?
        }
        Overlap::Waiting => {
            s.row(
                s.pick(
                    "SELECT id AS job FROM jobs WHERE repository = $1 AND issue = $2 AND kind = $3 AND state IN ('queued', 'parked')
                     ORDER BY id LIMIT 1",
                    "SELECT id AS job FROM jobs WHERE repository = $1 AND issue = $2 AND kind = $3 AND state IN ('queued', 'parked')
                     ORDER BY id LIMIT 1 FOR UPDATE",
                ),
                values![key.repository, key.issue, wish.job.kind.word()],
            )
            .await?
        }
    };
    row.map(|row| row.job("job")).transpose()
}

async fn insert(s: &mut Session, key: &WishKey, guid: Option<&str>, job: JobId, active: bool) -> Result<()> {
    // With another overlap than `Trigger` an older wish for the same object may still be active: it stays the one.
    s.run(
        "INSERT INTO wishes (repository, issue, trigger_kind, trigger_object, occurrence, guid, job, active, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 = 1 AND NOT EXISTS (SELECT 1 FROM wishes WHERE repository = $1 AND issue = $2
         AND trigger_kind = $3 AND trigger_object = $4 AND active = 1) THEN 1 ELSE 0 END, $9)",
        values![
            key.repository,
            key.issue,
            &key.trigger,
            &key.object,
            &key.occurrence,
            guid.map(str::to_owned),
            job,
            active,
            s.wall
        ],
    )
    .await?;
    Ok(())
}

/// Returns an unfinished job other than `job` that is at work on a wish for the same object, or fixes the same issue.
pub(super) async fn other_active(s: &mut Session, job: JobId) -> Result<Option<JobId>> {
    let row = s
        .row(
            "SELECT other.job AS job FROM wishes AS mine JOIN wishes AS other ON other.repository = mine.repository
             AND other.issue = mine.issue AND other.trigger_kind = mine.trigger_kind AND other.trigger_object = mine.trigger_object
             WHERE mine.job = $1 AND other.job <> $1 AND other.active = 1
             UNION ALL
             SELECT other.id AS job FROM jobs AS mine JOIN jobs AS other ON other.repository = mine.repository
             AND other.issue = mine.issue AND other.kind = mine.kind
             WHERE mine.id = $1 AND mine.kind = 'fix' AND other.id <> $1 AND other.state NOT IN ('done', 'failed', 'cancelled')
             LIMIT 1",
            values![job],
        )
        .await?;
    row.map(|row| row.job("job")).transpose()
}

/// Marks the wish that a job was made for as at work, or no longer.
pub(super) async fn set_active(s: &mut Session, job: JobId, active: bool) -> Result<()> {
    let sql = match active {
        false => "UPDATE wishes SET active = 0 WHERE job = $1 AND active = 1",
        true => {
            "UPDATE wishes SET active = 1 WHERE seq = (SELECT MIN(seq) FROM wishes WHERE job = $1) AND NOT EXISTS (
             SELECT 1 FROM wishes AS other WHERE other.repository = wishes.repository AND other.issue = wishes.issue
             AND other.trigger_kind = wishes.trigger_kind AND other.trigger_object = wishes.trigger_object AND other.active = 1)"
        }
    };
    s.run(sql, values![job]).await?;
    Ok(())
}
