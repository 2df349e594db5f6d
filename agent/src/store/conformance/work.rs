//! Jobs and leases.

use std::collections::BTreeSet;

use super::*;

pub(super) async fn many_workers_never_get_one_job_twice(bench: Bench) {
    let ids: BTreeSet<JobId> = bench.jobs(1, 40).await.into_iter().collect();
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let store = bench.store.clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                while let Some(claim) = store.claim(&worker(&format!("w{number}"))).await.unwrap() {
                    got.push(claim.job.id);
                }
                got
            })
        })
        .collect();
    let mut got = Vec::new();
    for worker in workers {
        got.extend(worker.await.unwrap());
    }
    assert_eq!(got.len(), ids.len());
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), ids);
}

pub(super) async fn limits_of_concurrency_are_exact(bench: Bench) {
    bench.jobs(1, 10).await;
    bench.jobs(2, 10).await;
    let claims: Vec<_> = (0..20)
        .map(|number| {
            let store = bench.store.clone();
            let request = ClaimRequest { per_repository: 2, per_installation: 3, ..worker(&format!("w{number}")) };
            tokio::spawn(async move { store.claim(&request).await.unwrap() })
        })
        .collect();
    let mut held = Vec::new();
    for claim in claims {
        held.extend(claim.await.unwrap());
    }
    assert_eq!(held.len(), 3);
    let of_first = held.iter().filter(|claim| claim.job.spec.repository == RepositoryId(1)).count();
    assert!((1..=2).contains(&of_first), "{of_first}");
    // One ends, one may begin.
    bench.store.release(&held[0].lease).await.unwrap();
    let request = ClaimRequest { per_repository: 2, per_installation: 3, ..worker("w") };
    assert!(bench.store.claim(&request).await.unwrap().is_some());
    assert!(bench.store.claim(&request).await.unwrap().is_none());
}

pub(super) async fn higher_priority_goes_first_and_not_before_is_kept(bench: Bench) {
    let now = bench.store.now().await.unwrap();
    for (issue, priority, not_before) in [(1, 0, 0), (2, 5, 0), (3, 9, now + 60_000), (4, 5, 0), (5, -1, 0)] {
        let mut wish = wish(1, issue, "c");
        wish.job = NewJob { priority, not_before, ..wish.job };
        bench.store.wish(wish, vec![]).await.unwrap();
    }
    let mut order = Vec::new();
    while let Some(claim) = bench.store.claim(&worker("w")).await.unwrap() {
        order.push(claim.job.spec.issue);
        bench.store.finish(&claim.lease, outcome(JobState::Done), vec![]).await.unwrap();
    }
    assert_eq!(order, [2, 4, 1, 5]);
    bench.shift.advance(Duration::from_secs(61));
    assert_eq!(bench.claim().await.job.spec.issue, 3);
}

pub(super) async fn a_worker_takes_only_what_it_can_do(bench: Bench) {
    bench.jobs(1, 1).await;
    let request = ClaimRequest { kinds: vec![JobKind::Index, JobKind::Followup], ..worker("w") };
    assert!(bench.store.claim(&request).await.unwrap().is_none());
    let request = ClaimRequest { kinds: vec![], ..worker("w") };
    assert!(bench.store.claim(&request).await.unwrap().is_none());
    assert_eq!(bench.claim().await.job.worker.as_deref(), Some("w1"));
}

pub(super) async fn a_late_worker_can_write_nothing(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let late = bench.claim().await.lease;
    bench.store.heartbeat(&late).await.unwrap();
    bench.leases_run_out();
    every_write_is_fenced(&bench, &late).await;
    assert_eq!(bench.store.expire_leases().await.unwrap(), [id]);
    assert_eq!(bench.store.expire_leases().await.unwrap(), []);
    every_write_is_fenced(&bench, &late).await;
    let now = bench.claim().await;
    assert!(now.lease.token > late.token);
    assert_eq!((now.job.attempt, now.job.lost), (2, 1));
    every_write_is_fenced(&bench, &late).await;
    bench.store.heartbeat(&now.lease).await.unwrap();
    assert_eq!(bench.store.events(id, 1, 10).await.unwrap(), []);
    assert_eq!(bench.store.effects(id).await.unwrap(), []);
    assert_eq!(bench.store.totals(Scope::Job(id), 0).await.unwrap(), Spend::default());
    bench.store.finish(&now.lease, outcome(JobState::Done), vec![]).await.unwrap();
    every_write_is_fenced(&bench, &now.lease).await;
}

async fn every_write_is_fenced(bench: &Bench, lease: &Lease) {
    let store = &bench.store;
    let call = ModelCall { request: "r".to_owned(), reply: json!({}), usage: Spend::default() };
    fenced(store.heartbeat(lease).await);
    fenced(store.advance(lease, JobState::Preparing).await);
    fenced(store.set_base(lease, "abc").await);
    fenced(store.append(lease, &["{}".to_owned()]).await);
    fenced(store.plan_effects(lease, vec![effect("late", None)]).await);
    fenced(store.finish(lease, outcome(JobState::Done), vec![effect("late", None)]).await);
    fenced(store.park(lease, 0, "late").await);
    fenced(store.release(lease).await);
    fenced(store.reserve(lease, Spend { micro_usd: 1, ..Spend::default() }, &[]).await);
    fenced(store.save_model_call(lease, call, None).await);
}

pub(super) async fn a_job_that_loses_every_worker_fails(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let most = StoreOptions::default().max_lost;
    for round in 1..=most {
        assert_eq!(bench.claim().await.job.lost, round - 1);
        bench.leases_run_out();
        assert_eq!(bench.store.expire_leases().await.unwrap(), [id]);
    }
    let job = bench.store.job(id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert!(job.outcome.unwrap().summary.contains("20 times"));
}

pub(super) async fn journals_are_read_from_anywhere_and_have_no_gaps(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let claim = bench.claim().await;
    let bodies: Vec<String> = (1..=5).map(|number| format!("{{\"n\":{number}}}")).collect();
    assert_eq!(bench.store.append(&claim.lease, &bodies[..2]).await.unwrap(), 2);
    assert_eq!(bench.store.append(&claim.lease, &[]).await.unwrap(), 2);
    assert_eq!(bench.store.append(&claim.lease, &bodies[2..]).await.unwrap(), 5);
    let seqs = |events: Vec<JobEvent>| events.iter().map(|event| (event.seq, event.body.clone())).collect::<Vec<_>>();
    let all: Vec<_> = (1..).zip(bodies).collect();
    assert_eq!(seqs(bench.store.events(id, 1, 100).await.unwrap()), all);
    assert_eq!(seqs(bench.store.events(id, 4, 100).await.unwrap()), all[3..]);
    assert_eq!(seqs(bench.store.events(id, 2, 2).await.unwrap()), all[1..3]);
    assert_eq!(seqs(bench.store.events(JobId::new(), 1, 100).await.unwrap()), []);
}

pub(super) async fn states_follow_the_table(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let lease = bench.claim().await.lease;
    for state in [JobState::Preparing, JobState::Searching, JobState::Validating, JobState::Searching] {
        bench.store.advance(&lease, state).await.unwrap();
        assert_eq!(bench.state(id).await, state);
    }
    for state in [JobState::Preparing, JobState::Leased, JobState::Done, JobState::Publishing, JobState::Parked] {
        refused(bench.store.advance(&lease, state).await);
    }
    refused(bench.store.finish(&lease, outcome(JobState::Queued), vec![]).await);
    refused(bench.store.retry(id).await);
    refused(bench.store.resume(id).await);
    assert!(matches!(bench.store.pause(JobId::new()).await, Err(StoreError::Unknown(_))));
    bench.store.heartbeat(&lease).await.unwrap();
    assert_eq!(bench.state(id).await, JobState::Searching, "what was refused changed nothing");
}

pub(super) async fn jobs_are_cancelled_at_once_or_by_their_worker(bench: Bench) {
    let ids = bench.jobs(1, 3).await;
    assert_eq!(bench.store.request_cancel(ids[0], "no more").await.unwrap(), JobState::Cancelled);
    let claim = bench.claim().await;
    assert_eq!(claim.job.id, ids[1]);
    assert_eq!(bench.store.request_cancel(ids[1], "ada said stop").await.unwrap(), JobState::Leased);
    let orders = bench.store.heartbeat(&claim.lease).await.unwrap();
    assert_eq!(orders, Orders { cancel: Some("ada said stop".to_owned()), pause: false });
    assert_eq!(bench.store.release(&claim.lease).await.unwrap(), JobState::Cancelled);
    // A worker that never comes back does not keep a job from being cancelled.
    let lost = bench.claim().await;
    bench.store.request_cancel(lost.job.id, "stop").await.unwrap();
    bench.leases_run_out();
    bench.store.expire_leases().await.unwrap();
    assert_eq!(bench.state(ids[2]).await, JobState::Cancelled);
    assert_eq!(bench.store.request_cancel(ids[2], "again").await.unwrap(), JobState::Cancelled);
    assert!(bench.store.claim(&worker("w")).await.unwrap().is_none());
}

pub(super) async fn jobs_are_paused_resumed_and_retried(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let store = &bench.store;
    assert_eq!(store.pause(id).await.unwrap(), JobState::Paused);
    assert_eq!(store.pause(id).await.unwrap(), JobState::Paused);
    assert!(store.claim(&worker("w")).await.unwrap().is_none());
    assert_eq!(store.resume(id).await.unwrap(), JobState::Queued);
    let claim = bench.claim().await;
    store.pause(id).await.unwrap();
    assert!(store.heartbeat(&claim.lease).await.unwrap().pause);
    store.resume(id).await.unwrap();
    assert!(!store.heartbeat(&claim.lease).await.unwrap().pause);
    store.pause(id).await.unwrap();
    assert_eq!(store.release(&claim.lease).await.unwrap(), JobState::Paused);
    store.resume(id).await.unwrap();
    let claim = bench.claim().await;
    store.finish(&claim.lease, outcome(JobState::Failed), vec![]).await.unwrap();
    assert_eq!(store.retry(id).await.unwrap(), JobState::Queued);
    let claim = bench.claim().await;
    store.finish(&claim.lease, outcome(JobState::Failed), vec![]).await.unwrap();
    // While another job fulfils the same wish, this one stays where it is.
    let mut again = wish(1, 1, "c1");
    again.key.occurrence = "later".to_owned();
    let Wished::Created(other) = store.wish(again, vec![]).await.unwrap() else { panic!() };
    assert!(matches!(store.retry(id).await, Err(StoreError::Busy(busy)) if busy == other));
}

pub(super) async fn a_parked_job_goes_on_by_itself(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let claim = bench.claim().await;
    bench.store.advance(&claim.lease, JobState::Searching).await.unwrap();
    let until = bench.store.now().await.unwrap() + 30_000;
    bench.store.park(&claim.lease, until, "docker does not answer").await.unwrap();
    let job = bench.store.job(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.note.as_deref()), (JobState::Parked, Some("docker does not answer")));
    assert!(bench.store.claim(&worker("w")).await.unwrap().is_none());
    bench.shift.advance(Duration::from_secs(31));
    let again = bench.claim().await;
    assert_eq!((again.job.id, again.job.lost), (id, 0));
}

pub(super) async fn jobs_are_listed_by_what_is_asked(bench: Bench) {
    let ids = bench.jobs(1, 3).await;
    bench.jobs(2, 1).await;
    bench.store.request_cancel(ids[1], "no").await.unwrap();
    let list = |filter: JobFilter| {
        let store = bench.store.clone();
        async move { store.jobs(&filter).await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>() }
    };
    let first = JobFilter { repository: Some(RepositoryId(1)), ..JobFilter::default() };
    assert_eq!(list(first.clone()).await, [ids[2], ids[1], ids[0]]);
    assert_eq!(list(JobFilter { states: vec![JobState::Cancelled, JobState::Done], ..first.clone() }).await, [ids[1]]);
    assert_eq!(list(JobFilter { issue: Some(3), ..first.clone() }).await, [ids[2]]);
    assert_eq!(list(JobFilter { limit: 1, ..first.clone() }).await, [ids[2]]);
    assert_eq!(list(JobFilter { before: Some(ids[1]), ..first.clone() }).await, [ids[0]]);
    assert_eq!(list(JobFilter { kind: Some(JobKind::Index), ..first }).await, []);
    assert_eq!(list(JobFilter { installation: Some(INSTALLATION), ..JobFilter::default() }).await.len(), 4);
}
