//! Killing the process: at every fail point of the store, and at random times. What was acknowledged before is there afterwards.
//!
//! The child is this test program itself, started for one test with the store's path in a variable. It tells its parent each
//! acknowledged call in one line, the parent kills it or lets it die, and then compares what the store holds with what was told.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use rand::Rng;

use super::conformance::{delivery, effect, handled, intake, new_job, outcome, wish, worker};
use super::*;
use crate::{clock, failpoint};

const STORE: &str = "PATCHWRIGHT_TEST_STORE";
const TOURS: &str = "PATCHWRIGHT_TEST_TOURS";

/// One acknowledged fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Delivery(String),
    Job(JobId, u64),
    Event(JobId, i64),
    Effect(String),
    Audit(String),
    Reply(JobId),
    Cursor(String),
}

impl Fact {
    fn line(&self) -> String {
        match self {
            Fact::Delivery(guid) => format!("fact delivery {guid}"),
            Fact::Job(job, issue) => format!("fact job {job} {issue}"),
            Fact::Event(job, seq) => format!("fact event {job} {seq}"),
            Fact::Effect(key) => format!("fact effect {key}"),
            Fact::Audit(action) => format!("fact audit {action}"),
            Fact::Reply(job) => format!("fact reply {job}"),
            Fact::Cursor(name) => format!("fact cursor {name}"),
        }
    }

    fn read(line: &str) -> Option<Fact> {
        let words: Vec<&str> = line.split(' ').collect();
        // The harness may have written the beginning of a line.
        let at = words.iter().position(|word| word.ends_with("fact"))?;
        match words[at + 1..] {
            ["delivery", guid] => Some(Fact::Delivery(guid.to_owned())),
            ["job", job, issue] => Some(Fact::Job(job.parse().ok()?, issue.parse().ok()?)),
            ["event", job, seq] => Some(Fact::Event(job.parse().ok()?, seq.parse().ok()?)),
            ["effect", key] => Some(Fact::Effect(key.to_owned())),
            ["audit", action] => Some(Fact::Audit(action.to_owned())),
            ["reply", job] => Some(Fact::Reply(job.parse().ok()?)),
            ["cursor", name] => Some(Fact::Cursor(name.to_owned())),
            _ => None,
        }
    }
}

fn tell(fact: &Fact) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{}", fact.line()).unwrap();
    out.flush().unwrap();
}

/// The child's side; nothing in a run of the tests themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(path) = std::env::var(STORE) else { return };
    let tours: u64 = std::env::var(TOURS).unwrap().parse().unwrap();
    let options = StoreOptions { max_lost: u32::MAX, ..StoreOptions::default() };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(Path::new(&path), options).await.unwrap());
    let tasks: Vec<_> = (0..tours).map(|_| tokio::spawn(tour(store.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    store.close().await.unwrap();
}

/// Makes every call that writes at least once, on a repository of its own.
async fn tour(store: Arc<dyn Store>) {
    let repository = u64::from(std::process::id()) << 20 | clock::random(store_seed()).random_range(0..1 << 20);
    let here = RepositoryId(repository);
    let name = |what: &str| format!("{what}-{repository}");
    let guid = name("g");
    assert_eq!(store.accept(delivery(&guid)).await.unwrap(), Accepted::Stored);
    tell(&Fact::Delivery(guid.clone()));
    let wishes = (1..=3).map(|issue| wish(repository, issue, &format!("c{issue}"))).collect();
    let Settlement::Done(wished) = store.settle(&guid, handled(wishes)).await.unwrap() else { panic!() };
    for (issue, wished) in (1..).zip(&wished) {
        tell(&Fact::Job(wished.job(), issue));
    }
    store.forget_bodies(0).await.unwrap();
    store.audit(intake::line(&name("a"))).await.unwrap();
    tell(&Fact::Audit(name("a")));
    store.set_cursor(&name("s"), "here").await.unwrap();
    tell(&Fact::Cursor(name("s")));
    remember(&*store, here, wished[0].job()).await;

    // Another tour's worker may take our job and we theirs, so the rest follows whichever job is claimed.
    let claim = store.claim(&worker(&name("w"))).await.unwrap().expect("three jobs were made for each worker");
    let (job, lease) = (claim.job.id, claim.lease);
    store.heartbeat(&lease).await.unwrap();
    store.advance(&lease, JobState::Preparing).await.unwrap();
    store.set_base(&lease, "abc").await.unwrap();
    let seq = store.append(&lease, &["{\"event\":\"a\"}".to_owned(), "{\"event\":\"b\"}".to_owned()]).await.unwrap();
    tell(&Fact::Event(job, seq));
    let Reserved::Yes(first) = store.reserve(&lease, Spend { tokens: 9, ..Spend::default() }, &[]).await.unwrap()
    else {
        panic!("there is no cap")
    };
    let call = ModelCall { request: name("r"), reply: serde_json::json!(1), usage: Spend::default() };
    store.save_model_call(&lease, ModelCall { request: "r".to_owned(), ..call }, None).await.unwrap();
    tell(&Fact::Reply(job));
    store.settle_spend(first, Spend { tokens: 3, ..Spend::default() }).await.unwrap();
    store.plan_effects(&lease, vec![effect(&name("progress"), None)]).await.unwrap();
    store.park(&lease, 0, "a pause for breath").await.unwrap();
    store.expire_leases().await.unwrap();
    let claim = store.claim(&worker(&name("w"))).await.unwrap().expect("it is parked until long ago");
    store.release(&claim.lease).await.unwrap();
    let claim = store.claim(&worker(&name("w"))).await.unwrap().expect("it was released");
    store.finish(&claim.lease, outcome(JobState::Done), vec![effect(&name("pull"), None)]).await.unwrap();

    let mut aside = wish(repository, 9, "c9");
    aside.job = NewJob { not_before: Millis::MAX, ..new_job(repository, 9) };
    let aside = store.wish(aside, vec![]).await.unwrap().job();
    tell(&Fact::Job(aside, 9));
    store.pause(aside).await.unwrap();
    store.resume(aside).await.unwrap();
    store.request_cancel(aside, "enough").await.unwrap();
    store.retry(aside).await.unwrap();
    store.request_cancel(aside, "enough").await.unwrap();
    publish(&*store, &name("x"), repository).await;
}

fn store_seed() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

async fn remember(store: &dyn Store, here: RepositoryId, job: JobId) {
    let text = |text: &str| text.to_owned();
    let (installation, now) = (InstallationId(7), store.now().await.unwrap());
    let pull =
        Pull { repository: here, number: 1, issue: 1, job, branch: text("b"), head: text("h"), state: PullState::Open };
    store.record_pull(pull).await.unwrap();
    store.record_outcome(here, 1, PullState::Merged).await.unwrap();
    let comment = Comment { repository: here, issue: 1, purpose: text("progress"), comment: 1, job: None };
    store.record_comment(comment).await.unwrap();
    let repository = Repository {
        id: here,
        installation,
        full_name: text("a/b"),
        default_branch: text("main"),
        private: false,
        archived: false,
        disabled: false,
        settings: None,
        updated_at: 0,
    };
    store.record_repository(repository).await.unwrap();
    let permissions = serde_json::Value::Null;
    let it = Installation { id: installation, account: text("a"), suspended: false, permissions, updated_at: 0 };
    store.record_installation(it).await.unwrap();
    store
        .record_permission(Permission { repository: here, user: 1, level: text("read"), asked_at: now })
        .await
        .unwrap();
    store.forget_permissions(Some(here)).await.unwrap();
}

/// Makes effects of an installation of our own, among whatever else is open.
async fn publish(store: &dyn Store, key: &str, installation: u64) {
    let new = NewEffect { installation: InstallationId(installation), ..effect(key, None) };
    store.plan_effects_unleased(vec![new]).await.unwrap();
    for round in 0..3 {
        let taken = store.next_effects(key, 100).await.unwrap();
        for TakenEffect { effect, lease } in taken {
            let mine = effect.effect.key == key;
            match (mine, round) {
                (false, _) | (true, 0) => store.return_effect(&lease).await.unwrap(),
                (true, 1) => {
                    store.mark_sent(&lease).await.unwrap();
                    store.fail_effect(&lease, "502", Retry::At(0)).await.unwrap();
                }
                (true, _) => {
                    store.confirm(&lease, "made").await.unwrap();
                    tell(&Fact::Effect(key.to_owned()));
                }
            }
        }
    }
}

// The parent's side.

fn start(path: &Path, tours: u64, kill_at: Option<&str>) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "store::kill_tests::child", "--nocapture", "--test-threads=1"])
        .env(STORE, path)
        .env(TOURS, tours.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(point) = kill_at {
        command.env(failpoint::VARIABLE, point);
    }
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn facts_until_the_end(out: BufReader<ChildStdout>) -> Vec<Fact> {
    out.lines().map_while(std::result::Result::ok).filter_map(|line| Fact::read(&line)).collect()
}

/// Opens what a killed child left, checks it against what the child had told, and closes it as a kill would leave it or cleanly.
async fn check(path: &Path, told: &[Fact]) {
    let store = SqliteStore::open(path, StoreOptions { max_lost: u32::MAX, ..StoreOptions::default() }).await.unwrap();
    let filter = AuditFilter { job: None, repository: None, after: 0, limit: u32::MAX };
    let audit: BTreeSet<String> =
        store.audit_lines(&filter).await.unwrap().into_iter().map(|entry| entry.line.action).collect();
    for fact in told {
        let there = match fact {
            Fact::Delivery(guid) => store.delivery(guid).await.unwrap().is_some(),
            Fact::Job(job, issue) => store.job(*job).await.unwrap().is_some_and(|job| job.spec.issue == *issue),
            Fact::Event(job, seq) => store.events(*job, *seq, 1).await.unwrap().len() == 1,
            Fact::Effect(key) => {
                store.effect_by_key(key).await.unwrap().is_some_and(|it| it.state == EffectState::Confirmed)
            }
            Fact::Audit(action) => audit.contains(action),
            Fact::Reply(job) => store.model_call(*job, "r").await.unwrap().is_some(),
            Fact::Cursor(name) => store.cursor(name).await.unwrap().is_some(),
        };
        assert!(there, "acknowledged and lost: {fact:?}");
    }
    let jobs = store.jobs(&JobFilter { limit: u32::MAX, ..JobFilter::default() }).await.unwrap();
    let mut wishes = BTreeSet::new();
    for job in &jobs {
        assert!(!job.state.is_leased(), "a dead worker holds job {}", job.id);
        assert!(wishes.insert((job.spec.repository, job.spec.issue)), "two jobs for one wish: {job:?}");
    }
    // A delivery is settled whole: all its jobs, or none of them and it is still to be handled.
    for delivery in store.pending_deliveries(u32::MAX).await.unwrap() {
        let repository = delivery.delivery.guid.trim_start_matches("g-").parse().unwrap();
        assert!(!jobs.iter().any(|job| job.spec.repository == RepositoryId(repository)), "half settled: {delivery:?}");
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_fail_point_nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let mut told = Vec::new();
    for point in fail_points() {
        let (mut child, out) = start(&path, 1, Some(&point));
        told.extend(facts_until_the_end(out));
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{point} was not reached: {status}");
        check(&path, &told).await;
    }
    assert!(told.len() > 500, "{}", told.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_times_nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let mut random = clock::random(11);
    let mut told = Vec::new();
    for _ in 0..25 {
        let (mut child, out) = start(&path, 6, None);
        let facts = random.random_range(0..70);
        let mut lines = out.lines().map_while(std::result::Result::ok);
        let seen: Vec<Fact> = lines.by_ref().filter_map(|line| Fact::read(&line)).take(facts).collect();
        child.kill().unwrap();
        // What it told until the kill took effect counts too.
        told.extend(seen);
        told.extend(lines.filter_map(|line| Fact::read(&line)));
        child.wait().unwrap();
        check(&path, &told).await;
    }
}

#[test]
fn every_write_is_in_the_list_of_fail_points() {
    let source = include_str!("sql.rs");
    let calls = source.matches("write!(self, \"").count();
    let named = WRITES.iter().filter(|name| source.contains(&format!("write!(self, \"{name}\""))).count();
    assert_eq!((calls, named), (WRITES.len(), WRITES.len()));
}
