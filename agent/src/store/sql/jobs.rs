//! Jobs: making them, reading them, and what people ask of them.

use crate::store::session::{Lock, Row, Session, to_json, values};
use crate::store::{Job, JobEvent, JobFilter, JobId, JobKind, JobState, NewJob, Result, StoreError};

use super::{outbox, wishes};

pub(super) async fn create(s: &mut Session, new: &NewJob) -> Result<JobId> {
    let id = JobId::new();
    s.run(
        "INSERT INTO jobs (id, installation, repository, issue, kind, state, priority, not_before, request, base, budget, attempt, lost,
         lease_token, pause, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, $9, $10, 0, 0, 0, 0, $11, $11)",
        values![
            id,
            new.installation,
            new.repository,
            new.issue,
            new.kind.word(),
            new.priority,
            new.not_before,
            to_json(&new.request)?,
            &new.base,
            to_json(&new.budget)?,
            s.wall
        ],
    )
    .await?;
    Ok(id)
}

/// Gives a job that waits still the input of a newer wish: the newest head of a repository is the one to index.
pub(super) async fn take_over(s: &mut Session, id: JobId, new: &NewJob) -> Result<()> {
    s.run(
        "UPDATE jobs SET base = $2, request = $3, priority = CASE WHEN priority < $4 THEN $4 ELSE priority END, updated_at = $5
         WHERE id = $1",
        values![id, &new.base, to_json(&new.request)?, new.priority, s.wall],
    )
    .await?;
    Ok(())
}

pub(super) fn read(row: &Row) -> Result<Job> {
    let priority = row.int("priority")?;
    Ok(Job {
        id: row.job("id")?,
        spec: NewJob {
            installation: row.installation("installation")?,
            repository: row.repository("repository")?,
            issue: row.unsigned("issue")?,
            kind: row.word("kind", JobKind::from_word)?,
            priority: i32::try_from(priority).map_err(|_| StoreError::Content(format!("priority is {priority}")))?,
            not_before: row.int("not_before")?,
            request: row.json("request")?,
            base: row.maybe_text("base")?,
            budget: row.json("budget")?,
        },
        state: row.word("state", JobState::from_word)?,
        attempt: row.small("attempt")?,
        lost: row.small("lost")?,
        worker: row.maybe_text("lease_worker")?,
        cancel: row.maybe_text("cancel")?,
        pause: row.int("pause")? != 0,
        note: row.maybe_text("note")?,
        outcome: row.maybe_json("outcome")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}

pub(super) async fn get(s: &mut Session, id: JobId) -> Result<Option<Job>> {
    s.row("SELECT * FROM jobs WHERE id = $1", values![id]).await?.as_ref().map(read).transpose()
}

/// Reads a job that this transaction is about to change, and holds others back from it.
pub(super) async fn for_change(s: &mut Session, id: JobId) -> Result<Job> {
    let sql = s.pick("SELECT * FROM jobs WHERE id = $1", "SELECT * FROM jobs WHERE id = $1 FOR UPDATE");
    match s.row(sql, values![id]).await? {
        Some(row) => read(&row),
        None => Err(StoreError::Unknown(id)),
    }
}

pub(super) async fn list(s: &mut Session, filter: &JobFilter) -> Result<Vec<Job>> {
    let words: Vec<&str> = filter.states.iter().map(|state| state.word()).collect();
    let states = (!words.is_empty()).then(|| words.join(","));
    let limit = if filter.limit == 0 { 1000 } else { filter.limit };
    let rows = s
        .rows(
            "SELECT * FROM jobs WHERE ($1 IS NULL OR ',' || $1 || ',' LIKE '%,' || state || ',%') AND ($2 IS NULL OR kind = $2)
             AND ($3 IS NULL OR installation = $3) AND ($4 IS NULL OR repository = $4) AND ($5 IS NULL OR issue = $5)
             AND ($6 IS NULL OR id < $6) ORDER BY id DESC LIMIT $7",
            values![
                states,
                filter.kind.map(|kind| kind.word().to_owned()),
                filter.installation,
                filter.repository,
                filter.issue.map(|issue| i64::try_from(issue).unwrap_or(i64::MAX)),
                filter.before,
                limit
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Moves a job to another state, with everything that follows from where it goes. The lease is kept only between states of a worker.
pub(super) async fn set_state(s: &mut Session, job: &Job, to: JobState, note: Option<&str>) -> Result<()> {
    if !job.state.may_become(to) {
        return Err(StoreError::Transition { job: job.id, from: job.state, to });
    }
    s.run(
        "UPDATE jobs SET state = $2, note = $3, updated_at = $4,
         lease_worker = CASE WHEN $5 = 1 THEN lease_worker ELSE NULL END, lease_until = CASE WHEN $5 = 1 THEN lease_until ELSE NULL END
         WHERE id = $1",
        values![job.id, to.word(), note.map(str::to_owned), s.wall, to.is_leased()],
    )
    .await?;
    if to.is_final() {
        wishes::set_active(s, job.id, false).await?;
    }
    Ok(())
}

/// The state in which a job without a worker waits, given what people asked for meanwhile.
pub(super) fn resting_state(job: &Job) -> JobState {
    match (&job.cancel, job.pause) {
        (Some(_), _) => JobState::Cancelled,
        (None, true) => JobState::Paused,
        (None, false) => JobState::Queued,
    }
}

pub(super) async fn request_cancel(s: &mut Session, id: JobId, reason: &str) -> Result<JobState> {
    let job = for_change(s, id).await?;
    if job.state.is_final() {
        return Ok(job.state);
    }
    s.run("UPDATE jobs SET cancel = COALESCE(cancel, $2), updated_at = $3 WHERE id = $1", values![id, reason, s.wall])
        .await?;
    if job.state == JobState::Publishing {
        outbox::drop_planned(s, id).await?;
        return Ok(outbox::end_if_published(s, id).await?.unwrap_or(JobState::Publishing));
    }
    if job.state.is_leased() {
        return Ok(job.state);
    }
    set_state(s, &job, JobState::Cancelled, Some(reason)).await?;
    Ok(JobState::Cancelled)
}

pub(super) async fn pause(s: &mut Session, id: JobId) -> Result<JobState> {
    let job = for_change(s, id).await?;
    if job.state == JobState::Paused {
        return Ok(job.state);
    }
    if !job.state.may_become(JobState::Paused) {
        return Err(StoreError::Transition { job: id, from: job.state, to: JobState::Paused });
    }
    s.run("UPDATE jobs SET pause = 1, updated_at = $2 WHERE id = $1", values![id, s.wall]).await?;
    if job.state.is_leased() {
        return Ok(job.state);
    }
    set_state(s, &job, JobState::Paused, None).await?;
    Ok(JobState::Paused)
}

pub(super) async fn resume(s: &mut Session, id: JobId) -> Result<JobState> {
    let job = for_change(s, id).await?;
    if job.state != JobState::Paused && !(job.pause && job.state.is_leased()) {
        return Err(StoreError::Transition { job: id, from: job.state, to: JobState::Queued });
    }
    s.run("UPDATE jobs SET pause = 0, updated_at = $2 WHERE id = $1", values![id, s.wall]).await?;
    if job.state == JobState::Paused {
        set_state(s, &job, JobState::Queued, None).await?;
        return Ok(JobState::Queued);
    }
    Ok(job.state)
}

pub(super) async fn retry(s: &mut Session, id: JobId) -> Result<JobState> {
    let Some(job) = get(s, id).await? else { return Err(StoreError::Unknown(id)) };
    s.lock(Lock::Wishes(job.spec.repository)).await?;
    if let Some(other) = wishes::other_active(s, id).await? {
        return Err(StoreError::Busy(other));
    }
    requeue(s, id).await?;
    Ok(JobState::Queued)
}

/// Lets a failed or cancelled job wait again, with its journal and without the words of its end.
pub(super) async fn requeue(s: &mut Session, id: JobId) -> Result<()> {
    let job = for_change(s, id).await?;
    // A job at work may wait again too, but only by its worker's hand.
    if !matches!(job.state, JobState::Failed | JobState::Cancelled) {
        return Err(StoreError::Transition { job: id, from: job.state, to: JobState::Queued });
    }
    set_state(s, &job, JobState::Queued, None).await?;
    s.run(
        "UPDATE jobs SET cancel = NULL, pause = 0, outcome = NULL, lost = 0, not_before = 0 WHERE id = $1",
        values![id],
    )
    .await?;
    wishes::set_active(s, id, true).await
}

pub(super) async fn events(s: &mut Session, id: JobId, from: i64, limit: u32) -> Result<Vec<JobEvent>> {
    let sql = "SELECT seq, at, body FROM events WHERE job = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    let event = |row: &Row| Ok(JobEvent { seq: row.int("seq")?, at: row.int("at")?, body: row.text("body")? });
    s.rows(sql, values![id, from, limit]).await?.iter().map(event).collect()
}
