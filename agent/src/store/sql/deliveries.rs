//! Deliveries: taking them in, and settling what they led to.

use crate::store::session::{Row, Session, values};
use crate::store::{
    Accepted, Delivery, DeliveryState, Millis, NewDelivery, NewEffect, Result, Settled, Settlement, StoreError, Wished,
};

use super::{audit, jobs, outbox, wishes};

pub(super) async fn accept(s: &mut Session, new: &NewDelivery) -> Result<Accepted> {
    let inserted = s
        .run(
            "INSERT INTO deliveries (guid, event, action, installation, repository, body, received_at, times, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 'pending') ON CONFLICT (guid) DO NOTHING",
            values![&new.guid, &new.event, &new.action, new.installation, new.repository, new.body.as_slice(), s.wall],
        )
        .await?;
    match inserted {
        0 => again(s, &new.guid, &new.body).await,
        _ => Ok(Accepted::Stored),
    }
}

/// A delivery that is there already is handled again only if handling it, or a job that it led to, failed.
async fn again(s: &mut Session, guid: &str, body: &[u8]) -> Result<Accepted> {
    s.run("UPDATE deliveries SET times = times + 1 WHERE guid = $1", values![guid]).await?;
    // The body is the signed one of this redelivery: the first one's may have been forgotten.
    let renewed = s
        .run(
            "UPDATE deliveries SET state = 'pending', note = NULL, body = $2 WHERE guid = $1 AND (state = 'failed' OR (state = 'handled'
             AND EXISTS (SELECT 1 FROM wishes JOIN jobs ON jobs.id = wishes.job WHERE wishes.guid = $1 AND jobs.state = 'failed')))",
            values![guid, body],
        )
        .await?;
    Ok(if renewed == 0 { Accepted::Duplicate } else { Accepted::Again })
}

fn read(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        delivery: NewDelivery {
            guid: row.text("guid")?,
            event: row.text("event")?,
            action: row.maybe_text("action")?,
            installation: row.maybe_installation("installation")?,
            repository: row.maybe_repository("repository")?,
            body: row.bytes("body")?,
        },
        received_at: row.int("received_at")?,
        times: row.small("times")?,
        state: row.word("state", DeliveryState::from_word)?,
        note: row.maybe_text("note")?,
    })
}

pub(super) async fn pending(s: &mut Session, limit: u32) -> Result<Vec<Delivery>> {
    let sql = "SELECT * FROM deliveries WHERE state = 'pending' ORDER BY seq LIMIT $1";
    s.rows(sql, values![limit]).await?.iter().map(read).collect()
}

pub(super) async fn get(s: &mut Session, guid: &str) -> Result<Option<Delivery>> {
    s.row("SELECT * FROM deliveries WHERE guid = $1", values![guid]).await?.as_ref().map(read).transpose()
}

pub(super) async fn settle(s: &mut Session, guid: &str, settled: &Settled) -> Result<Settlement> {
    if settled.state == DeliveryState::Pending {
        return Err(StoreError::Unsupported("a settled delivery is handled, ignored or failed"));
    }
    let mine = s
        .run(
            "UPDATE deliveries SET state = $2, note = $3 WHERE guid = $1 AND state = 'pending'",
            values![guid, settled.state.word(), &settled.note],
        )
        .await?;
    if mine == 0 {
        return Ok(Settlement::NotPending);
    }
    let mut wished = Vec::new();
    for wish in &settled.wishes {
        wished.push(wishes::make(s, wish, Some(guid)).await?);
    }
    for (job, reason) in &settled.cancels {
        match jobs::request_cancel(s, *job, reason).await {
            Ok(_) | Err(StoreError::Unknown(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for effect in settled.effects.iter().cloned().chain(effects_of_new_jobs(settled, &wished)) {
        outbox::plan(s, &effect).await?;
    }
    for line in &settled.audit {
        audit::append(s, line).await?;
    }
    Ok(Settlement::Done(wished))
}

fn effects_of_new_jobs(settled: &Settled, wished: &[Wished]) -> Vec<NewEffect> {
    let made = |index: usize| match wished.get(index) {
        Some(Wished::Created(job) | Wished::Retried(job)) => Some(*job),
        Some(Wished::Joined(_) | Wished::Seen(_)) | None => None,
    };
    let with_job =
        |(index, effect): &(usize, NewEffect)| made(*index).map(|job| NewEffect { job: Some(job), ..effect.clone() });
    settled.on_created.iter().filter_map(with_job).collect()
}

pub(super) async fn forget_bodies(s: &mut Session, before: Millis) -> Result<u64> {
    s.run(
        "UPDATE deliveries SET body = $2 WHERE received_at < $1 AND state <> 'pending' AND body <> $2",
        values![before, [].as_slice()],
    )
    .await
}
