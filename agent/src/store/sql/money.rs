//! The ledger and models' replies: set aside before it is spent, kept before it is used.

use crate::store::session::{Lock, Row, Session, to_json, values};
use crate::store::{
    Cap, JobId, Lease, Millis, ModelCall, ReservationId, Reserved, Result, Scope, Spend, SpendCap, StoreError,
};

use super::leases;

pub(super) async fn reserve(s: &mut Session, lease: &Lease, amount: Spend, caps: &[Cap]) -> Result<Reserved> {
    s.lock(Lock::Money).await?;
    let job = leases::held(s, lease).await?;
    for cap in caps {
        let spent = totals(s, cap.scope, cap.since).await?;
        if goes_over(spent, amount, cap.cap) {
            return Ok(Reserved::CapReached { cap: *cap, spent });
        }
    }
    let row = s
        .row(
            "INSERT INTO spend (job, repository, installation, micro_usd, tokens, container_seconds, settled, at)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7) RETURNING id",
            values![
                job.id,
                job.spec.repository,
                job.spec.installation,
                amount.micro_usd,
                amount.tokens,
                amount.container_seconds,
                s.wall
            ],
        )
        .await?;
    let row = row.ok_or_else(|| StoreError::Content("an insert returned no id".to_owned()))?;
    Ok(Reserved::Yes(ReservationId(row.int("id")?)))
}

/// A cap that is reached stops even what seems to cost nothing: a price may be unknown.
fn goes_over(spent: Spend, amount: Spend, cap: SpendCap) -> bool {
    let over = |spent: u64, amount: u64, cap: Option<u64>| {
        cap.is_some_and(|cap| spent >= cap || spent.saturating_add(amount) > cap)
    };
    over(spent.micro_usd, amount.micro_usd, cap.micro_usd)
        || over(spent.tokens, amount.tokens, cap.tokens)
        || over(spent.container_seconds, amount.container_seconds, cap.container_seconds)
}

pub(super) async fn settle(s: &mut Session, reservation: ReservationId, spent: Spend) -> Result<()> {
    s.run(
        "UPDATE spend SET micro_usd = $2, tokens = $3, container_seconds = $4, settled = 1 WHERE id = $1 AND settled = 0",
        values![reservation.0, spent.micro_usd, spent.tokens, spent.container_seconds],
    )
    .await?;
    Ok(())
}

pub(super) async fn totals(s: &mut Session, scope: Scope, since: Millis) -> Result<Spend> {
    macro_rules! sums {
        ($condition:literal) => {
            concat!(
                "SELECT CAST(COALESCE(SUM(micro_usd), 0) AS BIGINT) AS micro_usd, CAST(COALESCE(SUM(tokens), 0) AS BIGINT) AS tokens,
                 CAST(COALESCE(SUM(container_seconds), 0) AS BIGINT) AS container_seconds FROM spend WHERE at >= $1",
                $condition
            )
        };
    }
    let row = match scope {
        Scope::Job(id) => s.row(sums!(" AND job = $2"), values![since, id]).await?,
        Scope::Repository(id) => s.row(sums!(" AND repository = $2"), values![since, id]).await?,
        Scope::Installation(id) => s.row(sums!(" AND installation = $2"), values![since, id]).await?,
        Scope::Everything => s.row(sums!(""), values![since]).await?,
    };
    row.map_or(Ok(Spend::default()), |row| read(&row))
}

fn read(row: &Row) -> Result<Spend> {
    Ok(Spend {
        micro_usd: row.unsigned("micro_usd")?,
        tokens: row.unsigned("tokens")?,
        container_seconds: row.unsigned("container_seconds")?,
    })
}

pub(super) async fn save_call(
    s: &mut Session,
    lease: &Lease,
    call: &ModelCall,
    reservation: Option<ReservationId>,
) -> Result<()> {
    leases::held(s, lease).await?;
    s.run(
        "INSERT INTO model_calls (job, request, reply, micro_usd, tokens, container_seconds, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (job, request) DO NOTHING",
        values![
            lease.job,
            &call.request,
            to_json(&call.reply)?,
            call.usage.micro_usd,
            call.usage.tokens,
            call.usage.container_seconds,
            s.wall
        ],
    )
    .await?;
    match reservation {
        Some(reservation) => settle(s, reservation, call.usage).await,
        None => Ok(()),
    }
}

pub(super) async fn call(s: &mut Session, job: JobId, request: &str) -> Result<Option<ModelCall>> {
    let row = s.row("SELECT * FROM model_calls WHERE job = $1 AND request = $2", values![job, request]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ModelCall { request: row.text("request")?, reply: row.json("reply")?, usage: read(&row)? }))
}
