//! The outbox.

use super::*;

/// Takes all effects that may be made now, confirms them, and returns their keys.
async fn make_all(bench: &Bench) -> Vec<String> {
    let mut made = Vec::new();
    loop {
        let taken = bench.store.next_effects("p1", 10).await.unwrap();
        if taken.is_empty() {
            return made;
        }
        for TakenEffect { effect, lease } in taken {
            bench.store.mark_sent(&lease).await.unwrap();
            bench.store.confirm(&lease, &format!("id of {}", effect.effect.key)).await.unwrap();
            made.push(effect.effect.key);
        }
    }
}

async fn take(bench: &Bench) -> TakenEffect {
    let mut taken = bench.store.next_effects("p1", 10).await.unwrap();
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

pub(super) async fn effects_of_a_job_are_made_in_order(bench: Bench) {
    bench.jobs(1, 2).await;
    let (first, second) = (bench.claim().await, bench.claim().await);
    for number in 0..3 {
        for (name, claim) in [("a", &first), ("b", &second)] {
            bench.store.plan_effects(&claim.lease, vec![effect(&format!("{name}{number}"), None)]).await.unwrap();
        }
    }
    let taken = take(&bench).await;
    assert_eq!(taken.effect.effect.key, "a0");
    // It waits, and so does all that comes after it in its job; the other job goes on.
    let later = bench.store.now().await.unwrap() + 60_000;
    bench.store.fail_effect(&taken.lease, "502", Retry::At(later)).await.unwrap();
    assert_eq!(make_all(&bench).await, ["b0", "b1", "b2"]);
    bench.shift.advance(Duration::from_secs(61));
    assert_eq!(make_all(&bench).await, ["a0", "a1", "a2"]);
    let kept = bench.store.effect_by_key("a0").await.unwrap().unwrap();
    assert_eq!((kept.state, kept.remote_id.as_deref(), kept.attempt), (EffectState::Confirmed, Some("id of a0"), 2));
}

pub(super) async fn an_installation_has_one_writer(bench: Bench) {
    for (installation, number) in [(1, 0), (1, 1), (2, 2), (2, 3), (3, 4)] {
        let key = format!("e{number}");
        let new = NewEffect { installation: InstallationId(installation), ..effect(&key, None) };
        bench.store.plan_effects_unleased(vec![new]).await.unwrap();
    }
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let store = bench.store.clone();
            tokio::spawn(async move { store.next_effects(&format!("p{number}"), 2).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    let mut keys: Vec<_> = taken.iter().map(|taken| taken.effect.effect.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["e0", "e2", "e4"]);
    for taken in &taken {
        bench.store.return_effect(&taken.lease).await.unwrap();
    }
    assert_eq!(make_all(&bench).await.len(), 5);
}

pub(super) async fn a_late_publisher_can_write_nothing(bench: Bench) {
    bench.store.plan_effects_unleased(vec![effect("e", None)]).await.unwrap();
    let late = take(&bench).await.lease;
    bench.store.mark_sent(&late).await.unwrap();
    bench.leases_run_out();
    fenced(bench.store.mark_sent(&late).await);
    let again = take(&bench).await;
    assert_eq!((again.effect.state, again.effect.attempt), (EffectState::Sent, 2), "it is to be looked for");
    assert!(again.lease.token > late.token);
    fenced(bench.store.mark_sent(&late).await);
    fenced(bench.store.confirm(&late, "1").await);
    fenced(bench.store.fail_effect(&late, "late", Retry::Never).await);
    fenced(bench.store.return_effect(&late).await);
    bench.store.confirm(&again.lease, "2").await.unwrap();
    fenced(bench.store.confirm(&again.lease, "3").await);
    let kept = bench.store.effect_by_key("e").await.unwrap().unwrap();
    assert_eq!((kept.state, kept.remote_id.as_deref()), (EffectState::Confirmed, Some("2")));
}

pub(super) async fn the_last_effect_ends_the_job(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let claim = bench.claim().await;
    let state = bench
        .store
        .finish(&claim.lease, outcome(JobState::Done), vec![effect("commit", None), effect("pull", None)])
        .await
        .unwrap();
    assert_eq!((state, bench.state(id).await), (JobState::Publishing, JobState::Publishing));
    let first = take(&bench).await;
    assert_eq!(bench.store.confirm(&first.lease, "1").await.unwrap(), None);
    let second = take(&bench).await;
    assert_eq!(bench.store.confirm(&second.lease, "2").await.unwrap(), Some(JobState::Done));
    let job = bench.store.job(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.worker, job.note.as_deref()), (JobState::Done, None, Some("so it went")));
    assert_eq!(job.outcome, Some(outcome(JobState::Done)));
}

pub(super) async fn a_fatal_effect_fails_the_job_and_drops_the_rest(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let claim = bench.claim().await;
    let fatal = NewEffect { on_failure: OnFailure::FailJob, ..effect("commit", None) };
    let effects = vec![effect("comment", None), fatal, effect("pull", None)];
    bench.store.finish(&claim.lease, outcome(JobState::Done), effects).await.unwrap();
    let comment = take(&bench).await;
    assert_eq!(bench.store.fail_effect(&comment.lease, "locked", Retry::Never).await.unwrap(), None, "this one is not");
    let commit = take(&bench).await;
    let state = bench.store.fail_effect(&commit.lease, "the base is gone", Retry::Never).await.unwrap();
    assert_eq!(state, Some(JobState::Failed));
    let states: Vec<_> = bench.store.effects(id).await.unwrap().iter().map(|effect| effect.state).collect();
    assert_eq!(states, [EffectState::Failed, EffectState::Failed, EffectState::Dropped]);
    assert_eq!(bench.store.job(id).await.unwrap().unwrap().note.as_deref(), Some("the base is gone"));
    // Another attempt plans them anew, and in order.
    bench.store.retry(id).await.unwrap();
    let claim = bench.claim().await;
    let effects = vec![effect("commit", None), effect("pull", None)];
    bench.store.finish(&claim.lease, outcome(JobState::Done), effects).await.unwrap();
    assert_eq!(make_all(&bench).await, ["commit", "pull"]);
    assert_eq!(bench.state(id).await, JobState::Done);
}

pub(super) async fn only_the_newest_progress_is_made(bench: Bench) {
    bench.jobs(1, 1).await;
    let claim = bench.claim().await;
    let progress =
        |key: &str| NewEffect { kind: "progress".to_owned(), stacking: Stacking::ReplacePlanned, ..effect(key, None) };
    bench.store.plan_effects(&claim.lease, vec![progress("p1")]).await.unwrap();
    let begun = take(&bench).await;
    for new in [progress("p2"), effect("other", None), progress("p3"), progress("p4"), progress("p4")] {
        bench.store.plan_effects(&claim.lease, vec![new]).await.unwrap();
    }
    bench.store.confirm(&begun.lease, "1").await.unwrap();
    assert_eq!(make_all(&bench).await, ["other", "p4"]);
}

pub(super) async fn a_retried_effect_waits_for_its_time(bench: Bench) {
    bench.store.plan_effects_unleased(vec![effect("a", None), effect("b", None)]).await.unwrap();
    let taken = take(&bench).await;
    bench.store.mark_sent(&taken.lease).await.unwrap();
    let at = bench.store.now().await.unwrap() + 5_000;
    bench.store.fail_effect(&taken.lease, "502", Retry::At(at)).await.unwrap();
    assert_eq!(make_all(&bench).await, ["b"]);
    bench.shift.advance(Duration::from_secs(6));
    let again = take(&bench).await;
    assert_eq!((again.effect.state, again.effect.error.as_deref()), (EffectState::Sent, Some("502")));
}

pub(super) async fn a_key_is_planned_once(bench: Bench) {
    let ids = bench.store.plan_effects_unleased(vec![effect("a", None), effect("a", None)]).await.unwrap();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(make_all(&bench).await, ["a"]);
    let again = bench.store.plan_effects_unleased(vec![effect("a", None)]).await.unwrap();
    assert_eq!(again[0], ids[0]);
    assert_eq!(make_all(&bench).await, [""; 0]);
}

pub(super) async fn cancelling_drops_what_nobody_has_begun(bench: Bench) {
    let id = bench.jobs(1, 1).await[0];
    let claim = bench.claim().await;
    let effects = vec![effect("commit", None), effect("pull", None)];
    bench.store.finish(&claim.lease, outcome(JobState::Done), effects).await.unwrap();
    let commit = take(&bench).await;
    bench.store.mark_sent(&commit.lease).await.unwrap();
    assert_eq!(bench.store.request_cancel(id, "stop").await.unwrap(), JobState::Publishing);
    assert_eq!(bench.store.confirm(&commit.lease, "1").await.unwrap(), Some(JobState::Cancelled));
    assert_eq!(bench.store.effects(id).await.unwrap()[1].state, EffectState::Dropped);
}
