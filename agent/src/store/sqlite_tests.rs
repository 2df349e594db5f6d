//! What SQLite alone must show: files that are gone or damaged, loss of power, a full disk, versions, and two who use one file.

use std::fs;
use std::path::{Path, PathBuf};

use rand::Rng;

use super::conformance::{delivery, effect, handled, intake, wish, worker};
use super::*;
use crate::clock;

/// Data of schema version 1: jobs and effects in every state.
pub(super) const VERSION_1: &str = include_str!("../../migrations/fixtures/version_1.sql");

async fn open(path: &Path) -> Result<SqliteStore> {
    SqliteStore::open(path, StoreOptions::default()).await
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Copies the files of a store that is running, as they are: what a killed process or a machine without power leaves.
fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal", ".state"] {
        fs::copy(beside(from, suffix), beside(to, suffix)).unwrap();
    }
}

fn refusal(result: Result<SqliteStore>, words: &[&str]) {
    let error = result.err().expect("a refusal").to_string();
    for word in words {
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn what_is_gone_or_damaged_is_refused_and_never_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).await.unwrap();
    for number in 0..200 {
        store.accept(NewDelivery { body: vec![7; 4000], ..delivery(&format!("g{number}")) }).await.unwrap();
    }
    let running = dir.path().join("b.db");
    copy(&path, &running);
    store.close().await.unwrap();
    assert!(!beside(&path, "-wal").exists(), "a clean stop leaves one file and the marker");

    fs::rename(beside(&running, "-wal"), beside(&running, "-kept")).unwrap();
    refusal(open(&running).await, &["write-ahead log", "restore a backup", "b.db-wal"]);
    assert!(!beside(&running, "-wal").exists());
    fs::rename(beside(&running, "-kept"), beside(&running, "-wal")).unwrap();
    fs::rename(&running, beside(&running, "-kept")).unwrap();
    refusal(open(&running).await, &["is missing", "put the file back"]);
    assert!(!running.exists());

    let whole = fs::read(&path).unwrap();
    for (at, what) in [(0, "header"), (whole.len() / 2, "a page within"), (whole.len() - 8000, "a page near the end")] {
        let damaged = dir.path().join("c.db");
        let mut bytes = whole.clone();
        bytes[at..at + 4096].fill(0xa5);
        fs::write(&damaged, &bytes).unwrap();
        fs::copy(beside(&path, ".state"), beside(&damaged, ".state")).unwrap();
        let result = open(&damaged).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{what}: {:?}", result.err());
        refusal(result, &["damaged", "c.db", "restore a backup"]);
        assert_eq!(fs::read(&damaged).unwrap(), bytes, "{what}: it was written to");
    }
    fs::write(dir.path().join("d.db"), &whole[..whole.len() / 2 + 100]).unwrap();
    assert!(open(&dir.path().join("d.db")).await.is_err());

    let store = open(&path).await.unwrap();
    assert_eq!(store.pending_deliveries(1000).await.unwrap().len(), 200);
    store.close().await.unwrap();
}

/// The loss of power, with the log cut anywhere behind what was synced, or whole with rubbish behind it.
#[tokio::test]
async fn what_was_acknowledged_survives_the_loss_of_power() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).await.unwrap();
    let mut random = clock::random(3);
    let mut acknowledged = 0;
    for round in 0..40 {
        for _ in 0..random.random_range(1..10) {
            store.accept(delivery(&format!("g{acknowledged}"))).await.unwrap();
            acknowledged += 1;
        }
        let synced = fs::metadata(beside(&path, "-wal")).unwrap().len();
        let sure = acknowledged;
        for number in 0..5 {
            store.accept(delivery(&format!("r{round}.{number}"))).await.unwrap();
        }
        let copied = dir.path().join(format!("b{round}.db"));
        copy(&path, &copied);
        let wal = beside(&copied, "-wal");
        let mut bytes = fs::read(&wal).unwrap();
        // A log that began anew after a checkpoint overwrites itself: then nothing may be cut off.
        let cut = random.random_range(usize::try_from(synced).unwrap().min(bytes.len())..=bytes.len());
        bytes.truncate(cut);
        bytes.extend((0..random.random_range(0..5000)).map(|_| random.random::<u8>()));
        fs::write(&wal, bytes).unwrap();
        let after = open(&copied).await.unwrap();
        let kept = after.pending_deliveries(10_000).await.unwrap();
        for number in 0..sure {
            let guid = format!("g{number}");
            assert!(kept.iter().any(|kept| kept.delivery.guid == guid), "round {round}, cut at {cut}: {guid} is lost");
        }
        after.close().await.unwrap();
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    open(&path).await.unwrap().close().await.unwrap();
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', 1, '', 0)";
    let pool = sqlx::SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
    refusal(open(&path).await, &["schema 99", "run the newer program", "restore the backup"]);
    refusal(SqliteStore::attach(&path, StoreOptions::default()).await, &["schema 99"]);
}

#[tokio::test]
async fn data_of_earlier_versions_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    schema::migrator(schema::Dialect::Sqlite, 1).run(&pool).await.unwrap();
    sqlx::raw_sql(VERSION_1).execute(&pool).await.unwrap();
    pool.close().await;
    refusal(SqliteStore::attach(&path, StoreOptions::default()).await, &["version 1"]);
    let store = open(&path).await.unwrap();
    assert!(beside(&path, ".before-2").exists(), "a copy is made before anything is changed");
    version_1_is_all_there(&store).await;
    store.close().await.unwrap();
}

/// Checks what [`VERSION_1`] holds, and that every job in it goes on.
pub(super) async fn version_1_is_all_there(store: &dyn Store) {
    for (number, state) in (1..).zip(DeliveryState::ALL) {
        assert_eq!(store.delivery(&format!("d{number}")).await.unwrap().unwrap().state, *state);
    }
    let ended = [JobState::Done, JobState::Failed, JobState::Cancelled];
    let jobs = store.jobs(&JobFilter::default()).await.unwrap();
    assert_eq!(jobs.len(), JobState::ALL.len());
    for job in &jobs {
        let was = JobState::ALL[usize::try_from(job.spec.issue - 1).unwrap()];
        // Leases are of processes and of an opening that are gone; on PostgreSQL they have run out.
        let fits = job.state == was || (was.is_leased() && job.state == JobState::Queued);
        assert!(fits, "{was} became {}", job.state);
    }
    for (number, state) in (1..).zip(EffectState::ALL) {
        assert_eq!(store.effect_by_key(&format!("e{number}")).await.unwrap().unwrap().state, *state);
    }
    let mut worked = 0;
    while let Some(claim) = store.claim(&worker("w")).await.unwrap() {
        let amount = Spend { tokens: 5, ..Spend::default() };
        assert!(matches!(store.reserve(&claim.lease, amount, &[]).await.unwrap(), Reserved::Yes(_)));
        let done = Outcome { state: JobState::Done, summary: "done".to_owned(), detail: serde_json::Value::Null };
        store.finish(&claim.lease, done, vec![]).await.unwrap();
        worked += 1;
    }
    assert_eq!(worked, 6, "queued, four under lease, parked");
    for TakenEffect { lease, .. } in store.next_effects("p", 10).await.unwrap() {
        assert_eq!(store.confirm(&lease, "1").await.unwrap(), Some(JobState::Done), "the one that was publishing");
    }
    let paused = jobs.iter().find(|job| job.state == JobState::Paused).unwrap();
    store.resume(paused.id).await.unwrap();
    for job in store.jobs(&JobFilter { states: ended.to_vec(), ..JobFilter::default() }).await.unwrap() {
        assert!(job.id != paused.id);
    }
    assert_eq!(store.events(jobs[7].id, 1, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unclean_stop_voids_leases_and_loses_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).await.unwrap();
    store.accept(delivery("g1")).await.unwrap();
    let Settlement::Done(wished) = store.settle("g1", handled(vec![wish(1, 1, "c1")])).await.unwrap() else { panic!() };
    let claim = store.claim(&worker("w1")).await.unwrap().unwrap();
    store.plan_effects(&claim.lease, vec![effect("e", None)]).await.unwrap();
    store.next_effects("p1", 1).await.unwrap();
    let copied = dir.path().join("b.db");
    copy(&path, &copied);
    let again = open(&copied).await.unwrap();
    let job = again.job(wished[0].job()).await.unwrap().unwrap();
    assert_eq!((job.state, job.lost, job.worker), (JobState::Queued, 1, None));
    assert!(matches!(again.heartbeat(&claim.lease).await, Err(StoreError::Fenced { .. })));
    assert_eq!(again.next_effects("p2", 1).await.unwrap().len(), 1);
    again.close().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.accept(delivery("g2")).await, Err(StoreError::Closed)));
    assert!(matches!(store.counts().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_guest_asks_and_takes_no_work() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    assert!(SqliteStore::attach(&path, StoreOptions::default()).await.is_err());
    assert!(!path.exists());
    let store = open(&path).await.unwrap();
    let job = store.wish(wish(1, 1, "c1"), vec![]).await.unwrap().job();
    let claim = store.claim(&worker("w")).await.unwrap().unwrap();
    let guest = SqliteStore::attach(&path, StoreOptions::default()).await.unwrap();
    assert_eq!(guest.request_cancel(job, "stop").await.unwrap(), JobState::Leased);
    assert!(matches!(guest.claim(&worker("g")).await, Err(StoreError::Unsupported(_))));
    guest.close().await.unwrap();
    assert_eq!(store.heartbeat(&claim.lease).await.unwrap().cancel.as_deref(), Some("stop"));
    store.close().await.unwrap();
    open(&path).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_backup_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copied) = (dir.path().join("a.db"), dir.path().join("b.db"));
    let store = open(&path).await.unwrap();
    store.accept(delivery("g1")).await.unwrap();
    store.backup(&copied).await.unwrap();
    assert!(store.backup(&copied).await.is_err(), "nothing is written over");
    let restored = open(&copied).await.unwrap();
    assert_eq!(restored.pending_deliveries(10).await.unwrap().len(), 1);
    restored.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_audit_log_and_journals_cannot_be_changed_by_statements_either() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let store = open(&path).await.unwrap();
    store.audit(intake::line("a")).await.unwrap();
    store.wish(wish(1, 1, "c1"), vec![]).await.unwrap();
    let claim = store.claim(&worker("w")).await.unwrap().unwrap();
    store.append(&claim.lease, &["{}".to_owned()]).await.unwrap();
    let pool = sqlx::SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
    for statement in ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "UPDATE events SET body = ''"] {
        let error = sqlx::query(statement).execute(&pool).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{statement}: {error}");
    }
    pool.close().await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_thousand_deliveries_over_fifty_connections_take_few_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(open(&dir.path().join("a.db")).await.unwrap());
    let begin = clock::Clock::start();
    let tasks: Vec<_> = (0..50)
        .map(|connection| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..20 {
                    // Three in ten are duplicates.
                    let guid = format!("g{}.{}", connection, if number % 10 < 3 { 0 } else { number });
                    store.accept(delivery(&guid)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let took = begin.elapsed();
    println!("1,000 accepts in {} ms", took.as_millis());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(store.pending_deliveries(2000).await.unwrap().len(), 50 * 15);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let Some(disk) = SmallDisk::mount(6 << 20) else {
        println!("skipped: a full disk: mounting a small one needs root");
        return;
    };
    let path = disk.0.path().join("a.db");
    let store = open(&path).await.unwrap();
    let big = |number: u32| NewDelivery { body: vec![9; 200_000], ..delivery(&format!("g{number}")) };
    let mut accepted = 0;
    let error = loop {
        match store.accept(big(accepted)).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 100, "the disk never filled up");
    };
    assert!(matches!(error, StoreError::Full(_)) && error.is_temporary(), "{error}");
    // What was accepted is there, and small things go on or are refused in the same way.
    assert_eq!(store.pending_deliveries(1000).await.unwrap().len(), usize::try_from(accepted).unwrap());
    disk.grow(32 << 20);
    store.accept(big(accepted)).await.unwrap();
    store.close().await.unwrap();
    let again = open(&path).await.unwrap();
    assert_eq!(again.pending_deliveries(1000).await.unwrap().len(), usize::try_from(accepted).unwrap() + 1);
    again.close().await.unwrap();
}

/// A disk in memory, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(bytes: u64) -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let flags = nix::mount::MsFlags::empty();
        let size = format!("size={bytes}");
        nix::mount::mount(Some("tmpfs"), dir.path(), Some("tmpfs"), flags, Some(size.as_str())).ok()?;
        Some(SmallDisk(dir))
    }

    fn grow(&self, bytes: u64) {
        let flags = nix::mount::MsFlags::MS_REMOUNT;
        let size = format!("size={bytes}");
        nix::mount::mount(Some("tmpfs"), self.0.path(), Some("tmpfs"), flags, Some(size.as_str())).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(self.0.path(), nix::mount::MntFlags::MNT_DETACH);
    }
}
