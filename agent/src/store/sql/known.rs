//! What we made on GitHub, what we last learned of it, and counts of our own.

use github::{InstallationId, RepositoryId};

use crate::store::session::{Row, Session, to_json, values};
use crate::store::{Comment, Counts, Installation, JobState, Millis, Permission, Pull, PullState, Repository, Result};

pub(super) async fn record_pull(s: &mut Session, pull: &Pull) -> Result<()> {
    s.run(
        "INSERT INTO pulls (repository, number, issue, job, branch, head, state, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (repository, number) DO UPDATE SET
         job = excluded.job, branch = excluded.branch, head = excluded.head, state = excluded.state, updated_at = excluded.updated_at",
        values![
            pull.repository,
            pull.number,
            pull.issue,
            pull.job,
            &pull.branch,
            &pull.head,
            pull.state.word(),
            s.wall
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn record_outcome(
    s: &mut Session,
    repository: RepositoryId,
    number: u64,
    state: PullState,
) -> Result<bool> {
    let sql = "UPDATE pulls SET state = $3, updated_at = $4 WHERE repository = $1 AND number = $2";
    Ok(s.run(sql, values![repository, number, state.word(), s.wall]).await? > 0)
}

fn read_pull(row: &Row) -> Result<Pull> {
    Ok(Pull {
        repository: row.repository("repository")?,
        number: row.unsigned("number")?,
        issue: row.unsigned("issue")?,
        job: row.job("job")?,
        branch: row.text("branch")?,
        head: row.text("head")?,
        state: row.word("state", PullState::from_word)?,
    })
}

pub(super) async fn pull(s: &mut Session, repository: RepositoryId, number: u64) -> Result<Option<Pull>> {
    let sql = "SELECT * FROM pulls WHERE repository = $1 AND number = $2";
    s.row(sql, values![repository, number]).await?.as_ref().map(read_pull).transpose()
}

pub(super) async fn pulls_of_issue(s: &mut Session, repository: RepositoryId, issue: u64) -> Result<Vec<Pull>> {
    let sql = "SELECT * FROM pulls WHERE repository = $1 AND issue = $2 ORDER BY number DESC";
    s.rows(sql, values![repository, issue]).await?.iter().map(read_pull).collect()
}

pub(super) async fn pulls_in(s: &mut Session, state: PullState) -> Result<Vec<Pull>> {
    let sql = "SELECT * FROM pulls WHERE state = $1 ORDER BY repository, number";
    s.rows(sql, values![state.word()]).await?.iter().map(read_pull).collect()
}

pub(super) async fn record_comment(s: &mut Session, it: &Comment) -> Result<()> {
    s.run(
        "INSERT INTO comments (repository, issue, purpose, comment, job) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (repository, issue, purpose) DO UPDATE SET comment = excluded.comment, job = excluded.job",
        values![it.repository, it.issue, &it.purpose, it.comment, it.job],
    )
    .await?;
    Ok(())
}

pub(super) async fn comment(
    s: &mut Session,
    repository: RepositoryId,
    issue: u64,
    purpose: &str,
) -> Result<Option<Comment>> {
    let sql = "SELECT comment, job FROM comments WHERE repository = $1 AND issue = $2 AND purpose = $3";
    let Some(row) = s.row(sql, values![repository, issue, purpose]).await? else { return Ok(None) };
    let (comment, job) = (row.unsigned("comment")?, row.maybe_job("job")?);
    Ok(Some(Comment { repository, issue, purpose: purpose.to_owned(), comment, job }))
}

pub(super) async fn record_repository(s: &mut Session, it: &Repository) -> Result<()> {
    let record = to_json(&Repository { updated_at: s.wall, ..it.clone() })?;
    s.run(
        "INSERT INTO repositories (id, installation, record) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET installation = excluded.installation, record = excluded.record",
        values![it.id, it.installation, record],
    )
    .await?;
    Ok(())
}

pub(super) async fn repository(s: &mut Session, id: RepositoryId) -> Result<Option<Repository>> {
    let row = s.row("SELECT record FROM repositories WHERE id = $1", values![id]).await?;
    row.map(|row| row.json("record")).transpose()
}

pub(super) async fn repositories(s: &mut Session, installation: Option<InstallationId>) -> Result<Vec<Repository>> {
    let sql = "SELECT record FROM repositories WHERE $1 IS NULL OR installation = $1 ORDER BY id";
    s.rows(sql, values![installation]).await?.iter().map(|row| row.json("record")).collect()
}

pub(super) async fn record_installation(s: &mut Session, it: &Installation) -> Result<()> {
    let record = to_json(&Installation { updated_at: s.wall, ..it.clone() })?;
    s.run(
        "INSERT INTO installations (id, record) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        values![it.id, record],
    )
    .await?;
    Ok(())
}

pub(super) async fn installation(s: &mut Session, id: InstallationId) -> Result<Option<Installation>> {
    let row = s.row("SELECT record FROM installations WHERE id = $1", values![id]).await?;
    row.map(|row| row.json("record")).transpose()
}

pub(super) async fn installations(s: &mut Session) -> Result<Vec<Installation>> {
    s.rows("SELECT record FROM installations ORDER BY id", &[]).await?.iter().map(|row| row.json("record")).collect()
}

pub(super) async fn record_permission(s: &mut Session, it: &Permission) -> Result<()> {
    s.run(
        "INSERT INTO permissions (repository, person, level, asked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (repository, person) DO UPDATE SET level = excluded.level, asked_at = excluded.asked_at",
        values![it.repository, it.user, &it.level, it.asked_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn permission(
    s: &mut Session,
    repository: RepositoryId,
    user: u64,
    since: Millis,
) -> Result<Option<Permission>> {
    let sql = "SELECT level, asked_at FROM permissions WHERE repository = $1 AND person = $2 AND asked_at > $3";
    let Some(row) = s.row(sql, values![repository, user, since]).await? else { return Ok(None) };
    Ok(Some(Permission { repository, user, level: row.text("level")?, asked_at: row.int("asked_at")? }))
}

pub(super) async fn forget_permissions(s: &mut Session, repository: Option<RepositoryId>) -> Result<()> {
    s.run("DELETE FROM permissions WHERE $1 IS NULL OR repository = $1", values![repository]).await?;
    Ok(())
}

pub(super) async fn cursor(s: &mut Session, name: &str) -> Result<Option<String>> {
    let row = s.row("SELECT value FROM meta WHERE name = $1", values![format!("cursor.{name}")]).await?;
    row.map(|row| row.text("value")).transpose()
}

pub(super) async fn set_cursor(s: &mut Session, name: &str, value: &str) -> Result<()> {
    set_meta(s, &format!("cursor.{name}"), value).await
}

pub(in crate::store) async fn set_meta(s: &mut Session, name: &str, value: &str) -> Result<()> {
    s.run(
        "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        values![name, value],
    )
    .await?;
    Ok(())
}

pub(super) async fn counts(s: &mut Session) -> Result<Counts> {
    let sql = "SELECT (SELECT COUNT(*) FROM deliveries WHERE state = 'pending') AS pending,
               (SELECT COUNT(*) FROM outbox WHERE state IN ('planned', 'sent')) AS open";
    let mut counts = Counts::default();
    if let Some(row) = s.row(sql, &[]).await? {
        counts.pending_deliveries = row.unsigned("pending")?;
        counts.open_effects = row.unsigned("open")?;
    }
    for row in s.rows("SELECT state, COUNT(*) AS number FROM jobs GROUP BY state ORDER BY state", &[]).await? {
        counts.jobs.push((row.word("state", JobState::from_word)?, row.unsigned("number")?));
    }
    Ok(counts)
}

pub(super) async fn now(s: &mut Session) -> Result<Millis> {
    Ok(s.wall)
}
