//! The audit log: lines are added and read, and the database refuses everything else.

use crate::store::session::{Row, Session, to_json, values};
use crate::store::{AuditEntry, AuditFilter, AuditLine, Result};

pub(super) async fn append(s: &mut Session, line: &AuditLine) -> Result<()> {
    s.run(
        "INSERT INTO audit (at, actor, action, decision, reason, installation, repository, job, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            s.wall,
            &line.actor,
            &line.action,
            &line.decision,
            &line.reason,
            line.installation,
            line.repository,
            line.job,
            to_json(&line.detail)?
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn list(s: &mut Session, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
    let rows = s
        .rows(
            "SELECT * FROM audit WHERE seq > $1 AND ($2 IS NULL OR job = $2) AND ($3 IS NULL OR repository = $3) ORDER BY seq LIMIT $4",
            values![filter.after, filter.job, filter.repository, filter.limit],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.int("seq")?,
        at: row.int("at")?,
        line: AuditLine {
            actor: row.text("actor")?,
            action: row.text("action")?,
            decision: row.text("decision")?,
            reason: row.text("reason")?,
            installation: row.maybe_installation("installation")?,
            repository: row.maybe_repository("repository")?,
            job: row.maybe_job("job")?,
            detail: row.json("detail")?,
        },
    })
}
