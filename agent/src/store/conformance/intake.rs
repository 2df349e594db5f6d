//! Deliveries and wishes.

use super::*;

pub(super) async fn the_same_delivery_from_fifty_connections_is_one_row_and_one_job(bench: Bench) {
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = bench.store.clone();
            tokio::spawn(async move {
                let accepted = store.accept(delivery("g1")).await.unwrap();
                let settlement = store.settle("g1", handled(vec![wish(1, 1, "c1")])).await.unwrap();
                (accepted, settlement)
            })
        })
        .collect();
    let (mut stored, mut settled) = (0, 0);
    for task in tasks {
        let (accepted, settlement) = task.await.unwrap();
        stored += u32::from(accepted == Accepted::Stored);
        settled += u32::from(matches!(settlement, Settlement::Done(_)));
        assert_ne!(accepted, Accepted::Again);
    }
    assert_eq!((stored, settled), (1, 1));
    assert_eq!(bench.store.jobs(&JobFilter::default()).await.unwrap().len(), 1);
    let kept = bench.store.delivery("g1").await.unwrap().unwrap();
    assert_eq!((kept.times, kept.state, kept.delivery), (50, DeliveryState::Handled, delivery("g1")));
    assert!(bench.store.pending_deliveries(10).await.unwrap().is_empty());
}

pub(super) async fn an_old_payload_under_a_new_id_finds_the_old_job(bench: Bench) {
    let settle = |guid: &'static str| {
        let store = bench.store.clone();
        async move {
            store.accept(delivery(guid)).await.unwrap();
            match store.settle(guid, handled(vec![wish(1, 1, "c1")])).await.unwrap() {
                Settlement::Done(wished) => wished[0],
                Settlement::NotPending => panic!("{guid} is not pending"),
            }
        }
    };
    let Wished::Created(job) = settle("g1").await else { panic!("no job was made") };
    let claim = bench.claim().await;
    bench.store.finish(&claim.lease, outcome(JobState::Done), vec![]).await.unwrap();
    assert_eq!(settle("g2").await, Wished::Seen(job));
    // Nor does it start a job that failed again: only its own delivery does.
    let Wished::Created(other) = bench.store.wish(wish(1, 2, "c2"), vec![]).await.unwrap() else { panic!() };
    let claim = bench.claim().await;
    assert_eq!(claim.job.id, other);
    bench.store.finish(&claim.lease, outcome(JobState::Failed), vec![]).await.unwrap();
    bench.store.accept(delivery("g3")).await.unwrap();
    let settlement = bench.store.settle("g3", handled(vec![wish(1, 2, "c2")])).await.unwrap();
    assert_eq!(settlement, Settlement::Done(vec![Wished::Seen(other)]));
}

pub(super) async fn a_second_wish_for_the_same_thing_joins_the_job_at_work(bench: Bench) {
    let on = |time: &str| {
        let mut wish = wish(1, 1, "label");
        wish.key.occurrence = time.to_owned();
        wish
    };
    let Wished::Created(job) = bench.store.wish(on("10:00"), vec![]).await.unwrap() else { panic!() };
    assert_eq!(bench.store.wish(on("10:01"), vec![]).await.unwrap(), Wished::Joined(job));
    assert_eq!(bench.store.wish(on("10:00"), vec![]).await.unwrap(), Wished::Joined(job));
    let claim = bench.claim().await;
    bench.store.finish(&claim.lease, outcome(JobState::Done), vec![]).await.unwrap();
    // The label was put on again after the job had ended: that is a new wish. What was part of the ended job is none.
    assert_eq!(bench.store.wish(on("10:01"), vec![]).await.unwrap(), Wished::Seen(job));
    assert!(matches!(bench.store.wish(on("11:00"), vec![]).await.unwrap(), Wished::Created(new) if new != job));
}

pub(super) async fn any_wish_for_an_issue_joins_its_job_where_that_is_asked(bench: Bench) {
    let by = |object: &str, kind| {
        let mut wish = NewWish { overlap: Overlap::Issue, ..wish(1, 1, object) };
        wish.job.kind = kind;
        wish
    };
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (store, wish) = (bench.store.clone(), by(&format!("c{number}"), JobKind::Fix));
            tokio::spawn(async move { store.wish(wish, vec![]).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += u32::from(matches!(task.await.unwrap(), Wished::Created(_)));
    }
    assert_eq!(created, 1);
    assert!(matches!(bench.store.wish(by("r1", JobKind::Followup), vec![]).await.unwrap(), Wished::Created(_)));
    assert_eq!(bench.store.jobs(&JobFilter::default()).await.unwrap().len(), 2);
}

pub(super) async fn wishes_for_an_index_fall_together_while_the_job_waits(bench: Bench) {
    let push = |head: &str| {
        let mut wish = NewWish { overlap: Overlap::Waiting, ..wish(1, 0, head) };
        wish.job = NewJob { kind: JobKind::Index, base: Some(head.to_owned()), ..wish.job };
        wish
    };
    let Wished::Created(job) = bench.store.wish(push("aaa"), vec![]).await.unwrap() else { panic!() };
    assert_eq!(bench.store.wish(push("bbb"), vec![]).await.unwrap(), Wished::Joined(job));
    assert_eq!(bench.store.job(job).await.unwrap().unwrap().spec.base.as_deref(), Some("bbb"));
    let claim = bench.claim().await;
    // The one at work cannot take a newer head over.
    assert!(matches!(bench.store.wish(push("ccc"), vec![]).await.unwrap(), Wished::Created(new) if new != job));
    assert_eq!(bench.store.job(claim.job.id).await.unwrap().unwrap().spec.base.as_deref(), Some("bbb"));
}

pub(super) async fn a_redelivery_whose_job_failed_runs_it_again(bench: Bench) {
    let store = &bench.store;
    store.accept(delivery("g1")).await.unwrap();
    assert_eq!(store.accept(delivery("g1")).await.unwrap(), Accepted::Duplicate);
    let settlement = store.settle("g1", handled(vec![wish(1, 1, "c1")])).await.unwrap();
    let Settlement::Done(wished) = settlement else { panic!("{settlement:?}") };
    let job = wished[0].job();
    assert_eq!(store.accept(delivery("g1")).await.unwrap(), Accepted::Duplicate);
    let claim = bench.claim().await;
    store.append(&claim.lease, &["{\"event\":\"started\"}".to_owned()]).await.unwrap();
    store.finish(&claim.lease, outcome(JobState::Failed), vec![]).await.unwrap();
    assert_eq!(store.accept(delivery("g1")).await.unwrap(), Accepted::Again);
    let settled = Settled { on_created: vec![(0, effect("hello", None))], ..handled(vec![wish(1, 1, "c1")]) };
    assert_eq!(store.settle("g1", settled).await.unwrap(), Settlement::Done(vec![Wished::Retried(job)]));
    let again = bench.claim().await;
    assert_eq!((again.job.id, again.job.attempt, again.job.outcome), (job, 2, None));
    assert_eq!(store.events(job, 1, 10).await.unwrap().len(), 1, "what was found is kept");
    assert_eq!(store.effects(job).await.unwrap().len(), 1);
}

pub(super) async fn a_redelivery_whose_handling_failed_is_handled_again(bench: Bench) {
    let store = &bench.store;
    store.accept(delivery("g1")).await.unwrap();
    store.settle("g1", Settled::plain(DeliveryState::Failed, Some("no answer".to_owned()))).await.unwrap();
    assert_eq!(store.accept(delivery("g1")).await.unwrap(), Accepted::Again);
    assert_eq!(store.pending_deliveries(10).await.unwrap().len(), 1);
    store.settle("g1", Settled::plain(DeliveryState::Ignored, None)).await.unwrap();
    assert_eq!(store.accept(delivery("g1")).await.unwrap(), Accepted::Duplicate);
}

pub(super) async fn a_delivery_is_settled_once_and_whole(bench: Bench) {
    let store = &bench.store;
    let old = bench.jobs(1, 1).await[0];
    store.accept(delivery("g1")).await.unwrap();
    let line = line("comment.stop");
    let settled = Settled {
        cancels: vec![(old, "ada said stop".to_owned()), (JobId::new(), "of nobody".to_owned())],
        effects: vec![effect("reaction", None)],
        audit: vec![line.clone()],
        ..handled(vec![wish(1, 2, "c2"), wish(1, 3, "c3")])
    };
    let Settlement::Done(wished) = store.settle("g1", settled.clone()).await.unwrap() else { panic!() };
    assert_eq!(wished.len(), 2);
    assert_eq!(store.settle("g1", settled.clone()).await.unwrap(), Settlement::NotPending);
    assert_eq!(store.settle("unknown", settled.clone()).await.unwrap(), Settlement::NotPending);
    assert_eq!(bench.state(old).await, JobState::Cancelled);
    let filter = AuditFilter { job: None, repository: None, after: 0, limit: 10 };
    let lines = store.audit_lines(&filter).await.unwrap();
    assert_eq!(lines.iter().map(|entry| &entry.line).collect::<Vec<_>>(), [&line]);
    // A settlement that cannot be committed changes nothing.
    store.accept(delivery("g2")).await.unwrap();
    let bad = Settled { state: DeliveryState::Pending, ..settled };
    assert!(store.settle("g2", bad).await.is_err());
    assert_eq!(store.delivery("g2").await.unwrap().unwrap().state, DeliveryState::Pending);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending_deliveries, counts.open_effects), (1, 1));
    assert_eq!(counts.jobs.iter().map(|(_, number)| number).sum::<u64>(), 3);
}

pub(in crate::store) fn line(action: &str) -> AuditLine {
    AuditLine {
        actor: "ada".to_owned(),
        action: action.to_owned(),
        decision: "allowed".to_owned(),
        reason: "write permission".to_owned(),
        installation: Some(INSTALLATION),
        repository: Some(RepositoryId(1)),
        job: None,
        detail: json!({"comment": 12}),
    }
}

pub(super) async fn hostile_text_is_kept_as_text(bench: Bench) {
    let store = &bench.store;
    let guid = "'; DROP TABLE jobs; --\u{0}\u{202e}";
    let body = vec![0, 159, 146, 150, 0, 255];
    store.accept(NewDelivery { body: body.clone(), ..delivery(guid) }).await.unwrap();
    assert_eq!(store.accept(NewDelivery { body: body.clone(), ..delivery(guid) }).await.unwrap(), Accepted::Duplicate);
    assert_eq!(store.pending_deliveries(10).await.unwrap()[0].delivery.body, body);
    let mut nul = wish(1, 1, "c\u{0}1");
    nul.job.request.text = json!({"title": "a\u{0}b"});
    let job = store.wish(nul, vec![]).await.unwrap().job();
    assert_eq!(store.job(job).await.unwrap().unwrap().spec.request.text, json!({"title": "a\u{0}b"}));
    let high = NewJob { repository: RepositoryId(u64::MAX), ..new_job(1, 1) };
    let wish = NewWish {
        key: WishKey { repository: RepositoryId(u64::MAX), ..wish(1, 1, "x").key },
        overlap: Overlap::Trigger,
        job: high,
    };
    store.wish(wish, vec![]).await.unwrap();
}

pub(super) async fn bodies_are_forgotten_and_ids_are_not(bench: Bench) {
    let store = &bench.store;
    for guid in ["g1", "g2"] {
        store.accept(delivery(guid)).await.unwrap();
    }
    store.settle("g1", handled(vec![])).await.unwrap();
    let later = store.now().await.unwrap() + 1;
    assert_eq!(store.forget_bodies(later).await.unwrap(), 1);
    assert_eq!(store.forget_bodies(later).await.unwrap(), 0);
    assert_eq!(store.delivery("g1").await.unwrap().unwrap().delivery.body, b"");
    assert_eq!(store.delivery("g2").await.unwrap().unwrap().delivery, delivery("g2"), "nobody has looked at it yet");
    assert_eq!(store.accept(delivery("g1")).await.unwrap(), Accepted::Duplicate);
}
